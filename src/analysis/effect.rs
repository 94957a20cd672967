//! Intervals, and effects with bounds on them. Plain data.
//!
//! Does not know: how they are found.

/// A closed interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// An effect of a treatment against the control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// (treatment - control) / |control|: its sign is that of the difference.
    Relative,
    /// treatment - control, in the metric's unit.
    Absolute,
}

/// A bound on an effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// At least this much.
    AtLeast(f64),
    /// At most this much.
    AtMost(f64),
}
