//! Rate limits as the providers' headers tell them, in one form.
//!
//! Guarantees: what a provider does not tell is `None`; reading what was written gives the same
//! limits again, as far as that provider has words for them.
//!
//! Does not know: how to stay within them.

use super::headers::Headers;
use super::time_headers::{parse_rfc3339, parse_span, rfc3339, span};
use crate::time::Duration;

/// One limit and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Window {
    /// Most that is allowed; per minute unless the account says otherwise.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// Time until it is whole again, where the provider tells.
    pub reset_after: Option<Duration>,
}

/// All limits that one answer told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RateLimits {
    /// Requests.
    pub requests: Window,
    /// Tokens, input and output together.
    pub tokens: Window,
    /// Input tokens, where the provider counts them apart.
    pub input_tokens: Window,
    /// Output tokens, where the provider counts them apart.
    pub output_tokens: Window,
}

/// The headers in which a provider states its rate limits.
#[derive(Clone, Copy, Debug)]
pub struct LimitHeaders {
    /// The headers of the windows of [`RateLimits`], in its order; a provider may have fewer.
    pub windows: &'static [WindowHeaders],
    /// How it writes the time until a window is whole again.
    pub reset: ResetForm,
}

/// The headers of one window, in lower case.
#[derive(Clone, Copy, Debug)]
pub struct WindowHeaders {
    /// The limit.
    pub limit: &'static str,
    /// What is left of it.
    pub remaining: &'static str,
    /// The time until it is whole again, where the provider states it.
    pub reset: Option<&'static str>,
}

/// How a provider writes the time until a window is whole again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetForm {
    /// As a moment in RFC 3339, such as `2025-10-09T08:53:21Z`.
    Moment,
    /// As a duration, such as `6m0s` or `12ms`.
    Span,
}

impl ResetForm {
    fn read(self, text: &str, received_us: u64) -> Option<Duration> {
        match self {
            Self::Moment => {
                Some(Duration::from_us(parse_rfc3339(text)?.saturating_sub(received_us)))
            }
            Self::Span => parse_span(text),
        }
    }

    /// Moments are rounded up to whole seconds.
    fn write(self, after: Duration, now_us: u64) -> String {
        match self {
            Self::Moment => rfc3339(now_us.saturating_add(after.us()).div_ceil(1_000_000)),
            Self::Span => span(after),
        }
    }
}

impl RateLimits {
    fn windows(&mut self) -> [&mut Window; 4] {
        [&mut self.requests, &mut self.tokens, &mut self.input_tokens, &mut self.output_tokens]
    }

    /// What these headers tell of a provider that states its limits in `form`.
    #[must_use]
    pub fn read(form: &LimitHeaders, headers: &Headers<'_>) -> Self {
        let LimitHeaders { windows, reset } = form;
        let mut limits = Self::default();
        for (window, names) in limits.windows().into_iter().zip(*windows) {
            let number = |name| headers.get(name).and_then(|text| text.parse().ok());
            window.limit = number(names.limit);
            window.remaining = number(names.remaining);
            let told = names.reset.and_then(|name| headers.get(name));
            window.reset_after = told.and_then(|text| reset.read(text, headers.received_us));
        }
        limits
    }

    /// Adds the headers that tell these limits in `form`; `now_us` is microseconds since 1970, for providers
    /// that write moments.
    pub fn write(
        mut self,
        form: &LimitHeaders,
        now_us: u64,
        headers: &mut Vec<(&'static str, String)>,
    ) {
        let LimitHeaders { windows, reset } = form;
        for (window, names) in self.windows().into_iter().zip(*windows) {
            headers.extend(window.limit.map(|n| (names.limit, n.to_string())));
            headers.extend(window.remaining.map(|n| (names.remaining, n.to_string())));
            if let Some((name, after)) = names.reset.zip(window.reset_after) {
                headers.push((name, reset.write(after, now_us)));
            }
        }
    }

    /// How far apart requests of so many tokens should be so that no window is used up: as fast as
    /// it fills again. `None` while every window has more than a fifth of its limit left, or where
    /// the provider does not state when it is whole again.
    #[must_use]
    pub fn pace(mut self, tokens: u64) -> Option<Duration> {
        let [requests, rest @ ..] = self.windows();
        let apart = |window: &Window, needed: u64| {
            let (limit, left) = (window.limit?, window.remaining?);
            let used = limit.checked_sub(left).filter(|used| *used > 0)?;
            if left > limit / 5 {
                return None;
            }
            let us = window.reset_after?.us().saturating_mul(needed) / used;
            Some(Duration::from_us(us))
        };
        let all = rest.into_iter().map(|window| apart(window, tokens));
        all.chain([apart(requests, 1)]).flatten().max()
    }

    /// The longest time until every window that is used up is whole again; `None` when there is
    /// room, or no telling.
    #[must_use]
    pub fn blocked_for(mut self) -> Option<Duration> {
        self.windows()
            .into_iter()
            .filter(|window| window.remaining == Some(0))
            .filter_map(|window| window.reset_after)
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::Provider;
    use crate::llm::wire::anthropic::ANTHROPIC;
    use crate::llm::wire::mistral::MISTRAL;
    use crate::llm::wire::openai::OPENAI;

    const NOW: u64 = 1_760_000_000_000_000;

    fn window(limit: u64, remaining: u64, seconds: Option<u64>) -> Window {
        Window {
            limit: Some(limit),
            remaining: Some(remaining),
            reset_after: seconds.map(|s| Duration::from_us(s * 1_000_000)),
        }
    }

    #[test]
    fn each_provider_is_read_in_its_own_words() {
        let read = |provider: Provider, pairs: &[(&str, &str)]| {
            RateLimits::read(provider.api.limit_headers(), &Headers { pairs, received_us: NOW })
        };
        let anthropic = read(
            ANTHROPIC,
            &[
                ("anthropic-ratelimit-requests-limit", "50"),
                ("anthropic-ratelimit-requests-remaining", "49"),
                ("anthropic-ratelimit-requests-reset", "2025-10-09T08:53:21Z"),
                ("Anthropic-Ratelimit-Input-Tokens-Limit", "30000"),
                ("anthropic-ratelimit-input-tokens-remaining", "0"),
                ("anthropic-ratelimit-input-tokens-reset", "2025-10-09T08:54:20Z"),
            ],
        );
        assert_eq!(anthropic.requests, window(50, 49, Some(1)));
        assert_eq!(anthropic.input_tokens, window(30_000, 0, Some(60)));
        assert_eq!(anthropic.output_tokens, Window::default());
        assert_eq!(anthropic.blocked_for(), Some(Duration::from_us(60_000_000)));
        let openai = read(
            OPENAI,
            &[
                ("x-ratelimit-limit-requests", "500"),
                ("x-ratelimit-remaining-requests", "499"),
                ("x-ratelimit-reset-requests", "120ms"),
                ("x-ratelimit-limit-tokens", "nonsense"),
                ("x-ratelimit-reset-tokens", "6m0s"),
            ],
        );
        assert_eq!(openai.requests.reset_after, Some(Duration::from_us(120_000)));
        assert_eq!(
            openai.tokens,
            Window {
                limit: None,
                remaining: None,
                reset_after: Some(Duration::from_us(360_000_000))
            }
        );
        let mistral = read(
            MISTRAL,
            &[("x-ratelimit-limit-req-minute", "60"), ("x-ratelimit-remaining-req-minute", "0")],
        );
        assert_eq!(mistral.requests, window(60, 0, None));
        assert_eq!(mistral.blocked_for(), None);
    }

    #[test]
    fn requests_are_as_far_apart_as_the_limit_fills_again_once_little_is_left() {
        let of =
            |requests, input_tokens| RateLimits { requests, input_tokens, ..RateLimits::default() };
        // 50 a minute: 45 are used, and whole again in 54 s: one in 1.2 s.
        let used = of(window(50, 5, Some(54)), Window::default());
        assert_eq!(used.pace(1_000).map(Duration::seconds), Some(1.2));
        // 30,000 tokens a minute, 27,000 used: 1,000 tokens in 2 s.
        let both = of(window(50, 5, Some(54)), window(30_000, 3_000, Some(54)));
        assert_eq!(both.pace(1_000).map(Duration::seconds), Some(2.0));
        for free in [
            of(window(50, 11, Some(54)), Window::default()),
            of(window(50, 50, Some(0)), Window::default()),
            of(window(0, 0, Some(60)), Window::default()),
            of(window(50, 5, None), Window::default()),
            // What cannot be: more is left than there is.
            of(window(5, 50, Some(60)), Window::default()),
        ] {
            assert_eq!(free.pace(1_000), None, "{free:?}");
        }
        assert!(
            of(window(u64::MAX, 0, Some(u64::MAX / 1_000_000)), Window::default())
                .pace(u64::MAX)
                .is_some()
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        for provider in [ANTHROPIC, OPENAI, MISTRAL] {
            let reset = (provider != MISTRAL).then_some(7);
            let mut limits = RateLimits {
                requests: window(60, 3, reset),
                tokens: window(9000, 0, reset),
                ..RateLimits::default()
            };
            if provider == ANTHROPIC {
                limits.input_tokens = window(8000, 1, reset);
                limits.output_tokens = window(1000, 2, reset);
            }
            let mut headers = Vec::new();
            limits.write(provider.api.limit_headers(), NOW, &mut headers);
            let pairs: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(
                RateLimits::read(
                    provider.api.limit_headers(),
                    &Headers { pairs: &pairs, received_us: NOW }
                ),
                limits
            );
        }
    }
}
