//! Events of PostHog, Segment and Amplitude, in the shapes that their documentation has, analyzed
//! without any option.

use std::fs;

use serde_json::{Value, json};

use super::program::{folder, simlab};

/// What 40 users of two arms send: who was exposed, and every second of the control and three of
/// four of the other arm buy for 7 dollars.
fn events(exposure: impl Fn(usize, &str) -> Value, order: impl Fn(usize) -> Value) -> String {
    let mut text = String::new();
    for user in 0..40 {
        let arm = ["control", "test"][user % 2];
        text += &format!("{}\n", exposure(user, arm));
        if (user % 2 == 0 && user % 4 == 0) || (user % 2 == 1 && user % 8 != 7) {
            text += &format!("{}\n", order(user));
        }
    }
    text
}

#[test]
fn exports_of_known_tools_are_analyzed_without_options() {
    let posthog = events(
        |user, arm| {
            json!({ "uuid": format!("x{user}"), "event": "$feature_flag_called", "distinct_id": format!("u{user}"),
                "timestamp": "2026-11-02T10:00:00.000Z", "properties": { "$feature_flag": "checkout", "$feature_flag_response": arm } })
        },
        |user| {
            json!({ "uuid": format!("o{user}"), "event": "order", "distinct_id": format!("u{user}"),
                "timestamp": "2026-11-02T11:00:00.000Z", "properties": { "value": 7 } })
        },
    );
    let segment = events(
        |user, arm| {
            json!({ "type": "track", "event": "Experiment Viewed", "userId": format!("u{user}"), "messageId": format!("x{user}"),
                "timestamp": "2026-11-02T10:00:00Z", "properties": { "experiment_id": "checkout", "variation_name": arm } })
        },
        |user| {
            json!({ "type": "track", "event": "order", "userId": format!("u{user}"), "messageId": format!("o{user}"),
                "timestamp": "2026-11-02T11:00:00Z", "properties": { "revenue": 7.0 } })
        },
    );
    let amplitude = events(
        |user, arm| {
            json!({ "event_type": "$exposure", "user_id": format!("u{user}"), "device_id": "d", "event_time": "2026-11-02 10:00:00.000000",
                "$insert_id": format!("x{user}"), "event_properties": { "flag_key": "checkout", "variant": arm }, "user_properties": {} })
        },
        |user| {
            json!({ "event_type": "order", "user_id": format!("u{user}"), "device_id": "d", "event_time": "2026-11-02 11:00:00.000000",
                "$insert_id": format!("o{user}"), "event_properties": { "revenue": 7 }, "user_properties": {} })
        },
    );
    for (name, text) in [("posthog", posthog), ("segment", segment), ("amplitude", amplitude)] {
        let file = folder(&format!("foreign-{name}")).join("export.jsonl");
        // Delivered twice: an event with the same id counts once.
        fs::write(&file, format!("{text}{text}")).unwrap();
        let report = simlab(&["analyze", file.to_str().unwrap(), "--format", "json"]).json();
        let experiment = &report["experiments"][0];
        assert_eq!(experiment["key"], "checkout", "{name}");
        assert_eq!(experiment["control"], "control", "{name}");
        assert_eq!(experiment["exposures"], json!({ "control": 20, "test": 20 }), "{name}");
        let order = &experiment["metrics"][0];
        assert_eq!(
            (
                &order["key"],
                &order["variations"][0]["conversions"],
                &order["variations"][1]["conversions"]
            ),
            (&json!("order"), &json!(10), &json!(15)),
            "{name}"
        );
        assert_eq!(
            experiment["metrics"][1]["variations"][1]["total_value"],
            json!(105.0),
            "{name}"
        );
        assert_eq!(report["data"]["duplicates"], 25, "{name}");
    }
}
