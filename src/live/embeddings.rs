//! Texts as vectors by OpenAI's embeddings, each paid for once: they are kept on disk by content.
//!
//! Guarantees: the same text is asked for once, in this run and in later ones; a file that broke
//! off or was changed is as good as none.
//!
//! Does not know: what is searched for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::rc::Rc;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::live::disk::write_private;
use crate::llm::wire::Provider;
use crate::llm::wire::embeddings::EmbeddingsApi;
use crate::quantity::{Money, Price};

/// The model of the tutorial.
pub const MODEL: &str = "text-embedding-3-small";
/// Its price for a million tokens: OpenAI's price list, October 2025.
const PRICE: &str = "$0.02";
/// Largest file of a vector, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Most texts in one request.
pub const MAX_TEXTS: usize = 64;

/// The provider that makes vectors with the model, and its format for that.
#[must_use]
pub fn provider() -> Option<(Provider, &'static EmbeddingsApi)> {
    let provider = Provider::that_embeds(MODEL)?;
    Some((provider, provider.api.embeddings()?))
}

/// What so many tokens cost.
#[must_use]
pub fn cost(tokens: u64) -> Money {
    PRICE.parse::<Price>().map_or(Money::ZERO, |price| price.of(tokens))
}

/// Vectors that are known.
#[derive(Debug)]
pub struct EmbeddingCache {
    /// Where they are kept; `None`: nowhere.
    folder: Option<PathBuf>,
    known: RefCell<BTreeMap<u128, Rc<[f32]>>>,
    /// What tells vectors of one address and model from those of another.
    mark: String,
}

impl EmbeddingCache {
    /// A shelf in `folder` for vectors from this address.
    #[must_use]
    pub fn new(folder: Option<PathBuf>, address: &str) -> Self {
        Self { folder, known: RefCell::default(), mark: format!("{address}\0{MODEL}\0") }
    }

    fn digest(&self, text: &str) -> u128 {
        xxh3_128(format!("{}{text}", self.mark).as_bytes())
    }

    fn file(&self, digest: u128) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{digest:032x}.f32")))
    }

    /// The vector of a text, if it is known.
    #[must_use]
    pub fn get(&self, text: &str) -> Option<Rc<[f32]>> {
        let digest = self.digest(text);
        if let Some(known) = self.known.borrow().get(&digest) {
            return Some(Rc::clone(known));
        }
        let mut bytes = Vec::new();
        fs::File::open(self.file(digest)?)
            .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
            .ok()?;
        let (bytes, sum) = bytes.split_last_chunk::<8>()?;
        if xxh3_64(bytes) != u64::from_le_bytes(*sum) {
            return None;
        }
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (numbers, []) = rest.as_chunks::<4>() else { return None };
        if numbers.len() != u32::from_le_bytes(*length) as usize || numbers.is_empty() {
            return None;
        }
        let vector: Rc<[f32]> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        self.known.borrow_mut().insert(digest, Rc::clone(&vector));
        Some(vector)
    }

    /// Keeps the vector of a text; what cannot be kept is paid for again another time, and no more.
    pub fn put(&self, text: &str, vector: Vec<f32>) {
        let digest = self.digest(text);
        if let Some(file) = self.file(digest) {
            let mut bytes = u32::try_from(vector.len()).unwrap_or(0).to_le_bytes().to_vec();
            bytes.extend(vector.iter().flat_map(|x| x.to_le_bytes()));
            bytes.extend(xxh3_64(&bytes).to_le_bytes());
            let _ = file
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| write_private(&file, &bytes));
        }
        self.known.borrow_mut().insert(digest, vector.into());
    }
}

/// The products of one vector with others; OpenAI's are of length one, so this is the cosine.
#[must_use]
pub fn similarities(query: &[f32], others: &[Rc<[f32]>]) -> Vec<f64> {
    others
        .iter()
        .map(|other| {
            query.iter().zip(other.iter()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_kept_by_content_and_a_broken_file_is_none() {
        let folder = std::env::temp_dir().join(format!("simlab-shelf-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let shelf = || EmbeddingCache::new(Some(folder.clone()), "a");
        assert!(shelf().get("x").is_none());
        shelf().put("x", vec![0.6, -0.8]);
        assert_eq!(shelf().get("x").as_deref(), Some(&[0.6, -0.8][..]));
        assert!(
            EmbeddingCache::new(Some(folder.clone()), "b").get("x").is_none()
                && shelf().get("y").is_none()
        );
        let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..7]).unwrap();
        assert!(shelf().get("x").is_none());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&file, &changed).unwrap();
            assert!(shelf().get("x").is_none(), "byte {at}");
        }
        fs::remove_dir_all(&folder).unwrap();
        let products = similarities(&[0.6, -0.8], &[Rc::from([1.0, 0.0]), Rc::from([0.6, -0.8])]);
        assert!((products[0] - 0.6).abs() < 1e-6 && (products[1] - 1.0).abs() < 1e-6);
        assert_eq!(cost(1_000_000), "$0.02".parse().unwrap());
    }
}
