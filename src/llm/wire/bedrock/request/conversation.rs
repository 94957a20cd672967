//! The conversation of a request: turns, content, and tool calls that must be answered.

use std::collections::BTreeSet;

use super::{BlockIn, CallIn, MediumIn, MessageIn, ResultIn};
use crate::llm::chat::{ContentPart, Message, Role, ToolResult, ToolUse};
use crate::llm::wire::body::{BodyProblem, Obj, Problem};
use crate::llm::wire::media;
use crate::llm::wire::raw::RawObject;

const FORMATS_OF_IMAGES: &[&str] = &["png", "jpeg", "gif", "webp"];
const FORMATS_OF_DOCUMENTS: &[&str] =
    &["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"];

/// Reads the messages: turns, the tokens of what is no text, and system messages among them.
pub(super) fn messages(
    all: Vec<Obj<MessageIn>>,
) -> Result<(Vec<Message>, u32, Vec<String>), BodyProblem> {
    if all.is_empty() {
        let words = "The messages field is required and must not be empty: a conversation must start with a user message. Try again with a conversation that starts with a user message.";
        return Err(BodyProblem::said("messages", words, None));
    }
    let (mut messages, mut media, mut system) = (Vec::<Message>::new(), 0_u32, Vec::new());
    let mut open = BTreeSet::new();
    for (i, Obj(message)) in all.into_iter().enumerate() {
        let role = message.role.ok_or_else(|| missing(i, "role"))?;
        let content = message.content.ok_or_else(|| missing(i, "content"))?;
        let role = match role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => {
                system.extend(content.into_iter().filter_map(|Obj(block)| block.text));
                continue;
            }
            _ => {
                let allowed = &["user", "assistant", "system"];
                let problem = Problem::NotOneOf { found: role, allowed };
                return Err(BodyProblem::new(format!("messages.{i}.member.role"), problem));
            }
        };
        let given = content.len();
        let mut parts = Vec::with_capacity(given);
        for (j, Obj(block)) in content.into_iter().enumerate() {
            parts.extend(part((i, j), role, block, &mut media)?);
        }
        if given == 0 && role == Role::User {
            let words = format!(
                "The content field in the Message object at messages.{i} is empty. Add a ContentBlock object to the content field and try again."
            );
            return Err(BodyProblem::said(format!("messages.{i}.content"), words, None));
        }
        turn(i, role, &parts, messages.last(), &mut open)?;
        messages.push(Message { role, content: parts });
    }
    if let Some(id) = open.first() {
        let last = messages.len();
        let words = format!(
            "Expected toolResult blocks at messages.{last}.content for the following Ids: {id}"
        );
        return Err(BodyProblem::said("messages", words, None));
    }
    if messages.first().is_none_or(|first| first.role != Role::User) {
        let words = "A conversation must start with a user message. Try again with a conversation that starts with a user message.";
        return Err(BodyProblem::said("messages", words, None));
    }
    Ok((messages, media, system))
}

fn missing(i: usize, field: &str) -> BodyProblem {
    BodyProblem::missing(format!("messages.{i}.member.{field}"))
}

/// Whether a turn follows the one before, and answers its calls.
fn turn(
    i: usize,
    role: Role,
    parts: &[ContentPart],
    before: Option<&Message>,
    open: &mut BTreeSet<String>,
) -> Result<(), BodyProblem> {
    let path = format!("messages.{i}.content");
    let said = |words: String| Err(BodyProblem::said(path.as_str(), words, None));
    if before.is_some_and(|before| before.role == role) {
        return said("A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.".to_owned());
    }
    let waiting = open.len();
    let mut results = 0;
    for part in parts {
        match part {
            ContentPart::ToolResult(result) => {
                results += 1;
                if !open.remove(&result.id) {
                    return said(if results > waiting {
                        format!(
                            "The number of toolResult blocks at {path} exceeds the number of toolUse blocks of previous turn."
                        )
                    } else {
                        format!(
                            "The toolResult block at {path} has the toolUseId {}, which no toolUse block of the previous turn has.",
                            result.id
                        )
                    });
                }
            }
            ContentPart::ToolUse(_) | ContentPart::Text(_) => {}
        }
    }
    if let Some(id) = open.first() {
        return said(format!("Expected toolResult blocks at {path} for the following Ids: {id}"));
    }
    for part in parts {
        if let ContentPart::ToolUse(call) = part
            && !open.insert(call.id.clone())
        {
            return said(format!("The toolUseId {} is used more than once at {path}.", call.id));
        }
    }
    Ok(())
}

/// One block; none for what has no meaning here.
fn part(
    (i, j): (usize, usize),
    role: Role,
    block: BlockIn,
    media: &mut u32,
) -> Result<Option<ContentPart>, BodyProblem> {
    let path = format!("messages.{i}.content.{j}");
    if let Some(tokens) = media_tokens(&path, &block)? {
        *media = media.saturating_add(tokens);
        return Ok(None);
    }
    let (tool, words) = match role {
        Role::User => (block.tool_use.is_some(), "toolUse blocks can only be in the assistant's"),
        Role::Assistant => {
            (block.tool_result.is_some(), "toolResult blocks can only be in the user's")
        }
    };
    if tool {
        return Err(BodyProblem::said(
            &*path,
            format!("{words} messages, found one at {path}."),
            None,
        ));
    }
    Ok(Some(match block {
        BlockIn { text: Some(text), .. } => {
            if text.trim().is_empty() {
                let words = format!(
                    "The text field in the ContentBlock object at {path} is blank. Add text to the text field, and try again."
                );
                return Err(BodyProblem::said(path, words, None));
            }
            ContentPart::Text(text)
        }
        BlockIn { tool_use: Some(Obj(call)), .. } => ContentPart::ToolUse(called(call, &path)?),
        BlockIn { tool_result: Some(Obj(result)), .. } => {
            ContentPart::ToolResult(answered(result, &path, media)?)
        }
        BlockIn { guard_content: Some(Obj(guard)), .. } => {
            return Ok(guard.text.and_then(|Obj(text)| text.text).map(ContentPart::Text));
        }
        block
            if block.cache_point.0
                || block.reasoning_content.0
                || block.citations_content.0
                || block.search_result.0
                || block.tool_addition.0
                || block.tool_removal.0 =>
        {
            return Ok(None);
        }
        _ => {
            let words = format!(
                "The content block at {path} has no known type. Set exactly one of text, image, document, video, audio, toolUse, toolResult, guardContent, cachePoint or reasoningContent."
            );
            return Err(BodyProblem::said(path, words, None));
        }
    }))
}

/// Tokens of a block that is no text; none for any other one.
fn media_tokens(path: &str, block: &BlockIn) -> Result<Option<u32>, BodyProblem> {
    let kinds = [
        ("image", &block.image),
        ("document", &block.document),
        ("audio", &block.audio),
        ("video", &block.video),
    ];
    for (kind, given) in kinds {
        let Some(Obj(medium)) = given else { continue };
        let path = format!("{path}.{kind}");
        let MediumIn { format, name, source } = medium;
        let allowed = match kind {
            "image" => Some(FORMATS_OF_IMAGES),
            "document" => Some(FORMATS_OF_DOCUMENTS),
            _ => None,
        };
        match (format, allowed) {
            (Some(found), Some(allowed)) if !allowed.contains(&found.as_str()) => {
                let problem = Problem::NotOneOf { found: found.clone(), allowed };
                return Err(BodyProblem::new(format!("{path}.format"), problem));
            }
            (None, _) if kind != "document" => {
                return Err(BodyProblem::missing(format!("{path}.format")));
            }
            _ => {}
        }
        if kind == "document" && name.is_none() {
            return Err(BodyProblem::missing(format!("{path}.name")));
        }
        let Some(Obj(source)) = source else {
            return Err(BodyProblem::missing(format!("{path}.source")));
        };
        let texts = source.content.iter().flatten().filter_map(|Obj(text)| text.text.as_deref());
        let text: u32 = texts.chain(source.text.as_deref()).map(media::text_tokens).sum();
        let bytes = source.bytes.as_deref().map(media::decoded);
        let bytes = bytes.unwrap_or(Some(Vec::new())).ok_or_else(|| {
            let words = format!("The value at {path}.source.bytes is not valid base64.");
            BodyProblem::said(format!("{path}.source.bytes"), words, None)
        })?;
        return Ok(Some(match kind {
            "image" => media::claude_image(media::size(&bytes)),
            "document" if text > 0 => text,
            "document" => media::claude_document(&bytes),
            _ => media::sound(&bytes, media::GEMINI_TOKENS_PER_SECOND),
        }));
    }
    Ok(None)
}

/// Whether a text is the id of a tool call.
fn is_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.:-".contains(&b);
    !id.is_empty() && id.len() <= 64 && id.bytes().all(plain)
}

fn id_of(id: Option<String>, path: &str) -> Result<String, BodyProblem> {
    let id = id.ok_or_else(|| BodyProblem::missing(path))?;
    if is_id(&id) {
        return Ok(id);
    }
    let words = format!(
        "1 validation error detected: Value '{id}' at '{path}' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.:-]{{1,64}}"
    );
    Err(BodyProblem::said(path, words, None))
}

fn called(call: CallIn, path: &str) -> Result<ToolUse, BodyProblem> {
    let path = |field: &str| format!("{path}.toolUse.{field}");
    Ok(ToolUse {
        id: id_of(call.tool_use_id, &path("toolUseId"))?,
        name: call.name.ok_or_else(|| BodyProblem::missing(path("name")))?,
        input: call.input.ok_or_else(|| BodyProblem::missing(path("input")))?.into_text(),
    })
}

fn answered(result: ResultIn, path: &str, media: &mut u32) -> Result<ToolResult, BodyProblem> {
    let path = |field: &str| format!("{path}.toolResult.{field}");
    let id = id_of(result.tool_use_id, &path("toolUseId"))?;
    let content = result.content.ok_or_else(|| BodyProblem::missing(path("content")))?;
    let mut texts = Vec::with_capacity(content.len());
    for (k, Obj(block)) in content.into_iter().enumerate() {
        let path = format!("{}.{k}", path("content"));
        if let Some(tokens) = media_tokens(&path, &block)? {
            *media = media.saturating_add(tokens);
            continue;
        }
        let text = block.text.or(block.json.map(|RawObject(text)| text));
        if !block.search_result.0 {
            texts.push(text.ok_or_else(|| BodyProblem::missing(format!("{path}.text")))?);
        }
    }
    let is_error = match result.status.as_deref() {
        None | Some("success") => false,
        Some("error") => true,
        Some(other) => {
            let problem =
                Problem::NotOneOf { found: other.to_owned(), allowed: &["success", "error"] };
            return Err(BodyProblem::new(path("status"), problem));
        }
    };
    Ok(ToolResult { id, content: texts.join("\n"), is_error })
}
