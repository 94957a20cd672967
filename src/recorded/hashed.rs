//! A digest of what was read, for the fingerprint of a report.

use std::io::{self, BufRead};

/// A reader whose bytes are digested as they are consumed.
pub(super) struct Hashed<R> {
    inner: R,
    digest: xxhash_rust::xxh3::Xxh3,
}

impl<R> Hashed<R> {
    /// Nothing read so far.
    pub(super) fn new(inner: R) -> Self {
        Self { inner, digest: xxhash_rust::xxh3::Xxh3::new() }
    }

    /// The digest of all that was read, in hexadecimal.
    pub(super) fn digest(&self) -> String {
        format!("{:032x}", self.digest.digest128())
    }
}

impl<R: BufRead> io::Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Hashed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(bytes) = self.inner.fill_buf() {
            self.digest.update(bytes.get(..amount).unwrap_or(bytes));
        }
        self.inner.consume(amount);
    }
}
