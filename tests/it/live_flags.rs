//! The live clients of LaunchDarkly against the program as the other side, and against servers that behave badly.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use simlab::context::user_key;
use simlab::journal::{Entry, Event, Reader};
use simlab::live::environment::{FlagAccess, Secret};
use simlab::live::launchdarkly::LiveFlags;
use simlab::run::{EventWriter, Settings, Stage};
use simlab::scenario::load;

use super::program::{folder, simlab};
use super::serve::Served;
use super::serve_sdk::runtime;

/// Access to a running program.
pub(super) fn access(served: &Served) -> FlagAccess {
    FlagAccess {
        sdk_key: Secret::new(served.sdk_key()),
        api_key: Secret::new("api-token"),
        base: Some(format!("http://{}", served.address)),
    }
}

/// Keeps what happened to each user, and writes the events of it.
struct Both<'s> {
    visits: BTreeMap<u32, Vec<Entry>>,
    file: EventWriter<'s, &'s mut Vec<u8>>,
}

impl Reader for &mut Both<'_> {
    fn entry(&mut self, entry: &Entry) {
        self.visits.entry(entry.user).or_default().push(*entry);
        self.file.entry(entry);
    }
}

/// Equality of documents, numbers to nine digits: sums depend on the order in which events arrive.
fn near(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| near(value, other)))
        }
        _ => a == b,
    }
}

#[test]
fn a_run_through_the_sdk_assigns_as_the_mock_and_ends_in_the_statistics_of_its_own_file() {
    const USERS: u32 = 400;
    let served = Served::start(&["security"]);
    let loaded = load("security").unwrap();
    let scenario = &loaded.scenario;
    let folder = folder("live-flags");
    let file = folder.join("events.jsonl");
    runtime().block_on(async {
        let stage = Stage::new(scenario, scenario.seed).await.unwrap();
        let mut bytes = Vec::new();
        let mut both = Both { visits: BTreeMap::new(), file: EventWriter::new(&stage, &mut bytes) };
        let settings = Settings { seed: scenario.seed, users: USERS, forced: None };
        stage.simulate(settings, &mut both, |_| ()).await;
        let Both { visits, file: writer } = both;
        writer.finish().unwrap();
        fs::write(&file, &bytes).unwrap();

        let flags = LiveFlags::start(&access(&served), USERS).await.unwrap();
        let (mut exposures, mut in_experiment) = (0, 0);
        for (&user, entries) in visits.iter().filter(|(user, _)| **user > 0) {
            let group = entries.iter().find_map(|entry| match entry.event {
                Event::Arrived { group, .. } => Some(group),
                _ => None,
            });
            let (key, group) = (user_key(user), group.unwrap());
            let assigned = flags.assign(scenario, key.as_str(), group).unwrap();
            for (config, assigned) in assigned.into_iter().enumerate() {
                let mock = stage.compiled.evaluate(config, usize::from(group), key.as_str());
                assert_eq!((assigned.variation.map(usize::from), assigned.in_experiment), (mock.variation, mock.in_experiment), "{user}");
                exposures += u64::from(assigned.in_experiment);
            }
            in_experiment += u32::from(assigned.iter().any(|one| one.in_experiment));
            flags.track(scenario, key.as_str(), group, entries);
        }
        let taken = flags.flush().await.unwrap();
        assert!(in_experiment > 50 && taken.exposures == exposures && taken.metric_events > 10 * u64::from(USERS), "{taken:?}");
        // Everything is accounted for once: nothing more comes of asking again.
        assert_eq!(flags.flush().await.unwrap(), taken);
        flags.close().await;
        let kinds = served.status()["events_by_kind"].clone();
        assert_eq!((kinds["feature"].as_u64(), kinds["custom"].as_u64()), (Some(taken.exposures), Some(taken.metric_events)), "{kinds}");
    });
    let report = served.send("GET", "/_simlab/report", &[], b"").json();
    let analyzed = simlab(&["analyze", file.to_str().unwrap(), "--scenario", "security", "--format", "json"]).json();
    assert!(analyzed["experiments"][0]["metrics"].as_array().unwrap().len() >= 3);
    assert!(near(&analyzed["experiments"], &report["experiments"]), "{analyzed}\n{report}");
}
