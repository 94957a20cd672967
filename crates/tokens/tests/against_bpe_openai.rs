//! The counts and words are those of another tokenizer, and the table is the published one.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use bpe_openai::o200k_base;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use simlab_tokens::{count, tokens, words};

/// Pieces that the pattern treats in different ways, and pieces that break it.
const PIECES: [&str; 60] = [
    "a",
    "the",
    "Hello",
    "WORLD",
    "ing",
    "'s",
    "'LL",
    "'ſ",
    "'",
    "’s",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\n\n",
    "\u{a0}",
    "\u{2028}",
    "\u{85}",
    "\u{3000}",
    "1",
    "12",
    "1234",
    "٣",
    "½",
    "Ⅷ",
    ".",
    "...",
    "/",
    "//",
    "-",
    "(",
    "\"",
    "{\"",
    "\\n",
    "_",
    "é",
    "É",
    "ß",
    "ǅ",
    "ʰ",
    "ª",
    "中",
    "文字",
    "の",
    "한",
    "ا",
    "ב",
    "\u{301}",
    "\u{903}",
    "\u{20dd}",
    "🙂",
    "👩‍💻",
    "\u{200d}",
    "\u{0}",
    "\u{7f}",
    "\u{ad}",
    "\u{10ffff}",
    "antidis",
    "ZZZZ",
];

fn equal(text: &str) {
    let theirs = o200k_base();
    assert_eq!(words(text).collect::<Vec<_>>(), theirs.split(text).collect::<Vec<_>>(), "{text:?}");
    assert_eq!(count(text), theirs.count(text), "{text:?}");
    let bytes: Vec<Vec<u8>> =
        theirs.encode(text).into_iter().map(|rank| theirs.bpe.token_bytes(rank).to_vec()).collect();
    assert_eq!(tokens(text).collect::<Vec<_>>(), bytes, "{text:?}");
}

/// Runs `n` random texts: of the pieces, and of any characters.
fn random_texts(n: u32) {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24);
    let texts = prop_oneof![
        4 => pieces.prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
        1 => "[a-zA-Z]{0,90}",
    ];
    TestRunner::new(Config { cases: n, failure_persistence: None, ..Config::default() })
        .run(&texts, |text| {
            equal(&text);
            Ok(())
        })
        .unwrap();
}

#[test]
fn every_character_counts_alone_and_between_letters() {
    for c in '\0'..=char::MAX {
        equal(&format!("{c}"));
        equal(&format!(" {c}{c}a{c}A{c}1{c} {c}"));
    }
}

#[test]
fn random_texts_have_the_same_words_and_counts() {
    random_texts(200_000);
}

#[test]
#[ignore = "takes minutes"]
fn ten_million_random_texts_have_the_same_words_and_counts() {
    random_texts(10_000_000);
}

#[test]
fn words_without_end_have_the_same_counts() {
    for piece in ["a", "ab", "A", "é", "中", "xyzzy", "aA", "!", "=-", "0", " ", "\n"] {
        for n in [63, 64, 65, 66, 127, 128, 129, 1000, 20_000] {
            equal(&piece.repeat(n));
        }
    }
}

#[test]
fn the_table_is_the_published_one() {
    let bpe = &o200k_base().bpe;
    let mut table = Vec::new();
    for rank in 0..u32::try_from(bpe.num_tokens()).unwrap() {
        let token = bpe.token_bytes(rank);
        table.push(u8::try_from(token.len()).unwrap());
        table.extend_from_slice(token);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/o200k_base.bin");
    if std::env::var_os("RENEW_TABLES").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    assert!(std::fs::read(path).unwrap() == table, "RENEW_TABLES=1 writes the table anew");
}
