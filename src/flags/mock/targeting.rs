//! Targeting: who gets which variation of an AI config in one environment.
//!
//! Guarantees: an instruction either takes effect or names its fault; a rule that a running
//! experiment or guarded rollout holds is not changed under it.
//!
//! Does not know: what an experiment measures, or how a rollout is evaluated.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::body::{self, Fields};
use super::clauses::{self, Clause, TargetingRule};
use super::ids::{IdGenerator, Identifiers};
use crate::flags::api::ApiError;
use crate::flags::members::put;

/// What targeting has to know of a flag.
pub struct Variants<'a> {
    /// Its address, which ids follow from.
    pub path: &'a str,
    /// The ids of its variations, in order.
    pub ids: Vec<&'a str>,
}

impl Variants<'_> {
    /// The index of the variation with this id.
    fn index_of(&self, id: &str) -> Result<usize, ApiError> {
        self.ids
            .iter()
            .position(|own| *own == id)
            .ok_or_else(|| ApiError::invalid(format!("there is no variation with id `{id}`")))
    }
}

/// What a rollout is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A plain percentage rollout.
    Nobody,
    /// The experiment with this key.
    Experiment(String),
    /// A guarded rollout.
    Guard,
}

/// A part of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutPart {
    /// Index among the flag's variations.
    pub variation: usize,
    /// Thousandths of a percent.
    pub weight: u32,
    /// Not part of the experiment.
    pub untracked: bool,
}

/// Several variations by chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockRollout {
    pub holder: Holder,
    pub context_kind: String,
    pub bucket_by: Option<String>,
    pub seed: Option<i64>,
    pub parts: Vec<RolloutPart>,
    /// What those get who are outside of the experiment.
    pub outside: usize,
}

/// What is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serve {
    /// One variation, by index among the flag's.
    Variation(usize),
    /// Several by chance.
    Rollout(MockRollout),
}

/// What a targeting rule leads to.
#[derive(Clone, Debug)]
pub struct RuleOutcome {
    pub serve: Serve,
    pub track_events: bool,
}

/// Targeting in one environment.
#[derive(Clone, Debug)]
pub struct Targeting {
    pub on: bool,
    pub rules: Vec<TargetingRule<RuleOutcome>>,
    pub fallthrough: Serve,
    pub off: usize,
    /// Keys by context kind and variation.
    pub targets: BTreeMap<(String, usize), Vec<String>>,
    pub track_events: bool,
    pub track_fallthrough: bool,
    pub version: u64,
    modified_ms: u64,
}

impl Serve {
    fn variations(&self) -> Vec<usize> {
        match self {
            Self::Variation(index) => vec![*index],
            Self::Rollout(rollout) => {
                rollout.parts.iter().map(|part| part.variation).chain([rollout.outside]).collect()
            }
        }
    }

    fn renumber(&mut self, number: impl Fn(usize) -> usize) {
        match self {
            Self::Variation(index) => *index = number(*index),
            Self::Rollout(rollout) => {
                rollout.outside = number(rollout.outside);
                for part in &mut rollout.parts {
                    part.variation = number(part.variation);
                }
            }
        }
    }

    /// Who holds this rollout.
    pub fn holder(&self) -> &Holder {
        match self {
            Self::Variation(_) => &Holder::Nobody,
            Self::Rollout(rollout) => &rollout.holder,
        }
    }

    /// Refuses a change while somebody holds it.
    fn free(&self) -> Result<(), ApiError> {
        match self.holder() {
            Holder::Nobody => Ok(()),
            Holder::Experiment(key) => Err(ApiError::conflict(format!(
                "the rule is held by the running experiment `{key}`"
            ))),
            Holder::Guard => Err(ApiError::conflict("the rule is held by a guarded rollout")),
        }
    }

    fn read(fields: Fields<'_>, config: &Variants<'_>) -> Result<Self, ApiError> {
        if let Some(id) = fields.optional_text("variationId")? {
            return Ok(Self::Variation(config.index_of(id)?));
        }
        let mut parts = Vec::new();
        for (id, weight) in &fields.object("rolloutWeights")? {
            let weight = weight
                .as_u64()
                .and_then(|weight| u32::try_from(weight).ok())
                .filter(|&weight| weight <= 100_000);
            let weight = weight.ok_or_else(|| {
                ApiError::invalid("a rollout weight is a whole number from 0 to 100000")
            })?;
            parts.push(RolloutPart { variation: config.index_of(id)?, weight, untracked: false });
        }
        if parts.iter().map(|part| part.weight).sum::<u32>() != 100_000 {
            return Err(ApiError::invalid(
                "give a `variationId`, or `rolloutWeights` that sum to 100000",
            ));
        }
        parts.sort_by_key(|part| part.variation);
        Ok(Self::Rollout(MockRollout {
            holder: Holder::Nobody,
            context_kind: fields.optional_text("rolloutContextKind")?.unwrap_or("user").to_owned(),
            bucket_by: fields.optional_text("rolloutBucketBy")?.map(str::to_owned),
            seed: None,
            outside: parts.first().map_or(0, |part| part.variation),
            parts,
        }))
    }

    /// A guarded rollout: the first stage's share gets the new variation, an equal share is its
    /// control.
    fn guarded(fields: Fields<'_>, config: &Variants<'_>, seed: i64) -> Result<Self, ApiError> {
        let kind = fields.optional_text("releaseKind")?.unwrap_or("guarded");
        if kind != "guarded" {
            return Err(ApiError::invalid(format!("releases of kind `{kind}` are not simulated")));
        }
        let (original, target) = (
            config.index_of(fields.text("originalVariationId")?)?,
            config.index_of(fields.text("targetVariationId")?)?,
        );
        let stage = fields
            .list("stages")?
            .first()
            .ok_or_else(|| ApiError::invalid("`stages` must hold at least one stage"))?;
        let share =
            Fields::of(stage)?.integer("allocation")?.and_then(|share| u32::try_from(share).ok());
        let share = share
            .filter(|share| *share <= 50_000)
            .ok_or_else(|| ApiError::invalid("an `allocation` lies between 0 and 50000"))?;
        let part = |variation, weight, untracked| RolloutPart { variation, weight, untracked };
        let mut parts = vec![part(target, share, false), part(original, share, false)];
        if share < 50_000 {
            parts.push(part(original, 100_000 - 2 * share, true));
        }
        let context_kind = fields.optional_text("randomizationUnit")?.unwrap_or("user").to_owned();
        Ok(Self::Rollout(MockRollout {
            holder: Holder::Guard,
            context_kind,
            bucket_by: None,
            seed: Some(seed),
            parts,
            outside: original,
        }))
    }

    /// As the REST interface shows it.
    pub fn rest(&self) -> Value {
        let Self::Rollout(rollout) = self else { return self.sdk() };
        let parts = rollout.parts.iter().map(|part| {
            let mut json = json!({ "variation": part.variation, "weight": part.weight });
            if rollout.holder != Holder::Nobody {
                put(&mut json, "_untracked", part.untracked);
            }
            json
        });
        let mut json = json!({ "contextKind": rollout.context_kind, "bucketBy": rollout.bucket_by.as_deref().unwrap_or("key"),
            "variations": parts.collect::<Vec<_>>() });
        if let Some(seed) = rollout.seed {
            put(&mut json, "seed", seed);
        }
        let kind = match rollout.holder {
            Holder::Nobody => None,
            Holder::Experiment(_) => Some("experiment"),
            Holder::Guard => Some("measuredRollout"),
        };
        if let Some(kind) = kind {
            let allocation =
                json!({ "type": kind, "defaultVariation": rollout.outside, "canReshuffle": false });
            put(&mut json, "experimentAllocation", allocation);
        }
        json!({ "rollout": json })
    }

    /// As an SDK receives it.
    pub fn sdk(&self) -> Value {
        let rollout = match self {
            Self::Variation(index) => return json!({ "variation": index }),
            Self::Rollout(rollout) => rollout,
        };
        let parts = rollout.parts.iter().map(|part| {
            let mut json = json!({ "variation": part.variation, "weight": part.weight });
            if part.untracked {
                put(&mut json, "untracked", true);
            }
            json
        });
        let kind = if rollout.holder == Holder::Nobody { "rollout" } else { "experiment" };
        let mut json = json!({ "kind": kind, "contextKind": rollout.context_kind, "variations": parts.collect::<Vec<_>>() });
        if let Some(seed) = rollout.seed {
            put(&mut json, "seed", seed);
        }
        if let Some(bucket_by) = &rollout.bucket_by {
            put(&mut json, "bucketBy", bucket_by.as_str());
        }
        json!({ "rollout": json })
    }
}

impl Targeting {
    /// On, without rules, serving `disabled`.
    pub fn new(now_ms: u64) -> Self {
        Self {
            on: true,
            rules: Vec::new(),
            fallthrough: Serve::Variation(0),
            off: 0,
            targets: BTreeMap::new(),
            track_events: false,
            track_fallthrough: false,
            version: 1,
            modified_ms: now_ms,
        }
    }

    /// Notes a change.
    pub fn changed(&mut self, now_ms: u64) {
        self.version += 1;
        self.modified_ms = now_ms;
    }

    /// Everything that is served by rule or default.
    pub fn serves(&self) -> impl Iterator<Item = &Serve> {
        self.rules.iter().map(|rule| &rule.outcome.serve).chain([&self.fallthrough])
    }

    /// Whether the variation at this index can be served.
    pub fn uses(&self, index: usize) -> bool {
        self.off == index
            || self.targets.keys().any(|(_, target)| *target == index)
            || self.serves().any(|serve| serve.variations().contains(&index))
    }

    /// Renumbers after the variation at this index is gone.
    pub fn close_gap(&mut self, gone: usize) {
        let number = |index: usize| if index > gone { index - 1 } else { index };
        self.off = number(self.off);
        self.fallthrough.renumber(number);
        for rule in &mut self.rules {
            rule.outcome.serve.renumber(number);
        }
        self.targets = std::mem::take(&mut self.targets)
            .into_iter()
            .map(|((kind, index), keys)| ((kind, number(index)), keys))
            .collect();
    }

    /// What the rule with this id serves; `fallthrough` is the default rule.
    pub fn serve_mut(&mut self, rule_id: &str) -> Result<&mut Serve, ApiError> {
        if rule_id == "fallthrough" {
            return Ok(&mut self.fallthrough);
        }
        let rule = self.rules.iter_mut().find(|rule| rule.id == rule_id);
        rule.map(|rule| &mut rule.outcome.serve)
            .ok_or_else(|| ApiError::invalid(format!("there is no rule `{rule_id}`")))
    }

    /// Applies one instruction. `config` is the flag before the patch.
    pub fn apply(
        &mut self,
        kind: &str,
        fields: Fields<'_>,
        config: &Variants<'_>,
        ids: &Identifiers,
        minted: &mut u64,
    ) -> Result<(), ApiError> {
        let mut mint = IdGenerator::new(ids, config.path, minted);
        let outcome = |fields| {
            Ok::<_, ApiError>(RuleOutcome {
                serve: Serve::read(fields, config)?,
                track_events: false,
            })
        };
        match kind {
            "addRule" => {
                let rule = TargetingRule::read(fields, outcome(fields)?, &mut mint)?;
                let before = match fields.optional_text("beforeRuleId")? {
                    Some(id) => self
                        .rules
                        .iter()
                        .position(|rule| rule.id == id)
                        .ok_or_else(|| ApiError::invalid(format!("there is no rule `{id}`")))?,
                    None => self.rules.len(),
                };
                self.rules.insert(before, rule);
            }
            "replaceRules" => {
                self.rules.iter().try_for_each(|rule| rule.outcome.serve.free())?;
                let rules = fields.list("rules")?.iter().map(|rule| {
                    let fields = Fields::of(rule)?;
                    TargetingRule::read(fields, outcome(fields)?, &mut mint)
                });
                self.rules = rules.collect::<Result<_, _>>()?;
            }
            "updateRuleVariationOrRollout" => {
                let rule = clauses::rule(&mut self.rules, fields)?;
                rule.outcome.serve.free()?;
                rule.outcome.serve = Serve::read(fields, config)?;
            }
            "updateFallthroughVariationOrRollout" => {
                self.fallthrough.free()?;
                self.fallthrough = Serve::read(fields, config)?;
            }
            "startAutomatedRelease" => {
                if self.serves().any(|serve| matches!(serve.holder(), Holder::Experiment(_))) {
                    return Err(ApiError::conflict(
                        "an experiment runs on this config: a guarded rollout cannot start",
                    ));
                }
                let seed = ids.seed(&format!("{}/release/{}", config.path, self.version));
                let serve =
                    self.serve_mut(fields.optional_text("ruleId")?.unwrap_or("fallthrough"))?;
                serve.free()?;
                *serve = Serve::guarded(fields, config, seed)?;
            }
            "stopAutomatedRelease" => {
                let serve =
                    self.serve_mut(fields.optional_text("ruleId")?.unwrap_or("fallthrough"))?;
                let (Holder::Guard, Serve::Rollout(rollout)) = (serve.holder(), &*serve) else {
                    return Err(ApiError::invalid("no guarded rollout runs on this rule"));
                };
                let last = match fields.optional_text("finalVariationId")? {
                    Some(id) => config.index_of(id)?,
                    None => rollout.outside,
                };
                *serve = Serve::Variation(last);
            }
            "updateOffVariation" => self.off = config.index_of(fields.text("variationId")?)?,
            "addTargets" | "removeTargets" => {
                let target = (
                    fields.optional_text("contextKind")?.unwrap_or("user").to_owned(),
                    config.index_of(fields.text("variationId")?)?,
                );
                let keys = fields.texts("values")?;
                let list = self.targets.entry(target).or_default();
                list.retain(|key| !keys.contains(key));
                if kind == "addTargets" {
                    list.extend(keys);
                }
            }
            "clearTargets" => self.targets.clear(),
            "updateRuleTrackEvents" => {
                clauses::rule(&mut self.rules, fields)?.outcome.track_events =
                    fields.flag("trackEvents", true)?
            }
            "updateTrackEvents" => self.track_events = fields.flag("trackEvents", true)?,
            "updateTrackEventsFallthrough" => {
                self.track_fallthrough = fields.flag("trackEvents", true)?
            }
            "turnFlagOn" | "turnTargetingOn" => self.on = true,
            "turnFlagOff" | "turnTargetingOff" => self.on = false,
            _ => {
                if let ("removeRule", Some(id)) = (kind, fields.optional_text("ruleId")?) {
                    self.rules
                        .iter()
                        .filter(|rule| rule.id == id)
                        .try_for_each(|rule| rule.outcome.serve.free())?;
                }
                if !clauses::edit(&mut self.rules, kind, fields, &mut mint)? {
                    return Err(body::unknown_instruction(kind));
                }
            }
        }
        self.targets.retain(|_, keys| !keys.is_empty());
        Ok(())
    }

    /// As the REST interface shows it.
    pub fn rest(&self, name: &str) -> Value {
        let rules = self.rules.iter().map(|rule| {
            let clauses: Vec<Value> = rule.clauses.iter().map(Clause::rest).collect();
            let mut json = json!({ "_id": rule.id, "clauses": clauses, "trackEvents": rule.outcome.track_events });
            if let Some(description) = &rule.description {
                put(&mut json, "description", description.as_str());
            }
            merge(&mut json, rule.outcome.serve.rest());
            json
        });
        json!({
            "_environmentName": name, "_version": self.version, "enabled": self.on, "lastModified": self.modified_ms,
            "offVariation": self.off, "fallthrough": self.fallthrough.rest(), "rules": rules.collect::<Vec<_>>(),
            "targets": self.targets(true), "contextTargets": self.targets(false), "trackEvents": self.track_events,
            "trackEventsFallthrough": self.track_fallthrough,
        })
    }

    /// Individual targets: those of users, or those of other kinds.
    pub fn targets(&self, users: bool) -> Value {
        let chosen = self.targets.iter().filter(|((kind, _), _)| (kind == "user") == users);
        chosen.map(|((kind, variation), keys)| json!({ "contextKind": kind, "variation": variation, "values": keys })).collect()
    }
}

/// Adds the fields of `more`.
pub fn merge(json: &mut Value, more: Value) {
    if let (Value::Object(json), Value::Object(more)) = (json, more) {
        json.extend(more);
    }
}
