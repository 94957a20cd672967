//! The ids of events: which came before, and whether it was the same event.
//!
//! Memory: 20 bytes and a tree's overhead for each id.
//!
//! Does not know: rows.

use std::collections::BTreeMap;

use super::conclude::warning;
use crate::analysis::{HealthCheck, HealthStatus};
use crate::figure;

/// The ids so far, each with a digest of what its event says.
#[derive(Default)]
pub(super) struct EventIds {
    seen: BTreeMap<u128, u32>,
    /// Events whose id came before with other content, and the line of the first.
    other: u64,
    first: Option<u64>,
}

impl EventIds {
    /// Takes the id of an event; whether it is new.
    pub fn insert(&mut self, id: &str, content: &[&[u8]], line: u64) -> bool {
        let mut own = xxhash_rust::xxh3::Xxh3::new();
        for part in content {
            own.update(&(part.len() as u64).to_le_bytes());
            own.update(part);
        }
        let own = own.digest() as u32;
        match self.seen.entry(xxhash_rust::xxh3::xxh3_128(id.as_bytes())) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(own);
                true
            }
            std::collections::btree_map::Entry::Occupied(first) => {
                if *first.get() != own {
                    self.other += 1;
                    self.first.get_or_insert(line);
                }
                false
            }
        }
    }

    /// The check of ids that different events have: an error above 1% of the events, because then
    /// the column is no id of events.
    pub fn check(&self, shown: &str) -> Option<HealthCheck> {
        let line = self.first?;
        let mut check = warning(
            "duplicate_ids",
            format!(
                "{} events of `{shown}` have the id of another event but differ from it in user, name, time or value; the first is in \
                 line {line}. Of each id the first event counts: is the column an id of events? `--columns id=COLUMN` names another",
                figure::count(self.other)
            ),
        );
        if self.other * 100 > self.seen.len() as u64 {
            check.status = HealthStatus::Error;
        }
        Some(check)
    }
}
