//! Who is asked about: a user key and its attributes.
//!
//! Guarantees: attributes are ordered, so a context has one text. A context of the simulator is a
//! key plus an *attribute set* that many users share.
//!
//! Does not know: flags, or how often anybody comes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::random::Owner;

/// The attributes of a context (country, region, plan, …), as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Attributes(pub BTreeMap<String, String>);

/// The second of the fictional epoch in user keys, as in the wire-format test vectors of the SDKs.
pub const KEY_EPOCH: u32 = 1_760_000_000;

/// The key of the `n`-th simulated user, counted from 1: the tutorial's `user_<epoch second>_<n>`.
#[must_use]
pub fn user_key(n: u32) -> UserKey {
    let digits = n.checked_ilog10().unwrap_or(0) as usize + 1;
    let mut key = UserKey { bytes: *b"user_1760000000_0000000000", len: PREFIX + digits };
    let mut rest = n;
    for place in key.bytes.iter_mut().skip(PREFIX).take(digits).rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

/// Bytes of a simulated user's key before its number.
const PREFIX: usize = 16;

/// A simulated user's key, without allocation.
#[derive(Clone, Copy, Debug)]
pub struct UserKey {
    bytes: [u8; 26],
    len: usize,
}

impl UserKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The owner of this user's luck.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::of(self.as_bytes())
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a number of 32 bits has at most 10 digits, for which there is room"
    )]
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_read_like_the_tutorials() {
        for n in [0, 1, 9, 10, 4_294_967_295] {
            assert_eq!(super::user_key(n).as_str(), format!("user_{}_{n}", super::KEY_EPOCH));
        }
    }
}
