//! The providers over HTTP: one request, one try.
//!
//! Guarantees: every try ends, within its time; what went wrong has a kind, and whether it may be
//! charged; no key is in any message or answer, even if a server sends it back. Rate limits that an
//! answer states close the provider's gate.
//!
//! Does not know: budgets, journals, or whether to try again.

use std::collections::BTreeMap;
use std::rc::Rc;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::live::environment::{Access, LiveEnvironment, Secret};
use crate::live::gate::Gate;
use crate::live::net::{Broken, Http, HttpResponse, Net, Post};
use crate::llm::chat::{Block, ChatError, ChatResponse, EmbeddingResponse, ErrorKind};
use crate::llm::wire::Provider;
use crate::llm::wire::embeddings::EmbeddingsApi;
use crate::llm::wire::headers::Headers;
use crate::llm::wire::limits::RateLimits;
use crate::llm::wire::retry::RetryPolicy;
use crate::time::{Duration, Stopwatch};

/// Time for vectors to come.
const EMBEDDING: std::time::Duration = std::time::Duration::from_secs(60);
/// About how many bytes of a request are one token.
const BYTES_PER_TOKEN: usize = 4;
/// Statuses with which the providers refuse a request without working on it. Every other status, a
/// gateway's 502 and 504 included, may have come after the work. Sources: the error pages of the
/// three providers' API references (invalid request, authentication, billing, permission, not
/// found, method, too large, media type, unprocessable, rate limit).
const UNBILLED: [u16; 10] = [400, 401, 402, 403, 404, 405, 413, 415, 422, 429];

/// One provider.
#[derive(Debug)]
struct Door {
    base: String,
    headers: HeaderMap,
    official: bool,
    gate: Gate,
}

/// The providers of a run.
#[derive(Debug)]
pub struct Providers {
    net: Rc<dyn Net>,
    doors: BTreeMap<Provider, Door>,
    secrets: Vec<Secret>,
}

/// What came of one try.
#[derive(Debug)]
pub struct Try {
    /// How long it took.
    pub latency: Duration,
    /// The answer, or why there is none.
    pub result: Result<ChatResponse, FailedTry>,
    /// The reasoning that has to come back with the answer's tool calls.
    pub reasoning: Option<String>,
}

/// A try without an answer.
#[derive(Debug)]
pub struct FailedTry {
    /// What went wrong.
    pub error: ChatError,
    /// Whether the provider may have worked on it, and charge it.
    pub may_be_charged: bool,
}

impl FailedTry {
    fn new(kind: ErrorKind, words: impl Into<String>, may_be_charged: bool) -> Self {
        Self { error: ChatError::new(kind, words), may_be_charged }
    }
}

impl Providers {
    /// The providers that the environment gives access to, `most` calls at once each, over the real
    /// network.
    ///
    /// # Errors
    /// When no HTTP client can be made here, or a key cannot stand in a header.
    pub fn new(environment: &LiveEnvironment, most: u32) -> Result<Self, String> {
        Self::over(Rc::new(Http::new()?), environment, most)
    }

    /// The same over any network.
    ///
    /// # Errors
    /// When a key cannot stand in a header.
    pub fn over(
        net: Rc<dyn Net>,
        environment: &LiveEnvironment,
        most: u32,
    ) -> Result<Self, String> {
        let mut doors = BTreeMap::new();
        for (provider, Access { key, base, official }) in environment.providers() {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            for (name, value) in provider.api.request_headers(key.reveal()) {
                let mut value = HeaderValue::from_str(&value)
                    .map_err(|_| "a key holds a character that no header can have".to_owned())?;
                value.set_sensitive(true);
                headers.insert(HeaderName::from_static(name), value);
            }
            let door =
                Door { base: base.clone(), headers, official: *official, gate: Gate::new(most) };
            doors.insert(provider, door);
        }
        Ok(Self { net, doors, secrets: environment.secrets() })
    }

    /// The gate in front of a provider; `None` where the environment gives no access.
    #[must_use]
    pub fn gate(&self, provider: Provider) -> Option<&Gate> {
        self.doors.get(&provider).map(|door| &door.gate)
    }

    /// `text` without any key, in whatever form.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| secret.hidden_in(&text))
    }

    /// An answer without any key: its words and its tool calls are recorded, shown and sent to
    /// other models.
    fn clean_answer(&self, mut response: ChatResponse) -> ChatResponse {
        let clean = |text: &mut String| *text = self.clean(text);
        for block in &mut response.content {
            match block {
                Block::Text(text) => clean(text),
                Block::ToolUse(call) => {
                    [&mut call.id, &mut call.name, &mut call.input].into_iter().for_each(clean)
                }
            }
        }
        response.refusal.iter_mut().for_each(clean);
        [&mut response.id, &mut response.model].into_iter().for_each(clean);
        response
    }

    /// Sends a chat once, to this path under the base address and with this body, for the user of
    /// this key, and waits `patience` at most. `idempotency` is the same for every repeat of a call
    /// and for no other call.
    pub async fn once(
        &self,
        provider: Provider,
        chat: (&str, &[u8]),
        user: Option<&str>,
        idempotency: &str,
        patience: Duration,
    ) -> Try {
        let watch = Stopwatch::start();
        let asked = self.ask(provider, chat, user, idempotency);
        let patience = std::time::Duration::from_micros(patience.us());
        let result = tokio::time::timeout(patience, asked).await.unwrap_or_else(|_| {
            Err(FailedTry::new(
                ErrorKind::Timeout,
                format!("no answer within {} s", patience.as_secs()),
                true,
            ))
        });
        let (result, reasoning) = match result {
            Ok((response, reasoning)) => (Ok(self.clean_answer(response)), reasoning),
            Err(failure) => (Err(self.clean_failure(failure)), None),
        };
        let reasoning = reasoning.map(|reasoning| self.clean(&reasoning));
        Try { latency: watch.elapsed(), result, reasoning }
    }

    /// Requests the vectors of texts, once.
    ///
    /// # Errors
    /// What went wrong, and whether it may be charged.
    pub async fn embed(
        &self,
        provider: Provider,
        api: &EmbeddingsApi,
        body: &[u8],
        idempotency: &str,
    ) -> Result<EmbeddingResponse, FailedTry> {
        let asked = async {
            let door = self.door(provider)?;
            let address = [&door.base, api.path].concat();
            let bytes = self.send(door, &address, body, None, idempotency, provider).await?;
            api.decode_response(&bytes).map_err(|error| FailedTry { error, may_be_charged: true })
        };
        let answer = tokio::time::timeout(EMBEDDING, asked).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(FailedTry::new(ErrorKind::Timeout, "no vectors came in time", true))
        });
        answer.map_err(|failure| self.clean_failure(failure))
    }

    fn clean_failure(&self, failure: FailedTry) -> FailedTry {
        let error = ChatError { message: self.clean(&failure.error.message), ..failure.error };
        FailedTry { error, ..failure }
    }

    fn door(&self, provider: Provider) -> Result<&Door, FailedTry> {
        self.doors.get(&provider).ok_or_else(|| {
            FailedTry::new(ErrorKind::Authentication, "there is no key for this provider", false)
        })
    }

    async fn ask(
        &self,
        provider: Provider,
        (target, body): (&str, &[u8]),
        user: Option<&str>,
        idempotency: &str,
    ) -> Result<(ChatResponse, Option<String>), FailedTry> {
        let door = self.door(provider)?;
        let address = [&door.base, target].concat();
        let bytes = self.send(door, &address, body, user, idempotency, provider).await?;
        // A body that is not what the format says was paid for all the same.
        let malformed = |error| FailedTry {
            error: ChatError { kind: ErrorKind::Malformed, ..error },
            may_be_charged: true,
        };
        let response = provider.decode_response(&bytes).map_err(malformed)?;
        Ok((response, provider.api.reasoning(&bytes)))
    }

    /// Sends one request and takes the body of its 200.
    async fn send(
        &self,
        door: &Door,
        address: &str,
        body: &[u8],
        user: Option<&str>,
        idempotency: &str,
        provider: Provider,
    ) -> Result<Vec<u8>, FailedTry> {
        let mut headers = door.headers.clone();
        // Not every provider's wire carries the user; a stand-in for it may want to know.
        if let Some(user) =
            user.filter(|_| !door.official).and_then(|user| HeaderValue::from_str(user).ok())
        {
            headers.insert("x-simlab-user", user);
        }
        // None of the three providers honors such a key at its own address (Anthropic says so in
        // anthropic-sdk-typescript#1144, OpenAI's client sends none, Mistral documents none); a
        // gateway in front of them may. The budget never relies on it.
        if let Some(key) = HeaderValue::from_str(idempotency).ok().filter(|_| !door.official) {
            headers.insert("idempotency-key", key);
        }
        let sent_bytes = body.len();
        let post = Post { address: address.to_owned(), headers, body: body.to_vec() };
        let HttpResponse { status, headers, body } =
            self.net.post(post).await.map_err(|Broken { kind, may_have_arrived, words }| {
                FailedTry::new(kind, words, may_have_arrived)
            })?;
        let pairs: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let headers = Headers::received(&pairs, self.net.unix_ms().saturating_mul(1000));
        let limits = RateLimits::read(provider.api.limit_headers(), &headers);
        let tokens = (sent_bytes / BYTES_PER_TOKEN) as u64;
        door.gate.paced(limits.pace(tokens).unwrap_or(Duration::ZERO));
        if let Some(wait) = limits.blocked_for() {
            // Whoever comes too early is refused, which costs nothing; a wait of days for a wrong
            // clock would.
            door.gate.close_for(wait.min(RetryPolicy::default().longest_asked));
        }
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let unbilled = UNBILLED.contains(&status) || provider.api.unbilled().contains(&status);
        Err(FailedTry {
            error: provider.decode_error(status, &headers, &body),
            may_be_charged: !unbilled,
        })
    }
}
