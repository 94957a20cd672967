//! The metric events that the app sends about what happened: the names that an AI SDK gives them,
//! and which entry of the journal causes which.
//!
//! Promises: one list, used by simulation, delivery, analysis and the check of scenario files
//! alike; a value is a whole number in the event's journal unit, and `scale` turns it into the unit
//! on the wire.
//!
//! Does not know: who receives them. Shapes: LaunchDarkly's AI SDK 0.10, plus the duration that the
//! original never sent.

use crate::journal::{Event, Label};

/// A kind of metric event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AppEvent {
    /// Duration of an agent's run, in milliseconds.
    Duration,
    /// Tokens of an agent's run, input and output.
    TokensTotal,
    /// Input tokens of an agent's run.
    TokensInput,
    /// Output tokens of an agent's run.
    TokensOutput,
    /// An agent's run succeeded.
    Success,
    /// An agent's run failed.
    Error,
    /// The answer was rated positively.
    FeedbackPositive,
    /// The answer was rated negatively.
    FeedbackNegative,
    /// What an agent's run cost, in dollars; never sent for free models.
    Cost,
    /// A tool was used.
    ToolCall,
    /// A request was answered or failed: its whole latency, in milliseconds. Sent by the app
    /// itself, where a metric counts it.
    RequestDuration,
    /// A request failed. Sent by the app itself, where a metric counts it.
    RequestFailed,
    /// Items of personal data that identify the user directly and reached the support agent. Sent
    /// by the app itself, where a metric counts it.
    PersonalDataDisclosed,
}

impl AppEvent {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::Duration,
        Self::TokensTotal,
        Self::TokensInput,
        Self::TokensOutput,
        Self::Success,
        Self::Error,
        Self::FeedbackPositive,
        Self::FeedbackNegative,
        Self::Cost,
        Self::ToolCall,
        Self::RequestDuration,
        Self::RequestFailed,
        Self::PersonalDataDisclosed,
    ];

    /// The event's key on the wire.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Duration => "$ld:ai:duration:total",
            Self::TokensTotal => "$ld:ai:tokens:total",
            Self::TokensInput => "$ld:ai:tokens:input",
            Self::TokensOutput => "$ld:ai:tokens:output",
            Self::Success => "$ld:ai:generation:success",
            Self::Error => "$ld:ai:generation:error",
            Self::FeedbackPositive => "$ld:ai:feedback:user:positive",
            Self::FeedbackNegative => "$ld:ai:feedback:user:negative",
            Self::Cost => "ai_cost_per_request",
            Self::ToolCall => "$ld:ai:tool_call",
            Self::RequestDuration => "request_duration",
            Self::RequestFailed => "request_failed",
            Self::PersonalDataDisclosed => "personal_data_disclosed",
        }
    }

    /// The kind with this key.
    #[must_use]
    pub fn by_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.key() == key)
    }

    /// Whether it is something bad that happens to users, rather than something that they or the
    /// agents do.
    #[must_use]
    pub fn befalls_users(self) -> bool {
        matches!(self, Self::RequestFailed | Self::PersonalDataDisclosed)
    }

    /// Factor from the journal's whole numbers (microseconds, tokens, nano-dollars) to the unit on
    /// the wire.
    #[must_use]
    pub fn scale(self) -> f64 {
        match self {
            Self::Duration | Self::RequestDuration => 1e-3,
            Self::Cost => 1e-9,
            _ => 1.0,
        }
    }
}

/// Tells the metric events that an entry causes, in the order in which they are sent.
pub fn caused_by(event: &Event, mut tell: impl FnMut(AppEvent, u64)) {
    match *event {
        Event::AgentFinished { input_tokens, output_tokens, duration, cost, failed, .. } => {
            let total = u64::from(input_tokens) + u64::from(output_tokens);
            for (kind, tokens) in [
                (AppEvent::TokensTotal, total),
                (AppEvent::TokensInput, input_tokens.into()),
                (AppEvent::TokensOutput, output_tokens.into()),
            ] {
                if tokens > 0 {
                    tell(kind, tokens);
                }
            }
            if let Some(cost) = cost.filter(|cost| cost.nano_dollars() > 0) {
                tell(AppEvent::Cost, cost.nano_dollars());
            }
            tell(if failed.is_some() { AppEvent::Error } else { AppEvent::Success }, 1);
            // The AI SDK measures in whole milliseconds, rounded down.
            tell(AppEvent::Duration, duration.us() / 1000 * 1000);
        }
        Event::Judged { label: Label::Positive, .. } => tell(AppEvent::FeedbackPositive, 1),
        Event::Judged { label: Label::Negative, .. } => tell(AppEvent::FeedbackNegative, 1),
        Event::ToolUsed { .. } => tell(AppEvent::ToolCall, 1),
        Event::Disclosed { items } => tell(AppEvent::PersonalDataDisclosed, items.into()),
        Event::Finished { outcome, latency } => {
            tell(AppEvent::RequestDuration, latency.us());
            if outcome != crate::journal::Outcome::Answered {
                tell(AppEvent::RequestFailed, 1);
            }
        }
        _ => {}
    }
}
