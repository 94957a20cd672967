//! What was said before a request of the Responses format: a conversation that is kept, the answers
//! that it follows, and items to which it refers by their ids.
//!
//! Guarantees: what one request brings together is bounded by what is kept and by
//! [`MAX_REFERRED_BYTES`], and takes time in proportion to that: an answer is read once, however
//! many of its items are referred to.
//!
//! Does not know: how a request is answered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::llm::chat::{ChatError, ChatRequest, ErrorKind};
use crate::llm::input::{input_tokens, message_tokens};
use crate::llm::wire::Provider;
use crate::llm::wire::responses::{
    ConversationItem, ResponsesApi, ResponsesRequest, answer_of_item, with_ids,
};
use crate::serve::world::World;

/// Most answers that one answer follows.
const MAX_CHAIN: usize = 100_000;
/// Most bytes of the items to which one request refers, each counted as often as it is referred to:
/// as many as a request itself may have.
pub const MAX_REFERRED_BYTES: usize = 32 << 20;

/// A field of an object; null when there is none.
pub fn field(json: &[u8], name: &str) -> Value {
    match serde_json::from_slice(json) {
        Ok(Value::Object(mut fields)) => fields.remove(name).unwrap_or_default(),
        _ => Value::Null,
    }
}

/// The items of these ids, of answers and conversations that are kept.
pub fn kept_items<'a>(
    world: &World,
    ids: impl IntoIterator<Item = &'a str>,
) -> BTreeMap<String, Value> {
    let mut of_answers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for id in ids {
        if let Some(answer) = answer_of_item(id, "resp") {
            of_answers.entry(answer).or_default().insert(id.to_owned());
        }
    }
    let mut found = BTreeMap::new();
    for (answer, mut wanted) in of_answers {
        let mut take = |item: &Value| {
            let id = item["id"].as_str().unwrap_or_default();
            if wanted.take(id).is_some() {
                found.insert(id.to_owned(), item.clone());
            }
            wanted.is_empty()
        };
        let kept = world.response_store().responses.get(&answer).cloned();
        if let Some(kept) = kept {
            let output = field(&kept.document, "output");
            if output.as_array().is_some_and(|items| items.iter().any(&mut take))
                || with_ids(&field(&kept.request, "input"), &answer, 0).iter().any(&mut take)
            {
                continue;
            }
        }
        let conversation = answer.replacen("resp", "conv", 1);
        let kept = world.response_store().conversation(&conversation).cloned();
        kept.iter().flat_map(|kept| &kept.items).any(|item| take(item));
    }
    found
}

/// Items in which no one refers to another.
fn resolved(
    world: &World,
    api: &ResponsesApi,
    items: Vec<ConversationItem>,
    left: &mut usize,
) -> Result<Vec<ConversationItem>, ChatError> {
    let ids = items.iter().filter_map(|item| match item {
        ConversationItem::Reference(id) => Some(id.as_str()),
        _ => None,
    });
    let mut kept: BTreeMap<String, Vec<ConversationItem>> = BTreeMap::new();
    for (id, item) in kept_items(world, ids) {
        let read = api.decode_items(Value::Array(vec![item]).to_string().as_bytes())?;
        kept.insert(id, read);
    }
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let ConversationItem::Reference(id) = item else {
            all.push(item);
            continue;
        };
        let Some(referred) = kept.get(&id) else {
            let mut error = api.not_found("Item", &id, Some("input"));
            error.message += " Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.";
            return Err(error);
        };
        let bytes = referred.iter().map(ConversationItem::bytes).sum();
        *left = left.checked_sub(bytes).ok_or_else(|| too_long(api))?;
        all.extend_from_slice(referred);
    }
    Ok(all)
}

/// The error for more than a request may refer to, which is more than any model reads.
fn too_long(api: &ResponsesApi) -> ChatError {
    let code = Some("context_length_exceeded".to_owned());
    api.worded(ChatError { code, ..ChatError::new(ErrorKind::BadRequest, "") })
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
        chain.push((request.items, kept.document));
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
    let mut left = MAX_REFERRED_BYTES;
    let before = resolved(world, api, before, &mut left)?;
    request.items = resolved(world, api, std::mem::take(&mut request.items), &mut left)?;
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
