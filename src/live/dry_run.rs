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

/// Where the stand-in of a provider is.
#[derive(Clone, Debug)]
pub struct StandInAddress {
    /// The provider's name.
    pub provider: String,
    /// The address of the stand-in.
    pub here: String,
    /// The provider's own.
    pub there: String,
    /// The path of a chat after either.
    pub chat_path: String,
}

/// Such a network.
pub struct ShownRequests<S> {
    http: Http,
    addresses: Vec<StandInAddress>,
    show: S,
}

impl<S> fmt::Debug for ShownRequests<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShownRequests").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl<S: Fn(&Value)> ShownRequests<S> {
    /// Shows every request through `show`.
    ///
    /// # Errors
    /// When no HTTP client can be made here.
    pub fn new(addresses: Vec<StandInAddress>, show: S) -> Result<Self, String> {
        Ok(Self { http: Http::new()?, addresses, show })
    }

    /// A request as its provider would get it.
    fn shown(&self, post: &Post) -> Value {
        // Of two addresses of which one begins with the other, the one is meant whose chats are at what
        // follows it; for what is no chat, the longer one.
        let own = |own: &StandInAddress| {
            let rest = post.address.strip_prefix(own.here.as_str())?;
            let is_chat = rest == own.chat_path;
            Some(((is_chat, own.here.len()), own.provider.clone(), format!("{}{rest}", own.there)))
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
        let address = |name: &str, path: &str, own: &str, chat: &str| StandInAddress {
            provider: name.to_owned(),
            here: format!("http://127.0.0.1:1{path}"),
            there: own.to_owned(),
            chat_path: chat.to_owned(),
        };
        let addresses = vec![
            address("Anthropic", "", "https://api.anthropic.com", "/v1/messages"),
            address("OpenAI", "/v1", "https://api.openai.com/v1", "/chat/completions"),
        ];
        let shown = ShownRequests::new(addresses, |_: &Value| ()).unwrap();
        let mut headers = HeaderMap::new();
        let mut key = HeaderValue::from_static("Bearer sk-planted");
        key.set_sensitive(true);
        headers.insert("authorization", key);
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("x-simlab-user", HeaderValue::from_static("u1"));
        headers.insert("idempotency-key", HeaderValue::from_static("k1"));
        let of = |path: &str| {
            let address = format!("http://127.0.0.1:1{path}");
            let request =
                shown.shown(&Post { address, headers: HeaderMap::new(), body: Vec::new() });
            request["url"].as_str().unwrap().to_owned()
        };
        // What follows an address may begin like another provider's.
        assert_eq!(of("/v1/messages"), "https://api.anthropic.com/v1/messages");
        assert_eq!(of("/v1/embeddings"), "https://api.openai.com/v1/embeddings");
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
