//! Saved replications: a part of a sweep, or a result that takes more of them later.
//!
//! Guarantees: parts that were run anywhere, in any shards, give exactly the numbers of one
//! process; parts of different questions are not mixed.
//!
//! Does not know: files.

use std::collections::BTreeMap;

use crate::diagnostic::json_fault;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::aggregate::same_question;
use super::data::{PooledUsers, StudyPower, TrueEffect};
use super::design::PowerRequest;
use super::replicate::{AtSize, Replication, decision_of};
use crate::report::Assumption;

/// Name and version of the JSON.
pub const PART_SCHEMA: &str = "simlab.power-part/1";

/// Everything that a report needs beside the replications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The scenario's name.
    pub scenario: String,
    /// What names it on a shell's command line; empty where that is the name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub argument: String,
    /// Digest of the scenario's text.
    pub fingerprint: String,
    /// The program's version.
    pub version: String,
    /// The question.
    pub asked: PowerRequest,
    /// For each size the numbers of users at which is looked.
    pub looks: Vec<Vec<u32>>,
    /// Users of the population that the truth is taken from.
    pub truth_users: u32,
    /// The users whom the replications draw theirs from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PooledUsers>,
    /// The experiments with their truth, without what replications show.
    pub studies: Vec<StudyPower>,
    /// What the scenario states of outcomes and effects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stated: Vec<Assumption>,
}

/// Some replications of one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "Part")]
pub struct PowerPart {
    /// `PART_SCHEMA`.
    pub schema: String,
    /// Checksum of the document's text, in which these 16 digits are zeros: XXH3 (64 bits), as hex
    /// digits.
    #[serde(default)]
    pub sum: String,
    /// The question.
    pub header: Header,
    /// The replications, by number.
    pub done: Vec<Replication>,
}

impl PowerPart {
    /// A part of these replications.
    #[must_use]
    pub fn new(header: Header, done: &BTreeMap<u64, Replication>) -> Self {
        Self {
            schema: PART_SCHEMA.to_owned(),
            sum: NO_SUM.to_owned(),
            header,
            done: done.values().cloned().collect(),
        }
    }

    /// As one JSON document with a final newline.
    ///
    /// # Errors
    /// When the document cannot be written, which plain data never causes.
    pub fn to_json(&self) -> Result<String, String> {
        let part = Self { sum: NO_SUM.to_owned(), ..self.clone() };
        let text = serde_json::to_string(&part)
            .map(|text| text + "\n")
            .map_err(|error| error.to_string())?;
        Ok(text.replacen(NO_SUM, &format!("{:016x}", xxh3_64(text.as_bytes())), 1))
    }
}

/// What stands in place of the checksum while it is computed.
const NO_SUM: &str = "0000000000000000";

/// Reads a saved part.
///
/// # Errors
/// When `text` is no such document, with where and why.
pub fn read_part(text: &str) -> Result<PowerPart, String> {
    let part: PowerPart = serde_json::from_str(text)
        .map_err(|error| format!("not a saved power analysis of simlab: {}", json_fault(&error)))?;
    if part.schema != PART_SCHEMA {
        return Err(format!(
            "expected a document of schema \"{PART_SCHEMA}\", found \"{}\"",
            part.schema
        ));
    }
    if part.sum.len() != NO_SUM.len()
        || format!("{:016x}", xxh3_64(text.replacen(&part.sum, NO_SUM, 1).as_bytes())) != part.sum
    {
        return Err("its checksum does not fit: it was changed, is damaged, or is of an earlier version of simlab".to_owned());
    }
    let header = &part.header;
    let sizes = header.asked.sizes.len();
    let sound = sizes == header.looks.len()
        && header.looks.iter().all(|looks| !looks.is_empty())
        && part.done.iter().all(|own| {
            let of_study = |found: &Vec<AtSize>| {
                let fits = |(own, looks): (&AtSize, &Vec<u32>)| {
                    own.looks.chars().count() == looks.len()
                        && own.looks.chars().all(|letter| decision_of(letter).is_some())
                };
                found.len() == sizes && found.iter().zip(&header.looks).all(fits)
            };
            own.cost.len() == sizes
                && own.studies.len() == header.studies.len()
                && own.studies.iter().all(of_study)
        });
    if sound { Ok(part) } else { Err("its replications do not fit its question".to_owned()) }
}

/// An experiment's key, threshold and truth.
type StudyTruth<'h> = (&'h str, f64, &'h [TrueEffect]);

/// What has to be the same in all parts: the users behind the truth, and each experiment's
/// threshold and truth.
fn truth(header: &Header) -> (u32, Vec<StudyTruth<'_>>) {
    (
        header.truth_users,
        header
            .studies
            .iter()
            .map(|study| (study.key.as_str(), study.threshold, study.truth.as_slice()))
            .collect(),
    )
}

/// Puts parts of one question together: its header and the replications.
///
/// # Errors
/// When there is no part, or parts answer different questions: which one, counted from 0, and why.
pub fn merge(
    parts: Vec<PowerPart>,
) -> Result<(Header, BTreeMap<u64, Replication>), (usize, String)> {
    let mut parts = parts.into_iter().enumerate();
    let (_, first) = parts.next().ok_or((0, "there is nothing to merge".to_owned()))?;
    let mut header = first.header;
    let mut done: BTreeMap<u64, Replication> =
        first.done.into_iter().map(|own| (own.nth, own)).collect();
    for (nth, part) in parts {
        let other = part.header;
        let differs = [
            ("scenario", other.fingerprint != header.fingerprint),
            ("version of simlab", other.version != header.version),
            (
                "question (users, looks, seed, --aa or --full)",
                !same_question(&other.asked, &header.asked) || other.looks != header.looks,
            ),
            ("truth", truth(&other) != truth(&header)),
        ];
        if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
            return Err((nth, format!("it answers for another {what} than the first part")));
        }
        header.asked.replications = header.asked.replications.max(other.asked.replications);
        for own in part.done {
            if done.get(&own.nth).is_some_and(|known| *known != own) {
                return Err((
                    nth,
                    format!("its replication {} differs from another part's", own.nth),
                ));
            }
            done.insert(own.nth, own);
        }
    }
    Ok((header, done))
}
