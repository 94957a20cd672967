//! Names that mean nothing: models, tools, segments, variations, metrics and their events.

use insta::assert_snapshot;

use super::{SHORT, but, experiment_with, shown, with};

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

/// A model at another address, with these fields of it.
fn at(fields: &str) -> String {
    with(&format!(r#"models: {{"llama": (like: "gpt-4o", compatible: ({fields}))}}"#))
}

#[test]
fn a_provider_with_a_name_that_is_taken() {
    assert_snapshot!(at(r#"name: "openai", base: "https://x.example/v1""#), @r#"
     × the name `openai` is that of OpenAI
      ╭─[my.ron:2:59]
    1 │ (
    2 │     models: {"llama": (like: "gpt-4o", compatible: (name: "openai", base: "https://x.example/v1"))},
      ·                                                           ────┬───
      ·                                                               ╰── this provider is built in
    3 │     experiments: [(
      ╰────
     help: write `provider: OpenAi` instead of `compatible`; for its models at another address,
           choose another name
    "#);
}

#[test]
fn an_address_of_a_provider_that_may_hold_a_key_and_a_key_in_place_of_its_variable() {
    // No line of the file is shown, since what is wrong may be a key.
    assert_snapshot!(at(r#"name: "groq", base: "https://user:sk-1@x.example/v1", key: "gsk_1""#), @r#"
    × the `base` of `groq` is not an address
    help: write https://, a host and the path up to the version, without a key, `?` or `@`, such as
          "https://api.groq.com/openai/v1"
      in my.ron
    × the `key` of `groq` is not the name of an environment variable
    help: write the name of the variable that holds the key, in capitals, such as "GROQ_API_KEY";
          never write a key into a scenario
      in my.ron
    "#);
}

#[test]
fn an_address_of_a_provider_with_one_path_too_many_or_without_encryption() {
    let said = |base: &str| {
        let told = at(&format!(r#"name: "groq", base: "{base}""#));
        told.lines().next().unwrap_or_default().trim().to_owned()
    };
    assert_snapshot!(said("https://x.example/v1/chat/completions"), @"× the `base` of `groq` is the address of chats");
    assert_snapshot!(said("http://x.example/v1"), @"× the `base` of `groq` begins with http:// and would send the key unencrypted");
    assert_snapshot!(said("https://x.example/{v1"), @"× the `base` of `groq` holds a character that no base address has");
    assert_eq!(said("http://127.0.0.1:11434/v1"), "ok");
}

#[test]
fn a_provider_with_two_addresses() {
    let two = r#"models: {"a": (like: "gpt-4o", compatible: (name: "groq", base: "https://x.example/v1")), "b": (like: "gpt-4o", compatible: (name: "groq", base: "https://y.example/v1"))}"#;
    let said = with(two);
    assert!(said.contains("× the provider `groq` has two addresses or keys"), "{said}");
    assert!(said.contains("before, it is at https://x.example/v1 with GROQ_API_KEY"), "{said}");
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
     help: did you mean `gpt-4o`? A model of your own starts from one of the catalog: `models:
           { "gpt-4": (like: "…", input_price: "$…", output_price: "$…") }`
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
           mistral-small-latest, claude-haiku-4-5-20251001, claude-sonnet-4-6, claude-opus-4-7,
           claude-haiku-5-5, claude-sonnet-5-5, claude-opus-5-5, gpt-6-luna, gpt-6.1-terra,
           gpt-6-sol, mistral-small-2603, mistral-large-4-0, gpt-6.1-sol, gpt-6.2-sol, gpt-6-astra,
           gemini-3.5-flash-lite, gemini-3.5-flash, gemini-3.8-flash, gemini-3.1-pro-preview,
           gemini-4-hydrogen, gemini-4-argon, amazon.nova-lite-v1:0, amazon.nova-pro-v1:0,
           anthropic.claude-sonnet-5-5; a model of your own starts from one of the catalog: `models:
           { "llama": (like: "…", input_price: "$…", output_price: "$…") }`
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
           mistral-small-latest, claude-haiku-4-5-20251001, claude-sonnet-4-6, claude-opus-4-7,
           claude-haiku-5-5, claude-sonnet-5-5, claude-opus-5-5, gpt-6-luna, gpt-6.1-terra,
           gpt-6-sol, mistral-small-2603, mistral-large-4-0, gpt-6.1-sol, gpt-6.2-sol, gpt-6-astra,
           gemini-3.5-flash-lite, gemini-3.5-flash, gemini-3.8-flash, gemini-3.1-pro-preview,
           gemini-4-hydrogen, gemini-4-argon, amazon.nova-lite-v1:0, amazon.nova-pro-v1:0,
           anthropic.claude-sonnet-5-5; write `like: "…"` to make a new one from one of these
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
           $ld:ai:tool_call, request_duration, request_failed, personal_data_disclosed,
           $ld:ai:graph:duration:total, $ld:ai:graph:invocation_success,
           $ld:ai:graph:invocation_failure, $ld:ai:graph:total_tokens, request_stopped,
           harmless_request_stopped, harmful_request_answered
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
           ai_cost_per_request, $ld:ai:tool_call, request_duration, request_failed,
           personal_data_disclosed, $ld:ai:graph:duration:total, $ld:ai:graph:invocation_success,
           $ld:ai:graph:invocation_failure, $ld:ai:graph:total_tokens, request_stopped,
           harmless_request_stopped, harmful_request_answered
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
fn a_health_check_to_tolerate_that_there_is_not_or_that_never_fails() {
    assert_snapshot!(experiment_with(r#"tolerate: ["sample_ratio_mismach", "exposures"]"#), @r#"
     × health check `sample_ratio_mismach` is not defined
       ╭─[my.ron:9:20]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         tolerate: ["sample_ratio_mismach", "exposures"],
       ·                    ───────────┬──────────
       ·                               ╰── no health check has this name
    10 │     )],
       ╰────
     help: did you mean `sample_ratio_mismatch`?
     × health check `exposures` never fails
       ╭─[my.ron:9:44]
     8 │         metrics: ["positive_feedback_rate", "ai_cost_per_request"],
     9 │         tolerate: ["sample_ratio_mismach", "exposures"],
       ·                                            ─────┬─────
       ·                                                 ╰── it only warns
    10 │     )],
       ╰────
     help: remove it; checks that can fail: sample_ratio_mismatch, metrics, silent_arm,
           failed_requests, sampling
    "#);
}
