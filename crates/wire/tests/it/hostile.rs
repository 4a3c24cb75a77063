//! Bodies that nobody of ours would send: each limit, each lie of a header, and noise.

use std::fmt::Write as _;

use model::wire::{MAX_BATCH_COMPRESSED_BYTES, MAX_BATCH_RECORDS};
use proptest::prelude::*;
use serde_json::{Value, json};
use wire::MAX_RECORD_BYTES;
use wire::server::{BatchLimits, DecodeError, decode_batch};

fn header(first: u64, records: u64) -> Value {
    json!({
        "v": 1, "stream": "alerts", "first_seq": first, "last_seq": first + records - 1, "records": records,
        "sender": {
            "cluster": "c", "node": "n", "program": "p", "version": "1", "boot_id": "00000000-0000-7000-8000-000000000000"
        },
    })
}

fn with(mut header: Value, field: &str, value: Value) -> Value {
    header[field] = value;
    header
}

fn body(header: &Value, lines: &[u8]) -> Vec<u8> {
    zstd::encode_all(&[header.to_string().as_bytes(), b"\n", lines].concat()[..], 3).unwrap()
}

fn decode(body: &[u8]) -> Result<wire::server::Batch, DecodeError> {
    decode_batch(body, &BatchLimits::default())
}

#[test]
fn an_honest_batch_and_its_records() {
    let batch = decode(&body(&header(5, 2), b"{\"a\":1}\n[2]\n")).unwrap();
    let records: Vec<_> = batch.records.iter().map(|record| (record.seq, record.read::<Value>().unwrap())).collect();
    assert_eq!(records, [(5, json!({"a": 1})), (6, json!([2]))]);
    assert!(batch.records[0].read::<Vec<u8>>().unwrap_err().to_string().contains("record 5"));
    assert_eq!(decode(&body(&header(5, 1), b"7")).unwrap().records.len(), 1, "the last line may lack its end");
    let extra = with(header(5, 0), "from_the_future", json!({"x": 1}));
    assert_eq!(decode(&body(&extra, b"")).unwrap().records.len(), 0);
}

#[test]
fn every_limit_has_its_answer() {
    let noise: Vec<u8> = (0..=MAX_BATCH_COMPRESSED_BYTES).map(|index| u8::try_from(index * 7 % 251).unwrap()).collect();
    let zeros = vec![b'0'; 64 << 20];
    // 33 MiB that compress by less than the ratio: a number in eight digits, an eighth of it random.
    let mut state = 1_u64;
    let mut lines = String::new();
    while lines.len() < 33 << 20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        writeln!(lines, "\"{}{:04x}\"", "-".repeat(120), state >> 48).unwrap();
    }
    let many = "1\n".repeat(MAX_BATCH_RECORDS + 1);
    let deep = [vec![b'['; 65], vec![b']'; 65]].concat();
    let long = format!("\"{}\"", "x".repeat(MAX_RECORD_BYTES));
    let gaps: Vec<_> = (1..=257).map(|gap| json!({"from": 2 * gap, "to": 2 * gap, "cause": "c"})).collect();
    let signals: Value =
        (0..513).map(|signal| (signal.to_string(), json!({"lost": 1}))).collect::<serde_json::Map<_, _>>().into();
    let pad = |body: Vec<u8>| [body, padding(1 << 20)].concat();
    let cases: [(&str, Vec<u8>, u16, Option<u64>); 9] = [
        ("compressed size", noise, 413, Some(4 << 20)),
        ("ratio", body(&header(1, 1), &zeros), 413, Some(100)),
        ("plain size", body(&header(1, 1), lines.as_bytes()), 413, Some(32 << 20)),
        ("records", pad(body(&header(1, MAX_BATCH_RECORDS as u64 + 1), many.as_bytes())), 413, Some(50_000)),
        ("gaps", body(&with(header(1000, 0), "gaps", gaps.into()), b""), 413, Some(256)),
        ("signals", body(&with(header(1, 0), "counters", signals), b""), 413, Some(512)),
        ("depth", body(&header(3, 1), &deep), 422, None),
        ("record size", pad(body(&header(3, 1), long.as_bytes())), 422, None),
        ("header size", pad(body(&json!({"v": 1, "x": long}), b"")), 400, None),
    ];
    for (case, body, status, limit) in cases {
        let error = decode(&body).unwrap_err();
        let problem = error.problem();
        assert_eq!((problem.status, problem.limit), (status, limit), "{case}: {error}");
    }
}

/// A skippable frame, to keep the ratio out of a case about something else.
fn padding(bytes: u32) -> Vec<u8> {
    let mut frame = 0x184D_2A50_u32.to_le_bytes().to_vec();
    frame.extend(bytes.to_le_bytes());
    frame.resize(8 + bytes as usize, 0);
    frame
}

#[test]
fn lies_are_told_apart() {
    let gap = |from: u64, to: u64| json!([{"from": from, "to": to, "cause": "c"}]);
    let cases: [(&str, Vec<u8>, u16); 17] = [
        ("empty", vec![], 400),
        ("not zstd", b"{\"v\":1}".to_vec(), 400),
        ("gzip", vec![0x1f, 0x8b, 8, 0, 0], 400),
        ("cut off", body(&header(1, 1), b"1\n")[..30].to_vec(), 400),
        ("no header", zstd::encode_all(&b""[..], 1).unwrap(), 400),
        ("header is a list", zstd::encode_all(&b"[]\n"[..], 1).unwrap(), 400),
        ("no sender", zstd::encode_all(&b"{\"v\":1}\n"[..], 1).unwrap(), 400),
        ("version", body(&with(header(1, 0), "v", json!(2)), b""), 505),
        ("number 0", body(&with(header(1, 1), "first_seq", json!(0)), b"1\n"), 400),
        ("numbers disagree", body(&with(header(1, 1), "last_seq", json!(7)), b"1\n"), 400),
        ("numbers overflow", body(&with(header(1, 1), "first_seq", json!(u64::MAX)), b"1\n"), 400),
        ("too few lines", body(&header(1, 2), b"1\n"), 400),
        ("too many lines", body(&header(1, 1), b"1\n2\n"), 400),
        ("gap upside down", body(&with(header(9, 0), "gaps", gap(3, 2)), b""), 400),
        ("gap over a record", body(&with(header(9, 1), "gaps", gap(3, 9)), b"1\n"), 400),
        ("stream", body(&with(header(1, 0), "stream", json!("../etc")), b""), 400),
        ("record is no JSON", body(&header(1, 1), b"{]\n"), 422),
    ];
    for (case, body, status) in cases {
        let error = decode(&body).unwrap_err();
        assert_eq!(error.problem().status, status, "{case}: {error}");
    }
}

proptest! {
    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..300), cut in 0..200_usize, flip in any::<u8>()) {
        prop_assert!(decode(&noise).is_err());
        let mut damaged = body(&header(1, 2), b"{\"a\":[1,2,3]}\n\"text\"\n");
        let position = cut % damaged.len();
        damaged[position] ^= flip;
        drop(decode(&damaged));
        drop(decode(&damaged[..position]));
        drop(decode(&zstd::encode_all(&noise[..], 1).unwrap()));
    }
}

#[test]
fn what_senders_write_is_always_taken() {
    let dir = tempfile::tempdir().unwrap();
    let sender = serde_json::from_value(header(1, 0)["sender"].clone()).unwrap();
    let spool = wire::Spool::open(dir.path(), sender, wire::SpoolLimits::default()).unwrap();
    // The same record thousands of times compresses beyond the hub's ratio; noise does not compress at all.
    for _ in 0..20_000 {
        spool.push(&json!({"rule": "the same again", "filler": "x".repeat(100)})).unwrap();
    }
    let mut state = 7_u64;
    for _ in 0..3 {
        let noise: String = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'#' + u8::try_from(state >> 58).unwrap())
        })
        .filter(|letter| *letter != '\\')
        .take(MAX_RECORD_BYTES - 2)
        .collect();
        spool.push(&noise).unwrap();
    }
    let mut records = 0;
    while let Some(chunk) = spool.next(wire::batch::TARGET_RECORDS, wire::batch::TARGET_PLAIN_BYTES).unwrap() {
        let body = wire::batch::encode("alerts", &chunk, &std::collections::BTreeMap::default()).unwrap();
        let batch = decode(&body).unwrap_or_else(|error| panic!("{} records: {error}", chunk.records.len()));
        records += batch.records.len();
        assert!(spool.acknowledge(&chunk, batch.header.last_seq));
    }
    assert_eq!(records, 20_003);
}
