//! Paired designs, and what makes no sense with them.

use insta::assert_snapshot;

use super::{SHORT, experiment_with, shown};

const PAIRED: &str = "design: Paired(repeats: 3, judgings: 2)";

/// The shortest scenario with a paired design and one more field in its experiment.
fn paired(field: &str) -> String {
    experiment_with(&format!("{PAIRED},\n        {field}"))
}

/// The shortest scenario with a paired design and one more block.
fn paired_with(block: &str) -> String {
    let text = SHORT.replacen('(', &format!("(\n    {block},"), 1);
    shown(&text.replace("    )],", &format!("        {PAIRED},\n    )],")))
}

#[test]
fn a_paired_design_alone() {
    assert_snapshot!(experiment_with(PAIRED), @r#"
    ok
    "#);
}

#[test]
fn numbers_of_answers_and_judgings() {
    assert_snapshot!(experiment_with("design: Paired(repeats: 0, judgings: 101, alike: 1.5)"), @r#"
     × repeats is out of range
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 0, judgings: 101, alike: 1.5),
       ·                 ──────────────────────┬──────────────────────
       ·                                       ╰── expected 1 to 100, found 0
    10 │     )],
       ╰────
     × judgings is out of range
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 0, judgings: 101, alike: 1.5),
       ·                 ──────────────────────┬──────────────────────
       ·                                       ╰── expected 1 to 100, found 101
    10 │     )],
       ╰────
     × alike is out of range
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 0, judgings: 101, alike: 1.5),
       ·                 ──────────────────────┬──────────────────────
       ·                                       ╰── expected 0 to 1, found 1.5
    10 │     )],
       ╰────
    "#);
    assert_snapshot!(experiment_with("design: Paired(repeats: 3)"), @r#"
     × the field `judgings` is missing
       ╭─[my.ron:9:34]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 3),
       ·                                  ┬
       ·                                  ╰── this block ends without it
    10 │     )],
       ╰────
     help: write `judgings: …` in this block
    "#);
}

#[test]
fn too_many_answers_and_judgings() {
    assert_snapshot!(experiment_with("design: Paired(repeats: 100, judgings: 100)"), @r#"
     × the paired design is too large
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 100, judgings: 100),
       ·                 ─────────────────┬─────────────────
       ·                                  ╰── 20000 answers and judgings of each question, over all variations
    10 │     )],
       ╰────
     help: lower `repeats` or `judgings`: at most 10000 in all
    "#);
}

#[test]
fn shares_that_are_not_equal() {
    let text = SHORT.replace("50%\", \"strict", "70%\", \"strict").replace("50%\" }", "30%\" }");
    assert_snapshot!(shown(&text.replace("    )],", &format!("        {PAIRED},\n    )],"))), @r#"
     × a paired design has no shares
      ╭─[my.ron:7:16]
    6 │         control: "basic-security",
    7 │         split: { "basic-security": "70%", "strict-security": "30%" },
      ·                ──────────────────────────┬──────────────────────────
      ·                                          ╰── every question goes through every variation
    8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
      ╰────
     help: write equal shares; a variation with "0%" takes no part
    "#);
}

#[test]
fn a_bandit() {
    assert_snapshot!(paired("allocation: Thompson(every: 100)"), @r#"
     × a paired design cannot be combined with a bandit
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 3, judgings: 2),
       ·                 ───────────────┬───────────────
       ·                                ╰── every question goes through every variation
    10 │         allocation: Thompson(every: 100),
       ·                     ──────────┬─────────
       ·                               ╰── this changes a split
    11 │     )],
       ╰────
     help: remove `allocation`
    "#);
}

#[test]
fn a_sample_of_the_users() {
    assert_snapshot!(paired("sample: \"50%\""), @r#"
     × a paired design cannot be combined with a sample of the users
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 3, judgings: 2),
       ·                 ───────────────┬───────────────
       ·                                ╰── every question goes through every variation
    10 │         sample: "50%",
       ·                 ──┬──
       ·                   ╰── this leaves users out
    11 │     )],
       ╰────
     help: remove `sample`, and say in `traffic` how many questions there are
    "#);
    assert_snapshot!(paired("outside: \"basic-security\""), @r#"
     × a paired design cannot be combined with users outside of the experiment
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 3, judgings: 2),
       ·                 ───────────────┬───────────────
       ·                                ╰── every question goes through every variation
    10 │         outside: "basic-security",
       ·                  ────────┬───────
       ·                          ╰── this is for users outside of the sample
    11 │     )],
       ╰────
     help: remove `outside`
    "#);
}

#[test]
fn parts_of_the_users() {
    assert_snapshot!(paired("by: [\"other-paid\"]"), @r#"
     × a paired design cannot be combined with segments of the users
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 3, judgings: 2),
       ·                 ───────────────┬───────────────
       ·                                ╰── every question goes through every variation
    10 │         by: ["other-paid"],
       ·              ──────┬─────
       ·                    ╰── this looks at parts of the users
    11 │     )],
       ╰────
     help: remove `by`
    "#);
}

#[test]
fn a_test_for_every_look() {
    assert_snapshot!(paired("method: Sequential"), @r#"
     × a paired design cannot be combined with a test that is valid at every look
      ╭─[my.ron:3:14]
    2 │     experiments: [(
    3 │         key: "security-level",
      ·              ────────┬───────
      ·                      ╰── it has `method: Sequential`
    4 │         config: "security-agent",
      ╰────
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 3, judgings: 2),
       ·                 ───────────────┬───────────────
       ·                                ╰── every question goes through every variation
    10 │         method: Sequential,
       ╰────
     help: remove `method`, or write `method: Frequentist`: the data are complete before anybody
           looks
    "#);
}

#[test]
fn a_percentile() {
    let text = SHORT.replace("\"ai_cost_per_request\"", "\"p95_total_user_latency\"");
    assert_snapshot!(shown(&text.replace("    )],", &format!("        {PAIRED},\n    )],"))), @r#"
     × metric `p95_total_user_latency` cannot be compared question by question
      ╭─[my.ron:8:45]
    7 │         split: { "basic-security": "50%", "strict-security": "50%" },
    8 │         metrics: ["positive_feedback_rate", "p95_total_user_latency"],
      ·                                             ────────────┬───────────
      ·                                                         ╰── it has no value for a single question
    9 │         design: Paired(repeats: 3, judgings: 2),
      ╰────
     help: list metrics that are means or rates, such as `average_total_user_tokens`
    "#);
}

#[test]
fn users_who_come_back() {
    assert_snapshot!(paired_with("users: (visits: Fixed(3), gap: \"1d\")"), @r#"
     × a paired design cannot be combined with users who come back
      ╭─[my.ron:2:12]
    1 │ (
    2 │     users: (visits: Fixed(3), gap: "1d"),
      ·            ──────────────┬──────────────
      ·                          ╰── these come by themselves
    3 │     experiments: [(
      ╰────
       ╭─[my.ron:10:17]
     9 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
    10 │         design: Paired(repeats: 3, judgings: 2),
       ·                 ───────────────┬───────────────
       ·                                ╰── every question goes through every variation
    11 │     )],
       ╰────
     help: remove `users`; if the app's memory is what you are after, write `remembers` in
           `Paired( … )`
    "#);
}

#[test]
fn a_pre_period() {
    assert_snapshot!(paired_with("traffic: (pre_period: 0.5)"), @r#"
     × a paired design cannot be combined with a pre-period
      ╭─[my.ron:2:27]
    1 │ (
    2 │     traffic: (pre_period: 0.5),
      ·                           ─┬─
      ·                            ╰── this is for users of a split test
    3 │     experiments: [(
      ╰────
       ╭─[my.ron:10:17]
     9 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
    10 │         design: Paired(repeats: 3, judgings: 2),
       ·                 ───────────────┬───────────────
       ·                                ╰── every question goes through every variation
    11 │     )],
       ╰────
     help: remove `pre_period`: a question is compared with itself
    "#);
}

#[test]
fn another_experiment() {
    let second = "    ), (\n        key: \"other\", config: \"support-agent\", segment: \"other-paid\", control: \"other-paid\",\n        split: { \"other-paid\": \"50%\", \"other-free\": \"50%\" }, metrics: [\"ai_cost_per_request\"],\n    )],";
    let text = SHORT.replace("    )],", &format!("        {PAIRED},\n{second}"));
    assert_snapshot!(shown(&text), @r#"
     × a paired design cannot be combined with another experiment
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         design: Paired(repeats: 3, judgings: 2),
       ·                 ───────────────┬───────────────
       ·                                ╰── every question goes through every variation
    10 │     ), (
    11 │         key: "other", config: "support-agent", segment: "other-paid", control: "other-paid",
       ·              ───┬───
       ·                 ╰── the other experiment
    12 │         split: { "other-paid": "50%", "other-free": "50%" }, metrics: ["ai_cost_per_request"],
       ╰────
     help: give each experiment a scenario of its own
    "#);
}
