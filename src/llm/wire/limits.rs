//! Rate limits as the providers' headers tell them, in one form.
//!
//! Promises: what a provider does not tell is `None`; reading what was written gives the same
//! limits again, as far as that provider has words for them.
//!
//! Does not know: how to stay within them.

use super::head::Headers;
use super::moment::{parse_rfc3339, parse_span, rfc3339, span};
use crate::llm::chat::Provider;
use crate::time::Duration;

/// One limit and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Window {
    /// Most that is allowed; per minute unless the account says otherwise.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// Time until it is whole again. Mistral does not tell: its windows are minutes.
    pub reset_after: Option<Duration>,
}

/// All limits that one answer told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RateLimits {
    /// Requests.
    pub requests: Window,
    /// Tokens, input and output together.
    pub tokens: Window,
    /// Input tokens; Anthropic alone counts them apart.
    pub input_tokens: Window,
    /// Output tokens; Anthropic alone counts them apart.
    pub output_tokens: Window,
}

/// The three headers of one window: limit, remaining, reset (absent for Mistral).
type Names = (&'static str, &'static str, Option<&'static str>);

const ANTHROPIC: [Names; 4] = [
    (
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        Some("anthropic-ratelimit-requests-reset"),
    ),
    (
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        Some("anthropic-ratelimit-tokens-reset"),
    ),
    (
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-input-tokens-remaining",
        Some("anthropic-ratelimit-input-tokens-reset"),
    ),
    (
        "anthropic-ratelimit-output-tokens-limit",
        "anthropic-ratelimit-output-tokens-remaining",
        Some("anthropic-ratelimit-output-tokens-reset"),
    ),
];
const OPENAI: [Names; 2] = [
    (
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        Some("x-ratelimit-reset-requests"),
    ),
    ("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", Some("x-ratelimit-reset-tokens")),
];
const MISTRAL: [Names; 2] = [
    ("x-ratelimit-limit-req-minute", "x-ratelimit-remaining-req-minute", None),
    ("x-ratelimit-limit-tokens-minute", "x-ratelimit-remaining-tokens-minute", None),
];

fn names(provider: Provider) -> &'static [Names] {
    match provider {
        Provider::Anthropic => &ANTHROPIC,
        Provider::OpenAi => &OPENAI,
        Provider::Mistral => &MISTRAL,
    }
}

impl RateLimits {
    fn windows(&mut self) -> [&mut Window; 4] {
        [&mut self.requests, &mut self.tokens, &mut self.input_tokens, &mut self.output_tokens]
    }

    /// What these headers tell.
    #[must_use]
    pub fn read(provider: Provider, headers: &Headers<'_>) -> Self {
        let mut limits = Self::default();
        for (window, (limit, remaining, reset)) in limits.windows().into_iter().zip(names(provider))
        {
            let number = |name| headers.get(name).and_then(|text| text.parse().ok());
            window.limit = number(limit);
            window.remaining = number(remaining);
            window.reset_after =
                reset.and_then(|name| headers.get(name)).and_then(|text| match provider {
                    Provider::Anthropic => Some(Duration::from_us(
                        parse_rfc3339(text)?.saturating_sub(headers.received_us),
                    )),
                    Provider::OpenAi | Provider::Mistral => parse_span(text),
                });
        }
        limits
    }

    /// Adds the headers that tell these limits; `now_us` is microseconds since 1970, for
    /// Anthropic's timestamps, which are rounded up to whole seconds.
    pub fn write(
        mut self,
        provider: Provider,
        now_us: u64,
        headers: &mut Vec<(&'static str, String)>,
    ) {
        for (window, &(limit, remaining, reset)) in self.windows().into_iter().zip(names(provider))
        {
            headers.extend(window.limit.map(|n| (limit, n.to_string())));
            headers.extend(window.remaining.map(|n| (remaining, n.to_string())));
            let Some((name, after)) = reset.zip(window.reset_after) else { continue };
            let text = match provider {
                Provider::Anthropic => {
                    rfc3339(now_us.saturating_add(after.us()).div_ceil(1_000_000))
                }
                Provider::OpenAi | Provider::Mistral => span(after),
            };
            headers.push((name, text));
        }
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
        let read = |provider, pairs: &[(&str, &str)]| {
            RateLimits::read(provider, &Headers { pairs, received_us: NOW })
        };
        let anthropic = read(
            Provider::Anthropic,
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
            Provider::OpenAi,
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
            Provider::Mistral,
            &[("x-ratelimit-limit-req-minute", "60"), ("x-ratelimit-remaining-req-minute", "0")],
        );
        assert_eq!(mistral.requests, window(60, 0, None));
        assert_eq!(mistral.blocked_for(), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for provider in [Provider::Anthropic, Provider::OpenAi, Provider::Mistral] {
            let reset = (provider != Provider::Mistral).then_some(7);
            let mut limits = RateLimits {
                requests: window(60, 3, reset),
                tokens: window(9000, 0, reset),
                ..RateLimits::default()
            };
            if provider == Provider::Anthropic {
                limits.input_tokens = window(8000, 1, reset);
                limits.output_tokens = window(1000, 2, reset);
            }
            let mut headers = Vec::new();
            limits.write(provider, NOW, &mut headers);
            let pairs: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(
                RateLimits::read(provider, &Headers { pairs: &pairs, received_us: NOW }),
                limits
            );
        }
    }
}
