//! What a question is about, and how deep it goes.
//!
//! Does not know: knowledge bases, or how a question is worded.

/// Index of a topic in its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicId(pub u16);

/// How deep a question goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Complexity {
    /// A beginner's.
    Basic,
    /// A practitioner's.
    Intermediate,
    /// A researcher's.
    Advanced,
}

impl Complexity {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Basic, Self::Intermediate, Self::Advanced];

    /// Its name, as the tutorial's generator says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Intermediate => "intermediate",
            Self::Advanced => "advanced",
        }
    }
}
