//! The scenario file: as written, resolved, meaning; and its reference, made from the same types.
//!
//! Guarantees: what `load` gives is sound: later stages look up no name and doubt no number. Every
//! fault is shown with the user's own line; all faults of a stage at once: first the file's shape,
//! then its names and sums.
//!
//! Does not know: how anything is run.

mod adaptive;
mod app_form;
mod catalog;
mod compatible;
mod configs;
mod decision;
mod documents;
mod edit;
mod experiments;
mod faults;
mod graph;
mod graph_variations;
mod injected;
mod inventory;
mod lesson;
mod library;
mod load;
mod mend;
mod model;
mod outcomes;
mod overrides;
mod paired;
mod placed;
mod project;
mod provenance;
mod questions;
mod reference;
mod resolve;
mod schema;
mod scripted;
mod schema_check;
mod shape;
mod source;
mod spanned;
mod steps;
mod study;
mod traffic;
mod tree;
mod wrong_kind;

#[cfg(test)]
mod tests;

pub use app_form::{APP_FORMS, AppForm, TemplateValues, WrittenAppForm, parse_app_form};
pub use catalog::{metrics as default_metrics, models as catalog_models};
pub use documents::Documents;
pub use edit::{PathStep, PlainValue, number_or_text, with_value, without_field, written_values};
pub use injected::{Endpoint, FaultKind, FaultRule, MAX_RULES, faults_from_json};
pub use lesson::{Exercise, Extreme, Lesson, Rates};
pub use library::{BuiltIn, LESSONS, LIBRARY, built_in};
pub use load::{
    Loaded, load, load_answers, load_app_form, load_faults, parse, parse_faults, parse_kept,
};
pub use model::Scenario;
pub use reference::reference;
pub use schema::schema;
pub use scripted::{
    AnswerConditions, AnswerRule, AnswerScript, AnswerStep, ScriptedBody, ScriptedFault,
    WrittenAnswers, parse_answers,
};
pub use study::{Slice, Study, WatchedRollout};

// For other data files in the same dialect, with the same care for mistakes.
pub(crate) use decision::DecisionScope;
pub(crate) use faults::{Faults, MAX_ENTRIES};
pub(crate) use overrides::accuracy;
pub use provenance::{ORIGINS, Origin, Provenance};
pub(crate) use shape::fault as shape_fault;
pub(crate) use source::{Accuracy, WrittenExpect, WrittenRule};
pub(crate) use spanned::{Entries, Misread, Spanned, read as read_dialect};
