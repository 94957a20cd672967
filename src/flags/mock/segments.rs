//! Segments: who belongs to them, by key or by rule.
//!
//! Does not know: which flags ask for them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::body::{self, Fields};
use super::clauses::{self, TargetingRule};
use super::ids::{IdGenerator, Identifiers};
use crate::flags::api::ApiError;
use crate::flags::members::put;

/// Part of the matching contexts only.
#[derive(Clone, Debug, Default)]
pub struct Portion {
    weight: Option<i64>,
    bucket_by: Option<String>,
    context_kind: Option<String>,
}

/// A segment in one environment.
#[derive(Clone, Debug)]
pub struct MockSegment {
    path: String,
    key: String,
    name: String,
    description: String,
    tags: Vec<String>,
    created_ms: u64,
    modified_ms: u64,
    version: u64,
    /// Keys by context kind.
    included: BTreeMap<String, Vec<String>>,
    excluded: BTreeMap<String, Vec<String>>,
    rules: Vec<TargetingRule<Portion>>,
    salt: String,
    minted: u64,
}

impl MockSegment {
    /// Creates a segment. Rules in the body are ignored, as by the real service: they need a patch.
    pub fn create(
        project: &str,
        environment: &str,
        body: &Value,
        ids: &Identifiers,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        if fields.flag("unbounded", false)? {
            return Err(ApiError::invalid("big segments are not simulated"));
        }
        let key = fields.key()?;
        let path = format!("segments/{project}/{environment}/{key}");
        Ok(Self {
            key: key.to_owned(),
            name: fields.filled("name")?.to_owned(),
            description: fields.optional_text("description")?.unwrap_or_default().to_owned(),
            tags: fields.texts("tags")?,
            created_ms: now_ms,
            modified_ms: now_ms,
            version: 1,
            included: BTreeMap::new(),
            excluded: BTreeMap::new(),
            rules: Vec::new(),
            salt: ids.hex(&path, 32),
            minted: 0,
            path,
        })
    }

    /// The segment after a semantic patch.
    pub fn patched(&self, body: &Value, ids: &Identifiers, now_ms: u64) -> Result<Self, ApiError> {
        let mut segment = self.clone();
        for (kind, fields) in body::instructions(body)? {
            segment.apply(kind, fields, ids)?;
        }
        segment.version += 1;
        segment.modified_ms = now_ms;
        Ok(segment)
    }

    fn apply(&mut self, kind: &str, fields: Fields<'_>, ids: &Identifiers) -> Result<(), ApiError> {
        let mut mint = IdGenerator::new(ids, &self.path, &mut self.minted);
        match kind {
            "addRule" => self.rules.push(TargetingRule::read(fields, portion(fields)?, &mut mint)?),
            "updateRuleRolloutAndContextKind" => {
                clauses::rule(&mut self.rules, fields)?.outcome = portion(fields)?
            }
            "addIncludedTargets" | "addIncludedUsers" => add(&mut self.included, fields)?,
            "addExcludedTargets" | "addExcludedUsers" => add(&mut self.excluded, fields)?,
            "removeIncludedTargets" | "removeIncludedUsers" => remove(&mut self.included, fields)?,
            "removeExcludedTargets" | "removeExcludedUsers" => remove(&mut self.excluded, fields)?,
            "updateName" => {
                self.name = fields.filled("value").or_else(|_| fields.filled("name"))?.to_owned()
            }
            "updateDescription" => self.description = fields.text("value")?.to_owned(),
            "addTags" => self.tags.extend(fields.texts("values")?),
            "removeTags" => {
                let removed = fields.texts("values")?;
                self.tags.retain(|tag| !removed.contains(tag));
            }
            _ => {
                if !clauses::edit(&mut self.rules, kind, fields, &mut mint)? {
                    return Err(body::unknown_instruction(kind));
                }
            }
        }
        Ok(())
    }

    /// As the REST interface shows it.
    pub fn rest(&self) -> Value {
        let rules = self.rules.iter().map(|rule| {
            let clauses: Vec<Value> = rule.clauses.iter().map(clauses::Clause::rest).collect();
            let mut json = json!({ "_id": rule.id, "clauses": clauses });
            if let Some(description) = &rule.description {
                put(&mut json, "description", description.as_str());
            }
            rule.outcome.write(&mut json);
            json
        });
        json!({
            "key": self.key, "name": self.name, "description": self.description, "tags": self.tags,
            "creationDate": self.created_ms, "lastModifiedDate": self.modified_ms,
            "included": users(&self.included), "excluded": users(&self.excluded),
            "includedContexts": others(&self.included), "excludedContexts": others(&self.excluded),
            "rules": rules.collect::<Vec<_>>(), "version": self.version, "deleted": false, "generation": 1,
            "_links": { "self": { "href": format!("/api/v2/{}", self.path), "type": "application/json" } },
        })
    }

    /// As an SDK receives it.
    pub fn sdk(&self) -> Value {
        let rules = self.rules.iter().map(|rule| {
            let clauses: Vec<Value> = rule.clauses.iter().map(clauses::Clause::sdk).collect();
            let mut json = json!({ "id": rule.id, "clauses": clauses });
            rule.outcome.write(&mut json);
            json
        });
        json!({
            "key": self.key, "version": self.version, "salt": self.salt,
            "included": users(&self.included), "excluded": users(&self.excluded),
            "includedContexts": others(&self.included), "excludedContexts": others(&self.excluded),
            "rules": rules.collect::<Vec<_>>(), "unbounded": false, "generation": 1, "deleted": false,
        })
    }
}

impl Portion {
    fn write(&self, json: &mut Value) {
        if let Some(weight) = self.weight {
            put(json, "weight", weight);
            put(json, "rolloutContextKind", self.context_kind.as_deref().unwrap_or("user"));
            if let Some(bucket_by) = &self.bucket_by {
                put(json, "bucketBy", bucket_by.as_str());
            }
        }
    }
}

fn portion(fields: Fields<'_>) -> Result<Portion, ApiError> {
    let weight = fields.integer("rolloutWeight")?.or(fields.integer("weight")?);
    if weight.is_some_and(|weight| !(0..=100_000).contains(&weight)) {
        return Err(ApiError::invalid("a weight lies between 0 and 100000"));
    }
    let text = |name: &str| fields.optional_text(name).map(|text| text.map(str::to_owned));
    Ok(Portion {
        weight,
        bucket_by: text("rolloutBucketBy")?,
        context_kind: text("rolloutContextKind")?,
    })
}

fn add(lists: &mut BTreeMap<String, Vec<String>>, fields: Fields<'_>) -> Result<(), ApiError> {
    let list =
        lists.entry(fields.optional_text("contextKind")?.unwrap_or("user").to_owned()).or_default();
    for key in fields.texts("values")? {
        if !list.contains(&key) {
            list.push(key);
        }
    }
    Ok(())
}

fn remove(lists: &mut BTreeMap<String, Vec<String>>, fields: Fields<'_>) -> Result<(), ApiError> {
    let removed = fields.texts("values")?;
    if let Some(list) = lists.get_mut(fields.optional_text("contextKind")?.unwrap_or("user")) {
        list.retain(|key| !removed.contains(key));
    }
    Ok(())
}

fn users(lists: &BTreeMap<String, Vec<String>>) -> Value {
    lists.get("user").map_or_else(|| json!([]), |keys| json!(keys))
}

fn others(lists: &BTreeMap<String, Vec<String>>) -> Value {
    lists
        .iter()
        .filter(|(kind, keys)| *kind != "user" && !keys.is_empty())
        .map(|(kind, keys)| json!({ "contextKind": kind, "values": keys }))
        .collect()
}
