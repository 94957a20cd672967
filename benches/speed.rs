//! Speed: the time of a full run per user, as a ratio to its floor.
//!
//! The floor is what cannot be avoided: two SHA-1 bucket hashes for each user, and as many keyed
//! log-normal draws as the run makes stages of luck. `cargo bench --bench speed` prints both and
//! users per second on one core; `-- USERS FILE` takes another number of users and another
//! scenario.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what cannot go on here shall stop loudly"
)]

use std::time::Instant;

use sha1::{Digest, Sha1};
use simlab::agents::Graph;
use simlab::context::user_key;
use simlab::journal::{AgentId, Caller, Entry, Event, Reader};
use simlab::llm::tasks::Task;
use simlab::random::{Purpose, Seed};
use simlab::run::PreparedScenario;
use simlab::scenario::load;

/// Counts the stages of luck that a run draws: for each agent, the stages of one of its calls.
struct Draws(u64, Vec<u64>);

impl Draws {
    fn of(graph: &Graph) -> Self {
        let stages = |agent: AgentId| match graph.node(agent).role.task() {
            // A call that may answer draws its own luck and the question's effort; one that chooses
            // a way, what the user wants.
            Task::Answer | Task::Route => 2,
            _ => 1,
        };
        Self(0, graph.agents().map(stages).collect())
    }
}

impl Reader for Draws {
    fn entry(&mut self, entry: &Entry) {
        self.0 += match entry.event {
            Event::Completed { caller: Caller::Agent(agent), .. }
            | Event::CallFailed { caller: Caller::Agent(agent), .. } => self.1[agent.index()],
            Event::Completed { .. } | Event::CallFailed { .. } => 1,
            // The visitor's own plan.
            Event::Arrived { .. } => 1,
            _ => 0,
        };
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let users: u32 = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(300_000);
    let file =
        args.iter().find(|arg| arg.parse::<u32>().is_err()).map_or("security", String::as_str);
    let loaded = load(file)
        // A benchmark without its scenario measures nothing.
        .unwrap_or_else(|faults| panic!("{}", simlab::diagnostic::render(&faults, false)));
    let scenario = &loaded.scenario;
    let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
    let observer = || stage.observer(users as usize);

    // Once to warm the caches and to count, then three times against the clock.
    let (_, draws) =
        stage.population(scenario.seed, users).visit((observer(), Draws::of(&scenario.graph)));
    let per_user = draws.0 as f64 / f64::from(users);
    let time = |work: &mut dyn FnMut()| {
        let best = (0..3).map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        });
        best.min().unwrap().as_nanos() as f64 / f64::from(users)
    };
    let run = time(&mut || {
        stage.population(scenario.seed, users).visit(observer());
    });
    let mut sum = 0.0;
    let draw = time(&mut || {
        for n in 1..=users {
            sum += Seed(7).stage(Purpose::Support, user_key(n).owner(), 0).log_normal(1.0, 0.5);
        }
    });
    let mut bits = 0_u64;
    let hash = time(&mut || {
        for n in 1..=users {
            let mut sha = Sha1::new();
            sha.update(b"1138240921.");
            sha.update(user_key(n).as_str());
            bits ^= u64::from(sha.finalize()[0]);
        }
    });
    let floor = 2.0 * hash + per_user * draw;
    println!("scenario                     {} with {users} users", scenario.name);
    println!("stages of luck per user      {per_user:.2}");
    println!("one keyed log-normal draw    {draw:.0} ns");
    println!("one SHA-1 bucket hash        {hash:.0} ns");
    println!("floor per user               {floor:.0} ns");
    println!("run per user                 {run:.0} ns");
    println!("ratio to the floor           {:.2}", run / floor);
    println!("users per second, one core   {:.0}", 1e9 / run);
    println!("(check sums {sum:.3} {bits})");
}
