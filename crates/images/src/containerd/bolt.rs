//! A read-only reader of bolt databases (the Go library bbolt), for one walk at a time.
//!
//! Source: bbolt's `page.go`, `bucket.go` and `meta.go`. Pages of a fixed size hold a B+ tree; two meta pages alternate,
//! the valid one with the higher transaction number counts. Writers copy pages and never change those of the last two
//! transactions, so a walk that ends with the transaction it began with has seen one consistent state.
//! What it is not: a writer, or safe to trust: every offset is checked, pages are capped and cycles end by a budget.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const META: u16 = 0x04;
const BUCKET_FLAG: u32 = 0x01;
const PAGE_HEADER: usize = 16;
const ELEMENT: usize = 16;
/// Largest page with its overflow, in bytes: names and labels of one image are a few KiB.
const MAX_PAGE_BYTES: u64 = 16 << 20;
/// Pages of one walk, in bytes: a store of 10,000 images has some 20 MiB. Ends cycles in damaged databases.
const MAX_WALK_BYTES: u64 = 512 << 20;
/// Pages that wait to be read: more than a branch has, times the height of the tree.
const MAX_PENDING: usize = 100_000;
const TOO_MANY: BoltError = BoltError::Damaged("more pages than a database of images has");
/// Walks until one sees a consistent state.
const MAX_WALKS: u32 = 10;

/// A database that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BoltError {
    #[error("reading the database")]
    Read(#[from] io::Error),
    #[error("{0}")]
    Damaged(&'static str),
}

/// A bucket: a tree elsewhere, or a leaf page within its parent's value.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Page(u64),
    Inline(Vec<u8>),
}

struct Meta {
    page_size: u64,
    root: u64,
    transaction: u64,
}

/// A database at one transaction.
pub(super) struct Bolt<'a> {
    file: &'a File,
    meta: Meta,
    /// Bytes that this walk may still read.
    left: std::cell::Cell<u64>,
}

/// Runs a walk until it began and ended with the same transaction.
pub(super) fn read_consistently<T>(
    file: &File,
    walk: impl Fn(&Bolt<'_>) -> Result<T, BoltError>,
) -> Result<T, BoltError> {
    for _ in 0..MAX_WALKS {
        let bolt = Bolt { file, meta: meta(file)?, left: std::cell::Cell::new(MAX_WALK_BYTES) };
        let result = walk(&bolt);
        if meta(file)?.transaction == bolt.meta.transaction {
            return result;
        }
    }
    Err(BoltError::Damaged("it changes faster than it can be read"))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The valid meta page with the higher transaction.
fn meta(file: &File) -> Result<Meta, BoltError> {
    let first = meta_at(file, 0)?;
    // The second meta page is at the page size, which a damaged first one cannot tell.
    let sizes = first.as_ref().map_or_else(|| vec![4096, 8192, 16384, 65536], |meta| vec![meta.page_size]);
    let mut best = first;
    for size in sizes {
        if let Some(second) = meta_at(file, size)?
            && best.as_ref().is_none_or(|best| second.transaction > best.transaction)
        {
            best = Some(second);
        }
    }
    best.ok_or(BoltError::Damaged("it is no bolt database of version 2"))
}

fn meta_at(file: &File, offset: u64) -> Result<Option<Meta>, BoltError> {
    let mut page = [0; PAGE_HEADER + 64];
    if file.read_at(&mut page, offset)? < page.len() {
        return Ok(None);
    }
    let body = &page[PAGE_HEADER..];
    let valid = u16_at(&page, 8) == Some(META)
        && u32_at(body, 0) == Some(MAGIC)
        && u32_at(body, 4) == Some(VERSION)
        && u64_at(body, 56) == Some(fnv(&body[..56]));
    let (Some(page_size), Some(root), Some(transaction)) = (u32_at(body, 8), u64_at(body, 16), u64_at(body, 48)) else {
        return Ok(None);
    };
    let sane = page_size.is_power_of_two() && (1024..=65536).contains(&page_size);
    Ok((valid && sane).then_some(Meta { page_size: u64::from(page_size), root, transaction }))
}

/// FNV-1a, 64 bits: bbolt's checksum of meta pages.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// An element of a leaf.
struct Item<'a> {
    is_bucket: bool,
    key: &'a [u8],
    value: &'a [u8],
}

impl Bolt<'_> {
    /// The bucket of buckets.
    pub(super) const fn root(&self) -> Node {
        Node::Page(self.meta.root)
    }

    /// A bucket within a bucket.
    pub(super) fn bucket(&self, parent: &Node, name: &[u8]) -> Result<Option<Node>, BoltError> {
        let mut found = None;
        self.each(parent, &mut |item| {
            if item.is_bucket && item.key == name {
                found = Some(item.value.to_vec());
            }
        })?;
        found.map(|value| node(&value)).transpose()
    }

    /// All buckets within a bucket, with their names.
    pub(super) fn buckets(&self, parent: &Node) -> Result<Vec<(String, Node)>, BoltError> {
        let mut found = Vec::new();
        self.each(parent, &mut |item| {
            if item.is_bucket {
                found.push((String::from_utf8_lossy(item.key).into_owned(), item.value.to_vec()));
            }
        })?;
        found.into_iter().map(|(name, value)| Ok((name, node(&value)?))).collect()
    }

    /// A value of a bucket.
    pub(super) fn value(&self, parent: &Node, key: &[u8]) -> Result<Option<Vec<u8>>, BoltError> {
        let mut found = None;
        self.each(parent, &mut |item| {
            if !item.is_bucket && item.key == key {
                found = Some(item.value.to_vec());
            }
        })?;
        Ok(found)
    }

    /// Calls for every element of a bucket, in key order.
    fn each(&self, node: &Node, visit: &mut dyn FnMut(Item<'_>)) -> Result<(), BoltError> {
        let mut stack = match node {
            Node::Inline(page) => return leaf(page, visit),
            Node::Page(number) => vec![*number],
        };
        while let Some(number) = stack.pop() {
            let page = self.page(number)?;
            match u16_at(&page, 8) {
                Some(LEAF) => leaf(&page, visit)?,
                Some(BRANCH) => {
                    let count = usize::from(u16_at(&page, 10).unwrap_or(0));
                    if stack.len() + count > MAX_PENDING {
                        return Err(TOO_MANY);
                    }
                    // Last first, so that the first is popped first.
                    for element in (0..count).rev() {
                        let child = u64_at(&page, PAGE_HEADER + element * ELEMENT + 8);
                        stack.push(child.ok_or(BoltError::Damaged("a branch beyond its page"))?);
                    }
                }
                _ => return Err(BoltError::Damaged("a page that is neither branch nor leaf")),
            }
        }
        Ok(())
    }

    fn page(&self, number: u64) -> Result<Vec<u8>, BoltError> {
        let offset = number.checked_mul(self.meta.page_size).ok_or(BoltError::Damaged("a page beyond the end"))?;
        let mut header = [0; PAGE_HEADER];
        self.read(&mut header, offset)?;
        let overflow = u64::from(u32_at(&header, 12).unwrap_or(0));
        let length = (overflow + 1) * self.meta.page_size;
        if length > MAX_PAGE_BYTES {
            return Err(BoltError::Damaged("a page that is too large"));
        }
        self.left.set(self.left.get().checked_sub(length).ok_or(TOO_MANY)?);
        let mut page = vec![0; usize::try_from(length).unwrap_or(0)];
        self.read(&mut page, offset)?;
        Ok(page)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), BoltError> {
        self.file.read_exact_at(buffer, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BoltError::Damaged("a page beyond the end"),
            _ => BoltError::Read(error),
        })
    }
}

/// A bucket's value: its root page and a sequence number; a small bucket's only page follows when the root is 0.
fn node(value: &[u8]) -> Result<Node, BoltError> {
    match u64_at(value, 0) {
        Some(0) => Ok(Node::Inline(value.get(16..).unwrap_or_default().to_vec())),
        Some(page) => Ok(Node::Page(page)),
        None => Err(BoltError::Damaged("a bucket without a root")),
    }
}

fn leaf(page: &[u8], visit: &mut dyn FnMut(Item<'_>)) -> Result<(), BoltError> {
    if u16_at(page, 8) != Some(LEAF) {
        return Err(BoltError::Damaged("a page that is no leaf"));
    }
    // Elements do not overlap; else a small page could be a large bucket.
    let mut room = page.len();
    for element in 0..usize::from(u16_at(page, 10).unwrap_or(0)) {
        let at = PAGE_HEADER + element * ELEMENT;
        let fields = (u32_at(page, at), u32_at(page, at + 4), u32_at(page, at + 8), u32_at(page, at + 12));
        let (Some(flags), Some(position), Some(key_size), Some(value_size)) = fields else {
            return Err(BoltError::Damaged("a leaf beyond its page"));
        };
        // Positions count from the element.
        let start = at.saturating_add(position as usize);
        let middle = start.saturating_add(key_size as usize);
        let end = middle.saturating_add(value_size as usize);
        let (Some(key), Some(value)) = (page.get(start..middle), page.get(middle..end)) else {
            return Err(BoltError::Damaged("a leaf beyond its page"));
        };
        room = room.checked_sub(key.len() + value.len()).ok_or(BoltError::Damaged("elements that overlap"))?;
        visit(Item { is_bucket: flags & BUCKET_FLAG != 0, key, value });
    }
    Ok(())
}
