//! What outlives a restart: the changes of the LaunchDarkly account and the payloads of events, in
//! the order in which they were acknowledged.
//!
//! The account is a pure function of its past, so its requests are kept and made again, with their
//! times, not its contents.
//!
//! Guarantees: what was acknowledged is on disk; a crash at any moment loses nothing of it (redb
//! commits whole transactions), also while the file is made; a file of another scenario, seed or
//! program is refused. After a failed write the file is opened again at the next one, so a disk
//! that was full for a moment costs only the requests of that moment. A reset removes what came
//! before it, and its space is given back when the file is opened. An entry that cannot be read is
//! skipped and reported, and stays in the file.
//!
//! Does not know: what a request or an event means. How often a chat was asked is not kept: answers
//! begin anew.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::flags::api::{HttpMethod, Request};
use crate::live::disk::wait_for_name;

/// Entries by number, from 0.
const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
/// Whose entries these are.
const OWNER: TableDefinition<'_, &str, &str> = TableDefinition::new("owner");
/// Layout of the file.
const LAYOUT: &str = "simlab.state/1";
/// Bytes of the file that are kept in memory; redb's own default is 1 GiB.
const CACHE_BYTES: usize = 8 << 20;

/// Something that was acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StateEntry {
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

impl StateEntry {
    /// The entry of a request.
    #[must_use]
    pub fn of(request: &Request, at_ms: u64) -> Self {
        let method = match request.method {
            HttpMethod::Get => "get",
            HttpMethod::Post => "post",
            HttpMethod::Patch => "patch",
            HttpMethod::Delete => "delete",
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
        let Self::Request { at_ms, method, path, query, semantic_patch, body } = self else {
            return None;
        };
        let method = match method.as_str() {
            "get" => HttpMethod::Get,
            "post" => HttpMethod::Post,
            "patch" => HttpMethod::Patch,
            "delete" => HttpMethod::Delete,
            _ => return None,
        };
        let (path, query, body) = (path.clone(), query.clone(), body.clone());
        Some((Request { method, path, query, semantic_patch: *semantic_patch, body }, *at_ms))
    }
}

/// Opens the database: the file, or in tests one that fails on purpose.
type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// The file.
pub struct State {
    opener: Opener,
    open: Mutex<Open>,
}

/// What is open.
struct Open {
    /// `None` after a failed write: redb takes no more writes then, so it is opened again.
    database: Option<Database>,
    /// Number of the next entry.
    next: u64,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl State {
    /// Opens a file, or makes it, and gives each entry of it to `each`, in order, or why it cannot
    /// be read. `owner` identifies scenario and seed.
    ///
    /// # Errors
    /// When the file cannot be opened or read, or belongs to another scenario, seed or program.
    pub fn open(
        path: &Path,
        owner: &str,
        each: impl FnMut(u64, Result<StateEntry, String>),
    ) -> Result<Self, String> {
        if !path.exists() {
            made(path, owner).map_err(|error| error.to_string())?;
        }
        let path = path.to_owned();
        Self::open_with(
            Box::new(move || Builder::new().set_cache_size(CACHE_BYTES).create(&path)),
            owner,
            each,
        )
    }

    /// Opens what the opener gives, which nobody may stop while it is made: redb cannot open a
    /// database whose making was stopped.
    fn open_with(
        opener: Opener,
        owner: &str,
        mut each: impl FnMut(u64, Result<StateEntry, String>),
    ) -> Result<Self, String> {
        let mut database = opener().map_err(|error| error.to_string())?;
        let owner = format!("{LAYOUT} {owner}");
        let found = Self::owner(&database, &owner).map_err(|error| error.to_string())?;
        if found != owner {
            return Err(format!(
                "it holds the state of another scenario or seed (\"{found}\" instead of \"{owner}\")"
            ));
        }
        // Gives back the space of what was removed. Where this fails nothing is lost but the space.
        let _ = database.compact();
        let mut next = 0;
        let mut read = || -> Result<(), redb::Error> {
            let table = database.begin_read()?.open_table(ENTRIES)?;
            for entry in table.iter()? {
                let (number, bytes) = entry?;
                next = number.value() + 1;
                each(
                    number.value(),
                    serde_json::from_slice(bytes.value()).map_err(|error| error.to_string()),
                );
            }
            Ok(())
        };
        read().map_err(|error| error.to_string())?;
        Ok(Self { opener, open: Mutex::new(Open { database: Some(database), next }) })
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

    /// Keeps one more entry; it is on disk when this returns. A reset removes every entry before
    /// it.
    ///
    /// # Errors
    /// When it cannot be written; nothing is kept then, and the next call tries to open the file
    /// again.
    pub fn keep(&self, entry: &StateEntry) -> Result<(), String> {
        let bytes = serde_json::to_vec(entry).map_err(|error| error.to_string())?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let next = open.next;
        let kept = match open.database.take() {
            Some(database) => Ok(database),
            None => self.reopened(next),
        }
        .and_then(|database| Self::write(&database, next, entry, &bytes).map(|()| database));
        match kept {
            Ok(database) => {
                *open = Open { database: Some(database), next: next + 1 };
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn write(
        database: &Database,
        next: u64,
        entry: &StateEntry,
        bytes: &[u8],
    ) -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        {
            let mut table = transaction.open_table(ENTRIES)?;
            if *entry == StateEntry::Reset {
                table.retain(|_, _| false)?;
            }
            table.insert(next, bytes)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The database opened again after a failed write. What that write may have left was refused,
    /// so it is removed.
    fn reopened(&self, next: u64) -> Result<Database, redb::Error> {
        let database = (self.opener)()?;
        let transaction = database.begin_write()?;
        {
            let mut table = transaction.open_table(ENTRIES)?;
            if table.len()? > 0 {
                table.retain(|number, _| number < next)?;
            }
        }
        transaction.commit()?;
        Ok(database)
    }
}

/// Makes a new file beside its place and moves it there when it is on disk, so that a kill or a
/// power loss leaves a whole file or none.
fn made(path: &Path, owner: &str) -> Result<(), redb::Error> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let beside = path.with_file_name(name);
    // What a stopped try left behind; whoever made it is gone.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(redb::Error::Io(error));
        }
        _ => {}
    }
    let database = Builder::new().set_cache_size(CACHE_BYTES).create(&beside)?;
    State::owner(&database, &format!("{LAYOUT} {owner}"))?;
    drop(database);
    std::fs::File::open(&beside).and_then(|file| file.sync_all()).map_err(redb::Error::Io)?;
    std::fs::rename(&beside, path).map_err(redb::Error::Io)?;
    wait_for_name(path);
    Ok(())
}

#[cfg(test)]
mod tests;
