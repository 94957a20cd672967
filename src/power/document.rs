//! The operating characteristics as a document.
//!
//! Guarantees: tables that hold at 80 columns; every estimate with its Monte Carlo error.
//!
//! Does not know: how anything was computed.

use super::coverage::far_below;
use super::data::{Coverage, Example, MonteCarloEstimate, Power, StudyPower, Target};
use crate::figure::{self, MISSING, Unit};
use crate::report::document::{
    CheckRow, Checklist, Element, Fact, Level, List, Medium, Section, Slot, Title,
};
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::report::{Palette, document_to_markdown, document_to_text, with_error};
use crate::verdict::Decision;

/// The analysis as text at most `width` columns wide, which is taken as 80 at the least and 120 at
/// the most.
#[must_use]
pub fn to_text(power: &Power, width: usize, palette: &Palette) -> String {
    document_to_text(&document(power), width, palette)
}

/// The analysis as GitHub's Markdown.
#[must_use]
pub fn to_markdown(power: &Power) -> String {
    document_to_markdown(&document(power))
}

/// The analysis as a document.
fn document(power: &Power) -> Vec<Element<'_>> {
    let line = format!("simlab {} · power", power.version);
    let (subject, summary) = (power.scenario.clone(), String::new());
    let mut elements = vec![Element::Title(Title { line, subject, summary })];
    elements.extend(power.experiments.iter().map(|study| {
        let section = Section::new(&study.name, Level::Experiment);
        section.with(sections(study, power).into_iter().map(Element::from)).into()
    }));
    if let Some(target) = &power.target {
        let answer = Element::Note(answer(target), Tone::Plain);
        let section = Section::new("How many users", Level::Chapter);
        elements.push(section.with([Element::Table(tried(target)), answer]).into());
    }
    if !power.warnings.is_empty() {
        let rows = power.warnings.iter().map(|warning| CheckRow::warning("", warning));
        let checks = Checklist { rows: rows.collect(), words: 0, brief: false };
        let section = Section::new("", Level::Chapter);
        elements.push(section.with([Element::Checklist(checks)]).into());
    }
    if !power.assumptions.is_empty() {
        let items =
            power.assumptions.iter().map(|own| (own.what.clone(), own.source.clone())).collect();
        let list = Element::List(List { items, tone: Tone::Plain, numbered: false });
        elements.push(Section::new("Assumed, not measured", Level::Chapter).with([list]).into());
    }
    let origin = Section::new("Where this comes from", Level::Chapter).slot(Slot::Origin).folded();
    elements.push(origin.with([Element::Facts(facts(power))]).into());
    elements
}

/// What was asked.
fn facts(power: &Power) -> Vec<Fact> {
    let looks = if power.looks > 1 {
        format!("{} looks, equally spaced", power.looks)
    } else {
        "one look, at the end".to_owned()
    };
    let mut facts = vec![
        Fact::new("scenario", &power.scenario),
        Fact::new("seed", power.seed.to_string()),
        Fact::new("replications", format!("{}, {looks}", figure::count(power.replications))),
    ];
    if let Some(pool) = &power.pool {
        let most = pool.errors.iter().map(|own| own.largest()).fold(0.0, f64::max);
        facts.push(Fact::new(
            "pool",
            format!(
                "replications draw their users from {} in each variation; that moves a share by up to ±{:.1} points more",
                figure::count(pool.users.into()),
                100.0 * most,
            ),
        ));
    }
    if power.aa {
        facts.push(Fact::new(
            "A/A test",
            "every treatment is made identical to its control, so every difference is due to chance",
        ));
    }
    facts.push(Fact::new("numbers", "share ± its Monte Carlo standard error"));
    let version = format!("simlab {}", power.version);
    facts.push(Fact::new("version", version).not_in(&[Medium::Terminal]));
    facts
}

/// What there is to say of one experiment, in order.
fn sections<'r>(study: &StudyPower, power: &Power) -> Vec<Section<'r>> {
    let mut sections = vec![truth(study, power)];
    if power.target.is_some() {
        // The search has a table of its own.
        return sections;
    }
    sections.extend([verdicts(study, power), price(study)]);
    if study.sizes.iter().any(|size| size.peeking.is_some()) {
        sections.push(peeking(study, power));
    }
    sections.push(coverage(study));
    sections
}

/// A table under a heading, and sentences below it.
fn section<'r>(heading: impl Into<String>, table: Table, sentences: Vec<String>) -> Section<'r> {
    let notes = sentences.into_iter().map(|sentence| Element::Note(sentence, Tone::Plain));
    Section::new(heading, Level::Section).with([Element::Table(table)]).with(notes)
}

/// A name on two lines, broken at the space nearest to its middle, so that metrics' keys keep their
/// room.
fn folded(name: &str) -> String {
    let middle = name.len() / 2;
    match name.match_indices(' ').map(|(at, _)| at).min_by_key(|at| at.abs_diff(middle)) {
        Some(at) => format!("{}\n{}", &name[..at], &name[at + 1..]),
        None => name.to_owned(),
    }
}

fn truth(study: &StudyPower, power: &Power) -> Section<'static> {
    let columns = vec![
        Column::words("metric"),
        Column::number(folded(&study.control_name)),
        Column::number(folded(&study.treatment_name)),
        Column::number("true change"),
        Column::number("bias"),
    ];
    let rows = study.truth.iter().map(|metric| {
        let unit = Unit::new(metric.kind, &metric.unit);
        let value = |number: Option<crate::report::Number>| {
            number.map_or_else(|| MISSING.to_owned(), |number| unit.value(number.get()))
        };
        Row::Cells(vec![
            Cell::new(&metric.key),
            Cell::new(value(metric.control)),
            Cell::new(value(metric.treatment)),
            Cell::new(metric.relative_difference.map_or_else(
                || MISSING.to_owned(),
                |change| {
                    with_error(change.get(), metric.relative_error.map(crate::report::Number::get))
                },
            )),
            Cell::new(
                metric
                    .bias
                    .and_then(|bias| bias.relative_difference)
                    .map_or_else(String::new, |bias| format!("{:+.1} pts", 100.0 * bias.get())),
            ),
        ])
    });
    let table = Table { columns, rows: rows.collect() };
    let primary = study.truth.first().map_or("", |metric| metric.key.as_str());
    let better = match &study.truly_better {
        None => {
            let why = study.tie.as_deref().unwrap_or("both are equal");
            let ship = if study.ship_is_right() { "is right" } else { "counts as an error" };
            format!(
                "By the effect on users, neither variation is better on {primary}: {why}. To ship {ship}."
            )
        }
        Some(better) => {
            let name = if *better == study.treatment {
                &study.treatment_name
            } else {
                &study.control_name
            };
            format!("By the effect on users, {name} is better on {primary}.")
        }
    };
    let rule = if study.rule_given {
        "the scenario's decision rule"
    } else {
        "the scenario has no rule, so simlab ships a treatment that beats the control on the primary metric, and keeps the control if it loses"
    };
    let ships = match (study.rule_given, study.ship_is_right()) {
        (false, _) => "",
        (true, true) => " So no ship is false.",
        (true, false) => " So every ship is false.",
    };
    let at_truth = format!(
        "Applied to the effect on users, the rule says: {} ({rule}).{ships}",
        decision(study.decision_at_truth)
    );
    let bias = "Bias: what the measurement would show with unlimited users, minus the true change."
        .to_owned();
    let heading = format!(
        "The effect on users: {} users in every arm",
        figure::count(power.truth_users.into())
    );
    section(heading, table, vec![better, at_truth, bias])
}

fn verdicts(study: &StudyPower, power: &Power) -> Section<'static> {
    let columns = vec![
        Column::number("users"),
        Column::number("ship"),
        Column::number("keep"),
        Column::number("need\nmore data"),
        Column::number(if study.rule_given || study.truly_better.is_none() {
            "false\nship"
        } else {
            "ships the\nworse"
        }),
        Column::number("serves\nthe best"),
    ];
    let rows = study.sizes.iter().map(|size| {
        Row::Cells(vec![
            Cell::new(figure::count(size.users.into())),
            share(size.decisions.ship),
            share(size.decisions.keep),
            share(size.decisions.need_more_data),
            share(size.false_ship),
            size.best_served.map_or_else(|| Cell::toned(MISSING, Tone::Dim), share),
        ])
    });
    let mut sentences = Vec::new();
    if let Some(own) = &study.own_run {
        sentences.push(format!(
            "The scenario's own run (seed {}, {} users) says: {}. {} of the replications end with that verdict.",
            own.seed,
            figure::count(own.users.into()),
            decision(own.decision),
            own.share.percent()
        ));
    }
    let untrusted = study
        .sizes
        .iter()
        .rev()
        .find_map(|size| Some((size, size.untrusted.filter(|share| share.value.get() > 0.0)?)));
    if let Some((size, share)) = untrusted {
        sentences.push(format!(
            "Of runs with {} users, {} fail a health check: do not trust their results, whatever the rule says.",
            figure::count(size.users.into()),
            share.percent()
        ));
    }
    if let Some(size) = study.sizes.last().filter(|_| !power.aa) {
        let see = |example: &Example| {
            let argument =
                if power.argument.is_empty() { &power.scenario } else { &power.argument };
            let command =
                format!("simlab run {argument} --users {} --seed {}", size.users, example.seed);
            format!("A run that says {}: `{command}`", decision(example.decision))
        };
        sentences.extend(study.examples.iter().map(see));
    }
    section("How often each verdict comes out", Table { columns, rows: rows.collect() }, sentences)
}

fn price(study: &StudyPower) -> Section<'static> {
    let columns = vec![
        Column::number("users"),
        Column::number("mean regret"),
        Column::number("shipped change\n÷ true change"),
        Column::number("cost of a run"),
        Column::number("90% of the runs"),
    ];
    let unit = study
        .truth
        .first()
        .map_or(Unit::Named(""), |metric| Unit::new(metric.kind, &metric.unit).bare());
    let missing = || Cell::toned(MISSING, Tone::Dim);
    let rows = study.sizes.iter().map(|size| {
        let points = |x: f64| unit.difference(x).replace(" points", " pts");
        let range = size.cost_range_usd.map(|[low, high]| {
            figure::interval(&figure::money(low.get()), &figure::money(high.get()))
        });
        Row::Cells(vec![
            Cell::new(figure::count(size.users.into())),
            size.regret.map_or_else(missing, |regret| Cell::new(estimated(regret, points))),
            size.exaggeration
                .map_or_else(missing, |factor| Cell::new(estimated(factor, figure::number))),
            Cell::new(estimated(size.cost_usd, figure::money)),
            range.map_or_else(missing, Cell::new),
        ])
    });
    let primary = study.truth.first().map_or("", |metric| metric.key.as_str());
    let sentences = vec![format!(
        "Regret: how much worse on {primary} the variation served afterwards is than the best one. Costs are those of real providers at list prices."
    )];
    section("Regret and cost", Table { columns, rows: rows.collect() }, sentences)
}

fn peeking(study: &StudyPower, power: &Power) -> Section<'static> {
    let columns = vec![
        Column::number("users"),
        Column::number("ship"),
        Column::number("keep"),
        Column::number(if study.rule_given || study.truly_better.is_none() {
            "false\nship"
        } else {
            "ships the\nworse"
        }),
        Column::number("users\nat stop"),
        Column::number("verdict changes\nper run"),
        Column::number("verdict\nreversed"),
    ];
    let rows = study.sizes.iter().filter_map(|size| {
        let seen = size.peeking.as_ref()?;
        Some(Row::Cells(vec![
            Cell::new(figure::count(size.users.into())),
            share(seen.decisions.ship),
            share(seen.decisions.keep),
            share(seen.false_ship),
            Cell::new(estimated(seen.users, |users| figure::count(users.round() as u64))),
            Cell::new(format!(
                "{:.2} ±{:.2}",
                seen.flips.value.get(),
                seen.flips.standard_error.map_or(0.0, crate::report::Number::get)
            )),
            share(seen.taken_back),
        ]))
    });
    let mut sentences = Vec::new();
    for size in &study.sizes {
        if let Some(valid) = size.peeking.as_ref().and_then(|seen| seen.always_valid) {
            let users = figure::count(size.users.into());
            sentences.push(format!(
                "The always-valid test finds a difference by {users} users in {} of the runs.",
                valid.percent()
            ));
        }
    }
    let heading = format!("Looking {} times and stopping at the first ship or keep", power.looks);
    section(heading, Table { columns, rows: rows.collect() }, sentences)
}

/// How often one of a metric's intervals contains the effect on users.
type Interval = fn(&Coverage) -> Option<MonteCarloEstimate>;
const CHANGE: Interval = |own| own.relative_difference;
const TREATMENT: Interval = |own| own.treatment;
const CONTROL: Interval = |own| own.control;

fn coverage(study: &StudyPower) -> Section<'static> {
    let mass = figure::written_percent(study.threshold);
    let mut columns = vec![Column::words("metric, interval of")];
    columns.extend(study.sizes.iter().enumerate().map(|(nth, size)| {
        // Of many sizes the first ones give way.
        let optional =
            if nth + 4 < study.sizes.len() { (study.sizes.len() - nth) as u8 } else { 0 };
        Column::number(format!("{} users", figure::count(size.users.into()))).optional(optional)
    }));
    let mut rows = Vec::new();
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (at, metric) in study.truth.iter().enumerate() {
        let of_sizes = || study.sizes.iter().map(|size| size.coverage.get(at));
        let far = |of: Interval| {
            of_sizes().flatten().filter_map(of).any(|covered| far_below(covered, study.threshold))
        };
        // A metric whose change is missed has a warning of its own, with its causes.
        if (far(TREATMENT) || far(CONTROL)) && !far(CHANGE) && !metric.bias_causes.is_empty() {
            let causes = metric.bias_causes.join("; ");
            match reasons.iter_mut().find(|(known, _)| *known == causes) {
                Some((_, metrics)) => metrics.push(&metric.key),
                None => reasons.push((causes, vec![&metric.key])),
            }
        }
        rows.push(Row::Group(metric.key.clone(), String::new()));
        for (what, of) in [("change", CHANGE), ("treatment", TREATMENT), ("control", CONTROL)] {
            let mut cells = vec![Cell::new(what)];
            cells.extend(of_sizes().map(|covered| {
                let covered = covered.and_then(of);
                let far = covered.is_some_and(|covered| far_below(covered, study.threshold));
                let cell = covered.map_or_else(|| Cell::toned(MISSING, Tone::Dim), share);
                if far { Cell::toned(format!("{} !", cell.text), Tone::Bad) } else { cell }
            }));
            rows.push(Row::Cells(cells));
        }
    }
    let mark =
        "!: the intervals miss the effect more than twice as often as they should.".to_owned();
    let marked = rows.iter().any(
        |row| matches!(row, Row::Cells(cells) if cells.iter().any(|cell| cell.text.ends_with('!'))),
    );
    let mut sentences = if marked { vec![mark] } else { Vec::new() };
    sentences.extend(reasons.into_iter().map(|(causes, metrics)| {
        let metrics = metrics.join(", ");
        format!("{metrics}: both arms have about the same relative bias, so the intervals contain the change but miss the values. Causes: {causes}.")
    }));
    section(
        format!("How often the {mass} intervals contain the effect on users"),
        Table { columns, rows },
        sentences,
    )
}

/// The sizes that a search tried.
fn tried(target: &Target) -> Table {
    let columns = vec![
        Column::number("users"),
        Column::number("cost of a run"),
        Column::number(decision(target.decision)),
    ];
    let rows = target.tried.iter().enumerate().map(|(at, (users, found))| {
        let cost = target
            .tried_cost_usd
            .get(at)
            .map_or_else(|| MISSING.to_owned(), |cost| estimated(*cost, figure::money));
        Row::Cells(vec![Cell::new(figure::count((*users).into())), Cell::new(cost), share(*found)])
    });
    Table { columns, rows: rows.collect() }
}

/// The answer of a search, in a sentence.
fn answer(target: &Target) -> String {
    let wanted = figure::written_percent(target.share);
    let verdict = decision(target.decision);
    let count = |users: Option<u32>| users.map(|users| figure::count(users.into()));
    match (count(target.users), target.tried.last()) {
        (Some(users), _) => {
            let range = match target.range.map(count) {
                [Some(low), Some(high)] if low != high => {
                    format!(" (between {low} and {high}, by Monte Carlo error)")
                }
                [Some(low), None] => format!(" (at least {low}, by Monte Carlo error)"),
                _ => String::new(),
            };
            let cost = target.cost_usd.map_or_else(String::new, |cost| {
                format!(
                    " A run of this size costs about {} with real providers at list prices.",
                    figure::money(cost.value.get())
                )
            });
            format!(
                "About {users} users are needed for “{verdict}” in {wanted} of the runs{range}.{cost}"
            )
        }
        (None, Some((most, found))) => format!(
            "“{verdict}” does not come out in {wanted} of the runs with up to {} users, where its share is {}: more users may never \
             be enough, because the rule can ask for what is not true.",
            figure::count((*most).into()),
            found.percent()
        ),
        (None, None) => "Nothing was tried.".to_owned(),
    }
}

/// A decision in words.
fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Ship => "ship",
        Decision::Keep => "keep",
        Decision::NeedMoreData => "need more data",
    }
}

fn share(estimate: MonteCarloEstimate) -> Cell {
    Cell::new(estimate.percent())
}

fn estimated(estimate: MonteCarloEstimate, text: impl Fn(f64) -> String) -> String {
    let error =
        estimate.standard_error.map_or(String::new(), |error| format!(" ±{}", text(error.get())));
    format!("{}{error}", text(estimate.value.get()))
}
