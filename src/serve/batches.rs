//! Batches over HTTP: to whom a request goes, and whether a fault strikes it.
//!
//! Guarantees: a request that a fault refuses has made nothing.
//!
//! Does not know: how a batch is written down, or answered.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::response::Response;

use xxhash_rust::xxh3::xxh3_128;

use crate::llm::wire::Provider;
use crate::llm::wire::batches::{BatchForm, BatchesApi};
use crate::random::Owner;
use crate::scenario::Endpoint;
use crate::serve::batch_request::BatchRequest;
use crate::serve::chat::{refused_early, request_id, taken};
use crate::serve::faults_answer::Words;
use crate::serve::faults_gate::{GatedRequest, is_fresh};
use crate::serve::ledger::Ask;
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
    let (headers, body) = match taken(provider, request).await {
        Ok(taken) => taken,
        Err(error) => {
            let owner = Owner::of(uri.path().as_bytes());
            return refused_early(provider, &world, owner, &error);
        }
    };
    // A request to make a batch is told by its body; all others by their addresses.
    let target = format!("{method} {uri}");
    let digest = Owner::of(&body).with(xxh3_128(target.as_bytes()));
    let fresh = is_fresh(&headers);
    let ask = Ask { endpoint: Endpoint::Batches, model: None, digest, fresh };
    let visit = GatedRequest::begin(&world, &ask);
    let id = request_id(provider, &world, digest, visit.arrival.before);
    let words = Words::Provider(provider, id);
    let answered = async {
        let (path, query) = (rest.trim_end_matches('/'), uri.query().unwrap_or_default());
        let body = Bytes::from(body);
        let asked =
            BatchRequest { provider, api, world: &world, method, headers, path, query, body };
        let answered = match (api.form, files) {
            (BatchForm::Files { .. }, true) => batch_files::file(&asked).await,
            (BatchForm::Files { .. }, false) => batch_files::batch(&asked).await,
            (BatchForm::Inline, _) => batch_inline::batch(&asked).await,
        };
        answered.unwrap_or_else(|error| {
            let owner = Owner::of(uri.path().as_bytes());
            refused_early(provider, &world, owner, &error)
        })
    };
    visit.answer(words, answered).await
}
