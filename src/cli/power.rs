//! `simlab power`: arguments to a question, replications to an answer, parts to files.
//!
//! Guarantees: an interruption prints and saves what is done; a saved result is replaced whole or
//! not at all.
//!
//! Does not know: what is counted, or how.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::analyze::text;
use super::args::{PowerArgs, PowerFormat, Shard};
use super::commands::{Ended, bad_file, not_set_up, pretty, print, read};
use super::exit::Exit;
use super::opened::unreadable;
use super::output;
use super::progress::{Progress, lasting};
use super::signals::told_to_stop;
use crate::diagnostic::{Diagnostic, Wanted, mistaken};
use crate::figure;
use crate::power::{
    Design, Header, PoolChoice, Power, PowerPart, PowerRequest, Replication, Search, aggregate,
    conduct, few, merge, no_pool_because, read_part, search, to_markdown, to_text, without_effect,
    worth_a_pool,
};
use crate::run::SetupError;
use crate::scenario::Scenario;
use crate::time::{Duration, Stopwatch};

/// Time from one saved part to the next, at least; and how many times what saving took.
const FIRST_SAVE: Duration = Duration::from_us(5_000_000);
const REST: u64 = 20;
/// Largest saved part, in bytes.
const MAX_PART: u64 = 1 << 30;

/// Answers a question about a scenario, or puts saved parts together.
pub fn power(args: &PowerArgs) -> Ended {
    if !args.merge.is_empty() {
        let (header, done) = merged(&args.merge)?;
        if let Some(out) = &args.out {
            save(out, &PowerPart::new(header.clone(), &done))?;
        }
        return shown(&aggregate(&header, &done), args.format);
    }
    let Some(name) = &args.scenario else {
        output::message("error: name a scenario, or saved parts with `--merge`");
        return Err(Exit::Usage);
    };
    let loaded = read(name)?;
    if loaded.scenario.studies.is_empty() {
        output::message(&format!(
            "error: {name} has no experiment: `power` asks how often a decision rule errs"
        ));
        return Err(Exit::BadFile);
    }
    let scenario = if args.aa { without_effect(&loaded.scenario) } else { loaded.scenario };
    let asked = asked(args, &scenario);
    let stop = interrupted();
    let power = match args.target {
        Some(share) => target(args, &scenario, asked, share, &stop)?,
        None => sweep(args, &scenario, asked, &stop)?,
    };
    shown(&power, args.format)?;
    if stop.load(Ordering::Relaxed) { Err(Exit::Interrupted) } else { Ok(Exit::Ran) }
}

/// The question that the arguments ask.
fn asked(args: &PowerArgs, scenario: &Scenario) -> PowerRequest {
    let own = scenario.traffic.queries;
    let mut sizes = match args.users.as_slice() {
        [] => vec![own / 4, own / 2, own, own.saturating_mul(2)],
        given => given.to_vec(),
    };
    sizes.retain(|&size| size > 0);
    sizes.sort_unstable();
    sizes.dedup();
    PowerRequest {
        replications: args.replications,
        sizes,
        looks: args.looks,
        seed: args.seed.unwrap_or(scenario.seed.0),
        aa: args.aa,
        truth_users: args.truth_users,
        pool: if args.full { PoolChoice::Full } else { PoolChoice::WhereItSaves },
    }
}

/// The replications of a shard.
fn shard(asked: &PowerRequest, shard: Option<Shard>) -> impl Iterator<Item = u64> + use<> {
    let Shard { nth, of } = shard.unwrap_or(Shard { nth: 1, of: 1 });
    (nth - 1..asked.replications).step_by(usize::try_from(of).unwrap_or(usize::MAX))
}

/// Operating characteristics at the sizes that were asked for.
fn sweep(
    args: &PowerArgs,
    scenario: &Scenario,
    asked: PowerRequest,
    stop: &AtomicBool,
) -> Result<Power, Exit> {
    let known = match &args.resume {
        Some(path) => Some(part(path)?),
        None => None,
    };
    // What is taken up again goes on with the users of the first time.
    let pool = known.as_ref().filter(|_| !args.full).map(|known| known.header.asked.pool);
    let asked = PowerRequest { pool: pool.unwrap_or(asked.pool), ..asked };
    let why = no_pool_because(scenario).filter(|_| asked.pool != PoolChoice::Full);
    let large = worth_a_pool(asked.replications, asked.sizes.last().copied().unwrap_or_default());
    if let Some(why) = why.filter(|_| large && !args.quiet) {
        output::message(&format!("progress: every replication is simulated as a run: {why}"));
    }
    let simulates = asked.pool == PoolChoice::Full || why.is_some();
    if simulates {
        foretell_sweep(args, scenario, &asked)?;
    }
    let design = design(args, scenario, asked)?;
    match &design.pool {
        Some(pool) if !args.quiet => output::message(&format!(
            "progress: the replications draw their users from {} simulated ones in each variation",
            figure::count(pool.users().into())
        )),
        None if !simulates => foretell_sweep(args, scenario, &design.asked)?,
        _ => {}
    }
    let header = design.header_with_runs().map_err(|error| not_set_up(&scenario.name, &error))?;
    let mut done = BTreeMap::new();
    if let (Some(known), Some(path)) = (known, &args.resume) {
        let fresh = PowerPart::new(header.clone(), &BTreeMap::new());
        let (_, all) = merge(vec![fresh, known]).map_err(|(_, why)| unfit(path, &why))?;
        done = all.into_iter().filter(|(nth, _)| *nth < design.asked.replications).collect();
    }
    let wanted: Vec<u64> =
        shard(&design.asked, args.shard).filter(|nth| !done.contains_key(nth)).collect();
    let before = done.len() as u64;
    let out = args.out.as_ref().or(args.resume.as_ref());
    let (mut clock, mut due) = (Stopwatch::start(), FIRST_SAVE);
    let mut failed = None;
    let so_far = |fresh: &BTreeMap<u64, Replication>| {
        let Some(out) = out.filter(|_| clock.elapsed() >= due) else { return };
        clock = Stopwatch::start();
        let mut all = done.clone();
        all.extend(fresh.iter().map(|(nth, replication)| (*nth, replication.clone())));
        if let Err(exit) = save(out, &PowerPart::new(header.clone(), &all)) {
            // Better now than after hours of work.
            stop.store(true, Ordering::Relaxed);
            failed.get_or_insert(exit);
        }
        due = FIRST_SAVE.max(Duration::from_us(clock.elapsed().us().saturating_mul(REST)));
        clock = Stopwatch::start();
    };
    let fresh = replications(args, &design, &wanted, before, stop, so_far)?;
    if let Some(exit) = failed {
        return Err(exit);
    }
    done.extend(fresh);
    if let Some(out) = out {
        save(out, &PowerPart::new(header.clone(), &done))?;
        output::message(&format!("{} replications are in {}", done.len(), out.display()));
    }
    Ok(aggregate(&header, &done))
}

/// How many users a verdict needs.
fn target(
    args: &PowerArgs,
    scenario: &Scenario,
    asked: PowerRequest,
    share: f64,
    stop: &AtomicBool,
) -> Result<Power, Exit> {
    let decision = args.verdict.unwrap_or_default().into();
    let own = scenario.traffic.queries;
    let wish = Search {
        decision,
        share,
        max_users: args.max_users.unwrap_or_else(|| own.saturating_mul(64).min(200_000)),
        from: own,
    };
    let mut last = None;
    let speed = if args.quiet { None } else { Some(speed(args, scenario, &asked)?) };
    if let Some(speed) = speed {
        let most = f64::from(wish.max_users);
        let worst = (asked.replications + 2 * few(asked.replications)) as f64 * most * speed;
        output::message(&format!(
            "progress: searches with {} replications, then confirms with {}; at most about {}, if it has to go up to {} users",
            figure::count(few(asked.replications)),
            figure::count(asked.replications),
            lasting(worst),
            figure::count(wish.max_users.into()),
        ));
    }
    let run = |asked: PowerRequest| {
        let wanted: Vec<u64> = (0..asked.replications).collect();
        let design = prepared(args, scenario, asked)?;
        if let Some(speed) = speed.filter(|_| design.pool.is_none()) {
            foretell(scenario, &design.asked, wanted.len() as u64, jobs(args), speed);
        }
        let progress = Progress::new("replications", wanted.len() as u64, 0, args.quiet);
        let done =
            conduct(&design, &wanted, jobs(args), stop, |done| progress.done(done.len() as u64))?;
        progress.finish();
        last = Some(aggregate(&design.header(None), &done));
        Ok((design, done))
    };
    let found = search(wish, &asked, run);
    let found = found.map_err(|error| not_set_up(&scenario.name, &error))?;
    let mut power = last.ok_or(Exit::BackendFailed)?;
    power.target = Some(found);
    Ok(power)
}

/// Most users of a replication that is timed; larger ones take longer in proportion.
const TIMED_USERS: u32 = 20_000;
/// Replications that are timed, for each thread.
const TIMED: u64 = 2;

/// How many seconds one user of one replication takes on all threads together, measured on a few
/// replications.
fn speed(args: &PowerArgs, scenario: &Scenario, asked: &PowerRequest) -> Result<f64, Exit> {
    let jobs = jobs(args) as u64;
    let users =
        asked.sizes.last().copied().unwrap_or(scenario.traffic.queries).clamp(1, TIMED_USERS);
    let asked = PowerRequest {
        sizes: vec![users],
        truth_users: Some(100),
        pool: PoolChoice::Full,
        ..asked.clone()
    };
    // The first ones of each thread fill caches, so they are not timed.
    let wanted: Vec<u64> = (0..(1 + TIMED) * jobs).collect();
    let design = Design::new(scenario, asked, |_, _| ())
        .map_err(|error| not_set_up(&scenario.name, &error))?;
    let mut clock = Stopwatch::start();
    let done = conduct(&design, &wanted, jobs as usize, &AtomicBool::new(false), |done| {
        if done.len() as u64 == jobs {
            clock = Stopwatch::start();
        }
    });
    done.map_err(|error| not_set_up(&scenario.name, &error))?;
    Ok(clock.elapsed().seconds() / ((TIMED * jobs) as f64 * f64::from(users)))
}

/// Says before a sweep about how long it will take.
fn foretell_sweep(args: &PowerArgs, scenario: &Scenario, asked: &PowerRequest) -> Result<(), Exit> {
    if args.quiet {
        return Ok(());
    }
    let wanted = shard(asked, args.shard).count() as u64;
    foretell(scenario, asked, wanted, jobs(args), speed(args, scenario, asked)?);
    Ok(())
}

/// Says before replications about how long they will take.
fn foretell(scenario: &Scenario, asked: &PowerRequest, wanted: u64, jobs: usize, speed: f64) {
    let users = asked.sizes.last().copied().unwrap_or_default();
    // The truth is one long run of a single thread.
    let arms: usize = scenario.studies.iter().map(|study| study.experiment.treatments.len()).sum();
    let truth = f64::from(asked.truth_visits(u32::try_from(arms).unwrap_or(u32::MAX)))
        * speed
        * jobs as f64;
    let seconds = wanted as f64 * f64::from(users) * speed + truth;
    output::message(&format!(
        "progress: {} replications of up to {} users take about {} (threads: {jobs}; measured on {} replications)",
        figure::count(wanted),
        figure::count(users.into()),
        lasting(seconds),
        TIMED * jobs as u64,
    ));
}

fn jobs(args: &PowerArgs) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    args.jobs.map_or_else(all, |jobs| jobs as usize)
}

fn design<'s>(
    args: &PowerArgs,
    scenario: &'s Scenario,
    asked: PowerRequest,
) -> Result<Design<'s>, Exit> {
    prepared(args, scenario, asked).map_err(|error| not_set_up(&scenario.name, &error))
}

/// The question made ready, with a progress bar.
fn prepared<'s>(
    args: &PowerArgs,
    scenario: &'s Scenario,
    asked: PowerRequest,
) -> Result<Design<'s>, SetupError> {
    let progress = Progress::new("simulated users", 1, 0, args.quiet);
    let design = Design::new(scenario, asked, |done, total| {
        progress.total(total);
        progress.done(done);
    });
    progress.finish();
    design
}

fn replications(
    args: &PowerArgs,
    design: &Design<'_>,
    wanted: &[u64],
    before: u64,
    stop: &AtomicBool,
    mut so_far: impl FnMut(&BTreeMap<u64, Replication>),
) -> Result<BTreeMap<u64, Replication>, Exit> {
    let progress = Progress::new("replications", before + wanted.len() as u64, before, args.quiet);
    let done = conduct(design, wanted, jobs(args), stop, |done| {
        progress.done(before + done.len() as u64);
        so_far(done);
    });
    progress.finish();
    done.map_err(|error| not_set_up(&design.stage.scenario.name, &error))
}

/// Set when the program is told to stop.
fn interrupted() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        // Without a handler a signal ends the program at once.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
            return;
        };
        runtime.block_on(async {
            told_to_stop(false).await;
            told.store(true, Ordering::Relaxed);
            output::message(
                "interrupted: finishing the replications under way; again to stop at once",
            );
            told_to_stop(false).await;
            std::process::exit(Exit::Interrupted as i32);
        });
    });
    stop
}

fn shown(power: &Power, format: PowerFormat) -> Ended {
    print(&match format {
        PowerFormat::Text => {
            let palette = output::palette();
            to_text(power, output::width(), &palette)
        }
        PowerFormat::Json => pretty(power)?,
        PowerFormat::Markdown => to_markdown(power),
    })
}

/// A saved part.
fn part(path: &Path) -> Result<PowerPart, Exit> {
    let text = text(path, MAX_PART, Wanted::Replications)?;
    read_part(&text).map_err(|why| {
        match mistaken(&path.display().to_string(), text.as_bytes(), Wanted::Replications) {
            Some(fault) => bad_file(&[fault]),
            None => unfit(path, &why),
        }
    })
}

fn unfit(path: &Path, why: &str) -> Exit {
    let help =
        "`simlab power SCENARIO --out FILE` writes such a file; `--shard I/N` writes a part of it";
    bad_file(&[Diagnostic::new(format!("`{}` cannot be used: {why}", path.display())).help(help)])
}

#[expect(
    clippy::indexing_slicing,
    reason = "`merge` numbers the parts, which are read from the paths one by one"
)]
fn merged(paths: &[PathBuf]) -> Result<(Header, BTreeMap<u64, Replication>), Exit> {
    let parts = paths.iter().map(|path| part(path)).collect::<Result<Vec<PowerPart>, Exit>>()?;
    merge(parts).map_err(|(nth, why)| unfit(&paths[nth], &why))
}

/// Writes a part beside its place first, so that a full disk or an interruption loses nothing.
fn save(path: &Path, part: &PowerPart) -> Result<(), Exit> {
    let write = || -> io::Result<()> {
        let json = part.to_json().map_err(io::Error::other)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut file = fs::File::create(&beside)?;
        file.write_all(json.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unreadable(path, &error),
        _ => {
            bad_file(&[Diagnostic::new(format!("`{}` cannot be written: {error}", path.display()))
                .help("check the path and its permissions")])
        }
    })
}
