//! The published security experiment, and hostile text, in every format.

use super::*;
use crate::verdict::decide;
use crate::verdict::published::{rule, security};

mod graph;
mod machines;
mod text;
mod trust;

pub(super) use graph::{drawn, used};

const RULE: &str = r#"(
    ship: "strict-security",
    when: All([
        AtMost(name: "latency increase at most 3 s", metric: "p95_total_user_latency", effect: Absolute, bound: 3000.0),
        AtMost(name: "cost increase at most 15%", metric: "ai_cost_per_request", effect: Relative, bound: 0.15),
        Confident(name: "at least 75% confident in the cost", metric: "ai_cost_per_request", that: ControlBetter, probability: 0.75),
        NonInferior(name: "positive feedback stable or improving", metric: "positive_feedback_rate", margin: 0.1, probability: 0.75),
        Declared(name: "enhanced privacy protection", holds: true),
    ]),
)"#;

fn number(x: f64) -> Option<Number> {
    Number::new(x)
}

fn cost(variation: &str, agent: &str, model: &str, calls: u64, dollars: f64) -> Cost {
    Cost {
        variation: variation.to_owned(),
        agent: agent.to_owned(),
        model: model.to_owned(),
        calls,
        cost_per_user_usd: number(dollars),
        change: None,
    }
}

/// The tutorial's published numbers as a report; its cost table, traffic and assumptions as a run
/// would add them.
pub(super) fn published() -> Report {
    let (experiment, analysis) = security();
    let rule = rule(RULE, &experiment, &analysis);
    let verdict = decide(&rule, &experiment, &analysis);
    let costs = vec![
        cost("basic-security", "supervisor", "gpt-4o-mini", 1350, 0.0001),
        cost("basic-security", "security", "claude-3-5-haiku-20241022", 1350, 0.0003),
        cost("basic-security", "support", "gpt-4o", 2691, 0.0242),
        cost("strict-security", "supervisor", "gpt-4o-mini", 1377, 0.0001),
        cost("strict-security", "security", "mistral-small-latest", 1377, 0.0),
        cost("strict-security", "support", "gpt-4o", 2980, 0.0280),
    ];
    let extras = ReportSupplements { costs, ..ReportSupplements::default() };
    let mut report = Report::new("security", DataOrigin::Mock, Some(42), "9f3c2ab41d7e6f08");
    report.version = "0.1.0".to_owned();
    report.backends = Ordered(vec![
        ("LaunchDarkly".to_owned(), "mock".to_owned()),
        ("models".to_owned(), "mock".to_owned()),
    ]);
    report.bootstrap =
        ["created 1 project", "4 segments", "5 tools", "3 AI configs", "5 metrics", "1 experiment"]
            .map(String::from)
            .to_vec();
    report.traffic = Some(TrafficSummary {
        queries: 2800,
        users: None,
        succeeded: 2727,
        failed: 73,
        failures: Ordered(vec![("timeout".to_owned(), 61), ("rate limit".to_owned(), 12)]),
        pii_queries: 2800,
        virtual_seconds: number(38_052.0),
        cost_usd: number(72.4733),
    });
    report.assumptions = vec![Assumption {
        what: "the judge answers right in 95 of 100 cases".to_owned(),
        source: "assumed; the tutorial does not say".to_owned(),
    }];
    report.experiments.push(Report::experiment(&experiment, &analysis, Some(&verdict), extras));
    report
}

#[test]
fn hostile_text_stays_text_in_every_format() {
    let hostile =
        "\u{1b}]0;owned\u{7}\u{1b}[2J|<script>alert('x')</script>&\"]]>\n# h\u{202e}\u{200b}@team";
    let mut report = published();
    report.scenario = hostile.to_owned();
    report.bootstrap = vec![hostile.to_owned()];
    report.assumptions[0].what = hostile.to_owned();
    report.backends.0[0].1 = hostile.to_owned();
    report.expectations = [true, false]
        .map(|passed| ExpectationResult {
            name: hostile.to_owned(),
            passed,
            message: hostile.to_owned(),
        })
        .to_vec();
    let experiment = &mut report.experiments[0];
    experiment.name = hostile.repeat(4);
    experiment.hypothesis = hostile.repeat(9);
    experiment.names.0[0].1 = hostile.to_owned();
    experiment.health[0].message = hostile.to_owned();
    experiment.health[0].status = crate::analysis::HealthStatus::Warning;
    experiment.health[1].check = hostile.to_owned();
    experiment.metrics[0].key = hostile.repeat(3);
    experiment.metrics[2].unit = hostile.to_owned();
    experiment.metrics[0].variations[0].reason = Some(hostile.to_owned());
    experiment.costs[0].model = hostile.repeat(5);
    experiment.costs[0].agent = hostile.to_owned();
    experiment.failures = vec![Failure {
        variation: "strict-security".to_owned(),
        kind: hostile.to_owned(),
        count: 1,
    }];
    let verdict = experiment.verdict.as_mut().unwrap();
    verdict.headline = hostile.repeat(3);
    verdict.because[0].criterion = hostile.to_owned();
    verdict.because[0].found = hostile.to_owned();
    verdict.because[0].required = hostile.to_owned();
    for width in [0, 80, 97, 120, usize::MAX] {
        let text = to_text(&report, width, &Palette::plain());
        widths(&text, width.clamp(80, 120));
        assert!(
            text.chars().all(|c| c == '\n' || !c.is_control())
                && !text.contains(['\u{202e}', '\u{200b}'])
        );
    }
    let markdown = to_markdown(&report);
    assert!(!markdown.contains("<script") && !markdown.contains("@team"), "{markdown}");
    assert!(markdown.lines().all(|line| !line.starts_with("# ")));
    for table in markdown
        .lines()
        .filter(|line| line.starts_with('|'))
        .collect::<Vec<_>>()
        .chunk_by(|a, b| cells(a) == cells(b))
    {
        assert!(cells(table[0]) >= 2 && (table.len() >= 2), "a cell was left: {table:?}");
    }
    super::html::tests::harmless(&to_html(&report));
    let junit = to_junit(&report);
    assert!(
        !junit.contains("<script")
            && !junit.contains("]]>")
            && junit.chars().all(|c| c == '\n' || !c.is_control()),
        "{junit}"
    );
}

#[test]
fn an_empty_report_is_a_report() {
    let report = Report::new("nothing", DataOrigin::Data, None, "");
    for text in [
        to_text(&report, 80, &Palette::plain()),
        to_markdown(&report),
        to_junit(&report),
        to_html(&report),
        to_json(&report).unwrap(),
    ] {
        assert!(text.contains("nothing"));
    }
}

fn cells(line: &str) -> usize {
    line.replace("\\|", "").matches('|').count() - 1
}

fn widths(text: &str, most: usize) {
    for line in text.lines() {
        let width = unicode_width::UnicodeWidthStr::width(line);
        assert!(width <= most, "{width} columns: {line}");
    }
}
