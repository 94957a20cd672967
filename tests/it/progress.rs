//! Whatever takes over a second says how far it is, also where there is no terminal.

use std::process::Command;

use serde_json::Value;

use super::program::{folder, simlab};

/// What a run of the program writes to its outputs, whose lines of progress are kept.
fn told(arguments: &[&str]) -> (String, Vec<String>) {
    let output = Command::new(env!("CARGO_BIN_EXE_simlab")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stderr).unwrap();
    (String::from_utf8(output.stdout).unwrap(), lines.lines().map(str::to_owned).collect())
}

#[test]
fn a_long_run_writes_lines_of_progress_without_a_terminal_and_the_result_stays_the_same() {
    // More users until it takes over a second, whatever the machine.
    for users in ["150000", "1200000", "4800000"] {
        let (out, lines) = told(&["run", "tutorial", "--users", users, "--format", "json"]);
        serde_json::from_str::<Value>(&out).unwrap();
        let Some(line) = lines.first() else { continue };
        assert!(
            line.starts_with("progress: users: ") && line.contains(" of ") && line.contains("%), "),
            "{line}"
        );
        assert!(line.ends_with(" left") || line.ends_with("not known yet"), "{line}");
        let (quiet, none) =
            told(&["run", "tutorial", "--users", users, "--format", "json", "--quiet"]);
        assert_eq!((quiet, none), (out, Vec::new()));
        return;
    }
    panic!("the longest run took less than a second");
}

#[test]
fn power_says_before_it_starts_about_how_long_it_takes() {
    let small = [
        "power",
        "security",
        "--replications",
        "4",
        "--users",
        "40,80",
        "--truth-users",
        "200",
        "--format",
        "json",
    ];
    let (out, lines) = told(&small);
    let first = &lines[0];
    assert!(
        first.starts_with("progress: 4 replications of up to 80 users take about ")
            && first.contains("measured on"),
        "{first}"
    );
    let (quiet, none) = told(&[small.as_slice(), &["--quiet"]].concat());
    assert_eq!((quiet, none), (out, Vec::new()));
}

#[test]
fn a_search_begins_with_few_replications_confirms_with_all_and_prints_dollars() {
    let search = [
        "power",
        "security",
        "--target",
        "50%",
        "--replications",
        "60",
        "--truth-users",
        "200",
        "--max-users",
        "160",
    ];
    let (out, lines) = told(&search);
    assert!(
        lines[0].starts_with(
            "progress: searches with 50 replications, then confirms with 60; at most about "
        ),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("progress: 50 replications of up to ")
            && lines.iter().any(|line| line.starts_with("progress: 60 replications of up to ")),
        "{lines:?}"
    );
    assert!(out.contains("cost of a run") && out.contains('$'), "{out}");

    let found = simlab(&[search.as_slice(), &["--format", "json", "--quiet"]].concat()).json();
    assert_eq!(found["replications"], 60);
    let target = &found["target"];
    let (tried, costs) =
        (target["tried"].as_array().unwrap(), target["tried_cost_usd"].as_array().unwrap());
    assert_eq!(tried.len(), costs.len());
    // More users cost more; the answer's cost is that of its size.
    let dollars: Vec<f64> = costs.iter().map(|cost| cost["value"].as_f64().unwrap()).collect();
    assert!(dollars.windows(2).all(|pair| pair[0] < pair[1]), "{dollars:?}");
    match target["users"].as_u64() {
        Some(users) => {
            let at = tried.iter().position(|tried| tried[0] == users).unwrap();
            assert_eq!(target["cost_usd"], costs[at]);
        }
        None => assert_eq!(target["cost_usd"], Value::Null),
    }
}

#[test]
fn a_folder_never_holds_two_runs() {
    let place = folder("out-twice");
    let out = place.join("results");
    let run = |more: &[&str]| {
        simlab(
            &[
                &["run", "security", "--users", "20", "--quiet", "--out", out.to_str().unwrap()],
                more,
            ]
            .concat(),
        )
    };
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(run(&[]).code, 0);
    let first = (read("report.json"), read("events.jsonl"));
    std::fs::write(out.join("notes.txt"), "mine").unwrap();
    // The second run replaces the first one whole and leaves other files.
    assert_eq!(run(&["--seed", "2"]).code, 0);
    assert!(read("report.json") != first.0 && read("events.jsonl") != first.1);
    assert_eq!(read("notes.txt"), "mine");
    assert_eq!(
        simlab(&["run", "security", "--seed", "2", "--users", "20", "--format", "json"]).out,
        read("report.json")
    );
    // A live run in it stays.
    std::fs::write(out.join("journal.jsonl"), "{}\n").unwrap();
    let refused = run(&[]);
    assert!(refused.code == 3 && refused.err.contains("holds a live run"), "{}", refused.err);
    assert!(read("report.json").contains("\"seed\": 2"));
    // So does a scenario that somebody wrote.
    let own = place.join("own");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("scenario.ron"), "(mine)").unwrap();
    let refused = simlab(&["run", "security", "--users", "20", "--out", own.to_str().unwrap()]);
    assert!(refused.code == 3 && refused.err.contains("another scenario"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(own.join("scenario.ron")).unwrap(), "(mine)");
}
