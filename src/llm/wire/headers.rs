//! What stands around a body: status, headers, and what they mean to whoever asked.
//!
//! Guarantees: header names are matched without regard to case; a header that cannot be read is as
//! good as absent.
//!
//! Does not know: sockets, or the shape of any body.

use super::time_headers::parse_http_date;
use crate::llm::chat::{ChatError, ErrorKind};
use crate::time::Duration;

/// Headers as they were received, and when.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// Name and value, in order.
    pub pairs: &'a [(&'a str, &'a str)],
    /// When they arrived, in microseconds since 1970; dates in headers are measured from here.
    pub received_us: u64,
}

impl<'a> Headers<'a> {
    /// Headers that have just arrived, at `local_us` by the clock here, in microseconds since 1970.
    /// Dates in them are measured from the sender's own `date` where there is one, since the clock
    /// here may be wrong, or jump.
    #[must_use]
    pub fn received(pairs: &'a [(&'a str, &'a str)], local_us: u64) -> Self {
        let headers = Self { pairs, received_us: local_us };
        let sent = headers.get("date").and_then(parse_http_date);
        Self { received_us: sent.unwrap_or(local_us), ..headers }
    }

    /// The first value under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.pairs
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// How long the sender asks to wait: `retry-after-ms`, else `retry-after` in seconds or as an
    /// HTTP date.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let number =
            |text: &str| text.parse::<f64>().ok().filter(|wait| wait.is_finite() && *wait >= 0.0);
        if let Some(milliseconds) = self.get("retry-after-ms").and_then(number) {
            return Some(Duration::from_seconds(milliseconds / 1e3));
        }
        let text = self.get("retry-after")?;
        number(text).map(Duration::from_seconds).or_else(|| {
            Some(Duration::from_us(parse_http_date(text)?.saturating_sub(self.received_us)))
        })
    }

    /// The sender's explicit word on trying again.
    #[must_use]
    pub fn should_retry(&self) -> Option<bool> {
        match self.get("x-should-retry")? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The key of an `Authorization: Bearer …` header.
    pub(super) fn bearer(&self) -> Option<&'a str> {
        let (scheme, key) = self.get("authorization")?.split_once(' ')?;
        Some(key.trim()).filter(|key| scheme.eq_ignore_ascii_case("bearer") && !key.is_empty())
    }
}

/// A whole answer to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireResponse {
    /// HTTP status.
    pub status: u16,
    /// Names and values; `content-type` is among them, `content-length` is not.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What an HTTP status means when nothing else is known.
pub(super) fn kind_of(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Authentication,
        402 => ErrorKind::OutOfCredit,
        403 => ErrorKind::Permission,
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        409 => ErrorKind::Conflict,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        500..=599 => ErrorKind::Server,
        400..=499 => ErrorKind::BadRequest,
        _ => ErrorKind::Malformed,
    }
}

/// The beginning of a body that is not in any known form, for an error message.
pub(super) fn excerpt(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..800).unwrap_or(body));
    let text: String =
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect();
    if text.is_empty() {
        format!("HTTP status {status} without a message")
    } else {
        format!("HTTP status {status}: {text}")
    }
}

/// Adds what an error says about trying again.
pub(super) fn push_retry_headers(error: &ChatError, headers: &mut Vec<(&'static str, String)>) {
    if let Some(wait) = error.retry_after {
        // Whole seconds, never sooner than asked.
        headers.push(("retry-after", wait.us().div_ceil(1_000_000).to_string()));
    }
    if let Some(should) = error.should_retry {
        headers.push(("x-should-retry", should.to_string()));
    }
}

/// Fills in what the headers say about trying again.
pub(super) fn with_retry_headers(mut error: ChatError, headers: &Headers<'_>) -> ChatError {
    error.retry_after = headers.retry_after();
    error.should_retry = headers.should_retry();
    error
}

/// An answer that is not what its format says.
pub(super) fn malformed(message: impl Into<String>) -> ChatError {
    ChatError::new(ErrorKind::Malformed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pairs: &[(&str, &str)]) -> Option<u64> {
        Headers { pairs, received_us: 784_111_770_000_000 }.retry_after().map(Duration::us)
    }

    #[test]
    fn dates_are_measured_from_the_date_of_the_sender() {
        let retry = ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT");
        let wait = |pairs: &[(&str, &str)]| {
            Headers::received(pairs, 0).retry_after().map(Duration::seconds)
        };
        assert_eq!(wait(&[("Date", "Sun, 06 Nov 1994 08:49:07 GMT"), retry]), Some(30.0));
        // By the clock here, where the sender does not say: 784,111,777 s after 1970.
        for pairs in [&[retry][..], &[("date", "noon"), retry]] {
            assert_eq!(wait(pairs), Some(784_111_777.0));
        }
    }

    #[test]
    fn a_wait_is_read_in_each_of_its_forms() {
        assert_eq!(after(&[("Retry-After", "7")]), Some(7_000_000));
        assert_eq!(after(&[("retry-after", "0.5")]), Some(500_000));
        assert_eq!(after(&[("retry-after", "9"), ("Retry-After-Ms", "250")]), Some(250_000));
        assert_eq!(after(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(7_000_000));
        assert_eq!(after(&[("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT")]), Some(0));
        for bad in ["-1", "soon", "inf", "NaN", ""] {
            assert_eq!(after(&[("retry-after", bad)]), None, "{bad}");
        }
    }

    #[test]
    fn an_excerpt_is_short_and_one_line() {
        let page = format!("<html>\n<body>{}</body>", "é".repeat(1000));
        let text = excerpt(502, page.as_bytes());
        assert!(
            text.starts_with("HTTP status 502: <html> <body>é") && text.chars().count() < 230,
            "{text}"
        );
        assert_eq!(excerpt(500, b" \n"), "HTTP status 500 without a message");
    }
}
