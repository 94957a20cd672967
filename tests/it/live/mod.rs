//! Live runs with `serve` (or a stand-in) as the other side.

mod session;
