//! One user's visit in the real world: the engine's model, tools and flags, all of them kept in the
//! session's journal.
//!
//! Guarantees: the same agents and fallbacks as in a simulated run; a malformed answer is asked for
//! once more.
//!
//! Does not know: other users.

use std::cell::Cell;

use crate::agents::{Assignment, Assignments, OutsideTools};
use crate::context::{UserKey, user_key};
use crate::journal::{Caller, Entry, FailureKind, Served};
use crate::knowledge::retrieval::{MAX_RESULTS, search};
use crate::knowledge::{RetrievalSettings, SearchTool};
use crate::live::papers::{SearchOutcome, SearchService};
use crate::live::recording::{Assigned, Call, CallOutcome, RecordedLine, ToolDone};
use crate::live::reply;
use crate::live::request::repair;
use crate::live::session::{Flags, Session};
use crate::live::stop::Stopped;
use crate::llm::chat::{ChatRequest, Usage};
use crate::llm::model::{
    CallFailure, CallWords, ChatModel, Completion, OutputWords, Prompt, RouteChoice, ToolUsed,
};
use crate::llm::setup::ToolKind;
use crate::llm::tasks::{Task, UnreadableAnswer};
use crate::sim::{Assign, Engine, EngineWorld, drive_live};
use crate::time::{Duration, Stopwatch, Timestamp};

/// One user, or the experiment itself (0).
#[derive(Debug)]
pub struct User<'a, F> {
    session: &'a Session<'a, F>,
    user: u32,
    key: Option<String>,
}

impl<'a, F: Flags> User<'a, F> {
    /// A user who has said nothing yet.
    #[must_use]
    pub fn new(session: &'a Session<'a, F>, user: u32) -> Self {
        let key = (user > 0).then(|| session.key(user));
        Self { session, user, key }
    }

    /// What a tool gives for this call.
    async fn output(&self, call: &CallWords, nth: u32) -> SearchOutcome {
        let scenario = self.session.stage.scenario;
        let tool = scenario.tool(call.tool);
        let usual = RetrievalSettings::default();
        let failed = |text: String| SearchOutcome {
            text,
            latency: Duration::ZERO,
            refusals: 0,
            failed: true,
        };
        let (query, top_k) = reply::asked(&call.input);
        let query = query.as_str();
        if query.is_empty() {
            return failed("Search error: the call has no `query`.".to_owned());
        }
        let top_k = top_k.unwrap_or(tool.top_k).clamp(1, MAX_RESULTS);
        if tool.kind == ToolKind::KeywordSearch {
            // A search in memory: no time that anybody would notice.
            let found = search(&scenario.knowledge, usual, SearchTool::Keyword, query, top_k);
            return SearchOutcome {
                text: found.text.text().to_owned(),
                latency: Duration::ZERO,
                refusals: 0,
                failed: false,
            };
        }
        let known = self.session.recording.borrow().tools.get(&(self.user, nth)).cloned();
        if let Some(known) = known.filter(|known| known.name == tool.key && known.query == query) {
            let latency = Duration::from_us(known.latency_us);
            return SearchOutcome {
                text: known.output,
                latency,
                refusals: known.refusals,
                failed: known.failed,
            };
        }
        let Some(world) = &self.session.world else {
            let what = format!(
                "user {}, {}, call {}: the recording has no answer to {query:?}",
                self.user,
                tool.key,
                nth + 1
            );
            self.session.halt.stop(Stopped::NotRecorded(what));
            return self.session.park().await;
        };
        let watch = Stopwatch::start();
        let settings = |threshold| RetrievalSettings { score_threshold: threshold, ..usual };
        let (kind, settings) = match tool.kind {
            ToolKind::SemanticSearch { threshold } => (SearchTool::Semantic, settings(threshold)),
            _ => (SearchTool::Reranked, usual),
        };
        let found = match (tool.kind, SearchService::of(&tool.key)) {
            (ToolKind::Remote(_), source) => {
                match (world.tools.search(&tool.key, query, top_k).await, source) {
                    (Some(told), _) => told,
                    (None, Some(source)) => world.papers.search(source, query, top_k).await,
                    (None, None) => failed(format!("Search error: there is no {}.", tool.key)),
                }
            }
            _ => match self.session.by_meaning(world, kind, settings, query, top_k).await {
                Ok(text) => {
                    SearchOutcome { text, latency: watch.elapsed(), refusals: 0, failed: false }
                }
                Err(error) => SearchOutcome {
                    latency: watch.elapsed(),
                    ..failed(format!("Search error: {error}, no results."))
                },
            },
        };
        let done = ToolDone {
            user: self.user,
            nth,
            name: tool.key.clone(),
            query: query.to_owned(),
            output: found.text.clone(),
            latency_us: found.latency.us(),
            refusals: found.refusals,
            failed: found.failed,
        };
        if self.session.write(RecordedLine::Tool(done)) { found } else { self.session.park().await }
    }
}

/// What is asked of a model.
#[derive(Clone, Debug)]
pub struct Asking {
    caller: Caller,
    task: Task,
    offers_tools: bool,
    routes: Vec<RouteChoice>,
    nth: u16,
    model: u16,
    request: ChatRequest,
}

impl<F: Flags> ChatModel for User<'_, F> {
    type Request = Asking;

    fn request(&self, prompt: &Prompt<'_>) -> Asking {
        Asking {
            caller: prompt.caller,
            task: prompt.task,
            offers_tools: prompt.offers_tools,
            routes: prompt.routes.to_vec(),
            nth: prompt.nth,
            model: prompt.setup.model,
            request: self.session.writer().request(prompt, self.key.as_deref()),
        }
    }

    async fn complete(&self, asking: Asking) -> Result<Completion, CallFailure> {
        let Asking { caller, task, offers_tools, routes, nth, model, mut request } = asking;
        let scenario = self.session.stage.scenario;
        let model = scenario.model(model);
        let (mut latency, mut usage) = (Duration::ZERO, Usage::default());
        let mut attempt = 0;
        loop {
            let call = Call { user: self.user, caller, nth, attempt };
            let answered = match self.session.call(call, model, &request).await {
                CallOutcome::Answered(answered) => answered,
                CallOutcome::Failed(failed) => {
                    let usage = (attempt > 0).then_some(usage);
                    return Err(CallFailure {
                        kind: failed.kind,
                        latency: latency + Duration::from_us(failed.latency_us),
                        usage,
                    });
                }
            };
            latency += Duration::from_us(answered.latency_us);
            usage.input = usage.input.saturating_add(answered.input_tokens);
            usage.output = usage.output.saturating_add(answered.output_tokens);
            usage.cached = usage.cached.and(answered.cached());
            match reply::read(scenario, task, (offers_tools, &routes), &answered) {
                Ok(reply) => {
                    return Ok(Completion {
                        reply,
                        input_tokens: usage.input,
                        output_tokens: usage.output,
                        reasoning_tokens: usage.reasoning,
                        cached: usage.cached,
                        latency,
                    });
                }
                Err(UnreadableAnswer { kind: FailureKind::Malformed, reason })
                    if attempt == 0 && task.has_form() =>
                {
                    request = repair(&request, &reason);
                    attempt = 1;
                }
                Err(UnreadableAnswer { kind, .. }) => {
                    return Err(CallFailure { kind, latency, usage: Some(usage) });
                }
            }
        }
    }

    async fn use_tool(&self, call: &CallWords, nth: u32) -> Option<ToolUsed> {
        let SearchOutcome { text, latency, refusals, failed } = self.output(call, nth).await;
        Some(ToolUsed { output: OutputWords::new(call, text, failed), latency, refusals })
    }
}

/// Assigns one user as the flag service does, once.
struct ByService<'a, F> {
    session: &'a Session<'a, F>,
    user: u32,
    /// Whether there was no assignment to be had: the visit does not count then.
    broken: &'a Cell<bool>,
}

impl<F: Flags> ByService<'_, F> {
    fn assigned(&self, group: u16) -> Option<Vec<Assigned>> {
        let session = self.session;
        let known = session.recording.borrow().assigned.get(&self.user).cloned();
        let handed = session.recording.borrow().sending.contains(&self.user);
        let Some(world) = session.world.as_ref().filter(|_| !handed) else {
            if known.is_none() {
                session.halt.stop(Stopped::NotRecorded(format!(
                    "user {} is assigned to nothing in the recording",
                    self.user
                )));
            }
            return known;
        };
        // Known or not, the exposure has to reach the service before the events do.
        let fresh = match world.flags.assign(&session.key(self.user), group) {
            Ok(fresh) => fresh,
            Err(sentence) => {
                session.halt.stop(Stopped::Failed(sentence));
                return None;
            }
        };
        match known {
            Some(known) if known != fresh => {
                let what = "the flags have changed since the run began: LaunchDarkly would count a user in another arm than this run did";
                session
                    .halt
                    .stop(Stopped::Failed(format!("user {}: {what}", session.key(self.user))));
                None
            }
            Some(known) => Some(known),
            None => {
                let configs = fresh.clone();
                session.write(RecordedLine::Assigned { user: self.user, configs }).then_some(fresh)
            }
        }
    }
}

impl<F: Flags> Assign for ByService<'_, F> {
    fn assign(&mut self, _key: &UserKey, group: u16) -> Assignments {
        let assigned = self.assigned(group).unwrap_or_else(|| {
            self.broken.set(true);
            vec![
                Assigned { variation: None, in_experiment: false };
                self.session.stage.scenario.configs.len()
            ]
        });
        let served = |(config, Assigned { variation, in_experiment }): (u8, Assigned)| Assignment {
            served: variation.map(|variation| Served { config, variation }),
            in_experiment,
        };
        (0..).zip(assigned).map(served).collect()
    }
}

/// A user's whole visit: what happened, or `None` where the run stopped before it was over.
pub async fn visit<F: Flags>(
    session: &Session<'_, F>,
    world: EngineWorld<'_>,
    user: u32,
) -> Option<Vec<Entry>> {
    let began = session.recording.borrow().began.get(&user).copied();
    let at_us = match began {
        Some(at_us) => at_us,
        None => {
            let at_us = session.elapsed().us();
            if !session.write(RecordedLine::Began { user, at_us }) {
                return None;
            }
            at_us
        }
    };
    let broken = Cell::new(false);
    let assign = ByService { session, user, broken: &broken };
    let mut engine = Engine::new(world, (assign, OutsideTools, Vec::new()), user, user)
        .from(Timestamp::from_us(at_us));
    let model = User::new(session, user);
    tokio::select! {
        biased;
        () = session.halt.stopped() => return None,
        () = drive_live(&mut engine, &model) => {}
    }
    let (_, entries) = engine.finish();
    if broken.get() {
        return None;
    }
    let group = world.plan.visitor(user_key(user).owner(), 0).group;
    let known = session.recording.borrow().over.contains(&user);
    if !known && !session.write(RecordedLine::Over { user }) {
        return None;
    }
    if let Some(world) = &session.world
        && !session.recording.borrow().sending.contains(&user)
    {
        world.flags.track(&session.key(user), group, &entries);
    }
    Some(entries)
}
