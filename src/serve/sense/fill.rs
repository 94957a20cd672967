//! Arguments and typed answers from what texts state.
//!
//! Guarantees: what is handed back is valid under the schema, or the schema has no valid value of a
//! bearable size; every fact is used once in one object.
//!
//! Does not know: which tool is called, or why.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

use super::facts::{FactKind, StatedFact, facts, read_part};
use super::slots::{Class, FieldSlot, SURE, fit, slots};
use super::words::{is_empty, split, stem, stems, subject};
use crate::serve::invent::{self, Unmet};

/// Most calls that one tool gets for the same question.
const MAX_CALLS: usize = 8;

/// A text with what it states.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The text; the ends of a long one.
    pub text: String,
    /// What it states.
    pub facts: Vec<StatedFact>,
    /// What it is about, in a few words.
    pub subject: String,
}

impl Statement {
    /// Reads a text; what it is about may be known better.
    #[must_use]
    pub fn of(text: &str, subject_of: Option<&str>) -> Self {
        let text = read_part(text);
        let subject = subject_of.map_or_else(|| subject(&text), str::to_owned);
        Self { facts: facts(&text), subject, text }
    }

    fn has_money(&self, fact: &StatedFact) -> bool {
        let before = self.text.get(..fact.at).unwrap_or_default();
        before.ends_with(['$', '€', '£'])
    }

    fn fit(&self, slot: &FieldSlot, fact: &StatedFact) -> u32 {
        fit(slot, fact, self.has_money(fact))
    }
}

/// The value of a fact in a field.
fn value_of(slot: &FieldSlot, fact: &StatedFact, statement: &Statement) -> Option<Value> {
    let number = |whole: bool| -> Option<Value> {
        let number = fact.number()?;
        if number.fract() == 0.0 && number.abs() < 9e15 {
            return Some(Value::from(number as i64));
        }
        (!whole).then(|| Number::from_f64(number).map(Value::Number)).flatten()
    };
    let value = match slot.class {
        Class::Number(whole) => number(whole)?,
        Class::Day if slot.schema.get("format").and_then(Value::as_str) == Some("date-time") => {
            let clock = statement.facts.iter().find(|fact| fact.kind == FactKind::Clock);
            let clock = clock.map_or("00:00:00", |fact| fact.text.as_str());
            format!("{}T{clock}Z", fact.text).into()
        }
        Class::Clock if slot.schema.get("format").is_none() => {
            fact.text.get(..5).unwrap_or(&fact.text).into()
        }
        _ => fact.text.as_str().into(),
    };
    slot.takes(&value).then_some(value)
}

/// The options that a text names, in its order. Of two in the same place, such as `urgent` and `not
/// urgent`, it names the longer one.
pub fn named_options(options: &[Value], text: &str) -> Vec<Value> {
    let words: Vec<String> = split(text).into_iter().map(|(_, word)| stem(&word)).collect();
    let place = |option: &Value| -> Option<(usize, usize)> {
        let own: Vec<String> =
            split(option.as_str()?).into_iter().map(|(_, word)| stem(&word)).collect();
        let at = words.windows(own.len().max(1)).position(|window| *window == own)?;
        Some((at, at + own.len()))
    };
    let found: Vec<((usize, usize), &Value)> =
        options.iter().filter_map(|option| Some((place(option)?, option))).collect();
    let is_part = |(start, end): (usize, usize)| {
        found.iter().any(|((from, to), _)| *from <= start && end <= *to && to - from > end - start)
    };
    let mut named: Vec<((usize, usize), &Value)> =
        found.iter().filter(|(span, _)| !is_part(*span)).copied().collect();
    named.sort_by_key(|(span, _)| *span);
    named.into_iter().map(|(_, option)| option.clone()).collect()
}

/// Whether a text says yes or no to what a field is called.
fn said(slot: &FieldSlot, text: &str) -> Option<bool> {
    const FORM: [&str; 12] = [
        "is", "has", "include", "use", "enable", "enabled", "should", "with", "allow", "only",
        "flag", "are",
    ];
    let own: BTreeSet<String> = slot
        .words
        .iter()
        .filter(|word| !FORM.contains(&word.as_str()) && !is_empty(word))
        .map(|word| stem(word))
        .collect();
    let words = split(text);
    let at = words.iter().position(|(_, word)| own.contains(&stem(word)))?;
    let near = words.get(at.saturating_sub(3)..at).unwrap_or_default();
    Some(
        !near
            .iter()
            .any(|(_, word)| ["not", "no", "without", "don", "never"].contains(&word.as_str())),
    )
}

/// What is known of the fields of one object, and which facts were used.
struct Known {
    values: Map<String, Value>,
    used: BTreeSet<usize>,
    /// The field whose fact has others like it: its name, and their values.
    more: Option<(String, Vec<Value>)>,
}

/// Fills fields from a statement: the best pairs of field and fact first. Only what fits with
/// `least` is used, and for fields that may be left out only what fits well.
fn known(all: &[FieldSlot], statement: &Statement, least: u32, mut used: BTreeSet<usize>) -> Known {
    let mut values = Map::new();
    for slot in all {
        let found = match &slot.class {
            Class::Choice(options) => named_options(options, &statement.text).into_iter().next(),
            Class::Boolean => said(slot, &statement.text).map(Value::Bool),
            _ => None,
        };
        values.extend(found.map(|value| (slot.name.clone(), value)));
    }
    let floor = |slot: &FieldSlot| if slot.required { least.max(1) } else { least.max(SURE) };
    let item = |slot: &FieldSlot| match &slot.class {
        Class::List(item) => (**item).clone(),
        _ => slot.clone(),
    };
    let mut pairs: Vec<(u32, usize, usize)> = Vec::new();
    for (at, slot) in all.iter().enumerate() {
        if matches!(slot.class, Class::List(_)) {
            continue;
        }
        let fits =
            statement.facts.iter().enumerate().map(|(nth, fact)| (statement.fit(slot, fact), nth));
        pairs.extend(
            fits.filter(|(score, _)| *score >= floor(slot)).map(|(score, nth)| (score, at, nth)),
        );
    }
    // Equal pairs: in the order of the facts for fields in their order.
    pairs.sort_by_key(|(score, at, nth)| (std::cmp::Reverse(*score), *nth, *at));
    let mut taken: Vec<(usize, usize, u32)> = Vec::new();
    for (score, at, nth) in pairs {
        let (Some(slot), Some(fact)) = (all.get(at), statement.facts.get(nth)) else { continue };
        if values.contains_key(&slot.name) || overlaps(&used, nth, statement) {
            continue;
        }
        if let Some(value) = value_of(slot, fact, statement) {
            values.insert(slot.name.clone(), value);
            used.insert(nth);
            taken.push((at, nth, score));
        }
    }
    for slot in all {
        let own = item(slot);
        match &slot.class {
            Class::List(_) => {
                let list = listed(&own, statement, floor(slot), &mut used);
                if !list.is_empty() {
                    values.insert(slot.name.clone(), list.into());
                }
            }
            Class::Object(inside) => {
                let inner = known(inside, statement, least, used.clone());
                if !inner.values.is_empty() && (slot.required || inner.used.len() > used.len()) {
                    used = inner.used;
                    values.insert(slot.name.clone(), inner.values.into());
                }
            }
            _ => {}
        }
    }
    let more = others(all, statement, &taken, &used);
    Known { values, used, more }
}

/// Whether a fact stands where one is used already: a quotation holds a name, too.
fn overlaps(used: &BTreeSet<usize>, nth: usize, statement: &Statement) -> bool {
    let Some(fact) = statement.facts.get(nth) else { return true };
    used.iter()
        .filter_map(|nth| statement.facts.get(*nth))
        .any(|known| fact.at < known.end && known.at < fact.end)
}

/// The items of a list.
fn listed(
    item: &FieldSlot,
    statement: &Statement,
    least: u32,
    used: &mut BTreeSet<usize>,
) -> Vec<Value> {
    if let Class::Choice(options) = &item.class {
        return named_options(options, &statement.text);
    }
    let mut found: Vec<Value> = Vec::new();
    for (nth, fact) in statement.facts.iter().enumerate() {
        let score = if let Class::Object(inside) = &item.class {
            inside.iter().map(|slot| statement.fit(slot, fact)).max().unwrap_or_default()
        } else {
            statement.fit(item, fact)
        };
        if score < least.min(SURE) || score < 35 || overlaps(used, nth, statement) {
            continue;
        }
        let value = match &item.class {
            Class::Object(inside) => inside.iter().find_map(|slot| {
                let value = (statement.fit(slot, fact) == score)
                    .then(|| value_of(slot, fact, statement))?;
                Some(Value::Object([(slot.name.clone(), value?)].into_iter().collect()))
            }),
            _ => value_of(item, fact, statement),
        };
        if let Some(value) = value.filter(|value| !found.contains(value)) {
            used.insert(nth);
            found.push(value);
        }
    }
    found
}

/// Facts like the one that a field took, where the field is the only one that asks for such.
fn others(
    all: &[FieldSlot],
    statement: &Statement,
    taken: &[(usize, usize, u32)],
    used: &BTreeSet<usize>,
) -> Option<(String, Vec<Value>)> {
    let (at, nth, score) = taken
        .iter()
        .filter(|(at, ..)| all.get(*at).is_some_and(|slot| slot.required))
        .max_by_key(|(_, nth, score)| (*score, std::cmp::Reverse(*nth)))?;
    let (slot, fact) = (all.get(*at)?, statement.facts.get(*nth)?);
    let rivals = all.iter().filter(|other| other.required && statement.fit(other, fact) >= 35);
    if rivals.count() > 1 || fact.weak || *score < 35 {
        return None;
    }
    let like = statement.facts.iter().enumerate().filter(|(other, like)| {
        like.kind == fact.kind
            && !like.weak
            && !overlaps(used, *other, statement)
            && statement.fit(slot, like) + 30 >= *score
    });
    let mut values: Vec<Value> = Vec::new();
    for (_, like) in like {
        let value = value_of(slot, like, statement);
        values.extend(value.filter(|value| !values.contains(value) && like.text != fact.text));
    }
    (!values.is_empty()).then(|| (slot.name.clone(), values))
}

/// Fields without a fact: the default, or words for what asks for words.
fn completed(all: &[FieldSlot], statement: &Statement, values: &mut Map<String, Value>) {
    for slot in all.iter().filter(|slot| slot.required) {
        if values.contains_key(&slot.name) {
            if let (Class::Object(inside), Some(Value::Object(inner))) =
                (&slot.class, values.get_mut(&slot.name))
            {
                completed(inside, statement, inner);
            }
            continue;
        }
        let words = || match slot.class {
            Class::Query | Class::Body | Class::Plain | Class::Place | Class::Person => {
                Some(Value::from(statement.subject.as_str()))
            }
            Class::Expression | Class::Program => Some(Value::from(statement.text.trim())),
            _ => None,
        };
        let usual = slot.usual.clone().filter(|value| slot.takes(value));
        let null = || slot.nullable.then_some(Value::Null);
        if let Some(value) = usual.or_else(null).or_else(words) {
            values.insert(slot.name.clone(), value);
        } else if let Class::Object(inside) = &slot.class {
            let mut inner = Map::new();
            completed(inside, statement, &mut inner);
            if !inner.is_empty() {
                values.insert(slot.name.clone(), inner.into());
            }
        }
    }
}

/// The arguments of a tool with this schema for a question: one call, or one for each of several
/// things that the question asks the same of.
///
/// # Errors
/// When the schema has no value of a bearable size.
pub fn arguments(schema: &Value, statement: &Statement) -> Result<Vec<Value>, Unmet> {
    let all = slots(schema);
    let Known { values: mut fixed, more, .. } = known(&all, statement, 1, BTreeSet::new());
    completed(&all, statement, &mut fixed);
    let mut calls = vec![invent::completed(schema, &statement.subject, fixed.clone())?];
    let Some((name, values)) = more else { return Ok(calls) };
    for value in values.into_iter().take(MAX_CALLS - 1) {
        let mut next = fixed.clone();
        next.insert(name.clone(), value);
        let next = invent::completed(schema, &statement.subject, next)?;
        if !calls.contains(&next) {
            calls.push(next);
        }
    }
    Ok(calls)
}

/// How many fields of a schema a statement fills for sure, and how many must be there.
#[must_use]
pub fn evidence(schema: &Value, statement: &Statement) -> (usize, usize) {
    let all = slots(schema);
    let found = known(&all, statement, SURE, BTreeSet::new());
    let required = all.iter().filter(|slot| slot.required);
    let filled = required.clone().filter(|slot| found.values.contains_key(&slot.name)).count();
    (filled, required.count())
}

/// The fields of a typed answer that are known: from results that are JSON by name, then from what
/// results and the question state.
#[must_use]
pub fn typed(schema: &Value, question: &Statement, results: &[Statement]) -> Map<String, Value> {
    let all = slots(schema);
    let mut values = Map::new();
    for result in results {
        let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(&result.text) else {
            continue;
        };
        for slot in &all {
            let own = stems(&slot.name);
            let found = fields.iter().find(|(name, _)| stems(name) == own).map(|(_, value)| value);
            let taken = found.filter(|value| slot.takes(value));
            values.extend(taken.map(|value| (slot.name.clone(), value.clone())));
        }
    }
    let texts = results.iter().map(|result| (result, 35)).chain([(question, SURE)]);
    for (statement, least) in texts {
        // What the question says in words is no answer to it.
        let answers = |slot: &&FieldSlot| {
            !matches!(slot.class, Class::Body | Class::Query | Class::Expression | Class::Program)
        };
        let open = all.iter().filter(|slot| !values.contains_key(&slot.name)).filter(answers);
        let open: Vec<FieldSlot> = open.cloned().collect();
        let found = known(&open, statement, least, BTreeSet::new());
        values.extend(found.values);
    }
    values
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn calls(schema: &Value, question: &str) -> Vec<Value> {
        let made = arguments(schema, &Statement::of(question, None)).unwrap();
        for call in &made {
            assert!(jsonschema::is_valid(schema, call), "{call} {schema}");
        }
        made
    }

    fn object(properties: Value, required: &[&str]) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    #[test]
    fn arguments_come_from_the_question() {
        let city = object(
            json!({ "city": { "type": "string" }, "unit": { "enum": ["celsius", "fahrenheit"] } }),
            &["city"],
        );
        assert_eq!(calls(&city, "What is the weather in Paris?"), [json!({ "city": "Paris" })]);
        assert_eq!(
            calls(&city, "what's the weather in paris in fahrenheit?"),
            [json!({ "city": "paris", "unit": "fahrenheit" })]
        );
        assert_eq!(
            calls(&city, "Compare the weather in Paris, London and New York."),
            [
                json!({ "city": "Paris" }),
                json!({ "city": "London" }),
                json!({ "city": "New York" })
            ]
        );
        let list = object(
            json!({ "cities": { "type": "array", "items": { "type": "string" } } }),
            &["cities"],
        );
        assert_eq!(
            calls(&list, "Weather in Paris and Rome?"),
            [json!({ "cities": ["Paris", "Rome"] })]
        );
        let sum =
            object(json!({ "a": { "type": "integer" }, "b": { "type": "integer" } }), &["a", "b"]);
        assert_eq!(calls(&sum, "What is 3 plus 4?"), [json!({ "a": 3, "b": 4 })]);
        let way = object(
            json!({ "origin": { "type": "string" }, "destination": { "type": "string" },
                    "date": { "type": "string", "format": "date" }, "passengers": { "type": "integer", "minimum": 1, "default": 1 } }),
            &["origin", "destination", "date", "passengers"],
        );
        assert_eq!(
            calls(&way, "Book a flight to Rome from Berlin on December 24, 2026 for 2 passengers"),
            [
                json!({ "origin": "Berlin", "destination": "Rome", "date": "2026-12-24", "passengers": 2 })
            ]
        );
        assert_eq!(
            calls(&way, "A flight to Rome from Berlin on 2026-12-24")[0]["passengers"],
            1,
            "the default"
        );
        let money = object(
            json!({ "amount": { "type": "number" }, "from_currency": { "type": "string" }, "to_currency": { "type": "string" } }),
            &["amount", "from_currency", "to_currency"],
        );
        assert_eq!(
            calls(&money, "Convert 99.5 USD to EUR"),
            [json!({ "amount": 99.5, "from_currency": "USD", "to_currency": "EUR" })]
        );
        let mail = object(
            json!({ "to": { "type": "string", "format": "email" }, "subject": { "type": "string" }, "urgent": { "type": "boolean" } }),
            &["to", "subject"],
        );
        assert_eq!(
            calls(&mail, "Send an urgent mail to ann@example.com with the subject \"Lunch\""),
            [json!({ "to": "ann@example.com", "subject": "Lunch", "urgent": true })]
        );
        let order = object(
            json!({ "order_id": { "type": "string", "pattern": "^ORD-\\d+$" } }),
            &["order_id"],
        );
        assert_eq!(
            calls(&order, "Where is my order ORD-4711?"),
            [json!({ "order_id": "ORD-4711" })]
        );
        assert!(
            calls(&order, "Where is my order?")[0]["order_id"]
                .as_str()
                .unwrap()
                .starts_with("ORD-")
        );
        let search = object(
            json!({ "query": { "type": "string" }, "limit": { "type": "integer", "maximum": 10 } }),
            &["query"],
        );
        assert_eq!(calls(&search, "Find the top 3 papers about graph networks")[0]["limit"], 3);
        assert_eq!(
            calls(&search, "Find the top 30 papers")[0].get("limit"),
            None,
            "beyond the maximum"
        );
        let formula = object(json!({ "expression": { "type": "string" } }), &["expression"]);
        assert_eq!(
            calls(&formula, "Calculate (3 + 4) * 12 please"),
            [json!({ "expression": "(3 + 4) * 12" })]
        );
        let strict = json!({ "type": "object", "properties": { "city": { "type": "string" }, "days": { "type": ["integer", "null"] } },
            "required": ["city", "days"], "additionalProperties": false });
        assert_eq!(calls(&strict, "Weather in Oslo?"), [json!({ "city": "Oslo", "days": null })]);
        assert_eq!(
            calls(&strict, "Weather in Oslo for the next 3 days?"),
            [json!({ "city": "Oslo", "days": 3 })]
        );
    }

    #[test]
    fn options_of_several_words_are_found_whole() {
        let of = |options: &[&str]| object(json!({ "place": { "enum": options } }), &["place"]);
        let cities = of(&["York", "New York", "Rome"]);
        let said = |schema: &Value, text: &str| calls(schema, text)[0]["place"].clone();
        assert_eq!(said(&cities, "Find a new flight to New York"), "New York");
        assert_eq!(said(&cities, "To York, please"), "York");
        assert_eq!(said(&cities, "Rome is new"), "Rome");
        let states = of(&["urgent", "not urgent", "in_progress"]);
        assert_eq!(said(&states, "This one is not urgent."), "not urgent");
        assert_eq!(said(&states, "Set it to in progress"), "in_progress");
    }

    #[test]
    fn definitions_at_the_root_hold_for_every_field() {
        let schema = json!({
            "$ref": "#/$defs/Trip",
            "$defs": {
                "City": { "type": "string", "enum": ["Rome", "Paris"] },
                "Leg": { "type": "object", "properties": { "to": { "$ref": "#/$defs/City" } }, "required": ["to"] },
                "Trip": { "type": "object", "properties": {
                    "legs": { "type": "array", "items": { "$ref": "#/$defs/Leg" } },
                    "home": { "allOf": [{ "$ref": "#/$defs/City" }] },
                }, "required": ["legs", "home"] },
            },
        });
        let result = Statement::of(r#"{"legs": [{"to": "Rome"}], "home": "Paris"}"#, None);
        let known = typed(&schema, &Statement::of("Plan it", None), &[result]);
        assert_eq!(Value::Object(known), json!({ "legs": [{ "to": "Rome" }], "home": "Paris" }));
        assert_eq!(calls(&schema, "Home is Paris")[0]["home"], "Paris");
    }

    #[test]
    fn a_typed_answer_has_what_question_and_results_state() {
        let person = object(
            json!({ "name": { "type": "string" }, "age": { "type": "integer" } }),
            &["name", "age"],
        );
        let of = |text: &str| Statement::of(text, None);
        assert_eq!(
            Value::Object(typed(&person, &of("Extract: Jason Liu is 25 years old."), &[])),
            json!({ "name": "Jason Liu", "age": 25 })
        );
        let weather = object(
            json!({ "city": { "type": "string" }, "temperature_c": { "type": "number" } }),
            &["city", "temperature_c"],
        );
        assert_eq!(
            Value::Object(typed(&weather, &of("How is Paris?"), &[of("18 degrees and sunny")])),
            json!({ "city": "Paris", "temperature_c": 18 })
        );
        assert_eq!(
            Value::Object(typed(
                &weather,
                &of("Paris?"),
                &[of(r#"{"city": "Paris", "temperature_c": 7.5}"#)]
            )),
            json!({ "city": "Paris", "temperature_c": 7.5 })
        );
    }
}
