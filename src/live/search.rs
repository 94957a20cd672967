//! Searches of the knowledge base by meaning, for real: OpenAI's vectors, products of them, and
//! what the tutorial's tools make of it.
//!
//! Guarantees: what has to be paid is within the budget and in the journal; everybody waits for the
//! knowledge base to be embedded once.
//!
//! Does not know: how a tool's answer is recorded.

use std::rc::Rc;

use crate::knowledge::retrieval::search_by;
use crate::knowledge::{RetrievalSettings, SearchTool};
use crate::live::budget::Reached;
use crate::live::charge;
use crate::live::embeddings::{self, MAX_TEXTS, MODEL, cost, similarities};
use crate::live::providers::FailedTry;
use crate::live::recording::RecordedLine;
use crate::live::session::{Flags, LiveServices, Session, fatal_for};
use crate::live::stop::Stopped;
use crate::llm::chat::{ChatError, EmbeddingInput, EmbeddingRequest, ErrorKind, VectorFormat};
use crate::llm::wire::retry::RetryPolicy;

impl<F: Flags> Session<'_, F> {
    /// What a search by meaning finds, as text; an error is told to the model.
    ///
    /// # Errors
    /// What went wrong with the vectors.
    pub async fn by_meaning(
        &self,
        world: &LiveServices<F>,
        tool: SearchTool,
        settings: RetrievalSettings,
        query: &str,
        top_k: u32,
    ) -> Result<String, ChatError> {
        let base = &self.stage.scenario.knowledge;
        let chunks: Vec<&str> = base.chunks().iter().map(|chunk| chunk.text.text()).collect();
        let chunks = {
            let _first = world.embedding.lock().await;
            self.vectors(world, &chunks).await?
        };
        let Some(query_vector) = self.vectors(world, &[query]).await?.pop() else {
            return Err(ChatError::new(ErrorKind::Malformed, "no vector came"));
        };
        let found =
            search_by(base, settings, tool, query, top_k, similarities(&query_vector, &chunks));
        Ok(found.text.text().to_owned())
    }

    /// The vectors of texts: those that are known, and the others from OpenAI.
    async fn vectors(
        &self,
        world: &LiveServices<F>,
        texts: &[&str],
    ) -> Result<Vec<Rc<[f32]>>, ChatError> {
        let unknown: Vec<&str> =
            texts.iter().copied().filter(|text| world.shelf.get(text).is_none()).collect();
        for batch in unknown.chunks(MAX_TEXTS) {
            self.embed(world, batch).await?;
        }
        let missing = || ChatError::new(ErrorKind::Malformed, "a vector is missing");
        texts.iter().map(|text| world.shelf.get(text).ok_or_else(missing)).collect()
    }

    async fn embed(&self, world: &LiveServices<F>, texts: &[&str]) -> Result<(), ChatError> {
        let Some((provider, api)) = embeddings::provider() else {
            let words = format!("no provider makes vectors with `{MODEL}`");
            return Err(ChatError::new(ErrorKind::NotFound, words));
        };
        let request = EmbeddingRequest {
            model: MODEL.to_owned(),
            input: texts.iter().map(|text| EmbeddingInput::Text((*text).to_owned())).collect(),
            format: VectorFormat::Base64,
            dimensions: None,
            user: None,
        };
        let mut body = Vec::new();
        api.encode_request(&request, &mut body);
        // No token is shorter than a byte.
        let worst = cost(body.len() as u64).nano_dollars();
        let idempotency = self.idempotency(&texts.join("\0"));
        let mut made = 0;
        loop {
            if let Err(Reached { worst }) = world.budget.reserve(worst).await {
                self.halt.stop(Stopped::Budget(worst));
                return self.park().await;
            }
            let nth = self.recording.borrow().embeddings;
            if !self.halt.goes_on()
                || !self.write(RecordedLine::Embedding { nth, worst_nano_usd: worst })
            {
                world.budget.settle(worst, 0);
                return self.park().await;
            }
            let out = self.halt.out();
            if !self.durable().await {
                world.budget.settle(worst, 0);
                drop(out);
                return self.park().await;
            }
            let answer = world.providers.embed(provider, api, &body, &idempotency).await;
            let nano_usd = match &answer {
                Ok(answer) if charge::is_possible(answer.input_tokens, texts.iter().copied()) => {
                    cost(u64::from(answer.input_tokens)).nano_dollars()
                }
                Err(FailedTry { may_be_charged: false, .. }) => 0,
                _ => worst,
            };
            world.budget.settle(worst, nano_usd);
            let texts_asked = u32::try_from(texts.len()).unwrap_or(u32::MAX);
            let written =
                self.write(RecordedLine::Embedded { texts: texts_asked, nano_usd, nth: Some(nth) });
            drop(out);
            if !written {
                return self.park().await;
            }
            let error = match answer {
                Ok(answer) if answer.vectors.len() == texts.len() => {
                    texts
                        .iter()
                        .zip(answer.vectors)
                        .for_each(|(text, vector)| world.shelf.put(text, vector));
                    return Ok(());
                }
                Ok(answer) => {
                    let words =
                        format!("{} vectors came for {} texts", answer.vectors.len(), texts.len());
                    return Err(ChatError::new(ErrorKind::Malformed, words));
                }
                Err(FailedTry { error, .. }) => error,
            };
            if let Some(sentence) = fatal_for(&error, provider, MODEL) {
                self.halt.stop(Stopped::Failed(sentence));
                return self.park().await;
            }
            let Some(wait) = RetryPolicy::default().next_wait(&error, made, 0.5) else {
                return Err(error);
            };
            made += 1;
            tokio::time::sleep(std::time::Duration::from_micros(wait.us())).await;
        }
    }
}
