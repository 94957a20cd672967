//! The compiled path against the official crate, over random rulesets; and the published
//! assignments.

use std::collections::BTreeMap;

use launchdarkly_server_sdk_evaluation as vendor;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::context::user_key;

fn ruleset(flag: Value, segments: impl IntoIterator<Item = Value>) -> Ruleset {
    let named = |item: Value| (item["key"].as_str().unwrap().to_owned(), item);
    Ruleset {
        flags: BTreeMap::from([named(flag)]),
        segments: segments.into_iter().map(named).collect(),
    }
}

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    Attributes(pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn flag(fallthrough: Value) -> Value {
    json!({
        "key": "support-agent", "version": 3, "on": true, "salt": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "targets": [], "contextTargets": [],
        "prerequisites": [], "rules": [], "offVariation": 0, "fallthrough": fallthrough,
        "variations": [{ "_ldMeta": { "enabled": false } }, "first", "second", "third"],
    })
}

#[test]
fn assignments_equal_the_published_sequences() {
    let halves = json!([{ "variation": 1, "weight": 50000 }, { "variation": 2, "weight": 50000 }]);
    let sequences = [
        (
            json!({ "kind": "experiment", "seed": 1138240921, "variations": halves }),
            "11222122212221112111",
            10013,
        ),
        (
            json!({ "kind": "experiment", "seed": 77223344, "variations": halves }),
            "21211222211111122112",
            10029,
        ),
        (json!({ "variations": halves }), "22111222222112222121", 10056),
    ];
    for (rollout, picks, first_of_20_000) in sequences {
        let experiment = rollout["kind"] == "experiment";
        let compiled = Compiled::new(
            &ruleset(flag(json!({ "rollout": rollout })), []),
            &["support-agent"],
            &[Attributes::default()],
        )
        .unwrap();
        let evaluate = |n: u32| compiled.evaluate(0, 0, user_key(n).as_str());
        assert!((1..100).all(|n| evaluate(n).in_experiment == experiment
            && evaluate(n).reason == Reason::Fallthrough));
        let pick = |n: u32| evaluate(n).variation.unwrap() + 1;
        assert_eq!((1..=20).map(|n| pick(n).to_string()).collect::<String>(), picks);
        assert_eq!((1..=20_000).filter(|&n| pick(n) == 1).count(), first_of_20_000);
    }
}

#[test]
fn what_has_no_answer_says_why() {
    let fixed = ruleset(flag(json!({ "variation": 0 })), []);
    let compiled =
        Compiled::new(&fixed, &["support-agent", "no-such-agent"], &[Attributes::default()])
            .unwrap();
    let none = |reason| Evaluation { variation: None, in_experiment: false, reason };
    assert_eq!(
        compiled.evaluate(0, 0, "u"),
        none(Reason::Fallthrough),
        "the automatic variation is `disabled`"
    );
    assert_eq!(compiled.evaluate(1, 0, "u"), none(Reason::Error(EvaluationError::FlagNotFound)));
    assert_eq!(compiled.evaluate(0, 1, "u"), none(Reason::Error(EvaluationError::FlagNotFound)));
    assert_eq!(
        compiled.evaluate(usize::MAX, 0, "u"),
        none(Reason::Error(EvaluationError::FlagNotFound))
    );
    assert_eq!(compiled.evaluate(0, 0, ""), none(Reason::Error(EvaluationError::UserNotSpecified)));
    assert_eq!((compiled.version(0), compiled.version(1)), (Some(3), None));

    let mut broken = flag(json!({ "variation": 1 }));
    broken.as_object_mut().unwrap().remove("salt");
    let error = Compiled::new(&ruleset(broken, []), &["support-agent"], &[]).unwrap_err();
    assert!(
        error.to_string().contains("flag `support-agent`") && error.to_string().contains("salt"),
        "{error}"
    );
}

#[test]
fn a_user_without_the_attribute_satisfies_no_clause_negated_or_not() {
    let clause = |negate| json!({ "contextKind": "user", "attribute": "country", "op": "in", "values": ["DE"], "negate": negate });
    let mut flag = flag(json!({ "variation": 3 }));
    flag["rules"] = json!([
        { "id": "in", "trackEvents": false, "clauses": [clause(false)], "variation": 1 },
        { "id": "out", "trackEvents": false, "clauses": [clause(true)], "variation": 2 },
    ]);
    let sets = [
        attributes(&[("country", "DE")]),
        attributes(&[("country", "US")]),
        attributes(&[("plan", "paid")]),
    ];
    let compiled = Compiled::new(&ruleset(flag, []), &["support-agent"], &sets).unwrap();
    let variations: Vec<_> = (0..3).map(|set| compiled.evaluate(0, set, "u").variation).collect();
    assert_eq!(variations, [Some(0), Some(1), Some(2)]);
    assert_eq!(compiled.evaluate(0, 1, "u").reason, Reason::RuleMatch { rule: 1 });
    assert_eq!(compiled.rule_id(0, 1), Some("out"));
}

// Random rulesets. Few names and values, so that they meet; now and then what is invalid or depends
// on the key.

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "DE",
        "US",
        "paid",
        "free",
        "1",
        "1.2.0",
        "2025-10-09T00:00:00Z",
        "^D",
        "user_1",
        "u",
    ])
    .prop_map(str::to_owned)
}

fn attribute() -> impl Strategy<Value = String> {
    let plain = vec!["country", "plan", "region", "name", "/country", "/plan/x"];
    prop_oneof![12 => prop::sample::select(plain), 1 => prop::sample::select(vec!["key", "/key", "", "kind", "anonymous", "//"])]
        .prop_map(str::to_owned)
}

fn kind() -> impl Strategy<Value = Option<String>> {
    prop_oneof![3 => Just(None), 12 => Just(Some("user".to_owned())), 1 => Just(Some("org".to_owned()))]
}

fn put(object: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[name] = value.into();
    }
}

fn clause() -> impl Strategy<Value = Value> {
    let operators = [
        "in",
        "startsWith",
        "endsWith",
        "contains",
        "matches",
        "lessThan",
        "before",
        "semVerEqual",
        "semVerLessThan",
        "newer",
    ];
    let value = prop_oneof![8 => text().prop_map(Value::from), 1 => any::<i8>().prop_map(Value::from), 1 => any::<bool>().prop_map(Value::from)];
    let plain = (
        kind(),
        attribute(),
        prop::sample::select(operators.to_vec()),
        prop::collection::vec(value, 0..4),
        any::<bool>(),
    )
        .prop_map(|(kind, attribute, op, values, negate)| {
            let mut clause =
                json!({ "attribute": attribute, "op": op, "values": values, "negate": negate });
            put(&mut clause, "contextKind", kind);
            clause
        });
    let segment = (prop::collection::vec(prop::sample::select(vec!["s0", "s1", "s2", "none"]), 0..3), any::<bool>()).prop_map(
        |(keys, negate)| json!({ "contextKind": "user", "attribute": "", "op": "segmentMatch", "values": keys, "negate": negate }),
    );
    prop_oneof![2 => plain, 1 => segment]
}

fn clauses() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(clause(), 0..3)
}

fn segment(index: usize) -> impl Strategy<Value = Value> {
    let rule =
        (clauses(), prop::option::weighted(0.1, 0_u32..100_000)).prop_map(|(clauses, weight)| {
            let mut rule = json!({ "id": "r", "clauses": clauses });
            put(&mut rule, "weight", weight);
            rule
        });
    let members = || prop_oneof![9 => Just(vec![]), 1 => prop::collection::vec(key(), 1..3)];
    (members(), members(), prop::collection::vec(rule, 0..3)).prop_map(move |(included, excluded, rules)| {
        json!({ "key": format!("s{index}"), "version": 1, "salt": format!("salt{index}"), "included": included, "excluded": excluded,
            "includedContexts": [], "excludedContexts": [], "rules": rules })
    })
}

fn serve() -> impl Strategy<Value = Value> {
    let part = (-1_i32..6, prop_oneof![0_u32..100_000, Just(50_000), Just(0), Just(100_000)], prop::bool::weighted(0.2))
        .prop_map(|(variation, weight, untracked)| json!({ "variation": variation, "weight": weight, "untracked": untracked }));
    let rollout = (
        prop::option::of(prop::sample::select(vec!["rollout", "experiment"])),
        kind(),
        prop::option::weighted(0.3, attribute()),
        prop::option::of(any::<i64>()),
        prop::collection::vec(part, 0..4),
    )
        .prop_map(|(kind, context_kind, bucket_by, seed, variations)| {
            let mut rollout = json!({ "variations": variations });
            put(&mut rollout, "kind", kind);
            put(&mut rollout, "contextKind", context_kind);
            put(&mut rollout, "bucketBy", bucket_by);
            put(&mut rollout, "seed", seed);
            json!({ "rollout": rollout })
        });
    prop_oneof![4 => rollout, 2 => (-1_i32..6).prop_map(|variation| json!({ "variation": variation })), 1 => Just(json!({}))]
}

fn any_flag() -> impl Strategy<Value = Value> {
    let rules = prop::collection::vec((clauses(), serve()), 0..4);
    let targets = prop_oneof![9 => Just(json!([])), 1 => key().prop_map(|key| json!([{ "variation": 2, "values": [key] }]))];
    (
        prop::bool::weighted(0.9),
        rules,
        serve(),
        targets,
        prop::option::of(0_i32..5),
        "[a-f0-9]{0,60}",
    )
        .prop_map(|(on, rules, fallthrough, targets, off, salt)| {
            let mut flag = flag(fallthrough);
            flag["on"] = on.into();
            flag["salt"] = salt.into();
            flag["targets"] = targets;
            flag["offVariation"] = off.into();
            let rules = rules.into_iter().enumerate().map(|(index, (clauses, mut rule))| {
                rule["id"] = format!("rule-{index}").into();
                rule["trackEvents"] = false.into();
                rule["clauses"] = clauses.into();
                rule
            });
            flag["rules"] = rules.collect();
            flag
        })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![4 => (0_u32..2_000_000_000).prop_map(|n| user_key(n).as_str().to_owned()), 2 => text(), 1 => "\\PC{1,70}"]
}

fn attribute_set() -> impl Strategy<Value = Attributes> {
    let name =
        prop::sample::select(vec!["country", "plan", "region", "name", "anonymous", "key", "kind"])
            .prop_map(str::to_owned);
    prop::collection::btree_map(name, text(), 0..5).prop_map(Attributes)
}

/// The official crate's answer, put into this room's words without any of this room's code.
fn expected(
    ruleset: &Ruleset,
    attributes: &Attributes,
    key: &str,
) -> (Option<usize>, bool, String) {
    struct Segments(BTreeMap<String, vendor::Segment>);
    impl vendor::Store for Segments {
        fn flag(&self, _: &str) -> Option<vendor::Flag> {
            None
        }
        fn segment(&self, key: &str) -> Option<vendor::Segment> {
            self.0.get(key).cloned()
        }
    }
    let segments = ruleset
        .segments
        .iter()
        .map(|(key, json)| (key.clone(), serde_json::from_value(json.clone()).unwrap()));
    let store = Segments(segments.collect());
    let mut context = serde_json::to_value(&attributes.0).unwrap();
    context.as_object_mut().unwrap().retain(|name, _| name != "anonymous");
    context["kind"] = "user".into();
    context["key"] = key.into();
    let context: vendor::Context = serde_json::from_value(context).unwrap();
    let flag: vendor::Flag =
        serde_json::from_value(ruleset.flags["support-agent"].clone()).unwrap();
    let detail = vendor::evaluate(&store, &flag, &context, None);
    let variation =
        detail.value.and(detail.variation_index).and_then(|index| usize::try_from(index - 1).ok());
    let reason = serde_json::to_value(&detail.reason).unwrap();
    let rule = reason["ruleIndex"].as_u64().map(|index| index.to_string()).unwrap_or_default();
    (
        variation,
        reason["inExperiment"] == true,
        format!("{}{rule}", reason["kind"].as_str().unwrap()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_the_official_crates(
        flag in any_flag(),
        segments in (segment(0), segment(1), segment(2)),
        sets in prop::collection::vec(attribute_set(), 1..4),
        keys in prop::collection::vec(key(), 1..8),
    ) {
        let ruleset = ruleset(flag, [segments.0, segments.1, segments.2]);
        let compiled = Compiled::new(&ruleset, &["support-agent"], &sets).unwrap();
        for (index, set) in sets.iter().enumerate() {
            for key in &keys {
                let found = compiled.evaluate(0, index, key);
                let reason = match found.reason {
                    Reason::Off => "OFF".to_owned(),
                    Reason::TargetMatch => "TARGET_MATCH".to_owned(),
                    Reason::RuleMatch { rule } => format!("RULE_MATCH{rule}"),
                    Reason::PrerequisiteFailed => "PREREQUISITE_FAILED".to_owned(),
                    Reason::Fallthrough => "FALLTHROUGH".to_owned(),
                    Reason::Error(_) => "ERROR".to_owned(),
                };
                prop_assert_eq!((found.variation, found.in_experiment, reason), expected(&ruleset, set, key));
            }
        }
    }
}

proptest! {
    /// Other shares, given afterwards, are those of a ruleset that was written with them: by the
    /// official crate, too.
    #[test]
    fn a_reallocated_rollout_equals_one_that_was_written_so(first in 0_u32..=100_000, sample in 1_u32..=100, seed in 1_i64..1_000_000) {
        let part = |variation: u32, weight: u32| json!({ "variation": variation, "weight": weight });
        let outside = (100 - sample) * 1_000;
        let rollout = |first: u32| {
            // In whole thousandths of a percent of the sample.
            let own = (f64::from(first) * f64::from(sample) / 100.0).round() as u32;
            let mut left = part(3, outside);
            left["untracked"] = true.into();
            flag(json!({ "rollout": { "kind": "experiment", "seed": seed,
                "variations": [part(1, own), part(2, sample * 1_000 - own), left] } }))
        };
        let compile = |flag: Value| Compiled::new(&ruleset(flag, []), &["support-agent"], &[Attributes::default()]).unwrap();
        let mut compiled = compile(rollout(50_000));
        prop_assert!(compiled.reallocate(0, None, &[(0, first), (1, 100_000 - first)]));
        let written = compile(rollout(first));
        let differing = (1..=400).filter(|&n| {
            let key = user_key(n);
            compiled.evaluate(0, 0, key.as_str()) != written.evaluate(0, 0, key.as_str())
                || written.evaluate(0, 0, key.as_str()).variation != written.official(0, 0, key.as_str()).variation
        });
        // A weight that had to be rounded moves a bound by less than one user in 100,000.
        prop_assert!(differing.count() <= 1);
        prop_assert!(!compiled.reallocate(0, Some(0), &[(0, 1)]), "there is no such rule");
    }
}

#[test]
fn a_settled_rollout_serves_one_variation_and_exposes_nobody() {
    let halves = json!([{ "variation": 1, "weight": 50000 }, { "variation": 2, "weight": 50000 }]);
    let rollout = json!({ "rollout": { "kind": "experiment", "seed": 7, "variations": halves } });
    let mut compiled =
        Compiled::new(&ruleset(flag(rollout), []), &["support-agent"], &[Attributes::default()])
            .unwrap();
    compiled.settle(0, None, 1);
    assert!((1..200).all(|n| {
        let found = compiled.evaluate(0, 0, user_key(n).as_str());
        found.variation == Some(1) && !found.in_experiment
    }));
}
