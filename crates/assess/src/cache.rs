//! Records of layers kept on disk, so that a base layer is read once per machine.
//!
//! A record is filed under what was *verified*: the digest of the blob that was computed while it was read, and the
//! version of the analysers. It is never filed under a digest that a configuration merely claims, else one image could
//! plant what another is said to contain.
//!
//! Beside the records of layers stand the merged inventories of images ([`inventory`]), so that an image that was scanned
//! before costs as much as its list of packages.
//!
//! Entries are written beside their place and renamed into it, so two scans at once cannot see half of one. They are
//! checked when read; one that is damaged is as good as none.

mod inventory;
pub(crate) mod packages;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use images::Digest;
use imagescan::{ANALYSERS_VERSION, LayerRecord};
use limits::inflate::{Caps, Inflater};
use model::{Artifact, Inventory};
use serde::{Deserialize, Serialize};

pub(crate) use inventory::Key;

/// Size of all entries by default, in bytes: records are 20 to 300 KiB, so this is several thousand layers.
pub const DEFAULT_LIMIT_BYTES: u64 = 512 << 20;
/// Largest entry, compressed, in bytes: a layer of two million files has about 12 MiB of path hashes.
pub const MAX_ENTRY_BYTES: u64 = 64 << 20;
/// Plain size of an entry. Ours is text that compresses about tenfold; more is damage.
const ENTRY_CAPS: Caps = Caps { plain_bytes: 1 << 30, ratio: 1_000, ratio_free_bytes: 64 << 20 };
/// Speed over size: entries are read on every scan.
const LEVEL: i32 = 1;
/// Endings of entries; other files in the directory are left alone.
const LAYER: &str = "layer";
const INVENTORY: &str = "inventory";

/// A directory of records.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    limit_bytes: u64,
    written: AtomicU64,
}

/// What is kept of a layer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Digest of the blob, computed.
    pub digest: Digest,
    /// Size of the blob in bytes.
    pub size_bytes: u64,
    /// Digest of the plain archive, where it was computed.
    pub plain_digest: Option<Digest>,
    /// Size of the plain archive in bytes.
    pub plain_bytes: u64,
    /// What was found.
    pub record: LayerRecord,
}

impl Entry {
    /// The same layer as a blob of this digest; `None` where neither form of it has it.
    fn under(self, digest: &Digest) -> Option<Self> {
        if self.digest == *digest {
            return Some(self);
        }
        let is_plain = self.plain_digest.as_ref() == Some(digest);
        is_plain.then(|| Self { digest: digest.clone(), size_bytes: self.plain_bytes, ..self })
    }
}

impl Cache {
    /// A cache in a directory, made if it is not there, for this user only. `limit_bytes` is the size of all entries.
    pub fn open(dir: &Path, limit_bytes: u64) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Self { dir: dir.to_owned(), limit_bytes, written: AtomicU64::new(0) })
    }

    /// One file per digest and version, so that an update of the analysers reads layers again without deleting what
    /// an older program beside it still uses.
    fn path(&self, digest: &Digest) -> PathBuf {
        let name = format!("{}-{}-v{ANALYSERS_VERSION}.{LAYER}", digest.algorithm().name(), digest.hex());
        self.dir.join(name)
    }

    /// One file per key; the key has the version of the analysers in it.
    fn inventory_path(&self, key: &Key) -> PathBuf {
        self.dir.join(format!("{}-v{ANALYSERS_VERSION}.{INVENTORY}", key.hex()))
    }

    /// The record of a layer; `None` when it is not known, or what is known is damaged.
    pub(crate) fn get(&self, digest: &Digest) -> Option<Entry> {
        read(&self.path(digest), |plain| {
            let entry: Entry = serde_json::from_slice(plain).ok()?;
            if entry.record.is_current() { entry.under(digest) } else { None }
        })
    }

    /// The inventory of an image that was scanned before, under the names that the image has now.
    pub(crate) fn inventory(&self, key: &Key, artifact: &Artifact) -> Option<Inventory> {
        read(&self.inventory_path(key), |plain| inventory::decode(key, plain, artifact))
    }

    /// Keeps a record. A full disk costs the next scan time, not this one its result.
    pub(crate) fn put(&self, entry: &Entry) {
        let json = serde_json::to_vec(entry).map_err(io::Error::from);
        let path = self.path(&entry.digest);
        self.keep(&path, json);
        // Where the plain digest was computed too, the layer is known by either: an archive of `docker save` has it plain.
        if let Some(plain) = entry.plain_digest.as_ref().filter(|plain| **plain != entry.digest) {
            let other = self.path(plain);
            if !other.exists() {
                drop(fs::hard_link(&path, other));
            }
        }
    }

    /// Keeps the inventory of an image all of whose layers were verified.
    pub(crate) fn put_inventory(&self, key: &Key, inventory: &Inventory) {
        if let Some(bytes) = inventory::encode(key, inventory) {
            self.keep(&self.inventory_path(key), Ok(bytes));
        }
    }

    fn keep(&self, path: &Path, plain: io::Result<Vec<u8>>) {
        if let Err(error) = plain.and_then(|plain| self.write(path, &plain)) {
            tracing::warn!(%error, dir = %self.dir.display(), "the layer cache cannot be written");
        }
    }

    fn write(&self, path: &Path, plain: &[u8]) -> io::Result<()> {
        let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.write_all(plain)?;
        let bytes = encoder.finish()?;
        if bytes.len() as u64 > MAX_ENTRY_BYTES {
            return Ok(());
        }
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let beside = self.dir.join(format!(".{}-{number}.part", std::process::id()));
        let written = fs::write(&beside, &bytes).and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            drop(fs::remove_file(&beside));
        }
        written
    }

    /// Removes what was not used for longest until the size limit holds. Called after a scan that wrote something.
    pub(crate) fn shrink(&self) {
        if self.written.swap(0, Ordering::Relaxed) == 0 {
            return;
        }
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter(|entry| {
                let ending = Path::new(&entry.file_name()).extension().map(ToOwned::to_owned);
                ending.is_some_and(|ending| ending == LAYER || ending == INVENTORY)
            })
            .filter_map(|entry| {
                let metadata = entry.metadata().ok()?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        let mut size: u64 = files.iter().map(|(_, size, _)| size).sum();
        files.sort();
        for (_, bytes, path) in files {
            if size <= self.limit_bytes {
                return;
            }
            // Another scan may have removed it; then it is gone all the same.
            drop(fs::remove_file(path));
            size -= bytes;
        }
    }
}

/// The content of an entry; what is damaged is removed, so that it is made anew.
fn read<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    let bytes = limits::read_file(path, MAX_ENTRY_BYTES);
    if matches!(&bytes, Err(limits::ReadError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound) {
        return None;
    }
    let value = bytes.ok().and_then(|bytes| plain(&bytes)).and_then(|plain| parse(&plain));
    if value.is_some() {
        // The time of the last use decides which entries go first. A read-only cache still works.
        drop(File::open(path).and_then(|file| file.set_modified(SystemTime::now())));
    } else {
        tracing::warn!(path = %path.display(), "a damaged entry was dropped from the layer cache");
        drop(fs::remove_file(path));
    }
    value
}

fn plain(bytes: &[u8]) -> Option<Vec<u8>> {
    limits::read_capped(Inflater::new(bytes, ENTRY_CAPS).ok()?, ENTRY_CAPS.plain_bytes, "entry").ok()
}

#[cfg(test)]
mod tests {
    use imagescan::LayerScanner;

    use super::*;

    fn entry(content: &[u8]) -> Entry {
        let archive = testkit::image::Tar::new().file("etc/os-release", content).finish();
        let record = LayerScanner::default().scan(archive.as_slice()).unwrap();
        Entry { digest: Digest::of(content), size_bytes: 1, plain_digest: None, plain_bytes: 2, record }
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn what_was_put_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("a/b"), DEFAULT_LIMIT_BYTES).unwrap();
        let entry = entry(b"ID=debian\n");
        assert!(cache.get(&entry.digest).is_none());
        cache.put(&entry);
        assert_eq!(cache.get(&entry.digest).unwrap().record, entry.record);
        assert!(cache.get(&Digest::of(b"other")).is_none());
    }

    #[test]
    fn damaged_entries_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), DEFAULT_LIMIT_BYTES).unwrap();
        let (entry, other) = (entry(b"ID=debian\n"), entry(b"ID=alpine\n"));
        cache.put(&entry);
        let path = cache.path(&entry.digest);
        let whole = testkit::read(&path);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            fs::write(&path, &bytes).unwrap();
            // Bits of the frame's header may not matter; what comes back must be what was put, or nothing.
            assert!(cache.get(&entry.digest).is_none_or(|found| found.record == entry.record), "byte {at}");
        }
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(cache.get(&entry.digest).is_none());
        assert!(!path.exists(), "it is dropped");
        // An entry under another's name is not believed.
        cache.put(&other);
        fs::rename(cache.path(&other.digest), &path).unwrap();
        assert!(cache.get(&entry.digest).is_none());
        fs::write(&path, vec![0; usize::try_from(MAX_ENTRY_BYTES).unwrap() + 1]).unwrap();
        assert!(cache.get(&entry.digest).is_none());
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let entries: Vec<Entry> = (0..4).map(|number| entry(format!("ID=os{number}\n").as_bytes())).collect();
        let cache = Cache::open(dir.path(), 0).unwrap();
        for entry in &entries {
            cache.put(entry);
        }
        let size = fs::metadata(cache.path(&entries[0].digest)).unwrap().len();
        let cache = Cache { dir: dir.path().to_owned(), limit_bytes: size * 2 + size / 2, written: AtomicU64::new(1) };
        for (number, entry) in entries.iter().enumerate() {
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000 - number as u64);
            File::open(cache.path(&entry.digest)).unwrap().set_modified(time).unwrap();
        }
        fs::write(dir.path().join("not ours"), vec![0; 10_000]).unwrap();
        // The oldest is used again, so the next two oldest go.
        assert!(cache.get(&entries[3].digest).is_some());
        cache.shrink();
        let left: Vec<bool> = entries.iter().map(|entry| cache.path(&entry.digest).exists()).collect();
        assert_eq!(left, [true, false, false, true]);
        assert_eq!(files(dir.path()).len(), 3);
    }
}
