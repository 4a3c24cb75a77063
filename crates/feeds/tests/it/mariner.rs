//! CBL-Mariner's rpm database against Microsoft's OVAL.
//!
//! Microsoft's definitions name source packages. By the source rule the database has 269 vulnerabilities; a tool that
//! looks the names up among the installed binaries, as OVAL literally says, loses those whose source builds no binary
//! of its own name.

use std::collections::BTreeSet;

use feeds::Database;
use limits::inflate::{Caps, Inflater};
use model::{Inventory, Timestamp};

use crate::inventories::{inventory, rpm_database};

/// The documented figures for this pair of files.
const BY_SOURCE: usize = 269;
const BY_BINARY: usize = 265;

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn database(dir: &std::path::Path) -> Database {
    let report = feeds::build(&testkit::data("feeds/azure-linux"), dir, now(), &mut |_| {}).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    Database::open(dir).unwrap()
}

fn mariner() -> Inventory {
    let dir = tempfile::tempdir().unwrap();
    let packed = testkit::read(testkit::data("rpmdb/cbl-mariner-2.0/rpmdb.sqlite.gz"));
    let plain = Inflater::new(packed.as_slice(), Caps::LAYER).unwrap();
    let bytes = limits::read_capped(plain, 1 << 30, "rpmdb").unwrap();
    std::fs::write(dir.path().join("rpmdb.sqlite"), bytes).unwrap();
    inventory(Some(("mariner", "2.0")), rpm_database(dir.path()))
}

fn cves(inventory: &Inventory, database: &Database) -> BTreeSet<String> {
    let segments = database.segments_for(inventory).unwrap();
    let assessment = vuln::assess(inventory, &segments, &vuln::Options::default());
    assessment.findings.iter().map(|finding| finding.id.clone()).collect()
}

#[test]
fn the_source_rule_finds_what_the_binary_rule_loses() {
    testkit::need!(data, rpm);
    let dir = tempfile::tempdir().unwrap();
    let database = database(dir.path());
    let by_source = mariner();
    let found = cves(&by_source, &database);
    assert_eq!(found.len(), BY_SOURCE);
    // The binary rule: each binary is its own source.
    let mut by_binary = by_source.clone();
    for package in &mut by_binary.packages {
        package.source = None;
    }
    let of_binaries = cves(&by_binary, &database);
    assert_eq!(of_binaries.len(), BY_BINARY);
    assert!(of_binaries.is_subset(&found));
    // Why: each lost one is of a source that has installed binaries, none of them under the source's name.
    let segments = database.segments_for(&by_source).unwrap();
    let assessment = vuln::assess(&by_source, &segments, &vuln::Options::default());
    for lost in found.difference(&of_binaries) {
        let finding = assessment.findings.iter().find(|finding| finding.id == *lost).unwrap();
        let package = by_source.packages.iter().find(|package| package.purl == finding.package).unwrap();
        let source = package.source.as_ref().unwrap();
        assert_ne!(source.name, package.name, "{lost}");
        assert!(!by_source.packages.iter().any(|other| other.name == source.name), "{lost}");
    }
}

#[test]
fn every_finding_says_why() {
    testkit::need!(data, rpm);
    let dir = tempfile::tempdir().unwrap();
    let database = database(dir.path());
    let inventory = mariner();
    let segments = database.segments_for(&inventory).unwrap();
    assert_eq!(segments.len(), 1, "only the release's segment is mapped");
    let assessment = vuln::assess(&inventory, &segments, &vuln::Options::default());
    for finding in &assessment.findings {
        assert_eq!((finding.because.segment.as_str(), finding.because.scheme.as_str()), ("mariner-2.0", "rpm"));
        assert!(finding.because.rule.contains(&finding.installed), "{finding:?}");
    }
    let pairs: BTreeSet<(&str, &str)> =
        assessment.findings.iter().map(|f| (f.id.as_str(), f.package.as_str())).collect();
    assert_eq!(pairs.len(), assessment.findings.len(), "each is reported once per source");
}
