//! The inputs of a plan without a scenario: what the options say.
//!
//! Does not know: scenarios.

use super::ask::{PlanFault, PlanRequest, PlannedMeasure};
use super::data::PlanInput;
use super::solve::PlanInputs;
use crate::analysis::{PlannedArm, PlannedDecision, PlannedSpread, PlannedTest, prior_variance};
use crate::event::AppEvent;
use crate::experiment::{
    Aggregation, Better, Correction, Experiment, Method, Metric, MetricKind, Missing, Statistic,
    THRESHOLD, Treatment,
};
use crate::figure::{self, Unit};
use crate::quantity::{Probability, Share};
use crate::recorded::set_split;

/// The seed of a check without a scenario.
const SEED: u64 = 1;

/// An input of the plan.
pub(super) fn input(what: &str, value: impl Into<String>, source: impl Into<String>) -> PlanInput {
    PlanInput { what: what.to_owned(), value: value.into(), source: source.into() }
}

/// The plan's inputs from a measure and the options.
///
/// # Errors
/// The option that does not fit, and what to write.
pub fn given(measure: &PlannedMeasure, asked: &PlanRequest) -> Result<PlanInputs, PlanFault> {
    let metric = metric(measure);
    let kind = metric.kind();
    let unit = Unit::of(&metric);
    let (base, spread) = match measure {
        PlannedMeasure::Rate(rate) => (*rate, PlannedSpread::Rate { counted: 1.0 }),
        PlannedMeasure::Number { mean, sd, .. } => (*mean, PlannedSpread::Variance(sd * sd)),
    };
    let mut inputs = vec![match measure {
        PlannedMeasure::Rate(_) => input("baseline", unit.value(base), "--baseline"),
        PlannedMeasure::Number { .. } => input("mean", unit.value(base), "--mean"),
    }];
    if let PlannedMeasure::Number { sd, .. } = measure {
        inputs.push(input("sd", unit.value(*sd), "--sd"));
    }
    let value = match asked.lift {
        Some(lift) => {
            let value = lift
                .of(base, kind, unit)
                .map_err(|(message, help)| PlanFault::new("--lift", message, help))?;
            inputs.push(input("lift", lifted(unit, base, value), "--lift"));
            value
        }
        None => base,
    };
    let (decision, said) = decision(asked, prior_variance(&metric), (THRESHOLD, "default"))?;
    inputs.push(said);
    let arms = arms(asked.split.as_deref())?;
    let names = shares(&arms);
    inputs.push(split_input(&names, if asked.split.is_some() { "--split" } else { "default" }));
    let treatment = smallest_treatment(&names, arms.control);
    let arm = |mean: f64, at: usize| PlannedArm {
        mean,
        spread,
        share: names.get(at).map_or(0.5, |(_, share)| *share),
    };
    let test = PlannedTest {
        control: arm(base, arms.control),
        treatment: arm(value, treatment),
        decision,
    };
    inputs.extend(
        asked
            .cost_per_user
            .map(|cost| input("cost per user", figure::money(cost.dollars()), "--cost-per-user")),
    );
    inputs.extend(daily(asked));
    let mut warnings = Vec::new();
    if names.len() > 2 {
        warnings.push(format!(
            "the plan is for {} against {}: a treatment with a larger share needs no more users; many comparisons are not corrected for",
            names.get(treatment).map_or("", |(key, _)| key.as_str()),
            names.get(arms.control).map_or("", |(key, _)| key.as_str()),
        ));
    }
    Ok(PlanInputs {
        scenario: None,
        seed: SEED,
        experiment: None,
        metric: None,
        kind,
        unit: metric.unit.clone(),
        control: arms.control,
        treatment,
        least: 2,
        test,
        lift: asked.lift.is_some(),
        sign: if value < base { -1.0 } else { 1.0 },
        power: asked.power,
        costs: asked.cost_per_user.map(|cost| vec![cost.dollars(); names.len()]),
        arms: names,
        users_per_day: asked.users_per_day,
        sizes: asked.sizes.clone(),
        metrics: Vec::new(),
        inputs,
        warnings,
    })
}

/// A lift in words: `+3 points, from 62.0% to 65.0% (+4.84%)`.
pub(super) fn lifted(unit: Unit<'_>, base: f64, value: f64) -> String {
    let relative = (base != 0.0).then(|| figure::change((value - base) / base.abs()));
    let [change, from, to] = [unit.change(value - base), unit.value(base), unit.value(value)];
    let relative = relative.map_or_else(String::new, |relative| format!(" ({relative})"));
    format!("{change}, from {from} to {to}{relative}")
}

/// How an effect counts as found, and the same in words. `default` is the threshold without one and
/// where it comes from.
///
/// # Errors
/// When the power is no more than what the decision gives without any effect.
pub(super) fn decision(
    asked: &PlanRequest,
    prior_variance: f64,
    default: (f64, &str),
) -> Result<(PlannedDecision, PlanInput), PlanFault> {
    let (threshold, source) = asked.threshold.map_or(default, |own| (own, "--threshold"));
    let (decision, said) = match asked.alpha {
        Some(alpha) => (
            PlannedDecision::TwoSided { alpha },
            input(
                "decision",
                format!("a two-sided test without a prior, p at most {}", figure::written(alpha)),
                "--alpha",
            ),
        ),
        None => (
            PlannedDecision::ProbabilityToBeat { threshold, prior_variance },
            input(
                "decision",
                format!(
                    "probability to beat the control at least {}; equal variations reach it in {} of experiments",
                    figure::written_percent(threshold),
                    figure::written_percent(figure::rounded(1.0 - threshold).unwrap_or_default()),
                ),
                source,
            ),
        ),
    };
    if asked.power <= decision.false_alarms_one_sided() {
        let by_chance = figure::written_percent(
            figure::rounded(decision.false_alarms_one_sided()).unwrap_or_default(),
        );
        return Err(PlanFault::new(
            "--power",
            format!(
                "without any effect the decision already finds one in {by_chance} of experiments"
            ),
            format!("plan for more than {by_chance}, such as 80%"),
        ));
    }
    Ok((decision, said))
}

/// Users per day as an input.
pub(super) fn daily(asked: &PlanRequest) -> Option<PlanInput> {
    asked
        .users_per_day
        .map(|daily| input("users per day", figure::number(daily), "--users-per-day"))
}

/// The split as an input.
pub(super) fn split_input(arms: &[(String, f64)], source: &str) -> PlanInput {
    let one = |(key, share): &(String, f64)| {
        format!("{key} {}", figure::written_percent(figure::rounded(*share).unwrap_or_default()))
    };
    input("split", arms.iter().map(one).collect::<Vec<_>>().join(", "), source)
}

/// Key and share of each variation; the shares sum to 1.
pub(super) fn shares(experiment: &Experiment) -> Vec<(String, f64)> {
    // Thirds that are written to two digits sum to almost 1.
    let sum: f64 = experiment.treatments.iter().map(|own| own.share.fraction()).sum();
    let one = |own: &Treatment| {
        (own.variation.clone(), own.share.fraction() / sum.max(f64::MIN_POSITIVE))
    };
    experiment.treatments.iter().map(one).collect()
}

/// The treatment with the smallest share: the one that needs the most users.
pub(super) fn smallest_treatment(arms: &[(String, f64)], control: usize) -> usize {
    let others = arms.iter().enumerate().filter(|(at, _)| *at != control);
    others
        .min_by(|(_, a), (_, b)| a.1.total_cmp(&b.1))
        .map_or(usize::from(control == 0), |(at, _)| at)
}

/// The variations of a split: the first one, or the one that is called `control`, is the control.
fn arms(split: Option<&str>) -> Result<Experiment, PlanFault> {
    let text = split.unwrap_or("50/50");
    let names: Vec<String> = if text.contains('=') {
        let name =
            |part: &str| part.rsplit_once('=').map_or(part, |(name, _)| name).trim().to_owned();
        text.split(',').map(name).collect()
    } else {
        let treatment = |nth: usize, all: usize| match nth {
            0 => "control".to_owned(),
            _ if all == 2 => "treatment".to_owned(),
            nth => format!("treatment-{nth}"),
        };
        let all = text.split(['/', ':', ',']).count();
        (0..all).map(|nth| treatment(nth, all)).collect()
    };
    let help = "write --split 50/50, --split 80/20 or --split control=50%,treatment=50%";
    if names.len() < 2 {
        return Err(PlanFault::new("--split", "a split has two shares or more", help));
    }
    let control = names.iter().position(|name| name == "control").unwrap_or(0);
    let treatments = names.into_iter().map(|variation| Treatment {
        name: variation.clone(),
        variation,
        share: Share::default(),
    });
    let mut experiment = Experiment {
        key: "the split".to_owned(),
        name: String::new(),
        hypothesis: String::new(),
        config: String::new(),
        treatments: treatments.collect(),
        control,
        metrics: Vec::new(),
        threshold: Probability::clamped(THRESHOLD),
        method: Method::Bayesian,
        correction: Correction::None,
        tolerate: Vec::new(),
    };
    split_of(&mut experiment, text)?;
    Ok(experiment)
}

/// Sets the shares of an experiment from text.
///
/// # Errors
/// When the text is no split of it, or leaves a variation without users.
pub(super) fn split_of(experiment: &mut Experiment, text: &str) -> Result<(), PlanFault> {
    let help = "write --split 50/50, or --split a=50%,b=50% with the variations' keys";
    set_split(experiment, text).map_err(|reason| PlanFault::new("--split", reason, help))?;
    match experiment.treatments.iter().find(|treatment| treatment.share == Share::default()) {
        Some(none) => Err(PlanFault::new(
            "--split",
            format!("`{}` would have no users", none.variation),
            help,
        )),
        None => Ok(()),
    }
}

/// The metric that the options describe: its prior is the default of its kind.
fn metric(measure: &PlannedMeasure) -> Metric {
    let (aggregation, unit) = match measure {
        PlannedMeasure::Rate(_) => (Aggregation::Occurrence, ""),
        PlannedMeasure::Number { unit, .. } => (Aggregation::Sum, unit.as_str()),
    };
    let dollars = Unit::new(MetricKind::Numeric, unit) == Unit::Dollars;
    Metric {
        key: String::new(),
        name: String::new(),
        event: if dollars { AppEvent::Cost.key().to_owned() } else { String::new() },
        aggregation,
        statistic: Statistic::Mean,
        missing: Missing::Zero,
        better: Better::Higher,
        unit: unit.to_owned(),
        prior_variance: None,
        prior: None,
        judge: None,
        smallest_effect: 0.0,
        per: None,
    }
}
