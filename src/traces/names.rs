//! Names of the traced application as keys of a scenario.
//!
//! Guarantees: a name with personal data in it, such as a mail address, is never passed on.
//!
//! Does not know: what is named.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::knowledge::{PiiSet, detect_personal_data};

/// Longest key, in letters.
const LONGEST: usize = 60;

/// Keys that were given out, by kind and name.
#[derive(Debug, Default)]
pub(super) struct GivenKeys {
    given: BTreeMap<Arc<str>, String>,
    /// Names that were replaced because of what is in them.
    pub hidden: u64,
}

impl GivenKeys {
    /// The key of a name; the same every time, and one of its own.
    pub(super) fn key(&mut self, name: &Arc<str>, kind: &str) -> String {
        if let Some(key) = self.given.get(name) {
            return key.clone();
        }
        let private = name.contains('@') || detect_personal_data(name) != PiiSet::NONE;
        self.hidden += u64::from(private);
        let base = if private { String::new() } else { slug(name) };
        let base = if base.is_empty() { kind.to_owned() } else { base };
        let taken = |key: &str| self.given.values().any(|own| own == key);
        let mut key = base.clone();
        let mut number = 2;
        while taken(&key) {
            key = format!("{base}-{number}");
            number += 1;
        }
        self.given.insert(name.clone(), key.clone());
        key
    }
}

/// Letters, digits, `.`, `_` and `-`; the first one is a letter or a digit.
fn slug(name: &str) -> String {
    let mut key = String::new();
    for c in name.trim().chars().take(LONGEST) {
        match c {
            c if c.is_ascii_alphanumeric() || "._-".contains(c) => key.push(c),
            _ if key.ends_with('-') => {}
            _ => key.push('-'),
        }
    }
    key.trim_matches(['-', '.', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_keys_and_private_ones_do_not() {
        let mut keys = GivenKeys::default();
        let mut key = |name: &str| keys.key(&name.into(), "agent");
        assert_eq!(key("Support Agent (v2)"), "Support-Agent-v2");
        assert_eq!(key("Support Agent (v2)"), "Support-Agent-v2");
        assert_eq!(key("Support Agent [v2]"), "Support-Agent-v2-2");
        assert_eq!(key("agent of maria.keller@example.com"), "agent");
        assert_eq!(key("…"), "agent-2");
    }
}
