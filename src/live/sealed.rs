//! The lines of a journal's file: JSON documents, each with its number and a checksum at the end.
//!
//! A line is `{…,"seq":N,"sum":"<16 hex digits>"}`. `seq` is the line's number in the file, from 1.
//! `sum` is the XXH3 (64 bits) of all bytes of the line before `,"sum"`. Lines of earlier versions
//! have neither and are read too.
//!
//! Guarantees: a line that was changed, is incomplete, or stands in another place is never taken
//! for a whole one. An end that broke off (nothing whole comes after it) is told from damage in the
//! middle.
//!
//! Does not know: what a line says.

use xxhash_rust::xxh3::xxh3_64;

/// Bytes of `,"sum":"<16 hex digits>"}`.
const TAIL: usize = 26;

/// A JSON object as a line with its number and checksum, its end included.
#[must_use]
pub fn seal(json: &[u8], seq: u64) -> Vec<u8> {
    let mut line = json.strip_suffix(b"}").unwrap_or(json).to_vec();
    line.extend_from_slice(format!(",\"seq\":{seq}").as_bytes());
    let sum = xxh3_64(&line);
    line.extend_from_slice(format!(",\"sum\":\"{sum:016x}\"}}\n").as_bytes());
    line
}

/// A line as it was written: its JSON without number and checksum, and its number; `None` in
/// journals of earlier versions.
///
/// # Errors
/// What is wrong with it.
pub fn open(line: &[u8]) -> Result<(Vec<u8>, Option<u64>), String> {
    let tail = line.len().checked_sub(TAIL).and_then(|at| line.split_at_checked(at));
    let Some((head, sum)) = tail.and_then(|(head, tail)| {
        Some((head, tail.strip_prefix(b",\"sum\":\"")?.strip_suffix(b"\"}")?))
    }) else {
        return Ok((line.to_vec(), None));
    };
    if sum != format!("{:016x}", xxh3_64(head)).as_bytes() {
        return Err("its checksum does not fit: the line was changed or damaged".to_owned());
    }
    let digits = head.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (head, number) = head.split_at_checked(head.len() - digits).unwrap_or_default();
    let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
    match (head.strip_suffix(b",\"seq\":"), number) {
        (Some(json), Some(number)) => Ok(([json, b"}"].concat(), Some(number))),
        _ => Err("it has a checksum and no number".to_owned()),
    }
}

/// A whole line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole<T> {
    /// What it says.
    pub said: T,
    /// Its number, as the line states it.
    pub seq: Option<u64>,
}

/// Where a file stops to be whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenLine {
    /// The line, counted from 1.
    pub line: usize,
    /// Bytes before it.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: String,
    /// Whole lines after it; none: the end broke off.
    pub whole_after: usize,
    /// Bytes of lines that are not whole, from here on.
    pub bytes: usize,
    /// How many of these come after the last whole line.
    pub trailing: usize,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned<T> {
    /// The whole lines before the first fault.
    pub before: Vec<Whole<T>>,
    /// The whole lines after it.
    pub after: Vec<Whole<T>>,
    /// The first fault.
    pub fault: Option<BrokenLine>,
}

/// Reads a file line by line; `parse` says what a line means, or what is wrong with it.
pub fn scan<T>(text: &[u8], parse: impl Fn(&[u8]) -> Result<T, String>) -> Scanned<T> {
    let mut scanned = Scanned { before: Vec::new(), after: Vec::new(), fault: None::<BrokenLine> };
    let mut offset = 0;
    for (at, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let whole = match line.strip_suffix(b"\n") {
            Some(line) => open(line).and_then(|(json, seq)| Ok(Whole { said: parse(&json)?, seq })),
            None => Err("it has no end".to_owned()),
        };
        let begin = offset;
        offset += line.len();
        let expected = scanned.before.len() as u64 + 1;
        let misplaced = |seq: u64| {
            format!(
                "line {expected} was expected here, and this is line {seq}: lines are missing or out of order"
            )
        };
        match (whole, &mut scanned.fault) {
            (Ok(whole), None) => match whole.seq.filter(|seq| *seq != expected) {
                None => scanned.before.push(whole),
                Some(seq) => {
                    scanned.fault = Some(BrokenLine {
                        line: at + 1,
                        offset: begin,
                        reason: misplaced(seq),
                        whole_after: 1,
                        bytes: 0,
                        trailing: 0,
                    });
                    scanned.after.push(whole);
                }
            },
            (Ok(whole), Some(fault)) => {
                fault.whole_after += 1;
                fault.trailing = 0;
                scanned.after.push(whole);
            }
            (Err(reason), None) => {
                let bytes = line.len();
                scanned.fault = Some(BrokenLine {
                    line: at + 1,
                    offset: begin,
                    reason,
                    whole_after: 0,
                    bytes,
                    trailing: bytes,
                });
            }
            (Err(_), Some(fault)) => {
                fault.bytes += line.len();
                fault.trailing += line.len();
            }
        }
    }
    scanned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines have one key, as those of a journal.
    fn parse(json: &[u8]) -> Result<serde_json::Value, String> {
        let value: serde_json::Value =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if value.as_object().is_some_and(|object| object.len() == 1) {
            Ok(value)
        } else {
            Err("one key was expected".to_owned())
        }
    }

    fn file(lines: u64) -> Vec<u8> {
        (1..=lines)
            .flat_map(|n| seal(format!("{{\"over\":{{\"user\":{n}}}}}").as_bytes(), n))
            .collect()
    }

    #[test]
    fn a_line_stays_json_and_comes_back() {
        let line = seal(b"{\"over\":{\"user\":1}}", 7);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((value["seq"].as_u64(), value["over"]["user"].as_u64()), (Some(7), Some(1)));
        // By the reference implementation: `xxhash.xxh3_64(b'{"over":{"user":1},"seq":7')` of
        // Python's xxhash 3.
        assert_eq!(value["sum"], "e2bb4e7b661b0f68");
        assert_eq!(open(line.trim_ascii_end()), Ok((b"{\"over\":{\"user\":1}}".to_vec(), Some(7))));
        assert_eq!(
            open(b"{\"over\":{\"user\":1}}"),
            Ok((b"{\"over\":{\"user\":1}}".to_vec(), None))
        );
    }

    #[test]
    fn an_end_that_broke_off_is_told_from_damage_in_the_middle() {
        let whole = file(20);
        for end in 0..whole.len() {
            let scanned = scan(&whole[..end], parse);
            assert!(
                scanned.after.is_empty()
                    && scanned.fault.is_none_or(|fault| fault.whole_after == 0),
                "{end}"
            );
        }
        // A page of zeros, and a page that is not there at all.
        for from in (0..400).step_by(7) {
            let zeros = [&whole[..from], &[0; 200], &whole[from + 200..]].concat();
            let gone = [&whole[..from], &whole[from + 200..]].concat();
            for text in [zeros, gone] {
                let scanned = scan(&text, parse);
                assert!(
                    scanned.fault.is_some_and(
                        |fault| fault.whole_after > 0 && fault.line == scanned.before.len() + 1
                    ),
                    "{from}"
                );
            }
        }
        let twice = [&whole[..], &seal(b"{\"over\":{\"user\":20}}", 20)].concat();
        assert_eq!(scan(&twice, parse).fault.unwrap().whole_after, 1);
    }

    proptest! {
        #[test]
        fn no_changed_byte_goes_unseen(at in 0usize..1000, to in any::<u8>()) {
            let whole = file(20);
            let mut text = whole.clone();
            let at = at % text.len();
            text[at] = to;
            let scanned = scan(&text, parse);
            prop_assert_eq!(scanned.fault.is_none(), text == whole);
            for (nth, line) in scanned.before.iter().enumerate() {
                prop_assert_eq!(line.said["over"]["user"].as_u64(), Some(nth as u64 + 1));
            }
        }
    }
}
