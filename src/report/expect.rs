//! What a scenario expects of its own outcome, and how that came: the value that CI looks at.
//!
//! ```ron
//! expect: (
//!   verdict: Ship,
//!   variation: "strict-security",
//!   criteria: [("cost increase at most 15%", Held), ("cost-value ratio", NotHeld)],
//!   health: [("sample_ratio_mismatch", Error)],
//!   figures: [(metric: "ai_cost_per_request", what: Change, at_least: 0.05, at_most: 0.3)],
//! )
//! ```
//!
//! As a file has it, its names carry their places; [`Expect::renamed`] takes these off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::data::{ReportedExperiment, ReportedVariation, ReportedVerdict, Total};
use super::number::Number;
use crate::analysis::HealthStatus;
use crate::verdict::{Decision, written_plain};

/// What is expected of one experiment. What is left out is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound(deserialize = "N: Deserialize<'de>"))]
#[schemars(rename = "Expect")]
pub struct Expect<N = String> {
    /// The decision. It is not met where the result is not to be trusted, unless `health` expects
    /// each check that failed to be an `Error`, or `tolerate` names it. Default: not looked at.
    #[serde(default, deserialize_with = "written_plain")]
    pub verdict: Option<Decision>,
    /// The variation that the decision is to serve. Default: not looked at.
    #[serde(default, deserialize_with = "written_plain")]
    pub variation: Option<N>,
    /// Criteria by name, and how each is to come out: `("cost increase at most 15%", Held)`.
    /// Default: none.
    #[serde(default)]
    pub criteria: Vec<(N, CriterionOutcome)>,
    /// Health checks by name (`exposures`, `sample_ratio_mismatch`, `metrics`,
    /// `prior_data_conflict`, `silent_arm`), and how each is to end: `("sample_ratio_mismatch",
    /// Error)`. Default: none.
    #[serde(default)]
    pub health: Vec<(String, Status)>,
    /// Figures of the report, and what each lies between. Default: none.
    #[serde(default)]
    pub figures: Vec<ExpectedFigure<N>>,
}

/// How a health check ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Status {
    /// Nothing is wrong.
    Healthy,
    /// There is too little to tell.
    Waiting,
    /// Something should be looked at.
    Warning,
    /// The result cannot be trusted.
    Error,
}

/// A figure of the report, and what it lies between.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound(deserialize = "N: Deserialize<'de>"))]
#[schemars(rename = "Figure")]
#[serde(rename = "Figure")]
pub struct ExpectedFigure<N = String> {
    /// The metric's key.
    pub metric: N,
    /// The variation's key. Default: the first one that is not the control.
    #[serde(default, deserialize_with = "written_plain")]
    pub variation: Option<N>,
    /// A segment of the experiment's `by`, for `Change`, `Width` and `BeatsControl`. Default: all
    /// users.
    #[serde(default, deserialize_with = "written_plain")]
    pub segment: Option<N>,
    /// Which figure.
    pub what: What,
    /// It is at least this. Default: no bound.
    #[serde(default, deserialize_with = "written_plain")]
    pub at_least: Option<f64>,
    /// It is at most this. Default: no bound.
    #[serde(default, deserialize_with = "written_plain")]
    pub at_most: Option<f64>,
}

/// Which figure of a metric's variation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum What {
    /// The relative difference to the control, as estimated.
    Change,
    /// That of the data, before any prior.
    RawChange,
    /// That of the effect on users: every user through every variation, nobody lost, all real
    /// costs, answers as good as they are. A run whose scenario expects it computes the truth, as
    /// with `--truth`; so for the figures of the truth below.
    TrueChange,
    /// That of the measurement's limit: what this instrumentation would show with unlimited users.
    LimitChange,
    /// How wide the interval of the relative difference is, from end to end.
    Width,
    /// Probability to beat the control.
    BeatsControl,
    /// The estimate, in the metric's unit.
    Estimate,
    /// What was measured, in the metric's unit.
    Measured,
    /// The p-value of the z test.
    PValue,
    /// Users whose event arrived, or the total of the values.
    Total,
    /// The effect on users, in the metric's unit.
    Truth,
    /// The p-value of the always-valid test.
    AlwaysValidPValue,
    /// Exposed users.
    Users,
    /// The regret of the experiment's bandit, relative to that of a fixed split: 0.5 is half of it;
    /// the truth is computed as for `TrueChange`.
    RelativeRegret,
}

/// How a criterion comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Outcome")]
pub enum CriterionOutcome {
    /// It holds.
    Held,
    /// It does not.
    NotHeld,
    /// Data are missing.
    Unknown,
}

impl CriterionOutcome {
    fn of(held: Option<bool>) -> Self {
        match held {
            Some(true) => Self::Held,
            Some(false) => Self::NotHeld,
            None => Self::Unknown,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::NotHeld => "not held",
            Self::Unknown => "unknown",
        }
    }
}

/// One expectation, and how it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectationResult {
    /// What is expected: "the verdict is ship".
    pub name: String,
    /// Whether it came so.
    pub passed: bool,
    /// What came instead; empty when it passed.
    pub message: String,
}

impl<N> Expect<N> {
    /// The same with other names for variations, criteria, metrics and segments.
    #[must_use]
    pub fn renamed<T>(&self, name: impl Fn(&N) -> T) -> Expect<T> {
        let figure = |own: &ExpectedFigure<N>| ExpectedFigure {
            metric: name(&own.metric),
            variation: own.variation.as_ref().map(&name),
            segment: own.segment.as_ref().map(&name),
            what: own.what,
            at_least: own.at_least,
            at_most: own.at_most,
        };
        Expect {
            verdict: self.verdict,
            variation: self.variation.as_ref().map(&name),
            criteria: self.criteria.iter().map(|(own, outcome)| (name(own), *outcome)).collect(),
            health: self.health.clone(),
            figures: self.figures.iter().map(figure).collect(),
        }
    }
}

impl Expect {
    /// Whether a figure of it is one of the truth, which a run then has to compute.
    #[must_use]
    pub fn needs_truth(&self) -> bool {
        self.figures.iter().any(|figure| {
            matches!(
                figure.what,
                What::TrueChange | What::LimitChange | What::Truth | What::RelativeRegret
            )
        })
    }

    /// Holds the expectations against what `experiment` came to.
    #[must_use]
    pub fn check(&self, experiment: &ReportedExperiment) -> Vec<ExpectationResult> {
        let verdict = experiment.verdict.as_ref();
        let mut results = Vec::new();
        let mut push = |what: String, expected: &str, found: Option<&str>| {
            let passed = found == Some(expected);
            let message = if passed {
                String::new()
            } else {
                format!("it is {}", found.unwrap_or("missing"))
            };
            results.push(ExpectationResult {
                name: format!("{}: {what} is {expected}", experiment.name),
                passed,
                message,
            });
        };
        if let Some(expected) = self.verdict {
            let surprises = verdict.map(|verdict| self.surprises(verdict)).unwrap_or_default();
            let found = verdict.map(|verdict| {
                let said = decision(verdict.decision);
                if surprises.is_empty() {
                    said.to_owned()
                } else {
                    format!("{said}, and not to be trusted: {} failed", surprises.join(" and "))
                }
            });
            push("the verdict".to_owned(), decision(expected), found.as_deref());
        }
        if let Some(expected) = &self.variation {
            push(
                "the variation".to_owned(),
                expected,
                verdict.and_then(|verdict| verdict.variation.as_deref()),
            );
        }
        for (criterion, expected) in &self.criteria {
            let line = verdict.and_then(|verdict| {
                verdict.because.iter().find(|line| line.criterion == *criterion)
            });
            push(
                format!("“{criterion}”"),
                expected.words(),
                line.map(|line| CriterionOutcome::of(line.held).words()),
            );
        }
        for (check, expected) in &self.health {
            let found = experiment.health.iter().find(|health| health.check == *check);
            push(
                format!("health check {check}"),
                expected.words(),
                found.map(|health| Status::of(health.status).words()),
            );
        }
        results.extend(self.figures.iter().map(|figure| figure.check(experiment)));
        results
    }
}

impl Expect {
    /// Failed health checks that nobody expected.
    fn surprises<'v>(&self, verdict: &'v ReportedVerdict) -> Vec<&'v str> {
        let expected = |check: &String| {
            self.health.iter().any(|(own, status)| own == check && *status == Status::Error)
        };
        verdict.distrust.iter().filter(|check| !expected(check)).map(String::as_str).collect()
    }
}

impl Status {
    fn of(status: HealthStatus) -> Self {
        match status {
            HealthStatus::Healthy => Self::Healthy,
            HealthStatus::Waiting => Self::Waiting,
            HealthStatus::Warning => Self::Warning,
            HealthStatus::Error => Self::Error,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Waiting => "waiting",
            Self::Warning => "a warning",
            Self::Error => "an error",
        }
    }
}

impl What {
    fn words(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::RawChange => "change in the data",
            Self::TrueChange => "true change",
            Self::LimitChange => "change with unlimited users",
            Self::Width => "width of the interval",
            Self::BeatsControl => "probability to beat the control",
            Self::Estimate => "estimate",
            Self::Measured => "measured value",
            Self::PValue => "p-value",
            Self::Total => "total",
            Self::Truth => "true value",
            Self::AlwaysValidPValue => "always-valid p-value",
            Self::Users => "number of users",
            Self::RelativeRegret => "regret of the fixed split's",
        }
    }

    fn of(self, variation: &ReportedVariation, control: &ReportedVariation) -> Option<f64> {
        let number = |number: Option<Number>| number.map(Number::get);
        match self {
            Self::Change => number(variation.relative_difference),
            Self::RawChange => {
                let (own, control) = (variation.data_mean?.get(), control.data_mean?.get());
                (control != 0.0).then(|| (own - control) / control.abs())
            }
            Self::TrueChange => number(variation.truth.as_ref()?.relative_difference),
            Self::LimitChange => number(variation.measured_limit.as_ref()?.relative_difference),
            Self::Width => variation.relative_interval.map(|[low, high]| high.get() - low.get()),
            Self::BeatsControl => number(variation.probability_to_beat_control),
            Self::Estimate => number(variation.posterior_mean),
            Self::Measured => number(variation.data_mean),
            Self::PValue => variation.frequentist.as_ref().map(|test| test.p_value.get()),
            Self::Total => match variation.total {
                Total::Conversions(conversions) => conversions.map(|n| n as f64),
                Total::TotalValue(total) => number(total),
            },
            Self::Truth => number(variation.truth.as_ref()?.mean),
            Self::AlwaysValidPValue => variation.sequential.as_ref().map(|test| test.p_value.get()),
            Self::Users => Some(variation.exposures as f64),
            // Of the experiment, not of a metric.
            Self::RelativeRegret => None,
        }
    }
}

impl ExpectedFigure {
    /// The figure in the report, whatever its bounds; `None` where it is missing.
    #[must_use]
    pub fn value(&self, experiment: &ReportedExperiment) -> Option<f64> {
        let metric = experiment.metrics.iter().find(|metric| metric.key == self.metric)?;
        let control =
            metric.variations.iter().find(|variation| variation.key == experiment.control)?;
        let wanted = |variation: &&ReportedVariation| match &self.variation {
            Some(key) => variation.key == *key,
            None => variation.key != experiment.control,
        };
        let variation = metric.variations.iter().find(wanted)?;
        if self.what == What::RelativeRegret {
            let bandit = experiment.bandit.as_ref()?;
            let (own, fixed) = (bandit.regret?.get(), bandit.fixed_regret?.get());
            return (fixed > 0.0).then(|| own / fixed);
        }
        let Some(segment) = &self.segment else { return self.what.of(variation, control) };
        let segment = experiment.segments.iter().find(|own| own.segment == *segment)?;
        let change = segment
            .changes
            .iter()
            .find(|change| change.metric == self.metric && change.variation == variation.key)?;
        match self.what {
            What::Change => change.relative_difference.map(Number::get),
            What::Width => change.relative_interval.map(|[low, high]| high.get() - low.get()),
            What::BeatsControl => change.probability_to_beat_control.map(Number::get),
            _ => None,
        }
    }

    fn check(&self, experiment: &ReportedExperiment) -> ExpectationResult {
        let found = self.value(experiment);
        let above = self.at_least.map(|least| format!("at least {least}"));
        let below = self.at_most.map(|most| format!("at most {most}"));
        let bounds: Vec<String> = above.into_iter().chain(below).collect();
        let of = self
            .variation
            .as_deref()
            .map_or_else(String::new, |variation| format!(" of {variation}"));
        let name = format!(
            "{}: {} in {}{of} is {}",
            experiment.name,
            self.what.words(),
            self.metric,
            bounds.join(" and ")
        );
        let holds = |found: f64| {
            self.at_least.is_none_or(|least| found >= least)
                && self.at_most.is_none_or(|most| found <= most)
        };
        let passed = found.is_some_and(holds);
        let message = if passed {
            String::new()
        } else {
            found.map_or_else(|| "it is missing".to_owned(), |found| format!("it is {found}"))
        };
        ExpectationResult { name, passed, message }
    }
}

fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Ship => "ship",
        Decision::Keep => "keep",
        Decision::NeedMoreData => "need more data",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_held_against_the_outcome() {
        let expect: Expect = ron::from_str(
            r#"(verdict: Ship, variation: "strict-security", criteria: [
                ("latency increase at most 3 s", NotHeld), ("enhanced privacy protection", Held), ("no such thing", Held),
            ])"#,
        )
        .unwrap();
        let report = super::super::tests::published();
        let results: Vec<String> = expect
            .check(&report.experiments[0])
            .into_iter()
            .map(|result| {
                format!(
                    "{} {} {}",
                    if result.passed { "+" } else { "-" },
                    result.name,
                    result.message
                )
            })
            .collect();
        assert_eq!(
            results,
            [
                "+ Security Level: the verdict is ship ",
                "+ Security Level: the variation is strict-security ",
                "- Security Level: “latency increase at most 3 s” is not held it is held",
                "+ Security Level: “enhanced privacy protection” is held ",
                "- Security Level: “no such thing” is held it is missing",
            ]
        );
    }
}
