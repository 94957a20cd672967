//! The course: lessons are scenarios with a claim, and one knob that shows it.
//!
//! Promises: a lesson's text depends on nothing but its file; every claim is checked on both sides
//! of the knob.
//!
//! Does not know: terminals, or who predicts what.

mod lesson;
mod show;

pub use lesson::{Course, Lesson, Side, both};
pub use show::{found, knob, rates, tables};
