//! `simlab run --live` and `simlab replay`: what is asked, shown and saved around a run with real
//! providers.
//!
//! Guarantees: nothing is created and nothing is spent before it was shown and agreed to; a run
//! that stops says how to go on.
//!
//! Does not know: how a call is made or a visit goes.

use std::cell::RefCell;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;

use super::args::{ReplayArgs, RunArgs};
use super::bootstrap_document::{Stance, to_text};
use super::commands::{
    Ended, backend_failed, bad_file, expected, not_set_up, pasted, print, rendered,
};
use super::exit::Exit;
use super::other_side::{OtherSide, told as told_side};
use super::progress::Progress;
use super::save::JOURNAL;
use super::signals::told_to_stop_once;
use super::watch::Watch;
use super::{output, save};
use crate::context::KEY_EPOCH;
use crate::diagnostic::{Diagnostic, Wanted, mistaken, shell_argument};
use crate::figure;
use crate::journal::Reader;
use crate::live::disk::write_private;
use crate::live::environment::{self, LiveEnvironment};
use crate::live::estimate::REPLICATIONS;
use crate::live::fits::misfit;
use crate::live::journal::{Journal, OpenError, Resumed, bytes};
use crate::live::reading::JournalReading;
use crate::live::recording::{RecordedLine, Recording, Run, SCHEMA};
use crate::live::{
    self, Limits, LiveContext, LiveOutcome, LiveRun, LiveServices, OwnTools, Session, Stopped,
    conclude, gather, told,
};
use crate::random::Seed;
use crate::run::{Outcome, PreparedScenario, glances};
use crate::scenario::{Loaded, Scenario, built_in, parse_kept};
use crate::time::unix_ms;

fn usage(sentences: &[String]) -> Exit {
    for sentence in sentences {
        output::message(&format!("error: {sentence}"));
    }
    Exit::Usage
}

fn unusable(path: &Path, error: &dyn std::fmt::Display, help: impl Into<String>) -> Exit {
    bad_file(&[
        Diagnostic::new(format!("`{}` cannot be used: {error}", path.display())).help(help.into())
    ])
}

/// Waits for a future on this thread, with network and timers.
pub(super) fn wait<F: Future>(future: F) -> Result<F::Output, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| backend_failed(&error))?;
    Ok(runtime.block_on(future))
}

/// A run that begins or goes on: which it is, what is known of it, where it is kept.
struct RunState {
    folder: PathBuf,
    run: Run,
    recording: Recording,
    journal: Option<Journal>,
}

/// Opens the folder of a run that is to go on.
fn taken_up(
    folder: &Path,
    loaded: &Loaded,
    args: &RunArgs,
    environment: &LiveEnvironment,
) -> Result<RunState, Exit> {
    let path = folder.join(JOURNAL);
    let Resumed { journal, recording, cut } = Journal::resume(&path).map_err(|error| {
        let help = match &error {
            OpenError::Locked => "one run is written by one process".to_owned(),
            OpenError::Unreadable(unreadable) => super::journal::help(unreadable, &path),
            OpenError::Io(_) | OpenError::Begun => {
                "name the folder that the run was saved in".to_owned()
            }
        };
        unusable(&path, &error, help)
    })?;
    if let Some((bytes, kept)) = cut {
        let bytes = figure::count(bytes as u64);
        output::message(&format!(
            "{}: the last {bytes} bytes broke off; they were cut away and are kept in {}",
            path.display(),
            kept.display()
        ));
    }
    let Some(run) = recording.run.clone() else {
        output::message(&format!(
            "{} is empty: the run has not begun, so it begins now",
            path.display()
        ));
        return Ok(RunState {
            folder: folder.to_owned(),
            journal: Some(journal),
            ..fresh(loaded, args, environment)
        });
    };
    if let Some(fault) = misfit(&recording, &loaded.scenario) {
        return Err(unusable(&path, &fault, "it was changed or damaged: take an unchanged copy"));
    }
    let mut faults = Vec::new();
    if run.scenario != *loaded.source.text || run.documents != loaded.documents {
        faults.push(format!(
            "`{}` is not the scenario that was run: a copy of it is in {}",
            args.scenario,
            folder.display()
        ));
    }
    if args.seed.is_some_and(|seed| seed != run.seed) {
        faults.push(format!("the run has seed {}", run.seed));
    }
    if args.users.is_some_and(|users| users != run.users) {
        faults.push(format!("the run has {} users", run.users));
    }
    // Only users of the real LaunchDarkly have keys of their own.
    match (run.key_epoch == KEY_EPOCH, environment.flags.is_loopback()) {
        (true, false) => faults.push(
            "the run began against a mock on this machine: continue it there (--against serve, or LD_BASE_URL)".to_owned(),
        ),
        (false, true) => faults.push(
            "the run began with the real LaunchDarkly: continue it there, without --against and LD_BASE_URL".to_owned(),
        ),
        _ => {}
    }
    if faults.is_empty() {
        Ok(RunState { folder: folder.to_owned(), run, recording, journal: Some(journal) })
    } else {
        Err(usage(&faults))
    }
}

/// A run that has not begun; nothing is written yet.
fn begun(loaded: &Loaded, args: &RunArgs, environment: &LiveEnvironment) -> Result<RunState, Exit> {
    let state = fresh(loaded, args, environment);
    let folder = &state.folder;
    if folder.join(JOURNAL).metadata().is_ok_and(|journal| journal.len() > 0) {
        return Err(usage(&[format!(
            "`{}` already holds a run: continue it (--resume {0}), or choose another folder",
            folder.display()
        )]));
    }
    save::free(folder, loaded).map_err(|fault| bad_file(&[fault]))?;
    Ok(state)
}

fn fresh(loaded: &Loaded, args: &RunArgs, environment: &LiveEnvironment) -> RunState {
    let began_ms = unix_ms();
    let scenario = &loaded.scenario;
    let folder = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("live-{}-{}", scenario.name, began_ms / 1000)));
    // Real contexts must be nobody's before; a stand-in on this machine meets the simulator's own
    // users.
    let key_epoch = if environment.flags.is_loopback() {
        KEY_EPOCH
    } else {
        u32::try_from(began_ms / 1000).unwrap_or(u32::MAX)
    };
    let run = Run {
        schema: SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: loaded.source.text.to_string(),
        documents: loaded.documents.clone(),
        name: scenario.name.clone(),
        seed: args.seed.unwrap_or(scenario.seed.0),
        users: args.users.unwrap_or(scenario.traffic.queries),
        began_ms,
        key_epoch,
    };
    RunState { folder, run, recording: Recording::default(), journal: None }
}

/// Asks a question on the terminal.
fn agreed(question: &str, yes: bool) -> Result<(), Exit> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        output::message(
            "nothing was created and nothing was spent; add --yes to start without being asked",
        );
        return Err(Exit::Usage);
    }
    let mut answer = String::new();
    let asked = write!(io::stderr(), "{question} [y/N] ").and_then(|()| io::stderr().flush());
    if asked.and_then(|()| io::stdin().lock().read_line(&mut answer)).is_err()
        || !matches!(answer.trim(), "y" | "Y" | "yes")
    {
        output::message("nothing was created and nothing was spent");
        return Err(Exit::Usage);
    }
    Ok(())
}

/// A scenario with faults is not run.
fn refuse(faults: Vec<String>) -> Result<(), Exit> {
    if faults.is_empty() {
        Ok(())
    } else {
        Err(bad_file(&faults.into_iter().map(Diagnostic::new).collect::<Vec<_>>()))
    }
}

/// Runs a scenario with real providers.
pub fn run(args: &RunArgs) -> Ended {
    let loaded = super::commands::read(&args.scenario)?;
    let scenario = &loaded.scenario;
    refuse(live::simulated_alone(scenario))?;
    if args.dry_run {
        let mock = OtherSide::mock(args)?;
        return wait(dry_run(args, &loaded, &mock))?;
    }
    // What no key would change comes before the keys.
    let other = OtherSide::of(args)?;
    let variable = |name: &str| other.variable(name);
    let tools = other.own_tools(scenario, args)?;
    let faults = live::faults(scenario, variable, &tools).into_iter().map(Diagnostic::new);
    let mut faults: Vec<Diagnostic> = faults.collect();
    if let Some(last) = faults.pop() {
        // A copy of a built-in scenario is one command away.
        let copied = built_in(&args.scenario)
            .is_some_and(|own| !live::renewed(own.name, own.text).1.is_empty());
        let help = format!("`simlab new {} my.ron --models today` replaces them", args.scenario);
        faults.push(if copied { last.help(help) } else { last });
        return Err(bad_file(&faults));
    }
    let providers = live::providers(scenario);
    let environment = environment::read(&providers, variable).map_err(|faults| usage(&faults))?;
    let state = match &args.resume {
        Some(folder) => taken_up(folder, &loaded, args, &environment)?,
        None => begun(&loaded, args, &environment)?,
    };
    let ended = wait(go(args, &loaded, (&environment, &other, tools), state))?;
    if let Some(graded) = other.graded().filter(|_| !args.quiet) {
        output::message(&graded);
    }
    ended
}

/// Prints every request of a run, and sends none to a provider.
async fn dry_run(args: &RunArgs, loaded: &Loaded, mock: &OtherSide) -> Ended {
    let scenario = &loaded.scenario;
    let variable = |name: &str| mock.variable(name);
    let environment =
        environment::read(&live::providers(scenario), variable).map_err(|faults| usage(&faults))?;
    let real = |name: &str| std::env::var(name).ok();
    for fault in live::faults(scenario, real, &mock.own_tools(scenario, args)?) {
        output::message(&format!("warning: {fault}"));
    }
    let state = fresh(loaded, args, &environment);
    let stage = PreparedScenario::new(scenario, Seed(state.run.seed))
        .map_err(|error| not_set_up(&args.scenario, &error))?;
    let mut live = LiveRun::new(&stage, &environment).map_err(|error| backend_failed(&error))?;
    live.apply(true).await.map_err(|error| backend_failed(&error))?;
    let addresses = environment.providers().map(|(provider, access)| live::StandInAddress {
        provider: provider.name.to_owned(),
        here: access.base.clone(),
        there: environment::address(provider, real),
        chat_path: provider.api.chat_path().to_owned(),
    });
    let shown = std::cell::Cell::new(0_u64);
    let shown = Rc::new(shown);
    let count = Rc::clone(&shown);
    let net = live::ShownRequests::new(addresses.collect(), move |request| {
        count.set(count.get() + 1);
        // Nobody is left to be told when this fails.
        let _ = output::result(&format!("{request}\n"));
    });
    let net = net.map_err(|error| backend_failed(&io::Error::other(error)))?;
    let limits = Limits {
        most_nano_usd: args.max_cost.nano_dollars(),
        vectors: None,
        tools: mock.own_tools(scenario, args)?,
        net: Some(Rc::new(net)),
    };
    let mut recording = Recording::default();
    recording
        .take(RecordedLine::Run(state.run.clone()))
        .map_err(|error| backend_failed(&io::Error::other(error)))?;
    let session = live.begin(state.run, recording, None, limits, variable).await;
    let session = session.map_err(|error| backend_failed(&error))?;
    session.prove().await;
    let progress = Progress::new("users", u64::from(session.run.users), 0, args.quiet);
    let gathered = gather(&session, told_to_stop_once(true, "stopping"), |done, _| {
        progress.done(u64::from(done));
    })
    .await;
    progress.finish();
    if !args.quiet {
        output::message(&format!(
            "{} requests of {} users, {} at the scenario's prices; none was sent to a provider",
            figure::count(shown.get()),
            figure::count(gathered.users.len() as u64),
            figure::money(session.spent() as f64 / 1e9)
        ));
        if let Some(stopped) = &gathered.stopped {
            output::message(&format!("the run would stop here: {}", told(stopped)));
        }
    }
    if let Some(world) = session.world {
        world.flags.close().await;
    }
    Ok(Exit::Ran)
}

async fn go(
    args: &RunArgs,
    loaded: &Loaded,
    (environment, other, tools): (&LiveEnvironment, &OtherSide, OwnTools),
    mut state: RunState,
) -> Ended {
    // Nothing that the mock is asked to do can cost or break anything.
    let yes = args.yes || other.is_mock();
    let scenario = &loaded.scenario;
    let seed = Seed(state.run.seed);
    let stage = PreparedScenario::new(scenario, seed)
        .map_err(|error| not_set_up(&args.scenario, &error))?;
    let spent = state.recording.spent_nano_usd();
    let most = args.max_cost.nano_dollars();

    // Before anything is spent.
    let mut live = LiveRun::new(&stage, environment).map_err(|error| backend_failed(&error))?;
    let other_side = live.counterparts().await;
    let plan = live.plan().await.map_err(|error| backend_failed(&error))?;
    let progress =
        Progress::new("simulated runs that estimate the cost", REPLICATIONS, 0, args.quiet);
    let expected_cost = live.estimate(state.run.users, |done| progress.done(done));
    progress.finish();
    let expected_cost = expected_cost.map_err(|error| not_set_up(&args.scenario, &error))?;
    if !args.quiet {
        let (width, palette) = (output::message_width(), output::message_palette());
        output::message(&to_text(&plan.actions, Stance::Planned, width, &palette));
        let text = expected_cost.to_text(width, &palette);
        output::message(text.trim_end());
        let variable = |name: &str| other.variable(name);
        for warning in live::warnings(scenario, variable) {
            output::message(&format!("warning: {warning}"));
        }
        output::message(&told_side(&other_side));
        output::message(&proven(scenario));
        output::message(&before(&state, &expected_cost, spent, most));
    }
    agreed("Go on?", yes)?;
    let actions = live.apply(yes).await.map_err(|error| backend_failed(&error))?;

    let path = state.folder.join(JOURNAL);
    let mut journal = match state.journal.take() {
        Some(journal) => journal,
        None => {
            save::prepare(&state.folder, loaded).map_err(|fault| bad_file(&[fault]))?;
            Journal::create(&path)
                .map_err(|error| unusable(&path, &error, "name another folder with --out"))?
        }
    };
    LiveRun::open(&state.run, &mut state.recording, &mut journal).map_err(|error| {
        unusable(&path, &error, "is the disk full, or is this the journal of something else?")
    })?;
    if let Some(copy) = &args.record {
        journal
            .copy_to(copy, &path)
            .map_err(|error| unusable(copy, &error, "name another file with --record"))?;
    }
    fs::write(state.folder.join("scenario.ron"), &*loaded.source.text)
        .map_err(|error| unusable(&state.folder, &error, "is the disk full?"))?;

    // Vectors of the mock are made again in no time, and its address changes.
    let vectors = cache().filter(|_| !other.is_mock());
    let limits = Limits { most_nano_usd: most, vectors, tools, net: None };
    let variable = |name: &str| other.variable(name);
    let session =
        live.begin(state.run.clone(), state.recording, Some(journal), limits, variable).await;
    let session = session.map_err(|error| backend_failed(&error))?;
    let watch = RefCell::new(Watch::new(scenario, u64::from(state.run.users), args.quiet));
    let users = if watch.borrow().is_seen() { state.run.users as usize } else { 0 };
    let observer = RefCell::new(stage.observer(users));
    let mut interrupt: Pin<Box<dyn Future<Output = ()>>> = Box::pin(told_to_stop_once(
        true,
        "stopping: waiting for the calls in flight; again to stop at once",
    ));
    tokio::select! {
        biased;
        () = session.prove() => {}
        () = &mut interrupt => {
            session.halt.stop(Stopped::Interrupted);
            interrupt = Box::pin(std::future::pending());
        }
    }
    let gathered = gather(&session, interrupt, |done, entries| {
        let (mut watch, mut observer) = (watch.borrow_mut(), observer.borrow_mut());
        watch.bar().set_position(u64::from(done));
        watch
            .bar()
            .set_message(format!("users, {} spent", figure::money(session.spent() as f64 / 1e9)));
        entries.iter().for_each(|entry| observer.entry(entry));
        watch.look(|| glances(scenario, observer.observations(), users));
    })
    .await;
    watch.borrow_mut().finish();

    let context = live.context(most, actions, other_side);
    let outcome = saved(&session, &gathered, context, loaded, Some(&state.folder))?;
    print(&rendered(&outcome.report, args.format)?)?;
    if let Some(world) = session.world {
        world.flags.close().await;
    }
    ended(&gathered, &outcome, &session.recording.borrow(), &state.folder, args)
}

/// Where vectors are kept from run to run: a folder in the user's cache; `None` where there is
/// none.
fn cache() -> Option<PathBuf> {
    let set =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME").or_else(|| set("USERPROFILE"))?.join(".cache")))?;
    Some(cache.join("simlab").join("embeddings"))
}

/// The calls that come first, and what they may cost.
fn proven(scenario: &Scenario) -> String {
    let money = |nano: u64| figure::money(nano as f64 / 1e9);
    let proofs = live::proofs(scenario);
    let total = proofs.iter().map(|(_, worst)| *worst).fold(0, u64::saturating_add);
    let mut text = format!(
        "First, one short call to each model proves its key and its parameters, at most {} together:",
        money(total)
    );
    for (model, worst) in proofs {
        text += &format!("\n  {} {}: at most {}", model.provider.name, model.id, money(worst));
    }
    text
}

/// What a person should know before agreeing.
fn before(state: &RunState, expected: &live::CostEstimate, spent: u64, most: u64) -> String {
    let money = |nano: u64| figure::money(nano as f64 / 1e9);
    let mut text = String::new();
    if spent > 0 {
        text += &format!(
            "This run has spent up to {} so far; {} visits are finished.\n",
            money(spent),
            state.recording.over.len()
        );
    }
    text += &format!(
        "Budget: {} at most (--max-cost), every call reserved at its worst case before it is made.\n",
        money(most)
    );
    if expected.total.low > most as f64 / 1e9 {
        let share = most as f64 / 1e9 / expected.total.mean;
        let users = libm::floor(share * f64::from(state.run.users)) as u64;
        text += &format!(
            "The budget will stop it after about {} users; the report is on those.\n",
            figure::count(users)
        );
    }
    text + &format!("Everything is kept in {}.", state.folder.display())
}

/// Concludes, and saves the run in its folder.
fn saved<F: live::Flags>(
    session: &Session<'_, F>,
    gathered: &LiveOutcome,
    context: LiveContext,
    loaded: &Loaded,
    folder: Option<&Path>,
) -> Result<Outcome, Exit> {
    let mut events = match folder {
        Some(folder) => {
            let events = save::events(folder, session.stage)
                .map_err(|error| unusable(folder, &error, "is the disk full?"))?;
            Some(events.begun(session.run.began_ms, session.run.key_epoch))
        }
        None => None,
    };
    let outcome = conclude(session, gathered, context, true, &mut events);
    if let (Some(folder), Some(events)) = (folder, events) {
        let transcript =
            || live::transcript(&session.recording.borrow(), &session.stage.scenario.graph);
        let written = events
            .finish()
            .and_then(|()| write_private(&folder.join("transcript.jsonl"), &transcript()));
        written
            .and_then(|()| save::report(folder, loaded, &outcome))
            .map_err(|error| unusable(folder, &error, "is the disk full?"))?;
    }
    Ok(outcome)
}

/// How the command ends, and how to go on.
fn ended(
    gathered: &LiveOutcome,
    outcome: &Outcome,
    recording: &Recording,
    folder: &Path,
    args: &RunArgs,
) -> Ended {
    let mut against = if args.against.is_some() { " --against serve" } else { "" }.to_owned();
    for (key, url) in &args.tool {
        against += &format!(" --tool {}", shell_argument(&format!("{key}={url}")));
    }
    let missing = recording.undelivered();
    let users = figure::count(missing);
    let Some(stopped) = &gathered.stopped else {
        if missing == 0 {
            return Ok(expected(&outcome.report));
        }
        let why = gathered.undelivered.as_deref().unwrap_or("no reason is known");
        output::message(&format!(
            "error: LaunchDarkly has not taken the events of {users} users ({why}); this report has them"
        ));
        let send = if (recording.pending.len() as u64) < missing || args.against.is_some() {
            // Events that were never written down are made again by going on: answers come from the
            // journal.
            let folder = pasted(folder);
            format!(
                "simlab run {} --live{against} --resume {folder}",
                shell_argument(&args.scenario)
            )
        } else {
            format!("simlab journal deliver {}", pasted(&folder.join(JOURNAL)))
        };
        output::message(&format!("send them with: {send}"));
        // An experiment in LaunchDarkly that lacks users is not the one that was asked for.
        return Err(Exit::BackendFailed);
    };
    output::message(&format!("stopped: {}", told(stopped)));
    let more = if matches!(stopped, Stopped::Budget(_)) { " --max-cost MORE" } else { "" };
    output::message(&format!(
        "continue with: simlab run {} --live{against} --resume {}{more}",
        shell_argument(&args.scenario),
        pasted(folder)
    ));
    if missing > 0 {
        output::message(&format!(
            "LaunchDarkly has not taken the events of {users} users yet; going on sends them"
        ));
    }
    Err(match stopped {
        Stopped::Budget(_) => Exit::OverBudget,
        Stopped::Interrupted => Exit::Interrupted,
        Stopped::Failed(_) | Stopped::Journal(_) | Stopped::NotRecorded(_) => Exit::BackendFailed,
    })
}

/// Runs a scenario again from what models said before.
pub fn replay(args: &ReplayArgs) -> Ended {
    let help = "a recording is what `simlab run --live` wrote: --record FILE, or journal.jsonl in the run's folder";
    let path = &args.recording;
    let text =
        fs::File::open(path).and_then(bytes).map_err(|error| unusable(path, &error, help))?;
    let JournalReading { recording, cut_bytes, .. } =
        JournalReading::of(&text).map_err(|error| {
            match mistaken(&path.display().to_string(), &text, Wanted::Recording) {
                // A damaged recording is one, too.
                Some(fault) if error.whole_before + error.whole_after == 0 => bad_file(&[fault]),
                _ => unusable(path, &error, super::journal::help(&error, path)),
            }
        })?;
    let Some(run) = recording.run.clone() else {
        return Err(unusable(path, &"the run has not begun: nothing was recorded", help));
    };
    if cut_bytes > 0 {
        output::message(&format!(
            "{}: the last {} bytes broke off and are left out",
            path.display(),
            figure::count(cut_bytes as u64)
        ));
    }
    let loaded = match &args.scenario {
        Some(scenario) => super::commands::read(scenario)?,
        None => parse_kept(&run.name, &run.scenario, &run.documents)
            .map_err(|faults| bad_file(&faults))?,
    };
    if let Some(fault) = misfit(&recording, &loaded.scenario) {
        return Err(unusable(path, &fault, "it was changed or damaged, or is of another scenario"));
    }
    wait(async {
        let stage = PreparedScenario::new(&loaded.scenario, Seed(run.seed))
            .map_err(|error| not_set_up(&run.name, &error))?;
        let session = Session::new(
            &stage,
            run.clone(),
            None::<LiveServices<std::convert::Infallible>>,
            recording,
            None,
        );
        let progress = Progress::new("users", u64::from(run.users), 0, false);
        let gathered =
            gather(&session, std::future::pending(), |done, _| progress.done(u64::from(done)))
                .await;
        progress.finish();
        if let Some(stopped) = &gathered.stopped {
            return Err(unusable(
                &args.recording,
                &told(stopped),
                "a scenario that asks its models something else needs a run of its own",
            ));
        }
        let backends = vec![
            ("models".to_owned(), "recorded".to_owned()),
            ("LaunchDarkly".to_owned(), "recorded".to_owned()),
        ];
        let context = LiveContext { backends, ..LiveContext::default() };
        if let Some(folder) = &args.out {
            save::prepare(folder, &loaded).map_err(|fault| bad_file(&[fault]))?;
        }
        let outcome = saved(&session, &gathered, context, &loaded, args.out.as_deref())?;
        print(&rendered(&outcome.report, args.format)?)?;
        Ok(expected(&outcome.report))
    })?
}
