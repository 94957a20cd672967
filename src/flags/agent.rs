//! The value of an AI config's variation, as an AI SDK reads it.
//!
//! Guarantees: what the SDKs cannot do without is there, or the error says what is missing; where a
//! value has both forms of tools, the newer one (the root map) wins, as in the newest SDK.
//!
//! Does not know: how the value was chosen, or what a model makes of it.

use serde_json::{Map, Value};

/// What an agent is told to be.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentConfig {
    /// Key of the variation.
    pub variation: String,
    /// Version of the variation.
    pub version: u64,
    /// The provider, capitalized, such as `OpenAI`.
    pub provider: String,
    /// The provider's name of the model.
    pub model: String,
    /// The model's parameters, without the tools.
    pub parameters: Map<String, Value>,
    /// The application's parameters.
    pub custom: Map<String, Value>,
    /// What the agent is told.
    pub instructions: String,
    /// Its tools.
    pub tools: Vec<AgentTool>,
}

/// A tool of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentTool {
    /// The function's name.
    pub name: String,
    /// What it does, as the model reads it.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
}

/// Reads a variation's value; `None` when the config is disabled.
///
/// # Errors
/// Names the field without which an agent cannot run.
pub fn read(value: &Value) -> Result<Option<AgentConfig>, String> {
    let meta = &value["_ldMeta"];
    if meta["enabled"] != Value::Bool(true) {
        return Ok(None);
    }
    let text = |place: &str, value: &Value| {
        value.as_str().map(str::to_owned).ok_or_else(|| format!("`{place}` is missing"))
    };
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (model, provider) = (&value["model"], &value["provider"]);
    let mut parameters = object(&model["parameters"]);
    let listed = parameters.shift_remove("tools").unwrap_or_default();
    let keyed =
        value["tools"].as_object().into_iter().flatten().map(|(key, tool)| (key.as_str(), tool));
    let listed = listed.as_array().into_iter().flatten().map(|tool| ("", tool));
    let mut tools = Vec::new();
    for (key, tool) in
        if value["tools"].is_object() { keyed.collect::<Vec<_>>() } else { listed.collect() }
    {
        tools.push(AgentTool {
            name: tool["name"].as_str().unwrap_or(key).to_owned(),
            description: tool["description"].as_str().unwrap_or_default().to_owned(),
            parameters: tool["parameters"].clone(),
        });
    }
    if let Some(place) = tools.iter().position(|tool| tool.name.is_empty()) {
        return Err(format!("`model.parameters.tools[{place}].name` is missing"));
    }
    Ok(Some(AgentConfig {
        variation: text("_ldMeta.variationKey", &meta["variationKey"])?,
        version: meta["version"].as_u64().unwrap_or(1),
        provider: text("provider.name", &provider["name"])?,
        model: text("model.name", &model["name"])?,
        parameters,
        custom: object(&model["custom"]),
        instructions: value["instructions"].as_str().unwrap_or_default().to_owned(),
        tools,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_agent_is_what_its_variation_says() {
        // The shape of a value from a real project, with tools in the model's parameters.
        let value = json!({
            "_ldMeta": { "enabled": true, "variationKey": "other-paid", "version": 2, "mode": "agent" },
            "model": { "name": "gpt-4o", "custom": { "max_tool_calls": 20 }, "parameters": { "temperature": 0.2, "tools": [
                { "name": "search_v1", "type": "function", "description": "finds", "parameters": { "type": "object" } }] } },
            "provider": { "name": "OpenAI" }, "instructions": "You are …",
        });
        let agent = read(&value).unwrap().unwrap();
        assert_eq!(
            (agent.variation.as_str(), agent.version, agent.model.as_str()),
            ("other-paid", 2, "gpt-4o")
        );
        assert_eq!(
            (agent.parameters.len(), agent.custom["max_tool_calls"].as_u64()),
            (1, Some(20))
        );
        assert_eq!(
            agent.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(),
            ["search_v1"]
        );

        let mut newer = value.clone();
        newer["tools"] = json!({ "search_v2": { "description": "finds more", "type": "function", "parameters": {} } });
        assert_eq!(read(&newer).unwrap().unwrap().tools[0].name, "search_v2");

        assert_eq!(read(&json!({ "_ldMeta": { "enabled": false } })), Ok(None));
        let mut nameless = value;
        nameless["provider"] = Value::Null;
        assert_eq!(read(&nameless), Err("`provider.name` is missing".to_owned()));
    }
}
