//! The journal on disk: lines are appended and handed to the operating system before anything is
//! done about them.
//!
//! Guarantees: one process at a time; what is in the file survives the end of this process,
//! whatever ends it. What was there when the journal was opened, and what came before the last wait
//! for the disk, survives the end of the power, too. After a write that failed, the file is cut
//! back to its last whole line and takes no more. An end that broke off is cut away, and kept in a
//! file of its own, when the journal is opened again.
//!
//! Does not know: what the lines mean.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared, join_all};

use super::disk::{Disk, private, wait_for_name, write_private};
use super::reading::{JournalReading, UnreadableRecording};
use super::recording::{RecordedLine, Recording};
use super::sealed::seal;

/// Largest journal that is read, in bytes.
pub const MAX_BYTES: u64 = 4 << 30;

/// A wait for the disk that is under way, which any number of requests share.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// How many lines will surely be on the disk.
    lines: u64,
    end: Shared<LocalBoxFuture<'static, Result<(), Arc<str>>>>,
}

impl Waiting {
    /// Waits for its end.
    pub async fn end(&self) -> Result<(), Arc<str>> {
        self.end.clone().await
    }
}

/// An open journal, and perhaps a copy of it elsewhere.
#[derive(Debug)]
pub struct Journal {
    files: Vec<Box<dyn Disk>>,
    /// How many lines are whole, and their bytes.
    lines: u64,
    length: u64,
    /// How many of the lines are surely on the disk.
    synced: u64,
    /// The wait for the disk that is under way. It stays here when those who wait for it are gone,
    /// so that its end is heard.
    waiting: Option<Waiting>,
    /// Why nothing is written any more.
    failed: Option<String>,
}

/// A journal that was opened again.
#[derive(Debug)]
pub struct Resumed {
    /// The journal, ready for the next line.
    pub journal: Journal,
    /// What it holds; without a run, the run has not begun.
    pub recording: Recording,
    /// What broke off at its end: how many bytes, and the file that they are kept in.
    pub cut: Option<(usize, PathBuf)>,
}

/// A journal that was opened over a disk and the bytes on it.
#[derive(Debug)]
pub struct Opened {
    /// The journal, ready for the next line.
    pub journal: Journal,
    /// What it holds; without a run, the run has not begun.
    pub recording: Recording,
    /// Bytes of its whole lines.
    pub whole_bytes: usize,
    /// Bytes that broke off at its end; they are cut away.
    pub cut_bytes: usize,
}

/// Why a journal cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The file system.
    Io(io::Error),
    /// It is in use.
    Locked,
    /// There are lines in it already.
    Begun,
    /// It is no journal, or a damaged one.
    Unreadable(UnreadableRecording),
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
            Self::Begun => f.write_str("it holds a run already"),
            Self::Unreadable(unreadable) => write!(f, "{unreadable}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Locks a journal for this process.
///
/// # Errors
/// When another process has it.
pub fn lock(file: &File) -> Result<(), OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked),
        // A file system without locks is no reason not to run.
        Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// All of a journal's bytes.
///
/// # Errors
/// When it cannot be read, or is larger than [`MAX_BYTES`].
pub fn bytes(file: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {MAX_BYTES} bytes"),
        ));
    }
    Ok(text)
}

/// A file name beside a journal that is not taken yet.
#[must_use]
pub fn beside(path: &Path, what: &str) -> PathBuf {
    let named = |nth: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{what}"));
        if nth > 1 {
            name.push(format!("-{nth}"));
        }
        PathBuf::from(name)
    };
    (1..).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(1))
}

impl Journal {
    /// A new journal. A file without a single byte counts as none.
    ///
    /// # Errors
    /// When the file holds something already or cannot be made.
    pub fn create(path: &Path) -> Result<Self, OpenError> {
        let file = private(path, false)?;
        lock(&file)?;
        if file.metadata()?.len() > 0 {
            return Err(OpenError::Begun);
        }
        wait_for_name(path);
        Ok(Self::on(Box::new(file), 0, 0))
    }

    /// Opens a journal to go on with, and what it holds.
    ///
    /// # Errors
    /// When the file is not there, in use, no journal, or damaged.
    pub fn resume(path: &Path) -> Result<Resumed, OpenError> {
        path.metadata()?;
        let file = private(path, false)?;
        lock(&file)?;
        let text = bytes(&file)?;
        let mut kept = None;
        let keep = |whole: usize, end: &[u8]| {
            let name = beside(path, &format!("cut-{whole}"));
            write_private(&name, end)?;
            kept = Some((end.len(), name));
            Ok(())
        };
        let Opened { journal, recording, .. } = Self::open(Box::new(file), &text, keep)?;
        Ok(Resumed { journal, recording, cut: kept })
    }

    /// Keeps a copy at `path`, beginning with everything that is there already.
    ///
    /// # Errors
    /// When the copy exists already (unless it is one of this journal) or cannot be made.
    pub fn copy_to(&mut self, path: &Path, journal: &Path) -> io::Result<()> {
        if path.exists() && !path.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        let known = bytes(File::open(journal)?)?;
        let own = match File::open(path).and_then(bytes) {
            Ok(there) => known.starts_with(&there) || there.starts_with(&known),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if !own {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it exists already, and is no copy of this run's journal",
            ));
        }
        let mut file = private(path, false)?;
        file.cut(0)?;
        file.append(&known)?;
        self.files.push(Box::new(file));
        Ok(())
    }

    /// A journal of `lines` whole lines, `length` bytes together, on this disk; they are on it
    /// surely.
    #[must_use]
    pub fn on(disk: Box<dyn Disk>, lines: u64, length: u64) -> Self {
        Self { files: vec![disk], lines, length, synced: lines, waiting: None, failed: None }
    }

    /// Opens a journal over a disk that holds the bytes `text`. Before an end that broke off is cut
    /// away, `keep` gets the bytes before it and the end itself.
    ///
    /// # Errors
    /// When the bytes are no journal or a damaged one, or the end cannot be kept or cut away.
    pub fn open(
        mut disk: Box<dyn Disk>,
        text: &[u8],
        keep: impl FnOnce(usize, &[u8]) -> io::Result<()>,
    ) -> Result<Opened, OpenError> {
        let JournalReading { recording, lines, whole_bytes, cut_bytes } =
            JournalReading::of(text).map_err(OpenError::Unreadable)?;
        if cut_bytes > 0 {
            keep(whole_bytes, text.get(whole_bytes..).unwrap_or_default())?;
        }
        disk.cut(whole_bytes as u64)?;
        // The process before may have been killed before it waited for the disk, or may have waited
        // in vain. What is done next relies on what was read.
        disk.rewrite(text.get(..whole_bytes).unwrap_or_default())?;
        disk.sync()?;
        Ok(Opened {
            journal: Self::on(disk, lines, whole_bytes as u64),
            recording,
            whole_bytes,
            cut_bytes,
        })
    }

    /// How many whole lines there are, and how many of them are surely on the disk.
    #[must_use]
    pub fn lines(&self) -> (u64, u64) {
        (self.lines, self.synced)
    }

    /// Appends a line.
    ///
    /// # Errors
    /// When it cannot be written, or an earlier one could not: then nothing may be done about what
    /// it tells of.
    pub fn write(&mut self, line: &RecordedLine) -> io::Result<()> {
        if let Some(reason) = &self.failed {
            return Err(io::Error::other(reason.clone()));
        }
        let bytes = seal(&line.json(), self.lines + 1);
        if let Err(error) = self.files.iter_mut().try_for_each(|file| file.append(&bytes)) {
            return Err(self.fail(error));
        }
        self.lines += 1;
        self.length += bytes.len() as u64;
        // Without its first line a journal is worth nothing.
        if self.lines == 1 { self.sync() } else { Ok(()) }
    }

    /// Cuts every file back to its last whole line, and refuses whatever comes.
    fn fail(&mut self, error: io::Error) -> io::Error {
        self.failed = Some(error.to_string());
        for file in &mut self.files {
            // Where even this fails, half a line stays at the end: that is how a journal breaks
            // off.
            let _ = file.cut(self.length);
        }
        error
    }

    /// Waits until everything is on the disk.
    ///
    /// # Errors
    /// When the disk says no. What was written since the last time may be lost then, so nothing
    /// more is written.
    pub fn sync(&mut self) -> io::Result<()> {
        if let Some(reason) = &self.failed {
            return Err(io::Error::other(reason.clone()));
        }
        self.files
            .iter_mut()
            .try_for_each(|file| file.sync())
            .inspect_err(|error| self.failed = Some(error.to_string()))?;
        self.synced = self.lines;
        Ok(())
    }

    /// The wait for the disk that is under way, or a new one for all lines by now; `None` where all
    /// are on it already.
    ///
    /// # Errors
    /// When an earlier line could not be written, or an earlier wait failed.
    pub fn begin_sync(&mut self) -> io::Result<Option<Waiting>> {
        if let Some(reason) = &self.failed {
            return Err(io::Error::other(reason.clone()));
        }
        if self.waiting.is_none() && self.synced < self.lines {
            let all = join_all(self.files.iter_mut().map(|file| file.begin_sync()));
            let end = async {
                all.await
                    .into_iter()
                    .collect::<io::Result<()>>()
                    .map_err(|error| Arc::from(error.to_string()))
            };
            self.waiting = Some(Waiting { lines: self.lines, end: end.boxed_local().shared() });
        }
        Ok(self.waiting.clone())
    }

    /// Takes the end of a wait for the disk, however many of those who shared it tell of it.
    ///
    /// # Errors
    /// When the disk said no. What was written since the wait before may be lost then, so nothing
    /// more is written.
    pub fn end_sync(&mut self, waiting: &Waiting, end: Result<(), Arc<str>>) -> io::Result<()> {
        self.waiting.take_if(|own| own.lines == waiting.lines);
        match end {
            Ok(()) => {
                self.synced = self.synced.max(waiting.lines);
                Ok(())
            }
            Err(reason) => {
                self.failed.get_or_insert_with(|| reason.to_string());
                Err(io::Error::other(reason.to_string()))
            }
        }
    }
}

impl RecordedLine {
    /// The line as a JSON object.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        if *self == Self::Resumed {
            // Not the text `"resumed"`: number and checksum have to have a place.
            return br#"{"resumed":null}"#.to_vec();
        }
        // Neither maps with keys that are no text nor anything else that JSON has no word for is in
        // a line.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
