//! Open what is given to `analyze`: a file or standard input, unpacked and as UTF-8, with its
//! first bytes to tell what it is.
//!
//! Does not know: what the bytes mean.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;

use encoding_rs_io::DecodeReaderBytes;
use flate2::read::MultiGzDecoder;

use super::commands::bad_file;
use super::exit::Exit;
use super::progress::Progress;
use crate::diagnostic::Diagnostic;

/// How much of a file is looked at to tell what it is.
const HEAD: u64 = 1 << 16;

/// A reader that says how much of it was read.
pub(super) struct CountedReader<'p, R> {
    inner: R,
    progress: &'p Progress,
    done: &'p Cell<u64>,
}

impl<R: Read> Read for CountedReader<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.done.set(self.done.get() + read as u64);
        self.progress.done(self.done.get());
        Ok(read)
    }
}

/// An opened file: its first bytes, which come again when it is read.
pub(super) struct OpenedData<'p> {
    pub head: Vec<u8>,
    reader: Box<dyn Read + 'p>,
}

/// Whether a path means standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens a file, or standard input for `-`; `done` counts the bytes of the file itself.
///
/// # Errors
/// When it cannot be read.
pub(super) fn open<'p>(
    path: &Path,
    progress: &'p Progress,
    done: &'p Cell<u64>,
) -> io::Result<OpenedData<'p>> {
    if is_standard_input(path) {
        return decoded(CountedReader { inner: io::stdin().lock(), progress, done });
    }
    decoded(CountedReader { inner: File::open(path)?, progress, done })
}

/// Unpacks gzip and zstd, and decodes UTF-16, each told by its first bytes.
///
/// # Errors
/// When the bytes cannot be read.
pub(super) fn decoded<'p>(reader: impl Read + 'p) -> io::Result<OpenedData<'p>> {
    let (mut head, mut reader) = peek(Box::new(reader))?;
    if head.starts_with(&[0x1f, 0x8b]) {
        (head, reader) = peek(Box::new(MultiGzDecoder::new(BufReader::new(reader))))?;
    } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        (head, reader) = peek(Box::new(zstd::Decoder::new(reader)?))?;
    }
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        (head, reader) = peek(Box::new(DecodeReaderBytes::new(reader)))?;
    }
    Ok(OpenedData { head, reader })
}

type Peeked<'p> = Chain<Cursor<Vec<u8>>, Box<dyn Read + 'p>>;

/// The first bytes of a reader, and the same reader from its beginning.
fn peek<'p>(mut reader: Box<dyn Read + 'p>) -> io::Result<(Vec<u8>, Box<dyn Read + 'p>)> {
    let mut head = Vec::new();
    reader.by_ref().take(HEAD).read_to_end(&mut head)?;
    let whole: Peeked<'p> = Cursor::new(head.clone()).chain(reader);
    Ok((head, Box::new(whole)))
}

impl<'p> OpenedData<'p> {
    /// The whole, to read.
    pub(super) fn lines(self) -> impl BufRead + 'p {
        BufReader::with_capacity(1 << 16, self.reader)
    }
}

/// The name of a data file, without folder and ending.
pub(super) fn stem(path: &Path) -> String {
    if is_standard_input(path) {
        return "standard input".to_owned();
    }
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Shows that a file cannot be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Exit {
    let shown = path.display();
    let (message, help) = match error.kind() {
        io::ErrorKind::NotFound => (format!("there is no file `{shown}`"), "check the path"),
        _ => (format!("`{shown}` cannot be read: {error}"), "check the path and its permissions"),
    };
    bad_file(&[Diagnostic::new(message).help(help)])
}
