//! Numbers, durations, money and shares that are out of range or do not sum.

use insta::assert_snapshot;

use super::{but, experiment_with, with};

#[test]
fn a_negative_duration() {
    assert_snapshot!(with(r#"traffic: (timeout: "-5s")"#), @r#"
     × a duration cannot be negative, found "-5s"
      ╭─[my.ron:2:24]
    1 │ (
    2 │     traffic: (timeout: "-5s"),
      ·                        ──┬──
      ·                          ╰── this is not a duration
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_duration_without_a_unit() {
    assert_snapshot!(with(r#"models: {"gpt-4o": (latency: (base: "600"))}"#), @r#"
     × expected a duration such as "2000s", "250ms" or "20min", found "600"
      ╭─[my.ron:2:41]
    1 │ (
    2 │     models: {"gpt-4o": (latency: (base: "600"))},
      ·                                         ──┬──
      ·                                           ╰── this is not a duration
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn an_absurd_duration() {
    assert_snapshot!(with(r#"traffic: (mode: Sequential(delay: "400d"))"#), @r#"
     × a duration is at most 30 days, found "400d"
      ╭─[my.ron:2:39]
    1 │ (
    2 │     traffic: (mode: Sequential(delay: "400d")),
      ·                                       ───┬──
      ·                                          ╰── this is not a duration
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_duration_of_zero() {
    assert_snapshot!(with(r#"traffic: (timeout: "0s")"#), @r#"
     × the timeout is zero
      ╭─[my.ron:2:24]
    1 │ (
    2 │     traffic: (timeout: "0s"),
      ·                        ──┬─
      ·                          ╰── every request would fail at once
    3 │     experiments: [(
      ╰────
     help: the tutorial has "2000s"
    "#);
}

#[test]
fn no_queries() {
    assert_snapshot!(with("traffic: (queries: 0)"), @r#"
     × the number of queries is out of range
      ╭─[my.ron:2:24]
    1 │ (
    2 │     traffic: (queries: 0),
      ·                        ┬
      ·                        ╰── expected 1 to 10,000,000, found 0
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn negative_queries() {
    assert_snapshot!(with("traffic: (queries: -3)"), @r#"
     × the number of queries is out of range
      ╭─[my.ron:2:24]
    1 │ (
    2 │     traffic: (queries: -3),
      ·                        ─┬
      ·                         ╰── expected 1 to 10,000,000, found -3
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn too_many_queries() {
    assert_snapshot!(with("traffic: (queries: 10000001)"), @r#"
     × the number of queries is out of range
      ╭─[my.ron:2:24]
    1 │ (
    2 │     traffic: (queries: 10000001),
      ·                        ────┬───
      ·                            ╰── expected 1 to 10,000,000, found 10000001
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn no_workers() {
    assert_snapshot!(with("traffic: (mode: Concurrent(workers: 0))"), @r#"
     × the number of workers is out of range
      ╭─[my.ron:2:21]
    1 │ (
    2 │     traffic: (mode: Concurrent(workers: 0)),
      ·                     ───────────┬──────────
      ·                                ╰── expected 1 to 10,000, found 0
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn personal_data_beyond_everybody() {
    assert_snapshot!(with("traffic: (pii_percentage: 150)"), @r#"
     × pii_percentage is out of range
      ╭─[my.ron:2:31]
    1 │ (
    2 │     traffic: (pii_percentage: 150),
      ·                               ─┬─
      ·                                ╰── expected 0 to 100, found 150
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_probability_beyond_one() {
    assert_snapshot!(with(r#"models: {"gpt-4o": (quality: 1.5)}"#), @r#"
     × a probability lies between 0 and 1, found 1.5
      ╭─[my.ron:2:34]
    1 │ (
    2 │     models: {"gpt-4o": (quality: 1.5)},
      ·                                  ─┬─
      ·                                   ╰── out of range
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_price_without_a_dollar() {
    assert_snapshot!(with(r#"models: {"gpt-4o": (input_price: "2.50")}"#), @r#"
     × expected dollars per million tokens such as "$2.50", found "2.50"
      ╭─[my.ron:2:38]
    1 │ (
    2 │     models: {"gpt-4o": (input_price: "2.50")},
      ·                                      ───┬──
      ·                                         ╰── this is not a price
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_percentile_beyond_everybody() {
    assert_snapshot!(with(r#"metrics: {"p95_total_user_latency": (statistic: Percentile(1.0))}"#), @r#"
     × the percentile is out of range
      ╭─[my.ron:2:53]
    1 │ (
    2 │     metrics: {"p95_total_user_latency": (statistic: Percentile(1.0))},
      ·                                                     ───────┬───────
      ·                                                            ╰── expected more than 0 and less than 1, such as Percentile(0.95)
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_percentile_of_yes_and_no() {
    // Named or from the catalog: there are no values to take a percentile of.
    for (metric, place) in [
        (r#"(aggregation: Occurrence, statistic: Percentile(0.95))"#, "my.ron:2:78"),
        ("(aggregation: Occurrence)", "my.ron:2:15"),
    ] {
        let said = with(&format!(r#"metrics: {{"p95_total_user_latency": {metric}}}"#));
        for part in [
            "metric `p95_total_user_latency` has a percentile of yes and no",
            place,
            "`aggregation: Occurrence` says only whether a user has the event",
            "help: write `aggregation: Average` or `Sum`",
        ] {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
    }
}

#[test]
fn shares_that_do_not_sum() {
    assert_snapshot!(but("\"strict-security\": \"50%\"", "\"strict-security\": \"40%\""), @r#"
     × the split of experiment `security-level` does not sum to 100%
      ╭─[my.ron:7:16]
    6 │         control: "basic-security",
    7 │         split: { "basic-security": "50%", "strict-security": "40%" },
      ·                ──────────────────────────┬──────────────────────────
      ·                                          ╰── these sum to 90%
    8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
      ╰────
    "#);
}

#[test]
fn a_share_beyond_the_whole() {
    assert_snapshot!(but("\"strict-security\": \"50%\"", "\"strict-security\": \"150%\""), @r#"
     × expected a percentage such as "50%" or "12.5%" (0% to 100%), found "150%"
      ╭─[my.ron:7:62]
    6 │         control: "basic-security",
    7 │         split: { "basic-security": "50%", "strict-security": "150%" },
      ·                                                              ───┬──
      ·                                                                 ╰── this is not a share
    8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
      ╰────
    "#);
}

#[test]
fn a_threshold_out_of_range() {
    assert_snapshot!(experiment_with("threshold: 0.5"), @r#"
     × the threshold is out of range
       ╭─[my.ron:9:20]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         threshold: 0.5,
       ·                    ─┬─
       ·                     ╰── expected more than 0.5 and less than 1, found 0.5
    10 │     )],
       ╰────
     help: the tutorial has 0.9
    "#);
}

#[test]
fn an_empty_sample() {
    assert_snapshot!(experiment_with(r#"sample: "0%""#), @r#"
     × the sample is empty
       ╭─[my.ron:9:17]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         sample: "0%",
       ·                 ──┬─
       ·                   ╰── no user would take part
    10 │     )],
       ╰────
     help: the tutorial has "100%"
    "#);
}

#[test]
fn an_audience_that_does_not_sum() {
    assert_snapshot!(with(r#"audience: [(share: "70%", attributes: {"country": ["US"], "plan": ["paid"]})]"#), @r#"
     × the shares of the audience do not sum to 100%
      ╭─[my.ron:2:15]
    1 │ (
    2 │     audience: [(share: "70%", attributes: {"country": ["US"], "plan": ["paid"]})],
      ·               ─────────────────────────────────┬─────────────────────────────────
      ·                                                ╰── these sum to 70%
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_redaction_that_the_instructions_do_not_say() {
    assert_snapshot!(with(r#"configs: {"security-agent": (variations: {"strict-security": (redaction: Strict, instructions: "Redact names.")})}"#), @r#"
     × the instructions of variation `strict-security` say another redaction
      ╭─[my.ron:2:78]
    1 │ (
    2 │     configs: {"security-agent": (variations: {"strict-security": (redaction: Strict, instructions: "Redact names.")})},
      ·                                                                              ───┬──
      ·                                                                                 ╰── a model reads basic redaction out of them
    3 │     experiments: [(
      ╰────
     help: strict instructions have "job title" among what is redacted; leave `redaction` out to go
           by the text
    "#);
}

#[test]
fn a_redaction_by_another_agent() {
    assert_snapshot!(with(r#"configs: {"support-agent": (variations: {"other-paid": (redaction: Basic)})}"#), @r#"
     × only the security agent redacts
      ╭─[my.ron:2:72]
    1 │ (
    2 │     configs: {"support-agent": (variations: {"other-paid": (redaction: Basic)})},
      ·                                                                        ──┬──
      ·                                                                          ╰── another agent's variation
    3 │     experiments: [(
      ╰────
     help: variations of `security-agent` redact
    "#);
}
