//! A plan of an offline evaluation that sends the same questions through both variations.
//!
//! Guarantees: the same question has the same answer on every machine; money in dollars.
//!
//! Does not know: arguments, files or terminals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ask::PlanFault;
use crate::analysis::{
    PairedCosts, PairedMix, PairedSpread, PairedTest, PlannedArm, PlannedDecision, PlannedSpread,
    PlannedTest,
};
use crate::figure::{self, MISSING, Unit};
use crate::report::document::{Element, Fact, Level, Section, Slot, Title};
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::report::{Number, Palette, document_to_markdown, document_to_text};

/// Name and version of the JSON.
pub const PAIRED_PLAN_SCHEMA: &str = "simlab.paired_plan/1";

/// Numbers of answers for which the table shows the cheapest mix.
const SHOWN: [u32; 4] = [1, 2, 5, 10];

/// What is to be planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedRequest {
    /// The difference of mean scores to find, in the score's unit.
    pub lift: f64,
    /// How much scores vary.
    pub spread: PairedSpread,
    /// Standard deviation of scores from question to question, for the comparison with users of
    /// whom each asks one question of one variation.
    pub question: Option<f64>,
    /// What things cost, in dollars.
    pub costs: PairedCosts,
    /// How many questions there are.
    pub available: Option<u64>,
    /// How often the difference is to be found, above 0 and below 1.
    pub power: f64,
    /// Level of the two-sided test, above 0 and below 1.
    pub alpha: f64,
    /// Conversations of real users in a day, above 0.
    pub users_per_day: Option<f64>,
}

/// One mix of questions, answers and judgings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedRow {
    /// Questions, each sent through both variations.
    pub questions: u64,
    /// Answers of each variation to each question.
    pub answers_per_question: u32,
    /// Judgings of each answer.
    pub judgings_per_answer: u32,
    /// What all of it costs, in dollars.
    pub dollars: Number,
    /// Share of evaluations that find the difference.
    pub power: Number,
    /// Whether there are so many questions.
    pub available: bool,
}

/// The same difference from users of whom each meets one variation with one question of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedOnline {
    /// Users of both variations together that find the difference with the same power, at the same
    /// level, each answer judged once; `None` where no number does.
    pub users: Option<u64>,
    /// Days until so many have come; `None` without users a day.
    pub days: Option<Number>,
}

/// A whole plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedPlan {
    /// `simlab.paired_plan/1`. It changes only if a field changes its meaning.
    #[schemars(extend("const" = PAIRED_PLAN_SCHEMA))]
    pub schema: String,
    /// The program's version.
    pub version: String,
    /// The difference of mean scores to find, in the score's unit.
    pub lift: Number,
    /// Standard deviation of the true difference from question to question.
    pub effect_standard_deviation: Number,
    /// Standard deviation of answers of one variation to the same question.
    pub answer_standard_deviation: Number,
    /// Standard deviation of judgings of the same answer.
    pub judging_standard_deviation: Number,
    /// How often the difference is to be found.
    pub power: Number,
    /// Level of the two-sided t test.
    pub alpha: Number,
    /// The cheapest mix; `None` where no mix finds the difference that often.
    pub cheapest: Option<PairedRow>,
    /// The smallest difference that the questions there are find, each with 20 answers and 20
    /// judgings of each; `None` where the number of questions is not limited.
    pub smallest_lift: Option<Number>,
    /// The cheapest mix for other numbers of answers, whether there are so many questions or not.
    pub rows: Vec<PairedRow>,
    /// What a split test of users would need; `None` where it is not known how questions differ.
    pub online: Option<PairedOnline>,
}

/// Plans a paired evaluation.
///
/// # Errors
/// When a number is negative or not finite, a share is not between 0 and 1, or nothing varies.
pub fn paired_plan(asked: &PairedRequest) -> Result<PairedPlan, PlanFault> {
    let PairedRequest { lift, spread, costs, power, alpha, .. } = *asked;
    let sds = [
        ("--sd-effect", Some(spread.effect)),
        ("--sd-answer", Some(spread.answer)),
        ("--sd-judge", Some(spread.judging)),
        ("--sd-question", asked.question),
        ("--cost-per-question", Some(costs.question)),
        ("--cost-per-answer", Some(costs.answer)),
        ("--cost-per-judging", Some(costs.judging)),
    ];
    for (option, value) in sds {
        if value.is_some_and(|value| !value.is_finite() || value < 0.0) {
            return Err(PlanFault::new(option, "expected a number from 0 up", "write 0.2"));
        }
    }
    if !lift.is_finite() || lift == 0.0 {
        let help = "write the difference of mean scores, such as --lift 0.1";
        return Err(PlanFault::new("--lift", "a difference of 0 cannot be found", help));
    }
    let test = PairedTest { difference: lift, spread, alpha };
    if test.sd(1, 1) == 0.0 {
        let help = "give --sd-effect, --sd-answer and --sd-judge: ask each of 20 questions twice and have each answer judged twice";
        return Err(PlanFault::new("", "nothing varies, so one question would do", help));
    }
    let row = |mix: PairedMix| {
        Some(PairedRow {
            questions: mix.questions,
            answers_per_question: mix.repeats,
            judgings_per_answer: mix.judgings,
            dollars: Number::new(mix.cost(costs))?,
            power: Number::new(test.power(mix))?,
            available: asked.available.is_none_or(|most| mix.questions <= most),
        })
    };
    let cheapest = test.cheapest(power, costs, asked.available);
    let rows = SHOWN.iter().filter_map(|&repeats| {
        let mixes = (1..=20).filter_map(|judgings| {
            let questions = test.questions(power, repeats, judgings)?;
            Some(PairedMix { questions, repeats, judgings })
        });
        mixes.min_by(|a, b| {
            a.cost(costs).total_cmp(&b.cost(costs)).then(a.questions.cmp(&b.questions))
        })
    });
    let smallest_lift = asked.available.and_then(|questions| {
        Number::new(test.smallest(power, PairedMix { questions, repeats: 20, judgings: 20 })?)
    });
    let number = |value: f64| Number::new(value).unwrap_or_default();
    Ok(PairedPlan {
        schema: PAIRED_PLAN_SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        lift: number(lift),
        effect_standard_deviation: number(spread.effect),
        answer_standard_deviation: number(spread.answer),
        judging_standard_deviation: number(spread.judging),
        power: number(power),
        alpha: number(alpha),
        cheapest: cheapest.and_then(row),
        smallest_lift,
        rows: rows.filter_map(row).collect(),
        online: asked.question.map(|question| online(asked, question)),
    })
}

/// What users need who ask one question each: the difficulty of the questions does not cancel.
fn online(asked: &PairedRequest, question: f64) -> PairedOnline {
    let PairedSpread { effect, answer, judging } = asked.spread;
    // Half of the variance of the difference belongs to each variation.
    let variance =
        question * question + 0.5 * effect * effect + answer * answer + judging * judging;
    let spread = PlannedSpread::Variance(variance);
    let arm = |mean| PlannedArm { mean, spread, share: 0.5 };
    let decision = PlannedDecision::TwoSided { alpha: asked.alpha };
    let test = PlannedTest { control: arm(0.0), treatment: arm(asked.lift), decision };
    let users = test.users(asked.power);
    let days = users.zip(asked.users_per_day).map(|(users, daily)| users as f64 / daily);
    PairedOnline { users, days: days.and_then(Number::new) }
}

/// The plan as text at most `width` columns wide.
#[must_use]
pub fn paired_plan_to_text(plan: &PairedPlan, width: usize, palette: &Palette) -> String {
    document_to_text(&document(plan), width, palette)
}

/// The plan as GitHub's Markdown.
#[must_use]
pub fn paired_plan_to_markdown(plan: &PairedPlan) -> String {
    document_to_markdown(&document(plan))
}

fn document(plan: &PairedPlan) -> Vec<Element<'_>> {
    let line = format!("simlab {} · plan", plan.version);
    let subject = "Paired evaluation".to_owned();
    let facts = vec![
        Fact::new("design", "the same questions through both variations".to_owned()),
        Fact::new("lift", score(plan.lift.get())),
        Fact::new(
            "effect",
            format!(
                "differs by {} from question to question",
                score(plan.effect_standard_deviation.get())
            ),
        ),
        Fact::new(
            "answers",
            format!(
                "differ by {} for the same question",
                score(plan.answer_standard_deviation.get())
            ),
        ),
        Fact::new(
            "judgings",
            format!(
                "differ by {} for the same answer",
                score(plan.judging_standard_deviation.get())
            ),
        ),
        Fact::new(
            "test",
            format!(
                "two-sided t test of the questions' differences at {}",
                figure::written_percent(plan.alpha.get())
            ),
        ),
    ];
    let note = |text: String| Element::Note(text, Tone::Plain);
    let strong = |text: String| Element::Note(text, Tone::Strong);
    let mut last = vec![strong(answer(plan))];
    last.extend(plan.online.as_ref().map(|online| note(compared(online))));
    vec![
        Element::Title(Title { line, subject, summary: String::new() }),
        Section::new("Where this comes from", Level::Chapter)
            .slot(Slot::Origin)
            .with([Element::Facts(facts)])
            .into(),
        Section::new("Mixes that find the lift", Level::Chapter)
            .with([
                Element::Table(table(plan)),
                note(format!(
                    "Each line is the cheapest that finds the lift in {} of evaluations with that many answers.",
                    figure::written_percent(plan.power.get())
                )),
            ])
            .into(),
        Section::new("How many questions", Level::Chapter).slot(Slot::Decision).with(last).into(),
    ]
}

/// A score or a difference of scores.
fn score(value: f64) -> String {
    Unit::Named("").value(value)
}

fn table(plan: &PairedPlan) -> Table {
    let columns = vec![
        Column::number("questions"),
        Column::number("answers of each\nvariation"),
        Column::number("judgings of\neach answer"),
        Column::number("cost"),
        Column::words(""),
    ];
    let mut mixes: Vec<&PairedRow> = plan.rows.iter().collect();
    if let Some(cheapest) = &plan.cheapest
        && !mixes.contains(&cheapest)
    {
        mixes.push(cheapest);
        mixes.sort_by_key(|row| (row.answers_per_question, row.judgings_per_answer));
    }
    let rows = mixes.into_iter().map(|row| {
        let own = plan.cheapest.as_ref() == Some(row);
        let tone = if own { Tone::Strong } else { Tone::Plain };
        let said = match (own, row.available) {
            (true, _) => "the cheapest",
            (_, false) => "more questions than there are",
            _ => "",
        };
        Row::Cells(vec![
            Cell::toned(figure::count(row.questions), tone),
            Cell::new(row.answers_per_question.to_string()),
            Cell::new(row.judgings_per_answer.to_string()),
            Cell::new(Unit::Dollars.total(row.dollars.get())),
            Cell::new(said),
        ])
    });
    Table { columns, rows: rows.collect() }
}

fn answer(plan: &PairedPlan) -> String {
    let power = figure::written_percent(plan.power.get());
    match (&plan.cheapest, plan.smallest_lift) {
        (Some(mix), _) => {
            let times = |n: u32, what: &str| {
                if n == 1 { format!("one {what}") } else { format!("{n} {what}s") }
            };
            format!(
                "{} questions, {} of each variation to each, {} of each answer: {}, and the lift of {} is found in {power} of evaluations.",
                figure::count(mix.questions),
                times(mix.answers_per_question, "answer"),
                times(mix.judgings_per_answer, "judging"),
                Unit::Dollars.total(mix.dollars.get()),
                score(plan.lift.get()),
            )
        }
        (None, Some(smallest)) => format!(
            "There are too few questions to find a lift of {} in {power} of evaluations, however often each is answered and judged: they find {} at best. Collect more questions.",
            score(plan.lift.get()),
            score(smallest.get()),
        ),
        (None, None) => format!(
            "No number of questions finds a lift of {} in {power} of evaluations.",
            score(plan.lift.get())
        ),
    }
}

fn compared(online: &PairedOnline) -> String {
    let Some(users) = online.users else {
        return "No number of users of a split test finds the same lift.".to_owned();
    };
    let days = online.days.map_or_else(
        || MISSING.to_owned(),
        |days| figure::count((days.get() - 1e-9).ceil().max(1.0) as u64),
    );
    let time = if online.days.is_some() { format!(", {days} days") } else { String::new() };
    format!(
        "A split test whose users ask one question each needs {} users for the same lift{time}: there the difficulty of the questions does not cancel.",
        figure::count(users)
    )
}
