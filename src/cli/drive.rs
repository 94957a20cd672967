//! `simlab drive`: a scenario's users ask an application.
//!
//! Does not know: how an application is asked.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::args_drive::{DriveArgs, DriveFormat};
use super::commands::{Ended, backend_failed, bad_file, not_set_up, pretty, print, read};
use super::exit::Exit;
use super::progress::Progress;
use super::{output, signals};
use crate::diagnostic::Diagnostic;
use crate::figure::count;
use crate::live::driver::{
    DriveJudge, DriveSummary, DrivenApp, ServeClient, VisitResult, drive_app, driven_users,
};
use crate::live::net::Http;
use crate::random::Seed;
use crate::report::escape::plain;
use crate::run::PreparedScenario;
use crate::scenario::load_app_form;
use crate::time::Stopwatch;

/// The JSON of `drive`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriveOutput {
    /// What was sent, and what came back.
    drive: DriveSummary,
    /// The report of `simlab serve`, as `simlab reference report` describes it, with what the client
    /// did wrong as `client`; null without --serve.
    report: Option<Value>,
}

/// Sends a scenario's traffic to an application.
pub(super) fn drive(args: &DriveArgs) -> Ended {
    let loaded = read(&args.scenario)?;
    let form = load_app_form(&args.app).map_err(|faults| bad_file(&faults))?;
    let scenario = &loaded.scenario;
    if scenario.studies.iter().any(|study| study.paired.is_some()) {
        let message = format!("`{}` cannot be driven: its design is paired", args.scenario);
        let help = "a paired evaluation sends each question through every variation, and an app has one user's \
                    variation only; drive a scenario with a split";
        return Err(bad_file(&[Diagnostic::new(message).help(help)]));
    }
    let seed = args.seed.map_or(scenario.seed, Seed);
    let stage = PreparedScenario::new(scenario, seed)
        .map_err(|error| not_set_up(&args.scenario, &error))?;
    let unwritable = |error: std::io::Error| {
        let name = args.out.as_deref().unwrap_or(std::path::Path::new(""));
        bad_file(&[Diagnostic::new(format!("`{}` cannot be written: {error}", name.display()))
            .help("name a file that does not exist yet")])
    };
    let out = match &args.out {
        Some(file) => {
            Some(OpenOptions::new().write(true).create_new(true).open(file).map_err(unwritable)?)
        }
        None => None,
    };
    let users = args.users.unwrap_or(scenario.traffic.queries);
    let progress = Progress::new("preparing questions", u64::from(users), 0, args.quiet);
    let users = driven_users(&stage, seed, users, |done| progress.done(u64::from(done)));
    progress.finish();
    let visits: u64 = users.iter().map(|user| user.questions.iter().flatten().count() as u64).sum();
    let unasked = users.iter().map(|user| user.questions.len() as u64).sum::<u64>() - visits;
    let failed = |words: String| {
        output::message(&format!("error: {words}"));
        Exit::BackendFailed
    };
    let http = Rc::new(Http::new().map_err(failed)?);
    let variable = |name: &str| std::env::var(name).ok();
    let app = DrivenApp::new(Rc::clone(&http), &args.app_address, form, args.timeout, variable);
    let app = app.map_err(|reason| {
        output::message(&format!("error: {reason}"));
        Exit::Usage
    })?;
    let judge = match &args.serve {
        Some(serve) if !args.no_judge => {
            let made =
                DriveJudge::new(Rc::clone(&http), &stage, serve, args.concurrency, args.timeout);
            Some(made.map_err(failed)?)
        }
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| backend_failed(&error))?;
    let server = args.serve.as_deref().map(|address| ServeClient::new(&http, address));
    runtime.block_on(async {
        if let Some(server) = &server {
            server.events().await.map_err(failed)?;
        }
        let stopped = Cell::new(false);
        let results: RefCell<Vec<VisitResult>> = RefCell::default();
        let progress = Progress::new("asking the app", visits, 0, args.quiet);
        let watch = Stopwatch::start();
        let sent = {
            let each = |result| {
                results.borrow_mut().push(result);
                progress.done(results.borrow().len() as u64);
            };
            let stop = || stopped.get();
            let sent =
                drive_app(&app, judge.as_ref(), &users, args.concurrency as usize, &stop, each);
            let told = signals::told_to_stop(false);
            tokio::pin!(sent, told);
            tokio::select! {
                sent = &mut sent => sent,
                () = &mut told => {
                    stopped.set(true);
                    output::message("stopping: waiting for the answers that are under way");
                    sent.await
                }
            }
        };
        let seconds = watch.elapsed().us() as f64 / 1e6;
        progress.finish();
        sent.map_err(|reason| failed(hopeless(&args.app_address, &reason)))?;
        let mut results = results.into_inner();
        results.sort_by(|one, other| (&one.user, one.visit).cmp(&(&other.user, other.visit)));
        if let Some(mut file) = out {
            for result in &results {
                let mut line =
                    serde_json::to_vec(result).map_err(|error| backend_failed(&error))?;
                line.push(b'\n');
                file.write_all(&line).map_err(unwritable)?;
            }
        }
        let asked = results.iter().map(|result| &result.user);
        let summary = DriveSummary {
            app: args.app_address.clone(),
            scenario: scenario.name.clone(),
            seed: seed.0,
            users: asked.collect::<std::collections::BTreeSet<_>>().len() as u64,
            without_question: unasked,
            seconds,
            ..DriveSummary::default()
        }
        .with(&results);
        let report = match &server {
            Some(server) => {
                let progress = Progress::new("waiting for the app's events", 0, 0, args.quiet);
                let waited = server.settled(args.wait).await;
                progress.finish();
                waited.map_err(failed)?;
                if server.events().await.map_err(failed)? == 0 {
                    output::message(&format!(
                        "warning: no event has arrived at {0}, so the report is empty: point your app's LaunchDarkly SDK \
                         there (`curl -s {0}/_simlab/env` prints its variables)",
                        plain(args.serve.as_deref().unwrap_or_default())
                    ));
                }
                let wanted = match args.format {
                    DriveFormat::Text => "text/plain",
                    DriveFormat::Json => "application/json",
                };
                Some(server.get("/_simlab/report", wanted).await.map_err(failed)?)
            }
            None => None,
        };
        match args.format {
            DriveFormat::Json => {
                let report = report.and_then(|text| serde_json::from_str(&text).ok());
                print(&pretty(&DriveOutput { drive: summary.clone(), report })?)?;
            }
            DriveFormat::Text => {
                let mut text = told_summary(&summary, judge.is_some());
                if let Some(report) = report {
                    text += "\n";
                    text += &report;
                }
                print(&text)?;
            }
        }
        if stopped.get() {
            return Ok(Exit::Interrupted);
        }
        let failed = summary.failed as f64 / (summary.visits as f64).max(1.0);
        if failed > args.max_failed || (summary.answered == 0 && summary.visits > 0) {
            output::message(&format!(
                "{} of {} questions have no answer",
                count(summary.failed),
                count(summary.visits)
            ));
            return Ok(Exit::ExpectationFailed);
        }
        Ok(Exit::Ran)
    })
}

/// What to do when the first question shows that all others would fail as well.
fn hopeless(app: &str, reason: &str) -> String {
    let app = plain(app);
    let reason = plain(reason);
    format!(
        "the first question to {app} failed, and the others would, too: {reason}\n  = help: start your app first, and say with \
         --app how it is asked: `tutorial`, `chat` or a file (`simlab reference app`)"
    )
}

/// The sums in words.
fn told_summary(sums: &DriveSummary, judged: bool) -> String {
    let mut text = String::new();
    let visits = if sums.visits == 1 { "question" } else { "questions" };
    let users = if sums.users == 1 { "user" } else { "users" };
    let _ = writeln!(
        text,
        "{} {visits} of {} {users} of `{}`, seed {}, to {} in {:.1} s: {} answered, {} not",
        count(sums.visits),
        count(sums.users),
        plain(&sums.scenario),
        sums.seed,
        plain(&sums.app),
        sums.seconds,
        count(sums.answered),
        count(sums.failed),
    );
    for failure in &sums.failures {
        let _ = writeln!(text, "  {} of them: {}", count(failure.count), plain(&failure.reason));
    }
    if sums.without_question > 0 {
        let _ = writeln!(
            text,
            "{} visits have no question: the simulated writer of questions failed",
            count(sums.without_question)
        );
    }
    if let (Some(median), Some(p95)) = (sums.median_latency_ms, sums.p95_latency_ms) {
        let _ =
            writeln!(text, "Time of an answer: median {median:.0} ms, 95th percentile {p95:.0} ms");
    }
    if judged {
        let _ = writeln!(
            text,
            "Ratings of the simulated judge: {} positive, {} negative, {} none{}",
            count(sums.positive),
            count(sums.negative),
            count(sums.unrated),
            if sums.judge_failed > 0 {
                format!(", {} failed", count(sums.judge_failed))
            } else {
                String::new()
            }
        );
    }
    if sums.feedback_refused > 0 {
        let _ = writeln!(text, "The app did not take {} ratings", count(sums.feedback_refused));
    }
    text
}
