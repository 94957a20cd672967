//! Small inputs whose right answer was computed elsewhere (scipy 1.17.1, by hand), through the
//! whole program.

use std::fs;

use serde_json::Value;

use crate::program::{folder, simlab};

/// The report of an experiment over `a` (the control) and `b`, from its fields and metrics.
fn analyzed(name: &str, text: &str) -> Value {
    let file = folder(&format!("right-{name}")).join("data.ron");
    fs::write(&file, format!("( experiments: [( key: \"x\", control: \"a\", {text} )] )")).unwrap();
    simlab(&["analyze", file.to_str().unwrap(), "--format", "json"]).json()["experiments"][0]
        .clone()
}

/// The variation `key` of metric number `at`.
fn row<'a>(experiment: &'a Value, at: usize, key: &str) -> &'a Value {
    let all = experiment["metrics"][at]["variations"].as_array().unwrap();
    all.iter().find(|variation| variation["key"] == key).unwrap()
}

fn rates(exposures: [u64; 2], conversions: [u64; 2]) -> String {
    format!(
        "\"m\": ( kind: Conversion, better: Higher, variations: {{ \"a\": ( exposures: {}, conversions: {} ), \"b\": ( exposures: {}, conversions: {} ) }} ),",
        exposures[0], conversions[0], exposures[1], conversions[1]
    )
}

fn means(better: &str, unit: &str, [a, b]: [(u64, f64, f64); 2]) -> String {
    let one = |(n, value, error): (u64, f64, f64)| {
        format!("( exposures: {n}, value: {value:?}, standard_error: {error:?} )")
    };
    format!(
        "\"m\": ( kind: Numeric, better: {better}, unit: \"{unit}\", variations: {{ \"a\": {}, \"b\": {} }} ),",
        one(a),
        one(b)
    )
}

#[test]
fn rates_are_tested_exactly() {
    // scipy 1.17.1: 2 * min(hypergeom.cdf, sf) - pmf.
    let known = [
        ([10_000, 10_000], [10, 3], 0.057_299_736_951_121_37),
        ([1000, 1000], [0, 25], 2.560_332_312_534_107_8e-8),
        ([1000, 1000], [40, 0], 6.109_435_658_608_568e-13),
        ([5000, 5000], [500, 565], 0.035_163_008_300_089_11),
    ];
    for (nth, (exposures, conversions, expected)) in known.into_iter().enumerate() {
        let text = format!(
            "method: Frequentist, threshold: 0.95, metrics: {{ {} }}",
            rates(exposures, conversions)
        );
        let test = row(&analyzed(&format!("rates-{nth}"), &text), 0, "b")["frequentist"].clone();
        assert!((test["p_value"].as_f64().unwrap() / expected - 1.0).abs() < 1e-6, "{test}");
        let ends = test["difference_interval"].as_array().unwrap();
        let outside = ends[0].as_f64().unwrap() > 0.0 || ends[1].as_f64().unwrap() < 0.0;
        assert_eq!(outside, expected <= 0.05, "{test}");
        assert_eq!(test["relative_difference"].is_null(), conversions[0] == 0, "{test}");
        assert!(
            test["method"].as_str().unwrap().contains("mid-p") && test["correction"].is_null(),
            "{test}"
        );
    }
}

#[test]
fn a_negative_control_is_never_beaten_by_a_greater_loss() {
    let decision = r#"decision: ( ship: "b", when: All([ Significant(metric: "m", alpha: 0.05), NonInferior(metric: "m", margin: 0.1, probability: 0.9) ]) )"#;
    let of = |mean: f64| {
        let text = format!(
            "method: Frequentist, metrics: {{ {} }}, {decision}",
            means("Higher", "$", [(1000, -10.0, 0.2), (1000, mean, 0.2)])
        );
        analyzed(&format!("negative{mean}"), &text)
    };
    let (worse, better) = (of(-15.0), of(-5.0));
    assert_eq!(
        (&worse["verdict"]["decision"], &better["verdict"]["decision"]),
        (&"need_more_data".into(), &"ship".into())
    );
    assert!(
        (row(&worse, 0, "b")["frequentist"]["relative_difference"].as_f64().unwrap() + 0.5).abs()
            < 1e-9
    );
    assert!(
        (row(&better, 0, "b")["frequentist"]["relative_difference"].as_f64().unwrap() - 0.5).abs()
            < 1e-9
    );
    assert!(row(&worse, 0, "b")["relative_difference"].as_f64().unwrap() < -0.4);
}

#[test]
fn a_control_near_zero_has_an_absolute_difference_and_no_relative_one() {
    let text = format!(
        "method: Frequentist, metrics: {{ {} }}",
        means("Higher", "$", [(500, 0.001, 0.4), (500, 1.2, 0.4)])
    );
    let found = analyzed("near-zero", &text);
    let b = row(&found, 0, "b");
    for field in ["relative_difference", "relative_interval"] {
        assert!(b[field].is_null(), "{b}");
    }
    let test = &b["frequentist"];
    assert!(test["relative_difference"].is_null() && test["interval"].is_null(), "{test}");
    // 1.2 - 0.001, standard error 0.4 sqrt 2; at 90% with 998 degrees of freedom 1.6464 of them.
    assert!((test["difference"].as_f64().unwrap() - 1.199).abs() < 1e-9, "{test}");
    assert!(
        (test["difference_interval"][0].as_f64().unwrap() - (1.199 - 1.6464 * 0.32_f64.sqrt()))
            .abs()
            < 1e-4,
        "{test}"
    );
    assert!(b["absolute_difference"].is_number() && b["absolute_interval"].is_array(), "{b}");
    assert!(b["reason"].as_str().unwrap().contains("holds 0"), "{b}");
    let warned = found["health"]
        .as_array()
        .unwrap()
        .iter()
        .any(|one| one["check"] == "control_near_zero" && one["status"] == "warning");
    assert!(warned, "{}", found["health"]);
    let file = folder("right-near-zero-text").join("data.ron");
    fs::write(&file, format!("( experiments: [( key: \"x\", control: \"a\", {text} )] )")).unwrap();
    let text = simlab(&["analyze", file.to_str().unwrap()]).well();
    assert!(text.contains("+$1.20"), "{text}");
}

#[test]
fn corrections_widen_intervals_and_are_named() {
    for (correction, name) in [
        ("Bonferroni", "Bonferroni over 1 comparison"),
        ("BenjaminiHochberg", "Benjamini-Hochberg over 1 comparison"),
    ] {
        let text = format!(
            "method: Sequential, correction: {correction}, metrics: {{ {} }}",
            rates([5000, 5000], [500, 565])
        );
        let b = row(&analyzed(&format!("named-{correction}"), &text), 0, "b").clone();
        assert_eq!(
            (&b["frequentist"]["correction"], &b["sequential"]["correction"]),
            (&name.into(), &name.into()),
            "{b}"
        );
    }
    // scipy 1.17.1: six comparisons; b of c1 has p = 0.035163 alone and 0.210978 corrected, and its
    // interval holds 0.
    let metric = |key: &str, b: u64, c: u64| {
        format!(
            "\"{key}\": ( kind: Conversion, better: Higher, variations: {{ \"a\": ( exposures: 5000, conversions: 500 ), \"b\": ( exposures: 5000, conversions: {b} ), \"c\": ( exposures: 5000, conversions: {c} ) }} ),"
        )
    };
    let metrics = [metric("c1", 565, 505), metric("c2", 504, 496), metric("c3", 495, 510)].concat();
    let found = analyzed(
        "six",
        &format!(
            "method: Frequentist, correction: Bonferroni, threshold: 0.95, metrics: {{ {metrics} }}"
        ),
    );
    let test = &row(&found, 0, "b")["frequentist"];
    assert!((test["p_value"].as_f64().unwrap() - 6.0 * 0.035_163_008_300).abs() < 1e-6, "{test}");
    for interval in ["interval", "difference_interval"] {
        assert!(
            test[interval][0].as_f64().unwrap() < 0.0 && test[interval][1].as_f64().unwrap() > 0.0,
            "{test}"
        );
    }
}

#[test]
fn means_of_few_users_have_students_t() {
    // scipy 1.17.1: ttest_ind_from_stats(3, 1, 3, 1, 1, 4, equal_var=False).pvalue; t.ppf(0.95, 3)
    // = 2.353363 for the control.
    let text = format!(
        "method: Frequentist, metrics: {{ {} }}",
        means("Higher", "$", [(4, 1.0, 0.5), (3, 3.0, 1.0 / 3.0_f64.sqrt())])
    );
    let found = analyzed("few", &text);
    assert!(
        (row(&found, 0, "b")["frequentist"]["p_value"].as_f64().unwrap() - 0.052_856_587_235).abs()
            < 1e-8,
        "{found}"
    );
    let upper = row(&found, 0, "a")["credible_interval"][1].as_f64().unwrap();
    assert!((upper - (1.0 + 0.5 * 2.353_363_434_801)).abs() < 1e-8, "{upper}");
}

#[test]
fn another_currency_moves_no_posterior() {
    let of = |unit: &str| {
        let metric = means("Lower", unit, [(1350, 0.0246, 0.0029), (1377, 0.0286, 0.0035)])
            .replace("\"m\"", "\"ai_cost_per_request\"");
        let found = analyzed(&format!("unit-{}", unit.len()), &format!("metrics: {{ {metric} }}"));
        row(&found, 0, "b")["posterior_mean"].as_f64().unwrap()
    };
    assert_eq!(of("$"), of("EUR"));
    // By hand: the prior's variance is 0.155 mean^2 + error^2.
    let (tau, error) = (0.155 * 0.0246_f64.powi(2) + 0.0029_f64.powi(2), 0.0035_f64.powi(2));
    let expected = 0.0246 + tau / (tau + error) * (0.0286 - 0.0246);
    assert!((of("EUR") - expected).abs() < 1e-9);
}

#[test]
fn very_large_and_very_small_means_have_relative_differences() {
    for (nth, scale) in [1e200, 1e-200, 1e12, 1e-7].into_iter().enumerate() {
        let text = format!(
            "method: Frequentist, metrics: {{ {} }}",
            means("Higher", "", [(1000, scale, 0.1 * scale), (1000, 1.3 * scale, 0.1 * scale)])
        );
        let found = analyzed(&format!("scale-{nth}"), &text);
        let b = row(&found, 0, "b");
        assert!(
            (b["frequentist"]["relative_difference"].as_f64().unwrap() - 0.3).abs() < 1e-9,
            "{b}"
        );
        assert!(
            (b["relative_difference"].as_f64().unwrap() - 0.3).abs() < 0.03
                && b["relative_interval"].is_array(),
            "{b}"
        );
    }
}

#[test]
fn the_cases_of_the_shared_folder_give_their_right_values() {
    let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases");
    if !cases.exists() {
        return;
    }
    let of = |name: &str| {
        simlab(&[
            "analyze",
            cases.join(format!("{name}.ron")).to_str().unwrap(),
            "--format",
            "json",
        ])
        .json()
    };
    let decision =
        |name: &str| of(name)["experiments"][0]["verdict"]["decision"].as_str().unwrap().to_owned();
    assert_ne!(decision("negative-control"), "ship");
    assert_ne!(decision("small-counts"), "ship");
    assert_eq!(decision("arm-at-zero"), "ship");
    let control = of("control-at-zero");
    let held: Vec<&Value> = control["experiments"][0]["verdict"]["because"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["held"])
        .collect();
    assert_eq!(held, [&Value::Bool(true), &Value::Null]);
}

#[test]
fn a_judged_rate_is_of_the_users_that_were_judged() {
    // By hand, Rogan & Gladen: 310 of 500 judged good is 62%; (0.62 + 0.8 - 1) / (0.9 + 0.8 - 1) =
    // 60%.
    let row = |conversions: u64, users: &str| {
        format!("( exposures: 1000, conversions: {conversions}{users} )")
    };
    let text = |users: &str| {
        format!(
            "metrics: {{ \"m\": ( kind: Conversion, better: Higher, judge: ( sensitivity: 0.9, specificity: 0.8 ), variations: {{ \"a\": {}, \"b\": {} }} ) }}",
            row(310, users),
            row(345, users)
        )
    };
    let found = analyzed("judged", &text(", users: 500"));
    let [a, b] = ["a", "b"].map(|key| row_of(&found, key));
    assert!((a["data_mean"].as_f64().unwrap() - 0.62).abs() < 1e-12, "{a}");
    assert!((a["corrected"]["rate"].as_f64().unwrap() - 0.6).abs() < 1e-12, "{a}");
    assert!((b["corrected"]["difference"].as_f64().unwrap() - 0.1).abs() < 1e-12, "{b}");
    assert_eq!((&a["users_with_value"], &a["exposures"]), (&500.into(), &1000.into()));
    // Without the number of judged users everybody counts as judged.
    let found = analyzed("judged-all", &text(""));
    assert!((row_of(&found, "a")["corrected"]["rate"].as_f64().unwrap() - 0.11 / 0.7).abs() < 1e-9);
    // More conversions than judged users is a fault of the file.
    let file = folder("right-judged-few").join("data.ron");
    fs::write(
        &file,
        format!("( experiments: [( key: \"x\", control: \"a\", {} )] )", text(", users: 300")),
    )
    .unwrap();
    let ran = simlab(&["analyze", file.to_str().unwrap()]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("more conversions than users with a value"), "{}", ran.err);
}

fn row_of<'a>(experiment: &'a Value, key: &str) -> &'a Value {
    row(experiment, 0, key)
}
