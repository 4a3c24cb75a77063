//! Thresholds and the table, on images scanned in the test.

use std::sync::Arc;

use assess::{Options, Quiet};
use model::{CoverageState, Timestamp};
use testkit::image::{Tar, TestImage, TestLayer};

use super::*;

/// An image with two Python packages, one of them in a database of two advisories.
fn scanned() -> Scanned {
    let dir = tempfile::tempdir().unwrap();
    let records = dir.path().join("feeds/PyPI");
    std::fs::create_dir_all(&records).unwrap();
    for (id, cve, severity, events) in [
        ("PYSEC-1", "CVE-2024-1", "7.5", r#"{"introduced": "0"}, {"fixed": "3.1.4"}"#),
        ("PYSEC-2", "CVE-2024-2", "", r#"{"introduced": "0"}"#),
    ] {
        let vector = if severity.is_empty() {
            String::new()
        } else {
            r#""severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],"#.to_owned()
        };
        let record = format!(
            r#"{{"id": "{id}", "modified": "2024-05-01T00:00:00Z", "aliases": ["{cve}"], {vector}
               "affected": [{{"package": {{"ecosystem": "PyPI", "name": "jinja2"}},
                              "ranges": [{{"type": "ECOSYSTEM", "events": [{events}]}}]}}]}}"#
        );
        std::fs::write(records.join(format!("{id}.json")), record).unwrap();
    }
    let database = dir.path().join("db");
    feeds::build(&dir.path().join("feeds"), &database, Timestamp::from_seconds(1_700_000_000), &mut |_| {}).unwrap();
    let metadata = |name: &str| format!("Metadata-Version: 2.1\nName: {name}\nVersion: 3.1.2\n");
    let tar = Tar::new()
        .file("lib/jinja2-3.1.2.dist-info/METADATA", metadata("jinja2"))
        .file("lib/node_modules/left-pad/package.json", r#"{"name": "left-pad", "version": "1.0.0"}"#);
    let layout = dir.path().join("layout");
    TestImage::new(vec![TestLayer::gzip(tar)]).write_layout(&layout, "x");
    let assessor = Assessor::new(Arc::new(Database::open(&database).unwrap()), Options::default());
    let reference = Reference::OciLayout(layout.display().to_string());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut scanned = runtime.block_on(assessor.assess(&reference, Arc::new(Quiet))).unwrap();
    scanned.images[0].inventory.artifact.reference = Some("app:1".into());
    scanned
}

#[test]
fn the_table_says_what_to_do_and_what_is_not_known() {
    let table = table::render(&scanned().images[0], "app:1", 80);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let order = [
        "app:1 (linux/amd64)",
        "2 findings: ",
        "Upgrade",
        "pypi/jinja2 3.1.2 -> 3.1.4",
        "CVE-2024-1",
        "No fix yet",
        "CVE-2024-2",
        "Not known",
        "npm",
    ];
    let mut rest = table.as_str();
    for part in order {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part} is missing or out of order:\n{table}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn thresholds() {
    let mut scanned = scanned();
    let check = |scanned: &Scanned, fail_on: Option<&str>, expected| {
        let fail_on = fail_on.map(|text| text.parse().unwrap());
        assert_eq!(outcome(scanned, fail_on), expected, "{fail_on:?}");
    };
    check(&scanned, None, Outcome::Clean);
    check(&scanned, Some("critical"), Outcome::Clean);
    check(&scanned, Some("high"), Outcome::Findings);
    check(&scanned, Some("unknown"), Outcome::Findings);
    scanned.images[0].assessment.findings.clear();
    check(&scanned, Some("high"), Outcome::Clean);
    check(&scanned, Some("unknown"), Outcome::Findings);
    scanned.images[0].assessment.coverage.iter_mut().for_each(|coverage| coverage.state = CoverageState::Seen);
    check(&scanned, Some("unknown"), Outcome::Clean);
    scanned.images[0].inventory.layers[0].complete = false;
    check(&scanned, None, Outcome::Incomplete);
    assert!("severe".parse::<FailOn>().is_err());
}

#[test]
fn a_path_given_as_a_name_is_told_how_to_be_given() {
    let dir = tempfile::tempdir().unwrap();
    let (layout, root, file) = (dir.path().join("layout"), dir.path().join("root"), dir.path().join("image.tar"));
    TestImage::new(Vec::new()).write_layout(&layout, "x");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(&file, "").unwrap();
    let registry: Reference = "image.tar".parse().unwrap();
    let hint = |path: &Path| path_meant(&registry, path.to_str().unwrap());
    assert!(hint(&layout).unwrap().contains(" oci:"));
    assert!(hint(&root).unwrap().contains(" dir:"));
    assert!(hint(&file).unwrap().contains(" docker-archive:"));
    assert_eq!(hint(&dir.path().join("none")), None);
    assert_eq!(path_meant(&"dir:x".parse().unwrap(), file.to_str().unwrap()), None);
}
