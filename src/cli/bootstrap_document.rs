//! What a bootstrap does, as a document: what it would create, what is missing or differs, or what
//! it did.
//!
//! Guarantees: one entry for each resource that is not as the scenario needs it, then the totals.
//!
//! Does not know: how anything is created.

use crate::flags::bootstrap::{Action, ActionKind};
use crate::report::document::{CheckRow, Checklist, Element, Level, Mark, Section};
use crate::report::table::Tone;
use crate::report::{Palette, document_to_text};

/// What the actions of a bootstrap are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// Those of a bootstrap of an empty account, without LaunchDarkly.
    Needed,
    /// What a bootstrap of the real project would do.
    Planned,
    /// What was done there.
    Done,
}

/// The actions as text at most `width` columns wide.
pub(super) fn to_text(
    actions: &[Action],
    stance: Stance,
    width: usize,
    palette: &Palette,
) -> String {
    document_to_text(&document(actions, stance), width, palette)
}

fn document(actions: &[Action], stance: Stance) -> Vec<Element<'static>> {
    let title = match stance {
        Stance::Needed => "What the scenario needs in LaunchDarkly",
        Stance::Planned => "What is missing or differs in LaunchDarkly",
        Stance::Done => "What simlab created and changed in LaunchDarkly",
    };
    // A resource that needs nothing is only counted, unless something is to be said of it.
    let shown = |action: &&Action| {
        action.kind != ActionKind::Unchanged
            || (stance == Stance::Planned && !action.detail.is_empty())
    };
    let rows = actions.iter().filter(shown).flat_map(rows).collect();
    let totals = Element::Note(totals(actions, stance), Tone::Strong);
    let list = Element::Checklist(Checklist { rows, words: 0, brief: false });
    vec![Section::new(title, Level::Chapter).with([list, totals]).into()]
}

/// A resource, and below it each field that differs.
fn rows(action: &Action) -> Vec<CheckRow> {
    let (sign, tone, comment) = match action.kind {
        ActionKind::Created => ("+", Tone::Good, "➕"),
        ActionKind::Updated => ("~", Tone::Warn, "✏️"),
        ActionKind::Differs => ("!", Tone::Warn, "⚠️"),
        ActionKind::Unchanged => ("=", Tone::Dim, "🟰"),
    };
    let row = |sign, name: String, detail: String, depth| {
        let mark = Mark { sign, word: "", tone, comment };
        CheckRow { mark, name, detail, compared: None, depth }
    };
    let name = format!("{} {}", action.resource.name(), action.key);
    let own = row(sign, name, action.detail.clone(), 0);
    let fields = action.differences.iter().flat_map(|one| {
        [
            row(" ", one.field.clone(), String::new(), 1),
            row(" ", String::new(), format!("found:  {}", one.there), 1),
            row(" ", String::new(), format!("needed: {}", one.wanted), 1),
        ]
    });
    std::iter::once(own).chain(fields).collect()
}

fn totals(actions: &[Action], stance: Stance) -> String {
    let count = |kind| actions.iter().filter(|action| action.kind == kind).count();
    let [created, updated, differing, unchanged] =
        [ActionKind::Created, ActionKind::Updated, ActionKind::Differs, ActionKind::Unchanged]
            .map(count);
    match stance {
        Stance::Needed => format!("{created} to create, {unchanged} that every account has"),
        Stance::Planned => format!(
            "{created} to create, {} different, {unchanged} as the scenario needs them",
            updated + differing
        ),
        Stance::Done if differing > 0 => format!(
            "{created} created, {updated} updated, {unchanged} unchanged, {differing} different and not changed"
        ),
        Stance::Done => format!("{created} created, {updated} updated, {unchanged} unchanged"),
    }
}
