//! The Responses format over HTTP: answers plain and streamed, and what was said before them.
//!
//! Guarantees: the same core as for chats answers; what the format adds is where the conversation
//! comes from, and that answers are kept.
//!
//! Does not know: what the models say.

use std::sync::Arc;
use std::time::Duration as Wait;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use axum::response::Response;

use crate::llm::chat::{ChatError, ChatResponse, ErrorKind};
use crate::llm::wire::Provider;
use crate::llm::wire::responses::{
    ENDING_EVENTS, ResponseStatus, ResponsesApi, ResponsesRequest, with_ids,
};
use crate::llm::wire::sse::{Chunking, Frames};
use crate::random::Owner;
use crate::serve::chat::{AnswerFormat, converse, refused_early, taken};
use crate::serve::faults_answer::Words;
use crate::serve::response_store::{KeptResponse, PendingResponse};
use crate::serve::said_before::{field, with_conversation};
use crate::serve::world::World;
use crate::time::{Duration, unix_ms};

/// How an answer to one request is written and kept.
struct ResponsesFormat<'a> {
    world: &'a World,
    provider: Provider,
    api: &'static ResponsesApi,
    request: &'a ResponsesRequest<'a>,
    sent: Bytes,
    conversation_items: usize,
}

impl AnswerFormat for ResponsesFormat<'_> {
    const TAKES_ALL_MODELS: bool = true;

    fn ending_events(&self) -> usize {
        ENDING_EVENTS
    }

    fn document(&self, answer: &ChatResponse, _: Duration) -> Vec<u8> {
        let mut body = Vec::with_capacity(2048);
        self.request.encode_document(answer, None, &mut body);
        body
    }

    fn stream(&self, answer: &ChatResponse, _: Duration, document: Option<&[u8]>) -> Frames {
        self.request.encode_stream(answer, document.unwrap_or_default(), Chunking::Words)
    }

    fn keeps(&self) -> bool {
        true
    }

    fn finish(&self, answer: &ChatResponse, document: Bytes, wait: Wait) -> (Bytes, Wait) {
        let in_state = |status| {
            let mut body = Vec::new();
            self.request.encode_document(answer, Some(status), &mut body);
            Bytes::from(body)
        };
        let later = self.request.background && !self.request.chat.stream;
        let pending = later.then(|| PendingResponse {
            ready_ms: unix_ms().saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            in_progress: in_state(ResponseStatus::InProgress),
            cancelled: in_state(ResponseStatus::Cancelled),
        });
        let id = self.request.id(answer);
        if let Some(conversation) = &self.request.conversation {
            continue_conversation(self.world, conversation, &id, [&self.sent, &document]);
        }
        if self.request.store {
            let (request, document) = (self.sent.clone(), document.clone());
            let conversation_items = self.conversation_items;
            let cancelled = false;
            let kept = KeptResponse { request, document, pending, cancelled, conversation_items };
            self.world.response_store().keep(id, kept);
        }
        if later { (in_state(ResponseStatus::Queued), Wait::ZERO) } else { (document, wait) }
    }

    fn words(&self, id: &str) -> Words {
        Words::Responses(self.provider, self.api, id.to_owned())
    }

    fn worded(&self, error: ChatError) -> ChatError {
        self.api.worded(error)
    }
}

/// Adds the items of a request and of its answer to their conversation.
fn continue_conversation(world: &World, conversation: &str, id: &str, [sent, answer]: [&[u8]; 2]) {
    let input = with_ids(&field(sent, "input"), id, 0);
    let output = field(answer, "output");
    world.response_store().change(conversation, |kept| {
        let output = output.as_array().into_iter().flatten().cloned();
        input.into_iter().chain(output).for_each(|item| kept.push(item));
    });
}

/// Reads a request and everything that was said before it.
fn read<'a>(
    world: &World,
    provider: Provider,
    api: &ResponsesApi,
    sent: &'a [u8],
) -> Result<(ResponsesRequest<'a>, usize), ChatError> {
    let mut request = api.decode(sent)?;
    if request.background && !request.store {
        let words = "Background mode requires 'store' to be true.";
        let field = Some("background".to_owned());
        return Err(ChatError { field, ..ChatError::new(ErrorKind::BadRequest, words) });
    }
    let count = with_conversation(world, provider, api, &mut request)?;
    Ok((request, count))
}

/// Answers a request.
pub async fn create(
    provider: Provider,
    api: &'static ResponsesApi,
    world: Arc<World>,
    request: Request<Body>,
) -> Response {
    let (headers, sent): (HeaderMap, Bytes) = match taken(provider, request).await {
        Ok((headers, bytes)) => (headers, bytes.into()),
        Err(error) => {
            return refused_early(provider, &world, Owner::NOBODY, &error);
        }
    };
    let (request, conversation_items) = match read(&world, provider, api, &sent) {
        Ok(read) => read,
        Err(error) => {
            return refused_early(provider, &world, Owner::of(&sent), &error);
        }
    };
    let format = ResponsesFormat {
        world: &world,
        provider,
        api,
        request: &request,
        sent: sent.clone(),
        conversation_items,
    };
    converse(provider, &world, &headers, (&request.chat, &sent), &format).await
}
