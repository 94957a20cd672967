//! LaunchDarkly's REST interface over HTTP.
//!
//! Guarantees: the token goes to the one address that it is for, and into no error. What was
//! refused because it came too often is asked again when the service says so; what came to nothing
//! is asked again only where asking twice is as good as once.
//!
//! Does not know: what any path means.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde_json::Value;

use super::delivery::reason;
use crate::flags::api::{ApiError, ApiReply, HttpMethod, Request};
use crate::flags::bootstrap::FlagAdmin;
use crate::live::environment::FlagAccess;
use crate::live::tls;
use crate::time::unix_ms;

/// LaunchDarkly's own address.
const OWN: &str = "https://app.launchdarkly.com";
/// Waits before something is asked again.
const WAITS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// Longest wait that the service may ask for; its windows have ten seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Longest body that is read.
const LONGEST_BODY: usize = 32 << 20;
/// Most characters that an error takes from a body that is not the service's own error.
const MAX_QUOTED: usize = 200;

/// The REST interface of a LaunchDarkly account.
#[derive(Clone, Debug)]
pub struct RestAdmin {
    http: reqwest::Client,
    access: FlagAccess,
    token: HeaderValue,
}

/// What came of one attempt.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl RestAdmin {
    /// A client that has not asked anything yet.
    ///
    /// # Errors
    /// When this machine cannot do HTTP, or the token cannot be sent.
    pub fn new(access: &FlagAccess) -> Result<Self, ApiError> {
        tls::prepare();
        let failed = |message: String| ApiError::new(0, "no_client", access.hidden_in(&message));
        let mut token = HeaderValue::from_str(access.api_key.reveal())
            .map_err(|_| failed("LD_API_KEY holds a character that no key has".to_owned()))?;
        token.set_sensitive(true);
        let builder = reqwest::Client::builder()
            // An answer that points elsewhere shall not take the token there.
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(30))
            .user_agent(concat!("simlab/", env!("CARGO_PKG_VERSION")));
        let builder = if access.is_loopback() { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|error| failed(reason(&error)))?;
        Ok(Self { http, access: access.clone(), token })
    }

    /// The whole address of a request.
    fn address(&self, request: &Request) -> String {
        let base = self.access.base.as_deref().unwrap_or(OWN);
        let parts: Vec<String> = request.path.split('/').map(encoded).collect();
        let query: Vec<String> = request
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{base}/api/v2/{}{mark}{}", parts.join("/"), query.join("&"))
    }

    async fn once(&self, request: &Request) -> Result<Answer, reqwest::Error> {
        let method = match request.method {
            HttpMethod::Get => reqwest::Method::GET,
            HttpMethod::Post => reqwest::Method::POST,
            HttpMethod::Patch => reqwest::Method::PATCH,
            HttpMethod::Delete => reqwest::Method::DELETE,
        };
        let content = match request.semantic_patch {
            true => "application/json; domain-model=launchdarkly.semanticpatch",
            false => "application/json",
        };
        // Experiments are beta, and AI configs were; everything else does not mind.
        let mut sent = self
            .http
            .request(method, self.address(request))
            .header(AUTHORIZATION, self.token.clone())
            .header("ld-api-version", "beta");
        if !request.body.is_null() {
            sent = sent.header(CONTENT_TYPE, content).body(request.body.to_string());
        }
        let mut response = sent.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST_BODY {
                body.clear();
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }

    fn read(&self, answer: &Answer) -> Result<ApiReply, ApiError> {
        let Answer { status, body, .. } = answer;
        let value = serde_json::from_slice::<Value>(body);
        match (status, value) {
            (200..=299, Ok(body)) => Ok(ApiReply { status: *status, body }),
            (200..=299, Err(_)) if body.is_empty() => {
                Ok(ApiReply { status: *status, body: Value::Null })
            }
            (200..=299, Err(_)) => Err(ApiError::new(
                0,
                "unreadable",
                "what was answered is not JSON: is the address LaunchDarkly's?",
            )),
            (_, value) => {
                let value = value.unwrap_or_default();
                let quoted = || {
                    String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" ")
                };
                let text = |name: &str| value.get(name).and_then(Value::as_str);
                let said = text("message").map_or_else(quoted, str::to_owned);
                // Hidden before it is cut: half a key is no longer found.
                let said: String = self.access.hidden_in(&said).chars().take(MAX_QUOTED).collect();
                let message = match status {
                    401 => format!("LaunchDarkly does not accept LD_API_KEY: {said}"),
                    403 => format!("LD_API_KEY does not have the role for this: {said}"),
                    300..=399 => "the address sends elsewhere, and the token does not follow: is LD_BASE_URL right?".to_owned(),
                    429 => format!("asked too often, for longer than was waited: {said}"),
                    _ => said,
                };
                let code = text("code")
                    .map_or_else(|| "no_code".to_owned(), |code| self.access.hidden_in(code));
                Err(ApiError { status: *status, code, message })
            }
        }
    }
}

impl FlagAdmin for RestAdmin {
    async fn call(&mut self, request: Request) -> Result<ApiReply, ApiError> {
        let repeatable = matches!(request.method, HttpMethod::Get | HttpMethod::Delete);
        let mut waits = WAITS.into_iter();
        loop {
            let result = self.once(&request).await;
            let wait = match &result {
                Ok(answer) if answer.status == 429 => {
                    waits.next().map(|wait| wait.max(asked(&answer.headers)))
                }
                // Somebody changed it at the same time, and nothing was done.
                Ok(answer) if answer.status == 409 && request.semantic_patch => waits.next(),
                Ok(answer) if answer.status >= 500 && repeatable => {
                    waits.next().map(|wait| wait.max(asked(&answer.headers)))
                }
                // Without a connection nothing can have been done.
                Err(error) if repeatable || error.is_connect() => waits.next(),
                _ => None,
            };
            if let Some(wait) = wait {
                tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
                continue;
            }
            return match result {
                Ok(answer) => self.read(&answer),
                Err(error) => {
                    let why = if error.is_timeout() {
                        "no answer in time".to_owned()
                    } else {
                        reason(&error)
                    };
                    let base = self.access.base.as_deref().unwrap_or(OWN);
                    Err(ApiError::new(
                        0,
                        "unreachable",
                        self.access
                            .hidden_in(&format!("LaunchDarkly cannot be reached at {base}: {why}")),
                    ))
                }
            };
        }
    }
}

/// The wait that an answer asks for.
fn asked(headers: &HeaderMap) -> Duration {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let seconds = number(RETRY_AFTER.as_str()).map(Duration::from_secs);
    // A moment, in milliseconds since 1970; one more for clocks that differ a little.
    let until = number("x-ratelimit-reset")
        .map(|reset| Duration::from_millis(reset.saturating_sub(unix_ms()).saturating_add(50)));
    seconds.max(until).unwrap_or_default()
}

/// A part of an address, everything but unreserved characters percent-encoded.
fn encoded(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::environment::Secret;

    #[test]
    fn keys_become_parts_of_an_address_whatever_is_in_them() {
        let access = FlagAccess { sdk_key: Secret::new(""), api_key: Secret::new("k"), base: None };
        let admin = RestAdmin::new(&access).unwrap();
        let query = vec![("filter".to_owned(), "a=b&c".to_owned())];
        let address = admin.address(&Request { query, ..Request::get("metrics/my project/50%") });
        assert_eq!(
            address,
            "https://app.launchdarkly.com/api/v2/metrics/my%20project/50%25?filter=a%3Db%26c"
        );
    }

    #[test]
    fn the_longer_of_two_waits_is_kept() {
        let mut headers = HeaderMap::new();
        assert_eq!(asked(&headers), Duration::ZERO);
        headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        assert_eq!(asked(&headers), Duration::from_secs(2));
        headers.insert("x-ratelimit-reset", HeaderValue::from(unix_ms() + 5_000));
        assert!((4..=6).contains(&asked(&headers).as_secs()));
        headers.insert("x-ratelimit-reset", HeaderValue::from(1));
        assert_eq!(asked(&headers), Duration::from_secs(2));
    }
}
