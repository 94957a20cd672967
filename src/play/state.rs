//! What a link says: which settings differ from the scenario, and what is shown. There is no other
//! state.
//!
//! Guarantees: the same link gives the same page; a parameter that is unknown or given twice is an
//! error that names it.
//!
//! Does not know: what a value means.

use super::knob::Knob;
use crate::diagnostic::{Diagnostic, nearest};
use crate::scenario::{Loaded, with_value, without_field};

/// Longest value, in characters.
const MAX_VALUE: usize = 40;

/// What a link says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageState {
    /// The settings that differ, by name, in the order in which they are shown.
    pub changes: Vec<(String, String)>,
    /// Whether the true effect is shown.
    pub truth: bool,
    /// Whether the parts that take longest are left out.
    pub quick: bool,
    /// How many of the users have arrived, where somebody watches them; `None`: all.
    pub arrived: Option<u32>,
    /// Which page asks, so that its next question ends its last one.
    pub tab: String,
}

impl PageState {
    /// Reads the parameters of a query.
    ///
    /// # Errors
    /// What is wrong with them, for people.
    pub fn read(parameters: &[(String, String)], knobs: &[Knob]) -> Result<Self, String> {
        let mut state = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in parameters {
            if seen.contains(&name.as_str()) {
                return Err(format!("the parameter `{}` is given twice", shown(name)));
            }
            seen.push(name);
            let is_set = !matches!(value.as_str(), "" | "0");
            match name.as_str() {
                "truth" => state.truth = is_set,
                "quick" => state.quick = is_set,
                "arrived" => {
                    let users = value.parse::<u32>().ok().filter(|users| *users > 0);
                    let wanted = "`arrived` is a number of users: expected a whole number above 0";
                    state.arrived = Some(users.ok_or(wanted)?);
                }
                "tab" => state.tab = shown(value),
                _ => {
                    let Some(knob) = knobs.iter().find(|knob| knob.id == *name) else {
                        let known = knobs.iter().map(|knob| knob.id.as_str());
                        let near = nearest(name, known.chain(["truth"]))
                            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                        return Err(format!("there is no setting `{}` here{near}", shown(name)));
                    };
                    let value = value.trim();
                    if value.chars().count() > MAX_VALUE {
                        return Err(format!(
                            "the value of `{name}` is longer than {MAX_VALUE} characters"
                        ));
                    }
                    if !value.is_empty() && !knob.is_own(value) {
                        state.changes.push((knob.id.clone(), value.to_owned()));
                    }
                }
            }
        }
        let place = |id: &str| knobs.iter().position(|knob| knob.id == id);
        state.changes.sort_by_key(|(id, _)| place(id));
        Ok(state)
    }

    /// The value that a setting has.
    #[must_use]
    pub fn value<'v>(&'v self, knob: &'v Knob) -> &'v str {
        self.changed(&knob.id).unwrap_or(&knob.value)
    }

    /// The value of a setting that differs.
    #[must_use]
    pub fn changed(&self, id: &str) -> Option<&str> {
        self.changes.iter().find(|(own, _)| own == id).map(|(_, value)| value.as_str())
    }

    /// The query of a link that restores it.
    #[must_use]
    pub fn query(&self) -> String {
        let truth = self.truth.then_some(("truth", "1"));
        let changes = self.changes.iter().map(|(id, value)| (id.as_str(), value.as_str()));
        let pairs = changes.chain(truth);
        pairs
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect::<Vec<_>>()
            .join("&")
    }

    /// The same with another seed.
    #[must_use]
    pub fn with_seed(&self, seed: u64) -> Self {
        let mut other = self.clone();
        other.changes.retain(|(id, _)| id != "seed");
        other.changes.push(("seed".to_owned(), seed.to_string()));
        other
    }

    /// The text of the scenario with the changes in it. A lesson's own part is left out then: it is
    /// about the settings that the lesson has.
    ///
    /// # Errors
    /// That a setting has no place in the text, which no scenario that could be read has shown yet.
    pub fn text(&self, base: &Loaded, knobs: &[Knob]) -> Result<String, Vec<Diagnostic>> {
        let own = base.source.text.as_ref();
        let plain = without_field(own, "lesson").filter(|_| !self.changes.is_empty());
        let mut text = plain.unwrap_or_else(|| own.to_owned());
        for (id, value) in &self.changes {
            let knob = knobs.iter().find(|knob| knob.id == *id);
            for (path, written) in knob.into_iter().flat_map(|knob| knob.changes(value)) {
                let Some(changed) = with_value(&text, path, &written) else {
                    let fault = format!("the scenario has no place for `{id}`");
                    return Err(vec![Diagnostic::new(fault).help("change it in the file")]);
                };
                text = changed;
            }
        }
        Ok(text)
    }
}

/// A word of a query as a message can show it.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// A part of a query, percent-encoded.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::knob::knobs;
    use crate::scenario::{LESSONS, LIBRARY, load};

    /// A value next to the knob's own, inside of its range.
    fn turned(knob: &Knob) -> Option<String> {
        let [from, to, step] = knob.range?;
        let own: f64 = knob.value.parse().unwrap();
        let next = if own + step <= to { own + step } else { own - step };
        let text = format!("{:.6}", next.max(from));
        Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    }

    #[test]
    fn every_knob_of_every_scenario_turns_what_it_shows() {
        let mut turns = 0;
        for built_in in LIBRARY.iter().chain(LESSONS) {
            let loaded = load(built_in.name).unwrap();
            let all = knobs(&loaded);
            let value = |knob: &Knob| turned(knob).unwrap_or_else(|| "7".to_owned());
            let wanted: Vec<(String, String)> =
                all.iter().map(|knob| (knob.id.clone(), value(knob))).collect();
            turns += wanted.len();
            let state = PageState { changes: wanted.clone(), ..PageState::default() };
            let text = state.text(&loaded, &all).unwrap();
            let changed = loaded.with_text(&text).unwrap_or_else(|faults| {
                panic!("{}: {}", built_in.name, crate::diagnostic::render(&faults, false))
            });
            let found = knobs(&changed);
            for (knob, (id, value)) in found.iter().zip(&wanted) {
                assert_eq!(&knob.id, id, "{}", built_in.name);
                assert!(knob.is_own(value), "{}: {id}: {} for {value}", built_in.name, knob.value);
            }
            assert_eq!(found.len(), wanted.len(), "{}", built_in.name);
        }
        assert!(turns > 500, "{turns}");
    }

    #[test]
    fn a_link_restores_what_it_was_made_of() {
        let all = knobs(&load("security").unwrap());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let parameters = [
            pair("experiments.0.threshold", "0,9 & <more>"),
            pair("traffic.queries", " 300 "),
            pair("seed", "18"),
            pair("truth", "1"),
        ];
        let state = PageState::read(&parameters, &all).unwrap();
        // In the order of the page, and without what is the scenario's own.
        assert_eq!(
            state.query(),
            "traffic.queries=300&experiments.0.threshold=0%2C9%20%26%20%3Cmore%3E&truth=1"
        );
        assert_eq!(state.with_seed(u64::MAX).changed("seed"), Some("18446744073709551615"));
    }
}
