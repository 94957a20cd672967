//! The socket and the end.
//!
//! Guarantees: it listens on loopback; an idle connection is kept for as long as clients are given
//! to be idle; when told to stop it takes no new connection, ends open streams, and finishes what
//! it has begun.
//!
//! Does not know: what any route answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::serve::connections;
use crate::serve::door::Door;
use crate::serve::guard::HostGuard;
use crate::serve::routes;
use crate::serve::world::World;

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
    guard: HostGuard,
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
            guard: HostGuard::default(),
        })
    }

    /// Listens on a free port for each of the doors, too.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn split(mut self) -> io::Result<Self> {
        for door in Door::all(self.world.providers()) {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = listener.local_addr()?;
            self.split.push((door, listener, address));
        }
        Ok(self)
    }

    /// Answers requests that address these host names, too.
    #[must_use]
    pub fn allow_hosts(mut self, names: &[String]) -> Self {
        self.guard = HostGuard::new(names);
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
                routes::of_door(door, Arc::clone(&world)),
                guard.clone(),
                patience,
                world.stops(),
            ));
        }
        let all = async {
            connections::serve(listener, routes::all(world), guard, patience, stops).await;
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
