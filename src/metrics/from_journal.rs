//! The table, filled from a journal as it is written.
//!
//! Does not know: who writes the journal.

use crate::event::{AppEvent, caused_by};
use crate::experiment::Metric;
use crate::journal::{Entry, Event, Reader};
use crate::metrics::observations::Observations;

/// Which experiment varies which config, and which treatment each of the config's variations is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Varies {
    /// Index of the config.
    pub config: u8,
    /// For each variation of the config, its treatment, if it takes part.
    pub treatment_of: Vec<Option<u8>>,
}

/// Reads a journal into observations.
#[derive(Clone, Debug)]
pub struct JournalObserver {
    observations: Observations,
    /// Index of the first user: users are counted from 1.
    first_user: u32,
    experiments: Vec<Varies>,
    /// For each kind of event, its column.
    columns: [Option<usize>; AppEvent::ALL.len()],
}

impl JournalObserver {
    /// An observer of `users` users from `first_user` on.
    #[must_use]
    pub fn new(first_user: u32, users: usize, experiments: Vec<Varies>, metrics: &[Metric]) -> Self {
        let scale = |key: &str| AppEvent::by_key(key).map_or(1.0, AppEvent::scale);
        let observations = Observations::new(users, experiments.len(), metrics, scale);
        let columns = AppEvent::ALL.map(|event| observations.column(event.key()));
        Self { observations, first_user, experiments, columns }
    }

    /// The finished table.
    #[must_use]
    pub fn finish(self) -> Observations {
        self.observations
    }

    /// The table so far.
    #[must_use]
    pub fn observations(&self) -> &Observations {
        &self.observations
    }
}

impl Reader for JournalObserver {
    fn entry(&mut self, entry: &Entry) {
        let Some(unit) = entry.user.checked_sub(self.first_user).map(|unit| unit as usize) else { return };
        if unit >= self.observations.units() {
            return;
        }
        if let Event::Evaluated { served, in_experiment: true } = entry.event {
            for (experiment, varies) in self.experiments.iter().enumerate() {
                if varies.config == served.config
                    && let Some(Some(treatment)) = varies.treatment_of.get(usize::from(served.variation))
                {
                    self.observations.expose(experiment, unit, *treatment);
                }
            }
            return;
        }
        let (columns, observations) = (&self.columns, &mut self.observations);
        caused_by(&entry.event, |event, value| {
            if let Some(column) = columns[event as usize] {
                observations.add(column, unit, value as f64);
            }
        });
    }
}
