//! Objects of a schema.

use serde_json::{Map, Value};

use super::make::{Choices, Maker, Place, Set};

/// How many optional fields are tried alone.
const MAX_ALONE: usize = 6;
/// Names tried for a field that nothing names.
const MAX_NAMES: usize = 200;

impl<'a> Maker<'a> {
    pub(super) fn an_object(
        &self,
        mut set: Set<'a>,
        depth: usize,
        choices: &mut Choices,
    ) -> Option<Value> {
        let most = set
            .iter()
            .filter_map(|map| map.get("maxProperties")?.as_u64())
            .min()
            .unwrap_or(u64::MAX);
        let least = set
            .iter()
            .filter_map(|map| map.get("minProperties")?.as_u64())
            .max()
            .unwrap_or_default();
        if least > 10_000 {
            self.give_up();
            return None;
        }
        let chosen =
            self.chosen(&mut set, depth, choices, usize::try_from(most).unwrap_or(usize::MAX))?;
        let mut made = Map::new();
        for (name, must) in &chosen {
            let place = Place { depth: depth + 1, variety: choices.rest() };
            match self.make(&self.of_field(&set, name), place) {
                Some(value) => drop(made.insert(name.clone(), value)),
                None if *must => return None,
                None => {}
            }
        }
        for nth in 0..MAX_NAMES.max(least as usize * 2) {
            if made.len() as u64 >= least {
                break;
            }
            let Some(name) = self.a_name(&set, depth, choices.rest() + nth) else { continue };
            if made.contains_key(&name) {
                continue;
            }
            let place = Place { depth: depth + 1, variety: choices.rest() };
            if let Some(value) = self.make(&self.of_field(&set, &name), place) {
                made.insert(name, value);
            }
        }
        Some(Value::Object(made))
    }

    /// The fields to write, and whether each must be there; adds the schemas that they bring with
    /// them.
    fn chosen(
        &self,
        set: &mut Set<'a>,
        depth: usize,
        choices: &mut Choices,
        most: usize,
    ) -> Option<Vec<(String, bool)>> {
        let mut mode = None;
        loop {
            let mut required: Vec<String> = Vec::new();
            for name in set
                .iter()
                .flat_map(|map| map.get("required").and_then(Value::as_array).into_iter().flatten())
            {
                let Some(name) = name.as_str() else { continue };
                if !required.iter().any(|known| known == name) {
                    required.push(name.to_owned());
                }
            }
            let mut named: Vec<&String> = Vec::new();
            for name in set
                .iter()
                .filter_map(|map| map.get("properties")?.as_object())
                .flat_map(|fields| fields.keys())
            {
                if !named.contains(&name) {
                    named.push(name);
                }
            }
            let ends = |name: &&&String| {
                self.of_field(set, name).iter().all(|schema| self.height(schema).is_some())
            };
            let optional: Vec<&String> = named
                .iter()
                .filter(|name| !required.contains(name))
                .filter(ends)
                .copied()
                .collect();
            let mode = *mode.get_or_insert_with(|| choices.pick(2 + optional.len().min(MAX_ALONE)));
            let kept = |at: usize| match (mode, self.lean(depth)) {
                (0, false) | (1, true) => true,
                (0 | 1, _) => false,
                (alone, _) => at == alone - 2,
            };
            let mut wanted: Vec<String> = required.clone();
            for (at, name) in optional.iter().enumerate() {
                if kept(at) && wanted.len() < most {
                    wanted.push((*name).clone());
                }
            }
            // A field may ask for others.
            let mut at = 0;
            while let Some(name) = wanted.get(at).cloned() {
                let others = set.iter().flat_map(|map| {
                    let new = map
                        .get("dependentRequired")
                        .and_then(|depend| depend.get(&name))
                        .and_then(Value::as_array);
                    let old = map
                        .get("dependencies")
                        .and_then(|depend| depend.get(&name))
                        .and_then(Value::as_array);
                    new.into_iter().chain(old).flatten().filter_map(Value::as_str)
                });
                for other in others {
                    if required.contains(&name) && !required.iter().any(|known| known == other) {
                        required.push(other.to_owned());
                    }
                    if !wanted.iter().any(|known| known == other) {
                        wanted.push(other.to_owned());
                    }
                }
                at += 1;
            }
            let more: Vec<&'a Value> = set
                .iter()
                .flat_map(|map| {
                    ["dependentSchemas", "dependencies"]
                        .into_iter()
                        .filter_map(|word| map.get(word)?.as_object())
                })
                .flat_map(|depend| {
                    depend
                        .iter()
                        .filter(|(name, schema)| wanted.contains(name) && !schema.is_array())
                })
                .map(|(_, schema)| schema)
                .collect();
            let before = set.len();
            for schema in more {
                self.gather(schema, set, depth, choices)?;
            }
            if set.len() == before {
                // Fields come in the order in which the schema names them.
                let place = |name: &String| {
                    named.iter().position(|known| *known == name).unwrap_or(named.len())
                };
                wanted.sort_by_key(place);
                return Some(
                    wanted
                        .into_iter()
                        .map(|name| (name.clone(), required.contains(&name)))
                        .collect(),
                );
            }
        }
    }

    /// All schemas that a field of this name must meet.
    fn of_field(&self, set: &Set<'a>, name: &str) -> Vec<&'a Value> {
        set.iter().flat_map(|map| self.rules.of_field(map, name)).collect()
    }

    /// A name for a field that nothing names.
    fn a_name(&self, set: &Set<'a>, depth: usize, nth: usize) -> Option<String> {
        let patterns: Vec<&String> = set
            .iter()
            .filter_map(|map| map.get("patternProperties")?.as_object())
            .flat_map(|fields| fields.keys())
            .collect();
        let rules: Vec<&'a Value> = set.iter().filter_map(|map| map.get("propertyNames")).collect();
        let fits = |name: &String| {
            rules.iter().all(|rule| self.rules.hold(rule, &Value::String(name.clone())))
        };
        if let Some(pattern) = nth.checked_rem(patterns.len()).and_then(|at| patterns.get(at)) {
            return self.rules.patterns.write(pattern, 0, 64, nth / patterns.len()).filter(fits);
        }
        if !rules.is_empty() {
            let made = self.make(&rules, Place { depth: depth + 1, variety: nth })?;
            return made.as_str().map(str::to_owned);
        }
        Some(format!("field_{}", nth + 1))
    }
}
