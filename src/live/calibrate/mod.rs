//! A recording to a scenario: model profiles fitted to what real models did, so that a little live
//! traffic buys a simulator.
//!
//! Guarantees: every fitted figure has its interval and the number of observations behind it; what
//! a recording cannot tell stays as the scenario has it, and is said to.
//!
//! Does not know: files.

mod fit;
mod latency;
mod matching;
mod moments;
mod written;

pub use fit::{Calibration, FitError, FittedParameter, LEAST, calibrate, wilson};
pub use latency::{LatencyFit, Z90, fit as fit_latency};
pub use matching::SIMULATIONS;
pub use written::{CalibrationOutput, FittedFigure, put_into, to_output, to_text};
