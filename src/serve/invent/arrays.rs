//! Arrays of a schema.

use serde_json::Value;

use super::make::{Choices, Maker, Place, Set};
use super::rules::{count_of, same};

/// Most items that are made.
const MAX_ITEMS: u64 = 10_000;
/// How many other items are tried where one is there already and must not come twice.
const MAX_OTHERS: usize = 256;

impl<'a> Maker<'a> {
    pub(super) fn an_array(
        &self,
        set: &Set<'a>,
        depth: usize,
        choices: &mut Choices,
    ) -> Option<Value> {
        let number =
            |word: &str| set.iter().filter_map(|map| count_of(map.get(word)?)).collect::<Vec<_>>();
        let contains: Vec<(&'a Value, u64)> = set
            .iter()
            .filter_map(|map| {
                Some((map.get("contains")?, map.get("minContains").and_then(count_of).unwrap_or(1)))
            })
            .collect();
        let wanted: u64 = contains.iter().map(|(_, least)| *least).fold(0, u64::saturating_add);
        let least = number("minItems")
            .into_iter()
            .max()
            .unwrap_or_default()
            .max(contains.iter().map(|(_, n)| *n).max().unwrap_or(0));
        let most = number("maxItems").into_iter().min().unwrap_or(u64::MAX);
        if least > MAX_ITEMS {
            self.give_up();
            return None;
        }
        let prefix = set.iter().map(|map| prefix_of(map).len() as u64).max().unwrap_or_default();
        let usual =
            if self.lean(depth) { least } else { least.max(prefix).max(wanted).max(1).min(most) };
        let mut counts = Vec::new();
        for count in [usual, least, least.max(wanted), usual + 1, usual + 2, 0, 1]
            .into_iter()
            .chain(self.counts())
        {
            if (least..=most).contains(&count) && !counts.contains(&count) {
                counts.push(count);
            }
        }
        let count = *counts.get(choices.pick(counts.len()))?;
        let unique = set.iter().any(|map| map.get("uniqueItems") == Some(&Value::Bool(true)));
        let mut items: Vec<Value> = Vec::new();
        for at in 0..count {
            let mut rules: Vec<&'a Value> = set.iter().filter_map(|map| item_of(map, at)).collect();
            // What must be contained comes last, behind what has a place of its own.
            let mut from_end = count - at;
            for (schema, least) in &contains {
                if from_end <= *least {
                    rules.push(schema);
                    break;
                }
                from_end -= least;
            }
            let Some(item) = self.an_item(
                &rules,
                &items,
                unique,
                Place { depth: depth + 1, variety: choices.rest() },
            ) else {
                // Items that need not be there may be missing.
                if at >= least && at >= wanted {
                    break;
                }
                return None;
            };
            items.push(item);
        }
        Some(Value::Array(items))
    }

    fn an_item(
        &self,
        rules: &[&'a Value],
        before: &[Value],
        unique: bool,
        place: Place,
    ) -> Option<Value> {
        if !unique {
            return self.make(rules, place);
        }
        for other in 0..MAX_OTHERS.max(before.len() + 1) {
            let item =
                self.make(rules, Place { variety: place.variety + before.len() + other, ..place })?;
            if !before.iter().any(|known| same(known, &item)) {
                return Some(item);
            }
        }
        None
    }
}

/// The schemas of the first items: `prefixItems`, or a list of `items` as older drafts have it.
pub(super) fn prefix_of(map: &serde_json::Map<String, Value>) -> &[Value] {
    let list = map.get("prefixItems").or_else(|| map.get("items").filter(|items| items.is_array()));
    list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The schema of the item at this place.
pub(super) fn item_of(map: &serde_json::Map<String, Value>, at: u64) -> Option<&Value> {
    let prefix = prefix_of(map);
    match prefix.get(usize::try_from(at).ok()?) {
        Some(schema) => Some(schema),
        None if map.get("items").is_some_and(Value::is_array) => map.get("additionalItems"),
        None => map.get("items"),
    }
}
