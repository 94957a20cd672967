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
use serde_json::Value;

use crate::llm::chat::{ChatError, ChatRequest, ChatResponse, ErrorKind};
use crate::llm::input::{input_tokens, message_tokens};
use crate::llm::wire::Provider;
use crate::llm::wire::responses::{
    ConversationItem, ENDING_EVENTS, ResponseStatus, ResponsesApi, ResponsesRequest,
    answer_of_item, with_ids,
};
use crate::llm::wire::sse::{Chunking, Frames};
use crate::random::Owner;
use crate::serve::chat::{AnswerFormat, converse, refused, request_id, taken};
use crate::serve::faults_answer::Words;
use crate::serve::response_store::{KeptResponse, PendingResponse};
use crate::serve::world::World;
use crate::time::unix_ms;

/// Most answers that one answer follows.
const MAX_CHAIN: usize = 100_000;

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
    const ENDING_EVENTS: usize = ENDING_EVENTS;

    fn document(&self, answer: &ChatResponse) -> Vec<u8> {
        let mut body = Vec::with_capacity(2048);
        self.request.encode_document(answer, None, &mut body);
        body
    }

    fn stream(&self, answer: &ChatResponse, document: Option<&[u8]>) -> Frames {
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
            let kept = KeptResponse { request, document, pending, conversation_items };
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

/// A field of an object; null when there is none.
pub fn field(json: &[u8], name: &str) -> Value {
    match serde_json::from_slice(json) {
        Ok(Value::Object(mut fields)) => fields.remove(name).unwrap_or_default(),
        _ => Value::Null,
    }
}

/// The item of this id, of an answer or a conversation that is kept.
pub fn kept_item(world: &World, id: &str) -> Option<Value> {
    let find = |items: &[Value]| items.iter().find(|item| item["id"] == id).cloned();
    if let Some(answer) = answer_of_item(id, "resp") {
        let kept = world.response_store().responses.get(&answer).cloned();
        if let Some(kept) = kept {
            let output = field(&kept.document, "output");
            let found = find(output.as_array().map(Vec::as_slice).unwrap_or_default());
            let input = || with_ids(&field(&kept.request, "input"), &answer, 0);
            return found.or_else(|| find(&input()));
        }
    }
    let conversation = answer_of_item(id, "conv")?;
    let kept = world.response_store().conversation(&conversation)?.items.clone();
    kept.iter().find(|item| item["id"] == id).map(|item| Value::clone(item))
}

/// Items in which no one refers to another.
fn resolved(
    world: &World,
    api: &ResponsesApi,
    items: Vec<ConversationItem>,
) -> Result<Vec<ConversationItem>, ChatError> {
    if !items.iter().any(|item| matches!(item, ConversationItem::Reference(_))) {
        return Ok(items);
    }
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let ConversationItem::Reference(id) = item else {
            all.push(item);
            continue;
        };
        let Some(item) = kept_item(world, &id) else {
            let mut error = api.not_found("Item", &id, Some("input"));
            error.message += " Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.";
            return Err(error);
        };
        all.extend(api.decode_items(Value::Array(vec![item]).to_string().as_bytes())?);
    }
    Ok(all)
}

/// The items of a conversation, and how many there are; the first `most` of them.
fn conversation_items(
    world: &World,
    api: &ResponsesApi,
    id: &str,
    most: usize,
) -> Result<(Vec<ConversationItem>, usize), ChatError> {
    let kept = world.response_store().conversation(id).cloned();
    let kept = kept.ok_or_else(|| api.not_found("Conversation", id, Some("conversation")))?;
    let dropped = kept.numbered.saturating_sub(kept.items.len());
    let items: Vec<&Value> =
        kept.items.iter().map(AsRef::as_ref).take(most.saturating_sub(dropped)).collect();
    let json = serde_json::to_vec(&items).unwrap_or_default();
    Ok((api.decode_items(&json)?, kept.numbered))
}

/// Everything that was said up to the end of an answer that is kept.
fn said_until(
    world: &World,
    api: &ResponsesApi,
    id: &str,
) -> Result<Vec<ConversationItem>, ChatError> {
    let mut chain = Vec::new();
    let mut next = Some(id.to_owned());
    let mut start = Vec::new();
    while let Some(id) = next.take() {
        let kept = world.response_store().responses.get(&id).cloned();
        let kept = kept.filter(|_| chain.len() < MAX_CHAIN);
        let kept = kept
            .ok_or_else(|| api.not_found("Previous response", &id, Some("previous_response_id")))?;
        let request = api.decode(&kept.request)?;
        if let Some(conversation) = &request.conversation {
            start = conversation_items(world, api, conversation, kept.conversation_items)?.0;
        }
        next = request.previous;
        chain.push((request.items, kept.document.clone()));
    }
    let mut all = start;
    for (items, document) in chain.into_iter().rev() {
        all.extend(items);
        all.extend(api.decode_items(field(&document, "output").to_string().as_bytes())?);
    }
    Ok(all)
}

/// Gives a request everything that was said before it. Returns how many items its conversation has.
pub fn with_conversation(
    world: &World,
    provider: Provider,
    api: &ResponsesApi,
    request: &mut ResponsesRequest<'_>,
) -> Result<usize, ChatError> {
    let (before, count) = match (&request.conversation, &request.previous) {
        (Some(id), _) => conversation_items(world, api, id, usize::MAX)?,
        (None, Some(id)) => (said_until(world, api, id)?, 0),
        (None, None) => (Vec::new(), 0),
    };
    let before = resolved(world, api, before)?;
    request.items = resolved(world, api, std::mem::take(&mut request.items))?;
    api.continue_after(request, before)?;
    if request.truncates
        && let Some(family) = provider.family(&request.chat.model)
    {
        truncate(provider, &mut request.chat, family.context);
    }
    Ok(count)
}

/// Leaves out the oldest messages, as long as there are more tokens than `most`.
fn truncate(provider: Provider, chat: &mut ChatRequest, most: u32) {
    let mut tokens = input_tokens(provider, chat);
    let last = chat.messages.len().saturating_sub(1);
    let mut dropped = 0;
    for message in chat.messages.iter().take(last) {
        if tokens <= most {
            break;
        }
        tokens = tokens.saturating_sub(message_tokens(message));
        dropped += 1;
    }
    chat.messages.drain(..dropped);
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
            return refused(provider, &error, &request_id(provider, &world, Owner::NOBODY, 0));
        }
    };
    let (request, conversation_items) = match read(&world, provider, api, &sent) {
        Ok(read) => read,
        Err(error) => {
            return refused(provider, &error, &request_id(provider, &world, Owner::of(&sent), 0));
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
