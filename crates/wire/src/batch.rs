//! Writing a batch: header and records as JSON lines, compressed, within every limit of contract §7 by construction.

use std::collections::BTreeMap;
use std::io;

use model::wire::{MAX_BATCH_RATIO, WIRE_VERSION};
use model::{BatchHeader, Loss};

use crate::MAX_RECORD_BYTES;
use crate::server::decode::MAX_SIGNALS;
use crate::spool::Chunk;

/// Media type of a batch.
pub const CONTENT_TYPE: &str = "application/vnd.seawall.batch+zstd";
/// Plain bytes of records that are put into one batch. Data that does not compress grows by under 1 %, and the header
/// takes under 64 KiB, so the body stays below the hub's 4 MiB whatever the records are.
pub const TARGET_PLAIN_BYTES: usize = 3 << 20;
/// Records that are put into one batch: what a hub commits in one short transaction.
pub const TARGET_RECORDS: usize = 5_000;
/// zstd's default: JSON lines shrink to a tenth at a third of a second of CPU per 100 MiB.
const LEVEL: i32 = 3;
const _: () = assert!(MAX_RECORD_BYTES <= TARGET_PLAIN_BYTES, "the largest record fits into a batch");

/// The body of `POST /v1/streams/{stream}/batches`.
pub fn encode(stream: &str, chunk: &Chunk, counters: &BTreeMap<String, Loss>) -> io::Result<Vec<u8>> {
    let header = BatchHeader {
        v: WIRE_VERSION,
        sender: chunk.sender.clone(),
        stream: stream.to_owned(),
        first_seq: chunk.first_seq,
        last_seq: chunk.last_seq(),
        records: chunk.records.len() as u64,
        gaps: chunk.gaps.clone(),
        counters: counters.iter().take(MAX_SIGNALS).map(|(signal, loss)| (signal.clone(), *loss)).collect(),
    };
    let mut plain = serde_json::to_vec(&header)?;
    plain.push(b'\n');
    for record in &chunk.records {
        plain.extend_from_slice(record);
        plain.push(b'\n');
    }
    // With the size known, tables are made for it and not for megabytes: most batches are a few records.
    let mut body = zstd::bulk::compress(&plain, LEVEL)?;
    add_ballast(&mut body, plain.len());
    Ok(body)
}

/// Records that repeat each other compress beyond the ratio at which a hub must suspect a bomb. A skippable frame
/// (RFC 8878 §3.1.2), which every decoder passes over, brings such a body back under it.
fn add_ballast(body: &mut Vec<u8>, plain_bytes: usize) {
    const SKIPPABLE: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();
    let needed = plain_bytes.div_ceil(MAX_BATCH_RATIO);
    if body.len() >= needed {
        return;
    }
    let padding = needed - body.len();
    body.extend_from_slice(&SKIPPABLE);
    // At most a hundredth of the plain size, so it always fits.
    body.extend_from_slice(&u32::try_from(padding).unwrap_or(0).to_le_bytes());
    body.resize(body.len() + padding, 0);
}
