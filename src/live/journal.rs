//! The journal on disk: lines are appended and handed to the operating system before anything is done about them.
//!
//! Promises: one process at a time; a line that broke off is cut away when the journal is opened again; what is in the file
//! survives the end of this process, whatever ends it.
//!
//! Does not know: what the lines mean.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::recording::{Line, Recording, Unreadable};

/// Lines after which the disk itself is waited for.
const LINES_PER_SYNC: u32 = 64;

/// An open journal, and perhaps a copy of it elsewhere.
#[derive(Debug)]
pub struct Journal {
    files: Vec<File>,
    unsynced: u32,
}

/// Why a journal cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The file system.
    Io(io::Error),
    /// It is in use.
    Locked,
    /// It is no journal.
    Unreadable(Unreadable),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Locked => f.write_str("another process is running it"),
            Self::Unreadable(Unreadable { line, reason }) => write!(f, "line {line}: {reason}"),
        }
    }
}

fn lock(file: &File) -> Result<(), OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked),
        // A file system without locks is no reason not to run.
        Err(TryLockError::Error(_)) => Ok(()),
    }
}

impl Journal {
    /// A new journal.
    ///
    /// # Errors
    /// When the file exists already or cannot be made.
    pub fn create(path: &Path) -> Result<Self, OpenError> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        lock(&file)?;
        Ok(Self { files: vec![file], unsynced: 0 })
    }

    /// Opens a journal to go on with, and what it holds.
    ///
    /// # Errors
    /// When the file is not there, in use, or no journal.
    pub fn resume(path: &Path) -> Result<(Self, Recording), OpenError> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        lock(&file)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let recording = Recording::read(&text).map_err(OpenError::Unreadable)?;
        file.set_len(recording.whole_bytes as u64)?;
        file.seek(SeekFrom::End(0))?;
        Ok((Self { files: vec![file], unsynced: 0 }, recording))
    }

    /// Keeps a copy at `path`, beginning with everything that is there already.
    ///
    /// # Errors
    /// When the copy exists already (unless it is one of this journal) or cannot be made.
    pub fn copy_to(&mut self, path: &Path, journal: &Path) -> io::Result<()> {
        if path.exists() && !path.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        let known = std::fs::read(journal)?;
        let own = match std::fs::read(path) {
            Ok(there) => known.starts_with(&there) || there.starts_with(&known),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if !own {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists already, and is no copy of this run's journal"));
        }
        let mut file = File::create(path)?;
        file.write_all(&known)?;
        self.files.push(file);
        Ok(())
    }

    /// Appends a line.
    ///
    /// # Errors
    /// When it cannot be written: then nothing may be done about what it tells of.
    pub fn write(&mut self, line: &Line) -> io::Result<()> {
        let bytes = line.bytes();
        for file in &mut self.files {
            file.write_all(&bytes)?;
        }
        self.unsynced += 1;
        if self.unsynced >= LINES_PER_SYNC { self.sync() } else { Ok(()) }
    }

    /// Waits until everything is on the disk.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn sync(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        self.files.iter().try_for_each(File::sync_data)
    }
}

impl Line {
    /// The line's bytes, its end included.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        // Neither maps with keys that are no text nor anything else that JSON has no word for is in a line.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::recording::{Run, SCHEMA};

    #[test]
    fn a_journal_goes_on_where_its_last_whole_line_ends() {
        let folder = std::env::temp_dir().join(format!("simlab-journal-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (path, copy) = (folder.join("journal.jsonl"), folder.join("copy.jsonl"));
        let run = Run {
            schema: SCHEMA.to_owned(),
            version: "0".to_owned(),
            scenario: "()".to_owned(),
            documents: Vec::new(),
            name: "x".to_owned(),
            seed: 1,
            users: 2,
            began_ms: 3,
            key_epoch: 4,
        };
        let mut journal = Journal::create(&path).unwrap();
        assert!(matches!(Journal::create(&path), Err(OpenError::Io(_))));
        journal.write(&Line::Run(run)).unwrap();
        assert!(matches!(Journal::resume(&path), Err(OpenError::Locked)));
        journal.write(&Line::Over { user: 1 }).unwrap();
        drop(journal);
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"over\":{\"us");
        std::fs::write(&path, &text).unwrap();
        let (mut journal, recording) = Journal::resume(&path).unwrap();
        assert_eq!(recording.over.len(), 1);
        journal.copy_to(&copy, &path).unwrap();
        journal.write(&Line::Over { user: 2 }).unwrap();
        drop(journal);
        for path in [&path, &copy] {
            assert_eq!(Recording::read(&std::fs::read(path).unwrap()).unwrap().over.len(), 2);
        }
        std::fs::write(&copy, "something else").unwrap();
        let (mut journal, _) = Journal::resume(&path).unwrap();
        assert!(journal.copy_to(&copy, &path).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
