//! The first blocks of four `ChaCha8` streams at once, for a program that takes a few numbers from
//! each of many streams: the four together take a third of the time of one after the other.
//!
//! Guarantees: each block is that of `ChaCha` with 8 rounds, a 64-bit counter of 0 and a 64-bit
//! nonce, the stream's number (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008).
//!
//! Does not know: what is drawn.

use wide::u32x4;

/// How many streams are drawn at once.
pub const LANES: usize = 4;

/// The name of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// The key, as words of four bytes, the lowest byte first.
    pub key: [u32; 8],
    /// Which stream of this key.
    pub number: u64,
}

/// The first 64 bytes of each stream, as eight numbers, the lowest byte first.
#[must_use]
#[inline]
pub fn first_blocks(streams: &[Stream; LANES]) -> [[u64; 8]; LANES] {
    let [k0, k1, k2, k3, k4, k5, k6, k7] = transposed(streams.each_ref().map(|one| &one.key));
    let numbers = streams.each_ref().map(|one| one.number);
    let begin = [
        // "expand 32-byte k"
        u32x4::splat(0x6170_7865),
        u32x4::splat(0x3320_646e),
        u32x4::splat(0x7962_2d32),
        u32x4::splat(0x6b20_6574),
        k0,
        k1,
        k2,
        k3,
        k4,
        k5,
        k6,
        k7,
        u32x4::splat(0),
        u32x4::splat(0),
        u32x4::new(numbers.map(|number| number as u32)),
        u32x4::new(numbers.map(|number| (number >> 32) as u32)),
    ];
    let mut s = begin;
    for _ in 0..4 {
        // The columns, then the diagonals.
        (s[0], s[4], s[8], s[12]) = quarter(s[0], s[4], s[8], s[12]);
        (s[1], s[5], s[9], s[13]) = quarter(s[1], s[5], s[9], s[13]);
        (s[2], s[6], s[10], s[14]) = quarter(s[2], s[6], s[10], s[14]);
        (s[3], s[7], s[11], s[15]) = quarter(s[3], s[7], s[11], s[15]);
        (s[0], s[5], s[10], s[15]) = quarter(s[0], s[5], s[10], s[15]);
        (s[1], s[6], s[11], s[12]) = quarter(s[1], s[6], s[11], s[12]);
        (s[2], s[7], s[8], s[13]) = quarter(s[2], s[7], s[8], s[13]);
        (s[3], s[4], s[9], s[14]) = quarter(s[3], s[4], s[9], s[14]);
    }
    let mut blocks = [[0; 8]; LANES];
    let words = std::array::from_fn::<_, 8, _>(|pair| {
        let [low, high] = [2 * pair, 2 * pair + 1].map(|at| match (s.get(at), begin.get(at)) {
            (Some(&end), Some(&begin)) => (end + begin).to_array(),
            _ => [0; LANES],
        });
        (low, high)
    });
    for (at, (low, high)) in words.into_iter().enumerate() {
        for ((block, low), high) in blocks.iter_mut().zip(low).zip(high) {
            if let Some(number) = block.get_mut(at) {
                *number = u64::from(low) | u64::from(high) << 32;
            }
        }
    }
    blocks
}

/// The same word of all four keys side by side.
fn transposed(keys: [&[u32; 8]; LANES]) -> [u32x4; 8] {
    let [one, two, three, four] = keys;
    let mut words = [u32x4::splat(0); 8];
    for ((((word, one), two), three), four) in
        words.iter_mut().zip(one).zip(two).zip(three).zip(four)
    {
        *word = u32x4::new([*one, *two, *three, *four]);
    }
    words
}

/// A quarter of a round.
#[inline(always)]
fn quarter(mut a: u32x4, mut b: u32x4, mut c: u32x4, mut d: u32x4) -> (u32x4, u32x4, u32x4, u32x4) {
    a += b;
    d = turned::<16, 16>(d ^ a);
    c += d;
    b = turned::<12, 20>(b ^ c);
    a += b;
    d = turned::<8, 24>(d ^ a);
    c += d;
    b = turned::<7, 25>(b ^ c);
    (a, b, c, d)
}

/// Each word with its bits turned to the left; the two numbers add up to 32.
#[inline(always)]
fn turned<const LEFT: u32, const RIGHT: u32>(words: u32x4) -> u32x4 {
    (words << LEFT) | (words >> RIGHT)
}
