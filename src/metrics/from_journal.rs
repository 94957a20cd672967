//! The table, filled from a journal as it is written.
//!
//! Does not know: who writes the journal.

use std::collections::BTreeMap;

use crate::event::{AppEvent, GraphTokens, caused_by, outcome_value};
use crate::experiment::{Aggregation, Metric};
use crate::journal::{Entry, Event, Reader, Served};
use crate::metrics::observations::Observations;
use crate::quantity::Money;

/// Which experiment varies which config, and which treatment each of the config's variations is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Varies {
    /// Index of the config.
    pub config: u8,
    /// For each variation of the config, its treatment, if it takes part.
    pub treatment_of: Vec<Option<u8>>,
}

impl Varies {
    /// The variation that is this treatment; `None` when none is.
    #[must_use]
    pub fn variation_of(&self, treatment: usize) -> Option<u8> {
        let at = self
            .treatment_of
            .iter()
            .position(|own| own.is_some_and(|own| usize::from(own) == treatment))?;
        u8::try_from(at).ok()
    }
}

/// Reads a journal into observations.
#[derive(Clone, Debug)]
pub struct JournalObserver {
    observations: Observations,
    /// Index of the first user: users are counted from 1.
    first_user: u32,
    experiments: Vec<Varies>,
    columns: Columns,
    /// For each outcome of the scenario, its column in the table.
    outcomes: Vec<Option<usize>>,
    /// What calls really used, where that is counted instead of what the events say.
    real: Option<Real>,
    /// The tokens of runs of the whole graph, where a metric counts them.
    graph_tokens: Option<(usize, GraphTokens)>,
}

/// For each kind of event, its column in the table.
#[derive(Clone, Copy, Debug)]
struct Columns([Option<usize>; AppEvent::ALL.len()]);

impl Columns {
    #[expect(
        clippy::indexing_slicing,
        reason = "there is a place for each kind, and a kind's number is its place in `AppEvent::ALL`"
    )]
    fn of(&self, event: AppEvent) -> Option<usize> {
        self.0[event as usize]
    }
}

/// What model calls really used: also those of runs that failed, and of users whose runs cost
/// nothing.
#[derive(Clone, Debug)]
struct Real {
    /// For each user under way, what the current agent has used.
    under_way: BTreeMap<u32, Used>,
    /// Columns in which a user without an event has the value 0: cost and tokens.
    zeros: Vec<usize>,
    /// Whether a call had no known price.
    unpriced: bool,
}

/// What an agent has used.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    input_tokens: u32,
    output_tokens: u32,
    cost: Option<Money>,
}

/// Events whose value is 0, not unknown, for a user who has none.
const USE: [AppEvent; 5] = [
    AppEvent::TokensTotal,
    AppEvent::TokensInput,
    AppEvent::TokensOutput,
    AppEvent::Cost,
    AppEvent::GraphTokens,
];

impl JournalObserver {
    /// An observer of `users` users from `first_user` on.
    #[must_use]
    pub fn new(
        first_user: u32,
        users: usize,
        experiments: Vec<Varies>,
        metrics: &[Metric],
    ) -> Self {
        let scale = |key: &str| AppEvent::by_key(key).map_or(1.0, AppEvent::scale);
        let observations = Observations::new(users, experiments.len(), metrics, scale);
        let columns = Columns(AppEvent::ALL.map(|event| observations.column(event.key())));
        let graph_tokens =
            columns.of(AppEvent::GraphTokens).map(|column| (column, GraphTokens::default()));
        let (outcomes, real) = (Vec::new(), None);
        Self { observations, first_user, experiments, columns, outcomes, real, graph_tokens }
    }

    /// An observer of what really happened: a failed run counts with the tokens and the cost of its
    /// calls, which its events leave out, and a user whose calls cost nothing counts as 0 instead
    /// of being left out.
    #[must_use]
    pub fn of_reality(
        first_user: u32,
        users: usize,
        experiments: Vec<Varies>,
        metrics: &[Metric],
    ) -> Self {
        let own = Self::new(first_user, users, experiments, metrics);
        let amount = |event: &AppEvent| {
            metrics
                .iter()
                .filter(|metric| metric.event == event.key())
                .all(|metric| metric.aggregation != Aggregation::Occurrence)
        };
        let zeros = USE
            .iter()
            .filter(|event| amount(event))
            .filter_map(|&event| own.columns.of(event))
            .collect();
        Self { real: Some(Real { under_way: BTreeMap::new(), zeros, unpriced: false }), ..own }
    }

    /// The same for a scenario with outcomes, whose events have these keys.
    #[must_use]
    pub fn with_outcomes<'k>(mut self, keys: impl IntoIterator<Item = &'k str>) -> Self {
        self.outcomes = keys.into_iter().map(|key| self.observations.column(key)).collect();
        self
    }

    /// Makes room for users up to number `users`.
    pub fn grow(&mut self, users: usize) {
        self.observations.grow(users);
    }

    /// Whether a call had no price that is known, so that no cost can be told.
    #[must_use]
    pub fn unpriced(&self) -> bool {
        self.real.as_ref().is_some_and(|real| real.unpriced)
    }

    /// The treatment of experiment number `nth` that is what was served.
    #[must_use]
    pub fn treatment_of(&self, nth: usize, served: Served) -> Option<usize> {
        let varies = self.experiments.get(nth).filter(|own| own.config == served.config)?;
        varies.treatment_of.get(usize::from(served.variation))?.map(usize::from)
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
        let Some(unit) = entry.user.checked_sub(self.first_user).map(|unit| unit as usize) else {
            return;
        };
        if unit >= self.observations.units() {
            return;
        }
        if let Event::Evaluated { served, in_experiment: true } = entry.event {
            for (experiment, varies) in self.experiments.iter().enumerate() {
                if varies.config == served.config
                    && let Some(Some(treatment)) =
                        varies.treatment_of.get(usize::from(served.variation))
                {
                    self.observations.expose(experiment, unit, *treatment);
                }
            }
            return;
        }
        if let Event::Followed { outcome, value, .. } = entry.event {
            // Scaled here and not in the end, so that the sums are those of the recorded events.
            if let Some(Some(column)) = self.outcomes.get(usize::from(outcome)) {
                self.observations.add(*column, unit, outcome_value(value));
            }
            return;
        }
        let (columns, observations) = (&self.columns, &mut self.observations);
        let mut event = entry.event;
        if let Some(real) = &mut self.real {
            real.hear(entry.user, &mut event);
            if let Event::Finished { .. } = event {
                for &column in &real.zeros {
                    observations.add_if_missing(column, unit);
                }
            }
        }
        if let Some((column, tokens)) = &mut self.graph_tokens
            && let Some(total) = tokens.hear(entry.user, &event)
        {
            observations.add(*column, unit, total as f64);
        }
        caused_by(&event, |event, value| {
            if let Some(column) = columns.of(event) {
                observations.add(column, unit, value as f64);
            }
        });
    }
}

impl Real {
    /// Adds up the calls of an agent, and gives the end of its run what they used.
    fn hear(&mut self, user: u32, event: &mut Event) {
        match event {
            Event::Completed {
                served: Some(_),
                input_tokens: input,
                output_tokens: output,
                cost: of_call,
                ..
            } => {
                let used = self.under_way.entry(user).or_default();
                used.input_tokens += *input;
                used.output_tokens += *output;
                self.unpriced |= of_call.is_none();
                used.cost = match (used.cost, *of_call) {
                    (Some(sum), Some(cost)) => Some(sum + cost),
                    (sum, cost) => sum.or(cost),
                };
            }
            Event::AgentFinished { input_tokens, output_tokens, cost, .. } => {
                let used = self.under_way.remove(&user).unwrap_or_default();
                (*input_tokens, *output_tokens, *cost) =
                    (used.input_tokens, used.output_tokens, used.cost);
            }
            _ => {}
        }
    }
}
