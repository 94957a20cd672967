//! An app's own traffic as its fixtures: requests are passed on to the real provider and kept, or
//! answered from what was kept.
//!
//! Guarantees: a recorded answer comes back byte for byte; the k-th same request gets the k-th
//! answer, and after the last one that again. Requests are compared as JSON, so the order of fields
//! does not matter. A request that was not recorded is an error that shows the nearest one.
//!
//! Does not know: any provider's format, so every path under a provider's address is recorded.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

use crate::diagnostic::{Diagnostic, shortened};
use crate::live::environment::Secret;
use crate::live::exchanges::{ExchangeLog, KeptExchange, read_exchanges};
use crate::live::net::{Http, HttpResponse};
use crate::llm::chat::{ChatError, ErrorKind};
use crate::llm::wire::{PROVIDERS, Provider};
use crate::serve::http::{bytes_of, set};

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
/// Headers that hold keys.
const KEYS: [&str; 6] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"];

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
    /// By provider, path and request.
    known: BTreeMap<(String, String, String), Played>,
}

#[derive(Debug, Default)]
struct Played {
    lines: Vec<usize>,
    exchanges: Vec<Arc<KeptExchange>>,
    next: usize,
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
        let mut known: BTreeMap<(String, String, String), Played> = BTreeMap::new();
        for (nth, exchange) in exchanges.into_iter().enumerate() {
            let key =
                (exchange.provider.clone(), exchange.path.clone(), canonical(&exchange.request));
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
    pub fn answer(
        &mut self,
        provider: &str,
        path: &str,
        request: &Value,
    ) -> Result<Arc<KeptExchange>, String> {
        let key = (provider.to_owned(), path.to_owned(), canonical(request));
        if let Some(played) = self.known.get_mut(&key) {
            let found = played.exchanges.get(played.next).or(played.exchanges.last()).cloned();
            played.next += 1;
            return found.ok_or_else(|| "nothing was recorded".to_owned());
        }
        let near = self
            .known
            .iter()
            .filter(|((own, place, _), _)| own == provider && place == path)
            .filter_map(|(_, played)| {
                let exchange = played.exchanges.first()?;
                let mut found = Vec::new();
                differences(&exchange.request, request, "", &mut found);
                Some((found, played.lines.first().copied().unwrap_or_default()))
            })
            .min_by_key(|(found, line)| (found.len(), *line));
        Err(match near {
            Some((found, line)) => format!(
                "no recorded request matches this one; the nearest is exchange {line}, which differs in {}",
                found.iter().take(3).cloned().collect::<Vec<_>>().join(", ")
            ),
            None => format!("no request to `{path}` was recorded"),
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
/// provider whose own port was asked.
pub fn provider_of(path: &str, door: Option<Provider>) -> Option<(Provider, String)> {
    let rest = |provider: Provider, mount: &str| {
        path.strip_prefix(mount)?.strip_prefix(provider.base_path()).map(str::to_owned)
    };
    if let Some(provider) = door {
        return rest(provider, "").map(|rest| (provider, rest));
    }
    let chats = PROVIDERS.iter().find_map(|provider| {
        let rest = rest(*provider, provider.mount)?;
        let is_chat = match provider.api.path_api() {
            None => rest.starts_with(provider.api.chat_path()),
            // The path of chats ends with a pattern for the model and what is asked of it.
            Some(api) => {
                let own = provider.api.chat_path().rsplit_once('/').map(|(folder, _)| folder);
                let mut folders = own.into_iter().chain(api.other_versions().iter().copied());
                folders.any(|folder| {
                    let name = rest.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
                    name.is_some_and(|name| name.contains([':', '{']))
                })
            }
        };
        is_chat.then_some((*provider, rest))
    });
    chats.or_else(|| {
        let based = PROVIDERS
            .iter()
            .filter(|provider| !provider.mount.is_empty() || !provider.base_path().is_empty());
        based
            .filter_map(|provider| Some((*provider, rest(*provider, provider.mount)?)))
            .filter(|(_, rest)| rest.starts_with('/'))
            .min_by_key(|(_, rest)| rest.len())
    })
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

/// What is kept of an answer: without the keys that came with the request.
pub fn kept(
    provider: Provider,
    path: &str,
    asked: &Value,
    headers: &HeaderMap,
    query: Option<&str>,
    answer: &HttpResponse,
) -> KeptExchange {
    let mut secrets: Vec<Secret> = KEYS
        .iter()
        .flat_map(|name| headers.get_all(*name))
        .filter_map(|value| value.to_str().ok())
        .map(|value| Secret::new(value.rsplit(' ').next().unwrap_or(value)))
        .collect();
    let keys = query.into_iter().flat_map(|query| query.split('&'));
    secrets.extend(keys.filter_map(|pair| pair.strip_prefix("key=")).map(Secret::new));
    let hidden =
        |text: &str| secrets.iter().fold(text.to_owned(), |text, secret| secret.hidden_in(&text));
    let asked = serde_json::from_str(&hidden(&asked.to_string())).unwrap_or_else(|_| asked.clone());
    let body = hidden(&String::from_utf8_lossy(&answer.body));
    let headers = answer.headers.iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.clone(), hidden(value))).collect();
    KeptExchange { headers, ..KeptExchange::new(provider.key, path, asked, answer.status, body) }
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
    use crate::llm::wire::openai::OPENAI;

    fn exchange(request: Value, body: &str) -> KeptExchange {
        KeptExchange::new("openai", "/chat/completions", request, 200, body.to_owned())
    }

    #[test]
    fn the_kth_same_request_gets_the_kth_answer_and_another_one_is_told_the_nearest() {
        let asked = json!({ "model": "m", "messages": [{ "role": "user", "content": "a" }] });
        let turned = json!({ "messages": [{ "content": "a", "role": "user" }], "model": "m" });
        let mut replay =
            Replay::new(vec![exchange(asked.clone(), "1"), exchange(asked.clone(), "2")]);
        let mut ask = |request: &Value| {
            replay.answer("openai", "/chat/completions", request).map(|found| found.body.clone())
        };
        assert_eq!(
            [ask(&asked), ask(&turned), ask(&asked)],
            ["1", "2", "2"].map(|body| Ok(body.to_owned()))
        );
        let other = json!({ "model": "m", "messages": [{ "role": "user", "content": "b" }] });
        assert_eq!(
            ask(&other),
            Err("no recorded request matches this one; the nearest is exchange 1, which differs in `messages[0].content`".to_owned())
        );
        assert_eq!(
            replay.answer("openai", "/embeddings", &other).map(|found| found.body.clone()),
            Err("no request to `/embeddings` was recorded".to_owned())
        );
    }

    #[test]
    fn keys_are_not_kept() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer sk-secret-123456"));
        let answer = HttpResponse {
            status: 401,
            headers: vec![("x-request-id".to_owned(), "sk-secret-123456".to_owned())],
            body: b"{\"error\": \"Incorrect API key provided: sk-secret-123456\"}".to_vec(),
        };
        let asked = json!({ "note": "sk-secret-123456", "user": "u" });
        let kept = kept(
            OPENAI,
            "/chat/completions",
            &asked,
            &headers,
            Some("key=AIza-other-987654&x=1"),
            &answer,
        );
        let line = serde_json::to_string(&kept).unwrap();
        assert!(!line.contains("sk-secret") && line.contains("[hidden]"), "{line}");
        assert_eq!(passed_on(&headers).len(), 1);
    }

    #[test]
    fn every_providers_chats_lead_to_it() {
        for provider in PROVIDERS {
            let path = [provider.mount, provider.base_path(), provider.api.chat_path()].concat();
            let found = provider_of(&path, None).map(|(found, _)| found);
            assert_eq!(found, Some(*provider), "{path}");
        }
        assert_eq!(provider_of("/v1/responses", None), Some((OPENAI, "/responses".to_owned())));
        for provider in PROVIDERS.iter().filter(|provider| provider.api.path_api().is_some()) {
            let target = provider.target(&ChatRequest::new("some-model"));
            let (path, _) = target.split_once('?').unwrap_or((&target, ""));
            let path = [provider.mount, provider.base_path(), path].concat();
            let found = provider_of(&path, None).map(|(found, _)| found);
            assert_eq!(found, Some(*provider), "{path}");
        }
        assert_eq!(provider_of("/_simlab/status", None), None);
        assert_eq!(provider_of("/bulk", None), None);
    }
}
