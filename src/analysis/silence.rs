//! Silent arms: users of one treatment answer far less often than those of the control, or not at
//! all.
//!
//! An arm that sends nothing is first of all a sign of broken instrumentation or of timeouts, and
//! users who answer less often are other users: either way the comparison is in doubt before it
//! starts. What counts as an answer is *any* feedback: the sum over the conversion metrics; and for
//! each other metric, having any event.
//!
//! Guarantees: an exact test where an arm is silent; a difference is only held against an arm where
//! more is not better.
//!
//! Does not know: why an arm is silent.

use crate::event::AppEvent;
use crate::experiment::{Better, MetricKind};
use crate::figure;

use super::result::{HealthCheck, HealthStatus, MetricInput, Summary, Tally};
use super::special::two_sided_p;

/// Probability by chance below which a silent arm is an error.
const SILENT: f64 = 0.01;
/// Two-sided p-value below which response rates differ.
const DIFFERENT: f64 = 0.001;

/// One kind of answer and how many users of each treatment gave it.
struct Answers {
    /// What they did: `gave any feedback`.
    did: String,
    counts: Vec<u64>,
    /// Whether more of it is neither better nor worse, so that a difference is suspect by itself.
    neutral: bool,
    /// What silence of an arm is. That something bad happens to nobody may be good news.
    silence: HealthStatus,
}

/// Every treatment against the control.
pub(super) fn check(names: &[String], control: usize, summary: &Summary) -> HealthCheck {
    let answers = answers(summary);
    let pairs = answers
        .iter()
        .flat_map(|a| (0..names.len()).filter(|&v| v != control).map(move |v| (a, v)));
    let found: Vec<(HealthStatus, String)> =
        pairs.filter_map(|(a, v)| finding(names, &summary.exposures, a, control, v)).collect();
    let status = found.iter().map(|f| f.0).max().unwrap_or(HealthStatus::Healthy);
    let message = if found.is_empty() {
        "the response rates of all treatments differ by no more than chance explains".to_owned()
    } else {
        found.into_iter().map(|f| f.1).collect::<Vec<_>>().join("; ")
    };
    HealthCheck { check: "silent_arm", status, message }
}

fn answers(summary: &Summary) -> Vec<Answers> {
    let exposures = &summary.exposures;
    let rates = || summary.metrics.iter().filter(|m| m.metric.kind() == MetricKind::Conversion);
    let befalls = |input: &MetricInput| {
        AppEvent::by_key(&input.metric.event).is_some_and(AppEvent::befalls_users)
    };
    let feedback: Vec<&MetricInput> = rates().filter(|input| !befalls(input)).collect();
    let mut all = Vec::new();
    if !feedback.is_empty() {
        let of_arm = |(v, &exposed): (usize, &u64)| {
            feedback.iter().map(|input| responders(input, v)).sum::<u64>().min(exposed)
        };
        let has = |better| feedback.iter().any(|input| input.metric.better == better);
        let did = match feedback.as_slice() {
            [single] => format!("count under {}", single.metric.title()),
            _ => "gave any feedback".to_owned(),
        };
        let neutral = has(Better::Higher) && has(Better::Lower);
        all.push(Answers {
            did,
            counts: exposures.iter().enumerate().map(of_arm).collect(),
            neutral,
            silence: HealthStatus::Error,
        });
    }
    for input in rates().filter(|input| befalls(input)) {
        let counts = exposures
            .iter()
            .enumerate()
            .map(|(v, &exposed)| responders(input, v).min(exposed))
            .collect();
        let did = format!("count under {}", input.metric.title());
        all.push(Answers { did, counts, neutral: false, silence: HealthStatus::Warning });
    }
    for input in summary.metrics.iter().filter(|m| m.metric.kind() != MetricKind::Conversion) {
        if let Some(counts) =
            input.responders.as_ref().filter(|counts| counts.len() == exposures.len())
        {
            let counts =
                counts.iter().zip(exposures).map(|(&n, &exposed)| n.min(exposed)).collect();
            all.push(Answers {
                did: format!("sent anything for {}", input.metric.title()),
                counts,
                neutral: true,
                silence: HealthStatus::Error,
            });
        }
    }
    all
}

fn responders(input: &MetricInput, v: usize) -> u64 {
    match (&input.responders, input.tallies.get(v)) {
        (Some(responders), _) => responders.get(v).copied().unwrap_or(0),
        (None, Some(Some(Tally::Conversion { conversions, .. }))) => *conversions,
        _ => 0,
    }
}

fn finding(
    names: &[String],
    exposures: &[u64],
    answers: &Answers,
    control: usize,
    v: usize,
) -> Option<(HealthStatus, String)> {
    let arm = |i: usize| Some((names.get(i)?, *exposures.get(i)?, *answers.counts.get(i)?));
    let (own, base) = (arm(v)?, arm(control)?);
    let share = |(name, exposed, count): (&String, u64, u64)| {
        format!("{} of {} users of {name}", figure::count(count), figure::count(exposed))
    };
    let (quiet, loud) = if own.2 == 0 { (own, base) } else { (base, own) };
    if quiet.2 == 0 && loud.2 > 0 && quiet.1 > 0 {
        let chance = chance_of_silence(quiet.1, loud.1, loud.2);
        return (chance < SILENT).then(|| {
            let message = format!(
                "{} is silent: {} {}, against {}; by chance that happens {}: check that its events arrive and its answers come \
                 in time before calling this a result",
                quiet.0,
                share(quiet),
                answers.did,
                share(loud),
                once_in(chance)
            );
            (answers.silence, message)
        });
    }
    let p = difference_p(own.2, own.1, base.2, base.1)?;
    (answers.neutral && p < DIFFERENT).then(|| {
        let message = format!(
            "response rates differ beyond chance: {} ({}) {}, against {} ({}); those who respond may not be alike in both arms, so \
             treat differences among them with care",
            share(own),
            figure::percent(own.2 as f64 / own.1 as f64),
            answers.did,
            share(base),
            figure::percent(base.2 as f64 / base.1 as f64),
        );
        (HealthStatus::Warning, message)
    })
}

fn once_in(chance: f64) -> String {
    let times = 1.0 / chance;
    if times > 1e6 {
        "less than once in a million".to_owned()
    } else {
        format!("once in {}", figure::number(times.round()))
    }
}

/// Probability that all `answers` fall on the other arm, if arms did not matter: Fisher's exact
/// test at its end (R. A. Fisher 1934, *Statistical Methods for Research Workers*, section 21.02).
fn chance_of_silence(quiet: u64, loud: u64, answers: u64) -> f64 {
    let (quiet, loud, answers) = (quiet as f64, loud as f64, answers as f64);
    let ln_choose = |n: f64| libm::lgamma(n + 1.0) - libm::lgamma(n - answers + 1.0);
    libm::exp(ln_choose(loud) - ln_choose(loud + quiet))
}

/// Two-sided p-value of two proportions, pooled and corrected for continuity (Yates 1934, *JRSS
/// Supplement* 1, 217-235); `None` without users or without any spread.
fn difference_p(x: u64, n: u64, y: u64, m: u64) -> Option<f64> {
    let (x, n, y, m) = (x as f64, n as f64, y as f64, m as f64);
    let pooled = (x + y) / (n + m);
    let spread = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    let gap = ((x / n - y / m).abs() - 0.5 * (1.0 / n + 1.0 / m)).max(0.0);
    (spread > 0.0).then(|| two_sided_p(gap / spread))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::analyze;
    use crate::analysis::published::{experiment, mean, premium, rate, security};

    #[test]
    fn the_chance_of_silence_equals_the_hypergeometric_one() {
        // scipy 1.17.1: hypergeom(215, 15, 107).pmf(0).
        assert!((chance_of_silence(107, 108, 15) / 1.946_732_932_045_979_6e-5 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn two_proportions_equal_scipy() {
        // scipy 1.17.1: chi2_contingency([[30, 70], [50, 50]], correction=True).pvalue.
        assert!(
            (difference_p(30, 100, 50, 100).unwrap() - 0.006_098_945_931_214_352).abs() < 1e-12
        );
        assert_eq!(difference_p(0, 10, 0, 10), None);
    }

    #[test]
    fn zero_of_107_against_15_of_108_is_an_error_in_plain_words() {
        let check = premium().health.into_iter().find(|h| h.check == "silent_arm").unwrap();
        assert_eq!(check.status, HealthStatus::Error);
        let words = "Claude Opus 4 is silent: 0 of 107 users of Claude Opus 4 gave any feedback, against 15 of 108 users of Other Paid (GPT-4o)";
        assert!(check.message.contains(words), "{}", check.message);
    }

    #[test]
    fn the_security_table_is_not_silent() {
        let check = security(true).health.into_iter().find(|h| h.check == "silent_arm").unwrap();
        assert_eq!(check.status, HealthStatus::Healthy, "{}", check.message);
    }

    #[test]
    fn a_better_rate_is_no_fault_but_more_answers_of_any_kind_are() {
        let run = |metrics| {
            let summary = Summary { exposures: vec![1000, 1000], shares: None, metrics };
            analyze(&experiment(&["A", "B"]), &summary).health[4].status
        };
        let positive = || rate("positive", Better::Higher, &[300, 450]);
        assert_eq!(run(vec![positive()]), HealthStatus::Healthy);
        assert_eq!(
            run(vec![positive(), rate("negative", Better::Lower, &[100, 100])]),
            HealthStatus::Warning
        );
        assert_eq!(
            run(vec![positive(), rate("negative", Better::Lower, &[350, 200])]),
            HealthStatus::Healthy
        );
    }

    #[test]
    fn a_few_answers_may_all_fall_on_one_arm() {
        let metrics = vec![rate("positive", Better::Higher, &[4, 0])];
        let summary = Summary { exposures: vec![100, 100], shares: None, metrics };
        assert_eq!(
            analyze(&experiment(&["A", "B"]), &summary).health[4].status,
            HealthStatus::Healthy
        );
    }

    #[test]
    fn an_arm_that_sends_no_cost_is_silent() {
        let mut cost = mean("cost", "$", None, [(500, 10.0, 0.1), (500, 0.0, 0.0)]);
        cost.responders = Some(vec![480, 0]);
        let summary = Summary { exposures: vec![500, 500], shares: None, metrics: vec![cost] };
        let analysis = analyze(&experiment(&["Paid", "Free"]), &summary);
        assert_eq!(analysis.health[4].status, HealthStatus::Error);
        assert!(
            analysis.health[4].message.starts_with("Free is silent"),
            "{}",
            analysis.health[4].message
        );
    }
}
