//! Enrichment by CVE: known exploited, probability of exploitation, scores of other sources.
//!
//! Layout: the count, then per CVE its packed number and the offset of its note, sorted; then the notes.

use model::image::{Epss, Kev};

use super::bytes::{Cursor, put_varint, u32_at, u64_at};
use super::ids::{cve_id, cve_number};
use super::keys::Damaged;
use super::row::{Intern, Tables, put_ratings, ratings};
use crate::advisory::Note;

const ENTRY: usize = 12;
const KEV: u8 = 1;
const RANSOMWARE: u8 = 2;
const EPSS: u8 = 4;
const RATINGS: u8 = 8;
/// EPSS publishes at most nine decimals; this many are kept.
const SCALE: f64 = 1e9;

/// Packed notes.
#[derive(Debug, Clone, Copy)]
pub struct Notes<'a> {
    bytes: &'a [u8],
    count: usize,
    data: &'a [u8],
}

impl<'a> Notes<'a> {
    /// Checks the frame; an empty section is no notes.
    pub fn open(bytes: &'a [u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self { bytes, count: 0, data: bytes });
        }
        let count = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let data = bytes.get(4_usize.checked_add(count.checked_mul(ENTRY)?)?..)?;
        Some(Self { bytes, count, data })
    }

    /// How many CVEs there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The note of a CVE.
    pub fn get(&self, cve: &str, tables: &Tables<'a>) -> Result<Option<Note>, Damaged> {
        let Some(wanted) = cve_number(cve) else { return Ok(None) };
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = 4 + middle * ENTRY;
            let found = u64_at(self.bytes, entry).ok_or(Damaged)?;
            if found == wanted {
                let offset = u32_at(self.bytes, entry + 8).ok_or(Damaged)?;
                let at = usize::try_from(offset).map_err(|_| Damaged)?;
                return self.read(cve, at, tables).map(Some).ok_or(Damaged);
            }
            if found < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(None)
    }

    /// Calls `visit` with every note.
    pub fn each(&self, tables: &Tables<'a>, mut visit: impl FnMut(Note)) -> Result<(), Damaged> {
        for index in 0..self.count {
            let entry = 4 + index * ENTRY;
            let (Some(number), Some(offset)) = (u64_at(self.bytes, entry), u32_at(self.bytes, entry + 8)) else {
                return Err(Damaged);
            };
            let at = usize::try_from(offset).map_err(|_| Damaged)?;
            visit(self.read(&cve_id(number), at, tables).ok_or(Damaged)?);
        }
        Ok(())
    }

    fn read(&self, cve: &str, at: usize, tables: &Tables<'a>) -> Option<Note> {
        let mut cursor = Cursor::new(self.data, at);
        let flags = cursor.u8()?;
        let mut note = Note { id: cve.to_owned(), ..Note::default() };
        if flags & KEV != 0 {
            let date_added = tables.text(cursor.size()?)?.to_owned();
            note.kev = Some(Kev { date_added, ransomware: flags & RANSOMWARE != 0 });
        }
        if flags & EPSS != 0 {
            let mut number = || cursor.varint().map(unscaled);
            let (score, percentile) = (number()?, number()?);
            note.epss = Some(Epss { score, percentile, date: tables.text(cursor.size()?)?.to_owned() });
        }
        if flags & RATINGS != 0 {
            note.ratings = ratings(&mut cursor, tables)?;
        }
        Some(note)
    }
}

#[expect(clippy::cast_precision_loss, reason = "written from a value between 0 and 1e9")]
fn unscaled(value: u64) -> f64 {
    value as f64 / SCALE
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1e9 first")]
fn scaled(value: f64) -> u64 {
    (value.clamp(0.0, 1.0) * SCALE).round() as u64
}

/// Appends a note's data.
pub(super) fn put(out: &mut Vec<u8>, note: &Note, intern: &mut Intern<'_>) {
    let ransomware = note.kev.as_ref().is_some_and(|kev| kev.ransomware);
    let flag = |bit: u8, set: bool| if set { bit } else { 0 };
    out.push(
        flag(KEV, note.kev.is_some())
            | flag(RANSOMWARE, ransomware)
            | flag(EPSS, note.epss.is_some())
            | flag(RATINGS, !note.ratings.is_empty()),
    );
    if let Some(kev) = &note.kev {
        put_varint(out, intern(&kev.date_added));
    }
    if let Some(epss) = &note.epss {
        put_varint(out, scaled(epss.score));
        put_varint(out, scaled(epss.percentile));
        put_varint(out, intern(&epss.date));
    }
    if !note.ratings.is_empty() {
        put_ratings(out, &note.ratings, intern);
    }
}

/// The section of sorted, unique entries and their data.
pub(super) fn pack(entries: &[(u64, u32)], data: &[u8]) -> Vec<u8> {
    if entries.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(4 + entries.len() * ENTRY + data.len());
    out.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(u32::MAX).to_le_bytes());
    for (cve, offset) in entries {
        out.extend_from_slice(&cve.to_le_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
    }
    out.extend_from_slice(data);
    out
}
