//! Fits the profiles of a scenario's models to a recording.
//!
//! Latency and failures are read off the calls. Lengths, tool calls and feedback depend on the questions and on what context was
//! lost, so they are matched by simulation: the scenario is simulated for the same users, and each parameter is moved until
//! the simulated moment is the recorded one (the method of simulated moments: McFadden 1989; indirect inference: Gourieroux,
//! Monfort & Renault 1993). A parameter's relative error is its moment's, by the delta method.
//!
//! Promises: figures with too few observations are kept as the scenario has them.
//!
//! Does not know: how the result is written.

use std::collections::BTreeMap;

use crate::journal::FailureKind;
use crate::live::calibrate::latency::{self, Z90};
use crate::live::calibrate::moments::{Moments, recorded, simulated};
use crate::live::recording::{CallOutcome, Recording};
use crate::llm::profile::ModelProfile;
use crate::quantity::Probability;
use crate::random::Seed;
use crate::run::{SetupError, Stage};
use crate::scenario::Scenario;
use crate::time::Duration;

/// Fewest observations behind a figure.
pub const LEAST: usize = 20;
/// Users of a simulation, at least: its own noise shall not matter.
const LEAST_USERS: u32 = 4_000;
/// Rounds of matching.
const ROUNDS: usize = 5;

/// One fitted figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
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
    pub figures: Vec<Figure>,
    /// What was kept as the scenario has it, and why.
    pub kept: Vec<String>,
}

/// Why nothing could be fitted.
#[derive(Debug)]
pub enum Fault {
    /// There are too few calls of any model; how many at most.
    TooFew(usize),
    /// The scenario cannot be simulated.
    Setup(SetupError),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooFew(most) => {
                write!(f, "no model was called often enough: {LEAST} calls are needed, and the most called one has {most}")
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

fn calls(recording: &Recording) -> BTreeMap<String, Calls> {
    use crate::journal::Caller;
    let mut all: BTreeMap<String, Calls> = BTreeMap::new();
    for (call, outcome) in &recording.calls {
        let (CallOutcome::Answered(crate::live::recording::Answered { model, .. })
        | CallOutcome::Failed(crate::live::recording::Failed { model, .. })) = outcome;
        let own = all.entry(model.clone()).or_default();
        let structured = matches!(call.caller, Caller::Supervisor | Caller::Security);
        if call.attempt == 0 {
            own.calls += 1;
            own.structured += u64::from(structured);
        } else {
            own.malformed += u64::from(structured);
        }
        match outcome {
            CallOutcome::Answered(answered) => {
                own.times.push((f64::from(answered.output_tokens), answered.answer_us as f64 / 1e6));
                own.refusals += u64::from(matches!(answered.stop.as_str(), "refusal" | "content_filter"));
            }
            CallOutcome::Failed(failed) if failed.kind == FailureKind::RateLimited => own.refused += 1,
            CallOutcome::Failed(_) => own.errors += 1,
        }
    }
    all
}

/// Wilson's interval of a share, 90% (Wilson 1927).
fn wilson(successes: u64, of: u64) -> (f64, [f64; 2]) {
    let (n, p) = (of as f64, successes as f64 / (of as f64).max(1.0));
    let z2 = Z90 * Z90;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z90 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    (p, [(middle - half).max(0.0), (middle + half).min(1.0)])
}

/// Fits a recording; `base` is the scenario that was recorded. Gives the fitted scenario as well.
///
/// # Errors
/// When there is too little to fit, or the scenario cannot be simulated.
pub async fn calibrate(recording: &Recording, base: &Scenario, seed: Seed, users: u32) -> Result<(Calibration, Scenario), Fault> {
    let mut found = Calibration::default();
    let mut scenario = base.clone();
    let calls = calls(recording);
    let most = calls.values().map(|calls| calls.times.len()).max().unwrap_or(0);
    if most < LEAST {
        return Err(Fault::TooFew(most));
    }
    for (model, calls) in &calls {
        let Some(profile) = scenario.models.iter_mut().find(|profile| profile.id == *model) else { continue };
        if calls.times.len() < LEAST {
            found.kept.push(format!("{model}: everything, for want of calls ({})", calls.times.len()));
            continue;
        }
        read_off(model, calls, profile, &mut found);
    }
    match_moments(recording, &mut scenario, seed, users, &mut found).await.map_err(Fault::Setup)?;
    found.kept.push(
        "how well a model answers apart from how the judge rates: only both together show, so the judge is as the scenario has it"
            .to_owned(),
    );
    found.kept.push("personal_data_recall and false_alarm: nobody recorded what was there to be found".to_owned());
    found.kept.push("causes, tools' appeal, and what a question asks: as the scenario has them".to_owned());
    let order = |figure: &Figure| scenario.models.iter().position(|model| model.id == figure.model);
    found.figures.sort_by_key(order);
    Ok((found, scenario))
}

/// What the calls themselves tell.
fn read_off(model: &str, calls: &Calls, profile: &mut ModelProfile, found: &mut Calibration) {
    let mut push = |field, (value, interval): (f64, [f64; 2]), observations, of| {
        found.figures.push(Figure { model: model.to_owned(), field, value, interval, observations, of });
    };
    match latency::fit(&calls.times, profile.latency.per_token.seconds()) {
        None => found.kept.push(format!("{model}: latency, which could not be fitted")),
        Some(fit) => {
            push("latency.base", fit.base, fit.used, "calls");
            profile.latency.base = Duration::from_seconds(fit.base.0);
            // Without a fitted time for each token the base is the whole time.
            let per_token = fit.per_token.unwrap_or((0.0, [0.0, 0.0]));
            push("latency.per_token", per_token, fit.used, "calls");
            profile.latency.per_token = Duration::from_seconds(per_token.0);
            push("latency.sigma", fit.sigma, fit.used, "calls");
            profile.latency.sigma = fit.sigma.0;
            let all = (fit.used + fit.stalls) as u64;
            let stalls = wilson(fit.stalls as u64, all);
            push("latency.stall_chance", stalls, all as usize, "calls");
            profile.latency.stall_chance = Probability::clamped(stalls.0);
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

/// Moves lengths, appetites and qualities until the simulated moments are the recorded ones.
async fn match_moments(
    recording: &Recording,
    scenario: &mut Scenario,
    seed: Seed,
    users: u32,
    found: &mut Calibration,
) -> Result<(), SetupError> {
    let wanted: BTreeMap<String, Moments> = recorded(recording);
    let enough = |moments: &Moments| moments.lengths.len() >= LEAST;
    for (model, moments) in wanted.iter().filter(|(_, moments)| !enough(moments)) {
        found.kept.push(format!("{model}: answers and feedback, for want of answers ({})", moments.lengths.len()));
    }
    for _ in 0..ROUNDS {
        let moved = scenario.clone();
        let stage = Stage::new(&moved, seed).await?;
        let now = simulated(&stage, seed, users.max(LEAST_USERS)).await;
        for (model, wanted) in wanted.iter().filter(|(_, moments)| enough(moments)) {
            let (Some(now), Some(profile)) = (now.get(model), scenario.models.iter_mut().find(|profile| profile.id == *model)) else {
                continue;
            };
            let ((want, want_sd), (have, have_sd)) = (Moments::spread(&wanted.lengths), Moments::spread(&now.lengths));
            profile.answer_tokens *= libm::exp(want - have);
            let variance = profile.answer_sigma * profile.answer_sigma + want_sd * want_sd - have_sd * have_sd;
            profile.answer_sigma = variance.max(0.0).sqrt();
            let (want, have) = (Moments::spread(&wanted.rounds).0, Moments::spread(&now.rounds).0);
            profile.tool_appetite = if have > 0.0 { profile.tool_appetite * want / have } else { want };
            let ((positive, negative), (now_positive, now_negative)) = (wanted.feedback(), now.feedback());
            let scaled = |p: Probability, want: f64, have: f64| if have > 0.0 { Probability::clamped(p.get() * want / have) } else { p };
            profile.quality = scaled(profile.quality, positive, now_positive);
            profile.weakness = scaled(profile.weakness, negative, now_negative);
        }
    }
    for (model, moments) in wanted.iter().filter(|(_, moments)| enough(moments)) {
        let Some(profile) = scenario.models.iter().find(|profile| profile.id == *model) else { continue };
        let n = moments.lengths.len();
        let (_, sd) = Moments::spread(&moments.lengths);
        let (rounds, rounds_sd) = Moments::spread(&moments.rounds);
        let relative = |value: f64, error: f64| (value, [value * libm::exp(-Z90 * error), value * libm::exp(Z90 * error)]);
        let root = (n as f64).sqrt();
        let mut push = |field, (value, interval): (f64, [f64; 2]), observations, of| {
            found.figures.push(Figure { model: model.clone(), field, value, interval, observations, of });
        };
        push("answer_tokens", relative(profile.answer_tokens, sd / root), n, "answers");
        // The delta method: the variance that the questions bring is the simulator's, and known.
        let error = if profile.answer_sigma > 0.0 {
            sd * sd / (profile.answer_sigma * profile.answer_sigma * (2.0 * n as f64).sqrt())
        } else {
            0.0
        };
        push("answer_sigma", relative(profile.answer_sigma, error), n, "answers");
        if rounds > 0.0 {
            push("tool_appetite", relative(profile.tool_appetite, rounds_sd / rounds / root), n, "answers");
        }
        for (field, value, count) in
            [("quality", profile.quality.get(), moments.positive), ("weakness", profile.weakness.get(), moments.negative)]
        {
            if count == 0 {
                found.kept.push(format!("{model}: {field}, since nobody was recorded to rate so"));
                continue;
            }
            let (share, [low, high]) = wilson(count, moments.judged);
            let by = |bound: f64| (value * bound / share).clamp(0.0, 1.0);
            push(field, (value, [by(low), by(high)]), moments.judged as usize, "judgments");
        }
    }
    Ok(())
}
