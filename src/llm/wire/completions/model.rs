//! What the models of OpenAI and Mistral refuse.
//!
//! Source: the services' own error messages and model pages, as of November 2026.

use super::Dialect;
use super::read::BodyIn;
use crate::llm::families::{Family, Sampling};
use crate::llm::wire::body::{Fault, Problem};

/// Most stop texts that OpenAI takes.
const MAX_STOPS: usize = 4;

/// Whether the model takes these parameters. A model that no table has takes all.
pub(super) fn check(
    dialect: Dialect,
    family: Option<&Family>,
    body: &BodyIn,
    stops: usize,
) -> Result<(), Fault> {
    if dialect == Dialect::OpenAi && stops > MAX_STOPS {
        let words = format!(
            "Invalid 'stop': array too long. Expected an array with maximum length {MAX_STOPS}, but got an array with length {stops} instead."
        );
        return Err(Fault::said("stop", words, Some("array_above_max_length")));
    }
    let Some(family) = family else { return Ok(()) };
    effort(dialect, family, body)?;
    match dialect {
        Dialect::OpenAi => openai(family, body),
        Dialect::Mistral => Ok(()),
    }
}

fn effort(dialect: Dialect, family: &Family, body: &BodyIn) -> Result<(), Fault> {
    let Some(found) = &body.reasoning_effort else { return Ok(()) };
    match (dialect, family.efforts) {
        (Dialect::Mistral, []) => Err(Fault::said(
            "reasoning_effort",
            "reasoning_effort is not supported for this model",
            None,
        )),
        (_, []) => Err(Fault::new("reasoning_effort", Problem::Forbidden)),
        (_, allowed) if allowed.contains(&found.as_str()) => Ok(()),
        (Dialect::Mistral, allowed) => {
            Err(Fault::new("reasoning_effort", Problem::NotOneOf { found: found.clone(), allowed }))
        }
        (_, allowed) => {
            let quoted: Vec<String> = allowed.iter().map(|word| format!("'{word}'")).collect();
            let words = format!(
                "Unsupported value: 'reasoning_effort' does not support '{found}' with this model. Supported values are: {}.",
                quoted.join(", ")
            );
            Err(Fault::said("reasoning_effort", words, Some("unsupported_value")))
        }
    }
}

fn openai(family: &Family, body: &BodyIn) -> Result<(), Fault> {
    if let Some((word, most)) =
        [("max_tokens", body.max_tokens), ("max_completion_tokens", body.max_completion_tokens)]
            .into_iter()
            .find_map(|(word, most)| Some((word, most?)))
    {
        if word == "max_tokens" && family.reasons() {
            let words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
            return Err(Fault::said(word, words, Some("unsupported_parameter")));
        }
        if most > i64::from(family.output) {
            let words = format!(
                "{word} is too large: {most}. This model supports at most {} completion tokens, whereas you provided {most}.",
                family.output
            );
            return Err(Fault::said(word, words, None));
        }
    }
    if !family.reasons() {
        return Ok(());
    }
    let unreasoned = match family.sampling {
        Sampling::WithoutReasoning { by_default } => {
            body.reasoning_effort.as_ref().map_or(by_default, |effort| effort == "none")
        }
        _ => false,
    };
    if unreasoned {
        return Ok(());
    }
    let unsupported = |word: &str| {
        let words = format!("Unsupported parameter: '{word}' is not supported with this model.");
        Err(Fault::said(word, words, Some("unsupported_parameter")))
    };
    let numbers = [
        ("temperature", body.temperature, 1.0),
        ("top_p", body.top_p, 1.0),
        ("presence_penalty", body.presence_penalty, 0.0),
        ("frequency_penalty", body.frequency_penalty, 0.0),
    ];
    for (word, sent, usual) in numbers {
        let Some(sent) = sent else { continue };
        if family.sampling == Sampling::Refused {
            return unsupported(word);
        }
        if sent != usual {
            let words = format!(
                "Unsupported value: '{word}' does not support {sent} with this model. Only the default ({usual}) value is supported."
            );
            return Err(Fault::said(word, words, Some("unsupported_value")));
        }
    }
    if body.logprobs == Some(true) || body.top_logprobs.is_some() {
        return unsupported(if body.logprobs == Some(true) { "logprobs" } else { "top_logprobs" });
    }
    if body.logit_bias.0 {
        return unsupported("logit_bias");
    }
    Ok(())
}
