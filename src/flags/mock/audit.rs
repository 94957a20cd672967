//! The audit log: what was changed, the last change first.
//!
//! Guarantees: bounded; an entry's id follows from its number.
//!
//! Does not know: who changed it, or how it was before.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::ids::Identifiers;
use crate::flags::api::{HttpMethod, Request};
use crate::flags::members::at;

/// Most entries that are kept.
const MAX_ENTRIES: usize = 1_000;

/// One change.
#[derive(Clone, Debug)]
struct LogEntry {
    number: u64,
    at_ms: u64,
    kind: &'static str,
    name: String,
    verb: &'static str,
    resource: String,
}

/// The last changes.
#[derive(Clone, Debug, Default)]
pub struct AuditLog {
    entries: VecDeque<LogEntry>,
    written: u64,
}

/// The kind of resource that a path leads to, and its key.
fn resource<'a>(parts: &[&'a str]) -> (&'static str, Option<&'a str>) {
    match parts {
        ["flags", _, rest @ ..] => ("flag", rest.first().copied()),
        ["segments", _, _, rest @ ..] => ("segment", rest.first().copied()),
        ["metrics", _, rest @ ..] => ("metric", rest.first().copied()),
        ["projects", _, "environments", _, "experiments", rest @ ..] => {
            ("experiment", rest.first().copied())
        }
        ["projects", _, "environments", rest @ ..] => ("environment", rest.first().copied()),
        ["projects", _, "ai-configs", "model-configs", rest @ ..] => {
            ("model-config", rest.first().copied())
        }
        ["projects", _, "ai-configs", rest @ ..] => ("ai-config", rest.first().copied()),
        ["projects", _, "ai-tools", rest @ ..] => ("ai-tool", rest.first().copied()),
        ["projects", _, "agent-graphs", rest @ ..] => ("agent-graph", rest.first().copied()),
        ["projects", rest @ ..] => ("project", rest.first().copied()),
        _ => ("account", None),
    }
}

impl AuditLog {
    /// Notes a request that changed something.
    pub fn note(&mut self, request: &Request, at_ms: u64) {
        let path = request.path.trim_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        let (kind, key) = resource(&parts);
        let created = at(&request.body, ["key"]).as_str().filter(|_| key.is_none());
        let verb = match request.method {
            HttpMethod::Post if key.is_none() => "created",
            HttpMethod::Delete => "deleted",
            _ => "updated",
        };
        self.written += 1;
        self.entries.push_front(LogEntry {
            number: self.written,
            at_ms,
            kind,
            name: key.or(created).unwrap_or_default().to_owned(),
            verb,
            resource: path.to_owned(),
        });
        self.entries.truncate(MAX_ENTRIES);
    }

    /// The entries as the REST interface shows them: those of the request's time and words.
    pub fn rest(&self, request: &Request, ids: &Identifiers) -> Value {
        let number = |name: &str| request.parameter(name).and_then(|text| text.parse::<u64>().ok());
        let (before, after) = (number("before"), number("after"));
        let words = request.parameter("q").unwrap_or_default();
        let limit = number("limit").unwrap_or(20).min(20) as usize;
        let chosen = self.entries.iter().filter(|entry| {
            before.is_none_or(|before| entry.at_ms < before)
                && after.is_none_or(|after| entry.at_ms > after)
                && (entry.name.contains(words) || entry.resource.contains(words))
        });
        let entry = |entry: &LogEntry| {
            let id = ids.hex(&format!("auditlog/{}", entry.number), 24);
            let link = |href: String| json!({ "href": href, "type": "application/json" });
            let title = format!("{} the {} `{}`", entry.verb, entry.kind, entry.name);
            json!({
                "_id": id, "_accountId": ids.hex("account", 24), "date": entry.at_ms,
                "accesses": [{ "action": entry.verb, "resource": entry.resource }],
                "kind": entry.kind, "name": entry.name, "description": "", "shortDescription": title,
                "titleVerb": entry.verb, "title": title,
                "_links": { "self": link(format!("/api/v2/auditlog/{id}")),
                    "canonical": link(format!("/api/v2/{}", entry.resource)) },
            })
        };
        let items: Vec<Value> = chosen.take(limit).map(entry).collect();
        json!({ "items": items, "_links": { "self": { "href": "/api/v2/auditlog", "type": "application/json" } } })
    }
}
