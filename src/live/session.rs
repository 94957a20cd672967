//! A sitting of a live run, or of a replay: what all users share, and how one call of a model comes
//! to its outcome.
//!
//! Guarantees: a call that the journal knows is never made again; a call that is made is in the
//! journal before and after, and the disk has been waited for before its request leaves. A try
//! whose price is not known counts at its worst. What would fail everybody stops the run, what
//! fails one user does not.
//!
//! Does not know: how a visit goes.

use std::cell::RefCell;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use crate::agents::Graph;
use crate::journal::{Entry, FailureKind};
use crate::live::budget::{Budget, Reached};
use crate::live::charge;
use crate::live::embeddings::EmbeddingCache;
use crate::live::journal::Journal;
use crate::live::models;
use crate::live::own_tools::OwnTools;
use crate::live::papers::PaperSearch;
use crate::live::providers::{FailedTry, Providers, Try};
use crate::live::recording::{
    Answered, Assigned, Call, CallOutcome, Failed, RecordedLine, Recording, Run, ToolWish,
};
use crate::live::request::Writer;
use crate::live::stop::{StopSignal, Stopped};
use crate::llm::chat::{ChatError, ChatRequest, ChatResponse, ContentPart, ErrorKind};
use crate::llm::profile::ModelProfile;
use crate::llm::wire::Provider;
use crate::llm::wire::retry::RetryPolicy;
use crate::random::{Owner, Purpose, Seed};
use crate::run::PreparedScenario;
use crate::time::{Duration, Stopwatch};

/// Characters of what was asked that a recording keeps.
const ASKED_CHARACTERS: usize = 200;
/// Retries after a connection that could not be made or broke at once; then the run stops, since
/// nobody can be reached.
const CONNECTION_RETRIES: u32 = 5;
/// Longest that one try may take.
const LONGEST_TRY: Duration = Duration::from_us(600_000_000);

/// Whoever evaluates flags and takes events.
pub trait Flags {
    /// What is served to this user; sends exposures.
    ///
    /// # Errors
    /// One sentence, when nobody could be served.
    fn assign(&self, key: &str, group: u16) -> Result<Vec<Assigned>, String>;

    /// Hands over the metric events of a user whose visit is over.
    fn track(&self, key: &str, group: u16, entries: &[Entry]);

    /// Takes all events of these users, in the order of the keys: exposures and metric events. None
    /// of them has been sent.
    ///
    /// # Errors
    /// One sentence, when some are missing.
    fn collect(&self, keys: &[String]) -> impl Future<Output = Result<Vec<Vec<Value>>, String>>;

    /// Sends a payload of events; under the same id it counts once.
    ///
    /// # Errors
    /// One sentence, when it was not taken.
    fn send(&self, id: &str, events: &[Value]) -> impl Future<Output = Result<(), String>>;
}

impl Flags for std::convert::Infallible {
    fn assign(&self, _key: &str, _group: u16) -> Result<Vec<Assigned>, String> {
        match *self {}
    }

    fn track(&self, _key: &str, _group: u16, _entries: &[Entry]) {
        match *self {}
    }

    async fn collect(&self, _keys: &[String]) -> Result<Vec<Vec<Value>>, String> {
        match *self {}
    }

    async fn send(&self, _id: &str, _events: &[Value]) -> Result<(), String> {
        match *self {}
    }
}

/// The world behind a live run.
#[derive(Debug)]
pub struct LiveServices<F> {
    /// The models.
    pub providers: Providers,
    /// The paper searches.
    pub papers: std::rc::Rc<PaperSearch>,
    /// The tools that are asked at addresses of their own.
    pub tools: OwnTools,
    /// Vectors that are known.
    pub shelf: EmbeddingCache,
    /// Held while the knowledge base is embedded.
    pub embedding: tokio::sync::Mutex<()>,
    /// The flags.
    pub flags: F,
    /// The money.
    pub budget: Budget,
}

/// What all users share.
#[derive(Debug)]
pub struct Session<'a, F> {
    /// What is run.
    pub stage: &'a PreparedScenario<'a>,
    /// Which run it is.
    pub run: Run,
    /// The world; `None`: a replay, in which everything has to be known.
    pub world: Option<LiveServices<F>>,
    /// How it stops.
    pub halt: StopSignal,
    /// What is known.
    pub recording: RefCell<Recording>,
    /// Where it is written down; `None` in a replay.
    journal: RefCell<Option<Journal>>,
    watch: Stopwatch,
    /// When this sitting began, after the start of the run.
    offset: Duration,
}

impl<'a, F: Flags> Session<'a, F> {
    /// A sitting that knows `recording` already and writes on in `journal`.
    #[must_use]
    pub fn new(
        stage: &'a PreparedScenario<'a>,
        run: Run,
        world: Option<LiveServices<F>>,
        recording: Recording,
        journal: Option<Journal>,
    ) -> Self {
        let offset = Duration::from_us(recording.began.values().copied().max().unwrap_or(0));
        let (recording, journal) = (RefCell::new(recording), RefCell::new(journal));
        Self {
            stage,
            run,
            world,
            halt: StopSignal::default(),
            recording,
            journal,
            watch: Stopwatch::start(),
            offset,
        }
    }

    /// The key of a user.
    #[must_use]
    pub fn key(&self, user: u32) -> String {
        format!("user_{}_{user}", self.run.key_epoch)
    }

    /// Time since the start of the run, without the time between sittings.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.offset + self.watch.elapsed()
    }

    /// Requests from prompts.
    #[must_use]
    pub fn writer(&self) -> Writer<'_> {
        Writer { scenario: self.stage.scenario, texts: self.stage.texts() }
    }

    /// Writes a line down and takes it to be known; whether that went well. If not, the run stops,
    /// and nothing may be done about what the line tells of.
    pub fn write(&self, line: RecordedLine) -> bool {
        if let Some(journal) = self.journal.borrow_mut().as_mut()
            && let Err(error) = journal.write(&line)
        {
            self.halt.stop(Stopped::Journal(error.to_string()));
            return false;
        }
        match self.recording.borrow_mut().take(line) {
            Ok(()) => true,
            Err(reason) => {
                self.halt.stop(Stopped::Journal(reason));
                false
            }
        }
    }

    /// Waits until everything that is written by now is on the disk; whether that went well.
    /// Without it, a power loss could forget a request that a provider charges. One wait for the
    /// disk serves all who ask before it begins, and other visits go on meanwhile.
    pub async fn durable(&self) -> bool {
        let Some((written, _)) = self.journal.borrow().as_ref().map(Journal::lines) else {
            return true;
        };
        // Whoever is about to send a request, too, shall write its line before the wait begins.
        tokio::task::yield_now().await;
        loop {
            let begun = {
                let mut journal = self.journal.borrow_mut();
                let Some(journal) = journal.as_mut() else { return true };
                if journal.lines().1 >= written {
                    return true;
                }
                journal.begin_sync()
            };
            let ended = match begun {
                Ok(None) => return true,
                Ok(Some(waiting)) => {
                    let end = waiting.end().await;
                    self.journal
                        .borrow_mut()
                        .as_mut()
                        .map_or(Ok(()), |journal| journal.end_sync(&waiting, end))
                }
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                // Why the run stops does not tell: it may have been interrupted before the disk
                // failed.
                self.halt.stop(Stopped::Journal(error.to_string()));
                return false;
            }
        }
    }

    /// What has been spent at most, in nano-dollars.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.world
            .as_ref()
            .map_or_else(|| self.recording.borrow().spent_nano_usd(), |world| world.budget.spent())
    }

    /// Never returns: whoever stands here is dropped when the run has stopped.
    pub async fn park<T>(&self) -> T {
        std::future::pending().await
    }

    fn graph(&self) -> &Graph {
        &self.stage.scenario.graph
    }

    /// Brings one call to its outcome.
    pub async fn call(
        &self,
        call: Call,
        model: &ModelProfile,
        request: &ChatRequest,
    ) -> CallOutcome {
        let mut body = Vec::new();
        model.provider.api.encode_request(request, &mut body);
        let body = model.provider.api.with_reasoning(body, &|tool| {
            self.recording.borrow().reasoning.get(&(call.user, tool.to_owned())).cloned()
        });
        let digest = digest(model.provider, request, &body);
        let known = self.recording.borrow().calls.get(&call).cloned();
        match (known, &self.world) {
            (Some(known), _) if known.request() == digest => known,
            (Some(known), _) => {
                self.halt.stop(Stopped::NotRecorded(differs(
                    self.graph(),
                    call,
                    &asked(request),
                    known.asked(),
                )));
                self.park().await
            }
            (None, None) => {
                let text = not_there(self.graph(), call, &asked(request), &self.recording.borrow());
                self.halt.stop(Stopped::NotRecorded(text));
                self.park().await
            }
            (None, Some(world)) => self.make(world, call, model, request, &body, digest).await,
        }
    }

    /// The key under which a provider knows a repeat of the same request: the same in every try and
    /// after a restart, and no other run's.
    pub(super) fn idempotency(&self, what: &str) -> String {
        let Run { began_ms, key_epoch, seed, .. } = &self.run;
        format!(
            "simlab-{:032x}",
            xxh3_128(format!("{began_ms} {key_epoch} {seed} {what}").as_bytes())
        )
    }

    /// A number from 0 to 1, another one for each call and retry.
    fn jitter(&self, call: Call, made: u32) -> f64 {
        Seed(self.run.seed)
            .stage(Purpose::Jitter, Owner::of(call.canonical().as_bytes()), u64::from(made))
            .uniform()
    }

    /// Makes a call, as often as it makes sense.
    async fn make(
        &self,
        world: &LiveServices<F>,
        call: Call,
        model: &ModelProfile,
        request: &ChatRequest,
        body: &[u8],
        digest: String,
    ) -> CallOutcome {
        let provider = model.provider;
        let Some(gate) = world.providers.gate(provider) else {
            self.halt.stop(Stopped::Failed(format!(
                "model `{}` is asked, and there is no key for its provider",
                model.id
            )));
            return self.park().await;
        };
        let worst = charge::worst(model, body.len(), request.max_tokens);
        let idempotency = self.idempotency(&format!("{} {digest}", call.canonical()));
        let patience = self.stage.scenario.traffic.timeout.min(LONGEST_TRY);
        let asked = asked(request);
        let (mut retried, mut made, mut total) = (Vec::new(), 0, Duration::ZERO);
        loop {
            let pass = gate.pass().await;
            match world.budget.reserve(worst).await {
                Ok(()) => {}
                Err(Reached { worst }) => {
                    self.halt.stop(Stopped::Budget(worst));
                    return self.park().await;
                }
            }
            if !self.halt.goes_on()
                || !self.write(RecordedLine::Asked { call, worst_nano_usd: worst })
            {
                world.budget.settle(worst, 0);
                return self.park().await;
            }
            let out = self.halt.out();
            if !self.durable().await {
                world.budget.settle(worst, 0);
                drop(out);
                return self.park().await;
            }
            let Try { latency, result, reasoning } = world
                .providers
                .once(
                    provider,
                    (&provider.target(request), body),
                    request.user.as_deref(),
                    &idempotency,
                    patience,
                )
                .await;
            total += latency;
            let FailedTry { error, may_be_charged } = match result {
                Ok(response) => {
                    gate.answered();
                    let nano_usd = charge::answered(model, request, &response, worst);
                    world.budget.settle(worst, nano_usd);
                    let mut answered = recorded(
                        call,
                        &model.id,
                        digest,
                        asked,
                        response,
                        (total, latency),
                        nano_usd,
                        retried,
                    );
                    answered.reasoning = reasoning;
                    if !self.write(RecordedLine::Answered(answered.clone())) {
                        drop(out);
                        return self.park().await;
                    }
                    return CallOutcome::Answered(answered);
                }
                Err(failure) => failure,
            };
            // What may have reached the provider counts at its maximum, for nobody here will ever
            // know.
            let nano_usd = if may_be_charged { worst } else { 0 };
            world.budget.settle(worst, nano_usd);
            if matches!(error.kind, ErrorKind::RateLimited | ErrorKind::Overloaded) {
                gate.refused();
                if let Some(wait) = error.retry_after {
                    gate.close_for(wait.min(provider.api.longest_asked()));
                }
            }
            let policy = policy(error.kind, provider);
            let too_long = error.retry_after.filter(|wait| *wait > policy.longest_asked);
            let why = if too_long.is_some() { "wait_too_long" } else { word(error.kind) };
            if let Some(sentence) = fatal(&error, model) {
                self.write(RecordedLine::Withdrawn { call, nano_usd });
                self.halt.stop(Stopped::Failed(sentence));
                drop(out);
                return self.park().await;
            }
            match policy.next_wait(&error, made, self.jitter(call, made)) {
                Some(wait) => {
                    retried.push(why.to_owned());
                    made += 1;
                    let written = self.write(RecordedLine::Withdrawn { call, nano_usd });
                    drop((pass, out));
                    if !written {
                        return self.park().await;
                    }
                    tokio::time::sleep(std::time::Duration::from_micros(wait.us())).await;
                    total += wait;
                }
                None if error.kind == ErrorKind::Connection => {
                    // Nothing of this is the user's fault: the run can be taken up again when there
                    // is a network.
                    self.write(RecordedLine::Withdrawn { call, nano_usd });
                    self.halt.stop(Stopped::Failed(format!(
                        "{} cannot be reached: {}",
                        provider.name, error.message
                    )));
                    drop(out);
                    return self.park().await;
                }
                None => {
                    let failed = Failed {
                        call,
                        model: model.id.clone(),
                        request: digest,
                        asked,
                        kind: counted(error.kind),
                        why: why.to_owned(),
                        message: too_long.map_or_else(
                            || cut(&error.message, 500),
                            |wait| waits_too_long(wait, provider, &error.message),
                        ),
                        latency_us: total.us(),
                        nano_usd,
                        retried,
                    };
                    if !self.write(RecordedLine::Failed(failed.clone())) {
                        drop(out);
                        return self.park().await;
                    }
                    return CallOutcome::Failed(failed);
                }
            }
        }
    }
}

/// The first `most` characters.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// The start of what was said last.
fn asked(request: &ChatRequest) -> String {
    let text =
        request.messages.last().and_then(|message| message.content.last()).map_or("", |part| {
            match part {
                ContentPart::Text(text) => text,
                ContentPart::ToolUse(call) => &call.input,
                ContentPart::ToolResult(result) => &result.content,
            }
        });
    cut(text, ASKED_CHARACTERS)
}

/// That a provider asked for a wait which its own client would not obey.
fn waits_too_long(wait: Duration, provider: Provider, said: &str) -> String {
    let (asked, longest) = (wait.seconds(), provider.api.longest_asked().seconds());
    let said = cut(said, 300);
    format!("{} asked to wait {asked:.0} s, longer than {longest:.0} s: {said}", provider.name)
}

/// How patient a caller is with this kind of failure of a provider.
fn policy(kind: ErrorKind, provider: Provider) -> RetryPolicy {
    let retries = if kind == ErrorKind::Connection {
        CONNECTION_RETRIES
    } else {
        RetryPolicy::default().retries
    };
    let longest_asked = provider.api.longest_asked();
    RetryPolicy { retries, longest_asked, ..RetryPolicy::default() }
}

/// A kind of failure in one word.
fn word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadRequest => "bad_request",
        ErrorKind::Authentication => "authentication",
        ErrorKind::Permission => "permission",
        ErrorKind::NotFound => "not_found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::OutOfCredit => "out_of_credit",
        ErrorKind::Server => "server",
        ErrorKind::Overloaded => "overloaded",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Connection => "connection",
        ErrorKind::Cut => "cut",
        ErrorKind::Malformed => "malformed",
    }
}

/// What a failure counts as in the report.
fn counted(kind: ErrorKind) -> FailureKind {
    match kind {
        ErrorKind::Timeout => FailureKind::Timeout,
        ErrorKind::RateLimited => FailureKind::RateLimited,
        ErrorKind::BadRequest | ErrorKind::TooLarge => FailureKind::BadRequest,
        ErrorKind::Malformed => FailureKind::Malformed,
        _ => FailureKind::ProviderError,
    }
}

/// What a request is known by: its body, and its path where that says the model.
fn digest(provider: Provider, request: &ChatRequest, body: &[u8]) -> String {
    let sent = match provider.api.path_api() {
        Some(api) => xxh3_128(&[api.target(request).as_bytes(), b"\n", body].concat()),
        None => xxh3_128(body),
    };
    format!("{sent:032x}")
}

/// One sentence, for a failure that would be everybody's.
fn fatal(error: &ChatError, model: &ModelProfile) -> Option<String> {
    fatal_for(error, model.provider, &model.id)
}

/// The same for a provider and a model's id.
pub(super) fn fatal_for(error: &ChatError, provider: Provider, model: &str) -> Option<String> {
    let (name, key) = (provider.name, provider.key_variable);
    let said = cut(&error.message, 300);
    match error.kind {
        ErrorKind::Authentication => Some(format!("{name} does not accept {key}: {said}")),
        ErrorKind::Permission => Some(format!("{name} does not let {key} use `{model}`: {said}")),
        ErrorKind::OutOfCredit => Some(format!("{name}: the account is out of credit: {said}")),
        ErrorKind::NotFound => {
            let instead = models::retired(model)
                .map(|retired| format!("; use `{}` instead", retired.instead));
            Some(format!("{name} has no model `{model}`{}: {said}", instead.unwrap_or_default()))
        }
        _ => None,
    }
}

/// An answer as it is recorded; `took` is the time of all tries with their waits, and that of the
/// last one.
#[allow(clippy::too_many_arguments, reason = "one line's fields")]
fn recorded(
    call: Call,
    model: &str,
    request: String,
    asked: String,
    response: ChatResponse,
    took: (Duration, Duration),
    nano_usd: u64,
    retried: Vec<String>,
) -> Answered {
    let stop = response.stop.name();
    let wish = |call: &crate::llm::chat::ToolUse| ToolWish {
        id: call.id.clone(),
        name: call.name.clone(),
        input: call.input.clone(),
    };
    Answered {
        call,
        model: model.to_owned(),
        request,
        asked,
        text: response.text(),
        tools: response.tool_uses().map(wish).collect(),
        stop: stop.to_owned(),
        input_tokens: response.usage.input,
        output_tokens: response.usage.output,
        cache_read_tokens: response.usage.cached.read,
        cache_write_tokens: response.usage.cached.written,
        latency_us: took.0.us(),
        answer_us: took.1.us(),
        nano_usd,
        retried,
        reasoning: None,
    }
}

fn of(graph: &Graph, call: Call) -> String {
    let again = if call.attempt > 0 { ", asked again" } else { "" };
    format!("user {}, {}, call {}{again}", call.user, graph.name(call.caller), call.nth + 1)
}

fn differs(graph: &Graph, call: Call, asked: &str, recorded: &str) -> String {
    format!(
        "{} asks something else than the recording has\n    asked:    {asked:?}\n    recorded: {recorded:?}",
        of(graph, call)
    )
}

/// What is told of a call that a recording does not hold, with the nearest one that it has.
fn not_there(graph: &Graph, call: Call, asked: &str, recording: &Recording) -> String {
    let own = recording.calls.iter().filter(|(known, _)| known.caller == call.caller);
    let distance = |known: &Call, text: &str| {
        (known.user != call.user, strsim::levenshtein(text, asked), known.nth.abs_diff(call.nth))
    };
    let nearest = own.min_by_key(|(known, outcome)| distance(known, outcome.asked()));
    let nearest = nearest.map_or_else(
        || format!("it has no call of the {} at all", graph.name(call.caller)),
        |(known, outcome)| {
            format!("nearest is {}\n    recorded: {:?}", of(graph, *known), outcome.asked())
        },
    );
    format!("{} is not in the recording; {nearest}\n    asked:    {asked:?}", of(graph, call))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::anthropic::ANTHROPIC;
    use crate::llm::wire::mistral::MISTRAL;
    use crate::llm::wire::openai::OPENAI;

    #[test]
    fn a_long_wait_is_obeyed_as_the_providers_own_clients_of_today_do() {
        let asked = |provider, seconds: f64| {
            let retry_after = Some(Duration::from_seconds(seconds));
            let error = ChatError { retry_after, ..ChatError::new(ErrorKind::RateLimited, "no") };
            policy(error.kind, provider).next_wait(&error, 0, 0.0).map(Duration::seconds)
        };
        assert_eq!(asked(ANTHROPIC, 3_600.0), Some(3_600.0));
        assert_eq!((asked(OPENAI, 120.0), asked(OPENAI, 121.0)), (Some(120.0), None));
        assert_eq!((asked(MISTRAL, 60.0), asked(MISTRAL, 61.0)), (Some(60.0), None));
        assert_eq!(
            waits_too_long(Duration::from_seconds(300.0), OPENAI, "slow down"),
            "OpenAI asked to wait 300 s, longer than 120 s: slow down"
        );
    }
}
