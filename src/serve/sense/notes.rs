//! Notes that agents' programs put beside what their user says, within tags of their own: the
//! folder, the date, how many tokens are left.
//!
//! Does not know: what a note says.

use std::borrow::Cow;

/// The names of their tags.
const TAGS: [&str; 3] = ["system-reminder", "environment_details", "environment_context"];

/// A text without such notes.
#[must_use]
pub fn without_notes(text: &str) -> Cow<'_, str> {
    if !TAGS.iter().any(|tag| text.contains(tag)) {
        return Cow::Borrowed(text);
    }
    let mut left = text.to_owned();
    for tag in TAGS {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let mut kept = String::with_capacity(left.len());
        let mut rest = left.as_str();
        while let Some((before, behind)) = rest.split_once(&open) {
            let Some((_, after)) = behind.split_once(&close) else { break };
            kept.push_str(before);
            rest = after;
        }
        kept.push_str(rest);
        left = kept;
    }
    Cow::Owned(left.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_taken_out() {
        let noted = "<system-reminder>\nToday is <b>.\n</system-reminder>\nWhy? <environment_details>x</environment_details>";
        assert_eq!(without_notes(noted), "Why?");
        for text in
            ["Why?", "What is a <system-reminder>?", "A system-reminder </system-reminder>."]
        {
            assert_eq!(without_notes(text), text);
        }
    }
}
