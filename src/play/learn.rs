//! The course in the browser: which path is answered with what.
//!
//! Everything on these pages comes from the lessons' files and from runs of them; the server keeps
//! nothing about who reads them.
//!
//! Guarantees: whatever a link says, a page with the reason and no panic; runs are bounded in number
//! and time, and what was revealed once is not computed again.
//!
//! Does not know: how anything looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::knob::{Knob, knobs};
use super::lesson_page::{self as page, LessonPlace, LessonSlider};
use super::lesson_runs::{LessonFields, RunsSoFar};
use super::state::PageState;
use crate::course::{Course, CourseLesson, LessonRuns, LessonSide, one_side};
use crate::diagnostic::{nearest, render};
use crate::run::{RunOptions, run};
use crate::scenario::Loaded;
use crate::serve::{PageReply, PageRequest};

/// Most users of a run for a lesson.
const MAX_USERS: u32 = 50_000;
/// Lessons' sides that are kept.
const KEPT: usize = 24;
/// Positions of a slider without values of its own.
const PARTS: f64 = 10.0;

/// The course as pages.
#[derive(Debug, Default)]
pub struct Learn {
    fields: LessonFields,
    sides: Mutex<BTreeMap<(usize, bool), Arc<LessonSide>>>,
}

/// A page, or the reason why there is none.
type Answer = Result<PageReply, PageReply>;

impl Learn {
    /// Answers a request for a path that begins with `/learn`.
    #[must_use]
    pub fn answer(&self, request: &PageRequest) -> PageReply {
        let rest = request.path.trim_start_matches("/learn").trim_matches('/');
        self.find(rest, request).unwrap_or_else(|reply| reply)
    }

    fn find(&self, rest: &str, request: &PageRequest) -> Answer {
        let (name, part) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() {
            let path = parameter(request, "path").unwrap_or("5");
            let known = Course::paths().iter().find(|own| own.key == path);
            let known =
                known.ok_or_else(|| refused("there is no such path; expected 5, 12 or all"))?;
            return Ok(html(page::contents(known)));
        }
        let lesson = Course::lesson(name).map_err(|faults| match faults.is_empty() {
            true => unknown(name),
            false => refused(&render(&faults, false)),
        })?;
        let around = LessonPlace::of(&lesson, parameter(request, "path"));
        match part {
            "" => self.whole(&lesson, &around, request),
            "reveal" => Ok(html(self.revealed(&lesson, answer(&lesson, request)?)?)),
            "turned" => Ok(html(self.turned(&lesson)?)),
            "at" => Ok(html(moved(&lesson, request)?)),
            "runs" => self.runs(&lesson, parameter(request, "turned").is_some()),
            "exercise" => self.exercise(&lesson, request),
            "lesson.md" => Ok(file(
                &lesson,
                "md",
                crate::course::to_markdown(&lesson),
                "text/markdown; charset=utf-8",
            )),
            "slides.html" => {
                Ok(file(&lesson, "html", page::slides(&lesson), "text/html; charset=utf-8"))
            }
            "notes" => Ok(html(page::notes(&lesson, &around))),
            _ => Err(reply(404, "there is no such page; the course is at /learn\n".to_owned())),
        }
    }

    /// The page of a lesson. Without a script its steps are links to the same page.
    fn whole(&self, lesson: &CourseLesson, around: &LessonPlace, request: &PageRequest) -> Answer {
        let answered = answer(lesson, request)?;
        let revealed = match parameter(request, "reveal") {
            Some(_) => Some(self.revealed(lesson, answered)?),
            None => None,
        };
        let turned = match parameter(request, "turned") {
            Some(_) => Some(self.turned(lesson)?),
            None => None,
        };
        let exercise = match (parameter(request, "value"), &lesson.text.exercise) {
            (Some(_), Some(_)) => Some(self.exercise(lesson, request)?.body),
            _ => None,
        };
        let knobs = [knobs(&lesson.before), knobs(&lesson.after)];
        let slider = slider(lesson, &knobs);
        let shown = page::LessonSteps { answered, revealed, turned, exercise, slider };
        Ok(html(page::whole(lesson, around, &knobs[0], &shown)))
    }

    /// One side of a lesson, run once.
    pub(super) fn side(
        &self,
        lesson: &CourseLesson,
        turned: bool,
    ) -> Result<Arc<LessonSide>, PageReply> {
        let key = (lesson.number, turned);
        let kept = || self.sides.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(side) = kept().get(&key) {
            return Ok(Arc::clone(side));
        }
        let side = one_side(lesson, turned, 2).map_err(|error| refused(&error.to_string()))?;
        let side = Arc::new(side);
        let mut all = kept();
        if all.len() >= KEPT {
            all.pop_first();
        }
        all.insert(key, Arc::clone(&side));
        Ok(side)
    }

    fn revealed(
        &self,
        lesson: &CourseLesson,
        answered: Option<usize>,
    ) -> Result<String, PageReply> {
        Ok(page::revealed(lesson, &*self.side(lesson, false)?, answered))
    }

    fn turned(&self, lesson: &CourseLesson) -> Result<String, PageReply> {
        Ok(page::turned(lesson, &*self.side(lesson, true)?))
    }

    /// The runs of a side so far. Only who has seen the side sees them: with its true change.
    fn runs(&self, lesson: &CourseLesson, turned: bool) -> Answer {
        Ok(html(self.many(lesson, turned)?.0))
    }

    /// The runs of a side so far as a part of a page, and whether no more will come.
    pub(super) fn many(
        &self,
        lesson: &CourseLesson,
        turned: bool,
    ) -> Result<(String, bool), PageReply> {
        let loaded = if turned { &lesson.after } else { &lesson.before };
        let runs = LessonRuns::new(&loaded.scenario, &lesson.text);
        let (users, metric) = (runs.users(), runs.metric.clone());
        let Some(metric) = metric else {
            return Ok((page::no_runs(), true));
        };
        let side = self.side(lesson, turned)?;
        let key = format!("{}/{turned}", lesson.name);
        let so_far = self.fields.of(&key, lesson_runs_count(users), || runs);
        Ok((page::runs(&so_far, &side, &metric, users, turned), so_far.ended))
    }

    /// Whether a value is the answer of the exercise: runs with it, and with the one next to it.
    fn exercise(&self, lesson: &CourseLesson, request: &PageRequest) -> Answer {
        let Some(exercise) = &lesson.text.exercise else {
            return Err(refused("this lesson has no exercise"));
        };
        let given = parameter(request, "value").unwrap_or_default().trim().replace([',', ' '], "");
        let value = given.parse::<f64>().ok().filter(|value| value.is_finite());
        let inside = |value: f64| (exercise.from..=exercise.to).contains(&value);
        let Some(value) = value.filter(|value| inside(*value)) else {
            return Ok(html(page::outside(exercise)));
        };
        let all = knobs(&lesson.before);
        let next = exercise.next_to(value);
        let of = |value: f64| self.tried(lesson, &all, &exercise.setting, value);
        let found = of(value)?;
        // The value next to it only matters once this one will do.
        let beside = match next.filter(|_| found.ended && found.share_met() >= exercise.in_runs) {
            Some(next) => Some((next, of(next)?)),
            None => None,
        };
        Ok(html(page::exercise(&lesson.name, exercise, value, &found, beside.as_ref())))
    }

    fn tried(
        &self,
        lesson: &CourseLesson,
        all: &[Knob],
        setting: &str,
        value: f64,
    ) -> Result<RunsSoFar, PageReply> {
        let changed = with(&lesson.before, all, vec![(setting.to_owned(), written(value))])?;
        let runs = LessonRuns::new(&changed.scenario, &lesson.text);
        if runs.users() > MAX_USERS {
            return Err(refused("that many users take too long here"));
        }
        let key = format!("{}/{setting}={}", lesson.name, written(value));
        Ok(self.fields.of(&key, lesson_runs_count(runs.users()), || runs))
    }
}

/// How many runs show how results are spread: fewer where a run takes long.
fn lesson_runs_count(users: u32) -> u64 {
    if users > 5_000 { 60 } else { 200 }
}

/// A number as a person writes it.
fn written(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The scenario with other values of settings.
fn with(
    loaded: &Loaded,
    all: &[Knob],
    changes: Vec<(String, String)>,
) -> Result<Loaded, PageReply> {
    let state = PageState { changes, ..PageState::default() };
    let text = state.text(loaded, all).and_then(|text| loaded.with_text(&text));
    text.map_err(|faults| refused(&render(&faults, false)))
}

/// The settings in which the sides of a lesson differ: name, value before, value after.
fn turned_knobs(knobs: &[Vec<Knob>; 2]) -> Vec<(&Knob, f64, f64)> {
    let [before, after] = knobs;
    let number = |knob: &Knob| knob.value.parse::<f64>().ok();
    let turned = before.iter().filter(|knob| knob.id != "seed").filter_map(|knob| {
        let other = after.iter().find(|own| own.id == knob.id)?;
        let (from, to) = (number(knob)?, number(other)?);
        (from != to).then_some((knob, from, to))
    });
    turned.collect()
}

/// The slider of a lesson whose knob is a setting of the page; `None` where it is not.
fn slider(lesson: &CourseLesson, knobs: &[Vec<Knob>; 2]) -> Option<LessonSlider> {
    if lesson.text.turn.len() != 1 || lesson.text.rates.is_some() {
        return None;
    }
    match turned_knobs(knobs).as_slice() {
        [] => None,
        [(knob, from, to)] => {
            let [least, most, step] = knob.range?;
            let (least, most) = (least.min(*from).min(*to), most.max(*from).max(*to));
            let step = if (most - least) / step > 200.0 { (most - least) / 100.0 } else { step };
            // Whole numbers stay whole.
            let step =
                if knob.range?.iter().all(|own| own.fract() == 0.0) { step.ceil() } else { step };
            Some(LessonSlider {
                label: knob.label.clone(),
                unit: knob.unit.clone(),
                range: [least, most, step].map(written),
                value: written(*from),
            })
        }
        _ => Some(LessonSlider {
            label: "how far the knob is turned".to_owned(),
            unit: "%".to_owned(),
            range: [0.0, 100.0, 100.0 / PARTS].map(written),
            value: "0".to_owned(),
        }),
    }
}

/// The scorecard with the slider somewhere.
fn moved(lesson: &CourseLesson, request: &PageRequest) -> Result<String, PageReply> {
    let knobs = [knobs(&lesson.before), knobs(&lesson.after)];
    let slider = slider(lesson, &knobs).ok_or_else(|| refused("this lesson has no slider"))?;
    let value = parameter(request, "value").and_then(|value| value.trim().parse::<f64>().ok());
    let ends = [&slider.range[0], &slider.range[1]].map(|end| end.parse::<f64>().unwrap_or(0.0));
    let value = value.filter(|value| (ends[0]..=ends[1]).contains(value));
    let value = value.ok_or_else(|| {
        refused(&format!("expected a `value` from {} to {}", slider.range[0], slider.range[1]))
    })?;
    let all = turned_knobs(&knobs);
    let changes = match all.as_slice() {
        [(knob, ..)] => vec![(knob.id.clone(), written(value))],
        several => several
            .iter()
            .map(|(knob, from, to)| (knob.id.clone(), written(from + (to - from) * value / 100.0)))
            .collect(),
    };
    let changed = with(&lesson.before, &knobs[0], changes)?;
    if changed.scenario.traffic.queries > MAX_USERS {
        return Err(refused("that many users take too long here"));
    }
    let mut scenario = changed.scenario;
    scenario.studies.iter_mut().for_each(|study| study.expect = None);
    let ran = run(&scenario, RunOptions::default()).map_err(|error| refused(&error.to_string()))?;
    Ok(page::moved(&ran.report))
}

/// The learner's answer, from 0.
fn answer(lesson: &CourseLesson, request: &PageRequest) -> Result<Option<usize>, PageReply> {
    let Some(given) = parameter(request, "answer") else { return Ok(None) };
    let answers = lesson.text.answers.len();
    let nth = given.parse::<usize>().ok().filter(|nth| (1..=answers).contains(nth));
    nth.map(|nth| Some(nth - 1))
        .ok_or_else(|| refused(&format!("expected an `answer` from 1 to {answers}")))
}

fn parameter<'r>(request: &'r PageRequest, name: &str) -> Option<&'r str> {
    request.parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

fn unknown(name: &str) -> PageReply {
    let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let near = nearest(&name, Course::files().iter().map(|file| file.name));
    let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    reply(404, format!("no lesson is called `{name}`{near}\n"))
}

fn refused(reason: &str) -> PageReply {
    reply(400, format!("{}\n", reason.trim_end()))
}

fn reply(status: u16, body: String) -> PageReply {
    PageReply { status, content_type: "text/plain; charset=utf-8", file: None, body }
}

fn html(body: String) -> PageReply {
    PageReply { status: 200, content_type: "text/html; charset=utf-8", file: None, body }
}

fn file(
    lesson: &CourseLesson,
    ending: &str,
    body: String,
    content_type: &'static str,
) -> PageReply {
    PageReply { status: 200, content_type, file: Some(format!("{}.{ending}", lesson.name)), body }
}
