//! Which models and which requests `serve` answers, and what the same request gets when it comes
//! again.

use serde_json::{Value, json};
use simlab::llm::chat::{ChatRequest, ContentPart, ErrorKind, Message, Role};
use simlab::llm::wire::PROVIDERS;
use simlab::llm::wire::headers::Headers;

use super::serve::{ANTHROPIC, BEARER, Served};

/// Where a provider's chats go, and the headers of its clients.
type Place = (&'static str, &'static [(&'static str, &'static str)]);

const PLACES: [Place; 3] = [
    ("/v1/messages", &ANTHROPIC),
    ("/v1/chat/completions", &[BEARER]),
    ("/mistral/v1/chat/completions", &[BEARER]),
];

fn chat(model: &str) -> Value {
    json!({ "model": model, "max_tokens": 400, "messages": [{ "role": "user", "content": "What is a policy gradient?" }] })
}

#[test]
fn a_model_that_does_not_exist_is_refused_in_its_providers_words() {
    let served = Served::start(&["security"]);
    let ask =
        |(path, headers): Place, model: &str| served.json("POST", path, headers, &chat(model));
    let [anthropic, openai, mistral] = PLACES;
    let answer = ask(anthropic, "claude-9");
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (404, &json!({ "type": "not_found_error", "message": "model: claude-9" }))
    );
    let answer = ask(openai, "gpt-99");
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("model_not_found")));
    let answer = ask(mistral, "mistral-huge");
    // Mistral answers 400 here.
    assert_eq!(
        (answer.status, &answer.json()["type"], &answer.json()["code"]),
        (400, &json!("invalid_model"), &json!("1500"))
    );
    for (place, model) in [
        (anthropic, "claude-opus-5"),
        (openai, "gpt-4o-2024-08-06"),
        (mistral, "mistral-large-latest"),
    ] {
        assert_eq!(ask(place, model).status, 200, "{model}");
    }
    // What the list names is found, and what it does not name is not.
    for (headers, known, unknown) in
        [(&ANTHROPIC[..], "claude-opus-5", "claude-9"), (&[BEARER], "gpt-5", "gpt-99")]
    {
        let list = served.send("GET", "/v1/models", headers, b"").json();
        assert!(list["data"].as_array().unwrap().iter().any(|card| card["id"] == known), "{list}");
        assert_eq!(served.send("GET", &format!("/v1/models/{known}"), headers, b"").status, 200);
        assert_eq!(served.send("GET", &format!("/v1/models/{unknown}"), headers, b"").status, 404);
    }
    let embed = |model: &str| {
        served.json(
            "POST",
            "/v1/embeddings",
            &[BEARER],
            &json!({ "model": model, "input": "x", "encoding_format": "float" }),
        )
    };
    assert_eq!(embed("text-embedding-9").status, 404);
    assert_eq!(
        embed("text-embedding-3-large").json()["data"][0]["embedding"].as_array().unwrap().len(),
        3072
    );
}

#[test]
fn every_provider_of_the_table_answers_at_its_address_in_its_own_format() {
    let served = Served::start(&["security"]);
    for provider in PROVIDERS {
        let headers = provider.api.request_headers("key");
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let ask = |model: &str| {
            let text = ContentPart::Text("What is a policy gradient?".to_owned());
            let messages = vec![Message { role: Role::User, content: vec![text] }];
            let max_tokens = Some(400);
            let request = ChatRequest { messages, max_tokens, ..ChatRequest::new(model) };
            let path = [provider.mount, provider.base_path(), &provider.target(&request)].concat();
            let mut body = Vec::new();
            provider.api.encode_request(&request, &mut body);
            served.send("POST", &path, &headers, &body)
        };
        if let Some(family) = provider.families.iter().find(|family| family.chats) {
            let answer = ask(family.name);
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(!provider.decode_response(&answer.body).unwrap().text().is_empty());
        }
        let refused = ask("no-such-model");
        let none = Headers { pairs: &[], received_us: 0 };
        let error = provider.decode_error(refused.status, &none, &refused.body);
        assert_eq!(error.kind, ErrorKind::NotFound, "{refused:?}");
        let list = [provider.mount, provider.base_path(), provider.api.models_path()].concat();
        assert_eq!(served.send("GET", &list, &headers, b"").status, 200, "{list}");
        let unnamed = served.send("GET", &format!("{list}/no-such-model"), &headers, b"");
        assert!((400..500).contains(&unnamed.status), "{unnamed:?}");
    }
}

#[test]
fn a_parameter_that_the_model_refuses_and_a_prompt_beyond_its_context_are_400() {
    let served = Served::start(&["security"]);
    let with = |model: &str, name: &str, value: Value| {
        let mut body = chat(model);
        body[name] = value;
        body
    };
    let ask = |at: usize, body: &Value| served.json("POST", PLACES[at].0, PLACES[at].1, body);
    let words = |at: usize, body: &Value| {
        let answer = ask(at, body);
        assert_eq!(answer.status, 400, "{answer:?}");
        answer.json()["error"]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        words(0, &with("claude-opus-4-7", "temperature", json!(0.5))),
        "`temperature` is deprecated for this model."
    );
    assert!(words(1, &chat("gpt-5")).contains("Use 'max_completion_tokens' instead"));
    let long = with(
        "claude-haiku-4-5",
        "messages",
        json!([{ "role": "user", "content": "word ".repeat(250_000) }]),
    );
    let said = words(0, &long);
    assert!(
        said.starts_with("prompt is too long: ") && said.ends_with(" tokens > 200000 maximum"),
        "{said}"
    );
    let thread = ask(0, &with("claude-haiku-4-5", "thread", json!({ "type": "create" }))).json();
    assert_eq!(thread["error"]["details"], json!({ "error_code": "thread_unsupported_request" }));
}

#[test]
fn the_kth_same_request_gets_the_kth_answer_or_always_the_first() {
    let answers = |arguments: &[&str]| -> Vec<Value> {
        let served = Served::start(arguments);
        (0..4)
            .map(|_| {
                served.json("POST", PLACES[1].0, PLACES[1].1, &chat("gpt-4o")).json()["choices"]
                    .clone()
            })
            .collect()
    };
    let next = answers(&["security"]);
    assert!((1..4).any(|nth| next[nth] != next[0]), "{next:?}");
    assert_eq!(
        next,
        answers(&["security", "--repeat", "next"]),
        "the sequence is the same after each start"
    );
    assert_eq!(answers(&["security", "--repeat", "same"]), vec![next[0].clone(); 4]);
}

#[test]
fn tokens_are_counted_as_the_chat_is_charged() {
    let served = Served::start(&["security"]);
    let tool = json!({ "name": "get_weather", "description": "Weather.", "input_schema": { "type": "object", "properties": { "city": { "type": "string" } } } });
    let mut body = json!({ "model": "claude-opus-5", "system": "Be brief.", "tools": [tool],
        "messages": [{ "role": "user", "content": "What is a policy gradient?" }] });
    let count = |body: &Value| served.json("POST", "/v1/messages/count_tokens", &ANTHROPIC, body);
    let counted = count(&body);
    assert_eq!(counted.status, 200, "{counted:?}");
    assert!(counted.header("request-id").is_some());
    let counted = counted.json();
    assert_eq!(counted.as_object().unwrap().len(), 1);
    body["max_tokens"] = json!(50);
    let asked = served.json("POST", "/v1/messages", &ANTHROPIC, &body).json();
    assert_eq!(counted["input_tokens"], asked["usage"]["input_tokens"]);
    body["model"] = json!("claude-9");
    assert_eq!(count(&body).status, 404);
    let without = served.json("POST", "/v1/messages/count_tokens", &[], &body);
    assert_eq!(without.status, 401);
}

#[test]
fn moderation_flags_plain_words_in_the_providers_categories() {
    let served = Served::start(&["security"]);
    let ask = |path: &str, body: &Value| served.json("POST", path, &[BEARER], body);
    let texts = json!(["How do I skill up?", "I will kill you.", "I want to end my life."]);
    let answer = ask("/v1/moderations", &json!({ "input": texts })).json();
    assert_eq!(answer["model"], "omni-moderation-latest");
    assert!(answer["id"].as_str().unwrap().starts_with("modr-"));
    let results = answer["results"].as_array().unwrap();
    let flagged: Vec<&Value> = results.iter().map(|result| &result["flagged"]).collect();
    assert_eq!(flagged, [false, true, true]);
    for (result, held) in results.iter().zip([None, Some("violence"), Some("self-harm")]) {
        let (holds, scores) = (&result["categories"], &result["category_scores"]);
        assert_eq!(holds.as_object().unwrap().len(), 13);
        for (name, score) in scores.as_object().unwrap() {
            let (score, holds) = (score.as_f64().unwrap(), holds[name] == true);
            assert!(if holds { score > 0.9 } else { score < 0.01 }, "{name}: {score}");
        }
        assert!(held.is_none_or(|held| holds[held] == true), "{result}");
    }
    let parts = json!([{ "type": "text", "text": "murder" }, { "type": "image_url", "image_url": { "url": "https://x.example/a.png" } }]);
    let one = ask("/v1/moderations", &json!({ "input": parts })).json();
    assert_eq!(one["results"].as_array().unwrap().len(), 1);
    let mistral = "/mistral/v1/moderations";
    let personal = json!({ "model": "mistral-moderation-latest", "input": "Mail ann@example.com, my SSN is 123-45-6789." });
    let answer = ask(mistral, &personal).json();
    assert_eq!(answer["results"][0]["categories"]["pii"], true, "{answer}");
    assert_eq!(answer["results"][0].get("flagged"), None);
    for (path, body, status) in [
        ("/v1/moderations", json!({}), 400),
        ("/v1/moderations", json!({ "input": [] }), 400),
        ("/v1/moderations", json!({ "input": "a", "model": "gpt-4o" }), 404),
        ("/v1/moderations", json!({ "input": [{ "type": "audio" }] }), 400),
        (mistral, json!({ "input": "a" }), 422),
    ] {
        let refused = ask(path, &body);
        assert_eq!(refused.status, status, "{body}: {refused:?}");
    }
}

#[test]
fn several_answers_to_one_request_differ_and_are_streamed_as_they_are_plain() {
    let served = Served::start(&["security", "--repeat", "same"]);
    let body = json!({ "model": "gpt-4o", "n": 3, "messages": [{ "role": "user", "content": "Can you explain Q-Learning?" }] });
    let ask = |body: &Value| served.json("POST", "/v1/chat/completions", &[BEARER], body);
    let plain = ask(&body).json();
    let choices = plain["choices"].as_array().unwrap();
    let texts: Vec<&str> =
        choices.iter().map(|choice| choice["message"]["content"].as_str().unwrap()).collect();
    assert_eq!(choices.iter().map(|choice| &choice["index"]).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(texts[0] != texts[1] && texts[1] != texts[2] && texts[0] != texts[2], "{texts:?}");
    let mut one = body.clone();
    one["n"] = json!(1);
    let one = ask(&one).json();
    let output = |answer: &Value| answer["usage"]["completion_tokens"].as_u64().unwrap();
    assert_eq!(one["usage"]["prompt_tokens"], plain["usage"]["prompt_tokens"]);
    assert!(output(&plain) > output(&one));
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    let streamed = String::from_utf8(ask(&streamed).body).unwrap();
    let mut pieces = vec![String::new(); 3];
    let mut ended = Vec::new();
    for line in streamed.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let chunk: Value = serde_json::from_str(&format!("{{{line}")).unwrap();
        let choice = &chunk["choices"][0];
        let index = choice["index"].as_u64().unwrap() as usize;
        pieces[index] += choice["delta"]["content"].as_str().unwrap_or_default();
        ended.extend(choice["finish_reason"].as_str().map(|_| index));
    }
    assert_eq!(
        (pieces, ended),
        (texts.iter().map(|text| (*text).to_owned()).collect(), vec![0, 1, 2])
    );
    let mut many = body;
    many["n"] = json!(129);
    assert_eq!(ask(&many).status, 400);
    let key = ("x-goog-api-key", "any");
    let gemini = json!({ "contents": [{ "role": "user", "parts": [{ "text": "Can you explain Q-Learning?" }] }], "generationConfig": { "candidateCount": 2 } });
    let path = "/v1beta/models/gemini-3.5-flash:generateContent";
    let answer = served.json("POST", path, &[key], &gemini).json();
    let candidates = answer["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2);
    assert_ne!(candidates[0]["content"], candidates[1]["content"]);
    assert_eq!(candidates[1]["index"], 1);
}

#[test]
fn an_unknown_path_is_refused_in_the_form_of_the_provider_at_whose_address_it_is() {
    let served = Served::start(&["security"]);
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let answer = served.json(method, path, headers, &json!({}));
        (answer.status, answer.json())
    };
    let (status, error) = ask("POST", "/v1/images/generations", &[BEARER]);
    assert_eq!(
        (status, &error["error"]["message"], &error["error"]["type"]),
        (404, &json!("Invalid URL (POST /v1/images/generations)"), &json!("invalid_request_error"))
    );
    for path in ["/v1/complete", "/v1/messages/nope"] {
        let (status, error) = ask("POST", path, &ANTHROPIC);
        assert_eq!((status, &error["type"]), (404, &json!("error")), "{error}");
        assert_eq!(error["error"]["type"], "not_found_error");
    }
    let (status, error) = ask("POST", "/v1beta/files", &[("x-goog-api-key", "k")]);
    assert_eq!((status, &error["error"]["status"]), (404, &json!("NOT_FOUND")), "{error}");
    let (status, error) = ask("POST", "/mistral/v1/images", &[BEARER]);
    assert_eq!(
        (status, error),
        (404, json!({ "message": "Invalid URL (POST /mistral/v1/images)" }))
    );
    let (status, error) = ask("GET", "/v1/chat/completions", &[BEARER]);
    assert_eq!(status, 405, "{error}");
    assert!(error["error"]["message"].as_str().unwrap().contains("does not take the method GET"));
    // What is at nobody's address is LaunchDarkly's.
    for (path, status) in [("/nowhere", 404), ("/v2/nowhere", 404), ("/v12", 404)] {
        let (found, error) = ask("GET", path, &[]);
        assert_eq!((found, &error["code"]), (status, &json!("not_found")), "{error}");
    }
}

#[test]
fn an_answer_tells_the_probabilities_of_its_tokens_and_what_is_left_of_the_limits() {
    let served = Served::start(&["security"]);
    let path = "/v1/chat/completions";
    let mut body = chat("gpt-4o");
    body["logprobs"] = json!(true);
    body["top_logprobs"] = json!(3);
    let answer = served.json("POST", path, &[BEARER], &body);
    let choice = answer.json()["choices"][0].clone();
    let told = choice["logprobs"]["content"].as_array().unwrap().clone();
    let bytes: Vec<u8> = told
        .iter()
        .flat_map(|token| token["bytes"].as_array().unwrap().clone())
        .map(|byte| byte.as_u64().unwrap() as u8)
        .collect();
    assert_eq!(bytes, choice["message"]["content"].as_str().unwrap().as_bytes());
    assert_eq!(told.len() as u64, answer.json()["usage"]["completion_tokens"].as_u64().unwrap());
    for token in &told {
        let top = token["top_logprobs"].as_array().unwrap();
        assert_eq!((top.len(), &top[0]["token"]), (3, &token["token"]));
        assert!(token["logprob"].as_f64().unwrap() <= 0.0);
    }
    // The same in a stream; nobody else is told.
    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    let stream = served.json("POST", path, &[BEARER, ("x-stainless-retry-count", "0")], &streamed);
    let text = String::from_utf8(stream.body.clone()).unwrap();
    let chunks = text.lines().filter_map(|line| line.strip_prefix("data: {")).map(|rest| {
        serde_json::from_str::<Value>(&format!("{{{rest}")).unwrap()["choices"][0].clone()
    });
    let parts: Vec<Value> = chunks.filter(|chunk| chunk["logprobs"].is_object()).collect();
    assert!(parts.len() > 10, "{text}");
    for part in parts {
        let tokens = part["logprobs"]["content"].as_array().unwrap();
        let words: Vec<u8> = tokens
            .iter()
            .flat_map(|token| token["bytes"].as_array().unwrap().clone())
            .map(|byte| byte.as_u64().unwrap() as u8)
            .collect();
        assert_eq!(part["delta"]["content"].as_str().unwrap().as_bytes(), words);
    }
    let plain = served.json("POST", path, &[BEARER], &chat("gpt-4o"));
    assert_eq!(plain.json()["choices"][0]["logprobs"], Value::Null);
    for (top, wanted) in [
        (json!({ "logprobs": true, "top_logprobs": 21 }), "maximum value. Expected a value <= 20"),
        (json!({ "logprobs": true, "top_logprobs": -1 }), "minimum value. Expected a value >= 0"),
        (json!({ "top_logprobs": 2 }), "'logprobs' must be true"),
    ] {
        let mut wrong = chat("gpt-4o");
        wrong.as_object_mut().unwrap().extend(top.as_object().unwrap().clone());
        let refused = served.json("POST", path, &[BEARER], &wrong);
        let words = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(refused.status == 400 && words.contains(wanted), "{words}");
    }

    let limits: Vec<Option<&str>> = ["requests", "tokens"]
        .iter()
        .map(|what| plain.header(&format!("x-ratelimit-limit-{what}")))
        .collect();
    assert_eq!(limits, [Some("10000"), Some("2000000")]);
    assert_eq!(plain.header("x-ratelimit-remaining-requests"), Some("9999"));
    let anthropic =
        served.json("POST", "/v1/messages", &ANTHROPIC, &chat("claude-3-7-sonnet-latest"));
    assert_eq!(anthropic.header("anthropic-ratelimit-requests-limit"), Some("10000"));
}
