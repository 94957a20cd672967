//! A scripted answer as an answer of a model.
//!
//! Guarantees: a pure function of the answer, the request and how often it came before.
//!
//! Does not know: which answer a request gets, or HTTP.

use crate::context::KEY_EPOCH;
use crate::knowledge::tokens::count;
use crate::llm::chat::{
    Block, ChatError, ChatRequest, ChatResponse, ErrorKind, Stop, ToolChoice, ToolUse, Usage,
};
use crate::llm::input::input_tokens;
use crate::llm::wire::Provider;
use crate::random::{Owner, Purpose, Seed};
use crate::scenario::{AnswerStep, ScriptedBody};
use crate::time::Duration;

/// The answer; `None`: the simulated models answer.
#[must_use]
pub fn response(
    provider: Provider,
    seed: Seed,
    request: &ChatRequest,
    step: &AnswerStep,
    (digest, before): (Owner, u64),
) -> Option<ChatResponse> {
    let mut stage = seed.stage(Purpose::Identifier, digest, before);
    let mut bits = || u128::from(stage.bits()) << 64 | u128::from(stage.bits());
    let id = provider.api.answer_id(bits());
    let mut call = |name: &str, input: &str| {
        Block::ToolUse(ToolUse {
            id: provider.api.tool_call_id(bits()),
            name: name.to_owned(),
            input: input.to_owned(),
        })
    };
    let text = |text: &str| Block::Text(text.to_owned());
    let (content, refusal) = match &step.body {
        ScriptedBody::Simulated => return None,
        ScriptedBody::Say(words) => (vec![text(words)], None),
        ScriptedBody::Calls(words, calls) => {
            let said = words.iter().map(|words| text(words));
            let calls = calls.iter().map(|(name, input)| call(name, input));
            (said.chain(calls).collect(), None)
        }
        ScriptedBody::Json(json) => match typed_by(request) {
            Some(tool) => (vec![call(tool, json)], None),
            None => (vec![text(json)], None),
        },
        ScriptedBody::Refuse(words) => (Vec::new(), Some(words.clone())),
    };
    let calls = content.iter().any(|block| matches!(block, Block::ToolUse(_)));
    let stop = match (calls, &refusal) {
        (true, _) => Stop::ToolUse,
        (_, Some(_)) => Stop::Refusal,
        _ => Stop::EndTurn,
    };
    let said = content.iter().map(|block| match block {
        Block::Text(text) => count(text),
        Block::ToolUse(call) => count(&format!("{} {}", call.name, call.input)),
    });
    let output = said.sum::<u32>() + refusal.as_deref().map_or(0, count);
    let input = step.input_tokens.unwrap_or_else(|| input_tokens(provider, request));
    let mut response = ChatResponse {
        logprobs: None,
        others: Vec::new(),
        id,
        created: u64::from(KEY_EPOCH),
        model: request.model.clone(),
        content,
        stop,
        usage: Usage::uncached(input, output),
        refusal,
    };
    adjust(&mut response, step);
    Some(response)
}

/// Puts what an answer states of itself into it.
pub fn adjust(response: &mut ChatResponse, step: &AnswerStep) {
    if let Some(stop) = &step.finish {
        response.stop = stop.clone();
    }
    if let Some(input) = step.input_tokens {
        response.usage.input = input;
    }
    if let Some(output) = step.output_tokens {
        response.usage.output = output;
        response.usage.reasoning = response.usage.reasoning.min(output);
    }
}

/// The one tool that a typed answer has to call.
fn typed_by(request: &ChatRequest) -> Option<&str> {
    match (&request.tool_choice, &request.tools[..]) {
        (ToolChoice::Named(name), _) => Some(name),
        (ToolChoice::Any, [only]) => Some(&only.name),
        _ => None,
    }
}

/// The error of this status.
#[must_use]
pub fn error(status: u16, message: Option<&str>, retry_after: Option<Duration>) -> ChatError {
    let (kind, usual) = match status {
        401 => (ErrorKind::Authentication, "The key is missing or wrong"),
        403 => (ErrorKind::Permission, "The key may not do this"),
        404 => (ErrorKind::NotFound, "There is no such thing"),
        408 | 504 => (ErrorKind::Timeout, "The request timed out"),
        409 => (ErrorKind::Conflict, "The request collides with another one"),
        413 => (ErrorKind::TooLarge, "The request is too large"),
        429 => (ErrorKind::RateLimited, "Rate limit exceeded, please try again later"),
        503 | 529 => (ErrorKind::Overloaded, "Overloaded"),
        500.. => (ErrorKind::Server, "Internal server error"),
        _ => (ErrorKind::BadRequest, "The request is not accepted"),
    };
    ChatError { retry_after, ..ChatError::new(kind, message.unwrap_or(usual)) }
}
