//! Who comes as the n-th user, and with what.
//!
//! Guarantees: a user's plan depends on the seed, the user's key and the visit alone, so 2,000
//! users contain the first 1,000 unchanged and users may be drawn in any order.
//!
//! Does not know: how the question will be worded (a model writes it), or when it is sent (the
//! engine says).

use crate::knowledge::{Complexity, KnowledgeBase, Question, QuestionId, TopicId};
use crate::random::{Luck, Owner, Purpose, Seed, pick};
use crate::time::Duration;
use crate::traffic::{ReturnSpec, TrafficSpec};

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
    /// Whether a guard should stop it.
    pub harmful: bool,
    /// The question, where it comes from a list.
    pub asks: Option<Question>,
}

/// The traffic of a scenario, ready to be drawn from.
#[derive(Clone, Debug)]
pub struct TrafficPlan<'k> {
    luck: Luck,
    returns: Option<ReturnSpec>,
    groups: Vec<f64>,
    depth: [f64; 3],
    personal: f64,
    harmful: f64,
    topics: Vec<TopicId>,
    /// What users ask, where that comes from a list.
    base: &'k KnowledgeBase,
}

impl<'k> TrafficPlan<'k> {
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
        let persistence = spec.returns.map_or(0.0, |returns| returns.persistence);
        Self {
            luck: Luck { persistence, ..seed.into() },
            returns: spec.returns,
            groups: groups.collect(),
            depth: [basic, basic + intermediate, 1.0],
            personal: spec.personal_data.get(),
            harmful: spec.harmful.get(),
            topics,
            base,
        }
    }

    /// The plan of visit number `nth`, from 0, of this user. The audience group is the same at
    /// every visit; depth and personal data persist as much as the user's draws do.
    #[must_use]
    pub fn visitor(&self, user: Owner, nth: u32) -> Visitor {
        let (seed, visit) = (self.luck.seed, user.visit(nth));
        let mut stage = seed.stage(Purpose::Visitor, visit, 0);
        let of_group = stage.uniform();
        let of_group =
            if nth == 0 { of_group } else { seed.stage(Purpose::Visitor, user, 0).uniform() };
        let group = pick(of_group, &self.groups) as u16;
        let questions = self.base.questions();
        let choices = if questions.is_empty() { self.topics.len() } else { questions.len() };
        let choice = stage.below(choices);
        let own = [stage.uniform(), stage.uniform()];
        let [depth, personal] = self.luck.persist(Purpose::Visitor, (visit, nth), 0, own);
        let complexity = match pick(depth, &self.depth) {
            0 => Complexity::Basic,
            1 => Complexity::Intermediate,
            _ => Complexity::Advanced,
        };
        let personal = personal < self.personal;
        let harmful = self.harmful > 0.0 && {
            let own = [seed.stage(Purpose::Harmful, visit, 0).uniform()];
            let [drawn] = self.luck.persist(Purpose::Harmful, (visit, nth), 0, own);
            drawn < self.harmful
        };
        match questions.get(choice) {
            Some(listed) => {
                let complexity = listed.depth().unwrap_or(complexity);
                let question = Question::of_list(QuestionId(choice as u32), listed, complexity);
                let (topic, personal) = (question.topic, !question.items().is_empty());
                let harmful = listed.harmful().unwrap_or(harmful);
                Visitor { group, topic, complexity, personal, harmful, asks: Some(question) }
            }
            None => {
                let topic = self.topics.get(choice).copied().unwrap_or(TopicId(0));
                Visitor { group, topic, complexity, personal, harmful, asks: None }
            }
        }
    }

    /// How often this user comes.
    #[must_use]
    pub fn visits(&self, user: Owner) -> u32 {
        self.returns.map_or(1, |returns| returns.count(self.luck.seed, user))
    }

    /// The time before visit number `nth`, from 1, of this user.
    #[must_use]
    pub fn gap(&self, user: Owner, nth: u32) -> Duration {
        let gap = |returns: ReturnSpec| returns.gap(self.luck.seed, user.visit(nth));
        self.returns.map_or(Duration::ZERO, gap)
    }
}
