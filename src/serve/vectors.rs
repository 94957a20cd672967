//! Embeddings of texts, without any model of them.
//!
//! Guarantees: vectors of length one, the same for the same text; a query and a chunk of the
//! scenario's knowledge base have the similarity that the simulated search gives them, so a client
//! that searches with these vectors finds what the simulator's agents find.
//!
//! Does not know: HTTP.

use std::sync::OnceLock;

use crate::knowledge::{Embedding, KnowledgeBase};
use crate::llm::chat::EmbeddingInput;

/// The vectors of one knowledge base and of everything else.
#[derive(Debug, Default)]
pub struct Vectors {
    /// Computed when first wanted.
    base: OnceLock<Embedding>,
}

impl Vectors {
    /// The vector of a text.
    #[must_use]
    pub fn of(&self, base: &KnowledgeBase, input: &EmbeddingInput, dimensions: usize) -> Vec<f32> {
        if let EmbeddingInput::Text(text) = input {
            let embedding = self.base.get_or_init(|| Embedding::new(base));
            if let Some(vector) =
                embedding.vector(base, text, dimensions, |apart| by_words(input, apart))
            {
                return vector;
            }
        }
        by_words(input, dimensions)
    }
}

/// Coordinates that one word moves.
const COORDINATES: u64 = 8;

/// A vector of length 1 in which texts with the same words lie near each other: each word moves a
/// few coordinates.
fn by_words(input: &EmbeddingInput, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions];
    let mut add = |word: &[u8]| {
        for nth in 0..COORDINATES {
            let bits = xxhash_rust::xxh3::xxh3_64_with_seed(word, nth);
            let at = ((bits >> 1) as usize).checked_rem(dimensions);
            if let Some(coordinate) = at.and_then(|at| vector.get_mut(at)) {
                *coordinate += if bits & 1 == 0 { 1.0 } else { -1.0 };
            }
        }
    };
    match input {
        EmbeddingInput::Text(text) => {
            let lower = text.to_lowercase();
            lower
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .for_each(|word| add(word.as_bytes()));
        }
        EmbeddingInput::Tokens(tokens) => tokens.iter().for_each(|token| add(&token.to_le_bytes())),
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    } else if let Some(first) = vector.first_mut() {
        *first = 1.0;
    }
    vector
}
