//! A LaunchDarkly that remembers every payload, is out now and then, and loses its
//! acknowledgements; and an SDK in front of it whose memory ends with the process. Payloads go
//! through the courier of live runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use launchdarkly_sdk_transport::{
    ByteStream, HttpTransport, Request, Response, ResponseFuture, TransportError,
};
use serde_json::{Value, json};
use simlab::flags::compiled::Compiled;
use simlab::journal::Entry;
use simlab::live::Flags;
use simlab::live::environment::{FlagAccess, Secret};
use simlab::live::launchdarkly::Courier;
use simlab::live::recording::Assigned;

use super::world::{Planted, Step, World};

/// The network between the courier and LaunchDarkly.
#[derive(Clone, Debug)]
struct Wire(Arc<World>);

impl Wire {
    /// LaunchDarkly takes a payload; under an id that it knows it counts nothing again.
    fn take(&self, id: &str, events: Vec<Value>) {
        let mut inner = self.0.inner();
        let known = inner.taken.get(id).is_none_or(|known| *known == events);
        inner.taken.entry(id.to_owned()).or_insert(events);
        drop(inner);
        self.0.hold(known, || format!("other events under the payload id {id}"));
    }

    async fn answer(
        self,
        request: Request<Option<Bytes>>,
    ) -> Result<Response<ByteStream>, TransportError> {
        let world = &self.0;
        let id = request.headers()["x-launchdarkly-payload-id"].to_str().unwrap().to_owned();
        let events: Vec<Value> = serde_json::from_slice(request.body().as_ref().unwrap()).unwrap();
        let step = world.step();
        let arrives = step == Step::Alive || (step == Step::Dying && world.below(2) == 0);
        let out = world.is_out();
        let fails = world.strikes(world.faults.events) || out;
        let kind = world.below(if out { 3 } else { 6 });
        let closed =
            || Err(TransportError::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
        tokio::time::sleep(Duration::from_millis(world.below(150))).await;
        if arrives && !(fails && kind < 3) {
            self.take(&id, events.clone());
            // A network may bring it twice.
            if kind == 5 {
                self.take(&id, events);
            }
        }
        tokio::time::sleep(Duration::from_millis(world.below(150))).await;
        if step != Step::Alive || world.step() != Step::Alive {
            return closed();
        }
        let mut response = Response::builder().status(202);
        if fails {
            world.inner().tally.event_faults += 1;
            response = match kind {
                0 | 3 => return closed(),
                1 => Response::builder()
                    .status(429)
                    .header("retry-after", world.below(100).to_string()),
                // Its answer never comes.
                4 => std::future::pending().await,
                _ => Response::builder().status(503),
            };
        }
        let body: ByteStream = Box::pin(futures_util::stream::empty());
        response.body(body).map_err(TransportError::new)
    }
}

impl HttpTransport for Wire {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        Box::pin(self.clone().answer(request))
    }
}

/// The SDK of one process.
#[derive(Debug)]
pub struct Sdk<'a> {
    flags: &'a Compiled,
    world: Arc<World>,
    courier: Courier,
    /// Events of users that nobody has collected.
    held: RefCell<BTreeMap<String, Vec<Value>>>,
}

impl<'a> Sdk<'a> {
    pub fn new(flags: &'a Compiled, world: &Arc<World>) -> Self {
        let base = Some("http://127.0.0.1:1".to_owned());
        let access = FlagAccess {
            sdk_key: Secret::new("sdk-key-of-the-simulation"),
            api_key: Secret::new(""),
            base,
        };
        let courier = Courier::over(&access, Wire(Arc::clone(world))).unwrap();
        Self { flags, world: Arc::clone(world), courier, held: RefCell::default() }
    }

    fn hold(&self, key: &str, event: Value) {
        self.held.borrow_mut().entry(key.to_owned()).or_default().push(event);
    }
}

impl Flags for Sdk<'_> {
    fn assign(&self, key: &str, group: u16) -> Result<Vec<Assigned>, String> {
        Ok((0..self.flags.configs())
            .map(|config| {
                let evaluation = self.flags.evaluate(config, usize::from(group), key);
                self.hold(
                    key,
                    json!({ "kind": "feature", "user": key, "at": self.world.true_ms() }),
                );
                Assigned {
                    variation: evaluation.variation.map(|at| at as u8),
                    in_experiment: evaluation.in_experiment,
                }
            })
            .collect())
    }

    fn track(&self, key: &str, _group: u16, entries: &[Entry]) {
        self.hold(key, json!({ "kind": "custom", "user": key, "entries": entries.len() }));
    }

    async fn collect(&self, keys: &[String]) -> Result<Vec<Vec<Value>>, String> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if self.world.strikes(self.world.faults.events * 20) {
            self.world.inner().tally.event_faults += 1;
            return Err("the SDK dropped the others".to_owned());
        }
        if self.world.planted == Some(Planted::EventsAreDropped) {
            keys.iter()
                .for_each(|key| self.held.borrow_mut().entry(key.clone()).or_default().truncate(2));
        }
        Ok(keys.iter().map(|key| self.held.borrow_mut().remove(key).unwrap_or_default()).collect())
    }

    async fn send(&self, id: &str, events: &[Value]) -> Result<(), String> {
        let sent = match self.world.planted {
            Some(Planted::OtherIdOnRetry) => {
                self.courier.send(&format!("{id}-{}", self.world.below(u64::MAX)), events).await
            }
            _ => self.courier.send(id, events).await,
        };
        if self.world.planted == Some(Planted::RefusalIsUnseen) { Ok(()) } else { sent }
    }
}
