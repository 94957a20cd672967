//! Writing a user's question.

use super::message;
use crate::knowledge::{KnowledgeBase, PersonalData, PiiKind, PiiSet, Question, TEMPLATES};
use crate::llm::chat::{ChatRequest, Role};
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{ModelReply, Prompt, RouteChoice, Said};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;
use crate::llm::tasks::{Behavior, ModelAnswer, RequestWords, UnreadableAnswer};
use crate::random::Purpose;

/// Writing a question.
pub(super) struct WriteQuestion;

impl Behavior for WriteQuestion {
    fn purpose(&self) -> Purpose {
        Purpose::Writing
    }

    fn has_form(&self) -> bool {
        false
    }

    /// The writer chooses the wording and, if asked to, invents personal data; topic and depth are
    /// given.
    fn mock(
        &self,
        mock: &MockModels<'_>,
        _model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (ModelReply, u32) {
        let subject = &prompt.subject;
        // Name always, the rest more often than not; the items are the same whatever share of
        // questions carries any.
        let invented =
            PiiSet::from_bits((luck.second * 64.0) as u8 | 1 << (luck.wording >> 60 & 3))
                .with(PiiKind::Name);
        let personal = if subject.personal.is_empty() {
            None
        } else {
            PersonalData::new(invented, luck.wording)
        };
        let template = (luck.first * f64::from(TEMPLATES)) as u8;
        let question = Question {
            topic: subject.topic,
            complexity: subject.complexity,
            template,
            personal,
            listed: None,
        };
        (ModelReply::Question(Said::Recipe(question)), mock.usage.question(question, PiiSet::NONE))
    }

    fn request(&self, prompt: &Prompt<'_>, words: &RequestWords<'_>, request: &mut ChatRequest) {
        let (title, depth) =
            (words.base.title(prompt.subject.topic), prompt.subject.complexity.name());
        let personal =
            if prompt.subject.personal.is_empty() { "" } else { " Let it hold personal data." };
        request.messages = vec![message(
            Role::User,
            format!("The topic is \"{title}\", the depth {depth}.{personal}"),
        )];
    }

    fn read(
        &self,
        _prompt: (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        _base: &KnowledgeBase,
        _tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer> {
        spoken.words().map(|words| ModelReply::Question(Said::Words(words)))
    }
}
