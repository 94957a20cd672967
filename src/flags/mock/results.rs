//! What an analysis needs to know of the account: the started experiments, and whose results a
//! request wants.
//!
//! The interface had the path `…/experiments/{key}/metrics/{metric}/results` until its version of
//! October 2025.
//!
//! Guarantees: what is not an experiment's own metric or current iteration is refused.
//!
//! Does not know: events or statistics; the account holds none.

use serde_json::Value;

use super::account::{Account, Project};
use super::experiments::MockExperiment;
use super::iterations::{Iteration, IterationStatus};
use crate::experiment::{
    Correction, Experiment as Design, Method as Weighing, Metric, THRESHOLD, Treatment,
};
use crate::flags::api::{ApiError, HttpMethod, Request};
use crate::quantity::{Probability, Share};

/// A treatment whose results are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultTreatment {
    /// The id of its variation.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The key of its variation.
    pub variation: String,
    /// Whether the others are compared to it.
    pub baseline: bool,
    /// Whether any users get it: a design may list variations without traffic.
    pub takes_part: bool,
}

/// Whose results are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsOf {
    /// The id of the iteration.
    pub iteration: String,
    /// The key of the AI config that is experimented on.
    pub config: String,
    /// The key of the metric.
    pub metric: String,
    /// The treatments, in the order of the design.
    pub treatments: Vec<ResultTreatment>,
}

/// The latest started iteration of an experiment, as an analysis needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    /// The path of the experiment, which no other has.
    pub path: String,
    /// The id of the iteration.
    pub iteration: String,
    /// Its number, from 1.
    pub number: usize,
    /// The design; its metrics are numbers in `metrics`, the primary one first.
    pub design: Design,
    /// The metrics, as they are defined now.
    pub metrics: Vec<Metric>,
    /// The variations of its config, as events number them: the automatic `disabled` one is first
    /// and has an empty key.
    pub variations: Vec<String>,
    /// The kind of the contexts that are its units.
    pub unit: String,
    /// When it was stopped: Unix time in milliseconds.
    pub ended_ms: Option<u64>,
}

impl Account {
    /// The experiments that have been started, each with its latest iteration.
    #[must_use]
    pub fn started(&self) -> Vec<Started> {
        let environments = self.projects.values().flat_map(|project| {
            project.environments.values().map(move |environment| (project, environment))
        });
        let experiments = environments.flat_map(|(project, environment)| {
            environment.experiments.values().map(move |one| (project, one))
        });
        experiments.filter_map(|(project, experiment)| started(project, experiment)).collect()
    }

    /// Whose results a request wants, when it wants any.
    ///
    /// # Errors
    /// Inside: what does not exist, a metric of another experiment, an iteration that is over.
    #[must_use]
    pub fn results_of(&self, request: &Request) -> Option<Result<ResultsOf, ApiError>> {
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let [
            "projects",
            project,
            "environments",
            environment,
            "experiments",
            key,
            "metrics",
            metric,
            "results",
        ] = parts.as_slice()
        else {
            return None;
        };
        if request.method != HttpMethod::Get {
            return Some(Err(ApiError::method_not_allowed()));
        }
        Some(self.wanted(project, environment, key, metric, request.parameter("iterationId")))
    }

    fn wanted(
        &self,
        project: &str,
        environment: &str,
        key: &str,
        metric: &str,
        id: Option<&str>,
    ) -> Result<ResultsOf, ApiError> {
        let iteration = self.experiment(project, environment, key)?.latest();
        let iteration =
            iteration.filter(|iteration| iteration.status != IterationStatus::NotStarted);
        let iteration: &Iteration =
            iteration.ok_or_else(|| ApiError::not_found("started iteration of", key))?;
        if let Some(id) = id.filter(|id| *id != iteration.id()) {
            return Err(ApiError::not_found("current iteration", id));
        }
        if !iteration.metrics.iter().any(|known| known == metric) {
            return Err(ApiError::not_found("metric", metric));
        }
        let config = self.project(project)?.config(&iteration.config)?;
        let treatments = iteration.treatments.iter().map(|treatment| {
            let index = config.index_of(&treatment.variation_id)?;
            let variation = index.checked_sub(1).and_then(|own| config.variations.get(own));
            let variation = variation
                .ok_or_else(|| ApiError::not_found("variation", &treatment.variation_id))?;
            Ok(ResultTreatment {
                id: treatment.variation_id.clone(),
                name: treatment.name.clone(),
                variation: variation.key.clone(),
                baseline: treatment.baseline,
                takes_part: treatment.weight > 0,
            })
        });
        Ok(ResultsOf {
            iteration: iteration.id().to_owned(),
            config: iteration.config.clone(),
            metric: metric.to_owned(),
            treatments: treatments.collect::<Result<_, ApiError>>()?,
        })
    }
}

/// `None` for a draft, or where a variation or metric has been deleted since.
fn started(project: &Project, experiment: &MockExperiment) -> Option<Started> {
    let iteration =
        experiment.latest().filter(|iteration| iteration.status != IterationStatus::NotStarted)?;
    let config = project.configs.get(&iteration.config)?;
    let taking_part: Vec<_> =
        iteration.treatments.iter().filter(|treatment| treatment.weight > 0).collect();
    let total: u64 = taking_part.iter().map(|treatment| u64::from(treatment.weight)).sum();
    let whole = Share::WHOLE.weight();
    let mut left = whole;
    let mut treatments = Vec::new();
    for (nth, treatment) in taking_part.iter().enumerate() {
        let index = config.index_of(&treatment.variation_id).ok()?;
        let variation = config.variations.get(index.checked_sub(1)?)?.key.clone();
        // The last one takes what rounding leaves, so that the shares sum to the whole.
        let part = u64::from(treatment.weight) * u64::from(whole) / total.max(1);
        let weight =
            if nth + 1 == taking_part.len() { left } else { u32::try_from(part).ok()?.min(left) };
        left -= weight;
        treatments.push(Treatment {
            variation,
            name: treatment.name.clone(),
            share: Share::new(weight).ok()?,
        });
    }
    let mut keys: Vec<&String> = iteration.metrics.iter().collect();
    keys.sort_by_key(|key| **key != iteration.primary);
    let metrics = keys
        .into_iter()
        .map(|key| Some(project.metrics.get(key)?.definition()))
        .collect::<Option<Vec<_>>>()?;
    let (threshold, method, correction) = weighing(&experiment.methodology, &experiment.analysis);
    Some(Started {
        path: experiment.path.clone(),
        iteration: iteration.id().to_owned(),
        number: experiment.iterations.len(),
        design: Design {
            key: experiment.key.clone(),
            name: experiment.name.clone(),
            hypothesis: iteration.hypothesis.clone(),
            config: iteration.config.clone(),
            // A control without traffic compares nothing; the first treatment stands in for it.
            control: taking_part.iter().position(|treatment| treatment.baseline).unwrap_or(0),
            treatments,
            metrics: (0..metrics.len()).collect(),
            threshold,
            method,
            correction,
            tolerate: Vec::new(),
        },
        metrics,
        variations: std::iter::once(String::new())
            .chain(config.variations.iter().map(|variation| variation.key.clone()))
            .collect(),
        unit: iteration.randomization_unit.clone(),
        ended_ms: iteration.ended_ms,
    })
}

/// Threshold, method and correction of an experiment: `methodology` and `analysisConfig`, whose
/// percentages are texts.
fn weighing(methodology: &str, analysis: &Value) -> (Probability, Weighing, Correction) {
    let percent = |name: &str| {
        let value = &analysis[name];
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
        Some(number / 100.0)
    };
    let frequentist = methodology.eq_ignore_ascii_case("frequentist");
    let method = match (frequentist, analysis["sequentialTestingEnabled"].as_bool()) {
        (false, _) => Weighing::Bayesian,
        (true, Some(true)) => Weighing::Sequential,
        (true, _) => Weighing::Frequentist,
    };
    let sure = if frequentist {
        percent("significanceThreshold").map(|risk| 1.0 - risk)
    } else {
        percent("bayesianThreshold")
    };
    // A threshold of at most one half would take a coin toss for evidence.
    let threshold = sure.filter(|sure| *sure > 0.5 && *sure < 1.0).unwrap_or(THRESHOLD);
    let correction = match analysis["multipleComparisonCorrectionMethod"].as_str() {
        Some("bonferroni") => Correction::Bonferroni,
        Some("benjamini-hochberg") => Correction::BenjaminiHochberg,
        _ => Correction::None,
    };
    (Probability::clamped(threshold), method, correction)
}
