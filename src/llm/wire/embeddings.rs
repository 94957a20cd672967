//! Embeddings: `POST /v1/embeddings`, a format that providers share with small differences.
//!
//! Guarantees: a vector comes back bit for bit in base64, and exactly in a list of numbers as well,
//! since every `f32` is written so that it reads back the same.
//!
//! Does not know: what a text means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::body::{BodyProblem, Obj, Problem, TextOrList, read, tokens, whole};
use super::headers::malformed;
use super::sse::put;
use crate::llm::chat::{
    ChatError, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, VectorFormat,
};

/// Most texts of one request (OpenAI's limit).
pub const MAX_INPUTS: usize = 2048;

/// One element of a list input: a text, a token, or a list of tokens.
enum ItemIn {
    Text(String),
    Token(u32),
    Tokens(Vec<u32>),
}

impl<'de> Deserialize<'de> for ItemIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Item;
        impl<'de> Visitor<'de> for Item {
            type Value = ItemIn;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, text: &str) -> Result<ItemIn, E> {
                Ok(ItemIn::Text(text.to_owned()))
            }
            fn visit_u64<E: serde::de::Error>(self, token: u64) -> Result<ItemIn, E> {
                u32::try_from(token)
                    .map(ItemIn::Token)
                    .map_err(|_| E::custom("a token id does not fit into 32 bits"))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ItemIn, A::Error> {
                let mut tokens = Vec::new();
                while let Some(token) = list.next_element()? {
                    tokens.push(token);
                }
                Ok(ItemIn::Tokens(tokens))
            }
        }
        deserializer.deserialize_any(Item)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BodyIn {
    model: Option<String>,
    input: Option<TextOrList<ItemIn>>,
    encoding_format: Option<String>,
    dimensions: Option<i64>,
    output_dimension: Option<i64>,
    user: Option<String>,
}

/// Embeddings as one provider has them.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingsApi {
    /// Path under the base address.
    pub path: &'static str,
    /// Words a fault as the provider does.
    pub(super) reject: fn(BodyProblem) -> ChatError,
    /// Whether the length of the vectors is asked for as `output_dimension`, not as `dimensions`.
    pub(super) output_dimension: bool,
    /// Whether a request may name a user.
    pub(super) takes_user: bool,
    /// Whether an answer has an id, and counts the tokens of a completion, as 0.
    pub(super) has_id: bool,
}

impl EmbeddingsApi {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// `BadRequest` in the provider's words, naming the field.
    pub fn decode_request(&self, body: &[u8]) -> Result<EmbeddingRequest, ChatError> {
        let read = read::<Obj<BodyIn>>(body).and_then(|Obj(body)| self.request(body));
        read.map_err(|fault| (self.reject)(fault).bounded())
    }

    /// Writes the body of a request.
    pub fn encode_request(&self, request: &EmbeddingRequest, out: &mut Vec<u8>) {
        let body = BodyOut {
            model: &request.model,
            input: Inputs(&request.input),
            encoding_format: (request.format == VectorFormat::Base64).then_some("base64"),
            dimensions: request.dimensions.filter(|_| !self.output_dimension),
            output_dimension: request.dimensions.filter(|_| self.output_dimension),
            user: request.user.as_deref().filter(|_| self.takes_user),
        };
        put(out, &body);
    }

    /// Writes the body of a 200; `id` is used where the provider gives one.
    pub fn encode_response(
        &self,
        response: &EmbeddingResponse,
        format: VectorFormat,
        id: &str,
        out: &mut Vec<u8>,
    ) {
        let (prompt_tokens, total_tokens) = (response.input_tokens, response.input_tokens);
        let completion_tokens = self.has_id.then_some(0);
        let list = ListOut {
            id: self.has_id.then_some(id),
            object: "list",
            data: Data(&response.vectors, format),
            model: &response.model,
            usage: UsageOut { prompt_tokens, total_tokens, completion_tokens },
        };
        put(out, &list);
    }

    fn request(&self, body: BodyIn) -> Result<EmbeddingRequest, BodyProblem> {
        let model = body
            .model
            .filter(|model| !model.is_empty())
            .ok_or_else(|| BodyProblem::missing("model"))?;
        let input = inputs(body.input.ok_or_else(|| BodyProblem::missing("input"))?)?;
        if input.len() > MAX_INPUTS {
            let words =
                format!("'input' must have at most {MAX_INPUTS} elements, found {}", input.len());
            return Err(BodyProblem::said("input", words, None));
        }
        let format = match body.encoding_format.as_deref() {
            None | Some("float") => VectorFormat::Float,
            Some("base64") => VectorFormat::Base64,
            Some(other) => {
                return Err(BodyProblem::new(
                    "encoding_format",
                    Problem::NotOneOf { found: other.to_owned(), allowed: &["float", "base64"] },
                ));
            }
        };
        let dimensions = if self.output_dimension {
            whole("output_dimension", body.output_dimension, 1)?
        } else {
            whole("dimensions", body.dimensions, 1)?
        };
        Ok(EmbeddingRequest { model, input, format, dimensions, user: body.user })
    }

    /// Reads the body of a 200, in either format.
    ///
    /// # Errors
    /// `Malformed` when it is no such list, or when an index is missing or there twice.
    pub fn decode_response(&self, body: &[u8]) -> Result<EmbeddingResponse, ChatError> {
        let wrong = |what: &str| malformed(format!("embeddings: {what}")).bounded();
        let Obj(list) =
            read::<Obj<ListIn>>(body).map_err(|fault| wrong(&(self.reject)(fault).message))?;
        let data = list.data.ok_or_else(|| wrong("no data"))?;
        let mut vectors: Vec<Option<Vec<f32>>> = vec![None; data.len()];
        for (i, Obj(item)) in data.into_iter().enumerate() {
            let place = usize::try_from(item.index.unwrap_or(i as u64)).unwrap_or(usize::MAX);
            let vector =
                match item.embedding.ok_or_else(|| wrong(&format!("no data.{i}.embedding")))? {
                    TextOrList::List(numbers) => numbers,
                    TextOrList::Text(text) => {
                        let bytes = STANDARD
                            .decode(text)
                            .map_err(|error| wrong(&format!("data.{i}.embedding: {error}")))?;
                        let (chunks, rest) = bytes.as_chunks::<4>();
                        if !rest.is_empty() {
                            return Err(wrong(&format!(
                                "data.{i}.embedding: {} bytes are no list of f32",
                                bytes.len()
                            )));
                        }
                        chunks.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
                    }
                };
            match vectors.get_mut(place) {
                Some(slot @ None) => *slot = Some(vector),
                _ => return Err(wrong(&format!("index {place} is out of range or there twice"))),
            }
        }
        let input_tokens = tokens(list.usage.and_then(|usage| usage.prompt_tokens));
        Ok(EmbeddingResponse {
            model: list.model,
            vectors: vectors.into_iter().flatten().collect(),
            input_tokens,
        })
    }
}

fn inputs(input: TextOrList<ItemIn>) -> Result<Vec<EmbeddingInput>, BodyProblem> {
    let items = match input {
        TextOrList::Text(text) if text.is_empty() => {
            return Err(BodyProblem::said("input", "'input' cannot be an empty string", None));
        }
        TextOrList::Text(text) => return Ok(vec![EmbeddingInput::Text(text)]),
        TextOrList::List(items) => items,
    };
    let first = items.first().ok_or_else(|| BodyProblem::new("input", Problem::Empty))?;
    if matches!(first, ItemIn::Token(_)) {
        // A flat list of tokens is one text.
        let mut tokens = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            let ItemIn::Token(token) = item else {
                return Err(BodyProblem::said(
                    format!("input.{i}"),
                    "'input' mixes token ids with other elements",
                    None,
                ));
            };
            tokens.push(token);
        }
        return Ok(vec![EmbeddingInput::Tokens(tokens)]);
    }
    let mut all = Vec::with_capacity(items.len());
    for (i, item) in items.into_iter().enumerate() {
        all.push(match item {
            ItemIn::Text(text) if !text.is_empty() => EmbeddingInput::Text(text),
            ItemIn::Tokens(tokens) if !tokens.is_empty() => EmbeddingInput::Tokens(tokens),
            ItemIn::Token(_) => {
                return Err(BodyProblem::said(
                    format!("input.{i}"),
                    "'input' mixes token ids with other elements",
                    None,
                ));
            }
            ItemIn::Text(_) | ItemIn::Tokens(_) => {
                return Err(BodyProblem::said(
                    format!("input.{i}"),
                    format!("'input[{i}]' cannot be empty"),
                    None,
                ));
            }
        });
    }
    Ok(all)
}

#[derive(Serialize)]
struct BodyOut<'a> {
    model: &'a str,
    input: Inputs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
}

struct Inputs<'a>(&'a [EmbeddingInput]);

impl Serialize for Inputs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum ItemOut<'a> {
            Text(&'a str),
            Tokens(&'a [u32]),
        }
        serializer.collect_seq(self.0.iter().map(|input| match input {
            EmbeddingInput::Text(text) => ItemOut::Text(text),
            EmbeddingInput::Tokens(tokens) => ItemOut::Tokens(tokens),
        }))
    }
}

#[derive(Serialize)]
struct ListOut<'a> {
    /// A client may insist on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    object: &'static str,
    data: Data<'a>,
    model: &'a str,
    usage: UsageOut,
}

struct Data<'a>(&'a [Vec<f32>], VectorFormat);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct ItemOut<'a> {
            object: &'static str,
            index: usize,
            embedding: VectorOut<'a>,
        }
        #[derive(Serialize)]
        #[serde(untagged)]
        enum VectorOut<'a> {
            Numbers(&'a [f32]),
            Base64(String),
        }
        serializer.collect_seq(self.0.iter().enumerate().map(|(index, vector)| ItemOut {
            object: "embedding",
            index,
            embedding: match self.1 {
                VectorFormat::Float => VectorOut::Numbers(vector),
                VectorFormat::Base64 => {
                    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                    VectorOut::Base64(STANDARD.encode(bytes))
                }
            },
        }))
    }
}

#[derive(Serialize)]
struct UsageOut {
    prompt_tokens: u32,
    total_tokens: u32,
    /// Some tell it, as 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListIn {
    data: Option<Vec<Obj<ItemOfIn>>>,
    model: String,
    usage: Option<UsageIn>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ItemOfIn {
    index: Option<u64>,
    embedding: Option<TextOrList<f32>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UsageIn {
    prompt_tokens: Option<u64>,
}

#[cfg(test)]
mod tests;
