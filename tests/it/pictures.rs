//! The picture of a report that the README shows is what the program prints.

use std::fs;
use std::path::Path;

use simlab::report::{Palette, to_text};
use simlab::run::{RunOptions, run};
use simlab::scenario::load;

/// The parts of the report that the picture shows, by how their headings begin.
const SHOWN: [&str; 4] =
    ["━━ Experiment", "Strict Security against", "Cost by agent", "Decision rule"];

/// The report of the first scenario in color, without the parts for a second look.
fn report() -> String {
    let scenario = load("security").unwrap().scenario;
    let report = run(&scenario, RunOptions::default()).unwrap().report;
    let (plain, colored) =
        (to_text(&report, 80, &Palette::plain()), to_text(&report, 80, &Palette::color()));
    let mut shown = true;
    let mut text = "$ simlab run scenarios/security.ron\n\n".to_owned();
    let mut began = false;
    for (line, colored) in plain.lines().zip(colored.lines()) {
        let heading =
            !line.is_empty() && !line.starts_with(' ') && !line.starts_with(['┏', '┃', '┗']);
        if heading {
            shown = SHOWN.iter().any(|start| line.starts_with(start));
            began |= shown;
        }
        let verdict = line.starts_with(['┏', '┃', '┗']);
        if began && (shown || verdict) {
            text += colored;
            text.push('\n');
        }
    }
    text
}

#[test]
fn the_picture_of_the_report_is_what_the_program_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/security.svg");
    // Dimmed text is too faint for a picture that is scaled down.
    let drawn =
        anstyle_svg::Term::new().render_svg(&report()).replace("opacity: 0.4", "opacity: 0.7");
    if std::env::var_os("RENEW_PICTURES").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == drawn,
        "snapshots/security.svg is old; renew it: RENEW_PICTURES=1 cargo test pictures"
    );
}
