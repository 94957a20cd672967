//! The words of the report: what each means in three sentences, the formula used, and where that
//! comes from.
//!
//! Guarantees: the formulas are those of the code; an unknown word leads to the nearest known one.
//!
//! Does not know: any report.

mod checks;
mod results;
mod find;
mod practice;
mod term;

pub use find::{find, nearest, terms};
pub use term::Term;
