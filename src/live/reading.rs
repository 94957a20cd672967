//! Reads a journal's file: everything up to its last whole line, and what is to be done about the
//! rest.
//!
//! Guarantees: an end that broke off is left out and reported; damage in the middle is an error,
//! since what is lost there may have cost money; a file without any whole line is a run that has
//! not begun.
//!
//! Does not know: files.

use crate::diagnostic::json_fault;

use super::recording::{RecordedLine, Recording, SCHEMA};
use super::sealed::{BrokenLine, Scanned, Whole, scan, seal};

/// Bytes of the shortest line that says that money may be spent.
const SHORTEST_ASKED: usize = 80;

/// A journal, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JournalReading {
    /// What its whole lines say. Without a run: it has not begun.
    pub recording: Recording,
    /// How many whole lines there are.
    pub lines: u64,
    /// Bytes of the whole lines.
    pub whole_bytes: usize,
    /// Bytes of the end that broke off; 0: none.
    pub cut_bytes: usize,
}

/// Why a text is no recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRecording {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
    /// Whole lines before the damage.
    pub whole_before: usize,
    /// Whole lines after the damage; 0: it is not a damaged journal, but something else.
    pub whole_after: usize,
}

impl std::fmt::Display for UnreadableRecording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, reason, whole_before, whole_after } = self;
        match whole_after {
            0 => write!(f, "line {line}: {reason}"),
            _ => write!(
                f,
                "line {line} is damaged: {reason}. {whole_before} whole lines are before it and {whole_after} after it, so this is no end that broke off"
            ),
        }
    }
}

/// A journal without its damaged lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// The new file.
    pub text: Vec<u8>,
    /// What it says.
    pub recording: Recording,
    /// Lines kept.
    pub kept: u64,
    /// Lines lost, at most.
    pub lost: u64,
    /// What the lost calls may have cost at most, in nano-dollars.
    pub nano_usd: u64,
}

fn parse(json: &[u8]) -> Result<RecordedLine, String> {
    serde_json::from_slice(json).map_err(|error| {
        // An object without a field is a syntax error to the library, though it is JSON.
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok();
        if is_json && error.is_syntax() {
            "it is no line of a recording".to_owned()
        } else {
            json_fault(&error)
        }
    })
}

/// Whether these bytes can be all that was written of a journal's first line. Where the power went
/// before the disk was waited for, any part of it may be zeros.
fn is_beginning(text: &[u8]) -> bool {
    let first = format!("{{\"run\":{{\"schema\":\"{SCHEMA}\"");
    let one_line = !text.split_last().is_some_and(|(_, before)| before.contains(&b'\n'));
    one_line
        && text
            .iter()
            .zip(first.as_bytes())
            .all(|(&found, &written)| found == written || found == 0)
}

impl JournalReading {
    /// Reads a journal.
    ///
    /// # Errors
    /// When it is damaged in the middle, or is no journal.
    pub fn of(text: &[u8]) -> Result<Self, UnreadableRecording> {
        let Scanned { before, fault, .. } = scan(text, parse);
        let (lines, whole_before) = (before.len() as u64, before.len());
        let refused = |line, reason, whole_after| UnreadableRecording {
            line,
            reason,
            whole_before,
            whole_after,
        };
        let mut recording = Recording::default();
        for (at, Whole { said, .. }) in before.into_iter().enumerate() {
            recording.take(said).map_err(|reason| refused(at + 1, reason, 0))?;
        }
        let Some(BrokenLine { line, offset, reason, whole_after, .. }) = fault else {
            return Ok(Self { recording, lines, whole_bytes: text.len(), cut_bytes: 0 });
        };
        if whole_after > 0 || (lines == 0 && !is_beginning(text)) {
            return Err(refused(line, reason, whole_after));
        }
        Ok(Self { recording, lines, whole_bytes: offset, cut_bytes: text.len() - offset })
    }
}

impl Recording {
    /// Reads the recording of a run that has begun. An end that broke off is left out.
    ///
    /// # Errors
    /// As [`JournalReading::of`]; and when the run has not begun.
    pub fn read(text: &[u8]) -> Result<Self, UnreadableRecording> {
        let JournalReading { recording, .. } = JournalReading::of(text)?;
        if recording.run.is_none() {
            let reason =
                "the run has not begun: there is no line that says what was run".to_owned();
            return Err(UnreadableRecording { line: 1, reason, whole_before: 0, whole_after: 0 });
        }
        Ok(recording)
    }
}

/// A damaged journal without its damaged lines; `None` where nothing is damaged, or only its end
/// broke off. Calls in the lines that are lost are charged the largest maximum of all calls.
///
/// # Errors
/// When the line that says what was run is lost.
pub fn repair(text: &[u8]) -> Result<Option<Repaired>, UnreadableRecording> {
    let Scanned { before, after, fault } = scan(text, parse);
    let Some(fault) = fault.filter(|fault| fault.whole_after > 0) else { return Ok(None) };
    let whole_before = before.len();
    let refused = |line, reason: String| UnreadableRecording {
        line,
        reason,
        whole_before,
        whole_after: fault.whole_after,
    };
    let worst = |line: &RecordedLine| match line {
        RecordedLine::Asked { worst_nano_usd, .. }
        | RecordedLine::Embedding { worst_nano_usd, .. } => *worst_nano_usd,
        _ => 0,
    };
    let worst = before.iter().chain(&after).map(|whole| worst(&whole.said)).max().unwrap_or(0);
    // By the numbers of the lines that are there; where no number follows, by the bytes.
    let by_bytes = |bytes: usize| (bytes / SHORTEST_ASKED) as u64 + u64::from(bytes > 0);
    let there = (before.len() + after.len()) as u64;
    let lost = match after.iter().filter_map(|whole| whole.seq).max() {
        Some(last) => last.saturating_sub(there) + by_bytes(fault.trailing),
        None => by_bytes(fault.bytes),
    };
    let nano_usd = worst.saturating_mul(lost);
    let mut recording = Recording::default();
    let mut repaired = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let lines = before
        .into_iter()
        .chain(after)
        .filter(|whole| whole.seq.is_none_or(|seq| seen.insert(seq)));
    let mut kept = 0;
    for (at, line) in lines
        .map(|whole| whole.said)
        .chain([RecordedLine::Repaired { lines: lost, nano_usd }])
        .enumerate()
    {
        kept = at as u64;
        repaired.extend(seal(&line.json(), kept + 1));
        recording.take(line).map_err(|reason| refused(at + 1, reason))?;
    }
    Ok(Some(Repaired { text: repaired, recording, kept, lost, nano_usd }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::recording::sample;

    fn sealed(lines: &[RecordedLine]) -> Vec<Vec<u8>> {
        lines.iter().zip(1..).map(|(line, seq)| seal(&line.json(), seq)).collect()
    }

    fn old(lines: &[RecordedLine]) -> Vec<Vec<u8>> {
        lines.iter().map(|line| [&line.json()[..], b"\n"].concat()).collect()
    }

    #[test]
    fn a_journal_comes_back_however_it_broke_off() {
        for bytes in [sealed(&sample()).concat(), old(&sample()).concat()] {
            let whole = Recording::read(&bytes).unwrap();
            assert_eq!((whole.calls.len(), whole.open.len(), whole.spent_nano_usd()), (1, 1, 1060));
            let first = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
            for end in 0..bytes.len() {
                let broken = JournalReading::of(&bytes[..end]).unwrap();
                assert!(broken.whole_bytes + broken.cut_bytes == end, "{end}");
                assert!(broken.whole_bytes == 0 || bytes[..broken.whole_bytes].ends_with(b"\n"));
                assert_eq!(broken.recording.run.is_some(), end >= first);
            }
        }
    }

    #[test]
    fn journals_of_earlier_versions_are_read_and_go_on_with_numbers() {
        let mut all = old(&sample()[..3]);
        all.extend(sealed(&sample()).split_off(3));
        assert_eq!(JournalReading::of(&all.concat()).unwrap().lines, 6);
        assert_eq!(parse(b"\"resumed\""), Ok(RecordedLine::Resumed));
        assert_eq!(parse(&RecordedLine::Resumed.json()), Ok(RecordedLine::Resumed));
    }

    #[test]
    fn what_is_no_recording_is_refused_by_line() {
        for (text, line, reason) in [
            ("", 1, "not begun"),
            ("\0\0\0", 1, "not begun"),
            ("\0\0\0\0\0\0\0\0\"schema\":\"simlab.reco\0\0\0", 1, "not begun"),
            ("{\"run\":{\"sch", 1, "not begun"),
            ("{\"began\": {\"user\": 1, \"at_us\": 2}}\n", 1, "first line"),
            ("{}\n", 1, "no line of a recording"),
            ("nonsense\n", 1, "not JSON"),
            ("nonsense", 1, "no end"),
        ] {
            let error = Recording::read(text.as_bytes()).unwrap_err();
            assert!(error.line == line && error.reason.contains(reason), "{text}: {error:?}");
        }
        let run = sample()[0].clone();
        let twice = Recording::read(&sealed(&[run.clone(), run]).concat()).unwrap_err();
        assert!(twice.line == 2 && twice.whole_after == 0, "{twice:?}");
    }

    #[test]
    fn a_repair_keeps_every_whole_line_and_charges_the_lost_ones() {
        // The fourth of six lines is the answer that cost 60; its call may have cost 100 at most,
        // the last one 1,000.
        let mut all = sealed(&sample());
        assert_eq!(repair(&all.concat()), Ok(None));
        assert_eq!(repair(&all[..4].concat()[..700]), Ok(None), "an end that broke off");
        let half = all[3].len() / 2;
        all[3].truncate(half);
        let glued = all.concat();
        let error = JournalReading::of(&glued).unwrap_err();
        // The half line takes the line behind it along.
        assert_eq!((error.line, error.whole_before, error.whole_after), (4, 3, 1));
        let repaired = repair(&glued).unwrap().unwrap();
        assert_eq!((repaired.kept, repaired.lost), (4, 2), "{repaired:?}");
        assert_eq!(repaired.nano_usd, 2_000);
        let again = JournalReading::of(&repaired.text).unwrap();
        assert_eq!((again.lines, again.cut_bytes), (5, 0));
        assert_eq!(again.recording, repaired.recording);
        // Both calls are open now, and what was lost counts too.
        assert_eq!(again.recording.spent_nano_usd(), 100 + 1_000 + 2_000);
        let error = repair(&sealed(&sample())[1..].concat()).unwrap_err();
        assert!(error.line == 1 && error.reason.contains("first line"), "{error:?}");
    }
}
