//! A report in every format, as methods of the report.
//!
//! Does not know: terminals; a text is as wide as it is asked to be, and has no color.

use super::data::Report;
use super::html::to_html;
use super::json::{from_json, to_json};
use super::junit::to_junit;
use super::markdown::to_markdown;
use super::palette::Palette;
use super::text::to_text;
use crate::diagnostic::{Diagnostic, Mistakes};

/// The width of a text, in columns.
const WIDTH: usize = 80;

impl Report {
    /// Reads a report that was saved as JSON.
    ///
    /// # Errors
    /// When `json` is not such a report; the message says where and why.
    pub fn parse(json: &str) -> Result<Self, Mistakes> {
        Ok(from_json(json).map_err(Diagnostic::new)?)
    }

    /// The report as text of 80 columns, without color.
    #[must_use]
    pub fn to_text(&self) -> String {
        to_text(self, WIDTH, &Palette::plain())
    }

    /// The report as one JSON document, which `docs/report.md` describes.
    ///
    /// # Errors
    /// When the document cannot be written, which no report causes.
    pub fn to_json(&self) -> Result<String, Mistakes> {
        Ok(to_json(self).map_err(Diagnostic::new)?)
    }

    /// The report as Markdown for a comment on a pull request.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        to_markdown(self)
    }

    /// The report as one HTML page without scripts.
    #[must_use]
    pub fn to_html(&self) -> String {
        to_html(self)
    }

    /// The expectations of the scenario as test cases, for CI.
    #[must_use]
    pub fn to_junit(&self) -> String {
        to_junit(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::DataOrigin;

    #[test]
    fn a_report_is_the_same_after_it_was_saved_and_read() {
        let report = Report::new("security", DataOrigin::Mock, Some(18), "abc");
        assert_eq!(Report::parse(&report.to_json().unwrap()).unwrap(), report);
        let mistakes = Report::parse("{}").unwrap_err();
        assert!(mistakes.to_string().contains("not a report of simlab"), "{mistakes}");
    }
}
