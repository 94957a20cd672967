//! Words of a page that need an explanation: keys read as names and have the key as a tooltip;
//! terms are buttons that open their explanation, without a script.
//!
//! Guarantees: an explanation is on the page once, and only if one of its words is.
//!
//! Does not know: what any word means; `explain` does.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use crate::explain::{self, Term};
use crate::report::document::Element;
use crate::report::escape::plain;
use crate::report::format::readable;

/// The words of one page.
#[derive(Debug, Default)]
pub(super) struct PageWords {
    /// What ids begin with.
    prefix: String,
    /// Names of metrics and checks by key.
    names: BTreeMap<String, String>,
    /// The terms that are on the page, by name.
    terms: RefCell<BTreeSet<&'static str>>,
}

impl PageWords {
    /// The names in a document.
    pub(super) fn of(document: &[Element<'_>], prefix: &str) -> Self {
        let mut words = Self { prefix: prefix.to_owned(), ..Self::default() };
        words.collect(document);
        words
    }

    fn collect(&mut self, elements: &[Element<'_>]) {
        for element in elements {
            match element {
                Element::Section(section) => self.collect(&section.elements),
                Element::Scorecard(card) => {
                    let metrics = card.experiment.metrics.iter();
                    self.names.extend(metrics.map(|own| (own.key.clone(), own.title())));
                    let checks = card.experiment.health.iter();
                    self.names.extend(
                        checks.map(|own| (own.check.clone(), readable(&own.check).to_lowercase())),
                    );
                }
                _ => {}
            }
        }
    }

    /// A text whose keys read as names.
    pub(super) fn text(&self, text: &str) -> Markup {
        let text = plain(text);
        if let Some(name) = self.names.get(&text) {
            return named(&text, name);
        }
        let pieces = self.pieces(&text);
        html! {
            @for (piece, name) in pieces {
                @match name { Some(name) => (named(piece, &lower(name))), None => (piece) }
            }
        }
    }

    /// A text in pieces: keys with their names, and what is between them. Only what could not be a
    /// word of the language is taken for a key.
    fn pieces<'t>(&'t self, text: &'t str) -> Vec<(&'t str, Option<&'t str>)> {
        let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let (mut pieces, mut from) = (Vec::new(), 0);
        for word in text.split(|c: char| !inside(c)).filter(|word| word.contains('_')) {
            let at = word.as_ptr() as usize - text.as_ptr() as usize;
            let Some(name) = self.names.get(word) else { continue };
            pieces.push((text.get(from..at).unwrap_or_default(), None));
            pieces.push((word, Some(name.as_str())));
            from = at + word.len();
        }
        pieces.push((text.get(from..).unwrap_or_default(), None));
        pieces
    }

    /// The name of a check, with its explanation where there is one.
    pub(super) fn check(&self, check: &str) -> Markup {
        match self.names.contains_key(check) {
            true => self.explained(&readable(check), check),
            false => self.text(check),
        }
    }

    /// A heading, with its explanation where there is one.
    pub(super) fn heading(&self, text: &str) -> Markup {
        self.explained(text, text)
    }

    /// A text that is explained as `word`.
    pub(super) fn explained(&self, text: &str, word: &str) -> Markup {
        let Some(term) = explain::find(&word.replace('\n', " ")) else {
            return html! { (plain_lines(text)) };
        };
        self.terms.borrow_mut().insert(term.name);
        html! {
            button.term type="button" popovertarget=(self.id(term)) title=(term.says[0]) { (plain_lines(text)) }
        }
    }

    fn id(&self, term: &Term) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        format!("{}word-{}", self.prefix, term.name.chars().map(plain).collect::<String>())
    }

    /// The explanations of the terms that are on the page.
    pub(super) fn explanations(&self) -> Markup {
        let terms = self.terms.borrow();
        html! {
            @for term in terms.iter().filter_map(|name| explain::find(name)) {
                div.explained #(self.id(term)) popover="auto" {
                    p { strong { (term.name) } }
                    p { (term.says.join(" ")) }
                    p.small.dim { "Formula: " (term.formula) }
                    p.small.dim { "Source: " (term.source) }
                }
            }
        }
    }
}

/// A name with its key as a tooltip.
pub(super) fn named(key: &str, name: &str) -> Markup {
    let (key, name) = (plain(key), plain(name));
    html! { @if key == name { (name) } @else { span.named title=(key) { (name) } } }
}

/// A name inside of a sentence: without its capital, unless it has more than one.
fn lower(name: &str) -> String {
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain([second]).chain(letters).collect()
        }
        _ => name.to_owned(),
    }
}

/// A heading keeps the line breaks that its column has.
fn plain_lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}
