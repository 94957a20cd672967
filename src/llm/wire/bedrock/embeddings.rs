//! Vectors of Titan Text Embeddings V2, through `InvokeModel`.

use serde::{Deserialize, Serialize};

use super::error::reject;
use super::families::{EMBEDDER, plain};
use crate::llm::chat::{
    ChatError, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, VectorFormat,
};
use crate::llm::wire::body::{BodyProblem, Obj, read, whole};
use crate::llm::wire::path_api::PathCall;
use crate::llm::wire::sse::put;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TitanIn {
    input_text: Option<String>,
    dimensions: Option<i64>,
}

/// Reads the body of a request for a vector.
///
/// # Errors
/// `BadRequest` in the service's words, naming the field; also for a model that makes none.
pub(super) fn decode_request(call: &PathCall, body: &[u8]) -> Result<EmbeddingRequest, ChatError> {
    if plain(&call.model) != EMBEDDER {
        let words = format!(
            "InvokeModel is simulated for {EMBEDDER} only: for chats, use Converse or ConverseStream"
        );
        return Err(reject(BodyProblem::said("", words, None)));
    }
    read::<Obj<TitanIn>>(body).and_then(|Obj(body)| request(body)).map_err(reject)
}

fn request(body: TitanIn) -> Result<EmbeddingRequest, BodyProblem> {
    let text = body.input_text.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| {
        let words = "Malformed input request: #: required key [inputText] not found, please reformat your input and try again.";
        BodyProblem::said("inputText", words, None)
    })?;
    let dimensions = whole("dimensions", body.dimensions, 1)?;
    if dimensions.is_some_and(|length| ![256, 512, 1_024].contains(&length)) {
        let words = "Malformed input request: #/dimensions: must be one of 256, 512 and 1024, please reformat your input and try again.";
        return Err(BodyProblem::said("dimensions", words, None));
    }
    Ok(EmbeddingRequest {
        model: EMBEDDER.to_owned(),
        input: vec![EmbeddingInput::Text(text)],
        format: VectorFormat::Float,
        dimensions,
        user: None,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TitanOut<'a> {
    embedding: &'a [f32],
    embeddings_by_type: FloatsOut<'a>,
    input_text_token_count: u32,
}

#[derive(Serialize)]
struct FloatsOut<'a> {
    float: &'a [f32],
}

/// Writes the body of a 200.
pub(super) fn encode_response(response: &EmbeddingResponse, out: &mut Vec<u8>) {
    let embedding = response.vectors.first().map(Vec::as_slice).unwrap_or_default();
    let vector = TitanOut {
        embedding,
        embeddings_by_type: FloatsOut { float: embedding },
        input_text_token_count: response.input_tokens,
    };
    put(out, &vector);
}
