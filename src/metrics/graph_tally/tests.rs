//! A planner (0), researchers side by side (1), a writer (2) and a critic (3), by hand.

use super::*;
use crate::journal::{FailureKind, Served, VisitEnd};
use crate::time::{Duration, Timestamp};

const fn edge(from: u8, to: u8, on_failure: bool, joins: bool) -> TallyEdge {
    TallyEdge { from: AgentId(from), to: AgentId(to), on_failure, joins }
}

fn research(users: usize) -> GraphTally {
    let edges = vec![
        edge(0, 1, false, false),
        edge(1, 2, false, true),
        edge(2, 3, false, false),
        edge(3, 2, false, false),
        edge(0, 2, true, false),
    ];
    let varies = Varies { config: 2, treatment_of: vec![Some(0), Some(1)] };
    GraphTally::new(4, AgentId(0), edges, vec![varies], users)
}

struct Journal<'t> {
    tally: &'t mut GraphTally,
    user: u32,
}

impl Journal<'_> {
    fn tell(&mut self, at: u64, event: Event) {
        let entry = Entry { at: Timestamp::from_us(at), user: self.user, event };
        self.tally.entry(&entry);
    }

    fn begins(&mut self, at: u64, variation: u8, agents: &[u8]) {
        self.tell(at, Event::Arrived { group: 0, personal: false, visit: 0 });
        for &config in agents {
            let served = Served { config, variation: if config == 2 { variation } else { 0 } };
            self.tell(at, Event::Evaluated { served, in_experiment: config == 2 });
        }
    }

    /// A run with one call of 100 tokens in, 10 out, for a thousand nano-dollars.
    fn runs(&mut self, agent: u8, start: u64, end: u64, failed: Option<FailureKind>) {
        let served = Served { config: agent, variation: 0 };
        let caller = Caller::Agent(AgentId(agent));
        let latency = Duration::from_us(end - start);
        match failed {
            None => self.tell(
                end,
                Event::Completed {
                    caller,
                    served: Some(served),
                    model: 0,
                    input_tokens: 100,
                    output_tokens: 10,
                    cached_tokens: 0,
                    reasoning_tokens: 0,
                    latency,
                    cost: Some("$0.000001".parse().unwrap()),
                },
            ),
            Some(kind) => self.tell(
                end,
                Event::CallFailed { caller, served: Some(served), model: 0, kind, latency },
            ),
        }
        self.tell(
            end,
            Event::AgentFinished {
                served,
                caller,
                input_tokens: 0,
                output_tokens: 0,
                duration: latency,
                cost: None,
                failed,
            },
        );
    }

    fn ends(&mut self, began: u64, end: u64) {
        let latency = Duration::from_us(end - began);
        self.tell(end, Event::Finished { outcome: VisitEnd::Answered, latency });
    }
}

fn waited(tally: &GraphTally) -> Vec<u64> {
    tally.all().unwrap().nodes.iter().map(|node| node.waited_us).collect()
}

#[test]
fn the_slowest_branch_is_what_the_user_waited_for() {
    let mut tally = research(2);
    let mut journal = Journal { tally: &mut tally, user: 1 };
    journal.begins(1_000, 1, &[0, 1, 2, 3]);
    journal.runs(0, 1_000, 1_200, None);
    // Three branches: 500, 900 and 700 microseconds.
    journal.runs(1, 1_200, 1_700, None);
    journal.runs(1, 1_200, 1_900, None);
    journal.runs(1, 1_200, 2_100, None);
    journal.runs(2, 2_100, 2_400, None);
    journal.runs(3, 2_400, 2_450, None);
    journal.runs(2, 2_450, 2_800, None);
    journal.runs(3, 2_800, 2_850, None);
    journal.ends(1_000, 2_850);
    assert_eq!(waited(&tally), [200, 900, 650, 100]);
    let all = tally.all().unwrap();
    assert_eq!((all.users, all.requests, all.latency_us), (1, 1, 1_850));
    assert_eq!(waited(&tally).iter().sum::<u64>(), all.latency_us);
    // The time of all runs counts the branches one by one.
    let durations: Vec<u64> = all.nodes.iter().map(|node| node.duration_us).collect();
    assert_eq!(durations, [200, 500 + 700 + 900, 650, 100]);
    // Parallel branches are one round, the second answer is another.
    let of = |get: fn(&NodeTally) -> u64| all.nodes.iter().map(get).collect::<Vec<_>>();
    assert_eq!(of(|node| node.runs), [1, 3, 2, 2]);
    assert_eq!(of(|node| node.rounds), [1, 1, 2, 2]);
    assert_eq!(of(|node| node.requests), [1, 1, 1, 1]);
    assert_eq!(of(|node| node.calls), [1, 3, 2, 2]);
    assert_eq!(of(|node| node.input_tokens), [100, 300, 200, 200]);
    assert_eq!(of(|node| node.output_tokens), [10, 30, 20, 20]);
    assert!((all.nodes[1].cost.dollars() - 0.000_003).abs() < 1e-12);
    assert_eq!(all.edges, [1, 1, 1, 1, 0]);
    // It is the treatment's user; the control has none.
    assert_eq!(tally.group(0, 1).unwrap().nodes[2].runs, 2);
    assert_eq!(tally.group(0, 0).unwrap().requests, 0);
    assert!(tally.group(0, 2).is_none());
}

#[test]
fn a_user_who_comes_twice_counts_once_and_each_request_counts() {
    let mut tally = research(3);
    let mut journal = Journal { tally: &mut tally, user: 3 };
    for began in [0, 10_000] {
        journal.begins(began, 0, &[0, 1, 2, 3]);
        journal.runs(0, began, began + 5, None);
        // Its researcher fails, so that nobody writes.
        journal.runs(1, began + 5, began + 9, Some(FailureKind::Refusal));
        journal.ends(began, began + 9);
    }
    let all = tally.all().unwrap();
    assert_eq!((all.users, all.requests), (1, 2));
    assert_eq!((all.nodes[1].users, all.nodes[1].requests), (1, 2));
    assert_eq!((all.nodes[1].failed_runs, all.nodes[1].failed_calls), (2, 2));
    assert_eq!(all.edges, [1, 0, 0, 0, 0]);
    assert!(tally.reached(2, 1));
    assert!(!tally.reached(2, 2), "the writer was not reached");
    assert!(!tally.reached(0, 0), "nobody else came");
}

#[test]
fn a_failed_agent_leaves_along_its_edge_for_failures() {
    let mut tally = research(2);
    let mut journal = Journal { tally: &mut tally, user: 1 };
    journal.begins(0, 0, &[0, 1, 2, 3]);
    journal.runs(0, 0, 50, Some(FailureKind::ProviderError));
    journal.runs(2, 50, 80, None);
    journal.runs(3, 80, 90, None);
    journal.ends(0, 90);
    assert_eq!(tally.all().unwrap().edges, [0, 0, 1, 0, 1]);
    assert_eq!(waited(&tally), [50, 0, 30, 10]);
}

#[test]
fn a_request_passes_through_agents_that_are_disabled() {
    let mut tally = research(1);
    let mut journal = Journal { tally: &mut tally, user: 1 };
    // The researcher is disabled: the planner's text goes on to the writer.
    journal.begins(0, 0, &[0, 2, 3]);
    journal.runs(0, 0, 50, None);
    journal.runs(2, 50, 80, None);
    journal.ends(0, 80);
    assert_eq!(tally.all().unwrap().edges, [1, 1, 0, 0, 0]);
    assert_eq!(tally.all().unwrap().nodes[1].users, 0);
}

#[test]
fn the_95th_percentile_is_that_of_the_runs() {
    let mut tally = research(1_000);
    for user in 1..=1_000 {
        let mut journal = Journal { tally: &mut tally, user };
        journal.begins(0, 0, &[0, 1, 2, 3]);
        journal.runs(0, 0, u64::from(user) * 1_000, None);
        journal.ends(0, u64::from(user) * 1_000);
    }
    // Runs of 1 to 1,000 milliseconds: 950 of them take at most 950.
    let p95 = tally.all().unwrap().nodes[0].p95_ms().unwrap();
    assert!((p95 - 950.0).abs() <= 0.95, "{p95}");
    assert_eq!(tally.all().unwrap().nodes[1].p95_ms(), None);
}
