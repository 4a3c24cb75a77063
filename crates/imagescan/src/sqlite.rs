//! A read-only reader of tables in SQLite files, page by page. "Database File Format" of the SQLite documentation.
//!
//! What it is not: no SQL, no indexes, no write-ahead log, no `WITHOUT ROWID` tables, UTF-8 only. The file may be
//! hostile: every page is used once at most, so that loops end and the work is linear in the file's size. In memory are
//! the pages of one path through the tree, and one row.

use std::borrow::Cow;

use crate::bytes::{be16, be32_usize, slice};
use crate::places::Places;
use crate::room::Held;

/// First bytes of every file.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Bytes of the file header, on the first page before its b-tree header.
const HEADER: usize = 100;
/// Depth of a b-tree: with the smallest page and 2^32 pages it stays below 20.
const MAX_DEPTH: usize = 32;
/// Columns of a row that are looked at; the tables read here have two to five.
const MAX_COLUMNS: usize = 64;
/// Bytes of a row: rpm 4.14 and older refuse headers of more than 16 MiB, packages beyond that are exceptional.
const MAX_ROW_BYTES: usize = 32 << 20;
/// Damaged places that are remembered.
const MAX_DAMAGE: usize = 1000;

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL, or a floating-point number, which nothing here uses.
    Null,
    /// An integer.
    Integer(i64),
    /// A text, in the file's encoding.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
}

/// A row: its values in the order of the table's columns.
#[derive(Debug)]
pub struct Row<'a> {
    values: Vec<Value<'a>>,
}

impl<'a> Row<'a> {
    /// A column by its place in the table.
    pub fn column(&self, index: usize) -> Option<Value<'a>> {
        self.values.get(index).copied()
    }

    /// Reads a record: a header of serial types, then the values.
    fn parse(payload: &'a [u8]) -> Option<Self> {
        let (length, mut at) = varint(payload, 0)?;
        let length = usize::try_from(length).ok()?;
        let header = payload.get(..length)?;
        let mut body = length;
        let mut values = Vec::new();
        while at < header.len() && values.len() < MAX_COLUMNS {
            let (serial, next) = varint(header, at)?;
            at = next;
            let size = serial_size(serial)?;
            values.push(value(serial, slice(payload, body, size)?));
            body += size;
        }
        Some(Self { values })
    }
}

/// Bytes of a value, by its serial type.
fn serial_size(serial: u64) -> Option<usize> {
    usize::try_from(match serial {
        0 | 8 | 9 => 0,
        1..=4 => serial,
        5 => 6,
        6 | 7 => 8,
        12.. => (serial - 12) / 2,
        _ => return None,
    })
    .ok()
}

fn value(serial: u64, bytes: &[u8]) -> Value<'_> {
    match serial {
        1..=6 => {
            let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
            let start = if negative { -1_i64 } else { 0 };
            Value::Integer(bytes.iter().fold(start, |value, byte| value << 8 | i64::from(*byte)))
        }
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        12.. if serial.is_multiple_of(2) => Value::Blob(bytes),
        12.. => Value::Text(bytes),
        _ => Value::Null,
    }
}

/// A variable-length integer and the place behind it.
fn varint(bytes: &[u8], mut at: usize) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for index in 0..9 {
        let byte = *bytes.get(at)?;
        at += 1;
        if index == 8 {
            return Some((value << 8 | u64::from(byte), at));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((value, at))
}

/// An open file.
pub struct Database {
    file: Places,
    page_size: usize,
    /// Bytes of a page without the reserved ones at its end.
    usable: usize,
    used: Vec<bool>,
    damage: Vec<(u64, &'static str)>,
}

/// What is done with each row: its offset in the file and its values.
type EachRow<'f> = dyn FnMut(u64, &Row<'_>) + 'f;

impl Database {
    /// Checks the header.
    pub fn open(file: Held) -> Result<Self, &'static str> {
        let mut file = Places::new(file);
        let header: [u8; HEADER] =
            file.array(0).filter(|header| header.starts_with(MAGIC)).ok_or("not an SQLite file")?;
        let page_size = match be16(&header, 16) {
            Some(1) => 65_536,
            Some(size) if size >= 512 && size.is_power_of_two() => usize::from(size),
            _ => return Err("an SQLite file with a page size that is none"),
        };
        // The encoding is 0 in a file without any table.
        if be32_usize(&header, 56).is_none_or(|encoding| encoding > 1) {
            return Err("an SQLite file that is not in UTF-8");
        }
        let usable = page_size - usize::from(header[20]);
        if usable < 480 {
            return Err("an SQLite file with pages that hold nothing");
        }
        let pages = file.length().div_ceil(page_size);
        Ok(Self { file, page_size, usable, used: vec![false; pages], damage: Vec::new() })
    }

    /// Places that could not be read so far: offset in the file, and what is wrong there.
    pub fn damage(&self) -> &[(u64, &'static str)] {
        &self.damage
    }

    /// The root page of a table, by its name.
    pub fn table(&mut self, name: &str) -> Option<usize> {
        let mut root = None;
        self.rows(1, &mut |_, row| {
            // Columns of the schema table: type, name, tbl_name, rootpage, sql.
            if row.column(0) == Some(Value::Text(b"table"))
                && row.column(1) == Some(Value::Text(name.as_bytes()))
                && let Some(Value::Integer(page)) = row.column(3)
            {
                root = usize::try_from(page).ok();
            }
        });
        root
    }

    /// Hands out the rows of the table with this root page, in the order of their row ids.
    pub fn rows(&mut self, root: usize, each: &mut EachRow<'_>) {
        self.walk(root, 0, each);
    }

    fn longest_row(&self) -> usize {
        self.file.length().min(MAX_ROW_BYTES)
    }

    fn damaged(&mut self, offset: usize, what: &'static str) {
        if self.damage.len() < MAX_DAMAGE {
            self.damage.push((offset as u64, what));
        }
    }

    /// A page by its number from 1, marked as used. `None`, and damage, when it is not there or was used before.
    fn page(&mut self, number: usize, from: usize) -> Option<Vec<u8>> {
        match number.checked_sub(1).map(|index| (index, self.used.get_mut(index))) {
            Some((index, Some(used))) if !*used => {
                *used = true;
                let start = index * self.page_size;
                let page = self.file.read(start, self.usable);
                if page.is_none() {
                    self.damaged(start, "a page that is cut off");
                }
                page
            }
            Some((_, Some(_))) => {
                self.damaged(from, "a page that is used twice");
                None
            }
            _ => {
                self.damaged(from, "a page beyond the end of the file");
                None
            }
        }
    }

    fn walk(&mut self, number: usize, depth: usize, each: &mut EachRow<'_>) {
        let start = number.saturating_sub(1).saturating_mul(self.page_size);
        if depth > MAX_DEPTH {
            return self.damaged(start, "a tree that is too deep");
        }
        let Some(page) = self.page(number, start) else { return };
        let header = if number == 1 { HEADER } else { 0 };
        let cells = be16(&page, header + 3).map_or(0, usize::from);
        match page.get(header) {
            Some(0x05) => self.interior(&page, start, header, cells, depth, each),
            Some(0x0d) => {
                for cell in 0..cells {
                    let at = be16(&page, header + 8 + 2 * cell).map(usize::from);
                    if at.and_then(|at| self.leaf_cell(&page, start, at, each)).is_none() {
                        self.damaged(start, "a row that can not be read");
                    }
                }
            }
            _ => self.damaged(start, "a page that is not part of a table"),
        }
    }

    fn interior(
        &mut self,
        page: &[u8],
        start: usize,
        header: usize,
        cells: usize,
        depth: usize,
        each: &mut EachRow<'_>,
    ) {
        for cell in 0..cells {
            let child = be16(page, header + 12 + 2 * cell).and_then(|at| be32_usize(page, usize::from(at)));
            match child {
                Some(child) => self.walk(child, depth + 1, each),
                None => self.damaged(start, "a cell beyond its page"),
            }
        }
        match be32_usize(page, header + 8) {
            Some(child) => self.walk(child, depth + 1, each),
            None => self.damaged(start, "a cell beyond its page"),
        }
    }

    fn leaf_cell(&mut self, page: &[u8], start: usize, at: usize, each: &mut EachRow<'_>) -> Option<()> {
        let (length, next) = varint(page, at)?;
        let (_row_id, next) = varint(page, next)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= self.longest_row())?;
        let payload = self.payload(page, next, length)?;
        each((start + at) as u64, &Row::parse(&payload)?);
        Some(())
    }

    /// The whole payload of a cell: what lies on the page and, when that is not all, on the chain of overflow pages.
    fn payload<'p>(&mut self, page: &'p [u8], at: usize, length: usize) -> Option<Cow<'p, [u8]>> {
        let usable = self.usable;
        if length <= usable - 35 {
            return slice(page, at, length).map(Cow::Borrowed);
        }
        // The file format's rule for how much stays on the page.
        let least = (usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (usable - 4);
        let local = if fitting <= usable - 35 { fitting } else { least };
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(slice(page, at, local)?);
        let mut next = be32_usize(page, at + local)?;
        while out.len() < length {
            let from = next.saturating_sub(1).saturating_mul(self.page_size);
            let overflow = self.page(next, from)?;
            next = be32_usize(&overflow, 0)?;
            let part = (length - out.len()).min(usable - 4);
            out.extend_from_slice(slice(&overflow, 4, part)?);
        }
        Some(Cow::Owned(out))
    }
}

#[cfg(test)]
mod tests;
