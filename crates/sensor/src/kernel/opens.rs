//! What the kernel is told of opens that no rule can want: `struct filter` and `struct judgement` of
//! `src/bpf/file_open.bpf.h`, byte by byte.

use detect::opens::{BYTE_CLASSES, CLASSES, Groups, Judge, STATES};

use crate::record::Header;

/// Length of `struct filter`.
pub const FILTER_BYTES: usize = CLASSES * 8 + STATES * 8 + STATES * BYTE_CLASSES * 2 + 256 + 8;
/// Length of `struct judgement`.
pub const JUDGEMENT_BYTES: usize = 5 * 8 + 4 * 4 + 16 + 8 + CLASSES * 8;
/// As `JUDGED` in `common.h`.
pub const JUDGED: u32 = 8192;

/// As `FILTER_HITS` in `file_open.bpf.h`.
const HITS: u16 = 0x8000;

/// A process whose opens were judged, as it was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// The record of which it was judged.
    pub header: Header,
    /// Which opens are wanted.
    pub groups: Groups,
}

/// The tables, for a generation of judgements.
pub fn filter(judge: &Judge, generation: u32) -> Vec<u8> {
    let table = judge.table();
    let mut bytes = Vec::with_capacity(FILTER_BYTES);
    bytes.extend(judge.anybody().iter().flat_map(|groups| groups.to_ne_bytes()));
    bytes.extend(table.hits.iter().flat_map(|groups| groups.to_ne_bytes()));
    bytes.resize((CLASSES + STATES) * 8, 0);
    let told = |row: &u16| if table.hits[usize::from(*row)] == 0 { *row } else { *row | HITS };
    bytes.extend(table.next.iter().flat_map(|row| told(row).to_ne_bytes()));
    bytes.resize((CLASSES + STATES) * 8 + STATES * BYTE_CLASSES * 2, 0);
    bytes.extend_from_slice(&table.classes);
    bytes.extend_from_slice(&generation.to_ne_bytes());
    bytes.resize(FILTER_BYTES, 0);
    bytes
}

impl Judgement {
    /// As the kernel reads it.
    pub fn to_bytes(self, generation: u32) -> Vec<u8> {
        let header = &self.header;
        let mut bytes = Vec::with_capacity(JUDGEMENT_BYTES);
        let long = [header.start_time, header.exec_id, header.cgroup_id, header.caps_effective, header.caps_permitted];
        bytes.extend(long.iter().flat_map(|number| number.to_ne_bytes()));
        let short = [header.uid, header.gid, header.login_uid, header.mnt_ns];
        bytes.extend(short.iter().flat_map(|number| number.to_ne_bytes()));
        bytes.extend_from_slice(&header.comm);
        bytes.extend([generation, 0].iter().flat_map(|number| number.to_ne_bytes()));
        bytes.extend(self.groups.iter().flat_map(|groups| groups.to_ne_bytes()));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use detect::{CompileOptions, RuleSet};

    use super::*;

    #[test]
    fn lengths_are_those_of_the_structures() {
        let (rules, _) = RuleSet::compile(&[], &CompileOptions { builtin: true, ..CompileOptions::default() });
        let bytes = filter(&Judge::new(&rules), 7);
        assert_eq!(bytes.len(), FILTER_BYTES);
        assert_eq!(bytes[FILTER_BYTES - 8..FILTER_BYTES - 4], 7u32.to_ne_bytes());
        let judgement = Judgement { header: Header { exec_id: 5, ..Header::default() }, groups: [1; CLASSES] };
        let bytes = judgement.to_bytes(7);
        assert_eq!((bytes.len(), &bytes[8..16]), (JUDGEMENT_BYTES, &5u64.to_ne_bytes()[..]));
    }

    #[test]
    fn sizes_agree_with_the_programs() {
        let source = include_str!("../bpf/file_open.bpf.h");
        for (name, number) in [("FILTER_STATES", STATES), ("FILTER_CLASSES", BYTE_CLASSES), ("OPEN_CLASSES", CLASSES)] {
            assert!(source.contains(&format!("#define {name} {number}\n")), "{name}");
        }
        assert!(source.contains(&format!("#define FILTER_END {}\n", detect::opens::END)));
        assert!(source.contains(&format!("#define FILTER_HITS {HITS:#x} ")) && STATES <= usize::from(HITS));
        let common = include_str!("../bpf/common.h");
        assert!(common.contains(&format!("#define JUDGED {JUDGED}\n")));
        assert!(common.contains(&format!("#define RING_SIZE ({} << 20)\n", super::super::RING_BYTES >> 20)));
    }
}
