//! Agent graphs over REST, call by call as the tutorial's successor makes them.

use serde_json::{Value, json};

use crate::flags::api::Request;
use crate::flags::mock::Account;
use crate::flags::mock::tests::{done, send};
use crate::random::Seed;

const GRAPHS: &str = "projects/p/agent-graphs";

fn account() -> Account {
    let mut account = Account::new(Seed(1));
    done(&mut account, &Request::post("projects", json!({ "key": "p", "name": "P" })));
    for (key, mode) in [("triage", "agent"), ("billing", "agent"), ("greeter", "completion")] {
        let config = json!({ "key": key, "name": key, "mode": mode });
        done(&mut account, &Request::post("projects/p/ai-configs", config));
    }
    account
}

fn served(account: &Account, environment: &str) -> Value {
    let ruleset = account.ruleset("p", environment).unwrap();
    let flag = &ruleset.flags["flow"];
    let index = match flag["on"].as_bool().unwrap() {
        true => flag["fallthrough"]["variation"].as_u64().unwrap(),
        false => flag["offVariation"].as_u64().unwrap(),
    };
    flag["variations"][index as usize].clone()
}

#[test]
fn a_graph_is_made_changed_served_and_removed() {
    let mut account = account();
    // The order of the tutorial's successor: the root alone, then root and edges.
    let body = json!({ "key": "flow", "name": "Flow", "rootConfigKey": "triage" });
    let (status, made) = send(&mut account, &Request::post(GRAPHS, body));
    assert_eq!(
        (status, &made["rootConfigKey"], &made["edges"]),
        (201, &json!("triage"), &json!([]))
    );
    let handoff = json!({ "route": "billing", "reason": "money" });
    let edge = json!({ "key": "e", "sourceConfig": "triage", "targetConfig": "billing", "handoff": handoff });
    let flow = format!("{GRAPHS}/flow");
    let patch = json!({ "rootConfigKey": "triage", "edges": [edge] });
    let changed = done(&mut account, &Request::patch(flow.clone(), patch));
    assert_eq!(changed["edges"], json!([edge]));
    let value = json!({
        "_ldMeta": { "enabled": true, "variationKey": "default", "version": 2 }, "root": "triage",
        "edges": { "triage": [{ "key": "billing", "handoff": handoff }] },
    });
    assert_eq!(served(&account, "production"), value);
    let environment = json!({ "key": "staging", "name": "Staging" });
    done(&mut account, &Request::post("projects/p/environments", environment));
    assert_eq!(served(&account, "staging"), value);
    let listed = done(&mut account, &Request::get(GRAPHS));
    assert_eq!((&listed["totalCount"], &listed["items"][0]["key"]), (&json!(1), &json!("flow")));
    let used = done(&mut account, &Request::get("projects/p/ai-configs/billing"));
    assert_eq!(used["dependencies"], json!([{ "type": "agent-graph", "key": "flow" }]));

    let version = |account: &Account| {
        account.ruleset("p", "staging").unwrap().flags["flow"]["version"].clone()
    };
    let before = version(&account);
    let off = Request::instruct(
        flow.clone(),
        Some("production"),
        vec![json!({ "kind": "turnTargetingOff" })],
    );
    done(&mut account, &off);
    assert_eq!(served(&account, "production"), json!({ "_ldMeta": { "enabled": false } }));
    assert_eq!((served(&account, "staging"), version(&account)), (value.clone(), before));
    let on = Request::instruct(flow.clone(), None, vec![json!({ "kind": "turnTargetingOn" })]);
    done(&mut account, &on);
    assert_eq!(served(&account, "production"), value);

    let gone = Request::new(crate::flags::api::HttpMethod::Delete, flow.clone(), Value::Null);
    assert_eq!(send(&mut account, &gone).0, 204);
    assert_eq!(send(&mut account, &gone).0, 404);
    assert!(!account.ruleset("p", "production").unwrap().flags.contains_key("flow"));
}

#[test]
fn a_graph_without_a_root_is_disabled() {
    let mut account = account();
    done(&mut account, &Request::post(GRAPHS, json!({ "key": "flow", "name": "Flow" })));
    assert_eq!(served(&account, "production"), json!({ "_ldMeta": { "enabled": false } }));
}

#[test]
fn what_no_sdk_could_walk_is_refused_and_changes_nothing() {
    let mut account = account();
    let named = |more: Value| {
        let mut body = json!({ "key": "flow", "name": "Flow" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let edge =
        |from: &str, to: &str| json!({ "key": "e", "sourceConfig": from, "targetConfig": to });
    let edges = |edges: Value| named(json!({ "rootConfigKey": "triage", "edges": edges }));
    for (body, status, told) in [
        (named(json!({ "rootConfigKey": "nobody" })), 400, "there is no AI config `nobody`"),
        (named(json!({ "rootConfigKey": "greeter" })), 400, "has the mode completion"),
        (named(json!({ "edges": [edge("triage", "billing")] })), 400, "`rootConfigKey` beside"),
        (edges(json!([edge("triage", "nobody")])), 400, "there is no AI config `nobody`"),
        (
            edges(json!([{ "key": "e", "sourceConfig": "triage" }])),
            400,
            "`targetConfig` is required",
        ),
        (
            edges(json!([edge("triage", "billing"), edge("billing", "triage")])),
            400,
            "two edges have the key `e`",
        ),
        (json!({ "key": "triage", "name": "T" }), 409, "AI config `triage` exists already"),
        (json!({ "key": "flow" }), 400, "`name` is required"),
    ] {
        let (got, answer) = send(&mut account, &Request::post(GRAPHS, body.clone()));
        let message = answer["message"].as_str().unwrap();
        assert!(got == status && message.contains(told), "{body}: {got} {message}");
    }
    let listed = done(&mut account, &Request::get(GRAPHS));
    assert_eq!(listed["totalCount"], 0);
    done(&mut account, &Request::post(GRAPHS, json!({ "key": "flow", "name": "Flow" })));
    let config = json!({ "key": "flow", "name": "Flow", "mode": "agent" });
    assert_eq!(send(&mut account, &Request::post("projects/p/ai-configs", config)).0, 409);
}
