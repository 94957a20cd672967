//! The view of a run that goes on: a progress bar, and below it how each experiment stands.
//!
//! Guarantees: it is on standard error alone, and gone from a terminal when the run is over;
//! looking takes about a fiftieth of a run's time at the most, and a run of half a second shows
//! nothing but the bar. Without a terminal there are lines that say how far the run is.
//!
//! Does not know: where the numbers come from.

use std::io::{self, IsTerminal};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output;
use super::progress::{self, Lines};
use crate::analysis::Analysis;
use crate::report::glance;
use crate::scenario::Scenario;
use crate::time::{Duration, Stopwatch};

/// When the first look is taken.
const FIRST: Duration = Duration::from_us(500_000);
/// The least time from one look to the next.
const PAUSE: Duration = Duration::from_us(200_000);
/// And how many times what the last look took.
const REST: u64 = 50;

/// A progress bar with lines below it.
pub struct Watch<'s> {
    scenario: &'s Scenario,
    users: u64,
    bar: ProgressBar,
    /// What stands below the bar; it has as many lines as are said.
    below: ProgressBar,
    clock: Stopwatch,
    /// When the next look is due; `None` where nobody sees it.
    next: Option<Duration>,
    /// What is written where there is no terminal.
    lines: Option<Lines>,
}

impl<'s> Watch<'s> {
    /// A view of a run of so many users; silent where `quiet` is asked for.
    pub fn new(scenario: &'s Scenario, users: u64, quiet: bool) -> Self {
        let seen = !quiet && io::stderr().is_terminal();
        let (mut bar, mut below) = (progress::bar("users", users), ProgressBar::hidden());
        if let Some(style) = ProgressStyle::with_template("{msg}").ok().filter(|_| seen) {
            let all = MultiProgress::new();
            (bar, below) = (all.add(bar), all.add(below.with_style(style)));
        }
        let lines = (!seen && !quiet).then(|| Lines::start(&bar));
        Self {
            scenario,
            users,
            bar,
            below,
            clock: Stopwatch::start(),
            next: seen.then_some(FIRST),
            lines,
        }
    }

    /// Whether somebody sees it.
    pub fn is_seen(&self) -> bool {
        self.next.is_some()
    }

    /// The bar.
    pub fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Shows how the experiments stand, if it is time to look again.
    pub fn look(&mut self, found: impl FnOnce() -> Vec<Analysis>) {
        let begun = self.clock.elapsed();
        if self.next.is_none_or(|next| begun < next) {
            return;
        }
        let analyses = found();
        let each: Vec<_> = self.scenario.experiments().into_iter().zip(&analyses).collect();
        let palette = output::message_palette();
        self.below
            .set_message(glance(&each, self.users, output::message_width(), &palette).join("\n"));
        let took = self.clock.elapsed().us().saturating_sub(begun.us());
        self.next = Some(self.clock.elapsed() + PAUSE.max(Duration::from_us(took * REST)));
    }

    /// Takes it away.
    pub fn finish(&mut self) {
        drop(self.lines.take());
        self.below.finish_and_clear();
        self.bar.finish_and_clear();
    }
}
