//! Runs a target on damaged inputs and holds it to the rules.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::MEMORY;
use super::mutate::{Random, damaged};

/// Longest time for one input. The slowest sound input takes a hundredth of it, so a busy machine
/// does not matter.
const PATIENCE: Duration = Duration::from_secs(60);
/// Memory that any input may take, in bytes.
const MEMORY_FLOOR: usize = 64 << 20;
/// Memory that an input may take for each of its bytes, besides: a JSON value of one byte takes 72
/// in memory, and twice that while a list grows.
const MEMORY_PER_BYTE: usize = 200;
/// Longest error, in bytes: up to 50 faults are shown, and none of them repeats the whole input.
const LONGEST_ERROR: usize = 200 << 10;

/// One test at a time, from its beginning on: memory is counted for the whole process.
static ONE: Mutex<()> = Mutex::new(());

pub fn one_at_a_time() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| {
        text.parse().unwrap_or_else(|_| panic!("{variable}: expected a number, found `{text}`"))
    })
}

/// How long a target goes on.
pub enum Length {
    Inputs(u64),
    Until(Instant),
}

impl Length {
    /// `inputs` in a short pass; in a long one as long as is asked for.
    pub fn of(inputs: u64) -> Self {
        number("SIMLAB_FUZZ_SECONDS").map_or(Self::Inputs(inputs), |seconds| {
            Self::Until(Instant::now() + Duration::from_secs(seconds))
        })
    }

    pub fn goes_on(&self, done: u64) -> bool {
        match self {
            Self::Inputs(inputs) => done < *inputs,
            Self::Until(end) => Instant::now() < *end,
        }
    }
}

pub fn seed() -> u64 {
    number("SIMLAB_FUZZ_SEED").unwrap_or(1)
}

/// The `nth` input of a target.
pub fn input(name: &str, seed: u64, nth: u64, sound: &[Vec<u8>]) -> Vec<u8> {
    let of_name =
        name.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let mut random = Random::new(seed ^ of_name ^ nth.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let from = random.below(sound.len());
    damaged(&mut random, &sound[from], sound)
}

/// Keeps an input that broke a rule.
pub fn kept(name: &str, input: &[u8]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("fuzz");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, input).unwrap();
    path
}

/// The input at hand and when it began.
type AtHand = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

/// Ends the process when one input takes too long: a thread cannot be stopped.
struct Watchdog {
    at: AtHand,
}

impl Watchdog {
    fn new(name: &'static str) -> Self {
        let at = Arc::new(Mutex::new(None::<(Instant, Vec<u8>)>));
        let watched = Arc::downgrade(&at);
        std::thread::spawn(move || {
            while let Some(at) = watched.upgrade() {
                if let Some((_, input)) =
                    at.lock().unwrap().as_ref().filter(|(begun, _)| begun.elapsed() > PATIENCE)
                {
                    let path = kept(&format!("{name}-endless"), input);
                    eprintln!(
                        "{name}: an input takes longer than {PATIENCE:?}: {}",
                        path.display()
                    );
                    std::process::abort();
                }
                drop(at);
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        Self { at }
    }
}

/// Runs `target` on `inputs` damaged inputs (or as long as is asked for). It returns the error's
/// words for what it refuses.
pub fn fuzz(
    name: &'static str,
    inputs: u64,
    sound: &[Vec<u8>],
    mut target: impl FnMut(&[u8]) -> Result<(), String>,
) {
    let watchdog = Watchdog::new(name);
    let seed = seed();
    // Tables and caches are there before memory is counted, and what is sound is taken.
    for (nth, input) in sound.iter().enumerate() {
        let answer = target(input);
        assert!(answer.is_ok(), "{name}: sound input {nth} is refused: {answer:?}");
    }
    let length = Length::of(inputs);
    let (mut done, mut taken) = (0, 0_u64);
    while length.goes_on(done) {
        let input = input(name, seed, done, sound);
        *watchdog.at.lock().unwrap() = Some((Instant::now(), input.clone()));
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let answer = catch_unwind(AssertUnwindSafe(|| target(&input)));
        let grown = MEMORY.peak_usage().saturating_sub(before);
        *watchdog.at.lock().unwrap() = None;
        let broken = match &answer {
            Err(_) => Some("it panics".to_owned()),
            Ok(Err(error)) if error.trim().is_empty() => Some("its error has no words".to_owned()),
            Ok(Err(error)) if error.len() > LONGEST_ERROR => {
                Some(format!("its error has {} bytes", error.len()))
            }
            _ if grown > MEMORY_FLOOR + MEMORY_PER_BYTE * input.len() => {
                Some(format!("{} bytes take {} MiB of memory", input.len(), grown >> 20))
            }
            _ => None,
        };
        if let Some(rule) = broken {
            let path = kept(&format!("{name}-{seed}-{done}"), &input);
            panic!("{name}: input {done} of seed {seed}: {rule}: {}", path.display());
        }
        taken += u64::from(matches!(answer, Ok(Ok(()))));
        done += 1;
    }
    println!("{name}: {done} inputs, {taken} of them taken");
}
