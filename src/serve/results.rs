//! An experiment's results as LaunchDarkly's REST interface gave them: the live analysis of what has arrived.
//!
//! Promises: the numbers of `/_simlab/report`, from the same analysis; what is not known is left out.
//!
//! Does not know: HTTP. Events of earlier iterations count as well: what arrives says no iteration.

use serde_json::{Value, json};

use crate::analysis::{
    Analysis, Interval, MetricAnalysis, Posterior, Summary, Tally, VariationAnalysis, data_weight, ln_mismatch_odds, prior_variance,
    treatment_prior,
};
use crate::flags::mock::{ResultTreatment, ResultsOf};

/// The results of one metric; `places` are the treatments' places in the analysis.
#[must_use]
pub fn results(of: &ResultsOf, places: &[usize], metric: usize, (summary, analysis): (&Summary, &Analysis)) -> Value {
    let found = &analysis.metrics[metric];
    let tallies = &summary.metrics[metric].tallies;
    let one = |(treatment, &place): (&ResultTreatment, &usize)| {
        let variation = &found.variations[place];
        let mut json = json!({
            "treatmentId": treatment.id, "treatmentName": treatment.name, "units": variation.units, "traffic": variation.exposures,
        });
        let sum = variation.total_value.or(variation.conversions.map(|count| count as f64));
        for (name, value) in [
            ("mean", variation.posterior_mean),
            ("dataMean", variation.data_mean),
            ("dataStdDev", tallies[place].and_then(|tally| deviation(tally, variation))),
            ("pBest", variation.probability_to_be_best),
            ("eventValuesSum", sum),
        ] {
            if let Some(value) = value {
                json[name] = value.into();
            }
        }
        if let Some(interval) = variation.credible_interval {
            json["credibleInterval"] = ends(interval);
        }
        if let Some(interval) = variation.comparison.and_then(|comparison| comparison.relative_interval) {
            let mut difference = ends(interval);
            difference["fromTreatmentId"] = of.treatments.iter().find(|one| one.baseline).map(|one| one.id.as_str()).into();
            json["relativeDifferences"] = json!([difference]);
        }
        if let Some(posterior) = variation.posterior {
            describe(&mut json, posterior, prior(found, place));
        }
        json
    };
    let treatments: Vec<Value> = of.treatments.iter().zip(places).map(one).collect();
    let seen = found.variations.iter().any(|variation| variation.total_value.is_some() || variation.conversions.unwrap_or(0) > 0);
    let mut json = json!({
        "metricSeen": { "ever": seen },
        "results": [{ "attribute": "", "attributeValue": "", "treatmentResults": treatments }],
    });
    if let Some(shares) = &summary.shares {
        json["probabilityOfMismatch"] = (1.0 / (1.0 + libm::exp(-ln_mismatch_odds(&summary.exposures, shares)))).into();
    }
    json
}

fn ends(interval: Interval) -> Value {
    json!({ "lower": interval.lower, "upper": interval.upper })
}

/// The standard deviation of the units' values.
fn deviation(tally: Tally, variation: &VariationAnalysis) -> Option<f64> {
    match tally {
        Tally::Conversion { .. } => variation.data_mean.map(|rate| (rate * (1.0 - rate)).max(0.0).sqrt()),
        Tally::Mean { units, standard_error, .. } => standard_error.map(|error| error * (units as f64).sqrt()),
        // A percentile's error says nothing about the spread of all values.
        Tally::Percentile { .. } => None,
    }
}

/// What was believed of a treatment before its data: around the control. `None` for the control, which has no such prior.
fn prior(found: &MetricAnalysis, place: usize) -> Option<Posterior> {
    let control = found.variations[found.control].posterior.filter(|_| place != found.control)?;
    treatment_prior(&control, prior_variance(&found.metric))
}

/// Adds a posterior and the prior that it comes from.
fn describe(json: &mut Value, posterior: Posterior, prior: Option<Posterior>) {
    let (name, distribution) = match posterior {
        Posterior::Beta { a, b } => ("bayesianBeta", json!({ "kind": "beta", "parameters": { "alpha": a, "beta": b } })),
        // Their interface knows no Student's t, which few users have here.
        Posterior::Normal { mean, sd } | Posterior::Student { mean, sd, .. } => {
            ("bayesianNormal", json!({ "kind": "normal", "parameters": { "mu": mean, "sigma": sd } }))
        }
    };
    json["distribution"] = distribution;
    json["model"] = name.into();
    let Some(prior) = prior else { return };
    let mut told = json!({ "priorMean": prior.mean(), "dataWeight": data_weight(&prior, &posterior) });
    if let Posterior::Beta { a, b } = prior {
        told["priorAlpha"] = a.into();
        told["priorBeta"] = b.into();
    }
    json[name] = told;
}
