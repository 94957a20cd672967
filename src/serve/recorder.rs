//! An app's own traffic as its fixtures: requests are passed on to the real provider and kept, or
//! answered from what was kept.
//!
//! Guarantees: a recorded answer comes back byte for byte, its body that is, and the headers that
//! clients read; the k-th same request gets the k-th answer, and after the last one that again. Every
//! request under a provider's address is recorded, whatever its method. Requests are compared as
//! JSON, so the order of fields does not matter. A request that was not recorded is an error that
//! shows the nearest one. No key that came in a header or a query is kept, in any form in which a
//! server may send it back.
//!
//! Does not know: what any path asks.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

use crate::diagnostic::{Diagnostic, shortened};
use crate::live::exchanges::{ExchangeLog, KeptExchange, read_exchanges};
use crate::live::net::{Http, HttpResponse};
use crate::llm::chat::{ChatError, ErrorKind};
use crate::llm::wire::Provider;
use crate::serve::http::{bytes_of, set};
use crate::serve::request_keys::RequestKeys;

/// Headers of an answer that clients read.
pub const KEPT: [&str; 7] = [
    "content-type",
    "retry-after",
    "retry-after-ms",
    "x-request-id",
    "request-id",
    "x-should-retry",
    "openai-processing-ms",
];
/// Headers of a request that concern one connection, or are for simlab.
const DROPPED: [&str; 8] = [
    "host",
    "content-length",
    "connection",
    "accept-encoding",
    "transfer-encoding",
    "x-simlab-user",
    "keep-alive",
    "expect",
];
/// What becomes of an app's traffic.
#[derive(Debug)]
pub enum Recorder {
    /// It is passed on, and kept.
    Records {
        /// Where it is kept.
        file: Mutex<ExchangeLog>,
        /// The way out.
        http: Box<Http>,
        /// Addresses in the place of the providers' own.
        upstream: BTreeMap<Provider, String>,
    },
    /// It is answered from what was kept.
    Replays(Mutex<Replay>),
}

impl Recorder {
    /// Whether requests go on to the real providers.
    #[must_use]
    pub fn passes_on(&self) -> bool {
        matches!(self, Self::Records { .. })
    }

    /// Passes traffic on and keeps it in this file.
    ///
    /// # Errors
    /// When the file cannot be opened, or there is no way out.
    pub fn recording(path: &Path, upstream: BTreeMap<Provider, String>) -> Result<Self, String> {
        let file = ExchangeLog::open(path)
            .map_err(|error| format!("`{}` cannot be opened: {error}", path.display()))?;
        Ok(Self::Records { file: Mutex::new(file), http: Box::new(Http::new()?), upstream })
    }

    /// Answers from this file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn replaying(path: &Path) -> Result<Self, Diagnostic> {
        Ok(Self::Replays(Mutex::new(Replay::new(read_exchanges(path)?))))
    }
}

/// Exchanges that are played back.
#[derive(Debug, Default)]
pub struct Replay {
    /// By provider, method, path and request.
    known: BTreeMap<[String; 4], Played>,
}

#[derive(Debug, Default)]
struct Played {
    lines: Vec<usize>,
    exchanges: Vec<Arc<KeptExchange>>,
    next: usize,
}

/// A request to a provider, without its keys.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedRequest {
    /// The provider.
    pub provider: Provider,
    /// The method.
    pub method: String,
    /// The path under the provider's base address, and the query.
    pub path: String,
    /// The body: JSON, or a text where it is none, and null where it is empty.
    pub body: Value,
}

impl RecordedRequest {
    fn key(&self) -> [String; 4] {
        let provider = self.provider.key.to_owned();
        [provider, self.method.clone(), self.path.clone(), canonical(&self.body)]
    }
}

/// JSON in one form, whatever the order of its fields.
fn canonical(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let ordered: BTreeMap<&String, Value> =
                    fields.iter().map(|(name, value)| (name, sorted(value))).collect();
                ordered.into_iter().map(|(name, value)| (name.clone(), value)).collect()
            }
            Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    sorted(value).to_string()
}

impl Replay {
    /// Plays these back.
    #[must_use]
    pub fn new(exchanges: Vec<KeptExchange>) -> Self {
        let mut known: BTreeMap<[String; 4], Played> = BTreeMap::new();
        for (nth, exchange) in exchanges.into_iter().enumerate() {
            let KeptExchange { provider, method, path, request, .. } = &exchange;
            let key = [provider.clone(), method.clone(), path.clone(), canonical(request)];
            let played = known.entry(key).or_default();
            played.lines.push(nth + 1);
            played.exchanges.push(Arc::new(exchange));
        }
        Self { known }
    }

    /// The answer to a request; an error tells of the nearest one.
    ///
    /// # Errors
    /// When nothing was recorded for it.
    pub fn answer(&mut self, asked: &RecordedRequest) -> Result<Arc<KeptExchange>, String> {
        if let Some(played) = self.known.get_mut(&asked.key()) {
            let found = played.exchanges.get(played.next).or(played.exchanges.last()).cloned();
            played.next += 1;
            return found.ok_or_else(|| "nothing was recorded".to_owned());
        }
        let RecordedRequest { provider, method, path, body } = asked;
        let near = self
            .known
            .iter()
            .filter(|([of, by, place, _], _)| of == provider.key && by == method && place == path)
            .filter_map(|(_, played)| {
                let exchange = played.exchanges.first()?;
                let mut found = Vec::new();
                differences(&exchange.request, body, "", &mut found);
                Some((found, played.lines.first().copied().unwrap_or_default()))
            })
            .min_by_key(|(found, line)| (found.len(), *line));
        Err(match near {
            Some((found, line)) => format!(
                "no recorded request matches this one; the nearest is exchange {line}, which differs in {}",
                found.iter().take(3).cloned().collect::<Vec<_>>().join(", ")
            ),
            None if method == "POST" => format!("no request to `{path}` was recorded"),
            None => format!("no {method} request to `{path}` was recorded"),
        })
    }

    fn start_over(&mut self) {
        self.known.values_mut().for_each(|played| played.next = 0);
    }
}

/// The paths in which two requests differ.
fn differences(one: &Value, other: &Value, path: &str, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(own), Value::Object(theirs)) => {
            let names: std::collections::BTreeSet<&String> =
                own.keys().chain(theirs.keys()).collect();
            for name in names {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match (own.get(name), theirs.get(name)) {
                    (Some(own), Some(theirs)) => differences(own, theirs, &inner, found),
                    _ => found.push(format!("`{}`", shortened(&inner, 200))),
                }
            }
        }
        (Value::Array(own), Value::Array(theirs)) if own.len() == theirs.len() => {
            for (nth, (own, theirs)) in own.iter().zip(theirs).enumerate() {
                differences(own, theirs, &format!("{path}[{nth}]"), found);
            }
        }
        _ if one == other => {}
        _ => found.push(format!("`{}`", shortened(path, 200))),
    }
}

/// The provider whose address has this path, and the path behind its base address. `door` is the
/// provider whose own port was asked; `means` says whether the request names a provider by a header
/// or a key.
pub fn provider_of(
    path: &str,
    door: Option<Provider>,
    providers: &[Provider],
    means: impl Fn(Provider) -> bool,
) -> Option<(Provider, String)> {
    let rest = |provider: Provider, mount: &str| {
        let rest = path.strip_prefix(mount)?.strip_prefix(provider.base_path())?;
        // Without a path of its own, only what begins as its other paths do is a provider's.
        let own = !provider.base_path().is_empty();
        let known =
            rest.starts_with('/') && (own || beginnings(provider).contains(&beginning(rest)));
        known.then(|| rest.to_owned())
    };
    if let Some(provider) = door {
        return rest(provider, "").map(|rest| (provider, rest));
    }
    let all: Vec<(Provider, String)> = providers
        .iter()
        .filter_map(|provider| Some((*provider, rest(*provider, provider.mount)?)))
        .collect();
    let found = all
        .iter()
        .find(|(provider, rest)| is_chat(*provider, rest))
        .or_else(|| all.iter().find(|(provider, _)| means(*provider)))
        .or_else(|| all.iter().min_by_key(|(_, rest)| rest.len()));
    found.cloned()
}

/// The first part of a path.
fn beginning(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

/// The first parts of a provider's paths.
fn beginnings(provider: Provider) -> Vec<&'static str> {
    let api = provider.api;
    let other = api.path_api().map(|api| api.other_versions()).unwrap_or_default();
    let paths = [api.chat_path(), api.models_path()].into_iter().chain(other.iter().copied());
    paths.map(beginning).collect()
}

/// Whether a path under a provider's base address is that of chats, or below it.
fn is_chat(provider: Provider, rest: &str) -> bool {
    match provider.api.path_api() {
        None => rest.starts_with(provider.api.chat_path()),
        // The path of chats ends with a pattern for the model and what is asked of it.
        Some(api) => provider
            .name_in(rest)
            .is_some_and(|name| name.starts_with('{') || api.call(name, "").is_ok()),
    }
}

impl Recorder {
    /// Plays back from the start again.
    pub fn start_over(&self) {
        if let Self::Replays(replay) = self {
            replay.lock().unwrap_or_else(PoisonError::into_inner).start_over();
        }
    }
}

/// The headers that go to the provider.
pub fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let own = headers.iter().filter(|(name, _)| {
        !DROPPED.contains(&name.as_str()) && !name.as_str().starts_with("x-simlab")
    });
    own.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// An answer with its request as it is kept: without the keys of both.
///
/// # Errors
/// One sentence, where a key is in an answer that is no text, so that it cannot be taken out.
pub fn kept(
    asked: &RecordedRequest,
    keys: &RequestKeys,
    answer: &HttpResponse,
) -> Result<KeptExchange, String> {
    let keys = keys.and_cookies(&answer.headers);
    let body = match std::str::from_utf8(&answer.body) {
        Ok(text) => keys.hidden(text).into_bytes(),
        Err(_) if keys.are_in(&answer.body) => {
            return Err("it is no text and holds a key of the request".to_owned());
        }
        Err(_) => answer.body.clone(),
    };
    let headers = answer.headers.iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.clone(), keys.hidden(value))).collect();
    let RecordedRequest { provider, method, path, body: request } = asked;
    let kept = KeptExchange::new(provider.key, path, request.clone(), answer.status, String::new());
    Ok(KeptExchange { headers, method: method.clone(), ..kept.with_body(&body) })
}

/// An answer as it was kept.
pub fn answered(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    let usual = HeaderValue::from_static("application/json");
    response.headers_mut().entry(header::CONTENT_TYPE).or_insert(usual);
    response
}

/// An error in the provider's form.
pub fn refused(provider: Provider, kind: ErrorKind, words: &str) -> Response {
    let reply = provider.api.encode_error(&ChatError::new(kind, words), "simlab");
    let mut response = bytes_of(reply.status, "application/json", reply.body);
    for (name, value) in reply.headers {
        set(&mut response, name, &value);
    }
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::llm::chat::ChatRequest;
    use crate::llm::wire::anthropic::ANTHROPIC;
    use crate::llm::wire::openai::OPENAI;
    use crate::llm::wire::{PROVIDERS, compatible};

    fn exchange(request: Value, body: &str) -> KeptExchange {
        KeptExchange::new("openai", "/chat/completions", request, 200, body.to_owned())
    }

    fn asked(path: &str, body: &Value) -> RecordedRequest {
        let (method, path) = ("POST".to_owned(), path.to_owned());
        RecordedRequest { provider: OPENAI, method, path, body: body.clone() }
    }

    #[test]
    fn the_kth_same_request_gets_the_kth_answer_and_another_one_is_told_the_nearest() {
        let first = json!({ "model": "m", "messages": [{ "role": "user", "content": "a" }] });
        let turned = json!({ "messages": [{ "content": "a", "role": "user" }], "model": "m" });
        let mut replay =
            Replay::new(vec![exchange(first.clone(), "1"), exchange(first.clone(), "2")]);
        let mut ask =
            |request: &RecordedRequest| replay.answer(request).map(|found| found.body.clone());
        let chat = |body: &Value| asked("/chat/completions", body);
        assert_eq!(
            [ask(&chat(&first)), ask(&chat(&turned)), ask(&chat(&first))],
            ["1", "2", "2"].map(|body| Ok(body.to_owned()))
        );
        let other = json!({ "model": "m", "messages": [{ "role": "user", "content": "b" }] });
        assert_eq!(
            ask(&chat(&other)),
            Err("no recorded request matches this one; the nearest is exchange 1, which differs in `messages[0].content`".to_owned())
        );
        assert_eq!(
            ask(&asked("/embeddings", &other)),
            Err("no request to `/embeddings` was recorded".to_owned())
        );
        let read = RecordedRequest { method: "GET".to_owned(), ..chat(&first) };
        assert_eq!(
            ask(&read),
            Err("no GET request to `/chat/completions` was recorded".to_owned())
        );
    }

    #[test]
    fn neither_keys_nor_cookies_are_kept() {
        let mut headers = HeaderMap::new();
        let mut add =
            |name: &'static str, value| headers.append(name, HeaderValue::from_static(value));
        add("authorization", "Bearer sk-secret-123456");
        add("x-portkey-api-key", "pk-secret-123456");
        add("cf-access-token", "cf-secret-123456");
        add("cookie", "theme=dark; session=co-secret-123456");
        // `user:ba-secret-123456`
        add("proxy-authorization", "Basic dXNlcjpiYS1zZWNyZXQtMTIzNDU2");
        let keys =
            RequestKeys::of(&headers, Some("key=AIza-secret%2B9876&api_key=qu-secret-123456&x=1"));
        assert_eq!(keys.rest_of_query("key=AIza-secret%2B9876&x=1&alt=sse"), "x=1&alt=sse");
        let all = "sk-secret-123456 pk-secret-123456 cf-secret-123456 co-secret-123456 ba-secret-123456 AIza-secret+9876 qu-secret-123456 se-secret-123456";
        let answer = HttpResponse {
            status: 401,
            headers: vec![
                ("x-request-id".to_owned(), "sk-secret-123456".to_owned()),
                ("set-cookie".to_owned(), "s=se-secret-123456; HttpOnly".to_owned()),
            ],
            body: all.as_bytes().to_vec(),
        };
        let body =
            serde_json::from_str(&keys.hidden(&json!({ "note": "sk-secret-123456" }).to_string()));
        let asked = asked("/chat/completions", &body.unwrap());
        let line = serde_json::to_string(&kept(&asked, &keys, &answer).unwrap()).unwrap();
        assert!(!line.contains("secret") && line.matches("[hidden]").count() == 10, "{line}");
        assert_eq!(passed_on(&headers).len(), 5);
        // What is no text comes back as it was, unless a key is in it.
        let sound = HttpResponse { body: vec![0xff, 0xfb, 0, 7], ..answer.clone() };
        let line = kept(&asked, &keys, &sound).unwrap();
        assert_eq!((line.base64, line.bytes()), (true, Some(sound.body.clone())));
        let body = [&[0xff], &b"sk-secret-123456"[..]].concat();
        assert!(kept(&asked, &keys, &HttpResponse { body, ..answer }).is_err());
    }

    #[test]
    fn every_providers_paths_lead_to_it() {
        let own = compatible("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY");
        let all: Vec<Provider> = PROVIDERS.iter().copied().chain([own]).collect();
        let nobody = |_: Provider| false;
        let found = |path: &str| provider_of(path, None, &all, nobody);
        for provider in &all {
            let target = provider.target(&ChatRequest::new("some-model"));
            let path = target.split_once('?').map_or(&*target, |(path, _)| path);
            for path in [provider.api.chat_path(), path] {
                let path = [provider.mount, provider.base_path(), path].concat();
                assert_eq!(found(&path).map(|(found, _)| found), Some(*provider), "{path}");
            }
            // A list of models that providers share is that of the one that the request means.
            let list = [provider.mount, provider.base_path(), provider.api.models_path()].concat();
            let meant = provider_of(&list, None, &all, |other| other == *provider);
            assert_eq!(meant, Some((*provider, provider.api.models_path().to_owned())));
        }
        assert_eq!(found("/v1/responses/resp_1"), Some((OPENAI, "/responses/resp_1".to_owned())));
        assert_eq!(
            found("/compatible/groq/openai/v1/audio/speech"),
            Some((own, "/audio/speech".to_owned()))
        );
        let path = "/v1/messages/batches";
        assert_eq!(found(path), Some((ANTHROPIC, path.to_owned())));
        for path in ["/_simlab/status", "/bulk", "/all", "/api/v2/flags/p", "/sdk/latest-all", "/"]
        {
            assert_eq!(provider_of(path, None, &all, |_| true), None, "{path}");
        }
    }
}
