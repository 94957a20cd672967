//! A chat model: the seam, a mock, and the providers' wire formats.

pub mod chat;
pub mod families;
mod identity;
pub mod input;
pub mod mock;
pub mod model;
pub mod profile;
pub mod render;
pub mod setup;
pub mod tasks;
pub mod usage;
pub mod wire;
