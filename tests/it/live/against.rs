//! `run --live --against serve`: every step of a live run in one command, with the mock in the same
//! process.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::super::program::{Ran, folder};
use super::super::serve::Served;
use super::program::{KEYS, Site, ran};
use super::session::flawless;

/// The program without any key or address in its environment, and with a proxy that nobody listens
/// at: only requests to this machine can arrive.
fn alone(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simlab"));
    command.args(arguments).current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache"));
    for (key, _) in KEYS {
        command.env_remove(key);
    }
    for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env(proxy, "http://127.0.0.1:1");
    }
    ran(&mut command)
}

/// A text without the breaks of its lines.
fn unbroken(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn report(folder: &Path, run: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join(run).join("report.json")).unwrap())
        .unwrap()
}

#[test]
fn one_command_goes_from_an_empty_account_to_a_report_that_says_that_nothing_was_paid() {
    let folder = folder("against-serve");
    let run = ["run", "security", "--live", "--against", "serve", "--users", "24"];
    let first =
        alone(&folder, &[&run[..], &["--out", "run", "--record", "traffic.jsonl"]].concat());
    assert_eq!(first.code, 0, "{}", first.err);
    for words in [
        "Other side: simlab's mock for Anthropic, OpenAI, Mistral, LaunchDarkly: nothing is paid.",
        "First, one short call to each model proves its key and its parameters, at most $0.",
        "\n  OpenAI gpt-4o: at most $0.0",
        "Budget: $5.00 at most",
        "requests and found nothing wrong with the client",
    ] {
        assert!(first.err.contains(words), "{words}: {}", first.err);
    }
    assert!(!first.err.contains("the real "), "{}", first.err);
    let out = unbroken(&first.out);
    assert!(
        out.contains("no real provider was called, nothing was paid")
            && out.contains("24 of 24 users")
            && out.contains("of at most $5.00 at the scenario's prices, not paid")
            && !out.contains("real providers were called and paid"),
        "{}",
        first.out
    );
    let saved = report(&folder, "run");
    crate::output_schema::fits("report", &saved);
    let side = saved["live"]["other_side"].as_object().unwrap();
    assert!(side.len() == 4 && side.values().all(|which| which == "mock"), "{side:?}");
    // The account was empty: the run's own bootstrap made what the scenario needs.
    let made = saved["bootstrap"].as_array().unwrap();
    assert!(made.len() > 10 && made[0].as_str().unwrap().starts_with("+ project"), "{made:?}");
    assert!(!folder.join("cache").exists(), "vectors of a mock are kept nowhere");
    let again = alone(&folder, &["replay", "traffic.jsonl", "--format", "json"]);
    let again: Value = serde_json::from_str(&again.well()).unwrap();
    assert_eq!(again["fingerprint"], saved["fingerprint"]);
}

#[test]
fn remote_tools_are_asked_at_the_mock_over_mcp() {
    let folder = folder("against-tools");
    let run = ["run", "premium", "--live", "--against", "serve", "--users", "20", "--quiet"];
    let ran = alone(&folder, &[&run[..], &["--max-cost", "90", "--out", "run"]].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let journal = fs::read_to_string(folder.join("run/journal.jsonl")).unwrap();
    let tools: Vec<Value> = journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["tool"].clone())
        .filter(|tool| {
            ["arxiv_search", "semantic_scholar"].contains(&tool["name"].as_str().unwrap_or(""))
        })
        .collect();
    assert!(!tools.is_empty(), "no remote tool was called");
    for tool in &tools {
        assert_eq!(tool["failed"], false, "{tool}");
        let output = tool["output"].as_str().unwrap();
        assert!(output.contains(" results:\n\n["), "{output}");
    }
}

#[test]
fn a_remote_tool_is_asked_at_a_server_of_ones_own() {
    let folder = folder("own-tool");
    let served = Served::start(&["premium"]);
    let sdk_key = served.sdk_key();
    let site = Site { served, folder, sdk_key };
    let at = |key: &str| format!("{key}=http://{}/mcp/{key}", site.served.address);
    let (arxiv, scholar) = (at("arxiv_search"), at("semantic_scholar"));
    let run = ["run", "premium", "--live", "--yes", "--users", "12", "--max-cost", "90", "--quiet"];
    let tools = ["--tool", &arxiv, "--tool", &scholar, "--out", "run"];
    let asked = site.simlab(&[&run[..], &tools[..]].concat());
    assert_eq!((asked.code, asked.err.as_str()), (0, ""));
    let journal = fs::read_to_string(site.path("run/journal.jsonl")).unwrap();
    let papers = journal.lines().filter(|line| line.contains(r#""name":"arxiv_search","query":"#));
    let papers: Vec<&str> = papers.collect();
    assert!(!papers.is_empty() && papers.iter().all(|line| line.contains("arXiv results")));
    let other =
        site.simlab(&["run", "premium", "--live", "--tool", "search_v1=http://127.0.0.1:1"]);
    let words =
        "names no remote tool of the scenario: `search_v1`; it has arxiv_search, semantic_scholar";
    assert!(other.code == 2 && other.err.contains(words), "{}", other.err);
    let open =
        site.simlab(&["run", "premium", "--live", "--tool", "arxiv_search=http://else.example"]);
    assert!(
        open.code == 2 && open.err.contains("expected an address with https://"),
        "{}",
        open.err
    );
}

#[test]
fn a_run_against_the_mock_stops_at_its_budget_and_goes_on_there_and_nowhere_else() {
    let folder = folder("against-budget");
    fs::write(folder.join("my.ron"), flawless()).unwrap();
    let run = ["run", "my.ron", "--live", "--against", "serve", "--users", "40"];
    let short = alone(&folder, &[&run[..], &["--max-cost", "0.4", "--out", "run"]].concat());
    assert_eq!(short.code, 5, "{}", short.err);
    let on = "continue with: simlab run my.ron --live --against serve --resume run --max-cost MORE";
    assert!(short.err.contains(on), "{}", short.err);
    // Each model is proven once in a run, however often that is taken up.
    let proofs = || {
        let journal = fs::read_to_string(folder.join("run/journal.jsonl")).unwrap();
        let proof = r#"{"answered":{"call":{"user":0,"caller":"writer""#;
        journal.lines().filter(|line| line.contains(proof)).count()
    };
    let proven = proofs();
    assert!(proven >= 4, "{proven}");
    assert!(unbroken(&short.out).contains("of at most $0.40 at the scenario's prices, not paid"));

    // The users of the mock are nobody's in the real LaunchDarkly.
    let real = ["run", "my.ron", "--live", "--yes", "--resume", "run"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_simlab"));
    command.args(real).current_dir(&folder).envs(KEYS).env("LD_SDK_KEY", "sdk-planted");
    for provider in ["ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "MISTRAL_BASE_URL"] {
        command.env(provider, "http://127.0.0.1:1");
    }
    let elsewhere = ran(&mut command);
    assert_eq!(elsewhere.code, 2, "{}", elsewhere.err);
    assert!(elsewhere.err.contains("began against a mock on this machine"), "{}", elsewhere.err);

    let whole = alone(&folder, &[&run[..], &["--max-cost", "50", "--resume", "run"]].concat());
    assert_eq!(whole.code, 0, "{}", whole.err);
    assert!(whole.err.contains("This run has spent up to $0."), "{}", whole.err);
    assert_eq!(report(&folder, "run")["live"]["users"], 40);
    assert_eq!(proofs(), proven);
}

#[test]
fn a_dry_run_prints_every_request_as_its_provider_would_get_it_and_sends_none() {
    let folder = folder("dry-run");
    let dry = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simlab"));
        command.args(["run", "security", "--live", "--dry-run", "--users", "4"]).args(more);
        // Keys that are there are not used, and not shown.
        command
            .current_dir(&folder)
            .envs(KEYS)
            .env("MISTRAL_BASE_URL", "https://gateway.example/v1");
        for name in ["ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "LD_BASE_URL", "LD_SDK_KEY"] {
            command.env_remove(name);
        }
        ran(&mut command)
    };
    let first = dry(&[]);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(first.err.contains("none was sent to a provider"), "{}", first.err);
    assert!(first.err.contains("`claude-3-haiku-20240307` was retired"), "{}", first.err);
    for (_, key) in KEYS {
        assert!(!first.out.contains(key) && !first.err.contains(key));
    }
    let mut urls = std::collections::BTreeSet::new();
    for line in first.out.lines() {
        let request: Value = serde_json::from_str(line).unwrap();
        assert_eq!(request["method"], "POST");
        let headers = &request["headers"];
        let key = if headers["x-api-key"].is_null() { "authorization" } else { "x-api-key" };
        assert_eq!(headers[key], "[hidden]", "{line}");
        assert!(headers["x-simlab-user"].is_null() && headers["idempotency-key"].is_null());
        assert!(request["body"]["model"].is_string() || request["body"]["input"].is_array());
        urls.insert(request["url"].as_str().unwrap().to_owned());
    }
    for url in [
        "https://api.anthropic.com/v1/messages",
        "https://api.openai.com/v1/chat/completions",
        "https://gateway.example/v1/chat/completions",
    ] {
        assert!(urls.contains(url), "{url}: {urls:?}");
    }
    // The topics, the proofs, and at least two calls for each user and one for its rating.
    assert!(first.out.lines().count() > 15, "{}", first.out);
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&dry(&["--quiet"]).out), sorted(&first.out));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is kept");
    let refused = alone(&folder, &["run", "security", "--live", "--dry-run", "--out", "run"]);
    assert!(refused.code == 2 && refused.err.contains("cannot be used with"), "{}", refused.err);
}

/// Faults of every kind that a client has to bear, at all that it asks.
const FAULTS: &str = r#"[
    (fault: "rate_limited", on: ["openai"], rate: 0.03, retry_after: "200ms"),
    (fault: "server_error", on: ["openai", "anthropic", "mistral"], rate: 0.05),
    (fault: "overloaded", on: ["anthropic"], rate: 0.05),
    (fault: "cut", on: ["openai", "anthropic"], rate: 0.03),
    (fault: "malformed", on: ["anthropic"], rate: 0.03),
    (fault: "server_error", on: ["events"], rate: 0.2),
    (fault: "cut", on: ["events"], rate: 0.1),
]"#;

#[test]
fn the_mock_finds_nothing_wrong_with_the_live_client_over_many_users_and_faults() {
    let folder = folder("against-faults");
    fs::write(folder.join("my.ron"), flawless()).unwrap();
    fs::write(folder.join("faults.ron"), FAULTS).unwrap();
    let users = std::env::var("SIMLAB_LIVE_USERS").unwrap_or_else(|_| "150".to_owned());
    let run = ["run", "my.ron", "--live", "--against", "serve", "--faults", "faults.ron"];
    let rest = ["--users", &users, "--max-cost", "9000", "--out", "run"];
    let ran = alone(&folder, &[&run[..], &rest[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("found nothing wrong with the client"), "{}", ran.err);
    let live = &report(&folder, "run")["live"];
    assert_eq!(live["users"].as_u64(), users.parse().ok(), "{live}");
    // The faults did strike.
    let kinds: Vec<&str> = live["problems"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|own| own["kind"].as_str())
        .collect();
    for kind in ["rate_limited", "server", "overloaded", "cut"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
}

#[test]
fn faults_belong_to_a_mock_and_a_mock_to_a_live_run() {
    let folder = folder("against-usage");
    for (arguments, code, words) in [
        (&["run", "security", "--against", "serve"][..], 2, "--live"),
        (&["run", "security", "--live", "--faults", "f.ron"], 2, "--against"),
        (&["run", "security", "--live", "--against", "nobody"], 2, "possible values: serve"),
        (&["run", "security", "--live", "--against", "serve", "--faults", "f.ron"], 3, "f.ron"),
    ] {
        let ran = alone(&folder, arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn an_address_that_may_carry_a_key_is_refused_unseen() {
    for arguments in [
        &["run", "security", "--live", "--tool", "x=https://u:s3cret@host/mcp"][..],
        &["run", "security", "--live", "--tool", "x=https://host/mcp?key=s3cret"],
        &["drive", "https://u:s3cret@host/chat"],
        &["serve", "security", "--record", "f", "--upstream", "anthropic=https://u:s3cret@host"],
        &["list", "https://u:s3cret@host"],
        &["serve", "--port", "https://u:s3cret@host"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simlab"));
        let ran = ran(command.args(arguments));
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("https://[hidden]"), "{arguments:?}: {}", ran.err);
        assert!(!ran.err.contains("s3cret") && !ran.out.contains("s3cret"), "{}", ran.err);
    }
}
