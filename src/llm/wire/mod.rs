//! The providers' wire formats, written once: the live client speaks them as its peer's language, `serve` as its own.
//! Bytes and JSON to domain and back; no sockets.

mod body;
mod raw;
mod moment;
pub mod head;
pub mod limits;
pub mod retry;
pub mod sse;
pub mod anthropic;
