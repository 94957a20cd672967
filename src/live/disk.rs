//! The disk of a journal, as one trait: bytes are appended, cut off, and waited for. The real disk
//! is a thin layer over a file; tests put a simulated one in its place.
//!
//! Does not know: lines, or what to do when something fails.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::pin::Pin;

/// A wait for the disk that is under way.
pub type Syncing = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// A file that grows at its end.
pub trait Disk: Debug {
    /// Appends bytes. When it fails, any part of them may have been written.
    ///
    /// # Errors
    /// When not all of them could be handed to the operating system.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file off after `length` bytes; what is appended next comes there.
    ///
    /// # Errors
    /// When it cannot be cut.
    fn cut(&mut self, length: u64) -> io::Result<()>;

    /// Writes what is there already once more, from the start. Where a wait for the disk failed,
    /// the operating system may show bytes that it has given up to write
    /// (<https://wiki.postgresql.org/wiki/Fsync_Errors>); written again, they reach the disk.
    ///
    /// # Errors
    /// When they cannot be written. The bytes that are there stay what they are.
    fn rewrite(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until everything is on the disk.
    ///
    /// # Errors
    /// When the disk says no.
    fn sync(&mut self) -> io::Result<()>;

    /// Begins to wait until everything that has been appended by now is on the disk, and leaves the
    /// thread free meanwhile. The operating system tells of a failed wait once, so that whoever
    /// begins one has to hear its end.
    fn begin_sync(&mut self) -> Syncing {
        Box::pin(std::future::ready(self.sync()))
    }
}

impl Disk for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(|_| ())
    }

    fn rewrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(0))?;
        self.write_all(bytes)?;
        self.seek(SeekFrom::End(0)).map(|_| ())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn begin_sync(&mut self) -> Syncing {
        match self.try_clone() {
            Ok(file) => {
                let waits = tokio::task::spawn_blocking(move || file.sync_data());
                Box::pin(async { waits.await.unwrap_or_else(|error| Err(io::Error::other(error))) })
            }
            Err(_) => Box::pin(std::future::ready(self.sync())),
        }
    }
}

/// Opens a file that nobody but its owner may read: what models said, and perhaps what users are
/// called, is in it. An existing file is opened as it is, without cutting it.
///
/// # Errors
/// As opening a file.
pub fn private(path: &Path, new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).create_new(new).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    if let Ok(permissions) = file.metadata().map(|metadata| metadata.permissions()) {
        use std::os::unix::fs::PermissionsExt;
        // It may have been made by an earlier version; a file system without permissions is no
        // reason not to write.
        let mode = permissions.mode() & 0o600;
        let _ = file.set_permissions(std::fs::Permissions::from_mode(mode));
    }
    Ok(file)
}

/// Waits until a file's name is on the disk, as far as this system can wait for folders; where it
/// cannot, a power loss may take the name of a new file away.
pub fn wait_for_name(path: &Path) {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

/// Writes a file that nobody but its owner may read, over what may be there.
///
/// # Errors
/// As writing a file.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private(path, false)?;
    file.set_len(0)?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn what_is_written_in_private_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("simlab-private-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("x");
        std::fs::write(&path, "longer than what comes").unwrap();
        super::write_private(&path, b"short").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(super::private(&path, true).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
