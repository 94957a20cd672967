//! Text from scenarios, models and events, made harmless for a format: the only way in for any of
//! it.
//!
//! Guarantees: no control character reaches a terminal, no text direction is switched, and nothing
//! can end a table cell, a tag or an attribute, or call for somebody's attention with an `@`.

/// One line of visible text: line breaks and tabs become spaces, control and invisible formatting
/// characters vanish.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' | '\u{85}' => out.push(' '),
            c if c.is_control() || invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Characters that are not seen but change what is: direction marks, joiners, tags, fillers and
/// non-characters.
fn invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{FFFE}' | '\u{FFFF}' | '\u{E0000}'..='\u{E0FFF}')
}

/// A JSON document whose texts drive no terminal: JSON leaves DEL and the control characters from
/// U+0080 on as they are.
pub(crate) fn json(document: String) -> String {
    let drives = |c: char| matches!(c, '\u{7f}'..='\u{9f}');
    if !document.contains(drives) {
        return document;
    }
    document
        .chars()
        .map(|c| if drives(c) { format!("\\u{:04x}", c as u32) } else { c.to_string() })
        .collect()
}

/// Text inside a paragraph or a table cell of GitHub's Markdown.
pub(crate) fn markdown(text: &str) -> String {
    let text = plain(text);
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            // Inside a word an underscore is only an underscore, and keys stay readable in the
            // source.
            '_' if before.is_some_and(char::is_alphanumeric)
                && chars.peek().is_some_and(|next| next.is_alphanumeric()) =>
            {
                out.push('_')
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '$' => out.extend(['\\', c]),
            c => out.push(c),
        }
        before = Some(c);
    }
    out
}

/// Text or an attribute's value in XML 1.0.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_driven_by_text() {
        assert_eq!(plain("a\u{1b}[31mred\u{7}\r\nb\u{9b}2J\u{202e}c"), "a[31mred  b2Jc");
    }

    #[test]
    fn json_keeps_its_meaning_and_drives_no_terminal() {
        let written = json(serde_json::to_string("a\u{9b}2J\u{7f}\u{1b}é").unwrap());
        assert_eq!(written, r#""a\u009b2J\u007f\u001bé""#);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), "a\u{9b}2J\u{7f}\u{1b}é");
    }

    #[test]
    fn a_cell_cannot_be_left() {
        assert_eq!(
            markdown("a|b\n<img src=x> @team `x` my_key _x_ [l](u)"),
            "a\\|b &lt;img src=x&gt; &#64;team \\`x\\` my_key \\_x\\_ \\[l\\](u)"
        );
        assert_eq!(xml("\"<&'\u{0}\u{ffff}>"), "&quot;&lt;&amp;&apos;&gt;");
    }
}
