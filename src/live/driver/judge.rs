//! The judge of driven traffic: the scenario's own, asked at the mock models of `simlab serve`.
//!
//! Guarantees: nothing is paid for; a request that fails for a passing reason is tried again as the
//! providers' clients do.
//!
//! Does not know: the application.

use std::rc::Rc;

use crate::journal::{Caller, Label};
use crate::knowledge::{Complexity, TopicId};
use crate::live::environment;
use crate::live::net::Http;
use crate::live::providers::{Providers, Try};
use crate::live::request::Writer;
use crate::llm::chat::{Cached, ChatRequest};
use crate::llm::model::{Body, ModelReply, Prompt, Said, Subject};
use crate::llm::tasks::{self, ModelAnswer, Task};
use crate::llm::wire::Provider;
use crate::llm::wire::retry::RetryPolicy;
use crate::random::Owner;
use crate::run::PreparedScenario;
use crate::time::Duration;

/// A judge.
#[derive(Debug)]
pub struct DriveJudge<'a> {
    stage: &'a PreparedScenario<'a>,
    provider: Provider,
    providers: Providers,
    patience: Duration,
}

impl<'a> DriveJudge<'a> {
    /// The judge of a scenario, at the server with this address.
    ///
    /// # Errors
    /// When the server has no address for the judge's provider.
    pub fn new(
        http: Rc<Http>,
        stage: &'a PreparedScenario<'a>,
        serve: &str,
        concurrency: u32,
        patience: Duration,
    ) -> Result<Self, String> {
        let scenario = stage.scenario;
        let provider = scenario.model(scenario.judge.model).provider;
        let base = [serve, provider.mount, provider.base_path()].concat();
        let variable = |name: &str| {
            let value =
                if name == provider.base_variable { base.clone() } else { "any".to_owned() };
            (name != "LD_BASE_URL").then_some(value)
        };
        let environment =
            environment::read(&[provider], variable).map_err(|faults| faults.join("; "))?;
        let providers = Providers::over(http, &environment, concurrency)?;
        Ok(Self { stage, provider, providers, patience })
    }

    /// The request for a rating: that of a live run.
    fn request(&self, question: &Body, answer: &str) -> ChatRequest {
        let scenario = self.stage.scenario;
        let answer = Body::Answer(Said::Words(answer.into()));
        // What a mock goes by besides the text is not sent.
        let subject = Subject::about(TopicId(0), Complexity::Intermediate);
        let prompt = Prompt {
            caller: Caller::Judge,
            task: Task::Judge,
            owner: Owner::NOBODY,
            visit: 0,
            place: 0,
            nth: 0,
            setup: &scenario.judge_setup,
            offers_tools: false,
            input_tokens: 0,
            cached: Cached::NONE,
            subject,
            routes: &[],
            question: Some(question),
            thread: &[],
            answer: Some(&answer),
        };
        Writer { scenario, texts: self.stage.texts() }.request(&prompt, None)
    }

    /// What a user thinks of an answer.
    ///
    /// # Errors
    /// Why there is no rating.
    pub async fn rate(
        &self,
        user: &str,
        visit: u32,
        question: &Body,
        answer: &str,
    ) -> Result<Label, String> {
        let scenario = self.stage.scenario;
        let request = self.request(question, answer);
        let mut body = Vec::new();
        self.provider.api.encode_request(&request, &mut body);
        let target = self.provider.target(&request);
        let idempotency = format!("simlab-drive-{user}-{visit}");
        let mut made = 0;
        let response = loop {
            if let Some(gate) = self.providers.gate(self.provider) {
                let pass = gate.pass().await;
                let chat = (&*target, &*body);
                let Try { result, .. } = self
                    .providers
                    .once(self.provider, chat, Some(user), &idempotency, self.patience)
                    .await;
                drop(pass);
                match result {
                    Ok(response) => break response,
                    Err(failure) => {
                        let wait = RetryPolicy::default().next_wait(&failure.error, made, 0.0);
                        let Some(wait) = wait else { return Err(failure.error.message) };
                        made += 1;
                        tokio::time::sleep(std::time::Duration::from_micros(wait.us())).await;
                    }
                }
            } else {
                return Err("there is no address for the judge".to_owned());
            }
        };
        let text = response.text();
        let spoken = ModelAnswer { text: &text, call: None, stop: response.stop.name() };
        match tasks::read(Task::Judge, (false, &[]), &spoken, &scenario.knowledge, &scenario.tools)
        {
            Ok(ModelReply::Label(label)) => Ok(label),
            Ok(_) => Err("the judge answered something else".to_owned()),
            Err(unreadable) => Err(unreadable.reason),
        }
    }
}
