//! The budget against providers that bill what the client never sees: closed connections, gateways,
//! lying usage.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use reqwest::header::HeaderMap;
use simlab::live::net::{Broken, HttpResponse, Net, Post, Posted};
use simlab::live::recording::Recording;
use simlab::live::{Budget, EmbeddingCache, LiveServices, PaperSearch, Providers, Session, gather};
use simlab::llm::chat::ErrorKind;
use simlab::run::PreparedScenario;
use simlab::scenario::load;

use super::session::{InProcess, environment_of, run_of};

/// How the simulated provider treats every request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// No connection is made; nothing is billed.
    Refused,
    /// Billed in full, then the connection closes.
    Closed,
    /// Billed in full, then a gateway answers with this status.
    Gateway(u16),
    /// Billed in full, and the answer states this usage.
    Usage(Option<(u32, u32)>),
    /// Turned away with this status; nothing is billed.
    TurnedAway(u16),
}

/// A provider that bills every request that reaches it, and remembers the keys of repeats.
#[derive(Debug)]
pub struct Billing {
    pub way: Way,
    pub billed: RefCell<u64>,
    pub keys: RefCell<BTreeMap<(String, Vec<u8>), u32>>,
    /// How long an answer takes.
    pub takes: std::time::Duration,
}

/// Nano-dollars for a request, below the worst case of every request here; 200 users would cost
/// several times the budget.
const BILL: u64 = 1_500_000;

fn key(headers: &HeaderMap) -> String {
    headers.get("idempotency-key").map_or(String::new(), |key| key.to_str().unwrap().to_owned())
}

impl Net for Billing {
    fn post(&self, post: Post) -> Posted<'_> {
        Box::pin(async move {
            *self.keys.borrow_mut().entry((key(&post.headers), post.body.clone())).or_default() +=
                1;
            let broken = |may_have_arrived| Broken {
                kind: ErrorKind::Connection,
                may_have_arrived,
                words: "closed".to_owned(),
            };
            let answer = |status, body: String| HttpResponse {
                status,
                headers: Vec::new(),
                body: body.into_bytes(),
            };
            if !matches!(self.way, Way::Refused | Way::TurnedAway(_)) {
                *self.billed.borrow_mut() += BILL;
            }
            if !self.takes.is_zero() {
                tokio::time::sleep(self.takes).await;
            }
            match self.way {
                Way::Refused => Err(broken(false)),
                Way::Closed => Err(broken(true)),
                Way::Gateway(status) => Ok(answer(status, "<html>gateway</html>".to_owned())),
                Way::TurnedAway(status) => Ok(answer(status, "{}".to_owned())),
                Way::Usage(usage) => {
                    let usage = usage.map_or(serde_json::Value::Null, |(input, output)| {
                        serde_json::json!({ "input_tokens": input, "output_tokens": output, "prompt_tokens": input, "completion_tokens": output, "total_tokens": 0 })
                    });
                    let words = "An answer of some words, long enough to have tokens.";
                    let body = serde_json::json!({
                        "id": "x", "model": "m", "created": 1, "type": "message", "role": "assistant", "stop_reason": "end_turn",
                        "content": [{ "type": "text", "text": words }],
                        "choices": [{ "index": 0, "message": { "role": "assistant", "content": words }, "finish_reason": "stop" }],
                        "usage": usage,
                    });
                    Ok(answer(200, body.to_string()))
                }
            }
        })
    }

    fn unix_ms(&self) -> u64 {
        0
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_billed_never_exceeds_the_budget() {
    let loaded = load("security").unwrap();
    let stage = PreparedScenario::new(&loaded.scenario, loaded.scenario.seed).unwrap();
    for (way, free) in [
        (Way::Refused, true),
        (Way::TurnedAway(400), true),
        (Way::TurnedAway(429), true),
        (Way::Closed, false),
        (Way::Gateway(500), false),
        (Way::Gateway(502), false),
        (Way::Gateway(503), false),
        (Way::Gateway(504), false),
        (Way::Usage(Some((0, 0))), false),
        (Way::Usage(Some((1, 1))), false),
        (Way::Usage(None), false),
    ] {
        let most = 300_000_000;
        let net = Rc::new(Billing {
            way,
            billed: RefCell::default(),
            keys: RefCell::default(),
            takes: std::time::Duration::ZERO,
        });
        let world = LiveServices {
            providers: Providers::over(
                Rc::<Billing>::clone(&net),
                &environment_of("127.0.0.1:1"),
                4,
            )
            .unwrap(),
            papers: Rc::new(PaperSearch::new(|_| None).unwrap()),
            tools: simlab::live::OwnTools::default(),
            shelf: EmbeddingCache::new(None, ""),
            embedding: tokio::sync::Mutex::default(),
            flags: InProcess { flags: &stage.compiled, tracked: RefCell::default() },
            budget: Budget::new(most, 0),
        };
        let run = run_of(&loaded, 200);
        let mut recording = Recording::default();
        recording.take(simlab::live::recording::RecordedLine::Run(run.clone())).unwrap();
        let session = Session::new(&stage, run, Some(world), recording, None);
        gather(&session, std::future::pending(), |_, _| ()).await;
        let (billed, spent) = (*net.billed.borrow(), session.spent());
        assert!(billed <= most, "{way:?}: a provider billed {billed} of a budget of {most}");
        assert!(billed <= spent, "{way:?}: a provider billed {billed}, simlab counted {spent}");
        assert_eq!(
            spent,
            session.recording.borrow().spent_nano_usd(),
            "{way:?}: the journal counts the same"
        );
        assert_eq!(spent == 0, free, "{way:?}: {spent}");
        // To a gateway, a repeat goes out under the same key, and no two calls share a key.
        let keys = net.keys.borrow();
        let named: Vec<&str> =
            keys.keys().map(|(key, _)| key.as_str()).filter(|key| !key.is_empty()).collect();
        let different: std::collections::BTreeSet<&str> = named.iter().copied().collect();
        assert_eq!(named.len(), different.len(), "{way:?}");
        if matches!(way, Way::Closed | Way::Gateway(_)) {
            assert!(
                keys.iter().any(|((key, _), times)| key.starts_with("simlab-") && *times > 1),
                "{way:?}: {:?}",
                keys.values()
            );
        }
    }
}
