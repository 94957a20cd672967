//! What sets OpenAI's chat completions apart: the most fields in an answer, and the fewest rules for
//! the order of messages.
//!
//! Source: the service's own error messages and model pages, as of November 2026.

use std::collections::BTreeSet;

use super::families::FAMILIES;
use crate::llm::families::{Family, Sampling, find};
use crate::llm::wire::body::{BodyProblem, Problem};
use crate::llm::wire::completions::{
    AnswerForm, BodyIn, CompletionWords, Deprecated, Dialect, ToolRules, TurnRules,
};
use crate::llm::wire::media::{SentMedium, openai_image, sound, usual_document};
use crate::llm::wire::responses::ModelParameters;

/// OpenAI's chat completions.
pub(super) static DIALECT: Dialect = BASE;

/// Those of a server that speaks the same, with the older word for the cap.
pub(super) static COMPATIBLE: Dialect =
    Dialect { words: CompletionWords { completion_cap: false, ..BASE.words }, ..BASE };

const BASE: Dialect = Dialect {
    refused: &[
        ("top_k", |body| body.top_k.0),
        ("system", |body| body.system.0),
        ("stop_sequences", |body| body.stop_sequences.0),
        ("thinking", |body| body.thinking.0),
        ("random_seed", |body| body.random_seed.is_some()),
        ("safe_prompt", |body| body.safe_prompt.0),
        ("output_config", |body| body.output_config.0),
        ("extra_body", |body| body.extra_body.0),
    ],
    deprecated: &[
        Deprecated { word: "functions", present: |body| body.functions.0, instead: "tools" },
        Deprecated {
            word: "function_call",
            present: |body| body.function_call.0,
            instead: "tool_choice",
        },
    ],
    without_model: || BodyProblem::said("model", "you must provide a model parameter", None),
    check_model,
    max_stops: Some(4),
    max_temperature: 2.0,
    min_max_tokens: 1,
    refuses_idle_options: true,
    json_needs_its_word: true,
    tools: ToolRules {
        max: Some(128),
        may_be_empty: true,
        need_type: true,
        need_parameters: false,
        bad_name: |i, _| {
            format!(
                "Invalid 'tools[{i}].function.name': string does not match pattern. Expected a string that matches the pattern \
                 '^[a-zA-Z0-9_-]+$'."
            )
        },
        choices: &["none", "auto", "required"],
        allowed_tools: true,
    },
    turns: TurnRules {
        roles: &["system", "assistant", "user", "function", "tool", "developer"],
        empty: || BodyProblem::new("messages", Problem::Empty),
        check_order: |_| Ok(()),
        refuses_function_call: true,
        empty_text_is_silence: false,
        silent: |i| {
            BodyProblem::said(
                format!("messages.{i}.content"),
                "Invalid value for 'content': expected a string, got null.",
                Some("invalid_value"),
            )
        },
        media,
        without_id: BodyProblem::missing,
        check_id: |_, _| Ok(()),
        object_arguments: false,
        unexpected_result: |i, _| {
            BodyProblem::said(
                format!("messages.{i}.role"),
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
                None,
            )
        },
        without_results,
    },
    words: CompletionWords {
        any_tool: "required",
        completion_cap: true,
        random_seed: false,
        user_in_metadata: false,
        results_name_tools: false,
        text_beside_calls: false,
    },
    answer: AnswerForm {
        all_fields: true,
        filtered: "content_filter",
        usage_on_request: true,
        whole_calls: false,
    },
};

/// Models that neither see nor hear. Source: the model pages.
const BLIND: [&str; 4] = ["gpt-3.5-turbo", "gpt-4", "o3-mini", "o1-mini"];
/// Tokens of a second of sound: one for each 100 ms, by the guide to audio of the documentation.
const TOKENS_PER_SECOND: u64 = 10;

/// Tokens of what is no text.
fn media(model: &str, medium: &SentMedium) -> Result<u32, String> {
    let family = find(FAMILIES, model).map(|family| family.name);
    let only = |kind: &str| {
        Err(format!("Invalid content type. {kind} is only supported by certain models."))
    };
    let blind = family.is_some_and(|name| BLIND.contains(&name));
    match medium {
        SentMedium::Image(..) if blind => only("image_url"),
        SentMedium::Document(_) if blind => only("file"),
        SentMedium::Sound(_) if family.is_some_and(|name| !name.contains("audio")) => {
            only("input_audio")
        }
        SentMedium::Image(size, low) => Ok(openai_image(model, *size, *low)),
        SentMedium::Document(bytes) => Ok(usual_document(bytes)),
        SentMedium::Sound(bytes) => Ok(sound(bytes, TOKENS_PER_SECOND)),
    }
}

fn without_results(i: usize, open: &BTreeSet<String>) -> BodyProblem {
    let words = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following \
         tool_call_ids did not have response messages: {}",
        open.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    );
    BodyProblem::said(format!("messages.{i}.role"), words, None)
}

/// Whether the model takes this effort.
fn effort(family: &Family, body: &BodyIn) -> Result<(), BodyProblem> {
    let Some(found) = &body.reasoning_effort else { return Ok(()) };
    match family.efforts {
        [] => Err(BodyProblem::new("reasoning_effort", Problem::Forbidden)),
        allowed if allowed.contains(&found.as_str()) => Ok(()),
        allowed => {
            let quoted: Vec<String> = allowed.iter().map(|word| format!("'{word}'")).collect();
            let words = format!(
                "Unsupported value: 'reasoning_effort' does not support '{found}' with this model. Supported values are: {}.",
                quoted.join(", ")
            );
            Err(BodyProblem::said("reasoning_effort", words, Some("unsupported_value")))
        }
    }
}

/// Whether the model takes these parameters of another format.
pub(super) fn check_parameters(family: &Family, sent: ModelParameters) -> Result<(), BodyProblem> {
    let mut body = BodyIn::default();
    body.reasoning_effort = sent.effort;
    body.temperature = sent.temperature;
    body.top_p = sent.top_p;
    body.top_logprobs = sent.top_logprobs.filter(|most| *most > 0);
    body.max_completion_tokens = sent.max_output_tokens;
    check_model(family, &body)
}

/// What the models of OpenAI refuse.
fn check_model(family: &Family, body: &BodyIn) -> Result<(), BodyProblem> {
    effort(family, body)?;
    if let Some((word, most)) =
        [("max_tokens", body.max_tokens), ("max_completion_tokens", body.max_completion_tokens)]
            .into_iter()
            .find_map(|(word, most)| Some((word, most?)))
    {
        if word == "max_tokens" && family.reasons() {
            let words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
            return Err(BodyProblem::said(word, words, Some("unsupported_parameter")));
        }
        if most > i64::from(family.output) {
            let words = format!(
                "{word} is too large: {most}. This model supports at most {} completion tokens, whereas you provided {most}.",
                family.output
            );
            return Err(BodyProblem::said(word, words, None));
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
        Err(BodyProblem::said(word, words, Some("unsupported_parameter")))
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
            return Err(BodyProblem::said(word, words, Some("unsupported_value")));
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
