//! What variations are made of: tools and models.
//!
//! Guarantees: a tool keeps its versions, because a variation is attached to one of them.
//!
//! Does not know: which variations use what.

use serde_json::{Map, Value, json};

use super::account::Project;
use super::body::Fields;
use crate::flags::api::ApiError;
use crate::flags::members::put;

/// Models that every project has without creating them: those of the tutorial, and of its later
/// edition. Any other key of the form `Provider.model-id` resolves too, but is not listed.
const GLOBAL_MODELS: [&str; 9] = [
    "Anthropic.claude-3-5-haiku-20241022",
    "Anthropic.claude-3-7-sonnet-latest",
    "Anthropic.claude-haiku-4-5-20251001",
    "Anthropic.claude-opus-4-20250514",
    "Anthropic.claude-opus-4-7",
    "Anthropic.claude-sonnet-4-6",
    "Mistral.mistral-small-latest",
    "OpenAI.gpt-4o",
    "OpenAI.gpt-4o-mini-2024-07-18",
];

/// A tool and its versions.
#[derive(Clone, Debug)]
pub struct MockTool {
    key: String,
    versions: Vec<ToolVersion>,
}

/// One version of a tool.
#[derive(Clone, Debug)]
pub struct ToolVersion {
    pub description: String,
    pub schema: Value,
    pub custom: Map<String, Value>,
    created_ms: u64,
}

impl MockTool {
    /// Creates a tool. `name`, `type` and `mcpServer`, which some clients send, are ignored.
    pub fn create(body: &Value, now_ms: u64) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?.to_owned();
        if !fields.get("schema").is_some_and(Value::is_object) {
            return Err(ApiError::invalid("`schema` is required and must be an object"));
        }
        let first = ToolVersion {
            description: String::new(),
            schema: Value::Null,
            custom: Map::new(),
            created_ms: now_ms,
        };
        Ok(Self { key, versions: vec![first.changed(fields, now_ms)?] })
    }

    /// Adds a version with the given fields changed.
    pub fn patch(&mut self, body: &Value, now_ms: u64) -> Result<(), ApiError> {
        let fields = Fields::of(body)?;
        if let Some(latest) = self.versions.last() {
            self.versions.push(latest.changed(fields, now_ms)?);
        }
        Ok(())
    }

    /// How many versions there are; the latest has this number.
    pub fn latest(&self) -> u64 {
        self.versions.len() as u64
    }

    /// A version, counted from 1.
    pub fn version(&self, number: u64) -> Option<&ToolVersion> {
        self.versions.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// The latest version as the REST interface shows it.
    pub fn rest(&self, project: &str) -> Value {
        self.version(self.latest())
            .map_or(Value::Null, |version| self.shown(version, self.latest(), project))
    }

    /// All versions, the latest first.
    pub fn rest_versions(&self, project: &str) -> Vec<Value> {
        (1..=self.latest())
            .rev()
            .filter_map(|number| Some(self.shown(self.version(number)?, number, project)))
            .collect()
    }

    fn shown(&self, version: &ToolVersion, number: u64, project: &str) -> Value {
        json!({
            "key": self.key, "description": version.description, "schema": version.schema, "customParameters": version.custom,
            "version": number, "createdAt": version.created_ms,
            "_links": {
                "self": { "href": format!("/api/v2/projects/{project}/ai-tools/{}", self.key), "type": "application/json" },
                "parent": { "href": format!("/api/v2/projects/{project}/ai-tools"), "type": "application/json" },
            },
        })
    }
}

impl ToolVersion {
    fn changed(&self, fields: Fields<'_>, now_ms: u64) -> Result<Self, ApiError> {
        let mut version = Self { created_ms: now_ms, ..self.clone() };
        if let Some(description) = fields.optional_text("description")? {
            version.description = description.to_owned();
        }
        if let Some(schema) = fields.get("schema") {
            version.schema = schema.clone();
        }
        if fields.get("customParameters").is_some() {
            version.custom = fields.object("customParameters")?;
        }
        Ok(version)
    }
}

/// A model of the project's own.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    key: String,
    name: String,
    model: String,
    provider: String,
    params: Map<String, Value>,
    custom: Map<String, Value>,
    tags: Vec<String>,
    costs: Map<String, Value>,
    global: bool,
}

impl ModelConfig {
    /// Creates a model config.
    pub fn create(body: &Value) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?;
        let mut costs = Map::new();
        for name in ["costPerInputToken", "costPerOutputToken"] {
            if let Some(cost) = fields.get(name) {
                costs.insert(name.to_owned(), cost.clone());
            }
        }
        let (provider, _) = key.split_once('.').unwrap_or_default();
        Ok(Self {
            key: key.to_owned(),
            name: fields.filled("name")?.to_owned(),
            model: fields.filled("id")?.to_owned(),
            provider: fields.optional_text("provider")?.unwrap_or(provider).to_owned(),
            params: fields.object("params")?,
            custom: fields.object("customParams")?,
            tags: fields.texts("tags")?,
            costs,
            global: false,
        })
    }

    /// What one token costs in dollars, by the name of its field.
    pub fn cost(&self, name: &str) -> Option<f64> {
        self.costs.get(name)?.as_f64()
    }

    /// The model that a key of the form `Provider.model-id` names.
    pub fn global(key: &str) -> Option<Self> {
        let (provider, model) = key
            .split_once('.')
            .filter(|(provider, model)| !provider.is_empty() && !model.is_empty())?;
        Some(Self {
            key: key.to_owned(),
            name: model.to_owned(),
            model: model.to_owned(),
            provider: provider.to_owned(),
            params: Map::new(),
            custom: Map::new(),
            tags: Vec::new(),
            costs: Map::new(),
            global: true,
        })
    }

    /// Provider, the provider's name of the model, default parameters, default custom parameters.
    pub fn parts(&self) -> (&str, &str, &Map<String, Value>, &Map<String, Value>) {
        (&self.provider, &self.model, &self.params, &self.custom)
    }

    /// As the REST interface shows it.
    pub fn rest(&self) -> Value {
        let mut json = json!({
            "key": self.key, "name": self.name, "id": self.model, "provider": self.provider, "params": self.params,
            "customParams": self.custom, "tags": self.tags, "global": self.global, "version": 1, "isRestricted": false,
        });
        for (name, cost) in &self.costs {
            put(&mut json, name, cost.clone());
        }
        json
    }
}

impl Project {
    /// The model with this key: the project's own, else a global one.
    pub fn model(&self, key: &str) -> Option<ModelConfig> {
        self.model_configs.get(key).cloned().or_else(|| ModelConfig::global(key))
    }

    /// Global models and the project's own, by key.
    pub fn listed_models(&self) -> Vec<Value> {
        let global = GLOBAL_MODELS
            .iter()
            .filter(|key| !self.model_configs.contains_key(**key))
            .filter_map(|key| ModelConfig::global(key));
        let mut all: Vec<ModelConfig> =
            global.chain(self.model_configs.values().cloned()).collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all.iter().map(ModelConfig::rest).collect()
    }

    /// Whether a model with this key can be created.
    pub fn model_is_new(&self, key: &str) -> bool {
        !GLOBAL_MODELS.contains(&key) && !self.model_configs.contains_key(key)
    }
}
