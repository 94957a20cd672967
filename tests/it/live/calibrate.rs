//! A recording made against a server whose models are not the scenario's gives the server's models
//! back.

use std::fs;

use serde_json::Value;
use simlab::scenario::load;

use super::super::program::{folder, simlab_in};
use super::super::serve::Served;
use super::program::{Site, ran};

/// What the server's GPT-4o is like.
const TRUE: [(&str, f64); 5] = [
    ("answer_tokens", 520.0),
    ("answer_sigma", 0.7),
    ("tool_appetite", 1.4),
    ("quality", 0.4),
    ("weakness", 0.12),
];

/// A recording of 600 users against a server with these models.
struct Recorded {
    site: Site,
    /// The scenario that the server has.
    truth: String,
    /// What `calibrate` makes of it.
    fitted: Value,
}

impl Recorded {
    fn new(name: &str, server_seed: &str, seed: &str) -> Self {
        let place = folder(&format!("{name}-true"));
        let never = "failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0)";
        let plain = load("security").unwrap();
        let fields: String =
            TRUE.iter().map(|(field, value)| format!("{field}: {value}, ")).collect();
        let model = |id: &str| {
            if id == "gpt-4o" {
                format!("\"{id}\": ({fields} {never}), ")
            } else {
                format!("\"{id}\": ({never}), ")
            }
        };
        let models: String =
            plain.scenario.models.iter().map(|profile| model(&profile.id)).collect();
        let text = plain.source.text.replacen(
            "    configs: {",
            &format!("    models: {{ {models} }},\n    configs: {{"),
            1,
        );
        let truth = place.join("true.ron").display().to_string();
        fs::write(&truth, &text).unwrap();
        let site = Site {
            served: Served::start(&[&truth, "--seed", server_seed]),
            ..Site::new(name, &[])
        };
        let site = Site { sdk_key: site.served.sdk_key(), ..site };
        fs::write(site.path("plain.ron"), &*plain.source.text).unwrap();
        let run = [
            "run",
            "plain.ron",
            "--live",
            "--yes",
            "--quiet",
            "--users",
            "600",
            "--max-cost",
            "500",
            "--out",
            "run",
            "--seed",
            seed,
        ];
        let run = site.simlab(&run);
        assert_eq!(run.code, 0, "{}", run.err);
        let fitted = simlab_in(
            &site.folder,
            &["calibrate", "run/journal.jsonl", "--out", "mine.ron", "--format", "json"],
        )
        .json();
        crate::output_schema::fits("calibrate", &fitted);
        Self { site, truth, fitted }
    }

    fn figure(&self, field: &str) -> Option<&Value> {
        let figures = self.fitted["figures"].as_array().unwrap();
        figures.iter().find(|figure| figure["model"] == "gpt-4o" && figure["field"] == field)
    }

    /// `None` where the recording told too little and the figure was kept.
    fn interval(&self, field: &str) -> Option<(f64, f64)> {
        let bound = |which: usize| self.figure(field)?["interval"][which].as_f64();
        Some((bound(0)?, bound(1)?))
    }

    /// How many of the five intervals hold what is true, and how many there are.
    fn held(&self) -> (usize, usize) {
        let fitted = TRUE.iter().filter_map(|(field, value)| Some((self.interval(field)?, *value)));
        let holds: Vec<bool> =
            fitted.map(|((low, high), value)| (low..=high).contains(&value)).collect();
        (holds.iter().filter(|held| **held).count(), holds.len())
    }
}

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn a_recording_gives_back_the_models_that_it_was_made_with_and_a_scenario_that_behaves_like_it() {
    let recorded = Recorded::new("calibrate", "4242", "18");
    let Recorded { site, truth: file, fitted } = &recorded;
    assert_eq!(fitted["schema"], "simlab.calibrate/1");
    for (field, value) in TRUE {
        // An interval holds with about 90%; twice its width holds all but surely.
        let (low, high) = recorded.interval(field).unwrap();
        let (middle, half) = (0.5 * (low + high), high - low);
        assert!((middle - value).abs() <= half, "{field}: {low} to {high}, in truth {value}");
    }
    assert!(recorded.held().0 >= 3, "{:?}", TRUE.map(|(field, _)| recorded.figure(field)));
    assert_eq!(recorded.figure("failures.error").unwrap()["value"], 0.0);

    // What is written is a scenario, and it behaves as what was recorded.
    assert!(
        fitted["kept"]
            .as_array()
            .unwrap()
            .iter()
            .any(|kept| kept.as_str().unwrap().starts_with("personal_data_recall"))
    );
    assert!(simlab_in(&site.folder, &["check", "mine.ron"]).well().starts_with("mine.ron: ok"));
    let again = simlab_in(&site.folder, &["calibrate", "run/journal.jsonl", "--out", "mine.ron"]);
    assert!(
        again.code == 3 && again.err.contains("an existing file is not overwritten"),
        "{}",
        again.err
    );
    let of = |report: &Value, metric: &str| -> f64 {
        let metrics = report["experiments"][0]["metrics"].as_array().unwrap();
        let metric = metrics.iter().find(|own| own["key"] == metric).unwrap();
        let means = metric["variations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|variation| variation["data_mean"].as_f64().unwrap());
        means.sum::<f64>() / 2.0
    };
    let simulated = |file: &str| {
        simlab_in(
            &site.folder,
            &["run", file, "--users", "8000", "--seed", "5", "--format", "json"],
        )
        .json()
    };
    let (real, mine, plain) = (simulated(file), simulated("mine.ron"), simulated("plain.ron"));
    for (metric, within) in [("ai_cost_per_request", 0.15), ("positive_feedback_rate", 0.15)] {
        let off = |report: &Value| of(report, metric) / of(&real, metric) - 1.0;
        assert!(off(&mine).abs() < within, "{metric}: {}", off(&mine));
        assert!(off(&mine).abs() < off(&plain).abs(), "{metric}: {} {}", off(&mine), off(&plain));
    }
}

/// The figure that `live::calibrate::matching` states.
#[test]
#[ignore = "a minute and a half: cargo test --test it -- --ignored --nocapture eight_recordings"]
fn of_eight_recordings_most_intervals_hold_the_truth() {
    let held: Vec<(usize, usize)> = (0..8)
        .map(|nth: u32| {
            Recorded::new(
                &format!("calibrate-{nth}"),
                &format!("{}", 4242 + nth),
                &format!("{}", 18 + nth),
            )
            .held()
        })
        .collect();
    let (holding, all) = held.iter().fold((0, 0), |(a, b), (held, fitted)| (a + held, b + fitted));
    println!("{holding} of {all} intervals hold the truth: {held:?}");
    assert!(all >= 36 && 4 * holding >= 3 * all, "{held:?}");
}

#[test]
fn what_is_no_recording_or_too_short_a_one_is_refused() {
    let site = Site::new("calibrate-short", &[]);
    assert_eq!(
        site.simlab(&[
            "run", "my.ron", "--live", "--yes", "--quiet", "--users", "2", "--out", "run"
        ])
        .code,
        0
    );
    let short = site.simlab(&["calibrate", "run/journal.jsonl"]);
    assert!(
        short.code == 3
            && short.err.contains("no model was called often enough: 20 calls are needed"),
        "{}",
        short.err
    );
    for (file, message) in [
        ("my.ron", "is a scenario, not traces or a recording"),
        ("nowhere", "there is no file `nowhere`"),
        (".", "`.` cannot be read"),
    ] {
        let ran = ran(&mut site.command(&["calibrate", file]));
        assert!(ran.code == 3 && ran.err.contains(message), "{file}: {}", ran.err);
    }
}
