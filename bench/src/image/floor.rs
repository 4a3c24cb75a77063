//! The least that reading an image can cost: its parts, each done alone by the fastest program at hand.
//!
//! Inflating is ISA-L's `igzip -dc` of the blobs. Digests are SHA-256 by this machine's instructions over as many bytes
//! in memory, without reading them. The walk reads the headers of the plain archives at their offsets and nothing else.
//! The sum is what no scanner that does these things can be under.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use nix::time::{ClockId, clock_gettime};
use sha2::{Digest as _, Sha256};

/// Bytes that are hashed again and again: they stay in the second-level cache, as a stream's do.
const PIECE: usize = 256 << 10;
/// Bytes of a header and of what contents are rounded up to.
const BLOCK: u64 = 512;

/// CPU seconds of hashing so many bytes.
pub fn hashing(bytes: u64) -> f64 {
    let piece: Vec<u8> = (0..PIECE).map(|index| (index * 31).to_le_bytes()[0]).collect();
    let mut hasher = Sha256::new();
    let started = cpu_time();
    for _ in 0..bytes / PIECE as u64 {
        hasher.update(&piece);
    }
    let elapsed = cpu_time() - started;
    // The result is used, else nothing needs to be computed.
    if hasher.finalize()[0] == 0 { elapsed + f64::EPSILON } else { elapsed }
}

/// CPU seconds of walking the headers of plain archives.
pub fn walking(layers: &[PathBuf]) -> Result<f64> {
    let started = cpu_time();
    for layer in layers {
        let entries = walk(layer)?.len();
        ensure!(entries > 0, "{} has no entries", layer.display());
    }
    Ok(cpu_time() - started)
}

/// CPU seconds of this thread so far: what else the machine does is not ours.
pub fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(std::time::Duration::from);
    time.map_or(0.0, |time| time.as_secs_f64())
}

/// Where entries of an archive end: extended headers belong to what follows them.
pub fn walk(layer: &PathBuf) -> Result<Vec<u64>> {
    let file = File::open(layer).with_context(|| layer.display().to_string())?;
    let end = file.metadata().context("reading its size")?.len();
    let (mut offset, mut ends, mut block) = (0, Vec::new(), [0_u8; 512]);
    while offset + BLOCK <= end {
        file.read_exact_at(&mut block, offset).with_context(|| layer.display().to_string())?;
        if block[0] == 0 {
            break;
        }
        offset += BLOCK + size(&block[124..136]).next_multiple_of(BLOCK);
        if !matches!(block[156], b'x' | b'g' | b'L' | b'K') {
            ends.push(offset);
        }
    }
    Ok(ends)
}

/// A number of a header, octal or in base 256.
fn size(field: &[u8]) -> u64 {
    if field[0] & 0x80 != 0 {
        return field[4..].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    }
    let digits = field.iter().filter(|byte| (b'0'..=b'7').contains(byte));
    digits.fold(0, |sum, digit| sum << 3 | u64::from(digit - b'0'))
}
