//! Prompt snippets: texts that the prompts of several AI configs share.
//!
//! Source: `/api/v2/projects/{project}/ai-configs/prompt-snippets` of LaunchDarkly's REST interface.
//!
//! Does not know: what a prompt makes of a snippet.

use serde_json::{Value, json};

use super::body::Fields;
use crate::flags::api::ApiError;

/// A snippet.
#[derive(Clone, Debug)]
pub struct PromptSnippet {
    /// Its key.
    pub key: String,
    name: String,
    description: String,
    text: String,
    tags: Vec<String>,
    version: u64,
    created_ms: u64,
    changed_ms: u64,
}

impl PromptSnippet {
    /// Creates a snippet.
    pub fn create(fields: Fields<'_>, now_ms: u64) -> Result<Self, ApiError> {
        Ok(Self {
            key: fields.key()?.to_owned(),
            name: fields.filled("name")?.to_owned(),
            description: fields.optional_text("description")?.unwrap_or_default().to_owned(),
            text: fields.filled("text")?.to_owned(),
            tags: fields.texts("tags")?,
            version: 1,
            created_ms: now_ms,
            changed_ms: now_ms,
        })
    }

    /// The snippet with these fields changed.
    pub fn changed(&self, fields: Fields<'_>, now_ms: u64) -> Result<Self, ApiError> {
        let mut snippet = self.clone();
        if fields.get("name").is_some() {
            fields.filled("name")?.clone_into(&mut snippet.name);
        }
        if let Some(description) = fields.optional_text("description")? {
            description.clone_into(&mut snippet.description);
        }
        if fields.get("text").is_some() {
            fields.filled("text")?.clone_into(&mut snippet.text);
        }
        if fields.get("tags").is_some() {
            snippet.tags = fields.texts("tags")?;
        }
        snippet.version += 1;
        snippet.changed_ms = now_ms;
        Ok(snippet)
    }

    /// As the REST interface shows it.
    pub fn rest(&self, project: &str) -> Value {
        let parent = format!("/api/v2/projects/{project}/ai-configs/prompt-snippets");
        json!({
            "key": self.key, "name": self.name, "description": self.description, "text": self.text, "tags": self.tags,
            "version": self.version, "createdAt": self.created_ms, "updatedAt": self.changed_ms,
            "_links": {
                "self": { "href": format!("{parent}/{}", self.key), "type": "application/json" },
                "parent": { "href": parent, "type": "application/json" },
            },
        })
    }
}
