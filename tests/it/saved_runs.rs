//! What `run --out` leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::program::{folder, simlab};

#[test]
fn a_saved_run_has_its_report_its_events_its_scenario_and_what_was_said() {
    let folder = folder("saved");
    let out = folder.to_str().unwrap();
    let arguments = ["run", "security", "--users", "60", "--format", "json", "--quiet"];
    let plain = simlab(&arguments).well();
    let saved =
        simlab(&[arguments.as_slice(), &["--out", out, "--transcript", "20"]].concat()).well();
    assert_eq!(saved, plain, "whoever listens changes nothing");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("report.json"), plain);
    assert_eq!(read("scenario.ron"), simlab(&["new", "security"]).well());

    let lines: Vec<Value> =
        read("transcript.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let users: BTreeSet<u64> = lines.iter().filter_map(|line| line["user"].as_u64()).collect();
    assert_eq!(users, (1..=20).collect());
    assert_eq!(lines[0]["caller"], "topics");
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &lines {
        *calls.entry(line["caller"].as_str().unwrap()).or_default() += 1;
        let answered = line["answered"].as_str().map(str::len);
        assert_eq!(line["failed"].is_string(), answered.is_none(), "{line}");
        assert!(
            answered.is_none_or(|length| length > 0) && line["latency_ms"].as_f64().unwrap() > 0.0,
            "{line}"
        );
    }
    assert!(
        calls["supervisor"] >= 20 && calls["security"] >= 18 && calls["support"] >= 20,
        "{calls:?}"
    );
    // A user's question goes to the supervisor as it was written.
    let of = |user: u64, caller: &str| {
        lines.iter().find(|line| line["user"] == user && line["caller"] == caller).unwrap()
    };
    for user in 1..=20 {
        let (written, asked) =
            (&of(user, "writer")["answered"], &of(user, "supervisor")["asked"][0]["text"]);
        assert!(written.is_null() || written == asked, "user {user}: {written} and {asked}");
    }
}
