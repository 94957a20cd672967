//! Pages of simlab's own on loopback, for a room that knows what they say.
//!
//! Guarantees: only this machine is answered, and no page of another origin; each answer is made on
//! a thread that may take its time, a few at once; a page runs only scripts of its own and loads
//! nothing from elsewhere.
//!
//! Does not know: what any page says.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::serve::connections;
use crate::serve::guard::HostGuard;
use crate::serve::http::{bytes_of, discard, parameters, set};
use crate::time::Duration;

/// Answers that are made at once; others wait, unless their client leaves.
const AT_ONCE: usize = 4;
/// Longest query, in bytes.
const MAX_QUERY: usize = 16 << 10;
/// How long a connection may stay idle.
const PATIENCE: Duration = Duration::from_us(120_000_000);
/// Text for people.
const TEXT: &str = "text/plain; charset=utf-8";

/// What goes with every answer.
const HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The path, as it was sent.
    pub path: String,
    /// The decoded parameters of the query, in their order.
    pub parameters: Vec<(String, String)>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageReply {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: &'static str,
    /// The name under which a browser saves it instead of showing it.
    pub file: Option<String>,
    /// The body.
    pub body: String,
}

/// Answers requests.
pub type PageHandler = dyn Fn(&PageRequest) -> PageReply + Send + Sync;

/// A server of pages that listens.
#[derive(Debug)]
pub struct PageServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl PageServer {
    /// Listens on loopback at `port`; 0 is any free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `told` is done. What is under way then is not waited for: a page can be asked for
    /// again.
    pub async fn run(self, pages: Arc<PageHandler>, told: impl Future<Output = ()>) {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let answers =
            move |request: Request| answer(Arc::clone(&pages), Arc::clone(&permits), request);
        let routes = Router::new().fallback(answers);
        let (_stop, stops) = watch::channel(false);
        tokio::select! {
            () = connections::serve(self.listener, routes, HostGuard::of_pages(), PATIENCE, stops) => {}
            () = told => {}
        }
    }
}

async fn answer(pages: Arc<PageHandler>, permits: Arc<Semaphore>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    discard(body).await;
    if ![Method::GET, Method::HEAD].contains(&head.method) {
        return response(text(405, "expected a GET request"));
    }
    let query = head.uri.query().unwrap_or_default();
    if query.len() > MAX_QUERY {
        return response(text(414, "the query is too long; expected at most 16 KiB"));
    }
    let Some(parameters) = parameters(query) else {
        return response(text(400, "the query is not percent-encoded UTF-8 text"));
    };
    let request = PageRequest { path: head.uri.path().to_owned(), parameters };
    let Ok(permit) = permits.acquire_owned().await else {
        return response(text(503, "the server is stopping"));
    };
    let made = tokio::task::spawn_blocking(move || {
        let reply = pages(&request);
        drop(permit);
        reply
    });
    let failed = |_| text(500, "this page could not be made; simlab goes on with others");
    response(made.await.unwrap_or_else(failed))
}

fn text(status: u16, body: &str) -> PageReply {
    PageReply { status, content_type: TEXT, file: None, body: format!("{body}\n") }
}

fn response(reply: PageReply) -> Response {
    let mut response = bytes_of(reply.status, reply.content_type, Body::from(reply.body));
    for (name, value) in HEADERS {
        set(&mut response, name, value);
    }
    if let Some(file) = reply.file {
        // A name that a header and a disk can take.
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        let file: String = file.chars().map(plain).collect();
        set(&mut response, "content-disposition", &format!("attachment; filename=\"{file}\""));
    }
    response
}
