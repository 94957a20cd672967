//! A text in RON or JSON as one value, with the place of each part: for files that may be written in
//! either.
//!
//! Guarantees: every place lies in the text; nesting is bounded; whatever the text, an error and no
//! panic.
//!
//! Does not know: what the value means.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Number, Value};

use super::shape;
use super::spanned::{self, Misread};
use super::tree::{Kind, Node, tree};
use crate::diagnostic::{Diagnostic, SourceText, nearest};

/// A value, and where its parts stand, by their paths such as `rules[0].say`.
#[derive(Clone, Debug, Default)]
pub struct PlacedValue {
    /// The value.
    pub value: Value,
    places: BTreeMap<String, Range<usize>>,
    names: BTreeMap<String, Range<usize>>,
}

impl PlacedValue {
    /// Where the part of this path stands; of a part that is not there, the nearest around it.
    #[must_use]
    pub fn place(&self, path: &str) -> Range<usize> {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return place.clone();
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None => return self.places.get("").cloned().unwrap_or_default(),
            }
        }
    }

    /// Where the name of a field stands.
    #[must_use]
    pub fn name_place(&self, path: &str, field: &str) -> Range<usize> {
        let own = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        self.names.get(&own).cloned().unwrap_or_else(|| self.place(path))
    }
}

/// Reads a text.
///
/// # Errors
/// The first thing that is wrong with its form.
pub fn read_either(source: &SourceText) -> Result<PlacedValue, Diagnostic> {
    let text = &source.text;
    let Some(node) = tree(text) else { return Err(syntax(source)) };
    let mut placed = PlacedValue::default();
    let mut reader = Reader { source, placed: &mut placed };
    let value = reader.value(&node, "")?;
    placed.value = value;
    Ok(placed)
}

/// Whether a text is meant as JSON.
fn is_json(text: &str) -> bool {
    let mut start = text.chars().filter(|c| !c.is_whitespace());
    match start.next() {
        Some('{') => true,
        Some('[') => start.next() == Some('{'),
        _ => false,
    }
}

/// What is wrong with the syntax.
fn syntax(source: &SourceText) -> Diagnostic {
    let text = &source.text;
    if is_json(text)
        && let Err(error) = serde_json::from_str::<Value>(text)
    {
        let line: usize =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at =
            text.floor_char_boundary((line + error.column().saturating_sub(1)).min(text.len()));
        let end = text.ceil_char_boundary((at + 1).min(text.len()));
        let words = error.to_string();
        let words = words.split(" at line ").next().unwrap_or_default();
        return Diagnostic::new("this is not valid JSON").at(source, at..end, words.to_owned()).help(
            "in JSON, names and texts stand in double quotes, and nothing follows the last item",
        );
    }
    match spanned::read::<ron::Value>(text) {
        Err(misread) => shape::fault(&misread, source),
        Ok(_) => shape::fault(
            &Misread { code: ron::Error::ExceededRecursionLimit, span: 0..text.len() },
            source,
        ),
    }
}

struct Reader<'s, 'p> {
    source: &'s SourceText,
    placed: &'p mut PlacedValue,
}

impl Reader<'_, '_> {
    fn text(&self, span: &Range<usize>) -> &str {
        self.source.text.get(span.clone()).unwrap_or_default()
    }

    fn wrong(&self, node: &Node, label: &str) -> Diagnostic {
        Diagnostic::new("this is no value that is expected here").at(
            self.source,
            node.span.clone(),
            label,
        )
    }

    fn value(&mut self, node: &Node, path: &str) -> Result<Value, Diagnostic> {
        self.placed.places.insert(path.to_owned(), node.span.clone());
        Ok(match &node.kind {
            Kind::Nothing => Value::Null,
            Kind::Name if self.text(&node.span) == "null" => Value::Null,
            Kind::Bool => Value::Bool(self.text(&node.span) == "true"),
            Kind::Number => number(self.text(&node.span))
                .map(Value::Number)
                .ok_or_else(|| self.wrong(node, "this is not a number"))?,
            Kind::Text => unescaped(self.text(&node.span))
                .map(Value::String)
                .ok_or_else(|| self.wrong(node, "this text has an escape that is unknown"))?,
            Kind::List(items) => {
                let mut list = Vec::new();
                for (nth, item) in items.iter().enumerate() {
                    list.push(self.value(item, &format!("{path}[{nth}]"))?);
                }
                Value::Array(list)
            }
            Kind::Block(None, fields) => {
                let mut map = Map::new();
                for field in fields {
                    let name = self.text(&field.name).to_owned();
                    self.entry(&mut map, path, name, &field.name, &field.value)?;
                }
                Value::Object(map)
            }
            Kind::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let Some(name) =
                        (key.kind == Kind::Text).then(|| unescaped(self.text(&key.span)))
                    else {
                        return Err(self.wrong(key, "expected a name in double quotes"));
                    };
                    self.entry(&mut map, path, name.unwrap_or_default(), &key.span, value)?;
                }
                Value::Object(map)
            }
            Kind::Block(Some(name), _) | Kind::Tuple(Some(name), _) => {
                let name = self.text(name);
                let help = format!("leave `{name}` out: ( field: value, … )");
                return Err(self.wrong(node, "a block has no name here").help(help));
            }
            Kind::Tuple(None, _) => {
                let fault = self.wrong(node, "values without names");
                return Err(fault.help(
                    "write names before values: ( field: value, … ), or a list in brackets",
                ));
            }
            Kind::Name => {
                let help = format!("write texts in double quotes: \"{}\"", self.text(&node.span));
                return Err(self.wrong(node, "a text without quotes").help(help));
            }
            Kind::Other => return Err(self.wrong(node, "expected a text in double quotes")),
        })
    }

    fn entry(
        &mut self,
        map: &mut Map<String, Value>,
        path: &str,
        name: String,
        place: &Range<usize>,
        value: &Node,
    ) -> Result<(), Diagnostic> {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if map.contains_key(&name) {
            return Err(Diagnostic::new(format!("the field `{name}` is given twice")).at(
                self.source,
                place.clone(),
                "the second time",
            ));
        }
        self.placed.names.insert(inner.clone(), place.clone());
        let value = self.value(value, &inner)?;
        map.insert(name, value);
        Ok(())
    }
}

fn number(text: &str) -> Option<Number> {
    let plain = text.replace('_', "");
    let plain = plain.strip_prefix('+').unwrap_or(&plain);
    let whole =
        plain.parse::<i64>().map(Number::from).or_else(|_| plain.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| plain.parse::<f64>().ok().and_then(Number::from_f64))
}

/// What a text in quotes says, with the escapes of RON and of JSON.
fn unescaped(written: &str) -> Option<String> {
    if let Some(raw) = written.strip_prefix('r') {
        let fence = raw.trim_start_matches('#');
        let fence = raw.len() - fence.len();
        return raw.get(fence + 1..raw.len().checked_sub(fence + 1)?).map(str::to_owned);
    }
    let inside = written.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        text.push_str(rest.get(..at)?);
        let (c, length) = escape(rest.get(at + 1..)?)?;
        text.extend(c);
        rest = rest.get(at + 1 + length..)?;
    }
    text.push_str(rest);
    Some(text)
}

/// The character of an escape, and how many bytes it has behind the backslash.
fn escape(rest: &str) -> Option<(Option<char>, usize)> {
    let plain = |c: char| Some((Some(c), 1));
    match rest.chars().next()? {
        'n' => plain('\n'),
        't' => plain('\t'),
        'r' => plain('\r'),
        'b' => plain('\u{8}'),
        'f' => plain('\u{c}'),
        '0' => plain('\0'),
        c @ ('"' | '\'' | '\\' | '/') => plain(c),
        // A line break in a text that goes on behind the blanks of the next line.
        '\n' => Some((None, rest.len() - rest.trim_start().len())),
        'x' => {
            let code = u32::from_str_radix(rest.get(1..3)?, 16).ok()?;
            Some((char::from_u32(code), 3))
        }
        'u' if rest.starts_with("u{") => {
            let end = rest.find('}')?;
            let code = u32::from_str_radix(rest.get(2..end)?, 16).ok()?;
            Some((Some(char::from_u32(code)?), end + 1))
        }
        'u' => {
            let unit = |rest: &str| u32::from_str_radix(rest.get(1..5)?, 16).ok();
            let first = unit(rest)?;
            if !(0xd800..0xe000).contains(&first) {
                return Some((Some(char::from_u32(first)?), 5));
            }
            let second = unit(rest.get(5..)?.strip_prefix('\\')?)?;
            let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
            let high = first.checked_sub(0xd800).filter(|high| *high < 0x400)?;
            Some((Some(char::from_u32(0x10000 + (high << 10) + low)?), 11))
        }
        _ => None,
    }
}

/// The fault of a part that is not what its place asks for.
#[must_use]
pub fn misplaced(
    error: &serde_path_to_error::Error<serde_json::Error>,
    placed: &PlacedValue,
    source: &SourceText,
) -> Diagnostic {
    let path = error.path().to_string();
    let path = if path == "." { "" } else { path.as_str() };
    let words = error.inner().to_string();
    let quoted: Vec<&str> = words.split('`').skip(1).step_by(2).collect();
    if words.starts_with("unknown field") {
        let (found, known) =
            (quoted.first().copied().unwrap_or_default(), quoted.get(1..).unwrap_or_default());
        // The path of an unknown field ends with its own name.
        let around = path.strip_suffix(found).map_or(path, |around| around.trim_end_matches('.'));
        let help = match nearest(found, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected one of: {}", known.join(", ")),
        };
        return Diagnostic::new(format!("there is no field `{found}` here"))
            .at(source, placed.name_place(around, found), "not a field")
            .help(help);
    }
    if words.starts_with("missing field") {
        let found = quoted.first().copied().unwrap_or_default();
        return Diagnostic::new(format!("the field `{found}` is missing"))
            .at(source, placed.place(path), "this block ends without it")
            .help(format!("write `{found}: …` in this block"));
    }
    Diagnostic::new("this is not what is expected here").at(
        source,
        placed.place(path),
        super::injected::plain(error.inner()),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        read_either(&SourceText::new("a", text)).map(|placed| placed.value).unwrap()
    }

    #[test]
    fn ron_and_json_are_the_same_values() {
        let expected = json!({ "rules": [{ "say": "a\n\"ü\"", "n": [1, -2.5, true, null], "map": { "k v": 1 } }] });
        assert_eq!(value(&expected.to_string()), expected);
        assert_eq!(
            value(
                "( // a remark\n rules: [(say: \"a\\n\\\"\\u{fc}\\\"\", n: [1, -2.5, true, None], map: {\"k v\": 1},)] )"
            ),
            expected
        );
        assert_eq!(
            value(r#"["\u00fc \ud83d\ude00 \/", r"\d", 1_000]"#),
            json!(["ü 😀 /", "\\d", 1000])
        );
    }

    #[test]
    fn every_part_knows_its_place() {
        let text = "(rules: [(say: \"x\", calls: 3)])";
        let placed = read_either(&SourceText::new("a", text)).unwrap();
        assert_eq!(&text[placed.place("rules[0].say")], "\"x\"");
        assert_eq!(&text[placed.place("rules[0].none.more")], "(say: \"x\", calls: 3)");
        assert_eq!(&text[placed.name_place("rules[0]", "calls")], "calls");
    }

    #[test]
    fn whatever_the_text_an_error_and_no_panic() {
        for text in [
            "",
            "(",
            "{\"a\": }",
            "[{\"a\": 1}",
            "(a: b)",
            "(a: 1, a: 2)",
            "Name(a: 1)",
            "(1, 2)",
            "\"\\q\"",
            "\"\\ud800\"",
            "{1: 2}",
            "'a'",
            "b\"x\"",
            "(a: 1e999)",
            "r",
            &"[".repeat(10_000),
            "{\"a\": 1,}x",
            "\u{feff}{",
        ] {
            let fault = read_either(&SourceText::new("a", text)).unwrap_err();
            assert!(!fault.render(false).is_empty());
        }
    }
}
