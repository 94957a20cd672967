//! The report for people, at two widths.

use super::*;
use crate::verdict::published::premium;

#[test]
fn the_text_fits_eighty_columns() {
    let text = to_text(&published(), 80, &Palette::plain());
    insta::assert_snapshot!(text, @"
    simlab 0.1.0
      scenario       security
      mode           mock: nothing left this machine, nothing was paid
      backends       LaunchDarkly: mock, models: mock
      seed           42
      fingerprint    9f3c2ab41d7e6f08
      bootstrap      created 1 project, 4 segments, 5 tools, 3 AI configs, 5
                     metrics, 1 experiment

    Traffic
      queries        2,800
      succeeded      2,727 (97.4%)
      failed         73 (2.61%): 61 timeout, 12 rate limit
      personal data  in 2,800 queries (100%)
      duration       10.6 h of virtual time
      cost           $72.47 with real providers, at list prices; nothing was spent

    Assumed, not measured
      · the judge answers right in 95 of 100 cases (assumed; the tutorial does not
        say)

    ━━ Experiment: Security Level ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      hypothesis     Enhanced security improves safety compliance without
                     significantly harming positive feedback rates
      users          1,350 Basic Security (basic-security), the control
                     1,377 Strict Security (strict-security)

    Health
      ✓ healthy  exposures, sample_ratio_mismatch, metrics

    Strict Security against Basic Security
                                                         beats           expected
      metric                  change     90% interval  control  reads        loss
      positive_feedback_rate  +1.14%  -7.63 to +9.92%    58.4%  unclear  0.54 pts
      negative_feedback_rate  +15.5%  -38.3 to +69.3%    30.0%  unclear   0.3 pts
      p95_total_user_latency  -35.9%  -73.3 to +1.52%    87.4%  unclear    714 ms
      ai_cost_per_request     +14.6%  -16.9 to +46.1%    20.9%  unclear   $0.0040
      If the difference stays as observed, about 79,839 more users (in total 30.3
      times as many as now) are needed before positive_feedback_rate reaches 90%.
      Because it may change, the chance to reach 90% by then is about 50%.
      LaunchDarkly's formula gives 77,998.

    Each variation
                         converted                                          prob.
      metric, variation   or total  measured  estimate        90% interval   best
      positive_feedback_rate  primary · share of users · higher is better
        Basic Security         458     33.9%     34.0%       31.9 to 36.1%  41.6%
        Strict Security        473     34.4%     34.3%       32.3 to 36.4%  58.4%
      negative_feedback_rate  share of users · lower is better
        Basic Security          18     1.33%     1.41%       0.87 to 1.90%  70.0%
        Strict Security         24     1.74%     1.62%       1.18 to 2.07%  30.0%
      p95_total_user_latency  percentile over users · lower is better
        Basic Security           –    38.1 s    38.1 s      20.5 to 55.7 s  12.6%
        Strict Security          –    23.3 s    24.4 s      15.7 to 33.1 s  87.4%
      ai_cost_per_request  mean over users · lower is better
        Basic Security      $33.14   $0.0246   $0.0246  $0.0198 to $0.0293  79.1%
        Strict Security     $39.33   $0.0286   $0.0281  $0.0226 to $0.0336  20.9%

    Cost by agent
                                                              cost  against
      variation, agent  model                      calls  per user  control
      Basic Security  control
        supervisor      gpt-4o-mini                1,350   $0.0001
        security        claude-3-5-haiku-20241022  1,350   $0.0003
        support         gpt-4o                     2,691   $0.0242
        total                                              $0.0246
      Strict Security
        supervisor      gpt-4o-mini                1,377   $0.0001       0%
        security        mistral-small-latest       1,377      free    -100%
        support         gpt-4o                     2,980   $0.0280   +15.7%
        total                                              $0.0281   +14.2%

    Decision rule
      ✓ held      latency increase at most 3 s
                  found -13.7 s; required at most +3 s
      ✓ held      cost increase at most 15%
                  found +14.6%; required at most +15%
      ✓ held      at least 75% confident in the cost
                  found 79.1% sure; required at least 75% sure that the control is
                  better
      ✓ held      positive feedback stable or improving
                  found 98.6% sure (estimate +1.14%); required at least 75% sure
                  that it is at most 10% worse
      ✓ held      enhanced privacy protection
                  declared to hold, not measured
      ! warning   “at least 75% confident in the cost” can hold only if the control
                  is better on ai_cost_per_request, so the rule ships only a
                  treatment that looks worse there

    ┏━━ SHIP ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃  Ship Strict Security: all 5 criteria are met (one of them declared, not     ┃
    ┃  measured).                                                                  ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    ");
    widths(&text, 80);
}

#[test]
fn a_wide_terminal_shows_more() {
    let text = to_text(&published(), 200, &Palette::plain());
    insta::assert_snapshot!(text, @"
    simlab 0.1.0
      scenario       security
      mode           mock: nothing left this machine, nothing was paid
      backends       LaunchDarkly: mock, models: mock
      seed           42
      fingerprint    9f3c2ab41d7e6f08
      bootstrap      created 1 project, 4 segments, 5 tools, 3 AI configs, 5 metrics, 1 experiment

    Traffic
      queries        2,800
      succeeded      2,727 (97.4%)
      failed         73 (2.61%): 61 timeout, 12 rate limit
      personal data  in 2,800 queries (100%)
      duration       10.6 h of virtual time
      cost           $72.47 with real providers, at list prices; nothing was spent

    Assumed, not measured
      · the judge answers right in 95 of 100 cases (assumed; the tutorial does not say)

    ━━ Experiment: Security Level ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      hypothesis     Enhanced security improves safety compliance without significantly harming positive feedback rates
      users          1,350 Basic Security (basic-security), the control
                     1,377 Strict Security (strict-security)

    Health
      ✓ healthy  exposures, sample_ratio_mismatch, metrics

    Strict Security against Basic Security
                                                         beats           expected
      metric                  change     90% interval  control  reads        loss
      positive_feedback_rate  +1.14%  -7.63 to +9.92%    58.4%  unclear  0.54 pts
      negative_feedback_rate  +15.5%  -38.3 to +69.3%    30.0%  unclear   0.3 pts
      p95_total_user_latency  -35.9%  -73.3 to +1.52%    87.4%  unclear    714 ms
      ai_cost_per_request     +14.6%  -16.9 to +46.1%    20.9%  unclear   $0.0040
      If the difference stays as observed, about 79,839 more users (in total 30.3 times as many as now) are needed before
      positive_feedback_rate reaches 90%. Because it may change, the chance to reach 90% by then is about 50%.
      LaunchDarkly's formula gives 77,998.

    Each variation
                                converted                                          prob.
      metric, variation  users   or total  measured  estimate        90% interval   best  posterior
      positive_feedback_rate  primary · share of users · higher is better
        Basic Security   1,350        458     33.9%     34.0%       31.9 to 36.1%  41.6%       ▁▂▃▄▆▇██▇▅▃▂▁▁
        Strict Security  1,377        473     34.4%     34.3%       32.3 to 36.4%  58.4%        ▁▂▃▄▆▇██▆▅▃▂▁
      negative_feedback_rate  share of users · lower is better
        Basic Security   1,350         18     1.33%     1.41%       0.87 to 1.90%  70.0%       ▁▂▃▄▆▇██▇▆▄▃▁▁
        Strict Security  1,377         24     1.74%     1.62%       1.18 to 2.07%  30.0%          ▁▂▃▅▇██▇▅▃▂▁
      p95_total_user_latency  percentile over users · lower is better
        Basic Security   1,350          –    38.1 s    38.1 s      20.5 to 55.7 s  12.6%       ▁▂▃▄▆▇██▇▆▄▃▂▁
        Strict Security  1,377          –    23.3 s    24.4 s      15.7 to 33.1 s  87.4%       ▂▄▇█▅▂▁
      ai_cost_per_request  mean over users · lower is better
        Basic Security   1,350     $33.14   $0.0246   $0.0246  $0.0198 to $0.0293  79.1%      ▁▂▃▅▇██▆▄▂▁
        Strict Security  1,377     $39.33   $0.0286   $0.0281  $0.0226 to $0.0336  20.9%        ▁▁▃▄▆▇██▇▅▃▂▁

    Cost by agent
                                                              cost  against
      variation, agent  model                      calls  per user  control
      Basic Security  control
        supervisor      gpt-4o-mini                1,350   $0.0001
        security        claude-3-5-haiku-20241022  1,350   $0.0003
        support         gpt-4o                     2,691   $0.0242
        total                                              $0.0246
      Strict Security
        supervisor      gpt-4o-mini                1,377   $0.0001       0%
        security        mistral-small-latest       1,377      free    -100%
        support         gpt-4o                     2,980   $0.0280   +15.7%
        total                                              $0.0281   +14.2%

    Decision rule
      ✓ held      latency increase at most 3 s
                  found -13.7 s; required at most +3 s
      ✓ held      cost increase at most 15%
                  found +14.6%; required at most +15%
      ✓ held      at least 75% confident in the cost
                  found 79.1% sure; required at least 75% sure that the control is better
      ✓ held      positive feedback stable or improving
                  found 98.6% sure (estimate +1.14%); required at least 75% sure that it is at most 10% worse
      ✓ held      enhanced privacy protection
                  declared to hold, not measured
      ! warning   “at least 75% confident in the cost” can hold only if the control is better on ai_cost_per_request, so the
                  rule ships only a treatment that looks worse there

    ┏━━ SHIP ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃  Ship Strict Security: all 5 criteria are met (one of them declared, not measured).                                  ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    ");
    widths(&text, 120);
}

#[test]
fn warnings_come_before_a_verdict_is_believed() {
    let (experiment, analysis) = premium();
    let rule = rule(
        r#"(ship: "claude-opus-treatment", otherwise: Keep, when: All([
            AtLeast(name: "positive feedback up by 15%", metric: "positive_feedback_rate", effect: Relative, bound: 0.15),
            Any([
                Beats(metric: "ai_cost_per_request", probability: 0.9),
                Ratio(name: "cost-value ratio", value: ("positive_feedback_rate", Relative), cost: ("ai_cost_per_request", Relative),
                      at_least: 0.25),
            ]),
            Beats(metric: "average_total_user_tokens", probability: 0.9),
        ]))"#,
        &experiment,
        &analysis,
    );
    let verdict = decide(&rule, &experiment, &analysis);
    let mut report = Report::new("published/premium.ron", DataOrigin::Data, None, "00c1d2");
    report.version = "0.1.0".to_owned();
    let variation = |mean, relative: Option<f64>, limit: Option<f64>| TrueVariation {
        truth: Some(Truth {
            mean: number(mean),
            relative_difference: relative.and_then(number),
            mean_error: number(0.001),
            relative_error: number(0.012),
        }),
        measured_limit: Some(Truth {
            relative_difference: limit.and_then(number),
            ..Truth::default()
        }),
        bias: relative.zip(limit).map(|(relative, limit)| Bias {
            relative_difference: number(limit - relative),
            error: number(0.01),
        }),
    };
    let extras = ReportSupplements {
        truth: Some(Truths {
            users: 100_000,
            metrics: vec![
                TrueMetric {
                    variations: vec![
                        variation(0.28, None, None),
                        variation(0.29, Some(0.036), Some(-0.643)),
                    ],
                    causes: vec!["the judge is shown tool output before the answer".to_owned()],
                },
                TrueMetric {
                    variations: vec![
                        variation(0.0119, None, None),
                        variation(0.3485, Some(28.28), Some(28.29)),
                    ],
                    causes: Vec::new(),
                },
            ],
        }),
        failures: vec![Failure {
            variation: "claude-opus-treatment".to_owned(),
            kind: "timeout".to_owned(),
            count: 9,
        }],
        ..ReportSupplements::default()
    };
    report.experiments.push(Report::experiment(&experiment, &analysis, Some(&verdict), extras));
    report.expectations = vec![
        ExpectationResult {
            name: "verdict is keep".to_owned(),
            passed: true,
            message: String::new(),
        },
        ExpectationResult {
            name: "“cost-value ratio” is held".to_owned(),
            passed: false,
            message: "it is not held".to_owned(),
        },
    ];
    let text = to_text(&report, 80, &Palette::plain());
    insta::assert_snapshot!(text, @r#"
    simlab 0.1.0
      scenario       published/premium.ron
      mode           given data: nothing was run
      fingerprint    00c1d2

    ━━ Experiment: Premium Model Value Analysis ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
      hypothesis     Claude Opus 4 justifies premium cost with superior positive
                     feedback rate
      users          108 Other Paid (GPT-4o) (other-paid), the control
                     107 Claude Opus 4 Treatment (claude-opus-treatment)

    Health
      ! warning  silent_arm: none of the 107 users of claude-opus-treatment gave any
                 feedback, 15 of 108 in the control did: check that its feedback is
                 recorded and that its answers arrive before you believe the
                 difference

    Claude Opus 4 Treatment against Other Paid (GPT-4o)
                                                         beats           expected
      metric                  change     90% interval  control  reads        loss
      positive_feedback_rate  -64.0%  -87.0 to -41.0%     0.5%  worse     9.3 pts
      ai_cost_per_request     +33.0%   -45.0 to +111%    24.0%  unclear   $0.0045
      On positive_feedback_rate, Other Paid (GPT-4o) already beats Claude Opus 4
      Treatment with 99.6%, so more users would not make Claude Opus 4 Treatment the
      winner.

    The effect on users: every user through every variation
      metric, variation             90% interval   true change       bias  covered
      positive_feedback_rate  Other Paid (GPT-4o): true value 28.0%
        Claude Opus 4 Treatment  -87.0 to -41.0%   +3.60% ±1.2  -67.9 pts  no
      ai_cost_per_request  Other Paid (GPT-4o): true value $0.0119
        Claude Opus 4 Treatment   -45.0 to +111%  +2,828% ±1.2   +1.0 pts  no
      True change: the effect on users (100,000 users through every variation, ±
      standard error). Bias: what this measurement would show with unlimited users,
      minus the true change. The measurement of positive_feedback_rate is biased
      (-64.3% with unlimited users, true change +3.60%), because the judge is shown
      tool output before the answer.

    Each variation
                           converted                                           prob.
      metric, variation     or total  measured  estimate         90% interval   best
      positive_feedback_rate  primary · share of users · higher is better
        Other Paid (GPT-…         15     13.9%     14.5%        9.04 to 20.1%  99.5%
        Claude Opus 4 Tr…          0        0%     5.24%        2.28 to 8.20%   0.5%
      ai_cost_per_request  mean over users · lower is better
        Other Paid (GPT-…      $1.29   $0.0119   $0.0119   $0.0101 to $0.0137  76.0%
        Claude Opus 4 Tr…     $37.29    $0.349   $0.0158  $0.00695 to $0.0247  24.0%

    Failures
      failure  Other Paid (GPT-4o)  Claude Opus 4 Treatment
      timeout                    0                        9

    Decision rule
      ✗ not held  positive feedback up by 15%
                  found -64.0%; required at least +15%
      ✗ not held  at least one of these
                  found 0 of 2; required one of them
      ✗ not held    ai_cost_per_request: the treatment is better
                    found 24.0% sure; required at least 90% sure that the treatment
                    is better
      ✗ not held    cost-value ratio
                    found -1.94 (positive_feedback_rate -64.0%, ai_cost_per_request
                    +33.0%); required at least 0.25
      ? unknown   a metric: the treatment is better
                  the metric is not measured in this experiment; required at least
                  90% sure that the treatment is better

    ┏━━ KEEP ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃  Keep Other Paid (GPT-4o): Claude Opus 4 Treatment meets none of its 3       ┃
    ┃  criteria.                                                                   ┃
    ┃  Before you trust the verdict, read these health warnings: silent_arm.       ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛

    Expected by the scenario
      ✓ met       verdict is keep
      ✗ not met   “cost-value ratio” is held
                  it is not held
    "#);
    widths(&text, 80);
    insta::assert_snapshot!(to_junit(&report), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="simlab" tests="2" failures="1">
      <testsuite name="published/premium.ron" tests="2" failures="1" errors="0" skipped="0" time="0">
        <testcase classname="published/premium.ron" name="verdict is keep"/>
        <testcase classname="published/premium.ron" name="“cost-value ratio” is held">
          <failure message="it is not held">it is not held</failure>
        </testcase>
        <system-out>premium-model: Keep Other Paid (GPT-4o): Claude Opus 4 Treatment meets none of its 3 criteria.</system-out>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn colors_follow_the_result_screens() {
    let (experiment, analysis) = premium();
    let mut report = Report::new("premium", DataOrigin::Data, None, "0");
    report.experiments.push(Report::experiment(
        &experiment,
        &analysis,
        None,
        ReportSupplements::default(),
    ));
    let text = to_text(&report, 80, &Palette::color());
    assert!(text.contains("\u{1b}[31m0.5%\u{1b}[0m"), "0.5% is at most 1 - 90%: red\n{text}");
    assert!(text.contains("  24.0%  unclear"), "24% says nothing: no color\n{text}");
    assert_eq!(
        anstream::adapter::strip_str(&text).to_string(),
        to_text(&report, 80, &Palette::plain())
    );
}

#[test]
fn the_test_that_an_experiment_asks_for_stands_beside_its_posteriors() {
    let mut report = published();
    let experiment = &mut report.experiments[0];
    let of = |x| Number::new(x).unwrap();
    let latency = &mut experiment.metrics[2].variations[1];
    let test = |p_value: f64| Frequentist {
        relative_difference: Some(of(-0.388)),
        interval: Some([of(-0.756), of(-0.02)]),
        p_value: of(p_value),
        difference: Some(of(-14_800.0)),
        difference_interval: Some([of(-28_830.0), of(-770.0)]),
        method: None,
        correction: None,
    };
    latency.frequentist = Some(test(0.0827));
    latency.sequential = Some(test(0.000_4));
    assert!(!to_text(&report, 80, &Palette::plain()).contains("p-value"));
    report.experiments[0].method = crate::experiment::Method::Frequentist;
    let text = to_text(&report, 80, &Palette::plain());
    insta::assert_snapshot!(part(&text, "Fixed-horizon"), @"
    Fixed-horizon test of the difference (valid at one look, planned in advance)
                                               measured
      metric                variation        difference        90% interval  p-value
      p95_total_user_late…  Strict Security     -14.8 s  -28.8 s to -770 ms    0.083
    ");
    report.experiments[0].method = crate::experiment::Method::Sequential;
    insta::assert_snapshot!(part(&to_text(&report, 80, &Palette::plain()), "Always-valid"), @"
    Always-valid test of the difference (valid at every look)
                                               measured
      metric                variation        difference        90% interval  p-value
      p95_total_user_late…  Strict Security     -14.8 s  -28.8 s to -770 ms   <0.001
    ");
}

/// The section of `text` that starts with `heading`.
fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    text.split("\n\n").find(|section| section.starts_with(heading)).unwrap_or_default()
}
