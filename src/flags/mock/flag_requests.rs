//! What is asked of a project's ordinary feature flags over REST.
//!
//! Does not know: what SDKs receive of a flag.

use serde_json::{Value, json};

use super::account::{Account, Project};
use super::body::Fields;
use super::flags::FeatureFlag;
use super::router::{created, gone, ok, page, unknown};
use crate::flags::api::{ApiError, ApiReply, HttpMethod, Request};
use crate::flags::events::stamp;
use crate::flags::members::put;

impl Project {
    /// A flag as the REST interface shows it, with the environments that the request chooses.
    fn shown(&self, key: &str, flag: &FeatureFlag, request: &Request) -> Value {
        let chosen: Vec<&str> = request
            .query
            .iter()
            .filter(|(name, _)| name == "env")
            .flat_map(|(_, keys)| keys.split(','))
            .collect();
        let name = |environment: &str| {
            let own = self.environments.get(environment).map(|own| own.rest(""));
            own.and_then(|own| own.get("name")?.as_str().map(str::to_owned)).unwrap_or_default()
        };
        flag.rest(key, &chosen, name)
    }
}

impl Account {
    /// Answers what is asked of a project's flags.
    pub(super) fn flags_request(
        &mut self,
        key: &str,
        rest: &[&str],
        request: &Request,
        now_ms: u64,
    ) -> Result<ApiReply, ApiError> {
        let (body, ids) = (&request.body, self.ids.clone());
        let project = self.project_mut(key)?;
        let missing = |flag: &str| ApiError::not_found("flag", flag);
        match (rest, request.method) {
            ([], HttpMethod::Get) => {
                let all = project.flags.values();
                ok(page(all.map(|flag| project.shown(key, flag, request)), request, "totalCount"))
            }
            ([], HttpMethod::Post) => {
                let flag = Fields::of(body)?.key()?;
                project.unused(flag)?;
                let environments = project.environments.keys();
                let new = FeatureFlag::create(environments, key, body, &ids, now_ms)?;
                let json = project.shown(key, &new, request);
                project.flags.insert(flag.to_owned(), new);
                created(json)
            }
            ([flag], HttpMethod::Get) => {
                let own = project.flags.get(*flag).ok_or_else(|| missing(flag))?;
                ok(project.shown(key, own, request))
            }
            ([flag], HttpMethod::Patch) => {
                let mut changed = project.flags.get(*flag).ok_or_else(|| missing(flag))?.clone();
                changed.patch(body, &ids, now_ms)?;
                let json = project.shown(key, &changed, request);
                project.flags.insert((*flag).to_owned(), changed);
                ok(json)
            }
            ([flag], HttpMethod::Delete) => {
                project.flags.remove(*flag).map(|_| gone()).ok_or_else(|| missing(flag))
            }
            ([] | [_], _) => Err(ApiError::method_not_allowed()),
            _ => Err(unknown(request)),
        }
    }

    /// The status of a flag in one environment or all of them; `asked` says when SDKs last evaluated
    /// it: Unix time in milliseconds. `None`: the request is about something else.
    #[must_use]
    pub fn flag_status_of(
        &self,
        request: &Request,
        asked: impl Fn(&str) -> Option<u64>,
    ) -> Option<Result<ApiReply, ApiError>> {
        if request.method != HttpMethod::Get {
            return None;
        }
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let (project, environment, flag) = match parts.as_slice() {
            ["flag-status", project, flag] => (*project, None, *flag),
            ["flag-statuses", project, environment, flag] => (*project, Some(*environment), *flag),
            _ => return None,
        };
        Some(self.flag_status((project, environment, flag), asked))
    }

    fn flag_status(
        &self,
        (project, environment, key): (&str, Option<&str>, &str),
        asked: impl Fn(&str) -> Option<u64>,
    ) -> Result<ApiReply, ApiError> {
        let own = self.project(project)?;
        let flag = own.flags.get(key).ok_or_else(|| ApiError::not_found("flag", key))?;
        let last = asked(key);
        let mut status = json!({
            "name": if last.is_some() { "active" } else { "new" },
            "lastRequested": last.and_then(stamp),
        });
        let link = |href: String| json!({ "self": { "href": href, "type": "application/json" } });
        if let Some(environment) = environment {
            own.environment(environment)?;
            let href = format!("/api/v2/flag-statuses/{project}/{environment}/{key}");
            put(&mut status, "_links", link(href));
            return ok(status);
        }
        let all: serde_json::Map<String, Value> = flag
            .targeting
            .keys()
            .map(|environment| (environment.clone(), status.clone()))
            .collect();
        let href = format!("/api/v2/flag-status/{project}/{key}");
        ok(json!({ "environments": all, "key": key, "_links": link(href) }))
    }
}
