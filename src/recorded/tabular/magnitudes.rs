//! How large the values of a column are, to suspect that two units of measure are mixed in it.
//!
//! Does not know: what the values mean.

use crate::figure;

/// Bins for each power of ten.
const PER_DECADE: i32 = 10;
/// The smallest power of ten with a bin of its own.
const LOWEST: i32 = -12;
/// Powers of ten with bins.
const DECADES: i32 = 30;

/// A histogram of the logarithms of positive values.
#[derive(Clone, Debug)]
pub struct Magnitudes {
    bins: Vec<u64>,
    total: u64,
}

impl Default for Magnitudes {
    fn default() -> Self {
        Self { bins: vec![0; (DECADES * PER_DECADE) as usize], total: 0 }
    }
}

impl Magnitudes {
    /// Counts a value; zero and negative ones have no magnitude.
    pub fn add(&mut self, value: f64) {
        if value > 0.0 {
            let place = (libm::log10(value) * f64::from(PER_DECADE)).floor() as i32;
            let place = (place - LOWEST * PER_DECADE).clamp(0, DECADES * PER_DECADE - 1);
            if let Some(bin) = self.bins.get_mut(place as usize) {
                *bin += 1;
                self.total += 1;
            }
        }
    }

    /// The suspicion that the column has values in two units of measure, one a thousand times the
    /// other: two groups, each with at least 1% of the values, nothing for a power of ten between
    /// them, and their medians a factor of 300 to 3,000 apart.
    #[must_use]
    pub fn mixed_units(&self) -> Option<String> {
        let (mut empty, mut below) = (0, 0);
        for (at, &bin) in self.bins.iter().enumerate() {
            if bin == 0 {
                empty += 1;
                continue;
            }
            let above = self.total - below;
            let least = below.min(above) * 100 >= self.total;
            if empty >= PER_DECADE && below > 0 && least {
                let (low, high) = (self.median(0, below), self.median(at, above));
                if (300.0..=3_000.0).contains(&(high / low)) {
                    return Some(format!(
                        "{} values are around {} and {} around {}, with none between: are seconds and milliseconds mixed? bring \
                         all to one unit of measure",
                        figure::count(below),
                        figure::number(low),
                        figure::count(above),
                        figure::number(high)
                    ));
                }
            }
            below += bin;
            empty = 0;
        }
        None
    }

    /// The median of `of` values from bin number `from` on, to the middle of its bin.
    fn median(&self, from: usize, of: u64) -> f64 {
        let mut seen = 0;
        for (at, bin) in self.bins.iter().enumerate().skip(from) {
            seen += bin;
            if seen * 2 >= of {
                let log = f64::from(at as i32 + LOWEST * PER_DECADE) + 0.5;
                return libm::pow(10.0, log / f64::from(PER_DECADE));
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = f64>) -> Option<String> {
        let mut found = Magnitudes::default();
        values.for_each(|value| found.add(value));
        found.mixed_units()
    }

    #[test]
    fn seconds_among_milliseconds_are_suspected_and_a_wide_spread_is_not() {
        let seconds = (0..100).map(|n| 0.5 + f64::from(n) / 50.0);
        let milliseconds = (0..100).map(|n| 500.0 + f64::from(n) * 20.0);
        let said = of(seconds.clone().chain(milliseconds)).unwrap();
        assert!(
            said.contains("100 values are around 1.4") && said.contains("100 around 1,41"),
            "{said}"
        );
        assert_eq!(of(seconds), None);
        // From 0.001 to 1,000 without a gap, a single far value, and zeros.
        assert_eq!(of((0..600).map(|n| libm::pow(10.0, f64::from(n) / 100.0 - 3.0))), None);
        let outlier = (0..500).map(|n| 1.0 + f64::from(n) / 500.0).chain([1_500.0]);
        assert_eq!(of(outlier), None);
        assert_eq!(of([0.0, 0.0, -3.0, 5.0].into_iter()), None);
    }
}
