//! How likely an offline evaluation finds an effect that sends the same questions through both
//! variations, and the cheapest number of questions, answers and judgings that finds it.
//!
//! The model is the usual one of crossed random effects: a score is the variation's mean, plus what
//! the question adds in that variation, plus what one answer adds, plus what one judging adds. In
//! the mean difference of a question its own difficulty cancels. What is left is how questions
//! differ in the effect, and twice (two variations) the noise of the answers and judgings that the
//! mean is of. The test is a two-sided t test of the questions' mean differences; its power follows
//! from the noncentral t distribution (N. L. Johnson, S. Kotz & N. Balakrishnan, *Continuous
//! Univariate Distributions* 2, 2nd ed., chapter 31).
//!
//! Guarantees: pure; a power from 0 to 1; a bounded number of steps.
//!
//! Does not know: where the spreads come from.

use super::special::{gauss_panels, normal_cdf};
use super::student::two_sided_reach;

/// Most answers of a variation to one question, and most judgings of one answer.
const MAX_REPEATS: u32 = 20;
/// Most questions.
const MAX_QUESTIONS: u64 = 1_000_000_000;
/// Fewest questions that have a spread.
const MIN_QUESTIONS: u64 = 2;

/// How much scores vary: standard deviations in the score's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedSpread {
    /// Of the true difference of the variations from question to question.
    pub effect: f64,
    /// Of answers of one variation to the same question.
    pub answer: f64,
    /// Of judgings of the same answer.
    pub judging: f64,
}

/// What things cost, in dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedCosts {
    /// To collect a question, once.
    pub question: f64,
    /// One answer, the mean of both variations.
    pub answer: f64,
    /// One judging.
    pub judging: f64,
}

/// Numbers of a paired evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedMix {
    /// Questions.
    pub questions: u64,
    /// Answers of each variation to each question.
    pub repeats: u32,
    /// Judgings of each answer.
    pub judgings: u32,
}

impl PairedMix {
    /// What it costs, in dollars.
    #[must_use]
    pub fn cost(self, costs: PairedCosts) -> f64 {
        let answers = 2.0 * f64::from(self.repeats);
        let answer = costs.answer + f64::from(self.judgings) * costs.judging;
        self.questions as f64 * (costs.question + answers * answer)
    }
}

/// A two-sided test of the mean difference of paired scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedTest {
    /// The true difference, in the score's unit.
    pub difference: f64,
    /// How much scores vary.
    pub spread: PairedSpread,
    /// Level of the test, above 0 and below 1.
    pub alpha: f64,
}

impl PairedTest {
    /// Standard deviation of a question's mean difference.
    #[must_use]
    pub fn sd(&self, repeats: u32, judgings: u32) -> f64 {
        let PairedSpread { effect, answer, judging } = self.spread;
        let noise = answer * answer + judging * judging / f64::from(judgings);
        (effect * effect + 2.0 * noise / f64::from(repeats)).sqrt()
    }

    /// Probability that the test finds the difference, in its direction.
    #[must_use]
    pub fn power(&self, mix: PairedMix) -> f64 {
        if mix.questions < MIN_QUESTIONS {
            return 0.0;
        }
        let sd = self.sd(mix.repeats, mix.judgings);
        if sd == 0.0 {
            return f64::from(u8::from(self.difference != 0.0));
        }
        let degrees = (mix.questions - 1) as f64;
        let shift = self.difference.abs() / sd * (mix.questions as f64).sqrt();
        above(two_sided_reach(1.0 - self.alpha, degrees), shift, degrees)
    }

    /// Fewest questions at which the power reaches `power`; `None` where none do.
    #[must_use]
    pub fn questions(&self, power: f64, repeats: u32, judgings: u32) -> Option<u64> {
        let reached = |questions| self.power(PairedMix { questions, repeats, judgings }) >= power;
        if self.difference == 0.0 || !reached(MAX_QUESTIONS) {
            return None;
        }
        let (mut low, mut high) = (MIN_QUESTIONS - 1, MIN_QUESTIONS);
        while !reached(high) {
            (low, high) = (high, (2 * high).min(MAX_QUESTIONS));
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if reached(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    /// The cheapest mix that reaches `power` with at most `available` questions; of equally cheap
    /// ones that with the fewest questions. `None` where no mix of at most 20 answers and 20
    /// judgings does.
    #[must_use]
    pub fn cheapest(
        &self,
        power: f64,
        costs: PairedCosts,
        available: Option<u64>,
    ) -> Option<PairedMix> {
        let pairs = (1..=MAX_REPEATS).flat_map(|r| (1..=MAX_REPEATS).map(move |j| (r, j)));
        let mixes = pairs.filter_map(|(repeats, judgings)| {
            let questions = self.questions(power, repeats, judgings)?;
            Some(PairedMix { questions, repeats, judgings })
        });
        let allowed = mixes.filter(|mix| available.is_none_or(|most| mix.questions <= most));
        allowed.min_by(|a, b| {
            let order = a.cost(costs).total_cmp(&b.cost(costs));
            order.then(a.questions.cmp(&b.questions)).then(a.judgings.cmp(&b.judgings))
        })
    }

    /// The smallest difference that the mix finds with probability `power`, in the score's unit.
    #[must_use]
    pub fn smallest(&self, power: f64, mix: PairedMix) -> Option<f64> {
        let reached = |difference| Self { difference, ..*self }.power(mix) >= power;
        let mut high = self.sd(mix.repeats, mix.judgings);
        if high == 0.0 || mix.questions < MIN_QUESTIONS {
            return None;
        }
        for _ in 0..64 {
            if reached(high) {
                break;
            }
            high *= 2.0;
        }
        let mut low = 0.0;
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if reached(middle) { high = middle } else { low = middle }
        }
        reached(high).then_some(high)
    }
}

/// Probability that a noncentral t variate is above `t`: the mean of the normal tail over the
/// estimate of the standard deviation, which is a chi variate over the root of its degrees.
fn above(t: f64, shift: f64, degrees: f64) -> f64 {
    // The logarithm of the density of that estimate, relative to its mode.
    let log_density = |s: f64| (degrees - 1.0) * libm::log(s) - 0.5 * degrees * s * s;
    let mode = ((degrees - 1.0) / degrees).sqrt();
    let peak = if mode > 0.0 { log_density(mode) } else { 0.0 };
    let width = 1.0 / (2.0 * degrees).sqrt();
    let from = (mode - 10.0 * width).max(0.0);
    let to = mode + 12.0 * width;
    let panels = 24;
    let edge = |n: usize| from + (to - from) * n as f64 / panels as f64;
    let edges: Vec<f64> = (0..=panels).map(edge).collect();
    let density = |s: f64| if s > 0.0 { libm::exp(log_density(s) - peak) } else { 0.0 };
    let mass = gauss_panels(&edges, density);
    let tail = gauss_panels(&edges, |s| density(s) * normal_cdf(shift - t * s));
    (tail / mass).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(difference: f64, effect: f64, answer: f64, judging: f64) -> PairedTest {
        PairedTest { difference, spread: PairedSpread { effect, answer, judging }, alpha: 0.05 }
    }

    #[test]
    fn powers_equal_the_noncentral_t_distribution_of_scipy() {
        // scipy 1.17.1: nct.sf(t.ppf(.975, n - 1), n - 1, d * sqrt(n)).
        for (questions, effect, power) in [
            (2, 1.0, 0.090_579_718_650_594_18),
            (5, 0.8, 0.280_689_458_505_015_8),
            (10, 0.5, 0.292_828_567_266_633_64),
            (30, 0.5, 0.753_962_724_995_129_2),
            (63, 0.36, 0.803_150_334_629_096_8),
            (200, 0.2, 0.803_665_761_344_741_9),
            (5000, 0.05, 0.942_359_153_274_867_4),
        ] {
            let mix = PairedMix { questions, repeats: 1, judgings: 1 };
            let found = test(effect, 1.0, 0.0, 0.0).power(mix);
            assert!((found - power).abs() < 1e-8, "{questions}: {found}, not {power}");
        }
    }

    #[test]
    fn questions_equal_statsmodels() {
        // statsmodels 0.15.0: TTestPower().solve_power(d, power=p, alpha=.05) is 33.37, 264.61 and
        // 14.30.
        for (effect, power, questions) in [(0.5, 0.8, 34), (0.2, 0.9, 265), (-0.8, 0.8, 15)] {
            assert_eq!(test(effect, 1.0, 0.0, 0.0).questions(power, 1, 1), Some(questions));
        }
        assert_eq!(test(0.0, 1.0, 0.0, 0.0).questions(0.8, 1, 1), None);
    }

    #[test]
    fn the_cheapest_mix_equals_a_search_over_all_with_scipy() {
        // All of 20 by 20 numbers of answers and judgings, with scipy 1.17.1's noncentral t.
        let costs = |question| PairedCosts { question, answer: 0.02, judging: 0.002 };
        let mix = |questions, repeats, judgings| Some(PairedMix { questions, repeats, judgings });
        let noisy = test(0.1, 0.2, 0.2, 0.3);
        assert_eq!(noisy.cheapest(0.8, costs(0.0), None), mix(132, 1, 4));
        assert!((mix(132, 1, 4).unwrap().cost(costs(0.0)) - 7.392).abs() < 1e-12);
        assert_eq!(noisy.cheapest(0.8, costs(1.0), None), mix(48, 6, 6));
        let alike = test(0.1, 0.05, 0.2, 0.3);
        assert_eq!(alike.cheapest(0.8, costs(0.0), Some(20)), mix(18, 7, 4));
        // No number of answers makes up for questions that differ and are few.
        assert_eq!(noisy.cheapest(0.8, costs(0.0), Some(20)), None);
    }

    #[test]
    fn the_smallest_difference_is_found_as_often_as_asked() {
        let noisy = test(0.1, 0.2, 0.2, 0.3);
        let mix = PairedMix { questions: 50, repeats: 2, judgings: 3 };
        let difference = noisy.smallest(0.8, mix).unwrap();
        let found = PairedTest { difference, ..noisy }.power(mix);
        assert!((found - 0.8).abs() < 1e-9, "{found}");
    }
}
