//! The conversation of a request: turns, parts, and function calls that must be answered.

use std::collections::{BTreeMap, VecDeque};

use super::{AnsweredIn, BlobIn, CallIn, ContentIn, ContentPartIn};
use crate::llm::chat::{ContentPart, Message, Role, ToolResult, ToolUse};
use crate::llm::wire::body::{BodyProblem, Obj};
use crate::llm::wire::media;
use crate::llm::wire::raw::RawObject;

/// A function call of the current turn that came back without its signature.
pub(super) struct Unsigned {
    pub(super) name: String,
    pub(super) path: String,
    /// Place of its content, from 1.
    pub(super) position: usize,
}

const UNANSWERED: &str = "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.";
const UNASKED: &str =
    "Please ensure that function response turn comes immediately after a function call turn.";

/// Calls that wait for their results.
#[derive(Default)]
struct Waiting {
    /// Ids in the order of the calls; none where the result has come.
    ids: Vec<Option<String>>,
    places: BTreeMap<String, usize>,
    names: BTreeMap<String, VecDeque<usize>>,
    open: usize,
}

impl Waiting {
    fn add(&mut self, call: &ToolUse) {
        let place = self.ids.len();
        self.ids.push(Some(call.id.clone()));
        self.places.insert(call.id.clone(), place);
        self.names.entry(call.name.clone()).or_default().push_back(place);
        self.open += 1;
    }

    /// The id of the call that a result answers: the one that it names, or else the first call of
    /// this function that waits.
    fn answer(&mut self, id: Option<&str>, name: &str) -> Option<String> {
        if let Some(place) = id.and_then(|id| self.places.get(id)) {
            return self.take(*place);
        }
        loop {
            let place = self.names.get_mut(name)?.pop_front()?;
            if let Some(id) = self.take(place) {
                return Some(id);
            }
        }
    }

    fn take(&mut self, place: usize) -> Option<String> {
        let id = self.ids.get_mut(place)?.take()?;
        self.open -= 1;
        Some(id)
    }
}

/// Tokens of an image, of a tile of a larger one, and of a page of a document; the side of an image
/// that has no tiles, and of a tile; and tokens of a second of a video: the documentation's page on
/// tokens.
const IMAGE_TOKENS: u32 = 258;
const SMALL: u32 = 384;
const TILE: u32 = 768;
const TOKENS_PER_SECOND_OF_VIDEO: u64 = 263;

/// Tokens of what is no text.
fn media_tokens(path: &str, blob: &BlobIn, inline: bool) -> Result<u32, BodyProblem> {
    let bytes = match blob.data.as_deref() {
        // The vendor's client writes the alphabet for addresses.
        Some(data) if inline => media::decoded(&data.replace('-', "+").replace('_', "/"))
            .ok_or_else(|| {
                let words =
                    format!("Invalid value at '{path}.data' (TYPE_BYTES), Base64 decoding failed");
                BodyProblem::said(format!("{path}.data"), words, None)
            })?,
        _ => Vec::new(),
    };
    let kind = blob.mime_type.as_deref().unwrap_or_default();
    Ok(match kind.split('/').next().unwrap_or_default() {
        "audio" => media::sound(&bytes, media::GEMINI_TOKENS_PER_SECOND),
        "video" => media::sound(&bytes, TOKENS_PER_SECOND_OF_VIDEO),
        "text" if !bytes.is_empty() => media::text_tokens(&String::from_utf8_lossy(&bytes)),
        "image" => match media::size(&bytes) {
            Some((width, height)) if width.max(height) > SMALL => {
                let tiles = width.div_ceil(TILE).saturating_mul(height.div_ceil(TILE));
                tiles.saturating_mul(IMAGE_TOKENS)
            }
            _ => IMAGE_TOKENS,
        },
        _ => media::pages(&bytes).saturating_mul(IMAGE_TOKENS),
    })
}

/// Reads the contents, counts the tokens of images and files, and finds the first function call of the current turn without a signature.
pub(super) fn messages(
    all: Vec<Obj<ContentIn>>,
) -> Result<(Vec<Message>, u32, Option<Unsigned>), BodyProblem> {
    let mut media_sum = 0_u32;
    let mut messages = Vec::with_capacity(all.len());
    let mut waiting = Waiting::default();
    let mut unsigned = None;
    let mut calls = 0_usize;
    for (i, Obj(content)) in all.into_iter().enumerate() {
        let role = match content.role.as_deref() {
            None | Some("" | "user" | "function") => Role::User,
            Some("model") => Role::Assistant,
            Some(_) => {
                let words = "Please use a valid role: user, model.";
                return Err(BodyProblem::said(format!("contents.{i}.role"), words, None));
            }
        };
        let parts = content.parts.unwrap_or_default();
        if parts.is_empty() {
            let words = format!(
                "* GenerateContentRequest.contents[{i}].parts: contents.parts must not be empty."
            );
            return Err(BodyProblem::said(format!("contents.{i}.parts"), words, None));
        }
        let asked_before = waiting.open;
        let mut made = Vec::with_capacity(parts.len());
        let mut signed = false;
        for (j, Obj(part)) in parts.into_iter().enumerate() {
            let path = format!("contents.{i}.parts.{j}");
            let signature = part.thought_signature.as_ref().is_some_and(|text| !text.is_empty());
            if part.thought == Some(true) {
                continue;
            }
            match part {
                ContentPartIn { function_call: Some(Obj(call)), .. } => {
                    let call = called(call, &path, calls)?;
                    calls += 1;
                    // The first call of a step carries the signature; calls beside it need none.
                    if !signature && !signed && unsigned.is_none() {
                        let (name, path) = (call.name.clone(), format!("{path}.functionCall"));
                        unsigned = Some(Unsigned { name, path, position: i + 1 });
                    }
                    signed = true;
                    waiting.add(&call);
                    made.push(ContentPart::ToolUse(call));
                }
                ContentPartIn { function_response: Some(Obj(answered)), .. } => {
                    made.push(ContentPart::ToolResult(result(answered, &path, &mut waiting)?));
                }
                ContentPartIn { text: Some(text), .. } => made.push(ContentPart::Text(text)),
                ContentPartIn { inline_data: Some(Obj(blob)), .. } => {
                    let path = format!("contents[{i}].parts[{j}].inline_data");
                    media_sum = media_sum.saturating_add(media_tokens(&path, &blob, true)?);
                }
                ContentPartIn { file_data: Some(Obj(file)), .. } => {
                    media_sum = media_sum.saturating_add(media_tokens(&path, &file, false)?);
                }
                part if part.executable_code.0 || part.code_execution_result.0 || signature => {}
                _ => {
                    let words = format!(
                        "* GenerateContentRequest.contents[{i}].parts[{j}].data: required oneof field 'data' must have one initialized field"
                    );
                    return Err(BodyProblem::said(path, words, None));
                }
            }
        }
        let results = made.iter().any(|part| matches!(part, ContentPart::ToolResult(_)));
        if asked_before > 0 && (!results || role == Role::Assistant) {
            return Err(BodyProblem::said(format!("contents.{i}"), UNANSWERED, None));
        }
        if role == Role::User && !results {
            // A new turn: what came before it needs no signature any more.
            unsigned = None;
        }
        messages.push(Message { role, content: made });
    }
    if waiting.open > 0 {
        return Err(BodyProblem::said("contents", UNANSWERED, None));
    }
    Ok((messages, media_sum, unsigned))
}

fn called(call: CallIn, path: &str, before: usize) -> Result<ToolUse, BodyProblem> {
    let name = call.name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| BodyProblem::missing(format!("{path}.functionCall.name")))?;
    Ok(ToolUse {
        // Older models and clients give calls no ids.
        id: call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{before}")),
        name,
        input: call.args.map_or_else(|| "{}".to_owned(), RawObject::into_text),
    })
}

fn result(
    answered: AnsweredIn,
    path: &str,
    waiting: &mut Waiting,
) -> Result<ToolResult, BodyProblem> {
    let name = answered.name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| BodyProblem::missing(format!("{path}.functionResponse.name")))?;
    let id = answered.id.as_deref().filter(|id| !id.is_empty());
    let Some(id) = waiting.answer(id, &name) else {
        return Err(BodyProblem::said(format!("{path}.functionResponse"), UNASKED, None));
    };
    let text = answered.response.map_or_else(|| "{}".to_owned(), |RawObject(text)| text);
    let (content, is_error) = words(&text).unwrap_or((text, false));
    Ok(ToolResult { id, content, is_error })
}

/// The words of a result that says nothing else: under `output` as the documentation has it,
/// `result` as the vendor's client writes it, or `error`.
fn words(response: &str) -> Option<(String, bool)> {
    let object: BTreeMap<String, serde_json::Value> = serde_json::from_str(response).ok()?;
    let mut fields = object.into_iter();
    let ((name, value), None) = (fields.next()?, fields.next()) else { return None };
    let text = match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    match name.as_str() {
        "output" | "result" => Some((text, false)),
        "error" => Some((text, true)),
        _ => None,
    }
}

/// The words of content that may hold nothing else, its parts joined by line breaks.
pub(in crate::llm::wire::google) fn texts(content: ContentIn) -> Result<String, BodyProblem> {
    let mut all = Vec::new();
    for (j, Obj(part)) in content.parts.into_iter().flatten().enumerate() {
        let words = "* GenerateContentRequest.system_instruction: only text is supported";
        let path = format!("systemInstruction.parts.{j}");
        all.push(part.text.ok_or_else(|| BodyProblem::said(path, words, None))?);
    }
    Ok(all.join("\n"))
}
