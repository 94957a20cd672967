//! How what is there differs from what is wanted, for people.
//!
//! Guarantees: long texts are shown from where they begin to differ.
//!
//! Does not know: resources, or whether anything is changed.

use serde_json::Value;

use super::design::same;

/// Characters of a long text that are shown.
const MAX_SHOWN: usize = 160;
/// Characters of it that are shown before the first difference.
const BEFORE: usize = 24;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is, such as `instructions` or `model.parameters.temperature`.
    pub field: String,
    /// What is there.
    pub there: String,
    /// What the specification wants.
    pub wanted: String,
}

impl Difference {
    /// A difference of two texts.
    pub fn new(field: impl Into<String>, there: impl AsRef<str>, wanted: impl AsRef<str>) -> Self {
        let (there, wanted) = (one_line(there.as_ref()), one_line(wanted.as_ref()));
        let common = there.chars().zip(wanted.chars()).take_while(|(a, b)| a == b).count();
        let long = there.chars().count().max(wanted.chars().count()) > MAX_SHOWN;
        let skipped = if long { common.saturating_sub(BEFORE) } else { 0 };
        Self {
            field: field.into(),
            there: excerpt(&there, skipped),
            wanted: excerpt(&wanted, skipped),
        }
    }
}

/// The fields of `wanted` that `found` lacks or holds with another value, down to the innermost.
pub fn differences(wanted: &Value, found: &Value) -> Vec<Difference> {
    let mut list = Vec::new();
    for (name, value) in wanted.as_object().into_iter().flatten() {
        collect(name, value, &found[name.as_str()], &mut list);
    }
    list
}

fn collect(path: &str, wanted: &Value, found: &Value, list: &mut Vec<Difference>) {
    if same(wanted, found) {
        return;
    }
    let (Value::Object(inner), Value::Object(other)) = (wanted, found) else {
        return list.push(Difference::new(path, text(found), text(wanted)));
    };
    for (name, value) in inner {
        collect(&format!("{path}.{name}"), value, other.get(name).unwrap_or(&Value::Null), list);
    }
    for (name, value) in other.iter().filter(|(name, _)| !inner.contains_key(*name)) {
        list.push(Difference::new(format!("{path}.{name}"), text(value), text(&Value::Null)));
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}

fn one_line(text: &str) -> String {
    text.replace('\n', "\\n").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn excerpt(text: &str, skipped: usize) -> String {
    let left = text.chars().count().saturating_sub(skipped);
    let start = if skipped > 0 { "…" } else { "" };
    let end = if left > MAX_SHOWN { "…" } else { "" };
    format!("{start}{}{end}", text.chars().skip(skipped).take(MAX_SHOWN).collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_told_where_it_is() {
        let long = "Answer from the documents. ".repeat(8);
        let wanted = json!({ "name": "A", "model": { "parameters": { "temperature": 0.0 } }, "instructions": format!("{long}Be brief."), "n": 1 });
        let found = json!({ "name": "A", "model": { "parameters": { "top_p": 1 } }, "instructions": format!("{long}Be\nexact."), "n": 1.0 });
        let list = differences(&wanted, &found);
        let told: Vec<_> = list
            .iter()
            .map(|one| (one.field.as_str(), one.there.as_str(), one.wanted.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("model.parameters.temperature", "nothing", "0.0"),
                ("model.parameters.top_p", "1", "nothing"),
                (
                    "instructions",
                    "…r from the documents. Be\\nexact.\"",
                    "…r from the documents. Be brief.\""
                ),
            ]
        );
    }
}
