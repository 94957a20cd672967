//! The network of a live run, as one trait: a request goes out, an answer comes back or the
//! connection breaks. The real network is a thin layer over `reqwest`; tests put a simulated one in
//! its place.
//!
//! Guarantees: a broken connection says whether any byte of the request may have reached the other
//! side. Keys never go through a proxy to this machine or over plain HTTP.
//!
//! Does not know: providers, prices, or whether to try again.

use std::error::Error as _;
use std::fmt::Debug;
use std::pin::Pin;

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::live::environment::goes_direct;
use crate::llm::chat::ErrorKind;

/// Time for a connection to be made.
const CONNECT: std::time::Duration = std::time::Duration::from_secs(10);
/// Longest body of an answer, in bytes.
const MAX_BODY: usize = 16 << 20;

/// One POST request.
#[derive(Clone, Debug)]
pub struct Post {
    /// The whole address.
    pub address: String,
    /// The headers, keys included.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers whose values are text.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// A connection that broke before a whole answer was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// [`ErrorKind::Connection`], [`ErrorKind::Cut`], [`ErrorKind::Timeout`] or
    /// [`ErrorKind::Malformed`].
    pub kind: ErrorKind,
    /// Whether the request may have reached the other side. `false` only where no connection was
    /// made.
    pub may_have_arrived: bool,
    /// What happened, without the address (an address may hold a secret).
    pub words: String,
}

/// What [`Net::post`] returns.
pub type Posted<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, Broken>> + 'a>>;

/// A network.
pub trait Net: Debug {
    /// Sends one request and waits for the whole answer. Dropping the future closes the connection.
    fn post(&self, post: Post) -> Posted<'_>;

    /// The wall clock, in milliseconds since 1970; it may jump.
    fn unix_ms(&self) -> u64;
}

/// The real network.
#[derive(Debug)]
pub struct Http {
    /// For this machine: never through a proxy.
    direct: reqwest::Client,
    /// For everywhere else: through the system's proxy, if it has one.
    outside: reqwest::Client,
}

impl Http {
    /// Prepares the clients; nothing is sent.
    ///
    /// # Errors
    /// One sentence, when no HTTP client can be made here.
    pub fn new() -> Result<Self, String> {
        super::tls::prepare();
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(CONNECT)
                .redirect(reqwest::redirect::Policy::none())
                // A retry inside the client would be a second charge that no budget has seen.
                .retry(reqwest::retry::never())
                .user_agent(concat!("simlab/", env!("CARGO_PKG_VERSION")))
        };
        let failed = |error: reqwest::Error| format!("no HTTP client can be made here: {error}");
        Ok(Self {
            direct: builder().no_proxy().build().map_err(failed)?,
            outside: builder().build().map_err(failed)?,
        })
    }

    /// Sends one request and waits for the whole answer, on any thread.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(&self, post: Post) -> Result<HttpResponse, Broken> {
        self.send_as(Method::POST, post).await
    }

    /// Sends one request of this method and waits for the whole answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send_as(&self, method: Method, sent: Post) -> Result<HttpResponse, Broken> {
        let request = self.client(&sent.address).request(method, &sent.address);
        Self::answer(request.headers(sent.headers).body(sent.body)).await
    }

    /// Reads an address.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn get(&self, address: &str, headers: HeaderMap) -> Result<HttpResponse, Broken> {
        Self::answer(self.client(address).get(address).headers(headers)).await
    }

    fn client(&self, address: &str) -> &reqwest::Client {
        if goes_direct(address) { &self.direct } else { &self.outside }
    }

    async fn answer(request: reqwest::RequestBuilder) -> Result<HttpResponse, Broken> {
        let mut answer = request.send().await.map_err(|error| broken(&error, false))?;
        let headers = answer.headers().iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        let (status, headers, mut body) = (answer.status().as_u16(), headers.collect(), Vec::new());
        while let Some(part) = answer.chunk().await.map_err(|error| broken(&error, true))? {
            if body.len() + part.len() > MAX_BODY {
                let words = format!("the answer is larger than {MAX_BODY} bytes");
                return Err(Broken { kind: ErrorKind::Malformed, may_have_arrived: true, words });
            }
            body.extend_from_slice(&part);
        }
        Ok(HttpResponse { status, headers, body })
    }
}

impl Net for Http {
    fn post(&self, post: Post) -> Posted<'_> {
        Box::pin(self.send(post))
    }

    fn unix_ms(&self) -> u64 {
        crate::time::unix_ms()
    }
}

/// What a failure of the client means; `begun` once the head of an answer has come.
fn broken(error: &reqwest::Error, begun: bool) -> Broken {
    let mut words = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words.push(inner.to_string());
        cause = inner.source();
    }
    let kind = match (error.is_timeout(), begun) {
        (true, _) => ErrorKind::Timeout,
        (_, true) => ErrorKind::Cut,
        (_, false) => ErrorKind::Connection,
    };
    let words = if words.is_empty() { "the connection broke".to_owned() } else { words.join(": ") };
    // A builder's error (a bad address or header) is refused here, before anything is sent.
    Broken { kind, may_have_arrived: begun || !(error.is_connect() || error.is_builder()), words }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(address: String) -> Post {
        Post { address, headers: HeaderMap::new(), body: b"{}".to_vec() }
    }

    #[tokio::test]
    async fn only_a_failed_connect_cannot_have_arrived() {
        let http = Http::new().unwrap();
        // Port 1 is nobody's.
        let refused = http.post(post("http://127.0.0.1:1/".to_owned())).await.unwrap_err();
        assert_eq!(
            (refused.kind, refused.may_have_arrived),
            (ErrorKind::Connection, false),
            "{refused:?}"
        );
        // A server that accepts, reads and closes without a word: the request has arrived.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"i"] {
            let closing = async {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                stream.write_all(answer).await.unwrap();
            };
            let (closed, ()) = tokio::join!(http.post(post(address.clone())), closing);
            let closed = closed.unwrap_err();
            let kind = if answer.is_empty() { ErrorKind::Connection } else { ErrorKind::Cut };
            assert_eq!((closed.kind, closed.may_have_arrived), (kind, true), "{closed:?}");
        }
    }
}
