//! Values by hand, and against a validator of another author.

use serde_json::{Value, json};

use super::{Unmet, object, overlaid, value};

/// Asserts that a value is made and that the other validator takes it, formats included.
fn valid(schema: &Value) -> Value {
    let made = value(schema, "The answer").unwrap_or_else(|why| panic!("{why:?} for {schema}"));
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap_or_else(|error| panic!("{error} in {schema}"));
    let faults: Vec<String> = validator.iter_errors(&made).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}\n{made}\n{schema}");
    made
}

#[test]
fn plain_schemas_get_the_value_that_a_reader_would_write() {
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
        value(&schema, "w").unwrap(),
        json!({ "score": 0.5, "stars": 3, "kind": "a", "why": "w", "sure": false, "parts": [{ "name": "w" }, { "name": "w" }], "maybe": "w" })
    );
    assert_eq!(value(&Value::Null, "w").unwrap(), json!({ "answer": "w" }));
    assert_eq!(object(&json!({}), "w").unwrap(), json!({}));
}

#[test]
fn every_keyword_is_kept() {
    let schemas = [
        json!({ "type": "string", "format": "date" }),
        json!({ "type": "string", "format": "date-time", "minLength": 24 }),
        json!({ "type": "string", "format": "time", "pattern": "Z$" }),
        json!({ "type": "string", "format": "time", "minLength": 12 }),
        json!({ "type": "string", "format": "duration" }),
        json!({ "type": "string", "format": "email", "minLength": 90, "maxLength": 91 }),
        json!({ "type": "string", "format": "email", "maxLength": 9 }),
        json!({ "type": "string", "format": "hostname" }),
        json!({ "type": "string", "format": "ipv4" }),
        json!({ "type": "string", "format": "ipv6" }),
        json!({ "type": "string", "format": "uri", "pattern": "^http://" }),
        json!({ "type": "string", "format": "uri-reference" }),
        json!({ "type": "string", "format": "uuid" }),
        json!({ "type": "string", "format": "json-pointer" }),
        json!({ "type": "string", "format": "regex" }),
        json!({ "type": "string", "pattern": "^[A-Z]{3}-[0-9]{2}$" }),
        json!({ "type": "string", "pattern": "\\d{4}" }),
        json!({ "type": "string", "pattern": "^\\+?[1-9]\\d{1,14}$", "minLength": 15 }),
        json!({ "type": "string", "pattern": "(foo|ba[rz])+", "minLength": 40, "maxLength": 40 }),
        json!({ "type": "string", "pattern": "^(?=.*[A-Z])(?=.*\\d)[A-Za-z\\d]{8,}$" }),
        json!({ "type": "string", "pattern": "^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$", "maxLength": 12 }),
        json!({ "type": "string", "pattern": "^#(?:[0-9a-fA-F]{3}){1,2}$" }),
        json!({ "type": "string", "pattern": "^\\p{Lu}.*", "minLength": 3 }),
        json!({ "type": "string", "minLength": 200, "maxLength": 201 }),
        json!({ "type": "string", "maxLength": 0 }),
        json!({ "type": "integer", "exclusiveMinimum": 1 }),
        json!({ "type": "integer", "minimum": 9_007_199_254_740_993_i64, "maximum": 9_007_199_254_740_993_i64 }),
        json!({ "type": "integer", "maximum": -5 }),
        json!({ "type": "integer", "multipleOf": 7, "minimum": 100, "exclusiveMaximum": 106 }),
        json!({ "allOf": [{ "type": "integer", "multipleOf": 6 }, { "multipleOf": 10, "minimum": 1 }] }),
        json!({ "type": "number", "multipleOf": 0.01, "minimum": 0.29, "maximum": 0.3 }),
        json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001 }),
        json!({ "type": "number", "minimum": 1e300 }),
        json!({ "type": "integer", "not": { "enum": [1, 2, 3] } }),
        json!({ "type": "array", "items": { "enum": ["a", "b", "c"] }, "minItems": 3, "uniqueItems": true }),
        json!({ "type": "array", "items": { "type": "boolean" }, "minItems": 2, "uniqueItems": true }),
        json!({ "type": "array", "items": { "type": "integer", "minimum": 1, "maximum": 20 }, "minItems": 20, "uniqueItems": true }),
        json!({ "type": "array", "items": { "type": "object", "properties": { "n": { "type": "string", "maxLength": 1 } }, "required": ["n"] }, "minItems": 9, "uniqueItems": true }),
        json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }], "items": false, "minItems": 2 }),
        json!({ "type": "array", "contains": { "const": 5 }, "minContains": 2, "maxContains": 2, "minItems": 4, "items": { "type": "integer" } }),
        json!({ "type": "object", "required": ["a"], "dependentRequired": { "a": ["b"] }, "properties": { "b": { "type": "null" } } }),
        json!({ "type": "object", "properties": { "a": { "type": "string" } }, "dependentSchemas": { "a": { "required": ["c"], "properties": { "c": { "const": 1 } } } } }),
        json!({ "type": "object", "minProperties": 3, "propertyNames": { "pattern": "^[a-c]$" }, "additionalProperties": { "type": "integer" } }),
        json!({ "type": "object", "minProperties": 2, "patternProperties": { "^x-": { "type": "boolean" } }, "additionalProperties": false }),
        json!({ "type": "object", "maxProperties": 1, "properties": { "a": {}, "b": {} } }),
        json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "not": { "required": ["a"] } }),
        json!({ "oneOf": [{ "type": "integer" }, { "type": "integer", "minimum": 0 }] }),
        json!({ "oneOf": [{ "required": ["a"] }, { "required": ["b"] }], "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "string" } } }),
        json!({ "type": "object", "properties": { "k": { "enum": ["x", "y"] }, "n": { "type": "integer" } }, "required": ["k", "n"],
                "if": { "properties": { "k": { "const": "x" } } }, "then": { "properties": { "n": { "minimum": 50 } } }, "else": false }),
        json!({ "anyOf": [false, { "type": "string", "minLength": 5, "maxLength": 3 }, { "type": "null" }] }),
        json!({ "type": ["null", "integer"], "minimum": 4 }),
        json!({ "$ref": "#/$defs/a%20b", "$defs": { "a b": { "type": "integer" } } }),
        json!({ "$ref": "#x", "$defs": { "y": { "$anchor": "x", "type": "boolean" } } }),
        json!(true),
    ];
    for schema in schemas {
        valid(&schema);
    }
}

#[test]
fn a_time_has_no_zone_unless_it_is_asked_for() {
    // What `jsonschema.FormatChecker()` of Python takes, `strptime` with `%H:%M:%S`, and the
    // pattern that zod writes.
    assert_eq!(value(&json!({ "type": "string", "format": "time" }), "w").unwrap(), "09:30:00");
    let zod = json!({ "type": "string", "format": "time", "pattern": r"^(?:(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)$" });
    assert_eq!(value(&zod, "w").unwrap(), "09:30:00");
    valid(
        &json!({ "type": "array", "minItems": 3, "uniqueItems": true, "items": { "type": "string", "format": "time", "minLength": 9 } }),
    );
}

#[test]
fn recursion_ends_where_it_can_and_is_an_error_where_it_cannot() {
    let tree = json!({ "$defs": { "n": { "type": "object", "properties": { "name": { "type": "string" }, "kids": { "type": "array", "items": { "$ref": "#/$defs/n" } } },
        "required": ["name", "kids"], "additionalProperties": false } }, "$ref": "#/$defs/n" });
    assert!(valid(&tree).to_string().len() < 2_000);
    let list = json!({ "type": "object", "properties": { "next": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] } }, "required": ["next"] });
    valid(&list);
    let sum = json!({ "$defs": {
        "e": { "anyOf": [{ "$ref": "#/$defs/sum" }, { "$ref": "#/$defs/lit" }] },
        "sum": { "type": "object", "properties": { "l": { "$ref": "#/$defs/e" }, "r": { "$ref": "#/$defs/e" } }, "required": ["l", "r"], "additionalProperties": false },
        "lit": { "type": "object", "properties": { "v": { "type": "number" } }, "required": ["v"], "additionalProperties": false } }, "$ref": "#/$defs/e" });
    valid(&sum);
    let endless = json!({ "type": "object", "properties": { "next": { "$ref": "#" } }, "required": ["next"] });
    assert!(value(&endless, "w").is_err());
    assert!(value(&json!({ "$ref": "#" }), "w").is_ok());
    assert_eq!(value(&json!({ "$ref": "#/nowhere" }), "w"), Err(Unmet::Impossible));
    assert!(value(&json!({ "type": 7, "properties": [], "enum": [] }), "w").is_err());
}

#[test]
fn what_is_too_large_or_impossible_is_an_error() {
    let large = [
        json!({ "type": "array", "items": { "type": "integer" }, "minItems": 1_000_000_000 }),
        json!({ "type": "string", "minLength": 1_000_000_000 }),
        json!({ "type": "object", "minProperties": 1_000_000_000 }),
        json!({ "type": "array", "minItems": 200, "items": { "type": "array", "minItems": 200, "items": { "type": "null" } } }),
    ];
    for schema in large {
        assert_eq!(value(&schema, "w"), Err(Unmet::TooLarge), "{schema}");
    }
    let mut deep = json!({ "type": "integer", "minimum": 2, "maximum": 1 });
    for _ in 0..30 {
        deep = json!({ "type": "object", "properties": { "a": deep.clone(), "b": { "anyOf": [deep, false] } }, "required": ["a", "b"] });
        if deep.to_string().len() > 100_000 {
            break;
        }
    }
    // Each took minutes: a text far beyond its longest length, and a match that backtracks without
    // end.
    let long = json!({ "type": "string", "pattern": "^[A-Z]{65536}$", "maxLength": 20 });
    let slow = json!({ "type": "array", "items": { "type": "string", "pattern": "^(?=(a+)+$)(a+)+x$" }, "minItems": 50 });
    for schema in [
        json!(false),
        json!({ "type": "string", "not": {} }),
        json!({ "enum": [] }),
        deep,
        long,
        slow,
    ] {
        assert_eq!(value(&schema, "w"), Err(Unmet::Impossible));
    }
}

#[test]
fn known_fields_are_told_and_the_others_are_made_up() {
    let schema = json!({ "type": "object", "properties": { "route": { "type": "string" }, "sure": { "type": "integer" }, "more": { "type": "boolean" } },
        "required": ["route", "sure", "more"], "additionalProperties": false });
    let known = json!({ "route": "support", "sure": 0.9 });
    assert_eq!(
        overlaid(&schema, "w", known.clone()).unwrap(),
        json!({ "route": "support", "sure": 1, "more": false })
    );
    assert_eq!(overlaid(&json!({ "type": "object" }), "w", known.clone()).unwrap(), known);
}
