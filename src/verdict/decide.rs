//! A rule held against an analysis.
//!
//! Guarantees: total. Every leaf criterion is reported with what was found and what was required;
//! three-valued logic (Kleene's) joins them, so an unknown leaf decides nothing by itself and the
//! unknown never ships.

use crate::analysis::{Analysis, Bound, Effect, MetricAnalysis, VariationAnalysis};
use crate::experiment::{Experiment, Metric};
use crate::figure::{self, Unit};
use crate::quantity::Probability;

use super::label::{KEEP_WHEN, written};
use super::rule::{Criteria, Criterion, Otherwise, RatioPart, Rule, Side};
use super::warnings::warnings;

/// What a rule says.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename_all(serialize = "snake_case", deserialize = "PascalCase"))]
pub enum Decision {
    /// Ship the treatment.
    #[serde(alias = "Ship")]
    Ship,
    /// Keep the control.
    #[serde(alias = "Keep")]
    Keep,
    /// The data do not decide it.
    #[serde(alias = "NeedMoreData")]
    NeedMoreData,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ship, Self::Keep, Self::NeedMoreData];
}

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What is decided.
    pub decision: Decision,
    /// The variation to serve: the treatment when shipping, the control when keeping, else `None`.
    pub variation: Option<String>,
    /// The decision in one plain sentence.
    pub headline: String,
    /// The rule, line by line.
    pub because: Vec<RuleLine>,
    /// What is odd about the rule, whatever the data.
    pub warnings: Vec<String>,
}

/// One line of a rule: a criterion, or a group of them followed by its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLine {
    /// The criterion's name.
    pub criterion: String,
    /// What was found, or why nothing could be.
    pub found: String,
    /// What the rule requires.
    pub required: String,
    /// Whether it held; `None` when data are missing.
    pub held: Option<bool>,
    /// Whether somebody vouches for it and nobody measured it.
    pub declared: bool,
    /// How many groups it is inside of, not counting an `All` at the top of the rule.
    pub depth: usize,
}

/// Holds `rule` against the analysis of `experiment`.
#[must_use]
pub fn decide(rule: &Rule, experiment: &Experiment, analysis: &Analysis) -> Verdict {
    let evidence = Evidence::new(rule, experiment, analysis);
    let mut because = Vec::new();
    let ship = evidence.top(&rule.when, &mut because);
    let mut keeping = Vec::new();
    let keep = match (&rule.keep_when, ship) {
        (Some(criterion), Some(false) | None) => {
            let mut lines = Vec::new();
            let held = evidence.criterion(criterion, false, 1, &mut lines);
            keeping.push(group(KEEP_WHEN.to_owned(), &lines, "this holds", held, 0));
            keeping.append(&mut lines);
            held
        }
        _ => Some(false),
    };
    let decision = match (ship, keep) {
        (Some(true), _) => Decision::Ship,
        (_, Some(true)) => Decision::Keep,
        (None, _) | (_, None) => Decision::NeedMoreData,
        (Some(false), Some(false)) => match rule.otherwise {
            Otherwise::Keep => Decision::Keep,
            Otherwise::NeedMoreData => Decision::NeedMoreData,
        },
    };
    let treatment = |at: usize| experiment.treatments.get(at);
    let name = |at: usize, otherwise: &str| {
        let own = treatment(at).map(|own| [own.name.as_str(), own.variation.as_str()]);
        let named = own.and_then(|names| names.into_iter().find(|name| !name.is_empty()));
        named.unwrap_or(otherwise).to_owned()
    };
    let key = |at: usize| treatment(at).map(|own| own.variation.clone());
    let headline = headline(
        decision,
        &name(rule.ship, "the treatment"),
        &name(experiment.control, "the control"),
        &because,
        keep == Some(true),
    );
    because.append(&mut keeping);
    let variation = match decision {
        Decision::Ship => key(rule.ship),
        Decision::Keep => key(experiment.control),
        Decision::NeedMoreData => None,
    };
    Verdict { decision, variation, headline, because, warnings: warnings(rule, &evidence.metrics) }
}

/// The decision in one sentence, from the rule's own lines (without those of `keep_when`).
fn headline(
    decision: Decision,
    ship: &str,
    control: &str,
    lines: &[RuleLine],
    kept: bool,
) -> String {
    let criteria: Vec<&RuleLine> = lines.iter().filter(|line| line.depth == 0).collect();
    let total = criteria.len();
    let met = criteria.iter().filter(|line| line.held == Some(true)).count();
    let names = |held: Option<bool>| {
        let names: Vec<String> = criteria
            .iter()
            .filter(|line| line.held == held)
            .map(|line| format!("“{}”", line.criterion))
            .collect();
        match names.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            [one, two] => Some(format!("{one} and {two}")),
            [one, two, rest @ ..] => Some(format!("{one}, {two} and {} more", rest.len())),
        }
    };
    match decision {
        Decision::Ship => {
            let declared = lines.iter().filter(|line| line.declared).count();
            let note = match declared {
                0 => String::new(),
                1 => " (one of them declared, not measured)".to_owned(),
                n => format!(" ({n} of them declared, not measured)"),
            };
            match total {
                _ if lines.len() > total => format!("Ship {ship}: its rule is met{note}."),
                1 => format!("Ship {ship}: its one criterion is met{note}."),
                2 => format!("Ship {ship}: both criteria are met{note}."),
                _ => format!("Ship {ship}: all {total} criteria are met{note}."),
            }
        }
        Decision::Keep if kept => format!(
            "Keep {control}: the condition for keeping it is met, and {ship} is not good enough to ship."
        ),
        Decision::Keep if met == 0 && total > 1 => {
            format!("Keep {control}: {ship} meets none of its {total} criteria.")
        }
        Decision::Keep => match names(Some(false)) {
            Some(failed) => format!(
                "Keep {control}: {ship} meets {met} of {total} criteria and fails {failed}."
            ),
            None => format!("Keep {control}: {ship} does not meet its rule."),
        },
        Decision::NeedMoreData => match (names(Some(false)), names(None)) {
            (Some(failed), _) if total == 1 => {
                format!("Do not ship {ship} yet: it fails {failed}.")
            }
            (Some(failed), _) => format!(
                "Do not ship {ship} yet: it meets {met} of {total} criteria and fails {failed}."
            ),
            (None, Some(unknown)) => {
                format!("Do not ship {ship} yet: there are no data to judge {unknown}.")
            }
            (None, None) => format!("Do not ship {ship} yet: more data are needed."),
        },
    }
}

/// One treatment's results.
struct Evidence<'a> {
    analysis: &'a Analysis,
    /// The metrics of the analysis, as a rule numbers them.
    metrics: Vec<&'a Metric>,
    /// Index of the treatment that the rule is about, or why there is none.
    treatment: Result<usize, String>,
}

/// A number, or why there is none.
type Found = Result<f64, String>;

/// What was found of a criterion, and whether it held, or why nothing could be found; and what is
/// required.
type Judged = (Result<(bool, String), String>, String);

impl<'a> Evidence<'a> {
    fn new(rule: &Rule, experiment: &Experiment, analysis: &'a Analysis) -> Self {
        let treatment = match experiment.treatments.get(rule.ship) {
            // Whoever analyzes recorded data may choose another control than the rule's author had.
            Some(own) if rule.ship == experiment.control => {
                Err(format!("{} is the control", own.variation))
            }
            Some(_) => Ok(rule.ship),
            None => Err("the rule's treatment takes no part in this experiment".to_owned()),
        };
        let metrics = analysis.metrics.iter().map(|analysis| &analysis.metric).collect();
        Self { analysis, metrics, treatment }
    }

    /// As `criterion`, but an `All` at the top is the list of lines itself.
    fn top(&self, criterion: &Criterion, lines: &mut Vec<RuleLine>) -> Option<bool> {
        match criterion {
            Criterion::All(criteria) => all(criteria
                .as_slice()
                .iter()
                .map(|one| self.criterion(one, false, 0, lines))
                .collect()),
            other => self.criterion(other, false, 0, lines),
        }
    }

    /// Appends the lines of `criterion`, or of its contrary, and says whether that holds.
    fn criterion(
        &self,
        criterion: &Criterion,
        contrary: bool,
        depth: usize,
        lines: &mut Vec<RuleLine>,
    ) -> Option<bool> {
        let (found, required) = match criterion {
            Criterion::Not(inner) => return self.criterion(inner, !contrary, depth, lines),
            Criterion::All(criteria) => {
                let name = criterion.label(contrary, &self.metrics);
                return self.group(criteria, name, !contrary, contrary, depth, lines);
            }
            Criterion::Any(criteria) => {
                let name = criterion.label(contrary, &self.metrics);
                return self.group(criteria, name, contrary, contrary, depth, lines);
            }
            Criterion::AtMost { metric, effect, bound, probability, .. } => {
                self.bound(*metric, *effect, Bound::AtMost(bound.get()), *probability)
            }
            Criterion::AtLeast { metric, effect, bound, probability, .. } => {
                self.bound(*metric, *effect, Bound::AtLeast(bound.get()), *probability)
            }
            Criterion::Beats { metric, probability, .. } => {
                self.confident(*metric, Side::TreatmentBetter, *probability)
            }
            Criterion::Confident { metric, that, probability, .. } => {
                self.confident(*metric, *that, *probability)
            }
            Criterion::NonInferior { metric, margin, probability, .. } => {
                self.non_inferior(*metric, margin.get(), *probability)
            }
            Criterion::Significant { metric, alpha, .. } => self.significant(*metric, alpha.get()),
            Criterion::Ratio { value, cost, at_least, .. } => {
                self.ratio(value, cost, at_least.get())
            }
            Criterion::Declared { holds, .. } => {
                let found = if *holds { "declared to hold" } else { "declared not to hold" };
                (Ok((*holds, found.to_owned())), "declared to hold".to_owned())
            }
        };
        let (held, found) = match found {
            Ok((held, found)) => (Some(held != contrary), found),
            Err(reason) => (None, reason),
        };
        lines.push(RuleLine {
            criterion: criterion.label(contrary, &self.metrics),
            found,
            required: if contrary { format!("not: {required}") } else { required },
            held,
            declared: matches!(criterion, Criterion::Declared { .. }),
            depth,
        });
        held
    }

    /// Appends a group's line and its members' lines, each member turned into its contrary if
    /// asked. The group holds where `every` member does, or else where one does.
    fn group(
        &self,
        criteria: &Criteria,
        name: String,
        every: bool,
        contrary: bool,
        depth: usize,
        lines: &mut Vec<RuleLine>,
    ) -> Option<bool> {
        let mut members = Vec::new();
        let held = criteria
            .as_slice()
            .iter()
            .map(|one| self.criterion(one, contrary, depth + 1, &mut members))
            .collect();
        let (held, required) =
            if every { (all(held), "all of them") } else { (any(held), "one of them") };
        lines.push(group(name, &members, required, held, depth));
        lines.append(&mut members);
        held
    }

    fn bound(
        &self,
        metric: usize,
        effect: Effect,
        bound: Bound,
        probability: Option<Probability>,
    ) -> Judged {
        let (limit, words) = match bound {
            Bound::AtMost(limit) => (limit, "at most"),
            Bound::AtLeast(limit) => (limit, "at least"),
        };
        let found = self.effect(metric, effect);
        let unit = self.metrics.get(metric).map(|metric| Unit::of(metric));
        let within = format!("{words} {}", written(unit, effect, limit));
        match probability {
            None => {
                let found = found.map(|x| {
                    let held = match bound {
                        Bound::AtMost(limit) => x <= limit,
                        Bound::AtLeast(limit) => x >= limit,
                    };
                    (held, estimate(unit, effect, x, limit))
                });
                (found, within)
            }
            Some(least) => {
                let estimate = found
                    .map(|x| format!(" (estimate {})", estimate(unit, effect, x, limit)))
                    .unwrap_or_default();
                let sure = self.probability(metric, effect, bound);
                let found = sure.map(|p| {
                    (
                        p >= least.get(),
                        format!("{} sure{estimate}", figure::probability_apart(p, least.get())),
                    )
                });
                (found, format!("{} that it is {within}", at_least_sure(least)))
            }
        }
    }

    fn confident(&self, metric: usize, that: Side, least: Probability) -> Judged {
        let found = self.variation(metric).and_then(|(_, _, variation)| {
            let comparison =
                variation.comparison.ok_or_else(|| no_data(variation.reason.as_deref()))?;
            let beats = comparison.probability_to_beat;
            Ok(if that == Side::TreatmentBetter { beats } else { 1.0 - beats })
        });
        let found = found.map(|p| {
            (p >= least.get(), format!("{} sure", figure::probability_apart(p, least.get())))
        });
        (found, format!("{} that {}", at_least_sure(least), that.words()))
    }

    fn non_inferior(&self, metric: usize, margin: f64, least: Probability) -> Judged {
        let required = format!(
            "{} that it is at most {} worse",
            at_least_sure(least),
            figure::written_percent(margin)
        );
        let found = self.variation(metric).and_then(|(analysis, at, _)| {
            let better = analysis.metric.better.sign();
            let bound = if better > 0.0 { Bound::AtLeast(-margin) } else { Bound::AtMost(margin) };
            let sure = self.probability(metric, Effect::Relative, bound)?;
            let estimate = analysis
                .effect(at, Effect::Relative)
                .map(|x| format!(" (estimate {})", figure::change(x)));
            Ok((
                sure >= least.get(),
                format!(
                    "{} sure{}",
                    figure::probability_apart(sure, least.get()),
                    estimate.unwrap_or_default()
                ),
            ))
        });
        (found, required)
    }

    fn significant(&self, metric: usize, alpha: f64) -> Judged {
        let found = self.variation(metric).and_then(|(analysis, _, variation)| {
            let fixed = || {
                variation
                    .frequentist
                    .map(|test| (test.difference, test.relative_difference, test.p_value))
            };
            let always = variation
                .sequential
                .map(|test| (test.difference, test.relative_difference, test.p_value));
            let (difference, relative, p) =
                always.or_else(fixed).ok_or_else(|| no_data(variation.reason.as_deref()))?;
            // The test is of the difference, whose sign a control below 0 does not turn.
            let better = analysis.metric.better.sign() * difference > 0.0;
            let estimate = relative
                .map_or_else(|| Unit::of(&analysis.metric).change(difference), figure::change);
            Ok((better && p <= alpha, format!("p = {} (estimate {estimate})", figure::p_value(p))))
        });
        (found, format!("better, with p at most {}", figure::written(alpha)))
    }

    fn ratio(&self, value: &RatioPart, cost: &RatioPart, at_least: f64) -> Judged {
        let toward_better = |part: &RatioPart| -> Result<(f64, String), String> {
            let (analysis, ..) = self.variation(part.0)?;
            let x = self.effect(part.0, part.1)?;
            let metric = &analysis.metric;
            let text = estimate(Some(Unit::of(metric)), part.1, x, f64::NAN);
            Ok((metric.better.sign() * x, format!("{} {text}", metric.key)))
        };
        let found = toward_better(value).and_then(|(gain, gain_text)| {
            let (saving, cost_text) = toward_better(cost)?;
            let price = -saving;
            let both = format!("{gain_text}, {cost_text}");
            Ok(if price > 0.0 {
                let ratio = gain / price;
                (ratio >= at_least, format!("{} ({both})", figure::number(ratio)))
            } else {
                (gain >= 0.0, format!("nothing is paid ({both})"))
            })
        });
        (found, format!("at least {}", figure::written(at_least)))
    }

    /// The metric, the index of the treatment in it, and what was found for the treatment.
    fn variation(
        &self,
        metric: usize,
    ) -> Result<(&'a MetricAnalysis, usize, &'a VariationAnalysis), String> {
        let metric = self.analysis.metrics.get(metric);
        let metric = metric.ok_or("the metric is not measured in this experiment")?;
        let treatment = self.treatment.clone()?;
        let variation = metric.variations.get(treatment).ok_or_else(|| no_data(None))?;
        Ok((metric, treatment, variation))
    }

    fn effect(&self, metric: usize, effect: Effect) -> Found {
        let (metric, treatment, variation) = self.variation(metric)?;
        metric.effect(treatment, effect).ok_or_else(|| no_data(variation.reason.as_deref()))
    }

    fn probability(&self, metric: usize, effect: Effect, bound: Bound) -> Found {
        let (metric, treatment, variation) = self.variation(metric)?;
        metric
            .probability(treatment, effect, bound)
            .ok_or_else(|| no_data(variation.reason.as_deref()))
    }
}

/// A group's line.
fn group(
    name: String,
    members: &[RuleLine],
    required: &str,
    held: Option<bool>,
    depth: usize,
) -> RuleLine {
    let own: Vec<&RuleLine> = members.iter().filter(|member| member.depth == depth + 1).collect();
    let met = own.iter().filter(|member| member.held == Some(true)).count();
    let found = format!("{met} of {}", own.len());
    RuleLine { criterion: name, found, required: required.to_owned(), held, declared: false, depth }
}

fn at_least_sure(least: Probability) -> String {
    format!("at least {} sure", figure::written_percent(least.get()))
}

fn no_data(reason: Option<&str>) -> String {
    format!("no data: {}", reason.unwrap_or("nothing was measured"))
}

/// An estimated effect, with so many digits that it differs from `limit` where it is not equal to
/// it.
fn estimate(unit: Option<Unit>, effect: Effect, x: f64, limit: f64) -> String {
    match (effect, unit) {
        (Effect::Relative, _) => figure::change_apart(x, limit),
        (Effect::Absolute, Some(unit)) => unit.change(x),
        (Effect::Absolute, None) => figure::number(x),
    }
}

/// Kleene's conjunction: broken if any is broken, else unknown if any is unknown.
fn all(held: Vec<Option<bool>>) -> Option<bool> {
    if held.contains(&Some(false)) {
        Some(false)
    } else if held.contains(&None) {
        None
    } else {
        Some(true)
    }
}

/// Kleene's disjunction: held if any is held, else unknown if any is unknown.
fn any(held: Vec<Option<bool>>) -> Option<bool> {
    all(held.into_iter().map(|one| one.map(|held| !held)).collect()).map(|none| !none)
}
