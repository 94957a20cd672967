//! The view of a run that goes on: there on a terminal, nowhere else, and never a byte of the
//! result.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::program::{folder, simlab};

/// Users enough for a run of a second or more.
const USERS: &str = "120000";

/// What a terminal gets to see of a run whose standard output goes to a file, and that file.
/// `script` of util-linux makes the terminal.
fn on_a_terminal(place: &Path, options: &str, no_color: bool) -> (String, String) {
    let version = Command::new("script")
        .arg("--version")
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let there = String::from_utf8_lossy(&version).contains("util-linux");
    assert!(
        there,
        "this test needs `script` of util-linux; leave it out with: cargo test -- --skip a_terminal_sees"
    );
    let (out, shown) = (place.join("out.txt"), place.join("shown.txt"));
    let program = env!("CARGO_BIN_EXE_simlab");
    let command =
        format!("'{program}' run tutorial --users {USERS} {options} > '{}'", out.display());
    let mut script = Command::new("script");
    script
        .arg("-qec")
        .arg(command)
        .arg(&shown)
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color");
    if no_color {
        script.env("NO_COLOR", "1");
    }
    let ran = script.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    assert!(ran.success());
    (String::from_utf8(fs::read(shown).unwrap()).unwrap(), fs::read_to_string(out).unwrap())
}

#[test]
fn a_terminal_sees_how_the_experiments_stand_and_the_result_is_the_same() {
    let piped = simlab(&["run", "tutorial", "--users", USERS]).well();
    let place = folder("watch");
    let (shown, out) = on_a_terminal(&place, "", false);
    assert!(
        shown.contains("beats control")
            && shown.contains("Claude Opus 4 Treatment")
            && shown.contains("90% interval"),
        "{shown}"
    );
    assert!(shown.contains("\u{1b}[31m0%"), "{shown}");
    assert_eq!(out, piped);
    // The last thing that happens to the view is that it is taken away.
    assert!(
        shown
            .rfind("\u{1b}[2K")
            .is_some_and(|cleared| cleared > shown.rfind("beats control").unwrap()),
        "{shown:?}"
    );

    let (plain, out) = on_a_terminal(&place, "", true);
    assert!(
        plain.contains("beats control")
            && !plain.contains("\u{1b}[31m")
            && !plain.contains("\u{1b}[1m"),
        "{plain}"
    );
    assert_eq!(out, piped);

    let (quiet, out) = on_a_terminal(&place, "--quiet", false);
    assert!(!quiet.contains("left") && !quiet.contains("beats"), "{quiet}");
    assert_eq!(out, piped);
}
