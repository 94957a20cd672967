//! A failed health check outranks the verdict, in every format, unless the experiment tolerates it
//! by name.

use super::*;
use crate::analysis::HealthStatus;
use crate::verdict::Decision;

/// The published experiment, which ships, with a failed health check.
fn failed(tolerated: &[&str]) -> Report {
    let mut report = published();
    let experiment = &mut report.experiments[0];
    let check =
        experiment.health.iter_mut().find(|check| check.check == "sample_ratio_mismatch").unwrap();
    check.status = HealthStatus::Error;
    check.message = "1,350 and 900 users do not fit a 50/50 split".to_owned();
    let verdict = experiment.verdict.as_mut().unwrap();
    verdict.tolerated = tolerated.iter().map(|&check| check.to_owned()).collect();
    verdict.weigh(&experiment.health);
    report
}

#[test]
fn every_format_leads_with_do_not_trust_and_keeps_the_rules_outcome() {
    let report = failed(&[]);
    let headline = "Do not trust this result: the health check sample_ratio_mismatch failed.";
    let text = to_text(&report, 100, &Palette::plain());
    assert!(
        text.contains("┏━━ DO NOT TRUST ━")
            && text.contains(headline)
            && !text.contains("┏━━ SHIP"),
        "{text}"
    );
    assert!(text.contains("Without that the rule would say SHIP: Ship Strict Security"), "{text}");
    let markdown = to_markdown(&report);
    assert!(
        markdown.contains(
            "> ⛔ **Do not trust this result: the health check sample_ratio_mismatch failed.**"
        ),
        "{markdown}"
    );
    assert!(markdown.contains("Without that the rule would say SHIP"), "{markdown}");
    let html = to_html(&report);
    // A page has the check's name, with its key as a tooltip.
    let named =
        "<span class=\"named\" title=\"sample_ratio_mismatch\">sample ratio mismatch</span>";
    let headline_of_page = headline.replace("sample_ratio_mismatch", named);
    assert!(
        html.contains("<p class=\"word bad\">DO NOT TRUST") && html.contains(&headline_of_page),
        "{html}"
    );
    assert!(html.contains("<p>Without that the rule would say SHIP"), "{html}");
    assert!(to_junit(&report).contains(headline));
    let json: serde_json::Value = serde_json::from_str(&to_json(&report).unwrap()).unwrap();
    let verdict = &json["experiments"][0]["verdict"];
    assert_eq!(verdict["trusted"], false);
    assert_eq!(verdict["distrust"], serde_json::json!(["sample_ratio_mismatch"]));
    assert_eq!(
        (verdict["decision"].as_str(), verdict["headline"].as_str()),
        (Some("ship"), Some(headline))
    );
    assert!(
        verdict["untrusted_headline"].as_str().unwrap().starts_with("Ship Strict Security"),
        "{verdict}"
    );
}

#[test]
fn a_check_that_the_experiment_tolerates_leaves_the_verdict_and_is_still_shown() {
    let report = failed(&["sample_ratio_mismatch"]);
    let verdict = report.experiments[0].verdict.as_ref().unwrap();
    assert!(verdict.trusted && verdict.distrust.is_empty() && verdict.untrusted_headline.is_none());
    let text = to_text(&report, 100, &Palette::plain());
    assert!(
        text.contains("┏━━ SHIP ━") && text.contains("health warnings: sample_ratio_mismatch"),
        "{text}"
    );
    assert!(text.contains("✗ error") && text.contains("do not fit a 50/50 split"), "{text}");
    // Another check is not meant.
    assert!(!failed(&["metrics"]).experiments[0].verdict.as_ref().unwrap().trusted);
}

#[test]
fn a_report_that_was_saved_before_trust_was_judged_is_judged_when_it_is_read() {
    let report = failed(&[]);
    let mut old: serde_json::Value = serde_json::from_str(&to_json(&report).unwrap()).unwrap();
    let verdict = old["experiments"][0]["verdict"].as_object_mut().unwrap();
    let said = verdict.remove("untrusted_headline").unwrap();
    verdict.insert("headline".to_owned(), said);
    verdict.remove("trusted");
    verdict.remove("distrust");
    assert_eq!(from_json(&old.to_string()).unwrap(), report);
    assert_eq!(
        from_json(&to_json(&report).unwrap()).unwrap(),
        report,
        "a second time changes nothing"
    );
}

#[test]
fn an_expected_verdict_is_not_met_by_a_result_that_nobody_expected_to_be_broken() {
    let met = |expect: Expect, tolerated: &[&str]| {
        let results = expect.check(&failed(tolerated).experiments[0]);
        (results[0].passed, results[0].message.clone())
    };
    let ship = || Expect { verdict: Some(Decision::Ship), ..Expect::default() };
    let message = "it is ship, and not to be trusted: sample_ratio_mismatch failed".to_owned();
    assert_eq!(met(ship(), &[]), (false, message));
    assert!(met(ship(), &["sample_ratio_mismatch"]).0);
    let known = vec![("sample_ratio_mismatch".to_owned(), Status::Error)];
    assert!(met(Expect { health: known, ..ship() }, &[]).0);
    let other = vec![("metrics".to_owned(), Status::Error)];
    assert!(!met(Expect { health: other, ..ship() }, &[]).0);
}
