//! What a user costs, agent by agent: where a saving in one place is paid in another.

use crate::figure;
use crate::report::cells::shown;
use crate::report::data::ReportedExperiment;
use crate::report::document::{Chart, Element, Gallery, Level, Picture, Section};
use crate::report::number::Number;
use crate::report::table::{Cell, Column, Row, Table, Tone};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let Some(table) = table(experiment) else { return Vec::new() };
    let lead = "A saving in one place may cost more in another.".to_owned();
    let gallery = Gallery { lead, experiment, pictures: pictures(experiment) };
    let section = Section::new("Cost by agent", Level::Section).folded();
    vec![section.with([Element::Gallery(gallery), Element::Table(table)])]
}

fn pictures(experiment: &ReportedExperiment) -> Vec<Picture<'_>> {
    let totals = experiment.cost_totals.iter().enumerate().map(|(at, total)| Picture {
        name: experiment.name_of(&total.variation).to_owned(),
        remark: "dollars per exposed user".to_owned(),
        id: format!("cost{at}"),
        chart: Chart::Costs(&total.variation),
    });
    let control = experiment.name_of(&experiment.control);
    let changes = experiment.treatments().enumerate().map(|(at, treatment)| Picture {
        name: format!("From {control} to {}", experiment.name_of(treatment)),
        remark: "what each agent adds to the difference".to_owned(),
        id: format!("bridge{at}"),
        chart: Chart::CostChanges(treatment),
    });
    totals.chain(changes).collect()
}

/// What each agent costs in each variation, and what that comes to: where a saving in one place is
/// paid in another.
fn table(experiment: &ReportedExperiment) -> Option<Table> {
    if experiment.costs.is_empty() {
        return None;
    }
    let columns = vec![
        Column::words("variation, agent"),
        Column::words("model"),
        Column::number("calls").optional(1),
        Column::number("cost\nper user"),
        Column::number("against\ncontrol"),
    ];
    let mut rows = Vec::new();
    for total in &experiment.cost_totals {
        let control = total.variation == experiment.control;
        rows.push(Row::Group(
            experiment.name_of(&total.variation).to_owned(),
            if control { "control".to_owned() } else { String::new() },
        ));
        // Dearer is bad and cheaper is good, from half a percent on.
        let change = |number: Option<Number>| {
            let mut cell = if control { Cell::default() } else { shown(number, figure::change) };
            match number.map(Number::get) {
                Some(x) if x > 0.005 => cell.tone = Tone::Bad,
                Some(x) if x < -0.005 => cell.tone = Tone::Good,
                _ => {}
            }
            cell
        };
        for cost in experiment.costs.iter().filter(|cost| cost.variation == total.variation) {
            rows.push(Row::Cells(vec![
                Cell::new(&cost.agent),
                Cell::new(&cost.model),
                Cell::new(figure::count(cost.calls)),
                shown(cost.cost_per_user_usd, |x| {
                    if x == 0.0 { "free".to_owned() } else { figure::money(x) }
                }),
                change(cost.change),
            ]));
        }
        let mut sum = shown(total.cost_per_user_usd, figure::money);
        sum.tone = Tone::Strong;
        rows.push(Row::Cells(vec![
            Cell::toned("total", Tone::Strong),
            Cell::default(),
            Cell::default(),
            sum,
            change(total.change),
        ]));
    }
    Some(Table { columns, rows })
}
