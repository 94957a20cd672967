//! The blocks are those of another implementation.

#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use simlab_chacha::{LANES, Stream, first_blocks};

fn one(stream: &Stream) -> [u64; 8] {
    let mut seed = [0; 32];
    for (bytes, word) in seed.as_chunks_mut::<4>().0.iter_mut().zip(stream.key) {
        *bytes = word.to_le_bytes();
    }
    let mut generator = ChaCha8Rng::from_seed(seed);
    generator.set_stream(stream.number);
    std::array::from_fn(|_| generator.next_u64())
}

proptest! {
    #[test]
    fn four_streams_are_those_of_rand_chacha(drawn: [([u32; 8], u64); LANES]) {
        let streams = drawn.map(|(key, number)| Stream { key, number });
        prop_assert_eq!(first_blocks(&streams), streams.each_ref().map(one));
    }
}

#[test]
fn a_block_is_the_published_one() {
    // Draft "Test vectors for the stream cipher ChaCha" (J. Strombergson, 2013), TC1 with a 256-bit key
    // of zeros, IV of zeros, 8 rounds.
    let [block, ..] = first_blocks(&[Stream::default(); LANES]);
    let bytes: Vec<u8> = block.iter().flat_map(|number| number.to_le_bytes()).collect();
    let published = "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e\
                     984ce172b9216f419f445367456d5619314a42a3da86b001387bfdb80e0cfe42";
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, published);
}
