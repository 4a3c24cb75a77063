//! The decoder is given records by hand, cut records and noise.

use super::*;

fn header(kind: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(0u16.to_ne_bytes());
    for number in [1u64, 2, 3, 4, 5] {
        bytes.extend(number.to_ne_bytes());
    }
    for number in [10u32, 11, 12, 13, u32::MAX, 15] {
        bytes.extend(number.to_ne_bytes());
    }
    bytes.extend(*b"shell\0\0\0\0\0\0\0\0\0\0\0");
    bytes.extend(16u64.to_ne_bytes());
    assert_eq!(bytes.len(), HEADER_SIZE);
    bytes
}

fn open() -> Vec<u8> {
    let mut bytes = header(3);
    bytes.extend((-2i64).to_ne_bytes());
    bytes.extend(0u64.to_ne_bytes());
    bytes.extend(0o1101u32.to_ne_bytes());
    bytes.extend(1u32.to_ne_bytes());
    bytes.extend(0o640u32.to_ne_bytes());
    bytes.extend(4u16.to_ne_bytes());
    bytes.extend(6u16.to_ne_bytes());
    bytes.extend(*b"/etcshadow");
    bytes
}

#[test]
fn an_open_is_read() {
    let bytes = open();
    let record = decode(&bytes).unwrap();
    assert_eq!((record.header.pid, record.header.cgroup_id, record.header.login_uid), (10, 3, u32::MAX));
    assert_eq!(text(&record.header.comm), "shell");
    let expected = Open {
        result: -2,
        inode: 0,
        flags: 0o1101,
        mode: 0o640,
        user_path: true,
        unjudged: false,
        path: b"/etc",
        raw: b"shadow",
    };
    assert_eq!(record.body, Body::Open(expected));
}

#[test]
fn every_prefix_of_a_record_is_a_record_or_an_error() {
    let mut task = header(1);
    task.extend([1; 208]);
    for bytes in [open(), task] {
        for end in 0..=bytes.len() {
            let fixed = decode(&bytes[..end]);
            assert_eq!(fixed.is_ok(), end >= HEADER_SIZE + if bytes[4] == 3 { 32 } else { 208 }, "{end}: {fixed:?}");
        }
    }
}

#[test]
fn noise_does_not_panic() {
    // A fixed linear congruential sequence: the same bytes in every run.
    let mut state = 1u64;
    let mut bytes = [0u8; 400];
    for _ in 0..20_000 {
        for byte in &mut bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_le_bytes()[7];
        }
        bytes[4] %= 16;
        bytes[5] = 0;
        let end = usize::from(bytes[6]) + 100;
        drop(decode(&bytes[..end]));
    }
}

#[test]
fn unknown_kinds_are_refused() {
    assert_eq!(decode(&header(999)), Err(RecordError::Kind(999)));
}

#[test]
fn strings_are_split_at_nul() {
    let check = |bytes: &[u8], expected: &[&str]| assert_eq!(strings(bytes), expected, "{bytes:?}");
    check(b"", &[]);
    check(b"sh\0", &["sh"]);
    check(b"sh\0-c\0", &["sh", "-c"]);
    check(b"sh\0\0x\0", &["sh", "", "x"]);
    check(b"sh\0cut", &["sh", "cut"]);
}

#[test]
fn a_stream_is_split_by_sizes() {
    let sized = |size: u32| {
        let mut bytes = header(10);
        bytes[..4].copy_from_slice(&size.to_ne_bytes());
        bytes.resize(usize::try_from(size).unwrap().max(HEADER_SIZE), 0);
        bytes
    };
    let stream = [sized(100), sized(96)].concat();
    assert_eq!(split(&stream).map(<[u8]>::len).collect::<Vec<_>>(), [100, 96]);
    assert_eq!(split(&stream[..150]).count(), 1, "cut short");
    assert_eq!(split(&sized(0)).count(), 1, "a size of nothing does not loop for ever");
}
