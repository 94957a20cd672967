//! What is asked of a power analysis, made ready: the stage, the sizes, the looks, the rules and
//! the truth.
//!
//! Guarantees: what is in it depends on the scenario, the seed and the question alone.
//!
//! Does not know: replications.

use serde::{Deserialize, Serialize};

use super::data::ShareErrors;
use super::pool::{UserPool, no_pool_because, pool_size, squared_shifts, worth_a_pool};
use crate::experiment::{Experiment, Treatment};
use crate::quantity::Probability;
use crate::random::Seed;
use crate::run::{
    ArmPopulation, ExperimentTruth, Pair, PreparedScenario, SetupError, Size, causes,
    truth_with_users,
};
use crate::scenario::{Scenario, Study};
use crate::verdict::{Criterion, Decision, Otherwise, Rule};

/// Most replications of one question.
pub const MAX_REPLICATIONS: u64 = 10_000_000;
/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerRequest {
    /// How many replications.
    pub replications: u64,
    /// Numbers of users, ascending.
    pub sizes: Vec<u32>,
    /// How many equally spaced looks at the data, the last one at the end.
    pub looks: u32,
    /// The seed whose replications are run.
    pub seed: u64,
    /// Every treatment made identical to the control.
    pub aa: bool,
    /// Users of the population that the effect on users is taken from, for each arm; as many as its
    /// error asks for, where nothing is said.
    #[serde(default)]
    pub truth_users: Option<u32>,
    /// Where the users of a replication come from.
    #[serde(default)]
    pub pool: PoolChoice,
}

/// Where the users of a replication come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolChoice {
    /// Every replication is simulated as a run of its own.
    #[default]
    Full,
    /// From a pool where that is valid and saves much; its size follows from the number of
    /// replications.
    WhereItSaves,
    /// From a pool with so many users in every variation.
    Users(u32),
}

impl PowerRequest {
    /// 1,000 replications with 10 looks, at a quarter, half, all and twice of the scenario's users.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let own = scenario.traffic.queries;
        let mut sizes = vec![own / 4, own / 2, own, own.saturating_mul(2)];
        sizes.retain(|&size| size > 0);
        sizes.dedup();
        Self {
            replications: 1000,
            sizes,
            looks: 10,
            seed: scenario.seed.0,
            aa: false,
            truth_users: None,
            pool: PoolChoice::WhereItSaves,
        }
    }

    /// Visits that the truth takes at most, with so many arms over all experiments.
    #[must_use]
    pub fn truth_visits(&self, arms: u32) -> u32 {
        match self.truth_users.map_or_else(Size::default, Size::Users) {
            Size::Users(users) => users.saturating_mul(arms),
            Size::UntilError { visits, .. } => visits,
        }
    }
}

/// A question made ready.
#[derive(Debug)]
pub struct Design<'s> {
    /// The scenario's stage.
    pub stage: PreparedScenario<'s>,
    /// The question.
    pub asked: PowerRequest,
    /// For each size the numbers of users at which is looked, ascending, the size itself being the
    /// last.
    pub looks: Vec<Vec<u32>>,
    /// For each experiment what is held against its data.
    pub studies: Vec<Studied>,
    /// How many users the truth is taken from.
    pub truth_users: u32,
    /// Users to draw from; `None` where every replication is simulated.
    pub pool: Option<UserPool<'s>>,
    /// For each size by how much the pool's own error moves the shares; empty without a pool.
    pub pool_errors: Vec<ShareErrors>,
}

/// One experiment with its rule and its truth.
#[derive(Clone, Debug)]
pub struct Studied {
    /// Its decision rule; where the scenario has none, to ship what beats the control on the
    /// primary metric.
    pub rule: Rule,
    /// Whether the scenario gave the rule.
    pub given: bool,
    /// Index of the treatment that the rule would ship.
    pub treatment: usize,
    /// The effect on users, and the measurement's limit.
    pub truth: ExperimentTruth,
    /// What the rule decides on the effect on users itself.
    pub at_truth: Decision,
    /// The truly better one of control (0) and treatment (1) on the primary metric; or why there is
    /// none.
    pub better: Result<usize, String>,
    /// For each metric what in the scenario can bias its measurement.
    pub causes: Vec<Vec<String>>,
}

/// The scenario with every treatment made identical to its control: an A/A test with the same
/// traffic and the same split.
#[must_use]
pub fn without_effect(scenario: &Scenario) -> Scenario {
    let mut same = scenario.clone();
    for experiment in scenario.experiments() {
        let control = &experiment.control_treatment().variation;
        let Some(config) = same.configs.iter_mut().find(|config| config.key == experiment.config)
        else {
            continue;
        };
        let Some(as_control) =
            config.variations.iter().find(|variation| variation.variation == *control).cloned()
        else {
            continue;
        };
        for variation in &mut config.variations {
            if experiment
                .treatments
                .iter()
                .any(|treatment| treatment.variation == variation.variation)
            {
                let own = std::mem::replace(variation, as_control.clone());
                (variation.variation, variation.name) = (own.variation, own.name);
            }
        }
        if scenario.varies_graph(experiment) {
            let form = |key: &str| scenario.form_of_graph(key);
            let Some(as_control) = form(control).and_then(|form| scenario.graph_form(form)) else {
                continue;
            };
            for treatment in &experiment.treatments {
                match form(&treatment.variation) {
                    Some(0) => same.graph = as_control.clone(),
                    Some(form) => {
                        if let Some(own) = same.graph_variations.get_mut(form - 1) {
                            *own = as_control.clone();
                        }
                    }
                    None => {}
                }
            }
        }
    }
    same
}

/// Equally spaced looks on the way to `size`.
fn looks(size: u32, looks: u32) -> Vec<u32> {
    let looks = looks.max(1);
    let mut at: Vec<u32> = (1..=looks)
        .map(|nth| (u64::from(size) * u64::from(nth) / u64::from(looks)) as u32)
        .filter(|&at| at > 0)
        .collect();
    at.dedup();
    at
}

impl<'s> Design<'s> {
    /// Makes a question ready; `scenario` is already without effect where an A/A test is asked for.
    /// The truth is taken from a population of its own, which the pool of users begins with.
    /// `progress` hears how many of how many users have come, of the truth and then of the pool.
    ///
    /// # Errors
    /// When the mock LaunchDarkly refuses what the scenario asks of it, or a paired design has too
    /// many answers and judgings at the largest size.
    pub fn new(
        scenario: &'s Scenario,
        mut asked: PowerRequest,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Self, SetupError> {
        let seed = Seed(asked.seed);
        let stage = PreparedScenario::new(scenario, seed)?;
        stage.holds(asked.sizes.last().copied().unwrap_or_default())?;
        let size = asked.truth_users.map_or_else(Size::default, Size::Users);
        let (truths, populations) = truth_with_users(&stage, seed, size, &mut progress)?;
        let truth_users = truths.iter().map(|truth| truth.users).min().unwrap_or_default();
        let studies: Vec<Studied> = scenario
            .studies
            .iter()
            .zip(truths)
            .map(|(study, truth)| Studied::new(study, truth, scenario))
            .collect();
        let looks = asked.sizes.iter().map(|&size| looks(size, asked.looks)).collect();
        let choice = std::mem::take(&mut asked.pool);
        let (pool, pool_errors) = (None, Vec::new());
        let mut design = Self { stage, asked, looks, studies, truth_users, pool, pool_errors };
        if choice != PoolChoice::Full {
            design.fill_pool(choice, populations, progress);
        }
        Ok(design)
    }

    /// Makes the pool, where that is valid and the choice asks for one.
    fn fill_pool(
        &mut self,
        choice: PoolChoice,
        populations: Vec<ArmPopulation<'s>>,
        progress: impl FnMut(u64, u64),
    ) -> Option<()> {
        let scenario = self.stage.scenario;
        let (study, studied) = scenario.studies.first().zip(self.studies.first())?;
        let question = (self.asked.replications, self.asked.sizes.last().copied()?);
        let few = choice == PoolChoice::WhereItSaves && !worth_a_pool(question.0, question.1);
        if few || no_pool_because(scenario).is_some() {
            return None;
        }
        let deciding = studied.rule.metrics();
        let pairs = studied.pairs(&study.experiment).enumerate();
        let pairs: Vec<[Pair; 2]> =
            pairs.filter(|(at, _)| deciding.contains(at)).map(|(_, pair)| pair).collect();
        let shifts = squared_shifts(study, studied.treatment, &pairs)?;
        let mut pool = UserPool::new(study, self.truth_users, populations);
        let sensitivities = self.sensitivities(&pool, (study, studied), &deciding);
        let users = match choice {
            PoolChoice::Users(users) => users,
            _ => {
                let needed = sensitivities.iter().map(|own| own.users_needed(&shifts, question.0));
                let needed = needed.fold(f64::from(self.truth_users), f64::max);
                pool_size(needed, study.experiment.treatments.len(), question)?
            }
        };
        pool.grow((&self.stage, Seed(self.asked.seed)), users, progress);
        self.asked.pool = PoolChoice::Users(pool.users());
        self.pool_errors =
            sensitivities.iter().map(|own| own.errors(&shifts, pool.users())).collect();
        self.pool = Some(pool);
        Some(())
    }

    /// All numbers of users at which is looked, ascending.
    #[must_use]
    pub fn points(&self) -> Vec<u32> {
        let mut points: Vec<u32> = self.looks.iter().flatten().copied().collect();
        points.sort_unstable();
        points.dedup();
        points
    }
}

impl Studied {
    fn new(study: &Study, truth: ExperimentTruth, scenario: &Scenario) -> Self {
        let experiment = &study.experiment;
        let given = study.rule.is_some();
        let rule = study.rule.clone().unwrap_or_else(|| default_rule(experiment));
        let treatment = rule.ship;
        let better = truth.better(0, treatment, experiment.control).map(usize::from);
        let at_truth = truth.decision(&rule, experiment);
        let causes = experiment
            .metrics_in(&scenario.metrics)
            .map(|(_, metric)| causes(scenario, experiment, metric))
            .collect();
        Self { rule, given, treatment, truth, at_truth, better, causes }
    }

    /// The treatment that the rule would ship.
    #[expect(
        clippy::indexing_slicing,
        reason = "its number is a place in the experiment's treatments, of which there are two or more"
    )]
    pub(super) fn treatment_of<'e>(&self, experiment: &'e Experiment) -> &'e Treatment {
        &experiment.treatments[self.treatment]
    }

    /// For each metric the truth of that treatment and of the control.
    #[expect(
        clippy::indexing_slicing,
        reason = "the truth has a value for each treatment of the experiment"
    )]
    pub(super) fn pairs(&self, experiment: &Experiment) -> impl Iterator<Item = [Pair; 2]> {
        let control = experiment.control;
        self.truth.pairs.iter().map(move |pairs| [pairs[self.treatment], pairs[control]])
    }
}

/// The rule of an experiment that has none: ship what beats the control on the primary metric, keep
/// what loses to it.
fn default_rule(experiment: &Experiment) -> Rule {
    let treatment = usize::from(experiment.control == 0);
    let probability = Probability::clamped(experiment.threshold.get());
    let confident =
        |that| Criterion::Confident { name: String::new(), metric: 0, that, probability };
    Rule {
        ship: treatment,
        when: confident(crate::verdict::Side::TreatmentBetter),
        keep_when: Some(confident(crate::verdict::Side::ControlBetter)),
        otherwise: Otherwise::NeedMoreData,
    }
}
