//! What sets Mistral's chat completions apart: rules for the order of messages and for ids of calls,
//! those of its own `mistral-common` validator, and fewer fields in an answer.
//!
//! Source: the service's own error messages and model pages, as of November 2026.

use super::families::FAMILIES;
use crate::llm::families::{Family, find};
use crate::llm::wire::body::{BodyProblem, Problem};
use crate::llm::wire::completions::{
    AnswerForm, BodyIn, CompletionWords, Dialect, ToolRules, TurnPlace, TurnRules, WireRole,
};
use crate::llm::wire::media::{Pixels, SentMedium, USUAL, sound, usual_document};

/// The code for messages in an order that the service does not take.
const ORDER: Option<&str> = Some("3230");
/// The code for a call that is none.
const CALL: Option<&str> = Some("3280");

/// Mistral's chat completions.
pub(super) static DIALECT: Dialect = Dialect {
    refused: &[
        ("max_completion_tokens", |body| body.max_completion_tokens.is_some()),
        ("store", |body| body.store.0),
        ("user", |body| body.user.is_some()),
        ("seed", |body| body.seed.is_some()),
        ("logit_bias", |body| body.logit_bias.0),
        ("functions", |body| body.functions.0),
        ("function_call", |body| body.function_call.0),
        ("system", |body| body.system.0),
        ("stop_sequences", |body| body.stop_sequences.0),
        ("thinking", |body| body.thinking.0),
        ("output_config", |body| body.output_config.0),
        ("extra_body", |body| body.extra_body.0),
    ],
    deprecated: &[],
    without_model: || BodyProblem::missing("model"),
    check_model,
    max_stops: None,
    max_temperature: 1.5,
    min_max_tokens: 0,
    refuses_idle_options: false,
    json_needs_its_word: false,
    tools: ToolRules {
        max: None,
        may_be_empty: true,
        need_type: false,
        need_parameters: true,
        bad_name: |_, name| {
            format!(
                "Function name was {name} but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64."
            )
        },
        choices: &["auto", "none", "any", "required"],
        allowed_tools: false,
    },
    turns: TurnRules {
        roles: &["system", "user", "assistant", "tool"],
        empty: || {
            BodyProblem::said("messages", "Conversation must have at least one message", ORDER)
        },
        check_order,
        refuses_function_call: false,
        empty_text_is_silence: true,
        silent: |i| {
            BodyProblem::said(
                format!("messages.{i}"),
                "Assistant message must have either content or tool_calls.",
                Some("3240"),
            )
        },
        media,
        without_id: |path| {
            BodyProblem::said(path, "Tool call id has to be defined in serving mode.", CALL)
        },
        check_id,
        object_arguments: true,
        unexpected_result: |i, id| {
            BodyProblem::said(
                format!("messages.{i}.tool_call_id"),
                format!("Unexpected tool call id {id} in tool results"),
                ORDER,
            )
        },
        without_results: |i, _| {
            BodyProblem::said(
                format!("messages.{i}.role"),
                "Not the same number of function calls and responses",
                ORDER,
            )
        },
    },
    words: CompletionWords {
        any_tool: "any",
        completion_cap: false,
        random_seed: true,
        user_in_metadata: true,
        results_name_tools: true,
        text_beside_calls: true,
    },
    answer: AnswerForm {
        all_fields: false,
        filtered: "stop",
        usage_on_request: false,
        whole_calls: true,
    },
};

/// Models that see nothing, and the beginning of the names of those that hear. Source: the model
/// pages.
const BLIND: [&str; 5] =
    ["mistral-tiny", "open-mistral-nemo", "codestral", "devstral-small", "devstral-medium"];
const HEARING: &str = "voxtral";
/// Pixels of a token's side, and the longest side of an image: the tokenizer of mistral-common 1.
const TOKEN_PIXELS: u32 = 28;
const MAX_SIDE: u32 = 1_540;
/// Half tokens of a second of sound: 12.5 frames, as mistral-common has it.
const HALF_TOKENS_PER_SECOND: u64 = 25;

/// Tokens of an image: its rows, each with a token for its end.
fn image(size: Option<Pixels>) -> u32 {
    let (width, height) = size.unwrap_or(USUAL);
    let ratio = f64::from(width.max(height)) / f64::from(MAX_SIDE);
    let tokens = |side: u32| {
        let side = if ratio > 1.0 { (f64::from(side) / ratio).round() as u32 } else { side };
        side.max(1).div_ceil(TOKEN_PIXELS)
    };
    (tokens(width) + 1) * tokens(height)
}

/// Tokens of what is no text.
fn media(model: &str, medium: &SentMedium) -> Result<u32, String> {
    let family = find(FAMILIES, model).map(|family| family.name);
    let refused = |kind: &str| Err(format!("{kind} input is not enabled for this model"));
    match medium {
        SentMedium::Image(..) if family.is_some_and(|name| BLIND.contains(&name)) => {
            refused("Image")
        }
        SentMedium::Sound(_) if family.is_some_and(|name| !name.starts_with(HEARING)) => {
            refused("Audio")
        }
        SentMedium::Image(size, _) => Ok(image(*size)),
        SentMedium::Document(bytes) => Ok(usual_document(bytes)),
        SentMedium::Sound(bytes) => Ok(sound(bytes, HALF_TOKENS_PER_SECOND).div_ceil(2)),
    }
}

/// What the models of Mistral refuse.
fn check_model(family: &Family, body: &BodyIn) -> Result<(), BodyProblem> {
    let Some(found) = &body.reasoning_effort else { return Ok(()) };
    match family.efforts {
        [] => Err(BodyProblem::said(
            "reasoning_effort",
            "reasoning_effort is not supported for this model",
            None,
        )),
        allowed if allowed.contains(&found.as_str()) => Ok(()),
        allowed => Err(BodyProblem::new(
            "reasoning_effort",
            Problem::NotOneOf { found: found.clone(), allowed },
        )),
    }
}

/// Whether `turn` may come after `before`.
fn may_follow(turn: WireRole, before: WireRole) -> bool {
    match before {
        WireRole::System | WireRole::User => turn != WireRole::Tool,
        WireRole::Assistant => turn != WireRole::System,
        WireRole::Tool => matches!(turn, WireRole::Assistant | WireRole::Tool),
    }
}

fn check_order(place: TurnPlace) -> Result<(), BodyProblem> {
    let TurnPlace { i, turn, before, is_last, prefix } = place;
    let refuse = |words: String| Err(BodyProblem::said(format!("messages.{i}.role"), words, ORDER));
    match before {
        None if matches!(turn, WireRole::Assistant | WireRole::Tool) && is_last => {
            return refuse(
                "Conversation must start with a user message or system message".to_owned(),
            );
        }
        Some(before) if !may_follow(turn, before) => {
            return refuse(format!(
                "Unexpected role '{}' after role '{}'",
                turn.word(),
                before.word()
            ));
        }
        _ => {}
    }
    if is_last && turn == WireRole::Assistant && !prefix {
        return refuse("Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant".to_owned());
    }
    Ok(())
}

/// Nine letters or digits, and nothing else.
fn check_id(path: &str, id: &str) -> Result<(), BodyProblem> {
    if id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(BodyProblem::said(
        path,
        format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9."),
        CALL,
    ))
}
