//! What is kept of the Responses format over HTTP: answers and conversations, to be read, listed,
//! changed and deleted; and counting and compacting, which answer nothing.
//!
//! Does not know: how a request is answered.

use std::sync::Arc;
use std::time::Duration as Wait;

use axum::body::Body;
use axum::http::{Method, Request};
use axum::response::Response;
use serde_json::{Value, json};

use crate::context::KEY_EPOCH;
use crate::knowledge::tokens::count;
use crate::llm::chat::{ChatError, ErrorKind};
use crate::llm::input::input_tokens;
use crate::llm::wire::Provider;
use crate::llm::wire::responses::{ListPage, ResponsesApi, compacted, list_page, with_ids};
use crate::llm::wire::sse::Chunking;
use crate::random::{Owner, Purpose};
use crate::serve::chat::{refused_early, streamed, taken};
use crate::serve::http::{bytes_of, json as json_answer, parameters};
use crate::serve::response_store::{KeptConversation, KeptResponse};
use crate::serve::said_before::{MAX_REFERRED_BYTES, field, kept_items, with_conversation};
use crate::serve::world::World;
use crate::time::unix_ms;

/// Most items that are added to a conversation at once, as OpenAI has it.
const MAX_ITEMS: usize = 20;

/// A request for something that is kept.
struct KeptRequest<'a> {
    provider: Provider,
    api: &'static ResponsesApi,
    world: &'a World,
    method: Method,
    path: &'a str,
    query: &'a str,
    body: &'a [u8],
}

fn bad(field: &str, message: impl Into<String>) -> ChatError {
    let field = Some(field.to_owned()).filter(|field| !field.is_empty());
    ChatError { field, ..ChatError::new(ErrorKind::BadRequest, message) }
}

/// Reads a request, and answers it with what `answer` says.
async fn asked(
    (provider, api): (Provider, &'static ResponsesApi),
    world: Arc<World>,
    rest: String,
    request: Request<Body>,
    answer: impl FnOnce(&KeptRequest<'_>) -> Result<Response, ChatError> + Send,
) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let result = taken(provider, request).await.and_then(|(_, body)| {
        let query = uri.query().unwrap_or_default();
        let (world, path) = (&*world, rest.trim_end_matches('/'));
        answer(&KeptRequest { provider, api, world, method, path, query, body: &body })
    });
    result.unwrap_or_else(|error| {
        let owner = Owner::of(uri.path().as_bytes());
        refused_early(provider, &world, owner, &error)
    })
}

impl KeptRequest<'_> {
    /// The body; an empty one is an empty object.
    fn value(&self) -> Result<Value, ChatError> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(json!({}));
        }
        let value: Value = serde_json::from_slice(self.body).map_err(|error| {
            bad("", format!("We could not parse the JSON body of your request: {error}"))
        })?;
        if value.is_object() { Ok(value) } else { Err(bad("", "expected an object as the body")) }
    }

    /// The part of a list that the query asks for.
    fn page(&self) -> Result<ListPage, ChatError> {
        let mut page = ListPage::default();
        let all = parameters(self.query)
            .ok_or_else(|| bad("", "the query of the address cannot be decoded"))?;
        for (name, value) in all {
            match (name.as_str(), value.as_str()) {
                ("order", "asc") => page.ascending = true,
                ("order", "desc") => page.ascending = false,
                ("order", _) => {
                    let words = format!(
                        "Invalid value: '{value}'. Supported values are: 'asc' and 'desc'."
                    );
                    return Err(bad("order", words));
                }
                ("limit", _) => {
                    let limit = value.parse().ok().filter(|limit| (1..=100).contains(limit));
                    let words = format!(
                        "Invalid 'limit': expected an integer from 1 to 100, but got '{value}' instead."
                    );
                    page.limit = Some(limit.ok_or_else(|| bad("limit", words))?);
                }
                ("after", _) => page.after = Some(value),
                _ => {}
            }
        }
        Ok(page)
    }

    fn unknown(&self, base: &str) -> ChatError {
        let words = format!("Invalid URL ({} {base}/{})", self.method, self.path);
        ChatError::new(ErrorKind::NotFound, words)
    }

    /// Digits for ids, which follow from `owner` and a number.
    fn digits(&self, owner: Owner, nth: u64) -> String {
        let mut stage = self.world.settings.seed.stage(Purpose::Identifier, owner, nth);
        let bits = u128::from(stage.bits()) << 64 | u128::from(stage.bits());
        let id = self.provider.api.answer_id(bits);
        id.rsplit(['-', '_']).next().unwrap_or_default().to_owned()
    }
}

/// Answers a request for an answer that is kept, or for the number or a compaction of tokens.
pub async fn response(
    provider: Provider,
    api: &'static ResponsesApi,
    world: Arc<World>,
    rest: String,
    request: Request<Body>,
) -> Response {
    asked((provider, api), world, rest, request, |asked| {
        let parts: Vec<&str> = asked.path.split('/').collect();
        match (asked.method.as_str(), &parts[..]) {
            ("POST", ["input_tokens"]) => counted(asked),
            ("POST", ["compact"]) => compact(asked),
            ("GET", [id]) => read_response(asked, id),
            ("DELETE", [id]) => delete_response(asked, id),
            ("POST", [id, "cancel"]) => cancel(asked, id),
            ("GET", [id, "input_items"]) => input_items(asked, id),
            _ => Err(asked.unknown(asked.api.path)),
        }
    })
    .await
}

fn counted(asked: &KeptRequest<'_>) -> Result<Response, ChatError> {
    let mut request = asked.api.decode(asked.body)?;
    with_conversation(asked.world, asked.provider, asked.api, &mut request)?;
    let tokens = input_tokens(asked.provider, &request.chat);
    Ok(json_answer(200, &json!({ "object": "response.input_tokens", "input_tokens": tokens })))
}

fn compact(asked: &KeptRequest<'_>) -> Result<Response, ChatError> {
    let mut request = asked.api.decode(asked.body)?;
    with_conversation(asked.world, asked.provider, asked.api, &mut request)?;
    let input = input_tokens(asked.provider, &request.chat);
    let digits = asked.digits(Owner::of(asked.body), 0);
    let output = compacted(&request.chat, &digits);
    let written = count(&Value::Array(output.clone()).to_string());
    let usage = json!({
        "input_tokens": input, "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
        "output_tokens": written, "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": u64::from(input) + u64::from(written),
    });
    let body = json!({
        "id": format!("resp_{digits}"), "object": "response.compaction", "created_at": KEY_EPOCH,
        "output": output, "usage": usage,
    });
    Ok(json_answer(200, &body))
}

fn found_response(asked: &KeptRequest<'_>, id: &str) -> Result<KeptResponse, ChatError> {
    let kept = asked.world.response_store().responses.get(id).cloned();
    kept.ok_or_else(|| no_response(asked, id))
}

fn no_response(asked: &KeptRequest<'_>, id: &str) -> ChatError {
    asked.api.not_found("Response", id, None)
}

fn no_conversation(asked: &KeptRequest<'_>, id: &str) -> ChatError {
    asked.api.not_found("Conversation", id, None)
}

fn no_item(asked: &KeptRequest<'_>, id: &str) -> ChatError {
    asked.api.not_found("Item", id, None)
}

fn read_response(asked: &KeptRequest<'_>, id: &str) -> Result<Response, ChatError> {
    let kept = found_response(asked, id)?;
    if let Some(after) = stream_after(asked)? {
        return streamed_again(asked, &kept, after);
    }
    let waits = kept.pending.filter(|pending| unix_ms() < pending.ready_ms);
    let document = waits.map_or(kept.document, |pending| pending.in_progress);
    Ok(bytes_of(200, "application/json", document))
}

/// Whether the answer is wanted as a stream, and after which event, counted from 1.
fn stream_after(asked: &KeptRequest<'_>) -> Result<Option<usize>, ChatError> {
    let all = parameters(asked.query)
        .ok_or_else(|| bad("", "the query of the address cannot be decoded"))?;
    let value = |name: &str| all.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    if value("stream").is_none_or(|value| value != "true") {
        return Ok(None);
    }
    let Some(after) = value("starting_after") else { return Ok(Some(0)) };
    let words =
        format!("Invalid 'starting_after': expected an integer, but got '{after}' instead.");
    let number: usize = after.parse().map_err(|_| bad("starting_after", words))?;
    Ok(Some(number.saturating_add(1)))
}

/// The events of an answer from this one on; those of one that is made in the background come when it
/// is ready.
fn streamed_again(
    asked: &KeptRequest<'_>,
    kept: &KeptResponse,
    after: usize,
) -> Result<Response, ChatError> {
    if kept.cancelled {
        return Err(bad("", "Cannot stream a cancelled response."));
    }
    let mut request = asked.api.decode(&kept.request)?;
    // A conversation that is gone by now has no part in the events.
    let _ = with_conversation(asked.world, asked.provider, asked.api, &mut request);
    let frames = request.encode_kept(&kept.document, Chunking::Words).after(after);
    let ready = kept.pending.as_ref().map_or(0, |pending| pending.ready_ms);
    let wait = Wait::from_millis(ready.saturating_sub(unix_ms()));
    Ok(streamed(asked.provider.api.framing(), frames, wait))
}

fn delete_response(asked: &KeptRequest<'_>, id: &str) -> Result<Response, ChatError> {
    let deleted = asked.world.response_store().responses.remove(id);
    deleted.ok_or_else(|| no_response(asked, id))?;
    Ok(json_answer(200, &json!({ "id": id, "object": "response", "deleted": true })))
}

fn cancel(asked: &KeptRequest<'_>, id: &str) -> Result<Response, ChatError> {
    let mut all = asked.world.response_store();
    let kept = all.responses.get(id).cloned();
    let mut kept = kept.ok_or_else(|| no_response(asked, id))?;
    if kept.cancelled {
        return Ok(bytes_of(200, "application/json", kept.document));
    }
    let pending =
        kept.pending.take().ok_or_else(|| bad("", "Cannot cancel a synchronous response."))?;
    if unix_ms() >= pending.ready_ms {
        return Err(bad("", "Cannot cancel a completed response."));
    }
    (kept.document, kept.cancelled) = (pending.cancelled, true);
    let document = kept.document.clone();
    all.keep(id.to_owned(), kept);
    Ok(bytes_of(200, "application/json", document))
}

fn input_items(asked: &KeptRequest<'_>, id: &str) -> Result<Response, ChatError> {
    let kept = found_response(asked, id)?;
    let input = with_ids(&field(&kept.request, "input"), id, 0);
    let mut page = list_page(input.into_iter(), &asked.page()?);
    // What was only referred to is shown, as long as it is not more than a request may bring.
    let referred = |item: &Value| match item["type"].as_str() {
        Some("item_reference") => item["id"].as_str().map(str::to_owned),
        _ => None,
    };
    let shown = page.get_mut("data").and_then(Value::as_array_mut);
    let shown = shown.map(Vec::as_mut_slice).unwrap_or_default();
    let ids: Vec<String> = shown.iter().filter_map(referred).collect();
    let kept = kept_items(asked.world, ids.iter().map(String::as_str));
    let mut left = MAX_REFERRED_BYTES;
    for item in shown {
        let Some(whole) = referred(item).and_then(|id| kept.get(&id)) else { continue };
        let Some(rest) = left.checked_sub(whole.to_string().len()) else { break };
        left = rest;
        *item = whole.clone();
    }
    Ok(json_answer(200, &page))
}

/// Answers a request for a conversation; an empty `rest` makes one.
pub async fn conversation(
    provider: Provider,
    api: &'static ResponsesApi,
    world: Arc<World>,
    rest: String,
    request: Request<Body>,
) -> Response {
    asked((provider, api), world, rest, request, |asked| {
        let parts: Vec<&str> = asked.path.split('/').filter(|part| !part.is_empty()).collect();
        match (asked.method.as_str(), &parts[..]) {
            ("POST", []) => begin(asked),
            ("GET", [id]) => Ok(shown(id, &found(asked, id)?)),
            ("POST", [id]) => update(asked, id),
            ("DELETE", [id]) => delete(asked, id),
            ("GET", [id, "items"]) => {
                let items = found(asked, id)?.items;
                let items = items.iter().map(|item| Value::clone(item));
                Ok(json_answer(200, &list_page(items, &asked.page()?)))
            }
            ("POST", [id, "items"]) => add_items(asked, id),
            ("GET", [id, "items", item]) => read_item(asked, id, item),
            ("DELETE", [id, "items", item]) => delete_item(asked, id, item),
            _ => Err(asked.unknown(asked.api.conversations)),
        }
    })
    .await
}

fn found(asked: &KeptRequest<'_>, id: &str) -> Result<KeptConversation, ChatError> {
    let kept = asked.world.response_store().conversation(id).cloned();
    kept.ok_or_else(|| no_conversation(asked, id))
}

fn shown(id: &str, conversation: &KeptConversation) -> Response {
    let metadata = match &conversation.metadata {
        Value::Null => json!({}),
        metadata => metadata.clone(),
    };
    json_answer(
        200,
        &json!({ "id": id, "object": "conversation", "created_at": KEY_EPOCH, "metadata": metadata }),
    )
}

fn metadata(body: &mut Value) -> Result<Value, ChatError> {
    let metadata = body["metadata"].take();
    let fits = |metadata: &serde_json::Map<String, Value>| {
        metadata.len() <= 16
            && metadata.iter().all(|(name, value)| {
                name.chars().count() <= 64
                    && value.as_str().is_some_and(|text| text.chars().count() <= 512)
            })
    };
    if metadata.is_null() || metadata.as_object().is_some_and(fits) {
        return Ok(metadata);
    }
    Err(bad(
        "metadata",
        "Invalid 'metadata': expected an object of at most 16 texts, with names of at most 64 characters and texts of at most 512.",
    ))
}

/// Refuses items in a body that could not be read later.
fn check_items(asked: &KeptRequest<'_>, body: &Value) -> Result<(), ChatError> {
    let Some(all) = body["items"].as_array() else {
        return if body["items"].is_null() {
            Ok(())
        } else {
            Err(bad("items", "Invalid type for 'items': expected an array."))
        };
    };
    if all.len() > MAX_ITEMS {
        let words = format!(
            "Invalid 'items': array too long. Expected an array with maximum length {MAX_ITEMS}, but got an array with length {} instead.",
            all.len()
        );
        return Err(ChatError {
            code: Some("array_above_max_length".to_owned()),
            ..bad("items", words)
        });
    }
    asked.api.decode_items(body["items"].to_string().as_bytes()).map_err(|error| {
        let field = error.field.map(|field| field.replacen("input", "items", 1));
        ChatError { field, message: error.message.replacen("'input[", "'items[", 1), ..error }
    })?;
    Ok(())
}

fn begin(asked: &KeptRequest<'_>) -> Result<Response, ChatError> {
    let mut body = asked.value()?;
    let metadata = metadata(&mut body)?;
    check_items(asked, &body)?;
    let mut conversation = KeptConversation::default();
    conversation.metadata = metadata;
    // One lock for number and conversation: no two get the same id.
    let mut kept = asked.world.response_store();
    kept.made += 1;
    let id = format!("conv_{}", asked.digits(Owner::NOBODY, kept.made));
    let items = body.get("items").unwrap_or(&Value::Null);
    with_ids(items, &id, 0).into_iter().for_each(|item| conversation.push(item));
    let response = shown(&id, &conversation);
    kept.keep_conversation(&id, conversation);
    Ok(response)
}

fn update(asked: &KeptRequest<'_>, id: &str) -> Result<Response, ChatError> {
    let mut body = asked.value()?;
    let metadata = metadata(&mut body)?;
    let changed = asked.world.response_store().change(id, |kept| kept.metadata = metadata);
    let changed = changed.ok_or_else(|| no_conversation(asked, id))?;
    Ok(shown(id, &changed))
}

fn delete(asked: &KeptRequest<'_>, id: &str) -> Result<Response, ChatError> {
    if !asked.world.response_store().forget_conversation(id) {
        return Err(no_conversation(asked, id));
    }
    Ok(json_answer(200, &json!({ "id": id, "object": "conversation.deleted", "deleted": true })))
}

fn add_items(asked: &KeptRequest<'_>, id: &str) -> Result<Response, ChatError> {
    let body = asked.value()?;
    check_items(asked, &body)?;
    let items = body.get("items").unwrap_or(&Value::Null);
    if items.as_array().is_none_or(Vec::is_empty) {
        return Err(bad("items", "Missing required parameter: 'items'."));
    }
    let mut added = Vec::new();
    // Numbered where they are added: no two items get the same id.
    let changed = asked.world.response_store().change(id, |kept| {
        added = with_ids(items, id, kept.numbered);
        added.iter().cloned().for_each(|item| kept.push(item));
    });
    changed.ok_or_else(|| no_conversation(asked, id))?;
    let page = ListPage { limit: Some(MAX_ITEMS), after: None, ascending: true };
    Ok(json_answer(200, &list_page(added.into_iter(), &page)))
}

fn read_item(asked: &KeptRequest<'_>, id: &str, item: &str) -> Result<Response, ChatError> {
    let kept = found(asked, id)?;
    let found = kept.items.iter().find(|kept| kept["id"] == item);
    let found = found.ok_or_else(|| no_item(asked, item))?;
    Ok(json_answer(200, found))
}

fn delete_item(asked: &KeptRequest<'_>, id: &str, item: &str) -> Result<Response, ChatError> {
    let mut deleted = false;
    let changed = asked.world.response_store().change(id, |kept| deleted = kept.remove(item));
    let changed = changed.ok_or_else(|| no_conversation(asked, id))?;
    if deleted { Ok(shown(id, &changed)) } else { Err(no_item(asked, item)) }
}
