//! Which path is answered with what.
//!
//! Does not know: how anything looks.

use std::sync::{Mutex, PoisonError};

use super::dots;
use super::knob::{Knob, knobs};
use super::learn::Learn;
use super::lesson_page;
use super::page::{self, Shown};
use super::replications::{MAX_USERS, Replications, truth_users};
use super::state::PageState;
use crate::diagnostic::Diagnostic;
use crate::report::{Report, ReportedExperiment};
use crate::run::{PreparedScenario, RunOptions, Simulation, Size};
use crate::scenario::{Loaded, Scenario};
use crate::serve::{PageReply, PageRequest};
use crate::time::Stopwatch;
use crate::verdict::Decision;

/// Settings whose true effect is remembered.
const KEPT: usize = 8;

/// A scenario to play with.
#[derive(Debug)]
pub struct Play {
    base: Loaded,
    knobs: Vec<Knob>,
    replications: Replications,
    learn: Learn,
    /// What the rules decide on the true effect, by query: the report has it, and the dots need it.
    truths: Mutex<Vec<(String, Vec<Decision>)>>,
}

impl Play {
    /// The page of a scenario.
    #[must_use]
    pub fn new(base: Loaded) -> Self {
        let knobs = knobs(&base);
        Self {
            base,
            knobs,
            replications: Replications::default(),
            learn: Learn::default(),
            truths: Mutex::default(),
        }
    }

    /// Answers a request.
    #[must_use]
    pub fn answer(&self, request: &PageRequest) -> PageReply {
        if request.posted.is_some() {
            return reply(405, TEXT, "expected a GET request\n".to_owned());
        }
        match request.path.as_str() {
            "/play.css" => return reply(200, "text/css; charset=utf-8", page::style()),
            "/play.js" => {
                return reply(200, "text/javascript; charset=utf-8", page::SCRIPT.to_owned());
            }
            "/learn.js" => {
                let script = lesson_page::SCRIPT.to_owned();
                return reply(200, "text/javascript; charset=utf-8", script);
            }
            "/" | "/part" | "/dots" | "/scenario.ron" => {}
            path if path == "/learn" || path.starts_with("/learn/") => {
                return self.learn.answer(request);
            }
            _ => {
                return reply(
                    404,
                    TEXT,
                    "there is no such page; the page is at /, the course at /learn\n".to_owned(),
                );
            }
        }
        let state = match PageState::read(&request.parameters, &self.knobs) {
            Ok(state) => state,
            Err(reason) => return reply(400, TEXT, format!("{reason}\n")),
        };
        match request.path.as_str() {
            "/part" => {
                // What the same page asked before is of no use any more.
                self.replications.stop(&state.tab);
                html(page::result(&self.shown(&state)))
            }
            "/dots" => html(self.dots(&state)),
            "/scenario.ron" => self.text(&state),
            _ => {
                let shown = self.shown(&state);
                html(page::whole(&self.base.scenario, &self.knobs, &state, &shown))
            }
        }
    }

    fn text(&self, state: &PageState) -> PageReply {
        match state.text(&self.base, &self.knobs) {
            Ok(text) => PageReply {
                status: 200,
                content_type: TEXT,
                file: Some(format!("{}.ron", self.base.scenario.name)),
                body: text,
            },
            Err(faults) => reply(400, TEXT, crate::diagnostic::render(&faults, false)),
        }
    }

    /// The scenario with the changes.
    fn scenario(&self, state: &PageState) -> Result<Scenario, Vec<Diagnostic>> {
        if state.changes.is_empty() {
            return Ok(self.base.scenario.clone());
        }
        let text = state.text(&self.base, &self.knobs)?;
        let mut scenario = self.base.with_text(&text)?.scenario;
        scenario.named_as = format!("{}.ron", scenario.name);
        Ok(scenario)
    }

    /// The report of the scenario with the changes, or what is wrong with them.
    fn shown(&self, state: &PageState) -> Shown {
        let watch = Stopwatch::start();
        match self.scenario(state).and_then(|scenario| run(&scenario, state)) {
            Ok(report) => {
                self.remember(state, &report);
                Shown::Report(Box::new(report), watch.elapsed())
            }
            Err(faults) => Shown::Faults(faults),
        }
    }

    /// Remembers what a report says of the true effect, so that the dots need not simulate it again.
    fn remember(&self, state: &PageState, report: &Report) {
        let of =
            |own: &ReportedExperiment| Some(own.verdict.as_ref()?.hindsight.as_ref()?.decision);
        // An experiment without a rule has no verdict; its dots go by a rule of their own.
        let Some(decisions) = report.experiments.iter().map(of).collect::<Option<Vec<_>>>() else {
            return;
        };
        let mut truths = self.truths.lock().unwrap_or_else(PoisonError::into_inner);
        let query = state.query();
        truths.retain(|(own, _)| *own != query);
        if truths.len() >= KEPT {
            truths.remove(0);
        }
        truths.push((query, decisions));
    }

    fn dots(&self, state: &PageState) -> String {
        let query = state.query();
        let at_truth = {
            let truths = self.truths.lock().unwrap_or_else(PoisonError::into_inner);
            truths.iter().find(|(own, _)| *own == query).map(|(_, own)| own.clone())
        };
        match self.scenario(state).and_then(|scenario| bounded(&scenario).map(|()| scenario)) {
            Ok(scenario) => dots::field(&self.replications.of(state, scenario, at_truth), state),
            Err(_) => dots::none(),
        }
    }
}

/// Refuses what takes too long to play with.
fn bounded(scenario: &Scenario) -> Result<(), Vec<Diagnostic>> {
    let users = scenario.traffic.queries;
    if users <= MAX_USERS {
        return Ok(());
    }
    let (users, most) =
        (crate::figure::count(users.into()), crate::figure::count(MAX_USERS.into()));
    let fault = format!("{users} users take too long to play with; this page runs at most {most}");
    let argument = scenario.as_argument();
    Err(vec![
        Diagnostic::new(fault).help(format!("copy the scenario and run `simlab run {argument}`")),
    ])
}

/// The report of a scenario, as `simlab run` has it.
fn run(scenario: &Scenario, state: &PageState) -> Result<Report, Vec<Diagnostic>> {
    bounded(scenario)?;
    let refused = |error: crate::run::SetupError| {
        vec![Diagnostic::new(format!("`{}` cannot be run: {error}", scenario.name))]
    };
    let truth = state.truth && !state.quick;
    let options = RunOptions {
        truth,
        truth_size: Size::Users(truth_users(scenario)),
        charts: !state.quick,
        users: state.arrived.map(|arrived| arrived.min(scenario.traffic.queries)),
        ..RunOptions::default()
    };
    // What a scenario expects may need the truth, which is hidden until somebody asks for it.
    let mut hidden = scenario.clone();
    for study in hidden.studies.iter_mut().filter(|_| !truth) {
        study.expect = study.expect.take().filter(|expect| !expect.needs_truth());
    }
    let stage = PreparedScenario::new(&hidden, hidden.seed).map_err(refused)?;
    Ok(Simulation::new(&stage, options).run().map_err(refused)?.report)
}

const TEXT: &str = "text/plain; charset=utf-8";

fn html(body: String) -> PageReply {
    reply(200, "text/html; charset=utf-8", body)
}

fn reply(status: u16, content_type: &'static str, body: String) -> PageReply {
    PageReply { status, content_type, file: None, body }
}
