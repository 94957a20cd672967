//! What has arrived, folded as it comes into the same table that a run ends in, and the report on it so far.
//!
//! Promises: the statistics that any other source of the same events would give: the code is the same; a unit's memory is
//! its key and a few numbers.
//!
//! Does not know: HTTP, or the mock world.

use std::collections::BTreeMap;

use crate::analysis::{analyze, summarize};
use crate::experiment::Experiment;
use crate::flags::events::Recorded;
use crate::metrics::Observations;
use crate::report::{Extras, Mode, Report};
use crate::scenario::Scenario;
use crate::verdict::decide;

/// The table so far.
#[derive(Clone, Debug)]
pub struct Study {
    scenario: &'static Scenario,
    observations: Observations,
    units: BTreeMap<String, usize>,
}

impl Study {
    /// An empty table for the scenario's experiments and metrics.
    #[must_use]
    pub fn new(scenario: &'static Scenario) -> Self {
        // What is sent is already in the metric's unit.
        let observations = Observations::new(0, scenario.experiments.len(), &scenario.metrics, |_| 1.0);
        Self { scenario, observations, units: BTreeMap::new() }
    }

    /// Takes what one event says.
    pub fn take(&mut self, recorded: &Recorded<'_>) {
        match *recorded {
            Recorded::Exposure { unit, config, variation, variation_key, .. } => {
                for (nth, experiment) in self.scenario.experiments.iter().enumerate() {
                    if experiment.config == config
                        && let Some(treatment) = self.treatment(experiment, variation, variation_key)
                    {
                        let unit = self.unit(unit);
                        self.observations.expose(nth, unit, treatment);
                    }
                }
            }
            Recorded::Metric { unit, event, value, .. } => {
                if let Some(column) = self.observations.column(event) {
                    let unit = self.unit(unit);
                    self.observations.add(column, unit, value.unwrap_or(0.0));
                }
            }
            Recorded::Other { .. } => {}
        }
    }

    /// The treatment that a variation is: by its key, or by its place behind the automatic `disabled` one.
    fn treatment(&self, experiment: &Experiment, variation: usize, key: Option<&str>) -> Option<u8> {
        let config = self.scenario.configs.iter().find(|config| config.key == experiment.config)?;
        let key = match key {
            Some(key) => key,
            None => &config.variations.get(variation.checked_sub(1)?)?.variation,
        };
        let at = experiment.treatments.iter().position(|treatment| treatment.variation == key)?;
        u8::try_from(at).ok()
    }

    fn unit(&mut self, key: &str) -> usize {
        if let Some(&unit) = self.units.get(key) {
            return unit;
        }
        let unit = self.units.len();
        self.units.insert(key.to_owned(), unit);
        // Room is made in large steps, so that a unit costs the same however many there are.
        if unit >= self.observations.units() {
            self.observations.grow((unit + 1).next_power_of_two().max(1024));
        }
        unit
    }

    /// The report so far; `fingerprint` is a digest of the events.
    #[must_use]
    pub fn report(&self, fingerprint: String) -> Report {
        let mut report = Report::new(&self.scenario.name, Mode::Data, None, fingerprint);
        for (nth, experiment) in self.scenario.experiments.iter().enumerate() {
            let summary = summarize(&self.observations, nth, experiment, &self.scenario.metrics, 0..self.units.len());
            let analysis = analyze(experiment, &summary);
            let verdict = self.scenario.rules[nth].as_ref().map(|rule| decide(rule, experiment, &analysis));
            let extras = Extras::default();
            report.experiments.push(Report::experiment(experiment, &analysis, verdict.as_ref(), extras));
        }
        report
    }
}
