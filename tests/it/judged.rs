//! `simlab analyze` judges a bandit and a guarded rollout from recorded events: what their rules
//! would have done, and when.

use std::fs;

use serde_json::{Value, json};

use super::lab::Lab;
use super::program::{folder, simlab};

/// 2025-10-09 08:53:20 UTC.
const BEGAN_MS: u64 = 1_760_000_000_000;

fn exposure(config: &str, user: usize, variation: &str) -> Value {
    json!({
        "kind": "feature", "key": config, "creationDate": BEGAN_MS + 1_000 * user as u64,
        "context": { "kind": "user", "key": format!("user-{user}") }, "variation": 1,
        "value": { "_ldMeta": { "enabled": true, "variationKey": variation } },
        "reason": { "kind": "RULE_MATCH", "inExperiment": true },
    })
}

/// An event of a user, 100 ms after the exposure.
fn event(key: &str, user: usize) -> Value {
    json!({
        "kind": "custom", "key": key, "creationDate": BEGAN_MS + 1_000 * user as u64 + 100,
        "context": { "kind": "user", "key": format!("user-{user}") }, "metricValue": 1,
    })
}

/// A lesson's scenario with other numbers, and these events, analyzed.
fn judged(lesson: &str, changes: &[(&str, &str)], events: &[Value]) -> (Value, String) {
    // Tests run side by side: each has a folder of its own.
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("main").to_owned();
    let place = folder(&format!("judged-{}-{lesson}", test.rsplit(':').next().unwrap()));
    let scenario = place.join("lesson.ron");
    fs::write(&scenario, Lab::of(lesson).changes(changes).into_text()).unwrap();
    let data = place.join("events.jsonl");
    fs::write(&data, events.iter().map(|event| format!("{event}\n")).collect::<String>()).unwrap();
    let analyze = |format: &str| {
        let (data, scenario) = (data.to_str().unwrap(), scenario.to_str().unwrap());
        simlab(&["analyze", data, "--scenario", scenario, "--format", format])
    };
    (serde_json::from_str(&analyze("json").out).unwrap(), analyze("text").out)
}

/// Users in turn with the old and the new variation, one a second. Every user of the new one fails,
/// and every tenth of the old one.
fn failing(users: usize) -> Vec<Value> {
    let mut events = Vec::new();
    for user in 1..=users {
        let old = user % 2 == 1;
        events.push(exposure("support-agent", user, if old { "other-paid" } else { "new" }));
        if !old || user % 20 == 1 {
            events.push(event("request_failed", user));
        }
    }
    events
}

#[test]
fn a_guarded_rollout_is_judged_at_the_moment_at_which_its_rule_stops() {
    let changes =
        [("        every: 200,\n", "        every: 20,\n"), ("users: 1600", "users: 200")];
    let mut events = failing(90);
    // The order of lines does not matter.
    events.reverse();
    let (report, text) = judged("guarded-rollout", &changes, &events);
    let rollout = &report["rollouts"][0];
    assert_eq!(rollout["outcome"], "rolled_back", "{rollout}");
    // By hand from equation 155 of arXiv 2103.06476 with an error of 5%, tightest at 2,000 users:
    // (change, lower and upper end) with 10, 20 and 30 users in each arm. The last new user's
    // failure comes 100 ms after the look. Only the third interval lies beyond the margin of 10%.
    let expected = [
        (20, 8.0, -12.313_289_955, 28.313_289_955),
        (40, 8.5, -2.071_518_559, 19.071_518_559),
        (60, 8.666_666_667, 1.349_574_069, 15.983_759_264),
    ];
    let looks = rollout["looks"].as_array().unwrap();
    assert_eq!(looks.len(), expected.len(), "{rollout}");
    for (look, (users, change, lower, upper)) in looks.iter().zip(expected) {
        let reading = &look["metrics"][0];
        assert_eq!((&look["users"], &reading["metric"]), (&json!(users), &json!("request_failed")));
        assert_eq!(look["at_ms"], json!(BEGAN_MS + 1_000 * users));
        let found = [&reading["change"], &reading["interval"][0], &reading["interval"][1]];
        for (found, right) in found.into_iter().zip([change, lower, upper]) {
            assert!((found.as_f64().unwrap() - right).abs() < 1e-8, "{users}: {found}, {right}");
        }
        assert_eq!(reading["regressed"], users == 60);
        // Nobody paid anything.
        assert_eq!(look["metrics"][1]["change"], Value::Null);
    }
    let message = "By its rule, new is rolled back at 2025-10-09T08:54:20Z, after 60 watched \
                   users: request_failed is worse by more than 10%, 95% sure over all looks.";
    assert_eq!(rollout["message"], message);
    assert_eq!(report["expectations"][0]["passed"], true);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("60 users 2025-10-09T08:54:20Z request_failed"), "{text}");
}

#[test]
fn a_guarded_rollout_is_released_after_its_users_or_still_watched_before() {
    let changes = [("        every: 200,\n", "        every: 20,\n"), ("users: 1600", "users: 40")];
    let (mut events, mut few) = (Vec::new(), Vec::new());
    for user in 1..=50 {
        let variation = if user % 2 == 1 { "other-paid" } else { "new" };
        events.push(exposure("support-agent", user, variation));
        if user % 10 < 2 {
            events.push(event("request_failed", user));
        }
        if user == 35 {
            few = events.clone();
        }
    }
    let (report, _) = judged("guarded-rollout", &changes, &events);
    let rollout = &report["rollouts"][0];
    assert_eq!(
        (&rollout["outcome"], rollout["looks"].as_array().unwrap().len()),
        (&json!("released"), 2)
    );
    assert!(rollout["message"].as_str().unwrap().contains("at 2025-10-09T08:54:00Z, after 40"));
    // The scenario expects a rollback, so the exit code says that it did not come.
    assert_eq!(report["expectations"][0]["passed"], false);
    let (report, _) = judged("guarded-rollout", &changes, &few);
    let message = "By its rule, new is still watched: the data end after 35 of 40 watched users.";
    assert_eq!(report["rollouts"][0]["message"], message);
    // Without a watched user there is nothing to judge.
    let (report, _) = judged("guarded-rollout", &changes, &[event("request_failed", 1)]);
    assert_eq!(report["rollouts"], Value::Null);
}

#[test]
fn a_bandit_is_judged_by_the_shares_that_its_rule_gives() {
    // 30 users in turn, then 5 more, with whom no batch is full. Likes arrive at once.
    let mut events = Vec::new();
    for user in 1..=35 {
        let (variation, liked) = match user % 3 {
            1 => ("other-paid", user <= 6),
            2 => ("mini", user <= 9),
            _ => ("sonnet", user <= 18),
        };
        events.push(exposure("support-agent", user, variation));
        if liked {
            events.push(event("$ld:ai:feedback:user:positive", user));
        }
    }
    let (report, text) = judged("bandit", &[("every: 200", "every: 30")], &events);
    let experiment = &report["experiments"][0];
    let bandit = &experiment["bandit"];
    // 2, 3 and 6 of 10 liked it: posteriors Beta(3, 9), Beta(5.5097, 14.5291), Beta(8.5097,
    // 11.5291), since a prior has the mean 1/4 and the variance 0.041/16 + 3 * 9 / (12^2 * 13). By
    // numerical integration they are best with 0.119733, 0.126445 and 0.753822; 5% are the floor.
    let right = [("other-paid", 0.151_77), ("mini", 0.157_48), ("sonnet", 0.690_75)];
    let found = bandit["reallocations"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{bandit}");
    assert_eq!((&found[0]["users"], &found[0]["at_ms"]), (&json!(30), &json!(BEGAN_MS + 30_000)));
    for (variation, share) in right {
        let found = found[0]["shares"][variation].as_f64().unwrap();
        assert!((found - share).abs() < 2e-5, "{variation}: {found}, {share}");
    }
    assert_eq!((&bandit["arms"], &bandit["regret"]), (&json!([]), &Value::Null));
    // A split that a bandit makes was not planned, so there is no mismatch to find.
    let check = |name: &str| {
        let all = experiment["health"].as_array().unwrap();
        all.iter().find(|check| check["check"] == name).unwrap().clone()
    };
    assert_ne!(check("sample_ratio_mismatch")["status"], "error");
    assert!(text.contains("The shares that the bandit's rule gives"), "{text}");
    assert!(!text.contains("and a fixed split of the same users"), "{text}");
}

#[test]
fn the_events_of_a_run_are_judged_as_the_run_went() {
    for lesson in ["guarded-rollout", "bandit"] {
        let place = folder(&format!("judged-run-{lesson}"));
        let run = simlab(&[
            "run",
            lesson,
            "--quiet",
            "--format",
            "json",
            "--out",
            place.to_str().unwrap(),
        ]);
        let run: Value = serde_json::from_str(&run.out).unwrap();
        let events = place.join("events.jsonl");
        let found = simlab(&["analyze", events.to_str().unwrap(), "--format", "json"]);
        let found: Value = serde_json::from_str(&found.out).unwrap();
        if lesson == "guarded-rollout" {
            let [run, found] = [&run["rollouts"][0], &found["rollouts"][0]];
            assert_eq!(found["outcome"], run["outcome"]);
            let [ran, judged] = [run, found].map(|own| own["looks"].as_array().unwrap());
            assert_eq!(judged.len(), ran.len());
            let regressed =
                |looks: &[Value]| looks.last().unwrap()["metrics"][0]["regressed"].clone();
            assert_eq!((regressed(judged), regressed(ran)), (json!(true), json!(true)));
        } else {
            let [ran, judged] = [&run, &found]
                .map(|own| own["experiments"][0]["bandit"]["reallocations"].as_array().unwrap());
            // A run looks when the next user arrives, so a few more events may count, and there is no
            // look after the last user.
            assert!(judged.len() - ran.len() <= 1, "{} {}", judged.len(), ran.len());
            let share = |one: &Value| one["shares"]["sonnet"].as_f64().unwrap();
            for (ran, judged) in ran.iter().zip(judged) {
                assert!((share(ran) - share(judged)).abs() < 0.1, "{ran} {judged}");
            }
            let status = found["experiments"][0]["health"].as_array().unwrap().iter();
            assert!(status.clone().all(|check| check["status"] != "error"), "{status:?}");
        }
    }
}
