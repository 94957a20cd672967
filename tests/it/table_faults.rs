//! What `simlab analyze` says of tables that somebody got wrong: each fault with its row and column,
//! in the user's own line, and nothing left out without a count.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};

use super::program::{Ran, folder, simlab_in};

/// What is said of files in a folder of their own.
fn said(name: &str, files: &[(&str, &str)], options: &[&str]) -> Ran {
    let place = folder(&format!("table-faults-{name}"));
    for (name, text) in files {
        fs::write(place.join(name), text).unwrap();
    }
    simlab_in(&place, &[&["analyze"], options].concat())
}

/// The report that was printed, beside what is said of the data.
fn printed(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.err))
}

/// Fails where the drawing of an error has not all of these: the place, the user's own line, and
/// what is said below it.
fn drawn(ran: &Ran, parts: &[&str]) {
    for part in parts {
        assert!(ran.err.contains(part), "no {part:?} in\n{}", ran.err);
    }
}

/// Forty users of two arms, with these cells in the column `cost`.
fn users(cost: impl Fn(usize) -> String) -> String {
    let mut text = "user,arm,cost,plan\n".to_owned();
    for nth in 0..40 {
        writeln!(text, "u{nth},{},{},free", ["a", "b"][nth % 2], cost(nth)).unwrap();
    }
    text
}

const ASKED: [&str; 6] = ["--unit", "user", "--variation", "arm", "--metric", "cost:mean"];

fn table(name: &str, text: &str, options: &[&str]) -> Ran {
    said(name, &[("t.csv", text)], &[&["t.csv"], options].concat())
}

#[test]
fn a_column_of_texts_is_shown_in_its_line() {
    let metric = ["--unit", "user", "--variation", "arm", "--metric", "plan:mean"];
    let ran = table("text", &users(|nth| nth.to_string()), &metric);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    drawn(
        &ran,
        &["[t.csv:2:8]", "2 │ u0,a,0,free", "╰── expected a number, found the text `free`"],
    );
}

#[test]
fn a_column_of_ids_as_variation_is_shown_where_it_has_too_many_values() {
    let text: String = (0..200_000).map(|nth| format!("u{nth},v{nth},1\n")).collect();
    let ran = table("many", &format!("user,arm,cost\n{text}"), &ASKED);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    drawn(&ran, &["[t.csv:52:5]", "52 │ u50,v50,1", "╰── the 51st different value"]);
}

#[test]
fn the_first_cell_that_cannot_be_read_is_shown_and_all_are_counted() {
    let text = users(|nth| if nth == 7 { " 12% ".to_owned() } else { nth.to_string() });
    let ran = table("cell", &text, &ASKED);
    assert_eq!(ran.code, 0);
    drawn(
        &ran,
        &[
            "warning: 1 row or cell is not readable",
            "⚠ ",
            "[t.csv:9:7]",
            "9 │ u7,b, 12% ,free",
            "write 0.12",
        ],
    );
    assert!(ran.out.contains("line 9: column `cost`: expected a number"), "{}", ran.out);
    let report = printed(&table("cell-json", &text, &[&ASKED[..], &["--format", "json"]].concat()));
    assert_eq!(report["table"]["faults"][0]["column"], "cost");
    assert_eq!(report["table"]["faults"][0]["line"], 9);
    assert_eq!((&report["table"]["malformed"], &report["table"]["used"]), (&json!(1), &json!(40)));
}

#[test]
fn rows_of_another_length_and_lines_that_are_no_json_are_shown_too() {
    let text = users(|nth| if nth == 3 { "1,234".to_owned() } else { nth.to_string() });
    let ran = table("length", &text, &ASKED);
    assert_eq!(ran.code, 0);
    drawn(&ran, &["[t.csv:5:12]", "5 │ u3,b,1,234,free", "5 cells, the first line has 4"]);
    let mut lines = String::new();
    for nth in 0..40 {
        let cost = if nth == 11 { "nan".to_owned() } else { nth.to_string() };
        let arm = ["a", "b"][nth % 2];
        writeln!(lines, r#"{{"user": "u{nth}", "arm": "{arm}", "cost": {cost}}}"#).unwrap();
    }
    let ran = said("json", &[("t.ndjson", &lines)], &[&["t.ndjson"], &ASKED[..]].concat());
    assert_eq!(ran.code, 0);
    drawn(&ran, &["[t.ndjson:12:", r#"12 │ {"user": "u11", "arm": "b", "cost": nan}"#]);
}

#[test]
fn words_for_nothing_are_counted_apart_from_empty_cells() {
    let text = users(|nth| match nth {
        4 | 6 => "NaN".to_owned(),
        9 => String::new(),
        _ => nth.to_string(),
    });
    let ran = table("nan", &text, &[&ASKED[..], &["--format", "json"]].concat());
    let found = health(&ran.json(), "missing_values");
    assert_eq!(
        found,
        "3 cells of `cost` are empty (2 of them with a word for a missing value, the first in line 6: `NaN`), 2 of `a`, 1 of `b`; units \
         without a value are left out of `cost:mean` (`--missing zero` counts them as 0)"
    );
}

/// The message of a check that is not healthy.
fn health(report: &Value, check: &str) -> String {
    let all = report["experiments"][0]["health"].as_array().unwrap();
    let found = all.iter().find(|one| one["check"] == check && one["status"] != "healthy");
    let found = found.unwrap_or_else(|| panic!("no {check}: {all:#?}"));
    found["message"].as_str().unwrap().to_owned()
}

/// Exposures of 40 users over five days, and an order of each with these fields.
fn tables(order: impl Fn(usize) -> [String; 3]) -> [(&'static str, String); 2] {
    let mut seen = "user_id,variation_id,timestamp\n".to_owned();
    let mut orders = "event_id,user_id,event,value,timestamp\n".to_owned();
    for nth in 0..40 {
        let day = 1 + nth % 5;
        writeln!(seen, "u{nth},{},2026-11-{day:02}T10:00:00Z", ["a", "b"][nth % 2]).unwrap();
        let [id, value, at] = order(nth);
        writeln!(orders, "{id},u{nth},order,{value},{at}").unwrap();
    }
    [("seen.csv", seen), ("orders.csv", orders)]
}

fn joined(name: &str, order: impl Fn(usize) -> [String; 3], options: &[&str]) -> Ran {
    let tables = tables(order);
    let files = tables.each_ref().map(|(name, text)| (*name, text.as_str()));
    let asked = ["--exposures", "seen.csv", "--events", "orders.csv"];
    said(name, &files, &[&asked[..], options].concat())
}

fn at(nth: usize) -> String {
    format!("2026-11-{:02}T12:00:00Z", 1 + nth % 5)
}

const ORDERS: [&str; 4] = ["--metric", "order:mean", "--format", "json"];

#[test]
fn values_of_events_that_are_texts_are_shown_and_do_not_matter_to_a_count() {
    let order = |nth: usize| [format!("e{nth}"), format!("EUR {nth}"), at(nth)];
    let ran = joined("value", order, &ORDERS);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    drawn(
        &ran,
        &[
            "40 of 40 events `order`",
            "[orders.csv:2:13]",
            "2 │ e0,u0,order,EUR 0,2026",
            "╰── expected a number",
        ],
    );
    let options = ["--metric", "order:rate", "--metric", "order:count", "--format", "json"];
    let report = joined("counted", order, &options).json();
    assert_eq!(report["data"]["used"], 40);
    // One in forty is counted, listed, and still an order.
    let order = |nth: usize| {
        let value = if nth == 5 { "n/a?".to_owned() } else { nth.to_string() };
        [format!("e{nth}"), value, at(nth)]
    };
    let options = [&["--metric", "order:rate"], &ORDERS[..]].concat();
    let ran = joined("one-value", order, &options);
    drawn(&ran, &["[orders.csv:7:13]", "7 │ e5,u5,order,n/a?,2026"]);
    let report = printed(&ran);
    assert_eq!((&report["data"]["malformed"], &report["data"]["used"]), (&json!(1), &json!(40)));
    let metrics = report["experiments"][0]["metrics"].as_array().unwrap();
    let all: f64 = (0..40).filter(|nth| *nth != 5).sum::<u32>().into();
    let totals = |metric: &Value, field: &str| -> f64 {
        metric["variations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|own| own[field].as_f64().unwrap())
            .sum()
    };
    assert_eq!(totals(&metrics[0], "conversions"), 40.0);
    assert_eq!(totals(&metrics[1], "total_value"), all);
}

#[test]
fn clocks_that_differ_are_suspected() {
    // Two hours after the exposure, by a clock in a time zone five hours behind.
    let behind = |nth: usize| {
        [format!("e{nth}"), "3".to_owned(), format!("2026-11-{:02}T07:00:00Z", 1 + nth % 5)]
    };
    let report = joined("zone", behind, &ORDERS).json();
    assert_eq!(
        health(&report, "clock_skew"),
        "40 of 40 events of exposed units in `orders.csv` are before the exposure, 40 of them in the day before it and 0 in the day \
         before that; half are less than 3 hours before it, and the first is in line 2. They do not count: do the clocks or the time \
         zones of the two tables differ?"
    );
    assert_eq!(report["data"]["unused"]["events before the unit's exposure"], 40);
    // Seconds that a tool read as milliseconds lie in 1970, and a year that somebody mistyped in 2062.
    let late = |nth: usize| {
        let at = if nth == 9 { "2062-11-05T12:00:00Z".to_owned() } else { at(nth) };
        [format!("e{nth}"), "3".to_owned(), at]
    };
    let report = joined("late", late, &ORDERS).json();
    let found = health(&report, "clock");
    assert!(
        found.starts_with("1 events of `orders.csv` are more than a year after the last exposure; the first is in line 11, at 2062-11-05T12:00:00Z"),
        "{found}"
    );
    let [(_, seen), (_, orders)] = tables(|nth| [format!("e{nth}"), "3".to_owned(), at(nth)]);
    let seen = seen.replace("u6,a,2026-11-02T10:00:00Z", "u6,a,1970-01-21T18:00:00Z");
    let files = [("seen.csv", seen.as_str()), ("orders.csv", orders.as_str())];
    let options = ["--exposures", "seen.csv", "--events", "orders.csv"];
    let report = said("early", &files, &[&options[..], &ORDERS].concat()).json();
    let found = health(&report, "clock");
    assert!(
        found.starts_with("1 exposures of `seen.csv` are more than a year from the median exposure (2026-11-03T10:00:00Z); the first is in line 8, at 1970-01-21T18:00:00Z"),
        "{found}"
    );
    // As it should be.
    let report =
        joined("right", |nth| [format!("e{nth}"), "3".to_owned(), at(nth)], &ORDERS).json();
    let checks = report["experiments"][0]["health"].to_string();
    assert!(!checks.contains("clock"), "{checks}");
}

#[test]
fn an_id_that_is_none_and_values_in_two_units_are_said() {
    let order = |nth: usize| [format!("batch-{}", nth / 10), "3".to_owned(), at(nth)];
    let report = joined("ids", order, &ORDERS).json();
    assert_eq!(
        health(&report, "duplicate_ids"),
        "36 events of `orders.csv` have the id of another event but differ from it in user, name, time or value; the first is in line \
         3. Of each id the first event counts: is the column an id of events? `--columns id=COLUMN` names another"
    );
    assert_eq!(report["experiments"][0]["verdict"]["trusted"], false);
    assert_eq!(report["data"]["duplicates"], 36);
    // The same rows twice are one each, and nothing is wrong with them.
    let [(_, seen), (_, orders)] = tables(|nth| [format!("e{nth}"), "3".to_owned(), at(nth)]);
    let twice = format!("{orders}{}", orders.split_once('\n').unwrap().1);
    let files = [("seen.csv", seen.as_str()), ("orders.csv", twice.as_str())];
    let options = ["--exposures", "seen.csv", "--events", "orders.csv"];
    let report = said("twice", &files, &[&options[..], &ORDERS].concat()).json();
    assert_eq!((&report["data"]["duplicates"], &report["data"]["used"]), (&json!(40), &json!(40)));
    assert!(!report["experiments"][0]["health"].to_string().contains("duplicate_ids"));
    let mixed = |nth: usize| {
        let value = if nth < 20 { 1.0 + nth as f64 / 40.0 } else { 1_000.0 + nth as f64 };
        [format!("e{nth}"), value.to_string(), at(nth)]
    };
    let found = health(&joined("units", mixed, &ORDERS).json(), "mixed_units");
    assert!(
        found.starts_with("the values of the events `order`: 20 values are around 1.12")
            && found.contains("are seconds and milliseconds mixed?"),
        "{found}"
    );
}

#[test]
fn tables_in_each_others_place_and_an_arm_without_users_are_said() {
    let tables = tables(|nth| [format!("e{nth}"), "3".to_owned(), at(nth)]);
    let files = tables.each_ref().map(|(name, text)| (*name, text.as_str()));
    let options = ["--exposures", "orders.csv", "--events", "seen.csv", "--metric", "order:mean"];
    let ran = said("swapped", &files, &options);
    assert_eq!(ran.code, 3);
    drawn(&ran, &["`orders.csv` has no column for the variation", "is it the table of events?"]);
    // Of the arm `c` nobody came.
    let options = ["--split", "a=40%,b=40%,c=20%", "--format", "json"];
    let text = users(|nth| nth.to_string());
    let report = table("arm", &text, &[&ASKED[..], &options].concat()).json();
    assert_eq!(report["experiments"][0]["exposures"], json!({"a": 20, "b": 20, "c": 0}));
    let checks = report["experiments"][0]["health"].to_string();
    assert!(checks.contains("no user was exposed to c yet: 20 a, 20 b, 0 c"), "{checks}");
}

#[test]
fn files_of_other_kinds_are_named() {
    let place = folder("table-faults-kinds");
    for (name, bytes, kind) in [
        ("a.avro", &b"Obj\x01\x04\x16avro.codec\x08null\x00"[..], "an Avro file"),
        ("a.orc", b"ORC\n\x06\x12\x04\x08\x02\x50\x00", "an ORC file"),
        ("a.feather", b"FEA1\0\0\0\0\x08\0", "a Feather file of version 1"),
        ("a.duckdb", b"\x9f\x01\x02\x03\x04\x05\x06\x07DUCK\x40\0\0\0", "a DuckDB database"),
        ("a.xls", b"SQLite format 3\0\x10\0\x01\x01", "an SQLite database"),
        ("a.npy", b"\x93NUMPY\x01\0\x76\0{'descr'", "a file of NumPy"),
    ] {
        fs::write(place.join(name), bytes).unwrap();
        let ran = simlab_in(&place, &[&["analyze", name], &ASKED[..]].concat());
        assert_eq!(ran.code, 3, "{name}: {}", ran.err);
        assert!(ran.err.contains(&format!("`{name}` is {kind}")), "{name}: {}", ran.err);
    }
}

#[test]
fn a_damaged_parquet_or_arrow_file_is_refused_in_words() {
    let place = folder("table-faults-damaged");
    let options = ["--unit", "user_id", "--variation", "arm", "--control", "a"];
    // Plain and packed, with and without a table of contents.
    for name in ["users.parquet", "users.arrows", "users.arrow", "users.feather"] {
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tables/");
        let whole = fs::read(format!("{own}{name}")).unwrap();
        let options = [&["analyze", name][..], &options, &["--metric", "resolved:rate"]].concat();
        let mut refused = 0;
        // One place after the other, over the data and what the file says of them.
        for step in 1..30 {
            let at = whole.len() * step / 30;
            for flipped in [0xff, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= flipped;
                fs::write(place.join(name), &bytes).unwrap();
                let ran = simlab_in(&place, &options);
                let said = format!("{name}, byte {at}: {} {}", ran.code, ran.err);
                assert!([0, 2, 3].contains(&ran.code) && !ran.err.contains("panicked"), "{said}");
                refused += usize::from(ran.code == 3);
            }
        }
        assert!(refused > 5, "{name}: {refused}");
    }
    // What is packed says how long it is; no memory is asked for a length that cannot be true.
    let mut feather =
        fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tables/users.feather"));
    let whole = feather.as_mut().unwrap();
    let lz4 = |at: usize| whole[at..].starts_with(&[0x04, 0x22, 0x4d, 0x18]);
    let packed = (8..whole.len()).find(|at| lz4(*at)).unwrap();
    whole[packed - 8..packed].copy_from_slice(&(1_u64 << 50).to_le_bytes());
    fs::write(place.join("long.feather"), whole).unwrap();
    let ran = simlab_in(&place, &[&["analyze", "long.feather"][..], &options].concat());
    assert!(
        ran.code == 3 && ran.err.contains("cannot be read as Arrow IPC: it is damaged"),
        "{}",
        ran.err
    );
    fs::write(place.join("short.arrow"), b"ARROW1\0\0").unwrap();
    let ran = simlab_in(&place, &["analyze", "short.arrow"]);
    assert!(ran.code == 3 && ran.err.contains("it ends too early"), "{}", ran.err);
}
