//! Whose usage a request wants: an AI config's, all together or by variation.
//!
//! Source: `/api/v2/projects/{project}/ai-configs/{config}/metrics` and `…/metrics-by-variation` of
//! LaunchDarkly's REST interface.
//!
//! Does not know: what was used.

use super::account::Account;
use crate::flags::api::{ApiError, HttpMethod, Request};

/// Longest time between `from` and `to`: 100 days in milliseconds.
const MOST_MS: u64 = 100 * 86_400_000;

/// Whose usage is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigMetricsOf {
    /// Key of the AI config.
    pub config: String,
    /// Whether each variation is wanted by itself.
    pub by_variation: bool,
    /// The start: Unix time in milliseconds.
    pub from_ms: u64,
    /// The end, which does not count.
    pub to_ms: u64,
    /// The variations, with what their tokens cost.
    pub variations: Vec<VariationCosts>,
}

/// What a variation's tokens cost, as far as its model config says so.
#[derive(Clone, Debug, PartialEq)]
pub struct VariationCosts {
    /// Key of the variation.
    pub key: String,
    /// Dollars for an input token.
    pub per_input_token: Option<f64>,
    /// Dollars for an output token.
    pub per_output_token: Option<f64>,
}

impl Account {
    /// Whose usage a request wants, when it wants any.
    ///
    /// # Errors
    /// Inside: what does not exist, or times that are missing, reversed or too far apart.
    #[must_use]
    pub fn config_metrics_of(
        &self,
        request: &Request,
    ) -> Option<Result<ConfigMetricsOf, ApiError>> {
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let ["projects", project, "ai-configs", config, what] = parts.as_slice() else {
            return None;
        };
        let by_variation = match *what {
            "metrics" => false,
            "metrics-by-variation" => true,
            _ => return None,
        };
        if request.method != HttpMethod::Get {
            return Some(Err(ApiError::method_not_allowed()));
        }
        Some(self.usage_of(project, config, by_variation, request))
    }

    fn usage_of(
        &self,
        project: &str,
        config: &str,
        by_variation: bool,
        request: &Request,
    ) -> Result<ConfigMetricsOf, ApiError> {
        let project = self.project(project)?;
        let own = project.config(config)?;
        let environment = request.parameter("env").unwrap_or_default();
        if environment.is_empty() {
            return Err(ApiError::invalid("`env` is required: the key of an environment"));
        }
        project.environment(environment)?;
        let time = |name: &str| {
            let text = request.parameter(name).unwrap_or_default();
            text.parse::<u64>().map_err(|_| {
                ApiError::invalid(format!(
                    "`{name}` is required: Unix time in milliseconds, not `{text}`"
                ))
            })
        };
        let (from_ms, to_ms) = (time("from")?, time("to")?);
        if to_ms < from_ms || to_ms - from_ms > MOST_MS {
            return Err(ApiError::invalid("`to` must be at most 100 days after `from`"));
        }
        let variations = own.variations.iter().map(|variation| {
            let model = variation.latest.model_config().and_then(|key| project.model(key));
            let cost = |name: &str| model.as_ref().and_then(|model| model.cost(name));
            VariationCosts {
                key: variation.key.clone(),
                per_input_token: cost("costPerInputToken"),
                per_output_token: cost("costPerOutputToken"),
            }
        });
        let variations = variations.collect();
        Ok(ConfigMetricsOf { config: config.to_owned(), by_variation, from_ms, to_ms, variations })
    }
}
