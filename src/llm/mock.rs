//! The mock model: profile, prompt and luck in; completion out.
//!
//! Promises: a pure function of what the prompt says and whose luck it is. Effects arise from
//! causes: lost context makes a model search and write more and answer worse; a slower profile
//! makes the same call slower. No outcome of an experiment is written down here. Each stage of luck
//! is drawn whole and in order, so a change of one number moves only what that number causes.
//!
//! Does not know: variations, experiments, money.

use crate::journal::{Caller, FailureKind, Label};
use crate::knowledge::prose::MIN_TOKENS;
use crate::knowledge::retrieval::QUERY_VARIANTS;
use crate::knowledge::{
    Answer, Complexity, Grade, PersonalData, PiiKind, PiiSet, Prescreen, Query, Question,
    Redaction, Route, TEMPLATES, TopicId,
};
use crate::llm::model::{CallFailure, Completion, Prompt, Reply, Routing, Said, ToolCall};
use crate::llm::profile::{Latency, ModelProfile};
use crate::llm::setup::{Causes, JudgeTraits, ToolKind, ToolSpec};
use crate::llm::usage::Usage;
use crate::random::{Luck, Owner, Purpose, Stage};
use crate::time::Duration;

/// Most results that a model asks a tool for.
const MAX_RESULTS: f64 = 20.0;
/// Tokens that a model writes beside a tool call, usually and when it searches in circles: medians.
/// Assumed.
const NOTE_TOKENS: f64 = 15.0;
const LOOPING_NOTE_TOKENS: f64 = 330.0;
/// Standard deviation of their logarithm, and the most of them. Assumed.
const NOTE_SIGMA: f64 = 0.6;
const MAX_NOTE_TOKENS: f64 = 2_000.0;

/// The mock of every model of a scenario.
#[derive(Clone, Debug)]
pub struct MockModels<'a> {
    /// Where luck comes from.
    pub luck: Luck,
    /// The models, by index.
    pub models: &'a [ModelProfile],
    /// The tools, by index.
    pub tools: &'a [ToolSpec],
    /// The causes behind effects.
    pub causes: &'a Causes,
    /// How the judge behaves.
    pub judge: &'a JudgeTraits,
    /// Tokens of structured output and of small fixed texts.
    pub usage: &'a Usage<'a>,
    /// Topics of the knowledge base.
    pub topics: &'a [TopicId],
}

/// The luck of one call, drawn whole and in this order.
struct CallLuck {
    latency: f64,
    stall: f64,
    stall_length: f64,
    failure: f64,
    first: f64,
    second: f64,
    wording: u64,
}

impl CallLuck {
    fn draw(mut stage: Stage) -> Self {
        Self {
            latency: stage.normal(),
            stall: stage.uniform(),
            stall_length: stage.uniform(),
            failure: stage.uniform(),
            first: stage.uniform(),
            second: stage.uniform(),
            wording: stage.bits(),
        }
    }
}

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

#[expect(
    clippy::indexing_slicing,
    reason = "prompts name models and tools by the numbers that the scenario gave them in these lists"
)]
impl MockModels<'_> {
    /// The model with this index.
    fn model(&self, model: u16) -> &ModelProfile {
        &self.models[usize::from(model)]
    }

    /// The tool with this index.
    #[must_use]
    pub fn tool(&self, tool: u16) -> &ToolSpec {
        &self.tools[usize::from(tool)]
    }
}

impl MockModels<'_> {
    /// Answers one prompt, without waiting.
    ///
    /// # Errors
    /// The failures that the model's profile draws.
    pub fn answer(&self, prompt: &Prompt<'_>) -> Result<Completion, CallFailure> {
        self.answer_nth(prompt, u64::from(prompt.nth))
    }

    /// Answers one prompt with the pseudorandom draws of call `nth` instead of the prompt's own
    /// number. A server that gets the same request again and again counts further than a visit's
    /// calls do.
    ///
    /// # Errors
    /// The failures that the model's profile draws.
    pub fn answer_nth(&self, prompt: &Prompt<'_>, nth: u64) -> Result<Completion, CallFailure> {
        let model = self.model(prompt.setup.model);
        let purpose = match prompt.caller {
            Caller::Topics => Purpose::Topics,
            Caller::Writer => Purpose::Writing,
            Caller::Supervisor => Purpose::Supervisor,
            Caller::Security => Purpose::Security,
            Caller::Support => Purpose::Support,
            Caller::Judge => Purpose::Judge,
        };
        let luck = CallLuck::draw(self.luck.of(prompt.owner).stage(purpose, prompt.owner, nth));
        let (reply, output_tokens) = match prompt.caller {
            Caller::Topics => self.topics(),
            Caller::Writer => self.question(prompt, &luck),
            Caller::Supervisor => self.route(model, prompt, &luck),
            Caller::Security => self.redact(model, prompt, &luck),
            Caller::Support => self.support(model, prompt, &luck),
            Caller::Judge => self.judge(prompt, &luck),
        };
        let most = prompt.setup.max_tokens.unwrap_or(u32::MAX).min(model.max_output_tokens);
        let output_tokens = output_tokens.min(most);
        let latency = latency(&model.latency, output_tokens, &luck);
        if let Some(kind) =
            failure(model, &luck, matches!(prompt.caller, Caller::Supervisor | Caller::Security))
        {
            let usage =
                (kind == FailureKind::Malformed).then_some((prompt.input_tokens, output_tokens));
            return Err(CallFailure { kind, latency, usage });
        }
        Ok(Completion { reply, input_tokens: prompt.input_tokens, output_tokens, latency })
    }

    fn topics(&self) -> (Reply, u32) {
        (Reply::Topics(self.topics.to_vec()), self.usage.topic_list())
    }

    /// The writer chooses the wording and, if asked to, invents personal data; topic and depth are
    /// given.
    fn question(&self, prompt: &Prompt<'_>, luck: &CallLuck) -> (Reply, u32) {
        let subject = &prompt.subject;
        // Name always, the rest more often than not; the items are the same whatever share of
        // questions carries any.
        let invented =
            PiiSet::from_bits((luck.second * 64.0) as u8 | 1 << (luck.wording >> 60 & 3))
                .with(PiiKind::Name);
        let personal = if subject.personal.is_empty() {
            None
        } else {
            PersonalData::new(invented, luck.wording)
        };
        let template = (luck.first * f64::from(TEMPLATES)) as u8;
        let question =
            Question { topic: subject.topic, complexity: subject.complexity, template, personal };
        (Reply::Question(Said::Recipe(question)), self.usage.question(question, PiiSet::NONE))
    }

    fn route(&self, model: &ModelProfile, prompt: &Prompt<'_>, luck: &CallLuck) -> (Reply, u32) {
        let personal = prompt.subject.personal;
        let seen = if personal.is_empty() {
            // A false alarm takes something for a name.
            if luck.first < model.false_alarm.get() {
                PiiSet::NONE.with(PiiKind::Name)
            } else {
                PiiSet::NONE
            }
        } else {
            noticed(personal, model.personal_data_recall.get(), luck.wording)
        };
        let route = if seen.is_empty() { Route::Support } else { Route::Security };
        let confidence_percent = 80 + (luck.second * 20.0) as u8;
        let prescreen = Prescreen { seen, confidence_percent, route, wording: luck.wording >> 61 };
        (Reply::Routing(Routing { route, note: Said::Recipe(prescreen) }), prescreen.size().tokens)
    }

    fn redact(&self, model: &ModelProfile, prompt: &Prompt<'_>, luck: &CallLuck) -> (Reply, u32) {
        let level = if prompt.setup.reading.strict { Redaction::Strict } else { Redaction::Basic };
        let redacted =
            noticed(prompt.subject.personal, model.personal_data_recall.get(), luck.wording)
                & level.covers();
        (Reply::Screening(Said::Recipe(redacted)), self.usage.redaction(prompt.question, redacted))
    }

    fn support(&self, model: &ModelProfile, prompt: &Prompt<'_>, luck: &CallLuck) -> (Reply, u32) {
        let effort = self.effort(model, prompt);
        let tools = &prompt.setup.tools;
        if prompt.offers_tools
            && !tools.is_empty()
            && f64::from(prompt.subject.rounds) < effort.rounds
        {
            let call = self.choose_tool(prompt, luck, &effort);
            return (Reply::ToolCall(Said::Recipe(call)), self.usage.tool_call(call));
        }
        let tokens = (effort.answer_tokens as u32).max(MIN_TOKENS);
        let most = prompt.setup.max_tokens.unwrap_or(u32::MAX).min(model.max_output_tokens);
        let answer = Answer {
            topic: prompt.subject.topic,
            grade: effort.grade,
            tokens: tokens.min(most),
            wording: luck.wording,
        };
        (Reply::Answer(Said::Recipe(answer)), answer.tokens)
    }

    /// How much work the question is: the same at every call of the loop.
    fn effort(&self, model: &ModelProfile, prompt: &Prompt<'_>) -> Effort {
        let causes = self.causes;
        let reading = prompt.setup.reading;
        let mut stage = self.luck.of(prompt.owner).stage(Purpose::Effort, prompt.owner, 0);
        let (difficulty, rounding, length, grading) =
            (stage.normal(), stage.uniform(), stage.normal(), stage.uniform());
        let looping = stage.uniform();
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
        let words = model.answer_tokens * depth * brevity * (1.0 + causes.loss_to_words * loss);
        let astray = causes.grounding_to_quality * prompt.subject.passages.astray();
        let weakness = model.weakness.get()
            * (1.0 + causes.loss_to_quality * loss + astray)
            * if reading.cites { causes.cites_to_weakness } else { 1.0 }
            * if reading.stepwise { causes.stepwise_to_weakness } else { 1.0 };
        let strength =
            model.quality.get() * (1.0 - causes.loss_to_quality * loss).max(0.0) * (1.0 - astray);
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
    fn choose_tool(&self, prompt: &Prompt<'_>, luck: &CallLuck, effort: &Effort) -> ToolCall {
        let appeal = |&tool: &u16| {
            let spec = self.tool(tool);
            if spec.kind == ToolKind::Rerank && prompt.subject.rounds == 0 {
                0.0
            } else {
                spec.appeal
            }
        };
        let total: f64 = prompt.setup.tools.iter().map(appeal).sum();
        let mut left = luck.first * total;
        let chosen = prompt.setup.tools.iter().copied().find(|tool| {
            left -= appeal(tool);
            left < 0.0
        });
        let tool = chosen.or_else(|| prompt.setup.tools.first().copied()).unwrap_or_default();
        let top_k = f64::from(self.tool(tool).top_k) * effort.difficulty;
        let note = effort.note_tokens
            * libm::exp(NOTE_SIGMA * crate::random::normal_quantile(luck.second));
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

    fn judge(&self, prompt: &Prompt<'_>, luck: &CallLuck) -> (Reply, u32) {
        let traits = self.judge;
        let visible = prompt.subject.visible;
        let rates = if prompt.subject.personal.is_empty() {
            traits.rates_impersonal
        } else {
            traits.rates_personal
        };
        let (positive, negative) = match visible.grade {
            None => (traits.positive_on_tool_output.get(), 0.0),
            Some(Grade::Strong) => (traits.sensitivity.get(), 0.0),
            Some(Grade::Fair) => (traits.leniency.get(), 0.0),
            Some(Grade::Weak) => (traits.specificity.complement().get(), traits.specificity.get()),
        };
        let length = traits.length_bias * (f64::from(visible.tokens) / 100.0 - 1.0);
        let position = if visible.tool_output_first { traits.position_bias } else { 0.0 };
        let shifted = if traits.length_bias == 0.0 && traits.position_bias == 0.0 {
            positive
        } else {
            shift(positive, length + position)
        };
        let label = if luck.first >= rates.get() {
            Label::None
        } else if luck.second < shifted {
            Label::Positive
        } else if luck.second
            > 1.0 - negative * (1.0 - shifted) / (1.0 - positive).max(f64::MIN_POSITIVE)
        {
            Label::Negative
        } else {
            Label::None
        };
        (Reply::Label(label), self.usage.label(label))
    }

    /// A remote tool's own luck, for the `nth` tool call of `owner`: time, size and wording of its
    /// answer.
    #[must_use]
    pub fn remote(&self, tool: u16, owner: Owner, nth: u16) -> Option<(Duration, u32, u64)> {
        let ToolKind::Remote(remote) = self.tool(tool).kind else { return None };
        let mut stage = self.luck.of(owner).stage(Purpose::Tool, owner, u64::from(nth));
        let latency = stage.log_normal(remote.latency.seconds(), remote.latency_sigma);
        let tokens = stage.log_normal(remote.tokens, remote.tokens_sigma).clamp(20.0, 20_000.0);
        Some((Duration::from_seconds(latency), tokens as u32, stage.bits()))
    }
}

impl Causes {
    /// Context that is gone with these items, 0 when nothing was redacted.
    #[must_use]
    pub fn context_lost(&self, redacted: PiiSet) -> f64 {
        if redacted.is_empty() {
            return 0.0;
        }
        let lost = PiiKind::ALL
            .into_iter()
            .zip(self.context_of_item)
            .filter(|(item, _)| redacted.has(*item));
        lost.map(|(_, context)| context).sum()
    }
}

/// Base and token time times a log-normal factor, plus a stall now and then.
fn latency(latency: &Latency, output_tokens: u32, luck: &CallLuck) -> Duration {
    let median = latency.base.seconds() + latency.per_token.seconds() * f64::from(output_tokens);
    let mut seconds = median * libm::exp(latency.sigma * luck.latency);
    if luck.stall < latency.stall_chance.get() {
        let z = crate::random::normal_quantile(luck.stall_length);
        seconds += latency.stall.seconds() * libm::exp(latency.stall_sigma * z);
    }
    Duration::from_seconds(seconds)
}

/// Which failure the luck of this call means, if any.
fn failure(model: &ModelProfile, luck: &CallLuck, structured: bool) -> Option<FailureKind> {
    let rates = &model.failures;
    let mut u = luck.failure;
    let malformed = if structured { rates.malformed.get() } else { 0.0 };
    for (chance, kind) in [
        (rates.error.get(), FailureKind::ProviderError),
        (rates.rate_limit.get(), FailureKind::RateLimited),
        (rates.refusal.get(), FailureKind::Refusal),
        (malformed, FailureKind::Malformed),
    ] {
        if u < chance {
            return Some(kind);
        }
        u -= chance;
    }
    None
}

/// The items that are noticed: ten bits decide each, so a better recall notices the same items and
/// more.
fn noticed(personal: PiiSet, recall: f64, bits: u64) -> PiiSet {
    let seen = personal
        .iter()
        .filter(|&item| (((bits >> (10 * item as u32)) & 1023) as f64 + 0.5) / 1024.0 < recall);
    seen.fold(PiiSet::NONE, PiiSet::with)
}

/// `p` with its log odds moved by `by`.
fn shift(p: f64, by: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return p;
    }
    let odds = p / (1.0 - p) * libm::exp(by);
    odds / (1.0 + odds)
}
