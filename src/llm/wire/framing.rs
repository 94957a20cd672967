//! How the frames of a stream are told apart: as server-sent events, or as binary messages.
//!
//! Does not know: what a frame says.

use super::event_stream;

/// How a provider frames its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// Binary messages with checksums, as Amazon's services have them.
    Messages,
}

impl Framing {
    const ALL: [Self; 2] = [Self::Events, Self::Messages];

    /// The content type of such a stream.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Messages => "application/vnd.amazon.eventstream",
        }
    }

    /// The framing of an answer with this content type; none if it is no stream.
    #[must_use]
    pub fn of(content_type: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|framing| content_type.starts_with(framing.content_type().as_bytes()))
    }

    /// Where the first frame ends; none if it is not whole.
    #[must_use]
    pub fn first_end(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Events => {
                bytes.windows(2).position(|window| window == b"\n\n").map(|end| end + 2)
            }
            Self::Messages => event_stream::first_end(bytes).ok().flatten(),
        }
    }

    /// A frame with the first half of its data, which is a frame still.
    #[must_use]
    pub fn halved(self, frame: &[u8]) -> Vec<u8> {
        match self {
            // The name of the event, if it has one, stays whole.
            Self::Events => {
                let data = frame.windows(5).position(|window| window == b"data:");
                let start = data.map_or(0, |at| at + 5);
                let end = frame.len().saturating_sub(2).max(start);
                let half = frame.iter().take(start + (end - start) / 2).chain(b"\n\n");
                half.copied().collect()
            }
            Self::Messages => event_stream::halved(frame).unwrap_or_else(|| frame.to_vec()),
        }
    }
}
