//! Root file systems (`dir:DIR`): a walk over the files of a directory.
//!
//! Symbolic links are reported, never followed, so nothing outside the directory is read. File systems that the kernel
//! makes up (`/proc`, `/sys`, …) are left out wherever they are mounted inside. What it is not: safe against someone who
//! renames directories under it while it walks; such a walk reads files of this machine that the caller could read
//! anyway, and only tells which packages they describe.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use nix::sys::statfs::{
    BPF_FS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, DEVPTS_SUPER_MAGIC, FsType, PROC_SUPER_MAGIC,
    SECURITYFS_MAGIC, SYSFS_MAGIC, TRACEFS_MAGIC, statfs,
};

/// Deepest nesting: `PATH_MAX` allows 2,048 directories of one letter; real trees stay below 100.
pub const MAX_DEPTH: usize = 1_024;
/// Entries of one directory: they are held to be sorted, about 100 bytes each.
pub const MAX_DIRECTORY_ENTRIES: usize = 5_000_000;
/// Magic numbers (statfs(2)) of file systems whose files the kernel makes up: reading them says nothing of an image, and
/// some never end.
const MADE_UP: &[FsType] = &[
    PROC_SUPER_MAGIC,
    SYSFS_MAGIC,
    DEVPTS_SUPER_MAGIC,
    CGROUP_SUPER_MAGIC,
    CGROUP2_SUPER_MAGIC,
    DEBUGFS_MAGIC,
    TRACEFS_MAGIC,
    SECURITYFS_MAGIC,
    BPF_FS_MAGIC,
];

/// Something in the tree.
#[derive(Debug)]
pub struct Entry {
    /// Path within the tree, without a leading slash; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// What it is.
    pub kind: Kind,
}

/// Kinds of entries.
#[derive(Debug)]
pub enum Kind {
    /// A regular file.
    File {
        /// Size in bytes.
        size: u64,
        /// Permission bits.
        mode: u32,
        /// Where to read it: [`open`].
        path: PathBuf,
    },
    /// Another name of a file that came before; its path in the tree.
    HardLink(String),
    /// A directory.
    Directory,
    /// A symbolic link and what it says.
    Symlink(String),
    /// A device, a pipe or a socket.
    Other,
    /// It could not be looked at, and why.
    Unreadable(String),
    /// A mount that was left out, and why.
    Skipped(&'static str),
}

/// Opens a file of the tree; a link or a pipe that took its place is refused.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path)
}

/// A directory that is open in the walk.
struct Level {
    dir: PathBuf,
    /// Names still to visit, last first.
    names: Vec<OsString>,
}

/// A walk, in the order of names. Holds the names of the directories that are open, nothing of the files.
pub struct Walk {
    root: PathBuf,
    device: u64,
    levels: Vec<Level>,
    seen: HashMap<(u64, u64), String>,
}

impl Walk {
    /// Begins at a directory.
    pub fn new(root: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(root)?;
        let names = list(root)?;
        let first = Level { dir: root.to_owned(), names };
        Ok(Self { root: root.to_owned(), device: metadata.dev(), levels: vec![first], seen: HashMap::new() })
    }

    /// `None` for what disappeared since its name was read: it is not in the tree.
    fn entry(&mut self, path: &Path) -> Option<Entry> {
        let inside = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned();
        let kind = match std::fs::symlink_metadata(path) {
            Ok(metadata) => self.kind(path, &inside, &metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => Kind::Unreadable(error.to_string()),
        };
        Some(Entry { path: inside, kind })
    }

    fn kind(&mut self, path: &Path, inside: &str, metadata: &Metadata) -> Kind {
        let file_type = metadata.file_type();
        if file_type.is_dir() {
            return self.enter(path, metadata);
        }
        if file_type.is_symlink() {
            return match std::fs::read_link(path) {
                Ok(target) => Kind::Symlink(target.to_string_lossy().into_owned()),
                Err(error) => Kind::Unreadable(error.to_string()),
            };
        }
        if !file_type.is_file() || file_type.is_fifo() {
            return Kind::Other;
        }
        if metadata.nlink() > 1 {
            let first = self.seen.entry((metadata.dev(), metadata.ino())).or_insert_with(|| inside.to_owned());
            if first != inside {
                return Kind::HardLink(first.clone());
            }
        }
        Kind::File { size: metadata.len(), mode: metadata.mode() & 0o7777, path: path.to_owned() }
    }

    fn enter(&mut self, path: &Path, metadata: &Metadata) -> Kind {
        if metadata.dev() != self.device && statfs(path).is_ok_and(|found| MADE_UP.contains(&found.filesystem_type())) {
            return Kind::Skipped("a mount of files that the kernel makes up");
        }
        if self.levels.len() >= MAX_DEPTH {
            return Kind::Unreadable(format!("nested deeper than {MAX_DEPTH} directories"));
        }
        match list(path) {
            Ok(names) => {
                self.levels.push(Level { dir: path.to_owned(), names });
                Kind::Directory
            }
            Err(error) => Kind::Unreadable(error.to_string()),
        }
    }
}

impl Iterator for Walk {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while let Some(level) = self.levels.last_mut() {
            if let Some(name) = level.names.pop() {
                let path = level.dir.join(name);
                match self.entry(&path) {
                    Some(entry) => return Some(entry),
                    None => continue,
                }
            }
            self.levels.pop();
        }
        None
    }
}

/// The names in a directory, last first.
fn list(dir: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        if names.len() >= MAX_DIRECTORY_ENTRIES {
            let message = format!("more than {MAX_DIRECTORY_ENTRIES} entries in one directory");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        names.push(entry?.file_name());
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(root: &Path) -> Vec<String> {
        let walk = Walk::new(root).unwrap();
        walk.map(|entry| match entry.kind {
            Kind::File { size, .. } => format!("{} {size}", entry.path),
            Kind::HardLink(target) => format!("{} = {target}", entry.path),
            Kind::Directory => format!("{}/", entry.path),
            Kind::Symlink(target) => format!("{} -> {target}", entry.path),
            Kind::Other => format!("{} ?", entry.path),
            Kind::Unreadable(reason) => format!("{}: {reason}", entry.path),
            Kind::Skipped(reason) => format!("{} skipped: {reason}", entry.path),
        })
        .collect()
    }

    #[test]
    fn links_are_told_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("b/c")).unwrap();
        std::fs::write(dir.path().join("outside"), "secret").unwrap();
        std::fs::write(root.join("a"), "12345").unwrap();
        std::fs::hard_link(root.join("a"), root.join("b/a")).unwrap();
        std::os::unix::fs::symlink("../outside", root.join("out")).unwrap();
        std::os::unix::fs::symlink("..", root.join("b/c/up")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        let expected = ["a 5", "b/", "b/a = a", "b/c/", "b/c/up -> ..", "out -> ../outside", "socket ?"];
        assert_eq!(describe(&root), expected);
        assert!(open(&root.join("out")).is_err(), "a link is not opened");
        assert!(open(&root.join("a")).is_ok());
    }

    #[test]
    fn too_deep_trees_end_with_a_word() {
        let dir = tempfile::tempdir().unwrap();
        // Beyond PATH_MAX a path cannot be named at once: made by moving what was made before one level down.
        let mut made = dir.path().join("d");
        std::fs::create_dir_all(made.join("d/".repeat(MAX_DEPTH))).unwrap();
        let last = describe(dir.path()).pop().unwrap();
        assert!(last.ends_with("nested deeper than 1024 directories"), "{last}");
        made.pop();
    }

    #[test]
    fn a_missing_root_is_an_error() {
        assert!(Walk::new(Path::new("/nonexistent/of/a/test")).is_err());
    }
}
