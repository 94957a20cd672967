//! A whole live run or replay: the topics, then every user's visit, some at a time; then the
//! report.
//!
//! Guarantees: users are reported in their order, whatever order they were answered in, so a replay
//! gives the run's very bytes. A run that stops early reports the users whose visits are over.
//!
//! Does not know: where keys, files and questions to people come from.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all};

use crate::journal::{Entry, Reader};
use crate::live::deliver::Outgoing;
use crate::live::recording::CallOutcome;
use crate::live::session::{Flags, Session};
use crate::live::stop::Stopped;
use crate::live::user::{User, visit};
use crate::llm::model::ChatModel;
use crate::random::Seed;
use crate::report::{
    Assumption, Counterpart, DataOrigin, LiveProblem, LiveSummary, Number, Ordered,
};
use crate::run::{CompanionRuns, Outcome, RunCollector, stated};
use crate::sim::EngineWorld;
use crate::traffic::{TrafficMode as Sending, TrafficPlan};

/// What came of the traffic.
#[derive(Debug, Default)]
pub struct LiveOutcome {
    /// What happened before the first user.
    pub shared: Vec<Entry>,
    /// What happened to each user whose visit is over.
    pub users: BTreeMap<u32, Vec<Entry>>,
    /// Why it stopped before its end, if it did.
    pub stopped: Option<Stopped>,
    /// Why events did not arrive, if they did not.
    pub undelivered: Option<String>,
}

/// Sends the traffic. `progress` hears how many visits are over, and what happened in the last of
/// them; when `interrupt` is over, the run stops.
pub async fn gather<F: Flags>(
    session: &Session<'_, F>,
    interrupt: impl Future<Output = ()>,
    progress: impl Fn(u32, &[Entry]),
) -> LiveOutcome {
    let stage = session.stage;
    let scenario = stage.scenario;
    let seed = Seed(session.run.seed);
    let mut gathered = LiveOutcome::default();
    let mut interrupt = std::pin::pin!(interrupt);
    let (nobody, prompt) = (User::new(session, 0), stage.topics_prompt());
    let topics = {
        let read = async {
            // Nobody has to find topics where users ask a list's questions.
            if !scenario.knowledge.questions().is_empty() {
                return Some(Vec::new());
            }
            tokio::select! {
                biased;
                () = session.halt.stopped() => None,
                read = nobody.complete(nobody.request(&prompt)) => Some(stage.topics(read, &mut gathered.shared)),
            }
        };
        let mut read = std::pin::pin!(read);
        tokio::select! {
            biased;
            topics = &mut read => topics,
            () = &mut interrupt => {
                session.halt.stop(Stopped::Interrupted);
                // The answer that is out is paid for: it shall come home.
                read.await
            }
        }
    };
    let Some(topics) = topics else {
        return LiveOutcome { stopped: session.halt.why(), ..gathered };
    };
    let plan = TrafficPlan::new(seed, &scenario.traffic, &scenario.knowledge, topics);
    let world = EngineWorld {
        app: stage.app(),
        plan: &plan,
        traffic: &scenario.traffic,
        luck: seed.into(),
    };

    let (workers, pause) = match scenario.traffic.mode {
        Sending::Concurrent { workers } => (workers.max(1), None),
        Sending::Sequential { delay } => (1, Some(std::time::Duration::from_micros(delay.us()))),
    };
    // Visits that are over come first: they cost nothing, and their events may not have been sent,
    // whatever stops the others.
    let over: BTreeSet<u32> = session.recording.borrow().over.clone();
    // A replay has those alone.
    let others =
        (1..=session.run.users).filter(|user| session.world.is_some() && !over.contains(user));
    let next = RefCell::new(
        over.iter().copied().filter(|user| (1..=session.run.users).contains(user)).chain(others),
    );
    let users = RefCell::new(BTreeMap::new());
    let outgoing = Outgoing::default();
    let one = |_: u32| async {
        while session.halt.goes_on() {
            let Some(user) = next.borrow_mut().next() else { return };
            let known = over.contains(&user);
            let handed_before = session.recording.borrow().sending.contains(&user);
            let Some(entries) = visit(session, world, user).await else { return };
            progress(users.borrow().len() as u32 + 1, &entries);
            users.borrow_mut().insert(user, entries);
            if session.world.is_some() && !handed_before {
                outgoing.hand(user);
            }
            if let Some(pause) = pause.filter(|_| !known && session.world.is_some()) {
                tokio::time::sleep(pause).await;
            }
        }
    };
    {
        let everybody = async {
            join_all((0..workers).map(one)).await;
            outgoing.close();
        };
        let mut all = std::pin::pin!(join(everybody, outgoing.deliver(session)));
        tokio::select! {
            biased;
            _ = &mut all => {}
            () = &mut interrupt => {
                session.halt.stop(Stopped::Interrupted);
                all.await;
            }
        }
    }
    // Whether that went well is in `halt`.
    session.durable().await;
    let undelivered = outgoing.why().filter(|_| session.recording.borrow().undelivered() > 0);
    LiveOutcome { users: users.into_inner(), stopped: session.halt.why(), undelivered, ..gathered }
}

/// What the report says of who stood behind the run.
#[derive(Clone, Debug, Default)]
pub struct LiveContext {
    /// The budget, in nano-dollars; `None` in a replay.
    pub most_nano_usd: Option<u64>,
    /// What stood for models and flags.
    pub backends: Vec<(String, String)>,
    /// What the bootstrap did.
    pub bootstrap: Vec<String>,
    /// What stood at each address that the run went to.
    pub other_side: Ordered<Counterpart>,
    /// LaunchDarkly's page of each experiment.
    pub pages: Vec<(String, String)>,
}

/// The report of what was gathered. `also` reads every entry, too.
pub fn conclude<F: Flags>(
    session: &Session<'_, F>,
    gathered: &LiveOutcome,
    context: LiveContext,
    charts: bool,
    also: &mut impl Reader,
) -> Outcome {
    let stage = session.stage;
    let run = &session.run;
    let mut gathering = RunCollector::new(stage, run.users);
    for entry in gathered.shared.iter().chain(gathered.users.values().flatten()) {
        gathering.entry(entry);
        also.entry(entry);
    }
    let mode = if session.world.is_some() { DataOrigin::Live } else { DataOrigin::Replay };
    let mut outcome = gathering.conclude(
        stage,
        mode,
        (Seed(run.seed), run.users),
        &CompanionRuns { charts, ..CompanionRuns::default() },
    );
    let report = &mut outcome.report;
    report.backends = Ordered(context.backends);
    report.bootstrap = context.bootstrap;
    let assumption =
        |what: &str, source: &str| Assumption { what: what.to_owned(), source: source.to_owned() };
    report.assumptions = vec![
        assumption("prices per token: as the scenario has them", "the scenario"),
        assumption(
            "who asks what, and how a user would rate an answer: models say so, not people",
            "the tutorial's method",
        ),
    ];
    report.assumptions.extend(stated(stage.scenario));
    if !stage.scenario.outcomes.is_empty() {
        report.assumptions.push(assumption(
            "outcomes: a positive rating stands for a strong answer, a negative one for a weak answer, none for a fair one",
            "assumed",
        ));
    }
    let summary = summary(session, gathered, context.most_nano_usd, context.pages);
    report.live = Some(LiveSummary { other_side: context.other_side, ..summary });
    outcome
}

fn summary<F: Flags>(
    session: &Session<'_, F>,
    gathered: &LiveOutcome,
    most: Option<u64>,
    pages: Vec<(String, String)>,
) -> LiveSummary {
    let recording = session.recording.borrow();
    let dollars = |nano: u64| Number::new(nano as f64 / 1e9);
    let graph = &session.stage.scenario.graph;
    let mut problems: BTreeMap<(Option<String>, &str, String), (u64, u64)> = BTreeMap::new();
    let mut repaired = 0;
    for (call, outcome) in &recording.calls {
        let (retried, ended) = match outcome {
            CallOutcome::Answered(answered) => {
                repaired += u64::from(call.attempt > 0);
                let useless = matches!(answered.stop.as_str(), "refusal" | "content_filter")
                    .then_some(answered.stop.as_str());
                (&answered.retried, useless)
            }
            CallOutcome::Failed(failed) => (&failed.retried, Some(failed.why.as_str())),
        };
        if retried.is_empty() && ended.is_none() {
            continue;
        }
        let variation = arm(session, recording.assigned.get(&call.user));
        for kind in retried {
            problems
                .entry((variation.clone(), graph.name(call.caller), kind.clone()))
                .or_default()
                .0 += 1;
        }
        if let Some(kind) = ended {
            problems.entry((variation, graph.name(call.caller), kind.to_owned())).or_default().1 +=
                1;
        }
    }
    let problem = |((variation, agent, kind), (retried, failed))| LiveProblem {
        variation,
        agent: String::from(agent),
        kind,
        retried,
        failed,
    };
    LiveSummary {
        users: gathered.users.len() as u64,
        users_wanted: u64::from(session.run.users),
        calls: recording.calls.len() as u64,
        spent_usd: dollars(recording.spent_nano_usd()),
        max_cost_usd: most.and_then(dollars),
        stopped: gathered.stopped.as_ref().map(told),
        repaired,
        problems: problems.into_iter().map(problem).collect(),
        events_in_doubt: recording.sending.difference(&recording.sent).count() as u64,
        other_side: Ordered::default(),
        pages: Ordered(pages),
    }
}

/// The variation that counts for a user: that of the first experiment that it is in.
fn arm<F>(
    session: &Session<'_, F>,
    assigned: Option<&Vec<crate::live::recording::Assigned>>,
) -> Option<String> {
    let assigned = assigned?;
    let scenario = session.stage.scenario;
    scenario.studies.iter().map(|study| &study.varies).find_map(|varies| {
        let own = assigned.get(usize::from(varies.config)).filter(|own| own.in_experiment)?;
        let config = scenario.configs.get(usize::from(varies.config))?;
        Some(config.variations.get(usize::from(own.variation?))?.variation.clone())
    })
}

/// Why it stopped, in one sentence.
#[must_use]
pub fn told(stopped: &Stopped) -> String {
    match stopped {
        Stopped::Budget(worst) => {
            format!(
                "the budget is reached: what is left would not surely pay another call (up to ${:.6})",
                *worst as f64 / 1e9
            )
        }
        Stopped::Interrupted => "interrupted".to_owned(),
        Stopped::Failed(sentence) => sentence.clone(),
        Stopped::Journal(reason) => format!("the journal cannot be written: {reason}"),
        Stopped::NotRecorded(what) => what.clone(),
    }
}
