//! Experiments at a glance while a run goes on: one line for each arm, on its primary metric.
//!
//! Guarantees: no line is wider than asked, as long as numbers leave room; columns keep their
//! places from look to look; a color says nothing that the numbers do not say: green from the
//! experiment's threshold on, red from its complement down.
//!
//! Does not know: when somebody looks, or what a terminal does with the lines.

use super::format::reading;
use super::number::Number;
use super::palette::Palette;
use super::table::{Cell, Column, Row, Table, Tone};
use crate::analysis::{Analysis, MetricAnalysis};
use crate::experiment::{Better, Experiment, Treatment};
use crate::figure::{self, MISSING, Unit};

/// Cells that a number's column takes at the least, so that it stays where it is while its numbers
/// change.
const ESTIMATE: usize = 8;
const INTERVAL: usize = 16;

/// The lines: for each experiment its name and primary metric, then one line for each arm. `users`
/// is how many are expected.
#[must_use]
pub fn glance(
    found: &[(&Experiment, &Analysis)],
    users: u64,
    width: usize,
    palette: &Palette,
) -> Vec<String> {
    let mut masses: Vec<String> = found
        .iter()
        .map(|(experiment, _)| figure::written_percent(experiment.threshold.get()))
        .collect();
    masses.dedup();
    let interval = if let [mass] = masses.as_slice() {
        format!("{mass} interval")
    } else {
        "interval".to_owned()
    };
    let number = |heading: &str, least: usize| Column::number(format!("{heading:>least$}"));
    let columns = vec![
        Column::words("arm"),
        number("users", figure::count(users).len()),
        number("estimate", ESTIMATE),
        number(&interval, INTERVAL),
        Column::number("beats control"),
    ];
    let mut rows = Vec::new();
    for (experiment, analysis) in found {
        let Some(primary) = analysis.metrics.first() else { continue };
        let better = match primary.metric.better {
            Better::Higher => "higher is better",
            Better::Lower => "lower is better",
        };
        rows.push(Row::Group(
            experiment.name.clone(),
            format!("{} · {better}", primary.metric.key),
        ));
        rows.extend(
            experiment
                .treatments
                .iter()
                .enumerate()
                .map(|arm| Row::Cells(cells(experiment, primary, arm))),
        );
    }
    Table { columns, rows }.lines(0, width, palette)
}

/// The cells of one arm.
fn cells(
    experiment: &Experiment,
    primary: &MetricAnalysis,
    (arm, treatment): (usize, &Treatment),
) -> Vec<Cell> {
    let missing = || Cell::toned(MISSING, Tone::Dim);
    let unit = Unit::of(&primary.metric);
    let variation = primary.variations.get(arm);
    let estimate = variation
        .and_then(|variation| variation.posterior_mean)
        .map_or_else(missing, |mean| Cell::new(unit.value(mean)));
    let interval = variation.and_then(|variation| variation.credible_interval);
    let interval = interval.map_or_else(missing, |interval| {
        Cell::new(figure::interval(
            &unit.bare().value(interval.lower),
            &unit.bare().value(interval.upper),
        ))
    });
    let beats = variation
        .and_then(|variation| variation.comparison)
        .map(|comparison| comparison.probability_to_beat);
    let (_, tone) = reading(beats.and_then(Number::new), experiment.threshold.get());
    let beats = match beats {
        _ if arm == experiment.control => Cell::toned("control", Tone::Dim),
        Some(beats) => Cell::toned(figure::probability(beats), tone),
        None => missing(),
    };
    vec![
        Cell::new(&treatment.name),
        Cell::new(figure::count(variation.map_or(0, |variation| variation.exposures))),
        estimate,
        interval,
        beats,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::published::{premium, security};
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn each_arm_has_a_line_that_says_how_it_stands() {
        let (first, of_first) = security();
        let (second, of_second) = premium();
        let lines =
            glance(&[(&first, &of_first), (&second, &of_second)], 300_000, 80, &Palette::plain());
        insta::assert_snapshot!(lines.join("\n"), @r"
        arm                          users  estimate      90% interval  beats control
        Security Level  positive_feedback_rate · higher is better
          Basic Security             1,350     34.0%     31.9 to 36.1%        control
          Strict Security            1,377     34.3%     32.3 to 36.4%          58.4%
        Premium Model Value Analysis  positive_feedback_rate · higher is better
          Other Paid (GPT-4o)          108     14.5%     9.04 to 20.1%        control
          Claude Opus 4 Treatment      107     5.24%     2.28 to 8.20%           0.5%
        ");
        assert!(lines.iter().all(|line| line.width() <= 80));
    }

    #[test]
    fn colors_mean_what_the_numbers_say_and_hostile_names_do_nothing() {
        let (mut experiment, mut analysis) = security();
        experiment.treatments[1].name = "strict\u{1b}[2J\nsecurity".repeat(9);
        let beats = |analysis: &mut Analysis, p| {
            if let Some(comparison) = &mut analysis.metrics[0].variations[1].comparison {
                comparison.probability_to_beat = p;
            }
        };
        for (p, painted) in [(0.97, "\u{1b}[32m97.0%"), (0.02, "\u{1b}[31m2.0%"), (0.5, "  50.0%")]
        {
            beats(&mut analysis, p);
            let lines = glance(&[(&experiment, &analysis)], 2727, 80, &Palette::color());
            let line = lines.last().unwrap();
            assert!(line.contains(painted) && !line.contains("\u{1b}[2J"), "{line:?}");
            let plain = glance(&[(&experiment, &analysis)], 2727, 80, &Palette::plain());
            assert!(
                plain.iter().all(|line| line.width() <= 80 && !line.contains(char::is_control)),
                "{plain:#?}"
            );
        }
    }

    #[test]
    fn before_there_is_data_every_number_is_missing() {
        let (experiment, mut analysis) = security();
        analysis.metrics.truncate(1);
        for variation in &mut analysis.metrics[0].variations {
            variation.exposures = 0;
            (variation.posterior_mean, variation.credible_interval, variation.comparison) =
                (None, None, None);
        }
        let lines = glance(&[(&experiment, &analysis)], 10, 80, &Palette::plain());
        assert!(lines[2].contains(MISSING) && lines[3].ends_with(MISSING), "{lines:#?}");
    }
}
