//! The report for machines: one JSON document, and back.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};

use super::data::{Report, SCHEMA};
use super::escape::json;
use crate::diagnostic::json_fault;

/// The report as indented JSON with a final newline.
///
/// # Errors
/// When the document cannot be written, which plain data never causes.
pub fn to_json(report: &Report) -> Result<String, String> {
    serde_json::to_string_pretty(report)
        .map(|text| json(text + "\n"))
        .map_err(|error| error.to_string())
}

/// Reads what `to_json` wrote.
///
/// # Errors
/// When `text` is not such a document; the message says where and why.
pub fn from_json(text: &str) -> Result<Report, String> {
    let mut document = serde_json::Deserializer::from_str(text);
    if let Err(error) = (Counts { any: false }).deserialize(&mut document)
        && error.is_data()
    {
        return Err(format!(
            "a number is larger than {MAX_COUNT}, which counts nothing (line {}, column {})",
            error.line(),
            error.column()
        ));
    }
    let mut report: Report = serde_json::from_str(text)
        .map_err(|error| format!("not a report of simlab: {}", json_fault(&error)))?;
    for experiment in &mut report.experiments {
        // A report of version 0.1 does not say whether its verdict can be trusted.
        if let Some(verdict) = &mut experiment.verdict {
            verdict.weigh(&experiment.health);
        }
    }
    if report.schema == SCHEMA {
        Ok(report)
    } else {
        Err(format!("expected a report of schema \"{SCHEMA}\", found \"{}\"", report.schema))
    }
}

/// Largest whole number that counts something: up to here they are exact as floating-point numbers,
/// and sums of them do not overflow.
const MAX_COUNT: u64 = 1 << 53;

/// Looks at every whole number of a document. The first one that is too large is an error.
struct Counts {
    /// Whether the number at hand may be any: a seed counts nothing.
    any: bool,
}

impl<'de> DeserializeSeed<'de> for Counts {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counts {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number that can be counted")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        if self.any || number <= MAX_COUNT {
            Ok(())
        } else {
            Err(E::invalid_value(Unexpected::Unsigned(number), &self))
        }
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Counts { any: self.any })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            fields.next_value_seed(Counts { any: name == "seed" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_counts_nothing_is_refused_with_its_place() {
        let error = from_json(
            "{\"seed\": 18446744073709551615,\n\"traffic\": {\"queries\": 18446744073709551615}}",
        )
        .unwrap_err();
        assert!(
            error.contains("9007199254740992") && error.contains("line 2, column 43"),
            "{error}"
        );
    }
}
