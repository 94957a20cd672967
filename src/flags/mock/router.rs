//! From a request's path to the operation that answers it.
//!
//! Guarantees: a request either takes effect as a whole or changes nothing; an unknown path is 404,
//! a known one with another method 405.
//!
//! Does not know: authentication and rate limits, which belong to the server in front.

use serde_json::{Value, json};

use super::account::Account;
use super::body::{self, Fields};
use super::configs::Config;
use super::library::{MockTool, ModelConfig};
use super::metrics::MockMetric;
use super::sdk;
use super::segments::MockSegment;
use crate::flags::api::{ApiError, ApiReply, HttpMethod, Request};
use crate::flags::members::put;

use HttpMethod::{Delete, Get, Patch, Post};

impl Account {
    /// Answers one request. `now_ms` is the Unix time in milliseconds.
    ///
    /// # Errors
    /// What the REST interface would refuse, with its status and code.
    pub fn handle(&mut self, request: &Request, now_ms: u64) -> Result<ApiReply, ApiError> {
        let path = request.path.trim_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        let reply = match parts.as_slice() {
            ["projects", rest @ ..] => self.projects_request(rest, request, now_ms),
            ["segments", project, environment, rest @ ..] => {
                self.segments_request(project, environment, rest, request, now_ms)
            }
            ["flags", project, rest @ ..] => self.flags_request(project, rest, request, now_ms),
            ["auditlog"] if request.method == Get => ok(self.log.rest(request, &self.ids)),
            parts @ ["caller-identity" | "members" | "teams", ..] => {
                self.people_request(parts, request)
            }
            // No repository can be connected here.
            ["code-refs", "repositories"] if request.method == Get => {
                ok(page(std::iter::empty(), request, "totalCount"))
            }
            ["auditlog"] | ["code-refs", "repositories"] => Err(ApiError::method_not_allowed()),
            ["metrics", project, rest @ ..] => self.metrics_request(project, rest, request, now_ms),
            _ => Err(unknown(request)),
        }?;
        if request.method != Get {
            self.revision += 1;
            self.log.note(request, now_ms);
        }
        Ok(reply)
    }

    fn projects_request(
        &mut self,
        rest: &[&str],
        request: &Request,
        now_ms: u64,
    ) -> Result<ApiReply, ApiError> {
        let body = &request.body;
        match (rest, request.method) {
            ([], Get) => ok(page(
                self.projects.values().map(|project| project.rest()),
                request,
                "totalCount",
            )),
            ([], Post) => created(self.create_project(body, now_ms)?),
            ([key], Get) => {
                let project = self.project(key)?;
                let mut json = project.rest();
                if request.parameter("expand").is_some_and(|expand| expand.contains("environments"))
                {
                    let all =
                        project.environments.values().map(|environment| environment.rest(key));
                    put(&mut json, "environments", page(all, request, "totalCount"));
                }
                ok(json)
            }
            ([key], Delete) => self
                .projects
                .remove(*key)
                .map(|_| gone())
                .ok_or_else(|| ApiError::not_found("project", key)),
            ([key, "environments"], Get) => {
                let project = self.project(key)?;
                ok(page(
                    project.environments.values().map(|environment| environment.rest(key)),
                    request,
                    "totalCount",
                ))
            }
            ([key, "environments"], Post) => {
                let ids = self.ids.clone();
                created(self.project_mut(key)?.create_environment(body, &ids, now_ms)?)
            }
            ([key, "environments", environment], Get) => {
                ok(self.project(key)?.environment(environment)?.rest(key))
            }
            ([key, "environments", environment, "experiments", rest @ ..], _) => {
                self.experiments_request(key, environment, rest, request, now_ms)
            }
            ([key, "ai-tools", rest @ ..], _) => self.tools_request(key, rest, request, now_ms),
            ([key, "ai-configs", "model-configs", rest @ ..], _) => {
                self.models_request(key, rest, request)
            }
            ([key, "agent-graphs", rest @ ..], _) => {
                self.graphs_request(key, rest, request, now_ms)
            }
            ([key, "ai-configs", "prompt-snippets", rest @ ..], _) => {
                self.snippets_request(key, rest, request, now_ms)
            }
            ([key, "metric-groups", rest @ ..], _) => {
                self.metric_groups_request(key, rest, request, now_ms)
            }
            ([key, "ai-configs", rest @ ..], _) => self.configs_request(key, rest, request, now_ms),
            ([] | [_] | [_, "environments"] | [_, "environments", _], _) => {
                Err(ApiError::method_not_allowed())
            }
            _ => Err(unknown(request)),
        }
    }

    fn experiments_request(
        &mut self,
        project: &str,
        environment: &str,
        rest: &[&str],
        request: &Request,
        now_ms: u64,
    ) -> Result<ApiReply, ApiError> {
        let expand = request.parameter("expand").unwrap_or_default();
        match (rest, request.method) {
            ([], Get) => {
                let all = self.project(project)?.environment(environment)?.experiments.values();
                let filter = request.parameter("filter").unwrap_or_default();
                let filters: Vec<(&str, &str)> =
                    filter.split(',').filter_map(|part| part.split_once(':')).collect();
                let chosen = all.filter(|experiment| {
                    filters.iter().all(|(name, value)| experiment.matches(name, value))
                });
                ok(page(chosen.map(|experiment| experiment.rest(expand)), request, "total_count"))
            }
            ([], Post) => {
                created(self.create_experiment(project, environment, &request.body, now_ms)?)
            }
            ([key], Get) => ok(self.experiment(project, environment, key)?.rest(expand)),
            ([key], Patch) => {
                semantic(request)?;
                ok(self.patch_experiment(project, environment, key, &request.body, now_ms)?)
            }
            ([key, "iterations"], Post) => {
                ok(self.draft_iteration(project, environment, key, &request.body, now_ms)?)
            }
            ([] | [_] | [_, "iterations"], _) => Err(ApiError::method_not_allowed()),
            _ => Err(unknown(request)),
        }
    }

    fn tools_request(
        &mut self,
        key: &str,
        rest: &[&str],
        request: &Request,
        now_ms: u64,
    ) -> Result<ApiReply, ApiError> {
        let project = self.project_mut(key)?;
        let missing = |tool: &str| ApiError::not_found("tool", tool);
        match (rest, request.method) {
            ([], Get) => {
                ok(page(project.tools.values().map(|tool| tool.rest(key)), request, "totalCount"))
            }
            ([], Post) => {
                let tool = Fields::of(&request.body)?.key()?;
                if project.tools.contains_key(tool) {
                    return Err(ApiError::exists("tool", tool));
                }
                let new = MockTool::create(&request.body, now_ms)?;
                let json = new.rest(key);
                project.tools.insert(tool.to_owned(), new);
                created(json)
            }
            ([tool], Get) => ok(project.tools.get(*tool).ok_or_else(|| missing(tool))?.rest(key)),
            ([tool], Patch) => {
                let mut changed = project.tools.get(*tool).ok_or_else(|| missing(tool))?.clone();
                changed.patch(&request.body, now_ms)?;
                let json = changed.rest(key);
                project.tools.insert((*tool).to_owned(), changed);
                ok(json)
            }
            ([tool], Delete) => {
                let mut variations = project.configs.values().flat_map(|config| &config.variations);
                if variations
                    .any(|variation| variation.latest.tools.iter().any(|(used, _)| used == tool))
                {
                    return Err(ApiError::conflict(format!("tool `{tool}` is in use")));
                }
                project.tools.remove(*tool).map(|_| gone()).ok_or_else(|| missing(tool))
            }
            ([tool, "versions"], Get) => {
                let versions =
                    project.tools.get(*tool).ok_or_else(|| missing(tool))?.rest_versions(key);
                ok(page(versions, request, "totalCount"))
            }
            ([] | [_] | [_, "versions"], _) => Err(ApiError::method_not_allowed()),
            _ => Err(unknown(request)),
        }
    }

    fn models_request(
        &mut self,
        key: &str,
        rest: &[&str],
        request: &Request,
    ) -> Result<ApiReply, ApiError> {
        let project = self.project_mut(key)?;
        match (rest, request.method) {
            // A bare list, unlike the other collections.
            ([], Get) => ok(project.listed_models().into()),
            ([], Post) => {
                let model = Fields::of(&request.body)?.key()?;
                if !project.model_is_new(model) {
                    return Err(ApiError::exists("model config", model));
                }
                let new = ModelConfig::create(&request.body)?;
                let json = new.rest();
                project.model_configs.insert(model.to_owned(), new);
                ok(json)
            }
            ([model], Get) => ok(project
                .model(model)
                .ok_or_else(|| ApiError::not_found("model config", model))?
                .rest()),
            ([model], Delete) => project
                .model_configs
                .remove(*model)
                .map(|_| gone())
                .ok_or_else(|| ApiError::not_found("model config", model)),
            ([] | [_], _) => Err(ApiError::method_not_allowed()),
            _ => Err(unknown(request)),
        }
    }

    fn configs_request(
        &mut self,
        key: &str,
        rest: &[&str],
        request: &Request,
        now_ms: u64,
    ) -> Result<ApiReply, ApiError> {
        let (body, ids) = (&request.body, self.ids.clone());
        let project = self.project_mut(key)?;
        match (rest, request.method) {
            ([], Get) => {
                ok(page(project.configs.values().map(Config::rest), request, "totalCount"))
            }
            ([], Post) => {
                let config = Fields::of(body)?.key()?;
                if ["model-configs", "prompt-snippets", "tools"].contains(&config) {
                    return Err(ApiError::exists("AI config", config));
                }
                project.unused(config)?;
                let new = Config::create(project, key, body, &ids, now_ms)?;
                let json = new.rest();
                project.configs.insert(config.to_owned(), new);
                created(json)
            }
            ([config], Get) => {
                let mut json = project.config(config)?.rest();
                let graphs = project.graphs.values().filter(|graph| graph.uses(config));
                let graphs = graphs.map(|graph| json!({ "type": "agent-graph", "key": graph.key }));
                put(&mut json, "dependencies", graphs.collect::<Vec<_>>());
                ok(json)
            }
            ([config], Delete) => {
                project.config(config)?;
                project.configs.remove(*config);
                Ok(gone())
            }
            ([config, "variations"], Get) => {
                let config = project.config(config)?;
                ok(page(
                    config.variations.iter().map(|variation| variation.rest(&config.href())),
                    request,
                    "totalCount",
                ))
            }
            ([config, "variations", variation], Get) => {
                let config = project.config(config)?;
                ok(page(
                    config.variation(variation)?.rest_versions(&config.href()),
                    request,
                    "totalCount",
                ))
            }
            ([config, "targeting"], Get) => ok(self.targeting(key, config)?),
            ([own] | [own, "targeting"], Patch)
            | ([own, "variations"], Post)
            | ([own, "variations", _], Patch | Delete) => {
                let mut config = project.config(own)?.clone();
                let reply = match (rest, request.method) {
                    ([_, "variations"], _) => {
                        created(config.add_variation(project, body, &ids, now_ms)?)
                    }
                    ([_, "variations", variation], Patch) => {
                        ok(config.patch_variation(project, variation, body, now_ms)?)
                    }
                    ([_, "variations", variation], _) => {
                        config.remove_variation(variation, now_ms).map(|()| gone())
                    }
                    ([_, "targeting"], _) => {
                        patch_targeting(&mut config, body, &ids, now_ms).and(ok(Value::Null))
                    }
                    _ => config.patch(body, now_ms).and_then(|()| ok(config.rest())),
                }?;
                project.configs.insert((*own).to_owned(), config);
                match rest {
                    [_, "targeting"] => ok(self.targeting(key, own)?),
                    _ => Ok(reply),
                }
            }
            ([] | [_] | [_, "variations" | "targeting"] | [_, "variations", _], _) => {
                Err(ApiError::method_not_allowed())
            }
            _ => Err(unknown(request)),
        }
    }

    /// Targeting of a config in all environments.
    fn targeting(&self, project: &str, key: &str) -> Result<Value, ApiError> {
        let project = self.project(project)?;
        let config = project.config(key)?;
        let variations = sdk::values(project, config).into_iter().enumerate().map(|(index, value)| {
            let name =
                index.checked_sub(1).and_then(|own| config.variations.get(own)).map_or("disabled", |variation| &variation.latest.name);
            json!({ "_id": config.flag_id(index), "name": name, "description": "", "value": value })
        });
        let environments = config.targeting.iter().filter_map(|(environment, targeting)| {
            let name =
                project.environments.get(environment)?.rest("").get("name")?.as_str()?.to_owned();
            Some((environment.clone(), targeting.rest(&name)))
        });
        Ok(json!({
            "key": config.key, "name": config.name, "createdAt": config.created_ms, "tags": config.tags, "_version": config.version,
            "variations": variations.collect::<Vec<_>>(), "environments": environments.collect::<serde_json::Map<_, _>>(),
            "defaults": { "onVariation": usize::from(!config.variations.is_empty()), "offVariation": 0 },
            "experiments": { "baselineIdx": 0, "items": [] },
        }))
    }

    fn segments_request(
        &mut self,
        project: &str,
        environment: &str,
        rest: &[&str],
        request: &Request,
        now_ms: u64,
    ) -> Result<ApiReply, ApiError> {
        let ids = self.ids.clone();
        let segments = &mut self.project_mut(project)?.environment_mut(environment)?.segments;
        let missing = |key: &str| ApiError::not_found("segment", key);
        match (rest, request.method) {
            ([], Get) => ok(page(segments.values().map(MockSegment::rest), request, "totalCount")),
            ([], Post) => {
                let key = Fields::of(&request.body)?.key()?;
                if segments.contains_key(key) {
                    return Err(ApiError::exists("segment", key));
                }
                let segment =
                    MockSegment::create(project, environment, &request.body, &ids, now_ms)?;
                let json = segment.rest();
                segments.insert(key.to_owned(), segment);
                created(json)
            }
            ([key], Get) => ok(segments.get(*key).ok_or_else(|| missing(key))?.rest()),
            ([key], Patch) => {
                semantic(request)?;
                let changed = segments.get(*key).ok_or_else(|| missing(key))?.patched(
                    &request.body,
                    &ids,
                    now_ms,
                )?;
                let json = changed.rest();
                segments.insert((*key).to_owned(), changed);
                ok(json)
            }
            ([key], Delete) => segments.remove(*key).map(|_| gone()).ok_or_else(|| missing(key)),
            ([] | [_], _) => Err(ApiError::method_not_allowed()),
            _ => Err(unknown(request)),
        }
    }

    fn metrics_request(
        &mut self,
        key: &str,
        rest: &[&str],
        request: &Request,
        now_ms: u64,
    ) -> Result<ApiReply, ApiError> {
        let ids = self.ids.clone();
        let project = self.project_mut(key)?;
        let experiments =
            project.environments.values().flat_map(|environment| environment.experiments.values());
        let used = |metric: &str| {
            experiments.clone().filter(|experiment| experiment.uses_metric(metric)).count()
        };
        let missing = |metric: &str| ApiError::not_found("metric", metric);
        match (rest, request.method) {
            ([], Get) => ok(page(
                project.metrics.iter().map(|(metric, found)| found.rest(used(metric))),
                request,
                "totalCount",
            )),
            ([], Post) => {
                let metric = Fields::of(&request.body)?.key()?;
                if project.metrics.contains_key(metric) {
                    return Err(ApiError::exists("metric", metric));
                }
                let new = MockMetric::create(key, &request.body, &ids, now_ms)?;
                let json = new.rest(0);
                project.metrics.insert(metric.to_owned(), new);
                created(json)
            }
            ([metric], Get) => {
                ok(project.metrics.get(*metric).ok_or_else(|| missing(metric))?.rest(used(metric)))
            }
            ([metric], Patch) => {
                let changed = project
                    .metrics
                    .get(*metric)
                    .ok_or_else(|| missing(metric))?
                    .patched(&request.body)?;
                let json = changed.rest(used(metric));
                project.metrics.insert((*metric).to_owned(), changed);
                ok(json)
            }
            ([metric], Delete) if used(metric) > 0 => {
                Err(ApiError::conflict(format!("metric `{metric}` is used by an experiment")))
            }
            ([metric], Delete) => {
                project.metrics.remove(*metric).map(|_| gone()).ok_or_else(|| missing(metric))
            }
            ([] | [_], _) => Err(ApiError::method_not_allowed()),
            _ => Err(unknown(request)),
        }
    }
}

/// Applies a semantic patch to the environment that it names. The content type is not insisted on,
/// because the tutorial's own scripts send plain JSON here.
fn patch_targeting(
    config: &mut Config,
    body: &Value,
    ids: &super::ids::Identifiers,
    now_ms: u64,
) -> Result<(), ApiError> {
    let environment = Fields::of(body)?.filled("environmentKey")?;
    let before = config.clone();
    let targeting = config
        .targeting
        .get_mut(environment)
        .ok_or_else(|| ApiError::not_found("environment", environment))?;
    for (kind, fields) in body::instructions(body)? {
        targeting.apply(kind, fields, &before.variants(), ids, &mut config.minted)?;
    }
    targeting.changed(now_ms);
    config.version += 1;
    Ok(())
}

fn semantic(request: &Request) -> Result<(), ApiError> {
    if request.semantic_patch {
        return Ok(());
    }
    Err(ApiError::invalid(
        "a semantic patch needs the content type `application/json; domain-model=launchdarkly.semanticpatch`",
    ))
}

pub(super) fn unknown(request: &Request) -> ApiError {
    ApiError::new(404, "not_found", format!("there is no resource `{}`", request.path))
}

pub(super) fn ok(body: Value) -> Result<ApiReply, ApiError> {
    Ok(ApiReply { status: 200, body })
}

pub(super) fn created(body: Value) -> Result<ApiReply, ApiError> {
    Ok(ApiReply { status: 201, body })
}

pub(super) fn gone() -> ApiReply {
    ApiReply { status: 204, body: Value::Null }
}

/// A collection, cut to `offset` and `limit` when these are given.
pub(super) fn page(
    items: impl IntoIterator<Item = Value>,
    request: &Request,
    total: &str,
) -> Value {
    let all: Vec<Value> = items.into_iter().collect();
    let number = |name: &str| request.parameter(name).and_then(|text| text.parse().ok());
    let (offset, limit): (usize, usize) =
        (number("offset").unwrap_or(0), number("limit").unwrap_or(usize::MAX));
    let count = all.len();
    let items: Vec<Value> = all.into_iter().skip(offset).take(limit).collect();
    json!({ "items": items, total: count, "_links": { "self": { "href": format!("/api/v2/{}", request.path), "type": "application/json" } } })
}
