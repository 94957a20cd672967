//! What was asked and answered, as long as somebody wants to read it.
//!
//! Promises: the last so many chats and no more than [`MAX_BYTES`] of them, each in its provider's
//! own words.
//!
//! Does not know: HTTP.

use std::collections::VecDeque;

/// Most bytes that are kept.
const MAX_BYTES: usize = 64 << 20;

/// The last chats, oldest first, one JSON document each.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    most: usize,
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Heard {
    /// Keeps the last `most` chats.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Whether anything is kept at all.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.most > 0
    }

    /// One more chat: number of the request, Unix time in milliseconds, who asked, and both bodies
    /// as JSON.
    pub fn take(&mut self, number: u64, at_ms: u64, caller: &str, asked: &[u8], answered: &[u8]) {
        let head = format!(r#"{{"request":{number},"at_ms":{at_ms},"caller":"{caller}","asked":"#);
        let mut line = head.into_bytes();
        // A body may have been written over several lines; between its strings a line break means
        // nothing.
        line.extend(asked.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
        line.extend_from_slice(br#","answered":"#);
        line.extend(answered.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
        line.extend_from_slice(b"}\n");
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > self.most || self.bytes > MAX_BYTES {
            self.bytes -= self.lines.pop_front().map_or(self.bytes, |line| line.len());
        }
    }

    /// All lines, one after the other.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        self.lines.iter().flatten().copied().collect()
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        *self = Self::new(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_chats_are_kept_and_no_more() {
        let mut heard = Heard::new(2);
        for number in 1..=3 {
            heard.take(number, 7, "support", b"{\n\"a\": 1}", b"{}");
        }
        let text = String::from_utf8(heard.text()).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines.iter().map(|line| line["request"].as_u64().unwrap()).collect::<Vec<_>>(),
            [2, 3]
        );
        assert_eq!(lines[0]["asked"]["a"], 1);
        let mut large = Heard::new(usize::MAX);
        for number in 0..4 {
            large.take(number, 7, "support", &vec![b' '; MAX_BYTES / 2 - 100], b"{}");
        }
        assert!(large.bytes <= MAX_BYTES && large.lines.len() == 2, "{}", large.lines.len());
    }
}
