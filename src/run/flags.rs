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
}

impl Assign for FlagAssign<'_> {
    fn assign(&mut self, key: &UserKey, group: u16) -> Assignments {
        let assign = |config: u8| {
            let evaluation =
                self.compiled.evaluate(usize::from(config), usize::from(group), key.as_str());
            let forced = self
                .forced
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
