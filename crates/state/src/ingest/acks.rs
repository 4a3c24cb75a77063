//! Which sequence numbers of a stream are durable: a contiguous start and ranges beyond holes. Pure.

use serde::{Deserialize, Serialize};

/// Ranges beyond the first hole that are remembered: an honest sender makes one per lost batch, and a hole that is
/// filled disappears; beyond this the sender is broken or hostile.
pub const MAX_RANGES: usize = 256;

/// The durable part of a stream. Sequence numbers start at 1.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Durable {
    /// Everything up to here.
    pub acked: u64,
    /// Disjoint ranges after a hole, sorted, both ends included, never adjacent.
    pub beyond: Vec<(u64, u64)>,
}

impl Durable {
    /// Whether a sequence number is durable.
    pub fn contains(&self, seq: u64) -> bool {
        seq <= self.acked || self.beyond.iter().any(|&(from, to)| from <= seq && seq <= to)
    }

    /// Adds a range, both ends included. `false`, and nothing changed, when there are too many holes.
    #[must_use]
    pub fn add(&mut self, from: u64, to: u64) -> bool {
        if to < from || to <= self.acked {
            return true;
        }
        let mut ranges = self.beyond.clone();
        ranges.push((from, to));
        ranges.sort_unstable();
        let mut acked = self.acked;
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            if from <= acked.saturating_add(1) {
                acked = acked.max(to);
                continue;
            }
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        if merged.len() > MAX_RANGES {
            return false;
        }
        self.acked = acked;
        self.beyond = merged;
        true
    }

    /// The holes between the durable parts, both ends included.
    pub fn holes(&self) -> Vec<(u64, u64)> {
        let mut next = self.acked + 1;
        let mut holes = Vec::with_capacity(self.beyond.len());
        for &(from, to) in &self.beyond {
            holes.push((next, from - 1));
            next = to.saturating_add(1);
        }
        holes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn holes_close_in_any_order() {
        let mut durable = Durable::default();
        assert!(durable.add(5, 6));
        assert_eq!((durable.acked, durable.holes()), (0, vec![(1, 4)]));
        assert!(durable.add(1, 2));
        assert_eq!((durable.acked, durable.holes()), (2, vec![(3, 4)]));
        assert!(durable.add(3, 4));
        assert_eq!((durable.acked, durable.holes()), (6, vec![]));
    }

    #[test]
    fn too_many_holes_are_refused() {
        let mut durable = Durable::default();
        for index in 0..MAX_RANGES as u64 {
            assert!(durable.add(2 * index + 2, 2 * index + 2));
        }
        let before = durable.clone();
        assert!(!durable.add(1_000_000, 1_000_000));
        assert_eq!(durable, before);
        assert!(durable.add(1, 1), "what closes a hole is always welcome");
        assert_eq!(durable.acked, 2);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(ranges in proptest::collection::vec((1u64..60, 0u64..6), 0..20)) {
            let mut durable = Durable::default();
            let mut set = BTreeSet::new();
            for (from, length) in ranges {
                prop_assert!(durable.add(from, from + length));
                set.extend(from..=from + length);
                for seq in 1..80 {
                    prop_assert_eq!(durable.contains(seq), set.contains(&seq));
                }
                let contiguous = (1..100).take_while(|seq| set.contains(seq)).count() as u64;
                prop_assert_eq!(durable.acked, contiguous);
                for (from, to) in durable.holes() {
                    prop_assert!(from <= to && (from..=to).all(|seq| !set.contains(&seq)));
                }
            }
        }
    }
}
