//! Recorded events, back to what the analysis needs: who was exposed to what, and whose metric events there were.
//!
//! Promises: nothing is guessed: what cannot be read says why; what is no concern of an experiment is named and passed over.
//! Contexts inlined, multi-kind or by key (`contextKeys`) are read alike.
//!
//! Does not know: files, or which experiment an exposure belongs to.

use std::fmt;

use serde_json::Value;

/// What one event says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Recorded<'a> {
    /// A unit was exposed to a variation in an experiment.
    Exposure {
        /// Unix time in milliseconds.
        at_ms: u64,
        /// Key of the unit.
        unit: &'a str,
        /// Key of the flag or AI config.
        config: &'a str,
        /// Index among the flag's variations; 0 is the automatic `disabled` one of an AI config.
        variation: usize,
        /// Key of the variation, when the value is an AI config's.
        variation_key: Option<&'a str>,
    },
    /// A metric event.
    Metric {
        /// Unix time in milliseconds.
        at_ms: u64,
        /// Key of the unit.
        unit: &'a str,
        /// Key of the event.
        event: &'a str,
        /// Its value; `None` counts as an occurrence only.
        value: Option<f64>,
        /// The event's data; null when there is none.
        data: &'a Value,
    },
    /// An event that says nothing about an experiment: of another kind, an evaluation outside of experiments, or about a
    /// context without the wanted kind.
    Other {
        /// The event's kind.
        kind: &'a str,
    },
}

/// Why an event cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// Reads one event; units are contexts of kind `unit_kind` (`user` in the tutorial).
///
/// # Errors
/// When the event is not one that an SDK sends.
pub fn read<'a>(event: &'a Value, unit_kind: &str) -> Result<Recorded<'a>, Malformed> {
    if !event.is_object() {
        return Err(Malformed("an event is a JSON object".to_owned()));
    }
    let kind = text(event, "kind")?;
    match kind {
        "feature" | "custom" => {}
        "index" | "identify" | "summary" | "debug" | "migration_op" => return Ok(Recorded::Other { kind }),
        _ => return Err(Malformed(format!("`{kind}` is not a kind of event"))),
    }
    let key = text(event, "key")?;
    let at_ms = event["creationDate"].as_u64().ok_or_else(|| Malformed("`creationDate` must be a Unix time in milliseconds".to_owned()))?;
    let Some(unit) = unit(event, unit_kind)? else { return Ok(Recorded::Other { kind }) };
    if kind == "custom" {
        let value = match &event["metricValue"] {
            Value::Null => None,
            value => Some(value.as_f64().ok_or_else(|| Malformed("`metricValue` must be a number".to_owned()))?),
        };
        return Ok(Recorded::Metric { at_ms, unit, event: key, value, data: &event["data"] });
    }
    if event["reason"]["inExperiment"] != Value::Bool(true) {
        return Ok(Recorded::Other { kind });
    }
    let variation = event["variation"].as_u64().and_then(|index| usize::try_from(index).ok());
    let variation = variation.ok_or_else(|| Malformed("an exposure must have a `variation` index".to_owned()))?;
    let variation_key = event["value"]["_ldMeta"]["variationKey"].as_str();
    Ok(Recorded::Exposure { at_ms, unit, config: key, variation, variation_key })
}

/// The key of the unit, if the event's context has one.
fn unit<'a>(event: &'a Value, unit_kind: &str) -> Result<Option<&'a str>, Malformed> {
    let context = &event["context"];
    let key = if context.is_object() {
        match text(context, "kind").map_err(|error| Malformed(format!("in `context`: {error}")))? {
            "multi" => &context[unit_kind]["key"],
            kind if kind == unit_kind => &context["key"],
            _ => return Ok(None),
        }
    } else if event["contextKeys"].is_object() {
        &event["contextKeys"][unit_kind]
    } else {
        return Err(Malformed("`context` or `contextKeys` must be an object".to_owned()));
    };
    match key {
        Value::Null if context["kind"] != unit_kind => Ok(None),
        Value::String(key) if !key.is_empty() => Ok(Some(key)),
        _ => Err(Malformed(format!("the key of the context `{unit_kind}` must be a string that is not empty"))),
    }
}

fn text<'a>(json: &'a Value, name: &str) -> Result<&'a str, Malformed> {
    json[name].as_str().ok_or_else(|| Malformed(format!("`{name}` must be a string")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::context::Attributes;
    use crate::flags::compiled::{Evaluation, Reason};
    use crate::flags::events::{EventKey, FeatureEvent, Summary, Track, context, cost_dollars, custom, feature, index};
    use crate::quantity::Money;

    fn user() -> Value {
        let attributes = [("country", "US"), ("plan", "paid"), ("key", "not the key")];
        context("user_1760000000_1", &Attributes(attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into()))
    }

    #[test]
    fn events_have_the_shape_that_was_captured_from_the_sdks() {
        // Expected texts follow the captures of the Python SDK 9.12.0 and AI SDK 0.10.1.
        let value = json!({ "_ldMeta": { "enabled": true, "variationKey": "strict-security" } });
        let evaluation = Evaluation { variation: Some(0), in_experiment: true, reason: Reason::RuleMatch { rule: 3 } };
        let event =
            FeatureEvent { config: "security-agent", version: 7, evaluation, rule_id: Some("aaaa"), value: &value, default: &json!({}) };
        assert_eq!(
            feature(1_760_000_000_000, &event, &user()).to_string(),
            r#"{"kind":"feature","creationDate":1760000000000,"key":"security-agent","version":7,"variation":1,"value":{"_ldMeta":{"enabled":true,"variationKey":"strict-security"}},"default":{},"reason":{"kind":"RULE_MATCH","ruleIndex":3,"ruleId":"aaaa","inExperiment":true},"context":{"kind":"user","key":"user_1760000000_1","country":"US","plan":"paid"}}"#
        );
        let track = Track { variation: "other-paid", config: "support-agent", version: 1, model: "gpt-4o", provider: "OpenAI" };
        let cost = custom(5, EventKey::CostPerRequest, &user(), track.cost_data(), cost_dollars(Money::from_nano_dollars(12_345_678)));
        assert_eq!(
            cost.to_string(),
            r#"{"kind":"custom","creationDate":5,"key":"ai_cost_per_request","context":{"kind":"user","key":"user_1760000000_1","country":"US","plan":"paid"},"data":{"version":1,"configKey":"support-agent","variationKey":"other-paid","modelName":"gpt-4o","providerName":"OpenAI"},"metricValue":0.012346}"#
        );
        let used = custom(5, EventKey::AgentUsed, &user(), "support-agent".into(), 1.0);
        assert_eq!((used["data"].as_str(), used["metricValue"].to_string().as_str()), (Some("support-agent"), "1"));
        let mut summary = Summary::default();
        summary.count(&event);
        summary.count(&event);
        assert_eq!(
            summary.to_json(1, 2).unwrap()["features"]["security-agent"]["counters"],
            json!([{ "variation": 1, "version": 7, "value": value, "count": 2 }])
        );
        assert_eq!(Summary::default().to_json(1, 2), None);
    }

    #[test]
    fn what_is_built_is_read_back() {
        let track = Track { variation: "other-paid", config: "support-agent", version: 1, model: "gpt-4o", provider: "OpenAI" };
        let tokens = custom(9, EventKey::TokensTotal, &user(), track.data(), 907.0);
        let unit = "user_1760000000_1";
        assert_eq!(
            read(&tokens, "user"),
            Ok(Recorded::Metric { at_ms: 9, unit, event: "$ld:ai:tokens:total", value: Some(907.0), data: &track.data() })
        );
        let value = json!({ "_ldMeta": { "variationKey": "claude-opus-treatment" } });
        let evaluation = Evaluation { variation: Some(6), in_experiment: true, reason: Reason::Fallthrough };
        let mut event =
            FeatureEvent { config: "support-agent", version: 8, evaluation, rule_id: None, value: &value, default: &Value::Null };
        assert_eq!(
            read(&feature(9, &event, &user()), "user"),
            Ok(Recorded::Exposure { at_ms: 9, unit, config: "support-agent", variation: 7, variation_key: Some("claude-opus-treatment") })
        );
        event.evaluation.in_experiment = false;
        assert_eq!(read(&feature(9, &event, &user()), "user"), Ok(Recorded::Other { kind: "feature" }));
        assert_eq!(read(&index(9, &user()), "user"), Ok(Recorded::Other { kind: "index" }));
    }

    #[test]
    fn contexts_of_other_sdks_are_read_too() {
        let event = |name: &str, context: Value| json!({ "kind": "custom", "key": "e", "creationDate": 1, name: context });
        let unit_of = |event: &Value| match read(event, "user").unwrap() {
            Recorded::Metric { unit, value: None, .. } => Some(unit.to_owned()),
            Recorded::Other { kind: "custom" } => None,
            other => panic!("{other:?}"),
        };
        let multi = json!({ "kind": "multi", "user": { "key": "u" }, "org": { "key": "o" } });
        assert_eq!(unit_of(&event("context", multi)).as_deref(), Some("u"));
        assert_eq!(unit_of(&event("contextKeys", json!({ "user": "u", "org": "o" }))).as_deref(), Some("u"));
        assert_eq!(unit_of(&event("contextKeys", json!({ "org": "o" }))), None);
        assert_eq!(unit_of(&event("context", json!({ "kind": "org", "key": "o" }))), None);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let context = || json!({ "kind": "user", "key": "u" });
        let cases = [
            (json!([]), "an event is a JSON object"),
            (json!({ "key": "e" }), "`kind` must be a string"),
            (json!({ "kind": "click", "key": "e" }), "`click` is not a kind of event"),
            (json!({ "kind": "custom", "creationDate": 1, "context": context() }), "`key` must be a string"),
            (
                json!({ "kind": "custom", "key": "e", "creationDate": -1, "context": context() }),
                "`creationDate` must be a Unix time in milliseconds",
            ),
            (json!({ "kind": "custom", "key": "e", "creationDate": 1 }), "`context` or `contextKeys` must be an object"),
            (
                json!({ "kind": "custom", "key": "e", "creationDate": 1, "context": { "kind": "user", "key": "" } }),
                "the key of the context `user` must be a string that is not empty",
            ),
            (
                json!({ "kind": "custom", "key": "e", "creationDate": 1, "context": { "key": "u" } }),
                "in `context`: `kind` must be a string",
            ),
            (
                json!({ "kind": "custom", "key": "e", "creationDate": 1, "context": context(), "metricValue": "12" }),
                "`metricValue` must be a number",
            ),
            (
                json!({ "kind": "feature", "key": "f", "creationDate": 1, "context": context(), "reason": { "inExperiment": true } }),
                "an exposure must have a `variation` index",
            ),
        ];
        for (event, why) in cases {
            assert_eq!(read(&event, "user"), Err(Malformed(why.to_owned())), "{event}");
        }
    }
}
