//! A priority queue that is stable: by time, and among equal times in the order of entry.
//!
//! Guarantees: ties leave first in, first out; so the order of a simulation never depends on the
//! heap's innards.
//!
//! Does not know: what is queued.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::time::Timestamp;

#[derive(Debug)]
struct Item<T> {
    at: Timestamp,
    sequence: u64,
    what: T,
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Item<T> {}

impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Item<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Reversed once, here: the heap is a max-heap, the queue wants the earliest.
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// The queue.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Item<T>>,
    entered: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), entered: 0 }
    }
}

impl<T> Queue<T> {
    /// Enters `what`, due at `at`.
    pub fn push(&mut self, at: Timestamp, what: T) {
        self.heap.push(Item { at, sequence: self.entered, what });
        self.entered += 1;
    }

    /// When the next item is due.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.heap.peek().map(|item| item.at)
    }

    /// Takes the next item if it is due by `now`.
    pub fn pop(&mut self, now: Timestamp) -> Option<T> {
        if self.due()? > now { None } else { self.heap.pop().map(|item| item.what) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_leave_in_the_order_they_entered() {
        let mut queue = Queue::default();
        for n in 0..100 {
            queue.push(Timestamp::from_us(n / 10), n);
        }
        let now = Timestamp::from_us(1_000);
        let left: Vec<u64> = std::iter::from_fn(|| queue.pop(now)).collect();
        assert_eq!(left, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_leaves_before_it_is_due() {
        let mut queue = Queue::default();
        queue.push(Timestamp::from_us(5), ());
        assert_eq!(queue.pop(Timestamp::from_us(4)), None);
        assert_eq!(queue.pop(Timestamp::from_us(5)), Some(()));
    }
}
