//! The road: every stage once, in order, from a scenario to its report.
//!
//! Does not know: files, or how a report is printed.

use crate::analysis::{Summary, adjusted, distributions, interactions, over_time};
use crate::experiment::{Experiment, PairedDesign};
use crate::journal::{Caller, Entry, Event, Fingerprint, Reader};
use crate::llm::model::{CallFailure, Completion, Prompt};
use crate::metrics::{GraphTally, JournalObserver, Observations, PairedObserver, Varies};
use crate::random::Seed;
use crate::report::{
    Adjusted, Bias, Cost, DataOrigin, Distribution, Expect, ExpectationResult, Failure,
    Interaction, Number, Ordered, OverTime, Report, ReportSupplements, ReportedRollout,
    TrafficSummary, TrueMetric, TrueVariation, Truths, rollouts_as_expected,
};
use crate::run::adaptive::Adapted;
use crate::run::assumed::assumptions;
use crate::run::graph::{
    drawing, graph_changes, graph_tally, guard_uses, node_uses, triggered_users,
};
use crate::run::paired::{self, PairedSpending};
use crate::run::parts::{self, NO_GROUP};
use crate::run::population::Population;
use crate::run::setup::SetupError;
use crate::run::stage::PreparedScenario;
use crate::run::tally::{ArmTally, TrafficTally};
use crate::run::truth::{ExperimentTruth, Known, Pair, Size, truth};
use crate::run::watch::SoFar;
use crate::run::whole::causes;
use crate::scenario::Scenario;

/// What a run does besides what its scenario says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunOptions {
    /// Another seed than the scenario's.
    pub seed: Option<u64>,
    /// Another number of users than the scenario's.
    pub users: Option<u32>,
    /// The effect on users beside the estimate.
    pub truth: bool,
    /// How many users that is taken from.
    pub truth_size: Size,
    /// What charts need beside the results: the way there, and how values are spread.
    pub charts: bool,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The report, complete.
    pub report: Report,
    /// For each experiment its data, in sufficient statistics.
    pub summaries: Vec<Summary>,
}

/// Simulates a scenario on the mock backends, from bootstrap to verdict.
///
/// The same scenario and options give the same outcome on every machine.
///
/// # Errors
/// When the mock LaunchDarkly refuses what the scenario needs, or a paired design has more than
/// 20,000,000 answers and judgings.
///
/// ```
/// use simlab::{RunOptions, Scenario};
///
/// let scenario = Scenario::load("premium")?;
/// let options = RunOptions { seed: Some(2), users: Some(120), ..RunOptions::default() };
/// let outcome = simlab::run(&scenario, options)?;
/// assert_eq!(outcome.report.seed, Some(2));
/// assert!(outcome.report.to_text().contains("Each variation"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run(scenario: &Scenario, options: RunOptions) -> Result<Outcome, SetupError> {
    let stage = PreparedScenario::new(scenario, options.seed.map_or(scenario.seed, Seed))?;
    Simulation::new(&stage, options).run()
}

/// A run on the mock backends that is about to begin, and whoever follows it.
pub struct Simulation<'a> {
    stage: &'a PreparedScenario<'a>,
    options: RunOptions,
    reader: Option<&'a mut dyn Reader>,
    on_call: Option<&'a mut CallObserver<'a>>,
    progress: Option<&'a mut dyn FnMut(&SoFar<'_>)>,
}

/// Receives every call of a model and its result.
pub type CallObserver<'a> = dyn FnMut(&Prompt<'_>, &Result<Completion, CallFailure>) + 'a;

impl std::fmt::Debug for Simulation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<'a> Simulation<'a> {
    /// A run on this stage.
    #[must_use]
    pub fn new(stage: &'a PreparedScenario<'a>, options: RunOptions) -> Self {
        Self { stage, options, reader: None, on_call: None, progress: None }
    }

    /// With one more reader of the journal.
    #[must_use]
    pub fn reader(self, reader: &'a mut dyn Reader) -> Self {
        Self { reader: Some(reader), ..self }
    }

    /// With an observer of every call of a model and its result.
    #[must_use]
    pub fn on_call(self, on_call: &'a mut CallObserver<'a>) -> Self {
        Self { on_call: Some(on_call), ..self }
    }

    /// With a callback that receives, every so often, where the run stands and its data so far.
    #[must_use]
    pub fn progress(self, progress: &'a mut dyn FnMut(&SoFar<'_>)) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// Runs it.
    ///
    /// # Errors
    /// When a paired design has too many answers and judgings; when the mock LaunchDarkly refuses
    /// what the scenario asks of it, once the truth is asked for.
    pub fn run(self) -> Result<Outcome, SetupError> {
        let Self { stage, options, reader, mut on_call, mut progress } = self;
        let scenario = stage.scenario;
        let seed = options.seed.map_or(scenario.seed, Seed);
        let users = options.users.unwrap_or(scenario.traffic.queries);
        stage.holds(users)?;
        // A scenario that expects something of the truth runs as told without a flag.
        let with_truth = options.truth
            || scenario
                .studies
                .iter()
                .filter_map(|study| study.expect.as_ref())
                .any(Expect::needs_truth);
        let total = u64::from(users);
        let mut progress = |so_far: &SoFar<'_>| {
            if let Some(progress) = &mut progress {
                progress(so_far);
            }
        };
        let on_call = |prompt: &Prompt<'_>, result: &Result<Completion, CallFailure>| {
            if let Some(on_call) = &mut on_call {
                on_call(prompt, result);
            }
        };
        let begun = |begun: u32, readers: &(RunCollector, Option<&mut dyn Reader>)| {
            // A question is in every variation: no table of users shows that.
            let data = readers.0.paired.is_none();
            let data = data.then(|| (scenario, readers.0.observer.observations()));
            progress(&SoFar { begun: u64::from(begun), total, data });
        };
        let population = stage.population(seed, users).designed();
        let ((gathering, _), adapted) = population.clone().visit_observed(
            (RunCollector::new(stage, users), reader),
            on_call,
            begun,
        );
        let observed =
            |population: Population<'_>| population.visit(stage.observer(users as usize)).finish();
        let adapts = scenario.studies.iter().any(|study| study.allocation.is_some());
        let fixed = adapts.then(|| observed(population.clone().fixed()));
        let before = scenario.traffic.pre_period.is_some().then(|| observed(population.before()));
        let truths = if with_truth {
            let begun = |begun: u64, most: u64| {
                progress(&SoFar { begun: total + begun, total: total + most, data: None })
            };
            // What only an expectation asks for is as exact as in the lessons.
            let size = if options.truth { options.truth_size } else { Size::LESSON };
            Some(truth(stage, seed, size, begun)?)
        } else {
            None
        };

        let beside = CompanionRuns { truths, before, charts: options.charts, adapted, fixed };
        let mut outcome = gathering.conclude(stage, DataOrigin::Mock, (seed, users), &beside);
        let report = &mut outcome.report;
        report.backends = Ordered(vec![
            ("models".to_owned(), "mock".to_owned()),
            ("LaunchDarkly".to_owned(), "mock".to_owned()),
        ]);
        report.bootstrap = stage.summary();
        report.assumptions = assumptions(scenario);
        Ok(outcome)
    }
}

/// What the readers of one run's journal hold.
pub(crate) struct RunCollector {
    observer: JournalObserver,
    fingerprint: Fingerprint,
    traffic: TrafficTally,
    tallies: Vec<ArmTally>,
    /// Each user's audience group, where a segment is looked at.
    groups: Vec<u16>,
    /// What the agents did, where the scenario has a graph of its own.
    graph: Option<GraphTally>,
    /// The answers of a paired design.
    paired: Option<PairedReader>,
}

/// What the reader of a paired design holds.
struct PairedReader {
    design: PairedDesign,
    observer: PairedObserver,
    spending: PairedSpending,
    /// For each question the number of its visit that is under way.
    visits: Vec<u32>,
    /// How many visits each question has.
    of: u32,
}

impl PairedReader {
    fn new(stage: &PreparedScenario<'_>, questions: u32) -> Option<Self> {
        let observer = stage.paired_observer(questions as usize)?;
        let study = stage.scenario.studies.first()?;
        let design = study.paired?;
        Some(Self {
            design,
            observer,
            spending: PairedSpending::default(),
            visits: vec![0; questions as usize],
            of: design.repeats * study.experiment.treatments.len() as u32,
        })
    }

    /// Reads an entry; the same with an answer's own number in the place of the user's.
    fn entry(&mut self, entry: &Entry) -> Entry {
        self.observer.entry(entry);
        self.spending.entry(entry);
        let unit = (entry.user as usize).checked_sub(1);
        let Some(visit) = unit.and_then(|unit| self.visits.get_mut(unit)) else { return *entry };
        if let Event::Arrived { visit: nth, .. } = entry.event {
            *visit = nth;
        }
        Entry { user: (entry.user - 1) * self.of + *visit + 1, ..*entry }
    }
}

/// What was simulated next to the run itself, for its report: the same users once more under other
/// conditions. A report has one of these; what a report shows of a single experiment besides its
/// results are its `ReportSupplements`.
#[derive(Debug, Default)]
pub(crate) struct CompanionRuns {
    /// For each experiment the effect on users and the measurement's limit.
    pub truths: Option<Vec<ExperimentTruth>>,
    /// The same users before the experiments.
    pub before: Option<Observations>,
    /// Whether charts are wanted.
    pub charts: bool,
    /// What was changed while users arrived.
    pub adapted: Adapted,
    /// The same users under a fixed split, where a bandit changed it.
    pub fixed: Option<Observations>,
}

impl Reader for RunCollector {
    fn entry(&mut self, entry: &Entry) {
        self.observer.entry(entry);
        self.fingerprint.entry(entry);
        self.traffic.entry(entry);
        self.tallies.entry(entry);
        match &mut self.paired {
            Some(paired) => self.graph.entry(&paired.entry(entry)),
            None => self.graph.entry(entry),
        }
        if let Event::Arrived { group, .. } = entry.event
            && let Some(own) =
                (entry.user as usize).checked_sub(1).and_then(|unit| self.groups.get_mut(unit))
        {
            *own = group;
        }
    }
}

impl RunCollector {
    /// Readers of a run of so many users on this stage.
    pub(crate) fn new(stage: &PreparedScenario<'_>, users: u32) -> Self {
        let paired = PairedReader::new(stage, users);
        let tally = |varies: &Varies| ArmTally::new(varies.config, varies.treatment_of.clone());
        Self {
            observer: stage.observer(users as usize),
            fingerprint: Fingerprint::default(),
            traffic: TrafficTally::default(),
            tallies: stage.scenario.studies.iter().map(|study| tally(&study.varies)).collect(),
            groups: if stage.scenario.studies.iter().any(|study| !study.segments.is_empty()) {
                vec![NO_GROUP; users as usize]
            } else {
                Vec::new()
            },
            graph: graph_tally(
                stage.scenario,
                paired.as_ref().map_or(users, |paired| users.saturating_mul(paired.of)),
            ),
            paired,
        }
    }

    /// The report of what was read: everything that does not depend on who stood behind the models.
    pub(crate) fn conclude(
        self,
        stage: &PreparedScenario<'_>,
        mode: DataOrigin,
        (seed, users): (Seed, u32),
        beside: &CompanionRuns,
    ) -> Outcome {
        let scenario = stage.scenario;
        let observations = self.observer.finish();
        let paired =
            self.paired.map(|paired| (paired.design, paired.observer.finish(), paired.spending));
        let mut report = Report::new(&scenario.name, mode, Some(seed.0), self.fingerprint.hex());
        report.traffic = Some(traffic_summary(&self.traffic));
        report.graph = self.graph.as_ref().map(|tally| drawing(scenario, tally));
        let mut summaries = Vec::new();
        let units = users as usize;
        let mut truths = beside.truths.iter().flatten();
        for ((nth, study), tally) in scenario.studies.iter().enumerate().zip(&self.tallies) {
            let truth = truths.next();
            let experiment = &study.experiment;
            let (summary, analysis) = match &paired {
                Some((_, table, _)) => study.conclude_paired(table, &scenario.metrics, 0..units),
                None => study.conclude(&observations, &scenario.metrics, 0..units),
            };
            // What an agent does is counted by answer.
            let answers = paired.as_ref().map_or(1, |(design, ..)| u64::from(design.repeats));
            let of_answers: Vec<u64> = analysis.exposures.iter().map(|own| own * answers).collect();
            let charts = beside.charts && paired.is_none();
            let verdict = study.decide(&analysis);
            let extras = ReportSupplements {
                health: parts::failing(&self.traffic).into_iter().collect(),
                costs: costs(scenario, experiment, &of_answers, tally),
                failures: failures(experiment, tally),
                truth: truth.map(|truth| shown_truth(truth, scenario, experiment)),
                decision_at_truth: truth
                    .zip(study.rule.as_ref())
                    .map(|(truth, rule)| truth.decision(rule, experiment)),
                adjusted: beside
                    .before
                    .as_ref()
                    .map(|before| {
                        adjusted(&observations, before, nth, experiment, &scenario.metrics)
                    })
                    .map(|found| Adjusted::rows(experiment, &found))
                    .unwrap_or_default(),
                over_time: if charts {
                    OverTime::of(
                        experiment,
                        &over_time(&observations, nth, experiment, &scenario.metrics, units),
                    )
                } else {
                    None
                },
                distributions: if charts {
                    let found =
                        distributions(&observations, nth, experiment, &scenario.metrics, 0..units);
                    found.iter().filter_map(|found| Distribution::of(experiment, found)).collect()
                } else {
                    Vec::new()
                },
                segments: parts::segments(study, &self.groups, &observations, &scenario.metrics),
                bandit: beside.fixed.as_ref().and_then(|fixed| {
                    let fixed = study.analyze(fixed, &scenario.metrics, 0..units);
                    parts::bandit(study, beside.adapted.bandits.get(nth)?, &analysis, &fixed, truth)
                }),
                agents: self.graph.as_ref().map_or_else(Vec::new, |tally| {
                    node_uses(scenario, experiment, nth, &of_answers, tally)
                }),
                guards: self
                    .graph
                    .as_ref()
                    .map_or_else(Vec::new, |tally| guard_uses(scenario, experiment, nth, tally)),
                triggered: self.graph.as_ref().filter(|_| paired.is_none()).and_then(|tally| {
                    triggered_users(scenario, study, &observations, &analysis, tally, truth)
                }),
                graph_changes: graph_changes(scenario, experiment),
                paired: paired.as_ref().map(|(design, _, spending)| {
                    paired::evaluation(study, *design, &analysis, spending)
                }),
            };
            let shown = Report::experiment(experiment, &analysis, verdict.as_ref(), extras);
            if let Some(expect) = &study.expect {
                report.expectations.extend(expect.check(&shown));
            }
            report.experiments.push(shown);
            summaries.push(summary);
        }
        let rollouts = scenario.rollouts.iter().zip(&beside.adapted.guards);
        report.rollouts = rollouts
            .map(|(rollout, watched)| {
                ReportedRollout::of(&rollout.guard, watched, &scenario.metrics)
            })
            .collect();
        let expected: Vec<_> = scenario.rollouts.iter().map(|rollout| rollout.expect).collect();
        report.expectations.extend(rollouts_as_expected(&report.rollouts, &expected));
        let experiments = scenario.experiments();
        let found = interactions(&observations, &experiments, &scenario.metrics);
        report.interactions = Interaction::rows(&experiments, &scenario.metrics, found);
        Outcome { report, summaries }
    }
}

/// Whether everything that was expected came.
#[must_use]
pub fn met(expectations: &[ExpectationResult]) -> bool {
    expectations.iter().all(|expectation| expectation.passed)
}

fn traffic_summary(tally: &TrafficTally) -> TrafficSummary {
    TrafficSummary {
        queries: tally.queries,
        users: (tally.users < tally.queries).then_some(tally.users),
        succeeded: tally.succeeded,
        failed: tally.failures.values().sum(),
        failures: Ordered(
            tally.failures.iter().map(|(kind, &count)| (kind.name().to_owned(), count)).collect(),
        ),
        pii_queries: tally.personal,
        virtual_seconds: Number::new(tally.end.us() as f64 / 1e6),
        cost_usd: Number::new(tally.cost.dollars()),
    }
}

/// What stands in the place of the model of a step, which has none.
const NO_MODEL: &str = "no model";

/// What each agent's calls cost, for each variation: the "hidden cost paradox" table. `exposures`
/// has the users of each.
fn costs(
    scenario: &Scenario,
    experiment: &Experiment,
    exposures: &[u64],
    tally: &ArmTally,
) -> Vec<Cost> {
    let mut rows = Vec::new();
    for (nth, (treatment, &users)) in experiment.treatments.iter().zip(exposures).enumerate() {
        for agent in scenario.graph.agents().map(Caller::Agent) {
            let of_agent = tally
                .spending
                .iter()
                .filter(|((arm, caller, _), _)| usize::from(*arm) == nth && *caller == agent);
            rows.extend(of_agent.map(|((_, _, model), spending)| Cost {
                variation: treatment.variation.clone(),
                agent: scenario.graph.name(agent).to_owned(),
                model:
                    model.map_or_else(|| NO_MODEL.to_owned(), |own| scenario.model(own).id.clone()),
                calls: spending.calls,
                cost_per_user_usd: if users == 0 {
                    None
                } else {
                    Number::new(spending.cost.dollars() / users as f64)
                },
                change: None,
            }));
        }
    }
    rows
}

fn failures(experiment: &Experiment, tally: &ArmTally) -> Vec<Failure> {
    let shown = experiment.treatments.iter().enumerate().flat_map(|(nth, treatment)| {
        let of_treatment =
            tally.failures.iter().filter(move |((arm, _), _)| usize::from(*arm) == nth);
        of_treatment.map(|((_, kind), &count)| Failure {
            variation: treatment.variation.clone(),
            kind: kind.name().to_owned(),
            count,
        })
    });
    shown.collect()
}

/// The effect on users and the measurement's limit in the report's words.
fn shown_truth(truth: &ExperimentTruth, scenario: &Scenario, experiment: &Experiment) -> Truths {
    let value = |known: Option<Known>| known.and_then(|known| Number::new(known.value));
    let error = |known: Option<Known>| known.and_then(|known| Number::new(known.error?));
    let quantity = |mean: Option<Known>, relative: Option<Known>| {
        mean.map(|_| crate::report::Truth {
            mean: value(mean),
            relative_difference: value(relative),
            mean_error: error(mean),
            relative_error: error(relative),
        })
    };
    let of_metric = |(pairs, &metric): (&Vec<Pair>, &usize)| {
        // With a memory, what an evaluation converges to is not what each variation does alone.
        let paired = scenario.studies.iter().find_map(|study| study.paired);
        let carried = paired.is_some_and(|design| design.remembers > 0);
        let limit = |pair: &Pair| (!carried).then_some(pair.limit).flatten();
        let variations = pairs.iter().map(|pair| TrueVariation {
            truth: quantity(pair.effect, pair.relative),
            measured_limit: quantity(limit(pair), pair.limit_relative),
            bias: pair.bias.filter(|_| !carried).map(|bias| Bias {
                relative_difference: Number::new(bias.value),
                error: error(Some(bias)),
            }),
        });
        TrueMetric {
            variations: variations.collect(),
            causes: causes(scenario, experiment, scenario.metric(metric)),
        }
    };
    Truths {
        users: truth.users,
        metrics: truth.pairs.iter().zip(&experiment.metrics).map(of_metric).collect(),
    }
}
