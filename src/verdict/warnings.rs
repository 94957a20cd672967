//! What is odd about a rule before there are any data: criteria that only a worse treatment meets,
//! that always or never hold, that exclude each other, and percentages written as whole numbers.
//!
//! Guarantees: each warning is one sentence that names the criterion and says what follows. A rule
//! without a warning may still be a bad one.
//!
//! Does not know: data.

use crate::analysis::Effect;
use crate::experiment::{Better, Metric, MetricKind};
use crate::figure;

use super::rule::{Criterion, Rule, Side};

/// A relative bound beyond this is probably a percentage written as a whole number: 15 for 15%.
const MAX_RELATIVE: f64 = 2.0;

/// What is odd about `rule`, given the metrics of its experiment.
#[must_use]
pub fn warnings(rule: &Rule, metrics: &[&Metric]) -> Vec<String> {
    let mut leaves = Vec::new();
    collect(&rule.when, true, true, &mut leaves);
    let mut found: Vec<String> =
        leaves.iter().filter_map(|leaf| leaf.warning(metrics, Use::Ship)).collect();
    found.extend(exclusion(&leaves, metrics));
    if leaves.iter().all(|leaf| matches!(leaf.criterion, Criterion::Declared { holds: true, .. })) {
        found.push("every criterion is declared, so the rule asks nothing of the data".to_owned());
    }
    if let Some(keep) = &rule.keep_when {
        let mut leaves = Vec::new();
        collect(keep, true, true, &mut leaves);
        found.extend(leaves.iter().filter_map(|leaf| leaf.warning(metrics, Use::Keep)));
    }
    found
}

/// What a rule does where a criterion holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Ship,
    Keep,
}

/// One criterion of a rule that is not a group.
struct Leaf<'a> {
    criterion: &'a Criterion,
    /// Whether it has to hold; false inside an odd number of `Not`.
    asserted: bool,
    /// Whether the rule holds only if this does.
    required: bool,
}

fn collect<'a>(
    criterion: &'a Criterion,
    asserted: bool,
    required: bool,
    leaves: &mut Vec<Leaf<'a>>,
) {
    match criterion {
        Criterion::Not(inner) => collect(inner, !asserted, required, leaves),
        Criterion::All(criteria) | Criterion::Any(criteria) => {
            // De Morgan: inside a `Not`, "all" and "any" change places.
            let every = matches!(criterion, Criterion::All(_)) == asserted
                || criteria.as_slice().len() == 1;
            for one in criteria.as_slice() {
                collect(one, asserted, required && every, leaves);
            }
        }
        _ => leaves.push(Leaf { criterion, asserted, required }),
    }
}

/// Effects that a criterion allows: from `low` to `high`. The ends count unless `open`.
#[derive(Clone, Copy)]
struct Region {
    low: f64,
    high: f64,
    open: bool,
    /// `None` for a sign, which is the same for relative and absolute effects.
    effect: Option<Effect>,
}

impl Region {
    fn of_sign(sign: f64) -> Self {
        let (low, high) = if sign > 0.0 { (0.0, f64::INFINITY) } else { (f64::NEG_INFINITY, 0.0) };
        Self { low, high, open: true, effect: None }
    }

    /// Whether it holds only worse effects, `sign` being the good direction.
    fn only_worse(self, sign: f64) -> bool {
        if sign > 0.0 {
            self.high < 0.0 || (self.high == 0.0 && self.open)
        } else {
            self.low > 0.0 || (self.low == 0.0 && self.open)
        }
    }

    fn excludes(self, other: Self) -> bool {
        let same = self.effect.is_none() || other.effect.is_none() || self.effect == other.effect;
        let (low, high) = (self.low.max(other.low), self.high.min(other.high));
        same && (low > high || (low == high && (self.open || other.open)))
    }
}

impl Leaf<'_> {
    /// The number of the metric, where it is about one.
    fn metric(&self) -> Option<usize> {
        match self.criterion {
            Criterion::AtMost { metric, .. }
            | Criterion::AtLeast { metric, .. }
            | Criterion::Beats { metric, .. }
            | Criterion::Confident { metric, .. }
            | Criterion::NonInferior { metric, .. }
            | Criterion::Significant { metric, .. } => Some(*metric),
            _ => None,
        }
    }

    fn label(&self, metrics: &[&Metric]) -> String {
        let name = self.criterion.name();
        let metric = self.metric().and_then(|metric| metrics.get(metric));
        match (name.is_empty(), metric) {
            (true, Some(metric)) => format!("the criterion on {}", metric.key),
            (true, None) => "a criterion".to_owned(),
            (false, _) => format!("“{name}”"),
        }
    }

    /// The effects at which it can hold, by its estimate; `None` where that is no interval.
    fn region(&self, better: Better) -> Option<Region> {
        let sign = better.sign();
        let likely = |probability: Option<f64>| probability.is_none_or(|p| p >= 0.5);
        let region = match self.criterion {
            Criterion::AtMost { effect, bound, probability, .. }
                if likely(probability.map(|p| p.get())) =>
            {
                Region {
                    low: f64::NEG_INFINITY,
                    high: bound.get(),
                    open: false,
                    effect: Some(*effect),
                }
            }
            Criterion::AtLeast { effect, bound, probability, .. }
                if likely(probability.map(|p| p.get())) =>
            {
                Region { low: bound.get(), high: f64::INFINITY, open: false, effect: Some(*effect) }
            }
            Criterion::Beats { probability, .. } if probability.get() > 0.5 => {
                Region::of_sign(sign)
            }
            Criterion::Confident { probability, that, .. } if probability.get() > 0.5 => {
                Region::of_sign(if *that == Side::TreatmentBetter { sign } else { -sign })
            }
            Criterion::Significant { .. } => Region::of_sign(sign),
            Criterion::NonInferior { margin, probability, .. } if probability.get() >= 0.5 => {
                let margin = margin.get();
                let (low, high) =
                    if sign > 0.0 { (-margin, f64::INFINITY) } else { (f64::NEG_INFINITY, margin) };
                Region { low, high, open: false, effect: Some(Effect::Relative) }
            }
            _ => return None,
        };
        if self.asserted {
            return Some(region);
        }
        // Only a bound on the estimate has a contrary that is an interval as well.
        match self.criterion {
            Criterion::AtMost { probability: None, .. } => {
                Some(Region { low: region.high, high: f64::INFINITY, open: true, ..region })
            }
            Criterion::AtLeast { probability: None, .. } => {
                Some(Region { low: f64::NEG_INFINITY, high: region.low, open: true, ..region })
            }
            _ => None,
        }
    }

    fn warning(&self, metrics: &[&Metric], what: Use) -> Option<String> {
        if let Criterion::Declared { holds, .. } = self.criterion {
            let never = *holds != self.asserted && self.required;
            let then =
                if what == Use::Ship { "ships" } else { "keeps the control by this condition" };
            return never
                .then(|| format!("{} never holds, so the rule never {then}", self.label(metrics)));
        }
        let metric = *metrics.get(self.metric()?)?;
        let label = self.label(metrics);
        if let Some(slip) = self.slip() {
            return Some(format!("{label} {slip}"));
        }
        match self.constant(metric) {
            Some(true) => return Some(format!("{label} holds whatever the data say")),
            Some(false) => return Some(format!("{label} never holds, whatever the data say")),
            None => {}
        }
        if let Some(weak) = self.weak() {
            return Some(format!("{label} {weak}"));
        }
        let sign = metric.better.sign();
        let region = self.region(metric.better)?;
        let key = &metric.key;
        match what {
            Use::Ship if region.only_worse(sign) => {
                let then = if self.required {
                    "so the rule ships only a treatment that looks worse there"
                } else {
                    ""
                };
                let then = if then.is_empty() { String::new() } else { format!(", {then}") };
                Some(format!("{label} can hold only if the control is better on {key}{then}"))
            }
            Use::Keep if region.only_worse(-sign) => Some(format!(
                "{label} can hold only if the treatment is better on {key}, and then the rule keeps the control"
            )),
            _ => None,
        }
    }

    /// A share above 100% where a fraction is due.
    fn slip(&self) -> Option<String> {
        let (Criterion::AtMost { effect: Effect::Relative, bound, .. }
        | Criterion::AtLeast { effect: Effect::Relative, bound, .. }) = self.criterion
        else {
            return None;
        };
        let bound = bound.get();
        (bound.abs() > MAX_RELATIVE).then(|| {
            format!(
                "has a bound of {}, a change of {}; {}% is written {}",
                figure::written(bound),
                figure::written_percent(bound),
                figure::written(bound),
                figure::written(bound / 100.0)
            )
        })
    }

    /// Whether it comes out the same for all data.
    fn constant(&self, metric: &Metric) -> Option<bool> {
        let rate = metric.kind() == MetricKind::Conversion;
        let certain =
            |probability: Option<f64>| probability.is_some_and(|p| p <= 0.0).then_some(true);
        let found = match self.criterion {
            Criterion::AtMost { effect, bound, probability, .. } => {
                certain(probability.map(|p| p.get())).or_else(|| {
                    // A rate lies between 0 and 1: it can neither fall by more than all of it nor
                    // change by more than 1.
                    let bound = bound.get();
                    match effect {
                        Effect::Absolute if rate && bound >= 1.0 => Some(true),
                        Effect::Absolute | Effect::Relative if rate && bound < -1.0 => Some(false),
                        _ => None,
                    }
                })
            }
            Criterion::AtLeast { effect, bound, probability, .. } => {
                certain(probability.map(|p| p.get())).or_else(|| {
                    let bound = bound.get();
                    match effect {
                        Effect::Absolute if rate && bound > 1.0 => Some(false),
                        Effect::Absolute | Effect::Relative if rate && bound <= -1.0 => Some(true),
                        _ => None,
                    }
                })
            }
            Criterion::Beats { probability, .. }
            | Criterion::Confident { probability, .. }
            | Criterion::NonInferior { probability, .. } => certain(Some(probability.get())),
            Criterion::Significant { alpha, .. } => (alpha.get() <= 0.0).then_some(false),
            _ => None,
        };
        found.map(|held| held == self.asserted)
    }

    /// What lets a criterion hold on next to no evidence.
    fn weak(&self) -> Option<String> {
        match self.criterion {
            Criterion::Beats { probability, .. } | Criterion::Confident { probability, .. }
                if self.asserted && probability.get() <= 0.5 =>
            {
                let p = figure::written_percent(probability.get());
                Some(format!(
                    "asks for {p}, which also holds where the other side is more likely better"
                ))
            }
            Criterion::Significant { alpha, .. } if self.asserted && alpha.get() >= 0.5 => {
                Some(format!(
                    "accepts a p-value of {}, which most results without an effect reach",
                    figure::written(alpha.get())
                ))
            }
            _ => None,
        }
    }
}

/// The first two criteria that both have to hold and cannot.
fn exclusion(leaves: &[Leaf<'_>], metrics: &[&Metric]) -> Option<String> {
    let required: Vec<(&Leaf<'_>, usize, Region)> = leaves
        .iter()
        .filter(|leaf| leaf.required)
        .filter_map(|leaf| {
            let metric = leaf.metric()?;
            Some((leaf, metric, leaf.region(metrics.get(metric)?.better)?))
        })
        .collect();
    required.iter().enumerate().find_map(|(at, (one, key, region))| {
        let (other, ..) = required
            .iter()
            .skip(at + 1)
            .find(|(_, other, second)| key == other && region.excludes(*second))?;
        Some(format!(
            "{} and {} cannot both hold, so the rule never ships",
            one.label(metrics),
            other.label(metrics)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Aggregation;
    use crate::verdict::published::{metric, resolved};

    /// The warnings of a rule over `rate` (a share, higher is better) and `cost` (a mean in
    /// dollars, lower is better).
    fn of(when: &str) -> Vec<String> {
        of_rule(&format!("( ship: \"b\", when: {when}, otherwise: Keep )"))
    }

    fn of_rule(text: &str) -> Vec<String> {
        let options = ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        let rule: Rule<String, String> = options.from_str(text).unwrap();
        let rate = metric("rate", Aggregation::Occurrence, false, Better::Higher, "");
        let cost = metric("cost", Aggregation::Sum, false, Better::Lower, "$");
        warnings(&resolved(&rule, &["a", "b"], &["rate", "cost"]), &[&rate, &cost])
    }

    #[test]
    fn criteria_that_only_a_worse_treatment_meets_are_told() {
        for perverse in [
            "Confident(metric: \"cost\", that: ControlBetter, probability: 0.75)",
            "Confident(metric: \"rate\", that: ControlBetter, probability: 0.9)",
            "AtMost(metric: \"rate\", effect: Relative, bound: -0.05)",
            "AtLeast(metric: \"cost\", effect: Absolute, bound: 0.01)",
            "AtLeast(metric: \"cost\", effect: Relative, bound: 0.1, probability: 0.9)",
            "Not(AtLeast(metric: \"rate\", effect: Relative, bound: 0.0))",
        ] {
            let found = of(perverse);
            assert_eq!(found.len(), 1, "{perverse}: {found:?}");
            assert!(
                found[0].contains("can hold only if the control is better on")
                    && found[0].contains("looks worse"),
                "{found:?}"
            );
        }
        // In a choice such a criterion is not required.
        let found = of(
            "Any([Beats(metric: \"rate\", probability: 0.9), Confident(metric: \"cost\", that: ControlBetter, probability: 0.9)])",
        );
        assert!(found.len() == 1 && !found[0].contains("ships only"), "{found:?}");
        let found = of_rule(
            "( ship: \"b\", when: Beats(metric: \"rate\", probability: 0.9), keep_when: Beats(metric: \"cost\", probability: 0.9), otherwise: Keep )",
        );
        assert!(
            found.len() == 1 && found[0].contains("and then the rule keeps the control"),
            "{found:?}"
        );
    }

    #[test]
    fn criteria_that_always_or_never_hold_are_told() {
        for always in [
            "Beats(metric: \"rate\", probability: 0.0)",
            "AtMost(metric: \"rate\", effect: Absolute, bound: 1.0)",
            "AtLeast(metric: \"rate\", effect: Relative, bound: -1.0)",
            "Not(AtLeast(metric: \"rate\", effect: Absolute, bound: 2.0))",
        ] {
            assert!(
                of(always).iter().any(|found| found.contains("holds whatever the data say")),
                "{always}: {:?}",
                of(always)
            );
        }
        for never in [
            "Significant(metric: \"rate\", alpha: 0.0)",
            "AtLeast(metric: \"rate\", effect: Absolute, bound: 1.5)",
        ] {
            assert!(
                of(never).iter().any(|found| found.contains("never holds")),
                "{never}: {:?}",
                of(never)
            );
        }
        assert!(
            of("Declared(name: \"privacy\", holds: false)")[0].contains("so the rule never ships")
        );
        assert!(
            of("Declared(name: \"privacy\", holds: true)")[0].contains("asks nothing of the data")
        );
        assert!(of("Beats(metric: \"rate\", probability: 0.4)")[0].contains("more likely better"));
    }

    #[test]
    fn criteria_that_exclude_each_other_are_told() {
        for pair in [
            "AtLeast(metric: \"cost\", effect: Relative, bound: -0.2), AtMost(metric: \"cost\", effect: Relative, bound: -0.3)",
            "Beats(metric: \"rate\", probability: 0.9), Confident(metric: \"rate\", that: ControlBetter, probability: 0.9)",
            "Significant(metric: \"cost\", alpha: 0.1), AtLeast(metric: \"cost\", effect: Absolute, bound: 0.0)",
        ] {
            let found = of(&format!("All([{pair}])"));
            assert!(
                found
                    .iter()
                    .any(|found| found.contains("cannot both hold, so the rule never ships")),
                "{pair}: {found:?}"
            );
            let found = of(&format!("Any([{pair}])"));
            assert!(
                !found.iter().any(|found| found.contains("cannot both hold")),
                "{pair}: {found:?}"
            );
        }
    }

    #[test]
    fn a_percentage_written_as_a_whole_number_is_told() {
        let found = of("AtMost(name: \"cheap\", metric: \"cost\", effect: Relative, bound: 15)");
        assert_eq!(found, ["“cheap” has a bound of 15, a change of 1,500%; 15% is written 0.15"]);
        assert_eq!(
            of("AtMost(metric: \"cost\", effect: Absolute, bound: 15)"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn usual_rules_have_no_warning() {
        for usual in [
            "Beats(metric: \"rate\", probability: 0.9)",
            "All([Beats(metric: \"rate\", probability: 0.9), AtMost(metric: \"cost\", effect: Relative, bound: 0.15)])",
            "All([NonInferior(metric: \"rate\", margin: 0.1, probability: 0.95), Beats(metric: \"cost\", probability: 0.95)])",
            "All([AtLeast(metric: \"rate\", effect: Relative, bound: 0.15), AtMost(metric: \"rate\", effect: Relative, bound: 1.5)])",
            "Significant(metric: \"rate\", alpha: 0.05)",
            "Ratio(value: (\"rate\", Relative), cost: (\"cost\", Relative), at_least: 0.25)",
            "All([Declared(name: \"privacy\", holds: true), Beats(metric: \"rate\", probability: 0.9)])",
            "AtMost(metric: \"cost\", effect: Relative, bound: -0.1)",
        ] {
            assert_eq!(of(usual), Vec::<String>::new(), "{usual}");
        }
    }
}
