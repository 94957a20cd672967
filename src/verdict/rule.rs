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
//! Guarantees: a rule that was read has finite bounds, probabilities from 0 to 1 and no empty list
//! (an empty `All` would always ship). Effects are treatment against control, with the sign of the
//! metric itself: a latency that falls is a negative effect, whichever direction is good.
//!
//! A rule comes in two forms of the same type. As a file has it, its metrics and its treatment are
//! names, with their places in the file; [`Rule::resolve`] gives it its meaning, in which they are
//! numbers.
//!
//! Does not know: which metrics and variations exist; whoever resolves a rule does.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::analysis::Effect;
use crate::quantity::Probability;

/// When to ship a treatment, and what to do otherwise.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound(deserialize = "M: Deserialize<'de>, A: Deserialize<'de>"))]
#[schemars(rename = "Rule")]
pub struct Rule<M = usize, A = usize> {
    /// Key of the variation that the rule is about; not the control.
    pub ship: A,
    /// Ship it when this holds.
    pub when: Criterion<M>,
    /// Keep the control when this holds and `when` does not. Default: only `otherwise` decides.
    #[serde(default, deserialize_with = "written_plain")]
    pub keep_when: Option<Criterion<M>>,
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
#[serde(deny_unknown_fields, bound(deserialize = "M: Deserialize<'de>"))]
#[schemars(rename = "Criterion")]
pub enum Criterion<M = usize> {
    /// All of these hold.
    All(Criteria<M>),
    /// At least one of these holds.
    Any(Criteria<M>),
    /// This does not hold.
    Not(Box<Criterion<M>>),
    /// The effect is at most `bound`.
    AtMost {
        /// Name for people. Default: what it says.
        #[serde(default)]
        name: String,
        /// Key of the metric.
        metric: M,
        /// Relative or absolute.
        #[serde(with = "EffectName")]
        effect: Effect,
        /// A fraction if relative (0.15 is +15%), in the metric's unit if absolute.
        bound: Finite,
        /// The probability that the effect is at most the bound has to be at least this. Default:
        /// the point estimate is compared with the bound.
        #[serde(default, deserialize_with = "written_plain")]
        probability: Option<Probability>,
    },
    /// The effect is at least `bound`.
    AtLeast {
        /// Name for people. Default: what it says.
        #[serde(default)]
        name: String,
        /// Key of the metric.
        metric: M,
        /// Relative or absolute.
        #[serde(with = "EffectName")]
        effect: Effect,
        /// A fraction if relative, in the metric's unit if absolute.
        bound: Finite,
        /// The probability that the effect is at least the bound has to be at least this. Default:
        /// the point estimate is compared with the bound.
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
        metric: M,
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
        metric: M,
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
        metric: M,
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
        metric: M,
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
        value: RatioPart<M>,
        /// Metric of what is paid: `("ai_cost_per_request", Relative)`.
        cost: RatioPart<M>,
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
#[serde(bound(deserialize = "M: Deserialize<'de>"))]
#[schemars(inline)]
#[serde(rename = "Part")]
pub struct RatioPart<M = usize>(
    /// Key of the metric.
    pub M,
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
#[serde(try_from = "Vec<Criterion<M>>", bound(deserialize = "M: Deserialize<'de>"))]
#[schemars(inline)]
pub struct Criteria<M = usize>(Vec<Criterion<M>>);

impl<M> Criteria<M> {
    /// The criteria, in the order in which they were written.
    #[must_use]
    pub fn as_slice(&self) -> &[Criterion<M>] {
        &self.0
    }
}

impl<M> TryFrom<Vec<Criterion<M>>> for Criteria<M> {
    type Error = String;
    fn try_from(criteria: Vec<Criterion<M>>) -> Result<Self, String> {
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

impl<M, A> Rule<M, A> {
    /// The same rule about this treatment, its metrics being what `metric` says. Every metric is asked
    /// for, so that all faults of a file are found; `None` where the treatment or a metric is none.
    pub fn resolve<N, B>(
        &self,
        ship: Option<B>,
        metric: &mut dyn FnMut(&M) -> Option<N>,
    ) -> Option<Rule<N, B>> {
        let when = self.when.resolve(metric);
        let keep_when = self.keep_when.as_ref().map(|criterion| criterion.resolve(metric));
        let keep_when = match keep_when {
            Some(keep_when) => Some(keep_when?),
            None => None,
        };
        Some(Rule { ship: ship?, when: when?, keep_when, otherwise: self.otherwise })
    }
}

impl Rule {
    /// The metrics that it asks about, in order and each once.
    #[must_use]
    pub fn metrics(&self) -> Vec<usize> {
        let mut all = Vec::new();
        let mut note = |&metric: &usize| {
            all.push(metric);
            Some(metric)
        };
        // What the rule means is the rule itself; each metric is asked for on the way.
        let _ = self.resolve(Some(self.ship), &mut note);
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl<M> Criterion<M> {
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

    fn resolve<N>(&self, of: &mut dyn FnMut(&M) -> Option<N>) -> Option<Criterion<N>> {
        let name = self.name().to_owned();
        let mut group = |criteria: &Criteria<M>| {
            let found: Vec<_> = criteria.0.iter().map(|criterion| criterion.resolve(of)).collect();
            found.into_iter().collect::<Option<Vec<_>>>().map(Criteria)
        };
        Some(match self {
            Self::All(criteria) => Criterion::All(group(criteria)?),
            Self::Any(criteria) => Criterion::Any(group(criteria)?),
            Self::Not(criterion) => Criterion::Not(Box::new(criterion.resolve(of)?)),
            Self::AtMost { metric, effect, bound, probability, .. } => Criterion::AtMost {
                name,
                metric: of(metric)?,
                effect: *effect,
                bound: *bound,
                probability: *probability,
            },
            Self::AtLeast { metric, effect, bound, probability, .. } => Criterion::AtLeast {
                name,
                metric: of(metric)?,
                effect: *effect,
                bound: *bound,
                probability: *probability,
            },
            Self::Beats { metric, probability, .. } => {
                Criterion::Beats { name, metric: of(metric)?, probability: *probability }
            }
            Self::Confident { metric, that, probability, .. } => Criterion::Confident {
                name,
                metric: of(metric)?,
                that: *that,
                probability: *probability,
            },
            Self::NonInferior { metric, margin, probability, .. } => Criterion::NonInferior {
                name,
                metric: of(metric)?,
                margin: *margin,
                probability: *probability,
            },
            Self::Significant { metric, alpha, .. } => {
                Criterion::Significant { name, metric: of(metric)?, alpha: *alpha }
            }
            Self::Ratio { value, cost, at_least, .. } => {
                let (gain, price) = (of(&value.0), of(&cost.0));
                Criterion::Ratio {
                    name,
                    value: RatioPart(gain?, value.1),
                    cost: RatioPart(price?, cost.1),
                    at_least: *at_least,
                }
            }
            Self::Declared { holds, .. } => Criterion::Declared { name, holds: *holds },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rule<String, String>, String> {
        ron::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_rule_is_read_and_resolved_to_the_numbers_of_its_metrics() {
        let rule = read(
            r#"(ship: "b", when: All([
                AtMost(name: "cheap", metric: "cost", effect: Relative, bound: 0.15, probability: 0.75),
                Any([Not(Beats(metric: "votes", probability: 0.9)), Declared(name: "private", holds: true)]),
                Ratio(value: ("votes", Relative), cost: ("cost", Absolute), at_least: 0.25),
            ]), keep_when: Confident(metric: "speed", that: ControlBetter, probability: 0.9), otherwise: Keep)"#,
        )
        .unwrap();
        // All names are asked for, also behind one that is unknown.
        let mut asked = Vec::new();
        let unknown = rule.resolve(Some(1), &mut |key| {
            asked.push(key.clone());
            None::<usize>
        });
        assert_eq!(unknown, None);
        assert_eq!(asked, ["cost", "votes", "votes", "cost", "speed"]);
        let known = ["votes", "cost", "speed"];
        let metric = |key: &String| known.iter().position(|own| own == key);
        let found: Rule = rule.resolve(Some(1), &mut { metric }).unwrap();
        assert_eq!(rule.resolve(None::<usize>, &mut { metric }), None);
        let Criterion::All(all) = &found.when else { panic!("{found:?}") };
        assert!(matches!(all.as_slice()[0], Criterion::AtMost { metric: 1, .. }));
        assert!(matches!(
            all.as_slice()[2],
            Criterion::Ratio { value: RatioPart(0, _), cost: RatioPart(1, _), .. }
        ));
        assert!(matches!(found.keep_when, Some(Criterion::Confident { metric: 2, .. })));
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
