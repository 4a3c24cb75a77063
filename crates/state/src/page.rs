//! Pages of lists: opaque cursors that stay right while rows are inserted.
//!
//! Every list is ordered by a pair that never changes for a row (a number and a text, usually creation time and id). A
//! cursor is the pair of the last row seen; the next page is what comes after it, whatever was inserted meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Serialize;

/// Rows of a page when the caller does not say.
pub const DEFAULT_PAGE_ROWS: u32 = 50;
/// Rows of a page at most: bounds the memory and the time of one request.
pub const MAX_PAGE_ROWS: u32 = 500;
/// Longest text of a cursor: ids and names are far shorter, anything longer is not ours.
pub const MAX_CURSOR_CHARS: usize = 2_048;

/// A place in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The first part of the order.
    pub at: i64,
    /// The second.
    pub id: String,
}

/// Text that is no cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor that a list of this server gave")]
pub struct CursorError;

impl Cursor {
    /// The opaque text form.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}/{}", self.at, self.id))
    }

    /// Reads the text form.
    pub fn decode(text: &str) -> Result<Self, CursorError> {
        if text.len() > MAX_CURSOR_CHARS {
            return Err(CursorError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let plain = String::from_utf8(bytes).map_err(|_| CursorError)?;
        let (at, id) = plain.split_once('/').ok_or(CursorError)?;
        Ok(Self { at: at.parse().map_err(|_| CursorError)?, id: id.to_owned() })
    }
}

/// Which page of a list.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// After this row; from the start without.
    pub after: Option<Cursor>,
    /// How many rows; 0 means [`DEFAULT_PAGE_ROWS`], and never more than [`MAX_PAGE_ROWS`].
    pub rows: u32,
}

impl PageRequest {
    /// The number of rows within its limits.
    pub fn rows(&self) -> usize {
        let rows = if self.rows == 0 { DEFAULT_PAGE_ROWS } else { self.rows.min(MAX_PAGE_ROWS) };
        rows as usize
    }

    /// One more than asked, to learn whether another page follows.
    pub(crate) fn fetch(&self) -> i64 {
        i64::try_from(self.rows()).unwrap_or(i64::MAX - 1) + 1
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Cursor of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of up to one row more than asked for.
    pub fn of(mut rows: Vec<T>, request: &PageRequest, key: impl Fn(&T) -> Cursor) -> Self {
        let more = rows.len() > request.rows();
        rows.truncate(request.rows());
        let next = if more { rows.last().map(|row| key(row).encode()) } else { None };
        Self { items: rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back() {
        for (at, id) in [(0, ""), (-5, "a/b"), (i64::MAX, "pkg:deb/x@1"), (i64::MIN, "é")] {
            let cursor = Cursor { at, id: id.into() };
            assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long = "A".repeat(MAX_CURSOR_CHARS + 1);
        for text in ["", "!", "bm8", "MTIz", long.as_str()] {
            assert_eq!(Cursor::decode(text), Err(CursorError), "{text:.8}");
        }
    }

    #[test]
    fn the_number_of_rows_has_a_limit() {
        let rows = |rows| PageRequest { after: None, rows }.rows();
        assert_eq!((rows(0), rows(7), rows(1_000_000)), (50, 7, 500));
    }
}
