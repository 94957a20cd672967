//! The Gemini API of `serve`: the model in the path, streams as events and as a list, counts,
//! vectors, keys, and Google's own errors.

use serde_json::{Value, json};

use super::serve::Served;

const KEY: (&str, &str) = ("x-goog-api-key", "AIza-planted-4715");
const MODEL: &str = "gemini-3.5-flash";

fn asked(text: &str) -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }] })
}

fn path(version: &str, method: &str) -> String {
    format!("/{version}/models/{MODEL}:{method}")
}

/// The text of an answer.
fn text(answer: &Value) -> String {
    let parts = answer["candidates"][0]["content"]["parts"].as_array().unwrap();
    parts.iter().filter_map(|part| part["text"].as_str()).collect()
}

#[test]
fn an_answer_is_the_same_plain_as_events_and_as_a_list_in_both_versions() {
    let served = Served::start(&["security", "--repeat", "same"]);
    let body = asked("What is a policy gradient?");
    let plain = served.json("POST", &path("v1beta", "generateContent"), &[KEY], &body);
    assert_eq!(plain.status, 200, "{plain:?}");
    let plain = plain.json();
    let usage = &plain["usageMetadata"];
    let counts = ["promptTokenCount", "candidatesTokenCount", "totalTokenCount"]
        .map(|name| usage[name].as_u64().unwrap());
    assert!(counts[0] > 0 && counts[0] + counts[1] == counts[2], "{usage}");
    assert_eq!(plain["candidates"][0]["finishReason"], "STOP");
    assert_eq!(plain["modelVersion"], MODEL);
    let events = served.json("POST", &path("v1", "streamGenerateContent?alt=sse"), &[KEY], &body);
    assert!(events.head.contains("content-type: text/event-stream"), "{}", events.head);
    let events: Vec<Value> = String::from_utf8(events.body)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
        .collect();
    let list = served.json("POST", &path("v1beta", "streamGenerateContent"), &[KEY], &body);
    assert!(list.head.contains("content-type: application/json"), "{}", list.head);
    let list = list.json();
    assert!(events.len() > 3 && list.as_array() == Some(&events));
    let streamed: String = events.iter().map(text).collect();
    assert_eq!(streamed, text(&plain));
    assert_eq!(events.last().unwrap()["candidates"][0]["finishReason"], "STOP");
    let count = served.json("POST", &path("v1beta", "countTokens"), &[KEY], &body).json();
    assert_eq!(count["totalTokens"], counts[0]);
    let whole = json!({ "generateContentRequest": { "model": format!("models/{MODEL}"), "contents": body["contents"] } });
    let count = served.json("POST", &path("v1beta", "countTokens"), &[KEY], &whole).json();
    assert_eq!(count["totalTokens"], counts[0]);
}

#[test]
fn tools_are_called_signed_and_answered_and_structured_answers_keep_to_their_schema() {
    let served = Served::start(&["security"]);
    let ask = |body: &Value| {
        let answer = served.json("POST", &path("v1beta", "generateContent"), &[KEY], body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let mut body = asked("What is the weather in Paris?");
    let city = json!({ "type": "OBJECT", "properties": { "city": { "type": "STRING" } }, "required": ["city"] });
    body["tools"] = json!([{ "function_declarations": [
        { "name": "get_weather", "parameters": city }, { "name": "get_time", "parameters": city } ] }]);
    body["toolConfig"] =
        json!({ "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["get_time"] } });
    let called = ask(&body);
    let part = &called["candidates"][0]["content"]["parts"][0];
    let call = &part["functionCall"];
    assert_eq!(call["name"], "get_time");
    assert!(call["args"]["city"].is_string() && call["id"].is_string(), "{call}");
    assert!(part["thoughtSignature"].is_string(), "{part}");
    assert_eq!(called["candidates"][0]["finishReason"], "STOP");
    // The model's turn as it came, and a result without an id, as google-genai 3.6.1 sends them.
    body["contents"].as_array_mut().unwrap().extend([
        called["candidates"][0]["content"].clone(),
        json!({ "role": "user", "parts": [{ "functionResponse": { "name": "get_time", "response": { "result": "noon" } } }] }),
    ]);
    body["toolConfig"] = json!({ "functionCallingConfig": { "mode": "NONE" } });
    assert!(!text(&ask(&body)).is_empty());
    body["contents"][1]["parts"][0].as_object_mut().unwrap().remove("thoughtSignature");
    let unsigned = served.json("POST", &path("v1beta", "generateContent"), &[KEY], &body);
    assert_eq!(unsigned.status, 400, "{unsigned:?}");
    let mut typed = asked("Name a topic.");
    typed["generationConfig"] = json!({ "responseMimeType": "application/json", "responseSchema":
        { "type": "OBJECT", "properties": { "title": { "type": "STRING" }, "hard": { "type": "BOOLEAN" } }, "required": ["title", "hard"] } });
    let made: Value = serde_json::from_str(&text(&ask(&typed))).unwrap();
    assert!(made["title"].is_string() && made["hard"].is_boolean(), "{made}");
}

#[test]
fn models_are_listed_and_texts_become_vectors() {
    let served = Served::start(&["security"]);
    for version in ["v1beta", "v1"] {
        let list = served.send("GET", &format!("/{version}/models"), &[KEY], b"").json();
        let names: Vec<&str> = list["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model["name"].as_str().unwrap())
            .collect();
        assert!(names.contains(&"models/gemini-4-argon"), "{names:?}");
        let card = served.send("GET", &format!("/{version}/models/{MODEL}"), &[KEY], b"").json();
        assert_eq!(card["name"], format!("models/{MODEL}"));
        let unknown = served.send("GET", &format!("/{version}/models/gemini-99"), &[KEY], b"");
        assert_eq!(unknown.status, 404);
    }
    // The others' list stays theirs.
    let bearer = ("authorization", "Bearer key");
    assert_eq!(served.send("GET", "/v1/models", &[bearer], b"").json()["object"], "list");
    let place = |method: &str| format!("/v1beta/models/gemini-embedding-001:{method}");
    let one = json!({ "content": { "parts": [{ "text": "a policy gradient" }] } });
    let vector = served.json("POST", &place("embedContent"), &[KEY], &one).json();
    assert_eq!(vector["embedding"]["values"].as_array().unwrap().len(), 3_072);
    let two = json!({ "requests": [
        { "model": "models/gemini-embedding-001", "content": { "parts": [{ "text": "a" }] }, "outputDimensionality": 8 },
        { "model": "models/gemini-embedding-001", "content": { "parts": [{ "text": "b" }] }, "outputDimensionality": 8 } ] });
    let vectors = served.json("POST", &place("batchEmbedContents"), &[KEY], &two).json();
    assert_eq!(vectors["embeddings"].as_array().unwrap().len(), 2);
    assert_eq!(vectors["embeddings"][1]["values"].as_array().unwrap().len(), 8);
}

#[test]
fn errors_are_in_googles_form_and_a_key_in_the_query_is_never_kept() {
    let served = Served::start(&["security"]);
    let error = |method: &str, path: &str, headers: &[(&str, &str)], body: &Value| {
        let answer = served.json(method, path, headers, body);
        let error = answer.json()["error"].clone();
        assert_eq!(error["code"], answer.status, "{error}");
        (answer.status, error["status"].as_str().unwrap().to_owned(), error)
    };
    let body = asked("hi");
    let chat = path("v1beta", "generateContent");
    let (status, word, told) = error("POST", &chat, &[], &body);
    assert_eq!((status, word.as_str()), (403, "PERMISSION_DENIED"));
    assert!(told["message"].as_str().unwrap().contains("unregistered callers"), "{told}");
    let unknown = "/v1beta/models/gemini-99:generateContent";
    assert_eq!(error("POST", unknown, &[KEY], &body).0, 404);
    let embedder = "/v1beta/models/gemini-embedding-001:generateContent";
    assert_eq!(error("POST", embedder, &[KEY], &body).1, "NOT_FOUND");
    assert_eq!(error("POST", &path("v1beta", "predict"), &[KEY], &body).0, 404);
    let (status, word, told) = error("POST", &chat, &[KEY], &json!({ "contents": "hi" }));
    assert_eq!((status, word.as_str()), (400, "INVALID_ARGUMENT"));
    assert_eq!(told["details"][0]["fieldViolations"][0]["field"], "contents");
    // A fault, with the time to wait in the body and not in a header.
    let rule = json!({ "faults": [{ "fault": "rate_limited", "on": ["google"], "next": 1, "retry_after": "7s" }] });
    assert_eq!(served.json("PUT", "/_simlab/faults", &[], &rule).status, 200);
    let limited = served.json("POST", &chat, &[KEY], &body);
    assert!(limited.status == 429 && !limited.head.contains("retry-after"), "{limited:?}");
    assert_eq!(limited.json()["error"]["details"][0]["retryDelay"], "7s");
    let keyed = format!("{chat}?key=AIza-in-the-query-4716");
    assert_eq!(served.json("POST", &keyed, &[], &body).status, 200);
    let listed = served.send("GET", "/v1beta/models?key=AIza-in-the-query-4716", &[], b"");
    assert_eq!(listed.status, 200, "{listed:?}");
    for page in ["status", "transcript", "events", "report", "metrics", "faults"] {
        let page = served.send("GET", &format!("/_simlab/{page}"), &[], b"");
        let text = String::from_utf8_lossy(&page.body).into_owned();
        assert!(!text.contains("4716") && !text.contains("4715"), "{text}");
    }
}

#[test]
fn an_answer_may_be_one_of_several_words() {
    let served = Served::start(&["security"]);
    let ask = |question: &str, config: Value| {
        let mut body = asked(question);
        body["generationConfig"] = config;
        served.json("POST", &path("v1beta", "generateContent"), &[KEY], &body)
    };
    let words = ["Percussion", "String", "Wood wind"];
    let config = json!({ "responseMimeType": "text/x.enum", "responseSchema": { "type": "STRING", "enum": words } });
    let named = ask("Is an oboe a wood wind?", config.clone());
    assert_eq!((named.status, text(&named.json())), (200, "Wood wind".to_owned()));
    let said = text(&ask("What is an oboe?", config).json());
    assert!(words.contains(&said.as_str()), "{said}");
    let open = json!({ "responseMimeType": "text/x.enum", "responseSchema": { "type": "STRING" } });
    assert_eq!(ask("What is an oboe?", open).status, 400);
}
