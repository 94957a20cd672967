//! `simlab sql` and the rows that its query returns, cut values and adjusted rates and ratios: by the
//! rows of a real engine and by other libraries. `.ci/warehouses` runs the queries on more engines.

use std::fs;

use serde_json::Value;

use super::program::{folder, simlab, simlab_in};

const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tables");
const DIALECTS: [&str; 8] = [
    "duckdb",
    "postgres",
    "snowflake",
    "bigquery",
    "databricks",
    "redshift",
    "clickhouse",
    "spark",
];
const METRICS: [&str; 12] = [
    "--metric",
    "resolved:rate:up",
    "--metric",
    "cost_usd:mean:down",
    "--metric",
    "latency_ms:p95:down",
    "--metric",
    "cost_usd/requests:ratio:down",
    "--metric",
    "cost_usd:mean:down:cap=p90",
    "--metric",
    "cost_usd:mean:down:cap=0.2",
];

fn raw() -> Value {
    let users = format!("{TABLES}/users.csv");
    let own = ["analyze", &users, "--unit", "user_id", "--variation", "arm", "--control", "a"];
    let other = ["--split", "50/50", "--covariate", "cost_before", "--format", "json"];
    simlab(&[&own[..], &METRICS[..], &other[..]].concat()).json()
}

/// Holds two values to being equal, numbers to 1e-9.
fn same(found: &Value, wanted: &Value, path: &str) {
    match (found, wanted) {
        (Value::Object(one), Value::Object(other)) => {
            assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{path}");
            one.iter().for_each(|(key, own)| same(own, &other[key], &format!("{path}/{key}")));
        }
        (Value::Array(one), Value::Array(other)) => {
            assert_eq!(one.len(), other.len(), "{path}");
            let pairs = one.iter().zip(other).enumerate();
            pairs.for_each(|(nth, (own, other))| same(own, other, &format!("{path}/{nth}")));
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            // Reports have ten digits, of which the last may be rounded either way.
            let far = (one - other).abs() > 2e-9 * other.abs().max(1e-3);
            assert!(!far, "{path}: {one}, not {other}");
        }
        _ => assert_eq!(found, wanted, "{path}"),
    }
}

#[test]
fn the_rows_of_an_engine_give_the_report_of_the_raw_rows() {
    // tests/it/tables/statistics.py made the rows with DuckDB.
    let raw = raw();
    let file = format!("{TABLES}/statistics.csv");
    let found = simlab(&["analyze", &file, "--format", "json"]).json();
    let (raw, found) = (&raw["experiments"][0], &found["experiments"][0]);
    for part in ["control", "exposures", "metrics", "adjusted", "verdict", "users_needed"] {
        same(&found[part], &raw[part], part);
    }
    let split = |report: &Value| {
        let all = report["health"].as_array().unwrap().clone();
        all.into_iter().find(|own| own["check"] == "sample_ratio_mismatch").unwrap()
    };
    assert_eq!(split(found), split(raw));
    assert_eq!(split(found)["status"], "healthy");

    // In capitals, in another order, as JSON and without the numbers that no kind uses.
    let text = fs::read_to_string(&file).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let objects: String = rows[1..]
        .iter()
        .map(|row| {
            let cells = rows[0].iter().zip(row).rev().filter(|(_, cell)| !cell.is_empty());
            let cells = cells.map(|(name, cell)| format!("\"{}\":\"{cell}\"", name.to_uppercase()));
            format!("{{{}}}\n", cells.collect::<Vec<_>>().join(","))
        })
        .collect();
    let json = folder("warehouse-json").join("stats.jsonl");
    fs::write(&json, objects).unwrap();
    let again = simlab(&["analyze", json.to_str().unwrap(), "--format", "json"]).json();
    same(&again["experiments"][0]["metrics"], &found["metrics"], "metrics");
}

/// The metrics of `tests/it/tables/statistics.py` on exposures and events.
const OF_EVENTS: [&str; 10] = [
    "--metric",
    "order:rate:up",
    "--metric",
    "order:mean:up",
    "--metric",
    "order:p50:up",
    "--metric",
    "order/visit:ratio:up",
    "--metric",
    "order:mean:up:cap=p95",
];

/// The report on exposures and events as they are.
fn raw_events(exposures: &str, options: &[&str]) -> Value {
    let events = format!("{TABLES}/happened.csv");
    let own = ["analyze", "--exposures", exposures, "--events", &events, "--control", "a"];
    let other = ["--columns", "id=event_id", "--format", "json"];
    let words = [&own[..], &OF_EVENTS[..], &other[..], options].concat();
    simlab(&words).json()["experiments"][0].clone()
}

#[test]
fn the_rows_of_segments_are_the_reports_of_their_users() {
    let file = format!("{TABLES}/statistics-segments.csv");
    let report = simlab(&["analyze", &file, "--format", "json"]).json();
    let found = &report["experiments"][0];
    let whole = raw_events(&format!("{TABLES}/seen.csv"), &[]);
    for part in ["control", "exposures", "metrics", "verdict"] {
        same(&found[part], &whole[part], part);
    }
    let all = fs::read_to_string(format!("{TABLES}/seen.csv")).unwrap();
    let (head, rows) = all.split_once('\n').unwrap();
    let segments = found["segments"].as_array().unwrap();
    let keys: Vec<&str> = segments.iter().map(|own| own["segment"].as_str().unwrap()).collect();
    assert_eq!(keys, ["DE", "FR", "it's"]);
    for segment in segments {
        let key = segment["segment"].as_str().unwrap();
        let own = rows.lines().filter(|row| row.ends_with(&format!(",{key}")));
        let own = std::iter::once(head).chain(own).collect::<Vec<_>>().join("\n");
        let seen = folder("warehouse-segments").join("seen.csv");
        fs::write(&seen, own).unwrap();
        let wanted = raw_events(seen.to_str().unwrap(), &[]);
        same(&segment["users"], &wanted["exposures"], key);
        let changes = segment["changes"].as_array().unwrap();
        assert_eq!(changes.len(), 5, "{key}");
        for (change, metric) in changes.iter().zip(wanted["metrics"].as_array().unwrap()) {
            assert_eq!(change["metric"], metric["key"]);
            for number in
                ["relative_difference", "relative_interval", "probability_to_beat_control"]
            {
                same(
                    &change[number],
                    &metric["variations"][1][number],
                    &format!("{key}: {change}"),
                );
            }
        }
    }
    let text = simlab(&["analyze", &file]).out;
    assert!(text.contains("it's") && text.contains("FR"), "{text}");
}

#[test]
fn the_rows_of_days_are_the_reports_of_what_was_known_at_their_ends() {
    let file = format!("{TABLES}/statistics-days.csv");
    let report = simlab(&["analyze", &file, "--format", "json"]).json();
    let found = &report["experiments"][0];
    let seen = format!("{TABLES}/seen.csv");
    let whole = raw_events(&seen, &[]);
    for part in ["control", "exposures", "metrics", "verdict"] {
        same(&found[part], &whole[part], part);
    }
    let series = &found["over_time"];
    let days = series["days"].as_array().unwrap();
    // Exposures begin on the first and end on the seventh, events end on the ninth.
    assert_eq!((days[0].as_str(), days.len()), (Some("2026-11-01"), 9), "{days:?}");
    for (at, day) in days.iter().enumerate() {
        let until = format!("2026-11-{:02}", at + 2);
        let wanted = raw_events(&seen, &["--until", &until]);
        let users: u64 = wanted["exposures"]
            .as_object()
            .unwrap()
            .values()
            .map(|own| own.as_u64().unwrap())
            .sum();
        assert_eq!(series["users"][at], users, "{day}");
        let pairs = series["metrics"].as_array().unwrap().iter();
        for (own, metric) in pairs.zip(wanted["metrics"].as_array().unwrap()) {
            assert_eq!(own["key"], metric["key"]);
            for (arm, one) in own["variations"].as_array().unwrap().iter().enumerate() {
                let path = format!("{day}, {}, {arm}", own["key"]);
                let raw = &metric["variations"][arm];
                same(&one["data_mean"][at], &raw["data_mean"], &path);
                let beats = &raw["probability_to_beat_control"];
                same(&one["probability_to_beat_control"][at], beats, &path);
            }
        }
    }
    let text = simlab(&["analyze", &file]).out;
    assert!(text.contains("2026-11-09") && text.contains("metric, day"), "{text}");
}

#[test]
fn adjusted_and_cut_values_are_those_of_gbstats_numpy_and_scipy() {
    // All right values are what tests/it/tables/adjusted.py prints, with gbstats 0.8.0.
    let report = raw();
    let adjusted = report["experiments"][0]["adjusted"].as_array().unwrap();
    let near = |found: &Value, wanted: f64| {
        let found = found.as_f64().unwrap();
        assert!((found / wanted - 1.0).abs() < 1e-9, "{found}, not {wanted}");
    };
    for (metric, arm, mean, explained) in [
        ("resolved:rate", "a", 0.463_636_314_697_981_06, 0.007_225_389_434_375_34),
        ("resolved:rate", "b", 0.670_373_227_691_819_4, 0.001_453_511_483_982_983_2),
        ("cost_usd/requests:ratio", "a", 0.070_096_807_426_035_41, 0.483_084_994_502_485_3),
        ("cost_usd/requests:ratio", "b", 0.069_710_506_676_8, 0.468_673_074_108_862_5),
    ] {
        let row = adjusted.iter().find(|row| row["metric"] == metric && row["variation"] == arm);
        let row = row.unwrap();
        near(&row["data_mean"], mean);
        let found = row["explained"].as_f64().unwrap();
        assert!((found - explained).abs() < 1e-9, "{metric} {arm}: {found}, not {explained}");
    }
    let metrics = report["experiments"][0]["metrics"].as_array().unwrap();
    for (key, a, b) in [
        ("cost_usd:mean:cap=p90", 0.169_497_655_502_392_35, 0.158_794_712_041_884_8),
        ("cost_usd:mean:cap=0.2", 0.154_298_564_593_300_1, 0.143_383_769_633_507_85),
    ] {
        let metric = metrics.iter().find(|own| own["key"] == key).unwrap();
        near(&metric["variations"][0]["data_mean"], a);
        near(&metric["variations"][1]["data_mean"], b);
        if key.ends_with("p90") {
            near(&metric["variations"][1]["frequentist"]["p_value"], 0.114_485_366_745_634_77);
        }
    }
    let assumed = report["assumptions"].to_string();
    assert!(assumed.contains("(40 of 400 units)"), "{assumed}");
}

#[test]
fn every_dialect_has_a_query_of_its_own_words() {
    let asked = ["--exposures", "shop.seen", "--events", "shop.happened", "--window", "7d"];
    let mut texts = Vec::new();
    for dialect in DIALECTS {
        let words =
            ["--metric", "it's \\ paid:mean", "--metric", "wait:p95", "--metric", "a/b:ratio"];
        let ran = simlab(&[&["sql", "--dialect", dialect][..], &asked[..], &words[..]].concat());
        let text = ran.out.as_str();
        assert_eq!(text.matches(';').count(), 1, "{dialect}: one statement");
        assert!(text.contains("FROM shop.seen AS x") && text.contains("SELECT 3) AS places"));
        assert!(text.contains("+ 604800000"), "the window in milliseconds");
        let escaped = if ["duckdb", "postgres", "snowflake", "redshift"].contains(&dialect) {
            r"'it''s \ paid'"
        } else {
            r"'it\'s \\ paid'"
        };
        assert!(text.contains(escaped), "{dialect}: {text}");
        texts.push(text.to_owned());
    }
    for (text, own) in texts.iter().zip([
        "epoch_ms(x.timestamp)",
        "EXTRACT(EPOCH FROM x.timestamp)",
        "DATE_PART(EPOCH_MILLISECOND, x.timestamp)",
        "UNIX_MILLIS(CAST(x.timestamp AS TIMESTAMP))",
        "unix_millis(CAST(x.timestamp AS TIMESTAMP))",
        "DATEDIFF(millisecond, CAST('1970-01-01 00:00:00' AS TIMESTAMP), x.timestamp)",
        "toUnixTimestamp64Milli(toDateTime64(x.timestamp, 3))",
        "unix_millis(CAST(x.timestamp AS TIMESTAMP))",
    ]) {
        assert!(text.contains(own), "{own}: {text}");
    }
    // A word of SQL needs quotes, and in Snowflake capitals inside of them.
    let columns = ["--columns", "time=order,value=my value", "--metric", "a:mean"];
    for (dialect, own) in
        [("postgres", "x.\"order\""), ("snowflake", "x.\"ORDER\""), ("bigquery", "x.`my value`")]
    {
        let ran = simlab(&[&["sql", "--dialect", dialect][..], &columns[..]].concat());
        assert!(ran.out.contains(own), "{dialect}: {}", ran.out);
    }
}

#[test]
fn a_scenarios_query_has_its_experiment_and_options_that_do_not_fit_are_refused() {
    let ran = simlab(&["sql", "security", "--dialect", "duckdb"]);
    let text = ran.out.as_str();
    for part in [
        "'security-level' AS experiment",
        "'basic-security' AS control",
        "WHEN 'strict-security' THEN 0.5",
        "'positive_feedback_rate'",
        "FROM exposures AS x",
        "They count for the first.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let cases: [(&[&str], &str); 7] = [
        (&["sql", "tutorial"], "has several experiments"),
        (&["sql", "security", "--experiment", "x"], "has no experiment `x`"),
        (&["sql", "--metric", "a:rate", "--split", "50/50"], "shares with their arms"),
        (&["sql", "--metric", "a:rate", "--columns", "experiment=e"], "--experiment KEY"),
        (
            &["sql", "--table", "t", "--unit", "u", "--variation", "v", "--metric", "a:count"],
            "counts events",
        ),
        (&["sql", "--metric", "a:ratio"], "divides one column by another"),
        (&["sql", "--metric", "a:rate", "--daily", "--segment", "c"], "cannot be used with"),
    ];
    for (words, said) in cases {
        let ran = simlab(&[words, &["--dialect", "duckdb"]].concat());
        let told = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ran.code != 0 && ran.out.is_empty(), "{words:?}");
        assert!(told.replace("│ ", "").contains(said), "{words:?}: {told}");
    }
}

/// Rows of statistics as those of one segment.
fn in_segments(rows: &str) -> String {
    let lines = rows.lines().enumerate();
    lines.map(|(nth, row)| format!("{row},{}\n", if nth == 0 { "segment" } else { "DE" })).collect()
}

#[test]
fn rows_that_no_data_can_have_are_refused_with_line_and_column() {
    let text = fs::read_to_string(format!("{TABLES}/statistics.csv")).unwrap();
    let here = folder("warehouse-faults");
    let column = |name: &str| text.lines().next().unwrap().split(',').position(|own| own == name);
    let changed = |line: usize, name: &str, to: &str| {
        let lines = text.lines().enumerate().map(|(nth, row)| {
            let mut cells: Vec<&str> = row.split(',').collect();
            if nth + 1 == line {
                cells[column(name).unwrap()] = to;
            }
            cells.join(",") + "\n"
        });
        lines.collect::<String>()
    };
    let double = format!("{text}{}\n", text.lines().nth(1).unwrap());
    let one_arm: String = text
        .lines()
        .enumerate()
        .filter(|(nth, _)| nth % 2 < 1)
        .map(|(_, row)| format!("{row}\n"))
        .collect();
    let cases: Vec<(String, &[&str], &str)> = vec![
        (changed(2, "kind", "sum"), &[], "line 2: column `kind`: expected rate, mean"),
        (changed(3, "schema", "x"), &[], "line 3: column `schema`: expected `simlab.statistics/1`"),
        (changed(2, "sum_value", "500"), &[], "column `sum_value`: a rate of 500 of 209 users"),
        (changed(4, "dev_value_squared", "-1"), &[], "a sum of squares is not below 0"),
        (
            changed(4, "dev_value_squared", ""),
            &[],
            "`dev_value_squared` is empty, and a mean needs it",
        ),
        (changed(4, "sum_value", "many"), &[], "column `sum_value`: expected a number"),
        (changed(2, "users", "1.5"), &[], "column `users`: expected a whole number"),
        (changed(4, "users", "210"), &[], "210 of `a`, and 209 in an earlier line"),
        (changed(2, "users_counted", "210"), &[], "210 of 209 `users`"),
        (text.replace("users_counted", "counted"), &[], "there is no column `users_counted`"),
        (double, &[], "a second row of `resolved:rate`"),
        (one_arm, &[], "has the variation `"),
        (changed(2, "experiment", "other"), &[], "has several experiments, choose one"),
        (text.clone(), &["--experiment", "x"], "has no experiment `x`; it has `users`"),
        (in_segments(&text), &[], "has rows of segments or days, and none of all users"),
        (text.clone(), &["--window", "7d"], "the rows are sums already"),
        (text.clone(), &["--control", "c"], "no row has the variation `c`"),
        (text.clone(), &["--scenario", "security"], "has no experiment `users`"),
    ];
    for (text, options, said) in cases {
        fs::write(here.join("stats.csv"), text).unwrap();
        let ran = simlab_in(&here, &[&["analyze", "stats.csv"], options].concat());
        let told =
            ran.err.split_whitespace().filter(|own| *own != "│").collect::<Vec<_>>().join(" ");
        assert!([2, 3].contains(&ran.code) && ran.out.is_empty(), "{said}: {}", ran.code);
        assert!(told.contains(said), "expected {said:?}: {told}");
    }
}
