//! Events as the newest SDKs send them: launchdarkly-server-sdk 9 for Python, and the families of AI
//! SDKs (`SdkFamily`).
//!
//! Guarantees: plain arguments in, JSON out, in a fixed order of fields. A context, the data and the values of flags may be
//! values, or text that is JSON already.
//!
//! Does not know: when an event is due, how it is delivered, or what the simulation keeps.

use serde::Serialize;
use serde_json::{Value, json};

use crate::context::Attributes;
use crate::event::{AppEvent, SdkFamily};
use crate::flags::compiled::{Evaluation, EvaluationError, Reason};
use crate::flags::members::put;

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

/// Says that a context is new.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexEvent<C> {
    kind: &'static str,
    creation_date: u64,
    context: C,
}

impl<C> IndexEvent<C> {
    /// The event at this Unix time in milliseconds.
    pub fn new(at_ms: u64, context: C) -> Self {
        Self { kind: "index", creation_date: at_ms, context }
    }
}

/// A metric event. The data are one of [`Track`]'s, or for [`AppEvent::AgentUsed`] the config's key
/// as text, and null for the application's own.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SentMetric<'a, C, D> {
    kind: &'static str,
    creation_date: u64,
    key: &'a str,
    context: C,
    data: D,
    metric_value: Value,
}

impl<'a, C, D> SentMetric<'a, C, D> {
    /// The event at this Unix time in milliseconds. A value that is whole is written as a whole
    /// number.
    pub fn new(at_ms: u64, key: &'a str, context: C, data: D, value: f64) -> Self {
        let whole = value as i64;
        let metric_value = if whole as f64 == value { json!(whole) } else { json!(value) };
        Self { kind: "custom", creation_date: at_ms, key, context, data, metric_value }
    }

    /// The same event at another time.
    #[must_use]
    pub fn at(self, at_ms: u64) -> Self {
        Self { creation_date: at_ms, ..self }
    }
}

/// An event as a value. One that is no JSON, which none here is, would be null.
fn valued(event: impl Serialize) -> Value {
    serde_json::to_value(event).unwrap_or_default()
}

/// Says that a context is new. `at_ms` is Unix time in milliseconds, here and below.
#[must_use]
pub fn index(at_ms: u64, context: &Value) -> Value {
    valued(IndexEvent::new(at_ms, context))
}

/// What an AI SDK sends once for each client, about itself; `graphs` says whether the client runs
/// graphs.
#[must_use]
pub fn sdk_info(at_ms: u64, family: SdkFamily, graphs: bool) -> Vec<Value> {
    let context = json!({ "kind": "ld_ai", "key": "ld-internal-tracking", "anonymous": true });
    let (name, version, language) = match family {
        SdkFamily::Configs | SdkFamily::Python1 => {
            ("launchdarkly-server-sdk-ai", "1.2.0", "python")
        }
        SdkFamily::Node2 => ("@launchdarkly/server-sdk-ai", "2.0.1", "javascript"),
        SdkFamily::AiServer => ("launchdarkly-ai-server", "0.4.0", "python"),
    };
    let data = json!({ "aiSdkName": name, "aiSdkVersion": version, "aiSdkLanguage": language });
    let mut events = vec![
        index(at_ms, &context),
        custom_by_key(at_ms, "$ld:ai:sdk:info", &context, data.clone(), 1.0),
    ];
    if family == SdkFamily::AiServer {
        let helper = if graphs { "client.graph.invoke" } else { "client.config.invoke" };
        let mut data = data;
        put(&mut data, "helper", helper);
        put(&mut data, "helperPackageName", name);
        put(&mut data, "helperPackageVersion", version);
        events.push(custom_by_key(at_ms, "$ld:ai:sdk:usage", &context, data, 1.0));
    }
    events
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

/// What tells a metric event's agent: the AI SDK's track data.
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
    /// Which SDK tracks.
    pub family: SdkFamily,
    /// Key of the graph that the agent runs in, where the SDK walks one.
    pub graph: Option<&'a str>,
}

impl Track<'_> {
    /// The data of the AI SDK's own events.
    #[must_use]
    pub fn data(&self) -> Value {
        let mut data = match self.family {
            SdkFamily::Configs | SdkFamily::Python1 => {
                json!({ "runId": self.run, "configKey": self.config,
                "version": self.version, "modelName": self.model, "providerName": self.provider,
                "variationKey": self.variation })
            }
            SdkFamily::Node2 => {
                json!({ "runId": self.run, "configKey": self.config, "variationKey": self.variation,
                "version": self.version, "modelName": self.model, "providerName": self.provider, "modelVersion": 1 })
            }
            SdkFamily::AiServer => json!({ "runId": self.run, "configKey": self.config,
                "variationKey": self.variation, "version": self.version, "modelName": self.model,
                "providerName": self.provider }),
        };
        if let Some(graph) = self.graph {
            put(&mut data, "graphKey", graph);
        }
        data
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

/// What tells a run of a whole graph: the track data of an AI SDK that walks graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphTrack<'a> {
    /// Id of the graph's run; the Python SDK does not say it.
    pub run: &'a str,
    /// Key of the graph.
    pub graph: &'a str,
    /// Key of its variation.
    pub variation: &'a str,
    /// Version of the variation.
    pub version: u64,
    /// Which SDK tracks.
    pub family: SdkFamily,
}

impl GraphTrack<'_> {
    /// The data of the SDK's events about the graph; null where it knows no graph.
    #[must_use]
    pub fn data(&self) -> Value {
        match self.family {
            SdkFamily::Configs => Value::Null,
            SdkFamily::Python1 => json!({ "variationKey": self.variation, "graphKey": self.graph,
                "version": self.version }),
            SdkFamily::Node2 => {
                json!({ "runId": self.run, "graphKey": self.graph, "version": self.version,
                "variationKey": self.variation })
            }
            SdkFamily::AiServer => json!({ "runId": self.run, "configKey": self.graph,
                "variationKey": self.variation, "version": self.version, "modelName": "", "providerName": "",
                "graphKey": self.graph }),
        }
    }

    /// The same with more fields.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        let mut data = self.data();
        for (name, value) in more {
            put(&mut data, name, value);
        }
        data
    }
}

/// As [`SentMetric`].
#[must_use]
pub fn custom(at_ms: u64, event: AppEvent, context: &Value, data: Value, value: f64) -> Value {
    custom_by_key(at_ms, event.key(), context, data, value)
}

/// A metric event with a key of the application's own.
#[must_use]
pub fn custom_by_key(at_ms: u64, key: &str, context: &Value, data: Value, value: f64) -> Value {
    valued(SentMetric::new(at_ms, key, context, data, value))
}

/// An evaluation that is sent in full.
#[derive(Clone, Copy, Debug)]
pub struct FeatureEvent<'a, V> {
    /// Key of the flag or AI config.
    pub config: &'a str,
    /// Version of the flag.
    pub version: u64,
    /// What was decided.
    pub evaluation: Evaluation,
    /// Id of the rule that matched, if one did.
    pub rule_id: Option<&'a str>,
    /// The value that was served.
    pub value: V,
    /// The application's own default.
    pub default: V,
}

/// An evaluation as it is sent.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SentFeature<'a, V, C> {
    kind: &'static str,
    creation_date: u64,
    key: &'a str,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    variation: Option<usize>,
    value: V,
    default: V,
    reason: Value,
    context: C,
}

impl<'a, V> FeatureEvent<'a, V> {
    /// The event of an exposure, or of any other evaluation that is sent in full.
    pub fn sent<C>(self, at_ms: u64, context: C) -> SentFeature<'a, V, C> {
        SentFeature {
            kind: "feature",
            creation_date: at_ms,
            key: self.config,
            version: self.version,
            variation: self.variation(),
            value: self.value,
            default: self.default,
            reason: reason(self.evaluation, self.rule_id),
            context,
        }
    }

    /// Index among the flag's variations, where the automatic `disabled` one comes first.
    pub fn variation(&self) -> Option<usize> {
        match self.evaluation.reason {
            Reason::Error(_) => None,
            _ => Some(self.evaluation.variation.map_or(0, |own| own + 1)),
        }
    }
}

/// An exposure, or any other evaluation that is sent in full.
#[must_use]
pub fn feature(at_ms: u64, event: &FeatureEvent<'_, &Value>, context: &Value) -> Value {
    valued(event.sent(at_ms, context))
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
