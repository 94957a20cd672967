//! The tools that are served over MCP: what each remembers, and the sessions of their clients.
//!
//! Guarantees: nothing is counted or kept before the first request; sessions are bounded, and what
//! was not used for longest is forgotten first.
//!
//! Does not know: HTTP.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

use crate::agents::{Library, MockTools, Texts};
use crate::random::Seed;
use crate::scenario::Scenario;
use crate::serve::byte_bounded_map::ByteBoundedMap;
use crate::serve::mcp::{ToolClock, ToolMemory, ToolServer, ToolServerReply};
use crate::serve::responder::ChatResponder;

/// Most bytes of sessions: about 10,000 of them.
const MAX_SESSION_BYTES: usize = 4 << 20;

/// A session of a client that began with a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct McpSession {
    /// The tool.
    pub tool: u16,
    /// The version that was agreed on.
    pub version: &'static str,
}

/// The tools of a scenario as they are served.
#[derive(Debug, Default)]
pub struct ServedTools {
    library: OnceLock<Library<'static>>,
    /// Of each tool that was asked.
    memories: Mutex<BTreeMap<u16, (ToolMemory, ToolClock)>>,
    sessions: Mutex<Sessions>,
}

#[derive(Debug)]
struct Sessions {
    open: ByteBoundedMap<String, McpSession>,
    /// How many there were.
    begun: u64,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { open: ByteBoundedMap::new(MAX_SESSION_BYTES), begun: 0 }
    }
}

impl ServedTools {
    /// What a tool says to a message; `refusals` is how often it has refused it. Returns how long
    /// to wait in reality as well.
    pub fn answer(
        &self,
        (scenario, responder, scale): (&'static Scenario, &ChatResponder, f64),
        tool: u16,
        message: &Value,
        refusals: u16,
    ) -> (ToolServerReply, std::time::Duration) {
        let library = self.library.get_or_init(|| {
            Library::new(&scenario.knowledge, &scenario.tools, scenario.judge.answer_characters)
        });
        let texts = Texts { base: &scenario.knowledge, tools: &scenario.tools, library };
        let mock = responder.scenario_mock();
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        let (memory, clock) =
            memories.entry(tool).or_insert_with(|| (ToolMemory::default(), ToolClock::new(scale)));
        if refusals == 0 {
            clock.message();
        }
        let mut server = ToolServer::new(MockTools::new(&mock, library), texts, tool)
            .resumed(std::mem::take(memory));
        let reply = server.answer_message(message, clock.now(), refusals);
        *memory = server.memory();
        let wait = match &reply {
            ToolServerReply::Message(_, time) | ToolServerReply::Again(time) => clock.wait(*time),
            ToolServerReply::Nothing => std::time::Duration::ZERO,
        };
        (reply, wait)
    }

    /// Begins a session and returns its id: the k-th one has the same id after each start.
    pub fn begin(&self, seed: Seed, session: McpSession) -> String {
        let mut sessions = self.sessions();
        let id =
            format!("{:032x}", xxh3_128(format!("mcp {} {}", seed.0, sessions.begun).as_bytes()));
        sessions.begun += 1;
        sessions.open.insert(id.clone(), id.len(), session);
        id
    }

    /// The session of this id.
    #[must_use]
    pub fn session(&self, id: &str) -> Option<McpSession> {
        self.sessions().open.get(id).copied()
    }

    /// Ends a session.
    pub fn end(&self, id: &str) {
        self.sessions().open.remove(id);
    }

    /// Forgets everything.
    pub fn start_over(&self) {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.sessions() = Sessions::default();
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
