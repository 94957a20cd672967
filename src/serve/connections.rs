//! Connections: taken, watched, and ended in order.
//!
//! Guarantees: a request's head, and then its body, have to arrive within the client's patience,
//! and so has the next request of an idle connection; small writes go out at once; a head is never
//! held beyond [`MAX_HEAD`]; when told to stop, what has begun is finished.
//!
//! Does not know: what is asked or answered.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration as Wait;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::serve::{Listener, ListenerExt};
use futures_util::future::{Either, Ready, ready};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::Sleep;

use crate::serve::guard::HostGuard;
use crate::serve::unversioned;
use crate::time::Duration;

/// Most bytes of a request's head.
pub const MAX_HEAD: usize = 64 << 10;

/// A length of time as the runtime wants it.
fn real(time: Duration) -> Wait {
    Wait::from_micros(time.us())
}

/// Serves until `stops` turns true, and then finishes what has begun.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    guard: HostGuard,
    patience: Duration,
    mut stops: watch::Receiver<bool>,
) {
    let mut listener = listener.tap_io(|socket| {
        // A socket that cannot be told still works, only slower.
        let _ = socket.set_nodelay(true);
    });
    // Nothing is ever sent: it ends when the last connection has dropped its end.
    let (open, mut closed) = mpsc::channel::<Infallible>(1);
    let service =
        Timely { routes: TowerToHyperService::new(routes), guard, patience: real(patience) };
    loop {
        let socket = tokio::select! {
            (socket, _) = Listener::accept(&mut listener) => socket,
            _ = stops.wait_for(|stops| *stops) => break,
        };
        let (service, mut stops, open) = (service.clone(), stops.clone(), open.clone());
        tokio::spawn(async move {
            let mut builder = http1::Builder::new();
            builder
                .timer(TokioTimer::new())
                .header_read_timeout(real(patience))
                .max_buf_size(MAX_HEAD);
            let mut connection =
                std::pin::pin!(builder.serve_connection(TokioIo::new(socket), service));
            let done = tokio::select! {
                // A connection that breaks is its client's concern.
                _ = connection.as_mut() => true,
                _ = stops.wait_for(|stops| *stops) => false,
            };
            if !done {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
            drop(open);
        });
    }
    drop(listener);
    drop(open);
    let _ = closed.recv().await;
}

/// Lets as many connections be open as the system allows, within reason: often the limit is lower
/// than it could be.
#[cfg(unix)]
pub fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const ENOUGH: u64 = 10_240;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
    if limit.current.is_some_and(|current| current < wanted) {
        // Where this is refused, fewer connections are served, and none is lost.
        let _ =
            setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    }
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub fn raise_limit() {}

/// The routes behind the guard, each request's body with a time limit.
#[derive(Clone, Debug)]
struct Timely {
    routes: TowerToHyperService<Router>,
    guard: HostGuard,
    patience: Wait,
}

impl Service<Request<Incoming>> for Timely {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<Response, Infallible>>,
        <TowerToHyperService<Router> as Service<Request>>::Future,
    >;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if let Some(refusal) = self.guard.refuse(&request) {
            return Either::Left(ready(Ok(refusal)));
        }
        unversioned::complete(&mut request);
        let patience = self.patience;
        let timed = request.map(|body| {
            if body.is_end_stream() {
                Body::empty()
            } else {
                Body::new(Timed { body, patience, sleep: None })
            }
        });
        Either::Right(self.routes.call(timed))
    }
}

/// The body did not arrive in time.
#[derive(Clone, Copy, Debug)]
pub struct TooSlow;

impl std::fmt::Display for TooSlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body did not arrive in time")
    }
}

impl std::error::Error for TooSlow {}

/// A body with a deadline, which begins with the first wait.
struct Timed {
    body: Incoming,
    patience: Wait,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl hyper::body::Body for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        let patience = self.patience;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        sleep.as_mut().poll(cx).map(|()| Some(Err(axum::Error::new(TooSlow))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
