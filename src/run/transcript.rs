//! What the first users asked and what every model answered them, one JSON document a call.
//!
//! Guarantees: the texts that were counted; the order of the calls; the memory of so many users'
//! keys.
//!
//! Does not know: where the bytes go.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::agents::Texts;
use crate::context::user_key;
use crate::llm::model::{CallFailure, Completion, MessageRole, ModelReply, Prompt};
use crate::llm::tasks::Task;
use crate::random::Owner;
use crate::run::transcript_line::{AskedText, ToolText, TranscriptLine, TranscriptOutcome};
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
        let user = self.users.get(&prompt.owner.visit(prompt.visit)).copied();
        if (user.is_none() && prompt.owner != Owner::NOBODY) || self.failed.is_some() {
            return;
        }
        let mut line = Vec::new();
        self.line(prompt, result, user).write(&mut line);
        self.failed = self.out.write_all(&line).err();
    }

    fn line(
        &self,
        prompt: &Prompt<'_>,
        result: &Result<Completion, CallFailure>,
        user: Option<u32>,
    ) -> TranscriptLine {
        let model = self.scenario.models.get(usize::from(prompt.setup.model));
        TranscriptLine {
            request: None,
            at_ms: None,
            user,
            visit: (prompt.visit > 0).then_some(prompt.visit),
            key: user.map(|user| user_key(user).as_str().to_owned()),
            caller: self.scenario.graph.name(prompt.caller).to_owned(),
            call: prompt.nth,
            attempt: None,
            model: model.map(|model| model.id.clone()),
            asked: self.asked(prompt),
            outcome: match result {
                Ok(done) => self.answered(prompt, done),
                Err(failure) => TranscriptOutcome::Failed {
                    failed: failure.kind.name().to_owned(),
                    message: None,
                    latency_ms: failure.latency.us() as f64 / 1e3,
                },
            },
            request_body: None,
            answer_body: None,
        }
    }

    fn answered(&self, prompt: &Prompt<'_>, done: &Completion) -> TranscriptOutcome {
        let parts = self.texts.reply(&done.reply, prompt);
        let (words, tools) = match (&done.reply, &parts[..]) {
            (ModelReply::ToolCall(_), [words, call]) => {
                let (name, input) = call.split_once(' ').unwrap_or((call, ""));
                (words.clone(), vec![ToolText { name: name.to_owned(), input: input.to_owned() }])
            }
            _ => (parts.join("\n"), Vec::new()),
        };
        let tokens = (done.input_tokens, done.output_tokens);
        TranscriptOutcome::answered(Some(&words), tools, tokens, done.latency.us())
    }

    /// What is new in this prompt: the question, or the conversation since the model's last word.
    fn asked(&self, prompt: &Prompt<'_>) -> Vec<AskedText> {
        let message = |role, text| AskedText { role, text };
        match prompt.task {
            Task::Answer => {
                let spoken = prompt
                    .thread
                    .iter()
                    .rposition(|message| message.role == MessageRole::Assistant);
                let new = prompt.thread.iter().skip(spoken.map_or(0, |at| at + 1));
                let role = |role| if role == MessageRole::Tool { "tool" } else { "user" };
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
