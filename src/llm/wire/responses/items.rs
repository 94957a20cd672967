//! The items of a conversation: as they are sent, and as messages.
//!
//! Guarantees: a conversation of items becomes the messages that the same conversation has in chat
//! completions, so that both are answered alike.
//!
//! Does not know: where the items of earlier turns are kept.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::compaction;
use super::sent::{ConversationItemIn, ItemPartIn};
use crate::llm::chat::{ContentPart, Message, Role, ToolResult, ToolUse};
use crate::llm::wire::body::{BodyProblem, JsonKind, Obj, Problem, TextOrList, read};
use crate::llm::wire::media::{Pixels, decoded, openai_image, size, sound, usual_document};

/// Tokens of a second of sound, as in chat completions.
const TOKENS_OF_SOUND: u64 = 10;

/// Images, files and sounds of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemMedia {
    /// The sizes of images, where they are known, and whether low detail is enough. How many tokens
    /// that is depends on the model that reads them.
    images: Vec<(Option<Pixels>, bool)>,
    /// Tokens of all else.
    tokens: u32,
}

impl ItemMedia {
    /// Its tokens for a model.
    fn tokens(&self, model: &str) -> u32 {
        let images = self.images.iter().map(|(size, low)| openai_image(model, *size, *low));
        images.fold(self.tokens, u32::saturating_add)
    }
}

/// An item of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConversationItem {
    /// What a developer says: instructions.
    Developer(String),
    /// What a user says, and the images and files in it.
    User(Vec<String>, ItemMedia),
    /// What the model said.
    Assistant(Vec<String>),
    /// A call that the model made.
    Call(ToolUse),
    /// What a call came to, and the images and files in it.
    Output(ToolResult, ItemMedia),
    /// An earlier item, by its id.
    Reference(String),
    /// The model's notes for itself, and calls of tools that the service runs.
    Unread,
}

impl ConversationItem {
    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = |all: &[String]| all.iter().map(|text| text.len() + size_of::<String>()).sum();
        size_of::<Self>()
            + match self {
                Self::Developer(text) | Self::Reference(text) => text.len(),
                Self::User(all, _) | Self::Assistant(all) => texts(all),
                Self::Call(call) => call.id.len() + call.name.len() + call.input.len(),
                Self::Output(result, _) => result.id.len() + result.content.len(),
                Self::Unread => 0,
            }
    }
}

/// The words for types of items.
const TYPES: &[&str] = &[
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
    "item_reference",
    "compaction",
];
/// Endings of the types of items for tools that the service or the client runs by other means.
const OTHER_TOOLS: [&str; 4] = ["_call", "_call_output", "mcp_list_tools", "mcp_approval_response"];
/// The words for parts of items.
const PARTS: &[&str] = &[
    "input_text",
    "input_image",
    "output_text",
    "refusal",
    "input_file",
    "input_audio",
    "summary_text",
];

/// Reads JSON that stands at `path`.
pub(super) fn within<'de, T: serde::Deserialize<'de>>(
    path: &str,
    raw: &'de RawValue,
) -> Result<T, BodyProblem> {
    read(raw.get().as_bytes()).map_err(|fault| {
        let dot = if fault.path.is_empty() { "" } else { "." };
        BodyProblem { path: format!("{path}{dot}{}", fault.path), ..fault }
    })
}

/// The texts of a content, and what is no text.
fn texts(path: &str, raw: &RawValue) -> Result<(Vec<String>, ItemMedia), BodyProblem> {
    let parts = match within::<TextOrList<Obj<ItemPartIn>>>(path, raw)? {
        TextOrList::Text(text) => return Ok((vec![text], ItemMedia::default())),
        TextOrList::List(parts) => parts,
    };
    let (mut all, mut media) = (Vec::with_capacity(parts.len()), ItemMedia::default());
    for (j, Obj(part)) in parts.into_iter().enumerate() {
        let need = |field: &str| BodyProblem::missing(format!("{path}.{j}.{field}"));
        let bytes = |field: &str, text: Option<&str>| {
            match text {
            None => Ok(Vec::new()),
            Some(text) if text.starts_with("http://") || text.starts_with("https://") => {
                Ok(Vec::new())
            }
            Some(text) => decoded(text).ok_or_else(|| {
                let words = format!("Invalid '{path}[{j}].{field}': expected a base64-encoded data URL or an address.");
                BodyProblem::said(format!("{path}.{j}.{field}"), words, Some("invalid_value"))
            }),
        }
        };
        let more = match part.r#type.as_deref().ok_or_else(|| need("type"))? {
            "input_text" | "output_text" | "summary_text" => {
                all.push(part.text.ok_or_else(|| need("text"))?);
                0
            }
            "refusal" => {
                all.push(part.refusal.ok_or_else(|| need("refusal"))?);
                0
            }
            "input_image" => {
                let url = part.image_url;
                let found = size(&bytes("image_url", url.as_deref())?);
                media.images.push((found, part.detail.as_deref() == Some("low")));
                0
            }
            "input_file" => usual_document(&bytes("file_data", part.file_data.as_deref())?),
            "input_audio" => {
                let data = part.input_audio.and_then(|Obj(audio)| audio.data);
                sound(&bytes("input_audio", data.as_deref())?, TOKENS_OF_SOUND)
            }
            other => {
                return Err(BodyProblem::new(
                    format!("{path}.{j}.type"),
                    Problem::NotOneOf { found: other.to_owned(), allowed: PARTS },
                ));
            }
        };
        media.tokens = media.tokens.saturating_add(more);
    }
    Ok((all, media))
}

/// Reads the items of a request.
pub(super) fn items(
    input: TextOrList<Obj<ConversationItemIn<'_>>>,
) -> Result<Vec<ConversationItem>, BodyProblem> {
    match input {
        TextOrList::Text(text) => {
            Ok(vec![ConversationItem::User(vec![text], ItemMedia::default())])
        }
        TextOrList::List(items) => {
            items.into_iter().enumerate().map(|(i, Obj(one))| item(i, one)).collect()
        }
    }
}

fn item(i: usize, item: ConversationItemIn<'_>) -> Result<ConversationItem, BodyProblem> {
    let path = |field: &str| format!("input.{i}.{field}");
    let need = |field: &str| BodyProblem::missing(path(field));
    let is_message = item.role.is_some();
    let kind = match item.r#type.as_deref() {
        Some(kind) => kind,
        None if is_message => "message",
        None if item.id.is_some() => "item_reference",
        None => return Err(need("type")),
    };
    Ok(match kind {
        "message" => message(i, item)?,
        "function_call" => ConversationItem::Call(ToolUse {
            id: item.call_id.ok_or_else(|| need("call_id"))?,
            name: item.name.ok_or_else(|| need("name"))?,
            input: item.arguments.ok_or_else(|| need("arguments"))?,
        }),
        "function_call_output" => {
            let id = item.call_id.ok_or_else(|| need("call_id"))?;
            let raw = item.output.ok_or_else(|| need("output"))?;
            let (texts, tokens) = texts(&path("output"), raw)?;
            let result = ToolResult { id, content: texts.join("\n"), is_error: false };
            ConversationItem::Output(result, tokens)
        }
        "item_reference" => ConversationItem::Reference(item.id.ok_or_else(|| need("id"))?),
        "compaction" => {
            let sealed = item.encrypted_content.ok_or_else(|| need("encrypted_content"))?;
            compaction::open(&sealed)
                .map_or(ConversationItem::Unread, |words| ConversationItem::Assistant(vec![words]))
        }
        "reasoning" => ConversationItem::Unread,
        other if OTHER_TOOLS.iter().any(|ending| other.ends_with(ending)) => {
            ConversationItem::Unread
        }
        other => {
            let problem = Problem::NotOneOf { found: other.to_owned(), allowed: TYPES };
            return Err(BodyProblem::new(path("type"), problem));
        }
    })
}

fn message(i: usize, item: ConversationItemIn<'_>) -> Result<ConversationItem, BodyProblem> {
    const ROLES: &[&str] = &["assistant", "system", "developer", "user"];
    let path = |field: &str| format!("input.{i}.{field}");
    let role = item.role.ok_or_else(|| BodyProblem::missing(path("role")))?;
    let content = item.content.ok_or_else(|| BodyProblem::missing(path("content")))?;
    if content.get() == "null" {
        let problem = Problem::Type { expected: JsonKind::TextOrList, found: JsonKind::Null };
        return Err(BodyProblem::new(path("content"), problem));
    }
    let (texts, tokens) = texts(&path("content"), content)?;
    Ok(match role.as_str() {
        "user" => ConversationItem::User(texts, tokens),
        "assistant" => ConversationItem::Assistant(texts),
        "system" | "developer" => ConversationItem::Developer(texts.join("\n")),
        _ => {
            let problem = Problem::NotOneOf { found: role, allowed: ROLES };
            return Err(BodyProblem::new(path("role"), problem));
        }
    })
}

/// A conversation as the messages of a chat.
#[derive(Debug, Default)]
pub(super) struct TurnsOfItems {
    pub(super) system: Option<String>,
    pub(super) messages: Vec<Message>,
    pub(super) media_tokens: u32,
}

/// Makes messages of items to this model, after these instructions.
pub(super) fn conversation(
    (model, instructions): (&str, Option<&str>),
    items: impl IntoIterator<Item = ConversationItem>,
) -> Result<TurnsOfItems, BodyProblem> {
    let mut all = TurnsOfItems { system: instructions.map(str::to_owned), ..Default::default() };
    // Calls that were made, and those of them that have no result yet.
    let (mut made, mut open) = (BTreeSet::new(), BTreeSet::new());
    for item in items {
        match item {
            ConversationItem::Developer(text) => match &mut all.system {
                Some(system) => {
                    system.push_str("\n\n");
                    system.push_str(&text);
                }
                None => all.system = Some(text),
            },
            ConversationItem::User(texts, media) => {
                all.media_tokens = all.media_tokens.saturating_add(media.tokens(model));
                let content = texts.into_iter().map(ContentPart::Text).collect();
                all.messages.push(Message { role: Role::User, content });
            }
            ConversationItem::Assistant(texts) => {
                let content = texts.into_iter().map(ContentPart::Text).collect();
                all.messages.push(Message { role: Role::Assistant, content });
            }
            ConversationItem::Call(call) => {
                made.insert(call.id.clone());
                open.insert(call.id.clone());
                // Words and the calls after them are one turn of the model.
                match all.messages.last_mut() {
                    Some(turn) if turn.role == Role::Assistant => {
                        if !matches!(turn.content.last(), Some(ContentPart::ToolUse(_))) {
                            turn.content.retain(|part| *part != ContentPart::Text(String::new()));
                        }
                        turn.content.push(ContentPart::ToolUse(call));
                    }
                    _ => {
                        let content = vec![ContentPart::ToolUse(call)];
                        all.messages.push(Message { role: Role::Assistant, content });
                    }
                }
            }
            ConversationItem::Output(result, media) => {
                if !made.contains(&result.id) {
                    let id = &result.id;
                    let words =
                        format!("No tool call found for function call output with call_id {id}.");
                    return Err(BodyProblem::said("input", words, None));
                }
                open.remove(&result.id);
                all.media_tokens = all.media_tokens.saturating_add(media.tokens(model));
                let part = ContentPart::ToolResult(result);
                // A turn of the user is made of words or of results.
                match all.messages.last_mut() {
                    Some(turn)
                        if matches!(turn.content.last(), Some(ContentPart::ToolResult(_))) =>
                    {
                        turn.content.push(part);
                    }
                    _ => all.messages.push(Message { role: Role::User, content: vec![part] }),
                }
            }
            ConversationItem::Reference(_) | ConversationItem::Unread => {}
        }
    }
    match open.first() {
        Some(id) => {
            let words = format!("No tool output found for function call {id}.");
            Err(BodyProblem::said("input", words, None))
        }
        None => Ok(all),
    }
}
