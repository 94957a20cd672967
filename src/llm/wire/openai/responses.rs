//! OpenAI's Responses: `POST /v1/responses`, and what is kept of it.
//!
//! What is refused: what chat completions refuse, in this format's names; the words of chat
//! completions; stored prompts. What is taken and does nothing: tools that the service itself runs
//! (web search, files, code, MCP) and custom tools, which no model here calls; `include` but for
//! the notes of a reasoning model; caching options. Any unknown field is taken.

use super::chat;
use super::dialect;
use super::families::FAMILIES;
use crate::llm::families::{Family, Sampling};
use crate::llm::wire::body::{BodyProblem, Problem};
use crate::llm::wire::responses::{ModelParameters, ResponsesApi};

/// OpenAI's Responses.
pub(super) static RESPONSES: ResponsesApi = ResponsesApi {
    path: "/responses",
    conversations: "/conversations",
    families: FAMILIES,
    check_model,
    reasons_by_default,
    reject: chat::reject,
};

fn reasons_by_default(family: &Family) -> bool {
    let unless_asked = matches!(family.sampling, Sampling::WithoutReasoning { by_default: true });
    family.reasons() && !unless_asked
}

/// What the models refuse is the same in both formats; some names differ.
fn check_model(family: &Family, parameters: ModelParameters) -> Result<(), BodyProblem> {
    dialect::check_parameters(family, parameters).map_err(|fault| {
        let path = match fault.path.as_str() {
            "reasoning_effort" => "reasoning.effort",
            "max_completion_tokens" => "max_output_tokens",
            path => path,
        };
        let problem = match fault.problem {
            Problem::Said { message, code } => {
                Problem::Said { message: message.replace(&fault.path, path), code }
            }
            Problem::Forbidden => {
                let message =
                    format!("Unsupported parameter: '{path}' is not supported with this model.");
                Problem::Said { message, code: Some("unsupported_parameter") }
            }
            problem => problem,
        };
        BodyProblem { path: path.to_owned(), problem }
    })
}
