//! The NDB form, `Packages.db`: slots that point to blobs. `lib/backend/ndb/rpmpkg.c` of rpm; numbers are little-endian.

use super::{Damage, MAX_BLOB_BYTES};
use crate::bytes::{le32, le32_usize};
use crate::places::Places;
use crate::room::Held;

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
pub fn blobs(file: Held, each: &mut dyn FnMut(u64, &[u8])) -> Vec<Damage> {
    let mut file = Places::new(file);
    let Some(header) = file.array::<UNIT>(0) else {
        return vec![Damage::new(0, "a file that is too short")];
    };
    if !header.starts_with(FILE_MAGIC) || le32(&header, 4) != Some(0) {
        return vec![Damage::new(0, "not a package database of version 0")];
    }
    let mut damage = Vec::new();
    // What blobs may take in all: each byte of the file once, so that many slots of one blob end.
    let mut budget = file.length();
    let pages = le32_usize(&header, 12).unwrap_or(0);
    let slots = pages.saturating_mul(PAGE / UNIT).min(file.length() / UNIT);
    for index in HEADER_SLOTS..slots {
        let at = index * UNIT;
        let Some(slot) = file.array::<UNIT>(at).filter(|slot| slot.starts_with(SLOT_MAGIC)) else {
            damage.push(Damage::new(at as u64, "a slot that is none"));
            continue;
        };
        let (package, block) = (le32(&slot, 4), le32_usize(&slot, 8).unwrap_or(0));
        if package == Some(0) || block == 0 {
            continue;
        }
        match blob(&mut file, block.saturating_mul(UNIT), package, budget) {
            Some(blob) => {
                budget -= blob.len();
                each((block * UNIT) as u64, &blob);
            }
            None => damage.push(Damage::new(at as u64, "a slot that points to no package")),
        }
    }
    damage
}

/// The blob at a place, when it is that of this package and within the budget.
fn blob(file: &mut Places, at: usize, package: Option<u32>, budget: usize) -> Option<Vec<u8>> {
    let header = file.array::<UNIT>(at).filter(|header| header.starts_with(BLOB_MAGIC))?;
    let length = le32_usize(&header, 12).filter(|length| *length <= budget.min(MAX_BLOB_BYTES))?;
    if le32(&header, 4) != package {
        return None;
    }
    file.read(at + UNIT, length)
}
