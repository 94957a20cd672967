//! The search for a value: choose among the branches of a schema, build, check, and choose again.
//!
//! The choices of one place are numbered. Try 0 takes the first branch of everything, which is what
//! a reader of the schema would write; later tries count through the other combinations. So nothing
//! here is drawn at random.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::heights::Heights;
use super::rules::Rules;

/// How many combinations of choices one place tries.
const TRIES: usize = 64;
/// How many places are visited before the search gives up.
const MAX_STEPS: u32 = 60_000;
/// Values (fields, items and what they hold) in one answer.
const MAX_VALUES: u32 = 20_000;
/// Values after which only what must be there is added.
const ENOUGH_VALUES: u32 = 400;
/// How deep optional fields and items go before only what must be there is added.
const ENOUGH_DEPTH: usize = 5;
/// How deep a value may be: as deep as JSON parsers commonly read.
const MAX_DEPTH: usize = 120;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// Any valid value is larger than what is made here.
    TooLarge,
    /// No value was found that the schema takes.
    Impossible,
}

/// The fields and subschemas that must all hold in one place.
pub(super) type Set<'a> = Vec<&'a Map<String, Value>>;

/// A value of this schema; texts say `words`. Without a schema it is an object with an answer.
///
/// # Errors
/// When no value was found, or only one beyond the bounds.
pub fn value(schema: &Value, words: &str) -> Result<Value, Unmet> {
    if schema.is_null() {
        return Ok(json!({ "answer": words }));
    }
    Maker::new(schema, words).make_all(&[schema])
}

/// As [`value`], and an object in any case.
///
/// # Errors
/// As [`value`].
pub fn object(schema: &Value, words: &str) -> Result<Value, Unmet> {
    let any = json!({ "type": "object" });
    if schema.is_null() {
        return Ok(json!({}));
    }
    Maker::new(schema, words).make_all(&[schema, &any])
}

/// A value of this schema with these fields, as far as the schema takes them, and with what else it
/// names; texts say `words`.
///
/// # Errors
/// As [`value`].
pub fn with_fields(schema: &Value, words: &str, known: Map<String, Value>) -> Result<Value, Unmet> {
    let rules = Rules::new(schema);
    let mut made = value(schema, words)?;
    for (name, told) in known {
        let mut next = made.clone();
        let Some(fields) = next.as_object_mut() else { break };
        fields.insert(name, told);
        if rules.hold(schema, &next) {
            made = next;
        }
    }
    Ok(made)
}

/// A value of this schema that says what `known` says wherever the schema takes it.
///
/// # Errors
/// As [`value`].
pub fn overlaid(schema: &Value, words: &str, known: Value) -> Result<Value, Unmet> {
    let rules = Rules::new(schema);
    if schema.is_null() || rules.hold(schema, &known) {
        return Ok(known);
    }
    let mut made = value(schema, words)?;
    let Value::Object(known) = known else { return Ok(made) };
    for (name, told) in known {
        let mut next = made.clone();
        let Some(fields) = next.as_object_mut() else { break };
        if fields.insert(name, told).is_some() && rules.hold(schema, &next) {
            made = next;
        }
    }
    Ok(made)
}

/// Whether a schema takes a value; references lead into the schema itself.
#[must_use]
pub fn holds(schema: &Value, value: &Value) -> bool {
    Rules::new(schema).hold(schema, value)
}

/// Whether a part of a schema takes a value; references lead into the whole schema.
#[must_use]
pub fn holds_in(root: &Value, schema: &Value, value: &Value) -> bool {
    Rules::new(root).hold(schema, value)
}

/// The object of these fields, with more only where the schema asks for them.
///
/// # Errors
/// As [`value`].
pub fn completed(schema: &Value, words: &str, known: Map<String, Value>) -> Result<Value, Unmet> {
    let rules = Rules::new(schema);
    let own = Value::Object(known);
    if rules.hold(schema, &own) {
        return Ok(own);
    }
    let Value::Object(known) = own else { return object(schema, words) };
    let mut made = object(schema, words)?;
    let named: Vec<String> =
        made.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    for name in named.iter().filter(|name| !known.contains_key(*name)) {
        let mut next = made.clone();
        let removed = next.as_object_mut().and_then(|fields| fields.shift_remove(name));
        if removed.is_some() && rules.hold(schema, &next) {
            made = next;
        }
    }
    for (name, told) in known {
        let mut next = made.clone();
        let Some(fields) = next.as_object_mut() else { break };
        fields.insert(name, told);
        if rules.hold(schema, &next) {
            made = next;
        }
    }
    Ok(made)
}

/// Numbered choices: each takes the lowest digit of a number, in a base of how many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choices(usize);

impl Choices {
    /// One of `n`.
    pub(super) fn pick(&mut self, n: usize) -> usize {
        let chosen = self.0 % n.max(1);
        self.0 /= n.max(1);
        chosen
    }

    /// What is left for the places below.
    pub(super) fn rest(self) -> usize {
        self.0
    }
}

/// Where a value stands and how far the choices have been counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) depth: usize,
    pub(super) variety: usize,
}

/// Makes values of one schema.
pub(super) struct Maker<'a> {
    pub(super) words: &'a str,
    pub(super) rules: Rules<'a>,
    heights: Heights,
    /// Numbers that the schema speaks of: where a rule says what must not be, the answer is often
    /// beside one of them.
    pub(super) hints: Vec<f64>,
    steps: Cell<u32>,
    values: Cell<u32>,
    too_large: Cell<bool>,
    /// Places at which every try failed: they are not tried again.
    impossible: RefCell<BTreeSet<(bool, Vec<*const Value>)>>,
}

/// The numbers of a schema that bound something.
fn hints(root: &Value) -> Vec<f64> {
    const MOST: usize = 24;
    const BOUNDS: [&str; 11] = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "const",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
    ];
    fn collect(value: &Value, found: &mut Vec<f64>) {
        match value {
            Value::Object(map) => {
                for (word, value) in map {
                    match value.as_f64() {
                        Some(number)
                            if BOUNDS.contains(&word.as_str())
                                && !found.contains(&number)
                                && found.len() < MOST =>
                        {
                            found.push(number)
                        }
                        _ => collect(value, found),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(root, &mut found);
    found
}

impl<'a> Maker<'a> {
    /// Counts to try where the usual one does not do: those that the schema speaks of, and their
    /// neighbours.
    pub(super) fn counts(&self) -> impl Iterator<Item = u64> + '_ {
        self.hints
            .iter()
            .filter(|n| (0.0..1_000.0).contains(*n))
            .flat_map(|n| [*n as u64, *n as u64 + 1, (*n as u64).saturating_sub(1)])
    }

    fn new(root: &'a Value, words: &'a str) -> Self {
        let rules = Rules::new(root);
        let heights = Heights::of(root, &rules);
        Self {
            words,
            rules,
            heights,
            hints: hints(root),
            steps: Cell::new(MAX_STEPS),
            values: Cell::new(0),
            too_large: Cell::new(false),
            impossible: RefCell::default(),
        }
    }

    fn make_all(&self, all: &[&'a Value]) -> Result<Value, Unmet> {
        let made = self.make(all, Place { depth: 0, variety: 0 });
        made.ok_or(if self.too_large.get() { Unmet::TooLarge } else { Unmet::Impossible })
    }

    /// Notes that something would be larger than what is made here.
    pub(super) fn give_up(&self) {
        self.too_large.set(true);
    }

    /// Whether only what must be there is added here.
    pub(super) fn lean(&self, depth: usize) -> bool {
        depth > ENOUGH_DEPTH || self.values.get() > ENOUGH_VALUES
    }

    /// Levels below a schema that any value of it needs; `None` if it has no value that ends.
    pub(super) fn height(&self, schema: &Value) -> Option<u32> {
        self.heights.get(schema)
    }

    /// A value that all of these take.
    pub(super) fn make(&self, all: &[&'a Value], place: Place) -> Option<Value> {
        if place.depth > MAX_DEPTH || self.values.get() > MAX_VALUES {
            self.give_up();
            return None;
        }
        let key = (
            self.lean(place.depth),
            all.iter().map(|schema| std::ptr::from_ref(*schema)).collect(),
        );
        if self.impossible.borrow().contains(&key) {
            return None;
        }
        for more in 0..TRIES {
            let left = self.steps.get().checked_sub(1)?;
            self.steps.set(left);
            let before = self.values.get();
            let mut choices = Choices(place.variety + more);
            if let Some(value) = self.attempt(all, place.depth, &mut choices)
                && all.iter().all(|schema| self.rules.hold(schema, &value))
            {
                self.values.set(self.values.get() + 1);
                return Some(value);
            }
            self.values.set(before);
        }
        self.impossible.borrow_mut().insert(key);
        None
    }

    fn attempt(&self, all: &[&'a Value], depth: usize, choices: &mut Choices) -> Option<Value> {
        let mut set = Set::new();
        for schema in all {
            self.gather(schema, &mut set, depth, choices)?;
        }
        if let Some(values) = self.listed(&set) {
            return values.get(choices.pick(values.len())).map(|value| (*value).clone());
        }
        let kinds = self.kinds(&set, depth);
        let kind = *kinds.get(choices.pick(kinds.len()))?;
        match kind {
            "object" => self.an_object(set, depth, choices),
            "array" => self.an_array(&set, depth, choices),
            "integer" => self.a_number(&set, true, choices.rest()),
            "number" => self.a_number(&set, false, choices.rest()),
            "boolean" => Some(Value::Bool(choices.rest() % 2 == 1)),
            "null" => Some(Value::Null),
            _ => self.a_text(&set, choices.rest()),
        }
    }

    /// Adds a schema and all that must hold with it, one branch of each choice.
    pub(super) fn gather(
        &self,
        schema: &'a Value,
        set: &mut Set<'a>,
        depth: usize,
        choices: &mut Choices,
    ) -> Option<()> {
        let map = match schema {
            Value::Bool(false) => return None,
            Value::Object(map) => map,
            _ => return Some(()),
        };
        // A schema that leads back to itself in the same place adds nothing.
        if set.iter().any(|known| std::ptr::eq(*known, map)) {
            return Some(());
        }
        set.push(map);
        if let Some(target) = self.rules.target(map) {
            self.gather(target?, set, depth, choices)?;
        }
        for part in map.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.gather(part, set, depth, choices)?;
        }
        for choice in ["anyOf", "oneOf"] {
            let Some(branches) = map.get(choice).and_then(Value::as_array) else { continue };
            let mut finite: Vec<(u32, &Value)> =
                branches.iter().filter_map(|branch| Some((self.height(branch)?, branch))).collect();
            if self.lean(depth) {
                finite.sort_by_key(|(height, _)| *height);
            }
            let (_, branch) = *finite.get(choices.pick(finite.len()))?;
            self.gather(branch, set, depth, choices)?;
        }
        if let Some(test) =
            map.get("if").filter(|_| map.contains_key("then") || map.contains_key("else"))
        {
            // Where the test fails is checked afterwards, with everything else.
            if choices.pick(2) == 0 {
                self.gather(test, set, depth, choices)?;
                map.get("then").map_or(Some(()), |then| self.gather(then, set, depth, choices))?;
            } else {
                map.get("else")
                    .map_or(Some(()), |other| self.gather(other, set, depth, choices))?;
            }
        }
        Some(())
    }

    /// The values of the shortest list among `const` and `enum`, if there is any.
    fn listed(&self, set: &Set<'a>) -> Option<Vec<&'a Value>> {
        let fixed = set.iter().filter_map(|map| map.get("const")).map(|value| vec![value]);
        let lists = set
            .iter()
            .filter_map(|map| map.get("enum").and_then(Value::as_array))
            .map(|list| list.iter().collect());
        fixed.chain(lists).min_by_key(Vec::len).map(|values: Vec<&Value>| {
            let taken = |value: &&Value| set.iter().all(|map| self.rules.listed(map, value));
            let some: Vec<&Value> = values.iter().copied().filter(taken).collect();
            if some.is_empty() { values } else { some }
        })
    }

    /// The kinds of value to try, the likeliest first.
    fn kinds(&self, set: &Set<'a>, depth: usize) -> Vec<&'static str> {
        const ALL: [&str; 7] =
            ["string", "object", "array", "number", "integer", "boolean", "null"];
        let mut order: Vec<&'static str> = Vec::new();
        let named = |word: &str| ALL.into_iter().find(|kind| *kind == word);
        for map in set {
            match map.get("type") {
                Some(Value::String(word)) => order.extend(named(word)),
                Some(Value::Array(words)) => {
                    order.extend(words.iter().filter_map(|word| named(word.as_str()?)))
                }
                _ => {}
            }
        }
        // What only a kind's own words speak of is of that kind.
        const SPEAK: [(&str, &[&str]); 4] = [
            (
                "object",
                &[
                    "properties",
                    "required",
                    "patternProperties",
                    "minProperties",
                    "propertyNames",
                    "dependentRequired",
                ],
            ),
            ("array", &["items", "prefixItems", "minItems", "contains", "uniqueItems"]),
            (
                "number",
                &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
            ),
            ("string", &["pattern", "format", "minLength", "maxLength"]),
        ];
        let typed = !order.is_empty();
        if !typed {
            let spoken = SPEAK.iter().filter(|(_, words)| {
                set.iter().any(|map| words.iter().any(|word| map.contains_key(*word)))
            });
            order.extend(spoken.map(|(kind, _)| *kind));
            order.extend(ALL);
        }
        let allowed = |kind: &str| {
            set.iter().all(|map| {
                let is = |word: &str| word == kind || (word == "number" && kind == "integer");
                match map.get("type") {
                    Some(Value::String(word)) => is(word),
                    Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).any(is),
                    _ => true,
                }
            })
        };
        let mut kinds: Vec<&'static str> = Vec::new();
        for kind in order {
            if allowed(kind) && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        if typed && self.lean(depth) {
            kinds.sort_by_key(|kind| matches!(*kind, "object" | "array"));
        }
        kinds
    }
}
