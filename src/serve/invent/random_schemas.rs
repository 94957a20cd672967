//! Random schemas that some value satisfies: each is written around a value, so that it cannot ask
//! for the impossible.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Map, Value, json};

use super::value;

/// A value to write a schema around.
fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z]{0,8}",
        "[A-Z]{2}-[0-9]{2,4}",
        Just("2026-03-04".to_owned()),
        Just("ann@example.com".to_owned())
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1_000_i64..1_000).prop_map(Value::from),
        (-400_i32..400).prop_map(|quarter| json!(f64::from(quarter) / 4.0)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-e]{1,2}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A source of choices that follows from the bits it is given.
struct Bits(u64);

impl Bits {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = xxhash_rust::xxh3::xxh3_64(&self.0.to_le_bytes());
        self.0 % n
    }

    fn often(&mut self) -> bool {
        self.below(3) == 0
    }
}

/// A schema that takes this value.
fn around(value: &Value, bits: &mut Bits, defs: &mut Map<String, Value>) -> Value {
    let mut schema = plain(value, bits, defs);
    // What cannot be said of the value is said of others beside it.
    match bits.below(12) {
        0 => schema = json!({ "anyOf": [unlike(value, bits), schema] }),
        1 => schema = json!({ "allOf": [schema, plain(value, bits, defs)] }),
        2 => schema = json!({ "oneOf": [schema, unlike(value, bits)] }),
        3 => schema["not"] = unlike(value, bits),
        4 => {
            let name = format!("d{}", defs.len());
            defs.insert(name.clone(), schema);
            schema = json!({ "$ref": format!("#/$defs/{name}") });
        }
        5 => {
            schema = json!({ "anyOf": [{ "type": "string", "minLength": 9, "maxLength": 2 }, schema, true] })
        }
        6 if !value.is_null() => {
            schema = json!({ "if": unlike(value, bits), "then": false, "else": schema });
        }
        7 => schema = json!({ "enum": [unused(value), value], "not": { "const": unused(value) } }),
        _ => {}
    }
    schema
}

/// A value of another kind.
fn unused(value: &Value) -> Value {
    if value.is_string() { json!(7) } else { json!("other") }
}

/// A schema that does not take this value.
fn unlike(value: &Value, bits: &mut Bits) -> Value {
    match (value, bits.below(2)) {
        (Value::String(text), 0) => {
            json!({ "type": "string", "minLength": text.chars().count() + 1 })
        }
        (Value::Number(n), 0) => json!({ "type": "number", "exclusiveMinimum": n }),
        (Value::Array(items), 0) => json!({ "type": "array", "minItems": items.len() + 1 }),
        (Value::Object(_), 0) => json!({ "required": ["not_there"], "type": "object" }),
        (Value::String(_), _) => json!({ "type": ["integer", "object"] }),
        _ => json!({ "type": "string" }),
    }
}

fn plain(value: &Value, bits: &mut Bits, defs: &mut Map<String, Value>) -> Value {
    let mut schema = Map::new();
    let mut say = |word: &str, told: Value| drop(schema.insert(word.to_owned(), told));
    match value {
        Value::Null => {
            say("type", if bits.often() { json!(["null", "string"]) } else { json!("null") })
        }
        Value::Bool(flag) => {
            say("type", json!("boolean"));
            if bits.often() {
                say("const", json!(flag));
            }
        }
        Value::Number(number) => {
            let whole = number.as_i64();
            say(
                "type",
                if whole.is_some() && bits.often() { json!("integer") } else { json!("number") },
            );
            let n = number.as_f64().unwrap();
            match bits.below(5) {
                0 => say("minimum", json!(n)),
                1 => say("exclusiveMaximum", json!(n + 0.5)),
                2 => {
                    say("minimum", json!(n - bits.below(3) as f64));
                    say("maximum", json!(n + bits.below(3) as f64));
                }
                _ => {}
            }
            if bits.often() {
                say(
                    "multipleOf",
                    whole.filter(|n| *n != 0).map_or(json!(0.25), |n| json!(n.abs())),
                );
            }
        }
        Value::String(text) => {
            say("type", json!("string"));
            let count = text.chars().count() as u64;
            if bits.often() {
                say("minLength", json!(count - bits.below(2).min(count)));
            }
            if bits.often() {
                say("maxLength", json!(count + bits.below(2)));
            }
            match text.as_str() {
                "2026-03-04" if bits.below(2) == 0 => say("format", json!("date")),
                "ann@example.com" if bits.below(2) == 0 => say("format", json!("email")),
                _ if text.contains('-') && bits.below(2) == 0 => say("pattern", json!("-[0-9]+")),
                _ if bits.often() => say(
                    "pattern",
                    json!(format!("^{}", text.chars().next().map_or(String::new(), String::from))),
                ),
                _ => {}
            }
        }
        Value::Array(items) => {
            say("type", json!("array"));
            let each: Vec<Value> = items.iter().map(|item| around(item, bits, defs)).collect();
            match bits.below(3) {
                0 => {
                    say("prefixItems", json!(each));
                    if each.is_empty() || bits.often() {
                        schema.remove("prefixItems");
                    }
                }
                1 if !each.is_empty() => say("items", json!({ "anyOf": each })),
                _ => {
                    if let Some(last) = each.last() {
                        say("contains", last.clone());
                    }
                }
            }
            let mut say = |word: &str, told: Value| drop(schema.insert(word.to_owned(), told));
            if bits.often() {
                say("minItems", json!(items.len()));
            }
            if bits.often() {
                say("maxItems", json!(items.len()));
            }
            if bits.often() && (1..items.len()).all(|at| !items[..at].contains(&items[at])) {
                say("uniqueItems", json!(true));
            }
        }
        Value::Object(fields) => {
            say("type", json!("object"));
            let each: Map<String, Value> = fields
                .iter()
                .map(|(name, field)| (name.clone(), around(field, bits, defs)))
                .collect();
            say("properties", Value::Object(each));
            let required: Vec<&String> = fields.keys().filter(|_| bits.below(3) > 0).collect();
            say("required", json!(required));
            match bits.below(6) {
                0 | 1 => say("additionalProperties", json!(false)),
                2 => say("maxProperties", json!(fields.len())),
                3 => say("minProperties", json!(fields.len())),
                4 => say("propertyNames", json!({ "pattern": "^[a-e]+$" })),
                _ => {
                    if let [first, .., last] = fields.keys().collect::<Vec<_>>().as_slice() {
                        say("dependentRequired", json!({ *first: [last] }));
                    }
                }
            }
        }
    }
    Value::Object(schema)
}

proptest! {
    // The same schemas in each run: a failure here never depends on which ones were drawn.
    #![proptest_config(ProptestConfig { cases: 600, rng_seed: RngSeed::Fixed(12), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_schema_that_a_value_satisfies_gets_a_valid_value(sample in any_value(), seed in any::<u64>()) {
        let mut defs = Map::new();
        let mut schema = around(&sample, &mut Bits(seed), &mut defs);
        if !defs.is_empty() {
            schema["$defs"] = Value::Object(defs);
        }
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        prop_assume!(validator.is_valid(&sample));
        let made = value(&schema, "The answer to it");
        prop_assert!(made.is_ok(), "{made:?} for {schema}, which {sample} satisfies");
        let made = made.unwrap();
        prop_assert!(validator.is_valid(&made), "{made}\n{schema}\n{:?}", validator.iter_errors(&made).map(|e| e.to_string()).collect::<Vec<_>>());
        prop_assert_eq!(value(&schema, "The answer to it").unwrap(), made);
    }
}
