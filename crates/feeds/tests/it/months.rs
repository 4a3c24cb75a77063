//! Microsoft's months, served as its API and as a mirror lay them out.

use std::path::Path;

use feeds::addresses::{self, Address, Role};
use feeds::update::{UpdateReport, apply, fetch};
use feeds::{Database, Manifest};
use model::Timestamp;
use wiremock::matchers::{header_regex, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn list(months: &[(&str, &str)]) -> String {
    let entries: Vec<String> = months
        .iter()
        .map(|(id, revised)| {
            format!(
                r#"{{"ID":"{id}","Alias":"{id}","DocumentTitle":"{id} Security Updates","Severity":null,
                "InitialReleaseDate":"2026-01-01T08:00:00Z","CurrentReleaseDate":"{revised}","CvrfUrl":"https://unused.invalid/{id}"}}"#
            )
        })
        .collect();
    format!(r#"{{"@odata.context":"x","value":[{}]}}"#, entries.join(","))
}

fn month(revised: &str, fixes: &[(&str, &str)]) -> String {
    let records: Vec<String> = fixes
        .iter()
        .map(|(cve, build)| {
            format!(
                r#"{{"CVE":"{cve}","Title":{{"Value":"x"}},"Threats":null,"CVSSScoreSets":[],
                "Remediations":[{{"Type":2,"Description":{{"Value":"5044281"}},"ProductID":["1"],"FixedBuild":"{build}"}}]}}"#
            )
        })
        .collect();
    format!(
        r#"{{"DocumentTitle":{{"Value":"t"}},"DocumentTracking":{{"CurrentReleaseDate":"{revised}"}},
        "ProductTree":{{"FullProductName":[{{"ProductID":"1","Value":"Windows Server 2022"}}]}},"Vulnerability":[{}]}}"#,
        records.join(",")
    )
}

async fn serve(server: &MockServer, at: &str, body: String) {
    let answer = ResponseTemplate::new(200).set_body_string(body);
    // The API answers with XML to whoever does not ask for JSON.
    Mock::given(path(at)).and(header_regex("accept", "^application/json")).respond_with(answer).mount(server).await;
}

async fn asked(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let paths = requests.iter().map(|request| request.url.path().to_owned()).collect();
    server.reset().await;
    paths
}

/// The address that the program has, at the server given.
fn published(server: &MockServer) -> Vec<Address> {
    let ours = addresses::all().into_iter().find(|address| address.role == Role::Months).unwrap();
    let url = ours.url.replace("https://api.msrc.microsoft.com", &server.uri());
    vec![Address { url, ..ours }]
}

async fn update(dir: &Path, addresses: &[Address], mirror: Option<&str>) -> UpdateReport {
    let downloads = fetch(dir, addresses, mirror, now(), &mut |_| {}).await.unwrap();
    apply(dir, downloads, now(), &mut |_| {}).unwrap()
}

fn fixes(dir: &Path) -> Vec<String> {
    let database = Database::open(dir).unwrap();
    let segments = database.segments().unwrap();
    let rows = segments.iter().flat_map(|segment| segment.rows("windows", "10.0.20348").unwrap());
    let mut lines: Vec<String> =
        rows.map(|row| format!("{} {:?}", row.advisory().unwrap().id, row.data().unwrap().ranges[0].end)).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn only_months_that_are_new_or_revised_are_fetched() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let addresses = published(&server);
    let october = ("2026-Oct", "2026-10-13T07:00:00Z");
    serve(&server, "/cvrf/v3.0/updates", list(&[("2026-Nov", "2026-11-10T08:00:00Z"), october])).await;
    serve(
        &server,
        "/cvrf/v3.0/cvrf/2026-Nov",
        month("2026-11-10T08:00:00Z", &[("CVE-2026-2", "10.0.20348.3000"), ("CVE-2026-3", "10.0.20348.3000")]),
    )
    .await;
    serve(&server, "/cvrf/v3.0/cvrf/2026-Oct", month(october.1, &[("CVE-2026-1", "10.0.20348.2900")])).await;
    let first = update(out.path(), &addresses, None).await;
    assert_eq!((first.updated.len(), first.failed.len()), (1, 0), "{:?}", first.failed);
    assert_eq!(first.updated[0].counts, (3, 0, 0), "{:?}", first.updated[0].diagnostics);
    assert!(!out.path().join(".downloads").exists());
    asked(&server).await;

    // November was revised; December is announced but not there yet.
    let revised = "2026-11-20T08:00:00Z";
    let announced = [("2026-Dec", "2026-11-23T08:00:00Z"), ("2026-Nov", revised), october];
    serve(&server, "/cvrf/v3.0/updates", list(&announced)).await;
    let again = month(revised, &[("CVE-2026-2", "10.0.20348.3001"), ("CVE-2026-4", "10.0.20348.3000")]);
    serve(&server, "/cvrf/v3.0/cvrf/2026-Nov", again).await;
    let second = update(out.path(), &addresses, None).await;
    assert!(second.failed.is_empty(), "{:?}", second.failed);
    assert_eq!(asked(&server).await, ["/cvrf/v3.0/updates", "/cvrf/v3.0/cvrf/2026-Dec", "/cvrf/v3.0/cvrf/2026-Nov"]);
    assert_eq!(
        fixes(out.path()),
        [
            r#"CVE-2026-1 Fixed("10.0.20348.2900")"#,
            r#"CVE-2026-2 Fixed("10.0.20348.3001")"#,
            r#"CVE-2026-3 Fixed("10.0.20348.3000")"#,
            r#"CVE-2026-4 Fixed("10.0.20348.3000")"#,
        ]
    );
    let entry = Manifest::read(out.path()).unwrap().get("windows").unwrap().clone();
    assert_eq!(entry.meta.date.to_string(), "2026-11-20T08:00:00.000000000Z");
    assert_eq!(entry.meta.attribution, "Microsoft Security Response Center");

    serve(&server, "/cvrf/v3.0/updates", list(&announced[1..])).await;
    assert_eq!(update(out.path(), &addresses, None).await.unchanged, ["windows"]);
    assert_eq!(asked(&server).await, ["/cvrf/v3.0/updates"]);
}

#[tokio::test]
async fn a_mirror_has_the_months_beside_the_list() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    serve(&server, "/m/windows/updates.json", list(&[("2026-Nov", "2026-11-10T08:00:00Z")])).await;
    let document = month("2026-11-10T08:00:00Z", &[("CVE-2026-2", "10.0.20348.3000")]);
    serve(&server, "/m/windows/cvrf/2026-Nov.json", document).await;
    let report = update(out.path(), &published(&server), Some(&format!("{}/m/", server.uri()))).await;
    assert_eq!((report.updated.len(), report.failed.len()), (1, 0), "{:?}", report.failed);
    assert_eq!(fixes(out.path()), [r#"CVE-2026-2 Fixed("10.0.20348.3000")"#]);
}

#[tokio::test]
async fn what_does_not_come_keeps_the_old_segment() {
    let (server, out) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let addresses = published(&server);
    serve(&server, "/cvrf/v3.0/updates", list(&[("2026-Nov", "2026-11-10T08:00:00Z")])).await;
    let document = month("2026-11-10T08:00:00Z", &[("CVE-2026-2", "10.0.20348.3000")]);
    serve(&server, "/cvrf/v3.0/cvrf/2026-Nov", document).await;
    update(out.path(), &addresses, None).await;
    for (body, expected) in [
        (list(&[("2026-Nov", "2026-11-11T08:00:00Z")]), "cvrf/2026-Nov answered 503"),
        (list(&[("../../x", "2026-11-11T08:00:00Z")]), "not the name of a month"),
        (list(&[]), "lists 0 months"),
        ("<html>sign in</html>".to_owned(), "is no list of months"),
    ] {
        server.reset().await;
        serve(&server, "/cvrf/v3.0/updates", body).await;
        Mock::given(path("/cvrf/v3.0/cvrf/2026-Nov")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
        let report = update(out.path(), &addresses, None).await;
        assert!(report.failed["windows"].contains(expected), "{:?}", report.failed);
        assert_eq!(fixes(out.path()), [r#"CVE-2026-2 Fixed("10.0.20348.3000")"#]);
        assert!(Manifest::read(out.path()).unwrap().get("windows").unwrap().failed.contains(expected));
    }
}
