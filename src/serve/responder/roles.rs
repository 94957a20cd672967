//! Who answers in a structure: agents of a scenario's own graph that plan, critique or route without
//! handoff tools, and judges that LaunchDarkly's AI SDKs ask for a score.
//!
//! Guarantees: what the role's mock answers, in the schema of the request.
//!
//! Does not know: any provider's fields.

use serde_json::{Map, Value, json};

use super::written::{Names, say};
use super::{ChatAnswer, ChatResponder, failed, number, unmet};
use crate::agents::{NodeRole, When};
use crate::journal::{AgentId, Caller};
use crate::knowledge::tokens::count;
use crate::knowledge::{Grade, recognize_grade};
use crate::llm::chat::{Block, Cached, ChatRequest, ChatResponse, ContentPart, Stop, ToolUse};
use crate::llm::model::{
    Critique, GuardReply, ModelReply, Prompt, RouteChoice, Said, Situation, Subtasks,
};
use crate::llm::tasks::Task;
use crate::random::{Owner, Purpose, normal_quantile};
use crate::serve::asked::{self, ChatIntent, Form};
use crate::serve::invent;
use crate::serve::sense::{meant, properties};

/// Who is asked for a structure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ServedRole {
    /// An agent of the graph.
    Agent {
        /// Which.
        agent: AgentId,
        /// The field that names the chosen way, and its value for each route.
        choice: Option<(String, Vec<String>)>,
    },
    /// A judge that scores this answer.
    Judge {
        /// How good the answer is, where it says so.
        grade: Option<Grade>,
        /// Whether a low score is good.
        inverted: bool,
    },
}

/// How the AI SDKs mark the answer that a judge scores.
const SCORED: &str = "RESPONSE TO EVALUATE:";
/// The scores of an answer: strong, fair, weak, and one whose quality cannot be seen; and their
/// standard deviation. Assumed.
const SCORES: [f64; 4] = [0.9, 0.7, 0.3, 0.5];
const SCORE_SD: f64 = 0.1;

/// The text property whose allowed values hold all of these.
fn choosing(schema: &Value, values: &[String]) -> Option<String> {
    let fields = properties(schema)?;
    let holds = |field: &&String| {
        let allowed = fields.get(field.as_str()).and_then(|field| meant(schema, field).get("enum"));
        let allowed = allowed.and_then(Value::as_array);
        allowed.is_some_and(|allowed| {
            values.iter().all(|value| allowed.iter().any(|own| own.as_str() == Some(value)))
        })
    };
    fields.keys().find(holds).cloned()
}

impl ChatResponder {
    /// The agent of the graph that a request comes from, if it asks for such a structure. Where
    /// several could be, the instructions decide.
    pub(super) fn role(&self, request: &ChatRequest, asked: &ChatIntent) -> Option<ServedRole> {
        if asked.form == Form::Free {
            return None;
        }
        let graph = &self.scenario.graph;
        let schema = asked::schema(request, &asked.form);
        let has = |name: &str| properties(&schema).is_some_and(|fields| fields.contains_key(name));
        if has("score") && has("reasoning") {
            let told = request.system.as_deref().unwrap_or_default().to_lowercase();
            let inverted = told.contains("toxic") || told.contains("lower is better");
            let (_, answer) = asked.words.split_once(SCORED)?;
            return Some(ServedRole::Judge { grade: recognize_grade(answer), inverted });
        }
        if !graph.is_written() {
            return None;
        }
        let fits = |agent: AgentId| {
            let node = graph.node(agent);
            let choice = match &node.role {
                NodeRole::Plan(..) => has("subtasks").then_some(None),
                NodeRole::Critique { .. } => has("revise").then_some(None),
                NodeRole::Guard(_) => has("allowed").then_some(None),
                NodeRole::Route { routes, .. } => {
                    let names: Vec<String> =
                        routes.iter().map(|route| route.name.clone()).collect();
                    let target = |at: usize| {
                        let edge =
                            node.edges.iter().find(|edge| edge.when == When::Route(at as u16))?;
                        Some(graph.node(edge.to).name.clone())
                    };
                    let targets: Option<Vec<String>> = (0..routes.len()).map(target).collect();
                    [Some(names), targets]
                        .into_iter()
                        .flatten()
                        .find_map(|values| Some(Some((choosing(&schema, &values)?, values))))
                }
                _ => None,
            };
            choice.map(|choice| (agent, choice))
        };
        let mut fitting: Vec<(AgentId, _)> = graph.agents().filter_map(fits).collect();
        let system = request.system.as_deref().unwrap_or_default();
        let told = |(agent, _): &(AgentId, _)| {
            let config = self.scenario.configs.get(agent.index());
            config.is_some_and(|config| {
                let own = |text: &str| !text.trim().is_empty() && system.contains(text.trim());
                config.variations.iter().any(|one| own(&one.setup.instructions))
            })
        };
        let at = fitting.iter().position(told).unwrap_or(0);
        (!fitting.is_empty()).then(|| {
            let (agent, choice) = fitting.swap_remove(at);
            ServedRole::Agent { agent, choice }
        })
    }

    /// What the agent's mock answers, in the form of the request.
    pub(super) fn role_answer(
        &self,
        role: &ServedRole,
        (request, asked): (&ChatRequest, &ChatIntent),
        user: Option<&str>,
        before: u64,
        (mut names, mut response): (Names, ChatResponse),
    ) -> ChatAnswer {
        let node = match role {
            ServedRole::Agent { agent, .. } => Some(self.scenario.graph.node(*agent)),
            ServedRole::Judge { .. } => None,
        };
        let caller = match role {
            ServedRole::Agent { agent, .. } => Caller::Agent(*agent),
            ServedRole::Judge { .. } => Caller::Judge,
        };
        let (situation, routes): (Situation, &[RouteChoice]) = match node.map(|node| &node.role) {
            Some(NodeRole::Route { routes, accuracy }) => {
                (Situation::Routes { accuracy: *accuracy }, routes)
            }
            Some(NodeRole::Plan(least, most)) => (Situation::Plans(*least, *most), &[]),
            Some(NodeRole::Critique { catches, nags, .. }) => {
                let (catches, nags) = (*catches, *nags);
                (Situation::Critiques { grade: last_grade(request), catches, nags }, &[])
            }
            // What is harmful cannot be read off a text, unless it is in the scenario's list.
            Some(NodeRole::Guard(guard)) => {
                let id = asked.listed.and_then(|question| question.listed);
                let listed = id.and_then(|id| self.base().listed(id));
                let harmful = listed.and_then(|listed| listed.harmful()).unwrap_or_default();
                let own = match role {
                    ServedRole::Agent { agent, .. } => self.own_setups.guard(*agent, request),
                    ServedRole::Judge { .. } => None,
                };
                let errors = own.unwrap_or_default().or(guard.errors);
                (Situation::Guards { harmful, errors }, &[])
            }
            _ => (Situation::Plain, &[]),
        };
        let setup = self.setup(names.provider, request, None, Vec::new());
        let mut subject = asked.subject;
        subject.situation = situation;
        let question = asked.body();
        let task = node.map_or(Task::Judge, |node| node.role.task());
        let place = node.map_or(0, |node| node.place);
        let nth = number(place, before, subject.rounds);
        let prompt = Prompt {
            visit: 0,
            caller,
            task,
            owner: asked::owner(request, asked, user),
            place,
            nth: subject.rounds,
            setup: &setup,
            offers_tools: false,
            routes,
            cached: Cached::NONE,
            input_tokens: asked.input_tokens,
            subject,
            question: Some(&question),
            thread: &[],
            answer: None,
        };
        let mock = self.mock(&self.scenario.tools);
        let whose = (task, subject.rounds);
        let (reply, latency) = match mock.answer_nth(&prompt, nth) {
            Ok(done) => {
                response.usage.reasoning = done.reasoning_tokens;
                (done.reply, done.latency)
            }
            Err(failure) => {
                if let Some(ended) = failed(failure.kind, &mut response) {
                    return (ended.map(|()| response), failure.latency, whose);
                }
                say(request, "{\"".to_owned(), None, &mut response);
                return (Ok(response), failure.latency, whose);
            }
        };
        let known = self.known(role, &reply, (prompt.owner, nth));
        let schema = asked::schema(request, &asked.form);
        let about = asked::about(asked, self.base());
        let made = match invent::overlaid(&schema, &about, Value::Object(known)) {
            Ok(made) => made.to_string(),
            Err(why) => {
                return (Err(unmet(names.provider, request, &asked.form, why)), latency, whose);
            }
        };
        match asked.form {
            Form::Call(tool) => {
                let name = request.tools.get(tool).map(|tool| tool.name.clone());
                response.usage.output = count(&made);
                response.content.push(Block::ToolUse(ToolUse {
                    id: names.call(),
                    name: name.unwrap_or_default(),
                    input: made,
                }));
                response.stop = Stop::ToolUse;
            }
            _ => say(request, made, None, &mut response),
        }
        response.usage.output = response.usage.output.saturating_add(response.usage.reasoning);
        (Ok(response), latency, whose)
    }

    /// The fields that the reply decides.
    fn known(
        &self,
        role: &ServedRole,
        reply: &ModelReply,
        luck: (Owner, u64),
    ) -> Map<String, Value> {
        let words = |said: &Said<crate::knowledge::Answer>| match said {
            Said::Recipe(answer) => answer.render(self.base()),
            Said::Words(text) => text.to_string(),
        };
        let value = match reply {
            ModelReply::Label(_) => match role {
                ServedRole::Judge { grade, inverted } => self.score(*grade, *inverted, luck),
                ServedRole::Agent { .. } => json!({}),
            },
            ModelReply::Plan(Subtasks { count, text, .. }) => {
                json!({ "subtasks": parts(&words(text), usize::from((*count).max(1))) })
            }
            ModelReply::Critique(Critique { revise, text }) => {
                json!({ "revise": revise, "critique": words(text) })
            }
            ModelReply::Guard(GuardReply { allowed, text }) => {
                json!({ "allowed": allowed, "reason": words(text) })
            }
            ModelReply::Handoff(handoff) => match role {
                ServedRole::Agent { choice: Some((field, values)), .. } => {
                    let value = values.get(usize::from(handoff.route)).cloned();
                    Value::Object(Map::from_iter([(field.clone(), value.into())]))
                }
                _ => json!({}),
            },
            _ => json!({}),
        };
        match value {
            Value::Object(known) => known,
            _ => Map::new(),
        }
    }

    /// A judge's score, with the errors of the scenario's judge: it takes strong answers for fair
    /// ones as often as it misses them, fair ones for strong ones as often as it is lenient, and weak
    /// ones for fair ones as often as it does not see them.
    fn score(&self, grade: Option<Grade>, inverted: bool, (owner, nth): (Owner, u64)) -> Value {
        let traits = &self.scenario.judge.traits;
        let mut stage = self.seed.stage(Purpose::StatedFeedback, owner, nth);
        let (errs, spread) = (stage.uniform(), normal_quantile(stage.uniform()));
        let [strong, fair, weak, unseen] = SCORES;
        let (mean, why) = match grade {
            Some(Grade::Strong) if errs >= traits.sensitivity.get() => (fair, "right in outline"),
            Some(Grade::Strong) => (strong, "right and complete"),
            Some(Grade::Fair) if errs < traits.leniency.get() => (strong, "right and complete"),
            Some(Grade::Fair) => (fair, "right in outline"),
            Some(Grade::Weak) if errs >= traits.specificity.get() => (fair, "right in outline"),
            Some(Grade::Weak) => (weak, "beside the point"),
            None => (unseen, "hard to judge"),
        };
        let score = (mean + SCORE_SD * spread).clamp(0.0, 1.0);
        let score = if inverted { 1.0 - score } else { score };
        let score = (score * 100.0).round() / 100.0;
        json!({ "score": score, "reasoning": format!("The answer is {why}.") })
    }
}

/// How good the last answer in the request is, where it says so.
fn last_grade(request: &ChatRequest) -> Option<Grade> {
    let texts = request.messages.iter().rev().flat_map(|message| message.content.iter().rev());
    texts
        .filter_map(|part| if let ContentPart::Text(text) = part { Some(text) } else { None })
        .find_map(|text| recognize_grade(text))
}

/// A text cut into this many instructions, at the ends of sentences where it has enough of them.
fn parts(text: &str, many: usize) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    // A point inside of a word, as in 0.8, ends no sentence.
    let sentences = words.split_inclusive(|word| word.ends_with(['.', '!', '?']));
    let sentences: Vec<String> = sentences.map(|sentence| sentence.join(" ")).collect();
    let words = || words.iter().map(|&word| word.to_owned()).collect();
    let pieces: Vec<String> = if sentences.len() >= many { sentences } else { words() };
    let place = |nth: usize| nth * pieces.len() / many.max(1);
    let part = |nth: usize| pieces.get(place(nth)..place(nth + 1)).map(|part| part.join(" "));
    let mut parts: Vec<String> =
        (0..many).filter_map(part).filter(|part| !part.is_empty()).collect();
    // Fewer words than parts.
    while parts.len() < many {
        parts.push(parts.last().cloned().unwrap_or_else(|| text.to_owned()));
    }
    parts
}
