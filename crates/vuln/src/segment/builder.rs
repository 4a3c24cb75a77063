//! Builds a segment from a stream of advisories.
//!
//! Everything is packed as it arrives: a build holds the packed bytes, the distinct strings and 24 bytes per row,
//! never the records.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::ids::cve_number;
use super::row::{put_advisory, put_row};
use super::{FORMAT, HEADER_BYTES, MAGIC, META_MAX_BYTES, Meta, SECTIONS, bytes::put_varint, key, keys, notes};
use crate::advisory::{Advisory, Affected, Note};

/// Largest section: offsets of the index are 32 bits. The largest feed known (Chainguard's OSV) takes a fiftieth.
const SECTION_MAX_BYTES: usize = u32::MAX as usize;
/// Longest text that is kept. Longer names and versions are attacks on whoever prints or compares them; titles are cut.
pub const TEXT_MAX_BYTES: usize = 1024;

/// A segment that could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A section grew over what its offsets can address.
    #[error("the {section} of segment {name} would be larger than 4 GiB")]
    TooLarge {
        /// Name of the segment.
        name: String,
        /// The section.
        section: &'static str,
    },
    /// The description is too large or cannot be written.
    #[error("the description of segment {name} is larger than {META_MAX_BYTES} bytes")]
    Meta {
        /// Name of the segment.
        name: String,
    },
}

/// Texts, each once.
#[derive(Debug, Default)]
pub(super) struct Strings {
    bytes: Vec<u8>,
    offsets: FxHashMap<Box<str>, u64>,
}

impl Strings {
    pub(super) fn intern(&mut self, text: &str) -> u64 {
        let text = cut(text);
        if let Some(offset) = self.offsets.get(text) {
            return *offset;
        }
        let offset = self.bytes.len() as u64;
        put_varint(&mut self.bytes, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
        self.offsets.insert(text.into(), offset);
        offset
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A row that was packed: which key, which advisory, where its body is.
#[derive(Debug, Clone, Copy)]
struct Packed {
    key: u32,
    length: u32,
    advisory: u64,
    body: u64,
}

/// Builds one segment.
#[derive(Debug, Default)]
pub struct Builder {
    pub(super) strings: Strings,
    advisories: Vec<u8>,
    bodies: Vec<u8>,
    rows: Vec<Packed>,
    keys: FxHashMap<Box<[u8]>, u32>,
    pub(super) texts: BTreeMap<Vec<u8>, u64>,
    notes: Vec<(u64, u32)>,
    note_bytes: Vec<u8>,
    pub(super) records: u64,
}

impl Builder {
    /// An empty segment.
    pub fn new() -> Self {
        let mut builder = Self::default();
        // The empty text is offset 0: absent titles and vectors take one byte.
        builder.strings.intern("");
        builder
    }

    /// Adds an advisory. One without packages adds nothing.
    pub fn add(&mut self, advisory: &Advisory) {
        if advisory.affected.is_empty() {
            return;
        }
        let offset = self.put_advisory(advisory);
        for affected in &advisory.affected {
            self.put_affected(affected, offset);
        }
    }

    /// Packs an advisory without its packages and returns where it is.
    pub(super) fn put_advisory(&mut self, advisory: &Advisory) -> u64 {
        let offset = self.advisories.len() as u64;
        let strings = &mut self.strings;
        put_advisory(&mut self.advisories, advisory, &mut |text| strings.intern(text));
        self.records += 1;
        offset
    }

    /// Packs what an advisory says of a package.
    pub(super) fn put_affected(&mut self, affected: &Affected, advisory: u64) {
        let body = self.bodies.len();
        let strings = &mut self.strings;
        put_row(&mut self.bodies, affected, &mut |text| strings.intern(text));
        let next = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        let key = key(b'a', &affected.ecosystem, cut(&affected.name)).into_boxed_slice();
        let key = *self.keys.entry(key).or_insert(next);
        let length = u32::try_from(self.bodies.len() - body).unwrap_or(u32::MAX);
        self.rows.push(Packed { key, length, advisory, body: body as u64 });
    }

    /// Says which source a binary package is built from.
    pub fn add_source(&mut self, ecosystem: &str, binary: &str, source: &str) {
        if binary != source {
            let offset = self.strings.intern(source);
            self.texts.insert(key(b's', ecosystem, cut(binary)), offset);
        }
    }

    /// Adds a fact.
    pub fn add_fact(&mut self, subject: &str, name: &str, value: &str) {
        let offset = self.strings.intern(value);
        if self.texts.insert(key(b'f', subject, name), offset).is_none() {
            self.records += 1;
        }
    }

    /// Adds enrichment of a CVE. Ids that are no CVE are left out; so is all but the first note of a CVE.
    pub fn add_note(&mut self, note: &Note) {
        if let Some(number) = cve_number(&note.id) {
            let offset = u32::try_from(self.note_bytes.len()).unwrap_or(u32::MAX);
            let strings = &mut self.strings;
            notes::put(&mut self.note_bytes, note, &mut |text| strings.intern(text));
            self.notes.push((number, offset));
            self.records += 1;
        }
    }

    /// Ecosystems that have rows, sorted.
    pub fn ecosystems(&self) -> Vec<String> {
        let names = self.keys.keys().filter_map(|key| super::split_key(key)).map(|(_, ecosystem, _)| ecosystem);
        let unique: std::collections::BTreeSet<&str> = names.collect();
        unique.into_iter().map(str::to_owned).collect()
    }

    /// Advisories, facts and notes so far.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Writes the segment. Counts in `meta` are filled in; its other fields are the caller's.
    pub fn finish(mut self, meta: Meta) -> Result<(Vec<u8>, Meta), BuildError> {
        self.notes.sort_by_key(|(cve, _)| *cve);
        let notes = self.notes.len();
        self.notes.dedup_by_key(|(cve, _)| *cve);
        let records = self.records - (notes - self.notes.len()) as u64;
        let meta = Meta { records, rows: self.rows.len() as u64, ..meta };
        let (index, rows) = self.index();
        let notes = notes::pack(&self.notes, &self.note_bytes);
        let json = serde_json::to_vec(&meta).unwrap_or_default();
        if json.is_empty() || json.len() > META_MAX_BYTES {
            return Err(BuildError::Meta { name: meta.name });
        }
        let sections: [(&'static str, &[u8]); SECTIONS] = [
            ("description", &json),
            ("index", &index),
            ("rows", &rows),
            ("advisories", &self.advisories),
            ("strings", &self.strings.bytes),
            ("notes", &notes),
        ];
        if let Some((section, _)) = sections.iter().find(|(_, bytes)| bytes.len() > SECTION_MAX_BYTES) {
            return Err(BuildError::TooLarge { name: meta.name, section });
        }
        Ok((frame(&sections.map(|(_, bytes)| bytes)), meta))
    }

    /// Rows in the order of keys and advisories, and the index over them.
    fn index(&mut self) -> (Vec<u8>, Vec<u8>) {
        let mut names: Vec<(Box<[u8]>, u32)> = std::mem::take(&mut self.keys).into_iter().collect();
        names.sort_unstable();
        let mut rank = vec![0_u32; names.len()];
        for (position, (_, id)) in (0_u32..).zip(&names) {
            if let Some(slot) = rank.get_mut(*id as usize) {
                *slot = position;
            }
        }
        self.rows.sort_by_key(|row| (rank.get(row.key as usize).copied(), row.advisory));
        let mut rows = Vec::with_capacity(self.bodies.len() + self.rows.len() * 4);
        let mut entries: Vec<(Vec<u8>, u64)> = Vec::with_capacity(names.len() + self.texts.len());
        let mut rest = self.rows.as_slice();
        for (name, id) in names {
            let count = rest.iter().take_while(|row| row.key == id).count();
            let (own, after) = rest.split_at(count);
            rest = after;
            entries.push((name.into_vec(), rows.len() as u64));
            put_varint(&mut rows, count as u64);
            let mut previous = 0;
            for row in own {
                put_varint(&mut rows, row.advisory - previous);
                previous = row.advisory;
                put_varint(&mut rows, u64::from(row.length));
                let start = usize::try_from(row.body).unwrap_or(usize::MAX);
                rows.extend_from_slice(&self.bodies[start..start + row.length as usize]);
            }
        }
        entries.extend(std::mem::take(&mut self.texts));
        entries.sort_unstable();
        let packed = keys::pack(entries.iter().map(|(name, value)| (name.as_slice(), *value)));
        (packed, rows)
    }
}

fn frame(sections: &[&[u8]; SECTIONS]) -> Vec<u8> {
    let total = HEADER_BYTES + sections.iter().map(|section| section.len() + 8).sum::<usize>();
    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&u32::try_from(SECTIONS).unwrap_or(0).to_le_bytes());
    let mut offset = HEADER_BYTES;
    for section in sections {
        out.extend_from_slice(&(offset as u64).to_le_bytes());
        out.extend_from_slice(&(section.len() as u64).to_le_bytes());
        offset += section.len().next_multiple_of(8);
    }
    for section in sections {
        out.extend_from_slice(section);
        out.resize(out.len().next_multiple_of(8), 0);
    }
    out
}
