//! Whether a recording can be one of a scenario: its numbers are taken on trust everywhere else.
//!
//! Does not know: files.

use crate::journal::Caller;
use crate::live::recording::{CallOutcome, Recording};
use crate::scenario::Scenario;

/// Most users of a run.
const MAX_USERS: u32 = 10_000_000;
/// Longest time from the start of a run, and longest latency, in microseconds: 100 years.
const LONGEST_US: u64 = 100 * 366 * 86_400 * 1_000_000;
/// Most tokens of one call: ten times the largest context of any model.
const MAX_TOKENS: u32 = 20_000_000;
/// The last millisecond of the year 9999.
const LAST_MS: u64 = 253_402_300_799_999;

/// What in a recording cannot be, in one sentence; `None`: it fits the scenario.
#[must_use]
pub fn misfit(recording: &Recording, scenario: &Scenario) -> Option<String> {
    let run = recording.run.as_ref()?;
    if run.users == 0 || run.users > MAX_USERS {
        return Some(format!("it states {} users; expected 1 to {MAX_USERS}", run.users));
    }
    if run.began_ms > LAST_MS {
        return Some(format!(
            "it began {} ms after 1970, which is after the year 9999",
            run.began_ms
        ));
    }
    let users = recording
        .began
        .keys()
        .chain(recording.assigned.keys())
        .chain(&recording.over)
        .chain(&recording.sending);
    if let Some(user) = users.copied().find(|user| *user == 0 || *user > run.users) {
        return Some(format!("it has a user {user}, and its run has the users 1 to {}", run.users));
    }
    let agents = scenario.configs.len();
    for (user, configs) in &recording.assigned {
        if configs.len() != agents {
            return Some(format!(
                "user {user} was assigned variations of {} configs, and the scenario has {agents}",
                configs.len()
            ));
        }
        for (nth, assigned) in configs.iter().enumerate() {
            let Some(at) = assigned.variation else { continue };
            let known = scenario.configs.get(nth).map_or(0, |config| config.variations.len());
            if usize::from(at) >= known {
                return Some(format!(
                    "user {user} has variation {at} of config {nth} (both from 0), and the scenario has {known} of them"
                ));
            }
        }
    }
    let late = recording.began.iter().find(|(_, at)| **at > LONGEST_US);
    if let Some((user, at)) = late {
        return Some(format!(
            "user {user} comes {at} microseconds after the start, which is more than 100 years"
        ));
    }
    let mut spent = u128::from(recording.lost_nano_usd);
    for (call, outcome) in &recording.calls {
        let (latency, cost) = match outcome {
            CallOutcome::Answered(answered) => {
                (answered.latency_us.max(answered.answer_us), answered.nano_usd)
            }
            CallOutcome::Failed(failed) => (failed.latency_us, failed.nano_usd),
        };
        spent += u128::from(cost);
        if latency > LONGEST_US {
            return Some(format!(
                "a call of user {} took {latency} microseconds, which is more than 100 years",
                call.user
            ));
        }
        if let CallOutcome::Answered(answered) = outcome
            && answered.input_tokens.max(answered.output_tokens) > MAX_TOKENS
        {
            let (read, written) = (answered.input_tokens, answered.output_tokens);
            return Some(format!(
                "a call of user {} read {read} tokens and wrote {written}; expected at most {MAX_TOKENS}",
                call.user
            ));
        }
        if let Caller::Agent(agent) = call.caller
            && agent.index() >= agents
        {
            return Some(format!(
                "it has a call of agent {} (from 0), and the scenario has {agents} agents",
                agent.0
            ));
        }
        if call.user > run.users {
            return Some(format!(
                "it has a call of user {}, and its run has the users 1 to {}",
                call.user, run.users
            ));
        }
    }
    if let Some(tool) = recording.tools.values().find(|tool| tool.latency_us > LONGEST_US) {
        return Some(format!(
            "a tool of user {} took {} microseconds, which is more than 100 years",
            tool.user, tool.latency_us
        ));
    }
    spent += recording
        .open
        .values()
        .chain(recording.embedding.values())
        .map(|worst| u128::from(*worst))
        .sum::<u128>();
    (spent >= u128::from(u64::MAX)).then(|| {
        format!("its costs add up to {spent} billionths of a dollar, which no run can spend")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::recording::{Assigned, RecordedLine, sample, sample_call};
    use crate::scenario::load;

    #[test]
    fn numbers_that_cannot_be_are_named() {
        let scenario = load("security").unwrap().scenario;
        let assigned =
            |variation| vec![Assigned { variation: Some(variation), in_experiment: true }; 3];
        let with = |change: &dyn Fn(&mut Recording)| {
            let mut recording = Recording::default();
            sample().into_iter().for_each(|line| recording.take(line).unwrap());
            // Config 0 of the scenario has one variation, and the sample serves the second of each.
            recording.assigned.insert(1, assigned(0));
            change(&mut recording);
            misfit(&recording, &scenario)
        };
        assert_eq!(with(&|_| ()), None);
        for (change, word) in [
            (
                &(|all: &mut Recording| all.run.as_mut().unwrap().users = u32::MAX)
                    as &dyn Fn(&mut Recording),
                "4294967295 users",
            ),
            (&|all| all.run.as_mut().unwrap().users = 0, "0 users"),
            (&|all| all.run.as_mut().unwrap().began_ms = u64::MAX, "year 9999"),
            (&|all| _ = all.assigned.insert(1, assigned(200)), "variation 200"),
            (&|all| _ = all.over.insert(3), "user 3"),
            (&|all| _ = all.began.insert(1, u64::MAX), "100 years"),
            (
                &|all| {
                    let Some(CallOutcome::Answered(answered)) = all.calls.values_mut().next()
                    else {
                        panic!()
                    };
                    answered.output_tokens = u32::MAX;
                },
                "wrote 4294967295",
            ),
            (
                &|all| {
                    all.take(RecordedLine::Withdrawn {
                        call: sample_call(1, 1),
                        nano_usd: u64::MAX,
                    })
                    .unwrap()
                },
                "no run can spend",
            ),
        ] {
            let said = with(change);
            assert!(said.as_ref().is_some_and(|said| said.contains(word)), "{word}: {said:?}");
        }
    }
}
