//! What is counted is what would be rendered: every model call of whole runs, text against table.

use std::cell::Cell;

use simlab::agents::{Assignment, Assignments, MockTools, Texts};
use simlab::context::UserKey;
use simlab::diagnostic::{SourceText, render};
use simlab::flags::compiled::Compiled;
use simlab::journal::{Entry, Served};
use simlab::knowledge::tokens::count;
use simlab::llm::mock::MockModels;
use simlab::llm::model::{Body, CallFailure, Completion, ModelReply, Prompt, TOKENS_PER_MESSAGE};
use simlab::llm::tasks::Task;
use simlab::random::Seed;
use simlab::run::PreparedScenario;
use simlab::scenario::{Scenario, load, parse};
use simlab::sim::{Assign, Engine, EngineWorld, drive};
use simlab::traffic::TrafficPlan;

/// Assigns by the flags, as a run does.
struct ByFlags<'a>(&'a Compiled);

impl Assign for ByFlags<'_> {
    fn assign(&mut self, key: &UserKey, group: u16) -> Assignments {
        let assign = |config: u8| {
            let evaluation = self.0.evaluate(usize::from(config), usize::from(group), key.as_str());
            let served =
                evaluation.variation.map(|variation| Served { config, variation: variation as u8 });
            Assignment { served, in_experiment: evaluation.in_experiment }
        };
        (0..self.0.configs() as u8).map(assign).collect()
    }
}

/// The mock, looked over its shoulder.
struct Checked<'a> {
    mock: &'a MockModels<'a>,
    texts: Texts<'a>,
    calls: Cell<u32>,
}

impl Checked<'_> {
    /// Tokens of the text that a message would have.
    fn rendered(&self, body: &Body) -> u32 {
        self.texts.parts(body).iter().map(|part| count(part)).sum()
    }

    fn check(&self, prompt: &Prompt<'_>, done: &Completion) {
        let question = prompt.question.map_or(0, |question| self.rendered(question));
        let text = match prompt.task {
            Task::Prescreen | Task::Screen => question + TOKENS_PER_MESSAGE,
            Task::Answer => prompt
                .thread
                .iter()
                .map(|message| self.rendered(&message.body) + TOKENS_PER_MESSAGE)
                .sum(),
            // The writer's and the judge's messages are held to their texts where they are made.
            _ => done.input_tokens - prompt.setup.fixed_tokens,
        };
        assert_eq!(
            done.input_tokens,
            prompt.setup.fixed_tokens + text,
            "{:?} {:?}",
            prompt.caller,
            prompt.thread
        );
        let spoken = match &done.reply {
            ModelReply::Topics(_) => done.output_tokens,
            reply => self.texts.reply(reply, prompt).iter().map(|part| count(part)).sum(),
        };
        let most = prompt.setup.max_tokens.unwrap_or(u32::MAX);
        assert_eq!(done.output_tokens, spoken.min(most), "{:?} {:?}", prompt.caller, done.reply);
    }
}

impl Checked<'_> {
    fn answer(&self, prompt: &Prompt<'_>) -> Result<Completion, CallFailure> {
        let result = self.mock.answer(prompt);
        if let Ok(done) = &result {
            self.check(prompt, done);
            self.calls.set(self.calls.get() + 1);
        }
        result
    }
}

/// Every call of 200 users of a scenario, text against table.
fn counted(scenario: &Scenario) {
    let stage = PreparedScenario::new(scenario, Seed(9)).unwrap();
    let topics: Vec<_> = scenario.knowledge.topics().collect();
    let mock = stage.mock(Seed(9), &topics);
    let plan = TrafficPlan::new(Seed(9), &scenario.traffic, &scenario.knowledge, topics.clone());
    let world = EngineWorld {
        app: stage.app(),
        plan: &plan,
        traffic: &scenario.traffic,
        luck: Seed(9).into(),
    };
    let tools = MockTools::new(&mock, &stage.library);
    let mut engine =
        Engine::new(world, (ByFlags(&stage.compiled), tools, Vec::<Entry>::new()), 1, 200);
    let checked = Checked { mock: &mock, texts: stage.texts(), calls: Cell::new(0) };
    drive(&mut engine, |prompt| checked.answer(prompt), |_, _| ());
    assert!(checked.calls.get() > 600, "{}", checked.calls.get());
}

#[test]
fn what_is_counted_is_what_would_be_rendered() {
    for name in ["security", "tutorial"] {
        counted(&load(name).unwrap().scenario);
    }
}

#[test]
fn what_is_remembered_of_earlier_visits_is_counted_too() {
    let text = load("security").unwrap().source.text;
    let users = "users: (visits: Fixed(3), gap: \"1h\", remembers: 2), experiments: [";
    let text = text.replacen("experiments: [", users, 1);
    let documents = |_: &str| Err("there is no folder".to_owned());
    let text = text.replace("knowledge:", "// knowledge:");
    let loaded = parse("own", SourceText::new("own.ron", text), &documents);
    counted(&loaded.unwrap_or_else(|faults| panic!("{}", render(&faults, false))).scenario);
}

#[test]
fn questions_of_a_file_are_counted_word_for_word() {
    let lines = r#"{"text": "Who pays \"twice\"?\nI'm Ada Stone (ada@stone.example)."}
        {"text": "Übergrößen für 東京 — wie lange?", "depth": "basic", "personal_data": {"company": "東京"}}
        {"text": "What is Q-Learning?", "personal_data": {}, "expected": "A way to learn values."}"#;
    let text = load("security").unwrap().source.text.replace("knowledge:", "// knowledge:");
    let text = text.replacen("experiments: [", "questions: \"q.jsonl\", experiments: [", 1);
    let text: String =
        text.lines().filter(|line| !line.contains("pii_percentage")).collect::<Vec<_>>().join("\n");
    let documents = |named: &str| Ok(vec![(named.to_owned(), lines.to_owned())]);
    let loaded = parse("own", SourceText::new("own.ron", text), &documents);
    counted(&loaded.unwrap_or_else(|faults| panic!("{}", render(&faults, false))).scenario);
}
