//! The scenario reference: the committed page is what the program prints, and it has whatever
//! scenarios use.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::program::simlab;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_committed_page_is_what_the_program_prints() {
    let committed = fs::read_to_string(root().join("scenarios/README.md")).unwrap();
    let printed = simlab(&["reference"]).well();
    let differs = committed.lines().zip(printed.lines()).find(|(old, new)| old != new);
    assert!(
        committed == printed,
        "scenarios/README.md is old; renew it: cargo run -- reference > scenarios/README.md\n{differs:#?}"
    );
}

/// The names that a scenario writes outside of texts and comments: fields before a colon, and the
/// names of choices.
fn names(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut fields, mut choices) = (BTreeSet::new(), BTreeSet::new());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            // No scenario escapes a quote but with a backslash.
            let mut escaped = false;
            let end = rest[1..].find(|c: char| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            end.unwrap() + 2
        } else if first.is_ascii_alphabetic() {
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let name = rest[..end].to_owned();
            if rest[end..].trim_start().starts_with(':') {
                fields.insert(name);
            } else if first.is_ascii_uppercase() {
                choices.insert(name);
            }
            end
        } else {
            first.len_utf8()
        };
        rest = &rest[skipped..];
    }
    (fields, choices)
}

#[test]
fn every_field_that_a_scenario_uses_is_in_the_reference() {
    let page = simlab(&["reference"]).well();
    let mut seen = 0;
    for folder in ["scenarios", "scenarios/lessons"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "ron") {
                continue;
            }
            let (fields, choices) = names(&fs::read_to_string(&path).unwrap());
            for field in &fields {
                assert!(
                    page.contains(&format!("\n| `{field}` | ")),
                    "{}: `{field}` is not in the reference",
                    path.display()
                );
            }
            for choice in &choices {
                let known = page.contains(&format!("\n| `{choice}` | "))
                    || page.contains(&format!("\n| `{choice}("));
                assert!(known, "{}: `{choice}` is not in the reference", path.display());
            }
            assert!(fields.len() > 10 && !choices.is_empty(), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
}

#[test]
fn its_links_lead_somewhere_and_the_schema_is_json() {
    let page = simlab(&["reference"]).well();
    let slug = |heading: &str| {
        let kept: String = heading
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c))
            .collect();
        kept.trim().replace(' ', "-")
    };
    let headings: BTreeSet<String> = page
        .lines()
        .filter_map(|line| Some(slug(line.strip_prefix('#')?.trim_start_matches('#'))))
        .collect();
    for link in page.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        assert!(headings.contains(link), "nothing is called {link}");
    }
    let schema = simlab(&["reference", "--format", "json"]).json();
    assert_eq!(schema["title"], "Scenario");
    assert_eq!(schema["properties"]["traffic"]["$ref"], "#/$defs/Traffic");
    assert_eq!(schema["$defs"]["Traffic"]["properties"]["queries"]["maximum"], 10_000_000);
    assert!(!schema.to_string().contains("null"), "{schema}");
}
