//! The judge of driven traffic: the scenario's own, asked at the mock models of `simlab serve`.
//!
//! Guarantees: nothing is paid for; a request that fails for a passing reason is tried again as the
//! providers' clients do.
//!
//! Does not know: the application.

use std::rc::Rc;

use crate::journal::Label;
use crate::knowledge::tokens::cut;
use crate::live::environment;
use crate::live::net::Http;
use crate::live::providers::{Providers, Try};
use crate::llm::chat::{ChatRequest, ContentPart, Message, Role};
use crate::llm::model::ModelReply;
use crate::llm::tasks::{self, ModelAnswer, Task};
use crate::llm::wire::Provider;
use crate::llm::wire::retry::RetryPolicy;
use crate::scenario::Scenario;
use crate::time::Duration;

/// A judge.
#[derive(Debug)]
pub struct DriveJudge<'a> {
    scenario: &'a Scenario,
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
        scenario: &'a Scenario,
        serve: &str,
        concurrency: u32,
        patience: Duration,
    ) -> Result<Self, String> {
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
        Ok(Self { scenario, provider, providers, patience })
    }

    /// What a user thinks of an answer.
    ///
    /// # Errors
    /// Why there is no rating.
    pub async fn rate(
        &self,
        user: &str,
        visit: u32,
        question: &str,
        answer: &str,
    ) -> Result<Label, String> {
        let Scenario { judge, judge_setup: setup, .. } = self.scenario;
        let model = self.scenario.model(judge.model);
        let mut request = ChatRequest::new(&model.id);
        request.system = Some(setup.instructions.clone());
        request.max_tokens =
            Some(setup.max_tokens.unwrap_or(u32::MAX).min(model.max_output_tokens));
        request.temperature = setup.temperature.filter(|_| model.takes_temperature);
        let blocks =
            [cut(question, judge.question_characters), cut(answer, judge.answer_characters)];
        let blocks = blocks.into_iter().filter(|block| !block.is_empty());
        let content = blocks.map(|block| ContentPart::Text(block.to_owned())).collect();
        request.messages = vec![Message { role: Role::User, content }];
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
        let scenario = self.scenario;
        match tasks::read(Task::Judge, (false, &[]), &spoken, &scenario.knowledge, &scenario.tools)
        {
            Ok(ModelReply::Label(label)) => Ok(label),
            Ok(_) => Err("the judge answered something else".to_owned()),
            Err(unreadable) => Err(unreadable.reason),
        }
    }
}
