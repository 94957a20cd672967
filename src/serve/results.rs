//! An experiment's results as LaunchDarkly's REST interface gave them: the live analysis of what
//! has arrived.
//!
//! Guarantees: the numbers of `/_simlab/report`, from the same analysis; what is not known is left
//! out.
//!
//! Does not know: HTTP. Events of earlier iterations count as well: what arrives says no iteration.

use serde_json::{Map, Value, json};

use crate::analysis::{
    Analysis, Interval, MetricAnalysis, Posterior, Summary, Tally, VariationAnalysis, data_weight,
    ln_mismatch_odds, prior_variance, treatment_prior,
};
use crate::experiment::Experiment;
use crate::flags::mock::{ResultTreatment, ResultsOf};

/// The results of one metric; `None` where the analysis of the experiment has no such metric or
/// lacks a treatment.
#[must_use]
pub fn results(
    of: &ResultsOf,
    experiment: &Experiment,
    (summary, analysis): (&Summary, &Analysis),
) -> Option<Value> {
    let (found, input) = analysis
        .metrics
        .iter()
        .zip(&summary.metrics)
        .find(|(found, _)| found.metric.key == of.metric)?;
    let one = |treatment: &ResultTreatment| {
        if !treatment.takes_part {
            return Some(
                json!({ "treatmentId": treatment.id, "treatmentName": treatment.name, "units": 0, "traffic": 0 }),
            );
        }
        let place =
            experiment.treatments.iter().position(|own| own.variation == treatment.variation)?;
        let (variation, tally) = found.variations.get(place).zip(input.tallies.get(place))?;
        let mut json = Map::new();
        let mut put = |name: &str, value: Value| drop(json.insert(name.to_owned(), value));
        put("treatmentId", treatment.id.as_str().into());
        put("treatmentName", treatment.name.as_str().into());
        put("units", variation.units.into());
        put("traffic", variation.exposures.into());
        let sum = variation.total_value.or(variation.conversions.map(|count| count as f64));
        for (name, value) in [
            ("mean", variation.posterior_mean),
            ("dataMean", variation.data_mean),
            ("dataStdDev", tally.and_then(|tally| deviation(tally, variation))),
            ("pBest", variation.probability_to_be_best),
            ("eventValuesSum", sum),
        ] {
            if let Some(value) = value {
                put(name, value.into());
            }
        }
        if let Some(interval) = variation.credible_interval {
            put("credibleInterval", ends(interval).into());
        }
        if let Some(interval) =
            variation.comparison.and_then(|comparison| comparison.relative_interval)
        {
            let mut difference = ends(interval);
            let from = of.treatments.iter().find(|one| one.baseline).map(|one| one.id.as_str());
            difference.insert("fromTreatmentId".to_owned(), from.into());
            put("relativeDifferences", json!([difference]));
        }
        if let Some(posterior) = variation.posterior {
            describe(&mut json, posterior, prior(found, place));
        }
        Some(Value::Object(json))
    };
    let treatments: Vec<Value> = of.treatments.iter().map(one).collect::<Option<_>>()?;
    let seen = found
        .variations
        .iter()
        .any(|variation| variation.total_value.is_some() || variation.conversions.unwrap_or(0) > 0);
    let mut json = Map::new();
    json.insert("metricSeen".to_owned(), json!({ "ever": seen }));
    json.insert(
        "results".to_owned(),
        json!([{ "attribute": "", "attributeValue": "", "treatmentResults": treatments }]),
    );
    if let Some(shares) = &summary.shares {
        let mismatch = 1.0 / (1.0 + libm::exp(-ln_mismatch_odds(&summary.exposures, shares)));
        json.insert("probabilityOfMismatch".to_owned(), mismatch.into());
    }
    Some(Value::Object(json))
}

fn ends(interval: Interval) -> Map<String, Value> {
    [("lower", interval.lower), ("upper", interval.upper)]
        .map(|(end, value)| (end.to_owned(), value.into()))
        .into_iter()
        .collect()
}

/// The standard deviation of the units' values.
fn deviation(tally: Tally, variation: &VariationAnalysis) -> Option<f64> {
    match tally {
        Tally::Conversion { .. } => {
            variation.data_mean.map(|rate| (rate * (1.0 - rate)).max(0.0).sqrt())
        }
        Tally::Mean { units, standard_error, .. } => {
            standard_error.map(|error| error * (units as f64).sqrt())
        }
        // A percentile's error says nothing about the spread of all values.
        Tally::Value { .. } => None,
    }
}

/// What was believed of a treatment before its data: around the control. `None` for the control,
/// which has no such prior.
fn prior(found: &MetricAnalysis, place: usize) -> Option<Posterior> {
    let control =
        found.variations.get(found.control)?.posterior.filter(|_| place != found.control)?;
    treatment_prior(&control, prior_variance(&found.metric))
}

/// Adds a posterior and the prior that it comes from.
fn describe(json: &mut Map<String, Value>, posterior: Posterior, prior: Option<Posterior>) {
    let (name, distribution) = match posterior {
        Posterior::Beta { a, b } => {
            ("bayesianBeta", json!({ "kind": "beta", "parameters": { "alpha": a, "beta": b } }))
        }
        // Their interface knows no Student's t, which few users have here.
        Posterior::Normal { mean, sd } | Posterior::Student { mean, sd, .. } => (
            "bayesianNormal",
            json!({ "kind": "normal", "parameters": { "mu": mean, "sigma": sd } }),
        ),
    };
    json.insert("distribution".to_owned(), distribution);
    json.insert("model".to_owned(), name.into());
    let Some(prior) = prior else { return };
    let (mean, weight) = (prior.mean(), data_weight(&prior, &posterior));
    let told = match prior {
        Posterior::Beta { a, b } => {
            json!({ "priorMean": mean, "dataWeight": weight, "priorAlpha": a, "priorBeta": b })
        }
        _ => json!({ "priorMean": mean, "dataWeight": weight }),
    };
    json.insert(name.to_owned(), told);
}
