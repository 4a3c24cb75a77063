//! One layer, read once: from an archive ([`LayerScanner::scan`]) or file by file ([`TreeScan`]).

use std::io::{self, Read};

use limits::{Budget, LimitExceeded};
use model::{Diagnostic, Level};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Options;
use crate::analyse::{self, Analyser, Take, binary, choose};
use crate::path::{self, Mark};
use crate::pathset::{PathHash, hash};
use crate::record::{Content, FileRecord, LayerRecord, Link};
use crate::room::{Held, Taken};
use crate::tar::{EntryKind, TarError, Walker};

/// Purpose of a hash in [`LayerRecord::covers`]: a file, a link or a removal. It covers the path and all below.
pub(crate) const COVERS_ALL: u8 = b'f';
/// A directory: it covers a file of that path.
pub(crate) const COVERS_FILE: u8 = b'd';
/// An opaque directory: it covers all below the path.
pub(crate) const COVERS_BELOW: u8 = b'o';
/// Diagnostics that a layer keeps; further ones are counted. A broken layer must not fill the report.
const MAX_DIAGNOSTICS: usize = 200;

/// Bytes of the buffer that are kept between files.
const MAX_IDLE_BUFFER: usize = 1 << 20;

/// A layer that could not be scanned. [`LayerRecord::unreadable`] makes the record that stands for it.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The archive is damaged, its stream failed, or it exceeds a limit.
    #[error(transparent)]
    Archive(#[from] TarError),
    /// A file could not be read.
    #[error("reading {path}")]
    File {
        /// Its path in the layer.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A limit of the layer as a whole is exceeded.
    #[error("the layer has {0}")]
    Limit(#[from] LimitExceeded),
}

/// Scans layers. Cheap to make and to share.
#[derive(Debug, Clone, Default)]
pub struct LayerScanner {
    options: Options,
}

impl LayerScanner {
    /// A scanner with limits.
    pub fn new(options: &Options) -> Self {
        Self { options: options.clone() }
    }

    /// Reads a plain (not compressed) layer archive to the end of its stream, also behind the archive's own end, so that
    /// a reader beneath can compare the digest of all of it. Holds one analysed file in memory at a time.
    ///
    /// A file that an analyser can not make sense of is a diagnostic in the record, not an error.
    pub fn scan(&self, archive: impl Read) -> Result<LayerRecord, ScanError> {
        let mut walker = Walker::new(archive, &self.options);
        let mut tree = self.tree();
        while let Some(entry) = walker.next_entry()? {
            match entry.kind {
                EntryKind::Directory => tree.directory(&entry.path)?,
                EntryKind::Symlink => tree.symlink(&entry.path, &entry.link)?,
                EntryKind::HardLink => tree.hard_link(&entry.path, &entry.link)?,
                EntryKind::Other => tree.other(&entry.path)?,
                EntryKind::File => match path::mark(&entry.path) {
                    Mark::Removes(removed) => tree.removed(&removed)?,
                    Mark::Opaque(directory) => tree.opaque(&directory)?,
                    Mark::None => tree.file(&entry.path, entry.size, entry.mode, walker.content())?,
                },
            }
        }
        let mut record = tree.finish();
        record.entries = walker.entries();
        Ok(record)
    }

    /// Starts a layer whose files an adapter brings one by one (a directory, a snapshot of a container runtime).
    pub fn tree(&self) -> TreeScan {
        TreeScan {
            options: self.options.clone(),
            covers: Vec::new(),
            last_parent: String::new(),
            folders: FxHashSet::default(),
            files: Vec::new(),
            links: Vec::new(),
            by_path: FxHashMap::default(),
            notes: Notes::default(),
            entries: 0,
            analysed: Budget::new("bytes to analyse", self.options.max_analysed_bytes),
            packages: Budget::new("packages", self.options.max_packages as u64),
            buffer: Vec::new(),
        }
    }
}

/// Diagnostics with a cap.
#[derive(Debug, Default)]
struct Notes {
    kept: Vec<Diagnostic>,
    dropped: u64,
}

impl Notes {
    fn add(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in diagnostics {
            if self.kept.len() < MAX_DIAGNOSTICS {
                self.kept.push(diagnostic);
            } else {
                self.dropped += 1;
            }
        }
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        if self.dropped > 0 {
            let message = format!("{} more diagnostics of this layer are not shown", self.dropped);
            self.kept.push(Diagnostic::new("layer/diagnostics", Level::Note, "layer", message));
        }
        self.kept
    }
}

/// Where something kept is.
#[derive(Debug, Clone, Copy)]
enum Slot {
    File(usize),
    Link(usize),
}

/// A layer in the making. Paths may be written as archives write them; all are relative to the root of the image.
#[derive(Debug)]
pub struct TreeScan {
    options: Options,
    covers: Vec<PathHash>,
    last_parent: String,
    folders: FxHashSet<PathHash>,
    files: Vec<Option<FileRecord>>,
    links: Vec<Option<Link>>,
    /// What is at a path so far, of what is kept.
    by_path: FxHashMap<String, Slot>,
    notes: Notes,
    entries: u64,
    analysed: Budget,
    packages: Budget,
    buffer: Vec<u8>,
}

impl TreeScan {
    /// Whether the content of a regular file is needed. When not, [`Self::file`] does not read it: pass [`io::empty`].
    pub fn wants(&self, path: &str, size: u64, mode: u32) -> bool {
        choose(&path::normalise(path), size, mode).is_some()
    }

    /// A regular file. Reads of `content` only what its analyser needs, often nothing.
    pub fn file(&mut self, path: &str, size: u64, mode: u32, content: impl Read) -> Result<(), ScanError> {
        let path = path::normalise(path);
        self.cover(COVERS_ALL, &path)?;
        let Some(analyser) = choose(&path, size, mode) else { return Ok(()) };
        if let Some(content) = self.analyse(analyser, &path, size, content)? {
            self.keep(path, content)?;
        }
        Ok(())
    }

    /// A directory.
    pub fn directory(&mut self, path: &str) -> Result<(), ScanError> {
        self.cover(COVERS_FILE, &path::normalise(path))
    }

    /// A symbolic link; `target` as it is stored.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<(), ScanError> {
        let path = path::normalise(path);
        self.cover(COVERS_ALL, &path)?;
        if analyse::is_way_to_known_file(&path) {
            let target = path::resolve(&path, target);
            self.link(Link { path, target, hard: false });
        }
        Ok(())
    }

    /// Another name of a file of the image; `target` is its path.
    pub fn hard_link(&mut self, path: &str, target: &str) -> Result<(), ScanError> {
        let path = path::normalise(path);
        self.cover(COVERS_ALL, &path)?;
        let target = path::normalise(target);
        // The mode is not in the link's header: what the target turned out to be decides, if anything was found in it.
        if self.by_path.contains_key(&target) || choose(&path, 1, 0).is_some() {
            self.link(Link { path, target, hard: true });
        }
        Ok(())
    }

    /// A device, a pipe or a socket.
    pub fn other(&mut self, path: &str) -> Result<(), ScanError> {
        self.cover(COVERS_ALL, &path::normalise(path))
    }

    /// The layer removes a path of lower layers.
    pub fn removed(&mut self, path: &str) -> Result<(), ScanError> {
        self.count()?;
        self.covers.push(hash(COVERS_ALL, &path::normalise(path)));
        Ok(())
    }

    /// The layer hides everything that lower layers have below a directory.
    pub fn opaque(&mut self, directory: &str) -> Result<(), ScanError> {
        self.count()?;
        self.covers.push(hash(COVERS_BELOW, &path::normalise(directory)));
        Ok(())
    }

    /// Something could not be read: the record keeps it as a diagnostic and the layer counts as incomplete in no other
    /// way, since the rest of it is known.
    pub fn unreadable(&mut self, path: &str, reason: &str) {
        let note =
            Diagnostic::new("file/unreadable", Level::Warning, &path::normalise(path), format!("not read: {reason}"));
        self.notes.add([note]);
    }

    /// The layer is complete.
    pub fn finish(self) -> LayerRecord {
        LayerRecord {
            covers: self.covers.into_iter().collect(),
            files: self.files.into_iter().flatten().collect(),
            links: self.links.into_iter().flatten().collect(),
            diagnostics: self.notes.finish(),
            entries: self.entries,
            ..LayerRecord::empty()
        }
    }

    fn link(&mut self, link: Link) {
        self.by_path.insert(link.path.clone(), Slot::Link(self.links.len()));
        self.links.push(Some(link));
    }

    fn count(&mut self) -> Result<(), ScanError> {
        self.entries += 1;
        if self.entries > self.options.max_entries {
            return Err(LimitExceeded { what: "entries".into(), limit: self.options.max_entries }.into());
        }
        Ok(())
    }

    /// Notes that the layer has something at a path, and directories above it.
    fn cover(&mut self, purpose: u8, path: &str) -> Result<(), ScanError> {
        self.count()?;
        if path.len() > self.options.max_path_bytes {
            let limit = self.options.max_path_bytes as u64;
            return Err(LimitExceeded { what: "bytes of a path".into(), limit }.into());
        }
        self.covers.push(hash(purpose, path));
        if purpose == COVERS_ALL {
            // A later entry of the same path replaces an earlier one, whatever it is.
            match self.by_path.remove(path) {
                Some(Slot::File(index)) => self.files[index] = None,
                Some(Slot::Link(index)) => self.links[index] = None,
                None => {}
            }
        }
        let parent = path::parent(path);
        if parent != self.last_parent {
            parent.clone_into(&mut self.last_parent);
            self.cover_folders(parent);
        }
        // Deep paths are many folders: a few thousand entries of an archive could name millions.
        let limit = self.options.max_entries.saturating_mul(2);
        if self.covers.len() as u64 > limit {
            return Err(LimitExceeded { what: "entries and folders".into(), limit }.into());
        }
        Ok(())
    }

    /// Notes a folder and those above it, up to the first that was noted before.
    fn cover_folders(&mut self, folder: &str) {
        for above in path::self_and_parents(folder) {
            let hash = hash(COVERS_FILE, above);
            if !self.folders.insert(hash) {
                break;
            }
            self.covers.push(hash);
        }
    }

    fn analyse(
        &mut self,
        analyser: &Analyser,
        path: &str,
        size: u64,
        content: impl Read,
    ) -> Result<Option<Content>, ScanError> {
        let failed = |source| ScanError::File { path: path.to_owned(), source };
        let limit = match analyser.take() {
            Take::Pieces => {
                self.analysed.take(size)?;
                let (found, diagnostics) = binary::scan(path, content, &mut self.buffer).map_err(failed)?;
                self.notes.add(diagnostics);
                return Ok((!found.is_empty()).then_some(Content::Packages(found)));
            }
            Take::Start(limit) | Take::Whole(limit) => limit.min(self.options.max_file_bytes),
            Take::Held(limit) => limit,
        };
        if size > limit && !matches!(analyser.take(), Take::Start(_)) {
            let message = format!("larger than the {limit} bytes that its analyser reads");
            self.notes.add([Diagnostic::new("file/too-large", Level::Warning, path, message)]);
            return Ok(None);
        }
        self.analysed.take(limit.min(size))?;
        let room = self.options.room.as_ref();
        if matches!(analyser.take(), Take::Held(_)) {
            let held = Held::of(content, size, room).map_err(failed)?;
            let (content, diagnostics) = analyser.run_held(path, held, room);
            self.notes.add(diagnostics);
            return Ok(content);
        }
        let Some(_taken) = Taken::wait(room, limit.min(size)) else {
            let message = "larger than the memory that scans may use";
            self.notes.add([Diagnostic::new("file/too-large", Level::Warning, path, message)]);
            return Ok(None);
        };
        self.buffer.clear();
        read_up_to(content, limit.min(size), &mut self.buffer).map_err(failed)?;
        let (content, diagnostics) = analyser.run(path, &self.buffer);
        self.notes.add(diagnostics);
        // A large file must not stay in memory until the layer ends.
        self.buffer.shrink_to(MAX_IDLE_BUFFER);
        Ok(content)
    }

    fn keep(&mut self, path: String, content: Content) -> Result<(), ScanError> {
        if let Content::Database(_, found) | Content::Packages(found) = &content {
            self.packages.take(found.len() as u64)?;
        }
        self.by_path.insert(path.clone(), Slot::File(self.files.len()));
        self.files.push(Some(FileRecord { path, content }));
        Ok(())
    }
}

/// At most `limit` bytes, appended; the buffer grows once.
#[expect(clippy::disallowed_methods, reason = "`take` caps it; a longer file is cut on purpose (`Take::Start`)")]
fn read_up_to(content: impl Read, limit: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.reserve_exact(usize::try_from(limit).unwrap_or(0));
    content.take(limit).read_to_end(buffer).map(drop)
}

#[cfg(test)]
mod tests;
