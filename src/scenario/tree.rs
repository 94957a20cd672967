//! The syntax tree of a text in the dialect of scenarios: what stands where, without what it means.
//!
//! RON's own reader stops at the first fault. This tree lets a check go on behind it.
//!
//! Guarantees: every span lies in the text and between characters; nesting is bounded. A text with
//! a syntax error has no tree: RON's reader says what is wrong with it.

use std::ops::Range;

/// Deepest nesting of values.
const MAX_DEPTH: usize = 64;

/// A value and the bytes that it is written in.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What kind of value it is.
    pub kind: Kind,
    /// Its bytes, a name before its parentheses included.
    pub span: Range<usize>,
}

impl Node {
    /// Whether it has no parts.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Number | Kind::Bool | Kind::Name)
    }
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A text in quotes.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// A name alone, such as `Ship`.
    Name,
    /// `None`: what a field is that is left out.
    Nothing,
    /// `( field: value, … )`, or empty parentheses; the name before them, if there is one.
    Block(Option<Range<usize>>, Vec<Field>),
    /// `( value, … )`; the name before it, if there is one.
    Tuple(Option<Range<usize>>, Vec<Node>),
    /// `[ value, … ]`.
    List(Vec<Node>),
    /// `{ key: value, … }`.
    Map(Vec<(Node, Node)>),
    /// Anything that no field of a scenario takes, such as bytes.
    Other,
}

/// A field of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The bytes of its name.
    pub name: Range<usize>,
    /// Its value.
    pub value: Node,
    /// Where it ends, behind its comma if there is one.
    pub end: usize,
}

/// The tree of a text; `None` where the syntax is wrong.
pub fn tree(text: &str) -> Option<Node> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.space()?;
    let node = reader.value()?;
    reader.space()?;
    (reader.at == text.len()).then_some(node)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        self.at += if found { mark.len() } else { 0 };
        found
    }

    /// Passes over what `keep` takes.
    fn run(&mut self, keep: impl Fn(char) -> bool) -> Range<usize> {
        let start = self.at;
        let rest = self.rest();
        self.at += rest.find(|c| !keep(c)).unwrap_or(rest.len());
        start..self.at
    }

    /// Passes over blanks and comments; `None` where a comment does not end.
    fn space(&mut self) -> Option<()> {
        loop {
            self.run(char::is_whitespace);
            if self.take("//") {
                self.run(|c| c != '\n');
            } else if self.take("/*") {
                let mut open = 1;
                while open > 0 {
                    let rest = self.rest();
                    let mark = rest.find("/*").into_iter().chain(rest.find("*/")).min()?;
                    open = if rest[mark..].starts_with("/*") { open + 1 } else { open - 1 };
                    self.at += mark + 2;
                }
            } else {
                return Some(());
            }
        }
    }

    fn value(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let start = self.at;
        let first = self.rest().chars().next()?;
        let mut node = match first {
            '"' => self.text_to(start, "\"", true)?,
            'r' if self.rest()[1..].trim_start_matches('#').starts_with('"') => {
                self.at += 1;
                let fence = self.run(|c| c == '#').len();
                self.text_to(start, &format!("\"{}", "#".repeat(fence)), false)?
            }
            'b' if self.rest()[1..].starts_with(['"', '\'']) => {
                self.at += 1;
                let quote = &self.rest()[..1];
                Node { kind: Kind::Other, ..self.text_to(start, quote, true)? }
            }
            '\'' => Node { kind: Kind::Other, ..self.text_to(start, "'", true)? },
            '[' => {
                self.at += 1;
                let items = self.until("]", Self::value)?;
                self.node(Kind::List(items.into_iter().map(|(item, _)| item).collect()), start)
            }
            '{' => {
                self.at += 1;
                let entry = |reader: &mut Self| {
                    let key = reader.value()?;
                    reader.colon()?;
                    Some((key, reader.value()?))
                };
                let entries = self.until("}", entry)?;
                self.node(Kind::Map(entries.into_iter().map(|(entry, _)| entry).collect()), start)
            }
            '(' => self.parentheses(None, start)?,
            '+' | '-' | '.' | '0'..='9' => {
                self.run(|c| c.is_ascii_alphanumeric() || "+-._".contains(c));
                self.node(Kind::Number, start)
            }
            c if c.is_alphabetic() || c == '_' => self.named(start)?,
            _ => return None,
        };
        self.depth -= 1;
        if let Kind::Tuple(Some(name), items) = &mut node.kind
            && &self.text[name.clone()] == "Some"
            && items.len() == 1
        {
            node = items.pop()?;
        }
        Some(node)
    }

    fn node(&self, kind: Kind, start: usize) -> Node {
        Node { kind, span: start..self.at }
    }

    /// What a name begins.
    fn named(&mut self, start: usize) -> Option<Node> {
        let name = self.run(|c| c.is_alphanumeric() || c == '_');
        let kind = match &self.text[name.clone()] {
            "true" | "false" => Kind::Bool,
            "inf" | "NaN" => Kind::Number,
            "None" => Kind::Nothing,
            _ => Kind::Name,
        };
        let end = self.at;
        self.space()?;
        if kind == Kind::Name && self.rest().starts_with('(') {
            return self.parentheses(Some(name), start);
        }
        self.at = end;
        Some(self.node(kind, start))
    }

    /// A text from its opening quote up to its closing one; what stands before the opening one
    /// begins at `start`.
    fn text_to(&mut self, start: usize, close: &str, escapes: bool) -> Option<Node> {
        self.at += 1;
        while !self.rest().starts_with(close) {
            let mut next = self.rest().chars();
            let first = next.next()?;
            self.at += first.len_utf8();
            if escapes && first == '\\' {
                self.at += next.next()?.len_utf8();
            }
        }
        self.at += close.len();
        Some(self.node(Kind::Text, start))
    }

    fn parentheses(&mut self, name: Option<Range<usize>>, start: usize) -> Option<Node> {
        self.at += 1;
        self.space()?;
        let before = self.at;
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        self.run(is_name);
        let begins_field =
            self.at > before && self.space().is_some() && self.rest().starts_with(':');
        self.at = before;
        if begins_field || self.rest().starts_with(')') {
            let field = |reader: &mut Self| {
                let name = reader.run(is_name);
                if name.is_empty() {
                    return None;
                }
                reader.colon()?;
                Some((name, reader.value()?))
            };
            let fields = self.until(")", field)?;
            let fields =
                fields.into_iter().map(|((name, value), end)| Field { name, value, end }).collect();
            return Some(self.node(Kind::Block(name, fields), start));
        }
        let items = self.until(")", Self::value)?;
        Some(self.node(Kind::Tuple(name, items.into_iter().map(|(item, _)| item).collect()), start))
    }

    fn colon(&mut self) -> Option<()> {
        self.space()?;
        if !self.take(":") {
            return None;
        }
        self.space()
    }

    /// Items with commas between them, up to a closing bracket; each with where it ends, its comma
    /// included.
    fn until<T>(
        &mut self,
        close: &str,
        item: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<(T, usize)>> {
        let mut items = Vec::new();
        loop {
            self.space()?;
            if self.take(close) {
                return Some(items);
            }
            let item = item(self)?;
            let end = self.at;
            self.space()?;
            if self.take(",") {
                items.push((item, self.at));
            } else {
                items.push((item, end));
                if !self.rest().starts_with(close) {
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_is_told_apart_with_its_bytes() {
        let text = "( // one\n a: [1, -2.5e3, \"x\\\"\",], /* /* */ */ b: r#\"raw \" \"#, c: Some(Mean), d: All([true]), e: { \"k\": () }, f: None )";
        let Some(Node { kind: Kind::Block(None, fields), .. }) = tree(text) else {
            panic!("no block")
        };
        let names: Vec<&str> = fields.iter().map(|field| &text[field.name.clone()]).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e", "f"]);
        let values: Vec<&str> =
            fields.iter().map(|field| &text[field.value.span.clone()]).collect();
        assert_eq!(
            values,
            [
                "[1, -2.5e3, \"x\\\"\",]",
                "r#\"raw \" \"#",
                "Mean",
                "All([true])",
                "{ \"k\": () }",
                "None"
            ]
        );
        let Kind::List(items) = &fields[0].value.kind else { panic!("no list") };
        assert_eq!(
            items.iter().map(|item| item.kind.clone()).collect::<Vec<_>>(),
            [Kind::Number, Kind::Number, Kind::Text]
        );
    }

    #[test]
    fn a_wrong_syntax_has_no_tree_and_no_panic() {
        for text in [
            "",
            "(",
            "(a)b",
            "(a: 1 b: 2)",
            "\"",
            "r",
            "r#\"",
            "/*",
            "(a:)",
            "{1}",
            "b",
            "'",
            "\u{e9}:",
            "r\u{e9}",
            &"[".repeat(100_000),
        ] {
            assert!(tree(text).is_none_or(|node| node.span.end <= text.len()), "{text:.20}");
        }
        assert_eq!(tree("(a: 1 b: 2)"), None);
    }
}
