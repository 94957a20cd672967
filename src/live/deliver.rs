//! Sends users' events: each user's in one payload, written down before it is sent and again when
//! it was taken.
//!
//! Guarantees: a user's events are sent whole or not at all, under one payload id that follows from
//! the run and the user. What was not taken stays in the journal, and is sent first when the run
//! goes on.
//!
//! Does not know: what an event means.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::sync::Notify;

use crate::live::launchdarkly::payload_id;
use crate::live::recording::{Payload, RecordedLine, Run};
use crate::live::session::{Flags, Session};

/// Payloads on their way at the same time.
const AT_ONCE: usize = 8;
/// Largest payload when it is unpacked, in bytes.
const MAX_BYTES: u64 = 64 << 20;

impl Payload {
    /// A user's events, ready to be written down.
    ///
    /// # Errors
    /// One sentence, when they cannot be packed.
    pub fn new(run: &Run, user: u32, events: &[Value]) -> Result<Self, String> {
        let id = payload_id(&format!(
            "{} {} {} events of {user}",
            run.began_ms, run.key_epoch, run.seed
        ));
        let failed = |error: &dyn std::fmt::Display| format!("events cannot be packed: {error}");
        let json = serde_json::to_vec(events).map_err(|error| failed(&error))?;
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = packer
            .write_all(&json)
            .and_then(|()| packer.finish())
            .map_err(|error| failed(&error))?;
        Ok(Self {
            user,
            id,
            events: u32::try_from(events.len()).unwrap_or(u32::MAX),
            packed: STANDARD.encode(packed),
        })
    }

    /// The events.
    ///
    /// # Errors
    /// One sentence, when they cannot be unpacked.
    pub fn unpacked(&self) -> Result<Vec<Value>, String> {
        let failed = |error: &dyn std::fmt::Display| {
            format!("the events of user {} cannot be unpacked: {error}", self.user)
        };
        let packed = STANDARD.decode(&self.packed).map_err(|error| failed(&error))?;
        let mut json = Vec::new();
        GzDecoder::new(packed.as_slice())
            .take(MAX_BYTES)
            .read_to_end(&mut json)
            .map_err(|error| failed(&error))?;
        serde_json::from_slice(&json).map_err(|error| failed(&error))
    }
}

/// Users whose visits are over and whose events are to be sent.
#[derive(Debug, Default)]
pub struct Outgoing {
    users: RefCell<Vec<u32>>,
    /// Events that were written down by this process and are not sent yet, so that they need not be
    /// unpacked again.
    fresh: RefCell<BTreeMap<u32, Vec<Value>>>,
    over: Cell<bool>,
    changed: Notify,
    /// Why events did not arrive, if they did not.
    why: RefCell<Option<String>>,
    /// Why events could not be written down; they cannot arrive before the run is taken up again.
    unwritten: RefCell<Option<String>>,
}

impl Outgoing {
    /// A user's visit is over.
    pub fn hand(&self, user: u32) {
        self.users.borrow_mut().push(user);
        self.changed.notify_one();
    }

    /// No more users come.
    pub fn close(&self) {
        self.over.set(true);
        self.changed.notify_one();
    }

    /// Why events did not arrive, if they did not.
    pub fn why(self) -> Option<String> {
        self.unwritten.into_inner().or(self.why.into_inner())
    }

    /// Sends what is pending, then the users' events as they come, until no more come.
    pub async fn deliver<F: Flags>(&self, session: &Session<'_, F>) {
        let Some(world) = &session.world else { return };
        self.send(session, &world.flags).await;
        loop {
            let over = self.over.get();
            let users = self.users.take();
            if !users.is_empty() {
                if self.write(session, &world.flags, &users).await {
                    self.send(session, &world.flags).await;
                }
            } else if over {
                return;
            } else {
                self.changed.notified().await;
            }
        }
    }

    /// Writes the events of these users down; whether all that is pending is on the disk.
    async fn write<F: Flags>(&self, session: &Session<'_, F>, flags: &F, users: &[u32]) -> bool {
        let keys: Vec<String> = users.iter().map(|user| session.key(*user)).collect();
        let events = match flags.collect(&keys).await {
            Ok(events) => events,
            Err(sentence) => {
                first(&self.unwritten, sentence);
                return true;
            }
        };
        for (user, events) in users.iter().zip(events) {
            match Payload::new(&session.run, *user, &events) {
                Ok(payload) => {
                    // What cannot be written down is not sent.
                    if !session.write(RecordedLine::Payload(payload)) {
                        return false;
                    }
                    self.fresh.borrow_mut().insert(*user, events);
                }
                Err(sentence) => first(&self.unwritten, sentence),
            }
        }
        session.durable().await
    }

    /// Sends what is pending. After one that is not taken, the others wait for the next time.
    async fn send<F: Flags>(&self, session: &Session<'_, F>, flags: &F) {
        let pending: Vec<Payload> = session.recording.borrow().pending.values().cloned().collect();
        let down = Cell::new(false);
        let one = async |payload: Payload| {
            if down.get() {
                return;
            }
            let fresh = self.fresh.borrow_mut().remove(&payload.user);
            let sent = match fresh.map_or_else(|| payload.unpacked(), Ok) {
                Ok(events) => flags.send(&payload.id, &events).await,
                Err(sentence) => Err(sentence),
            };
            match sent {
                // If this cannot be written, it is sent again when the run goes on, under the same
                // id.
                Ok(()) if session.write(RecordedLine::Sent { users: vec![payload.user] }) => {}
                Ok(()) => down.set(true),
                Err(sentence) => {
                    down.set(true);
                    self.failed(sentence);
                }
            }
        };
        futures_util::stream::iter(pending).for_each_concurrent(AT_ONCE, one).await;
        if !down.get() && session.recording.borrow().pending.is_empty() {
            // All is well again.
            self.why.take();
        }
    }

    fn failed(&self, sentence: String) {
        first(&self.why, sentence);
    }
}

/// Keeps the first reason.
fn first(reason: &RefCell<Option<String>>, sentence: String) {
    reason.borrow_mut().get_or_insert(sentence);
}
