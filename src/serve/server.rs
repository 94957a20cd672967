//! The socket, the routes and the end.
//!
//! Promises: it listens on loopback; small writes go out at once; an idle connection is kept for as long as its client
//! likes; when told to stop it takes no new connection, ends open streams, and finishes what it has begun.
//!
//! Does not know: what any route answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::serve::world::World;
use crate::serve::{chat, control, events, faults_control, rest, stream};

/// How long what has begun may take after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    world: Arc<World>,
}

impl Server {
    /// Listens on loopback at `port`; 0 is any free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn bind(world: World, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, world: Arc::new(world) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `told` is done, and then finishes what has begun, for ten seconds at most.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn run(self, told: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let world = Arc::clone(&self.world);
        let mut stops = world.stops();
        let stop = async move {
            told.await;
            world.stop();
        };
        let listener = self.listener.tap_io(|socket| {
            // A socket that cannot be told still works, only slower.
            let _ = socket.set_nodelay(true);
        });
        let served = axum::serve(listener, routes(self.world)).with_graceful_shutdown(stop);
        tokio::select! {
            result = served => result,
            () = async {
                let _ = stops.wait_for(|stops| *stops).await;
                tokio::time::sleep(DRAIN).await;
            } => Ok(()),
        }
    }
}

/// Who answers what.
fn routes(world: Arc<World>) -> Router {
    Router::new()
        .route("/api/v2/{*path}", any(rest::answer))
        .route("/all", get(stream::all))
        .route("/sdk/latest-all", get(stream::latest_all))
        .route("/bulk", post(events::bulk))
        .route("/diagnostic", post(events::diagnostic))
        .route("/v1/messages", post(chat::anthropic))
        .route("/v1/chat/completions", post(chat::openai))
        .route("/v1/embeddings", post(chat::openai_embeddings))
        .route("/v1/models", get(chat::list))
        .route("/v1/models/{id}", get(chat::one))
        .route("/mistral/v1/chat/completions", post(chat::mistral))
        .route("/mistral/v1/embeddings", post(chat::mistral_embeddings))
        .route("/mistral/v1/models", get(chat::mistral_list))
        .route("/_simlab/status", get(control::status))
        .route("/_simlab/events", get(control::events))
        .route("/_simlab/report", get(control::report))
        .route("/_simlab/metrics", get(control::metrics))
        .route(
            "/_simlab/faults",
            get(faults_control::list).post(faults_control::add).put(faults_control::replace).delete(faults_control::clear),
        )
        .route("/_simlab/reset", post(control::reset))
        .method_not_allowed_fallback(rest::wrong_method)
        .fallback(rest::unknown)
        .with_state(world)
}
