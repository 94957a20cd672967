//! Two variations on the same questions: the difference of the questions' means with its error, and
//! how much of it comes from questions, answers and judgings.
//!
//! Model: crossed and nested random effects. The score of one judging of one answer is the
//! variation's mean, plus what the question adds in both variations, plus what it adds in this one,
//! plus what the answer adds, plus what the judging adds.
//!
//! Sources: the difference is that of the paired t test of the questions' means, so a question is a
//! cluster (W. S. Gosset ("Student") 1908, *Biometrika* 6, 1-25). The split is the method of
//! moments: observed mean squares are set equal to their expectations (S. R. Searle, G. Casella &
//! C. E. McCulloch 1992, *Variance Components*, chapters 3 to 5). A component whose estimate is
//! negative counts as 0, and says so.
//!
//! Guarantees: pure; questions may have different numbers of answers and judgings; a part that the
//! data cannot tell apart is `None`.
//!
//! Does not know: metrics, or where scores come from.

use super::effect::{Bound, Effect, Interval};
use super::relative::of_control;
use super::student::{cdf, positive_part, two_sided, two_sided_reach};

/// The answers of one variation to one question: for each answer the scores of its judgings.
/// Answers without a score are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionScores {
    /// Mean of the answers' means.
    mean: f64,
    /// Answers with a score.
    answers: f64,
    /// Sum of the squared distances of the answers' means from their mean.
    between: f64,
    /// Sum over the answers of 1 over their judgings.
    inverse: f64,
    /// Sum of the squared distances of scores from their answer's mean.
    within: f64,
    /// Scores less answers.
    within_degrees: f64,
}

impl QuestionScores {
    /// Reads the scores of each answer; `None` where there is no score.
    #[must_use]
    pub fn of(answers: impl IntoIterator<Item = Vec<f64>>) -> Option<Self> {
        let (mut means, mut inverse, mut within, mut within_degrees) = (Vec::new(), 0.0, 0.0, 0.0);
        for scores in answers.into_iter().filter(|scores| !scores.is_empty()) {
            let judgings = scores.len() as f64;
            let mean = scores.iter().sum::<f64>() / judgings;
            within += scores.iter().map(|score| (score - mean) * (score - mean)).sum::<f64>();
            within_degrees += judgings - 1.0;
            inverse += 1.0 / judgings;
            means.push(mean);
        }
        if means.is_empty() {
            return None;
        }
        let answers = means.len() as f64;
        let mean = means.iter().sum::<f64>() / answers;
        let between = means.iter().map(|own| (own - mean) * (own - mean)).sum();
        Some(Self { mean, answers, between, inverse, within, within_degrees })
    }

    /// The question's mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }
}

/// A variance that was estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VarianceComponent {
    /// The variance, in the square of the score's unit; at least 0.
    pub variance: f64,
    /// Whether the estimate was negative and counts as 0.
    pub truncated: bool,
}

impl VarianceComponent {
    fn of(estimate: f64) -> Self {
        Self { variance: estimate.max(0.0), truncated: estimate < 0.0 }
    }

    /// The standard deviation, in the score's unit.
    #[must_use]
    pub fn sd(self) -> f64 {
        self.variance.sqrt()
    }
}

/// Where differences between scores come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VarianceSplit {
    /// Questions are harder or easier for both variations: it cancels in the difference.
    pub question: VarianceComponent,
    /// The true difference of the variations varies from question to question; with one answer each,
    /// what answers add is in it.
    pub effect: VarianceComponent,
    /// Answers of one variation to the same question differ; with one judging each, what judgings add
    /// is in it. `None` where no question has two answers of a variation.
    pub answer: Option<VarianceComponent>,
    /// Judgings of the same answer differ. `None` where no answer has two judgings.
    pub judging: Option<VarianceComponent>,
}

/// A treatment against the control on the same questions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedDifference {
    /// Questions with a score in both.
    pub questions: u64,
    /// Mean of the treatment.
    pub own: f64,
    /// Mean of the control.
    pub base: f64,
    /// Variance of the treatment's mean.
    own_variance: f64,
    /// Variance of the control's mean.
    base_variance: f64,
    /// Covariance of both.
    covariance: f64,
    /// Where differences come from.
    pub split: VarianceSplit,
}

/// Treatment and control on the questions that have a score in both; `None` for fewer than two.
#[must_use]
pub fn paired_difference(
    own: &[Option<QuestionScores>],
    base: &[Option<QuestionScores>],
) -> Option<PairedDifference> {
    let pairs: Vec<(&QuestionScores, &QuestionScores)> = own
        .iter()
        .zip(base)
        .filter_map(|(own, base)| Some((own.as_ref()?, base.as_ref()?)))
        .collect();
    if pairs.len() < 2 {
        return None;
    }
    let n = pairs.len() as f64;
    let mean = |of: &dyn Fn(&(&QuestionScores, &QuestionScores)) -> f64| {
        pairs.iter().map(of).sum::<f64>() / n
    };
    let own_mean = mean(&|pair| pair.0.mean);
    let base_mean = mean(&|pair| pair.1.mean);
    let moment = |of: &dyn Fn(f64, f64) -> f64| {
        let sum: f64 =
            pairs.iter().map(|pair| of(pair.0.mean - own_mean, pair.1.mean - base_mean)).sum();
        sum / (n - 1.0)
    };
    let (own_square, base_square) = (moment(&|own, _| own * own), moment(&|_, base| base * base));
    let product = moment(&|own, base| own * base);
    // Of its own, so that equal differences have a variance of exactly 0.
    let difference_square = moment(&|own, base| (own - base) * (own - base));
    let all = || pairs.iter().flat_map(|pair| [pair.0, pair.1]);
    let sum = |of: fn(&QuestionScores) -> f64| all().map(of).sum::<f64>();
    let within_degrees = sum(|own| own.within_degrees);
    let judging = (within_degrees > 0.0).then(|| sum(|own| own.within) / within_degrees);
    let between_degrees = sum(|own| own.answers - 1.0);
    let answer = (between_degrees > 0.0).then(|| {
        let judgings = sum(|own| (own.answers - 1.0) * own.inverse / own.answers);
        (sum(|own| own.between) - judging.unwrap_or(0.0) * judgings) / between_degrees
    });
    let per_question = |of: fn(&QuestionScores) -> f64| sum(of) / n;
    let noise = answer.unwrap_or(0.0) * per_question(|own| 1.0 / own.answers)
        + judging.unwrap_or(0.0) * per_question(|own| own.inverse / (own.answers * own.answers));
    let split = VarianceSplit {
        question: VarianceComponent::of(product),
        effect: VarianceComponent::of(difference_square - noise),
        answer: answer.map(VarianceComponent::of),
        judging: judging.map(VarianceComponent::of),
    };
    Some(PairedDifference {
        questions: pairs.len() as u64,
        own: own_mean,
        base: base_mean,
        own_variance: own_square / n,
        base_variance: base_square / n,
        covariance: 0.5 * (own_square + base_square - difference_square) / n,
        split,
    })
}

impl PairedDifference {
    /// Treatment - control, in the score's unit.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.own - self.base
    }

    /// Its standard error; 0 where all questions have the same difference.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.variance_at(1.0).sqrt()
    }

    /// Standard error that the difference would have if each variation had questions of its own.
    #[must_use]
    pub fn unpaired_error(&self) -> f64 {
        (self.own_variance + self.base_variance).sqrt()
    }

    /// Degrees of freedom of the test.
    #[must_use]
    pub fn degrees(&self) -> f64 {
        (self.questions - 1) as f64
    }

    /// Variance of treatment - `ratio` control.
    fn variance_at(&self, ratio: f64) -> f64 {
        let terms =
            self.own_variance - 2.0 * ratio * self.covariance + ratio * ratio * self.base_variance;
        // What rounding leaves of a variance of 0.
        let rounding =
            4.0 * f64::EPSILON * (self.own_variance + ratio * ratio * self.base_variance);
        if terms > rounding { terms } else { 0.0 }
    }

    /// Probability that treatment - `ratio` control is at least `least`, under a flat prior.
    fn above(&self, ratio: f64, least: f64) -> f64 {
        let (center, error) =
            (self.own - ratio * self.base - least, self.variance_at(ratio).sqrt());
        if error > 0.0 {
            cdf(center / error, self.degrees())
        } else {
            f64::from(u8::from(center >= 0.0))
        }
    }

    /// Probability that the treatment is better; `sign` is +1 when higher is better.
    #[must_use]
    pub fn beats(&self, sign: f64) -> f64 {
        let above = self.above(1.0, 0.0);
        if sign > 0.0 { above } else { 1.0 - above }
    }

    /// Probability that the effect keeps within a bound.
    #[must_use]
    pub fn within(&self, effect: Effect, bound: Bound) -> f64 {
        let above = |at: f64| match effect {
            Effect::Relative => self.above(1.0 + at * self.base.signum(), 0.0),
            Effect::Absolute => self.above(1.0, at),
        };
        match bound {
            Bound::AtLeast(at) => above(at),
            Bound::AtMost(at) => 1.0 - above(at),
        }
    }

    /// Two-sided p-value of "no difference", and the one against "no better than the control".
    #[must_use]
    pub fn p_values(&self, sign: f64) -> (f64, f64) {
        let t = self.difference() / self.error();
        (two_sided(t, self.degrees()), cdf(-t * sign, self.degrees()))
    }

    /// The interval of the difference that holds `mass`, in the score's unit.
    #[must_use]
    pub fn interval(&self, mass: f64) -> Interval {
        let half = two_sided_reach(mass, self.degrees()) * self.error();
        Interval { lower: self.difference() - half, upper: self.difference() + half }
    }

    /// The difference relative to |control|, and Fieller's interval of it that holds `mass`; `None`
    /// where the control's own interval holds 0. It leaves out 0 exactly where the interval of the
    /// difference does (E. C. Fieller 1954, *JRSS B* 16, 175-185, for correlated means).
    #[must_use]
    pub fn relative(&self, mass: f64) -> Option<(f64, Interval)> {
        let reach = two_sided_reach(mass, self.degrees());
        let size = of_control(self.base, self.base_variance.sqrt(), reach)?;
        let square = reach * reach;
        // The ratios r at which (own - r base)^2 is `square` times its variance.
        let a = self.base * self.base - square * self.base_variance;
        let b = self.own * self.base - square * self.covariance;
        let c = self.own * self.own - square * self.own_variance;
        let root = (b * b - a * c).max(0.0).sqrt();
        let (lower, upper) = ((b - root) / a - 1.0, (b + root) / a - 1.0);
        let (lower, upper) = if self.base > 0.0 { (lower, upper) } else { (-upper, -lower) };
        (lower.is_finite() && upper.is_finite())
            .then_some((self.difference() / size, Interval { lower, upper }))
    }

    /// What shipping the treatment is expected to lose, in the score's unit.
    #[must_use]
    pub fn expected_loss(&self, sign: f64) -> f64 {
        let (center, error) = (-sign * self.difference(), self.error());
        if error > 0.0 { positive_part(center, error, self.degrees()) } else { center.max(0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 12 questions; for each the scores of two variations, three answers and two judgings, drawn
    /// with NumPy and rounded.
    const SCORES: [[f64; 12]; 12] = [
        [0.21, 0.28, 0.16, 0.14, 0.48, 0.34, 0.33, 0.19, 0.04, -0.06, 0.17, 0.15],
        [0.71, 0.75, 0.49, 0.41, 0.60, 0.73, 0.71, 0.78, 0.56, 0.72, 0.81, 0.77],
        [-0.13, -0.13, -0.29, -0.29, 0.06, 0.25, -0.16, 0.06, 0.30, 0.12, 0.18, 0.03],
        [0.70, 0.68, 0.80, 0.82, 0.79, 0.69, 0.47, 0.46, 0.90, 0.83, 0.66, 0.51],
        [0.08, 0.11, 0.22, 0.36, 0.09, 0.03, 0.27, 0.19, 0.15, 0.17, 0.28, 0.33],
        [1.16, 1.03, 1.18, 1.09, 1.07, 1.04, 1.40, 1.48, 1.44, 1.58, 1.12, 1.13],
        [0.57, 0.64, 0.78, 0.74, 0.90, 0.78, 0.73, 0.78, 0.89, 0.98, 0.57, 0.91],
        [1.01, 0.83, 0.69, 0.90, 0.66, 0.65, 0.87, 0.95, 0.98, 0.96, 0.93, 0.94],
        [0.37, 0.56, 0.29, 0.48, 0.34, 0.26, 0.35, 0.38, 0.00, 0.36, -0.04, 0.03],
        [0.84, 0.98, 1.09, 0.90, 0.56, 0.81, 0.41, 0.46, 0.86, 1.03, 0.83, 0.88],
        [1.50, 1.58, 1.31, 1.23, 1.33, 1.62, 1.53, 1.38, 1.17, 1.39, 1.10, 1.22],
        [0.68, 0.67, 1.04, 0.97, 0.78, 0.92, 1.14, 1.03, 1.02, 0.96, 0.76, 0.93],
    ];

    fn question(of: &[f64]) -> Option<QuestionScores> {
        QuestionScores::of(of.chunks(2).map(<[f64]>::to_vec))
    }

    fn found() -> PairedDifference {
        let own: Vec<_> = SCORES.iter().map(|scores| question(&scores[6..])).collect();
        let base: Vec<_> = SCORES.iter().map(|scores| question(&scores[..6])).collect();
        paired_difference(&own, &base).unwrap()
    }

    fn close(found: f64, right: f64) {
        assert!((found - right).abs() < 1e-9, "{found}, not {right}");
    }

    #[test]
    fn the_test_is_the_paired_t_test_of_scipy() {
        // SciPy 1.17.1: stats.ttest_rel of the questions' means, and its confidence_interval(0.9).
        let own = found();
        let (both, above) = own.p_values(1.0);
        close(both, 0.589_443_630_731_690_5);
        close(above, 0.294_721_815_365_845_24);
        close(own.beats(1.0), 1.0 - above);
        close(own.beats(-1.0), above);
        close(own.error(), 0.044_226_957_610_277_46);
        close(own.unpaired_error(), 0.175_247_455_116_162_4);
        let Interval { lower, upper } = own.interval(0.9);
        close(lower, -0.054_843_188_416_431_28);
        close(upper, 0.104_009_855_083_097_85);
        // SciPy: the root of the t test of own - ratio * base, with optimize.brentq.
        let (change, Interval { lower, upper }) = own.relative(0.9).unwrap();
        close(change, 0.037_683_627_847_561_85);
        close(lower, -0.085_811_553_549_046_57);
        close(upper, 0.175_749_016_093_291_08);
        // SciPy: stats.t.cdf of the mean of own - 1.05 base over its error, and integrate.quad.
        let relative = own.within(Effect::Relative, Bound::AtLeast(0.05));
        close(relative, 0.430_732_225_781_709_42);
        close(own.within(Effect::Relative, Bound::AtMost(0.05)), 1.0 - relative);
        close(own.within(Effect::Absolute, Bound::AtLeast(0.0)), own.beats(1.0));
        close(own.expected_loss(1.0), 0.009_273_701_349_814_758);
    }

    #[test]
    fn the_split_is_that_of_the_analysis_of_variance_and_of_a_mixed_model() {
        let split = found().split;
        // NumPy: mean squares of the nested analysis of variance, set equal to their expectations.
        // For two variations, the effect has twice the variance of the interaction.
        close(split.judging.unwrap().variance, 0.008_493_75);
        close(split.answer.unwrap().variance, 0.017_018_055_555_555_557);
        close(split.effect.variance, 0.009_295_664_983_164_977);
        close(split.question.variance, 0.172_533_880_471_380_44);
        // statsmodels 0.15.0: mixedlm with random questions, variations of questions and answers, by
        // restricted maximum likelihood, to its own accuracy.
        let near = |found: f64, right: f64| assert!((found / right - 1.0).abs() < 3e-4);
        near(split.judging.unwrap().variance, 0.008_494_010);
        near(split.answer.unwrap().variance, 0.017_017_26);
        near(split.effect.variance, 2.0 * 0.004_648);
        near(split.question.variance, 0.172_523);
    }

    #[test]
    fn questions_with_different_numbers_of_answers_are_split_as_by_hand() {
        let of = |answers: &[&[f64]]| QuestionScores::of(answers.iter().map(|own| own.to_vec()));
        let base = [of(&[&[0.5, 0.7], &[0.6]]), of(&[&[0.2]]), of(&[&[0.8, 0.6]])];
        let own = [
            of(&[&[0.9], &[0.7, 0.8, 0.6]]),
            of(&[&[0.4, 0.3], &[0.5]]),
            of(&[&[0.7], &[0.9], &[0.8, 0.8]]),
        ];
        let found = paired_difference(&own, &base).unwrap();
        close(found.difference(), 0.175);
        // 0.065 over 6 degrees; 5 degrees between answers.
        close(found.split.judging.unwrap().variance, 0.065 / 6.0);
        close(found.split.answer.unwrap().variance, 0.001_944_444_444_444_444_4);
        // The estimate is -0.0084.
        assert_eq!(found.split.effect, VarianceComponent { variance: 0.0, truncated: true });
        // A question without a score in a variation is left out.
        let more = |mut all: Vec<Option<QuestionScores>>, last| {
            all.push(last);
            all
        };
        let with = paired_difference(
            &more(own.to_vec(), of(&[&[1.0]])),
            &more(base.to_vec(), of(&[&[], &[]])),
        );
        assert_eq!(with, Some(found));
    }

    #[test]
    fn what_the_data_cannot_tell_apart_is_not_said() {
        let scores = |at: usize| -> Vec<_> {
            SCORES.iter().map(|scores| question(&scores[at..at + 2])).collect()
        };
        let once = paired_difference(&scores(6), &scores(0)).unwrap();
        assert_eq!(once.split.answer, None);
        assert!(once.split.judging.is_some());
        assert_eq!(paired_difference(&scores(6)[..1], &scores(0)[..1]), None);
        // The same answers: nothing varies, and nothing is tested.
        let same = paired_difference(&scores(0), &scores(0)).unwrap();
        assert_eq!((same.difference(), same.error()), (0.0, 0.0));
    }

    #[test]
    fn a_control_below_zero_turns_the_ratio_around() {
        let negative = |at: usize| -> Vec<_> {
            SCORES
                .iter()
                .map(|scores| {
                    let turned: Vec<f64> = scores[at..at + 6].iter().map(|x| -x).collect();
                    question(&turned)
                })
                .collect()
        };
        let turned = paired_difference(&negative(6), &negative(0)).unwrap();
        let (change, Interval { lower, upper }) = turned.relative(0.9).unwrap();
        let (right, interval) = found().relative(0.9).unwrap();
        close(change, -right);
        close(lower, -interval.upper);
        close(upper, -interval.lower);
        let relative = turned.within(Effect::Relative, Bound::AtMost(-0.05));
        close(relative, found().within(Effect::Relative, Bound::AtLeast(0.05)));
    }
}
