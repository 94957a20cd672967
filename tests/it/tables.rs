//! `simlab analyze` on tables: values by other libraries, the same numbers as other ways to the same
//! data, and what is said of tables that cannot be analyzed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::program::{Ran, folder, simlab, simlab_in};

const USERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tables/users.csv");
const ASKED: [&str; 18] = [
    "--unit",
    "user_id",
    "--variation",
    "arm",
    "--control",
    "a",
    "--split",
    "50/50",
    "--metric",
    "resolved:rate:up",
    "--metric",
    "cost_usd:mean:down",
    "--metric",
    "latency_ms:p95:down",
    "--metric",
    "cost_usd/requests:ratio:down",
    "--covariate",
    "cost_before",
];

fn analyzed(file: &Path, options: &[&str]) -> Value {
    simlab(&[&["analyze", file.to_str().unwrap(), "--format", "json"], options].concat()).json()
}

/// What is said of a table that is not analyzed, on one line, and the exit code.
fn refused(name: &str, text: &str, options: &[&str]) -> (i32, String) {
    let file = folder(&format!("tables-{name}")).join("t.csv");
    fs::write(&file, text).unwrap();
    let ran = simlab_in(file.parent().unwrap(), &[&["analyze", "t.csv"], options].concat());
    assert_eq!(ran.out, "", "{name}");
    (ran.code, one_line(&ran.err))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// A metric of an arm.
fn of<'r>(report: &'r Value, metric: &str, arm: &str) -> &'r Value {
    let find = |list: &'r Value, key: &str| -> &'r Value {
        list.as_array()
            .unwrap()
            .iter()
            .find(|one| one["key"] == key)
            .unwrap_or_else(|| panic!("{key}: {list}"))
    };
    find(&find(&report["experiments"][0]["metrics"], metric)["variations"], arm)
}

fn near(found: &Value, wanted: f64) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found}, not {wanted}"));
    assert!((found / wanted - 1.0).abs() < 1e-9, "{found}, not {wanted}");
}

fn health<'r>(report: &'r Value, check: &str) -> Option<&'r str> {
    let all = report["experiments"][0]["health"].as_array().unwrap();
    let found = all.iter().find(|health| health["check"] == check && health["status"] != "healthy");
    found.map(|health| health["message"].as_str().unwrap())
}

#[test]
fn the_numbers_of_a_table_are_those_of_numpy_scipy_and_tea_tasting() {
    // All right values are what tests/it/tables/make.py prints, with numpy 2.4.6, scipy 1.17.1 and
    // tea-tasting 1.14.0.
    let report = analyzed(Path::new(USERS), &ASKED);
    let experiment = &report["experiments"][0];
    assert_eq!(experiment["exposures"], json!({ "a": 209, "b": 191 }));
    assert_eq!(experiment["control"], "a");
    for (arm, conversions, mean, total, p95, ratio) in [
        ("a", 97, 0.179_843_540_669_856_44, 37.5873, 3130.0, 0.070_520_262_664_165_1),
        ("b", 128, 0.167_146_073_298_429_32, 31.9249, 3524.25, 0.069_251_409_978_308_03),
    ] {
        assert_eq!(of(&report, "resolved:rate", arm)["conversions"], conversions);
        near(&of(&report, "cost_usd:mean", arm)["data_mean"], mean);
        near(&of(&report, "cost_usd:mean", arm)["total_value"], total);
        // `numpy.nanquantile(latency, 0.95)`: 8 users have no latency.
        near(&of(&report, "latency_ms:p95", arm)["data_mean"], p95);
        near(&of(&report, "cost_usd/requests:ratio", arm)["data_mean"], ratio);
    }
    // `scipy.stats.ttest_ind(b, a, equal_var=False)`; `RatioOfMeans("cost", "requests", use_t=False,
    // equal_var=False)`.
    near(&of(&report, "cost_usd:mean", "b")["frequentist"]["p_value"], 0.171_133_132_689_579_97);
    near(
        &of(&report, "cost_usd/requests:ratio", "b")["frequentist"]["p_value"],
        0.817_638_859_440_292_5,
    );
    // `numpy.polyfit(before, cost, 1)` of each arm at the mean of all, and its squared correlation.
    let adjusted = experiment["adjusted"].as_array().unwrap();
    for (row, mean, explained) in [
        (2, 0.178_898_751_236_357_48, 0.795_601_432_434_704_2),
        (3, 0.168_159_284_990_293_06, 0.855_373_178_880_278_9),
    ] {
        assert_eq!(adjusted[row]["metric"], "cost_usd:mean");
        near(&adjusted[row]["data_mean"], mean);
        near(&adjusted[row]["explained"], explained);
    }
    // The planned split is checked: scipy's chi-square test has p = 0.37.
    assert_eq!(health(&report, "sample_ratio_mismatch"), None);
    assert!(
        health(&report, "missing_values")
            .unwrap()
            .contains("8 cells of `latency_ms` are empty, 3 of `a`, 5 of `b`")
    );
    assert_eq!(experiment["verdict"]["decision"], "ship");
    assert_eq!(report["table"]["rows"], 400);
    let assumed = report["assumptions"].to_string();
    assert!(assumed.contains("decision rule: ship `b` if `resolved:rate` is better"), "{assumed}");
    assert!(
        assumed.contains("the verdict uses `resolved:rate`, `cost_usd:mean`, `cost_usd/requests:ratio` adjusted for `cost_before`"),
        "{assumed}"
    );
}

/// The same table in another form: rows of cells, the first with the names.
fn cells() -> Vec<Vec<String>> {
    let text = fs::read_to_string(USERS).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn delimited(separator: &str) -> String {
    cells().iter().map(|row| row.join(separator) + "\n").collect()
}

fn objects() -> Vec<Value> {
    let cells = cells();
    let cell = |text: &str| {
        text.parse::<f64>().map_or_else(
            |_| if text.is_empty() { Value::Null } else { json!(text) },
            |number| json!(number),
        )
    };
    let object = |row: &Vec<String>| {
        Value::Object(cells[0].iter().cloned().zip(row.iter().map(|text| cell(text))).collect())
    };
    cells[1..].iter().map(object).collect()
}

#[test]
fn every_format_and_every_order_of_rows_gives_the_same_numbers() {
    let place = folder("tables-formats");
    let csv = fs::read_to_string(USERS).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(csv.as_bytes()).unwrap();
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(csv.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let (names, rows) = csv.split_once('\n').unwrap();
    let mut turned: Vec<&str> = rows.lines().collect();
    turned.reverse();
    // By pyarrow, with every packing that it has for both: `tables/make.py`, `tables/formats.py`.
    let written = |name: &str| fs::read(USERS.replace("users.csv", name)).unwrap();
    let forms = [
        ("users.parquet", written("users.parquet")),
        ("users-zstd.parquet", written("users-zstd.parquet")),
        ("users-lz4.parquet", written("users-lz4.parquet")),
        ("users-gzip.parquet", written("users-gzip.parquet")),
        ("users.feather", written("users.feather")),
        ("users.arrow", written("users.arrow")),
        ("users.arrows", written("users.arrows")),
        ("packed.csv.zst", zstd::encode_all(csv.as_bytes(), 0).unwrap()),
        ("same.csv", csv.clone().into_bytes()),
        ("mark.csv", format!("\u{feff}{}", csv.replace('\n', "\r\n")).into_bytes()),
        ("wide.csv", utf16),
        ("packed.csv.gz", packed.finish().unwrap()),
        ("tabs.tsv", delimited("\t").into_bytes()),
        ("semicolons.csv", delimited(";").into_bytes()),
        (
            "lines.jsonl",
            objects().iter().map(|row| format!("{row}\n")).collect::<String>().into_bytes(),
        ),
        ("array.json", serde_json::to_vec_pretty(&objects()).unwrap()),
        ("turned.csv", format!("{names}\n{}\n", turned.join("\n")).into_bytes()),
    ];
    let wanted = analyzed(Path::new(USERS), &ASKED);
    for (name, bytes) in forms {
        let file = place.join(name);
        fs::write(&file, bytes).unwrap();
        let found = analyzed(&file, &ASKED);
        assert_eq!(
            found["experiments"][0]["exposures"], wanted["experiments"][0]["exposures"],
            "{name}"
        );
        alike(name, &found["experiments"][0]["metrics"], &wanted["experiments"][0]["metrics"]);
        alike(name, &found["experiments"][0]["adjusted"], &wanted["experiments"][0]["adjusted"]);
    }
    // Standard input.
    let mut child = Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["analyze", "-", "--format", "json"])
        .args(ASKED)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(csv.as_bytes()).unwrap();
    let found = Ran::new(child.wait_with_output().unwrap()).json();
    alike("stdin", &found["experiments"][0]["metrics"], &wanted["experiments"][0]["metrics"]);
    assert_eq!(found["fingerprint"], wanted["fingerprint"]);
}

#[test]
fn arrows_types_are_read_as_what_they_say() {
    let place = folder("tables-arrow");
    let tables = Path::new(USERS).parent().unwrap();
    for name in ["seen.arrow", "orders.arrow"] {
        fs::copy(tables.join(name), place.join(name)).unwrap();
    }
    let mut seen = "user_id,variation_id,timestamp\n".to_owned();
    let mut orders = "event_id,user_id,event,timestamp,value\n".to_owned();
    for n in 0..10 {
        // Day 20000 is 2024-10-04: `date -u -d @$((20000 * 86400))`.
        let day = 4 + n;
        writeln!(seen, "u{n},{},2024-10-{day:02}", ["a", "b"][n % 2]).unwrap();
        writeln!(orders, "{n},u{n},order,2024-10-{day:02}T12:00:00Z,{}", n as f64 / 4.0).unwrap();
    }
    fs::write(place.join("seen.csv"), seen).unwrap();
    fs::write(place.join("orders.csv"), orders).unwrap();
    let report = |ending: &str| {
        let [seen, orders] = ["seen", "orders"].map(|name| format!("{name}.{ending}"));
        let asked = ["analyze", "--exposures", &seen, "--events", &orders, "--window", "12h"];
        let asked = [&asked[..], &["--metric", "order:mean", "--format", "json"]].concat();
        simlab_in(&place, &asked).json()
    };
    let (found, wanted) = (report("arrow"), report("csv"));
    // 0 + 0.5 + 1 + 1.5 + 2, and 0.25 more each.
    near(&of(&found, "order:mean", "a")["total_value"], 5.0);
    near(&of(&found, "order:mean", "b")["total_value"], 6.25);
    alike("arrow", &found["experiments"], &wanted["experiments"]);
    alike("arrow", &found["data"], &wanted["data"]);
}

/// Fails where two documents differ by more than 1e-9.
fn alike(name: &str, found: &Value, wanted: &Value) {
    match (found, wanted) {
        (Value::Array(found), Value::Array(wanted)) => {
            assert_eq!(found.len(), wanted.len(), "{name}");
            found.iter().zip(wanted).for_each(|(one, other)| alike(name, one, other));
        }
        (Value::Object(found), Value::Object(wanted)) => {
            for (key, value) in wanted {
                alike(&format!("{name}/{key}"), found.get(key).unwrap_or(&Value::Null), value);
            }
        }
        _ => match (found.as_f64(), wanted.as_f64()) {
            (Some(one), Some(other)) => {
                assert!(
                    (one - other).abs() <= 1e-9 * other.abs().max(1e-9),
                    "{name}: {one}, not {other}"
                );
            }
            _ => assert_eq!(found, wanted, "{name}"),
        },
    }
}

#[test]
fn several_rows_of_a_user_count_as_one_user() {
    // Each user's cost and requests in two rows: the sums stay, and so do all results of them.
    let mut text = "user_id,arm,resolved,cost_usd,requests\n".to_owned();
    for row in &cells()[1..] {
        let (cost, requests): (f64, f64) = (row[3].parse().unwrap(), row[4].parse().unwrap());
        writeln!(text, "{},{},0,{},{}", row[0], row[1], cost * 0.25, requests - 1.0).unwrap();
        writeln!(text, "{},{},{},{},1", row[0], row[1], row[2], cost * 0.75).unwrap();
    }
    let file = folder("tables-several").join("rows.csv");
    fs::write(&file, text).unwrap();
    let options = [&ASKED[..12], &ASKED[14..16]].concat();
    let (found, wanted) = (analyzed(&file, &options), analyzed(Path::new(USERS), &options));
    alike("rows", &found["experiments"][0]["metrics"], &wanted["experiments"][0]["metrics"]);
    let assumed = found["assumptions"].to_string();
    assert!(assumed.contains("800 rows of 400 units"), "{assumed}");
}

/// What a user of the security experiment was served and sent, from its recorded events.
struct Recorded {
    place: PathBuf,
    /// Of each user the variation, when, and the sums of the events after it, by event.
    users: BTreeMap<String, (String, u64, BTreeMap<String, f64>)>,
    events: Vec<(String, String, u64, Option<f64>)>,
}

fn recorded(name: &str) -> Recorded {
    let place = folder(name);
    let ran =
        simlab_in(&place, &["run", "security", "--users", "400", "--quiet", "--out", "saved"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = fs::read_to_string(place.join("saved/events.jsonl")).unwrap();
    let mut users = BTreeMap::new();
    let mut events = Vec::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let user = event["context"]["key"].as_str().unwrap().to_owned();
        let at = event["creationDate"].as_u64().unwrap();
        if event["kind"] == "feature" {
            let variation = event["value"]["_ldMeta"]["variationKey"].as_str().unwrap();
            users.entry(user).or_insert((variation.to_owned(), at, BTreeMap::new()));
        } else if event["kind"] == "custom" {
            let key = event["key"].as_str().unwrap().to_owned();
            events.push((user, key, at, event["metricValue"].as_f64()));
        }
    }
    for (user, key, at, value) in &events {
        if let Some((_, since, sums)) = users.get_mut(user)
            && at >= since
        {
            *sums.entry(key.clone()).or_insert(0.0) += value.unwrap_or(1.0);
        }
    }
    Recorded { place, users, events }
}

/// The metrics of the security experiment with the events that they count, and what a table calls
/// them.
const SECURITY: [(&str, &str, &str); 4] = [
    ("positive_feedback_rate", "$ld:ai:feedback:user:positive", "rate:up"),
    ("negative_feedback_rate", "$ld:ai:feedback:user:negative", "rate:down"),
    ("p95_total_user_latency", "$ld:ai:duration:total", "p95:down"),
    ("ai_cost_per_request", "ai_cost_per_request", "mean:down"),
];

/// The options for these metrics, without those that `leave_out` names.
fn security_metrics(leave_out: &str) -> Vec<String> {
    SECURITY
        .iter()
        .filter(|(key, ..)| *key != leave_out)
        .flat_map(|(_, event, statistic)| ["--metric".to_owned(), format!("{event}:{statistic}")])
        .collect()
}

/// Compares the variations of these metrics.
fn same_metrics(found: &Value, wanted: &Value, leave_out: &str) {
    for (key, event, statistic) in SECURITY.iter().filter(|(key, ..)| *key != leave_out) {
        let statistic = statistic.split(':').next().unwrap();
        for arm in ["basic-security", "strict-security"] {
            let (one, other) =
                (of(found, &format!("{event}:{statistic}"), arm), of(wanted, key, arm));
            alike(&format!("{key}/{arm}"), one, other);
        }
    }
}

#[test]
fn a_run_written_as_a_table_of_users_gives_the_runs_numbers() {
    let Recorded { place, users, .. } = recorded("tables-of-a-run");
    let events: Vec<&str> = SECURITY.iter().map(|(_, event, _)| *event).collect();
    let mut text = format!("user,variation,{}\n", events.join(","));
    for (user, (variation, _, sums)) in &users {
        let cell = |event: &&str| match sums.get(*event) {
            Some(_) if event.contains("feedback") => "1".to_owned(),
            Some(sum) => sum.to_string(),
            None => String::new(),
        };
        let cells: Vec<String> = events.iter().map(cell).collect();
        writeln!(text, "{user},{variation},{}", cells.join(",")).unwrap();
    }
    fs::write(place.join("users.csv"), text).unwrap();
    // A user without an event counts as 0 in rates and means, as in the scenario.
    let mut options: Vec<String> = [
        "analyze",
        "users.csv",
        "--unit",
        "user",
        "--variation",
        "variation",
        "--control",
        "basic-security",
        "--missing",
        "zero",
        "--format",
        "json",
    ]
    .map(str::to_owned)
    .to_vec();
    options.extend(security_metrics(""));
    let found = simlab_in(&place, &options).json();
    let wanted = simlab_in(&place, &["analyze", "saved/events.jsonl", "--format", "json"]).json();
    same_metrics(&found, &wanted, "");
}

#[test]
fn exposures_and_events_give_the_numbers_of_the_same_recorded_events() {
    let Recorded { place, users, events } = recorded("tables-of-events");
    let mut exposures = "user_id,variation,timestamp\n".to_owned();
    for (user, (variation, at, _)) in &users {
        writeln!(exposures, "{user},{variation},{at}").unwrap();
    }
    fs::write(place.join("exposures.csv"), exposures).unwrap();
    // Each event has an id, and every tenth is there twice.
    let mut table = "event_id\tuser_id\tevent\tvalue\ttime\n".to_owned();
    for (nth, (user, key, at, value)) in events.iter().enumerate() {
        let value = value.map(|value| value.to_string()).unwrap_or_default();
        for _ in 0..=usize::from(nth % 10 == 0) {
            writeln!(table, "e{nth}\t{user}\t{key}\t{value}\t{at}").unwrap();
        }
    }
    fs::write(place.join("events.tsv"), table).unwrap();
    let mut options: Vec<String> = [
        "analyze",
        "--exposures",
        "exposures.csv",
        "--events",
        "events.tsv",
        "--control",
        "basic-security",
        "--format",
        "json",
    ]
    .map(str::to_owned)
    .to_vec();
    // The scenario adds up the durations of a user's calls, a table's percentile takes their average.
    let without = "p95_total_user_latency";
    options.extend(security_metrics(without));
    let wanted = simlab_in(&place, &["analyze", "saved/events.jsonl", "--format", "json"]).json();
    let found = simlab_in(&place, &options).json();
    let counted = SECURITY.iter().filter(|(key, ..)| *key != without).map(|(_, event, _)| *event);
    let counted: Vec<&str> = counted.collect();
    let twice =
        events.iter().step_by(10).filter(|(_, key, ..)| counted.contains(&key.as_str())).count();
    assert_eq!(found["data"]["duplicates"], twice);
    same_metrics(&found, &wanted, without);
}

/// Runs `--exposures` and `--events` on two texts.
fn joined(name: &str, exposures: &str, events: &str, options: &[&str]) -> Ran {
    let place = folder(&format!("tables-joined-{name}"));
    fs::write(place.join("seen.csv"), exposures).unwrap();
    fs::write(place.join("events.csv"), events).unwrap();
    let files = ["analyze", "--exposures", "seen.csv", "--events", "events.csv"];
    simlab_in(&place, &[&files, options].concat())
}

#[test]
fn windows_first_exposures_and_users_of_two_variations_are_counted_by_hand() {
    let day = |day: u32, hour: u32| format!("2026-11-{day:02}T{hour:02}:00:00Z");
    let mut seen = "unit,experiment,variant,ts\n".to_owned();
    let mut events = "unit,event,value,ts,event_id\n".to_owned();
    for nth in 0..20 {
        let arm = if nth % 2 == 0 { "control" } else { "new" };
        writeln!(seen, "u{nth},checkout,{arm},{}", day(2, 10)).unwrap();
        writeln!(seen, "u{nth},other,x,{}", day(1, 0)).unwrap();
        // Before, at the moment of, and after the exposure; then beyond the window.
        for (at, value) in [(day(2, 9), 1), (day(2, 10), 10), (day(3, 10), 100), (day(12, 0), 1000)]
        {
            if nth != 3 {
                writeln!(events, "u{nth},order,{value},{at},{nth}-{value}").unwrap();
            }
        }
    }
    // u0 came to the other variation later, u1 earlier.
    writeln!(seen, "u0,checkout,new,{}", day(3, 0)).unwrap();
    writeln!(seen, "u1,checkout,control,{}", day(1, 0)).unwrap();
    writeln!(events, "stranger,order,5,{},s-1\nu2,order,100,{},2-100", day(3, 0), day(3, 10))
        .unwrap();
    let metrics =
        ["--metric", "order:mean:up", "--metric", "order:rate", "--metric", "order:count"];
    let options =
        [&metrics[..], &["--experiment", "checkout", "--window", "7d", "--format", "json"]]
            .concat();
    let report = joined("window", &seen, &events, &options).json();
    assert_eq!(report["experiments"][0]["exposures"], json!({ "control": 9, "new": 9 }));
    // 110 each; u3 of `new` bought nothing and counts as 0.
    near(&of(&report, "order:mean", "control")["data_mean"], 110.0);
    near(&of(&report, "order:mean", "new")["total_value"], 880.0);
    assert_eq!(of(&report, "order:rate", "new")["conversions"], 8);
    near(&of(&report, "order:count", "new")["total_value"], 16.0);
    let unused = &report["data"]["unused"];
    assert_eq!(unused["exposures to other experiments"], 20);
    assert_eq!(unused["events before the unit's exposure"], 17);
    assert_eq!(unused["events after the window that follows the unit's exposure"], 17);
    assert_eq!(unused["events of units with two variations"], 8);
    assert_eq!(unused["events of units without an exposure"], 1);
    assert_eq!(unused["events whose id came before"], 1);
    assert!(health(&report, "mixed_exposures").unwrap().starts_with(
        "2 of 20 units have rows of more than one variation (10.0%); they are left out"
    ));
    // With `first`, u0 stays in the control, and u1 belongs to it since the first of November.
    let first = [&options[..], &["--users-in-two-arms", "first"]].concat();
    let report = joined("first", &seen, &events, &first).json();
    assert_eq!(report["experiments"][0]["exposures"], json!({ "control": 11, "new": 9 }));
    near(&of(&report, "order:mean", "control")["total_value"], 110.0 * 10.0 + 111.0);

    let several = joined("several", &seen, &events, &metrics);
    assert_eq!(several.code, 2);
    assert!(
        one_line(&several.err)
            .contains("several experiments, choose one: `checkout` (22), `other` (20)"),
        "{}",
        several.err
    );
    let none =
        joined("none", &seen, &events, &["--experiment", "checkout", "--metric", "signup:rate"]);
    assert!(
        none.code == 3 && one_line(&none.err).contains("has no event `signup`"),
        "{}",
        none.err
    );
    let proposed = joined("proposed", &seen, &events, &["--experiment", "checkout"]);
    assert_eq!(proposed.code, 2);
    assert!(proposed.err.contains("--metric order:rate --metric order:mean"), "{}", proposed.err);
    let nameless = joined("nameless", "a,b\n1,2\n", &events, &metrics);
    assert!(
        nameless.code == 3
            && one_line(&nameless.err).contains("no column for the unit; its columns are `a`, `b`"),
        "{}",
        nameless.err
    );
}

#[test]
fn without_options_the_table_is_shown_and_the_proposed_command_works() {
    let place = folder("tables-proposal");
    fs::copy(USERS, place.join("my users.csv")).unwrap();
    let shown = simlab_in(&place, &["analyze", "my users.csv"]);
    assert_eq!((shown.code, shown.out.as_str()), (2, ""));
    let wrong = simlab_in(&place, &["analyze", "my users.csv", "--metric", "resolve:rate"]);
    assert_eq!(wrong.code, 2);
    let told = "error: no column has the name `resolve`; did you mean `resolved`?";
    assert!(wrong.err.contains(told), "{}", wrong.err);
    let command = shown.err.lines().find(|line| line.starts_with("  simlab analyze")).unwrap();
    for part in [
        "'my users.csv' --unit user_id --variation arm --control a",
        "--metric resolved:rate:up",
        "--metric cost_usd:mean:down",
        "--metric latency_ms:p95:down",
        "--covariate cost_before",
    ] {
        assert!(command.contains(part), "{part}: {command}");
    }
    for line in ["400 rows, 7 columns", "400 different", "a (209), b (191)"] {
        assert!(shown.err.contains(line), "{}", shown.err);
    }
    let words: Vec<&str> =
        command.split("'my users.csv'").nth(1).unwrap().split_whitespace().collect();
    let ran = simlab_in(&place, &[&["analyze", "my users.csv"], &words[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("Decision rule"), "{}", ran.out);
    for format in ["markdown", "html", "junit"] {
        let ran = simlab_in(
            &place,
            &[&["analyze", "my users.csv", "--format", format], &words[..]].concat(),
        );
        assert!(ran.code == 0 && ran.out.contains("cost_usd:mean"), "{format}: {}", ran.err);
    }
}

#[test]
fn exports_of_assignments_are_recognized_by_their_columns() {
    let rows = |names: &str, row: fn(usize) -> String| {
        format!("{names}\n{}", (0..40).map(|nth| row(nth) + "\n").collect::<String>())
    };
    let events = "user_id,event_name,value,timestamp,event_id\n".to_owned()
        + &(0..40).map(|nth| format!("u{nth},buy,{nth},2026-11-03,e{nth}\n")).collect::<String>();
    // As GrowthBook's exposure query, Statsig's first exposures, Eppo's assignments and
    // LaunchDarkly's `evaluation_events` have their columns.
    for (tool, text) in [
        (
            "growthbook",
            rows("user_id,timestamp,experiment_id,variation_id", |nth| {
                format!("u{nth},2026-11-02 10:00:00,checkout,{}", nth % 2)
            }),
        ),
        (
            "statsig",
            rows("timestamp,unit_id,experiment_id,group_id", |nth| {
                format!("2026-11-02T10:00:00Z,u{nth},checkout,{}", ["Control", "Test"][nth % 2])
            }),
        ),
        (
            "eppo",
            rows("subject,timestamp,experiment,variant", |nth| {
                format!("u{nth},1762077600,checkout,{}", ["control", "on"][nth % 2])
            }),
        ),
        (
            "launchdarkly",
            rows(
                "event_id,flag_key,context_key,context_kind,variation_id,experiment_iteration_id,received_time",
                |nth| {
                    let (key, kind, iteration) = match nth {
                        38 => ("org".to_owned(), "organization", "i1"),
                        39 => ("u39".to_owned(), "user", ""),
                        _ => (format!("u{nth}"), "user", "i1"),
                    };
                    format!(
                        "x{nth},checkout,{key},{kind},v{},{iteration},2026-11-02T10:00:00Z",
                        nth % 2
                    )
                },
            ),
        ),
    ] {
        let place = folder(&format!("tables-{tool}"));
        fs::write(place.join("seen.csv"), text).unwrap();
        fs::write(place.join("buy.csv"), &events).unwrap();
        let shown = simlab_in(&place, &["analyze", "seen.csv"]);
        assert_eq!(shown.code, 2, "{tool}");
        assert!(shown.err.contains("a table of exposures"), "{tool}: {}", shown.err);
        let shown = simlab_in(&place, &["analyze", "buy.csv"]);
        assert!(shown.err.contains("a table of events"), "{tool}: {}", shown.err);
        let asked = [
            "analyze",
            "--exposures",
            "seen.csv",
            "--events",
            "buy.csv",
            "--metric",
            "buy:mean:up",
            "--format",
            "json",
        ];
        let report = simlab_in(&place, &asked).json();
        let left_out = if tool == "launchdarkly" { 1 } else { 0 };
        let exposures = report["experiments"][0]["exposures"].as_object().unwrap();
        let counts: Vec<u64> = exposures.values().map(|count| count.as_u64().unwrap()).collect();
        assert_eq!(counts, [20 - left_out, 20 - left_out], "{tool}: {exposures:?}");
        // 0, 2, … 38 in the one arm; 1, 3, … 39 in the other.
        let arm = exposures.keys().next().unwrap();
        near(
            &of(&report, "buy:mean", arm)["total_value"],
            if left_out == 1 { 342.0 } else { 380.0 },
        );
    }
}

#[test]
fn doubtful_data_are_counted_and_told() {
    let row = |nth: usize, cost: &str| format!("u{nth},{},{cost}\n", ["a", "b"][nth % 2]);
    let mut text = "user_id,arm,latency\n".to_owned();
    (0..200).for_each(|nth| text += &row(nth, &format!("{}", 900 + nth)));
    // Seconds among milliseconds, a text, nothing, a row of both variations, a repeated row, a short
    // row, rows without a unit or a variation.
    (200..220).for_each(|nth| text += &row(nth, &format!("{}", 0.9 + nth as f64 / 1000.0)));
    text += "u220,a,fast\nu221,b,\nu0,b,950\nu5,b,905\nu7\n,a,5\nu223,,5\n";
    let file = folder("tables-doubtful").join("t.csv");
    fs::write(&file, text).unwrap();
    let options = ["--unit", "user_id", "--variation", "arm", "--metric", "latency:mean"];
    let ran =
        simlab(&[&["analyze", file.to_str().unwrap(), "--format", "json"], &options[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains("warning: 2 rows or cells are not readable, see the report"),
        "{}",
        ran.err
    );
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    // 111 each, without u0, who has both.
    assert_eq!(report["experiments"][0]["exposures"], json!({ "a": 110, "b": 111 }));
    let table = &report["table"];
    assert_eq!(
        (&table["rows"], &table["used"], &table["units"]),
        (&json!(227), &json!(224), &json!(222))
    );
    assert_eq!(table["left_out"]["rows that cannot be read"], 1);
    assert_eq!(table["left_out"]["rows with nothing in the unit's column `user_id`"], 1);
    assert_eq!(table["left_out"]["rows with nothing in the variation's column `arm`"], 1);
    assert_eq!(table["missing"]["latency"], 1);
    assert_eq!(
        table["faults"][0],
        json!({ "line": 222, "reason": "column `latency`: expected a number, found the text `fast`", "column": "latency" })
    );
    assert!(
        table["faults"][1]["reason"].as_str().unwrap().contains("1 cells, the first line has 3")
    );
    for (check, said) in [
        ("mixed_exposures", "1 of 222 units has rows of more than one variation"),
        ("missing_values", "1 cells of `latency` are empty, 0 of `a`, 1 of `b`"),
        ("values", "the first is in line 222"),
        ("mixed_units", "are seconds and milliseconds mixed?"),
        ("repeated_rows", "1 rows equal the row before of the same unit"),
        ("rows", "3 of 227 rows are left out"),
    ] {
        let found = health(&report, check).unwrap_or_else(|| panic!("no {check}"));
        assert!(found.contains(said), "{check}: {found}");
    }
    let assumed = report["assumptions"].to_string();
    assert!(
        assumed.contains("control: `a`") && assumed.contains("`latency:mean`: lower is better"),
        "{assumed}"
    );
}

#[test]
fn a_table_that_cannot_be_analyzed_says_where_and_what_to_do() {
    let rows = |row: fn(usize) -> String| {
        let rows: String = (0..120).map(row).collect();
        format!("user,arm,cost,plan\n{rows}")
    };
    let good = || rows(|nth| format!("u{nth},{},{nth}.5,free\n", ["a", "b"][nth % 2]));
    let asked = ["--unit", "user", "--variation", "arm", "--metric"];
    let with = |metric: &'static str| [&asked[..], &[metric]].concat();
    for (name, text, options, code, said) in [
        (
            "text",
            good(),
            with("plan:mean"),
            3,
            "the column `plan` of `t.csv` cannot be read in 120 of 120 cells; the first is in line 2: expected a number, found the text `free`",
        ),
        (
            "rate",
            good(),
            with("cost:rate"),
            3,
            "expected true or false, or 1 or 0, found `0.5`; for amounts write `:mean`",
        ),
        (
            "column",
            good(),
            with("costs:mean"),
            2,
            "--metric: `t.csv` has no column `costs`; did you mean `cost`? Its columns are `user`, `arm`, `cost`, `plan`",
        ),
        (
            "unit",
            good(),
            vec!["--unit", "id", "--variation", "arm", "--metric", "cost:mean"],
            2,
            "--unit: `t.csv` has no column `id`",
        ),
        (
            "wide",
            good(),
            vec!["--unit", "user", "--variation", "cost", "--metric", "cost:mean"],
            3,
            "the column `cost` has more than 50 different values up to line 52",
        ),
        (
            "one",
            rows(|nth| format!("u{nth},a,1,x\n")),
            with("cost:mean"),
            3,
            "every row of `t.csv` has the variation `a` in the column `arm`",
        ),
        (
            "control",
            good(),
            [&with("cost:mean")[..], &["--control", "c"]].concat(),
            2,
            "--control: no row has the variation `c`; the variations are `a`, `b`",
        ),
        (
            "split",
            good(),
            [&with("cost:mean")[..], &["--split", "90"]].concat(),
            2,
            "--split: `t` has 2 arms (a, b)",
        ),
        ("empty", "user,arm,cost\n".to_owned(), with("cost:mean"), 3, "`t.csv` has no rows"),
        (
            "nothing",
            String::new(),
            with("cost:mean"),
            3,
            "it is empty; expected the names of the columns",
        ),
        ("names", "1,2,3\n4,5,6\n".to_owned(), with("cost:mean"), 3, "the first line has numbers"),
        (
            "twice",
            "user,arm,cost,cost\n".to_owned(),
            with("cost:mean"),
            3,
            "names the column `cost` twice",
        ),
        (
            "infinite",
            rows(|nth| format!("u{nth},{},inf,x\n", ["a", "b"][nth % 2])),
            with("cost:mean"),
            3,
            "expected a finite number, found `inf`",
        ),
        (
            "void",
            rows(|nth| format!("u{nth},{},NaN,x\n", ["a", "b"][nth % 2])),
            with("cost:mean"),
            3,
            "the column `cost` of `t.csv` is empty in all 120 rows",
        ),
        ("metric", good(), with("cost:avg"), 2, "unknown statistic `avg`"),
        (
            "window",
            good(),
            [&with("cost:mean")[..], &["--window", "7d"]].concat(),
            2,
            "--window: a table with a row for each unit has no events",
        ),
        (
            "short",
            "user,arm,cost\nu1\nu2\n".to_owned(),
            with("cost:mean"),
            3,
            "no row of `t.csv` can be used: 2 rows that cannot be read; line 2: 1 cells, the first line has 3",
        ),
        (
            "latin",
            "user,arm,cost\nu1,a,1\n".to_owned() + "u2,b,\u{1}\n",
            with("cost:mean"),
            3,
            "cannot be read in 1 of 2 cells",
        ),
    ] {
        let (ended, message) = refused(name, &text, &options);
        assert!(ended == code && message.contains(said), "{name}: {ended}: {message}");
    }
    // An arm that only the plan has is shown as empty, and the split does not fit.
    let file = folder("tables-planned").join("t.csv");
    fs::write(&file, good()).unwrap();
    let report =
        analyzed(&file, &[&with("cost:mean")[..], &["--split", "a=40%,b=40%,c=20%"]].concat());
    assert_eq!(report["experiments"][0]["exposures"], json!({ "a": 60, "b": 60, "c": 0 }));
    assert!(health(&report, "sample_ratio_mismatch").is_some());
    assert_eq!(report["experiments"][0]["verdict"]["trusted"], false);
}
