//! The report reference (`docs/report.md`) is what `simlab reference report` prints, and the other
//! outputs have such a page, too.

use std::fs;

use serde_json::Value;

use super::program::simlab;
use super::tidy::root;

#[test]
fn the_committed_report_reference_is_what_the_program_prints() {
    let committed = fs::read_to_string(root().join("docs/report.md")).unwrap();
    let printed = simlab(&["reference", "report"]).well();
    let differs = committed.lines().zip(printed.lines()).find(|(old, new)| old != new);
    assert!(
        committed == printed,
        "docs/report.md is old; renew it: cargo run -- reference report > docs/report.md\n{differs:#?}"
    );
}

/// The names of all fields in a schema.
fn names<'s>(schema: &'s Value, found: &mut Vec<&'s String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                found.extend(properties.keys());
            }
            object.values().for_each(|value| names(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, found)),
        _ => {}
    }
}

#[test]
fn the_page_of_an_output_has_a_row_with_a_meaning_for_every_field() {
    for (of, least) in [
        ("report", 150),
        ("power", 80),
        ("plan", 30),
        ("estimate", 20),
        ("calibrate", 10),
        ("calibrate-traces", 15),
        ("list", 2),
    ] {
        let page = simlab(&["reference", of]).well();
        let schema = simlab(&["reference", of, "--format", "json"]).json();
        let mut fields = Vec::new();
        names(&schema, &mut fields);
        assert!(fields.len() >= least, "{of}: {}", fields.len());
        // The kinds of a posterior are in the row of the posterior.
        for field in
            fields.iter().filter(|name| !["beta", "normal", "student"].contains(&name.as_str()))
        {
            assert!(page.contains(&format!("\n| `{field}` | ")), "{of}: no row of {field}");
        }
        for row in page.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.split(" | ").collect();
            assert!(cells.len() == 3 && cells[2].len() > 4, "{of}: {row}");
        }
    }
}

#[test]
fn an_output_is_described_under_the_name_of_each_command_that_prints_it() {
    let report = simlab(&["reference", "report"]).well();
    for command in ["run", "analyze", "replay"] {
        assert_eq!(simlab(&["reference", command]).well(), report);
    }
}
