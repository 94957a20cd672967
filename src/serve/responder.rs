//! The mock models' answers as text: from a request understood to a whole answer.
//!
//! Guarantees: a pure function of scenario, seed, request and how often it came before, `id` and
//! `created` included; the answer that `run` would get for the same prompt. Tokens are counted from
//! the very words.
//!
//! Does not know: HTTP, or any provider's fields.

mod own_setups;
mod roles;
mod written;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::context::KEY_EPOCH;
use crate::journal::{Caller, FailureKind};
use crate::knowledge::tokens::count;
use crate::knowledge::{KnowledgeBase, TopicId, recognize_topic};
use crate::llm::chat::{
    Block, Cached, Caching, ChatError, ChatRequest, ChatResponse, EmbeddingInput, ErrorKind,
    Output, Stop, ToolChoice, ToolUse, Usage,
};
use crate::llm::mock::MockModels;
use crate::llm::model::{Body, ModelReply, Prompt, Said, Situation, ToolCall};
use crate::llm::profile::{FailureRates, ModelProfile};
use crate::llm::setup::{InstructionTraits, Setup, ToolKind, ToolSpec};
use crate::llm::tasks::Task;
use crate::llm::wire::{Provider, SchemaPlace};
use crate::llm::{render, usage};
use crate::random::{Owner, Purpose, Seed};
use crate::scenario::Scenario;
use crate::serve::asked::{self, ChatIntent, Form};
use crate::serve::byte_bounded_map::ByteBoundedMap;
use crate::serve::handoffs::{self, Way};
use crate::serve::invent::{self, Unmet};
use crate::serve::listed_texts::ListedTexts;
use crate::serve::models;
use crate::serve::sense::{self, Setting, Turn};
use crate::serve::vectors::Vectors;
use crate::time::Duration;
use own_setups::OwnSetups;
use written::{Names, first_sentence, go_on, kept_to, make_calls, say};
use xxhash_rust::xxh3::xxh3_128;

/// Calls of one thread before a repetition's own luck begins.
const CALLS_PER_REPETITION: u64 = 64;
/// The bit of the number of a repetition from which on the answers beside the first are counted.
const FURTHER_ANSWERS: u32 = 40;
/// Most bytes of requests that are remembered as understood.
const MAX_UNDERSTOOD_BYTES: usize = 16 << 20;
/// Most bytes of one that is remembered.
const MAX_REMEMBERED_BYTES: usize = 64 << 10;
/// How long a refused client is asked to wait.
const RETRY_AFTER: Duration = Duration::from_us(1_000_000);

/// Answers chats as the models of a scenario.
#[derive(Debug)]
pub struct ChatResponder {
    scenario: &'static Scenario,
    seed: Seed,
    /// The scenario's models, as they answer here.
    models: Vec<ModelProfile>,
    usage: usage::UsageTables<'static>,
    topics: Vec<TopicId>,
    own_setups: OwnSetups,
    listed: ListedTexts,
    /// What requests that came lately say: understanding one takes longer than answering it.
    understood: Mutex<ByteBoundedMap<Owner, Arc<ChatIntent>>>,
    vectors: Vectors,
}

/// What a request says, if that is known already: a long one is read only once.
#[derive(Debug, Default)]
pub struct UnderstoodRequest(Option<Arc<ChatIntent>>);

/// An answer, the time that it takes, and what was asked for, with the number of the call from 0.
pub type ChatAnswer = (Result<ChatResponse, ChatError>, Duration, (Task, u16));

impl ChatResponder {
    /// The responder with this seed; with `failures`, calls fail as often as the models' profiles say,
    /// and never otherwise. Counts all texts once.
    #[must_use]
    pub fn new(scenario: &'static Scenario, seed: Seed, failures: bool) -> Self {
        let usage = usage::UsageTables::new(&scenario.knowledge, &scenario.tools);
        let mut models = scenario.models.clone();
        if !failures {
            models.iter_mut().for_each(|model| model.failures = FailureRates::NONE);
        }
        Self {
            scenario,
            seed,
            models,
            usage,
            topics: scenario.knowledge.topics().collect(),
            own_setups: OwnSetups::of(scenario),
            listed: ListedTexts::of(&scenario.knowledge),
            understood: Mutex::new(ByteBoundedMap::new(MAX_UNDERSTOOD_BYTES)),
            vectors: Vectors::default(),
        }
    }

    /// What a request of this digest, to which the user belongs, says.
    fn understand(
        &self,
        provider: Provider,
        request: &ChatRequest,
        user: Option<&str>,
        digest: Owner,
    ) -> Arc<ChatIntent> {
        let key = digest.with(xxh3_128(provider.key.as_bytes()));
        let lock = || self.understood.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return Arc::clone(known);
        }
        let mut asked = asked::understand(provider, request, (self.base(), &self.listed));
        asked.turn = self.turn(provider, request, user, &asked);
        let asked = Arc::new(asked);
        let bytes = asked.bytes();
        if bytes <= MAX_REMEMBERED_BYTES {
            lock().insert(key, bytes, Arc::clone(&asked));
        }
        asked
    }

    /// What the model does, as far as the text decides it.
    fn turn(
        &self,
        provider: Provider,
        request: &ChatRequest,
        user: Option<&str>,
        asked: &ChatIntent,
    ) -> Turn {
        if !matches!(
            asked.task,
            Task::Answer | Task::Route | Task::Plan | Task::Critique | Task::Guard
        ) {
            return Turn::Own(true);
        }
        let topic = asked.listed.map(|listed| listed.topic);
        let topic = topic.or_else(|| recognize_topic(&asked.question, self.base()));
        let setting = Setting {
            is_own_tool: &|name| self.scenario.tools.iter().any(|tool| tool.key == name),
            is_own_agent: self.own_setups.of_request(request).is_some(),
            topic: topic.map(|topic| self.base().title(topic)),
            way: self.way(provider, request, user, asked),
        };
        sense::decide(request, setting)
    }

    /// The handoff of the request that the scenario's graph takes.
    fn way(
        &self,
        provider: Provider,
        request: &ChatRequest,
        user: Option<&str>,
        asked: &ChatIntent,
    ) -> Option<usize> {
        let graph = &self.scenario.graph;
        let way = handoffs::way(graph, request, !asked.subject.personal.is_empty())?;
        let (agent, routes, accuracy) = match way {
            Way::To(tool) => return Some(tool),
            Way::Drawn { agent, routes, accuracy } => (agent, routes, accuracy),
        };
        let node = graph.node(agent);
        let setup = self.setup(provider, request, None, Vec::new());
        let mut subject = asked.subject;
        subject.situation = Situation::Routes { accuracy };
        let question = asked.body();
        let prompt = Prompt {
            caller: Caller::Agent(agent),
            task: Task::Route,
            // A simulated user goes the way of the run. A name that is the same for all users must
            // not send all of them one way.
            owner: match user.filter(|user| asked::is_user_key(user)) {
                Some(user) => Owner::of(user.as_bytes()),
                None => Owner::of(asked.words.as_bytes()),
            },
            place: node.place,
            nth: 0,
            offers_tools: true,
            routes,
            subject,
            ..prompt(&setup, asked, &question)
        };
        let reply = self.mock(&self.scenario.tools).answer(&prompt).ok()?.reply;
        let ModelReply::Handoff(chosen) = reply else { return None };
        handoffs::of_route(graph, agent, chosen.route, request)
    }

    /// What the model is told besides the conversation.
    fn setup(
        &self,
        provider: Provider,
        request: &ChatRequest,
        answer_tokens: Option<f64>,
        tools: Vec<u16>,
    ) -> Setup {
        let system = request.system.as_deref().unwrap_or_default();
        let own = self.own_setups.of_request(request);
        Setup {
            caching: Caching::Off,
            model: self.model(provider, &request.model),
            instructions: String::new(),
            reading: InstructionTraits::of(system),
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            answer_tokens,
            reasoning_tokens: own.and_then(|own| own.setup.reasoning_tokens),
            tools,
            fixed_tokens: 0,
        }
    }

    /// The scenario's models with these tools.
    fn mock<'a>(&'a self, tools: &'a [ToolSpec]) -> MockModels<'a> {
        MockModels {
            luck: self.seed.into(),
            models: &self.models,
            tools,
            causes: &self.scenario.causes,
            judge: &self.scenario.judge.traits,
            usage: &self.usage,
            topics: &self.topics,
        }
    }

    /// The scenario's models with its own tools.
    pub fn scenario_mock(&self) -> MockModels<'_> {
        self.mock(&self.scenario.tools)
    }

    fn base(&self) -> &'static KnowledgeBase {
        &self.scenario.knowledge
    }

    /// The profile that answers to a model's name: its own, or else that of the provider's first
    /// model, or the first.
    fn model(&self, provider: Provider, name: &str) -> u16 {
        let models = &self.scenario.models;
        let own = |model: &ModelProfile| model.id == name && model.provider == provider;
        let own = models.iter().position(own);
        own.or_else(|| models.iter().position(|model| model.provider == provider))
            .unwrap_or_default() as u16
    }

    /// The vector of a text.
    #[must_use]
    pub fn vector(&self, input: &EmbeddingInput, dimensions: usize) -> Vec<f32> {
        self.vectors.of(self.base(), input, dimensions)
    }

    /// The name of whoever would ask for this.
    #[must_use]
    pub fn name_of(&self, task: Task) -> &'static str {
        self.scenario.graph.name(self.scenario.graph.caller_of(task))
    }

    /// The scenario's models.
    pub fn models(&self) -> &'static [ModelProfile] {
        &self.scenario.models
    }

    /// Whether the model of a request may be asked it; `all_models`: also one that does not answer
    /// at the path for chats.
    ///
    /// # Errors
    /// As [`models::admit`].
    pub fn admit(
        &self,
        provider: Provider,
        request: &ChatRequest,
        (user, digest): (Option<&str>, Owner),
        all_models: bool,
    ) -> Result<UnderstoodRequest, ChatError> {
        let mut understood = None;
        models::admit(provider, self.models(), request, all_models, || {
            let asked = self.understand(provider, request, user, digest);
            understood.insert(asked).input_tokens
        })?;
        Ok(UnderstoodRequest(understood))
    }

    /// The place of the request's tools among the scenario's; those of its own follow after these.
    fn tools(&self, request: &ChatRequest) -> (Cow<'static, [ToolSpec]>, Vec<u16>) {
        if request.tools.is_empty() {
            return (Cow::Borrowed(&self.scenario.tools), Vec::new());
        }
        let mut all = self.scenario.tools.clone();
        let mut offered = Vec::new();
        for tool in &request.tools {
            let at = all.iter().position(|known| known.key == tool.name).unwrap_or_else(|| {
                all.push(ToolSpec {
                    key: tool.name.clone(),
                    description: tool.description.clone(),
                    schema: tool.schema.clone(),
                    kind: ToolKind::KeywordSearch,
                    top_k: 5,
                    latency: Duration::ZERO,
                    appeal: 1.0,
                });
                all.len() - 1
            });
            offered.push(at as u16);
        }
        (Cow::Owned(all), offered)
    }

    /// Answers a request that came `before` times already, from `user` if that is known; with as many
    /// answers as it wants.
    ///
    /// # Errors
    /// Inside: the failures that the model's profile draws.
    pub fn answer(
        &self,
        provider: Provider,
        request: &ChatRequest,
        user: Option<&str>,
        (digest, understood): (Owner, UnderstoodRequest),
        before: u64,
    ) -> ChatAnswer {
        let UnderstoodRequest(understood) = understood;
        let asked = understood.unwrap_or_else(|| self.understand(provider, request, user, digest));
        let one = |before| self.one_answer(provider, request, user, (digest, &asked), before);
        let (mut first, mut latency, whose) = one(before);
        if let Ok(first) = &mut first {
            // The others have the draws of repetitions that never come.
            for nth in 1..u64::from(request.choices) {
                let (other, later, _) = one(before | nth << FURTHER_ANSWERS);
                latency = latency.max(later);
                let Ok(other) = other else { continue };
                let (sum, more) = (&mut first.usage, other.usage);
                sum.output = sum.output.saturating_add(more.output);
                sum.reasoning = sum.reasoning.saturating_add(more.reasoning);
                first.others.push(other);
            }
        }
        (first, latency, whose)
    }

    fn one_answer(
        &self,
        provider: Provider,
        request: &ChatRequest,
        user: Option<&str>,
        (digest, asked): (Owner, &ChatIntent),
        before: u64,
    ) -> ChatAnswer {
        let (tools, mut offered) = self.tools(request);
        // A tool that is not the scenario's is called where it fits, not at random.
        offered.retain(|tool| usize::from(*tool) < self.scenario.tools.len());
        let own = self.own_setups.of_request(request);
        let answer_tokens = own.and_then(|own| own.setup.answer_tokens);
        let tokens = expected_tokens(&asked.turn).or(answer_tokens);
        let setup = self.setup(provider, request, tokens, offered);
        let question = asked.body();
        let whose = (asked.task, asked.subject.rounds);
        let graph = &self.scenario.graph;
        let agent = own
            .map(|own| own.agent)
            .filter(|agent| graph.is_written() && graph.node(*agent).role.task() == asked.task);
        let place = agent.map_or(0, |agent| graph.node(agent).place);
        let nth = number(place, before, asked.subject.rounds);
        let prompt = Prompt {
            caller: agent.map_or_else(|| graph.caller_of(asked.task), Caller::Agent),
            owner: asked::owner(request, asked, user),
            place,
            nth: asked.subject.rounds,
            offers_tools: asked.turn == Turn::Own(true)
                && request.tool_choice != ToolChoice::None
                && asked.form == Form::Free,
            ..prompt(&setup, asked, &question)
        };
        let mock = self.mock(&tools);
        let mut names =
            Names { provider, stage: self.seed.stage(Purpose::Identifier, digest, before) };
        let mut response = ChatResponse {
            logprobs: None,
            others: Vec::new(),
            id: provider.api.answer_id(names.bits()),
            created: u64::from(KEY_EPOCH),
            model: request.model.clone(),
            content: Vec::new(),
            stop: Stop::EndTurn,
            usage: Usage::uncached(asked.input_tokens, 0),
            refusal: None,
        };
        if let Some(role) = self.role(request, asked) {
            return self.role_answer(&role, (request, asked), user, before, (names, response));
        }
        let (reply, latency) = match mock.answer_nth(&prompt, nth) {
            Ok(done) => {
                response.usage.reasoning = done.reasoning_tokens;
                (Some(done.reply), done.latency)
            }
            Err(failure) => match failed(failure.kind, &mut response) {
                Some(ended) => return (ended.map(|()| response), failure.latency, whose),
                None => (None, failure.latency),
            },
        };
        let said = self.speak(request, asked, reply, &tools, &mut names, &mut response);
        if provider.api.continues_answers() {
            go_on(request, &mut response);
        }
        response.usage.output = response.usage.output.saturating_add(response.usage.reasoning);
        (said.map(|()| response), latency, whose)
    }

    /// Puts a reply into the form that was asked for; no reply is broken structured output.
    fn speak(
        &self,
        request: &ChatRequest,
        asked: &ChatIntent,
        reply: Option<ModelReply>,
        tools: &[ToolSpec],
        names: &mut Names,
        response: &mut ChatResponse,
    ) -> Result<(), ChatError> {
        match &asked.turn {
            Turn::Calls(calls) => {
                make_calls(request, calls, names, response);
                return Ok(());
            }
            Turn::Unmet(tool, why) => {
                let form = Form::Call(*tool);
                return Err(unmet(names.provider, request, &form, *why));
            }
            Turn::Say(speech) => {
                let wording = names.stage.bits();
                say(request, speech.text(wording), None, response);
                return Ok(());
            }
            Turn::Own(_) | Turn::Typed(..) => {}
        }
        if asked.form == Form::Free {
            if let Some(ModelReply::ToolCall(Said::Recipe(call))) = reply {
                self.call(request, asked, call, tools, names, response);
                return Ok(());
            }
            let cap = request.max_tokens.unwrap_or(u32::MAX);
            let cut_short = matches!(reply, Some(ModelReply::Answer(Said::Recipe(answer))) if answer.tokens >= cap);
            // The size of an answer is that of its recipe: nothing to count, unless it is cut.
            let size = match reply {
                Some(ModelReply::Answer(Said::Recipe(answer)))
                    if request.stop.is_empty() && answer.tokens <= cap =>
                {
                    Some(answer.tokens)
                }
                _ => None,
            };
            say(
                request,
                reply.map(|reply| self.text(asked, &reply)).unwrap_or_default(),
                size,
                response,
            );
            // The mock writes no more than it may: an answer as long as the cap was cut off there.
            if cut_short && response.stop == Stop::EndTurn {
                response.stop = Stop::MaxTokens;
            }
            return Ok(());
        }
        let known = matches!(asked.task, Task::Prescreen | Task::Screen);
        let json = match &reply {
            None => None,
            Some(reply) => {
                let told = match &asked.turn {
                    Turn::Typed(_, Some(speech)) => speech.text(names.stage.bits()),
                    _ => self.text(asked, reply),
                };
                let schema = asked::schema(request, &asked.form);
                let call = matches!(asked.form, Form::Call(_));
                let words = match &asked.turn {
                    Turn::Typed(_, Some(_)) => told.clone(),
                    _ if call => asked::about(asked, self.base()),
                    _ => first_sentence(&told),
                };
                match serde_json::from_str(&told) {
                    // What the agents are known to say keeps its layout as long as the schema takes
                    // it.
                    Ok(said) if known => match invent::overlaid(&schema, &words, said) {
                        Ok(made)
                            if serde_json::from_str(&told)
                                .is_ok_and(|said: serde_json::Value| said == made) =>
                        {
                            Some(told)
                        }
                        made => Some(
                            made.map_err(|why| unmet(names.provider, request, &asked.form, why))?
                                .to_string(),
                        ),
                    },
                    _ => {
                        let made = match &asked.turn {
                            Turn::Typed(known, _) if !known.is_empty() => {
                                invent::with_fields(&schema, &words, known.clone())
                            }
                            _ if call => invent::object(&schema, &words),
                            _ => invent::value(&schema, &words),
                        };
                        Some(
                            made.map_err(|why| unmet(names.provider, request, &asked.form, why))?
                                .to_string(),
                        )
                    }
                }
            }
        };
        match (&asked.form, json) {
            (Form::Call(tool), json) => {
                let name =
                    request.tools.get(*tool).map(|tool| tool.name.clone()).unwrap_or_default();
                // A call with nothing in it cannot be read as what was asked for.
                let input = json.unwrap_or_else(|| "{}".to_owned());
                response.usage.output = count(&input);
                response.content.push(Block::ToolUse(ToolUse { id: names.call(), name, input }));
                response.stop = Stop::ToolUse;
            }
            (_, Some(json)) => say(request, json, None, response),
            (_, None) => say(request, "{\"".to_owned(), None, response),
        }
        Ok(())
    }

    /// A tool call of the model's own choice, with the words beside it.
    fn call(
        &self,
        request: &ChatRequest,
        asked: &ChatIntent,
        call: ToolCall,
        tools: &[ToolSpec],
        names: &mut Names,
        response: &mut ChatResponse,
    ) {
        let Some(tool) = tools.get(usize::from(call.tool)) else { return };
        let usual = render::tool_arguments(call, tool, self.base());
        let input = kept_to(request, tool, usual, &asked::about(asked, self.base()));
        let note = render::note(call);
        response.usage.output = count(&note) + count(&format!("{} {input}", tool.key));
        if !note.is_empty() {
            response.content.push(Block::Text(note));
        }
        response.content.push(Block::ToolUse(ToolUse {
            id: names.call(),
            name: tool.key.clone(),
            input,
        }));
        response.stop = Stop::ToolUse;
    }

    /// A reply in words.
    fn text(&self, asked: &ChatIntent, reply: &ModelReply) -> String {
        render::reply(reply, Some(&asked.body()), &[], (&self.scenario.tools, self.base()))
            .into_iter()
            .next()
            .unwrap_or_default()
    }
}

/// A prompt as a request brings it, of the task that its text has.
fn prompt<'a>(setup: &'a Setup, asked: &ChatIntent, question: &'a Body) -> Prompt<'a> {
    Prompt {
        visit: 0,
        caller: Caller::Judge,
        task: asked.task,
        owner: Owner::NOBODY,
        place: 0,
        nth: 0,
        setup,
        offers_tools: false,
        routes: &[],
        cached: Cached::NONE,
        input_tokens: asked.input_tokens,
        subject: asked.subject,
        question: Some(question),
        thread: &[],
        answer: None,
    }
}

/// Tokens that an answer is going to have, which its time follows from.
fn expected_tokens(turn: &Turn) -> Option<f64> {
    match turn {
        Turn::Own(_) | Turn::Typed(_, None) | Turn::Unmet(..) => None,
        Turn::Typed(_, Some(speech)) | Turn::Say(speech) => Some(f64::from(count(&speech.text(0)))),
        Turn::Calls(calls) => Some(calls.iter().map(|(_, input)| f64::from(count(input))).sum()),
    }
}

/// The error for a schema that no answer of a bearable size satisfies.
fn unmet(provider: Provider, request: &ChatRequest, form: &Form, why: Unmet) -> ChatError {
    let why = match why {
        Unmet::TooLarge => "every value that satisfies it is too large to be generated",
        Unmet::Impossible => "no value was found that satisfies it",
    };
    let place = match (form, &request.output) {
        (Form::Call(index), _) => {
            let name = request.tools.get(*index).map_or("", |tool| tool.name.as_str());
            SchemaPlace::Tool { index: *index, name }
        }
        (_, Output::JsonSchema { name, .. }) => SchemaPlace::Output { name },
        _ => SchemaPlace::Output { name: "" },
    };
    provider.api.unmet_schema(place, why)
}

/// What comes of a call that fails: a refusal, or an error; none where only the form of the answer is
/// broken.
fn failed(kind: FailureKind, response: &mut ChatResponse) -> Option<Result<(), ChatError>> {
    match kind {
        FailureKind::Malformed => None,
        FailureKind::RateLimited => {
            let words = "rate limit reached, try again later";
            let retry_after = Some(RETRY_AFTER);
            Some(Err(ChatError { retry_after, ..ChatError::new(ErrorKind::RateLimited, words) }))
        }
        FailureKind::Refusal => {
            let refusal = "I can't help with that.";
            response.stop = Stop::Refusal;
            response.usage.output = count(refusal);
            response.refusal = Some(refusal.to_owned());
            Some(Ok(()))
        }
        _ => {
            let words = "the server had an error while processing the request";
            Some(Err(ChatError::new(ErrorKind::Server, words)))
        }
    }
}

/// The number of a call: an agent's own have draws of their own, as in a run (`place`), and a request
/// that comes again has those of further calls.
fn number(place: u64, before: u64, rounds: u16) -> u64 {
    place ^ before.saturating_mul(CALLS_PER_REPETITION).saturating_add(u64::from(rounds))
}

#[cfg(test)]
mod tests;
