//! JSON of a given schema, for structured answers that simlab knows nothing about.
//!
//! Promises: what comes out has the schema's shape (types, required fields, first choices of enumerations) as far as the
//! common keywords say; a schema that goes in circles ends after a few turns; never a panic.
//!
//! Does not know: what the fields mean.

use serde_json::{Map, Number, Value, json};

/// How deep it goes into a schema.
const MOST_DEPTH: usize = 12;

/// A value of this schema; texts say `words`.
#[must_use]
pub fn value(schema: &Value, words: &str) -> Value {
    if !schema.is_object() {
        return json!({ "answer": words });
    }
    of(schema, schema, words, MOST_DEPTH)
}

fn of(schema: &Value, root: &Value, words: &str, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(path) = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        return root.pointer(path).map_or(Value::Null, |found| of(found, root, words, depth - 1));
    }
    if let Some(fixed) = schema.get("const") {
        return fixed.clone();
    }
    if let Some(first) = schema["enum"].as_array().and_then(|choices| choices.first()) {
        return first.clone();
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[choice].as_array().and_then(|choices| choices.first()) {
            return of(first, root, words, depth - 1);
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind.unwrap_or(if schema["properties"].is_object() { "object" } else { "string" }) {
        "object" => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            Value::Object(fields.map(|(name, field)| (name.clone(), of(field, root, words, depth - 1))).collect::<Map<_, _>>())
        }
        "array" => {
            let count = schema["minItems"].as_u64().unwrap_or(1).min(16) as usize;
            let item = if schema["items"].is_object() { of(&schema["items"], root, words, depth - 1) } else { words.into() };
            Value::Array(vec![item; count])
        }
        "integer" => json!(within(schema, 1.0) as i64),
        "number" => Number::from_f64(within(schema, 0.5)).map_or(Value::Null, Value::Number),
        "boolean" => Value::Bool(false),
        "null" => Value::Null,
        _ => words.into(),
    }
}

/// The usual number, moved into the schema's bounds.
fn within(schema: &Value, usual: f64) -> f64 {
    let least = schema["minimum"].as_f64().unwrap_or(f64::NEG_INFINITY);
    let most = schema["maximum"].as_f64().unwrap_or(f64::INFINITY);
    usual.min(most).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_shape_of_its_schema() {
        let schema = json!({
            "type": "object",
            "properties": {
                "score": { "type": "number", "minimum": 0, "maximum": 1 }, "stars": { "type": "integer", "minimum": 3 },
                "kind": { "enum": ["a", "b"] }, "why": { "type": ["string", "null"] }, "sure": { "type": "boolean" },
                "parts": { "type": "array", "items": { "$ref": "#/$defs/part" }, "minItems": 2 }, "maybe": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
            },
            "$defs": { "part": { "type": "object", "properties": { "name": { "type": "string" } } } },
        });
        assert_eq!(
            value(&schema, "w"),
            json!({ "score": 0.5, "stars": 3, "kind": "a", "why": "w", "sure": false, "parts": [{ "name": "w" }, { "name": "w" }], "maybe": "w" })
        );
        assert_eq!(value(&Value::Null, "w"), json!({ "answer": "w" }));
    }

    #[test]
    fn a_schema_in_circles_ends() {
        let schema = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
        assert!(value(&schema, "w").to_string().len() < 1000);
        assert_eq!(value(&json!({ "$ref": "#/nowhere" }), "w"), Value::Null);
        assert_eq!(value(&json!({ "type": 7, "properties": [], "enum": [] }), "w"), json!("w"));
    }
}
