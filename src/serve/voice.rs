//! The mock models' answers as text: from a request understood to a whole answer.
//!
//! Promises: a pure function of scenario, seed, request and how often it came before, `id` and
//! `created` included; the answer that `run` would get for the same prompt. Tokens are counted from
//! the very words.
//!
//! Does not know: HTTP, or any provider's fields.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use crate::context::KEY_EPOCH;
use crate::journal::FailureKind;
use crate::knowledge::tokens::{count, words};
use crate::knowledge::{KnowledgeBase, TopicId};
use crate::llm::chat::{
    Block, ChatError, ChatRequest, ChatResponse, EmbeddingInput, ErrorKind, Output, Stop,
    ToolChoice, ToolUse, Usage,
};
use crate::llm::mock::MockModels;
use crate::llm::model::{Prompt, Reply, Said, ToolCall};
use crate::llm::profile::{FailureRates, ModelProfile};
use crate::llm::setup::{Reading, Setup, ToolKind, ToolSpec};
use crate::llm::tasks::Task;
use crate::llm::wire::{Provider, SchemaPlace};
use crate::llm::{render, usage};
use crate::random::{Owner, Purpose, Seed};
use crate::scenario::Scenario;
use crate::serve::asked::{self, Asked, Form};
use crate::serve::invent::{self, Unmet};
use crate::serve::models;
use crate::serve::recent::GenerationalMap;
use crate::serve::vectors::Vectors;
use crate::time::Duration;
use xxhash_rust::xxh3::xxh3_128;

/// Calls of one thread before a repetition's own luck begins.
const CALLS_PER_REPETITION: u64 = 64;
/// Requests that are surely remembered as understood.
const MAX_UNDERSTOOD: usize = 4096;
/// Longer ones are not remembered, in bytes.
const MAX_WORDS: usize = 8 << 10;
/// How long a refused client is asked to wait.
const RETRY_AFTER: Duration = Duration::from_us(1_000_000);

/// The voice of a scenario's models.
#[derive(Debug)]
pub struct ChatResponder {
    scenario: &'static Scenario,
    seed: Seed,
    /// The scenario's models, as they answer here.
    models: Vec<ModelProfile>,
    usage: usage::Usage<'static>,
    topics: Vec<TopicId>,
    /// What requests that came lately say: understanding one takes longer than answering it.
    understood: Mutex<GenerationalMap<Owner, Option<Arc<Asked>>>>,
    vectors: Vectors,
}

/// An answer, the time that it takes, and what was asked for, with the number of the call from 0.
pub type Spoken = (Result<ChatResponse, ChatError>, Duration, (Task, u16));

impl ChatResponder {
    /// The voice with this seed; with `failures`, calls fail as often as the models' profiles say,
    /// and never otherwise. Counts all texts once.
    #[must_use]
    pub fn new(scenario: &'static Scenario, seed: Seed, failures: bool) -> Self {
        let usage = usage::Usage::new(&scenario.knowledge, &scenario.tools);
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
            understood: Mutex::new(GenerationalMap::new(MAX_UNDERSTOOD)),
            vectors: Vectors::default(),
        }
    }

    /// What a request of this digest says.
    fn understand(&self, provider: Provider, request: &ChatRequest, digest: Owner) -> Arc<Asked> {
        let key = digest.with(xxh3_128(provider.key.as_bytes()));
        let lock = || self.understood.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().entry(&key).clone() {
            return known;
        }
        let asked = Arc::new(asked::understand(provider, request, self.base()));
        let large = asked.words.len() + asked.question.len() > MAX_WORDS;
        if !large {
            *lock().entry(&key) = Some(Arc::clone(&asked));
        }
        asked
    }

    fn base(&self) -> &'static KnowledgeBase {
        &self.scenario.knowledge
    }

    /// The profile that answers to a model's name: its own, or else that of the provider's first
    /// model, or the first.
    fn model(&self, provider: Provider, name: &str) -> u16 {
        let models = &self.scenario.models;
        let own = models.iter().position(|model| model.id == name);
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

    /// Whether the model of a request may be asked it.
    ///
    /// # Errors
    /// As [`models::admit`].
    pub fn admit(
        &self,
        provider: Provider,
        request: &ChatRequest,
        digest: Owner,
    ) -> Result<(), ChatError> {
        models::admit(provider, self.models(), request, || {
            self.understand(provider, request, digest).input_tokens
        })
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

    /// Answers a request that came `before` times already, from `user` if that is known.
    ///
    /// # Errors
    /// Inside: the failures that the model's profile draws.
    pub fn answer(
        &self,
        provider: Provider,
        request: &ChatRequest,
        user: Option<&str>,
        digest: Owner,
        before: u64,
    ) -> Spoken {
        let asked = self.understand(provider, request, digest);
        let system = request.system.as_deref().unwrap_or_default();
        let (tools, offered) = self.tools(request);
        let setup = Setup {
            model: self.model(provider, &request.model),
            instructions: String::new(),
            reading: Reading::of(system),
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            answer_tokens: None,
            tools: offered,
            fixed_tokens: 0,
        };
        let question = asked.body();
        let whose = (asked.task, asked.subject.rounds);
        let nth = before
            .saturating_mul(CALLS_PER_REPETITION)
            .saturating_add(u64::from(asked.subject.rounds));
        let prompt = Prompt {
            visit: 0,
            caller: self.scenario.graph.caller_of(asked.task),
            task: asked.task,
            owner: asked::owner(request, &asked, user),
            place: 0,
            nth: asked.subject.rounds,
            setup: &setup,
            offers_tools: request.tool_choice != ToolChoice::None && asked.form == Form::Free,
            routes: &[],
            input_tokens: asked.input_tokens,
            subject: asked.subject,
            question: Some(&question),
            thread: &[],
            answer: None,
        };
        let mock = MockModels {
            luck: self.seed.into(),
            models: &self.models,
            tools: &tools,
            causes: &self.scenario.causes,
            judge: &self.scenario.judge.traits,
            usage: &self.usage,
            topics: &self.topics,
        };
        let mut names =
            Names { provider, stage: self.seed.stage(Purpose::Identifier, digest, before) };
        let mut response = ChatResponse {
            id: provider.api.answer_id(names.bits()),
            created: u64::from(KEY_EPOCH),
            model: request.model.clone(),
            content: Vec::new(),
            stop: Stop::EndTurn,
            usage: Usage { input: asked.input_tokens, output: 0 },
            refusal: None,
        };
        let (reply, latency) = match mock.answer_nth(&prompt, nth) {
            Ok(done) => (Some(done.reply), done.latency),
            Err(failure) => match failure.kind {
                FailureKind::RateLimited => {
                    return (Err(rate_limited()), failure.latency, whose);
                }
                FailureKind::Malformed => (None, failure.latency),
                FailureKind::Refusal => {
                    response.stop = Stop::Refusal;
                    response.refusal = Some("I can't help with that.".to_owned());
                    response.usage.output = response.refusal.as_deref().map_or(0, count);
                    return (Ok(response), failure.latency, whose);
                }
                _ => {
                    return (
                        Err(ChatError::new(
                            ErrorKind::Server,
                            "the server had an error while processing the request",
                        )),
                        failure.latency,
                        whose,
                    );
                }
            },
        };
        let said = self.speak(request, &asked, reply, &tools, &mut names, &mut response);
        (said.map(|()| response), latency, whose)
    }

    /// Puts a reply into the form that was asked for; no reply is broken structured output.
    fn speak(
        &self,
        request: &ChatRequest,
        asked: &Asked,
        reply: Option<Reply>,
        tools: &[ToolSpec],
        names: &mut Names,
        response: &mut ChatResponse,
    ) -> Result<(), ChatError> {
        if asked.form == Form::Free {
            if let Some(Reply::ToolCall(Said::Recipe(call))) = reply {
                self.call(asked, call, tools, names, response);
                return Ok(());
            }
            let cap = request.max_tokens.unwrap_or(u32::MAX);
            let cut_short =
                matches!(reply, Some(Reply::Answer(Said::Recipe(answer))) if answer.tokens >= cap);
            // The size of an answer is that of its recipe: nothing to count, unless it is cut.
            let size = match reply {
                Some(Reply::Answer(Said::Recipe(answer)))
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
                let told = self.text(asked, reply);
                let schema = asked::schema(request, &asked.form);
                let call = matches!(asked.form, Form::Call(_));
                let words =
                    if call { asked::about(asked, self.base()) } else { first_sentence(&told) };
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
                            made.map_err(|why| unmet(names.provider, request, asked, why))?
                                .to_string(),
                        ),
                    },
                    _ => {
                        let made = if call {
                            invent::object(&schema, &words)
                        } else {
                            invent::value(&schema, &words)
                        };
                        Some(
                            made.map_err(|why| unmet(names.provider, request, asked, why))?
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
        asked: &Asked,
        call: ToolCall,
        tools: &[ToolSpec],
        names: &mut Names,
        response: &mut ChatResponse,
    ) {
        let Some(tool) = tools.get(usize::from(call.tool)) else { return };
        let own = usize::from(call.tool) < self.scenario.tools.len();
        let input = if own {
            render::tool_arguments(call, tool, self.base())
        } else {
            let schema = serde_json::from_str(&tool.schema).unwrap_or_default();
            // A schema that nothing satisfies binds no model: it calls with what it likes.
            let made = invent::object(&schema, &asked::about(asked, self.base()));
            made.map_or_else(|_| "{}".to_owned(), |made| made.to_string())
        };
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
    fn text(&self, asked: &Asked, reply: &Reply) -> String {
        render::reply(reply, Some(&asked.body()), &self.scenario.tools, self.base())
            .into_iter()
            .next()
            .unwrap_or_default()
    }
}

fn first_sentence(text: &str) -> String {
    text.split_inclusive(['.', '!', '?']).next().unwrap_or_default().trim().to_owned()
}

/// The error for a schema that no answer of a bearable size satisfies.
fn unmet(provider: Provider, request: &ChatRequest, asked: &Asked, why: Unmet) -> ChatError {
    let why = match why {
        Unmet::TooLarge => "every value that satisfies it is too large to be generated",
        Unmet::Impossible => "no value was found that satisfies it",
    };
    let place = match (&asked.form, &request.output) {
        (Form::Call(index), _) => {
            let name = request.tools.get(*index).map_or("", |tool| tool.name.as_str());
            SchemaPlace::Tool { index: *index, name }
        }
        (_, Output::JsonSchema { name, .. }) => SchemaPlace::Output { name },
        _ => SchemaPlace::Output { name: "" },
    };
    provider.api.unmet_schema(place, why)
}

fn rate_limited() -> ChatError {
    let mut error = ChatError::new(ErrorKind::RateLimited, "rate limit reached, try again later");
    error.retry_after = Some(RETRY_AFTER);
    error
}

/// Says these words, up to a stop text or the cap on tokens; `size` is their number of tokens where
/// that is known and nothing is cut.
fn say(request: &ChatRequest, mut text: String, size: Option<u32>, response: &mut ChatResponse) {
    if let Some(tokens) = size {
        response.usage.output = tokens;
        response.content.push(Block::Text(text));
        return;
    }
    let stop = request
        .stop
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| Some((text.find(stop.as_str())?, stop)))
        .min();
    if let Some((at, stop)) = stop {
        response.stop = Stop::StopSequence(Some(stop.clone()));
        text.truncate(at);
    }
    let most = request.max_tokens.unwrap_or(u32::MAX);
    let (mut tokens, mut end) = (0_u32, 0);
    for word in words(&text) {
        let more = count(word);
        if tokens.saturating_add(more) > most {
            response.stop = Stop::MaxTokens;
            break;
        }
        tokens += more;
        end += word.len();
    }
    text.truncate(end);
    response.usage.output = tokens;
    response.content.push(Block::Text(text));
}

/// Where ids come from.
struct Names {
    provider: Provider,
    stage: crate::random::Stage,
}

impl Names {
    fn bits(&mut self) -> u128 {
        u128::from(self.stage.bits()) << 64 | u128::from(self.stage.bits())
    }

    fn call(&mut self) -> String {
        let bits = self.bits();
        self.provider.api.tool_call_id(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::{Message, Part, Role};
    use crate::llm::wire::openai::OPENAI;
    use crate::scenario::load;

    fn voice(failures: bool) -> ChatResponder {
        let scenario: &'static Scenario = &Box::leak(Box::new(load("security").unwrap())).scenario;
        ChatResponder::new(scenario, Seed(1), failures)
    }

    fn text(voice: &ChatResponder, nth: u64) -> String {
        let mut request = ChatRequest::new("gpt-4o");
        request.messages.push(Message {
            role: Role::User,
            content: vec![Part::Text("Can you explain Q-Learning?".to_owned())],
        });
        voice
            .answer(OPENAI, &request, None, Owner::of(b"x"), nth)
            .0
            .map_or_else(|error| error.message, |answer| answer.text())
    }

    #[test]
    fn answers_do_not_come_again_after_1024_repetitions() {
        let voice = voice(false);
        for nth in 0..8 {
            for turn in [1 << 10, 1 << 16, 1 << 26, 1 << 40] {
                assert_ne!(
                    text(&voice, nth),
                    text(&voice, nth + turn),
                    "repetition {nth} and {turn} later"
                );
            }
        }
    }

    #[test]
    fn calls_fail_only_when_failures_are_asked_for() {
        let failed = |voice: &ChatResponder| {
            (0..2_000)
                .filter(|nth| text(voice, *nth).starts_with("the server had an error"))
                .count()
        };
        assert_eq!(failed(&voice(false)), 0);
        assert!(failed(&voice(true)) > 0);
    }
}
