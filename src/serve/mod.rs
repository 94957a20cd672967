//! The mocks over HTTP: LaunchDarkly for SDKs and the REST interface, the chat providers, and
//! simlab's own pages.
//!
//! A thin shell: what is answered comes from `flags`, `llm` and `metrics`, the same code that `run`
//! uses. This is the only room that opens a socket.
//!
//! Guarantees: loopback only; no request, however malformed, ends the process; a body is never held
//! beyond its limit.
//!
//! Does not know: the command line.

mod answers;
mod answers_control;
mod arrivals;
mod background;
mod batch_files;
mod batch_inline;
mod batch_request;
mod batch_store;
mod batches;
mod byte_bounded_map;
mod asked;
mod chat;
mod config_usage;
mod client_side;
mod by_path;
mod connections;
mod cors;
mod door;
mod control;
mod events;
mod faults;
mod faults_answer;
mod faults_control;
mod faults_gate;
mod grade;
mod guard;
mod handoffs;
mod recent_chats;
mod http;
mod invent;
mod response_store;
mod ledger;
mod listed_texts;
mod mcp;
mod mcp_http;
mod models;
mod moderations;
mod page;
mod page_server;
mod generational_map;
mod recorder;
mod recorder_gate;
mod request_keys;
mod rest;
mod results;
mod routes;
mod said_before;
mod scripted;
mod sense;
mod served_tools;
mod server;
mod state;
mod stream;

mod unserved;
mod unversioned;
mod vectors;
mod responder;
mod responses;
mod response_requests;
mod world;

pub use answers::Answers;
pub(crate) use background::serve_with;
pub use background::{Serving, serve};
pub use control::last_report;
pub use door::Door;
pub(crate) use grade::Finding;
pub use mcp::{ToolClock, ToolMemory, ToolServer, ToolServerReply, service_name, tool_named};
pub use page_server::{PageHandler, PageReply, PageRequest, PageServer};
pub use recorder::Recorder;
pub use server::Server;
pub use state::State;
pub(crate) use world::Settings as ServeSettings;
pub use world::{AcceptedKeys, Repeat, Settings, World};
