//! How an application is asked over HTTP, and where its answer stands: a file in RON or JSON for
//! `simlab drive`, or a built-in form.
//!
//! Guarantees: what is let through can be filled in; every mistake of a text is shown with its
//! place.
//!
//! Does not know: HTTP, or what is asked.

mod template;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use self::template::PLACEHOLDERS;
pub use self::template::{Template, TemplateValues};
use super::placed::{PlacedValue, misplaced, read_either};
use crate::diagnostic::{Diagnostic, SourceText};

/// A built-in form.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInForm {
    /// Its name.
    pub name: &'static str,
    /// Which applications it fits.
    pub summary: &'static str,
    /// The form as a file would have it.
    pub text: &'static str,
}

/// The built-in forms.
pub const APP_FORMS: &[BuiltInForm] = &[
    BuiltInForm {
        name: "tutorial",
        summary: "the app of LaunchDarkly's tutorial",
        text: include_str!("app_form/tutorial.ron"),
    },
    BuiltInForm {
        name: "chat",
        summary: "any app with an address like OpenAI's chat completions",
        text: include_str!("app_form/chat.ron"),
    },
];

/// How an application is asked over HTTP, in RON or JSON. Texts in a body may hold placeholders:
/// `{question}`, `{user}` (the user's key), `{visit}` (which visit of the user, from 0),
/// `{attributes}` (the user's attributes as an object), `{context}` (the same with `user`, the key),
/// and in feedback also `{answer}`, `{feedback}` (`positive` or `negative`), `{response}` (the whole answer
/// of the app) and a part of it such as `{response/id}`. A text that is one placeholder becomes its
/// value. `{{` and `}}` are braces.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenAppForm {
    /// What follows the address that the command names, such as `/chat`. Default: nothing.
    #[serde(default)]
    path: String,
    /// Headers of each request besides `content-type`. `{env:NAME}` is an environment variable, for
    /// keys.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body of a question, a JSON value.
    body: Value,
    /// Where the text of the answer stands in the app's JSON, as a JSON pointer such as
    /// `/choices/0/message/content`.
    answer: String,
    /// Values of an answer that say that the app failed, although its status is 200: JSON pointers
    /// with the value. Default: none.
    #[serde(default)]
    failed: BTreeMap<String, Value>,
    /// How a user's feedback is sent. Default: it is not sent.
    #[serde(default)]
    feedback: Option<WrittenFeedbackForm>,
}

/// How a user's feedback is sent to the app.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenFeedbackForm {
    /// What follows the address that the command names.
    path: String,
    /// The body, a JSON value.
    body: Value,
}

/// How an application is asked.
#[derive(Clone, Debug)]
pub struct AppForm {
    /// What follows the address.
    pub path: String,
    /// Headers: names in lower case and their values.
    pub headers: BTreeMap<String, HeaderTemplate>,
    /// The body of a question.
    pub body: Template,
    /// Where the answer's text stands.
    pub answer: String,
    /// Values that say that the app failed.
    pub failed: BTreeMap<String, Value>,
    /// The path and the body of feedback.
    pub feedback: Option<(String, Template)>,
}

/// The value of a header: texts and names of environment variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderTemplate(Vec<HeaderPart>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum HeaderPart {
    Text(String),
    Variable(String),
}

impl HeaderTemplate {
    fn new(text: &str) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{env:") {
            let (name, after) = after.split_once('}').ok_or("`{env:` has no `}`")?;
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(word) {
                return Err(format!("`{name}` is not the name of an environment variable"));
            }
            parts.push(HeaderPart::Text(before.to_owned()));
            parts.push(HeaderPart::Variable(name.to_owned()));
            rest = after;
        }
        parts.push(HeaderPart::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The value.
    ///
    /// # Errors
    /// The name of the first variable that is not set.
    pub fn fill(&self, variable: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
        let mut value = String::new();
        for part in &self.0 {
            match part {
                HeaderPart::Text(text) => value += text,
                HeaderPart::Variable(name) => value += &variable(name).ok_or(name.as_str())?,
            }
        }
        Ok(value)
    }
}

/// Reads a form.
///
/// # Errors
/// All mistakes of the text, with their places.
pub fn parse_app_form(source: &SourceText) -> Result<AppForm, Vec<Diagnostic>> {
    if source.text.trim().is_empty() {
        let fault = Diagnostic::new(format!("`{}` is empty", source.name));
        return Err(vec![fault.help(
            "write (path: \"/chat\", body: {\"message\": \"{question}\", \"user\": \"{user}\"}, answer: \"/response\")",
        )]);
    }
    let placed = read_either(source).map_err(|fault| vec![fault])?;
    let written: WrittenAppForm = serde_path_to_error::deserialize(placed.value.clone())
        .map_err(|error| vec![misplaced(&error, &placed, source)])?;
    let mut reader = FormReader { source, placed: &placed, wrong: Vec::new() };
    let form = reader.form(&written);
    if reader.wrong.is_empty() { Ok(form) } else { Err(reader.wrong) }
}

struct FormReader<'a> {
    source: &'a SourceText,
    placed: &'a PlacedValue,
    wrong: Vec<Diagnostic>,
}

impl FormReader<'_> {
    fn wrong(&mut self, path: &str, message: impl Into<String>, label: &str, help: &str) {
        let fault = Diagnostic::new(message).at(self.source, self.placed.place(path), label);
        self.wrong.push(fault.help(help));
    }

    fn form(&mut self, written: &WrittenAppForm) -> AppForm {
        self.path("path", &written.path);
        self.pointer("answer", &written.answer);
        for pointer in written.failed.keys() {
            self.pointer(&format!("failed.{pointer}"), pointer);
        }
        let headers = written.headers.iter().filter_map(|(name, text)| {
            let path = format!("headers.{name}");
            let token =
                |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) {
                self.wrong(
                    &path,
                    format!("`{name}` cannot name a header"),
                    "this header",
                    "expected letters, digits and hyphens",
                );
            }
            if text.chars().any(|c| c.is_control() || !c.is_ascii()) {
                self.wrong(
                    &path,
                    "a header's value is one line of ASCII",
                    "this value",
                    "keep a secret in a variable: {env:NAME}",
                );
            }
            match HeaderTemplate::new(text) {
                Ok(template) => Some((name.to_lowercase(), template)),
                Err(reason) => {
                    self.wrong(
                        &path,
                        reason,
                        "this value",
                        "an environment variable is written {env:NAME}",
                    );
                    None
                }
            }
        });
        let headers = headers.collect();
        let body = self.template("body", &written.body, false);
        if !body.asks() {
            self.wrong(
                "body",
                "the body does not hold the question",
                "this body",
                "put \"{question}\" where your app takes the user's message",
            );
        }
        let feedback = written.feedback.as_ref().map(|feedback| {
            self.path("feedback.path", &feedback.path);
            (feedback.path.clone(), self.template("feedback.body", &feedback.body, true))
        });
        AppForm {
            path: written.path.clone(),
            headers,
            body,
            answer: written.answer.clone(),
            failed: written.failed.clone(),
            feedback,
        }
    }

    fn path(&mut self, field: &str, path: &str) {
        let fits = path.is_empty()
            || (path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()));
        if !fits {
            self.wrong(
                field,
                format!("`{path}` is not a path"),
                "this path",
                "expected a path that begins with `/`, such as /chat",
            );
        }
    }

    fn pointer(&mut self, field: &str, pointer: &str) {
        if !(pointer.is_empty() || pointer.starts_with('/')) {
            let help = format!("expected a JSON pointer, such as /{pointer}");
            self.wrong(
                field,
                format!("`{pointer}` is not a JSON pointer"),
                "it begins without `/`",
                &help,
            );
        }
    }

    fn template(&mut self, field: &str, value: &Value, after_answer: bool) -> Template {
        let mut wrong = Vec::new();
        let template = Template::new(value, field, after_answer, &mut wrong);
        for (path, reason) in wrong {
            let known: Vec<String> = PLACEHOLDERS
                .iter()
                .filter(|(_, later)| after_answer || !later)
                .map(|(name, _)| format!("{{{name}}}"))
                .collect();
            let help = format!("the placeholders are {}; `{{{{` is a brace", known.join(", "));
            self.wrong(&path, reason, "this text", &help);
        }
        template
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(text: &str) -> Result<AppForm, Vec<Diagnostic>> {
        parse_app_form(&SourceText::new("app.ron", text.to_owned()))
    }

    #[test]
    fn the_built_in_forms_can_be_read() {
        for form in APP_FORMS {
            let read = parsed(form.text);
            assert!(read.is_ok(), "{}: {read:?}", form.name);
        }
    }

    #[test]
    fn placeholders_become_values_and_parts_of_texts() {
        let form = parsed(
            r#"(path: "/ask", answer: "/a", headers: {"X-Key": "Bearer {env:APP_KEY}"},
                body: {"q": "{question}", "who": {"ctx": "{context}", "plain": "{{x}} {user}/{visit}", "n": 3}},
                feedback: (path: "/rate", body: ["{feedback}", "{response/id}", "{response}", "{answer}"]))"#,
        )
        .unwrap();
        let (context, attributes) =
            (json!({"plan": "paid", "user": "u1"}), json!({"plan": "paid"}));
        let response = json!({"id": 7, "a": "Yes."});
        let values = TemplateValues {
            question: "Why?",
            user: "u1",
            visit: 2,
            context: &context,
            attributes: &attributes,
            answer: "Yes.",
            feedback: "positive",
            response: &response,
        };
        assert_eq!(
            form.body.fill(&values),
            json!({"q": "Why?", "who": {"ctx": context, "plain": "{x} u1/2", "n": 3}})
        );
        let (path, body) = form.feedback.as_ref().unwrap();
        assert_eq!(path, "/rate");
        assert_eq!(body.fill(&values), json!(["positive", 7, response, "Yes."]));
        let header = form.headers.get("x-key").unwrap();
        assert_eq!(header.fill(|_| Some("k".to_owned())).unwrap(), "Bearer k");
        assert_eq!(header.fill(|_| None), Err("APP_KEY"));
    }

    #[test]
    fn every_mistake_has_its_place() {
        for (text, message, marked) in [
            (
                r#"(body: {"m": "{qestion}"}, answer: "/a")"#,
                "did you mean `{question}`?",
                "\"{qestion}\"",
            ),
            (
                r#"(body: {"m": "hi"}, answer: "/a")"#,
                "does not hold the question",
                r#"{"m": "hi"}"#,
            ),
            (r#"(body: {"m": "{question}"}, answer: "a")"#, "is not a JSON pointer", "\"a\""),
            (r#"(path: "chat", body: "{question}", answer: "/a")"#, "is not a path", "\"chat\""),
            (
                r#"(body: "{question} {answer}", answer: "/a")"#,
                "only in feedback",
                "\"{question} {answer}\"",
            ),
            (r#"(body: "{question", answer: "/a")"#, "has no `}`", "\"{question\""),
            (
                r#"(body: "{question}", answer: "/a", headers: {"k": "{env:}"})"#,
                "environment variable",
                "\"{env:}\"",
            ),
            (r#"(body: "{question}", answer: "/a", feedbak: 1)"#, "feedback", "feedbak"),
        ] {
            let faults = parsed(text).unwrap_err();
            let shown = crate::diagnostic::render(&faults, false);
            assert!(shown.contains(message), "{text}\n{shown}");
            let column = text.find(marked).unwrap() + 1;
            assert!(shown.contains(&format!("app.ron:1:{column}")), "{text}\n{shown}");
        }
    }
}
