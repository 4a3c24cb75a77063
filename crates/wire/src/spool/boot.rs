//! The folder of one start of the sender: a ledger and segment files named after their first number.
//!
//! A segment is the magic, a frame of number 0 with the sender as JSON (so that whoever starts next can send it under
//! the name it was written with), then records.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use limits::json::{self, JsonLimits};
use model::Sender;
use uuid::Uuid;

use super::disk::Disk;
use super::frame::{self, Frames};
use super::ledger::{FILE_BYTES, Ledger, SLOT_BYTES};

const MAGIC: &[u8] = b"SWSPOOL1";
const LEDGER_NAME: &str = "ledger";
const SUFFIX: &str = ".seg";
/// What is read of one segment at most: the largest that can be configured and one record.
const MAX_READ_BYTES: u64 = super::MAX_SEGMENT_BYTES + crate::MAX_RECORD_BYTES as u64 + 4096;

/// A segment file.
#[derive(Debug)]
pub(super) struct Segment {
    pub path: PathBuf,
    pub first_seq: u64,
    /// The last number in it, `first_seq - 1` when there is none.
    pub last_seq: u64,
    /// Its length.
    pub bytes: u64,
    /// Everything before this offset is acknowledged.
    pub resume: u64,
}

/// One start of the sender.
#[derive(Debug)]
pub(super) struct Boot {
    pub dir: PathBuf,
    pub sender: Sender,
    pub ledger: Ledger,
    pub segments: VecDeque<Segment>,
    /// Written by another identity than ours: it cannot be sent under our certificate.
    pub foreign: bool,
    generation: u64,
    ledger_file: Option<File>,
    /// Whether the ledger changed since it was last written.
    pub dirty: bool,
}

impl Boot {
    /// A start that has written nothing yet.
    pub(super) fn new(stream_dir: &Path, sender: Sender) -> Self {
        Self {
            dir: stream_dir.join(sender.boot_id.to_string()),
            sender,
            ledger: Ledger::default(),
            segments: VecDeque::new(),
            foreign: false,
            generation: 0,
            ledger_file: None,
            dirty: false,
        }
    }

    /// What an earlier start left. `ours` names the program should no segment have its sender.
    pub(super) fn recover(dir: PathBuf, boot_id: Uuid, ours: &Sender) -> io::Result<Self> {
        let (ledger, generation) = read_range(&dir.join(LEDGER_NAME), 0, FILE_BYTES as u64)
            .ok()
            .and_then(|bytes| Ledger::decode(&bytes))
            .unwrap_or_default();
        let mut boot = Self { dir, ledger, generation, ..Self::new(Path::new(""), Sender { boot_id, ..ours.clone() }) };
        let mut found = Vec::new();
        for entry in fs::read_dir(&boot.dir)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
            if let Some(first_seq) = name.and_then(|digits| digits.parse::<u64>().ok()) {
                let bytes = fs::metadata(&path)?.len();
                found.push(Segment { path, first_seq, last_seq: first_seq.saturating_sub(1), bytes, resume: 0 });
            }
        }
        found.sort_by_key(|segment| segment.first_seq);
        for index in 1..found.len() {
            found[index - 1].last_seq = found[index].first_seq.saturating_sub(1);
        }
        if let Some(last) = found.last_mut() {
            boot.ledger.next = boot.ledger.next.max(scan_end(last));
        }
        if let Some(sender) = found.first().and_then(|segment| read_sender(&segment.path)) {
            boot.foreign = sender.cluster != ours.cluster || sender.node != ours.node;
            boot.sender = Sender { boot_id, ..sender };
        }
        boot.segments = found.into();
        Ok(boot)
    }

    /// Bytes of its segments.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Whether something is left to send.
    pub(super) fn pending(&self) -> bool {
        self.ledger.acked + 1 < self.ledger.next
    }

    /// Makes the folder and the ledger file, with all blocks that it will ever need.
    pub(super) fn create(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if self.ledger_file.is_some() {
            return Ok(());
        }
        disk.create_dir(&self.dir)?;
        let file = disk.open(&self.dir.join(LEDGER_NAME))?;
        if file.metadata()?.len() < FILE_BYTES as u64 {
            disk.write(&file, 0, &[0; FILE_BYTES])?;
        }
        self.ledger_file = Some(file);
        Ok(())
    }

    /// Writes the ledger into the slot that does not hold the newest state.
    pub(super) fn save(&mut self, disk: &dyn Disk) -> io::Result<()> {
        self.dirty = true;
        self.create(disk)?;
        let Some(file) = &self.ledger_file else { return Ok(()) };
        let generation = self.generation + 1;
        disk.write(file, (generation % 2) * SLOT_BYTES as u64, &self.ledger.encode(generation))?;
        self.generation = generation;
        self.dirty = false;
        Ok(())
    }

    /// A handle of the ledger file, to make it durable without holding the spool.
    pub(super) fn ledger_handle(&self) -> io::Result<Option<File>> {
        self.ledger_file.as_ref().map(File::try_clone).transpose()
    }

    /// Starts a segment whose first record will be `first_seq`. Returns its file.
    pub(super) fn start_segment(&mut self, disk: &dyn Disk, first_seq: u64) -> io::Result<File> {
        self.create(disk)?;
        let sender = serde_json::to_vec(&self.sender)?;
        let start = [MAGIC, &frame::encode(0, &sender)].concat();
        let path = self.dir.join(format!("{first_seq:020}{SUFFIX}"));
        let file = disk.open(&path)?;
        if let Err(error) = disk.write(&file, 0, &start) {
            // An empty file would only be one more thing to explain; if it stays, recovery skips it.
            drop(disk.remove(&path));
            return Err(error);
        }
        let bytes = start.len() as u64;
        self.segments.push_back(Segment { path, first_seq, last_seq: first_seq - 1, bytes, resume: bytes });
        Ok(file)
    }

    /// Removes the folder of a start that has nothing left to send.
    pub(super) fn remove(self, disk: &dyn Disk) {
        let segments = self.segments.iter().map(|segment| segment.path.clone());
        for path in segments.chain([self.dir.join(LEDGER_NAME)]) {
            if let Err(error) = disk.remove(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "a finished spool file stays on the disk");
            }
        }
        if let Err(error) = disk.remove_dir(&self.dir) {
            tracing::debug!(path = %self.dir.display(), %error, "a finished spool folder stays on the disk");
        }
    }
}

/// Bytes `from..to` of a file, fewer when it is shorter.
pub(super) fn read_range(path: &Path, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let length = to.saturating_sub(from).min(MAX_READ_BYTES);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    let file = File::open(path)?;
    let mut filled = 0;
    while filled < bytes.len() {
        let count = match file.read_at(&mut bytes[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        filled += count;
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Finds the last record of the last segment; returns the number after it, or after the one that was cut short.
fn scan_end(segment: &mut Segment) -> u64 {
    // What cannot be read now cannot be read when it is to be sent, and becomes a gap there.
    let bytes = read_range(&segment.path, 0, segment.bytes).unwrap_or_default();
    let mut frames = Frames::new(&bytes);
    for frame in frames.by_ref() {
        segment.last_seq = segment.last_seq.max(frame.seq);
    }
    match frames.torn() {
        Some(seq) if seq == segment.last_seq + 1 => seq + 1,
        _ => segment.last_seq + 1,
    }
}

fn read_sender(path: &Path) -> Option<Sender> {
    let start = read_range(path, 0, 64 << 10).ok()?;
    let frame = Frames::new(start.strip_prefix(MAGIC)?).next().filter(|frame| frame.seq == 0)?;
    json::from_slice(frame.payload, &JsonLimits::RECORD).ok()
}
