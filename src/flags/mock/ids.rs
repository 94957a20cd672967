//! Where ids, salts and keys come from.
//!
//! Guarantees: an id, salt or key depends on the account's seed and the resource's path alone,
//! never on what else was created.

use crate::random::{Owner, Purpose, Seed};

/// Where ids, salts and keys come from.
#[derive(Clone, Debug)]
pub struct Identifiers(pub Seed);

impl Identifiers {
    /// `count` hexadecimal digits, at most 32.
    pub fn hex(&self, path: &str, count: usize) -> String {
        let mut stage = self.0.stage(Purpose::Identifier, Owner::of(path.as_bytes()), 0);
        let mut digits = format!("{:016x}{:016x}", stage.bits(), stage.bits());
        digits.truncate(count);
        digits
    }

    /// In the form of a random UUID (version 4, RFC 9562).
    pub fn uuid(&self, path: &str) -> String {
        let mut stage = self.0.stage(Purpose::Identifier, Owner::of(path.as_bytes()), 1);
        let (high, low) = (stage.bits(), stage.bits());
        let third = high & 0x0fff | 0x4000;
        let fourth = low >> 48 & 0x3fff | 0x8000;
        format!(
            "{:08x}-{:04x}-{third:04x}-{fourth:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            low & 0xffff_ffff_ffff
        )
    }

    /// A positive 31-bit seed.
    pub fn seed(&self, path: &str) -> i64 {
        let mut stage = self.0.stage(Purpose::Identifier, Owner::of(path.as_bytes()), 2);
        (stage.bits() >> 33) as i64
    }
}

/// Ids for the parts of one resource, numbered as they are made.
pub struct IdGenerator<'a> {
    ids: &'a Identifiers,
    path: &'a str,
    minted: &'a mut u64,
}

impl<'a> IdGenerator<'a> {
    /// Ids under `path`, the next being number `minted` + 1.
    pub fn new(ids: &'a Identifiers, path: &'a str, minted: &'a mut u64) -> Self {
        Self { ids, path, minted }
    }

    /// A new id.
    pub fn id(&mut self) -> String {
        *self.minted += 1;
        self.ids.uuid(&format!("{}#{}", self.path, self.minted))
    }
}
