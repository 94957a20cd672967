//! The account: projects and their environments.
//!
//! Does not know: requests (the router does), or what is inside a config, segment or experiment.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::audit::AuditLog;
use super::body::Fields;
use super::configs::Config;
use super::experiments::MockExperiment;
use super::flags::FeatureFlag;
use super::graphs::AgentGraph;
use super::ids::Identifiers;
use super::library::{MockTool, ModelConfig};
use super::metric_groups::MetricGroup;
use super::metrics::MockMetric;
use super::segments::MockSegment;
use super::snippets::PromptSnippet;
use crate::flags::api::ApiError;
use crate::flags::members::put;
use crate::random::Seed;

/// One environment of a project.
#[derive(Clone, Debug)]
pub struct Environment {
    key: String,
    name: String,
    color: String,
    tags: Vec<String>,
    client_id: String,
    pub(super) sdk_key: String,
    mobile_key: String,
    pub(super) segments: BTreeMap<String, MockSegment>,
    pub(super) experiments: BTreeMap<String, MockExperiment>,
}

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    id: String,
    key: String,
    name: String,
    tags: Vec<String>,
    pub(super) environments: BTreeMap<String, Environment>,
    pub(super) tools: BTreeMap<String, MockTool>,
    pub(super) model_configs: BTreeMap<String, ModelConfig>,
    pub(super) configs: BTreeMap<String, Config>,
    pub(super) graphs: BTreeMap<String, AgentGraph>,
    pub(super) flags: BTreeMap<String, FeatureFlag>,
    pub(super) metrics: BTreeMap<String, MockMetric>,
    pub(super) metric_groups: BTreeMap<String, MetricGroup>,
    pub(super) snippets: BTreeMap<String, PromptSnippet>,
}

/// The keys with which SDKs open an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentKeys {
    /// Key of the project.
    pub project: String,
    /// Key of the environment.
    pub environment: String,
    /// For server-side SDKs.
    pub sdk_key: String,
    /// For mobile SDKs.
    pub mobile_key: String,
    /// For SDKs in browsers.
    pub client_side_id: String,
}

/// A LaunchDarkly account in memory.
#[derive(Clone, Debug)]
pub struct Account {
    pub(super) ids: Identifiers,
    pub(super) projects: BTreeMap<String, Project>,
    /// Seeds to draw, by path of the experiment.
    pub(super) fixed_seeds: BTreeMap<String, i64>,
    pub(super) revision: u64,
    pub(super) log: AuditLog,
}

impl Account {
    /// An empty account whose ids, salts and keys follow from `seed`.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            ids: Identifiers(seed),
            projects: BTreeMap::new(),
            fixed_seeds: BTreeMap::new(),
            revision: 0,
            log: AuditLog::default(),
        }
    }

    /// Makes every iteration of this experiment use `seed` instead of one that is drawn.
    pub fn fix_iteration_seed(
        &mut self,
        project: &str,
        environment: &str,
        experiment: &str,
        seed: i64,
    ) {
        self.fixed_seeds.insert(super::experiments::path(project, environment, experiment), seed);
    }

    /// A number that grows with every change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The environment's key for server-side SDKs.
    #[must_use]
    pub fn sdk_key(&self, project: &str, environment: &str) -> Option<&str> {
        Some(&self.projects.get(project)?.environments.get(environment)?.sdk_key)
    }

    /// The key for server-side SDKs that this environment has, or will have once it is created: it
    /// follows from the names.
    #[must_use]
    pub fn expected_sdk_key(&self, project: &str, environment: &str) -> String {
        let path = format!("projects/{project}/environments/{environment}");
        format!("sdk-{}", self.ids.uuid(&format!("{path}/sdk")))
    }

    /// The keys of every environment, by project.
    #[must_use]
    pub fn keys(&self) -> Vec<EnvironmentKeys> {
        let of = |project: &Project| {
            let project_key = project.key.clone();
            let one = move |own: &Environment| EnvironmentKeys {
                project: project_key.clone(),
                environment: own.key.clone(),
                sdk_key: own.sdk_key.clone(),
                mobile_key: own.mobile_key.clone(),
                client_side_id: own.client_id.clone(),
            };
            project.environments.values().map(one).collect::<Vec<_>>()
        };
        self.projects.values().flat_map(of).collect()
    }

    /// The project and environment that this SDK key opens.
    #[must_use]
    pub fn opened_by(&self, sdk_key: &str) -> Option<(&str, &str)> {
        self.projects.values().find_map(|project| {
            let environment =
                project.environments.values().find(|environment| environment.sdk_key == sdk_key)?;
            Some((project.key.as_str(), environment.key.as_str()))
        })
    }

    pub(super) fn project(&self, key: &str) -> Result<&Project, ApiError> {
        self.projects.get(key).ok_or_else(|| ApiError::not_found("project", key))
    }

    pub(super) fn project_mut(&mut self, key: &str) -> Result<&mut Project, ApiError> {
        self.projects.get_mut(key).ok_or_else(|| ApiError::not_found("project", key))
    }

    pub(super) fn create_project(&mut self, body: &Value, now_ms: u64) -> Result<Value, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?;
        if self.projects.contains_key(key) {
            return Err(ApiError::exists("project", key));
        }
        let mut project = Project {
            id: self.ids.hex(&format!("projects/{key}"), 24),
            key: key.to_owned(),
            name: fields.filled("name")?.to_owned(),
            tags: fields.texts("tags")?,
            environments: BTreeMap::new(),
            tools: BTreeMap::new(),
            model_configs: BTreeMap::new(),
            configs: BTreeMap::new(),
            graphs: BTreeMap::new(),
            flags: BTreeMap::new(),
            metrics: BTreeMap::new(),
            metric_groups: BTreeMap::new(),
            snippets: BTreeMap::new(),
        };
        let defaults = [
            json!({ "key": "production", "name": "Production", "color": "417505" }),
            json!({ "key": "test", "name": "Test", "color": "F5A623" }),
        ];
        let given = fields.list("environments")?;
        for environment in if given.is_empty() { &defaults } else { given } {
            project.create_environment(environment, &self.ids, now_ms)?;
        }
        let mut json = project.rest();
        put(
            &mut json,
            "environments",
            project
                .environments
                .values()
                .map(|environment| environment.rest(key))
                .collect::<Value>(),
        );
        self.projects.insert(key.to_owned(), project);
        Ok(json)
    }
}

impl Project {
    pub(super) fn environment(&self, key: &str) -> Result<&Environment, ApiError> {
        self.environments.get(key).ok_or_else(|| ApiError::not_found("environment", key))
    }

    pub(super) fn environment_mut(&mut self, key: &str) -> Result<&mut Environment, ApiError> {
        self.environments.get_mut(key).ok_or_else(|| ApiError::not_found("environment", key))
    }

    pub(super) fn config(&self, key: &str) -> Result<&Config, ApiError> {
        self.configs.get(key).ok_or_else(|| ApiError::not_found("AI config", key))
    }

    pub(super) fn create_environment(
        &mut self,
        body: &Value,
        ids: &Identifiers,
        now_ms: u64,
    ) -> Result<Value, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?;
        if self.environments.contains_key(key) {
            return Err(ApiError::exists("environment", key));
        }
        let path = format!("projects/{}/environments/{key}", self.key);
        let environment = Environment {
            key: key.to_owned(),
            name: fields.filled("name")?.to_owned(),
            color: fields.optional_text("color")?.unwrap_or("417505").to_owned(),
            tags: fields.texts("tags")?,
            client_id: ids.hex(&path, 24),
            sdk_key: format!("sdk-{}", ids.uuid(&format!("{path}/sdk"))),
            mobile_key: format!("mob-{}", ids.uuid(&format!("{path}/mobile"))),
            segments: BTreeMap::new(),
            experiments: BTreeMap::new(),
        };
        for config in self.configs.values_mut() {
            config.open(key, now_ms);
        }
        for graph in self.graphs.values_mut() {
            graph.open(key, now_ms);
        }
        for flag in self.flags.values_mut() {
            flag.open(key, now_ms);
        }
        let json = environment.rest(&self.key);
        self.environments.insert(key.to_owned(), environment);
        Ok(json)
    }

    /// Refuses a key that a flag, an AI config or an agent graph has: SDKs receive all three by key.
    pub(super) fn unused(&self, key: &str) -> Result<(), ApiError> {
        if self.configs.contains_key(key) {
            return Err(ApiError::exists("AI config", key));
        }
        if self.graphs.contains_key(key) {
            return Err(ApiError::exists("agent graph", key));
        }
        if self.flags.contains_key(key) {
            return Err(ApiError::exists("flag", key));
        }
        Ok(())
    }

    /// As the REST interface shows it, without environments.
    pub(super) fn rest(&self) -> Value {
        json!({
            "_id": self.id, "key": self.key, "name": self.name, "tags": self.tags, "includeInSnippetByDefault": false,
            "_links": { "self": { "href": format!("/api/v2/projects/{}", self.key), "type": "application/json" } },
        })
    }
}

impl Environment {
    /// As the REST interface shows it.
    pub(super) fn rest(&self, project: &str) -> Value {
        json!({
            "_id": self.client_id, "key": self.key, "name": self.name, "apiKey": self.sdk_key, "mobileKey": self.mobile_key,
            "color": self.color, "defaultTtl": 0, "secureMode": false, "defaultTrackEvents": false, "requireComments": false,
            "confirmChanges": false, "tags": self.tags, "critical": false,
            "_links": { "self": { "href": format!("/api/v2/projects/{project}/environments/{}", self.key), "type": "application/json" } },
        })
    }
}
