//! How many tokens of `o200k_base` a text has: the byte-pair table that OpenAI publishes for the
//! GPT-4o family (tiktoken, MIT).
//!
//! Guarantees: [`count`] is the length of the published encoding, special tokens taken as plain
//! text. Nothing is loaded or built at run time: the table lies in the binary as it is searched.
//!
//! Does not know: which model counts how, or what a chat format adds.

mod byte_pairs;
mod hash;
mod words;

pub use words::words;

/// The tokens of a text, in order. A token may hold a part of a character.
pub fn tokens(text: &str) -> impl Iterator<Item = &[u8]> {
    words(text).flat_map(|word| byte_pairs::tokens(word.as_bytes()))
}

/// The number of tokens of a text.
#[must_use]
pub fn count(text: &str) -> usize {
    words(text).map(|word| byte_pairs::count(word.as_bytes())).sum()
}
