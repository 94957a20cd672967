//! A JSON body to typed fields, or to the one field that is at fault.
//!
//! Guarantees: any bytes at all give a value or a [`BodyProblem`], never a panic; the quick way through
//! costs nothing for the paths, since only a body that failed is read a second time to find where.
//!
//! Does not know: how a provider words a fault.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A kind of JSON value, as asked for or as found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonKind {
    Null,
    Boolean,
    Integer,
    Number,
    Text,
    List,
    Object,
    TextOrList,
    TextOrObject,
    Other,
}

impl JsonKind {
    /// With its article.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Number => "a decimal",
            Self::Text => "a string",
            Self::List => "an array",
            Self::Object => "an object",
            Self::TextOrList => "one of a string or array",
            Self::TextOrObject => "one of a string or object",
            Self::Other => "another value",
        }
    }

    /// The kind that serde names so in its messages, after "expected" or "invalid type:".
    fn named(words: &str) -> Self {
        let first = words.split([' ', '`']).next().unwrap_or_default();
        match (words, first) {
            (Content::EXPECTED, _) => Self::TextOrList,
            (Choice::EXPECTED, _) => Self::TextOrObject,
            (_, "string") | ("a string" | "a borrowed string" | "str", _) => Self::Text,
            (_, "integer" | "i64" | "u64" | "i32" | "u32") => Self::Integer,
            (_, "floating" | "f64" | "f32") => Self::Number,
            (_, "boolean") | ("a boolean", _) => Self::Boolean,
            (_, "sequence") | ("a sequence", _) => Self::List,
            (_, "map" | "struct") | ("an object" | "a map", _) => Self::Object,
            (_, "null" | "unit") => Self::Null,
            _ => Self::Other,
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Problem {
    /// The body is no JSON; serde's words.
    NotJson(String),
    /// The field must be there.
    Missing,
    /// It is of another kind.
    Type { expected: JsonKind, found: JsonKind },
    /// A number below the least that is allowed; whether it is a whole one by nature.
    Below { least: String, found: String, whole: bool },
    /// A number above the most that is allowed; whether it is a whole one by nature.
    Above { most: String, found: String, whole: bool },
    /// A list or text that must hold something.
    Empty,
    /// A word that is none of those known.
    NotOneOf { found: String, allowed: &'static [&'static str] },
    /// A word of another provider, which this one refuses.
    Forbidden,
    /// Said in full already, with the provider's code.
    Said { message: String, code: Option<&'static str> },
}

/// A field (dotted path, empty for the body itself) and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BodyProblem {
    pub(crate) path: String,
    pub(crate) problem: Problem,
}

impl BodyProblem {
    pub(crate) fn new(path: impl Into<String>, problem: Problem) -> Self {
        Self { path: path.into(), problem }
    }

    pub(crate) fn missing(path: impl Into<String>) -> Self {
        Self::new(path, Problem::Missing)
    }

    pub(crate) fn said(
        path: impl Into<String>,
        message: impl Into<String>,
        code: Option<&'static str>,
    ) -> Self {
        Self::new(path, Problem::Said { message: message.into(), code })
    }
}

/// Reads a whole body.
pub(crate) fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, BodyProblem> {
    serde_json::from_slice(body).map_err(|error| explain::<T>(body, &error))
}

/// Reads the body again, to learn where it went wrong.
#[cold]
fn explain<'de, T: Deserialize<'de>>(body: &'de [u8], first: &serde_json::Error) -> BodyProblem {
    if !first.is_data() {
        return BodyProblem::new("", Problem::NotJson(first.to_string()));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut reader) else {
        return BodyProblem::new("", Problem::NotJson(first.to_string()));
    };
    let mut path = String::new();
    for segment in error.path() {
        use serde_path_to_error::Segment;
        let dot = if path.is_empty() { "" } else { "." };
        match segment {
            Segment::Seq { index } => path += &format!("{dot}{index}"),
            Segment::Map { key } => path += &format!("{dot}{key}"),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let said = error.inner().to_string();
    // serde_json ends each message with its place; the place that matters here is the path.
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(words, _)| words);
    let problem = match said.rsplit_once(", expected ") {
        Some((found, expected)) if found.starts_with("invalid type: ") => Problem::Type {
            expected: JsonKind::named(expected),
            found: JsonKind::named(found.trim_start_matches("invalid type: ")),
        },
        // The only values that a type of ours refuses are integers that do not fit into 64 bits.
        Some((found, _)) if found.starts_with("invalid value: integer") => Problem::Above {
            most: i64::MAX.to_string(),
            found: found.trim_start_matches("invalid value: integer ").trim_matches('`').to_owned(),
            whole: true,
        },
        _ => Problem::Said { message: said.to_owned(), code: None },
    };
    BodyProblem { path, problem }
}

/// An object, and nothing else: serde's own structs would also take a list of the fields in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Obj<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Obj<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = Obj<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Obj)
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

/// A string, or a list of something.
#[derive(Clone, Debug)]
pub(crate) enum TextOrList<T> {
    Text(String),
    List(Vec<T>),
}

/// The wording of [`TextOrList`], kept apart from its parameter.
struct Content;
impl Content {
    const EXPECTED: &str = "a string or an array";
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOrList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOrList<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Content::EXPECTED)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOrList::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(TextOrList::List)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// A word, or an object of some kind.
#[derive(Clone, Debug)]
pub(crate) enum TextOrObject<T> {
    Text(String),
    Object(T),
}

/// The wording of [`TextOrObject`], kept apart from its parameter.
struct Choice;
impl Choice {
    const EXPECTED: &str = "a string or an object";
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOrObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOrObject<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Choice::EXPECTED)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOrObject::Text(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOrObject::Object)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// Whether a field is given; its value does not matter. `null` is not given: the clients' own
/// `model_dump()` writes it for every field that they know and do not use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present(pub(crate) bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<IgnoredAny>::deserialize(deserializer).map(|value| Self(value.is_some()))
    }
}

/// A whole number of at least `least` and at most what 32 bits hold.
pub(crate) fn whole(
    path: &str,
    value: Option<i64>,
    least: u32,
) -> Result<Option<u32>, BodyProblem> {
    let Some(value) = value else { return Ok(None) };
    if value < i64::from(least) {
        return Err(BodyProblem::new(
            path,
            Problem::Below { least: least.to_string(), found: value.to_string(), whole: true },
        ));
    }
    match u32::try_from(value) {
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(BodyProblem::new(
            path,
            Problem::Above { most: u32::MAX.to_string(), found: value.to_string(), whole: true },
        )),
    }
}

/// A number from 0 to `most`.
pub(crate) fn real(path: &str, value: Option<f64>, most: f64) -> Result<Option<f64>, BodyProblem> {
    match value {
        Some(value) if value < 0.0 => Err(BodyProblem::new(
            path,
            Problem::Below { least: "0".to_owned(), found: value.to_string(), whole: false },
        )),
        Some(value) if value > most => Err(BodyProblem::new(
            path,
            Problem::Above { most: most.to_string(), found: value.to_string(), whole: false },
        )),
        value => Ok(value),
    }
}

/// A count of tokens, held to 32 bits.
pub(crate) fn tokens(value: Option<u64>) -> u32 {
    u32::try_from(value.unwrap_or_default()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::raw::RawObject;
    use super::*;

    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(default)]
    struct Body {
        name: Option<String>,
        count: Option<i64>,
        share: Option<f64>,
        flag: Option<bool>,
        items: Option<Vec<Obj<Item>>>,
        content: Option<TextOrList<Obj<Item>>>,
        choice: Option<TextOrObject<Item>>,
        input: Option<RawObject>,
    }

    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(default)]
    struct Item {
        text: Option<String>,
    }

    fn fault(body: &str) -> BodyProblem {
        read::<Obj<Body>>(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn the_field_at_fault_is_named_with_what_was_expected_and_found() {
        let cases: [(&str, &str, JsonKind, JsonKind); 16] = [
            (r#"{"name": 5}"#, "name", JsonKind::Text, JsonKind::Integer),
            (
                r#"{"name": "x", "count": "x, expected y at line 3"}"#,
                "count",
                JsonKind::Integer,
                JsonKind::Text,
            ),
            (r#"{"count": 1.5}"#, "count", JsonKind::Integer, JsonKind::Number),
            (r#"{"share": true}"#, "share", JsonKind::Number, JsonKind::Boolean),
            (r#"{"flag": []}"#, "flag", JsonKind::Boolean, JsonKind::List),
            (r#"{"items": {}}"#, "items", JsonKind::List, JsonKind::Object),
            (r#"{"items": [{}, [1]]}"#, "items.1", JsonKind::Object, JsonKind::List),
            (r#"{"items": [{}, null]}"#, "items.1", JsonKind::Object, JsonKind::Null),
            (r#"{"items": [{"text": 1}]}"#, "items.0.text", JsonKind::Text, JsonKind::Integer),
            (r#"{"content": 1}"#, "content", JsonKind::TextOrList, JsonKind::Integer),
            (r#"{"content": [{"text": {}}]}"#, "content.0.text", JsonKind::Text, JsonKind::Object),
            (r#"{"choice": []}"#, "choice", JsonKind::TextOrObject, JsonKind::List),
            (r#"{"choice": {"text": 1.5}}"#, "choice.text", JsonKind::Text, JsonKind::Number),
            (r#"{"input": []}"#, "input", JsonKind::Object, JsonKind::List),
            ("[]", "", JsonKind::Object, JsonKind::List),
            ("5", "", JsonKind::Object, JsonKind::Integer),
        ];
        for (body, path, expected, found) in cases {
            assert_eq!(
                fault(body),
                BodyProblem::new(path, Problem::Type { expected, found }),
                "{body}"
            );
        }
        let huge = fault(r#"{"count": 18446744073709551615}"#);
        assert_eq!(huge.path, "count");
        assert!(matches!(huge.problem, Problem::Above { .. }), "{huge:?}");
    }

    #[test]
    fn what_is_no_json_is_said_to_be_none() {
        for body in ["", "{", "{}}", "{\"name\": \"\u{1}\"}", "nul", &"[".repeat(100_000)] {
            assert!(
                matches!(fault(body).problem, Problem::NotJson(_) | Problem::Type { .. }),
                "{body}"
            );
        }
        assert!(read::<Obj<Body>>(b"{\"name\": \"\xff\"}").is_err());
    }

    #[test]
    fn raw_objects_keep_their_bytes() {
        let body =
            "{\"input\": {\"b\": 1.0,\n \"a\" : 1e400}, \"name\": null, \"unheard_of\": [1]}";
        let Obj(body) = read::<Obj<Body>>(body.as_bytes()).unwrap();
        assert_eq!(body.input.unwrap().0, "{\"b\": 1.0,\n \"a\" : 1e400}");
        assert_eq!(body.name, None);
    }
}
