//! JSON of a given schema, for structured answers that simlab knows nothing about.
//!
//! Guarantees: a value that is handed back is valid under its schema, as [`rules`] reads it; the
//! same schema and words give the same value; the time and the size are bounded; never a panic.
//! What a schema asks for beyond the bounds is an error.
//!
//! Does not know: what the fields mean, or which provider asks.

mod arrays;
mod formats;
mod heights;
mod make;
mod numbers;
mod objects;
mod patterns;
mod rules;
mod texts;

#[cfg(test)]
mod random_schemas;
#[cfg(test)]
mod tests;

pub use make::{Unmet, completed, holds, holds_in, object, overlaid, value, with_fields};
