//! The runs of lessons in the background, which fill in while somebody looks.
//!
//! Guarantees: the same question is computed once for everybody who asks; two threads at most are
//! busy; what nobody looks at stops, and so does what takes too long.
//!
//! Does not know: how runs are shown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::course::{LessonRun, LessonRuns};
use crate::time::{Duration, Stopwatch};

/// How many run at once.
const JOBS: usize = 2;
/// Questions whose runs are kept.
const KEPT: usize = 32;
/// Runs that take longer end with what there is.
const LONGEST: Duration = Duration::from_us(60_000_000);
/// Runs that nobody has looked at for this long end.
const UNWATCHED: Duration = Duration::from_us(6_000_000);

/// The runs of all lessons that somebody looks at.
#[derive(Debug, Default)]
pub struct LessonFields {
    fields: Mutex<Vec<Arc<Field>>>,
    turn: Arc<Mutex<()>>,
}

/// What is known so far.
#[derive(Clone, Debug, Default)]
pub struct RunsSoFar {
    /// The runs that are done, in their order.
    pub done: Vec<LessonRun>,
    /// How many there will be.
    pub asked: u64,
    /// Whether no more will come.
    pub ended: bool,
    /// Why there are none.
    pub problem: Option<String>,
}

impl RunsSoFar {
    /// Share of runs that have what the exercise asks for.
    #[must_use]
    pub fn share_met(&self) -> f64 {
        let met = self.done.iter().filter(|run| run.met == Some(true)).count();
        met as f64 / self.done.len().max(1) as f64
    }
}

#[derive(Debug)]
struct Field {
    key: String,
    stop: AtomicBool,
    so_far: Mutex<RunsSoFar>,
    seen: Mutex<Stopwatch>,
}

/// What a thread that panicked left behind is as good as what others leave.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LessonFields {
    /// What is known of the runs of this key; begins `count` of them if there are none.
    pub fn of(&self, key: &str, count: u64, runs: impl FnOnce() -> LessonRuns) -> RunsSoFar {
        let mut fields = held(&self.fields);
        fields.retain(|field| !field.stop.load(Ordering::Relaxed));
        if let Some(field) = fields.iter().find(|field| field.key == key) {
            *held(&field.seen) = Stopwatch::start();
            return held(&field.so_far).clone();
        }
        while fields.len() >= KEPT {
            fields.remove(0).stop.store(true, Ordering::Relaxed);
        }
        let field = Arc::new(Field {
            key: key.to_owned(),
            stop: AtomicBool::new(false),
            so_far: Mutex::new(RunsSoFar { asked: count, ..RunsSoFar::default() }),
            seen: Mutex::new(Stopwatch::start()),
        });
        fields.push(Arc::clone(&field));
        let (turn, runs, own) = (Arc::clone(&self.turn), runs(), Arc::clone(&field));
        thread::spawn(move || own.fill(&runs, count, &turn));
        held(&field.so_far).clone()
    }
}

impl Field {
    fn fill(&self, runs: &LessonRuns, count: u64, turn: &Mutex<()>) {
        // Whoever waits for its turn does not use its time up.
        let _turn = held(turn);
        let watch = Stopwatch::start();
        let go_on = || {
            if held(&self.seen).elapsed() > UNWATCHED {
                self.stop.store(true, Ordering::Relaxed);
            }
            !self.stop.load(Ordering::Relaxed) && watch.elapsed() < LONGEST
        };
        let found = |run: LessonRun| held(&self.so_far).done.push(run);
        let ended = runs.run(count, JOBS, go_on, found);
        let mut so_far = held(&self.so_far);
        so_far.problem = ended.err().map(|error| error.to_string());
        so_far.ended = true;
    }
}
