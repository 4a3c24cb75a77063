//! The name index: sorted keys in blocks, each key with the prefix that it shares with the one before left out.
//!
//! Why not a finite-state transducer: the ready-made one trusts its bytes and may panic on hostile ones. Blocks are as
//! small (front coding), two binary searches away, and every access is checked.

use std::cmp::Ordering;

use super::bytes::{Cursor, put_varint, u32_at};

/// Keys per block: a lookup decodes eight on average.
const BLOCK: usize = 16;

/// Packs sorted, unique keys with their values.
pub fn pack<'k>(keys: impl ExactSizeIterator<Item = (&'k [u8], u64)>) -> Vec<u8> {
    let blocks = keys.len().div_ceil(BLOCK);
    let mut offsets = Vec::with_capacity(blocks);
    let mut data = Vec::new();
    let mut previous: Vec<u8> = Vec::new();
    for (index, (key, value)) in keys.enumerate() {
        let mut shared = 0;
        if index % BLOCK == 0 {
            offsets.push(u32::try_from(data.len()).unwrap_or(u32::MAX));
        } else {
            shared = key.iter().zip(&previous).take_while(|(a, b)| a == b).count();
        }
        put_varint(&mut data, shared as u64);
        put_varint(&mut data, (key.len() - shared) as u64);
        data.extend_from_slice(&key[shared..]);
        put_varint(&mut data, value);
        previous.clear();
        previous.extend_from_slice(key);
    }
    let mut out = Vec::with_capacity(4 + offsets.len() * 4 + data.len());
    out.extend_from_slice(&u32::try_from(offsets.len()).unwrap_or(u32::MAX).to_le_bytes());
    for offset in offsets {
        out.extend_from_slice(&offset.to_le_bytes());
    }
    out.extend_from_slice(&data);
    out
}

/// Packed keys.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    bytes: &'a [u8],
    blocks: usize,
    data: &'a [u8],
}

impl<'a> Keys<'a> {
    /// Checks the frame; `None` when it does not fit the bytes.
    pub fn open(bytes: &'a [u8]) -> Option<Self> {
        let blocks = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let data = bytes.get(4_usize.checked_add(blocks.checked_mul(4)?)?..)?;
        Some(Self { bytes, blocks, data })
    }

    /// The value of a key. `Err` when the block is damaged.
    pub fn get(&self, key: &[u8]) -> Result<Option<u64>, Damaged> {
        let (mut low, mut high) = (0, self.blocks);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.first(middle)?.cmp(key) {
                Ordering::Greater => high = middle,
                Ordering::Less | Ordering::Equal => low = middle + 1,
            }
        }
        let Some(block) = low.checked_sub(1) else { return Ok(None) };
        let mut walk = Walk { keys: *self, cursor: self.cursor(block)?, left: BLOCK, key: Vec::new() };
        while let Some(value) = walk.step()? {
            match walk.key.as_slice().cmp(key) {
                Ordering::Equal => return Ok(Some(value)),
                Ordering::Greater => return Ok(None),
                Ordering::Less => {}
            }
        }
        Ok(None)
    }

    fn cursor(&self, block: usize) -> Result<Cursor<'a>, Damaged> {
        let offset = u32_at(self.bytes, 4 + block * 4).ok_or(Damaged)?;
        Ok(Cursor::new(self.data, usize::try_from(offset).map_err(|_| Damaged)?))
    }

    fn first(&self, block: usize) -> Result<&'a [u8], Damaged> {
        let mut cursor = self.cursor(block)?;
        match cursor.varint() {
            Some(0) => cursor.prefixed().ok_or(Damaged),
            _ => Err(Damaged),
        }
    }

    /// Calls `visit` with every key and value, in order; stops at damage.
    pub fn each(&self, mut visit: impl FnMut(&[u8], u64)) -> Result<(), Damaged> {
        let mut walk = Walk { keys: *self, cursor: Cursor::new(self.data, 0), left: usize::MAX, key: Vec::new() };
        while let Some(value) = walk.step()? {
            visit(&walk.key, value);
        }
        Ok(())
    }
}

/// The bytes are not what a builder writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

struct Walk<'a> {
    keys: Keys<'a>,
    cursor: Cursor<'a>,
    left: usize,
    key: Vec<u8>,
}

impl Walk<'_> {
    fn step(&mut self) -> Result<Option<u64>, Damaged> {
        if self.left == 0 || self.cursor.position() >= self.keys.data.len() {
            return Ok(None);
        }
        self.left -= 1;
        let shared = self.cursor.size().ok_or(Damaged)?;
        let suffix = self.cursor.prefixed().ok_or(Damaged)?;
        if shared > self.key.len() {
            return Err(Damaged);
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(suffix);
        self.cursor.varint().map(Some).ok_or(Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(count: u32) -> Vec<(Vec<u8>, u64)> {
        let mut keys: Vec<_> = (0..count).map(|n| (format!("pypi\0name-{n}").into_bytes(), u64::from(n))).collect();
        keys.sort();
        keys
    }

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        for count in [0, 1, 15, 16, 17, 1000] {
            let keys = sample(count);
            let packed = pack(keys.iter().map(|(key, value)| (key.as_slice(), *value)));
            let opened = Keys::open(&packed).unwrap();
            for (key, value) in &keys {
                assert_eq!(opened.get(key), Ok(Some(*value)));
            }
            for absent in [&b""[..], b"a", b"pypi\0name-", b"pypi\0name-1x", b"zz"] {
                assert_eq!(opened.get(absent), Ok(None));
            }
            let mut seen = Vec::new();
            opened.each(|key, value| seen.push((key.to_vec(), value))).unwrap();
            assert_eq!(seen, keys);
        }
    }

    #[test]
    fn damage_is_an_error_not_a_panic() {
        let keys = sample(100);
        let packed = pack(keys.iter().map(|(key, value)| (key.as_slice(), *value)));
        for at in 0..packed.len() {
            let mut bytes = packed.clone();
            bytes[at] ^= 0xff;
            if let Some(opened) = Keys::open(&bytes) {
                for (key, _) in &keys {
                    let _ = opened.get(key);
                }
                let _ = opened.each(|_, _| {});
            }
        }
        assert!(Keys::open(&packed[..3]).is_none());
    }
}
