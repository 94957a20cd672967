//! The real program as a server, driven from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simlab::knowledge::{Complexity, PersonalData, PiiSet, Question};
use simlab::llm::chat::{ChatRequest, ContentPart, Message, OfferedTool, Role, ToolChoice};
use simlab::llm::model::{
    Body, ModelReply, Prompt, Routing, Said, Subject, TOKENS_PER_MESSAGE, Visible,
};
use simlab::llm::tasks::Task;
use simlab::llm::wire::Provider;
use simlab::llm::{render, setup::Setup};
use simlab::random::Owner;
use simlab::run::PreparedScenario;
use simlab::scenario::load;

/// A running `simlab serve`.
pub(super) struct Served {
    pub(super) child: Child,
    pub(super) address: String,
}

impl Served {
    pub(super) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_simlab"))
            .arg("serve")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with(r#"{"listening": "http://127.0.0.1:"#), "{line}");
        let listening: Value = serde_json::from_str(&line).unwrap();
        let address =
            listening["listening"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { child, address }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends one request on a connection of its own.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        exchange(&self.address, method, path, headers, body)
    }

    pub(super) fn json(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send(method, path, &[headers, &[("content-type", "application/json")]].concat(), &body)
    }

    pub(super) fn status(&self) -> Value {
        self.send("GET", "/_simlab/status", &[], b"").json()
    }

    pub(super) fn sdk_key(&self) -> String {
        self.status()["launchdarkly"]["sdk_key"].as_str().unwrap().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one request to an address, on a connection of its own.
pub(super) fn exchange(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    Answer::read(&bytes)
}

/// An answer, its body put together.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer"));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut rest = &bytes[end + 4..];
        let mut body = Vec::new();
        if head.contains("transfer-encoding: chunked") {
            while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
                let length =
                    usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
                body.extend_from_slice(&rest[line + 2..line + 2 + length]);
                rest = &rest[line + 4 + length..];
            }
        } else {
            body.extend_from_slice(rest);
        }
        Self { status, head, body }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub(super) const TOKEN: (&str, &str) = ("authorization", "api-token");

#[test]
fn a_change_by_rest_reaches_an_open_stream_and_the_poll_within_a_second() {
    let served = Served::start(&["security"]);
    let key = served.sdk_key();
    let mut stream = served.connect();
    write!(stream, "GET /all HTTP/1.1\r\nhost: localhost\r\nauthorization: {key}\r\naccept: text/event-stream\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(|line| line.unwrap());
    let mut next = |wanted: &str| -> Value {
        loop {
            let line = lines.next().unwrap();
            if let Some(event) = line.strip_prefix("event: ") {
                assert_eq!(event, wanted);
                return serde_json::from_str(lines.next().unwrap().strip_prefix("data: ").unwrap())
                    .unwrap();
            }
        }
    };
    let put = next("put");
    assert_eq!(put["path"], "/");
    assert!(
        put["data"]["flags"]["security-agent"]["version"].is_u64()
            && put["data"]["segments"].is_object()
    );

    let poll = served.send("GET", "/sdk/latest-all", &[("authorization", &key)], b"");
    assert_eq!((poll.status, &poll.json()), (200, &put["data"]));
    let tag = poll.header("etag").unwrap().to_owned();
    let again = [("authorization", key.as_str()), ("if-none-match", tag.as_str())];
    assert_eq!(served.send("GET", "/sdk/latest-all", &again, b"").status, 304);

    let status = served.status();
    let (project, environment) =
        (&status["launchdarkly"]["project"], &status["launchdarkly"]["environment"]);
    let (project, environment) = (project.as_str().unwrap(), environment.as_str().unwrap());
    let path = format!("/api/v2/projects/{project}/ai-configs/security-agent/targeting");
    let variation =
        served.json("GET", &path, &[TOKEN], &Value::Null).json()["variations"][1]["_id"].clone();
    let instructions =
        json!([{ "kind": "updateFallthroughVariationOrRollout", "variationId": variation }]);
    let patch = json!({ "environmentKey": environment, "instructions": instructions });
    let began = Instant::now();
    // A client that cannot send PATCH says so in a header.
    let changed = served.json("POST", &path, &[TOKEN, ("x-http-method-override", "PATCH")], &patch);
    assert_eq!(changed.status, 200, "{changed:?}");
    assert!(changed.header("x-ratelimit-reset").is_some());
    let told = next("patch");
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(told["path"], "/flags/security-agent");
    assert!(
        told["data"]["version"].as_u64()
            > put["data"]["flags"]["security-agent"]["version"].as_u64()
    );
    assert_eq!(served.send("GET", "/sdk/latest-all", &again, b"").status, 200);
}

#[test]
fn a_payload_counts_once_however_often_and_however_packed_it_comes() {
    let served = Served::start(&["security"]);
    let key = served.sdk_key();
    let event = json!({ "kind": "custom", "key": "ai_cost_per_request", "creationDate": 1, "metricValue": 0.5,
        "context": { "kind": "user", "key": "u" } });
    let body = json!([event, event]).to_string().into_bytes();
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    zipped.write_all(&body).unwrap();
    let zipped = zipped.finish().unwrap();
    let auth = ("authorization", key.as_str());
    let plain = served.send("POST", "/bulk", &[auth, ("x-launchdarkly-payload-id", "one")], &body);
    assert_eq!((plain.status, plain.body.len()), (202, 0));
    assert!(plain.header("date").is_some());
    assert_eq!(
        served.send("POST", "/bulk", &[auth, ("x-launchdarkly-payload-id", "one")], &body).status,
        202
    );
    let packed = [auth, ("x-launchdarkly-payload-id", "two"), ("content-encoding", "gzip")];
    assert_eq!(served.send("POST", "/bulk", &packed, &zipped).status, 202);
    assert_eq!(
        served.json("POST", "/diagnostic", &[auth], &json!({ "kind": "diagnostic-init" })).status,
        202
    );
    let status = served.status();
    assert_eq!(
        (&status["events"], &status["payloads"], &status["repeated_payloads"]),
        (&json!(4), &json!(2), &json!(1))
    );
    assert_eq!(status["diagnostics"], 1);
    let kept = String::from_utf8(served.send("GET", "/_simlab/events", &[], b"").body).unwrap();
    assert_eq!(kept.lines().count(), 4);
    assert_eq!(served.json("POST", "/_simlab/reset", &[], &Value::Null).status, 204);
    assert_eq!((served.status()["events"].clone(), served.sdk_key()), (json!(0), key));
}

#[test]
fn bad_input_gets_the_documented_error_and_the_server_lives_on() {
    let served = Served::start(&["security"]);
    let key = served.sdk_key();
    let sdk = ("authorization", key.as_str());
    let huge = vec![b'['; 100 << 20];
    let deep = "[".repeat(100_000).into_bytes();
    /// Method, path, headers, body, and the status that comes back.
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8], u16);
    let cases: [Case<'_>; 19] = [
        ("GET", "/all", &[], b"", 401),
        ("GET", "/all", &[("authorization", "sdk-unknown")], b"", 401),
        ("GET", "/sdk/latest-all", &[], b"", 401),
        ("POST", "/bulk", &[], b"[]", 401),
        ("POST", "/bulk", &[sdk], b"{", 400),
        ("POST", "/bulk", &[sdk], b"{}", 400),
        ("POST", "/bulk", &[sdk], &deep, 400),
        ("POST", "/bulk", &[sdk], &huge, 413),
        ("POST", "/bulk", &[sdk, ("content-encoding", "gzip")], b"no gzip", 400),
        ("GET", "/bulk", &[sdk], b"", 405),
        ("GET", "/api/v2/projects", &[], b"", 401),
        ("GET", "/api/v2/projects", &[sdk], b"", 401),
        ("GET", "/api/v2/projects/%ff", &[TOKEN], b"", 400),
        ("POST", "/api/v2/projects", &[TOKEN], b"{", 400),
        ("POST", "/api/v2/projects", &[TOKEN], b"[1]", 400),
        ("POST", "/api/v2/projects", &[TOKEN], &huge, 413),
        ("PUT", "/api/v2/projects", &[TOKEN], b"", 405),
        ("GET", "/api/v2/no/such/thing", &[TOKEN], b"", 404),
        ("GET", "/sdk/poll?basis=x", &[sdk], b"", 404),
    ];
    for (method, path, headers, body, status) in cases {
        let answer = served.send(method, path, headers, body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        let error = answer.json();
        assert!(
            error["code"].is_string() && error["message"].is_string(),
            "{method} {path}: {error}"
        );
    }
    // Odd events are counted, not lost, and hurt nobody.
    assert_eq!(
        served
            .send("POST", "/bulk", &[sdk], br#"[1, {"kind": "custom"}, {"kind": "index"}]"#)
            .status,
        202
    );
    let status = served.status();
    assert_eq!((&status["malformed_events"], &status["events"]), (&json!(2), &json!(1)));
    assert!(status["last_fault"].is_string());
}

#[cfg(unix)]
#[test]
fn a_termination_signal_ends_open_streams_and_the_program_in_order() {
    let mut served = Served::start(&["security"]);
    let mut stream = served.connect();
    write!(
        stream,
        "GET /all HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\n\r\n",
        served.sdk_key()
    )
    .unwrap();
    let mut first = [0; 100];
    stream.read_exact(&mut first).unwrap();
    let began = Instant::now();
    assert!(Command::new("kill").arg(served.child.id().to_string()).status().unwrap().success());
    stream.read_to_end(&mut Vec::new()).unwrap();
    assert!(served.child.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

pub(super) const ANTHROPIC: [(&str, &str); 2] =
    [("x-api-key", "key"), ("anthropic-version", "2023-06-01")];
pub(super) const BEARER: (&str, &str) = ("authorization", "Bearer key");

/// The same question to a model of the provider behind this path.
pub(super) fn hello_at(path: &str, stream: bool) -> Value {
    let mut ask = hello(stream);
    if path.starts_with("/mistral") {
        ask["model"] = json!("mistral-small-latest");
    } else if path.ends_with("/completions") {
        ask["model"] = json!("gpt-4o");
    }
    ask
}

pub(super) fn hello(stream: bool) -> Value {
    json!({ "model": "claude-3-5-haiku-20241022", "max_tokens": 300, "stream": stream,
        "messages": [{ "role": "user", "content": "Can you explain Q-Learning?" }] })
}

#[test]
fn the_same_requests_get_the_same_bytes_after_a_restart_and_repeats_vary() {
    let ask = || {
        let served = Served::start(&["security"]);
        [(); 3]
            .map(|()| served.json("POST", "/v1/messages", &ANTHROPIC, &hello(false)))
            .map(|answer| (answer.status, answer.body))
    };
    let (first, again) = (ask(), ask());
    assert_eq!(first, again);
    assert!(first[0].1 != first[1].1 && first[1].1 != first[2].1);
    assert!(first.iter().all(|(status, _)| *status == 200));
    let served = Served::start(&["security"]);
    let mut short = hello(false);
    short["max_tokens"] = json!(5);
    let short = served.json("POST", "/v1/messages", &ANTHROPIC, &short).json();
    assert_eq!(
        (&short["stop_reason"], &short["usage"]["output_tokens"]),
        (&json!("max_tokens"), &json!(5))
    );
}

#[test]
fn a_stream_says_what_the_plain_answer_says_for_every_provider() {
    for (path, headers) in [
        ("/v1/messages", ANTHROPIC.as_slice()),
        ("/v1/chat/completions", &[BEARER]),
        ("/mistral/v1/chat/completions", &[BEARER]),
    ] {
        let plain =
            Served::start(&["security"]).json("POST", path, headers, &hello_at(path, false));
        let streamed =
            Served::start(&["security"]).json("POST", path, headers, &hello_at(path, true));
        assert_eq!((plain.status, streamed.status), (200, 200), "{path}");
        assert_eq!(streamed.header("content-type"), Some("text/event-stream"));
        let plain = plain.json();
        let text = plain["content"][0]["text"]
            .as_str()
            .or_else(|| plain["choices"][0]["message"]["content"].as_str())
            .unwrap();
        let stream = String::from_utf8(streamed.body).unwrap();
        let events = stream
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
        let said: String = events
            .filter_map(|event| {
                let delta = event["delta"]["text"]
                    .as_str()
                    .or_else(|| event["choices"][0]["delta"]["content"].as_str());
                delta.map(str::to_owned)
            })
            .collect();
        assert!(said == text && text.len() > 50, "{path}: {said} / {text}");
        assert!(stream.contains(plain["id"].as_str().unwrap()));
    }
}

#[test]
fn providers_refuse_in_their_own_words() {
    let served = Served::start(&["security"]);
    let huge = vec![b' '; 100 << 20];
    /// Path, headers, body, and the status that comes back.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16);
    let cases: [Case<'_>; 9] = [
        ("/v1/messages", &[], b"{}", 401),
        ("/v1/messages", &ANTHROPIC, b"{", 400),
        ("/v1/messages", &ANTHROPIC, b"{\"model\": 1}", 400),
        ("/v1/messages", &ANTHROPIC, &huge, 413),
        ("/v1/chat/completions", &[], b"{}", 401),
        ("/v1/chat/completions", &[BEARER], b"[]", 400),
        ("/v1/embeddings", &[BEARER], b"{}", 400),
        ("/mistral/v1/chat/completions", &[], b"{}", 401),
        (
            "/v1/embeddings",
            &[BEARER],
            br#"{"model": "text-embedding-3-small", "input": "x", "dimensions": 4000000000}"#,
            400,
        ),
    ];
    for (path, headers, body, status) in cases {
        let answer = served.send("POST", path, headers, body);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.json().is_object());
    }
    let error = served.send("POST", "/v1/messages", &ANTHROPIC, b"{").json();
    assert_eq!(
        (&error["type"], &error["error"]["type"]),
        (&json!("error"), &json!("invalid_request_error"))
    );
    assert_eq!(served.json("POST", "/v1/messages", &ANTHROPIC, &hello(false)).status, 200);
}

#[test]
fn embeddings_and_models_are_listed_in_their_providers_form() {
    let served = Served::start(&["security"]);
    let ask = json!({ "model": "text-embedding-3-small", "input": ["value iteration", "iteration of values", "cats"] });
    let answer = served.json("POST", "/v1/embeddings", &[BEARER], &ask).json();
    let vector = |at: usize| -> Vec<f64> {
        answer["data"][at]["embedding"]
            .as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap())
            .collect()
    };
    let near = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let (first, second, third) = (vector(0), vector(1), vector(2));
    assert!(first.len() == 1536 && (near(&first, &first) - 1.0).abs() < 1e-5);
    assert!(near(&first, &second) > near(&first, &third));
    let anthropic = served.send("GET", "/v1/models", &ANTHROPIC, b"").json();
    assert!(anthropic["data"][0]["id"].as_str().unwrap().starts_with("claude"));
    assert_eq!(served.send("GET", "/v1/models", &[BEARER], b"").json()["object"], "list");
}

/// Where a chat with a provider goes on the port that all share, and the headers of its clients.
pub(super) fn place(
    provider: Provider,
    request: &ChatRequest,
) -> (String, Vec<(&'static str, String)>) {
    let path = [provider.mount, provider.base_path(), provider.target(request).as_ref()].concat();
    (path, provider.api.request_headers("key"))
}

/// What `run` asks, asked over HTTP.
fn request(
    setup: &Setup,
    model: &str,
    question: &str,
    tools: Vec<OfferedTool>,
    choice: ToolChoice,
) -> ChatRequest {
    let mut request = ChatRequest::new(model);
    request.system = Some(setup.instructions.clone());
    request.max_tokens = setup.max_tokens;
    request.temperature = setup.temperature;
    request.messages =
        vec![Message { role: Role::User, content: vec![ContentPart::Text(question.to_owned())] }];
    (request.tools, request.tool_choice) = (tools, choice);
    request
}

#[test]
fn a_visit_over_http_gets_the_completions_that_a_run_gets() {
    let loaded = load("security").unwrap();
    let scenario = &loaded.scenario;
    let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
    let topics: Vec<_> = scenario.knowledge.topics().collect();
    let mock = stage.mock(scenario.seed, &topics);
    let served = Served::start(&["security"]);
    let forms =
        [(Task::Prescreen, render::PRESCREEN_SCHEMA), (Task::Screen, render::DETECTION_SCHEMA)];
    let mut compared = 0;
    for nth in 0..24_usize {
        let user = format!("user_1760000000_{nth}");
        let question = Question {
            topic: scenario.knowledge.topic(nth),
            complexity: Complexity::ALL[nth % 3],
            template: nth as u8 % 6,
            personal: PersonalData::new(PiiSet::from_bits((nth as u8 * 7) & 63), nth as u64 * 977),
            listed: None,
        };
        let text = question.render(&scenario.knowledge, PiiSet::NONE);
        for (config, task) in [Task::Prescreen, Task::Screen, Task::Answer].into_iter().enumerate()
        {
            let setup = &scenario.configs[config].variations
                [nth % scenario.configs[config].variations.len()]
            .setup;
            let body = Body::Question(Said::Recipe(question));
            let prompt = Prompt {
                visit: 0,
                caller: scenario.graph.caller_of(task),
                task,
                place: 0,
                owner: Owner::of(user.as_bytes()),
                nth: 0,
                setup,
                offers_tools: task == Task::Answer,
                routes: &[],
                cached: simlab::llm::chat::Cached::NONE,
                input_tokens: setup.fixed_tokens
                    + question.size(&scenario.knowledge, PiiSet::NONE).tokens
                    + TOKENS_PER_MESSAGE,
                subject: Subject {
                    topic: question.topic,
                    complexity: question.complexity,
                    personal: question.items(),
                    redacted: PiiSet::NONE,
                    rounds: 0,
                    passages: simlab::llm::model::Passages::default(),
                    remembered: 0,
                    visible: Visible::default(),
                    situation: simlab::llm::model::Situation::Plain,
                },
                question: Some(&body),
                thread: &[],
                answer: None,
            };
            let model = &scenario.models[usize::from(setup.model)];
            let (tools, choice) = match forms.iter().find(|form| form.0 == task) {
                Some((_, told)) => {
                    let mut lines = told.lines().map(str::to_owned);
                    let mut line = || lines.next().unwrap();
                    let tool = OfferedTool { name: line(), description: line(), schema: line() };
                    (vec![tool.clone()], ToolChoice::Named(tool.name))
                }
                None => {
                    let tools = setup.tools.iter().map(|&tool| &scenario.tools[usize::from(tool)]);
                    let told = tools.map(|tool| OfferedTool {
                        name: tool.key.clone(),
                        description: tool.description.clone(),
                        schema: tool.schema.clone(),
                    });
                    (told.collect(), ToolChoice::Auto)
                }
            };
            let asked = request(setup, &model.id, &text, tools, choice);
            let mut bytes = Vec::new();
            model.provider.api.encode_request(&asked, &mut bytes);
            let (path, auth) = place(model.provider, &asked);
            let auth: Vec<(&str, &str)> =
                auth.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = served.send(
                "POST",
                &path,
                &[&auth[..], &[("x-simlab-user", user.as_str())]].concat(),
                &bytes,
            );
            let Ok(done) = mock.answer(&prompt) else { continue };
            assert_eq!(answer.status, 200, "{answer:?}");
            let response = model.provider.decode_response(&answer.body).unwrap();
            let called = response.tool_uses().next();
            let said = called.map_or_else(|| response.text(), |call| call.input.clone());
            let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            match done.reply {
                ModelReply::Routing(Routing { note: Said::Recipe(prescreen), .. }) => {
                    assert_eq!(json(&said), json(&prescreen.render()))
                }
                ModelReply::Screening(Said::Recipe(found)) => {
                    assert_eq!(
                        json(&said)["redacted"],
                        question.render(&scenario.knowledge, found).as_str()
                    )
                }
                ModelReply::Answer(Said::Recipe(answer)) => {
                    assert_eq!(said, answer.render(&scenario.knowledge))
                }
                ModelReply::ToolCall(Said::Recipe(call)) => {
                    let tool = &scenario.tools[usize::from(call.tool)];
                    assert_eq!(called.unwrap().name, tool.key);
                    assert_eq!(
                        json(&said),
                        json(&render::tool_arguments(call, tool, &scenario.knowledge))
                    );
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(
                (response.usage.input, response.usage.output),
                (done.input_tokens, done.output_tokens),
                "{task:?}: {said}"
            );
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared}");
}

#[test]
fn events_from_outside_end_in_the_live_report() {
    let served = Served::start(&["security"]);
    let key = served.sdk_key();
    let loaded = load("security").unwrap();
    let experiment = &loaded.scenario.studies[0].experiment;
    let metric = &loaded.scenario.metrics[experiment.metrics[0]];
    let mut expected = vec![(0_u64, 0_u64); experiment.treatments.len()];
    let mut events = Vec::new();
    for nth in 0..500_usize {
        let context = json!({ "kind": "user", "key": format!("u{nth}") });
        let arm = nth % experiment.treatments.len();
        let value = json!({ "_ldMeta": { "enabled": true, "variationKey": experiment.treatments[arm].variation } });
        let exposure = json!({ "kind": "feature", "creationDate": 1, "key": experiment.config, "version": 1, "variation": 1,
            "value": value, "reason": { "kind": "RULE_MATCH", "inExperiment": true }, "context": context });
        // Evaluated twice, exposed once.
        events.extend([exposure.clone(), exposure]);
        expected[arm].0 += 1;
        if nth % 5 == 0 {
            events.push(json!({ "kind": "custom", "creationDate": 2, "key": metric.event, "metricValue": 1, "context": context }));
            expected[arm].1 += 1;
        }
    }
    for payload in events.chunks(100) {
        assert_eq!(
            served.json("POST", "/bulk", &[("authorization", &key)], &json!(payload)).status,
            202
        );
    }
    let report = served.send("GET", "/_simlab/report", &[], b"").json();
    assert_eq!((&report["schema"], &report["mode"]), (&json!("simlab.report/1"), &json!("data")));
    let variations = report["experiments"][0]["metrics"][0]["variations"].as_array().unwrap();
    let found: Vec<(u64, u64)> = variations
        .iter()
        .map(|v| (v["exposures"].as_u64().unwrap(), v["conversions"].as_u64().unwrap()))
        .collect();
    assert_eq!(found, expected);
    let metrics = String::from_utf8(served.send("GET", "/_simlab/metrics", &[], b"").body).unwrap();
    assert!(metrics.contains(&format!("simlab_events_total {}\n", events.len())), "{metrics}");
}
