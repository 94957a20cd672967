//! The socket, the routes and the end.
//!
//! Promises: it listens on loopback; an idle connection is kept for as long as clients are given to
//! be idle; when told to stop it takes no new connection, ends open streams, and finishes what it
//! has begun.
//!
//! Does not know: what any route answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get, post};
use tokio::net::TcpListener;

use crate::serve::guard::Guard;
use crate::serve::world::World;
use crate::serve::{chat, connections, control, events, faults_control, rest, stream};

/// How long what has begun may take after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    /// A port each for those who want it.
    split: Vec<(Door, TcpListener, SocketAddr)>,
    world: Arc<World>,
    guard: Guard,
}

/// Somebody who may have a port of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// LaunchDarkly: REST, streams and events.
    LaunchDarkly,
    /// Anthropic, at `/v1/messages`.
    Anthropic,
    /// OpenAI, under `/v1`.
    OpenAi,
    /// Mistral, under `/v1`.
    Mistral,
}

impl Door {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::LaunchDarkly, Self::Anthropic, Self::OpenAi, Self::Mistral];

    /// Its name in the first line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LaunchDarkly => "launchdarkly",
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Mistral => "mistral",
        }
    }
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
        Ok(Self {
            listener,
            address,
            split: Vec::new(),
            world: Arc::new(world),
            guard: Guard::default(),
        })
    }

    /// Listens on a free port for each of the doors, too.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn split(mut self) -> io::Result<Self> {
        for door in Door::ALL {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = listener.local_addr()?;
            self.split.push((door, listener, address));
        }
        Ok(self)
    }

    /// Answers requests that address these host names, too.
    #[must_use]
    pub fn allow_hosts(mut self, names: &[String]) -> Self {
        self.guard = Guard::new(names);
        self
    }

    /// The doors with a port of their own.
    pub fn doors(&self) -> impl Iterator<Item = (Door, SocketAddr)> {
        self.split.iter().map(|(door, _, address)| (*door, *address))
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
        let Self { listener, split, world, guard, .. } = self;
        let (stops, mut told_to_stop) = (world.stops(), world.stops());
        let patience = world.settings.patience;
        let stopping = Arc::clone(&world);
        tokio::spawn(async move {
            told.await;
            stopping.stop();
        });
        let mut doors = tokio::task::JoinSet::new();
        for (door, listener, _) in split {
            doors.spawn(connections::serve(
                listener,
                door_routes(door, Arc::clone(&world)),
                guard.clone(),
                patience,
                world.stops(),
            ));
        }
        let all = async {
            connections::serve(listener, routes(world), guard, patience, stops).await;
            while doors.join_next().await.is_some() {}
        };
        tokio::select! {
            () = all => {}
            () = async {
                let _ = told_to_stop.wait_for(|stops| *stops).await;
                tokio::time::sleep(DRAIN).await;
            } => {}
        }
        Ok(())
    }
}

/// Who answers what behind a door.
fn door_routes(door: Door, world: Arc<World>) -> Router {
    let routes = match door {
        Door::LaunchDarkly => Router::new()
            .route("/api/v2/{*path}", any(rest::answer))
            .route("/all", get(stream::all))
            .route("/sdk/latest-all", get(stream::latest_all))
            .route("/bulk", post(events::bulk))
            .route("/diagnostic", post(events::diagnostic)),
        Door::Anthropic => Router::new()
            .route("/v1/messages", post(chat::anthropic))
            .route("/v1/models", get(chat::list))
            .route("/v1/models/{id}", get(chat::one)),
        Door::OpenAi => Router::new()
            .route("/v1/chat/completions", post(chat::openai))
            .route("/v1/embeddings", post(chat::openai_embeddings))
            .route("/v1/models", get(chat::list))
            .route("/v1/models/{id}", get(chat::one)),
        Door::Mistral => Router::new()
            .route("/v1/chat/completions", post(chat::mistral))
            .route("/v1/embeddings", post(chat::mistral_embeddings))
            .route("/v1/models", get(chat::mistral_list)),
    };
    routes.method_not_allowed_fallback(rest::wrong_method).fallback(rest::unknown).with_state(world)
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
        .route("/_simlab/transcript", get(control::transcript))
        .route("/_simlab/report", get(control::report))
        .route("/_simlab/metrics", get(control::metrics))
        .route(
            "/_simlab/faults",
            get(faults_control::list)
                .post(faults_control::add)
                .put(faults_control::replace)
                .delete(faults_control::clear),
        )
        .route("/_simlab/reset", post(control::reset))
        .method_not_allowed_fallback(rest::wrong_method)
        .fallback(rest::unknown)
        .with_state(world)
}
