//! The keys that come with a request: in headers, cookies and the query.
//!
//! Guarantees: a header or parameter is taken for a key by its name, whichever service it is for.
//!
//! Does not know: any provider.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::live::environment::Secret;
use crate::serve::http::parameters;

/// What is in the name of a header that holds a key.
const IN_HEADERS: [&str; 9] =
    ["auth", "key", "token", "secret", "cookie", "password", "credential", "signature", "session"];
/// Names of parameters that hold keys; others, such as `pageToken`, tell requests apart.
const PARAMETERS: [&str; 14] = [
    "key",
    "api_key",
    "api-key",
    "apikey",
    "access_token",
    "auth_token",
    "token",
    "sig",
    "signature",
    "client_secret",
    "password",
    "x-amz-signature",
    "x-amz-security-token",
    "x-amz-credential",
];

/// The keys of one request.
#[derive(Clone, Debug, Default)]
pub struct RequestKeys(Vec<Secret>);

fn is_parameter(name: &str) -> bool {
    PARAMETERS.contains(&name.to_ascii_lowercase().as_str())
}

/// The values of cookies: `a=1; b=2`.
fn cookies(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').filter_map(|one| one.split_once('=')).map(|(_, value)| value.trim())
}

impl RequestKeys {
    /// The keys of a request with these headers and this query.
    #[must_use]
    pub fn of(headers: &HeaderMap, query: Option<&str>) -> Self {
        let mut all = Vec::new();
        let named = headers
            .iter()
            .filter(|(name, _)| IN_HEADERS.iter().any(|word| name.as_str().contains(word)));
        for (name, value) in named {
            let Ok(value) = value.to_str() else { continue };
            if name.as_str().contains("cookie") {
                all.extend(cookies(value).map(str::to_owned));
                continue;
            }
            // `Bearer KEY`, `Credential=KEY, Signature=KEY`, or the key alone.
            for word in value.split([' ', ',']) {
                all.push(word.to_owned());
                all.extend(word.split_once('=').map(|(_, key)| key.to_owned()));
                // `Basic` has a name and a password in one.
                let pair = STANDARD.decode(word).ok().and_then(|pair| String::from_utf8(pair).ok());
                let password = pair.as_deref().and_then(|pair| pair.split_once(':'));
                all.extend(password.map(|(_, password)| password.to_owned()));
            }
        }
        let query = query.and_then(parameters).unwrap_or_default();
        all.extend(query.into_iter().filter(|(name, _)| is_parameter(name)).map(|(_, key)| key));
        Self(all.into_iter().map(Secret::new).collect())
    }

    /// These, and the cookies that an answer with these headers sets.
    #[must_use]
    pub fn and_cookies(&self, headers: &[(String, String)]) -> Self {
        let set = headers.iter().filter(|(name, _)| name == "set-cookie");
        let values = set.filter_map(|(_, value)| cookies(value).next());
        Self(self.0.iter().cloned().chain(values.map(Secret::new)).collect())
    }

    /// A text without the keys.
    #[must_use]
    pub fn hidden(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| secret.hidden_in(&text))
    }

    /// Whether one of the keys is in these bytes.
    #[must_use]
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        self.hidden(&text) != text
    }

    /// A query without parameters that hold keys.
    #[must_use]
    pub fn rest_of_query(&self, query: &str) -> String {
        let kept = query.split('&').filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && !is_parameter(name)
        });
        self.hidden(&kept.collect::<Vec<_>>().join("&"))
    }
}
