//! The live clients of LaunchDarkly against the program as the other side, and against servers that
//! behave badly.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use simlab::context::user_key;
use simlab::journal::{Entry, Event, Reader};
use simlab::live::environment::{FlagAccess, Secret};
use simlab::live::launchdarkly::{LiveFlags, RestAdmin, apply, plan, unstarted};
use simlab::run::{EventWriter, PreparedScenario};
use simlab::scenario::load;

use super::program::{Ran, folder, simlab};
use super::serve::{Served, TOKEN};
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
struct Both<'s, 'b> {
    visits: BTreeMap<u32, Vec<Entry>>,
    file: EventWriter<'s, &'b mut Vec<u8>>,
}

impl Reader for &mut Both<'_, '_> {
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
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| near(value, other)))
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
        let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
        let mut bytes = Vec::new();
        let visits = {
            let file = EventWriter::new(&stage, &mut bytes);
            let mut both = Both { visits: BTreeMap::new(), file };
            stage.population(scenario.seed, USERS).visit(&mut both);
            both.file.finish().unwrap();
            both.visits
        };
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
            for (config, assigned) in assigned.iter().copied().enumerate() {
                let mock = stage.compiled.evaluate(config, usize::from(group), key.as_str());
                assert_eq!(
                    (assigned.variation.map(usize::from), assigned.in_experiment),
                    (mock.variation, mock.in_experiment),
                    "{user}"
                );
                exposures += u64::from(assigned.in_experiment);
            }
            in_experiment += u32::from(assigned.iter().any(|one| one.in_experiment));
            flags.track(scenario, key.as_str(), group, entries);
        }
        let taken = flags.flush().await.unwrap();
        assert!(
            in_experiment > 50
                && taken.exposures == exposures
                && taken.metric_events > 10 * u64::from(USERS),
            "{taken:?}"
        );
        // Everything is accounted for once: nothing more comes of asking again.
        assert_eq!(flags.flush().await.unwrap(), taken);
        flags.close().await;
        let kinds = served.status()["events_by_kind"].clone();
        assert_eq!(
            (kinds["feature"].as_u64(), kinds["custom"].as_u64()),
            (Some(taken.exposures), Some(taken.metric_events)),
            "{kinds}"
        );
    });
    let report = served.send("GET", "/_simlab/report", &[], b"").json();
    let analyzed =
        simlab(&["analyze", file.to_str().unwrap(), "--scenario", "security", "--format", "json"])
            .json();
    assert!(analyzed["experiments"][0]["metrics"].as_array().unwrap().len() >= 3);
    assert!(near(&analyzed["experiments"], &report["experiments"]), "{analyzed}\n{report}");
}

/// Runs `simlab bootstrap … --live` in an environment with nothing else in it, nobody at the
/// keyboard.
fn bootstrap_live(arguments: &[&str], base: &str, token: &str) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["bootstrap", arguments[0], "--live"])
        .args(&arguments[1..])
        .env_clear()
        .envs([("LD_API_KEY", token), ("LD_BASE_URL", base)])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran::new(output)
}

#[test]
fn a_project_is_set_up_over_http_once_and_changed_only_with_leave() {
    for name in ["security", "tutorial"] {
        let served = Served::start(&[]);
        let base = format!("http://{}", served.address);
        let spec = load(name).unwrap().scenario.project;
        let needed = simlab(&["bootstrap", name]).well();
        let resources = |text: &str| {
            let lines = text.lines().map(str::to_owned);
            lines.filter(|line| line.starts_with("  + ")).collect::<Vec<String>>()
        };

        // Shown and not done.
        let asked = bootstrap_live(&[name], &base, "api-token");
        assert!(
            asked.code == 2
                && asked.err.contains("add --yes")
                && asked.out.contains("+ experiment "),
            "{}{}",
            asked.out,
            asked.err
        );
        // Done: what the plain bootstrap says that the scenario needs.
        let done = bootstrap_live(&[name, "--yes"], &base, "api-token").well();
        let (_, done) = done.split_once("\nWhat simlab created and changed").unwrap();
        assert!(resources(done).len() > 30, "{done}");
        assert_eq!(resources(done), resources(&needed));
        // Done already.
        for arguments in [vec![name], vec![name, "--yes"]] {
            let again = bootstrap_live(&arguments, &base, "api-token").well();
            assert!(again.contains("\n  0 to create, 0 different, "), "{again}");
            assert!(!again.contains("  + "), "{again}");
        }
        runtime().block_on(async {
            let mut admin = RestAdmin::new(&access_with(&base, "api-token")).unwrap();
            assert_eq!(unstarted(&mut admin, &spec).await.unwrap(), Vec::<String>::new());
        });

        // Somebody changes an instruction and a variation goes missing in the scenario's next
        // version: told, and left.
        let path = format!(
            "/api/v2/projects/{}/ai-configs/{}/variations/{}",
            spec.key, spec.configs[1].key, spec.configs[1].variations[0].key
        );
        let instructions = || {
            let versions = served.send("GET", &path, &[TOKEN], b"").json()["items"]
                .as_array()
                .unwrap()
                .clone();
            versions.into_iter().max_by_key(|one| one["version"].as_u64()).unwrap()["instructions"]
                .clone()
        };
        let before = instructions();
        let changed = json!({ "instructions": format!("{} Be brief.", before.as_str().unwrap()) });
        assert_eq!(served.json("PATCH", &path, &[TOKEN], &changed).status, 200);
        let asked = bootstrap_live(&[name], &base, "api-token");
        assert_eq!(asked.code, 2, "{}", asked.err);
        let said = asked.out.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in
            [" instructions found: \"", " Be brief.\" needed: \"", " 0 to create, 1 different"]
        {
            assert!(said.contains(part), "{part} in {}", asked.out);
        }
        runtime().block_on(async {
            let mut admin = RestAdmin::new(&access_with(&base, "api-token")).unwrap();
            let left = apply(&mut admin, &spec, false).await.unwrap();
            assert_eq!(left.iter().filter(|action| !action.differences.is_empty()).count(), 1);
            assert_eq!(plan(&mut admin, &spec).await.unwrap().differing(), 1);
        });
        assert_ne!(instructions(), before);
        let done = bootstrap_live(&[name, "--yes"], &base, "api-token").well();
        assert!(done.contains("0 created, 1 updated"), "{done}");
        assert_eq!(instructions(), before);
        assert!(
            bootstrap_live(&[name], &base, "api-token")
                .well()
                .contains("\n  0 to create, 0 different, ")
        );
    }
}

fn access_with(base: &str, token: &str) -> FlagAccess {
    FlagAccess {
        sdk_key: Secret::new(""),
        api_key: Secret::new(token),
        base: Some(base.to_owned()),
    }
}
