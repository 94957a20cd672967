//! A plan as a document, for text and Markdown.
//!
//! Guarantees: tables that hold at 80 columns; the answer comes last in a terminal.
//!
//! Does not know: how anything was computed.

use super::data::{PlanAnswer, PlanCheck};
use crate::figure::{self, MISSING, Unit};
use crate::report::document::{
    CheckRow, Checklist, Element, Fact, Level, Medium, Section, Slot, Title,
};
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::report::{Number, Palette, document_to_markdown, document_to_text};

/// Standard errors beyond which the closed form and the simulation disagree.
const FAR: f64 = 3.0;

/// The plan as text at most `width` columns wide, which is taken as 80 at the least and 120 at the
/// most.
#[must_use]
pub fn plan_to_text(plan: &PlanAnswer, width: usize, palette: &Palette) -> String {
    document_to_text(&document(plan), width, palette)
}

/// The plan as GitHub's Markdown.
#[must_use]
pub fn plan_to_markdown(plan: &PlanAnswer) -> String {
    document_to_markdown(&document(plan))
}

fn document(plan: &PlanAnswer) -> Vec<Element<'_>> {
    let subject = plan.experiment.clone().unwrap_or_else(|| "Plan".to_owned());
    let line = format!("simlab {} · plan", plan.version);
    let mut elements = vec![Element::Title(Title { line, subject, summary: String::new() })];
    let origin = Section::new("Where this comes from", Level::Chapter).slot(Slot::Origin);
    elements.push(origin.with([Element::Facts(facts(plan))]).into());
    let table = Section::new("Numbers of users", Level::Chapter);
    elements.push(table.with([Element::Table(sizes(plan)), note(sizes_said(plan))]).into());
    if plan.metrics.len() > 1 {
        let section = Section::new("All metrics of the experiment", Level::Chapter);
        elements
            .push(section.with([Element::Table(metrics(plan)), note(metrics_said(plan))]).into());
    }
    let mut last = vec![Element::Note(answer(plan), Tone::Strong)];
    last.extend(plan.check.as_ref().map(|check| note(checked(check))));
    elements.push(
        Section::new("How many users", Level::Chapter).slot(Slot::Decision).with(last).into(),
    );
    if !plan.warnings.is_empty() {
        let rows = plan.warnings.iter().map(|warning| CheckRow::warning("", warning));
        let checks = Checklist { rows: rows.collect(), words: 0, brief: false };
        let section = Section::new("", Level::Chapter).slot(Slot::Reasons);
        elements.push(section.with([Element::Checklist(checks)]).into());
    }
    elements
}

fn note(text: String) -> Element<'static> {
    Element::Note(text, Tone::Plain)
}

/// Each input with its source.
fn facts(plan: &PlanAnswer) -> Vec<Fact> {
    let scenario = plan.scenario.as_ref().map(|name| {
        let experiment = plan.experiment.as_deref().unwrap_or_default();
        Fact::new("scenario", format!("{name}, experiment {experiment}"))
    });
    let inputs = plan
        .inputs
        .iter()
        .map(|input| Fact::new(&input.what, format!("{} ({})", input.value, input.source)));
    let version = Fact::new("version", format!("simlab {}", plan.version));
    scenario.into_iter().chain(inputs).chain([version.not_in(&[Medium::Terminal])]).collect()
}

fn unit(plan: &PlanAnswer) -> Unit<'_> {
    Unit::new(plan.kind, &plan.unit)
}

/// How many days, as whole ones.
fn days(days: f64) -> String {
    let whole = (days - 1e-9).ceil().max(1.0) as u64;
    format!("{} {}", figure::count(whole), if whole == 1 { "day" } else { "days" })
}

fn power(plan: &PlanAnswer) -> String {
    figure::written_percent(plan.power.get())
}

/// A number where there is one.
fn shown(number: Option<Number>, text: impl Fn(f64) -> String) -> Cell {
    Cell::new(number.map_or_else(|| MISSING.to_owned(), |number| text(number.get())))
}

/// A percentage of experiments, with one decimal.
fn share(share: f64) -> String {
    figure::probability(share)
}

fn sizes(plan: &PlanAnswer) -> Table {
    let unit = unit(plan);
    let relative = plan.baseline.get() != 0.0;
    let mut columns = vec![Column::number("users"), Column::number("smallest\neffect")];
    if relative {
        columns.push(Column::number("\nrelative"));
    }
    if plan.lift.is_some() {
        columns.push(Column::number("finds\nthe lift in"));
    }
    let dollars = plan.rows.iter().any(|row| row.dollars.is_some());
    let with_days = plan.rows.iter().any(|row| row.days.is_some());
    if dollars {
        columns.push(Column::number("cost"));
    }
    if with_days {
        columns.push(Column::number("time"));
    }
    let rows = plan.rows.iter().map(|row| {
        let tone = if Some(row.users) == plan.users { Tone::Strong } else { Tone::Plain };
        let mut cells = vec![
            Cell::toned(figure::count(row.users), tone),
            shown(row.smallest_effect, |effect| unit.change(effect)),
        ];
        if relative {
            cells.push(shown(row.smallest_relative_effect, figure::change));
        }
        if plan.lift.is_some() {
            cells.push(shown(row.power, share));
        }
        if dollars {
            cells.push(shown(row.dollars, |cost| Unit::Dollars.total(cost)));
        }
        if with_days {
            cells.push(shown(row.days, days));
        }
        Row::Cells(cells)
    });
    Table { columns, rows: rows.collect() }
}

fn sizes_said(plan: &PlanAnswer) -> String {
    format!("Smallest effect: what that many users find in {} of experiments.", power(plan))
}

fn metrics(plan: &PlanAnswer) -> Table {
    let columns = vec![
        Column::words("metric"),
        Column::number(&plan.control),
        Column::number("lift"),
        Column::number("users"),
        Column::number("smallest\neffect"),
    ];
    let rows = plan.metrics.iter().map(|metric| {
        let unit = Unit::new(metric.kind, &metric.unit);
        let chosen = plan.metric.as_ref() == Some(&metric.key);
        let users = metric.users.map_or_else(|| MISSING.to_owned(), figure::count);
        Row::Cells(vec![
            Cell::toned(&metric.key, if chosen { Tone::Strong } else { Tone::Plain }),
            shown(metric.baseline, |value| unit.value(value)),
            shown(metric.relative_lift, figure::change),
            Cell::new(users),
            shown(metric.smallest_relative_effect, figure::change),
        ])
    });
    Table { columns, rows: rows.collect() }
}

fn metrics_said(plan: &PlanAnswer) -> String {
    let at = plan.users.or_else(|| plan.rows.last().map(|row| row.users)).unwrap_or_default();
    let mut said = format!(
        "Users: what the metric needs for its own lift. Smallest effect: what {} users find in {} of experiments, in the good direction.",
        figure::count(at),
        power(plan)
    );
    for metric in &plan.metrics {
        if let Some(reason) = &metric.reason {
            said += &format!(" {}: {reason}.", metric.key);
        }
    }
    said
}

fn answer(plan: &PlanAnswer) -> String {
    let unit = unit(plan);
    let (Some(users), Some(split), Some(lift)) = (plan.users, &plan.users_per_variation, plan.lift)
    else {
        return match plan.lift {
            Some(lift) => format!(
                "No number of users finds {} in {} of experiments.",
                unit.change(lift.get()),
                power(plan)
            ),
            None if plan.scenario.is_some() => {
                "The scenario has no effect on this metric, so no number of users finds one; `--lift` plans for an effect of your own.".to_owned()
            }
            None => format!(
                "Without `--lift` the table has the smallest effect that is found in {} of experiments.",
                power(plan)
            ),
        };
    };
    let arms: Vec<String> =
        split.0.iter().map(|(key, users)| format!("{} in {key}", figure::count(*users))).collect();
    let mut said = format!(
        "{} users find {} in {} of experiments: {}.",
        figure::count(users),
        unit.change(lift.get()),
        power(plan),
        arms.join(" and ")
    );
    let cost = plan.dollars.map(|dollars| format!("cost {}", Unit::Dollars.total(dollars.get())));
    let time = plan.days.map(|own| format!("take {}", days(own.get())));
    let rest: Vec<String> = cost.into_iter().chain(time).collect();
    if !rest.is_empty() {
        said += &format!(" They {}.", rest.join(" and "));
    }
    said
}

fn checked(check: &PlanCheck) -> String {
    let (closed, found) = (check.closed_form.get(), check.simulated.value.get());
    let error = check.simulated.standard_error.map_or(0.0, Number::get);
    let what = match check.by.as_str() {
        "power" => "runs of the scenario",
        _ => "experiments through the same analysis",
    };
    let mut said = format!(
        "Check with {} users: closed form {}; {} simulated {what} {:.1}% ±{:.1}.",
        figure::count(check.users),
        share(closed),
        figure::count(check.replications),
        100.0 * found,
        100.0 * error
    );
    if (closed - found).abs() > FAR * error {
        said += &format!(
            " They differ by {:.1} points; rely on the simulation.",
            100.0 * (closed - found).abs()
        );
    }
    said
}
