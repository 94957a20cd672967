//! The gate that every gradable request passes: it is numbered, hit by a fault or not, answered,
//! and remembered.
//!
//! Guarantees: a refusal comes before anything is done, so that a refused change or payload has
//! left no trace; a fault that waits ends when the server stops or the client leaves.
//!
//! Does not know: what is asked or answered.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;

use crate::random::Owner;
use crate::scenario::{Endpoint, FaultKind};
use crate::serve::faults_answer::{Words, cut, hang_up, in_error, malformed};
use crate::serve::grade::{CUT_GRACE_MS, STREAM_GRACE_MS};
use crate::serve::http::{set, text};
use crate::serve::ledger::{Arrival, Ask};
use crate::serve::world::World;
use crate::time::{Duration, unix_ms};

/// A request on its way through the gate.
#[derive(Debug)]
pub struct GatedRequest {
    world: Arc<World>,
    endpoint: Endpoint,
    digest: Owner,
    /// The last events of its stream, which show how it ends.
    ending: usize,
    /// What is known of it.
    pub arrival: Arrival,
}

/// Whether a client says that this is no try again; the SDKs of Anthropic and OpenAI do.
#[must_use]
pub fn is_fresh(headers: &HeaderMap) -> bool {
    text(headers, "x-stainless-retry-count") == Some("0")
}

impl GatedRequest {
    /// Lets a request in.
    #[must_use]
    pub fn begin(world: &Arc<World>, ask: &Ask<'_>) -> Self {
        let arrival = world.ledger().arrive(unix_ms(), ask);
        Self {
            world: Arc::clone(world),
            endpoint: ask.endpoint,
            digest: ask.digest,
            ending: 0,
            arrival,
        }
    }

    /// The same visit, whose stream shows in its last events how it ends: a stream that breaks off
    /// does so before these.
    #[must_use]
    pub fn ending(self, ending: usize) -> Self {
        Self { ending, ..self }
    }

    /// Answers with `answer`, unless the fault that hits the request says otherwise.
    pub async fn answer(self, words: Words, answer: impl Future<Output = Response>) -> Response {
        let chat = self.endpoint.has_models();
        let mut response = match self.arrival.fault {
            None => answer.await,
            Some(FaultKind::Slow { delay }) => {
                self.pause(delay).await;
                answer.await
            }
            Some(FaultKind::Timeout { delay }) => {
                self.pause(delay).await;
                return hang_up();
            }
            Some(FaultKind::Cut { after_events }) => {
                let response = answer.await;
                let (world, number, digest) =
                    (Arc::clone(&self.world), self.arrival.number, self.digest);
                let grace_ms = if chat { CUT_GRACE_MS } else { STREAM_GRACE_MS };
                cut(response, after_events, self.ending, move || {
                    world.ledger().grade.cut(unix_ms(), number, digest, grace_ms)
                })
                .await
            }
            Some(FaultKind::Malformed { after_events }) => {
                malformed(answer.await, after_events, self.ending).await
            }
            Some(FaultKind::StreamError { after_events }) => {
                in_error(answer.await, after_events, self.ending, words)
            }
            Some(fault) => match words.refuse(fault) {
                Some(refusal) => refusal,
                None => answer.await,
            },
        };
        if matches!(response.status().as_u16(), 408 | 429 | 500..) {
            let wait = retry_after_ms(response.headers());
            self.world.ledger().grade.refused(
                Some(unix_ms()),
                self.digest,
                self.arrival.tries,
                wait,
            );
        }
        set(&mut response, "x-simlab-request", &self.arrival.number.to_string());
        response
    }

    /// Waits in real time, until the server stops at most.
    async fn pause(&self, delay: Duration) {
        let mut stops = self.world.stops();
        tokio::select! {
            () = tokio::time::sleep(std::time::Duration::from_micros(delay.us())) => {}
            _ = stops.wait_for(|stops| *stops) => {}
        }
    }
}

/// How long an answer asks to wait, in milliseconds.
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let number = |name: &str| text(headers, name)?.parse::<u64>().ok();
    number("retry-after-ms").or_else(|| Some(number("retry-after")?.saturating_mul(1000)))
}
