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

/// The traces of a session.
#[derive(Clone, Copy, Debug, Default)]
struct SessionSums {
    traces: u32,
    first_us: u64,
    last_us: u64,
    busy_us: u64,
    log_sum: f64,
    log_squares: f64,
}

/// Users with their sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct VisitorSample {
    sessions: BTreeMap<(u64, u64), SessionSums>,
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
    /// Correlation of the logarithms of the output tokens of visits of one user.
    pub alike: Option<f64>,
    pub returning: usize,
}

impl VisitorSample {
    pub(super) fn add(
        &mut self,
        (user, session): (Option<u64>, Option<u64>),
        trace: u64,
        (start_us, end_us): (u64, u64),
        output: f64,
    ) {
        self.traces += 1;
        self.with_user += u64::from(user.is_some());
        self.with_session += u64::from(session.is_some());
        let session = session.unwrap_or(trace);
        let user = user.unwrap_or(session);
        if user.trailing_zeros() < self.level {
            return;
        }
        let own = self.sessions.entry((user, session)).or_default();
        own.traces += 1;
        own.first_us = if own.traces == 1 { start_us } else { own.first_us.min(start_us) };
        own.last_us = own.last_us.max(end_us);
        own.busy_us += end_us.saturating_sub(start_us);
        let log = libm::log(output.max(1.0));
        own.log_sum += log;
        own.log_squares += log * log;
        while self.sessions.len() > MOST {
            self.level += 1;
            let level = self.level;
            self.sessions.retain(|(user, _), _| user.trailing_zeros() >= level);
        }
    }

    pub(super) fn figures(&self) -> VisitorFigures {
        let mut found = VisitorFigures { one_of: 1 << self.level, ..VisitorFigures::default() };
        let mut visits = PlainSpread::default();
        let (mut turns, mut gaps, mut pauses) =
            (PlainSpread::default(), ClusteredMean::default(), ClusteredMean::default());
        // One-way analysis of variance over users with unequal numbers of visits (Donner 1986).
        let (mut n, mut total, mut squares, mut between, mut sizes, mut users) =
            (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
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
            let sum: f64 = own.iter().map(|session| session.log_sum).sum();
            found.returning += usize::from(count > 1.0);
            n += count;
            total += sum;
            squares += own.iter().map(|session| session.log_squares).sum::<f64>();
            between += sum * sum / count;
            sizes += count * count;
            users += 1.0;
        }
        found.visits_per_user = visits.estimate();
        found.turns_per_session = turns.estimate();
        (found.gaps, found.pauses) = (gaps.n, pauses.n);
        found.gap_seconds = gaps.estimate();
        found.pause_seconds = pauses.estimate();
        if found.returning >= 30 && n > users && users > 1.0 {
            let mean_between = (between - total * total / n) / (users - 1.0);
            let mean_within = (squares - between) / (n - users);
            let size = (n - sizes / n) / (users - 1.0);
            let shared = (mean_between - mean_within) / size;
            let alike = shared / (shared + mean_within);
            found.alike = alike.is_finite().then(|| alike.clamp(0.0, 1.0));
        }
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
            sample.add(
                (Some(user), Some(session)),
                trace,
                (start * second, (start + 10) * second),
                50.0,
            );
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
                sample.add((Some(id), Some(session)), session, (1, 2), 10.0);
            }
        }
        let found = sample.figures();
        assert!(found.one_of >= 4 && sample.sessions.len() <= MOST, "{found:?}");
        let (mean, [low, high]) = found.visits_per_user.unwrap();
        assert!(low - 0.02 < 1.5 && 1.5 < high + 0.02, "{mean}");
    }
}
