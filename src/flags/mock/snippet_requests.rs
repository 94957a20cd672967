//! What is asked of a project's prompt snippets over REST.
//!
//! Does not know: what a snippet is.

use super::account::Account;
use super::body::Fields;
use super::router::{created, gone, ok, page, unknown};
use super::snippets::PromptSnippet;
use crate::flags::api::{ApiError, ApiReply, HttpMethod, Request};

impl Account {
    /// Answers what is asked of a project's prompt snippets.
    pub(super) fn snippets_request(
        &mut self,
        key: &str,
        rest: &[&str],
        request: &Request,
        now_ms: u64,
    ) -> Result<ApiReply, ApiError> {
        let project = self.project_mut(key)?;
        let missing = |snippet: &str| ApiError::not_found("prompt snippet", snippet);
        match (rest, request.method) {
            ([], HttpMethod::Get) => {
                let all = project.snippets.values().map(|snippet| snippet.rest(key));
                ok(page(all, request, "totalCount"))
            }
            ([], HttpMethod::Post) => {
                let new = PromptSnippet::create(Fields::of(&request.body)?, now_ms)?;
                if project.snippets.contains_key(&new.key) {
                    return Err(ApiError::exists("prompt snippet", &new.key));
                }
                let json = new.rest(key);
                project.snippets.insert(new.key.clone(), new);
                created(json)
            }
            ([snippet], HttpMethod::Get) => {
                ok(project.snippets.get(*snippet).ok_or_else(|| missing(snippet))?.rest(key))
            }
            ([snippet], HttpMethod::Patch) => {
                let old = project.snippets.get(*snippet).ok_or_else(|| missing(snippet))?;
                let changed = old.changed(Fields::of(&request.body)?, now_ms)?;
                let json = changed.rest(key);
                project.snippets.insert((*snippet).to_owned(), changed);
                ok(json)
            }
            ([snippet], HttpMethod::Delete) => {
                project.snippets.remove(*snippet).map(|_| gone()).ok_or_else(|| missing(snippet))
            }
            ([snippet, "references"], HttpMethod::Get) => {
                project.snippets.get(*snippet).ok_or_else(|| missing(snippet))?;
                // No prompt of a variation is resolved here, so none refers to it.
                ok(page(std::iter::empty(), request, "totalCount"))
            }
            ([] | [_] | [_, "references"], _) => Err(ApiError::method_not_allowed()),
            _ => Err(unknown(request)),
        }
    }
}
