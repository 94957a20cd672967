//! The effect on users, and what the measurement would converge to: every user through every arm,
//! with the same draws.
//!
//! Two quantities that are easily taken for each other:
//! - the **effect on users**: answers as good as they are, all real costs, nobody lost, every user
//!   counted. A verdict is right or wrong by this one;
//! - the **measurement's limit**: what this instrumentation would show with unlimited users, with its
//!   missing prices, lost users and erring judge. The gap between the two is the measurement's
//!   bias: no number of users closes it.
//!
//! Guarantees: both are those of the policy "everybody gets this arm", shared limits included; the
//! users are the same in every arm and in both quantities (common random numbers); every value has
//! its standard error, and users come until the errors are as small as asked for or the budget is
//! used up.
//!
//! Does not know: what was estimated.

use crate::analysis::{Influence, MetricInput, Summary, analyze, influence, summarize};
use crate::event::AppEvent;
use crate::experiment::{Better, Experiment};
use crate::figure;
use crate::journal::{AgentId, Served};
use crate::metrics::{JournalObserver, Observations, ReachedUnits, UserCosts, Varies};
use crate::random::Seed;
use crate::run::setup::SetupError;
use crate::run::stage::PreparedScenario;
use crate::run::whole::whole;
use crate::verdict::{Decision, Rule, decide};

/// For one experiment: for each metric and treatment the mean, rate or percentile; `None` where
/// nobody has a value.
pub type Values = Vec<Vec<Option<f64>>>;

/// How many users the truth is taken from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// Users until every relative difference has a standard error of at most this, but at most so
    /// many visits in all.
    UntilError {
        /// Standard error of a relative difference, as a fraction.
        error: f64,
        /// Most visits, over all arms and both quantities.
        visits: u32,
    },
    /// So many.
    Users(u32),
}

impl Size {
    /// As exact as a lesson needs it: every change to 0.5 points.
    pub const LESSON: Self = Self::UntilError { error: 0.005, visits: 100_000 };
}

impl Default for Size {
    /// A standard error of a quarter of a percent, or 400,000 visits: 100,000 users for an
    /// experiment with two arms.
    fn default() -> Self {
        Self::UntilError { error: 0.0025, visits: 400_000 }
    }
}

/// Fewest users: fewer hardly know their own error.
const FEWEST: u32 = 10_000;

/// A number with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// The number.
    pub value: f64,
    /// Its standard error; `None` where it is unknown (a percentile on ties).
    pub error: Option<f64>,
}

impl Known {
    fn of(influence: &Influence) -> Self {
        Self { value: influence.value, error: Some(influence.error()) }
    }

    /// Whether the number is not 0 by more than twice its standard error.
    #[must_use]
    pub fn differs_from_zero(self) -> bool {
        self.value.abs() > 2.0 * self.error.unwrap_or(0.0) && self.value != 0.0
    }
}

/// One treatment under one metric.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pair {
    /// The effect on users: rate, mean or percentile.
    pub effect: Option<Known>,
    /// Difference to the control, in the metric's unit; `None` for the control.
    pub difference: Option<Known>,
    /// Relative difference to the control; `None` for the control.
    pub relative: Option<Known>,
    /// What the measurement converges to.
    pub limit: Option<Known>,
    /// Its relative difference to the control; `None` for the control.
    pub limit_relative: Option<Known>,
    /// The limit's relative difference less that of the effect; for the control `None`.
    pub bias: Option<Known>,
}

/// The truth of one experiment.
#[derive(Clone, Debug)]
pub struct ExperimentTruth {
    /// Users that went through every arm.
    pub users: u32,
    /// The effect on users as statistics, arm by arm.
    pub effect: Summary,
    /// The measurement's limit as statistics.
    pub limit: Summary,
    /// For each metric and treatment the numbers with their errors.
    pub pairs: Vec<Vec<Pair>>,
    /// For each metric and treatment the difference to the control in the effect on the users whose
    /// request comes to the agent of the experiment, in the metric's unit; `None` for the control.
    pub among_reached: Vec<Vec<Option<f64>>>,
}

impl ExperimentTruth {
    /// The effect on users: for each metric and treatment the value.
    #[must_use]
    pub fn values(&self) -> Values {
        self.of(|pair| pair.effect)
    }

    /// Whether a treatment is truly better (`true`) or worse than the control under the metric at
    /// this place of the experiment; or why neither can be said.
    ///
    /// # Errors
    /// The reason in a clause: both are equal, differ by less than what matters, or by less than
    /// the truth's own error.
    pub fn better(&self, at: usize, arm: usize, control: usize) -> Result<bool, String> {
        let input = self.effect.metrics.get(at).ok_or("there is no such metric")?;
        let pair = |arm: usize| self.pairs.get(at)?.get(arm).copied();
        let value = |pair: Pair| pair.effect.map(|known| known.value);
        let (pair, base) =
            pair(arm).zip(pair(control).and_then(value)).ok_or("a value is not known")?;
        let own = value(pair).ok_or("a value is not known")?;
        let difference = pair.difference.unwrap_or(Known { value: own - base, error: None });
        let relative = || {
            let shown = |known: Known| {
                format!(" ({})", crate::report::with_error(known.value, known.error))
            };
            pair.relative.map_or_else(String::new, shown)
        };
        if own == base {
            return Err("both are equal".to_owned());
        }
        if input.metric.tie(own, base) {
            let smallest = figure::written_percent(input.metric.smallest_effect);
            return Err(format!(
                "the difference{} is below the smallest effect that matters ({smallest})",
                relative()
            ));
        }
        if !difference.differs_from_zero() {
            return Err(format!(
                "the difference{} is not distinguishable from 0 with {} users",
                relative(),
                figure::count(self.users.into())
            ));
        }
        Ok((difference.value > 0.0) == (input.metric.better == Better::Higher))
    }

    /// What a rule decides on the effect on users itself, as if it were known all but exactly.
    #[must_use]
    pub fn decision(&self, rule: &Rule, experiment: &Experiment) -> Decision {
        let known = self.effect.known_exactly().with_ties(experiment.control);
        decide(rule, experiment, &analyze(experiment, &known)).decision
    }

    fn of(&self, of: impl Fn(&Pair) -> Option<Known>) -> Values {
        self.pairs
            .iter()
            .map(|pairs| pairs.iter().map(|pair| of(pair).map(|known| known.value)).collect())
            .collect()
    }

    /// The largest standard error of a relative difference.
    fn error(&self) -> f64 {
        let all = self.pairs.iter().flatten().flat_map(|pair| [pair.relative, pair.limit_relative]);
        all.flatten().filter_map(|known| known.error).fold(0.0, f64::max)
    }
}

/// One arm of one experiment in one of the two quantities: everybody gets it.
#[derive(Debug)]
pub struct ArmPopulation<'s> {
    experiment: usize,
    varies: &'s Varies,
    treatment: usize,
    real: bool,
    seen: Option<SeenOfArm>,
}

/// What is seen of the users of an arm: what is measured, where it is of interest whose requests
/// come to the agent of the experiment, and what the measured users cost.
type SeenOfArm = ((JournalObserver, Option<ReachedUnits>), Option<UserCosts>);

impl ArmPopulation<'_> {
    /// The treatment that everybody gets.
    #[must_use]
    pub fn treatment(&self) -> usize {
        self.treatment
    }

    /// What is measured of the users of the first experiment, and what each costs; `None` for the
    /// other quantity and other experiments.
    #[must_use]
    pub fn measured(&self) -> Option<(&Observations, &UserCosts)> {
        let ((observer, _), costs) = self.seen.as_ref().filter(|_| self.experiment == 0)?;
        Some((observer.observations(), costs.as_ref()?))
    }

    /// Has the users after the first `users` come, up to number `next`. `begun` hears of each.
    pub fn grow(
        &mut self,
        stage: &PreparedScenario<'_>,
        seed: Seed,
        (users, next): (u32, u32),
        begun: impl FnMut(u32),
    ) {
        let Some(variation) = self.varies.variation_of(self.treatment) else { return };
        let Some(mut seen) = self.seen.take() else { return };
        seen.0.0.grow(next as usize);
        if let Some(costs) = &mut seen.1 {
            costs.next_run();
        }
        let forced = stage
            .population(seed, next)
            .from_user(users + 1)
            .forced(Served { config: self.varies.config, variation });
        self.seen = Some(forced.visit_watched(seen, begun));
    }

    fn observer(&self) -> Option<&(JournalObserver, Option<ReachedUnits>)> {
        Some(&self.seen.as_ref()?.0)
    }
}

/// The truth of every experiment of the stage. `progress` hears how many visits have begun, of how
/// many at the most.
///
/// # Errors
/// When the mock LaunchDarkly refuses what the scenario asks of it.
pub fn truth(
    stage: &PreparedScenario<'_>,
    seed: Seed,
    size: Size,
    progress: impl FnMut(u64, u64),
) -> Result<Vec<ExperimentTruth>, SetupError> {
    truth_with_users(stage, seed, size, progress).map(|(truths, _)| truths)
}

/// The truth of every experiment, and the users that it was taken from.
///
/// # Errors
/// When the mock LaunchDarkly refuses what the scenario asks of it.
pub fn truth_with_users<'s>(
    stage: &PreparedScenario<'s>,
    seed: Seed,
    size: Size,
    mut progress: impl FnMut(u64, u64),
) -> Result<(Vec<ExperimentTruth>, Vec<ArmPopulation<'s>>), SetupError> {
    let scenario = stage.scenario;
    let nothing_lost = whole(scenario);
    let real = PreparedScenario::new(&nothing_lost, stage.seed)?;
    let mut populations = Vec::new();
    for (experiment, of) in scenario.studies.iter().enumerate() {
        for treatment in 0..of.experiment.treatments.len() {
            for real in [true, false] {
                let new = if real { JournalObserver::of_reality } else { JournalObserver::new };
                let observer = new(1, 0, scenario.varies(), &scenario.metrics)
                    .with_outcomes(scenario.outcome_keys());
                // Whose requests come to the agent of the experiment is of interest in a graph.
                let graph = scenario.graph.is_written() && !scenario.varies_graph(&of.experiment);
                let reached = (graph && real).then(|| ReachedUnits::new(AgentId(of.varies.config)));
                let seen = Some(((observer, reached), (!real).then(UserCosts::default)));
                populations.push(ArmPopulation {
                    experiment,
                    varies: &of.varies,
                    treatment,
                    real,
                    seen,
                });
            }
        }
    }
    let count = populations.len().max(1) as u32;
    let (most, mut next) = match size {
        Size::Users(users) => (users, users),
        Size::UntilError { visits, .. } => {
            let most = (visits / count).max(FEWEST);
            (most, (most / 8).max(FEWEST))
        }
    };
    let total = u64::from(most) * u64::from(count);
    let (mut done, mut users) = (0, 0);
    loop {
        for population in &mut populations {
            let stage = if population.real { &real } else { stage };
            let begun = |begun: u32| progress(done + u64::from(begun.saturating_sub(users)), total);
            population.grow(stage, seed, (users, next), begun);
            done += u64::from(next - users);
        }
        users = next;
        let compared = scenario.studies.iter();
        let truths: Vec<ExperimentTruth> = compared
            .map(|study| compare(stage, study.place, &study.experiment, users, &populations))
            .collect();
        let known = match size {
            Size::Users(_) => true,
            Size::UntilError { error, .. } => truths.iter().all(|truth| truth.error() <= error),
        };
        if known || users >= most {
            return Ok((truths, populations));
        }
        next = users.saturating_mul(2).min(most);
    }
}

/// One quantity of one experiment: the statistics of every arm, and the users' influences for each
/// metric and treatment.
#[expect(
    clippy::indexing_slicing,
    reason = "a summary has one element for each treatment, and an arm is the number of a treatment"
)]
fn quantity(
    stage: &PreparedScenario<'_>,
    nth: usize,
    experiment: &Experiment,
    real: bool,
    populations: &[ArmPopulation<'_>],
) -> (Summary, Vec<Vec<Option<Influence>>>) {
    let metrics = &stage.scenario.metrics;
    let mut summary = Summary { exposures: Vec::new(), shares: None, metrics: Vec::new() };
    let mut influences: Vec<Vec<Option<Influence>>> = vec![Vec::new(); experiment.metrics.len()];
    let own = populations
        .iter()
        .filter(|population| population.experiment == nth && population.real == real);
    for (arm, (observer, _)) in
        own.filter_map(|population| Some((population.treatment, population.observer()?)))
    {
        let table = observer.observations();
        let mut found = summarize(table, nth, experiment, metrics, 0..table.units());
        // Without a price nobody can tell what was really paid.
        for input in found
            .metrics
            .iter_mut()
            .filter(|input| observer.unpriced() && input.metric.counts(AppEvent::Cost.key()))
        {
            input.tallies[arm] = None;
        }
        for ((&at, input), influences) in
            experiment.metrics.iter().zip(&found.metrics).zip(&mut influences)
        {
            influences.push(influence(
                table,
                (nth, arm),
                (at, &input.metric),
                (input.tallies[arm], found.exposures[arm]),
            ));
        }
        if arm == 0 {
            summary = Summary { shares: None, ..found };
            continue;
        }
        summary.exposures[arm] = found.exposures[arm];
        for (joined, own) in summary.metrics.iter_mut().zip(found.metrics) {
            joined.tallies[arm] = own.tallies[arm];
            if let (Some(responders), Some(own)) = (&mut joined.responders, own.responders) {
                responders[arm] = own[arm];
            }
        }
    }
    (summary, influences)
}

/// Both quantities of one experiment, with their errors.
#[expect(
    clippy::indexing_slicing,
    reason = "both quantities have one row for each metric with one element for each treatment"
)]
fn compare(
    stage: &PreparedScenario<'_>,
    nth: usize,
    experiment: &Experiment,
    users: u32,
    populations: &[ArmPopulation<'_>],
) -> ExperimentTruth {
    let (effect, effects) = quantity(stage, nth, experiment, true, populations);
    let (limit, limits) = quantity(stage, nth, experiment, false, populations);
    // A value without an influence (a percentile on ties) is known, its error is not.
    let value =
        |summary: &Summary, influences: &[Vec<Option<Influence>>], metric: usize, arm: usize| {
            let value = summary.metrics[metric].tallies[arm]?.value(summary.exposures[arm])?;
            Some(influences[metric][arm].as_ref().map_or(Known { value, error: None }, Known::of))
        };
    let pair = |metric: usize, arm: usize| {
        let control = experiment.control;
        let [of_effect, of_limit] =
            [(&effect, &effects), (&limit, &limits)].map(|(summary, influences)| {
                let (own, base) = (
                    value(summary, influences, metric, arm),
                    value(summary, influences, metric, control),
                );
                let both =
                    influences[metric][arm].as_ref().zip(influences[metric][control].as_ref());
                (own, base, both)
            });
        let against = |(own, base, _): &(Option<Known>, Option<Known>, _)| {
            own.zip(*base).filter(|_| arm != control)
        };
        let relative =
            |of: &(Option<Known>, Option<Known>, Option<(&Influence, &Influence)>)| match of.2 {
                Some((own, base)) if arm != control => own.relative_to(base),
                _ => None,
            };
        let bare = |of: &(Option<Known>, Option<Known>, Option<(&Influence, &Influence)>)| {
            let (own, base) = against(&(of.0, of.1, ()))?;
            (base.value != 0.0)
                .then(|| Known { value: (own.value - base.value) / base.value.abs(), error: None })
        };
        let (exact, measured) = (relative(&of_effect), relative(&of_limit));
        let known = |exact: &Option<Influence>, of| {
            exact.as_ref().map_or_else(|| bare(of), |exact| Some(Known::of(exact)))
        };
        let (relative, limit_relative) = (known(&exact, &of_effect), known(&measured, &of_limit));
        let difference = match of_effect.2 {
            Some((own, base)) if arm != control => Some(Known::of(&own.minus(base))),
            _ => against(&(of_effect.0, of_effect.1, ()))
                .map(|(own, base)| Known { value: own.value - base.value, error: None }),
        };
        let bias = match (&exact, &measured) {
            (Some(exact), Some(measured)) => Some(Known::of(&measured.minus(exact))),
            _ => relative
                .zip(limit_relative)
                .map(|(effect, limit)| Known { value: limit.value - effect.value, error: None }),
        };
        Pair { effect: of_effect.0, difference, relative, limit: of_limit.0, limit_relative, bias }
    };
    let arms = experiment.treatments.len();
    let pairs = (0..experiment.metrics.len())
        .map(|metric| (0..arms).map(|arm| pair(metric, arm)).collect())
        .collect();
    let among_reached = among_reached(stage, nth, experiment, populations);
    ExperimentTruth { users, effect, limit, pairs, among_reached }
}

/// For each metric and treatment the difference to the control among the users whose request comes to
/// the agent of the experiment in that arm; empty where nobody asked who they are.
fn among_reached(
    stage: &PreparedScenario<'_>,
    nth: usize,
    experiment: &Experiment,
    populations: &[ArmPopulation<'_>],
) -> Vec<Vec<Option<f64>>> {
    let metrics = &stage.scenario.metrics;
    let values = |arm: usize| -> Option<Vec<Option<f64>>> {
        let own = populations
            .iter()
            .find(|own| own.real && own.experiment == nth && own.treatment == arm)?;
        let (observer, Some(reached)) = own.observer()? else { return None };
        let table = observer.observations();
        let units = (0..table.units()).filter(|&unit| reached.has(unit));
        let found = summarize(table, nth, experiment, metrics, units);
        let exposed = found.exposures.get(arm).copied()?;
        let of = |input: &MetricInput| {
            let unknown = observer.unpriced() && input.metric.counts(AppEvent::Cost.key());
            let tally = input.tallies.get(arm).copied().flatten().filter(|_| !unknown)?;
            tally.value(exposed)
        };
        Some(found.metrics.iter().map(of).collect())
    };
    let Some(control) = values(experiment.control) else { return Vec::new() };
    let arms: Vec<Option<Vec<Option<f64>>>> = (0..experiment.treatments.len())
        .map(|arm| values(arm).filter(|_| arm != experiment.control))
        .collect();
    let of_metric = |(metric, base): (usize, Option<f64>)| {
        let own = |arm: &Option<Vec<Option<f64>>>| {
            let value = arm.as_ref()?.get(metric).copied().flatten()?;
            Some(value - base?)
        };
        arms.iter().map(own).collect()
    };
    control.into_iter().enumerate().map(of_metric).collect()
}
