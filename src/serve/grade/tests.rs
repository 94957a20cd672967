//! What is found, on small stories told in milliseconds.

use super::*;

fn owner(text: &str) -> Owner {
    Owner::of(text.as_bytes())
}

fn found(grade: &ClientFindings, now_ms: u64) -> Vec<(Code, u64, Vec<u64>)> {
    grade
        .findings(now_ms, false)
        .into_iter()
        .map(|finding| (finding.code, finding.count, finding.requests))
        .collect()
}

fn exposure(at_ms: u64, unit: &str) -> Recorded<'_> {
    Recorded::Exposure {
        at_ms,
        unit,
        config: "c",
        variation: 1,
        variation_key: None,
        value: &serde_json::Value::Null,
    }
}

fn metric(at_ms: u64, unit: &str) -> Recorded<'_> {
    Recorded::Metric { at_ms, unit, event: "e", value: Some(1.0), data: &serde_json::Value::Null }
}

#[test]
fn a_client_that_backs_off_and_heeds_retry_after_is_without_blame() {
    let mut grade = ClientFindings::default();
    let (mut now, a) = (1_000, owner("a"));
    for (request, pause) in [400, 800, 1600, 3200].into_iter().enumerate() {
        let tries = grade.arrived(now, request as u64 + 1, a, false);
        assert_eq!(tries, request as u32 + 1);
        grade.refused(Some(now), a, tries, (request == 1).then_some(790));
        now += pause;
    }
    assert_eq!(grade.arrived(now, 5, a, false), 5);
    // After a success the same request is no retry, and neither is another's first try.
    assert_eq!(grade.arrived(now + 1, 6, a, false), 1);
    grade.refused(Some(now), a, 1, None);
    assert_eq!(grade.arrived(now + 2, 7, a, true), 1);
    assert_eq!(found(&grade, now + 100_000), []);
}

#[test]
fn a_retry_storm_and_an_ignored_retry_after_are_found_with_their_requests() {
    let mut grade = ClientFindings::default();
    let (a, b) = (owner("a"), owner("b"));
    for request in 1..=12 {
        let tries = grade.arrived(1_000 + request, request, a, false);
        grade.refused(Some(1_000 + request), a, tries, None);
    }
    let tries = grade.arrived(2_000, 13, b, false);
    grade.refused(Some(2_000), b, tries, Some(5_000));
    grade.arrived(2_400, 14, b, false);
    assert_eq!(
        found(&grade, 3_000),
        [
            (Code::RetryTooSoon, 11, (2..=12).collect()),
            (Code::RetryTooOften, 4, (9..=12).collect()),
            (Code::RetryAfterIgnored, 1, vec![14])
        ]
    );
}

#[test]
fn a_cut_answer_that_nobody_asks_for_again_was_taken_as_whole() {
    let mut grade = ClientFindings::default();
    grade.cut(1_000, 1, owner("a"), CUT_GRACE_MS);
    grade.cut(1_000, 2, owner("b"), CUT_GRACE_MS);
    grade.arrived(1_500, 3, owner("a"), false);
    assert_eq!(found(&grade, 10_999), []);
    assert_eq!(found(&grade, 11_000), [(Code::CutTakenAsWhole, 1, vec![2])]);
    // At the end nothing can come any more.
    assert_eq!(grade.findings(2_000, true)[0].requests, [2]);
}

#[test]
fn events_that_come_twice_late_or_out_of_order_are_found() {
    let mut grade = ClientFindings::default();
    let now = 1_000_000;
    grade.payload(now, 1, false);
    grade.event(now, 1, 11, &exposure(now - 1000, "u"));
    grade.event(now, 1, 12, &metric(now - 900, "u"));
    // Two alike in one payload are two events of the same millisecond.
    grade.event(now, 1, 13, &metric(now - 900, "u"));
    grade.event(now, 1, 13, &metric(now - 900, "u"));
    assert_eq!(found(&grade, now), []);
    grade.payload_read(1);
    grade.event(now, 2, 12, &metric(now - 900, "u"));
    grade.payload_read(2);
    grade.event(now, 3, 14, &metric(now - 60_001, "u"));
    grade.event(now, 4, 15, &metric(now - 100, "v"));
    grade.event(now + 10_001, 5, 16, &exposure(now - 200, "v"));
    // Made before the exposure: it does not count anyway.
    grade.event(now, 6, 17, &metric(now - 300, "w"));
    grade.event(now + 10_001, 7, 18, &exposure(now - 200, "w"));
    grade.payload(now, 8, true);
    assert_eq!(
        found(&grade, now),
        [
            (Code::PayloadSentTwice, 1, vec![8]),
            (Code::EventSentTwice, 1, vec![2]),
            (Code::EventLate, 1, vec![3]),
            (Code::ExposureAfterMetric, 1, vec![5])
        ]
    );
}

#[test]
fn payloads_that_overtake_each_other_and_calls_that_are_alike_are_no_faults() {
    let mut grade = ClientFindings::default();
    let now = 1_000_000;
    // Two payloads under way at once, the later one first.
    grade.event(now, 2, 21, &metric(now - 100, "u"));
    grade.payload_read(2);
    grade.event(now + 2_000, 1, 22, &exposure(now - 200, "u"));
    grade.payload_read(1);
    // Two calls within a millisecond, on both sides of a payload's end.
    grade.event(now, 3, 31, &metric(now - 50, "u"));
    grade.payload_read(3);
    grade.event(now, 4, 31, &metric(now - 50, "u"));
    grade.event(now, 4, 32, &metric(now - 40, "u"));
    grade.payload_read(4);
    assert_eq!(found(&grade, now), []);
    // Two events of different times: a batch that was sent before stands in a larger one.
    grade.event(now, 5, 33, &metric(now - 30, "u"));
    grade.payload_read(5);
    grade.event(now, 6, 32, &metric(now - 40, "u"));
    grade.event(now, 6, 31, &metric(now - 50, "u"));
    grade.event(now, 6, 33, &metric(now - 30, "u"));
    grade.event(now, 6, 34, &metric(now - 20, "u"));
    grade.payload_read(6);
    assert_eq!(found(&grade, now), [(Code::EventSentTwice, 3, vec![6])]);
}

#[test]
fn an_sdk_that_leaves_without_its_last_events_has_missed_a_flush() {
    let mut grade = ClientFindings::default();
    grade.stream_opened();
    grade.payload(1_000, 1, false);
    grade.answered(2_000, 2);
    // As long as it is there, the events may still come.
    assert_eq!(found(&grade, 60_000), []);
    grade.stream_ended(61_000, 3, true);
    assert_eq!(found(&grade, 61_500), []);
    assert_eq!(found(&grade, 63_000), [(Code::MissingFlush, 1, vec![2, 3])]);
    grade.payload(63_500, 4, false);
    assert_eq!(found(&grade, 70_000), []);
    // A server that stops is no client that leaves.
    grade.stream_opened();
    grade.answered(71_000, 5);
    grade.stream_ended(72_000, 6, false);
    grade.payload(73_000, 7, false);
    assert_eq!(found(&grade, 90_000), []);
}

#[test]
fn exposures_without_any_metric_event_are_found_after_a_while() {
    let mut grade = ClientFindings::default();
    grade.event(1_000, 1, 1, &exposure(1_000, "u"));
    assert_eq!(found(&grade, 30_999), []);
    assert_eq!(found(&grade, 31_000), [(Code::ExposuresWithoutMetrics, 1, vec![1])]);
    grade.event(32_000, 2, 2, &metric(32_000, "u"));
    assert_eq!(found(&grade, 90_000), []);
}

#[test]
fn the_memory_is_bounded_whatever_comes() {
    let mut grade = ClientFindings::default();
    for request in 1..=250_000_u64 {
        let digest = Owner::of(&request.to_le_bytes());
        let tries = grade.arrived(request, request, digest, false);
        grade.refused(Some(request), digest, tries, None);
        grade.cut(request, request, digest, CUT_GRACE_MS);
        grade.event(request, request, request, &metric(request, &request.to_string()));
    }
    assert!(grade.failures.len() <= 2 * MAX_REMEMBERED && grade.events.len() <= 2 * MAX_REMEMBERED);
    assert!(grade.waiting.len() <= 2 * MAX_REMEMBERED && grade.cuts.len() <= MAX_CUTS);
    assert!(
        grade.findings(1 << 40, true).iter().all(|finding| finding.requests.len() <= MAX_NUMBERS)
    );
}
