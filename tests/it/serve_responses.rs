//! The Responses format of `serve`: the same core as for chats, a second format, and what it keeps.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::serve::{Answer, BEARER, Served};

const PATH: &str = "/v1/responses";
const QUESTION: &str = "Can you explain Q-Learning?";

fn ask(served: &Served, body: &Value) -> Answer {
    served.json("POST", PATH, &[BEARER], body)
}

/// An answer that has to be one.
fn answer(served: &Served, body: &Value) -> Value {
    let answer = ask(served, body);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The text of an answer.
fn text(answer: &Value) -> &str {
    let items = answer["output"].as_array().unwrap();
    let message = items.iter().find(|item| item["type"] == "message").unwrap();
    message["content"][0]["text"].as_str().unwrap()
}

/// The events of a stream; each is named like its type.
fn events(answer: &Answer) -> Vec<Value> {
    let body = String::from_utf8(answer.body.clone()).unwrap();
    let frames = body.split("\n\n").filter(|frame| !frame.is_empty());
    let read = |frame: &str| {
        let (name, data) = frame.split_once('\n').unwrap();
        let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: ").unwrap(), event["type"].as_str().unwrap());
        event
    };
    frames.map(read).collect()
}

fn tool() -> Value {
    let city = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    json!({ "type": "function", "name": "get_weather", "description": "weather", "parameters": city, "strict": true })
}

#[test]
fn a_stream_has_the_documents_items_in_the_services_order() {
    let served = Served::start(&["security", "--repeat", "same"]);
    let shared = json!({
        "model": "gpt-5", "input": QUESTION, "max_output_tokens": 60, "reasoning": { "summary": "auto" },
    });
    let with = |more: Value| {
        let mut body = shared.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let call = json!({ "tools": [tool()], "tool_choice": "required" });
    let schema = json!({ "type": "object", "properties": { "title": { "type": "string" } }, "required": ["title"] });
    let form =
        json!({ "text": { "format": { "type": "json_schema", "name": "t", "schema": schema } } });
    for more in [json!({}), call, form] {
        let document = answer(&served, &with(more.clone()));
        let mut streamed = with(more);
        streamed["stream"] = json!(true);
        let events = events(&ask(&served, &streamed));
        for (i, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], i, "{event}");
        }
        let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(
            types[..3],
            ["response.created", "response.in_progress", "response.output_item.added"]
        );
        let ended = format!("response.{}", document["status"].as_str().unwrap());
        assert_eq!(*types.last().unwrap(), ended);
        assert_eq!(events.last().unwrap()["response"], document);
        assert_eq!(events[0]["response"]["status"], "in_progress");
        assert_eq!(events[0]["response"]["output"], json!([]));
        // Each item begins, comes piece by piece, and ends as it is in the document.
        let items = document["output"].as_array().unwrap();
        assert_eq!(items[0]["type"], "reasoning");
        for (at, item) in items.iter().enumerate() {
            let own: Vec<&Value> =
                events.iter().filter(|event| event["output_index"] == at).collect();
            let (first, last) = (own[0], own[own.len() - 1]);
            assert_eq!(first["type"], "response.output_item.added");
            assert_eq!(first["item"]["id"], item["id"]);
            assert_eq!((&last["type"], &last["item"]), (&json!("response.output_item.done"), item));
            let deltas: String = own.iter().filter_map(|event| event["delta"].as_str()).collect();
            let whole = match item["type"].as_str().unwrap() {
                "reasoning" => &item["summary"][0]["text"],
                "message" => &item["content"][0]["text"],
                _ => &item["arguments"],
            };
            assert_eq!(deltas, whole.as_str().unwrap());
            for event in &own[1..own.len() - 1] {
                assert_eq!(event["item_id"], item["id"], "{event}");
            }
        }
    }
}

#[test]
fn the_same_words_get_the_same_answer_as_in_chat_completions() {
    let served = Served::start(&["security", "--repeat", "same", "--transcript", "9"]);
    // An agent of the scenario: its schema and prompt are recognized.
    let schema = json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "likely_contains_pii": { "type": "boolean" }, "confidence": { "type": "number" },
            "reasoning": { "type": "string" },
            "recommended_route": { "type": "string", "enum": ["security_agent", "support_agent"] },
        },
        "required": ["likely_contains_pii", "confidence", "reasoning", "recommended_route"],
    });
    let asked = "Hi, I'm Maria Keller (maria.keller@example.com). Can you explain Q-Learning?";
    let form = json!({ "type": "json_schema", "json_schema": { "name": "PIIPreScreening", "schema": schema } });
    let format = json!({ "type": "json_schema", "name": "PIIPreScreening", "schema": schema });
    let search = json!({ "type": "object", "properties": { "query": { "type": "string" } } });
    let function = json!({ "name": "search_v1", "description": "searches", "parameters": search });
    let mut flat = function.clone();
    flat["type"] = json!("function");
    let pairs = [
        (json!({ "response_format": form }), json!({ "text": { "format": format } })),
        (json!({}), json!({})),
        (
            json!({ "tools": [{ "type": "function", "function": function }] }),
            json!({ "tools": [flat] }),
        ),
    ];
    for (of_chat, of_response) in pairs {
        let mut chat = json!({ "model": "gpt-4o", "messages": [
            { "role": "system", "content": "You help." }, { "role": "user", "content": asked }] });
        let mut response =
            json!({ "model": "gpt-4o", "instructions": "You help.", "input": asked });
        for (body, more) in [(&mut chat, of_chat), (&mut response, of_response)] {
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        let chat = served.json("POST", "/v1/chat/completions", &[BEARER], &chat).json();
        let response = answer(&served, &response);
        let said = &chat["choices"][0]["message"];
        for item in response["output"].as_array().unwrap() {
            match item["type"].as_str().unwrap() {
                "message" => assert_eq!(item["content"][0]["text"], said["content"]),
                _ => assert_eq!(item["arguments"], said["tool_calls"][0]["function"]["arguments"]),
            }
        }
        assert_eq!(response["usage"]["input_tokens"], chat["usage"]["prompt_tokens"]);
        assert_eq!(response["usage"]["output_tokens"], chat["usage"]["completion_tokens"]);
    }
    assert_eq!(served.status()["chats"], 6);
    let lines = served.send("GET", "/_simlab/transcript", &[], b"");
    let lines: Vec<Value> = String::from_utf8(lines.body)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0]["caller"], lines[1]["caller"]);
    assert_eq!(
        (&lines[0]["answered"], &lines[1]["answer_body"]["object"]),
        (&lines[1]["answered"], &json!("response"))
    );
}

#[test]
fn a_conversation_is_the_same_by_history_by_reference_and_by_the_answer_before() {
    let served = Served::start(&["security", "--repeat", "same"]);
    let asked = json!({ "role": "user", "content": "What is the weather in Paris?" });
    let first =
        json!({ "model": "gpt-5", "input": [asked], "tools": [tool()], "tool_choice": "required" });
    let first = answer(&served, &first);
    let items = first["output"].as_array().unwrap();
    let call = items.iter().find(|item| item["type"] == "function_call").unwrap();
    assert!(call["id"].as_str().unwrap().starts_with("fc_"));
    let output =
        json!({ "type": "function_call_output", "call_id": call["call_id"], "output": "sunny" });
    let history: Vec<Value> = [vec![asked.clone()], items.clone(), vec![output.clone()]].concat();
    let references: Vec<Value> =
        items.iter().map(|item| json!({ "type": "item_reference", "id": item["id"] })).collect();
    let references: Vec<Value> = [vec![asked], references, vec![output.clone()]].concat();
    let then = |more: Value| {
        let mut body = json!({ "model": "gpt-5", "tools": [tool()], "tool_choice": "none" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        answer(&served, &body)
    };
    let whole = then(json!({ "input": history }));
    let referred = then(json!({ "input": references }));
    let followed = then(json!({ "input": [output], "previous_response_id": first["id"] }));
    assert!(!text(&whole).is_empty());
    for other in [&referred, &followed] {
        assert_eq!(text(other), text(&whole));
        assert_eq!(other["usage"], whole["usage"]);
    }
    assert_eq!(followed["previous_response_id"], first["id"]);
    // A third turn after two that are kept.
    let third = then(json!({ "input": "And in Rome?", "previous_response_id": followed["id"] }));
    assert!(third["usage"]["input_tokens"].as_u64() > followed["usage"]["input_tokens"].as_u64());
    // Instructions are not handed on, as in the service.
    let told = then(json!({ "input": "Hello", "instructions": "one two three four five six" }));
    let after = then(json!({ "input": "Hello", "previous_response_id": told["id"] }));
    let counted = json!({ "model": "gpt-5", "tools": [tool()], "tool_choice": "none",
        "input": [{ "role": "user", "content": "Hello" }, { "role": "assistant", "content": text(&told) },
            { "role": "user", "content": "Hello" }] });
    let counted = served.json("POST", "/v1/responses/input_tokens", &[BEARER], &counted).json();
    assert_eq!(counted["object"], "response.input_tokens");
    assert_eq!(counted["input_tokens"], after["usage"]["input_tokens"]);
}

#[test]
fn answers_are_kept_listed_and_deleted() {
    let served = Served::start(&["security"]);
    let get = |path: &str| served.send("GET", path, &[BEARER], b"");
    let kept =
        answer(&served, &json!({ "model": "gpt-4o", "input": QUESTION, "metadata": { "a": "b" } }));
    assert_eq!(kept["metadata"], json!({ "a": "b" }));
    let path = format!("{PATH}/{}", kept["id"].as_str().unwrap());
    assert_eq!(get(&path).json(), kept);
    let items = get(&format!("{path}/input_items")).json();
    assert_eq!(items["data"][0]["content"], json!([{ "type": "input_text", "text": QUESTION }]));
    assert_eq!((&items["has_more"], &items["first_id"]), (&json!(false), &items["data"][0]["id"]));
    let cancelled = served.json("POST", &format!("{path}/cancel"), &[BEARER], &Value::Null);
    assert_eq!(cancelled.status, 400);
    let deleted = served.send("DELETE", &path, &[BEARER], b"").json();
    assert_eq!(deleted, json!({ "id": kept["id"], "object": "response", "deleted": true }));
    for path in [path.clone(), format!("{path}/input_items")] {
        let error = get(&path);
        assert_eq!(
            (error.status, &error.json()["error"]["type"]),
            (404, &json!("invalid_request_error"))
        );
    }
    let apart = answer(&served, &json!({ "model": "gpt-4o", "input": QUESTION, "store": false }));
    assert_eq!(get(&format!("{PATH}/{}", apart["id"].as_str().unwrap())).status, 404);
    let without_key = served.send("GET", &path, &[], b"");
    assert_eq!(without_key.status, 401);
    let elsewhere = get(&format!("{path}/elsewhere"));
    assert_eq!(elsewhere.status, 404);
    assert!(
        elsewhere.json()["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Invalid URL (GET /responses/")
    );
    // Starting over forgets them.
    let again = answer(&served, &json!({ "model": "gpt-4o", "input": "Hello" }));
    assert_eq!(served.send("POST", "/_simlab/reset", &[("x-simlab", "1")], b"").status, 204);
    assert_eq!(get(&format!("{PATH}/{}", again["id"].as_str().unwrap())).status, 404);
}

#[test]
fn a_kept_answer_is_streamed_again_from_any_event_on() {
    let served = Served::start(&["security", "--repeat", "same"]);
    let body =
        json!({ "model": "gpt-4o", "input": QUESTION, "stream": true, "max_output_tokens": 40 });
    let first = events(&ask(&served, &body));
    let id = first[0]["response"]["id"].as_str().unwrap();
    let again = |query: &str| served.send("GET", &format!("{PATH}/{id}?{query}"), &[BEARER], b"");
    let whole = again("stream=true");
    assert_eq!(whole.header("content-type"), Some("text/event-stream"));
    let whole = events(&whole);
    assert_eq!(whole, first);
    // Behind the event with this number, and not with it.
    for after in [0, 3, whole.len() - 2] {
        let rest = events(&again(&format!("stream=true&starting_after={after}")));
        assert_eq!(rest, whole[after + 1..], "{after}");
    }
    let beyond = again(&format!("stream=true&starting_after={}", whole.len()));
    assert_eq!((beyond.status, beyond.body.len()), (200, 0), "{beyond:?}");
    assert_eq!(again("stream=false").json(), whole[whole.len() - 1]["response"]);
    for wrong in ["stream=true&starting_after=x", "stream=true&starting_after=-1"] {
        let refused = again(wrong);
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.json()["error"]["param"], "starting_after");
    }
    let unknown = served.send("GET", &format!("{PATH}/resp_x?stream=true"), &[BEARER], b"");
    assert_eq!(unknown.status, 404);
}

#[test]
fn an_answer_in_the_background_is_fetched_when_it_is_ready_or_cancelled_before() {
    let served = Served::start(&["security", "--time-scale", "0.0001"]);
    let body = json!({ "model": "gpt-4o", "input": QUESTION, "background": true });
    let queued = answer(&served, &body);
    assert_eq!((&queued["status"], &queued["output"]), (&json!("queued"), &json!([])));
    let path = format!("{PATH}/{}", queued["id"].as_str().unwrap());
    let get = || served.send("GET", &path, &[BEARER], b"").json();
    assert_eq!(get()["status"], "in_progress");
    let cancelled = served.json("POST", &format!("{path}/cancel"), &[BEARER], &Value::Null).json();
    assert_eq!((&cancelled["status"], &get()), (&json!("cancelled"), &cancelled));
    // To cancel it once more changes nothing.
    let again = served.json("POST", &format!("{path}/cancel"), &[BEARER], &Value::Null);
    assert_eq!((again.status, again.json()), (200, cancelled));
    let at_once = Served::start(&["security"]);
    let queued = answer(&at_once, &body);
    let path = format!("{PATH}/{}", queued["id"].as_str().unwrap());
    assert_eq!(at_once.send("GET", &path, &[BEARER], b"").json()["status"], "completed");
}

#[test]
fn what_a_request_refers_to_is_bounded_and_read_once() {
    let served = Served::start(&["security"]);
    let send = |path: &str, body: &Value| served.json("POST", path, &[BEARER], body);
    let item = |text: String| json!({ "role": "user", "content": text });
    let items: Vec<Value> = std::iter::once(item("x".repeat(2 << 20)))
        .chain((1..20).map(|n| item(n.to_string())))
        .collect();
    let made = send("/v1/conversations", &json!({ "items": items })).json();
    let path = format!("/v1/conversations/{}/items?order=asc", made["id"].as_str().unwrap());
    let kept = served.send("GET", &path, &[BEARER], b"").json();
    let ids: Vec<&Value> =
        kept["data"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    let count = |ids: &[&Value], times: usize| {
        let one = ids.iter().map(|id| json!({ "type": "item_reference", "id": id }));
        let input: Vec<Value> = std::iter::repeat_n(one, times).flatten().collect();
        send("/v1/responses/input_tokens", &json!({ "model": "gpt-4o", "input": input }))
    };
    // 17 times 2 MiB are more than 32 MiB, as much as a request may have.
    let long = count(&ids[..1], 17);
    let error = &long.json()["error"];
    assert_eq!((long.status, &error["code"]), (400, &json!("context_length_exceeded")), "{error}");
    // 190,000 references to 19 items, of a conversation that is read once.
    let begun = Instant::now();
    let many = count(&ids[1..], 10_000);
    assert_eq!(many.status, 200, "{many:?}");
    assert!(many.json()["input_tokens"].as_u64() > Some(190_000));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let unknown = count(&[&json!("msg_0000000000000000000000i0")], 1);
    assert_eq!(unknown.status, 404);
}

#[test]
fn ids_of_conversations_and_of_their_items_are_never_equal() {
    let served = Served::start(&["security"]);
    let one = json!({ "items": [{ "role": "user", "content": "Hello" }] });
    let at_once = |path: &str| -> Vec<Value> {
        std::thread::scope(|scope| {
            let send = || served.json("POST", path, &[BEARER], &one).json();
            let all: Vec<_> = (0..16).map(|_| scope.spawn(send)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        })
    };
    let ids: BTreeSet<String> =
        at_once("/v1/conversations").iter().map(|made| made["id"].to_string()).collect();
    assert_eq!(ids.len(), 16);
    let path = format!("/v1/conversations/{}/items", ids.first().unwrap().trim_matches('"'));
    let ids: BTreeSet<String> =
        at_once(&path).iter().map(|added| added["data"][0]["id"].to_string()).collect();
    assert_eq!(ids.len(), 16);
}

#[test]
fn a_conversation_grows_with_each_answer() {
    let served = Served::start(&["security"]);
    let send = |method: &str, path: &str, body: &Value| served.json(method, path, &[BEARER], body);
    let made = send(
        "POST",
        "/v1/conversations",
        &json!({
        "metadata": { "topic": "x" }, "items": [{ "role": "user", "content": "My name is Bo." }] }),
    )
    .json();
    assert_eq!(
        (&made["object"], &made["metadata"]),
        (&json!("conversation"), &json!({ "topic": "x" }))
    );
    let id = made["id"].as_str().unwrap();
    let path = format!("/v1/conversations/{id}");
    let first =
        answer(&served, &json!({ "model": "gpt-4o", "conversation": id, "input": "Hello" }));
    assert_eq!(first["conversation"], json!({ "id": id }));
    let second = answer(
        &served,
        &json!({ "model": "gpt-4o", "conversation": { "id": id }, "input": "Hello" }),
    );
    assert!(second["usage"]["input_tokens"].as_u64() > first["usage"]["input_tokens"].as_u64());
    let all = send("GET", &format!("{path}/items?order=asc"), &Value::Null).json();
    let roles: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|item| item["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "user", "assistant", "user", "assistant"]);
    // Page by page, newest first, nothing twice.
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let page = send("GET", &format!("{path}/items?limit=2{after}"), &Value::Null).json();
        pages.extend(page["data"].as_array().unwrap().clone());
        if page["has_more"] == false {
            break;
        }
        after = format!("&after={}", page["last_id"].as_str().unwrap());
    }
    pages.reverse();
    assert_eq!(Value::Array(pages), all["data"]);
    let item = all["data"][0]["id"].as_str().unwrap();
    let one = format!("{path}/items/{item}");
    assert_eq!(send("GET", &one, &Value::Null).json(), all["data"][0]);
    assert_eq!(send("DELETE", &one, &Value::Null).json()["id"], id);
    assert_eq!(send("GET", &one, &Value::Null).status, 404);
    let added = send(
        "POST",
        &format!("{path}/items"),
        &json!({ "items": [{ "role": "user", "content": "x" }] }),
    );
    assert_eq!(added.json()["data"][0]["content"][0]["text"], "x");
    assert_eq!(
        send("POST", &path, &json!({ "metadata": { "a": "b" } })).json()["metadata"],
        json!({ "a": "b" })
    );
    assert_eq!(send("POST", &path, &json!({ "metadata": { "a": 1 } })).status, 400);
    let wrong = send(
        "POST",
        &format!("{path}/items"),
        &json!({ "items": [{ "role": "tool", "content": "x" }] }),
    );
    assert_eq!((wrong.status, &wrong.json()["error"]["param"]), (400, &json!("items[0].role")));
    assert_eq!(send("DELETE", &path, &Value::Null).json()["deleted"], true);
    assert_eq!(send("GET", &path, &Value::Null).status, 404);
    assert_eq!(
        ask(&served, &json!({ "model": "gpt-4o", "conversation": id, "input": "x" })).status,
        404
    );
}

#[test]
fn tools_are_chosen_as_the_request_says() {
    let served = Served::start(&["security"]);
    let mut other = tool();
    other["name"] = json!("get_time");
    let called = |choice: Value| {
        let body = json!({ "model": "gpt-4o", "input": "x", "tool_choice": choice,
            "tools": [{ "type": "web_search" }, tool(), other] });
        answer(&served, &body)["output"][0]["name"].as_str().map(str::to_owned)
    };
    assert!(called(json!("required")).is_some());
    assert_eq!(called(json!("none")), None);
    assert_eq!(
        called(json!({ "type": "function", "name": "get_time" })).as_deref(),
        Some("get_time")
    );
    let allowed = json!({ "type": "allowed_tools", "mode": "required", "tools": [{ "type": "function", "name": "get_time" }] });
    assert_eq!(called(allowed).as_deref(), Some("get_time"));
}

#[test]
fn mistakes_are_named_as_the_service_names_them() {
    let served = Served::start(&["security"]);
    // Status, parameter and code; and what the message has to say.
    let cases = [
        (
            json!({ "input": "x" }),
            400,
            json!("model"),
            json!("missing_required_parameter"),
            "'model'",
        ),
        (
            json!({ "model": "gpt-4o" }),
            400,
            json!("input"),
            json!("missing_required_parameter"),
            "must be provided",
        ),
        (
            json!({ "model": "gpt-99", "input": "x" }),
            404,
            Value::Null,
            json!("model_not_found"),
            "`gpt-99`",
        ),
        (
            json!({ "model": "gpt-4o", "input": 5 }),
            400,
            json!("input"),
            json!("invalid_type"),
            "string or array",
        ),
        (
            json!({ "model": "gpt-4o", "input": [{ "role": "tool", "content": "x" }] }),
            400,
            json!("input[0].role"),
            json!("invalid_value"),
            "'tool'",
        ),
        (
            json!({ "model": "gpt-4o", "input": [{ "role": "user", "content": [{ "type": "text", "text": "x" }] }] }),
            400,
            json!("input[0].content[0].type"),
            json!("invalid_value"),
            "'input_text'",
        ),
        (
            json!({ "model": "gpt-4o", "input": [{ "type": "function_call_output", "call_id": "call_1", "output": "x" }] }),
            400,
            json!("input"),
            Value::Null,
            "No tool call found for function call output with call_id call_1.",
        ),
        (
            json!({ "model": "gpt-4o", "input": [{ "type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}" }] }),
            400,
            json!("input"),
            Value::Null,
            "No tool output found for function call call_1.",
        ),
        (
            json!({ "model": "gpt-4o", "input": [{ "type": "item_reference", "id": "msg_1" }] }),
            404,
            json!("input"),
            Value::Null,
            "Item with id 'msg_1' not found.",
        ),
        (
            json!({ "model": "gpt-4o", "input": "x", "previous_response_id": "resp_1" }),
            400,
            json!("previous_response_id"),
            json!("previous_response_not_found"),
            "'resp_1' not found",
        ),
        (
            json!({ "model": "gpt-4o", "input": "x", "previous_response_id": "r", "conversation": "c" }),
            400,
            Value::Null,
            json!("mutually_exclusive_parameters"),
            "'conversation'",
        ),
        (
            json!({ "model": "gpt-4o", "input": "x", "max_output_tokens": 5 }),
            400,
            json!("max_output_tokens"),
            json!("integer_below_min_value"),
            ">= 16",
        ),
        (
            json!({ "model": "gpt-4o", "messages": [] }),
            400,
            json!("messages"),
            json!("unsupported_parameter"),
            "moved to 'input'",
        ),
        (
            json!({ "model": "gpt-4o", "input": "x", "stop": "y" }),
            400,
            json!("stop"),
            json!("unknown_parameter"),
            "'stop'",
        ),
        (
            json!({ "model": "gpt-5", "input": "x", "temperature": 0.5 }),
            400,
            json!("temperature"),
            json!("unsupported_value"),
            "temperature",
        ),
        (
            json!({ "model": "gpt-5", "input": "x", "reasoning": { "effort": "none" } }),
            400,
            json!("reasoning.effort"),
            json!("unsupported_value"),
            "'minimal'",
        ),
        (
            json!({ "model": "gpt-4o", "input": "x", "text": { "format": { "type": "json_object" } } }),
            400,
            json!("input"),
            Value::Null,
            "'json'",
        ),
        (
            json!({ "model": "gpt-4o", "input": "x", "tools": [{ "type": "function", "name": "a b" }] }),
            400,
            json!("tools[0].name"),
            json!("invalid_value"),
            "tools[0].name",
        ),
        (
            json!({ "model": "gpt-4o", "input": "x", "tools": [{ "type": "hammer" }] }),
            400,
            json!("tools[0].type"),
            json!("invalid_value"),
            "'hammer'",
        ),
        (
            json!({ "model": "gpt-4o", "input": "x", "background": true, "store": false }),
            400,
            json!("background"),
            Value::Null,
            "'store'",
        ),
    ];
    for (body, status, param, code, words) in cases {
        let answer = ask(&served, &body);
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["param"], &error["code"]),
            (status, &param, &code),
            "{body}: {error}"
        );
        assert!(error["message"].as_str().unwrap().contains(words), "{body}: {error}");
        assert_eq!(error["type"], "invalid_request_error");
    }
    // A model that only this format has.
    assert_eq!(ask(&served, &json!({ "model": "gpt-5-pro", "input": "x" })).status, 200);
    // Too long a conversation is refused, or its beginning is left out.
    let long = json!([{ "role": "user", "content": "word ".repeat(140_000) }, { "role": "user", "content": "Hello" }]);
    let refused = ask(&served, &json!({ "model": "gpt-4o", "input": long }));
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (400, &json!("context_length_exceeded"))
    );
    let cut = answer(&served, &json!({ "model": "gpt-4o", "input": long, "truncation": "auto" }));
    assert!(cut["usage"]["input_tokens"].as_u64().unwrap() < 100, "{cut}");
}

#[test]
fn faults_hit_it_as_they_hit_chats() {
    let served = Served::start(&["security"]);
    let set = |faults: Value| {
        let answer = served.json("PUT", "/_simlab/faults", &[], &json!({ "faults": faults }));
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let hello = json!({ "model": "gpt-4o", "input": "Hello" });
    for (fault, status) in [
        (json!({ "fault": "rate_limited", "retry_after": "2s" }), 429),
        (json!({ "fault": "server_error", "status": 500 }), 500),
        (json!({ "fault": "overloaded" }), 503),
    ] {
        let mut fault = fault;
        (fault["on"], fault["next"]) = (json!(["openai"]), json!(1));
        set(json!([fault]));
        let refused = ask(&served, &hello);
        assert_eq!(refused.status, status, "{refused:?}");
        assert!(refused.json()["error"]["message"].is_string());
        assert_eq!(ask(&served, &hello).status, 200);
    }
    // A stream that breaks off never shows how it would have ended.
    set(json!([{ "fault": "cut", "next": 1, "after_events": 100_000 }]));
    let mut stream = served.connect();
    let body = json!({ "model": "gpt-4o", "input": "Hello", "stream": true }).to_string();
    use std::io::{Read, Write};
    write!(
        stream,
        "POST {PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer k\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let bytes = String::from_utf8(bytes).unwrap();
    assert!(bytes.contains("response.output_text.delta"), "{bytes}");
    for end in ["output_text.done", "content_part.done", "output_item.done", "completed\""] {
        assert!(!bytes.contains(end), "{end}");
    }
}
