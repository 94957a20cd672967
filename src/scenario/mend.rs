//! All faults of a text that RON's reader refuses: those of its shape, then those of its names and
//! sums.
//!
//! Guarantees: at least one fault; bounded in time. A syntax error is shown alone, since nothing
//! behind it can be trusted.

use std::ops::Range;

use serde_json::Value;

use super::schema_check::check;
use super::shape;
use super::spanned::Misread;
use super::tree::tree;
use crate::diagnostic::{Diagnostic, SourceText};

/// Most times that the reader goes on with a mended text.
const MAX_READINGS: usize = 50;

/// The faults of a text. `read` reads a mended text and reports the faults of its meaning, or why
/// it is not readable.
pub fn faults(
    first: &Misread,
    source: &SourceText,
    schema: &Value,
    read: &dyn Fn(SourceText) -> Result<Vec<Diagnostic>, Misread>,
) -> Vec<Diagnostic> {
    let Some(root) = tree(&source.text) else { return vec![shape::fault(first, source)] };
    let mut found = check(&root, schema, source);
    if found.faults.is_empty() {
        found.faults.push(shape::fault(first, source));
    }
    for _ in 0..MAX_READINGS {
        let mended = SourceText::new(source.name.clone(), found.mended.text(&source.text));
        match read(mended) {
            Err(misread) => {
                let span = found.mended.original(&misread.span);
                let leaf = found
                    .leaves
                    .iter()
                    .find(|(leaf, _)| leaf.start <= span.end && span.start <= leaf.end)
                    .cloned();
                let fault = shape::fault(&Misread { code: misread.code, span }, source);
                let place = fault.labels.first().map_or(0..0, |(span, _)| span.clone());
                // What was reported and could not be mended stops the reader again.
                let reported = found
                    .faults
                    .iter()
                    .flat_map(|fault| &fault.labels)
                    .any(|(span, _)| touch(span, &place));
                if !found.faults.contains(&fault) {
                    if reported || found.mended.touches(&place) {
                        break;
                    }
                    found.faults.push(fault);
                }
                let Some((leaf, sample)) = leaf.filter(|(leaf, _)| !found.mended.touches(leaf))
                else {
                    break;
                };
                found.mended.replace(leaf, sample);
            }
            // Names that a mended place would have defined are missing, so what is said of names
            // means nothing.
            Ok(_) if found.rough => break,
            Ok(meaning) => {
                for mut fault in meaning {
                    for (span, _) in &mut fault.labels {
                        *span = found.mended.original(span);
                    }
                    fault.source = fault.source.map(|_| source.clone());
                    if !fault.labels.iter().any(|(span, _)| found.mended.touches(span)) {
                        found.faults.push(fault);
                    }
                }
                break;
            }
        }
    }
    found
        .faults
        .sort_by_key(|fault| fault.labels.first().map_or(usize::MAX, |(span, _)| span.start));
    found.faults
}

/// Whether two places meet.
fn touch(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start <= other.end && other.start <= one.end
}
