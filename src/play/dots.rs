//! The field of dots: one for each replication, and what they say together.
//!
//! Guarantees: a dot's shape says what was decided, also without colors; whether that was right shows
//! only once the true effect is asked for.
//!
//! Does not know: how replications run.

use maud::{Markup, html};

use super::curve::{DECISIONS, SizeShares, by_size, curve};
use super::replications::{FieldExperiment, FieldRun, FieldSoFar, LONGEST, REPLICATIONS};
use super::state::PageState;
use crate::figure;
use crate::power::MonteCarloEstimate;
use crate::verdict::Decision;

/// What a dot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DotKind {
    decision: Decision,
    /// Whether the rule decides the same on the true effect; `None` where that is hidden, or nothing
    /// was decided.
    right: Option<bool>,
}

impl DotKind {
    fn of(decision: Decision, at_truth: Option<Decision>) -> Self {
        let right = at_truth.filter(|_| decision != Decision::NeedMoreData);
        Self { decision, right: right.map(|at_truth| at_truth == decision) }
    }

    fn class(self) -> &'static str {
        match (self.decision, self.right) {
            (Decision::Ship, None) => "ship",
            (Decision::Ship, Some(true)) => "ship right",
            (Decision::Ship, Some(false)) => "ship wrong",
            (Decision::Keep, None) => "keep",
            (Decision::Keep, Some(true)) => "keep right",
            (Decision::Keep, Some(false)) => "keep wrong",
            (Decision::NeedMoreData, _) => "open",
        }
    }

    fn words(self) -> &'static str {
        match (self.decision, self.right) {
            (Decision::Ship, None) => "ship",
            (Decision::Ship, Some(true)) => "ship, rightly",
            (Decision::Ship, Some(false)) => "ship, wrongly",
            (Decision::Keep, None) => "keep the control",
            (Decision::Keep, Some(true)) => "keep the control, rightly",
            (Decision::Keep, Some(false)) => "keep the control, wrongly",
            (Decision::NeedMoreData, _) => "need more data",
        }
    }
}

/// The outcomes that are counted, in their order.
fn kinds(at_truth: Option<Decision>) -> Vec<DotKind> {
    let open = DotKind { decision: Decision::NeedMoreData, right: None };
    let of = |right| [Decision::Ship, Decision::Keep].map(|decision| DotKind { decision, right });
    match at_truth {
        None => of(None).into_iter().chain([open]).collect(),
        Some(_) => of(Some(true)).into_iter().chain(of(Some(false))).chain([open]).collect(),
    }
}

/// Nothing: the report says why.
pub fn none() -> String {
    html! { p.dim { "No runs: the settings are wrong." } }.into_string()
}

/// The dots so far.
pub fn field(so_far: &FieldSoFar, state: &PageState) -> String {
    let done = so_far.done.len();
    let page = html! {
        h2 { "The same experiment " (REPLICATIONS) " times" }
        @if let Some(problem) = &so_far.problem { p.bad { "These runs failed: " (problem) } }
        @if !so_far.ended && done == 0 {
            p.dim data-more { @if state.truth { "Computing the true effect …" } @else { "Preparing …" } }
        }
        @for (nth, experiment) in so_far.experiments.iter().enumerate() {
            (one(so_far, nth, experiment, state))
        }
        @if so_far.complete && so_far.problem.is_none() && done < REPLICATIONS as usize {
            p.warn { "Only " (done) " of " (REPLICATIONS) " runs: the others would take longer than " (LONGEST.seconds()) " s. Try fewer users." }
        }
        @if !so_far.ended { span data-more {} }
    };
    page.into_string()
}

fn one(so_far: &FieldSoFar, nth: usize, experiment: &FieldExperiment, state: &PageState) -> Markup {
    let of_run = |run: &FieldRun| run.decisions.get(nth).cloned().unwrap_or_default();
    let runs: Vec<Vec<Decision>> = so_far.done.values().map(of_run).collect();
    let outcomes = so_far.done.iter().zip(&runs).map(|((at, run), decisions)| {
        let decision = decisions.last().copied().unwrap_or(Decision::NeedMoreData);
        (*at, run.seed, DotKind::of(decision, experiment.at_truth))
    });
    let outcomes: Vec<(u64, u64, DotKind)> = outcomes.collect();
    let count = |kind: DotKind| outcomes.iter().filter(|(_, _, own)| *own == kind).count();
    let share = |kind: DotKind| MonteCarloEstimate::share(count(kind), outcomes.len()).percent();
    let waiting = (REPLICATIONS as usize).saturating_sub(outcomes.len());
    html! {
        @if so_far.experiments.len() > 1 { h3 { (experiment.name) } }
        ul.dots aria-label={ "Runs of " (experiment.name) } {
            @for (at, seed, outcome) in &outcomes {
                @let words = format!("run {}, seed {seed}: {}", at + 1, outcome.words());
                li { a class={ "dot " (outcome.class()) } href={ "/?" (state.with_seed(*seed).query()) } title=(words) aria-label=(words) tabindex=[(*at > 0).then_some("-1")] {} }
            }
            @if !so_far.complete { @for _ in 0..waiting { li aria-hidden="true" { span.dot {} } } }
        }
        @if !outcomes.is_empty() {
            ul.key {
                @for kind in kinds(experiment.at_truth) {
                    li { span class={ "dot " (kind.class()) } aria-hidden="true" {} span { (kind.words()) ": " strong { (share(kind)) } } }
                }
            }
            p.small.dim {
                "± is the Monte Carlo standard error, in points, of " (outcomes.len()) " runs. "
                @if !experiment.rule_given { "The scenario has no decision rule: here, a run ships what beats the control on the primary metric, and keeps the control if it loses. " }
                @match experiment.at_truth {
                    Some(Decision::Ship) => "On the true effect, the rule says to ship. ",
                    Some(Decision::Keep) => "On the true effect, the rule says to keep the control. ",
                    Some(Decision::NeedMoreData) => "On the true effect, the rule asks for more data, so every ship and every keep is wrong. ",
                    None => "Show the true effect to see which of them are wrong. ",
                }
                "A dot opens the report of its run."
            }
            @if so_far.complete { (curve(so_far, nth, &experiment.name, so_far.sizes.last().copied().unwrap_or(0))) }
            (by_users(&runs, &by_size(so_far, nth), experiment))
        }
    }
}

/// How often each verdict comes with fewer and with more users, and what comes of looking each time.
fn by_users(runs: &[Vec<Decision>], sizes: &[SizeShares], experiment: &FieldExperiment) -> Markup {
    let share = |count: usize| MonteCarloEstimate::share(count, runs.len());
    // Who looks each time stops at the first ship or keep.
    let stop = |own: &Vec<Decision>| {
        own.iter().find(|decision| **decision != Decision::NeedMoreData).copied()
    };
    let stopped =
        |decision: Decision| runs.iter().filter(|own| stop(own) == Some(decision)).count();
    let wrong = |ends: &dyn Fn(&Vec<Decision>) -> Option<Decision>| {
        let wrong = |own: &&Vec<Decision>| {
            ends(own).is_some_and(|end| DotKind::of(end, experiment.at_truth).right == Some(false))
        };
        share(runs.iter().filter(wrong).count()).percent()
    };
    html! {
        details {
            summary { "Each number of users as a table, and peeking" }
            div.scroll role="region" tabindex="0" aria-label={ "Verdicts of " (experiment.name) " by number of users" } {
                table.curve {
                    thead { tr { th.number scope="col" { "users" } th scope="col" { "share of runs" } th.number scope="col" { "ship" } th.number scope="col" { "keep" } th.number scope="col" { "need more data" } } }
                    tbody {
                        @for size in sizes {
                            tr {
                                th.number scope="row" { (figure::count(size.users.into())) }
                                td { div.stack aria-hidden="true" { @for ((_, class, _), share) in DECISIONS.iter().zip(&size.shares) { span class=(class) style={ "width:" (100.0 * share.value.get()) "%" } {} } } }
                                @for share in &size.shares { td.number { (share.percent()) } }
                            }
                        }
                    }
                }
            }
            p.small {
                "Peeking: who looks at each tenth of the users, and stops at the first ship or keep, ships in "
                (share(stopped(Decision::Ship)).percent()) " of the runs and keeps in " (share(stopped(Decision::Keep)).percent()) ". "
                @if experiment.at_truth.is_some() {
                    "Then " (wrong(&stop)) " of the runs end with a wrong decision, instead of "
                    (wrong(&|own: &Vec<Decision>| own.last().copied())) " when one looks only at the end."
                }
            }
        }
    }
}
