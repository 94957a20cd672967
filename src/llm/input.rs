//! How many tokens a request has: one count for what a simulated run would send and for what a
//! client of `serve` sends.
//!
//! Does not know: how a provider counts; every text is counted with the same table.

use crate::knowledge::tokens::count;
use crate::llm::chat::{ChatRequest, ContentPart, Message, Output};
use crate::llm::model::TOKENS_PER_MESSAGE;
use crate::llm::wire::Provider;

/// A tool as it is counted: name, description and schema.
#[must_use]
pub fn offer(name: &str, description: &str, schema: &str) -> String {
    format!("{name}\n{description}\n{schema}")
}

/// Tokens that go with every call: the instructions, the tools on offer, the schema of the answer,
/// and the prompt that the provider adds to a call with tools. A schema that is sent as a tool of
/// its own is an offer.
#[must_use]
pub fn fixed_tokens(
    provider: Option<Provider>,
    instructions: &str,
    offers: &[String],
    schema: Option<&str>,
) -> u32 {
    let prompt =
        provider.filter(|_| !offers.is_empty()).map(|provider| provider.api.tool_prompt_tokens());
    let offers: u32 = offers.iter().map(|offer| count(offer)).sum();
    count(instructions) + offers + schema.map_or(0, count) + prompt.unwrap_or_default()
}

/// Input tokens of a whole request: what goes with every call, and each message with what the chat
/// format adds.
#[must_use]
pub fn input_tokens(provider: Provider, request: &ChatRequest) -> u32 {
    let offers: Vec<String> = request
        .tools
        .iter()
        .map(|tool| offer(&tool.name, &tool.description, &tool.schema))
        .collect();
    let schema = match &request.output {
        Output::JsonSchema { name, schema, .. } => Some(format!("{name}\n{schema}")),
        Output::OneOf(words) => Some(words.join("\n")),
        Output::Text | Output::JsonObject => None,
    };
    let system = request.system.as_deref().unwrap_or_default();
    fixed_tokens(Some(provider), system, &offers, schema.as_deref())
        + request.messages.iter().map(message_tokens).sum::<u32>()
        + request.media_tokens
}

/// Tokens of one message, with what the chat format adds.
#[must_use]
pub fn message_tokens(message: &Message) -> u32 {
    let part = |part: &ContentPart| match part {
        ContentPart::Text(text) => count(text),
        ContentPart::ToolUse(call) => count(&format!("{} {}", call.name, call.input)),
        ContentPart::ToolResult(result) => count(&result.content),
    };
    message.content.iter().map(part).sum::<u32>() + TOKENS_PER_MESSAGE
}
