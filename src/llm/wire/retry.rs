//! Whether and when to try a failed request again. One pure decision; whoever asks does the
//! waiting.
//!
//! The rules are those of the providers' own Python clients (two retries; connection errors, 408,
//! 409, 429 and 5xx; `x-should-retry` decides alone; half a second, doubled up to eight, less up to
//! a quarter) with two changes that make a fleet of callers gentler: a wait that the provider asked
//! for is never cut short, only given up on when it is longer than the caller would stand, and it
//! is spread upwards so that those who were refused together do not come back together.
//!
//! Guarantees: bounded, however often it is asked; the luck comes in as an argument.
//!
//! Does not know: any clock.

use crate::llm::chat::{ChatError, ErrorKind};
use crate::time::Duration;

/// How patient a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Most retries after the first try.
    pub retries: u32,
    /// The wait before the first retry, when the provider does not ask for one.
    pub first_wait: Duration,
    /// The longest wait of the caller's own choosing; doubling stops here.
    pub longest_wait: Duration,
    /// The longest wait that a provider may ask for; beyond it the request fails at once.
    pub longest_asked: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: 2,
            first_wait: Duration::from_us(500_000),
            longest_wait: Duration::from_us(8_000_000),
            longest_asked: Duration::from_us(60_000_000),
        }
    }
}

/// Whether this kind of failure may pass by itself. A cut answer counts as such: nothing of it was
/// used.
#[must_use]
pub fn is_passing(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Conflict
        | ErrorKind::RateLimited
        | ErrorKind::Server
        | ErrorKind::Overloaded
        | ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::Cut => true,
        ErrorKind::BadRequest
        | ErrorKind::Authentication
        | ErrorKind::Permission
        | ErrorKind::NotFound
        | ErrorKind::TooLarge
        | ErrorKind::OutOfCredit
        | ErrorKind::Malformed => false,
    }
}

impl RetryPolicy {
    /// How long to wait before trying again, or `None` to leave it at that. `made` counts the
    /// retries made so far; `jitter` is a variate from 0 to 1, drawn for this retry alone.
    #[must_use]
    pub fn next_wait(&self, error: &ChatError, made: u32, jitter: f64) -> Option<Duration> {
        if made >= self.retries || !error.should_retry.unwrap_or(is_passing(error.kind)) {
            return None;
        }
        let jitter = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) };
        if let Some(asked) = error.retry_after.filter(|wait| *wait > Duration::ZERO) {
            let spread = Duration::from_seconds(self.first_wait.seconds() * jitter);
            return (asked <= self.longest_asked).then(|| asked + spread);
        }
        let doubled =
            self.first_wait.us().saturating_mul(1 << made.min(40)).min(self.longest_wait.us());
        Some(Duration::from_seconds(Duration::from_us(doubled).seconds() * (1.0 - 0.25 * jitter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(kind: ErrorKind, retry_after_s: Option<f64>, should_retry: Option<bool>) -> ChatError {
        ChatError {
            retry_after: retry_after_s.map(Duration::from_seconds),
            should_retry,
            ..ChatError::new(kind, "no")
        }
    }

    fn wait(error: &ChatError, made: u32, jitter: f64) -> Option<f64> {
        RetryPolicy { retries: 9, ..RetryPolicy::default() }
            .next_wait(error, made, jitter)
            .map(Duration::seconds)
    }

    #[test]
    fn waits_double_from_half_a_second_to_eight() {
        let overloaded = error(ErrorKind::Overloaded, None, None);
        let waits: Vec<_> = (0..7).map_while(|made| wait(&overloaded, made, 0.0)).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]);
        assert_eq!(wait(&overloaded, 1, 1.0), Some(0.75));
    }

    #[test]
    fn the_provider_is_heard() {
        assert_eq!(wait(&error(ErrorKind::RateLimited, Some(7.0), None), 0, 0.0), Some(7.0));
        assert_eq!(wait(&error(ErrorKind::RateLimited, Some(7.0), None), 0, 1.0), Some(7.5));
        assert_eq!(wait(&error(ErrorKind::RateLimited, Some(61.0), None), 0, 0.0), None);
        assert_eq!(wait(&error(ErrorKind::Server, None, Some(false)), 0, 0.0), None);
        assert_eq!(wait(&error(ErrorKind::BadRequest, None, Some(true)), 0, 0.0), Some(0.5));
        // Zero is no wish: both clients fall back to their own wait.
        assert_eq!(wait(&error(ErrorKind::RateLimited, Some(0.0), None), 0, 0.0), Some(0.5));
    }

    #[test]
    fn what_will_not_pass_is_not_tried_again() {
        for kind in [
            ErrorKind::Authentication,
            ErrorKind::NotFound,
            ErrorKind::OutOfCredit,
            ErrorKind::BadRequest,
        ] {
            assert_eq!(wait(&error(kind, None, None), 0, 0.5), None);
        }
    }

    proptest! {
        #[test]
        fn every_wait_is_bounded_and_tries_end(made: u32, jitter: f64, asked in proptest::option::of(0.0f64..1e9)) {
            let policy = RetryPolicy::default();
            match policy.next_wait(&error(ErrorKind::RateLimited, asked, None), made, jitter) {
                Some(wait) => prop_assert!(made < 2 && wait.seconds() <= 60.5),
                None => prop_assert!(made >= 2 || asked.is_some_and(|asked| asked > 60.0)),
            }
        }
    }
}
