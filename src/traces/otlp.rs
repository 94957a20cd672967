//! OTLP in JSON, and spans as objects of their own: what OpenTelemetry's console exporter, Phoenix and
//! other tools write.
//!
//! Source: the OTLP specification's JSON encoding: names in camelCase, ids in hexadecimal, 64-bit
//! numbers as texts, attributes as a list.
//!
//! Does not know: what an attribute means.

use serde_json::{Map, Value};

use super::attributes::{SpanVocabulary, describe, dialect, failure_of, is_content};
use super::span::{SpanFailure, SpanKind, TraceItem, TraceSpan, digest};
use super::values::{RecordFault, RecordFields};

/// Whether a value is an OTLP document or a part of one.
pub(super) fn is_otlp(own: RecordFields<'_>) -> bool {
    own.0.contains_key("resourceSpans") || own.0.contains_key("resource_spans")
}

/// Whether a value is a span by itself.
pub(super) fn is_span_object(own: RecordFields<'_>) -> bool {
    let context = own.value(&["context"]).and_then(RecordFields::of);
    context.is_some_and(|context| context.has(&["trace_id", "span_id"]))
        || (own.0.contains_key("traceId") && own.0.contains_key("startTimeUnixNano"))
        || (own.0.contains_key("trace_id")
            && own.0.contains_key("span_id")
            && own.0.contains_key("attributes"))
}

/// Passes on each span of an OTLP document.
///
/// # Errors
/// The first field that is not what it should be.
pub(super) fn otlp_items(
    own: RecordFields<'_>,
    tell: &mut dyn FnMut(SpanVocabulary, TraceItem),
) -> Result<(), RecordFault> {
    let mut first = Ok(());
    for resource in list(own, &["resourceSpans", "resource_spans"]) {
        let attributes =
            resource.object(&["resource"]).map(|resource| attributes(RecordFields(&resource)));
        let service = attributes.as_ref().and_then(|own| service(own));
        let names = ["scopeSpans", "scope_spans", "instrumentationLibrarySpans"];
        for scope in list(resource, &names) {
            for span in list(scope, &["spans"]) {
                if let Err(fault) = span_items(span, service, tell)
                    && first.is_ok()
                {
                    first = Err(fault);
                }
            }
        }
    }
    first
}

fn list<'v>(own: RecordFields<'v>, names: &[&str]) -> impl Iterator<Item = RecordFields<'v>> {
    own.value(names).and_then(Value::as_array).into_iter().flatten().filter_map(RecordFields::of)
}

fn service(attributes: &Map<String, Value>) -> Option<&str> {
    RecordFields(attributes)
        .text(&["service.name"])
        .filter(|name| !name.starts_with("unknown_service"))
}

/// Passes on one span, with the scores that its events hold.
///
/// # Errors
/// The field that is not what it should be.
pub(super) fn span_items(
    own: RecordFields<'_>,
    service_name: Option<&str>,
    tell: &mut dyn FnMut(SpanVocabulary, TraceItem),
) -> Result<(), RecordFault> {
    let context = own.object(&["context"]).unwrap_or_default();
    let context = RecordFields(&context);
    let id =
        |names: &[&str]| digest(&own.id(names).or_else(|| context.id(names)).unwrap_or_default());
    let trace = id(&["traceId", "trace_id"]);
    let parent = id(&["parentSpanId", "parent_span_id", "parent_id", "parentId"]);
    let mut span = TraceSpan::new(trace, id(&["spanId", "span_id"]), parent, SpanKind::Other);
    span.name = own.text(&["name"]).unwrap_or_default().into();
    let start =
        own.time(&["startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime"])?;
    let end = own.time(&["endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime"])?;
    span.start_us = start.unwrap_or_default();
    span.end_us = end.unwrap_or_default();
    let mut attributes = attributes(own);
    if let Some(kind) = own.text(&["span_kind"]) {
        // Phoenix has it beside the attributes.
        let kind = Value::String(kind.to_owned());
        attributes.entry("openinference.span.kind").or_insert(kind);
    }
    let spoken = dialect(&attributes);
    describe(&mut span, &attributes)?;
    let resource =
        own.object(&["resource"]).map(|resource| self::attributes(RecordFields(&resource)));
    span.service = resource.as_ref().and_then(|own| service(own)).or(service_name).map(Into::into);
    if failed(own) && span.failure.is_none() {
        let message = own.object(&["status"]);
        let message =
            message.as_ref().and_then(|own| RecordFields(own).text(&["message", "description"]));
        let message = message.or_else(|| own.text(&["status_message"]));
        span.failure = Some(message.map_or(SpanFailure::Error, failure_of));
    }
    for event in list(own, &["events"]) {
        let own = self::attributes(event);
        let own = RecordFields(&own);
        let Some(name) = own.text(&["gen_ai.evaluation.name"]) else { continue };
        let names = ["gen_ai.evaluation.score.value", "gen_ai.evaluation.score"];
        if let Some(value) = own.number(&names)? {
            let place = format!("{} {name} {}", span.id, span.scores.len());
            span.score(digest(&place), name, value, "model");
        }
    }
    tell(spoken, TraceItem::Span(Box::new(span)));
    Ok(())
}

/// Whether the status is that of an error.
fn failed(own: RecordFields<'_>) -> bool {
    let is_error = |value: &Value| match value {
        Value::Number(code) => code.as_u64() == Some(2),
        Value::String(code) => {
            matches!(code.as_str(), "ERROR" | "STATUS_CODE_ERROR" | "StatusCode.ERROR" | "2")
        }
        _ => false,
    };
    let status = own.value(&["status"]).and_then(RecordFields::of);
    status.and_then(|own| own.value(&["code", "status_code"])).is_some_and(is_error)
        || own.value(&["status_code"]).is_some_and(is_error)
}

/// The attributes as an object, without content: from OTLP's list, or from an object, whose nested
/// ones are written with dots.
fn attributes(own: RecordFields<'_>) -> Map<String, Value> {
    let mut found = Map::new();
    match own.value(&["attributes"]) {
        Some(Value::Array(all)) => {
            for pair in all.iter().filter_map(RecordFields::of) {
                let Some(key) = pair.text(&["key"]).filter(|key| !is_content(key)) else {
                    continue;
                };
                if let Some(value) = pair.value(&["value"]) {
                    found.insert(key.to_owned(), plain(value));
                }
            }
        }
        Some(Value::Object(all)) => flatten("", all, &mut found),
        _ => {}
    }
    found
}

fn flatten(before: &str, all: &Map<String, Value>, found: &mut Map<String, Value>) {
    for (key, value) in all {
        let key = if before.is_empty() { key.clone() } else { format!("{before}.{key}") };
        if is_content(&key) {
            continue;
        }
        match value {
            // Nesting deeper than this is data, not the name of an attribute.
            Value::Object(inner) if key.matches('.').count() < 6 => flatten(&key, inner, found),
            value => drop(found.insert(key, value.clone())),
        }
    }
}

/// A value without OTLP's wrapping.
fn plain(value: &Value) -> Value {
    let Some(own) = RecordFields::of(value) else { return value.clone() };
    let scalar = [
        "stringValue",
        "intValue",
        "doubleValue",
        "boolValue",
        "string_value",
        "int_value",
        "double_value",
        "bool_value",
    ];
    if let Some(value) = own.value(&scalar) {
        return value.clone();
    }
    let array = own.value(&["arrayValue", "array_value"]).and_then(RecordFields::of);
    match array.and_then(|own| own.value(&["values"])).and_then(Value::as_array) {
        Some(values) => Value::Array(values.iter().map(plain).collect()),
        None => Value::Null,
    }
}
