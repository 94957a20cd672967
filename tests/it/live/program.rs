//! Live runs as a user starts them: the program, keys in its environment, a server on the other
//! side.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use simlab::random::{Owner, Purpose, Seed};

use super::super::program::{Ran, folder, providers_at, simlab_in};
use super::super::serve::Served;
use super::session::flawless;

/// Keys that must never be seen again.
pub const KEYS: [(&str, &str); 6] = [
    ("ANTHROPIC_API_KEY", "sk-ant-planted-4711"),
    ("OPENAI_API_KEY", "sk-planted-openai-4712"),
    ("MISTRAL_API_KEY", "planted-mistral-4713"),
    ("GEMINI_API_KEY", "AIza-planted-4715"),
    ("AWS_BEARER_TOKEN_BEDROCK", "bedrock-planted-4716"),
    ("LD_API_KEY", "api-planted-4714"),
];

/// A server of a scenario without failures, and a folder for runs against it.
pub struct Site {
    pub served: Served,
    pub folder: PathBuf,
    pub sdk_key: String,
}

impl Site {
    pub fn new(name: &str, arguments: &[&str]) -> Self {
        let folder = folder(name);
        fs::write(folder.join("my.ron"), flawless()).unwrap();
        let file = folder.join("my.ron").display().to_string();
        let served = Served::start(&[&[file.as_str()], arguments].concat());
        let sdk_key = served.sdk_key();
        Self { served, folder, sdk_key }
    }

    /// The program in the site's folder, with everything that it needs in its environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simlab"));
        let address = &self.served.address;
        command.args(arguments).current_dir(&self.folder).env_remove("NO_COLOR").envs(KEYS);
        command.env("XDG_CACHE_HOME", self.folder.join("cache"));
        command.env("LD_SDK_KEY", &self.sdk_key).env("LD_BASE_URL", format!("http://{address}"));
        command.envs(providers_at(address));
        command
    }

    pub fn simlab(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

pub fn ran(command: &mut Command) -> Ran {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Ran::new(output)
}

/// A saved report without what depends on how long anything took, and on how the run went.
fn lasting(folder: &Path) -> Value {
    let mut report: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("report.json")).unwrap()).unwrap();
    for field in ["fingerprint", "live", "bootstrap"] {
        report[field] = Value::Null;
    }
    report["traffic"]["virtual_seconds"] = Value::Null;
    for experiment in report["experiments"].as_array_mut().unwrap() {
        experiment["metrics"]
            .as_array_mut()
            .unwrap()
            .retain(|metric| metric["kind"] != "percentile");
        // These two also look at the percentile of latency, which is measured.
        let measured = ["control_near_zero", "prior_data_conflict"].map(Value::from);
        experiment["health"]
            .as_array_mut()
            .unwrap()
            .retain(|check| !measured.contains(&check["check"]));
        experiment["verdict"] = Value::Null;
        experiment["over_time"] = Value::Null;
        experiment["distributions"] = Value::Null;
    }
    report
}

fn lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |text| text.iter().filter(|&&byte| byte == b'\n').count())
}

/// Waits until the journal has so many lines, or the process is over.
fn grown(child: &mut Child, journal: &Path, wanted: usize) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        if lines(journal) >= wanted {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    panic!("nothing happens");
}

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn a_run_killed_fifty_times_ends_like_one_that_was_left_alone_and_pays_nothing_twice() {
    let site = Site::new("live-kill", &["--time-scale", "500"]);
    let arguments = [
        "run",
        "my.ron",
        "--live",
        "--yes",
        "--quiet",
        "--users",
        "30",
        "--max-cost",
        "50",
        "--format",
        "json",
    ];
    assert_eq!(site.simlab(&[&arguments[..], &["--out", "whole"]].concat()).code, 0);
    let calls = |run: &str| {
        let text = fs::read_to_string(site.path(run).join("journal.jsonl")).unwrap();
        let of = |kind: &str| {
            text.lines()
                .filter(|line| line.starts_with(kind))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        (of("{\"asked\""), of("{\"answered\""), of("{\"over\""))
    };
    let (_, answered, _) = calls("whole");
    let journal = site.path("killed").join("journal.jsonl");
    let (mut kills, mut done) = (0_u64, false);
    while !done {
        let how: &[&str] = if kills == 0 { &["--out", "killed"] } else { &["--resume", "killed"] };
        let mut child = site
            .command(&[&arguments[..], how].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let more = 1 + Seed(7).stage(Purpose::Jitter, Owner::NOBODY, kills).below(8);
        let wanted = lines(&journal) + more;
        if kills < 50 && grown(&mut child, &journal, wanted) {
            child.kill().unwrap();
            kills += 1;
            child.wait().unwrap();
            // The k-th time of the same request gets the k-th answer; what was out when it was
            // killed is asked again.
            assert_eq!(site.served.json("POST", "/_simlab/reset", &[], &Value::Null).status, 204);
        } else {
            done = child.wait().unwrap().success();
            assert!(done, "after {kills} kills");
        }
    }
    assert_eq!(kills, 50);
    assert_eq!(lasting(&site.path("killed")), lasting(&site.path("whole")));
    let (asked, again, over) = calls("killed");
    assert_eq!((again.len(), over.len()), (answered.len(), 30), "every call was answered once");
    // What was asked again is what was out when it was killed: no more than there are workers.
    assert!(asked.len() - again.len() <= 50 * 10, "{} {}", asked.len(), again.len());
    let replayed =
        |run: &str| site.simlab(&["replay", &format!("{run}/journal.jsonl"), "--format", "json"]);
    assert_eq!(replayed("killed").code, 0);
    assert_eq!(replayed("killed").out, replayed("killed").out);
}

#[test]
fn the_budget_is_not_exceeded_and_a_larger_one_goes_on_where_it_ended() {
    let site = Site::new("live-budget", &[]);
    let common = ["run", "my.ron", "--live", "--yes", "--quiet", "--users", "60"];
    assert_eq!(
        site.simlab(&[&common[..], &["--max-cost", "50", "--out", "whole"]].concat()).code,
        0
    );
    site.served.json("POST", "/_simlab/reset", &[], &Value::Null);
    let stopped = site.simlab(
        &[&common[..], &["--max-cost", "$0.60", "--out", "short", "--record", "copy.jsonl"]]
            .concat(),
    );
    assert_eq!(stopped.code, 5, "{}", stopped.err);
    assert!(stopped.err.starts_with("stopped: the budget is reached"), "{}", stopped.err);
    assert!(
        stopped.err.contains("simlab run my.ron --live --resume short --max-cost MORE"),
        "{}",
        stopped.err
    );
    assert!(
        stopped.out.contains("of at most $0.60") && stopped.out.contains("stopped early"),
        "{}",
        stopped.out
    );
    let report: Value =
        serde_json::from_str(&fs::read_to_string(site.path("short/report.json")).unwrap()).unwrap();
    crate::output_schema::fits("report", &report);
    let live = &report["live"];
    assert!(
        live["spent_usd"].as_f64().unwrap() <= 0.6 && live["users"].as_u64().unwrap() < 60,
        "{live}"
    );
    // The server counts what it was asked for; nothing of it is missing in what was counted here.
    let spent_there: f64 = fs::read_to_string(site.path("short/journal.jsonl"))
        .unwrap()
        .lines()
        .filter_map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["answered"]["nano_usd"].as_f64()
        })
        .sum();
    assert!((spent_there / 1e9 - live["spent_usd"].as_f64().unwrap()).abs() < 1e-6);

    let more = ["--max-cost", "50", "--resume", "short", "--record", "copy.jsonl"];
    let gone_on = site.simlab(&[&common[..], &more].concat());
    assert_eq!((gone_on.code, gone_on.err.as_str()), (0, ""));
    assert_eq!(lasting(&site.path("short")), lasting(&site.path("whole")));
    assert_eq!(
        fs::read(site.path("copy.jsonl")).unwrap(),
        fs::read(site.path("short/journal.jsonl")).unwrap()
    );

    // The events that were saved give the statistics of the report.
    let analyzed =
        simlab_in(&site.folder, &["analyze", "short/events.jsonl", "--format", "json"]).json();
    let report: Value =
        serde_json::from_str(&fs::read_to_string(site.path("short/report.json")).unwrap()).unwrap();
    for (own, other) in analyzed["experiments"][0]["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .zip(report["experiments"][0]["metrics"].as_array().unwrap())
    {
        for (own, other) in own["variations"]
            .as_array()
            .unwrap()
            .iter()
            .zip(other["variations"].as_array().unwrap())
        {
            assert_eq!(
                (&own["exposures"], &own["conversions"]),
                (&other["exposures"], &other["conversions"])
            );
            let (own, other) =
                (own["data_mean"].as_f64().unwrap(), other["data_mean"].as_f64().unwrap());
            assert!((own - other).abs() <= 2e-3 * other.abs() + 1e-9, "{own} {other}");
        }
    }

    // What is played back is what was reported, byte for byte, without any network and without any
    // key.
    let replay = |file: &str, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simlab"));
        ran(command.args([&["replay", file][..], more].concat()).current_dir(&site.folder))
    };
    let first = replay("copy.jsonl", &["--out", "again"]);
    assert_eq!(replay("short/journal.jsonl", &[]).well(), first.well());
    let of = |folder: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(site.path(folder).join("report.json")).unwrap())
            .unwrap()
    };
    let (lived, played) = (of("short"), of("again"));
    for field in ["experiments", "fingerprint", "traffic", "seed", "scenario"] {
        assert_eq!(lived[field], played[field], "{field}");
    }
    assert_eq!(played["mode"], "replay");

    // Another decision rule may be tried on what was paid for; another question may not.
    let text = fs::read_to_string(site.path("my.ron")).unwrap();
    fs::write(site.path("rule.ron"), text.replace("bound: 0.15", "bound: 0.9")).unwrap();
    assert_eq!(replay("copy.jsonl", &["--scenario", "rule.ron"]).code, 0);
    fs::write(
        site.path("asks.ron"),
        text.replace(
            "queries: 2727,",
            "queries: 2727, instructions: \"Ask about topics in Dutch.\",",
        ),
    )
    .unwrap();
    let other = replay("copy.jsonl", &["--scenario", "asks.ron"]);
    assert_eq!(other.code, 3);
    assert!(
        other.err.contains("user 1, writer, call 1 asks something else than the recording has"),
        "{}",
        other.err
    );
    let mut lines: Vec<String> =
        fs::read_to_string(site.path("copy.jsonl")).unwrap().lines().map(str::to_owned).collect();
    lines.retain(|line| !(line.contains(r#""answered":{"call":{"user":3,"caller":"agent 2""#)));
    // A file whose lines have numbers shows that some are missing; one of an earlier version
    // cannot.
    fs::write(site.path("hole.jsonl"), lines.join("\n") + "\n").unwrap();
    let numbered = replay("hole.jsonl", &[]);
    assert!(numbered.code == 3 && numbered.err.contains("lines are missing"), "{}", numbered.err);
    let bare = |line: &String| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().retain(|key, _| key != "seq" && key != "sum");
        line.to_string() + "\n"
    };
    fs::write(site.path("hole.jsonl"), lines.iter().map(bare).collect::<String>()).unwrap();
    let hole = replay("hole.jsonl", &[]);
    assert_eq!(hole.code, 3);
    let words: Vec<&str> = hole.err.split_whitespace().filter(|word| *word != "│").collect();
    assert!(
        words
            .join(" ")
            .contains("user 3, support, call 1 is not in the recording; nearest is user "),
        "{}",
        hole.err
    );

    // Numbers that cannot be are named, and neither end the program nor keep it busy.
    let all: String = fs::read_to_string(site.path("copy.jsonl"))
        .unwrap()
        .lines()
        .map(|line| bare(&line.to_owned()))
        .collect();
    for (from, to, word) in [
        ("\"users\":60,", "\"users\":4294967295,", "4294967295 users"),
        ("\"variation\":0", "\"variation\":200", "variation 200"),
    ] {
        assert!(all.contains(from), "{from}");
        fs::write(site.path("absurd.jsonl"), all.replace(from, to)).unwrap();
        for arguments in [["replay", "absurd.jsonl"], ["calibrate", "absurd.jsonl"]] {
            let refused = site.simlab(&arguments);
            assert!(
                refused.code == 3 && refused.err.contains(word),
                "{arguments:?}: {}",
                refused.err
            );
        }
    }
}

#[test]
fn nothing_starts_before_everything_is_there_and_agreed_to() {
    let site = Site::new("live-before", &[]);
    let mut bare = site.command(&["run", "my.ron", "--live", "--yes"]);
    for (key, _) in KEYS {
        bare.env_remove(key);
    }
    let bare = ran(bare.env("LD_SDK_KEY", ""));
    assert_eq!((bare.code, bare.out.as_str()), (2, ""));
    for name in
        ["LD_SDK_KEY", "LD_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "MISTRAL_API_KEY"]
    {
        assert!(bare.err.contains(&format!("error: {name} is not set")), "{name}: {}", bare.err);
    }
    // Whose models are not asked needs no key.
    let text = fs::read_to_string(site.path("my.ron")).unwrap();
    fs::write(
        site.path("two.ron"),
        text.replace("model: \"mistral-small-latest\"", "model: \"gpt-4o\""),
    )
    .unwrap();
    let mut two = site.command(&["run", "two.ron", "--live", "--users", "5"]);
    let two = ran(two.env_remove("MISTRAL_API_KEY"));
    assert_eq!((two.code, two.out.as_str()), (2, ""));
    assert!(
        two.err.contains("is expected to cost $")
            && two.err.contains("Budget: $5.00 at most")
            && two.err.contains(
                "Other side: simlab's mock for Anthropic, OpenAI, LaunchDarkly: nothing is paid."
            ),
        "{}",
        two.err
    );
    assert!(
        two.err.ends_with(
            "nothing was created and nothing was spent; add --yes to start without being asked\n"
        ),
        "{}",
        two.err
    );
    assert!(
        fs::read_dir(&site.folder).unwrap().all(|entry| entry.unwrap().path().is_file()),
        "no folder of a run"
    );

    // At their provider's own address, retired models are named with what to use instead, before any
    // key is asked for.
    let mut retired = site.command(&["run", "my.ron", "--live", "--yes"]);
    for (key, _) in KEYS {
        retired.env_remove(key);
    }
    let retired = ran(retired.env_remove("ANTHROPIC_BASE_URL"));
    assert!(!retired.err.contains("is not set"), "{}", retired.err);
    assert_eq!(retired.code, 3);
    assert!(
        retired.err.contains(
            "`claude-3-5-haiku-20241022` was retired on 2026-02-19: use `claude-haiku-4-5-20251001`"
        ),
        "{}",
        retired.err
    );

    for name in ["security", "premium"] {
        let refused = simlab_in(&site.folder, &["run", name, "--live"]);
        let help = format!("simlab new {name} my.ron --models today");
        assert!(refused.code == 3 && refused.err.contains(&help), "{}", refused.err);
        // The copy is held up by nothing but the keys, and runs in simulation.
        let copy = format!("{name}.ron");
        let wrote = simlab_in(&site.folder, &["new", name, &copy, "--models", "today"]);
        assert!(wrote.code == 0 && wrote.err.contains("per million tokens $"), "{}", wrote.err);
        let held_up = simlab_in(&site.folder, &["run", &copy, "--live"]);
        assert!(held_up.code == 2 && held_up.err.contains("is not set"), "{}", held_up.err);
        simlab_in(&site.folder, &["run", &copy, "--users", "50", "--quiet"]).well();
    }

    for (arguments, code, message) in [
        (&["run", "my.ron", "--yes"][..], 2, "--live"),
        (&["run", "my.ron", "--live", "--truth"], 2, "cannot be used with"),
        (&["run", "my.ron", "--live", "--max-cost=-1"], 2, "expected an amount of dollars"),
        (&["run", "my.ron", "--live", "--max-cost=much"], 2, "expected an amount of dollars"),
        (
            &["run", "my.ron", "--live", "--resume", "nowhere"],
            3,
            "name the folder that the run was saved in",
        ),
        (&["replay", "my.ron"], 3, "is a scenario, not a recording"),
        (&["replay", "nowhere.jsonl"], 3, "a recording is what"),
        (&["replay", "."], 3, "a recording is what"),
    ] {
        let ran = site.simlab(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(message), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn a_run_that_is_going_on_or_is_another_one_is_not_taken_up() {
    let site = Site::new("live-other", &[]);
    let common = ["run", "my.ron", "--live", "--yes", "--quiet", "--users", "4"];
    assert_eq!(site.simlab(&[&common[..], &["--out", "one"]].concat()).code, 0);
    let journal = fs::File::open(site.path("one/journal.jsonl")).unwrap();
    journal.lock().unwrap();
    let locked = site.simlab(&[&common[..], &["--resume", "one"]].concat());
    assert!(
        locked.code == 3 && locked.err.contains("another process is running it"),
        "{}",
        locked.err
    );
    drop(journal);
    let twice = site.simlab(&[&common[..], &["--out", "one"]].concat());
    assert!(twice.code == 2 && twice.err.contains("already holds a run"), "{}", twice.err);
    let other = site.simlab(&[
        "run", "my.ron", "--live", "--yes", "--users", "5", "--seed", "3", "--resume", "one",
    ]);
    assert!(
        other.code == 2
            && other.err.contains("the run has 4 users")
            && other.err.contains("the run has seed 18"),
        "{}",
        other.err
    );
    // A run that is over says the same again, and asks nobody.
    let asked = || lines(&site.path("one/journal.jsonl"));
    let before = asked();
    let again = site.simlab(&[&common[..], &["--resume", "one", "--format", "json"]].concat());
    assert_eq!((again.code, again.err.as_str()), (0, ""));
    assert_eq!(serde_json::from_str::<Value>(&again.out).unwrap()["live"]["users"], 4);
    assert_eq!(asked(), before + 1, "nothing but the line that says so");
}

#[test]
fn what_goes_wrong_is_counted_by_kind_and_variation_and_stops_nobody_else() {
    let folder = folder("live-faults-file");
    let file = folder.join("faults.ron");
    fs::write(
        &file,
        r#"[
            (fault: "rate_limited", on: ["openai"], rate: 0.05, retry_after: "100ms"),
            (fault: "server_error", on: ["openai"], rate: 0.15),
            (fault: "overloaded", on: ["anthropic"], rate: 0.1, retry_after: "100ms"),
            (fault: "malformed", on: ["anthropic"], rate: 0.1),
            (fault: "cut", on: ["openai"], rate: 0.05),
        ]"#,
    )
    .unwrap();
    let site = Site::new("live-faults", &["--faults", &file.display().to_string()]);
    let ran = site.simlab(&[
        "run",
        "my.ron",
        "--live",
        "--yes",
        "--quiet",
        "--users",
        "12",
        "--out",
        "run",
        "--format",
        "json",
        "--max-cost",
        "90",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let live = &report["live"];
    assert_eq!(
        (live["users"].as_u64(), live["stopped"].clone()),
        (Some(12), Value::Null),
        "{live}"
    );
    let problems = live["problems"].as_array().unwrap();
    for kind in ["rate_limited", "server", "overloaded", "malformed"] {
        assert!(problems.iter().any(|problem| problem["kind"] == kind), "{kind}: {problems:?}");
    }
    assert!(
        problems.iter().any(|problem| problem["variation"] == "strict-security"),
        "{problems:?}"
    );
    assert_eq!(report["traffic"]["queries"], 12);
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn no_key_is_ever_seen_again_whatever_a_server_sends_back() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // A server that says back whatever key it is given.
    struct Echo(u16);
    impl wiremock::Respond for Echo {
        fn respond(&self, request: &wiremock::Request) -> wiremock::ResponseTemplate {
            let keys: Vec<&str> = ["authorization", "x-api-key"]
                .iter()
                .filter_map(|name| request.headers.get(*name)?.to_str().ok())
                .collect();
            let body = serde_json::json!({ "type": "error", "error": { "type": if self.0 == 403 { "permission_error" } else { "authentication_error" }, "message": format!("bad key {keys:?}") } });
            wiremock::ResponseTemplate::new(self.0).set_body_json(body)
        }
    }
    let site = Site::new("live-secrets", &[]);
    let echo = runtime.block_on(wiremock::MockServer::start());
    for (variable, status, code, message) in [
        ("OPENAI_BASE_URL", 401, 4, "OpenAI does not accept OPENAI_API_KEY"),
        ("OPENAI_BASE_URL", 400, 4, "OpenAI refuses a call of `gpt-4o"),
        ("OPENAI_BASE_URL", 404, 4, "OpenAI has no model `gpt-4o"),
        ("ANTHROPIC_BASE_URL", 403, 4, "Anthropic does not let ANTHROPIC_API_KEY use"),
        ("MISTRAL_BASE_URL", 402, 4, "Mistral: the account is out of credit"),
        ("LD_BASE_URL", 401, 4, "LD_"),
    ] {
        runtime.block_on(async {
            echo.reset().await;
            wiremock::Mock::given(wiremock::matchers::any())
                .respond_with(Echo(status))
                .mount(&echo)
                .await;
        });
        let out = format!("{variable}-{status}");
        let mut command =
            site.command(&["run", "my.ron", "--live", "--yes", "--users", "8", "--out", &out]);
        let ran = ran(command.env(variable, echo.uri()));
        assert_eq!(ran.code, code, "{variable} {status}: {}", ran.err);
        assert!(ran.err.contains(message), "{variable} {status}: {}", ran.err);
        let hidden = |text: &str| {
            KEYS.iter().all(|(_, key)| !text.contains(key)) && !text.contains(&site.sdk_key)
        };
        assert!(
            hidden(&ran.err) && hidden(&ran.out),
            "{variable} {status}: {} {}",
            ran.out,
            ran.err
        );
    }
    assert_eq!(
        site.simlab(&[
            "run",
            "my.ron",
            "--live",
            "--yes",
            "--users",
            "8",
            "--out",
            "well",
            "--record",
            "well.jsonl"
        ])
        .code,
        0
    );
    for file in files(&site.folder) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        for key in KEYS.iter().map(|(_, key)| *key).chain([site.sdk_key.as_str()]) {
            assert!(!text.contains(key), "{} holds a key", file.display());
        }
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_stops_the_run_and_loses_nothing_that_was_written() {
    let site = Site::new("live-full", &[]);
    let common =
        ["run", "my.ron", "--live", "--yes", "--quiet", "--users", "20", "--max-cost", "50"];
    // A limit on the size of files stands for the end of the disk: writing fails, once the signal
    // is ignored.
    let line = format!(
        "trap '' XFSZ; ulimit -f 100; exec {} {} --out full",
        env!("CARGO_BIN_EXE_simlab"),
        common.join(" ")
    );
    let mut shell = site.command(&[]);
    let environment: Vec<(std::ffi::OsString, std::ffi::OsString)> = shell
        .get_envs()
        .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
        .collect();
    shell = Command::new("bash");
    let full = ran(shell.args(["-c", &line]).current_dir(&site.folder).envs(environment));
    assert_eq!(full.code, 4, "{}", full.err);
    assert!(full.err.starts_with("stopped: the journal cannot be written"), "{}", full.err);
    // It ends with a whole line, and none was written behind half of one.
    let checked = site.simlab(&["journal", "check", "full/journal.jsonl"]);
    assert!(
        checked.code == 0 && !checked.out.contains("broke off"),
        "{} {}",
        checked.out,
        checked.err
    );
    let gone_on = site.simlab(&[&common[..], &["--resume", "full", "--format", "json"]].concat());
    assert_eq!(gone_on.code, 0, "{}", gone_on.err);
    assert_eq!(serde_json::from_str::<Value>(&gone_on.out).unwrap()["live"]["users"], 20);
}
