//! Rating an answer.

use super::shift;
use crate::journal::Label;
use crate::knowledge::tokens::cut;
use crate::knowledge::{Grade, KnowledgeBase};
use crate::llm::chat::{ChatRequest, Message, Part, Role};
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{Body, Prompt, Reply, RouteChoice};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;
use crate::llm::tasks::{Behavior, ModelAnswer, RequestWords, Unreadable};
use crate::random::Purpose;

/// Rating.
pub(super) struct Judging;

impl Behavior for Judging {
    fn purpose(&self) -> Purpose {
        Purpose::Judge
    }

    fn mock(
        &self,
        mock: &MockModels<'_>,
        _model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (Reply, u32) {
        let traits = mock.judge;
        let visible = prompt.subject.visible;
        let rates = if prompt.subject.personal.is_empty() {
            traits.rates_impersonal
        } else {
            traits.rates_personal
        };
        let (positive, negative) = match visible.grade {
            None => (traits.positive_on_tool_output.get(), 0.0),
            Some(Grade::Strong) => (traits.sensitivity.get(), 0.0),
            Some(Grade::Fair) => (traits.leniency.get(), 0.0),
            Some(Grade::Weak) => (traits.specificity.complement().get(), traits.specificity.get()),
        };
        let length = traits.length_bias * (f64::from(visible.tokens) / 100.0 - 1.0);
        let position = if visible.tool_output_first { traits.position_bias } else { 0.0 };
        let shifted = if traits.length_bias == 0.0 && traits.position_bias == 0.0 {
            positive
        } else {
            shift(positive, length + position)
        };
        let label = if luck.first >= rates.get() {
            Label::None
        } else if luck.second < shifted {
            Label::Positive
        } else if luck.second
            > 1.0 - negative * (1.0 - shifted) / (1.0 - positive).max(f64::MIN_POSITIVE)
        {
            Label::Negative
        } else {
            Label::None
        };
        (Reply::Label(label), mock.usage.label(label))
    }

    /// What a judge is shown: the question, outputs of tools, the answer, as blocks of one message.
    fn request(&self, prompt: &Prompt<'_>, words: &RequestWords<'_>, request: &mut ChatRequest) {
        let (of_question, mut room) = words.shown_characters;
        let question = prompt.question.map(|question| (words.body)(question)).unwrap_or_default();
        let mut blocks = vec![cut(&question, of_question).to_owned()];
        if words.shows_tool_output {
            for output in
                prompt.thread.iter().filter(|message| matches!(message.body, Body::ToolOutput(_)))
            {
                let output = (words.body)(&output.body);
                blocks.push(cut(&output, room).to_owned());
                room = room.saturating_sub(
                    u32::try_from(output.chars().count()).unwrap_or(u32::MAX).saturating_add(1),
                );
            }
        }
        blocks.extend(prompt.answer.map(|answer| cut(&(words.body)(answer), room).to_owned()));
        let blocks = blocks.into_iter().filter(|block| !block.is_empty());
        let shown = Message { role: Role::User, content: blocks.map(Part::Text).collect() };
        request.messages = vec![shown];
    }

    fn read(
        &self,
        _prompt: (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        _base: &KnowledgeBase,
        _tools: &[ToolSpec],
    ) -> Result<Reply, Unreadable> {
        let word: String = spoken
            .text
            .chars()
            .skip_while(|c| !c.is_alphabetic())
            .take_while(|c| c.is_alphabetic())
            .collect();
        match word.to_lowercase().as_str() {
            "positive" => Ok(Reply::Label(Label::Positive)),
            "negative" => Ok(Reply::Label(Label::Negative)),
            "none" => Ok(Reply::Label(Label::None)),
            _ => Err(Unreadable::malformed("it is not one of positive, negative, none")),
        }
    }
}
