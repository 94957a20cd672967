//! Numbers as cells of a table.

use super::number::Number;
use super::table::{Cell, Tone};
use crate::figure::{self, MISSING};

/// A number's text, or the sign of a missing one.
pub(crate) fn shown(number: Option<Number>, text: impl Fn(f64) -> String) -> Cell {
    number.map_or_else(|| Cell::toned(MISSING, Tone::Dim), |number| Cell::new(text(number.get())))
}

/// An interval's text, or the sign of a missing one.
pub(crate) fn interval(ends: Option<[Number; 2]>, text: impl Fn(f64) -> String) -> Cell {
    let both = |[lower, upper]: [Number; 2]| {
        Cell::new(figure::interval(&text(lower.get()), &text(upper.get())))
    };
    ends.map_or_else(|| Cell::toned(MISSING, Tone::Dim), both)
}
