//! Listing the topics of the knowledge base.

use super::message;
use crate::knowledge::{KnowledgeBase, TopicId};
use crate::llm::chat::ChatRequest;
use crate::llm::chat::Role;
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{ModelReply, Prompt, RouteChoice};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;
use crate::llm::tasks::{Behavior, ModelAnswer, RequestWords, UnreadableAnswer};
use crate::random::Purpose;

/// Most tokens of a list of topics.
const TOPIC_TOKENS: u32 = 800;

/// Listing topics.
pub(super) struct Topics;

impl Behavior for Topics {
    fn purpose(&self) -> Purpose {
        Purpose::Topics
    }

    fn mock(
        &self,
        mock: &MockModels<'_>,
        _model: &ModelProfile,
        _prompt: &Prompt<'_>,
        _luck: &CallLuck,
    ) -> (ModelReply, u32) {
        (ModelReply::Topics(mock.topics.to_vec()), mock.usage.topic_list())
    }

    /// The whole knowledge base, and what to read out of it.
    fn request(&self, _prompt: &Prompt<'_>, words: &RequestWords<'_>, request: &mut ChatRequest) {
        let mut text = String::new();
        for chunk in words.base.chunks() {
            text.push_str(chunk.text.text());
            text.push_str("\n\n");
        }
        text.push_str(&format!(
            "List the topics of the documentation above that users might ask about: at most {}, one on each line, in the words of \
             its headings, and nothing else.",
            words.max_topics
        ));
        request.system = None;
        request.max_tokens = Some(TOPIC_TOKENS.min(words.max_output_tokens));
        request.messages = vec![message(Role::User, text)];
    }

    fn read(
        &self,
        _prompt: (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        base: &KnowledgeBase,
        _tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer> {
        let mut topics: Vec<TopicId> = Vec::new();
        for line in spoken.text.trim().lines() {
            let line = line.trim().trim_start_matches(|c: char| {
                c.is_ascii_digit() || matches!(c, '.' | ')' | '-' | '*' | '•' | ' ')
            });
            let found = base.topic_titled(line).or_else(|| base.topic_mentioned(line));
            topics.extend(found.filter(|topic| !topics.contains(topic)));
        }
        if topics.is_empty() {
            Err(UnreadableAnswer::malformed(
                "none of its lines names a topic of the knowledge base",
            ))
        } else {
            Ok(ModelReply::Topics(topics))
        }
    }
}
