//! Posterior densities a text line high, for terminals with room.
//!
//! Guarantees: curves of one metric share their range, so their places compare; every cell is one
//! column wide.
//!
//! Does not know: how wide the terminal is; the column goes first where room is short.

use super::charts::drawn;
use super::data::{ReportedExperiment, ReportedMetric};
use super::table::{Cell, Column, Row, Table, Tone};
use crate::analysis::Posterior;

/// Cells of a curve.
const CELLS: usize = 24;
/// Heights from none to full.
const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The table of all variations with a column of their posteriors at its end, which goes first where
/// room is short.
pub(super) fn with_posteriors(mut table: Table, experiment: &ReportedExperiment) -> Table {
    let mut curves = experiment.metrics.iter().flat_map(densities);
    table.columns.push(Column::words("posterior").optional(2).sketch());
    for row in &mut table.rows {
        if let Row::Cells(cells) = row {
            cells.push(Cell::toned(curves.next().unwrap_or_default(), Tone::Dim));
        }
    }
    table
}

/// One line for each variation of the metric; empty where there is no posterior.
pub(super) fn densities(metric: &ReportedMetric) -> Vec<String> {
    let posteriors: Vec<Option<Posterior>> =
        metric.variations.iter().map(|own| own.posterior?.posterior()).collect();
    let ranges = || posteriors.iter().flatten().map(drawn);
    let (Some(from), Some(to)) = (
        ranges().map(|range| range.0).reduce(f64::min),
        ranges().map(|range| range.1).reduce(f64::max),
    ) else {
        return vec![String::new(); posteriors.len()];
    };
    let place = |cell: usize| from + (to - from) * (cell as f64 + 0.5) / CELLS as f64;
    let curve = |posterior: &Posterior| {
        (0..CELLS).map(|cell| posterior.density(place(cell))).collect::<Vec<f64>>()
    };
    let curves: Vec<Option<Vec<f64>>> =
        posteriors.iter().map(|own| own.as_ref().map(curve)).collect();
    // Each curve to its own peak: a wide one beside a narrow one would vanish.
    let line = |curve: &Vec<f64>| {
        let peak = curve.iter().copied().fold(0.0, f64::max);
        let [none, .., full] = HEIGHTS;
        let of = |density: f64| {
            HEIGHTS.get((density / peak * 8.0).round() as usize).copied().unwrap_or(full)
        };
        let height = |&density: &f64| if peak > 0.0 { of(density) } else { none };
        curve.iter().map(height).collect::<String>()
    };
    curves.iter().map(|curve| curve.as_ref().map_or_else(String::new, line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::published;

    #[test]
    fn a_wide_terminal_shows_them_and_a_narrow_one_the_numbers_alone() {
        let report = published();
        let lines =
            |width| crate::report::to_text(&report, width, &crate::report::Palette::plain());
        assert!(!lines(80).contains(['▁', '█']));
        let wide = lines(200);
        assert_eq!(wide.lines().filter(|line| line.contains('█')).count(), 8, "{wide}");
        assert!(
            wide.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 120),
            "{wide}"
        );
    }

    #[test]
    fn curves_stand_where_their_values_are() {
        let report = published();
        let latency = &report.experiments[0].metrics[2];
        let lines = densities(latency);
        assert!(lines.iter().all(|line| line.chars().count() == CELLS));
        let peak = |line: &str| line.chars().position(|c| c == '█').unwrap();
        assert!(latency.variations[1].posterior_mean < latency.variations[0].posterior_mean);
        assert!(peak(&lines[1]) < peak(&lines[0]), "{lines:?}");
        let mut none = latency.clone();
        none.variations.iter_mut().for_each(|own| own.posterior = None);
        assert_eq!(densities(&none), ["", ""]);
    }
}
