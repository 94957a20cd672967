//! Lengths, tool calls and feedback, matched by simulation: each parameter of a model is moved, by
//! Newton's method, until the simulated moment is the recorded one (the method of simulated
//! moments: McFadden 1989, *Econometrica* 57). The error of a parameter is that of its two moments,
//! divided by how much the moment moves with it: the delta method.
//!
//! Guarantees: the slopes are those of the simulator itself, with the same luck on both sides. What
//! a moment hardly depends on is kept as the scenario has it, and said to be. Measured: of the 90%
//! intervals of eight recordings of 600 users each, 34 of 39 held the server's true values (`cargo
//! test --test it -- --ignored --nocapture eight_recordings`).
//!
//! Does not know: calls and times.

use std::collections::BTreeMap;

use crate::live::calibrate::fit::{Calibration, FittedParameter, LEAST};
use crate::live::calibrate::latency::Z90;
use crate::live::calibrate::moments::{Moments, recorded, simulated};
use crate::live::recording::Recording;
use crate::llm::profile::ModelProfile;
use crate::quantity::Probability;
use crate::random::Seed;
use crate::run::{PreparedScenario, SetupError};
use crate::scenario::Scenario;

/// Users of a simulation, at least: its own noise shall not matter.
const MIN_USERS: u32 = 8_000;
/// Rounds of Newton's method.
const ROUNDS: usize = 5;
/// Simulations that a matching takes: one to begin with, and in each round one for each parameter
/// and one for all.
pub const SIMULATIONS: u64 = 1 + ROUNDS as u64 * (Parameter::ALL.len() as u64 + 1);
/// By how much a parameter is moved to learn its slope.
const NUDGE: f64 = 0.2;

/// A parameter of a model, and the moment that it is matched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameter {
    AnswerTokens,
    AnswerSigma,
    ToolAppetite,
    Quality,
    Weakness,
}

impl Parameter {
    const ALL: [Self; 5] =
        [Self::AnswerTokens, Self::AnswerSigma, Self::ToolAppetite, Self::Quality, Self::Weakness];

    fn field(self) -> &'static str {
        match self {
            Self::AnswerTokens => "answer_tokens",
            Self::AnswerSigma => "answer_sigma",
            Self::ToolAppetite => "tool_appetite",
            Self::Quality => "quality",
            Self::Weakness => "weakness",
        }
    }

    fn get(self, profile: &ModelProfile) -> f64 {
        match self {
            Self::AnswerTokens => profile.answer_tokens,
            Self::AnswerSigma => profile.answer_sigma,
            Self::ToolAppetite => profile.tool_appetite,
            Self::Quality => profile.quality.get(),
            Self::Weakness => profile.weakness.get(),
        }
    }

    fn set(self, profile: &mut ModelProfile, value: f64) {
        match self {
            Self::AnswerTokens => profile.answer_tokens = value,
            Self::AnswerSigma => profile.answer_sigma = value,
            Self::ToolAppetite => profile.tool_appetite = value,
            Self::Quality => profile.quality = Probability::clamped(value),
            Self::Weakness => profile.weakness = Probability::clamped(value),
        }
    }

    /// The moment, its standard error, and the observations behind it; `None` where there are too
    /// few.
    fn moment(self, of: &Moments) -> Option<(f64, f64, usize, &'static str)> {
        let root = |n: usize| (n as f64).sqrt();
        let answers = of.lengths.len();
        let share = |count: u64| {
            let judged = of.judged as usize;
            // One more of each, so that a share of zero has an error, too (Agresti & Coull 1998).
            let p = (count as f64 + 1.0) / (of.judged as f64 + 2.0);
            (judged >= LEAST && count > 0).then(|| {
                (
                    count as f64 / of.judged as f64,
                    (p * (1.0 - p)).sqrt() / root(judged),
                    judged,
                    "judgments",
                )
            })
        };
        match self {
            Self::AnswerTokens | Self::AnswerSigma if answers < LEAST => None,
            Self::AnswerTokens => {
                let (mean, sd) = Moments::spread(&of.lengths);
                Some((mean, sd / root(answers), answers, "answers"))
            }
            Self::AnswerSigma => {
                let (mean, sd) = Moments::spread(&of.lengths);
                let fourth =
                    of.lengths.iter().map(|value| libm::pow(value - mean, 4.0)).sum::<f64>()
                        / answers as f64;
                let kurtosis = if sd > 0.0 { fourth / libm::pow(sd, 4.0) } else { 3.0 };
                Some((
                    sd,
                    sd * ((kurtosis - 1.0).max(0.0) / (4.0 * answers as f64)).sqrt(),
                    answers,
                    "answers",
                ))
            }
            Self::ToolAppetite => {
                let (mean, sd) = Moments::spread(&of.rounds);
                (answers >= LEAST && mean > 0.0)
                    .then(|| (mean, sd / root(answers), answers, "answers"))
            }
            Self::Quality => share(of.positive),
            Self::Weakness => share(of.negative),
        }
    }
}

/// The model of this id.
fn profile<'s>(scenario: &'s Scenario, model: &str) -> Option<&'s ModelProfile> {
    scenario.models.iter().find(|profile| profile.id == model)
}

/// The model of this id, to be changed.
fn profile_mut<'s>(scenario: &'s mut Scenario, model: &str) -> Option<&'s mut ModelProfile> {
    scenario.models.iter_mut().find(|profile| profile.id == model)
}

fn simulate(
    scenario: &Scenario,
    seed: Seed,
    users: u32,
) -> Result<BTreeMap<String, Moments>, SetupError> {
    let stage = PreparedScenario::new(scenario, seed)?;
    Ok(simulated(&stage, seed, users))
}

/// Matches every model of the recording's support agents. `progress` hears how many of
/// [`SIMULATIONS`] are done.
///
/// # Errors
/// When the scenario cannot be simulated.
pub fn match_moments(
    recording: &Recording,
    scenario: &mut Scenario,
    seed: Seed,
    users: u32,
    found: &mut Calibration,
    progress: &mut dyn FnMut(u64),
) -> Result<(), SetupError> {
    let users = users.max(MIN_USERS);
    let wanted = recorded(scenario, recording);
    let base = scenario.clone();
    let mut slopes: BTreeMap<(String, usize), f64> = BTreeMap::new();
    let mut done = 0;
    let mut count = || {
        done += 1;
        progress(done);
    };
    let mut now = simulate(scenario, seed, users)?;
    count();
    for _ in 0..ROUNDS {
        let mut moved = scenario.clone();
        for parameter in Parameter::ALL {
            // All models are nudged at once: each has users of its own.
            let mut nudged = scenario.clone();
            for model in wanted.keys() {
                if let Some(profile) = profile_mut(&mut nudged, model) {
                    parameter.set(profile, parameter.get(profile) * (1.0 + NUDGE));
                }
            }
            let then = simulate(&nudged, seed, users)?;
            count();
            for (model, wanted) in &wanted {
                let profiles = (
                    profile(scenario, model),
                    profile(&nudged, model),
                    profile_mut(&mut moved, model),
                );
                let (Some(profile), Some(nudged), Some(aimed)) = profiles else { continue };
                let (Some(now), Some(then)) = (now.get(model), then.get(model)) else { continue };
                let moments =
                    (parameter.moment(wanted), parameter.moment(now), parameter.moment(then));
                let (Some((want, ..)), Some((have, ..)), Some((moved_to, ..))) = moments else {
                    continue;
                };
                let value = parameter.get(profile);
                let step = parameter.get(nudged) - value;
                let slope = if step == 0.0 { 0.0 } else { (moved_to - have) / step };
                slopes.insert((model.clone(), parameter as usize), slope);
                if slope.abs() > 1e-12 {
                    // No more than by half at once, whatever the slope says.
                    let aim = value + (want - have) / slope;
                    parameter.set(aimed, aim.clamp(value * 0.5, value * 1.5));
                }
            }
        }
        *scenario = moved;
        now = simulate(scenario, seed, users)?;
        count();
    }
    for (model, moments) in &wanted {
        let (Some(base), Some(profile)) = (profile(&base, model), profile_mut(scenario, model))
        else {
            continue;
        };
        for parameter in Parameter::ALL {
            let field = parameter.field();
            let Some((_, error, observations, of)) = parameter.moment(moments) else {
                found.kept.push(format!("{model}: {field}, for want of observations"));
                parameter.set(profile, parameter.get(base));
                continue;
            };
            let own = now
                .get(model)
                .and_then(|now| parameter.moment(now))
                .map_or(0.0, |(_, error, ..)| error);
            let slope = slopes.get(&(model.clone(), parameter as usize)).copied().unwrap_or(0.0);
            let value = parameter.get(profile);
            let half = Z90 * (error * error + own * own).sqrt() / slope.abs();
            if !half.is_finite() || half > value.max(parameter.get(base)) {
                found
                    .kept
                    .push(format!("{model}: {field}, on which what was recorded hardly depends"));
                parameter.set(profile, parameter.get(base));
                continue;
            }
            let most = if matches!(parameter, Parameter::Quality | Parameter::Weakness) {
                1.0
            } else {
                f64::INFINITY
            };
            let interval = [(value - half).max(0.0), (value + half).min(most)];
            found.figures.push(FittedParameter {
                model: model.clone(),
                field,
                value,
                interval,
                observations,
                of,
            });
        }
    }
    Ok(())
}
