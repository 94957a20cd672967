//! What outlives a restart: the changes of the LaunchDarkly account and the payloads of events, in the order in which they were
//! acknowledged.
//!
//! The account is a pure function of its past, so its requests are kept and made again, with their times, not its contents.
//!
//! Promises: what was acknowledged is on disk; a crash at any moment loses nothing of it (redb commits whole transactions);
//! a file of another scenario, seed or program is refused.
//!
//! Does not know: what a request or an event means. How often a chat was asked is not kept: answers begin anew.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::flags::api::{Method, Request};

/// Entries by number, from 0.
const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
/// Whose entries these are.
const OWNER: TableDefinition<'_, &str, &str> = TableDefinition::new("owner");
/// Layout of the file.
const LAYOUT: &str = "simlab.state/1";

/// Something that was acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A request that changed the account.
    Request {
        /// Unix time in milliseconds.
        at_ms: u64,
        /// `get`, `post`, `patch` or `delete`.
        method: String,
        /// The path after `/api/v2/`.
        path: String,
        /// Query parameters.
        query: Vec<(String, String)>,
        /// Whether it is a semantic patch.
        semantic_patch: bool,
        /// The body.
        body: Value,
    },
    /// A payload of events.
    Payload {
        /// Its id, if it had one.
        id: Option<String>,
        /// Its events.
        events: Vec<Value>,
    },
    /// Everything was started over.
    Reset,
}

impl Entry {
    /// The entry of a request.
    #[must_use]
    pub fn of(request: &Request, at_ms: u64) -> Self {
        let method = match request.method {
            Method::Get => "get",
            Method::Post => "post",
            Method::Patch => "patch",
            Method::Delete => "delete",
        };
        Self::Request {
            at_ms,
            method: method.to_owned(),
            path: request.path.clone(),
            query: request.query.clone(),
            semantic_patch: request.semantic_patch,
            body: request.body.clone(),
        }
    }

    /// The request of an entry and its time, if it is one.
    #[must_use]
    pub fn request(&self) -> Option<(Request, u64)> {
        let Self::Request { at_ms, method, path, query, semantic_patch, body } = self else { return None };
        let method = match method.as_str() {
            "get" => Method::Get,
            "post" => Method::Post,
            "patch" => Method::Patch,
            "delete" => Method::Delete,
            _ => return None,
        };
        let (path, query, body) = (path.clone(), query.clone(), body.clone());
        Some((Request { method, path, query, semantic_patch: *semantic_patch, body }, *at_ms))
    }
}

/// The file.
#[derive(Debug)]
pub struct State {
    database: Database,
    next: Mutex<u64>,
}

impl State {
    /// Opens a file, or makes it, and reads what it holds. `owner` tells scenario and seed.
    ///
    /// # Errors
    /// When the file cannot be opened or read, or belongs to another scenario, seed or program.
    pub fn open(path: &Path, owner: &str) -> Result<(Self, Vec<Entry>), String> {
        let database = Database::create(path).map_err(|error| error.to_string())?;
        let owner = format!("{LAYOUT} {owner}");
        let found = Self::owner(&database, &owner).map_err(|error| error.to_string())?;
        if found != owner {
            return Err(format!("it holds the state of another scenario or seed (\"{found}\" instead of \"{owner}\")"));
        }
        let mut entries = Vec::new();
        let read = || -> Result<Vec<Vec<u8>>, redb::Error> {
            let table = database.begin_read()?.open_table(ENTRIES)?;
            let all = table.iter()?.map(|entry| entry.map(|(_, value)| value.value().to_vec()));
            Ok(all.collect::<Result<_, _>>()?)
        };
        for (nth, bytes) in read().map_err(|error| error.to_string())?.iter().enumerate() {
            entries.push(serde_json::from_slice(bytes).map_err(|error| format!("its entry {nth} cannot be read: {error}"))?);
        }
        Ok((Self { database, next: Mutex::new(entries.len() as u64) }, entries))
    }

    /// Whose file it is; a new one becomes `owner`'s.
    fn owner(database: &Database, owner: &str) -> Result<String, redb::Error> {
        let transaction = database.begin_write()?;
        let found = {
            let mut table = transaction.open_table(OWNER)?;
            let found = table.get("owner")?.map(|found| found.value().to_owned());
            if found.is_none() {
                table.insert("owner", owner)?;
            }
            transaction.open_table(ENTRIES)?;
            found.unwrap_or_else(|| owner.to_owned())
        };
        transaction.commit()?;
        Ok(found)
    }

    /// Keeps one more entry; it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written; nothing is kept then.
    pub fn keep(&self, entry: &Entry) -> Result<(), String> {
        let bytes = serde_json::to_vec(entry).map_err(|error| error.to_string())?;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let write = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            transaction.open_table(ENTRIES)?.insert(*next, bytes.as_slice())?;
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| error.to_string())?;
        *next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_kept_is_there_again_and_belongs_to_somebody() {
        let path = std::env::temp_dir().join(format!("simlab-state-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let request = Request::post("projects", json!({ "key": "p" }));
        let entries = [Entry::of(&request, 7), Entry::Payload { id: Some("one".into()), events: vec![json!({})] }, Entry::Reset];
        {
            let (state, found) = State::open(&path, "security 18").unwrap();
            assert_eq!(found, []);
            entries.iter().for_each(|entry| state.keep(entry).unwrap());
        }
        assert_eq!(State::open(&path, "security 18").unwrap().1, entries);
        assert_eq!(entries[0].request(), Some((request, 7)));
        let refused = State::open(&path, "security 19").unwrap_err();
        assert!(refused.contains("another scenario or seed"), "{refused}");
        std::fs::write(&path, "no database").unwrap();
        assert!(State::open(&path, "security 18").is_err());
        std::fs::remove_file(&path).unwrap();
    }
}
