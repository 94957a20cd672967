//! What a server-side SDK receives: flags and segments of one environment.
//!
//! Guarantees: every field that any SDK insists on is written, the defaults included.
//!
//! Does not know: how it is delivered.

use serde_json::{Value, json};

use super::account::{Account, Project};
use super::clauses::Clause;
use super::configs::Config;
use super::segments::MockSegment;
use super::targeting::{Targeting, merge};
use crate::flags::members::put;
use crate::flags::ruleset::Ruleset;

impl Account {
    /// Flags and segments of an environment; `None` when there is no such environment.
    #[must_use]
    pub fn ruleset(&self, project: &str, environment: &str) -> Option<Ruleset> {
        let project = self.projects.get(project)?;
        let segments = project.environments.get(environment)?.segments.iter();
        let configs = project.configs.iter().filter_map(|(key, config)| {
            let values = values(project, config);
            let own =
                Flag { key: &config.key, salt: &config.salt, values, available: (false, false) };
            Some((key.clone(), flag(own, config.targeting.get(environment)?)))
        });
        let graphs = project.graphs.iter().filter_map(|(key, graph)| {
            let (values, available) = (graph.values(), (false, false));
            let own = Flag { key: &graph.key, salt: &graph.salt, values, available };
            Some((key.clone(), flag(own, graph.targeting.get(environment)?)))
        });
        // An archived flag is gone for SDKs.
        let flags =
            project.flags.iter().filter(|(_, own)| !own.archived).filter_map(|(key, own)| {
                let (values, available) = (own.values(), own.available);
                let flag_of = Flag { key: &own.key, salt: &own.salt, values, available };
                Some((key.clone(), flag(flag_of, own.targeting.get(environment)?)))
            });
        Some(Ruleset {
            flags: configs.chain(graphs).chain(flags).collect(),
            segments: segments
                .map(|(key, segment)| (key.clone(), MockSegment::sdk(segment)))
                .collect(),
        })
    }
}

/// What a flag has besides its targeting.
struct Flag<'a> {
    key: &'a str,
    salt: &'a str,
    values: Vec<Value>,
    /// Whether client-side SDKs may have it, and mobile ones.
    available: (bool, bool),
}

/// A flag as SDKs receive it.
fn flag(own: Flag<'_>, targeting: &Targeting) -> Value {
    let (web, mobile) = own.available;
    let rules = targeting.rules.iter().map(|rule| {
        let clauses: Vec<Value> = rule.clauses.iter().map(Clause::sdk).collect();
        let mut json =
            json!({ "id": rule.id, "trackEvents": rule.outcome.track_events, "clauses": clauses });
        merge(&mut json, rule.outcome.serve.sdk());
        json
    });
    json!({
        "key": own.key, "version": targeting.version, "on": targeting.on, "salt": own.salt,
        "targets": targeting.targets(true), "contextTargets": context_targets(targeting), "prerequisites": [],
        "rules": rules.collect::<Vec<_>>(), "fallthrough": targeting.fallthrough.sdk(), "offVariation": targeting.off,
        "variations": own.values, "trackEvents": targeting.track_events,
        "trackEventsFallthrough": targeting.track_fallthrough, "debugEventsUntilDate": null,
        "clientSideAvailability": { "usingMobileKey": mobile, "usingEnvironmentId": web }, "clientSide": web,
        "samplingRatio": 1, "excludeFromSummaries": false, "deleted": false,
    })
}

/// The values of all variations, `disabled` first.
pub fn values(project: &Project, config: &Config) -> Vec<Value> {
    let own = config.variations.iter().map(|variation| {
        let mut value = variation.sdk(project, &config.mode);
        if let Some((key, inverted)) = config.evaluation() {
            put(&mut value, "evaluationMetricKey", key);
            put(&mut value, "isInverted", inverted);
        }
        value
    });
    std::iter::once(json!({ "_ldMeta": { "enabled": false } })).chain(own).collect()
}

/// Where other kinds are targeted too, the order is given here and users appear as references to
/// `targets`.
fn context_targets(targeting: &Targeting) -> Value {
    let mut others = targeting.targets(false);
    if let (Some(others), Value::Array(users)) =
        (others.as_array_mut().filter(|others| !others.is_empty()), targeting.targets(true))
    {
        others.extend(users.iter().map(|target| json!({ "contextKind": "user", "variation": target["variation"], "values": [] })));
    }
    others
}
