//! The metric events that the simulated application sends.
//!
//! Promises: a metric on any other event is found out by name, with the nearest one suggested.
//!
//! Does not know: when they are sent, or what a metric makes of them.

use std::fmt;
use std::str::FromStr;

/// A metric event of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKey {
    /// Tokens of an agent's run, input and output together.
    TokensTotal,
    /// Input tokens of an agent's run.
    TokensInput,
    /// Output tokens of an agent's run.
    TokensOutput,
    /// An agent's run succeeded.
    GenerationSuccess,
    /// An agent's run failed.
    GenerationError,
    /// Thumbs up for an answer.
    FeedbackPositive,
    /// Thumbs down for an answer.
    FeedbackNegative,
    /// How long an agent's run took, in milliseconds.
    DurationTotal,
    /// What an agent's run cost, in dollars; in spite of its name there are two or three per
    /// request.
    CostPerRequest,
    /// An agent's AI config was evaluated.
    AgentUsed,
    /// An agent called a tool.
    ToolCall,
    /// A request was answered or failed: its whole latency, in milliseconds. No AI SDK sends it by
    /// itself, nor the next two: the application does, where a metric counts them.
    RequestDuration,
    /// A request failed.
    RequestFailed,
    /// Items of personal data that identify the user directly and reached the support agent.
    PersonalDataDisclosed,
}

impl EventKey {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::TokensTotal,
        Self::TokensInput,
        Self::TokensOutput,
        Self::GenerationSuccess,
        Self::GenerationError,
        Self::FeedbackPositive,
        Self::FeedbackNegative,
        Self::DurationTotal,
        Self::CostPerRequest,
        Self::AgentUsed,
        Self::ToolCall,
        Self::RequestDuration,
        Self::RequestFailed,
        Self::PersonalDataDisclosed,
    ];

    /// Whether the application sends it by itself, rather than its AI SDK.
    #[must_use]
    pub fn is_own(self) -> bool {
        matches!(self, Self::RequestDuration | Self::RequestFailed | Self::PersonalDataDisclosed)
    }

    /// The key on the wire.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::TokensTotal => "$ld:ai:tokens:total",
            Self::TokensInput => "$ld:ai:tokens:input",
            Self::TokensOutput => "$ld:ai:tokens:output",
            Self::GenerationSuccess => "$ld:ai:generation:success",
            Self::GenerationError => "$ld:ai:generation:error",
            Self::FeedbackPositive => "$ld:ai:feedback:user:positive",
            Self::FeedbackNegative => "$ld:ai:feedback:user:negative",
            Self::DurationTotal => "$ld:ai:duration:total",
            Self::CostPerRequest => "ai_cost_per_request",
            Self::AgentUsed => "$ld:ai:usage:agent-config",
            Self::ToolCall => "$ld:ai:tool_call",
            Self::RequestDuration => "request_duration",
            Self::RequestFailed => "request_failed",
            Self::PersonalDataDisclosed => "personal_data_disclosed",
        }
    }
}

/// An event that nothing sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEvent {
    /// As it was written.
    pub key: String,
    /// The nearest event that is sent, when one is near.
    pub suggestion: Option<EventKey>,
}

impl fmt::Display for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing sends the event `{}`", self.key)?;
        self.suggestion.map_or(Ok(()), |event| write!(f, "; did you mean `{}`?", event.key()))
    }
}

impl std::error::Error for UnknownEvent {}

impl FromStr for EventKey {
    type Err = UnknownEvent;
    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        if let Some(event) = Self::ALL.into_iter().find(|event| event.key() == text) {
            return Ok(event);
        }
        // Similarity, not distance: the keys share long beginnings.
        let score = |event: Self| strsim::normalized_damerau_levenshtein(event.key(), text);
        let best = Self::ALL
            .into_iter()
            .map(|event| (event, score(event)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let suggestion = best.filter(|(_, score)| *score >= 0.6).map(|(event, _)| event);
        Err(UnknownEvent { key: text.to_owned(), suggestion })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_event_is_told_apart_from_a_foreign_one() {
        for event in EventKey::ALL {
            assert_eq!(event.key().parse(), Ok(event));
        }
        let error = "$ld:ai:token:total".parse::<EventKey>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing sends the event `$ld:ai:token:total`; did you mean `$ld:ai:tokens:total`?"
        );
        let error = "ai_cost_per_requst".parse::<EventKey>().unwrap_err();
        assert_eq!(error.suggestion, Some(EventKey::CostPerRequest));
        assert_eq!(
            "checkout".parse::<EventKey>().unwrap_err().to_string(),
            "nothing sends the event `checkout`"
        );
    }
}
