//! Items that were kept: as a client lists them, and as it refers to them.
//!
//! Guarantees: an item without an id gets one that says to which answer or conversation it belongs;
//! a list comes in pages that have no item twice.

use serde_json::{Value, json};

use super::compaction;
use super::items::{ConversationItem, items};
use super::sent::ConversationItemIn;
use crate::llm::chat::{
    Block, Cached, ChatRequest, ChatResponse, ContentPart, Role, Stop, ToolUse, Usage,
};
use crate::llm::wire::body::{BodyProblem, Obj, TextOrList, read};

/// Digits of an id that say to which answer an item belongs: all that an answer's id has.
const DIGITS: usize = 22;
/// Most items of a page, and how many it has unless a request says otherwise.
const MAX_PAGE: usize = 100;
const USUAL_PAGE: usize = 20;
/// Most characters of an answer that a compaction keeps.
const MAX_KEPT: usize = 400;

/// Reads items that stand alone.
pub(super) fn read_items(json: &[u8]) -> Result<Vec<ConversationItem>, BodyProblem> {
    items(read::<TextOrList<Obj<ConversationItemIn<'_>>>>(json)?)
}

/// The id of the answer, or of the conversation of kind `conv`, to which the item of this id
/// belongs.
#[must_use]
pub fn answer_of_item(id: &str, kind: &str) -> Option<String> {
    let digits = id.split_once('_')?.1.get(..DIGITS)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| format!("{kind}_{digits}"))
}

/// The items of an input as they are listed: each with a type and an id, texts as parts. `owner` is
/// the id of the answer or conversation, and `first` the number of the first item there.
#[must_use]
pub fn with_ids(input: &Value, owner: &str, first: usize) -> Vec<Value> {
    let digits = owner.split_once('_').map_or(owner, |(_, digits)| digits);
    let one;
    let all = match input {
        Value::Array(all) => all,
        Value::Null => return Vec::new(),
        text => {
            one = vec![json!({ "role": "user", "content": text })];
            &one
        }
    };
    let numbered = all.iter().enumerate();
    numbered.map(|(i, item)| listed(item, digits, first + i)).collect()
}

fn listed(item: &Value, digits: &str, number: usize) -> Value {
    let kind = item["type"].as_str().unwrap_or("message");
    let prefix = match kind {
        "message" => "msg",
        "function_call" => "fc",
        "function_call_output" => "fco",
        "reasoning" => "rs",
        _ => "item",
    };
    let mut all = serde_json::Map::new();
    let id =
        item["id"].as_str().map_or_else(|| format!("{prefix}_{digits}i{number}"), str::to_owned);
    all.insert("id".to_owned(), id.into());
    all.insert("type".to_owned(), kind.into());
    if matches!(prefix, "msg" | "fc" | "fco") {
        all.insert("status".to_owned(), "completed".into());
    }
    for (name, value) in item.as_object().into_iter().flatten() {
        let part = if item["role"] == "assistant" { "output_text" } else { "input_text" };
        let value = match value {
            Value::String(text) if name == "content" && part == "output_text" => {
                json!([{ "type": part, "text": text, "annotations": [], "logprobs": [] }])
            }
            Value::String(text) if name == "content" => json!([{ "type": part, "text": text }]),
            other => other.clone(),
        };
        all.insert(name.clone(), value);
    }
    Value::Object(all)
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Most items, 1 to 100.
    pub limit: Option<usize>,
    /// Only what comes after the item of this id.
    pub after: Option<String>,
    /// Whether the oldest item comes first.
    pub ascending: bool,
}

/// A page of a list of items, oldest first.
#[must_use]
pub fn list_page(items: impl DoubleEndedIterator<Item = Value>, page: &ListPage) -> Value {
    let mut all: Vec<Value> = if page.ascending { items.collect() } else { items.rev().collect() };
    if let Some(after) = &page.after
        && let Some(at) = all.iter().position(|item| item["id"] == after.as_str())
    {
        all.drain(..=at);
    }
    let limit = page.limit.unwrap_or(USUAL_PAGE).clamp(1, MAX_PAGE);
    let has_more = all.len() > limit;
    all.truncate(limit);
    let id = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
    let (first_id, last_id) = (id(all.first()), id(all.last()));
    json!({ "object": "list", "data": all, "first_id": first_id, "last_id": last_id, "has_more": has_more })
}

/// The answer that a document tells of; what it does not say is empty.
pub(super) fn answer_of(document: &[u8]) -> ChatResponse {
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    let text = |of: &Value, name: &str| {
        of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let number = |path: &str| document.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    let tokens = |path: &str| u32::try_from(number(path)).unwrap_or(u32::MAX);
    let reason = document.pointer("/incomplete_details/reason").and_then(Value::as_str);
    let mut answer = ChatResponse {
        id: text(&document, "id"),
        created: number("/created_at"),
        model: text(&document, "model"),
        content: Vec::new(),
        stop: match reason {
            Some("max_output_tokens") => Stop::MaxTokens,
            Some(_) => Stop::ContentFilter,
            None => Stop::EndTurn,
        },
        usage: Usage {
            input: tokens("/usage/input_tokens"),
            output: tokens("/usage/output_tokens"),
            reasoning: tokens("/usage/output_tokens_details/reasoning_tokens"),
            cached: Cached {
                read: tokens("/usage/input_tokens_details/cached_tokens"),
                written: tokens("/usage/input_tokens_details/cache_write_tokens"),
            },
        },
        refusal: None,
        logprobs: None,
        others: Vec::new(),
    };
    let list = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).cloned();
    for item in list(&document, "output").into_iter().flatten() {
        if text(&item, "type") == "function_call" {
            answer.content.push(Block::ToolUse(ToolUse {
                id: text(&item, "call_id"),
                name: text(&item, "name"),
                input: text(&item, "arguments"),
            }));
        }
        for part in list(&item, "content").into_iter().flatten() {
            match text(&part, "type").as_str() {
                "output_text" => answer.content.push(Block::Text(text(&part, "text"))),
                "refusal" => answer.refusal = Some(text(&part, "refusal")),
                _ => {}
            }
        }
    }
    answer
}

/// The items that stand for a conversation from now on: what the user said, and the beginnings of
/// the answers, sealed. `digits` make their ids.
#[must_use]
pub fn compacted(chat: &ChatRequest, digits: &str) -> Vec<Value> {
    let texts = |role: Role| {
        let turns = chat.messages.iter().filter(move |message| message.role == role);
        turns.flat_map(|message| &message.content).filter_map(|part| match part {
            ContentPart::Text(text) => Some(text.as_str()),
            _ => None,
        })
    };
    let said = texts(Role::User).map(|text| json!({ "role": "user", "content": text })).collect();
    let mut all = with_ids(&Value::Array(said), &format!("msg_{digits}"), 0);
    let kept: Vec<String> =
        texts(Role::Assistant).map(|text| text.chars().take(MAX_KEPT).collect()).collect();
    let sealed = compaction::seal(&kept.join("\n"));
    all.push(
        json!({ "id": format!("cmp_{digits}"), "type": "compaction", "encrypted_content": sealed }),
    );
    all
}
