//! The spool's state under its lock: which numbers are where.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::boot::{Boot, Segment};
use super::disk::Disk;
use super::frame::{self, Frame, Frames};
use super::ledger::Cause;
use super::{Chunk, PushError, SpoolLimits, SpoolStatus};
use crate::MAX_RECORD_BYTES;

/// An acknowledged segment that is still written to is given up at this size, so that quiet streams keep their file.
const ROTATE_ACKED_BYTES: u64 = 64 << 10;

#[derive(Debug)]
pub(super) struct State {
    disk: Arc<dyn Disk>,
    limits: SpoolLimits,
    /// Oldest first; the last is this start's.
    boots: VecDeque<Boot>,
    /// First number and file of the segment that records are added to.
    active: Option<(u64, File)>,
    /// Whether records were added since the last [`State::unsynced`].
    unsynced: bool,
    /// Files that were full before they were durable.
    full: Vec<File>,
    pushed: u64,
    dropped: u64,
}

/// What [`State::plan`] found.
pub(super) enum Plan {
    /// Nothing waits.
    Nothing,
    /// Only gaps wait.
    Gaps(Chunk),
    /// These bytes hold what comes next.
    Read(ReadPlan),
}

/// A part of a segment.
pub(super) struct ReadPlan {
    boot_id: Uuid,
    first_seq: u64,
    pub path: PathBuf,
    pub from: u64,
    pub to: u64,
}

impl State {
    pub(super) fn new(disk: Arc<dyn Disk>, limits: SpoolLimits, old: Vec<Boot>, current: Boot) -> Self {
        let mut boots: VecDeque<Boot> = old.into();
        boots.push_back(current);
        Self { disk, limits, boots, active: None, unsynced: false, full: Vec::new(), pushed: 0, dropped: 0 }
    }

    /// Gives up the leavings of all but the newest starts.
    pub(super) fn forget_old(&mut self, keep: usize) {
        while self.boots.len() > keep.max(1) {
            let Some(boot) = self.boots.pop_front() else { return };
            tracing::warn!(boot_id = %boot.sender.boot_id, "the spool has too many old starts; the oldest is given up");
            self.dropped += boot.ledger.next - 1 - boot.ledger.acked;
            boot.remove(&*self.disk);
        }
    }

    /// Which start this is.
    #[cfg(test)]
    pub(super) fn current_id(&self) -> Uuid {
        self.boots.back().map(|boot| boot.sender.boot_id).unwrap_or_default()
    }

    pub(super) fn next_seq(&self) -> u64 {
        self.boots.back().map_or(1, |boot| boot.ledger.next)
    }

    pub(super) fn push(&mut self, payload: &[u8]) -> Result<u64, PushError> {
        let seq = self.next_seq();
        self.pushed += 1;
        if payload.len() > MAX_RECORD_BYTES {
            self.lose_current(seq, Cause::RecordTooBig);
            return Err(PushError::TooBig { seq, bytes: payload.len() });
        }
        let bytes = frame::encode(seq, payload);
        self.make_room(bytes.len() as u64);
        match self.append(seq, &bytes) {
            Ok(()) => Ok(seq),
            Err(source) => {
                self.lose_current(seq, Cause::DiskFull);
                Err(PushError::Disk { seq, source })
            }
        }
    }

    fn append(&mut self, seq: u64, bytes: &[u8]) -> io::Result<()> {
        let Some(boot) = self.boots.back_mut() else { return Ok(()) };
        let open = |(first, _): &(u64, File)| {
            let fits = |segment: &Segment| segment.first_seq == *first && segment.bytes < self.limits.segment_bytes;
            boot.segments.back().is_some_and(fits)
        };
        if !self.active.as_ref().is_some_and(open) {
            self.full.extend(self.active.take().filter(|_| self.unsynced).map(|(_, file)| file));
            self.active = Some((seq, boot.start_segment(&*self.disk, seq)?));
        }
        let (Some((_, file)), Some(segment)) = (&self.active, boot.segments.back_mut()) else { return Ok(()) };
        if let Err(error) = self.disk.write(file, segment.bytes, bytes) {
            // What was written of it lies behind the valid length; if it cannot be cut off, no more is added behind it.
            if self.disk.truncate(file, segment.bytes).is_err() {
                self.active = None;
            }
            return Err(error);
        }
        segment.bytes += bytes.len() as u64;
        segment.last_seq = seq;
        boot.ledger.next = seq + 1;
        self.unsynced = true;
        Ok(())
    }

    fn lose_current(&mut self, seq: u64, cause: Cause) {
        if let Some(id) = self.boots.back().map(|boot| boot.sender.boot_id) {
            self.lose(id, seq, seq, cause);
        }
    }

    /// Notes a gap, on disk if the disk lets us.
    pub(super) fn lose(&mut self, boot_id: Uuid, from: u64, to: u64, cause: Cause) {
        let Some(boot) = self.boots.iter_mut().find(|boot| boot.sender.boot_id == boot_id) else { return };
        self.dropped += boot.ledger.lose(from, to, cause);
        save(boot, &*self.disk);
    }

    /// Gives up the oldest segments until `more` bytes fit.
    fn make_room(&mut self, more: u64) {
        let mut bytes: u64 = self.boots.iter().map(Boot::bytes).sum();
        while bytes.saturating_add(more) > self.limits.bytes {
            let Some(index) = self.boots.iter().position(|boot| !boot.segments.is_empty()) else { return };
            let boot = &mut self.boots[index];
            let Some(segment) = boot.segments.pop_front() else { return };
            bytes -= segment.bytes;
            self.dropped += boot.ledger.lose(segment.first_seq, segment.last_seq, Cause::SpoolFull);
            // The gap is noted before the records are gone.
            save(boot, &*self.disk);
            remove(&segment.path, &*self.disk);
        }
    }

    pub(super) fn plan(&mut self) -> Plan {
        let mut index = 0;
        while index < self.boots.len() {
            let current = index + 1 == self.boots.len();
            let boot = &mut self.boots[index];
            if boot.foreign {
                index += 1;
                continue;
            }
            let expected = boot.ledger.acked + 1;
            if let Some(segment) = boot.segments.iter().find(|segment| segment.last_seq >= expected) {
                return Plan::Read(ReadPlan {
                    boot_id: boot.sender.boot_id,
                    first_seq: segment.first_seq,
                    path: segment.path.clone(),
                    from: segment.resume,
                    to: segment.bytes,
                });
            }
            if boot.pending() {
                return Plan::Gaps(self.gaps_only(index));
            }
            if current {
                break;
            }
            if let Some(done) = self.boots.remove(index) {
                done.remove(&*self.disk);
            }
        }
        Plan::Nothing
    }

    /// No record is left of what was given out: everything that waits is missing.
    fn gaps_only(&mut self, index: usize) -> Chunk {
        let boot = &mut self.boots[index];
        let (from, to) = (boot.ledger.acked + 1, boot.ledger.next - 1);
        let unexplained = boot.ledger.lose(from, to, Cause::SpoolDamaged);
        if unexplained > 0 {
            self.dropped += unexplained;
            save(boot, &*self.disk);
        }
        let gaps = boot.ledger.gaps().iter().map(|gap| gap.to_wire()).collect();
        Chunk { sender: boot.sender.clone(), gaps, first_seq: to + 1, records: Vec::new(), ends: Vec::new() }
    }

    /// Turns the frames of a segment into a chunk; `None` when the spool changed meanwhile or they had nothing new.
    pub(super) fn absorb(
        &mut self,
        plan: &ReadPlan,
        frames: Frames<'_>,
        max_records: usize,
        max_bytes: usize,
    ) -> Option<Chunk> {
        let boot = self.boots.iter_mut().find(|boot| boot.sender.boot_id == plan.boot_id)?;
        let position = boot.segments.iter().position(|segment| segment.first_seq == plan.first_seq)?;
        let acked = boot.ledger.acked;
        let ledger = &boot.ledger;
        let wanted = |frame: &Frame<'_>| frame.seq > acked && ledger.gap_end(frame.seq).is_none();
        let run = collect(frames.filter(wanted), plan.from, max_records, max_bytes);
        let Some((first_seq, records, ends)) = run else {
            // Nothing in it will ever be sent: damage explains what no gap explains.
            let segment = &boot.segments[position];
            if segment.bytes > plan.to {
                return None;
            }
            let lost = boot.ledger.lose(acked + 1, segment.last_seq, Cause::SpoolDamaged);
            self.drop_segment(plan, lost);
            return None;
        };
        let unexplained = boot.ledger.lose(acked + 1, first_seq - 1, Cause::SpoolDamaged);
        let before = |gap: &&super::ledger::StoredGap| gap.to < first_seq;
        let gaps = boot.ledger.gaps().iter().filter(before).map(|gap| gap.to_wire()).collect();
        let chunk = Chunk { sender: boot.sender.clone(), gaps, first_seq, records, ends };
        if unexplained > 0 {
            self.dropped += unexplained;
            save(boot, &*self.disk);
        }
        Some(chunk)
    }

    fn drop_segment(&mut self, plan: &ReadPlan, lost: u64) {
        self.dropped += lost;
        let Some(boot) = self.boots.iter_mut().find(|boot| boot.sender.boot_id == plan.boot_id) else { return };
        save(boot, &*self.disk);
        boot.segments.retain(|segment| segment.first_seq != plan.first_seq);
        remove(&plan.path, &*self.disk);
    }

    pub(super) fn acknowledge(&mut self, chunk: &Chunk, acked: u64) -> bool {
        let boot_id = chunk.sender.boot_id;
        let Some(boot) = self.boots.iter_mut().find(|boot| boot.sender.boot_id == boot_id) else { return false };
        let before = boot.ledger.acked;
        // Beyond what was sent is no answer to it, but a hub that wants unsent records deleted.
        boot.ledger.acknowledge(acked.min(chunk.last_seq()));
        save(boot, &*self.disk);
        let acked = boot.ledger.acked;
        for segment in &mut boot.segments {
            if (segment.first_seq..=segment.last_seq).contains(&chunk.first_seq) && acked >= chunk.first_seq {
                let index = usize::try_from(acked - chunk.first_seq).unwrap_or(usize::MAX);
                segment.resume = chunk.ends.get(index).copied().unwrap_or(segment.resume);
            }
        }
        let active = self.active.as_ref().map(|(first_seq, _)| *first_seq);
        while let Some(segment) = boot.segments.front().filter(|segment| segment.last_seq <= acked) {
            let grows = active == Some(segment.first_seq) && boot_id == boot.sender.boot_id;
            if grows && segment.bytes < ROTATE_ACKED_BYTES {
                break;
            }
            remove(&segment.path, &*self.disk);
            boot.segments.pop_front();
        }
        acked > before
    }

    /// The files whose content is not durable yet.
    pub(super) fn unsynced(&mut self) -> io::Result<(Arc<dyn Disk>, Vec<File>)> {
        let mut files = std::mem::take(&mut self.full);
        let Some(boot) = self.boots.back_mut() else { return Ok((Arc::clone(&self.disk), files)) };
        if self.unsynced || boot.dirty {
            if let Some((_, file)) = &self.active {
                files.push(file.try_clone()?);
            }
            // The ledger's `next` tells the next start how far the records went, should their file be cut.
            boot.save(&*self.disk)?;
            files.extend(boot.ledger_handle()?);
            self.unsynced = false;
        }
        Ok((Arc::clone(&self.disk), files))
    }

    pub(super) fn status(&self) -> SpoolStatus {
        let mut status = SpoolStatus { pushed: self.pushed, dropped: self.dropped, ..SpoolStatus::default() };
        for boot in &self.boots {
            status.bytes += boot.bytes();
            if boot.foreign {
                status.foreign_bytes += boot.bytes();
            } else {
                status.waiting += boot.ledger.next - 1 - boot.ledger.acked;
                status.gaps += boot.ledger.gaps().len();
            }
        }
        status
    }
}

/// A run of records whose numbers follow on, and where each ends in the file.
fn collect<'a>(
    frames: impl Iterator<Item = Frame<'a>>,
    offset: u64,
    max_records: usize,
    max_bytes: usize,
) -> Option<(u64, Vec<Bytes>, Vec<u64>)> {
    let (mut first, mut bytes) = (0, 0);
    let (mut records, mut ends) = (Vec::new(), Vec::new());
    for frame in frames {
        if records.is_empty() {
            first = frame.seq;
        } else if frame.seq != first + records.len() as u64
            || records.len() >= max_records
            || bytes + frame.payload.len() > max_bytes
        {
            break;
        }
        bytes += frame.payload.len();
        records.push(Bytes::copy_from_slice(frame.payload));
        ends.push(offset + frame.end as u64);
    }
    (!records.is_empty()).then_some((first, records, ends))
}

fn save(boot: &mut Boot, disk: &dyn Disk) {
    if let Err(error) = boot.save(disk) {
        // The state in memory goes on; only if the process dies too is the note lost.
        tracing::warn!(dir = %boot.dir.display(), %error, "the spool's ledger could not be written");
    }
}

fn remove(path: &std::path::Path, disk: &dyn Disk) {
    if let Err(error) = disk.remove(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a spool file could not be removed");
    }
}
