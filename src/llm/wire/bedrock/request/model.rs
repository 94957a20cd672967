//! What Bedrock's models refuse.
//!
//! Source: messages of the service as users report them, November 2026.

use crate::llm::chat::{ChatRequest, ContentPart, Role, ToolChoice};
use crate::llm::families::Sampling;
use crate::llm::wire::bedrock::families;
use crate::llm::wire::body::BodyProblem;

/// Whether the model takes this request; `with_tools`: it has a `toolConfig`.
pub(super) fn check(request: &ChatRequest, with_tools: bool) -> Result<(), BodyProblem> {
    let said = |path: &str, words: String| Err(BodyProblem::said(path, words, None));
    let mut parts = request.messages.iter().flat_map(|message| &message.content);
    if !with_tools && parts.any(|part| !matches!(part, ContentPart::Text(_))) {
        let words = "The toolConfig field must be defined when using toolUse and toolResult content blocks.";
        return said("toolConfig", words.to_owned());
    }
    let Some(family) = families::of(&request.model) else { return Ok(()) };
    if request.max_tokens.is_some_and(|most| most > family.output) {
        let most = family.output;
        let words = format!(
            "The maximum tokens you requested exceeds the model limit of {most}. Try again with a maximum tokens value that is lower than {most}."
        );
        return said("inferenceConfig.maxTokens", words);
    }
    if family.sampling == Sampling::Refused {
        for (word, sent) in [("temperature", request.temperature), ("top_p", request.top_p)] {
            if sent.is_some() {
                let words = format!(
                    "The model returned the following errors: `{word}` is deprecated for this model."
                );
                return said("inferenceConfig", words);
            }
        }
    }
    let choice = match request.tool_choice {
        ToolChoice::Any => "any",
        ToolChoice::Named(_) => "tool",
        ToolChoice::Auto | ToolChoice::None => "",
    };
    if !choice.is_empty() && !family.forced_tools {
        let words = format!(
            "This model doesn't support the toolConfig.toolChoice.{choice} field. Remove toolConfig.toolChoice.{choice} and try again."
        );
        return said("toolConfig.toolChoice", words);
    }
    if !family.prefill
        && request.messages.last().is_some_and(|message| message.role == Role::Assistant)
    {
        let words = "The model returned the following errors: This model does not support assistant message prefill. The conversation must end with a user message.";
        return said("messages", words.to_owned());
    }
    Ok(())
}
