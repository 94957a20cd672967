//! Outcomes of one's own and effects that a scenario states.

use insta::assert_snapshot;

use super::with;

#[test]
fn an_effect_on_a_metric_that_is_not_there() {
    assert_snapshot!(with(r#"outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "solvd", lift: "+3pt"))})}"#), @r##"
     × metric `solvd` is not defined
      ╭─[my.ron:2:124]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "solvd", lift: "+3pt"))})},
      ·                                                                                                                            ───┬───
      ·                                                                                                                               ╰── no metric has this key
    3 │     experiments: [(
      ╰────
     help: did you mean `solved`?
    "##);
}

#[test]
fn an_effect_on_what_follows_from_the_agents() {
    assert_snapshot!(with(r#"outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "ai_cost_per_request", lift: "-5%"))})}"#), @r##"
     × no effect can be stated on `ai_cost_per_request`
      ╭─[my.ron:2:124]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "ai_cost_per_request", lift: "-5%"))})},
      ·                                                                                                                            ──────────┬──────────
      ·                                                                                                                                      ╰── it follows from what the agents do
    3 │     experiments: [(
      ╰────
     help: an effect can be stated on an outcome of yours and on shares of positive or negative
           feedback; cost, tokens, latency and failures follow from models, tools and `causes`:
           change those
    "##);
}

#[test]
fn an_effect_that_leads_out_of_the_range_of_a_rate() {
    assert_snapshot!(with(r#"outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "solved", lift: "+40pt"))})}"#), @r##"
     × the effect on `solved` leaves the range of a rate
      ╭─[my.ron:2:140]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "solved", lift: "+40pt"))})},
      ·                                                                                                                                            ───┬───
      ·                                                                                                                                               ╰── after a strong answer it would go from 62% to 102%
    3 │     experiments: [(
      ╰────
     help: a chance stays between 0% and 100% after every answer; state a smaller lift
    "##);
}

#[test]
fn an_effect_that_takes_feedback_from_users_who_give_none() {
    assert_snapshot!(with(r#"outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "positive_feedback_rate", lift: "-3pt"))})}"#), @r##"
     × the effect on `positive_feedback_rate` leaves the range of a rate
      ╭─[my.ron:2:156]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "positive_feedback_rate", lift: "-3pt"))})},
      ·                                                                                                                                                            ───┬──
      ·                                                                                                                                                               ╰── after an answer that the judge cannot see it would go from 0.41% to -2.59%
    3 │     experiments: [(
      ╰────
     help: a chance stays between 0% and 100% after every answer; a relative lift, such as "-5%",
           always fits
    "##);
}

#[test]
fn an_effect_without_a_unit_or_with_none_that_fits() {
    assert_snapshot!(with(r#"outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: [(metric: "solved", lift: "3"), (metric: "positive_feedback_rate", lift: 3)])})}"#), @r##"
     × a lift of `solved` has no unit
      ╭─[my.ron:2:141]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: [(metric: "solved", lift: "3"), (metric: "positive_feedback_rate", lift: 3)])})},
      ·                                                                                                                                             ─┬─
      ·                                                                                                                                              ╰── a rate has two kinds of lift, and this says neither
    3 │     experiments: [(
      ╰────
     help: write "3pt" (percentage points) or "3%" (relative)
     × expected a lift in quotes, found the number 3
      ╭─[my.ron:2:188]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: [(metric: "solved", lift: "3"), (metric: "positive_feedback_rate", lift: 3)])})},
      ·                                                                                                                                                                                            ┬
      ·                                                                                                                                                                                            ╰── this is not a lift
    3 │     experiments: [(
      ╰────
     help: write "3pt" for percentage points or "3%" for a relative lift
    "##);
}

#[test]
fn a_lift_that_is_none() {
    assert_snapshot!(with(r#"outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "solved", lift: "some"))})}"#), @r##"
     × expected a lift such as 3pt (percentage points), 5% (relative) or 20 (in the unit of a mean),
     │ found "some"
      ╭─[my.ron:2:140]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "solved", lift: "some"))})},
      ·                                                                                                                                            ───┬──
      ·                                                                                                                                               ╰── this is not a lift
    3 │     experiments: [(
      ╰────
    "##);
}

#[test]
fn two_effects_on_one_metric() {
    assert_snapshot!(with(r#"outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: [(metric: "solved", lift: "+1pt"), (metric: "solved", lift: "+2pt")])})}"#), @r##"
     × two effects on `solved`
      ╭─[my.ron:2:125]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: [(metric: "solved", lift: "+1pt"), (metric: "solved", lift: "+2pt")])})},
      ·                                                                                                                             ────┬───                          ────┬───
      ·                                                                                                                                 │                                 ╰── the second one
      ·                                                                                                                                 ╰── the first one
    3 │     experiments: [(
      ╰────
     help: keep one of them
    "##);
}

#[test]
fn effects_that_together_lead_out_of_the_range() {
    assert_snapshot!(with(r#"outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "solved", lift: "+30pt"))}), "support-agent": (variations: {"other-paid": (effect: (metric: "solved", lift: "+30pt"))})}"#), @r##"
     × the effects on `solved` together leave the range of a rate: after a strong answer it would go
     │ from 62% to 122%
      ╭─[my.ron:2:140]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.62)}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "solved", lift: "+30pt"))}), "support-agent": (variations: {"other-paid": (effect: (metric: "solved", lift: "+30pt"))})},
      ·                                                                                                                                            ───┬───                                                                                     ───┬───
      ·                                                                                                                                               │                                                                                           ╰── +30pt
      ·                                                                                                                                               ╰── +30pt
    3 │     experiments: [(
      ╰────
     help: state smaller lifts
    "##);
}

#[test]
fn points_on_a_value() {
    assert_snapshot!(with(r#"outcomes: {"order": (value: (mean: 40, sd: 30, unit: "$", strong: "+3pt", weak: "-100%"))}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "order", lift: "+2"))})}"#), @r##"
     × `order` is a value, not a rate
      ╭─[my.ron:2:71]
    1 │ (
    2 │     outcomes: {"order": (value: (mean: 40, sd: 30, unit: "$", strong: "+3pt", weak: "-100%"))}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "order", lift: "+2"))})},
      ·                                                                       ───┬──
      ·                                                                          ╰── percentage points are for rates
    3 │     experiments: [(
      ╰────
     help: write a relative lift, such as "+5%"
     × nothing would be left of `order`
      ╭─[my.ron:2:85]
    1 │ (
    2 │     outcomes: {"order": (value: (mean: 40, sd: 30, unit: "$", strong: "+3pt", weak: "-100%"))}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "order", lift: "+2"))})},
      ·                                                                                     ───┬───
      ·                                                                                        ╰── a value stays above 0
    3 │     experiments: [(
      ╰────
     help: write more than "-100%"
     × `order` is a value, not a rate
      ╭─[my.ron:2:191]
    1 │ (
    2 │     outcomes: {"order": (value: (mean: 40, sd: 30, unit: "$", strong: "+3pt", weak: "-100%"))}, configs: {"security-agent": (variations: {"strict-security": (effect: (metric: "order", lift: "+2"))})},
      ·                                                                                                                                                                                               ──┬─
      ·                                                                                                                                                                                                 ╰── expected a relative lift
    3 │     experiments: [(
      ╰────
     help: write a relative lift, such as "+5%"
    "##);
}

#[test]
fn an_outcome_that_does_not_say_how_often_it_comes() {
    assert_snapshot!(with(r#"outcomes: {"solved": (after: "2h")}"#), @r##"
     × outcome `solved` does not say how often it comes
      ╭─[my.ron:2:16]
    1 │ (
    2 │     outcomes: {"solved": (after: "2h")},
      ·                ────┬───
      ·                    ╰── neither a baseline nor a value
    3 │     experiments: [(
      ╰────
     help: write `baseline: 0.62` for an event that some users have, or `value: (mean: …, sd: …,
           unit: "…")`
    "##);
}

#[test]
fn an_outcome_whose_chance_leaves_the_range() {
    assert_snapshot!(with(r#"outcomes: {"solved": (baseline: 0.2, strong: "+90pt", weak: "-25pt")}"#), @r##"
     × the chance of `solved` leaves the range of a chance
      ╭─[my.ron:2:50]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.2, strong: "+90pt", weak: "-25pt")},
      ·                                                  ───┬───
      ·                                                     ╰── after a strong answer it would be 110%
    3 │     experiments: [(
      ╰────
     help: its baseline is 20%; a chance stays between 0% and 100%
     × the chance of `solved` leaves the range of a chance
      ╭─[my.ron:2:65]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.2, strong: "+90pt", weak: "-25pt")},
      ·                                                                 ───┬───
      ·                                                                    ╰── after a weak answer it would be -5%
    3 │     experiments: [(
      ╰────
     help: its baseline is 20%; a chance stays between 0% and 100%
    "##);
}

#[test]
fn an_outcome_with_the_key_of_something_else() {
    assert_snapshot!(with(r#"outcomes: {"request_failed": (baseline: 0.1), "positive_feedback_rate": (baseline: 0.1), "sol ved": (baseline: 0.1)}"#), @r##"
     × an outcome cannot be called `request_failed`
      ╭─[my.ron:2:16]
    1 │ (
    2 │     outcomes: {"request_failed": (baseline: 0.1), "positive_feedback_rate": (baseline: 0.1), "sol ved": (baseline: 0.1)},
      ·                ────────┬───────
      ·                        ╰── the agents send an event with this key
    3 │     experiments: [(
      ╰────
     help: give your event another key, such as "ticket_resolved"
     × an outcome cannot be called `positive_feedback_rate`
      ╭─[my.ron:2:51]
    1 │ (
    2 │     outcomes: {"request_failed": (baseline: 0.1), "positive_feedback_rate": (baseline: 0.1), "sol ved": (baseline: 0.1)},
      ·                                                   ────────────┬───────────
      ·                                                               ╰── a metric of the catalog has this key
    3 │     experiments: [(
      ╰────
     help: give your event another key, such as "ticket_resolved"
     × `sol ved` cannot be the key of an outcome
      ╭─[my.ron:2:94]
    1 │ (
    2 │     outcomes: {"request_failed": (baseline: 0.1), "positive_feedback_rate": (baseline: 0.1), "sol ved": (baseline: 0.1)},
      ·                                                                                              ────┬────
      ·                                                                                                  ╰── not a key
    3 │     experiments: [(
      ╰────
     help: a key has letters, digits, `.`, `_` and `-`, and starts with a letter or digit
    "##);
}

#[test]
fn a_ratio_of_something_else_than_sums() {
    assert_snapshot!(with(r#"metrics: {"share": (event: "request_failed", aggregation: Occurrence, per: Events("request_durations"), unit: "x")}"#), @r##"
     × metric `share` cannot be a ratio
      ╭─[my.ron:2:80]
    1 │ (
    2 │     metrics: {"share": (event: "request_failed", aggregation: Occurrence, per: Events("request_durations"), unit: "x")},
      ·                                                                                ─────────────┬─────────────
      ·                                                                                             ╰── it is divided by this
    3 │     experiments: [(
      ╰────
     help: a ratio divides sums: write `aggregation: Sum`
     × metric `share` counts an event that nothing emits
      ╭─[my.ron:2:87]
    1 │ (
    2 │     metrics: {"share": (event: "request_failed", aggregation: Occurrence, per: Events("request_durations"), unit: "x")},
      ·                                                                                       ─────────┬─────────
      ·                                                                                                ╰── no agent sends this event
    3 │     experiments: [(
      ╰────
     help: did you mean `request_duration`?
    "##);
}

#[test]
fn a_metric_of_an_event_that_is_like_an_outcome() {
    assert_snapshot!(with(r#"outcomes: {"solved": (baseline: 0.62)}, metrics: {"rate": (event: "solvd", aggregation: Occurrence)}"#), @r##"
     × metric `rate` counts an event that nothing emits
      ╭─[my.ron:2:71]
    1 │ (
    2 │     outcomes: {"solved": (baseline: 0.62)}, metrics: {"rate": (event: "solvd", aggregation: Occurrence)},
      ·                                                                       ───┬───
      ·                                                                          ╰── no agent sends this event
    3 │     experiments: [(
      ╰────
     help: did you mean `solved`?
    "##);
}
