//! What is counted is what would be rendered: every model call of whole runs, text against table.

use std::cell::Cell;

use simlab::agents::{Assignment, Library};
use simlab::context::UserKey;
use simlab::flags::compiled::Compiled;
use simlab::journal::{Caller, Entry, Served};
use simlab::knowledge::tokens::count;
use simlab::knowledge::{Detection, Items, KnowledgeBase};
use simlab::llm::mock::MockModels;
use simlab::llm::model::{Body, CallFailure, ChatModel, Completion, Prompt, Reply, TOKENS_PER_MESSAGE};
use simlab::llm::render;
use simlab::random::Seed;
use simlab::run::Stage;
use simlab::scenario::load;
use simlab::sim::{Assign, Engine, Virtual, World, drive};
use simlab::traffic::Plan;

/// Assigns by the flags, as a run does.
struct ByFlags<'a>(&'a Compiled);

impl Assign for ByFlags<'_> {
    fn assign(&mut self, key: &UserKey, group: u16) -> [Assignment; 3] {
        [0, 1, 2].map(|config: u8| {
            let evaluation = self.0.evaluate(usize::from(config), usize::from(group), key.as_str());
            let served = evaluation.variation.map(|variation| Served { config, variation: variation as u8 });
            Assignment { served, in_experiment: evaluation.in_experiment }
        })
    }
}

/// The mock, looked over its shoulder.
struct Checked<'a> {
    mock: &'a MockModels<'a>,
    library: &'a Library<'a>,
    base: &'a KnowledgeBase,
    calls: Cell<u32>,
}

impl Checked<'_> {
    /// Tokens of the text that a message would have.
    fn rendered(&self, body: &Body) -> u32 {
        match body {
            Body::Question(question) => count(&question.render(self.base, Items::NONE)),
            Body::Redacted(question, redacted) => count(&question.render(self.base, *redacted)),
            Body::RoutingNote(prescreen) => count(&render::routing_note(*prescreen)),
            Body::FindingsNote(found) => count(&render::findings_note(*found)),
            Body::ToolCall(call) => {
                count(&render::note(*call)) + count(&render::tool_call(*call, &self.mock.tools[usize::from(call.tool)], self.base))
            }
            Body::ToolOutput(output) => count(&self.library.text(*output)),
            Body::Answer(answer) => count(&answer.render(self.base)),
            Body::Text(text) => count(text),
        }
    }

    fn check(&self, prompt: &Prompt<'_>, done: &Completion) {
        let question = self.rendered(prompt.question);
        let text = match prompt.caller {
            Caller::Supervisor | Caller::Security => question + TOKENS_PER_MESSAGE,
            Caller::Support => prompt.thread.iter().map(|message| self.rendered(&message.body) + TOKENS_PER_MESSAGE).sum(),
            // The writer's and the judge's messages are held to their texts where they are made.
            _ => done.input_tokens - prompt.setup.fixed_tokens,
        };
        assert_eq!(done.input_tokens, prompt.setup.fixed_tokens + text, "{:?} {:?}", prompt.caller, prompt.thread);
        let spoken = match &done.reply {
            Reply::Routing(prescreen) => count(&prescreen.render()),
            Reply::Redaction(found) => match prompt.question {
                Body::Question(question) => {
                    count(&Detection { question: *question, hidden_before: Items::NONE, found: *found }.render(self.base))
                }
                other => self.rendered(other),
            },
            Reply::ToolCall(call) => self.rendered(&Body::ToolCall(*call)),
            Reply::Answer(answer) => self.rendered(&Body::Answer(*answer)),
            Reply::Label(label) => count(render::label(*label)),
            Reply::Question(question) => self.rendered(&Body::Question(*question)),
            Reply::RedactedText { .. } | Reply::Topics(_) | Reply::Text(_) => done.output_tokens,
        };
        let most = prompt.setup.max_tokens.unwrap_or(u32::MAX);
        assert_eq!(done.output_tokens, spoken.min(most), "{:?} {:?}", prompt.caller, done.reply);
    }
}

impl ChatModel for Checked<'_> {
    async fn complete(&self, prompt: &Prompt<'_>) -> Result<Completion, CallFailure> {
        let result = self.mock.answer(prompt);
        if let Ok(done) = &result {
            self.check(prompt, done);
            self.calls.set(self.calls.get() + 1);
        }
        result
    }
}

#[test]
fn what_is_counted_is_what_would_be_rendered() {
    for name in ["security", "tutorial"] {
        let scenario = load(name).unwrap().scenario;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let stage = runtime.block_on(Stage::new(&scenario, Seed(9))).unwrap();
        let topics: Vec<_> = scenario.knowledge.topics().collect();
        let mock = stage.mock(Seed(9), &topics);
        let plan = Plan::new(Seed(9), &scenario.traffic, topics.clone());
        let world = World { app: stage.app(), plan: &plan, traffic: &scenario.traffic, mock: &mock };
        let mut engine = Engine::new(world, ByFlags(&stage.compiled), Vec::<Entry>::new(), 1, 200);
        let checked = Checked { mock: &mock, library: &stage.library, base: &scenario.knowledge, calls: Cell::new(0) };
        runtime.block_on(drive(&mut engine, &checked, &Virtual, |_| ()));
        assert!(checked.calls.get() > 800, "{}", checked.calls.get());
    }
}
