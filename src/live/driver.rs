//! The traffic of a scenario, sent to an application: its users ask it their questions over HTTP, a
//! judge rates the answers, and ratings go back as feedback.
//!
//! Guarantees: users, attributes and questions are those of a simulated run with the same seed; a
//! user's visits come in order; every request ends within its time. Ratings come from the mock
//! models alone, so nothing is paid for.
//!
//! Does not know: the terminal, or what the application does.

mod judge;
mod result;
mod server;
mod visits;

use std::rc::Rc;

use futures_util::StreamExt;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

pub use self::judge::DriveJudge;
pub use self::result::{DriveSummary, FailureCount, VisitOutcome, VisitResult};
pub use self::server::ServeClient;
pub use self::visits::{DrivenQuestion, DrivenUser, driven_users};
use crate::journal::Label;
use crate::live::net::{Broken, Http, HttpResponse, Post};
use crate::llm::chat::ErrorKind;
use crate::scenario::{AppForm, TemplateValues};
use crate::time::{Duration, Stopwatch};

/// Most characters of an application's words in a message.
const SHOWN: usize = 200;

/// An application that is asked.
#[derive(Debug)]
pub struct DrivenApp {
    http: Rc<Http>,
    /// Its address, without a slash at the end.
    address: String,
    form: AppForm,
    headers: HeaderMap,
    timeout: Duration,
}

impl DrivenApp {
    /// An application at this address, which is asked in this form and given this time to answer.
    ///
    /// # Errors
    /// When a header needs an environment variable that is not set, or cannot be sent.
    pub fn new(
        http: Rc<Http>,
        address: &str,
        form: AppForm,
        timeout: Duration,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, template) in &form.headers {
            let value = template.fill(&variable).map_err(|missing| {
                format!("{missing} is not set: the header `{name}` of each request holds it")
            })?;
            let unfit = || format!("the header `{name}` cannot be sent");
            let mut value = HeaderValue::from_str(&value).map_err(|_| unfit())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?, value);
        }
        let address = address.trim_end_matches('/').to_owned();
        Ok(Self { http, address, form, headers, timeout })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<HttpResponse, Broken> {
        let post = Post {
            address: [&self.address, path].concat(),
            headers: self.headers.clone(),
            body: body.to_string().into_bytes(),
        };
        let limit = std::time::Duration::from_micros(self.timeout.us());
        tokio::time::timeout(limit, self.http.send(post)).await.unwrap_or_else(|_| {
            let words = format!("no answer within {}", self.timeout);
            Err(Broken { kind: ErrorKind::Timeout, may_have_arrived: true, words })
        })
    }

    /// Asks one question.
    async fn ask(&self, values: &TemplateValues<'_>) -> Result<(String, Value), VisitFailure> {
        let answer =
            self.post(&self.form.path, &self.form.body.fill(values)).await.map_err(|broken| {
                VisitFailure { passes: broken.kind != ErrorKind::Connection, reason: broken.words }
            })?;
        let failed = |reason: String| VisitFailure { passes: false, reason };
        if !(200..300).contains(&answer.status) {
            let words = shown(&String::from_utf8_lossy(&answer.body));
            let words = if words.is_empty() { words } else { format!(": {words}") };
            // A server's error or a limit may pass; a refusal comes again.
            let passes = answer.status >= 500 || answer.status == 429;
            let reason = format!("status {}{words}", answer.status);
            return Err(VisitFailure { passes, reason });
        }
        let response: Value = serde_json::from_slice(&answer.body).map_err(|_| {
            failed(format!(
                "the answer is not JSON: {}",
                shown(&String::from_utf8_lossy(&answer.body))
            ))
        })?;
        for (pointer, value) in &self.form.failed {
            if response.pointer(pointer) == Some(value) {
                let reason = format!("the app failed: `{pointer}` is {value}");
                return Err(VisitFailure { passes: true, reason });
            }
        }
        match response.pointer(&self.form.answer) {
            Some(Value::String(text)) => Ok((text.clone(), response)),
            Some(_) => Err(failed(format!("`{}` of the answer is not a text", self.form.answer))),
            None => {
                let fields = response.as_object().map(|fields| {
                    let names: Vec<String> =
                        fields.keys().map(|name| format!("`{name}`")).collect();
                    names.join(", ")
                });
                let fields = fields.filter(|fields| !fields.is_empty());
                let has = fields.map_or_else(String::new, |fields| format!("; it has {fields}"));
                Err(failed(format!(
                    "the answer has nothing at `{}`{}",
                    self.form.answer,
                    shown(&has)
                )))
            }
        }
    }

    /// Sends a rating; whether the app took it. `None` where the form has no feedback.
    async fn feed_back(&self, values: &TemplateValues<'_>) -> Option<bool> {
        let (path, body) = self.form.feedback.as_ref()?;
        let answer = self.post(path, &body.fill(values)).await;
        Some(answer.is_ok_and(|answer| (200..300).contains(&answer.status)))
    }
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct VisitFailure {
    /// In words.
    reason: String,
    /// Whether the next question may have one: not where nobody is there, or where the app takes or
    /// gives another form.
    passes: bool,
}

/// Sends the users' questions, so many at a time, until all have been sent or `stop` is true, and
/// hands each result on as it comes.
///
/// # Errors
/// Why the very first question got no answer, where the same would hold of all others: nobody is
/// there, or the application does not take the form of the question. Nothing more is sent then.
pub async fn drive_app(
    app: &DrivenApp,
    judge: Option<&DriveJudge<'_>>,
    users: &[DrivenUser],
    concurrency: usize,
    stop: &dyn Fn() -> bool,
    mut each: impl FnMut(VisitResult),
) -> Result<(), String> {
    let Some((first, others)) = users.split_first() else { return Ok(()) };
    for result in user(app, judge, first, stop).await {
        if let VisitOutcome::Failed { reason, hopeless: true } = &result.outcome {
            return Err(reason.clone());
        }
        each(result);
    }
    let mut results = futures_util::stream::iter(others)
        .take_while(|_| std::future::ready(!stop()))
        .map(|one| user(app, judge, one, stop))
        .buffer_unordered(concurrency.max(1));
    while let Some(results) = results.next().await {
        results.into_iter().for_each(&mut each);
    }
    Ok(())
}

/// The visits of one user, one after the other.
async fn user(
    app: &DrivenApp,
    judge: Option<&DriveJudge<'_>>,
    user: &DrivenUser,
    stop: &dyn Fn() -> bool,
) -> Vec<VisitResult> {
    let mut results = Vec::new();
    for (visit, question) in (0..).zip(&user.questions) {
        if stop() {
            break;
        }
        let Some(DrivenQuestion { text: question, body }) = question else { continue };
        let watch = Stopwatch::start();
        let nothing = Value::Null;
        let values = TemplateValues {
            question,
            user: &user.key,
            visit,
            context: &user.context,
            attributes: &user.attributes,
            answer: "",
            feedback: "",
            response: &nothing,
        };
        let asked = app.ask(&values).await;
        let latency = watch.elapsed();
        let outcome = match asked {
            Err(VisitFailure { reason, passes }) => {
                VisitOutcome::Failed { reason, hopeless: !passes }
            }
            Ok((answer, response)) => {
                let rating = match judge {
                    None => None,
                    Some(judge) => Some(judge.rate(&user.key, visit, body, &answer).await),
                };
                let (rating, judge_failed) = match rating {
                    None => (None, false),
                    Some(Ok(label)) => (Some(label), false),
                    Some(Err(_)) => (None, true),
                };
                let word = match rating {
                    Some(Label::Positive) => "positive",
                    Some(Label::Negative) => "negative",
                    Some(Label::None) | None => "",
                };
                let feedback_taken = if word.is_empty() {
                    None
                } else {
                    let values = TemplateValues {
                        answer: &answer,
                        feedback: word,
                        response: &response,
                        ..values
                    };
                    app.feed_back(&values).await
                };
                let rating = rating.map(|_| if word.is_empty() { "none" } else { word });
                VisitOutcome::Answered { answer, rating, judge_failed, feedback_taken }
            }
        };
        results.push(VisitResult {
            user: user.key.clone(),
            visit,
            question: question.clone(),
            latency_ms: latency.us() as f64 / 1e3,
            outcome,
        });
    }
    results
}

/// The beginning of foreign words, on one line, without control characters.
fn shown(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
