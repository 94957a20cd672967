//! Callers and failures in a recording.
//!
//! Does not know: what a recording is.

/// A caller: an agent by its number in the scenario's graph (`agent 0`), all others by name. Schema
/// 1 had the tutorial's three agents by name.
pub mod caller {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::journal::{AgentId, Caller};

    pub fn serialize<S: Serializer>(caller: &Caller, serializer: S) -> Result<S::Ok, S::Error> {
        match caller {
            Caller::Topics => serializer.serialize_str("topics"),
            Caller::Writer => serializer.serialize_str("writer"),
            Caller::Judge => serializer.serialize_str("judge"),
            Caller::Agent(AgentId(agent)) => serializer.collect_str(&format_args!("agent {agent}")),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Caller, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = match name.as_str() {
            "topics" => Some(Caller::Topics),
            "writer" => Some(Caller::Writer),
            "judge" => Some(Caller::Judge),
            "supervisor" => Some(Caller::Agent(AgentId(0))),
            "security" => Some(Caller::Agent(AgentId(1))),
            "support" => Some(Caller::Agent(AgentId(2))),
            other => other
                .strip_prefix("agent ")
                .and_then(|agent| agent.parse().ok())
                .map(|agent| Caller::Agent(AgentId(agent))),
        };
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
