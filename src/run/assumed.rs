//! What a simulated run assumes, and what its scenario states, for the report.
//!
//! Does not know: how any of it acts.

use std::collections::BTreeSet;

use crate::agents::{BusinessOutcome, NodeRole, OutcomeValue};
use crate::figure::{written, written_percent as percent};
use crate::report::Assumption;
use crate::scenario::Scenario;
use crate::traffic::{ConversationSpec, ReturnSpec, TurnCount, VisitCount};

/// The source of what a scenario states.
const STATED: &str = "stated in the scenario";

fn assumption(what: impl Into<String>, source: &str) -> Assumption {
    Assumption { what: what.into(), source: source.to_owned() }
}

/// What every mock run assumes.
pub(super) fn assumptions(scenario: &Scenario) -> Vec<Assumption> {
    let mut used: BTreeSet<u16> = [scenario.judge.model].into();
    if scenario.knowledge.questions().is_empty() {
        used.insert(scenario.writer_setup.model);
    }
    let variations = scenario.configs.iter().flat_map(|config| &config.variations);
    used.extend(variations.map(|variation| variation.setup.model));
    let read: BTreeSet<&str> =
        used.into_iter().filter_map(|model| scenario.model(model).prices_of).collect();
    let prices = read.into_iter().rev().map(|when| {
        let source =
            if when == "October 2025" { "the tutorial and price lists" } else { "price lists" };
        assumption(format!("prices per token: {when}"), source)
    });
    let others = [
        assumption(
            "how models, tools, users and the judge behave",
            "assumed, fitted to the tutorial's published figures",
        ),
        assumption(
            "tokens: counted with o200k_base for every provider",
            "assumed; exact for OpenAI",
        ),
    ];
    let batch = scenario.studies.iter().any(|study| study.paired.is_some_and(|own| own.batch));
    let batch = batch.then(|| {
        assumption("calls are sent in batches, at the prices of batches", "stated in the scenario")
    });
    prices.chain(batch).chain(others).chain(stated(scenario)).collect()
}

/// What a scenario states of users, outcomes and effects, in the order of the file.
pub(crate) fn stated(scenario: &Scenario) -> Vec<Assumption> {
    let mut stated: Vec<Assumption> =
        scenario.outcomes.iter().map(|own| assumption(outcome(own), STATED)).collect();
    if let Some(returns) = scenario.traffic.returns {
        stated.insert(0, assumption(coming_back(returns), STATED));
    }
    stated.extend(scenario.traffic.conversation.map(|own| assumption(turns(own), STATED)));
    stated.extend(guards(scenario));
    let late = scenario.outcomes.iter().any(|own| own.after > crate::time::Duration::ZERO);
    if let Some(wait) = scenario.ends_after.filter(|_| late) {
        let what = format!(
            "the experiment ends {} after its last visit; outcomes that come later are not counted",
            lasting(wait)
        );
        stated.push(assumption(what, STATED));
    }
    for config in &scenario.configs {
        for variation in &config.variations {
            for effect in &variation.effects {
                let what = format!(
                    "effect of `{}` on {}: {}, for users whose visit comes to {}",
                    variation.variation, effect.metric, effect.lift, config.key
                );
                stated.push(assumption(what, STATED));
            }
        }
    }
    stated
}

/// Which questions should be stopped, and how guards err, where that is written.
fn guards(scenario: &Scenario) -> Vec<Assumption> {
    let mut stated = Vec::new();
    let harmful = scenario.traffic.harmful.get();
    if harmful > 0.0 {
        let what = format!("{} of the questions should be stopped by a guard", percent(harmful));
        stated.push(assumption(what, STATED));
    }
    for (node, config) in scenario.graph.nodes.iter().zip(&scenario.configs) {
        let NodeRole::Guard(guard) = &node.role else { continue };
        for variation in &config.variations {
            let errors = variation.guard.or(guard.errors);
            let parts = [
                errors.misses.map(|p| format!("misses {} of the harmful questions", percent(p))),
                errors.false_stops.map(|p| format!("stops {} of the harmless ones", percent(p))),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            if !parts.is_empty() {
                let (guard, own) = (&node.name, &variation.variation);
                let what = format!("{guard} (`{own}`) {}", parts.join(" and "));
                stated.push(assumption(what, STATED));
            }
        }
    }
    stated
}

/// How a conversation goes, in words.
fn turns(own: ConversationSpec) -> String {
    let turns = match own.turns {
        TurnCount::Between(1, 1) => "1 turn".to_owned(),
        TurnCount::Between(least, most) if least == most => format!("{most} turns"),
        TurnCount::Between(least, most) => format!("{least} to {most} turns"),
        TurnCount::Geometric(mean) => format!("{} turns on average", written(mean)),
    };
    let [strong, fair, weak] = own.stops.map(percent);
    format!(
        "conversations: at most {turns}, {} apart on average; {strong} of users stop after a strong answer, {fair} after a fair one, {weak} after a weak one; {} of the later questions follow up on the first",
        lasting(own.pause),
        percent(own.follow_ups)
    )
}

/// How users come back, in words.
fn coming_back(returns: ReturnSpec) -> String {
    let visits = match returns.visits {
        VisitCount::Fixed(visits) => format!("{visits} visits"),
        VisitCount::Geometric(mean) => format!("{} visits on average", written(mean)),
    };
    format!(
        "users come back: {visits}, {} apart on average, whatever happens in a visit; what is a user's own correlates by {} between visits",
        lasting(returns.gap),
        written(returns.persistence)
    )
}

/// What is stated of an outcome, in words.
fn outcome(own: &BusinessOutcome) -> String {
    let [strong, fair, weak, failed] = own.chances;
    let mut what = format!("{}: ", own.key);
    if own.chances == [fair; 4] {
        what += &percent(fair);
    } else {
        what += &format!(
            "{} after a strong answer, {} after a fair one, {} after a weak one, {} without an answer",
            percent(strong),
            percent(fair),
            percent(weak),
            percent(failed)
        );
    }
    match &own.value {
        None => {}
        Some(OutcomeValue::LogNormal { medians, sigma }) => {
            // The mean of a log-normal number is its median times exp(sigma^2 / 2).
            let mean = |median: f64| written(median * libm::exp(sigma * sigma / 2.0));
            let [strong, fair, weak, failed] = medians.map(mean);
            what += &if *medians == [medians[1]; 4] {
                format!(", worth {fair} on average")
            } else {
                format!(", worth {strong}, {fair}, {weak} and {failed} on average")
            };
        }
        Some(OutcomeValue::Score { means: [strong, fair, weak, _], sd }) => {
            let [strong, fair, weak, sd] = [strong, fair, weak, sd].map(|own| written(*own));
            what += &format!(
                ", a score around {strong}, {fair} and {weak} for strong, fair and weak answers (sd {sd})"
            );
        }
    }
    if own.after > crate::time::Duration::ZERO {
        what += &format!("; {} after the visit", lasting(own.after));
    }
    what
}

/// A length of time in its largest unit that is whole: `2h`.
fn lasting(duration: crate::time::Duration) -> String {
    let us = duration.us();
    let units = [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "min")];
    units
        .into_iter()
        .find(|(unit, _)| us > 0 && us.is_multiple_of(*unit))
        .map_or_else(|| duration.to_string(), |(unit, name)| format!("{}{name}", us / unit))
}
