//! What was asked and answered, one JSON document a call, out of a recording.
//!
//! Does not know: where the bytes go.

use serde_json::{Map, Value, json};

use crate::agents::Graph;

use super::recording::{CallOutcome, Recording};

/// The transcript of a recording, in the order of users and agents.
#[must_use]
pub fn transcript(recording: &Recording, graph: &Graph) -> Vec<u8> {
    let epoch = recording.run.as_ref().map_or(0, |run| run.key_epoch);
    let mut out = Vec::new();
    for (call, outcome) in &recording.calls {
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| drop(line.insert(name.to_owned(), value));
        put("user", (call.user > 0).then_some(call.user).into());
        put("key", (call.user > 0).then(|| format!("user_{epoch}_{}", call.user)).into());
        put("caller", graph.name(call.caller).into());
        put("call", call.nth.into());
        put("attempt", call.attempt.into());
        put("asked", json!([{ "role": "user", "text": outcome.asked() }]));
        match outcome {
            CallOutcome::Answered(answered) => {
                put("model", answered.model.as_str().into());
                put("answered", answered.text.as_str().into());
                if !answered.tools.is_empty() {
                    put(
                        "tools",
                        answered
                            .tools
                            .iter()
                            .map(|tool| json!({ "name": tool.name, "input": tool.input }))
                            .collect(),
                    );
                }
                put("input_tokens", answered.input_tokens.into());
                put("output_tokens", answered.output_tokens.into());
                put("latency_ms", (answered.latency_us as f64 / 1e3).into());
            }
            CallOutcome::Failed(failed) => {
                put("model", failed.model.as_str().into());
                put("failed", failed.why.as_str().into());
                put("message", failed.message.as_str().into());
                put("latency_ms", (failed.latency_us as f64 / 1e3).into());
            }
        }
        out.extend_from_slice(Value::Object(line).to_string().as_bytes());
        out.push(b'\n');
    }
    out
}
