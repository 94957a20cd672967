//! A network that shows every request and sends it to a stand-in on this machine.
//!
//! Guarantees: what is shown is what the provider itself would get, without any key; nothing leaves
//! this machine.
//!
//! Does not know: who reads what is shown.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::live::net::{Http, Net, Post, Posted};

/// Headers that only a stand-in gets.
const OF_STAND_INS: [&str; 2] = ["x-simlab-user", "idempotency-key"];

/// Such a network.
pub struct ShownRequests<S> {
    http: Http,
    /// The name of each provider, its address here, and its own.
    addresses: Vec<(String, String, String)>,
    show: S,
}

impl<S> fmt::Debug for ShownRequests<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShownRequests").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl<S: Fn(&Value)> ShownRequests<S> {
    /// Shows every request through `show`; `addresses` has the name of each provider, the address
    /// where its stand-in is, and its own.
    ///
    /// # Errors
    /// When no HTTP client can be made here.
    pub fn new(addresses: Vec<(String, String, String)>, show: S) -> Result<Self, String> {
        Ok(Self { http: Http::new()?, addresses, show })
    }

    /// A request as its provider would get it.
    fn shown(&self, post: &Post) -> Value {
        // Of two addresses of which one begins with the other, the longer one is meant.
        let own = |(name, here, there): &(String, String, String)| {
            let rest = post.address.strip_prefix(here.as_str())?;
            Some((here.len(), name.clone(), format!("{there}{rest}")))
        };
        let found = self.addresses.iter().filter_map(own).max();
        let (provider, url) = found
            .map_or_else(|| (String::new(), post.address.clone()), |(_, name, url)| (name, url));
        let mut headers = Map::new();
        for (name, value) in &post.headers {
            if OF_STAND_INS.contains(&name.as_str()) {
                continue;
            }
            let text = if value.is_sensitive() { "[hidden]" } else { value.to_str().unwrap_or("") };
            headers.insert(name.as_str().to_owned(), text.into());
        }
        let body: Value = serde_json::from_slice(&post.body).unwrap_or_default();
        json!({ "provider": provider, "method": "POST", "url": url, "headers": headers, "body": body })
    }
}

impl<S: Fn(&Value)> Net for ShownRequests<S> {
    fn post(&self, post: Post) -> Posted<'_> {
        (self.show)(&self.shown(&post));
        Box::pin(self.http.send(post))
    }

    fn unix_ms(&self) -> u64 {
        crate::time::unix_ms()
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn a_request_is_shown_with_its_own_address_and_without_its_key() {
        let address = |name: &str, path: &str, own: &str| {
            (name.to_owned(), format!("http://127.0.0.1:1{path}"), own.to_owned())
        };
        let addresses = vec![
            address("Anthropic", "", "https://api.anthropic.com"),
            address("OpenAI", "/v1", "https://api.openai.com/v1"),
        ];
        let shown = ShownRequests::new(addresses, |_: &Value| ()).unwrap();
        let mut headers = HeaderMap::new();
        let mut key = HeaderValue::from_static("Bearer sk-planted");
        key.set_sensitive(true);
        headers.insert("authorization", key);
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("x-simlab-user", HeaderValue::from_static("u1"));
        headers.insert("idempotency-key", HeaderValue::from_static("k1"));
        let address = "http://127.0.0.1:1/v1/chat/completions".to_owned();
        let request = shown.shown(&Post { address, headers, body: br#"{"model":"m"}"#.to_vec() });
        assert_eq!(
            request,
            json!({
                "provider": "OpenAI", "method": "POST",
                "url": "https://api.openai.com/v1/chat/completions",
                "headers": { "authorization": "[hidden]", "content-type": "application/json" },
                "body": { "model": "m" },
            })
        );
    }
}
