//! The conversation of a request: turns, blocks, and tool calls that must be answered.

use std::collections::BTreeSet;

use super::{BlockIn, MessageIn, SourceIn};
use crate::llm::chat::{ContentPart, Message, Role, ToolResult, ToolUse};
use crate::llm::wire::body::{BodyProblem, Obj, Problem, TextOrList};
use crate::llm::wire::media::{claude_document, claude_image, decoded, size, text_tokens};

/// Most pixels of an image's side.
const MAX_SIDE: u32 = 8_000;

/// What the messages of a request say.
pub(super) struct MessagesRead {
    pub(super) messages: Vec<Message>,
    /// System messages among them, which newer models take.
    pub(super) system: Vec<String>,
    /// What is no text.
    pub(super) media: TurnMedia,
}

/// Images and documents.
#[derive(Default)]
pub(super) struct TurnMedia {
    /// Their tokens.
    pub(super) tokens: u32,
    /// Where the first PDF stands.
    pub(super) pdf: Option<String>,
}

/// Reads the messages.
pub(super) fn messages(all: Vec<Obj<MessageIn>>) -> Result<MessagesRead, BodyProblem> {
    if all.is_empty() {
        return Err(BodyProblem::said("messages", "at least one message is required", None));
    }
    let last = all.len() - 1;
    let mut messages = Vec::with_capacity(all.len());
    let mut system = Vec::new();
    let (mut calls, mut media) = (Calls::default(), TurnMedia::default());
    for (i, Obj(message)) in all.into_iter().enumerate() {
        let role =
            message.role.ok_or_else(|| BodyProblem::missing(format!("messages.{i}.role")))?;
        let content =
            message.content.ok_or_else(|| BodyProblem::missing(format!("messages.{i}.content")))?;
        let role = match role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => {
                system.push(texts(&format!("messages.{i}.content"), content)?);
                continue;
            }
            _ => {
                let problem = Problem::NotOneOf { found: role, allowed: &["user", "assistant"] };
                return Err(BodyProblem::new(format!("messages.{i}.role"), problem));
            }
        };
        let seen = media.tokens;
        let content = parts(i, role, content, &mut media)?;
        if content.is_empty() && media.tokens == seen && (role == Role::User || i != last) {
            let words = "all messages must have non-empty content except for the optional final assistant message";
            return Err(BodyProblem::said(format!("messages.{i}"), words, None));
        }
        calls.follow(i, role, &content)?;
        messages.push(Message { role, content });
    }
    calls.close()?;
    if messages.is_empty() {
        return Err(BodyProblem::said("messages", "at least one message is required", None));
    }
    Ok(MessagesRead { messages, system, media })
}

/// The words of content that may hold nothing else, its blocks joined by line breaks.
pub(super) fn texts(path: &str, content: TextOrList<Obj<BlockIn>>) -> Result<String, BodyProblem> {
    let blocks = match content {
        TextOrList::Text(text) => return Ok(text),
        TextOrList::List(blocks) => blocks,
    };
    let mut all = String::new();
    for (j, Obj(block)) in blocks.into_iter().enumerate() {
        match block.r#type.as_deref() {
            Some("text") => {
                if j > 0 {
                    all.push('\n');
                }
                all +=
                    &block.text.ok_or_else(|| BodyProblem::missing(format!("{path}.{j}.text")))?;
            }
            kind => return Err(unplayed(&format!("{path}.{j}"), kind, &["text"])),
        }
    }
    Ok(all)
}

/// A block of a type that is not played, not known, or not named.
fn unplayed(path: &str, kind: Option<&str>, allowed: &[&str]) -> BodyProblem {
    let Some(kind) = kind else { return BodyProblem::missing(format!("{path}.type")) };
    let words = match kind {
        "image" | "document" | "search_result" | "container_upload" => {
            format!("`{kind}` blocks are not played here, only in messages of the user")
        }
        _ => format!(
            "Input tag '{kind}' found using 'type' does not match any of the expected tags: {}",
            allowed.iter().map(|tag| format!("'{tag}'")).collect::<Vec<_>>().join(", ")
        ),
    };
    BodyProblem::said(path, words, None)
}

fn parts(
    i: usize,
    role: Role,
    content: TextOrList<Obj<BlockIn>>,
    media: &mut TurnMedia,
) -> Result<Vec<ContentPart>, BodyProblem> {
    let blocks = match content {
        TextOrList::Text(text) if text.is_empty() => return Ok(Vec::new()),
        TextOrList::Text(text) => return Ok(vec![ContentPart::Text(text)]),
        TextOrList::List(blocks) => blocks,
    };
    let mut parts = Vec::with_capacity(blocks.len());
    for (j, Obj(block)) in blocks.into_iter().enumerate() {
        let path = || format!("messages.{i}.content.{j}");
        let need = |field: &str, value: Option<String>| {
            value.ok_or_else(|| BodyProblem::missing(format!("{}.{field}", path())))
        };
        parts.push(match block.r#type.as_deref() {
            Some(kind @ ("image" | "document" | "search_result")) if role == Role::User => {
                medium(&path(), kind, block.source, block.content, media)?;
                continue;
            }
            Some("container_upload") if role == Role::User => continue,
            Some("text") => {
                let text = need("text", block.text)?;
                if text.trim().is_empty() {
                    let words = if text.is_empty() {
                        "be non-empty"
                    } else {
                        "contain non-whitespace text"
                    };
                    return Err(BodyProblem::said(
                        path(),
                        format!("text content blocks must {words}"),
                        None,
                    ));
                }
                ContentPart::Text(text)
            }
            Some("tool_use") if role == Role::Assistant => ContentPart::ToolUse(ToolUse {
                id: need("tool_use.id", block.id)?,
                name: need("tool_use.name", block.name)?,
                input: block
                    .input
                    .ok_or_else(|| BodyProblem::missing(format!("{}.tool_use.input", path())))?
                    .into_text(),
            }),
            Some("tool_result") if role == Role::User => ContentPart::ToolResult(ToolResult {
                id: need("tool_result.tool_use_id", block.tool_use_id)?,
                content: block.content.map_or(Ok(String::new()), |content| {
                    result(&format!("{}.tool_result.content", path()), content, media)
                })?,
                is_error: block.is_error.unwrap_or_default(),
            }),
            Some(kind @ ("tool_use" | "tool_result")) => {
                let (other, role) =
                    if kind == "tool_use" { ("assistant", "user") } else { ("user", "assistant") };
                let words = format!(
                    "`{kind}` blocks can only be in `{other}` messages, found in a `{role}` message"
                );
                return Err(BodyProblem::said(path(), words, None));
            }
            // A thinking model's own notes, handed back to it: nothing here reads them.
            Some("thinking" | "redacted_thinking") => continue,
            kind => return Err(unplayed(&path(), kind, &["text", "tool_use", "tool_result"])),
        });
    }
    Ok(parts)
}

/// The words of a tool's result; what else is in it is counted.
fn result(
    path: &str,
    content: TextOrList<Obj<BlockIn>>,
    media: &mut TurnMedia,
) -> Result<String, BodyProblem> {
    let blocks = match content {
        TextOrList::Text(text) => return Ok(text),
        TextOrList::List(blocks) => blocks,
    };
    let mut words = Vec::with_capacity(blocks.len());
    for (k, Obj(block)) in blocks.into_iter().enumerate() {
        let path = format!("{path}.{k}");
        match block.r#type.as_deref() {
            Some("text") => {
                words.push(block.text.ok_or_else(|| BodyProblem::missing(format!("{path}.text")))?);
            }
            Some(kind @ ("image" | "document" | "search_result")) => {
                medium(&path, kind, block.source, block.content, media)?;
            }
            Some("tool_reference") => {}
            kind => return Err(unplayed(&path, kind, &["text", "image", "document"])),
        }
    }
    Ok(words.join("\n"))
}

/// Counts an image, a document or a search result.
fn medium(
    path: &str,
    kind: &str,
    source: Option<Obj<SourceIn>>,
    content: Option<TextOrList<Obj<BlockIn>>>,
    media: &mut TurnMedia,
) -> Result<(), BodyProblem> {
    let path = format!("{path}.{kind}");
    let mut count = |tokens: u32| media.tokens = media.tokens.saturating_add(tokens);
    if kind == "search_result" {
        let content = content.ok_or_else(|| BodyProblem::missing(format!("{path}.content")))?;
        count(text_tokens(&texts(&format!("{path}.content"), content)?));
        return Ok(());
    }
    let Obj(source) = source.ok_or_else(|| BodyProblem::missing(format!("{path}.source")))?;
    let place = format!("{path}.source");
    let from = source.r#type.ok_or_else(|| BodyProblem::missing(format!("{place}.type")))?;
    let data = || source.data.ok_or_else(|| BodyProblem::missing(format!("{place}.{from}.data")));
    let bytes = match from.as_str() {
        "base64" => decoded(&data()?).ok_or_else(|| {
            BodyProblem::said(format!("{place}.base64"), "invalid base64 data", None)
        })?,
        // Somewhere else: of the usual size.
        "url" | "file" => Vec::new(),
        "text" if kind == "document" => {
            count(text_tokens(&data()?));
            return Ok(());
        }
        "content" if kind == "document" => {
            let content = source.content;
            let content =
                content.ok_or_else(|| BodyProblem::missing(format!("{place}.content.content")))?;
            let words = result(&format!("{place}.content"), content, media)?;
            media.tokens = media.tokens.saturating_add(text_tokens(&words));
            return Ok(());
        }
        _ => {
            let allowed: &[&str] = match kind {
                "image" => &["base64", "url", "file"],
                _ => &["base64", "text", "content", "url", "file"],
            };
            return Err(BodyProblem::new(
                format!("{place}.type"),
                Problem::NotOneOf { found: from, allowed },
            ));
        }
    };
    let named = source.media_type.unwrap_or_default();
    let allowed: &[&str] = match kind {
        "image" => &["image/jpeg", "image/png", "image/gif", "image/webp"],
        _ => &["application/pdf"],
    };
    if from == "base64" && !allowed.contains(&named.as_str()) {
        let problem = Problem::NotOneOf { found: named, allowed };
        return Err(BodyProblem::new(format!("{place}.base64.media_type"), problem));
    }
    if kind == "document" {
        count(claude_document(&bytes));
        media.pdf.get_or_insert(path);
        return Ok(());
    }
    let size = size(&bytes);
    if size.is_some_and(|(width, height)| width.max(height) > MAX_SIDE) {
        let words = format!("image dimensions exceed max allowed size: {MAX_SIDE} pixels");
        return Err(BodyProblem::said(format!("{place}.base64.data"), words, None));
    }
    count(claude_image(size));
    Ok(())
}

/// Tool calls that wait for their results. Messages of the same role in a row count as one turn.
#[derive(Default)]
struct Calls {
    turn: Option<Role>,
    asked_in: usize,
    open: BTreeSet<String>,
    seen: BTreeSet<String>,
    /// Whether the user's turn has words already: results must come before them.
    words_before: bool,
}

impl Calls {
    fn follow(&mut self, i: usize, role: Role, content: &[ContentPart]) -> Result<(), BodyProblem> {
        if role == Role::Assistant && self.turn == Some(Role::User) {
            self.close()?;
        }
        if self.turn != Some(role) {
            self.words_before = false;
        }
        self.turn = Some(role);
        for (j, part) in content.iter().enumerate() {
            match part {
                ContentPart::Text(_) => self.words_before = true,
                ContentPart::ToolUse(call) => {
                    if !self.seen.insert(call.id.clone()) {
                        return Err(BodyProblem::said(
                            format!("messages.{i}.content.{j}"),
                            "`tool_use` ids must be unique",
                            None,
                        ));
                    }
                    self.asked_in = i;
                    self.open.insert(call.id.clone());
                }
                ContentPart::ToolResult(result) => {
                    if !self.open.contains(&result.id) {
                        let words = format!(
                            "unexpected `tool_use_id` found in `tool_result` blocks: {}. Each `tool_result` block must have a \
                             corresponding `tool_use` block in the previous message.",
                            result.id
                        );
                        return Err(BodyProblem::said(
                            format!("messages.{i}.content.{j}"),
                            words,
                            None,
                        ));
                    }
                    if self.words_before {
                        // The results must come first in their message.
                        return self.close();
                    }
                    self.open.remove(&result.id);
                }
            }
        }
        Ok(())
    }

    fn close(&self) -> Result<(), BodyProblem> {
        if self.open.is_empty() {
            return Ok(());
        }
        let words = format!(
            "`tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a \
             corresponding `tool_result` block in the next message.",
            self.open.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        );
        Err(BodyProblem::said(format!("messages.{}", self.asked_in), words, None))
    }
}
