//! Which request a fault hits.
//!
//! Whether a request is hit depends on the seed, the rule, the request itself and how often it came
//! before; so the same requests are hit in any order and at any speed. Only `next` counts what
//! arrives: it means the next requests, whichever they are.
//!
//! Guarantees: a fault that is spent never strikes again; no draw of any other stage moves.
//!
//! Does not know: how a fault looks, or HTTP.

use crate::llm::wire::PROVIDERS;
use crate::random::{Owner, Purpose, Seed};
use crate::scenario::{Endpoint, FaultKind, FaultRule};

/// The rules in force.
#[derive(Clone, Debug)]
pub struct InjectionPlan {
    seed: Seed,
    active: Vec<Active>,
}

/// A rule and what it has done.
#[derive(Clone, Debug)]
pub struct Active {
    /// The rule.
    pub rule: FaultRule,
    /// How many requests it has hit.
    pub hits: u64,
    /// Tells the rule's luck from that of others.
    salt: u64,
}

impl InjectionPlan {
    /// A plan with these rules.
    #[must_use]
    pub fn new(seed: Seed, rules: &[FaultRule]) -> Self {
        let mut plan = Self { seed, active: Vec::new() };
        plan.add(rules);
        plan
    }

    /// Adds rules; where several concern a request, the first one that hits it counts.
    pub fn add(&mut self, rules: &[FaultRule]) {
        let active = |rule: &FaultRule| Active { rule: rule.clone(), hits: 0, salt: salt(rule) };
        self.active.extend(rules.iter().map(active));
    }

    /// Takes all rules away.
    pub fn clear(&mut self) {
        self.active.clear();
    }

    /// The rules, in order.
    #[must_use]
    pub fn active(&self) -> &[Active] {
        &self.active
    }

    /// What happens to a request that came `before` times already; counts the hit.
    pub fn inject(
        &mut self,
        endpoint: Endpoint,
        model: Option<&str>,
        request: Owner,
        before: u64,
    ) -> Option<FaultKind> {
        let seed = self.seed;
        let hit = self.active.iter_mut().find(|active| {
            !active.spent()
                && active.rule.concerns(endpoint, model)
                && active.draws(seed, request, before)
        })?;
        hit.hits += 1;
        Some(hit.rule.kind)
    }
}

impl Active {
    /// Whether it has hit as many as it may.
    #[must_use]
    pub fn spent(&self) -> bool {
        self.rule.next.is_some_and(|most| self.hits >= u64::from(most))
    }

    /// Whether this or one of the tries before it, within a burst, drew the fault.
    fn draws(&self, seed: Seed, request: Owner, before: u64) -> bool {
        if self.rule.rate >= 1.0 {
            return true;
        }
        let first = (before + 1).saturating_sub(u64::from(self.rule.burst));
        (first..=before).any(|nth| {
            let number = self.salt << 32 | (nth & 0xffff_ffff);
            seed.stage(Purpose::Fault, request, number).chance(self.rule.rate)
        })
    }
}

/// Providers that there were when the luck of rules for all of them was fixed.
const FIRST_PROVIDERS: usize = 3;

/// What a rule is, in 32 bits of its JSON, whose names are those of scenario files. How often it
/// strikes does not matter, so that a larger rate hits the same requests and more; nor does how many
/// providers there are, or whether there are tools, for a rule that holds for all of them.
fn salt(rule: &FaultRule) -> u64 {
    let all = PROVIDERS.iter().map(|provider| Endpoint::Chat(*provider));
    let everywhere = all.clone().all(|endpoint| rule.on.contains(&endpoint));
    let newer: Vec<Endpoint> = all
        .skip(FIRST_PROVIDERS)
        .chain([Endpoint::Counting, Endpoint::Moderations, Endpoint::Batches, Endpoint::Mcp])
        .collect();
    let on: Vec<&Endpoint> =
        rule.on.iter().filter(|on| !(everywhere && newer.contains(on))).collect();
    let bytes = serde_json::to_vec(&(rule.kind, &on, &rule.models)).unwrap_or_default();
    xxhash_rust::xxh3::xxh3_64(&bytes) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::anthropic::ANTHROPIC;
    use crate::llm::wire::openai::OPENAI;
    use crate::scenario::faults_from_json;

    fn plan(json: &str) -> InjectionPlan {
        InjectionPlan::new(Seed(7), &faults_from_json(json.as_bytes()).unwrap())
    }

    fn request(nth: u32) -> Owner {
        Owner::of(&nth.to_le_bytes())
    }

    /// Which of the first 2,000 requests are hit at their first coming.
    fn hits(json: &str, order: impl Iterator<Item = u32>) -> std::collections::BTreeSet<u32> {
        let mut plan = plan(json);
        order
            .filter(|&nth| {
                plan.inject(Endpoint::Chat(OPENAI), Some("gpt-4o"), request(nth), 0).is_some()
            })
            .collect()
    }

    #[test]
    fn the_luck_of_a_rule_for_all_does_not_depend_on_how_many_providers_there_are() {
        // As it was when there were three.
        let json = br#"[{"fault":"overloaded"},["anthropic","openai","mistral","embeddings","launchdarkly-sdk","launchdarkly-rest","events"],[]]"#;
        let rules = faults_from_json(br#"{"fault": "overloaded", "rate": 0.1}"#).unwrap();
        assert_eq!(salt(&rules[0]), xxhash_rust::xxh3::xxh3_64(json) >> 32);
        let last = PROVIDERS.last().unwrap().key;
        let own = |on: &str| {
            let json = format!(r#"{{"fault": "overloaded", "on": [{on}], "rate": 0.1}}"#);
            salt(&faults_from_json(json.as_bytes()).unwrap()[0])
        };
        assert_ne!(own(&format!("\"{last}\"")), own(&format!("\"{last}\", \"openai\"")));
    }

    #[test]
    fn which_requests_are_hit_does_not_depend_on_their_order_and_more_are_hit_at_a_larger_rate() {
        let tenth = r#"{"fault": "overloaded", "rate": 0.1}"#;
        let forward = hits(tenth, 0..2000);
        assert_eq!(forward, hits(tenth, (0..2000).rev()));
        // Four standard deviations around 200.
        assert!((146..=254).contains(&forward.len()), "{}", forward.len());
        assert!(forward.is_subset(&hits(r#"{"fault": "overloaded", "rate": 0.2}"#, 0..2000)));
        // Another rule before it takes its own and moves no luck of this one.
        let both = hits(
            r#"[{"fault": "slow", "rate": 0.1, "on": ["events"]}, {"fault": "overloaded", "rate": 0.1}]"#,
            0..2000,
        );
        assert_eq!(forward, both);
        // Another seed, other requests.
        let mut other = InjectionPlan::new(Seed(8), &faults_from_json(tenth.as_bytes()).unwrap());
        let others = (0..2000)
            .filter(|&nth| other.inject(Endpoint::Chat(OPENAI), None, request(nth), 0).is_some())
            .collect();
        assert_ne!(forward, others);
    }

    #[test]
    fn a_burst_hits_the_same_request_several_times_in_a_row() {
        let mut plan = plan(r#"{"fault": "rate_limited", "rate": 0.05, "burst": 3}"#);
        let mut ended = 0;
        for nth in 0..300 {
            let hit: Vec<bool> = (0..20)
                .map(|before| {
                    plan.inject(Endpoint::Chat(ANTHROPIC), None, request(nth), before).is_some()
                })
                .collect();
            let runs: Vec<usize> =
                hit.split(|hit| !hit).map(<[bool]>::len).filter(|length| *length > 0).collect();
            // The last run may go on beyond what was looked at.
            let whole = if hit[19] { &runs[..runs.len() - 1] } else { &runs[..] };
            assert!(whole.iter().all(|length| *length >= 3), "{hit:?}");
            ended += whole.len();
        }
        assert!(ended > 100, "{ended}");
    }

    #[test]
    fn a_rule_for_the_next_requests_is_spent_after_so_many() {
        let mut plan = plan(
            r#"[{"fault": "cut", "next": 2, "on": ["openai"]}, {"fault": "slow", "next": 1}]"#,
        );
        let mut inject =
            |endpoint, nth| plan.inject(endpoint, None, request(nth), 0).map(FaultKind::name);
        assert_eq!(inject(Endpoint::Events, 0), Some("slow"));
        assert_eq!(
            [
                inject(Endpoint::Chat(OPENAI), 1),
                inject(Endpoint::Chat(OPENAI), 2),
                inject(Endpoint::Chat(OPENAI), 3)
            ],
            [Some("cut"), Some("cut"), None]
        );
        assert!(plan.active().iter().all(Active::spent));
    }
}
