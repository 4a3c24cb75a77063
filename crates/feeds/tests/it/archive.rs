//! Databases that travel as one file.

use std::fs;
use std::path::Path;

use feeds::archive::{export, import};
use feeds::{Database, Manifest};
use model::Timestamp;

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn sample(out: &Path) {
    let from = tempfile::tempdir().unwrap();
    let kev = r#"{"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2024-0001","dateAdded":"2025-08-25"}]}"#;
    fs::write(from.path().join("kev.json"), kev).unwrap();
    feeds::build(from.path(), out, now(), &mut |_| {}).unwrap();
}

#[test]
fn what_is_exported_can_be_imported() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    sample(first.path());
    let file = second.path().join("db.tar.zst");
    export(first.path(), &file).unwrap();
    let target = second.path().join("db");
    import(&file, &target, now()).unwrap();
    let (a, b) = (Manifest::read(first.path()).unwrap(), Manifest::read(&target).unwrap());
    assert_eq!(a.segments, b.segments);
    let database = Database::open(&target).unwrap();
    assert!(database.segments().unwrap()[0].note("CVE-2024-0001").unwrap().is_some());
}

#[test]
fn a_changed_segment_is_refused_and_nothing_changes() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    sample(first.path());
    let segment = first.path().join(&Manifest::read(first.path()).unwrap().segments[0].file);
    let mut bytes = testkit::read(&segment);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let file = second.path().join("db.tar.zst");
    export(first.path(), &file).unwrap();
    let target = second.path().join("db");
    let error = import(&file, &target, now()).unwrap_err();
    assert!(error.to_string().contains("differs from its hash"), "{error}");
    assert!(!target.exists());
}

#[test]
fn other_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x");
    for content in [&b""[..], b"hello", &[0; 2048]] {
        fs::write(&file, content).unwrap();
        assert!(import(&file, &dir.path().join("db"), now()).is_err());
    }
    assert!(import(&dir.path().join("none"), &dir.path().join("db"), now()).is_err());
}
