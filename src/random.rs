//! Every source of luck, in one enum; and the one generator behind them.
//!
//! Luck is addressed, never queued: a draw is named by (seed, purpose, whose, nth). ChaCha is a
//! keyed, counter-based generator, so the address *is* its key and stream number: seed in bytes 0
//! to 8, purpose in 8 to 16, the owner's 128-bit digest in 16 to 32, and `nth` as the stream. The
//! packing is injective: two stages share luck only if they are the same stage. There is no parent
//! generator, so there is no order to depend on.
//!
//! Guarantees: adding a purpose or a user moves no other draw; a variate costs one uniform, through
//! the inverse CDF, so it is monotone in it (a faster profile makes the *same* user faster). The
//! variation is never in the address: a user has the same luck in either arm. Only `libm` is used
//! for transcendental functions: the same bits everywhere.
//!
//! Does not know: what the luck is used for.

mod ahead;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use simlab_chacha::Stream;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

pub use ahead::StagesAhead;

/// Everything that is left to chance. Numbers are explicit and never reused: 2, 11, 15 and 18
/// belonged to purposes that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u64)]
pub enum Purpose {
    /// Who comes with what: audience group, topic, complexity, whether there is personal data.
    Visitor = 1,
    /// A completion of the supervisor; nth = attempt.
    Supervisor = 3,
    /// A completion of the security agent; nth = attempt.
    Security = 4,
    /// How much work a question turns out to be for the support agent.
    Effort = 5,
    /// A completion of the support agent; nth = which call of the loop.
    Support = 6,
    /// A tool's answer; nth = which tool call.
    Tool = 7,
    /// The judge's own errors.
    Judge = 8,
    /// The model that reads the knowledge base for topics.
    Topics = 9,
    /// The model that writes the questions; nth = attempt.
    Writing = 10,
    /// Identifiers of completions, tool calls and keys; nth = which.
    Identifier = 12,
    /// Injected faults; nth = which request.
    Fault = 13,
    /// A replication of `power`: its own seed; nth = which replication.
    Replication = 14,
    /// Backoff jitter of a live client; nth = attempt.
    Jitter = 16,
    /// What the users did before the experiment, for CUPED: the seed of that period.
    PrePeriod = 17,
    /// Whether the app crashes on a user; nth = which config's variation makes it crash.
    Crash = 19,
    /// A completion of an agent of a scenario's own graph that routes, plans or critiques; nth = the
    /// agent's place and which call.
    Node = 20,
    /// What a user wants of a routing agent; nth = the agent's place.
    Intent = 21,
    /// The data of an experiment that `plan --check` simulates; nth = which one.
    Planned = 22,
    /// Whether a guard should stop a question.
    Harmful = 25,
    /// A run of a step without a model; nth = its place and which run.
    Step = 26,
    /// A conversation: its patience (nth = 0), whether it ends after a turn (1), and the question after
    /// that (2).
    Turn = 27,
    /// Which way a visit takes from an agent whose edges share the visits out; nth = the agent's
    /// place.
    Share = 23,
    /// How often a user comes, and after how long; nth = 0 for the number of visits, 1 for the gap
    /// before a visit.
    Return = 24,
    /// Whether an outcome comes of a visit, and its value; the owner is the user and the outcome.
    Outcome = 30,
    /// Whose feedback a stated effect changes.
    StatedFeedback = 31,
    /// The users that a replication draws from a pool, and their variations.
    Pool = 32,
}

/// The scenario's seed: all luck follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

/// Whose luck: 128 bits that stand for a user key or a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(u128);

impl Owner {
    /// Luck that belongs to nobody in particular: the experiment's own.
    pub const NOBODY: Self = Self(0);

    /// Another owner for each `part` of this one; 0 is the owner itself.
    #[must_use]
    pub fn with(self, part: u128) -> Self {
        Self(self.0 ^ part)
    }

    /// The owner of what belongs to both, such as a user and an event.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.with(other.0)
    }

    /// The owner of this user's visit number `nth`, from 0. Visit 0 has the user's own draws; the
    /// same visit of a visit's owner is the user again.
    #[must_use]
    pub fn visit(self, nth: u32) -> Self {
        // Digests of 128 bits that differ in the upper 32 alone do not come up by chance.
        self.with(u128::from(nth) << 96)
    }

    /// The owner with this key (`SipHash` 1-3, 128 bits, zero key).
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(key);
        Self(hasher.finish128().as_u128())
    }
}

/// The canonical bytes of a thing: its fields in a fixed order, each with its length, so that two things have the same bytes
/// only if they are equal. Unlike `Debug` output, they do not change when a type, a field or a variant gets another name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CanonicalBytes(Vec<u8>);

impl CanonicalBytes {
    /// Adds a number, such as that of a variant or the length of a list: 8 bytes, the lowest first.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    /// Adds a text: its length in bytes, then the bytes.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        let mut bytes = self.number(text.len() as u64);
        bytes.0.extend(text.as_bytes());
        bytes
    }

    /// Adds a value that may be missing: 0, or 1 and the value.
    #[must_use]
    pub fn optional<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            None => self.number(0),
            Some(value) => add(self.number(1), value),
        }
    }

    /// Adds a list: how many, then each.
    #[must_use]
    pub fn list<T>(self, items: &[T], add: impl Fn(Self, &T) -> Self) -> Self {
        items.iter().fold(self.number(items.len() as u64), add)
    }

    /// Whose luck is that of the thing with these bytes.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::of(&self.0)
    }
}

/// Letters and digits that nobody takes for each other.
const PLAIN_LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// A word of this length that nobody can guess, from the operating system. No result depends on it.
///
/// # Errors
/// When the operating system has no random numbers.
pub fn secret_word(letters: usize) -> Result<String, std::io::Error> {
    let mut bytes = vec![0; 8 * letters];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    // Of 64 bits each, so that every letter is as frequent as the others.
    let (all, _) = bytes.as_chunks::<8>();
    let nth = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes) % PLAIN_LETTERS.len() as u64;
    let letter = |bytes| PLAIN_LETTERS.get(nth(bytes) as usize).copied().map(char::from);
    Ok(all.iter().filter_map(letter).collect())
}

impl Seed {
    /// The stage (purpose, owner, nth): a short run of variates that are taken by position.
    #[must_use]
    pub fn stage(self, purpose: Purpose, owner: Owner, nth: u64) -> Stage {
        Stage::Alone(generator(self.stream(purpose, owner, nth)))
    }

    /// Which stream of numbers a stage is.
    fn stream(self, purpose: Purpose, Owner(owner): Owner, nth: u64) -> Stream {
        let (seed, purpose) = (self.0, purpose as u64);
        let words = [
            seed,
            seed >> 32,
            purpose,
            purpose >> 32,
            owner as u64,
            (owner >> 32) as u64,
            (owner >> 64) as u64,
            (owner >> 96) as u64,
        ];
        Stream { key: words.map(|word| word as u32), number: nth }
    }

    /// A seed that is derived from this one, for what the same users did before the experiment.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.stage(Purpose::PrePeriod, Owner::NOBODY, 0).bits())
    }

    /// A seed that is derived from this one, for the `nth` replication.
    #[must_use]
    pub fn replication(self, nth: u64) -> Self {
        Self(self.stage(Purpose::Replication, Owner::NOBODY, nth).bits())
    }
}

/// Whose seed an owner's luck follows from: one for all, or another one for a share of the owners;
/// and how much of a user's luck all visits of the user share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Luck {
    /// The seed of all others.
    pub seed: Seed,
    /// Another seed, and the share of the owners whose luck follows from it.
    pub shared: Option<(Seed, f64)>,
    /// Correlation between visits of a user's own latent normal numbers, from 0 to 1.
    pub persistence: f64,
}

impl From<Seed> for Luck {
    fn from(seed: Seed) -> Self {
        Self { seed, shared: None, persistence: 0.0 }
    }
}

impl Luck {
    /// The seed of this owner.
    #[must_use]
    pub fn of(self, owner: Owner) -> Seed {
        match self.shared {
            Some((other, share)) if self.seed.stage(Purpose::PrePeriod, owner, 1).chance(share) => {
                other
            }
            _ => self.seed,
        }
    }

    /// A visit's uniform numbers, mixed with those that the user has in all visits:
    /// `z = sqrt(p) z_user + sqrt(1 - p) z_visit` for the normal number of each, so it stays uniform
    /// and two visits of a user correlate by `p` on the normal scale. The visit's own numbers where
    /// nothing persists.
    #[must_use]
    pub fn persist<const N: usize>(
        self,
        purpose: Purpose,
        (visit, nth_visit): (Owner, u32),
        nth: u64,
        own: [f64; N],
    ) -> [f64; N] {
        if self.persistence == 0.0 {
            return own;
        }
        // What is the user's stays what it is, before the experiment and in it.
        let seed = self.shared.map_or(self.seed, |(seed, _)| seed);
        let always = visit.visit(nth_visit).visit(u32::MAX);
        let mut stage = seed.stage(purpose, always, nth);
        let (of_user, of_visit) =
            (libm::sqrt(self.persistence), libm::sqrt(1.0 - self.persistence));
        own.map(|u| {
            let z = of_user * stage.normal() + of_visit * normal_quantile(u);
            normal_cdf(z).clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0)
        })
    }
}

/// The generator of a stream, at its start.
fn generator(stream: Stream) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, word) in key.as_chunks_mut().0.iter_mut().zip(stream.key) {
        *bytes = word.to_le_bytes();
    }
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(stream.number);
    generator
}

/// One stage of luck. Variates are taken in a fixed order, so position names them.
pub enum Stage {
    /// Drawn by itself.
    Alone(ChaCha8Rng),
    /// Begun together with others.
    Begun(Begun),
}

/// The first numbers of a stage.
pub struct Begun {
    block: [u64; 8],
    taken: usize,
    stream: Stream,
}

impl Stage {
    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        match self {
            Self::Alone(generator) => generator.next_u64(),
            Self::Begun(begun) => {
                let Some(&bits) = begun.block.get(begun.taken) else { return self.go_on() };
                begun.taken += 1;
                bits
            }
        }
    }

    /// The number after those that were drawn with others.
    #[cold]
    fn go_on(&mut self) -> u64 {
        if let Self::Begun(begun) = self {
            let mut generator = generator(begun.stream);
            // A block has 16 words.
            generator.set_word_pos(16);
            *self = Self::Alone(generator);
        }
        self.bits()
    }

    /// A uniform in the open interval (0, 1): never 0, never 1.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Whether something of chance `p` happens.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// An index below `n`, each equally likely; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        // The bias is below n / 2^64.
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A standard normal variate.
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.uniform())
    }

    /// A log-normal variate of this median, `sigma` being the standard deviation of its logarithm.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.normal())
    }
}

/// The index of the first cumulative weight above `u`; the last one if none is.
#[must_use]
pub fn pick(u: f64, cumulative: &[f64]) -> usize {
    cumulative.iter().position(|&c| u < c).unwrap_or(cumulative.len().saturating_sub(1))
}

/// The standard normal distribution function, through the complementary error function: `erfc(-z /
/// sqrt 2) / 2`.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The standard normal quantile: algorithm AS 241 (PPND16), M. J. Wichura, *Applied Statistics* 37
/// (1988) 477-484; relative error about 1e-16. `p` outside (0, 1) gives an infinity.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 8] = [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ];
    const B: [f64; 8] = [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_545,
    ];
    const C: [f64; 8] = [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ];
    const D: [f64; 8] = [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ];
    const E: [f64; 8] = [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ];
    const F: [f64; 8] = [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ];
    fn ratio(numerator: &[f64; 8], denominator: &[f64; 8], x: f64) -> f64 {
        let horner = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, &k| sum * x + k);
        horner(numerator) / horner(denominator)
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&A, &B, 0.180_625 - q * q);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail <= 0.0 {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let r = libm::sqrt(-libm::log(tail));
    let z = if r <= 5.0 { ratio(&C, &D, r - 1.6) } else { ratio(&E, &F, r - 5.0) };
    if q < 0.0 { -z } else { z }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_bytes_are_lengths_and_contents_in_order() {
        // Written by hand: "ab", a missing text, the text "c", and a list of the numbers 5 and 300.
        let bytes = CanonicalBytes::default()
            .text("ab")
            .optional(None, CanonicalBytes::text)
            .optional(Some("c"), CanonicalBytes::text)
            .list(&[5, 300], |bytes, number| bytes.number(*number));
        let number = |low: u8, high: u8| [low, high, 0, 0, 0, 0, 0, 0];
        let expected = [
            &number(2, 0)[..],
            b"ab",
            &number(0, 0),
            &number(1, 0),
            &number(1, 0),
            b"c",
            &number(2, 0),
            &number(5, 0),
            &number(44, 1),
        ];
        assert_eq!(bytes.0, expected.concat());
        // Where one field ends and the next begins is part of the bytes.
        let pair = |first, second| CanonicalBytes::default().text(first).text(second).owner();
        assert_ne!(pair("ab", "c"), pair("a", "bc"));
    }

    #[test]
    fn quantiles_equal_the_published_ones() {
        // Wichura's own check values.
        assert!((normal_quantile(0.25) - -0.674_489_750_196_081_7).abs() < 1e-15);
        assert!((normal_quantile(0.001) - -3.090_232_306_167_813_5).abs() < 1e-15);
        assert!((normal_quantile(1e-20) - -9.262_340_089_798_41).abs() < 1e-13);
        assert!((normal_quantile(0.95) - 1.644_853_626_951_472_2).abs() < 2e-15);
    }

    #[test]
    fn the_distribution_function_is_the_published_one() {
        // `scipy.stats.norm.cdf`.
        for (z, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.959_963_984_540_054, 0.025_000_000_000_000_01),
            (-8.0, 6.220_960_574_271_786e-16),
        ] {
            assert!((normal_cdf(z) / p - 1.0).abs() < 1e-13, "{z}: {}", normal_cdf(z));
        }
        for p in [1e-12, 0.001, 0.3, 0.5, 0.77, 0.999_999] {
            assert!((normal_cdf(normal_quantile(p)) / p - 1.0).abs() < 1e-12, "{p}");
        }
    }

    /// Uniform numbers of users' first two visits under a persistence.
    fn pairs(persistence: f64) -> Vec<[f64; 2]> {
        let luck = Luck { persistence, ..Seed(11).into() };
        let of = |user: u32, nth: u32| {
            let visit = Owner::of(&user.to_le_bytes()).visit(nth);
            let own = [Seed(11).stage(Purpose::Effort, visit, 0).uniform()];
            let [u] = luck.persist(Purpose::Effort, (visit, nth), 0, own);
            u
        };
        (0..20_000).map(|user| [of(user, 0), of(user, 5)]).collect()
    }

    #[test]
    fn what_persists_correlates_between_visits_and_stays_uniform() {
        for persistence in [0.0, 0.4, 0.9] {
            let pairs = pairs(persistence);
            let n = pairs.len() as f64;
            let normal: Vec<[f64; 2]> =
                pairs.iter().map(|pair| pair.map(normal_quantile)).collect();
            let correlation = normal.iter().map(|[one, other]| one * other).sum::<f64>() / n;
            // The product of two correlated standard normals has the variance 1 + p^2.
            let error = ((1.0 + persistence * persistence) / n).sqrt();
            assert!((correlation - persistence).abs() < 4.0 * error, "{persistence} {correlation}");
            for at in 0..2 {
                for cut in [0.1, 0.5, 0.9] {
                    let below = pairs.iter().filter(|pair| pair[at] < cut).count() as f64 / n;
                    let error = (cut * (1.0 - cut) / n).sqrt();
                    assert!((below - cut).abs() < 4.0 * error, "{persistence} {cut}: {below}");
                }
            }
        }
        // All of it: the same at every visit.
        assert!(pairs(1.0).iter().all(|[one, other]| one == other));
    }

    #[test]
    fn visits_have_luck_of_their_own_and_the_first_has_the_users() {
        let user = Owner::of(b"user_1760000000_1");
        assert_eq!(user.visit(0), user);
        assert_eq!(user.visit(7).visit(7), user);
        let first = |owner| Seed(7).stage(Purpose::Support, owner, 0).bits();
        assert_ne!(first(user.visit(1)), first(user));
        assert_ne!(first(user.visit(1)), first(user.visit(2)));
    }

    #[test]
    fn no_two_purposes_share_luck() {
        let owner = Owner::of(b"user_1760000000_1");
        let first = |purpose| Seed(7).stage(purpose, owner, 0).bits();
        assert_ne!(first(Purpose::Support), first(Purpose::Judge));
        assert_ne!(Seed(7).stage(Purpose::Support, owner, 1).bits(), first(Purpose::Support));
        assert_eq!(
            Seed(7).stage(Purpose::Support, owner, 1).bits(),
            Seed(7).stage(Purpose::Support, owner, 1).bits()
        );
    }
}
