//! Answering, with tools where there are any.
//!
//! Effects arise from causes: lost context makes a model search and write more and answer worse.

use std::sync::Arc;

use super::{shift, turn};
use crate::knowledge::prose::MIN_TOKENS;
use crate::knowledge::retrieval::QUERY_VARIANTS;
use crate::knowledge::{Answer, Complexity, Grade, KnowledgeBase, Query};
use crate::llm::chat::{ChatRequest, OfferedTool, ToolChoice};
use crate::llm::mock::{BESIDES, CallLuck, MockModels};
use crate::llm::model::{
    CallWords, ModelReply, Prompt, Revision, RouteChoice, Said, Situation, ToolCall,
};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::{ToolKind, ToolSpec};
use crate::llm::tasks::{Behavior, ModelAnswer, RequestWords, UnreadableAnswer};
use crate::random::{Purpose, normal_quantile};

/// Most results that a model asks a tool for.
const MAX_RESULTS: f64 = 20.0;
/// Tokens that a model writes beside a tool call, usually and when it searches in circles: medians.
/// Assumed.
const NOTE_TOKENS: f64 = 15.0;
const LOOPING_NOTE_TOKENS: f64 = 330.0;
/// Standard deviation of their logarithm, and the most of them. Assumed.
const NOTE_SIGMA: f64 = 0.6;
const MAX_NOTE_TOKENS: f64 = 2_000.0;

/// How a question turns out for the model that has to answer it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Effort {
    /// Tool calls that it makes before it answers.
    rounds: f64,
    /// Factor on the number of results that it asks for.
    difficulty: f64,
    /// Tokens that it writes beside a tool call: the median.
    note_tokens: f64,
    /// Length of the answer.
    answer_tokens: f64,
    /// How good the answer is.
    grade: Grade,
}

/// Answering.
pub(super) struct Answering;

impl Behavior for Answering {
    fn purpose(&self) -> Purpose {
        Purpose::Support
    }

    /// How much work the question is: the same at every call of the loop.
    fn besides(&self, prompt: &Prompt<'_>) -> Option<(Purpose, u64)> {
        Some((Purpose::Effort, prompt.place))
    }

    fn has_form(&self) -> bool {
        false
    }

    fn mock(
        &self,
        mock: &MockModels<'_>,
        model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (ModelReply, u32) {
        let effort = effort(mock, model, prompt, luck.besides);
        let tools = &prompt.setup.tools;
        if prompt.offers_tools
            && !tools.is_empty()
            && f64::from(prompt.subject.rounds) < effort.rounds
        {
            let call = choose_tool(mock, prompt, luck, &effort);
            return (ModelReply::ToolCall(Said::Recipe(call)), mock.usage.tool_call(call));
        }
        let tokens = (effort.answer_tokens as u32).max(MIN_TOKENS);
        let most = prompt.setup.max_tokens.unwrap_or(u32::MAX).min(model.max_output_tokens);
        let grade = match prompt.subject.situation {
            Situation::Follows { revision: Some(revision), .. } => revised(revision, luck.first),
            _ => effort.grade,
        };
        let answer = Answer {
            topic: prompt.subject.topic,
            grade,
            tokens: tokens.min(most),
            wording: luck.wording,
        };
        (ModelReply::Answer(Said::Recipe(answer)), answer.tokens)
    }

    fn request(&self, prompt: &Prompt<'_>, words: &RequestWords<'_>, request: &mut ChatRequest) {
        request.messages = prompt.thread.iter().map(|said| turn(said, words)).collect();
        let tools =
            prompt.setup.tools.iter().filter_map(|&tool| words.tools.get(usize::from(tool)));
        request.tools = tools
            .map(|tool| OfferedTool {
                name: tool.key.clone(),
                description: tool.description.clone(),
                schema: tool.schema.clone(),
            })
            .collect();
        request.tool_choice = if prompt.offers_tools { ToolChoice::Auto } else { ToolChoice::None };
        // A turn of the engine holds one call.
        request.parallel_tools = request.tools.is_empty();
    }

    fn read(
        &self,
        (offers_tools, _): (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        _base: &KnowledgeBase,
        tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer> {
        match spoken.call {
            Some(wish) if offers_tools => {
                let Some(at) = tools.iter().position(|tool| tool.key == wish.name) else {
                    return Err(UnreadableAnswer::malformed(format!(
                        "there is no tool `{}`",
                        wish.name
                    )));
                };
                let (id, name, input) = (wish.id.clone(), wish.name.clone(), wish.input.clone());
                Ok(ModelReply::ToolCall(Said::Words(Arc::new(CallWords {
                    tool: at as u16,
                    note: spoken.text.to_owned(),
                    id,
                    name,
                    input,
                }))))
            }
            _ => spoken.words().map(|words| ModelReply::Answer(Said::Words(words))),
        }
    }
}

/// How good a second try is: a grade worse, the same, or a grade better.
fn revised(Revision { from, mends, breaks }: Revision, luck: f64) -> Grade {
    match from {
        Grade::Strong | Grade::Fair if luck < breaks => from.worse(),
        Grade::Weak | Grade::Fair if luck > 1.0 - mends => from.better(),
        same => same,
    }
}

/// How much work the question is.
fn effort(
    mock: &MockModels<'_>,
    model: &ModelProfile,
    prompt: &Prompt<'_>,
    own: [f64; BESIDES],
) -> Effort {
    let causes = mock.causes;
    let reading = prompt.setup.reading;
    let owner = (prompt.owner, prompt.visit);
    let [difficulty, rounding, length, grading, looping] =
        mock.luck.persist(Purpose::Effort, owner, prompt.place, own);
    let [difficulty, length] = [difficulty, length].map(normal_quantile);
    let loss = causes.context_lost(prompt.subject.redacted);
    let depth = match prompt.subject.complexity {
        Complexity::Basic => 0.7,
        Complexity::Intermediate => 1.0,
        Complexity::Advanced => 1.3,
    };
    let difficulty = libm::exp(causes.difficulty_sigma * difficulty);
    // Somebody without tools cannot search in circles.
    let loops = looping < causes.loss_to_loops * loss;
    let wanted = model.tool_appetite * depth * difficulty * (1.0 + causes.loss_to_tools * loss);
    let warmth = (prompt.setup.temperature.unwrap_or(0.2) - 0.2).max(0.0);
    let sigma = model.answer_sigma + causes.temperature_to_spread * warmth;
    let brevity = if reading.concise { causes.concise_to_words } else { 1.0 };
    let words = prompt.setup.answer_tokens.unwrap_or(model.answer_tokens)
        * depth
        * brevity
        * (1.0 + causes.loss_to_words * loss);
    let astray = causes.grounding_to_quality * prompt.subject.passages.astray();
    let weakness = model.weakness.get()
        * (1.0 + causes.loss_to_quality * loss + astray)
        * if reading.cites { causes.cites_to_weakness } else { 1.0 }
        * if reading.stepwise { causes.stepwise_to_weakness } else { 1.0 };
    let strength =
        model.quality.get() * (1.0 - causes.loss_to_quality * loss).max(0.0) * (1.0 - astray);
    let (weakness, strength) = match prompt.subject.situation {
        Situation::Follows { wrong_routes, missing, .. } => {
            let by = causes.wrong_route_to_quality * f64::from(wrong_routes)
                + causes.missing_to_quality * missing;
            (shift(weakness, by), shift(strength, -by))
        }
        _ => (weakness, strength),
    };
    let carried = causes.memory_to_quality * f64::from(prompt.subject.remembered);
    let (weakness, strength) = if carried == 0.0 {
        (weakness, strength)
    } else {
        (shift(weakness, -carried), shift(strength, carried))
    };
    let grade = if grading < weakness {
        Grade::Weak
    } else if grading > 1.0 - strength {
        Grade::Strong
    } else {
        Grade::Fair
    };
    Effort {
        rounds: if loops { f64::INFINITY } else { libm::floor(wanted + rounding) },
        difficulty: if loops { MAX_RESULTS } else { difficulty },
        // Thinking aloud: a few words, or many by somebody who goes in circles over a difficult
        // question. Assumed.
        note_tokens: if loops { LOOPING_NOTE_TOKENS * difficulty } else { NOTE_TOKENS },
        answer_tokens: words * libm::exp(sigma * length) * libm::sqrt(difficulty),
        grade,
    }
}

/// Reaches for one of the offered tools, by appeal; reranking needs something to rerank.
fn choose_tool(
    mock: &MockModels<'_>,
    prompt: &Prompt<'_>,
    luck: &CallLuck,
    effort: &Effort,
) -> ToolCall {
    let appeal = |&tool: &u16| {
        let spec = mock.tool(tool);
        if spec.kind == ToolKind::Rerank && prompt.subject.rounds == 0 { 0.0 } else { spec.appeal }
    };
    let total: f64 = prompt.setup.tools.iter().map(appeal).sum();
    let mut left = luck.first * total;
    let chosen = prompt.setup.tools.iter().copied().find(|tool| {
        left -= appeal(tool);
        left < 0.0
    });
    let tool = chosen.or_else(|| prompt.setup.tools.first().copied()).unwrap_or_default();
    let top_k = f64::from(mock.tool(tool).top_k) * effort.difficulty;
    let note = effort.note_tokens * libm::exp(NOTE_SIGMA * normal_quantile(luck.second));
    let query = Query {
        topic: prompt.subject.topic,
        variant: (luck.wording % u64::from(QUERY_VARIANTS)) as u8,
    };
    let top_k = libm::round(top_k.clamp(1.0, MAX_RESULTS)) as u8;
    ToolCall {
        tool,
        query,
        top_k,
        note_tokens: note.min(MAX_NOTE_TOKENS) as u16,
        note_wording: luck.wording,
    }
}
