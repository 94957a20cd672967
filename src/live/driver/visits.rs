//! Who asks an application what: the users and questions of a simulated run.
//!
//! Does not know: HTTP.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::context::user_key;
use crate::journal::Reader;
use crate::knowledge::TopicId;
use crate::llm::model::{Body, CallFailure, Completion, Prompt, Said};
use crate::llm::tasks::Task;
use crate::random::{Owner, Seed};
use crate::run::PreparedScenario;
use crate::traffic::TrafficPlan;

/// What a user asks.
#[derive(Clone, Debug, PartialEq)]
pub struct DrivenQuestion {
    /// The text.
    pub text: String,
    /// What it is to the judge: a question of the scenario's list, which may have an expected
    /// answer, or the text.
    pub body: Body,
}

/// One user of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct DrivenUser {
    /// The key.
    pub key: String,
    /// The attributes, as an object.
    pub attributes: Value,
    /// The same with `user`, the key.
    pub context: Value,
    /// What they ask at each visit; `None` where the writer's model failed.
    pub questions: Vec<Option<DrivenQuestion>>,
}

/// The first `users` users of a simulated run with this seed, and what they ask. It simulates the
/// run, since a question is what its writer's model writes.
#[must_use]
pub fn driven_users(
    stage: &PreparedScenario<'_>,
    seed: Seed,
    users: u32,
    mut progress: impl FnMut(u32),
) -> Vec<DrivenUser> {
    let texts = stage.texts();
    let numbers: BTreeMap<Owner, u32> =
        (1..=users).map(|user| (user_key(user).owner(), user)).collect();
    let mut written: BTreeMap<(u32, u32), String> = BTreeMap::new();
    let on_call = |prompt: &Prompt<'_>, result: &Result<Completion, CallFailure>| {
        if prompt.task != Task::Question {
            return;
        }
        let user = numbers.get(&prompt.owner.visit(prompt.visit));
        if let (Some(&user), Ok(done)) = (user, result) {
            written.insert((user, prompt.visit), texts.reply(&done.reply, prompt).join("\n"));
        }
    };
    let begun = |begun: u32, _: &Option<&mut dyn Reader>| progress(begun);
    let nobody: Option<&mut dyn Reader> = None;
    stage.population(seed, users).visit_observed(nobody, on_call, begun);
    let scenario = stage.scenario;
    // The topics have no part in who a user is.
    let topics = vec![TopicId(0)];
    let plan = TrafficPlan::new(seed, &scenario.traffic, &scenario.knowledge, topics);
    let one = |user: u32| {
        let key = user_key(user);
        let owner = key.owner();
        let group = usize::from(plan.visitor(owner, 0).group);
        let attributes = scenario.traffic.audience.get(group).map(|group| &group.attributes);
        let attributes: Map<String, Value> = attributes
            .into_iter()
            .flat_map(|attributes| &attributes.0)
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        let mut context = attributes.clone();
        context.insert("user".to_owned(), key.as_str().into());
        let questions = (0..plan.visits(owner)).map(|visit| {
            let listed = plan.visitor(owner, visit).asks;
            let listed = listed.map(|asked| {
                let body = Body::Question(Said::Recipe(asked));
                DrivenQuestion { text: texts.parts(&body).join("\n"), body }
            });
            listed.or_else(|| {
                let text = written.get(&(user, visit))?.clone();
                let body = Body::Question(Said::Words(text.as_str().into()));
                Some(DrivenQuestion { text, body })
            })
        });
        DrivenUser {
            key: key.as_str().to_owned(),
            attributes: Value::Object(attributes),
            context: Value::Object(context),
            questions: questions.collect(),
        }
    };
    (1..=users).map(one).collect()
}
