//! From an analysis to a decision: ship, keep, or need more data, each with its because.
//!
//! A rule is written before the data come, as criteria joined by all, any and not. Deciding is pure
//! and uses three-valued logic: a criterion whose data are missing is neither held nor broken, and
//! what is unknown never ships. A declared fact ("privacy improved") takes part in the rule and is
//! marked as declared: nobody measured it.
//!
//! Does not know: how probabilities come about (`analysis`), or how a verdict is laid out
//! (`report`).

mod decide;
mod label;
mod rule;
mod warnings;

#[cfg(test)]
pub(crate) mod published;
#[cfg(test)]
mod signs;
#[cfg(test)]
mod tests;

pub use decide::{Decision, RuleLine, Verdict, decide};
pub(crate) use rule::written_plain;
pub use rule::{Criteria, Criterion, Finite, Margin, Otherwise, RatioPart, Rule, Side};
pub use warnings::warnings;
