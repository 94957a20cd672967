//! The scenarios that are built into the program.
//!
//! Does not know: what they mean; they are read like any other file.

/// A scenario in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

impl BuiltIn {
    /// Its title, one line.
    #[must_use]
    pub fn title(&self) -> String {
        let line = self.text.lines().find_map(|line| line.trim().strip_prefix("title:"));
        line.map(|line| line.trim().trim_end_matches(',').trim_matches('"').to_owned()).unwrap_or_default()
    }
}

macro_rules! library {
    ($($name:literal),* $(,)?) => {
        &[$(BuiltIn { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".ron")) }),*]
    };
}

/// All of them, in the order of the course.
pub const LIBRARY: &[BuiltIn] = library!["security", "security-literal", "premium", "tutorial"];
