//! A sitting as a library has it: flags compiled in process, models over HTTP.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use simlab::context::KEY_EPOCH;
use simlab::flags::compiled::Compiled;
use simlab::journal::Entry;
use simlab::live::environment::{self, LiveEnvironment};
use simlab::live::recording::{Assigned, RecordedLine, Recording, Run, SCHEMA};
use simlab::live::{
    Budget, EmbeddingCache, Flags, LiveContext, LiveOutcome, LiveServices, PaperSearch, Providers,
    Session, conclude, gather,
};
use simlab::llm::wire::PROVIDERS;
use simlab::report::{Report, to_json};
use simlab::run::{PreparedScenario, RunOptions, run};
use simlab::scenario::{Loaded, load};

use super::super::program::folder;
use super::super::serve::Served;

/// The flags of the stage, and what was handed over.
pub struct InProcess<'a> {
    pub flags: &'a Compiled,
    pub tracked: RefCell<BTreeMap<String, u32>>,
}

impl Flags for InProcess<'_> {
    fn assign(&self, key: &str, group: u16) -> Result<Vec<Assigned>, String> {
        let assign = |config| {
            let evaluation = self.flags.evaluate(config, usize::from(group), key);
            Assigned {
                variation: evaluation.variation.map(|at| at as u8),
                in_experiment: evaluation.in_experiment,
            }
        };
        Ok((0..self.flags.configs()).map(assign).collect())
    }

    fn track(&self, key: &str, _group: u16, _entries: &[Entry]) {
        *self.tracked.borrow_mut().entry(key.to_owned()).or_default() += 1;
    }

    async fn collect(&self, keys: &[String]) -> Result<Vec<Vec<serde_json::Value>>, String> {
        Ok(keys.iter().map(|_| Vec::new()).collect())
    }

    async fn send(&self, _id: &str, _events: &[serde_json::Value]) -> Result<(), String> {
        Ok(())
    }
}

pub fn environment_of(address: &str) -> LiveEnvironment {
    environment::read(PROVIDERS, |name| {
        if name == "LD_BASE_URL" {
            return Some(format!("http://{address}"));
        }
        let based = PROVIDERS.iter().find(|provider| provider.base_variable == name);
        Some(based.map_or("planted-secret".to_owned(), |provider| {
            format!("http://{address}{}{}", provider.mount, provider.base_path())
        }))
    })
    .unwrap()
}

pub fn run_of(loaded: &Loaded, users: u32) -> Run {
    Run {
        schema: SCHEMA.to_owned(),
        version: "test".to_owned(),
        scenario: loaded.source.text.to_string(),
        documents: Vec::new(),
        name: loaded.scenario.name.clone(),
        seed: loaded.scenario.seed.0,
        users,
        began_ms: 1,
        key_epoch: KEY_EPOCH,
    }
}

/// The scenario `security` without failures, which a live client tries again and a mock does not;
/// as a file's text.
pub fn flawless() -> String {
    let never = "(failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0))";
    let all = load("security").unwrap();
    let models: String =
        all.scenario.models.iter().map(|model| format!("\"{}\": {never}, ", model.id)).collect();
    all.source.text.replacen(
        "    configs: {",
        &format!("    models: {{ {models} }},\n    configs: {{"),
        1,
    )
}

/// One sitting; the recording afterwards, what was gathered, and the report.
pub async fn sit(
    loaded: &Loaded,
    address: Option<&str>,
    most: u64,
    recording: Recording,
    users: u32,
) -> (Recording, LiveOutcome, Report) {
    let stage = PreparedScenario::new(&loaded.scenario, loaded.scenario.seed).unwrap();
    let run = run_of(loaded, users);
    let world = address.map(|address| LiveServices {
        providers: Providers::new(&environment_of(address), 8).unwrap(),
        papers: Rc::new(PaperSearch::new(|_| None).unwrap()),
        tools: simlab::live::OwnTools::default(),
        shelf: EmbeddingCache::new(None, address),
        embedding: tokio::sync::Mutex::default(),
        flags: InProcess { flags: &stage.compiled, tracked: RefCell::default() },
        budget: Budget::new(most, recording.spent_nano_usd()),
    });
    let mut recording = recording;
    if address.is_some() {
        let line = if recording.run.is_none() {
            RecordedLine::Run(run.clone())
        } else {
            RecordedLine::Resumed
        };
        recording.take(line).unwrap();
    }
    let session = Session::new(&stage, run, world, recording, None);
    let gathered = gather(&session, std::future::pending(), |_, _| ()).await;
    let context = LiveContext { most_nano_usd: Some(most), ..LiveContext::default() };
    let outcome = conclude(&session, &gathered, context, false, &mut None::<Vec<Entry>>);
    (session.recording.into_inner(), gathered, outcome.report)
}

const PLENTY: u64 = 1_000_000_000_000;

/// The scenario without failures as a file, loaded, and a server of it.
fn stand_in(name: &str) -> (Loaded, Served) {
    let folder = folder(name);
    let file = folder.join("security.ron").display().to_string();
    std::fs::write(&file, flawless()).unwrap();
    (load(&file).unwrap(), Served::start(&[&file]))
}

/// What does not depend on how long anything took.
fn lasting(report: &Report) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(&to_json(report).unwrap()).unwrap();
    for field in ["fingerprint", "mode", "backends", "bootstrap", "assumptions", "live"] {
        value[field] = serde_json::Value::Null;
    }
    // What the traffic generator and the judge are told is worded elsewhere, and costs a little
    // more or less.
    for field in ["virtual_seconds", "cost_usd"] {
        value["traffic"][field] = serde_json::Value::Null;
    }
    for experiment in value["experiments"].as_array_mut().unwrap() {
        experiment["metrics"]
            .as_array_mut()
            .unwrap()
            .retain(|metric| metric["kind"] != "percentile");
        // It speaks of the percentile of latency.
        experiment["health"]
            .as_array_mut()
            .unwrap()
            .retain(|check| check["check"] != "control_near_zero");
        experiment["verdict"]["because"]
            .as_array_mut()
            .unwrap()
            .retain(|because| !because["criterion"].as_str().unwrap().contains("latency"));
    }
    value
}

#[tokio::test]
async fn a_live_run_against_the_server_gives_the_statistics_of_the_mock_run_and_a_replay_gives_its_bytes()
 {
    const USERS: u32 = 120;
    let (loaded, served) = stand_in("live-parity");
    let (recording, gathered, live) =
        sit(&loaded, Some(&served.address), PLENTY, Recording::default(), USERS).await;
    assert_eq!((gathered.stopped, gathered.users.len()), (None, USERS as usize));
    let mock = run(&loaded.scenario, RunOptions { users: Some(USERS), ..RunOptions::default() })
        .unwrap()
        .report;
    assert_eq!(lasting(&live), lasting(&mock));
    let (_, _, again) = sit(&loaded, None, PLENTY, recording.clone(), USERS).await;
    let (_, _, third) = sit(&loaded, None, PLENTY, recording, USERS).await;
    assert_eq!(to_json(&again).unwrap(), to_json(&third).unwrap());
    assert_eq!(
        (&again.experiments, &again.fingerprint, &again.traffic),
        (&live.experiments, &live.fingerprint, &live.traffic)
    );
}
