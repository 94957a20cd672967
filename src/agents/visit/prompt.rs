//! What the model that has to answer now is asked.
//!
//! Does not know: how the visit goes on.

use super::Visit;
use crate::agents::app::App;
use crate::agents::need::Phase;
use crate::agents::spec::AtBudget;
use crate::journal::Caller;
use crate::judge::{JudgeSpec, Sees, shown};
use crate::knowledge::PiiSet;
use crate::llm::model::{Body, Prompt, Said, Subject, TOKENS_PER_MESSAGE, Visible};

impl Visit {
    /// The question to the model that has to answer now.
    #[must_use]
    pub fn prompt<'a>(&'a self, app: &'a App<'a>) -> Prompt<'a> {
        let (caller, setup, offers_tools) = match self.phase {
            Phase::Writing | Phase::Written | Phase::Over => {
                (Caller::Writer, app.writer_setup, false)
            }
            Phase::Judge => (Caller::Judge, app.judge_setup, false),
            Phase::Supervisor => (Caller::Supervisor, &app.setup(self.acting[0]).setup, false),
            Phase::Security => (Caller::Security, &app.setup(self.acting[1]).setup, false),
            Phase::Support | Phase::Tool => {
                let agent = app.setup(self.acting[2]);
                let frugal = agent.at_budget == AtBudget::StopTools
                    && agent.session_budget.is_some_and(|most| self.spent >= most);
                (
                    Caller::Support,
                    &agent.setup,
                    u32::from(self.rounds) < agent.max_tool_calls && !frugal,
                )
            }
        };
        let text = match caller {
            Caller::Support => self.thread_tokens,
            Caller::Judge => self.shown_tokens(app),
            Caller::Writer => TOKENS_PER_MESSAGE,
            _ => self.question_tokens + TOKENS_PER_MESSAGE,
        };
        let subject = Subject {
            topic: self.brief.topic,
            complexity: self.brief.complexity,
            personal: if caller == Caller::Writer && self.brief.personal {
                PiiSet::ALL
            } else {
                self.personal
            },
            redacted: if caller == Caller::Support { self.redacted } else { PiiSet::NONE },
            rounds: self.rounds,
            passages: self.passages,
            visible: if caller == Caller::Judge {
                self.visible(app.judge)
            } else {
                Visible::default()
            },
        };
        Prompt {
            caller,
            owner: self.owner,
            nth: self.nth,
            setup,
            offers_tools,
            input_tokens: setup.fixed_tokens + text,
            subject,
            question: self.question.as_ref(),
            thread: &self.thread,
            answer: self.answer.as_ref(),
        }
    }

    /// Tokens of the judge's message, its instructions aside.
    fn shown_tokens(&self, app: &App<'_>) -> u32 {
        let question = match &self.question {
            Some(Body::Question(Said::Recipe(question))) => {
                shown::question(*question, app.usage.base(), app.judge).tokens
            }
            _ => self.question_tokens,
        };
        question + self.tools_shown + self.answer_shown + TOKENS_PER_MESSAGE
    }

    /// What a judge sees of the answer.
    fn visible(&self, judge: &JudgeSpec) -> Visible {
        let Some(Body::Answer(Said::Recipe(answer))) = &self.answer else {
            return Visible::default();
        };
        Visible {
            grade: shown::readable(*answer, self.tool_characters, judge).then_some(answer.grade),
            tool_output_first: judge.sees == Sees::ToolOutputFirst && self.tool_characters > 0,
            tokens: self.answer_shown,
        }
    }
}
