//! Batches whose requests come in the request that makes them, as Anthropic has them.
//!
//! Does not know: how a request of a batch is answered.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::Method;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::context::KEY_EPOCH;
use crate::llm::chat::{ChatError, ErrorKind};
use crate::serve::batch_request::{BatchRequest, bad};
use crate::serve::batch_store::{BatchItem, BatchResult, BatchState, KeptBatch};
use crate::serve::http::{bytes_of, json as json_answer, text};

/// Most requests of a batch.
const MAX_ITEMS: usize = 100_000;
/// Seconds that a batch may take.
const WINDOW: u32 = 24 * 60 * 60;
/// Most batches of one page, and how many a page has unless the query says so.
const MAX_PAGE: usize = 1_000;
const USUAL_PAGE: usize = 20;

#[derive(Deserialize)]
struct BatchIn<'a> {
    #[serde(borrow)]
    requests: Vec<ItemIn<'a>>,
}

#[derive(Deserialize)]
struct ItemIn<'a> {
    custom_id: String,
    #[serde(borrow)]
    params: &'a RawValue,
}

fn moment(seconds: u32) -> String {
    Timestamp::from_second(i64::from(seconds)).map(|at| at.to_string()).unwrap_or_default()
}

/// Answers a request for batches.
pub async fn batch(asked: &BatchRequest<'_>) -> Result<Response, ChatError> {
    let parts: Vec<&str> = asked.path.split('/').filter(|part| !part.is_empty()).collect();
    let found = |id: &str| {
        let none = || ChatError::new(ErrorKind::NotFound, format!("Batch with id {id} not found"));
        asked.world.batch_store().batch(asked.provider, id).ok_or_else(none)
    };
    match (asked.method.clone(), &parts[..]) {
        (Method::POST, []) => make(asked),
        (Method::GET, []) => list(asked).await,
        (Method::GET, [id]) => {
            let batch = asked.ended(id, found(id)?, in_no_file).await;
            Ok(json_answer(200, &document(asked, id, &batch, None)))
        }
        (Method::POST, [id, "cancel"]) => {
            let cancelled =
                asked.world.batch_store().end(id, |batch| batch.state = BatchState::Cancelled);
            let batch = found(id)?;
            if !cancelled && batch.state != BatchState::Cancelled {
                let words = format!("Batch {id} cannot be canceled because it has already ended.");
                return Err(bad("", words));
            }
            let now = cancelled.then_some("canceling");
            Ok(json_answer(200, &document(asked, id, &batch, now)))
        }
        (Method::DELETE, [id]) => {
            if found(id)?.state == BatchState::Waiting {
                let words = format!(
                    "Batch {id} cannot be deleted while it is being processed. Cancel it first."
                );
                return Err(bad("", words));
            }
            asked.world.batch_store().forget(asked.provider, id);
            Ok(json_answer(200, &json!({ "id": id, "type": "message_batch_deleted" })))
        }
        (Method::GET, [id, "results"]) => {
            let batch = asked.ended(id, found(id)?, in_no_file).await;
            Ok(bytes_of(200, "application/x-jsonl", results(&batch)))
        }
        _ => Err(asked.unknown()),
    }
}

fn make(asked: &BatchRequest<'_>) -> Result<Response, ChatError> {
    let read: BatchIn<'_> = serde_json::from_slice(&asked.body)
        .map_err(|error| bad("", format!("requests: {error}")))?;
    if read.requests.is_empty() || read.requests.len() > MAX_ITEMS {
        let words = format!(
            "requests: List should have at least 1 and at most {MAX_ITEMS} items after validation, not {}",
            read.requests.len()
        );
        return Err(bad("", words));
    }
    let mut ids = BTreeSet::new();
    for (i, item) in read.requests.iter().enumerate() {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let id = item.custom_id.as_str();
        if id.is_empty() || id.len() > 64 || !id.bytes().all(plain) {
            let words = format!(
                "requests.{i}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"
            );
            return Err(bad("", words));
        }
        if !ids.insert(id) {
            return Err(bad("", format!("requests.{i}.custom_id: duplicate custom_id '{id}'")));
        }
    }
    let item = |item: &ItemIn<'_>| BatchItem {
        custom_id: item.custom_id.clone(),
        body: Bytes::copy_from_slice(item.params.get().as_bytes()),
    };
    let batch = KeptBatch {
        endpoint: asked.provider.api.chat_path().to_owned(),
        input_file: String::new(),
        metadata: Value::Null,
        items: Arc::new(read.requests.iter().map(item).collect()),
        state: BatchState::Waiting,
        output_files: Default::default(),
    };
    let kept = batch.clone();
    let id = |nth| asked.id(asked.api.prefix, nth);
    let id = asked.world.batch_store().keep_batch(asked.provider, id, kept);
    Ok(json_answer(200, &document(asked, &id, &batch, None)))
}

async fn list(asked: &BatchRequest<'_>) -> Result<Response, ChatError> {
    let (mut limit, mut after, mut before) = (USUAL_PAGE, None, None);
    for (name, value) in asked.parameters()? {
        match name.as_str() {
            "limit" => {
                let words = format!("limit: Input should be from 1 to {MAX_PAGE}, found '{value}'");
                let found = value.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
                limit = found.ok_or_else(|| bad("", words))?;
            }
            "after_id" => after = Some(value),
            "before_id" => before = Some(value),
            _ => {}
        }
    }
    let mut all = asked.world.batch_store().batches(asked.provider);
    all.reverse();
    let place = |id: &Option<String>| {
        id.as_ref().and_then(|id| all.iter().position(|(known, _)| known == id))
    };
    let from = place(&after).map_or(0, |at| at + 1);
    let to = place(&before).unwrap_or(all.len());
    let wanted = all.get(from..to).unwrap_or_default();
    let mut data = Vec::new();
    for (id, batch) in wanted.iter().take(limit) {
        let batch = asked.ended(id, batch.clone(), in_no_file).await;
        data.push(document(asked, id, &batch, None));
    }
    let id = |one: Option<&Value>| one.map_or(Value::Null, |one| one["id"].clone());
    let page = json!({
        "data": data, "has_more": wanted.len() > limit,
        "first_id": id(data.first()), "last_id": id(data.last()),
    });
    Ok(json_answer(200, &page))
}

/// The results are written down when they are asked for.
fn in_no_file(_: &KeptBatch, _: &[BatchResult]) -> [String; 2] {
    <[String; 2]>::default()
}

/// The results, one a line.
fn results(batch: &KeptBatch) -> Vec<u8> {
    let mut out = Vec::new();
    let mut push = |custom_id: &str, result: Value| {
        let line = json!({ "custom_id": custom_id, "result": result });
        out.extend_from_slice(line.to_string().as_bytes());
        out.push(b'\n');
    };
    match &batch.state {
        BatchState::Ended(all) => {
            for (item, result) in batch.items.iter().zip(all.iter()) {
                let body: Value = serde_json::from_slice(&result.body).unwrap_or_default();
                push(
                    &item.custom_id,
                    if result.status == 200 {
                        json!({ "type": "succeeded", "message": body })
                    } else {
                        json!({ "type": "errored", "error": body })
                    },
                );
            }
        }
        BatchState::Cancelled => {
            batch
                .items
                .iter()
                .for_each(|item| push(&item.custom_id, json!({ "type": "canceled" })));
        }
        BatchState::Waiting | BatchState::Failed(_) => {}
    }
    out
}

/// A batch as it is written down; `now` is its status where that is another one for a moment.
fn document(asked: &BatchRequest<'_>, id: &str, batch: &KeptBatch, now: Option<&str>) -> Value {
    let total = batch.items.len();
    let (mut processing, mut succeeded, mut errored, mut canceled) = (0, 0, 0, 0);
    let mut status = "ended";
    match &batch.state {
        BatchState::Ended(all) => {
            succeeded = all.iter().filter(|result| result.status == 200).count();
            errored = total - succeeded;
        }
        BatchState::Cancelled if now.is_none() => canceled = total,
        BatchState::Cancelled | BatchState::Waiting | BatchState::Failed(_) => {
            (processing, status) = (total, "in_progress");
        }
    }
    let status = now.unwrap_or(status);
    let ended = status == "ended";
    let cancelled = batch.state == BatchState::Cancelled;
    let host = text(&asked.headers, "host").unwrap_or("127.0.0.1");
    let results =
        format!("http://{host}{}{}/{id}/results", asked.provider.base_path(), asked.api.path);
    json!({
        "id": id, "type": "message_batch", "processing_status": status,
        "request_counts": { "processing": processing, "succeeded": succeeded, "errored": errored, "canceled": canceled, "expired": 0 },
        "ended_at": ended.then(|| moment(KEY_EPOCH)), "created_at": moment(KEY_EPOCH),
        "expires_at": moment(KEY_EPOCH + WINDOW), "archived_at": null,
        "cancel_initiated_at": cancelled.then(|| moment(KEY_EPOCH)),
        "results_url": ended.then_some(results),
    })
}
