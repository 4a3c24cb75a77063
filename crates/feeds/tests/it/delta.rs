//! Updates by records: publishers' lists of changes, served as they lay them out.

use std::path::Path;

use feeds::addresses::{Address, Changes, Role};
use feeds::update::{UpdateReport, apply, fetch};
use feeds::{Database, Manifest};
use model::Timestamp;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

async fn serve(server: &MockServer, at: &str, body: impl Into<Vec<u8>>) {
    let answer = ResponseTemplate::new(200).insert_header("etag", "\"1\"").set_body_bytes(body);
    Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(server).await;
}

async fn update(dir: &Path, addresses: &[Address], mirror: &str) -> UpdateReport {
    let downloads = fetch(dir, addresses, Some(mirror), now(), &mut |_| {}).await.unwrap();
    apply(dir, downloads, now(), &mut |_| {}).unwrap()
}

/// The paths that a server was asked for since the last call.
async fn asked(server: &MockServer) -> Vec<String> {
    let mut paths: Vec<String> =
        server.received_requests().await.unwrap().iter().map(|request| request.url.path().to_owned()).collect();
    paths.sort();
    server.reset().await;
    paths
}

fn address(segment: &str, path: &str, role: Role) -> Address {
    Address { segment: segment.into(), path: path.into(), url: "https://unused.invalid/".into(), role }
}

/// Fixes of a package, by advisory.
fn fixes(dir: &Path, ecosystem: &str, name: &str) -> Vec<String> {
    let database = Database::open(dir).unwrap();
    let segments = database.segments().unwrap();
    let rows = segments.iter().flat_map(|segment| segment.rows(ecosystem, name).unwrap());
    let mut lines: Vec<String> =
        rows.map(|row| format!("{} {:?}", row.advisory().unwrap().id, row.data().unwrap().ranges[0].end)).collect();
    lines.sort();
    lines
}

fn pypi(id: &str, modified: &str, fixed: &str, extra: &str) -> String {
    format!(
        r#"{{"id":"{id}","modified":"{modified}",{extra}"affected":[{{"package":{{"ecosystem":"PyPI","name":"a"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    )
}

/// A zip archive without compression, as small as one can be.
fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = flate2::Crc::new();
        crc.update(content.as_bytes());
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend(crc.sum().to_le_bytes());
        common.extend([length, length].concat());
        common.extend([name_length, [0, 0]].concat());
        let offset = u32::try_from(out.len()).unwrap().to_le_bytes();
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(content.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset);
        directory.extend(name.as_bytes());
    }
    let (start, size) = (u32::try_from(out.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    out.extend(directory);
    out.extend(b"PK\x05\x06\x00\x00\x00\x00");
    out.extend([count, count].concat());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

#[tokio::test]
async fn osv_records_that_changed_are_fetched_alone() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let addresses = [
        address("osv-pypi", "osv/PyPI/all.zip", Role::Feed),
        address("osv-pypi", "osv/PyPI/modified_id.csv", Role::Changes(Changes::Osv)),
    ];
    let old = "2026-11-01T00:00:00Z";
    let records = [
        ("A-1.json", pypi("A-1", old, "1", "")),
        ("A-2.json", pypi("A-2", old, "2", "")),
        ("A-3.json", pypi("A-3", old, "3", "")),
    ];
    let files: Vec<(&str, &str)> = records.iter().map(|(name, text)| (*name, text.as_str())).collect();
    serve(&server, "/osv/PyPI/all.zip", zip(&files)).await;
    let first = update(out.path(), &addresses, &server.uri()).await;
    assert_eq!((first.updated.len(), first.failed.len()), (1, 0), "{:?}", first.failed);
    assert_eq!(asked(&server).await, ["/osv/PyPI/all.zip"]);

    // One has a later fix, one is withdrawn, one is new, one did not change, one cannot be read.
    serve(
        &server,
        "/osv/PyPI/modified_id.csv",
        "2026-11-20T03:00:00Z,A-1\n2026-11-20T02:00:00Z,A-2\n2026-11-20T01:00:00Z,A-4\n2026-11-20T00:00:00Z,A-5\n2026-11-01T00:00:00Z,A-3\n",
    )
    .await;
    serve(&server, "/osv/PyPI/A-1.json", pypi("A-1", "2026-11-20T03:00:00Z", "1.1", "")).await;
    serve(
        &server,
        "/osv/PyPI/A-2.json",
        pypi("A-2", "2026-11-20T02:00:00Z", "2", r#""withdrawn":"2026-11-20T00:00:00Z","#),
    )
    .await;
    serve(&server, "/osv/PyPI/A-4.json", pypi("A-4", "2026-11-20T01:00:00Z", "4", "")).await;
    serve(&server, "/osv/PyPI/A-5.json", "{").await;
    let second = update(out.path(), &addresses, &server.uri()).await;
    assert!(second.failed.is_empty(), "{:?}", second.failed);
    assert_eq!(second.updated[0].counts, (4, 1, 1));
    assert!(!asked(&server).await.contains(&"/osv/PyPI/all.zip".to_owned()));
    assert_eq!(fixes(out.path(), "pypi", "a"), [r#"A-1 Fixed("1.1")"#, r#"A-3 Fixed("3")"#, r#"A-4 Fixed("4")"#]);
    let entry = Manifest::read(out.path()).unwrap().get("osv-pypi").unwrap().clone();
    assert_eq!((entry.meta.date.to_string(), entry.meta.records), ("2026-11-20T03:00:00.000000000Z".into(), 3));

    // Nothing is newer: the list alone is fetched.
    serve(&server, "/osv/PyPI/modified_id.csv", "2026-11-20T03:00:00Z,A-1\n").await;
    let third = update(out.path(), &addresses, &server.uri()).await;
    assert_eq!((third.updated.len(), third.unchanged), (0, vec!["osv-pypi".to_owned()]));
    assert_eq!(asked(&server).await, ["/osv/PyPI/modified_id.csv"]);
}

#[tokio::test]
async fn a_record_that_does_not_come_keeps_the_old_segment() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let addresses = [
        address("osv-pypi", "osv/PyPI/all.zip", Role::Feed),
        address("osv-pypi", "osv/PyPI/modified_id.csv", Role::Changes(Changes::Osv)),
    ];
    let record = pypi("A-1", "2026-11-01T00:00:00Z", "1", "");
    serve(&server, "/osv/PyPI/all.zip", zip(&[("A-1.json", record.as_str())])).await;
    update(out.path(), &addresses, &server.uri()).await;
    asked(&server).await;

    let list = "2026-11-20T00:00:00Z,A-1\n2026-11-19T00:00:00Z,A-2\n";
    serve(&server, "/osv/PyPI/modified_id.csv", list).await;
    serve(&server, "/osv/PyPI/A-1.json", pypi("A-1", "2026-11-20T00:00:00Z", "1.1", "")).await;
    Mock::given(path("/osv/PyPI/A-2.json")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    let report = update(out.path(), &addresses, &server.uri()).await;
    assert!(report.failed["osv-pypi"].contains("A-2.json answered 503"), "{:?}", report.failed);
    assert_eq!(fixes(out.path(), "pypi", "a"), [r#"A-1 Fixed("1")"#]);
    assert!(Manifest::read(out.path()).unwrap().get("osv-pypi").unwrap().failed.contains("503"));
    asked(&server).await;

    // The next update goes on: what came the last time is not fetched again, what is gone is gone.
    serve(&server, "/osv/PyPI/modified_id.csv", list).await;
    let report = update(out.path(), &addresses, &server.uri()).await;
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!(asked(&server).await, ["/osv/PyPI/A-2.json", "/osv/PyPI/modified_id.csv"]);
    assert_eq!(fixes(out.path(), "pypi", "a"), [r#"A-1 Fixed("1.1")"#]);

    // A list that is none is named with its line.
    serve(&server, "/osv/PyPI/modified_id.csv", "<html>\n").await;
    let report = update(out.path(), &addresses, &server.uri()).await;
    assert!(
        report.failed["osv-pypi"].contains("modified_id.csv, line 1: \"<html>\" is not a change"),
        "{:?}",
        report.failed
    );
}

/// A VEX document of one CVE: fixed in a version of a package.
fn vex(cve: &str, fixed: &str) -> String {
    format!(
        r#"{{"document":{{"csaf_version":"2.0","category":"csaf_vex","title":"t","tracking":{{"id":"{cve}","current_release_date":"2026-11-20T00:00:00Z"}}}},
        "product_tree":{{"branches":[{{"branches":[
          {{"product":{{"product_id":"AppStream-9","product_identification_helper":{{"cpe":"cpe:/a:redhat:enterprise_linux:9::appstream"}}}}}},
          {{"product":{{"product_id":"p","product_identification_helper":{{"purl":"pkg:rpm/redhat/p@{fixed}?arch=x86_64"}}}}}}]}}],
        "relationships":[{{"full_product_name":{{"product_id":"AppStream-9:p"}},"product_reference":"p","relates_to_product_reference":"AppStream-9"}}]}},
        "vulnerabilities":[{{"cve":"{cve}","product_status":{{"fixed":["AppStream-9:p"]}}}}]}}"#
    )
}

/// A tar archive of files, compressed with zstd.
fn archive(files: &[(&str, String)]) -> Vec<u8> {
    let mut builder = Vec::new();
    for (name, content) in files {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        builder.extend(header);
        builder.extend(content.as_bytes());
        builder.resize(builder.len().next_multiple_of(512), 0);
    }
    builder.resize(builder.len() + 1024, 0);
    zstd::encode_all(builder.as_slice(), 1).unwrap()
}

#[tokio::test]
async fn red_hats_changes_follow_its_archive() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let addresses = [
        address("rhel", "rhel/archive_latest.txt", Role::Names),
        address("rhel", "rhel/changes.csv", Role::Changes(Changes::RedHat)),
    ];
    let name = "csaf_vex_2026-11-15.tar.zst";
    let files = [
        ("2024/cve-2024-0001.json", vex("CVE-2024-0001", "1-1.el9")),
        ("2024/cve-2024-0002.json", vex("CVE-2024-0002", "2-1.el9")),
    ];
    serve(&server, "/rhel/archive_latest.txt", name).await;
    serve(&server, &format!("/rhel/{name}"), archive(&files)).await;
    let first = update(out.path(), &addresses, &server.uri()).await;
    assert!(first.failed.is_empty(), "{:?}", first.failed);
    asked(&server).await;

    // The documents are dated after the archive; what counts is the day in the archive's name.
    serve(
        &server,
        "/rhel/changes.csv",
        "\"2024/cve-2024-0001.json\",\"2026-11-18T14:28:08+00:00\"\n\"2020/cve-2020-0001.json\",\"2026-11-10T14:28:08+00:00\"\n",
    )
    .await;
    serve(&server, "/rhel/deletions.csv", "\"2024/cve-2024-0002.json\",\"2026-11-18T14:28:08+00:00\"\n").await;
    serve(&server, "/rhel/2024/cve-2024-0001.json", vex("CVE-2024-0001", "1-9.el9")).await;
    let second = update(out.path(), &addresses, &server.uri()).await;
    assert!(second.failed.is_empty(), "{:?}", second.failed);
    assert_eq!(asked(&server).await, ["/rhel/2024/cve-2024-0001.json", "/rhel/changes.csv", "/rhel/deletions.csv"]);
    assert_eq!(fixes(out.path(), "rhel:9", "p"), [r#"CVE-2024-0001 Fixed("1-9.el9")"#]);
}

#[tokio::test]
async fn a_year_that_changed_is_fetched_alone() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let year = |year: u16| address("nvd", &format!("nvd/nvdcve-2.0-{year}.json.gz"), Role::Part);
    // The year to come is not there yet.
    let years = [year(2024), year(2025), year(2026)];
    let page = |cve: &str, severity: &str| {
        format!(
            r#"{{"format":"NVD_CVE","version":"2.0","timestamp":"2026-11-20T00:00:00","vulnerabilities":[{{"cve":{{"id":"{cve}",
            "metrics":{{"cvssMetricV31":[{{"source":"nvd@nist.gov","cvssData":{{"vectorString":"v","baseSeverity":"{severity}"}}}}]}}}}}}]}}"#
        )
    };
    let severity = |cve: &str| {
        let database = Database::open(out.path()).unwrap();
        let note = database.segments().unwrap()[0].note(cve).unwrap().unwrap();
        note.ratings[0].severity
    };
    serve(&server, "/nvd/nvdcve-2.0-2024.json.gz", page("CVE-2024-0001", "LOW")).await;
    serve(&server, "/nvd/nvdcve-2.0-2025.json.gz", page("CVE-2025-0001", "LOW")).await;
    let first = update(out.path(), &years, &server.uri()).await;
    assert!(first.failed.is_empty() && first.updated.len() == 1, "{:?}", first.failed);
    asked(&server).await;

    let answer = ResponseTemplate::new(304);
    Mock::given(path("/nvd/nvdcve-2.0-2024.json.gz")).respond_with(answer).mount(&server).await;
    serve(&server, "/nvd/nvdcve-2.0-2025.json.gz", page("CVE-2025-0001", "HIGH")).await;
    let second = update(out.path(), &years, &server.uri()).await;
    assert!(second.failed.is_empty(), "{:?}", second.failed);
    assert_eq!(second.updated[0].meta.records, 2);
    assert_eq!((severity("CVE-2024-0001"), severity("CVE-2025-0001")), (model::Severity::Low, model::Severity::High));
    assert_eq!(asked(&server).await.len(), 3);
}

/// Amazon's way: the list of mirrors is where the address leads, not below a mirror of ours.
#[tokio::test]
async fn errata_of_a_repository_are_found_by_its_index() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let url = format!("{}/mirror.list", server.uri());
    let amazon = [Address { url, ..address("amazon", "amazon/2023/updateinfo.xml.gz", Role::Repository) }];
    let run = async || {
        let downloads = fetch(out.path(), &amazon, None, now(), &mut |_| {}).await.unwrap();
        apply(out.path(), downloads, now(), &mut |_| {}).unwrap()
    };
    let errata = r#"<updates><update type="security"><id>ALAS2023-2026-001</id><issued date="2026-11-20"/><severity>important</severity>
        <references><reference id="CVE-2026-0001" type="cve"/></references>
        <pkglist><collection><package name="curl" epoch="0" version="8" release="2.amzn2023" arch="x86_64"/></collection></pkglist></update></updates>"#;
    serve(&server, "/mirror.list", format!("{}/core/guid/x86_64\n", server.uri())).await;
    let index = r#"<repomd><data type="updateinfo"><location href="repodata/ab-updateinfo.xml.gz"/></data></repomd>"#;
    serve(&server, "/core/guid/x86_64/repodata/repomd.xml", index).await;
    serve(&server, "/core/guid/x86_64/repodata/ab-updateinfo.xml.gz", errata).await;
    let report = run().await;
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!(fixes(out.path(), "amazon:2023", "curl"), [r#"ALAS2023-2026-001 Fixed("8-2.amzn2023")"#]);
    assert_eq!(run().await.unchanged, ["amazon"]);
    server.reset().await;
    serve(&server, "/mirror.list", "nothing here").await;
    assert!(run().await.failed["amazon"].contains("names no mirror"));
}
