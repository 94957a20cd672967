//! Members of JSON objects.
//!
//! Does not know: what they mean.

use serde_json::Value;

/// The value on this path of names; null where it is missing. Takes no memory, unlike
/// [`Value::pointer`].
pub(crate) fn at<'v, const N: usize>(value: &'v Value, path: [&str; N]) -> &'v Value {
    path.into_iter().fold(value, |value, name| &value[name])
}

/// Adds a member to an object that was written with `json!`, or gives it another value.
pub(crate) fn put(object: &mut Value, name: &str, value: impl Into<Value>) {
    object[name] = value.into();
}
