//! The providers over HTTP: one request, one try.
//!
//! Promises: every try ends, within its time; what went wrong has a kind; no key is in any message, even if a server sends it
//! back. Rate limits that an answer tells close the provider's gate.
//!
//! Does not know: budgets, journals, or whether to try again.

use std::collections::BTreeMap;
use std::error::Error as _;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::live::environment::{Access, Environment, Secret};
use crate::live::gate::Gate;
use crate::llm::chat::{ChatError, ChatResponse, EmbeddingResponse, ErrorKind, Provider};
use crate::llm::wire::embeddings::decode_embedding_response;
use crate::llm::wire::head::Headers;
use crate::llm::wire::limits::RateLimits;
use crate::llm::wire::provider as wire;
use crate::time::{Duration, Stopwatch, unix_ms};

/// Time for a connection to be made.
const CONNECT: std::time::Duration = std::time::Duration::from_secs(10);
/// Time for vectors to come.
const EMBEDDING: std::time::Duration = std::time::Duration::from_secs(60);
/// Longest body of an answer, in bytes.
const MOST_BODY: usize = 16 << 20;

/// One provider.
#[derive(Debug)]
struct Door {
    base: String,
    /// Where chats go.
    address: String,
    headers: HeaderMap,
    official: bool,
    gate: Gate,
}

/// The providers of a run.
#[derive(Debug)]
pub struct Providers {
    client: reqwest::Client,
    doors: BTreeMap<Provider, Door>,
    secrets: Vec<Secret>,
}

/// What came of one try.
#[derive(Debug)]
pub struct Try {
    /// How long it took.
    pub latency: Duration,
    /// The answer, or why there is none.
    pub result: Result<ChatResponse, ChatError>,
}

impl Providers {
    /// The providers that the environment gives access to, `most` calls at once each.
    ///
    /// # Errors
    /// When no HTTP client can be made here, or a key cannot stand in a header.
    pub fn new(environment: &Environment, most: u32) -> Result<Self, String> {
        super::tls::prepare();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("simlab/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("no HTTP client can be made here: {error}"))?;
        let mut doors = BTreeMap::new();
        for provider in [Provider::Anthropic, Provider::OpenAi, Provider::Mistral] {
            let Some(Access { key, base, official }) = environment.provider(provider) else { continue };
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            for (name, value) in wire::request_headers(provider, key.reveal()) {
                let mut value = HeaderValue::from_str(&value).map_err(|_| "a key holds a character that no header can have".to_owned())?;
                value.set_sensitive(true);
                headers.insert(HeaderName::from_static(name), value);
            }
            let address = format!("{base}{}", wire::chat_path(provider));
            doors.insert(provider, Door { base: base.clone(), address, headers, official: *official, gate: Gate::new(most) });
        }
        Ok(Self { client, doors, secrets: environment.secrets() })
    }

    /// The gate in front of a provider; `None` where the environment gives no access.
    #[must_use]
    pub fn gate(&self, provider: Provider) -> Option<&Gate> {
        self.doors.get(&provider).map(|door| &door.gate)
    }

    /// `text` without any key.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| secret.hidden_in(&text))
    }

    /// Asks once, for the user of this key, and waits `patience` at most.
    pub async fn once(&self, provider: Provider, body: &[u8], user: Option<&str>, patience: Duration) -> Try {
        let watch = Stopwatch::start();
        let asked = self.ask(provider, body, user);
        let patience = std::time::Duration::from_micros(patience.us());
        let result = tokio::time::timeout(patience, asked)
            .await
            .unwrap_or_else(|_| Err(ChatError::new(ErrorKind::Timeout, format!("no answer within {} s", patience.as_secs()))));
        let result = result.map_err(|error| ChatError { message: self.clean(&error.message), ..error });
        Try { latency: watch.elapsed(), result }
    }

    /// Asks OpenAI once for the vectors of texts.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn embed(&self, body: &[u8]) -> Result<EmbeddingResponse, ChatError> {
        let door = self.door(Provider::OpenAi)?;
        let address = format!("{}/embeddings", door.base);
        let asked = self.send(door, &address, body, None, Provider::OpenAi);
        let answer = tokio::time::timeout(EMBEDDING, asked).await;
        let answer = answer.unwrap_or_else(|_| Err(ChatError::new(ErrorKind::Timeout, "no vectors came in time")));
        let answer = answer.and_then(|bytes| decode_embedding_response(&bytes));
        answer.map_err(|error| ChatError { message: self.clean(&error.message), ..error })
    }

    fn door(&self, provider: Provider) -> Result<&Door, ChatError> {
        self.doors.get(&provider).ok_or_else(|| ChatError::new(ErrorKind::Authentication, "there is no key for this provider"))
    }

    async fn ask(&self, provider: Provider, body: &[u8], user: Option<&str>) -> Result<ChatResponse, ChatError> {
        let door = self.door(provider)?;
        let bytes = self.send(door, &door.address, body, user, provider).await?;
        // A body that is not what the format says was paid for all the same.
        wire::decode_response(provider, &bytes).map_err(|error| ChatError { kind: ErrorKind::Malformed, ..error })
    }

    /// Sends one request and takes the body of its 200.
    async fn send(&self, door: &Door, address: &str, body: &[u8], user: Option<&str>, provider: Provider) -> Result<Vec<u8>, ChatError> {
        let mut request = self.client.post(address).headers(door.headers.clone()).body(body.to_vec());
        if let Some(user) = user.filter(|_| !door.official) {
            // Not every provider's wire carries the user; a stand-in for it may want to know.
            request = request.header("x-simlab-user", user);
        }
        let mut answer = request.send().await.map_err(|error| broken(&error, false))?;
        let status = answer.status().as_u16();
        let received_us = unix_ms().saturating_mul(1000);
        let pairs: Vec<(String, String)> =
            answer.headers().iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect();
        let mut bytes = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| broken(&error, true))? {
            if bytes.len() + part.len() > MOST_BODY {
                return Err(ChatError::new(ErrorKind::Malformed, format!("the answer is larger than {MOST_BODY} bytes")));
            }
            bytes.extend_from_slice(&part);
        }
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let headers = Headers { pairs: &pairs, received_us };
        if let Some(wait) = RateLimits::read(provider, &headers).blocked_for() {
            door.gate.close_for(wait);
        }
        if (200..300).contains(&status) { Ok(bytes) } else { Err(wire::decode_error(provider, status, &headers, &bytes)) }
    }
}

/// A connection that did not do, in its own words; the address may hold what nobody shall read, so it stays out.
fn broken(error: &reqwest::Error, begun: bool) -> ChatError {
    let mut words = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push(inner.to_string());
        cause = inner.source();
    }
    let kind = match (error.is_timeout(), begun) {
        (true, _) => ErrorKind::Timeout,
        (_, true) => ErrorKind::Cut,
        (_, false) => ErrorKind::Connection,
    };
    let words = if words.is_empty() { "the connection broke".to_owned() } else { words.join(": ") };
    ChatError::new(kind, words)
}
