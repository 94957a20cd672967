//! The words for a value of the wrong kind: what was expected, what is there instead, and what to
//! write.

use super::tree::{Kind, Node};
use crate::quantity::{Lift, Money, Price, Share};
use crate::time::Duration;

use serde_json::Value;

/// Most characters of a value that a message repeats.
const MAX_SHOWN: usize = 40;
/// Most names that a message lists.
const MAX_NAMES: usize = 12;

/// What a place of the file takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// A text in quotes.
    Text,
    /// A length of time.
    Duration,
    /// A part of a whole.
    Share,
    /// An amount of money.
    Money,
    /// Dollars per million tokens.
    Price,
    /// A difference.
    Lift,
    /// Any number.
    Number,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Bool,
    /// A list.
    List,
    /// So many values in parentheses.
    Tuple(usize),
    /// A map.
    Map,
    /// A block of fields.
    Block,
    /// One of these names.
    Choice(Vec<String>),
}

impl Expected {
    /// What a schema takes that is no choice; `name` is that of its definition.
    pub fn of(schema: &Value, name: &str) -> Self {
        let has = |key: &str| schema.get(key).is_some();
        match (schema.get("type").and_then(Value::as_str).unwrap_or_default(), name) {
            ("string", "Duration") => Self::Duration,
            ("string", "Share") => Self::Share,
            ("string", "Money") => Self::Money,
            ("string", "Price") => Self::Price,
            ("string", "Lift") => Self::Lift,
            ("integer", _) => Self::Whole,
            ("number", _) => Self::Number,
            ("boolean", _) => Self::Bool,
            ("array", _) => Self::List,
            ("object", _) if has("properties") => Self::Block,
            ("object", _) => Self::Map,
            _ => Self::Text,
        }
    }

    /// The thing with its article: "a number".
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Duration => "a duration",
            Self::Share => "a share",
            Self::Money => "an amount of money",
            Self::Price => "a price",
            Self::Lift => "a lift",
            Self::Number => "a number",
            Self::Whole => "a whole number",
            Self::Bool => "`true` or `false`",
            Self::List => "a list",
            Self::Tuple(2) => "a pair",
            Self::Tuple(_) => "a tuple",
            Self::Map => "a map",
            Self::Block => "a block",
            Self::Choice(_) => "one of these names",
        }
    }

    /// The same with how it is written: "a share in quotes".
    pub fn phrase(&self) -> String {
        match self {
            Self::Text | Self::Duration | Self::Share | Self::Money | Self::Price | Self::Lift => {
                format!("{} in quotes", self.noun())
            }
            Self::List => "a list in brackets".to_owned(),
            Self::Tuple(2) => "a pair in parentheses".to_owned(),
            Self::Tuple(n) => format!("{n} values in parentheses"),
            Self::Map => "a map in braces".to_owned(),
            Self::Block => "a block in parentheses".to_owned(),
            Self::Choice(names) => {
                let shown: Vec<&str> = names.iter().take(MAX_NAMES).map(String::as_str).collect();
                let more = if names.len() > MAX_NAMES { ", …" } else { "" };
                format!("one of the names {}{more}", shown.join(", "))
            }
            Self::Number | Self::Whole | Self::Bool => self.noun().to_owned(),
        }
    }

    /// Why a text has not the form that its unit asks for.
    pub fn complaint(&self, written: &str) -> Option<String> {
        let text: String = ron::from_str(written).ok()?;
        match self {
            Self::Duration => text.parse::<Duration>().err(),
            Self::Share => text.parse::<Share>().err(),
            Self::Money => text.parse::<Money>().err(),
            Self::Price => text.parse::<Price>().err(),
            Self::Lift => text.parse::<Lift>().err().map(|why| format!("{why}, found \"{text}\"")),
            _ => None,
        }
    }

    /// What to write in place of what is there.
    pub fn help(&self, node: &Node, written: &str) -> Option<String> {
        let text =
            || if node.kind == Kind::Text { ron::from_str::<String>(written).ok() } else { None };
        let number = || {
            if node.kind == Kind::Number {
                written.replace('_', "").parse::<f64>().ok()
            } else {
                None
            }
        };
        let shown = short(written);
        let write = |what: String| Some(format!("write {what}"));
        match self {
            Self::Number | Self::Whole if node.kind == Kind::Number => match number() {
                Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
                    write(format!("{value}"))
                }
                Some(value) if value.is_finite() => {
                    write(format!("{} or {}", value.floor(), value.ceil()))
                }
                _ => write("digits, such as 200".to_owned()),
            },
            Self::Number | Self::Whole => match text().as_deref().and_then(number_in) {
                Some(value) if *self == Self::Number || value.fract() == 0.0 => {
                    write(format!("{value}"))
                }
                _ => write(
                    if *self == Self::Number {
                        "a number without quotes, such as 0.15"
                    } else {
                        "a number without quotes, such as 200"
                    }
                    .to_owned(),
                ),
            },
            Self::Duration => match number() {
                Some(value) => {
                    write(format!("\"{value}s\" for seconds or \"{value}ms\" for milliseconds"))
                }
                None => write("a duration such as \"30s\", \"250ms\" or \"20min\"".to_owned()),
            },
            Self::Share => match number() {
                Some(value) if (0.0..=1.0).contains(&value) => {
                    write(format!("\"{}%\"", value * 100.0))
                }
                Some(value) => write(format!("\"{value}%\"")),
                None => write("a share such as \"50%\" or \"12.5%\"".to_owned()),
            },
            Self::Money | Self::Price => match number() {
                Some(value) => write(format!("\"${value}\"")),
                None => write("dollars such as \"$0.10\" or \"$2.50\"".to_owned()),
            },
            Self::Lift => match number() {
                Some(value) => write(format!(
                    "\"{value}pt\" for percentage points or \"{value}%\" for a relative lift"
                )),
                None => write("a lift such as \"+3pt\" or \"+5%\"".to_owned()),
            },
            Self::Text if matches!(node.kind, Kind::Number | Kind::Bool | Kind::Name) => {
                write(format!("\"{shown}\""))
            }
            Self::Text => write("a text in quotes: \"…\"".to_owned()),
            Self::Bool => match text().as_deref().unwrap_or(written).to_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => write("`true` without quotes".to_owned()),
                "false" | "no" | "off" | "0" => write("`false` without quotes".to_owned()),
                _ => write("`true` or `false` without quotes".to_owned()),
            },
            Self::List if matches!(node.kind, Kind::Text | Kind::Number) => {
                write(format!("[{shown}]"))
            }
            Self::List => Some("lists stand in brackets: [ …, … ]".to_owned()),
            Self::Tuple(n) => write(format!("({})", vec!["…"; *n].join(", "))),
            Self::Map => Some("maps stand in braces: { \"key\": …, … }".to_owned()),
            Self::Block => Some("blocks stand in parentheses: ( field: value, … )".to_owned()),
            Self::Choice(names) => {
                let meant = text().and_then(|text| {
                    names.iter().find(|name| name.eq_ignore_ascii_case(text.trim())).cloned()
                });
                match meant {
                    Some(name) => write(format!("{name} without quotes")),
                    None => write("the name without quotes".to_owned()),
                }
            }
        }
    }
}

/// The number that a text holds: "15%" is 0.15, "1,000" is 1000.
fn number_in(text: &str) -> Option<f64> {
    let plain: String =
        text.trim().trim_start_matches('$').chars().filter(|c| !", _".contains(*c)).collect();
    let (digits, scale) =
        plain.strip_suffix('%').map_or((plain.as_str(), 1.0), |digits| (digits, 100.0));
    digits.parse::<f64>().ok().filter(|value| value.is_finite()).map(|value| value / scale)
}

/// What a value is, in a reader's words.
pub fn described(node: &Node, written: &str) -> String {
    let shown = short(written);
    match &node.kind {
        Kind::Text => format!("the text {shown}"),
        Kind::Number => format!("the number {shown}"),
        Kind::Bool => format!("`{shown}`"),
        Kind::Name | Kind::Nothing => format!("the name `{shown}`"),
        Kind::Block(None, fields) if fields.is_empty() => "empty parentheses".to_owned(),
        Kind::Block(None, _) => "a block".to_owned(),
        Kind::Tuple(None, items) => match items.len() {
            1 => "one value in parentheses".to_owned(),
            n => format!("{n} values in parentheses"),
        },
        Kind::Block(Some(_), _) | Kind::Tuple(Some(_), _) => {
            format!("`{}(…)`", short(written.split('(').next().unwrap_or_default().trim_end()))
        }
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "a map".to_owned(),
        Kind::Other => format!("`{shown}`"),
    }
}

/// The beginning of a value, on one line.
fn short(written: &str) -> String {
    let line = written.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(MAX_SHOWN).collect();
    if cut == written { cut } else { format!("{cut}…") }
}
