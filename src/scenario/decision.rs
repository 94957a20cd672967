//! Decision rules and expectations: from the names that a file has, each with its place, to what they
//! mean. Scenarios and summary statistics have the same.
//!
//! Guarantees: all faults, each where it stands; a rule that comes out speaks of a treatment that
//! takes part, not of the control, and of metrics that the experiment has.
//!
//! Does not know: data, or what a rule decides.

use super::faults::Faults;
use super::source::{WrittenExpect, WrittenRule};
use super::spanned::Spanned;
use crate::experiment::Metric;
use crate::report::{Expect, ExpectedFigure};
use crate::verdict::Rule;

/// What a rule and an expectation may speak of.
pub(crate) struct DecisionScope<'a> {
    /// Key of the experiment.
    pub experiment: &'a str,
    /// Key of the control.
    pub control: &'a str,
    /// Keys of the treatments that take part, in the experiment's order, the control among them.
    pub treatments: Vec<&'a str>,
    /// Whose variations those are, as their definition says it: an AI config, or the experiment.
    pub variations_of: &'a str,
    /// The metrics of the experiment, in its order.
    pub metrics: Vec<&'a Metric>,
    /// Whose metrics those are, as their definition says it; empty for a scenario's.
    pub metrics_of: &'a str,
    /// Keys of metrics that the file defines and the experiment does not measure.
    pub elsewhere: Vec<&'a str>,
    /// Segments whose users are looked at by themselves.
    pub segments: Vec<&'a str>,
}

impl DecisionScope<'_> {
    fn place(&self, metric: &str) -> Option<usize> {
        self.metrics.iter().position(|own| own.key == metric)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(|own| own.key.as_str())
    }

    /// What a decision rule means; `None` after a fault.
    pub(crate) fn rule(&self, written: &WrittenRule, faults: &mut Faults<'_>) -> Option<Rule> {
        let ship = self.shipped(&written.ship, faults);
        written.resolve(ship, &mut |name| self.measured(name, faults))
    }

    /// The treatment that is shipped.
    fn shipped(&self, name: &Spanned<String>, faults: &mut Faults<'_>) -> Option<usize> {
        let others: Vec<&str> =
            self.treatments.iter().copied().filter(|own| *own != self.control).collect();
        if name.value == self.control {
            let help = match others.as_slice() {
                [] => None,
                others => Some(format!(
                    "name the treatment that the rule is about: {}",
                    others.join(", ")
                )),
            };
            let label = "this is the control already";
            faults.add("the decision ships the control", &name.span, label, help);
            return None;
        }
        let at = self.treatments.iter().position(|own| *own == name.value);
        if at.is_none() {
            let help = faults.suggestion("variation", self.variations_of, &name.value, &others);
            let message = format!(
                "variation `{}` takes no part in experiment `{}`",
                name.value, self.experiment
            );
            faults.add(message, &name.span, "it cannot be shipped", Some(help));
        }
        at
    }

    /// The metric that a criterion is about.
    fn measured(&self, name: &Spanned<String>, faults: &mut Faults<'_>) -> Option<usize> {
        let at = self.place(&name.value);
        if at.is_none() && self.elsewhere.contains(&name.value.as_str()) {
            let help = format!("add it to `metrics` of experiment `{}`", self.experiment);
            let message = format!("metric `{}` is not measured by this experiment", name.value);
            faults.add(message, &name.span, "the rule needs it", Some(help));
            return None;
        }
        at.or_else(|| faults.look_up_in("metric", self.metrics_of, name, self.keys()))
    }

    /// What an expectation means; `rule` is the experiment's, if it has one that is sound, and
    /// `decided` says whether the file has one at all. An expectation speaks of a decision that is
    /// made, of variations, metrics and segments that are there, and of lines that the verdict has.
    pub(crate) fn expect(
        &self,
        written: &Spanned<WrittenExpect>,
        (rule, decided): (Option<&Rule>, bool),
        faults: &mut Faults<'_>,
    ) -> Expect {
        let WrittenExpect { verdict, variation, criteria, figures, .. } = &written.value;
        for ExpectedFigure { metric, variation, segment, .. } in figures {
            faults.look_up_in("metric", self.experiment, metric, self.keys());
            if let Some(variation) = variation {
                self.variation(variation, faults);
            }
            if let Some(segment) = segment {
                let known = self.segments.iter().copied();
                faults.look_up_in("segment", self.experiment, segment, known);
            }
        }
        if !decided && (verdict.is_some() || variation.is_some() || !criteria.is_empty()) {
            let help = "write `decision: ( ship: …, when: … )`".to_owned();
            let label = "there is no rule that could meet it";
            faults.add("an expectation without a decision", &written.span, label, Some(help));
        } else {
            if let Some(variation) = variation {
                self.variation(variation, faults);
            }
            let labels = rule.map(|rule| rule.labels(&self.metrics)).unwrap_or_default();
            for (criterion, _) in criteria.iter().filter(|_| rule.is_some()) {
                faults.look_up("criterion", criterion, labels.iter().map(String::as_str));
            }
        }
        written.value.renamed(|name| name.value.clone())
    }

    fn variation(&self, name: &Spanned<String>, faults: &mut Faults<'_>) {
        faults.look_up_in("variation", self.variations_of, name, self.treatments.iter().copied());
    }
}
