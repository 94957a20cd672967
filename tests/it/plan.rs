//! `simlab plan`: numbers of users from options and from scenarios, held against other programs and
//! against `power`.

use serde_json::Value;

use crate::program::{pinned, simlab};

/// The plan of these options, as JSON.
fn plan(options: &str) -> Value {
    let mut arguments = vec!["plan"];
    arguments.extend(options.split_whitespace());
    arguments.extend(["--format", "json", "--quiet"]);
    simlab(&arguments).json()
}

/// What a plan says of options that do not fit.
fn refused(options: &str) -> String {
    let mut arguments = vec!["plan"];
    arguments.extend(options.split_whitespace());
    let ran = simlab(&arguments);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{options}");
    ran.err
}

#[test]
fn a_plan_of_a_rate_has_users_dollars_and_days() {
    // scipy 1.17.1: 4,631 users, half of them 2,315.5; the exact power with 2,316 in each variation
    // is 0.8010 (see the tests of `analysis::planned`).
    let found =
        plan("--baseline 62% --lift 3pt --power 80% --cost-per-user $0.012 --users-per-day 400");
    assert_eq!(found["schema"], "simlab.plan/1");
    assert_eq!(found["users"], 4632);
    assert_eq!(found["users_per_variation"]["control"], 2316);
    assert_eq!(found["users_per_variation"]["treatment"], 2316);
    assert_eq!(found["dollars"], 55.584);
    assert_eq!(found["days"], 11.58);
    assert_eq!((&found["power"], &found["alpha"]), (&Value::from(0.8), &Value::from(0.1)));
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    let own = rows.iter().find(|row| row["users"] == 4632).unwrap();
    assert!((own["smallest_effect"].as_f64().unwrap() - 0.03).abs() < 1e-5, "{own}");
    let effects: Vec<f64> =
        rows.iter().map(|row| row["smallest_effect"].as_f64().unwrap()).collect();
    assert!(effects.is_sorted_by(|a, b| a > b), "{effects:?}");
}

#[test]
fn a_two_sided_plan_equals_other_calculators() {
    // statsmodels 0.15.0: 4041.43 in each group; scipy: the closed form for p1 = .50, p2 = .75,
    // power = .90) is 76.7 in each group; NormalIndPower().solve_power(20 / 300, alpha=.05,
    // power=.8) is 3532.0 = 2 * (1.959964 + 0.841621)^2 * 15^2.
    let users = |options: &str| plan(options)["users"].clone();
    assert_eq!(users("--baseline 0.62 --lift 3pt --alpha 0.05"), 8084);
    assert_eq!(users("--baseline 50% --lift 25pt --power 90% --alpha 5%"), 154);
    assert_eq!(users("--mean 420 --sd 300 --lift 20 --alpha 0.05"), 7064);
}

#[test]
fn an_uneven_split_gives_each_variation_its_share() {
    // scipy 1.17.1: 7,202 users at 80/20.
    let found = plan("--baseline 62% --lift 3pt --split 80/20");
    assert_eq!(found["users_per_variation"]["control"], 5762);
    assert_eq!(found["users_per_variation"]["treatment"], 1441);
    assert_eq!(found["users"], 7203);
    let named = plan("--baseline 62% --lift 3pt --split new=20%,control=80%");
    assert_eq!(named["users_per_variation"]["new"], 1441);
    let three = plan("--baseline 62% --lift 3pt --split 40/40/20");
    assert_eq!(three["treatment"], "treatment-2");
}

#[test]
fn the_lift_is_points_or_relative() {
    let points = plan("--baseline 60% --lift 3pt");
    let relative = plan("--baseline 60% --lift 5%");
    assert_eq!(points["users"], relative["users"]);
    assert_eq!(points["relative_lift"], 0.05);
    let down = plan("--baseline 62% --lift -3pt");
    // scipy 1.17.1: 4,838 users.
    assert_eq!((&down["users"], &down["lift"]), (&Value::from(4838), &Value::from(-0.03)));
    assert!(down["rows"][0]["smallest_effect"].as_f64().unwrap() < 0.0);
}

#[test]
fn without_a_lift_the_plan_has_smallest_effects() {
    let found = plan("--baseline 4% --users-per-day 400");
    assert_eq!((&found["users"], &found["lift"]), (&Value::Null, &Value::Null));
    let users: Vec<u64> = found["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["users"].as_u64().unwrap())
        .collect();
    assert_eq!(users, [400, 2800, 5600, 11200, 22400]);
    assert_eq!(found["rows"][1]["days"], 7.0);
}

#[test]
fn a_check_simulates_the_same_analysis() {
    for options in [
        "--baseline 62% --lift 3pt --check",
        "--mean 420 --sd 300 --lift -5% --check",
        "--baseline 62% --lift 3pt --alpha 0.05 --check --replications 4000",
    ] {
        let check = plan(options)["check"].clone();
        assert_eq!(check["by"], "analysis");
        let number = |value: &Value| value.as_f64().unwrap();
        let gap = (number(&check["closed_form"]) - number(&check["simulated"]["value"])).abs();
        let error = number(&check["simulated"]["standard_error"]);
        assert!(error > 0.0 && gap < 3.5 * error + 0.003, "{options}: {check}");
    }
}

#[test]
fn a_scenario_gives_baseline_spread_cost_and_effect() {
    let found = plan("premium");
    assert_eq!(found["scenario"], "premium");
    assert_eq!(found["fingerprint"].as_str().unwrap().len(), 32);
    let inputs = found["inputs"].as_array().unwrap();
    for what in ["baseline", "lift", "decision", "split", "cost per user"] {
        let own = inputs.iter().find(|input| input["what"] == what);
        let own = own.unwrap_or_else(|| panic!("{what}: {found}"));
        assert!(!own["source"].as_str().unwrap().is_empty(), "{own}");
    }
    assert!(found["users"].as_u64().unwrap() > 0 && found["dollars"].as_f64().unwrap() > 0.0);
    // The run itself has the same cost for each user.
    let run = simlab(&["run", "premium", "--quiet", "--format", "json"]).json();
    let per_user =
        run["traffic"]["cost_usd"].as_f64().unwrap() / run["traffic"]["queries"].as_f64().unwrap();
    let planned = found["dollars"].as_f64().unwrap() / found["users"].as_f64().unwrap();
    assert!((planned / per_user - 1.0).abs() < 0.05, "{planned} against {per_user}");
    let metrics = found["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), run["experiments"][0]["metrics"].as_array().unwrap().len());
}

#[test]
fn the_baseline_of_a_lift_is_that_of_the_run() {
    let run = simlab(&["run", "security", "--quiet", "--format", "json"]).json();
    let experiment = &run["experiments"][0];
    let metric = &experiment["metrics"][0];
    let control = metric["variations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|own| own["key"] == experiment["control"])
        .unwrap();
    let found = plan("security --lift 5%");
    assert_eq!(found["metric"], metric["key"]);
    let gap = found["baseline"].as_f64().unwrap() - control["data_mean"].as_f64().unwrap();
    assert!(gap.abs() < 1e-9, "{found}");
}

#[test]
fn power_confirms_the_plan_of_a_scenario() {
    // Costs go up, so the runs keep the control.
    let found = plan("security --metric ai_cost_per_request --check --replications 200");
    let check = &found["check"];
    assert_eq!((&check["by"], &check["replications"]), (&"power".into(), &200.into()));
    let number = |value: &Value| value.as_f64().unwrap();
    let gap = (number(&check["closed_form"]) - number(&check["simulated"]["value"])).abs();
    assert!(gap < 0.12, "{check}");
}

#[test]
fn options_that_do_not_fit_are_shown_with_carets() {
    let err = refused("--baseline 62% --lift 3");
    assert!(err.contains("write 3pt") && err.contains("--lift 3") && err.contains('┬'), "{err}");
    assert!(refused("--baseline 62% --lift 40pt").contains("62.0% to 102%"));
    assert!(refused("--baseline 62 --lift 3pt").contains("write 62% or 0.62"));
    assert!(refused("--baseline 62% --lift 3pt --split 50/40").contains("sum to 90%"));
    assert!(refused("--baseline 62% --lift 3pt --split 100/0").contains("no users"));
    assert!(refused("--baseline 62% --lift 3pt --power 5%").contains("10% of experiments"));
    assert!(refused("--baseline 62% --lift 0pt").contains("cannot be found"));
    assert!(refused("--baseline 62% --check").contains("--lift 3pt"));
    assert!(refused("--mean 420 --lift 5%").contains("--sd"));
    assert!(refused("").contains("--baseline 62% --lift 3pt"));
    assert!(refused("--baseline 62% --lift 3pt --cost-per-user bash.012").contains("'$0.012'"));
    assert!(refused("premium --metric ai_cost_per_requst").contains("`ai_cost_per_request`"));
}

#[test]
fn a_plan_reads_as_before() {
    let arguments = [
        "plan",
        "--baseline",
        "62%",
        "--lift",
        "3pt",
        "--cost-per-user",
        "0.012",
        "--users-per-day",
        "400",
    ];
    pinned("plan.text", &simlab(&arguments).well());
    let markdown = simlab(&[&arguments[..], &["--format", "markdown"]].concat()).well();
    pinned("plan.markdown", &markdown);
}

#[test]
fn a_plan_of_a_scenario_reads_as_before() {
    pinned("plan-security.text", &simlab(&["plan", "security", "--quiet"]).well());
}

#[test]
fn a_paired_plan_finds_the_cheapest_mix() {
    // All of 20 by 20 mixes with scipy 1.17.1's noncentral t: 132 questions, one answer, four
    // judgings, $7.392; with questions at $1, 48 and 6 and 6 for $66.432.
    let spreads = "--paired --lift 0.1 --sd-effect 0.2 --sd-answer 0.2 --sd-judge 0.3";
    let costs = "--cost-per-answer 0.02 --cost-per-judging 0.002";
    let found = plan(&format!("{spreads} {costs}"));
    assert_eq!(found["schema"], "simlab.paired_plan/1");
    let mix = |found: &Value| {
        let cheapest = &found["cheapest"];
        ["questions", "answers_per_question", "judgings_per_answer", "dollars"]
            .map(|field| cheapest[field].as_f64().unwrap())
    };
    assert_eq!(mix(&found), [132.0, 1.0, 4.0, 7.392]);
    let dear = plan(&format!("{spreads} {costs} --cost-per-question 1"));
    assert_eq!(mix(&dear), [48.0, 6.0, 6.0, 66.432]);
    let few = plan(&format!("{spreads} {costs} --questions 20"));
    assert_eq!(few["cheapest"], Value::Null);
    assert!(few["smallest_lift"].as_f64().unwrap() > 0.1, "{few}");
    // A split test of users who ask one question each: statsmodels 0.15.0,
    // NormalIndPower().solve_power(.1 / sqrt(.4**2 + .02 + .04 + .09), alpha=.05, power=.8) is
    // 486.72 in each group.
    let online = plan(&format!("{spreads} --sd-question 0.4 --users-per-day 20"));
    assert_eq!(online["online"]["users"], 974);
    assert!(refused("--paired --lift 3pt").contains("plain number"));
    assert!(refused("--paired --lift 0.1").contains("nothing varies"));
    assert!(refused("--paired --lift 0.1 --sd-effect=-1").contains("from 0 up"));
    assert!(refused("--baseline 62% --lift 3pt --sd-judge 1").contains("--paired"));
}

#[test]
fn sizes_without_a_result_are_told_and_left_out() {
    // A 95th percentile has no standard error below 20 users: none is expected beyond it.
    let sizes = |options: &str| -> (Vec<u64>, String) {
        let found = plan(options);
        let rows = found["rows"].as_array().unwrap();
        let users = rows.iter().map(|row| row["users"].as_u64().unwrap()).collect();
        (users, found["warnings"].to_string())
    };
    let (users, warnings) =
        sizes("security --metric p95_total_user_latency --users 24,38,40,4000 --split 50/50");
    assert_eq!(users, [40, 4000]);
    let told = "no result with 24, 38 users: every variation needs 20";
    assert!(warnings.contains(told), "{warnings}");
    // 80% and 20%: the second variation has its two users from 10 users on.
    let (users, warnings) = sizes("--baseline 50% --lift 25pt --split 80/20 --users 9,10,400");
    assert_eq!(users, [10, 400]);
    assert!(warnings.contains("no result with 9 users: every variation needs 2"), "{warnings}");
    let large = plan("--mean 10 --sd 1 --lift 90% --split 50/50");
    assert!(large["users"].as_u64().unwrap() >= 4, "{large}");
}
