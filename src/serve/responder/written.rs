//! The words and calls of an answer, and the ids in it.
//!
//! Does not know: what is answered.

use crate::knowledge::tokens::{count, words};
use crate::llm::chat::{
    Block, ChatRequest, ChatResponse, ContentPart, Message, Role, Stop, ToolUse,
};
use crate::llm::setup::ToolSpec;
use crate::llm::wire::Provider;
use crate::serve::invent;

/// Arguments as they are, unless the request has a schema of its own for the tool, which does not
/// take them.
pub(super) fn kept_to(
    request: &ChatRequest,
    tool: &ToolSpec,
    usual: String,
    words: &str,
) -> String {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    let own = request.tools.iter().find(|own| own.name == tool.key);
    let schema = own.map(|own| read(&own.schema)).unwrap_or_default();
    if schema == read(&tool.schema) {
        return usual;
    }
    let Ok(serde_json::Value::Object(known)) = serde_json::from_str(&usual) else { return usual };
    if schema == serde_json::Value::Null
        || invent::holds(&schema, &serde_json::Value::Object(known.clone()))
    {
        return usual;
    }
    invent::completed(&schema, words, known).map_or(usual, |made| made.to_string())
}

/// Calls of the request's own tools.
pub(super) fn make_calls(
    request: &ChatRequest,
    calls: &[(usize, String)],
    names: &mut Names,
    response: &mut ChatResponse,
) {
    for (tool, input) in calls {
        let Some(tool) = request.tools.get(*tool) else { continue };
        let (name, input) = (tool.name.clone(), input.clone());
        response.usage.output += count(&format!("{name} {input}"));
        response.content.push(Block::ToolUse(ToolUse { id: names.call(), name, input }));
    }
    response.stop = Stop::ToolUse;
}

pub(super) fn first_sentence(text: &str) -> String {
    text.split_inclusive(['.', '!', '?']).next().unwrap_or_default().trim().to_owned()
}

/// Says these words, up to a stop text or the cap on tokens; `size` is their number of tokens where
/// that is known and nothing is cut.
pub(super) fn say(
    request: &ChatRequest,
    mut text: String,
    size: Option<u32>,
    response: &mut ChatResponse,
) {
    if let Some(tokens) = size {
        response.usage.output = tokens;
        response.content.push(Block::Text(text));
        return;
    }
    let stop = request
        .stop
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| Some((text.find(stop.as_str())?, stop)))
        .min();
    if let Some((at, stop)) = stop {
        response.stop = Stop::StopSequence(Some(stop.clone()));
        text.truncate(at);
    }
    let most = request.max_tokens.unwrap_or(u32::MAX);
    let (mut tokens, mut end) = (0_u32, 0);
    for word in words(&text) {
        let more = count(word);
        if tokens.saturating_add(more) > most {
            response.stop = Stop::MaxTokens;
            break;
        }
        tokens += more;
        end += word.len();
    }
    text.truncate(end);
    response.usage.output = tokens;
    response.content.push(Block::Text(text));
}

/// Leaves out of an answer what stands at the end of the conversation already, where the assistant
/// has begun it: `{` of a JSON object, or the same words.
pub(super) fn go_on(request: &ChatRequest, response: &mut ChatResponse) {
    let Some(Message { role: Role::Assistant, content }) = request.messages.last() else { return };
    let [ContentPart::Text(begun)] = content.as_slice() else { return };
    let [Block::Text(text)] = response.content.as_mut_slice() else { return };
    let begun = begun.trim_end();
    let overlaps = |at: &usize| {
        let head = text.get(..*at).unwrap_or_default();
        begun.ends_with(head) && (head.len() == begun.len() || head.starts_with(['{', '[']))
    };
    let ends = (1..text.len().min(begun.len() + 1)).filter(|at| text.is_char_boundary(*at));
    let Some(at) = ends.rev().find(overlaps) else { return };
    *text = text.get(at..).unwrap_or_default().to_owned();
    response.usage.output = count(text);
}

/// Where ids come from.
pub(super) struct Names {
    pub(super) provider: Provider,
    pub(super) stage: crate::random::Stage,
}

impl Names {
    pub(super) fn bits(&mut self) -> u128 {
        u128::from(self.stage.bits()) << 64 | u128::from(self.stage.bits())
    }

    pub(super) fn call(&mut self) -> String {
        let bits = self.bits();
        self.provider.api.tool_call_id(bits)
    }
}
