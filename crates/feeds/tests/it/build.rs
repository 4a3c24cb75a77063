//! Builds: what is found, what is reported, what stays when a build is repeated.

use std::fs;
use std::path::Path;

use feeds::{BuildError, Database};
use model::{CoverageState, Timestamp};

use crate::inventories::{inventory, package};

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn build(from: &Path, out: &Path) -> feeds::BuildReport {
    feeds::build(from, out, now(), &mut |_| {}).unwrap()
}

/// A small OSV record.
const RECORD: &str = r#"{"schema_version":"1.7.0","id":"PYSEC-2024-1","modified":"2024-05-06T07:08:09Z",
 "aliases":["CVE-2024-1","GHSA-xxcw-2q8h-4v7m"],"summary":"Trouble",
 "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
 "affected":[{"package":{"ecosystem":"PyPI","name":"Some_Thing"},
  "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2"},{"introduced":"2.0"},{"fixed":"2.1"}]}],
  "versions":["1.0","1.1","9.9.local"]}]}"#;

#[test]
fn a_directory_of_records_becomes_a_database() {
    let (from, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(from.path().join("PyPI")).unwrap();
    fs::write(from.path().join("PyPI/a.json"), RECORD).unwrap();
    fs::write(
        from.path().join("PyPI/b.json"),
        RECORD.replace("PYSEC-2024-1", "X").replace("\"id\"", "\"withdrawn\":\"2024-01-01T00:00:00Z\",\"id\""),
    )
    .unwrap();
    fs::write(from.path().join("PyPI/c.json"), "{\"id\": 3, \"affected\": []}").unwrap();
    fs::write(from.path().join("notes.txt"), "not a feed").unwrap();
    let report = build(from.path(), out.path());
    assert_eq!(report.unknown.len(), 1);
    assert_eq!(report.segments.len(), 1);
    assert_eq!(report.segments[0].counts, (3, 1, 1));
    assert!(report.segments[0].diagnostics[0].span.source.ends_with("c.json"));

    let database = Database::open(out.path()).unwrap();
    let entry = &database.manifest().segments[0];
    assert_eq!((entry.meta.name.as_str(), entry.meta.licence.as_str()), ("osv-pypi", "CC-BY-4.0"));
    assert_eq!(entry.meta.date.to_string(), "2024-05-06T07:08:09.000000000Z");
    let inventory = inventory(None, vec![package("pypi", "some.thing", "2.0.5"), package("npm", "x", "1.0.0")]);
    let segments = database.segments_for(&inventory).unwrap();
    let assessment = vuln::assess(&inventory, &segments, &vuln::Options::default());
    assert_eq!(assessment.findings.len(), 1);
    let finding = &assessment.findings[0];
    assert_eq!((finding.id.as_str(), finding.fixed.as_slice()), ("CVE-2024-1", &["2.1".to_owned()][..]));
    assert_eq!(finding.because.rule, "2.0 <= 2.0.5 < 2.1 (fixed)");
    let states: Vec<_> = assessment.coverage.iter().map(|c| (c.signal.as_str(), c.state)).collect();
    assert_eq!(states, [("npm", CoverageState::Unseen), ("pypi", CoverageState::Seen)]);
}

#[test]
fn a_build_replaces_the_database_and_sweeps() {
    let (from, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(from.path().join("a.json"), RECORD).unwrap();
    build(from.path(), out.path());
    let first = Database::open(out.path()).unwrap();
    let opened = first.segments().unwrap();
    fs::write(from.path().join("a.json"), RECORD.replace("1.2", "1.3")).unwrap();
    build(from.path(), out.path());
    let files: Vec<_> =
        fs::read_dir(out.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files.iter().filter(|name| name.contains(".seg")).count(), 1, "{files:?}");
    assert_eq!(opened[0].rows("pypi", "some-thing").unwrap().len(), 1, "what was mapped stays readable");
}

#[test]
fn what_cannot_be_used_is_said() {
    let (from, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(matches!(feeds::build(from.path(), out.path(), now(), &mut |_| {}), Err(BuildError::Empty { .. })));
    assert!(feeds::build(&from.path().join("none"), out.path(), now(), &mut |_| {}).is_err());
    fs::write(from.path().join("a.json"), RECORD).unwrap();
    fs::write(from.path().join("broken.zip"), "PK no").unwrap();
    let report = build(from.path(), out.path());
    assert_eq!((report.failed.len(), report.segments.len()), (1, 1));
    assert!(report.failed[0].1.contains("zip"));

    let file = fs::read_dir(out.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "seg"))
        .unwrap();
    fs::write(&file, "short").unwrap();
    let error = Database::open(out.path()).unwrap().segments().unwrap_err();
    assert!(error.to_string().contains("the manifest says"), "{error}");
}

#[test]
fn two_changes_at_once_are_refused() {
    let out = tempfile::tempdir().unwrap();
    let held = feeds::store::Store::open(out.path()).unwrap();
    assert!(feeds::store::Store::open(out.path()).unwrap_err().to_string().contains("another program"));
    drop(held);
    feeds::store::Store::open(out.path()).unwrap();
}

#[test]
fn the_given_archives_import_without_failures() {
    testkit::need!(data);
    let out = tempfile::tempdir().unwrap();
    let report = build(&testkit::data("feeds/osv"), out.path());
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let names: Vec<&str> = report.segments.iter().map(|segment| segment.meta.name.as_str()).collect();
    assert_eq!(names, ["osv-cargo", "osv-golang", "osv-pypi"]);
    for segment in &report.segments {
        assert_eq!(segment.counts.2, 0, "{:?}", segment.diagnostics);
        assert!(segment.meta.records > 1000);
    }
}

#[test]
fn the_vendors_samples_import() {
    testkit::need!(data);
    let out = tempfile::tempdir().unwrap();
    let report = build(&testkit::data("feeds"), out.path());
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let unknown: Vec<_> = report.unknown.iter().filter(|path| path.extension().is_none_or(|end| end != "md")).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for segment in &report.segments {
        assert_eq!(segment.counts.2, 0, "{}: {:?}", segment.meta.name, segment.diagnostics);
    }
    let names: Vec<&str> = report.segments.iter().map(|segment| segment.meta.name.as_str()).collect();
    for name in [
        "alpine",
        "amazon",
        "chainguard",
        "debian",
        "eol",
        "epss",
        "kev",
        "nvd",
        "oracle",
        "photon",
        "rhel",
        "rubysec",
        "suse",
    ] {
        assert!(names.contains(&name), "{name} is missing from {names:?}");
    }
}

/// Collections such as GitHub's have records of all ecosystems side by side, and some records name several.
#[test]
fn records_of_several_ecosystems_in_one_place() {
    let record = |id: &str, ecosystems: &[&str]| {
        let affected = ecosystems.iter().map(|ecosystem| {
            format!(r#"{{"package":{{"ecosystem":"{ecosystem}","name":"a:a"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}}]}}]}}"#)
        });
        format!(r#"{{"id":"{id}","affected":[{}]}}"#, affected.collect::<Vec<_>>().join(","))
    };
    let check = |files: &[(&str, String)], expected: &[(&str, u64)]| {
        let (from, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (path, text) in files {
            let path = from.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let report = build(from.path(), out.path());
        let segments: Vec<_> = report.segments.iter().map(|one| (one.meta.name.as_str(), one.meta.rows)).collect();
        assert_eq!(segments, expected);
    };
    let (maven, both) = (record("GHSA-1", &["Maven"]), record("GHSA-2", &["npm", "Maven"]));
    check(&[("1.json", maven.clone()), ("2.json", record("GHSA-3", &["npm"]))], &[("osv-maven", 1), ("osv-npm", 1)]);
    check(&[("a/1.json", maven.clone()), ("b/2.json", both.clone())], &[("osv-maven", 2), ("osv-npm", 1)]);
    // All of them are about one: what they say of another is not all that is known of it.
    check(&[("1.json", maven), ("2.json", both.clone())], &[("osv-maven", 2)]);
    check(&[("npm/2.json", both.clone()), ("npm/2020/2.json", both)], &[("osv-npm", 2)]);
}
