//! A file that is given by mistake is named, with the command that takes it.

use std::fs;
use std::io::Write;

use super::program::{folder, simlab, simlab_in};

/// What is said of a file, on one line.
fn said(folder: &std::path::Path, command: &str, name: &str) -> String {
    let ran = simlab_in(folder, &[command, name]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{command} {name}: {}", ran.err);
    ran.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

#[test]
fn other_kinds_of_files_are_named_with_the_right_command() {
    let place = folder("other-files");
    let write = |name: &str, bytes: &[u8]| fs::write(place.join(name), bytes).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(b"{\"kind\": \"custom\"}\n").unwrap();
    let program = fs::read(env!("CARGO_BIN_EXE_simlab")).unwrap();
    write("packed.gz", &packed.finish().unwrap());
    write("table.csv", b"user,arm,cost\nu1,a,0.5\nu2,b,0.7\n");
    write("table.tsv", b"user\tarm\tcost\nu1\ta\t0.5\n");
    write("settings.yaml", b"# settings\nseed: 18\ntraffic:\n  users: 200\n");
    write("settings.toml", b"[traffic]\nusers = 200\n");
    write("settings.json", b"{\n  \"seed\": 18\n}\n");
    write("users.parquet", b"PAR1\x15\x04\x15\x10\x00\x00PAR1");
    write("paper.pdf", b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n");
    write("program", &program[..4096]);
    write("run.sh", b"#!/bin/sh\necho hello\n");
    write("page.html", b"<!DOCTYPE html>\n<html><body>hello</body></html>\n");
    write("wide.ron", b"\xff\xfe(\x00)\x00");
    let named = [
        (
            "packed.gz",
            "a gzip archive",
            "unpack it first: gunzip --keep packed.gz",
            "unpack it first: gunzip --keep packed.gz",
        ),
        ("table.csv", "a CSV table", "simlab analyze table.csv", ""),
        ("table.tsv", "a TSV table", "simlab analyze table.tsv", ""),
        ("settings.yaml", "a YAML file", "simlab new security my.ron", "summary statistics"),
        ("settings.toml", "a TOML file", "simlab new security my.ron", "summary statistics"),
        ("users.parquet", "a Parquet file", "simlab analyze users.parquet", ""),
        ("paper.pdf", "a PDF document", "simlab new security my.ron", "summary statistics"),
        ("program", "an executable", "simlab new security my.ron", "summary statistics"),
        ("run.sh", "a script", "simlab new security my.ron", "summary statistics"),
        ("page.html", "an HTML page", "simlab new security my.ron", "summary statistics"),
        (
            "wide.ron",
            "a text in UTF-16 (save it as UTF-8)",
            "simlab new security my.ron",
            "summary statistics",
        ),
    ];
    for (name, kind, for_scenario, for_data) in named {
        for command in ["run", "check", "power", "estimate"] {
            let message = said(&place, command, name);
            assert!(
                message.contains(&format!("`{name}` is {kind}, not a scenario"))
                    && message.contains(for_scenario),
                "{command}: {message}"
            );
        }
        if name == "users.parquet" {
            // The mark of Parquet, and nothing else.
            assert!(said(&place, "analyze", name).contains("cannot be read as Parquet"));
            continue;
        }
        if name.starts_with("table") {
            // Shown with the columns, and what to ask; `tables.rs` has more.
            let ran = simlab_in(&place, &["analyze", name]);
            assert!(
                ran.code == 2
                    && ran.err.contains("1 rows, 3 columns")
                        | ran.err.contains("2 rows, 3 columns"),
                "{}",
                ran.err
            );
            continue;
        }
        let message = said(&place, "analyze", name);
        assert!(
            message.contains(&format!("`{name}` is {kind}, not a table"))
                && message.contains(for_data),
            "{message}"
        );
    }
    assert!(
        said(&place, "check", "settings.json")
            .contains("`settings.json` is a JSON file, not a scenario")
    );
}

#[test]
fn a_file_of_another_command_is_sent_there() {
    let place = folder("other-commands");
    let ran = simlab_in(&place, &["run", "security", "--users", "20", "--quiet", "--out", "saved"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let part = [
        "power",
        "security",
        "--users",
        "20",
        "--replications",
        "2",
        "--truth-users",
        "200",
        "--quiet",
        "--out",
        "part.json",
    ];
    assert_eq!(simlab_in(&place, &part).code, 0);
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/published/security.ron");
    fs::copy(table, place.join("sums.ron")).unwrap();
    fs::write(place.join("recording.jsonl"), "{\"run\": {\"schema\": \"simlab.recording/1\"}}\n")
        .unwrap();
    for (command, file, kind, instead) in [
        (
            "check",
            "saved/report.json",
            "a saved report of simlab",
            "simlab report saved/report.json",
        ),
        (
            "run",
            "saved/events.jsonl",
            "a file of recorded events",
            "simlab analyze saved/events.jsonl",
        ),
        ("run", "sums.ron", "a file of summary statistics", "simlab analyze sums.ron"),
        ("run", "part.json", "a file of saved replications", "simlab power --merge part.json"),
        ("run", "recording.jsonl", "a recording of a live run", "simlab replay recording.jsonl"),
        ("analyze", "saved/scenario.ron", "a scenario", "simlab run saved/scenario.ron"),
        (
            "analyze",
            "saved/report.json",
            "a saved report of simlab",
            "simlab report saved/report.json",
        ),
        (
            "analyze",
            "saved/transcript.jsonl",
            "a transcript of a run",
            "events.jsonl in the same folder",
        ),
        ("report", "part.json", "a file of saved replications", "simlab power --merge part.json"),
        (
            "replay",
            "saved/events.jsonl",
            "a file of recorded events",
            "simlab analyze saved/events.jsonl",
        ),
        ("calibrate", "saved/scenario.ron", "a scenario", "simlab run saved/scenario.ron"),
    ] {
        let message = said(&place, command, file);
        assert!(
            message.contains(&format!("`{file}` is {kind}, not ")) && message.contains(instead),
            "{command} {file}: {message}"
        );
    }
}

#[test]
fn a_suggested_command_can_be_pasted_where_a_path_has_spaces_and_quotes() {
    let folder = folder("it's quoted");
    let file = folder.join("my own.ron");
    let file = file.to_str().unwrap();
    let quoted = format!("'{}'", file.replace('\'', r"'\''"));
    let wrote = simlab(&["new", "security", file]);
    assert_eq!(wrote.code, 0, "{}", wrote.err);
    assert!(wrote.err.contains(&format!("run it with: simlab run {quoted}")), "{}", wrote.err);
    // Long paths are wrapped.
    let together = |text: &str| text.split_whitespace().collect::<String>();
    let mistaken = simlab(&["report", file]);
    assert_eq!(mistaken.code, 3, "{}", mistaken.err);
    let command = together(&format!("run it: simlab run {quoted}"));
    assert!(together(&mistaken.err).contains(&command), "{}", mistaken.err);
}
