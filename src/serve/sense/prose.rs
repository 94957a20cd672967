//! Forms of an answer that a prompt asks for in words: JSON, a grade, yes or no, one of a list, code.
//!
//! Guarantees: a prompt that asks for none of them is read as none. The JSON is valid under the
//! schema that stands in the prompt.
//!
//! Does not know: the true answer.

use serde_json::{Map, Value, json};

use super::marks::{self, FieldMarks};
use super::words::split;

/// Most bytes of a prompt that are searched.
const MAX_BYTES: usize = 64 << 10;

/// A form that a prompt asks for in words.
#[derive(Clone, Debug, PartialEq)]
pub enum TextForm {
    /// JSON: of this schema, or like this sample; within a fence of backticks or not.
    Json {
        /// The schema, or one read off a sample.
        schema: Value,
        /// Whether it stands in a block of code.
        fenced: bool,
    },
    /// One of these words, as they are written, behind these words.
    Choice {
        /// What stands before it, such as `GRADE: `.
        lead: String,
        /// The words.
        options: Vec<String>,
    },
    /// A whole number from the first to the second.
    Score(i64, i64),
    /// A block of code of this language; with these marks around it, or backticks.
    Code {
        /// The language, such as `python`.
        language: String,
        /// The mark before and the mark behind, if they are no backticks.
        marks: Option<(String, String)>,
        /// Whether the code hands the answer to `final_answer`.
        hands_over: bool,
    },
    /// Fields between marks, each with a schema of its value.
    Marked(FieldMarks, Vec<(String, Value)>),
}

/// What a prompt asks for.
#[must_use]
pub fn asked(system: &str, question: &str) -> Option<TextForm> {
    let end = question.floor_char_boundary(MAX_BYTES.min(question.len()));
    let question = question.get(..end).unwrap_or_default();
    let system =
        system.get(..system.floor_char_boundary(MAX_BYTES.min(system.len()))).unwrap_or_default();
    let whole = format!("{system}\n{question}");
    let lower = whole.to_lowercase();
    let marked = marks::asked_for(&whole).map(|(marks, fields)| TextForm::Marked(marks, fields));
    marked
        .or_else(|| code(&whole, &lower))
        .or_else(|| json_form(&whole, &lower))
        .or_else(|| grade(&whole, &lower))
        .or_else(|| choice(&whole))
}

fn any(text: &str, marks: &[&str]) -> bool {
    marks.iter().any(|mark| text.contains(mark))
}

fn code(whole: &str, lower: &str) -> Option<TextForm> {
    let hands_over = whole.contains("final_answer(");
    if hands_over && lower.contains("code") {
        let tags = whole.contains("<code>").then(|| ("<code>".to_owned(), "</code>".to_owned()));
        return Some(TextForm::Code { language: "py".to_owned(), marks: tags, hands_over });
    }
    let asks = [
        "in a code block",
        "a code block",
        "only code",
        "code only",
        "only the code",
        "a python script",
        "write a function",
        "write a python",
        "write code",
        "fenced code",
    ];
    if !any(lower, &asks) || lower.contains("do not use a code block") {
        return None;
    }
    const LANGUAGES: [&str; 12] = [
        "python",
        "javascript",
        "typescript",
        "rust",
        "java",
        "sql",
        "bash",
        "go",
        "ruby",
        "html",
        "css",
        "json",
    ];
    let words = split(lower);
    let language =
        LANGUAGES.iter().find(|language| words.iter().any(|(_, word)| word == *language));
    if language == Some(&"json") {
        return None;
    }
    let language = language.copied().unwrap_or("python").to_owned();
    Some(TextForm::Code { language, marks: None, hands_over: false })
}

fn json_form(whole: &str, lower: &str) -> Option<TextForm> {
    let asks = [
        "respond with json",
        "respond with a json",
        "respond in json",
        "respond only with json",
        "respond only in json",
        "reply with json",
        "reply in json",
        "return json",
        "return a json",
        "return only json",
        "return only a json",
        "output json",
        "output a json",
        "as json",
        "in json",
        "json object",
        "valid json",
        "json format",
        "json instance",
        "json schema",
        "json_schema",
        "json response",
        "give me json",
        "json with",
        "json about",
        "a json",
    ];
    if !any(lower, &asks) || any(lower, &["not json", "no json", "without json"]) {
        return None;
    }
    let found = objects(whole);
    let is_schema = |value: &&Value| {
        let leads = |word: &str| value.get(word).is_some_and(Value::is_object);
        let refers = value.get("$ref").is_some_and(Value::is_string);
        leads("properties")
            || (value.get("type").is_some() && value.get("items").is_some())
            || ((leads("$defs") || leads("definitions"))
                && (refers || ["anyOf", "oneOf", "allOf"].iter().any(|w| value.get(*w).is_some())))
    };
    // Each value names its field: `{"answer": "{answer}"}`.
    let is_template = |value: &&Value| {
        let mut fields = value.as_object().into_iter().flatten();
        fields.all(|(name, value)| {
            value.as_str().is_some_and(|text| text.starts_with(&format!("{{{name}}}")))
        })
    };
    // Prompts that explain schemas show a small one first; the one that counts comes last.
    let schema = match found.iter().rev().find(is_schema) {
        Some(schema) => schema.clone(),
        None => match found.iter().rev().find(is_template).or(found.last()) {
            Some(sample) => of_sample(sample),
            None => keys(whole).or_else(|| loose(whole))?,
        },
    };
    let fenced = any(
        lower,
        &[
            "```json codeblock",
            "json code block",
            "json codeblock",
            "in a ```json",
            "```json block",
        ],
    ) && !any(
        lower,
        &[
            "no markdown",
            "without markdown",
            "any text or markdown",
            "do not include markdown",
            "not include any markdown",
        ],
    );
    Some(TextForm::Json { schema, fenced })
}

/// The JSON objects in a text that are not within another one.
fn objects(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut tries = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find('{')) {
        let from = at + start;
        tries += 1;
        if tries > 200 {
            break;
        }
        let mut values = serde_json::Deserializer::from_str(text.get(from..).unwrap_or_default())
            .into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                at = from + values.byte_offset();
                if value.as_object().is_some_and(|fields| !fields.is_empty()) {
                    found.push(value);
                }
            }
            _ => at = from + 1,
        }
    }
    found
}

/// The schema of values like this one.
fn of_sample(sample: &Value) -> Value {
    match sample {
        Value::Object(fields) => {
            let each: Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), of_sample(value))).collect();
            let names: Vec<&String> = fields.keys().collect();
            json!({ "type": "object", "properties": each, "required": names })
        }
        Value::Array(items) => {
            json!({ "type": "array", "items": items.first().map(of_sample).unwrap_or(json!({ "type": "string" })) })
        }
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(number) if number.is_f64() => json!({ "type": "number" }),
        Value::Number(_) => json!({ "type": "integer" }),
        Value::Null => json!({ "type": ["string", "null"] }),
        Value::String(text) => of_word(text),
    }
}

/// The schema that a word of a sample names, such as `string` or `a|b`.
fn of_word(text: &str) -> Value {
    if let Some(schema) = marks::of_remark(text) {
        return schema;
    }
    let lower = text.trim().trim_matches(['<', '>', '{', '}']).to_lowercase();
    let options: Vec<&str> = text.split('|').map(str::trim).collect();
    if options.len() > 1 && options.iter().all(|option| !option.is_empty() && option.len() < 40) {
        return json!({ "enum": options });
    }
    match lower.split([' ', ',', '(']).next().unwrap_or_default() {
        "number" | "float" | "double" => json!({ "type": "number" }),
        "integer" | "int" => json!({ "type": "integer" }),
        "boolean" | "bool" | "true" | "false" | "true/false" => json!({ "type": "boolean" }),
        "array" | "list" | "string[]" => json!({ "type": "array", "items": { "type": "string" } }),
        _ => json!({ "type": "string" }),
    }
}

/// An object of which only the names of the fields are told: "with keys city, age (number) and why".
fn keys(whole: &str) -> Option<Value> {
    // As long as the text itself, byte for byte.
    let ascii = whole.to_ascii_lowercase();
    let marks = [
        "with keys",
        "with the keys",
        "with fields",
        "with the fields",
        "with the following keys",
        "with the following fields",
        "keys:",
        "fields:",
        "with key",
    ];
    let behind = marks.iter().filter_map(|mark| Some(ascii.rfind(mark)? + mark.len())).max()?;
    let list = whole.get(behind..)?.trim_start_matches([':', ' ', '\n']);
    let list = list.split(['\n', '.', ';']).next()?;
    let mut fields = Map::new();
    for part in list.split(',').flat_map(|part| part.split(" and ")) {
        let (name, told) = part.split_once(['(', ':']).unwrap_or((part, ""));
        let name = name.trim().trim_matches(['"', '\'', '`', ' ']);
        let name = name.strip_prefix("and ").unwrap_or(name).trim_matches(['"', '\'', '`', ' ']);
        let plain =
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if plain {
            fields.insert(
                name.to_owned(),
                of_word(told.trim_end_matches(')').trim().trim_start_matches("a ")),
            );
        }
    }
    let names: Vec<String> = fields.keys().cloned().collect();
    (!names.is_empty())
        .then(|| json!({ "type": "object", "properties": fields, "required": names }))
}

/// An object that is written nearly as JSON: `{reason: string, pass: boolean}`, or with remarks.
fn loose(whole: &str) -> Option<Value> {
    let start = whole
        .rfind('{')
        .filter(|start| whole.get(*start..).is_some_and(|rest| rest.contains('}')))?;
    let inside = whole.get(start + 1..)?.split('}').next()?;
    let inside = if inside.trim().is_empty() { return None } else { inside };
    let mut fields = Map::new();
    for line in inside.split([',', '\n', ';']) {
        let Some((name, told)) = line.split_once(':') else { continue };
        let name = name.trim().trim_matches(['"', '\'', '`']);
        let plain =
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if plain {
            fields.insert(name.to_owned(), of_word(told.trim().trim_matches(['"', '\''])));
        }
    }
    let names: Vec<String> = fields.keys().cloned().collect();
    (!names.is_empty())
        .then(|| json!({ "type": "object", "properties": fields, "required": names }))
}

fn grade(whole: &str, lower: &str) -> Option<TextForm> {
    if let Some((_, behind)) = whole.rsplit_once("GRADE: $LETTER") {
        let letters: Vec<String> = ["C", "P", "I"]
            .iter()
            .filter(|letter| {
                behind.contains(&format!("\"{letter}\""))
                    || behind.contains(&format!("'{letter}'"))
                    || behind.contains(&format!(" {letter}"))
            })
            .map(|letter| (*letter).to_owned())
            .collect();
        let options =
            if letters.is_empty() { vec!["C".to_owned(), "I".to_owned()] } else { letters };
        return Some(TextForm::Choice { lead: "GRADE: ".to_owned(), options });
    }
    let rates = ["rate", "score", "grade", "rating"];
    let only = [
        "only a number",
        "only the number",
        "a single number",
        "just the number",
        "just a number",
        "only an integer",
        "single integer",
        "number only",
        "respond with a number",
        "reply with a number",
        "only the score",
        "just the score",
    ];
    if any(lower, &rates) && any(lower, &only) {
        let numbers: Vec<i64> = range(lower)?;
        let (low, high) = (*numbers.first()?, *numbers.get(1)?);
        return (low < high).then_some(TextForm::Score(low, high));
    }
    None
}

/// The numbers of "from 1 to 10", "1-5", "between 0 and 100".
fn range(lower: &str) -> Option<Vec<i64>> {
    let words = split(lower);
    words
        .windows(3)
        .find_map(|three| {
            let [(_, low), (_, between), (_, high)] = three else { return None };
            let joins = ["to", "and", "through"].contains(&between.as_str());
            let (low, high) = (low.parse::<i64>().ok()?, high.parse::<i64>().ok()?);
            joins.then(|| vec![low, high])
        })
        .or_else(|| {
            words.windows(2).find_map(|two| {
                let [(at, low), (_, high)] = two else { return None };
                let joined =
                    lower.get(at + low.len()..).is_some_and(|rest| rest.starts_with(['-', '–']));
                let (low, high) = (low.parse::<i64>().ok()?, high.parse::<i64>().ok()?);
                joined.then(|| vec![low, high])
            })
        })
}

/// Words that tell somebody to answer.
const TELLS: [&str; 10] = [
    "answer",
    "respond",
    "reply",
    "return",
    "output",
    "choose",
    "pick",
    "select",
    "classify",
    "categorize",
];

/// Whether the words at a place, up to its sentence's begin, tell somebody to answer; and do not
/// forbid it.
fn is_told(ascii: &str, at: usize) -> bool {
    let before = ascii.get(..at).unwrap_or_default();
    let start = before.rfind(['.', '!', '?', '\n']).map_or(0, |end| end + 1);
    let sentence = before.get(start..).unwrap_or_default();
    let words: Vec<String> = split(sentence).into_iter().map(|(_, word)| word).collect();
    let has = |word: &str| words.iter().any(|own| own == word);
    let says = words.iter().find(|word| *word != "just" && *word != "only" && *word != "please");
    let forbids = ["not", "never", "don", "avoid", "without"].iter().any(|word| has(word));
    let tells = TELLS.iter().any(|tell| has(tell))
        || says.is_some_and(|word| word == "say")
        || words.is_empty()
        || sentence.contains("one word")
        || sentence.contains("single word");
    tells && !forbids
}

/// One of several words that a prompt asks for.
fn choice(whole: &str) -> Option<TextForm> {
    // As long as the text itself, byte for byte.
    let ascii = whole.to_ascii_lowercase();
    letters(whole, &ascii)
        .or_else(|| pair(whole, &ascii))
        .or_else(|| listed(whole, &ascii))
        .map(|(lead, options)| TextForm::Choice { lead, options })
}

/// The letters of a multiple choice, and what stands before one in an answer.
fn letters(whole: &str, ascii: &str) -> Option<(String, Vec<String>)> {
    // "'ANSWER: $LETTER' (without quotes) where LETTER is one of A,B,C,D"
    if let Some((before, behind)) = whole.rsplit_once("$LETTER") {
        let lead = before.rsplit(['\'', '"', '`', '\n']).next().unwrap_or_default();
        let list = behind.split_once("one of").map(|(_, list)| list.trim_start());
        let list = list.and_then(|list| list.split(['.', '\n']).next()).unwrap_or_default();
        let one = |part: &str| {
            let letter = part.trim().trim_matches(['"', '\'', '`']);
            (letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_uppercase()))
                .then(|| letter.to_owned())
        };
        let parts = list.split([',', ' ']).filter(|part| !part.trim().is_empty());
        let options: Vec<String> = parts.filter_map(one).collect();
        return (options.len() > 1).then(|| (lead.to_owned(), options));
    }
    let asks =
        ["the letter", "a letter", "single letter", "one letter", "letter only", "option letter"];
    let at = asks.iter().filter_map(|mark| ascii.rfind(mark)).max()?;
    if !is_told(ascii, at) {
        return None;
    }
    // "A) …", "(B) …", "C. …", "D: …" at the begins of lines, in the order of the alphabet.
    let mut options: Vec<String> = Vec::new();
    for line in whole.lines() {
        let line = line.trim_start().trim_start_matches(['(', '[', '*', '-', ' ']);
        let mut characters = line.chars();
        let (Some(letter), Some(mark)) = (characters.next(), characters.next()) else { continue };
        let next = char::from(b'A' + options.len().min(25) as u8);
        if letter == next && matches!(mark, ')' | '.' | ':' | ']') {
            options.push(letter.to_string());
        }
    }
    (options.len() > 1).then_some((String::new(), options))
}

/// Yes or no, true or false, pass or fail, as they are written.
fn pair(whole: &str, ascii: &str) -> Option<(String, Vec<String>)> {
    let words = split(ascii);
    let place = |at: usize| words.get(at).map(|(at, word)| (*at, word.as_str()));
    let mut found = None;
    for nth in 0..words.len() {
        let Some((at, one)) = place(nth) else { break };
        let behind = if place(nth + 1).is_some_and(|(_, word)| word == "or") { 2 } else { 1 };
        let Some((next, other)) = place(nth + behind) else { continue };
        let known = [("yes", "no"), ("true", "false"), ("pass", "fail"), ("y", "n")];
        if !known.contains(&(one, other)) {
            continue;
        }
        // Between them stand marks such as "/", "|" and quotation marks, or "or".
        let between = ascii.get(at + one.len()..next).unwrap_or_default();
        let joined = behind == 2 || between.contains(['/', '|', ',']);
        let about = place(nth + behind + 1).is_some_and(|(_, word)| word.starts_with("question"));
        if joined && between.len() <= 12 && !between.contains('\n') && !about && is_told(ascii, at)
        {
            let written = [whole.get(at..at + one.len()), whole.get(next..next + other.len())];
            found = Some(written.into_iter().flatten().map(str::to_owned).collect());
        }
    }
    Some((String::new(), found?))
}

/// A list behind "one of": in its sentence, or below it, a line each.
fn listed(whole: &str, ascii: &str) -> Option<(String, Vec<String>)> {
    let marks = ["one of the following", "one of these", "one of", "either"];
    let (at, mark) = marks
        .iter()
        .flat_map(|mark| ascii.match_indices(mark))
        .filter(|(at, _)| is_told(ascii, *at))
        .max_by_key(|(at, mark)| (*at, mark.len()))?;
    let behind = whole.get(at + mark.len()..)?;
    let bare = |word: &str| {
        let marks = ['"', '\'', '`', ':', '(', ')', '[', ']', '*', '“', '”', ' '];
        word.trim().trim_matches(marks).to_owned()
    };
    let mut lines = behind.lines();
    let first = lines.next().unwrap_or_default();
    let sentence = first.split('.').next().unwrap_or_default();
    let list = sentence.split_once(':').map_or(sentence, |(_, list)| list);
    let options: Vec<String> = if list.trim().is_empty() {
        let item = |line: &&str| {
            line.trim_start()
                .starts_with(['-', '*', '•', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        };
        let items = lines.skip_while(|line| line.trim().is_empty()).take_while(item);
        let name = |line: &str| {
            let line = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
            let line = line.trim_start_matches(['-', '*', '•', '.', ')', ' ']);
            bare(line.split([':', '–', '(']).next().unwrap_or_default())
        };
        items.map(name).collect()
    } else {
        let parts = list.split([',', '|', '/']).flat_map(|part| part.split(" or "));
        parts.map(|part| bare(part.trim().trim_start_matches("or "))).collect()
    };
    let options: Vec<String> = options.into_iter().filter(|word| !word.is_empty()).collect();
    let short = options.iter().all(|word| word.split_whitespace().count() <= 3);
    (options.len() > 1 && short).then_some((String::new(), options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(system: &str, question: &str) -> Value {
        match asked(system, question) {
            Some(TextForm::Json { schema, .. }) => schema,
            other => panic!("{other:?}"),
        }
    }

    fn options(question: &str) -> (String, Vec<String>) {
        match asked("", question) {
            Some(TextForm::Choice { lead, options }) => (lead, options),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn json_is_read_off_a_schema_or_a_sample() {
        let own = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
        let prompt = format!(
            "The output should be formatted as a JSON instance. As an example, for the schema {{\"properties\": {{\"foo\": {{\"type\": \"array\"}}}}}} the object …\nHere is the output schema:\n```\n{own}\n```"
        );
        assert_eq!(schema(&prompt, "Where is the tower?"), own);
        let sample = schema(
            "",
            "Grade it. Respond in JSON: {\"reason\": \"why\", \"pass\": true, \"score\": 0.5}",
        );
        assert_eq!(sample["required"], json!(["reason", "pass", "score"]));
        assert_eq!(sample["properties"]["pass"], json!({ "type": "boolean" }));
        let nearly = schema(
            "",
            "Respond with a JSON object {reason: string, pass: boolean, score: number}.",
        );
        assert_eq!(nearly["properties"]["score"], json!({ "type": "number" }));
        let named = schema(
            "",
            "Give me JSON about Oslo with keys city, temperature (number) and `summary`.",
        );
        assert_eq!(named["required"], json!(["city", "temperature", "summary"]));
        assert_eq!(named["properties"]["temperature"], json!({ "type": "number" }));
        assert_eq!(asked("", "What is JSON?"), None);
        assert_eq!(asked("", "What is the weather?"), None);
    }

    #[test]
    fn grades_and_choices_are_read() {
        let grader = "Reply with 'GRADE: $LETTER' (without quotes) where LETTER is one of C, P or I. \"C\" for correct, \"P\" for partially, \"I\" for incorrect.";
        assert_eq!(
            options(grader),
            ("GRADE: ".to_owned(), ["C", "P", "I"].map(str::to_owned).to_vec())
        );
        assert_eq!(options("Is it good? Answer only Yes or No.").1, ["Yes", "No"]);
        assert_eq!(
            options("Respond with exactly one of: refund, exchange, other.").1,
            ["refund", "exchange", "other"]
        );
        assert_eq!(
            asked("", "Rate it from 1 to 10. Reply with only the number."),
            Some(TextForm::Score(1, 10))
        );
        assert_eq!(asked("", "Is the sky blue?"), None);
    }

    #[test]
    fn closed_questions_are_told_from_words_that_look_like_them() {
        for (prompt, expected) in [
            ("Is the sky blue? Yes or no?", "Yes no"),
            ("İs it good? Reply with **YES** or **NO**.", "YES NO"),
            ("Return \"true\" / \"false\" and nothing else.", "true false"),
            ("Does it hold? Answer (yes|no).", "yes no"),
            ("Say yes or no.", "yes no"),
            ("Grade the answer. Respond with a single word: Pass or Fail", "Pass Fail"),
            (
                "Classify the ticket into one of the following categories: billing, refund, other.",
                "billing refund other",
            ),
            (
                "Respond with one of the following:\n\n- `billing`: about money\n- `refund`\n2. other\n\nThe ticket: - no",
                "billing refund other",
            ),
            ("Where is it?\nA) Rome\nB) Paris\nC) Oslo\nAnswer with the letter only.", "A B C"),
        ] {
            assert_eq!(options(prompt).1.join(" "), expected, "{prompt}");
        }
        let inspect = "The entire content of your response should be of the following format: 'ANSWER: $LETTER' (without quotes) where LETTER is one of A,B,C,D.\n\nWhere?\nA) Rome";
        assert_eq!(
            options(inspect),
            ("ANSWER: ".to_owned(), ["A", "B", "C", "D"].map(str::to_owned).to_vec())
        );
        for prompt in [
            "You just answer questions. Are the eyes or nose of a cat larger?",
            "Never answer yes or no. How are you?",
            "You answer yes/no questions. What is a policy?",
            "You are one of the best assistants, writers or helpers; just answer politely. Who are you?",
            "People say true or false things. Answer in a sentence only.",
            "Write the letter to Ann, and answer her questions only.",
        ] {
            assert_eq!(asked("", prompt), None, "{prompt}");
        }
    }

    #[test]
    fn a_schema_that_only_refers_to_its_definitions_is_one() {
        let own = json!({ "$ref": "#/$defs/City", "$defs": { "City": { "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] } } });
        let prompt = format!("Respond with JSON that matches this schema:\n{own}");
        assert_eq!(schema(&prompt, "Where is the tower?"), own);
    }

    #[test]
    fn code_and_marks_are_read() {
        assert!(matches!(
            asked("", "Write a Python function that adds. Answer in a code block."),
            Some(TextForm::Code { language, .. }) if language == "python"
        ));
        let dspy = "Respond with the corresponding output fields, starting with the field `[[ ## reasoning ## ]]`, then `[[ ## answer ## ]]`, and then ending with the marker for `[[ ## completed ## ]]`.";
        assert_eq!(
            asked("", dspy),
            Some(TextForm::Marked(
                FieldMarks::Brackets,
                ["reasoning", "answer", "completed"]
                    .map(|name| (name.to_owned(), json!({ "type": "string" })))
                    .to_vec()
            ))
        );
    }
}
