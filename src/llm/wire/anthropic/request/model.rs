//! What Anthropic's models refuse, and the limits that its documentation names.
//!
//! Source: the API reference of Messages and the model pages, as of November 2026. Where the
//! service's own words are not known, they say which parameter is at fault and what to send
//! instead.

use super::BodyIn;
use crate::llm::chat::{ChatRequest, Role, ToolChoice};
use crate::llm::families::{Family, Sampling, Thinking, find};
use crate::llm::wire::anthropic::families::FAMILIES;
use crate::llm::wire::body::{BodyProblem, Obj, Problem};

/// Most messages of a request.
pub(super) const MAX_MESSAGES: usize = 100_000;
/// Models that read no PDF: the documentation's page on PDFs.
const WITHOUT_PDF: [&str; 3] = ["claude-3-haiku", "claude-3-sonnet", "claude-3-opus"];
/// Most characters of `metadata.user_id`.
const MAX_USER: usize = 256;
/// Most places that are marked for the cache.
const MAX_MARKS: usize = 4;
/// Fewest tokens of a thinking budget.
const MIN_BUDGET: i64 = 1_024;

/// What the request says about thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Off,
    Budget(i64),
    Adaptive,
}

/// The parts of a body that depend on the model, kept while the others are read.
pub(super) struct Rest {
    mode: Option<Mode>,
    effort: Option<String>,
    marks: usize,
}

impl Rest {
    /// Takes what is needed out of the body.
    pub(super) fn of(body: &mut BodyIn) -> Result<Self, BodyProblem> {
        if let Some(messages) = &body.messages
            && messages.len() > MAX_MESSAGES
        {
            let words = format!(
                "List should have at most {MAX_MESSAGES} items after validation, not {}",
                messages.len()
            );
            return Err(BodyProblem::said("messages", words, None));
        }
        if let Some(Obj(metadata)) = &body.metadata
            && metadata.user_id.as_ref().is_some_and(|user| user.chars().count() > MAX_USER)
        {
            return Err(BodyProblem::said(
                "metadata.user_id",
                format!("String should have at most {MAX_USER} characters"),
                None,
            ));
        }
        let effort = body.output_config.as_mut().and_then(|Obj(config)| config.effort.take());
        Ok(Self { mode: mode(body)?, effort, marks: body.marks() })
    }

    /// Whether the model takes this request, in which a PDF stands at this place.
    pub(super) fn check(
        &self,
        request: &ChatRequest,
        pdf: Option<&str>,
    ) -> Result<(), BodyProblem> {
        let family = find(FAMILIES, &request.model);
        if let Some(path) = pdf
            && family.is_some_and(|family| WITHOUT_PDF.contains(&family.name))
        {
            let words = format!("'{}' does not support PDF input.", request.model);
            return Err(BodyProblem::said(path, words, None));
        }
        if self.marks > MAX_MARKS {
            let words = format!(
                "A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {}.",
                self.marks
            );
            return Err(BodyProblem::said("", words, None));
        }
        if let Some(Mode::Budget(budget)) = self.mode {
            if budget < MIN_BUDGET {
                let (least, found) = (MIN_BUDGET.to_string(), budget.to_string());
                return Err(BodyProblem::new(
                    "thinking.enabled.budget_tokens",
                    Problem::Below { least, found, whole: true },
                ));
            }
            if request.max_tokens.is_some_and(|most| budget >= i64::from(most)) {
                return Err(BodyProblem::said(
                    "",
                    "`max_tokens` must be greater than `thinking.budget_tokens`.",
                    None,
                ));
            }
        }
        let thinks = matches!(self.mode, Some(Mode::Budget(_) | Mode::Adaptive));
        let forced = matches!(request.tool_choice, ToolChoice::Any | ToolChoice::Named(_));
        if thinks && forced {
            return Err(BodyProblem::said(
                "",
                "Thinking may not be enabled when tool_choice forces tool use.",
                None,
            ));
        }
        if thinks && request.temperature.is_some_and(|heat| heat < 1.0) {
            return Err(BodyProblem::said(
                "",
                "`temperature` may only be set to 1 when thinking is enabled.",
                None,
            ));
        }
        family.map_or(Ok(()), |family| self.suits(family, request, forced))
    }

    fn suits(
        &self,
        family: &Family,
        request: &ChatRequest,
        forced: bool,
    ) -> Result<(), BodyProblem> {
        let said = |path: &str, words: String| Err(BodyProblem::said(path, words, None));
        if let Some(most) = request.max_tokens.filter(|most| *most > family.output) {
            let words = format!(
                "{most} > {}, which is the maximum allowed number of output tokens for {}",
                family.output, request.model
            );
            return said("max_tokens", words);
        }
        match family.sampling {
            Sampling::Refused => {
                for (word, sent) in [("temperature", request.temperature), ("top_p", request.top_p)]
                {
                    if sent.is_some() {
                        return said("", format!("`{word}` is deprecated for this model."));
                    }
                }
            }
            Sampling::OneOfTwo if request.temperature.is_some() && request.top_p.is_some() => {
                let words = "`temperature` and `top_p` cannot both be specified for this model. Please use only one.";
                return said("", words.to_owned());
            }
            _ => {}
        }
        let unfit = match (family.thinking, self.mode) {
            (_, None)
            | (
                Thinking::Never | Thinking::Budget | Thinking::Either | Thinking::Adaptive,
                Some(Mode::Off),
            ) => None,
            (Thinking::Fixed, Some(_)) => {
                Some("`thinking` cannot be configured for this model: leave it out.")
            }
            (Thinking::Always, Some(Mode::Off)) => {
                Some("thinking cannot be disabled for this model: leave `thinking` out.")
            }
            (Thinking::Never, Some(_)) => Some("this model does not support thinking."),
            (Thinking::Budget, Some(Mode::Adaptive)) => Some(
                "adaptive thinking is not supported on this model: use `type: enabled` with `budget_tokens`.",
            ),
            (Thinking::Adaptive | Thinking::Always, Some(Mode::Budget(_))) => Some(
                "`type: enabled` is not supported for this model: use `type: adaptive` and `output_config.effort`.",
            ),
            _ => None,
        };
        if let Some(words) = unfit {
            return said("thinking", words.to_owned());
        }
        if let Some(effort) = &self.effort
            && !family.efforts.contains(&effort.as_str())
        {
            return match family.efforts {
                [] => said("", "This model does not support the effort parameter.".to_owned()),
                allowed => Err(BodyProblem::new(
                    "output_config.effort",
                    Problem::NotOneOf { found: effort.clone(), allowed },
                )),
            };
        }
        if forced && !family.forced_tools {
            let words = "type \"tool\" and \"any\" are not supported for this model.";
            return said("tool_choice", words.to_owned());
        }
        if !family.prefill
            && request.messages.last().is_some_and(|message| message.role == Role::Assistant)
        {
            let words = "This model does not support assistant message prefill. The conversation must end with a user message.";
            return said("", words.to_owned());
        }
        Ok(())
    }
}

fn mode(body: &BodyIn) -> Result<Option<Mode>, BodyProblem> {
    let Some(Obj(thinking)) = &body.thinking else { return Ok(None) };
    match thinking.r#type.as_deref() {
        Some("enabled") => {
            let missing = || BodyProblem::missing("thinking.enabled.budget_tokens");
            Ok(Some(Mode::Budget(thinking.budget_tokens.ok_or_else(missing)?)))
        }
        Some("adaptive" | "between_tools") => Ok(Some(Mode::Adaptive)),
        Some("disabled") => Ok(Some(Mode::Off)),
        Some(other) => {
            let allowed = &["adaptive", "disabled", "enabled"];
            Err(BodyProblem::new(
                "thinking.type",
                Problem::NotOneOf { found: other.to_owned(), allowed },
            ))
        }
        None => Err(BodyProblem::missing("thinking.type")),
    }
}
