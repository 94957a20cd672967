//! How likely a split test of a planned size finds an effect, in closed form; how many users it
//! needs; and the smallest effect that it finds.
//!
//! The observed difference of two means or rates is taken as normal. A test finds the effect when
//! that difference passes a critical value, so its power is one value of the normal distribution
//! function. The critical value is that of the analysis itself:
//! - a probability to beat the control, under the posteriors of [`super::posterior`]: the
//!   treatment's mean is drawn toward the control's with the weight of its prior;
//! - or a two-sided test without a prior. For rates its error is pooled under "no difference"
//!   (J. L. Fleiss, *Statistical Methods for Rates and Proportions*, 2nd ed., section 3.2, without
//!   the continuity correction), for means it is the error of the difference.
//!
//! Guarantees: pure; a power from 0 to 1; a size or an effect, or `None` where there is none; a
//! bounded number of steps.
//!
//! Does not know: where the means and spreads come from. [`super::simulated_power()`] compares these
//! formulas with the analysis itself.

use super::needed::smallest;
use super::posterior::SMALLEST_SHAPE;
use super::special::normal_cdf;
use crate::random::normal_quantile;

/// How much the values of one user vary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlannedSpread {
    /// Zeros and ones: the variance follows from the rate. `counted` is the share of exposed users
    /// that the rate is of, above 0 and at most 1.
    Rate {
        /// Share of exposed users with a value.
        counted: f64,
    },
    /// Numbers with this variance for each exposed user, in the square of the metric's unit: the
    /// squared standard error of the mean or percentile times the exposed users.
    Variance(f64),
}

/// A variation as planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedArm {
    /// True rate, mean or percentile, in the metric's unit.
    pub mean: f64,
    /// How much the values of one user vary.
    pub spread: PlannedSpread,
    /// Its share of the users, above 0 and below 1.
    pub share: f64,
}

/// What counts as having found an effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlannedDecision {
    /// The probability to beat the control (or to be worse) reaches the threshold.
    ProbabilityToBeat {
        /// Above 0.5 and below 1.
        threshold: f64,
        /// Prior variance of relative differences.
        prior_variance: f64,
    },
    /// A two-sided test without a prior rejects "no difference" in the effect's direction.
    TwoSided {
        /// Its level, above 0 and below 1.
        alpha: f64,
    },
}

/// A test of one treatment against the control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedTest {
    /// The control.
    pub control: PlannedArm,
    /// The treatment, with the effect that is to be found.
    pub treatment: PlannedArm,
    /// What counts as having found it.
    pub decision: PlannedDecision,
}

/// What the analysis sees where the data are as expected.
struct Expected {
    /// Difference of the posterior means, in the effect's direction.
    difference: f64,
    /// Standard deviation of the difference under the posteriors.
    sd: f64,
    /// Weight of the data in the treatment's posterior mean.
    weight: f64,
}

impl PlannedSpread {
    /// Variance of one exposed user's value at this mean.
    fn variance(self, mean: f64) -> f64 {
        match self {
            Self::Rate { counted } => mean * (1.0 - mean) / counted,
            Self::Variance(variance) => variance,
        }
    }
}

impl PlannedDecision {
    /// How often it finds an effect where there is none: for a probability to beat in the one
    /// direction, for a two-sided test in both.
    #[must_use]
    pub fn false_alarms(self) -> f64 {
        match self {
            Self::ProbabilityToBeat { threshold, .. } => 1.0 - threshold,
            Self::TwoSided { alpha } => alpha,
        }
    }

    /// How often it finds an effect in one given direction where there is none.
    #[must_use]
    pub fn false_alarms_one_sided(self) -> f64 {
        match self {
            Self::ProbabilityToBeat { threshold, .. } => 1.0 - threshold,
            Self::TwoSided { alpha } => 0.5 * alpha,
        }
    }
}

impl PlannedTest {
    /// The treatment's mean less the control's.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.treatment.mean - self.control.mean
    }

    /// The same test of a treatment with another mean.
    #[must_use]
    pub fn with_treatment(mut self, mean: f64) -> Self {
        self.treatment.mean = mean;
        self
    }

    /// Probability that the test finds the effect, in its direction, with this many users in all
    /// variations together.
    #[must_use]
    pub fn power(&self, users: f64) -> f64 {
        let [control, treatment] = [self.control, self.treatment];
        let [n0, n1] = [users * control.share, users * treatment.share];
        let v0 = control.spread.variance(control.mean) / n0;
        let v1 = treatment.spread.variance(treatment.mean) / n1;
        let sd = (v0 + v1).sqrt();
        // How far the expected difference is beyond the critical one, and by how much it varies.
        let (beyond, varies) = match self.decision {
            PlannedDecision::ProbabilityToBeat { threshold, prior_variance } => {
                let seen = self.posteriors([n0, n1], [v0, v1], prior_variance);
                (seen.difference - normal_quantile(threshold) * seen.sd, seen.weight * sd)
            }
            PlannedDecision::TwoSided { alpha } => {
                let error = self.error_without_effect([n0, n1], sd);
                (self.difference().abs() - normal_quantile(1.0 - 0.5 * alpha) * error, sd)
            }
        };
        // Without any spread the difference is known.
        if varies > 0.0 { normal_cdf(beyond / varies) } else { f64::from(u8::from(beyond > 0.0)) }
    }

    /// The posteriors of data that are as expected.
    fn posteriors(&self, [n0, n1]: [f64; 2], [v0, v1]: [f64; 2], prior_variance: f64) -> Expected {
        let (base, own, sign) = (self.control.mean, self.treatment.mean, self.difference());
        let toward = |difference: f64| difference * 1_f64.copysign(sign);
        match (self.control.spread, self.treatment.spread) {
            (PlannedSpread::Rate { counted }, PlannedSpread::Rate { counted: own_counted }) => {
                // The control's prior is flat: one conversion of two users.
                let [n0, n1] = [n0 * counted, n1 * own_counted];
                let mean = (n0 * base + 1.0) / (n0 + 2.0);
                let variance = mean * (1.0 - mean) / (n0 + 3.0);
                let prior_users = (mean * (1.0 - mean) / (mean * mean * prior_variance + variance)
                    - 1.0)
                    .max(SMALLEST_SHAPE / mean.min(1.0 - mean));
                let weight = n1 / (n1 + prior_users);
                let treated = mean + weight * (own - mean);
                let own_variance = treated * (1.0 - treated) / (n1 + prior_users + 1.0);
                let sd = (variance + own_variance).sqrt();
                Expected { difference: toward(treated - mean), sd, weight }
            }
            _ => {
                let before = base * base * prior_variance + v0;
                let weight = if before + v1 > 0.0 { before / (before + v1) } else { 1.0 };
                let sd = (weight * v1 + v0).sqrt();
                Expected { difference: weight * toward(own - base), sd, weight }
            }
        }
    }

    /// Standard error of the difference as a two-sided test without an effect has it.
    fn error_without_effect(&self, [n0, n1]: [f64; 2], sd: f64) -> f64 {
        match (self.control.spread, self.treatment.spread) {
            (PlannedSpread::Rate { counted: c0 }, PlannedSpread::Rate { counted: c1 }) => {
                let [n0, n1] = [n0 * c0, n1 * c1];
                let pooled = (n0 * self.control.mean + n1 * self.treatment.mean) / (n0 + n1);
                (pooled * (1.0 - pooled) * (1.0 / n0 + 1.0 / n1)).sqrt()
            }
            _ => sd,
        }
    }

    /// Fewest users, in all variations together, at which the power reaches `power`; `None` where
    /// there is no effect or more users than there are people would be needed.
    #[must_use]
    pub fn users(&self, power: f64) -> Option<u64> {
        let reached = |users: f64| self.power(users) >= power;
        let users = if reached(2.0) { Some(2.0) } else { smallest(2.0, reached) };
        users.filter(|_| self.difference() != 0.0).map(|users| users as u64)
    }

    /// The smallest difference in the direction of `sign` that the test finds with probability
    /// `power`, in the metric's unit, without its sign. `None` where no difference is found that
    /// often: a rate cannot leave 0 to 1.
    #[must_use]
    pub fn smallest_effect(&self, users: f64, power: f64, sign: f64) -> Option<f64> {
        let base = self.control.mean;
        let reached = |effect: f64| self.with_treatment(base + sign * effect).power(users) >= power;
        let most = match self.treatment.spread {
            PlannedSpread::Rate { .. } if sign > 0.0 => 1.0 - base,
            PlannedSpread::Rate { .. } => base,
            PlannedSpread::Variance(variance) => {
                let mut most = (variance / users).sqrt().max(f64::MIN_POSITIVE);
                // Each standard error more moves the power by as much.
                for _ in 0..64 {
                    if reached(most) {
                        break;
                    }
                    most *= 2.0;
                }
                most
            }
        };
        if !reached(most) {
            return None;
        }
        let (mut low, mut high) = (0.0, most);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if reached(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulated_power;
    use super::*;
    use crate::random::Seed;

    /// The prior variance of rates, and that of means.
    const PRIORS: [f64; 2] = [0.041, 0.18];

    fn rates(control: f64, treatment: f64, shares: [f64; 2], threshold: f64) -> PlannedTest {
        let spread = PlannedSpread::Rate { counted: 1.0 };
        PlannedTest {
            control: PlannedArm { mean: control, spread, share: shares[0] },
            treatment: PlannedArm { mean: treatment, spread, share: shares[1] },
            decision: PlannedDecision::ProbabilityToBeat { threshold, prior_variance: PRIORS[0] },
        }
    }

    fn means(control: f64, treatment: f64, sd: f64) -> PlannedTest {
        let spread = PlannedSpread::Variance(sd * sd);
        PlannedTest {
            control: PlannedArm { mean: control, spread, share: 0.5 },
            treatment: PlannedArm { mean: treatment, spread, share: 0.5 },
            decision: PlannedDecision::ProbabilityToBeat {
                threshold: 0.9,
                prior_variance: PRIORS[1],
            },
        }
    }

    fn two_sided(mut test: PlannedTest, alpha: f64) -> PlannedTest {
        test.decision = PlannedDecision::TwoSided { alpha };
        test
    }

    #[test]
    fn the_power_of_rates_equals_the_sum_over_all_outcomes_in_scipy() {
        // scipy 1.17.1: for each number of conversions of the control the fewest of the treatment
        // at which P(treatment > control) of the Beta posteriors (200-point Gauss-Legendre) reaches
        // 0.9; then the sum of binom.pmf * binom.sf.
        let known = [
            (0.62, 0.65, [2333.0, 2333.0], 0.8018, 0.001),
            (0.3, 0.33, [1000.0, 1000.0], 0.5374, 0.002),
            (0.95, 0.96, [3000.0, 3000.0], 0.7395, 0.002),
            (0.62, 0.65, [3000.0, 800.0], 0.6107, 0.002),
            (0.9, 0.93, [600.0, 600.0], 0.7489, 0.006),
            // Twenty conversions are few for a normal distribution.
            (0.02, 0.03, [1000.0, 1000.0], 0.3415, 0.008),
        ];
        for (control, treatment, users, exact, within) in known {
            let all = users[0] + users[1];
            let power = rates(control, treatment, users.map(|own| own / all), 0.9).power(all);
            assert!((power - exact).abs() < within, "{control} {treatment}: {power}, not {exact}");
        }
    }

    #[test]
    fn users_equal_the_same_formulas_in_scipy() {
        // scipy 1.17.1 norm.cdf and norm.ppf of the formulas in the head of this file; the first
        // number of users that reaches the power, by bisection.
        let half = [0.5, 0.5];
        assert_eq!(rates(0.62, 0.65, half, 0.9).users(0.8), Some(4631));
        assert_eq!(rates(0.62, 0.65, half, 0.95).users(0.9), Some(8803));
        assert_eq!(rates(0.62, 0.65, [0.8, 0.2], 0.9).users(0.8), Some(7202));
        assert_eq!(rates(0.62, 0.59, half, 0.9).users(0.8), Some(4838));
        assert_eq!(means(420.0, 440.0, 300.0).users(0.8), Some(4063));
    }

    #[test]
    fn two_sided_tests_equal_published_sizes() {
        // The help page of R's power.prop.test: power.prop.test(p1 = .50, p2 = .75, power = .90)
        // needs 76.7 users in each group.
        let test = two_sided(rates(0.5, 0.75, [0.5, 0.5], 0.9), 0.05);
        assert_eq!(test.users(0.9), Some(154));
        assert!((test.power(2.0 * 76.7) - 0.9).abs() < 1e-4);
        // statsmodels 0.15.0: samplesize_proportions_2indep_onetail(.03, .62, .8, alpha=.025) is
        // 4041.43 in each group; NormalIndPower().solve_power(.5, alpha=.05, power=.8) is 62.79.
        let test = two_sided(rates(0.62, 0.65, [0.5, 0.5], 0.9), 0.05);
        assert_eq!(test.users(0.8), Some(8083));
        assert_eq!(two_sided(means(0.0, 0.5, 1.0), 0.05).users(0.8), Some(126));
    }

    #[test]
    fn without_a_prior_a_probability_to_beat_is_a_one_sided_z_test() {
        // statsmodels 0.15.0: NormalIndPower().solve_power(20 / 300, alpha=.1, power=.8,
        // alternative="larger") is 2028.54 in each group, with ratio=.25 it is 5071.35 and a
        // quarter of that.
        let flat = PlannedDecision::ProbabilityToBeat { threshold: 0.9, prior_variance: 1e12 };
        let mut test = PlannedTest { decision: flat, ..means(420.0, 440.0, 300.0) };
        assert_eq!(test.users(0.8), Some(4058));
        (test.control.share, test.treatment.share) = (0.8, 0.2);
        assert_eq!(test.users(0.8), Some(6340));
    }

    #[test]
    fn smallest_effects_equal_scipy() {
        // scipy 1.17.1 brentq of the same formulas.
        let close = |found: Option<f64>, right: f64| {
            assert!((found.unwrap() / right - 1.0).abs() < 1e-9, "{found:?}, not {right}");
        };
        let rate = rates(0.62, 0.62, [0.5, 0.5], 0.9);
        close(rate.smallest_effect(2000.0, 0.8, 1.0), 0.045_474_320_515_179_54);
        close(rate.smallest_effect(2000.0, 0.8, -1.0), 0.047_027_672_288_578_43);
        let mean = means(420.0, 420.0, 300.0);
        close(mean.smallest_effect(1000.0, 0.8, 1.0), 40.387_147_865_928_65);
        // (z(0.975) + z(0.8)) * 300 * sqrt(4 / 1000).
        close(two_sided(mean, 0.05).smallest_effect(1000.0, 0.8, -1.0), 53.156_342_079_789_58);
    }

    #[test]
    fn what_cannot_be_found_has_no_size_and_no_effect() {
        assert_eq!(rates(0.62, 0.62, [0.5, 0.5], 0.9).users(0.8), None);
        assert_eq!(means(420.0, 420.000_001, 300.0).users(0.8), None);
        // From 99% only one point is left above.
        assert_eq!(rates(0.99, 0.99, [0.5, 0.5], 0.9).smallest_effect(50.0, 0.8, 1.0), None);
    }

    #[test]
    fn an_effect_is_the_smallest_one_at_the_users_that_it_needs() {
        for test in [
            rates(0.62, 0.65, [0.5, 0.5], 0.9),
            rates(0.1, 0.08, [0.7, 0.3], 0.95),
            means(420.0, 400.0, 300.0),
            two_sided(rates(0.3, 0.33, [0.5, 0.5], 0.9), 0.05),
        ] {
            let users = test.users(0.8).unwrap() as f64;
            let sign = 1_f64.copysign(test.difference());
            let effect = test.smallest_effect(users, 0.8, sign).unwrap();
            assert!((sign * effect / test.difference() - 1.0).abs() < 0.001, "{test:?}: {effect}");
            assert!(test.power(users - 2.0) < 0.8 && test.power(users) >= 0.8, "{test:?}");
        }
    }

    #[test]
    fn simulated_experiments_find_the_effect_as_often_as_the_formula_says() {
        let replications = 4000;
        for (test, users) in [
            (rates(0.62, 0.65, [0.5, 0.5], 0.9), 4631),
            (rates(0.62, 0.59, [0.3, 0.7], 0.9), 4000),
            (means(420.0, 440.0, 300.0), 4063),
            (two_sided(rates(0.3, 0.35, [0.5, 0.5], 0.9), 0.05), 2000),
            (two_sided(means(420.0, 440.0, 300.0), 0.05), 5000),
        ] {
            let found = simulated_power(&test, users, Seed(1), replications);
            let share = found as f64 / replications as f64;
            let power = test.power(users as f64);
            // Three and a half standard errors of so many replications, and what is not normal.
            let within = 3.5 * (power * (1.0 - power) / replications as f64).sqrt() + 0.003;
            assert!((share - power).abs() < within, "{test:?}: {share}, not {power}");
        }
    }

    #[test]
    fn without_an_effect_as_many_experiments_find_one_as_the_decision_says() {
        let replications = 4000;
        for test in [rates(0.4, 0.4, [0.5, 0.5], 0.9), means(10.0, 10.0, 5.0)] {
            let found = simulated_power(&test, 4000, Seed(2), replications);
            let share = found as f64 / replications as f64;
            assert!((share - test.decision.false_alarms_one_sided()).abs() < 0.017, "{share}");
        }
    }
}
