//! The tutorial's whole inventory as a specification, for tests.

use serde_json::{Map, Value, json};

use crate::experiment::{Aggregation, Better, Correction, Method, Metric, Missing, Statistic};
use crate::flags::spec::*;
use crate::quantity::{Probability, Share};

const EU: [&str; 15] =
    ["DE", "FR", "ES", "IT", "NL", "BE", "AT", "PL", "PT", "GR", "CZ", "HU", "SE", "DK", "FI"];

fn segment(key: &str, in_eu: bool, plan: &str) -> SegmentSpec {
    let clause = |attribute: &str, values: Vec<Value>, negate| ClauseSpec {
        attribute: attribute.into(),
        operator: Operator::In,
        values,
        negate,
    };
    let country = clause("country", EU.map(Value::from).to_vec(), !in_eu);
    SegmentSpec {
        key: key.into(),
        name: title(key),
        clauses: vec![country, clause("plan", vec![plan.into()], false)],
    }
}

fn title(key: &str) -> String {
    super::steps::title(key)
}

fn tool(key: &str, properties: Value) -> ProjectTool {
    let schema = json!({ "type": "object", "properties": properties, "required": ["query"] });
    ProjectTool {
        key: key.into(),
        description: format!("{} over the knowledge base", title(key)),
        schema,
    }
}

fn variation(key: &str, model: &str, tools: &[&str], custom: Value) -> VariationSpec {
    VariationSpec {
        key: key.into(),
        name: title(key),
        model_config: model.into(),
        parameters: Map::new(),
        custom: custom.as_object().unwrap().clone(),
        instructions: format!("You are the agent {key}."),
        tools: tools.iter().map(|&tool| tool.into()).collect(),
    }
}

fn metric(
    key: &str,
    event: &str,
    aggregation: Aggregation,
    missing: Missing,
    better: Better,
    unit: &str,
) -> Metric {
    Metric {
        key: key.into(),
        name: key.into(),
        event: event.into(),
        aggregation,
        statistic: Statistic::Mean,
        missing,
        better,
        unit: unit.into(),
        prior_variance: None,
        prior: None,
        judge: None,
        smallest_effect: 0.0,
        per: None,
    }
}

fn experiment(
    key: &str,
    config: &str,
    control: &str,
    treatment: &str,
    seed: i64,
) -> ExperimentSpec {
    let half = Share::new(50_000).unwrap();
    ExperimentSpec {
        key: key.into(),
        name: title(key),
        hypothesis: format!("{treatment} is worth it"),
        config: config.into(),
        rule: RuleChoice::Segment("other-paid".into()),
        control: control.into(),
        outside: control.into(),
        sample: Share::WHOLE,
        treatments: vec![(control.into(), half), (treatment.into(), half)],
        metrics: METRICS.map(String::from).to_vec(),
        primary: METRICS[0].into(),
        threshold: Probability::new(0.9).unwrap(),
        method: Method::Bayesian,
        correction: Correction::None,
        seed: Some(seed),
    }
}

const METRICS: [&str; 5] = [
    "positive_feedback_rate",
    "negative_feedback_rate",
    "p95_total_user_latency",
    "average_total_user_tokens",
    "ai_cost_per_request",
];
const HAIKU: &str = "Anthropic.claude-3-5-haiku-20241022";
const SONNET: &str = "Anthropic.claude-3-7-sonnet-latest";
const OPUS: &str = "Anthropic.claude-opus-4-20250514";
const GPT: &str = "OpenAI.gpt-4o";
const MINI: &str = "OpenAI.gpt-4o-mini-2024-07-18";
const MISTRAL: &str = "Mistral.mistral-small-latest";
const ALL_TOOLS: [&str; 5] =
    ["search_v1", "search_v2", "reranking", "arxiv_search", "semantic_scholar"];

/// Segments, tools, models, configs, metrics and the two experiments.
pub fn spec() -> ProjectSpec {
    let query = json!({ "type": "string" });
    let search = || json!({ "query": query, "top_k": { "type": "number" } });
    let model = |key: &str| {
        let (provider, model) = key.split_once('.').unwrap();
        ModelConfigSpec { key: key.into(), provider: provider.into(), model: model.into() }
    };
    let rules = |served: [&str; 4]| {
        let segments = ["eu-free", "eu-paid", "other-free", "other-paid"];
        let rule = |(segment, variation): (&str, &str)| RuleSpec {
            when: Condition::Segment(segment.into()),
            serve: ServeSpec::Variation(variation.into()),
        };
        segments.into_iter().zip(served).map(rule).collect()
    };
    let config = |key: &str,
                  variations: Vec<VariationSpec>,
                  rules: Vec<RuleSpec>,
                  fallthrough: &str| ConfigSpec {
        key: key.into(),
        name: key.into(),
        variations,
        rules,
        fallthrough: ServeSpec::Variation(fallthrough.into()),
        off: None,
    };
    let mut opus =
        variation("claude-opus-treatment", OPUS, &ALL_TOOLS, json!({ "max_tool_calls": 10 }));
    opus.name = "Claude Opus 4 Treatment".into();
    let mut latency = metric(
        METRICS[2],
        "$ld:ai:duration:total",
        Aggregation::Sum,
        Missing::Exclude,
        Better::Lower,
        "ms",
    );
    latency.statistic = Statistic::Percentile(Probability::new(0.95).unwrap());
    let (occurrence, sum) = (Aggregation::Occurrence, Aggregation::Sum);
    ProjectSpec {
        graph: None,
        key: "multi-agent-chatbot".into(),
        name: "Multi-Agent Chatbot".into(),
        environment: "production".into(),
        segments: vec![
            segment("eu-free", true, "free"),
            segment("eu-paid", true, "paid"),
            segment("other-free", false, "free"),
            segment("other-paid", false, "paid"),
        ],
        tools: vec![
            tool("search_v1", search()),
            tool("search_v2", search()),
            tool("reranking", json!({ "query": query, "results": { "type": "array" } })),
            tool("arxiv_search", json!({ "query": query, "max_results": { "type": "number" } })),
            tool("semantic_scholar", json!({ "query": query, "fields": { "type": "array" } })),
        ],
        model_configs: [HAIKU, SONNET, OPUS, GPT, MINI, MISTRAL].map(model).to_vec(),
        configs: vec![
            config(
                "supervisor-agent",
                vec![variation("supervisor-basic", SONNET, &[], json!({}))],
                vec![],
                "supervisor-basic",
            ),
            config(
                "security-agent",
                vec![
                    variation("pii-detector", SONNET, &[], json!({})),
                    variation("basic-security", HAIKU, &[], json!({ "max_tool_calls": 1 })),
                    variation("strict-security", MISTRAL, &[], json!({ "max_tool_calls": 1 })),
                ],
                rules(["strict-security", "strict-security", "basic-security", "basic-security"]),
                "basic-security",
            ),
            config(
                "support-agent",
                vec![
                    variation(
                        "rag-search-enhanced",
                        SONNET,
                        &["reranking", "search_v2"],
                        json!({}),
                    ),
                    variation("eu-free", HAIKU, &["search_v1"], json!({ "max_tool_calls": 3 })),
                    variation("eu-paid", SONNET, &ALL_TOOLS, json!({ "max_tool_calls": 20 })),
                    variation("other-free", MINI, &["search_v1"], json!({ "max_tool_calls": 3 })),
                    variation("other-paid", GPT, &ALL_TOOLS, json!({ "max_tool_calls": 20 })),
                    variation(
                        "international-standard",
                        HAIKU,
                        &ALL_TOOLS[..3],
                        json!({ "max_tool_calls": 5 }),
                    ),
                    opus,
                ],
                rules(["eu-free", "eu-paid", "other-free", "other-paid"]),
                "international-standard",
            ),
        ],
        own_events: Vec::new(),
        metrics: vec![
            metric(
                METRICS[0],
                "$ld:ai:feedback:user:positive",
                occurrence,
                Missing::Zero,
                Better::Higher,
                "",
            ),
            metric(
                METRICS[1],
                "$ld:ai:feedback:user:negative",
                occurrence,
                Missing::Zero,
                Better::Lower,
                "",
            ),
            latency,
            metric(METRICS[3], "$ld:ai:tokens:total", sum, Missing::Zero, Better::Lower, "tokens"),
            metric(METRICS[4], "ai_cost_per_request", sum, Missing::Exclude, Better::Lower, "$"),
        ],
        experiments: vec![
            experiment(
                "premium-model-value-analysis",
                "support-agent",
                "other-paid",
                "claude-opus-treatment",
                1_138_240_921,
            ),
            experiment(
                "security-level",
                "security-agent",
                "basic-security",
                "strict-security",
                77_223_344,
            ),
        ],
    }
}
