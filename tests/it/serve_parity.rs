//! The same visits in process and over HTTP: whatever `run` asks its mock in process is asked of
//! the server as well, in the words of each provider; and prompts in the tutorial's own form.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use launchdarkly_server_sdk::ContextBuilder;
use serde_json::{Value, json};
use simlab::agents::{Assignment, Assignments, MockTools, Texts};
use simlab::context::{UserKey, user_key};
use simlab::flags::compiled::Compiled;
use simlab::journal::{Entry, FailureKind, Served as Variation};
use simlab::judge::Sees;
use simlab::knowledge::tokens::cut;
use simlab::knowledge::{Answer as Written, Complexity, Grade, PiiSet, Question, recognize};
use simlab::llm::chat::{
    ChatRequest, ContentPart, Message, OfferedTool, Role, Stop, ToolChoice, ToolResult, ToolUse,
};
use simlab::llm::mock::MockModels;
use simlab::llm::model::{
    Body, CallFailure, Completion, MessageRole as Speaker, ModelReply, Prompt, Said,
};
use simlab::llm::render;
use simlab::llm::tasks::Task;
use simlab::random::Owner;
use simlab::run::PreparedScenario;
use simlab::scenario::{Scenario, load};
use simlab::sim::{Assign, Engine, EngineWorld, drive};
use simlab::traffic::TrafficPlan;

use super::serve::{ANTHROPIC, Served, place};
use super::serve_sdk::{client, runtime as threads};

/// A user's key, audience group, and the variation of each config.
type Noted = (String, u16, Vec<Option<u8>>);

/// Assigns by the flags, as a run does, and notes for whom.
struct ByFlags<'a> {
    flags: &'a Compiled,
    keys: &'a RefCell<Vec<Noted>>,
}

impl Assign for ByFlags<'_> {
    fn assign(&mut self, key: &UserKey, group: u16) -> Assignments {
        let assign = |config: u8| {
            let evaluation =
                self.flags.evaluate(usize::from(config), usize::from(group), key.as_str());
            let served = evaluation
                .variation
                .map(|variation| Variation { config, variation: variation as u8 });
            Assignment { served, in_experiment: evaluation.in_experiment }
        };
        let assigned: Assignments = (0..self.flags.configs() as u8).map(assign).collect();
        let variations =
            assigned.iter().map(|one| one.served.map(|served| served.variation)).collect();
        self.keys.borrow_mut().push((key.as_str().to_owned(), group, variations));
        assigned
    }
}

/// The mock in process, each of whose calls goes to the server as well.
struct Both<'a> {
    scenario: &'a Scenario,
    mock: &'a MockModels<'a>,
    texts: Texts<'a>,
    served: &'a Served,
    users: BTreeMap<Owner, String>,
    /// The final answer to each user.
    answers: RefCell<BTreeMap<Owner, Written>>,
    compared: RefCell<BTreeMap<Task, u32>>,
    refused: Cell<u32>,
}

fn text(role: Role, text: &str) -> Message {
    Message { role, content: vec![ContentPart::Text(text.to_owned())] }
}

impl Both<'_> {
    fn body(&self, body: &Body) -> String {
        self.texts.parts(body).join("\n")
    }

    /// The support agent's conversation.
    fn thread(&self, prompt: &Prompt<'_>) -> Vec<Message> {
        let turn = |(at, message): (usize, &simlab::llm::model::PromptMessage)| match (
            &message.body,
            message.role,
        ) {
            (Body::ToolCall(Said::Recipe(call)), _) => {
                let tool = &self.scenario.tools[usize::from(call.tool)];
                let input = render::tool_arguments(*call, tool, self.texts.base);
                let note = Some(render::note(*call))
                    .filter(|note| !note.is_empty())
                    .map(ContentPart::Text);
                let used = ContentPart::ToolUse(ToolUse {
                    id: format!("call{at:05}"),
                    name: tool.key.clone(),
                    input,
                });
                Message { role: Role::Assistant, content: note.into_iter().chain([used]).collect() }
            }
            (Body::ToolOutput(_), _) => {
                let content = self.body(&message.body);
                let result =
                    ToolResult { id: format!("call{:05}", at - 1), content, is_error: false };
                Message { role: Role::User, content: vec![ContentPart::ToolResult(result)] }
            }
            (body, Speaker::Assistant) => text(Role::Assistant, &self.body(body)),
            (body, _) => text(Role::User, &self.body(body)),
        };
        prompt.thread.iter().enumerate().map(turn).collect()
    }

    /// What a judge is shown: the question, outputs of tools, the answer, as blocks of one message.
    fn shown(&self, prompt: &Prompt<'_>) -> Message {
        let judge = &self.scenario.judge;
        let question = self.body(prompt.question.unwrap());
        let mut blocks = vec![cut(&question, judge.question_characters).to_owned()];
        let mut room = judge.answer_characters;
        if judge.sees == Sees::ToolOutputFirst {
            for output in
                prompt.thread.iter().filter(|message| matches!(message.body, Body::ToolOutput(_)))
            {
                let output = self.body(&output.body);
                blocks.push(cut(&output, room).to_owned());
                room = room.saturating_sub(output.chars().count() as u32 + 1);
            }
        }
        if let Some(answer) = self.answers.borrow().get(&prompt.owner) {
            blocks.push(answer.render_leading(self.texts.base, room));
        }
        Message {
            role: Role::User,
            content: blocks
                .into_iter()
                .filter(|block| !block.is_empty())
                .map(ContentPart::Text)
                .collect(),
        }
    }

    /// The request that a client of this prompt's provider would send.
    fn request(&self, prompt: &Prompt<'_>) -> ChatRequest {
        let setup = prompt.setup;
        let mut request = ChatRequest::new(&self.scenario.models[usize::from(setup.model)].id);
        request.system = Some(setup.instructions.clone());
        (request.max_tokens, request.temperature) = (setup.max_tokens, setup.temperature);
        let question = || vec![text(Role::User, &self.body(prompt.question.unwrap()))];
        let forced = |schema: &str| {
            let mut lines = schema.lines().map(str::to_owned);
            let mut line = || lines.next().unwrap();
            let tool = OfferedTool { name: line(), description: line(), schema: line() };
            (vec![tool.clone()], ToolChoice::Named(tool.name))
        };
        match prompt.task {
            Task::Topics => {
                request.messages = vec![text(
                    Role::User,
                    "List all topics of the knowledge base, one on each line.",
                )]
            }
            Task::Question => {
                let (title, depth) =
                    (self.texts.base.title(prompt.subject.topic), prompt.subject.complexity.name());
                let personal = if prompt.subject.personal.is_empty() {
                    ""
                } else {
                    " Let it hold personal data."
                };
                request.messages = vec![text(
                    Role::User,
                    &format!("The topic is \"{title}\", the depth {depth}.{personal}"),
                )];
            }
            Task::Prescreen => {
                request.messages = question();
                (request.tools, request.tool_choice) = forced(render::PRESCREEN_SCHEMA);
            }
            Task::Screen => {
                request.messages = question();
                (request.tools, request.tool_choice) = forced(render::DETECTION_SCHEMA);
            }
            Task::Answer => {
                request.messages = self.thread(prompt);
                let tools = setup.tools.iter().map(|&tool| &self.scenario.tools[usize::from(tool)]);
                let offer = |tool: &simlab::llm::setup::ToolSpec| {
                    (tool.key.clone(), tool.description.clone(), tool.schema.clone())
                };
                request.tools = tools
                    .map(offer)
                    .map(|(name, description, schema)| OfferedTool { name, description, schema })
                    .collect();
                request.tool_choice =
                    if prompt.offers_tools { ToolChoice::Auto } else { ToolChoice::None };
            }
            Task::Judge => request.messages = vec![self.shown(prompt)],
            Task::Route | Task::Plan | Task::Critique | Task::Guard => {
                unreachable!("the tutorial's agents do neither")
            }
        }
        request
    }

    fn compare(&self, prompt: &Prompt<'_>, result: &Result<Completion, CallFailure>) {
        let provider = self.scenario.models[usize::from(prompt.setup.model)].provider;
        let mut bytes = Vec::new();
        let request = self.request(prompt);
        provider.api.encode_request(&request, &mut bytes);
        let (path, auth) = place(provider, &request);
        let auth: Vec<(&str, &str)> =
            auth.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let user = self.users.get(&prompt.owner).map_or("nobody", String::as_str);
        let answer = self.served.send(
            "POST",
            &path,
            &[&auth[..], &[("x-simlab-user", user)]].concat(),
            &bytes,
        );
        let done = match result {
            Ok(done) => done,
            Err(failure) => {
                let status = match failure.kind {
                    FailureKind::RateLimited => 429,
                    FailureKind::Malformed | FailureKind::Refusal => 200,
                    _ => 500,
                };
                assert_eq!(answer.status, status, "{failure:?} {answer:?}");
                self.refused.set(self.refused.get() + 1);
                return;
            }
        };
        assert_eq!(answer.status, 200, "{:?} {answer:?}", prompt.task);
        let response = provider.decode_response(&answer.body).unwrap();
        let called = response.tool_uses().next();
        let said = self.texts.reply(&done.reply, prompt);
        let object = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        match &done.reply {
            ModelReply::Routing(_) | ModelReply::Screening(_) => {
                assert_eq!(object(&called.unwrap().input), object(&said[0]))
            }
            ModelReply::ToolCall(Said::Recipe(call)) => {
                let tool = &self.scenario.tools[usize::from(call.tool)];
                let (used, arguments) =
                    (called.unwrap(), render::tool_arguments(*call, tool, self.texts.base));
                assert_eq!(
                    (&used.name, object(&used.input), response.text()),
                    (&tool.key, object(&arguments), said[0].clone())
                );
            }
            _ if response.stop == Stop::MaxTokens => {
                assert!(said[0].starts_with(&response.text()), "{} {said:?}", response.text())
            }
            _ => assert_eq!(response.text(), said[0], "{:?}", prompt.task),
        }
        // How a brief is worded, and where a shown sentence is cut, is the client's own business.
        if !matches!(prompt.task, Task::Topics | Task::Question | Task::Judge) {
            assert_eq!(response.usage.input, done.input_tokens, "{:?}", prompt.task);
        }
        if response.stop != Stop::MaxTokens {
            assert_eq!(response.usage.output, done.output_tokens, "{:?}: {said:?}", prompt.caller);
        }
        *self.compared.borrow_mut().entry(prompt.task).or_default() += 1;
    }
}

impl Both<'_> {
    fn answer(&self, prompt: &Prompt<'_>) -> Result<Completion, CallFailure> {
        let result = self.mock.answer(prompt);
        self.compare(prompt, &result);
        if let Ok(Completion { reply: ModelReply::Answer(Said::Recipe(answer)), .. }) = &result {
            self.answers.borrow_mut().insert(prompt.owner, *answer);
        }
        result
    }
}

#[test]
fn whole_visits_get_equal_completions_and_assignments_in_process_and_over_http() {
    const USERS: u32 = 40;
    for name in ["security", "tutorial", "retrieval", "reranker"] {
        let loaded = load(name).unwrap();
        let scenario = &loaded.scenario;
        let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
        let topics: Vec<_> = scenario.knowledge.topics().collect();
        let mock = stage.mock(scenario.seed, &topics);
        let plan =
            TrafficPlan::new(scenario.seed, &scenario.traffic, &scenario.knowledge, topics.clone());
        let world = EngineWorld {
            app: stage.app(),
            plan: &plan,
            traffic: &scenario.traffic,
            luck: scenario.seed.into(),
        };
        let keys = RefCell::new(Vec::new());
        let by_flags = ByFlags { flags: &stage.compiled, keys: &keys };
        let mut engine = Engine::new(
            world,
            (by_flags, MockTools::new(&mock, &stage.library), Vec::<Entry>::new()),
            1,
            USERS,
        );
        let served = Served::start(&[name, "--failures"]);
        let both = Both {
            scenario,
            mock: &mock,
            texts: Texts {
                base: &scenario.knowledge,
                tools: &scenario.tools,
                library: &stage.library,
            },
            served: &served,
            users: (0..=USERS)
                .map(|user| (user_key(user).owner(), user_key(user).as_str().to_owned()))
                .collect(),
            answers: RefCell::default(),
            compared: RefCell::default(),
            refused: Cell::new(0),
        };
        drive(&mut engine, |prompt| both.answer(prompt), |_, _| ());
        let compared = both.compared.borrow();
        for task in [Task::Question, Task::Prescreen, Task::Answer, Task::Judge] {
            assert!(
                compared.get(&task).is_some_and(|&count| count >= USERS / 2),
                "{name}: {compared:?}"
            );
        }
        assert!(compared.contains_key(&Task::Screen), "{name}: {compared:?}");
        assert!(both.refused.get() < USERS, "{name}: {}", both.refused.get());

        // The official client of the server puts every user where the run put it.
        let threads = threads();
        let _inside = threads.enter();
        let client = client(&served, false);
        assert_eq!(
            threads.block_on(client.wait_for_initialization(Duration::from_secs(10))),
            Some(true)
        );
        assert_eq!(keys.borrow().len(), USERS as usize);
        for (key, group, variations) in keys.borrow().iter() {
            let mut user = ContextBuilder::new(key);
            for (attribute, value) in &scenario.traffic.audience[usize::from(*group)].attributes.0 {
                user.set_value(attribute, value.as_str().into());
            }
            let user = user.build().unwrap();
            for (config, variation) in scenario.configs.iter().zip(variations) {
                let value = client.json_variation(&user, &config.key, Value::Null);
                let expected =
                    variation.map(|at| config.variations[usize::from(at)].variation.as_str());
                assert_eq!(
                    value["_ldMeta"]["variationKey"].as_str(),
                    expected,
                    "{key} {}",
                    config.key
                );
            }
        }
        client.close();
    }
}

/// The tutorial's traffic generators in the form of their prompts, in other words: one user message
/// without instructions.
fn told(served: &Served, prompt: &str, most: u32) -> String {
    let body = json!({ "model": "claude-3-5-haiku-20241022", "max_tokens": most, "messages": [{ "role": "user", "content": prompt }] });
    let answer = served.json("POST", "/v1/messages", &ANTHROPIC, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["content"][0]["text"].as_str().unwrap().to_owned()
}

#[test]
fn the_tutorials_generators_get_topics_questions_and_verdicts() {
    let served = Served::start(&["security"]);
    let loaded = load("security").unwrap();
    let base = &loaded.scenario.knowledge;
    let list = "List 20 topics of reinforcement learning from the textbook.\n    Only the topics, one per line.\n    No questions.";
    let topics: Vec<String> = told(&served, list, 800).lines().map(str::to_owned).collect();
    assert!(
        topics.len() >= 10
            && topics.iter().take(10).all(|topic| base.topic_titled(topic).is_some()),
        "{topics:?}"
    );

    let guide = "Return the question and nothing else.\n\nLevels:\n- basic: what and how\n- intermediate: compare\n- advanced: deep";
    for topic in &topics[..8] {
        for depth in Complexity::ALL {
            let plain = format!(
                "Generate a single question about \"{topic}\" at {} level.\nLike a natural user question about reinforcement learning.\n{guide}",
                depth.name()
            );
            let personal = format!(
                "Generate a single question about \"{topic}\" at {} level that includes realistic PII.\nFor instance:\n- Email address (e.g., jo.doe@company.com)\n- Full name (e.g., Jo Doe)\nLike a real user asking.\n{guide}",
                depth.name()
            );
            for (prompt, carries) in [(plain, false), (personal, true)] {
                let found = recognize(&told(&served, &prompt, 100), base);
                assert_eq!(
                    (found.topic, found.complexity),
                    (base.topic_titled(topic), Some(depth)),
                    "{prompt}"
                );
                assert_eq!(!found.items.is_empty(), carries, "{prompt}");
            }
        }
    }

    // A judge: no word but the three, and answers are told apart by how good they read.
    let mut verdicts = BTreeMap::<(Grade, String), u32>::new();
    for grade in [Grade::Strong, Grade::Weak] {
        for nth in 0..60_u64 {
            let topic = base.topic(nth as usize);
            let question = Question {
                topic,
                complexity: Complexity::Basic,
                template: (nth % 6) as u8,
                personal: None,
                listed: None,
            };
            let answer = Written { topic, grade, tokens: 90, wording: nth * 7919 }.render(base);
            let prompt = format!(
                "Would a user rate this?\n\nQuestion: {}\nAnswer: {}\n\nReply with one of these only:\n- positive (a good answer)\n- negative (a poor answer)\n- none (nobody would bother)\n\nMost users give no feedback.",
                cut(&question.render(base, PiiSet::NONE), 200),
                cut(&answer, 500),
            );
            let verdict = told(&served, &prompt, 10);
            assert!(["positive", "negative", "none"].contains(&verdict.as_str()), "{verdict}");
            *verdicts.entry((grade, verdict)).or_default() += 1;
        }
    }
    let count = |grade, verdict: &str| {
        verdicts.get(&(grade, verdict.to_owned())).copied().unwrap_or_default()
    };
    assert!(count(Grade::Strong, "positive") > 3 * count(Grade::Weak, "positive"), "{verdicts:?}");
    assert!(
        count(Grade::Strong, "negative") == 0 && count(Grade::Weak, "negative") > 0,
        "{verdicts:?}"
    );

    // The supervisor's one message: instructions, whose examples are nobody's data, and the user's
    // words.
    let screen = |input: &str| {
        let tool = json!({ "name": "PIIPreScreening", "description": "", "input_schema": { "type": "object", "properties": {
            "likely_contains_pii": { "type": "boolean" }, "recommended_route": { "type": "string" } } } });
        let content = format!(
            "Route the message. Personal data are names (Jo Doe), e-mail (jo.doe@company.com).\n\nUser Input: {input}"
        );
        let body = json!({ "model": "claude-3-7-sonnet-latest", "max_tokens": 500, "messages": [{ "role": "user", "content": content }],
            "tools": [tool], "tool_choice": { "type": "tool", "name": "PIIPreScreening" } });
        served.json("POST", "/v1/messages", &ANTHROPIC, &body).json()["content"][0]["input"]["recommended_route"].clone()
    };
    let clean = (0..20)
        .filter(|nth| {
            screen(&format!("Can you explain {}?", topics[nth % topics.len()])) == "support_agent"
        })
        .count();
    assert!(clean >= 15, "{clean}");
    let personal = (0..20).filter(|nth| {
        let topic = &topics[nth % topics.len()];
        screen(&format!("Hi, I'm John Smith (john.smith@email.com) and I need help with {topic}"))
            == "security_agent"
    });
    assert!(personal.count() >= 15);
}
