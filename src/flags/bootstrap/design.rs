//! A specification in the REST interface's words, and what differs between that and what is there.
//!
//! Does not know: requests, or in which order they are made.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::experiment::{Aggregation, Better, Correction, Method, Metric, MetricKind, Missing};
use crate::flags::members::{at, put};
use crate::flags::spec::{
    ClauseSpec, Condition, ExperimentSpec, GraphSpec, ModelConfigSpec, VariationSpec,
};
use crate::quantity::Share;
use crate::statistic::LaunchDarklyAnalysis;

/// The names of the fields of `wanted` that `found` lacks or holds with another value.
pub fn differing(wanted: &Value, found: &Value) -> Vec<String> {
    let fields = wanted.as_object().into_iter().flatten();
    fields
        .filter(|(name, value)| !same(value, &found[name.as_str()]))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Equality where numbers compare by value: a service may write 1 as 1.0.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| same(value, other)))
        }
        _ => a == b,
    }
}

/// A graph to send, its edges in the order in which they are tried.
pub fn graph(graph: &GraphSpec) -> Value {
    let edges = graph.edges.iter().map(|edge| {
        json!({ "key": edge.key, "sourceConfig": edge.from, "targetConfig": edge.to, "handoff": edge.handoff })
    });
    json!({ "key": graph.key, "name": graph.name, "rootConfigKey": graph.root,
        "edges": edges.collect::<Vec<_>>() })
}

/// A graph from a reply, its edges in the order of their keys and without what the service adds.
pub fn plain_graph(mut found: Value) -> Value {
    if let Some(edges) = found.get_mut("edges").and_then(Value::as_array_mut) {
        for edge in edges.iter_mut() {
            *edge = json!({ "key": edge["key"], "sourceConfig": edge["sourceConfig"],
                "targetConfig": edge["targetConfig"], "handoff": edge["handoff"] });
        }
        edges.sort_by_cached_key(|edge| edge["key"].as_str().unwrap_or_default().to_owned());
    }
    found
}

/// A condition as clauses to send.
pub fn clauses(condition: &Condition) -> Vec<Value> {
    match condition {
        Condition::Segment(key) => {
            vec![
                json!({ "contextKind": "user", "attribute": "segmentMatch", "op": "segmentMatch", "negate": false, "values": [key] }),
            ]
        }
        Condition::Clauses(clauses) => clauses.iter().map(clause).collect(),
    }
}

/// One clause to send.
pub fn clause(clause: &ClauseSpec) -> Value {
    json!({ "contextKind": "user", "attribute": clause.attribute, "op": clause.operator, "negate": clause.negate, "values": clause.values })
}

/// Clauses from a reply, without what the service adds.
pub fn plain_clauses(found: &Value) -> Vec<Value> {
    let plain = |clause: &Value| {
        let segment = clause["op"] == "segmentMatch";
        json!({
            "contextKind": clause["contextKind"].as_str().unwrap_or("user"),
            "attribute": if segment { "segmentMatch" } else { clause["attribute"].as_str().unwrap_or_default() },
            "op": clause["op"], "negate": clause["negate"].as_bool().unwrap_or(false), "values": clause["values"],
        })
    };
    found.as_array().into_iter().flatten().map(plain).collect()
}

/// Clauses for people.
pub fn said(clauses: &[Value]) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let one = |clause: &Value| {
        let values: Vec<String> =
            clause["values"].as_array().into_iter().flatten().map(text).collect();
        let not = if clause["negate"] == true { "not " } else { "" };
        match clause["op"].as_str() {
            Some("segmentMatch") => format!("{not}in segment {}", values.join(" or ")),
            op => format!(
                "{} {not}{} {}",
                text(&clause["attribute"]),
                op.unwrap_or_default(),
                values.join(" or ")
            ),
        }
    };
    if clauses.is_empty() {
        "nothing".to_owned()
    } else {
        clauses.iter().map(one).collect::<Vec<_>>().join(" and ")
    }
}

/// Whether two lists of clauses say the same.
pub fn same_clauses(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

/// A model config to create.
pub fn model_config(model: &ModelConfigSpec) -> Value {
    json!({ "key": model.key, "name": model.model, "id": model.model, "provider": model.provider })
}

/// A variation to create, attached to the latest versions of its tools.
pub fn variation(
    variation: &VariationSpec,
    model: &str,
    tool_versions: &BTreeMap<String, u64>,
) -> Value {
    let tools = variation
        .tools
        .iter()
        .map(|key| json!({ "key": key, "version": tool_versions.get(key).copied().unwrap_or(1) }));
    json!({
        "key": variation.key, "name": variation.name, "instructions": variation.instructions, "modelConfigKey": variation.model_config,
        "model": { "modelName": model, "parameters": variation.parameters, "custom": variation.custom },
        "tools": tools.collect::<Vec<_>>(),
    })
}

/// The fields of a found variation that [`variation`] sends.
pub fn plain_variation(found: &Value) -> Value {
    let tools = found["tools"].as_array().into_iter().flatten();
    let tools: Vec<Value> =
        tools.map(|tool| json!({ "key": tool["key"], "version": tool["version"] })).collect();
    let model = &found["model"];
    let object = |name: &str| model[name].as_object().cloned().unwrap_or_default();
    json!({
        "key": found["key"], "name": found["name"], "instructions": found["instructions"], "modelConfigKey": found["modelConfigKey"],
        "model": { "modelName": model["modelName"], "parameters": object("parameters"), "custom": object("custom") },
        "tools": tools,
    })
}

/// A metric to create.
pub fn metric(metric: &Metric) -> Value {
    let numeric =
        metric.kind() != MetricKind::Conversion && metric.aggregation != Aggregation::Occurrence;
    let mut json = json!({
        "key": metric.key, "name": metric.name, "kind": "custom", "isNumeric": numeric, "eventKey": metric.event,
        "successCriteria": match metric.better { Better::Higher => "HigherThanBaseline", Better::Lower => "LowerThanBaseline" },
        "unitAggregationType": if metric.aggregation == Aggregation::Sum { "sum" } else { "average" },
        "randomizationUnits": ["user"],
    });
    if numeric {
        put(&mut json, "unit", metric.unit.as_str());
    }
    match metric.declared().definition().in_launchdarkly {
        LaunchDarklyAnalysis::Mean => {
            put(&mut json, "analysisType", "mean");
            put(
                &mut json,
                "eventDefault",
                json!({ "disabled": metric.missing == Missing::Exclude, "value": 0 }),
            );
        }
        LaunchDarklyAnalysis::Percentile => {
            put(&mut json, "analysisType", "percentile");
            put(&mut json, "percentileValue", (metric.declared().parameter() * 100.0 + 0.5) as i64);
        }
    }
    json
}

/// A found metric, as [`metric`] writes it: a default that is not used may come without its value.
pub fn plain_metric(mut found: Value) -> Value {
    if let Some(default) = found.get_mut("eventDefault").and_then(Value::as_object_mut)
        && default.get("value").is_none_or(Value::is_null)
    {
        default.insert("value".to_owned(), 0.into());
    }
    found
}

/// A JSON patch that gives a metric the named fields of `wanted`.
pub fn metric_patch(wanted: &Value, names: &[String]) -> Value {
    names.iter().map(|name| json!({ "op": "replace", "path": format!("/{name}"), "value": wanted[name.as_str()] })).collect()
}

/// What an experiment's rule has to serve: weights by variation key, in thousandths of a percent;
/// the rest is outside.
pub fn weights(experiment: &ExperimentSpec) -> Vec<(&str, u32)> {
    let weight = |share: &Share| {
        u64::from(share.weight()) * u64::from(experiment.sample.weight())
            / u64::from(Share::WHOLE.weight())
    };
    experiment
        .treatments
        .iter()
        .filter(|(_, share)| share.weight() > 0)
        .map(|(key, share)| (key.as_str(), u32::try_from(weight(share)).unwrap_or(0)))
        .collect()
}

/// An iteration to create. `ids` and `names` are by variation key.
pub fn iteration(
    experiment: &ExperimentSpec,
    ids: &BTreeMap<String, (String, String)>,
    rule_id: &str,
    flag_version: u64,
) -> Value {
    let id = |key: &str| ids.get(key).map_or("", |(id, _)| id.as_str());
    let treatments = weights(experiment).into_iter().map(|(key, weight)| {
        json!({
            "name": ids.get(key).map_or(key, |(_, name)| name), "baseline": key == experiment.control, "allocationPercent": percent(weight),
            "parameters": [{ "flagKey": experiment.config, "variationId": id(key) }],
        })
    });
    json!({
        "hypothesis": experiment.hypothesis, "canReshuffleTraffic": false, "randomizationUnit": "user",
        "metrics": experiment.metrics.iter().map(|key| json!({ "key": key, "isGroup": false })).collect::<Vec<_>>(),
        "primarySingleMetricKey": experiment.primary, "treatments": treatments.collect::<Vec<_>>(),
        "flags": { &experiment.config: { "ruleId": rule_id, "flagConfigVersion": flag_version,
            "notInExperimentVariationId": id(&experiment.outside) } },
    })
}

/// The parts of an iteration that make its design, from [`iteration`] or from a reply.
pub fn plain_iteration(found: &Value, config: &str) -> Value {
    let treatments = found["treatments"].as_array().into_iter().flatten().map(|treatment| {
        json!({ "baseline": treatment["baseline"], "allocationPercent": treatment["allocationPercent"],
            "variationId": treatment.pointer("/parameters/0/variationId") })
    });
    let metrics: Vec<&Value> =
        found["metrics"].as_array().into_iter().flatten().map(|metric| &metric["key"]).collect();
    let primary = &found["primarySingleMetric"];
    let primary =
        if primary.is_object() { &primary["key"] } else { &found["primarySingleMetricKey"] };
    json!({
        "hypothesis": found["hypothesis"], "treatments": treatments.collect::<Vec<_>>(), "metrics": metrics, "primary metric": primary,
        "randomization unit": found["randomizationUnit"], "outside": at(found, ["flags", config, "notInExperimentVariationId"]),
    })
}

/// The same with variations by key instead of by the ids that nobody has seen.
pub fn readable(json: &Value, ids: &BTreeMap<String, (String, String)>) -> Value {
    match json {
        Value::String(text) => ids
            .iter()
            .find(|(_, (id, _))| id == text)
            .map_or_else(|| json.clone(), |(key, _)| key.as_str().into()),
        Value::Array(items) => items.iter().map(|item| readable(item, ids)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), readable(value, ids))).collect()
        }
        other => other.clone(),
    }
}

/// Method and threshold of an experiment, as fields of the experiment.
pub fn analysis(experiment: &ExperimentSpec) -> Map<String, Value> {
    let threshold = percent((experiment.threshold.get() * 1e5 + 0.5) as u32);
    let mut config = match experiment.method {
        Method::Bayesian => json!({ "bayesianThreshold": threshold }),
        Method::Frequentist => {
            json!({ "significanceThreshold": percent(100_000 - (experiment.threshold.get() * 1e5 + 0.5) as u32) })
        }
        Method::Sequential => json!({
            "significanceThreshold": percent(100_000 - (experiment.threshold.get() * 1e5 + 0.5) as u32), "sequentialTestingEnabled": true }),
    };
    let correction = match experiment.correction {
        Correction::None => None,
        Correction::Bonferroni => Some("bonferroni"),
        Correction::BenjaminiHochberg => Some("benjamini-hochberg"),
    };
    if let Some(correction) = correction {
        put(&mut config, "multipleComparisonCorrectionMethod", correction);
    }
    let methodology =
        if experiment.method == Method::Bayesian { "bayesian" } else { "frequentist" };
    [("methodology".to_owned(), methodology.into()), ("analysisConfig".to_owned(), config)]
        .into_iter()
        .collect()
}

/// Thousandths of a percent as a percentage without its sign: 12,500 is `12.5`.
pub fn percent(weight: u32) -> String {
    crate::quantity::trimmed(u128::from(weight), 3)
}
