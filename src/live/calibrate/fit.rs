//! Fits the profiles of a scenario's models to a recording.
//!
//! Latency and failures are read off the calls. Lengths, tool calls and feedback depend on the
//! questions and on what context was lost, so they are matched by simulation: the scenario is
//! simulated for the same users, and each parameter is moved until the simulated moment is the
//! recorded one: see `matching`.
//!
//! Guarantees: figures with too few observations are kept as the scenario has them.
//!
//! Does not know: how the result is written.

use std::collections::BTreeMap;

use crate::journal::FailureKind;
use crate::live::calibrate::latency::{self, Z90};
use crate::live::calibrate::matching::match_moments;
use crate::live::recording::{CallOutcome, Recording};
use crate::llm::profile::ModelProfile;
use crate::quantity::Probability;
use crate::random::Seed;
use crate::run::SetupError;
use crate::scenario::Scenario;
use crate::time::Duration;

/// Fewest observations behind a figure.
pub const LEAST: usize = 20;
/// One fitted figure.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedParameter {
    /// The model.
    pub model: String,
    /// The field of a scenario's model: `latency.base`, `answer_tokens`, ….
    pub field: &'static str,
    /// Its value, in seconds where it is a time.
    pub value: f64,
    /// Its 90% interval.
    pub interval: [f64; 2],
    /// Observations behind it.
    pub observations: usize,
    /// Of what, such as `calls`.
    pub of: &'static str,
}

/// What came of a calibration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// What was fitted, by model.
    pub figures: Vec<FittedParameter>,
    /// What was kept as the scenario has it, and why.
    pub kept: Vec<String>,
}

/// Why nothing could be fitted.
#[derive(Debug)]
pub enum FitError {
    /// There are too few calls of any model; how many at most.
    TooFew(usize),
    /// The scenario cannot be simulated.
    Setup(SetupError),
}

impl std::fmt::Display for FitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooFew(most) => {
                write!(
                    f,
                    "no model was called often enough: {LEAST} calls are needed, and the most called one has {most}"
                )
            }
            Self::Setup(error) => write!(f, "{error}"),
        }
    }
}

/// Calls of one model.
#[derive(Default)]
struct Calls {
    /// Output tokens and seconds.
    times: Vec<(f64, f64)>,
    calls: u64,
    errors: u64,
    refused: u64,
    refusals: u64,
    structured: u64,
    malformed: u64,
}

fn calls(scenario: &Scenario, recording: &Recording) -> BTreeMap<String, Calls> {
    use crate::journal::Caller;
    let mut all: BTreeMap<String, Calls> = BTreeMap::new();
    for (call, outcome) in recording.calls.iter().filter(|(call, _)| !call.is_proof()) {
        let (CallOutcome::Answered(crate::live::recording::Answered { model, .. })
        | CallOutcome::Failed(crate::live::recording::Failed { model, .. })) = outcome;
        let own = all.entry(model.clone()).or_default();
        let structured = matches!(call.caller, Caller::Agent(agent) if scenario.graph.node(agent).role.task().schema().is_some());
        if let CallOutcome::Answered(answered) = outcome {
            own.times.push((f64::from(answered.output_tokens), answered.answer_us as f64 / 1e6));
        }
        if call.attempt > 0 {
            // Malformed counts what stayed so after it was asked for again, as a mock's call fails
            // for good.
            own.malformed += u64::from(structured && !readable(outcome));
            continue;
        }
        own.calls += 1;
        own.structured += u64::from(structured);
        match outcome {
            CallOutcome::Answered(answered) => {
                own.refusals +=
                    u64::from(matches!(answered.stop.as_str(), "refusal" | "content_filter"))
            }
            CallOutcome::Failed(failed) => match failed.kind {
                FailureKind::RateLimited => own.refused += 1,
                FailureKind::Timeout | FailureKind::ProviderError => own.errors += 1,
                _ => {}
            },
        }
    }
    all
}

/// Whether a structured answer is an object at all.
fn readable(outcome: &CallOutcome) -> bool {
    let CallOutcome::Answered(answered) = outcome else { return false };
    let text = answered.tools.first().map_or(answered.text.as_str(), |call| call.input.as_str());
    serde_json::from_str::<serde_json::Value>(text)
        .is_ok_and(|value| value.as_object().is_some_and(|object| !object.is_empty()))
}

/// Wilson's interval of a share, 90% (Wilson 1927).
#[must_use]
pub fn wilson(successes: u64, of: u64) -> (f64, [f64; 2]) {
    let (n, p) = (of as f64, successes as f64 / (of as f64).max(1.0));
    let z2 = Z90 * Z90;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z90 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // None and all are their own bounds, which rounding misses.
    let low = if successes == 0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if successes == of { 1.0 } else { (middle + half).min(1.0) };
    (p, [low, high])
}

/// Fits a recording; `base` is the scenario that was recorded. Gives the fitted scenario as well.
/// `progress` hears how many of the [`SIMULATIONS`](super::SIMULATIONS) are done.
///
/// # Errors
/// When there is too little to fit, or the scenario cannot be simulated.
pub fn calibrate(
    recording: &Recording,
    base: &Scenario,
    seed: Seed,
    users: u32,
    progress: &mut dyn FnMut(u64),
) -> Result<(Calibration, Scenario), FitError> {
    let mut found = Calibration::default();
    let mut scenario = base.clone();
    let calls = calls(base, recording);
    let most = calls.values().map(|calls| calls.times.len()).max().unwrap_or(0);
    if most < LEAST {
        return Err(FitError::TooFew(most));
    }
    for (model, calls) in &calls {
        let Some(profile) = scenario.models.iter_mut().find(|profile| profile.id == *model) else {
            found.kept.push(format!("{model}: everything, since the scenario does not have it"));
            continue;
        };
        if calls.times.len() < LEAST {
            found
                .kept
                .push(format!("{model}: everything, for want of calls ({})", calls.times.len()));
            continue;
        }
        read_off(model, calls, profile, &mut found);
    }
    match_moments(recording, &mut scenario, seed, users, &mut found, progress)
        .map_err(FitError::Setup)?;
    found.kept.push(
        "how well a model answers apart from how the judge rates: only both together show, so the judge is as the scenario has it"
            .to_owned(),
    );
    found.kept.push("models that were not called".to_owned());
    found.kept.push(
        "personal_data_recall and false_alarm: the recording does not say which personal data there were"
            .to_owned(),
    );
    found.kept.push(
        "causes, tools' appeal, and what a question asks: as the scenario has them".to_owned(),
    );
    let order = |figure: &FittedParameter| {
        scenario.models.iter().position(|model| model.id == figure.model)
    };
    found.figures.sort_by_key(order);
    Ok((found, scenario))
}

/// What the calls themselves tell.
fn read_off(model: &str, calls: &Calls, profile: &mut ModelProfile, found: &mut Calibration) {
    let Calibration { figures, kept } = found;
    let mut push = |field, (value, interval): (f64, [f64; 2]), observations, of| {
        figures.push(FittedParameter {
            model: model.to_owned(),
            field,
            value,
            interval,
            observations,
            of,
        });
    };
    match latency::fit(&calls.times, profile.latency.per_token.seconds()) {
        None => kept.push(format!("{model}: latency, which could not be fitted")),
        Some(fit) => {
            push("latency.base", fit.base, fit.used, "calls");
            profile.latency.base = Duration::from_seconds(fit.base.0);
            match fit.per_token {
                Some(per_token) => {
                    push("latency.per_token", per_token, fit.used, "calls");
                    profile.latency.per_token = Duration::from_seconds(per_token.0);
                }
                None => kept.push(format!(
                    "{model}: latency.per_token, since its answers are all about equally long"
                )),
            }
            push("latency.sigma", fit.sigma, fit.used, "calls");
            profile.latency.sigma = fit.sigma.0;
            let all = (fit.used + fit.stalls) as u64;
            let stalls = wilson(fit.stalls as u64, all);
            push("latency.stall_chance", stalls, all as usize, "calls");
            profile.latency.stall_chance = Probability::clamped(stalls.0);
            kept.push(match fit.stall {
                Some(stall) => {
                    format!("{model}: latency.stall and stall_sigma (half of the {} stalls took more than {stall:.1} s)", fit.stalls)
                }
                None => format!("{model}: latency.stall and stall_sigma, since no call stalled"),
            });
        }
    }
    let rates = [
        ("failures.error", calls.errors, calls.calls),
        ("failures.rate_limit", calls.refused, calls.calls),
        ("failures.refusal", calls.refusals, calls.calls),
        ("failures.malformed", calls.malformed, calls.structured),
    ];
    for (field, failed, of) in rates {
        if (of as usize) < LEAST {
            if of > 0 {
                kept.push(format!("{model}: {field}, for want of calls ({of})"));
            }
            continue;
        }
        let share = wilson(failed, of);
        push(field, share, of as usize, "calls");
        let chance = Probability::clamped(share.0);
        match field {
            "failures.error" => profile.failures.error = chance,
            "failures.rate_limit" => profile.failures.rate_limit = chance,
            "failures.refusal" => profile.failures.refusal = chance,
            _ => profile.failures.malformed = chance,
        }
    }
}
