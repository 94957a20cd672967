//! Which cryptography the live clients use.
//!
//! Guarantees: it may be called as often as anybody likes.
//!
//! Does not know: who is spoken to.

/// Chooses ring for all of this process; to be called before any client is built. The crates that
/// speak TLS come without a choice of their own, and would refuse to work.
pub fn prepare() {
    // Somebody who was here before us chose, too: that is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
