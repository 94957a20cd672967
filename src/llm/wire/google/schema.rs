//! Google's own form of schemas (`Schema`, a part of OpenAPI 3.0) as JSON schema: types in capitals,
//! `nullable`, whole numbers as text, and names in either case.
//!
//! Does not know: what a schema is for.

use serde_json::{Map, Value, json};

/// The same schema as JSON schema. What is no schema of Google's stays as it is.
pub(super) fn to_json_schema(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut made = Map::new();
    let mut nullable = false;
    for (name, value) in fields {
        let name = camel(name);
        let each = |value: &Value| match value {
            Value::Array(all) => Value::Array(all.iter().map(to_json_schema).collect()),
            other => other.clone(),
        };
        let named = |value: &Value| match value {
            Value::Object(all) => {
                let all = all.iter().map(|(key, value)| (key.clone(), to_json_schema(value)));
                Value::Object(all.collect())
            }
            other => other.clone(),
        };
        let value = match name.as_str() {
            "nullable" => {
                nullable = *value == Value::Bool(true);
                continue;
            }
            // Hints that JSON schema does not have.
            "propertyOrdering" | "example" => continue,
            "type" => match value {
                Value::String(word) if word == "TYPE_UNSPECIFIED" => continue,
                Value::String(word) => Value::String(word.to_ascii_lowercase()),
                other => other.clone(),
            },
            "properties" | "$defs" | "defs" => named(value),
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => each(value),
            "items" | "additionalProperties" => to_json_schema(value),
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
            | "maxProperties" => {
                let whole = value.as_str().and_then(|text| text.parse::<u64>().ok());
                whole.map_or_else(|| value.clone(), Value::from)
            }
            _ => value.clone(),
        };
        made.insert(name, value);
    }
    if nullable && let Some(kind) = made.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    Value::Object(made)
}

/// `property_ordering` as `propertyOrdering`.
fn camel(name: &str) -> String {
    let mut made = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        if letter == '_' && !made.is_empty() {
            upper = true;
        } else {
            made.push(if upper { letter.to_ascii_uppercase() } else { letter });
            upper = false;
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_of_the_vendors_client_becomes_json_schema() {
        // As google-genai 3.6.1 sends it for a class with a text, a flag and an optional list.
        let sent = json!({ "type": "OBJECT", "title": "Topic", "required": ["title", "hard_to_read"],
            "property_ordering": ["title", "hard_to_read", "tags"],
            "properties": { "title": { "type": "STRING", "min_length": "3" }, "hard_to_read": { "type": "BOOLEAN" },
                "tags": { "type": "ARRAY", "nullable": true, "maxItems": "2", "items": { "any_of": [{ "type": "STRING" }, { "type": "INTEGER" }] } } } });
        let expected = json!({ "type": "object", "title": "Topic", "required": ["title", "hard_to_read"],
            "properties": { "title": { "type": "string", "minLength": 3 }, "hard_to_read": { "type": "boolean" },
                "tags": { "type": ["array", "null"], "maxItems": 2, "items": { "anyOf": [{ "type": "string" }, { "type": "integer" }] } } } });
        assert_eq!(to_json_schema(&sent), expected);
        assert_eq!(to_json_schema(&json!(true)), json!(true));
    }
}
