//! Files and folders that cannot be read, or are not what they should be.

use insta::assert_snapshot;
use simlab::diagnostic::render;
use simlab::scenario::load;

use super::{SHORT, file, of_file, with};
use crate::program::simlab;

#[test]
fn a_knowledge_folder_that_is_not_there() {
    assert_snapshot!(with(r#"knowledge: "nowhere""#), @r#"
     × the knowledge base cannot be read: there is no folder `nowhere`
      ╭─[my.ron:2:16]
    1 │ (
    2 │     knowledge: "nowhere",
      ·                ────┬────
      ·                    ╰── this folder
    3 │     experiments: [(
      ╰────
     help: the folder is looked for beside the scenario file
    "#);
}

#[test]
fn a_file_that_is_empty() {
    assert_snapshot!(of_file(&file("empty.ron", b" \n")), @r#"
    × `empty.ron` is empty
    help: `simlab new security my.ron` writes a scenario to start from
    "#);
}

#[test]
fn a_file_that_is_not_utf_8() {
    assert_snapshot!(of_file(&file("latin.ron", b"( title: \"Caf\xe9\" )")), @r#"
    × `latin.ron` is not UTF-8 text: byte 13 is not part of a character
    help: save the file as UTF-8
    "#);
}

#[test]
fn a_file_that_is_huge() {
    assert_snapshot!(of_file(&file("huge.ron", &vec![b' '; (1 << 20) + 1])), @r#"
    × `huge.ron` is longer than the 1048576 bytes of a scenario
    help: is this the right file?
    "#);
}

#[test]
fn a_folder() {
    let path = file("folder/inside.ron", b"()");
    assert_snapshot!(of_file(path.parent().unwrap()), @r#"
    × `folder` is a folder
    help: name a scenario file in it, such as scenarios/security.ron
    "#);
}

#[test]
fn a_name_that_nobody_knows() {
    assert_snapshot!(render(&load("securty").unwrap_err(), false), @r#"
    × no file and no built-in scenario is called `securty`
    help: did you mean `security`?
    "#);
    assert_snapshot!(render(&load("no/such/file.ron").unwrap_err(), false), @r#"
    × no file and no built-in scenario is called `no/such/file.ron`
    help: `simlab list` shows the scenarios that are built in
    "#);
}

#[test]
fn a_knowledge_base_without_documents() {
    let text = SHORT.replacen('(', "(\n    knowledge: \"little\",", 1);
    file("nothing/notes.txt", b"not read");
    assert_snapshot!(of_file(&file("nothing.ron", text.replace("little", "nothing").as_bytes())), @r#"
     × the knowledge base has no documents
      ╭─[nothing.ron:2:16]
    1 │ (
    2 │     knowledge: "nothing",
      ·                ────┬────
      ·                    ╰── this folder
    3 │     experiments: [(
      ╰────
     help: put Markdown files (.md) with headings into the folder
    "#);
}

#[test]
fn what_launchdarkly_refuses_is_a_bad_file_in_every_command() {
    let text = SHORT
        .replace("config: \"security-agent\"", "name: \"\",\n        config: \"security-agent\"");
    let path = file("refused.ron", text.as_bytes());
    let path = path.to_str().unwrap();
    for command in ["check", "run", "power", "estimate", "bootstrap", "serve"] {
        let ran = simlab(&[command, path]);
        // Lines are broken where the length of the path wants it.
        let said = ran.err.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        let refused = said.contains("cannot be run") && said.contains("`name` must not be empty");
        assert!(ran.code == 3 && refused, "{command} ends with {}: {}", ran.code, ran.err);
    }
}
