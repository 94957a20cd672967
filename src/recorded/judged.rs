//! What the rule of a bandit or of a guarded rollout would have done with recorded events: the same
//! weights and the same stop rule as in a run, at every look.
//!
//! A run looks when the next user arrives; recorded events do not say when users arrive who take no
//! part, so here a look is at the moment at which its last user is exposed.
//!
//! Does not know: how the events were read. The users are those that were served what was recorded:
//! the rule is judged, the split is not changed.

use super::plan::AnalysisPlan;
use super::table::UnitTable;
use crate::analysis::{Ending, Reallocation, Watched, thompson_weights};
use crate::report::{Bandit, ExpectationResult, ReportedRollout, rollouts_as_expected};

/// The shares that the bandit of experiment number `nth` would have set; `None` without a bandit.
pub(super) fn bandit(table: &UnitTable, plan: &AnalysisPlan, nth: usize) -> Option<Bandit> {
    let study = plan.studies.get(nth)?;
    let settings = study.allocation?;
    let primary = study.experiment.metrics_in(&plan.metrics).next()?.1;
    let mut reallocations = Vec::new();
    table.look_back(plan, nth, settings.every, |users, at_ms, analysis| {
        if let Some(weights) = thompson_weights(analysis, settings.floor) {
            reallocations.push((at_ms, Reallocation::of(users, &weights)));
        }
        true
    });
    Some(Bandit::judged(&study.experiment, primary, settings, &reallocations))
}

/// How the guarded rollouts would have ended, those of which the data hold a user, and whether that
/// is as expected.
pub(super) fn rollouts(
    table: &UnitTable,
    plan: &AnalysisPlan,
    expectations: &mut Vec<ExpectationResult>,
) -> Vec<ReportedRollout> {
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for (rollout, nth) in plan.rollouts.iter().zip(plan.studies.len()..) {
        let users = table.exposed(nth);
        if users == 0 {
            continue;
        }
        let guard = &rollout.guard;
        let (mut watched, mut moments) = (Watched::default(), Vec::new());
        table.look_back(plan, nth, guard.every, |users, at_ms, analysis| {
            moments.push(at_ms);
            watched.look(guard, analysis, users) == Ending::Watching
        });
        found.push(ReportedRollout::judged(guard, &watched, &moments, users as u64, &plan.metrics));
        expected.push(rollout.expect);
    }
    expectations.extend(rollouts_as_expected(&found, &expected));
    found
}
