//! The scenario reference as Markdown: a section for each block of the file, a table of its fields,
//! what the catalog has.
//!
//! Guarantees: every field of the schema is in it, with its type, its range, its default and its
//! meaning; the same bytes on every machine.
//!
//! Does not know: what a field means; the comments of `source` do.

use std::fmt::Write;

use serde_json::Value;

use super::inventory;
use super::provenance::ORIGINS;
use super::schema::{properties, schema};
use crate::figure::count;

/// Most characters of a default that a table shows.
const MAX_SHOWN: usize = 40;

const HEAD: &str = "# Scenario reference

Every field of a scenario file: what it means, what it may be, and what it is when it is left out. This page is the output of
`simlab reference`, made from the types that a file is read into and the catalog that fills what is left out; a test holds it to
them. `simlab reference --format json` prints the same as a JSON schema; `simlab reference report` describes the JSON of a report. To
renew this page:

```sh
cargo run -- reference > scenarios/README.md
```

A scenario is written in [RON](https://github.com/ron-rs/ron): blocks are in parentheses, `( field: value, … )`; maps in braces,
`{ \"key\": value, … }`; lists in brackets, `[ value, … ]`; texts in quotes; `//` begins a comment. A comma after the last entry is
welcome. The order of fields does not matter, and whatever is left out takes its default. `simlab new security my.ron` writes a
commented scenario to start from; `simlab check my.ron` shows every mistake with its line.
";

/// The scenario reference, as Markdown.
#[must_use]
pub fn reference() -> String {
    let schema = schema();
    let book = Book::of(&schema);
    let mut text = HEAD.to_owned();
    text.push_str("\n## Quantities\n\n| type | written as | meaning |\n|---|---|---|\n");
    for (name, quantity) in book.defs.iter().filter(|(_, def)| is_quantity(def)) {
        let examples = quantity.get("examples").and_then(Value::as_array).into_iter().flatten();
        let examples: Vec<String> =
            examples.map(|example| format!("`{}`", ron(example, false))).collect();
        let _ = writeln!(text, "| {name} | {} | {} |", examples.join(", "), cell(says(quantity)));
    }
    text.push_str("\n## The file\n\n");
    book.block(&mut text, &schema, "Scenario", "");
    for section in &book.sections {
        let level = if section.path.contains('.') { "###" } else { "##" };
        let _ = write!(text, "\n{level} {}\n\n", section.path);
        let Some(def) = book.def(&section.name) else { continue };
        let _ = write!(text, "{}\n\n", section.shape);
        if def.get("properties").is_some() {
            book.block(&mut text, def, &section.name, &section.path);
        } else {
            book.choices(&mut text, def, &section.path);
        }
    }
    text.push_str(&inventory::tables());
    text
}

/// One block or choice, at the place where the file has it first.
struct Section {
    /// The name of its definition.
    name: String,
    /// Where it stands: `experiments.decision`.
    path: String,
    /// How it is written there.
    shape: String,
}

/// The definitions of the schema, and the order in which the reference tells of them.
struct Book<'a> {
    defs: Vec<(&'a String, &'a Value)>,
    sections: Vec<Section>,
}

impl<'a> Book<'a> {
    fn of(schema: &'a Value) -> Self {
        let defs = schema.get("$defs").and_then(Value::as_object);
        let mut book = Self { defs: defs.into_iter().flatten().collect(), sections: Vec::new() };
        book.walk(schema, "");
        book
    }

    fn def(&self, name: &str) -> Option<&'a Value> {
        self.defs.iter().find(|(known, _)| *known == name).map(|(_, def)| *def)
    }

    /// Notes a section for each definition that `within` leads to, depth first, in the order of the
    /// file.
    fn walk(&mut self, within: &Value, path: &str) {
        let (fields, _) = properties(within);
        for (field, property) in &fields {
            let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
            self.follow(property, &path, &|inside| format!("`{field}: {inside}`"));
        }
        for choice in within.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            for (_, content) in properties(choice).0 {
                self.walk(&content, path);
            }
        }
    }

    fn follow(&mut self, property: &Value, path: &str, shape: &dyn Fn(&str) -> String) {
        if let Some(name) = refers(property) {
            let Some(def) = self.def(name) else { return };
            let told = self.sections.iter().any(|section| section.name == name);
            if !told && !is_quantity(def) {
                let shape = shape(if def.get("properties").is_some() { "( … )" } else { "…" });
                self.sections.push(Section { name: name.to_owned(), path: path.to_owned(), shape });
                self.walk(def, path);
            }
        } else if let Some(one) = property.get("anyOf").and_then(|forms| forms.get(0)) {
            self.follow(one, path, shape);
        } else if let Some(items) = property.get("items") {
            self.follow(items, path, &|inside| shape(&format!("[ {inside}, … ]")));
        } else if let Some(entries) =
            property.get("additionalProperties").filter(|entries| entries.is_object())
        {
            self.follow(entries, path, &|inside| shape(&format!("{{ \"key\": {inside}, … }}")));
        }
        for item in property.get("prefixItems").and_then(Value::as_array).into_iter().flatten() {
            self.follow(item, path, &|inside| shape(&format!("(\"name\", {inside})")));
        }
    }

    /// What a block says of itself, and its fields.
    fn block(&self, text: &mut String, block: &Value, name: &str, path: &str) {
        let _ = write!(text, "{}\n\n", says(block));
        self.fields(text, block, name, path);
    }

    fn fields(&self, text: &mut String, block: &Value, name: &str, path: &str) {
        let (fields, required) = properties(block);
        text.push_str("| field | type | default | meaning |\n|---|---|---|---|\n");
        for (field, property) in &fields {
            let (meaning, said) = meaning(says(property));
            let default = if required.contains(&field.as_str()) {
                "*required*".to_owned()
            } else {
                self.default(property, said, name, path, field)
            };
            let _ = writeln!(
                text,
                "| `{field}` | {} | {default} | {} |",
                self.kind(property),
                cell(&meaning)
            );
        }
    }

    /// What a field is when it is left out, and where that comes from.
    fn default(
        &self,
        property: &Value,
        said: Option<String>,
        name: &str,
        path: &str,
        field: &str,
    ) -> String {
        let named =
            refers(property).and_then(|name| self.def(name)).is_some_and(|def| !is_quantity(def));
        let shown = match (property.get("default"), said) {
            (Some(value), _) => {
                let written = ron(value, named);
                let cut: String = written.chars().take(MAX_SHOWN).collect();
                if cut == written {
                    format!("`{written}`")
                } else {
                    format!("`{}…\"`", cut.trim_end())
                }
            }
            (None, Some(said)) => cell(&said),
            (None, None) if inventory::HAS.contains(&name) => {
                format!("[catalog](#{})", slug(inventory::TITLE))
            }
            (None, None) => String::new(),
        };
        match ORIGINS.iter().find(|origin| origin.block == path && origin.field == field) {
            Some(known) if shown.starts_with(['`', '[']) => format!("{shown} ({})", known.origin),
            _ => shown,
        }
    }

    /// The forms of a choice, and the fields of those that have any.
    fn choices(&self, text: &mut String, def: &Value, path: &str) {
        let _ = write!(text, "{} One of:\n\n| written | meaning |\n|---|---|\n", says(def));
        let choices: Vec<&Value> =
            def.get("oneOf").and_then(Value::as_array).into_iter().flatten().collect();
        for choice in &choices {
            let form = match (
                choice.get("const").and_then(Value::as_str),
                properties(choice).0.into_iter().next(),
            ) {
                (Some(name), _) => name.to_owned(),
                (None, Some((name, content))) => format!("{name}({})", self.content(&content)),
                (None, None) => continue,
            };
            let _ = writeln!(text, "| `{form}` | {} |", cell(says(choice)));
        }
        for choice in choices {
            for (name, content) in properties(choice).0 {
                if content.get("properties").is_some() {
                    let _ = write!(text, "\n`{name}` has:\n\n");
                    self.fields(text, &content, &name, path);
                }
            }
        }
    }

    /// What stands between the parentheses of a choice.
    fn content(&self, content: &Value) -> String {
        let (fields, required) = properties(content);
        if !fields.is_empty() {
            let shown = |(field, _): (&String, &Value)| {
                if required.contains(&field.as_str()) {
                    format!("{field}: …")
                } else {
                    String::new()
                }
            };
            let shown: Vec<String> =
                fields.iter().map(shown).filter(|shown| !shown.is_empty()).collect();
            return if shown.len() == fields.len() {
                shown.join(", ")
            } else {
                shown.join(", ") + ", …"
            };
        }
        let parts = content.get("prefixItems").and_then(Value::as_array);
        match parts {
            Some(parts) => {
                parts.iter().map(|part| self.plain_kind(part)).collect::<Vec<_>>().join(", ")
            }
            None => self.plain_kind(content),
        }
    }

    /// A type without links: what a choice shows of its content.
    fn plain_kind(&self, property: &Value) -> String {
        match refers(property) {
            Some(name) => self.sections.iter().find(|section| section.name == name).map_or_else(
                || name.to_lowercase(),
                |section| section.path.rsplit('.').next().unwrap_or_default().to_owned(),
            ),
            None => match property.get("items") {
                Some(items) => format!("[{}, …]", self.plain_kind(items)),
                None => self.kind(property),
            },
        }
    }

    /// The type of a field, with its range.
    fn kind(&self, property: &Value) -> String {
        if let Some(name) = refers(property) {
            let Some(def) = self.def(name) else { return name.to_owned() };
            if is_quantity(def) {
                return format!("[{}](#quantities)", name.to_lowercase());
            }
            let path = self
                .sections
                .iter()
                .find(|section| section.name == name)
                .map_or(name, |section| &section.path);
            let shown = if def.get("properties").is_some() {
                "block".to_owned()
            } else {
                self.short(def, path)
            };
            return format!("[{shown}](#{})", slug(path));
        }
        if let Some(one) = property.get("anyOf").and_then(|forms| forms.get(0)) {
            return format!("{}, or a list of such", self.kind(one));
        }
        if let Some(names) = property.get("enum").and_then(Value::as_array) {
            return names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        }
        if let Some(parts) = property.get("prefixItems").and_then(Value::as_array) {
            return format!(
                "({})",
                parts.iter().map(|part| self.kind(part)).collect::<Vec<_>>().join(", ")
            );
        }
        let range = range(property);
        match property.get("type").and_then(Value::as_str) {
            Some("boolean") => "`true` or `false`".to_owned(),
            Some("integer") => format!("whole number{range}"),
            Some("number") => format!("number{range}"),
            Some("array") => format!(
                "list of {}",
                property.get("items").map_or_else(String::new, |items| self.kind(items))
            ),
            Some("object") => {
                let entries = property.get("additionalProperties");
                format!("map: {}", entries.map_or_else(String::new, |entries| self.kind(entries)))
            }
            _ => "text".to_owned(),
        }
    }

    /// The names of a choice where there are few and plain ones; else its path.
    fn short(&self, def: &Value, path: &str) -> String {
        let choices = def.get("oneOf").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let names: Option<Vec<&str>> =
            choices.iter().map(|choice| choice.get("const").and_then(Value::as_str)).collect();
        match names {
            Some(names) if names.len() <= 4 => {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ")
            }
            _ => path.rsplit('.').next().unwrap_or_default().to_owned(),
        }
    }
}

/// The definition that a property refers to.
fn refers(property: &Value) -> Option<&str> {
    property.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next())
}

/// Whether a definition is a number or a text with examples.
fn is_quantity(def: &Value) -> bool {
    def.get("examples").is_some()
}

fn says(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

/// A description without its last sentence "Default: …", and what that says.
fn meaning(description: &str) -> (String, Option<String>) {
    match description.rsplit_once("Default: ") {
        Some((meaning, default)) => {
            (meaning.trim_end().to_owned(), Some(default.trim_end_matches('.').to_owned()))
        }
        None => (description.to_owned(), None),
    }
}

/// Text for a table's cell.
fn cell(text: &str) -> String {
    text.replace("\n\n", " ").replace('|', "\\|")
}

/// The range of a number.
fn range(property: &Value) -> String {
    let bound = |key: &str| property.get(key).and_then(Value::as_f64);
    let number = |value: f64| {
        if value >= 1e3 { count(value as u64) } else { ron(&serde_json::json!(value), false) }
    };
    let low = bound("minimum")
        .map(number)
        .or_else(|| bound("exclusiveMinimum").map(|low| format!("more than {}", number(low))));
    let high = bound("maximum")
        .map(number)
        .or_else(|| bound("exclusiveMaximum").map(|high| format!("less than {}", number(high))));
    match (low, high) {
        (Some(low), Some(high)) => format!(", {low} to {high}"),
        (Some(low), None) => format!(", at least {low}"),
        (None, Some(high)) => format!(", at most {high}"),
        (None, None) => String::new(),
    }
}

/// A value as a scenario writes it; `named`: a text is the name of a choice.
pub fn ron(value: &Value, named: bool) -> String {
    match value {
        Value::String(text) if named => text.clone(),
        Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
        }
        Value::Object(object) => {
            let field = |(name, value): (&String, &Value)| match value {
                Value::Object(content) => {
                    let fields: Vec<String> = content
                        .iter()
                        .map(|(field, value)| format!("{field}: {}", ron(value, false)))
                        .collect();
                    format!("{name}({})", fields.join(", "))
                }
                value => format!("{name}({})", ron(value, false)),
            };
            object.iter().map(field).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The anchor that GitHub gives a heading.
fn slug(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c))
        .collect::<String>();
    kept.replace(' ', "-")
}
