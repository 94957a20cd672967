//! The base's own similarities as vectors, for a client that searches with embeddings of another's
//! making.
//!
//! The product of a query's vector and a chunk's is the similarity that the local search gives
//! them: the chunks' coordinates are the Cholesky factor of their Gram matrix, a query's follow by
//! forward substitution (Golub & Van Loan, *Matrix Computations*, 4.2). What is left of a length of
//! one lies in dimensions of its own, where a chunk and a query never meet.
//!
//! Guarantees: vectors of length one; products equal to the local similarities to about 1e-6.
//!
//! Does not know: who asks for vectors.

use super::base::KnowledgeBase;

/// Below this a chunk says nothing that those before it do not say.
const MIN_PIVOT: f64 = 1e-9;

/// The coordinates of a base's chunks.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// Lower triangular, a row for each chunk.
    rows: Vec<Vec<f64>>,
}

impl Embedding {
    /// The coordinates of these chunks.
    #[must_use]
    pub fn new(base: &KnowledgeBase) -> Self {
        let gram = base.space().gram();
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(gram.len());
        for (own, before) in gram.iter().filter_map(|products| products.split_last()) {
            let mut row = solve(&rows, before);
            let rest = own - row.iter().map(|x| x * x).sum::<f64>();
            row.push(if rest > MIN_PIVOT { rest.sqrt() } else { 0.0 });
            rows.push(row);
        }
        Self { rows }
    }

    /// The vector of a text in so many dimensions; `stranger` is where a text lies apart from all
    /// chunks, of length one and of any number of dimensions. `None` when there are too few
    /// dimensions for the chunks.
    #[must_use]
    pub fn vector(
        &self,
        base: &KnowledgeBase,
        text: &str,
        dimensions: usize,
        stranger: impl FnOnce(usize) -> Vec<f32>,
    ) -> Option<Vec<f32>> {
        let chunks = self.rows.len();
        let apart = dimensions.checked_sub(chunks + 1).filter(|&apart| apart > 0)?;
        let own = base.chunks().iter().zip(&self.rows).find(|(chunk, _)| chunk.text.text() == text);
        let near = match own {
            Some((_, row)) => row.clone(),
            None => solve(&self.rows, &base.space().similarities(text)),
        };
        let length = near.iter().map(|x| x * x).sum::<f64>();
        // Similarities that no vector of length one has: rounding only, or words that all chunks
        // share.
        let scale = if length > 1.0 { 1.0 / length.sqrt() } else { 1.0 };
        let rest = (1.0 - (length * scale * scale).min(1.0)).sqrt();
        let mut vector: Vec<f32> = near.iter().map(|x| (x * scale) as f32).collect();
        vector.resize(chunks, 0.0);
        vector.push(if own.is_some() { rest as f32 } else { 0.0 });
        let far = if own.is_some() { vec![0.0; apart] } else { stranger(apart) };
        vector.extend(far.into_iter().map(|x| x * rest as f32));
        Some(vector)
    }
}

/// The coordinates whose products with these rows are `products`, as far as there are rows.
fn solve(rows: &[Vec<f64>], products: &[f64]) -> Vec<f64> {
    let mut found: Vec<f64> = Vec::with_capacity(rows.len() + 1);
    for (row, product) in rows.iter().zip(products) {
        let so_far: f64 = row.iter().zip(&found).map(|(a, b)| a * b).sum();
        let pivot = row.last().copied().unwrap_or(0.0);
        found.push(if pivot > 0.0 { (product - so_far) / pivot } else { 0.0 });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::REINFORCEMENT_LEARNING;

    #[test]
    fn products_are_the_similarities_of_the_local_search() {
        let base = KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING).unwrap();
        let embedding = Embedding::new(&base);
        let vector = |text: &str| {
            let found = embedding.vector(&base, text, 1536, |dimensions| {
                let mut far = vec![0.0; dimensions];
                far[text.len() % dimensions] = 1.0;
                far
            });
            let vector = found.unwrap();
            let length: f32 = vector.iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-4 && vector.len() == 1536, "{text}: {length}");
            vector
        };
        let chunks: Vec<Vec<f32>> =
            base.chunks().iter().map(|chunk| vector(chunk.text.text())).collect();
        for query in [
            "Q-learning",
            "limits of Policy Gradients",
            "how does Experience Replay work",
            "the weather in Paris",
            "discount",
            "",
        ] {
            let query_vector = vector(query);
            for (chunk, similarity) in chunks.iter().zip(base.space().similarities(query)) {
                let product: f64 = chunk
                    .iter()
                    .zip(&query_vector)
                    .map(|(a, b)| f64::from(*a) * f64::from(*b))
                    .sum();
                assert!((product - similarity).abs() < 1e-5, "{query}: {product} {similarity}");
            }
        }
        assert!(embedding.vector(&base, "x", base.chunks().len(), |n| vec![0.0; n]).is_none());
    }
}
