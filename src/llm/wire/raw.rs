//! JSON that belongs to somebody else (a tool's schema, a tool call's arguments): kept as text,
//! byte for byte.
//!
//! Guarantees: what is written is always valid JSON, even where a model's arguments are not: an
//! object that wraps them, as Anthropic advises for invalid JSON, stands in their place, and is
//! unwrapped again on reading.
//!
//! Does not know: what the JSON says.

use serde::de::{Deserialize, Deserializer, Error as _, Unexpected};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON object that is kept as the text it came as.
#[derive(Clone, Debug)]
pub(crate) struct RawObject(pub(crate) String);

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if let Some(found) = other_than_object(raw.get()) {
            return Err(D::Error::invalid_type(found, &"an object"));
        }
        Ok(Self(String::from(Box::<str>::from(raw))))
    }
}

/// What this valid JSON text is, if it is no object.
fn other_than_object(json: &str) -> Option<Unexpected<'_>> {
    match json.bytes().next() {
        Some(b'{') => None,
        Some(b'[') => Some(Unexpected::Seq),
        Some(b'"') => Some(Unexpected::Str("")),
        Some(b't') => Some(Unexpected::Bool(true)),
        Some(b'f') => Some(Unexpected::Bool(false)),
        Some(b'n') => Some(Unexpected::Unit),
        _ if json.contains(['.', 'e', 'E']) => Some(Unexpected::Float(0.0)),
        _ => Some(Unexpected::Signed(0)),
    }
}

/// A tool call's arguments: JSON text in a string, or an object written out.
#[derive(Clone, Debug)]
pub(crate) enum Arguments {
    /// The string's content, whatever it is.
    Text(String),
    /// The object's own text.
    Object(String),
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('"') {
            return serde_json::from_str(raw.get()).map(Self::Text).map_err(D::Error::custom);
        }
        match other_than_object(raw.get()) {
            Some(found) => Err(D::Error::invalid_type(found, &"a string")),
            None => Ok(Self::Object(String::from(Box::<str>::from(raw)))),
        }
    }
}

/// Text that ought to be a JSON object, as one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectOut<'a>(pub(crate) &'a str);

impl Serialize for ObjectOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(self.0) {
            Ok(raw) if raw.get().starts_with('{') => raw.serialize(serializer),
            _ => Invalid { text: self.0.into() }.serialize(serializer),
        }
    }
}

/// The wrapping of text that is no JSON object.
#[derive(Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Invalid<'a> {
    #[serde(rename = "INVALID_JSON")]
    text: std::borrow::Cow<'a, str>,
}

impl RawObject {
    /// The text, out of its wrapping if it has one.
    pub(crate) fn into_text(self) -> String {
        if self.0.get(..20).unwrap_or(&self.0).contains("\"INVALID_JSON\"")
            && let Ok(wrapped) = serde_json::from_str::<Invalid<'_>>(&self.0)
        {
            return wrapped.text.into_owned();
        }
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round(text: &str) -> String {
        let json = serde_json::to_string(&ObjectOut(text)).unwrap();
        serde_json::from_str::<RawObject>(&json).unwrap().into_text()
    }

    #[test]
    fn objects_are_written_as_they_are_and_other_text_is_wrapped() {
        let text = "{\"b\":1.0,\n \"a\": [ ] }";
        assert_eq!(serde_json::to_string(&ObjectOut(text)).unwrap(), text);
        assert_eq!(
            serde_json::to_string(&ObjectOut("{\"a\": ")).unwrap(),
            r#"{"INVALID_JSON":"{\"a\": "}"#
        );
        assert_eq!(serde_json::to_string(&ObjectOut("[1]")).unwrap(), r#"{"INVALID_JSON":"[1]"}"#);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,40}|\\{\"[a-z]\": ?[0-9\"]{1,4}\\}") {
            prop_assert_eq!(round(&text), text.clone());
        }
    }
}
