//! What a model does with one request: calls that are due, an answer in the form that is asked for.
//!
//! Guarantees: calls that have their results are not made again, so a conversation ends; a request
//! that demands a call always gets one.
//!
//! Does not know: how a tool, an argument or a sentence is found.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fill::{self, Statement};
use super::plan::{self, Planned};
use super::prose::{self, TextForm};
use super::speech::Speech;
use super::talk::{Talk, ToolCallRecord};
use super::tools::{self, FITS, Offer, ToolPurpose, handed_to};
use super::worded::{self, WordedForm, WordedTools};
use super::words;
use crate::llm::chat::{ChatRequest, Output, ToolChoice};
use crate::serve::invent::{self, Unmet};

/// What a model does.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// What the scenario's models do. Whether they may call the scenario's own tools.
    Own(bool),
    /// It calls these tools of the request, by their places, with these arguments.
    Calls(Vec<(usize, String)>),
    /// It has to call a tool, by its place, whose schema nothing satisfies.
    Unmet(usize, Unmet),
    /// It answers in JSON of the request's schema, with these fields known; the words are for texts,
    /// unless the scenario's knowledge base has better ones.
    Typed(Map<String, Value>, Option<Speech>),
    /// It says something.
    Say(Speech),
}

/// Bytes of memory that a byte of JSON takes when it is read.
pub const BYTES_OF_JSON: usize = 8;

impl Turn {
    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Own(_) | Self::Unmet(..) => 0,
            Self::Calls(calls) => calls.iter().map(|(_, input)| input.len() + 32).sum(),
            Self::Typed(known, speech) => {
                let known = serde_json::to_string(known).map_or(0, |text| text.len());
                known * BYTES_OF_JSON + speech.as_ref().map_or(0, Speech::bytes)
            }
            Self::Say(speech) => speech.bytes(),
        }
    }
}

/// What is known of a request besides its text.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// Whether a tool is one of the scenario's.
    pub is_own_tool: &'a dyn Fn(&str) -> bool,
    /// Whether an agent of the scenario asks, with the instructions that the scenario gives it.
    pub is_own_agent: bool,
    /// The topic of the knowledge base that the question is about, in words.
    pub topic: Option<&'a str>,
    /// The place of the handoff that the scenario's graph takes.
    pub way: Option<usize>,
}

/// What a model does with this request.
#[must_use]
pub fn decide(request: &ChatRequest, setting: Setting<'_>) -> Turn {
    let forced = matches!(request.tool_choice, ToolChoice::Any | ToolChoice::Named(_));
    let own = request.tools.iter().all(|tool| (setting.is_own_tool)(&tool.name));
    let typed = request.output != Output::Text;
    if !forced && !typed && own && (!request.tools.is_empty() || setting.is_own_agent) {
        return Turn::Own(true);
    }
    let talk = Talk::worked_on(request);
    let question = Statement::of(&talk.task, setting.topic);
    let offers = tools::offers(request);
    if let Some(turn) = calls(request, setting, &offers, &talk, &question) {
        return turn;
    }
    // What an agent of the scenario says keeps its form.
    if setting.is_own_agent && talk.done.is_empty() {
        return Turn::Own(false);
    }
    let speech = || say(&talk, &question, setting);
    let prose = prose::asked(request.system.as_deref().unwrap_or_default(), &talk.question);
    if let Some(turn) = in_words(request, setting, &talk, &question, prose.as_ref()) {
        return turn;
    }
    match (&request.output, prose) {
        (Output::JsonSchema { schema, .. }, _) => {
            let schema = serde_json::from_str(schema).unwrap_or_default();
            Turn::Typed(known(&schema, &talk, &question), speech())
        }
        (Output::OneOf(words), _) => {
            let options: Vec<Value> = words.iter().map(|word| word.as_str().into()).collect();
            let mut named = fill::named_options(&options, &question.text);
            let named = named.pop().filter(|_| named.is_empty());
            let named = named.as_ref().and_then(Value::as_str).map(|word| vec![word.to_owned()]);
            Turn::Say(Speech::Choice(named.unwrap_or_else(|| words.clone())))
        }
        (Output::JsonObject | Output::Text, Some(TextForm::Json { schema, fenced })) => {
            let text = json_text(&schema, &talk, &question, setting);
            let fence = |text: String| if fenced { format!("```json\n{text}\n```") } else { text };
            match text {
                Some(text) => Turn::Say(Speech::Words(fence(text))),
                None => Turn::Typed(Map::new(), speech()),
            }
        }
        (Output::JsonObject, _) => Turn::Typed(Map::new(), speech()),
        (Output::Text, Some(asked)) => Turn::Say(formed(asked, &talk, &question)),
        (Output::Text, None) => match speech() {
            Some(speech) => Turn::Say(speech),
            None => Turn::Own(false),
        },
    }
}

/// What is said in words; none where the knowledge base knows better.
fn say(talk: &Talk, question: &Statement, setting: Setting<'_>) -> Option<Speech> {
    if talk.done.iter().any(|done| !done.result.trim().is_empty() && !is_handoff(done)) {
        let work: Vec<ToolCallRecord> =
            talk.done.iter().filter(|done| !is_handoff(done)).cloned().collect();
        return Some(Speech::of_results(&work));
    }
    if setting.topic.is_some() {
        return None;
    }
    let told = tools::asks_something(&question.text);
    Some(if told { Speech::about(&question.subject) } else { greeting(question) })
}

fn greeting(question: &Statement) -> Speech {
    const HELLOS: [&str; 6] = ["hello", "hi", "hey", "good", "greetings", "howdy"];
    let first = words::split(&question.text).into_iter().next().map(|(_, word)| word);
    if first.is_some_and(|word| HELLOS.contains(&word.as_str())) {
        Speech::Greeting
    } else {
        Speech::about(&question.subject)
    }
}

fn is_handoff(done: &ToolCallRecord) -> bool {
    handed_to(&done.tool).is_some()
}

/// The calls that are due, if any.
fn calls(
    request: &ChatRequest,
    setting: Setting<'_>,
    offers: &[Offer],
    talk: &Talk,
    question: &Statement,
) -> Option<Turn> {
    if offers.is_empty() || request.tool_choice == ToolChoice::None {
        return None;
    }
    let forced = request.tool_choice != ToolChoice::Auto;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for done in talk.done.iter().filter(|done| !done.again) {
        *counts.entry(done.tool.as_str()).or_default() += 1;
    }
    let made = |tool: usize| {
        let name = offers.get(tool).map(|offer| offer.name.as_str()).unwrap_or_default();
        counts.get(name).copied().unwrap_or_default()
    };
    let turn = |planned: Vec<Planned>| -> Option<Turn> {
        let most = if request.parallel_tools { planned.len() } else { 1 };
        let due: Vec<Planned> = planned.into_iter().take(most).collect();
        let first = due.first()?;
        let offer = offers.get(first.tool)?;
        // A model that has to call a tool cannot, where nothing satisfies the schema.
        if forced
            && !invent::holds(&offer.schema, &first.input)
            && let Err(why) = invent::object(&offer.schema, &question.subject)
        {
            return Some(Turn::Unmet(first.tool, why));
        }
        Some(Turn::Calls(due.into_iter().map(|call| (call.tool, call.input.to_string())).collect()))
    };
    if let ToolChoice::Named(name) = &request.tool_choice {
        let tool = offers.iter().position(|offer| offer.name == *name)?;
        let due = match offers.get(tool)?.purpose {
            ToolPurpose::Work => plan::one_call(offers, tool, question),
            _ => final_call(offers, tool, talk, question, setting),
        };
        return turn(due);
    }
    let fits = plan::fits(offers, question);
    let mut due: Vec<Planned> = Vec::new();
    let mut seen: Vec<usize> = Vec::new();
    for call in plan::plan(offers, &fits, talk, question) {
        // The scenario's own tools are called as its models like, unless one has to be called.
        let own = offers.get(call.tool).is_some_and(|offer| (setting.is_own_tool)(&offer.name));
        let nth = seen.iter().filter(|tool| **tool == call.tool).count();
        seen.push(call.tool);
        if nth >= made(call.tool) && (forced || !own) {
            due.push(call);
        }
    }
    let handed = talk.done.iter().any(is_handoff);
    let is_open = |tool: &usize| made(*tool) == 0;
    let score = |tool: usize| fits.get(tool).map_or(0, |fit| fit.score);
    // An agent of the scenario goes where its graph says, whatever words the question has.
    if let Some(tool) = setting.way.filter(|tool| setting.is_own_agent && is_open(tool) && !handed)
    {
        return turn(plan::one_call(offers, tool, question));
    }
    let handoff = plan::handoff(offers, &fits)
        .filter(|tool| is_open(tool) && (!handed || score(*tool) >= FITS))
        .filter(|tool| due.iter().all(|call| score(call.tool) < score(*tool)));
    let handoff =
        handoff.or_else(|| setting.way.filter(|tool| is_open(tool) && !handed && due.is_empty()));
    if let Some(tool) = handoff {
        return turn(plan::one_call(offers, tool, question));
    }
    if !due.is_empty() {
        return turn(due);
    }
    let of = |purpose: ToolPurpose| {
        let own = offers.iter().enumerate().filter(move |(_, offer)| offer.purpose == purpose);
        own.map(|(tool, _)| tool)
    };
    let best = |tool: &usize| (score(*tool), std::cmp::Reverse(*tool));
    // Several types for an answer: the one that the question names, or else the first.
    if let Some(tool) = of(ToolPurpose::Final).filter(is_open).max_by_key(best) {
        return turn(final_call(offers, tool, talk, question, setting));
    }
    if !forced {
        return None;
    }
    // A tool has to be called: the best that has no result yet.
    let work = of(ToolPurpose::Work).filter(is_open);
    let open = work.chain(of(ToolPurpose::Handoff).filter(|tool| is_open(tool) && !handed));
    if let Some(tool) = open.max_by_key(best) {
        return turn(plan::one_call(offers, tool, question));
    }
    // All have their results: one that takes the answer again, or else the best again.
    if let Some(tool) = of(ToolPurpose::Final).max_by_key(best) {
        return turn(final_call(offers, tool, talk, question, setting));
    }
    let again = of(ToolPurpose::Work).max_by_key(best);
    let tool = again.or_else(|| of(ToolPurpose::Handoff).max_by_key(best))?;
    turn(plan::one_call(offers, tool, question))
}

/// What a model does with tools that a prompt offers in words: calls of those that fit, in the words
/// that the prompt asks for, and then the answer.
fn in_words(
    request: &ChatRequest,
    setting: Setting<'_>,
    talk: &Talk,
    question: &Statement,
    asked: Option<&TextForm>,
) -> Option<Turn> {
    if !request.tools.is_empty() {
        return None;
    }
    let schema = match &request.output {
        Output::JsonSchema { schema, .. } => serde_json::from_str::<Value>(schema).ok(),
        _ => None,
    };
    let system = request.system.as_deref().unwrap_or_default();
    let WordedTools { tools, form } =
        worded::offered(system, &talk.question, asked, schema.as_ref())?;
    let is_code = matches!(form, WordedForm::Code(..));
    let offered = ChatRequest { tools, parallel_tools: is_code, ..ChatRequest::new("") };
    let offers = tools::offers(&offered);
    let setting =
        Setting { is_own_tool: &|_| false, is_own_agent: false, topic: setting.topic, way: None };
    // Code hands the answer over in the step that calls, so a second step only ends it.
    let made = match is_code && !talk.done.is_empty() {
        true => None,
        false => calls(&offered, setting, &offers, talk, question),
    };
    let Some(Turn::Calls(made)) = made else {
        let words = answer_words(talk, question, setting);
        return form.answer(&words).map(|text| Turn::Say(Speech::Words(text)));
    };
    let call = |(tool, input): &(usize, String)| {
        let input = serde_json::from_str::<Value>(input).ok()?;
        Some((offers.get(*tool)?.name.as_str(), input))
    };
    let made: Vec<(&str, Value)> = made.iter().filter_map(call).collect();
    form.call(&made).map(|text| Turn::Say(Speech::Words(text)))
}

/// The call of a tool that takes the answer.
fn final_call(
    offers: &[Offer],
    tool: usize,
    talk: &Talk,
    question: &Statement,
    setting: Setting<'_>,
) -> Vec<Planned> {
    let Some(offer) = offers.get(tool) else { return Vec::new() };
    let words = answer_words(talk, question, setting);
    let known = known(&offer.schema, talk, question);
    let input = invent::with_fields(&offer.schema, &words, known)
        .unwrap_or_else(|_| Value::Object(Map::new()));
    vec![Planned { tool, input }]
}

/// Words for the texts of a typed answer.
fn answer_words(talk: &Talk, question: &Statement, setting: Setting<'_>) -> String {
    match say(talk, question, setting) {
        Some(speech) => speech.text(0),
        None => setting.topic.unwrap_or(&question.subject).to_owned(),
    }
}

fn known(schema: &Value, talk: &Talk, question: &Statement) -> Map<String, Value> {
    let results: Vec<Statement> = talk
        .done
        .iter()
        .filter(|done| !is_handoff(done) && !done.again)
        .map(|done| Statement::of(&done.result, None))
        .collect();
    fill::typed(schema, question, &results)
}

/// JSON that a prompt asks for in words.
fn json_text(
    schema: &Value,
    talk: &Talk,
    question: &Statement,
    setting: Setting<'_>,
) -> Option<String> {
    let words = answer_words(talk, question, setting);
    let known = known(schema, talk, question);
    invent::with_fields(schema, &words, known).ok().map(|value| value.to_string())
}

/// An answer in a form that is asked for in words.
fn formed(asked: TextForm, talk: &Talk, question: &Statement) -> Speech {
    let words = match talk.done.is_empty() {
        true => Speech::about(&question.subject).text(3),
        false => Speech::of_results(&talk.done).text(0),
    };
    match asked {
        TextForm::Choice { lead, options } => {
            let why = if lead.is_empty() {
                String::new()
            } else {
                "This grade is simulated.\n\n".to_owned()
            };
            Speech::Choice(options.iter().map(|option| format!("{why}{lead}{option}")).collect())
        }
        TextForm::Score(low, high) => Speech::Choice(
            (low..=high.min(low.saturating_add(200))).map(|score| score.to_string()).collect(),
        ),
        TextForm::Code { language, marks, hands_over } => {
            let text = Value::String(words).to_string();
            let code = match (hands_over, language.as_str()) {
                (true, _) => format!("final_answer({text})"),
                (_, "python") => format!("def answer():\n    return {text}"),
                (_, "javascript" | "typescript") => {
                    format!("function answer() {{\n  return {text};\n}}")
                }
                (_, "rust") => format!("fn answer() -> &'static str {{\n    {text}\n}}"),
                (_, "sql") => "SELECT 1;".to_owned(),
                (_, "html") => "<p>A simulated answer.</p>".to_owned(),
                (_, "css") => "p { color: inherit; }".to_owned(),
                _ => format!("echo {text}"),
            };
            Speech::Words(match marks {
                Some((before, behind)) => {
                    format!("Thought: this answer is simulated.\n{before}\n{code}\n{behind}")
                }
                None => format!("```{language}\n{code}\n```"),
            })
        }
        TextForm::Marked(marks, fields) => {
            let field = |(name, schema): &(String, Value)| {
                let made = match schema["properties"].is_object() {
                    true => invent::with_fields(schema, &words, known(schema, talk, question)),
                    false => invent::value(schema, &words),
                };
                let value = match made {
                    Ok(Value::String(text)) => text,
                    Ok(value) => value.to_string(),
                    Err(_) => words.clone(),
                };
                (name.clone(), value)
            };
            let fields: Vec<(String, String)> = fields.iter().map(field).collect();
            Speech::Words(marks.written(&fields))
        }
        TextForm::Json { .. } => Speech::Words(words),
    }
}
