//! Files of questions that cannot be read, or say what is not there.

use insta::assert_snapshot;

use super::{file, of_file};

const ROUTER: &str = include_str!("../../../scenarios/router.ron");

/// What is shown of a router's scenario whose file of questions has these lines.
fn lines(name: &str, lines: &str) -> String {
    file(&format!("{name}.jsonl"), lines.as_bytes());
    let text = ROUTER
        .replacen('(', &format!("(questions: \"{name}.jsonl\","), 1)
        .replace(", pii_percentage: 0", "");
    of_file(&file(&format!("{name}.ron"), text.as_bytes()))
}

#[test]
fn a_line_that_is_not_json() {
    assert_snapshot!(lines("broken", "{\"text\": \"Fine?\"}\n\n{\"text\": \"Not fine?}\n"), @"");
    assert_snapshot!(lines("comma", "{\"text\": \"Fine?\",}\n"), @"");
    assert_snapshot!(lines("list", "[\"Fine?\"]\n"), @"");
}

#[test]
fn fields_that_are_not_known() {
    assert_snapshot!(lines("field", "{\"txt\": \"Fine?\", \"intent\": \"billing\"}\n"), @"");
    assert_snapshot!(lines("twice", "{\"text\": \"Fine?\", \"text\": \"Fine?\"}\n"), @"");
}

#[test]
fn names_that_mean_nothing() {
    let text = "{\"text\": \"Fine?\", \"intent\": \"biling\"}\n\
                {\"text\": \"Fine?\", \"depth\": \"deep\"}\n\
                {\"text\": \"I am Ada.\", \"personal_data\": {\"nam\": \"Ada\"}}\n\
                {\"text\": \"I am Ada.\", \"personal_data\": {\"name\": \"Eva\"}}\n";
    assert_snapshot!(lines("names", text), @"");
}

#[test]
fn an_intent_without_a_routing_agent() {
    file("chat.jsonl", b"{\"text\": \"Fine?\", \"intent\": \"billing\"}\n");
    let chat = include_str!("../../../scenarios/chat.ron")
        .replacen('(', "(questions: \"chat.jsonl\",", 1)
        .replace(", pii_percentage: 0", "");
    assert_snapshot!(of_file(&file("chat.ron", chat.as_bytes())), @"");
}

#[test]
fn texts_that_say_nothing() {
    assert_snapshot!(lines("blank", "{\"text\": \"  \"}\n{\"text\": 7}\n"), @"");
    assert_snapshot!(lines("nothing-asked", " \n\n"), @"");
}

#[test]
fn files_that_are_none() {
    let with = |name: &str, named: &str| {
        let text = ROUTER.replacen('(', &format!("(questions: \"{named}\","), 1);
        of_file(&file(name, text.replace(", pii_percentage: 0", "").as_bytes()))
    };
    file("folder-of-questions/one.jsonl", b"{\"text\": \"Fine?\"}\n");
    file("latin.jsonl", b"{\"text\": \"Caf\xe9?\"}\n");
    assert_snapshot!(with("no-file.ron", "nowhere.jsonl"), @"");
    assert_snapshot!(with("a-folder.ron", "folder-of-questions"), @"");
    assert_snapshot!(with("notes.ron", "notes.md"), @"");
    assert_snapshot!(with("latin-questions.ron", "latin.jsonl"), @"");
}

#[test]
fn settings_of_questions_that_nobody_writes() {
    file("settings.jsonl", b"{\"text\": \"Fine?\"}\n");
    let text = ROUTER.replacen('(', "(questions: \"settings.jsonl\",", 1);
    assert_snapshot!(of_file(&file("settings.ron", text.as_bytes())), @"");
}
