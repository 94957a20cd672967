//! `simlab estimate`: what a live run would cost.
//!
//! Does not know: how it is estimated.

use super::args::{EstimateArgs, ListFormat};
use super::commands::{Ended, not_set_up, pretty, print, read};
use super::output;
use super::progress::Progress;
use crate::live::{self, estimate::REPLICATIONS};
use crate::random::Seed;
use crate::run::PreparedScenario;

/// Estimates the cost of a live run.
pub fn estimate(args: &EstimateArgs) -> Ended {
    let loaded = read(&args.scenario)?;
    let scenario = &loaded.scenario;
    let seed = args.seed.map_or(scenario.seed, Seed);
    let users = args.users.unwrap_or(scenario.traffic.queries);
    let bar = Progress::new("simulated runs", REPLICATIONS, 0, args.quiet);
    let stage = PreparedScenario::new(scenario, seed)
        .map_err(|error| not_set_up(&args.scenario, &error))?;
    let estimate = live::estimate(&stage, seed, users, |done| bar.done(done));
    bar.finish();
    let estimate = estimate.map_err(|error| not_set_up(&args.scenario, &error))?;
    print(&match args.format {
        ListFormat::Text => estimate.to_text(output::width(), &output::palette()),
        ListFormat::Json => pretty(&estimate.to_output())?,
    })
}
