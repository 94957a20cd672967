//! What the fields of a schema ask for, read off their names, types and descriptions, and how well
//! a fact fits each.
//!
//! Does not know: whether a value is valid; `invent` checks that.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::facts::{FactKind, StatedFact};
use super::words::{has_word, is_empty, split, stem};
use crate::serve::invent;

/// How deep references are followed.
const MAX_FOLLOWED: usize = 16;
/// Most fields of one schema: one that refers to itself has a hundred times as many at each depth.
const MAX_NESTED: usize = 5_000;
/// From here on a fact fits so well that a field is filled which may be left out.
pub const SURE: u32 = 60;

/// What a field asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Class {
    /// A number; whole or not.
    Number(bool),
    /// Yes or no.
    Boolean,
    /// One of these.
    Choice(Vec<Value>),
    /// A list of such.
    List(Box<FieldSlot>),
    /// An object with these fields.
    Object(Vec<FieldSlot>),
    /// An e-mail address.
    Email,
    /// A web address.
    Link,
    /// A telephone number.
    Phone,
    /// A day.
    Day,
    /// A time of day.
    Clock,
    /// A place.
    Place,
    /// Somebody's name, or something's.
    Person,
    /// Words to search for, or a question.
    Query,
    /// A formula.
    Expression,
    /// A currency or a share.
    Currency,
    /// What identifies something.
    Code,
    /// A language.
    Language,
    /// A text to be sent or kept.
    Body,
    /// Program text.
    Program,
    /// Any other text.
    Plain,
    /// Something else.
    Other,
}

/// Which end of a way a field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Where it begins.
    From,
    /// Where it ends.
    To,
}

/// A field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSlot {
    /// Its name; empty for an item of a list.
    pub name: String,
    /// The words of its name.
    pub words: Vec<String>,
    /// What it asks for.
    pub class: Class,
    /// Which end it means, if any.
    pub end: Option<End>,
    /// Whether it has to be there.
    pub required: bool,
    /// Whether it may be null.
    pub nullable: bool,
    /// Its default, or else the first of its examples.
    pub usual: Option<Value>,
    /// Its schema.
    pub schema: Value,
    /// The schema that it is part of, into which its references lead.
    root: Arc<Value>,
}

impl FieldSlot {
    /// Whether its schema takes a value.
    #[must_use]
    pub fn takes(&self, value: &Value) -> bool {
        invent::holds_in(&self.root, &self.schema, value)
    }
}

/// The schema of a field, behind references and branches.
#[must_use]
pub fn meant<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    resolved(root, schema).0
}

/// The fields of an object's schema, which may only refer to one.
#[must_use]
pub fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    meant(schema, schema).get("properties")?.as_object()
}

/// The schema behind references and the branches of a choice: the first that is not null. Says
/// whether null was among them.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> (&'a Value, bool) {
    let (mut schema, mut nullable) = (schema, false);
    for _ in 0..MAX_FOLLOWED {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            let Some(found) = found else { break };
            schema = found;
            continue;
        }
        let branches = ["anyOf", "oneOf", "allOf"]
            .iter()
            .find_map(|word| schema.get(*word)?.as_array())
            .filter(|_| schema.get("type").is_none() && schema.get("properties").is_none());
        let Some(branches) = branches else { break };
        let is_null = |branch: &&Value| branch.get("type") == Some(&json!("null"));
        nullable |= branches.iter().any(|branch| is_null(&branch));
        match branches.iter().find(|branch| !is_null(branch)) {
            Some(branch) => schema = branch,
            None => break,
        }
    }
    (schema, nullable)
}

/// The fields of an object's schema.
#[must_use]
pub fn slots(root: &Value) -> Vec<FieldSlot> {
    let root = Arc::new(root.clone());
    fields(&root, &root, 0, &mut { MAX_NESTED })
}

/// The fields at this depth; nested ones while some of `left` is left.
fn fields(root: &Arc<Value>, schema: &Value, depth: usize, left: &mut usize) -> Vec<FieldSlot> {
    let (schema, _) = resolved(root, schema);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    properties
        .iter()
        .take(100)
        .map(|(name, schema)| {
            slot((root, schema), name, required.contains(&name.as_str()), depth, left)
        })
        .collect()
}

fn slot(
    (root, outer): (&Arc<Value>, &Value),
    name: &str,
    required: bool,
    depth: usize,
    left: &mut usize,
) -> FieldSlot {
    *left = left.saturating_sub(1);
    let nests = depth < 4 && *left > 0;
    let (inner, mut nullable) = resolved(root, outer);
    let words: Vec<String> = split(name).into_iter().map(|(_, word)| word).collect();
    let either = |word: &str| outer.get(word).or_else(|| inner.get(word));
    let kinds: Vec<&str> = match inner.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    nullable |= kinds.contains(&"null");
    let kind = kinds.iter().find(|kind| **kind != "null").copied().unwrap_or_default();
    let description = either("description").and_then(Value::as_str).unwrap_or_default();
    let told: Vec<String> = split(description).into_iter().map(|(_, word)| word).collect();
    let choice = inner.get("const").map(|fixed| vec![fixed.clone()]).or_else(|| {
        let list = inner.get("enum").and_then(Value::as_array)?;
        Some(list.iter().filter(|value| !value.is_null()).cloned().collect())
    });
    let class = match (choice, kind) {
        (Some(values), _) if !values.is_empty() => Class::Choice(values),
        (_, "integer") => Class::Number(true),
        (_, "number") => Class::Number(false),
        (_, "boolean") => Class::Boolean,
        (_, "array") if nests => match inner.get("items") {
            Some(items) => Class::List(Box::new(slot((root, items), name, true, depth + 1, left))),
            None => Class::Other,
        },
        (_, "object") if nests => Class::Object(fields(root, inner, depth + 1, left)),
        (_, "string") => text_class(&words, &told, inner.get("format").and_then(Value::as_str)),
        _ if nests && inner.get("properties").is_some() => {
            Class::Object(fields(root, inner, depth + 1, left))
        }
        _ if kind.is_empty() => text_class(&words, &told, None),
        _ => Class::Other,
    };
    let end =
        if has_word(&words, &["from", "origin", "source", "departure", "start", "begin", "in"]) {
            Some(End::From)
        } else if has_word(
            &words,
            &[
                "to",
                "destination",
                "target",
                "arrival",
                "end",
                "return",
                "recipient",
                "into",
                "out",
            ],
        ) {
            Some(End::To)
        } else {
            None
        };
    let usual = either("default").filter(|value| !value.is_null()).cloned().or_else(|| {
        let list = either("examples").and_then(Value::as_array).and_then(|list| list.first());
        list.or_else(|| either("example")).cloned()
    });
    let (schema, root) = (inner.clone(), Arc::clone(root));
    FieldSlot { name: name.to_owned(), words, class, end, required, nullable, usual, schema, root }
}

/// What a text field asks for: its name says it, or else its description.
fn text_class(name: &[String], told: &[String], format: Option<&str>) -> Class {
    match format {
        Some("email" | "idn-email") => return Class::Email,
        Some("uri" | "url" | "iri" | "uri-reference") => return Class::Link,
        Some("date" | "date-time") => return Class::Day,
        Some("time") => return Class::Clock,
        _ => {}
    }
    const KNOWN: [(Class, &[&str]); 16] = [
        (Class::Email, &["email", "mail", "emails"]),
        (Class::Link, &["url", "uri", "link", "website", "href", "webpage"]),
        (Class::Phone, &["phone", "telephone", "mobile", "tel"]),
        (Class::Currency, &["currency", "currencies", "symbol", "ticker"]),
        (Class::Language, &["language", "lang", "locale"]),
        (Class::Expression, &["expression", "expr", "formula", "equation", "calculation"]),
        (Class::Program, &["code", "python", "script", "sql", "program", "snippet"]),
        (
            Class::Code,
            &["id", "ids", "number", "sku", "reference", "ref", "identifier", "key", "uuid"],
        ),
        (Class::Day, &["date", "day", "checkin", "checkout", "deadline", "birthday"]),
        (Class::Clock, &["time", "hour"]),
        (
            Class::Query,
            &[
                "query", "q", "question", "search", "keyword", "keywords", "term", "terms",
                "topic", "prompt", "request", "task", "input", "queries", "reason", "issue",
                "problem",
            ],
        ),
        (
            Class::Place,
            &[
                "city",
                "location",
                "place",
                "country",
                "town",
                "region",
                "state",
                "destination",
                "origin",
                "cities",
                "locations",
                "places",
                "countries",
                "address",
                "airport",
                "timezone",
                "venue",
            ],
        ),
        (
            Class::Person,
            &[
                "name",
                "person",
                "customer",
                "author",
                "recipient",
                "who",
                "contact",
                "attendee",
                "company",
                "firstname",
                "lastname",
                "username",
                "names",
                "people",
                "attendees",
                "title",
                "brand",
                "product",
            ],
        ),
        (
            Class::Body,
            &[
                "message",
                "body",
                "content",
                "text",
                "subject",
                "note",
                "comment",
                "description",
                "summary",
                "answer",
                "response",
                "reply",
                "explanation",
                "reasoning",
                "details",
                "sentence",
            ],
        ),
        (Class::Place, &["from", "to"]),
        (Class::Person, &["user"]),
    ];
    let of = |words: &[String]| {
        KNOWN.iter().find(|(_, known)| has_word(words, known)).map(|(class, _)| class.clone())
    };
    // The last word of a name is what the field is: `order_id` is an id, `city_name` a city.
    let place = KNOWN.iter().any(|(class, known)| *class == Class::Place && has_word(name, known));
    if place && !has_word(name, &["id", "email", "date", "time", "currency", "language"]) {
        let currency = has_word(told, &["currency", "currencies"]);
        return if currency { Class::Currency } else { Class::Place };
    }
    of(name.last().map_or(&[][..], std::slice::from_ref))
        .or_else(|| of(name))
        .or_else(|| {
            let first: Vec<String> =
                told.iter().filter(|word| !is_empty(word)).take(4).cloned().collect();
            of(&first)
        })
        .unwrap_or(Class::Plain)
}

const LANGUAGES: [&str; 24] = [
    "English",
    "French",
    "German",
    "Spanish",
    "Italian",
    "Portuguese",
    "Dutch",
    "Russian",
    "Chinese",
    "Japanese",
    "Korean",
    "Arabic",
    "Hindi",
    "Polish",
    "Turkish",
    "Swedish",
    "Danish",
    "Norwegian",
    "Finnish",
    "Greek",
    "Hebrew",
    "Ukrainian",
    "Python",
    "JavaScript",
];

/// Words beside a number that say what it counts, each with words of fields that ask for it.
const UNITS: [(&[&str], &[&str]); 12] = [
    (
        &["degrees", "°", "celsius", "fahrenheit", "°c", "°f", "c", "f", "degree"],
        &["temperature", "temp", "degrees", "celsius"],
    ),
    (&["years", "year", "aged", "old"], &["age", "years", "year"]),
    (&["days", "day"], &["days", "day", "duration", "num"]),
    (&["nights", "night"], &["nights", "duration", "num"]),
    (
        &["people", "guests", "persons", "adults", "passengers", "of"],
        &["guests", "people", "party", "persons", "size", "adults", "passengers", "attendees"],
    ),
    (
        &["$", "€", "£", "dollars", "euros", "usd", "eur", "gbp"],
        &["price", "amount", "cost", "total", "value", "budget", "fee"],
    ),
    (&["%", "percent"], &["percent", "percentage", "rate", "tip", "discount", "humidity", "tax"]),
    (&["minutes", "minute", "min", "mins"], &["minutes", "duration", "length"]),
    (&["hours", "hour", "h"], &["hours", "duration"]),
    (
        &["km", "miles", "kilometers", "meters", "m"],
        &["distance", "radius", "km", "miles", "length"],
    ),
    (
        &["top", "first", "results", "items"],
        &["limit", "top", "k", "count", "n", "num", "max", "results", "size"],
    ),
    (&["stars", "star", "rated", "rating", "score"], &["rating", "stars", "score"]),
];

/// How well a fact fits a field: 0 not at all, [`SURE`] well.
#[must_use]
pub fn fit(slot: &FieldSlot, fact: &StatedFact, money: bool) -> u32 {
    let kind = fact.kind;
    let weak = |score: u32| if fact.weak { score.saturating_sub(15) } else { score };
    let direction = match (slot.end, fact.before.as_str()) {
        (Some(End::From), "from") | (Some(End::To), "to" | "into" | "until" | "till") => 30,
        (Some(End::From), "to" | "into") | (Some(End::To), "from") => return 5,
        _ => 0,
    };
    let beside = |words: &[&str]| {
        words.contains(&fact.before.as_str()) || words.contains(&fact.after.as_str())
    };
    match (&slot.class, kind) {
        (Class::Number(_), FactKind::Number | FactKind::Code) => {
            if fact.number().is_none() {
                return 0;
            }
            let named = slot.words.iter().any(|word| {
                !is_empty(word)
                    && [&fact.before, &fact.after].iter().any(|near| stem(near) == stem(word))
            });
            let unit = UNITS.iter().any(|(units, fields)| {
                beside(units) && slot.words.iter().any(|word| fields.contains(&word.as_str()))
            });
            let sum = money
                && UNITS.iter().any(|(units, fields)| {
                    units.contains(&"$")
                        && slot.words.iter().any(|word| fields.contains(&word.as_str()))
                });
            let year = has_word(&slot.words, &["year"])
                && fact.number().is_some_and(|year| (1800.0..2200.0).contains(&year));
            let foreign = UNITS.iter().any(|(units, fields)| {
                beside(units)
                    && !units.contains(&"top")
                    && !units.contains(&"of")
                    && !slot.words.iter().any(|word| fields.contains(&word.as_str()))
            });
            match (named || unit || year || sum, foreign) {
                (true, _) => 80,
                (_, true) => 30,
                _ => 40,
            }
        }
        (Class::Email, FactKind::Email)
        | (Class::Link, FactKind::Link)
        | (Class::Phone, FactKind::Phone)
        | (Class::Expression, FactKind::Expression) => 100,
        (Class::Day, FactKind::Day) | (Class::Clock, FactKind::Clock) => 80 + direction,
        (Class::Person | Class::Body, FactKind::Email) if slot.end == Some(End::To) => 70,
        (Class::Place, FactKind::Name) if LANGUAGES.contains(&fact.text.as_str()) => 20,
        (Class::Place, FactKind::Name) => {
            let near = ["in", "at", "near", "to", "for", "from", "of", "and", "around"];
            weak(65 + direction) + if near.contains(&fact.before.as_str()) { 10 } else { 0 }
        }
        (Class::Place, FactKind::Acronym) => 50 + direction,
        (Class::Place, FactKind::Phrase) => 30 + direction / 2,
        (Class::Place | Class::Person | Class::Plain, FactKind::Quoted) => 62,
        (Class::Language, FactKind::Name) if LANGUAGES.contains(&fact.text.as_str()) => {
            80 + direction
        }
        (Class::Person, FactKind::Name) => weak(65 + direction),
        (Class::Currency, FactKind::Acronym) => 80 + direction,
        (Class::Currency, FactKind::Name) => weak(40 + direction),
        (Class::Code, FactKind::Code) => 80,
        (Class::Code, FactKind::Number) => 65,
        (Class::Code, FactKind::Acronym) => 40,
        (Class::Query | Class::Body, FactKind::Quoted) => 85,
        (Class::Expression, FactKind::Quoted) => 70,
        (Class::Program, FactKind::Quoted) => 60,
        (Class::Plain, FactKind::Name) => weak(35 + direction),
        (Class::Plain, FactKind::Code | FactKind::Acronym) => 30,
        (Class::Plain, FactKind::Phrase) => 20,
        (Class::Person, FactKind::Phrase) => 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_refers_to_itself_has_a_bounded_number_of_fields() {
        let own: serde_json::Map<String, Value> =
            (0..100).map(|nth| (format!("f{nth}"), json!({ "$ref": "#/$defs/own" }))).collect();
        let own = json!({ "type": "object", "properties": own });
        let root = json!({ "$ref": "#/$defs/own", "$defs": { "own": own } });
        fn count(slots: &[FieldSlot]) -> usize {
            let below = |slot: &FieldSlot| match &slot.class {
                Class::Object(fields) => count(fields),
                _ => 0,
            };
            slots.len() + slots.iter().map(below).sum::<usize>()
        }
        let found = slots(&root);
        assert_eq!(found.len(), 100, "the fields themselves are all there");
        // The last object may add its own hundred, at each depth.
        assert!(count(&found) <= MAX_NESTED + 500, "{}", count(&found));
    }
}
