//! Calls of libraries that assert what damaged bytes may break.
//!
//! Guarantees: such an assertion is an error with words, and prints nothing.

use std::panic::{self, AssertUnwindSafe};

use super::rows::TableUnreadable;

/// Calls a reader; an assertion of its own that fails becomes an error. What it would print of that is
/// not shown.
pub(super) fn guarded<T>(read: impl FnOnce() -> T) -> Result<T, TableUnreadable> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let done = panic::catch_unwind(AssertUnwindSafe(read));
    panic::set_hook(hook);
    done.map_err(|_| TableUnreadable::Text("it is damaged".to_owned()))
}
