//! Fuzz targets for every decoder and every file: whatever the input, an answer or an error in
//! words; no panic, no endless work, and no more memory than the input justifies.
//!
//! `cargo test --test fuzz` makes a short pass. A long one takes as many seconds for each target as
//! are asked for:
//!
//! ```text
//! SIMLAB_FUZZ_SECONDS=600 cargo test --test fuzz              # every target
//! SIMLAB_FUZZ_SECONDS=600 cargo test --test fuzz scenario     # one of them
//! SIMLAB_FUZZ_SEED=7                                          # other inputs
//! ```
//!
//! An input that breaks a rule is written to `target/fuzz/` and named in the message.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what cannot go on here shall stop loudly"
)]

mod decoders;
mod files;
mod harness;
mod mutate;
mod server;

/// Counts what is allocated.
#[global_allocator]
static MEMORY: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;
