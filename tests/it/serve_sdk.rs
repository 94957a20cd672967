//! The official LaunchDarkly server-side SDK for Rust, unmodified, against the program.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use launchdarkly_sdk_transport::HyperTransport;
use launchdarkly_server_sdk::{
    Client, ConfigBuilder, Context, ContextBuilder, EventProcessorBuilder, Reason,
    ServiceEndpointsBuilder, StreamingDataSourceBuilder,
};
use serde_json::{Value, json};
use simlab::scenario::load;

use super::program::{folder, simlab};
use super::serve::{Served, TOKEN};

/// A client of the running program, its stream open.
pub(super) fn client(served: &Served, compressed: bool) -> Client {
    let base = format!("http://{}", served.address);
    let transport = HyperTransport::new().unwrap();
    let mut events = EventProcessorBuilder::new();
    events
        .transport(transport.clone())
        .capacity(10_000)
        .flush_interval(Duration::from_secs(60))
        .compress_events(compressed);
    let mut stream = StreamingDataSourceBuilder::new();
    stream.transport(transport);
    let config = ConfigBuilder::new(&served.sdk_key())
        .service_endpoints(
            ServiceEndpointsBuilder::new()
                .polling_base_url(&base)
                .streaming_base_url(&base)
                .events_base_url(&base),
        )
        .data_source(&stream)
        .event_processor(&events)
        .build()
        .unwrap();
    let client = Client::build(config).unwrap();
    client.start_with_default_executor();
    client
}

pub(super) fn user(key: &str, country: &str, plan: &str) -> Context {
    let mut builder = ContextBuilder::new(key);
    builder
        .set_value("country", country.into())
        .set_value("plan", plan.into())
        .set_value("region", "other".into());
    builder.build().unwrap()
}

/// Waits until `done`, at most ten seconds.
pub(super) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Threads for the client's own tasks.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub(super) fn variation(client: &Client, user: &Context, config: &str) -> String {
    let value = client.json_variation(user, config, Value::Null);
    assert!(
        value["_ldMeta"]["enabled"] == true && value["model"]["name"].is_string(),
        "{config}: {value}"
    );
    value["_ldMeta"]["variationKey"].as_str().unwrap().to_owned()
}

#[test]
fn the_official_sdk_evaluates_the_tutorials_configs_hears_changes_and_delivers_events() {
    let served = Served::start(&["security"]);
    let runtime = runtime();
    let _inside = runtime.enter();
    let client = client(&served, false);
    assert_eq!(
        runtime.block_on(client.wait_for_initialization(Duration::from_secs(10))),
        Some(true)
    );

    // The tutorial's targeting: who gets what outside of the experiment.
    for (country, plan, security, support) in [
        ("DE", "free", "strict-security", "eu-free"),
        ("FR", "paid", "strict-security", "eu-paid"),
        ("US", "free", "basic-security", "other-free"),
    ] {
        let user = user(&format!("user_{country}_{plan}"), country, plan);
        assert_eq!(variation(&client, &user, "security-agent"), security, "{country} {plan}");
        assert_eq!(variation(&client, &user, "support-agent"), support, "{country} {plan}");
        assert_eq!(variation(&client, &user, "supervisor-agent"), "supervisor-basic");
    }
    // Inside of it, every user is in one arm and stays there.
    let mut arms = BTreeMap::<String, u32>::new();
    for nth in 0..40 {
        let user = user(&format!("user_1760000000_{nth}"), "US", "paid");
        let detail = client.variation_detail(&user, "security-agent", Value::Null);
        assert!(
            matches!(detail.reason, Reason::RuleMatch { in_experiment: true, .. }),
            "{:?}",
            detail.reason
        );
        let arm = variation(&client, &user, "security-agent");
        assert_eq!(arm, variation(&client, &user, "security-agent"));
        *arms.entry(arm).or_default() += 1;
        client.track_metric(
            user.clone(),
            "ai_cost_per_request",
            0.01,
            json!({ "configKey": "security-agent" }),
        );
        client.track_event(user, "$ld:ai:feedback:user:positive");
    }
    assert!(
        arms.len() == 2 && arms["basic-security"] >= 10 && arms["strict-security"] >= 10,
        "{arms:?}"
    );

    // A change over REST reaches the open stream.
    let status = served.status();
    let project = status["launchdarkly"]["project"].as_str().unwrap();
    let path = format!("/api/v2/projects/{project}/ai-configs/supervisor-agent/targeting");
    let instructions = json!([{ "kind": "turnTargetingOff" }]);
    let patch = json!({ "environmentKey": status["launchdarkly"]["environment"], "instructions": instructions });
    assert_eq!(served.json("PATCH", &path, &[TOKEN], &patch).status, 200);
    let somebody = user("somebody", "US", "paid");
    until("the change did not arrive", || {
        client.json_variation(&somebody, "supervisor-agent", Value::Null)["_ldMeta"]["enabled"]
            == false
    });

    client.flush();
    until("the events did not arrive", || served.status()["events_by_kind"]["custom"] == 80);
    let status = served.status();
    assert_eq!(status["malformed_events"], 0, "{status}");
    assert!(status["diagnostics"].is_u64());
    // Three evaluations each of 40 users in the experiment; all others leave only summaries.
    assert_eq!(status["events_by_kind"]["feature"], 120, "{status}");
    let report = served.send("GET", "/_simlab/report", &[], b"").json();
    let exposures: BTreeMap<String, u32> =
        serde_json::from_value(report["experiments"][0]["exposures"].clone()).unwrap();
    assert_eq!(exposures, arms);
    client.close();
}

/// LaunchDarkly's former results path, metric by metric.
fn results_say_what_the_report_says(served: &Served, experiment: &Value) {
    let status = served.status();
    let (project, environment) =
        (&status["launchdarkly"]["project"], &status["launchdarkly"]["environment"]);
    let (project, environment) = (project.as_str().unwrap(), environment.as_str().unwrap());
    let path = format!(
        "/api/v2/projects/{project}/environments/{environment}/experiments/{}",
        experiment["key"].as_str().unwrap()
    );
    let get = |path: &str| served.send("GET", path, &[TOKEN], b"");
    let iteration = get(&path).json()["currentIteration"].clone();
    for metric in experiment["metrics"].as_array().unwrap() {
        let of = format!("{path}/metrics/{}/results", metric["key"].as_str().unwrap());
        let answer = get(&format!("{of}?iterationId={}", iteration["_id"].as_str().unwrap()));
        assert_eq!(answer.status, 200, "{answer:?}");
        let results = answer.json();
        // 232 to 268 of 500 is nothing to be alarmed about: the alarm is at 0.99.
        assert!(
            (0.0..0.99).contains(&results["probabilityOfMismatch"].as_f64().unwrap()),
            "{results}"
        );
        let treatments = results["results"][0]["treatmentResults"].as_array().unwrap();
        assert_eq!(treatments.len(), iteration["treatments"].as_array().unwrap().len());
        let mut compared = 0;
        for (treatment, designed) in
            treatments.iter().zip(iteration["treatments"].as_array().unwrap())
        {
            assert_eq!(
                (&treatment["treatmentId"], &treatment["treatmentName"]),
                (&designed["_id"], &designed["name"])
            );
            let traffic = &treatment["traffic"];
            let Some(variation) =
                metric["variations"].as_array().unwrap().iter().find(|one| {
                    one["exposures"] == *traffic || one["exposures"] == treatment["units"]
                })
            else {
                panic!("{treatment} {metric}")
            };
            for (name, told) in [
                ("mean", "posterior_mean"),
                ("dataMean", "data_mean"),
                ("pBest", "probability_to_be_best"),
            ] {
                let (found, expected) = (treatment[name].as_f64(), variation[told].as_f64());
                let near = found
                    .zip(expected)
                    .is_some_and(|(a, b)| (a - b).abs() <= 1e-8 * b.abs().max(1e-3));
                assert!(near || found == expected, "{name}: {found:?} {expected:?}");
                compared += usize::from(found.is_some());
            }
        }
        assert!(compared > 0 || metric["variations"][0]["data_mean"].is_null(), "{metric}");
        assert_eq!(get(&format!("{of}?iterationId=another")).status, 404);
    }
    assert_eq!(get(&format!("{path}/metrics/none/results")).status, 404);
    assert_eq!(
        served.json("POST", &format!("{path}/metrics/none/results"), &[TOKEN], &Value::Null).status,
        405
    );
}

/// What one user of the study did, noted by the test itself.
#[derive(Default)]
struct Noted {
    arm: usize,
    positive: bool,
    cost: Option<f64>,
}

#[test]
fn five_hundred_users_of_the_official_sdk_end_in_the_statistics_of_an_independent_count() {
    let served = Served::start(&["security"]);
    let runtime = runtime();
    let _inside = runtime.enter();
    let client = client(&served, true);
    assert_eq!(
        runtime.block_on(client.wait_for_initialization(Duration::from_secs(10))),
        Some(true)
    );
    let loaded = load("security").unwrap();
    let experiment = &loaded.scenario.studies[0].experiment;
    let mut noted = Vec::new();
    for nth in 0..500_u32 {
        let user = user(&format!("user_{nth}"), "US", "paid");
        let arm = variation(&client, &user, &experiment.config);
        let arm =
            experiment.treatments.iter().position(|treatment| treatment.variation == arm).unwrap();
        let positive = nth % 7 == 0 || (arm == 1 && nth % 5 == 0);
        if positive {
            client.track_event(user.clone(), "$ld:ai:feedback:user:positive");
        }
        let mut cost = None;
        // Some users cost twice, some never: costs are summed per user, and who has none is left
        // out.
        for call in 0..nth % 3 {
            let dollars = 0.001 * f64::from(1 + (nth * 37 + call * 11) % 90);
            client.track_metric(user.clone(), "ai_cost_per_request", dollars, Value::Null);
            *cost.get_or_insert(0.0) += dollars;
        }
        noted.push(Noted { arm, positive, cost });
        if nth % 100 == 99 {
            client.flush();
        }
    }
    let sent: u32 = noted.iter().map(|one| u32::from(one.positive)).sum::<u32>()
        + (0..500).map(|nth| nth % 3).sum::<u32>();
    until("the events did not arrive", || served.status()["events_by_kind"]["custom"] == sent);
    until("the exposures did not arrive", || served.status()["events_by_kind"]["feature"] == 500);
    client.close();

    let report = served.send("GET", "/_simlab/report", &[], b"").json();
    let metric = |key: &str| {
        let metrics = report["experiments"][0]["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["key"] == key).unwrap()["variations"].clone()
    };
    let (rates, costs) = (metric("positive_feedback_rate"), metric("ai_cost_per_request"));
    // The same events in a file, through `simlab analyze`: the same statistics to the last digit.
    let events = served.send("GET", "/_simlab/events", &[], b"").body;
    let folder = folder("serve-sdk");
    let file = folder.join("events.jsonl");
    fs::write(&file, events).unwrap();
    let analyzed =
        simlab(&["analyze", file.to_str().unwrap(), "--scenario", "security", "--format", "json"])
            .json();
    assert_eq!(analyzed["experiments"], report["experiments"]);

    for arm in 0..2 {
        let members: Vec<&Noted> = noted.iter().filter(|one| one.arm == arm).collect();
        let conversions = members.iter().filter(|one| one.positive).count();
        assert_eq!(rates[arm]["exposures"], members.len());
        assert_eq!(rates[arm]["conversions"], conversions);
        let rate = conversions as f64 / members.len() as f64;
        assert!((rates[arm]["data_mean"].as_f64().unwrap() - rate).abs() < 1e-9);
        let paid: Vec<f64> = members.iter().filter_map(|one| one.cost).collect();
        let mean = paid.iter().sum::<f64>() / paid.len() as f64;
        assert_eq!(costs[arm]["exposures"], members.len());
        assert!(
            (costs[arm]["data_mean"].as_f64().unwrap() - mean).abs() < 1e-9,
            "{} {mean}",
            costs[arm]
        );
    }
    results_say_what_the_report_says(&served, &report["experiments"][0]);
}
