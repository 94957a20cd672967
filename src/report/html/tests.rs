//! The page: well formed, self-contained, and text stays text.

use super::to_html;
use crate::analysis::HealthStatus;
use crate::report::charts::{Distribution, MetricOverTime, OverTime, Spread, VariationOverTime};
use crate::report::tests::{drawn, published, used};
use crate::report::{Failure, Number, Report, Truth, from_json, to_json};

/// Elements that have no end.
const VOID: [&str; 1] = ["meta"];

fn number(x: f64) -> Number {
    Number::new(x).unwrap()
}

/// The published report with everything that a chart can show.
fn full() -> Report {
    let mut report = published();
    let experiment = &mut report.experiments[0];
    let users: Vec<u64> = (1..=4).map(|n| n * 500).collect();
    let arms = ["basic-security", "strict-security"];
    let series = experiment.metrics.iter().map(|metric| MetricOverTime {
        key: metric.key.clone(),
        variations: arms
            .iter()
            .enumerate()
            .map(|(nth, key)| VariationOverTime {
                key: (*key).to_owned(),
                data_mean: vec![
                    None,
                    Some(number(0.3)),
                    Some(number(0.5)),
                    Some(number(0.4 + nth as f64)),
                ],
                probability_to_beat_control: if nth == 0 {
                    Vec::new()
                } else {
                    [None, Some(0.97), Some(0.5), Some(0.6)].map(|p| p.map(number)).to_vec()
                },
            })
            .collect(),
    });
    experiment.over_time = Some(OverTime { users, days: Vec::new(), metrics: series.collect() });
    let edges: Vec<Number> = (0..=4).map(|n| number(1000.0 * f64::from(1 << (2 * n)))).collect();
    let spread = |key: &&str| Spread {
        key: (*key).to_owned(),
        counts: vec![5, 20, 10, 1],
        percentiles: Some([2e3, 2e4, 3e4, 2e5].map(number)),
    };
    experiment.distributions = vec![Distribution {
        metric: "p95_total_user_latency".to_owned(),
        edges,
        variations: arms.iter().map(spread).collect(),
    }];
    experiment.failures =
        vec![Failure { variation: arms[1].to_owned(), kind: "timeout".to_owned(), count: 12 }];
    for metric in &mut experiment.metrics {
        let truth = Truth {
            mean: metric.variations[0].data_mean,
            relative_difference: Number::new(0.05),
            ..Truth::default()
        };
        metric.variations.iter_mut().for_each(|own| own.truth = Some(truth));
    }
    experiment.agents = arms.iter().flat_map(|arm| used(arm)).collect();
    report.graph = Some(drawn());
    report
}

/// Fails where an element is not closed, a name, an attribute or a reference is not one that the
/// page makes, or a character could mislead.
pub(crate) fn harmless(page: &str) {
    const KNOWN: [&str; 47] = [
        "a",
        "body",
        "button",
        "caption",
        "code",
        "dd",
        "desc",
        "details",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "g",
        "h1",
        "h2",
        "h3",
        "h4",
        "head",
        "header",
        "html",
        "li",
        "line",
        "main",
        "meta",
        "nav",
        "p",
        "path",
        "polygon",
        "pre",
        "rect",
        "section",
        "span",
        "strong",
        "style",
        "summary",
        "svg",
        "table",
        "tbody",
        "td",
        "text",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
    ];
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "a control character");
    assert!(!page.contains(['\u{202e}', '\u{200b}']), "a character that misleads");
    let mut open: Vec<&str> = Vec::new();
    let body = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag that ends");
        assert!(
            !text.contains('>') || open.last() == Some(&"style") || tag == "style",
            "a bare bracket in `{text}`"
        );
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default().trim();
        assert!(!name.is_empty() && KNOWN.contains(&name), "an element `{tag}`");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "closed in order");
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
        // Outside quotes stand names of attributes alone.
        for outside in tag.split('"').step_by(2).flat_map(str::split_whitespace).skip(1) {
            assert!(
                !outside.starts_with("on")
                    && outside
                        .trim_end_matches('/')
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "-=:".contains(c)),
                "`{outside}` in `{tag}`"
            );
        }
        for attribute in ["href=\"", "src=\"", "url("] {
            for value in tag.split(attribute).skip(1) {
                assert!(value.starts_with('#'), "`{tag}` leads elsewhere");
            }
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

#[test]
fn the_page_is_well_formed_and_leads_nowhere_else() {
    let page = to_html(&full());
    harmless(&page);
    assert!(!super::page::STYLE.contains("url(") && !super::page::STYLE.contains("@import"));
    let without_names = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    assert!(!without_names.contains("http:") && !without_names.contains("https:"));
    let charts = page.matches("class=\"chart\"").count();
    // Four posteriors, four series, two waterfalls and what is between them, two
    // waterfalls of latency, one distribution, failures; the graph has a class of its own.
    assert_eq!(charts, 4 + 4 + 3 + 2 + 1 + 1);
    // A scorecard has an axis and an interval for each metric.
    assert_eq!(page.matches("class=\"chart in-line\"").count(), 1 + 4);
    assert_eq!(page.matches("class=\"chart graph\"").count(), 1);
    assert!(!include_str!("graph.css").contains("url("));
    assert!(!page.contains("NaN") && !page.contains("inf "));
}

#[test]
fn every_id_is_there_once_and_every_reference_has_one() {
    let mut report = full();
    report.experiments.push(report.experiments[0].clone());
    let page = to_html(&report);
    let values = |attribute: &str| {
        page.split(attribute)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect::<Vec<_>>()
    };
    let ids = values(" id=\"");
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), ids.len());
    let references = values(" aria-labelledby=\"").into_iter().flat_map(str::split_whitespace);
    for reference in references.chain(values("href=\"#")).chain(values(" popovertarget=\"")) {
        assert!(ids.contains(&reference), "{reference}");
    }
}

#[test]
fn the_verdict_comes_first_and_a_saved_report_gives_the_same_page() {
    let report = full();
    let page = to_html(&report);
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    let order = [
        "SHIP",
        "Ship Strict Security: all 5 criteria",
        "latency increase at most 3 s",
        "Health",
        "Estimates",
        "As users arrived",
        "Cost by agent",
        "Failures",
        "fingerprint",
    ];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])));
    assert_eq!(to_html(&from_json(&to_json(&report).unwrap()).unwrap()), page);
}

/// What a reader sees: the texts between the tags, without the style.
fn seen(page: &str) -> String {
    let (_, body) = page.split_once("</style>").unwrap();
    let texts = body.split('<').skip(1).filter_map(|part| part.split_once('>'));
    texts.map(|(_, text)| text).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_scorecard_has_the_published_numbers_in_words_that_people_use() {
    let page = to_html(&published());
    let card = page.split("<section class=\"scorecard\"").nth(1).unwrap();
    let card = seen(&format!("</style>{}", card.split("</section>").next().unwrap()));
    let read = card.split_whitespace().collect::<Vec<_>>().join(" ");
    // The published numbers: 458 of 1,350 and 473 of 1,377 users, and how likely each
    // metric is better.
    for expected in [
        "Strict Security (1,377 users) against Basic Security , the control (1,350 users)",
        "Positive feedback rate primary ↑ higher is better 34.0% 458 of 1,350",
        "473 of 1,377",
        "P95 total user latency ↓ lower is better",
        "AI cost per request ↓ lower is better",
        "58.4%",
        "unclear expected loss",
    ] {
        assert!(read.contains(expected), "{expected}: {read}");
    }
    // Keys are tooltips; nobody has to read them.
    for key in ["positive_feedback_rate", "ai_cost_per_request", "p95_total_user_latency"] {
        assert!(page.contains(&format!("title=\"{key}\"")), "{key}");
        assert!(!seen(&page).contains(key), "{key}");
    }
    assert!(page.contains(
        "<button class=\"term\" type=\"button\" popovertarget=\"word-probability-to-beat-control\""
    ));
    assert_eq!(page.matches("id=\"word-relative-difference\"").count(), 1);
}

#[test]
fn health_is_a_line_until_something_is_wrong() {
    let mut report = published();
    let checks = report.experiments[0].health.len();
    assert!(report.experiments[0].health.iter().all(|own| own.status == HealthStatus::Healthy));
    let line = format!("Health: all {checks} checks passed");
    assert!(seen(&to_html(&report)).contains(&line));
    let ratio = &mut report.experiments[0].health[1];
    assert_eq!(ratio.check, "sample_ratio_mismatch");
    ratio.status = HealthStatus::Error;
    ratio.message = "<b>1,350 of 900</b>".to_owned();
    let health = report.experiments[0].health.clone();
    report.experiments[0].verdict.as_mut().unwrap().weigh(&health);
    let page = to_html(&report);
    harmless(&page);
    let read = seen(&page);
    assert!(!read.contains(&line) && read.contains(&format!("{} checks passed", checks - 1)));
    assert!(read.contains("Sample ratio mismatch") && read.contains("&lt;b&gt;1,350 of 900"));
    assert!(read.contains("DO NOT TRUST") && !read.contains("sample_ratio_mismatch"), "{read}");
}

#[test]
fn a_scorecard_without_percentages_draws_nothing_and_says_the_difference() {
    let mut report = published();
    for own in report.experiments[0].metrics.iter_mut().flat_map(|own| &mut own.variations) {
        (own.relative_difference, own.relative_interval) = (None, None);
    }
    let page = to_html(&report);
    harmless(&page);
    assert!(!page.contains("class=\"chart in-line\""));
    assert!(page.contains(" pts"), "rates differ in points");
}

#[test]
fn hostile_text_stays_text_in_charts() {
    let hostile = "\u{1b}[2J</text></svg><script>alert('x')</script>\" onload=\"x\u{202e}&";
    let mut report = full();
    let experiment = &mut report.experiments[0];
    experiment.name = hostile.to_owned();
    experiment.names.0.iter_mut().for_each(|(_, name)| *name = hostile.to_owned());
    for (metric, series) in
        experiment.metrics.iter_mut().zip(&mut experiment.over_time.as_mut().unwrap().metrics)
    {
        metric.key = format!("{hostile}{}", metric.key);
        series.key.clone_from(&metric.key);
        metric.unit = hostile.to_owned();
    }
    experiment.distributions[0].metric.clone_from(&experiment.metrics[2].key);
    experiment.costs.iter_mut().for_each(|cost| cost.agent = hostile.to_owned());
    experiment.failures[0].kind = hostile.to_owned();
    experiment.agents.iter_mut().for_each(|own| own.agent = hostile.to_owned());
    let graph = report.graph.as_mut().unwrap();
    graph.key = hostile.to_owned();
    graph.root = hostile.to_owned();
    graph.nodes[0].key = hostile.to_owned();
    graph.nodes[1].role = hostile.to_owned();
    graph.nodes[1].models.0[0].1 = hostile.to_owned();
    graph.edges[1].condition = hostile.to_owned();
    harmless(&to_html(&report));
}

#[test]
fn a_page_without_a_graph_does_not_know_of_graphs() {
    let page = to_html(&published());
    assert!(!page.contains("agent-box") && !page.contains("Agent graph"));
}

#[test]
fn a_graph_from_a_changed_file_is_drawn_as_well_as_it_can_be() {
    let mut report = full();
    let graph = report.graph.as_mut().unwrap();
    // Edges from and to nobody, to the agent itself, and twice the same.
    let edge = |from: &str, to: &str| crate::report::DrawnEdge {
        from: from.to_owned(),
        to: to.to_owned(),
        condition: "always".to_owned(),
        ..Default::default()
    };
    graph.edges.extend([
        edge("nobody", "writer"),
        edge("writer", "nobody"),
        edge("writer", "writer"),
        edge("writer", "critic"),
        edge("critic", "writer"),
    ]);
    harmless(&to_html(&report));
    // More than the library places in reasonable time: the tree stands in its place.
    let graph = report.graph.as_mut().unwrap();
    let names: Vec<String> = (0..64).map(|n| format!("agent-{n}")).collect();
    graph.edges =
        names.iter().flat_map(|from| names.iter().take(3).map(|to| edge(from, to))).collect();
    graph.nodes = names
        .into_iter()
        .map(|key| crate::report::DrawnNode { key, ..Default::default() })
        .collect();
    let page = to_html(&report);
    harmless(&page);
    assert!(page.contains("<pre class=\"tree\">"));
    report.graph = Some(crate::report::DrawnGraph::default());
    harmless(&to_html(&report));
}
