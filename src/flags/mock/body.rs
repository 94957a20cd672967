//! Reading a request's body, field by field.
//!
//! Guarantees: a field of the wrong type is an error that names it; unknown fields are ignored, as
//! the real service does.
//!
//! Does not know: what the fields are for.

use serde_json::{Map, Value};

use crate::flags::api::ApiError;

/// The fields of a JSON object.
#[derive(Clone, Copy)]
pub struct Fields<'a>(pub &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The fields of `value`, which must be an object.
    pub fn of(value: &'a Value) -> Result<Self, ApiError> {
        value
            .as_object()
            .map(Self)
            .ok_or_else(|| ApiError::invalid("the body must be a JSON object"))
    }

    /// The value under `name`; null counts as absent.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn typed<T>(
        self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| ApiError::invalid(format!("`{name}` must be {kind}")))
    }

    /// A text, if there.
    pub fn optional_text(self, name: &str) -> Result<Option<&'a str>, ApiError> {
        self.typed(name, "a string", Value::as_str)
    }

    /// A text that must be there.
    pub fn text(self, name: &str) -> Result<&'a str, ApiError> {
        self.optional_text(name)?.ok_or_else(|| missing(name))
    }

    /// A text that must be there and not be empty.
    pub fn filled(self, name: &str) -> Result<&'a str, ApiError> {
        let text = self.text(name)?;
        if text.trim().is_empty() {
            Err(ApiError::invalid(format!("`{name}` must not be empty")))
        } else {
            Ok(text)
        }
    }

    /// The resource's key: letters, digits, `.`, `_` and `-`, starting with a letter or digit, at
    /// most 256.
    pub fn key(self) -> Result<&'a str, ApiError> {
        let key = self.text("key")?;
        let first = key.starts_with(|c: char| c.is_ascii_alphanumeric());
        if first
            && key.len() <= 256
            && key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        {
            Ok(key)
        } else {
            Err(ApiError::invalid(format!(
                "`{key}` is not a key: letters, digits, `.`, `_` and `-`, starting with a letter or digit"
            )))
        }
    }

    /// A boolean, `default` when absent.
    pub fn flag(self, name: &str, default: bool) -> Result<bool, ApiError> {
        Ok(self.typed(name, "true or false", Value::as_bool)?.unwrap_or(default))
    }

    /// A whole number, if there.
    pub fn integer(self, name: &str) -> Result<Option<i64>, ApiError> {
        self.typed(name, "a whole number", Value::as_i64)
    }

    /// A list, empty when absent.
    pub fn list(self, name: &str) -> Result<&'a [Value], ApiError> {
        Ok(self.typed(name, "a list", Value::as_array)?.map_or(&[], Vec::as_slice))
    }

    /// An object, empty when absent.
    pub fn object(self, name: &str) -> Result<Map<String, Value>, ApiError> {
        Ok(self.typed(name, "an object", Value::as_object)?.cloned().unwrap_or_default())
    }

    /// A list of texts, empty when absent.
    pub fn texts(self, name: &str) -> Result<Vec<String>, ApiError> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let texts: Option<Vec<String>> = self.list(name)?.iter().map(text).collect();
        texts.ok_or_else(|| ApiError::invalid(format!("`{name}` must be a list of strings")))
    }
}

fn missing(name: &str) -> ApiError {
    ApiError::invalid(format!("`{name}` is required"))
}

/// The instructions of a semantic patch, each with its kind.
pub fn instructions(body: &Value) -> Result<Vec<(&str, Fields<'_>)>, ApiError> {
    let list = Fields::of(body)?.list("instructions")?;
    if list.is_empty() {
        return Err(ApiError::invalid("`instructions` must hold at least one instruction"));
    }
    list.iter()
        .map(|instruction| {
            let fields = Fields::of(instruction)?;
            Ok((fields.text("kind")?, fields))
        })
        .collect()
}

/// An instruction that nobody knows.
pub fn unknown_instruction(kind: &str) -> ApiError {
    ApiError::patch_failed(format!("`{kind}` is not an instruction for this resource"))
}

/// A `test` of a JSON patch: whether a resource has this value at this path, as the REST interface
/// shows it. A client tests `/_version`, so as to change only what it has read.
pub fn tested(shown: &Value, path: &str, expected: &Value) -> Result<(), ApiError> {
    let path = format!("/{}", path.trim_start_matches('/'));
    let found = shown.pointer(&path);
    let numbers = found.and_then(Value::as_f64).zip(expected.as_f64());
    if found == Some(expected) || numbers.is_some_and(|(found, expected)| found == expected) {
        return Ok(());
    }
    Err(ApiError::changed_since(match found {
        Some(found) => format!("`test` of `{path}` failed: it is {found}, not {expected}"),
        None => format!("`test` of `{path}` failed: there is no such value"),
    }))
}
