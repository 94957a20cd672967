//! The binary frames in which Amazon's services stream: messages of headers and a payload, with
//! checksums, in both directions.
//!
//! Source: the format `application/vnd.amazon.eventstream` of the Smithy documentation, and
//! botocore 1.44, November 2026.
//!
//! Guarantees: the reader takes any bytes, split anywhere, and holds no more than
//! [`MAX_EVENT_BYTES`] of an unfinished message; a message whose checksums do not fit is an error.
//!
//! Does not know: what a payload says.

use super::sse::MAX_EVENT_BYTES;

/// Bytes of the two lengths and their checksum.
const PRELUDE: usize = 12;
/// Bytes of the checksum at the end.
const CHECKSUM: usize = 4;
/// The type of a header whose value is text.
const TEXT: u8 = 7;

/// A message, as far as it matters here: its headers that are text, and its payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StreamMessage {
    pub(super) headers: Vec<(String, String)>,
    pub(super) payload: Vec<u8>,
}

impl StreamMessage {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokenMessage {
    /// A message came that is larger than [`MAX_EVENT_BYTES`].
    TooLong,
    /// Lengths or checksums do not fit.
    Damaged,
}

/// Adds a message.
pub(super) fn push_message(out: &mut Vec<u8>, headers: &[(&str, &str)], payload: &[u8]) {
    let mut all = Vec::new();
    for (name, value) in headers {
        let (name, value) = (name.as_bytes(), value.as_bytes());
        all.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        all.extend_from_slice(name);
        all.push(TEXT);
        all.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        all.extend_from_slice(value);
    }
    push_with(out, &all, payload);
}

/// Adds a message with these headers as bytes.
fn push_with(out: &mut Vec<u8>, headers: &[u8], payload: &[u8]) {
    let start = out.len();
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    out.extend(length(PRELUDE + headers.len() + payload.len() + CHECKSUM));
    out.extend(length(headers.len()));
    let sum = |bytes: Option<&[u8]>| crc32fast::hash(bytes.unwrap_or_default()).to_be_bytes();
    out.extend(sum(out.get(start..)));
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend(sum(out.get(start..)));
}

/// A number at the start of these bytes.
fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Where the first message ends; none if it is not whole.
///
/// # Errors
/// `BrokenMessage` where these bytes do not begin a message.
pub(super) fn first_end(bytes: &[u8]) -> Result<Option<usize>, BrokenMessage> {
    let Some((prelude, _)) = bytes.split_at_checked(PRELUDE) else { return Ok(None) };
    let (lengths, sum) = prelude.split_at(PRELUDE - CHECKSUM);
    if number(sum) != Some(crc32fast::hash(lengths)) {
        return Err(BrokenMessage::Damaged);
    }
    let length = number(lengths).unwrap_or_default() as usize;
    if length > MAX_EVENT_BYTES {
        return Err(BrokenMessage::TooLong);
    }
    if length < PRELUDE + CHECKSUM {
        return Err(BrokenMessage::Damaged);
    }
    Ok((bytes.len() >= length).then_some(length))
}

/// The parts of a whole message: headers and payload.
fn parts(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, sum) = message.split_at_checked(message.len().checked_sub(CHECKSUM)?)?;
    if number(sum) != Some(crc32fast::hash(rest)) {
        return None;
    }
    let headers = number(rest.get(4..)?)? as usize;
    rest.get(PRELUDE..)?.split_at_checked(headers)
}

/// The headers that are text; none where they cannot be read.
fn read_headers(mut bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let mut all = Vec::new();
    while let Some((&length, rest)) = bytes.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(length))?;
        let (&kind, rest) = rest.split_first()?;
        // Two kinds have no value, some have a fixed length, and two say theirs.
        let length = match kind {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            9 => 16,
            6 | TEXT => 2 + usize::from(u16::from_be_bytes(*rest.first_chunk()?)),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        if kind == TEXT {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
            all.push((text(name)?, text(value.get(2..)?)?));
        }
        bytes = rest;
    }
    Some(all)
}

/// The same message with half of its payload; none if it is no message.
pub(super) fn halved(message: &[u8]) -> Option<Vec<u8>> {
    let (headers, payload) = parts(message)?;
    let mut out = Vec::new();
    push_with(&mut out, headers, payload.get(..payload.len() / 2)?);
    Some(out)
}

/// Puts messages together from bytes as they come.
#[derive(Debug, Default)]
pub(super) struct MessageReader {
    rest: Vec<u8>,
}

impl MessageReader {
    /// Takes the next bytes and hands each whole message to `each`.
    ///
    /// # Errors
    /// What `each` returns; or `BrokenMessage`, turned into its error.
    pub(super) fn push<E: From<BrokenMessage>>(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(StreamMessage) -> Result<(), E>,
    ) -> Result<(), E> {
        self.rest.extend_from_slice(bytes);
        let mut done = 0;
        while let Some(rest) = self.rest.get(done..)
            && let Some(end) = first_end(rest)?
        {
            let message = rest.get(..end).and_then(parts).ok_or(BrokenMessage::Damaged)?;
            let headers = read_headers(message.0).ok_or(BrokenMessage::Damaged)?;
            each(StreamMessage { headers, payload: message.1.to_vec() })?;
            done += end;
        }
        self.rest.drain(..done);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl From<BrokenMessage> for String {
        fn from(broken: BrokenMessage) -> Self {
            format!("{broken:?}")
        }
    }

    /// As botocore 1.44 has it in `tests/unit/test_eventstream.py`: a message without headers, one
    /// with a payload, and one with a header.
    /// The bytes of a message, its headers and its payload.
    type KnownMessage = (&'static [u8], &'static [(&'static str, &'static str)], &'static [u8]);

    const KNOWN: [KnownMessage; 3] = [
        (b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2H\xeb}\x98\xc8\xff", &[], b""),
        (
            b"\x00\x00\x00\x1d\x00\x00\x00\x00\xfdR\x8cZ{'foo':'bar'}\xc3e96",
            &[],
            b"{'foo':'bar'}",
        ),
        (
            b"\x00\x00\x00=\x00\x00\x00 \x07\xfd\x83\x96\x0ccontent-type\x07\x00\x10application/json{'foo':'bar'}\x8d\x9c\x08\xb1",
            &[("content-type", "application/json")],
            b"{'foo':'bar'}",
        ),
    ];

    #[test]
    fn messages_are_those_of_the_vendors_own_tests() {
        for (bytes, headers, payload) in KNOWN {
            let mut out = Vec::new();
            push_message(&mut out, headers, payload);
            assert_eq!(out, bytes);
        }
        let whole: Vec<u8> = KNOWN.iter().flat_map(|(bytes, ..)| bytes.iter().copied()).collect();
        for size in [1, 5, 16, whole.len()] {
            let (mut reader, mut all) = (MessageReader::default(), Vec::new());
            for piece in whole.chunks(size) {
                let take = |message: StreamMessage| {
                    all.push((message.header("content-type").is_some(), message.payload));
                    Ok::<(), String>(())
                };
                reader.push(piece, take).unwrap();
            }
            let json = b"{'foo':'bar'}".to_vec();
            assert_eq!(all, [(false, Vec::new()), (false, json.clone()), (true, json)]);
        }
        let half = halved(KNOWN[1].0).unwrap();
        assert_eq!(parts(&half), Some((&b""[..], &b"{'foo'"[..])));
    }

    #[test]
    fn damaged_and_huge_messages_are_refused() {
        let read = |bytes: &[u8]| MessageReader::default().push(bytes, |_| Ok::<(), String>(()));
        for at in 0..KNOWN[2].0.len() {
            let mut bytes = KNOWN[2].0.to_vec();
            bytes[at] ^= 1;
            assert_eq!(read(&bytes), Err("Damaged".to_owned()), "{at}");
        }
        let lengths = [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        let sum = crc32fast::hash(&lengths).to_be_bytes();
        assert_eq!(read(&[&lengths[..], &sum].concat()), Err("TooLong".to_owned()));
    }
}
