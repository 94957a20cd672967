//! Users who never reach the agent of an experiment are exposed to it all the same. The effect
//! among those who do, next to the true effect, which comes from the calls of every user in both
//! arms and from no analysis.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use simlab::diagnostic::{SourceText, render};
use simlab::journal::{AgentId, Caller, Entry, Event, Reader, Served};
use simlab::report::{Report, TriggeredUsers};
use simlab::run::{PreparedScenario, RunOptions, Simulation, Size};
use simlab::scenario::{Documents, Scenario, parse};

/// 30% of the users are sent to an agent under experiment, whose answers are checked and written
/// again; nobody else meets it.
const SPECIALISTS: &str = r#"(
    seed: 5,
    traffic: (queries: 600, pii_percentage: 0),
    graph: (
        root: "triage",
        nodes: {
            "triage": (
                role: Route(intents: { "billing": "30%", "technical": "70%" }, accuracy: 1.0),
                model: "gpt-6-luna",
            ),
            "billing": (role: Answer, model: "claude-sonnet-5-5"),
            "technical": (role: Answer, model: "claude-sonnet-5-5"),
            "check": (role: Critique(catches: 0.6, nags: 0.2), model: "gpt-6-luna"),
        },
        edges: [
            (from: "triage", to: "billing", when: Intent("billing")),
            (from: "triage", to: "technical", when: Intent("technical")),
            (from: "billing", to: "check"),
            (from: "check", to: "billing", when: Revise, at_most: 2),
        ],
    ),
    configs: {
        "billing": (variations: { "other": (like: "default", model: "gpt-6.1-terra") }),
    },
    experiments: [
        (
            key: "billing-model",
            config: "billing",
            control: "default",
            split: { "default": "50%", "other": "50%" },
            metrics: ["ai_cost_per_request", "positive_feedback_rate"],
        ),
    ],
)"#;

const BILLING: u8 = 1;

fn scenario(text: &str) -> Scenario {
    let none = |_: &str| -> Documents { Err("there is no folder".to_owned()) };
    parse("own", SourceText::new("own.ron", text), &none)
        .unwrap_or_else(|faults| panic!("{}", render(&faults, false)))
        .scenario
}

/// What each user's agents cost, in dollars, and whether the agent under experiment was at work. As
/// the app reports it: runs that failed have no cost.
type Costs = BTreeMap<u32, (Option<f64>, bool)>;

#[derive(Default)]
struct Calls(Costs);

impl Reader for Calls {
    fn entry(&mut self, entry: &Entry) {
        if let Event::AgentFinished { caller: Caller::Agent(AgentId(agent)), cost, .. } =
            entry.event
        {
            let user = self.0.entry(entry.user).or_default();
            if let Some(cost) = cost {
                user.0 = Some(user.0.unwrap_or(0.0) + cost.dollars());
            }
            user.1 |= agent == BILLING;
        }
    }
}

/// Every user in one arm.
fn everybody(stage: &PreparedScenario<'_>, variation: u8, users: u32) -> Costs {
    let served = Served { config: BILLING, variation };
    let seed = stage.scenario.seed;
    stage.population(seed, users).forced(served).visit(Calls::default()).0
}

#[test]
fn an_agents_variation_does_not_change_who_reaches_it_even_in_a_loop() {
    let scenario = scenario(SPECIALISTS);
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let [control, other] = [0, 1].map(|variation| everybody(&stage, variation, 3_000));
    let mut reached = 0;
    for (user, (cost, came)) in &control {
        let (other_cost, other_came) = other[user];
        assert_eq!(*came, other_came, "user {user}");
        // Whoever is not reached is the same in both arms.
        assert!(*came || *cost == other_cost, "user {user}: {cost:?} and {other_cost:?}");
        reached += u32::from(*came);
    }
    // 30% by the scenario, to five standard errors, less the failures of the triage.
    let share = f64::from(reached) / 3_000.0;
    assert!((share - 0.3).abs() < 5.0 * (0.21_f64 / 3_000.0).sqrt() + 0.01, "{share}");
}

fn report(stage: &PreparedScenario<'_>, seed: u64, users: u32) -> Report {
    let options = RunOptions { seed: Some(seed), users: Some(users), ..RunOptions::default() };
    Simulation::new(stage, options).run().unwrap().report
}

fn triggered(report: &Report) -> &TriggeredUsers {
    report.experiments[0].triggered.as_ref().unwrap()
}

/// What a study of many experiments comes to.
struct Study {
    /// Means of the estimates over the experiments: of all users and of those who were reached.
    all: f64,
    reached: f64,
    /// Variances of the same.
    all_variance: f64,
    reached_variance: f64,
    /// How many intervals of those who were reached hold the true difference.
    covered: u32,
    /// Mean of the share of users that is said to be needed.
    needed: f64,
}

fn study(stage: &PreparedScenario<'_>, truth: f64, experiments: u32, users: u32) -> Study {
    let next = AtomicU32::new(0);
    let work = || {
        let mut found = Vec::new();
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= experiments {
                return found;
            }
            let report = report(stage, 1_000 + u64::from(nth), users);
            let users = triggered(&report);
            // One in a thousand, where chance makes users differ who were never reached.
            if users.refused.is_some() {
                found.push(None);
                continue;
            }
            let own = &users.metrics[0];
            assert_eq!(own.metric, "ai_cost_per_request");
            let (all, reached) = (own.exposed.as_ref().unwrap(), own.reached.as_ref().unwrap());
            let [lower, upper] = reached.interval.unwrap().map(|end| end.get());
            found.push(Some((
                nth,
                all.difference.unwrap().get(),
                reached.difference.unwrap().get(),
                lower <= truth && truth <= upper,
                own.sample_needed.unwrap().get(),
            )));
        }
    };
    let found = std::thread::scope(|scope| {
        let (a, b) = (scope.spawn(work), scope.spawn(work));
        [a.join().unwrap(), b.join().unwrap()].concat()
    });
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.sort_by_key(|own| own.0);
    let refused = experiments as usize - found.len();
    assert!(refused <= 2 + experiments as usize / 200, "{refused} of {experiments} are refused");
    let n = found.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let variance = |values: &[f64]| {
        let center = mean(values);
        values.iter().map(|x| (x - center).powi(2)).sum::<f64>() / (n - 1.0)
    };
    let all: Vec<f64> = found.iter().map(|own| own.1).collect();
    let reached: Vec<f64> = found.iter().map(|own| own.2).collect();
    Study {
        all: mean(&all),
        reached: mean(&reached),
        all_variance: variance(&all),
        reached_variance: variance(&reached),
        covered: found.iter().map(|own| u32::from(own.3)).sum(),
        needed: mean(&found.iter().map(|own| own.4).collect::<Vec<_>>()),
    }
}

/// The study next to the truth; estimates may err by five standard errors.
fn check(experiments: u32, users: u32, truth_users: u32) {
    let scenario = scenario(SPECIALISTS);
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let [control, other] = [0, 1].map(|variation| everybody(&stage, variation, truth_users));
    // Users with a cost in both arms: a user without one has no value.
    let paired = control.iter().filter(|(_, (_, came))| *came);
    let paired = paired.filter_map(|(user, (cost, _))| Some(other[user].0? - (*cost)?));
    let differences: Vec<f64> = paired.collect();
    let n = differences.len() as f64;
    let truth = differences.iter().sum::<f64>() / n;
    let spread = differences.iter().map(|x| (x - truth).powi(2)).sum::<f64>() / (n - 1.0);
    let share = n / f64::from(truth_users);

    let found = study(&stage, truth, experiments, users);
    let runs = f64::from(experiments);
    let error = (found.reached_variance / runs + spread / n).sqrt();
    assert!((found.reached - truth).abs() < 5.0 * error, "{} for {truth} ± {error}", found.reached);
    // All users: the same effect, diluted by those who never came.
    let error =
        (found.all_variance / runs + share * share * spread / n).sqrt() + truth.abs() * 0.002;
    assert!(
        (found.all - share * truth).abs() < 5.0 * error,
        "{} for {} ± {error}",
        found.all,
        share * truth
    );
    // 90% intervals.
    let covered = f64::from(found.covered) / runs;
    let error = (0.09 / runs).sqrt();
    assert!((covered - 0.9).abs() < 4.0 * error, "{covered} of the intervals hold the truth");
    // The power that is promised is that of the estimates' real spread.
    let needed = share * share * found.reached_variance / found.all_variance;
    let error = needed * 2.0 * (2.0 / runs).sqrt();
    assert!((found.needed - needed).abs() < 4.0 * error, "{} for {needed} ± {error}", found.needed);
    assert!(found.needed < 0.6, "leaving out who was never reached saves users: {}", found.needed);
    println!(
        "truth {truth:.6}, found {:.6}; diluted {:.6} for {:.6}; covered {covered:.3}; needed {:.3} for {needed:.3}",
        found.reached,
        found.all,
        share * truth,
        found.needed
    );
}

#[test]
fn the_effect_on_users_who_were_reached_is_the_true_one() {
    check(60, 400, 6_000);
}

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn the_effect_on_users_who_were_reached_is_the_true_one_in_1000_experiments() {
    check(1_000, 600, 60_000);
}

#[test]
fn a_report_says_how_many_exposed_users_never_came() {
    let scenario = scenario(SPECIALISTS);
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let report = report(&stage, 5, 600);
    let users = triggered(&report);
    assert_eq!((users.agent.as_str(), &users.refused), ("billing", &None));
    let reached: u64 = users.reached.0.iter().map(|(_, users)| users).sum();
    assert_eq!(reached + users.never_reached, 600);
    let node = report.graph.as_ref().unwrap().nodes.iter().find(|node| node.key == "billing");
    assert_eq!(node.unwrap().users, reached);
    let text = simlab::report::to_text(&report, 80, &simlab::report::Palette::plain());
    assert!(text.contains("exposed users"), "{text}");
    assert!(text.contains("Users who reached billing"), "{text}");
}

#[test]
fn what_acts_before_the_agent_makes_the_comparison_impossible() {
    let crash = SPECIALISTS
        .replace("(like: \"default\", model", "(like: \"default\", crash: (chance: 0.3), model");
    let scenario = scenario(&crash);
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let report = report(&stage, 5, 600);
    let users = triggered(&report);
    assert!(users.metrics.is_empty());
    let reason = users.refused.as_ref().unwrap();
    assert!(reason.contains("with other the app crashes"), "{reason}");
    let text = simlab::report::to_text(&report, 80, &simlab::report::Palette::plain());
    assert!(text.contains("cannot be compared by themselves"), "{text}");
}

#[test]
fn where_everybody_comes_to_the_agent_there_is_nothing_to_tell() {
    let all = simlab::scenario::load("chat").unwrap_or_else(|_| panic!("chat")).scenario;
    let stage = PreparedScenario::new(&all, all.seed).unwrap();
    let report = report(&stage, 3, 300);
    assert!(report.experiments[0].triggered.is_none());
}

/// What each user's calls really cost, also in runs that failed, and whether the agent was at work.
#[derive(Default)]
struct RealCosts(BTreeMap<u32, (f64, bool)>);

impl Reader for RealCosts {
    fn entry(&mut self, entry: &Entry) {
        match entry.event {
            Event::Completed { served: Some(_), cost: Some(cost), .. } => {
                self.0.entry(entry.user).or_default().0 += cost.dollars();
            }
            Event::AgentFinished { caller: Caller::Agent(AgentId(BILLING)), .. } => {
                self.0.entry(entry.user).or_default().1 = true;
            }
            _ => {}
        }
    }
}

#[test]
fn the_true_difference_is_that_of_all_calls_of_the_users_who_were_reached() {
    let scenario = scenario(SPECIALISTS);
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let (users, seed) = (10_000, scenario.seed);
    let mean = |variation: u8| {
        let served = Served { config: BILLING, variation };
        let costs = stage.population(seed, users).forced(served).visit(RealCosts::default()).0;
        let reached: Vec<f64> = costs.values().filter(|own| own.1).map(|own| own.0).collect();
        reached.iter().sum::<f64>() / reached.len() as f64
    };
    let expected = mean(1) - mean(0);
    let options = RunOptions {
        users: Some(1_000),
        truth: true,
        truth_size: Size::Users(users),
        ..RunOptions::default()
    };
    let report = Simulation::new(&stage, options).run().unwrap().report;
    let found = triggered(&report).metrics.iter().find(|own| own.metric == "ai_cost_per_request");
    let found = found.unwrap().true_difference.unwrap().get();
    assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
    let without = self::report(&stage, 5, 1_000);
    assert!(triggered(&without).metrics.iter().all(|own| own.true_difference.is_none()));
}
