//! The list of models as Anthropic has it: `GET /v1/models` and `GET /v1/models/{id}`.

use serde::Serialize;

use crate::llm::chat::ModelCard;
use crate::llm::wire::sse::put;
use crate::llm::wire::time_headers::rfc3339;

#[derive(Serialize)]
struct CardOut<'a> {
    r#type: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
}

impl<'a> CardOut<'a> {
    fn of(card: &'a ModelCard) -> Self {
        let id = card.id.as_str();
        Self { r#type: "model", id, display_name: id, created_at: rfc3339(card.created) }
    }
}

#[derive(Serialize)]
struct ListOut<'a> {
    data: Vec<CardOut<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

fn id(card: &ModelCard) -> &str {
    &card.id
}

/// Writes the whole list, in one page.
pub(super) fn encode_models(cards: &[ModelCard], out: &mut Vec<u8>) {
    let data = cards.iter().map(CardOut::of).collect();
    let (first_id, last_id) = (cards.first().map(id), cards.last().map(id));
    put(out, &ListOut { data, has_more: false, first_id, last_id });
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
            r#"{"data":[{"type":"model","id":"a","display_name":"a","created_at":"2025-10-09T08:53:20Z"},{"type":"model","id":"b","display_name":"b","created_at":"1970-01-01T00:00:00Z"}],"has_more":false,"first_id":"a","last_id":"b"}"#
        );
        let mut one = Vec::new();
        encode_model(&cards[0], &mut one);
        assert_eq!(
            String::from_utf8(one).unwrap(),
            r#"{"type":"model","id":"a","display_name":"a","created_at":"2025-10-09T08:53:20Z"}"#
        );
    }
}
