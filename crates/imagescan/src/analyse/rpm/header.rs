//! The header of a package: an index of tagged values and the store that they lie in. `lib/header.c` of rpm and "RPM
//! Package File Format" of the rpm manual; in a database it has no magic in front.

use crate::bytes::{be16, be32, be32_usize, slice};

/// Entries of an index. Real headers have about 100; rpm itself refuses more than 64 Ki.
const MAX_ENTRIES: usize = 1 << 16;
/// Files of one package; the largest (kernel sources, TeX) list about 200,000.
const MAX_FILES: usize = 1 << 20;
/// Bytes of a file's path: `PATH_MAX` of Linux. Longer ones are no files, and joining millions of them would take for ever.
const MAX_PATH_BYTES: usize = 4096;
/// Bytes of an entry of the index.
const ENTRY: usize = 16;

/// The tags used here (`include/rpm/rpmtag.h` of rpm).
pub mod tag {
    pub const NAME: u32 = 1000;
    pub const VERSION: u32 = 1001;
    pub const RELEASE: u32 = 1002;
    pub const EPOCH: u32 = 1003;
    pub const VENDOR: u32 = 1011;
    pub const LICENSE: u32 = 1014;
    pub const ARCH: u32 = 1022;
    pub const OLDFILENAMES: u32 = 1027;
    pub const SOURCERPM: u32 = 1044;
    pub const DIRINDEXES: u32 = 1116;
    pub const BASENAMES: u32 = 1117;
    pub const DIRNAMES: u32 = 1118;
    pub const MODULARITYLABEL: u32 = 5096;
}

/// Types of values.
mod kind {
    pub const INT16: u32 = 3;
    pub const INT32: u32 = 4;
    pub const STRING: u32 = 6;
    pub const STRING_ARRAY: u32 = 8;
    pub const I18N_STRING: u32 = 9;
}

/// A header in its bytes.
#[derive(Debug)]
pub struct Header<'a> {
    index: &'a [u8],
    store: &'a [u8],
}

/// An entry of the index.
struct Entry {
    kind: u32,
    offset: usize,
    count: usize,
}

impl<'a> Header<'a> {
    /// Checks the frame; values are checked when they are read.
    pub fn parse(blob: &'a [u8]) -> Option<Self> {
        let (entries, length) = (be32_usize(blob, 0)?, be32_usize(blob, 4)?);
        if entries == 0 || entries > MAX_ENTRIES {
            return None;
        }
        let index = slice(blob, 8, entries.checked_mul(ENTRY)?)?;
        let store = slice(blob, 8 + index.len(), length)?;
        Some(Self { index, store })
    }

    fn entry(&self, tag: u32) -> Option<Entry> {
        let (entries, _) = self.index.as_chunks::<ENTRY>();
        let entry = entries.iter().find(|entry| be32(*entry, 0) == Some(tag))?;
        let number = |at| be32_usize(entry, at);
        Some(Entry { kind: be32(entry, 4)?, offset: number(8)?, count: number(12)? })
    }

    /// A text value; of a translated one the first, which is the untranslated.
    pub fn text(&self, tag: u32) -> Option<String> {
        let entry = self.entry(tag)?;
        if !matches!(entry.kind, kind::STRING | kind::I18N_STRING | kind::STRING_ARRAY) {
            return None;
        }
        let bytes = self.store.get(entry.offset..)?;
        let end = memchr::memchr(0, bytes)?;
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    /// A number, the first of several.
    pub fn number(&self, tag: u32) -> Option<u32> {
        let entry = self.entry(tag)?;
        match entry.kind {
            kind::INT32 if entry.count > 0 => be32(self.store, entry.offset),
            kind::INT16 if entry.count > 0 => be16(self.store, entry.offset).map(u32::from),
            _ => None,
        }
    }

    /// The texts of an array.
    fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> {
        let entry = self.entry(tag).filter(|entry| entry.kind == kind::STRING_ARRAY);
        let count = entry.as_ref().map_or(0, |entry| entry.count.min(MAX_FILES));
        let bytes = entry.and_then(|entry| self.store.get(entry.offset..)).unwrap_or_default();
        // What follows the last NUL of the store is no text; the count ends it before that in sane headers.
        bytes.split(|byte| *byte == 0).take(count)
    }

    /// All files of the package, without a leading slash.
    pub fn files(&self, mut each: impl FnMut(&str)) {
        let folders: Vec<&[u8]> = self.texts(tag::DIRNAMES).collect();
        let indexes = self.entry(tag::DIRINDEXES).filter(|entry| entry.kind == kind::INT32);
        if let Some(indexes) = indexes {
            for (number, name) in self.texts(tag::BASENAMES).enumerate() {
                let folder = be32_usize(self.store, indexes.offset.saturating_add(number * 4));
                let folder = folder.and_then(|folder| folders.get(folder)).copied().unwrap_or_default();
                if folder.len() + name.len() > MAX_PATH_BYTES {
                    continue;
                }
                let path = [folder, name].concat();
                each(String::from_utf8_lossy(&path).trim_start_matches('/'));
            }
        }
        // Packages built before rpm 4 list whole paths.
        for path in self.texts(tag::OLDFILENAMES) {
            each(String::from_utf8_lossy(path).trim_start_matches('/'));
        }
    }
}
