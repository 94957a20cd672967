//! What Google's models refuse.
//!
//! Source: the documentation's pages on thinking, thought signatures and function calling,
//! November 2026.

use super::ThinkingIn;
use super::contents::Unsigned;
use crate::llm::chat::{ChatRequest, Output};
use crate::llm::families::{Family, Thinking, find};
use crate::llm::wire::body::BodyProblem;
use crate::llm::wire::google::families::{FAMILIES, budgets};

/// Whether the model takes this request.
pub(super) fn check(
    request: &ChatRequest,
    thinking: Option<&ThinkingIn>,
    unsigned: Option<&Unsigned>,
) -> Result<(), BodyProblem> {
    if let Some(ThinkingIn { thinking_budget: Some(_), thinking_level: Some(_) }) = thinking {
        let words = "You can only set only one of thinking budget and thinking level.";
        return Err(BodyProblem::said("generationConfig.thinkingConfig", words, None));
    }
    let Some(family) = find(FAMILIES, &request.model) else { return Ok(()) };
    if let Some(most) = request.max_tokens.filter(|most| *most > family.output) {
        let words = format!(
            "Unable to submit request because it has a maxOutputTokens value of {most} but the supported range is from 1 (inclusive) to {} (exclusive). Update the value and try again.",
            u64::from(family.output) + 1
        );
        return Err(BodyProblem::said("generationConfig.maxOutputTokens", words, None));
    }
    if family.thinking == Thinking::Budget
        && !request.tools.is_empty()
        && matches!(request.output, Output::JsonObject | Output::JsonSchema { .. })
    {
        let words = "Function calling with a response mime type: 'application/json' is unsupported";
        return Err(BodyProblem::said("generationConfig.responseMimeType", words, None));
    }
    if let Some(Unsigned { name, path, position }) = unsigned.filter(|_| signs(family)) {
        let words = format!(
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:{name}` , position {position}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
        );
        return Err(BodyProblem::said(path.as_str(), words, None));
    }
    thinking.map_or(Ok(()), |thinking| thinks(family, thinking))
}

/// Whether the model gives its function calls signatures, and wants them back.
pub(in crate::llm::wire::google) fn signs(family: &Family) -> bool {
    family.reasons()
}

fn thinks(family: &Family, thinking: &ThinkingIn) -> Result<(), BodyProblem> {
    let said = |field: &str, words: String| {
        Err(BodyProblem::said(format!("generationConfig.thinkingConfig.{field}"), words, None))
    };
    if let Some(level) = thinking.thinking_level.as_deref()
        && level != "THINKING_LEVEL_UNSPECIFIED"
    {
        if family.efforts.is_empty() {
            let words = "Thinking level is not supported for this model.";
            return said("thinkingLevel", words.to_owned());
        }
        if !family.efforts.contains(&level.to_ascii_lowercase().as_str()) {
            let words = format!(
                "Thinking level {} is not supported for this model. Please retry with other thinking level.",
                level.to_ascii_uppercase()
            );
            return said("thinkingLevel", words);
        }
    }
    if let Some(budget) = thinking.thinking_budget
        && let Some((least, most)) = budgets(family)
        && budget != -1
        && !(least..=most).contains(&budget)
    {
        let words = format!(
            "The thinking budget {budget} is invalid. Please choose a value between {least} and {most}."
        );
        return said("thinkingBudget", words);
    }
    Ok(())
}
