//! The words of estimates and comparisons.
//!
//! Does not know: how they are computed; `analysis` does, and these formulas are its own.

use super::Term;

/// LaunchDarkly's description of its Bayesian analysis.
const BAYESIAN: &str = "LaunchDarkly docs, \"Statistical methodology for Bayesian experiments\"";

pub(super) const TERMS: &[Term] = &[
    Term {
        name: "posterior",
        aliases: &["posterior distribution", "posterior density", "density"],
        says: [
            "The posterior says how plausible each true value of a metric is, after prior and data are put together.",
            "Every interval and probability of the report is read off it: a rate has a Beta, a mean or a percentile a normal posterior.",
            "It is no better than the data behind it, so look at the health checks first.",
        ],
        formula: "rate: Beta(a + conversions, b + users - conversions); mean or percentile: Normal with precision 1/prior variance + 1/standard error^2",
        source: "Gelman et al., Bayesian Data Analysis, 3rd ed., sections 2.4 and 2.5; LaunchDarkly docs, \"Statistical methodology for Bayesian experiments\"",
        see: &["prior", "credible interval", "shrinkage"],
    },
    Term {
        name: "prior",
        aliases: &["prior variance", "prior distribution"],
        says: [
            "The prior is what is assumed about a variation before its own data count.",
            "The control has a flat one; a treatment starts from the control's posterior, widened by how much treatments differ on the whole platform.",
            "With few users it pulls a treatment towards the control, which protects against extremes that are chance and hides extremes that are real.",
        ],
        formula: "mean m = the control's posterior mean; variance m^2 g2 + the control's posterior variance; g2 = 0.041 for rates, 0.166 for percentiles, 0.155 for costs, 0.18 for other means, or the metric's `prior_variance`",
        source: BAYESIAN,
        see: &["shrinkage", "prior-data conflict", "posterior"],
    },
    Term {
        name: "shrinkage",
        aliases: &["shrink", "shrunken", "estimate", "data weight"],
        says: [
            "Shrinkage is the pull of a treatment's estimate from its measured value towards the control.",
            "It is why `estimate` and `measured` differ: the fewer and noisier the data, the stronger the pull.",
            "On average it makes estimates better, and a truly large effect look smaller than it is.",
        ],
        formula: "estimate = prior mean + w (measured - prior mean), w = prior variance / (prior variance + standard error^2)",
        source: "Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.5",
        see: &["prior", "prior-data conflict", "measured"],
    },
    Term {
        name: "measured",
        aliases: &["data mean", "raw", "raw mean"],
        says: [
            "The measured value is the plain rate, mean or percentile of the users of a variation.",
            "No prior touches it, so it is what a query on your own events would give.",
            "It has the full noise of the sample: a striking value from few users is mostly chance.",
        ],
        formula: "conversions / exposed users; total / users; or the sample percentile",
        source: "by definition",
        see: &["shrinkage", "p95"],
    },
    Term {
        name: "credible interval",
        aliases: &["interval", "hdi", "highest density interval", "90% interval"],
        says: [
            "A credible interval holds the true value with a stated probability, given prior and data.",
            "The report shows the shortest such interval, at the experiment's threshold (90% by default).",
            "Two overlapping intervals do not mean that there is no difference: look at the relative difference and its own interval.",
        ],
        formula: "the shortest [l, u] with P(l <= value <= u | data) = threshold",
        source: "Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.3 (highest posterior density)",
        see: &["posterior", "threshold", "relative difference"],
    },
    Term {
        name: "relative difference",
        aliases: &["change", "relative change", "lift", "uplift", "effect", "relative interval"],
        says: [
            "The relative difference is how much higher or lower the treatment lies than the control, in percent of the control.",
            "Its interval counts the uncertainty of both.",
            "Where the control is near 0, a tiny difference is a large percentage; at 0 there is no percentage.",
        ],
        formula: "t / c - 1 with variance (Var t + (t/c)^2 Var c) / c^2, t and c the posterior means",
        source: "delta method: Deng, Knoblich & Lu 2018, \"Applying the Delta Method in Metric Analytics\", section 2; LaunchDarkly docs, \"Analytic formulas for Bayesian experiment variation means\"",
        see: &["credible interval", "expected loss"],
    },
    Term {
        name: "probability to beat control",
        aliases: &[
            "beats control",
            "beats",
            "probability to beat",
            "chance to beat control",
            "p2bc",
        ],
        says: [
            "This is the probability that the treatment's true value is better than the control's, in the metric's good direction.",
            "From the threshold on the report reads `better`, from its complement down `worse`, between them `unclear`.",
            "It says nothing about how much better, and it means less the more often you look and stop when you like it.",
        ],
        formula: "P(treatment > control | data), or < where lower is better: closed form for normals, quadrature for Betas",
        source: BAYESIAN,
        see: &["threshold", "expected loss", "peeking", "probability to be best"],
    },
    Term {
        name: "probability to be best",
        aliases: &["prob. best", "prob best", "best"],
        says: [
            "This is the probability that a variation's true value is the best of all variations, the control included.",
            "All of them sum to 100%, so with many treatments each starts low.",
            "Of two variations, it is the probability to beat the other.",
        ],
        formula: "integral of the variation's density times every other's chance to be worse",
        source: BAYESIAN,
        see: &["probability to beat control"],
    },
    Term {
        name: "expected loss",
        aliases: &["loss", "risk"],
        says: [
            "The expected loss is how much you give up on average if you ship the treatment and it is the worse one.",
            "It weighs how likely that is with how bad it would be, in the metric's own unit, so you can compare it with what you care about.",
            "A small loss allows a decision even when the probability to beat the control is not clear.",
        ],
        formula: "E[max(control - treatment, 0) | data], the other way round where lower is better",
        source: "Raiffa & Schlaifer 1961, Applied Statistical Decision Theory (unit normal linear loss integral); by quadrature for Betas",
        see: &["probability to beat control", "relative difference"],
    },
    Term {
        name: "threshold",
        aliases: &["significance", "significance level", "confidence"],
        says: [
            "The threshold is how sure one must be before a difference counts, and the mass of every interval.",
            "Each experiment sets its own; the default is 90%.",
            "With many metrics, even a treatment that changes nothing often passes 90% on one of them.",
        ],
        formula: "better: P(beats control) >= threshold; worse: P <= 1 - threshold",
        source: "the experiment's definition",
        see: &["probability to beat control", "Bonferroni", "Benjamini-Hochberg"],
    },
    Term {
        name: "users needed",
        aliases: &["more users", "sample size"],
        says: [
            "This is how many more users the primary metric needs to reach the threshold, if the measured difference is the true one.",
            "It is for planning: a number in the millions means that there is nothing to find, not that you should wait.",
            "With little data, the measured difference and this number are mostly chance; use `simlab power` to plan an experiment.",
        ],
        formula: "N (z^2 (V_t + V_c) / d^2 - 1), z the normal quantile of the threshold, d the measured difference, V the posterior variances",
        source: "Chow, Shao & Wang, Sample Size Calculations in Clinical Research, section 3.2, without the power term",
        see: &["power", "threshold"],
    },
];
