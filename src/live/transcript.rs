//! What was asked and answered, one JSON document a call, out of a recording.
//!
//! Does not know: where the bytes go.

use serde_json::json;

use super::recording::{CallOutcome, Recording};

/// The transcript of a recording, in the order of users and agents.
#[must_use]
pub fn transcript(recording: &Recording) -> Vec<u8> {
    let epoch = recording.run.as_ref().map_or(0, |run| run.key_epoch);
    let mut out = Vec::new();
    for (call, outcome) in &recording.calls {
        let mut line = json!({
            "user": (call.user > 0).then_some(call.user),
            "key": (call.user > 0).then(|| format!("user_{epoch}_{}", call.user)),
            "caller": call.caller.name(),
            "call": call.nth,
            "attempt": call.attempt,
            "asked": [{ "role": "user", "text": outcome.asked() }],
        });
        match outcome {
            CallOutcome::Answered(answered) => {
                line["model"] = answered.model.as_str().into();
                line["answered"] = answered.text.as_str().into();
                if !answered.tools.is_empty() {
                    line["tools"] = answered.tools.iter().map(|tool| json!({ "name": tool.name, "input": tool.input })).collect();
                }
                line["input_tokens"] = answered.input_tokens.into();
                line["output_tokens"] = answered.output_tokens.into();
                line["latency_ms"] = (answered.latency_us as f64 / 1e3).into();
            }
            CallOutcome::Failed(failed) => {
                line["model"] = failed.model.as_str().into();
                line["failed"] = failed.why.as_str().into();
                line["message"] = failed.message.as_str().into();
                line["latency_ms"] = (failed.latency_us as f64 / 1e3).into();
            }
        }
        out.extend_from_slice(line.to_string().as_bytes());
        out.push(b'\n');
    }
    out
}
