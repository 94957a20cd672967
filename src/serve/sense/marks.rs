//! Fields of a text between marks: `[[ ## name ## ]]` or `<name>…</name>`, and what a remark behind
//! a field says of its value.
//!
//! Guarantees: a text without marks has no fields.
//!
//! Does not know: what a field is for.

use serde_json::{Value, json};

/// Most fields of a text.
const MAX_FIELDS: usize = 200;
/// Most marks that are tried.
const MAX_TRIED: usize = 400;
/// What stands before a field's description of its value.
const REMARK: &str = "# note: the value you produce ";

/// What stands around a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldMarks {
    /// `[[ ## name ## ]]` before it.
    Brackets,
    /// `<name>` before it and `</name>` behind it.
    Tags,
}

impl FieldMarks {
    /// Fields with their values, as an answer.
    #[must_use]
    pub fn written(self, fields: &[(String, String)]) -> String {
        let one = |(name, value): &(String, String)| match self {
            Self::Brackets if name == "completed" => "[[ ## completed ## ]]".to_owned(),
            Self::Brackets => format!("[[ ## {name} ## ]]\n{value}\n"),
            Self::Tags => {
                let value = value.replace('&', "&amp;").replace('<', "&lt;");
                format!("<{name}>\n{value}\n</{name}>\n")
            }
        };
        fields.iter().map(one).collect::<Vec<_>>().join("\n")
    }
}

/// The fields that a prompt asks for at its end, in their order, each with a schema of its value.
#[must_use]
pub fn asked_for(whole: &str) -> Option<(FieldMarks, Vec<(String, Value)>)> {
    let behind = whole.rsplit_once("espond with the corresponding output fields")?.1;
    let tags = behind.trim_start().starts_with("wrapped in XML tags");
    let (marks, open, close) = match tags {
        true => (FieldMarks::Tags, "`<", ">`"),
        false => (FieldMarks::Brackets, "[[ ## ", " ## ]]"),
    };
    let names = behind.split(open).skip(1).filter_map(|rest| rest.split(close).next());
    let names: Vec<&str> = names.take(20).collect();
    let field = |name: &&str| {
        let shown = match marks {
            FieldMarks::Brackets => format!("[[ ## {name} ## ]]\n{{{name}}}"),
            FieldMarks::Tags => format!("<{name}>\n{{{name}}}"),
        };
        let line = whole.split_once(&shown).and_then(|(_, behind)| behind.split('\n').next());
        let open = tags && whole.contains(&format!("<{name}>...</{name}>"));
        let usual = if open { "object" } else { "string" };
        let schema = line.and_then(of_remark).unwrap_or(json!({ "type": usual }));
        ((*name).to_owned(), schema)
    };
    // One field in brackets comes with the mark of the end.
    let enough = names.len() > usize::from(!tags);
    enough.then(|| (marks, names.iter().map(field).collect()))
}

/// The schema of a value that a remark describes, if there is one.
#[must_use]
pub fn of_remark(text: &str) -> Option<Value> {
    let (_, remark) = text.split_once(REMARK)?;
    if let Some((_, options)) = remark.split_once("one of: ") {
        let options: Vec<&str> = options.split("; ").map(str::trim).collect();
        return Some(json!({ "enum": options }));
    }
    let kinds =
        [("True or False", "boolean"), ("single int", "integer"), ("single float", "number")];
    if let Some((_, kind)) = kinds.iter().find(|(mark, _)| remark.contains(mark)) {
        return Some(json!({ "type": kind }));
    }
    let (_, schema) = remark.split_once("JSON schema: ")?;
    serde_json::from_str(schema).ok()
}

/// The fields of a text with their values, in their order.
#[must_use]
pub fn fields(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let bracketed = text.split("[[ ## ").skip(1).filter_map(|rest| rest.split_once(" ## ]]"));
    found.extend(bracketed.map(|(name, value)| (name, value.trim())).take(MAX_FIELDS));
    for (at, _) in text.match_indices('<').take(MAX_TRIED) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let name: &str =
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
        let behind = rest.get(name.len()..).and_then(|rest| rest.strip_prefix(">\n"));
        let Some(behind) = behind.filter(|_| !name.is_empty()) else { continue };
        if let Some(end) = behind.find(&format!("\n</{name}>")) {
            found.push((name, behind.get(..end).unwrap_or_default().trim()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_field_is_what_its_remark_says() {
        let prompt = "[[ ## tool ## ]]\n{tool}        # note: the value you produce must exactly match (no extra characters) one of: get; finish\n\n[[ ## n ## ]]\n{n}        # note: the value you produce must be a single int value\nRespond with the corresponding output fields, starting with the field `[[ ## tool ## ]]`, then `[[ ## n ## ]]`.";
        let (marks, fields) = asked_for(prompt).unwrap();
        assert_eq!(marks, FieldMarks::Brackets);
        assert_eq!(fields[0], ("tool".to_owned(), json!({ "enum": ["get", "finish"] })));
        assert_eq!(fields[1], ("n".to_owned(), json!({ "type": "integer" })));
        let tags = "<n>\n{n}        # note: the value you produce must be a single float value\n</n>\nRespond with the corresponding output fields wrapped in XML tags `<n>`.";
        let expected = [("n".to_owned(), json!({ "type": "number" }))].to_vec();
        assert_eq!(asked_for(tags), Some((FieldMarks::Tags, expected)));
        let open = "<args>...</args>\nRespond with the corresponding output fields wrapped in XML tags `<args>`.";
        let expected = [("args".to_owned(), json!({ "type": "object" }))].to_vec();
        assert_eq!(asked_for(open), Some((FieldMarks::Tags, expected)));
        assert_eq!(asked_for("Respond with the corresponding output fields."), None);
    }

    #[test]
    fn fields_are_read_and_written_in_both_forms() {
        let own = [("a", "1 < 2"), ("b", "{\"c\": 3}")];
        let named = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(fields(&FieldMarks::Brackets.written(&named)), own);
        let tagged = FieldMarks::Tags.written(&named);
        assert_eq!(fields(&tagged), [("a", "1 &lt; 2"), ("b", "{\"c\": 3}")]);
        let nested = "<question>\nWhy?\n</question>\n\n<steps>\n<tool_0>\nget\n</tool_0>\n</steps>";
        let names: Vec<&str> = fields(nested).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["question", "steps", "tool_0"]);
        assert_eq!(fields("a < b, and <b> is bold"), []);
        let both = "[[ ## question ## ]]\nWhy?\n\n[[ ## steps ## ]]\n<tool_0>\nget\n</tool_0>";
        let names: Vec<&str> = fields(both).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["question", "steps", "tool_0"]);
    }
}
