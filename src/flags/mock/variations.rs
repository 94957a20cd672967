//! Variations of AI configs: what an agent is, version by version.
//!
//! Guarantees: a change makes a new version and keeps the old ones; what an SDK receives is the
//! latest.
//!
//! Does not know: who gets which variation.

use serde_json::{Map, Value, json};

use super::account::Project;
use super::body::Fields;
use super::ids::IdGenerator;
use crate::flags::api::ApiError;
use crate::flags::members::put;

/// A variation. Its id here and its id among the flag's variations differ, as in LaunchDarkly.
#[derive(Clone, Debug)]
pub struct MockVariation {
    pub id: String,
    pub flag_id: String,
    pub key: String,
    pub latest: Content,
    earlier: Vec<Content>,
}

/// One version of a variation.
#[derive(Clone, Debug, Default)]
pub struct Content {
    version: u64,
    pub name: String,
    description: String,
    comment: String,
    instructions: Option<String>,
    messages: Vec<Value>,
    model_config: Option<String>,
    model_name: String,
    parameters: Map<String, Value>,
    custom: Map<String, Value>,
    /// Keys and versions.
    pub tools: Vec<(String, u64)>,
    judges: Option<Value>,
    archived: bool,
    created_ms: u64,
}

impl Content {
    /// Key of its model config.
    pub fn model_config(&self) -> Option<&str> {
        self.model_config.as_deref()
    }
}

impl MockVariation {
    /// Creates a variation.
    pub fn create(
        project: &Project,
        mode: &str,
        body: &Value,
        mint: &mut IdGenerator<'_>,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?.to_owned();
        fields.filled("name")?;
        let latest = Content::default().changed(project, mode, fields, now_ms)?;
        Ok(Self { id: mint.id(), flag_id: mint.id(), key, latest, earlier: Vec::new() })
    }

    /// Adds a version with the given fields changed.
    pub fn patch(
        &mut self,
        project: &Project,
        mode: &str,
        body: &Value,
        now_ms: u64,
    ) -> Result<(), ApiError> {
        let changed = self.latest.changed(project, mode, Fields::of(body)?, now_ms)?;
        self.earlier.push(std::mem::replace(&mut self.latest, changed));
        Ok(())
    }

    /// The latest version as the REST interface shows it.
    pub fn rest(&self, parent: &str) -> Value {
        self.shown(&self.latest, parent)
    }

    /// All versions, the latest first.
    pub fn rest_versions(&self, parent: &str) -> Vec<Value> {
        std::iter::once(&self.latest)
            .chain(self.earlier.iter().rev())
            .map(|content| self.shown(content, parent))
            .collect()
    }

    fn shown(&self, content: &Content, parent: &str) -> Value {
        let tools: Vec<Value> = content
            .tools
            .iter()
            .map(|(key, version)| json!({ "key": key, "version": version }))
            .collect();
        let mut json = json!({
            "_id": self.id, "key": self.key, "name": content.name, "description": content.description, "comment": content.comment,
            "createdAt": content.created_ms, "version": content.version, "tools": tools,
            "model": { "modelName": content.model_name, "parameters": content.parameters, "custom": content.custom },
            "state": if content.archived { "archived" } else { "published" }, "color": "", "judgingConfigKeys": [],
            "_publishedAt": content.created_ms,
            "_links": { "parent": { "href": parent, "type": "application/json" } },
        });
        if let Some(key) = &content.model_config {
            put(&mut json, "modelConfigKey", key.as_str());
        }
        content.put_prompt(&mut json);
        json
    }

    /// Whether this is its key or its id.
    pub fn is(&self, name: &str) -> bool {
        self.key == name || self.id == name
    }

    /// The value that an SDK receives.
    pub fn sdk(&self, project: &Project, mode: &str) -> Value {
        let content = &self.latest;
        let mut value = json!({ "_ldMeta": { "enabled": true, "variationKey": self.key, "version": content.version, "mode": mode } });
        let model = content.model_config.as_deref().and_then(|key| project.model(key));
        let (provider, name, mut parameters, mut custom) = match &model {
            Some(model) => {
                let (provider, name, parameters, custom) = model.parts();
                (provider, name, parameters.clone(), custom.clone())
            }
            None => ("", content.model_name.as_str(), Map::new(), Map::new()),
        };
        parameters.extend(content.parameters.clone());
        custom.extend(content.custom.clone());
        let tools: Vec<_> = content
            .tools
            .iter()
            .filter_map(|(key, version)| Some((key, project.tools.get(key)?.version(*version)?)))
            .collect();
        if !tools.is_empty() {
            let listed = tools
                .iter()
                .map(|(key, tool)| json!({ "name": key, "type": "function", "description": tool.description, "parameters": tool.schema }));
            parameters.insert("tools".to_owned(), listed.collect());
            let by_key = tools.iter().map(|(key, tool)| {
                let json = json!({ "name": key, "type": "function", "description": tool.description, "parameters": tool.schema,
                    "customParameters": tool.custom });
                ((*key).clone(), json)
            });
            put(&mut value, "tools", by_key.collect::<Map<String, Value>>());
        }
        // A model without a name is what the SDKs cannot read, so it is left out.
        if !name.is_empty() {
            put(
                &mut value,
                "model",
                json!({ "name": name, "parameters": parameters, "custom": custom }),
            );
        }
        if !provider.is_empty() {
            put(&mut value, "provider", json!({ "name": provider }));
        }
        content.put_prompt(&mut value);
        // SDKs read the key of a judge under another name than the REST interface writes it.
        let judges = value
            .get_mut("judgeConfiguration")
            .and_then(|own| own.get_mut("judges"))
            .and_then(Value::as_array_mut);
        for judge in judges.into_iter().flatten().filter_map(Value::as_object_mut) {
            if let Some(key) = judge.remove("judgeConfigKey") {
                judge.insert("key".to_owned(), key);
            }
        }
        value
    }
}

impl Content {
    /// Adds what it tells a model, and who judges that.
    fn put_prompt(&self, json: &mut Value) {
        match &self.instructions {
            Some(instructions) => put(json, "instructions", instructions.as_str()),
            None => put(json, "messages", self.messages.clone()),
        }
        if let Some(judges) = &self.judges {
            put(json, "judgeConfiguration", judges.clone());
        }
    }

    /// The next version. Absent fields stay as they are.
    fn changed(
        &self,
        project: &Project,
        mode: &str,
        fields: Fields<'_>,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let mut next = Self { version: self.version + 1, created_ms: now_ms, ..self.clone() };
        for (name, field) in [
            ("name", &mut next.name),
            ("description", &mut next.description),
            ("comment", &mut next.comment),
        ] {
            if let Some(text) = fields.optional_text(name)? {
                text.clone_into(field);
            }
        }
        if let Some(instructions) = fields.optional_text("instructions")? {
            next.instructions = Some(instructions.to_owned());
        }
        if fields.get("messages").is_some() {
            next.messages = fields.list("messages")?.to_vec();
        }
        if mode == "agent" {
            if !next.messages.is_empty() {
                return Err(ApiError::invalid(
                    "a config in agent mode takes `instructions`, not `messages`",
                ));
            }
            next.instructions.get_or_insert_default();
        }
        if let Some(key) = fields.optional_text("modelConfigKey")? {
            let model = project
                .model(key)
                .ok_or_else(|| ApiError::invalid(format!("there is no model config `{key}`")))?;
            next.model_name = model.parts().1.to_owned();
            next.model_config = Some(key.to_owned());
        }
        if let Some(model) = fields.get("model") {
            let model = Fields::of(model)?;
            if let Some(name) = model.optional_text("modelName")?.filter(|name| !name.is_empty()) {
                next.model_name = name.to_owned();
            }
            next.parameters = model.object("parameters")?;
            next.custom = model.object("custom")?;
        }
        if fields.get("tools").is_some() || fields.get("toolKeys").is_some() {
            next.tools = tools(project, fields)?;
        }
        if let Some(judges) = fields.get("judgeConfiguration") {
            next.judges = Some(judges.clone());
        }
        if let Some(state) = fields.optional_text("state")? {
            next.archived = state == "archived";
        }
        Ok(next)
    }
}

fn tools(project: &Project, fields: Fields<'_>) -> Result<Vec<(String, u64)>, ApiError> {
    let tool = |key: &str| {
        project.tools.get(key).ok_or_else(|| ApiError::invalid(format!("there is no tool `{key}`")))
    };
    let mut tools = Vec::new();
    for attached in fields.list("tools")? {
        let attached = Fields::of(attached)?;
        let key = attached.text("key")?;
        let version = match attached.integer("version")? {
            Some(version) => u64::try_from(version).unwrap_or(0),
            None => tool(key)?.latest(),
        };
        if tool(key)?.version(version).is_none() {
            return Err(ApiError::invalid(format!("tool `{key}` has no version {version}")));
        }
        tools.push((key.to_owned(), version));
    }
    for key in fields.texts("toolKeys")? {
        let version = tool(&key)?.latest();
        if !tools.iter().any(|(attached, _)| *attached == key) {
            tools.push((key, version));
        }
    }
    Ok(tools)
}
