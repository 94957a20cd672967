//! The seam: what is asked of a chat model and what comes back, in domain words.
//!
//! Guarantees: whatever is said is a recipe or words ([`Said`]), so the simulator counts it and a
//! live client sends it; a completion states its own latency (the mock draws it, the live client
//! measures it). Engine, agents and judge cannot tell which arm they have.
//!
//! Does not know: providers, sockets, prices.

use std::sync::Arc;

use crate::journal::{Caller, FailureKind, Label};
use crate::knowledge::TopicId;
use crate::knowledge::tokens::count;
use crate::knowledge::{Answer, Complexity, Grade, PiiSet, Prescreen, Query, Question, Route};
use crate::llm::chat::{Cached, Usage};
use crate::llm::setup::Setup;
use crate::llm::tasks::Task;
use crate::quantity::Lifts;
use crate::random::Owner;
use crate::time::Duration;

/// Tokens that the chat format itself adds for each message. Assumed: `OpenAI` documents 3 to 4.
pub const TOKENS_PER_MESSAGE: u32 = 4;

/// What was said: a recipe of the mock's, which can be counted and rendered, or somebody's own
/// words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<R, W = Arc<str>> {
    /// A recipe.
    Recipe(R),
    /// Words.
    Words(W),
}

/// What stands in a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A question as it was asked.
    Question(Said<Question>),
    /// A question with these items redacted.
    Redacted(Said<(Question, PiiSet)>),
    /// The supervisor's decision, told to the support agent.
    RoutingNote(Said<Prescreen>),
    /// The security agent's findings, told to the support agent.
    FindingsNote(Said<PiiSet>),
    /// A model's call of a tool.
    ToolCall(Called),
    /// A tool's output.
    ToolOutput(Given),
    /// An answer.
    Answer(Said<Answer>),
}

/// A model's wish to use a tool.
pub type Called = Said<ToolCall, Arc<CallWords>>;

/// What a tool gave back.
pub type Given = Said<ToolOutput, Arc<OutputWords>>;

/// A call of a tool in a model's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallWords {
    /// Index of the tool among the scenario's.
    pub tool: u16,
    /// What the model writes beside the call; may be empty.
    pub note: String,
    /// The provider's id of the call.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, as JSON.
    pub input: String,
}

/// A tool's output in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputWords {
    /// Index of the tool among the scenario's.
    pub tool: u16,
    /// The provider's id of the call that it answers.
    pub id: String,
    /// The text.
    pub text: String,
    /// Its size in tokens.
    pub tokens: u32,
    /// Its size in characters.
    pub characters: u32,
    /// Whether the tool gave up.
    pub failed: bool,
}

impl OutputWords {
    /// The output `text` of this call.
    #[must_use]
    pub fn new(call: &CallWords, text: String, failed: bool) -> Self {
        let (tokens, characters) =
            (count(&text), u32::try_from(text.chars().count()).unwrap_or(u32::MAX));
        Self { tool: call.tool, id: call.id.clone(), text, tokens, characters, failed }
    }
}

impl Given {
    /// Index of the tool among the scenario's.
    #[must_use]
    pub fn tool(&self) -> u16 {
        match self {
            Self::Recipe(output) => output.call.tool,
            Self::Words(output) => output.tool,
        }
    }

    /// Its size: tokens and characters.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Recipe(output) => (output.tokens, output.characters),
            Self::Words(output) => (output.tokens, output.characters),
        }
    }

    /// Whether the tool gave up.
    #[must_use]
    pub fn failed(&self) -> bool {
        match self {
            Self::Recipe(output) => output.failed,
            Self::Words(output) => output.failed,
        }
    }
}

/// A call of a tool, as a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Index of the tool among the scenario's.
    pub tool: u16,
    /// What it asks.
    pub query: Query,
    /// How many results it asks for.
    pub top_k: u8,
    /// Tokens that the model writes beside the call, thinking aloud.
    pub note_tokens: u16,
    /// Which words these are.
    pub note_wording: u64,
}

/// A tool's output, as a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolOutput {
    /// The call that it answers.
    pub call: ToolCall,
    /// Its size in tokens.
    pub tokens: u32,
    /// Its size in characters.
    pub characters: u32,
    /// Which words a remote tool's output has.
    pub wording: u64,
    /// Whether the tool gave up.
    pub failed: bool,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageRole {
    /// The user.
    User,
    /// The model.
    Assistant,
    /// A tool.
    Tool,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptMessage {
    /// Who speaks.
    pub role: MessageRole,
    /// What is said.
    pub body: Body,
    /// Its tokens.
    pub tokens: u32,
}

/// What a reader of the prompt's text would gather from it: all that the mock goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subject {
    /// What it is about.
    pub topic: TopicId,
    /// How deep it goes.
    pub complexity: Complexity,
    /// Personal data that is readable in it.
    pub personal: PiiSet,
    /// Personal data that was redacted from it.
    pub redacted: PiiSet,
    /// Tool results that are in it.
    pub rounds: u16,
    /// Passages of the knowledge base that searches by meaning brought into it.
    pub passages: Passages,
    /// Strong answers less weak ones among the answers to earlier questions that are in it.
    pub remembered: i16,
    /// For the judge: what is visible of the answer.
    pub visible: Visible,
    /// What an agent of a scenario's own graph goes by besides.
    pub situation: Situation,
}

impl Subject {
    /// A prompt that is about this, and has nothing else in it that a mock goes by.
    #[must_use]
    pub fn about(topic: TopicId, complexity: Complexity) -> Self {
        Self {
            topic,
            complexity,
            personal: PiiSet::NONE,
            redacted: PiiSet::NONE,
            rounds: 0,
            passages: Passages::default(),
            remembered: 0,
            visible: Visible::default(),
            situation: Situation::Plain,
        }
    }
}

/// What an agent of a scenario's own graph goes by besides what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Situation {
    /// Nothing.
    #[default]
    Plain,
    /// A routing agent's choice.
    Routes {
        /// Chance of the right choice; `None`: the model's own.
        accuracy: Option<f64>,
    },
    /// A planner's: the fewest and the most subtasks.
    Plans(u8, u8),
    /// A critic's.
    Critiques {
        /// How good the answer is; `None` for an answer in a real model's words.
        grade: Option<Grade>,
        /// Chance that it sends a weak answer back.
        catches: Option<f64>,
        /// Chance that it sends any other answer back.
        nags: Option<f64>,
    },
    /// A guard's.
    Guards {
        /// Whether the question should be stopped.
        harmful: bool,
        /// How the guard errs.
        errors: GuardErrors,
    },
    /// That of a user who rates an answer, where the scenario states an effect on ratings.
    Rates {
        /// What it does to the chance of a positive rating.
        positive: Lifts,
        /// What it does to the chance of a negative one.
        negative: Lifts,
    },
    /// That of an agent who answers after others.
    Follows {
        /// How many agents before it chose a wrong way.
        wrong_routes: u8,
        /// Share of the subtasks whose results are missing.
        missing: f64,
        /// The answer that it has to improve.
        revision: Option<Revision>,
    },
}

/// How often a guard errs, each way; `None`: as often as its model.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct GuardErrors {
    /// Chance that it lets a harmful question through.
    pub misses: Option<f64>,
    /// Chance that it stops a harmless one.
    pub false_stops: Option<f64>,
}

impl GuardErrors {
    /// These, and others where they say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            misses: self.misses.or(others.misses),
            false_stops: self.false_stops.or(others.false_stops),
        }
    }
}

/// A second try at an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Revision {
    /// How good the first one is.
    pub from: Grade,
    /// Chance that the second one is a grade better.
    pub mends: f64,
    /// Chance that it is a grade worse.
    pub breaks: f64,
}

/// A way that a routing agent can choose.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteChoice {
    /// Its name, which is also that of the intent that belongs there.
    pub name: String,
    /// Share of the users who want it and all before it, from 0 to 1.
    pub up_to: f64,
    /// A call of its handoff tool as text: the name, and arguments.
    pub call: String,
    /// Tokens of that call.
    pub tokens: u32,
}

/// Passages that were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Passages {
    /// From the document that the question is about.
    pub on_topic: u16,
    /// From other documents.
    pub off_topic: u16,
}

impl Passages {
    /// These and more.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            on_topic: self.on_topic.saturating_add(more.on_topic),
            off_topic: self.off_topic.saturating_add(more.off_topic),
        }
    }

    /// The share of them that is off the topic; 1 where nothing was found.
    #[must_use]
    pub fn astray(self) -> f64 {
        let all = f64::from(self.on_topic) + f64::from(self.off_topic);
        if all > 0.0 { f64::from(self.off_topic) / all } else { 1.0 }
    }
}

/// What a judge sees of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Visible {
    /// How good it reads; `None` when no word of the model is visible.
    pub grade: Option<Grade>,
    /// Whether tool output stands before it.
    pub tool_output_first: bool,
    /// Visible tokens of the model's own words, 0 unless a length bias asks for them.
    pub tokens: u32,
}

/// A question to a model.
#[derive(Clone, Copy, Debug)]
pub struct Prompt<'a> {
    /// Who asks.
    pub caller: Caller,
    /// What is asked for.
    pub task: Task,
    /// Whose luck it is: the user's, or the request's own.
    pub owner: Owner,
    /// Which visit of its user the owner is, from 0.
    pub visit: u32,
    /// Whose luck among the owner's: added to the number of the call, 0 but for agents of a
    /// scenario's own graph.
    pub place: u64,
    /// Which call of this caller for this owner, from 0.
    pub nth: u16,
    /// Model, instructions, parameters and tools.
    pub setup: &'a Setup,
    /// Whether tools are offered in this call.
    pub offers_tools: bool,
    /// Tokens of the whole input.
    pub input_tokens: u32,
    /// Which of them go through the provider's prompt cache.
    pub cached: Cached,
    /// What the text says.
    pub subject: Subject,
    /// The ways that a routing agent can choose; empty for all others.
    pub routes: &'a [RouteChoice],
    /// The question that it is all about; `None` before anybody has asked one.
    pub question: Option<&'a Body>,
    /// The conversation so far, for the support agent and the judge.
    pub thread: &'a [PromptMessage],
    /// The answer, for the judge.
    pub answer: Option<&'a Body>,
}

/// What a model said.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelReply {
    /// The supervisor's structured output.
    Routing(Routing),
    /// The security agent's structured output: what it found and removed.
    Screening(Said<PiiSet, Arc<Screened>>),
    /// A way, chosen by an agent of a scenario's own graph.
    Handoff(Handoff),
    /// Subtasks.
    Plan(Subtasks),
    /// A critic's word.
    Critique(Critique),
    /// A guard's.
    Guard(GuardReply),
    /// A tool is to be used.
    ToolCall(Called),
    /// The final answer.
    Answer(Said<Answer>),
    /// The judge's word.
    Label(Label),
    /// A question, written.
    Question(Said<Question>),
    /// Topics of the knowledge base.
    Topics(Vec<TopicId>),
}

/// A way that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handoff {
    /// Which of the prompt's routes.
    pub route: u16,
    /// Whether it is known to be a wrong one; only the mock knows.
    pub wrong: bool,
}

/// A plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Subtasks {
    /// How many subtasks.
    pub count: u8,
    /// The plan as text.
    pub text: Said<Answer>,
    /// The subtasks' own words, if a real model wrote them.
    pub words: Vec<Arc<str>>,
}

/// What a critic says.
#[derive(Clone, Debug, PartialEq)]
pub struct Critique {
    /// Whether the answer goes back.
    pub revise: bool,
    /// Why.
    pub text: Said<Answer>,
}

/// What a guard says.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardReply {
    /// Whether the visit goes on.
    pub allowed: bool,
    /// Why.
    pub text: Said<Answer>,
}

/// Where a question goes, and what the support agent is told of why.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// Where it goes.
    pub route: Route,
    /// What is told.
    pub note: Said<Prescreen>,
}

/// A question that was screened, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screened {
    /// The text that goes on.
    pub text: Arc<str>,
    /// What the support agent is told of the findings.
    pub findings: Arc<str>,
}

/// A model's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// What it said.
    pub reply: ModelReply,
    /// Input tokens.
    pub input_tokens: u32,
    /// Output tokens, those of its reasoning among them.
    pub output_tokens: u32,
    /// Output tokens that the model reasoned with: charged, and no part of the reply.
    pub reasoning_tokens: u32,
    /// Which of the input tokens went through the provider's prompt cache.
    pub cached: Cached,
    /// How long it took.
    pub latency: Duration,
}

impl Completion {
    /// Its tokens.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            input: self.input_tokens,
            output: self.output_tokens,
            reasoning: self.reasoning_tokens,
            cached: self.cached,
        }
    }

    /// Output tokens of the reply itself.
    #[must_use]
    pub fn reply_tokens(&self) -> u32 {
        self.output_tokens.saturating_sub(self.reasoning_tokens)
    }
}

/// A call that failed. Failed calls are not charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallFailure {
    /// Why.
    pub kind: FailureKind,
    /// How long it took to fail.
    pub latency: Duration,
    /// Tokens that were used all the same (malformed output is charged).
    pub usage: Option<Usage>,
}

/// A chat model that has to be waited for, and the tools that it calls.
pub trait ChatModel {
    /// All that is needed of a prompt to answer it.
    type Request;

    /// The request of a prompt.
    fn request(&self, prompt: &Prompt<'_>) -> Self::Request;

    /// Answers one request.
    fn complete(
        &self,
        request: Self::Request,
    ) -> impl Future<Output = Result<Completion, CallFailure>>;

    /// Uses a tool that the model has just called, the visit's tool call number `nth`; `None`: there
    /// is no such tool here.
    fn use_tool(&self, call: &CallWords, nth: u32) -> impl Future<Output = Option<ToolUsed>>;
}

/// What came of a tool outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolUsed {
    /// What it gave.
    pub output: OutputWords,
    /// How long it took.
    pub latency: Duration,
    /// How often it refused before.
    pub refusals: u16,
}
