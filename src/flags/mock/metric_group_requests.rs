//! What is asked of a project's groups of metrics over REST.
//!
//! Does not know: what a group has to be.

use super::account::Account;
use super::body::Fields;
use super::metric_groups::MetricGroup;
use super::router::{created, gone, ok, page, unknown};
use crate::flags::api::{ApiError, ApiReply, HttpMethod, Request};

impl Account {
    /// Answers what is asked of a project's groups of metrics.
    pub(super) fn metric_groups_request(
        &mut self,
        key: &str,
        rest: &[&str],
        request: &Request,
        now_ms: u64,
    ) -> Result<ApiReply, ApiError> {
        let (body, ids) = (&request.body, self.ids.clone());
        let project = self.project_mut(key)?;
        let (groups, metrics) = (&mut project.metric_groups, &project.metrics);
        let missing = |group: &str| ApiError::not_found("metric group", group);
        match (rest, request.method) {
            ([], HttpMethod::Get) => {
                let all = groups.values().map(|group| group.rest(metrics));
                ok(page(all, request, "totalCount"))
            }
            ([], HttpMethod::Post) => {
                let group = Fields::of(body)?.key()?;
                if groups.contains_key(group) {
                    return Err(ApiError::exists("metric group", group));
                }
                let new = MetricGroup::create(metrics, key, body, &ids, now_ms)?;
                let json = new.rest(metrics);
                groups.insert(group.to_owned(), new);
                created(json)
            }
            ([group], HttpMethod::Get) => {
                ok(groups.get(*group).ok_or_else(|| missing(group))?.rest(metrics))
            }
            ([group], HttpMethod::Patch) => {
                let old = groups.get(*group).ok_or_else(|| missing(group))?;
                let changed = old.patched(metrics, body, now_ms)?;
                let json = changed.rest(metrics);
                groups.insert((*group).to_owned(), changed);
                ok(json)
            }
            ([group], HttpMethod::Delete) => {
                groups.remove(*group).map(|_| gone()).ok_or_else(|| missing(group))
            }
            ([] | [_], _) => Err(ApiError::method_not_allowed()),
            _ => Err(unknown(request)),
        }
    }
}
