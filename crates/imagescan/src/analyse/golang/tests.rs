//! Cases of `golang`: inputs and what must come of them.

use super::*;
use crate::analyse::pieces::OVERLAP;

/// Lets a search look at bytes in small pieces with the overlap that the reader of programs gives.
fn look(bytes: &[u8]) -> Vec<String> {
    let mut search = Search::new();
    let mut end = 0;
    while end < bytes.len() {
        let start = end.saturating_sub(OVERLAP);
        end = bytes.len().min(end + 1000);
        search.look(&View { bytes: &bytes[start..end], start: start as u64, last: end == bytes.len() });
    }
    search.finish().iter().map(|found| format!("{} {}", found.name, found.version)).collect()
}

fn list(text: &str) -> Vec<u8> {
    [&LIST_START[..], text.as_bytes(), &LIST_END].concat()
}

#[test]
fn build_information_with_inline_texts() {
    let version = "go1.22.3 X:nocoverageredesign";
    let length = u8::try_from(version.len()).unwrap();
    let mut info = [BUILD_INFO, &[8, 2], &[0; 16], &[length], version.as_bytes()].concat();
    info.extend([0; 300]);
    let modules = list("path\ta\nmod\texample.com/a\tv1.0.0\n");
    assert_eq!(look(&[vec![0; 1500], info, modules].concat()), ["example.com/a v1.0.0", "stdlib 1.22.3"]);
}

#[test]
fn versions_that_older_programs_point_to() {
    // A program with one segment that is loaded at 0x400000: text, build information, string header.
    let (base, text_at, info_at, header_at) = (0x40_0000_u64, 500_u64, 3000_u64, 5000_u64);
    let mut bytes = vec![0; 6000];
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
    bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
    bytes[56..58].copy_from_slice(&1_u16.to_le_bytes());
    bytes[64..68].copy_from_slice(&1_u32.to_le_bytes());
    bytes[80..88].copy_from_slice(&base.to_le_bytes());
    bytes[96..104].copy_from_slice(&6000_u64.to_le_bytes());
    let mut put = |at: u64, part: &[u8]| {
        let at = usize::try_from(at).unwrap();
        bytes[at..at + part.len()].copy_from_slice(part);
    };
    put(text_at, b"go1.13.4cgocheck");
    put(info_at, &[BUILD_INFO, &[8, 0], &(base + header_at).to_le_bytes()].concat());
    put(header_at, &[(base + text_at).to_le_bytes(), 8_u64.to_le_bytes()].concat());
    assert_eq!(look(&bytes), ["stdlib 1.13.4"]);
}

#[test]
fn other_programs_have_nothing() {
    assert!(look(&[b"\x7fELF".to_vec(), vec![7; 9000], b"go1.13.4".to_vec()].concat()).is_empty());
}

#[test]
fn marks_of_one_program_are_so_many() {
    let mark = |mark: &[u8]| [mark, &[0; 600]].concat();
    let mut search = Search::new();
    let bytes = [mark(&LIST_START), mark(BUILD_INFO), mark(b"go1.")].concat().repeat(MAX_VERSIONS + 5);
    let mut end = 0;
    while end < bytes.len() {
        let start = end.saturating_sub(OVERLAP);
        end = bytes.len().min(end + 60_000);
        search.look(&View { bytes: &bytes[start..end], start: start as u64, last: end == bytes.len() });
    }
    assert_eq!((search.lists.len(), search.infos.len(), search.versions.len()), (MAX_MARKS, MAX_MARKS, MAX_VERSIONS));
    assert!(search.lists.iter().all(|list| list.bytes().len() <= MAX_LIST));
}
