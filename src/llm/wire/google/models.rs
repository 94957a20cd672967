//! The list of models as Google has it: `GET /v1beta/models` and `GET /v1beta/models/{id}`.

use serde::Serialize;

use super::families::FAMILIES;
use crate::llm::chat::ModelCard;
use crate::llm::families::{Thinking, find};
use crate::llm::wire::sse::put;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CardOut<'a> {
    name: String,
    version: &'static str,
    display_name: &'a str,
    input_token_limit: u32,
    output_token_limit: u32,
    supported_generation_methods: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<bool>,
}

impl<'a> CardOut<'a> {
    fn of(card: &'a ModelCard) -> Self {
        let family = find(FAMILIES, &card.id);
        let (input, output) =
            family.map_or((1_048_576, 65_536), |family| (family.context, family.output));
        let chats = family.is_none_or(|family| family.chats);
        Self {
            name: format!("models/{}", card.id),
            version: "001",
            display_name: &card.id,
            input_token_limit: input,
            output_token_limit: output,
            supported_generation_methods: if chats {
                &["generateContent", "countTokens"]
            } else {
                &["embedContent"]
            },
            thinking: family
                .is_some_and(|family| family.thinking != Thinking::Never)
                .then_some(true),
        }
    }
}

#[derive(Serialize)]
struct ListOut<'a> {
    models: Vec<CardOut<'a>>,
}

/// Writes the whole list, in one page.
pub(super) fn encode_models(cards: &[ModelCard], out: &mut Vec<u8>) {
    put(out, &ListOut { models: cards.iter().map(CardOut::of).collect() });
}

/// Writes one entry.
pub(super) fn encode_model(card: &ModelCard, out: &mut Vec<u8>) {
    put(out, &CardOut::of(card));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_documented_shape() {
        let mut one = Vec::new();
        encode_model(&ModelCard { id: "gemini-2.5-pro".into(), created: 0 }, &mut one);
        assert_eq!(
            String::from_utf8(one).unwrap(),
            r#"{"name":"models/gemini-2.5-pro","version":"001","displayName":"gemini-2.5-pro","inputTokenLimit":1048576,"outputTokenLimit":65536,"supportedGenerationMethods":["generateContent","countTokens"],"thinking":true}"#
        );
        let mut list = Vec::new();
        encode_models(&[ModelCard { id: "gemini-embedding-001".into(), created: 0 }], &mut list);
        assert_eq!(
            String::from_utf8(list).unwrap(),
            r#"{"models":[{"name":"models/gemini-embedding-001","version":"001","displayName":"gemini-embedding-001","inputTokenLimit":2048,"outputTokenLimit":1,"supportedGenerationMethods":["embedContent"]}]}"#
        );
    }
}
