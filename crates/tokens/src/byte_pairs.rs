//! Byte-pair encoding of one word: how many tokens of `o200k_base` it has.
//!
//! `o200k_base.bin` holds the table that OpenAI publishes with tiktoken: each token as a byte of
//! length and its bytes, in the order of their ranks. The build script adds slots to find them by.
//! Nothing is built when the program starts, and only the parts that are used come into memory.
//!
//! Guarantees: the tokens are those of the published algorithm: the neighbours that make the token
//! of the lowest rank are merged, the first of equals, until none can be.
//!
//! Does not know: how a text is cut into words.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::hash::{N_SLOTS, hash};

static TOKENS: &[u8] = include_bytes!("o200k_base.bin");
static STARTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/token_starts.bin"));
static SLOTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/token_slots.bin"));

/// Longer words are merged with a queue: a search through all pairs for each merge would take a
/// time that grows with the square of the length.
const MAX_SEARCHED: usize = 64;
/// The rank of what is no token.
const NO_RANK: u32 = u32::MAX;

/// The number at this place of a table of little-endian numbers.
fn number(table: &[u8], place: usize) -> Option<u32> {
    table.get(4 * place..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// The rank of these bytes; [`NO_RANK`] if they are no token.
fn rank(bytes: &[u8]) -> u32 {
    let mut slot = hash(bytes) as usize % N_SLOTS;
    while let Some(after) = number(SLOTS, slot).filter(|&after| after > 0) {
        let rank = after - 1;
        let token = number(STARTS, rank as usize).and_then(|start| {
            let [length, rest @ ..] = TOKENS.get(start as usize..)? else { return None };
            rest.get(..usize::from(*length))
        });
        if token == Some(bytes) {
            return rank;
        }
        slot = (slot + 1) % N_SLOTS;
    }
    NO_RANK
}

/// How many tokens a word has.
pub(crate) fn count(word: &[u8]) -> usize {
    if word.len() < 2 || rank(word) != NO_RANK {
        return word.len().min(1);
    }
    if word.len() <= MAX_SEARCHED { searched(word).0 } else { queued(word).0 }
}

/// The tokens of a word, in order.
pub(crate) fn tokens(word: &[u8]) -> Vec<&[u8]> {
    let between = |(start, end): (usize, usize)| word.get(start..end);
    if word.len() < 2 || rank(word) != NO_RANK {
        Some(word).filter(|word| !word.is_empty()).into_iter().collect()
    } else if word.len() <= MAX_SEARCHED {
        let (n, starts) = searched(word);
        let ends = starts.iter().skip(1);
        starts.iter().copied().zip(ends.copied()).take(n).filter_map(between).collect()
    } else {
        let next = queued(word).1;
        let ends = |start: &usize| next.get(*start).copied();
        let starts = std::iter::successors(Some(0), ends).take_while(|start| *start < word.len());
        starts.filter_map(|start| between((start, *next.get(start)?))).collect()
    }
}

/// By a search for the lowest rank before each merge: how many tokens, and where each starts.
#[expect(
    clippy::indexing_slicing,
    reason = "`n` counts the parts that are left, and a place is below it; starts are places in the word"
)]
fn searched(word: &[u8]) -> (usize, [usize; MAX_SEARCHED + 2]) {
    // Of each part where it starts, and the rank of it together with the next one.
    let mut starts = [0_usize; MAX_SEARCHED + 2];
    let mut ranks = [NO_RANK; MAX_SEARCHED + 2];
    let mut n = word.len();
    for at in 0..n {
        starts[at] = at;
        if at + 2 <= n {
            ranks[at] = rank(&word[at..at + 2]);
        }
    }
    starts[n] = n;
    let joined = |starts: &[usize], n: usize, at: usize| {
        if at + 2 <= n { rank(&word[starts[at]..starts[at + 2]]) } else { NO_RANK }
    };
    loop {
        let mut best = (NO_RANK, 0);
        for (at, &rank) in ranks[..n].iter().enumerate() {
            if rank < best.0 {
                best = (rank, at);
            }
        }
        let (lowest, at) = best;
        if lowest == NO_RANK {
            return (n, starts);
        }
        starts.copy_within(at + 2..=n, at + 1);
        ranks.copy_within(at + 2..=n, at + 1);
        n -= 1;
        ranks[at] = joined(&starts, n, at);
        if at > 0 {
            ranks[at - 1] = joined(&starts, n, at - 1);
        }
    }
}

/// By a queue of the pairs, for words without end: n log n. How many tokens, and where the one after
/// each starts.
#[expect(
    clippy::indexing_slicing,
    reason = "parts are named by where they start, and there is a place for each and for the end"
)]
fn queued(word: &[u8]) -> (usize, Vec<usize>) {
    let n = word.len();
    // Of each part, by its start: where the next and the one before start.
    let mut next: Vec<usize> = (1..=n + 1).collect();
    let mut before: Vec<usize> = (0..=n).map(|at: usize| at.saturating_sub(1)).collect();
    // The rank that a part has together with the next one; it tells whether a queued pair is stale.
    let mut ranks: Vec<u32> = word.windows(2).map(rank).chain([NO_RANK]).collect();
    let mut queue: BinaryHeap<Reverse<(u32, usize)>> = ranks
        .iter()
        .zip(0..)
        .filter(|&(&rank, _)| rank != NO_RANK)
        .map(|(&rank, at)| Reverse((rank, at)))
        .collect();
    let mut left = n;
    while let Some(Reverse((lowest, at))) = queue.pop() {
        if ranks[at] != lowest {
            continue;
        }
        let taken = next[at];
        ranks[taken] = NO_RANK;
        next[at] = next[taken];
        if next[at] < n {
            before[next[at]] = at;
        }
        left -= 1;
        let mut renew = |at: usize| {
            let end = if next[at] < n { next[next[at]].min(n) } else { n + 1 };
            ranks[at] = word.get(at..end).map_or(NO_RANK, rank);
            if ranks[at] != NO_RANK {
                queue.push(Reverse((ranks[at], at)));
            }
        };
        renew(at);
        if at > 0 {
            renew(before[at]);
        }
    }
    (left, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_holds_every_single_byte_and_each_token_at_its_rank() {
        for byte in 0..=u8::MAX {
            assert!(rank(&[byte]) < 256, "byte {byte}");
        }
        let n = STARTS.len() / 4;
        assert_eq!(n, 199_998);
        for place in 0..n {
            let start = number(STARTS, place).unwrap() as usize;
            let length = usize::from(TOKENS[start]);
            assert_eq!(rank(&TOKENS[start + 1..=start + length]), place as u32);
        }
    }

    proptest! {
        #[test]
        fn both_ways_to_merge_agree(word in "[a-zA-Z' é中]{2,64}") {
            let short = word.as_bytes().get(..MAX_SEARCHED).unwrap_or(word.as_bytes());
            prop_assert_eq!(searched(short).0, queued(short).0);
        }
    }

    #[test]
    fn a_word_without_end_is_counted_in_a_moment() {
        // A search before each merge would take hours.
        assert!(count(&vec![b'a'; 1_000_000]) < 500_000);
    }
}
