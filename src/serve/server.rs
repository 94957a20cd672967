//! The socket, the routes and the end.
//!
//! Promises: it listens on loopback; an idle connection is kept for as long as clients are given to be idle; when told to stop it takes no new connection, ends open streams, and finishes what it has begun.
//!
//! Does not know: what any route answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get, post};
use tokio::net::TcpListener;

use crate::serve::world::World;
use crate::serve::{chat, connections, control, events, faults_control, rest, stream};

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
        connections::raise_limit();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, world: Arc::new(world) })
    }

    /// What it serves; it outlives the server.
    #[must_use]
    pub fn world(&self) -> Arc<World> {
        Arc::clone(&self.world)
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
        let Self { listener, world, .. } = self;
        let (stops, mut told_to_stop) = (world.stops(), world.stops());
        let patience = world.settings.patience;
        let stopping = Arc::clone(&world);
        tokio::spawn(async move {
            told.await;
            stopping.stop();
        });
        tokio::select! {
            () = connections::serve(listener, routes(world), patience, stops) => {}
            () = async {
                let _ = told_to_stop.wait_for(|stops| *stops).await;
                tokio::time::sleep(DRAIN).await;
            } => {}
        }
        Ok(())
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
