//! The refusal of a schema that no answer can satisfy.

use crate::llm::chat::{ChatError, ErrorKind};
use crate::llm::wire::provider::SchemaPlace;

/// The error for a schema that no value of a reasonable size satisfies; `why` ends the sentence.
pub(in crate::llm::wire) fn unmet_schema(place: SchemaPlace<'_>, why: &str) -> ChatError {
    let (what, name, field) = match place {
        SchemaPlace::Tool { name, .. } => ("function", name, "tools"),
        SchemaPlace::Output { name } => ("response_format", name, "response_format"),
    };
    let (field, code) = (Some(field.to_owned()), Some("invalid_json_schema".to_owned()));
    let message = format!("Invalid schema for {what} '{name}': {why}.");
    ChatError { field, code, ..ChatError::new(ErrorKind::BadRequest, message) }
}
