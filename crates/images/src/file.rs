//! Opening files of which nobody knows yet what they are.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a file that must be one: a pipe in its place would block for ever.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let with_path = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if !std::fs::metadata(path).map_err(with_path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not a regular file", path.display())));
    }
    File::open(path).map_err(with_path)
}
