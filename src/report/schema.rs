//! The JSON Schema of an output, read off the types that it is written from.
//!
//! Guarantees: every field that can be written is in it, and no other is allowed.
//!
//! Does not know: which outputs there are.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The JSON Schema (draft 2020-12) of what `T` writes, under this title.
#[must_use]
pub fn output_schema<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    finished(settings.into_generator().into_root_schema_for::<T>().to_value(), title)
}

fn finished(mut schema: Value, title: &str) -> Value {
    plain(&mut schema);
    let definitions = schema.get_mut("$defs").and_then(Value::as_object_mut);
    definitions.into_iter().flat_map(Map::values_mut).for_each(close);
    close(&mut schema);
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), title.into());
    }
    schema
}

/// The JSON Schema of a file that a command reads.
#[must_use]
pub fn input_schema<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12();
    finished(settings.into_generator().into_root_schema_for::<T>().to_value(), title)
}

/// Forbids fields that are not described. It also covers fields of a choice that is part of the
/// object, as `additionalProperties` would not.
fn close(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut().filter(|own| own.contains_key("properties")) {
        object.insert("unevaluatedProperties".to_owned(), false.into());
        let choices = object.get_mut("oneOf").and_then(Value::as_array_mut);
        for choice in choices.into_iter().flatten().filter_map(Value::as_object_mut) {
            choice.shift_remove("additionalProperties");
        }
    }
}

/// Takes out what only Rust has: the sizes of numbers, `None` for null, the line breaks of comments.
fn plain(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(plain),
        Value::Object(object) => {
            if object.get("format").is_some_and(Value::is_string) {
                object.shift_remove("format");
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                let lines = text.split("\n\n").map(|part| part.replace('\n', " "));
                *text = lines.collect::<Vec<_>>().join("\n\n").replace("`None`", "null");
            }
            object.values_mut().for_each(plain);
        }
        _ => {}
    }
}
