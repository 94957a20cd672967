//! Who comes as the n-th user, and with what.
//!
//! Promises: a user's plan depends on the seed and the user's key alone, so 2,000 users contain the
//! first 1,000 unchanged and users may be drawn in any order.
//!
//! Does not know: how the question will be worded (a model writes it), or when it is sent (the
//! engine says).

use crate::knowledge::{Complexity, TopicId};
use crate::random::{Owner, Purpose, Seed};
use crate::traffic::TrafficSpec;

/// The plan of one user.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visitor {
    /// The audience group.
    pub group: u16,
    /// Which of the extracted topics.
    pub topic: TopicId,
    /// How deep the question goes.
    pub complexity: Complexity,
    /// Whether it is to carry personal data.
    pub personal: bool,
}

/// The traffic of a scenario, ready to be drawn from.
#[derive(Clone, Debug)]
pub struct Plan {
    seed: Seed,
    groups: Vec<f64>,
    depth: [f64; 3],
    personal: f64,
    topics: Vec<TopicId>,
}

impl Plan {
    /// The plan of this traffic, over these topics.
    #[must_use]
    pub fn new(seed: Seed, spec: &TrafficSpec, topics: Vec<TopicId>) -> Self {
        let mut sum = 0.0;
        let groups = spec.audience.iter().map(|group| {
            sum += group.weight;
            sum
        });
        let [basic, intermediate, _] = spec.complexity;
        Self {
            seed,
            groups: groups.collect(),
            depth: [basic, basic + intermediate, 1.0],
            personal: spec.personal_data.get(),
            topics,
        }
    }

    /// The plan of the user with this luck.
    #[must_use]
    pub fn visitor(&self, owner: Owner) -> Visitor {
        let mut stage = self.seed.stage(Purpose::Visitor, owner, 0);
        let group = stage.pick(&self.groups) as u16;
        let topic = self.topics.get(stage.below(self.topics.len())).copied().unwrap_or(TopicId(0));
        let complexity = match stage.pick(&self.depth) {
            0 => Complexity::Basic,
            1 => Complexity::Intermediate,
            _ => Complexity::Advanced,
        };
        Visitor { group, topic, complexity, personal: stage.chance(self.personal) }
    }
}
