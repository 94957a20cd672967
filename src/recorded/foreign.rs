//! Events of PostHog, Segment and Amplitude as LaunchDarkly events, so that one reader takes all.
//!
//! Formats: PostHog's events with `$feature_flag_called` (posthog 7.91.1); Segment's spec of `track`
//! and of "Experiment Viewed" (A/B testing spec); Amplitude's Export API with `$exposure` of
//! Amplitude Experiment.
//!
//! Guarantees: an event of another shape stays as it is; ids for repeats go into `data`, where
//! equal events are compared.
//!
//! Does not know: lines, or which events count.

use serde_json::{Map, Value, json};

/// What is read of an event of another tool.
struct ForeignEvent<'a> {
    name: &'a str,
    unit: &'a Value,
    at: &'a Value,
    id: &'a Value,
    properties: &'a Map<String, Value>,
}

/// Whether an object is an event of one of these tools.
pub fn is_foreign(event: &Value) -> bool {
    recognized(event).is_some()
}

/// The event as LaunchDarkly writes it; `None` where it is none of another tool's.
pub(super) fn translated(event: &Value) -> Option<Value> {
    let found = recognized(event)?;
    let context = json!({ "kind": "user", "key": key(found.unit) });
    let at = at_utc(found.at);
    let Some((flag, variation)) = exposure(&found) else {
        let value = ["value", "revenue", "amount", "$revenue", "$ai_total_cost_usd", "$ai_latency"]
            .iter()
            .find_map(|name| found.properties.get(*name)?.as_f64());
        return Some(json!({
            "kind": "custom", "key": found.name, "creationDate": at, "context": context,
            "metricValue": value, "data": { "id": found.id },
        }));
    };
    // The likely control has the lowest number.
    let name = key(variation);
    let control = ["control", "off", "false", "baseline"].contains(&name.to_lowercase().as_str());
    Some(json!({
        "kind": "feature", "key": flag, "creationDate": at, "context": context,
        "variation": u8::from(!control), "value": variation,
        "reason": { "kind": "RULE_MATCH", "inExperiment": true },
    }))
}

fn recognized(event: &Value) -> Option<ForeignEvent<'_>> {
    let object = event.as_object()?;
    let field = |name: &str| object.get(name).unwrap_or(&Value::Null);
    let first = |names: &[&str]| {
        names.iter().map(|name| field(name)).find(|value| !value.is_null()).unwrap_or(&Value::Null)
    };
    let properties = |name: &str| field(name).as_object();
    // PostHog.
    if let (Some(name), true) = (field("event").as_str(), object.contains_key("distinct_id")) {
        return Some(ForeignEvent {
            name,
            unit: first(&["person_id", "distinct_id"]),
            at: field("timestamp"),
            id: field("uuid"),
            properties: properties("properties")?,
        });
    }
    // Segment.
    if let (Some("track"), Some(name)) = (field("type").as_str(), field("event").as_str()) {
        return Some(ForeignEvent {
            name,
            unit: first(&["userId", "anonymousId"]),
            at: first(&["timestamp", "originalTimestamp", "receivedAt"]),
            id: field("messageId"),
            properties: properties("properties")?,
        });
    }
    // Amplitude.
    let name = field("event_type").as_str()?;
    Some(ForeignEvent {
        name,
        unit: first(&["user_id", "device_id", "amplitude_id"]),
        at: first(&["event_time", "client_event_time"]),
        id: first(&["$insert_id", "uuid"]),
        properties: properties("event_properties")?,
    })
}

/// The flag and the variation of an exposure; `None` for any other event.
fn exposure<'a>(event: &ForeignEvent<'a>) -> Option<(&'a str, &'a Value)> {
    let property = |names: &[&str]| {
        names.iter().find_map(|name| event.properties.get(*name).filter(|own| !own.is_null()))
    };
    let (flags, variations): (&[&str], &[&str]) = match event.name {
        "$feature_flag_called" => (&["$feature_flag"], &["$feature_flag_response"]),
        "Experiment Viewed" => (
            &["experiment_id", "experimentId", "experiment_name", "experimentName"],
            &["variation_id", "variationId", "variation_name", "variationName"],
        ),
        "$exposure" | "[Experiment] Exposure" => (
            &["experiment_key", "flag_key", "[Experiment] Experiment Key", "[Experiment] Flag Key"],
            &["variant", "[Experiment] Variant"],
        ),
        _ => return None,
    };
    Some((property(flags)?.as_str()?, property(variations)?))
}

fn key(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A time that may be without an offset, as Amplitude writes it: in UTC.
fn at_utc(at: &Value) -> Value {
    match at.as_str() {
        Some(text) if text.len() >= 19 && !text.ends_with('Z') && !text.contains('+') => {
            Value::String(format!("{}Z", text.trim_end_matches(" UTC").replacen(' ', "T", 1)))
        }
        _ => at.clone(),
    }
}
