//! The course: lessons are scenarios with a claim, and one knob that shows it.
//!
//! Guarantees: a lesson's text depends on nothing but its file; every claim is checked on both
//! sides of the knob.
//!
//! Does not know: terminals, or who predicts what.

mod found;
mod lesson;
mod show;

pub use lesson::{Course, CourseLesson, LessonSide, both};
pub use show::tables;
pub(crate) use show::{opening, revealed, turned};
