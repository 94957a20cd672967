//! Whose results a request wants: an experiment's treatments and one of its metrics.
//!
//! The interface had the path `…/experiments/{key}/metrics/{metric}/results` until its version of October 2025.
//!
//! Promises: what is not an experiment's own metric or current iteration is refused.
//!
//! Does not know: events or statistics; the account holds none.

use super::account::Account;
use super::iterations::{Iteration, Status};
use crate::flags::api::{ApiError, Method, Request};

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
}

/// Whose results are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsOf {
    /// The key of the AI config that is experimented on.
    pub config: String,
    /// The key of the metric.
    pub metric: String,
    /// The treatments, in the order of the design.
    pub treatments: Vec<ResultTreatment>,
}

impl Account {
    /// Whose results a request wants, when it wants any.
    ///
    /// # Errors
    /// Inside: what does not exist, a metric of another experiment, an iteration that is over.
    #[must_use]
    pub fn results_of(&self, request: &Request) -> Option<Result<ResultsOf, ApiError>> {
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let ["projects", project, "environments", environment, "experiments", key, "metrics", metric, "results"] = parts.as_slice() else {
            return None;
        };
        if request.method != Method::Get {
            return Some(Err(ApiError::method_not_allowed()));
        }
        Some(self.wanted(project, environment, key, metric, request.parameter("iterationId")))
    }

    fn wanted(&self, project: &str, environment: &str, key: &str, metric: &str, id: Option<&str>) -> Result<ResultsOf, ApiError> {
        let iteration = self.experiment(project, environment, key)?.latest();
        let iteration = iteration.filter(|iteration| iteration.status != Status::NotStarted);
        let iteration: &Iteration = iteration.ok_or_else(|| ApiError::not_found("started iteration of", key))?;
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
            let variation = variation.ok_or_else(|| ApiError::not_found("variation", &treatment.variation_id))?;
            Ok(ResultTreatment {
                id: treatment.variation_id.clone(),
                name: treatment.name.clone(),
                variation: variation.key.clone(),
                baseline: treatment.baseline,
            })
        });
        Ok(ResultsOf {
            config: iteration.config.clone(),
            metric: metric.to_owned(),
            treatments: treatments.collect::<Result<_, ApiError>>()?,
        })
    }
}
