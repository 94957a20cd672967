//! Mistakes in the shape of a scenario file: fields, variants, brackets, and what stands in place
//! of what.

use insta::assert_snapshot;

use super::{SHORT, but, experiment_with, shown, with};

#[test]
fn the_shortest_scenario_is_sound() {
    assert_eq!(shown(SHORT), "ok");
}

#[test]
fn an_unknown_field() {
    assert_snapshot!(with("traffic: (pii_percntage: 100)"), @r#"
     × unknown field `pii_percntage`
      ╭─[my.ron:2:15]
    1 │ (
    2 │     traffic: (pii_percntage: 100),
      ·               ──────┬──────
      ·                     ╰── no field has this name here
    3 │     experiments: [(
      ╰────
     help: did you mean `pii_percentage`?
    "#);
}

#[test]
fn an_unknown_field_of_nothing_near() {
    assert_snapshot!(with("traffic: (banana: 100)"), @r#"
     × unknown field `banana`
      ╭─[my.ron:2:15]
    1 │ (
    2 │     traffic: (banana: 100),
      ·               ───┬──
      ·                  ╰── no field has this name here
    3 │     experiments: [(
      ╰────
     help: expected one of: queries, mode, timeout, pii_percentage, harmful_percentage, complexity,
           topics, writer, instructions, pre_period
    "#);
}

#[test]
fn an_unknown_variant() {
    assert_snapshot!(with("traffic: (mode: Concurent(workers: 10))"), @r#"
     × unknown variant `Concurent`
      ╭─[my.ron:2:21]
    1 │ (
    2 │     traffic: (mode: Concurent(workers: 10)),
      ·                     ────┬────
      ·                         ╰── no variant has this name here
    3 │     experiments: [(
      ╰────
     help: did you mean `Concurrent`?
    "#);
}

#[test]
fn an_unknown_field_inside_of_a_variant() {
    assert_snapshot!(with("traffic: (mode: Concurrent(wrkers: 10))"), @r#"
     × unknown field `wrkers`
      ╭─[my.ron:2:32]
    1 │ (
    2 │     traffic: (mode: Concurrent(wrkers: 10)),
      ·                                ───┬──
      ·                                   ╰── no field has this name here
    3 │     experiments: [(
      ╰────
     help: did you mean `workers`?
    "#);
}

#[test]
fn a_number_in_place_of_a_text() {
    assert_snapshot!(with("traffic: (timeout: 2000)"), @r#"
     × expected a duration in quotes, found the number 2000
      ╭─[my.ron:2:24]
    1 │ (
    2 │     traffic: (timeout: 2000),
      ·                        ──┬─
      ·                          ╰── this is not a duration
    3 │     experiments: [(
      ╰────
     help: write "2000s" for seconds or "2000ms" for milliseconds
    "#);
}

#[test]
fn a_text_in_place_of_a_number() {
    assert_snapshot!(with(r#"traffic: (queries: "many")"#), @r#"
     × expected a whole number, found the text "many"
      ╭─[my.ron:2:24]
    1 │ (
    2 │     traffic: (queries: "many"),
      ·                        ───┬──
      ·                           ╰── this is not a whole number
    3 │     experiments: [(
      ╰────
     help: write a number without quotes, such as 200
    "#);
}

#[test]
fn a_missing_field() {
    assert_snapshot!(but("control: \"basic-security\",", ""), @r#"
     × the field `control` is missing
       ╭─[my.ron:9:5]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │     )],
       ·     ┬
       ·     ╰── this block ends without it
    10 │ )
       ╰────
     help: write `control: …` in this block
    "#);
}

#[test]
fn a_field_given_twice() {
    assert_snapshot!(experiment_with("threshold: 0.9, threshold: 0.95"), @r#"
     × the field `threshold` is given twice
       ╭─[my.ron:9:25]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         threshold: 0.9, threshold: 0.95,
       ·                         ────┬────
       ·                             ╰── the second time
    10 │     )],
       ╰────
     help: keep one of them
    "#);
}

#[test]
fn a_bracket_that_is_not_closed() {
    assert_snapshot!(shown(SHORT.trim_end_matches(')')), @r#"
     × the file ends too early
      ╭─[my.ron:9:8]
    8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
    9 │     )],
      ·        ┬
      ·        ╰── something is still open here
      ╰────
     help: is a bracket or a quote missing?
    "#);
}

#[test]
fn a_comma_that_is_missing() {
    assert_snapshot!(but("key: \"security-level\",", "key: \"security-level\""), @r#"
     × expected comma
      ╭─[my.ron:4:9]
    3 │         key: "security-level"
    4 │         config: "security-agent",
      ·         ───┬──
      ·            ╰── before this
    5 │         segment: "other-paid",
      ╰────
     help: is a comma or a bracket missing?
    "#);
}

#[test]
fn a_block_that_is_no_block() {
    assert_snapshot!(with("traffic: 200"), @r#"
     × expected a block in parentheses, found the number 200
      ╭─[my.ron:2:14]
    1 │ (
    2 │     traffic: 200,
      ·              ─┬─
      ·               ╰── this is not a block
    3 │     experiments: [(
      ╰────
     help: write blocks in parentheses: ( field: value, … )
    "#);
}

#[test]
fn a_file_that_is_no_scenario() {
    assert_snapshot!(shown("{ \"traffic\": 200 }"), @r#"
    × `my.ron` is a JSON file, not a scenario
    help: a scenario is a RON file: `simlab new security my.ron` writes one to start from
    "#);
}

#[test]
fn several_at_once_in_the_order_of_the_file() {
    assert_snapshot!(shown(&SHORT.replacen("(", "(\n    knowledge: \"nowhere\",\n    traffic: (queries: 0, pii_percentage: 101),", 1).replace("ai_cost_per_request", "cost").replace("\"50%\" }", "\"51%\" }")), @r#"
     × the knowledge base cannot be read: there is no folder `nowhere`
      ╭─[my.ron:2:16]
    1 │ (
    2 │     knowledge: "nowhere",
      ·                ────┬────
      ·                    ╰── this folder
    3 │     traffic: (queries: 0, pii_percentage: 101),
      ╰────
     help: the folder is relative to the scenario file
     × the number of queries is out of range
      ╭─[my.ron:3:24]
    2 │     knowledge: "nowhere",
    3 │     traffic: (queries: 0, pii_percentage: 101),
      ·                        ┬
      ·                        ╰── expected 1 to 10,000,000, found 0
    4 │     experiments: [(
      ╰────
     × pii_percentage is out of range
      ╭─[my.ron:3:43]
    2 │     knowledge: "nowhere",
    3 │     traffic: (queries: 0, pii_percentage: 101),
      ·                                           ─┬─
      ·                                            ╰── expected 0 to 100, found 101
    4 │     experiments: [(
      ╰────
     × the split of experiment `security-level` does not sum to 100%
       ╭─[my.ron:9:16]
     8 │         control: "basic-security",
     9 │         split: { "basic-security": "50%", "strict-security": "51%" },
       ·                ──────────────────────────┬──────────────────────────
       ·                                          ╰── these sum to 101%
    10 │         metrics: ["positive_feedback_rate", "cost"],
       ╰────
     × metric `cost` is not defined
       ╭─[my.ron:10:45]
     9 │         split: { "basic-security": "50%", "strict-security": "51%" },
    10 │         metrics: ["positive_feedback_rate", "cost"],
       ·                                             ───┬──
       ·                                                ╰── no metric has this key
    11 │     )],
       ╰────
     help: known: positive_feedback_rate, negative_feedback_rate, p95_total_user_latency,
           average_total_user_tokens, ai_cost_per_request
    "#);
}

#[test]
fn brackets_that_are_nested_too_deep_are_a_fault_and_no_overflow() {
    let deep = |open: &str, n: usize| {
        experiment_with(&format!("decision: (ship: \"strict-security\", when: {}", open.repeat(n)))
    };
    for drawn in [
        deep("Not(", 200),
        deep("All([", 200),
        deep("Not(", 10_000),
        with(&format!("audience: {}", "[".repeat(100_000))),
    ] {
        assert!(drawn.starts_with("  × the brackets are nested too deep"), "{}", &drawn[..200]);
    }
    let comment = format!("/* {} */ seed: 1", "( [ { ".repeat(200));
    assert_eq!(with(&comment), "ok");
}

#[test]
fn every_unknown_field_is_shown_and_a_fault_of_the_sums_beside_them() {
    let text = SHORT
        .replacen('(', "(\n    titel: \"x\", trafic: (queries: 0),", 1)
        .replace("metrics:", "metric:");
    let drawn = shown(&text);
    for expected in ["`titel`", "`trafic`", "`metric`", "the number of queries is out of range"] {
        assert!(drawn.contains(expected), "{expected}: {drawn}");
    }
    assert_eq!(drawn.matches("  × ").count(), 4, "{drawn}");
}

/// Each kind of field with each kind of value: what is refused says what was expected, without a
/// word of the parser's.
#[test]
fn a_value_of_the_wrong_kind_is_named_in_plain_words() {
    let fields = [
        ("title", "text"),
        ("seed", "whole"),
        ("prices_unknown", "bool"),
        ("traffic", "block"),
        ("audience", "list"),
        ("models", "map"),
        ("traffic: (timeout", "duration"),
        ("traffic: (pii_percentage", "number"),
        ("judge: (sees", "choice"),
        ("judge: (leniency", "number"),
        ("causes: (context_of", "block"),
        ("traffic: (mode", "choice"),
    ];
    let values = [
        "5",
        "-5",
        "2.5",
        "1x",
        "0x",
        "\"x\"",
        "\"15%\"",
        "true",
        "Name",
        "Name(1)",
        "[1]",
        "{\"a\": 1}",
        "(a: 1)",
        "(1, 2)",
        "()",
        "'c'",
        "b\"x\"",
    ];
    let internals = [
        "this is none",
        "identifier",
        "struct ",
        "invalid digit",
        "Invalid",
        "integer",
        "float",
        "boolean",
        "sequence",
        "Written",
        "RON",
    ];
    let mut refused = 0;
    for (field, _) in fields {
        for value in values {
            let close = if field.contains('(') { ")" } else { "" };
            let drawn = with(&format!("{field}: {value}{close}"));
            refused += usize::from(drawn != "ok");
            assert!(drawn == "ok" || drawn.contains("my.ron:2:"), "{field}: {value}: {drawn}");
            for word in internals {
                assert!(!drawn.contains(word), "{field}: {value}: {word}: {drawn}");
            }
        }
    }
    assert!(refused > 120, "{refused}");
    let drawn = with("traffic: (pii_percentage: \"15%\")");
    assert!(
        drawn.contains("expected a number, found the text \"15%\"")
            && drawn.contains("this is not a number")
            && drawn.contains("write 0.15"),
        "{drawn}"
    );
}
