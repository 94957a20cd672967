//! Vectors as Google has them: `:embedContent` for one text, `:batchEmbedContents` for several.

use serde::{Deserialize, Serialize};

use super::error::reject;
use super::request::{ContentIn, texts};
use crate::llm::chat::{
    ChatError, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, VectorFormat,
};
use crate::llm::wire::body::{BodyProblem, Obj, read, whole};
use crate::llm::wire::path_api::PathCall;
use crate::llm::wire::sse::put;

/// Most texts of one request.
const MAX_TEXTS: usize = 100;

#[derive(Default, Deserialize)]
#[serde(default)]
struct BatchIn {
    requests: Option<Vec<Obj<TextIn>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TextIn {
    content: Option<Obj<ContentIn>>,
    #[serde(alias = "output_dimensionality")]
    output_dimensionality: Option<i64>,
}

/// Reads the body of a request for vectors.
///
/// # Errors
/// `BadRequest` in the service's words, naming the field.
pub(super) fn decode_request(call: &PathCall, body: &[u8]) -> Result<EmbeddingRequest, ChatError> {
    let requests = if call.list {
        read::<Obj<BatchIn>>(body).and_then(|Obj(batch)| {
            batch.requests.filter(|all| !all.is_empty()).ok_or_else(|| {
                let words = "* BatchEmbedContentsRequest.requests: requests is not specified";
                BodyProblem::said("requests", words, None)
            })
        })
    } else {
        read::<Obj<TextIn>>(body).map(|one| vec![one])
    };
    requests.and_then(|all| request(call, all)).map_err(reject)
}

fn request(call: &PathCall, all: Vec<Obj<TextIn>>) -> Result<EmbeddingRequest, BodyProblem> {
    if all.len() > MAX_TEXTS {
        let words = format!(
            "* BatchEmbedContentsRequest.requests: at most {MAX_TEXTS} requests can be in one batch"
        );
        return Err(BodyProblem::said("requests", words, None));
    }
    let mut input = Vec::with_capacity(all.len());
    let mut dimensions = None;
    for (i, Obj(one)) in all.into_iter().enumerate() {
        let path = |field: &str| {
            if call.list { format!("requests.{i}.{field}") } else { field.to_owned() }
        };
        let Obj(content) = one.content.ok_or_else(|| BodyProblem::missing(path("content")))?;
        let text = texts(content)?;
        if text.is_empty() {
            let words = "* EmbedContentRequest.content: contents must not be empty";
            return Err(BodyProblem::said(path("content"), words, None));
        }
        input.push(EmbeddingInput::Text(text));
        let asked = whole(&path("outputDimensionality"), one.output_dimensionality, 1)?;
        if i > 0 && asked != dimensions {
            let words = "the requests of one batch have different values of output_dimensionality, which is not simulated here";
            return Err(BodyProblem::said(path("outputDimensionality"), words, None));
        }
        dimensions = asked;
    }
    let (model, format) = (call.model.clone(), VectorFormat::Float);
    Ok(EmbeddingRequest { model, input, format, dimensions, user: None })
}

#[derive(Serialize)]
struct VectorOut<'a> {
    values: &'a [f32],
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum AnswerOut<'a> {
    Embedding(VectorOut<'a>),
    Embeddings(Vec<VectorOut<'a>>),
}

/// Writes the body of a 200.
pub(super) fn encode_response(call: &PathCall, response: &EmbeddingResponse, out: &mut Vec<u8>) {
    let mut vectors = response.vectors.iter().map(|values| VectorOut { values });
    let answer = if call.list {
        AnswerOut::Embeddings(vectors.collect())
    } else {
        AnswerOut::Embedding(vectors.next().unwrap_or(VectorOut { values: &[] }))
    };
    put(out, &answer);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::path_api::Operation;

    #[test]
    fn one_text_and_several_have_their_own_forms() {
        let mut call = PathCall {
            model: "gemini-embedding-001".into(),
            operation: Operation::Embed,
            stream: false,
            list: true,
        };
        // As google-genai 3.6.1 sends two texts.
        let body = br#"{"requests":[{"content":{"parts":[{"text":"a"}],"role":"user"},"outputDimensionality":8,"model":"models/gemini-embedding-001"},{"content":{"parts":[{"text":"b"}]},"outputDimensionality":8}]}"#;
        let read = decode_request(&call, body).unwrap();
        assert_eq!((read.input.len(), read.dimensions), (2, Some(8)));
        let response = EmbeddingResponse {
            model: String::new(),
            vectors: vec![vec![0.5, 1.0], vec![0.25]],
            input_tokens: 2,
        };
        let written = |call: &PathCall| {
            let mut out = Vec::new();
            encode_response(call, &response, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(&call), r#"{"embeddings":[{"values":[0.5,1.0]},{"values":[0.25]}]}"#);
        call.list = false;
        assert_eq!(written(&call), r#"{"embedding":{"values":[0.5,1.0]}}"#);
        let error = decode_request(&call, b"{}").unwrap_err();
        assert!(error.message.contains("content is not specified"), "{error}");
        call.list = true;
        assert!(decode_request(&call, b"{}").unwrap_err().message.contains("requests"));
    }
}
