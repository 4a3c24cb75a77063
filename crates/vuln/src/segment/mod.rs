//! Segments: one immutable file per feed, read in place.
//!
//! What it is: the format, its [`Builder`] and its reader. A segment is a table of sections over one byte slice:
//!
//! | section | content |
//! |---|---|
//! | meta | JSON of [`Meta`] |
//! | keys | sorted names ([`keys`]): a package's rows, a binary's source, a fact |
//! | rows | per package: advisory, ranges, state ([`row`]) |
//! | advisories | ids, aliases, title, ratings ([`row`]) |
//! | strings | length-prefixed texts, each once |
//! | notes | enrichment by CVE ([`notes`]) |
//!
//! Integers are little-endian or LEB128. All references are offsets that are checked when followed: a damaged or
//! hostile file gives errors, never a panic and never more work than its size. What it is not: a file; mapping and
//! verifying files is the `feeds` crate.

use model::SegmentRef;
use serde::{Deserialize, Serialize};

mod builder;
pub mod bytes;
pub mod ids;
pub mod keys;
mod merge;
pub mod notes;
pub mod row;
#[cfg(test)]
mod tests;

pub use builder::{BuildError, Builder};
pub use row::{ImportRef, Imports, RangeRef, Row, RowData, Tags};

use crate::advisory::{Advisory, Note};
use bytes::{Cursor, u32_at, u64_at};
use keys::Keys;
use notes::Notes;

/// First bytes of every segment.
pub const MAGIC: &[u8; 8] = b"SWSEG\r\n\0";
/// Version of the format. A reader refuses others: segments are rebuilt, not migrated.
pub const FORMAT: u32 = 1;
/// Sections, in the order of the table.
const SECTIONS: usize = 6;
const HEADER_BYTES: usize = 16 + SECTIONS * 16;
/// Largest meta section: it names a feed and its ecosystems (a Debian archive has under 20).
const META_MAX_BYTES: usize = 64 << 10;

/// What a segment says of itself. The database's manifest repeats it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Name, such as `osv-pypi`.
    pub name: String,
    /// The feed's format, such as `osv`.
    pub feed: String,
    /// Ecosystems that it covers, by their keys, sorted. Empty for enrichment.
    pub ecosystems: Vec<String>,
    /// Date of the source.
    pub date: model::Timestamp,
    /// Licence of the data, SPDX where there is an id.
    pub licence: String,
    /// Whom to name.
    pub attribution: String,
    /// Where the data comes from.
    pub source: String,
    /// Advisories or notes.
    pub records: u64,
    /// Rows: pairs of advisory and package.
    pub rows: u64,
}

/// A segment over bytes that live elsewhere (a map, a buffer).
#[derive(Debug, Clone)]
pub struct Segment<'a> {
    meta: Meta,
    reference: SegmentRef,
    keys: Keys<'a>,
    rows: &'a [u8],
    notes: Notes<'a>,
    tables: row::Tables<'a>,
    size: usize,
}

/// Bytes that are not a usable segment.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The file does not begin as a segment does.
    #[error("not an advisory segment: it does not begin with the segment magic")]
    Magic,
    /// Another version of the format.
    #[error("segment format {found}, this program reads {FORMAT}")]
    Format {
        /// The file's.
        found: u32,
    },
    /// The header or a section does not fit.
    #[error("damaged segment: {section}")]
    Damaged {
        /// Where.
        section: &'static str,
    },
    /// Its description is not what it should be.
    #[error("damaged segment: its description: {source}")]
    Meta {
        /// Why.
        #[source]
        source: limits::json::JsonError,
    },
}

impl<'a> Segment<'a> {
    /// Opens a segment in place. `reference` is what the manifest says of it.
    pub fn open(bytes: &'a [u8], reference: SegmentRef) -> Result<Self, SegmentError> {
        let sections = sections(bytes)?;
        let json = limits::json::JsonLimits { bytes: META_MAX_BYTES, depth: 4 };
        let meta = limits::json::from_slice(sections[0], &json).map_err(|source| SegmentError::Meta { source })?;
        Ok(Self {
            meta,
            reference,
            keys: Keys::open(sections[1]).ok_or(SegmentError::Damaged { section: "keys" })?,
            rows: sections[2],
            notes: Notes::open(sections[5]).ok_or(SegmentError::Damaged { section: "notes" })?,
            tables: row::Tables { advisories: sections[3], strings: sections[4] },
            size: bytes.len(),
        })
    }

    /// What it says of itself.
    pub const fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Name, date and hash by the manifest.
    pub const fn reference(&self) -> &SegmentRef {
        &self.reference
    }

    /// Size in bytes.
    pub const fn size_bytes(&self) -> usize {
        self.size
    }

    /// Whether it says that it covers an ecosystem.
    pub fn covers(&self, ecosystem: &str) -> bool {
        self.meta.ecosystems.iter().any(|covered| covered == ecosystem)
    }

    /// The rows of a package, by ecosystem key and normal name.
    pub fn rows(&self, ecosystem: &str, name: &str) -> Result<Vec<Row<'a>>, SegmentError> {
        let key = key(b'a', ecosystem, name);
        match self.keys.get(&key).map_err(|_| SegmentError::Damaged { section: "keys" })? {
            Some(offset) => self.rows_at(offset),
            None => Ok(Vec::new()),
        }
    }

    fn rows_at(&self, offset: u64) -> Result<Vec<Row<'a>>, SegmentError> {
        let damaged = || SegmentError::Damaged { section: "rows" };
        let mut cursor = Cursor::new(self.rows, usize::try_from(offset).map_err(|_| damaged())?);
        let count = cursor.size().ok_or_else(damaged)?;
        // Each row takes at least two bytes, so a false count cannot reserve more than the file's size.
        let mut rows = Vec::with_capacity(count.min(self.rows.len() / 2));
        let mut advisory = 0_u64;
        for _ in 0..count {
            advisory = advisory.wrapping_add(cursor.varint().ok_or_else(damaged)?);
            let body = cursor.prefixed().ok_or_else(damaged)?;
            rows.push(Row::new(self.tables, advisory, body));
        }
        Ok(rows)
    }

    /// The source package that a binary is built from, where the feed knows it.
    pub fn source_of(&self, ecosystem: &str, binary: &str) -> Result<Option<&'a str>, SegmentError> {
        self.text_at(&key(b's', ecosystem, binary))
    }

    /// A fact, such as an end-of-life date.
    pub fn fact(&self, subject: &str, name: &str) -> Result<Option<&'a str>, SegmentError> {
        self.text_at(&key(b'f', subject, name))
    }

    fn text_at(&self, key: &[u8]) -> Result<Option<&'a str>, SegmentError> {
        let Some(offset) = self.keys.get(key).map_err(|_| SegmentError::Damaged { section: "keys" })? else {
            return Ok(None);
        };
        let text = usize::try_from(offset).ok().and_then(|at| self.tables.text(at));
        text.map(Some).ok_or(SegmentError::Damaged { section: "strings" })
    }

    /// What enrichment it has for a CVE.
    pub fn note(&self, cve: &str) -> Result<Option<Note>, SegmentError> {
        self.notes.get(cve, &self.tables).map_err(|_| SegmentError::Damaged { section: "notes" })
    }

    /// Calls `visit` for each row of each package: for `show` and for tests, not for matching.
    pub fn each_row(&self, mut visit: impl FnMut(&str, &str, &Row<'a>)) -> Result<(), SegmentError> {
        let mut failed = None;
        let walked = self.keys.each(|key, value| {
            if failed.is_none()
                && let Some((b'a', ecosystem, name)) = split_key(key)
            {
                match self.rows_at(value) {
                    Ok(rows) => rows.iter().for_each(|row| visit(ecosystem, name, row)),
                    Err(error) => failed = Some(error),
                }
            }
        });
        walked.map_err(|_| SegmentError::Damaged { section: "keys" })?;
        failed.map_or(Ok(()), Err)
    }

    /// All advisories that have an id, as id or alias, with their packages.
    pub fn find(&self, id: &str) -> Result<Vec<Found<'a>>, SegmentError> {
        let mut known: Vec<(u64, Option<Advisory>)> = Vec::new();
        let mut found: Vec<Found<'a>> = Vec::new();
        let mut damaged = false;
        let mut cache = rustc_hash::FxHashMap::default();
        self.each_row(|ecosystem, name, row| {
            let index = *cache.entry(row.advisory_offset()).or_insert_with(|| {
                let advisory = row.advisory();
                damaged |= advisory.is_none();
                let names = |a: &Advisory| {
                    a.id.eq_ignore_ascii_case(id) || a.aliases.iter().any(|b| b.eq_ignore_ascii_case(id))
                };
                known.push((row.advisory_offset(), advisory.filter(names)));
                known.len() - 1
            });
            if let Some(advisory) = &known[index].1 {
                let (ecosystem, name) = (ecosystem.to_owned(), name.to_owned());
                found.push(Found { advisory: advisory.clone(), ecosystem, name, row: row.clone() });
            }
        })?;
        if damaged { Err(SegmentError::Damaged { section: "advisories" }) } else { Ok(found) }
    }
}

/// A package of an advisory that [`Segment::find`] found.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// The advisory, without its `affected`.
    pub advisory: Advisory,
    /// Ecosystem of the package.
    pub ecosystem: String,
    /// Its name.
    pub name: String,
    /// The row.
    pub row: Row<'a>,
}

fn sections(bytes: &[u8]) -> Result<[&[u8]; SECTIONS], SegmentError> {
    if !bytes.starts_with(MAGIC) {
        return Err(SegmentError::Magic);
    }
    let header = || SegmentError::Damaged { section: "header" };
    let found = u32_at(bytes, 8).ok_or_else(header)?;
    if found != FORMAT {
        return Err(SegmentError::Format { found });
    }
    let mut sections = [&bytes[..0]; SECTIONS];
    for (index, section) in sections.iter_mut().enumerate() {
        let entry = 16 + index * 16;
        let read = |at| u64_at(bytes, at).and_then(|value| usize::try_from(value).ok());
        let (offset, length) = read(entry).zip(read(entry + 8)).ok_or_else(header)?;
        let end = offset.checked_add(length).ok_or_else(header)?;
        *section = bytes.get(offset..end).ok_or_else(header)?;
    }
    Ok(sections)
}

/// A key of the index: a kind, then two texts.
fn key(kind: u8, first: &str, second: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(first.len() + second.len() + 2);
    key.push(kind);
    key.extend_from_slice(first.as_bytes());
    key.push(0);
    key.extend_from_slice(second.as_bytes());
    key
}

fn split_key(key: &[u8]) -> Option<(u8, &str, &str)> {
    let (kind, rest) = key.split_first()?;
    let (first, second) = std::str::from_utf8(rest).ok()?.split_once('\0')?;
    Some((*kind, first, second))
}
