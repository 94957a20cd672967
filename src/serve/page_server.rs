//! Pages of simlab's own, for a room that knows what they say: on loopback, or on the network where
//! somebody asks for that.
//!
//! Guarantees: no page of another origin is answered; each answer is made on a thread that may take
//! its time, a few at once; what is sent is bounded; a page runs only scripts of its own and loads
//! nothing from elsewhere.
//!
//! Does not know: what any page says.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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
use crate::serve::http::{BodyError, bytes_of, discard, parameters, read_body, set};
use crate::time::Duration;

/// Answers that are made at once; others wait, unless their client leaves.
const AT_ONCE: usize = 4;
/// Longest query, in bytes.
const MAX_QUERY: usize = 16 << 10;
/// Longest body, in bytes.
const MAX_BODY: usize = 4 << 10;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// The path, as it was sent.
    pub path: String,
    /// The decoded parameters of the query, in their order.
    pub parameters: Vec<(String, String)>,
    /// The body of a POST; `None` for a request that only reads.
    pub posted: Option<String>,
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
    guard: HostGuard,
}

impl PageServer {
    /// Listens on loopback at `port`; 0 is any free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, guard: HostGuard::of_pages() })
    }

    /// Listens on an address of the network, and answers whoever asks for it by number or by one of
    /// these names.
    ///
    /// # Errors
    /// When this machine does not have the address, or the port is taken.
    pub async fn bind_on_network(address: SocketAddr, names: &[String]) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, guard: HostGuard::of_network_pages(names) })
    }

    /// Where others reach it: its own address, or all addresses of this machine where it listens on
    /// all of them.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        if !self.address.ip().is_unspecified() {
            return vec![self.address];
        }
        let only_v4 = self.address.is_ipv4();
        let all = if_addrs::get_if_addrs().unwrap_or_default();
        let mut found: Vec<IpAddr> = all
            .into_iter()
            .filter(|own| !own.is_loopback() && !own.is_link_local())
            .map(|own| own.ip())
            .filter(|own| own.is_ipv4() || !only_v4)
            .collect();
        // Homes and offices have the first two kinds, containers of this machine often the others.
        let rank = |own: &IpAddr| match own {
            IpAddr::V4(own) if own.octets().starts_with(&[192, 168]) => 0,
            IpAddr::V4(own) if own.octets().starts_with(&[10]) => 1,
            IpAddr::V4(_) => 2,
            IpAddr::V6(_) => 3,
        };
        found.sort_by_key(|own| (rank(own), *own));
        found.dedup();
        found.into_iter().map(|own| SocketAddr::new(own, self.address.port())).collect()
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
            () = connections::serve(self.listener, routes, self.guard, PATIENCE, stops) => {}
            () = told => {}
        }
    }
}

async fn answer(pages: Arc<PageHandler>, permits: Arc<Semaphore>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let posted = if head.method == Method::POST {
        match posted(body).await {
            Ok(posted) => Some(posted),
            Err(reply) => return response(reply),
        }
    } else {
        discard(body).await;
        None
    };
    if ![Method::GET, Method::HEAD, Method::POST].contains(&head.method) {
        return response(text(405, "expected a GET or a POST request"));
    }
    let query = head.uri.query().unwrap_or_default();
    if query.len() > MAX_QUERY {
        return response(text(414, "the query is too long; expected at most 16 KiB"));
    }
    let Some(parameters) = parameters(query) else {
        return response(text(400, "the query is not percent-encoded UTF-8 text"));
    };
    let request = PageRequest { path: head.uri.path().to_owned(), parameters, posted };
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

/// The body of a POST.
async fn posted(body: Body) -> Result<String, PageReply> {
    let read = read_body(body, MAX_BODY).await.map_err(|error| match error {
        BodyError::TooLarge => text(413, "the body is too long; expected at most 4 KiB"),
        BodyError::Unreadable => text(400, "the body could not be read"),
        BodyError::TooSlow => text(408, "the body did not arrive in time"),
    })?;
    String::from_utf8(read).map_err(|_| text(400, "the body is not UTF-8 text"))
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
