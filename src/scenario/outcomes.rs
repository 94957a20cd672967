//! The outcomes of a scenario, the metrics that they bring along, and the effects that variations
//! state.
//!
//! Guarantees: a chance stays between 0 and 1 after every visit and under every combination of
//! stated effects, so that each effect is as large as it says.
//!
//! Does not know: what comes of a visit.

use std::ops::Range;

use super::catalog::{self, DraftConfig};
use super::faults::{Faults, MAX_ENTRIES};
use super::source::{WrittenOutcome, WrittenValue};
use super::spanned::{Entries, Spanned};
use crate::agents::{BusinessOutcome, ConfigSetup, EffectTarget, OutcomeValue, StatedEffect};
use crate::event::AppEvent;
use crate::experiment::{Aggregation, Better, Metric, Missing, Statistic};
use crate::figure::written_percent as percent;
use crate::judge::{JudgeSpec, Sees};
use crate::quantity::{Lift, Lifts};

/// What a chance is after, in words, in the order of [`VisitQuality`].
const AFTER: [&str; 4] =
    ["after a strong answer", "after a fair answer", "after a weak answer", "without an answer"];
/// Roundings of a sum of decimals may lead out of the range of a chance by this much.
const ROUNDING: f64 = 1e-12;

/// Most combinations of variations whose effects are added up.
const MAX_COMBINED: usize = 4096;

/// Whether a chance is one.
fn in_range(chance: f64) -> bool {
    (-ROUNDING..=1.0 + ROUNDING).contains(&chance)
}

/// The outcomes of a scenario.
pub fn outcomes(
    written: &Entries<WrittenOutcome>,
    faults: &mut Faults<'_>,
) -> Vec<BusinessOutcome> {
    faults.keys("outcome", "", written);
    faults.too_many("outcomes", written.0.get(MAX_ENTRIES).map(|(key, _)| &key.span));
    let mut outcomes = Vec::new();
    for (key, file) in written.0.iter().take(MAX_ENTRIES) {
        taken(key, faults);
        if file.baseline.is_none() && file.value.is_none() {
            let help = "write `baseline: 0.62` for an event that some users have, or `value: (mean: …, sd: …, unit: \"…\")`";
            faults.add(
                format!("outcome `{}` does not say how often it comes", key.value),
                &key.span,
                "neither a baseline nor a value",
                Some(help.to_owned()),
            );
        }
        let baseline = file.baseline.map_or(1.0, |own| own.get());
        let lifts = [file.strong.as_ref(), None, file.weak.as_ref(), file.failed.as_ref()];
        let mut chances = [baseline; 4];
        for ((chance, lift), after) in chances.iter_mut().zip(lifts).zip(AFTER) {
            let Some(lift) = lift else { continue };
            let of = &key.value;
            if (Lifted::Chance { of }).fits(lift, faults) {
                *chance = Lifts::NONE.and(lift.value).of(baseline);
            }
            if !in_range(*chance) {
                let message = format!("the chance of `{}` leaves the range of a chance", key.value);
                let label = format!("{after} it would be {}", percent(*chance));
                let help = format!(
                    "its baseline is {}; a chance stays between 0% and 100%",
                    percent(baseline)
                );
                faults.add(message, &lift.span, label, Some(help));
            }
            *chance = chance.clamp(0.0, 1.0);
        }
        let [_, _, weak, without] = &mut chances;
        if file.failed.is_none() {
            *without = *weak;
        }
        let value = file.value.as_ref().map(|value| worth(&key.value, value, faults));
        outcomes.push(BusinessOutcome {
            key: key.value.clone(),
            chances,
            value,
            after: file.after,
        });
    }
    outcomes
}

/// A key that means something else already is a fault.
fn taken(key: &Spanned<String>, faults: &mut Faults<'_>) {
    let metric = catalog::metrics().into_iter().any(|metric| metric.key == key.value);
    let label = if AppEvent::by_key(&key.value).is_some() {
        "the agents send an event with this key"
    } else if metric {
        "a metric of the catalog has this key"
    } else {
        return;
    };
    let help = "give your event another key, such as \"ticket_resolved\"".to_owned();
    faults.add(
        format!("an outcome cannot be called `{}`", key.value),
        &key.span,
        label,
        Some(help),
    );
}

/// What an outcome is worth.
fn worth(key: &str, written: &WrittenValue, faults: &mut Faults<'_>) -> OutcomeValue {
    let mean = faults.range("mean", &written.mean, 1e-6, 1e9);
    let sd = faults.range("sd", &written.sd, 0.0, 1e10);
    if written.unit.value.trim().is_empty() {
        let help = "write `unit: \"$\"` or `unit: \"min\"`".to_owned();
        faults.add("a value has no unit", &written.unit.span, "its values are numbers", Some(help));
    }
    let failed = written.failed.as_ref().or(written.weak.as_ref());
    let lifts = [written.strong.as_ref(), None, written.weak.as_ref(), failed];
    let factors = lifts.map(|lift| {
        lift.map_or(1.0, |lift| {
            Lifted::Value { of: key }.fits(lift, faults);
            Lifts::NONE.and(lift.value).of(1.0)
        })
    });
    OutcomeValue::new(mean, sd, factors)
}

/// The metrics that outcomes bring along, which a file may change like those of the catalog.
pub fn metrics(written: &Entries<WrittenOutcome>) -> impl Iterator<Item = Metric> {
    written.0.iter().take(MAX_ENTRIES).map(|(key, file)| Metric {
        key: key.value.clone(),
        name: catalog::title(&key.value),
        event: key.value.clone(),
        aggregation: if file.value.is_some() { Aggregation::Sum } else { Aggregation::Occurrence },
        statistic: Statistic::Mean,
        missing: Missing::Zero,
        better: Better::Higher,
        unit: file.value.as_ref().map(|value| value.unit.value.clone()).unwrap_or_default(),
        prior_variance: None,
        prior: None,
        judge: None,
        smallest_effect: 0.0,
        per: None,
    })
}

/// What a lift changes.
#[derive(Clone, Copy)]
enum Lifted<'a> {
    Chance { of: &'a str },
    Value { of: &'a str },
}

impl Lifted<'_> {
    /// Whether a lift of this form makes sense.
    fn takes(self, lift: Lift) -> bool {
        match (self, lift) {
            (Self::Chance { .. }, Lift::Points(_) | Lift::Relative(_)) => true,
            (Self::Value { .. }, Lift::Relative(by)) => by > -1.0,
            _ => false,
        }
    }

    /// Whether it does; what is wrong with it otherwise.
    fn fits(self, lift: &Spanned<Lift>, faults: &mut Faults<'_>) -> bool {
        if self.takes(lift.value) {
            return true;
        }
        let number = |number: f64| crate::figure::written(number.abs());
        let (message, label, help) = match (self, lift.value) {
            (Self::Chance { of }, Lift::Amount(own)) => (
                format!("a lift of `{of}` has no unit"),
                "a rate has two kinds of lift, and this says neither",
                format!("write \"{0}pt\" (percentage points) or \"{0}%\" (relative)", number(own)),
            ),
            (Self::Value { of }, Lift::Relative(_)) => (
                format!("nothing would be left of `{of}`"),
                "a value stays above 0",
                "write more than \"-100%\"".to_owned(),
            ),
            (Self::Chance { of } | Self::Value { of }, lift) => (
                format!("`{of}` is a value, not a rate"),
                if matches!(lift, Lift::Points(_)) {
                    "percentage points are for rates"
                } else {
                    "expected a relative lift"
                },
                "write a relative lift, such as \"+5%\"".to_owned(),
            ),
        };
        faults.add(message, &lift.span, label, Some(help));
        false
    }
}

/// What effects refer to.
pub struct Stated<'a> {
    /// The metrics.
    pub metrics: &'a [Metric],
    /// The outcomes.
    pub outcomes: &'a [BusinessOutcome],
    /// Who rates answers.
    pub judge: &'a JudgeSpec,
}

impl Stated<'_> {
    /// Gives the variations their effects.
    pub fn apply(
        &self,
        drafts: &[DraftConfig],
        configs: &mut [ConfigSetup],
        faults: &mut Faults<'_>,
    ) {
        let mut all: Vec<Vec<Placed>> = Vec::new();
        for (draft, config) in drafts.iter().zip(configs) {
            let mut own = Vec::new();
            for (draft, setup) in draft.variations.iter().zip(&mut config.variations) {
                let mut effects: Placed = Vec::new();
                for effect in &draft.effects {
                    let earlier =
                        draft.effects.iter().find(|own| own.metric.value == effect.metric.value);
                    if let Some(earlier) =
                        earlier.filter(|own| own.metric.span != effect.metric.span)
                    {
                        let places = [
                            (&earlier.metric.span, "the first one"),
                            (&effect.metric.span, "the second one"),
                        ];
                        let message = format!("two effects on `{}`", effect.metric.value);
                        faults.add_pair(message, places, Some("keep one of them".to_owned()));
                        continue;
                    }
                    let Some(on) = self.target(&effect.metric, faults) else { continue };
                    let of = &effect.metric.value;
                    let kind =
                        if on.is_chance() { Lifted::Chance { of } } else { Lifted::Value { of } };
                    if kind.fits(&effect.lift, faults) {
                        let metric = of.clone();
                        let stated = StatedEffect { metric, on, lift: effect.lift.value };
                        effects.push((stated, effect.lift.span.clone()));
                    }
                }
                self.stay_chances(&effects, faults);
                setup.effects = effects.iter().map(|(effect, _)| effect.clone()).collect();
                own.push(effects);
            }
            all.push(own);
        }
        if faults.count() == 0 {
            self.stay_chances_together(&all, faults);
        }
    }

    /// What an effect on a metric changes.
    fn target(&self, name: &Spanned<String>, faults: &mut Faults<'_>) -> Option<EffectTarget> {
        let at = faults.look_up("metric", name, self.metrics.iter().map(|m| m.key.as_str()))?;
        let metric = self.metrics.get(at)?;
        let outcome = self.outcomes.iter().position(|own| own.key == metric.event);
        if let Some(place) = outcome {
            let valued = self.outcomes.get(place).is_some_and(|own| own.value.is_some());
            let place = u8::try_from(place).ok()?;
            match (metric.aggregation, valued) {
                // The sum of events that are all worth 1 is their number.
                (Aggregation::Occurrence, _) | (Aggregation::Sum, false) => {
                    return Some(EffectTarget::OutcomeChance(place));
                }
                (_, true) => return Some(EffectTarget::OutcomeValue(place)),
                (Aggregation::Average, false) => {}
            }
        }
        match (AppEvent::by_key(&metric.event), metric.aggregation) {
            (Some(AppEvent::FeedbackPositive), Aggregation::Occurrence) => {
                return Some(EffectTarget::PositiveFeedback);
            }
            (Some(AppEvent::FeedbackNegative), Aggregation::Occurrence) => {
                return Some(EffectTarget::NegativeFeedback);
            }
            _ => {}
        }
        let help = "an effect can be stated on an outcome of yours and on shares of positive or negative feedback; \
                    cost, tokens, latency and failures follow from models, tools and `causes`: change those";
        faults.add(
            format!("no effect can be stated on `{}`", name.value),
            &name.span,
            if outcome.is_some() {
                "its average is always 1"
            } else {
                "it follows from what the agents do"
            },
            Some(help.to_owned()),
        );
        None
    }

    /// The chances of a target without any effect, each with what it is after.
    fn chances(&self, on: EffectTarget) -> Vec<(f64, f64, &'static str)> {
        match on {
            EffectTarget::OutcomeValue(_) => Vec::new(),
            EffectTarget::OutcomeChance(at) => {
                let outcome = self.outcomes.get(usize::from(at));
                let chances = outcome.map_or([0.0; 4], |own| own.chances);
                chances.into_iter().zip(AFTER).map(|(chance, after)| (chance, 1.0, after)).collect()
            }
            EffectTarget::PositiveFeedback | EffectTarget::NegativeFeedback => {
                // As this judge rates, and as users would whose rating is right: `--truth`.
                let traits = &self.judge.traits;
                let (right, wrong) = (traits.sensitivity.get(), traits.leniency.get());
                let [specific, tools] =
                    [traits.specificity.get(), traits.positive_on_tool_output.get()];
                let shows_tools = self.judge.sees == Sees::ToolOutputFirst;
                let tools = if shows_tools { tools } else { 0.0 };
                let rated = [
                    ([right, 0.0], AFTER[0]),
                    ([wrong, 0.0], AFTER[1]),
                    ([1.0 - specific, specific], AFTER[2]),
                    ([tools, 0.0], "after an answer that the judge cannot see"),
                    ([1.0, 0.0], AFTER[0]),
                    ([0.0, 1.0], AFTER[2]),
                ];
                let rates = [traits.rates_personal.get(), traits.rates_impersonal.get()];
                let own = usize::from(on == EffectTarget::NegativeFeedback);
                let both = rates.into_iter().flat_map(|rate| {
                    rated.map(|(chances, after)| {
                        let [positive, negative] = chances.map(|chance| rate * chance);
                        let chance = if own == 0 { positive } else { negative };
                        // Those who give the other rating keep it.
                        (chance, 1.0 - positive - negative + chance, after)
                    })
                });
                both.collect()
            }
        }
    }

    /// The first chance of a target that lifts lead out of its range: what it is after, in words
    /// where it would go.
    fn out_of_range(&self, on: EffectTarget, lifts: Lifts) -> Option<String> {
        self.chances(on).into_iter().find_map(|(chance, most, after)| {
            let then = lifts.of(chance);
            let fine = then >= -ROUNDING && then <= most + ROUNDING;
            (!fine).then(|| {
                format!("{after} it would go from {} to {}", percent(chance), percent(then))
            })
        })
    }

    /// A variation's effects leave every chance between 0 and 1.
    fn stay_chances(&self, effects: &Placed, faults: &mut Faults<'_>) {
        for (effect, place) in effects {
            let Some(label) = self.out_of_range(effect.on, together(effects, effect.on)) else {
                continue;
            };
            let help = match effect.lift {
                Lift::Points(by) if by < 0.0 => {
                    "a chance stays between 0% and 100% after every answer; a relative lift, such as \"-5%\", always fits"
                }
                _ => "a chance stays between 0% and 100% after every answer; state a smaller lift",
            };
            let message = format!("the effect on `{}` leaves the range of a rate", effect.metric);
            faults.add(message, place, label, Some(help.to_owned()));
        }
    }

    /// So do the effects of any variations of several agents together.
    fn stay_chances_together(&self, all: &[Vec<Placed>], faults: &mut Faults<'_>) {
        let every = || all.iter().flatten().flatten();
        let mut targets: Vec<EffectTarget> = every().map(|(effect, _)| effect.on).collect();
        targets.sort_unstable();
        targets.dedup();
        for on in targets {
            let mut combined: Vec<(Lifts, Vec<&(StatedEffect, Range<usize>)>)> =
                vec![(Lifts::NONE, Vec::new())];
            for config in all {
                let with = combined.iter().flat_map(|(lifts, found)| {
                    config.iter().filter_map(move |own| {
                        let first = own.iter().find(|(effect, _)| effect.on == on)?;
                        let ours = own.iter().filter(|(effect, _)| effect.on == on);
                        let lifts = ours.fold(*lifts, |lifts, (own, _)| lifts.and(own.lift));
                        Some((lifts, found.iter().copied().chain([first]).collect()))
                    })
                });
                let with: Vec<_> = with.take(MAX_COMBINED - combined.len()).collect();
                combined.extend(with);
            }
            let out = combined.iter().find_map(|(lifts, found)| match found.as_slice() {
                [first, .., last] => Some((self.out_of_range(on, *lifts)?, *first, *last)),
                _ => None,
            });
            if let Some((how, (one, first), (other, last))) = out {
                let message = format!(
                    "the effects on `{}` together leave the range of a rate: {how}",
                    one.metric
                );
                let labels = [one.lift.to_string(), other.lift.to_string()];
                let [own, its] = &labels;
                let places = [(first, own.as_str()), (last, its.as_str())];
                faults.add_pair(message, places, Some("state smaller lifts".to_owned()));
            }
        }
    }
}

/// A variation's effects, each with the place of its lift.
type Placed = Vec<(StatedEffect, Range<usize>)>;

/// A variation's effects on one target.
fn together(effects: &Placed, on: EffectTarget) -> Lifts {
    let own = effects.iter().filter(|(effect, _)| effect.on == on);
    own.fold(Lifts::NONE, |lifts, (effect, _)| lifts.and(effect.lift))
}
