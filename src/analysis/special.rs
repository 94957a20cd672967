//! The few special functions and quadrature rules that the analysis needs, over `libm`: the same
//! bits on every platform.
//!
//! Guarantees: no allocation, no iteration without a bound, and values that other implementations
//! confirm.
//!
//! Does not know: what they are used for.

/// 1 / sqrt(2 pi).
const INVERSE_ROOT_TWO_PI: f64 = 0.398_942_280_401_432_7;

/// Standard normal density.
pub(super) fn normal_density(z: f64) -> f64 {
    INVERSE_ROOT_TWO_PI * libm::exp(-0.5 * z * z)
}

/// Standard normal distribution function, accurate in both tails.
pub(super) fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Two-sided p-value of a standard normal statistic.
pub(super) fn two_sided_p(z: f64) -> f64 {
    libm::erfc(z.abs() * std::f64::consts::FRAC_1_SQRT_2)
}

/// Probability below which a mass of credible intervals is read as given. A threshold of exactly 1
/// would ask for the whole line, so it is read as this.
const LARGEST_MASS: f64 = 1.0 - 1e-9;

/// The number of standard deviations on either side of a normal mean that hold `mass`; 0 for a mass
/// of 0 or less.
pub(super) fn two_sided_z(mass: f64) -> f64 {
    crate::random::normal_quantile(0.5 + 0.5 * mass.clamp(0.0, LARGEST_MASS))
}

/// The mass of an interval, held below 1.
pub(super) fn interval_mass(mass: f64) -> f64 {
    mass.clamp(0.0, LARGEST_MASS)
}

/// Positive nodes and their weights of the 4-point Gauss-Legendre rule on [-1, 1]
/// (Abramowitz & Stegun 1964, table 25.4).
const RULE_4: [(f64, f64); 2] = [
    (0.339_981_043_584_856_26, 0.652_145_154_862_546_2),
    (0.861_136_311_594_052_6, 0.347_854_845_137_453_8),
];

/// Positive nodes and their weights of the 6-point Gauss-Legendre rule on [-1, 1]
/// (Abramowitz & Stegun 1964, table 25.4).
const RULE_6: [(f64, f64); 3] = [
    (0.238_619_186_083_196_93, 0.467_913_934_572_691_37),
    (0.661_209_386_466_264_5, 0.360_761_573_048_138_94),
    (0.932_469_514_203_152, 0.171_324_492_379_169_75),
];

/// Positive nodes and their weights of the 8-point Gauss-Legendre rule on [-1, 1]
/// (Abramowitz & Stegun 1964, table 25.4).
const RULE_8: [(f64, f64); 4] = [
    (0.183_434_642_495_649_78, 0.362_683_783_378_361_77),
    (0.525_532_409_916_329, 0.313_706_645_877_887_05),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_34),
    (0.960_289_856_497_536_2, 0.101_228_536_290_376_69),
];

fn gauss(rule: &[(f64, f64)], from: f64, to: f64, f: &mut impl FnMut(f64) -> f64) -> f64 {
    let middle = 0.5 * (from + to);
    let half = 0.5 * (to - from);
    half * rule
        .iter()
        .map(|&(x, weight)| weight * (f(middle - half * x) + f(middle + half * x)))
        .sum::<f64>()
}

/// The integral of `f` over one panel, 4 points.
pub(super) fn gauss_4(from: f64, to: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    gauss(&RULE_4, from, to, &mut f)
}

/// The integral of `f` over one panel, 6 points.
pub(super) fn gauss_6(from: f64, to: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    gauss(&RULE_6, from, to, &mut f)
}

/// The integral of `f` over one panel, 8 points.
pub(super) fn gauss_8(from: f64, to: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    gauss(&RULE_8, from, to, &mut f)
}

/// Nodes and weights of the 8-point rule over neighboring panels with these edges, in ascending
/// order.
pub(super) fn gauss_panel_nodes(edges: &[f64], mut take: impl FnMut(f64, f64)) {
    for [from, to] in edges.array_windows().filter(|[from, to]| to > from) {
        let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
        for (x, weight) in RULE_8 {
            take(middle - half * x, half * weight);
            take(middle + half * x, half * weight);
        }
    }
}

/// The integral of `f` over neighboring panels with these edges, in ascending order.
pub(super) fn gauss_panels(edges: &[f64], mut f: impl FnMut(f64) -> f64) -> f64 {
    edges
        .array_windows()
        .filter(|[from, to]| to > from)
        .map(|&[from, to]| gauss(&RULE_8, from, to, &mut f))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_equals_published_tables() {
        // Abramowitz & Stegun (1964), table 26.1.
        assert!((normal_cdf(1.0) - 0.841_344_746_068_543).abs() < 1e-15);
        assert!((normal_cdf(-2.0) - 0.022_750_131_948_179).abs() < 1e-15);
        assert!((two_sided_p(1.959_963_984_540_054) - 0.05).abs() < 1e-15);
        assert!((two_sided_z(0.9) - 1.644_853_626_951_472_2).abs() < 1e-14);
    }

    #[test]
    fn the_rules_integrate_polynomials_of_their_degree_exactly() {
        assert!((gauss_4(0.0, 1.0, |x| 8.0 * x.powi(7)) - 1.0).abs() < 1e-14);
        assert!((gauss_6(0.0, 1.0, |x| 12.0 * x.powi(11)) - 1.0).abs() < 1e-14);
        assert!((gauss_8(0.0, 1.0, |x| 16.0 * x.powi(15)) - 1.0).abs() < 1e-14);
        assert!((gauss_panels(&[0.0, 0.3, 0.3, 1.0], |x| 3.0 * x * x) - 1.0).abs() < 1e-15);
    }
}
