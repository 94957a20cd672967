//! Read recorded events: who was exposed to what, and which metric events each unit sent.
//!
//! Guarantees: nothing is guessed. An event that cannot be read says why; a known kind of event
//! that says nothing about an experiment is named and passed over. Contexts inlined, multi-kind or
//! by key (`contextKeys`), `user` and `userKey` of older SDKs, and the envelope of Data Export are
//! read alike.
//!
//! Does not know: files, or which experiment an exposure belongs to.

use std::fmt;

use serde_json::Value;

use super::clock::{Clock, time};
use crate::diagnostic::shortened;
use crate::flags::members::at;

/// Context kind of the AI SDKs' own reports about themselves: never a unit.
const AI_SDK: &str = "ld_ai";

/// Kinds of event that SDKs and Data Export write and that say nothing about an experiment.
const OTHER_KINDS: [&str; 12] = [
    "index",
    "identify",
    "summary",
    "debug",
    "migration_op",
    "click",
    "pageview",
    "page view",
    "alias",
    "diagnostic",
    "diagnostic-init",
    "diagnostic-combined",
];

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
        /// Index among the flag's variations, from 0.
        variation: usize,
        /// Key of the variation, when the value is an AI config's.
        variation_key: Option<&'a str>,
        /// The value that was served; null when the event leaves it out.
        value: &'a Value,
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
    /// An event that says nothing about an experiment: of another kind, an evaluation outside of
    /// experiments, or about a context without the wanted kind.
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

/// The event itself, without the envelope that Data Export puts around it.
#[must_use]
pub fn inner(event: &Value) -> &Value {
    match &event["event"] {
        own if own.is_object() && event["kind"].is_null() => own,
        _ => event,
    }
}

/// Reads one event; units are contexts of kind `unit_kind` (`user` in the tutorial).
///
/// # Errors
/// When the event is not one that an SDK sends.
pub fn read<'a>(event: &'a Value, unit_kind: &str) -> Result<Recorded<'a>, Malformed> {
    let event = inner(event);
    if !event.is_object() {
        return Err(Malformed("an event is a JSON object".to_owned()));
    }
    let kind = text(event, "kind")?;
    match kind {
        "feature" | "custom" => {}
        _ if OTHER_KINDS.contains(&kind) => return Ok(Recorded::Other { kind }),
        _ => return Err(Malformed(format!("`{}` is not a kind of event", shortened(kind, 100)))),
    }
    let key = text(event, "key")?;
    let (at_ms, _) = time(&event["creationDate"]).map_err(Malformed)?;
    let Some(unit) = unit(event, unit_kind)? else { return Ok(Recorded::Other { kind }) };
    if kind == "custom" {
        let value = match &event["metricValue"] {
            Value::Null => None,
            value => Some(
                value
                    .as_f64()
                    .ok_or_else(|| Malformed("`metricValue` must be a number".to_owned()))?,
            ),
        };
        return Ok(Recorded::Metric { at_ms, unit, event: key, value, data: &event["data"] });
    }
    if *at(event, ["reason", "inExperiment"]) != Value::Bool(true) {
        return Ok(Recorded::Other { kind });
    }
    let number = &event["variation"];
    // Some exports write every number as a float.
    let variation = number.as_u64().or_else(|| {
        number
            .as_f64()
            .filter(|index| index.fract() == 0.0 && (0.0..1e6).contains(index))
            .map(|index| index as u64)
    });
    let variation = variation.and_then(|index| usize::try_from(index).ok());
    let variation = variation
        .ok_or_else(|| Malformed("an exposure must have a `variation` index".to_owned()))?;
    let value = &event["value"];
    let variation_key = at(value, ["_ldMeta", "variationKey"]).as_str();
    Ok(Recorded::Exposure { at_ms, unit, config: key, variation, variation_key, value })
}

/// What is unusual about an event that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notes {
    /// The unit in which its time is written.
    pub clock: Clock,
    /// How many events it stands for; 1 when it was not sampled.
    pub sampling: u64,
}

/// What is unusual about an event. Call it for events that [`read`] takes.
#[must_use]
pub fn notes(event: &Value) -> Notes {
    let event = inner(event);
    let clock = time(&event["creationDate"]).map_or(Clock::Milliseconds, |(_, clock)| clock);
    let sampling = &event["samplingRatio"];
    let sampling = sampling
        .as_u64()
        .or_else(|| sampling.as_f64().map(|ratio| ratio as u64))
        .unwrap_or(1)
        .max(1);
    Notes { clock, sampling }
}

/// The kinds of context that an event is about, the AI SDKs' own left out.
#[must_use]
pub fn context_kinds(event: &Value) -> Vec<&str> {
    let event = inner(event);
    let context = &event["context"];
    let kinds: Vec<&str> = match context["kind"].as_str() {
        Some("multi") => context
            .as_object()
            .into_iter()
            .flatten()
            .map(|(kind, _)| kind.as_str())
            .filter(|kind| *kind != "kind")
            .collect(),
        Some(kind) => vec![kind],
        None if event["contextKeys"].is_object() => event["contextKeys"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(kind, _)| kind.as_str())
            .collect(),
        None if !event["user"].is_null() || !event["userKey"].is_null() => vec!["user"],
        None => Vec::new(),
    };
    kinds.into_iter().filter(|kind| *kind != AI_SDK).collect()
}

/// Whether an exposure's value is an AI config's disabled variation.
#[must_use]
pub fn is_disabled(value: &Value) -> bool {
    *at(value, ["_ldMeta", "enabled"]) == Value::Bool(false)
}

/// The key of the unit, if the event's context has one.
fn unit<'a>(event: &'a Value, unit_kind: &str) -> Result<Option<&'a str>, Malformed> {
    let context = &event["context"];
    let key = if context.is_object() {
        match text(context, "kind").map_err(|error| Malformed(format!("in `context`: {error}")))? {
            "multi" => at(context, [unit_kind, "key"]),
            kind if kind == unit_kind => &context["key"],
            _ => return Ok(None),
        }
    } else if event["contextKeys"].is_object() {
        at(event, ["contextKeys", unit_kind])
    } else if event["user"].is_object() || !event["userKey"].is_null() {
        // SDKs from before contexts know users only.
        if unit_kind != "user" {
            return Ok(None);
        }
        let user = &event["user"];
        let key = if user.is_object() { &user["key"] } else { &event["userKey"] };
        return match key {
            Value::String(key) if !key.is_empty() => Ok(Some(key)),
            _ => Err(Malformed(
                "the key of `user` or `userKey` must be a string that is not empty".to_owned(),
            )),
        };
    } else {
        return Err(Malformed("`context` or `contextKeys` must be an object".to_owned()));
    };
    match key {
        Value::Null if context["kind"] != unit_kind => Ok(None),
        Value::String(key) if !key.is_empty() => Ok(Some(key)),
        _ => Err(Malformed(format!(
            "the key of the context `{unit_kind}` must be a string that is not empty"
        ))),
    }
}

fn text<'a>(json: &'a Value, name: &str) -> Result<&'a str, Malformed> {
    json[name].as_str().ok_or_else(|| Malformed(format!("`{name}` must be a string")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::build::{run_id, sdk_info};
    use super::*;
    use crate::context::Attributes;
    use crate::event::{AppEvent, SdkFamily};
    use crate::flags::compiled::{Evaluation, Reason};
    use crate::flags::events::{FeatureEvent, Track, context, custom, feature, index};

    fn user() -> Value {
        let attributes = [("country", "US"), ("plan", "paid"), ("key", "not the key")];
        context(
            "user_1760000000_1",
            &Attributes(attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
        )
    }

    #[test]
    fn events_have_the_shape_that_was_captured_from_the_sdks() {
        // Expected texts follow captures of the Python SDK 9.12.0, and ldai/client.py and
        // tracker.py of AI SDK 1.2.0.
        let value = json!({ "_ldMeta": { "enabled": true, "variationKey": "strict-security" } });
        let evaluation = Evaluation {
            variation: Some(0),
            in_experiment: true,
            reason: Reason::RuleMatch { rule: 3 },
        };
        let event = FeatureEvent {
            config: "security-agent",
            version: 7,
            evaluation,
            rule_id: Some("aaaa"),
            value: &value,
            default: &json!({}),
        };
        assert_eq!(
            feature(1_760_000_000_000, &event, &user()).to_string(),
            r#"{"kind":"feature","creationDate":1760000000000,"key":"security-agent","version":7,"variation":1,"value":{"_ldMeta":{"enabled":true,"variationKey":"strict-security"}},"default":{},"reason":{"kind":"RULE_MATCH","ruleIndex":3,"ruleId":"aaaa","inExperiment":true},"context":{"kind":"user","key":"user_1760000000_1","country":"US","plan":"paid"}}"#
        );
        let track = Track {
            run: "run-1",
            variation: "other-paid",
            config: "support-agent",
            version: 1,
            model: "gpt-4o",
            provider: "OpenAI",
            family: SdkFamily::Configs,
            graph: None,
        };
        let cost = custom(5, AppEvent::Cost, &user(), track.cost_data(), 0.012346);
        assert_eq!(
            cost.to_string(),
            r#"{"kind":"custom","creationDate":5,"key":"ai_cost_per_request","context":{"kind":"user","key":"user_1760000000_1","country":"US","plan":"paid"},"data":{"version":1,"configKey":"support-agent","variationKey":"other-paid","modelName":"gpt-4o","providerName":"OpenAI"},"metricValue":0.012346}"#
        );
        let used = custom(5, AppEvent::AgentUsed, &user(), "support-agent".into(), 1.0);
        assert_eq!(
            (used["data"].as_str(), used["metricValue"].to_string().as_str()),
            (Some("support-agent"), "1")
        );
        assert_eq!(used["key"], "$ld:ai:usage:agent-config");
        assert_eq!(
            track.data().to_string(),
            r#"{"runId":"run-1","configKey":"support-agent","version":1,"modelName":"gpt-4o","providerName":"OpenAI","variationKey":"other-paid"}"#
        );
        let [first, info] = sdk_info(5, SdkFamily::Configs, false).try_into().unwrap();
        assert_eq!(
            first["context"],
            json!({ "kind": "ld_ai", "key": "ld-internal-tracking", "anonymous": true })
        );
        assert_eq!(
            (&info["key"], &info["data"]["aiSdkLanguage"]),
            (&"$ld:ai:sdk:info".into(), &"python".into())
        );
        let id = run_id("user_1760000000_1 support-agent");
        let form: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(
            (form.as_slice(), &id[14..15], "89ab".contains(&id[19..20])),
            (&[8, 4, 4, 4, 12][..], "4", true),
            "{id}"
        );
        assert_ne!(id, run_id("user_1760000000_1 security-agent"));
    }

    #[test]
    fn what_is_built_is_read_back() {
        let track = Track {
            run: "run-1",
            variation: "other-paid",
            config: "support-agent",
            version: 1,
            model: "gpt-4o",
            provider: "OpenAI",
            family: SdkFamily::Configs,
            graph: None,
        };
        let tokens = custom(9, AppEvent::TokensTotal, &user(), track.data(), 907.0);
        let unit = "user_1760000000_1";
        assert_eq!(
            read(&tokens, "user"),
            Ok(Recorded::Metric {
                at_ms: 9,
                unit,
                event: "$ld:ai:tokens:total",
                value: Some(907.0),
                data: &track.data()
            })
        );
        let value = json!({ "_ldMeta": { "variationKey": "claude-opus-treatment" } });
        let evaluation =
            Evaluation { variation: Some(6), in_experiment: true, reason: Reason::Fallthrough };
        let mut event = FeatureEvent {
            config: "support-agent",
            version: 8,
            evaluation,
            rule_id: None,
            value: &value,
            default: &Value::Null,
        };
        assert_eq!(
            read(&feature(9, &event, &user()), "user"),
            Ok(Recorded::Exposure {
                at_ms: 9,
                unit,
                config: "support-agent",
                variation: 7,
                variation_key: Some("claude-opus-treatment"),
                value: &value
            })
        );
        event.evaluation.in_experiment = false;
        assert_eq!(
            read(&feature(9, &event, &user()), "user"),
            Ok(Recorded::Other { kind: "feature" })
        );
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
        assert_eq!(
            unit_of(&event("contextKeys", json!({ "user": "u", "org": "o" }))).as_deref(),
            Some("u")
        );
        assert_eq!(unit_of(&event("contextKeys", json!({ "org": "o" }))), None);
        assert_eq!(unit_of(&event("context", json!({ "kind": "org", "key": "o" }))), None);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let context = || json!({ "kind": "user", "key": "u" });
        let cases = [
            (json!([]), "an event is a JSON object"),
            (json!({ "key": "e" }), "`kind` must be a string"),
            (json!({ "kind": "clik", "key": "e" }), "`clik` is not a kind of event"),
            (
                json!({ "kind": "custom", "creationDate": 1, "context": context() }),
                "`key` must be a string",
            ),
            (
                json!({ "kind": "custom", "key": "e", "creationDate": -1, "context": context() }),
                "`creationDate` must be a Unix time in milliseconds, or a time such as \"2025-10-09T08:53:20Z\"",
            ),
            (
                json!({ "kind": "custom", "key": "e", "creationDate": 1 }),
                "`context` or `contextKeys` must be an object",
            ),
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

    #[test]
    fn older_sdks_and_data_export_are_read_like_the_newest() {
        let custom = |who: Value| {
            let mut event = json!({ "kind": "custom", "key": "e", "creationDate": 1_760_000_000_000_u64, "metricValue": 2.5 });
            who.as_object()
                .into_iter()
                .flatten()
                .for_each(|(name, value)| event[name] = value.clone());
            event
        };
        let told = Recorded::Metric {
            at_ms: 1_760_000_000_000,
            unit: "u",
            event: "e",
            value: Some(2.5),
            data: &Value::Null,
        };
        for event in [
            custom(json!({ "context": { "kind": "user", "key": "u" } })),
            custom(json!({ "userKey": "u" })),
            custom(json!({ "user": { "key": "u", "country": "DE" } })),
            json!({ "project": "p", "environment": "e", "version": 1, "event": custom(json!({ "userKey": "u" })) }),
            custom(json!({ "userKey": "u", "creationDate": 1.76e12 })),
            custom(json!({ "userKey": "u", "creationDate": "2025-10-09T08:53:20Z" })),
            custom(json!({ "userKey": "u", "creationDate": "2025-10-09 10:53:20+02:00" })),
            custom(json!({ "userKey": "u", "creationDate": 1_760_000_000 })),
        ] {
            assert_eq!(read(&event, "user"), Ok(told), "{event}");
            assert_eq!(context_kinds(&event), ["user"], "{event}");
            assert_eq!(
                read(&event, "organization"),
                Ok(Recorded::Other { kind: "custom" }),
                "{event}"
            );
        }
        let nobody = custom(json!({ "userKey": 7 }));
        assert_eq!(
            read(&nobody, "user").unwrap_err().0,
            "the key of `user` or `userKey` must be a string that is not empty"
        );
    }

    #[test]
    fn known_kinds_of_event_are_passed_over() {
        for kind in OTHER_KINDS {
            assert_eq!(read(&json!({ "kind": kind }), "user"), Ok(Recorded::Other { kind }));
        }
    }

    #[test]
    fn the_ai_sdks_report_about_itself_is_about_no_unit() {
        let context = json!({ "kind": "ld_ai", "key": "ld-internal-tracking", "anonymous": true });
        let event = json!({ "kind": "custom", "key": "$ld:ai:sdk:info", "creationDate": 1, "context": context });
        assert_eq!(read(&event, "user"), Ok(Recorded::Other { kind: "custom" }));
        assert!(context_kinds(&event).is_empty());
        let multi = json!({ "context": { "kind": "multi", "org": { "key": "o" }, "user": { "key": "u" } } });
        assert_eq!(context_kinds(&multi), ["org", "user"]);
        assert_eq!(context_kinds(&json!({ "contextKeys": { "org": "o" } })), ["org"]);
    }

    #[test]
    fn sampling_and_unusual_clocks_are_noted() {
        let note = |event: Value| notes(&event);
        assert_eq!(
            note(json!({ "creationDate": 1_760_000_000_000_u64 })),
            Notes { clock: Clock::Milliseconds, sampling: 1 }
        );
        assert_eq!(
            note(json!({ "creationDate": 1_760_000_000, "samplingRatio": 10 })),
            Notes { clock: Clock::Seconds, sampling: 10 }
        );
        assert_eq!(
            note(json!({ "event": { "samplingRatio": 4.0, "kind": "custom" } })).sampling,
            4
        );
    }
}
