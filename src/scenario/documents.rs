//! The documents of a scenario's own knowledge base, and other files that it names, as whoever reads
//! them hands them over.
//!
//! Does not know: where they are kept.

/// Documents as name and text, or why there are none.
pub type Documents = Result<Vec<(String, String)>, String>;
