//! Paired designs: the same questions in every variation, and what comes of that.

use std::collections::BTreeMap;

use simlab::journal::{AgentId, Caller, Entry, Event};
use simlab::report::{PairedEvaluation, Report};
use simlab::run::{PreparedScenario, RunOptions, Simulation, Size};
use simlab::scenario::Scenario;
use simlab::{PowerRequest, power};

use crate::lab::Lab;
use crate::program::simlab;

const EVALUATION: &str = include_str!("paired.ron");

fn lab() -> Lab {
    Lab::text(EVALUATION)
}

fn journal(scenario: &Scenario, questions: u32) -> Vec<Entry> {
    let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
    stage.population(scenario.seed, questions).designed().visit(Vec::new())
}

fn report(scenario: &Scenario, options: RunOptions) -> Report {
    let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
    Simulation::new(&stage, options).run().unwrap().report
}

fn paired(report: &Report) -> &PairedEvaluation {
    report.experiments[0].paired.as_ref().unwrap()
}

/// What one visit of a question comes to.
#[derive(Default)]
struct Answer {
    variation: u8,
    personal: bool,
    input_tokens: u32,
    cost: Option<f64>,
    judgings: u32,
    answered: bool,
}

/// The visits of each question, in order, and how often it was written.
fn answers(entries: &[Entry]) -> BTreeMap<u32, (u32, Vec<Answer>)> {
    let mut all: BTreeMap<u32, (u32, Vec<Answer>)> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.user > 0) {
        let (written, visits) = all.entry(entry.user).or_default();
        if let Event::Completed { caller: Caller::Writer, .. } = entry.event {
            *written += 1;
        }
        if let Event::Arrived { visit, personal, .. } = entry.event {
            assert_eq!(visit as usize, visits.len(), "one visit after the other");
            visits.push(Answer { personal, ..Answer::default() });
        }
        let Some(own) = visits.last_mut() else { continue };
        match entry.event {
            Event::Evaluated { served, in_experiment } => {
                assert!(in_experiment);
                own.variation = served.variation;
            }
            Event::Completed { caller: Caller::Agent(AgentId(0)), input_tokens, .. } => {
                own.input_tokens = input_tokens;
            }
            Event::AgentFinished { cost, .. } => own.cost = cost.map(|cost| cost.dollars()),
            Event::Judged { .. } => own.judgings += 1,
            Event::Finished { outcome, .. } => {
                own.answered = outcome == simlab::journal::VisitEnd::Answered;
            }
            _ => {}
        }
    }
    all
}

#[test]
fn the_same_questions_go_through_every_variation() {
    let scenario = lab().change("pii_percentage: 0", "pii_percentage: 40").scenario();
    let all = answers(&journal(&scenario, 60));
    assert_eq!(all.len(), 60);
    for (question, (written, visits)) in &all {
        // It is written once and asked three times of each variation, in turns.
        assert!(*written <= 1);
        assert_eq!(visits.len(), 6);
        for (nth, own) in visits.iter().enumerate() {
            assert_eq!(u32::from(own.variation), (*question + nth as u32) % 2);
            assert_eq!(own.personal, visits[0].personal);
            if own.answered {
                assert_eq!(own.judgings, 2, "every answer is judged twice");
            }
        }
        // The prompts of one variation are the same, token by token.
        for variation in [0, 1] {
            let mut tokens = visits
                .iter()
                .filter(|own| own.variation == variation && own.input_tokens > 0)
                .map(|own| own.input_tokens);
            let first = tokens.next();
            assert!(tokens.all(|own| Some(own) == first));
        }
    }
    let personal = all.values().filter(|(_, visits)| visits[0].personal).count();
    assert!((10..=40).contains(&personal), "{personal}");
}

#[test]
fn the_report_compares_the_means_of_questions() {
    let scenario = lab().scenario();
    let all = answers(&journal(&scenario, 80));
    // By hand, from the calls: the mean cost of each question's answers in each variation.
    let differences: Vec<f64> = all
        .values()
        .filter_map(|(_, visits)| {
            let mean = |variation: u8| {
                let costs: Vec<f64> = visits
                    .iter()
                    .filter(|own| own.variation == variation)
                    .filter_map(|own| own.cost)
                    .collect();
                (!costs.is_empty()).then(|| costs.iter().sum::<f64>() / costs.len() as f64)
            };
            Some(mean(1)? - mean(0)?)
        })
        .collect();
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let square = differences.iter().map(|own| (own - mean) * (own - mean)).sum::<f64>();
    let error = (square / (n - 1.0) / n).sqrt();
    let report = report(&scenario, RunOptions { users: Some(80), ..RunOptions::default() });
    let found = paired(&report);
    assert_eq!((found.questions, found.repeats, found.judgings), (80, 3, 2));
    let cost = found.metrics.iter().find(|own| own.metric == "ai_cost_per_request").unwrap();
    let close =
        |found: f64, right: f64| assert!((found / right - 1.0).abs() < 1e-8, "{found} {right}");
    close(cost.difference.unwrap().get(), mean);
    close(cost.standard_error.unwrap().get(), error);
    // Nobody judges a cost.
    assert_eq!(cost.judging_standard_deviation.unwrap().get(), 0.0);
    let metric = &report.experiments[0].metrics[2];
    close(metric.variations[1].absolute_difference.unwrap().get(), mean);
    // One answer each costs what an answer costs on average.
    let answers: f64 = all.values().flat_map(|(_, own)| own).filter_map(|own| own.cost).sum();
    let found = found.answer_cost_usd.unwrap().get();
    assert!((found / (answers / 480.0) - 1.0).abs() < 0.02, "{found}");
}

#[test]
fn a_split_test_that_says_so_is_the_same_as_one_that_says_nothing() {
    let plain = lab().change("            design: Paired(repeats: 3, judgings: 2),\n", "");
    let split = lab().change("Paired(repeats: 3, judgings: 2)", "Split");
    let options = RunOptions { users: Some(200), ..RunOptions::default() };
    let [plain, split] = [plain, split].map(|lab| report(&lab.scenario(), options));
    assert_eq!(plain.experiments, split.experiments);
    assert_eq!(plain.fingerprint, split.fingerprint);
    assert!(plain.experiments[0].paired.is_none());
}

#[test]
fn equal_variations_are_found_to_differ_as_rarely_as_they_should() {
    let scenario = lab().change("Paired(repeats: 3", "Paired(repeats: 2").scenario();
    let request = PowerRequest {
        replications: 400,
        sizes: vec![25],
        looks: 1,
        aa: true,
        truth_users: Some(1000),
        ..PowerRequest::of(&scenario)
    };
    let found = power(&scenario, request).unwrap();
    let size = &found.experiments[0].sizes[0];
    // The rule is one-sided at 95%: four standard errors of 400 runs.
    let ship = size.decisions.ship.value.get();
    assert!((ship - 0.05).abs() < 4.0 * (0.05_f64 * 0.95 / 400.0).sqrt(), "{ship}");
    covers(&found);
}

#[test]
fn intervals_hold_the_true_effect_as_often_as_they_say() {
    let scenario = lab()
        .change("Paired(repeats: 3, judgings: 2)", "Paired(repeats: 2, judgings: 2, alike: 0.8)")
        .change("model: \"gpt-6-luna\"", "model: \"claude-haiku-5-5\"")
        .scenario();
    let request = PowerRequest {
        replications: 400,
        sizes: vec![30],
        looks: 1,
        truth_users: Some(6_000),
        ..PowerRequest::of(&scenario)
    };
    covers(&power(&scenario, request).unwrap());
}

/// The 90% intervals of score and cost hold the truth in 90% of 400 runs, to four standard errors.
/// Ratings are too skewed for that with so few questions.
fn covers(found: &simlab::Power) {
    for own in &found.experiments[0].sizes[0].coverage {
        let share = own.relative_difference.unwrap().value.get();
        let error = (0.9_f64 * 0.1 / 400.0).sqrt();
        assert!((share - 0.9).abs() < 4.0 * error, "{}: {share}", own.metric);
    }
}

/// The measured change of the score, and the true one.
fn changes(scenario: &Scenario, users: u32) -> [f64; 2] {
    let options = RunOptions {
        users: Some(users),
        truth: true,
        truth_size: Size::Users(2_500),
        ..RunOptions::default()
    };
    let report = report(scenario, options);
    let own = &report.experiments[0].metrics[0].variations[1];
    [own.relative_difference.unwrap().get(), own.truth.unwrap().relative_difference.unwrap().get()]
}

#[test]
fn a_memory_between_answers_carries_one_variation_over_to_the_other() {
    let own = |design: &str, causes: &str| {
        lab()
            .change("Paired(repeats: 3, judgings: 2)", design)
            .change("graph: (", &format!("{causes} graph: ("))
            .scenario()
    };
    let causes = "causes: (memory_to_quality: 0.8),";
    // Afresh, the evaluation measures the effect on users.
    let [fresh, truth] = changes(&own("Paired(repeats: 4, judgings: 1)", causes), 600);
    assert!(truth < -0.1 && (fresh - truth).abs() < 0.025, "{fresh} {truth}");
    // With a memory each variation reads the other's answers.
    let [carried, _] = changes(&own("Paired(repeats: 4, judgings: 1, remembers: 4)", causes), 600);
    assert!(carried > fresh + 0.02, "{carried} {fresh}");
    // Without the cause, the memory costs tokens and nothing else.
    let score = |design: &str| {
        let report =
            report(&own(design, ""), RunOptions { users: Some(200), ..RunOptions::default() });
        let metrics = &report.experiments[0].metrics;
        [0, 2].map(|at| metrics[at].variations.iter().map(|own| own.data_mean).collect::<Vec<_>>())
    };
    let [without, with] =
        ["Paired(repeats: 4, judgings: 1)", "Paired(repeats: 4, judgings: 1, remembers: 4)"]
            .map(score);
    assert_eq!(without[0], with[0]);
    assert!(without[1].iter().zip(&with[1]).all(|(without, with)| without < with));
}

#[test]
fn a_memory_between_visits_adds_to_the_effect_in_a_split_test() {
    let own = |causes: &str| {
        lab()
            .change("            design: Paired(repeats: 3, judgings: 2),\n", "")
            .change(
                "graph: (",
                &format!("users: (visits: Fixed(4), gap: \"1h\", remembers: 4), {causes} graph: ("),
            )
            .scenario()
    };
    let [_, without] = changes(&own(""), 20);
    let [measured, with] = changes(&own("causes: (memory_to_quality: 1.5),"), 1500);
    // Weak answers follow weak ones: here the true effect has it all, and the split test measures it.
    assert!(with < without - 0.02, "{with} {without}");
    assert!((measured - with).abs() < 0.04, "{measured} {with}");
}

#[test]
fn a_design_with_too_many_answers_is_refused_before_it_takes_memory() {
    // Two variations, 3 answers, 2 judgings: 12 values for each question.
    let scenario = lab().scenario();
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    assert!(stage.holds(1_666_666).is_ok());
    let refused = stage.holds(1_666_667).unwrap_err().to_string();
    assert!(refused.contains("1,666,667 questions with 12 answers and judgings"), "{refused}");
    assert!(refused.contains("at most 1,666,666 questions"), "{refused}");
    let options = RunOptions { users: Some(u32::MAX), ..RunOptions::default() };
    assert!(simlab::run(&scenario, options).is_err());
    let request = PowerRequest { sizes: vec![10, u32::MAX], ..PowerRequest::of(&scenario) };
    assert!(power(&scenario, request).is_err());
    // A split test of as many users is no matter of this limit.
    let split = lab().change("Paired(repeats: 3, judgings: 2)", "Split").scenario();
    let stage = PreparedScenario::new(&split, split.seed).unwrap();
    assert!(stage.holds(u32::MAX).is_ok() && stage.paired_observer(4_000_000_000).is_none());
}

#[test]
fn what_a_design_costs_counts_every_question_that_is_sent() {
    // Some questions have no answer in one of the variations, so no value.
    let scenario =
        lab().change("\"gpt-6-luna\": (", "\"gpt-6-luna\": (failures: (error: 0.6), ").scenario();
    let report = report(&scenario, RunOptions { users: Some(120), ..RunOptions::default() });
    let found = paired(&report);
    assert!(found.metrics[0].questions < 120, "{}", found.metrics[0].questions);
    let mix = found.cheapest.as_ref().unwrap();
    let [question, answer, judging] =
        [found.question_cost_usd, found.answer_cost_usd, found.judging_cost_usd]
            .map(|own| own.unwrap().get());
    let right = |questions: u64, repeats: u32, judgings: u32| {
        let answers = 2.0 * f64::from(repeats) * (answer + f64::from(judgings) * judging);
        questions as f64 * (question + answers)
    };
    let close =
        |found: f64, right: f64| assert!((found / right - 1.0).abs() < 1e-8, "{found} {right}");
    close(mix.cost_usd.get(), right(120, 3, 2));
    close(mix.cheapest_cost_usd.get(), right(mix.questions, mix.repeats, mix.judgings));
}

#[test]
fn three_variations_have_no_cheapest_mix() {
    let three = lab()
        .change("model: \"gpt-6-luna\",\n                ),", "model: \"gpt-6-luna\",\n                ),\n                \"other\": (like: \"default\"),")
        .change("{ \"default\": \"50%\", \"small\": \"50%\" }", "{ \"default\": \"33.4%\", \"small\": \"33.3%\", \"other\": \"33.3%\" }");
    let options = RunOptions { users: Some(60), ..RunOptions::default() };
    assert!(paired(&report(&lab().scenario(), options)).cheapest.is_some());
    let found = report(&three.scenario(), options);
    assert_eq!(paired(&found).metrics.len(), 6);
    assert_eq!(paired(&found).cheapest, None);
    // In turns of three, each would always read the same other one's answers.
    let remembers = three.change("judgings: 2)", "judgings: 2, remembers: 2)").mistakes();
    assert!(remembers.contains("a memory between answers needs two variations"), "{remembers}");
}

#[test]
fn what_knows_split_tests_only_says_so() {
    let file = lab().file("paired_refused");
    let planned = simlab(&["plan", &file]);
    assert_eq!(planned.code, 2, "{}", planned.err);
    assert!(planned.err.contains("simlab plan --paired"), "{}", planned.err);
    let events = std::path::Path::new(&file).with_file_name("events.jsonl");
    std::fs::write(&events, "{\"kind\":\"custom\"}\n").unwrap();
    let events = events.to_str().unwrap();
    let analyzed = simlab(&["analyze", events, "--scenario", &file]);
    assert_eq!(analyzed.code, 3, "{}", analyzed.err);
    assert!(analyzed.err.contains("has a paired design"), "{}", analyzed.err);
    let refused = simlab::analyze("events", "{}\n", Some(&lab().scenario())).unwrap_err();
    assert!(refused.to_string().contains("`small-model`"), "{refused}");
    let large = simlab(&["run", &file, "--users", "9000000", "--quiet"]);
    assert_eq!(large.code, 3, "{}", large.err);
    assert!(large.err.contains("too many for a paired design"), "{}", large.err);
}

#[test]
fn serving_a_paired_design_warns_that_users_are_split() {
    let file = lab().file("paired_served");
    let mut served = std::process::Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["serve", &file])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let errors = served.stderr.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(errors), &mut line).unwrap();
    served.kill().unwrap();
    served.wait().unwrap();
    assert!(
        line.contains("has a paired design") && line.contains("one of its variations"),
        "{line}"
    );
}
