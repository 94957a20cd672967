//! What a judged rate says once the judge's own errors are taken out.
//!
//! W. J. Rogan & B. Gladen 1978, "Estimating prevalence from the results of a screening test",
//! *American Journal of Epidemiology* 107, 71-76; uncertainty by the delta method, with that of
//! sensitivity and specificity included (J. Reiczigel, J. Földi & L. Ózsvári 2010, *Epidemiology
//! and Infection* 138, 1674-1678, discuss it).
//!
//! Guarantees: a corrected rate with its standard error, or the reason why there is none.
//!
//! Does not know: who the judge is.

use super::result::Interval;
use super::special::two_sided_z;
use crate::experiment::JudgeAccuracy;

/// A rate or a difference of rates, corrected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorrectedRate {
    /// The corrected value. A rate may fall outside 0 to 1: then the judge's stated accuracy and
    /// its verdicts disagree.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl CorrectedRate {
    /// The normal interval that holds `mass`.
    #[must_use]
    pub fn interval(self, mass: f64) -> Interval {
        let reach = two_sided_z(mass) * self.standard_error;
        Interval { lower: self.value - reach, upper: self.value + reach }
    }
}

impl JudgeAccuracy {
    /// How much of a true gap the judge shows: sensitivity + specificity - 1 (Youden's index). A
    /// difference d between two arms is judged as d times this.
    ///
    /// # Errors
    /// When a share is not between 0 and 1, or when the judge does no better than a coin.
    pub fn informedness(&self) -> Result<f64, String> {
        for (value, what) in [(self.sensitivity, "sensitivity"), (self.specificity, "specificity")]
        {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("a {what} lies between 0 and 1, found {value}"));
            }
        }
        let informedness = self.sensitivity + self.specificity - 1.0;
        if informedness > 0.0 {
            Ok(informedness)
        } else {
            Err("a judge that does no better than a coin says nothing about the true rate".into())
        }
    }

    fn label_variances(&self) -> (f64, f64) {
        let variance = |share: f64, labels: Option<u64>| match labels {
            Some(labels) if labels > 0 => share * (1.0 - share) / labels as f64,
            _ => 0.0,
        };
        (
            variance(self.sensitivity, self.sensitivity_labels),
            variance(self.specificity, self.specificity_labels),
        )
    }
}

/// The true rate behind `positives` of `judged` answers: (q + c - 1) / (s + c - 1), q being the
/// judged rate.
///
/// # Errors
/// When nothing was judged, or when the judge says nothing (see [`JudgeAccuracy::informedness`]).
pub fn corrected_rate(
    positives: u64,
    judged: u64,
    accuracy: &JudgeAccuracy,
) -> Result<CorrectedRate, String> {
    let informedness = accuracy.informedness()?;
    let (rate, variance) = judged_rate(positives, judged)?;
    let value = (rate + accuracy.specificity - 1.0) / informedness;
    let (sensitivity, specificity) = accuracy.label_variances();
    let standard_error =
        (variance + value * value * sensitivity + (1.0 - value) * (1.0 - value) * specificity)
            .sqrt()
            / informedness;
    Ok(CorrectedRate { value, standard_error })
}

/// The true difference treatment - control behind two judged rates, each as (positives, judged),
/// under one judge: the judged gap over the judge's informedness; what is uncertain in the judge is
/// common to both arms.
///
/// # Errors
/// As [`corrected_rate`].
pub fn corrected_difference(
    treatment: (u64, u64),
    control: (u64, u64),
    accuracy: &JudgeAccuracy,
) -> Result<CorrectedRate, String> {
    let informedness = accuracy.informedness()?;
    let (own, own_variance) = judged_rate(treatment.0, treatment.1)?;
    let (base, base_variance) = judged_rate(control.0, control.1)?;
    let value = (own - base) / informedness;
    let (sensitivity, specificity) = accuracy.label_variances();
    let standard_error =
        (own_variance + base_variance + value * value * (sensitivity + specificity)).sqrt()
            / informedness;
    Ok(CorrectedRate { value, standard_error })
}

/// A treatment's rate without the judge's errors, and its difference from the control's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeCorrection {
    /// Units that the judge gave a verdict on.
    pub judged: u64,
    /// Share of them that it called good, from 0 to 1.
    pub judged_rate: f64,
    /// The rate.
    pub rate: CorrectedRate,
    /// The rate less the control's; `None` for the control itself.
    pub difference: Option<CorrectedRate>,
}

impl JudgeCorrection {
    /// What a rate outside of 0 to 1 means; `None` where it is inside.
    #[must_use]
    pub fn impossible(&self) -> Option<String> {
        let beyond = match self.rate.value {
            rate if rate < 0.0 => {
                "below 0%: the judge calls fewer answers good than its false positive rate implies"
            }
            rate if rate > 1.0 => {
                "above 100%: the judge calls more answers good than its sensitivity allows"
            }
            _ => return None,
        };
        Some(format!(
            "the corrected rate is {beyond}; the stated accuracy is not that of this judge on these answers, or chance did it"
        ))
    }
}

/// Corrects a treatment's (conversions, judged units), and its difference from the control's.
///
/// # Errors
/// As [`corrected_rate`], and when it is not known how many units were judged.
pub fn corrected(
    own: (u64, Option<u64>),
    control: Option<(u64, Option<u64>)>,
    accuracy: &JudgeAccuracy,
) -> Result<JudgeCorrection, String> {
    let known = |(conversions, judged): (u64, Option<u64>)| {
        judged.map(|judged| (conversions, judged)).ok_or(UNKNOWN_JUDGED)
    };
    let own = known(own)?;
    let rate = corrected_rate(own.0, own.1, accuracy)?;
    let difference =
        control.map(|control| corrected_difference(own, known(control)?, accuracy)).transpose()?;
    let (judged_rate, _) = judged_rate(own.0, own.1)?;
    Ok(JudgeCorrection { judged: own.1, judged_rate, rate, difference })
}

/// Why a rate of recorded events may have no correction.
const UNKNOWN_JUDGED: &str = "it is not known how many users were judged: name the judge's two events alike, one with `positive` and one \
                              with `negative` in it";

fn judged_rate(positives: u64, judged: u64) -> Result<(f64, f64), String> {
    if judged == 0 {
        return Err("no answer was judged".into());
    }
    if positives > judged {
        return Err(format!("more positive verdicts ({positives}) than judged answers ({judged})"));
    }
    let rate = positives as f64 / judged as f64;
    Ok((rate, rate * (1.0 - rate) / judged as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, Purpose, Seed};

    const EXACT: JudgeAccuracy = JudgeAccuracy {
        sensitivity: 0.9,
        sensitivity_labels: None,
        specificity: 0.8,
        specificity_labels: None,
    };

    #[test]
    fn a_judged_rate_is_corrected_as_by_hand() {
        // True 0.6: judged 0.6 * 0.9 + 0.4 * 0.2 = 0.62.
        let found = corrected_rate(620, 1000, &EXACT).unwrap();
        assert!((found.value - 0.6).abs() < 1e-12);
        assert!((found.standard_error - (0.62 * 0.38 / 1000.0_f64).sqrt() / 0.7).abs() < 1e-12);
        // A judge shrinks a gap d to d (s + c - 1).
        let gap = corrected_difference((690, 1000), (620, 1000), &EXACT).unwrap();
        assert!((gap.value - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_judge_without_information_gives_a_reason() {
        let coin = JudgeAccuracy { sensitivity: 0.5, specificity: 0.5, ..EXACT };
        assert!(corrected_rate(1, 2, &coin).unwrap_err().contains("coin"));
        assert!(corrected_rate(0, 0, &EXACT).is_err() && corrected_rate(3, 2, &EXACT).is_err());
        assert!(corrected_rate(1, 2, &JudgeAccuracy { sensitivity: f64::NAN, ..EXACT }).is_err());
    }

    #[test]
    fn an_impossible_rate_is_explained() {
        // A judge of specificity 0.8 calls 20% of bad answers good: 10% judged good is fewer than
        // that.
        let below = corrected((10, Some(100)), None, &EXACT).unwrap();
        assert!(
            (below.rate.value + 1.0 / 7.0).abs() < 1e-12
                && below.impossible().unwrap().contains("below 0%")
        );
        let above = corrected((95, Some(100)), None, &EXACT).unwrap();
        assert!(
            (above.rate.value - 15.0 / 14.0).abs() < 1e-12
                && above.impossible().unwrap().contains("above 100%")
        );
        assert_eq!(corrected((62, Some(100)), None, &EXACT).unwrap().impossible(), None);
        assert!(
            corrected((62, None), None, &EXACT).unwrap_err().contains("how many users were judged")
        );
    }

    #[test]
    fn intervals_cover_the_truth_when_the_judge_is_measured_too() {
        let mut luck = Seed(17).stage(Purpose::Judge, Owner::NOBODY, 0);
        let mut count = |n: u64, p: f64| (0..n).filter(|_| luck.chance(p)).count() as u64;
        let covered = (0..2_000).filter(|_| {
            let accuracy = JudgeAccuracy {
                sensitivity: count(150, 0.85) as f64 / 150.0,
                sensitivity_labels: Some(150),
                specificity: count(150, 0.75) as f64 / 150.0,
                specificity_labels: Some(150),
            };
            let found =
                corrected_rate(count(400, 0.3 * 0.85 + 0.7 * 0.25), 400, &accuracy).unwrap();
            (found.value - 0.3).abs() < 1.644_853_627 * found.standard_error
        });
        let share = covered.count() as f64 / 2_000.0;
        assert!((0.88..=0.92).contains(&share), "{share}");
    }
}
