//! The BerkeleyDB form, `Packages`: a hash table whose values lie on chains of overflow pages. `src/dbinc/db_page.h` of
//! libdb; numbers are in the byte order of the machine that wrote the file. Order and keys do not matter here: all hash
//! pages are read one after the other.

use super::{Damage, MAX_BLOB_BYTES};
use crate::bytes::{be16, be32, le16, le32, slice};
use crate::places::Places;
use crate::room::Held;

/// Magic number of a hash database, at offset 12 of the first page.
const HASH_MAGIC: u32 = 0x0006_1561;
/// Bytes of a page's header.
const PAGE_HEADER: usize = 26;
/// Bytes of the description on the first page that are looked at.
const DESCRIPTION: usize = 32;
/// Page types.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;
/// Item types: stored on the page, or on overflow pages.
const ON_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;

struct Database {
    file: Places,
    big_endian: bool,
    page_size: usize,
    used: Vec<bool>,
    damage: Vec<Damage>,
}

/// Hands out the blobs of all packages; what could not be read is returned.
pub fn blobs(file: Held, each: &mut dyn FnMut(u64, &[u8])) -> Vec<Damage> {
    let mut file = Places::new(file);
    let start = file.array::<DESCRIPTION>(0).unwrap_or_default();
    let big_endian = match (le32(&start, 12), be32(&start, 12)) {
        (Some(HASH_MAGIC), _) => false,
        (_, Some(HASH_MAGIC)) => true,
        _ => return vec![Damage::new(0, "not a BerkeleyDB hash database")],
    };
    let mut database = Database { file, big_endian, page_size: 0, used: Vec::new(), damage: Vec::new() };
    let page_size = database.number(&start, 20).filter(|size| (512..=65_536).contains(size) && size.is_power_of_two());
    let Some(page_size) = page_size else {
        return vec![Damage::new(20, "a page size that is none")];
    };
    if start[24] != 0 {
        return vec![Damage::new(24, "an encrypted database")];
    }
    let length = database.file.length();
    database.page_size = page_size;
    database.used = vec![false; length / page_size];
    // Page 0 is the description of the database.
    let mut page = vec![0; page_size];
    for number in 1..database.used.len() {
        database.page(number, &mut page, each);
    }
    if !length.is_multiple_of(page_size) {
        database.damaged(length, "a page that is cut off");
    }
    database.damage
}

impl Database {
    fn short(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let value = if self.big_endian { be16(bytes, at) } else { le16(bytes, at) };
        value.map(usize::from)
    }

    fn number(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let value = if self.big_endian { be32(bytes, at) } else { le32(bytes, at) };
        usize::try_from(value?).ok()
    }

    fn damaged(&mut self, at: usize, what: &'static str) {
        self.damage.push(Damage::new(at as u64, what));
    }

    /// Looks at a page, read into a buffer of its size.
    fn page(&mut self, number: usize, page: &mut [u8], each: &mut dyn FnMut(u64, &[u8])) {
        let start = number * self.page_size;
        if self.file.fill(start, page).is_none() {
            return self.damaged(start, "a page that can not be read");
        }
        if !matches!(page[25], HASH | HASH_UNSORTED) {
            return;
        }
        let entries = self.short(page, 20).unwrap_or(0);
        // Items come in pairs of a key and a value.
        for value in (1..entries).step_by(2) {
            let place = |index| self.short(page, PAGE_HEADER + 2 * index);
            let (Some(key), Some(at)) = (place(value - 1), place(value)) else {
                self.damaged(start, "more items than a page has");
                return;
            };
            match page.get(at) {
                Some(&OFF_PAGE) => match self.chain(page, at) {
                    Some(blob) => each((start + at) as u64, &blob),
                    None => self.damaged(start + at, "a package that can not be read"),
                },
                // Items grow from the page's end: a value ends where its key begins. The counter of the database is
                // four bytes long; a header has at least eight.
                Some(&ON_PAGE) => {
                    if let Some(blob) = page.get(at + 1..key).filter(|blob| blob.len() >= 8) {
                        each((start + at) as u64, blob);
                    }
                }
                _ => self.damaged(start + at, "an item of a type that has no place here"),
            }
        }
    }

    /// A value on overflow pages. Each page is used once in all, so that chains end.
    fn chain(&mut self, page: &[u8], at: usize) -> Option<Vec<u8>> {
        let (mut next, length) = (self.number(page, at + 4)?, self.number(page, at + 8)?);
        if length > self.file.length().min(MAX_BLOB_BYTES) {
            return None;
        }
        let mut out = Vec::with_capacity(length);
        let mut overflow = vec![0; self.page_size];
        while out.len() < length {
            let used = self.used.get_mut(next)?;
            if next == 0 || std::mem::replace(used, true) {
                return None;
            }
            self.file.fill(next * self.page_size, &mut overflow)?;
            if overflow[25] != OVERFLOW {
                return None;
            }
            // On overflow pages the field of the free area says how many bytes are used.
            let part = self.short(&overflow, 22)?.min(length - out.len());
            out.extend_from_slice(slice(&overflow, PAGE_HEADER, part)?);
            next = self.number(&overflow, 16)?;
        }
        Some(out)
    }
}
