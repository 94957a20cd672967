//! What was asked and answered, one JSON document a call, out of a recording.
//!
//! Does not know: where the bytes go.

use super::recording::{CallOutcome, Recording};
use crate::agents::Graph;
use crate::run::{AskedText, ToolText, TranscriptLine, TranscriptOutcome};

/// The transcript of a recording, in the order of users and agents.
#[must_use]
pub fn transcript(recording: &Recording, graph: &Graph) -> Vec<u8> {
    let epoch = recording.run.as_ref().map_or(0, |run| run.key_epoch);
    let mut out = Vec::new();
    for (call, outcome) in &recording.calls {
        let user = (call.user > 0).then_some(call.user);
        let (model, outcome_of_call) = match outcome {
            CallOutcome::Answered(answered) => {
                let tools = answered
                    .tools
                    .iter()
                    .map(|tool| ToolText { name: tool.name.clone(), input: tool.input.clone() });
                let tokens = (answered.input_tokens, answered.output_tokens);
                let text = Some(answered.text.as_str()).filter(|text| !text.is_empty());
                let outcome =
                    TranscriptOutcome::answered(text, tools.collect(), tokens, answered.latency_us);
                (&answered.model, outcome)
            }
            CallOutcome::Failed(failed) => {
                let outcome = TranscriptOutcome::Failed {
                    failed: failed.why.clone(),
                    message: Some(failed.message.clone()),
                    latency_ms: failed.latency_us as f64 / 1e3,
                };
                (&failed.model, outcome)
            }
        };
        let line = TranscriptLine {
            request: None,
            at_ms: None,
            user,
            visit: None,
            key: user.map(|user| format!("user_{epoch}_{user}")),
            caller: graph.name(call.caller).to_owned(),
            call: call.nth,
            attempt: Some(call.attempt),
            model: Some(model.clone()),
            asked: vec![AskedText { role: "user", text: outcome.asked().to_owned() }],
            outcome: outcome_of_call,
            request_body: None,
            answer_body: None,
        };
        line.write(&mut out);
    }
    out
}
