//! From the targeting that is there to the targeting that is wanted: the instructions of one patch.
//!
//! Rules are recognized by their clauses. A rule that an experiment holds keeps what it serves: the
//! experiment decides that. A rule that is not wanted is somebody else's: it stays, behind the
//! wanted ones.
//!
//! Guarantees: no instruction where nothing differs.
//!
//! Does not know: requests.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Difference;
use super::design::{clauses, percent, plain_clauses, said, same_clauses};
use crate::flags::members::{at, put};
use crate::flags::spec::{ConfigSpec, ServeSpec};

/// Targeting of one config as a reply shows it.
pub struct ConfigTargeting<'a> {
    reply: &'a Value,
    environment: &'a Value,
}

/// What a rule serves, by variation key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServedByRule {
    /// One variation.
    Variation(String),
    /// A percentage rollout.
    Weights(BTreeMap<String, u64>),
    /// An experiment's rollout: tracked weights, and who gets what is left.
    Experiment(Vec<(String, u64)>),
    /// A guarded rollout: from, to, share.
    Guarded(String, String, u64),
}

/// What has to be done.
#[derive(Default)]
pub struct Changes {
    /// Instructions of a semantic patch.
    pub instructions: Vec<Value>,
    /// In words.
    pub details: Vec<String>,
    /// What is there instead.
    pub differences: Vec<Difference>,
}

impl<'a> ConfigTargeting<'a> {
    /// Reads the reply to `GET …/targeting`.
    pub fn new(reply: &'a Value, environment: &str) -> Self {
        Self { reply, environment: at(reply, ["environments", environment]) }
    }

    /// Flag variation id and name, by variation key.
    pub fn ids(&self) -> BTreeMap<String, (String, String)> {
        let variations = self.reply["variations"].as_array().into_iter().flatten();
        let entry = |variation: &Value| {
            let key =
                at(variation, ["value", "_ldMeta", "variationKey"]).as_str().unwrap_or("disabled");
            let text = |name: &str| variation[name].as_str().unwrap_or_default().to_owned();
            (key.to_owned(), (text("_id"), text("name")))
        };
        variations.map(entry).collect()
    }

    /// The version of the flag in this environment.
    pub fn version(&self) -> u64 {
        self.environment["_version"].as_u64().unwrap_or(0)
    }

    fn key(&self, index: &Value) -> String {
        let variation = index
            .as_u64()
            .and_then(|index| self.reply["variations"].get(usize::try_from(index).ok()?));
        let key = variation
            .and_then(|variation| at(variation, ["value", "_ldMeta", "variationKey"]).as_str());
        key.unwrap_or("disabled").to_owned()
    }

    /// The rules, in order.
    pub fn rules(&self) -> Vec<&'a Value> {
        self.environment["rules"].as_array().into_iter().flatten().collect()
    }

    /// The default rule.
    pub fn fallthrough(&self) -> &'a Value {
        &self.environment["fallthrough"]
    }

    /// What a rule or the default rule serves.
    pub fn served(&self, rule: &Value) -> ServedByRule {
        let rollout = &rule["rollout"];
        if !rollout.is_object() {
            return ServedByRule::Variation(self.key(&rule["variation"]));
        }
        let parts: Vec<(String, u64, bool)> = rollout["variations"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|part| {
                (
                    self.key(&part["variation"]),
                    part["weight"].as_u64().unwrap_or(0),
                    part["_untracked"] == json!(true),
                )
            })
            .collect();
        let tracked = parts
            .iter()
            .filter(|part| !part.2)
            .map(|(key, weight, _)| (key.clone(), *weight))
            .collect();
        match (at(rollout, ["experimentAllocation", "type"]).as_str(), parts.as_slice()) {
            (None, _) => ServedByRule::Weights(tracked),
            (Some("measuredRollout"), [(to, share, _), (from, ..), ..]) => {
                ServedByRule::Guarded(from.clone(), to.clone(), *share)
            }
            (Some(_), _) => ServedByRule::Experiment(
                parts
                    .into_iter()
                    .filter(|part| !part.2)
                    .map(|(key, weight, _)| (key, weight))
                    .collect(),
            ),
        }
    }

    /// What brings this targeting to what `config` says.
    pub fn changes(&self, config: &ConfigSpec) -> Changes {
        let (ids, mut changes) = (self.ids(), Changes::default());
        // The found rules that no wanted one is equal to.
        let mut left = self.rules();
        let mut added = false;
        for (index, rule) in config.rules.iter().enumerate() {
            let wanted = clauses(&rule.when);
            let position = left
                .iter()
                .position(|found| same_clauses(&plain_clauses(&found["clauses"]), &wanted));
            let place = format!("rule {}", index + 1);
            match position.map(|position| left.remove(position)) {
                Some(found) => {
                    let head =
                        json!({ "kind": "updateRuleVariationOrRollout", "ruleId": found["_id"] });
                    self.update(&rule.serve, found, head, &place, &ids, &mut changes);
                }
                None => {
                    added = true;
                    let mut instruction = json!({ "kind": "addRule", "clauses": wanted });
                    put_serve(&mut instruction, &rule.serve, &ids);
                    changes.instructions.push(instruction);
                    changes
                        .details
                        .push(format!("{place} added, serving {}", describe(&rule.serve)));
                    let whole =
                        format!("{}: {}", said(&clauses(&rule.when)), describe(&rule.serve));
                    changes.differences.push(Difference::new(place, "nothing", whole));
                }
            }
        }
        if added && !left.is_empty() {
            changes.details.push("the rules that are there already go behind".to_owned());
        }
        self.update(
            &config.fallthrough,
            self.fallthrough(),
            json!({ "kind": "updateFallthroughVariationOrRollout" }),
            "default rule",
            &ids,
            &mut changes,
        );
        let off = config.off.as_deref().unwrap_or("disabled");
        if self.key(&self.environment["offVariation"]) != off {
            changes
                .instructions
                .push(json!({ "kind": "updateOffVariation", "variationId": id(&ids, off) }));
            changes.details.push(format!("off variation is {off}"));
            changes.differences.push(Difference::new(
                "off variation",
                self.key(&self.environment["offVariation"]),
                off,
            ));
        }
        changes
    }

    fn update(
        &self,
        wanted: &ServeSpec,
        rule: &Value,
        mut instruction: Value,
        place: &str,
        ids: &BTreeMap<String, (String, String)>,
        changes: &mut Changes,
    ) {
        let found = self.served(rule);
        // A guarded rollout starts in a patch of its own, once the rule serves what it starts from.
        let fits = match (wanted, &found) {
            (_, ServedByRule::Experiment(_)) => true,
            (ServeSpec::Guarded { from, .. }, ServedByRule::Variation(key)) => from == key,
            (wanted, found) => serves(wanted) == *found,
        };
        if !fits {
            if let ServedByRule::Guarded(..) = found {
                let mut stop = json!({ "kind": "stopAutomatedRelease" });
                if let Some(rule_id) = instruction.get("ruleId") {
                    put(&mut stop, "ruleId", rule_id.clone());
                }
                changes.instructions.push(stop);
            }
            put_serve(&mut instruction, wanted, ids);
            changes.instructions.push(instruction);
            changes.details.push(format!("{place} serves {}", describe(wanted)));
            changes.differences.push(Difference::new(place, told(&found), describe(wanted)));
        }
    }

    /// The found rules of `config`, in its order, as far as they are there; then all others.
    fn sorted(&self, config: &ConfigSpec) -> (Vec<Option<&'a Value>>, Vec<&'a Value>) {
        let mut left = self.rules();
        let mut own = Vec::new();
        for rule in &config.rules {
            let wanted = clauses(&rule.when);
            let position = left
                .iter()
                .position(|found| same_clauses(&plain_clauses(&found["clauses"]), &wanted));
            own.push(position.map(|position| left.remove(position)));
        }
        (own, left)
    }

    /// The found rule that is the nth of `config`.
    pub fn rule(&self, config: &ConfigSpec, nth: usize) -> Option<&'a Value> {
        self.sorted(config).0.get(nth).copied().flatten()
    }

    /// How many rules are not the specification's.
    pub fn others(&self, config: &ConfigSpec) -> usize {
        self.sorted(config).1.len()
    }

    /// The order of the rules, when it is not the wanted one; asked after all wanted rules exist.
    pub fn reorder(&self, config: &ConfigSpec) -> Option<(Value, Difference)> {
        let (own, others) = self.sorted(config);
        let own: Option<Vec<&Value>> = own.into_iter().collect();
        let (wanted, now) = ([own?, others].concat(), self.rules());
        let ids =
            |rules: &[&Value]| rules.iter().map(|rule| rule["_id"].clone()).collect::<Vec<_>>();
        let words = |rules: &[&Value]| {
            rules
                .iter()
                .map(|rule| said(&plain_clauses(&rule["clauses"])))
                .collect::<Vec<_>>()
                .join("; ")
        };
        let reorder = json!({ "kind": "reorderRules", "ruleIds": ids(&wanted) });
        (ids(&wanted) != ids(&now))
            .then(|| (reorder, Difference::new("order of rules", words(&now), words(&wanted))))
    }

    /// What starts the guarded rollouts that do not run yet; asked after all wanted rules exist, in
    /// order.
    pub fn guards(&self, config: &ConfigSpec) -> Changes {
        let (ids, mut changes) = (self.ids(), Changes::default());
        let rules = config.rules.iter().map(|rule| &rule.serve).zip(self.rules());
        for (wanted, found) in rules.chain([(&config.fallthrough, self.fallthrough())]) {
            let ServeSpec::Guarded { from, to, share } = wanted else { continue };
            if serves(wanted) == self.served(found) {
                continue;
            }
            let mut start = json!({
                "kind": "startAutomatedRelease", "releaseKind": "guarded", "randomizationUnit": "user",
                "originalVariationId": id(&ids, from), "targetVariationId": id(&ids, to),
                // One stage of a week: how long it takes does not matter to a simulation.
                "stages": [{ "allocation": share.weight(), "durationMillis": 604_800_000 }],
            });
            if found["_id"].is_string() {
                put(&mut start, "ruleId", found["_id"].clone());
            }
            changes.instructions.push(start);
            changes.details.push(format!("guarded rollout of {to} started at {share}"));
            let whole = format!("guarded rollout of {to} at {share}");
            changes.differences.push(Difference::new("rollout", told(&self.served(found)), whole));
        }
        changes
    }
}

/// What a specification serves, to compare with what is found.
fn serves(serve: &ServeSpec) -> ServedByRule {
    match serve {
        ServeSpec::Variation(key) => ServedByRule::Variation(key.clone()),
        ServeSpec::Weights(weights) => ServedByRule::Weights(
            weights.iter().map(|(key, share)| (key.clone(), u64::from(share.weight()))).collect(),
        ),
        ServeSpec::Guarded { from, to, share } => {
            ServedByRule::Guarded(from.clone(), to.clone(), u64::from(share.weight()))
        }
    }
}

/// Adds to an instruction what is to be served; for a guarded rollout, what it starts from.
fn put_serve(instruction: &mut Value, serve: &ServeSpec, ids: &BTreeMap<String, (String, String)>) {
    match serve {
        ServeSpec::Variation(key) | ServeSpec::Guarded { from: key, .. } => {
            instruction["variationId"] = id(ids, key).into()
        }
        ServeSpec::Weights(weights) => {
            let weights: Map<String, Value> = weights
                .iter()
                .map(|(key, share)| (id(ids, key).to_owned(), share.weight().into()))
                .collect();
            put(instruction, "rolloutWeights", weights);
            put(instruction, "rolloutContextKind", "user");
        }
    }
}

fn id<'a>(ids: &'a BTreeMap<String, (String, String)>, key: &str) -> &'a str {
    ids.get(key).map_or("", |(id, _)| id)
}

/// What is served, for people.
fn told(served: &ServedByRule) -> String {
    let weights = |weights: &mut dyn Iterator<Item = (&String, &u64)>| {
        let part = |(key, weight): (&String, &u64)| {
            format!("{}% {key}", percent(u32::try_from(*weight).unwrap_or(0)))
        };
        weights.map(part).collect::<Vec<_>>().join(", ")
    };
    match served {
        ServedByRule::Variation(key) => key.clone(),
        ServedByRule::Weights(parts) => weights(&mut parts.iter()),
        ServedByRule::Experiment(parts) => format!(
            "an experiment: {}",
            weights(&mut parts.iter().map(|(key, weight)| (key, weight)))
        ),
        ServedByRule::Guarded(from, to, share) => {
            format!(
                "a guarded rollout from {from} to {to} at {}%",
                percent(u32::try_from(*share).unwrap_or(0))
            )
        }
    }
}

fn describe(serve: &ServeSpec) -> String {
    match serve {
        ServeSpec::Variation(key) | ServeSpec::Guarded { from: key, .. } => key.clone(),
        ServeSpec::Weights(weights) => {
            let parts: Vec<String> = weights
                .iter()
                .map(|(key, share)| format!("{}% {key}", percent(share.weight())))
                .collect();
            parts.join(", ")
        }
    }
}
