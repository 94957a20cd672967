//! A class: students predict on screens of their own, the teacher reveals, and everybody sees what the
//! class thought next to what the runs say.
//!
//! Guarantees: only who has the teacher's secret asks and reveals; a student has one prediction for a
//! question, which may change until the teacher reveals, and nobody gets an answer before that;
//! students, names and questions under way are bounded; whatever is sent, a reason and no panic.
//!
//! Does not know: HTTP, sockets, how anything looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde::Deserialize;

use super::class_page::{self as page, ClassQuestion, ClassSeat, ClassSide, ClassStage};
use super::learn::Learn;
use super::lesson_page;
use crate::course::{Course, CourseLesson};
use crate::diagnostic::nearest;
use crate::random::secret_word;
use crate::serve::{PageReply, PageRequest};
use crate::time::{Duration, Stopwatch};

/// Most students of a class.
const MAX_STUDENTS: usize = 300;
/// Longest name, in characters.
const MAX_NAME: usize = 40;
/// Letters of the code that students have, of the teacher's secret, and of what a student is known by.
const LETTERS: [usize; 3] = [6, 26, 20];
/// A student who has not been seen for this long, and predicts nothing, is not counted.
const AWAY: Duration = Duration::from_us(120_000_000);
/// How often runs under way are shown.
const LOOK: std::time::Duration = std::time::Duration::from_millis(500);

/// A class.
#[derive(Debug)]
pub struct LessonClass {
    code: String,
    secret: String,
    /// The students' links.
    links: Vec<String>,
    room: Arc<Mutex<Classroom>>,
    learn: Arc<Learn>,
    /// Lessons are run one after the other, whatever a teacher clicks.
    turn: Arc<Mutex<()>>,
    own: Option<Arc<CourseLesson>>,
}

#[derive(Debug, Default)]
struct Classroom {
    students: BTreeMap<String, Student>,
    /// How many questions there have been.
    round: u64,
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Student {
    name: String,
    seen: Stopwatch,
    /// The prediction, from 0, and of which round it is.
    answer: Option<(u64, usize)>,
}

#[derive(Debug)]
struct Asked {
    lesson: Arc<CourseLesson>,
    stage: ClassStage,
    first: Option<Vec<usize>>,
    sides: [ClassSide; 2],
    /// Changes with the lesson, not with another vote on it.
    nth_lesson: u64,
}

/// What pages send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sent {
    secret: String,
    student: String,
    name: String,
    lesson: String,
    seen: String,
    round: u64,
    answer: usize,
}

type Answer = Result<PageReply, PageReply>;

/// What a thread that panicked left behind is as good as what others leave.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LessonClass {
    /// A class that students enter at these addresses, such as `http://192.168.1.20:8080`. `own` is a
    /// lesson that is asked first.
    ///
    /// # Errors
    /// When the operating system has no random numbers for its code and its secret.
    pub fn new(addresses: &[String], own: Option<CourseLesson>) -> std::io::Result<Self> {
        let code = secret_word(LETTERS[0])?;
        let class = Self {
            secret: secret_word(LETTERS[1])?,
            links: addresses.iter().map(|address| format!("{address}/class/{code}")).collect(),
            code,
            room: Arc::default(),
            learn: Arc::default(),
            turn: Arc::default(),
            own: own.map(Arc::new),
        };
        if let Some(lesson) = &class.own {
            class.ask(Arc::clone(lesson));
        }
        Ok(class)
    }

    /// The students' links.
    #[must_use]
    pub fn links(&self) -> &[String] {
        &self.links
    }

    /// The teacher's link at an address. The secret is in a part of it that browsers do not send.
    #[must_use]
    pub fn teacher_link(&self, address: &str) -> String {
        format!("{address}/teacher#{}", self.secret)
    }

    /// Answers a request.
    #[must_use]
    pub fn answer(&self, request: &PageRequest) -> PageReply {
        let path = request.path.trim_matches('/');
        let steps: Vec<&str> = path.split('/').collect();
        let found = match (steps.as_slice(), request.posted.as_deref()) {
            ([""], None) => Ok(self.entrance(request)),
            (["play.css"], None) => Ok(reply(200, "text/css; charset=utf-8", super::page::style())),
            (["class.js"], None) => {
                Ok(reply(200, "text/javascript; charset=utf-8", page::SCRIPT.to_owned()))
            }
            (["teacher"], None) => {
                let own = self.own.as_deref().filter(|own| own.number == 0);
                Ok(html(200, page::teacher(own)))
            }
            (["class", code], None) if self.is_code(code) => {
                Ok(html(200, page::student(&self.code)))
            }
            (["class", _], None) => Ok(html(404, page::entrance(true))),
            (["teacher", what], Some(body)) => self.teach(what, body),
            (["class", code, what], Some(body)) if self.is_code(code) => self.attend(what, body),
            (["class", _, _], Some(_)) => Err(text(404, "no class has this code")),
            (["" | "play.css" | "class.js" | "teacher"], _) | (["class", _], _) => {
                Err(text(405, "expected a GET request"))
            }
            (["teacher", _] | ["class", _, _], None) => Err(text(405, "expected a POST request")),
            _ => Err(text(
                404,
                "there is no such page in a class; `simlab play` without `--class` has the others",
            )),
        };
        found.unwrap_or_else(|reply| reply)
    }

    fn is_code(&self, code: &str) -> bool {
        code.trim().to_lowercase() == self.code
    }

    fn entrance(&self, request: &PageRequest) -> PageReply {
        match request.parameters.iter().find(|(name, _)| name == "code") {
            Some((_, code)) if self.is_code(code) => html(200, page::student(&self.code)),
            Some(_) => html(404, page::entrance(true)),
            None => html(200, page::entrance(false)),
        }
    }

    /// What a student sends.
    fn attend(&self, what: &str, body: &str) -> Answer {
        let sent = read(body)?;
        let mut room = held(&self.room);
        if what == "join" {
            return room.join(&sent.name).map(|student| reply(200, TEXT, student));
        }
        let Some(student) = room.students.get_mut(&sent.student) else {
            return Err(text(410, "this class does not know you; join it again"));
        };
        student.seen = Stopwatch::start();
        match what {
            "predict" => room.predict(&sent)?,
            "now" => {}
            _ => return Err(text(404, "expected join, predict or now")),
        }
        let answer = room.students.get(&sent.student).and_then(|own| own.answer);
        let own = answer.filter(|(round, _)| *round == room.round).map(|(_, answer)| answer);
        Ok(room.shown(&sent, |room| page::student_parts(room.question().as_ref(), own)))
    }

    /// What the teacher sends.
    fn teach(&self, what: &str, body: &str) -> Answer {
        let sent = read(body)?;
        if !is_same(&sent.secret, &self.secret) {
            return Err(text(
                403,
                "only the teacher can do this; use the link that simlab printed",
            ));
        }
        if what == "choose" {
            self.ask(self.lesson(&sent.lesson)?);
        }
        let mut room = held(&self.room);
        match (what, room.asked.as_mut()) {
            ("choose" | "now", _) => {}
            ("reveal", Some(asked)) => asked.stage = asked.stage.max(ClassStage::Revealed),
            ("turn", Some(asked)) => asked.stage = asked.stage.max(ClassStage::Turned),
            ("again", Some(asked)) if asked.stage == ClassStage::Predicting => {
                let votes = room.votes();
                if let Some(asked) = room.asked.as_mut() {
                    asked.first = Some(votes);
                }
                room.round += 1;
            }
            ("again", Some(_)) => return Err(text(409, "this question has been revealed")),
            ("reveal" | "turn" | "again", None) => return Err(text(409, "no question is asked")),
            _ => return Err(text(404, "expected choose, reveal, turn, again or now")),
        }
        let of = |room: &Classroom| {
            page::teacher_parts(room.question().as_ref(), &room.seats(), &self.links, &self.code)
        };
        Ok(room.shown(&sent, of))
    }

    /// The lesson of this name.
    fn lesson(&self, name: &str) -> Result<Arc<CourseLesson>, PageReply> {
        if let Some(own) = self.own.as_ref().filter(|own| own.name == name) {
            return Ok(Arc::clone(own));
        }
        Course::lesson(name).map(Arc::new).map_err(|_| {
            let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
            let near = nearest(&name, Course::files().iter().map(|file| file.name));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            text(400, &format!("no lesson is called `{name}`{near}"))
        })
    }

    /// Asks a lesson's question, and begins its runs, so that they are there when it is revealed.
    fn ask(&self, lesson: Arc<CourseLesson>) {
        let nth_lesson = {
            let mut room = held(&self.room);
            room.round += 1;
            let nth_lesson = room.round;
            room.asked = Some(Asked {
                lesson: Arc::clone(&lesson),
                stage: ClassStage::Predicting,
                first: None,
                sides: Default::default(),
                nth_lesson,
            });
            nth_lesson
        };
        let (room, learn) = (Arc::clone(&self.room), Arc::clone(&self.learn));
        let turn = Arc::clone(&self.turn);
        thread::spawn(move || {
            let _turn = held(&turn);
            for turned in [false, true] {
                if !prepare(&room, &learn, &lesson, nth_lesson, turned) {
                    break;
                }
            }
        });
    }
}

/// Runs one side of a lesson, and then many times. Whether the class still asks this lesson.
fn prepare(
    room: &Mutex<Classroom>,
    learn: &Learn,
    lesson: &CourseLesson,
    nth_lesson: u64,
    turned: bool,
) -> bool {
    let put = |change: &dyn Fn(&mut ClassSide)| {
        let mut room = held(room);
        let asked = room.asked.as_mut().filter(|own| own.nth_lesson == nth_lesson);
        let side = asked.and_then(|own| own.sides.get_mut(usize::from(turned)));
        side.map(change).is_some()
    };
    if !put(&|_| {}) {
        return false;
    }
    let failed = |reply: PageReply| put(&|side| side.problem = Some(reply.body.clone()));
    let prefix = if turned { "b-" } else { "a-" };
    match learn.side(lesson, turned) {
        Ok(found) => {
            let found = lesson_page::found(&found, prefix).into_string();
            if !put(&|side| side.found = Some(found.clone())) {
                return false;
            }
        }
        Err(reply) => return failed(reply),
    }
    loop {
        match learn.many(lesson, turned) {
            Ok((runs, ended)) => {
                let goes_on = put(&|side| side.runs = Some(runs.clone()));
                if ended || !goes_on {
                    return goes_on;
                }
            }
            Err(reply) => return failed(reply),
        }
        thread::sleep(LOOK);
    }
}

impl Classroom {
    /// Lets somebody in; what the student is known by.
    fn join(&mut self, name: &str) -> Result<String, PageReply> {
        if self.students.len() >= MAX_STUDENTS {
            let round = self.round;
            self.students.retain(|_, own| own.counts(round));
        }
        if self.students.len() >= MAX_STUDENTS {
            return Err(text(429, &format!("the class is full: it has {MAX_STUDENTS} students")));
        }
        let name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
        if name.chars().count() > MAX_NAME {
            return Err(text(400, &format!("a name has at most {MAX_NAME} characters")));
        }
        let id = secret_word(LETTERS[2])
            .map_err(|error| text(500, &format!("no place could be made: {error}")))?;
        let student = Student { name, seen: Stopwatch::start(), answer: None };
        self.students.insert(id.clone(), student);
        Ok(id)
    }

    /// Keeps a student's prediction, in place of an earlier one.
    fn predict(&mut self, sent: &Sent) -> Result<(), PageReply> {
        let round = self.round;
        let Some(asked) = self.asked.as_ref().filter(|_| sent.round == round) else {
            return Err(text(409, "the teacher has gone on; this question is over"));
        };
        if asked.stage != ClassStage::Predicting {
            return Err(text(409, "the teacher has revealed the answer; predictions stay"));
        }
        let answers = asked.lesson.text.answers.len();
        if !(1..=answers).contains(&sent.answer) {
            return Err(text(400, &format!("expected an `answer` from 1 to {answers}")));
        }
        if let Some(student) = self.students.get_mut(&sent.student) {
            student.answer = Some((round, sent.answer - 1));
        }
        Ok(())
    }

    /// Students for each answer.
    fn votes(&self) -> Vec<usize> {
        let answers = self.asked.as_ref().map_or(0, |asked| asked.lesson.text.answers.len());
        let mut votes = vec![0; answers];
        let own = self.students.values().filter_map(|student| student.answer);
        for (_, answer) in own.filter(|(round, _)| *round == self.round) {
            if let Some(count) = votes.get_mut(answer) {
                *count += 1;
            }
        }
        votes
    }

    fn question(&self) -> Option<ClassQuestion<'_>> {
        let asked = self.asked.as_ref()?;
        Some(ClassQuestion {
            lesson: &asked.lesson,
            stage: asked.stage,
            round: self.round,
            votes: self.votes(),
            first: asked.first.clone(),
            sides: &asked.sides,
        })
    }

    fn seats(&self) -> Vec<ClassSeat<'_>> {
        let there = self.students.values().filter(|own| own.counts(self.round));
        let mut seats: Vec<ClassSeat<'_>> = there
            .map(|own| ClassSeat { name: &own.name, predicted: own.predicted(self.round) })
            .collect();
        // In an order that says nothing of who came when.
        seats.sort_by_key(|own| own.name.to_lowercase());
        seats
    }

    /// The parts of a page; nothing where its client has them.
    fn shown(&self, sent: &Sent, parts: impl FnOnce(&Self) -> String) -> PageReply {
        let parts = parts(self);
        let is_known = !sent.seen.is_empty()
            && parts.ends_with(&format!("<i data-seen=\"{}\"></i>", sent.seen));
        html(200, if is_known { String::new() } else { parts })
    }
}

impl Student {
    fn predicted(&self, round: u64) -> bool {
        self.answer.is_some_and(|(own, _)| own == round)
    }

    fn counts(&self, round: u64) -> bool {
        self.predicted(round) || self.seen.elapsed() < AWAY
    }
}

/// Whether two secrets are the same, in a time that does not say where they differ.
fn is_same(given: &str, own: &str) -> bool {
    let differs = given.bytes().zip(own.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
    given.len() == own.len() && differs == 0
}

fn read(body: &str) -> Result<Sent, PageReply> {
    serde_json::from_str(body)
        .map_err(|error| text(400, &format!("expected a JSON object: {error}")))
}

const TEXT: &str = "text/plain; charset=utf-8";

fn text(status: u16, words: &str) -> PageReply {
    reply(status, TEXT, format!("{words}\n"))
}

fn html(status: u16, body: String) -> PageReply {
    reply(status, "text/html; charset=utf-8", body)
}

fn reply(status: u16, content_type: &'static str, body: String) -> PageReply {
    PageReply { status, content_type, file: None, body }
}
