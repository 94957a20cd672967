//! The faults of a text that has not the shape of a scenario, in the user's words.
//!
//! Does not know: names and sums; `resolve` does.

use std::ops::Range;

use super::spanned::Misread;
use crate::diagnostic::{Diagnostic, SourceText, nearest};

/// Most names that a suggestion lists.
const MAX_NAMES: usize = 24;

/// The fault of a file that has not the shape of a scenario.
pub fn fault(misread: &Misread, source: &SourceText) -> Diagnostic {
    use ron::Error;
    let text = &*source.text;
    let (start, end) = (misread.span.start, misread.span.end);
    let at = |message: String, label: &str| {
        Diagnostic::new(message).at(source, visible(text, start, end), label)
    };
    match &misread.code {
        Error::NoSuchStructField { expected, found, .. } => {
            unknown("field", found, expected, misread, source)
        }
        Error::NoSuchEnumVariant { expected, found, .. } => {
            unknown("variant", found, expected, misread, source)
        }
        Error::MissingStructField { field, .. } => {
            at(format!("the field `{field}` is missing"), "this block ends without it")
                .help(format!("write `{field}: …` in this block"))
        }
        Error::DuplicateStructField { field, .. } => {
            at(format!("the field `{field}` is given twice"), "the second time")
        }
        Error::ExceededRecursionLimit => at("the brackets are nested too deep".to_owned(), "here"),
        Error::Eof => at("the file ends too early".to_owned(), "something is still open here")
            .help("is a bracket or a quote missing?"),
        Error::IntegerOutOfBounds => {
            at("the number is out of range".to_owned(), "no whole number that is allowed here")
        }
        Error::ExpectedString => at("expected a text in quotes".to_owned(), "this is not a text")
            .help(
                "write texts, durations, money and shares in quotes: \"30s\", \"$0.10\", \"50%\"",
            ),
        Error::ExpectedInteger | Error::InvalidIntegerDigit { .. } => {
            at("expected a whole number".to_owned(), "this is not a whole number")
                .help("write digits without quotes, such as 200")
        }
        Error::ExpectedFloat | Error::FloatUnderscore | Error::UnderscoreAtBeginning => {
            at("expected a number".to_owned(), "this is not a number")
                .help("write a number without quotes, such as 0.15")
        }
        Error::ExpectedBoolean => at("expected `true` or `false`".to_owned(), "this is neither"),
        Error::ExpectedMap => at("expected a map in braces".to_owned(), "this is not a map")
            .help("write maps in braces: { \"key\": ( … ) }"),
        Error::ExpectedArray => at("expected a list in brackets".to_owned(), "this is not a list")
            .help("write lists in brackets: [ …, … ]"),
        Error::ExpectedStructLike
        | Error::ExpectedNamedStructLike(_)
        | Error::ExpectedDifferentStructName { .. } => {
            at("expected a block in parentheses".to_owned(), "this is not a block").help(
                "write blocks in parentheses, without a name before them: ( field: value, … )",
            )
        }
        Error::ExpectedIdentifier
        | Error::InvalidIdentifier(_)
        | Error::SuggestRawIdentifier(_) => at("expected a name".to_owned(), "this is not a name")
            .help("write names of fields without quotes: ( field: value, … )"),
        Error::ExpectedMapColon => {
            at("expected a colon".to_owned(), "before this").help("write `name: value`")
        }
        Error::ExpectedStringEnd => {
            at("a text is not closed".to_owned(), "it begins here").help("is a quote missing?")
        }
        Error::UnclosedBlockComment => at("a comment is not closed".to_owned(), "it begins here")
            .help("a comment that begins with /* ends with */"),
        Error::UnexpectedChar(_) => at("expected a value".to_owned(), "no value begins so"),
        Error::TrailingCharacters => {
            at("expected the end of the file".to_owned(), "the text has ended before this")
                .help("is there a bracket too many?")
        }
        Error::InvalidEscape(_) => {
            at("a text holds a backslash that means nothing".to_owned(), "here")
                .help("write a backslash twice: \\\\")
        }
        Error::ExpectedDifferentLength { found, .. } => at(
            format!("expected another number of values, found {found}"),
            "in these parentheses or brackets",
        ),
        Error::InvalidValueForType { .. } => {
            at("expected another kind of value".to_owned(), "this does not fit here")
        }
        Error::ExpectedComma
        | Error::ExpectedStructLikeEnd
        | Error::ExpectedMapEnd
        | Error::ExpectedArrayEnd => at(lower(&misread.code.to_string()), "before this")
            .help("is a comma or a bracket missing?"),
        code => at(lower(&code.to_string()), "here"),
    }
}

/// A field or variant that nobody knows.
fn unknown(
    what: &str,
    found: &str,
    expected: &[&'static str],
    misread: &Misread,
    source: &SourceText,
) -> Diagnostic {
    let near = nearest(found, expected.iter().copied());
    // A second spelling of the same name is no other choice.
    let same = |name: &&str, other: &&&str| *other != name && other.to_lowercase() == **name;
    let expected: Vec<&str> = expected
        .iter()
        .filter(|name| !expected.iter().any(|other| same(name, &other)))
        .copied()
        .collect();
    let listed = || match expected.as_slice() {
        [] => "nothing can be written here".to_owned(),
        known => match known.split_at_checked(MAX_NAMES) {
            Some((shown, [_, ..])) => format!("expected one of: {}, …", shown.join(", ")),
            _ => format!("expected one of: {}", known.join(", ")),
        },
    };
    let help = near.map_or_else(listed, |near| format!("did you mean `{near}`?"));
    // RON points behind the name; the name itself is what matters.
    let text = &*source.text;
    let (start, end) = (misread.span.start, misread.span.end);
    let behind = text
        .get(..start)
        .and_then(|head| head.rfind(found))
        .filter(|at| start - at <= found.len() + 2);
    let ahead = text.get(start..).is_some_and(|rest| rest.starts_with(found)).then_some(start);
    let span =
        ahead.or(behind).map_or_else(|| visible(text, start, end), |at| at..at + found.len());
    Diagnostic::new(format!("unknown {what} `{found}`"))
        .at(source, span, format!("no {what} has this name here"))
        .help(help)
}

/// A place that can be seen: the whole word or text that it touches, inside of the file, between
/// characters.
fn visible(text: &str, start: usize, end: usize) -> Range<usize> {
    let start = text.floor_char_boundary(start);
    let end = text.floor_char_boundary(end).max(start);
    let (before, rest) = text.split_at(start);
    // RON points into a text literal, behind its opening quote.
    if before.ends_with('"') && end > start && text[..end].ends_with('"') {
        return start - 1..end;
    }
    let start = if end == start { start + rest.len() - rest.trim_start().len() } else { start };
    let rest = &text[start..];
    let word = match rest.strip_prefix('"') {
        Some(quoted) => quoted.find('"').map_or(rest.len(), |at| at + 2),
        None => rest
            .find(|c: char| !(c.is_alphanumeric() || "._-$%+".contains(c)))
            .unwrap_or(rest.len()),
    };
    let next = rest.chars().next().map_or(0, char::len_utf8);
    // A word on one line; anything else is one character.
    let word = if rest[..word].contains('\n') { next } else { word.max(next) };
    start..end.max(start + word)
}

/// The same with a small first letter.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}
