//! The mock model: profile, prompt and luck in; completion out.
//!
//! Guarantees: a pure function of what the prompt says and whose luck it is. Effects arise from
//! causes: lost context makes a model search and write more and answer worse; a slower profile
//! makes the same call slower. No outcome of an experiment is written down here. Each stage of luck
//! is drawn whole and in order, so a change of one number moves only what that number causes.
//!
//! Does not know: variations, experiments, money.

use crate::journal::FailureKind;
use crate::knowledge::{PiiKind, PiiSet, TopicId};
use crate::llm::model::{CallFailure, Completion, Prompt};
use crate::llm::profile::{Latency, ModelProfile};
use crate::llm::setup::{Causes, JudgeTraits, ToolKind, ToolSpec};
use crate::llm::usage::UsageTables;
use crate::random::{Luck, Owner, Purpose, Stage, StagesAhead};
use crate::time::Duration;

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
    pub usage: &'a UsageTables<'a>,
    /// Topics of the knowledge base.
    pub topics: &'a [TopicId],
}

/// The luck of one call, drawn whole and in this order.
pub(super) struct CallLuck {
    latency: f64,
    stall: f64,
    stall_length: f64,
    failure: f64,
    pub first: f64,
    pub second: f64,
    pub wording: u64,
    /// What the task draws besides, once for the question or the answer; zeros where it draws
    /// nothing.
    pub besides: [f64; BESIDES],
}

/// Most numbers that a task draws besides.
pub(super) const BESIDES: usize = 5;

impl CallLuck {
    fn draw(stage: &mut Stage, besides: Option<Stage>) -> Self {
        Self {
            latency: stage.normal(),
            stall: stage.uniform(),
            stall_length: stage.uniform(),
            failure: stage.uniform(),
            first: stage.uniform(),
            second: stage.uniform(),
            wording: stage.bits(),
            besides: besides
                .map_or([0.0; BESIDES], |mut stage| std::array::from_fn(|_| stage.uniform())),
        }
    }
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
        self.answer_nth(prompt, prompt.place | u64::from(prompt.nth))
    }

    /// The same answer, with the stages of luck of its owner drawn together.
    ///
    /// # Errors
    /// The failures that the model's profile draws.
    pub fn answer_ahead(
        &self,
        prompt: &Prompt<'_>,
        ahead: &mut StagesAhead,
    ) -> Result<Completion, CallFailure> {
        self.drawn(prompt, prompt.place | u64::from(prompt.nth), |purpose, nth| {
            ahead.stage(self.luck, prompt.owner, purpose, nth)
        })
    }

    /// Answers one prompt with the pseudorandom draws of call `nth` instead of the prompt's own
    /// number. A server that gets the same request again and again counts further than a visit's
    /// calls do.
    ///
    /// # Errors
    /// The failures that the model's profile draws.
    pub fn answer_nth(&self, prompt: &Prompt<'_>, nth: u64) -> Result<Completion, CallFailure> {
        self.drawn(prompt, nth, |purpose, nth| {
            self.luck.of(prompt.owner).stage(purpose, prompt.owner, nth)
        })
    }

    /// The answer to a prompt with these stages of its owner's luck.
    fn drawn(
        &self,
        prompt: &Prompt<'_>,
        nth: u64,
        mut draw: impl FnMut(Purpose, u64) -> Stage,
    ) -> Result<Completion, CallFailure> {
        let model = self.model(prompt.setup.model);
        let behavior = prompt.task.behavior();
        let mut stage = draw(behavior.purpose(), nth);
        let besides = behavior.besides(prompt).map(|(purpose, nth)| draw(purpose, nth));
        let luck = CallLuck::draw(&mut stage, besides);
        let (reply, output_tokens) = behavior.mock(self, model, prompt, &luck);
        let most = prompt.setup.max_tokens.unwrap_or(u32::MAX).min(model.max_output_tokens);
        let written = output_tokens.min(most);
        // A model that reasons leaves room for its reply.
        let reasoning_tokens = reasoning(model, prompt, &mut stage).min(most - written);
        let output_tokens = written + reasoning_tokens;
        let latency = latency(&model.latency, output_tokens, &luck);
        let (input_tokens, cached) = (prompt.input_tokens, prompt.cached);
        let done =
            Completion { reply, input_tokens, output_tokens, reasoning_tokens, cached, latency };
        if let Some(kind) = failure(model, &luck, behavior.schema().is_some()) {
            let usage = (kind == FailureKind::Malformed).then(|| done.usage());
            return Err(CallFailure { kind, latency, usage });
        }
        Ok(done)
    }

    /// A remote tool's own luck, for the `nth` tool call of `owner`: time, size and wording of its
    /// answer.
    #[must_use]
    pub fn remote(&self, tool: u16, owner: Owner, nth: u64) -> Option<(Duration, u32, u64)> {
        let ToolKind::Remote(remote) = self.tool(tool).kind else { return None };
        let mut stage = self.luck.of(owner).stage(Purpose::Tool, owner, nth);
        let latency = stage.log_normal(remote.latency.seconds(), remote.latency_sigma);
        // Searches usually find a paper at least; a tool of short answers says what it has to say.
        let least = if remote.tokens < LEAST_PAPER { 1.0 } else { LEAST_PAPER };
        let tokens = stage.log_normal(remote.tokens, remote.tokens_sigma).clamp(least, 20_000.0);
        Some((Duration::from_seconds(latency), tokens as u32, stage.bits()))
    }
}

/// Fewest tokens of an answer with a paper in it.
const LEAST_PAPER: f64 = 120.0;

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

/// How many tokens a call reasons with. Nothing is drawn for a model that does not reason.
fn reasoning(model: &ModelProfile, prompt: &Prompt<'_>, stage: &mut Stage) -> u32 {
    let median = prompt.setup.reasoning_tokens.unwrap_or(model.reasoning_tokens);
    if median <= 0.0 {
        return 0;
    }
    libm::round(stage.log_normal(median, model.reasoning_sigma)) as u32
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
