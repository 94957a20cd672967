//! Sums of what was observed, with the errors of what follows from them.
//!
//! Guarantees: memory does not grow with the observations; the order in which they come changes nothing
//! but the last digits.
//!
//! Does not know: what is observed.

use std::collections::BTreeMap;

use crate::live::calibrate::Z90;

/// A value and its 90% interval.
pub(super) type TraceEstimate = (f64, [f64; 2]);

/// The mean of observations that come in clusters, such as the calls of a trace: the ratio of two sums,
/// with the linearized error over clusters (Cochran, *Sampling Techniques*, 6.4).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ClusteredMean {
    pub n: f64,
    pub sum: f64,
    clusters: f64,
    nn: f64,
    ns: f64,
    ss: f64,
}

impl ClusteredMean {
    /// Adds a cluster of `n` observations.
    pub(super) fn add(&mut self, n: f64, sum: f64) {
        if n <= 0.0 {
            return;
        }
        self.n += n;
        self.sum += sum;
        self.clusters += 1.0;
        self.nn += n * n;
        self.ns += n * sum;
        self.ss += sum * sum;
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (self.n > 0.0).then(|| self.sum / self.n)
    }

    /// The mean with its interval; the interval is the value itself for a single cluster.
    pub(super) fn estimate(&self) -> Option<TraceEstimate> {
        let mean = self.mean()?;
        let squares = self.ss - 2.0 * mean * self.ns + mean * mean * self.nn;
        let more = self.clusters / (self.clusters - 1.0).max(1.0);
        let half = Z90 * (squares.max(0.0) * more).sqrt() / self.n;
        Some((mean, [mean - half, mean + half]))
    }
}

/// Mean and spread of the logarithms of positive values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LogSpread {
    pub n: f64,
    mean: f64,
    squares: f64,
}

impl LogSpread {
    pub(super) fn add(&mut self, value: f64) {
        if value <= 0.0 {
            return;
        }
        let log = libm::log(value);
        self.n += 1.0;
        let apart = log - self.mean;
        self.mean += apart / self.n;
        self.squares += apart * (log - self.mean);
    }

    fn sd(&self) -> f64 {
        (self.squares / (self.n - 1.0).max(1.0)).max(0.0).sqrt()
    }

    /// The median of a log-normal distribution.
    pub(super) fn median(&self) -> Option<TraceEstimate> {
        let half = Z90 * self.sd() / self.n.sqrt();
        let at = |shift: f64| libm::exp(self.mean + shift);
        (self.n > 0.0).then(|| (at(0.0), [at(-half), at(half)]))
    }

    /// The standard deviation of the logarithm.
    pub(super) fn sigma(&self) -> Option<TraceEstimate> {
        let sd = self.sd();
        let half = Z90 * sd / (2.0 * (self.n - 1.0)).max(1.0).sqrt();
        (self.n > 1.0).then(|| (sd, [(sd - half).max(0.0), sd + half]))
    }
}

/// Mean and variance.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PlainSpread {
    pub n: f64,
    mean: f64,
    squares: f64,
}

impl PlainSpread {
    pub(super) fn add(&mut self, value: f64) {
        self.n += 1.0;
        let apart = value - self.mean;
        self.mean += apart / self.n;
        self.squares += apart * (value - self.mean);
    }

    pub(super) fn variance(&self) -> f64 {
        (self.squares / (self.n - 1.0).max(1.0)).max(0.0)
    }

    pub(super) fn estimate(&self) -> Option<TraceEstimate> {
        let half = Z90 * (self.variance() / self.n).sqrt();
        (self.n > 0.0).then_some((self.mean, [self.mean - half, self.mean + half]))
    }
}

/// A uniform sample of bounded size: the values whose keys have the smallest digests.
#[derive(Clone, Debug)]
pub(super) struct KeptSample<T> {
    most: usize,
    pub seen: u64,
    kept: BTreeMap<(u64, u64), T>,
}

impl<T> KeptSample<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, seen: 0, kept: BTreeMap::new() }
    }

    /// Offers a value; `key` is a digest that says nothing about the value.
    pub(super) fn offer(&mut self, key: u64, value: T) {
        self.seen += 1;
        self.kept.insert((key, self.seen), value);
        if self.kept.len() > self.most {
            self.kept.pop_last();
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.kept.values()
    }
}

/// The quantile of sorted values; `None` without any.
pub(super) fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get(((last as f64) * at).round() as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clustered_mean_equals_the_textbook() {
        // By hand: clusters (n, sum) = (2, 10), (1, 8), (3, 12): mean 5; deviations s - 5n: 0, 3, -3;
        // variance of the mean 18 * 3/2 / 6^2 = 0.75.
        let mut found = ClusteredMean::default();
        for (n, sum) in [(2.0, 10.0), (1.0, 8.0), (3.0, 12.0)] {
            found.add(n, sum);
        }
        let (mean, [low, high]) = found.estimate().unwrap();
        let half = 1.644_853_626_951_472 * 0.75_f64.sqrt();
        assert!((mean - 5.0).abs() < 1e-12, "{mean}");
        assert!((low - (5.0 - half)).abs() < 1e-9 && (high - (5.0 + half)).abs() < 1e-9);
    }

    #[test]
    fn the_spread_of_logarithms_equals_the_textbook() {
        // numpy 2: x = [100, 200, 400]; exp(log(x).mean()), log(x).std(ddof=1).
        let mut found = LogSpread::default();
        [100.0, 200.0, 400.0].into_iter().for_each(|value| found.add(value));
        let (median, _) = found.median().unwrap();
        let (sigma, _) = found.sigma().unwrap();
        assert!((median - 200.0).abs() < 1e-9 && (sigma - std::f64::consts::LN_2).abs() < 1e-12);
    }

    #[test]
    fn a_sample_is_bounded_and_does_not_depend_on_the_order() {
        let keys: Vec<u64> = (0..1000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let sample = |keys: &[u64]| {
            let mut kept = KeptSample::new(50);
            keys.iter().for_each(|&key| kept.offer(key, key));
            kept.values().copied().collect::<Vec<_>>()
        };
        let backwards: Vec<u64> = keys.iter().rev().copied().collect();
        assert_eq!(sample(&keys), sample(&backwards));
        assert_eq!(sample(&keys).len(), 50);
    }
}
