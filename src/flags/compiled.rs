//! Which variation a user gets, fast: rules are matched once for each distinct attribute set, and a
//! call only hashes.
//!
//! Whatever does not depend on the user's key is decided when compiling, by the official crate
//! itself: clause by clause for the rules, and as a whole where no rollout by key is reached. What
//! remains is a rollout by key (one SHA-1). A flag whose answer depends on the key in any other way
//! (individual targets, clauses on `key`, segments with members or percentages, prerequisites) is
//! evaluated by the official crate at each call: correct, but microseconds, not nanoseconds.
//!
//! Guarantees: equal to `launchdarkly-server-sdk-evaluation` for every flag, segment, attribute set
//! and key (property-tested); no allocation and at most one hash on the compiled paths; never a
//! panic, whatever the indices.
//!
//! Does not know: what a variation contains, or that events follow from an evaluation.

use std::collections::BTreeSet;
use std::sync::Arc;

use launchdarkly_server_sdk_evaluation as vendor;
use serde_json::{Value, json};

use super::bucket::{self, Prefix};
use super::official::{self, Store};
use super::ruleset::Ruleset;
use crate::context::Attributes;

/// A user's variation and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Index into the config's own variations, without the automatic `disabled` one. `None` when
    /// the config is disabled for this user or cannot be evaluated: the reason says which.
    pub variation: Option<usize>,
    /// Whether this evaluation is an exposure to an experiment.
    pub in_experiment: bool,
    /// Why.
    pub reason: Reason,
}

/// Why a variation was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Targeting is off.
    Off,
    /// The key is targeted by name.
    TargetMatch,
    /// The rule with this index matched.
    RuleMatch {
        /// Counted from 0.
        rule: u32,
    },
    /// Another flag does not serve what this one requires.
    PrerequisiteFailed,
    /// No rule matched.
    Fallthrough,
    /// There is no answer; the application's own default applies.
    Error(EvaluationError),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationError {
    /// No such flag or AI config.
    FlagNotFound,
    /// The flag's data contradicts itself.
    MalformedFlag,
    /// The user's key is empty.
    UserNotSpecified,
}

impl Evaluation {
    const fn error(error: EvaluationError) -> Self {
        Self { variation: None, in_experiment: false, reason: Reason::Error(error) }
    }
}

/// A ruleset that cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRuleset {
    /// `flag` or `segment`, and its key.
    pub item: String,
    /// What an SDK would not accept.
    pub reason: String,
}

impl std::fmt::Display for UnreadableRuleset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the {} cannot be read: {}", self.item, self.reason)
    }
}

impl std::error::Error for UnreadableRuleset {}

/// What is left to do at a call.
#[derive(Clone, Copy, Debug)]
enum Plan {
    /// The same for every key.
    Fixed(Evaluation),
    /// This rollout, by key.
    Rollout(u32),
    /// Ask the official crate.
    Official,
}

/// A rollout by key: `evaluations[i]` up to `bounds[i]`.
#[derive(Clone, Debug)]
struct Rollout {
    prefix: Prefix,
    /// The seed that the prefix was made of, if it was made of one.
    seed: Option<i64>,
    bounds: Vec<f32>,
    evaluations: Vec<Evaluation>,
}

/// One config, and what it takes to ask the official crate about it.
#[derive(Clone, Debug)]
struct Config {
    flag: vendor::Flag,
    /// Index of the first variation after the automatic `disabled` one.
    first: usize,
    rule_ids: Vec<String>,
    /// Values of the variations from `first` on.
    values: Vec<Value>,
}

/// A ruleset, compiled for some configs and attribute sets.
#[derive(Clone, Debug)]
pub struct Compiled {
    configs: Arc<Vec<Option<Config>>>,
    attribute_sets: Arc<Vec<Attributes>>,
    /// Of config `c` and attribute set `s` at `c * attribute_sets.len() + s`.
    plans: Vec<Plan>,
    rollouts: Vec<Rollout>,
    store: Arc<Store>,
}

impl Compiled {
    /// Compiles `ruleset` for the configs with these keys, and for users with one of these
    /// attribute sets. A config that the ruleset lacks evaluates to
    /// [`EvaluationError::FlagNotFound`].
    ///
    /// # Errors
    /// When a flag or segment lacks what an SDK insists on.
    pub fn new<K: AsRef<str>>(
        ruleset: &Ruleset,
        configs: &[K],
        attribute_sets: &[Attributes],
    ) -> Result<Self, UnreadableRuleset> {
        let mut store = Store::default();
        for (key, segment) in &ruleset.segments {
            store.segments.insert(key.clone(), read(segment, "segment", key)?);
        }
        for (key, flag) in &ruleset.flags {
            store.flags.insert(key.clone(), read(flag, "flag", key)?);
        }
        let mut compiled = Self {
            configs: Arc::default(),
            attribute_sets: Arc::new(attribute_sets.to_vec()),
            plans: Vec::new(),
            rollouts: Vec::new(),
            store: Arc::new(store),
        };
        let mut configs_of = Vec::new();
        for key in configs {
            let config = compiled
                .store
                .flags
                .get(key.as_ref())
                .map(|flag| Config::new(flag, ruleset.flags.get(key.as_ref())));
            match &config {
                None => {
                    let plan = Plan::Fixed(Evaluation::error(EvaluationError::FlagNotFound));
                    compiled.plans.extend(attribute_sets.iter().map(|_| plan));
                }
                Some(config) => compiled.plan(config)?,
            }
            configs_of.push(config);
        }
        compiled.configs = Arc::new(configs_of);
        Ok(compiled)
    }

    /// How many configs it was compiled for.
    #[must_use]
    pub fn configs(&self) -> usize {
        self.configs.len()
    }

    /// The variation of `configs[config]` for the user with this key and
    /// `attribute_sets[attribute_set]`.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "a plan names a rollout that was compiled with it")]
    pub fn evaluate(&self, config: usize, attribute_set: usize, key: &str) -> Evaluation {
        let plan = if attribute_set < self.attribute_sets.len() {
            self.plans
                .get(config.saturating_mul(self.attribute_sets.len()).saturating_add(attribute_set))
        } else {
            None
        };
        let Some(plan) = plan else { return Evaluation::error(EvaluationError::FlagNotFound) };
        if key.is_empty() {
            return Evaluation::error(EvaluationError::UserNotSpecified);
        }
        match *plan {
            Plan::Fixed(evaluation) => evaluation,
            Plan::Rollout(index) => self.rollouts[index as usize].evaluate(key),
            Plan::Official => self.official(config, attribute_set, key),
        }
    }

    /// The variations of `configs[config]` that a user with one of the attribute sets can get; `None`
    /// where that depends on more than a rollout by key.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "a plan names a rollout that was compiled with it")]
    pub fn reachable(&self, config: usize) -> Option<BTreeSet<usize>> {
        let sets = self.attribute_sets.len();
        let plans = self.plans.get(config.saturating_mul(sets)..)?.iter().take(sets);
        let mut reachable = BTreeSet::new();
        for plan in plans {
            match *plan {
                Plan::Fixed(evaluation) => reachable.extend(evaluation.variation),
                Plan::Rollout(index) => {
                    let Rollout { bounds, evaluations, .. } = &self.rollouts[index as usize];
                    let before = std::iter::once(&0.0).chain(bounds);
                    let own = evaluations.iter().zip(bounds.iter().zip(before));
                    let own = own.filter(|(_, (bound, before))| bound > before);
                    reachable.extend(own.filter_map(|(evaluation, _)| evaluation.variation));
                }
                Plan::Official => return None,
            }
        }
        Some(reachable)
    }

    /// The same flags with other seeds in their rollouts, as pairs of old and new: what another
    /// bootstrap would have drawn, without one. Ids of rules stay as they are. `None` when an
    /// evaluation depends on the key in any other way than through a rollout whose seed is
    /// replaced.
    #[must_use]
    pub fn reseeded(&self, seeds: &[(i64, i64)]) -> Option<Self> {
        if self.plans.iter().any(|plan| matches!(plan, Plan::Official)) {
            return None;
        }
        let rollouts = self.rollouts.iter().map(|rollout| {
            let (_, new) = seeds.iter().find(|(old, _)| Some(*old) == rollout.seed)?;
            Some(Rollout { prefix: Prefix::seed(*new), seed: Some(*new), ..rollout.clone() })
        });
        Some(Self { rollouts: rollouts.collect::<Option<Vec<Rollout>>>()?, ..self.clone() })
    }

    /// The rollouts by key of a rule of `configs[config]`; `None` is the default rule.
    fn rollouts_of(
        &mut self,
        config: usize,
        rule: Option<u32>,
    ) -> impl Iterator<Item = &mut Rollout> {
        let sets = self.attribute_sets.len();
        let plans =
            self.plans.get(config.saturating_mul(sets)..).unwrap_or_default().iter().take(sets);
        let own: BTreeSet<u32> = plans
            .filter_map(|plan| if let Plan::Rollout(index) = plan { Some(*index) } else { None })
            .collect();
        let reason = rule.map_or(Reason::Fallthrough, |rule| Reason::RuleMatch { rule });
        let served = move |rollout: &Rollout| {
            rollout.evaluations.first().is_some_and(|evaluation| evaluation.reason == reason)
        };
        let rollouts = self.rollouts.iter_mut().zip(0_u32..);
        rollouts
            .filter(move |(rollout, index)| own.contains(index) && served(rollout))
            .map(|(rollout, _)| rollout)
    }

    /// Gives the variations that take part in an experiment on a rule other shares of its sample,
    /// in thousandths of a percent; a user's bucket stays. Tells whether there was a rollout by key
    /// to change.
    pub fn reallocate(
        &mut self,
        config: usize,
        rule: Option<u32>,
        shares: &[(usize, u32)],
    ) -> bool {
        let mut found = false;
        for rollout in self.rollouts_of(config, rule) {
            let mut before = 0.0;
            let weights: Vec<f32> = rollout
                .bounds
                .iter()
                .map(|&bound| (bound - std::mem::replace(&mut before, bound)) * 100_000.0)
                .collect();
            let own = |evaluation: &Evaluation| evaluation.in_experiment;
            let sample: f32 = weights
                .iter()
                .zip(&rollout.evaluations)
                .filter(|(_, evaluation)| own(evaluation))
                .map(|(weight, _)| weight)
                .sum();
            let share = |evaluation: &Evaluation| {
                shares.iter().find(|(variation, _)| evaluation.variation == Some(*variation))
            };
            let weights = weights.iter().zip(&rollout.evaluations).map(|(&weight, evaluation)| {
                match share(evaluation) {
                    Some((_, share)) if own(evaluation) => sample * (*share as f32 / 100_000.0),
                    _ => weight,
                }
            });
            rollout.bounds = bucket::bounds(weights);
            found = true;
        }
        found
    }

    /// Ends what runs on a rule: all its users get this variation, and nobody is exposed any more.
    pub fn settle(&mut self, config: usize, rule: Option<u32>, variation: usize) {
        for rollout in self.rollouts_of(config, rule) {
            for evaluation in &mut rollout.evaluations {
                (evaluation.variation, evaluation.in_experiment) = (Some(variation), false);
            }
        }
    }

    /// The id of rule `rule` of `configs[config]`.
    #[must_use]
    pub fn rule_id(&self, config: usize, rule: u32) -> Option<&str> {
        self.configs.get(config)?.as_ref()?.rule_ids.get(rule as usize).map(String::as_str)
    }

    /// The version of `configs[config]`, as events state it.
    #[must_use]
    pub fn version(&self, config: usize) -> Option<u64> {
        Some(self.configs.get(config)?.as_ref()?.flag.version)
    }

    /// The value of a variation of `configs[config]`, as an SDK would serve it; `None` when there
    /// is none.
    #[must_use]
    pub fn value(&self, config: usize, variation: usize) -> Option<&Value> {
        self.configs.get(config)?.as_ref()?.values.get(variation)
    }

    fn official(&self, config: usize, attribute_set: usize, key: &str) -> Evaluation {
        let (Some(Some(config)), Some(attributes)) =
            (self.configs.get(config), self.attribute_sets.get(attribute_set))
        else {
            return Evaluation::error(EvaluationError::FlagNotFound);
        };
        match official::context(key, attributes) {
            Some(context) => config.ask(&self.store, &context),
            None => Evaluation::error(EvaluationError::UserNotSpecified),
        }
    }

    /// Appends one plan for each attribute set.
    fn plan(&mut self, config: &Config) -> Result<(), UnreadableRuleset> {
        let key = &config.flag.key;
        // As the official crate understood it: one spelling for each thing.
        let flag: &Value = &write(&config.flag, "flag", key)?;
        let by_key = has_items(&flag["targets"])
            || has_items(&flag["contextTargets"])
            || has_items(&flag["prerequisites"]);
        let mut rules = Vec::new();
        let vendor_rules: Vec<vendor::FlagRule> = read(&flag["rules"], "rules of flag", key)?;
        let written = flag["rules"].as_array().into_iter().flatten();
        for (index, (rule, written)) in vendor_rules.iter().zip(written).enumerate() {
            let mut probes = Vec::new();
            for clause in written["clauses"].as_array().into_iter().flatten() {
                let probe = if self.depends_on_key(clause, &mut BTreeSet::new())? {
                    None
                } else {
                    Some(probe(clause, key)?)
                };
                probes.push(probe);
            }
            let reason = Reason::RuleMatch { rule: u32::try_from(index).unwrap_or(u32::MAX) };
            rules.push((probes, self.rollout(config, &rule.variation_or_rollout, flag, reason)?));
        }
        let fallthrough: vendor::VariationOrRollout =
            read(&flag["fallthrough"], "default rule of flag", key)?;
        let fallthrough = self.rollout(config, &fallthrough, flag, Reason::Fallthrough)?;

        for attributes in self.attribute_sets.iter() {
            // Any key will do where the answer does not depend on it.
            let context = official::context("any", attributes);
            let plan = match &context {
                _ if by_key => Plan::Official,
                None => Plan::Official,
                Some(context) => {
                    let fixed = || Plan::Fixed(config.ask(&self.store, context));
                    let reached = if flag["on"] == json!(true) {
                        reach(&rules, fallthrough, context, &self.store)
                    } else {
                        Reached::Fixed
                    };
                    match reached {
                        Reached::Fixed => fixed(),
                        Reached::Rollout(index) => Plan::Rollout(index),
                        Reached::Unknown => Plan::Official,
                    }
                }
            };
            self.plans.push(plan);
        }
        Ok(())
    }

    /// The index of this rollout if it is one by key.
    fn rollout(
        &mut self,
        config: &Config,
        serve: &vendor::VariationOrRollout,
        flag: &Value,
        reason: Reason,
    ) -> Result<Option<u32>, UnreadableRuleset> {
        let vendor::VariationOrRollout::Rollout { rollout } = serve else { return Ok(None) };
        let key = &config.flag.key;
        let rollout: &Value = &write(rollout, "rollout of flag", key)?;
        let experiment = rollout["kind"] == "experiment";
        let by_key = experiment || rollout["bucketBy"].as_str().is_none_or(is_key);
        let of_user = rollout["contextKind"].as_str().is_none_or(|kind| kind == "user");
        let parts = rollout["variations"].as_array().filter(|parts| !parts.is_empty());
        let (true, true, Some(parts)) = (by_key, of_user, parts) else { return Ok(None) };
        let seed = rollout["seed"].as_i64();
        let prefix = match seed {
            Some(seed) => Prefix::seed(seed),
            None => Prefix::key_and_salt(key, flag["salt"].as_str().unwrap_or_default()),
        };
        // The vendor's weights are f32 and were written from f32, so this is exact.
        let bounds = bucket::bounds(
            parts.iter().map(|part| part["weight"].as_f64().unwrap_or_default() as f32),
        );
        let variations = flag["variations"].as_array().map_or(0, Vec::len);
        let evaluations = parts.iter().map(|part| {
            let index = part["variation"]
                .as_u64()
                .and_then(|index| usize::try_from(index).ok())
                .filter(|&index| index < variations);
            let tracked = part["untracked"] != json!(true);
            index.map_or(Evaluation::error(EvaluationError::MalformedFlag), |index| Evaluation {
                variation: index.checked_sub(config.first),
                in_experiment: experiment && tracked,
                reason,
            })
        });
        self.rollouts.push(Rollout { prefix, seed, bounds, evaluations: evaluations.collect() });
        Ok(u32::try_from(self.rollouts.len() - 1).ok())
    }

    /// Whether the truth of `clause` may depend on the user's key. `seen` are the segments on the
    /// way, against circles.
    fn depends_on_key(
        &self,
        clause: &Value,
        seen: &mut BTreeSet<String>,
    ) -> Result<bool, UnreadableRuleset> {
        if clause["op"] != "segmentMatch" {
            return Ok(clause["attribute"].as_str().is_some_and(is_key));
        }
        for key in clause["values"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let Some(segment) = self.store.segments.get(key) else { continue };
            if !seen.insert(key.to_owned()) {
                continue;
            }
            let segment: &Value = &write(segment, "segment", key)?;
            let lists = ["included", "excluded", "includedContexts", "excludedContexts"];
            if lists.iter().any(|list| has_items(&segment[list])) {
                return Ok(true);
            }
            for rule in segment["rules"].as_array().into_iter().flatten() {
                if rule["weight"].is_number() {
                    return Ok(true);
                }
                for clause in rule["clauses"].as_array().into_iter().flatten() {
                    if self.depends_on_key(clause, seen)? {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }
}

impl Rollout {
    fn evaluate(&self, key: &str) -> Evaluation {
        let bucket = self.prefix.bucket(key);
        let part = self
            .bounds
            .iter()
            .zip(&self.evaluations)
            .find(|(bound, _)| bucket < **bound)
            .map(|(_, evaluation)| evaluation);
        // The last part takes what rounding left outside.
        part.or(self.evaluations.last())
            .copied()
            .unwrap_or(Evaluation::error(EvaluationError::MalformedFlag))
    }
}

impl Config {
    fn new(flag: &vendor::Flag, json: Option<&Value>) -> Self {
        let disabled = json!({ "_ldMeta": { "enabled": false } });
        let first =
            usize::from(json.is_some_and(|json| json.pointer("/variations/0") == Some(&disabled)));
        let rules = json.and_then(|json| json["rules"].as_array()).into_iter().flatten();
        let rule_ids =
            rules.map(|rule| rule["id"].as_str().unwrap_or_default().to_owned()).collect();
        let values = json
            .and_then(|json| json["variations"].as_array())
            .into_iter()
            .flatten()
            .skip(first)
            .cloned()
            .collect();
        Self { flag: flag.clone(), first, rule_ids, values }
    }

    /// The official crate's answer.
    fn ask(&self, store: &Store, context: &vendor::Context) -> Evaluation {
        let detail = vendor::evaluate(store, &self.flag, context, None);
        let index =
            detail.value.and(detail.variation_index).and_then(|index| usize::try_from(index).ok());
        let reason = match &detail.reason {
            vendor::Reason::Off => Reason::Off,
            vendor::Reason::TargetMatch => Reason::TargetMatch,
            vendor::Reason::RuleMatch { rule_index, .. } => {
                Reason::RuleMatch { rule: u32::try_from(*rule_index).unwrap_or(u32::MAX) }
            }
            vendor::Reason::PrerequisiteFailed { .. } => Reason::PrerequisiteFailed,
            vendor::Reason::Fallthrough { .. } => Reason::Fallthrough,
            vendor::Reason::Error { .. } => Reason::Error(EvaluationError::MalformedFlag),
        };
        Evaluation {
            variation: index.and_then(|index| index.checked_sub(self.first)),
            in_experiment: detail.reason.is_in_experiment(),
            reason,
        }
    }
}

/// Where a walk over the rules ends.
enum Reached {
    /// At something that is the same for every key.
    Fixed,
    /// At a rollout by key.
    Rollout(u32),
    /// At a clause that depends on the key.
    Unknown,
}

/// Clauses as probes (`None`: depends on the key), and the rollout by key, if it is one.
type CompiledRule = (Vec<Option<vendor::Flag>>, Option<u32>);

fn reach(
    rules: &[CompiledRule],
    fallthrough: Option<u32>,
    context: &vendor::Context,
    store: &Store,
) -> Reached {
    let served = |rollout: Option<u32>| rollout.map_or(Reached::Fixed, Reached::Rollout);
    'rules: for (probes, rollout) in rules {
        for probe in probes {
            let Some(probe) = probe else { return Reached::Unknown };
            match vendor::evaluate(store, probe, context, None).variation_index {
                Some(1) => {}
                Some(_) => continue 'rules,
                // The clause is an error, and so is the flag.
                None => return Reached::Fixed,
            }
        }
        return served(*rollout);
    }
    served(fallthrough)
}

/// A flag that serves its second variation where `clause` holds, and its first elsewhere.
fn probe(clause: &Value, key: &str) -> Result<vendor::Flag, UnreadableRuleset> {
    let probe = json!({
        "key": "probe", "version": 1, "on": true, "salt": "", "targets": [], "contextTargets": [], "prerequisites": [],
        "rules": [{ "clauses": [clause], "variation": 1, "trackEvents": false }],
        "fallthrough": { "variation": 0 }, "variations": [false, true],
    });
    read(&probe, "clause of flag", key)
}

fn is_key(reference: &str) -> bool {
    let reference = vendor::Reference::new(reference);
    reference.depth() == 1 && reference.component(0) == Some("key")
}

fn has_items(value: &Value) -> bool {
    value.as_array().is_some_and(|items| !items.is_empty())
}

fn read<T: serde::de::DeserializeOwned>(
    json: &Value,
    what: &str,
    key: &str,
) -> Result<T, UnreadableRuleset> {
    T::deserialize(json).map_err(|error| UnreadableRuleset {
        item: format!("{what} `{key}`"),
        reason: error.to_string(),
    })
}

fn write<T: serde::Serialize>(
    value: &T,
    what: &str,
    key: &str,
) -> Result<Value, UnreadableRuleset> {
    serde_json::to_value(value).map_err(|error| UnreadableRuleset {
        item: format!("{what} `{key}`"),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
