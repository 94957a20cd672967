//! Splits that change while users arrive: a bandit's shares, and a guarded rollout that goes on or
//! is taken back.
//!
//! Promises: what changes follows from what has been observed by then and nothing else, so a run
//! stays a pure function of scenario, seed and users. Where nothing adapts, nothing is kept.
//!
//! Does not know: how LaunchDarkly is told; a live run has no bandit and no watched release.

use std::collections::VecDeque;

use crate::agents::Assignment;
use crate::analysis::{Analysis, Interval, analyze, summarize};
use crate::context::UserKey;
use crate::experiment::{Experiment, Guard, Thompson};
use crate::flags::compiled::Compiled;
use crate::journal::{Entry, Event, Reader, Served};
use crate::metrics::{JournalObserver, Varies};
use crate::run::flags::FlagAssign;
use crate::run::stage::Stage;
use crate::scenario::{Study, WatchedRollout};
use crate::sim::Assign;

/// The whole of a rollout, in the unit of its weights.
const WHOLE: u32 = 100_000;

/// A bandit's shares from a moment on.
#[derive(Clone, Debug, PartialEq)]
pub struct Reallocation {
    /// Exposed users by then.
    pub users: u32,
    /// The share of each treatment from then on.
    pub shares: Vec<f64>,
}

/// One look at a guarded rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Watched users by then.
    pub users: u32,
    /// For each metric the relative change and its always-valid interval; `None` where there is
    /// none yet.
    pub readings: Vec<Option<(f64, Interval)>>,
}

/// How a guarded rollout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The users ended first.
    Watching,
    /// A metric regressed: its index among the scenario's metrics.
    RolledBack(usize),
    /// Nothing regressed.
    Released,
}

/// What came of a guarded rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// The looks, in order.
    pub looks: Vec<Look>,
    /// Its end.
    pub ending: Ending,
}

/// What was changed while users arrived.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adapted {
    /// For each experiment its bandit's reallocations; empty without one.
    pub bandits: Vec<Vec<Reallocation>>,
    /// What came of each guarded rollout that is watched.
    pub guards: Vec<Watched>,
}

/// What a bandit or a watched rollout varies, and when it looks next.
#[derive(Debug)]
struct Policy {
    /// The experiment's number; guarded rollouts come after the scenario's own.
    nth: usize,
    /// Which config it varies, and which treatment each variation is.
    varies: Varies,
    /// Exposed users by now.
    users: u32,
    /// Exposed users at the next look.
    next: u32,
}

impl Policy {
    fn new(nth: usize, varies: &Varies, next: u32) -> Self {
        Self { nth, varies: varies.clone(), users: 0, next }
    }

    fn served(&self, treatment: usize) -> Option<Served> {
        Some(Served { config: self.varies.config, variation: self.varies.variation_of(treatment)? })
    }

    /// Counts the user if what was served is a part of it.
    fn count(&mut self, served: Served) {
        let treatment = self.varies.treatment_of.get(usize::from(served.variation));
        self.users += u32::from(
            self.varies.config == served.config && treatment.is_some_and(Option::is_some),
        );
    }
}

/// A bandit, and what it has changed.
#[derive(Debug)]
struct Bandit<'a> {
    policy: Policy,
    study: &'a Study,
    settings: Thompson,
    reallocations: Vec<Reallocation>,
}

/// A rollout that is watched, and what was seen.
#[derive(Debug)]
struct Watch<'a> {
    policy: Policy,
    guard: &'a Guard,
    seen: Watched,
}

/// Assigns by flags that change as results come in.
#[derive(Debug)]
pub struct Adaptive<'a> {
    stage: &'a Stage<'a>,
    compiled: Compiled,
    observer: JournalObserver,
    last_user: u32,
    bandits: Vec<Bandit<'a>>,
    guards: Vec<Watch<'a>>,
    news: VecDeque<Event>,
}

impl<'a> Adaptive<'a> {
    /// Whoever changes the splits of the stage's scenario over so many users; `None` where nothing
    /// adapts.
    #[must_use]
    pub fn new(stage: &'a Stage<'a>, compiled: &Compiled, users: u32) -> Option<Self> {
        let scenario = stage.scenario;
        let bandit = |study: &'a Study| {
            let settings = study.allocation?;
            let policy = Policy::new(study.place, &study.varies, settings.every);
            Some(Bandit { policy, study, settings, reallocations: Vec::new() })
        };
        let bandits: Vec<Bandit<'a>> = scenario.studies.iter().filter_map(bandit).collect();
        let watch = |(own, nth): (&'a WatchedRollout, usize)| Watch {
            policy: Policy::new(nth, &own.varies, own.guard.every),
            guard: &own.guard,
            seen: Watched { looks: Vec::new(), ending: Ending::Watching },
        };
        let guards: Vec<Watch<'a>> =
            scenario.rollouts.iter().zip(scenario.studies.len()..).map(watch).collect();
        if bandits.is_empty() && guards.is_empty() {
            return None;
        }
        let mut varies = scenario.varies();
        varies.extend(scenario.rollouts.iter().map(|rollout| rollout.varies.clone()));
        let observer = JournalObserver::new(1, users as usize, varies, &scenario.metrics);
        let compiled = compiled.clone();
        Some(Self {
            stage,
            compiled,
            observer,
            last_user: 0,
            bandits,
            guards,
            news: VecDeque::new(),
        })
    }

    /// What was changed.
    #[must_use]
    pub fn finish(self) -> Adapted {
        let mut bandits = self.bandits.into_iter().peekable();
        let own = |study: &Study| {
            bandits
                .next_if(|bandit| bandit.policy.nth == study.place)
                .map(|bandit| bandit.reallocations)
        };
        Adapted {
            bandits: self
                .stage
                .scenario
                .studies
                .iter()
                .map(own)
                .map(Option::unwrap_or_default)
                .collect(),
            guards: self.guards.into_iter().map(|watch| watch.seen).collect(),
        }
    }

    fn analysis(&self, nth: usize, experiment: &Experiment) -> Analysis {
        let units = 0..self.last_user as usize;
        analyze(
            experiment,
            &summarize(
                self.observer.observations(),
                nth,
                experiment,
                &self.stage.scenario.metrics,
                units,
            ),
        )
    }

    fn tell(&mut self, policy: &Policy, weights: &[u32]) {
        for (treatment, &weight) in weights.iter().enumerate() {
            self.news.extend(
                policy.served(treatment).map(|served| Event::Reallocated { served, weight }),
            );
        }
    }

    /// Gives the treatments of a bandit their probabilities to be best as shares.
    fn reallocate(&mut self, bandit: &mut Bandit<'_>) {
        let Bandit { policy, study, settings, reallocations } = bandit;
        policy.next = policy.next.saturating_add(settings.every);
        let analysis = self.analysis(policy.nth, &study.experiment);
        let Some(primary) = analysis.metrics.first() else { return };
        let best: Option<Vec<f64>> =
            primary.variations.iter().map(|variation| variation.probability_to_be_best).collect();
        // Before every treatment has results, nothing is known that could change a share.
        let Some(best) = best else { return };
        let weights = weights(&best, settings.floor);
        let own: Vec<(usize, u32)> = weights
            .iter()
            .enumerate()
            .filter_map(|(treatment, &weight)| {
                Some((usize::from(policy.served(treatment)?.variation), weight))
            })
            .collect();
        if self.compiled.reallocate(usize::from(policy.varies.config), study.targeting, &own) {
            let shares =
                weights.iter().map(|&weight| f64::from(weight) / f64::from(WHOLE)).collect();
            reallocations.push(Reallocation { users: policy.users, shares });
            self.tell(policy, &weights);
        }
    }

    /// Looks at a guarded rollout, and takes it back or releases it.
    fn look(&mut self, watch: &mut Watch<'_>) {
        let Watch { policy, guard, seen } = watch;
        policy.next = policy.next.saturating_add(guard.every);
        let users = policy.users;
        let analysis = self.analysis(policy.nth, &guard.study);
        let mut regressed = None;
        let mut readings = Vec::new();
        for (&metric, analysis) in guard.study.metrics.iter().zip(&analysis.metrics) {
            let base = analysis.variations.first().and_then(|control| control.data_mean);
            let test = analysis.variations.get(1).and_then(|own| own.sequential);
            let reading = base.zip(test).filter(|(base, _)| *base != 0.0).map(|(base, test)| {
                let (lower, upper) =
                    (test.interval.lower / base.abs(), test.interval.upper / base.abs());
                (test.difference / base.abs(), Interval { lower, upper })
            });
            // Worse for sure: the end of the interval that speaks best for the new variation is
            // beyond the margin.
            let best_case = reading.map(|(_, interval)| {
                if analysis.metric.better.sign() < 0.0 { interval.lower } else { -interval.upper }
            });
            if best_case.is_some_and(|worse| worse > guard.worse_by) && regressed.is_none() {
                regressed = Some(metric);
            }
            readings.push(reading);
        }
        seen.looks.push(Look { users, readings });
        seen.ending = match regressed {
            Some(metric) => Ending::RolledBack(metric),
            None if users >= guard.users => Ending::Released,
            None => return,
        };
        let last = usize::from(seen.ending == Ending::Released);
        if let Some(served) = policy.served(last) {
            self.compiled.settle(
                usize::from(served.config),
                Some(guard.rule),
                usize::from(served.variation),
            );
        }
        self.tell(policy, &if last == 1 { [0, WHOLE] } else { [WHOLE, 0] });
    }
}

impl Assign for Adaptive<'_> {
    fn assign(&mut self, key: &UserKey, group: u16) -> [Assignment; 3] {
        let mut bandits = std::mem::take(&mut self.bandits);
        for bandit in bandits.iter_mut().filter(|bandit| bandit.policy.users >= bandit.policy.next)
        {
            self.reallocate(bandit);
        }
        self.bandits = bandits;
        let mut guards = std::mem::take(&mut self.guards);
        let watching = |watch: &&mut Watch<'_>| {
            watch.seen.ending == Ending::Watching && watch.policy.users >= watch.policy.next
        };
        for watch in guards.iter_mut().filter(watching) {
            self.look(watch);
        }
        self.guards = guards;
        FlagAssign { compiled: &self.compiled, forced: &[] }.assign(key, group)
    }

    fn hear(&mut self, entry: &Entry) {
        self.last_user = self.last_user.max(entry.user);
        self.observer.entry(entry);
        if let Event::Evaluated { served, in_experiment: true } = entry.event {
            self.bandits.iter_mut().for_each(|bandit| bandit.policy.count(served));
            self.guards.iter_mut().for_each(|watch| watch.policy.count(served));
        }
    }

    fn news(&mut self) -> Option<Event> {
        self.news.pop_front()
    }
}

/// Probabilities to be best as weights that sum to the whole, none below the floor.
fn weights(best: &[f64], floor: f64) -> Vec<u32> {
    let free = (1.0 - floor * best.len() as f64).max(0.0);
    let sum: f64 = best.iter().sum();
    let share = |p: f64| floor + free * if sum > 0.0 { p / sum } else { 1.0 / best.len() as f64 };
    let mut weights: Vec<u32> =
        best.iter().map(|&p| libm::round(share(p) * f64::from(WHOLE)) as u32).collect();
    // What rounding leaves over or takes too much is the largest's.
    let total: u32 = weights.iter().sum();
    if let Some(largest) = weights.iter_mut().max() {
        *largest = (*largest + WHOLE).saturating_sub(total);
    }
    weights
}

/// Whoever assigns in a run: the flags as they are, or as they become.
#[derive(Debug)]
pub enum Assigner<'a> {
    /// As they are.
    Fixed(FlagAssign<'a>),
    /// As they become.
    Adaptive(Box<Adaptive<'a>>),
}

impl Assigner<'_> {
    /// What was changed while users arrived.
    #[must_use]
    pub fn finish(self) -> Adapted {
        match self {
            Self::Fixed(_) => Adapted::default(),
            Self::Adaptive(adaptive) => adaptive.finish(),
        }
    }
}

impl Assign for Assigner<'_> {
    fn assign(&mut self, key: &UserKey, group: u16) -> [Assignment; 3] {
        match self {
            Self::Fixed(flags) => flags.assign(key, group),
            Self::Adaptive(adaptive) => adaptive.assign(key, group),
        }
    }

    fn hear(&mut self, entry: &Entry) {
        if let Self::Adaptive(adaptive) = self {
            adaptive.hear(entry);
        }
    }

    fn news(&mut self) -> Option<Event> {
        match self {
            Self::Fixed(_) => None,
            Self::Adaptive(adaptive) => adaptive.news(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_follow_the_probabilities_down_to_the_floor_and_sum_to_the_whole() {
        assert_eq!(weights(&[0.5, 0.5], 0.05), [50_000, 50_000]);
        assert_eq!(weights(&[0.0, 1.0], 0.05), [5_000, 95_000]);
        assert_eq!(weights(&[1.0 / 3.0; 3], 0.0).iter().sum::<u32>(), WHOLE);
        assert_eq!(weights(&[0.0, 0.0], 0.1), [50_000, 50_000]);
    }
}
