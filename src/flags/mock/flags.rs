//! Ordinary feature flags: values of any kind, targeted like AI configs.
//!
//! Guarantees: every change that an SDK can see raises the version of the flag in each environment
//! that it touches.
//!
//! Does not know: requests, or who evaluates it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::body::{self, Fields};
use super::clauses::Clause;
use super::ids::{IdGenerator, Identifiers};
use super::targeting::{Serve, Targeting, Variants, merge};
use crate::flags::api::ApiError;
use crate::flags::members::{at, put};

/// One value of a flag.
#[derive(Clone, Debug)]
struct FlagValue {
    id: String,
    value: Value,
    name: Option<String>,
    description: Option<String>,
}

/// A flag.
#[derive(Clone, Debug)]
pub struct FeatureFlag {
    path: String,
    pub key: String,
    name: String,
    description: String,
    tags: Vec<String>,
    temporary: bool,
    pub archived: bool,
    created_ms: u64,
    version: u64,
    pub salt: String,
    values: Vec<FlagValue>,
    /// The variations that are served when a flag that was just made is on, and off.
    defaults: (usize, usize),
    /// Whether client-side SDKs may have it, and mobile ones.
    pub available: (bool, bool),
    /// By environment.
    pub targeting: BTreeMap<String, Targeting>,
    minted: u64,
}

impl FeatureFlag {
    /// Creates a flag; in each environment it is off.
    pub fn create<'e>(
        environments: impl Iterator<Item = &'e String>,
        project: &str,
        body: &Value,
        ids: &Identifiers,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        let key = fields.key()?;
        let path = format!("flags/{project}/{key}");
        let mut flag = Self {
            key: key.to_owned(),
            name: fields.filled("name")?.to_owned(),
            description: fields.optional_text("description")?.unwrap_or_default().to_owned(),
            tags: fields.texts("tags")?,
            temporary: fields.flag("temporary", false)?,
            archived: false,
            created_ms: now_ms,
            version: 1,
            salt: ids.hex(&path, 32),
            values: Vec::new(),
            defaults: (0, 1),
            available: (fields.flag("includeInSnippet", false)?, false),
            targeting: BTreeMap::new(),
            minted: 0,
            path,
        };
        let boolean = [json!({ "value": true }), json!({ "value": false })];
        let given = fields.list("variations")?;
        for value in if given.is_empty() { &boolean } else { given } {
            flag.add_value(value, ids)?;
        }
        if flag.values.len() < 2 {
            return Err(ApiError::invalid("a flag has at least two `variations`"));
        }
        flag.defaults = (0, flag.values.len() - 1);
        if let Some(defaults) = fields.get("defaults") {
            let defaults = Fields::of(defaults)?;
            let place = |name: &str| {
                let given = defaults.integer(name)?.and_then(|at| usize::try_from(at).ok());
                given.filter(|at| *at < flag.values.len()).ok_or_else(|| {
                    ApiError::invalid(format!("`{name}` must be the number of a variation, from 0"))
                })
            };
            flag.defaults = (place("onVariation")?, place("offVariation")?);
        }
        if let Some(available) = fields.get("clientSideAvailability") {
            flag.available_to(Fields::of(available)?)?;
        }
        for environment in environments {
            flag.open(environment, now_ms);
        }
        let on = fields.flag("isFlagOn", false)?;
        flag.targeting.values_mut().for_each(|targeting| targeting.on = on);
        Ok(flag)
    }

    fn available_to(&mut self, fields: Fields<'_>) -> Result<(), ApiError> {
        let (web, mobile) = self.available;
        self.available =
            (fields.flag("usingEnvironmentId", web)?, fields.flag("usingMobileKey", mobile)?);
        Ok(())
    }

    fn add_value(&mut self, value: &Value, ids: &Identifiers) -> Result<(), ApiError> {
        let fields = Fields::of(value)?;
        let own = value.get("value").ok_or_else(|| {
            ApiError::invalid("each of `variations` has a `value`: true, a text, a number or JSON")
        })?;
        let id = IdGenerator::new(ids, &self.path, &mut self.minted).id();
        self.values.push(FlagValue {
            id: fields.optional_text("_id")?.map_or(id, str::to_owned),
            value: own.clone(),
            name: fields.optional_text("name")?.map(str::to_owned),
            description: fields.optional_text("description")?.map(str::to_owned),
        });
        Ok(())
    }

    /// Starts serving it in an environment: off.
    pub fn open(&mut self, environment: &str, now_ms: u64) {
        let mut targeting = Targeting::new(now_ms);
        targeting.on = false;
        targeting.fallthrough = Serve::Variation(self.defaults.0);
        targeting.off = self.defaults.1;
        self.targeting.insert(environment.to_owned(), targeting);
    }

    fn changed(&mut self, now_ms: u64) {
        self.version += 1;
        self.targeting.values_mut().for_each(|targeting| targeting.changed(now_ms));
    }

    /// Applies a patch of any of the three kinds that the REST interface takes: a JSON patch,
    /// instructions, or some fields.
    pub fn patch(&mut self, body: &Value, ids: &Identifiers, now_ms: u64) -> Result<(), ApiError> {
        if let Some(operations) = body.as_array().or_else(|| body.get("patch")?.as_array()) {
            for operation in operations {
                self.operate(Fields::of(operation)?, ids)?;
            }
            self.changed(now_ms);
            return Ok(());
        }
        let fields = Fields::of(body)?;
        if fields.get("instructions").is_some() {
            return self.instruct(body, ids, now_ms);
        }
        for name in ["name", "description", "tags", "temporary", "archived"] {
            if let Some(value) = fields.get(name) {
                self.set(&[name], value)?;
            }
        }
        if let Some(available) = fields.get("clientSideAvailability") {
            self.available_to(Fields::of(available)?)?;
        }
        self.changed(now_ms);
        Ok(())
    }

    /// One operation of a JSON patch (RFC 6902).
    fn operate(&mut self, fields: Fields<'_>, ids: &Identifiers) -> Result<(), ApiError> {
        let (op, path) = (fields.text("op")?, fields.text("path")?);
        let decoded: Vec<String> = path
            .trim_start_matches('/')
            .split('/')
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect();
        let parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
        let value = fields.0.get("value").unwrap_or(&Value::Null);
        match (op, parts.as_slice()) {
            ("test", _) => body::tested(&self.rest("", &[], |_| String::new()), path, value),
            ("add", ["variations", _]) => self.add_value(value, ids),
            ("add", ["tags", _]) => {
                let tag =
                    value.as_str().ok_or_else(|| ApiError::invalid("a tag must be a string"))?;
                self.tags.push(tag.to_owned());
                Ok(())
            }
            ("add" | "replace", parts) => self.set(parts, value),
            _ => Err(impossible(op, path)),
        }
    }

    /// Sets what a path leads to.
    fn set(&mut self, path: &[&str], value: &Value) -> Result<(), ApiError> {
        let whole = path.join("/");
        let wrong = || ApiError::invalid(format!("`/{whole}` cannot be {value}"));
        let (text, flag) = (value.as_str(), value.as_bool());
        match path {
            ["name"] => {
                self.name = text.filter(|own| !own.is_empty()).ok_or_else(wrong)?.to_owned()
            }
            ["description"] => self.description = text.ok_or_else(wrong)?.to_owned(),
            ["tags"] => {
                let tags = value.as_array().ok_or_else(wrong)?;
                let tags = tags.iter().map(|tag| tag.as_str().map(str::to_owned));
                self.tags = tags.collect::<Option<_>>().ok_or_else(wrong)?;
            }
            ["temporary"] => self.temporary = flag.ok_or_else(wrong)?,
            ["archived"] => self.archived = flag.ok_or_else(wrong)?,
            ["clientSideAvailability", "usingEnvironmentId"] => {
                self.available.0 = flag.ok_or_else(wrong)?;
            }
            ["clientSideAvailability", "usingMobileKey"] => {
                self.available.1 = flag.ok_or_else(wrong)?;
            }
            ["variations", number, name] => {
                let own = number.parse::<usize>().ok().and_then(|at| self.values.get_mut(at));
                let own = own.ok_or_else(|| impossible("replace", &whole))?;
                match *name {
                    "value" => own.value = value.clone(),
                    "name" => own.name = text.map(str::to_owned),
                    "description" => own.description = text.map(str::to_owned),
                    _ => return Err(impossible("replace", &whole)),
                }
            }
            ["environments", environment, rest @ ..] => {
                let most = self.values.len();
                let targeting = self
                    .targeting
                    .get_mut(*environment)
                    .ok_or_else(|| ApiError::not_found("environment", environment))?;
                let index = || {
                    let at = value.as_u64().and_then(|at| usize::try_from(at).ok());
                    at.filter(|at| *at < most).ok_or_else(wrong)
                };
                match rest {
                    ["on"] => targeting.on = flag.ok_or_else(wrong)?,
                    ["offVariation"] => targeting.off = index()?,
                    ["fallthrough", "variation"] => {
                        targeting.fallthrough = Serve::Variation(index()?);
                    }
                    ["trackEvents"] => targeting.track_events = flag.ok_or_else(wrong)?,
                    _ => return Err(impossible("replace", &whole)),
                }
            }
            _ => return Err(impossible("replace", &whole)),
        }
        Ok(())
    }

    /// Applies instructions: those about the flag, and those about its targeting in the environment
    /// that they name.
    fn instruct(&mut self, body: &Value, ids: &Identifiers, now_ms: u64) -> Result<(), ApiError> {
        let environment = Fields::of(body)?.optional_text("environmentKey")?;
        let mut everywhere = false;
        for (kind, fields) in body::instructions(body)? {
            let own = match kind {
                "updateName" => self.set(&["name"], fields.0.get("value").unwrap_or(&Value::Null)),
                "updateDescription" => {
                    self.set(&["description"], fields.0.get("value").unwrap_or(&Value::Null))
                }
                "archiveFlag" => self.set(&["archived"], &json!(true)),
                "restoreFlag" => self.set(&["archived"], &json!(false)),
                "addTags" => {
                    let tags = fields.texts("values")?;
                    self.tags.retain(|tag| !tags.contains(tag));
                    self.tags.extend(tags);
                    Ok(())
                }
                "removeTags" => {
                    let tags = fields.texts("values")?;
                    self.tags.retain(|tag| !tags.contains(tag));
                    Ok(())
                }
                "addVariation" => self.add_value(&Value::Object(fields.0.clone()), ids),
                "turnOnClientSideAvailability" | "turnOffClientSideAvailability" => {
                    let name = fields.text("value")?;
                    self.set(&["clientSideAvailability", name], &json!(kind.starts_with("turnOn")))
                }
                _ => {
                    let key = environment.ok_or_else(|| {
                        ApiError::invalid(format!("`{kind}` needs the `environmentKey` beside it"))
                    })?;
                    let variants = Variants {
                        path: &self.path,
                        ids: self.values.iter().map(|value| value.id.as_str()).collect(),
                    };
                    let targeting = self
                        .targeting
                        .get_mut(key)
                        .ok_or_else(|| ApiError::not_found("environment", key))?;
                    targeting.apply(kind, fields, &variants, ids, &mut self.minted)?;
                    targeting.changed(now_ms);
                    continue;
                }
            };
            own?;
            everywhere = true;
        }
        if everywhere {
            self.changed(now_ms);
        }
        Ok(())
    }

    /// The values of its variations, as SDKs receive them.
    pub fn values(&self) -> Vec<Value> {
        self.values.iter().map(|own| own.value.clone()).collect()
    }

    /// As the REST interface shows it, with these environments; all of them where the request names no environment.
    pub fn rest(&self, project: &str, chosen: &[&str], name: impl Fn(&str) -> String) -> Value {
        let boolean = self.values.iter().all(|own| own.value.is_boolean());
        let variations = self.values.iter().map(|own| {
            let mut json = json!({ "_id": own.id, "value": own.value });
            if let Some(name) = &own.name {
                put(&mut json, "name", name.as_str());
            }
            if let Some(description) = &own.description {
                put(&mut json, "description", description.as_str());
            }
            json
        });
        let href = format!("/api/v2/{}", self.path);
        let link = |href: &str| json!({ "href": href, "type": "application/json" });
        let environments = self
            .targeting
            .iter()
            .filter(|(key, _)| chosen.is_empty() || chosen.contains(&key.as_str()))
            .map(|(key, targeting)| {
                (key.clone(), self.in_environment(project, key, targeting, &name(key)))
            });
        json!({
            "name": self.name, "key": self.key, "kind": if boolean { "boolean" } else { "multivariate" },
            "description": self.description, "_version": self.version, "creationDate": self.created_ms,
            "includeInSnippet": self.available.0,
            "clientSideAvailability": { "usingEnvironmentId": self.available.0, "usingMobileKey": self.available.1 },
            "variations": variations.collect::<Vec<_>>(), "temporary": self.temporary, "tags": self.tags,
            "_links": { "self": link(&href), "parent": link(&format!("/api/v2/flags/{project}")) },
            "experiments": { "baselineIdx": 0, "items": [] }, "customProperties": {}, "archived": self.archived,
            "deprecated": false,
            "defaults": { "onVariation": self.defaults.0, "offVariation": self.defaults.1 },
            "environments": environments.collect::<serde_json::Map<_, _>>(),
        })
    }

    fn in_environment(&self, project: &str, key: &str, targeting: &Targeting, name: &str) -> Value {
        let rules = targeting.rules.iter().map(|rule| {
            let clauses: Vec<Value> = rule.clauses.iter().map(Clause::rest).collect();
            let mut json = json!({ "_id": rule.id, "clauses": clauses, "trackEvents": rule.outcome.track_events });
            merge(&mut json, rule.outcome.serve.rest());
            json
        });
        let shown = targeting.rest(name);
        json!({
            "on": targeting.on, "archived": self.archived, "salt": self.salt, "sel": self.salt,
            "lastModified": at(&shown, ["lastModified"]), "version": targeting.version,
            "targets": targeting.targets(true), "contextTargets": targeting.targets(false),
            "rules": rules.collect::<Vec<_>>(), "fallthrough": targeting.fallthrough.rest(),
            "offVariation": targeting.off, "prerequisites": [],
            "_site": { "href": format!("/{project}/{key}/features/{}", self.key), "type": "text/html" },
            "_environmentName": name, "trackEvents": targeting.track_events,
            "trackEventsFallthrough": targeting.track_fallthrough,
        })
    }
}

fn impossible(op: &str, path: &str) -> ApiError {
    ApiError::patch_failed(format!("`{op}` of `{path}` is not possible"))
}

#[cfg(test)]
mod tests;
