//! Server-sent events in both directions: an answer cut into frames, and bytes put together to
//! events again.
//!
//! Guarantees: the reader takes any bytes, split anywhere (inside a character, between `\r` and
//! `\n`), and holds no more than [`MAX_EVENT_BYTES`] of an unfinished event. It follows the
//! `WHATWG` rules, so a comment, a retry hint or an unknown field does no harm, and an event that
//! was not finished is not delivered.
//!
//! Does not know: what an event says.

use serde::Serialize;

/// Most bytes of one event that a reader keeps.
pub const MAX_EVENT_BYTES: usize = 16 << 20;

/// How an answer's text is cut for streaming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunking {
    /// Not at all.
    Whole,
    /// After so many characters (0 counts as 1).
    Characters(u16),
    /// After each run of white space, about as tokens fall.
    Words,
}

impl Chunking {
    /// The pieces of `text`, in order; together they are the text, and none is empty.
    pub fn pieces(self, text: &str) -> impl Iterator<Item = &str> {
        let mut rest = text;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = match self {
                Self::Whole => rest.len(),
                Self::Characters(n) => {
                    rest.char_indices().nth(usize::from(n.max(1))).map_or(rest.len(), |(at, _)| at)
                }
                Self::Words => {
                    let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    rest[word..]
                        .find(|c: char| !c.is_whitespace())
                        .map_or(rest.len(), |space| word + space)
                }
            };
            let (piece, more) = rest.split_at(end);
            rest = more;
            Some(piece)
        })
    }
}

/// An answer as a stream: all its bytes, and where each frame ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Frames {
    /// All frames at once.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All frames at once, owned.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// How many frames there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Frame after frame; each ends with its empty line.
    #[expect(
        clippy::indexing_slicing,
        reason = "a frame ends where the bytes ended when it was added, and they only grow"
    )]
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }

    /// The frames after this many.
    #[must_use]
    pub fn after(self, count: usize) -> Self {
        let Some(cut) = count.checked_sub(1) else { return self };
        let start = self.ends.get(cut).copied().unwrap_or(self.bytes.len());
        let ends = self.ends.into_iter().skip(count).map(|end| end - start).collect();
        Self { bytes: self.bytes.into_iter().skip(start).collect(), ends }
    }

    /// The data of all frames as one JSON array, in the way of services that stream a list.
    #[must_use]
    pub fn into_list(self) -> Vec<u8> {
        let mut list = vec![b'['];
        for (nth, frame) in self.iter().enumerate() {
            if nth > 0 {
                list.extend_from_slice(b",\r\n");
            }
            let data = frame.strip_prefix(b"data: ").unwrap_or(frame);
            list.extend_from_slice(data.strip_suffix(b"\n\n").unwrap_or(data));
        }
        list.extend_from_slice(b"\n]");
        list
    }

    /// Adds a frame with this data as JSON, under an event name if there is one.
    pub(super) fn push<T: Serialize>(&mut self, event: Option<&str>, data: &T) {
        if let Some(event) = event {
            self.bytes.extend_from_slice(b"event: ");
            self.bytes.extend_from_slice(event.as_bytes());
            self.bytes.push(b'\n');
        }
        self.bytes.extend_from_slice(b"data: ");
        put(&mut self.bytes, data);
        self.end();
    }

    /// Adds a frame for each piece of `text`: `data` with the piece in place of its empty string
    /// under `key`. Everything around the piece is written once and copied, which makes long
    /// streams several times faster.
    pub(super) fn push_pieces<T: Serialize>(
        &mut self,
        event: Option<&str>,
        data: &T,
        key: &str,
        chunking: Chunking,
        text: &str,
    ) {
        let Some((before, after)) = around(event, data, key) else { return };
        for piece in chunking.pieces(text) {
            self.bytes.extend_from_slice(&before);
            put(&mut self.bytes, &piece);
            self.bytes.extend_from_slice(&after);
            self.ends.push(self.bytes.len());
        }
    }

    /// The same for events with a number: `data` ends with a number of one digit, and the frames
    /// have those from `next` on in its place.
    pub(super) fn push_numbered_pieces<T: Serialize>(
        &mut self,
        event: &str,
        data: &T,
        key: &str,
        (chunking, text): (Chunking, &str),
        next: &mut u64,
    ) {
        let Some((before, after)) = around(Some(event), data, key) else { return };
        let Some(after) = after.strip_suffix(b"}\n\n").and_then(|rest| rest.split_last()) else {
            return;
        };
        for piece in chunking.pieces(text) {
            self.bytes.extend_from_slice(&before);
            put(&mut self.bytes, &piece);
            self.bytes.extend_from_slice(after.1);
            put(&mut self.bytes, &*next);
            *next += 1;
            self.bytes.push(b'}');
            self.end();
        }
    }

    /// Adds a frame that is written already.
    pub(super) fn push_frame(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
    }

    /// Adds the frame that ends a stream of chat completions.
    pub(super) fn push_done(&mut self) {
        self.bytes.extend_from_slice(b"data: [DONE]");
        self.end();
    }

    fn end(&mut self) {
        self.bytes.extend_from_slice(b"\n\n");
        self.ends.push(self.bytes.len());
    }
}

/// What stands in a frame before and behind the empty string that `data` has under `key`.
fn around<T: Serialize>(event: Option<&str>, data: &T, key: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut sample = Frames::default();
    sample.push(event, data);
    let hole = format!("\"{key}\":\"\"");
    // Inside a JSON string each quote has a backslash before it, so this can only be the key
    // itself.
    let found = sample.bytes.windows(hole.len()).rposition(|window| window == hole.as_bytes())?;
    let (before, after) = sample.bytes.split_at_checked(found + hole.len() - 2)?;
    Some((before.to_vec(), after.strip_prefix(b"\"\"")?.to_vec()))
}

/// Writes `value` as JSON. serde's compact form has no raw line break, so it fits a `data:` line as
/// well.
pub(super) fn put<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    // Plain structs of strings and numbers into memory: there is nothing that could fail.
    let _ = serde_json::to_writer(out, value);
}

/// Puts events together from bytes as they come.
#[derive(Debug, Default)]
pub struct SseReader {
    line: Vec<u8>,
    event: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_return: bool,
    begun: bool,
}

/// An event came that is larger than [`MAX_EVENT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl SseReader {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and hands each finished event (name, empty if none; data) to `each`.
    ///
    /// # Errors
    /// What `each` returns; or `TooLong`, turned into its error, when an event is too large.
    pub fn push<E: From<TooLong>>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        while let Some((&first, others)) = rest.split_first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                rest = others;
                continue;
            }
            let at = rest.iter().position(|&b| b == b'\n' || b == b'\r');
            let Some((line, [end, after @ ..])) = at.and_then(|at| rest.split_at_checked(at))
            else {
                self.keep(rest)?;
                break;
            };
            self.keep(line)?;
            self.after_return = *end == b'\r';
            rest = after;
            self.end_line(&mut each)?;
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + self.data.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line<E>(
        &mut self,
        each: &mut impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = std::mem::take(&mut self.line);
        let text = if std::mem::replace(&mut self.begun, true) {
            &line[..]
        } else {
            line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line)
        };
        let result = if text.is_empty() {
            let data = std::mem::take(&mut self.data);
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) { each(&event, &data) } else { Ok(()) }
        } else {
            let colon = text.iter().position(|&b| b == b':');
            let (field, value) = match colon.and_then(|at| text.split_at_checked(at)) {
                Some((field, [_, value @ ..])) => (field, value),
                _ => (text, &[][..]),
            };
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match field {
                b"event" => self.event = value.to_vec(),
                b"data" => {
                    if std::mem::replace(&mut self.has_data, true) {
                        self.data.push(b'\n');
                    }
                    self.data.extend_from_slice(value);
                }
                _ => {}
            }
            Ok(())
        };
        self.line = line;
        self.line.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq)]
    struct Long;
    impl From<TooLong> for Long {
        fn from(_: TooLong) -> Self {
            Self
        }
    }

    fn events(parts: &[&[u8]]) -> Vec<(String, String)> {
        let mut reader = SseReader::new();
        let mut all = Vec::new();
        for part in parts {
            reader
                .push::<Long>(part, |event, data| {
                    all.push((
                        String::from_utf8_lossy(event).into_owned(),
                        String::from_utf8_lossy(data).into_owned(),
                    ));
                    Ok(())
                })
                .unwrap();
        }
        all
    }

    #[test]
    fn the_rules_of_the_standard_hold() {
        // The examples of the HTML standard, 9.2.6, and its three line ends.
        let two = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(events(&[b"data: YHOO\ndata: +2\ndata: 10\n\n"]), [two("", "YHOO\n+2\n10")]);
        assert_eq!(
            events(&[b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"]),
            [two("", "first event"), two("", "second event")]
        );
        assert_eq!(events(&[b"data\n\ndata\ndata\n\ndata:"]), [two("", ""), two("", "\n")]);
        assert_eq!(events(&[b"data:test\n\ndata: test\n\n"]), [two("", "test"), two("", "test")]);
        assert_eq!(
            events(&["\u{feff}event: a\r\ndata: 1\r\n\r\nevent: b\rdata: 2\r\r".as_bytes()]),
            [two("a", "1"), two("b", "2")]
        );
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut reader = SseReader::new();
        let block = vec![b'x'; 1 << 20];
        let mut push = || reader.push::<Long>(&block, |_, _| Ok(()));
        assert_eq!((0..17).map(|_| push()).find(Result::is_err), Some(Err(Long)));
    }

    #[test]
    fn pieces_follow_the_chunking() {
        assert_eq!(
            Chunking::Words.pieces(" a bc  d").collect::<Vec<_>>(),
            [" ", "a ", "bc  ", "d"]
        );
        assert_eq!(Chunking::Characters(2).pieces("aéîz").collect::<Vec<_>>(), ["aé", "îz"]);
        assert_eq!(Chunking::Whole.pieces("").count(), 0);
    }

    proptest! {
        #[test]
        fn pieces_make_the_text_again(text in ".{0,60}", n in 0u16..9, words: bool) {
            let chunking = if words { Chunking::Words } else { Chunking::Characters(n) };
            prop_assert_eq!(chunking.pieces(&text).collect::<String>(), text.clone());
            prop_assert!(chunking.pieces(&text).all(|piece| !piece.is_empty()));
        }

        #[test]
        fn where_the_bytes_are_split_makes_no_difference(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'd'), any::<u8>()], 0..80),
            cuts in proptest::collection::vec(0usize..80, 0..6),
        ) {
            let mut text = b"data: x\nevent: y\ndata".to_vec();
            text.extend(bytes);
            text.extend(b"\n\ndata: \xc3\xa9\r\n\r\n");
            let mut at: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            at.sort_unstable();
            let mut parts = Vec::new();
            let mut start = 0;
            for cut in at {
                parts.push(&text[start..cut]);
                start = cut;
            }
            parts.push(&text[start..]);
            prop_assert_eq!(events(&parts), events(&[&text]));
        }
    }
}
