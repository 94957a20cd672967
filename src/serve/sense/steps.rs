//! Steps that a framework writes as words: which tool was called, with which arguments, and what
//! came of it; and the task within a prompt that holds both.
//!
//! Guarantees: a text without such steps has none, and is its own task.
//!
//! Does not know: which tools there are.

use super::marks::fields;

/// A call that is written as words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenStep {
    /// The tool's name.
    pub tool: String,
    /// The arguments, as they are written.
    pub input: String,
    /// What came of it, if it is there.
    pub result: Option<String>,
}

/// What a line of a step begins with.
const ACTION: &str = "Action:";
const INPUT: &str = "Action Input:";
const RESULT: &str = "Observation:";

/// The steps in a text: as lines (`Action:`, `Action Input:`, `Observation:`) or as numbered fields
/// between marks (`tool_name_0`, `tool_args_0`, `observation_0`).
#[must_use]
pub fn steps(text: &str) -> Vec<WrittenStep> {
    let mut found = as_lines(text);
    if text.contains("observation_0") {
        found.extend(as_fields(text));
    }
    found
}

fn as_lines(text: &str) -> Vec<WrittenStep> {
    let mut found = Vec::new();
    for part in text.split(&format!("\n{ACTION}")).skip(usize::from(!text.starts_with(ACTION))) {
        let part = part.strip_prefix(ACTION).unwrap_or(part);
        let Some((name, rest)) = part.split_once(&format!("\n{INPUT}")) else { continue };
        let (input, result) = match rest.split_once(&format!("\n{RESULT}")) {
            Some((input, result)) => (input, Some(result)),
            None => (rest, None),
        };
        let end = |text: &str| {
            let end = text.find("\nThought:").unwrap_or(text.len());
            text.get(..end).unwrap_or_default().trim().to_owned()
        };
        let name = name.trim();
        if !name.is_empty() && !name.contains(char::is_whitespace) {
            let input = end(input);
            found.push(WrittenStep { tool: name.to_owned(), input, result: result.map(end) });
        }
    }
    found
}

fn as_fields(text: &str) -> Vec<WrittenStep> {
    let all = fields(text);
    let of = |what: &str, number: &str| {
        let named = |name: &str| {
            name.strip_suffix(number).and_then(|name| name.strip_suffix('_')) == Some(what)
        };
        all.iter().find(|(name, _)| named(name)).map(|(_, value)| (*value).to_owned())
    };
    let numbers = all.iter().filter_map(|(name, _)| name.strip_prefix("tool_name_"));
    let one = |number: &str| {
        Some(WrittenStep {
            tool: of("tool_name", number)?,
            input: of("tool_args", number).unwrap_or_default(),
            result: of("observation", number),
        })
    };
    numbers.filter_map(one).collect()
}

/// What is asked within a prompt that has marked fields, or is laid out as a form.
#[must_use]
pub fn task(text: &str) -> &str {
    let marked = text.contains("[[ ## ") || text.contains("wrapped in XML tags");
    if marked {
        let first = fields(text).first().map(|(_, value)| *value);
        let ends = ["\n\nRespond with"];
        let first = first.map(|value| {
            let end = ends.iter().filter_map(|end| value.find(end)).min().unwrap_or(value.len());
            value.get(..end).unwrap_or_default().trim()
        });
        return first.filter(|value| !value.is_empty()).unwrap_or(text);
    }
    // What stands behind the first mark, up to the second.
    const FORMS: [(&str, &str); 2] =
        [("Question:", "\nThought:"), ("Current Task:", "\n\nThis is the expect")];
    let inside = |(begin, end): &(&str, &str)| {
        let end = text.rfind(end).filter(|end| text.get(*end..).is_some())?;
        let before = text.get(..end)?;
        // The steps so far stand between the question and the end.
        let at = before.rfind(begin)? + begin.len();
        let value = before.get(at..)?.split("\nThought:").next()?.trim();
        (!value.is_empty()).then_some(value)
    };
    FORMS.iter().find_map(inside).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_fields_are_steps() {
        let lines = "Thought: I need it.\nAction: get_weather\nAction Input: {\"city\": \"Paris\"}\nObservation: 18 degrees\nThought: more\nAction: search\nAction Input: sun";
        let step = |tool: &str, input: &str, result: Option<&str>| WrittenStep {
            tool: tool.to_owned(),
            input: input.to_owned(),
            result: result.map(str::to_owned),
        };
        let first = step("get_weather", "{\"city\": \"Paris\"}", Some("18 degrees"));
        assert_eq!(steps(lines), [first.clone(), step("search", "sun", None)]);
        let marked = "[[ ## question ## ]]\nWhy?\n\n[[ ## trajectory ## ]]\n[[ ## thought_0 ## ]]\nt\n\n[[ ## tool_name_0 ## ]]\nget_weather\n\n[[ ## tool_args_0 ## ]]\n{\"city\": \"Paris\"}\n\n[[ ## observation_0 ## ]]\n18 degrees";
        assert_eq!(steps(marked), [first]);
        assert_eq!(steps("Action: stay calm\nand wait"), []);
    }

    #[test]
    fn the_task_is_taken_out_of_its_form() {
        let form = "Use this format:\n\nQuestion: the input question\nThought: …\nAction Input: …\n\nBegin!\n\nQuestion: Why is it?\nThought: I need it.\nAction: get\nAction Input: x\nObservation: y\nThought:";
        assert_eq!(task(form), "Why is it?");
        let crew =
            "\nCurrent Task: Why is it?\n\nThis is the expected criteria for your final answer: x";
        assert_eq!(task(crew), "Why is it?");
        let marked = "[[ ## question ## ]]\nWhy?\n\nRespond with the corresponding output fields";
        assert_eq!(task(marked), "Why?");
        assert_eq!(task("Question: why?"), "Question: why?");
    }
}
