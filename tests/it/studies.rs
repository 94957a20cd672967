//! The tables of docs/statistics.md, against a smaller run of the program that prints them.

use std::fs;

#[path = "../../examples/calibration.rs"]
#[allow(dead_code, reason = "the example's own `main` is not called here")]
mod calibration;

/// The percentages of each row of a table, after its two columns of words.
fn rows(text: &str) -> Vec<(String, Vec<f64>)> {
    let table = text
        .lines()
        .filter(|line| line.starts_with("| rate of") || line.starts_with("| mean, log"));
    let of = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let percent = |cell: &&str| cell.rsplit(' ').next()?.strip_suffix('%')?.parse().ok();
        (cells[..2].join(", "), cells[2..].iter().filter_map(percent).collect())
    };
    table.map(of).collect()
}

#[test]
fn the_tables_of_the_documentation_come_out_again() {
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/statistics.md")).unwrap();
    let experiments = 250;
    let (told, found) = (rows(&page), rows(&calibration::tables(experiments).unwrap()));
    let names =
        |rows: &[(String, Vec<f64>)]| rows.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&told), names(&found));
    // The first nine rows are coverages: five standard errors of so few experiments.
    for ((name, told), (_, found)) in told.iter().zip(&found).take(9) {
        assert_eq!((told.len(), found.len()), (4, 4), "{name}");
        for (told, found) in told.iter().zip(found) {
            let error =
                100.0 * (told / 100.0 * (1.0 - told / 100.0) / experiments as f64).sqrt().max(0.01);
            assert!(
                (told - found).abs() < 5.0 * error,
                "{name}: the page says {told}%, found {found}%"
            );
        }
    }
}
