//! A map that forgets what was not used for longest, so that the bytes in it are bounded.
//!
//! Two generations, as in `generational_map`: when the younger one has half of the bytes it becomes
//! the older one, and the older one is dropped. What is used moves to the younger one.
//!
//! Guarantees: at most `max_bytes`, and one entry; an entry is kept for as long as less than half
//! of that came since it was last used; how many were forgotten is counted.
//!
//! Does not know: what it keeps.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// Bytes that an entry takes besides its own.
const ENTRY_BYTES: usize = 256;

/// A bounded map.
#[derive(Clone, Debug)]
pub struct ByteBoundedMap<K, V> {
    max_bytes: usize,
    young: BTreeMap<K, (usize, V)>,
    old: BTreeMap<K, (usize, V)>,
    young_bytes: usize,
    forgotten: u64,
}

impl<K: Ord, V> ByteBoundedMap<K, V> {
    /// An empty map of at most this many bytes.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        let (young, old) = (BTreeMap::new(), BTreeMap::new());
        Self { max_bytes, young, old, young_bytes: 0, forgotten: 0 }
    }

    /// Keeps a value that takes, with its key, this many bytes, in place of the one of this key.
    pub fn insert(&mut self, key: K, bytes: usize, value: V) {
        self.remove(&key);
        let bytes = bytes.saturating_add(ENTRY_BYTES);
        if self.young_bytes.saturating_add(bytes) > self.max_bytes / 2 {
            let dropped = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.forgotten += dropped.len() as u64;
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(key, (bytes, value));
    }

    /// The value of this key, which counts as used.
    pub fn get<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        if let Some((key, (bytes, value))) = self.old.remove_entry(key) {
            self.insert(key, bytes.saturating_sub(ENTRY_BYTES), value);
        }
        self.young.get(key).map(|(_, value)| value)
    }

    /// Takes a value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let Some((bytes, value)) = self.young.remove(key) {
            self.young_bytes = self.young_bytes.saturating_sub(bytes);
            return Some(value);
        }
        self.old.remove(key).map(|(_, value)| value)
    }

    /// How many values are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// How many values were forgotten.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_bounded_and_what_is_used_stays() {
        let mut map = ByteBoundedMap::new(100 * (ENTRY_BYTES + 100));
        for nth in 0..10_000_u32 {
            map.insert(format!("{nth}"), 90, nth);
            assert!(map.len() <= 102, "{}", map.len());
            assert_eq!(map.get("0"), Some(&0), "after {nth}");
        }
        assert_eq!(map.get("9999"), Some(&9999));
        assert_eq!(map.get("5000"), None);
        assert_eq!(map.forgotten() + map.len() as u64, 10_000);
        assert_eq!((map.remove("0"), map.remove("0"), map.get("0")), (Some(0), None, None));
        // A value beyond the bound is kept until the next one comes.
        map.insert("huge".to_owned(), usize::MAX / 2, 7);
        assert_eq!(map.get("huge"), Some(&7));
        assert!(map.len() <= 102);
        map.insert("small".to_owned(), 1, 8);
        map.insert("huge".to_owned(), usize::MAX / 2, 9);
        assert_eq!(map.get("small"), Some(&8));
        assert_eq!(map.get("huge"), Some(&9));
    }
}
