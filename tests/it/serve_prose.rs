//! Agents that offer tools in the words of a prompt, and demands to put an answer right or into a
//! form: requests as dspy, LlamaIndex, smolagents, strands, the Claude Agent SDK and Pydantic AI
//! send them. `.ci/clients/rows.py` runs the same with these frameworks.

use serde_json::{Value, json};

use super::serve::{ANTHROPIC, BEARER, Served};

const QUESTION: &str = "What is the weather in Paris?";
const OSLO: &str = "The weather in Oslo is 4 degrees.";

fn message(role: &str, content: &str) -> Value {
    json!({ "role": role, "content": content })
}

/// What a model answers.
fn said(served: &Served, messages: &[Value], more: &Value) -> Value {
    let mut body = json!({ "model": "gpt-4o", "messages": messages });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = served.json("POST", "/v1/chat/completions", &[BEARER], &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["choices"][0]["message"].clone()
}

fn text(message: &Value) -> &str {
    message["content"].as_str().unwrap()
}

fn tool(name: &str, description: &str, fields: &[(&str, &str)]) -> Value {
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind }))).collect();
    let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let parameters = json!({ "type": "object", "properties": properties, "required": required });
    json!({ "type": "function", "function": { "name": name, "description": description, "parameters": parameters } })
}

const REPORT: [(&str, &str); 3] =
    [("city", "string"), ("temperature", "number"), ("summary", "string")];

/// What dspy 3.4 says of the tools, whichever form it wants.
const TASK: &str = "In adhering to this structure, your objective is: \n        Given the fields `question`, produce the fields `answer`.\n        \n        You are an Agent. In each episode, you will be given the fields `question` as input. And you can see your past trajectory so far.\n        Your goal is to use one or more of the supplied tools to collect any necessary information for producing `answer`.\n        \n        To do this, you will interleave next_thought, next_tool_name, and next_tool_args in each turn, and also when finishing the task.\n        After each tool call, you receive a resulting observation, which gets appended to your trajectory.\n        \n        When writing next_thought, you may reason about the current situation and plan for future steps.\n        When selecting the next_tool_name and its next_tool_args, the tool must be one of:\n        \n        (1) get_weather, whose description is <desc>Get the current weather in a city.        Args:          city: The name of the city.      </desc>. It takes arguments {'city': {'type': 'string'}}.\n        (2) finish, whose description is <desc>Marks the task as complete. That is, signals that all information for producing the outputs, i.e. `answer`, are now available to be extracted.</desc>. It takes arguments {}.\n        When providing `next_tool_args`, the value inside the field must be in JSON format";
const FIELDS: &str = "Your input fields are:\n1. `question` (str): \n2. `trajectory` (str):\nYour output fields are:\n1. `next_thought` (str): \n2. `next_tool_name` (Literal['get_weather', 'finish']): \n3. `next_tool_args` (dict[str, Any]):\nAll interactions will be structured in the following way, with the appropriate values filled in.";
const ONE_OF: &str = "# note: the value you produce must exactly match (no extra characters) one of: get_weather; finish";

/// The three ways in which dspy writes fields.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Adapter {
    Chat,
    Json,
    Xml,
}

impl Adapter {
    fn system(self) -> String {
        let form = match self {
            Self::Chat => format!(
                "[[ ## question ## ]]\n{{question}}\n\n[[ ## trajectory ## ]]\n{{trajectory}}\n\n[[ ## next_thought ## ]]\n{{next_thought}}\n\n[[ ## next_tool_name ## ]]\n{{next_tool_name}}        {ONE_OF}\n\n[[ ## next_tool_args ## ]]\n{{next_tool_args}}        # note: the value you produce must adhere to the JSON schema: {{\"type\": \"object\", \"additionalProperties\": true}}\n\n[[ ## completed ## ]]"
            ),
            Self::Json => format!(
                "Inputs will have the following structure:\n\n[[ ## question ## ]]\n{{question}}\n\n[[ ## trajectory ## ]]\n{{trajectory}}\n\nOutputs will be a JSON object with the following fields.\n\n{{\n  \"next_thought\": \"{{next_thought}}\",\n  \"next_tool_name\": \"{{next_tool_name}}        {ONE_OF}\",\n  \"next_tool_args\": \"{{next_tool_args}}        # note: the value you produce must adhere to the JSON schema: {{\\\"type\\\": \\\"object\\\", \\\"additionalProperties\\\": true}}\"\n}}"
            ),
            Self::Xml => format!(
                "<question>\n{{question}}\n</question>\n\n<trajectory>\n{{trajectory}}\n</trajectory>\n\n<next_thought>\n{{next_thought}}\n</next_thought>\n\n<next_tool_name>\n{{next_tool_name}}        {ONE_OF}\n</next_tool_name>\n\n<next_tool_args>...</next_tool_args>"
            ),
        };
        format!("{FIELDS}\n\n{form}\n{TASK}")
    }

    fn field(self, name: &str, value: &str) -> String {
        match self {
            Self::Xml => format!("<{name}>\n{value}\n</{name}>"),
            Self::Chat | Self::Json => format!("[[ ## {name} ## ]]\n{value}"),
        }
    }

    fn user(self, question: &str, trajectory: &str) -> String {
        let end = match self {
            Self::Chat => {
                "Respond with the corresponding output fields, starting with the field `[[ ## next_thought ## ]]`, then `[[ ## next_tool_name ## ]]` (must be formatted as a valid Python Literal['get_weather', 'finish']), then `[[ ## next_tool_args ## ]]` (must be formatted as a valid Python dict[str, Any]), and then ending with the marker for `[[ ## completed ## ]]`."
            }
            Self::Json => {
                "Respond with a JSON object in the following order of fields: `next_thought`, then `next_tool_name` (must be formatted as a valid Python Literal['get_weather', 'finish']), then `next_tool_args` (must be formatted as a valid Python dict[str, Any])."
            }
            Self::Xml => {
                "Respond with the corresponding output fields wrapped in XML tags `<next_thought>`, then `<next_tool_name>`, then `<next_tool_args>`. Use this nested XML structure: <next_tool_args>...</next_tool_args>"
            }
        };
        let (question, steps) =
            (self.field("question", question), self.field("trajectory", trajectory));
        format!("{question}\n\n{steps}\n\n{end}")
    }

    /// The name of the tool that is called, and the arguments.
    fn read(self, answer: &str) -> (String, Value) {
        let own = |name: &str| {
            let (open, close) = match self {
                Self::Xml => (format!("<{name}>\n"), format!("\n</{name}>")),
                Self::Chat | Self::Json => (format!("[[ ## {name} ## ]]\n"), "\n[[ ##".to_owned()),
            };
            let behind = answer.split_once(&open).unwrap_or_else(|| panic!("{answer}")).1;
            behind.split(&close).next().unwrap().trim().to_owned()
        };
        if self == Self::Json {
            let value: Value = serde_json::from_str(answer).unwrap();
            let name = value["next_tool_name"].as_str().unwrap().to_owned();
            return (name, value["next_tool_args"].clone());
        }
        (own("next_tool_name"), serde_json::from_str(&own("next_tool_args")).unwrap())
    }
}

#[test]
fn tools_that_a_prompt_offers_in_words_are_called_and_then_the_work_is_finished() {
    let served = Served::start(&["security"]);
    for adapter in [Adapter::Chat, Adapter::Json, Adapter::Xml] {
        let more = match adapter {
            Adapter::Json => json!({ "response_format": { "type": "json_object" } }),
            Adapter::Chat | Adapter::Xml => json!({}),
        };
        let ask = |question: &str, trajectory: &str| {
            let messages = [
                message("system", &adapter.system()),
                message("user", &adapter.user(question, trajectory)),
            ];
            let said = said(&served, &messages, &more);
            adapter.read(text(&said))
        };
        let (name, input) = ask(QUESTION, "");
        assert_eq!((name.as_str(), &input), ("get_weather", &json!({ "city": "Paris" })));
        let steps = [
            ("thought_0", "I need it."),
            ("tool_name_0", name.as_str()),
            ("tool_args_0", "{\"city\": \"Paris\"}"),
            ("observation_0", "18 degrees and sunny in Paris"),
        ];
        let steps = steps.map(|(name, value)| adapter.field(name, value)).join("\n\n");
        assert_eq!(ask(QUESTION, &steps), ("finish".to_owned(), json!({})), "{adapter:?}");
        assert_eq!(ask("Hello!", "").0, "finish", "{adapter:?}");
    }
    // The last step tells the results.
    let end = "Respond with the corresponding output fields, starting with the field `[[ ## reasoning ## ]]`, then `[[ ## answer ## ]]`, and then ending with the marker for `[[ ## completed ## ]]`.";
    let steps = "[[ ## tool_name_0 ## ]]\nget_weather\n\n[[ ## tool_args_0 ## ]]\n{\"city\": \"Paris\"}\n\n[[ ## observation_0 ## ]]\n18 degrees and sunny in Paris\n\n[[ ## tool_name_1 ## ]]\nfinish\n\n[[ ## tool_args_1 ## ]]\n{}\n\n[[ ## observation_1 ## ]]\nCompleted.";
    let last =
        format!("[[ ## question ## ]]\n{QUESTION}\n\n[[ ## trajectory ## ]]\n{steps}\n\n{end}");
    let told = said(&served, &[message("user", &last)], &json!({}));
    let told = text(&told);
    assert!(
        told.ends_with(
            "[[ ## answer ## ]]\n18 degrees and sunny in Paris.\n\n[[ ## completed ## ]]"
        ),
        "{told}"
    );
}

#[test]
fn actions_and_code_are_written_as_a_prompt_shows_them() {
    let served = Served::start(&["security"]);
    // LlamaIndex 0.14.
    let react = "You are designed to help with a variety of tasks.\n\n## Tools\n\nYou have access to the following tools:\n> Tool Name: get_weather\nTool Description: get_weather(city: str) -> str\nGet the current weather in a city.\n\nTool Args: {\"properties\": {\"city\": {\"title\": \"City\", \"type\": \"string\"}}, \"required\": [\"city\"], \"type\": \"object\"}\n\n\n## Output Format\n\nPlease answer in the same language as the question and use the following format:\n\n```\nThought: I need to use a tool to help me answer the question.\nAction: tool name (one of get_weather) if using a tool.\nAction Input: the input to the tool, in a JSON format representing the kwargs (e.g. {\"input\": \"hello world\", \"num_beams\": 5})\n```\n\nIf this format is used, the tool will respond in the following format:\n\n```\nObservation: tool response\n```\n\nAt that point, you MUST respond in the following format:\n\n```\nThought: I can answer without using any more tools.\nAnswer: [your answer here]\n```";
    let mut messages = vec![message("system", react), message("user", QUESTION)];
    let first = said(&served, &messages, &json!({}));
    assert!(
        text(&first).ends_with("\nAction: get_weather\nAction Input: {\"city\":\"Paris\"}"),
        "{first}"
    );
    messages.push(message("assistant", text(&first)));
    messages.push(message("user", "Observation: 18 degrees and sunny in Paris"));
    let last = said(&served, &messages, &json!({}));
    assert!(text(&last).starts_with("Thought: ") && text(&last).contains("\nAnswer: "), "{last}");
    assert!(text(&last).contains("18 degrees and sunny in Paris"), "{last}");
    // LangChain's prompt for models without tools of their own.
    let langchain = |steps: &str| {
        format!(
            "Answer the following questions as best you can. You have access to the following tools:\n\nget_weather(city: str) -> str - Get the current weather in a city.\n\nUse the following format:\n\nQuestion: the input question you must answer\nThought: you should always think about what to do\nAction: the action to take, should be one of [get_weather]\nAction Input: the input to the action\nObservation: the result of the action\n... (this Thought/Action/Action Input/Observation can repeat N times)\nThought: I now know the final answer\nFinal Answer: the final answer to the original input question\n\nBegin!\n\nQuestion: {QUESTION}\nThought:{steps}"
        )
    };
    let first = said(&served, &[message("user", &langchain(""))], &json!({}));
    assert!(text(&first).ends_with("\nAction: get_weather\nAction Input: Paris"), "{first}");
    let steps = " I need it.\nAction: get_weather\nAction Input: Paris\nObservation: 18 degrees and sunny in Paris\nThought: ";
    let last = said(&served, &[message("user", &langchain(steps))], &json!({}));
    assert!(
        text(&last).contains("\nFinal Answer: ") && text(&last).contains("18 degrees"),
        "{last}"
    );
    // smolagents 1.26.
    let code = "You are an expert assistant who can solve any task using code blobs. In the end you have to return a final answer using the `final_answer` tool.\n\nThought: I will use Python code.\n<code>\nresult = 5 + 3 + 1294.678\nfinal_answer(result)\n</code>\n\nAbove examples were using notional tools that might not exist for you. You only have access to these tools, behaving like regular python functions:\n<code>\ndef get_weather(city: string) -> string:\n    \"\"\"Get the current weather in a city.\n\n    Args:\n        city: The name of the city.\n    \"\"\"\n\ndef final_answer(answer: any) -> any:\n    \"\"\"Provides a final answer to the given problem.\n\n    Args:\n        answer: The final answer to the problem\n    \"\"\"\n</code>\n\nAlways provide a 'Thought:' sequence, and a '<code>' sequence ending with '</code>', else you will fail.";
    let ask = |question: &str| {
        let messages =
            [message("system", code), message("user", &format!("New task:\n{question}"))];
        text(&said(&served, &messages, &json!({}))).to_owned()
    };
    let one = ask(QUESTION);
    assert!(one.ends_with("<code>\nresult = get_weather(city=\"Paris\")\nprint(result)\nfinal_answer(result)\n</code>"), "{one}");
    let two = ask("Compare the weather in Paris and Berlin.");
    assert!(
        two.contains("results = [get_weather(city=\"Paris\"), get_weather(city=\"Berlin\")]\n"),
        "{two}"
    );
    let none = ask("Hello!");
    assert!(none.contains("final_answer(\"") && !none.contains("get_weather("), "{none}");
}

#[test]
fn a_demand_for_a_form_or_a_correction_keeps_to_the_question_before_it() {
    let served = Served::start(&["security"]);
    let call = |answer: &Value| -> Value {
        let calls = answer["tool_calls"].as_array().unwrap_or_else(|| panic!("{answer}"));
        assert_eq!((calls.len(), &calls[0]["function"]["name"]), (1, &json!("Report")), "{answer}");
        serde_json::from_str(calls[0]["function"]["arguments"].as_str().unwrap()).unwrap()
    };
    let is_read = |report: &Value| {
        assert_eq!(
            (&report["city"], &report["temperature"]),
            (&json!("Oslo"), &json!(4)),
            "{report}"
        );
        assert!(!report.to_string().contains("previous response"), "{report}");
    };
    // strands 1.62 has the type among the tools, and demands it after words.
    let strands = tool(
        "Report",
        "IMPORTANT: This StructuredOutputTool should only be invoked as the last and final tool before returning the completed result to the caller. <description>A report on the weather.</description>",
        &REPORT,
    );
    let tools = json!({ "tools": [strands.clone()] });
    is_read(&call(&said(&served, &[message("user", OSLO)], &tools)));
    let demand = "You must format the previous response as structured output.";
    let asked =
        [message("user", OSLO), message("assistant", "It is cold."), message("user", demand)];
    let forced = json!({ "tools": [strands], "tool_choice": { "type": "function", "function": { "name": "Report" } } });
    is_read(&call(&said(&served, &asked, &forced)));
    // Pydantic AI, where a model said something instead of calling.
    let typed = tool("Report", "The final response which ends this conversation", &REPORT);
    let retry = "Validation feedback:\nPlain text responses are not permitted, please include your response in a tool call\n\nFix the errors and try again.";
    let asked =
        [message("user", OSLO), message("assistant", "It is cold."), message("user", retry)];
    is_read(&call(&said(&served, &asked, &json!({ "tools": [typed], "tool_choice": "required" }))));
    // instructor, whose schema stands in the system prompt.
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" }, "temperature": { "type": "number" } }, "required": ["city", "temperature"] });
    let system = format!(
        "As a genius expert, your task is to understand the content and provide the parsed objects in json that match the following json_schema:\n\n{schema}\n\nMake sure to return an instance of the JSON, not the schema itself"
    );
    let correct = "Correct your JSON ONLY RESPONSE, based on the following errors:\n1 validation error for Report\ncity\n  Field required";
    let asked = [
        message("system", &system),
        message("user", OSLO),
        message("assistant", "{}"),
        message("user", correct),
    ];
    let json = json!({ "response_format": { "type": "json_object" } });
    let report: Value = serde_json::from_str(text(&said(&served, &asked, &json))).unwrap();
    assert_eq!(report, json!({ "city": "Oslo", "temperature": 4 }));
    // A question that only speaks of responses is one.
    let asked = [
        message("user", OSLO),
        message("assistant", "It is cold."),
        message("user", "What is the weather in Rome?"),
    ];
    let answer = said(
        &served,
        &asked,
        &json!({ "tools": [tool("get_weather", "Get the weather.", &[("city", "string")])] }),
    );
    let input = answer["tool_calls"][0]["function"]["arguments"].as_str();
    assert_eq!(input, Some("{\"city\":\"Rome\"}"), "{answer}");
}

#[test]
fn notes_of_a_program_are_no_part_of_the_question() {
    let served = Served::start(&["security"]);
    // As the Claude Agent SDK 0.2 puts them in front.
    let notes = [
        "<system-reminder>\n# Environment\nYou have been invoked in the following environment: \n - Primary working directory: /tmp/Rome\n - Is a git repository: false\n</system-reminder>",
        "<system-reminder>\nYou are powered by the model named Sonnet 4.5.\n</system-reminder>",
        "<system-reminder>\nToday's date is 2026-11-30.\n</system-reminder>\n",
    ];
    let mut content: Vec<Value> =
        notes.iter().map(|note| json!({ "type": "text", "text": note })).collect();
    content.push(
        json!({ "type": "text", "text": QUESTION, "cache_control": { "type": "ephemeral" } }),
    );
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    let mut messages = vec![json!({ "role": "user", "content": content })];
    let ask = |messages: &[Value]| {
        let body = json!({ "model": "claude-sonnet-4-5", "max_tokens": 500, "messages": messages,
            "tools": [{ "name": "mcp__w__get_weather", "description": "Get the weather in a city.", "input_schema": schema }] });
        let answer = served.json("POST", "/v1/messages", &ANTHROPIC, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["content"].clone()
    };
    let calls = ask(&messages);
    assert_eq!(calls.as_array().unwrap().len(), 1, "{calls}");
    assert_eq!(calls[0]["input"], json!({ "city": "Paris" }));
    let result = json!([{ "type": "text", "text": "18 degrees and sunny in Paris\n" },
        { "type": "text", "text": "<system-reminder>\n<total_tokens>15000000 tokens left</total_tokens>\n</system-reminder>" }]);
    messages.push(json!({ "role": "assistant", "content": calls }));
    messages.push(json!({ "role": "user", "content": [{ "type": "tool_result", "tool_use_id": calls[0]["id"], "content": result }] }));
    let told = ask(&messages);
    let told = told[0]["text"].as_str().unwrap();
    assert!(told.ends_with("18 degrees and sunny in Paris."), "{told}");
    let hello = ask(&[
        json!({ "role": "user", "content": [json!({ "type": "text", "text": notes[0] }), json!({ "type": "text", "text": "Hello!" })] }),
    ]);
    assert!(!hello[0]["text"].as_str().unwrap().contains("system-reminder"), "{hello}");
}

#[test]
fn an_answer_goes_on_where_the_assistant_has_begun_it() {
    let served = Served::start(&["security"]);
    let question =
        format!("{OSLO} Respond with a JSON object with keys city, temperature (number).");
    let ask = |begun: &str| {
        let body = json!({ "model": "claude-sonnet-4-5", "max_tokens": 500,
            "messages": [message("user", &question), message("assistant", begun)] });
        let answer = served.json("POST", "/v1/messages", &ANTHROPIC, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["content"][0]["text"].as_str().unwrap().to_owned()
    };
    for begun in ["{", "Here is the JSON:\n{", "{\"city\":"] {
        let whole = format!("{}{}", &begun[begun.find('{').unwrap()..], ask(begun));
        let value: Value = serde_json::from_str(&whole).unwrap_or_else(|_| panic!("{whole}"));
        assert_eq!(value, json!({ "city": "Oslo", "temperature": 4 }));
    }
    // At OpenAI an answer begins anew.
    let asked = [message("user", &question), message("assistant", "{")];
    let whole = said(&served, &asked, &json!({}));
    assert!(text(&whole).starts_with('{'), "{whole}");
}
