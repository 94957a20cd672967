//! What every trace format is brought to: spans and scores, without content.
//!
//! Guarantees: no prompt, answer, mail or user id is kept; ids are digests.
//!
//! Does not know: which format it came from.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

/// What a span stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanKind {
    /// One request to a model.
    Model,
    /// An agent at work.
    Agent,
    /// A named part of the application: a workflow, a chain, a task.
    Group,
    /// A call of a tool, or a retrieval.
    Tool,
    /// A judge that scores answers: no part of the application.
    Scorer,
    /// Anything else, such as an HTTP request.
    Other,
}

/// How a model call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanFailure {
    RateLimit,
    Refusal,
    Error,
}

/// Tokens of one call; `input` includes cached tokens, `output` includes reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SpanTokens {
    pub input: f64,
    pub output: f64,
    pub cached: f64,
    pub written: f64,
    pub reasoning: f64,
}

/// Dollars of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SpanCost {
    pub total: f64,
    /// Input and output apart, where the log has both.
    pub parts: Option<(f64, f64)>,
}

/// One span.
#[derive(Clone, Debug)]
pub(super) struct TraceSpan {
    pub trace: u64,
    pub id: u64,
    /// 0 at a root.
    pub parent: u64,
    pub kind: SpanKind,
    /// The agent or the AI config that it names.
    pub node: Option<Arc<str>>,
    /// The span's name, or the tool's.
    pub name: Arc<str>,
    pub service: Option<Arc<str>>,
    pub model: Option<Arc<str>>,
    /// The model that answered, where it is another name than the one that was asked for.
    pub provider: Option<Arc<str>>,
    pub start_us: u64,
    pub end_us: u64,
    pub tokens: Option<SpanTokens>,
    pub cost: Option<SpanCost>,
    pub failure: Option<SpanFailure>,
    /// Whether the answer was cut at the token limit.
    pub cut: bool,
    /// Whether an answer cache replied in place of the model.
    pub replayed: bool,
    pub user: Option<u64>,
    pub session: Option<u64>,
    pub scores: Vec<TraceScore>,
}

/// A score of a trace.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TraceScore {
    /// Digest of its id, so that a repeated one counts once.
    pub id: u64,
    pub trace: u64,
    pub name: Arc<str>,
    pub value: f64,
    /// Who scored, such as `human` or `model`; empty where nothing says it.
    pub source: Arc<str>,
}

/// What a record of a file says.
#[derive(Clone, Debug)]
pub(super) enum TraceItem {
    Span(Box<TraceSpan>),
    Score(TraceScore),
}

impl TraceSpan {
    /// Notes a score of the span's trace; `id` is the digest of the score's own id.
    pub(super) fn score(&mut self, id: u64, name: &str, value: f64, source: &str) {
        let (trace, name, source) = (self.trace, name.into(), source.into());
        self.scores.push(TraceScore { id, trace, name, value, source });
    }

    /// A span that says nothing yet but where it belongs.
    pub(super) fn new(trace: u64, id: u64, parent: u64, kind: SpanKind) -> Self {
        Self {
            trace,
            id,
            parent,
            kind,
            node: None,
            name: "".into(),
            service: None,
            model: None,
            provider: None,
            start_us: 0,
            end_us: 0,
            tokens: None,
            cost: None,
            failure: None,
            cut: false,
            replayed: false,
            user: None,
            session: None,
            scores: Vec::new(),
        }
    }

    /// Whether it can be a request to a model: one of this kind, or a remote agent with usage.
    pub(super) fn may_call(&self) -> bool {
        self.kind == SpanKind::Model
            || (self.kind == SpanKind::Agent && self.tokens.is_some() && self.model.is_some())
    }
}

/// The digest of an id; ids in hexadecimal compare without regard to case. Empty ids are 0.
pub(super) fn digest(id: &str) -> u64 {
    let id = id.trim().trim_start_matches("0x");
    if id.is_empty() || id.bytes().all(|byte| byte == b'0') {
        return 0;
    }
    xxh3_64(id.to_ascii_lowercase().as_bytes()).max(1)
}
