//! Second readings beside the results: hindsight, the judge's errors, the pre-period, two
//! experiments together.

use serde_json::Value;

use super::lab::Lab;
use super::program::simlab;

/// The report of a run of a scenario.
fn report(lab: Lab, test: &str, more: &[&str]) -> Value {
    let file = lab.file(test);
    simlab(&[&["run", &file, "--format", "json", "--quiet"], more].concat()).json()
}

fn interval(value: &Value) -> (f64, f64) {
    (value[0].as_f64().unwrap(), value[1].as_f64().unwrap())
}

#[test]
fn hindsight_says_whether_a_verdict_was_right() {
    for (scenario, users) in [("premium", "215"), ("security", "2727"), ("security-literal", "400")]
    {
        let report = simlab(&[
            "run",
            scenario,
            "--users",
            users,
            "--truth",
            "--truth-users",
            "3000",
            "--format",
            "json",
            "--quiet",
        ])
        .json();
        let verdict = &report["experiments"][0]["verdict"];
        let (found, truth) = (&verdict["decision"], &verdict["hindsight"]["decision"]);
        let right = &verdict["hindsight"]["right"];
        if found == truth {
            assert_eq!(right, true);
        } else if found == "need_more_data" {
            assert_eq!(right, &Value::Null);
        } else {
            assert_eq!(right, false);
        }
        let message = verdict["hindsight"]["message"].as_str().unwrap();
        let text = simlab(&[
            "run",
            scenario,
            "--users",
            users,
            "--truth",
            "--truth-users",
            "3000",
            "--quiet",
        ])
        .well();
        assert!(text.contains(&message[..20]), "{text}");
    }
    let plain = simlab(&["run", "premium", "--format", "json", "--quiet"]).json();
    assert_eq!(plain["experiments"][0]["verdict"].get("hindsight"), None);
}

#[test]
fn a_judges_errors_are_taken_out_by_rogan_and_gladens_formula() {
    let judge = r#"metrics: { "positive_feedback_rate": ( judge: ( sensitivity: 0.9, specificity: 0.8 ) ) }"#;
    let report = report(Lab::of("security").block(judge), "judge", &["--users", "600"]);
    let metric = |key: &str| {
        let metrics = report["experiments"][0]["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["key"] == key).unwrap()["variations"].clone()
    };
    let (variations, bad) = (metric("positive_feedback_rate"), metric("negative_feedback_rate"));
    let mut rates = Vec::new();
    for (variation, bad) in variations.as_array().unwrap().iter().zip(bad.as_array().unwrap()) {
        // A user is judged once: good or bad. Nobody else was judged.
        let judged =
            variation["conversions"].as_f64().unwrap() + bad["conversions"].as_f64().unwrap();
        assert!(judged < 0.9 * variation["exposures"].as_f64().unwrap(), "{variation}");
        let raw = variation["conversions"].as_f64().unwrap() / judged;
        let by_hand = (raw + 0.8 - 1.0) / (0.9 + 0.8 - 1.0);
        let corrected = &variation["corrected"];
        assert_eq!(corrected["judged"].as_f64(), Some(judged));
        assert!((corrected["rate"].as_f64().unwrap() - by_hand).abs() < 1e-9, "{variation}");
        let (low, high) = interval(&corrected["interval"]);
        let reach = 1.644_853_627 * (raw * (1.0 - raw) / judged).sqrt() / 0.7;
        assert!((high - low - 2.0 * reach).abs() < 1e-8, "{corrected}");
        rates.push(by_hand);
    }
    let difference = variations[1]["corrected"]["difference"].as_f64().unwrap();
    assert!((difference - (rates[1] - rates[0])).abs() < 1e-9);
    assert_eq!(variations[0]["corrected"]["difference"], Value::Null);
    assert_eq!(
        report["experiments"][0]["metrics"][1]["variations"][0].get("corrected"),
        None,
        "no judge, no correction"
    );
}

#[test]
fn a_judge_no_better_than_a_coin_is_refused_where_it_stands() {
    let coin = "metrics: { \"positive_feedback_rate\": ( judge: ( sensitivity: 0.4, specificity: 0.6 ) ) }";
    let ran = simlab(&["check", &Lab::of("security").block(coin).file("coin")]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.err.contains("this judge cannot be corrected for")
            && ran.err.contains("no better than a coin"),
        "{}",
        ran.err
    );
}

#[test]
fn what_the_pre_period_explains_narrows_the_interval() {
    let with = |alike: &str| {
        let pre = format!("pii_percentage: 100, pre_period: {alike}");
        let lab = Lab::of("security").change("pii_percentage: 100", &pre);
        report(lab, &format!("pre{alike}"), &[])
    };
    let alike = with("0.7");
    let experiment = &alike["experiments"][0];
    let adjusted = experiment["adjusted"].as_array().unwrap();
    assert_eq!(
        adjusted.len(),
        2,
        "the mean of cost, in two variations; rates and percentiles are not adjusted"
    );
    let control = adjusted[0]["explained"].as_f64().unwrap();
    // 70% of the users come back with the same question and the same luck: a correlation of about
    // 0.7, squared.
    assert!((0.3..=0.8).contains(&control), "{control}");
    let cost = experiment["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|metric| metric["key"] == "ai_cost_per_request")
        .unwrap();
    let width = |ends: (f64, f64)| ends.1 - ends.0;
    let plain = width(interval(&cost["variations"][1]["relative_interval"]));
    assert!(width(interval(&adjusted[1]["relative_interval"])) < 0.95 * plain);
    // The plain results are those of a run without a pre-period.
    let without = simlab(&["run", "security", "--format", "json", "--quiet"]).json();
    assert_eq!(without["experiments"][0]["metrics"], experiment["metrics"]);
    let strange = with("0")["experiments"][0]["adjusted"][0]["explained"].as_f64().unwrap();
    assert!(strange < 0.1, "other questions explain little: {strange}");
}

#[test]
fn two_experiments_on_the_same_users_are_looked_at_together() {
    let report =
        simlab(&["run", "tutorial", "--users", "400", "--format", "json", "--quiet"]).json();
    let interactions = report["interactions"].as_array().unwrap();
    assert_eq!(interactions.len(), 3, "the means and rates that both measure");
    for found in interactions {
        assert_eq!(
            (&found["first"], &found["second"]),
            (&"security-level".into(), &"premium-model-value-analysis".into())
        );
        let (low, high) = interval(&found["interval"]);
        let middle = found["interaction"].as_f64().unwrap();
        assert!(((low + high) / 2.0 - middle).abs() < 1e-6 * (1.0 + middle.abs()), "{found}");
        assert_eq!(
            found["p_value"].as_f64().unwrap() <= 0.1,
            low > 0.0 || high < 0.0,
            "a 90% interval and a test at 10% agree: {found}"
        );
    }
    assert!(
        report["interactions"][2]["second_effect"].as_f64().unwrap() > 0.1,
        "Opus costs more, whatever the security level"
    );
}
