//! `simlab serve` as the one who drives an app sees it: what has arrived, and the report on it.
//!
//! Does not know: the application.

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use serde_json::Value;

use crate::live::net::Http;
use crate::time::{Duration, Stopwatch};

/// A running `simlab serve`.
#[derive(Debug)]
pub struct ServeClient<'a> {
    http: &'a Http,
    address: &'a str,
}

impl<'a> ServeClient<'a> {
    /// The server with this address, without a slash at the end.
    #[must_use]
    pub fn new(http: &'a Http, address: &'a str) -> Self {
        Self { http, address }
    }

    /// One of its pages, in the form that `accept` names.
    ///
    /// # Errors
    /// When it does not answer, or something else does.
    pub async fn get(&self, path: &str, accept: &'static str) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let address = self.address;
        let answer = self.http.get(&[address, path].concat(), headers).await.map_err(|broken| {
            format!("`simlab serve` does not answer at {address}: {}", broken.words)
        })?;
        if answer.status != 200 {
            let status = answer.status;
            return Err(format!(
                "{address} answered {path} with status {status}: it is not `simlab serve`"
            ));
        }
        String::from_utf8(answer.body)
            .map_err(|_| format!("{address} answered {path} with no text"))
    }

    /// How many events have arrived.
    ///
    /// # Errors
    /// When it does not answer, or something else does.
    pub async fn events(&self) -> Result<u64, String> {
        let text = self.get("/_simlab/status", "application/json").await?;
        let status: Value = serde_json::from_str(&text).unwrap_or_default();
        status.get("events").and_then(Value::as_u64).ok_or_else(|| {
            format!("{} is not `simlab serve`: its status has no `events`", self.address)
        })
    }

    /// Waits until no event has come for so long; at most ten times as long.
    ///
    /// # Errors
    /// When it does not answer any more.
    pub async fn settled(&self, quiet: Duration) -> Result<(), String> {
        let (mut events, mut since) = (self.events().await?, Stopwatch::start());
        let whole = Stopwatch::start();
        while since.elapsed() < quiet && whole.elapsed().us() < quiet.us().saturating_mul(10) {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let now = self.events().await?;
            if now != events {
                (events, since) = (now, Stopwatch::start());
            }
        }
        Ok(())
    }
}
