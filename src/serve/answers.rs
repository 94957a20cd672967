//! Which scripted answer a request gets.
//!
//! Guarantees: the first rule that matches answers, the k-th request of a rule gets its k-th
//! answer; a request that nothing matches is told which rule came nearest and why it did not match.
//!
//! Does not know: HTTP, or how an answer is written.

use crate::diagnostic::shortened;
use crate::llm::chat::ChatRequest;
use crate::llm::wire::Provider;
use crate::scenario::{AnswerConditions, AnswerRule, AnswerScript, AnswerStep, ScriptedBody};
use crate::serve::sense::Talk;

/// Most characters of a text in a reason.
const MAX_SHOWN: usize = 80;

/// The script in force, and what became of its rules.
#[derive(Debug, Default)]
pub struct Answers {
    script: AnswerScript,
    counts: Vec<RuleCount>,
}

/// How often a rule matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCount {
    /// Requests that met its conditions, but for `nth`.
    pub met: u64,
    /// Requests that it answered.
    pub answered: u64,
}

/// A request as conditions see it.
#[derive(Debug)]
pub struct AskedOf<'a> {
    provider: Provider,
    request: &'a ChatRequest,
    headers: &'a [(&'a str, &'a str)],
    talk: Talk,
    question: String,
    system: String,
    results: Vec<(String, String)>,
}

impl<'a> AskedOf<'a> {
    /// Reads a request.
    #[must_use]
    pub fn of(
        provider: Provider,
        request: &'a ChatRequest,
        headers: &'a [(&'a str, &'a str)],
    ) -> Self {
        let talk = Talk::of(request);
        let results = talk
            .last_results()
            .map(|done| (done.tool.clone(), done.result.to_lowercase()))
            .collect();
        Self {
            provider,
            request,
            headers,
            question: talk.question.to_lowercase(),
            system: request.system.as_deref().unwrap_or_default().to_lowercase(),
            results,
            talk,
        }
    }
}

/// Why a rule does not match.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Miss<'r> {
    Contains(&'r str),
    Regex(&'r str),
    System(&'r str),
    Model(&'r str),
    Provider(Provider),
    Tool(&'r str),
    After(&'r str),
    Result(&'r str),
    Header(&'r str, &'r str),
    Finished,
    Nth(u64, u64),
    Spent(u64),
}

impl Miss<'_> {
    /// How far it leads away: a rule for what comes after a tool is far from a first question.
    fn weight(self) -> u32 {
        if matches!(self, Self::After(_)) { 2 } else { 1 }
    }

    fn words(self, asked: &AskedOf<'_>) -> String {
        let short = |text: &str| shortened(text, MAX_SHOWN).into_owned();
        match self {
            Self::Contains(text) => {
                format!(
                    "the user's last message \"{}\" does not contain \"{text}\"",
                    short(&asked.talk.question)
                )
            }
            Self::Regex(pattern) => format!(
                "the regular expression `{pattern}` finds nothing in the user's last message \"{}\"",
                short(&asked.talk.question)
            ),
            Self::System(text) => format!("the system prompt does not contain \"{text}\""),
            Self::Model(model) => format!("the model is `{}`, not `{model}`", asked.request.model),
            Self::Provider(provider) => {
                format!("the provider is `{}`, not `{}`", asked.provider.key, provider.key)
            }
            Self::Tool(tool) => format!("no tool `{tool}` is offered"),
            Self::After(tool) => match asked.results.first() {
                Some((name, _)) => format!("the last result is of `{name}`, not of `{tool}`"),
                None => format!("no result of `{tool}` came last"),
            },
            Self::Result(text) => format!("no last result contains \"{text}\""),
            Self::Header(name, value) => format!("the header `{name}` is not `{value}`"),
            Self::Finished => "its tools have their results already".to_owned(),
            Self::Nth(met, nth) => format!("it is request {met} of this kind, not {nth}"),
            Self::Spent(1) => "it has answered 1 request, as many as it may".to_owned(),
            Self::Spent(times) => format!("it has answered {times} requests, as many as it may"),
        }
    }
}

/// What the script has for a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Picked {
    /// Nothing: the simulated models answer.
    Simulated,
    /// This answer.
    Scripted(Box<AnswerStep>),
    /// An error with these words: nothing matches, and the script is strict.
    Unmatched(String),
}

fn names_model(pattern: &str, model: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == model, |head| model.starts_with(head))
}

/// Hands over each condition of a rule that does not hold, until `see` has enough; without `nth`
/// and `times`.
fn misses<'r>(rule: &'r AnswerRule, asked: &AskedOf<'_>, see: &mut dyn FnMut(Miss<'r>) -> bool) {
    let when: &AnswerConditions = &rule.when;
    let mut miss = |holds: bool, miss: Miss<'r>| !holds && see(miss);
    if let Some(provider) = when.provider
        && miss(provider == asked.provider, Miss::Provider(provider))
    {
        return;
    }
    if let Some(model) = &when.model
        && miss(names_model(model, &asked.request.model), Miss::Model(model))
    {
        return;
    }
    for (name, value) in &when.headers {
        let has = asked
            .headers
            .iter()
            .any(|(own, found)| own == name && (value == "*" || found == value));
        if miss(has, Miss::Header(name, value)) {
            return;
        }
    }
    if let Some(tool) = &when.tool
        && miss(asked.request.tools.iter().any(|own| own.name == *tool), Miss::Tool(tool))
    {
        return;
    }
    if let Some(tool) = &when.after
        && miss(
            asked.results.iter().any(|(name, _)| tool == "*" || name == tool),
            Miss::After(tool),
        )
    {
        return;
    }
    for text in &when.result {
        if miss(asked.results.iter().any(|(_, result)| result.contains(text)), Miss::Result(text)) {
            return;
        }
    }
    for text in &when.contains {
        if miss(asked.question.contains(text), Miss::Contains(text)) {
            return;
        }
    }
    if let Some(regex) = &when.regex
        && miss(
            regex.is_match(&asked.talk.question).unwrap_or_default(),
            Miss::Regex(regex.as_str()),
        )
    {
        return;
    }
    for text in &when.system {
        if miss(asked.system.contains(text), Miss::System(text)) {
            return;
        }
    }
    // A rule that calls tools has done so once they have their results.
    let calls = rule.steps.iter().all(|step| matches!(step.body, ScriptedBody::Calls(..)));
    if calls && when.after.is_none() && when.result.is_empty() {
        let done = |name: &str| {
            asked.talk.done.iter().any(|done| done.tool == name && !done.result.is_empty())
        };
        let finished = rule.steps.iter().all(|step| match &step.body {
            ScriptedBody::Calls(_, calls) => calls.iter().all(|(name, _)| done(name)),
            _ => false,
        });
        miss(!finished, Miss::Finished);
    }
}

impl Answers {
    /// The answers of a script.
    #[must_use]
    pub fn new(script: AnswerScript) -> Self {
        Self { counts: vec![RuleCount::default(); script.rules.len()], script }
    }

    /// Whether there is anything to match.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.script.rules.is_empty() && !self.script.strict
    }

    /// The rules, with how often each matched.
    pub fn rules(&self) -> impl Iterator<Item = (&AnswerRule, RuleCount)> {
        self.script.rules.iter().zip(self.counts.iter().copied())
    }

    /// Whether a request that nothing matches is an error.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.script.strict
    }

    /// Counts from the start again.
    pub fn start_over(&mut self) {
        self.counts.fill(RuleCount::default());
    }

    /// The answer for a request; counts it.
    pub fn pick(&mut self, asked: &AskedOf<'_>) -> Picked {
        for (rule, count) in self.script.rules.iter().zip(&mut self.counts) {
            let mut missed = false;
            misses(rule, asked, &mut |_| {
                missed = true;
                true
            });
            if missed {
                continue;
            }
            count.met += 1;
            let waits = rule.when.nth.is_some_and(|nth| nth != count.met);
            if waits || rule.times.is_some_and(|times| count.answered >= times) {
                continue;
            }
            let nth = usize::try_from(count.answered).unwrap_or(usize::MAX);
            count.answered += 1;
            if let Some(step) = rule.steps.get(nth).or(rule.steps.last()) {
                return Picked::Scripted(Box::new(step.clone()));
            }
        }
        if self.script.strict {
            Picked::Unmatched(self.unmatched(asked))
        } else {
            Picked::Simulated
        }
    }

    /// The words for a request that nothing matches.
    fn unmatched(&self, asked: &AskedOf<'_>) -> String {
        let script = if self.script.name.is_empty() { "the answers" } else { &self.script.name };
        let near = self.script.rules.iter().zip(&self.counts).map(|(rule, count)| {
            let mut why: Vec<Miss<'_>> = Vec::new();
            misses(rule, asked, &mut |miss| {
                why.push(miss);
                false
            });
            if let Some(nth) = rule.when.nth.filter(|_| why.is_empty())
                && nth != count.met
            {
                why.push(Miss::Nth(count.met, nth));
            }
            if let Some(times) =
                rule.times.filter(|times| why.is_empty() && count.answered >= *times)
            {
                why.push(Miss::Spent(times));
            }
            (rule, why)
        });
        let Some((rule, why)) =
            near.min_by_key(|(_, why)| why.iter().map(|miss| miss.weight()).sum::<u32>())
        else {
            return format!("no rule of {script} matches this request: there are none");
        };
        let why: Vec<String> = why.iter().map(|miss| miss.words(asked)).collect();
        format!(
            "no rule of {script} matches this request; the nearest is {} in line {}: {}",
            rule.name,
            rule.line,
            why.join("; and ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceText;
    use crate::llm::chat::{ContentPart, Message, OfferedTool, Role, ToolResult, ToolUse};
    use crate::llm::wire::PROVIDERS;
    use crate::scenario::parse_answers;

    fn answers(text: &str) -> Answers {
        Answers::new(parse_answers(&SourceText::new("a.ron", text)).unwrap())
    }

    fn request(text: &str) -> ChatRequest {
        let content = vec![ContentPart::Text(text.to_owned())];
        ChatRequest {
            messages: vec![Message { role: Role::User, content }],
            ..ChatRequest::new("gpt-4o")
        }
    }

    fn picked(answers: &mut Answers, request: &ChatRequest, headers: &[(&str, &str)]) -> String {
        match answers.pick(&AskedOf::of(PROVIDERS[1], request, headers)) {
            Picked::Simulated => "simulated".to_owned(),
            Picked::Unmatched(why) => why,
            Picked::Scripted(step) => match step.body {
                ScriptedBody::Say(text) => text,
                ScriptedBody::Calls(_, calls) => format!("{}{}", calls[0].0, calls[0].1),
                other => format!("{other:?}"),
            },
        }
    }

    #[test]
    fn the_first_rule_that_matches_answers_in_sequence() {
        let mut own = answers(
            "[(when: (contains: [\"a\", \"B\"]), say: \"1\", then: [(say: \"2\")]), (when: (regex: \"^c\"), times: 1, say: \"c\"), (when: (nth: 2, model: \"gpt-*\"), say: \"second\")]",
        );
        let mut ask = |text: &str| picked(&mut own, &request(text), &[]);
        assert_eq!([ask("b and a"), ask("A, b"), ask("ab")], ["1", "2", "2"]);
        assert_eq!([ask("c"), ask("c"), ask("c")], ["c", "simulated", "second"]);
        own.start_over();
        assert_eq!(picked(&mut own, &request("ab"), &[]), "1");
    }

    #[test]
    fn headers_tools_and_results_are_conditions_and_a_tool_loop_ends() {
        let mut own = answers(
            "[(when: (header: {\"X-Test\": \"7\"}), say: \"header\"), (when: (tool: \"t\", contains: \"go\"), call: (name: \"t\", arguments: {\"x\": 1})), (when: (after: \"t\", result: \"fine\"), say: \"done\")]",
        );
        assert_eq!(picked(&mut own, &request("go"), &[("x-test", "7")]), "header");
        assert_eq!(picked(&mut own, &request("go"), &[("x-test", "8")]), "simulated");
        let tool = OfferedTool {
            name: "t".to_owned(),
            description: String::new(),
            schema: "{}".to_owned(),
        };
        let mut asked = ChatRequest { tools: vec![tool], ..request("go") };
        assert_eq!(picked(&mut own, &asked, &[]), "t{\"x\":1}");
        let call = ToolUse { id: "1".to_owned(), name: "t".to_owned(), input: "{}".to_owned() };
        let result =
            ToolResult { id: "1".to_owned(), content: "Fine.".to_owned(), is_error: false };
        asked
            .messages
            .push(Message { role: Role::Assistant, content: vec![ContentPart::ToolUse(call)] });
        asked
            .messages
            .push(Message { role: Role::User, content: vec![ContentPart::ToolResult(result)] });
        assert_eq!(picked(&mut own, &asked, &[]), "done");
    }

    #[test]
    fn a_strict_script_names_the_nearest_rule_and_why_it_does_not_match() {
        let mut own = answers(
            "(strict: true, rules: [(when: (contains: \"x\", model: \"m\", tool: \"t\"), say: \"1\"),\n (name: \"refunds\", when: (contains: \"refund\", provider: \"openai\"), say: \"2\")])",
        );
        assert_eq!(
            picked(&mut own, &request("Hello"), &[]),
            "no rule of a.ron matches this request; the nearest is refunds in line 2: the user's last message \"Hello\" does not contain \"refund\""
        );
        assert_eq!(
            picked(&mut answers("(strict: true)"), &request("Hello"), &[]),
            "no rule of a.ron matches this request: there are none"
        );
        let mut once = answers("(strict: true, rules: [(say: \"1\", times: 1)])");
        assert_eq!(picked(&mut once, &request("Hello"), &[]), "1");
        assert!(
            picked(&mut once, &request("Hello"), &[])
                .ends_with("it has answered 1 request, as many as it may")
        );
    }
}
