//! Reading at most so many bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Something is larger than it may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} {what}")]
pub struct LimitExceeded {
    /// What is counted, plural, such as `bytes of os-release`.
    pub what: String,
    /// The most that is allowed.
    pub limit: u64,
}

impl From<LimitExceeded> for io::Error {
    fn from(error: LimitExceeded) -> Self {
        Self::new(io::ErrorKind::FileTooLarge, error)
    }
}

impl LimitExceeded {
    /// The limit inside an I/O error that a reader of this crate returned.
    pub fn in_io(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }
}

/// A file or stream that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("reading {what}")]
    Io {
        /// The path or the name of the stream.
        what: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is larger than allowed.
    #[error("{what} is larger than {limit} bytes")]
    TooBig {
        /// The path or the name of the stream.
        what: String,
        /// The most that is allowed, in bytes.
        limit: u64,
    },
    /// It is not UTF-8.
    #[error("{what} is not UTF-8: invalid byte at offset {offset}")]
    NotText {
        /// The path or the name of the stream.
        what: String,
        /// Offset of the first invalid byte.
        offset: usize,
    },
}

/// A reader that fails, instead of ending, when more than its limit is read: a cut-off file must not look whole.
#[derive(Debug)]
pub struct CappedReader<R> {
    inner: R,
    what: String,
    limit: u64,
    left: u64,
}

impl<R: Read> CappedReader<R> {
    /// At most `limit` bytes of `inner`. `what` completes "more than N bytes of …".
    pub fn new(inner: R, limit: u64, what: impl Into<String>) -> Self {
        Self { inner, what: what.into(), limit, left: limit }
    }

    /// Bytes read so far.
    pub const fn position(&self) -> u64 {
        self.limit - self.left
    }

    /// The reader inside.
    pub fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> Read for CappedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            // Only one more byte tells a stream that ends here from one that goes on.
            return match self.inner.read(&mut buffer[..1])? {
                0 => Ok(0),
                _ => Err(LimitExceeded { what: format!("bytes of {}", self.what), limit: self.limit }.into()),
            };
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..room])?;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Everything that `reader` has, at most `limit` bytes. `what` names it in errors.
pub fn read_capped(reader: impl Read, limit: u64, what: &str) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    read_into(&mut CappedReader::new(reader, limit, what), &mut bytes).map_err(|source| {
        if LimitExceeded::in_io(&source).is_some() {
            ReadError::TooBig { what: what.to_owned(), limit }
        } else {
            ReadError::Io { what: what.to_owned(), source }
        }
    })?;
    Ok(bytes)
}

#[expect(clippy::disallowed_methods, reason = "the one place: the reader is capped")]
fn read_into<R: Read>(reader: &mut CappedReader<R>, bytes: &mut Vec<u8>) -> io::Result<usize> {
    reader.read_to_end(bytes)
}

/// The bytes of a file of at most `limit` bytes.
pub fn read_file(path: impl AsRef<Path>, limit: u64) -> Result<Vec<u8>, ReadError> {
    let path = path.as_ref();
    let what = || path.display().to_string();
    let file = File::open(path).map_err(|source| ReadError::Io { what: what(), source })?;
    // Known early, said early; the cap below still holds for files that grow and for /proc, where sizes are 0.
    if file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() > limit) {
        return Err(ReadError::TooBig { what: what(), limit });
    }
    read_capped(file, limit, &what())
}

/// The text of a file of at most `limit` bytes. A byte order mark at its start is dropped.
pub fn read_text(path: impl AsRef<Path>, limit: u64) -> Result<String, ReadError> {
    let path: PathBuf = path.as_ref().into();
    let text = String::from_utf8(read_file(&path, limit)?).map_err(|error| ReadError::NotText {
        what: path.display().to_string(),
        offset: error.utf8_error().valid_up_to(),
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Files of one folder that are looked at: a folder of rules has tens, one of everything is a mistake.
pub const MAX_FOLDER_FILES: usize = 10_000;

/// The YAML files of a folder in the order of their names, without hidden ones and without folders in it; of anything
/// but a folder the path itself.
pub fn yaml_files(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, ReadError> {
    let path = path.as_ref();
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| ReadError::Io { what: path.display().to_string(), source };
    let mut files = Vec::new();
    for (number, entry) in std::fs::read_dir(path).map_err(failed)?.enumerate() {
        if number >= MAX_FOLDER_FILES {
            let what = format!("files in {}", path.display());
            return Err(failed(LimitExceeded { what, limit: MAX_FOLDER_FILES as u64 }.into()));
        }
        let file = entry.map_err(failed)?.path();
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        // Mounted ConfigMaps are links to files.
        if yaml && !hidden && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_as_long_as_the_limit_is_whole() {
        assert_eq!(read_capped(&b"12345"[..], 5, "x").unwrap(), b"12345");
    }

    #[test]
    fn one_byte_more_is_an_error_that_says_what() {
        let error = read_capped(&b"123456"[..], 5, "a/b").unwrap_err();
        assert_eq!(error.to_string(), "a/b is larger than 5 bytes");
    }

    #[test]
    fn folders_give_their_yaml_files_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", "c.txt", ".d.yaml"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        std::fs::create_dir(dir.path().join("e.yaml")).unwrap();
        std::os::unix::fs::symlink("b.yaml", dir.path().join("f.yaml")).unwrap();
        let names = |path: &Path| -> Vec<String> {
            let files = yaml_files(path).unwrap();
            files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(dir.path()), ["a.yml", "b.yaml", "f.yaml"]);
        assert_eq!(names(&dir.path().join("c.txt")), ["c.txt"], "a file is taken whatever its name");
        assert_eq!(names(&dir.path().join("none")), ["none"], "who reads it says that it is missing");
        let many = tempfile::tempdir().unwrap();
        for number in 0..=MAX_FOLDER_FILES {
            std::os::unix::fs::symlink("nowhere", many.path().join(number.to_string())).unwrap();
        }
        let ReadError::Io { source, .. } = yaml_files(many.path()).unwrap_err() else { panic!("an error of reading") };
        assert!(source.to_string().contains("more than 10000 files"), "{source}");
    }

    #[test]
    fn files_say_their_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "\u{feff}hello").unwrap();
        assert_eq!(read_text(&path, 10).unwrap(), "hello");
        assert!(read_text(&path, 7).unwrap_err().to_string().contains("larger than 7"));
        std::fs::write(&path, b"ab\xff").unwrap();
        assert!(read_text(&path, 10).unwrap_err().to_string().ends_with("invalid byte at offset 2"));
        assert!(read_file(dir.path().join("none"), 1).unwrap_err().to_string().contains("none"));
    }
}
