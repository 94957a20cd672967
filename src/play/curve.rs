//! The power curve: how often each verdict comes with fewer and with more users than the experiment
//! has, and how many users a verdict would need.
//!
//! Guarantees: every point is a count of runs; what lies between two points says "about".
//!
//! Does not know: how replications run.

use maud::{Markup, PreEscaped, html};

use super::replications::{FieldSoFar, REPLICATIONS};
use crate::figure;
use crate::power::MonteCarloEstimate;
use crate::report::{PowerCurve, power_curve};
use crate::verdict::Decision;

/// The verdicts, each with the class of its mark and its word.
pub const DECISIONS: [(Decision, &str, &str); 3] = [
    (Decision::Ship, "ship", "ship"),
    (Decision::Keep, "keep", "keep the control"),
    (Decision::NeedMoreData, "open", "need more data"),
];
/// The share of runs that experiments are planned for.
const WANTED: f64 = 0.8;

/// How often each verdict comes with a number of users.
#[derive(Clone, Debug)]
pub struct SizeShares {
    pub users: u32,
    /// In the order of [`DECISIONS`].
    pub shares: [MonteCarloEstimate; 3],
}

/// The numbers of users of an experiment for which there are runs, ascending.
pub fn by_size(so_far: &FieldSoFar, nth: usize) -> Vec<SizeShares> {
    let own = so_far.done.values().filter_map(|run| run.decisions.get(nth));
    let more = so_far.more.values().filter_map(|decisions| decisions.get(nth));
    let counted = |sizes: &[u32], runs: &[&Vec<Decision>]| {
        let of = |at: usize| {
            DECISIONS.map(|(decision, ..)| {
                let count = runs.iter().filter(|run| run.get(at) == Some(&decision)).count();
                MonteCarloEstimate::share(count, runs.len())
            })
        };
        let sizes = sizes.iter().enumerate().filter(|_| !runs.is_empty());
        sizes.map(|(at, users)| SizeShares { users: *users, shares: of(at) }).collect::<Vec<_>>()
    };
    let mut all = counted(&so_far.sizes, &own.collect::<Vec<_>>());
    all.extend(counted(&so_far.more_sizes, &more.collect::<Vec<_>>()));
    all
}

/// Where a share first reaches what is wanted: between two points on the line that joins them.
fn reached(points: &[(f64, f64)]) -> Option<f64> {
    let first = points.first().filter(|(_, share)| *share >= WANTED);
    let between = || {
        points.array_windows().find_map(|[(from, low), (to, high)]| {
            (*low < WANTED && *high >= WANTED)
                .then(|| from + (to - from) * (WANTED - low) / (high - low))
        })
    };
    first.map(|(users, _)| *users).or_else(between)
}

/// A number of users that is known roughly, to two digits.
fn roughly(users: f64) -> String {
    let power = libm::pow(10.0, (libm::floor(libm::log10(users.max(1.0))) - 1.0).max(0.0));
    figure::count((libm::round(users / power) * power) as u64)
}

/// The curve of an experiment, and what it says of the users that are needed.
pub fn curve(so_far: &FieldSoFar, nth: usize, name: &str, own: u32) -> Markup {
    let all = by_size(so_far, nth);
    let users: Vec<u32> = all.iter().map(|own| own.users).collect();
    let line = |at: usize| -> Vec<f64> {
        all.iter().filter_map(|own| own.shares.get(at)).map(|own| own.value.get()).collect()
    };
    let classes = ["arm1", "arm0", "open"];
    let verdicts: Vec<(&str, &str, Vec<f64>)> = DECISIONS
        .iter()
        .enumerate()
        .zip(classes)
        .map(|((at, (_, _, word)), class)| (class, *word, line(at)))
        .collect();
    let id = format!("power-{nth}");
    let title = format!("Verdicts of {name} by number of users");
    let drawn = power_curve(&PowerCurve {
        id: &id,
        title: &title,
        users: &users,
        verdicts: &verdicts,
        own,
        level: WANTED,
    });
    let waits = so_far.complete && !so_far.ended;
    html! {
        @if let Some(drawn) = drawn {
            h3 { "How many users it takes" }
            figure {
                figcaption { strong { "Share of runs by number of users" } span.dim { "line: ship · dashes: keep the control · dots: need more data · across: 80%" } }
                (PreEscaped(drawn))
            }
            @if waits {
                p.small.dim { "Running with up to " (figure::count(so_far.more_sizes.last().copied().unwrap_or(own).into())) " users: " (so_far.more.len()) " of " (REPLICATIONS) " …" }
            } @else { (needed(&all, own, so_far.more.len())) }
        }
    }
}

/// How many users the more frequent of the two decisions needs.
fn needed(all: &[SizeShares], own: u32, more: usize) -> Markup {
    let share =
        |size: &SizeShares, at: usize| size.shares.get(at).map_or(0.0, |own| own.value.get());
    let Some(last) = all.last() else { return html! {} };
    let at = usize::from(share(last, 1) > share(last, 0));
    let word = if at == 0 { "ships" } else { "keeps the control" };
    let plural = if at == 0 { "ship" } else { "keep the control" };
    let points: Vec<(f64, f64)> =
        all.iter().map(|own| (own.users.into(), share(own, at))).collect();
    let now = all.iter().find(|size| size.users == own).and_then(|size| size.shares.get(at));
    html! {
        p.small {
            @if let Some(now) = now { "With " (figure::count(own.into())) " users the rule " (word) " in " strong { (now.percent()) } " of the runs. " }
            @match reached(&points) {
                Some(users) if points.first().is_some_and(|(first, _)| *first >= users) => { "Already with " (figure::count(users as u64)) " users, 80% of them " (plural) "." }
                Some(users) => { "About " strong { (roughly(users)) " users" } " are needed for 80% to " (plural) "." }
                None => { "Even with " (figure::count(last.users.into())) " users fewer than 80% " (plural) ": it takes more, or a larger effect." }
            }
            @if more > 0 { span.dim { " Each point is a count of runs; those above " (figure::count(own.into())) " users are " (more) " longer runs." } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_needed_lie_where_the_line_crosses_80_percent() {
        assert_eq!(reached(&[(100.0, 0.2), (200.0, 0.6), (400.0, 1.0)]), Some(300.0));
        assert_eq!(reached(&[(100.0, 0.9), (200.0, 1.0)]), Some(100.0));
        assert_eq!(reached(&[(100.0, 0.2), (200.0, 0.79)]), None);
        assert_eq!(reached(&[]), None);
        assert_eq!(
            ["7", "6,800", "12,000"],
            [7.2, 6_832.0, 12_345.0].map(roughly).each_ref().map(String::as_str)
        );
    }
}
