//! The official evaluation crate, fed with this room's values.
//!
//! Guarantees: a context is built in one place, so that every path evaluates the same one.
//!
//! Does not know: the compiled path that is held against it.

use std::collections::BTreeMap;

use launchdarkly_server_sdk_evaluation as vendor;

use crate::context::Attributes;

/// Flags and segments in the vendor's own types.
#[derive(Clone, Debug, Default)]
pub struct Store {
    pub flags: BTreeMap<String, vendor::Flag>,
    pub segments: BTreeMap<String, vendor::Segment>,
}

impl vendor::Store for Store {
    fn flag(&self, key: &str) -> Option<vendor::Flag> {
        self.flags.get(key).cloned()
    }

    fn segment(&self, key: &str) -> Option<vendor::Segment> {
        self.segments.get(key).cloned()
    }
}

/// A context of kind `user`; `None` when the key is empty, which the vendor refuses. Attributes
/// cannot replace the key or the kind.
pub fn context(key: &str, attributes: &Attributes) -> Option<vendor::Context> {
    let mut builder = vendor::ContextBuilder::new(key);
    for (name, value) in &attributes.0 {
        if name != "key" && name != "kind" {
            builder.set_string(name, value.as_str());
        }
    }
    builder.build().ok()
}
