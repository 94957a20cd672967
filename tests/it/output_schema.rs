//! The JSON Schemas that `simlab reference` prints: what commands print fits them, and a field that
//! they do not describe does not.

use serde_json::{Value, json};
use simlab::report::to_json;
use simlab::run::{RunOptions, Size, run};
use simlab::scenario::{LESSONS, LIBRARY, load};

use super::program::{folder, simlab};

/// The schema of an output.
fn schema(of: &str) -> Value {
    simlab(&["reference", of, "--format", "json"]).json()
}

/// Fails where an output does not fit its schema.
pub fn fits(of: &str, output: &Value) {
    let validator = jsonschema::validator_for(&schema(of)).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(output)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{of}: {faults:#?}");
}

#[test]
fn the_report_of_every_built_in_scenario_fits_its_schema() {
    let validator = jsonschema::validator_for(&schema("report")).unwrap();
    let check = |names: &[&str]| {
        for name in names {
            let loaded = load(name).unwrap_or_else(|_| panic!("{name}"));
            let options = RunOptions {
                users: Some(200),
                truth: true,
                truth_size: Size::Users(100),
                charts: true,
                ..RunOptions::default()
            };
            let report = run(&loaded.scenario, options).unwrap().report;
            let output: Value = serde_json::from_str(&to_json(&report).unwrap()).unwrap();
            let faults: Vec<String> = validator
                .iter_errors(&output)
                .map(|fault| format!("{name}: {}: {fault}", fault.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{faults:#?}");
        }
    };
    let names: Vec<&str> = LIBRARY.iter().chain(LESSONS).map(|file| file.name).collect();
    assert!(names.len() >= 40, "{}", names.len());
    let (some, others) = names.split_at(names.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| check(some));
        scope.spawn(|| check(others));
    });
}

#[test]
fn the_report_of_recorded_data_fits_its_schema() {
    let saved = folder("output-schema").join("saved");
    let out = saved.to_str().unwrap();
    simlab(&["run", "premium", "--users", "60", "--quiet", "--out", out]).well();
    let events = saved.join("events.jsonl");
    fits("report", &simlab(&["analyze", events.to_str().unwrap(), "--format", "json"]).json());
    let published = "scenarios/published/security.ron";
    fits("analyze", &simlab(&["analyze", published, "--format", "json"]).json());
}

#[test]
fn a_power_analysis_fits_its_schema() {
    let small = ["--quiet", "--format", "json", "--replications", "4", "--truth-users", "100"];
    let sweep = ["power", "security", "--users", "60,120", "--looks", "3"];
    fits("power", &simlab(&[&sweep[..], &small].concat()).json());
    let search = ["power", "security", "--target", "0.8", "--max-users", "100"];
    fits("power", &simlab(&[&search[..], &small].concat()).json());
}

#[test]
fn a_paired_plan_fits_its_schema() {
    let least = ["plan", "--paired", "--lift", "0.1", "--sd-effect", "0.2", "--format", "json"];
    fits("paired-plan", &simlab(&least).json());
    let all =
        ["--sd-answer", "0.2", "--sd-question", "0.4", "--questions", "9", "--users-per-day", "20"];
    fits("paired-plan", &simlab(&[&least[..], &all].concat()).json());
}

#[test]
fn a_plan_fits_its_schema() {
    let rate = ["plan", "--baseline", "62%", "--lift", "3pt", "--format", "json"];
    fits("plan", &simlab(&rate).json());
    let few = ["--check", "--replications", "50", "--quiet"];
    fits("plan", &simlab(&[&rate[..], &few].concat()).json());
    let scenario = ["plan", "security", "--lift", "5%", "--format", "json", "--quiet"];
    fits("plan", &simlab(&scenario).json());
    fits("plan", &simlab(&["plan", "--mean", "4", "--sd", "3", "--format", "json"]).json());
}

#[test]
fn an_estimate_and_the_list_of_scenarios_fit_their_schemas() {
    let estimate = simlab(&["estimate", "security", "--users", "5", "--format", "json"]);
    fits("estimate", &serde_json::from_str(&estimate.out).unwrap());
    fits("list", &simlab(&["list", "--format", "json"]).json());
}

/// Every object in a value, as a path to it.
fn objects(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(path.to_owned());
            for (name, value) in fields {
                objects(
                    value,
                    &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Array(values) => {
            values
                .iter()
                .enumerate()
                .for_each(|(at, value)| objects(value, &format!("{path}/{at}"), found));
        }
        _ => {}
    }
}

#[test]
fn a_field_that_is_not_described_does_not_fit_a_schema() {
    let validator = jsonschema::validator_for(&schema("report")).unwrap();
    let arguments = ["run", "bandit", "--users", "200", "--truth", "--truth-users", "100"];
    let report = simlab(&[&arguments[..], &["--quiet", "--format", "json"]].concat()).out;
    let report: Value = serde_json::from_str(&report).unwrap();
    let mut paths = Vec::new();
    objects(&report, "", &mut paths);
    let mut refused = 0;
    for path in &paths {
        let mut more = report.clone();
        let object = more.pointer_mut(path).unwrap().as_object_mut().unwrap();
        object.insert("not described".to_owned(), json!({ "a": "field" }));
        if validator.is_valid(&more) {
            panic!("{path} takes any field");
        }
        refused += 1;
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn a_schema_says_what_a_field_means_and_what_it_may_be() {
    let schema = schema("report");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["properties"]["schema"]["const"], "simlab.report/1");
    let decision = schema["$defs"]["Decision"].to_string();
    assert!(
        decision.contains("need_more_data") && !decision.contains("NeedMoreData"),
        "{decision}"
    );
    let variation = &schema["$defs"]["Variation"];
    assert!(variation["properties"]["data_mean"]["description"].is_string(), "{variation}");
    // A field that is left out where it does not apply is not required; a field that is null is.
    let required = variation["required"].as_array().unwrap();
    assert!(required.contains(&json!("data_mean")) && !required.contains(&json!("corrected")));
    // Rust's words are not those of JSON.
    for of in [
        "report",
        "power",
        "plan",
        "paired-plan",
        "estimate",
        "calibrate",
        "calibrate-traces",
        "list",
    ] {
        let text = self::schema(of).to_string();
        assert!(!text.contains("`None`") && !text.contains("uint"), "{of}");
    }
}
