//! What is asked of a project's agent graphs over REST.
//!
//! Does not know: what a graph is for SDKs.

use super::account::{Account, Project};
use super::body::Fields;
use super::graphs::{AgentGraph, Agents};
use super::router::{created, gone, ok, page, unknown};
use crate::flags::api::{ApiError, ApiReply, HttpMethod, Request};

/// Refuses what is no AI config in agent mode: SDKs disable a graph with such a node.
fn agent(project: &Project, key: &str) -> Result<(), ApiError> {
    match project.configs.get(key) {
        Some(config) if config.mode == "agent" => Ok(()),
        Some(config) => Err(ApiError::invalid(format!(
            "AI config `{key}` has the mode {}, and the nodes of a graph need the mode agent",
            config.mode
        ))),
        None => Err(ApiError::invalid(format!("there is no AI config `{key}`"))),
    }
}

impl Account {
    /// Answers what is asked of a project's agent graphs.
    pub(super) fn graphs_request(
        &mut self,
        key: &str,
        rest: &[&str],
        request: &Request,
        now_ms: u64,
    ) -> Result<ApiReply, ApiError> {
        let (body, ids) = (&request.body, self.ids.clone());
        let project = self.project_mut(key)?;
        let missing = |graph: &str| ApiError::not_found("agent graph", graph);
        match (rest, request.method) {
            ([], HttpMethod::Get) => {
                ok(page(project.graphs.values().map(AgentGraph::rest), request, "totalCount"))
            }
            ([], HttpMethod::Post) => {
                let graph = Fields::of(body)?.key()?;
                project.unused(graph)?;
                let agents = |node: &str| agent(project, node);
                let places = (&agents as Agents<'_>, project.environments.keys());
                let new = AgentGraph::create(places, key, body, &ids, now_ms)?;
                let json = new.rest();
                project.graphs.insert(graph.to_owned(), new);
                created(json)
            }
            ([graph], HttpMethod::Get) => {
                ok(project.graphs.get(*graph).ok_or_else(|| missing(graph))?.rest())
            }
            ([graph], HttpMethod::Patch) => {
                let mut changed = project.graphs.get(*graph).ok_or_else(|| missing(graph))?.clone();
                let fields = Fields::of(body)?;
                if fields.get("instructions").is_some() {
                    changed.instruct(body, &ids, now_ms)?;
                } else {
                    changed.change(&|node| agent(project, node), fields, now_ms)?;
                }
                let json = changed.rest();
                project.graphs.insert((*graph).to_owned(), changed);
                ok(json)
            }
            ([graph], HttpMethod::Delete) => {
                project.graphs.remove(*graph).map(|_| gone()).ok_or_else(|| missing(graph))
            }
            ([] | [_], _) => Err(ApiError::method_not_allowed()),
            _ => Err(unknown(request)),
        }
    }
}
