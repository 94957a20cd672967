//! A chat model: the seam, a mock, and the providers' wire formats.

pub mod profile;
pub mod setup;
pub mod chat;
pub mod wire;
