//! The list of models, `GET /v1/models`, and one of it, `GET /v1/models/{id}`.
//!
//! Promises: ids and release dates come back; the rest of an entry is what the clients insist on.
//!
//! Does not know: which models there are.

use serde::{Deserialize, Serialize};

use super::body::{Obj, read};
use super::head::malformed;
use super::moment::{parse_rfc3339, rfc3339};
use super::openai;
use super::sse::put;
use crate::llm::chat::{ChatError, ModelCard, Provider};

#[derive(Serialize)]
#[serde(untagged)]
enum CardOut<'a> {
    Anthropic { r#type: &'static str, id: &'a str, display_name: &'a str, created_at: String },
    OpenAi { id: &'a str, object: &'static str, created: u64, owned_by: &'static str },
    Mistral(MistralOut<'a>),
}

#[derive(Serialize)]
struct MistralOut<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    capabilities: CapabilitiesOut,
    name: &'a str,
    aliases: [&'static str; 0],
    r#type: &'static str,
}

#[derive(Serialize)]
struct CapabilitiesOut {
    completion_chat: bool,
    completion_fim: bool,
    function_calling: bool,
    fine_tuning: bool,
    vision: bool,
}

impl<'a> CardOut<'a> {
    fn of(provider: Provider, card: &'a ModelCard) -> Self {
        let (id, created) = (card.id.as_str(), card.created);
        match provider {
            Provider::Anthropic => Self::Anthropic {
                r#type: "model",
                id,
                display_name: id,
                created_at: rfc3339(created),
            },
            Provider::OpenAi => Self::OpenAi { id, object: "model", created, owned_by: "simlab" },
            Provider::Mistral => Self::Mistral(MistralOut {
                id,
                object: "model",
                created,
                owned_by: "simlab",
                capabilities: CapabilitiesOut {
                    completion_chat: true,
                    completion_fim: false,
                    function_calling: true,
                    fine_tuning: false,
                    vision: false,
                },
                name: id,
                aliases: [],
                r#type: "base",
            }),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum ListOut<'a> {
    Anthropic {
        data: Vec<CardOut<'a>>,
        has_more: bool,
        first_id: Option<&'a str>,
        last_id: Option<&'a str>,
    },
    Other {
        object: &'static str,
        data: Vec<CardOut<'a>>,
    },
}

/// Writes the whole list, in one page.
pub fn encode_models(provider: Provider, cards: &[ModelCard], out: &mut Vec<u8>) {
    let data = cards.iter().map(|card| CardOut::of(provider, card)).collect();
    let list = match provider {
        Provider::Anthropic => ListOut::Anthropic {
            data,
            has_more: false,
            first_id: cards.first().map(|card| card.id.as_str()),
            last_id: cards.last().map(|card| card.id.as_str()),
        },
        Provider::OpenAi | Provider::Mistral => ListOut::Other { object: "list", data },
    };
    put(out, &list);
}

/// Writes one entry.
pub fn encode_model(provider: Provider, card: &ModelCard, out: &mut Vec<u8>) {
    put(out, &CardOut::of(provider, card));
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListIn {
    data: Option<Vec<Obj<CardIn>>>,
    has_more: Option<bool>,
    last_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CardIn {
    id: Option<String>,
    created: Option<u64>,
    created_at: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPage {
    /// The models on it.
    pub cards: Vec<ModelCard>,
    /// The id after which the next page begins (`after_id`), if there is one; Anthropic alone has
    /// pages.
    pub next: Option<String>,
}

/// Reads a page of any provider's list.
///
/// # Errors
/// `Malformed` when it is none.
pub fn decode_models(body: &[u8]) -> Result<ModelPage, ChatError> {
    let Obj(list) = read::<Obj<ListIn>>(body)
        .map_err(|fault| malformed(format!("list of models: {}", openai::reject(fault).message)))?;
    let data = list.data.ok_or_else(|| malformed("list of models: no data"))?;
    let mut cards = Vec::with_capacity(data.len());
    for (i, Obj(card)) in data.into_iter().enumerate() {
        let id = card.id.ok_or_else(|| malformed(format!("list of models: no data.{i}.id")))?;
        let told = || Some(parse_rfc3339(&card.created_at?)? / 1_000_000);
        cards.push(ModelCard { id, created: card.created.or_else(told).unwrap_or_default() });
    }
    Ok(ModelPage { cards, next: list.last_id.filter(|_| list.has_more == Some(true)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_has_its_providers_shape_and_comes_back() {
        let cards = [
            ModelCard { id: "a".into(), created: 1_760_000_000 },
            ModelCard { id: "b".into(), created: 0 },
        ];
        for (provider, expected) in [
            (
                Provider::Anthropic,
                r#"{"data":[{"type":"model","id":"a","display_name":"a","created_at":"2025-10-09T08:53:20Z"},{"type":"model","id":"b","display_name":"b","created_at":"1970-01-01T00:00:00Z"}],"has_more":false,"first_id":"a","last_id":"b"}"#,
            ),
            (
                Provider::OpenAi,
                r#"{"object":"list","data":[{"id":"a","object":"model","created":1760000000,"owned_by":"simlab"},{"id":"b","object":"model","created":0,"owned_by":"simlab"}]}"#,
            ),
        ] {
            let mut out = Vec::new();
            encode_models(provider, &cards, &mut out);
            assert_eq!(std::str::from_utf8(&out).unwrap(), expected);
            assert_eq!(
                decode_models(&out).unwrap(),
                ModelPage { cards: cards.to_vec(), next: None }
            );
        }
        let mut out = Vec::new();
        encode_model(Provider::Mistral, &cards[0], &mut out);
        assert_eq!(
            std::str::from_utf8(&out).unwrap(),
            r#"{"id":"a","object":"model","created":1760000000,"owned_by":"simlab","capabilities":{"completion_chat":true,"completion_fim":false,"function_calling":true,"fine_tuning":false,"vision":false},"name":"a","aliases":[],"type":"base"}"#
        );
    }

    #[test]
    fn pages_follow_each_other() {
        let page =
            decode_models(br#"{"data":[{"id":"a"}],"has_more":true,"last_id":"a"}"#).unwrap();
        assert_eq!(page.next.as_deref(), Some("a"));
        assert!(decode_models(b"{}").is_err() && decode_models(br#"{"data":[{}]}"#).is_err());
    }
}
