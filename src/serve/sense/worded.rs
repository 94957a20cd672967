//! Tools that a prompt offers in words, and calls in the words that it asks for.
//!
//! Guarantees: a prompt that offers none has none; a call that is written has arguments that the
//! tool's description takes.
//!
//! Does not know: which tool is called, or why.

use serde_json::{Map, Value, json};

use super::marks::FieldMarks;
use super::prose::TextForm;
use super::slots::properties;
use crate::llm::chat::OfferedTool;

/// Most bytes of a prompt that are searched.
const MAX_BYTES: usize = 64 << 10;
/// Most tools of a prompt.
const MAX_TOOLS: usize = 60;

/// How a prompt wants a call to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum WordedForm {
    /// Fields, one with the tool's name and one with its arguments: between marks, or else of a JSON
    /// object.
    Fields(Option<FieldMarks>, Vec<(String, Value)>),
    /// `Action:` and `Action Input:`, in JSON or not; an answer stands behind this word.
    Lines(bool, &'static str),
    /// Python, between these marks.
    Code(String, String),
}

/// Tools that are offered in words.
#[derive(Clone, Debug, PartialEq)]
pub struct WordedTools {
    /// The tools, with schemas read off their descriptions.
    pub tools: Vec<OfferedTool>,
    /// How a call is written.
    pub form: WordedForm,
}

/// The tools that a prompt offers in words, if it says how to call them. `asked` is the form of an
/// answer that it asks for, `schema` that of the request.
#[must_use]
pub fn offered(
    system: &str,
    question: &str,
    asked: Option<&TextForm>,
    schema: Option<&Value>,
) -> Option<WordedTools> {
    let whole = format!("{system}\n{question}");
    let whole = whole.get(..whole.floor_char_boundary(MAX_BYTES.min(whole.len())))?;
    let made = |tools: Vec<OfferedTool>, form: WordedForm| {
        (!tools.is_empty()).then_some(WordedTools { tools, form })
    };
    if let Some(TextForm::Code { marks, hands_over: true, .. }) = asked {
        let usual = || ("```python".to_owned(), "```".to_owned());
        let (before, behind) = marks.clone().unwrap_or_else(usual);
        let mut tools = functions(whole);
        tools.retain(|tool| tool.name != "final_answer");
        return made(tools, WordedForm::Code(before, behind));
    }
    let lines = whole.contains("Action:") && whole.contains("Action Input:");
    if lines {
        let tools = Some(named(whole)).filter(|tools| !tools.is_empty());
        let tools = tools.unwrap_or_else(|| signatures(whole));
        let end = if whole.contains("Final Answer:") { "Final Answer:" } else { "Answer:" };
        return made(tools, WordedForm::Lines(whole.contains("JSON"), end));
    }
    let object = |schema: &Value| -> Vec<(String, Value)> {
        let fields = properties(schema).into_iter().flatten();
        fields.map(|(name, schema)| (name.clone(), schema.clone())).collect()
    };
    let (marks, fields) = match (schema, asked) {
        (Some(schema), _) => (None, object(schema)),
        (None, Some(TextForm::Marked(marks, fields))) => (Some(*marks), fields.clone()),
        (None, Some(TextForm::Json { schema, .. })) => (None, object(schema)),
        _ => return None,
    };
    let tools = listed(whole);
    let takes_one = tools.iter().any(|tool| fields.iter().any(|field| names(field, &tool.name)));
    takes_one.then_some(())?;
    made(tools, WordedForm::Fields(marks, fields))
}

/// Whether a field takes the name of this tool.
fn names((_, schema): &(String, Value), tool: &str) -> bool {
    let options = schema.get("enum").and_then(Value::as_array);
    options.is_some_and(|options| options.iter().any(|option| option == tool))
}

impl WordedForm {
    /// Calls in this form; all but code have room for the first alone.
    #[must_use]
    pub fn call(&self, calls: &[(&str, Value)]) -> Option<String> {
        let (name, input) = calls.first()?;
        let thought = format!("I use {name} to answer.");
        Some(match self {
            Self::Fields(marks, fields) => {
                let value = |field: &(String, Value)| match &field.1 {
                    _ if names(field, name) => Value::from(*name),
                    schema if takes_arguments(schema) => input.clone(),
                    schema if schema.get("type") == Some(&json!("string")) => {
                        thought.as_str().into()
                    }
                    _ => Value::Null,
                };
                let values = fields.iter().map(|field| (field.0.clone(), value(field)));
                match marks {
                    Some(marks) => {
                        let text = |value: Value| match value {
                            Value::String(text) => text,
                            other => other.to_string(),
                        };
                        let values: Vec<(String, String)> =
                            values.map(|(name, value)| (name, text(value))).collect();
                        marks.written(&values)
                    }
                    None => Value::Object(values.collect()).to_string(),
                }
            }
            Self::Lines(json, _) => {
                let only = input.as_object().filter(|fields| !json && fields.len() == 1);
                let only = only.and_then(|fields| fields.values().next()).and_then(Value::as_str);
                let input = only.map_or_else(|| input.to_string(), str::to_owned);
                format!("Thought: {thought}\nAction: {name}\nAction Input: {input}")
            }
            Self::Code(before, behind) => {
                let call = |(name, input): &(&str, Value)| {
                    let fields = input.as_object().into_iter().flatten();
                    let each = fields.map(|(name, value)| format!("{name}={}", python(value)));
                    format!("{name}({})", each.collect::<Vec<_>>().join(", "))
                };
                let each: Vec<String> = calls.iter().map(call).collect();
                let code = match each.as_slice() {
                    [one] => format!("result = {one}\nprint(result)\nfinal_answer(result)"),
                    all => format!(
                        "results = [{}]\nfinal_answer(\"\\n\".join(str(result) for result in results))",
                        all.join(", ")
                    ),
                };
                format!("Thought: {thought}\n{before}\n{code}\n{behind}")
            }
        })
    }

    /// An answer in this form, where the prompt has no other one for it.
    #[must_use]
    pub fn answer(&self, words: &str) -> Option<String> {
        match self {
            Self::Lines(_, end) => Some(format!("Thought: I can answer.\n{end} {words}")),
            Self::Fields(..) | Self::Code(..) => None,
        }
    }
}

/// Whether a field takes arguments, whichever they are.
fn takes_arguments(schema: &Value) -> bool {
    schema.get("type") == Some(&json!("object")) && schema.get("properties").is_none()
}

/// A value as Python writes it.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let one = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), python(value))
            };
            format!("{{{}}}", fields.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn tool(name: &str, description: &str, schema: &Value) -> OfferedTool {
    OfferedTool {
        name: name.to_owned(),
        description: description.split_whitespace().collect::<Vec<_>>().join(" "),
        schema: schema.to_string(),
    }
}

/// A name of a tool at the beginning of a text.
fn name_at(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    let name = text.get(..end.unwrap_or(text.len()))?;
    name.starts_with(|c: char| c.is_alphabetic() || c == '_').then_some(name)
}

/// Tools in a list, each in a line that ends in an object with its arguments:
/// `(1) get_weather, whose description is …. It takes arguments {'city': {'type': 'string'}}.`
fn listed(whole: &str) -> Vec<OfferedTool> {
    let one = |line: &str| {
        let line = line.trim_start();
        let bare = line.trim_start_matches(['(', '-', '*', '>', '#']);
        let bare = bare.trim_start_matches(|c: char| c.is_ascii_digit());
        let bare = bare.trim_start_matches([')', '.', ':', ' ', '`']);
        if bare.len() == line.len() {
            return None;
        }
        let name = name_at(bare)?;
        let marks = ["arguments", "parameters", "inputs", "Arguments", "Parameters", "Args"];
        let at = marks.iter().filter_map(|mark| bare.rfind(mark)).max()?;
        let (before, behind) = bare.split_at_checked(at)?;
        let schema = schema_of(&literal(behind.get(behind.find('{')?..)?)?)?;
        Some(tool(name, before.get(name.len()..)?, &schema))
    };
    whole.lines().filter_map(one).take(MAX_TOOLS).collect()
}

/// Tools that are named line by line: `Tool Name:`, `Tool Description:`, `Tool Args:`.
fn named(whole: &str) -> Vec<OfferedTool> {
    let one = |part: &str| {
        let name = name_at(part.trim_start())?;
        let ends = ["Tool Args:", "Tool Arguments:", "Tool Parameters:"];
        let (at, mark) = ends.iter().find_map(|mark| Some((part.find(mark)?, mark)))?;
        let behind = part.get(at + mark.len()..)?;
        let schema = schema_of(&literal(behind.get(behind.find('{')?..)?)?)?;
        let told = part.split_once("Tool Description:").map(|(_, told)| told).unwrap_or_default();
        let told = ends.iter().filter_map(|end| told.split_once(end)).map(|(told, _)| told).next();
        Some(tool(name, told.unwrap_or_default(), &schema))
    };
    whole.split("Tool Name:").skip(1).filter_map(one).take(MAX_TOOLS).collect()
}

/// Tools with their signatures, a line each: `get_weather(city: str) -> str - Get the weather.`, or
/// without: `get_weather: Get the weather.`. The prompt names them behind "one of".
fn signatures(whole: &str) -> Vec<OfferedTool> {
    let list = whole.split_once("one of [").and_then(|(_, list)| list.split_once(']'));
    let Some((list, _)) = list else { return Vec::new() };
    let one = |name: &str| {
        let line = whole.lines().find_map(|line| {
            let rest = line.trim_start().strip_prefix(name)?;
            rest.starts_with(['(', ':', ' ']).then_some(rest)
        })?;
        let (schema, told) = match line.strip_prefix('(') {
            Some(rest) => signature(rest)?,
            None => {
                let input = json!({ "type": "object", "properties": { "input": { "type": "string" } }, "required": ["input"] });
                (input, line)
            }
        };
        Some(tool(name, told.trim_start_matches([':', ' ', '-', '>']), &schema))
    };
    let names = list.split(',').map(|name| name.trim().trim_matches(['\'', '"']));
    names.filter_map(one).take(MAX_TOOLS).collect()
}

/// Functions in Python, with what their documentation says.
fn functions(whole: &str) -> Vec<OfferedTool> {
    let one = |part: &str| {
        let name = name_at(part)?;
        let (schema, rest) = signature(part.get(name.len()..)?.strip_prefix('(')?)?;
        let told = rest.split("\"\"\"").nth(1).unwrap_or_default();
        Some(tool(name, told.split("Args:").next().unwrap_or_default(), &schema))
    };
    let parts = whole.split("def ").skip(1).map(|part| part.split("\ndef ").next().unwrap_or(part));
    parts.filter_map(one).take(MAX_TOOLS).collect()
}

/// The schema of a function's arguments, from behind the opening bracket; and what follows them.
fn signature(text: &str) -> Option<(Value, &str)> {
    let (mut depth, mut parts, mut start) = (0_usize, Vec::new(), 0);
    let mut end = None;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                parts.push(text.get(start..at)?);
                end = Some(at + 1);
                break;
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text.get(start..at)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    let (mut fields, mut required) = (Map::new(), Vec::new());
    for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let (declared, default) =
            part.split_once('=').map_or((part, None), |(declared, value)| (declared, Some(value)));
        let (name, kind) = declared.split_once(':').unwrap_or((declared, "str"));
        let name = name.trim();
        if name != name_at(name)? {
            return None;
        }
        let mut schema = of_kind(kind.trim());
        match default.map(|value| literal(value.trim())) {
            Some(Some(value)) => drop(schema.insert("default".to_owned(), value)),
            Some(None) => {}
            None => required.push(name),
        }
        fields.insert(name.to_owned(), schema.into());
    }
    let schema = json!({ "type": "object", "properties": fields, "required": required });
    Some((schema, text.get(end?..)?))
}

/// The schema of what Python or JSON Schema calls so.
fn of_kind(kind: &str) -> Map<String, Value> {
    let bare = kind.split(['[', ' ', '|']).next().unwrap_or_default();
    let name = match bare.to_ascii_lowercase().as_str() {
        "int" | "integer" => "integer",
        "float" | "number" => "number",
        "bool" | "boolean" => "boolean",
        "list" | "array" | "tuple" | "set" => "array",
        "dict" | "object" => "object",
        _ => "string",
    };
    [("type".to_owned(), name.into())].into_iter().collect()
}

/// A schema of arguments: as it is, or from the fields alone, whose types may have Python's names.
fn schema_of(told: &Value) -> Option<Value> {
    let fields = told.as_object()?;
    if fields.get("properties").is_some_and(Value::is_object) {
        return Some(told.clone());
    }
    let mut required = Vec::new();
    let mut own = Map::new();
    for (name, field) in fields {
        let mut schema = match field {
            Value::Object(field) => field.clone(),
            Value::String(kind) => of_kind(kind),
            _ => Map::new(),
        };
        if let Some(Value::String(kind)) = schema.get("type") {
            let kind = of_kind(kind);
            schema.extend(kind);
        }
        schema.retain(|_, value| !value.is_null());
        if schema.get("default").is_none() {
            required.push(name.as_str());
        }
        own.insert(name.clone(), schema.into());
    }
    Some(json!({ "type": "object", "properties": own, "required": required }))
}

/// The value at the beginning of a text, as JSON or as Python writes it.
fn literal(text: &str) -> Option<Value> {
    let mut json = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let (mut depth, mut quote) = (0_usize, None);
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(_), '\\') => match characters.next()? {
                '\'' => json.push('\''),
                other => json.extend(['\\', other]),
            },
            (Some(own), _) if c == own => {
                quote = None;
                json.push('"');
            }
            (Some(_), '"') => json.push_str("\\\""),
            (Some(_), '\n') => json.push_str("\\n"),
            (Some(_), _) => json.push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                json.push('"');
            }
            (None, _) if c.is_alphabetic() => {
                let mut word = String::from(c);
                while let Some(next) = characters.next_if(|next| next.is_alphanumeric()) {
                    word.push(next);
                }
                json.push_str(match word.as_str() {
                    "True" => "true",
                    "False" => "false",
                    "None" => "null",
                    other => other,
                });
            }
            (None, _) => {
                depth += usize::from("{[(".contains(c));
                depth = depth.saturating_sub(usize::from("}])".contains(c)));
                json.push(c);
            }
        }
        if depth == 0 && quote.is_none() && json.ends_with(['}', ']']) {
            break;
        }
    }
    serde_json::from_str(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(tool: &OfferedTool) -> Value {
        serde_json::from_str(&tool.schema).unwrap()
    }

    #[test]
    fn values_are_read_as_python_writes_them() {
        let read = literal(
            "{'a': {'type': 'string', 'default': None}, \"it's\": [True, 1.5, 'x\"y']}. More",
        );
        assert_eq!(
            read,
            Some(
                json!({ "a": { "type": "string", "default": null }, "it's": [true, 1.5, "x\"y"] })
            )
        );
        assert_eq!(literal("{'a': <object>}"), None);
        assert_eq!(literal("{'a': "), None);
        assert_eq!(literal("3"), Some(json!(3)));
        assert_eq!(python(&json!({ "a": [null, true, "b\n"] })), "{\"a\": [None, True, \"b\\n\"]}");
    }

    #[test]
    fn tools_are_read_off_every_way_of_naming_them() {
        let city = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
        let list = listed(
            "(1) get_weather, whose description is <desc>Get it.</desc>. It takes arguments {'city': {'type': 'string'}}.\n(2) finish, whose description is <desc>Ends.</desc>. It takes arguments {}.",
        );
        assert_eq!(
            list.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(),
            ["get_weather", "finish"]
        );
        assert_eq!(schema(&list[0]), city);
        let blocks = named(
            "> Tool Name: get_weather\nTool Description: get_weather(city: str) -> str\nGet it.\n\nTool Args: {\"properties\": {\"city\": {\"type\": \"string\"}}, \"required\": [\"city\"], \"type\": \"object\"}\n",
        );
        assert_eq!((blocks.len(), schema(&blocks[0])), (1, city.clone()));
        assert_eq!(blocks[0].description, "get_weather(city: str) -> str Get it.");
        let crew = named(
            "Tool Name: get_weather\nTool Arguments: {'city': {'description': None, 'type': 'str'}}\nTool Description: Get it.",
        );
        assert_eq!(schema(&crew[0]), city);
        let lines = signatures(
            "get_weather(city: str, days: int = 3) -> str - Get it.\n\nAction: should be one of [get_weather]",
        );
        let more = json!({ "type": "object", "properties": { "city": { "type": "string" }, "days": { "type": "integer", "default": 3 } }, "required": ["city"] });
        assert_eq!((schema(&lines[0]), lines[0].description.as_str()), (more, "str - Get it."));
        let code = functions(
            "```\ndef get_weather(city: string) -> string:\n    \"\"\"Get it.\n\n    Args:\n        city: The name.\n    \"\"\"\n\ndef undefined",
        );
        assert_eq!(
            (code.len(), schema(&code[0]), code[0].description.as_str()),
            (1, city, "Get it.")
        );
        assert_eq!(functions("def f(a b):"), []);
        assert_eq!(listed("- It takes arguments {'city': 1"), []);
    }

    #[test]
    fn a_call_is_written_in_each_form() {
        let call = [("get_weather", json!({ "city": "Paris" }))];
        let fields = vec![
            ("thought".to_owned(), json!({ "type": "string" })),
            ("tool".to_owned(), json!({ "enum": ["get_weather", "finish"] })),
            ("args".to_owned(), json!({ "type": "object", "additionalProperties": true })),
        ];
        let made = WordedForm::Fields(None, fields.clone()).call(&call).unwrap();
        let expected = json!({ "thought": "I use get_weather to answer.", "tool": "get_weather", "args": { "city": "Paris" } });
        assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), expected);
        let made = WordedForm::Fields(Some(FieldMarks::Brackets), fields).call(&call).unwrap();
        assert!(
            made.ends_with(
                "[[ ## tool ## ]]\nget_weather\n\n[[ ## args ## ]]\n{\"city\":\"Paris\"}\n"
            ),
            "{made}"
        );
        let lines = |json| WordedForm::Lines(json, "Answer:").call(&call).unwrap();
        assert!(lines(true).ends_with("\nAction: get_weather\nAction Input: {\"city\":\"Paris\"}"));
        assert!(lines(false).ends_with("\nAction: get_weather\nAction Input: Paris"));
        let code = WordedForm::Code("<code>".to_owned(), "</code>".to_owned()).call(&call).unwrap();
        assert!(code.ends_with("<code>\nresult = get_weather(city=\"Paris\")\nprint(result)\nfinal_answer(result)\n</code>"), "{code}");
    }
}
