//! Answers that are written: by a file, over HTTP, and by an app's own recorded traffic.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use simlab::llm::chat::{ChatRequest, ContentPart, Message, OfferedTool, Role, Stop};
use simlab::llm::wire::headers::Headers;
use simlab::llm::wire::{PROVIDERS, Provider};

use super::program::{folder, simlab};
use super::serve::{Answer, BEARER, Served, place};

/// A scenario with a provider of its own.
const OWN_PROVIDER: &str = r#"(
    title: "A model at another address", seed: 3, traffic: (queries: 100, pii_percentage: 0),
    models: { "llama-4-70b": (like: "gpt-6-luna", compatible: (name: "own-host", base: "https://own.example/v1"),
        input_price: "$0.60", output_price: "$0.80", takes_temperature: true) },
    graph: (key: "chat", root: "assistant", nodes: { "assistant": (role: Answer, model: "gpt-6.1-terra", instructions: "Answer.") }),
    configs: { "assistant": (variations: { "llama": (like: "default", model: "llama-4-70b") }) },
    experiments: [(
        key: "llama", config: "assistant", control: "default", split: { "default": "50%", "llama": "50%" }, metrics: ["ai_cost_per_request"],
    )],
)"#;

fn asked(text: &str) -> ChatRequest {
    let content = vec![ContentPart::Text(text.to_owned())];
    let messages = vec![Message { role: Role::User, content }];
    ChatRequest { messages, max_tokens: Some(400), ..ChatRequest::new("any-model") }
}

fn send(served: &Served, provider: Provider, request: &ChatRequest) -> Answer {
    let (path, headers) = place(provider, request);
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut body = Vec::new();
    provider.api.encode_request(request, &mut body);
    served.send("POST", &path, &headers, &body)
}

fn put(served: &Served, answers: &str) -> Answer {
    served.send("PUT", "/_simlab/answers", &[("x-simlab", "1")], answers.as_bytes())
}

/// A chat with OpenAI's format: status and body.
fn chat(served: &Served, text: &str, stream: bool) -> Answer {
    let body = json!({ "model": "gpt-4o", "stream": stream, "messages": [{ "role": "user", "content": text }] });
    served.json("POST", "/v1/chat/completions", &[BEARER], &body)
}

#[test]
fn every_provider_says_calls_and_refuses_as_written() {
    let served = Served::start(&[]);
    let rules = r#"[
        (when: (contains: "weather", tool: "get_weather"), say: "Let me look.", call: [(name: "get_weather", arguments: {"city": "Paris"}), (name: "get_weather", arguments: {"city": "Rome"})]),
        (when: (contains: "typed"), json: {"b": 1, "a": [true]}, usage: (input: 7, output: 3)),
        (when: (contains: "bad"), refuse: "I will not."),
        (when: (regex: "^once"), say: "first", then: [(say: "second", finish: "length")]),
    ]"#;
    assert_eq!(put(&served, rules).status, 200);
    for &provider in PROVIDERS {
        let decoded = |request: &ChatRequest| {
            let answer = send(&served, provider, request);
            assert_eq!(answer.status, 200, "{answer:?}");
            provider.decode_response(&answer.body).unwrap()
        };
        let tool = OfferedTool {
            name: "get_weather".to_owned(),
            description: String::new(),
            schema: r#"{"type": "object"}"#.to_owned(),
        };
        let called = decoded(&ChatRequest { tools: vec![tool], ..asked("The weather?") });
        let calls: Vec<Value> =
            called.tool_uses().map(|call| serde_json::from_str(&call.input).unwrap()).collect();
        assert_eq!(calls, [json!({ "city": "Paris" }), json!({ "city": "Rome" })], "{provider:?}");
        assert_eq!((called.text().as_str(), called.stop), ("Let me look.", Stop::ToolUse));
        let typed = decoded(&asked("typed"));
        assert_eq!(typed.text(), r#"{"b":1,"a":[true]}"#);
        assert_eq!((typed.usage.input, typed.usage.output), (7, 3), "{provider:?}");
        let refused = decoded(&asked("bad"));
        assert!(
            refused
                .refusal
                .unwrap_or_else(|| refused.content.iter().map(|_| "I will not.").collect())
                .contains("I will not.")
        );
        let once = format!("once {}", provider.key);
        assert_eq!(
            decoded(&asked(&once)).text(),
            if provider == PROVIDERS[0] { "first" } else { "second" }
        );
        assert_eq!(decoded(&asked(&once)).stop, Stop::MaxTokens, "{provider:?}");
    }
    let listed = served.send("GET", "/_simlab/answers", &[], b"").json();
    assert_eq!(listed["rules"][1]["answered"], json!(PROVIDERS.len()));
    assert_eq!(served.send("DELETE", "/_simlab/answers", &[("x-simlab", "1")], b"").status, 204);
    assert_eq!(
        served.send("GET", "/_simlab/answers", &[], b"").json(),
        json!({ "strict": false, "rules": [] })
    );
}

#[test]
fn a_stream_says_what_is_written_and_faults_come_where_they_are_written() {
    let served = Served::start(&[]);
    put(
        &served,
        r#"[
        (when: (contains: "busy"), fault: (status: 429, message: "Slow down.", retry_after: "3s")),
        (when: (contains: "down"), fault: (timeout: "50ms")),
        (when: (contains: "cut"), say: "one two three four five six seven", fault: (cut_after: 2)),
        (when: (contains: "late"), say: "late", latency: "300ms"),
        (say: "Exactly this."),
    ]"#,
    );
    let streamed = chat(&served, "hello", true);
    let text = String::from_utf8(streamed.body.clone()).unwrap();
    assert!(text.contains("Exactly") && text.trim_end().ends_with("data: [DONE]"), "{text}");
    let busy = chat(&served, "busy", false);
    assert_eq!((busy.status, busy.header("retry-after")), (429, Some("3")));
    assert_eq!(busy.json()["error"]["message"], "Slow down.");
    let cut = String::from_utf8(chat(&served, "cut", true).body).unwrap();
    assert!(!cut.contains("[DONE]") && cut.contains("data: "), "{cut}");
    let start = std::time::Instant::now();
    assert_eq!(chat(&served, "late", false).json()["choices"][0]["message"]["content"], "late");
    assert!(start.elapsed().as_millis() >= 300);
}

#[test]
fn a_strict_file_refuses_what_no_rule_matches_and_a_wrong_one_shows_its_line() {
    let place = folder("answers");
    let file = place.join("answers.json");
    let text = r#"{"strict": true, "rules": [
        {"name": "greeting", "when": {"contains": "hello", "header": {"x-test": "a"}}, "say": "Hi!"}
    ]}"#;
    fs::write(&file, text).unwrap();
    let served = Served::start(&["--answers", file.to_str().unwrap()]);
    let body =
        json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hello there" }] });
    let said = served.json("POST", "/v1/chat/completions", &[BEARER, ("x-test", "a")], &body);
    assert_eq!(said.json()["choices"][0]["message"]["content"], "Hi!");
    for &provider in PROVIDERS {
        let refused = send(&served, provider, &asked("Good bye"));
        let none = Headers { pairs: &[], received_us: 0 };
        let error = provider.decode_error(refused.status, &none, &refused.body);
        for words in [
            "answers.json",
            "the nearest is greeting in line 2",
            "does not contain \"hello\"",
            "the header `x-test` is not `a`",
        ] {
            assert!(error.message.contains(words), "{provider:?} {error:?}");
        }
    }
    let wrong = put(&served, r#"[(when: (containz: "a"), say: "b")]"#);
    assert_eq!(wrong.status, 400);
    let shown = wrong.json()["message"].as_str().unwrap().to_owned();
    assert!(
        shown.contains("did you mean `contains`?") && shown.contains("answers:1:10"),
        "{shown}"
    );
    fs::write(&file, "[(when: (contains: \"a\"))]").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["serve", "--answers", file.to_str().unwrap()])
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(
        shown.contains("this rule has no answer") && shown.contains("answers.json:1:2"),
        "{shown}"
    );
}

/// A provider on this machine: it counts its answers, and sends the key back.
fn upstream(runtime: &tokio::runtime::Runtime) -> wiremock::MockServer {
    struct Counting(std::sync::atomic::AtomicU32);
    impl wiremock::Respond for Counting {
        fn respond(&self, request: &wiremock::Request) -> wiremock::ResponseTemplate {
            let nth = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let key = request.headers.get("authorization").unwrap().to_str().unwrap();
            assert!(request.headers.get("x-simlab-user").is_none());
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            if body["stream"] == true {
                let text =
                    format!("data: {{\"n\": {nth}, \"key\": \"{key}\"}}\n\ndata: [DONE]\n\n");
                return wiremock::ResponseTemplate::new(200)
                    .set_body_raw(text, "text/event-stream");
            }
            wiremock::ResponseTemplate::new(if nth == 0 { 200 } else { 429 })
                .insert_header("retry-after", "2")
                .set_body_json(json!({ "n": nth, "key": key }))
        }
    }
    runtime.block_on(async {
        let server = wiremock::MockServer::start().await;
        wiremock::Mock::given(wiremock::matchers::path("/up/chat/completions"))
            .respond_with(Counting(0.into()))
            .mount(&server)
            .await;
        server
    })
}

#[test]
fn every_method_and_any_bytes_are_recorded_also_of_a_scenarios_own_provider() {
    let place = folder("recorded-methods");
    let (file, scenario) = (place.join("traffic.jsonl"), place.join("own.ron"));
    fs::write(&scenario, OWN_PROVIDER).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let real = runtime.block_on(async {
        let server = wiremock::MockServer::start().await;
        let answer = |request: &wiremock::Request| {
            let base = wiremock::ResponseTemplate::new(200)
                .insert_header("set-cookie", "s=cookie-0123456789");
            match (request.method.as_str(), request.url.path()) {
                ("POST", "/audio/speech") => {
                    base.set_body_raw(vec![0xff, 0xfb, 0, 7], "audio/mpeg")
                }
                ("POST", _) => base.set_body_string("form"),
                (method, path) => base.set_body_string(format!(
                    "{method} {path} {:?} cookie-0123456789",
                    request.url.query()
                )),
            }
        };
        wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
        server
    });
    let all = |served: &Served, mark: &str| -> Vec<(u16, Vec<u8>)> {
        let form = |mark: &str| {
            format!(
                "--{mark}\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nabc\r\n--{mark}--\r\n"
            )
        };
        let kind = format!("multipart/form-data; boundary={mark}");
        let base = "/compatible/own-host/v1";
        [
            served.send(
                "GET",
                &format!("{base}/models?limit=2&api_key=query-0123456789"),
                &[BEARER],
                b"",
            ),
            served.send("GET", &format!("{base}/models?limit=3"), &[BEARER], b""),
            served.send("DELETE", &format!("{base}/responses/resp_1"), &[BEARER], b""),
            served.json(
                "POST",
                &format!("{base}/audio/speech"),
                &[BEARER],
                &json!({ "input": "a" }),
            ),
            served.send(
                "POST",
                &format!("{base}/audio/transcriptions"),
                &[BEARER, ("content-type", &kind)],
                form(mark).as_bytes(),
            ),
        ]
        .map(|answer| (answer.status, answer.body))
        .to_vec()
    };
    let name = scenario.to_str().unwrap();
    let upstream = format!("own-host={}", real.uri());
    let recording =
        Served::start(&[name, "--record", file.to_str().unwrap(), "--upstream", &upstream]);
    let variables = recording.send("GET", "/_simlab/env", &[], b"");
    let variables = String::from_utf8(variables.body).unwrap();
    let base =
        format!("export OWN_HOST_BASE_URL=http://{}/compatible/own-host/v1\n", recording.address);
    assert!(
        variables.contains(&base) && variables.contains("export OWN_HOST_API_KEY=any\n"),
        "{variables}"
    );
    let first = all(&recording, "mark-one");
    let texts: Vec<String> =
        first.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect();
    assert_eq!(
        texts[0],
        "GET /models Some(\"limit=2&api_key=query-0123456789\") cookie-0123456789"
    );
    assert_eq!(first[3].1, [0xff, 0xfb, 0, 7]);
    drop(recording);
    drop(real);
    let kept = fs::read_to_string(&file).unwrap();
    assert!(!kept.contains("0123456789"), "{kept}");
    let again = all(&Served::start(&[name, "--replay", file.to_str().unwrap()]), "another");
    for (nth, (was, is)) in first.iter().zip(&again).enumerate() {
        let was = String::from_utf8_lossy(&was.1);
        let hidden =
            was.replace("cookie-0123456789", "[hidden]").replace("query-0123456789", "[hidden]");
        assert_eq!((is.0, &*String::from_utf8_lossy(&is.1)), (200, &*hidden), "{nth}");
    }
    assert_eq!(again[3].1, first[3].1);
    let arguments = [
        "serve",
        name,
        "--record",
        file.to_str().unwrap(),
        "--upstream",
        "groq=http://127.0.0.1:9",
    ];
    let unknown = simlab(&arguments);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.contains("no provider `groq`") && unknown.err.contains("own-host"),
        "{}",
        unknown.err
    );
}

#[test]
fn recorded_traffic_comes_back_byte_for_byte_without_the_keys() {
    let file = folder("exchanges").join("traffic.jsonl");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let real = upstream(&runtime);
    let key = ("authorization", "Bearer sk-very-secret-0123456789");
    let body = |stream: bool| json!({ "model": "gpt-4o", "stream": stream, "messages": [{ "role": "user", "content": "a" }] });
    let all = |served: &Served, key: (&str, &str)| -> Vec<(u16, Option<String>, String)> {
        [false, false, true]
            .map(|stream| {
                served.json(
                    "POST",
                    "/v1/chat/completions",
                    &[key, ("x-simlab-user", "u")],
                    &body(stream),
                )
            })
            .into_iter()
            .map(|answer| {
                (
                    answer.status,
                    answer.header("retry-after").map(str::to_owned),
                    String::from_utf8(answer.body).unwrap(),
                )
            })
            .collect()
    };
    let upstream = format!("openai={}/up", real.uri());
    let recording = Served::start(&["--record", file.to_str().unwrap(), "--upstream", &upstream]);
    let first = all(&recording, key);
    assert_eq!(first.iter().map(|answer| answer.0).collect::<Vec<_>>(), [200, 429, 200]);
    assert!(first[2].2.starts_with("data: {\"n\": 2"), "{first:?}");
    drop(recording);
    let kept = fs::read_to_string(&file).unwrap();
    assert!(!kept.contains("very-secret") && kept.lines().count() == 3, "{kept}");
    drop(real);
    let replaying = Served::start(&["--replay", file.to_str().unwrap()]);
    let hidden: Vec<_> = first
        .into_iter()
        .map(|(status, wait, body)| {
            (status, wait, body.replace("sk-very-secret-0123456789", "[hidden]"))
        })
        .collect();
    assert_eq!(all(&replaying, ("authorization", "Bearer another-key-12345")), hidden);
    let mut other = body(false);
    other["messages"][0]["content"] = json!("b");
    let unknown = replaying.json("POST", "/v1/chat/completions", &[BEARER], &other);
    assert_eq!(unknown.status, 404);
    let words = unknown.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        words.contains("the nearest is exchange 1, which differs in `messages[0].content`"),
        "{words}"
    );
    // What is not a provider's is answered as ever.
    assert_eq!(replaying.send("GET", "/_simlab/status", &[], b"").status, 200);
    fs::write(&file, "{}\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["serve", "--replay", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("line 1 of"));
}
