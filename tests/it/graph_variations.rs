//! Experiments on the graph itself.

use simlab::journal::{Entry, Event, Served};
use simlab::power::{Design, without_effect};
use simlab::report::Report;
use simlab::run::{PreparedScenario, RunOptions, Simulation, Size};
use simlab::scenario::Scenario;
use simlab::{PowerRequest, power};

use crate::lab::Lab;

const CRITIC: &str = include_str!("graph_variations.ron");
/// The number of the graph's own config, after those of its two agents.
const GRAPH: u8 = 2;

fn lab() -> Lab {
    Lab::text(CRITIC)
}

/// The journal of users who all get one form of the graph.
fn forced(scenario: &Scenario, form: u8, users: u32) -> Vec<Entry> {
    let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
    let served = Served { config: GRAPH, variation: form };
    stage.population(scenario.seed, users).forced(served).visit(Vec::new())
}

/// Entries that say nothing of the graph's own config.
fn of_agents(entries: Vec<Entry>) -> Vec<Entry> {
    let own = |entry: &Entry| !matches!(entry.event, Event::Evaluated { served, .. } if served.config >= GRAPH);
    entries.into_iter().filter(own).collect()
}

fn report(scenario: &Scenario) -> Report {
    let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
    let options =
        RunOptions { truth: true, truth_size: Size::Users(2_000), ..RunOptions::default() };
    Simulation::new(&stage, options).run().unwrap().report
}

/// A scenario whose graph is one of the two forms and has no other.
fn alone(form: &str) -> Scenario {
    let one = lab()
        .change("        variations: { \"no-critic\": (without: [\"critic\"]) },\n", "")
        .change("config: \"answers\"", "config: \"writer\"")
        .change("control: \"default\"", "control: \"default\"")
        .change("\"no-critic\": \"50%\"", "\"other\": \"50%\"")
        .change("ship: \"no-critic\"", "ship: \"other\"")
        .change(
            "    experiments: [",
            "    configs: { \"writer\": (variations: { \"other\": (like: \"default\") }) },\n    experiments: [",
        );
    match form {
        "default" => one.scenario(),
        _ => one
            .change("            \"critic\": (role: Critique(catches: 0.7, nags: 0.1), model: \"gpt-6-luna\"),\n", "")
            .change("            (from: \"writer\", to: \"critic\"),\n            (from: \"critic\", to: \"writer\", when: Revise, at_most: 1),\n", "")
            .scenario(),
    }
}

/// The costs of each user, in dollars, from the calls of the agents.
fn costs(entries: &[Entry], users: u32) -> Vec<Option<f64>> {
    let mut costs = vec![None; users as usize];
    for entry in entries {
        if let Event::AgentFinished { cost: Some(cost), .. } = entry.event {
            let own: &mut Option<f64> = &mut costs[entry.user as usize - 1];
            *own = Some(own.unwrap_or(0.0) + cost.dollars());
        }
    }
    costs
}

#[test]
fn each_form_is_the_graph_that_it_says() {
    let scenario = lab().scenario();
    let default = of_agents(forced(&scenario, 0, 300));
    let usual = alone("default");
    let stage = PreparedScenario::new(&usual, usual.seed).unwrap();
    let same = |entries: Vec<Entry>| -> Vec<Entry> {
        // The other scenario has its experiment on the writer.
        let plain = |entry: Entry| match entry.event {
            Event::Evaluated { served, .. } => Entry {
                event: Event::Evaluated {
                    served: Served { variation: 0, ..served },
                    in_experiment: false,
                },
                ..entry
            },
            _ => entry,
        };
        entries.into_iter().map(plain).collect()
    };
    let control = Served { config: 0, variation: 0 };
    let expected = stage.population(usual.seed, 300).forced(control).visit(Vec::new());
    assert_eq!(same(default), same(expected));
    // Without the critic, every user has what a graph without one gives, draw by draw.
    let dropped = of_agents(forced(&scenario, 1, 300));
    let never = alone("none");
    let stage = PreparedScenario::new(&never, never.seed).unwrap();
    let expected = stage.population(never.seed, 300).forced(control).visit(Vec::new());
    let but_critic = |entries: Vec<Entry>| -> Vec<Entry> {
        // The critic's config is there and evaluated, as fetching a graph evaluates all of it.
        let critic = |entry: &Entry| matches!(entry.event, Event::Evaluated { served, .. } if served.config == 1);
        entries.into_iter().filter(|entry| !critic(entry)).collect()
    };
    assert_eq!(same(but_critic(dropped)), same(expected));
}

#[test]
fn the_report_says_what_differs_and_where_the_difference_in_cost_comes_from() {
    let scenario = lab().scenario();
    let report = report(&scenario);
    let experiment = &report.experiments[0];
    let changes: Vec<&str> =
        experiment.graph_changes.iter().map(|own| own.change.as_str()).collect();
    assert_eq!(changes, ["without critic"]);
    let of = |variation: &str, agent: &str| {
        let own = experiment
            .agents
            .iter()
            .find(|own| own.variation == variation && own.agent == agent)
            .unwrap();
        (own.users, own.cost_per_user_usd.unwrap().get())
    };
    assert_eq!(of("no-critic", "critic"), (0, 0.0));
    let (users, cost) = of("default", "critic");
    assert!(users > 250 && cost > 0.0);
    // All that the critic costs is saved: by fewer runs, as there is no run left.
    let own = experiment.cost_changes.iter().find(|own| own.agent == "critic").unwrap();
    assert!((own.difference_usd.unwrap().get() + cost).abs() < 1e-12);
    assert_eq!(own.from_runs_usd, own.difference_usd);
    assert_eq!(own.from_cost_per_run_usd.unwrap().get(), 0.0);
    let writer = experiment.cost_changes.iter().find(|own| own.agent == "writer").unwrap();
    let sum = writer.difference_usd.unwrap().get() + own.difference_usd.unwrap().get();
    let totals: Vec<f64> =
        experiment.cost_totals.iter().map(|own| own.cost_per_user_usd.unwrap().get()).collect();
    assert!((sum - (totals[1] - totals[0])).abs() < 1e-9);
    // Every exposed user walks one form or the other: nobody is there who was not reached.
    assert!(experiment.triggered.is_none());
    // The truth is the difference of two runs that all users went through.
    let means: Vec<f64> = [0, 1]
        .iter()
        .map(|&form| {
            let costs: Vec<f64> =
                costs(&forced(&scenario, form, 2_000), 2_000).into_iter().flatten().collect();
            costs.iter().sum::<f64>() / costs.len() as f64
        })
        .collect();
    let limit = experiment.metrics[0].variations[1].measured_limit.unwrap();
    let found = limit.relative_difference.unwrap().get();
    assert!((found - (means[1] / means[0] - 1.0)).abs() < 1e-8, "{found} {means:?}");
    // The drawing says which form has an edge, where not all have it.
    let text = report.to_text();
    assert!(text.contains("always, only in default"), "{text}");
    let drawn = report.graph.unwrap();
    assert_eq!(drawn.edges.len(), 2);
    assert!(drawn.edges.iter().all(|edge| edge.variations == ["default"]), "{drawn:?}");
}

#[test]
fn equal_forms_do_not_differ_and_power_knows_the_effect() {
    let scenario = lab().scenario();
    let same = without_effect(&scenario);
    assert_eq!(same.graph_variations[0], same.graph);
    let request = PowerRequest {
        replications: 20,
        sizes: vec![600],
        looks: 1,
        truth_users: Some(500),
        ..PowerRequest::of(&scenario)
    };
    let equal = Design::new(&same, request.clone(), |_, _| {}).unwrap();
    let truth = &equal.studies[0].truth;
    assert_eq!(truth.pairs[0][1].difference.unwrap().value, 0.0);
    let found = power(&scenario, request).unwrap();
    let size = &found.experiments[0].sizes[0];
    // The critic's part of the cost is found with 600 users more often than not.
    assert!(size.decisions.ship.value.get() > 0.5);
}

#[test]
fn edges_of_its_own_are_told_apart_from_edges_with_other_conditions() {
    let scenario = lab()
        .change(
            "{ \"no-critic\": (without: [\"critic\"]) }",
            "{ \"no-critic\": (edges: [
                (from: \"writer\", to: \"critic\", when: Share(\"50%\")),
                (from: \"writer\", to: \"polish\"),
                (from: \"critic\", to: \"writer\", when: Revise, at_most: 2),
            ]) }",
        )
        .change(
            "            \"critic\":",
            "            \"polish\": (role: Answer, model: \"gpt-6-luna\"),\n            \"critic\":",
        )
        .change(
            "            (from: \"critic\", to: \"writer\", when: Revise, at_most: 1),\n",
            "            (from: \"critic\", to: \"writer\", when: Revise, at_most: 1),\n            (from: \"critic\", to: \"polish\"),\n",
        )
        .scenario();
    let report = report(&scenario);
    let changes: Vec<&str> =
        report.experiments[0].graph_changes.iter().map(|own| own.change.as_str()).collect();
    assert_eq!(
        changes,
        [
            "with an edge from writer to polish",
            "with other conditions on the edge from writer to critic",
            "with other conditions on the edge from critic to writer",
            "without the edge from critic to polish",
        ]
    );
    let drawn = report.graph.unwrap();
    let forms = |from: &str, to: &str| {
        let own = drawn.edges.iter().find(|edge| edge.from == from && edge.to == to).unwrap();
        own.variations.iter().map(String::as_str).collect::<Vec<_>>()
    };
    assert_eq!(forms("writer", "critic"), Vec::<&str>::new());
    assert_eq!(forms("writer", "polish"), ["no-critic"]);
    assert_eq!(forms("critic", "polish"), ["default"]);
}

#[test]
fn edges_of_its_own_and_another_root() {
    let scenario = lab()
        .change(
            "{ \"no-critic\": (without: [\"critic\"]) }",
            "{ \"no-critic\": (edges: []), \"drafts\": (root: \"draft\", edges: [(from: \"draft\", to: \"writer\")]) }",
        )
        .change(
            "            \"critic\":",
            "            \"draft\": (role: Research, model: \"gpt-6-luna\"),\n            \"critic\":",
        )
        .change("\"no-critic\": \"50%\"", "\"no-critic\": \"25%\", \"drafts\": \"25%\"");
    // The draft is in one variation alone, and no edge leads to it: it comes first.
    let scenario = scenario.scenario();
    let report = report(&scenario);
    let changes: Vec<(&str, &str)> = report.experiments[0]
        .graph_changes
        .iter()
        .map(|own| (own.variation.as_str(), own.change.as_str()))
        .collect();
    assert_eq!(
        changes,
        [
            ("no-critic", "without critic"),
            ("drafts", "with draft"),
            ("drafts", "without critic"),
            ("drafts", "begins with draft"),
        ]
    );
}
