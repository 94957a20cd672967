//! The graph of agents as a tree, and the table of what each agent did.

use super::*;
use crate::report::{DrawnEdge, DrawnGraph, DrawnNode, NodeUse};

fn node(key: &str, role: &str, models: &[(&str, &str)], users: u64) -> DrawnNode {
    let models = models.iter().map(|(own, model)| ((*own).to_owned(), (*model).to_owned()));
    DrawnNode {
        key: key.to_owned(),
        role: role.to_owned(),
        models: Ordered(models.collect()),
        experiments: Vec::new(),
        users,
        stopped: None,
    }
}

fn edge(from: &str, to: &str, condition: &str, users: u64) -> DrawnEdge {
    DrawnEdge {
        from: from.to_owned(),
        to: to.to_owned(),
        condition: condition.to_owned(),
        at_most: None,
        joins: false,
        users,
        variations: Vec::new(),
    }
}

/// A planner, researchers, a writer with an experiment, and a critic.
pub(in crate::report) fn drawn() -> DrawnGraph {
    let mut writer = node("writer", "answer", &[("default", "m-large"), ("cheap", "m-small")], 995);
    writer.experiments = vec!["writer-model".to_owned()];
    DrawnGraph {
        key: "research-flow".to_owned(),
        root: "planner".to_owned(),
        users: 1000,
        nodes: vec![
            node("planner", "plan of 2 to 4 subtasks", &[("default", "m-plan")], 1000),
            node("researcher", "research", &[("default", "m-small"), ("eu", "m-small")], 1000),
            writer,
            node("critic", "critique", &[("default", "m-plan")], 990),
        ],
        edges: vec![
            edge("planner", "researcher", "each subtask, in parallel", 1000),
            DrawnEdge { joins: true, ..edge("researcher", "writer", "always", 995) },
            edge("writer", "critic", "always", 990),
            DrawnEdge { at_most: Some(2), ..edge("critic", "writer", "to revise", 250) },
        ],
    }
}

/// What the agents did for the users of a variation.
pub(in crate::report) fn used(variation: &str) -> Vec<NodeUse> {
    let one = |(agent, wait): (&str, f64)| NodeUse {
        variation: variation.to_owned(),
        agent: agent.to_owned(),
        users: 990,
        reached: number(0.99),
        requests: 990,
        runs: 1200,
        iterations: number(1.2),
        failed_runs: 12,
        calls: 1188,
        failed_calls: 3,
        input_tokens_per_user: number(1234.5),
        output_tokens_per_user: number(321.0),
        cached_tokens_per_user: number(0.0),
        reasoning_tokens_per_user: number(0.0),
        cost_per_user_usd: number(0.0031),
        cost_error_usd: number(0.0001),
        mean_ms: number(1800.0),
        p95_ms: number(4200.0),
        critical_ms: number(wait * 10_000.0),
        critical_share: number(wait),
    };
    [("planner", 0.25), ("writer", 0.75)].map(one).to_vec()
}

#[test]
fn a_chain_stays_at_the_margin_and_a_way_back_names_its_agent() {
    let lines = drawn().tree(78);
    let expected = [
        "planner: plan of 2 to 4 subtasks, m-plan",
        "│ each subtask, in parallel: 100% of users",
        "▼",
        "researcher: research, m-small",
        "│ when all branches are done: 99.5% of users",
        "▼",
        "writer: answer, m-large (default), m-small (cheap)",
        "│   experiment: writer-model",
        "│ always: 99.0% of users",
        "▼",
        "critic: critique, m-plan",
        "└─ to revise, at most 2 times: 25.0% of users -> writer (above)",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn several_ways_are_branches_and_no_line_is_wider_than_the_room() {
    let mut graph = drawn();
    graph.nodes.push(node("a-specialist-with-a-long-name", "answer", &[("x", "m")], 3));
    graph.edges.push(edge("critic", "a-specialist-with-a-long-name", "on failure", 3));
    graph.nodes[1].models = Ordered(
        (0..6).map(|n| (format!("variation-{n}"), format!("a-model-with-a-name-{n}"))).collect(),
    );
    for width in [40, 78] {
        let lines = graph.tree(width);
        for line in &lines {
            assert!(unicode_width::UnicodeWidthStr::width(line.as_str()) <= width, "{line}");
        }
        for key in graph.nodes.iter().map(|node| &node.key) {
            assert!(lines.iter().any(|line| line.contains(key.as_str())), "{key}");
        }
    }
    let lines = graph.tree(78);
    let branches: Vec<&str> =
        lines.iter().map(String::as_str).skip_while(|l| !l.contains("├")).collect();
    assert_eq!(
        branches,
        [
            "├─ to revise, at most 2 times: 25.0% of users -> writer (above)",
            "└─ on failure: 0.3% of users",
            "   a-specialist-with-a-long-name: answer, m",
        ]
    );
}

#[test]
fn a_deep_graph_goes_on_below() {
    // Every agent has a way on and a way out.
    let names: Vec<String> = (0..60).map(|n| format!("a{n}")).collect();
    let mut graph = DrawnGraph { root: "a0".to_owned(), users: 5, ..DrawnGraph::default() };
    graph.nodes = names.iter().map(|name| node(name, "answer", &[], 5)).collect();
    for pair in names.windows(2) {
        graph.edges.push(edge(&pair[0], &pair[1], "always", 5));
        graph.edges.push(edge(&pair[0], "a59", "on failure", 0));
    }
    let lines = graph.tree(78);
    assert!(lines.iter().all(|line| unicode_width::UnicodeWidthStr::width(line.as_str()) <= 78));
    for name in &names {
        let own = format!("{name}: answer");
        assert_eq!(
            lines.iter().filter(|line| line.trim_start_matches(['│', ' ']) == own).count(),
            1,
            "{name}"
        );
    }
}

#[test]
fn every_text_format_shows_the_graph_and_the_work_of_its_agents() {
    let mut report = published();
    report.graph = Some(drawn());
    report.experiments[0].agents =
        ["basic-security", "strict-security"].into_iter().flat_map(used).collect();
    let text = to_text(&report, 80, &Palette::plain());
    let markdown = to_markdown(&report);
    for shown in [&text, &markdown] {
        assert!(shown.contains("Agent graph research-flow"));
        assert!(shown.contains("critic: critique, m-plan"));
        assert!(shown.contains("Work by agent"));
        assert!(shown.contains("75.0%") && shown.contains("1,235"), "{shown}");
    }
    assert!(text.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 80));
    // In a terminal the graph comes before the numbers about it.
    assert!(text.find("Agent graph") < text.find("Work by agent"));
    let again = from_json(&to_json(&report).unwrap()).unwrap();
    assert_eq!(again, report);
}

#[test]
fn the_parts_of_a_difference_in_cost_add_up() {
    let use_of = |variation: &str, agent: &str, runs: u64, cost: f64| NodeUse {
        variation: variation.to_owned(),
        agent: agent.to_owned(),
        runs,
        cost_per_user_usd: number(cost),
        ..used("x").remove(0)
    };
    let agents = [
        use_of("a", "writer", 1000, 0.010),
        use_of("a", "critic", 500, 0.002),
        use_of("b", "writer", 1500, 0.006),
        use_of("b", "critic", 0, 0.0),
    ];
    let exposures = Ordered(vec![("a".to_owned(), 1000), ("b".to_owned(), 1000)]);
    let changes = crate::report::graph::cost_changes(&agents, &exposures, "a", 0.9);
    assert_eq!(changes.len(), 2);
    let of = |at: usize| {
        let own: &crate::report::CostChange = &changes[at];
        [own.difference_usd, own.from_runs_usd, own.from_cost_per_run_usd].map(|x| x.unwrap().get())
    };
    // By hand: 1.0 runs of $0.010 become 1.5 runs of $0.004. Half a run more at $0.007 on average
    // is +$0.0035; $0.006 less for each of 1.25 runs is -$0.0075.
    let close = |found: [f64; 3], expected: [f64; 3]| {
        found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{found:?}"));
    };
    close(of(0), [-0.004, 0.0035, -0.0075]);
    // Nobody came to the critic: all of its difference is that of the runs.
    close(of(1), [-0.002, -0.002, 0.0]);
    // Both errors are $0.0001: 90% of a normal distribution lie within 1.6449 of their joint error.
    let [lower, upper] = changes[0].interval_usd.unwrap().map(Number::get);
    let reach = 1.644_853_627 * 0.0001 * std::f64::consts::SQRT_2;
    assert!((lower + 0.004 + reach).abs() < 1e-10 && (upper + 0.004 - reach).abs() < 1e-10);
}
