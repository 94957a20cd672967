//! What is matched between a recording and the simulator: for each model of the support agent its
//! answers' lengths, its tool calls and the feedback on it.
//!
//! Does not know: how they are brought to agree.

use std::collections::BTreeMap;

use crate::context::user_key;
use crate::journal::{AgentId, Caller, Entry, Label};
use crate::live::recording::{CallOutcome, Recording};
use crate::llm::model::{CallFailure, Completion, ModelReply, Prompt};
use crate::llm::tasks::Task;
use crate::random::{Owner, Seed};
use crate::run::PreparedScenario;
use crate::scenario::Scenario;

/// What one model did as support agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Logarithms of the lengths of final answers, in tokens.
    pub lengths: Vec<f64>,
    /// Tool calls before each final answer.
    pub rounds: Vec<f64>,
    /// Judgments.
    pub judged: u64,
    /// Positive ones.
    pub positive: u64,
    /// Negative ones.
    pub negative: u64,
}

impl Moments {
    /// Mean and standard deviation.
    #[must_use]
    pub fn spread(values: &[f64]) -> (f64, f64) {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        (mean, (squares / (count - 1.0).max(1.0)).sqrt())
    }

    fn answer(&mut self, tokens: u32, rounds: u16) {
        self.lengths.push(libm::log(f64::from(tokens.max(1))));
        self.rounds.push(f64::from(rounds));
    }

    fn label(&mut self, label: Label) {
        self.judged += 1;
        self.positive += u64::from(label == Label::Positive);
        self.negative += u64::from(label == Label::Negative);
    }
}

/// What the recording has, by model.
#[must_use]
pub fn recorded(scenario: &Scenario, recording: &Recording) -> BTreeMap<String, Moments> {
    let mut all: BTreeMap<String, Moments> = BTreeMap::new();
    let mut answered_by: BTreeMap<u32, String> = BTreeMap::new();
    let mut rounds: BTreeMap<u32, u16> = BTreeMap::new();
    for (call, outcome) in &recording.calls {
        let CallOutcome::Answered(answered) = outcome else { continue };
        let answers = |agent: AgentId| scenario.graph.node(agent).role.task() == Task::Answer;
        match call.caller {
            Caller::Agent(agent) if answers(agent) && !answered.tools.is_empty() => {
                *rounds.entry(call.user).or_default() += 1
            }
            Caller::Agent(agent) if answers(agent) && !answered.text.trim().is_empty() => {
                let rounds = rounds.get(&call.user).copied().unwrap_or(0);
                all.entry(answered.model.clone())
                    .or_default()
                    .answer(answered.output_tokens, rounds);
                answered_by.insert(call.user, answered.model.clone());
            }
            Caller::Judge => {
                let word = answered.text.trim().to_lowercase();
                let labels = [
                    ("positive", Label::Positive),
                    ("negative", Label::Negative),
                    ("none", Label::None),
                ];
                let label = labels.into_iter().find(|(text, _)| word.starts_with(text));
                if let (Some((_, label)), Some(model)) = (label, answered_by.get(&call.user)) {
                    all.entry(model.clone()).or_default().label(label);
                }
            }
            _ => {}
        }
    }
    all
}

/// What the simulator does with this stage's scenario, by model.
pub fn simulated(
    stage: &PreparedScenario<'_>,
    seed: Seed,
    users: u32,
) -> BTreeMap<String, Moments> {
    let mut all: BTreeMap<String, Moments> = BTreeMap::new();
    let owners: BTreeMap<Owner, u32> =
        (1..=users).map(|user| (user_key(user).owner(), user)).collect();
    let mut answered_by: BTreeMap<u32, u16> = BTreeMap::new();
    let name = |model: u16| stage.scenario.model(model).id.clone();
    let mut on_call = |prompt: &Prompt<'_>, result: &Result<Completion, CallFailure>| {
        let (Some(&user), Ok(done)) = (owners.get(&prompt.owner), result) else { return };
        match (prompt.task, &done.reply) {
            (Task::Answer, ModelReply::Answer(_)) => {
                all.entry(name(prompt.setup.model))
                    .or_default()
                    .answer(done.output_tokens, prompt.subject.rounds);
                answered_by.insert(user, prompt.setup.model);
            }
            (Task::Judge, ModelReply::Label(label)) => {
                if let Some(&model) = answered_by.get(&user) {
                    all.entry(name(model)).or_default().label(*label);
                }
            }
            _ => {}
        }
    };
    stage.population(seed, users).visit_observed(None::<Vec<Entry>>, &mut on_call, |_, _| ());
    all
}
