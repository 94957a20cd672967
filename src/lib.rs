//! simlab is a flight simulator for AI experiments: one program runs a complete A/B experiment on a
//! multi-agent AI system, from bootstrap to verdict, against seeded mocks. This page is the
//! project's architecture document.
//!
//! # As a library
//!
//! The functions of the command line, for tests, notebooks and CI gates of your own:
//!
//! | item | does |
//! |---|---|
//! | [`Scenario`] | reads and validates a scenario: a file, a built-in one, or a text |
//! | [`run()`] | simulates a scenario, from bootstrap to verdict |
//! | [`analyze`] | analyzes summary statistics or recorded events |
//! | [`power()`] | counts how often a decision rule gives each verdict |
//! | [`serve()`] | serves the mock LaunchDarkly and the mock models, for a test of an application |
//! | [`Report`] | has the result of [`run()`] and [`analyze`] as data, and prints it in every format |
//!
//! ```
//! use simlab::{RunOptions, Scenario};
//!
//! let scenario = Scenario::load("security")?;
//! let options = RunOptions { users: Some(200), ..RunOptions::default() };
//! let report = simlab::run(&scenario, options)?.report;
//! let verdict = report.experiments[0].verdict.as_ref().ok_or("there is no decision rule")?;
//! assert_eq!(verdict.because.len(), 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/` has a verdict in ten lines, a metric of your own and a gate for CI. These items, and
//! what they take and return, are the library; they may grow. The modules are public only for
//! simlab's own program, tests and benchmarks, and change without notice.
//!
//! # The road
//!
//! Each stage is a function from one named value to the next; nothing points backwards, but for a
//! split that follows the results. [`run`](mod@run) is this picture in code.
//!
//! ```text
//! security.ron ─ scenario::load ───▶ Scenario      text becomes meaning; source spans end here
//! Scenario ───── flags::bootstrap ─▶ Ruleset       verify, create or update configs, segments, metrics, experiments
//! Scenario ───── traffic::Plan ────▶ visitors      who comes with which question (topics from the knowledge base)
//! Ruleset + visitors ─ sim ────────▶ Journal       the only stage that meets the world, mock or live
//!         per visit: evaluate → exposure → supervisor → [security] → support (tools) → judge → feedback
//! Journal ────── metrics ──────────▶ Observations  one value per user and metric, one treatment per user and experiment
//! Observations ─ analysis ─────────▶ Analysis      posteriors, intervals, probabilities, expected loss, health
//! Analysis ───── verdict ──────────▶ Verdict       ship, keep, or need more data, each with its because
//! all of it ──── report ───────────▶ terminal, JSON, Markdown, JUnit, HTML
//! ```
//!
//! # The floor plan
//!
//! The modules below are the rooms, in order, and **a room uses only rooms listed above it**. A
//! test reads this list and the `crate::…` paths of every file and holds the code to it.
//!
//! | storey | rooms | purpose |
//! |---|---|---|
//! | ground | [`quantity`] [`time`] [`diagnostic`] | numbers that cannot be wrong; timestamps; errors that show the line and the carets |
//! | nouns | [`random`] [`context`] [`statistic`] [`experiment`] [`figure`] [`journal`] [`event`] | every source of luck; who is asked about; what of users' values is compared, one file each; experiments and metrics; numbers as text; what happened, as integers; which events that sends |
//! | services | [`knowledge`] [`flags`] [`llm`] | what people ask and read; a LaunchDarkly project and a chat model, each with its seam and its mock |
//! | people | [`traffic`] [`judge`] [`agents`] | who comes with what; the model as judge; a graph of agents at work on a question, with their tools |
//! | world | [`sim`] | a stable queue, an engine that is asked (no I/O), and the loops around it: one for mocks, one that waits |
//! | study | [`metrics`] [`analysis`] [`verdict`] | journal to observations, observations to posteriors, posteriors to a decision |
//! | desk | [`explain`] [`report`] [`scenario`] [`recorded`] | the words of the report; plain data in the reader's words, documents of it section by section, and their renderers; the scenario file: as written, resolved, meaning, and its reference; given data: tables, recorded events and summary statistics |
//! | doors | [`run`](mod@run) [`power`](mod@power) [`plan`] [`course`] [`live`] [`traces`] [`serve`](mod@serve) [`play`] [`cli`] | the road; the road many times over; how many users an experiment needs; lessons: the road before and after one knob is turned; the road on real providers; a scenario from other tools' traces; the mocks over HTTP; a page whose settings change a scenario; the command line and its exit codes |
//!
//! `live` comes after `run`, not beside `llm`: it uses the stage and the engine of a run.
//!
//! **The wall:** `metrics`, `analysis`, `verdict` and `report` know nothing of knowledge, flags,
//! llm, agents or sim. The analyst never meets the simulator, so events recorded in production are
//! analyzed by the same code.
//!
//! **Absences:** only `serve` listens, and only `live` speaks to others; only `scenario`, `cli`,
//! `live` (its journal and vectors) and `serve` (its state) touch files; only `time` reads a clock;
//! only `cli` prints; only `random` knows a generator. A test holds the code to these, too.
//!
//! # Decisions
//!
//! - **Luck is addressed, never queued** ([`random`]): a draw is named by seed, purpose, owner and
//!   number, so no two things share a stream, a user keeps its luck when others leave, and the
//!   variation is not in the address: a user has the same luck in either arm. That is what makes
//!   the true effect computable (`--truth`).
//! - **Recipes or words** ([`llm::model::Said`]): a simulated question, tool output or answer is a
//!   small value, a recipe, with two readings: its size from tables and its text on demand. What is
//!   counted is exactly what would be rendered (tested), so a million users cost no text, and a
//!   reader still gets every word. In a live run the same place holds the words of a real model.
//! - **Four seams to the world**: models ([`llm::model`]), tools ([`agents::Tools`]), flags
//!   ([`sim::Assign`]), and, under a live run, disk and network. The engine knows no mock.
//! - **Providers are values** ([`llm::wire::PROVIDERS`]): each has a folder with its facts and its
//!   format, and one row in a table. Routes, ports, environment variables, help and references are
//!   made from the table, and no other code names a provider.
//! - **The mock road is synchronous**: nothing waits, so nothing is `async`; [`sim::drive_live`] is
//!   the loop that waits.
//! - **Agents are data** ([`agents::Graph`]): a visit walks nodes and edges, in one branch or in several
//!   side by side. The tutorial's three agents are one such graph. What a model is asked to do, how
//!   its answer is read and what the mock answers stand in one file of [`llm::tasks`].
//! - **A completion states its own latency**: the mock draws it, a live client measures it. So the
//!   engine treats both alike: the answer to a question asked at t arrives at t + latency.
//! - **Integers until analysis** ([`journal`]): microseconds, tokens, nano-dollars. Floats begin in
//!   [`metrics`].
//! - **`libm` for transcendental functions**: the same bits on every platform.
//! - **One arrow back, only where a scenario asks for it** (`run::adaptive`): a bandit or a watched
//!   rollout hears the journal as it is written, analyzes what it has by then and changes the
//!   compiled flags. So a run is still a pure function of scenario, seed and users; what was
//!   changed is an entry of the journal.
//! - **One engine, single-threaded**: shared limits need one order. Parallelism is across
//!   replications.

// The modules are public because the program, the tests in `tests`, the benchmarks and the fuzzing
// use them, and hidden because nothing about them is promised. `RUSTDOCFLAGS="--cfg internals"
// cargo doc` shows them.
#[cfg_attr(not(internals), doc(hidden))]
pub mod quantity;
#[cfg_attr(not(internals), doc(hidden))]
pub mod time;
#[cfg_attr(not(internals), doc(hidden))]
pub mod diagnostic;

#[cfg_attr(not(internals), doc(hidden))]
pub mod random;
#[cfg_attr(not(internals), doc(hidden))]
pub mod context;
#[cfg_attr(not(internals), doc(hidden))]
pub mod statistic;
#[cfg_attr(not(internals), doc(hidden))]
pub mod experiment;
#[cfg_attr(not(internals), doc(hidden))]
pub mod figure;
#[cfg_attr(not(internals), doc(hidden))]
pub mod journal;
#[cfg_attr(not(internals), doc(hidden))]
pub mod event;

#[cfg_attr(not(internals), doc(hidden))]
pub mod knowledge;
#[cfg_attr(not(internals), doc(hidden))]
pub mod flags;
#[cfg_attr(not(internals), doc(hidden))]
pub mod llm;

#[cfg_attr(not(internals), doc(hidden))]
pub mod traffic;
#[cfg_attr(not(internals), doc(hidden))]
pub mod judge;
#[cfg_attr(not(internals), doc(hidden))]
pub mod agents;

#[cfg_attr(not(internals), doc(hidden))]
pub mod sim;

#[cfg_attr(not(internals), doc(hidden))]
pub mod metrics;
#[cfg_attr(not(internals), doc(hidden))]
pub mod analysis;
#[cfg_attr(not(internals), doc(hidden))]
pub mod verdict;

#[cfg_attr(not(internals), doc(hidden))]
pub mod explain;
#[cfg_attr(not(internals), doc(hidden))]
pub mod report;
#[cfg_attr(not(internals), doc(hidden))]
pub mod scenario;
#[cfg_attr(not(internals), doc(hidden))]
pub mod recorded;

#[cfg_attr(not(internals), doc(hidden))]
pub mod run;
#[cfg_attr(not(internals), doc(hidden))]
pub mod power;
#[cfg_attr(not(internals), doc(hidden))]
pub mod plan;
#[cfg_attr(not(internals), doc(hidden))]
pub mod course;
#[cfg_attr(not(internals), doc(hidden))]
pub mod live;
#[cfg_attr(not(internals), doc(hidden))]
pub mod traces;
#[cfg_attr(not(internals), doc(hidden))]
pub mod serve;
#[cfg_attr(not(internals), doc(hidden))]
pub mod play;
#[cfg_attr(not(internals), doc(hidden))]
pub mod cli;

#[doc(inline)]
pub use diagnostic::Mistakes;
#[doc(inline)]
pub use power::{Power, PowerRequest, power};
#[doc(inline)]
pub use recorded::analyze;
#[doc(inline)]
pub use report::Report;
#[doc(inline)]
pub use run::{Outcome, RunOptions, SetupError, run};
#[doc(inline)]
pub use scenario::Scenario;
#[doc(inline)]
pub use serve::{Serving, Settings as ServeSettings, serve};
#[doc(inline)]
pub use verdict::Decision;
