//! Guards that end a request: whom they stop, what those users meet, and what a report says.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use simlab::journal::{AgentId, Caller, Entry, Event, Label, VisitEnd};
use simlab::random::Seed;
use simlab::scenario::Scenario;

use super::lab::{self, Lab};
use super::program::{folder, simlab};

/// A guard whose model never fails, before an assistant; one question in five is harmful.
const GUARDED: &str = r#"(
    seed: 5, traffic: (queries: 4000, pii_percentage: 0, harmful_percentage: 20),
    models: {
        "gpt-6-luna": (failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0)),
        "gpt-6.1-terra": (failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0)),
    },
    graph: (key: "moderation", root: "guard", nodes: {
        "guard": (role: Guard(misses: 0.3, false_stops: 0.1), model: "gpt-6-luna"),
        "assistant": (model: "gpt-6.1-terra", tools: ["search_v2"]),
    }, edges: [(from: "guard", to: "assistant")]),
    outcomes: { "solved": (baseline: 1, strong: "+0pt", weak: "-100pt") },
    metrics: {
        "stopped": (event: "request_stopped", aggregation: Occurrence, statistic: Mean, missing: Zero, better: Lower),
        "wrongly_refused": (event: "harmless_request_stopped", aggregation: Occurrence, statistic: Mean, missing: Zero, better: Lower),
        "harm_answered": (event: "harmful_request_answered", aggregation: Occurrence, statistic: Mean, missing: Zero, better: Lower),
    },
    configs: { "guard": (variations: { "strict": (guard: (misses: 0.1, false_stops: 0.3)) }) },
    experiments: [(
        key: "strictness", config: "guard", control: "default",
        split: { "default": "50%", "strict": "50%" },
        metrics: ["stopped", "wrongly_refused", "harm_answered", "solved"],
    )],
)"#;

const USERS: u32 = 4000;

fn guarded(changes: &[(&str, &str)]) -> Scenario {
    Lab::text(GUARDED).changes(changes).scenario()
}

/// What happened to one user.
#[derive(Default)]
struct Story {
    strict: bool,
    decided: Vec<(bool, bool)>,
    calls: Vec<Caller>,
    outcome: Option<VisitEnd>,
    label: Option<Label>,
    solved: bool,
    harm_answered: bool,
}

fn stories(scenario: &Scenario) -> BTreeMap<u32, Story> {
    let mut stories: BTreeMap<u32, Story> = BTreeMap::new();
    for Entry { user, event, .. } in lab::journal(scenario, Seed(5), USERS) {
        let story = stories.entry(user).or_default();
        match event {
            Event::Evaluated { served, .. } if served.config == 0 => {
                story.strict = served.variation == 1;
            }
            Event::Guarded { agent, stopped, harmful, fail_open } => {
                assert_eq!((agent, fail_open), (AgentId(0), false));
                story.decided.push((stopped, harmful));
            }
            Event::Completed { caller, .. } => story.calls.push(caller),
            Event::Finished { outcome, .. } => story.outcome = Some(outcome),
            Event::Judged { label, .. } => story.label = Some(label),
            Event::Followed { .. } => story.solved = true,
            Event::HarmAnswered => story.harm_answered = true,
            _ => {}
        }
    }
    stories.remove(&0);
    assert_eq!(stories.len(), USERS as usize);
    stories
}

/// Whether a count is within four standard errors of a share.
fn near(count: usize, of: usize, share: f64) -> bool {
    let error = (share * (1.0 - share) / of as f64).sqrt();
    (count as f64 / of as f64 - share).abs() <= 4.0 * error
}

#[test]
fn a_guard_without_errors_stops_whom_it_should_and_nobody_else() {
    let perfect = [
        ("misses: 0.3, false_stops: 0.1", "misses: 0, false_stops: 0"),
        ("misses: 0.1, false_stops: 0.3", "misses: 0, false_stops: 0"),
    ];
    let stories = stories(&guarded(&perfect));
    let mut harmful = 0;
    for story in stories.values() {
        let [(stopped, wanted)] = story.decided[..] else { panic!("one decision") };
        assert_eq!(stopped, wanted);
        assert!(!story.harm_answered);
        assert_eq!(story.outcome, Some(VisitEnd::Answered), "a refusal is no failure");
        let answers = story.calls.contains(&Caller::Agent(AgentId(1)));
        assert_eq!(answers, !stopped, "nobody is called after a stop");
        harmful += usize::from(wanted);
    }
    assert!(near(harmful, stories.len(), 0.2), "{harmful}");
    // Without attacks, nobody is stopped.
    let peaceful =
        guarded(&[perfect[0], perfect[1], ("harmful_percentage: 20", "harmful_percentage: 0")]);
    assert!(self::stories(&peaceful).values().all(|story| story.decided == [(false, false)]));
}

#[test]
fn a_guard_errs_each_way_as_often_as_its_variation_says() {
    let stories = stories(&guarded(&[]));
    for (strict, misses, false_stops) in [(false, 0.3, 0.1), (true, 0.1, 0.3)] {
        let count = |stopped: bool, harmful: bool| {
            let own = stories.values().filter(|story| story.strict == strict);
            own.filter(|story| story.decided == [(stopped, harmful)]).count()
        };
        let (missed, caught) = (count(false, true), count(true, true));
        let (refused, passed) = (count(true, false), count(false, false));
        assert!(near(missed, missed + caught, misses), "{strict}: {missed} {caught}");
        assert!(near(refused, refused + passed, false_stops), "{strict}: {refused} {passed}");
    }
    // Both arms have the same draws: whom the strict guard lets through wrongly, the other one does, too.
    let all = |change: (&str, &str)| self::stories(&guarded(&[change]));
    let usual = all(("misses: 0.1, false_stops: 0.3", "misses: 0.3, false_stops: 0.1"));
    let strict = all(("misses: 0.3, false_stops: 0.1", "misses: 0.1, false_stops: 0.3"));
    for (user, story) in &strict {
        let before = &usual[user].decided;
        assert_eq!(before[0].1, story.decided[0].1, "an attack is one in each arm");
        assert!(!before[0].0 || story.decided[0].0, "user {user}");
    }
}

#[test]
fn who_is_stopped_wrongly_is_unhappy_and_who_is_stopped_rightly_says_nothing() {
    let scenario = guarded(&[]);
    let traits = &scenario.judge.traits;
    let stories = stories(&scenario);
    let of = |stopped: bool, harmful: bool| -> Vec<&Story> {
        stories.values().filter(|story| story.decided == [(stopped, harmful)]).collect()
    };
    for story in of(true, true) {
        assert_eq!(story.label, Some(Label::None));
        assert!(!story.calls.contains(&Caller::Judge), "nobody is asked for a rating");
        assert!(!story.solved, "nothing comes of an attack");
    }
    // A refusal is a weak answer: it is rated as often as any other, and mostly down.
    let wrongly = of(true, false);
    let rated = |label: Label| wrongly.iter().filter(|own| own.label == Some(label)).count();
    let (rates, specificity) = (traits.rates_impersonal.get(), traits.specificity.get());
    assert!(near(rated(Label::Negative), wrongly.len(), rates * specificity));
    assert!(near(rated(Label::Positive), wrongly.len(), rates * (1.0 - specificity)));
    assert!(wrongly.iter().all(|own| !own.solved), "a weak answer solves nothing here");
    // What got through is answered and rated as ever.
    assert!(of(false, true).iter().all(|own| own.harm_answered));
    assert!(of(false, false).iter().all(|own| !own.harm_answered));
    assert!(of(false, true).iter().any(|own| own.solved));
}

#[test]
fn a_guard_after_the_answer_takes_the_answer_away() {
    let after = guarded(&[
        ("root: \"guard\"", "root: \"assistant\""),
        ("(from: \"guard\", to: \"assistant\")", "(from: \"assistant\", to: \"guard\")"),
    ]);
    let stories = stories(&after);
    let wrongly = |own: &&Story| own.decided == [(true, false)];
    assert!(stories.values().filter(wrongly).count() > 100);
    for story in stories.values() {
        assert!(story.calls.contains(&Caller::Agent(AgentId(1))), "the answer was written before");
        assert!(!story.decided[0].0 || !story.solved);
    }
    // The guard reads question and answer, not the question alone.
    let read = |scenario: &Scenario| -> u64 {
        let entries = lab::journal(scenario, Seed(5), 200);
        let calls = entries.iter().filter_map(|entry| match entry.event {
            Event::Completed { caller: Caller::Agent(AgentId(0)), input_tokens, .. } => {
                Some(u64::from(input_tokens))
            }
            _ => None,
        });
        calls.sum()
    };
    assert!(read(&after) > 2 * read(&guarded(&[])), "{} {}", read(&after), read(&guarded(&[])));
}

#[test]
fn a_guard_that_fails_lets_requests_through() {
    let failing = guarded(&[(
        "\"gpt-6-luna\": (failures: (error: 0",
        "\"gpt-6-luna\": (failures: (error: 1",
    )]);
    for entry in lab::journal(&failing, Seed(5), 200) {
        if let Event::Guarded { stopped, fail_open, .. } = entry.event {
            assert!(!stopped && fail_open);
        }
        if let Event::Finished { outcome, .. } = entry.event {
            assert_eq!(outcome, VisitEnd::Answered);
        }
    }
}

#[test]
fn reports_events_and_truth_count_who_was_stopped() {
    let folder = folder("guards");
    let (file, out) = (folder.join("own.ron"), folder.join("out"));
    fs::write(&file, GUARDED).unwrap();
    let (file, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    let arguments = ["run", file, "--truth", "--truth-users", "4000", "--out", out];
    let text = simlab(&arguments).out;
    for part in ["Stopped requests", "guard: guard, gpt-6-luna", "│   stopped "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let stories = stories(&guarded(&[]));
    let report: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("out/report.json")).unwrap()).unwrap();
    let own = &report["experiments"][0];
    let mut all = 0;
    for (row, strict) in own["guards"].as_array().unwrap().iter().zip([false, true]) {
        let count = |what: &dyn Fn(&Story) -> bool| {
            stories.values().filter(|own| own.strict == strict && what(own)).count() as u64
        };
        let stopped = count(&|own| own.decided[0].0);
        assert_eq!(row["variation"], if strict { "strict" } else { "default" });
        assert_eq!(row["requests"], count(&|_| true));
        assert_eq!(row["stopped"], stopped);
        assert_eq!(row["harmful"], count(&|own| own.decided[0].1));
        assert_eq!(row["harmful_stopped"], count(&|own| own.decided[0] == (true, true)));
        assert_eq!(row["harmless_stopped"], count(&|own| own.decided[0] == (true, false)));
        assert_eq!(row["harmful_answered"], count(&|own| own.harm_answered));
        all += stopped;
    }
    assert_eq!(report["graph"]["nodes"][0]["stopped"], all);
    assert_eq!(report["traffic"]["failed"], 0);
    // The app sends an event for each; an analysis counts them.
    let events = fs::read_to_string(folder.join("out/events.jsonl")).unwrap();
    let sent = |key: &str| {
        let lines = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|event| event["key"] == key).count()
    };
    let count = |what: &dyn Fn(&Story) -> bool| stories.values().filter(|own| what(own)).count();
    assert_eq!(sent("request_stopped") as u64, all);
    assert_eq!(sent("harmless_request_stopped"), count(&|own| own.decided[0] == (true, false)));
    assert_eq!(sent("harmful_request_answered"), count(&|own| own.harm_answered));
    // What everybody would meet in each arm, from the chances alone: 80% of the questions are harmless.
    let metric =
        own["metrics"].as_array().unwrap().iter().find(|own| own["key"] == "wrongly_refused");
    for (variation, false_stops) in [("default", 0.1), ("strict", 0.3)] {
        let rows = metric.unwrap()["variations"].as_array().unwrap();
        let row = rows.iter().find(|own| own["key"] == variation).unwrap();
        let found = row["truth"]["mean"].as_f64().unwrap();
        assert!(near((found * 4000.0).round() as usize, 4000, 0.8 * false_stops), "{found}");
    }
}

#[test]
fn mistakes_with_guards_are_shown_where_they_stand() {
    let text = |before: &str, after: &str| Lab::text(GUARDED).change(before, after).mistakes();
    let role = "(role: Guard(misses: 0.3, false_stops: 0.1), model";
    for (before, after, message) in [
        ("misses: 0.3", "misses: 1.3", "between 0 and 1"),
        ("false_stops: 0.1", "false_stops: -0.1", "between 0 and 1"),
        ("harmful_percentage: 20", "harmful_percentage: 120", "harmful_percentage"),
        (role, "(role: Screen, model", "no agent looks for the questions that should be stopped"),
        (role, "(role: Screen, model", "only an agent with the role `Guard` guards"),
        ("edges: [(from: \"guard\", to: \"assistant\")]", "", "nobody answers the requests that `guard` lets through"),
        ("misses: 0.3", "refusal: \" \", misses: 0.3", "the refusal is empty"),
        ("misses: 0.3", "mises: 0.3", "mises"),
        (
            "}, edges: [(from: \"guard\", to: \"assistant\")]",
            "\"plan\": (role: Research, model: \"gpt-6-luna\"), \"other\": (role: Research, model: \"gpt-6-luna\"),
            }, edges: [
                (from: \"guard\", to: \"assistant\", join: true), (from: \"plan\", to: \"guard\", when: Parallel),
                (from: \"plan\", to: \"other\", when: Parallel), (from: \"other\", to: \"assistant\", join: true),
            ]",
            "`guard` guards one of several branches",
        ),
    ] {
        let after = after.to_owned();
        let lab = Lab::text(GUARDED).change(before, &after);
        let lab = if message.contains("branches") { lab.change("root: \"guard\"", "root: \"plan\"") } else { lab };
        let shown = lab.mistakes();
        assert!(shown.contains(message) && shown.contains("own.ron:"), "{before} -> {after}: {shown}");
    }
    assert_eq!(text("misses: 0.3, false_stops: 0.1", ""), "", "the rates have defaults");
}
