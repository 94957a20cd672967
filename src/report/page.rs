//! The reference of an output as Markdown, from its JSON Schema: a table of fields for each object.
//!
//! Does not know: what a field means; the schema does.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value};

/// A page that begins with `head` and has a table for each object of the schema.
#[must_use]
pub fn output_page(head: &str, schema: &Value) -> String {
    let empty = Map::new();
    let definitions = schema.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    let mut page = Page { definitions, paths: BTreeMap::new(), text: head.to_owned() };
    // A list as a whole has one table, that of its entries.
    page.object(schema.get("items").map_or(schema, |items| page.resolved(items)), "");
    page.text
}

/// A page being written.
struct Page<'s> {
    definitions: &'s Map<String, Value>,
    /// The path at which each object was described.
    paths: BTreeMap<String, String>,
    text: String,
}

impl<'s> Page<'s> {
    /// The schema that a reference names, and the schema itself where it is none.
    fn resolved(&self, schema: &'s Value) -> &'s Value {
        name(schema).and_then(|name| self.definitions.get(name)).unwrap_or(schema)
    }

    /// The table of an object at a path, then those of the objects in it.
    fn object(&mut self, schema: &'s Value, path: &str) {
        let fields = fields(schema);
        let heading = if path.is_empty() { "The document".to_owned() } else { format!("`{path}`") };
        let _ = write!(self.text, "\n## {heading}\n\n{}\n\n", says(schema));
        self.text.push_str("| field | value | meaning |\n|---|---|---|\n");
        let mut inner = Vec::new();
        for (field, value, meaning) in fields {
            let own = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
            let shape = self.shape(value, &own, &mut inner);
            let _ = writeln!(self.text, "| `{field}` | {} | {} |", cell(&shape), cell(&meaning));
        }
        for (schema, path) in inner {
            self.object(schema, &path);
        }
    }

    /// What a value may be; objects that were not met before are added to `inner`.
    fn shape(
        &mut self,
        schema: &'s Value,
        path: &str,
        inner: &mut Vec<(&'s Value, String)>,
    ) -> String {
        if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
            let shapes: Vec<String> =
                choices.iter().map(|choice| self.shape(choice, path, inner)).collect();
            return shapes.join(" or ");
        }
        if let Some(name) = name(schema) {
            let definition = self.resolved(schema);
            if definition.get("properties").is_some() {
                if let Some(known) = self.paths.get(name) {
                    return format!("object like `{known}`");
                }
                self.paths.insert(name.to_owned(), path.to_owned());
                inner.push((definition, path.to_owned()));
                return "object".to_owned();
            }
            return self.shape(definition, path, inner);
        }
        if let Some(choices) = choices(schema) {
            return choices;
        }
        match schema.get("type") {
            Some(Value::Array(types)) => {
                let one = |name: &Value| {
                    self.typed(name.as_str().unwrap_or_default(), schema, path, inner)
                };
                types.iter().map(one).collect::<Vec<_>>().join(" or ")
            }
            Some(Value::String(name)) => self.typed(name, schema, path, inner),
            _ => "object".to_owned(),
        }
    }

    fn typed(
        &mut self,
        name: &str,
        schema: &'s Value,
        path: &str,
        inner: &mut Vec<(&'s Value, String)>,
    ) -> String {
        match name {
            "string" => "text".to_owned(),
            "integer" => "whole number".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            "array" => self.list(schema, path, inner),
            "object" => match schema.get("additionalProperties").filter(|own| own.is_object()) {
                Some(values) => format!("object: {} by key", self.shape(values, path, inner)),
                None => "object".to_owned(),
            },
            other => other.to_owned(),
        }
    }

    fn list(
        &mut self,
        schema: &'s Value,
        path: &str,
        inner: &mut Vec<(&'s Value, String)>,
    ) -> String {
        let below = format!("{path}[]");
        if let Some(parts) = schema.get("prefixItems").and_then(Value::as_array) {
            let parts: Vec<String> =
                parts.iter().map(|part| self.shape(part, &below, inner)).collect();
            return format!("[{}]", parts.join(", "));
        }
        let Some(items) = schema.get("items") else { return "list".to_owned() };
        let shape = self.shape(items, &below, inner);
        if schema.get("maxItems").and_then(Value::as_u64) == Some(2) {
            return "[lower, upper]".to_owned();
        }
        for (one, many) in [
            ("object", "objects"),
            ("text", "texts"),
            ("whole number", "whole numbers"),
            ("number", "numbers"),
        ] {
            if let Some(rest) = shape.strip_prefix(one) {
                return format!("list of {many}{rest}");
            }
        }
        format!("list of {shape}")
    }
}

/// The name of the definition that a schema refers to.
fn name(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str)?.strip_prefix("#/$defs/")
}

/// The fields of an object, with those of the choices that are part of it, and what each means.
fn fields(schema: &Value) -> Vec<(&String, &Value, String)> {
    fn own(schema: &Value) -> Option<&Map<String, Value>> {
        schema.get("properties").and_then(Value::as_object)
    }
    let choices = ["oneOf", "anyOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
    let parts = std::iter::once(schema).chain(choices.flatten());
    let fields = parts.flat_map(|part| {
        own(part).into_iter().flatten().map(move |(name, value)| {
            // A choice of one field says what the field means.
            let text = says(value);
            (name, value, if text.is_empty() { says(part) } else { text })
        })
    });
    fields.collect()
}

/// The texts that a value is one of: `` `ship` `keep` ``; `None` for other values.
fn choices(schema: &Value) -> Option<String> {
    let texts: Vec<&str> = match (schema.get("enum"), schema.get("oneOf")) {
        (Some(Value::Array(texts)), _) => texts.iter().filter_map(Value::as_str).collect(),
        (_, Some(Value::Array(choices))) => {
            let texts = choices.iter().map(|choice| choice.get("const").and_then(Value::as_str));
            texts.collect::<Option<_>>()?
        }
        _ => return None,
    };
    Some(texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" "))
}

/// What a schema says of itself.
fn says(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.replace("\n\n", " ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
