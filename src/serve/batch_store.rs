//! Batches and the files that they are made of.
//!
//! Guarantees: memory is bounded by [`MAX_BYTES`]; the oldest are forgotten first.
//!
//! Does not know: HTTP, or any provider's format.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use serde_json::Value;

use crate::llm::wire::Provider;

/// Most bytes of files and batches.
const MAX_BYTES: usize = 128 << 20;

/// A file.
#[derive(Clone, Debug)]
pub struct KeptFile {
    /// Its content.
    pub content: Bytes,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
}

/// One request of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchItem {
    /// The caller's own name for it.
    pub custom_id: String,
    /// Its body.
    pub body: Bytes,
}

/// What became of a request of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchResult {
    /// The id of the request.
    pub request_id: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
}

/// How far a batch is.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchState {
    /// Its requests wait.
    Waiting,
    /// It holds something that cannot be worked on: the errors in the provider's form.
    Failed(Value),
    /// All of its requests are answered, in order.
    Ended(Arc<Vec<BatchResult>>),
    /// It was cancelled before any of them was.
    Cancelled,
}

/// A batch.
#[derive(Clone, Debug)]
pub struct KeptBatch {
    /// The path under the base address that its requests are for.
    pub endpoint: String,
    /// The file that its requests came in; empty without one.
    pub input_file: String,
    /// What its owner notes about it.
    pub metadata: Value,
    /// Its requests.
    pub items: Arc<Vec<BatchItem>>,
    /// How far it is.
    pub state: BatchState,
    /// The files of its results and of its errors; empty where there is none.
    pub output_files: [String; 2],
}

impl KeptBatch {
    fn bytes(&self) -> usize {
        let results = match &self.state {
            BatchState::Ended(all) => all.iter().map(|result| result.body.len() + 128).sum(),
            _ => 0,
        };
        results + self.items.iter().map(|item| item.body.len() + 128).sum::<usize>()
    }
}

/// A file or a batch, of one provider.
#[derive(Clone, Debug)]
enum Kept {
    File(KeptFile),
    Batch(KeptBatch),
}

impl Kept {
    fn bytes(&self) -> usize {
        512 + match self {
            Self::File(file) => file.content.len(),
            Self::Batch(batch) => batch.bytes(),
        }
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct BatchStore {
    made: u64,
    bytes: usize,
    /// By number; with the provider and the id.
    all: BTreeMap<u64, (Provider, String, Kept)>,
    ids: BTreeMap<String, u64>,
}

impl BatchStore {
    fn keep(&mut self, provider: Provider, id: impl FnOnce(u64) -> String, kept: Kept) -> String {
        self.made += 1;
        let (number, id) = (self.made, id(self.made));
        self.bytes += kept.bytes();
        self.ids.insert(id.clone(), number);
        self.all.insert(number, (provider, id.clone(), kept));
        self.forget_oldest();
        id
    }

    fn forget_oldest(&mut self) {
        while self.bytes > MAX_BYTES && self.all.len() > 1 {
            let Some((_, (_, id, kept))) = self.all.pop_first() else { return };
            self.bytes = self.bytes.saturating_sub(kept.bytes());
            self.ids.remove(&id);
        }
    }

    fn found(&self, provider: Provider, id: &str) -> Option<&Kept> {
        let (whose, _, kept) = self.all.get(self.ids.get(id)?)?;
        (*whose == provider).then_some(kept)
    }

    /// Keeps a file; its id is made from its number.
    pub fn keep_file(
        &mut self,
        provider: Provider,
        id: impl FnOnce(u64) -> String,
        file: KeptFile,
    ) -> String {
        self.keep(provider, id, Kept::File(file))
    }

    /// Keeps a batch; its id is made from its number.
    pub fn keep_batch(
        &mut self,
        provider: Provider,
        id: impl FnOnce(u64) -> String,
        batch: KeptBatch,
    ) -> String {
        self.keep(provider, id, Kept::Batch(batch))
    }

    /// A file.
    #[must_use]
    pub fn file(&self, provider: Provider, id: &str) -> Option<KeptFile> {
        match self.found(provider, id)? {
            Kept::File(file) => Some(file.clone()),
            Kept::Batch(_) => None,
        }
    }

    /// A batch.
    #[must_use]
    pub fn batch(&self, provider: Provider, id: &str) -> Option<KeptBatch> {
        match self.found(provider, id)? {
            Kept::Batch(batch) => Some(batch.clone()),
            Kept::File(_) => None,
        }
    }

    /// All files of a provider, oldest first.
    pub fn files(&self, provider: Provider) -> Vec<(String, KeptFile)> {
        let own = self.all.values().filter(|(whose, ..)| *whose == provider);
        own.filter_map(|(_, id, kept)| match kept {
            Kept::File(file) => Some((id.clone(), file.clone())),
            Kept::Batch(_) => None,
        })
        .collect()
    }

    /// All batches of a provider, oldest first.
    pub fn batches(&self, provider: Provider) -> Vec<(String, KeptBatch)> {
        let own = self.all.values().filter(|(whose, ..)| *whose == provider);
        own.filter_map(|(_, id, kept)| match kept {
            Kept::Batch(batch) => Some((id.clone(), batch.clone())),
            Kept::File(_) => None,
        })
        .collect()
    }

    /// Changes a batch that still waits; whether it did.
    pub fn end(&mut self, id: &str, change: impl FnOnce(&mut KeptBatch)) -> bool {
        let kept = self.ids.get(id).and_then(|number| self.all.get_mut(number));
        let Some((.., Kept::Batch(batch))) = kept else { return false };
        if batch.state != BatchState::Waiting {
            return false;
        }
        let before = batch.bytes();
        change(batch);
        self.bytes = (self.bytes + batch.bytes()).saturating_sub(before);
        self.forget_oldest();
        true
    }

    /// Forgets a file or a batch; whether it was there.
    pub fn forget(&mut self, provider: Provider, id: &str) -> bool {
        if self.found(provider, id).is_none() {
            return false;
        }
        let number = self.ids.remove(id);
        if let Some((.., kept)) = number.and_then(|number| self.all.remove(&number)) {
            self.bytes = self.bytes.saturating_sub(kept.bytes());
        }
        true
    }
}
