//! A span's attributes: OpenTelemetry GenAI of four generations, OpenInference, OpenLLMetry, Langfuse's
//! exporter and LaunchDarkly's SDK, which may stand on one span together.
//!
//! Sources: opentelemetry-semantic-conventions 0.66b2 and the repository semantic-conventions-genai;
//! openinference-semantic-conventions 0.1.42; opentelemetry-semantic-conventions-ai 0.5.1; langfuse
//! 5.0.4; launchdarkly-ai-server 0.4.0.
//!
//! Does not know: how attributes are written in a file.

use serde_json::{Map, Value};

use super::span::{SpanCost, SpanFailure, SpanKind, SpanTokens, TraceSpan, digest};
use super::values::{RecordFault, RecordFields};

/// Which vocabulary a span speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanVocabulary {
    GenAi,
    OpenInference,
    OpenLlmetry,
    Langfuse,
    /// None of a model application.
    Plain,
}

/// Whether an attribute can be content, which is never kept.
pub(super) fn is_content(key: &str) -> bool {
    const CONTENT: [&str; 18] = [
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.tool.definitions",
        "input.value",
        "output.value",
        "llm.input_messages",
        "llm.output_messages",
        "llm.prompts",
        "llm.tools",
        "traceloop.entity.input",
        "traceloop.entity.output",
        "langfuse.observation.input",
        "langfuse.observation.output",
    ];
    CONTENT.iter().any(|start| key.starts_with(start))
}

/// The vocabulary of a span.
pub(super) fn dialect(attributes: &Map<String, Value>) -> SpanVocabulary {
    let any = |start: &str| attributes.keys().any(|key| key.starts_with(start));
    if any("langfuse.observation.") {
        SpanVocabulary::Langfuse
    } else if attributes.contains_key("openinference.span.kind") {
        SpanVocabulary::OpenInference
    } else if any("traceloop.") || attributes.contains_key("llm.request.type") {
        SpanVocabulary::OpenLlmetry
    } else if any("gen_ai.") {
        SpanVocabulary::GenAi
    } else {
        SpanVocabulary::Plain
    }
}

/// What a span stands for.
fn kind(own: RecordFields<'_>) -> SpanKind {
    let word = |names: &[&str]| own.text(names).unwrap_or_default().to_ascii_lowercase();
    match word(&["gen_ai.operation.name"]).as_str() {
        "chat" | "generate_content" | "text_completion" | "completion" => return SpanKind::Model,
        "invoke_agent" | "create_agent" => return SpanKind::Agent,
        "invoke_workflow" => return SpanKind::Group,
        "execute_tool" | "retrieval" => return SpanKind::Tool,
        "" => {}
        _ => return SpanKind::Other,
    }
    match word(&["openinference.span.kind"]).as_str() {
        "llm" => return SpanKind::Model,
        "agent" => return SpanKind::Agent,
        "tool" | "retriever" | "reranker" => return SpanKind::Tool,
        "evaluator" => return SpanKind::Scorer,
        "chain" | "guardrail" | "decision" | "prompt" => return SpanKind::Group,
        "" => {}
        _ => return SpanKind::Other,
    }
    match word(&["langfuse.observation.type"]).as_str() {
        "generation" => return SpanKind::Model,
        "agent" => return SpanKind::Agent,
        "tool" | "retriever" => return SpanKind::Tool,
        "evaluator" => return SpanKind::Scorer,
        "span" | "chain" | "guardrail" => return SpanKind::Group,
        _ => {}
    }
    match word(&["traceloop.span.kind"]).as_str() {
        "agent" => return SpanKind::Agent,
        "tool" => return SpanKind::Tool,
        "workflow" | "task" => return SpanKind::Group,
        _ => {}
    }
    match word(&["llm.request.type"]).as_str() {
        "chat" | "completion" => return SpanKind::Model,
        "" => {}
        _ => return SpanKind::Other,
    }
    // The oldest emitters name no operation.
    let usage = ["gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"];
    if own.value(&usage).is_some() && own.text(&["gen_ai.request.model"]).is_some() {
        return SpanKind::Model;
    }
    SpanKind::Other
}

/// Fills in what the attributes say.
///
/// # Errors
/// The attribute that is not what it should be.
pub(super) fn describe(
    span: &mut TraceSpan,
    attributes: &Map<String, Value>,
) -> Result<(), RecordFault> {
    let own = RecordFields(attributes);
    span.kind = kind(own);
    let metadata = own.object(&["metadata"]).unwrap_or_default();
    let node = [
        "launchdarkly.config.key",
        "gen_ai.agent.name",
        "agent.name",
        "graph.node.name",
        "graph.node.id",
        "langfuse.observation.metadata.langgraph_node",
        "traceloop.association.properties.langgraph_node",
    ];
    span.node = own
        .text(&node)
        .or_else(|| RecordFields(&metadata).text(&["langgraph_node", "agent_name"]))
        .map(Into::into);
    let name = match span.kind {
        SpanKind::Agent | SpanKind::Group => {
            own.text(&["gen_ai.workflow.name", "traceloop.entity.name", "traceloop.workflow.name"])
        }
        SpanKind::Tool => own.text(&["gen_ai.tool.name", "tool.name", "traceloop.entity.name"]),
        _ => None,
    };
    if let Some(name) = name {
        span.name = name.into();
    }
    if span.kind == SpanKind::Agent && span.node.is_none() {
        let name = span.name.strip_prefix("invoke_agent ").unwrap_or(&span.name);
        span.node = Some(name.into());
    }
    let model = [
        "gen_ai.request.model",
        "gen_ai.response.model",
        "llm.model_name",
        "langfuse.observation.model.name",
        "embedding.model_name",
    ];
    span.model = own.text(&model).map(Into::into);
    span.provider = own
        .text(&["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"])
        .map(Into::into);
    tokens(span, own)?;
    cost(span, own)?;
    outcome(span, own);
    let user = [
        "user.id",
        "enduser.id",
        "langfuse.user.id",
        "context.contextKeys.user",
        "traceloop.association.properties.user_id",
    ];
    let session = [
        "gen_ai.conversation.id",
        "session.id",
        "langfuse.session.id",
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.conversation_id",
        "traceloop.association.properties.thread_id",
    ];
    span.user = own.id(&user).map(|id| digest(&id)).filter(|&id| id != 0);
    let thread = ["thread_id", "session_id", "conversation_id"];
    span.session = own
        .id(&session)
        .or_else(|| RecordFields(&metadata).id(&thread))
        .map(|id| digest(&id))
        .filter(|&id| id != 0);
    Ok(())
}

fn tokens(span: &mut TraceSpan, own: RecordFields<'_>) -> Result<(), RecordFault> {
    let details = own.object(&["langfuse.observation.usage_details"]);
    if let Some(details) = &details {
        span.tokens = usage_details(RecordFields(details))?;
        return Ok(());
    }
    let input = own.number(&[
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
    ])?;
    let output = own.number(&[
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
    ])?;
    let cached = own.number(&[
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ])?;
    let written = own.number(&[
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ])?;
    let reasoning = own.number(&[
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ])?;
    let total = own.number(&["gen_ai.usage.total_tokens", "llm.token_count.total"])?;
    span.tokens = normal_usage([input, output, cached, written, reasoning, total]);
    Ok(())
}

/// Usage in one convention: input with cached tokens, output with reasoning. Where the total says, or
/// more was cached than there is input, the parts were apart. `None` where nothing was counted.
pub(super) fn normal_usage(
    [input, output, cached, written, reasoning, total]: [Option<f64>; 6],
) -> Option<SpanTokens> {
    if input.is_none() && output.is_none() {
        return None;
    }
    let [mut input, mut output] = [input, output].map(Option::unwrap_or_default);
    let [cached, written, reasoning] = [cached, written, reasoning].map(Option::unwrap_or_default);
    let through = cached + written;
    let over = total.map_or(0.0, |total| total - input - output);
    if through > 0.0 && (through > input || (over - through).abs() < 0.5) {
        input += through;
    } else if through > 0.0 && reasoning > 0.0 && (over - through - reasoning).abs() < 0.5 {
        (input, output) = (input + through, output + reasoning);
    } else if reasoning > 0.0 && (reasoning > output || (over - reasoning).abs() < 0.5) {
        output += reasoning;
    }
    Some(SpanTokens { input, output, cached, written, reasoning })
}

/// Usage by free keys, as Langfuse has it: the parts are apart, and `total` is their sum.
pub(super) fn usage_details(own: RecordFields<'_>) -> Result<Option<SpanTokens>, RecordFault> {
    let input = own.number(&["input", "prompt_tokens", "input_tokens", "promptTokens"])?;
    let output =
        own.number(&["output", "completion_tokens", "output_tokens", "completionTokens"])?;
    let cached = own.number(&[
        "input_cached_tokens",
        "cache_read_input_tokens",
        "input_cache_read",
        "prompt_tokens_details.cached_tokens",
    ])?;
    let written =
        own.number(&["cache_creation_input_tokens", "input_cache_creation", "input_cache_write"])?;
    let reasoning = own.number(&[
        "output_reasoning_tokens",
        "output_reasoning",
        "reasoning_tokens",
        "completion_tokens_details.reasoning_tokens",
    ])?;
    let total = own.number(&["total", "total_tokens", "totalTokens"])?;
    // The client's own usage, as it came.
    let (prompt, completion) =
        (own.object(&["prompt_tokens_details"]), own.object(&["completion_tokens_details"]));
    let nested = |object: &Option<_>, name: &str| {
        object.as_ref().map_or(Ok(None), |own| RecordFields(own).number(&[name]))
    };
    let cached = cached.or(nested(&prompt, "cached_tokens")?);
    let reasoning = reasoning.or(nested(&completion, "reasoning_tokens")?);
    Ok(normal_usage([input, output, cached, written, reasoning, total]))
}

fn cost(span: &mut TraceSpan, own: RecordFields<'_>) -> Result<(), RecordFault> {
    if let Some(details) = own.object(&["langfuse.observation.cost_details"]) {
        span.cost = cost_details(RecordFields(&details), None)?;
        return Ok(());
    }
    let [input, output, total] = [
        own.number(&["llm.cost.prompt"])?,
        own.number(&["llm.cost.completion"])?,
        own.number(&["llm.cost.total", "gen_ai.usage.cost", "gen_ai.cost.total"])?,
    ];
    span.cost = normal_cost(input, output, total);
    Ok(())
}

/// Dollars by free keys, as Langfuse has them.
pub(super) fn cost_details(
    own: RecordFields<'_>,
    total: Option<f64>,
) -> Result<Option<SpanCost>, RecordFault> {
    let total = own.number(&["total"])?.or(total);
    Ok(normal_cost(own.number(&["input"])?, own.number(&["output"])?, total))
}

/// A cost from what is known of it; none where it is zero, which loggers write for unknown models.
pub(super) fn normal_cost(
    input: Option<f64>,
    output: Option<f64>,
    total: Option<f64>,
) -> Option<SpanCost> {
    let parts = input.zip(output);
    let total = total.or(parts.map(|(input, output)| input + output))?;
    (total > 0.0).then_some(SpanCost { total, parts })
}

fn outcome(span: &mut TraceSpan, own: RecordFields<'_>) {
    let reasons = own.texts(&[
        "gen_ai.response.finish_reasons",
        "gen_ai.response.finish_reason",
        "llm.finish_reason",
        "llm.response.finish_reason",
    ]);
    for reason in &reasons {
        finished(span, reason);
    }
    if let Some(error) = own.text(&["error.type", "exception.type"]) {
        span.failure = Some(failure_of(error));
    }
}

/// Takes a finish reason into account.
pub(super) fn finished(span: &mut TraceSpan, reason: &str) {
    match reason.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" => span.cut = true,
        "content_filter" | "refusal" | "safety" => span.failure = Some(SpanFailure::Refusal),
        _ => {}
    }
}

/// Which failure a text about an error is.
pub(super) fn failure_of(error: &str) -> SpanFailure {
    let error = error.to_ascii_lowercase();
    let limited = ["429", "ratelimit", "rate_limit", "rate limit", "too many requests"];
    if limited.iter().any(|word| error.contains(word)) {
        SpanFailure::RateLimit
    } else {
        SpanFailure::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_and_reasoning_tokens_count_once_whoever_wrote_them() {
        let usage = |parts: [u32; 6]| {
            let parts = parts.map(|part| Some(f64::from(part)).filter(|part| *part > 0.0));
            let found = normal_usage(parts).unwrap();
            [found.input, found.output, found.cached]
        };
        // OpenAI's words: prompt 1000 of which 800 are cached, completion 50.
        assert_eq!(usage([1000, 50, 800, 0, 0, 1050]), [1000.0, 50.0, 800.0]);
        // Anthropic's: 200 that are not cached, 800 that are.
        assert_eq!(usage([200, 50, 800, 0, 0, 0]), [1000.0, 50.0, 800.0]);
        // Langfuse's parts: 600 and 400 cached, and their sum.
        assert_eq!(usage([600, 50, 400, 0, 0, 1050]), [1000.0, 50.0, 400.0]);
        // Langfuse's parts with reasoning.
        assert_eq!(usage([600, 50, 400, 0, 30, 1080]), [1000.0, 80.0, 400.0]);
        // OpenAI's reasoning is part of the completion.
        assert_eq!(usage([600, 50, 0, 0, 30, 650]), [600.0, 50.0, 0.0]);
    }
}
