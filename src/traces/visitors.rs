//! Users and sessions: how often they come back, how long apart, and how alike their visits are.
//!
//! Guarantees: memory is bounded: beyond [`MOST`] sessions a part of the users is kept, chosen by the
//! digest of their ids, with all of their sessions.
//!
//! Does not know: ids; digests come in.

use std::collections::BTreeMap;

use super::estimates::{ClusteredMean, PlainSpread, TraceEstimate};

/// Most sessions that are kept.
const MOST: usize = 60_000;
/// Fewest users with several visits to the same agents behind a correlation.
const FEWEST: usize = 30;

/// The traces of a session.
#[derive(Clone, Copy, Debug, Default)]
struct SessionSums {
    traces: u32,
    first_us: u64,
    last_us: u64,
    busy_us: u64,
}

/// The logarithms of the output tokens of a user's traces with the same agents.
#[derive(Clone, Copy, Debug, Default)]
struct LengthSums {
    traces: f64,
    sum: f64,
    squares: f64,
}

/// What a trace shows of its user's ways.
#[derive(Clone, Copy, Debug)]
pub(super) struct UsersTrace {
    pub id: u64,
    /// A digest of its agents. Which agents a request comes to is no way of the user, and decides more
    /// than any how long its answers are.
    pub agents: u64,
    pub start_us: u64,
    pub end_us: u64,
    pub output: f64,
}

/// Users with their sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct VisitorSample {
    sessions: BTreeMap<(u64, u64), SessionSums>,
    /// By user and agents.
    lengths: BTreeMap<(u64, u64), LengthSums>,
    /// One of two to this power of the users is kept.
    level: u32,
    pub with_user: u64,
    pub with_session: u64,
    pub traces: u64,
}

/// What users did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct VisitorFigures {
    pub users: usize,
    /// One of this many users was kept.
    pub one_of: u64,
    pub visits_per_user: Option<TraceEstimate>,
    pub turns_per_session: Option<TraceEstimate>,
    pub most_turns: u32,
    pub gap_seconds: Option<TraceEstimate>,
    pub gaps: f64,
    pub pause_seconds: Option<TraceEstimate>,
    pub pauses: f64,
    /// Correlation of the logarithms of the output tokens of visits of one user to the same agents.
    pub alike: Option<f64>,
    pub returning: usize,
}

impl VisitorSample {
    pub(super) fn add(&mut self, (user, session): (Option<u64>, Option<u64>), trace: UsersTrace) {
        self.traces += 1;
        self.with_user += u64::from(user.is_some());
        self.with_session += u64::from(session.is_some());
        let session = session.unwrap_or(trace.id);
        let user = user.unwrap_or(session);
        if user.trailing_zeros() < self.level {
            return;
        }
        let own = self.sessions.entry((user, session)).or_default();
        own.traces += 1;
        let UsersTrace { start_us, end_us, .. } = trace;
        own.first_us = if own.traces == 1 { start_us } else { own.first_us.min(start_us) };
        own.last_us = own.last_us.max(end_us);
        own.busy_us += end_us.saturating_sub(start_us);
        let log = libm::log(trace.output.max(1.0));
        let own = self.lengths.entry((user, trace.agents)).or_default();
        own.traces += 1.0;
        own.sum += log;
        own.squares += log * log;
        while self.sessions.len().max(self.lengths.len()) > MOST {
            self.level += 1;
            let level = self.level;
            self.sessions.retain(|(user, _), _| user.trailing_zeros() >= level);
            self.lengths.retain(|(user, _), _| user.trailing_zeros() >= level);
        }
    }

    /// The correlation of a user's lengths: one-way analysis of variance over users with unequal numbers
    /// of visits (Donner 1986), within each set of agents.
    fn alike(&self) -> Option<f64> {
        let mut sets: BTreeMap<u64, (LengthSums, f64)> = BTreeMap::new();
        let (mut squares, mut between, mut groups, mut returning) = (0.0, 0.0, 0.0, 0);
        for ((_, agents), own) in &self.lengths {
            let (set, sizes) = sets.entry(*agents).or_default();
            set.traces += own.traces;
            set.sum += own.sum;
            *sizes += own.traces * own.traces;
            squares += own.squares;
            between += own.sum * own.sum / own.traces;
            groups += 1.0;
            returning += usize::from(own.traces > 1.0);
        }
        let (mut n, mut means, mut sizes) = (0.0, 0.0, 0.0);
        for (set, own) in sets.values() {
            n += set.traces;
            means += set.sum * set.sum / set.traces;
            sizes += own / set.traces;
        }
        let free = groups - sets.len() as f64;
        if returning < FEWEST || n <= groups || free <= 0.0 {
            return None;
        }
        let mean_between = (between - means) / free;
        let mean_within = (squares - between) / (n - groups);
        let shared = (mean_between - mean_within) / ((n - sizes) / free);
        let alike = shared / (shared + mean_within);
        alike.is_finite().then(|| alike.clamp(0.0, 1.0))
    }

    pub(super) fn figures(&self) -> VisitorFigures {
        let mut found = VisitorFigures { one_of: 1 << self.level, ..VisitorFigures::default() };
        let mut visits = PlainSpread::default();
        let (mut turns, mut gaps, mut pauses) =
            (PlainSpread::default(), ClusteredMean::default(), ClusteredMean::default());
        let mut all = self.sessions.iter().peekable();
        while let Some((&(user, _), first)) = all.next() {
            let mut own = vec![*first];
            while let Some((_, more)) = all.next_if(|((next, _), _)| *next == user) {
                own.push(*more);
            }
            found.users += 1;
            visits.add(own.len() as f64);
            own.sort_by_key(|session| session.first_us);
            let apart = own.windows(2).filter_map(|pair| match pair {
                [one, other] => Some(other.first_us.saturating_sub(one.last_us) as f64 / 1e6),
                _ => None,
            });
            gaps.add(own.len() as f64 - 1.0, apart.sum());
            for session in &own {
                turns.add(f64::from(session.traces));
                found.most_turns = found.most_turns.max(session.traces);
                let idle = (session.last_us - session.first_us).saturating_sub(session.busy_us);
                pauses.add(f64::from(session.traces) - 1.0, idle as f64 / 1e6);
            }
            let count: f64 = own.iter().map(|session| f64::from(session.traces)).sum();
            found.returning += usize::from(count > 1.0);
        }
        found.visits_per_user = visits.estimate();
        found.turns_per_session = turns.estimate();
        (found.gaps, found.pauses) = (gaps.n, pauses.n);
        found.gap_seconds = gaps.estimate();
        found.pause_seconds = pauses.estimate();
        found.alike = self.alike();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_come_back_and_pause_as_their_sessions_say() {
        let mut sample = VisitorSample::default();
        // User 2: two sessions of two and one traces; user 4: one session of one.
        let second = 1_000_000;
        for (user, session, trace, start) in
            [(2, 7, 1, 0), (2, 7, 2, 30), (2, 8, 3, 1000), (4, 9, 4, 5)]
        {
            let [start_us, end_us] = [start, start + 10].map(|at| at * second);
            let trace = UsersTrace { id: trace, agents: 1, start_us, end_us, output: 50.0 };
            sample.add((Some(user), Some(session)), trace);
        }
        let found = sample.figures();
        assert_eq!(found.users, 2);
        assert_eq!(found.visits_per_user.unwrap().0, 1.5);
        assert!((found.turns_per_session.unwrap().0 - 4.0 / 3.0).abs() < 1e-12);
        // From 40 s, when the first session ends, to 1000 s; between its traces 20 s.
        assert_eq!((found.gap_seconds.unwrap().0, found.pause_seconds.unwrap().0), (960.0, 20.0));
    }

    #[test]
    fn many_users_become_a_sample_with_the_same_mean() {
        let mut sample = VisitorSample::default();
        for user in 1..=200_000_u64 {
            let id = super::super::span::digest(&format!("user-{user}"));
            for session in 0..1 + user % 2 {
                let trace =
                    UsersTrace { id: session, agents: 1, start_us: 1, end_us: 2, output: 10.0 };
                sample.add((Some(id), Some(session)), trace);
            }
        }
        let found = sample.figures();
        assert!(found.one_of >= 4 && sample.sessions.len() <= MOST, "{found:?}");
        let (mean, [low, high]) = found.visits_per_user.unwrap();
        assert!(low - 0.02 < 1.5 && 1.5 < high + 0.02, "{mean}");
    }

    #[test]
    fn a_users_lengths_correlate_whatever_agents_the_user_comes_to() {
        let mut sample = VisitorSample::default();
        let mut id = 0;
        for user in 1..=30_u64 {
            // Means 2 and 6, and 1 to either side; the other agents write e^10 times as much.
            for (agents, more) in [(1, 0.0), (2, 10.0)] {
                for log in if user % 2 == 0 { [1.0, 3.0] } else { [5.0, 7.0] } {
                    id += 1;
                    let output = libm::exp(log + more);
                    let trace = UsersTrace { id, agents, start_us: id, end_us: id, output };
                    sample.add((Some(user), None), trace);
                }
            }
        }
        // By hand: between 480 / 58, within 120 / 60, two visits each.
        let (between, within) = (480.0 / 58.0, 2.0);
        let shared = (between - within) / 2.0;
        let wanted = shared / (shared + within);
        assert!((sample.figures().alike.unwrap() - wanted).abs() < 1e-9);
    }
}
