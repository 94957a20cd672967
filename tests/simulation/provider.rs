//! Providers that bill, behind a network that breaks in every way; what they answer follows from
//! the request alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use simlab::live::net::{Broken, HttpResponse, Net, Post, Posted};
use simlab::llm::chat::{ErrorKind, Usage};
use simlab::llm::profile::ModelProfile;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::world::{Planted, Step, Worked, World};

/// Price of a million tokens of vectors, in dollars: OpenAI's price list, October 2025.
const VECTORS_NANO_USD_PER_TOKEN: u64 = 20;
/// Tries after which a call is answered where nothing is given up: the client tries three times.
const CALM: u32 = 2;

/// The network of one process. What the providers remember is the world's.
#[derive(Clone, Debug)]
pub struct Network {
    pub world: Arc<World>,
    pub models: Arc<Vec<ModelProfile>>,
    pub titles: Arc<Vec<String>>,
    pub memory: Arc<Mutex<Memory>>,
}

/// What the providers remember.
#[derive(Debug, Default)]
pub struct Memory {
    /// Faults in a row, by idempotency key.
    faults: BTreeMap<String, u32>,
    /// Keys that were worked on.
    worked: BTreeMap<String, HttpResponse>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Answered,
    Refused,
    Lost,
    Closed,
    Cut,
    Short,
    Gateway { status: u16, billed: bool },
    TurnedAway(u16),
    Late,
}

impl Network {
    fn fate(&self, key: &str) -> Fate {
        let world = &self.world;
        if !world.strikes(world.faults.net) {
            return Fate::Answered;
        }
        let tries = {
            let mut memory = self.memory.lock().unwrap();
            let tries = memory.faults.entry(key.to_owned()).or_default();
            *tries += 1;
            *tries
        };
        if !world.faults.harsh && tries > CALM {
            self.memory.lock().unwrap().faults.remove(key);
            return Fate::Answered;
        }
        world.inner().tally.net_faults += 1;
        let billed = world.below(2) == 0;
        match world.below(if world.faults.harsh { 12 } else { 10 }) {
            0 => Fate::Refused,
            1 => Fate::Lost,
            2 => Fate::Closed,
            3 => Fate::Cut,
            4 | 5 => {
                Fate::Gateway { status: [500, 502, 503, 504][world.below(4) as usize], billed }
            }
            6 => Fate::TurnedAway(429),
            7 => Fate::TurnedAway(529),
            8 | 9 => Fate::Late,
            10 => Fate::Short,
            _ => Fate::TurnedAway(400),
        }
    }

    /// Works on a request and bills it; the whole answer.
    fn work(&self, post: &Post, key: &str, call: &(u32, String)) -> HttpResponse {
        let world = &self.world;
        if world.faults.honors
            && let Some(known) = self.memory.lock().unwrap().worked.get(key)
        {
            return known.clone();
        }
        let body: Value = serde_json::from_slice(&post.body).unwrap();
        let digest = xxh3_128(&post.body);
        let (answer, nano_usd, worst, honest) = match body.get("input") {
            Some(texts) => vectors(texts),
            None => self.chat(&body, digest, post.body.len()),
        };
        world.inner().said.insert(format!("{digest:032x}"), answer["content"][0].to_string());
        let answer = HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: serde_json::to_vec(&answer).unwrap(),
        };
        let mut inner = world.inner();
        inner.billed += nano_usd;
        inner.worked.push(Worked {
            call: call.clone(),
            billed: nano_usd,
            worst,
            honest,
            came_back: false,
        });
        let (billed, most) = (inner.billed, inner.most);
        drop(inner);
        world.hold(billed <= most, || format!("providers billed {billed} of a budget of {most}"));
        if world.faults.honors {
            self.memory.lock().unwrap().worked.insert(key.to_owned(), answer.clone());
        }
        answer
    }

    /// The answer to a chat, what it costs, what it can cost at most, and whether it says so.
    fn chat(&self, body: &Value, digest: u128, bytes: usize) -> (Value, u64, u64, bool) {
        let model = self.models.iter().find(|model| model.id == body["model"]).unwrap();
        let (text, tool, stop) = said(body, digest as u64, &self.titles);
        let most =
            body["max_tokens"].as_u64().or_else(|| body["max_completion_tokens"].as_u64()).unwrap();
        let input = (bytes / 4) as u32;
        let spoken = text.len() + tool.as_ref().map_or(0, |(_, input)| input.len());
        let output = (spoken / 3 + 1 + (digest >> 64) as usize % 400).min(most as usize) as u32;
        // No token is shorter than a byte, and a provider may add a thousand of its own for tools.
        let largest = (bytes as u32 + 1_000, most as u32);
        let (input, output) = if self.world.faults.greedy { largest } else { (input, output) };
        let cost =
            |(input, output)| model.cost(Usage::uncached(input, output)).unwrap().nano_dollars();
        let (nano_usd, worst) = (cost((input, output)), cost(largest));
        let honest = !(self.world.faults.lies && digest.is_multiple_of(3));
        let (input, output) = if honest { (input, output) } else { (0, (digest % 2) as u32) };
        let mut content = vec![json!({ "type": "text", "text": text })];
        let mut message = json!({ "role": "assistant", "content": text });
        if let Some((name, input)) = &tool {
            let id = format!("call{:09}", digest % 1_000_000_000);
            let input_json: Value = serde_json::from_str(input).unwrap();
            content
                .push(json!({ "type": "tool_use", "id": id, "name": name, "input": input_json }));
            message["tool_calls"] = json!([{ "id": id, "type": "function", "function": { "name": name, "arguments": input } }]);
        }
        let anthropic = if tool.is_some() { "tool_use" } else { stop };
        let openai = if tool.is_some() { "tool_calls" } else { "stop" };
        let answer = json!({
            "id": "x", "model": body["model"], "created": 1, "type": "message", "role": "assistant", "stop_reason": anthropic,
            "content": content,
            "choices": [{ "index": 0, "message": message, "finish_reason": openai }],
            "usage": { "input_tokens": input, "output_tokens": output, "prompt_tokens": input, "completion_tokens": output, "total_tokens": 0 },
        });
        (answer, nano_usd, worst, honest)
    }

    async fn answer(&self, post: Post) -> Result<HttpResponse, Broken> {
        let world = &self.world;
        let header =
            |name: &str| post.headers.get(name).map_or("", |value| value.to_str().unwrap());
        let key = header("idempotency-key").to_owned();
        let user = header("x-simlab-user")
            .rsplit('_')
            .next()
            .and_then(|user| user.parse().ok())
            .unwrap_or(0);
        let known = (user, format!("{:032x}", xxh3_128(&post.body)));
        // The request leaves.
        let step = world.step();
        let arrives = step == Step::Alive || (step == Step::Dying && world.below(2) == 0);
        let fate = self.fate(&key);
        let free = world.planted == Some(Planted::ClosedIsFree);
        let broken = |kind, may_have_arrived: bool| {
            Err(Broken {
                kind,
                may_have_arrived: may_have_arrived && !free,
                words: format!("{fate:?}"),
            })
        };
        if !arrives || fate == Fate::Refused {
            return broken(ErrorKind::Connection, false);
        }
        tokio::time::sleep(Duration::from_millis(world.below(40))).await;
        let is_asked_again = world.inner().answered.contains(&known);
        world.hold(!is_asked_again, || {
            format!("user {}: a call is made again that the journal has the answer to", known.0)
        });
        // It arrives, whether or not whoever sent it is still there.
        let answer = match fate {
            Fate::Lost | Fate::TurnedAway(_) | Fate::Gateway { billed: false, .. } => {
                HttpResponse::default()
            }
            _ => self.work(&post, &key, &known),
        };
        if step == Step::Dying {
            return broken(ErrorKind::Connection, true);
        }
        let late = if fate == Fate::Late { 650_000 } else { 0 };
        tokio::time::sleep(Duration::from_millis(100 + world.below(2_000) + late)).await;
        // The answer comes back.
        if world.step() != Step::Alive {
            return broken(ErrorKind::Cut, true);
        }
        let mut answer = answer;
        match fate {
            Fate::Lost | Fate::Closed => return broken(ErrorKind::Connection, true),
            Fate::Cut => return broken(ErrorKind::Cut, true),
            Fate::Short => answer.body.truncate(world.below(answer.body.len() as u64) as usize),
            Fate::Gateway { status, .. } => {
                answer = HttpResponse {
                    status,
                    headers: Vec::new(),
                    body: b"<html>gateway</html>".to_vec(),
                }
            }
            Fate::TurnedAway(status) => answer = self.turned_away(status),
            Fate::Answered | Fate::Late | Fate::Refused => {
                if let Some(worked) =
                    world.inner().worked.iter_mut().rev().find(|worked| worked.call == known)
                {
                    worked.came_back = true;
                }
            }
        }
        Ok(answer)
    }

    /// A refusal, with or without the times at which to come again.
    fn turned_away(&self, status: u16) -> HttpResponse {
        let world = &self.world;
        let mut headers = Vec::new();
        if world.below(2) == 0 {
            let date = jiff::Timestamp::from_millisecond(world.true_ms() as i64).unwrap();
            headers
                .push(("date".to_owned(), date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        }
        if world.below(2) == 0 {
            headers.push(("retry-after".to_owned(), world.below(20).to_string()));
        }
        if world.below(2) == 0 {
            let reset =
                jiff::Timestamp::from_millisecond((world.true_ms() + world.below(60_000)) as i64)
                    .unwrap();
            headers.push(("anthropic-ratelimit-requests-remaining".to_owned(), "0".to_owned()));
            headers.push(("anthropic-ratelimit-requests-reset".to_owned(), format!("{reset:.0}")));
            headers.push(("x-ratelimit-remaining-requests".to_owned(), "0".to_owned()));
            headers.push((
                "x-ratelimit-reset-requests".to_owned(),
                format!("{}ms", world.below(60_000)),
            ));
        }
        HttpResponse { status, headers, body: b"{}".to_vec() }
    }
}

impl Net for Network {
    fn post(&self, post: Post) -> Posted<'_> {
        Box::pin(self.answer(post))
    }

    fn unix_ms(&self) -> u64 {
        self.world.unix_ms()
    }
}

/// Vectors of texts, and what they cost.
fn vectors(texts: &Value) -> (Value, u64, u64, bool) {
    let texts: Vec<&str> =
        texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let vector = |text: &str| {
        let bytes: Vec<u8> = (0..4)
            .flat_map(|nth| {
                ((xxh3_64(format!("{nth}{text}").as_bytes()) % 200) as f32 / 100.0 - 1.0)
                    .to_le_bytes()
            })
            .collect();
        STANDARD.encode(bytes)
    };
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| json!({ "object": "embedding", "index": at, "embedding": vector(text) }))
        .collect();
    let tokens = texts.iter().map(|text| text.len() as u64 / 4 + 1).sum::<u64>();
    let usage = json!({ "prompt_tokens": tokens, "total_tokens": tokens });
    let nano_usd = tokens * VECTORS_NANO_USD_PER_TOKEN;
    // The journal does not tell requests for vectors apart, so none of them is sure to count at its
    // most.
    (
        json!({ "object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage }),
        nano_usd,
        nano_usd,
        true,
    )
}

/// Text, tool call and Anthropic's stop reason of an answer.
type Said = (String, Option<(String, String)>, &'static str);

/// What a model says to a request: the same whenever it comes.
fn said(body: &Value, hash: u64, titles: &[String]) -> Said {
    let plain = |text: String| (text, None, "end_turn");
    let opinion = ["Positive", "Negative", "None"][hash as usize % 3];
    let words = ["state", "value", "policy", "reward", "agent", "model"];
    let some: Vec<&str> =
        (0..4 + hash % 12).map(|nth| words[(hash >> (nth * 4)) as usize % words.len()]).collect();
    let text = format!("{opinion}: {} {}.", some.join(" "), hash % 1_000_000);
    let name = |tool: &Value| {
        tool["name"].as_str().or_else(|| tool["function"]["name"].as_str()).unwrap().to_owned()
    };
    let tools: Vec<String> = body["tools"].as_array().into_iter().flatten().map(name).collect();
    let messages = body["messages"].as_array().unwrap();
    if messages
        .iter()
        .any(|message| message.to_string().contains("List the topics of the documentation above"))
    {
        return plain(
            titles
                .iter()
                .filter(|title| xxh3_64(title.as_bytes()) ^ hash & 3 != 0)
                .map(|title| format!("- {title}\n"))
                .collect(),
        );
    }
    if hash % 40 == 1 {
        return (text, None, "refusal");
    }
    let structured = match tools.first().map(String::as_str) {
        Some("PIIPreScreening") => json!({
            "likely_contains_pii": hash.is_multiple_of(2), "confidence": 0.5, "reasoning": text,
            "recommended_route": if hash.is_multiple_of(4) { "support_agent" } else { "security_agent" },
        }),
        Some("PIIDetectionResponse") => {
            json!({ "detected": hash.is_multiple_of(2), "types": ["name"], "redacted": text })
        }
        Some(_) => {
            let is_result = |message: &&Value| {
                message["role"] == "tool" || message["content"][0]["type"] == "tool_result"
            };
            let results = messages.iter().filter(is_result).count();
            let no_more = body["tool_choice"] == "none" || body["tool_choice"]["type"] == "none";
            if results >= 3 || hash.is_multiple_of(3) || no_more {
                return plain(text);
            }
            let tool = tools[hash as usize % tools.len()].clone();
            return (
                String::new(),
                Some((tool, json!({ "query": some.join(" "), "top_k": 2 }).to_string())),
                "tool_use",
            );
        }
        None => return plain(if hash % 30 == 2 { "?".to_owned() } else { text }),
    };
    if hash % 20 == 3 {
        plain(text)
    } else {
        (String::new(), Some((tools[0].clone(), structured.to_string())), "tool_use")
    }
}
