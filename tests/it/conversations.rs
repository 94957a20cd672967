//! Conversations of several turns: how long they last, what every turn reads again, and what is rated.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use simlab::journal::{AgentId, Caller, Entry, Event};
use simlab::knowledge::TopicId;
use simlab::llm::model::{CallFailure, Completion, Prompt};
use simlab::random::{Owner, Seed};
use simlab::run::{PreparedScenario, RunOptions, run};
use simlab::scenario::Scenario;

use super::lab::{self, Lab};
use super::program::{folder, simlab};

/// One agent without tools, and models that never fail. Prices of the agent's model: $2 a million input
/// tokens, $0.10 read from the cache, $2.50 written to it, $10 output; 512 tokens at least.
const CHAT: &str = r#"(
    seed: 4, traffic: (queries: 600, pii_percentage: 0),
    models: {
        "claude-sonnet-5-5": (failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0)),
        "claude-haiku-5-5": (failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0)),
    },
    conversation: (turns: Fixed(4), pause: "1s", stops: (strong: 0, fair: 0, weak: 0)),
    graph: (root: "assistant", nodes: {
        "assistant": (model: "claude-sonnet-5-5", instructions: "LONG", prompt_caching: Off),
    }),
    outcomes: { "thanked": (baseline: 1) },
    configs: { "assistant": (variations: { "other": (name: "Other") }) },
    experiments: [(
        key: "x", config: "assistant", control: "default",
        split: { "default": "50%", "other": "50%" }, metrics: ["thanked", "ai_cost_per_request"],
    )],
)"#;

const USERS: u32 = 600;

fn chat(changes: &[(&str, &str)]) -> Scenario {
    let long = "Answer at length, in complete and friendly sentences. ".repeat(60);
    Lab::text(CHAT).change("LONG", &long).changes(changes).scenario()
}

/// One turn of a conversation, as the journal has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Turn {
    question: u32,
    input: u32,
    output: u32,
    nano_dollars: u64,
    judged: bool,
    followed: bool,
}

/// The turns of each user.
fn conversations(scenario: &Scenario) -> Vec<Vec<Turn>> {
    let mut all: BTreeMap<u32, Vec<Turn>> = BTreeMap::new();
    let mut asked: BTreeMap<u32, u32> = BTreeMap::new();
    for Entry { user, event, .. } in lab::journal(scenario, Seed(4), USERS) {
        let turns = all.entry(user).or_default();
        match event {
            // The next question is written before it is sent.
            Event::Completed { caller: Caller::Writer, output_tokens, .. } => {
                asked.insert(user, output_tokens);
            }
            Event::Arrived { visit, .. } => {
                assert_eq!(visit as usize, turns.len(), "turns come one after the other");
                turns.push(Turn { question: asked[&user], ..Turn::default() });
            }
            Event::Completed { caller, input_tokens, output_tokens, cost, .. } => {
                let Some(turn) = turns.last_mut() else { continue };
                match caller {
                    Caller::Agent(AgentId(0)) => {
                        (turn.input, turn.output) = (input_tokens, output_tokens);
                        turn.nano_dollars = cost.unwrap().nano_dollars();
                    }
                    Caller::Judge => turn.judged = true,
                    _ => {}
                }
            }
            Event::Followed { .. } => {
                // Outcomes follow at once: it is the turn before's.
                turns.last_mut().unwrap().followed = true;
            }
            _ => {}
        }
    }
    all.remove(&0);
    assert_eq!(all.len(), USERS as usize);
    all.into_values().collect()
}

#[test]
fn every_turn_reads_the_whole_conversation_again() {
    let all = conversations(&chat(&[]));
    // Instructions, and the 4 tokens of a message: the same for everybody.
    let fixed = all[0][0].input - all[0][0].question - 4;
    assert!(fixed > 512, "{fixed}");
    for turns in all {
        assert_eq!(turns.len(), 4);
        let mut before = 0;
        for turn in turns {
            assert_eq!(turn.input, fixed + before + turn.question + 4);
            before += turn.question + 4 + turn.output + 4;
        }
    }
}

#[test]
fn what_was_sent_in_the_turn_before_is_read_from_the_cache() {
    let priced = |read: u32, turn: &Turn| {
        let (read, written) = (u64::from(read), u64::from(turn.input - read));
        // Nano-dollars a token: $0.10, $2.50 and $10 a million.
        read * 100 + written * 2_500 + u64::from(turn.output) * 10_000
    };
    let on = ("prompt_caching: Off", "prompt_caching: Conversation");
    for turns in conversations(&chat(&[on])) {
        let mut sent = 0;
        for turn in &turns {
            assert_eq!(turn.nano_dollars, priced(sent, turn), "{turn:?}");
            sent = turn.input;
        }
    }
    // After five minutes a provider has forgotten it. Few pauses of a day's mean are shorter.
    let late = conversations(&chat(&[on, ("pause: \"1s\"", "pause: \"1d\"")]));
    let forgotten = late.iter().flatten().filter(|turn| turn.nano_dollars == priced(0, turn));
    assert!(forgotten.count() as f64 > 0.98 * 4.0 * f64::from(USERS));
}

#[test]
fn a_conversation_of_one_turn_is_a_single_question_to_the_byte() {
    let print = |text: &str| {
        let scenario = Lab::text(CHAT).change("turns: Fixed(4)", text).scenario();
        run(&scenario, RunOptions::default()).unwrap().report.fingerprint
    };
    let none = Lab::text(CHAT)
        .change(
            "conversation: (turns: Fixed(4), pause: \"1s\", stops: (strong: 0, fair: 0, weak: 0)),",
            "",
        )
        .scenario();
    let without = run(&none, RunOptions::default()).unwrap().report.fingerprint;
    assert_eq!(print("turns: Fixed(1)"), without);
    assert_ne!(print("turns: Fixed(2)"), without);
}

/// How many users have this many turns, from 1.
fn lengths(scenario: &Scenario) -> Vec<usize> {
    let mut lengths = vec![0; 20];
    for turns in conversations(scenario) {
        lengths[turns.len() - 1] += 1;
    }
    lengths
}

/// Whether a count of all users is within four standard errors of a share.
fn near(count: usize, share: f64) -> bool {
    let n = f64::from(USERS);
    (count as f64 / n - share).abs() <= 4.0 * (share * (1.0 - share) / n).sqrt()
}

#[test]
fn users_stop_when_they_are_satisfied_or_out_of_patience() {
    let some = lengths(&chat(&[("Fixed(4)", "Between(2, 4)")]));
    for (nth, &count) in some.iter().enumerate() {
        let share = if (1..4).contains(&nth) { 1.0 / 3.0 } else { 0.0 };
        assert!(near(count, share), "{some:?}");
    }
    // The same chance after every answer: a geometric distribution that is cut at 4.
    let often = ("strong: 0, fair: 0, weak: 0", "strong: 0.4, fair: 0.4, weak: 0.4");
    let cut = lengths(&chat(&[often]));
    for (nth, share) in [0.4, 0.24, 0.144, 0.216].into_iter().enumerate() {
        assert!(near(cut[nth], share), "{cut:?}");
    }
    let geometric = lengths(&chat(&[("Fixed(4)", "Geometric(2)")]));
    for (nth, share) in [0.5, 0.25, 0.125].into_iter().enumerate() {
        assert!(near(geometric[nth], share), "{geometric:?}");
    }
    // Better answers satisfy the same users and more, so nobody has more turns.
    let with = |quality: &str| {
        conversations(&chat(&[
            ("\"claude-sonnet-5-5\": (", &format!("\"claude-sonnet-5-5\": ({quality}, ")),
            ("strong: 0, fair: 0, weak: 0", "strong: 0.9, fair: 0.4, weak: 0.1"),
        ]))
    };
    let (good, bad) = (with("quality: 0.9, weakness: 0.02"), with("quality: 0.2, weakness: 0.5"));
    assert!(good.iter().zip(&bad).all(|(good, bad)| good.len() <= bad.len()));
    let turns = |all: &[Vec<Turn>]| all.iter().map(Vec::len).sum::<usize>();
    assert!(turns(&good) * 5 < turns(&bad) * 4, "{} {}", turns(&good), turns(&bad));
}

#[test]
fn each_answer_is_rated_or_the_conversation_once() {
    for turns in conversations(&chat(&[])) {
        assert!(turns.iter().all(|turn| turn.judged && turn.followed), "{turns:?}");
    }
    for turns in conversations(&chat(&[("pause: \"1s\"", "pause: \"1s\", rated: AtTheEnd")])) {
        let (last, before) = turns.split_last().unwrap();
        assert!(last.judged && last.followed, "{turns:?}");
        assert!(before.iter().all(|turn| !turn.judged && !turn.followed), "{turns:?}");
    }
}

#[test]
fn follow_ups_are_about_what_was_asked_before() {
    // Topics that each user's questions are about, over four turns.
    let topics = |follow_ups: &str| -> Vec<BTreeSet<TopicId>> {
        let scenario =
            chat(&[("pause: \"1s\"", &format!("pause: \"1s\", follow_ups: {follow_ups}"))]);
        let stage = PreparedScenario::new(&scenario, Seed(4)).unwrap();
        let mut topics: BTreeMap<Owner, BTreeSet<TopicId>> = BTreeMap::new();
        let hear = |prompt: &Prompt<'_>, _: &Result<Completion, CallFailure>| {
            if prompt.caller == Caller::Agent(AgentId(0)) {
                let user = prompt.owner.visit(prompt.visit);
                topics.entry(user).or_default().insert(prompt.subject.topic);
            }
        };
        stage.population(Seed(4), USERS).visit_observed(
            Vec::<Entry>::new(),
            hear,
            |_, _: &Vec<Entry>| (),
        );
        topics.into_values().collect()
    };
    let same = topics("1");
    assert!(same.len() == USERS as usize && same.iter().all(|own| own.len() == 1));
    // Of 24 topics, four at random are the same one in one of 13,824 users.
    let any = topics("0").iter().filter(|own| own.len() == 1).count();
    assert!(any <= 3, "{any}");
}

#[test]
fn a_user_stays_one_unit_however_many_turns() {
    let scenario = chat(&[("Fixed(4)", "Between(1, 5)")]);
    let turns: usize = conversations(&scenario).iter().map(Vec::len).sum();
    let report =
        run(&scenario, RunOptions { seed: Some(4), ..RunOptions::default() }).unwrap().report;
    let traffic = report.traffic.as_ref().unwrap();
    assert_eq!((traffic.queries, traffic.users), (turns as u64, Some(u64::from(USERS))));
    let exposed: u64 = report.experiments[0].exposures.0.iter().map(|(_, users)| users).sum();
    assert_eq!(exposed, u64::from(USERS));
}

#[test]
fn a_live_run_refuses_several_turns_and_an_estimate_says_so() {
    let file = folder("conversations").join("own.ron");
    fs::write(&file, CHAT).unwrap();
    let estimate =
        simlab(&["estimate", file.to_str().unwrap(), "--users", "20", "--format", "json"]).json();
    let notes = estimate["notes"].to_string();
    assert!(notes.contains("`conversation` of several turns"), "{notes}");
}

#[test]
fn mistakes_with_conversations_are_shown_where_they_stand() {
    for (before, after, message) in [
        ("Fixed(4)", "Fixed(40)", "expected 1 to 20"),
        ("Fixed(4)", "Between(4, 2)", "the fewest turns are more than the most"),
        ("Fixed(4)", "Geometric(0.5)", "expected 1 to 20"),
        ("weak: 0)", "weak: 2)", "between 0 and 1"),
        ("pause: \"1s\"", "pause: \"1s\", follow_ups: 3", "expected 0 to 1"),
        (
            "outcomes:",
            "users: (visits: Fixed(2), gap: \"1d\"), outcomes:",
            "cannot be combined with users who come back",
        ),
    ] {
        let shown = Lab::text(CHAT).change(before, after).mistakes();
        assert!(
            shown.contains(message) && shown.contains("own.ron:"),
            "{before} -> {after}: {shown}"
        );
    }
}
