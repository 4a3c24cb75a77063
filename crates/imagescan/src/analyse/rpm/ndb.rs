//! The NDB form, `Packages.db`: slots that point to blobs. `lib/backend/ndb/rpmpkg.c` of rpm; numbers are little-endian.

use super::Damage;
use crate::bytes::{le32, le32_usize, slice};

/// Bytes of a page of slots.
const PAGE: usize = 4096;
/// Bytes of a slot, of a block, and of a blob's header.
const UNIT: usize = 16;
/// The file's header takes the place of two slots.
const HEADER_SLOTS: usize = 2;
const FILE_MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";

/// Hands out the blobs of all packages; what could not be read is returned.
pub fn blobs(bytes: &[u8], each: &mut dyn FnMut(u64, &[u8])) -> Vec<Damage> {
    let (Some(version), Some(pages)) = (le32(bytes, 4), le32_usize(bytes, 12)) else {
        return vec![Damage::new(0, "a file that is too short")];
    };
    if !bytes.starts_with(FILE_MAGIC) || version != 0 {
        return vec![Damage::new(0, "not a package database of version 0")];
    }
    let mut damage = Vec::new();
    // What blobs may take in all: each byte of the file once, so that many slots of one blob end.
    let mut budget = bytes.len();
    let slots = pages.saturating_mul(PAGE / UNIT).min(bytes.len() / UNIT);
    for index in HEADER_SLOTS..slots {
        let at = index * UNIT;
        let Some(slot) = slice(bytes, at, UNIT).filter(|slot| slot.starts_with(SLOT_MAGIC)) else {
            damage.push(Damage::new(at as u64, "a slot that is none"));
            continue;
        };
        let (package, block) = (le32(slot, 4), le32_usize(slot, 8).unwrap_or(0));
        if package == Some(0) || block == 0 {
            continue;
        }
        match blob(bytes, block.saturating_mul(UNIT), package).filter(|blob| blob.len() <= budget) {
            Some(blob) => {
                budget -= blob.len();
                each((block * UNIT) as u64, blob);
            }
            None => damage.push(Damage::new(at as u64, "a slot that points to no package")),
        }
    }
    damage
}

/// The blob at a place, when it is that of this package.
fn blob(bytes: &[u8], at: usize, package: Option<u32>) -> Option<&[u8]> {
    let header = slice(bytes, at, UNIT)?;
    if !header.starts_with(BLOB_MAGIC) || le32(header, 4) != package {
        return None;
    }
    slice(bytes, at + UNIT, le32_usize(header, 12)?)
}
