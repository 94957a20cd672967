//! Metric definitions, as the REST interface takes and shows them.
//!
//! Guarantees: a definition that the real service refuses is refused here.
//!
//! Does not know: events, or how a metric is computed.

use serde_json::{Map, Value, json};

use super::body::Fields;
use super::ids::Identifiers;
use crate::experiment::{Aggregation, Better, Missing, Statistic};
use crate::flags::api::ApiError;
use crate::quantity::Probability;

/// Fields that are kept as given.
const KEPT: [&str; 16] = [
    "name",
    "description",
    "kind",
    "isNumeric",
    "isActive",
    "eventKey",
    "unit",
    "successCriteria",
    "unitAggregationType",
    "analysisType",
    "percentileValue",
    "eventDefault",
    "randomizationUnits",
    "filters",
    "selector",
    "urls",
];

/// A metric.
#[derive(Clone, Debug)]
pub struct MockMetric {
    path: String,
    id: String,
    key: String,
    version: u64,
    tags: Vec<String>,
    created_ms: u64,
    fields: Map<String, Value>,
}

impl MockMetric {
    /// Creates a metric.
    pub fn create(
        project: &str,
        body: &Value,
        ids: &Identifiers,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?;
        let path = format!("metrics/{project}/{key}");
        let mut kept = Map::new();
        for name in KEPT {
            if let Some(value) = fields.get(name) {
                kept.insert(name.to_owned(), value.clone());
            }
        }
        kept.entry("name").or_insert_with(|| key.into());
        kept.entry("isNumeric").or_insert(Value::Bool(false));
        kept.entry("isActive").or_insert(Value::Bool(true));
        kept.entry("unitAggregationType").or_insert_with(|| "average".into());
        kept.entry("analysisType").or_insert_with(|| "mean".into());
        kept.entry("eventDefault").or_insert_with(|| json!({ "disabled": false, "value": 0 }));
        kept.entry("randomizationUnits").or_insert_with(|| json!(["user"]));
        let metric = Self {
            id: ids.hex(&path, 24),
            key: key.to_owned(),
            version: 1,
            tags: fields.texts("tags")?,
            created_ms: now_ms,
            fields: kept,
            path,
        };
        metric.check()?;
        Ok(metric)
    }

    /// The metric after a JSON patch (RFC 6902: `add`, `replace` and `remove` of top-level fields, and `test` of any).
    pub fn patched(&self, body: &Value) -> Result<Self, ApiError> {
        let mut metric = self.clone();
        let operations = body.as_array().ok_or_else(|| {
            ApiError::invalid("the body must be a JSON patch, a list of operations")
        })?;
        for operation in operations {
            let fields = Fields::of(operation)?;
            let name = fields.text("path")?.trim_start_matches('/');
            match (fields.text("op")?, name) {
                ("add" | "replace", "tags") => {
                    metric.tags = Fields::of(operation)?.texts("value")?
                }
                ("add" | "replace", name) if KEPT.contains(&name) => {
                    metric.fields.insert(name.to_owned(), operation["value"].clone());
                }
                ("remove", name) if KEPT.contains(&name) => {
                    metric.fields.remove(name);
                }
                ("test", _) => {
                    let value = operation.get("value").unwrap_or(&Value::Null);
                    super::body::tested(&metric.rest(0), fields.text("path")?, value)?;
                }
                (op, name) => {
                    return Err(ApiError::patch_failed(format!(
                        "`{op}` of `/{name}` is not possible"
                    )));
                }
            }
        }
        metric.check()?;
        metric.version += 1;
        Ok(metric)
    }

    fn check(&self) -> Result<(), ApiError> {
        let fields = Fields(&self.fields);
        let one_of = |name: &str, allowed: &[&str]| match fields.optional_text(name)? {
            Some(value) if !allowed.contains(&value) => {
                Err(ApiError::invalid(format!("`{name}` must be one of {}", allowed.join(", "))))
            }
            _ => Ok(()),
        };
        fields.filled("kind")?;
        one_of("kind", &["custom", "pageview", "click"])?;
        one_of("successCriteria", &["HigherThanBaseline", "LowerThanBaseline"])?;
        one_of("unitAggregationType", &["sum", "average"])?;
        one_of("analysisType", &["mean", "percentile"])?;
        if fields.text("kind")? == "custom" {
            fields.filled("eventKey")?;
            if fields.flag("isNumeric", false)? {
                fields.filled("unit")?;
                fields.filled("successCriteria")?;
            }
        }
        let percentile = fields.integer("percentileValue")?;
        match (fields.optional_text("analysisType")?, percentile) {
            (Some("percentile"), Some(1..=99)) => {}
            (Some("percentile"), _) => {
                return Err(ApiError::invalid(
                    "`percentileValue` must be a whole number from 1 to 99",
                ));
            }
            (_, Some(_)) => {
                return Err(ApiError::invalid(
                    "`percentileValue` goes with the analysis type `percentile` only",
                ));
            }
            _ => {}
        }
        let default = fields.object("eventDefault")?;
        if default.get("value").is_some_and(|value| value.as_f64() != Some(0.0)) {
            return Err(ApiError::invalid("the `value` of `eventDefault` can only be 0"));
        }
        fields.texts("randomizationUnits")?;
        Ok(())
    }

    /// The metric as an analysis computes it: the reverse of what the bootstrap sends. A metric of
    /// clicks or page views counts no event, because no server-side SDK sends any.
    pub fn definition(&self) -> crate::experiment::Metric {
        let text = |name: &str| self.fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let numeric = self.fields.get("isNumeric").and_then(Value::as_bool).unwrap_or(false);
        let disabled =
            self.fields.get("eventDefault").is_some_and(|default| default["disabled"] == true);
        let percentile = self
            .fields
            .get("percentileValue")
            .and_then(Value::as_i64)
            .filter(|_| text("analysisType") == "percentile");
        let statistic = percentile
            .and_then(|percent| Probability::new(percent as f64 / 100.0).ok())
            .map_or(Statistic::Mean, Statistic::Percentile);
        crate::experiment::Metric {
            key: self.key.clone(),
            name: text("name").to_owned(),
            event: if text("kind") == "custom" {
                text("eventKey").to_owned()
            } else {
                String::new()
            },
            aggregation: match (numeric, text("unitAggregationType")) {
                (false, _) => Aggregation::Occurrence,
                (true, "sum") => Aggregation::Sum,
                (true, _) => Aggregation::Average,
            },
            statistic,
            // A percentile is over the units that have a value.
            missing: if disabled || statistic != Statistic::Mean {
                Missing::Exclude
            } else {
                Missing::Zero
            },
            better: if text("successCriteria") == "LowerThanBaseline" {
                Better::Lower
            } else {
                Better::Higher
            },
            unit: text("unit").to_owned(),
            prior_variance: None,
            prior: None,
            judge: None,
            smallest_effect: 0.0,
            per: None,
        }
    }

    /// As the REST interface shows it; `experiments` is how many use it.
    pub fn rest(&self, experiments: usize) -> Value {
        let mut json = json!({
            "_id": self.id, "_versionId": format!("{}-{}", self.id, self.version), "_version": self.version, "key": self.key,
            "_creationDate": self.created_ms, "dataSource": { "key": "launchdarkly-hosted" }, "tags": self.tags,
            "experimentCount": experiments, "metricGroupCount": 0, "archived": false,
            "_links": { "self": { "href": format!("/api/v2/{}", self.path), "type": "application/json" } },
        });
        super::targeting::merge(&mut json, Value::Object(self.fields.clone()));
        json
    }
}
