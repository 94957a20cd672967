//! How long a completion takes: base and time for each token, by nonlinear least squares on the log
//! scale, which is maximum likelihood for a log-normal factor (Gauss–Newton; Seber & Wild,
//! *Nonlinear Regression*, 2.1 and 5.1).
//!
//! Guarantees: values above four standard deviations, by the median absolute deviation, are taken
//! for stalls and left out.
//!
//! Does not know: whose latency it is.

/// Two-sided 90% of a normal distribution.
pub const Z90: f64 = 1.644_853_626_951_472_2;
/// Residuals this many standard deviations out are stalls.
const STALLED: f64 = 4.0;
const ROUNDS: usize = 60;

/// A fit; times in seconds, intervals of 90%.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyFit {
    /// Time before the first token.
    pub base: (f64, [f64; 2]),
    /// Time for each token; `None` where the lengths are too much alike to tell it from the base.
    pub per_token: Option<(f64, [f64; 2])>,
    /// The time for each token that was taken as given where it could not be told.
    pub given: f64,
    /// Standard deviation of the logarithm.
    pub sigma: (f64, [f64; 2]),
    /// Values that it was fitted to.
    pub used: usize,
    /// Values that were taken for stalls.
    pub stalls: usize,
    /// By how much these were late: the median, in seconds; `None` where there are none.
    pub stall: Option<f64>,
}

/// Fits latencies in seconds to numbers of output tokens; `per_token` is kept where it cannot be
/// told. `None` for fewer than ten values, or when they make no sense.
#[must_use]
pub fn fit(values: &[(f64, f64)], per_token: f64) -> Option<LatencyFit> {
    let mut values: Vec<(f64, f64)> =
        values.iter().copied().filter(|(_, seconds)| *seconds > 0.0).collect();
    let every = values.clone();
    let mut found = least_squares(&values, per_token)?;
    for _ in 0..5 {
        let mut apart: Vec<f64> =
            values.iter().map(|value| residual(&found, value).abs()).collect();
        apart.sort_by(f64::total_cmp);
        // The median absolute deviation of a normal distribution is 0.6745 of its standard
        // deviation.
        let scale = apart.get(apart.len() / 2)? / 0.6745;
        let kept: Vec<(f64, f64)> = every
            .iter()
            .copied()
            .filter(|value| residual(&found, value) <= STALLED * scale.max(1e-9))
            .collect();
        if kept.len() == values.len() {
            break;
        }
        values = kept;
        found = least_squares(&values, per_token)?;
    }
    let mut late: Vec<f64> = Vec::new();
    if values.len() < every.len() {
        let least =
            values.iter().map(|value| residual(&found, value)).fold(f64::NEG_INFINITY, f64::max);
        late.extend(
            every
                .iter()
                .filter(|value| residual(&found, value) > least)
                .map(|value| value.1 - median(&found, value.0)),
        );
    }
    late.sort_by(f64::total_cmp);
    Some(LatencyFit {
        stalls: every.len() - values.len(),
        stall: late.get(late.len() / 2).copied(),
        ..found
    })
}

fn median(fit: &LatencyFit, tokens: f64) -> f64 {
    fit.base.0 + fit.per_token.map_or(fit.given, |(per_token, _)| per_token) * tokens
}

fn residual(fit: &LatencyFit, (tokens, seconds): &(f64, f64)) -> f64 {
    libm::log(*seconds) - libm::log(median(fit, *tokens))
}

fn least_squares(values: &[(f64, f64)], per_token: f64) -> Option<LatencyFit> {
    let n = values.len();
    if n < 10 {
        return None;
    }
    let count = n as f64;
    let mean = values.iter().map(|(tokens, _)| tokens).sum::<f64>() / count;
    let spread = (values.iter().map(|(tokens, _)| (tokens - mean) * (tokens - mean)).sum::<f64>()
        / count)
        .sqrt();
    let geometric =
        libm::exp(values.iter().map(|(_, seconds)| libm::log(*seconds)).sum::<f64>() / count);
    // Lengths that hardly differ say nothing about a token.
    let both = spread > 0.2 * mean;
    // What is given may not be more than there is.
    let given = per_token.min(0.8 * geometric / mean.max(1.0));
    let mut k = if both {
        (per_token.max(geometric / (2.0 * mean.max(1.0)))).min(geometric / mean.max(1.0))
    } else {
        given
    };
    let mut b = (geometric - k * mean).max(geometric * 0.05);
    let mut normal = [0.0; 3];
    for _ in 0..ROUNDS {
        let (mut g, mut h) = ([0.0; 2], [0.0; 3]);
        for (tokens, seconds) in values {
            let median = b + k * tokens;
            let error = libm::log(*seconds) - libm::log(median);
            let (db, dk) = (1.0 / median, if both { tokens / median } else { 0.0 });
            g[0] += db * error;
            g[1] += dk * error;
            h[0] += db * db;
            h[1] += db * dk;
            h[2] += dk * dk;
        }
        normal = h;
        let (step_b, step_k) = if both {
            let determinant = h[0] * h[2] - h[1] * h[1];
            if determinant <= 0.0 {
                return None;
            }
            ((h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant)
        } else {
            (g[0] / h[0], 0.0)
        };
        // Neither may become negative: half the way to the border at most.
        let mut share = 1.0_f64;
        for (value, step) in [(b, step_b), (k, step_k)] {
            if value + step < 0.0 {
                share = share.min(0.5 * value / -step);
            }
        }
        b += share * step_b;
        k += share * step_k;
        if step_b.abs() <= 1e-12 * b && step_k.abs() <= 1e-12 * k.max(1e-12) {
            break;
        }
    }
    let squares: f64 = values
        .iter()
        .map(|(tokens, seconds)| libm::log(*seconds) - libm::log(b + k * tokens))
        .map(|error| error * error)
        .sum();
    let parameters = if both { 2.0 } else { 1.0 };
    let sigma = (squares / (count - parameters)).sqrt();
    let determinant = normal[0] * normal[2] - normal[1] * normal[1];
    let (error_b, error_k) = if both {
        (
            sigma * (normal[2] / determinant).max(0.0).sqrt(),
            sigma * (normal[0] / determinant).max(0.0).sqrt(),
        )
    } else {
        (sigma / normal[0].sqrt(), 0.0)
    };
    let around =
        |value: f64, error: f64| (value, [(value - Z90 * error).max(0.0), value + Z90 * error]);
    let finite = b.is_finite()
        && k.is_finite()
        && sigma.is_finite()
        && error_b.is_finite()
        && error_k.is_finite();
    finite.then(|| LatencyFit {
        base: around(b, error_b),
        per_token: both.then(|| around(k, error_k)),
        given,
        sigma: around(sigma, sigma / (2.0 * (count - parameters)).sqrt()),
        used: n,
        stalls: 0,
        stall: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, Purpose, Seed};

    #[test]
    fn a_fit_equals_that_of_another_implementation() {
        // scipy 1.17: least_squares(lambda p: log(y) - log(p[0] + p[1] * n), [1, .02], xtol=1e-14).
        let tokens = [10.0, 40.0, 80.0, 120.0, 200.0, 260.0, 300.0, 380.0, 420.0, 500.0];
        let seconds = [0.9, 1.7, 2.1, 3.6, 4.2, 6.9, 6.1, 8.8, 8.1, 11.9];
        let values: Vec<(f64, f64)> = tokens.into_iter().zip(seconds).collect();
        let fit = least_squares(&values, 0.01).unwrap();
        let (base, per_token) = SCIPY;
        assert!(
            (fit.base.0 - base).abs() < 1e-6 && (fit.per_token.unwrap().0 - per_token).abs() < 1e-8,
            "{fit:?}"
        );
    }

    /// Base and time for each token.
    const SCIPY: (f64, f64) = (0.732_062_36, 0.020_198_35);

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say_and_stalls_stay_out() {
        let (base, per_token, sigma) = (0.8, 0.012, 0.3);
        let mut held = [0_u32; 3];
        const RUNS: u64 = 300;
        for run in 0..RUNS {
            let mut stage = Seed(run).stage(Purpose::Jitter, Owner::NOBODY, 0);
            let mut values: Vec<(f64, f64)> = (0..200)
                .map(|_| {
                    let tokens = 20.0 + libm::floor(480.0 * stage.uniform());
                    (tokens, (base + per_token * tokens) * libm::exp(sigma * stage.normal()))
                })
                .collect();
            values.extend([(100.0, 90.0), (200.0, 120.0)]);
            let fit = fit(&values, 0.02).unwrap();
            assert!((2..=4).contains(&fit.stalls), "{fit:?}");
            let holds = |(_, [low, high]): (f64, [f64; 2]), truth: f64| {
                u32::from(low <= truth && truth <= high)
            };
            held[0] += holds(fit.base, base);
            held[1] += holds(fit.per_token.unwrap(), per_token);
            held[2] += holds(fit.sigma, sigma);
        }
        // 90% of 300 is 270, with a standard error of 5.2.
        assert!(held.iter().all(|held| (252..=288).contains(held)), "{held:?}");
    }

    #[test]
    fn equal_lengths_tell_no_time_for_a_token() {
        let values: Vec<(f64, f64)> =
            (0..40).map(|n| (1.0, 0.4 + 0.01 * f64::from(n % 7))).collect();
        let fit = fit(&values, 0.02).unwrap();
        assert!(fit.per_token.is_none() && (0.4..0.47).contains(&fit.base.0), "{fit:?}");
        assert!(super::fit(&values[..9], 0.02).is_none() && super::fit(&[], 0.0).is_none());
    }
}
