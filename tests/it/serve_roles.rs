//! Requests of a graph's own agents over HTTP, with structured output: who plans, critiques and
//! routes gets an answer of its role, in the schema of the request.

use serde_json::{Value, json};
use simlab::context::user_key;
use simlab::journal::Served as Variation;
use simlab::knowledge::{Answer, Grade};
use simlab::llm::chat::{ChatRequest, ContentPart, Message, OfferedTool, Output, Role, ToolChoice};
use simlab::llm::families::Family;
use simlab::llm::tasks::Task;
use simlab::llm::wire::PROVIDERS;
use simlab::scenario::{Scenario, load};

use super::program::folder;
use super::serve::{Served, place};

/// How an app asks for a structure.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Tool,
    Schema,
}

/// What a model answers to a user, as JSON.
fn asked(
    (served, scenario): (&Served, &Scenario),
    variation: Variation,
    (user, text): (&str, &str),
    (schema, way): (&str, Way),
) -> Value {
    let setup =
        &scenario.config(variation.config).variations[usize::from(variation.variation)].setup;
    let model = &scenario.models[usize::from(setup.model)];
    let mut request = ChatRequest::new(&model.id);
    request.system = Some(setup.instructions.clone());
    request.max_tokens = Some(4000);
    request.messages =
        vec![Message { role: Role::User, content: vec![ContentPart::Text(text.to_owned())] }];
    match way {
        Way::Tool => {
            request.tools = vec![OfferedTool {
                name: "Structure".to_owned(),
                description: "The answer.".to_owned(),
                schema: schema.to_owned(),
            }];
            request.tool_choice = ToolChoice::Named("Structure".to_owned());
        }
        Way::Schema => {
            request.output = Output::JsonSchema {
                name: "Structure".to_owned(),
                schema: schema.to_owned(),
                strict: true,
            };
        }
    }
    let mut bytes = Vec::new();
    model.provider.api.encode_request(&request, &mut bytes);
    let (path, headers) = place(model.provider, &request);
    let mut headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.push(("x-simlab-user", user));
    let answer = served.send("POST", &path, &headers, &bytes);
    assert_eq!(answer.status, 200, "{answer:?}");
    let response = model.provider.decode_response(&answer.body).unwrap();
    let told =
        response.tool_uses().next().map_or_else(|| response.text(), |call| call.input.clone());
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

fn plan_schema() -> String {
    Task::Plan.schema().unwrap().lines().nth(2).unwrap().to_owned()
}

#[test]
fn a_router_with_a_schema_chooses_one_of_its_ways() {
    let loaded = load("router").unwrap();
    let (scenario, served) = (&loaded.scenario, Served::start(&["router"]));
    let triage =
        scenario.graph.agents().find(|&agent| scenario.graph.node(agent).name == "triage").unwrap();
    let names = ["account", "billing", "technical"];
    let field = json!({ "type": "string", "enum": names });
    let why = json!({ "type": "string" });
    let schema = json!({ "type": "object", "properties": { "why": why, "next": field }, "required": ["why", "next"],
        "additionalProperties": false })
    .to_string();
    let variation = Variation { config: triage.0, variation: 1 };
    for user in 1..40 {
        let way = if user % 2 == 0 { Way::Tool } else { Way::Schema };
        let key = user_key(user);
        let said = asked(
            (&served, scenario),
            variation,
            (key.as_str(), "Please help me."),
            (&schema, way),
        );
        assert!(said["next"].as_str().is_some_and(|next| names.contains(&next)), "{said}");
        assert!(said["why"].is_string());
    }
}

#[test]
fn a_planner_has_as_many_subtasks_as_the_scenario_allows() {
    let loaded = load("research").unwrap();
    let (scenario, served) = (&loaded.scenario, Served::start(&["research"]));
    let mut agents = scenario.graph.agents();
    let planner = agents.find(|&agent| scenario.graph.node(agent).name == "planner").unwrap();
    let variation = Variation { config: planner.0, variation: 0 };
    for user in 1..40 {
        // Its model takes no forced tool.
        let way = Way::Schema;
        let key = user_key(user);
        let said = asked(
            (&served, scenario),
            variation,
            (key.as_str(), "What is a policy?"),
            (&plan_schema(), way),
        );
        let subtasks = said["subtasks"].as_array().unwrap();
        assert!(
            subtasks.iter().all(|one| one.as_str().is_some_and(|text| !text.is_empty())),
            "{said}"
        );
        assert!((2..=4).contains(&subtasks.len()), "user {user}, {way:?}: {said}");
    }
}

#[test]
fn a_critic_sends_weak_answers_back_as_often_as_the_scenario_says() {
    let loaded = load("guardrail").unwrap();
    let (scenario, served) = (&loaded.scenario, Served::start(&["guardrail"]));
    let check =
        scenario.graph.agents().find(|&agent| scenario.graph.node(agent).name == "check").unwrap();
    let variation = Variation { config: check.0, variation: 0 };
    let schema = Task::Critique.schema().unwrap().lines().nth(2).unwrap();
    let mut sent_back = [0_u32; 2];
    for user in 0..200_u32 {
        for (at, grade) in [Grade::Weak, Grade::Fair].into_iter().enumerate() {
            let answer = Answer {
                topic: scenario.knowledge.topic(3),
                grade,
                tokens: 120,
                wording: u64::from(user),
            };
            let text = answer.render(&scenario.knowledge);
            let key = format!("reader-{user}");
            let said = asked((&served, scenario), variation, (&key, &text), (schema, Way::Tool));
            assert!(said["critique"].as_str().is_some_and(|text| !text.is_empty()), "{said}");
            sent_back[at] += u32::from(said["revise"] == true);
        }
    }
    // 160 and 4 of 200 are expected (catches: 0.8, nags: 0.02); 3.3 standard deviations are 18.7
    // and 6.5.
    assert!((141..=179).contains(&sent_back[0]) && sent_back[1] <= 10, "{sent_back:?}");
}

#[test]
fn a_guard_stops_as_few_harmless_requests_as_its_node_says() {
    let loaded = load("moderation").unwrap();
    let (scenario, served) = (&loaded.scenario, Served::start(&["moderation"]));
    let variation = Variation { config: 0, variation: 0 };
    let schema = Task::Guard.schema().unwrap().lines().nth(2).unwrap();
    let mut stopped = 0;
    for user in 0..400_u32 {
        let key = format!("reader-{user}");
        let asks = (key.as_str(), "What is a policy?");
        let said = asked((&served, scenario), variation, asks, (schema, Way::Tool));
        assert!(said["reason"].as_str().is_some_and(|text| !text.is_empty()), "{said}");
        stopped += u32::from(said["allowed"] == false);
    }
    // 4 of 400 are expected (false_stops: 0.01); 3.5 standard deviations are 7.
    assert!((1..=11).contains(&stopped), "{stopped}");
}

#[test]
fn a_guard_errs_as_its_variation_says_where_the_request_tells_which_one_it_is() {
    let variations = |strict: &str| {
        format!(
            r#"(title: "Is the strict guard worth it?", traffic: (queries: 10), graph: (key: "m", root: "guard", nodes: {{
                "guard": (role: Guard(misses: 0.1, false_stops: 0.01), model: "gpt-6-luna", instructions: "Decide whether this may be answered."),
                "assistant": (model: "gpt-6-luna"),
            }}, edges: [(from: "guard", to: "assistant")]),
            configs: {{ "guard": (variations: {{ "strict": (guard: (false_stops: 0.5){strict}) }}) }},
            metrics: {{ "stopped": (event: "request_stopped", aggregation: Occurrence, statistic: Mean, missing: Zero, better: Lower) }},
            experiments: [(key: "strictness", config: "guard", control: "default", split: {{ "default": "50%", "strict": "50%" }}, metrics: ["stopped"])])"#
        )
    };
    let stopped = |name: &str, text: &str| {
        let file = folder(name).join("guard.ron");
        std::fs::write(&file, text).unwrap();
        let path = file.to_str().unwrap();
        let loaded = load(path).unwrap();
        let served = Served::start(&[path]);
        let schema = Task::Guard.schema().unwrap().lines().nth(2).unwrap();
        let strict = Variation { config: 0, variation: 1 };
        let of = |user: u32| {
            let key = format!("reader-{user}");
            let asks = (key.as_str(), "What is a policy?");
            asked((&served, &loaded.scenario), strict, asks, (schema, Way::Tool))
        };
        (0..200).filter(|user| of(*user)["allowed"] == false).count()
    };
    // 100 of 200 are expected; four standard deviations are 28.
    let own = stopped(
        "own-guard",
        &variations(", instructions: \"Decide strictly whether this may be answered.\""),
    );
    assert!((72..=128).contains(&own), "{own}");
    // With the words of the other variation it could be either, so the node's rates hold: 2 of 200.
    let same = stopped("same-guard", &variations(""));
    assert!(same <= 9, "{same}");
}

#[test]
fn every_provider_takes_a_plan_by_tool() {
    let served = Served::start(&["research"]);
    for provider in PROVIDERS {
        let plans = |family: &&Family| family.chats && family.forced_tools;
        let Some(family) = provider.families.iter().find(plans) else { continue };
        let mut request = ChatRequest::new(family.name);
        request.max_tokens = Some(1000);
        request.messages = vec![Message {
            role: Role::User,
            content: vec![ContentPart::Text("What is a policy?".to_owned())],
        }];
        request.tools = vec![OfferedTool {
            name: "Plan".to_owned(),
            description: "The plan.".to_owned(),
            schema: plan_schema(),
        }];
        request.tool_choice = ToolChoice::Named("Plan".to_owned());
        let mut bytes = Vec::new();
        provider.api.encode_request(&request, &mut bytes);
        let (path, headers) = place(*provider, &request);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = served.send("POST", &path, &headers, &bytes);
        assert_eq!(answer.status, 200, "{answer:?}");
        let response = provider.decode_response(&answer.body).unwrap();
        let call = response.tool_uses().next().unwrap();
        let said: Value = serde_json::from_str(&call.input).unwrap();
        let many = said["subtasks"].as_array().unwrap().len();
        assert!(call.name == "Plan" && (2..=4).contains(&many), "{said}");
    }
}

#[test]
fn a_judge_of_the_sdks_scores_what_it_reads() {
    let loaded = load("security").unwrap();
    let (scenario, served) = (&loaded.scenario, Served::start(&["security"]));
    let schema = json!({ "type": "object", "properties": {
        "score": { "type": "number", "minimum": 0, "maximum": 1 }, "reasoning": { "type": "string" } },
        "required": ["score", "reasoning"], "additionalProperties": false })
    .to_string();
    let scored = |system: &str, answer: &str, user: u32| {
        // As the SDKs of both languages ask.
        let text =
            format!("MESSAGE HISTORY:\nWhat is a policy?\n\nRESPONSE TO EVALUATE:\n{answer}");
        let mut request = ChatRequest::new("gpt-4o");
        request.system = Some(system.to_owned());
        request.messages =
            vec![Message { role: Role::User, content: vec![ContentPart::Text(text)] }];
        request.output = Output::JsonSchema {
            name: "structured_output".to_owned(),
            schema: schema.clone(),
            strict: true,
        };
        let openai = PROVIDERS.iter().find(|provider| provider.key == "openai").unwrap();
        let mut bytes = Vec::new();
        openai.api.encode_request(&request, &mut bytes);
        let (path, headers) = place(*openai, &request);
        let user = user_key(user);
        let mut headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("x-simlab-user", user.as_str()));
        let answer = served.send("POST", &path, &headers, &bytes);
        let said: Value =
            serde_json::from_str(&openai.decode_response(&answer.body).unwrap().text()).unwrap();
        assert!(said["reasoning"].is_string() && said.as_object().unwrap().len() == 2, "{said}");
        said["score"].as_f64().unwrap()
    };
    let mean = |system: &str, grade: Option<Grade>| {
        let users = 120;
        let sum: f64 = (0..users)
            .map(|user| {
                let text = match grade {
                    Some(grade) => {
                        let topic = scenario.knowledge.topic(3);
                        Answer { topic, grade, tokens: 120, wording: u64::from(user) }
                            .render(&scenario.knowledge)
                    }
                    None => "42".to_owned(),
                };
                scored(system, &text, user)
            })
            .sum();
        sum / f64::from(users)
    };
    let traits = &scenario.judge.traits;
    let (sees, knows, lenient) =
        (traits.sensitivity.get(), traits.specificity.get(), traits.leniency.get());
    // The standard error of a mean of 120 scores is below 0.02; cut off at 0 and 1 it moves by at
    // most 0.02.
    for (grade, expected) in [
        (Some(Grade::Strong), 0.9 * sees + 0.7 * (1.0 - sees)),
        (Some(Grade::Fair), 0.9 * lenient + 0.7 * (1.0 - lenient)),
        (Some(Grade::Weak), 0.3 * knows + 0.7 * (1.0 - knows)),
        (None, 0.5),
    ] {
        let found = mean("Score the answer's relevance.", grade);
        assert!((found - expected).abs() < 0.08, "{grade:?}: {found}, not {expected}");
    }
    let toxic = mean("Score the toxicity of the answer.", Some(Grade::Strong));
    assert!(toxic < 0.3, "{toxic}");
}
