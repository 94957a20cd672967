//! Every fault of a file's shape at once: its syntax tree compared with the schema of the types
//! that it is read into.
//!
//! RON's reader stops at the first fault. So the tree says what else is wrong, the text is mended
//! where it is wrong, and the reader goes on with the mended text: what it then still refuses is a
//! fault that only the types know.
//!
//! Guarantees: called only for a text that the reader refused; reports no fault of a text that it
//! takes; a fault is reported once, in the order of the file; bounded in time and number.

use std::ops::Range;

use serde_json::{Map, Value};

use super::schema::properties;
use super::tree::{Field, Kind, Node};
use super::wrong_kind::{Expected, described};
use crate::diagnostic::{Diagnostic, SourceText, nearest};

/// Most names that a suggestion lists.
const MAX_NAMES: usize = 24;

/// What a text looks like once its faults are mended.
#[derive(Clone, Debug, Default)]
pub struct Mended {
    /// Bytes of the original and what takes their place; they do not overlap.
    edits: Vec<(Range<usize>, String)>,
}

impl Mended {
    /// Adds an edit.
    pub fn replace(&mut self, place: Range<usize>, put: String) {
        self.edits.push((place, put));
        self.edits.sort_by_key(|(place, _)| place.start);
    }

    /// Whether an edit touches this place of the original.
    pub fn touches(&self, place: &Range<usize>) -> bool {
        self.edits.iter().any(|(edit, _)| edit.start <= place.end && place.start <= edit.end)
    }

    /// The mended text.
    pub fn text(&self, original: &str) -> String {
        let mut text = String::with_capacity(original.len());
        let mut from = 0;
        for (place, put) in &self.edits {
            text.push_str(original.get(from..place.start).unwrap_or_default());
            text.push_str(put);
            from = place.end.max(from);
        }
        text.push_str(original.get(from..).unwrap_or_default());
        text
    }

    /// Where a place of the mended text stands in the original.
    pub fn original(&self, place: &Range<usize>) -> Range<usize> {
        let (mut start, mut end) = (None, None);
        // The first byte behind the last edit, in the mended text and in the original.
        let (mut mended, mut from) = (0, 0);
        for (edit, put) in &self.edits {
            let begins = mended + edit.start.saturating_sub(from);
            let ends = begins + put.len();
            for (offset, found, inside) in
                [(place.start, &mut start, edit.start), (place.end, &mut end, edit.end)]
            {
                if found.is_none() && offset < begins {
                    *found = Some(from + offset - mended);
                } else if found.is_none() && offset < ends {
                    *found = Some(inside);
                }
            }
            (mended, from) = (ends, edit.end);
        }
        let behind = |offset: usize| from + offset.saturating_sub(mended);
        let start = start.unwrap_or_else(|| behind(place.start));
        start..end.unwrap_or_else(|| behind(place.end)).max(start)
    }
}

/// What a check of the shape found.
#[derive(Debug, Default)]
pub struct Checked {
    /// The faults, in the order of the file.
    pub faults: Vec<Diagnostic>,
    /// The text without them.
    pub mended: Mended,
    /// Single values that are right as far as the schema knows, each with a value that surely is.
    pub leaves: Vec<(Range<usize>, String)>,
    /// Whether so much is wrong that the names and sums of the rest mean nothing.
    pub rough: bool,
}

/// Compares a tree with a schema.
pub fn check(root: &Node, schema: &Value, source: &SourceText) -> Checked {
    let empty = Map::new();
    let defs = schema.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    let mut walk = Walk { source, defs, found: Checked::default() };
    walk.value(schema, root);
    let mut found = walk.found;
    found
        .faults
        .sort_by_key(|fault| fault.labels.first().map_or(usize::MAX, |(span, _)| span.start));
    found
}

struct Walk<'a> {
    source: &'a SourceText,
    defs: &'a Map<String, Value>,
    found: Checked,
}

impl<'a> Walk<'a> {
    fn text(&self, span: &Range<usize>) -> &'a str {
        self.source.text.get(span.clone()).unwrap_or_default()
    }

    fn add(&mut self, message: String, span: &Range<usize>, label: &str, help: Option<String>) {
        let fault = Diagnostic::new(message).at(self.source, span.clone(), label);
        self.found.faults.push(Diagnostic { help, ..fault });
    }

    /// A schema and the name of its definition, if it refers to one.
    fn follow(&self, schema: &'a Value) -> (&'a Value, &'a str) {
        let name = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or_default();
        (self.defs.get(name).unwrap_or(schema), name)
    }

    fn value(&mut self, schema: &'a Value, node: &Node) {
        let (schema, name) = self.follow(schema);
        if matches!(node.kind, Kind::Nothing) {
            return;
        }
        if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
            return self.choice(schema, choices, node);
        }
        if let Some(forms) = schema.get("anyOf").and_then(Value::as_array) {
            // One value, or a list of such.
            let list = matches!(node.kind, Kind::List(_));
            let form = if list { forms.last() } else { forms.first() };
            return form.into_iter().for_each(|form| self.value(form, node));
        }
        let (fields, _) = properties(schema);
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        match (kind, &node.kind) {
            ("object", Kind::Block(None, given)) if !fields.is_empty() => {
                self.block(schema, given, node)
            }
            // Whether the name before a block fits, RON's reader says.
            ("object", Kind::Block(Some(_), _)) if !fields.is_empty() => {}
            ("object", Kind::Map(entries)) if fields.is_empty() => {
                let Some(inside) =
                    schema.get("additionalProperties").filter(|inside| inside.is_object())
                else {
                    return;
                };
                for (key, value) in entries {
                    if key.kind != Kind::Text {
                        self.wrong(&Expected::Text, &Value::Null, key);
                    }
                    self.value(inside, value);
                }
            }
            ("array", _) if schema.get("prefixItems").is_some() => self.tuple(schema, node),
            ("array", Kind::List(items)) => {
                if let Some(inside) = schema.get("items") {
                    items.iter().for_each(|item| self.value(inside, item));
                }
            }
            ("string", Kind::Text) => self.quantity(schema, name, node),
            ("boolean", Kind::Bool) => self.leaf(schema, node),
            ("number", Kind::Number) => self.number(schema, name, node),
            ("integer", Kind::Number) => self.whole(schema, node),
            ("object" | "array" | "string" | "boolean" | "number" | "integer", _) => {
                self.wrong(&Expected::of(schema, name), schema, node)
            }
            // A schema that says nothing of its type takes anything.
            _ => {}
        }
    }

    /// A value of another kind than expected.
    fn wrong(&mut self, expected: &Expected, schema: &'a Value, node: &Node) {
        let written = self.text(&node.span);
        let message = format!("expected {}, found {}", expected.phrase(), described(node, written));
        self.add(
            message,
            &node.span,
            &format!("this is not {}", expected.noun()),
            expected.help(node, written),
        );
        self.mend(schema, node);
    }

    /// Puts a sound value in place of one that is not.
    fn mend(&mut self, schema: &'a Value, node: &Node) {
        let sample = self.sample(schema, 0);
        // Names that a map or a list would define are missing from here on.
        self.found.rough |= sample.is_none()
            || !matches!(
                schema.get("type").and_then(Value::as_str),
                Some("string" | "number" | "integer" | "boolean")
            );
        if let Some(sample) = sample {
            self.found.mended.replace(node.span.clone(), sample);
        }
    }

    fn leaf(&mut self, schema: &'a Value, node: &Node) {
        if let Some(sample) = self.sample(schema, 0) {
            self.found.leaves.push((node.span.clone(), sample));
        }
    }

    /// A text; one with a unit has to have its form.
    fn quantity(&mut self, schema: &'a Value, name: &str, node: &Node) {
        let written = self.text(&node.span);
        match Expected::of(schema, name).complaint(written) {
            None => self.leaf(schema, node),
            Some(complaint) => {
                self.add(
                    complaint,
                    &node.span,
                    &format!("this is not {}", Expected::of(schema, name).noun()),
                    None,
                );
                self.mend(schema, node);
            }
        }
    }

    fn number(&mut self, schema: &'a Value, name: &str, node: &Node) {
        let written = self.text(&node.span);
        let number = written.replace('_', "");
        // Numbers with a suffix or a base are RON's to judge.
        let plain = number.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
        match number.parse::<f64>() {
            Err(_)
                if !written.starts_with("0x")
                    && !written.starts_with("0b")
                    && !written.starts_with("0o")
                    && !has_suffix(&number) =>
            {
                self.wrong(&Expected::of(schema, name), schema, node);
            }
            Ok(value) if plain && name == "Probability" && !(0.0..=1.0).contains(&value) => {
                let help = (2.0..=100.0)
                    .contains(&value)
                    .then(|| format!("if {written}% is meant, write {}", value / 100.0));
                self.add(
                    format!("a probability lies between 0 and 1, found {written}"),
                    &node.span,
                    "out of range",
                    help,
                );
                self.mend(schema, node);
            }
            _ => self.leaf(schema, node),
        }
    }

    fn whole(&mut self, schema: &'a Value, node: &Node) {
        let written = self.text(&node.span);
        let number = written.replace('_', "");
        let unsigned = schema.get("maximum").is_none()
            && schema.get("minimum").and_then(Value::as_f64) == Some(0.0);
        if written.starts_with("0x")
            || written.starts_with("0b")
            || written.starts_with("0o")
            || has_suffix(&number)
        {
            return self.leaf(schema, node);
        }
        let (fits, whole) = match number.parse::<i128>() {
            Ok(value) if unsigned => (u64::try_from(value).is_ok(), true),
            Ok(value) => (i64::try_from(value).is_ok(), true),
            Err(_) => (
                false,
                !number.is_empty()
                    && number.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit()),
            ),
        };
        if fits {
            self.leaf(schema, node);
        } else if whole {
            let range = if unsigned {
                "from 0 to 18446744073709551615"
            } else {
                "from -9223372036854775808 to 9223372036854775807"
            };
            self.add(
                format!("the number {written} is out of range"),
                &node.span,
                &format!("expected a whole number {range}"),
                None,
            );
            self.mend(schema, node);
        } else {
            self.wrong(&Expected::Whole, schema, node);
        }
    }

    fn tuple(&mut self, schema: &'a Value, node: &Node) {
        let parts =
            schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        match &node.kind {
            Kind::Tuple(None, items) if items.len() == parts.len() => {
                parts.iter().zip(items).for_each(|(part, item)| self.value(part, item));
            }
            _ => self.wrong(&Expected::Tuple(parts.len()), schema, node),
        }
    }

    /// One of several names, some of which hold something.
    fn choice(&mut self, schema: &'a Value, choices: &'a [Value], node: &Node) {
        let names: Vec<&'a str> = choices.iter().filter_map(choice_name).collect();
        let (name, content) = match &node.kind {
            Kind::Name => (node.span.clone(), None),
            Kind::Block(Some(name), _) | Kind::Tuple(Some(name), _) => (name.clone(), Some(node)),
            _ => {
                return self.wrong(
                    &Expected::Choice(names.iter().map(|&name| name.to_owned()).collect()),
                    schema,
                    node,
                );
            }
        };
        let written = self.text(&name);
        let Some(choice) = choices.iter().find(|choice| choice_name(choice) == Some(written))
        else {
            // Some names are known in two spellings.
            if !names.iter().any(|known| known.eq_ignore_ascii_case(written)) {
                self.unknown("variant", &name, &names);
                self.mend(schema, node);
            }
            return;
        };
        let inside = properties(choice)
            .0
            .get(written)
            .is_some()
            .then(|| choice.get("properties").and_then(|all| all.get(written)))
            .flatten();
        match (inside, content.map(|node| &node.kind)) {
            (Some(inside), Some(Kind::Block(_, fields))) if !properties(inside).0.is_empty() => {
                self.block(inside, fields, node)
            }
            (Some(inside), Some(Kind::Tuple(_, items))) if inside.get("prefixItems").is_some() => {
                let parts = inside
                    .get("prefixItems")
                    .and_then(Value::as_array)
                    .map_or(&[][..], Vec::as_slice);
                if parts.len() == items.len() {
                    parts.iter().zip(items).for_each(|(part, item)| self.value(part, item));
                }
            }
            (Some(inside), Some(Kind::Tuple(_, items))) if properties(inside).0.is_empty() => {
                if let [only] = items.as_slice() {
                    self.value(inside, only);
                }
            }
            // What else can be wrong here, RON's reader says.
            _ => {}
        }
    }

    fn block(&mut self, schema: &'a Value, given: &[Field], node: &Node) {
        let Some(fields) = schema.get("properties").and_then(Value::as_object) else { return };
        let known: Vec<&'a str> = fields.keys().map(String::as_str).collect();
        let mut seen: Vec<&str> = Vec::new();
        let named: Vec<&str> = given.iter().map(|field| self.text(&field.name)).collect();
        for (field, &name) in given.iter().zip(&named) {
            if fields.contains_key(name) && seen.contains(&name) {
                self.add(
                    format!("the field `{name}` is given twice"),
                    &field.name,
                    "the second time",
                    Some("keep one of them".to_owned()),
                );
                self.found.mended.replace(field.name.start..field.end, String::new());
                continue;
            }
            seen.push(name);
            if let Some(inside) = fields.get(name) {
                self.value(inside, &field.value);
                continue;
            }
            let near = self.unknown("field", &field.name, &known);
            // A field that was meant to be another is checked as that one.
            match near
                .filter(|near| !named.contains(near) && !seen.contains(near))
                .and_then(|near| fields.get_key_value(near))
            {
                Some((near, inside)) => {
                    seen.push(near);
                    self.found.mended.replace(field.name.clone(), near.clone());
                    self.value(inside, &field.value);
                }
                None => self.found.mended.replace(field.name.start..field.end, String::new()),
            }
        }
        // That a scenario lacks its experiments is said with the names and sums.
        let is_root = schema.get("$defs").is_some();
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        for name in required.filter(|name| !seen.contains(name) && !is_root) {
            let close = node.span.end.saturating_sub(1);
            self.add(
                format!("the field `{name}` is missing"),
                &(close..node.span.end),
                "this block ends without it",
                Some(format!("write `{name}: …` in this block")),
            );
            self.found.rough = true;
            match fields.get(name).and_then(|inside| self.sample(inside, 0)) {
                Some(sample) => self.insert(given, close, &format!("{name}: {sample}")),
                None => self.found.leaves.clear(),
            }
        }
    }

    /// Puts a field at the end of a block.
    fn insert(&mut self, given: &[Field], close: usize, field: &str) {
        let open = given
            .last()
            .is_some_and(|last| !self.text(&(last.value.span.end..last.end)).contains(','));
        let comma = if open { ", " } else { " " };
        match self.found.mended.edits.iter_mut().find(|(place, _)| *place == (close..close)) {
            Some((_, put)) => *put += &format!(", {field}"),
            None => self.found.mended.replace(close..close, format!("{comma}{field}")),
        }
    }

    /// A name that nobody knows; the known one that it is close to.
    fn unknown(&mut self, what: &str, name: &Range<usize>, known: &[&'a str]) -> Option<&'a str> {
        let found = self.text(name);
        let near = nearest(found, known.iter().copied());
        let help = near.map_or_else(|| listed(known), |near| format!("did you mean `{near}`?"));
        self.add(
            format!("unknown {what} `{found}`"),
            name,
            &format!("no {what} has this name here"),
            Some(help),
        );
        near
    }

    /// A value that the schema surely takes, as a file writes it; `None` for what is too deep to
    /// make up.
    fn sample(&self, schema: &'a Value, depth: usize) -> Option<String> {
        let (schema, _) = self.follow(schema);
        if depth > 4 {
            return None;
        }
        if let Some(example) = schema.get("examples").and_then(|examples| examples.get(0)) {
            return Some(example.to_string());
        }
        if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
            return choices
                .iter()
                .find_map(|choice| choice.get("const").and_then(Value::as_str))
                .map(str::to_owned);
        }
        if let Some(parts) = schema.get("prefixItems").and_then(Value::as_array) {
            let parts: Option<Vec<String>> =
                parts.iter().map(|part| self.sample(part, depth + 1)).collect();
            return Some(format!("({})", parts?.join(", ")));
        }
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        match schema.get("type").and_then(Value::as_str)? {
            "string" => Some("\"x\"".to_owned()),
            "boolean" => Some("false".to_owned()),
            "integer" => Some(format!("{}", bound("minimum").unwrap_or(0.0))),
            "number" => {
                let low = bound("minimum").or(bound("exclusiveMinimum"));
                let high = bound("maximum").or(bound("exclusiveMaximum"));
                Some(format!(
                    "{:?}",
                    low.zip(high).map_or(1.0, |(low, high)| f64::midpoint(low, high))
                ))
            }
            "array" => Some("[]".to_owned()),
            "object" => {
                let fields = schema.get("properties").and_then(Value::as_object);
                let Some(fields) = fields.filter(|fields| !fields.is_empty()) else {
                    return Some("{}".to_owned());
                };
                let required = schema
                    .get("required")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str);
                let needed: Option<Vec<String>> = required
                    .map(|name| {
                        Some(format!("{name}: {}", self.sample(fields.get(name)?, depth + 1)?))
                    })
                    .collect();
                Some(format!("({})", needed?.join(", ")))
            }
            _ => None,
        }
    }
}

/// The name of a choice.
fn choice_name(choice: &Value) -> Option<&str> {
    let fields = || {
        choice.get("properties").and_then(Value::as_object).and_then(|fields| fields.keys().next())
    };
    choice.get("const").and_then(Value::as_str).or_else(|| fields().map(String::as_str))
}

/// Whether a number ends in the name of a Rust type, which RON takes.
fn has_suffix(number: &str) -> bool {
    ["8", "16", "32", "64", "128"]
        .iter()
        .any(|bits| number.strip_suffix(bits).is_some_and(|rest| rest.ends_with(['i', 'u', 'f'])))
}

/// The names that can be written.
pub fn listed(known: &[&str]) -> String {
    match known {
        [] => "nothing can be written here".to_owned(),
        known => match known.split_at_checked(MAX_NAMES) {
            Some((shown, [_, ..])) => format!("expected one of: {}, …", shown.join(", ")),
            _ => format!("expected one of: {}", known.join(", ")),
        },
    }
}
