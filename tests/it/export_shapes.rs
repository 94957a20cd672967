//! Assignments and events as the tools of experimenters and of product analytics export them,
//! recognized without options. Each header is that of the tool's own documentation.

use std::fmt::Write as _;
use std::fs;

use serde_json::json;

use super::program::{folder, simlab_in};

const SEEN: &str = "2026-11-01T10:00:00Z";
const HAPPENED: &str = "2026-11-02T10:00:00Z";

fn arm(user: u32) -> &'static str {
    ["control", "test"][user as usize % 2]
}

fn rows(head: &str, of: impl Fn(u32) -> String) -> String {
    let mut text = if head.is_empty() { String::new() } else { format!("{head}\n") };
    (0..60).for_each(|user| writeln!(text, "{}", of(user)).unwrap());
    text
}

/// The name of the tool, its exposures and its events. User n has one order of n.
fn shapes() -> Vec<(&'static str, String, String)> {
    let amplitude = |user: u32, kind: &str, at: &str, properties: serde_json::Value| {
        json!({ "$insert_id": format!("{kind}{user}"), "event_type": kind, "event_time": at,
            "user_id": format!("u{user}"), "event_properties": properties })
        .to_string()
    };
    vec![
        (
            // docs.growthbook.io/app/datasources: experiment assignment queries, fact tables.
            "GrowthBook",
            rows("user_id,timestamp,experiment_id,variation_id", |u| {
                format!("u{u},2026-11-01 10:00:00,checkout,{}", u % 2)
            }),
            rows("user_id,timestamp,event_name,value", |u| {
                format!("u{u},2026-11-02 10:00:00,order,{u}")
            }),
        ),
        (
            // docs.geteppo.com: assignment logging, fact SQL.
            "Eppo",
            rows("timestamp,subject,experiment,featureFlag,allocation,variation,metaData", |u| {
                format!("{SEEN},u{u},checkout-allocation-1,checkout,allocation-1,{},", arm(u))
            }),
            rows("subject,ts,event_name,revenue", |u| format!("u{u},{HAPPENED},order,{u}")),
        ),
        (
            // docs.statsig.com: first exposures and events of an export.
            "Statsig",
            rows("experiment_id,group_id,group_name,unit_id,unit_type,timestamp", |u| {
                format!("checkout,{0}Id,{0},u{u},userID,{SEEN}", arm(u))
            }),
            rows("event_name,value,timestamp,user_id,stable_id", |u| {
                format!("order,{u},{HAPPENED},u{u},")
            }),
        ),
        (
            // segment.com/docs/connections/storage/warehouses/schema: track tables.
            "Segment",
            rows(
                "id,received_at,anonymous_id,user_id,event,experiment_id,experiment_name,variation_id,variation_name,timestamp",
                |u| {
                    format!(
                        "m{u},{SEEN},a{u},u{u},experiment_viewed,1,checkout,{},{},{SEEN}",
                        u % 2,
                        arm(u)
                    )
                },
            ),
            rows("id,received_at,anonymous_id,user_id,event,event_text,revenue,timestamp", |u| {
                format!("n{u},{HAPPENED},a{u},u{u},order,Order,{u},{HAPPENED}")
            }),
        ),
        (
            // launchdarkly.com/docs/integrations/data-export: evaluation events, custom events.
            "LaunchDarkly Data Export",
            rows(
                "event_id,project_id,environment_id,flag_key,context_key,context_kind,variation_id,experiment_iteration_id,received_time",
                |u| format!("e{u},p,env,checkout,u{u},user,{},it1,{SEEN}", arm(u)),
            ),
            rows(
                "event_id,project_id,environment_id,event_key,context_key,context_kind,metric_value,received_time",
                |u| format!("f{u},p,env,order,u{u},user,{u},{HAPPENED}"),
            ),
        ),
        (
            // posthog.com/docs/cdp/batch-exports: the event schema, with JSON in `properties`.
            "PostHog, a batch export",
            rows("uuid,event,properties,distinct_id,timestamp", |u| {
                format!(
                    "x{u},$feature_flag_called,\"{{\"\"$feature_flag\"\":\"\"checkout\"\",\"\"$feature_flag_response\"\":\"\"{}\"\"}}\",u{u},2026-11-01 10:00:00.000000",
                    arm(u)
                )
            }),
            rows("uuid,event,properties,distinct_id,timestamp", |u| {
                format!("y{u},order,\"{{\"\"value\"\":{u}}}\",u{u},2026-11-02 10:00:00.000000")
            }),
        ),
        (
            "PostHog, columns of a query",
            rows(
                "uuid,event,properties.$feature_flag,properties.$feature_flag_response,distinct_id,timestamp",
                |u| {
                    format!(
                        "x{u},$feature_flag_called,checkout,{},u{u},2026-11-01 10:00:00",
                        arm(u)
                    )
                },
            ),
            rows("uuid,event,properties.value,distinct_id,timestamp", |u| {
                format!("y{u},order,{u},u{u},2026-11-02 10:00:00")
            }),
        ),
        (
            // amplitude.com/docs/apis/analytics/export: JSON, an event a line.
            "Amplitude, the export API",
            rows("", |u| {
                let properties = json!({ "flag_key": "checkout", "variant": arm(u) });
                amplitude(u, "$exposure", "2026-11-01 10:00:00.000000", properties)
            }),
            rows("", |u| {
                amplitude(u, "order", "2026-11-02 10:00:00.000000", json!({ "revenue": u }))
            }),
        ),
    ]
}

#[test]
fn the_exports_of_eight_tools_need_no_options_for_their_columns() {
    let here = folder("export-shapes");
    for (name, exposures, events) in shapes() {
        fs::write(here.join("exposures.csv"), exposures).unwrap();
        fs::write(here.join("events.csv"), events).unwrap();
        let options = ["--metric", "order:mean", "--metric", "order:rate", "--format", "json"];
        let files = ["analyze", "--exposures", "exposures.csv", "--events", "events.csv"];
        let ran = simlab_in(&here, &[&files[..], &options[..]].concat());
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        let report = ran.json();
        let metrics = &report["experiments"][0]["metrics"];
        for (arm, mean) in [(0, 29.0), (1, 30.0)] {
            // Users 0, 2 … 58 and 1, 3 … 59.
            assert_eq!(metrics[0]["variations"][arm]["data_mean"], mean, "{name}");
            assert_eq!(metrics[0]["variations"][arm]["exposures"], 30, "{name}");
            assert_eq!(metrics[1]["variations"][arm]["data_mean"], 1.0, "{name}");
        }
    }
}

#[test]
fn properties_that_are_no_json_are_told_with_their_line() {
    let here = folder("export-shapes-faults");
    let exposures = rows("distinct_id,timestamp,properties", |u| {
        let text = if u == 7 {
            "\"{oops\"".to_owned()
        } else {
            format!("\"{{\"\"variant\"\":\"\"{}\"\"}}\"", arm(u))
        };
        format!("u{u},2026-11-01,{text}")
    });
    fs::write(here.join("a.csv"), exposures).unwrap();
    fs::write(
        here.join("b.csv"),
        rows("distinct_id,timestamp,event", |u| format!("u{u},2026-11-02,order")),
    )
    .unwrap();
    let words = [
        "analyze",
        "--exposures",
        "a.csv",
        "--events",
        "b.csv",
        "--metric",
        "order:rate",
        "--format",
        "json",
    ];
    let ran = simlab_in(&here, &words);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let fault = &report["data"]["faults"][0];
    assert_eq!(fault["line"], 9);
    assert!(fault["reason"].as_str().unwrap().contains("column `properties`"), "{fault}");
}
