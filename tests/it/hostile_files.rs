//! What the program says of files that are broken or hostile: plain words, and nothing that steers
//! a terminal.

use std::fs;
use std::path::Path;

use simlab::diagnostic::{Diagnostic, SourceText, render};
use simlab::recorded::statistics;
use simlab::scenario::{Documents, LESSONS, LIBRARY, faults_from_json, parse};

use super::program::{folder, simlab};

/// Words of parsers and of the code, none of which a user has to know.
const INTERNALS: [&str; 21] = [
    "identifier",
    "struct",
    "enum",
    "serde",
    "Written",
    "Spanned",
    "Source",
    "RawValue",
    "EOF",
    "deserialize",
    "deserializing",
    "ParseIntError",
    "ParseFloatError",
    "usize",
    "u16",
    "u32",
    "u64",
    "f64",
    "std",
    "newtype",
    "Option",
];
/// The same, of several words.
const PHRASES: [&str; 6] =
    ["invalid digit", "invalid type", "invalid value", "this is none", "unit value", "at line "];

/// Fails where a message about `what` holds a word of the inside.
fn plain(faults: &[Diagnostic], what: &str) {
    for fault in faults {
        let said = std::iter::once(&fault.message)
            .chain(fault.labels.iter().map(|(_, label)| label))
            .chain(&fault.help);
        for text in said {
            // What is quoted is the user's own, or what to write.
            let unquoted: String = text.split('`').step_by(2).collect::<Vec<_>>().join(" … ");
            let unquoted: String = unquoted.split('"').step_by(2).collect::<Vec<_>>().join(" … ");
            let words: Vec<&str> = unquoted.split(|c: char| !c.is_alphanumeric()).collect();
            for word in INTERNALS {
                assert!(!words.contains(&word), "{what}: `{word}`: {text}");
            }
            for phrase in PHRASES {
                assert!(!unquoted.contains(phrase), "{what}: `{phrase}`: {text}");
            }
        }
    }
}

/// The text with the value of each field replaced by each of some others, one at a time.
fn with_wrong_values(text: &str) -> Vec<(String, String)> {
    const VALUES: [&str; 12] = [
        "5",
        "-1.5",
        "1x",
        "\"x\"",
        "\"15%\"",
        "true",
        "Name",
        "Name(1)",
        "[1]",
        "{\"a\": 1}",
        "(a: 1)",
        "'c'",
    ];
    let mut mangled = Vec::new();
    for (at, _) in text.match_indices(": ") {
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let rest = &text[at + 2..];
        let end = rest.find([',', '\n']).unwrap_or(rest.len());
        let value = &rest[..end];
        if text[line..at].contains("//")
            || value.trim().is_empty()
            || value.trim_end().ends_with(['(', '[', '{'])
        {
            continue;
        }
        for (nth, wrong) in VALUES.iter().enumerate() {
            // Not each with each: the kinds of fields repeat.
            if (nth + at) % 4 == 0 {
                mangled.push((
                    format!("{} {wrong}", &text[line..at]),
                    format!("{}{wrong}{}", &text[..at + 2], &rest[end..]),
                ));
            }
        }
    }
    mangled
}

/// The text cut off, and with one character left out or put in, at places all over it.
fn mangled(text: &str) -> Vec<(String, String)> {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let mut all = Vec::new();
    for &at in places.iter().step_by(places.len() / 30 + 1) {
        let next = at + text[at..].chars().next().map_or(0, char::len_utf8);
        all.push((format!("cut at {at}"), text[..at].to_owned()));
        all.push((format!("without {at}"), format!("{}{}", &text[..at], &text[next..])));
        for more in ["(", "\"", ",", "\\", "0x", "\u{1b}"] {
            all.push((
                format!("{more:?} at {at}"),
                format!("{}{more}{}", &text[..at], &text[at..]),
            ));
        }
    }
    all
}

/// A small knowledge base: the built-in one takes long to read.
fn documents(_: &str) -> Documents {
    Ok((0..20)
        .map(|n| {
            (format!("{n}.md"), format!("# Topic number {n}\n\nSome words about topic {n}.\n"))
        })
        .collect())
}

#[test]
fn broken_files_are_spoken_of_in_plain_words() {
    let mut refused = 0;
    let mut hold = |what: &str, faults: Vec<Diagnostic>| {
        refused += usize::from(!faults.is_empty());
        plain(&faults, what);
        let drawn = render(&faults, false);
        assert!(
            !drawn.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')),
            "{what}: {drawn:?}"
        );
    };
    // The tutorial's two experiments, and lessons with what these lack: rollouts, bandits, faults,
    // judges, segments, budgets.
    let lessons = [
        "bandit",
        "guarded-rollout",
        "broken-rollout",
        "order-judge",
        "segments",
        "session-budget",
        "fails-open",
        "novelty",
    ];
    let files = LIBRARY.iter().filter(|built_in| ["security", "premium"].contains(&built_in.name));
    for built_in in files.chain(LESSONS.iter().filter(|built_in| lessons.contains(&built_in.name)))
    {
        // The fields that all files share are wrong once in each of their ways in the first.
        let step = if built_in.name == "security" { 1 } else { 16 };
        for (what, text) in
            with_wrong_values(built_in.text).into_iter().chain(mangled(built_in.text)).step_by(step)
        {
            let faults =
                parse("my", SourceText::new("my.ron", text), &documents).err().unwrap_or_default();
            hold(&format!("{}: {what}", built_in.name), faults);
        }
    }
    let sums = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/published/security.ron"),
    )
    .unwrap();
    for (what, text) in with_wrong_values(&sums).into_iter().chain(mangled(&sums)) {
        hold(
            &format!("sums: {what}"),
            statistics(&SourceText::new("sums.ron", text)).err().unwrap_or_default(),
        );
    }
    assert!(refused > 600, "{refused}");
}

#[test]
fn a_saved_file_that_is_broken_is_spoken_of_in_plain_words() {
    let place = folder("said-json");
    let path = |name: &str| place.join(name).to_str().unwrap().to_owned();
    let words = |err: &str| {
        INTERNALS
            .iter()
            .chain(&PHRASES)
            .find(|word| err.contains(**word) && !["std", "Source"].contains(*word))
            .copied()
    };
    for (name, text) in [
        ("cut.json", "{\"schema\": \"simlab.report/1\", \"scenario\": "),
        ("no.json", "{\"schema\": \"simlab.report/1\", \"scenario\": 5}"),
        ("empty.json", "{\"schema\": \"simlab.report/1\"}"),
        ("not.json", "{\"schema\": \"simlab.report/1\", }"),
    ] {
        fs::write(path(name), text).unwrap();
        for command in [
            vec!["report", name],
            vec!["power", "--merge", name],
            vec!["replay", name],
            vec!["calibrate", name],
        ] {
            let ran = super::program::simlab_in(&place, &command);
            assert_eq!(ran.code, 3, "{command:?}: {}", ran.err);
            assert_eq!(words(&ran.err), None, "{command:?}: {}", ran.err);
        }
    }
}

#[test]
fn text_of_a_scenario_never_steers_a_terminal() {
    let text = LIBRARY[0].text;
    let steer = "\\u{1b}]0;x\\u{7}\\u{9b}2J";
    let mut hostile = text.to_owned();
    let mut taken = 0;
    let places: Vec<usize> = text.match_indices('"').map(|(at, _)| at).step_by(2).collect();
    // From behind, so that the places before it stay.
    for &at in places.iter().rev() {
        let line = &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..at];
        if line.contains("//") || line.contains("knowledge:") {
            continue;
        }
        let one = |text: &str| format!("{}{steer}{}", &text[..=at], &text[at + 1..]);
        match parse("my", SourceText::new("my.ron", one(text)), &documents) {
            Ok(_) => {
                let both = one(&hostile);
                if parse("my", SourceText::new("my.ron", both.clone()), &documents).is_ok() {
                    hostile = both;
                    taken += 1;
                }
            }
            Err(faults) => {
                let drawn = render(&faults, false);
                assert!(
                    !drawn.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')),
                    "{drawn:?}"
                );
            }
        }
    }
    assert!(taken >= 2, "no text took it: {taken}");
    let place = folder("said-hostile");
    let path = place.join("hostile.ron").to_str().unwrap().to_owned();
    fs::write(&path, hostile).unwrap();
    for command in [
        vec!["check", &path],
        vec!["run", &path, "--users", "40"],
        vec!["run", &path, "--users", "40", "--format", "markdown"],
        vec!["run", &path, "--users", "40", "--format", "json"],
        vec!["run", &path, "--users", "40", "--format", "junit"],
        vec!["power", &path, "--users", "40", "--replications", "2", "--truth-users", "200"],
        vec!["estimate", &path, "--users", "20"],
        vec!["bootstrap", &path],
    ] {
        let ran = simlab(&command);
        assert!(ran.code <= 1, "{command:?}: {}", ran.err);
        let both = format!("{}{}", ran.out, ran.err);
        assert!(
            !both.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')),
            "{command:?}: {both:?}"
        );
    }
    // Quotes of a title are quotes in the list.
    let list = simlab(&["list"]).well();
    assert!(list.contains("what \"in a concise way\" is worth") && !list.contains('\\'), "{list}");
}

#[test]
fn broken_fault_lists_are_spoken_of_in_plain_words() {
    let good = r#"{"faults": [{"fault": "slow", "on": ["openai"], "models": ["gpt*"], "rate": 0.5, "next": 3, "burst": 2, "delay": "2s"}]}"#;
    let values = [
        "5",
        "-1.5",
        "\"x\"",
        "true",
        "null",
        "[1]",
        "{\"a\": 1}",
        "1e999",
        "18446744073709551616",
    ];
    let mut texts: Vec<(String, String)> = mangled(good);
    for (at, _) in good.match_indices(": ") {
        let end = at + 2 + good[at + 2..].find([',', '}', ']']).unwrap_or(0);
        texts.extend(values.iter().map(|wrong| {
            (format!("{wrong} at {at}"), format!("{}{wrong}{}", &good[..at + 2], &good[end..]))
        }));
    }
    let mut refused = 0;
    for (what, text) in texts {
        let faults = faults_from_json(text.as_bytes()).err().unwrap_or_default();
        refused += usize::from(!faults.is_empty());
        let faults: Vec<Diagnostic> = faults.into_iter().map(Diagnostic::new).collect();
        plain(&faults, &what);
    }
    assert!(refused > 150, "{refused}");
}

#[test]
fn check_says_which_other_commands_refuse_a_scenario() {
    let out = simlab(&["check", "bandit"]).well();
    assert!(
        out.contains("bandit: ok (")
            && out.contains("bandit: note: `run --live` refuses it: experiment"),
        "{out}"
    );
    assert!(!simlab(&["check", "security"]).well().contains("note:"));
}
