//! The logarithms of the probabilities of an answer's tokens, as `OpenAI` tells them.
//!
//! Guarantees: the tokens are those of the text, in order; the token that was chosen is the likeliest
//! at its place, and the probabilities at a place add up to less than 1. The same answer has the same
//! ones. They are invented: no model here has any.
//!
//! Does not know: whether a service tells them.

use serde::Serialize;

use crate::knowledge::tokens::tokens;
use crate::random::{Owner, Purpose, Seed, Stage};

/// Most other tokens at each place.
pub(super) const MOST: u8 = 20;

/// Tokens that stand for others where nothing is known of the one that was chosen.
const USUAL: [&str; 20] = [
    " the", " a", " to", " of", " and", " in", " is", " that", " for", " it", ".", ",", " on",
    " as", " with", " by", " this", "\n", " an", " or",
];
/// Tokens that are each other's alternatives.
const KINDS: [&[&str]; 8] = [
    &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
    &["yes", "no", "maybe"],
    &["Yes", "No", "Maybe"],
    &["YES", "NO"],
    &["true", "false"],
    &["True", "False"],
    &["A", "B", "C", "D", "E"],
    &["positive", "negative", "neutral"],
];

/// What the logarithms of one answer, or of one piece of it, are written as.
#[derive(Serialize)]
pub(super) struct LogprobsOut<'a> {
    content: &'a [TokenOut<'a>],
    refusal: Option<()>,
}

impl<'a> LogprobsOut<'a> {
    pub(super) fn of(content: &'a [TokenOut<'a>]) -> Self {
        Self { content, refusal: None }
    }
}

/// A token with its probability and those of others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct TokenOut<'a> {
    #[serde(flatten)]
    chosen: ProbableToken<'a>,
    top_logprobs: Vec<ProbableToken<'a>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct ProbableToken<'a> {
    token: String,
    logprob: f64,
    bytes: &'a [u8],
}

impl<'a> ProbableToken<'a> {
    /// A token that is no text by itself is shown by its bytes, as the service does.
    fn of(bytes: &'a [u8], probability: f64) -> Self {
        let token = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect(),
        };
        Self { token, logprob: libm::log(probability), bytes }
    }
}

impl TokenOut<'_> {
    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.chosen.bytes
    }
}

/// The tokens of the text of the answer with this id, each with so many others.
pub(super) fn probabilities<'a>(id: &str, text: &'a str, others: u8) -> Vec<TokenOut<'a>> {
    let mut luck = Seed(0).stage(Purpose::Identifier, Owner::of(id.as_bytes()), u64::MAX);
    tokens(text).map(|token| probable(token, others, &mut luck)).collect()
}

fn probable<'a>(token: &'a [u8], others: u8, luck: &mut Stage) -> TokenOut<'a> {
    // Most tokens are nearly certain, and some are not; the likeliest is always the one that was
    // chosen.
    let u = luck.uniform();
    let chosen = 1.0 - 0.5 * u * u * u;
    let word = token.strip_prefix(b" ").unwrap_or(token);
    let kind = KINDS.iter().find(|kind| kind.iter().any(|own| own.as_bytes() == word));
    let like = kind.copied().unwrap_or_default().iter().chain(&USUAL);
    let different = like.map(|own| own.as_bytes()).filter(|own| *own != word && *own != token);
    let mut top = vec![ProbableToken::of(token, chosen)];
    let mut rest = 1.0 - chosen;
    for other in different.take(usize::from(others).saturating_sub(1)) {
        // Each takes 60% of what is left.
        top.push(ProbableToken::of(other, (rest * 0.6).max(f64::MIN_POSITIVE)));
        rest *= 0.4;
    }
    top.truncate(usize::from(others));
    TokenOut { chosen: ProbableToken::of(token, chosen), top_logprobs: top }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_make_the_text_and_probabilities_stay_below_one() {
        let text = "Yes, 7 of 10 👩‍💻 agree.";
        let told = probabilities("chatcmpl-1", text, 5);
        let bytes: Vec<u8> = told.iter().flat_map(|token| token.bytes().to_vec()).collect();
        assert_eq!(bytes, text.as_bytes());
        assert_eq!(told.len(), crate::knowledge::tokens::count(text) as usize);
        for token in &told {
            assert_eq!(token.top_logprobs.len(), 5);
            assert_eq!(token.top_logprobs[0], token.chosen);
            let falling = token.top_logprobs.is_sorted_by(|one, next| one.logprob >= next.logprob);
            let sum: f64 = token.top_logprobs.iter().map(|own| libm::exp(own.logprob)).sum();
            assert!(falling && sum <= 1.0 + 1e-12, "{token:?}");
        }
        assert_eq!(told[0].top_logprobs[1].token, "No");
        assert!(told.iter().any(|token| token.chosen.token.starts_with("\\x")));
        assert_eq!(probabilities("chatcmpl-1", text, 5), told);
        assert!(probabilities("chatcmpl-1", text, 0)[0].top_logprobs.is_empty());
    }
}
