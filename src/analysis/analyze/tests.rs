//! What holds for the analysis of any data.

use proptest::prelude::*;

use super::super::published::{experiment, mean, percentile, rate};
use super::*;
use crate::analysis::{Interval, Tally};
use crate::experiment::{Better, PriorKind, Statistic};

/// Every number of an analysis.
fn numbers(analysis: &Analysis) -> Vec<f64> {
    let ends = |i: Interval| [i.lower, i.upper];
    let mut all = Vec::new();
    for v in analysis.metrics.iter().flat_map(|m| &m.variations) {
        all.extend(
            [v.total_value, v.data_mean, v.posterior_mean, v.probability_to_be_best]
                .iter()
                .flatten(),
        );
        all.extend(v.credible_interval.into_iter().flat_map(ends));
        if let Some(c) = v.comparison {
            all.extend([c.probability_to_beat, c.absolute_difference, c.expected_loss]);
            all.extend(c.relative_difference);
            all.extend(c.relative_interval.into_iter().flat_map(ends));
        }
        if let Some(f) = v.frequentist {
            all.extend([f.difference, f.p_value, f.one_sided_p_value]);
            all.extend(f.relative_difference);
            all.extend(f.interval.into_iter().chain([f.difference_interval]).flat_map(ends));
        }
        if let Some(s) = v.sequential {
            all.extend([s.difference, s.interval.lower, s.interval.upper, s.p_value]);
            all.extend(s.relative_difference);
        }
    }
    all
}

/// What must hold for any data at all.
fn check_sound(analysis: &Analysis) {
    assert!(numbers(analysis).iter().all(|x| x.is_finite()), "{analysis:#?}");
    for metric in &analysis.metrics {
        let best: Option<Vec<f64>> =
            metric.variations.iter().map(|v| v.probability_to_be_best).collect();
        if let Some(best) = best.filter(|best| !best.is_empty()) {
            assert!((best.iter().sum::<f64>() - 1.0).abs() < 1e-8, "{best:?} of {metric:#?}");
            assert!(best.iter().all(|p| (0.0..=1.0).contains(p)), "{best:?}");
        }
        for (i, v) in metric.variations.iter().enumerate() {
            let missing = v.posterior.is_none()
                || (i != metric.control && (v.comparison.is_none() || v.frequentist.is_none()));
            assert!(!missing || metric.reason(i).is_some(), "a missing value has a reason: {v:#?}");
            if let Some(c) = v.comparison {
                assert!(
                    (0.0..=1.0).contains(&c.probability_to_beat) && c.expected_loss >= 0.0,
                    "{c:?}"
                );
                for bound in [Bound::AtMost(0.15), Bound::AtLeast(-0.1)] {
                    let chance = metric.probability(i, Effect::Absolute, bound).unwrap();
                    assert!((0.0..=1.0).contains(&chance), "{chance} of {c:?}");
                }
            }
            if let (Some(mean), Some(interval)) = (v.posterior_mean, v.credible_interval) {
                assert!(interval.lower <= interval.upper && mean.is_finite(), "{v:#?}");
            }
        }
    }
}

fn run(exposures: &[u64], metrics: Vec<MetricInput>) -> Analysis {
    let names = ["control", "first", "second", "third"];
    let mut sequential = experiment(&names[..exposures.len()]);
    sequential.method = Method::Sequential;
    sequential.correction = Correction::BenjaminiHochberg;
    let analysis =
        analyze(&sequential, &Summary { exposures: exposures.to_vec(), shares: None, metrics });
    check_sound(&analysis);
    analysis
}

#[test]
fn extreme_rates_have_values() {
    for n in [1, 2, 30, 1000, 1_000_000, 1_000_000_000] {
        for (k, l) in [(0, 0), (n, n), (0, n), (n, 0), (n / 2, n / 2), (n / 3, n), (0, n / 2)] {
            let analysis = run(&[n, n], vec![rate("positive", Better::Higher, &[k, l])]);
            let compared = analysis.metrics[0].variations[1].comparison.unwrap();
            if n >= 30 && k != l {
                assert_eq!(
                    compared.probability_to_beat > 0.5,
                    l > k,
                    "{k} and {l} of {n}: {compared:?}"
                );
            }
        }
    }
    run(&[1_000_000, 3], vec![rate("positive", Better::Higher, &[300_000, 3])]);
    run(&[3, 1_000_000], vec![rate("positive", Better::Higher, &[0, 300_000])]);
}

#[test]
fn an_empty_arm_or_control_gives_reasons() {
    let analysis = run(&[0, 50], vec![rate("positive", Better::Higher, &[0, 7])]);
    assert_eq!(
        analysis.metrics[0].reason(1).as_deref(),
        Some("the control gives no prior: no user was exposed yet")
    );
    assert_eq!(analysis.metrics[0].variations[1].data_mean, Some(0.14));
    let analysis = run(&[50, 0], vec![rate("positive", Better::Higher, &[7, 0])]);
    assert_eq!(analysis.metrics[0].reason(1).as_deref(), Some("no user was exposed yet"));
    assert_eq!(analysis.metrics[0].variations[0].posterior_mean, Some(8.0 / 52.0));
    assert_eq!((analysis.winner, analysis.plan.solve().more), (None, None));
    let nothing = run(&[], vec![rate("positive", Better::Higher, &[])]);
    assert!(nothing.metrics[0].variations.is_empty() && nothing.metrics[0].reason(1).is_some());
}

#[test]
fn means_without_spread_or_of_zero_have_values_or_reasons() {
    let of = |rows| run(&[10, 10], vec![mean("cost", "$", None, rows)]).metrics.remove(0);
    // Nobody paid anything, in either variation: nothing says how sure that is.
    let nothing = of([(10, 0.0, 0.0), (10, 0.0, 0.0)]);
    assert_eq!(
        (nothing.variations[1].comparison, nothing.variations[1].probability_to_be_best),
        (None, None)
    );
    assert!(nothing.reason(1).unwrap().contains("no spread in either"));
    // A free control: the treatment costs more for sure. Ten standard errors at 9 degrees of
    // freedom: scipy.stats.t.sf(10, 9).
    let free = of([(10, 0.0, 0.0), (10, 5.0, 0.1)]);
    let chance = free.variations[1].comparison.unwrap().probability_to_beat;
    assert!((chance - 1.789119e-06).abs() < 1e-9, "{chance}");
    let constant = of([(10, 20.0, 0.0), (10, 30.0, 0.0)]);
    assert!(
        constant.variations[1].comparison.is_none()
            && constant.reason(1).unwrap().contains("no spread in either")
    );
    // A constant against values with a spread is compared: a free model costs less for sure.
    let one = of([(10, 20.0, 0.05), (10, 30.0, 0.0)]);
    assert!(
        one.variations[1].comparison.unwrap().relative_interval.unwrap().lower > 0.0
            && one.variations[1].frequentist.is_some()
    );
    let single = Tally::Mean { units: 1, total: 3.0, standard_error: None };
    let input = MetricInput {
        tallies: vec![Some(single); 2],
        ..mean("cost", "$", None, [(1, 3.0, 0.0), (1, 3.0, 0.0)])
    };
    let alone = run(&[1, 1], vec![input]).metrics.remove(0);
    assert_eq!(
        alone.variations[0].reason.as_deref(),
        Some("one user is too few to know the spread")
    );
}

#[test]
fn a_bayesian_experiment_does_not_miss_a_test_that_it_did_not_ask_for() {
    let summary = Summary {
        exposures: vec![100, 100],
        shares: None,
        metrics: vec![rate("negative", Better::Lower, &[100, 100])],
    };
    let reason = |method| {
        let analysis =
            analyze(&Experiment { method, ..experiment(&["control", "first"]) }, &summary);
        assert_eq!(analysis.metrics[0].variations[1].frequentist, None);
        analysis.metrics[0].reason(1)
    };
    assert_eq!(reason(Method::Bayesian), None);
    assert!(reason(Method::Frequentist).unwrap().contains("no spread in either"));
}

#[test]
fn corrected_intervals_leave_out_no_difference_exactly_where_corrected_p_values_pass() {
    let data = Summary {
        exposures: vec![5000; 3],
        shares: None,
        metrics: vec![
            rate("a", Better::Higher, &[500, 565, 640]),
            rate("b", Better::Higher, &[1000, 1004, 1090]),
            rate("c", Better::Lower, &[700, 695, 610]),
        ],
    };
    for method in [Method::Frequentist, Method::Sequential] {
        // How many mid-p values are at most 10%, by scipy.stats.hypergeom: raw 0.0352, 1.05e-5,
        // 0.920, 0.0269, 0.885, 0.00765; times six; and stepped up.
        for (correction, expected) in
            [(Correction::None, 4), (Correction::Bonferroni, 2), (Correction::BenjaminiHochberg, 4)]
        {
            let asked =
                Experiment { correction, method, ..experiment(&["control", "first", "second"]) };
            let analysis = analyze(&asked, &data);
            let outside = |i: Interval| i.lower > 0.0 || i.upper < 0.0;
            let mut passed = 0;
            for v in analysis.metrics.iter().flat_map(|m| &m.variations) {
                let Some(test) = v.frequentist else { continue };
                assert_eq!(
                    outside(test.difference_interval),
                    test.p_value <= 0.1,
                    "{correction:?}: {test:?}"
                );
                assert_eq!(
                    outside(test.interval.unwrap()),
                    test.p_value <= 0.1,
                    "{correction:?}: {test:?}"
                );
                assert_eq!(
                    test.correction.map(|c| (c.by, c.comparisons)),
                    (correction != Correction::None).then_some((correction, 6))
                );
                passed += usize::from(test.p_value <= 0.1);
                let Some(test) = v.sequential else { continue };
                assert_eq!(outside(test.interval), test.p_value <= 0.1, "{correction:?}: {test:?}");
            }
            assert_eq!(passed, expected, "{correction:?}");
        }
    }
}

#[test]
fn the_prior_of_a_cost_does_not_depend_on_its_currency() {
    let of = |unit: &str, prior: Option<PriorKind>| {
        let mut input = mean("ai_cost_per_request", unit, None, [(200, 4.0, 0.1), (200, 5.0, 0.1)]);
        input.metric.prior = prior;
        run(&[200, 200], vec![input]).metrics[0].variations[1].posterior
    };
    assert_eq!(of("$", None), of("EUR", None));
    assert_eq!(of("$", None), of("€", Some(PriorKind::Cost)));
    assert_ne!(of("$", None), of("$", Some(PriorKind::Mean)));
}

#[test]
fn percentiles_of_too_few_values_and_on_ties_cannot_be_told() {
    let of = |p: f64, units: u64, error: f64| {
        let mut input = percentile("latency", None, [(units, 100.0, error), (units, 90.0, error)]);
        input.metric.statistic = Statistic::Percentile(crate::quantity::Probability::clamped(p));
        run(&[units, units], vec![input]).metrics.remove(0)
    };
    for (p, units, least) in [(0.95, 19, "20"), (0.99, 99, "100"), (0.5, 1, "2"), (0.05, 19, "20")]
    {
        let found = of(p, units, 0.1);
        assert!(found.variations[1].comparison.is_none(), "{p} of {units}");
        let reason = found.variations[1].reason.clone().unwrap();
        assert!(reason.contains(&format!("at least {least} users")), "{reason}");
    }
    assert!(
        of(0.95, 20, 0.1).variations[1].comparison.is_some()
            && of(0.99, 100, 0.1).variations[1].comparison.is_some()
    );
    let ties = of(0.95, 200, 0.0);
    assert!(
        ties.variations[1].comparison.is_none()
            && ties.variations[1].reason.clone().unwrap().contains("equal values")
    );
    assert_eq!(ties.variations[1].data_mean, Some(90.0));
}

#[test]
fn broken_numbers_are_refused_in_words() {
    let broken = Tally::Mean { units: 5, total: f64::NAN, standard_error: Some(1.0) };
    let input = MetricInput {
        tallies: vec![Some(broken), None],
        ..mean("cost", "$", None, [(5, 3.0, 0.1), (5, 3.0, 0.1)])
    };
    let analysis = run(&[5, 5], vec![input, rate("positive", Better::Higher, &[6, 2])]);
    assert_eq!(
        analysis.metrics[0].variations[0].reason.as_deref(),
        Some("the total is not a finite number")
    );
    assert_eq!(
        analysis.metrics[1].variations[0].reason.as_deref(),
        Some("more conversions (6) than exposed users (5)")
    );
}

#[test]
fn the_best_of_many_treatments_wins_when_it_is_sure() {
    let analysis = run(
        &[1000, 1000, 1000, 1000],
        vec![rate("positive", Better::Higher, &[300, 310, 420, 305])],
    );
    assert_eq!(analysis.winner, Some(2));
    assert_eq!(analysis.plan.solve().more, None);
    let lower = run(&[1000, 1000, 1000], vec![rate("negative", Better::Lower, &[100, 180, 170])]);
    assert_eq!(lower.winner, Some(0));
}

#[test]
fn corrections_raise_p_values_over_all_comparisons() {
    let data = Summary {
        exposures: vec![500; 3],
        shares: None,
        metrics: vec![
            rate("a", Better::Higher, &[100, 120, 150]),
            rate("b", Better::Lower, &[50, 60, 55]),
        ],
    };
    let p = |correction| {
        let asked = Experiment { correction, ..experiment(&["control", "first", "second"]) };
        let analysis = analyze(&asked, &data);
        let tests =
            analysis.metrics.iter().flat_map(|m| &m.variations).filter_map(|v| v.frequentist);
        tests.map(|f| f.p_value).collect::<Vec<f64>>()
    };
    let (raw, bonferroni, stepped) =
        (p(Correction::None), p(Correction::Bonferroni), p(Correction::BenjaminiHochberg));
    assert_eq!(raw.len(), 4);
    for i in 0..4 {
        assert!((bonferroni[i] - (4.0 * raw[i]).min(1.0)).abs() < 1e-15);
        assert!(raw[i] <= stepped[i] && stepped[i] <= bonferroni[i]);
    }
}

proptest! {
    #[test]
    fn any_data_give_values_or_reasons(
        exposures in proptest::collection::vec(0_u64..5_000_000, 2..4),
        shares in proptest::collection::vec(0.0_f64..=1.0, 4),
        totals in proptest::collection::vec(prop_oneof![Just(0.0), -1e6..1e6_f64], 2),
        errors in proptest::collection::vec(prop_oneof![Just(0.0), 0.0..10.0_f64], 2),
    ) {
        let counts: Vec<u64> = exposures.iter().zip(&shares).map(|(&n, share)| (n as f64 * share) as u64).collect();
        let rows = [(exposures[0], totals[0], errors[0].copysign(totals[0])), (exposures[1], totals[1], errors[1].copysign(totals[1]))];
        run(&exposures, vec![
            rate("positive", Better::Higher, &counts),
            mean("cost", "$", None, rows),
            percentile("latency", Some(0.3), rows),
        ]);
    }
}
