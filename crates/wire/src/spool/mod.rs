//! A bounded queue of records on disk, one per stream (contract §7).
//!
//! A record that [`Spool::push`] took survives the death of the process; [`Spool::sync`] makes it survive the death of
//! the machine. Numbers have no holes: what cannot be kept (a full spool, a full disk, damage) becomes a gap with a
//! cause, and gaps are handed out before the records that follow them. What an earlier start left is handed out first,
//! under that start's `boot_id`.
//!
//! What it is not: a queue of work; records leave it only by acknowledgement.

mod boot;
mod disk;
mod frame;
mod ledger;
mod state;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use model::{Gap, Sender};
use serde::Serialize;
use uuid::Uuid;

use boot::{Boot, read_range};
use frame::Frames;
use state::{Plan, State};

pub use disk::{Disk, OsDisk};
pub use ledger::Cause;

use crate::MAX_RECORD_BYTES;

/// Largest segment that may be configured: what is read into memory at once when a spool is emptied.
pub(crate) const MAX_SEGMENT_BYTES: u64 = 32 << 20;
/// Starts of the sender whose leavings are kept: a program that dies every second must not fill the disk with folders.
const MAX_BOOTS: usize = 64;

/// How much a spool may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Bytes of records of one stream, over all starts. Beyond it the oldest segment becomes a gap.
    pub bytes: u64,
    /// Bytes of one segment file: the unit that is given up or removed.
    pub segment_bytes: u64,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        // 256 MiB hold six hours of the contract's 50 events per second at 240 bytes.
        Self { bytes: 256 << 20, segment_bytes: 4 << 20 }
    }
}

/// A spool that cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("opening the spool {path}")]
pub struct SpoolError {
    /// Its folder.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// A record that was not spooled. Where it had a number, the gap is noted and will be sent.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// It cannot be written as JSON; no number was used.
    #[error("the record cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// It is larger than a batch may carry.
    #[error("record {seq} has {bytes} bytes, more than {MAX_RECORD_BYTES}")]
    TooBig {
        /// The number that became a gap.
        seq: u64,
        /// Its size.
        bytes: usize,
    },
    /// The disk did not take it.
    #[error("record {seq} could not be written")]
    Disk {
        /// The number that became a gap.
        seq: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What to send next: gaps, then records whose numbers follow on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Under whose name: the `boot_id` is that of the start which wrote it.
    pub sender: Sender,
    /// Gaps before the records.
    pub gaps: Vec<Gap>,
    /// Number of the first record; without records the number after the last gap.
    pub first_seq: u64,
    /// The records.
    pub records: Vec<Bytes>,
    /// Where each record ends in its segment file.
    ends: Vec<u64>,
}

impl Chunk {
    /// Number of the last record; without records the number before `first_seq`.
    pub fn last_seq(&self) -> u64 {
        self.first_seq + self.records.len() as u64 - 1
    }
}

/// Counts since the spool was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpoolStatus {
    /// Numbers given out by this start.
    pub pushed: u64,
    /// Numbers that became gaps, of any start.
    pub dropped: u64,
    /// Numbers that wait for acknowledgement, of any start: records and gaps.
    pub waiting: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Gaps that the hub does not know yet.
    pub gaps: usize,
    /// Bytes left by another identity, which cannot be sent under this one.
    pub foreign_bytes: u64,
}

/// The spool of one stream. Clones share it; every method may be called from any thread.
#[derive(Debug, Clone)]
pub struct Spool {
    state: Arc<Mutex<State>>,
}

impl Spool {
    /// Opens the folder of a stream and finds what earlier starts left. Writes nothing before the first record.
    pub fn open(dir: impl Into<PathBuf>, sender: Sender, limits: SpoolLimits) -> Result<Self, SpoolError> {
        Self::open_on(Arc::new(OsDisk), dir, sender, limits)
    }

    /// [`Spool::open`] on another disk.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        dir: impl Into<PathBuf>,
        sender: Sender,
        limits: SpoolLimits,
    ) -> Result<Self, SpoolError> {
        let dir = dir.into();
        let limits = SpoolLimits { segment_bytes: limits.segment_bytes.clamp(1, MAX_SEGMENT_BYTES), ..limits };
        let old = recover(&dir, &sender).map_err(|source| SpoolError { path: dir.clone(), source })?;
        let mut state = State::new(disk, limits, old, Boot::new(&dir, sender));
        state.forget_old(MAX_BOOTS);
        Ok(Self { state: Arc::new(Mutex::new(state)) })
    }

    /// Takes a record; returns its number.
    pub fn push(&self, record: &impl Serialize) -> Result<u64, PushError> {
        // Serialising needs no number, so it happens outside the lock.
        let json = serde_json::to_vec(record).map_err(PushError::Json)?;
        self.lock().push(&one_line(json))
    }

    /// Takes a record that holds its own number. `make` runs while the spool is locked: it must not push.
    pub fn push_with<T: Serialize>(&self, make: impl FnOnce(u64) -> T) -> Result<u64, PushError> {
        let mut state = self.lock();
        let json = serde_json::to_vec(&make(state.next_seq())).map_err(PushError::Json)?;
        state.push(&one_line(json))
    }

    /// The next records to send: at most `max_records` of them, of at most `max_bytes` (but at least one). The same
    /// again until they are acknowledged; `None` when nothing waits. Reads a file: not for an async task. An error is
    /// one that may pass (too many open files); what a broken disk or a removed file took becomes a gap.
    pub fn next(&self, max_records: usize, max_bytes: usize) -> io::Result<Option<Chunk>> {
        loop {
            let read = match self.lock().plan() {
                Plan::Nothing => return Ok(None),
                Plan::Gaps(chunk) => return Ok(Some(chunk)),
                Plan::Read(read) => read,
            };
            // Outside the lock: a slow disk must not hold up whoever pushes.
            let bytes = match read_range(&read.path, read.from, read.to) {
                Ok(bytes) => bytes,
                Err(error) if is_final(&error) => Vec::new(),
                Err(error) => return Err(error),
            };
            if let Some(chunk) = self.lock().absorb(&read, Frames::new(&bytes), max_records, max_bytes) {
                return Ok(Some(chunk));
            }
        }
    }

    /// Notes what the hub answered to a chunk and frees what is durable there. Returns whether the hub moved on.
    pub fn acknowledge(&self, chunk: &Chunk, acked: u64) -> bool {
        self.lock().acknowledge(chunk, acked)
    }

    /// Gives up the records of a chunk that the hub will never take.
    pub fn refuse(&self, chunk: &Chunk) {
        if !chunk.records.is_empty() {
            self.lock().lose(chunk.sender.boot_id, chunk.first_seq, chunk.last_seq(), Cause::RefusedByHub);
        }
    }

    /// Makes everything that was pushed so far survive the death of the machine. Blocks on the disk.
    pub fn sync(&self) -> io::Result<()> {
        let (disk, files) = self.lock().unsynced()?;
        files.iter().try_for_each(|file| disk.sync(file))
    }

    /// Counts.
    pub fn status(&self) -> SpoolStatus {
        self.lock().status()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between its own steps; a panic of a caller's `make` leaves it as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a read that failed will fail again: the file is gone or the medium is broken.
fn is_final(error: &io::Error) -> bool {
    /// errno(3): an error of the medium; the standard library has no kind for it.
    const EIO: i32 = 5;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(EIO)
}

/// Line ends inside JSON are white space (strings escape theirs), and a batch is lines.
fn one_line(mut json: Vec<u8>) -> Vec<u8> {
    for byte in &mut json {
        if *byte == b'\n' || *byte == b'\r' {
            *byte = b' ';
        }
    }
    json
}

fn recover(dir: &Path, ours: &Sender) -> io::Result<Vec<Boot>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut boots = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(boot_id) = entry.file_name().to_str().and_then(|name| name.parse::<Uuid>().ok()) else { continue };
        if boot_id != ours.boot_id {
            boots.push(Boot::recover(entry.path(), boot_id, ours)?);
        }
    }
    // Version 7 identifiers begin with their time.
    boots.sort_by_key(|boot| boot.sender.boot_id);
    Ok(boots)
}
