//! Replications to operating characteristics.
//!
//! Monte Carlo standard errors: of a mean, its sample standard error; of a share, that of A.
//! Agresti & B. A. Coull 1998 ("Approximate is better than 'exact'", *The American Statistician*
//! 52, 119-126), which is never 0: a share of 0 of 100 is not known to be 0. T. P. Morris, I. R.
//! White & M. J. Crowther 2019 ("Using simulation studies to evaluate statistical methods",
//! *Statistics in Medicine* 38, 2074-2102) say why each number needs one. Type M error: A. Gelman &
//! J. Carlin 2014, *Perspectives on Psychological Science* 9, 641-651.
//!
//! Guarantees: sums in the order of the replications' numbers, whoever ran them.

use std::collections::BTreeMap;

use super::coverage;
use super::data::{
    Decisions, Example, MonteCarloEstimate, OwnRun, Peeking, PooledUsers, Power, SCHEMA, SizePower,
    StudyPower, TrueEffect,
};
use super::design::{Design, PowerRequest};
use super::part::Header;
use super::replicate::{AtSize, Replication, decision_of};
use crate::experiment::{Experiment, Metric, Treatment};
use crate::figure;
use crate::report::{Bias, Number};
use crate::run::{Known, Pair, stated};
use crate::verdict::Decision;

/// Shares with a larger standard error than this are warned about.
const ROUGH: f64 = 0.016;

impl MonteCarloEstimate {
    /// A share of replications: `count` of them, out of `of`.
    #[must_use]
    pub fn share(count: usize, of: usize) -> Self {
        share(count, of)
    }
}

/// A share of the replications.
pub(super) fn share(count: usize, of: usize) -> MonteCarloEstimate {
    let n = of as f64;
    let adjusted = (count as f64 + 2.0) / (n + 4.0);
    let error = (adjusted * (1.0 - adjusted) / (n + 4.0)).sqrt();
    let value = if of == 0 { 0.0 } else { count as f64 / n };
    MonteCarloEstimate {
        value: Number::new(value).unwrap_or_default(),
        standard_error: Number::new(error).filter(|_| of > 0),
    }
}

/// A mean over replications; `None` of nothing.
fn mean(values: &[f64]) -> Option<MonteCarloEstimate> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let error = (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt());
    Some(MonteCarloEstimate {
        value: Number::new(mean)?,
        standard_error: error.and_then(Number::new),
    })
}

impl Design<'_> {
    /// What a report and a saved part say of the question beside its replications. `own` holds each
    /// experiment's decision in the scenario's own run.
    #[must_use]
    pub fn header(&self, own: Option<&[Decision]>) -> Header {
        let scenario = self.stage.scenario;
        let studies = scenario.experiments().into_iter().zip(&self.studies).enumerate().map(
            |(nth, (experiment, studied))| {
                let name = |own: &Treatment| {
                    if own.name.is_empty() { own.variation.clone() } else { own.name.clone() }
                };
                let (control, treatment) =
                    (experiment.control_treatment(), studied.treatment_of(experiment));
                StudyPower {
                    key: experiment.key.clone(),
                    name: experiment.name.clone(),
                    control: control.variation.clone(),
                    control_name: name(control),
                    treatment: treatment.variation.clone(),
                    treatment_name: name(treatment),
                    threshold: experiment.threshold.get(),
                    rule_given: studied.given,
                    truth: truth(experiment, scenario, studied),
                    truly_better: studied.better.as_ref().ok().map(|&better| {
                        if better == 1 {
                            treatment.variation.clone()
                        } else {
                            control.variation.clone()
                        }
                    }),
                    tie: studied.better.as_ref().err().cloned(),
                    decision_at_truth: studied.at_truth,
                    own_run: own.and_then(|own| own.get(nth)).map(|&decision| OwnRun {
                        seed: scenario.seed.0,
                        users: scenario.traffic.queries,
                        decision,
                        share: share(0, 0),
                    }),
                    sizes: Vec::new(),
                    examples: Vec::new(),
                }
            },
        );
        Header {
            scenario: scenario.name.clone(),
            argument: Some(scenario.as_argument())
                .filter(|argument| *argument != scenario.name)
                .unwrap_or_default(),
            fingerprint: scenario.digest.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            asked: self.asked.clone(),
            looks: self.looks.clone(),
            truth_users: self.truth_users,
            pool: self
                .pool
                .as_ref()
                .map(|pool| PooledUsers { users: pool.users(), errors: self.pool_errors.clone() }),
            studies: studies.collect(),
            stated: stated(scenario),
        }
    }
}

fn truth(
    experiment: &Experiment,
    scenario: &crate::scenario::Scenario,
    studied: &super::design::Studied,
) -> Vec<TrueEffect> {
    let number = |known: Option<Known>| known.and_then(|known| Number::new(known.value));
    let error = |known: Option<Known>| known.and_then(|known| Number::new(known.error?));
    let of_metric = |metric: &Metric, [own, control]: [Pair; 2], causes: &[String]| TrueEffect {
        key: metric.key.clone(),
        kind: metric.kind(),
        better: metric.better,
        unit: metric.unit.clone(),
        control: number(control.effect),
        treatment: number(own.effect),
        relative_difference: number(own.relative),
        relative_error: error(own.relative),
        measured_limit: number(own.limit_relative),
        bias: own.bias.map(|bias| Bias {
            relative_difference: Number::new(bias.value),
            error: error(Some(bias)),
        }),
        bias_causes: causes.to_vec(),
    };
    let metrics = experiment
        .metrics_in(&scenario.metrics)
        .zip(studied.pairs(experiment))
        .zip(&studied.causes);
    metrics.map(|(((_, metric), pair), causes)| of_metric(metric, pair, causes)).collect()
}

/// The operating characteristics that replications show.
#[must_use]
pub fn aggregate(header: &Header, done: &BTreeMap<u64, Replication>) -> Power {
    let asked = &header.asked;
    let mut experiments = header.studies.clone();
    for (nth, study) in experiments.iter_mut().enumerate() {
        fill(study, nth, header, done);
    }
    let mut warnings: Vec<String> = experiments.iter().flat_map(coverage::warnings).collect();
    let n = done.len() as u64;
    if n < asked.replications {
        warnings.push(format!(
            "{n} of {} replications are done; the numbers are those of the ones that are",
            asked.replications
        ));
    }
    let worst = experiments.iter().flat_map(|study| &study.sizes).flat_map(|size| {
        let shares = &size.decisions;
        [shares.ship, shares.keep, shares.need_more_data]
            .into_iter()
            .filter_map(|share| share.standard_error)
    });
    let worst = worst.map(Number::get).fold(0.0, f64::max);
    if n > 0 && worst > ROUGH {
        let wanted = (n as f64 * (worst / 0.01).powi(2)).ceil() as u64;
        warnings.push(format!(
            "with {} replications, shares have an error of about ±{:.1} points; {} replications reduce it to ±2",
            figure::count(n),
            200.0 * worst,
            figure::count(wanted)
        ));
    }
    Power {
        schema: SCHEMA.to_owned(),
        scenario: header.scenario.clone(),
        argument: header.argument.clone(),
        fingerprint: header.fingerprint.clone(),
        version: header.version.clone(),
        seed: asked.seed,
        aa: asked.aa,
        replications: n,
        asked: asked.replications,
        looks: asked.looks,
        truth_users: header.truth_users,
        pool: header.pool.clone(),
        experiments,
        warnings,
        target: None,
        assumptions: header.stated.clone(),
    }
}

fn fill(study: &mut StudyPower, nth: usize, header: &Header, done: &BTreeMap<u64, Replication>) {
    for (size, (&users, looks)) in header.asked.sizes.iter().zip(&header.looks).enumerate() {
        let outcomes: Vec<&AtSize> = done
            .values()
            .filter_map(|replication| replication.studies.get(nth)?.get(size))
            .collect();
        let costs: Vec<f64> = done
            .values()
            .filter_map(|replication| replication.cost.get(size))
            .map(|&cost| cost as f64 / 1e9)
            .collect();
        if let Some(found) = at_size(study, header, users, looks, &outcomes, &costs) {
            study.sizes.push(found);
        }
    }
    if let Some(own) = &mut study.own_run {
        let at = study.sizes.iter().find(|size| size.users == own.users);
        match at {
            Some(size) => own.share = size.decisions.of(own.decision),
            None => study.own_run = None,
        }
    }
    if header.pool.is_some() {
        // Such a replication is no run that anybody could look at.
        return;
    }
    for decision in Decision::ALL {
        let ended = |replication: &&Replication| {
            replication.studies.get(nth).and_then(|sizes| sizes.last()).and_then(AtSize::decision)
                == Some(decision)
        };
        if let Some(replication) = done.values().find(ended) {
            study.examples.push(Example {
                decision,
                seed: crate::random::Seed(header.asked.seed).replication(replication.nth).0,
            });
        }
    }
}

impl Decisions {
    /// The share of a verdict.
    #[must_use]
    pub fn of(&self, decision: Decision) -> MonteCarloEstimate {
        match decision {
            Decision::Ship => self.ship,
            Decision::Keep => self.keep,
            Decision::NeedMoreData => self.need_more_data,
        }
    }
}

fn decisions(all: &[Decision]) -> Decisions {
    let of = |decision| share(all.iter().filter(|own| **own == decision).count(), all.len());
    Decisions {
        ship: of(Decision::Ship),
        keep: of(Decision::Keep),
        need_more_data: of(Decision::NeedMoreData),
    }
}

fn at_size(
    study: &StudyPower,
    header: &Header,
    users: u32,
    looks: &[u32],
    outcomes: &[&AtSize],
    costs: &[f64],
) -> Option<SizePower> {
    let runs = outcomes.len();
    let ends: Vec<Decision> = outcomes.iter().filter_map(|outcome| outcome.decision()).collect();
    let treatment_is_better = study.truly_better.as_ref().map(|better| *better == study.treatment);
    let wrong = |shipped: usize| share(if study.ship_is_right() { 0 } else { shipped }, runs);
    let shipped = ends.iter().filter(|decision| **decision == Decision::Ship).count();
    let best_served = treatment_is_better
        .map(|better| share(if better { shipped } else { runs - shipped }, runs));
    let primary = study.truth.first();
    // Where no variation is truly better, none is lost by serving the other.
    let gap = primary.and_then(|metric| {
        Some(metric.better.sign() * (metric.treatment?.get() - metric.control?.get()))
    });
    let gap = if study.truly_better.is_some() { gap } else { gap.map(|_| 0.0) };
    let regret = gap.and_then(|gap| {
        let lost = |decision: &Decision| {
            if (*decision == Decision::Ship) == (gap > 0.0) { 0.0 } else { gap.abs() }
        };
        mean(&ends.iter().map(lost).collect::<Vec<f64>>())
    });
    let true_change = primary
        .filter(|_| study.truly_better.is_some())
        .and_then(|metric| metric.relative_difference)
        .map(Number::get);
    let exaggeration = true_change.and_then(|change| {
        let factor = |outcome: &&&AtSize| {
            outcome.estimate.map(|estimate| estimate.get().abs() / change.abs())
        };
        let shipped = outcomes.iter().filter(|outcome| outcome.decision() == Some(Decision::Ship));
        mean(&shipped.filter_map(|outcome| factor(&outcome)).collect::<Vec<f64>>())
    });
    let mut sorted = costs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quantile = |q: f64| {
        sorted
            .get(((sorted.len().max(1) - 1) as f64 * q).round() as usize)
            .copied()
            .and_then(Number::new)
    };
    Some(SizePower {
        users,
        decisions: decisions(&ends),
        false_ship: wrong(shipped),
        best_served,
        regret,
        exaggeration,
        coverage: study
            .truth
            .iter()
            .enumerate()
            .map(|(at, metric)| coverage::coverage(&metric.key, at, outcomes))
            .collect(),
        cost_usd: mean(costs)?,
        cost_range_usd: quantile(0.05).zip(quantile(0.95)).map(|(low, high)| [low, high]),
        untrusted: Some(share(outcomes.iter().filter(|outcome| outcome.untrusted).count(), runs)),
        prior_conflict: Some(share(
            outcomes.iter().filter(|outcome| outcome.conflict).count(),
            runs,
        )),
        peeking: (header.asked.looks > 1).then(|| peeking(looks, outcomes, wrong)).flatten(),
    })
}

fn peeking(
    looks: &[u32],
    outcomes: &[&AtSize],
    wrong: impl Fn(usize) -> MonteCarloEstimate,
) -> Option<Peeking> {
    let mut stops = Vec::new();
    let mut users = Vec::new();
    let mut flips = Vec::new();
    let mut taken_back = 0;
    for outcome in outcomes {
        let seen = outcome
            .looks
            .chars()
            .zip(looks)
            .filter_map(|(letter, &users)| Some((decision_of(letter)?, users)));
        let seen: Vec<(Decision, u32)> = seen.collect();
        let decided = |(decision, _): &(Decision, u32)| *decision != Decision::NeedMoreData;
        let &(stop, at) = seen.iter().find(|own| decided(own)).or(seen.last())?;
        stops.push(stop);
        users.push(f64::from(at));
        flips.push(seen.array_windows().filter(|[(one, _), (next, _)]| one != next).count() as f64);
        taken_back += usize::from(
            seen.iter().skip_while(|own| !decided(own)).any(|(later, _)| *later != stop),
        );
    }
    let shipped = stops.iter().filter(|decision| **decision == Decision::Ship).count();
    let valid = outcomes.iter().filter(|outcome| outcome.valid.is_some()).count();
    Some(Peeking {
        decisions: decisions(&stops),
        false_ship: wrong(shipped),
        users: mean(&users)?,
        flips: mean(&flips)?,
        taken_back: share(taken_back, outcomes.len()),
        always_valid: (valid > 0).then(|| share(valid, outcomes.len())),
    })
}

/// Whether two questions are the same but for the number of replications.
#[must_use]
pub(super) fn same_question(one: &PowerRequest, other: &PowerRequest) -> bool {
    PowerRequest { replications: 0, ..one.clone() }
        == PowerRequest { replications: 0, ..other.clone() }
}
