//! Assignment in the simulator: the compiled flags answer, unless an arm is forced on everybody.
//!
//! Does not know: what a variation does.

use crate::agents::Assignment;
use crate::context::UserKey;
use crate::flags::compiled::Compiled;
use crate::journal::Served;
use crate::sim::Assign;

/// Assigns by the compiled flags of supervisor, security and support agent, in this order.
#[derive(Clone, Copy, Debug)]
pub struct FlagAssign<'a> {
    /// The flags.
    pub compiled: &'a Compiled,
    /// Variations that everybody in their configs' experiments gets: config and variation.
    pub forced: &'a [Served],
}

impl Assign for FlagAssign<'_> {
    fn assign(&mut self, key: &UserKey, group: u16) -> [Assignment; 3] {
        [0, 1, 2].map(|config: u8| {
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
        })
    }
}
