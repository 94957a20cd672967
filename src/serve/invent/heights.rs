//! How deep the values of each schema are at least: what tells a recursion that ends from one that
//! does not.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::rules::Rules;

/// Levels that any value of a schema needs, by the schema's address; a schema that is missing has
/// no value that ends.
#[derive(Debug)]
pub(super) struct Heights(BTreeMap<*const Value, u32>);

impl Heights {
    pub(super) fn of(root: &Value, rules: &Rules<'_>) -> Self {
        let mut all = Vec::new();
        collect(root, &mut all);
        let mut heights = Self(BTreeMap::new());
        // Each pass finds the schemas that are one level higher; a chain of references may need a
        // pass for each link.
        for _ in 0..=all.len() {
            let mut changed = false;
            for schema in &all {
                if let Some(height) = heights.height(schema, rules)
                    && heights.get(schema) != Some(height)
                {
                    heights.0.insert(std::ptr::from_ref(*schema), height);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        heights
    }

    pub(super) fn get(&self, schema: &Value) -> Option<u32> {
        match schema {
            Value::Bool(false) => None,
            Value::Object(_) => self.0.get(&std::ptr::from_ref(schema)).copied(),
            _ => Some(0),
        }
    }

    fn height(&self, schema: &Value, rules: &Rules<'_>) -> Option<u32> {
        let Value::Object(map) = schema else { return self.get(schema) };
        if map.contains_key("const") || map.contains_key("enum") {
            return Some(0);
        }
        let mut height = self.below(map)?;
        if let Some(target) = rules.target(map) {
            height = height.max(self.get(target?)?);
        }
        for part in list(map, "allOf") {
            height = height.max(self.get(part)?);
        }
        for choice in ["anyOf", "oneOf"] {
            if map.contains_key(choice) {
                height = height
                    .max(list(map, choice).iter().filter_map(|branch| self.get(branch)).min()?);
            }
        }
        Some(height)
    }

    /// Levels that required fields and items need, unless the value may be of another kind.
    fn below(&self, map: &Map<String, Value>) -> Option<u32> {
        let may_be = |kind: &str| match map.get("type") {
            Some(Value::String(word)) => word == kind,
            Some(Value::Array(words)) => words.iter().any(|word| word == kind),
            _ => true,
        };
        let scalar = map.contains_key("type")
            && ["string", "number", "integer", "boolean", "null"].iter().any(|kind| may_be(kind));
        if scalar {
            return Some(0);
        }
        let object = || {
            let mut height = 0;
            for name in list(map, "required").iter().filter_map(Value::as_str) {
                let field = map.get("properties").and_then(|fields| fields.get(name));
                height = height.max(1 + field.map_or(Some(0), |field| self.get(field))?);
            }
            Some(height)
        };
        let array = || {
            let least = map.get("minItems").and_then(Value::as_u64).unwrap_or_default();
            let prefix = list(map, "prefixItems");
            let mut height = 0;
            for item in prefix.iter().take(usize::try_from(least).unwrap_or(usize::MAX)) {
                height = height.max(1 + self.get(item)?);
            }
            if least > prefix.len() as u64
                && let Some(items) = map.get("items")
            {
                height = height.max(1 + self.get(items)?);
            }
            Some(height)
        };
        match (may_be("object"), may_be("array")) {
            (true, true) => [object(), array()].into_iter().flatten().min(),
            (true, false) => object(),
            (false, true) => array(),
            (false, false) => Some(0),
        }
    }
}

fn list<'a>(map: &'a Map<String, Value>, word: &str) -> &'a [Value] {
    map.get(word).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn collect<'a>(schema: &'a Value, all: &mut Vec<&'a Value>) {
    match schema {
        Value::Object(map) => {
            all.push(schema);
            map.values().for_each(|value| collect(value, all));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, all)),
        _ => {}
    }
}
