//! The columns of a table by what they are for.
//!
//! Does not know: what is in them.

use super::conclude::listed;
use super::roles::ColumnRole;
use super::rows::{NamedColumn, TableColumns, TableRow};
use crate::diagnostic::Diagnostic;

/// The columns of a table by their roles.
pub(super) struct RoleColumns {
    found: Vec<(ColumnRole, NamedColumn)>,
    /// In LaunchDarkly's Data Export: the kind of context, and the experiment's iteration.
    context_kind: Option<NamedColumn>,
    iteration: Option<NamedColumn>,
}

impl RoleColumns {
    /// Finds the columns: by the names that were given, else by the usual ones.
    pub(super) fn find(
        wanted: &[ColumnRole],
        given: &[(ColumnRole, String)],
        columns: &TableColumns,
        row: TableRow<'_>,
    ) -> Self {
        let names: Vec<String> = match row {
            TableRow::Record(_) => columns.names().to_vec(),
            TableRow::Object(object) => object
                .iter()
                .flat_map(|(key, value)| {
                    let inner = value.as_object().into_iter().flatten();
                    std::iter::once(key.clone())
                        .chain(inner.map(move |(own, _)| format!("{key}.{own}")))
                })
                .collect(),
        };
        let mut found: Vec<(ColumnRole, NamedColumn)> = Vec::new();
        for &role in wanted {
            let given = given.iter().find(|(own, name)| *own == role && names.contains(name));
            let free = names
                .iter()
                .map(String::as_str)
                .filter(|name| !found.iter().any(|(_, column)| column.name == *name));
            let name = given.map(|(_, name)| name.as_str()).or_else(|| role.find(free));
            found.extend(name.and_then(|name| Some((role, columns.find(name)?))));
        }
        let own =
            |name: &str| names.iter().any(|own| own == name).then(|| columns.find(name)).flatten();
        let (context_kind, iteration) = (own("context_kind"), own("experiment_iteration_id"));
        Self { found, context_kind, iteration }
    }

    pub(super) fn get(&self, role: ColumnRole) -> Option<&NamedColumn> {
        self.found.iter().find(|(own, _)| *own == role).map(|(_, column)| column)
    }

    /// Why a row of LaunchDarkly's `evaluation_events` is no exposure of a user: Data Export writes
    /// a row for each kind of context, and an iteration where the evaluation was an exposure.
    pub(super) fn of_no_experiment(&self, row: TableRow<'_>) -> Option<&'static str> {
        let cell =
            |column: &Option<NamedColumn>| column.as_ref().map(|column| row.cell(column).name());
        if cell(&self.context_kind).flatten().is_some_and(|kind| kind != "user") {
            return Some("rows of contexts of other kinds than `user`");
        }
        (cell(&self.iteration)?.is_none()).then_some("evaluations outside of experiments")
    }

    /// The column of a role that has to be there.
    pub(super) fn need(
        &self,
        role: ColumnRole,
        shown: &str,
        names: &[String],
    ) -> Result<&NamedColumn, Diagnostic> {
        self.get(role).ok_or_else(|| {
            let columns = if names.is_empty() {
                String::new()
            } else {
                format!("; its columns are {}", listed(names))
            };
            Diagnostic::new(format!("`{shown}` has no column for the {}{columns}", role.noun()))
                .help(format!("name it: --columns {}=COLUMN", role.noun()))
        })
    }
}
