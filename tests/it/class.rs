//! A class: the real program over HTTP, with a teacher and several students.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use simlab::course::Course;

use super::program::{folder, simlab_in};
use super::serve::{Answer, exchange};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A running class.
struct Running {
    child: Child,
    address: String,
    /// The students' link, without the address.
    students: String,
    secret: String,
    line: Value,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_simlab"))
            .args(["play", "--class"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut text = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut text).unwrap();
        assert!(text.starts_with(r#"{"listening": "http://127.0.0.1:"#), "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        let own = |name: &str| line[name].as_str().unwrap().to_owned();
        let address = own("listening").strip_prefix("http://").unwrap().to_owned();
        let (page, secret) = own("teacher")
            .split_once('#')
            .map(|(page, secret)| (page.to_owned(), secret.to_owned()))
            .unwrap();
        assert_eq!(page, format!("http://{address}/teacher"));
        let link = line["students"][0].as_str().unwrap().to_owned();
        let students = format!("/class/{}", link.rsplit_once('/').unwrap().1);
        Self { child, address, students, secret, line }
    }

    fn get(&self, path: &str) -> Answer {
        exchange(&self.address, "GET", path, &[], b"")
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        exchange(&self.address, "POST", path, &[JSON], body.to_string().as_bytes())
    }

    /// What a path answers a POST with.
    fn text(&self, path: &str, body: &Value) -> String {
        let answer = self.post(path, body);
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 200, "{path}: {text}");
        text
    }

    fn join(&self, name: &str) -> String {
        self.text(&format!("{}/join", self.students), &json!({ "name": name }))
    }

    fn student(&self, student: &str, what: &str, more: &Value) -> Answer {
        let mut body = json!({ "student": student });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.post(&format!("{}/{what}", self.students), &body)
    }

    /// What a student's page shows now.
    fn sees(&self, student: &str) -> String {
        String::from_utf8(self.student(student, "now", &json!({})).body).unwrap()
    }

    fn predict(&self, student: &str, round: u64, answer: usize) -> u16 {
        self.student(student, "predict", &json!({ "round": round, "answer": answer })).status
    }

    /// What the teacher's page shows after this.
    fn teach(&self, what: &str, lesson: &str) -> String {
        self.text(&format!("/teacher/{what}"), &json!({ "secret": self.secret, "lesson": lesson }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn round(page: &str) -> u64 {
    let round = page.split("data-round=\"").nth(1).unwrap_or_else(|| panic!("no question: {page}"));
    round.split('"').next().unwrap().parse().unwrap()
}

/// What a page says of each answer: its share and its number of students.
fn votes(page: &str) -> Vec<String> {
    let shares = page.split("<span><strong>").skip(1);
    let vote = |rest: &str| {
        let (share, rest) = rest.split_once("</strong>").unwrap();
        let count = rest.split(['(', ')']).nth(1).unwrap_or_default();
        format!("{share}, {count}")
    };
    shares.map(vote).filter(|vote| vote.contains("student")).collect()
}

#[test]
fn students_predict_the_teacher_reveals_and_all_see_what_the_class_thought() {
    let class = Running::start(&[]);
    let lesson = Course::lesson("too-few-users").unwrap();
    let (right, answers) = (lesson.text.right + 1, lesson.text.answers.len());
    let wrong = (1..=answers).find(|nth| *nth != right).unwrap();
    let [ann, ben, cem] = ["Ann", "", "<b>Cem & \"Co\"</b>"].map(|name| class.join(name));
    assert!(class.sees(&ann).contains("Waiting for the teacher"));
    assert!(class.teach("now", "").contains("In the class: 3 students."));

    // The question comes to every student, and no page has an answer.
    let page = class.teach("choose", "too-few-users");
    assert!(page.contains("Predictions: <strong>0 of 3 students</strong>"), "{page}");
    assert!(page.contains("&lt;b&gt;Cem &amp; &quot;Co&quot;&lt;/b&gt;"), "{page}");
    assert!(!page.contains("<b>Cem"), "{page}");
    let seen = class.sees(&ben);
    let now = round(&seen);
    assert_eq!(seen.matches("type=\"radio\"").count(), answers);
    let claim = lesson.text.claim.split(',').next().unwrap();
    for hidden in [claim, "class=\"scorecard\"", "✓ Right", "class=\"votes\""] {
        assert!(!seen.contains(hidden), "{hidden}: {seen}");
    }

    // One prediction each, which may change.
    assert_eq!(class.predict(&ann, now, wrong), 200);
    assert_eq!(class.predict(&ann, now, right), 200);
    assert_eq!(class.predict(&ben, now, wrong), 200);
    assert_eq!(class.predict(&cem, now, 0), 400);
    assert_eq!(class.predict(&cem, now, answers + 1), 400);
    assert_eq!(class.predict(&cem, now + 1, right), 409);
    assert!(class.sees(&ann).contains(&format!("data-answer=\"{right}\"")));
    let page = class.teach("now", "");
    assert!(page.contains("Predictions: <strong>2 of 3 students</strong>"), "{page}");
    assert!(!page.contains("class=\"votes\""), "{page}");

    // All see the distribution, the right answer and, when they are there, the runs.
    let page = class.teach("reveal", "");
    let mut wanted = vec!["0%, 0 students"; answers];
    wanted[right - 1] = "50.0%, 1 student";
    wanted[wrong - 1] = "50.0%, 1 student";
    assert_eq!(votes(&page), wanted, "{page}");
    for (student, words) in
        [(&ann, "You were right."), (&ben, "Not this time."), (&cem, "You did not predict.")]
    {
        let seen = class.sees(student);
        assert!(seen.contains(words), "{words}: {seen}");
        assert_eq!(votes(&seen), wanted);
        assert!(seen.contains(claim), "{seen}");
        assert!(seen.contains("your prediction") == (words != "You did not predict."));
    }
    assert_eq!(class.predict(&ben, now, right), 409, "predictions stay");
    let shown = until(
        || class.sees(&ann),
        |page| page.contains("<svg") && page.contains("runs, nearly all between"),
    );
    assert!(shown.contains("class=\"scorecard\"") && !shown.contains("Turn the knob"), "{shown}");

    // The knob, and what is not there yet comes later.
    let page = class.teach("turn", "");
    assert!(page.contains("Turn the knob"), "{page}");
    let then = lesson.text.then.split(['_', ',']).next().unwrap().to_owned();
    let seen =
        until(|| class.sees(&ben), |page| page.contains("id=\"b-") || page.contains("runs-turned"));
    assert!(seen.contains(&then), "{then}: {seen}");

    // The next question begins anew.
    let page = class.teach("choose", "1");
    assert!(page.contains("Predictions: <strong>0 of 3 students</strong>"), "{page}");
    assert!(round(&class.sees(&ann)) > now);
}

/// Asks until the answer will do.
fn until(ask: impl Fn() -> String, will_do: impl Fn(&str) -> bool) -> String {
    for _ in 0..1500 {
        let page = ask();
        if will_do(&page) {
            return page;
        }
        sleep(Duration::from_millis(200));
    }
    panic!("it does not come: {}", ask());
}

#[test]
fn a_class_that_is_asked_again_sees_both_votes() {
    let class = Running::start(&["peeking"]);
    let [one, other] = ["", ""].map(|name| class.join(name));
    let first = round(&class.sees(&one));
    assert_eq!(class.predict(&one, first, 1), 200);
    assert_eq!(class.predict(&other, first, 1), 200);
    class.teach("again", "");
    let seen = class.sees(&one);
    assert!(seen.contains("asks again") && seen.contains("not predicted yet"), "{seen}");
    let second = round(&seen);
    assert_eq!(class.predict(&one, first, 2), 409);
    assert_eq!(class.predict(&one, second, 2), 200);
    let page = class.teach("reveal", "");
    assert_eq!(votes(&page)[..2], ["0%, 0 students", "100%, 1 student"], "{page}");
    assert!(page.contains("The first time: 100% (2 students)"), "{page}");
    assert_eq!(class.post("/teacher/again", &json!({ "secret": class.secret })).status, 409);
}

#[test]
fn a_page_that_has_what_there_is_to_see_is_sent_nothing() {
    let class = Running::start(&[]);
    let student = class.join("");
    let page = class.sees(&student);
    let seen = page.split("data-seen=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(class.student(&student, "now", &json!({ "seen": seen })).body.is_empty());
    class.teach("choose", "peeking");
    assert!(!class.student(&student, "now", &json!({ "seen": seen })).body.is_empty());
}

#[test]
fn only_the_teacher_asks_and_reveals_and_nothing_is_open_besides_the_class() {
    let class = Running::start(&["too-few-users"]);
    let student = class.join("Eve");
    let longer = format!("{}x", class.secret);
    for secret in ["", "x", &student, &class.students[7..], &class.secret[1..], &longer] {
        for what in ["now", "choose", "reveal", "turn", "again"] {
            let answer = class.post(&format!("/teacher/{what}"), &json!({ "secret": secret }));
            assert_eq!(answer.status, 403, "{secret} {what}");
        }
    }
    assert!(class.sees(&student).contains("type=\"radio\""), "nothing was revealed");
    // The secret and the code are in no page that anybody may open, and the code lets in.
    let code = &class.students[7..];
    for path in ["/", "/teacher", "/class.js", "/class/wrong"] {
        let page = String::from_utf8(class.get(path).body).unwrap();
        assert!(!page.contains(&class.secret) && !page.contains(code), "{path}");
    }
    assert_eq!(class.get(&format!("/?code={}", code.to_uppercase())).status, 200);
    assert_eq!(class.get(&class.students).status, 200);
    // The pages of the course would show the answers.
    for path in ["/learn", "/learn/too-few-users/reveal?answer=1", "/part", "/dots", "/learn.js"] {
        assert_eq!(class.get(path).status, 404, "{path}");
    }
    // Another site can send nothing: neither a form, nor from its own origin, nor by another name.
    let path = format!("{}/join", class.students);
    for headers in [
        vec![("content-type", "text/plain")],
        vec![JSON, ("origin", "https://evil.example")],
        vec![JSON, ("sec-fetch-site", "cross-site")],
    ] {
        let answer = exchange(&class.address, "POST", &path, &headers, b"{}");
        assert!([403, 415].contains(&answer.status), "{headers:?}: {}", answer.status);
    }
    assert_eq!(exchange(&class.address, "GET", "http://evil.example/", &[], b"").status, 403);
}

#[test]
fn hostile_requests_get_a_reason_and_the_class_goes_on() {
    let class = Running::start(&[]);
    let student = class.join("");
    let join = format!("{}/join", class.students);
    let now = format!("{}/now", class.students);
    let deep = "[".repeat(3_000);
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(41));
    let longer = format!("{{\"name\": \"{}\"}}", "x".repeat(5_000));
    for (method, path, body, status) in [
        ("POST", join.as_str(), "", 400),
        ("POST", &join, "{", 400),
        ("POST", &join, "[]", 200),
        ("POST", &join, "null", 400),
        ("POST", &join, &deep, 400),
        ("POST", &join, &long, 400),
        ("POST", &join, &longer, 413),
        ("POST", &join, r#"{"name": 7}"#, 400),
        ("POST", &now, "{}", 410),
        ("POST", &now, r#"{"student": "nobody"}"#, 410),
        ("POST", "/class/wrong/now", "{}", 404),
        ("POST", "/class/%00/now", "{}", 404),
        (
            "POST",
            &format!("{}/reveal", class.students),
            &format!("{{\"student\": \"{student}\"}}"),
            404,
        ),
        ("GET", &join, "", 405),
        ("POST", &class.students, "{}", 405),
        ("POST", "/", "{}", 405),
        ("PUT", &join, "{}", 405),
        ("GET", "/?code=%ff", "", 400),
        ("GET", "/?code=%3Cscript%3E", "", 404),
        ("GET", "/class/a/b/c/d", "", 404),
    ] {
        let answer = exchange(&class.address, method, path, &[JSON], body.as_bytes());
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert_eq!(answer.status, status, "{method} {path} {body:.60}: {text}");
        assert!(!text.is_empty() && !text.contains("<script>"), "{text}");
    }
    let bytes = exchange(&class.address, "POST", &join, &[JSON], b"\xff\xfe");
    assert_eq!(bytes.status, 400);
    for lesson in ["peking", "", "../security", "security"] {
        let body = json!({ "secret": class.secret, "lesson": lesson });
        let answer = class.post("/teacher/choose", &body);
        assert_eq!(answer.status, 400, "{lesson}");
    }
    assert_eq!(class.post("/teacher/reveal", &json!({ "secret": class.secret })).status, 409);
    assert!(class.sees(&student).contains("Waiting for the teacher"));
}

#[test]
fn a_class_has_at_most_300_students() {
    let class = Running::start(&[]);
    for _ in 0..300 {
        class.join("");
    }
    let full = class.post(&format!("{}/join", class.students), &json!({}));
    assert_eq!(full.status, 429);
    assert!(String::from_utf8(full.body).unwrap().contains("the class is full"));
}

#[test]
fn the_network_joins_only_when_asked_for_and_by_number() {
    let alone = Running::start(&[]);
    let links = alone.line["students"].as_array().unwrap();
    assert!(links.iter().all(|link| link.as_str().unwrap().starts_with("http://127.0.0.1:")));
    let number = |class: &Running, host: &str| {
        exchange(&class.address, "GET", &format!("http://{host}/"), &[], b"").status
    };
    assert_eq!(number(&alone, "192.168.1.20"), 403);
    let open = Running::start(&["--listen", "0.0.0.0", "--allow-host", "teacher.local"]);
    for (host, wanted) in [
        ("192.168.1.20:80", 200),
        ("teacher.local", 200),
        ("evil.example", 403),
        ("localhost", 200),
    ] {
        assert_eq!(number(&open, host), wanted, "{host}");
    }
    // Whatever addresses this machine has, students get them, and never the one that is all of them.
    let links = open.line["students"].as_array().unwrap();
    assert!(!links.is_empty());
    assert!(links.iter().all(|link| !link.as_str().unwrap().contains("0.0.0.0")), "{links:?}");
    let place = folder("class-arguments");
    for (arguments, words) in [
        (vec!["play", "--listen", "0.0.0.0"], "--class"),
        (vec!["play", "--class", "--listen", "0.0.0.0:80"], "such as 192.168.1.20 or 0.0.0.0"),
        (vec!["play", "--class", "--allow-host", "x.local"], "--listen"),
    ] {
        let refused = simlab_in(&place, &arguments);
        assert_eq!(refused.code, 2, "{arguments:?}");
        assert!(refused.err.contains(words), "{arguments:?}: {}", refused.err);
    }
    let none = simlab_in(&place, &["play", "security", "--class"]);
    assert_eq!(none.code, 3);
    assert!(none.err.contains("`security` has no lesson"), "{}", none.err);
}

#[test]
fn a_teachers_own_lesson_is_asked_like_one_of_the_course() {
    let place = folder("class-own");
    assert_eq!(simlab_in(&place, &["new", "too-few-users", "mine.ron"]).code, 0);
    let path = place.join("mine.ron");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("question: \"", "question: \"In my own words: ", 1))
        .unwrap();
    let class = Running::start(&[path.to_str().unwrap()]);
    let student = class.join("");
    let seen = class.sees(&student);
    assert!(seen.contains("In my own words: "), "{seen}");
    assert_eq!(class.predict(&student, round(&seen), 1), 200);
    assert!(class.teach("reveal", "").contains("100%"));
    until(|| class.sees(&student), |page| page.contains("class=\"scorecard\""));
    // It can be asked again by its name.
    class.teach("choose", "peeking");
    assert!(class.teach("choose", "mine").contains("In my own words: "));
}
