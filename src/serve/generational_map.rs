//! A map that forgets what has not come for long, so that its memory is bounded.
//!
//! Two generations: when the younger one is full it becomes the older one, and the older one is
//! dropped. What is asked for moves to the younger one.
//!
//! Guarantees: at most twice `most` entries; an entry is kept for as long as fewer than `most`
//! others have come since it was last touched; how many were forgotten is counted.
//!
//! Does not know: what it keeps.

use std::collections::BTreeMap;

/// A bounded map.
#[derive(Clone, Debug)]
pub struct GenerationalMap<K, V> {
    most: usize,
    young: BTreeMap<K, V>,
    old: BTreeMap<K, V>,
    forgotten: u64,
}

impl<K: Ord + Clone, V: Default> GenerationalMap<K, V> {
    /// An empty map that surely keeps the last `most` entries.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, young: BTreeMap::new(), old: BTreeMap::new(), forgotten: 0 }
    }

    /// The entry of this key; a new one if there is none.
    pub fn entry(&mut self, key: &K) -> &mut V {
        if !self.young.contains_key(key) && self.young.len() >= self.most {
            let dropped = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            // What is asked for now shall not go down with its generation.
            let mut dropped = dropped;
            if let Some(value) = dropped.remove(key) {
                self.young.insert(key.clone(), value);
            }
            self.forgotten += dropped.len() as u64;
        }
        if let Some(value) = self.old.remove(key) {
            self.young.insert(key.clone(), value);
        }
        self.young.entry(key.clone()).or_default()
    }

    /// The entry of this key, untouched.
    #[cfg(test)]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// How many entries are kept.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// How many entries were forgotten.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entries_are_kept_and_the_memory_is_bounded() {
        let mut map: GenerationalMap<u32, u32> = GenerationalMap::new(100);
        for key in 0..1000 {
            *map.entry(&key) += 1;
            // A key that comes again and again is never forgotten.
            *map.entry(&0) += 1;
            assert!(map.len() <= 200 && map.get(&key).is_some());
            assert!((key.saturating_sub(98)..=key).all(|known| map.get(&known).is_some()), "{key}");
        }
        assert_eq!(map.get(&0), Some(&1001));
        assert_eq!(map.forgotten() + map.len() as u64, 1000);
        assert_eq!((map.remove(&999), map.remove(&999), map.get(&1)), (Some(1), None, None));
    }
}
