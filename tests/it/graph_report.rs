//! What a report says of a graph of agents, next to what the journal and the calls say.

use std::collections::BTreeMap;

use simlab::journal::{Caller, Entry, Event};
use simlab::report::{NodeUse, Report, to_json};
use simlab::run::{PreparedScenario, RunOptions, run};
use simlab::scenario::{Scenario, load};

fn built_in(name: &str) -> Scenario {
    load(name).unwrap_or_else(|_| panic!("{name}")).scenario
}

fn report(scenario: &Scenario, users: u32) -> Report {
    run(scenario, RunOptions { users: Some(users), ..RunOptions::default() }).unwrap().report
}

fn journal(scenario: &Scenario, users: u32) -> Vec<Entry> {
    let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
    stage.population(scenario.seed, users).visit(Vec::new())
}

const OWN: [&str; 6] = ["chat", "rag", "router", "research", "guardrail", "moderation"];

#[test]
fn what_agents_cost_and_how_long_they_take_adds_up_to_the_whole() {
    for name in OWN {
        let scenario = built_in(name);
        let entries = journal(&scenario, 600);
        let report = report(&scenario, 600);
        let experiment = &report.experiments[0];
        let latency: u64 = entries
            .iter()
            .filter_map(|entry| match entry.event {
                Event::Finished { latency, .. } => Some(latency.us()),
                _ => None,
            })
            .sum();
        let of = |get: fn(&NodeUse) -> f64| experiment.agents.iter().map(get).sum::<f64>();
        // Milliseconds per request, times the requests of each variation: everybody is exposed.
        let waited: f64 = experiment
            .agents
            .iter()
            .map(|own| {
                let users = experiment.exposures.get(&own.variation).copied().unwrap();
                own.critical_ms.unwrap().get() * users as f64
            })
            .sum();
        let (waited, latency) = (waited / 1e3, latency as f64 / 1e6);
        assert!((waited / latency - 1.0).abs() < 1e-6, "{name}: {waited} s of {latency} s");
        // Tokens and calls are those of the journal.
        let (mut calls, mut tokens) = (0_u64, 0_u64);
        for entry in &entries {
            if let Event::Completed { caller: Caller::Agent(_), input_tokens, .. } = entry.event {
                calls += 1;
                tokens += u64::from(input_tokens);
            }
        }
        assert_eq!(of(|own| own.calls as f64), calls as f64, "{name}");
        let read: f64 = experiment
            .agents
            .iter()
            .map(|own| {
                let users = experiment.exposures.get(&own.variation).copied().unwrap();
                own.input_tokens_per_user.unwrap().get() * users as f64
            })
            .sum();
        assert!((read / tokens as f64 - 1.0).abs() < 1e-6, "{name}: {read} of {tokens}");
        // Costs are those of the table of costs.
        for total in &experiment.cost_totals {
            let own = experiment.agents.iter().filter(|own| own.variation == total.variation);
            let sum: f64 = own.map(|own| own.cost_per_user_usd.unwrap().get()).sum();
            let whole = total.cost_per_user_usd.unwrap().get();
            assert!((sum / whole - 1.0).abs() < 1e-8, "{name}: {sum} of {whole}");
        }
    }
}

#[test]
fn the_shares_of_the_edges_are_those_of_the_journal() {
    let scenario = built_in("router");
    let graph = report(&scenario, 2_000).graph.unwrap();
    // Where the router sent each user, and who was at work after it.
    let mut sent: BTreeMap<(&str, bool), u64> = BTreeMap::new();
    for entry in journal(&scenario, 2_000) {
        if let Event::Routed { to: Some(to), fallback } = entry.event {
            *sent.entry((scenario.graph.node(to).name.as_str(), fallback)).or_default() += 1;
        }
    }
    assert_eq!((graph.users, graph.edges.len()), (2_000, 4));
    for edge in &graph.edges {
        let fallback = edge.condition == "on failure";
        let expected = sent.get(&(edge.to.as_str(), fallback)).copied().unwrap_or(0);
        assert_eq!(edge.users, expected, "{edge:?}");
    }
    assert_eq!(graph.edges.iter().map(|edge| edge.users).sum::<u64>(), 2_000);
    // By the scenario 35% want billing: five standard errors of 2,000 users, and 3 points for
    // questions that are sent wrong.
    let billing = graph.edges[0].users as f64 / 2_000.0;
    assert!((billing - 0.35).abs() < 5.0 * (0.35_f64 * 0.65 / 2_000.0).sqrt() + 0.03, "{billing}");
}

#[test]
fn a_critic_makes_its_writer_work_again() {
    let scenario = built_in("research");
    let report = report(&scenario, 1_000);
    let graph = report.graph.as_ref().unwrap();
    let back = graph.edges.iter().find(|edge| edge.from == "critic").unwrap();
    assert!(back.users > 50 && back.at_most == Some(2), "{back:?}");
    let writers = report.experiments[0].agents.iter().filter(|own| own.agent == "writer");
    for own in writers {
        let times = own.iterations.unwrap().get();
        assert!((times - own.runs as f64 / own.requests as f64).abs() < 1e-9, "{own:?}");
        assert!(times > 1.03 && times < 3.0, "{own:?}");
    }
    for own in report.experiments[0].agents.iter().filter(|own| own.agent == "researcher") {
        assert_eq!(own.iterations.unwrap().get(), 1.0, "branches side by side are one time");
        assert!(own.runs as f64 / own.requests as f64 > 2.5, "{own:?}");
    }
}

#[test]
fn the_tutorials_reports_know_of_no_graph() {
    let report = report(&built_in("security"), 100);
    assert!(report.graph.is_none());
    let json = to_json(&report).unwrap();
    assert!(!json.contains("\"graph\"") && !json.contains("\"agents\""));
}
