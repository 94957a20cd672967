//! Batches over HTTP: to whom a request goes.
//!
//! Does not know: how a batch is written down, or answered.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::response::Response;

use crate::llm::wire::Provider;
use crate::llm::wire::batches::{BatchForm, BatchesApi};
use crate::random::Owner;
use crate::serve::batch_request::BatchRequest;
use crate::serve::chat::{refused_early, taken};
use crate::serve::world::World;
use crate::serve::{batch_files, batch_inline};

/// Answers a request for batches, or for files where `files` says so.
pub async fn asked(
    (provider, api, files): (Provider, &'static BatchesApi, bool),
    world: Arc<World>,
    rest: String,
    request: Request<Body>,
) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let answered = match taken(provider, request).await {
        Ok((headers, body)) => {
            let (path, query) = (rest.trim_end_matches('/'), uri.query().unwrap_or_default());
            let body = Bytes::from(body);
            let asked =
                BatchRequest { provider, api, world: &world, method, headers, path, query, body };
            match (api.form, files) {
                (BatchForm::Files { .. }, true) => batch_files::file(&asked).await,
                (BatchForm::Files { .. }, false) => batch_files::batch(&asked).await,
                (BatchForm::Inline, _) => batch_inline::batch(&asked).await,
            }
        }
        Err(error) => Err(error),
    };
    answered.unwrap_or_else(|error| {
        let owner = Owner::of(uri.path().as_bytes());
        refused_early(provider, &world, owner, &error)
    })
}
