//! `simlab analyze` and `simlab report`: given data in, the same report as a run out.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{folder, pinned, simlab, simlab_in};

/// How near a published figure has to be.
#[derive(Clone, Copy)]
enum Near {
    /// To the last digit shown.
    Digits(usize),
    /// Within the noise of the page's own sampling.
    Noise(f64),
}

/// A number of the JSON at `path`, dots between the steps.
fn at(value: &Value, path: &str) -> Option<f64> {
    path.split('.')
        .fold(value, |value, step| {
            step.parse::<usize>().map_or_else(|_| &value[step], |nth| &value[nth])
        })
        .as_f64()
}

/// The published table of "Security Level": metric, treatment, column, factor, value, nearness.
/// Means, relative differences and their intervals are exact on the page; probabilities, losses and
/// highest-density intervals are sampled there.
fn published_security() -> Vec<(usize, usize, &'static str, f64, f64, Near)> {
    use Near::{Digits, Noise};
    let mut rows = Vec::new();
    let beat = [58.36, 20.88, 29.97, 87.39];
    for (metric, beat) in beat.into_iter().enumerate() {
        rows.push((
            metric,
            0,
            "probability_to_be_best",
            100.0,
            ((100.0 - beat) * 100.0_f64).round() / 100.0,
            Noise(0.5),
        ));
        rows.push((metric, 1, "probability_to_be_best", 100.0, beat, Noise(0.5)));
        rows.push((metric, 1, "probability_to_beat_control", 100.0, beat, Noise(0.5)));
    }
    for (metric, arm, mean, low, high) in [
        (0, 0, 33.95, 31.85, 36.08),
        (0, 1, 34.34, 32.28, 36.42),
        (2, 0, 1.41, 0.87, 1.90),
        (2, 1, 1.62, 1.18, 2.07),
    ] {
        rows.push((metric, arm, "posterior_mean", 100.0, mean, Digits(2)));
        rows.push((metric, arm, "credible_interval.0", 100.0, low, Noise(0.05)));
        rows.push((metric, arm, "credible_interval.1", 100.0, high, Noise(0.05)));
    }
    rows.push((1, 0, "posterior_mean", 1.0, 0.0246, Digits(4)));
    rows.push((1, 1, "posterior_mean", 1.0, 0.0281, Digits(4)));
    rows.push((3, 0, "posterior_mean", 1.0, 38_109.0, Digits(0)));
    rows.push((3, 1, "posterior_mean", 1.0, 24_428.0, Digits(0)));
    for (metric, change, low, high) in [
        (0, 1.14, -7.63, 9.92),
        (1, 14.58, -16.93, 46.09),
        (2, 15.52, -38.32, 69.35),
        (3, -35.90, -73.32, 1.52),
    ] {
        rows.push((metric, 1, "relative_difference", 100.0, change, Digits(2)));
        rows.push((metric, 1, "relative_interval.0", 100.0, low, Digits(2)));
        rows.push((metric, 1, "relative_interval.1", 100.0, high, Digits(2)));
    }
    // The page shows one or two digits of a loss, and samples it: within 5%, or half of the last
    // digit.
    for (metric, loss, factor, noise) in [
        (0, 0.54, 100.0, 0.027),
        (1, 0.004, 1.0, 0.0005),
        (2, 0.3, 100.0, 0.05),
        (3, 713.871, 1.0, 38.0),
    ] {
        rows.push((metric, 1, "expected_loss", factor, loss, Noise(noise)));
    }
    rows
}

#[test]
fn every_published_column_of_the_security_table_comes_out() {
    let report =
        simlab(&["analyze", "scenarios/published/security.ron", "--format", "json"]).json();
    let experiment = &report["experiments"][0];
    let mut table = format!(
        "{:24} {:16} {:28} {:>12} {:>14}\n",
        "metric", "variation", "column", "published", "computed"
    );
    let mut line =
        |metric: &str, variation: &str, column: &str, published: String, computed: String| {
            table +=
                &format!("{metric:24} {variation:16} {column:28} {published:>12} {computed:>14}\n");
        };
    for (metric, arm, column, factor, published, near) in published_security() {
        let of = &experiment["metrics"][metric];
        let variation = &of["variations"][arm];
        let computed = factor * at(variation, column).unwrap();
        let (key, name) = (of["key"].as_str().unwrap(), variation["key"].as_str().unwrap());
        match near {
            Near::Digits(digits) => assert_eq!(
                format!("{computed:.digits$}"),
                format!("{published:.digits$}"),
                "{key} {name} {column}"
            ),
            Near::Noise(noise) => assert!(
                (computed - published).abs() <= noise,
                "{key} {name} {column}: {computed} against {published}"
            ),
        }
        line(key, name, column, published.to_string(), format!("{computed:.5}"));
    }
    let by_formula = experiment["users_needed_by_formula"].as_u64().unwrap();
    assert!(
        (by_formula as f64 / 78_070.0 - 1.0).abs() < 0.01,
        "the page says 78,070 more users, by samples: {by_formula}"
    );
    line(
        "positive_feedback_rate",
        "",
        "users_needed_by_formula",
        "78070".to_owned(),
        by_formula.to_string(),
    );
    // scipy 1.17.1, see src/analysis/needed.rs.
    assert_eq!(experiment["users_needed"], 79_839);
    assert_eq!(experiment["verdict"]["decision"], "ship");
    assert_eq!(
        (&report["mode"], &report["seed"], &report["traffic"]),
        (&json!("data"), &Value::Null, &Value::Null)
    );
    pinned("published-security.columns", &table);
}

#[test]
fn the_literal_reading_of_the_cost_criterion_does_not_ship() {
    let report =
        simlab(&["analyze", "scenarios/published/security-literal.ron", "--format", "json"]).json();
    assert_eq!(report["experiments"][0]["verdict"]["decision"], "need_more_data");
}

#[test]
fn on_the_premium_data_both_alarms_ring_in_plain_words() {
    let report = simlab(&["analyze", "scenarios/published/premium.ron", "--format", "json"]).json();
    let health = report["experiments"][0]["health"].as_array().unwrap();
    let message = |check: &str| {
        let found = health.iter().find(|health| health["check"] == check).unwrap();
        (found["status"].as_str().unwrap(), found["message"].as_str().unwrap())
    };
    let (status, conflict) = message("prior_data_conflict");
    assert_eq!(status, "warning");
    assert!(
        conflict.contains("29.2 times as much") && conflict.contains("the estimate says +34.6%"),
        "{conflict}"
    );
    let (status, silent) = message("silent_arm");
    assert_eq!(status, "error");
    assert!(
        silent.contains("0 of 107 users") && silent.contains("against 15 of 108 users"),
        "{silent}"
    );
    let text = simlab(&["analyze", "scenarios/published/premium.ron"]).well();
    pinned("published-premium.text", &text);
    pinned(
        "published-security.text",
        &simlab(&["analyze", "scenarios/published/security.ron"]).well(),
    );
}

/// What the events of a run say, apart from what only a simulator knows.
fn statistics(report: &Value) -> Vec<Value> {
    let known = |experiment: &Value| {
        let mut experiment = experiment.clone();
        for only_of_a_run in ["costs", "cost_totals", "failures", "over_time", "distributions"] {
            experiment[only_of_a_run] = Value::Null;
        }
        experiment
    };
    report["experiments"].as_array().unwrap().iter().map(known).collect()
}

#[test]
fn the_events_of_a_run_give_its_report_again() {
    let folder = folder("analyze-run");
    let out = folder.to_str().unwrap();
    let run =
        simlab(&["run", "tutorial", "--users", "300", "--out", out, "--format", "json", "--quiet"])
            .json();
    let events = folder.join("events.jsonl");
    let analyzed = simlab(&["analyze", events.to_str().unwrap(), "--format", "json"]).json();
    assert_eq!(statistics(&analyzed), statistics(&run));
    assert_eq!(analyzed["interactions"], run["interactions"]);
    let data = &analyzed["data"];
    let number = |key: &str| data[key].as_u64().unwrap();
    assert_eq!(number("lines"), fs::read_to_string(&events).unwrap().lines().count() as u64);
    let unused: u64 =
        data["unused"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let used_exposures = number("exposures");
    assert_eq!(
        number("events"),
        used_exposures + number("used") + unused + number("malformed"),
        "every event is accounted for"
    );

    // The order of the lines does not matter, nor whether events come one a line or in payloads.
    let text = fs::read_to_string(&events).unwrap();
    let lines: Vec<&str> = text.lines().rev().collect();
    let payloads: String =
        lines.chunks(100).map(|chunk| format!("[{}]\n", chunk.join(","))).collect();
    let reversed = folder.join("payloads.jsonl");
    fs::write(&reversed, payloads).unwrap();
    let again = simlab(&[
        "analyze",
        reversed.to_str().unwrap(),
        "--scenario",
        "tutorial",
        "--format",
        "json",
    ])
    .json();
    assert_eq!(statistics(&again), statistics(&run));

    // And a saved run is rendered again, whatever the format.
    for format in ["text", "json", "markdown", "junit", "html"] {
        let first =
            simlab(&["run", "tutorial", "--users", "300", "--format", format, "--quiet"]).well();
        assert_eq!(simlab(&["report", out, "--format", format]).well(), first, "{format}");
    }
}

/// Two users, one of whom is told of twice; and everything that may go wrong with an event.
fn awkward() -> String {
    let context = |key: &str| json!({ "kind": "user", "key": key });
    let exposure = |key: &str, at: u64, number: u64, variation: &str| {
        json!({
            "kind": "feature", "key": "security-agent", "creationDate": at, "context": context(key), "variation": number,
            "value": { "_ldMeta": { "variationKey": variation } }, "reason": { "kind": "FALLTHROUGH", "inExperiment": true },
        })
    };
    let metric = |key: &str, at: u64, event: &str, value: Value| json!({ "kind": "custom", "key": event, "creationDate": at, "context": context(key), "metricValue": value });
    let positive = "$ld:ai:feedback:user:positive";
    let lines = [
        metric("early", 99, positive, json!(1)).to_string(),
        exposure("early", 100, 1, "basic-security").to_string(),
        exposure("early", 150, 2, "strict-security").to_string(),
        metric("early", 100, "ai_cost_per_request", json!(0.5)).to_string(),
        exposure("late", 200, 2, "strict-security").to_string(),
        metric("late", 200, positive, Value::Null).to_string(),
        metric("late", 300, "ai_cost_per_request", Value::Null).to_string(),
        metric("late", 300, "clicks", json!(1)).to_string(),
        metric("stranger", 300, positive, json!(1)).to_string(),
        "{\"kind\": \"custom\", oops".to_owned(),
        json!({ "kind": "custom", "key": "ai_cost_per_request", "creationDate": "now", "context": context("late") }).to_string(),
        exposure("late", 10, 9, "unknown-variation").to_string(),
    ];
    lines.join("\n")
}

#[test]
fn awkward_events_are_counted_and_the_file_is_not_lost() {
    let folder = folder("analyze-awkward");
    let file = folder.join("events.jsonl");
    fs::write(&file, awkward()).unwrap();
    let ran =
        simlab(&["analyze", file.to_str().unwrap(), "--scenario", "security", "--format", "json"]);
    assert_eq!(ran.code, 0);
    let (first, shown) = ran.err.split_once('\n').unwrap();
    assert_eq!(first, "warning: 2 events are not readable, see the report");
    // The first of them, with a caret where it breaks off.
    assert!(shown.contains("events.jsonl:10:20") && shown.contains('┬'), "{shown}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        report["data"],
        json!({
            "lines": 12, "events": 12, "units": 2, "exposures": 4, "metric_events": 6, "used": 2,
            "unused": {
                "exposures to what no experiment compares": 1,
                "metric events before the user's exposure": 1,
                "metric events without a `metricValue`": 1,
                "metric events that no metric counts": 1,
                "metric events of users who were not exposed": 1,
            },
            "duplicates": 0, "malformed": 2,
            "faults": [
                { "line": 10, "reason": "not JSON at column 20: key must be a string" },
                { "line": 11, "reason": "`creationDate` must be a Unix time in milliseconds, or a time such as \"2025-10-09T08:53:20Z\"" },
            ],
        })
    );
    let experiment = &report["experiments"][0];
    assert_eq!(
        experiment["exposures"],
        json!({ "basic-security": 1, "strict-security": 1 }),
        "the first exposure counts"
    );
    let mixed = experiment["health"]
        .as_array()
        .unwrap()
        .iter()
        .find(|health| health["check"] == "mixed_exposures")
        .unwrap();
    assert!(
        mixed["message"]
            .as_str()
            .unwrap()
            .starts_with("1 user was exposed to more than one variation"),
        "{mixed}"
    );
    assert_eq!(experiment["metrics"][0]["variations"][1]["conversions"], 1);
}

/// A file that cannot be analyzed, and what is said about it.
fn refused(name: &str, bytes: &[u8], more: &[&str]) -> String {
    let folder = folder(&format!("refused-{name}"));
    fs::write(folder.join(name), bytes).unwrap();
    // Inside the folder, since messages are wrapped and the length of a path moves the line breaks.
    let ran = simlab_in(&folder, &[&["analyze", name], more].concat());
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{}", ran.err);
    format!("--- {name}\n{}", ran.err)
}

#[test]
fn what_cannot_be_analyzed_says_why_and_where() {
    let security = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/published/security.ron"),
    )
    .unwrap();
    let but = |before: &str, after: &str| {
        assert!(security.contains(before), "{before}");
        security.replacen(before, after, 1).into_bytes()
    };
    let shown = [
        refused("empty.ron", b"", &[]),
        refused("empty.jsonl", b"", &[]),
        refused("noise.jsonl", &[b'{', 0xff, b'\n', b'['], &["--scenario", "security"]),
        refused("nothing-to-compare.jsonl", b"{\"kind\": \"index\"}", &[]),
        refused("too-many.ron", &but("conversions: 458", "conversions: 4580"), &[]),
        refused("misspelled.ron", &but("conversions: 458", "conversion: 458"), &[]),
        refused(
            "no-such-control.ron",
            &but("control: \"basic-security\"", "control: \"basic-securty\""),
            &[],
        ),
        refused(
            "no-such-metric.ron",
            &but("metric: \"ai_cost_per_request\"", "metric: \"ai_cost\""),
            &[],
        ),
        refused(
            "no-such-treatment.ron",
            &but("ship: \"strict-security\"", "ship: \"strict-securty\""),
            &[],
        ),
        refused(
            "no-such-expectation.ron",
            &but(
                "variation: \"strict-security\" )",
                "variation: \"strict\", criteria: [(\"cost increase at most 5%\", Held)] )",
            ),
            &[],
        ),
        refused("unknown-kind.ron", &but("kind: Conversion", "kind: Rate"), &[]),
        refused("two-totals.ron", &but("total: 33.1435", "total: 33.1435, value: 0.02"), &[]),
        refused(
            "negative-error.ron",
            &but("standard_error: 0.002893305", "standard_error: -1"),
            &[],
        ),
    ];
    pinned("refused-data", &shown.join("\n"));
}
