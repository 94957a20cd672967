//! The list of models as OpenAI has it: `GET /v1/models` and `GET /v1/models/{id}`.

use serde::Serialize;

use crate::llm::chat::ModelCard;
use crate::llm::wire::sse::put;

#[derive(Serialize)]
struct CardOut<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl<'a> CardOut<'a> {
    fn of(card: &'a ModelCard) -> Self {
        Self { id: &card.id, object: "model", created: card.created, owned_by: "simlab" }
    }
}

#[derive(Serialize)]
struct ListOut<'a> {
    object: &'static str,
    data: Vec<CardOut<'a>>,
}

/// Writes the whole list, in one page.
pub(super) fn encode_models(cards: &[ModelCard], out: &mut Vec<u8>) {
    put(out, &ListOut { object: "list", data: cards.iter().map(CardOut::of).collect() });
}

/// Writes one entry.
pub(super) fn encode_model(card: &ModelCard, out: &mut Vec<u8>) {
    put(out, &CardOut::of(card));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_an_entry_have_the_documented_shape() {
        let cards = [
            ModelCard { id: "a".into(), created: 1_760_000_000 },
            ModelCard { id: "b".into(), created: 0 },
        ];
        let mut list = Vec::new();
        encode_models(&cards, &mut list);
        assert_eq!(
            String::from_utf8(list).unwrap(),
            r#"{"object":"list","data":[{"id":"a","object":"model","created":1760000000,"owned_by":"simlab"},{"id":"b","object":"model","created":0,"owned_by":"simlab"}]}"#
        );
        let mut one = Vec::new();
        encode_model(&cards[0], &mut one);
        assert_eq!(
            String::from_utf8(one).unwrap(),
            r#"{"id":"a","object":"model","created":1760000000,"owned_by":"simlab"}"#
        );
    }
}
