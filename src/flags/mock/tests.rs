//! The REST interface as its clients use it: the tutorial's own scripts call by call, the fields
//! that the official generated client insists on, and what is refused.

use serde_json::{Value, json};

use super::*;
use crate::flags::api::{HttpMethod, Request};
use crate::random::Seed;

const NOW_MS: u64 = 1_760_000_000_000;
const CONFIG: &str = "projects/p/ai-configs/support-agent";
const EXPERIMENTS: &str = "projects/p/environments/production/experiments";

/// The status and body of the reply.
pub(super) fn send(account: &mut Account, request: &Request) -> (u16, Value) {
    match account.handle(request, NOW_MS) {
        Ok(reply) => (reply.status, reply.body),
        Err(error) => (error.status, error.to_json()),
    }
}

fn get(account: &mut Account, path: &str) -> Value {
    let (status, body) = send(account, &Request::get(path));
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// The body of a reply that has to be a success.
pub(super) fn done(account: &mut Account, request: &Request) -> Value {
    let (status, body) = send(account, request);
    assert!((200..300).contains(&status), "{}: {status} {body}", request.path);
    body
}

fn refused(account: &mut Account, request: &Request) -> (u16, String) {
    let (before, revision) = (account.clone(), account.revision());
    let (status, body) = send(account, request);
    assert!(status >= 400 && body["code"].is_string(), "{}: {status} {body}", request.path);
    assert_eq!(
        (account.revision(), account.ruleset("p", "production")),
        (revision, before.ruleset("p", "production")),
        "nothing changed"
    );
    (status, body["message"].as_str().unwrap().to_owned())
}

/// A project with one tool and one config of two variations.
fn account() -> Account {
    let mut account = Account::new(Seed(1));
    done(&mut account, &Request::post("projects", json!({ "key": "p", "name": "P" })));
    let tool = json!({ "key": "search_v1", "name": "Search", "type": "function", "mcpServer": "none", "description": "finds",
        "schema": { "type": "object", "properties": { "query": { "type": "string" } }, "required": ["query"] } });
    done(&mut account, &Request::post("projects/p/ai-tools", tool));
    done(
        &mut account,
        &Request::post(
            "projects/p/ai-configs",
            json!({ "key": "support-agent", "name": "support-agent", "mode": "agent" }),
        ),
    );
    for (key, model) in [
        ("other-paid", "OpenAI.gpt-4o"),
        ("claude-opus-treatment", "Anthropic.claude-opus-4-20250514"),
    ] {
        let body = json!({ "key": key, "name": key, "messages": [], "instructions": "You are {{ldctx.plan}}.", "modelConfigKey": model,
            "tools": [{ "key": "search_v1", "version": 1 }], "max_tool_calls": 10 });
        assert_eq!(send(&mut account, &Request::post(format!("{CONFIG}/variations"), body)).0, 201);
    }
    account
}

fn variation_id(account: &mut Account, key: &str) -> Value {
    let targeting = get(account, &format!("{CONFIG}/targeting"));
    let variations = targeting["variations"].as_array().unwrap();
    variations
        .iter()
        .find(|variation| variation["value"]["_ldMeta"]["variationKey"] == key)
        .unwrap()["_id"]
        .clone()
}

fn segment_rule(account: &mut Account, segment: &str, variation: &str) -> Value {
    json!({ "kind": "addRule", "variationId": variation_id(account, variation),
        "clauses": [{ "attribute": "segmentMatch", "op": "segmentMatch", "values": [segment], "contextKind": "user" }] })
}

fn patch_targeting(instructions: &[Value]) -> Request {
    // Plain JSON, as the tutorial's script sends it.
    Request::patch(
        format!("{CONFIG}/targeting"),
        json!({ "environmentKey": "production", "instructions": instructions }),
    )
}

fn metric(account: &mut Account, key: &str) {
    let body = json!({ "key": key, "kind": "custom", "isNumeric": false, "eventKey": "$ld:ai:feedback:user:positive" });
    assert_eq!(send(account, &Request::post("metrics/p", body)).0, 201);
}

/// An experiment on the rule with this id, or the reply that refuses it.
fn experiment(account: &mut Account, key: &str, rule_id: &Value, percent: &str) -> Request {
    let (control, treatment) =
        (variation_id(account, "other-paid"), variation_id(account, "claude-opus-treatment"));
    let treatments = [(control, true), (treatment, false)].map(|(id, baseline)| {
        json!({ "name": "arm", "baseline": baseline, "allocationPercent": percent, "parameters": [{ "flagKey": "support-agent", "variationId": id }] })
    });
    Request::post(
        EXPERIMENTS,
        json!({ "key": key, "name": key, "iteration": { "hypothesis": "better", "metrics": [{ "key": "rate" }], "primarySingleMetricKey": "rate",
            "treatments": treatments, "flags": { "support-agent": { "ruleId": rule_id, "flagConfigVersion": 1 } } } }),
    )
}

fn start(key: &str) -> Request {
    Request::instruct(
        format!("{EXPERIMENTS}/{key}"),
        None,
        vec![json!({ "kind": "startIteration" })],
    )
}

fn rules(account: &mut Account) -> Vec<Value> {
    get(account, &format!("{CONFIG}/targeting"))["environments"]["production"]["rules"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn the_tutorials_scripts_meet_what_they_check() {
    let mut account = account();
    // create_configs.py: 409 means that it exists.
    let again =
        |account: &mut Account, path: &str, body| refused(account, &Request::post(path, body)).0;
    assert_eq!(
        again(&mut account, "projects/p/ai-tools", json!({ "key": "search_v1", "schema": {} })),
        409
    );
    assert_eq!(
        again(
            &mut account,
            &format!("{CONFIG}/variations"),
            json!({ "key": "other-paid", "name": "n" })
        ),
        409
    );
    assert_eq!(
        send(
            &mut account,
            &Request::post(
                "segments/p/production",
                json!({ "key": "other-paid", "name": "Other Paid" })
            )
        )
        .0,
        201
    );
    assert_eq!(
        again(
            &mut account,
            "segments/p/production",
            json!({ "key": "other-paid", "name": "Other Paid" })
        ),
        409
    );
    let clause = json!({ "attribute": "country", "op": "in", "values": ["DE"], "contextKind": "user", "negate": true });
    let add = || {
        Request::instruct(
            "segments/p/production/other-paid",
            Some("production"),
            vec![json!({ "kind": "addRule", "clauses": [clause] })],
        )
    };
    assert_eq!(done(&mut account, &add())["rules"].as_array().unwrap().len(), 1);
    assert_eq!(
        done(&mut account, &add())["rules"].as_array().unwrap().len(),
        2,
        "re-running adds the same rule again"
    );

    // The targeting reply tells variations by key; `disabled` comes first and is skipped by name.
    let targeting = get(&mut account, &format!("{CONFIG}/targeting"));
    assert_eq!(targeting["variations"][0]["name"], "disabled");
    assert_eq!(targeting["environments"]["production"]["fallthrough"], json!({ "variation": 0 }));
    let rule = segment_rule(&mut account, "other-paid", "other-paid");
    let fallthrough = json!({ "kind": "updateFallthroughVariationOrRollout", "variationId": variation_id(&mut account, "claude-opus-treatment") });
    let (status, reply) = send(&mut account, &patch_targeting(&[rule, fallthrough]));
    let environment = &reply["environments"]["production"];
    assert_eq!(
        (status, &environment["fallthrough"], &environment["rules"][0]["variation"]),
        (200, &json!({ "variation": 2 }), &json!(1))
    );
    assert_eq!(environment["rules"][0]["clauses"][0]["negate"], false);

    // tutorial_3_experiment_variations.py: PATCH by key, create_configs.py: by id; both are 200 and
    // a new version.
    let id = get(&mut account, CONFIG)["variations"][0]["_id"].as_str().unwrap().to_owned();
    for (version, name) in [(2, "other-paid"), (3, id.as_str())] {
        let (status, body) = send(
            &mut account,
            &Request::patch(
                format!("{CONFIG}/variations/{name}"),
                json!({ "instructions": "new" }),
            ),
        );
        assert_eq!((status, &body["version"]), (200, &json!(version)));
    }
    let versions = get(&mut account, &format!("{CONFIG}/variations/other-paid"));
    assert_eq!(
        (&versions["totalCount"], &versions["items"][2]["instructions"]),
        (&json!(3), &json!("You are {{ldctx.plan}}."))
    );
    // The wrong address that a script probes for tools.
    assert_eq!(refused(&mut account, &Request::get("projects/p/ai-configs/tools")).0, 404);
}

#[test]
fn every_field_that_the_generated_client_insists_on_is_there() {
    let mut account = account();
    metric(&mut account, "rate");
    done(&mut account, &Request::post("segments/p/production", json!({ "key": "s", "name": "S" })));
    done(
        &mut account,
        &Request::post(
            "projects/p/ai-configs/model-configs",
            json!({ "key": "Own.model", "name": "m", "id": "model" }),
        ),
    );
    let rule = segment_rule(&mut account, "s", "other-paid");
    done(&mut account, &patch_targeting(&[rule]));
    let id = rules(&mut account)[0]["_id"].clone();
    let new = experiment(&mut account, "x", &id, "50");
    done(&mut account, &new);
    done(&mut account, &start("x"));
    let has = |value: &Value, fields: &str| {
        for field in fields.split(' ') {
            assert!(!value[field].is_null(), "`{field}` is missing in {value}");
        }
    };
    let config = get(&mut account, CONFIG);
    has(&config, "key name description tags version variations createdAt updatedAt mode _links");
    has(
        &config["variations"][0],
        "key _id name model version createdAt tools modelConfigKey instructions",
    );
    let tools = get(&mut account, "projects/p/ai-tools");
    has(&tools, "items totalCount");
    has(&tools["items"][0], "key schema version createdAt description");
    let targeting = get(&mut account, &format!("{CONFIG}/targeting"));
    has(&targeting, "createdAt environments experiments key name tags variations _version");
    has(&targeting["experiments"], "baselineIdx items");
    has(&targeting["variations"][1], "_id name description value");
    let environment = &targeting["environments"]["production"];
    has(
        environment,
        "contextTargets targets enabled fallthrough lastModified rules trackEvents trackEventsFallthrough",
    );
    has(environment, "_environmentName _version offVariation");
    has(&environment["rules"][0]["clauses"][0], "_id id attribute op values negate");
    has(
        &environment["rules"][0]["rollout"],
        "contextKind variations seed bucketBy experimentAllocation",
    );
    let segment = get(&mut account, "segments/p/production/s");
    has(
        &segment,
        "name key tags creationDate lastModifiedDate _links rules version deleted generation",
    );
    let metric = get(&mut account, "metrics/p/rate");
    has(&metric, "_id _versionId key name kind _links tags _creationDate dataSource");
    assert_eq!(metric["experimentCount"], 1);
    let experiment = get(&mut account, &format!("{EXPERIMENTS}/x"));
    has(&experiment, "key name _maintainerId _creationDate environmentKey _links currentIteration");
    has(&experiment["currentIteration"], "hypothesis status createdAt startedAt");
    assert_eq!(get(&mut account, EXPERIMENTS)["total_count"], 1);
    let project = get(&mut account, "projects/p");
    has(&project, "_id key name includeInSnippetByDefault tags _links");
    let environment = &get(&mut account, "projects/p/environments")["items"][0];
    has(
        environment,
        "_links _id key name apiKey mobileKey color defaultTtl secureMode defaultTrackEvents requireComments",
    );
    has(environment, "confirmChanges tags critical");
    let models = get(&mut account, "projects/p/ai-configs/model-configs");
    assert!(
        models
            .as_array()
            .unwrap()
            .iter()
            .any(|model| model["key"] == "Own.model" && model["global"] == false)
    );
    // The SDK key opens the environment that it belongs to.
    let key = environment["apiKey"].as_str().unwrap().to_owned();
    assert_eq!(account.opened_by(&key), Some(("p", "production")));
    assert_eq!(account.opened_by("sdk-other"), None);
}

#[test]
fn an_ai_config_reaches_the_sdk_with_model_provider_tools_and_instructions() {
    let account = account();
    let flag = account.ruleset("p", "production").unwrap().flags["support-agent"].clone();
    let schema = json!({ "type": "object", "properties": { "query": { "type": "string" } }, "required": ["query"] });
    let tool = json!({ "name": "search_v1", "type": "function", "description": "finds", "parameters": schema });
    let mut keyed = tool.clone();
    keyed["customParameters"] = json!({});
    assert_eq!(flag["variations"][0], json!({ "_ldMeta": { "enabled": false } }));
    assert_eq!(
        flag["variations"][1],
        json!({
            "_ldMeta": { "enabled": true, "variationKey": "other-paid", "version": 1, "mode": "agent" },
            "model": { "name": "gpt-4o", "parameters": { "tools": [tool] }, "custom": {} }, "tools": { "search_v1": keyed },
            "provider": { "name": "OpenAI" }, "instructions": "You are {{ldctx.plan}}.",
        })
    );
    for field in "key version on salt targets contextTargets prerequisites rules fallthrough offVariation variations trackEvents \
                  trackEventsFallthrough clientSideAvailability clientSide samplingRatio excludeFromSummaries deleted"
        .split_whitespace()
    {
        assert!(!flag[field].is_null(), "{field}");
    }
}

#[test]
fn a_change_raises_the_flags_version_and_a_refused_one_does_not() {
    let mut account = account();
    let version = |account: &Account| {
        account.ruleset("p", "production").unwrap().flags["support-agent"]["version"]
            .as_u64()
            .unwrap()
    };
    let mut last = version(&account);
    let mut rises = |account: &mut Account, request: &Request| {
        done(account, request);
        let now = version(account);
        assert!(std::mem::replace(&mut last, now) < now, "{}", request.path);
    };
    rises(
        &mut account,
        &Request::patch(format!("{CONFIG}/variations/other-paid"), json!({ "name": "Other" })),
    );
    let rule = segment_rule(&mut account, "s", "other-paid");
    rises(&mut account, &patch_targeting(std::slice::from_ref(&rule)));
    metric(&mut account, "rate");
    let id = rules(&mut account)[0]["_id"].clone();
    let new = experiment(&mut account, "x", &id, "50");
    done(&mut account, &new);
    rises(&mut account, &start("x"));
    let winner = variation_id(&mut account, "claude-opus-treatment");
    let stop =
        json!({ "kind": "stopIteration", "winningTreatmentId": winner, "winningReason": "better" });
    rises(&mut account, &Request::instruct(format!("{EXPERIMENTS}/x"), None, vec![stop]));
    assert_eq!(rules(&mut account)[0]["variation"], 2, "the winner is served");
    // All or nothing: the second instruction is refused, so the first has no effect.
    let bad = json!({ "kind": "updateOffVariation", "variationId": "none" });
    assert_eq!(
        refused(&mut account, &patch_targeting(&[rule, bad])),
        (400, "there is no variation with id `none`".into())
    );
    // A variation that is served stays; another goes, and those behind it move up.
    assert_eq!(
        refused(
            &mut account,
            &Request::new(
                HttpMethod::Delete,
                format!("{CONFIG}/variations/claude-opus-treatment"),
                Value::Null
            )
        )
        .0,
        409
    );
    done(
        &mut account,
        &Request::new(HttpMethod::Delete, format!("{CONFIG}/variations/other-paid"), Value::Null),
    );
    assert_eq!(rules(&mut account)[0]["variation"], 1);
}

#[test]
fn experiments_and_guarded_rollouts_exclude_one_another() {
    let mut account = account();
    metric(&mut account, "rate");
    let two = [
        segment_rule(&mut account, "a", "other-paid"),
        segment_rule(&mut account, "b", "other-paid"),
    ];
    done(&mut account, &patch_targeting(&two));
    let ids: Vec<Value> = rules(&mut account).iter().map(|rule| rule["_id"].clone()).collect();
    for key in ["x", "y"] {
        let new = experiment(&mut account, key, &ids[0], "5");
        done(&mut account, &new);
    }
    let guard = json!({ "kind": "startAutomatedRelease", "releaseKind": "guarded", "ruleId": ids[1], "randomizationUnit": "user",
        "originalVariationId": variation_id(&mut account, "other-paid"), "targetVariationId": variation_id(&mut account, "claude-opus-treatment"),
        "stages": [{ "allocation": 10_000, "durationMillis": 1000 }] });
    let mut guarded = account.clone();
    done(&mut guarded, &patch_targeting(std::slice::from_ref(&guard)));
    assert_eq!(
        refused(&mut guarded, &start("x")),
        (409, "a guarded rollout runs on this config: an experiment cannot start".into())
    );

    done(&mut account, &start("x"));
    assert_eq!(
        refused(&mut account, &patch_targeting(&[guard])),
        (409, "an experiment runs on this config: a guarded rollout cannot start".into())
    );
    assert_eq!(
        refused(&mut account, &start("y")),
        (409, "the rule is held by the running experiment `x`".into())
    );
    let held = [
        json!({ "kind": "removeRule", "ruleId": ids[0] }),
        json!({ "kind": "updateRuleVariationOrRollout", "ruleId": ids[0], "variationId": variation_id(&mut account, "other-paid") }),
        json!({ "kind": "replaceRules", "rules": [] }),
    ];
    for instruction in held {
        assert_eq!(refused(&mut account, &patch_targeting(&[instruction])).0, 409);
    }
    assert_eq!(refused(&mut account, &start("x")).1, "there is no iteration to start");
    // 5% and 5%: the rest is served the baseline, untracked.
    let parts = rules(&mut account)[0]["rollout"]["variations"].clone();
    assert_eq!(parts[2], json!({ "variation": 1, "weight": 90_000, "_untracked": true }));
    assert_eq!(
        refused(&mut account, &Request::new(HttpMethod::Delete, "metrics/p/rate", Value::Null)).0,
        409
    );
}

#[test]
fn a_seed_is_drawn_for_each_start_and_kept_while_running() {
    let mut account = account();
    metric(&mut account, "rate");
    let rule = segment_rule(&mut account, "a", "other-paid");
    done(&mut account, &patch_targeting(&[rule]));
    let id = rules(&mut account)[0]["_id"].clone();
    let new = experiment(&mut account, "x", &id, "50");
    done(&mut account, &new);
    done(&mut account, &start("x"));
    let seed = |account: &mut Account| rules(account)[0]["rollout"]["seed"].as_i64().unwrap();
    let first = seed(&mut account);
    let path = format!("{EXPERIMENTS}/x");
    let design = new.body["iteration"].clone();
    done(&mut account, &Request::post(format!("{path}/iterations"), design.clone()));
    assert_eq!(refused(&mut account, &start("x")).1, "`changeJustification` is required");
    let restart = json!({ "kind": "startIteration", "changeJustification": "a new metric" });
    done(&mut account, &Request::instruct(&path, None, vec![restart]));
    assert_eq!(seed(&mut account), first, "traffic is not reshuffled");
    let winner = variation_id(&mut account, "other-paid");
    done(
        &mut account,
        &Request::instruct(
            &path,
            None,
            vec![json!({ "kind": "stopIteration", "winningTreatmentId": winner })],
        ),
    );
    done(&mut account, &Request::post(format!("{path}/iterations"), design));
    done(&mut account, &start("x"));
    assert_ne!(seed(&mut account), first);
    let expanded = Request {
        query: vec![("expand".into(), "previousIterations".into())],
        ..Request::get(&path)
    };
    let statuses: Vec<Value> = done(&mut account, &expanded)["previousIterations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|iteration| iteration["status"].clone())
        .collect();
    assert_eq!(statuses, ["stopped", "stopped"]);
}

#[test]
fn bad_requests_get_the_documented_status() {
    let mut account = account();
    metric(&mut account, "rate");
    let numeric = |more: Value| {
        let mut body = json!({ "key": "m", "kind": "custom", "isNumeric": true, "eventKey": "e", "unit": "ms", "successCriteria": "LowerThanBaseline" });
        super::targeting::merge(&mut body, more);
        Request::post("metrics/p", body)
    };
    let segment = "segments/p/production";
    done(&mut account, &Request::post(segment, json!({ "key": "s", "name": "S" })));
    let on_segment = |instruction: Value| {
        Request::instruct("segments/p/production/s", Some("production"), vec![instruction])
    };
    let new = experiment(&mut account, "x", &json!("fallthrough"), "60");
    let cases = [
        (Request::get("projects/q"), 404, "project `q` does not exist"),
        (Request::get("segments/p/staging"), 404, "environment `staging` does not exist"),
        (Request::get("nonsense"), 404, "there is no resource `nonsense`"),
        (Request::get("projects/p/ai-configs/support-agent/versions"), 404, "there is no resource"),
        (
            Request::new(HttpMethod::Delete, "projects", Value::Null),
            405,
            "does not take that method",
        ),
        (Request::post("projects", json!("text")), 400, "the body must be a JSON object"),
        (Request::post("projects", json!({ "name": "no key" })), 400, "`key` is required"),
        (Request::post("projects", json!({ "key": "-", "name": "n" })), 400, "`-` is not a key"),
        (
            Request::post("projects", json!({ "key": "p", "name": "n" })),
            409,
            "project `p` exists already",
        ),
        (Request::post("projects/p/ai-tools", json!({ "key": "t" })), 400, "`schema` is required"),
        (
            Request::post(
                "projects/p/ai-configs",
                json!({ "key": "c", "name": "c", "mode": "chat" }),
            ),
            400,
            "`chat` is not a mode",
        ),
        (
            Request::post(
                format!("{CONFIG}/variations"),
                json!({ "key": "v", "name": "v", "modelConfigKey": "gpt" }),
            ),
            400,
            "no model config `gpt`",
        ),
        (
            Request::post(
                format!("{CONFIG}/variations"),
                json!({ "key": "v", "name": "v", "toolKeys": ["t"] }),
            ),
            400,
            "there is no tool `t`",
        ),
        (
            Request::post(
                format!("{CONFIG}/variations"),
                json!({ "key": "v", "name": "v", "tools": [{ "key": "search_v1", "version": 2 }] }),
            ),
            400,
            "tool `search_v1` has no version 2",
        ),
        (
            Request::patch(
                format!("{CONFIG}/variations/other-paid"),
                json!({ "messages": [{ "role": "system", "content": "x" }] }),
            ),
            400,
            "takes `instructions`, not `messages`",
        ),
        (patch_targeting(&[]), 400, "at least one instruction"),
        (
            patch_targeting(&[json!({ "kind": "turnTargetingSideways" })]),
            422,
            "`turnTargetingSideways` is not an instruction",
        ),
        (
            patch_targeting(&[json!({ "kind": "addRule", "clauses": [], "rolloutWeights": {} })]),
            400,
            "sum to 100000",
        ),
        (
            Request::patch("segments/p/production/s", json!({ "instructions": [] })),
            400,
            "needs the content type",
        ),
        (
            on_segment(
                json!({ "kind": "addRule", "clauses": [{ "attribute": "a", "op": "near" }] }),
            ),
            400,
            "`near` is not an operator",
        ),
        (
            on_segment(json!({ "kind": "addClauses", "ruleId": "r", "clauses": [] })),
            400,
            "there is no rule `r`",
        ),
        (numeric(json!({ "unit": null })), 400, "`unit` is required"),
        (numeric(json!({ "successCriteria": "Better" })), 400, "`successCriteria` must be one of"),
        (numeric(json!({ "analysisType": "percentile" })), 400, "`percentileValue` must be"),
        (
            numeric(json!({ "eventDefault": { "disabled": false, "value": 5 } })),
            400,
            "can only be 0",
        ),
        (new, 400, "sum to more than 100"),
        (start("x"), 404, "experiment `x` does not exist"),
    ];
    for (request, status, message) in cases {
        let found = refused(&mut account, &request);
        assert!(
            found.0 == status && found.1.contains(message),
            "{} {:?}: {found:?}",
            request.path,
            request.body
        );
    }
}

#[test]
fn sdks_read_the_key_of_a_judge_under_another_name_than_rest_writes_it() {
    let mut account = account();
    let judges =
        json!({ "judges": [{ "judgeConfigKey": "relevance-judge", "samplingRate": 0.5 }] });
    let body = json!({ "judgeConfiguration": judges });
    let shown =
        done(&mut account, &Request::patch(format!("{CONFIG}/variations/other-paid"), body));
    assert_eq!(shown["judgeConfiguration"], judges);
    let ruleset = account.ruleset("p", "production").unwrap();
    let value = &ruleset.flags["support-agent"]["variations"][1];
    assert_eq!(
        value["judgeConfiguration"],
        json!({ "judges": [{ "samplingRate": 0.5, "key": "relevance-judge" }] })
    );
}

#[test]
fn the_audit_log_has_the_last_change_first_and_no_read() {
    let mut account = account();
    get(&mut account, CONFIG);
    let delete = Request::new(HttpMethod::Delete, "projects/p/ai-tools/none", Value::Null);
    assert_eq!(send(&mut account, &delete).0, 404);
    metric(&mut account, "rate");
    let log = get(&mut account, "auditlog");
    let told: Vec<&str> =
        log["items"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        [
            "created the metric `rate`",
            "updated the ai-config `support-agent`",
            "updated the ai-config `support-agent`",
            "created the ai-config `support-agent`",
            "created the ai-tool `search_v1`",
            "created the project `p`",
        ]
    );
    let later =
        Request { query: vec![("after".into(), NOW_MS.to_string())], ..Request::get("auditlog") };
    assert_eq!(done(&mut account, &later)["items"], json!([]));
    let words =
        Request { query: vec![("q".into(), "metrics/p".into())], ..Request::get("auditlog") };
    assert_eq!(done(&mut account, &words)["items"].as_array().unwrap().len(), 1);
}
