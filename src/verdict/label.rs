//! The name of each line of a verdict: the one that the rule gives, else what the criterion says.
//!
//! Does not know: data. So a scenario can name a criterion before there are any.

use super::rule::{Criterion, Rule, Side};
use crate::analysis::Effect;
use crate::experiment::Metric;
use crate::figure::{self, Unit};

/// The line above the criteria that keep the control.
pub(super) const KEEP_WHEN: &str = "keep the control when";

impl Rule {
    /// The names of all lines of its verdicts, in their order; `metrics` are those of the experiment.
    #[must_use]
    pub fn labels(&self, metrics: &[&Metric]) -> Vec<String> {
        let mut labels = Vec::new();
        match &self.when {
            // An `All` at the top is the list of lines itself.
            Criterion::All(criteria) => {
                criteria.as_slice().iter().for_each(|one| one.labels(false, metrics, &mut labels));
            }
            other => other.labels(false, metrics, &mut labels),
        }
        if let Some(criterion) = &self.keep_when {
            labels.push(KEEP_WHEN.to_owned());
            criterion.labels(false, metrics, &mut labels);
        }
        labels
    }
}

impl Criterion {
    fn labels(&self, contrary: bool, metrics: &[&Metric], labels: &mut Vec<String>) {
        match self {
            Self::Not(inner) => inner.labels(!contrary, metrics, labels),
            Self::All(criteria) | Self::Any(criteria) => {
                labels.push(self.label(contrary, metrics));
                criteria.as_slice().iter().for_each(|one| one.labels(contrary, metrics, labels));
            }
            _ => labels.push(self.label(contrary, metrics)),
        }
    }

    /// The name of its line, or of the line of its contrary.
    pub(super) fn label(&self, contrary: bool, metrics: &[&Metric]) -> String {
        let every = match self {
            Self::Not(inner) => return inner.label(!contrary, metrics),
            // De Morgan: the contrary of "all of these" is "any of their contraries".
            Self::All(_) => Some(!contrary),
            Self::Any(_) => Some(contrary),
            _ => None,
        };
        let own = match every {
            Some(true) => return "all of these".to_owned(),
            Some(false) => return "at least one of these".to_owned(),
            None if self.name().trim().is_empty() => self.says(metrics),
            None => self.name().to_owned(),
        };
        if contrary { format!("not: {own}") } else { own }
    }

    /// What a criterion says that is not a group.
    fn says(&self, metrics: &[&Metric]) -> String {
        let key = |metric: usize| metrics.get(metric).map_or("a metric", |own| own.key.as_str());
        let change = |metric: usize, effect: Effect, words: &str, limit: f64| {
            let unit = metrics.get(metric).map(|metric| Unit::of(metric));
            format!("{}: change {words} {}", key(metric), written(unit, effect, limit))
        };
        match self {
            Self::AtMost { metric, effect, bound, .. } => {
                change(*metric, *effect, "at most", bound.get())
            }
            Self::AtLeast { metric, effect, bound, .. } => {
                change(*metric, *effect, "at least", bound.get())
            }
            Self::Beats { metric, .. } => {
                format!("{}: {}", key(*metric), Side::TreatmentBetter.words())
            }
            Self::Confident { metric, that, .. } => format!("{}: {}", key(*metric), that.words()),
            Self::NonInferior { metric, .. } => format!("{}: stable or improving", key(*metric)),
            Self::Significant { metric, .. } => format!("{}: significantly better", key(*metric)),
            Self::Ratio { value, cost, .. } => {
                format!("{} gained for {} paid", key(value.0), key(cost.0))
            }
            Self::Declared { .. } | Self::All(_) | Self::Any(_) | Self::Not(_) => String::new(),
        }
    }
}

impl Side {
    /// As a clause.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::TreatmentBetter => "the treatment is better",
            Self::ControlBetter => "the control is better",
        }
    }
}

/// A bound as the rule's author wrote it.
pub(super) fn written(unit: Option<Unit>, effect: Effect, limit: f64) -> String {
    match (effect, unit) {
        (Effect::Relative, _) => figure::written_change(limit),
        (Effect::Absolute, Some(unit)) => unit.written_change(limit),
        (Effect::Absolute, None) => figure::written(limit),
    }
}
