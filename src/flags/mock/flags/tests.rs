//! Ordinary flags over REST, in each of the three forms of a patch, and as SDKs receive them.

use launchdarkly_server_sdk_evaluation::Flag;
use serde_json::{Value, json};

use crate::flags::api::{HttpMethod, Request};
use crate::flags::mock::Account;
use crate::flags::mock::tests::{done, send};
use crate::random::Seed;

fn account() -> Account {
    let mut account = Account::new(Seed(1));
    done(&mut account, &Request::post("projects", json!({ "key": "p", "name": "P" })));
    account
}

/// What everybody is served, by the flag's JSON.
fn served(account: &Account, key: &str) -> Value {
    let ruleset = account.ruleset("p", "production").unwrap();
    let flag = &ruleset.flags[key];
    let _: Flag = serde_json::from_value(flag.clone()).unwrap();
    let index = if flag["on"] == true {
        flag["fallthrough"]["variation"].as_u64().unwrap()
    } else {
        flag["offVariation"].as_u64().unwrap()
    };
    flag["variations"][index as usize].clone()
}

#[test]
fn a_boolean_flag_is_off_at_first_and_switched_by_every_kind_of_patch() {
    let mut account = account();
    let (status, made) = send(
        &mut account,
        &Request::post("flags/p", json!({ "key": "dark", "name": "Dark mode" })),
    );
    assert_eq!(
        (status, &made["kind"], &made["variations"][0]["value"]),
        (201, &json!("boolean"), &json!(true))
    );
    assert_eq!(served(&account, "dark"), json!(false));
    let on = vec![json!({ "kind": "turnFlagOn" })];
    done(&mut account, &Request::instruct("flags/p/dark", Some("production"), on));
    assert_eq!(served(&account, "dark"), json!(true));
    let off = json!([{ "op": "replace", "path": "/environments/production/on", "value": false }]);
    done(&mut account, &Request::patch("flags/p/dark", off));
    assert_eq!(served(&account, "dark"), json!(false));
    let on = json!({ "patch": [{ "op": "replace", "path": "/environments/production/on", "value": true }], "comment": "on" });
    let shown = done(&mut account, &Request::patch("flags/p/dark", on));
    assert_eq!(
        (&shown["environments"]["production"]["on"], &shown["environments"]["test"]["on"]),
        (&json!(true), &json!(false))
    );
    let renamed = done(&mut account, &Request::patch("flags/p/dark", json!({ "name": "Night" })));
    assert_eq!(renamed["name"], "Night");
    let only = Request {
        query: vec![("env".to_owned(), "test".to_owned())],
        ..Request::get("flags/p/dark")
    };
    assert_eq!(done(&mut account, &only)["environments"].as_object().unwrap().len(), 1);
    let archive = vec![json!({ "kind": "archiveFlag" })];
    done(&mut account, &Request::instruct("flags/p/dark", None, archive));
    assert!(!account.ruleset("p", "production").unwrap().flags.contains_key("dark"));
    let gone = Request::new(HttpMethod::Delete, "flags/p/dark", Value::Null);
    assert_eq!((send(&mut account, &gone).0, send(&mut account, &gone).0), (204, 404));
}

#[test]
fn values_of_any_kind_are_rolled_out_and_reach_browsers_only_where_they_may() {
    let mut account = account();
    let variations =
        json!([{ "value": "a", "name": "A" }, { "value": { "deep": [1, 2] } }, { "value": 3 }]);
    let body = json!({ "key": "mix", "name": "Mix", "variations": variations, "isFlagOn": true,
        "defaults": { "onVariation": 1, "offVariation": 2 }, "clientSideAvailability": { "usingEnvironmentId": true } });
    let made = done(&mut account, &Request::post("flags/p", body));
    assert_eq!(
        (served(&account, "mix"), &made["kind"]),
        (json!({ "deep": [1, 2] }), &json!("multivariate"))
    );
    let flag = account.ruleset("p", "production").unwrap().flags["mix"].clone();
    assert_eq!(
        flag["clientSideAvailability"],
        json!({ "usingEnvironmentId": true, "usingMobileKey": false })
    );
    let id = |at: usize| made["variations"][at]["_id"].as_str().unwrap().to_owned();
    let rule = json!({ "kind": "addRule", "clauses": [{ "attribute": "country", "op": "in", "values": ["DE"], "contextKind": "user" }],
        "rolloutWeights": { id(0): 40_000, id(2): 60_000 } });
    done(&mut account, &Request::instruct("flags/p/mix", Some("production"), vec![rule]));
    let flag = account.ruleset("p", "production").unwrap().flags["mix"].clone();
    assert_eq!(
        flag["rules"][0]["rollout"]["variations"][1],
        json!({ "variation": 2, "weight": 60_000 })
    );
    let client = vec![json!({ "kind": "turnOnClientSideAvailability", "value": "usingMobileKey" })];
    done(&mut account, &Request::instruct("flags/p/mix", None, client));
    let flag = account.ruleset("p", "production").unwrap().flags["mix"].clone();
    assert_eq!(flag["clientSideAvailability"]["usingMobileKey"], true);
}

#[test]
fn what_is_wrong_is_refused_and_changes_nothing() {
    let mut account = account();
    done(&mut account, &Request::post("flags/p", json!({ "key": "dark", "name": "Dark" })));
    let before = account.ruleset("p", "production").unwrap();
    let operation =
        |path: &str, value: Value| json!([{ "op": "replace", "path": path, "value": value }]);
    for (request, status, told) in [
        (Request::post("flags/p", json!({ "key": "dark", "name": "Dark" })), 409, "exists already"),
        (
            Request::post(
                "flags/p",
                json!({ "key": "one", "name": "One", "variations": [{ "value": 1 }] }),
            ),
            400,
            "at least two",
        ),
        (
            Request::post("flags/p", json!({ "key": "x", "name": "X", "variations": [{}, {}] })),
            400,
            "has a `value`",
        ),
        (
            Request::post(
                "flags/p",
                json!({ "key": "x", "name": "X", "defaults": { "onVariation": 9, "offVariation": 0 } }),
            ),
            400,
            "number of a variation",
        ),
        (
            Request::patch("flags/p/dark", operation("/environments/nowhere/on", json!(true))),
            404,
            "environment `nowhere`",
        ),
        (
            Request::patch("flags/p/dark", operation("/environments/production/on", json!("yes"))),
            400,
            "cannot be \"yes\"",
        ),
        (
            Request::patch(
                "flags/p/dark",
                operation("/environments/production/offVariation", json!(2)),
            ),
            400,
            "cannot be 2",
        ),
        (Request::patch("flags/p/dark", operation("/color", json!(1))), 422, "not possible"),
        (
            Request::instruct("flags/p/dark", None, vec![json!({ "kind": "turnFlagOn" })]),
            400,
            "needs the `environmentKey`",
        ),
        (
            Request::instruct("flags/p/dark", Some("production"), vec![json!({ "kind": "fly" })]),
            422,
            "not an instruction",
        ),
        (Request::get("flags/p/none"), 404, "flag `none`"),
        (Request::new(HttpMethod::Delete, "flags/p", Value::Null), 405, "method"),
    ] {
        let (got, body) = send(&mut account, &request);
        let message = body["message"].as_str().unwrap();
        assert!(got == status && message.contains(told), "{}: {got} {message}", request.path);
    }
    assert_eq!(account.ruleset("p", "production").unwrap(), before);
    let config = json!({ "key": "dark", "name": "Dark", "mode": "agent" });
    assert_eq!(send(&mut account, &Request::post("projects/p/ai-configs", config)).0, 409);
}

#[test]
fn a_patch_that_tests_what_is_not_so_any_more_changes_nothing() {
    let mut account = account();
    done(&mut account, &Request::post("flags/p", json!({ "key": "dark", "name": "Dark" })));
    let with_test = |path: &str, value: Value| {
        let rename = json!({ "op": "replace", "path": "/name", "value": "Night" });
        let test = json!({ "op": "test", "path": path, "value": value });
        Request::patch("flags/p/dark", json!([rename, test]))
    };
    for (path, value) in [
        ("/_version", json!(7)),
        ("/environments/production/on", json!(true)),
        ("/variations/0/value", json!("true")),
        ("/nowhere", json!(1)),
        ("/nowhere", Value::Null),
    ] {
        let (status, body) = send(&mut account, &with_test(path, value));
        assert_eq!((status, &body["code"]), (409, &json!("optimistic_locking_error")), "{body}");
        assert!(body["message"].as_str().unwrap().contains(path), "{body}");
        assert_eq!(done(&mut account, &Request::get("flags/p/dark"))["name"], "Dark");
    }
    let shown = done(&mut account, &Request::get("flags/p/dark"));
    for (path, value) in [
        ("/_version", shown["_version"].clone()),
        ("/environments/production/on", json!(false)),
        // Operations before it have been done.
        ("/name", json!("Night")),
    ] {
        let renamed = done(&mut account, &with_test(path, value));
        assert_eq!(renamed["name"], "Night");
    }
    // Metrics take the same patch.
    let metric = json!({ "key": "paid", "kind": "custom", "eventKey": "paid", "successCriteria": "HigherThanBaseline" });
    done(&mut account, &Request::post("metrics/p", metric));
    let test = |version: u64| {
        json!([{ "op": "test", "path": "/_version", "value": version },
            { "op": "replace", "path": "/name", "value": "Paid" }])
    };
    assert_eq!(send(&mut account, &Request::patch("metrics/p/paid", test(2))).0, 409);
    assert_eq!(done(&mut account, &Request::patch("metrics/p/paid", test(1)))["name"], "Paid");
}

#[test]
fn a_status_says_when_an_sdk_asked_last() {
    let mut account = account();
    done(&mut account, &Request::post("flags/p", json!({ "key": "dark", "name": "Dark" })));
    let status = |path: &str, asked: Option<u64>| {
        account.flag_status_of(&Request::get(path), |_| asked).unwrap().map(|reply| reply.body)
    };
    let new = status("flag-statuses/p/production/dark", None).unwrap();
    assert_eq!((&new["name"], &new["lastRequested"]), (&json!("new"), &Value::Null));
    let all = status("flag-status/p/dark", Some(1_760_000_000_000)).unwrap();
    let one = &all["environments"]["production"];
    assert_eq!(
        (&one["name"], &one["lastRequested"]),
        (&json!("active"), &json!("2025-10-09T08:53:20Z"))
    );
    assert_eq!(status("flag-status/p/none", None).unwrap_err().status, 404);
    assert!(account.flag_status_of(&Request::get("flags/p"), |_| None).is_none());
}
