//! LaunchDarkly's bucketing: which part of a rollout a key falls into.
//!
//! The bucket of a value is the first 15 hexadecimal digits of SHA-1(`prefix.value`), divided by
//! their largest value; the prefix is an experiment's seed, else `flagKey.salt`. Arithmetic is in
//! `f32`, exactly as in the official Rust crate.
//!
//! Guarantees: no allocation, one compression for inputs of up to 55 bytes; pinned by the vendor's
//! own test vectors.
//!
//! Does not know: what the parts of a rollout stand for.

use sha1::Digest;

/// The largest value of 15 hexadecimal digits.
const SCALE: f32 = 0x0FFF_FFFF_FFFF_FFFF_i64 as f32;
/// Longest input that fits one block of SHA-1 beside its padding.
const ONE_BLOCK: usize = 55;
/// Initial state of SHA-1 (FIPS 180-4, section 5.3.1).
const INITIAL: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

/// What is hashed before the value: `seed.` or `flagKey.salt.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    text: Vec<u8>,
    /// The first block of an input: the prefix, then room for value and padding. All zero when the
    /// prefix is too long.
    block: [u8; 64],
}

impl Prefix {
    /// The prefix of an experiment's iteration.
    #[must_use]
    pub fn seed(seed: i64) -> Self {
        Self::of(format!("{seed}."))
    }

    /// The prefix of a rollout without a seed.
    #[must_use]
    pub fn key_and_salt(key: &str, salt: &str) -> Self {
        Self::of(format!("{key}.{salt}."))
    }

    fn of(text: String) -> Self {
        let text = text.into_bytes();
        let mut block = [0; 64];
        if text.len() <= ONE_BLOCK {
            block.iter_mut().zip(&text).for_each(|(own, byte)| *own = *byte);
        }
        Self { text, block }
    }

    /// The bucket of `value`, from 0 to 1 inclusive.
    #[must_use]
    pub fn bucket(&self, value: &str) -> f32 {
        // As i64, because the official crate converts from i64; the digits are never negative.
        (self.digits(value) as i64) as f32 / SCALE
    }

    /// The first 15 hexadecimal digits of the hash, as an integer.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "a hash has 20 bytes, and a text that leaves room for its end fits into one block"
    )]
    pub fn digits(&self, value: &str) -> u64 {
        let length = self.text.len() + value.len();
        if length > ONE_BLOCK {
            let hash = sha1::Sha1::new_with_prefix(&self.text).chain_update(value).finalize();
            let mut first = [0; 8];
            first.copy_from_slice(&hash[..8]);
            return u64::from_be_bytes(first) >> 4;
        }
        let mut block = self.block;
        block[self.text.len()..length].copy_from_slice(value.as_bytes());
        block[length] = 0x80;
        block[56..].copy_from_slice(&(length as u64 * 8).to_be_bytes());
        let mut state = INITIAL;
        sha1::block_api::compress(&mut state, &[block]);
        (u64::from(state[0]) << 32 | u64::from(state[1])) >> 4
    }
}

/// Upper bounds of a rollout's parts: the running sum of `weight / 100,000` in `f32`, in the order
/// of the parts.
pub fn bounds(weights: impl IntoIterator<Item = f32>) -> Vec<f32> {
    let mut sum = 0.0_f32;
    weights
        .into_iter()
        .map(|weight| {
            sum += weight / 100_000.0;
            sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_equal_the_vendors_vectors() {
        let salted = Prefix::key_and_salt("support-agent", "0a1b2c3d4e5f60718293a4b5c6d7e8f9");
        let salty = Prefix::key_and_salt("hashKey", "saltyA");
        let vectors: [(&Prefix, &str, u64, f64); 9] = [
            (
                &Prefix::seed(1_138_240_921),
                "user_1760000000_1",
                179_205_994_589_111_551,
                0.155_436_422_924_752_24,
            ),
            (
                &Prefix::seed(1_138_240_921),
                "user_1760000000_2",
                427_156_528_012_547_401,
                0.370_499_228_530_055_3,
            ),
            (
                &Prefix::seed(77_223_344),
                "user_1760000000_1",
                1_081_914_974_056_431_755,
                0.938_411_652_253_265_2,
            ),
            (&salted, "user_1760000000_1", 693_390_576_004_806_531, 0.601_420_455_108_309_2),
            (&salty, "userKeyA", 486_043_891_349_154_521, 0.421_575_874_339_249_4),
            (&salty, "userKeyB", 773_435_658_029_121_709, 0.670_848_496_570_343_5),
            (&salty, "userKeyC", 119_247_895_310_179_974, 0.103_431_061_727_696_9),
            (&Prefix::seed(61), "userKeyA", 113_000_217_734_964_355, 0.098_012_065_247_666_7),
            (
                &Prefix::seed(-5),
                "ünïcode user/1",
                54_225_364_947_864_611,
                0.047_033_006_784_235_304,
            ),
        ];
        for (prefix, key, digits, bucket) in vectors {
            assert_eq!(prefix.digits(key), digits, "{key}");
            assert!((f64::from(prefix.bucket(key)) - bucket).abs() < 1e-7, "{key}");
        }
    }

    #[test]
    fn the_one_block_path_equals_the_general_one_at_every_length() {
        for prefix in [Prefix::seed(7), Prefix::key_and_salt(&"k".repeat(54), "s")] {
            for length in 0..130 {
                let value = "x".repeat(length);
                let whole = [prefix.text.as_slice(), value.as_bytes()].concat();
                let hex: String =
                    sha1::Sha1::digest(&whole).iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(format!("{:015x}", prefix.digits(&value)), hex[..15]);
            }
        }
    }
}
