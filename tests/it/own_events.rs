//! `simlab analyze` on flags, events and units of the reader's own: small invented files whose
//! right values are counted by hand.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{folder, simlab};

/// 2025-10-09 08:53:20 UTC.
const BEGAN_MS: u64 = 1_760_000_000_000;
const HOUR_MS: u64 = 3_600_000;

fn exposure(kind: &str, key: &str, after_ms: u64, variation: u64, value: &Value) -> Value {
    json!({
        "kind": "feature", "key": "flag", "creationDate": BEGAN_MS + after_ms, "context": { "kind": kind, "key": key },
        "variation": variation, "value": value, "reason": { "kind": "FALLTHROUGH", "inExperiment": true },
    })
}

fn custom(kind: &str, key: &str, after_ms: u64, event: &str, value: Option<f64>) -> Value {
    json!({
        "kind": "custom", "key": event, "creationDate": BEGAN_MS + after_ms, "context": { "kind": kind, "key": key },
        "metricValue": value,
    })
}

/// Writes events one a line and analyzes them.
fn analyzed(name: &str, events: &[Value], options: &[&str]) -> Value {
    let file = folder(&format!("own-events-{name}")).join("events.jsonl");
    fs::write(&file, events.iter().map(|event| format!("{event}\n")).collect::<String>()).unwrap();
    simlab(&[&["analyze", file.to_str().unwrap(), "--format", "json"], options].concat()).json()
}

/// What is said about events that cannot be analyzed.
fn refused(name: &str, events: &[Value], options: &[&str]) -> String {
    let file = folder(&format!("own-events-{name}")).join("events.jsonl");
    fs::write(&file, events.iter().map(|event| format!("{event}\n")).collect::<String>()).unwrap();
    let ran = simlab(&[&["analyze", file.to_str().unwrap()], options].concat());
    assert!(ran.code == 2 || ran.code == 3, "{} {}", ran.code, ran.out);
    // Messages are wrapped at the width of a page.
    ran.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// A metric's value of an arm.
fn of(report: &Value, metric: &str, arm: &str, column: &str) -> Value {
    let find = |list: &Value, key: &str| {
        list.as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone()
    };
    find(&find(&report["experiments"][0]["metrics"], metric)["variations"], arm)[column].clone()
}

fn health<'r>(report: &'r Value, check: &str) -> Option<(&'r str, &'r str)> {
    let found = report["experiments"][0]["health"]
        .as_array()
        .unwrap()
        .iter()
        .find(|health| health["check"] == check)?;
    Some((found["status"].as_str().unwrap(), found["message"].as_str().unwrap()))
}

/// 20 units of a kind in turn in each of the arms; in arm number n every (n + 2)nd unit sends
/// `bought`, for 3 dollars.
fn shop(kind: &str, values: &[Value]) -> Vec<Value> {
    let mut events = Vec::new();
    for (arm, value) in values.iter().enumerate() {
        for nth in 0..20 {
            let key = format!("{arm}-{nth}");
            events.push(exposure(kind, &key, 0, arm as u64, value));
            if nth % (arm + 2) == 0 {
                events.push(custom(kind, &key, 1000, "bought", Some(3.0)));
            }
        }
    }
    events
}

#[test]
fn arms_are_named_by_the_values_of_flags_of_every_type() {
    let ten: Vec<Value> = (0..10).map(|n| json!(n * 5)).collect();
    let cases: [(&[Value], &[&str]); 5] = [
        (&[json!(true), json!(false)], &["true", "false"]),
        (&[json!("blue"), json!("red"), json!("green")], &["blue", "red", "green"]),
        (&[json!(0), json!(1.5)], &["0", "1.5"]),
        (&[json!({ "a": 1 }), json!({ "a": 2 })], &["{\"a\":1}", "{\"a\":2}"]),
        (&ten, &["0", "5", "10", "15", "20", "25", "30", "35", "40", "45"]),
    ];
    for (nth, (values, names)) in cases.into_iter().enumerate() {
        let report = analyzed(&format!("types-{nth}"), &shop("user", values), &[]);
        let exposures = report["experiments"][0]["exposures"].as_object().unwrap();
        assert_eq!(exposures.keys().collect::<Vec<_>>(), names);
        for (arm, name) in names.iter().enumerate() {
            // Of 0 to 19, those that (n + 2) divides: 20 / (n + 2), rounded up.
            let bought = 20_usize.div_ceil(arm + 2);
            assert_eq!(exposures[*name], 20);
            assert_eq!(of(&report, "bought", name, "conversions"), bought, "{name}");
            assert_eq!(
                of(&report, "bought:sum", name, "total_value"),
                json!(3.0 * bought as f64),
                "{name}"
            );
        }
        assert_eq!(report["experiments"][0]["control"], names[0]);
    }
    // Values that begin alike stay apart.
    let long = |end: &str| json!({ "prompt": "You are a helpful assistant of a shop for bicycles.", "end": end });
    let report = analyzed("types-long", &shop("user", &[long("a"), long("b")]), &[]);
    assert_eq!(report["experiments"][0]["exposures"].as_object().unwrap().len(), 2);
}

#[test]
fn an_ai_configs_disabled_variation_is_no_arm() {
    let value = |key: &str| json!({ "_ldMeta": { "enabled": true, "variationKey": key } });
    let mut events = shop("user", &[value("a"), value("b")]);
    events.push(exposure("user", "off", 0, 0, &json!({ "_ldMeta": { "enabled": false } })));
    let report = analyzed("disabled", &events, &[]);
    assert_eq!(report["experiments"][0]["exposures"], json!({ "a": 20, "b": 20 }));
    assert_eq!(report["data"]["unused"]["exposures to what no experiment compares"], 1);
}

#[test]
fn the_unit_is_the_kind_of_context_that_was_exposed_or_that_is_named() {
    let mut events = shop("device", &[json!(true), json!(false)]);
    // The AI SDK's report about itself is no unit and no user.
    events.insert(0, custom("ld_ai", "ld-internal-tracking", 0, "$ld:ai:sdk:info", Some(1.0)));
    let report = analyzed("unit", &events, &[]);
    assert_eq!(
        (&report["data"]["units"], of(&report, "bought", "true", "conversions")),
        (&json!(40), json!(10))
    );
    let text = report["assumptions"].to_string();
    assert!(text.contains("contexts of kind `device`"), "{text}");
    let why = refused("unit-user", &events, &["--unit", "user"]);
    assert!(
        why.contains("no context of kind `user` was exposed, only contexts of kind `device`"),
        "{why}"
    );
}

#[test]
fn events_recorded_twice_count_once_but_equal_events_of_one_payload_count_each() {
    let mut events = shop("user", &[json!(true), json!(false)]);
    // Two purchases in one payload, which is sent again.
    let both = json!([
        custom("user", "1-0", 2000, "bought", Some(3.0)),
        custom("user", "1-0", 2000, "bought", Some(3.0))
    ]);
    events.extend([both.clone(), both]);
    // One event on two lines.
    events.extend(vec![custom("user", "0-0", 3000, "bought", Some(3.0)); 2]);
    let report = analyzed("twice", &events, &[]);
    assert_eq!(report["data"]["duplicates"], 3);
    assert_eq!(report["data"]["unused"]["metric events that were recorded before"], 3);
    assert_eq!(of(&report, "bought:sum", "true", "total_value"), 33.0, "10 and 1 more");
    assert_eq!(of(&report, "bought:sum", "false", "total_value"), 27.0, "7 and 2 more");
}

#[test]
fn a_window_and_an_end_date_bound_what_counts() {
    let arms = [json!(true), json!(false)];
    let mut events = Vec::new();
    for (arm, value) in arms.iter().enumerate() {
        for nth in 0..4 {
            let key = format!("{arm}-{nth}");
            // One user an hour; each buys half an hour, and again a day and a half, after the
            // exposure.
            events.push(exposure("user", &key, nth * HOUR_MS, arm as u64, value));
            events.push(custom("user", &key, nth * HOUR_MS + HOUR_MS / 2, "bought", Some(2.0)));
            events.push(custom("user", &key, nth * HOUR_MS + 36 * HOUR_MS, "bought", Some(5.0)));
        }
    }
    let total = |name: &str, options: &[&str]| {
        of(&analyzed(name, &events, options), "bought:sum", "true", "total_value")
    };
    assert_eq!(total("window-none", &[]), 28.0);
    assert_eq!(total("window-day", &["--window", "1d"]), 8.0);
    assert_eq!(
        total("window-36h", &["--window", "36h"]),
        28.0,
        "the window's last moment belongs to it"
    );
    // 1,760,000,000 s is 08:53:20; by 11:00 three users are exposed and two of them have bought;
    // the third buys at 11:23.
    let until = analyzed("until", &events, &["--until", "2025-10-09T11:00:00Z"]);
    assert_eq!(until["experiments"][0]["exposures"], json!({ "true": 3, "false": 3 }));
    assert_eq!(of(&until, "bought:sum", "true", "total_value"), 4.0);
    assert_eq!(until["data"]["unused"]["exposures after the end date"], 2);
    let why = refused("until-wrong", &events, &["--until", "tomorrow"]);
    assert!(why.contains("--until: expected a date such as 2026-11-01"), "{why}");
}

#[test]
fn the_planned_split_can_be_given_and_is_unknown_without() {
    let events = shop("user", &[json!(true), json!(false)]);
    let (status, message) = health(&analyzed("split-none", &events, &[]), "sample_ratio_mismatch")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(status != "waiting" && message.starts_with("unknown split"), "{status} {message}");
    for (nth, split) in
        ["50/50", "50%/50%", "true=50%,false=50%", "false=50, true=50"].into_iter().enumerate()
    {
        let report = analyzed(&format!("split-{nth}"), &events, &["--split", split]);
        assert_eq!(health(&report, "sample_ratio_mismatch").unwrap().0, "healthy", "{split}");
    }
    // 20 of 40 in an arm that was to have 1%: odds far above 99 (the sequential test's own vectors
    // are in `analysis::health`).
    let report = analyzed("split-off", &events, &["--split", "1/99"]);
    assert_eq!(health(&report, "sample_ratio_mismatch").unwrap().0, "error");
    for (split, why) in [
        ("50/30/20", "`flag` has 2 arms (true, false), the split has 3 shares"),
        ("50/40", "the shares sum to 90%, expected 100%"),
        ("true=50%,maybe=50%", "`flag` has no arm `maybe`; its arms are true, false"),
        ("half/half", "expected a share such as 50% (0% to 100%), found `half`"),
        ("true=100%", "the split leaves out the arm `false`"),
    ] {
        let told = refused("split-wrong", &events, &["--split", split]);
        assert!(told.contains(why), "{split}: {told}");
    }
}

#[test]
fn the_control_can_be_named() {
    let events = shop("user", &[json!(true), json!(false)]);
    let report = analyzed("control", &events, &["--control", "false"]);
    assert_eq!(report["experiments"][0]["control"], "false");
    let why = refused("control-wrong", &events, &["--control", "off"]);
    assert!(why.contains("no experiment has an arm `off`; the arms are `true`, `false`"), "{why}");
}

#[test]
fn sampled_events_are_weighted_in_totals_and_give_no_rate() {
    let mut events = shop("user", &[json!(true), json!(false)]);
    for event in events.iter_mut().filter(|event| event["kind"] == "custom") {
        event["samplingRatio"] = json!(4);
    }
    let report = analyzed("sampled", &events, &[]);
    // 10 of 20 and 7 of 20 users with an event of 3, each of which stands for 4.
    assert_eq!(of(&report, "bought:sum", "true", "total_value"), 120.0);
    assert_eq!(of(&report, "bought:sum", "false", "total_value"), 84.0);
    assert_eq!(of(&report, "bought", "true", "posterior_mean"), Value::Null);
    let (status, message) = health(&report, "sampling").unwrap();
    assert_eq!(status, "error");
    assert!(
        message.contains("`samplingRatio` up to 4") && message.contains("no result for `bought`"),
        "{message}"
    );
}

#[test]
fn what_is_missing_is_said_exactly() {
    let both = shop("user", &[json!(true), json!(false)]);
    let exposures: Vec<Value> =
        both.iter().filter(|event| event["kind"] == "feature").cloned().collect();
    let metrics: Vec<Value> =
        both.iter().filter(|event| event["kind"] == "custom").cloned().collect();
    let mut plain = both.clone();
    plain
        .iter_mut()
        .filter(|event| event["kind"] == "feature")
        .for_each(|event| event["reason"] = json!({ "kind": "FALLTHROUGH" }));
    let summary =
        json!({ "kind": "summary", "startDate": BEGAN_MS, "endDate": BEGAN_MS, "features": {} });
    for (name, events, why) in [
        ("one-arm", shop("user", &[json!(true)]), "`flag` has one arm only, `true`"),
        (
            "no-metrics",
            exposures,
            "has exposures of contexts of kind `user` and no metric event of them",
        ),
        (
            "no-exposures",
            metrics,
            "it has no exposure: no `feature` event with `reason.inExperiment`",
        ),
        ("no-experiment", plain, "none of its 40 `feature` events is part of an experiment"),
        ("summaries", vec![summary; 3], "it has no exposure, only summaries: 3 `summary`"),
    ] {
        let told = refused(&format!("missing-{name}"), &events, &[]);
        assert!(told.contains(why), "{name}: {told}");
    }
}

#[test]
fn an_event_without_a_value_occurred_though_another_metric_sums_it() {
    let mut events = shop("user", &[json!(true), json!(false)]);
    // Two more users of the first arm buy without a price.
    events.extend(["0-1", "0-3"].map(|key| custom("user", key, 2000, "bought", None)));
    let report = analyzed("valueless", &events, &[]);
    assert_eq!(of(&report, "bought", "true", "conversions"), 12);
    assert_eq!(of(&report, "bought:sum", "true", "total_value"), 30.0);
}

#[test]
fn mixed_exposures_and_interactions_look_at_the_experiments_that_they_are_about() {
    let flag = |flag: &str, key: &str, after: u64, on: bool| {
        let mut event = exposure("user", key, after, u64::from(!on), &json!(on));
        event["key"] = flag.into();
        event
    };
    let mut events = Vec::new();
    // 10 users in each of the four cells; `a` comes first, an event, `b`, and in the cell of both a
    // second event.
    for nth in 0..40_u64 {
        let key = format!("u{nth}");
        let (a, b) = (nth % 2 == 0, nth % 4 < 2);
        events.push(flag("a", &key, 0, a));
        events.push(custom("user", &key, 1000, "bought", Some(1.0)));
        events.push(flag("b", &key, 2000, b));
        if a && b && nth < 20 {
            events.push(custom("user", &key, 3000, "bought", Some(1.0)));
        }
    }
    events.push(flag("a", "u0", 5000, false));
    let report = analyzed("pair", &events, &[]);
    // After both exposures, 5 of the 10 users with both on have an event and nobody else has: the
    // treatments are `false`, so the interaction is (0 - 0) - (0 - 0.5).
    let interaction = &report["interactions"][0];
    assert!((interaction["interaction"].as_f64().unwrap() - 0.5).abs() < 0.1, "{interaction}");
    let mixed = |nth: usize| {
        report["experiments"][nth]["health"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|health| health["check"] == "mixed_exposures")
            .count()
    };
    assert_eq!([mixed(0), mixed(1)], [1, 0]);
}

#[test]
fn the_shared_cases_give_their_right_values() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases");
    if !cases.is_dir() {
        return;
    }
    let report = |name: &str| {
        simlab(&["analyze", cases.join(name).to_str().unwrap(), "--format", "json"]).json()
    };
    // The right values are counted with pandas; see the folder's own README.
    let own = report("own-event.jsonl");
    assert_eq!(
        ["true", "false"].map(|arm| of(&own, "checkout-completed", arm, "conversions")),
        [json!(80), json!(80)]
    );
    let mut sums = ["true", "false"]
        .map(|arm| of(&own, "checkout-completed:sum", arm, "total_value").as_f64().unwrap());
    sums.sort_by(f64::total_cmp);
    assert_eq!(sums, [2637.0, 2644.0]);
    let seconds = report("seconds-for-milliseconds.jsonl");
    assert!(health(&seconds, "event_times").unwrap().1.contains("in seconds"));
}
