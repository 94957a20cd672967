//! Laws of whole runs: what may change an outcome, and what may not.

use std::collections::BTreeMap;
use std::process::Command;

use simlab::context::user_key;
use simlab::journal::{Entry, Event, Fingerprint, Reader};
use simlab::random::{Owner, Purpose, Seed};
use simlab::run::{PreparedScenario, RunOptions, Size, run, truth};
use simlab::scenario::{LIBRARY, Scenario, load};
use simlab::time::Timestamp;
use simlab::traffic::TrafficPlan;

fn scenario(name: &str) -> Scenario {
    load(name).unwrap().scenario
}

fn journal(scenario: &Scenario, seed: u64, users: u32) -> Vec<Entry> {
    let stage = PreparedScenario::new(scenario, Seed(seed)).unwrap();
    stage.population(Seed(seed), users).visit(Vec::new())
}

/// Standard output of the program.
fn printed(arguments: &[&str], environment: &[(&str, &str)]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_simlab"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Holds a text to its file in `snapshots/`.
fn pinned(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_same_seed_gives_the_same_bytes_wherever_and_however_it_runs() {
    for format in ["text", "json", "markdown", "junit", "html"] {
        let arguments = ["run", "security", "--users", "150", "--format", format];
        let first = printed(&arguments, &[]);
        let elsewhere = [
            ("NO_COLOR", "1"),
            ("COLUMNS", "33"),
            ("LANG", "de_DE.UTF-8"),
            ("TZ", "Asia/Tokyo"),
            ("TERM", "dumb"),
        ];
        assert!(!first.is_empty());
        assert_eq!(first, printed(&arguments, &elsewhere), "{format}");
        assert_ne!(
            first,
            printed(
                &["run", "security", "--users", "150", "--seed", "99", "--format", format],
                &[]
            ),
            "{format}"
        );
    }
}

#[test]
fn the_fingerprint_of_every_scenario_is_pinned() {
    let mut lines = String::new();
    for built_in in LIBRARY {
        let scenario = scenario(built_in.name);
        let outcome = run(&scenario, RunOptions::default()).unwrap();
        lines.push_str(&format!("{:20} {}\n", built_in.name, outcome.report.fingerprint));
    }
    pinned("fingerprints", &lines);
}

#[test]
fn a_whole_page_is_a_snapshot() {
    let page = printed(
        &[
            "run",
            "security",
            "--users",
            "120",
            "--truth",
            "--truth-users",
            "2000",
            "--format",
            "html",
        ],
        &[],
    );
    pinned("security-120.html", &String::from_utf8(page).unwrap());
}

#[test]
fn whole_experiments_are_snapshots() {
    for built_in in LIBRARY {
        let path = format!("scenarios/{}.ron", built_in.name);
        let text = String::from_utf8(printed(&["run", &path], &[])).unwrap();
        pinned(&format!("{}.text", built_in.name), &text);
    }
}

/// What belongs to a user and not to the clock: everything but moments and waiting times.
fn of_users(journal: &[Entry], most: u32) -> BTreeMap<u32, Vec<String>> {
    let mut events: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for entry in journal.iter().filter(|entry| (1..=most).contains(&entry.user)) {
        let own = match entry.event {
            Event::ToolUsed { tool, tokens, .. } => format!("tool {tool} {tokens}"),
            Event::AgentFinished { input_tokens, output_tokens, cost, .. } => {
                format!("agent {input_tokens} {output_tokens} {cost:?}")
            }
            Event::Finished { outcome, .. } => format!("{outcome:?}"),
            other => format!("{other:?}"),
        };
        events.entry(entry.user).or_default().push(own);
    }
    events
}

#[test]
fn two_thousand_users_contain_the_first_thousand_unchanged() {
    let scenario = scenario("security");
    let (small, large) = (journal(&scenario, 5, 1000), journal(&scenario, 5, 2000));
    assert_eq!(of_users(&small, 1000), of_users(&large, 1000));
}

#[test]
fn users_may_be_drawn_in_any_order() {
    let scenario = scenario("tutorial");
    let plan = TrafficPlan::new(
        Seed(3),
        &scenario.traffic,
        &scenario.knowledge,
        scenario.knowledge.topics().collect(),
    );
    let forward: Vec<_> = (1..500).map(|n| plan.visitor(user_key(n).owner(), 0)).collect();
    let mut backward: Vec<_> =
        (1..500).rev().map(|n| plan.visitor(user_key(n).owner(), 0)).collect();
    backward.reverse();
    assert_eq!(forward, backward);
}

#[test]
fn no_purpose_moves_another_ones_draws() {
    // The first draw of some purposes with seed 7, pinned: a new purpose must not change one of
    // them.
    let first = |purpose| Seed(7).stage(purpose, Owner::of(b"user_1760000000_1"), 0).bits();
    let all = [
        Purpose::Visitor,
        Purpose::Supervisor,
        Purpose::Security,
        Purpose::Effort,
        Purpose::Support,
        Purpose::Tool,
        Purpose::Judge,
        Purpose::Writing,
    ];
    pinned("luck", &all.map(|purpose| format!("{purpose:?} {:016x}", first(purpose))).join("\n"));
}

#[test]
fn without_the_cause_the_hidden_cost_is_gone() {
    let mut scenario = scenario("security");
    let support_cost = |scenario: &Scenario| {
        let stage = PreparedScenario::new(scenario, Seed(4)).unwrap();
        // Cost per user by arm, each user in both arms with the same luck.
        let truths = truth(&stage, Seed(4), Size::Users(1500), |_, _| ()).unwrap();
        let cost = scenario.studies[0]
            .experiment
            .metrics
            .iter()
            .position(|&at| scenario.metrics[at].key == "ai_cost_per_request")
            .unwrap();
        let values = truths[0].values();
        (values[cost][0].unwrap(), values[cost][1].unwrap())
    };
    let (basic, strict) = support_cost(&scenario);
    assert!(strict > 1.05 * basic, "{basic} {strict}");
    scenario.causes.loss_to_tools = 0.0;
    scenario.causes.loss_to_loops = 0.0;
    scenario.causes.loss_to_words = 0.0;
    scenario.causes.loss_to_quality = 0.0;
    // What is left: the free model is free, and a redacted question is a few tokens shorter or
    // longer.
    let (basic, strict) = support_cost(&scenario);
    assert!((strict / basic - 1.0).abs() < 0.05, "{basic} {strict}");
    assert!(strict < basic, "the free model saves its own price: {basic} {strict}");
}

/// The longest tool wait and the refusals of a run.
#[derive(Default)]
struct Waits {
    longest_us: u64,
    refusals: u64,
}

impl Reader for Waits {
    fn entry(&mut self, entry: &Entry) {
        if let Event::ToolUsed { latency, refusals, .. } = entry.event {
            self.longest_us = self.longest_us.max(latency.us());
            self.refusals += u64::from(refusals);
        }
    }
}

fn waits(scenario: &Scenario) -> Waits {
    let stage = PreparedScenario::new(scenario, Seed(2)).unwrap();
    stage.population(Seed(2), 300).visit(Waits::default())
}

#[test]
fn slow_queries_come_from_the_shared_rate_limit_and_go_with_it() {
    let mut scenario = scenario("premium");
    let crowded = waits(&scenario);
    assert!(
        crowded.longest_us > 60_000_000 && crowded.refusals > 50,
        "{} {}",
        crowded.longest_us,
        crowded.refusals
    );
    scenario.traffic.mode = simlab::traffic::TrafficMode::Sequential {
        delay: simlab::time::Duration::from_us(2_000_000),
    };
    let alone = waits(&scenario);
    assert!(alone.refusals < crowded.refusals / 4, "{} {}", alone.refusals, crowded.refusals);
    let scholar =
        scenario.tools.iter().position(|tool| tool.key == "semantic_scholar").unwrap() as u16;
    for config in &mut scenario.configs {
        for variation in &mut config.variations {
            variation.setup.tools.retain(|&tool| tool != scholar);
        }
    }
    let without = waits(&scenario);
    assert!(
        without.refusals == 0 && without.longest_us < 30_000_000,
        "{} {}",
        without.refusals,
        without.longest_us
    );
}

#[test]
fn a_faster_security_model_makes_the_same_users_faster() {
    let mut scenario = scenario("security");
    let latencies = |scenario: &Scenario| -> BTreeMap<u32, u64> {
        let finished =
            journal(scenario, 6, 200).into_iter().filter_map(|entry| match entry.event {
                Event::Finished { latency, .. } => Some((entry.user, latency.us())),
                _ => None,
            });
        finished.collect()
    };
    let before = latencies(&scenario);
    for model in &mut scenario.models {
        if model.id.contains("haiku") || model.id.contains("mistral") {
            model.latency.base = simlab::time::Duration::from_us(model.latency.base.us() / 2);
        }
    }
    let after = latencies(&scenario);
    assert!(before.iter().all(|(user, latency)| after[user] <= *latency));
    assert!(before.values().sum::<u64>() > after.values().sum::<u64>());
}

#[test]
fn a_failing_security_agent_fails_open_and_is_counted() {
    let mut scenario = scenario("security");
    for model in scenario.models.iter_mut().filter(|model| model.id.contains("mistral")) {
        model.failures.rate_limit = simlab::quantity::Probability::ONE;
        model.failures.error = simlab::quantity::Probability::ZERO;
    }
    let entries = journal(&scenario, 1, 200);
    let open = entries
        .iter()
        .filter(|entry| matches!(entry.event, Event::Screened { fail_open: true, .. }))
        .count();
    assert!((70..130).contains(&open), "{open}");
    assert!(entries.iter().all(|entry| !matches!(
        entry.event,
        Event::Screened { fail_open: true, redacted: 1.., .. }
    )));
}

#[test]
fn a_journal_is_in_the_order_of_time() {
    let entries = journal(&scenario("tutorial"), 1, 120);
    assert!(entries.is_sorted_by_key(|entry| entry.at) && entries[0].at == Timestamp::START);
    let mut print = Fingerprint::default();
    entries.iter().for_each(|entry| print.entry(entry));
    assert_eq!(print.hex().len(), 32);
}

#[test]
fn the_events_of_a_run_give_its_very_statistics_back() {
    use simlab::analysis::summarize;
    use simlab::flags::events::{Recorded, read};
    use simlab::metrics::Observations;
    use simlab::run::EventWriter;

    let scenario = scenario("tutorial");
    let stage = PreparedScenario::new(&scenario, Seed(3)).unwrap();
    let mut bytes = Vec::new();
    let observer = stage.observer(200);
    let writer = EventWriter::new(&stage, &mut bytes);
    let (observer, writer) = stage.population(Seed(3), 200).visit((observer, writer));
    writer.finish().unwrap();

    let mut observations =
        Observations::new(200, scenario.studies.len(), &scenario.metrics, |_| 1.0);
    let unit = |key: &str| key.rsplit('_').next().unwrap().parse::<usize>().unwrap() - 1;
    for line in String::from_utf8(bytes).unwrap().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        match read(&event, "user").unwrap() {
            Recorded::Exposure { unit: key, config, variation_key, .. } => {
                let variation = variation_key.unwrap();
                for (nth, experiment) in scenario
                    .experiments()
                    .into_iter()
                    .enumerate()
                    .filter(|(_, experiment)| experiment.config == config)
                {
                    let treatment = experiment
                        .treatments
                        .iter()
                        .position(|treatment| treatment.variation == variation)
                        .unwrap();
                    assert!(
                        !observations.expose(nth, unit(key), treatment as u8),
                        "two variations for {key}"
                    );
                }
            }
            Recorded::Metric { unit: key, event, value, .. } => {
                if let Some(column) = observations.column(event) {
                    observations.add(column, unit(key), value.unwrap());
                }
            }
            Recorded::Other { .. } => {}
        }
    }
    let direct = observer.finish();
    for (nth, experiment) in scenario.experiments().into_iter().enumerate() {
        let (mine, theirs) = (
            summarize(&direct, nth, experiment, &scenario.metrics, 0..200),
            summarize(&observations, nth, experiment, &scenario.metrics, 0..200),
        );
        assert_eq!(mine.exposures, theirs.exposures);
        for (a, b) in mine.metrics.iter().zip(&theirs.metrics) {
            assert_eq!(a.responders, b.responders, "{}", a.metric.key);
            for (a, b) in a.tallies.iter().zip(&b.tallies) {
                let (a, b) = (format!("{a:.9?}"), format!("{b:.9?}"));
                assert_eq!(a, b);
            }
        }
    }
}

#[test]
fn flags_of_another_seed_are_those_of_another_bootstrap() {
    for name in ["security", "premium", "tutorial"] {
        let scenario = scenario(name);
        let stage = PreparedScenario::new(&scenario, Seed(1)).unwrap();
        for seed in [2, 99, u64::MAX] {
            let (cheap, fresh) = (
                stage.flags(Seed(seed)).unwrap(),
                PreparedScenario::new(&scenario, Seed(seed)).unwrap().compiled,
            );
            let mut moved = 0;
            for user in 1..=400 {
                let key = simlab::context::user_key(user);
                for (config, group) in [(0, 0), (1, 0), (2, 0), (1, 1), (2, 1), (2, 2)] {
                    let of = |flags: &simlab::flags::compiled::Compiled| {
                        flags.evaluate(config, group, key.as_str())
                    };
                    assert_eq!(of(&cheap), of(&fresh), "{name}, seed {seed}, {}", key.as_str());
                    moved += usize::from(of(&cheap) != of(&stage.compiled));
                }
            }
            assert!(moved > 100, "another seed splits users in another way: {moved}");
        }
    }
}
