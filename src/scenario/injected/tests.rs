//! Rules as they are written, in RON and in JSON.

use super::*;
use crate::diagnostic::{SourceText, render};
use crate::llm::wire::PROVIDERS;
use crate::llm::wire::anthropic::ANTHROPIC;
use crate::llm::wire::mistral::MISTRAL;
use crate::llm::wire::openai::OPENAI;
use crate::scenario::parse_faults;

fn parsed(text: &str) -> Result<Vec<FaultRule>, String> {
    parse_faults(&SourceText::new("faults.ron", text)).map_err(|faults| render(&faults, false))
}

#[test]
fn the_same_rules_mean_the_same_in_ron_and_in_json() {
    let ron = r#"[
        (fault: "rate_limited", on: ["anthropic", "openai"], models: ["claude-*", "gpt-4o"], rate: 0.25, burst: 3, retry_after: "2s"),
        (fault: "cut", next: 2),
        (fault: "malformed", rate: 1),
        (fault: "server_error", on: ["events"], status: 503, next: 1),
    ]"#;
    let json = br#"{"faults": [
        {"fault": "rate_limited", "on": ["anthropic", "openai"], "models": ["claude-*", "gpt-4o"], "rate": 0.25, "burst": 3, "retry_after": "2s"},
        {"fault": "cut", "next": 2},
        {"fault": "malformed", "rate": 1},
        {"fault": "server_error", "on": ["events"], "status": 503, "next": 1}
    ]}"#;
    let rules = parsed(ron).unwrap();
    assert_eq!(faults_from_json(json), Ok(rules.clone()));
    assert_eq!(rules[0].kind, FaultKind::RateLimited { retry_after: Duration::from_us(2_000_000) });
    // Chats of every provider, embeddings, token counts, moderations, batches, three of LaunchDarkly,
    // and tools over MCP.
    let everywhere = PROVIDERS.len() + 8;
    assert_eq!((rules[1].on.len(), rules[1].rate, rules[1].next), (everywhere, 1.0, Some(2)));
    assert!(!rules[2].on.contains(&Endpoint::Events));
    assert!(
        rules[0].concerns(Endpoint::Chat(ANTHROPIC), Some("claude-3-opus"))
            && rules[0].concerns(Endpoint::Chat(OPENAI), Some("gpt-4o"))
    );
    assert!(
        !rules[0].concerns(Endpoint::Chat(OPENAI), Some("gpt-4o-mini"))
            && !rules[0].concerns(Endpoint::Chat(MISTRAL), Some("claude-1"))
    );
    assert!(rules[1].concerns(Endpoint::LaunchDarklyRest, None));
    // What is shown can be sent again.
    let shown = serde_json::to_vec(&rules).unwrap();
    assert_eq!(faults_from_json(&shown), Ok(rules));
}

#[test]
fn a_file_shows_every_mistake_in_its_line_with_what_was_meant() {
    let shown = parsed(
        "[\n  (fault: \"rate_limitd\", rate: 1),\n  (fault: \"slow\", on: [\"antropic\"], rate: 2.5, status: 500),\n  (fault: \"cut\"),\n]",
    )
    .unwrap_err();
    for part in [
        "there is no fault `rate_limitd`",
        "did you mean `rate_limited`?",
        "faults.ron:2:11",
        "there is no endpoint `antropic`",
        "did you mean `anthropic`?",
        "expected more than 0 and at most 1, found 2.5",
        "`status` says nothing about the fault `slow`",
        "give `rate` (a chance above 0 and at most 1), `next` (so many requests), or both",
        "faults.ron:4:11",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let shown = parsed("[(fault: \"cut\", rte: 1)]").unwrap_err();
    assert!(
        shown.contains("unknown field `rte`") && shown.contains("did you mean `rate`?"),
        "{shown}"
    );
    let shown = parsed("[(on: [\"openai\"], rate: 1)]").unwrap_err();
    assert!(shown.contains("the field `fault` is missing"), "{shown}");
    assert!(
        parsed("(faults: [])").is_err_and(|shown| shown.contains("a file of faults is a list")
            || shown.contains("expected a list"))
    );
}

#[test]
fn json_names_the_path_and_what_was_expected() {
    let complaints = |body: &str| faults_from_json(body.as_bytes()).unwrap_err().join("\n");
    for (body, parts) in [
        (
            r#"{"faults": [{"fault": "cut", "rte": 1}]}"#,
            &["faults[0].rte", "unknown field `rte`", "`rate`"][..],
        ),
        (
            r#"[{"fault": "cut", "next": 1}, {"fault": "cut", "next": "x"}]"#,
            &["[1].next", "expected a whole number, found the text \"x\""],
        ),
        (r#"{"fault": "slow", "next": 1, "delay": "soon"}"#, &["delay", "expected a duration"]),
        (
            r#"{"fault": "server_error", "next": 0, "status": 200}"#,
            &["next", "expected 1 to 1000000, found 0", "expected 500 to 599, found 200"],
        ),
        (r#"{"faults": 3}"#, &["expected {\"faults\": [ … ]}"]),
        (r#"{"faults": [], "more": 1}"#, &["unknown field `more`"]),
        ("{", &["the body ends too early"]),
        ("{]", &["the body is not JSON (line 1, column 2)"]),
        (
            r#"{"fault": "malformed", "on": ["events"], "rate": 1}"#,
            &["has no body that could be malformed"],
        ),
        (
            r#"{"fault": "cut", "on": ["events"], "models": ["gpt-4o"], "rate": 1}"#,
            &["name no model"],
        ),
    ] {
        let shown = complaints(body);
        assert!(parts.iter().all(|part| shown.contains(part)), "{body}\n{shown}");
    }
}
