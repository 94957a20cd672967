//! Callers and failures in a recording: by their names in reports.
//!
//! Does not know: what a recording is.

/// A caller by its name in reports.
pub mod caller {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::journal::Caller;

    pub fn serialize<S: Serializer>(caller: &Caller, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(caller.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Caller, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = Caller::ALL.into_iter().find(|caller| caller.name() == name);
        found.ok_or_else(|| serde::de::Error::custom(format!("`{name}` is no caller of a model")))
    }
}

/// A failure by its name in reports.
pub mod failure {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::journal::FailureKind;

    pub fn serialize<S: Serializer>(kind: &FailureKind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<FailureKind, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = FailureKind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| serde::de::Error::custom(format!("`{name}` is no kind of failure")))
    }
}
