//! Files that only their owner may read: written whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A private file that could not be written or must not be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// The operating system refused.
    #[error("writing {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Reading it failed, or it is too big.
    #[error(transparent)]
    Read(#[from] limits::ReadError),
    /// Others may read it, so its key may be known to them.
    #[error("{path} may be read by others (mode {mode:o}): make a new identity, or `chmod 600 {path}` if nobody did")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Writes `bytes` with mode 0600 to a new file beside `path` and moves it there, durable before it returns.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let failed = |source| PrivateFileError::Write { path: path.to_owned(), source };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(parent).map_err(failed)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", uuid::Uuid::now_v7()));
    let beside = parent.join(name);
    let written = write_new(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What is left is private and unfinished; failing to remove it changes nothing for the caller.
        drop(fs::remove_file(&beside));
    }
    written.and_then(|()| fs::File::open(parent)?.sync_all()).map_err(failed)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Reads a file that nobody else may read.
pub(crate) fn read(path: &Path, limit: u64) -> Result<String, PrivateFileError> {
    let text = limits::read_text(path, limit)?;
    let mode = fs::metadata(path)
        .map_err(|source| limits::ReadError::Io { what: path.display().to_string(), source })?
        .permissions()
        .mode()
        & 0o777;
    if mode & 0o077 != 0 {
        return Err(PrivateFileError::Open { path: path.to_owned(), mode });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_from_the_first_byte_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/key");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(read(&path, 100).unwrap(), "second");
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
        assert!(matches!(read(&path, 3), Err(PrivateFileError::Read(_))));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write(&path, b"x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path, 100).unwrap_err().to_string().contains("mode 640"));
    }

    #[test]
    fn an_unwritable_place_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), b"").unwrap();
        assert!(write(&dir.path().join("file/key"), b"x").unwrap_err().to_string().contains("file/key"));
    }
}
