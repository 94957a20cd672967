//! Decisions, expectations, and what cannot run together.

use insta::assert_snapshot;

use super::{SHORT, but, experiment_with, shown, with};

#[test]
fn a_control_without_traffic() {
    assert_snapshot!(but("{ \"basic-security\": \"50%\", \"strict-security\": \"50%\" }", "{ \"basic-security\": \"0%\", \"strict-security\": \"100%\" }"), @r#"
     × the control of experiment `security-level` gets no traffic
      ╭─[my.ron:6:18]
    5 │         segment: "other-paid",
    6 │         control: "basic-security",
      ·                  ────────┬───────
      ·                          ╰── no user would be in this control
    7 │         split: { "basic-security": "0%", "strict-security": "100%" },
      ╰────
     help: give it a share in `split`, such as "basic-security": "50%"
    "#);
}

#[test]
fn a_control_that_is_not_in_the_split() {
    assert_snapshot!(but("control: \"basic-security\"", "control: \"pii-detector\""), @r#"
     × the control of experiment `security-level` gets no traffic
      ╭─[my.ron:6:18]
    5 │         segment: "other-paid",
    6 │         control: "pii-detector",
      ·                  ───────┬──────
      ·                         ╰── no user would be in this control
    7 │         split: { "basic-security": "50%", "strict-security": "50%" },
      ╰────
     help: give it a share in `split`, such as "pii-detector": "50%"
    "#);
}

#[test]
fn nothing_to_compare_with_the_control() {
    assert_snapshot!(but("{ \"basic-security\": \"50%\", \"strict-security\": \"50%\" }", "{ \"basic-security\": \"100%\" }"), @r#"
     × experiment `security-level` compares nothing
      ╭─[my.ron:7:16]
    6 │         control: "basic-security",
    7 │         split: { "basic-security": "100%" },
      ·                ──────────────┬─────────────
      ·                              ╰── every user gets the control
    8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
      ╰────
    "#);
}

#[test]
fn a_variation_twice_in_the_split() {
    assert_snapshot!(but("\"strict-security\": \"50%\"", "\"basic-security\": \"50%\""), @r#"
     × variation `basic-security` is in the split twice
      ╭─[my.ron:7:18]
    6 │         control: "basic-security",
    7 │         split: { "basic-security": "50%", "basic-security": "50%" },
      ·                  ────────┬───────         ────────┬───────
      ·                          │                        ╰── the second time
      ·                          ╰── the first time
    8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
      ╰────
    "#);
}

#[test]
fn an_audience_that_nobody_of_meets_the_experiment() {
    assert_snapshot!(with(r#"audience: [(share: "100%", attributes: {"country": ["DE", "US"], "plan": ["free"]})]"#), @r#"
     × no user of the audience takes part in experiment `security-level`
      ╭─[my.ron:6:18]
    5 │         config: "security-agent",
    6 │         segment: "other-paid",
      ·                  ──────┬─────
      ·                        ╰── no user gets to this rule
    7 │         control: "basic-security",
      ╰────
     help: users of `audience` get to: eu-free, other-free
    "#);
}

#[test]
fn an_attribute_that_is_reserved() {
    assert_snapshot!(with(r#"audience: [(share: "100%", attributes: {"country": ["US"], "plan": ["paid"], "key": ["a"]})]"#), @r#"
     × an attribute cannot be called `key`
      ╭─[my.ron:2:82]
    1 │ (
    2 │     audience: [(share: "100%", attributes: {"country": ["US"], "plan": ["paid"], "key": ["a"]})],
      ·                                                                                  ──┬──
      ·                                                                                    ╰── LaunchDarkly keeps this name for itself
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_segment_without_a_rule() {
    assert_snapshot!(with(r#"segments: {"vip": [In("plan", ["paid"])]}, guarded_rollouts: [(config: "support-agent", segment: "vip", from: "other-paid", to: "eu-paid", share: "10%")]"#), @r#"
     × AI config `support-agent` has no rule for segment `vip`
      ╭─[my.ron:2:102]
    1 │ (
    2 │     segments: {"vip": [In("plan", ["paid"])]}, guarded_rollouts: [(config: "support-agent", segment: "vip", from: "other-paid", to: "eu-paid", share: "10%")],
      ·                                                                                                      ──┬──
      ·                                                                                                        ╰── no rule serves this segment
    3 │     experiments: [(
      ╰────
     help: `support-agent` has rules for: eu-free, eu-paid, other-free, other-paid
    "#);
}

#[test]
fn a_segment_without_a_condition() {
    assert_snapshot!(with(r#"segments: {"everybody": []}"#), @r#"
     × segment `everybody` has no condition
      ╭─[my.ron:2:16]
    1 │ (
    2 │     segments: {"everybody": []},
      ·                ─────┬─────
      ·                     ╰── it would hold everybody
    3 │     experiments: [(
      ╰────
     help: write at least one, such as In("plan", ["paid"])
    "#);
}

#[test]
fn a_guarded_rollout_on_the_experiments_config() {
    assert_snapshot!(with(r#"guarded_rollouts: [(config: "security-agent", segment: "eu-paid", from: "basic-security", to: "strict-security", share: "10%")]"#), @r#"
     × a guarded rollout and an experiment run on the same config `security-agent`
      ╭─[my.ron:2:33]
    1 │ (
    2 │     guarded_rollouts: [(config: "security-agent", segment: "eu-paid", from: "basic-security", to: "strict-security", share: "10%")],
      ·                                 ────────┬───────
      ·                                         ╰── the guarded rollout
    3 │     experiments: [(
    4 │         key: "security-level",
    5 │         config: "security-agent",
      ·                 ────────┬───────
      ·                         ╰── the experiment
    6 │         segment: "other-paid",
      ╰────
     help: LaunchDarkly runs one or the other: a guarded rollout to release with care, an experiment
           to measure
    "#);
}

#[test]
fn two_experiments_on_one_rule() {
    let again = SHORT
        .replace("security-level", "again")
        .replace("(\n    experiments: [", "")
        .replace("],\n)", "");
    assert_snapshot!(but("    )],", &format!("    ), {again}],")), @r#"
     × two experiments run on the same rule of `security-agent`
      ╭─[my.ron:5:18]
    4 │         config: "security-agent",
    5 │         segment: "other-paid",
      ·                  ──────┬─────
      ·                        ╰── the first one
    6 │         control: "basic-security",
      ╰────
       ╭─[my.ron:12:18]
    11 │         config: "security-agent",
    12 │         segment: "other-paid",
       ·                  ──────┬─────
       ·                        ╰── the second one
    13 │         control: "basic-security",
       ╰────
     help: one rule serves one experiment at a time: choose another config or segment
    "#);
}

#[test]
fn an_experiment_that_is_defined_twice() {
    assert_snapshot!(shown(&SHORT.replace("    )],", "    ), (key: \"security-level\", config: \"support-agent\", segment: \"other-paid\", control: \"other-paid\",\n        split: {\"other-paid\": \"50%\", \"eu-paid\": \"50%\"}, metrics: [\"ai_cost_per_request\"])],")), @r#"
     × experiment `security-level` is defined twice
      ╭─[my.ron:3:14]
    2 │     experiments: [(
    3 │         key: "security-level",
      ·              ────────┬───────
      ·                      ╰── the first time
    4 │         config: "security-agent",
      ╰────
       ╭─[my.ron:9:14]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │     ), (key: "security-level", config: "support-agent", segment: "other-paid", control: "other-paid",
       ·              ────────┬───────
       ·                      ╰── the second time
    10 │         split: {"other-paid": "50%", "eu-paid": "50%"}, metrics: ["ai_cost_per_request"])],
       ╰────
     help: keep one of them
    "#);
}

#[test]
fn a_model_that_is_defined_twice() {
    assert_snapshot!(with(r#"models: {"gpt-4o": (quality: 0.5), "gpt-4o": (quality: 0.6)}"#), @r#"
     × model `gpt-4o` is defined twice
      ╭─[my.ron:2:14]
    1 │ (
    2 │     models: {"gpt-4o": (quality: 0.5), "gpt-4o": (quality: 0.6)},
      ·              ────┬───                  ────┬───
      ·                  │                         ╰── the second time
      ·                  ╰── the first time
    3 │     experiments: [(
      ╰────
     help: keep one of them
    "#);
}

#[test]
fn a_key_that_launchdarkly_refuses() {
    assert_snapshot!(but("security-level", "security level"), @r#"
     × `security level` cannot be the key of an experiment
      ╭─[my.ron:3:14]
    2 │     experiments: [(
    3 │         key: "security level",
      ·              ────────┬───────
      ·                      ╰── not a key
    4 │         config: "security-agent",
      ╰────
     help: a key has letters, digits, `.`, `_` and `-`, and starts with a letter or digit
    "#);
}

#[test]
fn a_decision_on_a_metric_that_is_not_there() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: All([
            Beats(name: "cost", metric: "cost_per_requst", probability: 0.9),
            AtMost(metric: "ai_cost_per_requst", effect: Relative, bound: 0.15),
        ]))"#), @r#"
     × metric `cost_per_requst` is not defined
       ╭─[my.ron:10:41]
     9 │         decision: (ship: "strict-security", when: All([
    10 │             Beats(name: "cost", metric: "cost_per_requst", probability: 0.9),
       ·                                         ────────┬────────
       ·                                                 ╰── no metric has this key
    11 │             AtMost(metric: "ai_cost_per_requst", effect: Relative, bound: 0.15),
       ╰────
     help: did you mean `ai_cost_per_request`?
     × metric `ai_cost_per_requst` is not defined
       ╭─[my.ron:11:28]
    10 │             Beats(name: "cost", metric: "cost_per_requst", probability: 0.9),
    11 │             AtMost(metric: "ai_cost_per_requst", effect: Relative, bound: 0.15),
       ·                            ──────────┬─────────
       ·                                      ╰── no metric has this key
    12 │         ])),
       ╰────
     help: did you mean `ai_cost_per_request`?
    "#);
}

#[test]
fn a_metric_of_a_decision_is_shown_where_it_stands_not_where_its_text_comes_first() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: All([
            // not on "cost_per_requst", metric: "cost_per_requst"
            Beats(metric: "cost_per_requst", probability: 0.9),
        ]))"#), @r#"
     × metric `cost_per_requst` is not defined
       ╭─[my.ron:11:27]
    10 │             // not on "cost_per_requst", metric: "cost_per_requst"
    11 │             Beats(metric: "cost_per_requst", probability: 0.9),
       ·                           ────────┬────────
       ·                                   ╰── no metric has this key
    12 │         ])),
       ╰────
     help: did you mean `ai_cost_per_request`?
    "#);
}

#[test]
fn a_decision_on_a_metric_of_another_experiment() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: Beats(metric: "p95_total_user_latency", probability: 0.9))"#), @r#"
     × metric `p95_total_user_latency` is not measured by this experiment
       ╭─[my.ron:9:65]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         decision: (ship: "strict-security", when: Beats(metric: "p95_total_user_latency", probability: 0.9)),
       ·                                                                 ────────────┬───────────
       ·                                                                             ╰── the rule needs it
    10 │     )],
       ╰────
     help: add it to `metrics` of experiment `security-level`
    "#);
}

#[test]
fn a_decision_that_ships_the_control() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "basic-security", when: Declared(name: "it is better", holds: true))"#), @r#"
     × the decision ships the control
       ╭─[my.ron:9:26]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         decision: (ship: "basic-security", when: Declared(name: "it is better", holds: true)),
       ·                          ────────┬───────
       ·                                  ╰── this is the control already
    10 │     )],
       ╰────
     help: name the treatment that the rule is about: strict-security
    "#);
}

#[test]
fn a_decision_that_ships_who_takes_no_part() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "pii-detector", when: Declared(name: "it is better", holds: true))"#), @r#"
     × variation `pii-detector` takes no part in experiment `security-level`
       ╭─[my.ron:9:26]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         decision: (ship: "pii-detector", when: Declared(name: "it is better", holds: true)),
       ·                          ───────┬──────
       ·                                 ╰── it cannot be shipped
    10 │     )],
       ╰────
     help: known: strict-security
    "#);
}

#[test]
fn a_decision_in_words_that_are_not_there() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: AtMst(metric: "ai_cost_per_request", effect: Relative, bound: 0.15))"#), @r#"
     × unknown variant `AtMst`
       ╭─[my.ron:9:51]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         decision: (ship: "strict-security", when: AtMst(metric: "ai_cost_per_request", effect: Relative, bound: 0.15)),
       ·                                                   ──┬──
       ·                                                     ╰── no variant has this name here
    10 │     )],
       ╰────
     help: did you mean `AtMost`?
    "#);
}

#[test]
fn a_decision_without_criteria() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: All([]))"#), @r#"
     × expected at least one criterion, found none
       ╭─[my.ron:9:56]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         decision: (ship: "strict-security", when: All([])),
       ·                                                        ┬
       ·                                                        ╰── here
    10 │     )],
       ╰────
    "#);
}

#[test]
fn an_expectation_without_a_decision() {
    assert_snapshot!(experiment_with("expect: (verdict: Ship)"), @r#"
     × an expectation without a decision
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         expect: (verdict: Ship),
       ·                 ───────┬───────
       ·                        ╰── there is no rule that could meet it
    10 │     )],
       ╰────
     help: write `decision: ( ship: …, when: … )`
    "#);
}

#[test]
fn an_expectation_of_a_criterion_without_a_name_that_is_not_there() {
    let drawn = experiment_with(
        r#"decision: (ship: "strict-security", when: All([
            Beats(metric: "positive_feedback_rate", probability: 0.9),
            Not(Any([Declared(name: "risky", holds: false), Declared(name: "costly", holds: false)])),
        ]), keep_when: Declared(name: "risky", holds: false)),
        expect: (criteria: [
            ("positive_feedback_rate: the treatment is better", Held), ("all of these", Held),
            ("not: risky", Held), ("keep the control when", NotHeld), ("risky", NotHeld),
            ("positive_feedback_rate: the treatment is bettr", Held), ("not: all of these", Held),
        ])"#,
    );
    assert_eq!(drawn.matches(" × ").count(), 2, "{drawn}");
    for words in [
        "× criterion `positive_feedback_rate: the treatment is bettr` is not defined",
        "help: did you mean `positive_feedback_rate: the treatment is better`?",
        "× criterion `not: all of these` is not defined",
        "[my.ron:16:14]",
        "[my.ron:16:72]",
    ] {
        assert!(drawn.contains(words), "{words}: {drawn}");
    }
}

#[test]
fn an_expectation_about_a_variation_or_a_segment_that_is_not_there() {
    let drawn = experiment_with(
        r#"expect: (figures: [
            (metric: "ai_cost_per_request", variation: "strict", what: Change, at_most: 0.3),
            (metric: "ai_cost_per_request", segment: "eu", what: Change, at_most: 0.3),
        ])"#,
    );
    for words in [
        "× variation `strict` of `security-agent` is not defined",
        "[my.ron:10:56]",
        "× segment `eu` of `security-level` is not defined",
        "[my.ron:11:54]",
    ] {
        assert!(drawn.contains(words), "{words}: {drawn}");
    }
}

#[test]
fn an_expectation_of_a_criterion_that_is_not_there() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: Declared(name: "it is better", holds: true)),
        expect: (verdict: Ship, criteria: [("it is beter", Held)])"#), @r#"
     × criterion `it is beter` is not defined
       ╭─[my.ron:10:45]
     9 │         decision: (ship: "strict-security", when: Declared(name: "it is better", holds: true)),
    10 │         expect: (verdict: Ship, criteria: [("it is beter", Held)]),
       ·                                             ──────┬──────
       ·                                                   ╰── no criterion has this name
    11 │     )],
       ╰────
     help: did you mean `it is better`?
    "#);
}

#[test]
fn no_experiment() {
    assert_snapshot!(shown("( seed: 1 )"), @r#"
    × the scenario has no experiment
    help: write `experiments: [( key: …, … )]`, see `simlab new security`
      in my.ron
    "#);
}

#[test]
fn a_bandit_whose_floors_are_more_than_all() {
    assert_snapshot!(experiment_with("allocation: Thompson(every: 100, floor: \"60%\")"), @r#"
     × the floor of the bandit is out of range
       ╭─[my.ron:9:21]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         allocation: Thompson(every: 100, floor: "60%"),
       ·                     ─────────────────┬────────────────
       ·                                      ╰── 2 variations with 60% each are more than all
    10 │     )],
       ╰────
    "#);
}

#[test]
fn a_segment_twice_and_one_that_is_not_there() {
    assert_snapshot!(experiment_with("by: [\"eu-paid\", \"eu-pad\", \"eu-paid\"]"), @r#"
     × segment `eu-paid` is listed twice
       ╭─[my.ron:9:14]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         by: ["eu-paid", "eu-pad", "eu-paid"],
       ·              ────┬────            ────┬────
       ·                  │                    ╰── the second time
       ·                  ╰── the first time
    10 │     )],
       ╰────
     × segment `eu-pad` is not defined
       ╭─[my.ron:9:25]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         by: ["eu-paid", "eu-pad", "eu-paid"],
       ·                         ────┬───
       ·                             ╰── no segment has this key
    10 │     )],
       ╰────
     help: did you mean `eu-paid`?
    "#);
}

#[test]
fn a_guarded_rollout_that_watches_badly() {
    let watched = r#"watch: ["cost"], worse_by: -1, confidence: 0.4, every: 3, users: 1"#;
    assert_snapshot!(with(&format!(r#"guarded_rollouts: [(config: "support-agent", segment: "other-paid", from: "other-paid", to: "eu-paid", share: "10%",
        {watched})]"#)), @r#"
     × metric `cost` is not defined
      ╭─[my.ron:3:17]
    2 │     guarded_rollouts: [(config: "support-agent", segment: "other-paid", from: "other-paid", to: "eu-paid", share: "10%",
    3 │         watch: ["cost"], worse_by: -1, confidence: 0.4, every: 3, users: 1)],
      ·                 ───┬──
      ·                    ╰── no metric has this key
    4 │     experiments: [(
      ╰────
     help: known: positive_feedback_rate, negative_feedback_rate, p95_total_user_latency,
           average_total_user_tokens, ai_cost_per_request
     × worse_by is out of range
      ╭─[my.ron:3:36]
    2 │     guarded_rollouts: [(config: "support-agent", segment: "other-paid", from: "other-paid", to: "eu-paid", share: "10%",
    3 │         watch: ["cost"], worse_by: -1, confidence: 0.4, every: 3, users: 1)],
      ·                                    ─┬
      ·                                     ╰── expected 0 to 10, found -1
    4 │     experiments: [(
      ╰────
     × the confidence is out of range
      ╭─[my.ron:3:52]
    2 │     guarded_rollouts: [(config: "support-agent", segment: "other-paid", from: "other-paid", to: "eu-paid", share: "10%",
    3 │         watch: ["cost"], worse_by: -1, confidence: 0.4, every: 3, users: 1)],
      ·                                                    ─┬─
      ·                                                     ╰── expected more than 0.5 and less than 1, found 0.4
    4 │     experiments: [(
      ╰────
     × every is out of range
      ╭─[my.ron:3:64]
    2 │     guarded_rollouts: [(config: "support-agent", segment: "other-paid", from: "other-paid", to: "eu-paid", share: "10%",
    3 │         watch: ["cost"], worse_by: -1, confidence: 0.4, every: 3, users: 1)],
      ·                                                                ┬
      ·                                                                ╰── expected 10 to 1,000,000, found 3
    4 │     experiments: [(
      ╰────
     × users is out of range
      ╭─[my.ron:3:74]
    2 │     guarded_rollouts: [(config: "support-agent", segment: "other-paid", from: "other-paid", to: "eu-paid", share: "10%",
    3 │         watch: ["cost"], worse_by: -1, confidence: 0.4, every: 3, users: 1)],
      ·                                                                          ┬
      ·                                                                          ╰── expected 10 to 10,000,000, found 1
    4 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_guarded_rollout_that_is_expected_to_end_without_a_watch() {
    assert_snapshot!(with(r#"guarded_rollouts: [(config: "support-agent", segment: "other-paid", from: "other-paid", to: "eu-paid", share: "10%", expect: Released)]"#), @r#"
     × a rollout that nothing watches over has no end
      ╭─[my.ron:2:97]
    1 │ (
    2 │     guarded_rollouts: [(config: "support-agent", segment: "other-paid", from: "other-paid", to: "eu-paid", share: "10%", expect: Released)],
      ·                                                                                                 ────┬────
      ·                                                                                                     ╰── it neither goes on nor back
    3 │     experiments: [(
      ╰────
     help: name the metrics in `watch: [ … ]`
    "#);
}

#[test]
fn the_shortest_scenario_is_sound_and_says_what_it_is_to_show() {
    assert_eq!(shown(SHORT), "ok");
    let path = super::file("short.ron", SHORT.as_bytes());
    let ran =
        crate::program::simlab(&["run", path.to_str().unwrap(), "--users", "50", "--quiet"]).well();
    assert!(
        ran.contains("Strict Security does better than Basic Security on: Positive")
            && ran.contains("feedback rate"),
        "{ran}"
    );
}

#[test]
fn a_budget_that_nobody_set_and_a_degradation_to_nothing() {
    assert_snapshot!(with(r#"configs: {"support-agent": (variations: {"other-paid": (at_budget: Degrade)})}"#), @r#"
     × there is no session budget at which it could act
      ╭─[my.ron:2:72]
    1 │ (
    2 │     configs: {"support-agent": (variations: {"other-paid": (at_budget: Degrade)})},
      ·                                                                        ───┬───
      ·                                                                           ╰── nothing is limited
    3 │     experiments: [(
      ╰────
     help: write `session_budget: "$0.02"`, or leave `at_budget` out
     × there is no variation that could take over
      ╭─[my.ron:2:72]
    1 │ (
    2 │     configs: {"support-agent": (variations: {"other-paid": (at_budget: Degrade)})},
      ·                                                                        ───┬───
      ·                                                                           ╰── it degrades to its fallback
    3 │     experiments: [(
      ╰────
     help: name a variation in `fallback`
    "#);
}
