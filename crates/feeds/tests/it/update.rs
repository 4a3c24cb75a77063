//! Updates: what changed is fetched, what breaks off goes on, what fails keeps its old segment.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use feeds::addresses::{Address, Role};
use feeds::update::{UpdateReport, apply, fetch, from_directory};
use feeds::{Database, Manifest};
use model::Timestamp;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn kev(cves: &[&str]) -> String {
    let entries: Vec<String> =
        cves.iter().map(|cve| format!(r#"{{"cveID":"{cve}","dateAdded":"2025-08-25"}}"#)).collect();
    format!(
        r#"{{"catalogVersion":"1","dateReleased":"2025-08-25T17:04:19Z","vulnerabilities":[{}]}}"#,
        entries.join(",")
    )
}

fn secdb(branch: &str) -> String {
    format!(
        r#"{{"distroversion":"{branch}","reponame":"main","urlprefix":"u","packages":[{{"pkg":{{"name":"a","secfixes":{{"1-r0":["CVE-2024-0001"]}}}}}}]}}"#
    )
}

fn address(segment: &str, path: &str) -> Address {
    Address { segment: segment.into(), path: path.into(), url: "https://unused.invalid/".into(), role: Role::Feed }
}

fn addresses() -> Vec<Address> {
    vec![
        address("alpine", "alpine/v3.18/main.json"),
        address("alpine", "alpine/v3.19/main.json"),
        address("kev", "kev/kev.json"),
    ]
}

async fn update(dir: &Path, addresses: &[Address], mirror: &str) -> UpdateReport {
    let downloads = fetch(dir, addresses, Some(mirror), now(), &mut |_| {}).await.unwrap();
    apply(dir, downloads, now(), &mut |_| {}).unwrap()
}

async fn serve(server: &MockServer, at: &str, etag: &str, body: String) {
    // What the server has not changed, it says so.
    Mock::given(method("GET"))
        .and(path(at))
        .and(header("if-none-match", etag))
        .respond_with(ResponseTemplate::new(304))
        .with_priority(1)
        .mount(server)
        .await;
    let answer = ResponseTemplate::new(200).insert_header("etag", etag).set_body_string(body);
    Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(server).await;
}

fn names(report: &UpdateReport) -> Vec<&str> {
    report.updated.iter().map(|segment| segment.meta.name.as_str()).collect()
}

#[tokio::test]
async fn only_what_changed_is_fetched_and_failures_keep_the_old() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    serve(&server, "/alpine/v3.18/main.json", "\"a18\"", secdb("v3.18")).await;
    serve(&server, "/alpine/v3.19/main.json", "\"a19\"", secdb("v3.19")).await;
    serve(&server, "/kev/kev.json", "\"k1\"", kev(&["CVE-2024-0001"])).await;
    let first = update(out.path(), &addresses(), &server.uri()).await;
    assert_eq!((names(&first), first.failed.len()), (vec!["alpine", "kev"], 0));
    assert!(!out.path().join(".downloads").exists());
    let again = update(out.path(), &addresses(), &server.uri()).await;
    assert_eq!((again.updated.len(), again.unchanged), (0, vec!["alpine".to_owned(), "kev".to_owned()]));

    // One branch of Alpine changes: the segment is built from all of them. The catalogue is gone.
    server.reset().await;
    serve(&server, "/alpine/v3.18/main.json", "\"a18\"", secdb("v3.18")).await;
    serve(&server, "/alpine/v3.19/main.json", "\"a19b\"", secdb("v3.19").replace("1-r0", "2-r0")).await;
    Mock::given(path("/kev/kev.json")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    let third = update(out.path(), &addresses(), &server.uri()).await;
    assert_eq!(names(&third), ["alpine"]);
    assert!(third.failed["kev"].contains("503"), "{:?}", third.failed);
    let database = Database::open(out.path()).unwrap();
    let alpine = database.manifest().get("alpine").unwrap();
    assert_eq!(alpine.meta.ecosystems, ["alpine:3.18", "alpine:3.19"]);
    let kev = database.manifest().get("kev").unwrap();
    assert!(kev.failed.contains("503") && kev.meta.records == 1, "the old segment stays: {kev:?}");
    let segments = database.segments().unwrap();
    assert!(segments.iter().any(|segment| segment.note("CVE-2024-0001").unwrap().is_some()));
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_left_out() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    serve(&server, "/alpine/v3.18/main.json", "\"a18\"", secdb("v3.18")).await;
    let optional = |path: &str| Address { role: Role::Optional, ..address("alpine", path) };
    let both = [optional("alpine/v3.18/main.json"), optional("alpine/v3.99/main.json")];
    let first = update(out.path(), &both, &server.uri()).await;
    assert_eq!((names(&first), first.failed.len()), (vec!["alpine"], 0));
    assert_eq!(update(out.path(), &both, &server.uri()).await.unchanged, ["alpine"]);
}

#[tokio::test]
async fn a_mirror_may_have_only_some_feeds() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    serve(&server, "/kev/kev.json", "\"k1\"", kev(&["CVE-2024-0001"])).await;
    let first = update(out.path(), &addresses(), &server.uri()).await;
    assert_eq!((names(&first), first.failed.len()), (vec!["kev"], 0));
    assert_eq!(first.absent, ["alpine"]);
    // What is in the database must not go from the mirror without a word.
    server.reset().await;
    serve(&server, "/alpine/v3.18/main.json", "\"a18\"", secdb("v3.18")).await;
    serve(&server, "/alpine/v3.19/main.json", "\"a19\"", secdb("v3.19")).await;
    let second = update(out.path(), &addresses(), &server.uri()).await;
    assert_eq!((names(&second), second.absent.len()), (vec!["alpine"], 0));
    assert!(second.failed["kev"].contains("404"), "{:?}", second.failed);
}

#[tokio::test]
async fn an_answer_that_is_no_feed_keeps_the_old_segment() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let kev_only = [address("kev", "kev/kev.json")];
    serve(&server, "/kev/kev.json", "\"1\"", kev(&["CVE-2024-0001"])).await;
    update(out.path(), &kev_only, &server.uri()).await;
    for body in ["<html>Please sign in</html>", r#"{"catalogVersion":"1","vulnerabilities":[]}"#] {
        server.reset().await;
        serve(&server, "/kev/kev.json", "\"2\"", body.to_owned()).await;
        let report = update(out.path(), &kev_only, &server.uri()).await;
        assert_eq!(report.failed.len(), 1, "{body}");
        let manifest = Manifest::read(out.path()).unwrap();
        assert_eq!(manifest.get("kev").unwrap().meta.records, 1);
    }
}

#[tokio::test]
async fn a_feed_without_dates_is_as_old_as_its_server_says() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let answer = ResponseTemplate::new(200)
        .insert_header("last-modified", "Tue, 06 Jan 2026 08:49:37 GMT")
        .set_body_string(secdb("v3.18"));
    Mock::given(method("GET")).and(path("/alpine/v3.18/main.json")).respond_with(answer).mount(&server).await;
    let report = update(out.path(), &[address("alpine", "alpine/v3.18/main.json")], &server.uri()).await;
    assert!(report.updated[0].meta.date.to_string().starts_with("2026-01-06T08:49:37"), "{:?}", report.updated[0].meta);
}

/// Feeds that are cut or wrong, laid out as a mirror: each is named with where it is wrong.
#[test]
fn what_is_wrong_in_a_feed_is_said_with_its_place() {
    let (from, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (file, content) in [
        ("kev/kev.json", "{\"cveID\":\n \"x\", \"vulnerabilities\": [ {\"cveID\": 3 ]}"),
        ("alpine/main.json", "{\"urlprefix\":\"x\",\"packages\":[\n{\"pkg\":{}}]}"),
        ("epss/epss.csv", "#model_version:v2,score_date:2026-11-23\ncve,epss,percentile\nhello\n"),
        ("oracle/com.oracle-oval.xml", "<oval_definitions><definitions><definition></metadata>"),
        (
            "debian/tracker.json",
            "{\"a\":{\"CVE-2024-1\":{\"releases\":{\"sid\":{\"status\":\"open\",\"repositories\":{}}}}},\n\"b\":{\"CVE",
        ),
        ("osv/PyPI/A.json", "{\"id\":\"A\",\"modified\":\"2026-01-01T00:00:00Z\",\n\"affected\":[{\"package\":3}]}"),
    ] {
        let path = from.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let report = from_directory(out.path(), from.path(), &BTreeSet::new(), now(), &mut |_| {}).unwrap();
    assert!(report.updated.is_empty());
    for (feed, part) in [
        ("kev", "kev.json: invalid type: integer `3`, expected a string at line 2"),
        ("alpine", "main.json: missing field `name` at line 2"),
        ("epss", "epss.csv, line 3"),
        ("oval-com.oracle", "com.oracle-oval.xml: not XML at byte"),
        ("debian", "tracker.json: cut or not JSON: EOF while parsing a string at line 2"),
        ("osv-pypi", "A.json: invalid type: integer `3`"),
    ] {
        let reason = report.failed.get(feed).unwrap_or_else(|| panic!("{feed} is not in {:?}", report.failed));
        assert!(reason.contains(part), "{feed}: {reason}");
    }
}

#[tokio::test]
async fn an_index_names_the_file_to_fetch() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let index = Address { role: Role::Names, ..address("kev", "kev/latest.txt") };
    serve(&server, "/kev/latest.txt", "\"i\"", "kev-2026.json\n".into()).await;
    serve(&server, "/kev/kev-2026.json", "\"k\"", kev(&["CVE-2024-0001"])).await;
    let first = update(out.path(), std::slice::from_ref(&index), &server.uri()).await;
    assert_eq!(names(&first), ["kev"], "{:?}", first.failed);
    let again = update(out.path(), std::slice::from_ref(&index), &server.uri()).await;
    assert_eq!(again.unchanged, ["kev"]);
    for name in ["../../etc/passwd", ".hidden", ""] {
        server.reset().await;
        serve(&server, "/kev/latest.txt", "\"j\"", format!("{name}\n")).await;
        let report = update(out.path(), std::slice::from_ref(&index), &server.uri()).await;
        assert!(report.failed["kev"].contains("not a plain file name"), "{:?}", report.failed);
    }
}

/// Answers one request: the first half and a closed connection, or, when a range is asked for, the rest.
fn answer(mut stream: TcpStream, body: &[u8]) -> String {
    let mut request = String::new();
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap().to_lowercase();
        if line.is_empty() {
            break;
        }
        request.push_str(&line);
        request.push('\n');
    }
    let half = body.len() / 2;
    let (status, part) = if request.contains(&format!("range: bytes={half}-")) {
        ("206 Partial Content", &body[half..])
    } else {
        ("200 OK", &body[..half])
    };
    let announced = if status.starts_with("206") { part.len() } else { body.len() };
    write!(stream, "HTTP/1.1 {status}\r\netag: \"v1\"\r\ncontent-length: {announced}\r\nconnection: close\r\n\r\n")
        .unwrap();
    stream.write_all(part).unwrap();
    request
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke_off() {
    let out = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let body = kev(&["CVE-2024-0001", "CVE-2024-0002"]);
        (0..2).map(|_| answer(listener.accept().unwrap().0, body.as_bytes())).collect::<Vec<_>>()
    });
    let report = update(out.path(), &[address("kev", "kev/kev.json")], &mirror).await;
    assert_eq!(names(&report), ["kev"], "{:?}", report.failed);
    assert_eq!(report.updated[0].meta.records, 2);
    let requests = server.join().unwrap();
    assert!(requests[1].contains("if-range: \"v1\""), "{}", requests[1]);
}

#[test]
fn a_directory_updates_what_it_has() {
    let (from, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(from.path().join("kev.json"), kev(&["CVE-2024-0001"])).unwrap();
    fs::write(from.path().join("main.json"), secdb("v3.18")).unwrap();
    let run = |only: &[&str]| {
        let only: BTreeSet<String> = only.iter().map(|name| (*name).to_owned()).collect();
        from_directory(out.path(), from.path(), &only, now(), &mut |_| {}).unwrap()
    };
    assert_eq!(names(&run(&["kev"])), ["kev"]);
    assert_eq!(names(&run(&[])), ["alpine", "kev"]);
    fs::remove_file(from.path().join("kev.json")).unwrap();
    assert_eq!(names(&run(&[])), ["alpine"]);
    assert_eq!(Manifest::read(out.path()).unwrap().segments.len(), 2, "what the directory lacks stays");
}
