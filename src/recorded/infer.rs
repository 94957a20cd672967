//! Infer experiments and metrics from recorded events, where no scenario names them.
//!
//! Every flag whose users were exposed to two arms or more is an experiment. Its metrics are the
//! tutorial's, for the events that are there, and one or two for each event of the app's own:
//! whether it occurred, and the sum of its values if they differ.
//!
//! Guarantees: what had to be assumed is reported; where nothing can be inferred the reason says
//! exactly what is missing.

use crate::metrics::Varies;
use crate::scenario::Study;
use std::collections::BTreeMap;
use std::io::{self, BufRead};

use super::lines::each_event;
use super::plan::{AnalysisPlan, arm_name};
use crate::experiment::{
    Aggregation, Better, Correction, Experiment, Method, Metric, Missing, Statistic, Treatment,
};
use crate::flags::events::{Recorded, context_kinds, read};
use crate::quantity::{Probability, Share};
use crate::report::Assumption;
use crate::scenario::default_metrics;

/// Maximum number of faults that are kept with their lines.
const MAX_FAULTS: usize = 20;
/// Maximum number of arms of one flag: more values than that are data, not arms.
const MAX_ARMS: usize = 50;
/// Maximum number of inferred metrics, the most frequent events first.
const MAX_METRICS: usize = 20;
/// Keys of the AI SDKs' own events begin so.
const AI_EVENTS: &str = "$ld:";

/// What one kind of context was exposed to and sent.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// For each flag its arms by name, each with the lowest number that it had.
    exposed: BTreeMap<String, BTreeMap<String, usize>>,
    exposures: u64,
    /// Metric events by key.
    events: BTreeMap<String, Values>,
    /// Evaluations outside of experiments.
    evaluations: u64,
}

/// The events of one key.
#[derive(Clone, Copy, Debug, Default)]
struct Values {
    count: u64,
    /// Whether an event has another value than 1.
    vary: bool,
}

/// What a first look at the events found.
#[derive(Clone, Debug, Default)]
pub struct FirstLook {
    by_unit: BTreeMap<String, Seen>,
    /// Events of other kinds, by kind.
    other: BTreeMap<String, u64>,
    /// Events that could be read, of any kind.
    pub readable: u64,
    /// The first lines that could not be read, with the reason.
    pub faults: Vec<(u64, String)>,
}

/// Looks for flags, units and events, for a plan without a scenario.
///
/// # Errors
/// When the reader fails.
pub fn look(lines: impl BufRead) -> io::Result<FirstLook> {
    let mut found = FirstLook::default();
    each_event(lines, |line, event| {
        let told = event.and_then(|event| {
            let kinds = context_kinds(event);
            if kinds.is_empty() {
                // Of another kind, about the AI SDK itself, or malformed.
                return read(event, "user")
                    .map(|recorded| found.take("user", &recorded))
                    .map_err(|fault| fault.to_string());
            }
            kinds.into_iter().try_for_each(|kind| {
                read(event, kind)
                    .map(|recorded| found.take(kind, &recorded))
                    .map_err(|fault| fault.to_string())
            })
        });
        match told {
            Ok(()) => found.readable += 1,
            Err(reason) if found.faults.len() < MAX_FAULTS => found.faults.push((line, reason)),
            Err(_) => {}
        }
    })?;
    Ok(found)
}

impl FirstLook {
    fn take(&mut self, kind: &str, recorded: &Recorded<'_>) {
        let seen = match recorded {
            Recorded::Other { kind } if *kind != "feature" => {
                *self.other.entry((*kind).to_owned()).or_default() += 1;
                return;
            }
            _ => self.by_unit.entry(kind.to_owned()).or_default(),
        };
        match *recorded {
            Recorded::Exposure { config, variation, variation_key, value, .. } => {
                seen.exposures += 1;
                let Some(name) = arm_name(variation, variation_key, value) else { return };
                let arms = seen.exposed.entry(config.to_owned()).or_default();
                if arms.len() <= MAX_ARMS || arms.contains_key(&name) {
                    let number = arms.entry(name).or_insert(variation);
                    *number = variation.min(*number);
                }
            }
            Recorded::Metric { event, value, .. } => {
                let values = seen.events.entry(event.to_owned()).or_default();
                values.count += 1;
                values.vary |= value.is_some_and(|value| value != 1.0);
            }
            Recorded::Other { .. } => seen.evaluations += 1,
        }
    }

    /// The kind of context that is the unit: `user` if any user was exposed, else the kind with the
    /// most exposures.
    #[must_use]
    pub fn unit(&self) -> &str {
        let exposures = |kind: &str| self.by_unit.get(kind).map_or(0, |seen| seen.exposures);
        if exposures("user") > 0 {
            return "user";
        }
        // The first of equals, in alphabetical order.
        let most = self
            .by_unit
            .keys()
            .rev()
            .max_by_key(|kind| exposures(kind))
            .filter(|kind| exposures(kind) > 0);
        most.map_or("user", String::as_str)
    }
}

impl AnalysisPlan {
    /// The plan that the events suggest, with contexts of kind `unit` as units. The control of an
    /// experiment is the arm with the lowest number.
    ///
    /// # Errors
    /// What is missing: exposures, a second arm, or metric events.
    pub fn inferred(name: &str, found: &FirstLook, unit: Option<&str>) -> Result<Self, String> {
        let unit = unit.unwrap_or_else(|| found.unit()).to_owned();
        let empty = Seen::default();
        let seen = found.by_unit.get(&unit).unwrap_or(&empty);
        let (metrics, left_out) = metrics(seen);
        let compared = seen.exposed.iter().filter(|(_, arms)| (2..=MAX_ARMS).contains(&arms.len()));
        let studies: Vec<Experiment> =
            compared.map(|(config, arms)| study(config, arms, metrics.len())).collect();
        if metrics.is_empty() || studies.is_empty() {
            return Err(missing(found, seen, &unit, studies.is_empty()));
        }
        let controls: Vec<String> = studies
            .iter()
            .map(|experiment| format!("`{}`", experiment.control_treatment().variation))
            .collect();
        let source = "no scenario was given";
        let assumption = |what: String| Assumption { what, source: source.to_owned() };
        let mut assumptions = vec![
            assumption(format!("control: {}, the variation with the lowest number", controls.join(", "))),
            assumption("metrics: the tutorial's, and one for each event of the app's own, where more is better; threshold 90%".to_owned()),
        ];
        if unit != "user" {
            assumptions.push(assumption(format!("unit: contexts of kind `{unit}`")));
        }
        if left_out > 0 {
            assumptions.push(assumption(format!(
                "{left_out} rarer metrics are left out; a scenario can name them"
            )));
        }
        // Arms are told by their values, so no variation needs a number.
        let nowhere = || Varies { config: 0, treatment_of: Vec::new() };
        let studies = studies
            .into_iter()
            .enumerate()
            .map(|(place, experiment)| Study::new(experiment, place, nowhere()))
            .collect();
        Ok(Self {
            name: name.to_owned(),
            studies,
            rollouts: Vec::new(),
            metrics,
            assumptions,
            unit,
            window_ms: None,
            until_ms: None,
        })
    }
}

/// The metrics that the events suggest, and how many more there would be.
fn metrics(seen: &Seen) -> (Vec<Metric>, usize) {
    let mut metrics: Vec<Metric> = default_metrics()
        .into_iter()
        .filter(|metric| seen.events.contains_key(&metric.event))
        .collect();
    let mut own: Vec<(&String, &Values)> = seen
        .events
        .iter()
        .filter(|(key, _)| {
            !key.starts_with(AI_EVENTS) && !metrics.iter().any(|metric| metric.event == **key)
        })
        .collect();
    own.sort_by_key(|(_, values)| std::cmp::Reverse(values.count));
    for (event, values) in own {
        let metric = |key: String, aggregation| Metric {
            name: key.clone(),
            key,
            event: event.clone(),
            aggregation,
            statistic: Statistic::Mean,
            missing: Missing::Zero,
            better: Better::Higher,
            unit: String::new(),
            prior_variance: None,
            prior: None,
            judge: None,
            smallest_effect: 0.0,
            per: None,
        };
        metrics.push(metric(event.clone(), Aggregation::Occurrence));
        if values.vary {
            metrics.push(metric(format!("{event}:sum"), Aggregation::Sum));
        }
    }
    let left_out = metrics.len().saturating_sub(MAX_METRICS);
    metrics.truncate(MAX_METRICS);
    (metrics, left_out)
}

fn study(config: &str, arms: &BTreeMap<String, usize>, metrics: usize) -> Experiment {
    let mut arms: Vec<(usize, &String)> =
        arms.iter().map(|(name, &number)| (number, name)).collect();
    arms.sort();
    let treatments = arms.into_iter().map(|(_, name)| Treatment {
        variation: name.clone(),
        name: String::new(),
        share: Share::default(),
    });
    Experiment {
        key: config.to_owned(),
        name: config.to_owned(),
        hypothesis: String::new(),
        config: config.to_owned(),
        treatments: treatments.collect(),
        control: 0,
        metrics: (0..metrics).collect(),
        threshold: Probability::clamped(crate::experiment::THRESHOLD),
        method: Method::Bayesian,
        correction: Correction::None,
        tolerate: Vec::new(),
    }
}

/// What is missing for an experiment.
fn missing(found: &FirstLook, seen: &Seen, unit: &str, no_experiment: bool) -> String {
    let counts = |counts: &BTreeMap<String, u64>| {
        counts.iter().map(|(key, count)| format!("{count} `{key}`")).collect::<Vec<_>>().join(", ")
    };
    if !no_experiment {
        return format!(
            "it has exposures of contexts of kind `{unit}` and no metric event of them: nothing to compare the arms on"
        );
    }
    let others: Vec<&str> = found
        .by_unit
        .iter()
        .filter(|(kind, seen)| *kind != unit && seen.exposures > 0)
        .map(|(kind, _)| kind.as_str())
        .collect();
    if seen.exposures == 0 && !others.is_empty() {
        let others = others.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
        return format!(
            "no context of kind `{unit}` was exposed, only contexts of kind {others}: choose the unit with `--unit`"
        );
    }
    if seen.exposures == 0 && seen.evaluations > 0 {
        return format!(
            "it has no exposure: none of its {} `feature` events is part of an experiment (`reason.inExperiment` is not true)",
            seen.evaluations
        );
    }
    if seen.exposures == 0 && seen.events.is_empty() && !found.other.is_empty() {
        let only = if found.other.len() == 1 && found.other.contains_key("summary") {
            "only summaries"
        } else {
            "only other events"
        };
        return format!(
            "it has no exposure, {only}: {}; exposures are `feature` events",
            counts(&found.other)
        );
    }
    if seen.exposures == 0 {
        return "it has no exposure: no `feature` event with `reason.inExperiment`; record exposures in the same file".to_owned();
    }
    let arms: Vec<String> = seen
        .exposed
        .iter()
        .map(|(config, arms)| match arms.len() {
            0 | 1 => format!("`{config}` has one arm only, `{}`", arms.keys().next().map_or("", String::as_str)),
            many => format!("`{config}` has {many} different values, more than the {MAX_ARMS} arms of an experiment"),
        })
        .collect();
    match arms.as_slice() {
        [] => "users were exposed to disabled variations only".to_owned(),
        arms => arms.join("; "),
    }
}
