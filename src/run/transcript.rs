//! What the first users asked and what every model answered them, one JSON document a call.
//!
//! Promises: the texts that were counted; the order of the calls; the memory of so many users'
//! keys.
//!
//! Does not know: where the bytes go.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::agents::Texts;
use crate::context::user_key;
use crate::llm::model::{CallFailure, Completion, Prompt, Role};
use crate::llm::tasks::Task;
use crate::random::Owner;
use crate::scenario::Scenario;

/// Writes a run's transcript.
pub struct TranscriptWriter<'s, W> {
    scenario: &'s Scenario,
    texts: Texts<'s>,
    users: BTreeMap<Owner, u32>,
    out: W,
    /// The first error of the writer; nothing is written after it.
    failed: Option<io::Error>,
}

impl<'s, W: Write> TranscriptWriter<'s, W> {
    /// A transcript of the first `users` users.
    pub fn new(scenario: &'s Scenario, texts: Texts<'s>, users: u32, out: W) -> Self {
        let users = (1..=users).map(|user| (user_key(user).owner(), user)).collect();
        Self { scenario, texts, users, out, failed: None }
    }

    /// Takes one call and what came of it.
    pub fn call(&mut self, prompt: &Prompt<'_>, result: &Result<Completion, CallFailure>) {
        let user = self.users.get(&prompt.owner).copied();
        if (user.is_none() && prompt.owner != Owner::NOBODY) || self.failed.is_some() {
            return;
        }
        let line = self.line(prompt, result, user);
        let written = serde_json::to_writer(&mut self.out, &line).map_err(io::Error::from);
        self.failed = written.and_then(|()| self.out.write_all(b"\n")).err();
    }

    fn line(
        &self,
        prompt: &Prompt<'_>,
        result: &Result<Completion, CallFailure>,
        user: Option<u32>,
    ) -> Value {
        let model = self
            .scenario
            .models
            .get(usize::from(prompt.setup.model))
            .map(|model| model.id.as_str());
        let mut line = json!({
            "user": user,
            "key": user.map(|user| user_key(user).as_str().to_owned()),
            "caller": self.scenario.graph.name(prompt.caller),
            "call": prompt.nth,
            "model": model,
            "asked": self.asked(prompt),
        });
        let outcome = match result {
            Ok(done) => json!({
                "answered": self.texts.reply(&done.reply, prompt.question).join("\n"),
                "input_tokens": done.input_tokens,
                "output_tokens": done.output_tokens,
                "latency_ms": done.latency.us() as f64 / 1e3,
            }),
            Err(failure) => {
                json!({ "failed": failure.kind.name(), "latency_ms": failure.latency.us() as f64 / 1e3 })
            }
        };
        if let (Some(line), Value::Object(outcome)) = (line.as_object_mut(), outcome) {
            line.extend(outcome);
        }
        line
    }

    /// What is new in this prompt: the question, or the conversation since the model's last word.
    fn asked(&self, prompt: &Prompt<'_>) -> Vec<Value> {
        let message = |role: &str, text: String| json!({ "role": role, "text": text });
        match prompt.task {
            Task::Answer => {
                let spoken =
                    prompt.thread.iter().rposition(|message| message.role == Role::Assistant);
                let new = prompt.thread.iter().skip(spoken.map_or(0, |at| at + 1));
                let role = |role| if role == Role::Tool { "tool" } else { "user" };
                new.map(|own| message(role(own.role), self.texts.parts(&own.body).join("\n")))
                    .collect()
            }
            // The knowledge base itself, and a brief to write a question from: no text of the
            // user's.
            Task::Topics | Task::Question => Vec::new(),
            _ => prompt
                .question
                .map(|question| message("user", self.texts.parts(question).join("\n")))
                .into_iter()
                .collect(),
        }
    }

    /// Ends the writing.
    ///
    /// # Errors
    /// The first error of the writer.
    pub fn finish(mut self) -> io::Result<()> {
        match self.failed {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }
}
