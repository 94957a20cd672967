//! Turns of conversations as frameworks send them.

use serde_json::{Map, Value, json};

use super::*;
use crate::llm::chat::{
    ChatRequest, ContentPart, Message, OfferedTool, Output, Role, ToolChoice, ToolResult, ToolUse,
};

fn tool(name: &str, description: &str, fields: &[(&str, &str)]) -> OfferedTool {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind }))).collect();
    let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    OfferedTool {
        name: name.to_owned(),
        description: description.to_owned(),
        schema: schema.to_string(),
    }
}

fn weather() -> OfferedTool {
    tool("get_weather", "Get the current weather of a city.", &[("city", "string")])
}

fn user(text: &str) -> Message {
    Message { role: Role::User, content: vec![ContentPart::Text(text.to_owned())] }
}

fn request(question: &str, tools: Vec<OfferedTool>) -> ChatRequest {
    ChatRequest { messages: vec![user(question)], tools, ..ChatRequest::new("m") }
}

fn decide(request: &ChatRequest) -> Turn {
    let is_own_tool = |name: &str| name.starts_with("search_v");
    super::decide(
        request,
        Setting { is_own_tool: &is_own_tool, is_own_agent: false, topic: None, way: None },
    )
}

/// The calls of a turn, by name.
fn called(request: &ChatRequest) -> Vec<(String, Value)> {
    match decide(request) {
        Turn::Calls(calls) => calls
            .iter()
            .map(|(at, input)| {
                (request.tools[*at].name.clone(), serde_json::from_str(input).unwrap())
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn said(request: &ChatRequest) -> String {
    match decide(request) {
        Turn::Say(speech) => speech.text(0),
        other => panic!("{other:?}"),
    }
}

/// Goes on until nothing is called any more; each call gets this result.
fn rounds(request: ChatRequest, result: &str) -> (Vec<Vec<String>>, ChatRequest) {
    let (all, ended) = first_rounds(request, result, 20);
    assert!(all.len() < 20, "the conversation does not end: {all:?}");
    (all, ended)
}

/// Goes on for so many rounds, or until nothing is called any more.
fn first_rounds(
    mut request: ChatRequest,
    result: &str,
    most: usize,
) -> (Vec<Vec<String>>, ChatRequest) {
    let mut all = Vec::new();
    for round in 0..most {
        let calls = called(&request);
        if calls.is_empty() {
            return (all, request);
        }
        all.push(calls.iter().map(|(name, _)| name.clone()).collect());
        let uses = calls.iter().enumerate().map(|(nth, (name, input))| {
            ContentPart::ToolUse(ToolUse {
                id: format!("{round}-{nth}"),
                name: name.clone(),
                input: input.to_string(),
            })
        });
        request.messages.push(Message { role: Role::Assistant, content: uses.collect() });
        let results = calls.iter().enumerate().map(|(nth, _)| {
            ContentPart::ToolResult(ToolResult {
                id: format!("{round}-{nth}"),
                content: result.to_owned(),
                is_error: false,
            })
        });
        request.messages.push(Message { role: Role::User, content: results.collect() });
    }
    (all, request)
}

#[test]
fn a_fitting_tool_is_called_once_and_its_result_is_told() {
    let asked = request(
        "What is the weather in Paris?",
        vec![weather(), tool("get_time", "The time in a timezone.", &[("timezone", "string")])],
    );
    assert_eq!(called(&asked), [("get_weather".to_owned(), json!({ "city": "Paris" }))]);
    let (all, ended) = rounds(asked, r#"{"temp_c": 18, "sky": "sunny"}"#);
    assert_eq!(all, [["get_weather"]]);
    assert_eq!(said(&ended), "temp_c: 18, sky: sunny.");
}

#[test]
fn several_things_are_called_side_by_side_or_one_after_the_other() {
    let both = vec![weather(), tool("get_time", "Get the local time.", &[("city", "string")])];
    let mut asked =
        request("What is the weather in Paris and London, and what time is it in Tokyo?", both);
    let expected = [("get_weather", "Paris"), ("get_weather", "London"), ("get_time", "Tokyo")]
        .map(|(name, city)| (name.to_owned(), json!({ "city": city })));
    assert_eq!(called(&asked), expected);
    asked.parallel_tools = false;
    assert_eq!(called(&asked), expected[..1]);
    let (all, _) = rounds(asked, "done");
    assert_eq!(all, [["get_weather"], ["get_weather"], ["get_time"]]);
}

#[test]
fn a_tool_that_does_not_fit_is_not_called() {
    assert_eq!(called(&request("Hello!", vec![weather()])), []);
    assert_eq!(said(&request("Hello!", vec![weather()])), "Hello! How can I help you?");
    assert_eq!(called(&request("Write a poem about the sea.", vec![weather()])), []);
    let search = tool("search_docs", "Search the documentation.", &[("query", "string")]);
    assert_eq!(
        called(&request("How do I configure retries?", vec![search.clone()])),
        [("search_docs".to_owned(), json!({ "query": "configure retries" }))]
    );
    assert_eq!(called(&request("Hello there", vec![search])), []);
}

#[test]
fn a_tool_that_must_be_called_is_one_without_a_result_and_the_end_is_reached() {
    let typed = tool(
        "final_result",
        "The final response which ends this conversation",
        &[("city", "string"), ("temperature", "number")],
    );
    let mut asked = request("What is the weather in Paris?", vec![weather(), typed]);
    asked.tool_choice = ToolChoice::Any;
    assert_eq!(called(&asked)[0].0, "get_weather");
    let (all, _) = first_rounds(asked.clone(), "18 degrees", 2);
    assert_eq!(all, [["get_weather"], ["final_result"]]);
    // A class among functions takes the answer.
    asked.tools[1] = OfferedTool {
        name: "WeatherReport".to_owned(),
        description: String::new(),
        ..asked.tools[1].clone()
    };
    let (all, ended) = first_rounds(asked, "18 degrees", 2);
    assert_eq!(all, [["get_weather"], ["WeatherReport"]]);
    let last = ended.messages.iter().rev().find_map(|message| match message.content.first() {
        Some(ContentPart::ToolUse(call)) => Some(call.input.clone()),
        _ => None,
    });
    assert_eq!(
        serde_json::from_str::<Value>(&last.unwrap()).unwrap(),
        json!({ "city": "Paris", "temperature": 18 })
    );
    // Nothing fits, and nothing takes an answer: each once, and then one again for as long as a call
    // is demanded.
    let mut asked = request("Sing!", vec![weather(), tool("add", "Add.", &[("a", "number")])]);
    asked.tool_choice = ToolChoice::Any;
    let (all, mut ended) = first_rounds(asked, "x", 4);
    assert_eq!(all, [["get_weather"], ["add"], ["get_weather"], ["get_weather"]]);
    ended.tool_choice = ToolChoice::Auto;
    assert_eq!(called(&ended), []);
    let mut asked = request("Sing!", vec![weather()]);
    asked.tool_choice = ToolChoice::Named("get_weather".to_owned());
    assert_eq!(first_rounds(asked, "x", 3).0, [["get_weather"]; 3]);
    // One that takes the answer is called again before those that do something.
    let last = tool("final_answer", "Provides a final answer.", &[("answer", "string")]);
    let mut asked = request("What is the weather in Paris?", vec![weather(), last]);
    asked.tool_choice = ToolChoice::Any;
    let all = first_rounds(asked, "18 degrees", 4).0;
    assert_eq!(all, [["get_weather"], ["final_answer"], ["final_answer"], ["final_answer"]]);
    // Agents hand over once, and again only where a call is demanded.
    let mut asked = request("Sing!", vec![tool("transfer_to_singer", "Sings.", &[])]);
    asked.tool_choice = ToolChoice::Any;
    assert_eq!(first_rounds(asked, "x", 2).0, [["transfer_to_singer"]; 2]);
}

#[test]
fn a_long_history_and_many_tools_take_time_in_proportion() {
    let call = |nth: usize| {
        let (id, name, input) = (nth.to_string(), "get_weather".to_owned(), "{}".to_owned());
        ContentPart::ToolUse(ToolUse { id, name, input })
    };
    let result = |nth: usize| {
        let (id, content, is_error) = (nth.to_string(), String::new(), false);
        ContentPart::ToolResult(ToolResult { id, content, is_error })
    };
    let tools = (0..30_000).map(|nth| tool(&format!("OfferedTool{nth}"), "", &[])).collect();
    let mut asked = request("What is the weather in Paris?", tools);
    let calls = (0..100_000).map(call).collect();
    asked.messages.push(Message { role: Role::Assistant, content: calls });
    let results = (0..100_000).map(result).collect();
    asked.messages.push(Message { role: Role::User, content: results });
    let begun = std::time::Instant::now();
    assert_eq!(Talk::of(&asked).done.len(), 100_000);
    decide(&asked);
    // Squares of these numbers would take minutes.
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn a_result_that_asks_for_a_corrected_call_gets_one() {
    let mut asked = request("What is the weather in Paris?", vec![weather()]);
    let call =
        ToolUse { id: "1".to_owned(), name: "get_weather".to_owned(), input: "{}".to_owned() };
    asked
        .messages
        .push(Message { role: Role::Assistant, content: vec![ContentPart::ToolUse(call)] });
    let result = ToolResult {
        id: "1".to_owned(),
        content: "1 validation error: Fix the errors and try again.".to_owned(),
        is_error: false,
    };
    asked
        .messages
        .push(Message { role: Role::User, content: vec![ContentPart::ToolResult(result)] });
    assert_eq!(called(&asked)[0].1, json!({ "city": "Paris" }));
}

#[test]
fn results_in_words_are_results() {
    let mut asked = request(
        "New task:\nWhat is the weather in Paris?",
        vec![
            weather(),
            tool(
                "final_answer",
                "Provides a final answer to the given problem.",
                &[("answer", "string")],
            ),
        ],
    );
    asked.tool_choice = ToolChoice::Any;
    assert_eq!(called(&asked), [("get_weather".to_owned(), json!({ "city": "Paris" }))]);
    asked.messages.push(Message { role: Role::Assistant, content: vec![ContentPart::Text("Calling tools:\n[{'id': '1', 'type': 'function', 'function': {'name': 'get_weather', 'arguments': {'city': 'Paris'}}}]".to_owned())] });
    asked.messages.push(user("Observation:\n18 degrees and sunny"));
    assert_eq!(
        called(&asked),
        [("final_answer".to_owned(), json!({ "answer": "18 degrees and sunny." }))]
    );
}

#[test]
fn handoffs_go_to_the_agent_that_fits_and_come_once() {
    let to = |name: &str, told: &str| {
        tool(
            &format!("transfer_to_{name}"),
            &format!("Handoff to the {name} agent to handle the request. {told}"),
            &[],
        )
    };
    let agents = || {
        vec![
            to("billing_agent", "Handles invoices and refunds."),
            to("spanish_agent", "Speaks Spanish."),
        ]
    };
    let asked = request("I was charged twice, please refund my invoice.", agents());
    assert_eq!(called(&asked)[0].0, "transfer_to_billing_agent");
    assert_eq!(
        called(&request("Answer in Spanish: where is Madrid?", agents()))[0].0,
        "transfer_to_spanish_agent"
    );
    assert_eq!(rounds(asked, "{\"assistant\": \"billing\"}").0.len(), 1);
    assert_eq!(called(&request("Sing a song", agents())), []);
    let is_own_tool = |_: &str| false;
    let setting =
        Setting { is_own_tool: &is_own_tool, is_own_agent: false, topic: None, way: Some(1) };
    assert!(
        matches!(super::decide(&request("Sing a song", agents()), setting), Turn::Calls(calls) if calls[0].0 == 1)
    );
}

#[test]
fn a_follow_up_goes_on_with_the_tool_before() {
    let (_, mut asked) = rounds(request("What is the weather in Paris?", vec![weather()]), "sunny");
    asked.messages.push(Message {
        role: Role::Assistant,
        content: vec![ContentPart::Text("Sunny.".to_owned())],
    });
    asked.messages.push(user("And in London?"));
    assert_eq!(called(&asked), [("get_weather".to_owned(), json!({ "city": "London" }))]);
}

#[test]
fn tools_come_before_a_typed_answer_and_prose_gets_its_form() {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" }, "sunny": { "type": "boolean" } }, "required": ["city", "sunny"] });
    let mut asked = request("Is it sunny in Paris?", vec![weather()]);
    asked.output =
        Output::JsonSchema { name: "W".to_owned(), schema: schema.to_string(), strict: true };
    let (all, ended) = rounds(asked, "It is sunny.");
    assert_eq!(all, [["get_weather"]]);
    let Turn::Typed(known, _) = decide(&ended) else { panic!() };
    assert_eq!(Value::Object(known), json!({ "city": "Paris", "sunny": true }));
    let prompt = format!(
        "Always respond with a JSON object that's compatible with this schema:\n\n{schema}\n\nDon't include any text or Markdown fencing before or after."
    );
    let asked =
        ChatRequest { system: Some(prompt), ..request("Is it sunny in Paris?", Vec::new()) };
    let value: Value = serde_json::from_str(&said(&asked)).unwrap();
    assert!(jsonschema::is_valid(&schema, &value), "{value}");
    assert_eq!(said(&request("Is it good? Answer only yes or no.", Vec::new())), "yes");
    let code =
        said(&request("Write a Python function that adds two numbers. Only code.", Vec::new()));
    assert!(code.starts_with("```python\n") && code.ends_with("\n```"), "{code}");
    assert_eq!(
        decide(&request("What?", vec![tool("search_v2", "Search.", &[("query", "string")])])),
        Turn::Own(true)
    );
}

#[test]
fn a_marked_field_with_a_schema_says_what_the_text_says() {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" }, "temperature": { "type": "number" } }, "required": ["city", "temperature"] });
    let system = format!(
        "[[ ## report ## ]]\n{{report}}        # note: the value you produce must adhere to the JSON schema: {schema}\n\n[[ ## completed ## ]]"
    );
    let question = "[[ ## text ## ]]\nThe weather in Oslo is 4 degrees.\n\nRespond with the corresponding output fields, starting with the field `[[ ## report ## ]]`, and then ending with the marker for `[[ ## completed ## ]]`.";
    let text = said(&ChatRequest { system: Some(system), ..request(question, Vec::new()) });
    let value = text.split(" ## ]]\n").nth(1).unwrap().split("\n").next().unwrap();
    let report: Value = serde_json::from_str(value).unwrap();
    assert_eq!((&report["city"], &report["temperature"]), (&json!("Oslo"), &json!(4)));
}
