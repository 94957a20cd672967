//! From an experiment's analysis and verdict to its part of the report.
//!
//! Guarantees: every number of the report is computed by the time this returns.

use super::adaptive::{Bandit, SegmentResult};
use super::charts::{Distribution, OverTime, Shape};
use super::data::{
    Adjusted, Because, Corrected, Cost, CostTotal, Failure, Frequentist, Health, Hindsight, Report,
    ReportedExperiment, ReportedMetric, ReportedVariation, ReportedVerdict, Total,
};
use super::graph::{GraphChange, GuardUse, NodeUse, TriggeredUsers, cost_changes};
use super::number::{Number, Ordered};
use super::paired::PairedEvaluation;
use super::truth::{TrueMetric, Truths};
use crate::analysis::{self, Analysis, HealthCheck, MetricAnalysis};
use crate::experiment;
use crate::verdict::{self, Decision};

/// What the report of an experiment says beyond its analysis.
#[derive(Clone, Debug, Default)]
pub struct ReportSupplements {
    /// Health checks that the analysis cannot make, such as `config` and `targeting`; they follow
    /// its own.
    pub health: Vec<HealthCheck>,
    /// Cost by variation and agent, in the order in which they are to be shown; `change` is
    /// computed here.
    pub costs: Vec<Cost>,
    /// Failures by variation and kind.
    pub failures: Vec<Failure>,
    /// The effect on users and the measurement's limit, where they are known.
    pub truth: Option<Truths>,
    /// What the rule decides on the effect on users itself, where that is known.
    pub decision_at_truth: Option<verdict::Decision>,
    /// Results adjusted for the users' pre-period.
    pub adjusted: Vec<Adjusted>,
    /// The results as users arrived.
    pub over_time: Option<OverTime>,
    /// How values are spread.
    pub distributions: Vec<Distribution>,
    /// Parts of the users by themselves.
    pub segments: Vec<SegmentResult>,
    /// What a bandit made of the split.
    pub bandit: Option<Bandit>,
    /// What each agent of the scenario's own graph did, by variation.
    pub agents: Vec<NodeUse>,
    /// How the guards of the graph decided, by variation.
    pub guards: Vec<GuardUse>,
    /// The users whose requests came to the experiment's agent.
    pub triggered: Option<TriggeredUsers>,
    /// How the treatments differ from the control, in an experiment on the graph itself.
    pub graph_changes: Vec<GraphChange>,
    /// How a paired design was sent.
    pub paired: Option<PairedEvaluation>,
}

impl Report {
    /// The part of one experiment.
    #[must_use]
    pub fn experiment(
        experiment: &experiment::Experiment,
        analysis: &Analysis,
        verdict: Option<&verdict::Verdict>,
        extras: ReportSupplements,
    ) -> ReportedExperiment {
        let key = |at: usize| {
            experiment
                .treatments
                .get(at)
                .map(|treatment| treatment.variation.clone())
                .unwrap_or_default()
        };
        let control = key(experiment.control);
        let (costs, cost_totals) = costs(extras.costs, &control);
        let exposures = analysis.exposures.iter().enumerate();
        let exposures = Ordered(exposures.map(|(at, &users)| (key(at), users)).collect());
        let mass = experiment.threshold.get();
        let answers = extras.paired.as_ref().map_or(1, |paired| u64::from(paired.repeats));
        let asked = exposures.0.iter().map(|(key, users)| (key.clone(), users * answers));
        let asked = Ordered(asked.collect());
        let cost_changes = cost_changes(&extras.agents, &asked, &control, mass);
        let needed = analysis.plan.solve();
        let metrics = analysis.metrics.iter().enumerate().map(|(at, metric)| {
            let truths = extras.truth.as_ref().and_then(|truth| truth.metrics.get(at));
            build_metric(metric, at == 0, experiment.threshold.get(), &key, truths)
        });
        let health: Vec<Health> =
            analysis.health.iter().chain(&extras.health).map(health).collect();
        let verdict = verdict.map(|verdict| {
            let mut built = build_verdict(verdict, experiment);
            built.weigh(&health);
            built.hindsight = extras
                .decision_at_truth
                .map(|at_truth| hindsight(built.decision, at_truth, built.trusted));
            built
        });
        ReportedExperiment {
            key: experiment.key.clone(),
            name: experiment.name.clone(),
            hypothesis: experiment.hypothesis.clone(),
            threshold: experiment.threshold.get(),
            exposures,
            cost_changes,
            health,
            users_needed: needed.more,
            users_needed_by_formula: needed.by_formula,
            users_needed_reason: needed.reason,
            metrics: metrics.collect(),
            costs,
            verdict,
            names: Ordered(
                experiment
                    .treatments
                    .iter()
                    .map(|own| (own.variation.clone(), name(own, experiment)))
                    .collect(),
            ),
            cost_totals,
            failures: extras.failures,
            method: experiment.method,
            adjusted: extras.adjusted,
            over_time: extras.over_time,
            distributions: extras.distributions,
            segments: extras.segments,
            bandit: extras.bandit,
            agents: extras.agents,
            guards: extras.guards,
            triggered: extras.triggered,
            graph_changes: extras.graph_changes,
            paired: extras.paired,
            truth_users: extras.truth.as_ref().map(|truth| truth.users),
            control,
        }
    }
}

/// A treatment's name for people: its key where it has none, and both where another treatment has
/// the same.
fn name(own: &experiment::Treatment, experiment: &experiment::Experiment) -> String {
    let shared = experiment.treatments.iter().filter(|other| other.name == own.name).count() > 1;
    match own.name.as_str() {
        "" => own.variation.clone(),
        name if shared => format!("{} ({name})", own.variation),
        name => name.to_owned(),
    }
}

fn health(check: &HealthCheck) -> Health {
    Health { check: check.check.to_owned(), status: check.status, message: check.message.clone() }
}

fn build_metric(
    metric: &MetricAnalysis,
    primary: bool,
    mass: f64,
    key: &impl Fn(usize) -> String,
    truth: Option<&TrueMetric>,
) -> ReportedMetric {
    let kind = metric.metric.kind();
    let variations = metric.variations.iter().enumerate().map(|(at, variation)| {
        let comparison = variation.comparison.as_ref();
        let of = |value: fn(&analysis::Comparison) -> Option<f64>| {
            comparison.and_then(value).and_then(Number::new)
        };
        ReportedVariation {
            key: key(at),
            exposures: variation.exposures,
            users_with_value: Some(variation.units).filter(|&units| {
                kind == experiment::MetricKind::Conversion
                    && units > 0
                    && units < variation.exposures
            }),
            total: match kind {
                experiment::MetricKind::Conversion => Total::Conversions(variation.conversions),
                _ => Total::TotalValue(variation.total_value.and_then(Number::new)),
            },
            data_mean: variation.data_mean.and_then(Number::new),
            posterior_mean: variation.posterior_mean.and_then(Number::new),
            credible_interval: variation.credible_interval.and_then(Number::ends),
            probability_to_be_best: variation.probability_to_be_best.and_then(Number::new),
            probability_to_beat_control: of(|comparison| Some(comparison.probability_to_beat)),
            relative_difference: of(|comparison| comparison.relative_difference),
            relative_interval: comparison
                .and_then(|comparison| comparison.relative_interval)
                .and_then(Number::ends),
            expected_loss: of(|comparison| Some(comparison.expected_loss)),
            frequentist: variation.frequentist.and_then(Frequentist::fixed),
            truth: truth.and_then(|truth| truth.variations.get(at)?.truth),
            measured_limit: truth.and_then(|truth| truth.variations.get(at)?.measured_limit),
            bias: truth.and_then(|truth| truth.variations.get(at)?.bias),
            sequential: variation.sequential.and_then(Frequentist::always_valid),
            reason: variation.reason.clone(),
            corrected: variation
                .corrected
                .as_ref()
                .map(|corrected| build_corrected(corrected, mass)),
            posterior: variation.posterior.as_ref().and_then(Shape::of),
            absolute_difference: of(|comparison| Some(comparison.absolute_difference)),
            absolute_interval: metric.absolute_interval(at, mass).and_then(Number::ends),
        }
    });
    ReportedMetric {
        key: metric.metric.key.clone(),
        kind,
        primary,
        better: metric.metric.better,
        unit: metric.metric.unit.clone(),
        variations: variations.collect(),
        bias_causes: truth.map(|truth| truth.causes.clone()).unwrap_or_default(),
        statistic: metric.metric.declared().words(),
        name: Some(metric.metric.title())
            .filter(|name| *name != metric.metric.key)
            .map(str::to_owned),
    }
}

fn build_corrected(corrected: &Result<analysis::JudgeCorrection, String>, mass: f64) -> Corrected {
    let interval = |rate: analysis::CorrectedRate| Number::ends(rate.interval(mass));
    match corrected {
        Ok(found) => Corrected {
            judged: Some(found.judged),
            judged_rate: Number::new(found.judged_rate),
            rate: Number::new(found.rate.value),
            interval: interval(found.rate),
            difference: found.difference.and_then(|difference| Number::new(difference.value)),
            difference_interval: found.difference.and_then(interval),
            reason: found.impossible(),
        },
        Err(reason) => Corrected {
            judged: None,
            judged_rate: None,
            rate: None,
            interval: None,
            difference: None,
            difference_interval: None,
            reason: Some(reason.clone()),
        },
    }
}

/// Whether a verdict agrees with what its own rule says of the effect on users.
fn hindsight(found: Decision, at_truth: Decision, trusted: bool) -> Hindsight {
    let right = match (found, at_truth) {
        (found, truth) if found == truth => Some(true),
        (Decision::NeedMoreData, _) => None,
        _ => Some(false),
    };
    let would = match at_truth {
        Decision::Ship => "ship",
        Decision::Keep => "keep the control",
        Decision::NeedMoreData => "ask for more data",
    };
    let what = if trusted { "The verdict" } else { "What the rule would say" };
    let judged = match right {
        Some(true) => "is right",
        Some(false) => "is wrong",
        None => "leaves the question open",
    };
    let message = format!(
        "{what} {judged}: applied to the effect on users (every user in every variation), the rule says to {would}."
    );
    Hindsight { decision: at_truth, right, message }
}

/// The rows with their changes against the control, and the totals by variation in order of
/// appearance.
fn costs(mut rows: Vec<Cost>, control: &str) -> (Vec<Cost>, Vec<CostTotal>) {
    // Null changes where there is nothing to divide by.
    let change = |cost: Option<f64>, base: Option<f64>| match (cost, base) {
        (Some(cost), Some(base)) if base > 0.0 => Number::new(cost / base - 1.0),
        _ => None,
    };
    let mut order: Vec<String> = Vec::new();
    for row in &rows {
        if !order.contains(&row.variation) {
            order.push(row.variation.clone());
        }
    }
    // An agent may have several models under one variation: the agents' sums are compared, on the
    // first row of each.
    let agent = |rows: &[Cost], variation: &str, agent: &str| -> Option<f64> {
        let own: Vec<&Cost> =
            rows.iter().filter(|row| row.variation == variation && row.agent == agent).collect();
        if own.is_empty() {
            None
        } else {
            own.iter().map(|row| row.cost_per_user_usd.map(Number::get)).sum()
        }
    };
    let changes: Vec<Option<Number>> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let first = !rows
                .iter()
                .take(at)
                .any(|other| other.variation == row.variation && other.agent == row.agent);
            if row.variation == control || !first {
                return None;
            }
            change(agent(&rows, &row.variation, &row.agent), agent(&rows, control, &row.agent))
        })
        .collect();
    let total = |variation: &str| -> Option<f64> {
        rows.iter()
            .filter(|row| row.variation == variation)
            .map(|row| row.cost_per_user_usd.map(Number::get))
            .sum()
    };
    let base = total(control);
    let totals = order
        .iter()
        .map(|variation| {
            let cost = total(variation);
            CostTotal {
                variation: variation.clone(),
                cost_per_user_usd: cost.and_then(Number::new),
                change: if variation == control { None } else { change(cost, base) },
            }
        })
        .collect();
    for (row, change) in rows.iter_mut().zip(changes) {
        row.change = change;
    }
    (rows, totals)
}

fn build_verdict(
    verdict: &verdict::Verdict,
    experiment: &experiment::Experiment,
) -> ReportedVerdict {
    ReportedVerdict {
        hindsight: None,
        decision: verdict.decision,
        variation: verdict.variation.clone(),
        headline: verdict.headline.clone(),
        rule_warnings: verdict.warnings.clone(),
        because: verdict
            .because
            .iter()
            .map(|line| Because {
                criterion: line.criterion.clone(),
                found: line.found.clone(),
                required: line.required.clone(),
                held: line.held,
                declared: line.declared,
                depth: line.depth,
            })
            .collect(),
        trusted: true,
        distrust: Vec::new(),
        untrusted_headline: None,
        tolerated: experiment.tolerate.clone(),
    }
}
