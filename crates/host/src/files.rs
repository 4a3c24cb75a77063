//! Files under a root: resolution that stays inside it, modes, owners by name.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use model::posture::{FileFact, UnreadableFact};

/// Symlinks followed on the way to one file; the kernel's own limit, see `path_resolution(7)`.
const MAX_SYMLINKS: usize = 40;
/// Size of `passwd` and `group`; a directory service's dump on a node stays far under it.
const MAX_NAMES_BYTES: u64 = 4 << 20;

/// A directory that stands for `/`.
pub struct Root<'a>(&'a Path);

impl<'a> Root<'a> {
    pub const fn new(path: &'a Path) -> Self {
        Self(path)
    }

    /// The place of a path of the host. Symlinks are followed as the host would: absolute ones from the root.
    /// `Ok(None)`: something on the way does not exist.
    pub fn resolve(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let mut todo: Vec<PathBuf> = parts(path);
        let mut inside = PathBuf::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == Path::new("..") {
                // Above the root there is only the root.
                inside.pop();
                continue;
            }
            let next = self.0.join(&inside).join(&part);
            let metadata = match fs::symlink_metadata(&next) {
                Ok(metadata) => metadata,
                Err(error) if is_absence(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
            if !metadata.is_symlink() {
                inside.push(part);
                continue;
            }
            links += 1;
            if links > MAX_SYMLINKS {
                return Err(io::Error::other(format!("more than {MAX_SYMLINKS} symlinks")));
            }
            let target = fs::read_link(&next)?;
            if target.is_absolute() {
                inside = PathBuf::new();
            }
            todo.extend(parts(&target));
        }
        Ok(Some(self.0.join(inside)))
    }

    /// The text of a file; `Ok(None)` when it does not exist, the reason when it cannot be read.
    pub fn read_text(&self, path: &Path, limit: u64) -> Result<Option<String>, String> {
        let Some(place) = self.resolve(path).map_err(|error| error.to_string())? else { return Ok(None) };
        limits::read_text(&place, limit).map(Some).map_err(|error| reason(&error))
    }

    /// The bytes of a file as text with replacement characters; arguments of processes need not be UTF-8.
    pub fn read_lossy(&self, path: &Path, limit: u64) -> Result<Option<String>, String> {
        let Some(place) = self.resolve(path).map_err(|error| error.to_string())? else { return Ok(None) };
        let bytes = limits::read_file(&place, limit).map_err(|error| reason(&error))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Names in a directory, sorted; none when it does not exist.
    pub fn list(&self, path: &Path) -> Result<Vec<String>, String> {
        let Some(place) = self.resolve(path).map_err(|error| error.to_string())? else { return Ok(Vec::new()) };
        let entries = fs::read_dir(&place).map_err(|error| error.to_string())?;
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// Whether a path is a directory.
    pub fn is_dir(&self, path: &Path) -> bool {
        self.resolve(path).ok().flatten().is_some_and(|place| place.is_dir())
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Metadata>> {
        let Some(place) = self.resolve(path)? else { return Ok(None) };
        match fs::symlink_metadata(place) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The reason of a failed read without the path: the fact names the host's path, not where it is mounted.
fn reason(error: &limits::ReadError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The names of a path, last first, so that the next one to visit can be popped.
fn parts(path: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(PathBuf::from(name)),
            Component::ParentDir => Some(PathBuf::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect();
    parts.reverse();
    parts
}

/// The paths that are looked at on every node.
pub fn watched() -> Vec<String> {
    super::all_known_paths().map(str::to_owned).collect()
}

/// Mode and owner of a path; `None` when it cannot be told, which is then said in `unreadable`.
pub fn fact(root: &Root<'_>, path: String, names: &Names, unreadable: &mut Vec<UnreadableFact>) -> Option<FileFact> {
    match root.stat(Path::new(&path)) {
        Ok(Some(metadata)) => {
            // Only what chmod(1) prints; the file's type is not a permission.
            let mode = format!("{:04o}", metadata.permissions().mode() & 0o7777);
            let owner = format!("{}:{}", names.user(metadata.uid()), names.group(metadata.gid()));
            Some(FileFact { path, mode, owner, exists: true })
        }
        Ok(None) => Some(FileFact { path, mode: String::new(), owner: String::new(), exists: false }),
        Err(error) => {
            unreadable.push(UnreadableFact { what: path, reason: error.to_string() });
            None
        }
    }
}

/// Names of users and groups, from the root's own passwd(5) and group(5).
pub struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Names {
    pub fn load(root: &Root<'_>, unreadable: &mut Vec<UnreadableFact>) -> Self {
        let mut read = |path: &str| match root.read_lossy(Path::new(path), MAX_NAMES_BYTES) {
            Ok(text) => table(&text.unwrap_or_default()),
            Err(reason) => {
                unreadable.push(UnreadableFact { what: path.to_owned(), reason });
                HashMap::new()
            }
        };
        Self { users: read("/etc/passwd"), groups: read("/etc/group") }
    }

    fn user(&self, id: u32) -> String {
        name(&self.users, id)
    }

    fn group(&self, id: u32) -> String {
        name(&self.groups, id)
    }
}

/// The name of an id. 0 is root on every Linux, also where the files are missing (distroless node images).
fn name(table: &HashMap<u32, String>, id: u32) -> String {
    table.get(&id).cloned().unwrap_or_else(|| if id == 0 { "root".to_owned() } else { id.to_string() })
}

/// Lines `name:x:id:…`; the first entry of an id counts, as for getpwuid(3).
pub fn table(text: &str) -> HashMap<u32, String> {
    let mut table = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(id))) = (fields.next(), fields.nth(1).map(str::parse)) {
            table.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    table
}
