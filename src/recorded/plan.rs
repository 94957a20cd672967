//! What recorded events are compared with: experiments, metrics and rules, from a scenario or read
//! off the events.
//!
//! Guarantees: what had to be assumed without a scenario is told.
//!
//! Does not know: files, or single events.

use serde_json::Value;

use super::split::set_split;
use crate::diagnostic::Diagnostic;
use crate::experiment::{Experiment, Metric};
use crate::flags::events::is_disabled;
use crate::metrics::Varies;
use crate::report::Assumption;
use crate::scenario::{Scenario, Study, WatchedRollout};

/// Experiments, metrics, rules and expectations.
#[derive(Clone, Debug)]
pub struct AnalysisPlan {
    /// The scenario's name, or the data file's.
    pub name: String,
    /// The experiments, each with its rule and what is expected of it.
    pub studies: Vec<Study>,
    /// The guarded rollouts that metrics watch over. In a table their numbers follow those of the
    /// experiments.
    pub rollouts: Vec<WatchedRollout>,
    /// All metrics.
    pub metrics: Vec<Metric>,
    /// What is assumed.
    pub assumptions: Vec<Assumption>,
    /// Kind of the contexts that are the units.
    pub unit: String,
    /// How long after its exposure a unit's events count, in milliseconds; without end when `None`.
    pub window_ms: Option<u64>,
    /// Exposures and events from this Unix time in milliseconds on do not count.
    pub until_ms: Option<u64>,
}

impl AnalysisPlan {
    /// The plan of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name.clone(),
            studies: scenario.studies.clone(),
            rollouts: scenario.rollouts.clone(),
            metrics: scenario.metrics.clone(),
            assumptions: Vec::new(),
            unit: "user".to_owned(),
            window_ms: None,
            until_ms: None,
        }
    }

    /// The plan of a scenario for recorded events of users.
    ///
    /// # Errors
    /// When an experiment has a paired design: a question goes through every variation, while a
    /// recorded user belongs to the one that they met first.
    pub fn recorded(scenario: &Scenario) -> Result<Self, Diagnostic> {
        match scenario.studies.iter().find(|study| study.paired.is_some()) {
            Some(study) => Err(Diagnostic::new(format!(
                "experiment `{}` of `{}` has a paired design, and recorded events are analyzed as a split test",
                study.experiment.key, scenario.name
            ))
            .help(
                "write `design: Split` where each user met one variation; `simlab run` simulates and analyzes the paired design",
            )),
            None => Ok(Self::of(scenario)),
        }
    }

    /// The experiments, and then what the guarded rollouts compare, each with which treatment each
    /// variation is. An experiment's number in a table is its place here.
    fn compared(&self) -> impl Iterator<Item = (&Experiment, &Varies)> {
        let studies = self.studies.iter().map(|study| (&study.experiment, &study.varies));
        studies.chain(self.rollouts.iter().map(|rollout| (&rollout.guard.study, &rollout.varies)))
    }

    /// How many experiments and guarded rollouts there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.studies.len() + self.rollouts.len()
    }

    /// The experiment of this number; after the experiments, what a guarded rollout compares.
    #[must_use]
    pub fn experiment(&self, nth: usize) -> Option<&Experiment> {
        self.compared().nth(nth).map(|(experiment, _)| experiment)
    }

    /// What an exposure to a variation of this config belongs to: number of the experiment, and
    /// treatment. The treatment is told by the key of an AI config's variation, by the value of any
    /// other flag, or by its number. An AI config's disabled variation is none.
    pub fn exposed<'p>(
        &'p self,
        config: &'p str,
        variation: usize,
        key: Option<&'p str>,
        value: &'p Value,
    ) -> impl Iterator<Item = (usize, u8)> + 'p {
        let own = self.compared().enumerate();
        own.filter(move |(_, (experiment, _))| experiment.config == config).filter_map(
            move |(nth, (experiment, varies))| {
                Some((nth, treatment(experiment, varies, variation, key, value)?))
            },
        )
    }

    /// Sets the planned split: of the one experiment, or of every experiment that has the arms that
    /// the text names.
    ///
    /// # Errors
    /// When the text fits no experiment.
    pub fn split(&mut self, text: &str) -> Result<(), String> {
        let mut fault = None;
        let mut fits = false;
        for Study { experiment, .. } in &mut self.studies {
            match set_split(experiment, text) {
                Ok(()) => fits = true,
                Err(reason) => fault = fault.or(Some(reason)),
            }
        }
        match fault {
            Some(reason) if !fits => Err(reason),
            _ => Ok(()),
        }
    }

    /// Makes this arm the control, in every experiment that has it.
    ///
    /// # Errors
    /// When no experiment has it.
    pub fn control(&mut self, arm: &str) -> Result<(), String> {
        let mut known = Vec::new();
        let mut fits = false;
        for Study { experiment, .. } in &mut self.studies {
            match experiment.treatments.iter().position(|treatment| treatment.variation == arm) {
                Some(place) => (experiment.control, fits) = (place, true),
                None => known.extend(
                    experiment
                        .treatments
                        .iter()
                        .map(|treatment| format!("`{}`", treatment.variation)),
                ),
            }
        }
        if fits {
            Ok(())
        } else {
            Err(format!("no experiment has an arm `{arm}`; the arms are {}", known.join(", ")))
        }
    }
}

/// The treatment that a variation is in an experiment; `None` where it takes no part.
fn treatment(
    experiment: &Experiment,
    varies: &Varies,
    variation: usize,
    key: Option<&str>,
    value: &Value,
) -> Option<u8> {
    let place =
        |name: &str| experiment.treatments.iter().position(|treatment| treatment.variation == name);
    let name = arm_name(variation, key, value)?;
    // Events number the automatic `disabled` variation of an AI config first.
    let by_number =
        || varies.treatment_of.get(variation.checked_sub(1)?).copied().flatten().map(usize::from);
    let found = place(&name).or_else(|| if key.is_none() { by_number() } else { None });
    found.and_then(|at| u8::try_from(at).ok())
}

/// Longest name of an arm that is a value as it stands, in bytes.
const LONGEST_NAME: usize = 40;

/// The name of an arm, from what was served: the variation's key of an AI config, else the flag's
/// value, else its number. `None` for an AI config's disabled variation.
#[must_use]
pub fn arm_name(variation: usize, key: Option<&str>, value: &Value) -> Option<String> {
    if let Some(key) = key {
        return Some(key.to_owned());
    }
    if is_disabled(value) {
        return None;
    }
    let text = match value {
        Value::String(text) if !text.trim().is_empty() => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) if value["_ldMeta"].is_null() => value.to_string(),
        _ => format!("variation {variation}"),
    };
    if text.len() <= LONGEST_NAME {
        return Some(text);
    }
    // Long values keep their beginning, and a digest tells those with the same beginning apart.
    let beginning: String = text.chars().take(LONGEST_NAME - 12).collect();
    Some(format!("{beginning}… #{:06x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()) & 0xff_ffff))
}
