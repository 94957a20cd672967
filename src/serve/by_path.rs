//! Requests whose path says the model and what is asked of it.
//!
//! Guarantees: a stream that is asked for as a list has the documents of the one that is asked for
//! as events.
//!
//! Does not know: any provider's paths.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;

use crate::llm::chat::{ChatError, ChatRequest, ChatResponse};
use crate::llm::input::input_tokens;
use crate::llm::wire::Provider;
use crate::llm::wire::counting::CountingApi;
use crate::llm::wire::path_api::{Operation, PathApi, PathCall};
use crate::llm::wire::sse::{Chunking, Frames};
use crate::random::Owner;
use crate::scenario::Endpoint;
use crate::serve::chat::{
    AnswerFormat, VectorsFormat, converse, embed_as, refused, refused_early, request_id, taken,
};
use crate::serve::faults_answer::Words;
use crate::serve::faults_gate::{GatedRequest, is_fresh};
use crate::serve::http::{bytes_of, set};
use crate::serve::ledger::Ask;
use crate::serve::models as served;
use crate::serve::world::World;
use crate::time::Duration;

/// Answers a request; `name` stands in its path for the model and what is asked of it.
pub async fn asked(
    provider: Provider,
    api: &'static dyn PathApi,
    world: Arc<World>,
    name: &str,
    request: Request<Body>,
) -> Response {
    let call = match api.call(name, request.uri().query().unwrap_or_default()) {
        Ok(call) => call,
        Err(error) => {
            return refused_early(provider, &world, Owner::NOBODY, &error);
        }
    };
    match call.operation {
        Operation::Chat => chat(provider, (api, &call), &world, request).await,
        Operation::CountTokens => count_tokens(provider, (api, &call), &world, request).await,
        Operation::Embed => {
            embed_as(provider, &VectorsFormat::Path(api, call), world, request).await
        }
    }
}

/// The provider's format for chats.
struct PathFormat {
    provider: Provider,
    /// Whether a document is that of a stream as a list.
    list: bool,
}

impl AnswerFormat for PathFormat {
    const TAKES_ALL_MODELS: bool = false;

    fn ending_events(&self) -> usize {
        self.provider.api.ending_frames()
    }

    fn document(&self, answer: &ChatResponse, took: Duration) -> Vec<u8> {
        if self.list {
            return self.stream(answer, took, None).into_list();
        }
        let mut body = Vec::with_capacity(1024);
        self.provider.api.encode_timed(answer, took, &mut body);
        body
    }

    fn stream(&self, answer: &ChatResponse, took: Duration, _: Option<&[u8]>) -> Frames {
        self.provider.api.encode_timed_stream(answer, took, Chunking::Words)
    }

    fn words(&self, id: &str) -> Words {
        Words::Provider(self.provider, id.to_owned())
    }
}

async fn chat(
    provider: Provider,
    (api, call): (&dyn PathApi, &PathCall),
    world: &Arc<World>,
    request: Request<Body>,
) -> Response {
    let (headers, bytes) = match taken(provider, request).await {
        Ok(taken) => taken,
        Err(error) => {
            return refused_early(provider, world, Owner::NOBODY, &error);
        }
    };
    let request = match api.read_chat(call, &bytes).map_err(ChatError::bounded) {
        Ok(request) => request,
        Err(error) => {
            return refused_early(provider, world, Owner::of(&bytes), &error);
        }
    };
    let list = call.stream && call.list;
    // A list is sent as one document.
    let request = ChatRequest { stream: request.stream && !list, ..request };
    let format = PathFormat { provider, list };
    converse(provider, world, &headers, (&request, &bytes), &format).await
}

/// Counts the tokens of what a chat would be sent.
async fn count_tokens(
    provider: Provider,
    (api, call): (&dyn PathApi, &PathCall),
    world: &Arc<World>,
    request: Request<Body>,
) -> Response {
    let read = |bytes: &[u8]| api.read_count(call, bytes).map_err(ChatError::bounded);
    let write = |tokens: u32, body: &mut Vec<u8>| api.encode_count(tokens, body);
    counted(provider, world, request, read, write).await
}

/// Counts the tokens of what a chat would be sent, at a path of its own.
pub async fn count(
    provider: Provider,
    api: &'static CountingApi,
    world: Arc<World>,
    request: Request<Body>,
) -> Response {
    let read = |bytes: &[u8]| api.decode_request(bytes);
    let write = |tokens: u32, body: &mut Vec<u8>| api.encode_count(tokens, body);
    counted(provider, &world, request, read, write).await
}

async fn counted(
    provider: Provider,
    world: &Arc<World>,
    request: Request<Body>,
    read: impl Fn(&[u8]) -> Result<ChatRequest, ChatError> + Send,
    write: impl Fn(u32, &mut Vec<u8>) + Send,
) -> Response {
    let counted = taken(provider, request).await.and_then(|(headers, bytes)| {
        let request = read(&bytes)?;
        served::card(provider, world.responder.models(), &request.model)?;
        let tokens = input_tokens(provider, &request);
        Ok((headers, Owner::of(&bytes), request.model, tokens))
    });
    let (headers, digest, model, tokens) = match counted {
        Ok(counted) => counted,
        Err(error) => {
            let id = request_id(provider, world, Owner::NOBODY, 3);
            return refused(provider, &error, &id);
        }
    };
    let model = Some(model.as_str());
    let fresh = is_fresh(&headers);
    let ask = Ask { endpoint: Endpoint::Counting, model, digest, fresh };
    let visit = GatedRequest::begin(world, &ask);
    let id = request_id(provider, world, digest, visit.arrival.before);
    let words = Words::Provider(provider, id.clone());
    let mut body = Vec::new();
    write(tokens, &mut body);
    let answered = async {
        let mut response = bytes_of(200, "application/json", body);
        set(&mut response, provider.api.request_id_header(), &id);
        response
    };
    visit.answer(words, answered).await
}
