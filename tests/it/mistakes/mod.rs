//! A catalogue of mistakes in scenario files, each with the picture that its author sees.
//!
//! The folder `mistakes` has them by kind; here is what they share.

#![allow(clippy::unwrap_used, reason = "a catalogue that cannot prepare its file has failed")]

mod shape;
mod numbers;
mod names;
mod outcomes;
mod decisions;
mod files;
mod graph_variations;
mod paired;
mod questions;
mod users;

use std::fs;
use std::path::{Path, PathBuf};

use simlab::diagnostic::{SourceText, render};
use simlab::scenario::{Documents, load, parse};

/// The shortest scenario: everything else has a default.
const SHORT: &str = r#"(
    experiments: [(
        key: "security-level",
        config: "security-agent",
        segment: "other-paid",
        control: "basic-security",
        split: { "basic-security": "50%", "strict-security": "50%" },
        metrics: ["positive_feedback_rate", "ai_cost_per_request"],
    )],
)"#;

fn no_documents(_: &str) -> Documents {
    Err("there is no folder `nowhere`".to_owned())
}

/// What is shown of a text; "ok" if it is sound.
fn shown(text: &str) -> String {
    match parse("my", SourceText::new("my.ron", text), &no_documents) {
        Ok(_) => "ok".to_owned(),
        Err(faults) => render(&faults, false),
    }
}

/// The shortest scenario with one more block.
fn with(block: &str) -> String {
    shown(&SHORT.replacen('(', &format!("(\n    {block},"), 1))
}

/// The shortest scenario with one thing in its experiment written in another way.
fn but(before: &str, after: &str) -> String {
    assert!(SHORT.contains(before), "{before}");
    shown(&SHORT.replace(before, after))
}

/// The shortest scenario with one more field in its experiment.
fn experiment_with(field: &str) -> String {
    but("    )],", &format!("        {field},\n    )],"))
}

/// A file of its own in a folder of its own.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistakes");
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// What is shown of a file, without the folder that it is in.
fn of_file(path: &Path) -> String {
    let faults = load(path.to_str().unwrap()).unwrap_err();
    let folder = format!("{}/", path.parent().unwrap().display());
    // The messages are wrapped, so the folder is taken out before they are drawn.
    let plain = faults.into_iter().map(|mut fault| {
        fault.message = fault.message.replace(&folder, "");
        fault.source = fault
            .source
            .map(|source| SourceText::new(source.name.replace(&folder, ""), source.text));
        fault
    });
    render(&plain.collect::<Vec<_>>(), false)
}
