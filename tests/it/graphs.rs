//! Graphs of one's own: what a visit does in them, and what a file may not say.

use std::collections::BTreeMap;

use simlab::diagnostic::{Source, render};
use simlab::journal::{AgentId, Caller, Entry, Event, FailureKind, Label, Outcome, Served};
use simlab::random::Seed;
use simlab::report::to_json;
use simlab::run::{RunOptions, Stage, run};
use simlab::scenario::{Documents, Scenario, load, parse};

/// Two to four researchers side by side, a writer, a critic, and a second writer of the experiment.
const RESEARCH: &str = include_str!("../../scenarios/research.ron");
const ROUTER: &str = include_str!("../../scenarios/router.ron");

fn no_documents(_: &str) -> Documents {
    Err("there is no folder".to_owned())
}

/// The text with parts of it written in another way.
fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (before, after)| {
        assert!(text.contains(before), "{before}");
        text.replace(before, after)
    })
}

fn scenario(text: &str) -> Scenario {
    parse("own", Source::new("own.ron", text), &no_documents)
        .unwrap_or_else(|faults| panic!("{}", render(&faults, false)))
        .scenario
}

fn journal(scenario: &Scenario, users: u32) -> Vec<Entry> {
    let stage = Stage::new(scenario, scenario.seed).unwrap();
    stage.population(scenario.seed, users).visit(Vec::new())
}

fn by_user(entries: &[Entry]) -> BTreeMap<u32, Vec<Entry>> {
    let mut visits: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.user > 0) {
        visits.entry(entry.user).or_default().push(*entry);
    }
    visits
}

/// The ends of an agent's turns in a visit: begin, end, and whether it failed.
fn turns(visit: &[Entry], agent: u8) -> Vec<(u64, u64, bool)> {
    let turn = |entry: &Entry| match entry.event {
        Event::AgentFinished { caller, duration, failed, .. }
            if caller == simlab::journal::Caller::Agent(AgentId(agent)) =>
        {
            Some((entry.at.us() - duration.us(), entry.at.us(), failed.is_some()))
        }
        _ => None,
    };
    visit.iter().filter_map(turn).collect()
}

#[test]
fn branches_run_side_by_side_and_the_slowest_one_counts() {
    let scenario = scenario(&changed(RESEARCH, &[("(2, 4)", "(3, 3)")]));
    let (mut checked, mut overlapping) = (0, 0);
    for visit in by_user(&journal(&scenario, 400)).values() {
        let (plans, finds) = (turns(visit, 0), turns(visit, 1));
        let Some(&(_, planned, false)) = plans.first() else { continue };
        assert_eq!(finds.len(), 3, "every subtask has a researcher");
        assert!(finds.iter().all(|(from, _, _)| *from == planned), "{finds:?}");
        let last = finds.iter().map(|(_, to, _)| *to).max().unwrap();
        if let Some(&(begins, _, _)) = turns(visit, 2).first() {
            assert_eq!(begins, last, "the writer waits for the last of them");
            checked += 1;
            let first = finds.iter().map(|(_, to, _)| *to).min().unwrap();
            overlapping += u32::from(first < last);
        }
    }
    assert!(checked > 300 && overlapping > 300, "{checked} {overlapping}");
}

#[test]
fn what_users_pay_is_the_sum_of_all_calls() {
    let scenario = scenario(RESEARCH);
    for visit in by_user(&journal(&scenario, 200)).values() {
        let calls: u64 = visit
            .iter()
            .filter_map(|entry| match entry.event {
                Event::Completed { served: Some(_), cost: Some(cost), .. } => {
                    Some(cost.nano_dollars())
                }
                _ => None,
            })
            .sum();
        let failed = visit
            .iter()
            .any(|entry| matches!(entry.event, Event::AgentFinished { failed: Some(_), .. }));
        let agents: u64 = visit
            .iter()
            .filter_map(|entry| match entry.event {
                Event::AgentFinished { cost: Some(cost), .. } => Some(cost.nano_dollars()),
                _ => None,
            })
            .sum();
        assert!(agents == calls || failed && agents < calls, "{agents} {calls}");
    }
}

#[test]
fn a_critic_sends_an_answer_back_as_often_as_it_may() {
    let always = [("Critique(mends", "Critique(catches: 1, nags: 1, mends")];
    let bounded = scenario(&changed(RESEARCH, &always));
    let mut most = 0;
    for visit in by_user(&journal(&bounded, 200)).values() {
        let answered = visit
            .iter()
            .any(|entry| matches!(entry.event, Event::Finished { outcome: Outcome::Answered, .. }));
        let (writes, looks) = (turns(visit, 2), turns(visit, 3));
        most = most.max(writes.len());
        let failed = |turns: &[(u64, u64, bool)]| turns.iter().any(|turn| turn.2);
        if answered && !failed(&writes) && !failed(&looks) {
            assert_eq!((writes.len(), looks.len()), (3, 3), "one answer and two more tries");
        }
    }
    assert_eq!(most, 3);
    let never = [("Critique(mends", "Critique(catches: 0, nags: 0, mends")];
    for visit in by_user(&journal(&scenario(&changed(RESEARCH, &never)), 200)).values() {
        assert!(turns(visit, 2).len() <= 1);
    }
}

/// Users with positive feedback, of all.
fn positive(scenario: &Scenario, users: u32) -> usize {
    let good = |entry: &&Entry| matches!(entry.event, Event::Judged { label: Label::Positive, .. });
    journal(scenario, users).iter().filter(good).count()
}

#[test]
fn each_cause_has_a_switch() {
    let users = 3000;
    let blind = ("\"account\": \"20%\" }", "\"account\": \"20%\" }, accuracy: 0");
    let off = ("configs: {", "causes: (wrong_route_to_quality: 0), configs: {");
    let (right, wrong) = (scenario(ROUTER), scenario(&changed(ROUTER, &[blind])));
    let without = scenario(&changed(ROUTER, &[blind, off]));
    let [right, wrong, without] = [right, wrong, without].map(|own| positive(&own, users));
    assert!(wrong * 10 < right * 9, "wrong ways make answers worse: {wrong} {right}");
    assert!(without * 10 > right * 9, "and not with the switch at 0: {without} {right}");

    let models =
        ("configs: {", "models: { \"gpt-6-luna\": (failures: (error: 0.45)) }, configs: {");
    let off = ("models: {", "causes: (missing_to_quality: 0), models: {");
    let strong = ("models: {", "causes: (missing_to_quality: 6), models: {");
    let lost = scenario(&changed(RESEARCH, &[models, strong]));
    let kept = scenario(&changed(RESEARCH, &[models, off]));
    let (lost, kept) = (positive(&lost, users), positive(&kept, users));
    assert!(lost * 10 < kept * 9, "missing results make answers worse: {lost} {kept}");
}

#[test]
fn a_cause_that_nothing_sets_off_changes_no_byte() {
    let sure = ("\"account\": \"20%\" }", "\"account\": \"20%\" }, accuracy: 1");
    let strong = ("configs: {", "causes: (wrong_route_to_quality: 9), configs: {");
    let print = |changes: &[(&str, &str)]| journal(&scenario(&changed(ROUTER, changes)), 500);
    assert!(print(&[sure]) == print(&[sure, strong]));
}

/// What the experiments of a report say, without what names the file.
fn experiments(text: &str) -> serde_json::Value {
    let scenario = scenario(text);
    let options = RunOptions { users: Some(600), ..RunOptions::default() };
    let json = to_json(&run(&scenario, options).unwrap().report).unwrap();
    serde_json::from_str::<serde_json::Value>(&json).unwrap()["experiments"].clone()
}

#[test]
fn other_agents_move_nobody_elses_draws() {
    let plain = experiments(ROUTER);
    // An agent that no visit comes to.
    let agent = (
        "\"billing\": (role: Answer",
        "\"unused\": (role: Answer, model: \"gpt-6-luna\"), \"billing\": (role: Answer",
    );
    let way = (
        "        edges: [",
        "        edges: [(from: \"triage\", to: \"unused\", when: Share(\"0%\")),",
    );
    let more = experiments(&changed(ROUTER, &[agent, way]));
    assert_eq!(plain["0"], more["0"]);
    assert_eq!(plain[0]["metrics"], more[0]["metrics"]);
    // Ways that do not compete, in another order.
    let order = changed(
        ROUTER,
        &[
            ("(from: \"triage\", to: \"billing\", when: Intent(\"billing\")),", ""),
            (
                "(from: \"triage\", to: \"technical\", when: Failed),",
                "(from: \"triage\", to: \"technical\", when: Failed),
                 (from: \"triage\", to: \"billing\", when: Intent(\"billing\")),",
            ),
        ],
    );
    assert!(journal(&scenario(ROUTER), 300) == journal(&scenario(&order), 300));
}

#[test]
fn a_router_sends_users_where_they_want_to_as_often_as_it_should() {
    let changes = [("\"account\": \"20%\" }", "\"account\": \"20%\" }, accuracy: 1")];
    let mut to: BTreeMap<Option<AgentId>, u32> = BTreeMap::new();
    for entry in journal(&scenario(&changed(ROUTER, &changes)), 6000) {
        if let Event::Routed { to: way, fallback: false } = entry.event {
            *to.entry(way).or_default() += 1;
        }
    }
    let all: u32 = to.values().sum();
    // Four standard errors of a share among 6,000 are about 2.6 points.
    for (agent, share) in [(1, 0.35), (2, 0.45), (3, 0.2)] {
        let found = f64::from(to[&Some(AgentId(agent))]) / f64::from(all);
        assert!((found - share).abs() < 0.026, "{agent}: {found}");
    }
}

/// One agent whose visits go on to two others by share.
const SHARES: &str = r#"(
    title: "Shares", seed: 5,
    traffic: (queries: 2000, pii_percentage: 0),
    graph: (
        key: "shares", root: "first",
        nodes: {
            "first": (role: Research, model: "gpt-6-luna"),
            "left": (role: Answer, model: "gpt-6-luna"),
            "right": (role: Answer, model: "gpt-6-luna"),
        },
        edges: [
            (from: "first", to: "left", when: Share("30%")),
            (from: "first", to: "right"),
        ],
    ),
    configs: { "first": (variations: { "slow": (like: "default", model: "claude-opus-5-5") }) },
    experiments: [(
        key: "first", hypothesis: "The slow one is better", config: "first", control: "default",
        split: { "default": "50%", "slow": "50%" }, metrics: ["positive_feedback_rate"],
    )],
)"#;

#[test]
fn another_seed_sends_other_users_each_way_and_both_arms_the_same_ones() {
    let scenario = scenario(SHARES);
    let stage = Stage::new(&scenario, scenario.seed).unwrap();
    let users = 4000;
    // Who goes left, of those whose first agent did not fail.
    let ways = |seed: u64, variation: u8| -> BTreeMap<u32, bool> {
        let population = stage.population(Seed(seed), users);
        let journal = population.forced(Served { config: 0, variation }).visit(Vec::new());
        let way = |entry: &Entry| match entry.event {
            Event::AgentFinished { caller: Caller::Agent(agent), .. } if agent.0 > 0 => {
                Some((entry.user, agent.0 == 1))
            }
            _ => None,
        };
        journal.iter().filter_map(way).collect()
    };
    let [own, other, slow] = [ways(1, 0), ways(2, 0), ways(1, 1)];
    let share = |ways: &BTreeMap<u32, bool>, of: &dyn Fn(u32) -> bool| {
        let of: Vec<bool> =
            ways.iter().filter(|(user, _)| of(**user)).map(|(_, left)| *left).collect();
        (of.len(), of.iter().filter(|left| **left).count() as f64 / of.len() as f64)
    };
    for ways in [&own, &other] {
        let (count, left) = share(ways, &|_| true);
        // Four standard errors of 30% among 4,000 are 2.9 points.
        assert!(count > 3900 && (left - 0.3).abs() < 0.029, "{count} {left}");
    }
    // Those who went left once go there again as often as everybody else; four standard errors of
    // 30% among 1,200 are 5.3 points.
    let (count, again) = share(&other, &|user| own.get(&user) == Some(&true));
    assert!(count > 1000 && (again - 0.3).abs() < 0.053, "{count} {again}");
    let both: Vec<u32> = own.keys().filter(|user| slow.contains_key(user)).copied().collect();
    assert!(both.len() > 3800);
    assert!(both.iter().all(|user| own[user] == slow[user]), "both arms send the same users left");
}

#[test]
fn a_failed_agent_takes_its_way_for_it_or_fails_the_request() {
    let broken =
        ("configs: {", "models: { \"claude-sonnet-5-5\": (failures: (error: 0.9)) }, configs: {");
    let mut finished: BTreeMap<String, u32> = BTreeMap::new();
    for entry in journal(&scenario(&changed(ROUTER, &[broken])), 200) {
        if let Event::Routed { to, fallback } = entry.event {
            assert!(!fallback || to == Some(AgentId(2)), "a failed triage goes to the engineers");
        }
        if let Event::Finished { outcome, .. } = entry.event {
            *finished.entry(format!("{outcome:?}")).or_default() += 1;
        }
    }
    // The technical agent has the same broken model.
    let failed = format!("{:?}", Outcome::Failed(FailureKind::ProviderError));
    assert!(finished[&failed] > 50, "{finished:?}");
}

#[test]
fn one_visit_is_the_same_alone_and_among_others() {
    let scenario = scenario(RESEARCH);
    let stage = Stage::new(&scenario, scenario.seed).unwrap();
    let all = stage.population(scenario.seed, 60).visit(Vec::new());
    let last = stage.population(scenario.seed, 60).from_user(60).visit(Vec::<Entry>::new());
    let what = |entries: &[Entry]| -> Vec<Event> {
        entries.iter().filter(|entry| entry.user == 60).map(|entry| entry.event).collect()
    };
    assert_eq!(what(&all), what(&last));
}

/// What is shown of a scenario's text with one change; "ok" if it is sound.
fn mistake(text: &str, before: &str, after: &str) -> String {
    match parse("own", Source::new("own.ron", changed(text, &[(before, after)])), &no_documents) {
        Ok(_) => "ok".to_owned(),
        Err(faults) => render(&faults, false),
    }
}

/// Mistakes in a graph: where, and what is written instead.
const MISTAKES: [(&str, &str, &str); 21] = [
    (RESEARCH, "root: \"planner\"", "root: \"plannr\""),
    (RESEARCH, "to: \"critic\"", "to: \"critics\""),
    (RESEARCH, "(from: \"writer\"", "(from: \"writr\""),
    (RESEARCH, "subtasks: (2, 4)", "subtasks: (4, 2)"),
    (RESEARCH, "subtasks: (2, 4)", "subtasks: (2, 40)"),
    (RESEARCH, "mends: 0.35, breaks: 0.03", "mends: 0.9, breaks: 0.3"),
    (RESEARCH, "when: Revise, at_most: 2", "when: Revise"),
    (RESEARCH, "when: Revise, at_most: 2", "when: Revise, at_most: 20"),
    (RESEARCH, "to: \"researcher\", when: Subtask", "to: \"writer\""),
    (RESEARCH, "to: \"writer\", join: true", "to: \"writer\""),
    (RESEARCH, "to: \"critic\")", "to: \"critic\", join: true)"),
    (
        RESEARCH,
        "(from: \"writer\", to: \"critic\"),",
        "(from: \"writer\", to: \"critic\", when: Subtask),",
    ),
    (
        RESEARCH,
        "(from: \"writer\", to: \"critic\"),",
        "(from: \"writer\", to: \"critic\", when: Revise),",
    ),
    (
        RESEARCH,
        "\"writer\": (role: Answer, model: \"claude-opus-5-5\"),",
        "\"writer\": (role: Answer),",
    ),
    (RESEARCH, "\"writer\": (role: Answer,", "\"writer\": (role: Research,"),
    (RESEARCH, "config: \"writer\"", "config: \"support-agent\""),
    (RESEARCH, "tools: [\"search_v2\"]", "tools: [\"search_v9\"]"),
    (ROUTER, "\"account\": \"20%\"", "\"account\": \"30%\""),
    (ROUTER, "Intent(\"billing\")", "Intent(\"biling\")"),
    (ROUTER, "(from: \"triage\", to: \"account\", when: Intent(\"account\")),", ""),
    (
        ROUTER,
        "(from: \"triage\", to: \"billing\", when: Intent(\"billing\")),",
        "(from: \"triage\", to: \"technical\"), (from: \"triage\", to: \"billing\", when: Intent(\"billing\")),",
    ),
];

#[test]
fn mistakes_in_a_graph_are_found_where_they_stand() {
    let mut shown = String::new();
    for (text, before, after) in MISTAKES {
        let picture = mistake(text, before, after);
        assert_ne!(picture, "ok", "{before} → {after}");
        assert!(picture.contains("own.ron"), "no place: {picture}");
        shown.push_str(&format!("### {before}  →  {after}\n{picture}\n"));
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("graph-mistakes", shown));
}

#[test]
fn built_in_graphs_run_and_their_experiments_hold_with_equal_arms() {
    for name in ["chat", "rag", "router", "research", "guardrail", "support-desk"] {
        let own = load(name).unwrap().scenario;
        assert!(own.graph.nodes.iter().all(|node| node.place != 0), "{name}");
        // The same variation on both sides: the draws are the users' own, so nothing differs but
        // who is on which side.
        let mut equal = own.clone();
        let varies = equal.studies[0].varies.config;
        let config = &mut equal.configs[usize::from(varies)];
        let first = config.variations[0].clone();
        for variation in &mut config.variations {
            variation.setup = first.setup.clone();
            variation.max_tool_calls = first.max_tool_calls;
        }
        let options = RunOptions { seed: Some(1), users: Some(1500), ..RunOptions::default() };
        let report = run(&equal, options).unwrap().report;
        let json: serde_json::Value = serde_json::from_str(&to_json(&report).unwrap()).unwrap();
        let health = &json["experiments"][0]["health"];
        assert!(!health.to_string().contains("\"fail\""), "{name}: {health}");
        let traffic = report.traffic.as_ref().unwrap();
        assert!(traffic.succeeded * 100 > traffic.queries * 95, "{name}");
    }
}
