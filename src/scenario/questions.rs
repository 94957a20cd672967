//! The file of questions that a scenario names: JSON lines, one question each.
//!
//! Guarantees: every fault points into the file of questions, at its line; at most
//! [`MAX_FAULTS`] lines with faults are shown.
//!
//! Does not know: what a question is about, or who asks it.

use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::documents::Documents;
use super::faults::Faults;
use super::source::{WrittenRole, WrittenScenario as Written};
use super::spanned::Spanned;
use crate::diagnostic::{Diagnostic, SourceText, nearest};
use crate::figure::count;
use crate::knowledge::{Complexity, PiiKind, QuestionNotes};

/// Most questions of a file.
const MAX_QUESTIONS: usize = 100_000;
/// Most lines with faults that are shown.
const MAX_FAULTS: usize = 20;
/// The fields of a line.
const FIELDS: [&str; 6] = ["text", "intent", "depth", "personal_data", "expected", "harmful"];
const EXAMPLE: &str = "a line is a JSON object such as {\"text\": \"Where is my invoice?\"}";

/// The questions of the file that the scenario names: texts and what is known of them. Empty without
/// a file or after a fault.
pub fn questions(
    written: &Written,
    documents: &dyn Fn(&str) -> Documents,
    faults: &mut Faults<'_>,
) -> Vec<(String, QuestionNotes)> {
    let Some(named) = &written.questions else { return Vec::new() };
    unused(written, named, faults);
    if std::path::Path::new(&named.value).extension().is_some_and(|ending| ending == "md") {
        let help = "write the questions into a file such as prompts.jsonl, one JSON object a line";
        let label = "a Markdown file";
        faults.add("questions are read from JSON lines", &named.span, label, Some(help.to_owned()));
        return Vec::new();
    }
    let text = documents(&named.value).and_then(|found| match <[_; 1]>::try_from(found) {
        Ok([(_, text)]) => Ok(text),
        Err(_) => Err("it is a folder".to_owned()),
    });
    let text = match text {
        Ok(text) => text,
        Err(reason) => {
            let help =
                "put the file next to the scenario file, or write its path from there".to_owned();
            let message = format!("the questions cannot be read: {reason}");
            faults.add(message, &named.span, "this file", Some(help));
            return Vec::new();
        }
    };
    let source = SourceText::new(named.value.as_str(), text);
    let intents = intents(written);
    let mut reading = Reading { source: &source, intents: &intents, found: Vec::new() };
    let mut read = Vec::new();
    for line in lines(&source.text) {
        if reading.found.len() >= MAX_FAULTS {
            break;
        }
        if read.len() == MAX_QUESTIONS {
            let message = format!("more than {} questions", count(MAX_QUESTIONS as u64));
            reading.fault(message, line, "the first one too many", None);
            break;
        }
        read.extend(reading.line(line));
    }
    if read.is_empty() && reading.found.is_empty() {
        let fault = Diagnostic::new(format!("`{}` has no questions", named.value));
        reading.found.push(fault.help(EXAMPLE));
    }
    let found = reading.found;
    let sound = found.is_empty();
    found.into_iter().for_each(|fault| faults.add_other(fault));
    if sound { read } else { Vec::new() }
}

/// Settings of made-up questions, which have no effect beside a file of questions.
fn unused(written: &Written, named: &Spanned<String>, faults: &mut Faults<'_>) {
    let traffic = &written.traffic;
    let settings = [
        ("pii_percentage", traffic.pii_percentage.as_ref().map(|own| &own.span)),
        ("topics", traffic.topics.as_ref().map(|own| &own.span)),
        ("writer", traffic.writer.as_ref().map(|own| &own.span)),
    ];
    for (what, span) in settings {
        if let Some(span) = span {
            let places = [(span, "nobody writes questions"), (&named.span, "they are all here")];
            let help = format!("remove `{what}`, or remove `questions` to have them written");
            let message = format!("`{what}` has no effect on questions from a file");
            faults.add_pair(message, places, Some(help));
        }
    }
}

/// What users can want, by the scenario's routing agents.
fn intents(written: &Written) -> Vec<&str> {
    let nodes = written.graph.iter().flat_map(|graph| &graph.nodes.0);
    let routes = nodes.filter_map(|(_, node)| match &node.role.as_ref()?.value {
        WrittenRole::Route { intents, .. } => Some(&intents.value.0),
        _ => None,
    });
    routes.flatten().map(|(name, _)| name.value.as_str()).collect()
}

/// The bytes of each line that is not blank, without its end.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let from = start + (line.len() - line.trim_start().len());
        start += line.len();
        let line = line.trim();
        (!line.is_empty()).then(|| from..from + line.len())
    })
}

/// The fields of an object, in order, each with its value as it is written.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry::<String, &RawValue>()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

/// A file of questions, as it is read.
struct Reading<'a> {
    source: &'a SourceText,
    intents: &'a [&'a str],
    found: Vec<Diagnostic>,
}

impl<'a> Reading<'a> {
    fn fault(
        &mut self,
        message: impl Into<String>,
        span: Range<usize>,
        label: impl Into<String>,
        help: Option<String>,
    ) {
        let fault = Diagnostic::new(message).at(self.source, span, label);
        self.found.push(Diagnostic { help, ..fault });
    }

    /// Where a part of the text stands in it.
    fn place(&self, part: &str) -> Range<usize> {
        let start = (part.as_ptr() as usize).saturating_sub(self.source.text.as_ptr() as usize);
        start..start + part.len()
    }

    /// The object that is written in a part of the text.
    fn object(&mut self, part: &'a str, what: &str) -> Option<Vec<(String, &'a RawValue)>> {
        match serde_json::from_str::<Fields<'a>>(part) {
            Ok(fields) => Some(fields.0),
            Err(error) => {
                let at = self.place(part).start + error.column().saturating_sub(1).min(part.len());
                let syntax = error.is_syntax() || error.is_eof();
                let (message, label) = if syntax {
                    (format!("{what} is not JSON"), "it cannot be read from here on")
                } else {
                    (format!("{what} is not a JSON object"), "expected an object")
                };
                let end = self.place(part).end;
                let span = if syntax {
                    let step = part.get(at - self.place(part).start..).unwrap_or_default();
                    at..at + step.chars().next().map_or(0, char::len_utf8)
                } else {
                    self.place(part)
                };
                // An end that comes too early is shown at the last character.
                let span = if span.is_empty() { end.saturating_sub(1)..end } else { span };
                self.fault(message, span, label, Some(EXAMPLE.to_owned()));
                None
            }
        }
    }

    /// The text of a value; an empty one and anything else is a fault.
    fn text(&mut self, field: &str, value: &RawValue) -> Option<String> {
        let place = self.place(value.get());
        match serde_json::from_str::<String>(value.get()) {
            Ok(text) if text.trim().is_empty() => {
                self.fault(format!("`{field}` is empty"), place, "no words", None);
                None
            }
            Ok(text) => Some(text),
            Err(_) => {
                let label = "expected a text in quotation marks";
                self.fault(format!("`{field}` is not a text"), place, label, None);
                None
            }
        }
    }

    /// One of these names.
    fn one_of(&mut self, field: &str, value: &RawValue, known: &[&str]) -> Option<usize> {
        let name = self.text(field, value)?;
        let at = known.iter().position(|known| *known == name);
        if at.is_none() {
            let near = nearest(&name, known.iter().copied());
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => {
                    "the scenario's graph has no agent with the role `Route`, so remove the field"
                        .to_owned()
                }
                None => format!("known: {}", known.join(", ")),
            };
            let message = format!("{field} `{name}` is not defined");
            let place = self.place(value.get());
            self.fault(message, place, format!("no {field} has this name"), Some(help));
        }
        at
    }

    /// A field that is not known.
    fn unknown(&mut self, name: &str, value: &RawValue, known: &[&str]) {
        let value = self.place(value.get());
        let before = self.source.text.get(..value.start).unwrap_or_default();
        let written = format!("\"{name}\"");
        let place = before.rfind(&written).map_or(value, |at| at..at + written.len());
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known.join(", ")),
        };
        self.fault(format!("there is no field `{name}`"), place, "unknown field", Some(help));
    }

    /// The question of a line.
    fn line(&mut self, line: Range<usize>) -> Option<(String, QuestionNotes)> {
        let source: &'a SourceText = self.source;
        let part = source.text.get(line.clone())?;
        let faults = self.found.len();
        let fields = self.object(part, "the line")?;
        let (mut text, mut notes) = (None, QuestionNotes::default());
        for (nth, (name, value)) in fields.iter().enumerate() {
            if fields.iter().take(nth).any(|(earlier, _)| earlier == name) {
                let place = self.place(value.get());
                self.fault(format!("`{name}` is given twice"), place, "the second time", None);
                continue;
            }
            match name.as_str() {
                "text" => text = self.text(name, value).map(|text| (text, *value)),
                "intent" => {
                    let at = self.one_of("intent", value, self.intents);
                    notes.intent =
                        at.and_then(|at| self.intents.get(at)).map(|&own| own.to_owned());
                }
                "depth" => {
                    let known = Complexity::ALL.map(Complexity::name);
                    let at = self.one_of("depth", value, &known);
                    notes.depth = at.and_then(|at| Complexity::ALL.get(at)).copied();
                }
                "personal_data" => notes.personal = self.personal(value),
                "harmful" => notes.harmful = self.truth(value),
                "expected" => notes.expected = self.text(name, value),
                _ => self.unknown(name, value, &FIELDS),
            }
        }
        let written = fields.iter().any(|(name, _)| name == "text");
        if !written && self.found.len() == faults {
            let label = "a question without its words";
            self.fault("the field `text` is missing", line, label, Some(EXAMPLE.to_owned()));
        }
        let (text, place) = text?;
        if let Some((_, words)) =
            notes.personal.iter().flatten().find(|(_, words)| !text.contains(words.as_str()))
        {
            let message = format!("the personal data `{words}` is not in the text");
            let label = "it does not stand here";
            let help = "write it exactly as it stands in `text`".to_owned();
            let place = self.place(place.get());
            self.fault(message, place, label, Some(help));
        }
        (self.found.len() == faults).then_some((text, notes))
    }

    /// `true` or `false`.
    fn truth(&mut self, value: &'a RawValue) -> Option<bool> {
        let read = serde_json::from_str(value.get()).ok();
        if read.is_none() {
            let place = self.place(value.get());
            let help = "write `true` where a guard should stop the question".to_owned();
            self.fault("`harmful` is neither true nor false", place, "not a boolean", Some(help));
        }
        read
    }

    /// Kinds of personal data, each with the words in the text that tell it.
    fn personal(&mut self, value: &'a RawValue) -> Option<Vec<(PiiKind, String)>> {
        let known = PiiKind::ALL.map(PiiKind::type_name);
        let mut found = Vec::new();
        for (name, value) in self.object(value.get(), "`personal_data`")? {
            match known.iter().position(|known| *known == name).and_then(|at| PiiKind::ALL.get(at))
            {
                Some(&kind) => found.extend(self.text(&name, value).map(|words| (kind, words))),
                None => self.unknown(&name, value, &known),
            }
        }
        Some(found)
    }
}
