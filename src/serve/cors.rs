//! Requests of web pages to another origin than their own: what a browser wants to know before it
//! sends one, and before it shows a page the answer.
//!
//! Guarantees: any page may use the mocks, which hold no secrets; none the control pages. An answer
//! to somebody who is no browser has no header more.
//!
//! Does not know: what is asked.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::serve::http::set;

/// For how long a browser may remember what it may send, in seconds.
const MAX_AGE: &str = "7200";

/// Lets a request through, and says that a page may read the answer.
pub async fn through(request: Request, next: Next) -> Response {
    let control = request.uri().path().starts_with("/_simlab");
    if control || !request.headers().contains_key("origin") {
        return next.run(request).await;
    }
    let answer = match before(request.method(), request.headers()) {
        Some(answer) => answer,
        None => next.run(request).await,
    };
    opened(answer)
}

/// The answer to a browser that asks what it may send.
fn before(method: &Method, sent: &HeaderMap) -> Option<Response> {
    let wanted = sent.get("access-control-request-method")?;
    if *method != Method::OPTIONS {
        return None;
    }
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert("access-control-allow-methods", wanted.clone());
    if let Some(names) = sent.get("access-control-request-headers") {
        headers.insert("access-control-allow-headers", names.clone());
    }
    if sent.contains_key("access-control-request-private-network") {
        set(&mut response, "access-control-allow-private-network", "true");
    }
    set(&mut response, "access-control-max-age", MAX_AGE);
    Some(response)
}

/// An answer that any page may read, with all of its headers.
fn opened(mut response: Response) -> Response {
    set(&mut response, "access-control-allow-origin", "*");
    set(&mut response, "access-control-expose-headers", "*");
    response
}
