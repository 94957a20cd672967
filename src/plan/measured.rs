//! The inputs of a plan from a scenario: baseline, spread and cost of a user from one simulated
//! run; the effect, where no lift is given, from users that go through every variation.
//!
//! Guarantees: says of every input where it comes from.
//!
//! Does not know: how a run is simulated.

use super::ask::{PlanFault, PlanRequest};
use super::data::{PlanInput, PlanMetric};
use super::given::{
    daily, decision, input, lifted, shares, smallest_treatment, split_input, split_of,
};
use super::solve::PlanInputs;
use crate::analysis::{
    PlannedArm, PlannedDecision, PlannedSpread, PlannedTest, Summary, Tally, prior_variance,
};
use crate::diagnostic;
use crate::experiment::{Experiment, Method, Metric};
use crate::figure::{self, Unit};
use crate::random::Seed;
use crate::report::{Number, Report, with_error};
use crate::run::{
    ExperimentTruth, PreparedScenario, RunOptions, SetupError, Simulation, Size, stated, truth,
};
use crate::scenario::{Scenario, Study};

/// Which comparison of a scenario is planned, found by names.
#[derive(Clone, Copy, Debug)]
pub struct PlannedStudy<'s> {
    /// The experiment with its rule.
    pub study: &'s Study,
    /// Its number among the scenario's experiments.
    pub nth: usize,
    /// The metric's number among those of the experiment; 0 is the primary one.
    pub metric: usize,
    /// The treatment: that of the decision rule, else the one with the smallest share.
    pub treatment: usize,
}

impl<'s> PlannedStudy<'s> {
    /// The experiment and metric with these keys; the first experiment and its primary metric where
    /// none is named.
    ///
    /// # Errors
    /// When there is none, with the nearest key; when the experiment has a paired design.
    pub fn find(
        scenario: &'s Scenario,
        experiment: Option<&str>,
        metric: Option<&str>,
    ) -> Result<Self, PlanFault> {
        let keys: Vec<&str> =
            scenario.studies.iter().map(|study| study.experiment.key.as_str()).collect();
        let nth = place("--experiment", "experiment", &keys, experiment)?;
        let Some(study) = scenario.studies.get(nth) else {
            return Err(PlanFault::new(
                "",
                "the scenario has no experiment, so there is nothing to plan",
                "give numbers instead: simlab plan --baseline 62% --lift 3pt",
            ));
        };
        let own = &study.experiment;
        if study.paired.is_some() {
            return Err(PlanFault::new(
                "",
                format!(
                    "experiment `{}` has a paired design, and this is a plan for users of whom each meets one variation",
                    own.key
                ),
                "plan questions, answers and judgings with `simlab plan --paired`: the report of `simlab run` has the standard deviations and costs; or write `design: Split`",
            ));
        }
        let keys: Vec<&str> =
            own.metrics_in(&scenario.metrics).map(|(_, metric)| metric.key.as_str()).collect();
        let metric = place("--metric", "metric", &keys, metric)?;
        let ships = study.rule.as_ref().map(|rule| rule.ship);
        let treatment = ships.unwrap_or_else(|| smallest_treatment(&shares(own), own.control));
        Ok(Self { study, nth, metric, treatment })
    }
}

/// The place of a key; 0 where none is named.
fn place(
    option: &'static str,
    what: &str,
    keys: &[&str],
    named: Option<&str>,
) -> Result<usize, PlanFault> {
    let Some(named) = named else { return Ok(0) };
    keys.iter().position(|key| *key == named).ok_or_else(|| {
        let help = match diagnostic::nearest(named, keys.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its {what}s are {}", keys.join(", ")),
        };
        PlanFault::new(option, format!("the scenario has no {what} `{named}`"), help)
    })
}

/// A plan's inputs from a scenario, and what a check of them has to know.
#[derive(Clone, Debug)]
pub struct MeasuredPlan {
    /// The inputs.
    pub inputs: PlanInputs,
    /// Share of all users that the experiment exposes, from 0 to 1.
    pub exposed: f64,
    /// Whether the scenario itself has the planned effect, split and decision, so that `power`
    /// simulates the same.
    pub as_simulated: bool,
}

/// What one variation's statistics say of its users.
fn arm(summary: &Summary, metric: usize, at: usize, share: f64) -> Result<PlannedArm, String> {
    let tally = summary.metrics.get(metric).and_then(|own| own.tallies.get(at).copied().flatten());
    let exposed = summary.exposures.get(at).copied().unwrap_or_default();
    let (Some(tally), true) = (tally, exposed > 0) else {
        return Err("no user has a value".to_owned());
    };
    let mean = tally.value(exposed).ok_or("no user has a value")?;
    let spread = match tally {
        Tally::Conversion { .. } if mean <= 0.0 => return Err("no user converted".to_owned()),
        Tally::Conversion { .. } if mean >= 1.0 => return Err("every user converted".to_owned()),
        Tally::Conversion { units, .. } => {
            PlannedSpread::Rate { counted: units.unwrap_or(exposed) as f64 / exposed as f64 }
        }
        Tally::Mean { standard_error, .. } | Tally::Value { standard_error, .. } => {
            let error = standard_error.ok_or("its standard error is not known")?;
            PlannedSpread::Variance(error * error * exposed as f64)
        }
    };
    Ok(PlannedArm { mean, spread, share })
}

/// Dollars for a user of each variation: the calls of its agents, and an equal part of what else
/// the run paid for (the judge, and who writes the questions) where all users take part.
fn costs(report: &Report, experiment: &Experiment) -> Option<Vec<f64>> {
    let own = report.experiments.iter().find(|own| own.key == experiment.key)?;
    let mut costs = Vec::new();
    let (mut users, mut paid) = (0, 0.0);
    for treatment in &experiment.treatments {
        let total = own.cost_totals.iter().find(|total| total.variation == treatment.variation)?;
        let cost = total.cost_per_user_usd?.get();
        let exposed = own.exposures.get(&treatment.variation).copied().unwrap_or_default();
        users += exposed;
        paid += cost * exposed as f64;
        costs.push(cost);
    }
    let all = report.traffic.as_ref()?;
    let rest = all.cost_usd.map_or(0.0, |total| (total.get() - paid).max(0.0));
    let rest = if users == all.users.unwrap_or(all.queries) && users > 0 {
        rest / users as f64
    } else {
        0.0
    };
    Some(costs.into_iter().map(|cost| cost + rest).collect())
}

/// The plan's inputs from a scenario and the options. `progress` hears how many visits of the
/// simulated effect have begun, of how many at the most.
///
/// # Errors
/// When the mock LaunchDarkly refuses the scenario; and, inside, the option that does not fit.
pub fn measured(
    scenario: &Scenario,
    planned: PlannedStudy<'_>,
    seed: Seed,
    asked: &PlanRequest,
    progress: impl FnMut(u64, u64),
) -> Result<Result<MeasuredPlan, PlanFault>, SetupError> {
    let stage = PreparedScenario::new(scenario, seed)?;
    let options = RunOptions { seed: Some(seed.0), ..RunOptions::default() };
    let outcome = Simulation::new(&stage, options).run()?;
    let truth = match asked.lift {
        Some(_) => None,
        None => truth(&stage, seed, Size::LESSON, progress)?.into_iter().nth(planned.nth),
    };
    let run = outcome.summaries.get(planned.nth);
    Ok(match (run, truth) {
        (Some(run), truth) => {
            Simulated { scenario, planned, seed, report: &outcome.report, run, truth }.plan(asked)
        }
        (None, _) => {
            Err(PlanFault::new("", "the simulated run has no data of this experiment", ""))
        }
    })
}

/// What was simulated of a scenario.
struct Simulated<'s> {
    scenario: &'s Scenario,
    planned: PlannedStudy<'s>,
    seed: Seed,
    report: &'s Report,
    run: &'s Summary,
    truth: Option<ExperimentTruth>,
}

impl Simulated<'_> {
    fn plan(&self, asked: &PlanRequest) -> Result<MeasuredPlan, PlanFault> {
        let PlannedStudy { study, metric: at, treatment, .. } = self.planned;
        let mut experiment = study.experiment.clone();
        if let Some(split) = &asked.split {
            split_of(&mut experiment, split)?;
        }
        let arms = shares(&experiment);
        let all: Vec<&Metric> =
            experiment.metrics_in(&self.scenario.metrics).map(|(_, metric)| metric).collect();
        let Some(&metric) = all.get(at) else {
            return Err(PlanFault::new("", "the experiment has no metric", "give it one"));
        };
        let own = (experiment.threshold.get(), "the experiment's threshold");
        let (decision, said) = decision(asked, prior_variance(metric), own)?;
        let mut test = self.test(at, metric, &arms, decision).map_err(|reason| {
            PlanFault::new(
                "",
                format!("`{}` cannot be planned from a simulated run: {reason}", metric.key),
                "name another one with --metric, or give the scenario more traffic",
            )
        })?;
        let unit = Unit::of(metric);
        let base = test.control.mean;
        let mut inputs = self.baseline(metric, &test);
        if let Some(lift) = asked.lift {
            let value = lift
                .of(base, metric.kind(), unit)
                .map_err(|(message, help)| PlanFault::new("--lift", message, help))?;
            test = test.with_treatment(value);
            inputs.push(input("lift", lifted(unit, base, value), "--lift"));
        } else {
            inputs.push(self.effect(at, unit, &test));
        }
        inputs.push(said);
        let source = if asked.split.is_some() { "--split" } else { "the scenario" };
        inputs.push(split_input(&arms, source));
        let costs = match asked.cost_per_user {
            Some(cost) => {
                inputs.push(input(
                    "cost per user",
                    figure::money(cost.dollars()),
                    "--cost-per-user",
                ));
                Some(vec![cost.dollars(); arms.len()])
            }
            None => {
                let costs = costs(self.report, &experiment);
                inputs.extend(costs.as_ref().map(|costs| self.costs_said(costs, &arms)));
                costs
            }
        };
        inputs.extend(daily(asked));
        let stated = stated(self.scenario).into_iter();
        inputs.extend(stated.map(|own| input("assumed", own.what, &own.source)));
        let lift = test.difference() != 0.0;
        let good = metric.better.sign();
        let sign = if lift { 1_f64.copysign(test.difference()) } else { good };
        let queries = self.report.traffic.as_ref();
        let queries = queries.map_or(0, |traffic| traffic.users.unwrap_or(traffic.queries));
        let exposed = self.run.exposures.iter().sum::<u64>() as f64 / queries.max(1) as f64;
        let planned = PlanInputs {
            scenario: Some((self.scenario.name.clone(), self.scenario.digest.clone())),
            seed: self.seed.0,
            experiment: Some(experiment.key.clone()),
            metric: Some(metric.key.clone()),
            kind: metric.kind(),
            unit: metric.unit.clone(),
            control: experiment.control,
            treatment,
            least: metric.statistic.fewest_units(),
            test,
            lift,
            sign,
            power: asked.power,
            costs,
            users_per_day: asked.users_per_day,
            sizes: asked.sizes.clone(),
            metrics: self.metrics(&all, &arms, asked, decision),
            arms,
            inputs,
            warnings: self.warnings(metric, sign, lift, exposed),
        };
        let as_simulated = asked.lift.is_none() && asked.split.is_none() && asked.alpha.is_none();
        Ok(MeasuredPlan { inputs: planned, exposed, as_simulated })
    }

    /// The statistics that values and spreads are taken from: what the measurement converges to
    /// where the effect was simulated, else the run.
    fn statistics(&self) -> &Summary {
        self.truth.as_ref().map_or(self.run, |truth| &truth.limit)
    }

    /// The comparison under one metric; without a simulated effect both variations have the
    /// control's value.
    fn test(
        &self,
        at: usize,
        metric: &Metric,
        arms: &[(String, f64)],
        decision: PlannedDecision,
    ) -> Result<PlannedTest, String> {
        let share = |arm: usize| arms.get(arm).map_or(0.5, |(_, share)| *share);
        let (base, own) = (self.planned.study.experiment.control, self.planned.treatment);
        let control = arm(self.statistics(), at, base, share(base))?;
        let treatment = arm(self.statistics(), at, own, share(own))?;
        let decision = match decision {
            PlannedDecision::ProbabilityToBeat { threshold, .. } => {
                let prior_variance = prior_variance(metric);
                PlannedDecision::ProbabilityToBeat { threshold, prior_variance }
            }
            two_sided => two_sided,
        };
        let test = PlannedTest { control, treatment, decision };
        Ok(if self.truth.is_some() { test } else { test.with_treatment(control.mean) })
    }

    /// Where the statistics come from.
    fn source(&self) -> String {
        match &self.truth {
            Some(truth) => format!(
                "{} simulated users in every variation, seed {}",
                figure::count(truth.users.into()),
                self.seed.0
            ),
            None => format!(
                "one simulated run of {} users, seed {}",
                figure::count(self.run.exposures.iter().sum()),
                self.seed.0
            ),
        }
    }

    /// Baseline and spread.
    fn baseline(&self, metric: &Metric, test: &PlannedTest) -> Vec<PlanInput> {
        let unit = Unit::of(metric);
        let named = format!("{} {}", metric.key, unit.value(test.control.mean));
        let mut inputs = vec![input("baseline", named, self.source())];
        match test.control.spread {
            PlannedSpread::Rate { counted } if counted < 1.0 => inputs.push(input(
                "counted",
                format!("{} of the users have a value", figure::percent(counted)),
                self.source(),
            )),
            PlannedSpread::Rate { .. } => {}
            PlannedSpread::Variance(variance) => {
                inputs.push(input("sd of a user", unit.value(variance.sqrt()), self.source()));
            }
        }
        inputs
    }

    /// The simulated effect.
    fn effect(&self, at: usize, unit: Unit<'_>, test: &PlannedTest) -> PlanInput {
        let error = self
            .truth
            .as_ref()
            .and_then(|truth| truth.pairs.get(at)?.get(self.planned.treatment)?.limit_relative)
            .map_or_else(String::new, |known| {
                format!("; relative {}", with_error(known.value, known.error))
            });
        let (base, value) = (test.control.mean, test.treatment.mean);
        let said = if base == value {
            "none: both variations have the same value".to_owned()
        } else {
            format!(
                "{}, from {} to {}{error}",
                unit.change(value - base),
                unit.value(base),
                unit.value(value)
            )
        };
        input("lift", said, self.source())
    }

    fn costs_said(&self, costs: &[f64], arms: &[(String, f64)]) -> PlanInput {
        let one =
            |(cost, (key, _)): (&f64, &(String, f64))| format!("{key} {}", figure::money(*cost));
        let said = costs.iter().zip(arms).map(one).collect::<Vec<_>>().join(", ");
        let run = figure::count(self.run.exposures.iter().sum());
        input(
            "cost per user",
            said,
            format!("one simulated run of {run} users, seed {}", self.seed.0),
        )
    }

    /// All metrics of the experiment, each with its own comparison.
    fn metrics(
        &self,
        all: &[&Metric],
        arms: &[(String, f64)],
        asked: &PlanRequest,
        decision: PlannedDecision,
    ) -> Vec<(PlanMetric, Option<PlannedTest>, f64)> {
        let one = |(at, metric): (usize, &&Metric)| {
            let test = self.test(at, metric, arms, decision);
            let own = test.as_ref().ok();
            let differs = own.filter(|test| test.difference() != 0.0);
            let relative =
                differs.and_then(|test| Number::new(test.difference() / test.control.mean.abs()));
            let shown = PlanMetric {
                key: metric.key.clone(),
                kind: metric.kind(),
                unit: metric.unit.clone(),
                baseline: own.and_then(|test| Number::new(test.control.mean)),
                relative_lift: relative,
                users: differs.and_then(|test| test.users(asked.power)),
                smallest_relative_effect: None,
                reason: test.as_ref().err().cloned(),
            };
            (shown, test.ok(), metric.better.sign())
        };
        all.iter().enumerate().map(one).collect()
    }

    fn warnings(&self, metric: &Metric, sign: f64, lift: bool, exposed: f64) -> Vec<String> {
        let study = self.planned.study;
        let mut warnings = Vec::new();
        if lift && sign != metric.better.sign() {
            warnings.push(format!(
                "this is a change for the worse on {}: the plan is for finding that the treatment is worse",
                metric.key
            ));
        }
        if study.rule.is_some() {
            warnings.push(format!(
                "the plan is for {} only; the scenario's decision rule may ask for more: simlab power {} --target 80%",
                metric.key,
                self.scenario.as_argument()
            ));
        }
        if study.experiment.method == Method::Sequential {
            warnings.push(
                "the always-valid test of this experiment needs more users than the plan says; simlab power counts how many"
                    .to_owned(),
            );
        }
        if study.allocation.is_some() {
            warnings.push("the scenario's bandit changes the split; the plan keeps it".to_owned());
        }
        if exposed < 0.999 {
            warnings.push(format!(
                "{} of the scenario's users take part in the experiment; the plan counts only those",
                figure::percent(exposed)
            ));
        }
        warnings
    }
}
