//! Answers of the Responses format that a client may come back to, and conversations.
//!
//! Guarantees: memory is bounded, see [`MAX_RESPONSE_BYTES`], [`MAX_CONVERSATIONS_BYTES`] and
//! [`MAX_CONVERSATION_BYTES`]; what was not used for longest is forgotten first.
//!
//! Does not know: HTTP. What an item says is read when somebody asks for it.

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::Value;

use crate::serve::byte_bounded_map::ByteBoundedMap;

/// Most bytes of answers, with the requests that they answer.
pub const MAX_RESPONSE_BYTES: usize = 64 << 20;
/// Most bytes of all conversations.
pub const MAX_CONVERSATIONS_BYTES: usize = 64 << 20;
/// Most bytes of one conversation; its oldest items are dropped first.
pub const MAX_CONVERSATION_BYTES: usize = 8 << 20;

/// An answer and its request.
#[derive(Clone, Debug)]
pub struct KeptResponse {
    /// The request as it came.
    pub request: Bytes,
    /// The answer as a document.
    pub document: Bytes,
    /// How it looks until it is ready, for one that is fetched later; and afterwards when it is
    /// cancelled in time.
    pub pending: Option<PendingResponse>,
    /// Whether it was cancelled in time.
    pub cancelled: bool,
    /// How many items its conversation had before it.
    pub conversation_items: usize,
}

/// What is fetched of an answer that is not made yet.
#[derive(Clone, Debug)]
pub struct PendingResponse {
    /// When it is ready: Unix time in milliseconds.
    pub ready_ms: u64,
    /// Its document until then.
    pub in_progress: Bytes,
    /// Its document once it is cancelled.
    pub cancelled: Bytes,
}

/// A conversation.
#[derive(Clone, Debug, Default)]
pub struct KeptConversation {
    /// What its owner notes about it.
    pub metadata: Value,
    /// Its items, oldest first, each with an id.
    pub items: Vec<Arc<Value>>,
    /// How many items it ever had.
    pub numbered: usize,
    bytes: usize,
}

impl KeptConversation {
    /// One more item.
    pub fn push(&mut self, item: Value) {
        self.bytes += item.to_string().len();
        self.items.push(Arc::new(item));
        self.numbered += 1;
        let mut dropped = 0;
        let mut rest = self.bytes;
        for item in &self.items {
            if rest <= MAX_CONVERSATION_BYTES {
                break;
            }
            rest -= item.to_string().len().min(rest);
            dropped += 1;
        }
        self.items.drain(..dropped);
        self.bytes = rest;
    }

    /// Takes the item of this id out; whether there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(at) = self.items.iter().position(|item| item["id"] == id) else { return false };
        let item = self.items.remove(at);
        self.bytes = self.bytes.saturating_sub(item.to_string().len());
        true
    }
}

/// Everything that is kept.
#[derive(Clone, Debug)]
pub struct ResponseStore {
    /// Answers by id.
    pub responses: ByteBoundedMap<String, KeptResponse>,
    conversations: ByteBoundedMap<String, KeptConversation>,
    /// Conversations that were ever made.
    pub made: u64,
}

impl Default for ResponseStore {
    fn default() -> Self {
        Self {
            responses: ByteBoundedMap::new(MAX_RESPONSE_BYTES),
            conversations: ByteBoundedMap::new(MAX_CONVERSATIONS_BYTES),
            made: 0,
        }
    }
}

impl ResponseStore {
    /// Keeps an answer.
    pub fn keep(&mut self, id: String, kept: KeptResponse) {
        let pending = kept.pending.as_ref();
        let more = pending.map_or(0, |both| both.in_progress.len() + both.cancelled.len());
        let bytes = id.len() + kept.request.len() + kept.document.len() + more;
        self.responses.insert(id, bytes, kept);
    }

    /// A conversation.
    pub fn conversation(&mut self, id: &str) -> Option<&KeptConversation> {
        self.conversations.get(id)
    }

    /// Keeps a conversation in place of the one of this id.
    pub fn keep_conversation(&mut self, id: &str, conversation: KeptConversation) {
        let bytes = id.len() + conversation.bytes + conversation.metadata.to_string().len();
        self.conversations.insert(id.to_owned(), bytes, conversation);
    }

    /// Changes a conversation, if it is there.
    pub fn change(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut KeptConversation),
    ) -> Option<KeptConversation> {
        let mut conversation = self.conversations.remove(id)?;
        change(&mut conversation);
        self.keep_conversation(id, conversation.clone());
        Some(conversation)
    }

    /// Deletes a conversation; whether there was one.
    pub fn forget_conversation(&mut self, id: &str) -> bool {
        self.conversations.remove(id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_million_answers_take_bounded_memory() {
        let mut kept = ResponseStore::default();
        for nth in 0..1_000_000_u32 {
            let bytes = Bytes::from_static(&[b'x'; 4_000]);
            let (request, document) = (bytes.clone(), bytes);
            let one = KeptResponse {
                request,
                document,
                pending: None,
                cancelled: false,
                conversation_items: 0,
            };
            kept.keep(format!("resp_{nth}"), one);
        }
        assert!(kept.responses.len() * 8_000 <= MAX_RESPONSE_BYTES, "{}", kept.responses.len());
        assert!(kept.responses.len() * 2 * 8_500 >= MAX_RESPONSE_BYTES / 2);
        assert!(kept.responses.get("resp_999999").is_some());
        assert!(kept.responses.get("resp_0").is_none());
    }

    #[test]
    fn a_conversation_drops_its_oldest_items() {
        let mut conversation = KeptConversation::default();
        for nth in 0..20 {
            conversation.push(json!({ "id": nth, "text": "x".repeat(1 << 20) }));
        }
        assert_eq!((conversation.items.len(), conversation.numbered), (7, 20));
        assert_eq!(conversation.items.last().unwrap()["id"], 19);
        assert!(conversation.bytes <= MAX_CONVERSATION_BYTES);
    }
}
