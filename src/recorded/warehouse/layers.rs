//! A query in layers: each selects from the ones before it.
//!
//! Does not know: what is selected.

/// One layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    /// Its name.
    pub name: &'static str,
    /// What it is for, as a comment.
    pub says: &'static str,
    /// Its columns: expressions, each with its name where that is another.
    pub columns: Vec<(String, String)>,
    /// All that follows SELECT and the columns.
    pub from: String,
}

impl Layer {
    pub fn new(name: &'static str, says: &'static str) -> Self {
        Self { name, says, ..Self::default() }
    }

    /// One more column.
    pub fn column(&mut self, name: impl Into<String>, expression: impl Into<String>) {
        self.columns.push((expression.into(), name.into()));
    }

    /// Columns that stay as they are.
    pub fn keep<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        for name in names {
            self.column(name, name);
        }
    }

    /// The names of its columns.
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|(_, name)| name.clone()).collect()
    }

    fn select(&self, indent: &str) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(expression, name)| {
                if expression == name {
                    format!("{indent}  {name}")
                } else {
                    format!("{indent}  {expression} AS {name}")
                }
            })
            .collect();
        let from: Vec<String> = self.from.lines().map(|line| format!("{indent}{line}")).collect();
        format!("{indent}SELECT\n{}\n{}", columns.join(",\n"), from.join("\n"))
    }
}

/// The text of a query: `head` as comments, the layers, the last of which is the result.
pub(super) fn written(head: &str, layers: &[Layer], ending: &str) -> String {
    let comment = |text: &str, indent: &str| {
        text.lines().map(|line| format!("{indent}-- {line}\n")).collect::<String>()
    };
    let mut text = comment(head, "");
    let Some((last, before)) = layers.split_last() else { return text };
    let with: Vec<String> = before
        .iter()
        .map(|layer| {
            format!("{} AS (\n{}{}\n)", layer.name, comment(layer.says, "  "), layer.select("  "))
        })
        .collect();
    text += &format!("WITH {}\n", with.join(",\n"));
    text += &last.select("");
    text + ending + ";\n"
}
