//! What a spool must remember beside its records: what was acknowledged, what is missing and why.
//!
//! The file has its full size from the start (two slots, written in turn), so that on a full disk a loss can still be
//! noted: overwriting blocks that exist needs no new ones (on a copy-on-write file system it may; then the note lives
//! only until the process ends). A slot is `magic, generation, acked, next, count, (from, to, cause)…, crc` in
//! little-endian; the valid slot with the higher generation counts.

use model::Gap;

/// One slot: a block of any usual file system, so that a torn write damages one slot only.
pub(super) const SLOT_BYTES: usize = 4096;
/// The whole file.
pub(super) const FILE_BYTES: usize = 2 * SLOT_BYTES;
const MAGIC: u64 = u64::from_le_bytes(*b"SWLEDGR1");
const FIXED_BYTES: usize = 5 * 8;
const GAP_BYTES: usize = 17;
/// Gaps that fit into a slot and, with [`crate::server::decode::MAX_GAPS`], into a batch header.
pub(super) const MAX_GAPS: usize = 128;
const _: () = assert!(FIXED_BYTES + MAX_GAPS * GAP_BYTES + 4 <= SLOT_BYTES, "a full ledger fits into its slot");

/// Why a record will never be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// The spool was at its limit and gave up its oldest records.
    SpoolFull = 1,
    /// The disk did not take the record.
    DiskFull = 2,
    /// The record is larger than a batch may carry.
    RecordTooBig = 3,
    /// The spool's files were damaged or cut short.
    SpoolDamaged = 4,
    /// The hub had acknowledged it and no longer has it (a restored backup, say).
    HubForgot = 5,
    /// The hub refused the record for good.
    RefusedByHub = 6,
    /// Several of these: gaps were merged because there were too many.
    Several = 7,
}

impl Cause {
    /// As it stands in a batch header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SpoolFull => "spool_full",
            Self::DiskFull => "disk_full",
            Self::RecordTooBig => "record_too_big",
            Self::SpoolDamaged => "spool_damaged",
            Self::HubForgot => "hub_forgot",
            Self::RefusedByHub => "refused_by_hub",
            Self::Several => "several",
        }
    }

    const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::SpoolFull,
            2 => Self::DiskFull,
            3 => Self::RecordTooBig,
            4 => Self::SpoolDamaged,
            5 => Self::HubForgot,
            6 => Self::RefusedByHub,
            _ => Self::Several,
        }
    }
}

/// Numbers that will never be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoredGap {
    pub from: u64,
    pub to: u64,
    pub cause: Cause,
}

impl StoredGap {
    pub(super) fn to_wire(self) -> Gap {
        Gap { from: self.from, to: self.to, cause: self.cause.as_str().to_owned() }
    }
}

/// Positions and gaps of one stream of one start of the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ledger {
    /// Acknowledged up to here.
    pub acked: u64,
    /// The next number to give out.
    pub next: u64,
    /// Sorted, apart, all beyond `acked`.
    gaps: Vec<StoredGap>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { acked: 0, next: 1, gaps: Vec::new() }
    }
}

impl Ledger {
    pub(super) fn gaps(&self) -> &[StoredGap] {
        &self.gaps
    }

    /// The last number of the gap that holds `seq`.
    pub(super) fn gap_end(&self, seq: u64) -> Option<u64> {
        self.gaps.iter().find(|gap| (gap.from..=gap.to).contains(&seq)).map(|gap| gap.to)
    }

    /// Notes that `from..=to` will not be sent. Numbers that are acknowledged or missing already stay as they are.
    /// Returns how many were not known to be missing.
    pub(super) fn lose(&mut self, from: u64, to: u64, cause: Cause) -> u64 {
        let mut lost = 0;
        let mut position = from.max(self.acked + 1);
        while position <= to {
            if let Some(end) = self.gap_end(position) {
                position = end.saturating_add(1);
                continue;
            }
            let next_gap = self.gaps.iter().map(|gap| gap.from).find(|from| *from > position);
            let end = next_gap.map_or(to, |from| to.min(from - 1));
            lost += end - position + 1;
            self.insert(StoredGap { from: position, to: end, cause });
            position = end.saturating_add(1);
        }
        self.next = self.next.max(to.saturating_add(1));
        lost
    }

    fn insert(&mut self, gap: StoredGap) {
        let index = self.gaps.partition_point(|other| other.from < gap.from);
        let joins = |one: &StoredGap, two: &StoredGap| one.to + 1 == two.from && one.cause == two.cause;
        self.gaps.insert(index, gap);
        if self.gaps.get(index + 1).is_some_and(|after| joins(&gap, after)) {
            self.gaps[index].to = self.gaps.remove(index + 1).to;
        }
        if index > 0 && joins(&self.gaps[index - 1], &self.gaps[index]) {
            self.gaps[index - 1].to = self.gaps.remove(index).to;
        }
        if self.gaps.len() > MAX_GAPS {
            // The records between the two oldest gaps are given up with them: bounded memory, and still told.
            let second = self.gaps.remove(1);
            self.gaps[0].to = second.to;
            self.gaps[0].cause = Cause::Several;
        }
    }

    /// Moves the acknowledged position, also back (a hub that forgot).
    pub(super) fn acknowledge(&mut self, acked: u64) {
        let before = self.acked;
        self.acked = acked.min(self.next - 1);
        if self.acked < before {
            self.lose(self.acked + 1, before, Cause::HubForgot);
        }
        let acked = self.acked;
        self.gaps.retain(|gap| gap.to > acked);
        if let Some(first) = self.gaps.first_mut() {
            first.from = first.from.max(acked + 1);
        }
    }

    /// A slot's bytes.
    pub(super) fn encode(&self, generation: u64) -> Vec<u8> {
        let count = self.gaps.len() as u64;
        let mut slot = Vec::with_capacity(SLOT_BYTES);
        for word in [MAGIC, generation, self.acked, self.next, count] {
            slot.extend_from_slice(&word.to_le_bytes());
        }
        for gap in &self.gaps {
            slot.extend_from_slice(&gap.from.to_le_bytes());
            slot.extend_from_slice(&gap.to.to_le_bytes());
            slot.push(gap.cause as u8);
        }
        slot.resize(SLOT_BYTES - 4, 0);
        let crc = crc32fast::hash(&slot);
        slot.extend_from_slice(&crc.to_le_bytes());
        slot
    }

    /// The newer valid slot of a file and its generation.
    pub(super) fn decode(file: &[u8]) -> Option<(Self, u64)> {
        file.chunks_exact(SLOT_BYTES).filter_map(decode_slot).max_by_key(|(_, generation)| *generation)
    }
}

fn decode_slot(slot: &[u8]) -> Option<(Ledger, u64)> {
    let (content, crc) = slot.split_last_chunk()?;
    if crc32fast::hash(content) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut rest = content;
    let mut word = || {
        let (word, after) = rest.split_first_chunk()?;
        rest = after;
        Some(u64::from_le_bytes(*word))
    };
    let (magic, generation, acked, next, count) = (word()?, word()?, word()?, word()?, word()?);
    if magic != MAGIC || next == 0 || acked >= next {
        return None;
    }
    let count = usize::try_from(count).ok().filter(|count| *count <= MAX_GAPS)?;
    let mut gaps = Vec::with_capacity(count);
    for _ in 0..count {
        let (from, after) = rest.split_first_chunk()?;
        let (to, after) = after.split_first_chunk()?;
        let (cause, after) = after.split_first()?;
        rest = after;
        let (from, to) = (u64::from_le_bytes(*from), u64::from_le_bytes(*to));
        gaps.push(StoredGap { from, to, cause: Cause::from_code(*cause) });
    }
    Some((Ledger { acked, next, gaps }, generation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(ledger: &Ledger) -> Vec<(u64, u64, &'static str)> {
        ledger.gaps().iter().map(|gap| (gap.from, gap.to, gap.cause.as_str())).collect()
    }

    #[test]
    fn losses_join_and_never_overlap() {
        let mut ledger = Ledger { next: 100, ..Ledger::default() };
        assert_eq!(ledger.lose(5, 6, Cause::DiskFull), 2);
        assert_eq!(ledger.lose(7, 7, Cause::DiskFull), 1);
        assert_eq!(ledger.lose(1, 10, Cause::SpoolFull), 7);
        assert_eq!(ledger.lose(1, 10, Cause::SpoolDamaged), 0);
        assert_eq!(ranges(&ledger), [(1, 4, "spool_full"), (5, 7, "disk_full"), (8, 10, "spool_full")]);
        ledger.acknowledge(6);
        assert_eq!(ranges(&ledger), [(7, 7, "disk_full"), (8, 10, "spool_full")]);
        assert_eq!(ledger.lose(1, 6, Cause::SpoolFull), 0, "acknowledged is not lost");
    }

    #[test]
    fn a_hub_that_forgot_gets_a_gap() {
        let mut ledger = Ledger { acked: 9, next: 12, ..Ledger::default() };
        ledger.acknowledge(3);
        assert_eq!((ledger.acked, ranges(&ledger)), (3, vec![(4, 9, "hub_forgot")]));
        ledger.acknowledge(99);
        assert_eq!((ledger.acked, ranges(&ledger)), (11, vec![]), "never beyond what was given out");
    }

    #[test]
    fn too_many_gaps_are_merged_from_the_oldest() {
        let mut ledger = Ledger { next: 10_000, ..Ledger::default() };
        for index in 0..=MAX_GAPS as u64 {
            ledger.lose(10 * index + 1, 10 * index + 1, Cause::DiskFull);
        }
        assert_eq!(ledger.gaps().len(), MAX_GAPS);
        assert_eq!(ranges(&ledger)[0], (1, 11, "several"));
        assert_eq!(ledger.gap_end(5), Some(11));
        let (read, generation) = Ledger::decode(&ledger.encode(3)).unwrap();
        assert_eq!((read, generation), (ledger, 3));
    }

    #[test]
    fn the_newer_slot_that_is_whole_counts() {
        let old = Ledger { acked: 1, next: 5, gaps: vec![] };
        let new = Ledger { acked: 2, next: 9, gaps: vec![StoredGap { from: 4, to: 4, cause: Cause::RefusedByHub }] };
        let mut file = [new.encode(8), old.encode(7)].concat();
        assert_eq!(Ledger::decode(&file).unwrap(), (new, 8));
        file[20] ^= 1;
        assert_eq!(Ledger::decode(&file).unwrap(), (old, 7));
        assert_eq!(Ledger::decode(&file[..SLOT_BYTES]), None);
        assert_eq!(Ledger::decode(&[0; FILE_BYTES]), None);
        assert_eq!(Ledger::decode(b""), None);
    }
}
