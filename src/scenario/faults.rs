//! Collects the faults of one file, and words those that many checks share: unknown names, numbers
//! out of range, keys that are given twice.
//!
//! Guarantees: a fault points at the file's own text, once; a suggestion says in which line its
//! name is defined. After [`MAX_SHOWN`] faults the rest is only counted.
//!
//! Does not know: what a scenario consists of.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use super::spanned::{Entries, Spanned};
use crate::analysis::MAY_FAIL;
use crate::diagnostic::{Diagnostic, SourceText, nearest};
use crate::figure::count;

/// Most faults that are shown.
const MAX_SHOWN: usize = 50;
/// Most entries of one map or list: indices stay small, and so does the time that checks take.
pub const MAX_ENTRIES: usize = 256;

/// Collects faults against one source.
pub struct Faults<'s> {
    source: &'s SourceText,
    found: Vec<Diagnostic>,
    /// Where names are defined: kind, owner and name.
    defined: BTreeMap<(&'static str, String, String), Range<usize>>,
}

impl<'s> Faults<'s> {
    /// None so far.
    pub fn new(source: &'s SourceText) -> Self {
        Self { source, found: Vec::new(), defined: BTreeMap::new() }
    }

    /// None so far, of the same file.
    pub fn of_same_file(&self) -> Self {
        Self { source: self.source, found: Vec::new(), defined: self.defined.clone() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Adds a fault at a place; an empty place points at nothing.
    pub fn add(
        &mut self,
        message: impl Into<String>,
        span: &Range<usize>,
        label: impl Into<String>,
        help: Option<String>,
    ) {
        let fault = Diagnostic::new(message);
        let fault =
            if span.is_empty() { fault } else { fault.at(self.source, span.clone(), label) };
        self.push(Diagnostic { source: Some(self.source.clone()), help, ..fault });
    }

    /// Adds a fault that is seen in two places.
    pub fn add_pair(
        &mut self,
        message: impl Into<String>,
        places: [(&Range<usize>, &str); 2],
        help: Option<String>,
    ) {
        let written = places.into_iter().filter(|(span, _)| !span.is_empty());
        let fault = written.fold(Diagnostic::new(message), |fault, (span, label)| {
            fault.at(self.source, span.clone(), label)
        });
        self.push(Diagnostic { source: Some(self.source.clone()), help, ..fault });
    }

    /// Adds a fault of another file that this one names.
    pub fn add_other(&mut self, fault: Diagnostic) {
        self.push(fault);
    }

    fn push(&mut self, fault: Diagnostic) {
        // What follows from a fault whose place is known says nothing new.
        let known = |own: &Diagnostic| {
            *own == fault || (fault.labels.is_empty() && own.message == fault.message)
        };
        if !self.found.iter().any(known) {
            self.found.push(fault);
        }
    }

    /// Checks the keys of a map: each once, not too many, and of a form that LaunchDarkly takes.
    /// `owner` tells apart maps of the same kind.
    pub fn keys<V>(&mut self, what: &'static str, owner: &str, entries: &Entries<V>) {
        self.too_many("entries of one kind", entries.0.get(MAX_ENTRIES).map(|(key, _)| &key.span));
        for (key, _) in entries.0.iter().take(MAX_ENTRIES) {
            self.key(what, key);
            self.define(what, owner, key);
        }
    }

    /// Refuses a list with an entry behind the last that is looked at, which would be ignored.
    pub fn too_many(&mut self, what: &str, first: Option<&Range<usize>>) {
        if let Some(span) = first {
            self.add(
                format!("more than {MAX_ENTRIES} {what}"),
                span,
                "the first one too many",
                None,
            );
        }
    }

    /// Notes where a name is defined; the second time is a fault.
    pub fn define(&mut self, what: &'static str, owner: &str, key: &Spanned<String>) {
        let name = (what, owner.to_owned(), key.value.clone());
        match self.defined.get(&name).cloned() {
            None => drop(self.defined.insert(name, key.span.clone())),
            Some(first) => {
                let places = [(&first, "the first time"), (&key.span, "the second time")];
                self.add_pair(
                    format!("{what} `{}` is defined twice", key.value),
                    places,
                    Some("keep one of them".to_owned()),
                );
            }
        }
    }

    /// Where a name is defined; nowhere for one that is not.
    pub fn place(&self, what: &'static str, key: &str) -> Range<usize> {
        self.defined.get(&(what, String::new(), key.to_owned())).cloned().unwrap_or(0..0)
    }

    /// Checks that a key has a form that LaunchDarkly takes; that of a model is its provider's id,
    /// which may have `:` and `/` in it.
    pub fn key(&mut self, what: &str, key: &Spanned<String>) {
        let (signs, told) = if what == "model" {
            ("._-:/", "`.`, `_`, `-`, `:` and `/`")
        } else {
            ("._-", "`.`, `_` and `-`")
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || signs.contains(c);
        let valid = key.value.starts_with(|c: char| c.is_ascii_alphanumeric())
            && key.value.chars().all(allowed)
            && key.value.len() <= 200;
        if !valid {
            let article = if what.starts_with(['A', 'e', 'o']) { "an" } else { "a" };
            self.add(
                format!("`{}` cannot be the key of {article} {what}", key.value),
                &key.span,
                "not a key",
                Some(format!(
                    "a key has letters, digits, {told}, and starts with a letter or digit"
                )),
            );
        }
    }

    /// The place of a name among `known`; an unknown one is a fault.
    pub fn look_up<'k>(
        &mut self,
        what: &'static str,
        name: &Spanned<String>,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<usize> {
        self.look_up_in(what, "", name, known)
    }

    /// The same for names that belong to something, such as the variations of a config.
    pub fn look_up_in<'k>(
        &mut self,
        what: &'static str,
        owner: &str,
        name: &Spanned<String>,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<usize> {
        let known: Vec<&str> = known.into_iter().collect();
        let at = known.iter().position(|&key| key == name.value);
        if at.is_none() {
            let of = if owner.is_empty() { String::new() } else { format!(" of `{owner}`") };
            let help = self.suggestion(what, owner, &name.value, &known);
            let named = if ["criterion", "health check"].contains(&what) { "name" } else { "key" };
            self.add(
                format!("{what} `{}`{of} is not defined", name.value),
                &name.span,
                format!("no {what} has this {named}"),
                Some(help),
            );
        }
        at
    }

    /// Checks the names of health checks that an experiment tolerates: each can fail, and is named
    /// once.
    pub fn tolerated(&mut self, names: &[Spanned<String>]) {
        self.too_many("health checks", names.get(MAX_ENTRIES).map(|name| &name.span));
        for (nth, name) in names.iter().enumerate().take(MAX_ENTRIES) {
            if let Some(earlier) =
                names.iter().take(nth).find(|earlier| earlier.value == name.value)
            {
                let places = [(&earlier.span, "the first time"), (&name.span, "the second time")];
                self.add_pair(
                    format!("health check `{}` is listed twice", name.value),
                    places,
                    Some("keep one of them".to_owned()),
                );
            } else if ["exposures", "prior_data_conflict"].contains(&name.value.as_str()) {
                let help = format!("remove it; checks that can fail: {}", MAY_FAIL.join(", "));
                self.add(
                    format!("health check `{}` never fails", name.value),
                    &name.span,
                    "it only warns",
                    Some(help),
                );
            } else {
                self.look_up("health check", name, MAY_FAIL);
            }
        }
    }

    /// What a name may have been meant to be, and where that is defined.
    pub fn suggestion(
        &self,
        what: &'static str,
        owner: &str,
        name: &str,
        known: &[&str],
    ) -> String {
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => match self.defined.get(&(what, owner.to_owned(), near.to_owned())) {
                Some(place) => {
                    format!("did you mean `{near}` (line {})?", self.source.line(place.start))
                }
                None => format!("did you mean `{near}`?"),
            },
            None if known.is_empty() => format!("there is no {what} here at all"),
            None => format!("known: {}", known.join(", ")),
        };
        match what {
            // The nearest name may be another model altogether.
            "model" if !name.is_empty() => {
                let more = if help.ends_with('?') { " A" } else { "; a" };
                format!(
                    "{help}{more} model of your own starts from one of the catalog: `models: {{ \"{name}\": (like: \"…\", input_price: \"$…\", output_price: \"$…\") }}`"
                )
            }
            _ => help,
        }
    }

    /// A number within its range; the nearest one in it after a fault.
    pub fn range(&mut self, what: &str, number: &Spanned<f64>, least: f64, most: f64) -> f64 {
        if (least..=most).contains(&number.value) {
            return number.value;
        }
        self.add(
            format!("{what} is out of range"),
            &number.span,
            format!("expected {least} to {most}, found {}", number.value),
            None,
        );
        least
    }

    /// A whole number within its range; the least one after a fault.
    pub fn whole(&mut self, what: &str, number: &Spanned<i64>, range: RangeInclusive<u32>) -> u32 {
        let (least, most) = (*range.start(), *range.end());
        match u32::try_from(number.value) {
            Ok(value) if range.contains(&value) => value,
            _ => {
                let label = format!(
                    "expected {} to {}, found {}",
                    count(least.into()),
                    count(most.into()),
                    number.value
                );
                self.add(format!("{what} is out of range"), &number.span, label, None);
                least
            }
        }
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// The faults, in the order of the file.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by_key(|fault| fault.labels.first().map_or(usize::MAX, |(span, _)| span.start));
        let rest = self.found.len().saturating_sub(MAX_SHOWN);
        self.found.truncate(MAX_SHOWN);
        if rest > 0 {
            self.found.push(Diagnostic::new(format!("and {rest} more")));
        }
        self.found
    }
}
