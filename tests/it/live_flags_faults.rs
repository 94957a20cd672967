//! The live clients of LaunchDarkly against servers that refuse, break off, are busy, or send back
//! what they should not.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simlab::flags::api::{ApiError, ApiReply, Request};
use simlab::flags::bootstrap::FlagAdmin;
use simlab::journal::{Entry, Event, Served};
use simlab::live::environment::{FlagAccess, Secret};
use simlab::live::launchdarkly::{LiveFlags, LiveFlagsError, RestAdmin};
use simlab::scenario::{Scenario, load};
use simlab::time::{Timestamp, unix_ms};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

use super::serve_sdk::runtime;

/// Keys that no output may hold.
const TOKEN: &str = "api-planted-5f3a9c";
const SDK_KEY: &str = "sdk-planted-77b0e1";

fn access(base: &str) -> FlagAccess {
    FlagAccess {
        sdk_key: Secret::new(SDK_KEY),
        api_key: Secret::new(TOKEN),
        base: Some(base.to_owned()),
    }
}

fn clean(text: &str) {
    assert!(!text.contains("planted"), "{text}");
}

async fn call(base: &str, request: Request) -> Result<ApiReply, ApiError> {
    RestAdmin::new(&access(base)).unwrap().call(request).await
}

/// What is answered to each request in turn; the last to all others.
struct InTurn(Mutex<Vec<ResponseTemplate>>);

impl InTurn {
    fn new(answers: Vec<ResponseTemplate>) -> Self {
        Self(Mutex::new(answers.into_iter().rev().collect()))
    }
}

impl Respond for InTurn {
    fn respond(&self, _: &wiremock::Request) -> ResponseTemplate {
        let mut left = self.0.lock().unwrap();
        if left.len() > 1 { left.pop().unwrap() } else { left[0].clone() }
    }
}

fn answer(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "code": "x", "message": "y" }))
}

#[test]
fn what_is_refused_is_told_in_words_and_without_the_keys_that_come_back() {
    runtime().block_on(async {
        for (status, needed) in [(401, "does not accept LD_API_KEY"), (403, "LD_API_KEY does not have the role"), (400, "you sent")] {
            let server = MockServer::start().await;
            let echo = json!({ "code": format!("bad_{TOKEN}"), "message": format!("you sent {TOKEN} and {SDK_KEY}") });
            Mock::given(method("GET")).respond_with(ResponseTemplate::new(status).set_body_json(echo)).mount(&server).await;
            let error = call(&server.uri(), Request::get("projects/a")).await.unwrap_err();
            assert!(error.status == status && error.message.contains(needed), "{error}");
            clean(&format!("{error} {error:?}"));

            // The same through the program, in a page that is no JSON.
            let server = MockServer::start().await;
            let page = format!("<html><title>no</title>{}{TOKEN}</html>", " ".repeat(250));
            Mock::given(method("GET")).respond_with(ResponseTemplate::new(status).set_body_string(page)).mount(&server).await;
            let ran = Command::new(env!("CARGO_BIN_EXE_simlab"))
                .args(["bootstrap", "security", "--live", "--yes"])
                .env_clear()
                .envs([("LD_API_KEY", TOKEN), ("LD_SDK_KEY", SDK_KEY), ("LD_BASE_URL", &server.uri())])
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8(ran.stderr).unwrap();
            assert!(ran.status.code() == Some(4) && said.starts_with("error: project "), "{said}");
            clean(&(said + &String::from_utf8(ran.stdout).unwrap()));
        }
        let admin = RestAdmin::new(&access("http://127.0.0.1:1")).unwrap();
        clean(&format!("{admin:?}"));
    });
}

#[test]
fn a_missing_token_is_bad_usage() {
    let ran = Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["bootstrap", "security", "--live"])
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(
        ran.status.code() == Some(2)
            && said.contains("LD_API_KEY is not set")
            && !said.contains("LD_SDK_KEY"),
        "{said}"
    );
}

#[test]
fn a_request_says_who_it_is_and_what_it_carries() {
    runtime().block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("PATCH"))
            .and(path("/api/v2/segments/p/e/50%25%20off"))
            .and(header("authorization", TOKEN))
            .and(header("ld-api-version", "beta"))
            .and(header(
                "content-type",
                "application/json; domain-model=launchdarkly.semanticpatch",
            ))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "rules": [] })))
            .expect(1)
            .mount(&server)
            .await;
        let reply =
            call(&server.uri(), Request::instruct("segments/p/e/50% off", Some("e"), vec![]))
                .await
                .unwrap();
        assert_eq!(reply.body, json!({ "rules": [] }));
        let sent: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
        assert_eq!(sent, json!({ "instructions": [], "environmentKey": "e" }));
    });
}

#[test]
fn a_busy_service_is_asked_again_when_it_says_so() {
    runtime().block_on(async {
        let server = MockServer::start().await;
        let until = (unix_ms() + 1_500).to_string();
        let busy = answer(429)
            .insert_header("x-ratelimit-reset", until.as_str())
            .insert_header("x-ratelimit-route-remaining", "0");
        // Nothing was done, so even a creation is asked for again.
        Mock::given(method("POST"))
            .respond_with(InTurn::new(vec![busy, answer(201)]))
            .expect(2)
            .mount(&server)
            .await;
        let began = Instant::now();
        assert_eq!(
            call(&server.uri(), Request::post("projects", json!({}))).await.unwrap().status,
            201
        );
        assert!((1_200..5_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    });
}

#[test]
fn what_can_be_asked_twice_is_and_nothing_else() {
    runtime().block_on(async {
        let server = MockServer::start().await;
        let turns = || InTurn::new(vec![answer(500), answer(502), answer(200)]);
        Mock::given(method("GET")).respond_with(turns()).expect(3).mount(&server).await;
        Mock::given(method("POST")).respond_with(turns()).expect(1).mount(&server).await;
        let races = InTurn::new(vec![answer(409), answer(200)]);
        Mock::given(method("PATCH")).respond_with(races).expect(2).mount(&server).await;
        assert_eq!(call(&server.uri(), Request::get("projects/a")).await.unwrap().status, 200);
        assert_eq!(
            call(&server.uri(), Request::post("projects", json!({}))).await.unwrap_err().status,
            500
        );
        assert_eq!(
            call(&server.uri(), Request::instruct("segments/a/b/c", None, vec![]))
                .await
                .unwrap()
                .status,
            200
        );
    });
}

/// A server that reads a request and hangs up so many times; then it answers `{}`. The address, and
/// how many came.
fn hangs_up(times: u32) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let came = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&came);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            if count.fetch_add(1, Ordering::SeqCst) >= times {
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
                );
            } else {
                // The answer breaks off in the middle.
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"a\"");
            }
        }
    });
    (address, came)
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again_only_if_nothing_can_happen_twice() {
    runtime().block_on(async {
        let (base, came) = hangs_up(2);
        assert_eq!(call(&base, Request::get("projects/a")).await.unwrap().body, json!({}));
        assert_eq!(came.load(Ordering::SeqCst), 3);
        let (base, came) = hangs_up(2);
        let error = call(&base, Request::post("projects", json!({}))).await.unwrap_err();
        assert_eq!((error.status, came.load(Ordering::SeqCst)), (0, 1), "{error}");
        assert!(
            error.message.starts_with("LaunchDarkly cannot be reached at http://127.0.0.1:"),
            "{error}"
        );
    });
}

#[test]
fn the_token_follows_no_redirect() {
    runtime().block_on(async {
        let (server, other) = (MockServer::start().await, MockServer::start().await);
        let away = ResponseTemplate::new(302).insert_header("location", other.uri().as_str());
        Mock::given(method("GET")).respond_with(away).mount(&server).await;
        let error = call(&server.uri(), Request::get("projects/a")).await.unwrap_err();
        assert!(error.message.contains("LD_BASE_URL"), "{error}");
        assert!(other.received_requests().await.unwrap().is_empty());
    });
}

/// A server whose stream brings these flags, and whose doors for events answer in turn.
async fn flags_server(flags: Value, bulk: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let put = json!({ "path": "/", "data": { "flags": flags, "segments": {} } });
    let stream = ResponseTemplate::new(200)
        .set_body_raw(format!("event: put\ndata: {put}\n\n"), "text/event-stream");
    Mock::given(method("GET"))
        .and(path("/all"))
        .and(header("authorization", SDK_KEY))
        .respond_with(stream)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/bulk"))
        .and(header("authorization", SDK_KEY))
        .respond_with(InTurn::new(bulk))
        .mount(&server)
        .await;
    server
}

fn scenario() -> Scenario {
    load("security").unwrap().scenario
}

/// What causes one metric event.
fn evaluated() -> Vec<Entry> {
    let event =
        Event::Evaluated { served: Served { config: 0, variation: 0 }, in_experiment: false };
    vec![Entry { at: Timestamp::START, user: 1, event }]
}

#[test]
fn a_key_that_is_not_accepted_is_told_at_once() {
    runtime().block_on(async {
        for status in [401, 403] {
            let server = MockServer::start().await;
            Mock::given(method("GET"))
                .respond_with(ResponseTemplate::new(status).set_body_string(SDK_KEY))
                .mount(&server)
                .await;
            let began = Instant::now();
            let error = LiveFlags::start(&access(&server.uri()), 10).await.unwrap_err();
            assert_eq!(error, LiveFlagsError::Key(status));
            assert!(
                error.to_string().contains("LD_SDK_KEY")
                    && began.elapsed() < Duration::from_secs(5),
                "{:?}",
                began.elapsed()
            );
            clean(&format!("{error} {error:?}"));
        }
    });
}

#[test]
fn flags_that_are_not_the_scenarios_say_what_to_do() {
    runtime().block_on(async {
        let scenario = scenario();
        let server = flags_server(json!({}), vec![answer(202)]).await;
        let flags = LiveFlags::start(&access(&server.uri()), 10).await.unwrap();
        let error = flags.assign(&scenario, "user_1", 0).unwrap_err().to_string();
        assert!(error.contains("no AI config `supervisor-agent`") && error.contains("`simlab bootstrap security --live`"), "{error}");
        flags.close().await;

        let flag = |key: &str, value: Value| {
            json!({ "key": key, "version": 1, "on": true, "salt": "s", "offVariation": 0, "variations": [value],
                "fallthrough": { "variation": 0 }, "rules": [], "targets": [], "prerequisites": [] })
        };
        let foreign = json!({ "_ldMeta": { "enabled": true, "variationKey": "unheard-of" } });
        let all = |last: Value| {
            let disabled = json!({ "_ldMeta": { "enabled": false } });
            json!({ "supervisor-agent": flag("supervisor-agent", disabled.clone()), "security-agent": flag("security-agent", disabled),
                "support-agent": flag("support-agent", last) })
        };
        let server = flags_server(all(foreign), vec![answer(202)]).await;
        let flags = LiveFlags::start(&access(&server.uri()), 10).await.unwrap();
        let error = flags.assign(&scenario, "user_1", 0).unwrap_err().to_string();
        assert!(error.contains("`unheard-of` of AI config `support-agent`") && error.contains("bootstrap security --live"), "{error}");
        flags.close().await;

        let server = flags_server(all(json!({ "_ldMeta": { "enabled": false } })), vec![answer(202)]).await;
        let flags = LiveFlags::start(&access(&server.uri()), 10).await.unwrap();
        let assigned = flags.assign(&scenario, "user_1", 0).unwrap();
        assert!(assigned.iter().all(|one| one.variation.is_none() && !one.in_experiment));
        flags.close().await;
    });
}

#[test]
fn events_survive_a_busy_door_under_one_payload_id() {
    runtime().block_on(async {
        let (scenario, entries) = (scenario(), evaluated());
        let server = flags_server(json!({}), vec![answer(500), answer(503), answer(202)]).await;
        let flags = LiveFlags::start(&access(&server.uri()), 10).await.unwrap();
        for user in 0..5 {
            flags.track(&scenario, &format!("user_{user}"), 0, &entries);
        }
        let taken = flags.flush().await.unwrap();
        assert_eq!((taken.exposures, taken.metric_events, taken.payloads), (0, 5, 1));
        let sent = server.received_requests().await.unwrap();
        let ids: Vec<_> = sent
            .iter()
            .filter_map(|request| request.headers.get("x-launchdarkly-payload-id"))
            .collect();
        assert!(ids.len() == 3 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        flags.close().await;
    });
}

#[test]
fn events_that_are_refused_are_not_passed_over() {
    runtime().block_on(async {
        let (scenario, entries) = (scenario(), evaluated());
        for status in [401, 413] {
            let refusal = ResponseTemplate::new(status).set_body_string(SDK_KEY);
            let server = flags_server(json!({}), vec![refusal]).await;
            let flags = LiveFlags::start(&access(&server.uri()), 10).await.unwrap();
            flags.track(&scenario, "user_1", 0, &entries);
            let error = flags.flush().await.unwrap_err();
            assert!(
                matches!(&error, LiveFlagsError::Events { handed: 1, taken: 0, .. }),
                "{error:?}"
            );
            assert!(error.to_string().contains(&format!("status {status}")), "{error}");
            clean(&format!("{error} {error:?}"));
            // The SDK is silent from then on; nobody waits for it, and the loss is told again.
            (0..2_000).for_each(|_| flags.track(&scenario, "user_1", 0, &entries));
            assert!(matches!(
                flags.flush().await.unwrap_err(),
                LiveFlagsError::Events { handed: 2_001, taken: 0, .. }
            ));
            flags.close().await;
        }
    });
}

#[test]
fn a_flood_of_events_is_held_back_until_there_is_room() {
    runtime().block_on(async {
        let (scenario, entries) = (scenario(), evaluated());
        let slow = answer(202).set_delay(Duration::from_millis(50));
        let server = flags_server(json!({}), vec![slow]).await;
        // A queue of 1,000 for twelve times as many.
        let flags = LiveFlags::start(&access(&server.uri()), 1).await.unwrap();
        for _ in 0..12_000 {
            flags.track(&scenario, "user_1", 0, &entries);
        }
        let taken = flags.flush().await.unwrap();
        assert_eq!((taken.metric_events, taken.payloads >= 12), (12_000, true), "{taken:?}");
        flags.close().await;
    });
}
