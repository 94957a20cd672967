//! The course: lessons are scenarios with a claim, and one knob that shows it.
//!
//! Guarantees: a lesson's text depends on nothing but its file; every claim is checked on both
//! sides of the knob.
//!
//! Does not know: terminals, or who predicts what.

mod found;
mod lesson;
mod paths;
mod runs;
mod show;

pub use lesson::{Course, CourseLesson, LessonSide, both, one_side};
pub use paths::CoursePath;
pub use runs::{LessonRun, LessonRuns};
pub(crate) use show::{opening, revealed, turned};
pub use show::{tables, to_markdown};
