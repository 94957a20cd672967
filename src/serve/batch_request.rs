//! A request for batches, and how a batch is answered: when somebody first asks how far it is, so
//! that the same requests in the same order get the same answers.
//!
//! Guarantees: a request of a batch gets the answer, the fault and the place in the transcript that
//! it would get by itself; a batch that was cancelled in time has answered nothing.
//!
//! Does not know: how a provider writes a batch down.

use std::sync::{Arc, LazyLock};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, header};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::Mutex as RunLock;

use crate::llm::chat::{ChatError, ErrorKind, Usage};
use crate::llm::profile::ModelProfile;
use crate::llm::wire::Provider;
use crate::llm::wire::batches::BatchesApi;
use crate::random::{Owner, Purpose};
use crate::scenario::catalog_models;
use crate::serve::batch_store::{BatchItem, BatchResult, BatchState, KeptBatch};
use crate::serve::chat::{chat, embed};
use crate::serve::http::parameters;
use crate::serve::moderations::moderate;
use crate::serve::responses::create;
use crate::serve::world::World;

/// Most bytes of one answer of a batch.
const MAX_ANSWER_BYTES: usize = 32 << 20;
/// The models of the catalog.
static CATALOG: LazyLock<Vec<ModelProfile>> = LazyLock::new(catalog_models);
/// Batches are answered one after the other.
static RUNNING: RunLock<()> = RunLock::const_new(());

/// A request for batches or for files.
pub struct BatchRequest<'a> {
    /// Whose they are.
    pub provider: Provider,
    /// How it has them.
    pub api: &'static BatchesApi,
    /// What the server holds.
    pub world: &'a Arc<World>,
    /// Its method.
    pub method: Method,
    /// Its headers.
    pub headers: HeaderMap,
    /// What follows in its path.
    pub path: &'a str,
    /// Its query.
    pub query: &'a str,
    /// Its body.
    pub body: Bytes,
}

impl BatchRequest<'_> {
    /// The id of the `nth` thing that is made, with this at its beginning.
    pub fn id(&self, prefix: &str, nth: u64) -> String {
        let owner = Owner::of(prefix.as_bytes());
        let mut stage = self.world.settings.seed.stage(Purpose::Identifier, owner, nth);
        format!("{prefix}{:016x}{:016x}", stage.bits(), stage.bits())
    }

    /// The parameters of its query.
    pub fn parameters(&self) -> Result<Vec<(String, String)>, ChatError> {
        parameters(self.query).ok_or_else(|| bad("", "the query of the address cannot be decoded"))
    }

    /// The body as JSON; an empty one is an empty object.
    pub fn value(&self) -> Result<Value, ChatError> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(json!({}));
        }
        let value: Value = serde_json::from_slice(&self.body).map_err(|error| {
            bad("", format!("We could not parse the JSON body of your request: {error}"))
        })?;
        if value.is_object() { Ok(value) } else { Err(bad("", "expected an object as the body")) }
    }

    /// The error for what is not served.
    pub fn unknown(&self) -> ChatError {
        let words = format!("Invalid URL ({} {}/{})", self.method, self.api.path, self.path);
        ChatError::new(ErrorKind::NotFound, words)
    }

    /// Answers what a batch holds, if it waits still, and returns it as it is then. `write` puts the
    /// results into files.
    pub async fn ended(
        &self,
        id: &str,
        batch: KeptBatch,
        write: impl FnOnce(&KeptBatch, &[BatchResult]) -> [String; 2] + Send,
    ) -> KeptBatch {
        if batch.state != BatchState::Waiting {
            return batch;
        }
        let _one = RUNNING.lock().await;
        let again = || self.world.batch_store().batch(self.provider, id);
        let known = again().unwrap_or(batch);
        if known.state != BatchState::Waiting {
            return known;
        }
        let results = self.results(&known).await;
        let files = write(&known, &results);
        let state = BatchState::Ended(Arc::new(results));
        self.world.batch_store().end(id, |kept| (kept.state, kept.output_files) = (state, files));
        again().unwrap_or(known)
    }

    async fn results(&self, batch: &KeptBatch) -> Vec<BatchResult> {
        let mut all = Vec::with_capacity(batch.items.len());
        for item in batch.items.iter() {
            let response = self.answer(&batch.endpoint, item).await;
            let header = self.provider.api.request_id_header();
            let id = response.headers().get(header).and_then(|id| id.to_str().ok());
            let request_id = id.unwrap_or_default().to_owned();
            let status = response.status().as_u16();
            let body = axum::body::to_bytes(response.into_body(), MAX_ANSWER_BYTES).await;
            let whole = body.ok().filter(|body| serde_json::from_slice::<Value>(body).is_ok());
            let (status, body) = whole.map_or_else(
                || {
                    // An answer that broke off is one that never came.
                    let error = ChatError::new(ErrorKind::Server, "Internal server error");
                    let reply = self.provider.api.encode_error(&error, &request_id);
                    (reply.status, Bytes::from(reply.body))
                },
                |body| (status, body),
            );
            if status == 200 {
                self.charge(&item.body, &body);
            }
            all.push(BatchResult { request_id, status, body });
        }
        all
    }

    /// Counts an answer at the price of batches.
    fn charge(&self, asked: &[u8], answered: &[u8]) {
        let Ok(request) = self.provider.decode_request(asked) else { return };
        let Ok(answer) = self.provider.decode_response(answered) else { return };
        let Usage { input, output, .. } = answer.usage;
        let models = self.world.responder.models();
        // The scenario's price, or else the price list's.
        let own = models
            .iter()
            .chain(CATALOG.iter())
            .find(|model| model.provider == self.provider && model.id == request.model);
        let cost = own.and_then(|model| model.in_batch()?.cost(answer.usage));
        self.world.ledger().batched.add(input, output, cost);
    }

    /// Answers one request as if it came by itself.
    async fn answer(&self, endpoint: &str, item: &BatchItem) -> Response {
        let mut request = Request::new(Body::from(item.body.clone()));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = self.headers.clone();
        for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_TYPE] {
            request.headers_mut().remove(name);
        }
        let (provider, world) = (self.provider, Arc::clone(self.world));
        let api = provider.api;
        if let Some(vectors) = api.embeddings().filter(|own| own.path == endpoint) {
            return embed(provider, vectors, world, request).await;
        }
        if let Some(hazards) = api.moderations().filter(|own| own.path == endpoint) {
            return moderate(provider, hazards, world, request).await;
        }
        if let Some(responses) = api.responses().filter(|own| own.path == endpoint) {
            return create(provider, responses, world, request).await;
        }
        chat(provider, world, request).await
    }
}

/// The error for a field.
pub fn bad(field: &str, message: impl Into<String>) -> ChatError {
    let field = Some(field.to_owned()).filter(|field| !field.is_empty());
    ChatError { field, ..ChatError::new(ErrorKind::BadRequest, message) }
}

/// The paths under the base address that the requests of a batch may be for.
pub fn endpoints(provider: Provider) -> Vec<&'static str> {
    let api = provider.api;
    let mut all = vec![api.chat_path()];
    all.extend(api.responses().map(|own| own.path));
    all.extend(api.embeddings().map(|own| own.path));
    all.extend(api.moderations().map(|own| own.path));
    all
}
