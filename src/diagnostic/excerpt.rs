//! What is shown of texts that are too long to be shown.
//!
//! Guarantees: an error has a bounded length, whatever the text; a place that is pointed at stays
//! in sight, with its true column.
//!
//! Does not know: what is wrong.

use std::borrow::Cow;
use std::ops::Range;

/// Longest line that is shown whole, in bytes.
const MAX_LINE: usize = 500;
/// What is shown of a longer one: bytes before the first place, and in all.
const BEFORE: usize = 60;
const SHOWN: usize = 200;

/// `text` with at most about `most` bytes: the middle of a longer one is left out, and its length
/// given.
#[must_use]
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let (head, tail) =
        (text.floor_char_boundary(most * 3 / 4), text.ceil_char_boundary(text.len() - most / 4));
    let (head, left_out, tail) = (
        text.get(..head).unwrap_or_default(),
        tail.saturating_sub(head),
        text.get(tail..).unwrap_or_default(),
    );
    Cow::Owned(format!("{head} … ({left_out} bytes left out) … {tail}"))
}

/// Places in a text, each with what is said of it.
pub type Labels = Vec<(Range<usize>, String)>;

/// The text with its long lines cut, and the labels at their new places.
pub fn excerpt<'t>(text: &'t str, labels: &Labels) -> (Cow<'t, str>, Labels) {
    if text.split('\n').all(|line| line.len() <= MAX_LINE) {
        return (Cow::Borrowed(text), labels.clone());
    }
    let mut out = String::new();
    // The pieces that are kept: where they begin in the text and in what is shown, and how long
    // they are.
    let mut pieces: Vec<(usize, usize, usize)> = Vec::new();
    let mut cut: Vec<Range<usize>> = Vec::new();
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
        let mut kept = 0..body.len();
        if body.len() > MAX_LINE {
            let places = labels
                .iter()
                .filter(|(span, _)| span.start <= begin + body.len() && span.end >= begin);
            let first = places.map(|(span, _)| span.start.saturating_sub(begin)).min().unwrap_or(0);
            let from = body.floor_char_boundary(first.saturating_sub(BEFORE));
            kept = from..body.floor_char_boundary((from + SHOWN).min(body.len()));
            cut.push(begin..begin + body.len());
        }
        let marks = if kept.len() < body.len() {
            [kept.start > 0, kept.end < body.len()]
        } else {
            [false, false]
        };
        out.push_str(if marks[0] { "…" } else { "" });
        pieces.push((begin + kept.start, out.len(), kept.len()));
        out.push_str(body.get(kept).unwrap_or_default());
        out.push_str(if marks[1] { "…" } else { "" });
        out.push_str(end);
        begin += line.len();
    }
    let moved = |at: usize| {
        let (from, to, length) = *pieces
            .get(pieces.partition_point(|(from, ..)| *from <= at).saturating_sub(1))
            .unwrap_or(&(0, 0, 0));
        to + at.saturating_sub(from).min(length)
    };
    let said = |(span, label): &(Range<usize>, String)| {
        let place = moved(span.start)..moved(span.end);
        match cut.iter().find(|line| line.contains(&span.start)) {
            Some(line) => (place, format!("{label} (column {})", span.start - line.start + 1)),
            None => (place, label.clone()),
        }
    };
    let labels = labels.iter().map(said).collect();
    (Cow::Owned(out), labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_place_and_the_place_stays_right() {
        let text = format!("(\n  {}é: 5x,\n  b: 1,\n)", "é".repeat(1000));
        let (at, b) = (text.find("5x").unwrap(), text.find("b:").unwrap());
        let (shown, labels) = excerpt(
            &text,
            &vec![(at..at + 2, "no number".to_owned()), (b..b + 1, "here".to_owned())],
        );
        assert!(shown.len() < 300, "{shown}");
        assert_eq!(shown.get(labels[0].0.clone()), Some("5x"));
        assert_eq!(shown.get(labels[1].0.clone()), Some("b"));
        assert_eq!(
            (labels[0].1.as_str(), labels[1].1.as_str()),
            ("no number (column 2007)", "here")
        );
        assert_eq!(shown.lines().count(), 4);
        let short = "(\n a: 1)";
        assert_eq!(
            excerpt(short, &vec![(3..4, "a".to_owned())]),
            (Cow::Borrowed(short), vec![(3..4, "a".to_owned())])
        );
    }

    #[test]
    fn a_long_text_says_how_much_is_left_out() {
        assert_eq!(shortened("short", 10), "short");
        let text = shortened(&"é".repeat(100), 40).into_owned();
        assert_eq!(text, format!("{} … (160 bytes left out) … {}", "é".repeat(15), "é".repeat(5)));
    }
}
