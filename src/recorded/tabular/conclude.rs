//! From the units of a table to the report: the experiment that the columns describe, the rule that
//! decides where nobody gave one, and what is doubtful about the data.
//!
//! Guarantees: whatever was not asked for and is done anyway is listed among the assumptions.
//!
//! Does not know: rows or cells.

use super::super::split::set_split;
use super::ask::{CrossedUnits, TableRequest, TableStatistic};
use crate::analysis::{
    AdjustedMetric, Analysis, HealthCheck, HealthStatus, Summary, Tally, UnitSums,
    adjusted_by_sums, analyze,
};
use crate::experiment::{
    Correction, Experiment, Method, Metric, MetricKind, Missing, THRESHOLD, Treatment,
};
use crate::figure;
use crate::quantity::{Probability, Share};
use crate::report::{Adjusted, Assumption, DataOrigin, Report, ReportSupplements};
use crate::verdict::{Criteria, Criterion, Otherwise, Rule, Side, decide};

/// What likely controls are called, the likeliest first.
pub(super) const CONTROLS: &[&str] =
    &["control", "ctrl", "baseline", "original", "default", "off", "false", "0", "a"];

/// An experiment as a table describes it.
#[derive(Clone, Debug)]
pub(in super::super) struct TableStudy {
    pub experiment: Experiment,
    pub metrics: Vec<Metric>,
    pub assumptions: Vec<Assumption>,
}

/// An option that does not fit the data, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionFault {
    /// The option, such as `--control`.
    pub option: &'static str,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// What an experiment is described by besides its variations.
pub(in super::super) struct StudyRequest<'a> {
    /// Its name.
    pub name: &'a str,
    /// The variation that the others are compared with; `None` takes the likely one.
    pub control: Option<&'a str>,
    /// The planned split.
    pub split: Option<&'a str>,
    /// Its metrics, each with whether its direction was given.
    pub metrics: Vec<(Metric, bool)>,
}

impl<'a> StudyRequest<'a> {
    /// What is asked of a table.
    pub fn of(request: &'a TableRequest) -> Self {
        let metric = |asked: &super::ask::MetricRequest| {
            (asked.metric(request.missing), asked.better.is_some())
        };
        Self {
            name: &request.name,
            control: request.control.as_deref(),
            split: request.split.as_deref(),
            metrics: request.metrics.iter().map(metric).collect(),
        }
    }
}

/// The experiment on these variations, and for each of them the number of its treatment. Variations
/// that only the planned split names have a treatment without units.
pub(in super::super) fn study(
    request: StudyRequest<'_>,
    variations: &[String],
) -> Result<(TableStudy, Vec<u8>), OptionFault> {
    let mut names: Vec<String> = variations.to_vec();
    let planned = request.split.iter().flat_map(|split| split.split(','));
    for arm in planned.filter_map(|part| part.rsplit_once('=')).map(|(arm, _)| arm.trim()) {
        if !arm.is_empty() && !names.iter().any(|own| own == arm) {
            names.push(arm.to_owned());
        }
    }
    names.sort_by(|one, other| match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => one.total_cmp(&other),
        _ => one.cmp(other),
    });
    let mut assumptions = Vec::new();
    let mut assume = |what: String, source: &str| {
        assumptions.push(Assumption { what, source: source.to_owned() });
    };
    let position = |name: &str| names.iter().position(|own| own == name);
    let control = match request.control {
        Some(name) => position(name).ok_or_else(|| OptionFault {
            option: "--control",
            reason: format!(
                "no row has the variation `{name}`; the variations are {}",
                listed(&names)
            ),
        })?,
        None => {
            let likely = CONTROLS
                .iter()
                .find_map(|likely| names.iter().position(|own| own.eq_ignore_ascii_case(likely)));
            let control = likely.unwrap_or(0);
            let name = names.get(control).cloned().unwrap_or_default();
            assume(format!("control: `{name}`"), "by its name; `--control` sets it");
            control
        }
    };
    let guessed: Vec<String> = request
        .metrics
        .iter()
        .filter(|(_, given)| !given)
        .map(|(metric, _)| {
            let better = if metric.better.sign() > 0.0 { "higher" } else { "lower" };
            format!("`{}`: {better} is better", metric.key)
        })
        .collect();
    if !guessed.is_empty() {
        assume(guessed.join(", "), "by the names; `:up` or `:down` after a metric sets it");
    }
    let metrics: Vec<Metric> = request.metrics.into_iter().map(|(metric, _)| metric).collect();
    let place = variations.iter().filter_map(|name| u8::try_from(position(name)?).ok()).collect();
    let mut experiment = Experiment {
        key: request.name.to_owned(),
        name: request.name.to_owned(),
        hypothesis: String::new(),
        config: String::new(),
        treatments: names
            .into_iter()
            .map(|variation| Treatment { variation, name: String::new(), share: Share::default() })
            .collect(),
        control,
        metrics: (0..metrics.len()).collect(),
        threshold: Probability::clamped(THRESHOLD),
        method: Method::Bayesian,
        correction: Correction::None,
        tolerate: Vec::new(),
    };
    if let Some(split) = request.split {
        set_split(&mut experiment, split)
            .map_err(|reason| OptionFault { option: "--split", reason })?;
    }
    Ok((TableStudy { experiment, metrics, assumptions }, place))
}

/// Names in backticks, at most ten.
pub(super) fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(shown.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

/// What the units of a table show.
pub(in super::super) struct TableFindings<'a> {
    /// The name of the report.
    pub name: &'a str,
    pub study: TableStudy,
    pub summary: Summary,
    /// What the metrics are adjusted for.
    pub adjusting: Option<Adjusting>,
    /// What is doubtful about the data.
    pub health: Vec<HealthCheck>,
    pub fingerprint: String,
}

/// What units did before the experiment.
pub(in super::super) struct Adjusting {
    /// What it is, for the assumptions.
    pub covariate: String,
    /// Which option asked for it.
    pub option: &'static str,
    /// For each metric the sums of each treatment.
    pub sums: Vec<Vec<UnitSums>>,
    /// How many units have none and stand there with the mean of the others.
    pub without: u64,
}

/// Fewest units of an arm that converted, and fewest that did not, for a rate to be adjusted: an
/// adjusted rate is analyzed as a mean, with a normal distribution.
const FEWEST_OF_A_RATE: f64 = 10.0;

impl Adjusting {
    /// The adjusted metrics.
    fn metrics(&self, experiment: &Experiment, metrics: &[Metric]) -> Vec<AdjustedMetric> {
        let rare = |metric: &Metric, arm: &UnitSums| {
            let [converted, ..] = arm.totals;
            metric.kind() == MetricKind::Conversion
                && converted.min(arm.units as f64 - converted) < FEWEST_OF_A_RATE
        };
        let sums: Vec<Vec<UnitSums>> =
            metrics
                .iter()
                .zip(&self.sums)
                .map(|(metric, arms)| {
                    if arms.iter().any(|arm| rare(metric, arm)) { Vec::new() } else { arms.clone() }
                })
                .collect();
        adjusted_by_sums(experiment, metrics, &sums)
    }
}

impl TableFindings<'_> {
    /// The report.
    pub fn report(self) -> Report {
        let TableStudy { experiment, metrics, mut assumptions } = self.study;
        let summary = self.summary;
        let analysis = analyze(&experiment, &summary);
        let mut assume = |what: String, source: &str| {
            assumptions.push(Assumption { what, source: source.to_owned() });
        };
        let mut taken_out = Vec::new();
        let mut decided = None;
        if let Some(adjusting) = &self.adjusting {
            let Adjusting { covariate, option, without, .. } = adjusting;
            let found = adjusting.metrics(&experiment, &metrics);
            decided = Some(analyze(&experiment, &with_adjusted(&summary, &found)));
            let (own, others): (Vec<&Metric>, Vec<&Metric>) = metrics
                .iter()
                .partition(|metric| found.iter().any(|one| one.analysis.metric.key == metric.key));
            let keys = |metrics: &[&Metric]| {
                metrics
                    .iter()
                    .map(|metric| format!("`{}`", metric.key))
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let why = "percentiles, rates of few users and arms of one user cannot be adjusted";
            let others = if others.is_empty() {
                String::new()
            } else {
                format!("; {} as measured, because {why}", keys(&others))
            };
            if own.is_empty() {
                assume(format!("{covariate} (CUPED) adjusts nothing, because {why}"), option);
            } else {
                assume(
                    format!(
                        "the verdict uses {} adjusted for {covariate} (CUPED){others}",
                        keys(&own)
                    ),
                    &format!("{option}; the section on the pre-period has the adjusted values"),
                );
            }
            if *without > 0 {
                assume(
                    format!(
                        "{} units without a value in {covariate} have the mean of the others there",
                        figure::count(*without)
                    ),
                    "so that they stay in and move no estimate",
                );
            }
            taken_out = found;
        }
        let decided = decided.as_ref().unwrap_or(&analysis);
        let rule = rule(&experiment, decided, &taken_out);
        if let Some(rule) = &rule {
            let ship =
                experiment.treatments.get(rule.ship).map_or("", |own| own.variation.as_str());
            let (key, threshold) = (
                metrics.first().map_or("", |metric| metric.key.as_str()),
                figure::percent(THRESHOLD),
            );
            let others = if metrics.len() > 1 {
                format!(", and none of the others is worse with {threshold}")
            } else {
                String::new()
            };
            assume(
                format!(
                    "decision rule: ship `{ship}` if `{key}` is better with a probability of {threshold} or more{others}; keep the \
                     control if `{key}` is worse with {threshold}; else more data are needed"
                ),
                "the first metric decides",
            );
            if experiment.treatments.len() > 2 {
                assume(
                    format!("the rule is about `{ship}`, which did best on `{key}`"),
                    "with several treatments the best one looks better than it is",
                );
            }
        }
        let verdict = rule.as_ref().map(|rule| decide(rule, &experiment, decided));
        let extras = ReportSupplements {
            health: self.health,
            adjusted: Adjusted::rows(&experiment, &taken_out),
            ..ReportSupplements::default()
        };
        let mut report = Report::new(self.name, DataOrigin::Data, None, self.fingerprint);
        report.experiments.push(Report::experiment(
            &experiment,
            &analysis,
            verdict.as_ref(),
            extras,
        ));
        report.assumptions = assumptions;
        report
    }
}

/// Makes a rate one of the units that have a value.
pub(super) fn rates_of_known(summary: &mut Summary, known: &[Option<Vec<u64>>]) {
    for (input, known) in summary.metrics.iter_mut().zip(known) {
        let Some(known) = known else { continue };
        for (tally, &own) in input.tallies.iter_mut().zip(known) {
            *tally = match *tally {
                Some(Tally::Conversion { judged, conversions, .. }) if own > 0 => {
                    Some(Tally::Conversion { units: Some(own), judged, conversions })
                }
                _ => None,
            };
        }
    }
}

/// The summary with the adjusted means in place of the measured ones.
fn with_adjusted(summary: &Summary, found: &[AdjustedMetric]) -> Summary {
    let mut summary = summary.clone();
    for AdjustedMetric { arms, analysis } in found {
        for input in summary.metrics.iter_mut().filter(|own| own.metric.key == analysis.metric.key)
        {
            // An adjusted rate is a mean.
            input.metric = analysis.metric.clone();
            input.tallies =
                arms.iter().map(|estimate| Some(estimate.tally(&analysis.metric))).collect();
        }
    }
    summary
}

/// The rule where nobody gave one: the treatment that does best on the primary metric ships if it
/// is better there and not worse anywhere else, each with the experiment's threshold.
fn rule(experiment: &Experiment, analysis: &Analysis, adjusted: &[AdjustedMetric]) -> Option<Rule> {
    let primary = analysis.metrics.first()?;
    let beats = |at: usize| {
        primary
            .variations
            .get(at)
            .and_then(|own| own.comparison.as_ref())
            .map_or(0.0, |own| own.probability_to_beat)
    };
    let treatments = (0..experiment.treatments.len()).filter(|&at| at != experiment.control);
    // The first of equals.
    let ship = treatments.rev().max_by(|&one, &other| beats(one).total_cmp(&beats(other)))?;
    let probability = experiment.threshold;
    // The report's table has the measured values: what uses others says so.
    let name = |metric: usize, which: &str| {
        let key = analysis.metrics.get(metric).map(|own| own.metric.key.as_str());
        let found = adjusted.iter().find(|own| Some(own.analysis.metric.key.as_str()) == key);
        found
            .map(|own| format!("{}, adjusted: the {which} is better", own.analysis.metric.key))
            .unwrap_or_default()
    };
    let worse = |metric: usize| Criterion::Confident {
        name: name(metric, "control"),
        metric,
        that: Side::ControlBetter,
        probability,
    };
    let better = Criterion::Beats { name: name(0, "treatment"), metric: 0, probability };
    let others = (1..experiment.metrics.len()).map(|at| Criterion::Not(Box::new(worse(at))));
    let all: Vec<Criterion> = std::iter::once(better).chain(others).collect();
    Some(Rule {
        ship,
        when: Criterion::All(Criteria::try_from(all).ok()?),
        keep_when: Some(worse(0)),
        otherwise: Otherwise::NeedMoreData,
    })
}

/// The check of units with two variations.
pub(in super::super) fn crossed_check(
    crossed: u64,
    units: u64,
    how: CrossedUnits,
) -> Option<HealthCheck> {
    if crossed == 0 {
        return None;
    }
    let share = figure::percent(crossed as f64 / units.max(1) as f64);
    let what = match how {
        CrossedUnits::Exclude => {
            "they are left out (`--users-in-two-arms first` counts them for the first)"
        }
        CrossedUnits::First => {
            "they count for the first, so effects look smaller than they are (`--users-in-two-arms exclude` leaves them out)"
        }
    };
    let verb = if crossed == 1 { "units has" } else { "units have" };
    Some(warning(
        "mixed_exposures",
        format!(
            "{} of {} {verb} rows of more than one variation ({share}); {what}",
            figure::count(crossed),
            figure::count(units)
        ),
    ))
}

/// A check that warns.
pub(super) fn warning(check: &'static str, message: String) -> HealthCheck {
    HealthCheck { check, status: HealthStatus::Warning, message }
}

/// How many rows become one value of a unit, for the assumptions.
pub(super) fn per_unit(request: &TableRequest, rows: u64, units: u64) -> Option<Assumption> {
    if rows == units {
        return None;
    }
    let uses = |wanted: fn(&TableStatistic) -> bool| {
        request.metrics.iter().any(|asked| wanted(&asked.statistic))
    };
    let mut how = Vec::new();
    if uses(|own| *own == TableStatistic::Rate) {
        how.push("a rate counts units with any row that is true");
    }
    if uses(|own| matches!(own, TableStatistic::Mean | TableStatistic::Ratio)) {
        how.push("means and ratios use each unit's sum");
    }
    if uses(|own| matches!(own, TableStatistic::Average | TableStatistic::Percentile(_))) {
        how.push("averages and percentiles use each unit's average");
    }
    Some(Assumption {
        what: format!(
            "{} rows of {} units: {}",
            figure::count(rows),
            figure::count(units),
            how.join("; ")
        ),
        source: "the analysis counts each unit once, because its rows are alike".to_owned(),
    })
}

/// Whether a metric's units without a value are left out of it.
pub(super) fn excludes(metric: &Metric) -> bool {
    metric.per.is_none()
        && (metric.missing == Missing::Exclude || metric.kind() == MetricKind::Percentile)
}
