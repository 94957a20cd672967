//! The list of models as Bedrock has it: `GET /foundation-models` and `GET /foundation-models/{id}`.

use serde::Serialize;

use super::families;
use crate::llm::chat::ModelCard;
use crate::llm::wire::sse::put;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryOut<'a> {
    model_arn: String,
    model_id: &'a str,
    model_name: &'a str,
    provider_name: &'a str,
    input_modalities: &'static [&'static str],
    output_modalities: &'static [&'static str],
    response_streaming_supported: bool,
    customizations_supported: [&'static str; 0],
    inference_types_supported: [&'static str; 1],
    model_lifecycle: LifecycleOut,
}

#[derive(Serialize)]
struct LifecycleOut {
    status: &'static str,
}

impl<'a> SummaryOut<'a> {
    fn of(card: &'a ModelCard) -> Self {
        let chats = families::of(&card.id).is_none_or(|family| family.chats);
        Self {
            model_arn: format!("arn:aws:bedrock:us-east-1::foundation-model/{}", card.id),
            model_id: &card.id,
            model_name: &card.id,
            provider_name: families::plain(&card.id).split('.').next().unwrap_or_default(),
            input_modalities: &["TEXT"],
            output_modalities: if chats { &["TEXT"] } else { &["EMBEDDING"] },
            response_streaming_supported: chats,
            customizations_supported: [],
            inference_types_supported: ["ON_DEMAND"],
            model_lifecycle: LifecycleOut { status: "ACTIVE" },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListOut<'a> {
    model_summaries: Vec<SummaryOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneOut<'a> {
    model_details: SummaryOut<'a>,
}

/// Writes the whole list, in one page.
pub(super) fn encode_models(cards: &[ModelCard], out: &mut Vec<u8>) {
    put(out, &ListOut { model_summaries: cards.iter().map(SummaryOut::of).collect() });
}

/// Writes one entry.
pub(super) fn encode_model(card: &ModelCard, out: &mut Vec<u8>) {
    put(out, &OneOut { model_details: SummaryOut::of(card) });
}
