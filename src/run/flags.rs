//! Assignment in the simulator: the compiled flags answer, unless an arm is forced on everybody.
//!
//! Does not know: what a variation does.

use crate::agents::{Assignment, Assignments};
use crate::context::UserKey;
use crate::flags::compiled::Compiled;
use crate::journal::Served;
use crate::sim::Assign;

/// Assigns by the compiled flags of the agents' configs, in the order of the agents.
#[derive(Clone, Copy, Debug)]
pub struct FlagAssign<'a> {
    /// The flags.
    pub compiled: &'a Compiled,
    /// Variations that everybody in their configs' experiments gets: config and variation.
    pub forced: &'a [Served],
    /// The variations that each question goes through in a paired design; empty in others.
    pub in_turn: &'a [Served],
}

impl Assign for FlagAssign<'_> {
    fn assign(&mut self, key: &UserKey, group: u16) -> Assignments {
        self.serve(key, group, self.forced)
    }

    /// Half of the questions begin with the first variation, the others with the second, so that
    /// nothing depends on which is asked first.
    fn assign_visit(&mut self, key: &UserKey, group: u16, (user, nth): (u32, u32)) -> Assignments {
        let arms = self.in_turn.len() as u32;
        let turn = (user + nth).checked_rem(arms).and_then(|at| self.in_turn.get(at as usize));
        match turn {
            Some(&own) => self.serve(key, group, &[own]),
            None => self.assign(key, group),
        }
    }
}

impl FlagAssign<'_> {
    fn serve(&self, key: &UserKey, group: u16, forced: &[Served]) -> Assignments {
        let assign = |config: u8| {
            let evaluation =
                self.compiled.evaluate(usize::from(config), usize::from(group), key.as_str());
            let forced = forced
                .iter()
                .copied()
                .find(|forced| forced.config == config && evaluation.in_experiment);
            let served =
                evaluation.variation.map(|variation| Served { config, variation: variation as u8 });
            Assignment { served: forced.or(served), in_experiment: evaluation.in_experiment }
        };
        (0..self.compiled.configs() as u8).map(assign).collect()
    }
}
