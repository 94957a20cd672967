//! One word and its explanation as text.
//!
//! Does not know: which words there are.

/// A word of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The word as a report writes it.
    pub name: &'static str,
    /// Other ways to write or to ask for it, lower case.
    pub aliases: &'static [&'static str],
    /// What it means, what it is for, and what to beware of: a sentence each.
    pub says: [&'static str; 3],
    /// The formula that is used, in plain text.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Related words.
    pub see: &'static [&'static str],
}

impl Term {
    /// The explanation in lines of at most `width` cells, which is taken as 40 at the least and 100
    /// at the most.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        let width = width.clamp(40, 100);
        let mut text = format!("{}\n\n", self.name);
        let mut add = |label: &str, words: &str| {
            let inset = " ".repeat(if label.is_empty() { 2 } else { 11 });
            let first = if label.is_empty() { inset.clone() } else { format!("  {label:9}") };
            let options = textwrap::Options::new(width)
                .initial_indent(&first)
                .subsequent_indent(&inset)
                .break_words(false);
            text += &textwrap::wrap(words, options).join("\n");
            text.push('\n');
        };
        add("", &self.says.join(" "));
        add("formula", self.formula);
        add("source", self.source);
        if !self.see.is_empty() {
            add("see also", &self.see.join(", "));
        }
        text
    }
}
