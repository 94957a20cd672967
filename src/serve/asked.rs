//! What a chat request asks, read off its text as a model would: who calls, about what, and in
//! which form it wants the answer.
//!
//! Guarantees: any request is read as something; the same request is read alike. What `run` would
//! ask in the same words is read back as the same prompt, tokens included.
//!
//! Does not know: HTTP, or what is answered.

use std::sync::Arc;

use serde_json::Value;

use crate::knowledge::retrieval;
use crate::knowledge::tokens::count;
use crate::knowledge::{
    Complexity, KnowledgeBase, PiiSet, Question, TopicId, recognize, recognize_grade,
    recognize_topic,
};
use crate::llm::chat::{ChatRequest, ContentPart, Message, Output, Role, ToolChoice};
use crate::llm::input::input_tokens;
use crate::llm::model::{Body, Passages, Said, Situation, Subject, Visible};
use crate::llm::tasks::Task;
use crate::llm::wire::Provider;
use crate::random::Owner;
use crate::serve::listed_texts::ListedTexts;
use crate::serve::sense::{BYTES_OF_JSON, Turn, properties, without_notes};

/// The form of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// As the model likes: words, or calls of the tools on offer.
    Free,
    /// A call of the request's tool at this index.
    Call(usize),
    /// JSON of this schema; null when any object will do.
    Json(Value),
}

/// A chat request, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatIntent {
    /// What is asked for.
    pub task: Task,
    /// The form of the answer.
    pub form: Form,
    /// What it is about.
    pub subject: Subject,
    /// The user's last words.
    pub words: String,
    /// What in them it is all about: without what an agent, a writer or a judge is told to do with
    /// it.
    pub question: Arc<str>,
    /// The question of the knowledge base's list that it is.
    pub listed: Option<Question>,
    /// Tokens of the whole input.
    pub input_tokens: u32,
    /// What the model does, as far as the text decides it.
    pub turn: Turn,
}

impl ChatIntent {
    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let form = match &self.form {
            Form::Json(schema) => schema.to_string().len() * BYTES_OF_JSON,
            Form::Free | Form::Call(_) => 0,
        };
        size_of::<Self>() + self.words.len() + self.question.len() + form + self.turn.bytes()
    }

    /// What it is all about, as what stands in a prompt.
    #[must_use]
    pub fn body(&self) -> Body {
        Body::Question(match self.listed {
            Some(question) => Said::Recipe(question),
            None => Said::Words(Arc::clone(&self.question)),
        })
    }
}

/// The texts of a message, without tool calls, results and notes.
fn texts(message: &Message) -> Vec<&str> {
    let parts = message.content.iter();
    let all = parts.filter_map(|part| {
        if let ContentPart::Text(text) = part { Some(text.as_str()) } else { None }
    });
    all.filter(|text| text.is_empty() || !without_notes(text).is_empty()).collect()
}

/// The words of a message.
fn words(message: &Message) -> String {
    texts(message).join("\n")
}

/// What stands behind the first mark, whose letters may be upper or lower case; the mark is ASCII.
fn behind<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let at = text
        .as_bytes()
        .windows(mark.len())
        .position(|window| window.eq_ignore_ascii_case(mark.as_bytes()))?;
    Some(text[at + mark.len()..].trim_start())
}

/// The first passage in quotation marks.
fn quoted(text: &str) -> Option<&str> {
    let text = &text[text.find('"')? + 1..];
    Some(&text[..text.find('"')?])
}

/// The question and the answer that a judge is shown: the first text block and the others, or what
/// stands behind `Question:` and `Answer:` up to what the judge is told to reply.
fn shown<'a>(parts: &[&'a str], whole: &'a str) -> (&'a str, Vec<&'a str>) {
    if let [question, answer @ ..] = parts
        && !answer.is_empty()
    {
        return (question, answer.to_vec());
    }
    let question = behind(whole, "question:").unwrap_or(whole);
    let Some(answer) = behind(question, "answer:").or_else(|| behind(question, "response:")) else {
        return (question, vec![question]);
    };
    let asked = question[..question.len() - answer.len()].trim_end();
    let end = ["\n\nReply with", "\n\nRespond with", "\n\nAnswer with"]
        .iter()
        .filter_map(|told| answer.rfind(told))
        .min();
    (asked, vec![&answer[..end.unwrap_or(answer.len())]])
}

/// Understands a request.
#[must_use]
pub fn understand(
    provider: Provider,
    request: &ChatRequest,
    (base, listed): (&KnowledgeBase, &ListedTexts),
) -> ChatIntent {
    let last = request
        .messages
        .iter()
        .rposition(|message| message.role == Role::User && !words(message).trim().is_empty());
    let asked = last.and_then(|at| request.messages.get(at));
    let question = asked.map(words).unwrap_or_default();
    let after = request.messages.iter().skip(last.map_or(0, |at| at + 1));
    let results = after.flat_map(|message| &message.content).filter_map(|part| match part {
        ContentPart::ToolResult(result) => Some(result.content.as_str()),
        _ => None,
    });
    let form = form(request);
    let task = task(request, &form, &question);
    let parts = asked.map(texts).unwrap_or_default();
    let passage = match task {
        Task::Judge => shown(&parts, &question).0,
        Task::Prescreen | Task::Screen => behind(&question, "user input:").unwrap_or(&question),
        Task::Question => quoted(&question).unwrap_or(&question),
        Task::Answer | Task::Topics | Task::Route | Task::Plan | Task::Critique | Task::Guard => {
            &question
        }
    };
    let known = listed.find(base, passage);
    let mut read = recognize(passage, base);
    if let Some((_, question, redacted)) = known {
        read.topic = Some(question.topic());
        read.items = question.items().without(redacted);
        read.redacted = redacted;
        read.complexity = question.depth().or(read.complexity);
    }
    let topic = read.topic.unwrap_or_else(|| anything(passage, base));
    let personal = match task {
        // Here the words ask for personal data rather than hold it.
        Task::Question if wants_personal_data(request, &question) => PiiSet::ALL,
        Task::Question => PiiSet::NONE,
        _ => read.items,
    };
    let subject = Subject {
        topic,
        complexity: read
            .complexity
            .or_else(|| named_complexity(&question))
            .unwrap_or(Complexity::Intermediate),
        personal,
        redacted: if task == Task::Answer { read.redacted } else { PiiSet::NONE },
        rounds: u16::try_from(results.clone().count()).unwrap_or(u16::MAX),
        passages: results
            .map(|text| passages(text, topic, base))
            .fold(Passages::default(), Passages::and),
        // How good earlier answers were cannot be read off a text.
        remembered: 0,
        visible: if task == Task::Judge {
            visible(&shown(&parts, &question).1)
        } else {
            Visible::default()
        },
        situation: Situation::Plain,
    };
    let complexity = subject.complexity;
    // With something redacted it is no question of the list any more.
    let listed = known.filter(|(.., redacted)| redacted.is_empty());
    ChatIntent {
        task,
        form,
        subject,
        listed: listed.map(|(id, question, _)| Question::of_list(id, question, complexity)),
        input_tokens: input_tokens(provider, request),
        turn: Turn::Own(true),
        question: passage.into(),
        words: question,
    }
}

/// The passages of the knowledge base that a tool's result holds.
fn passages(text: &str, topic: TopicId, base: &KnowledgeBase) -> Passages {
    let (on_topic, off_topic) = retrieval::named(base, text, topic);
    Passages { on_topic, off_topic }
}

/// A text about nothing that the knowledge base knows still gets an answer: about some topic,
/// always the same.
fn anything(text: &str, base: &KnowledgeBase) -> TopicId {
    base.topic((xxhash_rust::xxh3::xxh3_64(text.as_bytes()) % 1_000_003) as usize)
}

fn form(request: &ChatRequest) -> Form {
    match (&request.tool_choice, &request.output) {
        (ToolChoice::Named(name), _) => {
            match request.tools.iter().position(|tool| tool.name == *name) {
                Some(tool) => Form::Call(tool),
                None => Form::Free,
            }
        }
        (ToolChoice::Any, _) if !request.tools.is_empty() => Form::Call(0),
        (_, Output::JsonSchema { schema, .. }) => {
            Form::Json(serde_json::from_str(schema).unwrap_or_default())
        }
        (_, Output::JsonObject) => Form::Json(Value::Null),
        _ => Form::Free,
    }
}

/// The schema of a structured answer.
pub fn schema(request: &ChatRequest, form: &Form) -> Value {
    match form {
        Form::Call(tool) => request
            .tools
            .get(*tool)
            .and_then(|tool| serde_json::from_str(&tool.schema).ok())
            .unwrap_or_default(),
        Form::Json(schema) => schema.clone(),
        Form::Free => Value::Null,
    }
}

fn task(request: &ChatRequest, form: &Form, question: &str) -> Task {
    let schema = schema(request, form);
    let has = |name: &str| properties(&schema).is_some_and(|fields| fields.contains_key(name));
    if has("likely_contains_pii") && has("recommended_route") {
        return Task::Prescreen;
    }
    if has("detected") && has("redacted") {
        return Task::Screen;
    }
    if *form != Form::Free || !request.tools.is_empty() {
        return Task::Answer;
    }
    let told = format!("{}\n{}", request.system.as_deref().unwrap_or_default(), edges(question))
        .to_lowercase();
    let says = |word: &str| told.contains(word);
    let any = |words: &[&str]| words.iter().any(|word| told.contains(word));
    if says("positive")
        && says("negative")
        && says("none")
        && any(&["rate", "feedback", "reply with", "respond with"])
    {
        return Task::Judge;
    }
    let writes = any(&["generate", "write", "create"]);
    if says("topics") && (writes || any(&["list", "extract", "identify"])) {
        return Task::Topics;
    }
    if writes
        && any(&[
            "one question",
            "single question",
            "a question",
            "a realistic",
            "user question",
            "questions that",
            "a query",
            "user query",
        ])
    {
        return Task::Question;
    }
    Task::Answer
}

/// Characters at each end of a message in which a client says what it wants; documents stand
/// between them.
const EDGE_CHARACTERS: usize = 2_000;

/// The beginning and the end of a long message.
fn edges(text: &str) -> String {
    let ends =
        (text.char_indices().nth(EDGE_CHARACTERS), text.char_indices().nth_back(EDGE_CHARACTERS));
    match ends {
        (Some((head, _)), Some((tail, _))) if head < tail => {
            format!("{}\n{}", &text[..head], &text[tail..])
        }
        _ => text.to_owned(),
    }
}

fn wants_personal_data(request: &ChatRequest, question: &str) -> bool {
    let told =
        format!("{}\n{question}", request.system.as_deref().unwrap_or_default()).to_lowercase();
    ["pii", "personal data", "personal information", "email", "e-mail"]
        .iter()
        .any(|word| told.contains(word))
}

/// The depth that is named first: what it means may be explained for all of them further on.
fn named_complexity(text: &str) -> Option<Complexity> {
    let text = text.to_lowercase();
    let named = Complexity::ALL
        .into_iter()
        .filter_map(|complexity| Some((text.find(complexity.name())?, complexity)));
    named.min_by_key(|(at, _)| *at).map(|(_, complexity)| complexity)
}

/// What a judge reads of an answer. Where the model's words do not stand at the start, something
/// else came first.
fn visible(parts: &[&str]) -> Visible {
    let answer = parts.join(" ");
    let tool_output_first = ["[Relevance:", "Document ", "Title: ", "text chunks:"]
        .iter()
        .any(|mark| answer.contains(mark));
    Visible {
        grade: recognize_grade(&answer),
        tool_output_first,
        tokens: parts.last().map_or(0, |own| count(own)),
    }
}

/// Whether a text is the key of a simulated user: `user_`, a second and a number.
pub fn is_user_key(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix("user_")
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(second, number)| digits(second) && digits(number))
}

/// Whose luck answers: a simulated user's, or else that of the words. It stays the same while tools
/// are called. Tests of an app often send one name for all users, so a name of the request's own
/// decides nothing by itself.
#[must_use]
pub fn owner(request: &ChatRequest, asked: &ChatIntent, user: Option<&str>) -> Owner {
    let named = user.filter(|user| request.user.as_deref() != Some(*user) || is_user_key(user));
    if let Some(user) = named {
        return Owner::of(user.as_bytes());
    }
    let system = request.system.as_deref().unwrap_or_default();
    let mut whose = format!("{}\0{system}\0{}", request.model, asked.words);
    if let Some(user) = user {
        whose.extend(["\0", user]);
    }
    Owner::of(whose.as_bytes())
}

/// Words for a tool's argument: what the question is about.
#[must_use]
pub fn about(asked: &ChatIntent, base: &KnowledgeBase) -> String {
    let topic = recognize_topic(&asked.question, base).unwrap_or(asked.subject.topic);
    base.title(topic).to_owned()
}
