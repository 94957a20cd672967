//! Corrections of p-values for many comparisons.
//!
//! Guarantees: adjusted p-values, to be held against the same level as single ones; never above 1,
//! order kept.
//!
//! Does not know: what was compared.

use crate::experiment::Correction;

/// Bonferroni: each p-value times their number, which holds the family-wise error rate under any
/// dependence (O. J. Dunn 1961, *JASA* 56, 52-64).
pub fn bonferroni(p_values: &mut [f64]) {
    let count = p_values.len() as f64;
    for p in p_values {
        *p = (*p * count).min(1.0);
    }
}

/// Benjamini and Hochberg's step-up procedure as adjusted p-values: holds the false discovery rate
/// for independent or positively dependent comparisons (Y. Benjamini & Y. Hochberg 1995, *JRSS B*
/// 57, 289-300).
pub fn benjamini_hochberg(p_values: &mut [f64]) {
    let count = p_values.len();
    let mut descending: Vec<&mut f64> = p_values.iter_mut().collect();
    descending.sort_by(|one, other| other.total_cmp(one));
    let mut smallest = 1.0_f64;
    for (step, p) in descending.into_iter().enumerate() {
        smallest = smallest.min(*p * count as f64 / (count - step) as f64);
        *p = smallest;
    }
}

/// The correction that an experiment asks for.
pub(super) fn correct(correction: Correction, p_values: &mut [f64]) {
    match correction {
        Correction::None => {}
        Correction::Bonferroni => bonferroni(p_values),
        Correction::BenjaminiHochberg => benjamini_hochberg(p_values),
    }
}

/// The mass that the intervals of corrected comparisons hold, so that they leave out "no
/// difference" exactly where the corrected p-value is at most 1 - `mass`.
///
/// Bonferroni: 1 - alpha / m for m comparisons. Benjamini and Hochberg: 1 - R alpha / m, R of the m
/// comparisons having passed at alpha (at least 1), which holds the rate of false coverage among
/// those that passed (Y. Benjamini & D. Yekutieli 2005, *JASA* 100, 71-81). `adjusted` are the
/// corrected p-values.
pub(super) fn interval_mass(correction: Correction, adjusted: &[f64], mass: f64) -> f64 {
    let (alpha, comparisons) = (1.0 - mass, adjusted.len().max(1) as f64);
    let passed = adjusted.iter().filter(|p| **p <= alpha).count().max(1) as f64;
    match correction {
        Correction::None => mass,
        Correction::Bonferroni => 1.0 - alpha / comparisons,
        Correction::BenjaminiHochberg => 1.0 - alpha * passed / comparisons,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_benjamini_and_hochberg_rejects_four_and_bonferroni_three() {
        // Their section 4.1: fifteen p-values of thrombolysis endpoints, at 0.05.
        let published = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        let rejected = |correction| {
            let mut p = published;
            correct(correction, &mut p);
            p.iter().filter(|p| **p <= 0.05).count()
        };
        assert_eq!(rejected(Correction::BenjaminiHochberg), 4);
        assert_eq!(rejected(Correction::Bonferroni), 3);
        assert_eq!(rejected(Correction::None), 9);
    }

    #[test]
    fn adjusted_p_values_equal_those_of_scipy_in_any_order() {
        // scipy 1.17.1: false_discovery_control([0.04, 0.01, 0.03, 0.02, 0.5]).
        let mut p = [0.04, 0.01, 0.03, 0.02, 0.5];
        benjamini_hochberg(&mut p);
        for (found, expected) in p.iter().zip([0.05, 0.05, 0.05, 0.05, 0.5]) {
            assert!((found - expected).abs() < 1e-15, "{p:?}");
        }
        bonferroni(&mut p);
        assert_eq!(p[4], 1.0);
        benjamini_hochberg(&mut []);
    }
}
