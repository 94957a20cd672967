//! What changes a split while users arrive: bandits and guarded rollouts; and the parts of an
//! experiment's users that are looked at by themselves.
//!
//! Does not know: when something changes; a run does.

use super::catalog::DraftConfig;
use super::experiments::{ExperimentWorld, rule, satisfies};
use super::faults::{Faults, MAX_ENTRIES};
use super::source::{self, Allocation};
use super::spanned::Spanned;
use super::study::Slice;
use crate::experiment::{Correction, Experiment, Guard, Method, Thompson, Treatment};
use crate::quantity::{Probability, Share};

/// The bandit of an experiment of so many treatments.
pub fn bandit(
    written: &source::WrittenExperiment,
    treatments: usize,
    faults: &mut Faults<'_>,
) -> Option<Thompson> {
    let allocation = written.allocation.as_ref()?;
    let Allocation::Thompson { every, floor } = allocation.value else { return None };
    let place = |value: i64| Spanned { value, span: allocation.span.clone() };
    let every = faults.whole("every", &place(every), 10..=1_000_000);
    let floor = floor.fraction();
    if treatments > 0 && floor * treatments as f64 > 1.0 {
        let label =
            format!("{treatments} variations with {}% each are more than all", floor * 100.0);
        faults.add("the floor of the bandit is out of range", &allocation.span, label, None);
    }
    Some(Thompson { every, floor })
}

/// The parts of an experiment's users that are looked at by themselves.
pub fn slices(
    written: &source::WrittenExperiment,
    world: &ExperimentWorld<'_>,
    faults: &mut Faults<'_>,
) -> Vec<Slice> {
    let mut slices = Vec::new();
    faults.too_many("segments", written.by.get(MAX_ENTRIES).map(|name| &name.span));
    for (nth, name) in written.by.iter().enumerate().take(MAX_ENTRIES) {
        let at = faults.look_up(
            "segment",
            name,
            world.segments.iter().map(|segment| segment.key.as_str()),
        );
        let Some(segment) = at.and_then(|at| world.segments.get(at)) else { continue };
        if let Some(earlier) =
            written.by.iter().take(nth).find(|earlier| earlier.value == name.value)
        {
            let places = [(&earlier.span, "the first time"), (&name.span, "the second time")];
            faults.add_pair(format!("segment `{}` is listed twice", name.value), places, None);
        }
        let groups = world
            .audience
            .iter()
            .map(|group| segment.clauses.iter().all(|clause| satisfies(&group.attributes, clause)));
        slices.push(Slice { segment: name.value.clone(), groups: groups.collect() });
    }
    slices
}

/// The guarded rollouts that metrics watch over, each with how it is to end; the others change
/// nothing in a run.
pub fn guards(
    written: &source::WrittenScenario,
    world: &ExperimentWorld<'_>,
    faults: &mut Faults<'_>,
) -> Vec<(Guard, Option<crate::report::RolloutOutcome>)> {
    let mut guards = Vec::new();
    for guarded in written.guarded_rollouts.iter().take(MAX_ENTRIES) {
        if guarded.watch.is_empty() {
            if guarded.expect.is_some() {
                let help = "name the metrics in `watch: [ … ]`".to_owned();
                faults.add(
                    "a rollout that nothing watches over has no end",
                    &guarded.to.span,
                    "it neither goes on nor back",
                    Some(help),
                );
            }
            continue;
        }
        let config = world.drafts.iter().find(|config| config.key == guarded.config.value);
        guards.extend(
            config
                .and_then(|config| guard(guarded, config, world, faults))
                .map(|guard| (guard, guarded.expect)),
        );
    }
    guards
}

fn guard(
    written: &source::GuardedRollout,
    config: &DraftConfig,
    world: &ExperimentWorld<'_>,
    faults: &mut Faults<'_>,
) -> Option<Guard> {
    let mut metrics = Vec::new();
    faults.too_many("metrics", written.watch.get(MAX_ENTRIES).map(|metric| &metric.span));
    for metric in written.watch.iter().take(MAX_ENTRIES) {
        metrics.extend(faults.look_up(
            "metric",
            metric,
            world.metrics.iter().map(|metric| metric.key.as_str()),
        ));
    }
    let worse_by =
        written.worse_by.as_ref().map_or(0.0, |most| faults.range("worse_by", most, 0.0, 10.0));
    let confidence = written.confidence.as_ref().map_or(0.95, |confidence| {
        if !(confidence.value > 0.5 && confidence.value < 1.0) {
            let label =
                format!("expected more than 0.5 and less than 1, found {}", confidence.value);
            faults.add("the confidence is out of range", &confidence.span, label, None);
        }
        confidence.value
    });
    let every =
        written.every.as_ref().map_or(100, |every| faults.whole("every", every, 10..=1_000_000));
    let users =
        written.users.as_ref().map_or(2_000, |users| faults.whole("users", users, 10..=10_000_000));
    let rule = config.rules.iter().position(|(segment, _)| *segment == written.segment.value)?;
    let treatment = |key: &str| {
        let variation = config.variations.iter().find(|variation| variation.key == key)?;
        Some(Treatment {
            variation: key.to_owned(),
            name: variation.name.clone(),
            share: Share::WHOLE,
        })
    };
    let study = Experiment {
        key: format!("{} on {}", written.to.value, written.segment.value),
        name: format!("{} on {}", written.to.value, written.segment.value),
        hypothesis: String::new(),
        config: config.key.clone(),
        treatments: vec![treatment(&written.from.value)?, treatment(&written.to.value)?],
        control: 0,
        metrics,
        threshold: Probability::clamped(confidence),
        method: Method::Sequential,
        correction: Correction::None,
        tolerate: Vec::new(),
    };
    Some(Guard { study, rule: rule as u32, worse_by, every, users })
}

/// The place of the rule that an experiment runs on; `None` is the default rule.
pub fn rule_of(
    written: &source::WrittenExperiment,
    config: &DraftConfig,
    world: &ExperimentWorld<'_>,
    faults: &mut Faults<'_>,
) -> Option<u32> {
    let segment = written.segment.as_ref()?;
    rule(config, segment, world, faults).map(|at| at as u32)
}
