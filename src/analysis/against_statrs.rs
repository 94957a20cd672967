//! Distribution functions held to those of an independent library, over the range where that
//! library is right: it loses digits for shapes of a million and more, which is one reason why the
//! code here is its own. The other is the same bits on every platform.

use proptest::prelude::*;
use statrs::distribution::{Beta, ContinuousCDF, Normal, StudentsT};

use super::beta::LogitBeta;
use super::special::normal_cdf;
use super::student::{cdf, two_sided, two_sided_reach};

proptest! {
    #[test]
    fn the_normal_distribution(z in -37.0_f64..8.0) {
        let theirs = Normal::standard().cdf(z);
        prop_assert!((normal_cdf(z) - theirs).abs() <= 1e-9 * theirs.max(1e-9), "{} {theirs}", normal_cdf(z));
    }

    #[test]
    fn students_t_distribution(t in -30.0_f64..30.0, log_degrees in 0.0_f64..9.0) {
        let degrees = log_degrees.exp();
        let theirs = StudentsT::new(0.0, 1.0, degrees).unwrap();
        prop_assert!((cdf(t, degrees) - theirs.cdf(t)).abs() < 1e-9);
        prop_assert!((two_sided(t, degrees) - 2.0 * theirs.cdf(-t.abs())).abs() < 1e-9);
    }

    #[test]
    fn the_reach_of_students_t_distribution(mass in 0.01_f64..0.999, log_degrees in 0.0_f64..9.0) {
        let degrees = log_degrees.exp();
        let reach = two_sided_reach(mass, degrees);
        let theirs = StudentsT::new(0.0, 1.0, degrees).unwrap();
        prop_assert!((theirs.cdf(reach) - theirs.cdf(-reach) - mass).abs() < 1e-8, "{reach}");
    }

    #[test]
    fn the_beta_distribution(log_a in -1.0_f64..9.0, log_b in -1.0_f64..9.0, at in 0.001_f64..0.999) {
        let (a, b) = (log_a.exp(), log_b.exp());
        let (ours, theirs) = (LogitBeta::new(a, b), Beta::new(a, b).unwrap());
        let x = ours.value(ours.quantile(at));
        prop_assert!((theirs.cdf(x) - at).abs() < 1e-6, "quantile {at} of Beta({a}, {b}) is {x}: {}", theirs.cdf(x));
        let u = ours.at_log_odds((at / (1.0 - at)).ln());
        prop_assert!((ours.cdf(u) - theirs.cdf(at)).abs() < 1e-6, "{} {}", ours.cdf(u), theirs.cdf(at));
    }
}
