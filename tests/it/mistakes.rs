//! A catalogue of mistakes in scenario files, each with the picture that its author sees.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use simlab::diagnostic::{Source, render};
use simlab::scenario::{Documents, load, parse};

/// The shortest scenario: everything else has a default.
const SHORT: &str = r#"(
    experiments: [(
        key: "security-level",
        config: "security-agent",
        segment: "other-paid",
        control: "basic-security",
        split: { "basic-security": "50%", "strict-security": "50%" },
        metrics: ["positive_feedback_rate", "ai_cost_per_request"],
    )],
)"#;

fn no_documents(_: &str) -> Documents {
    Err("there is no folder `nowhere`".to_owned())
}

/// What is shown of a text; "ok" if it is sound.
fn shown(text: &str) -> String {
    match parse("my", Source::new("my.ron", text), &no_documents) {
        Ok(_) => "ok".to_owned(),
        Err(faults) => render(&faults, false),
    }
}

/// The shortest scenario with one more block.
fn with(block: &str) -> String {
    shown(&SHORT.replacen('(', &format!("(\n    {block},"), 1))
}

/// The shortest scenario with one thing in its experiment written in another way.
fn but(before: &str, after: &str) -> String {
    assert!(SHORT.contains(before), "{before}");
    shown(&SHORT.replace(before, after))
}

/// The shortest scenario with one more field in its experiment.
fn experiment_with(field: &str) -> String {
    but("    )],", &format!("        {field},\n    )],"))
}

/// A file of its own in a folder of its own.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistakes");
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// What is shown of a file, without the folder that it is in.
fn of_file(path: &Path) -> String {
    let faults = load(path.to_str().unwrap()).unwrap_err();
    let folder = format!("{}/", path.parent().unwrap().display());
    // The messages are wrapped, so the folder is taken out before they are drawn.
    let plain = faults.into_iter().map(|mut fault| {
        fault.message = fault.message.replace(&folder, "");
        fault.source = fault.source.map(|source| Source::new(source.name.replace(&folder, ""), source.text));
        fault
    });
    render(&plain.collect::<Vec<_>>(), false)
}

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
     help: expected one of: queries, mode, timeout, pii_percentage, complexity, topics, writer,
           instructions
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
fn a_negative_duration() {
    assert_snapshot!(with(r#"traffic: (timeout: "-5s")"#), @r#"
     × a duration cannot be negative, found "-5s"
      ╭─[my.ron:2:24]
    1 │ (
    2 │     traffic: (timeout: "-5s"),
      ·                        ──┬──
      ·                          ╰── here
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
      ·                                           ╰── here
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
      ·                                          ╰── here
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
fn a_number_in_place_of_a_text() {
    assert_snapshot!(with("traffic: (timeout: 2000)"), @r#"
     × expected a text
      ╭─[my.ron:2:24]
    1 │ (
    2 │     traffic: (timeout: 2000),
      ·                        ──┬─
      ·                          ╰── this is none
    3 │     experiments: [(
      ╰────
     help: texts, durations, money and shares stand in quotes: "30s", "$0.10", "50%"
    "#);
}

#[test]
fn a_text_in_place_of_a_number() {
    assert_snapshot!(with(r#"traffic: (queries: "many")"#), @r#"
     × expected a number
      ╭─[my.ron:2:24]
    1 │ (
    2 │     traffic: (queries: "many"),
      ·                        ───┬──
      ·                           ╰── this is none
    3 │     experiments: [(
      ╰────
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
      ·                                   ╰── here
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
      ·                                         ╰── here
    3 │     experiments: [(
      ╰────
    "#);
}

#[test]
fn a_model_without_a_price() {
    assert_snapshot!(with(r#"models: {"gpt-4o": (no_price: true)}"#), @r#"
     × model `gpt-4o` has no price
      ╭─[my.ron:2:14]
    1 │ (
    2 │     models: {"gpt-4o": (no_price: true)},
      ·              ────┬───
      ·                  ╰── its calls would send no cost event
    3 │     experiments: [(
      ╰────
     help: give `input_price` and `output_price` in dollars per million tokens, such as "$2.50"; or
           write `prices_unknown: true` to see what happens without
    "#);
}

#[test]
fn an_unknown_model() {
    assert_snapshot!(with(r#"configs: {"support-agent": (variations: {"other-paid": (model: "gpt-4")})}"#), @r#"
     × model `gpt-4` is not defined
      ╭─[my.ron:2:68]
    1 │ (
    2 │     configs: {"support-agent": (variations: {"other-paid": (model: "gpt-4")})},
      ·                                                                    ───┬───
      ·                                                                       ╰── no model has this key
    3 │     experiments: [(
      ╰────
     help: did you mean `gpt-4o`?
    "#);
}

#[test]
fn a_model_that_nobody_uses_either() {
    assert_snapshot!(with(r#"configs: {"support-agent": (variations: {"other-paid": (model: "llama")})}"#), @r#"
     × model `llama` is not defined
      ╭─[my.ron:2:68]
    1 │ (
    2 │     configs: {"support-agent": (variations: {"other-paid": (model: "llama")})},
      ·                                                                    ───┬───
      ·                                                                       ╰── no model has this key
    3 │     experiments: [(
      ╰────
     help: known: gpt-4o, gpt-4o-mini-2024-07-18, claude-3-7-sonnet-latest,
           claude-3-5-haiku-20241022, claude-3-haiku-20240307, claude-opus-4-20250514,
           mistral-small-latest, claude-haiku-4-5-20251001, claude-sonnet-4-6, claude-opus-4-7
    "#);
}

#[test]
fn a_new_model_without_likeness() {
    assert_snapshot!(with(r#"models: {"llama-3": (quality: 0.5)}"#), @r#"
     × model `llama-3` is not in the catalog
      ╭─[my.ron:2:14]
    1 │ (
    2 │     models: {"llama-3": (quality: 0.5)},
      ·              ────┬────
      ·                  ╰── no model has this key
    3 │     experiments: [(
      ╰────
     help: known: gpt-4o, gpt-4o-mini-2024-07-18, claude-3-7-sonnet-latest,
           claude-3-5-haiku-20241022, claude-3-haiku-20240307, claude-opus-4-20250514,
           mistral-small-latest, claude-haiku-4-5-20251001, claude-sonnet-4-6, claude-opus-4-7; write
           `like: "…"` to make a new one from one of these
    "#);
}

#[test]
fn an_unknown_tool() {
    assert_snapshot!(with(r#"configs: {"support-agent": (variations: {"other-paid": (tools: ["search_v1", "serch_v2"])})}"#), @r#"
     × tool `serch_v2` is not defined
      ╭─[my.ron:2:82]
    1 │ (
    2 │     configs: {"support-agent": (variations: {"other-paid": (tools: ["search_v1", "serch_v2"])})},
      ·                                                                                  ─────┬────
      ·                                                                                       ╰── no tool has this key
    3 │     experiments: [(
      ╰────
     help: did you mean `search_v2`?
    "#);
}

#[test]
fn an_unknown_config() {
    assert_snapshot!(but("\"security-agent\"", "\"security-agnt\""), @r#"
     × AI config `security-agnt` is not defined
      ╭─[my.ron:4:17]
    3 │         key: "security-level",
    4 │         config: "security-agnt",
      ·                 ───────┬───────
      ·                        ╰── no AI config has this key
    5 │         segment: "other-paid",
      ╰────
     help: did you mean `security-agent`?
    "#);
}

#[test]
fn an_unknown_segment() {
    assert_snapshot!(but("other-paid", "other-piad"), @r#"
     × segment `other-piad` is not defined
      ╭─[my.ron:5:18]
    4 │         config: "security-agent",
    5 │         segment: "other-piad",
      ·                  ──────┬─────
      ·                        ╰── no segment has this key
    6 │         control: "basic-security",
      ╰────
     help: did you mean `other-paid`?
    "#);
}

#[test]
fn an_unknown_variation() {
    assert_snapshot!(but("\"strict-security\"", "\"strict-securty\""), @r#"
     × variation `strict-securty` of `security-agent` is not defined
      ╭─[my.ron:7:43]
    6 │         control: "basic-security",
    7 │         split: { "basic-security": "50%", "strict-securty": "50%" },
      ·                                           ────────┬───────
      ·                                                   ╰── no variation has this key
    8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
      ╰────
     help: did you mean `strict-security`?
    "#);
}

#[test]
fn a_variation_of_another_config() {
    assert_snapshot!(but("\"strict-security\"", "\"claude-opus-treatment\""), @r#"
     × variation `claude-opus-treatment` of `security-agent` is not defined
      ╭─[my.ron:7:43]
    6 │         control: "basic-security",
    7 │         split: { "basic-security": "50%", "claude-opus-treatment": "50%" },
      ·                                           ───────────┬───────────
      ·                                                      ╰── no variation has this key
    8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
      ╰────
     help: known: pii-detector, basic-security, strict-security
    "#);
}

#[test]
fn an_unknown_metric() {
    assert_snapshot!(but("ai_cost_per_request", "ai_cost_per_requst"), @r#"
     × metric `ai_cost_per_requst` is not defined
      ╭─[my.ron:8:45]
    7 │         split: { "basic-security": "50%", "strict-security": "50%" },
    8 │         metrics: ["positive_feedback_rate", "ai_cost_per_requst"],
      ·                                             ──────────┬─────────
      ·                                                       ╰── no metric has this key
    9 │     )],
      ╰────
     help: did you mean `ai_cost_per_request`?
    "#);
}

#[test]
fn a_metric_of_the_file_is_suggested_with_its_line() {
    assert_snapshot!(shown(&SHORT.replacen("(", "(\n    metrics: { \"tool_calls\": (event: \"$ld:ai:tool_call\", unit: \"calls\") },", 1).replace("ai_cost_per_request", "tool_cals")), @r#"
     × metric `tool_cals` is not defined
       ╭─[my.ron:9:45]
     8 │         split: { "basic-security": "50%", "strict-security": "50%" },
     9 │         metrics: ["positive_feedback_rate", "tool_cals"],
       ·                                             ─────┬─────
       ·                                                  ╰── no metric has this key
    10 │     )],
       ╰────
     help: did you mean `tool_calls` (line 2)?
    "#);
}

#[test]
fn a_metric_whose_event_nothing_emits() {
    assert_snapshot!(with(r#"metrics: {"clicks": (event: "button_clicked", unit: "clicks")}"#), @r#"
     × metric `clicks` counts an event that nothing emits
      ╭─[my.ron:2:33]
    1 │ (
    2 │     metrics: {"clicks": (event: "button_clicked", unit: "clicks")},
      ·                                 ────────┬───────
      ·                                         ╰── no agent sends this event
    3 │     experiments: [(
      ╰────
     help: events: $ld:ai:duration:total, $ld:ai:tokens:total, $ld:ai:tokens:input,
           $ld:ai:tokens:output, $ld:ai:generation:success, $ld:ai:generation:error,
           $ld:ai:feedback:user:positive, $ld:ai:feedback:user:negative, ai_cost_per_request,
           $ld:ai:tool_call
    "#);
}

#[test]
fn a_metric_without_an_event() {
    assert_snapshot!(with(r#"metrics: {"clicks": (unit: "clicks")}"#), @r#"
     × metric `clicks` counts no event
      ╭─[my.ron:2:15]
    1 │ (
    2 │     metrics: {"clicks": (unit: "clicks")},
      ·               ────┬───
      ·                   ╰── a new metric
    3 │     experiments: [(
      ╰────
     help: a new metric needs an `event`, one of: $ld:ai:duration:total, $ld:ai:tokens:total,
           $ld:ai:tokens:input, $ld:ai:tokens:output, $ld:ai:generation:success,
           $ld:ai:generation:error, $ld:ai:feedback:user:positive, $ld:ai:feedback:user:negative,
           ai_cost_per_request, $ld:ai:tool_call
    "#);
}

#[test]
fn a_metric_without_a_unit() {
    assert_snapshot!(with(r#"metrics: {"words": (event: "$ld:ai:tokens:output")}"#), @r#"
     × metric `words` has no unit
      ╭─[my.ron:2:15]
    1 │ (
    2 │     metrics: {"words": (event: "$ld:ai:tokens:output")},
      ·               ───┬───
      ·                  ╰── its values are numbers
    3 │     experiments: [(
      ╰────
     help: write `unit: "ms"`, "$" or "tokens"; a share of users is `aggregation: Occurrence`
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
fn a_metric_that_is_listed_twice() {
    assert_snapshot!(but("\"positive_feedback_rate\",", "\"ai_cost_per_request\","), @r#"
     × metric `ai_cost_per_request` is listed twice
      ╭─[my.ron:8:19]
    7 │         split: { "basic-security": "50%", "strict-security": "50%" },
    8 │         metrics: ["ai_cost_per_request", "ai_cost_per_request"],
      ·                   ──────────┬──────────  ──────────┬──────────
      ·                             │                      ╰── the second time
      ·                             ╰── the first time
    9 │     )],
      ╰────
    "#);
}

#[test]
fn no_metric() {
    assert_snapshot!(but("[\"positive_feedback_rate\", \"ai_cost_per_request\"]", "[]"), @r#"
     × experiment `security-level` has no metric
      ╭─[my.ron:3:14]
    2 │     experiments: [(
    3 │         key: "security-level",
      ·              ────────┬───────
      ·                      ╰── nothing would be measured
    4 │         config: "security-agent",
      ╰────
     help: list `metrics`, the primary one first
    "#);
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
      ·                                                                 ╰── here
    8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
      ╰────
    "#);
}

#[test]
fn a_control_without_traffic() {
    assert_snapshot!(but("{ \"basic-security\": \"50%\", \"strict-security\": \"50%\" }", "{ \"basic-security\": \"0%\", \"strict-security\": \"100%\" }"), @r#"
     × the control of experiment `security-level` gets no traffic
      ╭─[my.ron:6:18]
    5 │         segment: "other-paid",
    6 │         control: "basic-security",
      ·                  ────────┬───────
      ·                          ╰── nobody would be compared with
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
      ·                         ╰── nobody would be compared with
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
      ·                              ╰── nobody gets anything but the control
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
       ·                   ╰── nobody would take part
    10 │     )],
       ╰────
     help: the tutorial has "100%"
    "#);
}

#[test]
fn an_audience_that_nobody_of_meets_the_experiment() {
    assert_snapshot!(with(r#"audience: [(share: "100%", attributes: {"country": ["DE", "US"], "plan": ["free"]})]"#), @r#"
     × nobody of the audience meets experiment `security-level`
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
    let again = SHORT.replace("security-level", "again").replace("(\n    experiments: [", "").replace("],\n)", "");
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

#[test]
fn a_knowledge_folder_that_is_not_there() {
    assert_snapshot!(with(r#"knowledge: "nowhere""#), @r#"
     × the knowledge base cannot be read: there is no folder `nowhere`
      ╭─[my.ron:2:16]
    1 │ (
    2 │     knowledge: "nowhere",
      ·                ────┬────
      ·                    ╰── this folder
    3 │     experiments: [(
      ╰────
     help: the folder is looked for beside the scenario file
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
     × expected a block
      ╭─[my.ron:2:13]
    1 │ (
    2 │     traffic: 200,
      ·             ┬
      ·             ╰── this is none
    3 │     experiments: [(
      ╰────
     help: blocks stand in parentheses: ( field: value, … )
    "#);
}

#[test]
fn a_file_that_is_no_scenario() {
    assert_snapshot!(shown("{ \"traffic\": 200 }"), @r#"
     × expected a block
      ╭─[my.ron:1:1]
    1 │ { "traffic": 200 }
      · ┬
      · ╰── this is none
      ╰────
     help: blocks stand in parentheses: ( field: value, … )
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
     help: the folder is looked for beside the scenario file
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
fn a_file_that_is_empty() {
    assert_snapshot!(of_file(&file("empty.ron", b" \n")), @r#"
    × `empty.ron` is empty
    help: `simlab new security my.ron` writes a scenario to start from
    "#);
}

#[test]
fn a_file_that_is_not_utf_8() {
    assert_snapshot!(of_file(&file("latin.ron", b"( title: \"Caf\xe9\" )")), @r#"
    × `latin.ron` is not UTF-8 text: byte 13 is not part of a character
    help: save the file as UTF-8
    "#);
}

#[test]
fn a_file_that_is_huge() {
    assert_snapshot!(of_file(&file("huge.ron", &vec![b' '; (1 << 20) + 1])), @r#"
    × `huge.ron` is longer than the 1048576 bytes of a scenario
    help: is this the right file?
    "#);
}

#[test]
fn a_folder() {
    let path = file("folder/inside.ron", b"()");
    assert_snapshot!(of_file(path.parent().unwrap()), @r#"
    × `folder` is a folder
    help: name a scenario file in it, such as scenarios/security.ron
    "#);
}

#[test]
fn a_name_that_nobody_knows() {
    assert_snapshot!(render(&load("securty").unwrap_err(), false), @r#"
    × no file and no built-in scenario is called `securty`
    help: did you mean `security`?
    "#);
    assert_snapshot!(render(&load("no/such/file.ron").unwrap_err(), false), @r#"
    × no file and no built-in scenario is called `no/such/file.ron`
    help: `simlab list` shows the scenarios that are built in
    "#);
}

#[test]
fn a_knowledge_base_without_topics_enough() {
    file("little/one.md", b"# One\n\nA text about one thing.\n");
    file("little/notes.txt", b"not read");
    let text = SHORT.replacen('(', "(\n    knowledge: \"little\",", 1);
    assert_snapshot!(of_file(&file("little.ron", text.as_bytes())), @r#"
     × the knowledge base has too few topics: 1 of at least 20
      ╭─[little.ron:2:16]
    1 │ (
    2 │     knowledge: "little",
      ·                ────┬───
      ·                    ╰── this folder
    3 │     experiments: [(
      ╰────
     help: a topic is a first-level heading, or a second-level one where these are few
    "#);
    file("nothing/notes.txt", b"not read");
    assert_snapshot!(of_file(&file("nothing.ron", text.replace("little", "nothing").as_bytes())), @r#"
     × the knowledge base has no documents
      ╭─[nothing.ron:2:16]
    1 │ (
    2 │     knowledge: "nothing",
      ·                ────┬────
      ·                    ╰── this folder
    3 │     experiments: [(
      ╰────
     help: put Markdown files (.md) with headings into the folder
    "#);
}

#[test]
fn brackets_that_are_nested_too_deep_are_a_fault_and_no_overflow() {
    let deep = |open: &str, n: usize| experiment_with(&format!("decision: (ship: \"strict-security\", when: {}", open.repeat(n)));
    for drawn in [deep("Not(", 200), deep("All([", 200), deep("Not(", 10_000), with(&format!("audience: {}", "[".repeat(100_000)))] {
        assert!(drawn.starts_with("  × the brackets are nested too deep"), "{}", &drawn[..200]);
    }
    let comment = format!("/* {} */ seed: 1", "( [ { ".repeat(200));
    assert_eq!(with(&comment), "ok");
}
