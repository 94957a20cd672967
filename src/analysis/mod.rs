//! From sufficient statistics to posteriors, intervals, probabilities, expected losses and health.
//!
//! Promises: pure; exact where exact is possible (closed form or quadrature), never sampling noise; what cannot be
//! said is `None` with a reason, never NaN.
//!
//! Does not know: the simulator, flags or models. Events recorded in production are analyzed by the same code.

mod result;

pub use result::{
    Analysis, Bound, Comparison, Effect, Frequentist, HealthCheck, HealthStatus, Interval, MetricAnalysis, MetricInput, Posterior,
    Sequential, Summary, Tally, VariationAnalysis,
};
