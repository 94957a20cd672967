//! Changes of single values in a scenario's text, which leave everything else as it is written,
//! comments included.
//!
//! Guarantees: what is not a single value is written as a text in quotes, so that a change never adds
//! fields; a value that is written is replaced, one that is missing comes at the start of its block.
//!
//! Does not know: what a value means; the reader says what is wrong with it.

use std::ops::Range;

use super::tree::{Kind, Node, tree};

/// A step from a value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathStep {
    /// To a field of a block.
    Field(String),
    /// To an entry of a map.
    Key(String),
    /// To an item of a list, or to a value without a name; from 0.
    Item(usize),
}

impl PathStep {
    /// The step to a field.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self::Field(name.to_owned())
    }

    /// The step to an entry.
    #[must_use]
    pub fn key(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

/// A value that is written in a scenario's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainValue {
    /// The way to it, from the whole file.
    pub path: Vec<PathStep>,
    /// As it is written, with its quotes.
    pub text: String,
    /// The fields next to it that are written in one piece, each with its text.
    pub beside: Vec<(String, String)>,
}

impl PlainValue {
    /// The text of a field next to it, without quotes.
    #[must_use]
    pub fn beside(&self, name: &str) -> Option<&str> {
        let (_, text) = self.beside.iter().find(|(own, _)| own == name)?;
        Some(text.trim_matches('"'))
    }
}

/// Every value of a text that has no parts, in the order of the text; none where the syntax is
/// wrong.
#[must_use]
pub fn written_values(text: &str) -> Vec<PlainValue> {
    let mut found = Vec::new();
    if let Some(root) = tree(text) {
        collect(text, &root, &mut Vec::new(), &[], &mut found);
    }
    found
}

fn part<'t>(text: &'t str, span: &Range<usize>) -> &'t str {
    text.get(span.clone()).unwrap_or_default()
}

fn collect(
    text: &str,
    node: &Node,
    path: &mut Vec<PathStep>,
    beside: &[(String, String)],
    found: &mut Vec<PlainValue>,
) {
    for (step, inner) in parts(text, node) {
        let around = if let Kind::Block(_, fields) = &node.kind {
            let plain = fields.iter().filter(|field| field.value.is_plain());
            let pair = |field: &super::tree::Field| {
                (part(text, &field.name).to_owned(), part(text, &field.value.span).to_owned())
            };
            plain.map(pair).collect()
        } else {
            Vec::new()
        };
        path.push(step);
        collect(text, inner, path, &around, found);
        path.pop();
    }
    if node.is_plain() {
        found.push(PlainValue {
            path: path.clone(),
            text: part(text, &node.span).to_owned(),
            beside: beside.to_vec(),
        });
    }
}

/// The parts of a value, each with the step to it.
fn parts<'n>(text: &str, node: &'n Node) -> Vec<(PathStep, &'n Node)> {
    match &node.kind {
        Kind::Block(_, fields) => fields
            .iter()
            .map(|field| (PathStep::field(part(text, &field.name)), &field.value))
            .collect(),
        Kind::Map(entries) => entries
            .iter()
            .map(|(key, value)| (PathStep::key(part(text, &key.span).trim_matches('"')), value))
            .collect(),
        Kind::Tuple(_, items) | Kind::List(items) => {
            items.iter().enumerate().map(|(at, item)| (PathStep::Item(at), item)).collect()
        }
        _ => Vec::new(),
    }
}

/// The text with another value at the end of a path; `None` where there is no place for it: the
/// syntax is wrong, or the path leads into a list that has no such item.
#[must_use]
pub fn with_value(text: &str, path: &[PathStep], value: &str) -> Option<String> {
    let root = tree(text)?;
    let mut node = &root;
    let mut left = path;
    while let Some((step, rest)) = left.split_first() {
        let next = parts(text, node).into_iter().find(|(own, _)| own == step);
        let Some((_, inner)) = next else { break };
        (node, left) = (inner, rest);
    }
    let (span, new) = if left.is_empty() {
        (node.span.clone(), value.to_owned())
    } else {
        let at = opening(text, node)?;
        (at..at, inserted(text.get(at..)?, &nested(left, value)?))
    };
    let changed = format!("{}{new}{}", text.get(..span.start)?, text.get(span.end..)?);
    // A value that breaks the syntax is none.
    tree(&changed).map(|_| changed)
}

/// The text without a field of its outermost block; `None` where it has no such field.
#[must_use]
pub fn without_field(text: &str, name: &str) -> Option<String> {
    let root = tree(text)?;
    let Kind::Block(_, fields) = &root.kind else { return None };
    let field = fields.iter().find(|field| part(text, &field.name) == name)?;
    let before = text.get(..field.name.start)?.trim_end_matches([' ', '\t']);
    let changed = format!("{before}{}", text.get(field.end..)?);
    tree(&changed).map(|_| changed)
}

/// A value as it is written: a number as it stands, anything else as a text in quotes.
#[must_use]
pub fn number_or_text(value: &str) -> String {
    let digits = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let is_number = value.chars().all(digits) && value.parse::<f64>().is_ok_and(f64::is_finite);
    let whole =
        value.starts_with(|c: char| c.is_ascii_digit() || c == '-') && !value.ends_with('.');
    if is_number && whole { value.to_owned() } else { format!("{value:?}") }
}

/// Where the parts of a block or of a map begin, behind the bracket.
fn opening(text: &str, node: &Node) -> Option<usize> {
    let bracket = match &node.kind {
        Kind::Block(..) => '(',
        Kind::Map(_) => '{',
        _ => return None,
    };
    Some(node.span.start + part(text, &node.span).find(bracket)? + 1)
}

/// The rest of a path with its value, as it is written where nothing of it is there.
fn nested(path: &[PathStep], value: &str) -> Option<String> {
    let (step, rest) = path.split_first()?;
    let inner = match rest.first() {
        None => value.to_owned(),
        Some(PathStep::Field(_)) => format!("( {} )", nested(rest, value)?),
        Some(PathStep::Key(_)) => format!("{{ {} }}", nested(rest, value)?),
        Some(PathStep::Item(_)) => return None,
    };
    match step {
        PathStep::Field(name) => Some(format!("{name}: {inner}")),
        PathStep::Key(key) => Some(format!("{key:?}: {inner}")),
        PathStep::Item(_) => None,
    }
}

/// A new part in front of what follows an opening bracket: on a line of its own where the parts have
/// lines of their own.
fn inserted(follows: &str, new: &str) -> String {
    let blank = follows.len() - follows.trim_start().len();
    let between = follows.get(..blank).unwrap_or_default();
    match between.rsplit_once('\n') {
        Some((_, indent)) => format!("\n{indent}{new},"),
        None => format!("{between}{new},{}", if between.is_empty() { " " } else { "" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> PathStep {
        PathStep::field(name)
    }

    #[test]
    fn a_written_value_is_replaced_and_the_rest_stays() {
        let text = "(\n    // users\n    traffic: ( queries: 10, /* few */ ),\n    split: { \"a.b\": \"50%\" },\n)";
        let changed = with_value(text, &[field("traffic"), field("queries")], "20").unwrap();
        assert_eq!(changed, text.replace("10", "20"));
        let changed = with_value(text, &[field("split"), PathStep::key("a.b")], "\"40%\"").unwrap();
        assert_eq!(changed, text.replace("50%", "40%"));
        let list = "( x: All([ AtMost(bound: 1), AtMost(bound: Some(2)) ]) )";
        let path = [field("x"), PathStep::Item(0), PathStep::Item(1), field("bound")];
        assert_eq!(
            with_value(list, &path, "3").unwrap(),
            "( x: All([ AtMost(bound: 1), AtMost(bound: Some(3)) ]) )"
        );
    }

    #[test]
    fn a_missing_value_comes_at_the_start_of_its_block() {
        let text = "(\n    // remark\n    seed: 1,\n    judge: (),\n    m: { \"k\": ( a: 1 ) },\n)";
        let changed = with_value(text, &[field("causes"), field("loss")], "0").unwrap();
        assert!(changed.starts_with("(\n    causes: ( loss: 0 ),\n    // remark\n"), "{changed}");
        let changed = with_value(text, &[field("judge"), field("x")], "0.5").unwrap();
        assert!(changed.contains("judge: (x: 0.5, ),"), "{changed}");
        let changed =
            with_value(text, &[field("m"), PathStep::key("new"), field("a")], "2").unwrap();
        assert!(changed.contains("m: { \"new\": ( a: 2 ), \"k\""), "{changed}");
        for text in [&changed, "()", "(a: 1)"] {
            let changed = with_value(text, &[field("seed"), field("b")], "2");
            assert!(changed.is_none() || tree(&changed.unwrap()).is_some(), "{text}");
        }
    }

    #[test]
    fn a_field_goes_with_its_comma_and_leaves_comments() {
        let text = "(\n    // one\n    lesson: ( claim: \"a, b)\" ),\n    seed: 1,\n)";
        assert_eq!(without_field(text, "lesson").unwrap(), "(\n    // one\n\n    seed: 1,\n)");
        assert_eq!(without_field("(a: 1, b: 2)", "b").unwrap(), "(a: 1,)");
        assert_eq!(without_field("(a: 1)", "lesson"), None);
    }

    #[test]
    fn a_value_cannot_bring_fields_along() {
        for hostile in ["1, seed: 2", "1) (", "\"", "inf", "NaN", "1.", "+1", "", "0x10", "1e999"] {
            let value = number_or_text(hostile);
            assert!(value.starts_with('"'), "{hostile}: {value}");
            let changed = with_value("(a: 1, b: 2)", &[field("a")], &value).unwrap();
            assert_eq!(written_values(&changed).len(), 2, "{changed}");
        }
        assert_eq!(number_or_text("-0.5"), "-0.5");
        assert_eq!(with_value("(a: 1", &[field("a")], "2"), None);
        assert_eq!(with_value("(a: [1])", &[field("a"), PathStep::Item(3)], "2"), None);
    }
}
