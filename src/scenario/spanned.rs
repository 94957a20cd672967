//! A value with its place in the file, for the fields that name something or have to sum.
//!
//! RON's raw values borrow the file's own bytes, so the distance of such a slice from the start of
//! the file is its span. What goes wrong inside of such a slice is noted with its place in the
//! whole file, because RON itself would point behind the slice.
//!
//! Does not know: what the value means.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use ron::value::RawValue;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Deepest nesting, in RON's own count: about two for each bracket.
const MAX_DEPTH: usize = 128;

/// The dialect of RON in which scenarios are written.
pub fn options() -> ron::Options {
    use ron::extensions::Extensions;
    ron::Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .with_default_extension(Extensions::UNWRAP_NEWTYPES)
        .with_recursion_limit(MAX_DEPTH)
}

/// The text that is being read, by address and length, and what went wrong in it first.
#[derive(Default)]
struct Reading {
    start: usize,
    length: usize,
    fault: Option<Misread>,
}

thread_local! {
    static READING: RefCell<Reading> = RefCell::default();
}

/// Why a text cannot be read, and where.
#[derive(Clone, Debug)]
pub struct Misread {
    /// RON's reason.
    pub code: ron::Error,
    /// Bytes of the text.
    pub span: Range<usize>,
}

/// Reads a text in the dialect of scenarios; spanned values know where in it they stand.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Misread> {
    READING.set(Reading { start: text.as_ptr() as usize, length: text.len(), fault: None });
    let result = options().from_str(text);
    let noted = READING.take().fault;
    result.map_err(|error| {
        noted.unwrap_or_else(|| Misread { span: bytes(text, &error.span), code: error.code })
    })
}

/// The bytes of a place that RON gives as lines and columns, both counted from 1; columns are
/// characters.
fn bytes(text: &str, span: &ron::error::Span) -> Range<usize> {
    let offset = |at: &ron::error::Position| {
        let start: usize =
            text.split_inclusive('\n').take(at.line.saturating_sub(1)).map(str::len).sum();
        let rest = text.get(start..).unwrap_or_default();
        start + rest.char_indices().nth(at.col.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
    };
    let start = offset(&span.start);
    start..offset(&span.end).max(start)
}

/// Where a slice of the text that is being read stands in it; an empty place if it is none.
fn place(slice: &str) -> Range<usize> {
    READING.with_borrow(|reading| {
        let start = (slice.as_ptr() as usize).wrapping_sub(reading.start);
        if start <= reading.length && slice.len() <= reading.length - start {
            start..start + slice.len()
        } else {
            0..0
        }
    })
}

/// A value and the bytes that it was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands; empty for a default that nobody wrote.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// A value that nobody wrote.
    pub fn unwritten(value: T) -> Self {
        Self { value, span: 0..0 }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &RawValue = <&'de RawValue>::deserialize(deserializer)?;
        inside(raw.trim().get_ron()).map(|(value, span)| Self { value, span })
    }
}

/// Reads a slice of the text that is being read, and says where it stands in it.
fn inside<T: DeserializeOwned, E: Error>(written: &str) -> Result<(T, Range<usize>), E> {
    let span = place(written);
    options().from_str(written).map(|value| (value, span.clone())).map_err(|error| {
        let inside = bytes(written, &error.span);
        let fault = Misread {
            code: error.code.clone(),
            span: span.start + inside.start..span.start + inside.end,
        };
        // What was noted further in is the more exact.
        READING.with_borrow_mut(|reading| reading.fault.get_or_insert(fault).clone());
        E::custom(error.code)
    })
}

/// One value, or a list of them in brackets.
#[derive(Clone, Debug, PartialEq)]
pub struct OneOrMore<T>(pub Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &RawValue = <&'de RawValue>::deserialize(deserializer)?;
        let written = raw.trim().get_ron();
        if written.starts_with('[') {
            inside(written).map(|(all, _)| Self(all))
        } else {
            inside(written).map(|(one, _)| Self(vec![one]))
        }
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("One_or_more_of_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one.clone(), { "type": "array", "items": one }] })
    }
}

/// In the reference it is the value alone.
impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A map that keeps its order, its duplicates, and the places of its keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<V>(pub Vec<(Spanned<String>, V)>);

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Entries<V> {
    /// The entry of this key; the first, should there be more.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.0.iter().find(|(known, _)| known.value == key).map(|(_, value)| value)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Reader<V> {
            type Value = Entries<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map such as { \"key\": … }")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

impl<V: JsonSchema> JsonSchema for Entries<V> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Map_of_{}", V::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<V>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spanned_value_knows_its_bytes_and_so_does_a_nested_one() {
        let text = "{\n  // ü\n  \"a\" : /* x */ [ 1, 22 ] ,\n}";
        let entries: Entries<Spanned<Vec<Spanned<u32>>>> = read(text).unwrap();
        let (key, list) = &entries.0[0];
        let nested = list.value.iter().map(|number| &text[number.span.clone()]).collect::<Vec<_>>();
        assert_eq!(
            (&text[key.span.clone()], &text[list.span.clone()], nested),
            ("\"a\"", "[ 1, 22 ]", vec!["1", "22"])
        );
    }

    #[test]
    fn what_is_wrong_inside_of_a_spanned_value_is_shown_there() {
        let text = "{\"a\": [1, x, 3]}";
        let fault = read::<Entries<Spanned<Vec<Spanned<u32>>>>>(text).unwrap_err();
        assert!(
            text[fault.span.start..].starts_with("x") || text[..fault.span.start].ends_with('x'),
            "{fault:?}"
        );
    }
}
