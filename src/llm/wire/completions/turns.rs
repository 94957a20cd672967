//! The conversation of a request: roles in an order that the service takes, and tool calls that
//! must be answered.
//!
//! Mistral's order is that of its own `mistral-common` validator; OpenAI takes nearly any.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Dialect;
use crate::llm::chat::{Message, Part, Role, ToolResult, ToolUse};
use crate::llm::wire::body::{Fault, Obj, Present, Problem, TextOrList};
use crate::llm::wire::raw::Arguments;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MessageIn {
    role: Option<String>,
    content: Option<TextOrList<Obj<PartIn>>>,
    refusal: Option<String>,
    tool_calls: Option<Vec<Obj<CallIn>>>,
    tool_call_id: Option<String>,
    prefix: Option<bool>,
    function_call: Present,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PartIn {
    r#type: Option<String>,
    text: Option<String>,
    refusal: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CallIn {
    id: Option<String>,
    r#type: Option<String>,
    function: Option<Obj<FunctionIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FunctionIn {
    name: Option<String>,
    arguments: Option<Arguments>,
}

/// A role of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    System,
    User,
    Assistant,
    Tool,
}

impl Turn {
    fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    fn named(dialect: Dialect, i: usize, word: String) -> Result<Self, Fault> {
        let allowed: &'static [&'static str] = match dialect {
            Dialect::OpenAi => &["system", "assistant", "user", "function", "tool", "developer"],
            Dialect::Mistral => &["system", "user", "assistant", "tool"],
        };
        Ok(match word.as_str() {
            "system" => Self::System,
            "developer" if dialect == Dialect::OpenAi => Self::System,
            "user" => Self::User,
            "assistant" => Self::Assistant,
            "tool" => Self::Tool,
            "function" if dialect == Dialect::OpenAi => {
                let words = "messages with role 'function' are deprecated and not played here: use role 'tool' instead";
                return Err(Fault::said(
                    format!("messages.{i}.role"),
                    words,
                    Some("unsupported_value"),
                ));
            }
            _ => {
                return Err(Fault::new(
                    format!("messages.{i}.role"),
                    Problem::NotOneOf { found: word, allowed },
                ));
            }
        })
    }

    /// Whether Mistral takes this turn after `before`.
    fn may_follow(self, before: Self) -> bool {
        match before {
            Self::System | Self::User => self != Self::Tool,
            Self::Assistant => self != Self::System,
            Self::Tool => matches!(self, Self::Assistant | Self::Tool),
        }
    }
}

/// Mistral's code for messages in an order that it does not take.
const ORDER: Option<&str> = Some("3230");
/// Mistral's code for a call that is none.
const CALL: Option<&str> = Some("3280");

/// Reads the messages, and the system prompt that is among them.
pub(super) fn messages(
    dialect: Dialect,
    all: Vec<Obj<MessageIn>>,
) -> Result<(Vec<Message>, Option<String>), Fault> {
    if all.is_empty() {
        return Err(match dialect {
            Dialect::OpenAi => Fault::new("messages", Problem::Empty),
            Dialect::Mistral => {
                Fault::said("messages", "Conversation must have at least one message", ORDER)
            }
        });
    }
    let last = all.len() - 1;
    let mut messages: Vec<Message> = Vec::with_capacity(all.len());
    let mut system: Option<String> = None;
    let mut calls = Calls { dialect, asked_in: 0, open: BTreeSet::new() };
    let mut before = None;
    for (i, Obj(mut message)) in all.into_iter().enumerate() {
        let turn = Turn::named(
            dialect,
            i,
            message.role.take().ok_or_else(|| Fault::missing(format!("messages.{i}.role")))?,
        )?;
        if dialect == Dialect::Mistral {
            check_order(i, turn, before, i == last, message.prefix.unwrap_or_default())?;
        }
        if turn != Turn::Tool {
            calls.close()?;
        }
        let need_content = |content: Option<TextOrList<Obj<PartIn>>>| {
            content.ok_or_else(|| Fault::missing(format!("messages.{i}.content")))
        };
        match turn {
            Turn::System => {
                let text = texts(i, need_content(message.content)?)?.join("\n");
                match &mut system {
                    Some(all) => {
                        all.push_str("\n\n");
                        all.push_str(&text);
                    }
                    None => system = Some(text),
                }
            }
            Turn::User => {
                let content =
                    texts(i, need_content(message.content)?)?.into_iter().map(Part::Text).collect();
                messages.push(Message { role: Role::User, content });
            }
            Turn::Assistant => {
                let content = assistant(dialect, i, message)?;
                calls.open(i, &content);
                messages.push(Message { role: Role::Assistant, content });
            }
            Turn::Tool => {
                let id = message
                    .tool_call_id
                    .ok_or_else(|| Fault::missing(format!("messages.{i}.tool_call_id")))?;
                calls.answer(i, &id)?;
                let content = texts(i, need_content(message.content)?)?.join("\n");
                let part = Part::ToolResult(ToolResult { id, content, is_error: false });
                // Results in a row are one turn of the user.
                match messages.last_mut() {
                    Some(turn) if before == Some(Turn::Tool) => turn.content.push(part),
                    _ => messages.push(Message { role: Role::User, content: vec![part] }),
                }
            }
        }
        before = Some(turn);
    }
    calls.close()?;
    Ok((messages, system))
}

fn check_order(
    i: usize,
    turn: Turn,
    before: Option<Turn>,
    is_last: bool,
    prefix: bool,
) -> Result<(), Fault> {
    let refuse = |words: String| Err(Fault::said(format!("messages.{i}.role"), words, ORDER));
    match before {
        None if matches!(turn, Turn::Assistant | Turn::Tool) && is_last => {
            return refuse(
                "Conversation must start with a user message or system message".to_owned(),
            );
        }
        Some(before) if !turn.may_follow(before) => {
            return refuse(format!(
                "Unexpected role '{}' after role '{}'",
                turn.word(),
                before.word()
            ));
        }
        _ => {}
    }
    if is_last && turn == Turn::Assistant && !prefix {
        return refuse("Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant".to_owned());
    }
    Ok(())
}

/// The texts of a message's content.
fn texts(i: usize, content: TextOrList<Obj<PartIn>>) -> Result<Vec<String>, Fault> {
    let parts = match content {
        TextOrList::Text(text) => return Ok(vec![text]),
        TextOrList::List(parts) => parts,
    };
    let mut all = Vec::with_capacity(parts.len());
    for (j, Obj(part)) in parts.into_iter().enumerate() {
        let path = |field: &str| format!("messages.{i}.content.{j}.{field}");
        match part.r#type.as_deref() {
            Some("text") => all.push(part.text.ok_or_else(|| Fault::missing(path("text")))?),
            Some("refusal") => {
                all.push(part.refusal.ok_or_else(|| Fault::missing(path("refusal")))?)
            }
            // A reasoning model's own notes, handed back to it: nothing here reads them.
            Some("thinking") => {}
            Some(other) => {
                let words =
                    format!("content parts of type '{other}' are not played here, only 'text' is");
                return Err(Fault::said(path("type"), words, Some("invalid_value")));
            }
            None => return Err(Fault::missing(path("type"))),
        }
    }
    Ok(all)
}

fn assistant(dialect: Dialect, i: usize, message: MessageIn) -> Result<Vec<Part>, Fault> {
    if message.function_call.0 && dialect == Dialect::OpenAi {
        let words = "'function_call' is deprecated and not played here: use 'tool_calls' instead";
        return Err(Fault::said(
            format!("messages.{i}.function_call"),
            words,
            Some("unsupported_parameter"),
        ));
    }
    let spoke = message.content.is_some() || message.refusal.is_some();
    let mut parts: Vec<Part> = message
        .content
        .map_or(Ok(Vec::new()), |content| texts(i, content))?
        .into_iter()
        .map(Part::Text)
        .collect();
    parts.extend(message.refusal.map(Part::Text));
    let calls = message.tool_calls.unwrap_or_default();
    if !calls.is_empty() || dialect == Dialect::Mistral {
        // With calls, an empty text is the wire's way of saying nothing.
        parts.retain(|part| *part != Part::Text(String::new()));
    }
    if calls.is_empty() && (parts.is_empty() || !spoke) {
        return Err(match dialect {
            Dialect::OpenAi => Fault::said(
                format!("messages.{i}.content"),
                "Invalid value for 'content': expected a string, got null.",
                Some("invalid_value"),
            ),
            Dialect::Mistral => Fault::said(
                format!("messages.{i}"),
                "Assistant message must have either content or tool_calls.",
                Some("3240"),
            ),
        });
    }
    for (j, Obj(call)) in calls.into_iter().enumerate() {
        let path = |field: &str| format!("messages.{i}.tool_calls.{j}.{field}");
        if let Some(other) = call.r#type.filter(|kind| kind != "function") {
            return Err(Fault::new(
                path("type"),
                Problem::NotOneOf { found: other, allowed: &["function"] },
            ));
        }
        let id = match call.id {
            Some(id) => id,
            None if dialect == Dialect::Mistral => {
                return Err(Fault::said(
                    path("id"),
                    "Tool call id has to be defined in serving mode.",
                    CALL,
                ));
            }
            None => return Err(Fault::missing(path("id"))),
        };
        if dialect == Dialect::Mistral {
            check_id(&path("id"), &id)?;
        }
        let Obj(function) = call.function.ok_or_else(|| Fault::missing(path("function")))?;
        let input =
            match function.arguments.ok_or_else(|| Fault::missing(path("function.arguments")))? {
                Arguments::Text(text) => text,
                Arguments::Object(text) if dialect == Dialect::Mistral => text,
                Arguments::Object(_) => {
                    use crate::llm::wire::body::Kind;
                    return Err(Fault::new(
                        path("function.arguments"),
                        Problem::Type { expected: Kind::Text, found: Kind::Object },
                    ));
                }
            };
        parts.push(Part::ToolUse(ToolUse {
            id,
            name: function.name.ok_or_else(|| Fault::missing(path("function.name")))?,
            input,
        }));
    }
    Ok(parts)
}

/// Mistral takes nine letters or digits for the id of a call, and nothing else.
fn check_id(path: &str, id: &str) -> Result<(), Fault> {
    if id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(Fault::said(
        path,
        format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9."),
        CALL,
    ))
}

/// Tool calls that wait for their results.
struct Calls {
    dialect: Dialect,
    asked_in: usize,
    open: BTreeSet<String>,
}

impl Calls {
    fn open(&mut self, i: usize, content: &[Part]) {
        self.asked_in = i;
        self.open.extend(content.iter().filter_map(|part| {
            if let Part::ToolUse(call) = part { Some(call.id.clone()) } else { None }
        }));
    }

    fn answer(&mut self, i: usize, id: &str) -> Result<(), Fault> {
        if self.dialect == Dialect::Mistral {
            check_id(&format!("messages.{i}.tool_call_id"), id)?;
        }
        if self.open.remove(id) {
            return Ok(());
        }
        Err(match self.dialect {
            Dialect::OpenAi => Fault::said(
                format!("messages.{i}.role"),
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
                None,
            ),
            Dialect::Mistral => Fault::said(
                format!("messages.{i}.tool_call_id"),
                format!("Unexpected tool call id {id} in tool results"),
                ORDER,
            ),
        })
    }

    fn close(&self) -> Result<(), Fault> {
        if self.open.is_empty() {
            return Ok(());
        }
        let words = match self.dialect {
            Dialect::OpenAi => format!(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following \
                 tool_call_ids did not have response messages: {}",
                self.open.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
            ),
            Dialect::Mistral => "Not the same number of function calls and responses".to_owned(),
        };
        Err(Fault::said(
            format!("messages.{}.role", self.asked_in),
            words,
            if self.dialect == Dialect::Mistral { ORDER } else { None },
        ))
    }
}
