//! Agent graphs: which AI config hands over to which, and the flag that SDKs receive of it.
//!
//! Guarantees: a graph that has a root is served in every environment, because the REST interface
//! of the real service cannot switch it on. Instructions about targeting are taken, too: an
//! extension, like the two variations `disabled` and `default` of its flag.
//!
//! Does not know: who walks it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::body::{self, Fields};
use super::ids::Identifiers;
use super::targeting::{Serve, Targeting, Variants};
use crate::flags::api::ApiError;
use crate::flags::members::put;

/// The variation that SDKs receive of a graph with a root.
pub const VARIATION: &str = "default";

/// A graph.
#[derive(Clone, Debug)]
pub struct AgentGraph {
    path: String,
    pub key: String,
    name: String,
    description: String,
    root: Option<String>,
    edges: Vec<Edge>,
    created_ms: u64,
    updated_ms: u64,
    version: u64,
    pub salt: String,
    ids: [String; 2],
    /// By environment.
    pub targeting: BTreeMap<String, Targeting>,
    minted: u64,
}

/// A way from one AI config to another.
#[derive(Clone, Debug)]
struct Edge {
    key: String,
    source: String,
    target: String,
    /// Free: SDKs hand it on as it is.
    handoff: Option<Map<String, Value>>,
}

impl Edge {
    fn read(value: &Value, agents: Agents<'_>) -> Result<Self, ApiError> {
        let fields = Fields::of(value)?;
        let (source, target) = (fields.filled("sourceConfig")?, fields.filled("targetConfig")?);
        for config in [source, target] {
            agents(config)?;
        }
        let handoff = fields.get("handoff").map(|_| fields.object("handoff")).transpose()?;
        Ok(Self {
            key: fields.filled("key")?.to_owned(),
            source: source.to_owned(),
            target: target.to_owned(),
            handoff,
        })
    }

    fn rest(&self) -> Value {
        let mut json =
            json!({ "key": self.key, "sourceConfig": self.source, "targetConfig": self.target });
        if let Some(handoff) = &self.handoff {
            put(&mut json, "handoff", handoff.clone());
        }
        json
    }
}

/// Refuses what cannot be a node: anything but an AI config in agent mode.
pub type Agents<'a> = &'a dyn Fn(&str) -> Result<(), ApiError>;

impl AgentGraph {
    /// Creates a graph; it is served in each environment as soon as it has a root.
    pub fn create<'e>(
        (agents, environments): (Agents<'_>, impl Iterator<Item = &'e String>),
        project_key: &str,
        body: &Value,
        ids: &Identifiers,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?;
        let path = format!("projects/{project_key}/agent-graphs/{key}");
        let mut graph = Self {
            key: key.to_owned(),
            name: fields.filled("name")?.to_owned(),
            description: String::new(),
            root: None,
            edges: Vec::new(),
            created_ms: now_ms,
            updated_ms: now_ms,
            version: 0,
            salt: ids.hex(&path, 32),
            ids: ["disabled", VARIATION].map(|own| ids.uuid(&format!("{path}/{own}"))),
            targeting: BTreeMap::new(),
            minted: 0,
            path,
        };
        graph.change(agents, fields, now_ms)?;
        for environment in environments {
            graph.open(environment, now_ms);
        }
        Ok(graph)
    }

    /// Starts serving it in an environment.
    pub fn open(&mut self, environment: &str, now_ms: u64) {
        let mut targeting = Targeting::new(now_ms);
        targeting.fallthrough = Serve::Variation(1);
        self.targeting.insert(environment.to_owned(), targeting);
    }

    /// Changes the given fields.
    pub fn change(
        &mut self,
        agents: Agents<'_>,
        fields: Fields<'_>,
        now_ms: u64,
    ) -> Result<(), ApiError> {
        if fields.get("name").is_some() {
            self.name = fields.filled("name")?.to_owned();
        }
        if let Some(description) = fields.optional_text("description")? {
            self.description = description.to_owned();
        }
        let root = fields.optional_text("rootConfigKey")?;
        if let Some(root) = root {
            agents(root)?;
            self.root = Some(root.to_owned());
        }
        if fields.get("edges").is_some() {
            if root.is_none() {
                return Err(ApiError::invalid("`edges` need `rootConfigKey` beside them"));
            }
            let edges = fields.list("edges")?.iter().map(|edge| Edge::read(edge, agents));
            self.edges = edges.collect::<Result<_, _>>()?;
            let mut seen = BTreeSet::new();
            if let Some(twice) = self.edges.iter().find(|edge| !seen.insert(edge.key.as_str())) {
                return Err(ApiError::invalid(format!("two edges have the key `{}`", twice.key)));
            }
        }
        self.changed(now_ms);
        Ok(())
    }

    fn changed(&mut self, now_ms: u64) {
        self.version += 1;
        self.updated_ms = now_ms;
        for targeting in self.targeting.values_mut() {
            targeting.changed(now_ms);
        }
    }

    /// Changes who gets it: in the environment that the instructions name, else in all.
    pub fn instruct(
        &mut self,
        body: &Value,
        ids: &Identifiers,
        now_ms: u64,
    ) -> Result<(), ApiError> {
        let named = Fields::of(body)?.optional_text("environmentKey")?;
        if let Some(key) = named.filter(|key| !self.targeting.contains_key(*key)) {
            return Err(ApiError::not_found("environment", key));
        }
        let variants =
            Variants { path: &self.path, ids: self.ids.iter().map(String::as_str).collect() };
        let chosen = self
            .targeting
            .iter_mut()
            .filter(|(environment, _)| named.is_none_or(|named| named == environment.as_str()));
        for (_, targeting) in chosen {
            for (kind, fields) in body::instructions(body)? {
                targeting.apply(kind, fields, &variants, ids, &mut self.minted)?;
            }
            targeting.changed(now_ms);
        }
        Ok(())
    }

    /// As the REST interface shows it.
    pub fn rest(&self) -> Value {
        let mut json = json!({
            "key": self.key, "name": self.name, "description": self.description,
            "edges": self.edges.iter().map(Edge::rest).collect::<Vec<_>>(),
            "createdAt": self.created_ms, "updatedAt": self.updated_ms,
            "_links": { "self": { "href": format!("/api/v2/{}", self.path), "type": "application/json" } },
        });
        if let Some(root) = &self.root {
            put(&mut json, "rootConfigKey", root.as_str());
        }
        json
    }

    /// The values of its flag's variations. Without a root it is disabled in both.
    pub fn values(&self) -> Vec<Value> {
        let Some(root) = &self.root else {
            return vec![json!({ "_ldMeta": { "enabled": false } }); 2];
        };
        let mut edges: Map<String, Value> = Map::new();
        for edge in &self.edges {
            let mut json = json!({ "key": edge.target });
            if let Some(handoff) = &edge.handoff {
                put(&mut json, "handoff", handoff.clone());
            }
            if let Some(list) =
                edges.entry(&edge.source).or_insert_with(|| json!([])).as_array_mut()
            {
                list.push(json);
            }
        }
        let meta = json!({ "enabled": true, "variationKey": VARIATION, "version": self.version });
        vec![
            json!({ "_ldMeta": { "enabled": false } }),
            json!({ "_ldMeta": meta, "root": root, "edges": edges }),
        ]
    }

    /// Whether this AI config is one of its nodes.
    pub fn uses(&self, config: &str) -> bool {
        self.root.as_deref() == Some(config)
            || self.edges.iter().any(|edge| edge.source == config || edge.target == config)
    }
}

#[cfg(test)]
mod tests;
