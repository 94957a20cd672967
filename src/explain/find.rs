//! Finding a word, however it is written.
//!
//! Does not know: what the words mean.

use std::sync::LazyLock;

use super::{Term, checks, practice, results};
use crate::statistic::{DEFINITIONS, Explanation};

/// The words that statistics declare.
static OF_STATISTICS: LazyLock<Vec<Term>> = LazyLock::new(|| {
    let term = |own: Explanation| Term {
        name: own.name,
        aliases: own.aliases,
        says: own.says,
        formula: own.formula,
        source: own.source,
        see: own.see,
    };
    DEFINITIONS.iter().filter_map(|definition| definition.explanation).map(term).collect()
});

/// All words, in the order of the alphabet.
#[must_use]
pub fn terms() -> Vec<&'static Term> {
    let mut all: Vec<&Term> = results::TERMS
        .iter()
        .chain(practice::TERMS)
        .chain(checks::TERMS)
        .chain(&*OF_STATISTICS)
        .collect();
    all.sort_by_key(|term| term.name.to_lowercase());
    all
}

/// Case, hyphens and underscores make no difference.
fn plain(word: &str) -> String {
    word.to_lowercase()
        .replace(['-', '_', '–', '&', '\''], " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The ways to write a term.
fn ways(term: &'static Term) -> impl Iterator<Item = &'static str> {
    std::iter::once(term.name).chain(term.aliases.iter().copied())
}

/// The term that `word` names: by its name or another way to write it, alone or in the plural.
#[must_use]
pub fn find(word: &str) -> Option<&'static Term> {
    let word = plain(word);
    let singular = word.strip_suffix('s').unwrap_or(&word);
    terms().into_iter().find(|term| ways(term).map(plain).any(|way| way == word || way == singular))
}

/// The name of the term that `word` was most likely meant to be: the nearest way to write one, or
/// one that holds it.
#[must_use]
pub fn nearest(word: &str) -> Option<&'static str> {
    let word = plain(word);
    let all: Vec<(String, &'static str)> = terms()
        .into_iter()
        .flat_map(|term| ways(term).map(move |way| (plain(way), term.name)))
        .collect();
    let near = crate::diagnostic::nearest(&word, all.iter().map(|(way, _)| way.as_str()))
        .map(str::to_owned);
    let name = |way: &str| all.iter().find(|(own, _)| own == way).map(|(_, name)| *name);
    let holding =
        || all.iter().find(|(way, _)| word.len() > 2 && way.contains(&word)).map(|(_, name)| *name);
    near.and_then(|near| name(&near)).or_else(holding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_however_it_is_written() {
        for word in ["credible interval", "Credible-Intervals", "CREDIBLE_INTERVAL", "hdi"] {
            assert_eq!(find(word).map(|term| term.name), Some("credible interval"), "{word}");
        }
        for word in [
            "SRM",
            "sample_ratio_mismatch",
            "p95",
            "cuped",
            "Rogan-Gladen",
            "Benjamini-Hochberg",
            "Bonferroni",
            "exposure",
            "silent_arm",
        ] {
            assert!(find(word).is_some(), "{word}");
        }
        assert_eq!(find("shrinkge"), None);
        assert_eq!(nearest("shrinkge"), Some("shrinkage"));
        assert_eq!(nearest("gladen"), Some("Rogan-Gladen correction"));
        assert_eq!(nearest("zzzzzzzzzzzzzzzzzzzz"), None);
    }

    #[test]
    fn every_word_has_three_sentences_a_formula_a_source_and_a_way_on() {
        let mut seen: Vec<String> = Vec::new();
        for term in terms() {
            for sentence in term.says {
                assert!(
                    sentence.ends_with('.') && sentence.len() > 30,
                    "{}: {sentence}",
                    term.name
                );
                let inner = sentence[..sentence.len() - 1].replace("vs. ", "");
                assert!(!inner.contains(". "), "{}: more than one sentence: {sentence}", term.name);
                assert!(
                    sentence.starts_with(|c: char| c.is_uppercase()),
                    "{}: {sentence}",
                    term.name
                );
            }
            assert!(!term.formula.is_empty() && !term.source.is_empty());
            for other in term.see {
                assert_eq!(
                    find(other).map(|found| found.name),
                    Some(*other),
                    "{} leads to {other}",
                    term.name
                );
            }
            for way in ways(term).map(plain) {
                assert!(!seen.contains(&way), "{way} stands for two words");
                seen.push(way);
            }
            assert!(
                term.text(80).lines().all(|line| line.chars().count() <= 80),
                "{}",
                term.text(80)
            );
        }
    }

    #[test]
    fn every_health_check_is_explained() {
        for check in [
            "exposures",
            "sample_ratio_mismatch",
            "metrics",
            "prior_data_conflict",
            "silent_arm",
            "config",
            "targeting",
        ] {
            assert!(find(check).is_some(), "{check}");
        }
    }

    #[test]
    fn an_explanation_reads_well() {
        insta::assert_snapshot!(find("expected loss").unwrap().text(80), @r#"
        expected loss

          The expected loss is how much you give up on average if you ship the treatment
          and it is the worse one. It weighs how likely that is with how bad it would
          be, in the metric's own unit, so you can compare it with what you care about.
          A small loss allows a decision even when the probability to beat the control
          is not clear.
          formula  E[max(control - treatment, 0) | data], the other way round where
                   lower is better
          source   Raiffa & Schlaifer 1961, Applied Statistical Decision Theory (unit
                   normal linear loss integral); by quadrature for Betas
          see also probability to beat control, relative difference
        "#);
    }
}
