//! A page to play with: settings on one side, the experiment that they make on the other. Also the
//! course as pages, and a class that takes it together.
//!
//! The page has no model of its own. A change is a change of the scenario's text, which the reader of
//! scenarios reads and `run` runs, so the page shows what `simlab run` of the copied scenario shows.
//!
//! Guarantees: a link holds everything, the server keeps nothing but replications under way, and who
//! sits in a class; whatever a link says, a page with the reason and no panic; work is bounded.
//!
//! Does not know: HTTP, sockets, arguments.

mod class;
mod class_page;
mod curve;
mod dots;
mod knob;
mod learn;
mod lesson_page;
mod lesson_runs;
mod page;
mod replications;
mod room;
mod state;

pub use class::LessonClass;
pub use room::Play;
