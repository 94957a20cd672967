//! AI configs: a flag whose variations are agents, with an automatic variation `disabled` at
//! index 0.
//!
//! Guarantees: every change that an SDK can see raises the version of the flag in each environment
//! that it touches.
//!
//! Does not know: rules and rollouts (`targeting` does), or what a variation holds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::account::Project;
use super::body::Fields;
use super::ids::{IdGenerator, Identifiers};
use super::targeting::{Targeting, Variants};
use super::variations::MockVariation;
use crate::flags::api::ApiError;
use crate::flags::members::put;

/// An AI config.
#[derive(Clone, Debug)]
pub struct Config {
    pub path: String,
    pub key: String,
    pub name: String,
    description: String,
    pub mode: String,
    pub tags: Vec<String>,
    evaluation_metric: Option<String>,
    inverted: bool,
    pub created_ms: u64,
    updated_ms: u64,
    pub version: u64,
    pub salt: String,
    pub disabled_id: String,
    pub variations: Vec<MockVariation>,
    /// By environment.
    pub targeting: BTreeMap<String, Targeting>,
    pub minted: u64,
}

impl Config {
    /// Creates a config; in each environment it serves `disabled` until told otherwise.
    pub fn create(
        project: &Project,
        project_key: &str,
        body: &Value,
        ids: &Identifiers,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?;
        let mode = fields.optional_text("mode")?.unwrap_or("completion");
        if !["agent", "completion", "judge"].contains(&mode) {
            return Err(ApiError::invalid(format!(
                "`{mode}` is not a mode: agent, completion or judge"
            )));
        }
        let path = format!("projects/{project_key}/ai-configs/{key}");
        let mut config = Self {
            key: key.to_owned(),
            name: fields.filled("name")?.to_owned(),
            description: fields.optional_text("description")?.unwrap_or_default().to_owned(),
            mode: mode.to_owned(),
            tags: fields.texts("tags")?,
            evaluation_metric: fields.optional_text("evaluationMetricKey")?.map(str::to_owned),
            inverted: fields.flag("isInverted", false)?,
            created_ms: now_ms,
            updated_ms: now_ms,
            version: 1,
            salt: ids.hex(&path, 32),
            disabled_id: ids.uuid(&format!("{path}/disabled")),
            variations: Vec::new(),
            targeting: BTreeMap::new(),
            minted: 0,
            path,
        };
        for environment in project.environments.keys() {
            config.open(environment, now_ms);
        }
        if let Some(variation) = fields.get("defaultVariation") {
            config.add_variation(project, variation, ids, now_ms)?;
        }
        Ok(config)
    }

    /// Starts targeting in an environment.
    pub fn open(&mut self, environment: &str, now_ms: u64) {
        self.targeting.insert(environment.to_owned(), Targeting::new(now_ms));
    }

    /// Changes the given fields.
    pub fn patch(&mut self, body: &Value, now_ms: u64) -> Result<(), ApiError> {
        let fields = Fields::of(body)?;
        if fields.get("name").is_some() {
            self.name = fields.filled("name")?.to_owned();
        }
        if let Some(description) = fields.optional_text("description")? {
            self.description = description.to_owned();
        }
        if fields.get("tags").is_some() {
            self.tags = fields.texts("tags")?;
        }
        if let Some(key) = fields.optional_text("evaluationMetricKey")? {
            self.evaluation_metric = Some(key.to_owned());
        }
        self.inverted = fields.flag("isInverted", self.inverted)?;
        self.changed(now_ms);
        Ok(())
    }

    /// Adds a variation and returns its REST form.
    pub fn add_variation(
        &mut self,
        project: &Project,
        body: &Value,
        ids: &Identifiers,
        now_ms: u64,
    ) -> Result<Value, ApiError> {
        let key = Fields::of(body)?.key()?;
        if key == "disabled" || self.variations.iter().any(|variation| variation.key == key) {
            return Err(ApiError::exists("variation", key));
        }
        let mut mint = IdGenerator::new(ids, &self.path, &mut self.minted);
        let variation = MockVariation::create(project, &self.mode, body, &mut mint, now_ms)?;
        let json = variation.rest(&self.href());
        self.variations.push(variation);
        self.changed(now_ms);
        Ok(json)
    }

    /// Changes the variation with this key or id, and returns its REST form.
    pub fn patch_variation(
        &mut self,
        project: &Project,
        name: &str,
        body: &Value,
        now_ms: u64,
    ) -> Result<Value, ApiError> {
        let href = self.href();
        let own = self
            .variations
            .iter_mut()
            .find(|own| own.is(name))
            .ok_or_else(|| ApiError::not_found("variation", name))?;
        own.patch(project, &self.mode, body, now_ms)?;
        let json = own.rest(&href);
        self.changed(now_ms);
        Ok(json)
    }

    /// Removes the variation with this key or id, unless something serves it.
    pub fn remove_variation(&mut self, name: &str, now_ms: u64) -> Result<(), ApiError> {
        let position = self.position(name)?;
        if self.targeting.values().any(|targeting| targeting.uses(position + 1)) {
            return Err(ApiError::conflict(format!("variation `{name}` is in use")));
        }
        self.variations.remove(position);
        for targeting in self.targeting.values_mut() {
            targeting.close_gap(position + 1);
        }
        self.changed(now_ms);
        Ok(())
    }

    /// The variation with this key or id.
    pub fn variation(&self, name: &str) -> Result<&MockVariation, ApiError> {
        self.variations
            .iter()
            .find(|own| own.is(name))
            .ok_or_else(|| ApiError::not_found("variation", name))
    }

    fn position(&self, name: &str) -> Result<usize, ApiError> {
        self.variations
            .iter()
            .position(|own| own.is(name))
            .ok_or_else(|| ApiError::not_found("variation", name))
    }

    /// The index among the flag's variations that this flag variation id names.
    pub fn index_of(&self, flag_id: &str) -> Result<usize, ApiError> {
        if flag_id == self.disabled_id {
            return Ok(0);
        }
        let found = self.variations.iter().position(|variation| variation.flag_id == flag_id);
        found
            .map(|index| index + 1)
            .ok_or_else(|| ApiError::invalid(format!("there is no variation with id `{flag_id}`")))
    }

    /// What targeting has to know of it.
    pub fn variants(&self) -> Variants<'_> {
        let own = self.variations.iter().map(|variation| variation.flag_id.as_str());
        Variants {
            path: &self.path,
            ids: std::iter::once(self.disabled_id.as_str()).chain(own).collect(),
        }
    }

    /// The flag variation id at this index.
    pub fn flag_id(&self, index: usize) -> &str {
        let own = index.checked_sub(1).and_then(|index| self.variations.get(index));
        own.map_or(&self.disabled_id, |variation| &variation.flag_id)
    }

    /// Notes a change that SDKs see in every environment.
    pub fn changed(&mut self, now_ms: u64) {
        self.version += 1;
        self.updated_ms = now_ms;
        for targeting in self.targeting.values_mut() {
            targeting.changed(now_ms);
        }
    }

    /// The address of this config.
    pub fn href(&self) -> String {
        format!("/api/v2/{}", self.path)
    }

    /// As the REST interface shows it.
    pub fn rest(&self) -> Value {
        let href = self.href();
        let variations: Vec<Value> =
            self.variations.iter().map(|variation| variation.rest(&href)).collect();
        let mut json = json!({
            "key": self.key, "name": self.name, "description": self.description, "mode": self.mode, "tags": self.tags,
            "version": self.version, "createdAt": self.created_ms, "updatedAt": self.updated_ms, "variations": variations,
            "isInverted": self.inverted, "dependencies": [],
            "_links": {
                "self": { "href": href, "type": "application/json" },
                "parent": { "href": href.rsplit_once('/').map_or("", |(parent, _)| parent), "type": "application/json" },
            },
        });
        if let Some(key) = &self.evaluation_metric {
            put(&mut json, "evaluationMetricKey", key.as_str());
        }
        json
    }

    /// The metric that a config in judge mode scores, and whether a low score is good.
    pub fn evaluation(&self) -> Option<(&str, bool)> {
        self.evaluation_metric.as_deref().map(|key| (key, self.inverted))
    }
}
