//! The JSON schema of a scenario file, read off the types that it is read into, with the defaults
//! of the code that resolves it.
//!
//! Guarantees: every field that can be written is in it, and no other; a default in it is the one
//! that holds.
//!
//! Does not know: how the reference is laid out; `reference` does. Where RON and JSON differ: a
//! block stands in parentheses, `Name(field: value)` is `{"Name": {"field": value}}`, and a tuple
//! is an array.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::catalog;
use super::injected::faults_from_json;
use super::source::WrittenScenario;
use crate::llm::profile::ModelProfile;
use crate::llm::setup::{ToolKind, ToolSpec};

/// A field's block, its name, and its value.
pub type DefaultValue = (&'static str, &'static str, Value);

/// The JSON schema (draft 2020-12) of a scenario file.
#[must_use]
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<WrittenScenario>()
        .to_value();
    plain(&mut schema);
    for (block, field, value) in defaults() {
        if let Some(property) = schema
            .pointer_mut(&format!("/$defs/{block}/properties/{field}"))
            .and_then(Value::as_object_mut)
        {
            property.insert("default".to_owned(), value);
        }
    }
    schema
}

/// Takes out what a file does not have: `null` for what is left out, Rust's sizes of numbers, the
/// line breaks of comments.
fn plain(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(plain),
        Value::Object(object) => {
            if object.get("format").is_some_and(Value::is_string) {
                object.shift_remove("format");
            }
            object.retain(|key, value| key != "default" || !is_empty(value));
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text
                    .split("\n\n")
                    .map(|part| part.replace('\n', " "))
                    .collect::<Vec<_>>()
                    .join("\n\n");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.shift_remove("anyOf");
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            object.values_mut().for_each(plain);
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// The defaults that the code has: by block and field.
fn defaults() -> Vec<DefaultValue> {
    let causes = catalog::CAUSES;
    let [name, email, phone, address, company, title] = causes.context_of_item;
    let judge = catalog::judge_traits();
    let mut defaults = vec![
        ("Traffic", "queries", json!(catalog::QUERIES)),
        ("Traffic", "mode", json!({ "Concurrent": { "workers": catalog::WORKERS } })),
        ("Traffic", "timeout", json!(catalog::TIMEOUT)),
        ("Traffic", "pii_percentage", json!(catalog::PII_PERCENTAGE)),
        ("Traffic", "harmful_percentage", json!(0)),
        ("Traffic", "topics", json!(catalog::TOPICS)),
        ("Traffic", "writer", json!(catalog::WRITER)),
        ("Traffic", "instructions", json!(catalog::WRITER_INSTRUCTIONS)),
        ("Causes", "loss_to_tools", json!(causes.loss_to_tools)),
        ("Causes", "loss_to_loops", json!(causes.loss_to_loops)),
        ("Causes", "loss_to_words", json!(causes.loss_to_words)),
        ("Causes", "loss_to_quality", json!(causes.loss_to_quality)),
        ("Causes", "difficulty_sigma", json!(causes.difficulty_sigma)),
        ("Causes", "cites_to_weakness", json!(causes.cites_to_weakness)),
        ("Causes", "concise_to_words", json!(causes.concise_to_words)),
        ("Causes", "stepwise_to_weakness", json!(causes.stepwise_to_weakness)),
        ("Causes", "temperature_to_spread", json!(causes.temperature_to_spread)),
        ("Causes", "grounding_to_quality", json!(causes.grounding_to_quality)),
        ("Causes", "wrong_route_to_quality", json!(causes.wrong_route_to_quality)),
        ("Causes", "missing_to_quality", json!(causes.missing_to_quality)),
        ("Causes", "memory_to_quality", json!(causes.memory_to_quality)),
        ("ContextOf", "name", json!(name)),
        ("ContextOf", "email", json!(email)),
        ("ContextOf", "phone", json!(phone)),
        ("ContextOf", "address", json!(address)),
        ("ContextOf", "company", json!(company)),
        ("ContextOf", "title", json!(title)),
        ("Judge", "model", json!(catalog::JUDGE)),
        ("Judge", "instructions", json!(catalog::JUDGE_INSTRUCTIONS)),
        ("Judge", "sees", json!(format!("{:?}", crate::judge::Sees::default()))),
        ("Judge", "question_characters", json!(catalog::QUESTION_CHARACTERS)),
        ("Judge", "answer_characters", json!(catalog::ANSWER_CHARACTERS)),
        ("Judge", "rates_personal", json!(judge.rates_personal)),
        ("Judge", "rates_impersonal", json!(judge.rates_impersonal)),
        ("Judge", "sensitivity", json!(judge.sensitivity)),
        ("Judge", "specificity", json!(judge.specificity)),
        ("Judge", "leniency", json!(judge.leniency)),
        ("Judge", "length_bias", json!(judge.length_bias)),
        ("Judge", "position_bias", json!(judge.position_bias)),
        ("Judge", "positive_on_tool_output", json!(judge.positive_on_tool_output)),
        ("Experiment", "threshold", json!(crate::experiment::THRESHOLD)),
        ("Experiment", "sample", json!(crate::quantity::Share::WHOLE)),
    ];
    defaults.extend(faults());
    let models: Vec<Vec<DefaultValue>> = catalog::models().iter().map(model).collect();
    let tools: Vec<Vec<DefaultValue>> = catalog::tools().iter().map(tool).collect();
    defaults.extend(shared(&models).into_iter().chain(shared(&tools)));
    defaults
}

/// What a fault has that says nothing else.
fn faults() -> Vec<DefaultValue> {
    let of = |kind: &str, fields: &[&'static str]| {
        let rules = faults_from_json(json!([{ "fault": kind, "next": 1 }]).to_string().as_bytes())
            .unwrap_or_default();
        let rule = rules.first().map(|rule| json!(rule)).unwrap_or_default();
        fields
            .iter()
            .map(|&field| ("Fault", field, rule.get(field).cloned().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    let mut all = of("server_error", &["rate", "burst", "status"]);
    all.extend(of("cut", &["after_events"]));
    all
}

/// What all entries of the catalog have alike.
fn shared(entries: &[Vec<DefaultValue>]) -> Vec<DefaultValue> {
    let first = entries.first().map_or(&[][..], Vec::as_slice);
    first
        .iter()
        .filter(|figure| entries.iter().all(|entry| entry.contains(figure)))
        .cloned()
        .collect()
}

/// What a model of the catalog has, by block and field.
pub fn model(model: &ModelProfile) -> Vec<DefaultValue> {
    let (latency, failures) = (&model.latency, &model.failures);
    vec![
        ("Model", "provider", json!(model.provider.variant)),
        ("Model", "input_price", json!(model.input_price)),
        ("Model", "output_price", json!(model.output_price)),
        ("Model", "cache_read_price", json!(model.cache.map(|cache| cache.read))),
        ("Model", "cache_write_price", json!(model.cache.map(|cache| cache.write))),
        ("Model", "min_cached_tokens", json!(model.cache.map(|cache| cache.least))),
        ("Model", "batch", json!(model.batch_percent.map(|percent| f64::from(percent) / 100.0))),
        ("Model", "reasoning_tokens", json!(model.reasoning_tokens)),
        ("Model", "reasoning_sigma", json!(model.reasoning_sigma)),
        ("Latency", "base", json!(latency.base)),
        ("Latency", "per_token", json!(latency.per_token)),
        ("Latency", "sigma", json!(latency.sigma)),
        ("Latency", "stall_chance", json!(latency.stall_chance)),
        ("Latency", "stall", json!(latency.stall)),
        ("Latency", "stall_sigma", json!(latency.stall_sigma)),
        ("Failures", "error", json!(failures.error)),
        ("Failures", "rate_limit", json!(failures.rate_limit)),
        ("Failures", "refusal", json!(failures.refusal)),
        ("Failures", "malformed", json!(failures.malformed)),
        ("Model", "answer_tokens", json!(model.answer_tokens)),
        ("Model", "answer_sigma", json!(model.answer_sigma)),
        ("Model", "tool_appetite", json!(model.tool_appetite)),
        ("Model", "quality", json!(model.quality)),
        ("Model", "weakness", json!(model.weakness)),
        ("Model", "personal_data_recall", json!(model.personal_data_recall)),
        ("Model", "false_alarm", json!(model.false_alarm)),
        ("Model", "routing_accuracy", json!(model.routing_accuracy)),
        ("Model", "max_output_tokens", json!(model.max_output_tokens)),
        ("Model", "takes_temperature", json!(model.takes_temperature)),
    ]
}

/// What a tool of the catalog has, by field; what it does not know is null.
pub fn tool(tool: &ToolSpec) -> Vec<DefaultValue> {
    let remote = if let ToolKind::Remote(remote) = &tool.kind { Some(remote) } else { None };
    let threshold =
        if let ToolKind::SemanticSearch { threshold } = tool.kind { Some(threshold) } else { None };
    vec![
        ("Tool", "description", json!(tool.description)),
        ("Tool", "top_k", json!(tool.top_k)),
        ("Tool", "threshold", json!(threshold)),
        ("Tool", "latency", json!(remote.map_or(tool.latency, |remote| remote.latency))),
        ("Tool", "appeal", json!(tool.appeal)),
        ("Tool", "tokens", json!(remote.map(|remote| remote.tokens))),
        ("Tool", "one_request_per", json!(remote.and_then(|remote| remote.one_request_per))),
        ("Tool", "retry_after", json!(remote.map(|remote| remote.retry_after))),
        ("Tool", "attempts", json!(remote.map(|remote| remote.attempts))),
    ]
}

/// The properties of a block, and which of them have to be there.
pub fn properties(block: &Value) -> (Map<String, Value>, Vec<&str>) {
    let properties =
        block.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let required = block.get("required").and_then(Value::as_array);
    (properties, required.into_iter().flatten().filter_map(Value::as_str).collect())
}

#[cfg(test)]
mod tests;
