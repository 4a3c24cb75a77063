//! What a batch changes on the hub: which of its records are new, what is missing before it, what to acknowledge.
//!
//! Pure arithmetic over sequence numbers, so that a batch sent twice, late or with a hole has one answer. The hub calls
//! it inside the transaction that stores the records, with the position it holds for (sender, `boot_id`, stream).

use model::{BatchHeader, Gap};

/// Cause of a gap that the sender did not declare.
pub const UNDECLARED: &str = "undeclared";

/// One step of a stream's position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Store records from this number on; what comes before is already durable.
    pub new_from: u64,
    /// Gaps to record: declared ones that are new, and with the cause [`UNDECLARED`] what is missing without a word.
    pub gaps: Vec<Gap>,
    /// What to acknowledge once this is durable: the new position.
    pub acked: u64,
}

impl Progress {
    /// The step from the position `acked` (0: nothing) by a batch whose header was checked by `decode_batch`.
    pub fn of(acked: u64, header: &BatchHeader) -> Self {
        let mut gaps = Vec::new();
        let mut position = acked;
        for gap in &header.gaps {
            missing(&mut gaps, position, gap.from);
            if gap.to > position {
                gaps.push(Gap { from: gap.from.max(position + 1), ..gap.clone() });
                position = gap.to;
            }
        }
        missing(&mut gaps, position, header.first_seq);
        position = position.max(header.last_seq).max(header.first_seq.saturating_sub(1));
        Self { new_from: acked + 1, gaps, acked: position }
    }

    /// Whether the batch brings nothing new.
    pub const fn is_repeat(&self) -> bool {
        self.acked < self.new_from
    }
}

fn missing(gaps: &mut Vec<Gap>, position: u64, next: u64) {
    if next > position + 1 {
        gaps.push(Gap { from: position + 1, to: next - 1, cause: UNDECLARED.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(acked: u64, first_seq: u64, records: u64, declared: &[(u64, u64)], expected: (&[(u64, u64, &str)], u64)) {
        let gap = |&(from, to): &(u64, u64)| Gap { from, to, cause: "spool_full".into() };
        let header = BatchHeader {
            v: 1,
            sender: model::Sender {
                cluster: "c".into(),
                node: None,
                program: "p".into(),
                version: "1".into(),
                boot_id: uuid::Uuid::nil(),
            },
            stream: "s".into(),
            first_seq,
            last_seq: first_seq + records - 1,
            records,
            gaps: declared.iter().map(gap).collect(),
            counters: std::collections::BTreeMap::default(),
        };
        let progress = Progress::of(acked, &header);
        let gaps: Vec<_> = progress.gaps.iter().map(|gap| (gap.from, gap.to, gap.cause.as_str())).collect();
        assert_eq!(
            (gaps.as_slice(), progress.acked),
            expected,
            "acked {acked}, batch {first_seq}+{records} {declared:?}"
        );
        assert_eq!(progress.new_from, acked + 1);
        assert_eq!(progress.is_repeat(), progress.acked == acked);
    }

    #[test]
    fn records_in_order_twice_and_overlapping() {
        check(0, 1, 3, &[], (&[], 3));
        check(3, 1, 3, &[], (&[], 3));
        check(3, 2, 4, &[], (&[], 5));
        check(9, 1, 3, &[], (&[], 9));
    }

    #[test]
    fn a_hole_is_a_gap_and_not_a_halt() {
        check(3, 7, 2, &[], (&[(4, 6, UNDECLARED)], 8));
        check(0, 7, 2, &[(2, 3)], (&[(1, 1, UNDECLARED), (2, 3, "spool_full"), (4, 6, UNDECLARED)], 8));
    }

    #[test]
    fn declared_gaps_count_once() {
        check(3, 7, 2, &[(4, 6)], (&[(4, 6, "spool_full")], 8));
        check(8, 7, 2, &[(4, 6)], (&[], 8));
        check(4, 7, 2, &[(2, 6)], (&[(5, 6, "spool_full")], 8));
        check(3, 7, 0, &[(4, 6)], (&[(4, 6, "spool_full")], 6));
    }
}
