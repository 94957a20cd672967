//! The commands on scenarios (`run`, `check`, `list`, `new`), and what all commands share.
//!
//! Does not know: how anything is simulated or analyzed; `run` does.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::args::{ContentsFormat, Format, RunArgs};
use super::exit::Exit;
use super::watch::Watch;
use super::{export, output, save};
use crate::diagnostic::{self, Diagnostic};
use crate::live::simulated_alone;
use crate::llm::model::{CallFailure, Completion, Prompt};
use crate::random::Seed;
use crate::report::escape::{json, plain};
use crate::report::{Report, to_html, to_json, to_junit, to_markdown, to_text};
use crate::run::{
    CallTable, PreparedScenario, RunOptions, Simulation, Size, SoFar, TranscriptWriter, glances,
    met,
};
use crate::scenario::{LESSONS, LIBRARY, Loaded, Study, load};
use crate::verdict::warnings;

/// How a command ended.
pub(super) type Ended = Result<Exit, Exit>;

/// Shows faults and ends with the exit code of a bad file.
pub(super) fn bad_file(faults: &[Diagnostic]) -> Exit {
    output::message(diagnostic::render(faults, output::message_color()).trim_end());
    Exit::BadFile
}

/// Shows a failure of a backend.
pub(super) fn backend_failed(error: &dyn std::error::Error) -> Exit {
    output::message(&format!("error: {error}"));
    Exit::BackendFailed
}

/// Shows why a scenario cannot be set up: what the mock LaunchDarkly refuses, the real one would
/// refuse, too.
pub(super) fn not_set_up(scenario: &str, error: &dyn std::error::Error) -> Exit {
    bad_file(&[Diagnostic::new(format!("`{scenario}` cannot be run: {error}"))])
}

/// A path as a shell takes it, for a command to paste.
pub(super) fn pasted(path: &Path) -> String {
    diagnostic::shell_argument(&path.display().to_string())
}

/// Writes the result.
pub(super) fn print(text: &str) -> Ended {
    output::result(text).map(|()| Exit::Ran).map_err(|error| backend_failed(&error))
}

pub(super) fn read(scenario: &str) -> Result<Loaded, Exit> {
    load(scenario).map_err(|faults| bad_file(&faults))
}

/// Simulates a scenario and prints its report.
pub(super) fn run(args: &RunArgs) -> Ended {
    let loaded = read(&args.scenario)?;
    let users = args.users.unwrap_or(loaded.scenario.traffic.queries);
    let charts = args.out.is_some() || matches!(args.format, Format::Html | Format::Json);
    let truth_size = args.truth_users.map_or_else(Size::default, Size::Users);
    let options =
        RunOptions { seed: args.seed, users: args.users, truth: args.truth, truth_size, charts };
    let unwritable = |folder: &Path, error: std::io::Error| {
        bad_file(&[Diagnostic::new(format!("`{}` cannot be written: {error}", folder.display()))])
    };
    let seed = options.seed.map_or(loaded.scenario.seed, Seed);
    let stage = PreparedScenario::new(&loaded.scenario, seed)
        .map_err(|error| not_set_up(&args.scenario, &error))?;
    // Before a folder is made.
    stage.holds(users).map_err(|error| not_set_up(&args.scenario, &error))?;
    if let Some(folder) = &args.out {
        save::prepare(folder, &loaded).map_err(|fault| bad_file(&[fault]))?;
    }
    let mut events = match &args.out {
        Some(folder) => {
            let opened = save::events(folder, &stage)
                .and_then(|events| Ok(events.with_tables(export::events(folder)?)));
            Some(opened.map_err(|error| unwritable(folder, error))?)
        }
        None => None,
    };
    let mut transcript = match &args.out {
        Some(folder) => Some(
            save::transcript(folder, &stage, args.transcript)
                .map_err(|error| unwritable(folder, error))?,
        ),
        None => None,
    };
    let mut calls = match &args.out {
        Some(folder) => Some(
            export::calls(folder, &loaded.scenario).map_err(|error| unwritable(folder, error))?,
        ),
        None => None,
    };
    let mut on_call = |prompt: &Prompt<'_>, result: &Result<Completion, CallFailure>| {
        if let Some(transcript) = &mut transcript {
            transcript.call(prompt, result);
        }
    };
    let mut watch = Watch::new(&loaded.scenario, u64::from(users), args.quiet);
    let mut progress = |so_far: &SoFar<'_>| {
        watch.bar().set_length(so_far.total);
        watch.bar().set_position(so_far.begun);
        if let Some((scenario, table)) = so_far.data {
            watch.look(|| glances(scenario, table, so_far.begun as usize));
        }
    };
    let mut written = (&mut events, &mut calls);
    let simulation = Simulation::new(&stage, options)
        .reader(&mut written)
        .on_call(&mut on_call)
        .progress(&mut progress);
    let outcome = simulation.run().map_err(|error| not_set_up(&args.scenario, &error))?;
    watch.finish();
    if let (Some(folder), Some(events)) = (&args.out, events) {
        let told = transcript.map_or(Ok(()), TranscriptWriter::finish);
        let called = calls.map_or(Ok(()), CallTable::finish);
        let saved = events
            .finish()
            .and(told)
            .and(called)
            .and_then(|()| export::beside(folder, &loaded.scenario))
            .and_then(|()| save::report(folder, &loaded, &outcome));
        saved.map_err(|error| unwritable(folder, error))?;
    }
    print(&rendered(&outcome.report, args.format)?)?;
    Ok(expected(&outcome.report))
}

/// How a command ends whose report has expectations.
pub(super) fn expected(report: &Report) -> Exit {
    if met(&report.expectations) {
        return Exit::Ran;
    }
    for expectation in report.expectations.iter().filter(|expectation| !expectation.passed) {
        output::message(&plain(&format!(
            "expectation not met: {}: {}",
            expectation.name, expectation.message
        )));
    }
    Exit::ExpectationFailed
}

/// The report in the format that is asked for.
pub(super) fn rendered(report: &Report, format: Format) -> Result<String, Exit> {
    Ok(match format {
        Format::Text => {
            let palette = output::palette();
            to_text(report, output::width(), &palette)
        }
        Format::Json => to_json(report).map_err(|error| {
            output::message(&format!("error: {error}"));
            Exit::BackendFailed
        })?,
        Format::Markdown => to_markdown(report),
        Format::Junit => to_junit(report),
        Format::Html => to_html(report),
    })
}

/// Validates scenarios.
pub(super) fn check(scenarios: &[String]) -> Ended {
    let mut exit = Exit::Ran;
    for name in scenarios {
        match load(name) {
            Ok(loaded) => {
                let scenario = loaded.scenario;
                // Whatever `run` refuses before its first user is refused here, too.
                let stage = PreparedScenario::new(&scenario, scenario.seed);
                if let Err(error) = stage.and_then(|own| own.holds(scenario.traffic.queries)) {
                    exit = not_set_up(name, &error);
                    continue;
                }
                let studied = scenario.studies.iter().map(|study| study.experiment.key.clone());
                let watched = scenario
                    .rollouts
                    .iter()
                    .map(|rollout| format!("rollout of {}", rollout.guard.study.key));
                let all: Vec<String> = studied.chain(watched).collect();
                let who = match scenario.traffic.returns {
                    Some(_) => "users who come back",
                    None if scenario.traffic.conversation.is_some() => "conversations",
                    None => "queries",
                };
                let mut lines = vec![format!(
                    "{name}: ok ({} {who}, {})",
                    scenario.traffic.queries,
                    all.join(", ")
                )];
                for Study { experiment, rule, .. } in &scenario.studies {
                    let metrics: Vec<_> = experiment
                        .metrics
                        .iter()
                        .filter_map(|&at| scenario.metrics.get(at))
                        .collect();
                    let found =
                        rule.as_ref().map(|rule| warnings(rule, &metrics)).unwrap_or_default();
                    let line = |warning: String| {
                        format!(
                            "{name}: warning: the decision rule of {}: {warning}",
                            experiment.key
                        )
                    };
                    lines.extend(found.into_iter().map(line));
                }
                let mut notes = simulated_alone(&scenario);
                notes.iter_mut().for_each(|note| note.insert_str(0, "`run --live` refuses it: "));
                if scenario.studies.is_empty() {
                    notes.push("`power` refuses it: it has no experiment".to_owned());
                }
                lines.extend(notes.into_iter().map(|note| format!("{name}: note: {note}")));
                print(&lines.iter().map(|line| plain(line) + "\n").collect::<String>())?;
            }
            Err(faults) => exit = bad_file(&faults),
        }
    }
    Ok(exit)
}

/// A JSON document with a line for each field.
pub(super) fn pretty(value: &impl Serialize) -> Result<String, Exit> {
    let text = serde_json::to_string_pretty(value).map_err(|error| backend_failed(&error))?;
    Ok(json(text + "\n"))
}

/// A scenario that is built into the program.
#[derive(Serialize, JsonSchema)]
pub(super) struct ListEntry {
    /// Its name, for `simlab run NAME`.
    name: String,
    /// What it shows.
    title: String,
}

/// Lists the built-in scenarios.
pub(super) fn list(format: ContentsFormat) -> Ended {
    match format {
        ContentsFormat::Text => {
            let width = LIBRARY
                .iter()
                .chain(LESSONS)
                .map(|built_in| built_in.name.len())
                .max()
                .unwrap_or(0);
            let line = |built_in: &crate::scenario::BuiltIn| {
                format!("{:width$}  {}\n", built_in.name, built_in.title())
            };
            let scenarios: String = LIBRARY.iter().map(line).collect();
            let lessons: String = LESSONS.iter().map(line).collect();
            print(&format!(
                "{scenarios}\nLessons, in the order of the course (simlab learn):\n{lessons}"
            ))
        }
        ContentsFormat::Markdown => print(&crate::course::tables()),
        ContentsFormat::Json => {
            let all: Vec<ListEntry> = LIBRARY
                .iter()
                .chain(LESSONS)
                .map(|own| ListEntry { name: own.name.to_owned(), title: own.title() })
                .collect();
            print(&pretty(&all)?)
        }
    }
}
