//! How well texts match a query: a TF-IDF vector space with cosine similarity, and BM25.
//!
//! The tutorial embeds its chunks with OpenAI's `text-embedding-3-small`. Here a vector is a bag of
//! weighted words, known as TF-IDF (Salton and Buckley 1988; weights `1 + ln tf` and `1 + ln((1 +
//! N) / (1 + n))`, unit length): local, free and the same everywhere. A chunk's vector is the mean
//! of its own and that of its document's title, so that every part of a document is found under its
//! title, and a good match scores 0.3 to 0.6, as it does with such an embedding.
//!
//! Guarantees: only `libm` logarithms and sums in a fixed order, so scores are equal on every
//! platform.
//!
//! Does not know: what is done with the scores.

use std::collections::BTreeMap;

/// Words that say nothing about a subject.
const STOP_WORDS: [&str; 48] = [
    "a", "about", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "does",
    "explain", "for", "from", "has", "have", "how", "i", "if", "in", "is", "it", "its", "me", "my",
    "no", "not", "of", "on", "one", "or", "that", "the", "their", "they", "this", "to", "was",
    "what", "when", "which", "why", "will", "with", "you", "your",
];

/// The words of a text: letters and digits, in lower case, in order.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// The words that carry meaning, singular where that is easily seen.
fn terms(text: &str) -> impl Iterator<Item = String> {
    words(text).filter(|word| STOP_WORDS.binary_search(&word.as_str()).is_err()).map(|word| {
        if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 2) {
            return format!("{stem}y");
        }
        match word.strip_suffix('s') {
            Some(stem)
                if stem.len() > 2
                    && !stem.ends_with('s')
                    && !stem.ends_with('u')
                    && !stem.ends_with('i') =>
            {
                stem.to_owned()
            }
            _ => word,
        }
    })
}

/// A vector: terms by number, with weights, in the order of the numbers; of length one.
type Vector = Vec<(u32, f64)>;

/// Texts as vectors.
#[derive(Clone, Debug)]
pub(super) struct Space {
    /// For each term its number and its weight.
    terms: BTreeMap<String, (u32, f64)>,
    vectors: Vec<Vector>,
}

impl Space {
    /// The space of these texts, each with a title.
    pub fn new<'a>(texts: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        // For each term its number, and how many texts have it.
        let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        let mut n_texts = 0;
        for (title, text) in texts.clone() {
            n_texts += 1;
            let found: std::collections::BTreeSet<String> =
                terms(title).chain(terms(text)).collect();
            for term in found {
                let next = u32::try_from(counts.len()).unwrap_or(u32::MAX);
                counts.entry(term).or_insert((next, 0)).1 += 1;
            }
        }
        let weight = |n: u32| 1.0 + libm::log((1.0 + f64::from(n_texts)) / (1.0 + f64::from(n)));
        let terms =
            counts.into_iter().map(|(term, (number, n))| (term, (number, weight(n)))).collect();
        let mut space = Self { terms, vectors: Vec::new() };
        space.vectors =
            texts.map(|(title, text)| mean(space.vector(title), space.vector(text))).collect();
        space
    }

    fn vector(&self, text: &str) -> Vector {
        let mut counts: BTreeMap<u32, (u32, f64)> = BTreeMap::new();
        for (number, weight) in terms(text).filter_map(|term| self.terms.get(&term).copied()) {
            counts.entry(number).or_insert((0, weight)).0 += 1;
        }
        let mut vector: Vector = counts
            .into_iter()
            .map(|(number, (n, weight))| (number, (1.0 + libm::log(f64::from(n))) * weight))
            .collect();
        let length = vector.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
        if length > 0.0 {
            vector.iter_mut().for_each(|(_, weight)| *weight /= length);
        }
        vector
    }

    /// For each text the products of its vector with those of the texts before it and, last, with
    /// itself.
    pub fn gram(&self) -> Vec<Vec<f64>> {
        let row = |(at, one): (usize, &Vector)| {
            self.vectors.iter().take(at + 1).map(|other| product(one, other)).collect()
        };
        self.vectors.iter().enumerate().map(row).collect()
    }

    /// The similarity of a query and each text, from 0 to 1: the mean of the cosines with its title
    /// and with itself.
    pub fn similarities(&self, query: &str) -> Vec<f64> {
        let query = self.vector(query);
        self.vectors.iter().map(|vector| product(&query, vector)).collect()
    }
}

/// The product of two vectors.
fn product(one: &Vector, other: &Vector) -> f64 {
    let weight_of = |number| {
        other
            .get(other.binary_search_by_key(&number, |&(own, _)| own).ok()?)
            .map(|&(_, weight)| weight)
    };
    one.iter().filter_map(|&(number, weight)| weight_of(number).map(|own| weight * own)).sum()
}

/// The mean of two vectors.
fn mean(one: Vector, other: Vector) -> Vector {
    let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
    for (number, weight) in one.into_iter().chain(other) {
        *sums.entry(number).or_default() += 0.5 * weight;
    }
    sums.into_iter().collect()
}

/// Okapi BM25 scores of texts for a query, each text and the query a list of words: k1 = 1.5, b =
/// 0.75, and a word in more than half of the texts counts a quarter of the average weight, as in
/// Python's `rank_bm25.BM25Okapi`, which the tutorial uses.
#[must_use]
pub fn bm25(query: &[String], texts: &[Vec<String>]) -> Vec<f64> {
    const K1: f64 = 1.5;
    const B: f64 = 0.75;
    const EPSILON: f64 = 0.25;
    let n = texts.len() as f64;
    let average_length = texts.iter().map(Vec::len).sum::<usize>() as f64 / n;
    let mut texts_with: BTreeMap<&str, u32> = BTreeMap::new();
    for text in texts {
        let mut found: Vec<&str> = text.iter().map(String::as_str).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().for_each(|word| *texts_with.entry(word).or_default() += 1);
    }
    let weight =
        |n_with: u32| libm::log(n - f64::from(n_with) + 0.5) - libm::log(f64::from(n_with) + 0.5);
    let average_weight =
        texts_with.values().map(|&n| weight(n)).sum::<f64>() / texts_with.len().max(1) as f64;
    let score = |text: &Vec<String>| -> f64 {
        query
            .iter()
            .filter_map(|word| {
                let plain = weight(*texts_with.get(word.as_str())?);
                let weight = if plain < 0.0 { EPSILON * average_weight } else { plain };
                let count = text.iter().filter(|other| *other == word).count() as f64;
                let length = text.len() as f64 / average_length;
                Some(weight * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length)))
            })
            .sum()
    };
    texts.iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bm25_equals_the_python_package() {
        // rank_bm25 0.2.2, BM25Okapi, words split at spaces.
        let texts = [
            "the agent learns values from experience",
            "a policy maps states to actions",
            "values of states and values of actions",
            "bandits have no states",
            "replay of experience makes learning steady",
        ]
        .map(|text| words(text).collect::<Vec<_>>());
        let expected = [
            (
                "values of actions",
                [
                    0.331_330_895_144_827_7,
                    0.331_330_895_144_827_7,
                    1.209_217_400_447_892_2,
                    0.0,
                    0.331_330_895_144_827_7,
                ],
            ),
            ("experience replay", [0.331_330_895_144_827_7, 0.0, 0.0, 0.0, 1.413_156_238_824_8]),
            (
                "states",
                [
                    0.0,
                    0.217_895_216_479_929_04,
                    0.202_429_467_676_148_56,
                    0.257_194_954_923_202_8,
                    0.0,
                ],
            ),
            ("the unknown", [1.081_825_343_679_972_3, 0.0, 0.0, 0.0, 0.0]),
        ];
        for (query, scores) in expected {
            let query: Vec<String> = words(query).collect();
            for (found, expected) in bm25(&query, &texts).iter().zip(scores) {
                assert!((found - expected).abs() < 1e-12, "{query:?}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn a_cosine_equals_the_one_worked_by_hand() {
        // Three texts; "value" is in two of them, "trace" in one: weights 1 + ln(4/3) and 1 +
        // ln(4/2).
        let space = Space::new(
            [("", "value value trace"), ("", "value"), ("policy", "policy")].into_iter(),
        );
        let (value, trace) = (1.0 + libm::log(4.0 / 3.0), 1.0 + libm::log(2.0));
        let twice = (1.0 + libm::log(2.0)) * value;
        let expected = 0.5 * trace / (twice * twice + trace * trace).sqrt();
        let found = space.similarities("the traces");
        assert!(
            (found[0] - expected).abs() < 1e-12 && found[1] == 0.0 && found[2] == 0.0,
            "{found:?}"
        );
        assert!((space.similarities("Policies")[2] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert!(bm25(&["a".into()], &[]).is_empty());
        assert_eq!(Space::new(std::iter::once(("", ""))).similarities("x"), [0.0]);
    }
}
