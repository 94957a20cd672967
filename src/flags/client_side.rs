//! What a client-side SDK receives: the value of each flag for one context.
//!
//! Guarantees: the official evaluation crate decides; a flag is there only if it is available to this
//! kind of SDK.
//!
//! Does not know: how it is delivered.

use std::collections::BTreeMap;

use launchdarkly_server_sdk_evaluation as vendor;
use serde_json::{Value, json};

use super::members::put;
use super::official::Store;
use super::ruleset::Ruleset;

/// A kind of client-side SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// In a browser: its key is the environment's client-side id.
    Web,
    /// In an app on a phone: its key is the environment's mobile key.
    Mobile,
}

impl ClientKind {
    /// Whether it may have a flag.
    fn may_have(self, flag: &Value) -> bool {
        let available = &flag["clientSideAvailability"];
        match self {
            Self::Web => available["usingEnvironmentId"] == true,
            Self::Mobile => available["usingMobileKey"] == true,
        }
    }
}

/// The flags for a context, by key, as `/sdk/evalx` writes them.
///
/// # Errors
/// One sentence, when the context is none.
pub fn evaluated(
    ruleset: &Ruleset,
    context: &Value,
    kind: ClientKind,
    with_reasons: bool,
) -> Result<BTreeMap<String, Value>, String> {
    let context: vendor::Context = serde_json::from_value(context.clone())
        .map_err(|error| format!("the context cannot be read: {error}"))?;
    let store = Store { flags: read_all(&ruleset.flags), segments: read_all(&ruleset.segments) };
    let available = ruleset.flags.iter().filter(|(_, flag)| kind.may_have(flag));
    let each = available.filter_map(|(key, json)| {
        let flag = store.flags.get(key)?;
        Some((key.clone(), one(&store, (flag, json), &context, with_reasons)))
    });
    Ok(each.collect())
}

/// Items in the vendor's own type; one that it cannot read is left out.
fn read_all<T: serde::de::DeserializeOwned>(all: &BTreeMap<String, Value>) -> BTreeMap<String, T> {
    let read = |(key, item): (&String, &Value)| {
        Some((key.clone(), serde_json::from_value(item.clone()).ok()?))
    };
    all.iter().filter_map(read).collect()
}

fn one(
    store: &Store,
    (flag, json): (&vendor::Flag, &Value),
    context: &vendor::Context,
    with_reasons: bool,
) -> Value {
    let detail = vendor::evaluate(store, flag, context, None);
    let in_experiment = flag.is_experimentation_enabled(&detail.reason);
    let mut told = json!({
        // One version for all flags of an environment would do, too: SDKs compare it per flag.
        "version": json["version"], "flagVersion": json["version"],
        "value": detail.value, "variation": detail.variation_index,
        "trackEvents": json["trackEvents"] == true || in_experiment,
    });
    if in_experiment {
        put(&mut told, "trackReason", true);
    }
    if in_experiment || with_reasons {
        put(&mut told, "reason", serde_json::to_value(&detail.reason).unwrap_or_default());
    }
    told
}

/// What a stream that knows `old` is told: its events with their data.
#[must_use]
pub fn client_changes(
    old: &BTreeMap<String, Value>,
    new: &BTreeMap<String, Value>,
) -> Vec<(&'static str, Value)> {
    let keyed = |key: &String, flag: &Value| {
        let mut keyed = flag.clone();
        put(&mut keyed, "key", key.as_str());
        keyed
    };
    let changed = new.iter().filter(|(key, flag)| old.get(*key) != Some(flag));
    let gone = old.iter().filter(|(key, _)| !new.contains_key(*key)).map(|(key, flag)| {
        let version = flag["version"].as_u64().unwrap_or(0).saturating_add(1);
        ("delete", json!({ "key": key, "version": version }))
    });
    changed.map(|(key, flag)| ("patch", keyed(key, flag))).chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(key: &str, (web, mobile): (bool, bool), more: &Value) -> (String, Value) {
        let mut flag = json!({
            "key": key, "version": 7, "on": true, "salt": "s", "variations": [false, true, { "a": 1 }],
            "targets": [], "contextTargets": [], "rules": [], "prerequisites": [], "offVariation": 0,
            "fallthrough": { "variation": 1 }, "trackEvents": false, "trackEventsFallthrough": false,
            "clientSideAvailability": { "usingMobileKey": mobile, "usingEnvironmentId": web }, "clientSide": web,
        });
        for (name, value) in more.as_object().unwrap() {
            put(&mut flag, name, value.clone());
        }
        (key.to_owned(), flag)
    }

    #[test]
    fn each_kind_of_sdk_gets_its_flags_and_experiments_say_why() {
        let rule = json!({ "id": "r", "variation": 2, "trackEvents": true,
            "clauses": [{ "attribute": "plan", "op": "in", "values": ["pro"], "negate": false, "contextKind": "org" }] });
        let split = json!({ "rollout": { "kind": "experiment", "contextKind": "user", "seed": 5,
            "variations": [{ "variation": 0, "weight": 0 }, { "variation": 1, "weight": 100_000 }] } });
        let flags = [
            flag("server", (false, false), &json!({})),
            flag("both", (true, true), &json!({ "rules": [rule] })),
            flag("phone", (false, true), &json!({ "on": false })),
            flag("split", (true, false), &json!({ "fallthrough": split })),
        ];
        let ruleset = Ruleset { flags: flags.into(), ..Ruleset::default() };
        let user = json!({ "kind": "user", "key": "ann" });
        let web = evaluated(&ruleset, &user, ClientKind::Web, false).unwrap();
        assert_eq!(web.keys().collect::<Vec<_>>(), ["both", "split"]);
        assert_eq!(
            web["both"],
            json!({ "version": 7, "flagVersion": 7, "value": true, "variation": 1, "trackEvents": false })
        );
        assert_eq!(
            (&web["split"]["trackEvents"], &web["split"]["trackReason"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(web["split"]["reason"], json!({ "kind": "FALLTHROUGH", "inExperiment": true }));
        let multi = json!({ "kind": "multi", "user": { "key": "ann" }, "org": { "key": "o", "plan": "pro" } });
        let mobile = evaluated(&ruleset, &multi, ClientKind::Mobile, true).unwrap();
        assert_eq!(mobile.keys().collect::<Vec<_>>(), ["both", "phone"]);
        assert_eq!(
            (&mobile["both"]["value"], &mobile["both"]["trackReason"]),
            (&json!({ "a": 1 }), &json!(true))
        );
        assert_eq!(
            mobile["both"]["reason"],
            json!({ "kind": "RULE_MATCH", "ruleIndex": 0, "ruleId": "r" })
        );
        assert_eq!(
            (&mobile["phone"]["value"], &mobile["phone"]["reason"]),
            (&json!(false), &json!({ "kind": "OFF" }))
        );
        for wrong in [
            json!(1),
            json!({ "kind": "user" }),
            json!({ "kind": "multi" }),
            json!({ "kind": "user", "key": "" }),
        ] {
            assert!(evaluated(&ruleset, &wrong, ClientKind::Web, false).is_err(), "{wrong}");
        }
        let mut later = web.clone();
        later.remove("both");
        put(later.get_mut("split").unwrap(), "value", false);
        let told = client_changes(&web, &later);
        assert_eq!(
            (told[0].0, &told[0].1["key"], &told[0].1["value"]),
            ("patch", &json!("split"), &json!(false))
        );
        assert_eq!(told[1], ("delete", json!({ "key": "both", "version": 8 })));
    }
}
