//! Files of questions that cannot be read, or say what is not there.

use insta::assert_snapshot;

use super::{file, of_file};

const ROUTER: &str = include_str!("../../../scenarios/router.ron");

/// What is shown of a router's scenario whose file of questions has these lines.
fn lines(name: &str, lines: &str) -> String {
    file(&format!("{name}.jsonl"), lines.as_bytes());
    let text = router(&format!("{name}.jsonl")).replace(", pii_percentage: 0", "");
    of_file(&file(&format!("{name}.ron"), text.as_bytes()))
}

/// The router's scenario with a file of questions.
fn router(questions: &str) -> String {
    let (before, after) = ("(\n    title:", format!("(questions: \"{questions}\",\n    title:"));
    assert!(ROUTER.contains(before));
    ROUTER.replacen(before, &after, 1)
}

#[test]
fn a_line_that_is_not_json() {
    assert_snapshot!(lines("broken", "{\"text\": \"Fine?\"}\n\n{\"text\": \"Not fine?}\n"), @r#"
     × the line is not JSON
      ╭─[broken.jsonl:3:20]
    2 │ 
    3 │ {"text": "Not fine?}
      ·                    ┬
      ·                    ╰── it cannot be read from here on
      ╰────
     help: a line is a JSON object such as {"text": "Where is my invoice?"}
    "#);
    assert_snapshot!(lines("comma", "{\"text\": \"Fine?\",}\n"), @r#"
     × the line is not JSON
      ╭─[comma.jsonl:1:18]
    1 │ {"text": "Fine?",}
      ·                  ┬
      ·                  ╰── it cannot be read from here on
      ╰────
     help: a line is a JSON object such as {"text": "Where is my invoice?"}
    "#);
    assert_snapshot!(lines("list", "[\"Fine?\"]\n"), @r#"
     × the line is not a JSON object
      ╭─[list.jsonl:1:1]
    1 │ ["Fine?"]
      · ────┬────
      ·     ╰── expected an object
      ╰────
     help: a line is a JSON object such as {"text": "Where is my invoice?"}
    "#);
}

#[test]
fn fields_that_are_not_known() {
    assert_snapshot!(lines("field", "{\"txt\": \"Fine?\", \"intent\": \"billing\"}\n"), @r#"
     × there is no field `txt`
      ╭─[field.jsonl:1:2]
    1 │ {"txt": "Fine?", "intent": "billing"}
      ·  ──┬──
      ·    ╰── unknown field
      ╰────
     help: did you mean `text`?
    "#);
    assert_snapshot!(lines("twice", "{\"text\": \"Fine?\", \"text\": \"Fine?\"}\n"), @r#"
     × `text` is given twice
      ╭─[twice.jsonl:1:27]
    1 │ {"text": "Fine?", "text": "Fine?"}
      ·                           ───┬───
      ·                              ╰── the second time
      ╰────
    "#);
}

#[test]
fn names_that_mean_nothing() {
    let text = "{\"text\": \"Fine?\", \"intent\": \"biling\"}\n\
                {\"text\": \"Fine?\", \"depth\": \"deep\"}\n\
                {\"text\": \"I am Ada.\", \"personal_data\": {\"nam\": \"Ada\"}}\n\
                {\"text\": \"I am Ada.\", \"personal_data\": {\"name\": \"Eva\"}}\n";
    assert_snapshot!(lines("names", text), @r#"
     × intent `biling` is not defined
      ╭─[names.jsonl:1:29]
    1 │ {"text": "Fine?", "intent": "biling"}
      ·                             ────┬───
      ·                                 ╰── no intent has this name
    2 │ {"text": "Fine?", "depth": "deep"}
      ╰────
     help: did you mean `billing`?
     × depth `deep` is not defined
      ╭─[names.jsonl:2:28]
    1 │ {"text": "Fine?", "intent": "biling"}
    2 │ {"text": "Fine?", "depth": "deep"}
      ·                            ───┬──
      ·                               ╰── no depth has this name
    3 │ {"text": "I am Ada.", "personal_data": {"nam": "Ada"}}
      ╰────
     help: known: basic, intermediate, advanced
     × there is no field `nam`
      ╭─[names.jsonl:3:41]
    2 │ {"text": "Fine?", "depth": "deep"}
    3 │ {"text": "I am Ada.", "personal_data": {"nam": "Ada"}}
      ·                                         ──┬──
      ·                                           ╰── unknown field
    4 │ {"text": "I am Ada.", "personal_data": {"name": "Eva"}}
      ╰────
     help: did you mean `name`?
     × the personal data `Eva` is not in the text
      ╭─[names.jsonl:4:10]
    3 │ {"text": "I am Ada.", "personal_data": {"nam": "Ada"}}
    4 │ {"text": "I am Ada.", "personal_data": {"name": "Eva"}}
      ·          ─────┬─────
      ·               ╰── it does not stand here
      ╰────
     help: write it exactly as it stands in `text`
    "#);
}

#[test]
fn an_intent_without_a_routing_agent() {
    file("chat.jsonl", b"{\"text\": \"Fine?\", \"intent\": \"billing\"}\n");
    let chat = include_str!("../../../scenarios/chat.ron")
        .replacen('(', "(questions: \"chat.jsonl\",", 1)
        .replace(", pii_percentage: 0", "");
    assert_snapshot!(of_file(&file("chat.ron", chat.as_bytes())), @r#"
     × intent `billing` is not defined
      ╭─[chat.jsonl:1:29]
    1 │ {"text": "Fine?", "intent": "billing"}
      ·                             ────┬────
      ·                                 ╰── no intent has this name
      ╰────
     help: the scenario's graph has no agent with the role `Route`, so remove the field
    "#);
}

#[test]
fn texts_that_say_nothing() {
    assert_snapshot!(lines("blank", "{\"text\": \"  \"}\n{\"text\": 7}\n"), @r#"
     × `text` is empty
      ╭─[blank.jsonl:1:10]
    1 │ {"text": "  "}
      ·          ──┬─
      ·            ╰── no words
    2 │ {"text": 7}
      ╰────
     × `text` is not a text
      ╭─[blank.jsonl:2:10]
    1 │ {"text": "  "}
    2 │ {"text": 7}
      ·          ┬
      ·          ╰── expected a text in quotation marks
      ╰────
    "#);
    assert_snapshot!(lines("nothing-asked", " \n\n"), @r#"
    × `nothing-asked.jsonl` has no questions
    help: a line is a JSON object such as {"text": "Where is my invoice?"}
    "#);
}

#[test]
fn files_that_are_none() {
    let with = |name: &str, named: &str| {
        of_file(&file(name, router(named).replace(", pii_percentage: 0", "").as_bytes()))
    };
    file("folder-of-questions/one.jsonl", b"{\"text\": \"Fine?\"}\n");
    file("latin.jsonl", b"{\"text\": \"Caf\xe9?\"}\n");
    assert_snapshot!(with("no-file.ron", "nowhere.jsonl"), @r#"
     × the questions cannot be read: there is no file `nowhere.jsonl`
      ╭─[no-file.ron:6:13]
    5 │ // `wrong_route_to_quality` (assumed). Set that to 0, and the cheap router costs nothing.
    6 │ (questions: "nowhere.jsonl",
      ·             ───────┬───────
      ·                    ╰── this file
    7 │     title: "Router: triage by a small model against triage by a large one",
      ╰────
     help: put the file next to the scenario file, or write its path from there
    "#);
    assert_snapshot!(with("a-folder.ron", "folder-of-questions"), @r#"
     × the questions cannot be read: it is a folder
      ╭─[a-folder.ron:6:13]
    5 │ // `wrong_route_to_quality` (assumed). Set that to 0, and the cheap router costs nothing.
    6 │ (questions: "folder-of-questions",
      ·             ──────────┬──────────
      ·                       ╰── this file
    7 │     title: "Router: triage by a small model against triage by a large one",
      ╰────
     help: put the file next to the scenario file, or write its path from there
    "#);
    assert_snapshot!(with("notes.ron", "notes.md"), @r#"
     × questions are read from JSON lines
      ╭─[notes.ron:6:13]
    5 │ // `wrong_route_to_quality` (assumed). Set that to 0, and the cheap router costs nothing.
    6 │ (questions: "notes.md",
      ·             ─────┬────
      ·                  ╰── a Markdown file
    7 │     title: "Router: triage by a small model against triage by a large one",
      ╰────
     help: write the questions into a file such as prompts.jsonl, one JSON object a line
    "#);
    assert_snapshot!(with("latin-questions.ron", "latin.jsonl"), @r#"
     × the questions cannot be read: it is not UTF-8 text: byte 13 is not part of a character
      ╭─[latin-questions.ron:6:13]
    5 │ // `wrong_route_to_quality` (assumed). Set that to 0, and the cheap router costs nothing.
    6 │ (questions: "latin.jsonl",
      ·             ──────┬──────
      ·                   ╰── this file
    7 │     title: "Router: triage by a small model against triage by a large one",
      ╰────
     help: put the file next to the scenario file, or write its path from there
    "#);
}

#[test]
fn settings_of_questions_that_nobody_writes() {
    file("settings.jsonl", b"{\"text\": \"Fine?\"}\n");
    assert_snapshot!(of_file(&file("settings.ron", router("settings.jsonl").as_bytes())), @r#"
     × `pii_percentage` has no effect on questions from a file
       ╭─[settings.ron:6:13]
     5 │ // `wrong_route_to_quality` (assumed). Set that to 0, and the cheap router costs nothing.
     6 │ (questions: "settings.jsonl",
       ·             ────────┬───────
       ·                     ╰── they are all here
     7 │     title: "Router: triage by a small model against triage by a large one",
     8 │     seed: 11,
     9 │     traffic: (queries: 6000, pii_percentage: 0),
       ·                                              ┬
       ·                                              ╰── nobody writes questions
    10 │     graph: (
       ╰────
     help: remove `pii_percentage`, or remove `questions` to have them written
    "#);
}
