//! Files, and batches whose requests come in one, as OpenAI has them.
//!
//! Does not know: how a request of a batch is answered.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::context::KEY_EPOCH;
use crate::llm::chat::{ChatError, ErrorKind};
use crate::llm::wire::responses::{ListPage, list_page};
use crate::serve::batch_request::{BatchRequest, bad, endpoints};
use crate::serve::batch_store::{BatchItem, BatchResult, BatchState, KeptBatch, KeptFile};
use crate::serve::http::{bytes_of, json as json_answer, text};

/// Seconds that a batch may take.
const WINDOW: u32 = 24 * 60 * 60;
/// Most requests of a batch.
const MAX_ITEMS: usize = 50_000;
/// What an uploaded file may be for.
const PURPOSES: [&str; 6] = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"];

fn shown(id: &str, file: &KeptFile) -> Value {
    json!({
        "object": "file", "id": id, "purpose": file.purpose, "filename": file.name,
        "bytes": file.content.len(), "created_at": KEY_EPOCH, "expires_at": null,
        "status": "processed", "status_details": null,
    })
}

fn no_file(id: &str) -> ChatError {
    let words = format!("No such File object: {id}");
    ChatError { field: Some("id".to_owned()), ..ChatError::new(ErrorKind::NotFound, words) }
}

/// The part of a list that the query asks for.
fn page(asked: &BatchRequest<'_>) -> Result<ListPage, ChatError> {
    let mut page = ListPage::default();
    for (name, value) in asked.parameters()? {
        match name.as_str() {
            "order" => page.ascending = value == "asc",
            "after" => page.after = Some(value),
            "limit" => {
                let words = format!(
                    "Invalid 'limit': expected an integer from 1, but got '{value}' instead."
                );
                let limit = value.parse().ok().filter(|limit| *limit > 0);
                page.limit = Some(limit.ok_or_else(|| bad("limit", words))?);
            }
            _ => {}
        }
    }
    Ok(page)
}

/// Answers a request for files.
pub async fn file(asked: &BatchRequest<'_>) -> Result<Response, ChatError> {
    let parts: Vec<&str> = asked.path.split('/').filter(|part| !part.is_empty()).collect();
    let found =
        |id: &str| asked.world.batch_store().file(asked.provider, id).ok_or_else(|| no_file(id));
    match (asked.method.clone(), &parts[..]) {
        (Method::POST, []) => upload(asked).await,
        (Method::GET, []) => {
            let purpose = asked.parameters()?.into_iter().find(|(name, _)| name == "purpose");
            let files = asked.world.batch_store().files(asked.provider);
            let wanted = files.iter().filter(|(_, file)| {
                purpose.as_ref().is_none_or(|(_, purpose)| *purpose == file.purpose)
            });
            let all = wanted.map(|(id, file)| shown(id, file));
            Ok(json_answer(200, &list_page(all, &page(asked)?)))
        }
        (Method::GET, [id]) => Ok(json_answer(200, &shown(id, &found(id)?))),
        (Method::GET, [id, "content"]) => {
            Ok(bytes_of(200, "application/octet-stream", found(id)?.content))
        }
        (Method::DELETE, [id]) => {
            if !asked.world.batch_store().forget(asked.provider, id) {
                return Err(no_file(id));
            }
            Ok(json_answer(200, &json!({ "id": id, "object": "file", "deleted": true })))
        }
        _ => Err(asked.unknown()),
    }
}

async fn upload(asked: &BatchRequest<'_>) -> Result<Response, ChatError> {
    let kind = text(&asked.headers, "content-type").unwrap_or_default();
    let boundary = multer::parse_boundary(kind)
        .map_err(|_| bad("file", "a file is uploaded as multipart/form-data with a boundary"))?;
    let body = asked.body.clone();
    let stream = futures_util::stream::once(async move { Ok::<Bytes, Infallible>(body) });
    let mut form = multer::Multipart::new(stream, boundary);
    let (mut purpose, mut file) = (String::new(), None);
    let broken = |error: multer::Error| bad("", format!("the form cannot be read: {error}"));
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("purpose") => purpose = field.text().await.map_err(broken)?,
            Some("file") => {
                let name = field.file_name().unwrap_or("upload").to_owned();
                file = Some((name, field.bytes().await.map_err(broken)?));
            }
            _ => drop(field.bytes().await.map_err(broken)?),
        }
    }
    if !PURPOSES.contains(&purpose.as_str()) {
        let all = PURPOSES.map(|purpose| format!("'{purpose}'")).join(", ");
        let words = format!("'{purpose}' is not one of [{all}] - 'purpose'");
        return Err(bad("purpose", words));
    }
    let missing = || bad("file", "Missing required parameter: 'file'.");
    let (name, content) = file.ok_or_else(missing)?;
    let kept = KeptFile { content, name, purpose };
    let out = kept.clone();
    let id = |nth| asked.id("file-", nth);
    let id = asked.world.batch_store().keep_file(asked.provider, id, kept);
    Ok(json_answer(200, &shown(&id, &out)))
}

/// Answers a request for batches.
pub async fn batch(asked: &BatchRequest<'_>) -> Result<Response, ChatError> {
    let parts: Vec<&str> = asked.path.split('/').filter(|part| !part.is_empty()).collect();
    let found = |id: &str| {
        let words = format!("No batch found with id '{id}'.");
        let none = ChatError {
            field: Some("batch_id".to_owned()),
            ..ChatError::new(ErrorKind::NotFound, words)
        };
        asked.world.batch_store().batch(asked.provider, id).ok_or(none)
    };
    match (asked.method.clone(), &parts[..]) {
        (Method::POST, []) => make(asked),
        (Method::GET, []) => {
            let mut all = Vec::new();
            let batches = asked.world.batch_store().batches(asked.provider);
            for (id, batch) in batches {
                let write = |batch: &KeptBatch, results: &[BatchResult]| {
                    written(asked, &id, batch, results)
                };
                let batch = asked.ended(&id, batch, write).await;
                all.push(document(asked, &id, &batch, None));
            }
            Ok(json_answer(200, &list_page(all.into_iter(), &page(asked)?)))
        }
        (Method::GET, [id]) => {
            let write =
                |batch: &KeptBatch, results: &[BatchResult]| written(asked, id, batch, results);
            let batch = asked.ended(id, found(id)?, write).await;
            Ok(json_answer(200, &document(asked, id, &batch, None)))
        }
        (Method::POST, [id, "cancel"]) => {
            let cancelled =
                asked.world.batch_store().end(id, |batch| batch.state = BatchState::Cancelled);
            let batch = found(id)?;
            if !cancelled && batch.state != BatchState::Cancelled {
                let words = format!("Cannot cancel a batch with status '{}'.", status(&batch));
                return Err(ChatError::new(ErrorKind::Conflict, words));
            }
            let now = if cancelled { "cancelling" } else { "cancelled" };
            Ok(json_answer(200, &document(asked, id, &batch, Some(now))))
        }
        _ => Err(asked.unknown()),
    }
}

fn make(asked: &BatchRequest<'_>) -> Result<Response, ChatError> {
    let body = asked.value()?;
    let need = |name: &str| {
        let words = format!("Missing required parameter: '{name}'.");
        body.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| ChatError {
            code: Some("missing_required_parameter".to_owned()),
            ..bad(name, words)
        })
    };
    let (input_file, endpoint) = (need("input_file_id")?, need("endpoint")?);
    let window = need("completion_window")?;
    if window != "24h" {
        let words = format!("Invalid value: '{window}'. Value must be '24h'.");
        return Err(bad("completion_window", words));
    }
    let base = asked.provider.base_path();
    let known = endpoints(asked.provider);
    let path = endpoint.strip_prefix(base).filter(|path| known.contains(path));
    let Some(path) = path.map(str::to_owned) else {
        let all: Vec<String> = known.iter().map(|path| format!("'{base}{path}'")).collect();
        let words =
            format!("Invalid value: '{endpoint}'. Supported values are: {}.", all.join(", "));
        return Err(bad("endpoint", words));
    };
    let file = asked.world.batch_store().file(asked.provider, &input_file);
    let file = file.ok_or_else(|| {
        let words = format!("Invalid 'input_file_id': no file with the id '{input_file}'.");
        bad("input_file_id", words)
    })?;
    let (items, errors) = items(&file.content, &endpoint);
    let state = if errors.is_empty() {
        BatchState::Waiting
    } else {
        BatchState::Failed(json!({ "object": "list", "data": errors }))
    };
    let batch = KeptBatch {
        endpoint: path,
        input_file,
        metadata: body.get("metadata").cloned().unwrap_or_default(),
        items: Arc::new(items),
        state,
        output_files: Default::default(),
    };
    let kept = batch.clone();
    let id = |nth| asked.id(asked.api.prefix, nth);
    let id = asked.world.batch_store().keep_batch(asked.provider, id, kept);
    Ok(json_answer(200, &document(asked, &id, &batch, Some("validating"))))
}

/// A line of a file of requests.
#[derive(Deserialize)]
struct LineIn<'a> {
    custom_id: Option<String>,
    method: Option<String>,
    url: Option<String>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// The requests of a file, and what is wrong with its lines.
fn items(content: &[u8], endpoint: &str) -> (Vec<BatchItem>, Vec<Value>) {
    let (mut items, mut errors, mut ids) = (Vec::new(), Vec::new(), BTreeSet::new());
    let lines = content.split(|byte| *byte == b'\n').enumerate();
    for (nth, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
        let mut fail = |code: &str, message: String, param: Option<&str>| {
            errors
                .push(json!({ "code": code, "message": message, "param": param, "line": nth + 1 }));
        };
        let Ok(line) = serde_json::from_slice::<LineIn<'_>>(line) else {
            fail("invalid_json_line", "This line is not parseable as valid JSON.".into(), None);
            continue;
        };
        let Some(custom_id) = line.custom_id.filter(|id| !id.is_empty()) else {
            fail(
                "missing_required_parameter",
                "Missing required parameter: 'custom_id'.".into(),
                Some("custom_id"),
            );
            continue;
        };
        if line.method.as_deref() != Some("POST") {
            fail(
                "invalid_method",
                "The method of a request must be 'POST'.".into(),
                Some("method"),
            );
            continue;
        }
        if line.url.as_deref() != Some(endpoint) {
            let words = "The URL provided for this request does not match the batch endpoint.";
            fail("mismatched_url", words.into(), Some("url"));
            continue;
        }
        let Some(body) = line.body else {
            fail(
                "missing_required_parameter",
                "Missing required parameter: 'body'.".into(),
                Some("body"),
            );
            continue;
        };
        if !ids.insert(custom_id.clone()) {
            let words = format!(
                "The custom_id '{custom_id}' for this request is a duplicate of another request."
            );
            fail("duplicate_custom_id", words, Some("custom_id"));
            continue;
        }
        items.push(BatchItem { custom_id, body: Bytes::copy_from_slice(body.get().as_bytes()) });
    }
    let whole = |code: &str, words: &str| json!({ "code": code, "message": words, "param": null, "line": null });
    if items.is_empty() && errors.is_empty() {
        errors.push(whole("empty_file", "The input file is empty."));
    }
    if items.len() > MAX_ITEMS {
        errors.push(whole(
            "too_many_tasks",
            "The batch input file contains more requests than the maximum of 50000.",
        ));
    }
    (items, errors)
}

/// Writes the results of a batch into files: those of its answers, and those of its errors.
fn written(
    asked: &BatchRequest<'_>,
    batch_id: &str,
    batch: &KeptBatch,
    results: &[BatchResult],
) -> [String; 2] {
    let mut contents = [Vec::new(), Vec::new()];
    for (nth, (item, result)) in batch.items.iter().zip(results).enumerate() {
        let [answers, errors] = &mut contents;
        let out = if result.status == 200 { answers } else { errors };
        let body: Value = serde_json::from_slice(&result.body).unwrap_or_default();
        let line = json!({
            "id": format!("batch_req_{}_{nth}", batch_id.trim_start_matches(asked.api.prefix)), "custom_id": item.custom_id,
            "response": { "status_code": result.status, "request_id": result.request_id, "body": body },
            "error": null,
        });
        out.extend_from_slice(line.to_string().as_bytes());
        out.push(b'\n');
    }
    let mut store = asked.world.batch_store();
    let names = ["output", "error"];
    let mut nth = 0;
    contents.map(|content| {
        let name = format!("{batch_id}_{}.jsonl", names.get(nth).copied().unwrap_or_default());
        nth += 1;
        if content.is_empty() {
            return String::new();
        }
        let purpose = "batch_output".to_owned();
        let file = KeptFile { content: content.into(), name, purpose };
        store.keep_file(asked.provider, |nth| asked.id("file-", nth), file)
    })
}

fn status(batch: &KeptBatch) -> &'static str {
    match batch.state {
        BatchState::Waiting => "in_progress",
        BatchState::Failed(_) => "failed",
        BatchState::Ended(_) => "completed",
        BatchState::Cancelled => "cancelled",
    }
}

/// A batch as it is written down; `now` is its status where that is another one for a moment.
fn document(asked: &BatchRequest<'_>, id: &str, batch: &KeptBatch, now: Option<&str>) -> Value {
    let status = now.unwrap_or_else(|| status(batch));
    let at = |is: bool| is.then_some(KEY_EPOCH);
    let total = batch.items.len();
    let (completed, failed) = match &batch.state {
        BatchState::Ended(results) => {
            let good = results.iter().filter(|result| result.status == 200).count();
            (good, results.len() - good)
        }
        _ => (0, 0),
    };
    let ended = matches!(batch.state, BatchState::Ended(_));
    let file = |name: &String| Some(name.clone()).filter(|name| !name.is_empty());
    let [output, errors] = &batch.output_files;
    let errors_of = match &batch.state {
        BatchState::Failed(errors) if status == "failed" => errors.clone(),
        _ => Value::Null,
    };
    json!({
        "id": id, "object": "batch", "endpoint": format!("{}{}", asked.provider.base_path(), batch.endpoint),
        "errors": errors_of, "input_file_id": batch.input_file, "completion_window": "24h",
        "status": status, "output_file_id": file(output), "error_file_id": file(errors),
        "created_at": KEY_EPOCH, "in_progress_at": at(ended), "expires_at": KEY_EPOCH + WINDOW,
        "finalizing_at": at(ended), "completed_at": at(ended), "failed_at": at(status == "failed"), "expired_at": null,
        "cancelling_at": at(batch.state == BatchState::Cancelled), "cancelled_at": at(status == "cancelled"),
        "request_counts": { "total": total, "completed": completed, "failed": failed },
        "metadata": batch.metadata,
    })
}
