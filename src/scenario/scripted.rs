//! Scripted answers for `serve`: which requests get which answer, written in a file, in RON or
//! JSON, or sent to a running server.
//!
//! Guarantees: what is let through can be answered; every mistake of a text is shown with its
//! place.
//!
//! Does not know: how a request is matched, or how an answer looks on the wire.

mod written;

use fancy_regex::Regex;
use serde_json::Value;

pub use self::written::WrittenAnswers;
use self::written::{
    FINISHES, Several, WrittenAnswer, WrittenAnswerFault, WrittenAnswerRule, WrittenConditions,
    WrittenToolCall,
};
use super::injected::FaultKind;
use super::placed::{PlacedValue, misplaced, read_either};
use crate::diagnostic::{Diagnostic, SourceText, nearest};
use crate::llm::chat::Stop;
use crate::llm::wire::{PROVIDERS, Provider};
use crate::time::Duration;

/// Most rules of one script.
pub const MAX_ANSWER_RULES: usize = 10_000;
/// Longest time that an answer may take, and that a client is asked to wait.
const MAX_WAIT: Duration = Duration::from_us(3_600_000_000);

/// Scripted answers.
#[derive(Clone, Debug, Default)]
pub struct AnswerScript {
    /// Whether a request that no rule matches is an error.
    pub strict: bool,
    /// The rules; the first that matches answers.
    pub rules: Vec<AnswerRule>,
    /// What it was read from, for messages.
    pub name: String,
}

/// Which requests get which answers.
#[derive(Clone, Debug)]
pub struct AnswerRule {
    /// What it is called in messages.
    pub name: String,
    /// The line of its text.
    pub line: usize,
    /// The conditions.
    pub when: AnswerConditions,
    /// How many requests it answers at most.
    pub times: Option<u64>,
    /// The answers, in order; at least one.
    pub steps: Vec<AnswerStep>,
    /// The rule as it is written.
    pub written: Value,
}

/// Conditions that must all hold. Texts are in lower case.
#[derive(Clone, Debug, Default)]
pub struct AnswerConditions {
    /// Texts of the user's last message.
    pub contains: Vec<String>,
    /// What finds something in it.
    pub regex: Option<Regex>,
    /// Texts of the system prompt.
    pub system: Vec<String>,
    /// The model; a `*` at the end stands for anything.
    pub model: Option<String>,
    /// The provider.
    pub provider: Option<Provider>,
    /// A tool that is offered.
    pub tool: Option<String>,
    /// The tool whose result came last.
    pub after: Option<String>,
    /// Texts of the results that came last.
    pub result: Vec<String>,
    /// Which of the requests that meet the others, from 1.
    pub nth: Option<u64>,
    /// Headers in lower case, with their values.
    pub headers: Vec<(String, String)>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerStep {
    /// What it holds.
    pub body: ScriptedBody,
    /// What goes wrong.
    pub fault: Option<ScriptedFault>,
    /// Input tokens that it states.
    pub input_tokens: Option<u32>,
    /// Output tokens that it states.
    pub output_tokens: Option<u32>,
    /// Why it ended.
    pub finish: Option<Stop>,
    /// How long it takes.
    pub latency: Duration,
}

/// What an answer holds.
#[derive(Clone, Debug, PartialEq)]
pub enum ScriptedBody {
    /// What the simulated models answer.
    Simulated,
    /// A text.
    Say(String),
    /// A text before calls, and the calls: names and arguments as JSON.
    Calls(Option<String>, Vec<(String, String)>),
    /// JSON.
    Json(String),
    /// A refusal.
    Refuse(String),
}

/// What goes wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptedFault {
    /// It is an error.
    Status {
        /// The HTTP status.
        status: u16,
        /// The words.
        message: Option<String>,
        /// How long the client is asked to wait.
        retry_after: Option<Duration>,
    },
    /// It ends early, late or broken.
    Broken(FaultKind),
}

/// Reads the text of a file of answers, in RON or JSON: `(strict: …, rules: [ … ])`, or the list of
/// rules alone.
///
/// # Errors
/// All mistakes of the text, with their places.
pub fn parse_answers(source: &SourceText) -> Result<AnswerScript, Vec<Diagnostic>> {
    if source.text.trim().is_empty() {
        let fault = Diagnostic::new(format!("`{}` has no answers", source.name));
        return Err(vec![fault.help("write [(when: (contains: \"hello\"), say: \"Hi!\")]")]);
    }
    let placed = read_either(source).map_err(|fault| vec![fault])?;
    let (written, prefix) = match &placed.value {
        Value::Array(_) => {
            let rules = serde_path_to_error::deserialize(placed.value.clone());
            (rules.map(|rules| WrittenAnswers { strict: false, rules }), "")
        }
        value => (serde_path_to_error::deserialize(value.clone()), "rules"),
    };
    let written = written.map_err(|error| vec![misplaced(&error, &placed, source)])?;
    let mut reader = Resolving { source, placed: &placed, wrong: Vec::new() };
    if written.rules.len() > MAX_ANSWER_RULES {
        reader.wrong(
            &format!("{prefix}[{MAX_ANSWER_RULES}]"),
            format!("more than {MAX_ANSWER_RULES} rules"),
            "the first one too many",
            None,
        );
    }
    let rules = written.rules.iter().enumerate().take(MAX_ANSWER_RULES);
    let rules =
        rules.map(|(nth, rule)| reader.rule(nth, rule, &format!("{prefix}[{nth}]"))).collect();
    match reader.wrong {
        wrong if wrong.is_empty() => {
            Ok(AnswerScript { strict: written.strict, rules, name: source.name.to_string() })
        }
        wrong => Err(wrong),
    }
}

struct Resolving<'a> {
    source: &'a SourceText,
    placed: &'a PlacedValue,
    wrong: Vec<Diagnostic>,
}

impl Resolving<'_> {
    fn wrong(&mut self, path: &str, message: impl Into<String>, label: &str, help: Option<String>) {
        let fault = Diagnostic::new(message).at(self.source, self.placed.place(path), label);
        self.wrong.push(match help {
            Some(help) => fault.help(help),
            None => fault,
        });
    }

    fn rule(&mut self, nth: usize, rule: &WrittenAnswerRule, path: &str) -> AnswerRule {
        let own = WrittenAnswer {
            say: rule.say.clone(),
            call: rule.call.clone(),
            json: rule.json.clone(),
            refuse: rule.refuse.clone(),
            fault: rule.fault.clone(),
            usage: rule.usage,
            finish: rule.finish.clone(),
            latency: rule.latency,
        };
        let mut steps = Vec::new();
        let answers = |answer: &WrittenAnswer| {
            answer.say.is_some()
                || answer.call.is_some()
                || answer.json.is_some()
                || answer.refuse.is_some()
                || answer.fault.is_some()
        };
        let decorated = own.usage.is_some() || own.finish.is_some() || own.latency.is_some();
        if answers(&own) || (decorated && rule.then.is_empty()) {
            steps.push(self.step(&own, path));
        } else if rule.then.is_empty() {
            self.wrong(
                path,
                "this rule has no answer",
                "it says only when",
                Some("give it `say`, `call`, `json`, `refuse`, `fault` or `then`".to_owned()),
            );
        } else if decorated {
            let help = "write them in each answer of `then`".to_owned();
            self.wrong(
                path,
                "`usage`, `finish` and `latency` belong to an answer",
                "this rule has none of its own",
                Some(help),
            );
        }
        for (at, answer) in rule.then.iter().enumerate() {
            steps.push(self.step(answer, &format!("{path}.then[{at}]")));
        }
        if rule.times == Some(0) {
            self.wrong(
                &format!("{path}.times"),
                "`times` is out of range",
                "expected 1 or more",
                None,
            );
        }
        AnswerRule {
            name: rule.name.clone().unwrap_or_else(|| format!("rule {}", nth + 1)),
            line: self.source.line(self.placed.place(path).start),
            when: self.conditions(&rule.when, &format!("{path}.when")),
            times: rule.times,
            steps,
            written: serde_json::to_value(rule).unwrap_or_default(),
        }
    }

    fn conditions(&mut self, when: &WrittenConditions, path: &str) -> AnswerConditions {
        let lower =
            |texts: &Several<String>| texts.0.iter().map(|text| text.to_lowercase()).collect();
        let at = |field: &str| format!("{path}.{field}");
        let regex = when.regex.as_ref().and_then(|pattern| match Regex::new(pattern) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let words = error.to_string();
                let words = words.lines().last().unwrap_or_default().to_owned();
                self.wrong(
                    &at("regex"),
                    "this is not a regular expression",
                    &words,
                    Some("in RON, r\"\\d+\" needs no doubled backslashes".to_owned()),
                );
                None
            }
        });
        let provider = when.provider.as_ref().and_then(|name| {
            let found = PROVIDERS.iter().find(|provider| provider.key == name).copied();
            if found.is_none() {
                let known: Vec<&str> = PROVIDERS.iter().map(|provider| provider.key).collect();
                let help = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("expected one of: {}", known.join(", ")),
                };
                self.wrong(
                    &at("provider"),
                    format!("there is no provider `{name}`"),
                    "not a provider",
                    Some(help),
                );
            }
            found
        });
        if let Some(model) = &when.model
            && (model.is_empty() || model.trim_end_matches('*').contains('*'))
        {
            self.wrong(
                &at("model"),
                format!("`{model}` cannot name a model"),
                "expected a model's name, which may end in `*`",
                None,
            );
        }
        if when.nth == Some(0) {
            self.wrong(
                &at("nth"),
                "`nth` is out of range",
                "expected 1 or more: the first request is 1",
                None,
            );
        }
        AnswerConditions {
            contains: lower(&when.contains),
            regex,
            system: lower(&when.system),
            model: when.model.clone(),
            provider,
            tool: when.tool.clone(),
            after: when.after.clone(),
            result: lower(&when.result),
            nth: when.nth,
            headers: when
                .header
                .iter()
                .map(|(name, value)| (name.to_lowercase(), value.clone()))
                .collect(),
        }
    }

    fn step(&mut self, answer: &WrittenAnswer, path: &str) -> AnswerStep {
        let at = |field: &str| format!("{path}.{field}");
        let bodies: Vec<&str> = [
            ("say", answer.say.is_some() && answer.call.is_none()),
            ("call", answer.call.is_some()),
            ("json", answer.json.is_some()),
            ("refuse", answer.refuse.is_some()),
        ]
        .iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| *name)
        .collect();
        if let [first, second, ..] = bodies[..] {
            let help = "an answer has one of `say`, `call`, `json` and `refuse`; `then` has further answers".to_owned();
            self.wrong(
                &at(second),
                format!("`{first}` and `{second}` are two answers"),
                "this one is too many",
                Some(help),
            );
        }
        if answer.call.as_ref().is_some_and(|calls| calls.0.is_empty()) {
            self.wrong(
                &at("call"),
                "`call` names no tool",
                "expected a call such as (name: \"search\", arguments: {\"q\": \"x\"})",
                None,
            );
        }
        let fault = answer
            .fault
            .as_ref()
            .and_then(|fault| self.fault(fault, bodies.first().copied(), path));
        if answer.latency.is_some_and(|latency| latency > MAX_WAIT) {
            self.wrong(
                &at("latency"),
                "`latency` is out of range",
                "expected at most an hour",
                None,
            );
        }
        let finish = answer.finish.as_ref().and_then(|finish| {
            let stop = match finish.as_str() {
                "stop" | "end_turn" => Stop::EndTurn,
                "length" | "max_tokens" => Stop::MaxTokens,
                "tool_calls" | "tool_use" => Stop::ToolUse,
                "content_filter" => Stop::ContentFilter,
                "refusal" => Stop::Refusal,
                other => {
                    let help = match nearest(other, FINISHES) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("expected one of: {}", FINISHES.join(", ")),
                    };
                    self.wrong(
                        &at("finish"),
                        format!("no answer ends with `{other}`"),
                        "not a reason",
                        Some(help),
                    );
                    return None;
                }
            };
            Some(stop)
        });
        let body = match answer {
            WrittenAnswer { call: Some(calls), say, .. } => {
                let one = |call: &WrittenToolCall| {
                    (call.name.clone(), Value::Object(call.arguments.clone()).to_string())
                };
                ScriptedBody::Calls(say.clone(), calls.0.iter().map(one).collect())
            }
            WrittenAnswer { say: Some(text), .. } => ScriptedBody::Say(text.clone()),
            WrittenAnswer { json: Some(value), .. } => ScriptedBody::Json(value.to_string()),
            WrittenAnswer { refuse: Some(words), .. } => ScriptedBody::Refuse(words.clone()),
            _ => ScriptedBody::Simulated,
        };
        AnswerStep {
            body,
            fault,
            input_tokens: answer.usage.and_then(|usage| usage.input),
            output_tokens: answer.usage.and_then(|usage| usage.output),
            finish,
            latency: answer.latency.unwrap_or_default(),
        }
    }

    fn fault(
        &mut self,
        fault: &WrittenAnswerFault,
        body: Option<&str>,
        path: &str,
    ) -> Option<ScriptedFault> {
        let at = |field: &str| format!("{path}.fault.{field}");
        let given: Vec<&str> = [
            ("status", fault.status.is_some()),
            ("timeout", fault.timeout.is_some()),
            ("cut_after", fault.cut_after.is_some()),
            ("malformed_after", fault.malformed_after.is_some()),
        ]
        .iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| *name)
        .collect();
        match given[..] {
            [] => {
                let help =
                    "give one of `status`, `timeout`, `cut_after` and `malformed_after`".to_owned();
                self.wrong(
                    &format!("{path}.fault"),
                    "this fault does not say what goes wrong",
                    "this one",
                    Some(help),
                );
                return None;
            }
            [first, second, ..] => {
                self.wrong(
                    &at(second),
                    format!("`{first}` and `{second}` are two faults"),
                    "this one is too many",
                    None,
                );
                return None;
            }
            [one] => {
                if let Some(body) = body.filter(|_| matches!(one, "status" | "timeout")) {
                    self.wrong(
                        &format!("{path}.{body}"),
                        format!("nobody gets this `{body}`"),
                        "the fault comes in its place",
                        Some(format!("leave `{body}` or `fault` out")),
                    );
                }
                if one != "status" && (fault.message.is_some() || fault.retry_after.is_some()) {
                    let field = if fault.message.is_some() { "message" } else { "retry_after" };
                    self.wrong(
                        &at(field),
                        format!("`{field}` says nothing about `{one}`"),
                        "it belongs to `status`",
                        None,
                    );
                }
            }
        }
        if fault.status.is_some_and(|status| !(400..=599).contains(&status)) {
            self.wrong(&at("status"), "`status` is out of range", "expected 400 to 599", None);
        }
        for (field, wait) in [("retry_after", fault.retry_after), ("timeout", fault.timeout)] {
            if wait.is_some_and(|wait| wait > MAX_WAIT) {
                self.wrong(
                    &at(field),
                    format!("`{field}` is out of range"),
                    "expected at most an hour",
                    None,
                );
            }
        }
        let events = |count: u64| u32::try_from(count).unwrap_or(u32::MAX).min(1_000_000);
        Some(match fault {
            WrittenAnswerFault { status: Some(status), message, retry_after, .. } => {
                ScriptedFault::Status {
                    status: u16::try_from(*status).unwrap_or(500),
                    message: message.clone(),
                    retry_after: *retry_after,
                }
            }
            WrittenAnswerFault { timeout: Some(delay), .. } => {
                ScriptedFault::Broken(FaultKind::Timeout { delay: *delay })
            }
            WrittenAnswerFault { cut_after: Some(count), .. } => {
                ScriptedFault::Broken(FaultKind::Cut { after_events: events(*count) })
            }
            WrittenAnswerFault { malformed_after, .. } => {
                ScriptedFault::Broken(FaultKind::Malformed {
                    after_events: events(malformed_after.unwrap_or_default()),
                })
            }
        })
    }
}

#[cfg(test)]
mod tests;
