//! The language of decision rules, as a scenario writes it.
//!
//! ```ron
//! decision: (
//!   ship: "strict-security",
//!   when: All([
//!     AtMost(name: "latency increase at most 3 s", metric: "p95_total_user_latency", effect: Absolute, bound: 3000.0),
//!     AtMost(metric: "ai_cost_per_request", effect: Relative, bound: 0.15, probability: 0.75),
//!     Not(Beats(metric: "negative_feedback_rate", probability: 0.9)),
//!     Declared(name: "enhanced privacy protection", holds: true),
//!   ]),
//!   otherwise: NeedMoreData,
//! )
//! ```
//!
//! Promises: a rule that was read has finite bounds, probabilities from 0 to 1 and no empty list
//! (an empty `All` would always ship). Effects are treatment against control, with the sign of the
//! metric itself: a latency that falls is a negative effect, whichever direction is good.
//!
//! Does not know: which metrics and variations exist; `metric_keys` and `ship` let the reader of
//! the file check that.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::analysis::Effect;
use crate::quantity::Probability;

/// When to ship a treatment, and what to do otherwise.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Key of the variation that the rule is about; not the control.
    pub ship: String,
    /// Ship it when this holds.
    pub when: Criterion,
    /// Keep the control when this holds and `when` does not. Default: only `otherwise` decides.
    #[serde(default, deserialize_with = "written_plain")]
    pub keep_when: Option<Criterion>,
    /// The decision when `when` is known not to hold. Where data are missing it is always "need
    /// more data".
    #[serde(default)]
    pub otherwise: Otherwise,
}

/// What is decided when a rule does not ship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Otherwise {
    /// Collect more data.
    #[default]
    NeedMoreData,
    /// Keep the control.
    Keep,
}

/// One condition of a rule. A criterion without a name is named by what it says.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Criterion {
    /// All of these hold.
    All(Criteria),
    /// At least one of these holds.
    Any(Criteria),
    /// This does not hold.
    Not(Box<Criterion>),
    /// The effect is at most `bound`.
    AtMost {
        /// Name for people. Default: what it says.
        #[serde(default)]
        name: String,
        /// Key of the metric.
        metric: String,
        /// Relative or absolute.
        #[serde(with = "EffectName")]
        effect: Effect,
        /// A fraction if relative (0.15 is +15%), in the metric's unit if absolute.
        bound: Finite,
        /// The probability that the effect is at most the bound has to be at least this. Default:
        /// the point estimate is held against the bound.
        #[serde(default, deserialize_with = "written_plain")]
        probability: Option<Probability>,
    },
    /// The effect is at least `bound`.
    AtLeast {
        /// Name for people. Default: what it says.
        #[serde(default)]
        name: String,
        /// Key of the metric.
        metric: String,
        /// Relative or absolute.
        #[serde(with = "EffectName")]
        effect: Effect,
        /// A fraction if relative, in the metric's unit if absolute.
        bound: Finite,
        /// The probability that the effect is at least the bound has to be at least this. Default:
        /// the point estimate is held against the bound.
        #[serde(default, deserialize_with = "written_plain")]
        probability: Option<Probability>,
    },
    /// The probability that the treatment is better than the control, in the metric's good
    /// direction, is at least `probability`. Short for `Confident(that: TreatmentBetter)`.
    Beats {
        /// Name for people. Default: what it says.
        #[serde(default)]
        name: String,
        /// Key of the metric.
        metric: String,
        /// How sure one has to be.
        probability: Probability,
    },
    /// The probability that one side is better than the other is at least `probability`. It says
    /// nothing about by how much: being 79% sure that the control is cheaper is not being 79% sure
    /// that the increase is small.
    Confident {
        /// Name for people. Default: what it says.
        #[serde(default)]
        name: String,
        /// Key of the metric.
        metric: String,
        /// Which side is better.
        that: Side,
        /// How sure one has to be.
        probability: Probability,
    },
    /// "Stable or improving": the probability that the treatment is at most `margin` worse than the
    /// control, relative and in the metric's good direction, is at least `probability`.
    NonInferior {
        /// Name for people. Default: what it says.
        #[serde(default)]
        name: String,
        /// Key of the metric.
        metric: String,
        /// How much worse still counts as stable: 0.1 is 10%.
        #[schemars(extend("minimum" = 0, "exclusiveMaximum" = 1))]
        margin: Margin,
        /// How sure one has to be.
        probability: Probability,
    },
    /// The treatment is better, in the metric's good direction, and the p-value (two-sided) is at
    /// most `alpha`: of the always-valid test where the experiment's method is `Sequential`, else
    /// of the z test, which is valid at one look that was fixed beforehand.
    Significant {
        /// Name for people. Default: what it says.
        #[serde(default)]
        name: String,
        /// Key of the metric.
        metric: String,
        /// The highest p-value that counts.
        alpha: Probability,
    },
    /// What is gained on one metric for what is paid on another: gain / price is at least
    /// `at_least`.
    ///
    /// Gain is the value metric's effect toward better; price is the cost metric's effect toward
    /// worse. Where there is no price (the cost metric is equal or better) the quotient says
    /// nothing: its sign would call a saving that buys a gain negative, and a saving that buys a
    /// loss positive. There the criterion holds exactly when the gain is not negative: a saving
    /// never buys a loss.
    Ratio {
        /// Name for people. Default: what it says.
        #[serde(default)]
        name: String,
        /// Metric of what is gained: `("positive_feedback_rate", Relative)`.
        value: Part,
        /// Metric of what is paid: `("ai_cost_per_request", Relative)`.
        cost: Part,
        /// The least quotient.
        at_least: Finite,
    },
    /// A fact that somebody vouches for. It is not measured, and every report says so.
    Declared {
        /// What is declared.
        name: String,
        /// Whether it holds.
        holds: bool,
    },
}

/// An effect of one metric, as part of a ratio: `("ai_cost_per_request", Relative)`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Part(
    /// Key of the metric.
    pub String,
    /// Relative or absolute.
    #[serde(with = "EffectName")]
    pub Effect,
);

/// A side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Side {
    /// The control is better.
    ControlBetter,
    /// The treatment is better.
    TreatmentBetter,
}

/// At least one criterion.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Criterion>")]
#[schemars(inline)]
pub struct Criteria(Vec<Criterion>);

impl Criteria {
    /// The criteria, in the order in which they were written.
    #[must_use]
    pub fn as_slice(&self) -> &[Criterion] {
        &self.0
    }
}

impl TryFrom<Vec<Criterion>> for Criteria {
    type Error = String;
    fn try_from(criteria: Vec<Criterion>) -> Result<Self, String> {
        if criteria.is_empty() {
            Err("expected at least one criterion, found none".to_owned())
        } else {
            Ok(Self(criteria))
        }
    }
}

/// A finite number.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(inline)]
pub struct Finite(f64);

impl Finite {
    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Finite {
    type Error = String;
    fn try_from(value: f64) -> Result<Self, String> {
        if value.is_finite() {
            Ok(Self(value))
        } else {
            Err(format!("expected a finite number, found {value}"))
        }
    }
}

/// A margin of non-inferiority: from 0 up to, but not including, 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(inline)]
pub struct Margin(f64);

impl Margin {
    /// The fraction.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Margin {
    type Error = String;
    fn try_from(value: f64) -> Result<Self, String> {
        if (0.0..1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("a margin is a fraction from 0 up to 1 (0.1 is 10%), found {value}"))
        }
    }
}

/// How an effect of the treatment against the control is meant.
#[derive(Deserialize, JsonSchema)]
#[serde(remote = "Effect")]
enum EffectName {
    /// A fraction of the control: 0.15 is +15%.
    Relative,
    /// A difference in the metric's unit.
    Absolute,
}

/// A field that may be left out but is written without `Some(…)`.
pub(crate) fn written_plain<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Rule {
    /// Every metric key that the rule names, with the path to it (`when.All[1].metric`), in the
    /// order of the file.
    #[must_use]
    pub fn metric_keys(&self) -> Vec<(String, &str)> {
        let mut keys = Vec::new();
        self.when.collect_keys("when", &mut keys);
        if let Some(criterion) = &self.keep_when {
            criterion.collect_keys("keep_when", &mut keys);
        }
        keys
    }
}

impl Criterion {
    /// The name that somebody gave it; empty where it has none, and for groups.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::AtMost { name, .. }
            | Self::AtLeast { name, .. }
            | Self::Beats { name, .. }
            | Self::Confident { name, .. }
            | Self::NonInferior { name, .. }
            | Self::Significant { name, .. }
            | Self::Ratio { name, .. }
            | Self::Declared { name, .. } => name,
            Self::All(_) | Self::Any(_) | Self::Not(_) => "",
        }
    }

    fn collect_keys<'a>(&'a self, path: &str, keys: &mut Vec<(String, &'a str)>) {
        match self {
            Self::All(criteria) | Self::Any(criteria) => {
                let list = if matches!(self, Self::All(_)) { "All" } else { "Any" };
                for (at, criterion) in criteria.as_slice().iter().enumerate() {
                    criterion.collect_keys(&format!("{path}.{list}[{at}]"), keys);
                }
            }
            Self::Not(criterion) => criterion.collect_keys(&format!("{path}.Not"), keys),
            Self::AtMost { metric, .. }
            | Self::AtLeast { metric, .. }
            | Self::Beats { metric, .. }
            | Self::Confident { metric, .. }
            | Self::Significant { metric, .. }
            | Self::NonInferior { metric, .. } => keys.push((format!("{path}.metric"), metric)),
            Self::Ratio { value, cost, .. } => {
                keys.push((format!("{path}.value"), &value.0));
                keys.push((format!("{path}.cost"), &cost.0));
            }
            Self::Declared { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rule, String> {
        ron::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_rule_is_read_and_names_its_metrics_with_their_paths() {
        let rule = read(
            r#"(ship: "b", when: All([
                AtMost(name: "cheap", metric: "cost", effect: Relative, bound: 0.15, probability: 0.75),
                Any([Not(Beats(metric: "votes", probability: 0.9)), Declared(name: "private", holds: true)]),
                Ratio(value: ("votes", Relative), cost: ("cost", Absolute), at_least: 0.25),
            ]), keep_when: Confident(metric: "speed", that: ControlBetter, probability: 0.9), otherwise: Keep)"#,
        )
        .unwrap();
        let keys: Vec<String> =
            rule.metric_keys().into_iter().map(|(path, key)| format!("{path}={key}")).collect();
        assert_eq!(
            keys,
            [
                "when.All[0].metric=cost",
                "when.All[1].Any[0].Not.metric=votes",
                "when.All[2].value=votes",
                "when.All[2].cost=cost",
                "keep_when.metric=speed"
            ]
        );
        assert_eq!(rule.otherwise, Otherwise::Keep);
    }

    #[test]
    fn what_makes_no_sense_is_refused_where_it_stands() {
        for (when, reason) in [
            ("All([])", "expected at least one criterion, found none"),
            (
                r#"Beats(metric: "m", probability: 1.5)"#,
                "a probability lies between 0 and 1, found 1.5",
            ),
            (
                r#"AtMost(metric: "m", effect: Relative, bound: inf)"#,
                "expected a finite number, found inf",
            ),
            (
                r#"NonInferior(metric: "m", margin: 10.0, probability: 0.5)"#,
                "a margin is a fraction from 0 up to 1 (0.1 is 10%), found 10",
            ),
            (r#"Beats(metric: "m", probability: 0.5, bound: 1)"#, "bound"),
            (r#"AtMost(metric: "m", effect: Percent, bound: 1)"#, "Percent"),
        ] {
            let error = read(&format!(r#"(ship: "b", when: {when})"#)).unwrap_err();
            assert!(error.contains(reason), "{when}: {error}");
        }
    }
}
