//! Faults that `serve` commits on request: which, where, how often; written in a scenario (`faults:
//! [ … ]`), in a file of their own, or sent as JSON. The words are the same in all three.
//!
//! Guarantees: what it lets through can be committed; every fault of a text is shown, with the
//! place in RON or the path in JSON.
//!
//! Does not know: how a fault looks on the wire, or whom it hits; `serve` does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::faults::Faults;
use super::spanned::Spanned;
use crate::diagnostic::{json_fault, nearest, shortened};
use crate::llm::wire::{PROVIDERS, Provider};
use crate::time::Duration;

/// Where a fault can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// The chats of a provider.
    Chat(Provider),
    /// The embeddings of all providers that have them.
    Embeddings,
    /// Counting the tokens of a chat, at all providers that have it.
    Counting,
    /// Moderation, at all providers that have it.
    Moderations,
    /// Batches and the files that they are made of, at all providers that have them; what a batch
    /// holds is asked as by itself.
    Batches,
    /// How flags reach SDKs: `/all` and `/sdk/latest-all`.
    LaunchDarklySdk,
    /// LaunchDarkly's REST interface.
    LaunchDarklyRest,
    /// Where SDKs send their events: `/bulk`.
    Events,
    /// Calls of tools over MCP.
    Mcp,
}

impl Endpoint {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = [
            Self::Embeddings,
            Self::Counting,
            Self::Moderations,
            Self::Batches,
            Self::LaunchDarklySdk,
            Self::LaunchDarklyRest,
            Self::Events,
            Self::Mcp,
        ];
        PROVIDERS.iter().copied().map(Self::Chat).chain(others)
    }

    /// Its name in files and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat(provider) => provider.key,
            Self::Embeddings => "embeddings",
            Self::Counting => "count-tokens",
            Self::Moderations => "moderations",
            Self::Batches => "batches",
            Self::LaunchDarklySdk => "launchdarkly-sdk",
            Self::LaunchDarklyRest => "launchdarkly-rest",
            Self::Events => "events",
            Self::Mcp => "mcp",
        }
    }

    /// Whether its requests name a model.
    #[must_use]
    pub fn has_models(self) -> bool {
        match self {
            Self::Chat(_) | Self::Embeddings | Self::Counting | Self::Moderations => true,
            Self::Batches
            | Self::LaunchDarklySdk
            | Self::LaunchDarklyRest
            | Self::Events
            | Self::Mcp => false,
        }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What the reference says of `on`.
fn where_it_can_strike() -> String {
    let names: Vec<String> =
        Endpoint::all().map(|endpoint| format!("`{}`", endpoint.name())).collect();
    format!("Where, one or more of {}. Default: wherever it can happen.", names.join(", "))
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 in the provider's own words and headers.
    RateLimited {
        /// How long the client is asked to wait.
        retry_after: Duration,
    },
    /// A 5xx.
    ServerError {
        /// The status, 500 to 599.
        status: u16,
        /// How long the client is asked to wait, if it is told.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<Duration>,
    },
    /// The status that the provider has for too much load: 529 of Anthropic, 503 of all others.
    Overloaded {
        /// How long the client is asked to wait, if it is told.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<Duration>,
    },
    /// The first byte comes late; the answer is fine.
    Slow {
        /// How late, in real time.
        delay: Duration,
    },
    /// The connection is dropped in the middle of the answer.
    Cut {
        /// Events of a stream that arrive before; of a plain answer about half arrives.
        after_events: u32,
    },
    /// The JSON of the answer is broken.
    Malformed {
        /// Events of a stream that are whole before the broken one.
        after_events: u32,
    },
    /// An error in the middle of a stream, as the provider sends it, in place of the rest. A plain
    /// answer becomes a 500.
    StreamError {
        /// Events of the stream that arrive before.
        after_events: u32,
    },
    /// No answer at all, until the client gives up.
    Timeout {
        /// When the connection is dropped at last, in real time.
        delay: Duration,
    },
}

impl FaultKind {
    /// The names in files and JSON.
    pub const NAMES: [&str; 8] = [
        "rate_limited",
        "server_error",
        "overloaded",
        "slow",
        "cut",
        "malformed",
        "timeout",
        "stream_error",
    ];

    /// Its name in files and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        let [rate_limited, server_error, overloaded, slow, cut, malformed, timeout, stream_error] =
            Self::NAMES;
        match self {
            Self::RateLimited { .. } => rate_limited,
            Self::ServerError { .. } => server_error,
            Self::Overloaded { .. } => overloaded,
            Self::Slow { .. } => slow,
            Self::Cut { .. } => cut,
            Self::Malformed { .. } => malformed,
            Self::Timeout { .. } => timeout,
            Self::StreamError { .. } => stream_error,
        }
    }
}

/// What goes wrong where, and how often.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultRule {
    /// What.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Where; at least one.
    pub on: Vec<Endpoint>,
    /// Models that it strikes, a `*` at the end standing for anything; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Chance that a request is hit, above 0 and at most 1.
    pub rate: f64,
    /// Most hits; then the rule is spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
    /// How many times in a row the same request is hit, once it is.
    pub burst: u32,
}

impl FaultRule {
    /// Whether it can strike a request at this endpoint, for this model.
    #[must_use]
    pub fn concerns(&self, endpoint: Endpoint, model: Option<&str>) -> bool {
        let named = |pattern: &String| match (pattern.strip_suffix('*'), model) {
            (_, None) => false,
            (Some(head), Some(model)) => model.starts_with(head),
            (None, Some(model)) => model == pattern,
        };
        // A provider that a scenario names by its address has no name here: what holds for the
        // chats of all others holds for its chats.
        let of_all = || PROVIDERS.iter().all(|known| self.on.contains(&Endpoint::Chat(*known)));
        let holds = match endpoint {
            Endpoint::Chat(provider) if !PROVIDERS.contains(&provider) => of_all(),
            endpoint => self.on.contains(&endpoint),
        };
        holds && (self.models.is_empty() || self.models.iter().any(named))
    }
}

/// A fault that `serve` commits: what, where and how often. One of `rate` and `next`, or both, has
/// to be there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Fault")]
#[serde(rename = "Fault")]
pub struct WrittenFault {
    /// What goes wrong.
    #[schemars(extend("enum" = FaultKind::NAMES))]
    pub fault: Spanned<String>,
    /// Where.
    #[serde(default)]
    #[schemars(description = where_it_can_strike())]
    pub on: Vec<Spanned<String>>,
    /// Models that it strikes; a `*` at the end stands for anything. Default: all.
    #[serde(default)]
    pub models: Vec<Spanned<String>>,
    /// Chance that a request is hit.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 1))]
    pub rate: Option<Spanned<f64>>,
    /// How many requests are hit at most; then the fault is spent. Default: any number.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub next: Option<Spanned<i64>>,
    /// How many times in a row the same request is hit, once it is.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    pub burst: Option<Spanned<i64>>,
    /// Of `server_error`: the HTTP status.
    #[serde(default)]
    #[schemars(range(min = 500, max = 599))]
    pub status: Option<Spanned<i64>>,
    /// Of `rate_limited`, `server_error` and `overloaded`: how long the client is asked to wait; at
    /// most an hour. Default: `"1s"` when rate limited, otherwise it is not told.
    #[serde(default)]
    pub retry_after: Option<Spanned<Duration>>,
    /// Of `slow`: how late the first byte comes; of `timeout`: when the connection is dropped at
    /// last. In real time, at most an hour. Default: `"5s"` for `slow`, `"10min"` for `timeout`.
    #[serde(default)]
    pub delay: Option<Spanned<Duration>>,
    /// Of `cut`, `malformed` and `stream_error`: how many events of a stream come whole before.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub after_events: Option<Spanned<i64>>,
}

/// The same as JSON, which has no places.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    fault: String,
    #[serde(default)]
    on: Vec<String>,
    #[serde(default)]
    models: Vec<String>,
    rate: Option<f64>,
    next: Option<i64>,
    burst: Option<i64>,
    status: Option<i64>,
    retry_after: Option<Duration>,
    delay: Option<Duration>,
    after_events: Option<i64>,
}

impl From<Sent> for WrittenFault {
    fn from(sent: Sent) -> Self {
        let texts = |texts: Vec<String>| texts.into_iter().map(Spanned::unwritten).collect();
        Self {
            fault: Spanned::unwritten(sent.fault),
            on: texts(sent.on),
            models: texts(sent.models),
            rate: sent.rate.map(Spanned::unwritten),
            next: sent.next.map(Spanned::unwritten),
            burst: sent.burst.map(Spanned::unwritten),
            status: sent.status.map(Spanned::unwritten),
            retry_after: sent.retry_after.map(Spanned::unwritten),
            delay: sent.delay.map(Spanned::unwritten),
            after_events: sent.after_events.map(Spanned::unwritten),
        }
    }
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The field.
    pub field: &'static str,
    /// Where it stands; empty if nowhere.
    pub span: std::ops::Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What was expected.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

/// Most rules of one list.
pub const MAX_RULES: usize = 256;
/// Most bytes of what is said of one rule.
const MAX_WORDS: usize = 500;
const MAX_WAIT: Duration = Duration::from_us(3_600_000_000);
/// A client's usual patience: the Python SDKs of the providers wait this long.
const PATIENCE: Duration = Duration::from_us(600_000_000);

/// The meaning of a rule; `None` after a complaint.
pub fn resolve(written: &WrittenFault, complain: &mut dyn FnMut(Complaint)) -> Option<FaultRule> {
    let mut sound = true;
    let mut wrong = |field,
                     span: &std::ops::Range<usize>,
                     message: String,
                     label: String,
                     help: Option<String>| {
        sound = false;
        complain(Complaint { field, span: span.clone(), message, label, help });
    };
    let unknown = |name: &str, known: &[&str]| match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected one of: {}", known.join(", ")),
    };
    let fault = written.fault.value.as_str();
    if !FaultKind::NAMES.contains(&fault) {
        let message = format!("there is no fault `{fault}`");
        wrong(
            "fault",
            &written.fault.span,
            message,
            "not a fault".to_owned(),
            Some(unknown(fault, &FaultKind::NAMES)),
        );
        return None;
    }
    let mut on = Vec::new();
    for name in &written.on {
        match Endpoint::all().find(|endpoint| endpoint.name() == name.value) {
            None => {
                let names = Endpoint::all().map(Endpoint::name).collect::<Vec<_>>();
                let message = format!("there is no endpoint `{}`", name.value);
                wrong(
                    "on",
                    &name.span,
                    message,
                    "not an endpoint".to_owned(),
                    Some(unknown(&name.value, &names)),
                );
            }
            Some(Endpoint::Events) if fault == "malformed" => {
                let message =
                    "the answer of `events` has no body that could be malformed".to_owned();
                wrong("on", &name.span, message, "nothing would happen here".to_owned(), None);
            }
            Some(endpoint) if fault == "stream_error" && !matches!(endpoint, Endpoint::Chat(_)) => {
                let message = format!("no model answers with a stream at `{}`", name.value);
                wrong("on", &name.span, message, "nothing would happen here".to_owned(), None);
            }
            Some(endpoint) if !endpoint.has_models() && !written.models.is_empty() => {
                let message = format!("requests to `{}` name no model", name.value);
                wrong(
                    "on",
                    &name.span,
                    message,
                    "`models` cannot hold here".to_owned(),
                    Some("write a rule of its own".to_owned()),
                );
            }
            Some(endpoint) if on.contains(&endpoint) => {
                wrong(
                    "on",
                    &name.span,
                    format!("`{}` is listed twice", name.value),
                    "the second time".to_owned(),
                    None,
                );
            }
            Some(endpoint) => on.push(endpoint),
        }
    }
    if written.on.is_empty() {
        let applies = |endpoint: &Endpoint| {
            (written.models.is_empty() || endpoint.has_models())
                && !(fault == "malformed" && *endpoint == Endpoint::Events)
                && (fault != "stream_error" || matches!(endpoint, Endpoint::Chat(_)))
        };
        on = Endpoint::all().filter(applies).collect();
    }
    for pattern in &written.models {
        if pattern.value.is_empty() || pattern.value.trim_end_matches('*').contains('*') {
            let message = format!("`{}` cannot name a model", pattern.value);
            wrong(
                "models",
                &pattern.span,
                message,
                "expected a model's name, which may end in `*`".to_owned(),
                None,
            );
        }
    }
    let rate = written.rate.as_ref().map_or(1.0, |rate| {
        if !(rate.value > 0.0 && rate.value <= 1.0) {
            let label = format!("expected more than 0 and at most 1, found {}", rate.value);
            wrong("rate", &rate.span, "the rate is out of range".to_owned(), label, None);
        }
        rate.value
    });
    if written.rate.is_none() && written.next.is_none() {
        let help =
            "give `rate` (a chance above 0 and at most 1), `next` (so many requests), or both"
                .to_owned();
        wrong(
            "rate",
            &written.fault.span,
            "it does not say how often this fault is injected".to_owned(),
            "this one".to_owned(),
            Some(help),
        );
    }
    let mut whole = |field: &'static str, number: &Option<Spanned<i64>>, least: u32, most: u32| {
        let number = number.as_ref()?;
        let value = u32::try_from(number.value).ok().filter(|value| (least..=most).contains(value));
        if value.is_none() {
            let label = format!("expected {least} to {most}, found {}", number.value);
            wrong(field, &number.span, format!("`{field}` is out of range"), label, None);
        }
        value
    };
    let next = whole("next", &written.next, 1, 1_000_000);
    let burst = whole("burst", &written.burst, 1, 100).unwrap_or(1);
    let status = whole("status", &written.status, 500, 599).unwrap_or(500) as u16;
    let after_events = whole("after_events", &written.after_events, 0, 1_000_000).unwrap_or(3);
    for (field, wait) in [("retry_after", &written.retry_after), ("delay", &written.delay)] {
        if let Some(wait) = wait.as_ref().filter(|wait| wait.value > MAX_WAIT) {
            let label = format!("expected at most an hour, found {}", wait.value);
            wrong(field, &wait.span, format!("`{field}` is out of range"), label, None);
        }
    }
    let own: &[&str] = match fault {
        "rate_limited" | "overloaded" => &["retry_after"],
        "server_error" => &["status", "retry_after"],
        "slow" | "timeout" => &["delay"],
        _ => &["after_events"],
    };
    let given = [
        ("status", written.status.as_ref().map(|field| &field.span)),
        ("retry_after", written.retry_after.as_ref().map(|field| &field.span)),
        ("delay", written.delay.as_ref().map(|field| &field.span)),
        ("after_events", written.after_events.as_ref().map(|field| &field.span)),
    ];
    for (field, span) in given {
        if let Some(span) = span.filter(|_| !own.contains(&field)) {
            let message = format!("`{field}` says nothing about the fault `{fault}`");
            wrong(
                field,
                span,
                message,
                "it would not be heeded".to_owned(),
                Some(format!("this fault has: {}", own.join(", "))),
            );
        }
    }
    let retry_after = written.retry_after.as_ref().map(|wait| wait.value);
    let delay = written.delay.as_ref().map(|wait| wait.value);
    let kind = match fault {
        "rate_limited" => FaultKind::RateLimited {
            retry_after: retry_after.unwrap_or(Duration::from_us(1_000_000)),
        },
        "server_error" => FaultKind::ServerError { status, retry_after },
        "overloaded" => FaultKind::Overloaded { retry_after },
        "slow" => FaultKind::Slow { delay: delay.unwrap_or(Duration::from_us(5_000_000)) },
        "cut" => FaultKind::Cut { after_events },
        "malformed" => FaultKind::Malformed { after_events },
        "stream_error" => FaultKind::StreamError { after_events },
        _ => FaultKind::Timeout { delay: delay.unwrap_or(PATIENCE) },
    };
    let models = written.models.iter().map(|pattern| pattern.value.clone()).collect();
    sound.then_some(FaultRule { kind, on, models, rate, next, burst })
}

/// The meaning of a list of rules.
pub fn rules(written: &[WrittenFault], faults: &mut Faults<'_>) -> Vec<FaultRule> {
    if let Some(rule) = written.get(MAX_RULES) {
        faults.add(
            format!("more than {MAX_RULES} faults in one list"),
            &rule.fault.span,
            "the first one too many",
            None,
        );
    }
    let mut add = |complaint: Complaint| {
        faults.add(complaint.message, &complaint.span, complaint.label, complaint.help)
    };
    written.iter().take(MAX_RULES).filter_map(|rule| resolve(rule, &mut add)).collect()
}

/// What is wrong with one value, in the words of JSON.
pub(super) fn plain(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let mistaken =
        said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: "));
    let Some((found, expected)) = mistaken.and_then(|rest| rest.rsplit_once(", expected ")) else {
        return said;
    };
    let expected = match expected {
        "f64" => "a number",
        "i64" => "a whole number",
        "a sequence" => "a list",
        "a string" => "a text",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    let quoted = |from: &str| {
        found.strip_prefix(from).map(|rest| rest.trim_matches(|c| c == '`' || c == ' '))
    };
    let found =
        match (quoted("integer"), quoted("floating point"), quoted("boolean"), quoted("string")) {
            (Some(number), ..) | (_, Some(number), ..) => format!("the number {number}"),
            (.., Some(boolean), _) => boolean.to_owned(),
            (.., Some(text)) => format!("the text {text}"),
            _ => match found {
                "map" => "an object".to_owned(),
                "sequence" => "a list".to_owned(),
                "unit value" | "null" => "null".to_owned(),
                other => other.to_owned(),
            },
        };
    format!("expected {expected}, found {found}")
}

/// Reads rules that were sent as JSON: `{"faults": [rule, …]}`, a list, or one rule.
///
/// # Errors
/// Each fault with the path of its field and what was expected.
pub fn faults_from_json(body: &[u8]) -> Result<Vec<FaultRule>, Vec<String>> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| vec![json_fault(&error).replacen("it ", "the body ", 1)])?;
    let (list, prefix) = match value {
        Value::Object(mut fields) if fields.contains_key("faults") => {
            let list = fields.remove("faults").unwrap_or_default();
            if let Some(other) = fields.keys().next() {
                return Err(vec![format!(
                    "unknown field `{}`, expected only `faults`",
                    shortened(other, MAX_WORDS)
                )]);
            }
            (list, "faults")
        }
        Value::Object(fields) => (Value::Array(vec![Value::Object(fields)]), ""),
        other => (other, ""),
    };
    let Value::Array(list) = list else {
        return Err(vec![
            "expected {\"faults\": [ … ]}, a list of faults, or one fault".to_owned(),
        ]);
    };
    if list.len() > MAX_RULES {
        return Err(vec![format!("expected at most {MAX_RULES} faults, found {}", list.len())]);
    }
    let (mut rules, mut wrong) = (Vec::new(), Vec::new());
    for (nth, rule) in list.into_iter().enumerate() {
        let at = |field: &str| {
            format!(
                "{prefix}[{nth}]{}{field}",
                if field.is_empty() || field == "." { "" } else { "." }
            )
        };
        match serde_path_to_error::deserialize::<_, Sent>(rule) {
            Err(error) => {
                let path = error.path().to_string();
                wrong.push(format!(
                    "{}: {}",
                    at(if path == "." { "" } else { &path }),
                    plain(&error.into_inner())
                ));
            }
            Ok(sent) => rules.extend(resolve(&sent.into(), &mut |complaint| {
                let help = complaint.help.map(|help| format!(" ({help})")).unwrap_or_default();
                wrong.push(format!(
                    "{}: {}: {}{help}",
                    at(complaint.field),
                    complaint.message,
                    complaint.label
                ));
            })),
        }
    }
    if wrong.is_empty() {
        Ok(rules)
    } else {
        Err(wrong.iter().map(|words| shortened(words, MAX_WORDS).into_owned()).collect())
    }
}

#[cfg(test)]
mod tests;
