//! Events as the newest Python SDKs send them (launchdarkly-server-sdk 9,
//! launchdarkly-server-sdk-ai 1.2.0).
//!
//! Promises: plain arguments in, JSON out, in a fixed order of fields.
//!
//! Does not know: when an event is due, how it is delivered, or what the simulation keeps.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::context::Attributes;
use crate::event::AppEvent;
use crate::flags::compiled::{Evaluation, EvaluationError, Reason};
use crate::flags::members::put;
use crate::quantity::Money;

/// A context of kind `user`, as events carry it.
#[must_use]
pub fn context(key: &str, attributes: &Attributes) -> Value {
    let mut json = json!({ "kind": "user", "key": key });
    for (name, value) in &attributes.0 {
        if name != "kind" && name != "key" {
            put(&mut json, name, value.as_str());
        }
    }
    json
}

/// Says that a context is new. `at_ms` is Unix time in milliseconds, here and below.
#[must_use]
pub fn index(at_ms: u64, context: &Value) -> Value {
    json!({ "kind": "index", "creationDate": at_ms, "context": context })
}

/// What an AI SDK sends once for each client, about itself.
#[must_use]
pub fn sdk_info(at_ms: u64) -> [Value; 2] {
    let context = json!({ "kind": "ld_ai", "key": "ld-internal-tracking", "anonymous": true });
    let data = json!({ "aiSdkName": "launchdarkly-server-sdk-ai", "aiSdkVersion": "1.2.0", "aiSdkLanguage": "python" });
    let info = json!({ "kind": "custom", "creationDate": at_ms, "key": "$ld:ai:sdk:info", "context": context, "data": data,
        "metricValue": 1 });
    [index(at_ms, &context), info]
}

/// The id of an agent's run, in the form of a UUIDv4; the same for the same text.
#[must_use]
pub fn run_id(of: &str) -> String {
    let bits = xxhash_rust::xxh3::xxh3_128(of.as_bytes());
    // Version 4 and variant 1 have their bits in fixed places.
    let bits = (bits & !(0xf_u128 << 76)) | (4_u128 << 76);
    let bits = (bits & !(0x3_u128 << 62)) | (2_u128 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// What tells a metric event's agent: the AI SDK's track data, in its 1.2.0 shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Track<'a> {
    /// Id of the agent's run, which all its events share.
    pub run: &'a str,
    /// Key of the variation.
    pub variation: &'a str,
    /// Key of the AI config.
    pub config: &'a str,
    /// Version of the variation.
    pub version: u64,
    /// The model's name.
    pub model: &'a str,
    /// The provider's name.
    pub provider: &'a str,
}

impl Track<'_> {
    /// The data of the AI SDK's own events.
    #[must_use]
    pub fn data(&self) -> Value {
        json!({ "runId": self.run, "configKey": self.config, "version": self.version, "modelName": self.model,
            "providerName": self.provider, "variationKey": self.variation })
    }

    /// The data of the cost event, whose `version` is always 1 in the tutorial.
    #[must_use]
    pub fn cost_data(&self) -> Value {
        json!({ "version": 1, "configKey": self.config, "variationKey": self.variation, "modelName": self.model,
            "providerName": self.provider })
    }

    /// The data of a tool call.
    #[must_use]
    pub fn tool_data(&self, tool: &str) -> Value {
        let mut data = self.data();
        put(&mut data, "toolKey", tool);
        data
    }
}

/// A cost as its event states it: dollars, rounded half up to six decimals.
#[must_use]
pub fn cost_dollars(cost: Money) -> f64 {
    ((cost.nano_dollars() + 500) / 1000) as f64 / 1e6
}

/// A metric event. `data` is one of [`Track`]'s, or for [`AppEvent::AgentUsed`] the config's key as
/// text, and null for the application's own. A value that is whole is written as a whole number.
#[must_use]
pub fn custom(at_ms: u64, event: AppEvent, context: &Value, data: Value, value: f64) -> Value {
    custom_by_key(at_ms, event.key(), context, data, value)
}

/// A metric event with a key of the application's own.
#[must_use]
pub fn custom_by_key(at_ms: u64, key: &str, context: &Value, data: Value, value: f64) -> Value {
    let whole = value as i64;
    let value = if whole as f64 == value { json!(whole) } else { json!(value) };
    json!({ "kind": "custom", "creationDate": at_ms, "key": key, "context": context, "data": data, "metricValue": value })
}

/// An evaluation that is sent in full.
#[derive(Clone, Copy, Debug)]
pub struct FeatureEvent<'a> {
    /// Key of the flag or AI config.
    pub config: &'a str,
    /// Version of the flag.
    pub version: u64,
    /// What was decided.
    pub evaluation: Evaluation,
    /// Id of the rule that matched, if one did.
    pub rule_id: Option<&'a str>,
    /// The value that was served.
    pub value: &'a Value,
    /// The application's own default.
    pub default: &'a Value,
}

/// An exposure, or any other evaluation that is sent in full.
#[must_use]
pub fn feature(at_ms: u64, event: &FeatureEvent<'_>, context: &Value) -> Value {
    let mut json = json!({ "kind": "feature", "creationDate": at_ms, "key": event.config, "version": event.version });
    if let Some(index) = flag_index(event.evaluation) {
        put(&mut json, "variation", index);
    }
    put(&mut json, "value", event.value.clone());
    put(&mut json, "default", event.default.clone());
    put(&mut json, "reason", reason(event.evaluation, event.rule_id));
    put(&mut json, "context", context.clone());
    json
}

/// Index among the flag's variations, where the automatic `disabled` one comes first.
fn flag_index(evaluation: Evaluation) -> Option<usize> {
    match evaluation.reason {
        Reason::Error(_) => None,
        _ => Some(evaluation.variation.map_or(0, |own| own + 1)),
    }
}

/// Why a variation was served, as events carry it.
#[must_use]
pub fn reason(evaluation: Evaluation, rule_id: Option<&str>) -> Value {
    let mut json = match evaluation.reason {
        Reason::Off => json!({ "kind": "OFF" }),
        Reason::TargetMatch => json!({ "kind": "TARGET_MATCH" }),
        Reason::PrerequisiteFailed => json!({ "kind": "PREREQUISITE_FAILED" }),
        Reason::Fallthrough => json!({ "kind": "FALLTHROUGH" }),
        Reason::RuleMatch { rule } => match rule_id {
            Some(id) => json!({ "kind": "RULE_MATCH", "ruleIndex": rule, "ruleId": id }),
            None => json!({ "kind": "RULE_MATCH", "ruleIndex": rule }),
        },
        Reason::Error(error) => {
            let kind = match error {
                EvaluationError::FlagNotFound => "FLAG_NOT_FOUND",
                EvaluationError::MalformedFlag => "MALFORMED_FLAG",
                EvaluationError::UserNotSpecified => "USER_NOT_SPECIFIED",
            };
            json!({ "kind": "ERROR", "errorKind": kind })
        }
    };
    if evaluation.in_experiment {
        put(&mut json, "inExperiment", true);
    }
    json
}

/// Counts of evaluations between two flushes.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// By config, with the application's default.
    features: BTreeMap<String, (Value, Counters)>,
}

/// By version and variation: the value that was served, and how often.
type Counters = BTreeMap<(u64, Option<usize>), (Value, u64)>;

impl Summary {
    /// Counts one evaluation.
    pub fn count(&mut self, event: &FeatureEvent<'_>) {
        let (_, counters) = self
            .features
            .entry(event.config.to_owned())
            .or_insert_with(|| (event.default.clone(), Counters::new()));
        let counter = (event.version, flag_index(event.evaluation));
        counters.entry(counter).or_insert_with(|| (event.value.clone(), 0)).1 += 1;
    }

    /// The event; `None` when nothing was counted.
    #[must_use]
    pub fn to_json(&self, start_ms: u64, end_ms: u64) -> Option<Value> {
        if self.features.is_empty() {
            return None;
        }
        let features = self.features.iter().map(|(key, (default, counters))| {
            let counters = counters.iter().map(|((version, variation), (value, count))| match variation {
                Some(variation) => json!({ "variation": variation, "version": version, "value": value, "count": count }),
                None => json!({ "unknown": true, "value": value, "count": count }),
            });
            (key.clone(), json!({ "default": default, "contextKinds": ["user"], "counters": counters.collect::<Vec<_>>() }))
        });
        let features: serde_json::Map<String, Value> = features.collect();
        Some(
            json!({ "kind": "summary", "startDate": start_ms, "endDate": end_ms, "features": features }),
        )
    }
}
