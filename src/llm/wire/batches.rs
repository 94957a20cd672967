//! Batches: many requests in one, answered later at a lower price.
//!
//! Does not know: what answers them.

/// How a provider takes the requests of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchForm {
    /// In a file that is uploaded first; the results are a file, too.
    Files {
        /// Path of files under the base address.
        files: &'static str,
    },
    /// In the request that makes the batch; the results have a path of their own.
    Inline,
}

/// Batches as one provider has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchesApi {
    /// Path under the base address.
    pub path: &'static str,
    /// How it takes requests.
    pub form: BatchForm,
    /// What the id of a batch begins with.
    pub prefix: &'static str,
}
