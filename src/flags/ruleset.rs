//! Flags and segments as a server-side SDK receives them.
//!
//! Guarantees: ordered maps of the exact JSON that the streaming and polling endpoints carry; two
//! rulesets can be compared to say what an open stream has to be told.
//!
//! Does not know: where the flags come from (the mock or the real service), or how they are
//! evaluated.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// All flags and segments of one environment, by key.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Ruleset {
    /// Flags; an AI config is a flag whose variations are JSON objects.
    pub flags: BTreeMap<String, Value>,
    /// Segments.
    pub segments: BTreeMap<String, Value>,
}

/// What one message of the stream says.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The item at this path is now so.
    Patch {
        /// `/flags/<key>` or `/segments/<key>`.
        path: String,
        /// The whole item.
        data: Value,
    },
    /// The item at this path is gone.
    Delete {
        /// `/flags/<key>` or `/segments/<key>`.
        path: String,
        /// A version above the item's last one.
        version: u64,
    },
}

impl Ruleset {
    /// The body of a poll: `{"flags": …, "segments": …}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "flags": self.flags, "segments": self.segments })
    }

    /// What has to be told to a stream that knows `old`. Segments come first, so that no flag
    /// refers to what is unknown.
    #[must_use]
    pub fn changes_since(&self, old: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        difference("/segments/", &old.segments, &self.segments, &mut changes);
        difference("/flags/", &old.flags, &self.flags, &mut changes);
        changes
    }
}

fn difference(
    folder: &str,
    old: &BTreeMap<String, Value>,
    new: &BTreeMap<String, Value>,
    changes: &mut Vec<Change>,
) {
    for (key, data) in new {
        if old.get(key) != Some(data) {
            changes.push(Change::Patch { path: format!("{folder}{key}"), data: data.clone() });
        }
    }
    for (key, data) in old {
        if !new.contains_key(key) {
            let version = data["version"].as_u64().unwrap_or(0).saturating_add(1);
            changes.push(Change::Delete { path: format!("{folder}{key}"), version });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_told_only_what_changed() {
        let item = |version: u64| json!({ "version": version });
        let old = Ruleset {
            flags: [("a".into(), item(1)), ("b".into(), item(4))].into(),
            segments: [("s".into(), item(1))].into(),
        };
        let new = Ruleset {
            flags: [("a".into(), item(2))].into(),
            segments: [("s".into(), item(1)), ("t".into(), item(1))].into(),
        };
        assert_eq!(
            new.changes_since(&old),
            [
                Change::Patch { path: "/segments/t".into(), data: item(1) },
                Change::Patch { path: "/flags/a".into(), data: item(2) },
                Change::Delete { path: "/flags/b".into(), version: 5 },
            ]
        );
        assert!(new.changes_since(&new.clone()).is_empty());
    }
}
