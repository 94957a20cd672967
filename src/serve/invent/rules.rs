//! Whether a value is valid under a schema: the assertions of JSON Schema 2020-12, and what older
//! drafts write differently.
//!
//! The search needs the answer for parts of a schema, thousands of times, and without compiling. A
//! validator of another author checks the results in the tests.

use serde_json::{Map, Value};

use super::arrays::{item_of, prefix_of};
use super::formats;
use super::numbers::{at_least, is_multiple};
use super::patterns::Patterns;

/// How deep references are followed in one place.
const MAX_FOLLOWED: usize = 64;

/// The rules of one schema.
pub(super) struct Rules<'a> {
    root: &'a Value,
    pub(super) patterns: Patterns,
}

/// Whether two values are the same to JSON Schema: 1 and 1.0 are.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.as_f64() == b.as_f64() && (a.is_f64() || b.is_f64()))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, value)| b.get(name).is_some_and(|found| same(value, found)))
        }
        _ => one == other,
    }
}

/// A count, which may be written as 3.0.
pub(super) fn count_of(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64))
}

fn is_kind(word: &str, value: &Value) -> bool {
    match word {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value
            .as_number()
            .is_some_and(|n| !n.is_f64() || n.as_f64().is_some_and(|n| n.fract() == 0.0)),
        _ => true,
    }
}

impl<'a> Rules<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, patterns: Patterns::default() }
    }

    /// The schema that a reference names; inside `None`: it names none.
    pub(super) fn target(&self, map: &'a Map<String, Value>) -> Option<Option<&'a Value>> {
        let path = ["$ref", "$dynamicRef", "$recursiveRef"]
            .iter()
            .find_map(|word| map.get(*word)?.as_str())?;
        Some(resolve(self.root, path))
    }

    /// Whether `const` and `enum` take the value.
    pub(super) fn listed(&self, map: &Map<String, Value>, value: &Value) -> bool {
        map.get("const").is_none_or(|fixed| same(fixed, value))
            && map
                .get("enum")
                .and_then(Value::as_array)
                .is_none_or(|list| list.iter().any(|one| same(one, value)))
    }

    /// All schemas of this object that a field of this name must meet.
    pub(super) fn of_field<'s>(&self, map: &'s Map<String, Value>, name: &str) -> Vec<&'s Value> {
        let mut all: Vec<&Value> =
            map.get("properties").and_then(|fields| fields.get(name)).into_iter().collect();
        let patterns =
            map.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        all.extend(
            patterns
                .filter(|(pattern, _)| self.patterns.matches(pattern, name))
                .map(|(_, schema)| schema),
        );
        if all.is_empty() {
            all.extend(map.get("additionalProperties"));
        }
        all
    }

    /// Whether a value is valid.
    pub(super) fn hold(&self, schema: &Value, value: &Value) -> bool {
        self.valid(schema, value, 0)
    }

    fn valid(&self, schema: &Value, value: &Value, followed: usize) -> bool {
        let map = match schema {
            Value::Bool(taken) => return *taken,
            Value::Object(map) => map,
            _ => return true,
        };
        if followed > MAX_FOLLOWED {
            // It leads back to itself in the same place: it adds nothing.
            return true;
        }
        let here = |schema: &Value| self.valid(schema, value, followed + 1);
        let list = |word: &str| map.get(word).and_then(Value::as_array);
        let kind = match map.get("type") {
            Some(Value::String(word)) => is_kind(word, value),
            Some(Value::Array(words)) => {
                words.iter().filter_map(Value::as_str).any(|word| is_kind(word, value))
            }
            _ => true,
        };
        let path = ["$ref", "$dynamicRef", "$recursiveRef"]
            .iter()
            .find_map(|word| map.get(*word)?.as_str());
        kind && self.listed(map, value)
            && match value {
                Value::Number(_) => self.number(map, value),
                Value::String(text) => self.text(map, text),
                Value::Array(items) => self.array(map, items),
                Value::Object(fields) => self.object(map, fields, value, followed),
                Value::Null | Value::Bool(_) => true,
            }
            && path.is_none_or(|path| resolve(self.root, path).is_some_and(here))
            && list("allOf").is_none_or(|parts| parts.iter().all(here))
            && list("anyOf").is_none_or(|parts| parts.iter().any(here))
            && list("oneOf").is_none_or(|parts| parts.iter().filter(|part| here(part)).count() == 1)
            && map.get("not").is_none_or(|not| !here(not))
            && map.get("if").is_none_or(|test| {
                map.get(if here(test) { "then" } else { "else" }).is_none_or(here)
            })
    }

    fn number(&self, map: &Map<String, Value>, value: &Value) -> bool {
        let flag = |word: &str| map.get(word) == Some(&Value::Bool(true));
        let above =
            |bound: &Value, beyond: bool| at_least(value, bound) && !(beyond && same(value, bound));
        let below =
            |bound: &Value, beyond: bool| at_least(bound, value) && !(beyond && same(value, bound));
        let number = |word: &str| map.get(word).filter(|bound| bound.is_number());
        number("minimum").is_none_or(|bound| above(bound, flag("exclusiveMinimum")))
            && number("maximum").is_none_or(|bound| below(bound, flag("exclusiveMaximum")))
            && number("exclusiveMinimum").is_none_or(|bound| above(bound, true))
            && number("exclusiveMaximum").is_none_or(|bound| below(bound, true))
            && number("multipleOf").is_none_or(|step| is_multiple(value, step))
    }

    fn text(&self, map: &Map<String, Value>, text: &str) -> bool {
        let length = text.chars().count() as u64;
        map.get("minLength").and_then(count_of).is_none_or(|least| length >= least)
            && map.get("maxLength").and_then(count_of).is_none_or(|most| length <= most)
            && map
                .get("pattern")
                .and_then(Value::as_str)
                .is_none_or(|pattern| self.patterns.matches(pattern, text))
            && map
                .get("format")
                .and_then(Value::as_str)
                .is_none_or(|format| formats::fits(format, text))
    }

    fn array(&self, map: &Map<String, Value>, items: &[Value]) -> bool {
        let count = items.len() as u64;
        let contained =
            |schema: &Value| items.iter().filter(|item| self.hold(schema, item)).count() as u64;
        let range = |schema: &Value| {
            let found = contained(schema);
            let least = map.get("minContains").and_then(count_of).unwrap_or(1);
            found >= least
                && map.get("maxContains").and_then(count_of).is_none_or(|most| found <= most)
        };
        let unique = map.get("uniqueItems") == Some(&Value::Bool(true));
        let last = prefix_of(map).len() as u64;
        map.get("minItems").and_then(count_of).is_none_or(|least| count >= least)
            && map.get("maxItems").and_then(count_of).is_none_or(|most| count <= most)
            && (last == 0 && !map.contains_key("items")
                || items.iter().zip(0..).all(|(item, at)| {
                    item_of(map, at).is_none_or(|schema| self.hold(schema, item))
                }))
            && map.get("contains").is_none_or(range)
            && !(unique
                && items
                    .iter()
                    .enumerate()
                    .any(|(at, item)| items.iter().take(at).any(|known| same(known, item))))
    }

    fn object(
        &self,
        map: &Map<String, Value>,
        fields: &Map<String, Value>,
        value: &Value,
        followed: usize,
    ) -> bool {
        let count = fields.len() as u64;
        let there = |names: &Value| {
            names
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .all(|name| fields.contains_key(name))
        };
        let depend = |word: &str| map.get(word).and_then(Value::as_object).into_iter().flatten();
        let asked = |(name, rule): (&String, &Value)| {
            !fields.contains_key(name)
                || if rule.is_array() { there(rule) } else { self.valid(rule, value, followed + 1) }
        };
        map.get("required").is_none_or(there)
            && map.get("minProperties").and_then(count_of).is_none_or(|least| count >= least)
            && map.get("maxProperties").and_then(count_of).is_none_or(|most| count <= most)
            && fields.iter().all(|(name, value)| {
                self.of_field(map, name).iter().all(|schema| self.hold(schema, value))
            })
            && map.get("propertyNames").is_none_or(|rule| {
                fields.keys().all(|name| self.hold(rule, &Value::String(name.clone())))
            })
            && depend("dependentRequired").all(asked)
            && depend("dependentSchemas").all(asked)
            && depend("dependencies").all(asked)
    }
}

/// The schema at a reference within the document: a JSON pointer, an anchor, or an id.
pub(super) fn resolve<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    let Some(path) = path.strip_prefix('#') else { return named(root, "$id", path) };
    if path.is_empty() || path.starts_with('/') {
        return root.pointer(&decoded(path));
    }
    named(root, "$anchor", path).or_else(|| named(root, "$dynamicAnchor", path))
}

/// The first subschema whose `word` is `name`.
fn named<'a>(schema: &'a Value, word: &str, name: &str) -> Option<&'a Value> {
    match schema {
        Value::Object(map) if map.get(word).and_then(Value::as_str) == Some(name) => Some(schema),
        Value::Object(map) => map.values().find_map(|value| named(value, word, name)),
        Value::Array(list) => list.iter().find_map(|value| named(value, word, name)),
        _ => None,
    }
}

/// A fragment without percent signs.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let read = |(hex, after)| {
            Some((u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?, after))
        };
        let escaped = after.split_at_checked(2).filter(|_| byte == b'%').and_then(read);
        let (byte, after) = escaped.unwrap_or((byte, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
