//! The tutorial's inventory, from nothing to assignments; and what a second run, a changed
//! specification or a faulty one does.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};

use super::tutorial::spec;
use super::*;
use crate::context::{Attributes, user_key};
use crate::flags::compiled::{Compiled, Reason};
use crate::flags::spec::{GraphEdgeSpec, GraphSpec, RuleChoice, ServeSpec};
use crate::quantity::Share;
use crate::random::Seed;

const NOW_MS: u64 = 1_760_000_000_000;

/// The mock answers at once, so one look is enough.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the mock does not wait"),
    }
}

fn built(spec: &ProjectSpec) -> (Account, Vec<Action>) {
    mock_account(spec, Seed(7), NOW_MS).unwrap()
}

fn again(account: &mut Account, spec: &ProjectSpec) -> Vec<String> {
    let actions = ready(bootstrap(
        &mut MockAdmin { account, now_ms: NOW_MS + 1 },
        spec,
        BootstrapMode::Apply,
    ))
    .unwrap();
    actions
        .iter()
        .filter(|action| action.kind != ActionKind::Unchanged)
        .map(Action::to_string)
        .collect()
}

fn get(account: &mut Account, path: &str) -> Value {
    account.handle(&Request::get(path), NOW_MS).unwrap().body
}

fn targeting(account: &mut Account, config: &str) -> Value {
    get(account, &format!("projects/multi-agent-chatbot/ai-configs/{config}/targeting"))["environments"]["production"].clone()
}

fn attributes(country: &str, plan: &str) -> Attributes {
    Attributes(
        [("country", country), ("plan", plan)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    )
}

#[test]
fn the_tutorials_inventory_comes_from_nothing() {
    let (mut account, actions) = built(&spec());
    let count = |kind| actions.iter().filter(|action| action.kind == kind).count();
    // Project, environment, 5 tools, 4 segments, 3 configs with 11 variations and their targeting,
    // 5 metrics, 2 experiments.
    assert_eq!(
        (count(ActionKind::Created), count(ActionKind::Updated)),
        (2 + 5 + 4 + 3 + 11 + 3 + 5 + 2, 0)
    );
    assert_eq!(count(ActionKind::Unchanged), 6, "the models are global");
    assert!(actions.iter().any(|action| {
        action.to_string()
            == "+ experiment security-level: security-agent, rule 4: 50% basic-security, 50% strict-security; started"
    }));

    let support = targeting(&mut account, "support-agent");
    let clauses = &support["rules"][3]["clauses"];
    assert_eq!(
        (&clauses[0]["op"], &clauses[0]["values"]),
        (&json!("segmentMatch"), &json!(["other-paid"])),
        "rule 4 is other-paid"
    );
    // Index 0 is the automatic variation `disabled`, so the control has 5 and the treatment 7.
    assert_eq!(
        account.ruleset("multi-agent-chatbot", "production").unwrap().flags["support-agent"]["rules"]
            [3]["rollout"],
        json!({ "kind": "experiment", "contextKind": "user", "variations": [{ "variation": 5, "weight": 50000 }, { "variation": 7, "weight": 50000 }],
            "seed": 1138240921 })
    );
    assert_eq!(support["fallthrough"], json!({ "variation": 6 }));
}

#[test]
fn users_are_assigned_as_the_published_sequences_say() {
    let (account, _) = built(&spec());
    let ruleset = account.ruleset("multi-agent-chatbot", "production").unwrap();
    let sets = [
        attributes("US", "paid"),
        attributes("DE", "paid"),
        attributes("US", "free"),
        Attributes::default(),
    ];
    let compiled =
        Compiled::new(&ruleset, &["supervisor-agent", "security-agent", "support-agent"], &sets)
            .unwrap();
    let sequence = |config: usize, first: usize| -> String {
        let pick = |n| {
            let evaluation = compiled.evaluate(config, 0, user_key(n).as_str());
            assert!(evaluation.in_experiment && evaluation.reason == Reason::RuleMatch { rule: 3 });
            if evaluation.variation == Some(first) { '1' } else { '2' }
        };
        (1..=20).map(pick).collect()
    };
    assert_eq!(sequence(2, 4), "11222122212221112111");
    assert_eq!(sequence(1, 1), "21211222211111122112");
    let served = |config, set| compiled.evaluate(config, set, "user_1").variation;
    assert_eq!([served(2, 1), served(2, 2), served(2, 3)], [Some(2), Some(3), Some(5)]);
    assert_eq!(
        [served(1, 1), served(1, 2), served(1, 3), served(0, 0)],
        [Some(2), Some(1), Some(1), Some(0)]
    );
    assert!(!compiled.evaluate(2, 1, "user_1").in_experiment);
    let agent = crate::flags::agent::read(compiled.value(2, 6).unwrap()).unwrap().unwrap();
    assert_eq!(
        (
            agent.variation.as_str(),
            agent.model.as_str(),
            agent.tools.len(),
            &agent.custom["max_tool_calls"]
        ),
        ("claude-opus-treatment", "claude-opus-4-20250514", 5, &json!(10))
    );
    assert_eq!(compiled.value(2, 7), None);
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let (mut account, _) = built(&spec());
    let before = account.ruleset("multi-agent-chatbot", "production");
    assert_eq!(again(&mut account, &spec()), Vec::<String>::new());
    assert_eq!(account.ruleset("multi-agent-chatbot", "production"), before);
}

#[test]
fn a_plan_changes_nothing_and_names_what_would_be_done() {
    let mut account = Account::new(Seed(7));
    let plan = |account: &mut Account, spec: &ProjectSpec| {
        ready(bootstrap(&mut MockAdmin { account, now_ms: NOW_MS }, spec, BootstrapMode::Plan))
            .unwrap()
    };
    let actions = plan(&mut account, &spec());
    assert_eq!((account.revision(), actions.len()), (0, 41));
    assert!(actions.iter().all(|action| action.kind == ActionKind::Created));

    let (mut account, _) = built(&spec());
    let revision = account.revision();
    let mut changed = spec();
    changed.configs[2].variations[4].instructions = "Be brief.".into();
    let actions = plan(&mut account, &changed);
    let told: Vec<_> = actions
        .iter()
        .filter(|action| action.kind != ActionKind::Unchanged)
        .map(Action::to_string)
        .collect();
    assert_eq!(
        (told, account.revision()),
        (vec!["~ variation support-agent/other-paid: instructions".to_owned()], revision)
    );
}

#[test]
fn what_differs_is_updated_and_nothing_is_duplicated() {
    let (mut account, _) = built(&spec());
    let version = |account: &Account| {
        account.ruleset("multi-agent-chatbot", "production").unwrap().flags["support-agent"]["version"].as_u64()
    };
    let before = version(&account);
    let mut changed = spec();
    changed.tools[0].description = "searches".into();
    changed.segments[0].clauses.pop();
    changed.configs[2].rules[1].serve = ServeSpec::Variation("international-standard".into());
    changed.configs[2].fallthrough = ServeSpec::Weights(vec![
        ("eu-free".into(), Share::new(25_000).unwrap()),
        ("international-standard".into(), Share::new(75_000).unwrap()),
    ]);
    changed.metrics[0].missing = crate::experiment::Missing::Exclude;
    let told = again(&mut account, &changed);
    let variations = [
        "eu-free",
        "eu-paid",
        "other-free",
        "other-paid",
        "international-standard",
        "claude-opus-treatment",
    ];
    let mut wanted =
        vec!["~ tool search_v1: description".to_owned(), "~ segment eu-free: rules".to_owned()];
    wanted.extend(variations.map(|key| format!("~ variation support-agent/{key}: tools")));
    wanted.push(
        "~ targeting support-agent: rule 2 serves international-standard; default rule serves 25% eu-free, 75% international-standard"
            .into(),
    );
    wanted.push("~ metric positive_feedback_rate: eventDefault".into());
    assert_eq!(told, wanted);
    assert!(version(&account) > before);
    assert_eq!(targeting(&mut account, "support-agent")["rules"].as_array().unwrap().len(), 4);
    assert_eq!(again(&mut account, &changed), Vec::<String>::new());

    // Another order, and one rule that is not wanted any more: it stays behind, and the rule of the
    // experiment keeps its users.
    let rules = |account: &mut Account| {
        targeting(account, "support-agent")["rules"].as_array().unwrap().clone()
    };
    let before = rules(&mut account);
    changed.configs[2].rules.remove(0);
    changed.configs[2].rules.swap(0, 1);
    assert_eq!(again(&mut account, &changed), ["~ targeting support-agent: rules put in order"]);
    assert_eq!(rules(&mut account), [2, 1, 3, 0].map(|at: usize| before[at].clone()));
    assert_eq!(again(&mut account, &changed), Vec::<String>::new());
}

/// What is told of everything that is not as it should be, with what is there and what is wanted.
fn left(
    account: &mut Account,
    spec: &ProjectSpec,
    mode: BootstrapMode,
) -> Vec<(String, Vec<String>)> {
    let actions =
        ready(bootstrap(&mut MockAdmin { account, now_ms: NOW_MS + 1 }, spec, mode)).unwrap();
    let told = |one: &Difference| format!("{}: {} -> {}", one.field, one.there, one.wanted);
    let different = actions.iter().filter(|action| action.kind != ActionKind::Unchanged);
    different
        .map(|action| (action.to_string(), action.differences.iter().map(told).collect()))
        .collect()
}

#[test]
fn what_is_missing_is_created_beside_what_differs_and_is_left() {
    let (mut account, _) = built(&spec());
    let mut changed = spec();
    changed.tools[0].description = "searches".into();
    changed.segments[0].clauses.pop();
    changed.configs[2].variations[4].instructions = "Be brief.".into();
    let more = crate::flags::spec::VariationSpec {
        key: "brief".into(),
        name: "Brief".into(),
        ..changed.configs[2].variations[4].clone()
    };
    changed.configs[2].variations.push(more);
    changed.configs[2].fallthrough = ServeSpec::Variation("brief".into());
    changed.metrics[0].missing = crate::experiment::Missing::Exclude;
    changed.experiments[1].hypothesis = "it is safer".into();
    let before = targeting(&mut account, "support-agent");
    let told = left(&mut account, &changed, BootstrapMode::Create);
    let lines: Vec<&str> = told.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "! tool search_v1: description",
            "! segment eu-free: rules",
            "! variation support-agent/other-paid: instructions",
            "+ variation support-agent/brief: OpenAI.gpt-4o",
            "! targeting support-agent: default rule serves brief",
            "! metric positive_feedback_rate: eventDefault",
            "! experiment premium-model-value-analysis: waits for the targeting of support-agent",
            "! experiment security-level: new iteration started: hypothesis",
        ]
    );
    assert!(
        told[1].1[0].starts_with("rules: country in ")
            && told[1].1[0].contains("plan in free -> country in "),
        "{:?}",
        told[1]
    );
    assert!(
        told[2].1[0].starts_with("instructions: ") && told[2].1[0].ends_with("-> \"Be brief.\""),
        "{:?}",
        told[2]
    );
    assert_eq!(told[4].1, ["default rule: international-standard -> brief"]);
    assert_eq!(told[5].1, ["eventDefault.disabled: false -> true"]);
    assert_eq!(targeting(&mut account, "support-agent")["fallthrough"], before["fallthrough"]);
    // Nothing is left to create, and what differs is told again, until it may be changed.
    assert_eq!(left(&mut account, &changed, BootstrapMode::Create).len(), 7);
    // Everything but the experiment that waited, the variations whose tool got a new version among
    // it.
    assert_eq!(left(&mut account, &changed, BootstrapMode::Apply).len(), 6 + 6);
    assert_eq!(left(&mut account, &changed, BootstrapMode::Plan), []);
}

#[test]
fn another_design_starts_another_iteration() {
    let (mut account, _) = built(&spec());
    let mut changed = spec();
    changed.experiments[0].sample = Share::new(20_000).unwrap();
    changed.experiments[0].outside = "eu-free".into();
    let told = again(&mut account, &changed);
    assert_eq!(
        told,
        ["~ experiment premium-model-value-analysis: new iteration started: treatments, outside"]
    );
    let rollout = account.ruleset("multi-agent-chatbot", "production").unwrap().flags["support-agent"]["rules"][3]["rollout"].clone();
    let part = |variation: u64, weight: u64| json!({ "variation": variation, "weight": weight });
    let outside = json!({ "variation": 2, "weight": 80000, "untracked": true });
    assert_eq!(rollout["variations"], json!([part(5, 10_000), part(7, 10_000), outside]));
    assert_eq!(again(&mut account, &changed), Vec::<String>::new());

    // Stopped by hand: the rule serves the winner until the next run starts a new iteration.
    let path = "projects/multi-agent-chatbot/environments/production/experiments/premium-model-value-analysis";
    let winner = get(&mut account, path)["currentIteration"]["treatments"][1]["_id"].clone();
    let stop =
        json!({ "kind": "stopIteration", "winningTreatmentId": winner, "winningReason": "better" });
    account.handle(&Request::instruct(path, None, vec![stop]), NOW_MS).unwrap();
    assert_eq!(targeting(&mut account, "support-agent")["rules"][3]["variation"], 7);
    let told = again(&mut account, &changed);
    assert_eq!(
        told,
        [
            "~ targeting support-agent: rule 4 serves other-paid",
            "~ experiment premium-model-value-analysis: new iteration started: the last one was stopped"
        ]
    );
}

#[test]
fn a_guarded_rollout_is_started_once() {
    let mut guarded = spec();
    guarded.experiments.clear();
    let share = Share::new(10_000).unwrap();
    let guard =
        ServeSpec::Guarded { from: "other-paid".into(), to: "claude-opus-treatment".into(), share };
    guarded.configs[2].rules[3].serve = guard;
    let (mut account, actions) = built(&guarded);
    assert!(actions.iter().any(|action| {
        action.to_string().contains("guarded rollout of claude-opus-treatment started at 10%")
    }));
    let rollout = &targeting(&mut account, "support-agent")["rules"][3]["rollout"];
    assert_eq!(
        rollout["variations"][2],
        json!({ "variation": 5, "weight": 80000, "_untracked": true })
    );
    assert_eq!(again(&mut account, &guarded), Vec::<String>::new());
    // Back to one variation: the guarded rollout is stopped first.
    guarded.configs[2].rules[3].serve = ServeSpec::Variation("other-paid".into());
    assert_eq!(
        again(&mut account, &guarded),
        ["~ targeting support-agent: rule 4 serves other-paid"]
    );
}

/// The tutorial's specification with its graph.
fn with_graph() -> ProjectSpec {
    let edge = |from: &str, to: &str| GraphEdgeSpec {
        key: format!("{from}-{to}"),
        from: from.to_owned(),
        to: to.to_owned(),
        handoff: serde_json::Map::from_iter([("when".to_owned(), json!(["always"]))]),
    };
    let edges =
        vec![edge("supervisor-agent", "support-agent"), edge("security-agent", "support-agent")];
    let graph = GraphSpec {
        key: "flow".into(),
        name: "Flow".into(),
        root: "supervisor-agent".into(),
        edges,
    };
    ProjectSpec { graph: Some(graph), ..spec() }
}

#[test]
fn a_graph_is_created_once_and_brought_to_its_specification() {
    let mut wanted = with_graph();
    let (mut account, actions) = built(&wanted);
    let created = "+ agent graph flow: 2 edges from supervisor-agent";
    assert!(actions.iter().any(|action| action.to_string() == created));
    assert_eq!(again(&mut account, &wanted), Vec::<String>::new());
    wanted.graph.as_mut().unwrap().edges[1].from = "supervisor-agent".into();
    assert_eq!(again(&mut account, &wanted), ["~ agent graph flow: edges"]);
    assert_eq!(again(&mut account, &wanted), Vec::<String>::new());
    let ruleset = account.ruleset("multi-agent-chatbot", "production").unwrap();
    let value = &ruleset.flags["flow"]["variations"][1];
    assert_eq!(
        (&value["_ldMeta"]["version"], &value["root"]),
        (&json!(2), &json!("supervisor-agent"))
    );
    let [first, second] = [0, 1].map(|at| &value["edges"]["supervisor-agent"][at]["key"]);
    assert_eq!((first, second), (&json!("support-agent"), &json!("support-agent")));
    // The flags next to it are what they were without it.
    let without = built(&spec()).0.ruleset("multi-agent-chatbot", "production").unwrap();
    assert_eq!(without.flags["support-agent"], ruleset.flags["support-agent"]);
}

#[test]
fn a_graph_of_unknown_agents_is_no_specification() {
    let mut wanted = with_graph();
    let graph = wanted.graph.as_mut().unwrap();
    graph.key = "security-agent".into();
    graph.edges[0].to = "nobody".into();
    let faults = verify(
        &wanted,
        &Existing { model_configs: ["x".to_owned()].into(), ..Existing::default() },
    );
    let about: Vec<&String> =
        faults.iter().filter(|fault| fault.starts_with("agent graph")).collect();
    assert_eq!(
        about,
        [
            "agent graph `security-agent` and one of the AI configs have the same key, and SDKs receive both by key",
            "agent graph `security-agent` leads to AI config `nobody`, which is not defined",
        ]
    );
}

#[test]
fn every_fault_of_a_specification_is_named_and_nothing_is_changed() {
    let mut faulty = spec();
    faulty.segments.remove(3);
    faulty.configs[1].variations[0].model_config = "Anthropic.claude-9".into();
    faulty.configs[2].variations[1].tools.push("search_v3".into());
    faulty.configs[2].fallthrough = ServeSpec::Variation("standard".into());
    faulty.configs[2].rules[0].serve = ServeSpec::Guarded {
        from: "eu-free".into(),
        to: "eu-paid".into(),
        share: Share::new(60_000).unwrap(),
    };
    faulty.metrics[4].event = "ai_cost_per_requst".into();
    faulty.metrics[3].unit.clear();
    faulty.experiments[0].treatments[0].1 = Share::new(0).unwrap();
    faulty.experiments[0].primary = "clicks".into();
    faulty.experiments[1].rule = RuleChoice::Index(4);
    let mut account = Account::new(Seed(7));
    let error = ready(bootstrap(
        &mut MockAdmin { account: &mut account, now_ms: NOW_MS },
        &faulty,
        BootstrapMode::Apply,
    ))
    .unwrap_err();
    let BootstrapError::Prerequisites(faults) = error else { panic!("{error}") };
    assert_eq!(
        faults,
        [
            "AI config `security-agent`, variation `pii-detector`: there is no model config `Anthropic.claude-9`",
            "AI config `security-agent`, rule 4: there is no segment `other-paid`",
            "AI config `support-agent`, variation `eu-free`: there is no tool `search_v3`",
            "AI config `support-agent`, rule 1: a guarded rollout takes at most 50%, because an equal share is its control",
            "AI config `support-agent`, rule 4: there is no segment `other-paid`",
            "AI config `support-agent`, default rule: AI config `support-agent` has no variation `standard`",
            "metric `average_total_user_tokens` is numeric and needs a unit",
            "metric `ai_cost_per_request`: nothing sends the event `ai_cost_per_requst`; did you mean `ai_cost_per_request`?",
            "experiment `premium-model-value-analysis`: the primary metric `clicks` is not among its metrics",
            "experiment `premium-model-value-analysis`: the shares sum to 50%, not 100%",
            "experiment `premium-model-value-analysis`: the control `other-paid` gets no traffic",
            "experiment `premium-model-value-analysis`: a guarded rollout is set up on AI config `support-agent`, and both cannot run on \
             the same config",
            "experiment `security-level`: AI config `security-agent` has no such rule: rule 5",
        ]
    );
    assert_eq!(account.revision(), 0);
}

#[test]
fn ids_depend_on_the_seed_and_the_path_alone() {
    let (account, _) = built(&spec());
    let ruleset = account.ruleset("multi-agent-chatbot", "production").unwrap();
    assert_eq!(built(&spec()).0.ruleset("multi-agent-chatbot", "production").unwrap(), ruleset);
    // Without one config, the others are what they were.
    let mut fewer = spec();
    fewer.configs.remove(1);
    fewer.experiments.remove(1);
    let other = built(&fewer).0.ruleset("multi-agent-chatbot", "production").unwrap();
    assert_eq!(
        (&other.flags["support-agent"], &other.segments),
        (&ruleset.flags["support-agent"], &ruleset.segments)
    );
    let (elsewhere, _) = mock_account(&spec(), Seed(8), NOW_MS).unwrap();
    let elsewhere = elsewhere.ruleset("multi-agent-chatbot", "production").unwrap();
    assert_ne!(elsewhere.flags["support-agent"]["salt"], ruleset.flags["support-agent"]["salt"]);
}
