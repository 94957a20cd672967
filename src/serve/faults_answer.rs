//! How a fault looks on the wire: refusals in the words of whoever is imitated, answers that break
//! off or are no JSON.
//!
//! Guarantees: a stream that is cut never shows how it would have ended; a connection that is hung
//! up has sent nothing.
//!
//! Does not know: which request is hit.

use std::collections::VecDeque;
use std::io;
use std::time::Duration as Wait;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::Response;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::llm::chat::{ChatError, ErrorKind};
use crate::llm::wire::Provider;
use crate::llm::wire::framing::Framing;
use crate::llm::wire::limits::{RateLimits, Window};
use crate::llm::wire::responses::ResponsesApi;
use crate::scenario::FaultKind;
use crate::serve::http::{bytes_of, json, refusal, set};
use crate::serve::mcp;
use crate::time::{Duration, unix_ms};

/// Who refuses.
#[derive(Clone, Debug)]
pub enum Words {
    /// A chat provider, with its id of the request.
    Provider(Provider, String),
    /// A chat provider in the Responses format, with its id of the request.
    Responses(Provider, &'static ResponsesApi, String),
    /// LaunchDarkly.
    LaunchDarkly,
    /// A server of tools.
    Mcp,
}

/// Requests a minute that a rate limit allows: what a provider's smallest accounts have.
const PER_MINUTE: u64 = 60;
/// Time for the beginning of an answer to go out before its connection is dropped.
const FLUSH: Wait = Wait::from_millis(20);
/// Most bytes of an answer that is broken.
const MAX_BYTES: usize = 256 << 20;

impl Words {
    /// The refusal of this fault; `None` for faults that refuse nothing.
    #[must_use]
    pub fn refuse(&self, fault: FaultKind) -> Option<Response> {
        let (status, kind, retry_after) = match fault {
            FaultKind::RateLimited { retry_after } => {
                (Some(429), ErrorKind::RateLimited, Some(retry_after))
            }
            FaultKind::ServerError { status, retry_after } => {
                let kind = match status {
                    503 | 529 => ErrorKind::Overloaded,
                    504 => ErrorKind::Timeout,
                    _ => ErrorKind::Server,
                };
                (Some(status), kind, retry_after)
            }
            FaultKind::Overloaded { retry_after } => (None, ErrorKind::Overloaded, retry_after),
            FaultKind::Slow { .. }
            | FaultKind::Cut { .. }
            | FaultKind::Malformed { .. }
            | FaultKind::StreamError { .. }
            | FaultKind::Timeout { .. } => return None,
        };
        Some(match self {
            Self::Provider(provider, id) | Self::Responses(provider, _, id) => {
                by_provider(*provider, id, status, kind, retry_after)
            }
            Self::LaunchDarkly => by_launchdarkly(status.unwrap_or(503), kind, retry_after),
            Self::Mcp => by_tools(status.unwrap_or(503), kind, retry_after),
        })
    }
}

impl Words {
    /// The event that tells of an error in a stream, after so many others.
    fn stream_error(&self, sent: u32) -> Option<Vec<u8>> {
        let error = ChatError::new(ErrorKind::Server, "Internal server error");
        match self {
            Self::Provider(provider, id) => Some(provider.api.encode_stream_error(&error, id)),
            Self::Responses(_, api, _) => Some(api.encode_stream_error(&error, sent)),
            Self::LaunchDarkly | Self::Mcp => None,
        }
    }
}

/// The refusal with this status, or with the one that the provider has for the kind of error.
fn by_provider(
    provider: Provider,
    id: &str,
    status: Option<u16>,
    kind: ErrorKind,
    retry_after: Option<Duration>,
) -> Response {
    let error = ChatError { retry_after, ..ChatError::new(kind, message(kind)) };
    let mut reply = provider.api.encode_error(&error, id);
    if kind == ErrorKind::RateLimited {
        let requests =
            Window { limit: Some(PER_MINUTE), remaining: Some(0), reset_after: retry_after };
        let limits = RateLimits { requests, ..RateLimits::default() };
        limits.write(
            provider.api.limit_headers(),
            unix_ms().saturating_mul(1000),
            &mut reply.headers,
        );
    }
    let mut response = bytes_of(status.unwrap_or(reply.status), "application/json", reply.body);
    for (name, value) in reply.headers {
        set(&mut response, name, &value);
    }
    response
}

/// What is said of an error.
fn message(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::RateLimited => "Rate limit exceeded, please try again later",
        ErrorKind::Overloaded => "Overloaded",
        ErrorKind::Timeout => "The request timed out",
        _ => "Internal server error",
    }
}

/// Asks to wait, in whole seconds.
fn ask_to_wait(response: &mut Response, retry_after: Option<Duration>) {
    if let Some(wait) = retry_after {
        set(response, "retry-after", &wait.us().div_ceil(1_000_000).to_string());
    }
}

fn by_tools(status: u16, kind: ErrorKind, retry_after: Option<Duration>) -> Response {
    let error = mcp::error(&Value::Null, -32603, message(kind), &Value::Null);
    let mut response = json(status, &error);
    ask_to_wait(&mut response, retry_after);
    response
}

fn by_launchdarkly(status: u16, kind: ErrorKind, retry_after: Option<Duration>) -> Response {
    let (code, message) = match kind {
        ErrorKind::RateLimited => {
            ("rate_limited", "You've exceeded the API rate limit. Try again later.")
        }
        ErrorKind::Overloaded => {
            ("service_unavailable", "The service is unavailable. Try again later.")
        }
        _ => ("internal_service_error", "An internal error occurred. Try again later."),
    };
    let mut response = refusal(status, code, message);
    ask_to_wait(&mut response, retry_after);
    if kind == ErrorKind::RateLimited {
        set(&mut response, "x-ratelimit-global-remaining", "0");
        set(&mut response, "x-ratelimit-route-remaining", "0");
        let reset = unix_ms().saturating_add(retry_after.unwrap_or_default().us() / 1000);
        set(&mut response, "x-ratelimit-reset", &reset.to_string());
    }
    response
}

fn broken() -> io::Error {
    io::Error::other("dropped on request")
}

/// An answer of which not a byte goes out: the connection ends instead.
#[must_use]
pub fn hang_up() -> Response {
    Response::new(Body::from_stream(tokio_stream::once(Err::<Bytes, _>(broken()))))
}

/// How an answer that is a stream is framed; none if it is no stream.
#[must_use]
pub fn framing(response: &Response) -> Option<Framing> {
    Framing::of(response.headers().get(header::CONTENT_TYPE)?.as_bytes())
}

/// The same answer, broken off: a stream after so many events and before its `ending`, anything
/// else in the middle, an empty one before it begins. `when` is told when a stream breaks off.
pub async fn cut(
    response: Response,
    after_events: u32,
    ending: usize,
    when: impl FnOnce() + Send + 'static,
) -> Response {
    if let Some(framing) = framing(&response) {
        return reframed(response, (framing, ending), move |mut frames, sender| async move {
            for _ in 0..after_events {
                let Some(frame) = frames.next().await else { break };
                if sender.send(Ok(frame)).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(FLUSH).await;
            when();
            let _ = sender.send(Err(broken())).await;
        });
    }
    let (mut head, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, MAX_BYTES).await.unwrap_or_default();
    if bytes.is_empty() {
        return hang_up();
    }
    head.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        if sender.send(Ok(bytes.slice(..bytes.len() / 2))).await.is_ok() {
            tokio::time::sleep(FLUSH).await;
            let _ = sender.send(Err(broken())).await;
        }
    });
    Response::from_parts(head, Body::from_stream(ReceiverStream::new(receiver)))
}

/// The same answer with broken JSON: of a stream one event, of anything else the whole.
pub async fn malformed(response: Response, after_events: u32, ending: usize) -> Response {
    if let Some(framing) = framing(&response) {
        return reframed(response, (framing, ending), move |mut frames, sender| async move {
            let mut nth = 0;
            while let Some(frame) = frames.next().await {
                let broken =
                    if nth == after_events { framing.halved(&frame).into() } else { frame };
                nth = nth.saturating_add(1);
                if sender.send(Ok(broken)).await.is_err() {
                    return;
                }
            }
            // A short stream is broken in its last event before the ending.
            for (at, frame) in frames.ending.drain(..).enumerate() {
                let late = at == 0 && nth <= after_events;
                let frame = if late { framing.halved(&frame).into() } else { frame };
                if sender.send(Ok(frame)).await.is_err() {
                    return;
                }
            }
        });
    }
    let (mut head, body) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    let bytes = axum::body::to_bytes(body, MAX_BYTES).await.unwrap_or_default();
    Response::from_parts(head, Body::from(bytes.slice(..bytes.len() / 2)))
}

/// The same stream, with an error in the middle in place of the rest; anything else is a 500.
pub fn in_error(response: Response, after_events: u32, ending: usize, words: Words) -> Response {
    let Some(framing) = framing(&response) else {
        let fault = FaultKind::ServerError { status: 500, retry_after: None };
        return words.refuse(fault).unwrap_or(response);
    };
    reframed(response, (framing, ending), move |mut frames, sender| async move {
        let mut sent = 0;
        while sent < after_events {
            let Some(frame) = frames.next().await else { break };
            if sender.send(Ok(frame)).await.is_err() {
                return;
            }
            sent += 1;
        }
        if let Some(error) = words.stream_error(sent) {
            let _ = sender.send(Ok(error.into())).await;
        }
    })
}

type Sender = mpsc::Sender<Result<Bytes, io::Error>>;

/// The answer with a body that `send` makes of its frames.
fn reframed<F: Future<Output = ()> + Send>(
    response: Response,
    (framing, held): (Framing, usize),
    send: impl FnOnce(FrameReader, Sender) -> F + Send + 'static,
) -> Response {
    let (mut head, body) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    let (sender, receiver) = mpsc::channel(4);
    let frames = FrameReader {
        body: body.into_data_stream(),
        rest: Vec::new(),
        ending: VecDeque::new(),
        framing,
        held,
    };
    tokio::spawn(async move {
        let gone = sender.clone();
        // A client that leaves ends the stream behind, too.
        tokio::select! {
            () = send(frames, sender) => {}
            () = gone.closed() => {}
        }
    });
    Response::from_parts(head, Body::from_stream(ReceiverStream::new(receiver)))
}

/// Reads a body frame by frame, but for the last ones.
struct FrameReader {
    body: axum::body::BodyDataStream,
    rest: Vec<u8>,
    ending: VecDeque<Bytes>,
    framing: Framing,
    held: usize,
}

impl FrameReader {
    /// The next frame; `None` when only the ending is left.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(end) = self.framing.first_end(&self.rest) {
                let tail = self.rest.split_off(end);
                self.ending.push_back(Bytes::from(std::mem::replace(&mut self.rest, tail)));
                if self.ending.len() > self.held {
                    return self.ending.pop_front();
                }
                continue;
            }
            let piece = self.body.next().await?.ok()?;
            self.rest.extend_from_slice(&piece);
        }
    }
}
