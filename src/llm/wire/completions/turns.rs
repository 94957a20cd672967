//! The conversation of a request: roles in an order that the service takes, and tool calls that
//! must be answered.
//!
//! What a service asks of them is in its [`TurnRules`].

use std::collections::BTreeSet;

use super::dialect::{TurnPlace, TurnRules, WireRole};
use super::sent::{MessageIn, SentPart};
use crate::llm::chat::{ContentPart, Message, Role, ToolResult, ToolUse};
use crate::llm::wire::body::{BodyProblem, Obj, Problem, TextOrList, TextOrObject};
use crate::llm::wire::media::{self, SentMedium};
use crate::llm::wire::raw::Arguments;

/// The role that a word names.
fn named(
    allowed: &'static [&'static str],
    i: usize,
    word: String,
) -> Result<WireRole, BodyProblem> {
    Ok(match word.as_str() {
        "system" => WireRole::System,
        "developer" if allowed.contains(&"developer") => WireRole::System,
        "user" => WireRole::User,
        "assistant" => WireRole::Assistant,
        "tool" => WireRole::Tool,
        "function" if allowed.contains(&"function") => {
            let words = "messages with role 'function' are deprecated and not played here: use role 'tool' instead";
            return Err(BodyProblem::said(
                format!("messages.{i}.role"),
                words,
                Some("unsupported_value"),
            ));
        }
        _ => {
            return Err(BodyProblem::new(
                format!("messages.{i}.role"),
                Problem::NotOneOf { found: word, allowed },
            ));
        }
    })
}

/// What the messages of a request say.
pub(super) struct TurnsRead {
    pub(super) messages: Vec<Message>,
    /// The system prompt that is among them.
    pub(super) system: Option<String>,
    /// Tokens of images, documents and sounds.
    pub(super) media_tokens: u32,
}

/// Reads the messages to this model.
pub(super) fn messages(
    rules: &TurnRules,
    model: &str,
    all: Vec<Obj<MessageIn>>,
) -> Result<TurnsRead, BodyProblem> {
    if all.is_empty() {
        return Err((rules.empty)());
    }
    let last = all.len() - 1;
    let mut messages: Vec<Message> = Vec::with_capacity(all.len());
    let mut system: Option<String> = None;
    let mut calls = Calls { rules, asked_in: 0, open: BTreeSet::new() };
    let (mut before, mut media_tokens) = (None, 0_u32);
    for (i, Obj(mut message)) in all.into_iter().enumerate() {
        let turn = named(
            rules.roles,
            i,
            message
                .role
                .take()
                .ok_or_else(|| BodyProblem::missing(format!("messages.{i}.role")))?,
        )?;
        let prefix = message.prefix.unwrap_or_default();
        (rules.check_order)(TurnPlace { i, turn, before, is_last: i == last, prefix })?;
        if turn != WireRole::Tool {
            calls.close()?;
        }
        let need_content = |content: Option<TextOrList<Obj<SentPart>>>| {
            content.ok_or_else(|| BodyProblem::missing(format!("messages.{i}.content")))
        };
        match turn {
            WireRole::System => {
                let text = texts(i, need_content(message.content)?)?.join("\n");
                match &mut system {
                    Some(all) => {
                        all.push_str("\n\n");
                        all.push_str(&text);
                    }
                    None => system = Some(text),
                }
            }
            WireRole::User => {
                let content = need_content(message.content)?;
                let (texts, tokens) = said(rules, model, i, content)?;
                media_tokens = media_tokens.saturating_add(tokens);
                let content = texts.into_iter().map(ContentPart::Text).collect();
                messages.push(Message { role: Role::User, content });
            }
            WireRole::Assistant => {
                let content = assistant(rules, i, message)?;
                calls.open(i, &content);
                messages.push(Message { role: Role::Assistant, content });
            }
            WireRole::Tool => {
                let id = message
                    .tool_call_id
                    .ok_or_else(|| BodyProblem::missing(format!("messages.{i}.tool_call_id")))?;
                calls.answer(i, &id)?;
                let content = texts(i, need_content(message.content)?)?.join("\n");
                let part = ContentPart::ToolResult(ToolResult { id, content, is_error: false });
                // Results in a row are one turn of the user.
                match messages.last_mut() {
                    Some(turn) if before == Some(WireRole::Tool) => turn.content.push(part),
                    _ => messages.push(Message { role: Role::User, content: vec![part] }),
                }
            }
        }
        before = Some(turn);
    }
    calls.close()?;
    Ok(TurnsRead { messages, system, media_tokens })
}

/// The texts of what a user says, and the tokens of what is no text.
fn said(
    rules: &TurnRules,
    model: &str,
    i: usize,
    content: TextOrList<Obj<SentPart>>,
) -> Result<(Vec<String>, u32), BodyProblem> {
    let TextOrList::List(mut parts) = content else { return Ok((texts(i, content)?, 0)) };
    let mut tokens = 0_u32;
    for (j, Obj(part)) in parts.iter_mut().enumerate() {
        let Some(medium) = medium(&format!("messages.{i}.content.{j}"), part)? else { continue };
        let counted = (rules.media)(model, &medium);
        tokens = tokens.saturating_add(counted.map_err(|words| {
            let path = format!("messages.{i}.content.{j}.type");
            BodyProblem::said(path, words, Some("invalid_value"))
        })?);
    }
    // Where it stood, nothing is said.
    parts.retain(|Obj(part)| !part.r#type.as_deref().is_some_and(is_medium));
    if parts.is_empty() && tokens > 0 {
        return Ok((Vec::new(), tokens));
    }
    Ok((texts(i, TextOrList::List(parts))?, tokens))
}

/// The types of parts that are no text.
const MEDIA: [&str; 4] = ["image_url", "input_audio", "file", "document_url"];

fn is_medium(kind: &str) -> bool {
    MEDIA.contains(&kind)
}

/// What a part holds, if that is no text.
fn medium(path: &str, part: &mut SentPart) -> Result<Option<SentMedium>, BodyProblem> {
    let Some(kind) = part.r#type.as_deref().filter(|kind| is_medium(kind)) else { return Ok(None) };
    let path = |field: &str| format!("{path}.{field}");
    let need = |field: &str| BodyProblem::missing(path(field));
    // What has an address is somewhere else, and of the usual size.
    let bytes = |field: &str, text: &str| match text {
        text if text.starts_with("http://") || text.starts_with("https://") => Ok(Vec::new()),
        text => media::decoded(text).ok_or_else(|| {
            let words = format!("Invalid base64 {field}.");
            BodyProblem::said(path(field), words, Some("invalid_base64"))
        }),
    };
    Ok(Some(match kind {
        "image_url" => {
            let (url, detail) = match part.image_url.take().ok_or_else(|| need("image_url"))? {
                TextOrObject::Text(url) => (url, None),
                TextOrObject::Object(image) => {
                    (image.url.ok_or_else(|| need("image_url.url"))?, image.detail)
                }
            };
            let size = media::size(&bytes("image_url", &url)?);
            SentMedium::Image(size, detail.as_deref() == Some("low"))
        }
        "input_audio" => {
            let data = match part.input_audio.take().ok_or_else(|| need("input_audio"))? {
                TextOrObject::Text(data) => data,
                TextOrObject::Object(sound) => {
                    sound.data.ok_or_else(|| need("input_audio.data"))?
                }
            };
            SentMedium::Sound(bytes("input_audio", &data)?)
        }
        "document_url" => {
            let url = part.document_url.take().ok_or_else(|| need("document_url"))?;
            SentMedium::Document(bytes("document_url", &url)?)
        }
        _ => {
            let Obj(file) = part.file.take().ok_or_else(|| need("file"))?;
            match (file.file_data, file.file_id) {
                (Some(data), _) => SentMedium::Document(bytes("file", &data)?),
                (None, Some(_)) => SentMedium::Document(Vec::new()),
                (None, None) => return Err(need("file.file_data")),
            }
        }
    }))
}

/// The texts of a message's content.
fn texts(i: usize, content: TextOrList<Obj<SentPart>>) -> Result<Vec<String>, BodyProblem> {
    let parts = match content {
        TextOrList::Text(text) => return Ok(vec![text]),
        TextOrList::List(parts) => parts,
    };
    let mut all = Vec::with_capacity(parts.len());
    for (j, Obj(part)) in parts.into_iter().enumerate() {
        let path = |field: &str| format!("messages.{i}.content.{j}.{field}");
        match part.r#type.as_deref() {
            Some("text") => all.push(part.text.ok_or_else(|| BodyProblem::missing(path("text")))?),
            Some("refusal") => {
                all.push(part.refusal.ok_or_else(|| BodyProblem::missing(path("refusal")))?)
            }
            // A reasoning model's own notes, handed back to it: nothing here reads them.
            Some("thinking") => {}
            Some(other) => {
                let words = format!(
                    "content parts of type '{other}' are not played here, only text, and in a user's message images, files and sounds"
                );
                return Err(BodyProblem::said(path("type"), words, Some("invalid_value")));
            }
            None => return Err(BodyProblem::missing(path("type"))),
        }
    }
    Ok(all)
}

fn assistant(
    rules: &TurnRules,
    i: usize,
    message: MessageIn,
) -> Result<Vec<ContentPart>, BodyProblem> {
    if message.function_call.0 && rules.refuses_function_call {
        let words = "'function_call' is deprecated and not played here: use 'tool_calls' instead";
        return Err(BodyProblem::said(
            format!("messages.{i}.function_call"),
            words,
            Some("unsupported_parameter"),
        ));
    }
    let spoke = message.content.is_some() || message.refusal.is_some();
    let mut parts: Vec<ContentPart> = message
        .content
        .map_or(Ok(Vec::new()), |content| texts(i, content))?
        .into_iter()
        .map(ContentPart::Text)
        .collect();
    parts.extend(message.refusal.map(ContentPart::Text));
    let calls = message.tool_calls.unwrap_or_default();
    if !calls.is_empty() || rules.empty_text_is_silence {
        // With calls, an empty text is the wire's way of saying nothing.
        parts.retain(|part| *part != ContentPart::Text(String::new()));
    }
    if calls.is_empty() && (parts.is_empty() || !spoke) {
        return Err((rules.silent)(i));
    }
    for (j, Obj(call)) in calls.into_iter().enumerate() {
        let path = |field: &str| format!("messages.{i}.tool_calls.{j}.{field}");
        if let Some(other) = call.r#type.filter(|kind| kind != "function") {
            return Err(BodyProblem::new(
                path("type"),
                Problem::NotOneOf { found: other, allowed: &["function"] },
            ));
        }
        let id = call.id.ok_or_else(|| (rules.without_id)(path("id")))?;
        (rules.check_id)(&path("id"), &id)?;
        let Obj(function) = call.function.ok_or_else(|| BodyProblem::missing(path("function")))?;
        let input = match function
            .arguments
            .ok_or_else(|| BodyProblem::missing(path("function.arguments")))?
        {
            Arguments::Text(text) => text,
            Arguments::Object(text) if rules.object_arguments => text,
            Arguments::Object(_) => {
                use crate::llm::wire::body::JsonKind;
                return Err(BodyProblem::new(
                    path("function.arguments"),
                    Problem::Type { expected: JsonKind::Text, found: JsonKind::Object },
                ));
            }
        };
        parts.push(ContentPart::ToolUse(ToolUse {
            id,
            name: function.name.ok_or_else(|| BodyProblem::missing(path("function.name")))?,
            input,
        }));
    }
    Ok(parts)
}

/// Tool calls that wait for their results.
struct Calls<'r> {
    rules: &'r TurnRules,
    asked_in: usize,
    open: BTreeSet<String>,
}

impl Calls<'_> {
    fn open(&mut self, i: usize, content: &[ContentPart]) {
        self.asked_in = i;
        self.open.extend(content.iter().filter_map(|part| {
            if let ContentPart::ToolUse(call) = part { Some(call.id.clone()) } else { None }
        }));
    }

    fn answer(&mut self, i: usize, id: &str) -> Result<(), BodyProblem> {
        (self.rules.check_id)(&format!("messages.{i}.tool_call_id"), id)?;
        if self.open.remove(id) {
            return Ok(());
        }
        Err((self.rules.unexpected_result)(i, id))
    }

    fn close(&self) -> Result<(), BodyProblem> {
        if self.open.is_empty() {
            return Ok(());
        }
        Err((self.rules.without_results)(self.asked_in, &self.open))
    }
}
