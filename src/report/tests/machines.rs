//! The report for pull requests and programs.

use super::*;

#[test]
fn a_pull_request_comment_opens_with_the_verdict() {
    insta::assert_snapshot!(to_markdown(&published()), @r"
    ## Security Level

    > 🟢 **Ship Strict Security: all 5 criteria are met (one of them declared, not measured).**

    ### Decision rule

    | | criterion | found | required |
    |---|---|---|---|
    | ✅ held | latency increase at most 3 s | -13.7 s | at most +3 s |
    | ✅ held | cost increase at most 15% | +14.6% | at most +15% |
    | ✅ held | at least 75% confident in the cost | 79.1% sure | at least 75% sure that the control is better |
    | ✅ held | positive feedback stable or improving | 98.6% sure (estimate +1.14%) | at least 75% sure that it is at most 10% worse |
    | ✅ held | enhanced privacy protection (declared, not measured) | declared to hold | declared to hold |

    > ⚠️ “at least 75% confident in the cost” can hold only if the control is better on ai_cost_per_request, so the rule ships only a treatment that looks worse there

    ### Strict Security against Basic Security

    | metric | change | 90% interval | beats control | reads | expected loss |
    |---|--:|--:|--:|---|--:|
    | positive_feedback_rate | +1.14% | -7.63 to +9.92% | 58.4% | unclear | 0.54 pts |
    | negative_feedback_rate | +15.5% | -38.3 to +69.3% | 30.0% | unclear | 0.3 pts |
    | p95_total_user_latency | -35.9% | -73.3 to +1.52% | 87.4% | unclear | 714 ms |
    | ai_cost_per_request | +14.6% | -16.9 to +46.1% | 20.9% | unclear | \$0.0040 |

    _If the difference stays as observed, about 79,839 more users (in total 30.3 times as many as now) are needed before positive_feedback_rate reaches 90%. Because it may change, the chance to reach 90% by then is about 50%. LaunchDarkly's formula gives 77,998._

    <details><summary>Each variation</summary>

    | metric, variation | users | converted or total | measured | estimate | 90% interval | prob. best |
    |---|--:|--:|--:|--:|--:|--:|
    | **positive_feedback_rate** <br> primary · share of users · higher is better |  |  |  |  |  |  |
    | Basic Security | 1,350 | 458 | 33.9% | 34.0% | 31.9 to 36.1% | 41.6% |
    | Strict Security | 1,377 | 473 | 34.4% | 34.3% | 32.3 to 36.4% | 58.4% |
    | **negative_feedback_rate** <br> share of users · lower is better |  |  |  |  |  |  |
    | Basic Security | 1,350 | 18 | 1.33% | 1.41% | 0.87 to 1.90% | 70.0% |
    | Strict Security | 1,377 | 24 | 1.74% | 1.62% | 1.18 to 2.07% | 30.0% |
    | **p95_total_user_latency** <br> percentile over users · lower is better |  |  |  |  |  |  |
    | Basic Security | 1,350 | – | 38.1 s | 38.1 s | 20.5 to 55.7 s | 12.6% |
    | Strict Security | 1,377 | – | 23.3 s | 24.4 s | 15.7 to 33.1 s | 87.4% |
    | **ai_cost_per_request** <br> mean over users · lower is better |  |  |  |  |  |  |
    | Basic Security | 1,350 | \$33.14 | \$0.0246 | \$0.0246 | \$0.0198 to \$0.0293 | 79.1% |
    | Strict Security | 1,377 | \$39.33 | \$0.0286 | \$0.0281 | \$0.0226 to \$0.0336 | 20.9% |

    </details>

    <details><summary>Cost by agent</summary>

    | variation, agent | model | calls | cost per user | against control |
    |---|---|--:|--:|--:|
    | **Basic Security** <br> control |  |  |  |  |
    | supervisor | gpt-4o-mini | 1,350 | \$0.0001 |  |
    | security | claude-3-5-haiku-20241022 | 1,350 | \$0.0003 |  |
    | support | gpt-4o | 2,691 | \$0.0242 |  |
    | total |  |  | \$0.0246 |  |
    | **Strict Security** |  |  |  |  |
    | supervisor | gpt-4o-mini | 1,377 | \$0.0001 | 0% |
    | security | mistral-small-latest | 1,377 | free | -100% |
    | support | gpt-4o | 2,980 | \$0.0280 | +15.7% |
    | total |  |  | \$0.0281 | +14.2% |

    </details>

    <details><summary>Where this comes from</summary>

    | | |
    |---|---|
    | scenario | security |
    | mode | mock: nothing left this machine, nothing was paid |
    | backends | LaunchDarkly: mock, models: mock |
    | seed | 42 |
    | fingerprint | 9f3c2ab41d7e6f08 |
    | bootstrap | created 1 project, 4 segments, 5 tools, 3 AI configs, 5 metrics, 1 experiment |
    | version | simlab 0.1.0 |
    | queries | 2,800 |
    | succeeded | 2,727 (97.4%) |
    | failed | 73 (2.61%): 61 timeout, 12 rate limit |
    | personal data | in 2,800 queries (100%) |
    | duration | 10.6 h of virtual time |
    | cost | \$72.47 with real providers, at list prices; nothing was spent |

    **Assumed, not measured**

    - the judge answers right in 95 of 100 cases (assumed; the tutorial does not say)

    </details>
    ");
}

#[test]
fn the_json_fits_its_schema_and_begins_as_scripts_expect() {
    let schema = output_schema::<Report>("Report");
    let validator = jsonschema::validator_for(&schema).unwrap();
    let text = to_json(&published()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let faults: Vec<String> = validator.iter_errors(&json).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(
        text.starts_with("{\n  \"schema\": \"simlab.report/1\",\n  \"scenario\": \"security\",\n")
    );
    // Published: 458 of 1,350 and 473 of 1,377.
    let experiment = &json["experiments"][0];
    let [control, treatment] = [0, 1].map(|at| &experiment["metrics"][0]["variations"][at]);
    assert_eq!(control["conversions"], 458);
    assert_eq!(control["data_mean"], 0.339_259_259_3);
    assert_eq!(control["probability_to_beat_control"], serde_json::Value::Null);
    assert_eq!(treatment["relative_interval"], serde_json::json!([-0.0763, 0.0992]));
    assert_eq!(
        experiment["exposures"],
        serde_json::json!({ "basic-security": 1350, "strict-security": 1377 })
    );
    assert_eq!(experiment["verdict"]["decision"], "ship");
    // What does not apply is left out; what is missing is null.
    assert!(experiment.get("bandit").is_none() && json.get("live").is_none());
    let mut other = json.clone();
    other["experiments"][0]["metrics"][0]["variations"][0]["conversions"] =
        serde_json::json!("458");
    assert!(!validator.is_valid(&other));
    let mut more = json;
    more["experiments"][0]["verdict"]["new"] = serde_json::json!(1);
    assert!(!validator.is_valid(&more));
}

#[test]
fn a_saved_report_reads_back_as_it_was() {
    let report = published();
    let text = to_json(&report).unwrap();
    assert_eq!(from_json(&text).unwrap(), report);
    assert!(!text.contains("NaN"));
    assert!(
        from_json(&text.replace("simlab.report/1", "simlab.report/9"))
            .unwrap_err()
            .contains("simlab.report/9")
    );
}
