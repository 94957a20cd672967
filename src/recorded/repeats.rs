//! Recognize events that were recorded twice.
//!
//! An SDK sends a payload again when its answer got lost, and a pipeline may deliver a message
//! twice. Two metric events are the same when their time, key, unit, value and data are equal.
//! Inside one payload (one line that holds an array) equal events are different ones, because an
//! SDK writes each event once into a payload: two calls of a tool in the same millisecond both
//! count. Events on lines of their own that are equal to the millisecond count once.
//!
//! Guarantees: the order of payloads does not matter. Memory: 20 bytes and a tree's overhead for
//! each event that is asked about.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::flags::events::inner;

/// The events so far.
#[derive(Debug, Default)]
pub struct Repeats {
    /// By digest, the most that one payload held.
    most: BTreeMap<u128, u32>,
    /// The current line and what it holds so far.
    line: u64,
    here: BTreeMap<u128, u32>,
}

impl Repeats {
    /// Whether this event of line `line` was recorded before, on another line. Lines have to come
    /// in order.
    pub fn again(&mut self, line: u64, at_ms: u64, unit: &str, event: &Value) -> bool {
        if line != self.line {
            self.line = line;
            self.here.clear();
        }
        let digest = digest(at_ms, unit, inner(event));
        let here = self.here.entry(digest).or_default();
        *here += 1;
        let most = self.most.entry(digest).or_default();
        let again = *here <= *most;
        *most = (*most).max(*here);
        again
    }
}

/// A digest of what makes a metric event this one and no other. How an exporter writes it (order of
/// fields, extra fields, envelope) makes no difference.
fn digest(at_ms: u64, unit: &str, event: &Value) -> u128 {
    let mut state = xxhash_rust::xxh3::Xxh3::new();
    state.update(&at_ms.to_le_bytes());
    state.update(unit.as_bytes());
    state.update(&[0]);
    state.update(event["key"].as_str().unwrap_or_default().as_bytes());
    state.update(&[0]);
    match event["metricValue"].as_f64() {
        Some(value) => state.update(&value.to_bits().to_le_bytes()),
        None => state.update(&[1]),
    }
    add(&mut state, &event["data"]);
    state.digest128()
}

/// Adds a JSON value, its fields in alphabetical order.
fn add(state: &mut xxhash_rust::xxh3::Xxh3, value: &Value) {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            state.update(b"{");
            for (name, value) in fields {
                state.update(name.as_bytes());
                state.update(&[0]);
                add(state, value);
            }
            state.update(b"}");
        }
        Value::Array(values) => {
            state.update(b"[");
            values.iter().for_each(|value| add(state, value));
            state.update(b"]");
        }
        Value::String(text) => {
            state.update(b"s");
            state.update(text.as_bytes());
            state.update(&[0]);
        }
        other => state.update(other.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_told_apart_by_its_content_and_by_its_payload() {
        let mut repeats = Repeats::default();
        let call = json!({ "kind": "custom", "key": "tool", "metricValue": 1, "data": { "a": 1, "b": [2, "c"] } });
        // Two equal calls in one payload are two; the payload sent again brings nothing new, a
        // third call in it does.
        assert_eq!([1, 1].map(|line| repeats.again(line, 5, "u", &call)), [false, false]);
        assert_eq!([2, 2, 2].map(|line| repeats.again(line, 5, "u", &call)), [true, true, false]);
        let rewritten = json!({ "event": { "data": { "b": [2, "c"], "a": 1 }, "metricValue": 1.0, "key": "tool", "kind": "custom" } });
        assert!(repeats.again(3, 5, "u", &rewritten));
        for (at, unit, event) in [
            (6, "u", call.clone()),
            (5, "v", call.clone()),
            (5, "u", json!({ "key": "tool", "metricValue": 2, "data": { "a": 1, "b": [2, "c"] } })),
            (5, "u", json!({ "key": "tool", "data": { "a": 1, "b": [2, "c"] } })),
            (5, "u", json!({ "key": "tool", "metricValue": 1, "data": { "a": 1, "b": [2, "d"] } })),
            (
                5,
                "u",
                json!({ "key": "other", "metricValue": 1, "data": { "a": 1, "b": [2, "c"] } }),
            ),
        ] {
            assert!(!repeats.again(4, at, unit, &event), "{at} {unit} {event}");
        }
    }
}
