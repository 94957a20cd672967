//! What is asked of a plan, and what is wrong with a question.
//!
//! Does not know: how arguments are read.

use crate::experiment::MetricKind;
use crate::figure::Unit;
use crate::quantity::{Lift, Money};

/// Reads the difference that is to be found.
///
/// # Errors
/// When it is no lift, or none that any number of users finds.
pub fn lift_to_find(text: &str) -> Result<Lift, String> {
    match text.parse()? {
        Lift::Points(own) | Lift::Relative(own) | Lift::Amount(own) if own == 0.0 => {
            Err("a lift of 0 cannot be found by any number of users".to_owned())
        }
        lift => Ok(lift),
    }
}

impl Lift {
    /// The treatment's value where the control's is `base`.
    ///
    /// # Errors
    /// When the lift does not fit the kind of metric, or leads out of the range of a rate: what is
    /// wrong, and how to write it.
    pub fn of(self, base: f64, kind: MetricKind, unit: Unit<'_>) -> Result<f64, (String, String)> {
        let rate = kind == MetricKind::Conversion;
        let value = match self {
            Self::Points(own) if rate => base + own,
            Self::Points(_) => {
                return Err((
                    "percentage points are for rates".to_owned(),
                    "write 5% (relative) or a number in the metric's unit".to_owned(),
                ));
            }
            Self::Relative(own) => base + own * base.abs(),
            Self::Amount(own) if rate => {
                let number = crate::figure::written(own.abs());
                return Err((
                    "a rate has two kinds of lift, and this says neither".to_owned(),
                    format!(
                        "write {number}pt (percentage points) or {number}% (relative to the baseline)"
                    ),
                ));
            }
            Self::Amount(own) => base + own,
        };
        if rate && !(value > 0.0 && value < 1.0) {
            return Err((
                format!("this leads from {} to {}", unit.value(base), unit.value(value)),
                "a rate stays between 0% and 100%; plan a smaller lift".to_owned(),
            ));
        }
        if value == base {
            return Err((
                "relative to a baseline of 0 this is no difference".to_owned(),
                "write a number in the metric's unit".to_owned(),
            ));
        }
        Ok(value)
    }
}

/// What is measured where there is no scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum PlannedMeasure {
    /// A share of users: the control's rate, above 0 and below 1.
    Rate(f64),
    /// A number for each user.
    Number {
        /// The control's mean.
        mean: f64,
        /// Standard deviation from user to user, above 0.
        sd: f64,
        /// Its unit of measure; empty for none.
        unit: String,
    },
}

/// The question, whatever is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanRequest {
    /// The difference that is to be found. `None`: that of the scenario; without one the plan has
    /// smallest effects only.
    pub lift: Option<Lift>,
    /// How often it is to be found, above 0 and below 1.
    pub power: f64,
    /// Probability to beat the control at which an effect counts as found; `None`: the
    /// experiment's, or [`crate::experiment::THRESHOLD`].
    pub threshold: Option<f64>,
    /// Level of a two-sided test without a prior, which then takes the place of the threshold.
    pub alpha: Option<f64>,
    /// The split: `50/50`, or `a=50%,b=50%`.
    pub split: Option<String>,
    /// Cost of a user in every variation; `None`: that of the scenario.
    pub cost_per_user: Option<Money>,
    /// Users that enter the experiment in a day, above 0.
    pub users_per_day: Option<f64>,
    /// Numbers of users to show; empty for sizes around the answer.
    pub sizes: Vec<u64>,
}

/// A question that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFault {
    /// The option at fault, such as `--lift`; empty where it is the scenario.
    pub option: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl PlanFault {
    /// A fault of this option.
    pub(super) fn new(
        option: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { option, message: message.into(), help: help.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_users_finds_a_lift_of_zero() {
        assert_eq!(lift_to_find("-5%"), Ok(Lift::Relative(-0.05)));
        assert!(lift_to_find("0%").unwrap_err().contains("cannot be found"));
        assert!(lift_to_find("x").is_err());
    }

    #[test]
    fn a_lift_fits_its_metric_or_says_what_to_write() {
        let rate = |lift: Lift, base| lift.of(base, MetricKind::Conversion, Unit::Rate);
        assert_eq!(rate(Lift::Points(0.03), 0.62), Ok(0.65));
        assert!((rate(Lift::Relative(0.05), 0.62).unwrap() - 0.651).abs() < 1e-12);
        let help = rate(Lift::Amount(3.0), 0.62).unwrap_err().1;
        assert!(help.contains("3pt") && help.contains("3%"), "{help}");
        assert!(rate(Lift::Points(0.4), 0.62).unwrap_err().0.contains("102%"));
        let mean = |lift: Lift, base| lift.of(base, MetricKind::Numeric, Unit::Named(""));
        assert_eq!(mean(Lift::Relative(-0.5), -10.0), Ok(-15.0));
        assert!(mean(Lift::Points(0.03), 1.0).is_err());
        assert!(mean(Lift::Relative(0.03), 0.0).is_err());
    }
}
