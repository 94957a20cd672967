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
    assert_snapshot!(with("traffic: (pii_percntage: 100)"), @"");
}

#[test]
fn an_unknown_field_of_nothing_near() {
    assert_snapshot!(with("traffic: (banana: 100)"), @"");
}

#[test]
fn an_unknown_variant() {
    assert_snapshot!(with("traffic: (mode: Concurent(workers: 10))"), @"");
}

#[test]
fn an_unknown_field_inside_of_a_variant() {
    assert_snapshot!(with("traffic: (mode: Concurrent(wrkers: 10))"), @"");
}

#[test]
fn a_negative_duration() {
    assert_snapshot!(with(r#"traffic: (timeout: "-5s")"#), @"");
}

#[test]
fn a_duration_without_a_unit() {
    assert_snapshot!(with(r#"models: {"gpt-4o": (latency: (base: "600"))}"#), @"");
}

#[test]
fn an_absurd_duration() {
    assert_snapshot!(with(r#"traffic: (mode: Sequential(delay: "400d"))"#), @"");
}

#[test]
fn a_duration_of_zero() {
    assert_snapshot!(with(r#"traffic: (timeout: "0s")"#), @"");
}

#[test]
fn a_number_in_place_of_a_text() {
    assert_snapshot!(with("traffic: (timeout: 2000)"), @"");
}

#[test]
fn a_text_in_place_of_a_number() {
    assert_snapshot!(with(r#"traffic: (queries: "many")"#), @"");
}

#[test]
fn no_queries() {
    assert_snapshot!(with("traffic: (queries: 0)"), @"");
}

#[test]
fn negative_queries() {
    assert_snapshot!(with("traffic: (queries: -3)"), @"");
}

#[test]
fn too_many_queries() {
    assert_snapshot!(with("traffic: (queries: 10000001)"), @"");
}

#[test]
fn no_workers() {
    assert_snapshot!(with("traffic: (mode: Concurrent(workers: 0))"), @"");
}

#[test]
fn personal_data_beyond_everybody() {
    assert_snapshot!(with("traffic: (pii_percentage: 150)"), @"");
}

#[test]
fn a_probability_beyond_one() {
    assert_snapshot!(with(r#"models: {"gpt-4o": (quality: 1.5)}"#), @"");
}

#[test]
fn a_price_without_a_dollar() {
    assert_snapshot!(with(r#"models: {"gpt-4o": (input_price: "2.50")}"#), @"");
}

#[test]
fn a_model_without_a_price() {
    assert_snapshot!(with(r#"models: {"gpt-4o": (no_price: true)}"#), @"");
}

#[test]
fn an_unknown_model() {
    assert_snapshot!(with(r#"configs: {"support-agent": (variations: {"other-paid": (model: "gpt-4")})}"#), @"");
}

#[test]
fn a_model_that_nobody_uses_either() {
    assert_snapshot!(with(r#"configs: {"support-agent": (variations: {"other-paid": (model: "llama")})}"#), @"");
}

#[test]
fn a_new_model_without_likeness() {
    assert_snapshot!(with(r#"models: {"llama-3": (quality: 0.5)}"#), @"");
}

#[test]
fn an_unknown_tool() {
    assert_snapshot!(with(r#"configs: {"support-agent": (variations: {"other-paid": (tools: ["search_v1", "serch_v2"])})}"#), @"");
}

#[test]
fn an_unknown_config() {
    assert_snapshot!(but("\"security-agent\"", "\"security-agnt\""), @"");
}

#[test]
fn an_unknown_segment() {
    assert_snapshot!(but("other-paid", "other-piad"), @"");
}

#[test]
fn an_unknown_variation() {
    assert_snapshot!(but("\"strict-security\"", "\"strict-securty\""), @"");
}

#[test]
fn a_variation_of_another_config() {
    assert_snapshot!(but("\"strict-security\"", "\"claude-opus-treatment\""), @"");
}

#[test]
fn an_unknown_metric() {
    assert_snapshot!(but("ai_cost_per_request", "ai_cost_per_requst"), @"");
}

#[test]
fn a_metric_of_the_file_is_suggested_with_its_line() {
    assert_snapshot!(shown(&SHORT.replacen("(", "(\n    metrics: { \"tool_calls\": (event: \"$ld:ai:tool_call\", unit: \"calls\") },", 1).replace("ai_cost_per_request", "tool_cals")), @"");
}

#[test]
fn a_metric_whose_event_nothing_emits() {
    assert_snapshot!(with(r#"metrics: {"clicks": (event: "button_clicked", unit: "clicks")}"#), @"");
}

#[test]
fn a_metric_without_an_event() {
    assert_snapshot!(with(r#"metrics: {"clicks": (unit: "clicks")}"#), @"");
}

#[test]
fn a_metric_without_a_unit() {
    assert_snapshot!(with(r#"metrics: {"words": (event: "$ld:ai:tokens:output")}"#), @"");
}

#[test]
fn a_percentile_beyond_everybody() {
    assert_snapshot!(with(r#"metrics: {"p95_total_user_latency": (statistic: Percentile(1.0))}"#), @"");
}

#[test]
fn a_metric_that_is_listed_twice() {
    assert_snapshot!(but("\"positive_feedback_rate\",", "\"ai_cost_per_request\","), @"");
}

#[test]
fn no_metric() {
    assert_snapshot!(but("[\"positive_feedback_rate\", \"ai_cost_per_request\"]", "[]"), @"");
}

#[test]
fn shares_that_do_not_sum() {
    assert_snapshot!(but("\"strict-security\": \"50%\"", "\"strict-security\": \"40%\""), @"");
}

#[test]
fn a_share_beyond_the_whole() {
    assert_snapshot!(but("\"strict-security\": \"50%\"", "\"strict-security\": \"150%\""), @"");
}

#[test]
fn a_control_without_traffic() {
    assert_snapshot!(but("{ \"basic-security\": \"50%\", \"strict-security\": \"50%\" }", "{ \"basic-security\": \"0%\", \"strict-security\": \"100%\" }"), @"");
}

#[test]
fn a_control_that_is_not_in_the_split() {
    assert_snapshot!(but("control: \"basic-security\"", "control: \"pii-detector\""), @"");
}

#[test]
fn nothing_to_compare_with_the_control() {
    assert_snapshot!(but("{ \"basic-security\": \"50%\", \"strict-security\": \"50%\" }", "{ \"basic-security\": \"100%\" }"), @"");
}

#[test]
fn a_variation_twice_in_the_split() {
    assert_snapshot!(but("\"strict-security\": \"50%\"", "\"basic-security\": \"50%\""), @"");
}

#[test]
fn a_missing_field() {
    assert_snapshot!(but("control: \"basic-security\",", ""), @"");
}

#[test]
fn a_field_given_twice() {
    assert_snapshot!(experiment_with("threshold: 0.9, threshold: 0.95"), @"");
}

#[test]
fn a_threshold_out_of_range() {
    assert_snapshot!(experiment_with("threshold: 0.5"), @"");
}

#[test]
fn an_empty_sample() {
    assert_snapshot!(experiment_with(r#"sample: "0%""#), @"");
}

#[test]
fn an_audience_that_nobody_of_meets_the_experiment() {
    assert_snapshot!(with(r#"audience: [(share: "100%", attributes: {"country": ["DE", "US"], "plan": ["free"]})]"#), @"");
}

#[test]
fn an_audience_that_does_not_sum() {
    assert_snapshot!(with(r#"audience: [(share: "70%", attributes: {"country": ["US"], "plan": ["paid"]})]"#), @"");
}

#[test]
fn an_attribute_that_is_reserved() {
    assert_snapshot!(with(r#"audience: [(share: "100%", attributes: {"country": ["US"], "plan": ["paid"], "key": ["a"]})]"#), @"");
}

#[test]
fn a_segment_without_a_rule() {
    assert_snapshot!(with(r#"segments: {"vip": [In("plan", ["paid"])]}, guarded_rollouts: [(config: "support-agent", segment: "vip", from: "other-paid", to: "eu-paid", share: "10%")]"#), @"");
}

#[test]
fn a_segment_without_a_condition() {
    assert_snapshot!(with(r#"segments: {"everybody": []}"#), @"");
}

#[test]
fn a_guarded_rollout_on_the_experiments_config() {
    assert_snapshot!(with(r#"guarded_rollouts: [(config: "security-agent", segment: "eu-paid", from: "basic-security", to: "strict-security", share: "10%")]"#), @"");
}

#[test]
fn two_experiments_on_one_rule() {
    let again = SHORT.replace("security-level", "again").replace("(\n    experiments: [", "").replace("],\n)", "");
    assert_snapshot!(but("    )],", &format!("    ), {again}],")), @"");
}

#[test]
fn an_experiment_that_is_defined_twice() {
    assert_snapshot!(shown(&SHORT.replace("    )],", "    ), (key: \"security-level\", config: \"support-agent\", segment: \"other-paid\", control: \"other-paid\",\n        split: {\"other-paid\": \"50%\", \"eu-paid\": \"50%\"}, metrics: [\"ai_cost_per_request\"])],")), @"");
}

#[test]
fn a_model_that_is_defined_twice() {
    assert_snapshot!(with(r#"models: {"gpt-4o": (quality: 0.5), "gpt-4o": (quality: 0.6)}"#), @"");
}

#[test]
fn a_key_that_launchdarkly_refuses() {
    assert_snapshot!(but("security-level", "security level"), @"");
}

#[test]
fn a_decision_on_a_metric_that_is_not_there() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: All([
            Beats(name: "cost", metric: "cost_per_requst", probability: 0.9),
            AtMost(metric: "ai_cost_per_requst", effect: Relative, bound: 0.15),
        ]))"#), @"");
}

#[test]
fn a_decision_on_a_metric_of_another_experiment() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: Beats(metric: "p95_total_user_latency", probability: 0.9))"#), @"");
}

#[test]
fn a_decision_that_ships_the_control() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "basic-security", when: Declared(name: "it is better", holds: true))"#), @"");
}

#[test]
fn a_decision_that_ships_who_takes_no_part() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "pii-detector", when: Declared(name: "it is better", holds: true))"#), @"");
}

#[test]
fn a_decision_in_words_that_are_not_there() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: AtMst(metric: "ai_cost_per_request", effect: Relative, bound: 0.15))"#), @"");
}

#[test]
fn a_decision_without_criteria() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: All([]))"#), @"");
}

#[test]
fn an_expectation_without_a_decision() {
    assert_snapshot!(experiment_with("expect: (verdict: Ship)"), @"");
}

#[test]
fn an_expectation_of_a_criterion_that_is_not_there() {
    assert_snapshot!(experiment_with(r#"decision: (ship: "strict-security", when: Declared(name: "it is better", holds: true)),
        expect: (verdict: Ship, criteria: [("it is beter", Held)])"#), @"");
}

#[test]
fn a_redaction_that_the_instructions_do_not_say() {
    assert_snapshot!(with(r#"configs: {"security-agent": (variations: {"strict-security": (redaction: Strict, instructions: "Redact names.")})}"#), @"");
}

#[test]
fn a_redaction_by_another_agent() {
    assert_snapshot!(with(r#"configs: {"support-agent": (variations: {"other-paid": (redaction: Basic)})}"#), @"");
}

#[test]
fn a_knowledge_folder_that_is_not_there() {
    assert_snapshot!(with(r#"knowledge: "nowhere""#), @"");
}

#[test]
fn a_bracket_that_is_not_closed() {
    assert_snapshot!(shown(SHORT.trim_end_matches(')')), @"");
}

#[test]
fn a_comma_that_is_missing() {
    assert_snapshot!(but("key: \"security-level\",", "key: \"security-level\""), @"");
}

#[test]
fn a_block_that_is_no_block() {
    assert_snapshot!(with("traffic: 200"), @"");
}

#[test]
fn a_file_that_is_no_scenario() {
    assert_snapshot!(shown("{ \"traffic\": 200 }"), @"");
}

#[test]
fn no_experiment() {
    assert_snapshot!(shown("( seed: 1 )"), @"");
}

#[test]
fn several_at_once_in_the_order_of_the_file() {
    assert_snapshot!(shown(&SHORT.replacen("(", "(\n    knowledge: \"nowhere\",\n    traffic: (queries: 0, pii_percentage: 101),", 1).replace("ai_cost_per_request", "cost").replace("\"50%\" }", "\"51%\" }")), @"");
}

#[test]
fn a_file_that_is_empty() {
    assert_snapshot!(of_file(&file("empty.ron", b" \n")), @"");
}

#[test]
fn a_file_that_is_not_utf_8() {
    assert_snapshot!(of_file(&file("latin.ron", b"( title: \"Caf\xe9\" )")), @"");
}

#[test]
fn a_file_that_is_huge() {
    assert_snapshot!(of_file(&file("huge.ron", &vec![b' '; (1 << 20) + 1])), @"");
}

#[test]
fn a_folder() {
    let path = file("folder/inside.ron", b"()");
    assert_snapshot!(of_file(path.parent().unwrap()), @"");
}

#[test]
fn a_name_that_nobody_knows() {
    assert_snapshot!(render(&load("securty").unwrap_err(), false), @"");
    assert_snapshot!(render(&load("no/such/file.ron").unwrap_err(), false), @"");
}

#[test]
fn a_knowledge_base_without_topics_enough() {
    file("little/one.md", b"# One\n\nA text about one thing.\n");
    file("little/notes.txt", b"not read");
    let text = SHORT.replacen('(', "(\n    knowledge: \"little\",", 1);
    assert_snapshot!(of_file(&file("little.ron", text.as_bytes())), @"");
    file("nothing/notes.txt", b"not read");
    assert_snapshot!(of_file(&file("nothing.ron", text.replace("little", "nothing").as_bytes())), @"");
}

#[test]
fn brackets_that_are_nested_too_deep() {
    let nested = format!("seed: 1, decision: {}", "[".repeat(200));
    assert_snapshot!(with(&nested), @"");
}
