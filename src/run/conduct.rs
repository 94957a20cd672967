//! The road: every stage once, in order, from a scenario to its report.
//!
//! Does not know: files, or how a report is printed.

use crate::analysis::{Analysis, Summary, analyze};
use crate::experiment::Experiment;
use crate::journal::{Caller, Entry, Event, Fingerprint, Reader};
use crate::llm::model::{CallFailure, Completion, Prompt};
use crate::metrics::{JournalObserver, Observations, Varies};
use crate::random::Seed;
use crate::report::{
    Assumption, Bias, Cost, Expect, ExpectationResult, Extras, Failure, Mode, Number, Ordered, Report, Traffic, TrueMetric, TrueVariation,
    Truths, adjusted, distributions, interactions, over_time,
};
use crate::run::adaptive::Adapted;
use crate::run::parts::{self, NO_GROUP};
use crate::run::setup::SetupError;
use crate::run::stage::{Settings, Stage};
use crate::run::tally::{ArmTally, TrafficTally};
use crate::run::truth::{Known, Pair, Size, Truth, truth};
use crate::run::watch::SoFar;
use crate::run::whole::causes;
use crate::scenario::Scenario;

/// What is asked of a run beside its scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wishes {
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

/// Runs a scenario on the mock backends. `progress` hears how many users have begun, of how many.
///
/// # Errors
/// When the mock LaunchDarkly refuses what the scenario asks of it.
pub async fn conduct(scenario: &Scenario, wishes: Wishes, progress: impl FnMut(u64, u64)) -> Result<Outcome, SetupError> {
    let stage = Stage::new(scenario, wishes.seed.map_or(scenario.seed, Seed)).await?;
    Ok(conduct_with(&stage, wishes, None::<Vec<Entry>>, progress).await?.0)
}

/// The same on a stage that is ready, with one more `reader` of the journal; `None` reads nothing.
///
/// # Errors
/// As [`conduct`], when the truth is asked for.
pub async fn conduct_with<R: Reader>(
    stage: &Stage<'_>,
    wishes: Wishes,
    reader: Option<R>,
    mut progress: impl FnMut(u64, u64),
) -> Result<(Outcome, Option<R>), SetupError> {
    conduct_heard(stage, wishes, reader, |_, _| (), |so_far| progress(so_far.begun, so_far.total)).await
}

/// The same, and `heard` is told of every call of a model and what came of it; `progress` may look at the data so far.
///
/// # Errors
/// As [`conduct_with`].
pub async fn conduct_heard<R: Reader>(
    stage: &Stage<'_>,
    wishes: Wishes,
    reader: Option<R>,
    heard: impl FnMut(&Prompt<'_>, &Result<Completion, CallFailure>),
    mut progress: impl FnMut(&SoFar<'_>),
) -> Result<(Outcome, Option<R>), SetupError> {
    let scenario = stage.scenario;
    let seed = wishes.seed.map_or(scenario.seed, Seed);
    let users = wishes.users.unwrap_or(scenario.traffic.queries);
    // A scenario that expects something of the truth runs as told without a flag.
    let with_truth = wishes.truth || scenario.studies.iter().filter_map(|study| study.expect.as_ref()).any(Expect::needs_truth);
    let total = u64::from(users);

    let settings = Settings { seed, users, forced: None };
    let readers = (Gathering::new(stage, users), reader);
    let begun = |begun: u32, readers: &(Gathering, Option<R>)| {
        let data = Some((scenario, readers.0.observer.observations()));
        progress(&SoFar { begun: u64::from(begun), total, data });
    };
    let ((gathering, reader), adapted) = stage.simulate_heard_on(&stage.compiled, settings, readers, heard, begun).await;
    let fixed = if scenario.studies.iter().any(|study| study.allocation.is_some()) {
        let observer = stage.observer(users as usize);
        Some(stage.simulate_fixed(settings, observer, |_| ()).await.finish())
    } else {
        None
    };

    let before = if scenario.traffic.pre_period.is_some() {
        let observer = stage.observer(users as usize);
        Some(stage.simulate_before(settings, observer, |_| ()).await.finish())
    } else {
        None
    };
    let truths = if with_truth {
        let begun = |begun: u64, most: u64| progress(&SoFar { begun: total + begun, total: total + most, data: None });
        // What only an expectation asks for is as exact as in the lessons.
        let size = if wishes.truth { wishes.truth_size } else { Size::LESSON };
        Some(truth(stage, seed, size, begun).await?)
    } else {
        None
    };

    let beside = Beside { truths, before, charts: wishes.charts, adapted, fixed };
    let mut outcome = gathering.conclude(stage, Mode::Mock, settings, &beside);
    let report = &mut outcome.report;
    report.backends = Ordered(vec![("models".to_owned(), "mock".to_owned()), ("LaunchDarkly".to_owned(), "mock".to_owned())]);
    report.bootstrap = stage.summary();
    report.assumptions = assumptions();
    Ok((outcome, reader))
}

/// What the readers of one run's journal hold.
pub(crate) struct Gathering {
    observer: JournalObserver,
    fingerprint: Fingerprint,
    traffic: TrafficTally,
    tallies: Vec<ArmTally>,
    /// Each user's audience group, where a segment is looked at.
    groups: Vec<u16>,
}

/// What a report shows beside the results of the run itself.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// For each experiment the effect on users and the measurement's limit.
    pub truths: Option<Vec<Truth>>,
    /// The same users before the experiments.
    pub before: Option<Observations>,
    /// Whether charts are wanted.
    pub charts: bool,
    /// What was changed while users arrived.
    pub adapted: Adapted,
    /// The same users under a fixed split, where a bandit changed it.
    pub fixed: Option<Observations>,
}

impl Reader for Gathering {
    fn entry(&mut self, entry: &Entry) {
        self.observer.entry(entry);
        self.fingerprint.entry(entry);
        self.traffic.entry(entry);
        self.tallies.entry(entry);
        if let Event::Arrived { group, .. } = entry.event
            && let Some(own) = (entry.user as usize).checked_sub(1).and_then(|unit| self.groups.get_mut(unit))
        {
            *own = group;
        }
    }
}

impl Gathering {
    /// Readers of a run of so many users on this stage.
    pub(crate) fn new(stage: &Stage<'_>, users: u32) -> Self {
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
        }
    }

    /// The report of what was read: everything that does not depend on who stood behind the models.
    pub(crate) fn conclude(self, stage: &Stage<'_>, mode: Mode, settings: Settings, beside: &Beside) -> Outcome {
        let scenario = stage.scenario;
        let observations = self.observer.finish();
        let mut report = Report::new(&scenario.name, mode, Some(settings.seed.0), self.fingerprint.hex());
        report.traffic = Some(traffic_summary(&self.traffic));
        let mut summaries = Vec::new();
        let units = settings.users as usize;
        let mut truths = beside.truths.iter().flatten();
        for ((nth, study), tally) in scenario.studies.iter().enumerate().zip(&self.tallies) {
            let truth = truths.next();
            let experiment = &study.experiment;
            let mut summary = study.summarize(&observations, &scenario.metrics, 0..units);
            if study.allocation.is_some() {
                // A split that follows the results was not planned.
                summary.shares = None;
            }
            let mut analysis = analyze(experiment, &summary);
            if study.allocation.is_some() {
                parts::no_planned_split(&mut analysis);
            }
            let verdict = study.decide(&analysis);
            let extras = Extras {
                health: Vec::new(),
                costs: costs(scenario, experiment, &analysis, tally),
                failures: failures(experiment, tally),
                truth: truth.map(|truth| shown_truth(truth, scenario, experiment)),
                decision_at_truth: truth.zip(study.rule.as_ref()).map(|(truth, rule)| truth.decision(rule, experiment)),
                adjusted: beside
                    .before
                    .as_ref()
                    .map(|before| adjusted(&observations, before, nth, experiment, &scenario.metrics))
                    .unwrap_or_default(),
                over_time: if beside.charts { over_time(&observations, nth, experiment, &scenario.metrics, units) } else { None },
                distributions: if beside.charts {
                    distributions(&observations, nth, experiment, &scenario.metrics, 0..units)
                } else {
                    Vec::new()
                },
                segments: parts::segments(study, &self.groups, &observations, &scenario.metrics),
                bandit: beside.fixed.as_ref().and_then(|fixed| {
                    let fixed = study.analyze(fixed, &scenario.metrics, 0..units);
                    parts::bandit(study, beside.adapted.bandits.get(nth)?, &analysis, &fixed, truth)
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
        report.rollouts = rollouts.map(|(rollout, watched)| parts::rollout(scenario, &rollout.guard, watched)).collect();
        let expected: Vec<_> = scenario.rollouts.iter().map(|rollout| rollout.expect).collect();
        report.expectations.extend(parts::rollouts_as_expected(&report.rollouts, &expected));
        report.interactions = interactions(&observations, &scenario.experiments(), &scenario.metrics);
        Outcome { report, summaries }
    }
}

/// Whether everything that was expected came.
#[must_use]
pub fn met(expectations: &[ExpectationResult]) -> bool {
    expectations.iter().all(|expectation| expectation.passed)
}

fn traffic_summary(tally: &TrafficTally) -> Traffic {
    Traffic {
        queries: tally.queries,
        succeeded: tally.succeeded,
        failed: tally.failures.values().sum(),
        failures: Ordered(tally.failures.iter().map(|(kind, &count)| (kind.name().to_owned(), count)).collect()),
        pii_queries: tally.personal,
        virtual_seconds: Number::new(tally.end.us() as f64 / 1e6),
        cost_usd: Number::new(tally.cost.dollars()),
    }
}

/// What each agent's calls cost, for each variation: the "hidden cost paradox" table.
fn costs(scenario: &Scenario, experiment: &Experiment, analysis: &Analysis, tally: &ArmTally) -> Vec<Cost> {
    let mut rows = Vec::new();
    for (nth, (treatment, &users)) in experiment.treatments.iter().zip(&analysis.exposures).enumerate() {
        for agent in [Caller::Supervisor, Caller::Security, Caller::Support] {
            let of_agent = tally.spending.iter().filter(|((arm, caller, _), _)| usize::from(*arm) == nth && *caller == agent);
            rows.extend(of_agent.map(|((_, _, model), spending)| Cost {
                variation: treatment.variation.clone(),
                agent: agent.name().to_owned(),
                model: scenario.model(*model).id.clone(),
                calls: spending.calls,
                cost_per_user_usd: if users == 0 { None } else { Number::new(spending.cost.dollars() / users as f64) },
                change: None,
            }));
        }
    }
    rows
}

fn failures(experiment: &Experiment, tally: &ArmTally) -> Vec<Failure> {
    let shown = experiment.treatments.iter().enumerate().flat_map(|(nth, treatment)| {
        let of_treatment = tally.failures.iter().filter(move |((arm, _), _)| usize::from(*arm) == nth);
        of_treatment.map(|((_, kind), &count)| Failure { variation: treatment.variation.clone(), kind: kind.name().to_owned(), count })
    });
    shown.collect()
}

/// The effect on users and the measurement's limit in the report's words.
fn shown_truth(truth: &Truth, scenario: &Scenario, experiment: &Experiment) -> Truths {
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
        let variations = pairs.iter().map(|pair| TrueVariation {
            truth: quantity(pair.effect, pair.relative),
            measured_limit: quantity(pair.limit, pair.limit_relative),
            bias: pair.bias.map(|bias| Bias { relative_difference: Number::new(bias.value), error: error(Some(bias)) }),
        });
        TrueMetric { variations: variations.collect(), causes: causes(scenario, experiment, scenario.metric(metric)) }
    };
    Truths { users: truth.users, metrics: truth.pairs.iter().zip(&experiment.metrics).map(of_metric).collect() }
}

/// What every mock run assumes.
fn assumptions() -> Vec<Assumption> {
    let assumption = |what: &str, source: &str| Assumption { what: what.to_owned(), source: source.to_owned() };
    vec![
        assumption("prices per token: October 2025", "the tutorial and price lists"),
        assumption("how models, tools, users and the judge behave", "assumed, fitted to the tutorial's published figures"),
        assumption("tokens: counted with o200k_base for every provider", "assumed; exact for OpenAI"),
    ]
}
