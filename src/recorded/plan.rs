//! What recorded events are held against: experiments, metrics and rules, from a scenario or read off the events.
//!
//! Promises: what had to be assumed without a scenario is told.
//!
//! Does not know: files, or single events.

use std::collections::BTreeMap;

use crate::experiment::{Correction, Experiment, Method, Metric, Treatment};
use crate::quantity::{Probability, Share};
use crate::report::{Assumption, Expect};
use crate::scenario::{Scenario, default_metrics};
use crate::verdict::Rule;

/// Experiments, metrics, rules and expectations.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario's name, or the data file's.
    pub name: String,
    /// The experiments.
    pub experiments: Vec<Experiment>,
    /// For each experiment, the keys of its config's variations in the order in which the events number them (from 1; 0 is
    /// the automatic `disabled` one).
    pub variations: Vec<Vec<String>>,
    /// All metrics.
    pub metrics: Vec<Metric>,
    /// For each experiment its decision rule.
    pub rules: Vec<Option<Rule>>,
    /// For each experiment what is expected of its outcome.
    pub expects: Vec<Option<Expect>>,
    /// What is assumed.
    pub assumptions: Vec<Assumption>,
}

/// What a first look at the events found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// For each config the variations that users were exposed to, by number, with their keys where the events tell them.
    pub exposed: BTreeMap<String, BTreeMap<usize, Option<String>>>,
    /// Metric events by key.
    pub events: BTreeMap<String, u64>,
    /// Events that could be read, of any kind.
    pub readable: u64,
    /// The first lines that could not be read, with the reason.
    pub faults: Vec<(u64, String)>,
}

impl Plan {
    /// The plan of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let variations = scenario.experiments.iter().map(|experiment| {
            let config = scenario.configs.iter().find(|config| config.key == experiment.config);
            config.into_iter().flat_map(|config| &config.variations).map(|variation| variation.variation.clone()).collect()
        });
        Self {
            name: scenario.name.clone(),
            experiments: scenario.experiments.clone(),
            variations: variations.collect(),
            metrics: scenario.metrics.clone(),
            rules: scenario.rules.clone(),
            expects: scenario.expects.clone(),
            assumptions: Vec::new(),
        }
    }

    /// The plan that the events suggest: every config with users in two variations or more is an experiment, whose control
    /// is the variation with the lowest number, and whose metrics are those of the tutorial that have events. `None` when
    /// there is no such config or no such event.
    #[must_use]
    pub fn inferred(name: &str, found: &Found) -> Option<Self> {
        let metrics: Vec<Metric> = default_metrics().into_iter().filter(|metric| found.events.contains_key(&metric.event)).collect();
        let compared = found.exposed.iter().filter(|(_, variations)| variations.len() > 1);
        let studies: Vec<(Experiment, Vec<String>)> = compared.map(|(config, seen)| study(config, seen, metrics.len())).collect();
        if metrics.is_empty() || studies.is_empty() {
            return None;
        }
        let controls: Vec<String> =
            studies.iter().map(|(experiment, _)| format!("`{}`", experiment.treatments[experiment.control].variation)).collect();
        let assumption = |what: String, source: &str| Assumption { what, source: source.to_owned() };
        let assumptions = vec![
            assumption(format!("control: {}, the variation with the lowest number", controls.join(", ")), "no scenario was given"),
            assumption("metrics: the tutorial's, for the events that are there; threshold 90%".to_owned(), "no scenario was given"),
        ];
        let count = studies.len();
        let (experiments, variations) = studies.into_iter().unzip();
        let none = |_| None;
        Some(Self {
            name: name.to_owned(),
            experiments,
            variations,
            metrics,
            rules: (0..count).map(none).collect(),
            expects: (0..count).map(|_| None).collect(),
            assumptions,
        })
    }

    /// The treatment that a variation is in an experiment: by its key, or by its number.
    #[must_use]
    pub fn treatment(&self, experiment: usize, variation: usize, key: Option<&str>) -> Option<u8> {
        let key = match key {
            Some(key) => key,
            None => self.variations.get(experiment)?.get(variation.checked_sub(1)?)?,
        };
        let treatments = &self.experiments.get(experiment)?.treatments;
        treatments.iter().position(|treatment| treatment.variation == key).and_then(|at| u8::try_from(at).ok())
    }
}

fn study(config: &str, seen: &BTreeMap<usize, Option<String>>, metrics: usize) -> (Experiment, Vec<String>) {
    let key = |number: usize| seen.get(&number).cloned().flatten().unwrap_or_else(|| format!("variation {number}"));
    let highest = seen.keys().last().copied().unwrap_or_default();
    let treatments = seen.keys().map(|&number| Treatment { variation: key(number), name: String::new(), share: Share::default() });
    let experiment = Experiment {
        key: config.to_owned(),
        name: config.to_owned(),
        hypothesis: String::new(),
        config: config.to_owned(),
        treatments: treatments.collect(),
        control: 0,
        metrics: (0..metrics).collect(),
        threshold: Probability::clamped(0.9),
        method: Method::Bayesian,
        correction: Correction::None,
    };
    (experiment, (1..=highest).map(key).collect())
}
