//! What a scenario has when it says nothing else: the tutorial's inventory, and the mock world's
//! numbers.
//!
//! Every number says where it comes from. *Tutorial*: read off the published page or its code.
//! *Price list*: the providers' prices of October 2025. *Assumed*: chosen, and where the tutorial
//! publishes a figure, fitted so that the figure comes out (the calibration test holds them to it).
//!
//! Does not know: what a scenario changes.

mod models;

pub use models::models;

use super::source::WrittenEffect;

use crate::agents::{AtBudget, ColdStart, Crash, NodeRole};
use crate::event::AppEvent;
use crate::experiment::{Aggregation, Better, Metric, Missing, Statistic};
use crate::flags::spec::{ClauseSpec, Operator, SegmentSpec};
use crate::llm::chat::Caching;
use crate::llm::model::GuardErrors;
use crate::llm::setup::{Causes, JudgeTraits, RemoteTool, ToolKind, ToolSpec};
use crate::quantity::{Money, Probability};
use crate::time::Duration;

/// The countries that the tutorial's segments call the EU.
pub const EU: [&str; 15] =
    ["DE", "FR", "ES", "IT", "NL", "BE", "AT", "PL", "PT", "GR", "CZ", "HU", "SE", "DK", "FI"];

/// How many queries are sent (tutorial).
pub const QUERIES: u32 = 200;
/// By how many workers (tutorial).
pub const WORKERS: u32 = 10;
/// When the client gives up (tutorial).
pub const TIMEOUT: Duration = ms(2_000_000);
/// How many queries in a hundred carry personal data (tutorial).
pub const PII_PERCENTAGE: f64 = 15.0;
/// How many topics the writer is asked for ("20+" in the tutorial, whose example prints 23).
pub const TOPICS: u32 = 24;

/// The model that takes topics out of the knowledge base and writes questions (tutorial).
pub const WRITER: &str = "claude-3-5-haiku-20241022";
/// The model that judges (tutorial).
pub const JUDGE: &str = "claude-3-haiku-20240307";
/// The model that does both where a scenario has a graph of its own: one of today.
pub const OWN_JUDGE: &str = "claude-haiku-5-5";
/// Characters of a question that the judge is shown (tutorial).
pub const QUESTION_CHARACTERS: u32 = 200;
/// Characters of an answer that the judge is shown (tutorial).
pub const ANSWER_CHARACTERS: u32 = 500;
/// Output cap of the judge (tutorial).
pub const JUDGE_TOKENS: u32 = 10;
/// Output cap of the writer (tutorial).
pub const WRITER_TOKENS: u32 = 100;
/// What the judge is told.
pub const JUDGE_INSTRUCTIONS: &str = "You play a user of a support chat. Below are the user's question and the start of the answer. \
Say how this user would rate the answer: positive, negative or none. Most users do not rate at all. Reply with that one word.";

/// What the writer is told.
pub const WRITER_INSTRUCTIONS: &str = "You write questions that users of a support chat on reinforcement learning might ask. \
Write one question on the given topic and of the given depth, and nothing else.";

/// A probability that is known to be one.
fn chance(p: f64) -> Probability {
    Probability::clamped(p)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_us(ms * 1000)
}

/// The causes behind effects: all assumed. Basic redaction takes `name`, `email`, `phone` and
/// `address`; strict takes all six. They are fitted so that the published cost per user, its spread
/// (coefficient of variation 4.3 with basic redaction, 1.8 with hardly any) and the price of strict
/// redaction (+16% raw) come out: a few users in a hundred, whose question has lost what it was
/// about, send the support agent searching in circles, and those few cost as much as all others.
pub const CAUSES: Causes = Causes {
    context_of_item: [0.30, 0.12, 0.10, 0.12, 0.10, 0.10],
    loss_to_tools: 0.1,
    loss_to_loops: 0.047,
    loss_to_words: 0.05,
    loss_to_quality: 0.3,
    difficulty_sigma: 0.9,
    cites_to_weakness: 0.9,
    concise_to_words: 0.5,
    stepwise_to_weakness: 0.9,
    temperature_to_spread: 0.3,
    grounding_to_quality: 0.0,
    // Assumed: a specialist for something else answers about as badly as one that lost most of the
    // context, and an answer without any of its research little better.
    wrong_route_to_quality: 1.5,
    missing_to_quality: 2.0,
    memory_to_quality: 0.0,
};

/// How the judge behaves: all assumed, fitted to the published feedback rates; its own errors are
/// small.
#[must_use]
pub fn judge_traits() -> JudgeTraits {
    JudgeTraits {
        rates_personal: chance(0.82),
        rates_impersonal: chance(0.20),
        sensitivity: chance(0.97),
        specificity: chance(0.95),
        leniency: chance(0.20),
        length_bias: 0.0,
        position_bias: 0.0,
        positive_on_tool_output: chance(0.005),
    }
}

/// The tutorial's five tools. Times and sizes are assumed; the rate limit's 30-second retry is the
/// tutorial's.
#[must_use]
pub fn tools() -> Vec<ToolSpec> {
    let local = |key: &str, description: &str, schema: &str, kind, top_k, appeal| ToolSpec {
        key: key.to_owned(),
        description: description.to_owned(),
        schema: schema.to_owned(),
        kind,
        top_k,
        latency: ms(150),
        appeal,
    };
    let search = r#"{"type": "object", "properties": {"query": {"type": "string"}, "top_k": {"type": "number"}}, "required": ["query"]}"#;
    let rerank = r#"{"type": "object", "properties": {"query": {"type": "string"}, "results": {"type": "array"}}, "required": ["query", "results"]}"#;
    let papers = r#"{"type": "object", "properties": {"query": {"type": "string"}, "max_results": {"type": "number"}}, "required": ["query"]}"#;
    let remote = RemoteTool {
        latency: ms(1_500),
        latency_sigma: 0.5,
        tokens: 900.0,
        tokens_sigma: 0.5,
        one_request_per: None,
        retry_after: ms(30_000),
        attempts: 40,
    };
    let scholar = RemoteTool { tokens: 1_100.0, one_request_per: Some(ms(3_000)), ..remote };
    vec![
        local(
            "search_v1",
            "Find passages of the knowledge base that contain words of the query.",
            search,
            ToolKind::KeywordSearch,
            5,
            1.0,
        ),
        local(
            "search_v2",
            "Find passages of the knowledge base by meaning.",
            search,
            ToolKind::SemanticSearch { threshold: 0.2 },
            3,
            1.5,
        ),
        local(
            "reranking",
            "Put passages that were found in the order of their relevance to the query.",
            rerank,
            ToolKind::Rerank,
            3,
            0.5,
        ),
        local("arxiv_search", "Search arXiv for papers.", papers, ToolKind::Remote(remote), 5, 1.0),
        local(
            "semantic_scholar",
            "Search Semantic Scholar for papers and citations.",
            papers,
            ToolKind::Remote(scholar),
            5,
            3.0,
        ),
    ]
}

/// A variation with its references still as names.
#[derive(Clone, Debug)]
pub struct DraftVariation {
    pub key: String,
    pub name: String,
    pub model: String,
    pub instructions: String,
    pub tools: Vec<String>,
    pub max_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub answer_tokens: Option<f64>,
    pub reasoning_tokens: Option<f64>,
    pub max_tool_calls: u32,
    pub session_budget: Option<Money>,
    pub at_budget: AtBudget,
    pub caching: Caching,
    pub fallback: Option<String>,
    pub crash: Option<Crash>,
    pub cold_start: Option<ColdStart>,
    pub guard: GuardErrors,
    pub effects: Vec<WrittenEffect>,
}

/// An AI config with its references still as names.
#[derive(Clone, Debug)]
pub struct DraftConfig {
    pub key: String,
    pub role: NodeRole,
    /// Whether it belongs to the scenario's own graph and not to the catalog: then its variations
    /// need nothing to start from.
    pub own: bool,
    pub variations: Vec<DraftVariation>,
    /// Segment and variation.
    pub rules: Vec<(String, String)>,
    pub default: String,
}

/// "other-paid" as "Other Paid".
#[must_use]
pub fn title(key: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    };
    key.split(['-', '_']).map(word).collect::<Vec<String>>().join(" ")
}

const SUPERVISOR: &str = "You are the supervisor of a support team. Decide whether the user's message contains personal data: names, \
e-mail addresses, phone numbers, postal addresses or the like. If it does, recommend the security_agent, otherwise the support_agent. \
State your confidence and a short reasoning.";
const DETECTOR: &str = "You look for personal data in a message. Replace what you find by [REDACTED] and list its types.";
/// What an agent with basic redaction is told.
pub const BASIC: &str = "You protect privacy. Replace direct identifiers in the message by [REDACTED]: full names, e-mail addresses, phone \
numbers, street addresses, card, licence and social security numbers. Leave everything else as it is; company, city and job title are \
context that the support agent needs: do not flag them. Do not shorten, translate or answer the message, and change no other word. \
Example: of the message 'I am Jane Roe, jane@roe.example, an engineer at Acme in Lyon, and my agent does not learn' only the name and the \
e-mail address are replaced; engineer, Acme and Lyon stay. If nothing is found, give the message back unchanged. Use the same placeholder for every kind of data, and keep \
punctuation and line breaks, so that the support agent can still read the question. List the types that you found.";
/// What an agent with strict redaction is told.
pub const STRICT: &str = "You protect privacy with the greatest care. Replace everything that could identify a person by [REDACTED]: names, \
e-mail addresses, phone numbers, addresses and locations, job titles, companies, dates of birth and any other identifying reference. \
List the types that you found: name, email, phone, address, location, job_title, company, date_of_birth, identifying_reference.";
const HELPFUL: &str = "You are a helpful assistant. Answer the user's question with the help of the tools that you have, clearly and to the point.";
const FREE: &str = "You are a friendly assistant for users of the free plan. Answer the question briefly, and search once if you must.";
const EU_PAID: &str = "You are a research assistant for paying users in the EU. Treat whatever users tell of themselves as confidential. \
Use the tools where they help and say which source each statement comes from.";
const OTHER_PAID: &str = "You are a premium research specialist. Give a thorough, correct answer to the user's question, use the tools \
where the knowledge base or the literature can add something, and attribute every statement to its source.";
const STANDARD: &str = "You are an assistant for users all over the world. Answer in plain words, and search the knowledge base when you are not sure.";

/// The tutorial's three AI configs (its manifest; instructions in our words). `mcp` says whether
/// the paying users' variations have the two remote tools. The supervisor's model is that of the
/// published cost table; the manifest has a Claude Sonnet.
#[must_use]
pub fn configs() -> Vec<DraftConfig> {
    let variation = |key: &str,
                     model: &str,
                     instructions: &str,
                     tools: &[&str],
                     calls: u32,
                     temperature: Option<f64>| DraftVariation {
        key: key.to_owned(),
        name: title(key),
        model: model.to_owned(),
        instructions: instructions.to_owned(),
        tools: tools.iter().map(|&tool| tool.to_owned()).collect(),
        max_tokens: None,
        temperature,
        answer_tokens: None,
        reasoning_tokens: None,
        max_tool_calls: calls,
        session_budget: None,
        at_budget: AtBudget::StopTools,
        caching: Caching::Off,
        fallback: None,
        crash: None,
        cold_start: None,
        guard: GuardErrors::default(),
        effects: Vec::new(),
    };
    let rules = |served: [&str; 4]| {
        let segments = ["eu-free", "eu-paid", "other-free", "other-paid"];
        segments
            .into_iter()
            .zip(served)
            .map(|(segment, serve)| (segment.to_owned(), serve.to_owned()))
            .collect()
    };
    let all = ["search_v1", "search_v2", "reranking", "arxiv_search", "semantic_scholar"];
    let (haiku, sonnet) = ("claude-3-5-haiku-20241022", "claude-3-7-sonnet-latest");
    let mut opus =
        variation("claude-opus-treatment", "claude-opus-4-20250514", HELPFUL, &all, 10, None);
    "Claude Opus 4 Treatment".clone_into(&mut opus.name);
    vec![
        DraftConfig {
            key: "supervisor-agent".to_owned(),
            own: false,
            role: NodeRole::Prescreen,
            variations: vec![variation(
                "supervisor-basic",
                "gpt-4o-mini-2024-07-18",
                SUPERVISOR,
                &[],
                0,
                Some(0.1),
            )],
            rules: Vec::new(),
            default: "supervisor-basic".to_owned(),
        },
        DraftConfig {
            key: "security-agent".to_owned(),
            own: false,
            role: NodeRole::Screen,
            variations: vec![
                variation("pii-detector", sonnet, DETECTOR, &[], 1, Some(0.0)),
                variation("basic-security", haiku, BASIC, &[], 1, Some(0.0)),
                variation("strict-security", "mistral-small-latest", STRICT, &[], 1, Some(0.0)),
            ],
            rules: rules([
                "strict-security",
                "strict-security",
                "basic-security",
                "basic-security",
            ]),
            default: "basic-security".to_owned(),
        },
        DraftConfig {
            key: "support-agent".to_owned(),
            own: false,
            role: NodeRole::Answer,
            variations: vec![
                variation(
                    "rag-search-enhanced",
                    sonnet,
                    HELPFUL,
                    &["reranking", "search_v2"],
                    5,
                    None,
                ),
                variation("eu-free", haiku, FREE, &["search_v1"], 3, None),
                variation("eu-paid", sonnet, EU_PAID, &all, 20, None),
                variation("other-free", "gpt-4o-mini-2024-07-18", FREE, &["search_v1"], 3, None),
                variation("other-paid", "gpt-4o", OTHER_PAID, &all, 20, None),
                variation(
                    "international-standard",
                    haiku,
                    STANDARD,
                    &["search_v1", "search_v2", "reranking"],
                    5,
                    None,
                ),
                opus,
            ],
            rules: rules(["eu-free", "eu-paid", "other-free", "other-paid"]),
            default: "international-standard".to_owned(),
        },
    ]
}

/// A condition on an attribute: it is one of these values, or it is there and none of them.
pub fn clause<T: AsRef<str>>(attribute: &str, values: &[T], negate: bool) -> ClauseSpec {
    let values = values.iter().map(|value| value.as_ref().into()).collect();
    ClauseSpec { attribute: attribute.to_owned(), operator: Operator::In, values, negate }
}

/// The tutorial's four segments.
#[must_use]
pub fn segments() -> Vec<SegmentSpec> {
    let segment = |key: &str, outside: bool, plan: &str| SegmentSpec {
        key: key.to_owned(),
        name: title(key),
        clauses: vec![clause("country", &EU, outside), clause("plan", &[plan], false)],
    };
    let each = [
        ("eu-free", false, "free"),
        ("eu-paid", false, "paid"),
        ("other-free", true, "free"),
        ("other-paid", true, "paid"),
    ];
    each.map(|(key, outside, plan)| segment(key, outside, plan)).into()
}

/// The tutorial's five metrics with their exact definitions (its screenshots, read by others; keys
/// as reports name them).
#[must_use]
pub fn metrics() -> Vec<Metric> {
    let metric =
        |key: &str, name: &str, event: AppEvent, aggregation, missing, better, unit: &str| Metric {
            key: key.to_owned(),
            name: name.to_owned(),
            event: event.key().to_owned(),
            aggregation,
            statistic: Statistic::Mean,
            missing,
            better,
            unit: unit.to_owned(),
            prior_variance: None,
            prior: None,
            judge: None,
            smallest_effect: 0.0,
            per: None,
        };
    use Aggregation::{Occurrence, Sum};
    use Better::{Higher, Lower};
    use Missing::{Exclude, Zero};
    let mut latency = metric(
        "p95_total_user_latency",
        "P95 total user latency",
        AppEvent::Duration,
        Sum,
        Exclude,
        Lower,
        "ms",
    );
    latency.statistic = Statistic::Percentile(chance(0.95));
    vec![
        metric(
            "positive_feedback_rate",
            "Positive feedback rate",
            AppEvent::FeedbackPositive,
            Occurrence,
            Zero,
            Higher,
            "",
        ),
        metric(
            "negative_feedback_rate",
            "Negative feedback rate",
            AppEvent::FeedbackNegative,
            Occurrence,
            Zero,
            Lower,
            "",
        ),
        latency,
        metric(
            "average_total_user_tokens",
            "Average total user tokens",
            AppEvent::TokensTotal,
            Sum,
            Zero,
            Lower,
            "tokens",
        ),
        metric(
            "ai_cost_per_request",
            "AI cost per request",
            AppEvent::Cost,
            Sum,
            Exclude,
            Lower,
            "$",
        ),
    ]
}
