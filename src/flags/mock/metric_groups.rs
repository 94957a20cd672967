//! Groups of metrics: an experiment on one has its metrics.
//!
//! Guarantees: a group has metrics that are there, each once.
//!
//! Source: `/api/v2/projects/{project}/metric-groups` of LaunchDarkly's REST interface.
//!
//! Does not know: how a metric is computed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::body::{Fields, tested};
use super::ids::Identifiers;
use super::metrics::MockMetric;
use crate::flags::api::ApiError;

/// The metrics of a project, by key.
type Metrics = BTreeMap<String, MockMetric>;

/// What a group is for.
const KINDS: [&str; 3] = ["funnel", "standard", "guardrail"];
/// Most metrics of a group.
const MAX_METRICS: usize = 50;

/// A group of metrics.
#[derive(Clone, Debug)]
pub struct MetricGroup {
    path: String,
    id: String,
    key: String,
    name: String,
    description: String,
    kind: String,
    tags: Vec<String>,
    /// The keys of its metrics, each with its name in the group.
    metrics: Vec<(String, String)>,
    created_ms: u64,
    changed_ms: u64,
    version: u64,
}

impl MetricGroup {
    /// Creates a group of a project that has these metrics.
    pub fn create(
        metrics: &Metrics,
        project_key: &str,
        body: &Value,
        ids: &Identifiers,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?.to_owned();
        let path = format!("projects/{project_key}/metric-groups/{key}");
        let group = Self {
            id: ids.hex(&path, 24),
            name: fields.filled("name")?.to_owned(),
            description: fields.optional_text("description")?.unwrap_or_default().to_owned(),
            kind: fields.filled("kind")?.to_owned(),
            tags: fields.texts("tags")?,
            metrics: sent_metrics(fields.list("metrics")?)?,
            created_ms: now_ms,
            changed_ms: now_ms,
            version: 1,
            key,
            path,
        };
        group.check(metrics)?;
        Ok(group)
    }

    /// The group after a JSON patch.
    pub fn patched(&self, metrics: &Metrics, body: &Value, now_ms: u64) -> Result<Self, ApiError> {
        let mut group = self.clone();
        let operations = body.as_array().ok_or_else(|| {
            ApiError::invalid("the body must be a JSON patch, a list of operations")
        })?;
        for operation in operations {
            let fields = Fields::of(operation)?;
            let path = fields.text("path")?;
            let text = || fields.text("value").map(str::to_owned);
            match (fields.text("op")?, path.trim_start_matches('/')) {
                ("test", _) => {
                    tested(
                        &group.rest(metrics),
                        path,
                        fields.get("value").unwrap_or(&Value::Null),
                    )?;
                }
                ("add" | "replace", "name") => group.name = text()?,
                ("add" | "replace", "description") => group.description = text()?,
                ("remove", "description") => group.description.clear(),
                ("add" | "replace", "tags") => group.tags = fields.texts("value")?,
                ("add" | "replace", "metrics") => {
                    group.metrics = sent_metrics(fields.list("value")?)?
                }
                (op, name) => {
                    return Err(ApiError::patch_failed(format!(
                        "`{op}` of `/{name}` is not possible"
                    )));
                }
            }
        }
        group.check(metrics)?;
        group.version += 1;
        group.changed_ms = now_ms;
        Ok(group)
    }

    fn check(&self, metrics: &Metrics) -> Result<(), ApiError> {
        if !KINDS.contains(&self.kind.as_str()) {
            return Err(ApiError::invalid(format!("`kind` must be one of {}", KINDS.join(", "))));
        }
        let least = if self.kind == "funnel" { 2 } else { 1 };
        if !(least..=MAX_METRICS).contains(&self.metrics.len()) {
            return Err(ApiError::invalid(format!(
                "a {} group has {least} to {MAX_METRICS} metrics",
                self.kind
            )));
        }
        for (nth, (key, _)) in self.metrics.iter().enumerate() {
            if !metrics.contains_key(key) {
                return Err(ApiError::invalid(format!("there is no metric `{key}`")));
            }
            if self.metrics.iter().take(nth).any(|(before, _)| before == key) {
                return Err(ApiError::invalid(format!("metric `{key}` is there twice")));
            }
        }
        Ok(())
    }

    /// The keys of its metrics.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(|(key, _)| key.as_str())
    }

    /// As the REST interface shows it.
    pub fn rest(&self, metrics: &Metrics) -> Value {
        let shown = self.metrics.iter().filter_map(|(key, name)| {
            let metric = &metrics.get(key)?.rest(0);
            Some(json!({
                "key": key, "_versionId": metric["_versionId"], "name": metric["name"], "kind": metric["kind"],
                "isNumeric": metric["isNumeric"], "unitAggregationType": metric["unitAggregationType"],
                "eventKey": metric["eventKey"], "nameInGroup": name, "randomizationUnits": metric["randomizationUnits"],
                "_links": metric["_links"],
            }))
        });
        json!({
            "_id": self.id, "key": self.key, "name": self.name, "description": self.description, "kind": self.kind,
            "tags": self.tags, "_creationDate": self.created_ms, "_lastModified": self.changed_ms, "version": self.version,
            "metrics": shown.collect::<Vec<_>>(),
            "_links": {
                "self": { "href": format!("/api/v2/{}", self.path), "type": "application/json" },
                "parent": { "href": format!("/api/v2/{}", self.path.rsplit_once('/').map_or("", |(parent, _)| parent)), "type": "application/json" },
            },
        })
    }
}

/// The metrics of a group as they are sent: each with its name in the group.
fn sent_metrics(sent: &[Value]) -> Result<Vec<(String, String)>, ApiError> {
    let one = |metric: &Value| {
        let fields = Fields::of(metric)?;
        let key = fields.text("key")?.to_owned();
        let name = fields.optional_text("nameInGroup")?.unwrap_or_default().to_owned();
        Ok((key, name))
    };
    sent.iter().map(one).collect()
}
