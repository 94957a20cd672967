//! Graphs of one's own: what a visit does in them, and what a file may not say.

use std::collections::BTreeMap;

use simlab::journal::{AgentId, Caller, Entry, Event, FailureKind, Label, Served, VisitEnd};
use simlab::random::Seed;
use simlab::report::to_json;
use simlab::run::{PreparedScenario, RunOptions, run};
use simlab::scenario::{Scenario, load};

use super::lab::{self, Lab};

/// Two to four researchers side by side, a writer, a critic, and a second writer of the experiment.
const RESEARCH: &str = include_str!("../../scenarios/research.ron");
const ROUTER: &str = include_str!("../../scenarios/router.ron");

fn journal(scenario: &Scenario, users: u32) -> Vec<Entry> {
    lab::journal(scenario, scenario.seed, users)
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
    let scenario = Lab::text(RESEARCH).changes(&[("(2, 4)", "(3, 3)")]).scenario();
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
    let scenario = Lab::text(RESEARCH).scenario();
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
    let bounded = Lab::text(RESEARCH).changes(&always).scenario();
    let mut most = 0;
    for visit in by_user(&journal(&bounded, 200)).values() {
        let answered = visit.iter().any(|entry| {
            matches!(entry.event, Event::Finished { outcome: VisitEnd::Answered, .. })
        });
        let (writes, looks) = (turns(visit, 2), turns(visit, 3));
        most = most.max(writes.len());
        let failed = |turns: &[(u64, u64, bool)]| turns.iter().any(|turn| turn.2);
        if answered && !failed(&writes) && !failed(&looks) {
            assert_eq!((writes.len(), looks.len()), (3, 3), "one answer and two more tries");
        }
    }
    assert_eq!(most, 3);
    let never = [("Critique(mends", "Critique(catches: 0, nags: 0, mends")];
    for visit in by_user(&journal(&Lab::text(RESEARCH).changes(&never).scenario(), 200)).values() {
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
    let (right, wrong) =
        (Lab::text(ROUTER).scenario(), Lab::text(ROUTER).changes(&[blind]).scenario());
    let without = Lab::text(ROUTER).changes(&[blind, off]).scenario();
    let [right, wrong, without] = [right, wrong, without].map(|own| positive(&own, users));
    assert!(wrong * 10 < right * 9, "wrong ways make answers worse: {wrong} {right}");
    assert!(without * 10 > right * 9, "and not with the switch at 0: {without} {right}");

    let models =
        ("configs: {", "models: { \"gpt-6-luna\": (failures: (error: 0.45)) }, configs: {");
    let off = ("models: {", "causes: (missing_to_quality: 0), models: {");
    let strong = ("models: {", "causes: (missing_to_quality: 6), models: {");
    let lost = Lab::text(RESEARCH).changes(&[models, strong]).scenario();
    let kept = Lab::text(RESEARCH).changes(&[models, off]).scenario();
    let (lost, kept) = (positive(&lost, users), positive(&kept, users));
    assert!(lost * 10 < kept * 9, "missing results make answers worse: {lost} {kept}");
}

#[test]
fn a_cause_that_nothing_sets_off_changes_no_byte() {
    let sure = ("\"account\": \"20%\" }", "\"account\": \"20%\" }, accuracy: 1");
    let strong = ("configs: {", "causes: (wrong_route_to_quality: 9), configs: {");
    let print =
        |changes: &[(&str, &str)]| journal(&Lab::text(ROUTER).changes(changes).scenario(), 500);
    assert!(print(&[sure]) == print(&[sure, strong]));
}

/// What the experiments of a report say, without what names the file.
fn experiments(text: &str) -> serde_json::Value {
    let scenario = Lab::text(text).scenario();
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
    let more = experiments(&Lab::text(ROUTER).changes(&[agent, way]).into_text());
    assert_eq!(plain["0"], more["0"]);
    assert_eq!(plain[0]["metrics"], more[0]["metrics"]);
    // Ways that do not compete, in another order.
    let order = Lab::text(ROUTER)
        .changes(&[
            ("(from: \"triage\", to: \"billing\", when: Intent(\"billing\")),", ""),
            (
                "(from: \"triage\", to: \"technical\", when: Failed),",
                "(from: \"triage\", to: \"technical\", when: Failed),
                 (from: \"triage\", to: \"billing\", when: Intent(\"billing\")),",
            ),
        ])
        .into_text();
    assert!(
        journal(&Lab::text(ROUTER).scenario(), 300) == journal(&Lab::text(order).scenario(), 300)
    );
}

#[test]
fn a_router_sends_users_where_they_want_to_as_often_as_it_should() {
    let changes = [("\"account\": \"20%\" }", "\"account\": \"20%\" }, accuracy: 1")];
    let mut to: BTreeMap<Option<AgentId>, u32> = BTreeMap::new();
    for entry in journal(&Lab::text(ROUTER).changes(&changes).scenario(), 6000) {
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
    let scenario = Lab::text(SHARES).scenario();
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
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
    for entry in journal(&Lab::text(ROUTER).changes(&[broken]).scenario(), 200) {
        if let Event::Routed { to, fallback } = entry.event {
            assert!(!fallback || to == Some(AgentId(2)), "a failed triage goes to the engineers");
        }
        if let Event::Finished { outcome, .. } = entry.event {
            *finished.entry(format!("{outcome:?}")).or_default() += 1;
        }
    }
    // The technical agent has the same broken model.
    let failed = format!("{:?}", VisitEnd::Failed(FailureKind::ProviderError));
    assert!(finished[&failed] > 50, "{finished:?}");
}

#[test]
fn one_visit_is_the_same_alone_and_among_others() {
    let scenario = Lab::text(RESEARCH).scenario();
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let all = stage.population(scenario.seed, 60).visit(Vec::new());
    let last = stage.population(scenario.seed, 60).from_user(60).visit(Vec::<Entry>::new());
    let what = |entries: &[Entry]| -> Vec<Event> {
        entries.iter().filter(|entry| entry.user == 60).map(|entry| entry.event).collect()
    };
    assert_eq!(what(&all), what(&last));
}

/// What is shown of a scenario's text with one change; "ok" if it is sound.
fn mistake(text: &str, before: &str, after: &str) -> String {
    let mistakes = Lab::text(text).change(before, after).mistakes();
    if mistakes.is_empty() { "ok".to_owned() } else { mistakes }
}

/// Mistakes in a graph: where, and what is written instead.
const MISTAKES: [(&str, &str, &str); 30] = [
    (RESEARCH, "root: \"planner\"", "root: \"plannr\""),
    (RESEARCH, "key: \"research-flow\"", "key: \"writer\""),
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
    (CACHED, "claude-sonnet-5-5", "claude-3-haiku-20240307"),
    (CACHED, ": Shared", ": Always"),
    (DESK, "// BACK", "(from: \"faq\", to: \"triage\")"),
    (DESK, "role: Route(", "tools: [\"search_v2\"], role: Route("),
    (DESK, "\"seat\": (model", "\"seat\": (role: Critique(), model"),
    (DESK, "model: \"claude-sonnet-5-5\")", "model: \"gpt-5-mini\")"),
    (DESK, "routing_accuracy: 0.5", "quality: 0.9, weakness: 0.2"),
    (
        CACHED,
        "experiments: [",
        "models: { \"mine\": (like: \"gpt-4o\", input_price: \"$1\", cache_write_price: \"$2\") }, experiments: [",
    ),
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
    for name in lab::own_graphs() {
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

/// An agent with a search tool that the mock uses often, on a model with prices for cached input:
/// $2 a million input tokens, $0.10 read, $2.50 written, $10 output; 512 tokens at least.
const CACHED: &str = r#"(
    seed: 5, traffic: (queries: 400, pii_percentage: 0),
    graph: (root: "assistant", nodes: {
        "assistant": (model: "claude-sonnet-5-5", tools: ["search_v2"], instructions: "LONG", prompt_caching: Shared),
    }),
    configs: { "assistant": (variations: { "other": (name: "Other") }) },
    experiments: [(
        key: "x", config: "assistant", control: "default",
        split: { "default": "50%", "other": "50%" }, metrics: ["positive_feedback_rate"],
    )],
)"#;

/// For each visit, the calls of its agent: input tokens, output tokens, nano-dollars.
fn charged(caching: &str) -> Vec<Vec<(u64, u64, u64)>> {
    let long = "Answer in a friendly tone and look things up first. ".repeat(60);
    let caching = format!(": {caching}");
    let own = Lab::text(CACHED).changes(&[("LONG", &long), (": Shared", &caching)]).scenario();
    let call = |entry: &Entry| match entry.event {
        Event::Completed { served: Some(_), input_tokens, output_tokens, cost, .. } => {
            Some((input_tokens.into(), output_tokens.into(), cost.unwrap().nano_dollars()))
        }
        _ => None,
    };
    by_user(&journal(&own, 400))
        .values()
        .map(|visit| visit.iter().filter_map(call).collect())
        .collect()
}

#[test]
fn what_an_agent_sends_again_is_charged_at_the_price_of_cached_input() {
    let (off, own, shared) = (charged("Off"), charged("Conversation"), charged("Shared"));
    let mut again = 0;
    for ((off, own), shared) in off.iter().zip(&own).zip(&shared) {
        let tokens = |calls: &[(u64, u64, u64)]| {
            calls.iter().map(|&(input, output, _)| (input, output)).collect::<Vec<_>>()
        };
        assert_eq!(tokens(off), tokens(own), "a cache changes no token");
        assert_eq!(tokens(off), tokens(shared));
        let mut sent = 0;
        for (nth, &(input, output, cost)) in own.iter().enumerate() {
            assert!(input > 512, "{input}");
            assert_eq!(cost, sent * 100 + (input - sent) * 2_500 + output * 10_000);
            assert_eq!(off[nth].2, input * 2_000 + output * 10_000);
            again += u64::from(sent > 0);
            sent = input;
        }
        // What is shared is part of the first call alone; after it, all was sent before.
        assert_eq!(shared.get(1..), own.get(1..));
        if let (Some(own), Some(shared)) = (own.first(), shared.first()) {
            let kept = (own.2 - shared.2) / 2_400;
            assert_eq!((own.2 - shared.2) % 2_400, 0);
            assert!(kept > 512 && kept < own.0, "instructions and tools: {kept} of {}", own.0);
        }
    }
    assert!(again > 300, "{again}");
}

#[test]
fn other_prices_for_long_prompts_can_be_written() {
    // $2 and $10 a million tokens; above 1,000 input tokens half as much again, and twice as much.
    let longer = (
        "experiments: [",
        "models: { \"claude-sonnet-5-5\": (long_prompts: (above: 1000, input: 1.5, output: 2)) }, experiments: [",
    );
    let own = Lab::text(CACHED).changes(&[(": Shared", ": Off"), longer]).scenario();
    let (mut short, mut long) = (0, 0);
    for entry in journal(&own, 200) {
        let Event::Completed { served: Some(_), input_tokens, output_tokens, cost, .. } =
            entry.event
        else {
            continue;
        };
        let (input, output) = (u64::from(input_tokens), u64::from(output_tokens));
        let at = |input_price, output_price| input * input_price + output * output_price;
        let expected = if input > 1000 { at(3_000, 20_000) } else { at(2_000, 10_000) };
        assert_eq!(cost.unwrap().nano_dollars(), expected);
        *(if input > 1000 { &mut long } else { &mut short }) += 1;
    }
    assert!(short > 50 && long > 50, "{short} {long}");
}

/// Users whose personal data reached an agent that answers, and all who gave any.
fn disclosed(handover: &str) -> (usize, usize) {
    let flow = include_str!("../../scenarios/chatbot-flow.ron");
    let own =
        Lab::text(flow).change("hands_over: Original", &format!("hands_over{handover}")).scenario();
    let entries = journal(&own, 2000);
    let count = |what: fn(&Event) -> bool| entries.iter().filter(|e| what(&e.event)).count();
    (
        count(|event| matches!(event, Event::Disclosed { .. })),
        count(|event| matches!(event, Event::Arrived { personal: true, .. })),
    )
}

#[test]
fn the_original_question_discloses_what_was_redacted_in_it() {
    let (original, gave) = disclosed(": Original");
    let (redacted, _) = disclosed(": Text");
    // Some users give a company or a job title alone, which identifies nobody, and some requests fail.
    assert!(original * 10 > gave * 8, "{original} of {gave}");
    assert!(redacted * 5 < original, "{redacted} {original}");
}

/// A triage agent and two specialists, of whom the first may send users back to triage.
const DESK: &str = r#"(
    seed: 3, traffic: (queries: 100, pii_percentage: 0),
    models: { "gpt-6-luna": (routing_accuracy: 0.5) },
    graph: (root: "triage", nodes: {
        "triage": (role: Route(intents: { "faq": "50%", "seat": "50%" }), model: "gpt-6-luna"),
        "faq": (model: "claude-sonnet-5-5", tools: ["search_v2"]),
        "seat": (model: "claude-sonnet-5-5"),
    }, edges: [
        (from: "triage", to: "faq", when: Intent("faq")),
        (from: "triage", to: "seat", when: Intent("seat")),
        (from: "triage", to: "seat", when: Failed),
        // BACK
    ]),
    configs: { "faq": (variations: { "small": (model: "gpt-6-luna") }) },
    experiments: [(
        key: "x", config: "faq", control: "default",
        split: { "default": "50%", "small": "50%" }, metrics: ["positive_feedback_rate"],
    )],
)"#;

#[test]
fn a_bound_counts_how_often_the_edge_itself_is_taken() {
    for times in [1_usize, 2, 3] {
        let back = format!("(from: \"faq\", to: \"triage\", at_most: {times})");
        let own = Lab::text(DESK).change("// BACK", &back).scenario();
        let mut most = 0;
        for visit in by_user(&journal(&own, 400)).values() {
            let (triage, faq) = (turns(visit, 0).len(), turns(visit, 1).len());
            // Whoever comes to the first specialist is sent back, until the bound.
            assert!(triage <= times + 1 && faq <= times + 1, "{triage} {faq}");
            assert!(triage == faq || triage == faq + 1, "{triage} {faq}");
            most = most.max(triage);
        }
        assert_eq!(most, times + 1);
    }
}

#[test]
fn a_failed_agent_tries_again_as_often_as_its_edge_says() {
    let retry = |edges: &str| {
        let text = changed_chat(edges);
        let own = Lab::text(&text).scenario();
        let failed = |entry: &&Entry| {
            matches!(entry.event, Event::Finished { outcome: VisitEnd::Failed(_), .. })
        };
        journal(&own, 4000).iter().filter(failed).count() as f64 / 4000.0
    };
    // 30% of the calls fail: 0.3, 0.3², 0.3³; four standard errors of 4,000 users.
    for (edges, expected) in [
        ("", 0.3_f64),
        ("(from: \"a\", to: \"a\", when: Failed, at_most: 1)", 0.09),
        ("(from: \"a\", to: \"a\", when: Failed, at_most: 2)", 0.027),
    ] {
        let error = (expected * (1.0 - expected) / 4000.0).sqrt();
        let found = retry(edges);
        assert!((found - expected).abs() < 4.0 * error, "{edges}: {found}, not {expected}");
    }
}

/// One agent whose calls fail three times in ten, with these edges.
fn changed_chat(edges: &str) -> String {
    format!(
        r#"(
    seed: 3, traffic: (queries: 100, pii_percentage: 0),
    models: {{ "gpt-6-luna": (failures: (error: 0.3, rate_limit: 0, refusal: 0, malformed: 0)) }},
    graph: (root: "a", nodes: {{ "a": (model: "gpt-6-luna") }}, edges: [{edges}]),
    configs: {{ "a": (variations: {{ "other": (name: "Other") }}) }},
    experiments: [(
        key: "x", config: "a", control: "default",
        split: {{ "default": "50%", "other": "50%" }}, metrics: ["positive_feedback_rate"],
    )],
)"#
    )
}

#[test]
fn a_wrong_way_that_is_corrected_costs_no_quality() {
    let desk = |back: &str| Lab::text(DESK).change("// BACK", back).scenario();
    let blind = positive(&desk(""), 6000);
    // The second time the router draws anew; whoever is right then is answered as if never wrong.
    let again = positive(&desk("(from: \"faq\", to: \"triage\", at_most: 1)"), 6000);
    assert!(again as f64 > blind as f64 * 0.97, "{again} {blind}");
}

#[test]
fn a_variation_of_an_agent_starts_from_what_stands_at_its_node() {
    let own = Lab::text(DESK).change("// BACK", "").scenario();
    let faq = own.configs.iter().find(|config| config.key == "faq").unwrap();
    let [default, small] = &faq.variations[..] else { panic!("{}", faq.variations.len()) };
    assert_eq!((default.setup.tools.len(), &small.setup.tools), (1, &default.setup.tools));
    assert_ne!(default.setup.model, small.setup.model);
    // Today's clients send the model's own limit.
    assert_eq!(default.setup.max_tokens, None);
}

#[test]
fn what_researchers_found_counts_for_the_agent_that_answers() {
    let system = |tools: &str| {
        let text = format!(
            r#"(
    seed: 3, traffic: (queries: 100, pii_percentage: 0), causes: (grounding_to_quality: 0.9),
    graph: (root: "find", nodes: {{
        "find": (role: Research, model: "claude-sonnet-5-5", tools: [{tools}]),
        "tell": (model: "claude-sonnet-5-5"),
    }}, edges: [(from: "find", to: "tell")]),
    configs: {{ "tell": (variations: {{ "other": (name: "Other") }}) }},
    experiments: [(
        key: "x", config: "tell", control: "default",
        split: {{ "default": "50%", "other": "50%" }}, metrics: ["positive_feedback_rate"],
    )],
)"#
        );
        positive(&Lab::text(&text).scenario(), 4000)
    };
    let (with, without) = (system("\"search_v2\""), system(""));
    assert!(with as f64 > without as f64 * 1.3, "{with} {without}");
}

#[test]
fn a_critic_catches_as_much_as_its_model_is_good() {
    // Of weak answers the critic sends back the share that its model answers strongly.
    let system = |model: &str| {
        let critic =
            format!("\"critic\": (role: Critique(mends: 0.35, breaks: 0.03), model: \"{model}\")");
        let before =
            "\"critic\": (role: Critique(mends: 0.35, breaks: 0.03), model: \"claude-sonnet-5-5\")";
        let own = Lab::text(RESEARCH).change(before, &critic).scenario();
        by_user(&journal(&own, 3000)).values().map(|visit| turns(visit, 2).len()).sum::<usize>()
    };
    let (good, poor) = (system("claude-opus-5-5"), system("claude-3-haiku-20240307"));
    // The poor one nags more: 8 in 100 good answers against 2.
    assert!(poor > good, "{poor} {good}");
}

#[test]
fn edges_of_agents_with_hyphens_in_their_names_have_keys_of_their_own() {
    let scenario = Lab::text(
        r#"(
    graph: (
        key: "chain",
        root: "a-b",
        nodes: {
            "a-b": (role: Answer, model: "gpt-6.1-terra"),
            "c": (role: Answer, model: "gpt-6.1-terra"),
            "a": (role: Answer, model: "gpt-6.1-terra"),
            "b-c": (role: Answer, model: "gpt-6.1-terra"),
        },
        edges: [(from: "a-b", to: "c"), (from: "c", to: "a"), (from: "a", to: "b-c")],
    ),
    configs: { "c": (variations: { "other": (like: "default") }) },
    experiments: [(
        key: "own",
        config: "c",
        control: "default",
        split: { "default": "50%", "other": "50%" },
        metrics: ["ai_cost_per_request"],
    )],
)"#,
    )
    .scenario();
    let graph = scenario.project.graph.as_ref().unwrap();
    let keys: Vec<&str> = graph.edges.iter().map(|edge| edge.key.as_str()).collect();
    assert_eq!(keys, ["edge-a-b-c", "edge-c-a", "edge-a-b-c-more"]);
    // LaunchDarkly's mock, which refuses two edges of one key, takes it.
    PreparedScenario::new(&scenario, Seed(1)).unwrap();
}
