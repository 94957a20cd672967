//! What goes in and out of the REST interface: requests, replies and errors.
//!
//! Guarantees: the same values for the mock in memory, a server in front of it and a client of the
//! real service.
//!
//! Does not know: HTTP, or what any path means.

use serde_json::{Value, json};

use super::members::put;

/// The verb of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// Read.
    Get,
    /// Create.
    Post,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

impl HttpMethod {
    /// The verb as HTTP has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The verb.
    pub method: HttpMethod,
    /// The path after `/api/v2/`, its parts percent-decoded and joined by `/`.
    pub path: String,
    /// Decoded query parameters.
    pub query: Vec<(String, String)>,
    /// Whether the content type carries `domain-model=launchdarkly.semanticpatch`.
    pub semantic_patch: bool,
    /// The body; null when there is none.
    pub body: Value,
}

impl Request {
    /// A request without a query.
    #[must_use]
    pub fn new(method: HttpMethod, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), query: Vec::new(), semantic_patch: false, body }
    }

    /// A read.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(HttpMethod::Get, path, Value::Null)
    }

    /// A creation.
    #[must_use]
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(HttpMethod::Post, path, body)
    }

    /// A change by a partial object or a JSON patch.
    #[must_use]
    pub fn patch(path: impl Into<String>, body: Value) -> Self {
        Self::new(HttpMethod::Patch, path, body)
    }

    /// A semantic patch: instructions that take effect together or not at all.
    #[must_use]
    pub fn instruct(
        path: impl Into<String>,
        environment: Option<&str>,
        instructions: Vec<Value>,
    ) -> Self {
        let mut body = json!({ "instructions": instructions });
        if let Some(environment) = environment {
            put(&mut body, "environmentKey", environment);
        }
        Self { semantic_patch: true, ..Self::new(HttpMethod::Patch, path, body) }
    }

    /// The first query parameter of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a successful request gives.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiReply {
    /// HTTP status, 200 to 204.
    pub status: u16,
    /// The body; null when there is none.
    pub body: Value,
}

/// What a refused request gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status, 400 or above. 0 when no answer came at all (live only).
    pub status: u16,
    /// LaunchDarkly's code, such as `not_found`.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
}

impl ApiError {
    /// An error of this status, code and message.
    #[must_use]
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(in crate::flags) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", message)
    }

    pub(in crate::flags) fn not_found(what: &str, key: &str) -> Self {
        Self::new(404, "not_found", format!("{what} `{key}` does not exist"))
    }

    pub(in crate::flags) fn method_not_allowed() -> Self {
        Self::new(405, "method_not_allowed", "this resource does not take that method")
    }

    pub(in crate::flags) fn exists(what: &str, key: &str) -> Self {
        Self::new(409, "conflict", format!("{what} `{key}` exists already"))
    }

    pub(in crate::flags) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "conflict", message)
    }

    pub(in crate::flags) fn changed_since(message: impl Into<String>) -> Self {
        Self::new(409, "optimistic_locking_error", message)
    }

    pub(in crate::flags) fn patch_failed(message: impl Into<String>) -> Self {
        Self::new(422, "patch_failed", message)
    }

    /// The body of the reply.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "code": self.code, "message": self.message })
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} {})", self.message, self.status, self.code)
    }
}

impl std::error::Error for ApiError {}
