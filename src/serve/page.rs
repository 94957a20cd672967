//! The page of a running experiment: the report so far, and above it how far it is and what the
//! client does wrong.
//!
//! Guarantees: the page runs no script and loads nothing; the browser asks for it again by itself.
//! Before anything has arrived it says what to do.
//!
//! Does not know: what has arrived; it is told.

use maud::{Markup, html};

use crate::figure::count;
use crate::llm::wire::PROVIDERS;
use crate::report::{Report, to_html};
use crate::serve::door::Door;
use crate::serve::grade::Finding;

/// Seconds after which a browser asks for the page again.
pub const REFRESH: u32 = 5;

/// What the page shows besides the report.
#[derive(Clone, Debug)]
pub struct ServeProgress {
    /// When the page was made: Unix time in milliseconds.
    pub at_ms: u64,
    /// Events that have arrived.
    pub events: u64,
    /// Chat requests that have been answered.
    pub chats: u64,
    /// When the last events arrived: Unix time in milliseconds; 0 if none has.
    pub last_ms: u64,
    /// What the client does wrong.
    pub findings: Vec<Finding>,
    /// The server's own address, such as `http://127.0.0.1:8765`.
    pub address: String,
    /// The SDK key, where a project is set up.
    pub sdk_key: Option<String>,
}

/// The page.
#[must_use]
pub fn page(report: &Report, progress: &ServeProgress) -> String {
    let text = to_html(report);
    match text.split_once("</header>") {
        Some((head, rest)) => {
            format!("{head}{}</header>{rest}", section(report, progress).into_string())
        }
        None => text,
    }
}

fn section(report: &Report, progress: &ServeProgress) -> Markup {
    let users: u64 = report
        .experiments
        .iter()
        .map(|experiment| experiment.exposures.0.iter().map(|(_, users)| *users).sum::<u64>())
        .sum();
    html! {
        p {
            "As of " (clock(progress.at_ms)) " UTC: " (count(progress.chats)) " chat requests, " (count(progress.events)) " events"
            @if progress.last_ms > 0 { ", the last " (count(progress.at_ms.saturating_sub(progress.last_ms) / 1_000)) " s ago" }
            ". The page refreshes every " (REFRESH) " s."
        }
        @if users == 0 { (first_steps(progress)) } @else {
            ul {
                @for experiment in &report.experiments {
                    li {
                        code { (experiment.key) } ": "
                        (count(experiment.exposures.0.iter().map(|(_, users)| *users).sum())) " users so far ("
                        @for (nth, (variation, users)) in experiment.exposures.0.iter().enumerate() {
                            @if nth > 0 { ", " }
                            (variation) ": " (count(*users))
                        }
                        ")"
                    }
                }
            }
        }
        @if progress.findings.is_empty() {
            p.small.dim { "No client errors found so far." }
        } @else {
            p.warn { "What the client does wrong:" }
            ul {
                @for finding in &progress.findings {
                    li { code { (finding.code.name()) } ", " (count(finding.count)) " times: " (finding.message) }
                }
            }
        }
    }
}

/// What to do where no user has been exposed yet.
fn first_steps(progress: &ServeProgress) -> Markup {
    let key = progress.sdk_key.as_deref();
    html! {
        p.strong { "No user has been exposed yet. Point your application at this server and send it requests:" }
        pre {
            @for provider in PROVIDERS {
                @let (name, value) = Door::Provider(*provider).variable(&progress.address, true);
                "export " (name) "=" (value) "\n"
            }
            "export LD_BASE_URL=" (progress.address) "\n"
            @if let Some(key) = key { "export LD_SDK_KEY=" (key) "\n" }
        }
        p.small {
            "LaunchDarkly's SDKs have no environment variable: give the address as base, stream and events URI in code. "
            @if key.is_none() { "No project exists yet: create one over the REST interface, or start `simlab serve` with a scenario. " }
            "GET " code { "/_simlab/status" } " shows what has arrived."
        }
    }
}

/// The time of day, as `12:34:56`.
fn clock(unix_ms: u64) -> String {
    let seconds = unix_ms / 1_000 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use crate::scenario::{Scenario, load};
    use crate::serve::grade::Code;
    use crate::serve::ledger::Ledger;
    use serde_json::json;

    fn progress() -> ServeProgress {
        ServeProgress {
            at_ms: 1_760_000_001_000,
            events: 1_234,
            chats: 0,
            last_ms: 1_759_999_998_000,
            findings: Vec::new(),
            address: "http://127.0.0.1:8765".to_owned(),
            sdk_key: Some("sdk-1".to_owned()),
        }
    }

    #[test]
    fn an_empty_page_says_what_to_do_and_a_full_one_how_far_it_is() {
        let scenario: &'static Scenario = &Box::leak(Box::new(load("security").unwrap())).scenario;
        let mut ledger = Ledger::new(scenario, Seed(1), &[]);
        let empty = page(&ledger.report(), &ServeProgress { last_ms: 0, ..progress() });
        for words in [
            "As of 08:53:21 UTC",
            "No user has been exposed yet",
            "export OPENAI_BASE_URL=http://127.0.0.1:8765/v1",
            "LD_SDK_KEY=sdk-1",
            "No client errors found so far",
        ] {
            assert!(empty.contains(words), "{words}");
        }
        assert!(!empty.contains("s ago"));
        let experiment = &scenario.studies[0].experiment;
        let config = &experiment.config;
        let event = |nth: usize, key: &str| {
            json!({ "kind": "feature", "key": config, "creationDate": 5, "context": { "kind": "user", "key": format!("u{nth}") }, "variation": nth % 2 + 1,
                "value": { "_ldMeta": { "variationKey": key, "enabled": true } }, "reason": { "kind": "RULE_MATCH", "inExperiment": true } })
        };
        let keys: Vec<&str> =
            experiment.treatments.iter().map(|treatment| treatment.variation.as_str()).collect();
        let arrival = ledger.arrive(
            1,
            &crate::serve::ledger::Ask {
                endpoint: crate::scenario::Endpoint::Events,
                model: None,
                digest: crate::random::Owner::of(b"x"),
                fresh: true,
            },
        );
        ledger.take(arrival, (0..7).map(|nth| event(nth, keys[nth % 2])));
        let finding = Finding {
            code: Code::EventLate,
            message: Code::EventLate.message(),
            count: 3,
            requests: vec![1],
        };
        let full = page(&ledger.report(), &ServeProgress { findings: vec![finding], ..progress() });
        for words in ["1,234 events, the last 3 s ago", "7 users so far (", "event_late", "3 times"]
        {
            assert!(full.contains(words), "{words}: {}", full.get(..9_000).unwrap_or(&full));
        }
        assert!(
            !full.contains("No user has been exposed yet")
                && !full.contains("No client errors found so far")
        );
    }
}
