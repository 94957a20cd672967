//! Moderation: `POST /v1/moderations`, a format that providers share but for their categories.
//!
//! Does not know: what a text says.

use serde::{Deserialize, Serialize, Serializer};

use super::body::{BodyProblem, Obj, Problem, TextOrList, read};
use super::sse::put;
use crate::llm::chat::ChatError;

/// Most texts of one request.
const MAX_INPUTS: usize = 2_048;

/// What a text may be about that somebody does not want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// It insults somebody.
    Harassment,
    /// It insults people for what they are.
    Hate,
    /// It is about sex.
    Sexual,
    /// It is about violence.
    Violence,
    /// It is about harming oneself.
    SelfHarm,
    /// It is about a crime.
    Crime,
    /// It asks for advice on health.
    Health,
    /// It asks for advice on money.
    Finance,
    /// It asks for advice on the law.
    Law,
    /// It holds personal data.
    PersonalData,
    /// Something that simlab does not look for.
    Other,
}

/// Moderation as one provider has it.
#[derive(Clone, Copy, Debug)]
pub struct ModerationsApi {
    /// Path under the base address.
    pub path: &'static str,
    /// The models, the usual one first; `None` in a request means it where `model_is_optional`.
    pub models: &'static [&'static str],
    /// Whether a request need not name a model.
    pub(super) model_is_optional: bool,
    /// The categories, in the order of an answer.
    pub categories: &'static [(&'static str, Hazard)],
    /// Whether an answer says if a text is flagged at all, and what kind of input is meant.
    pub(super) flags: bool,
    /// What an id begins with.
    pub(super) id_prefix: &'static str,
    /// Words a fault as the provider does.
    pub(super) reject: fn(BodyProblem) -> ChatError,
}

/// A request for moderation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModerationRequest {
    /// The model.
    pub model: String,
    /// The texts.
    pub inputs: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BodyIn {
    model: Option<String>,
    input: Option<TextOrList<InputIn>>,
}

/// A text, or a part of one input of several kinds.
#[derive(Deserialize)]
#[serde(untagged)]
enum InputIn {
    Text(String),
    Part { r#type: String, text: Option<String> },
}

impl ModerationsApi {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// `BadRequest` in the provider's words, naming the field.
    pub fn decode_request(&self, body: &[u8]) -> Result<ModerationRequest, ChatError> {
        let read = read::<Obj<BodyIn>>(body).and_then(|Obj(body)| self.request(body));
        read.map_err(|fault| (self.reject)(fault).bounded())
    }

    fn request(&self, body: BodyIn) -> Result<ModerationRequest, BodyProblem> {
        let usual = self.models.first().filter(|_| self.model_is_optional);
        let model = body.model.or_else(|| usual.map(|model| (*model).to_owned()));
        let model = model.ok_or_else(|| BodyProblem::missing("model"))?;
        let mut inputs = Vec::new();
        match body.input.ok_or_else(|| BodyProblem::missing("input"))? {
            TextOrList::Text(text) => inputs.push(text),
            TextOrList::List(all) => {
                let mut parts = Vec::new();
                for (i, one) in all.into_iter().enumerate() {
                    match one {
                        InputIn::Text(text) => inputs.push(text),
                        InputIn::Part { r#type, text } if r#type == "text" => {
                            let missing = || BodyProblem::missing(format!("input.{i}.text"));
                            parts.push(text.ok_or_else(missing)?);
                        }
                        InputIn::Part { r#type, .. } if r#type == "image_url" => {
                            parts.push(String::new());
                        }
                        InputIn::Part { r#type, .. } => {
                            let allowed = &["text", "image_url"];
                            let problem = Problem::NotOneOf { found: r#type, allowed };
                            return Err(BodyProblem::new(format!("input.{i}.type"), problem));
                        }
                    }
                }
                // All parts are one input.
                if !parts.is_empty() {
                    inputs.push(parts.join("\n"));
                }
            }
        }
        if inputs.is_empty() {
            return Err(BodyProblem::new("input", Problem::Empty));
        }
        if inputs.len() > MAX_INPUTS {
            let words = format!("'input' may have at most {MAX_INPUTS} texts");
            return Err(BodyProblem::said("input", words, None));
        }
        Ok(ModerationRequest { model, inputs })
    }

    /// Writes the body of a 200: for each input its score in each category, from 0 to 1. One of 0.5
    /// or more counts.
    pub fn encode_response(
        &self,
        (model, bits): (&str, u128),
        scores: &[Vec<f64>],
        out: &mut Vec<u8>,
    ) {
        let results = scores.iter().map(|scores| {
            let each = |kind| InCategories { categories: self.categories, scores, kind };
            ResultOut {
                flagged: self.flags.then(|| scores.iter().any(|score| *score >= 0.5)),
                categories: each(CategoryField::Holds),
                category_scores: each(CategoryField::Score),
                category_applied_input_types: self.flags.then(|| each(CategoryField::Inputs)),
            }
        });
        let id = format!("{}{bits:032x}", self.id_prefix);
        put(out, &ModerationOut { id: &id, model, results: results.collect() });
    }
}

#[derive(Serialize)]
struct ModerationOut<'a> {
    id: &'a str,
    model: &'a str,
    results: Vec<ResultOut<'a>>,
}

#[derive(Serialize)]
struct ResultOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    flagged: Option<bool>,
    categories: InCategories<'a>,
    category_scores: InCategories<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category_applied_input_types: Option<InCategories<'a>>,
}

/// What is said of each category.
#[derive(Clone, Copy)]
enum CategoryField {
    Holds,
    Score,
    Inputs,
}

struct InCategories<'a> {
    categories: &'static [(&'static str, Hazard)],
    scores: &'a [f64],
    kind: CategoryField,
}

impl Serialize for InCategories<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(self.categories.len()))?;
        for ((name, _), score) in self.categories.iter().zip(self.scores) {
            match self.kind {
                CategoryField::Holds => map.serialize_entry(name, &(*score >= 0.5))?,
                CategoryField::Score => map.serialize_entry(name, score)?,
                CategoryField::Inputs => map.serialize_entry(name, &["text"])?,
            }
        }
        map.end()
    }
}
