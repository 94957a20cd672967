//! Who comes as the n-th user, and with what.
//!
//! Promises: a user's plan depends on the seed and the user's key alone, so 2,000 users contain the
//! first 1,000 unchanged and users may be drawn in any order.
//!
//! Does not know: how the question will be worded (a model writes it), or when it is sent (the
//! engine says).

use crate::knowledge::{Complexity, KnowledgeBase, Question, QuestionId, TopicId};
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
    /// The question, where it comes from a list.
    pub asks: Option<Question>,
}

/// The traffic of a scenario, ready to be drawn from.
#[derive(Clone, Debug)]
pub struct Plan<'k> {
    seed: Seed,
    groups: Vec<f64>,
    depth: [f64; 3],
    personal: f64,
    topics: Vec<TopicId>,
    /// What users ask, where that comes from a list.
    base: &'k KnowledgeBase,
}

impl<'k> Plan<'k> {
    /// The plan of this traffic, over these topics of a knowledge base; with a list of questions in
    /// it, they take the topics' place.
    #[must_use]
    pub fn new(
        seed: Seed,
        spec: &TrafficSpec,
        base: &'k KnowledgeBase,
        topics: Vec<TopicId>,
    ) -> Self {
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
            base,
        }
    }

    /// The plan of the user with this luck.
    #[must_use]
    pub fn visitor(&self, owner: Owner) -> Visitor {
        let mut stage = self.seed.stage(Purpose::Visitor, owner, 0);
        let group = stage.pick(&self.groups) as u16;
        let questions = self.base.questions();
        let choices = if questions.is_empty() { self.topics.len() } else { questions.len() };
        let choice = stage.below(choices);
        let complexity = match stage.pick(&self.depth) {
            0 => Complexity::Basic,
            1 => Complexity::Intermediate,
            _ => Complexity::Advanced,
        };
        let personal = stage.chance(self.personal);
        match questions.get(choice) {
            Some(listed) => {
                let complexity = listed.depth().unwrap_or(complexity);
                let question = listed.question(QuestionId(choice as u32), complexity);
                let (topic, personal) = (question.topic, !question.items().is_empty());
                Visitor { group, topic, complexity, personal, asks: Some(question) }
            }
            None => {
                let topic = self.topics.get(choice).copied().unwrap_or(TopicId(0));
                Visitor { group, topic, complexity, personal, asks: None }
            }
        }
    }
}
