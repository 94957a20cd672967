//! The metric events that the app sends about what happened: the names that an AI SDK gives them,
//! and which entry of the journal causes which.
//!
//! Guarantees: one list, used by simulation, delivery, analysis and the check of scenario files
//! alike; a metric on any other event is found by name, with the nearest one suggested; a value is
//! a whole number in the event's journal unit, and `scale` turns it into the unit on the wire.
//!
//! Does not know: who receives them. Shapes: LaunchDarkly's AI SDK 0.10, plus the duration that the
//! original never sent.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::journal::{Event, Label};

/// A family of AI SDKs: how an app reports agents and graphs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SdkFamily {
    /// The Python SDK 1.2.0, one AI config after another: it knows no graph.
    #[default]
    Configs,
    /// The Python SDK 1.2.0, which walks a graph.
    Python1,
    /// The Node SDK 2.0.1, which walks a graph.
    Node2,
    /// LaunchDarkly's second family, `launchdarkly-ai-server` 0.4.0, which walks a graph.
    AiServer,
}

/// Who sends an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventSender {
    /// The AI SDK.
    Sdk,
    /// The application itself, where a metric counts the event.
    App,
}

/// What an event says besides its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventData {
    /// The agent's run: config, variation, model.
    Run,
    /// The agent's run, and where the cost comes from.
    RunCost,
    /// The agent's run, and the tool's key.
    RunTool,
    /// The key of the AI config.
    Config,
    /// Nothing.
    Nothing,
}

/// Makes the enum of the events, the list of them and what is known of each from one table: the key
/// on the wire, who sends it, the factor from the journal's whole numbers (microseconds, tokens,
/// nano-dollars) to the unit on the wire, what it says.
macro_rules! app_events {
    ($($(#[$doc:meta])* $name:ident = $key:literal, $sender:ident, $scale:literal, $data:ident;)*) => {
        /// A kind of metric event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum AppEvent {
            $($(#[$doc])* $name,)*
        }

        impl AppEvent {
            /// All kinds; a kind's number is its place here.
            pub const ALL: [Self; [$($key),*].len()] = [$(Self::$name),*];

            fn facts(self) -> (&'static str, EventSender, f64, EventData) {
                match self {
                    $(Self::$name => ($key, EventSender::$sender, $scale, EventData::$data),)*
                }
            }
        }
    };
}

app_events! {
    /// Duration of an agent's run, in milliseconds.
    Duration = "$ld:ai:duration:total", Sdk, 1e-3, Run;
    /// Tokens of an agent's run, input and output.
    TokensTotal = "$ld:ai:tokens:total", Sdk, 1.0, Run;
    /// Input tokens of an agent's run.
    TokensInput = "$ld:ai:tokens:input", Sdk, 1.0, Run;
    /// Output tokens of an agent's run.
    TokensOutput = "$ld:ai:tokens:output", Sdk, 1.0, Run;
    /// An agent's run succeeded.
    Success = "$ld:ai:generation:success", Sdk, 1.0, Run;
    /// An agent's run failed.
    Error = "$ld:ai:generation:error", Sdk, 1.0, Run;
    /// The answer was rated positively.
    FeedbackPositive = "$ld:ai:feedback:user:positive", Sdk, 1.0, Run;
    /// The answer was rated negatively.
    FeedbackNegative = "$ld:ai:feedback:user:negative", Sdk, 1.0, Run;
    /// What an agent's run cost, in dollars; never sent for free models. In spite of its name there
    /// are two or three per request.
    Cost = "ai_cost_per_request", Sdk, 1e-9, RunCost;
    /// A tool was used.
    ToolCall = "$ld:ai:tool_call", Sdk, 1.0, RunTool;
    /// A request was answered or failed: its whole latency, in milliseconds.
    RequestDuration = "request_duration", App, 1e-3, Nothing;
    /// A request failed.
    RequestFailed = "request_failed", App, 1.0, Nothing;
    /// Items of personal data that identify the user directly and reached the support agent.
    PersonalDataDisclosed = "personal_data_disclosed", App, 1.0, Nothing;
    /// An agent's AI config was evaluated. No metric counts it.
    AgentUsed = "$ld:ai:usage:agent-config", Sdk, 1.0, Config;
    /// Duration of a run of the whole graph, in milliseconds: what newer SDKs track of a graph.
    GraphDuration = "$ld:ai:graph:duration:total", App, 1e-3, Nothing;
    /// A run of the whole graph gave an answer.
    GraphSuccess = "$ld:ai:graph:invocation_success", App, 1.0, Nothing;
    /// A run of the whole graph gave none.
    GraphFailure = "$ld:ai:graph:invocation_failure", App, 1.0, Nothing;
    /// Tokens of all agents in a run of the whole graph, input and output.
    GraphTokens = "$ld:ai:graph:total_tokens", App, 1.0, Nothing;
    /// A guard ended a request with a refusal.
    RequestStopped = "request_stopped", App, 1.0, Nothing;
    /// A guard ended a request that was harmless.
    HarmlessStopped = "harmless_request_stopped", App, 1.0, Nothing;
    /// A request was answered that a guard should have ended.
    HarmAnswered = "harmful_request_answered", App, 1.0, Nothing;
}

impl AppEvent {
    /// The event's key on the wire.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.facts().0
    }

    /// Who sends it.
    #[must_use]
    pub fn sender(self) -> EventSender {
        self.facts().1
    }

    /// Factor from the journal's whole numbers (microseconds, tokens, nano-dollars) to the unit on
    /// the wire.
    #[must_use]
    pub fn scale(self) -> f64 {
        self.facts().2
    }

    /// What it says besides its value.
    #[must_use]
    pub fn data(self) -> EventData {
        self.facts().3
    }

    /// The kinds that a metric can count.
    pub fn countable() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|event| event.data() != EventData::Config)
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
        matches!(
            self,
            Self::RequestFailed
                | Self::PersonalDataDisclosed
                | Self::GraphFailure
                | Self::HarmlessStopped
                | Self::HarmAnswered
        )
    }
}

/// Adds up the tokens of each run of a whole graph, which no single entry of the journal has.
#[derive(Clone, Debug, Default)]
pub struct GraphTokens(BTreeMap<u32, u64>);

impl GraphTokens {
    /// The tokens of the run that this entry of the user's ends. SDKs send none where there are
    /// none.
    pub fn hear(&mut self, user: u32, event: &Event) -> Option<u64> {
        match *event {
            Event::AgentFinished { input_tokens, output_tokens, .. } => {
                let tokens = u64::from(input_tokens) + u64::from(output_tokens);
                *self.0.entry(user).or_default() += tokens;
                None
            }
            Event::Arrived { .. } => {
                self.0.remove(&user);
                None
            }
            Event::Finished { .. } => self.0.remove(&user).filter(|tokens| *tokens > 0),
            _ => None,
        }
    }
}

/// The value of an outcome, an event of the app's own that a scenario defines, from the journal's
/// whole number of millionths.
#[must_use]
pub fn outcome_value(millionths: u64) -> f64 {
    millionths as f64 / 1e6
}

/// An event that nothing sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEvent {
    /// As it was written.
    pub key: String,
    /// The nearest event that is sent, when one is near.
    pub suggestion: Option<AppEvent>,
}

impl fmt::Display for UnknownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing sends the event `{}`", self.key)?;
        self.suggestion.map_or(Ok(()), |event| write!(f, "; did you mean `{}`?", event.key()))
    }
}

impl std::error::Error for UnknownEvent {}

impl FromStr for AppEvent {
    type Err = UnknownEvent;
    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        if let Some(event) = Self::by_key(text) {
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
        // The app sends what a step costs, as it does for an agent.
        Event::StepFinished { cost, .. } if cost.nano_dollars() > 0 => {
            tell(AppEvent::Cost, cost.nano_dollars());
        }
        Event::Judged { label: Label::Positive, .. } => tell(AppEvent::FeedbackPositive, 1),
        Event::Judged { label: Label::Negative, .. } => tell(AppEvent::FeedbackNegative, 1),
        Event::ToolUsed { .. } => tell(AppEvent::ToolCall, 1),
        Event::Disclosed { items } => tell(AppEvent::PersonalDataDisclosed, items.into()),
        Event::Guarded { stopped: true, harmful, .. } => {
            tell(AppEvent::RequestStopped, 1);
            if !harmful {
                tell(AppEvent::HarmlessStopped, 1);
            }
        }
        Event::HarmAnswered => tell(AppEvent::HarmAnswered, 1),
        Event::Finished { outcome, latency } => {
            tell(AppEvent::RequestDuration, latency.us());
            tell(AppEvent::GraphDuration, latency.us() / 1000 * 1000);
            if outcome == crate::journal::VisitEnd::Answered {
                tell(AppEvent::GraphSuccess, 1);
            } else {
                tell(AppEvent::RequestFailed, 1);
                tell(AppEvent::GraphFailure, 1);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_event_is_told_apart_from_a_foreign_one() {
        for event in AppEvent::ALL {
            assert_eq!(event.key().parse(), Ok(event));
        }
        let error = "$ld:ai:token:total".parse::<AppEvent>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing sends the event `$ld:ai:token:total`; did you mean `$ld:ai:tokens:total`?"
        );
        let error = "ai_cost_per_requst".parse::<AppEvent>().unwrap_err();
        assert_eq!(error.suggestion, Some(AppEvent::Cost));
        assert_eq!(
            "checkout".parse::<AppEvent>().unwrap_err().to_string(),
            "nothing sends the event `checkout`"
        );
    }
}
