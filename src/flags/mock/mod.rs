//! LaunchDarkly in memory: projects, environments, segments, AI configs, tools, metrics and
//! experiments, behind the REST interface's own requests and replies.
//!
//! A pure function of its past: ids, salts and keys are drawn by resource path and time comes in as
//! an argument, so the same requests give the same replies. No HTTP here; a server passes requests
//! through.

mod account;
mod audit;
mod body;
mod clauses;
mod config_metrics;
mod configs;
mod experiments;
mod flag_requests;
mod flags;
mod graph_requests;
mod graphs;
mod ids;
mod iterations;
mod library;
mod metric_group_requests;
mod metric_groups;
mod metrics;
mod people;
mod results;
mod router;
mod sdk;
mod segments;
mod snippet_requests;
mod snippets;
mod targeting;
mod variations;

pub use account::{Account, EnvironmentKeys};
pub use config_metrics::{ConfigMetricsOf, VariationCosts};
pub use experiments::first_seed;
pub use graphs::VARIATION as GRAPH_VARIATION;
pub use results::{ResultTreatment, ResultsOf, Started};

#[cfg(test)]
mod tests;
