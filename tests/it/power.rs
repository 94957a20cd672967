//! `simlab power`: the same numbers however they are spread, equal to single runs, held against
//! what is known.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use simlab::power::{merge, read_part};

use crate::lab::{self, Lab};
use crate::program::{folder, pinned, simlab, simlab_in};

/// Small enough for a test: the truth comes from few users.
const SMALL: [&str; 6] = ["--truth-users", "3000", "--users", "60,120", "--quiet", "--looks"];

fn power(scenario: &str, more: &[&str]) -> Value {
    simlab(&[&["power", scenario, "--format", "json"], SMALL.as_slice(), &["4"], more].concat())
        .json()
}

fn number(value: &Value) -> f64 {
    value["value"].as_f64().unwrap()
}

#[test]
fn neither_threads_nor_shards_nor_resuming_change_a_byte() {
    let folder = folder("power-shards");
    let ask = |more: &[&str]| {
        let asked = [
            &["power", "tutorial", "--replications", "12", "--format", "json"],
            SMALL.as_slice(),
            &["3"],
            more,
        ]
        .concat();
        let ran = simlab(&asked);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    let whole = ask(&["--jobs", "1"]);
    assert_eq!(ask(&["--jobs", "5"]), whole);

    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    for shard in ["1/3", "2/3", "3/3"] {
        let part: Value = serde_json::from_str(&ask(&[
            "--shard",
            shard,
            "--out",
            &file(&format!("part{}.json", &shard[..1])),
        ]))
        .unwrap();
        assert_eq!(part["replications"], 4);
        let told = part["warnings"].as_array().unwrap();
        assert!(
            told.iter()
                .any(|told| told.as_str().unwrap().starts_with("4 of 12 replications are done")),
            "{part}"
        );
    }
    let merged = [
        "power",
        "--format",
        "json",
        "--merge",
        &file("part3.json"),
        &file("part1.json"),
        &file("part2.json"),
    ];
    assert_eq!(simlab(&merged).well(), whole);

    // Seven replications now, the other five later.
    let few = simlab(
        &[
            &["power", "tutorial", "--replications", "7", "--out", &file("few.json")],
            SMALL.as_slice(),
            &["3"],
        ]
        .concat(),
    );
    assert_eq!(
        (few.code, few.err.as_str()),
        (0, format!("7 replications are in {}\n", file("few.json")).as_str())
    );
    assert_eq!(ask(&["--resume", &file("few.json")]), whole);
    assert_eq!(simlab(&["power", "--format", "json", "--merge", &file("few.json")]).well(), whole);
}

#[test]
fn a_replication_is_the_run_of_its_seed() {
    let found = power("security", &["--replications", "3", "--users", "120"]);
    for (nth, example) in found["experiments"][0]["examples"].as_array().unwrap().iter().enumerate()
    {
        let seed = example["seed"].to_string();
        let run =
            simlab(&["run", "security", "--users", "120", "--seed", &seed, "--format", "json"])
                .json();
        assert_eq!(
            run["experiments"][0]["verdict"]["decision"], example["decision"],
            "example {nth}"
        );
        assert_eq!(run["seed"].to_string(), seed);
    }
    let cost = found["experiments"][0]["sizes"][0]["cost_usd"]["value"].as_f64().unwrap();
    assert!(cost > 0.5 && cost < 5.0, "{cost}");
}

#[test]
fn without_an_effect_the_arms_are_equal_and_a_rule_that_asks_for_more_ships_falsely() {
    let found = power("security", &["--aa", "--replications", "20"]);
    let study = &found["experiments"][0];
    for metric in study["truth"].as_array().unwrap() {
        assert_eq!(
            metric["control"], metric["treatment"],
            "the same users with the same luck: {metric}"
        );
    }
    assert_eq!(study["truly_better"], Value::Null);
    for size in study["sizes"].as_array().unwrap() {
        // The rule of this scenario asks to be sure which arm is cheaper: on equal arms it never is.
        assert_eq!(study["decision_at_truth"], "need_more_data");
        assert_eq!(size["false_ship"], size["decisions"]["ship"]);
        assert_eq!(number(&size["regret"]), 0.0);
    }
}

/// A plain A/B rule on one rate: the case of the peeking table.
fn plain_rule(folder: &std::path::Path) -> String {
    let keep = r#"keep_when: Confident(metric: "positive_feedback_rate", that: ControlBetter, probability: 0.9),"#;
    let beats = r#"Beats(metric: "positive_feedback_rate", probability: 0.9)"#;
    other_rule(folder, beats, keep)
}

/// The security scenario with a rule that ships when `beats` holds.
fn other_rule(folder: &std::path::Path, beats: &str, keep: &str) -> String {
    let text = Lab::of("security").into_text();
    let start = text.find("            // The tutorial's rule, in its own reading").unwrap();
    let end = start + text[start..].find("            ),\n        ),").unwrap();
    let rule = format!(
        "            decision: (\n                ship: \"strict-security\",\n                when: {beats},\n                {keep}\n"
    );
    let text = format!("{}{rule}{}", &text[..start], &text[end..]);
    let path = folder.join("plain.ron");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_ship_is_right_where_the_rule_would_ship_on_the_true_effect() {
    let folder = folder("power-false-ship");
    let sizes = |beats: &str, more: &[&str]| {
        let own = other_rule(&folder, beats, "");
        let found = power(&own, &[&["--replications", "20", "--users", "1200"], more].concat());
        let study = found["experiments"][0].clone();
        (study["sizes"].as_array().unwrap().last().unwrap().clone(), study)
    };
    // Truly faster by a third, and truly worse on the primary metric: the rule asks for the first.
    let faster = r#"Beats(metric: "p95_total_user_latency", probability: 0.9)"#;
    let (size, study) = sizes(faster, &[]);
    assert_eq!(study["decision_at_truth"], "ship");
    assert_eq!(study["truly_better"], "basic-security");
    assert!(number(&size["decisions"]["ship"]) > 0.5, "{size}");
    assert_eq!(number(&size["false_ship"]), 0.0);
    assert_eq!(number(&size["peeking"]["false_ship"]), 0.0);
    // A rule that would not ship on the true effect ships falsely whenever it ships.
    let liked = r#"Beats(metric: "positive_feedback_rate", probability: 0.5)"#;
    let (size, study) = sizes(liked, &[]);
    assert_ne!(study["decision_at_truth"], "ship");
    assert!(number(&size["decisions"]["ship"]) > 0.0, "{size}");
    assert_eq!(size["false_ship"], size["decisions"]["ship"]);
    // Without an effect, every ship is false, also that of the rule that was right before.
    let (size, study) = sizes(faster, &["--aa"]);
    assert_ne!(study["decision_at_truth"], "ship");
    assert!(number(&size["peeking"]["decisions"]["ship"]) > 0.0, "{size}");
    assert_eq!(size["false_ship"], size["decisions"]["ship"]);
    assert_eq!(size["peeking"]["false_ship"], size["peeking"]["decisions"]["ship"]);
}

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn looking_often_inflates_errors_as_much_as_is_known() {
    let folder = folder("power-peeking");
    let plain = plain_rule(&folder);
    let asked = [
        "--aa",
        "--replications",
        "400",
        "--truth-users",
        "1000",
        "--users",
        "400",
        "--looks",
        "10",
        "--quiet",
        "--format",
        "json",
    ];
    let found = simlab(&[&["power", &plain], asked.as_slice()].concat()).json();
    let size = &found["experiments"][0]["sizes"][0];
    let once = number(&size["decisions"]["ship"]) + number(&size["decisions"]["keep"]);
    let peeking = &size["peeking"];
    let often = number(&peeking["decisions"]["ship"]) + number(&peeking["decisions"]["keep"]);
    // With flat priors 20% and 58% (facts on peeking); the expectation that treatments differ
    // little makes it less, at few users most of all. Monte Carlo error is 2 points.
    assert!((0.08..=0.24).contains(&once), "{once}");
    assert!(often > 1.8 * once && often < 0.65, "{often} against {once}");
    assert!(
        number(&peeking["users"]) < 400.0 && number(&peeking["taken_back"]) > 0.05,
        "{peeking}"
    );
}

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn an_a_a_test_of_each_built_in_graph_holds_its_error() {
    for system in lab::own_graphs() {
        let asked = [
            "power",
            system,
            "--aa",
            "--replications",
            "200",
            "--users",
            "600",
            "--truth-users",
            "500",
            "--quiet",
            "--format",
            "json",
        ];
        let found = simlab(&asked).json();
        for covered in found["experiments"][0]["sizes"][0]["coverage"].as_array().unwrap() {
            // 90% intervals of a difference that is zero: less three standard errors of 200 runs.
            let share = number(&covered["relative_difference"]);
            assert!(share >= 0.9 - 3.0 * 0.0212, "{system} {covered}");
        }
    }
}

#[test]
fn a_search_finds_the_users_or_says_that_there_are_none() {
    let folder = folder("power-search");
    let plain = plain_rule(&folder);
    let search = |share: &str, verdict: &str, most: &str| {
        let asked = [
            "--target",
            share,
            "--verdict",
            verdict,
            "--most-users",
            most,
            "--replications",
            "40",
            "--truth-users",
            "500",
            "--quiet",
        ];
        simlab(&[&["power", &plain, "--format", "json"], asked.as_slice()].concat()).json()["target"].clone()
    };
    let none = search("95%", "ship", "200");
    assert_eq!(none["users"], Value::Null, "{none}");
    // Without an effect worth the name, either verdict comes by luck.
    let some = search("8%", "keep", "2727");
    let users = some["users"].as_u64().unwrap();
    assert!((2..=2727).contains(&users), "{some}");
    let tried = some["tried"].as_array().unwrap();
    let first = tried.iter().find(|tried| number(&tried[1]) >= 0.08).unwrap();
    assert_eq!(first[0].as_u64(), Some(users));
    let costs = some["tried_cost_usd"].as_array().unwrap();
    let at = tried.iter().position(|tried| tried[0].as_u64() == Some(users)).unwrap();
    assert_eq!((some["cost_usd"].clone(), costs.len()), (costs[at].clone(), tried.len()));
}

#[test]
fn a_part_with_other_looks_or_with_letters_that_are_no_decision_is_refused() {
    let folder = folder("power-looks");
    let part = |shard: &str| {
        let out = folder.join(format!("{}.json", &shard[..1]));
        let small = [
            "power",
            "security",
            "--truth-users",
            "500",
            "--users",
            "40",
            "--looks",
            "2",
            "--replications",
            "2",
            "--quiet",
        ];
        let ran = simlab(
            &[small.as_slice(), &["--shard", shard, "--out", out.to_str().unwrap()]].concat(),
        );
        assert_eq!(ran.code, 0, "{}", ran.err);
        read_part(&fs::read_to_string(out).unwrap()).unwrap()
    };
    let (first, mut longer) = (part("1/2"), part("2/2"));
    // Sound by itself: a look more, and a decision at it.
    longer.header.looks[0].push(50);
    longer
        .done
        .iter_mut()
        .flat_map(|own| &mut own.studies)
        .flatten()
        .for_each(|own| own.looks.push('n'));
    let longer = read_part(&longer.to_json().unwrap()).unwrap();
    let (nth, reason) = merge(vec![first.clone(), longer]).unwrap_err();
    assert_eq!(
        (nth, reason.as_str()),
        (
            1,
            "it answers for another question (users, looks, seed, --aa or --full) than the first part"
        )
    );
    let mut odd = first;
    odd.done
        .iter_mut()
        .flat_map(|own| &mut own.studies)
        .flatten()
        .for_each(|own| own.looks = "sx".to_owned());
    assert_eq!(
        read_part(&odd.to_json().unwrap()).unwrap_err(),
        "its replications do not fit its question"
    );
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let folder = folder("power-refused");
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let save = |name: &str, more: &[&str]| {
        let small = [
            "power",
            "security",
            "--truth-users",
            "500",
            "--users",
            "40",
            "--looks",
            "1",
            "--replications",
            "2",
            "--quiet",
        ];
        let out = file(name);
        let ran = simlab(&[small.as_slice(), &["--out", &out], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
    };
    save("one.json", &[]);
    save("other.json", &["--seed", "7"]);
    fs::write(file("broken.json"), "{\"schema\": 1}").unwrap();
    let refused = |arguments: &[&str]| {
        let ran = simlab_in(&folder, arguments);
        assert_eq!(ran.out, "");
        (ran.code, ran.err)
    };
    let (code, error) = refused(&["power", "--merge", "one.json", "other.json"]);
    assert!(
        code == 3
            && error.contains("another question (users, looks, seed, --aa or")
            && error.contains("other.json"),
        "{error}"
    );
    // A threshold of 5, and a truth that somebody has written.
    let one = fs::read_to_string(file("one.json")).unwrap();
    for (from, to) in [
        ("\"threshold\":0.", "\"threshold\":5."),
        ("\"truth\":[{", "\"truth\":[{\"mine\":1,"),
        ("\"done\":[{", "\"done\": [{"),
    ] {
        assert!(one.contains(from), "{from}");
        fs::write(file("edited.json"), one.replacen(from, to, 1)).unwrap();
        let (code, error) = refused(&["power", "--merge", "edited.json"]);
        assert!(code == 3 && error.contains("checksum does not fit"), "{from}: {error}");
    }
    let (code, error) = refused(&["power", "--merge", "broken.json"]);
    assert!(code == 3 && error.contains("is a JSON file, not saved replications"), "{error}");
    let (code, error) = refused(&["power", "--merge", "none.json"]);
    assert!(code == 3 && error.contains("there is no file"), "{error}");
    let (code, error) = refused(&["power", "securty"]);
    assert!(code == 3 && error.contains("did you mean `security`?"), "{error}");
    for usage in [
        ["security", "--shard", "4/3", "--out", "x"].as_slice(),
        &["security", "--shard", "1/3"],
        &["security", "--users", "0"],
        &["security", "--target", "120%"],
        &["security", "--replications", "0"],
        &["security", "--jobs", "0"],
        &[],
    ] {
        let (code, error) = refused(&[&["power"], usage].concat());
        assert!(code == 2 && error.starts_with("error:"), "{usage:?}: {error}");
    }
}

/// Power of a short scenario, with more replications than anybody waits for.
fn endless(out: &std::path::Path) -> std::process::Child {
    let asked = [
        "--replications",
        "1000000",
        "--truth-users",
        "200",
        "--users",
        "20",
        "--looks",
        "1",
        "--format",
        "json",
    ];
    Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["power", "security"])
        .args(asked)
        .args(["--out", out.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn an_interruption_prints_and_saves_what_is_done() {
    let folder = folder("power-interrupted");
    // What a person, and what a batch system sends.
    for signal in ["-INT", "-TERM"] {
        let out = folder.join(format!("done{signal}.json"));
        let mut child = endless(&out);
        std::thread::sleep(Duration::from_millis(2500));
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let mut text = String::new();
        std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        let found: Value = serde_json::from_str(&text).unwrap();
        let done = found["replications"].as_u64().unwrap();
        assert!(done > 0 && done < 1_000_000, "{done}");
        let saved: Value = serde_json::from_str(&fs::read_to_string(&out).unwrap()).unwrap();
        assert_eq!(saved["done"].as_array().unwrap().len() as u64, done);
    }
}

#[test]
fn what_is_done_is_saved_every_few_seconds() {
    let out = folder("power-saved").join("done.json");
    let mut child = endless(&out);
    let start = std::time::Instant::now();
    while !out.exists() && start.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(50));
    }
    // Nobody can save anything now.
    child.kill().unwrap();
    child.wait().unwrap();
    let saved: Value = serde_json::from_str(&fs::read_to_string(&out).unwrap()).unwrap();
    assert!(!saved["done"].as_array().unwrap().is_empty());
}

#[test]
fn the_operating_characteristics_read_as_pinned() {
    let asked = [
        "--truth-users",
        "5000",
        "--users",
        "300,600",
        "--looks",
        "5",
        "--replications",
        "40",
        "--quiet",
    ];
    pinned(
        "power-security.text",
        &simlab(&[&["power", "security"], asked.as_slice()].concat()).well(),
    );
    pinned(
        "power-security.markdown",
        &simlab(&[&["power", "security", "--format", "markdown"], asked.as_slice()].concat())
            .well(),
    );
}
