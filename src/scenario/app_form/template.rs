//! A JSON value with placeholders in its texts.
//!
//! Guarantees: what was read can be filled in; what is filled in is never read again, so a question
//! that holds braces stays what it is.
//!
//! Does not know: where the values come from.

use serde_json::{Map, Value};

use crate::diagnostic::nearest;

/// The placeholders, and whether they have a value only once the app has answered.
pub(super) const PLACEHOLDERS: &[(&str, bool)] = &[
    ("question", false),
    ("user", false),
    ("visit", false),
    ("context", false),
    ("attributes", false),
    ("answer", true),
    ("feedback", true),
    ("response", true),
];

/// A value with placeholders.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Form);

#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// A value without any.
    Plain(Value),
    /// A text that is one placeholder.
    Whole(Slot),
    /// A text with placeholders in it.
    Text(Vec<Piece>),
    List(Vec<Template>),
    Object(Vec<(String, Template)>),
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Slot(Slot),
}

/// A placeholder: its name, and which part of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Slot {
    name: &'static str,
    pointer: String,
}

/// What placeholders stand for.
#[derive(Clone, Copy, Debug)]
pub struct TemplateValues<'a> {
    /// The question.
    pub question: &'a str,
    /// The user's key.
    pub user: &'a str,
    /// Which visit, from 0.
    pub visit: u32,
    /// The user's attributes, and `user`, the key.
    pub context: &'a Value,
    /// The user's attributes.
    pub attributes: &'a Value,
    /// The answer's text.
    pub answer: &'a str,
    /// `positive` or `negative`.
    pub feedback: &'a str,
    /// The whole answer.
    pub response: &'a Value,
}

impl Template {
    /// Reads a value; mistakes are added to `wrong` with the path of their text.
    pub(super) fn new(
        value: &Value,
        path: &str,
        after_answer: bool,
        wrong: &mut Vec<(String, String)>,
    ) -> Self {
        Self(match value {
            Value::String(text) => match pieces(text, after_answer) {
                Ok(pieces) => match &pieces[..] {
                    [Piece::Slot(slot)] => Form::Whole(slot.clone()),
                    _ => Form::Text(pieces),
                },
                Err(reason) => {
                    wrong.push((path.to_owned(), reason));
                    Form::Plain(Value::Null)
                }
            },
            Value::Array(items) => Form::List(
                (0..)
                    .zip(items)
                    .map(|(nth, item): (usize, _)| {
                        Self::new(item, &format!("{path}[{nth}]"), after_answer, wrong)
                    })
                    .collect(),
            ),
            Value::Object(fields) => Form::Object(
                fields
                    .iter()
                    .map(|(name, value)| {
                        let path = format!("{path}.{name}");
                        (name.clone(), Self::new(value, &path, after_answer, wrong))
                    })
                    .collect(),
            ),
            plain => Form::Plain(plain.clone()),
        })
    }

    /// Whether the question is in it.
    pub(super) fn asks(&self) -> bool {
        let asks = |slot: &Slot| slot.name == "question";
        match &self.0 {
            Form::Plain(_) => false,
            Form::Whole(slot) => asks(slot),
            Form::Text(pieces) => {
                pieces.iter().any(|piece| matches!(piece, Piece::Slot(slot) if asks(slot)))
            }
            Form::List(items) => items.iter().any(Self::asks),
            Form::Object(fields) => fields.iter().any(|(_, value)| value.asks()),
        }
    }

    /// The value with everything filled in. A part of an answer that is not there is null.
    #[must_use]
    pub fn fill(&self, values: &TemplateValues<'_>) -> Value {
        match &self.0 {
            Form::Plain(value) => value.clone(),
            Form::Whole(slot) => slot.value(values),
            Form::Text(pieces) => {
                let text = pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Slot(slot) => match slot.value(values) {
                        Value::String(text) => text,
                        other => other.to_string(),
                    },
                });
                Value::String(text.collect())
            }
            Form::List(items) => items.iter().map(|item| item.fill(values)).collect(),
            Form::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.clone(), value.fill(values)));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }
}

impl Slot {
    fn value(&self, values: &TemplateValues<'_>) -> Value {
        match self.name {
            "question" => values.question.into(),
            "user" => values.user.into(),
            "visit" => values.visit.into(),
            "context" => self.part(values.context),
            "attributes" => self.part(values.attributes),
            "answer" => values.answer.into(),
            "feedback" => values.feedback.into(),
            _ => self.part(values.response),
        }
    }

    fn part(&self, value: &Value) -> Value {
        value.pointer(&self.pointer).cloned().unwrap_or_default()
    }
}

/// The pieces of a text.
fn pieces(text: &str, after_answer: bool) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        plain += before;
        let (brace, after) = from.split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            plain += brace;
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err("this `}` has no `{` before it".to_owned());
        }
        let (inside, after) =
            after.split_once('}').ok_or_else(|| format!("`{{{after}` has no `}}`"))?;
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Slot(slot(inside, after_answer)?));
        rest = after;
    }
    plain += rest;
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// The placeholder of this name.
fn slot(inside: &str, after_answer: bool) -> Result<Slot, String> {
    let (name, pointer) = match inside.find('/') {
        Some(at) => inside.split_at(at),
        None => (inside, ""),
    };
    let Some((name, later)) = PLACEHOLDERS.iter().find(|(known, _)| *known == name) else {
        let known = PLACEHOLDERS.iter().map(|(name, _)| *name);
        return Err(match nearest(name, known) {
            Some(near) => {
                format!("there is no placeholder `{{{name}}}`: did you mean `{{{near}}}`?")
            }
            None => format!("there is no placeholder `{{{name}}}`"),
        });
    };
    if *later && !after_answer {
        return Err(format!("`{{{name}}}` is known only in feedback, after the answer"));
    }
    if !pointer.is_empty() && !["response", "context", "attributes"].contains(name) {
        return Err(format!("`{{{name}}}` is a text and has no parts"));
    }
    Ok(Slot { name, pointer: pointer.to_owned() })
}
