//! Treatments against each other under their joint posterior (independent arms): probabilities to
//! beat, to be best, to keep within a bound; expected loss; relative difference.
//!
//! Guarantees: closed forms for two normals, quadrature for Beta posteriors and for many arms, no
//! sampling; absolute error of a probability below 1e-9. Equal posteriors without any spread tie:
//! each counts half.
//!
//! Does not know: how a posterior came about.

use super::beta::LogitBeta;
use super::relative;
use super::result::{Bound, Comparison, Effect, Posterior};
use super::special::{gauss_panel_nodes, gauss_panels};
use super::student::{self, joint_degrees};

/// Standard deviations from a normal mean beyond which nothing is looked for (1e-16 of the mass).
const REACH: f64 = 8.5;

/// A posterior, made ready for quadrature. Beta curves live on the log-odds scale, which keeps
/// their order.
#[derive(Clone, Debug)]
pub(super) enum Curve {
    /// Normal, or Student's t with these degrees of freedom.
    Located {
        mean: f64,
        sd: f64,
        degrees: f64,
    },
    Logit(LogitBeta),
}

impl Curve {
    pub(super) fn new(posterior: &Posterior) -> Self {
        match *posterior {
            Posterior::Beta { a, b } => Self::Logit(LogitBeta::new(a, b)),
            Posterior::Normal { mean, sd } => Self::Located { mean, sd, degrees: f64::INFINITY },
            Posterior::Student { mean, sd, degrees } => Self::Located { mean, sd, degrees },
        }
    }

    /// Whether it is a point: a mean without any spread.
    pub(super) fn is_point(&self) -> bool {
        self.sd() <= 0.0
    }

    fn density(&self, t: f64) -> f64 {
        match self {
            Self::Located { mean, sd, degrees } => student::density((t - mean) / sd, *degrees) / sd,
            Self::Logit(table) => table.density(table.at_log_odds(t)),
        }
    }

    /// Distribution function; half of a point's mass counts at the point itself.
    fn cdf(&self, t: f64) -> f64 {
        match self {
            Self::Located { mean, sd, degrees } => step_or(t - mean, *sd, *degrees),
            Self::Logit(table) => table.cdf(table.at_log_odds(t)),
        }
    }

    fn sd(&self) -> f64 {
        match self {
            Self::Located { sd, .. } => *sd,
            Self::Logit(table) => table.sd(),
        }
    }

    fn support(&self) -> (f64, f64) {
        match self {
            Self::Located { mean, sd, .. } => (mean - REACH * sd, mean + REACH * sd),
            Self::Logit(table) => {
                let (lower, upper) = table.support();
                (table.log_odds(lower), table.log_odds(upper))
            }
        }
    }

    fn push_edges(&self, edges: &mut Vec<f64>) {
        match self {
            Self::Located { mean, sd, .. } => {
                edges.extend((-5..=5).map(|i| mean + f64::from(i) * (REACH / 5.0) * sd))
            }
            Self::Logit(table) => edges.extend(table.edges().map(|u| table.log_odds(u))),
        }
    }
}

/// Distribution function of `distance / sd`, Student's with these degrees of freedom; a step when
/// `sd` is 0.
fn step_or(distance: f64, sd: f64, degrees: f64) -> f64 {
    if sd > 0.0 {
        student::cdf(distance / sd, degrees)
    } else if distance == 0.0 {
        0.5
    } else {
        f64::from(u8::from(distance > 0.0))
    }
}

/// What two posteriors say about each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Duel {
    /// P(first > second).
    pub probability_above: f64,
    /// E[max(first - second, 0)], in natural units.
    pub expected_excess: f64,
}

/// First against second.
pub(super) fn duel(first: &Curve, second: &Curve) -> Duel {
    match (first, second) {
        (Curve::Logit(x), Curve::Logit(y)) => {
            // The outer integral runs over the narrower curve, so that its grid resolves both.
            if x.sd() <= y.sd() {
                duel_of_rates(x, y)
            } else {
                let mirrored = duel_of_rates(y, x);
                Duel {
                    probability_above: 1.0 - mirrored.probability_above,
                    expected_excess: (mirrored.expected_excess + (x.mean() - y.mean())).max(0.0),
                }
            }
        }
        (
            Curve::Located { mean, sd, degrees },
            Curve::Located { mean: other, sd: other_sd, degrees: other_degrees },
        ) => {
            let difference = mean - other;
            let spread = libm::hypot(*sd, *other_sd);
            // The difference of two Student variables is nearly one (Behrens and Fisher's problem,
            // Welch's approximation).
            let degrees = joint_degrees([(*sd, *degrees), (*other_sd, *other_degrees)]);
            let excess = if spread > 0.0 {
                student::positive_part(difference, spread, degrees)
            } else {
                difference
            };
            Duel {
                probability_above: step_or(difference, spread, degrees),
                expected_excess: excess.max(0.0),
            }
        }
        // One metric has posteriors of one kind.
        _ => Duel { probability_above: 0.5, expected_excess: 0.0 },
    }
}

/// Trapezoidal rule over `x` on the log-odds scale, where it converges exponentially (Trefethen &
/// Weideman 2014). The partial mean of `y` below a point t follows from F(t; a + 1, b) = F(t; a,
/// b) - f(t) / a (Abramowitz & Stegun 26.5.16).
fn duel_of_rates(x: &LogitBeta, y: &LogitBeta) -> Duel {
    let (from, to) = x.support();
    // Narrow curves are nearly normal; wide ones have their singularities closer in units of their
    // width.
    let step = (if x.sd() < 0.2 { 0.6 } else { 0.4 } * x.sd()).min(0.6);
    let points = ((to - from) / step).ceil().max(1.0) as usize;
    let (mut mass, mut above, mut excess) = (0.0, 0.0, 0.0);
    let shift = x.center() - y.center();
    for i in 0..=points {
        let u = from + i as f64 * step;
        let weight = libm::exp(x.log_kernel(u));
        let below = y.cdf(u + shift);
        mass += weight;
        above += weight * below;
        excess +=
            weight * ((x.value(u) - y.mean()) * below + y.mean() * y.density(u + shift) / y.a());
    }
    Duel {
        probability_above: (above / mass).clamp(0.0, 1.0),
        expected_excess: (excess / mass).max(0.0),
    }
}

/// Probability of each of many curves to be the best: the integral of its density times every
/// other's chance to be worse. `sign` is +1 when higher is better, -1 when lower is.
pub(super) fn probabilities_to_be_best(curves: &[Curve], sign: f64) -> Vec<f64> {
    if curves.iter().any(
        |c| matches!(c, Curve::Located { sd, degrees, .. } if *sd > 0.0 && degrees.is_finite()),
    ) {
        return best_with_heavy_tails(curves, sign);
    }
    let worse = |other: &Curve, t: f64| if sign > 0.0 { other.cdf(t) } else { 1.0 - other.cdf(t) };
    let mut best = vec![0.0; curves.len()];
    let mut chances = vec![0.0; curves.len()];
    for (t, weight) in nodes(curves) {
        curves.iter().zip(&mut chances).for_each(|(curve, chance)| *chance = worse(curve, t));
        make_products_of_others(&mut chances);
        for ((curve, best), others) in
            curves.iter().zip(&mut best).zip(&chances).filter(|((curve, _), _)| curve.sd() > 0.0)
        {
            *best += weight * curve.density(t) * others;
        }
    }
    for (curve, best) in curves.iter().zip(&mut best) {
        // A point without spread: the chance that all others are worse, shared with those at the
        // same point.
        if let Curve::Located { mean, sd: 0.0, .. } = curve {
            let tied =
                |c: &&Curve| matches!(c, Curve::Located { mean: m, sd: 0.0, .. } if m == mean);
            let others: f64 = curves.iter().filter(|c| !tied(c)).map(|c| worse(c, *mean)).product();
            *best = others / curves.iter().filter(tied).count().max(1) as f64;
        }
    }
    best.into_iter().map(|p: f64| p.clamp(0.0, 1.0)).collect()
}

/// Puts in place of each factor the product of all others, in one pass from either side.
fn make_products_of_others(factors: &mut [f64]) {
    let mut before = Vec::with_capacity(factors.len());
    let mut product = 1.0;
    for factor in factors.iter() {
        before.push(product);
        product *= factor;
    }
    let mut after = 1.0;
    for (factor, before) in factors.iter_mut().zip(before).rev() {
        (*factor, after) = (before * after, *factor * after);
    }
}

/// Up to so many curves, every curve has all of its panels.
const FEW_CURVES: usize = 5;
/// Panels of many curves are at least this part of the narrowest one's standard deviation wide: the
/// edges of a dozen curves of about one width are much closer together than any of them bends.
const NARROWEST_PANEL: f64 = 0.5;

/// Leaves out edges of panels, which ascend, where those of many curves are close together.
fn thin_out(edges: &mut Vec<f64>, curves: usize, narrowest: f64) {
    if curves > FEW_CURVES {
        let (mut last, end) = (f64::NEG_INFINITY, edges.last().copied());
        edges.retain(|&edge| {
            let kept = edge - last >= NARROWEST_PANEL * narrowest || Some(edge) == end;
            if kept {
                last = edge;
            }
            kept
        });
    }
}

/// The same where a curve has the heavy tails of Student's t: over t = center + scale tan(angle),
/// which brings the whole line into a bounded range. Points count as very narrow.
fn best_with_heavy_tails(curves: &[Curve], sign: f64) -> Vec<f64> {
    let parts = curves.iter().filter_map(|c| match c {
        Curve::Located { mean, sd, degrees } => Some((*mean, *sd, *degrees)),
        Curve::Logit(_) => None,
    });
    let widest = parts.clone().map(|(_, sd, _)| sd).fold(0.0, f64::max);
    let parts: Vec<(f64, f64, f64)> =
        parts.map(|(mean, sd, degrees)| (mean, sd.max(1e-6 * widest), degrees)).collect();
    let center = parts.iter().map(|(mean, ..)| mean).sum::<f64>() / parts.len() as f64;
    let place = |t: f64| libm::atan((t - center) / widest);
    let narrowest = parts.iter().map(|(_, sd, _)| *sd).fold(f64::INFINITY, f64::min);
    let mut edges: Vec<f64> = parts
        .iter()
        .flat_map(|&(mean, sd, _)| (-8..=8).map(move |i| mean + f64::from(i) * sd))
        .collect();
    edges.sort_by(f64::total_cmp);
    thin_out(&mut edges, parts.len(), narrowest);
    edges.iter_mut().for_each(|edge| *edge = place(*edge));
    let most = std::f64::consts::FRAC_PI_2;
    edges.extend((0..=40).map(|i| most * (f64::from(i) / 20.0 - 1.0)));
    edges.retain(|edge| edge.abs() <= most);
    edges.sort_by(f64::total_cmp);
    let mut best = vec![0.0; parts.len()];
    gauss_panel_nodes(&edges, |angle, weight| {
        let (slope, cosine) = (libm::tan(angle), libm::cos(angle));
        let t = center + widest * slope;
        let mut chances: Vec<f64> = parts
            .iter()
            .map(|&(mean, sd, degrees)| student::cdf(sign * (mean - t) / -sd, degrees))
            .collect();
        make_products_of_others(&mut chances);
        for ((&(mean, sd, degrees), best), others) in parts.iter().zip(&mut best).zip(&chances) {
            *best += weight * widest / (cosine * cosine)
                * student::density((t - mean) / sd, degrees)
                / sd
                * others;
        }
    });
    // What the quadrature leaves out in the far tails is shared in proportion.
    let sum: f64 = best.iter().sum();
    best.into_iter().map(|p| p / sum).collect()
}

/// Nodes and weights over all curves with a spread. Widths alike: the trapezoidal rule, which
/// converges exponentially; otherwise, or beside points, panels that begin wherever one of any
/// curve does.
fn nodes(curves: &[Curve]) -> Vec<(f64, f64)> {
    let spread = || curves.iter().filter(|c| c.sd() > 0.0);
    let narrowest = spread().map(Curve::sd).fold(f64::INFINITY, f64::min);
    let widest = spread().map(Curve::sd).fold(0.0, f64::max);
    let from = spread().map(|c| c.support().0).fold(f64::INFINITY, f64::min);
    let to = spread().map(|c| c.support().1).fold(f64::NEG_INFINITY, f64::max);
    let step = (0.4 * narrowest).min(0.6);
    // Many arms at once bend the product of their chances more than one does.
    let points = ((to - from) / step).ceil();
    if spread().count() == curves.len()
        && widest < 8.0 * narrowest
        && curves.len() <= FEW_CURVES
        && points < 2_000.0
    {
        return (0..=points as usize).map(|i| (from + i as f64 * step, step)).collect();
    }
    let mut edges = Vec::new();
    for curve in curves {
        let begin = edges.len();
        curve.push_edges(&mut edges);
        if curves.len() > FEW_CURVES {
            // The product of many chances bends more than one does: panels of half the width.
            let own = edges.get(begin..).unwrap_or_default();
            let middles: Vec<f64> = own.array_windows().map(|[a, b]| 0.5 * (a + b)).collect();
            edges.extend(middles);
        }
    }
    edges.retain(|e| (from..=to).contains(e));
    edges.sort_by(f64::total_cmp);
    thin_out(&mut edges, curves.len(), narrowest);
    let mut nodes = Vec::with_capacity(8 * edges.len());
    gauss_panel_nodes(&edges, |t, weight| nodes.push((t, weight)));
    nodes
}

/// A treatment against the control: the comparison that a results page shows, at this interval
/// mass.
pub(super) fn comparison(
    treatment: (&Posterior, &Curve),
    control: (&Posterior, &Curve),
    sign: f64,
    mass: f64,
) -> Comparison {
    let (mean, base) = (treatment.0.mean(), control.0.mean());
    // What is lost by shipping the treatment is how far the control lies on the good side of it.
    let lost = if sign > 0.0 { duel(control.1, treatment.1) } else { duel(treatment.1, control.1) };
    let beats = 1.0 - lost.probability_above;
    let relative = relative::difference(treatment, control, beats, mass);
    Comparison {
        probability_to_beat: beats,
        relative_difference: relative.map(|(difference, _)| difference),
        relative_interval: relative.map(|(_, interval)| interval),
        absolute_difference: mean - base,
        expected_loss: lost.expected_excess,
    }
}

/// P(the effect of `treatment` against `control` keeps within `bound`) under the joint posterior.
/// `None` when the effect is relative and the control's mean is 0, or when the bound is not a
/// number.
///
/// A relative effect is a share of |control|, so that its sign is that of the difference. For
/// normals this is the chance that `treatment - (1 + d) control`, or `(1 - d)` for a control below
/// 0, lies on the right side of 0, which is the relative effect as long as the control keeps its
/// sign (Fieller 1954); for Beta posteriors it is a one-dimensional integral.
pub(super) fn probability_within(
    treatment: &Posterior,
    control: &Posterior,
    effect: Effect,
    bound: Bound,
) -> Option<f64> {
    let limit = match bound {
        Bound::AtLeast(limit) | Bound::AtMost(limit) => limit,
    };
    if limit.is_nan() || (effect == Effect::Relative && control.mean() == 0.0) {
        return None;
    }
    if limit.is_infinite() {
        return Some(f64::from(u8::from((limit > 0.0) == matches!(bound, Bound::AtMost(_)))));
    }
    // treatment <= scale * control + offset
    let (scale, offset) = match effect {
        Effect::Relative => (1.0 + limit * control.mean().signum(), 0.0),
        Effect::Absolute => (1.0, limit),
    };
    let below = match (*treatment, *control) {
        (Posterior::Beta { a, b }, Posterior::Beta { a: c, b: d }) => {
            rate_below(&LogitBeta::new(a, b), &LogitBeta::new(c, d), scale, offset)
        }
        (Posterior::Beta { .. }, _) | (_, Posterior::Beta { .. }) => return None,
        (own, base) => {
            let slack = scale * base.mean() + offset - own.mean();
            let base_sd = scale.abs() * base.sd();
            let spread = libm::hypot(own.sd(), base_sd);
            if spread == 0.0 {
                // The bound itself counts as kept.
                let kept =
                    if matches!(bound, Bound::AtMost(_)) { slack >= 0.0 } else { slack <= 0.0 };
                return Some(f64::from(u8::from(kept)));
            }
            student::cdf(
                slack / spread,
                joint_degrees([(own.sd(), own.degrees()), (base_sd, base.degrees())]),
            )
        }
    };
    Some(if matches!(bound, Bound::AtMost(_)) { below } else { 1.0 - below })
}

/// P(treatment <= scale * control + offset) for two rates: panels split where either curve bends.
pub(super) fn rate_below(
    treatment: &LogitBeta,
    control: &LogitBeta,
    scale: f64,
    offset: f64,
) -> f64 {
    let chance = |rate: f64| {
        if rate <= 0.0 {
            0.0
        } else if rate >= 1.0 {
            1.0
        } else {
            treatment.cdf(treatment.at_log_odds(libm::log(rate / (1.0 - rate))))
        }
    };
    let (from, to) = control.support();
    let mut edges: Vec<f64> = control.edges().collect();
    // Where the treatment's own panels begin, as seen from the control; and where the bound leaves
    // [0, 1].
    let seen = treatment
        .edges()
        .map(|u| treatment.value(u))
        .chain([0.0, 1.0])
        .map(|rate| (rate - offset) / scale);
    edges.extend(
        seen.filter(|rate| *rate > 0.0 && *rate < 1.0)
            .map(|rate| control.at_log_odds(libm::log(rate / (1.0 - rate)))),
    );
    edges.retain(|e| (from..=to).contains(e));
    edges.sort_by(f64::total_cmp);
    gauss_panels(&edges, |u| control.density(u) * chance(scale * control.value(u) + offset))
        .clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beta(a: f64, b: f64) -> Posterior {
        Posterior::Beta { a, b }
    }

    fn normal(mean: f64, sd: f64) -> Posterior {
        Posterior::Normal { mean, sd }
    }

    fn best(arms: &[Posterior], sign: f64) -> Vec<f64> {
        probabilities_to_be_best(&arms.iter().map(Curve::new).collect::<Vec<_>>(), sign)
    }

    #[test]
    fn two_rates_compare_as_mpmath_integrates_them() {
        // mpmath 1.4.1, 30 digits: P(X > Y) and E[max(X - Y, 0)] by its adaptive quadrature.
        let security = (488.224_475_848_463_7, 933.619_731_879_473);
        let known = [
            (security, (459.0, 893.0), 0.585_325_485_595_321_3, 0.009_288_281_570_322_252),
            ((459.0, 893.0), security, 0.414_674_514_404_678_7, 0.005_411_222_512_420_278),
            ((1.0, 2.0), (3.0, 4.0), 0.357_142_857_142_857_1, 0.079_365_079_365_079_37),
            ((0.9, 50.3), (1.0, 109.0), 0.645_878_686_879_727_9, 0.011_688_414_704_917_68),
            ((16.0, 94.0), (2.5, 108.0), 0.999_812_991_262_472_8, 0.122_831_938_402_929_7),
            ((2.0, 2.0), (2.0, 2.0), 0.5, 0.128_571_428_571_428_6),
            ((100.0, 2.0), (60.5, 0.5), 0.196_404_139_717_590_8, 0.002_424_117_884_483_155),
            ((30.0, 70.0), (3.0, 4.0), 0.260_107_008_811_850_7, 0.024_606_622_672_471_3),
        ];
        for ((a, b), (c, d), above, excess) in known {
            let found = duel(&Curve::new(&beta(a, b)), &Curve::new(&beta(c, d)));
            assert!(
                (found.probability_above - above).abs() < 1e-10,
                "P(Beta({a}, {b}) > Beta({c}, {d})) = {found:?}"
            );
            assert!(
                (found.expected_excess - excess).abs() < 1e-10,
                "E(Beta({a}, {b}) - Beta({c}, {d}))+ = {found:?}"
            );
        }
    }

    #[test]
    fn the_chance_that_one_rate_beats_another_equals_a_closed_sum() {
        // E. Miller, "Formulas for Bayesian A/B testing" (2014): a finite sum for whole shapes;
        // here Beta(2, 1) against Beta(1, 2) is 5/6 by hand: integral of 2 x (1 - (1 - x)^2).
        let found = duel(&Curve::new(&beta(2.0, 1.0)), &Curve::new(&beta(1.0, 2.0)));
        assert!((found.probability_above - 5.0 / 6.0).abs() < 1e-11);
    }

    #[test]
    fn the_best_of_three_equals_scipy_and_sums_to_one() {
        // scipy 1.17.1 `integrate.quad` over pieces.
        let known = [
            (
                vec![beta(30.0, 70.0), beta(35.0, 65.0), beta(33.0, 60.0)],
                [0.096_699_250_669_776_51, 0.424_675_555_958_798_6, 0.478_625_193_371_425_34],
            ),
            (
                vec![beta(1.5, 20.0), beta(3000.0, 40000.0), beta(4.0, 40.0)],
                [0.279_470_344_292_308_5, 0.210_699_865_554_032_08, 0.509_829_790_153_659_7],
            ),
            (
                vec![normal(0.0, 1.0), normal(0.3, 0.5), normal(-0.2, 2.0)],
                [0.273_602_757_691_063_07, 0.377_187_375_021_560_6, 0.349_209_867_287_376_4],
            ),
        ];
        for (arms, expected) in known {
            let found = best(&arms, 1.0);
            for (f, e) in found.iter().zip(expected) {
                assert!((f - e).abs() < 1e-9, "{arms:?}: {found:?} is not {expected:?}");
            }
            assert!((best(&arms, -1.0).iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }

    /// Against Simpson's rule on 200,000 points, which knows no panels.
    #[test]
    fn the_best_of_many_is_what_a_fine_grid_gives() {
        let alike: Vec<(f64, f64)> = (0..16).map(|i| (0.02 * f64::from(i), 1.0)).collect();
        let unlike = (0..9).map(|i| (0.1 * f64::from(i % 4), 0.05 * f64::from(1 + i * i)));
        let unlike: Vec<(f64, f64)> = unlike.collect();
        let z = |t: f64, &(mean, sd): &(f64, f64)| (t - mean) / sd;
        for arms in [alike, unlike] {
            let found =
                best(&arms.iter().map(|&(mean, sd)| normal(mean, sd)).collect::<Vec<_>>(), 1.0);
            let (from, to, points) = (-30.0, 30.0, 200_000);
            let step = (to - from) / f64::from(points);
            for (own, found) in found.into_iter().enumerate() {
                let at = |nth: i32| {
                    let t = from + f64::from(nth) * step;
                    let others = arms.iter().enumerate().filter(|(other, _)| *other != own);
                    let others: f64 =
                        others.map(|(_, arm)| crate::random::normal_cdf(z(t, arm))).product();
                    let density = libm::exp(-0.5 * z(t, &arms[own]).powi(2)) / arms[own].1;
                    density / (2.0 * std::f64::consts::PI).sqrt() * others
                };
                let weight = |nth: i32| match nth {
                    0 => 1.0,
                    nth if nth == points => 1.0,
                    nth if nth % 2 == 1 => 4.0,
                    _ => 2.0,
                };
                let sum: f64 = (0..=points).map(|nth| weight(nth) * at(nth)).sum();
                let expected = sum * step / 3.0;
                assert!((found - expected).abs() < 1e-9, "{own}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn points_without_spread_are_best_or_share_the_place() {
        assert_eq!(
            best(&[normal(1.0, 0.0), normal(1.0, 0.0), normal(0.0, 0.0)], 1.0),
            [0.5, 0.5, 0.0]
        );
        let mixed = best(&[normal(0.0, 0.0), normal(0.0, 1.0), normal(-50.0, 1.0)], 1.0);
        assert!((mixed[0] - 0.5).abs() < 1e-9 && (mixed[1] - 0.5).abs() < 1e-9 && mixed[2] < 1e-12);
    }

    #[test]
    fn bounds_on_effects_of_rates_equal_scipy() {
        // scipy 1.17.1 `integrate.quad` over pieces: P(treatment <= scale * control + offset).
        let security = beta(488.224_475_848_463_7, 933.619_731_879_473);
        let known = [
            (security, beta(459.0, 893.0), Effect::Relative, 0.05, 0.760_751_922_658_991_7),
            (beta(4.0, 5.0), beta(3.0, 2.0), Effect::Relative, 0.2, 0.821_712_495_323_606_4),
            (beta(4.0, 5.0), beta(30.0, 20.0), Effect::Absolute, -0.05, 0.725_411_685_489_427),
            (beta(90.0, 3.0), beta(80.0, 9.0), Effect::Relative, 0.1, 0.718_870_290_971_305_4),
        ];
        for (treatment, control, effect, limit, expected) in known {
            let most =
                probability_within(&treatment, &control, effect, Bound::AtMost(limit)).unwrap();
            let least =
                probability_within(&treatment, &control, effect, Bound::AtLeast(limit)).unwrap();
            assert!(
                (most - expected).abs() < 1e-9,
                "{treatment:?} against {control:?} at {limit}: {most} is not {expected}"
            );
            assert!((most + least - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn a_bound_of_no_effect_is_the_chance_to_beat() {
        let (treatment, control) = (beta(12.0, 90.0), beta(9.0, 95.0));
        let within =
            probability_within(&treatment, &control, Effect::Relative, Bound::AtLeast(0.0))
                .unwrap();
        let beats = duel(&Curve::new(&treatment), &Curve::new(&control)).probability_above;
        assert!((within - beats).abs() < 1e-10);
    }

    #[test]
    fn bounds_that_cannot_be_missed_or_met_have_chances_of_one_and_zero() {
        let (rate, mean) = ((beta(3.0, 4.0), beta(5.0, 6.0)), (normal(1.0, 1.0), normal(2.0, 1.0)));
        for (treatment, control) in [rate, mean] {
            for effect in [Effect::Relative, Effect::Absolute] {
                let chance =
                    |bound| probability_within(&treatment, &control, effect, bound).unwrap();
                assert_eq!(chance(Bound::AtMost(f64::INFINITY)), 1.0);
                assert_eq!(chance(Bound::AtLeast(f64::INFINITY)), 0.0);
            }
        }
        let never =
            probability_within(&rate.0, &rate.1, Effect::Relative, Bound::AtMost(-1.0)).unwrap();
        assert_eq!(never, 0.0);
        assert_eq!(
            probability_within(
                &normal(1.0, 1.0),
                &normal(0.0, 1.0),
                Effect::Relative,
                Bound::AtMost(0.1)
            ),
            None
        );
    }

    #[test]
    fn the_relative_effect_of_a_negative_control_keeps_its_direction() {
        // -3 against -2 is 50% lower: at most -20% for sure, and never higher.
        let (treatment, control) = (normal(-3.0, 1e-6), normal(-2.0, 1e-6));
        let chance =
            |bound| probability_within(&treatment, &control, Effect::Relative, bound).unwrap();
        assert!(chance(Bound::AtMost(-0.2)) > 0.999 && chance(Bound::AtMost(-0.6)) < 0.001);
        assert!(chance(Bound::AtLeast(0.0)) < 0.001 && chance(Bound::AtLeast(-0.55)) > 0.999);
    }
}
