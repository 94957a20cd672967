//! Users who come back: how often, after how long, and how much of a user's draws they share.
//!
//! Guarantees: the number of visits and the gaps belong to the user, whatever happens in a visit,
//! so every arm has the same visits; each is monotone in one uniform number.
//!
//! Does not know: what happens in a visit.

use crate::random::{Owner, Purpose, Seed};
use crate::time::Duration;

/// Most visits of one user.
pub const MAX_VISITS: u32 = 10_000;

/// How users come back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReturnSpec {
    /// How many visits each user makes.
    pub visits: VisitCount,
    /// Mean time from the end of a visit to the start of the next one.
    pub gap: Duration,
    /// Correlation of a user's own latent normal numbers between visits, from 0 to 1.
    pub persistence: f64,
    /// How many of the user's last visits the agents that answer can read.
    pub remembers: u32,
}

/// How many visits a user makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VisitCount {
    /// This many, at least 1.
    Fixed(u32),
    /// One, and after every visit one more with the same chance; this is the mean, at least 1.
    Geometric(f64),
}

impl ReturnSpec {
    /// How many visits this user makes, from 1 to [`MAX_VISITS`].
    #[must_use]
    pub fn count(&self, seed: Seed, user: Owner) -> u32 {
        match self.visits {
            VisitCount::Fixed(visits) => visits.clamp(1, MAX_VISITS),
            VisitCount::Geometric(mean) if mean > 1.0 => {
                // P(more than k visits) = q^k with q = 1 - 1/mean: the geometric distribution on 1,
                // 2, …, whose mean is 1/(1 - q).
                let again = 1.0 - 1.0 / mean;
                let u = seed.stage(Purpose::Return, user, 0).uniform();
                let more = libm::floor(libm::log(u) / libm::log(again));
                1 + more.clamp(0.0, f64::from(MAX_VISITS - 1)) as u32
            }
            VisitCount::Geometric(_) => 1,
        }
    }

    /// The time before this visit: exponentially distributed.
    #[must_use]
    pub fn gap(&self, seed: Seed, visit: Owner) -> Duration {
        let u = seed.stage(Purpose::Return, visit, 1).uniform();
        Duration::from_seconds(self.gap.seconds() * -libm::log(u))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> impl Iterator<Item = Owner> {
        (0..40_000_u32).map(|user| Owner::of(&user.to_le_bytes()))
    }

    #[test]
    fn visits_follow_the_geometric_distribution() {
        let spec = ReturnSpec {
            visits: VisitCount::Geometric(2.3),
            gap: Duration::from_seconds(86_400.0),
            persistence: 0.0,
            remembers: 0,
        };
        let counts: Vec<u32> = users().map(|user| spec.count(Seed(3), user)).collect();
        let n = counts.len() as f64;
        let mean = counts.iter().map(|&count| f64::from(count)).sum::<f64>() / n;
        // The variance is q / (1 - q)^2 = 2.3 * 1.3.
        assert!((mean - 2.3).abs() < 4.0 * (2.3 * 1.3 / n).sqrt(), "{mean}");
        for k in 1..6 {
            let share = counts.iter().filter(|&&count| count == k).count() as f64 / n;
            let expected = (1.3_f64 / 2.3).powi(k as i32 - 1) / 2.3;
            let error = (expected * (1.0 - expected) / n).sqrt();
            assert!((share - expected).abs() < 4.0 * error, "{k}: {share} {expected}");
        }
        let gaps: Vec<f64> = users().map(|user| spec.gap(Seed(3), user).seconds()).collect();
        let mean = gaps.iter().sum::<f64>() / n;
        // An exponential distribution has its mean as its standard deviation.
        assert!((mean / 86_400.0 - 1.0).abs() < 4.0 / n.sqrt(), "{mean}");
        let late = gaps.iter().filter(|&&gap| gap > 86_400.0).count() as f64 / n;
        assert!((late - (-1.0_f64).exp()).abs() < 4.0 * 0.5 / n.sqrt(), "{late}");
    }

    #[test]
    fn a_fixed_number_is_everybodys() {
        let (gap, persistence, remembers) = (Duration::ZERO, 0.0, 0);
        let spec = |visits| ReturnSpec { visits, gap, persistence, remembers };
        assert!(users().all(|user| spec(VisitCount::Fixed(3)).count(Seed(1), user) == 3));
        assert!(users().all(|user| spec(VisitCount::Geometric(1.0)).count(Seed(1), user) == 1));
    }
}
