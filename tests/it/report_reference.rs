//! The report reference (`docs/report.md`) has every field that the JSON of a report has, under the
//! path where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::program::{folder, simlab};
use super::tidy::root;

/// The fields of each section of the page: name to whether the field is an object by key.
fn documented() -> BTreeMap<String, BTreeMap<String, bool>> {
    let page = fs::read_to_string(root().join("docs/report.md")).unwrap();
    let mut sections = BTreeMap::new();
    for section in page.split("\n## ").skip(1) {
        let (heading, rest) = section.split_once('\n').unwrap();
        let path = if heading == "The report" { "" } else { heading.trim_matches('`') };
        let row = |line: &str| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let name = cells.next()?.trim_end_matches('`').to_owned();
            Some((name, cells.next()?.contains("by key")))
        };
        sections.insert(path.to_owned(), rest.lines().filter_map(row).collect());
    }
    sections
}

/// Adds every field of a JSON value that the page lacks. `path` is that of the object.
fn compare(
    value: &Value,
    path: &str,
    page: &BTreeMap<String, BTreeMap<String, bool>>,
    met: &mut BTreeSet<String>,
    lacking: &mut BTreeSet<String>,
) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let own = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match page.get(path).and_then(|fields| fields.get(name)) {
                    None => drop(lacking.insert(own)),
                    Some(by_key) => {
                        met.insert(own.clone());
                        // `posterior` has its shape in its row.
                        if !by_key && name != "posterior" {
                            // The same fields as the true effect, for what the measurement
                            // converges to; the same test, always valid.
                            let own = own
                                .replace("measured_limit", "truth")
                                .replace("variations[].sequential", "variations[].frequentist");
                            compare(value, &own, page, met, lacking);
                        }
                    }
                }
            }
        }
        Value::Array(values) => {
            values.iter().for_each(|value| compare(value, &format!("{path}[]"), page, met, lacking))
        }
        _ => (),
    }
}

#[test]
fn the_report_reference_has_every_field_of_a_report() {
    let page = documented();
    let place = folder("report-reference");
    let saved = place.join("saved");
    let small =
        ["--users", "300", "--truth", "--truth-users", "200", "--quiet", "--format", "json"];
    let mut reports: Vec<String> = Vec::new();
    for name in [
        "security",
        "both-at-once",
        "bandit",
        "guarded-rollout",
        "segments",
        "sequential",
        "noisy-metric",
        "lenient-judge",
    ] {
        // So few users need not come out as the lesson says.
        reports.push(simlab(&[&["run", name][..], &small].concat()).out);
    }
    simlab(&["run", "premium", "--users", "60", "--quiet", "--out", saved.to_str().unwrap()])
        .well();
    reports.push(
        simlab(&["analyze", saved.join("events.jsonl").to_str().unwrap(), "--format", "json"])
            .well(),
    );
    reports
        .push(simlab(&["analyze", "scenarios/published/security.ron", "--format", "json"]).well());
    let (mut met, mut lacking) = (BTreeSet::new(), BTreeSet::new());
    for report in &reports {
        compare(&serde_json::from_str(report).unwrap(), "", &page, &mut met, &mut lacking);
    }
    assert_eq!(lacking, BTreeSet::new(), "fields that docs/report.md lacks");
    assert!(met.len() > 120, "{}", met.len());
}

#[test]
fn the_report_reference_has_no_field_that_no_report_has() {
    let files = fs::read_dir(root().join("src/report")).unwrap().map(|entry| entry.unwrap().path());
    let code: String = files
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for (path, fields) in documented() {
        assert!(!fields.is_empty(), "`{path}` has no fields");
        for field in
            fields.keys().filter(|field| !["conversions", "total_value"].contains(&field.as_str()))
        {
            assert!(code.contains(&format!("pub {field}: ")), "{path}: no report has `{field}`");
        }
    }
}
