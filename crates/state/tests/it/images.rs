//! Images: kept once, judged again, listed with their findings.

use std::collections::BTreeMap;

use model::image::{Kev, Producer};
use model::{
    Artifact, Assessment, Because, Confidence, Coverage, CoverageState, Evidence, Finding, FixStatus, Inventory,
    Package, Platform, SegmentRef, Severity, SeverityChoice, Subject,
};
use state::{FindingFilter, ImageFilter, PageRequest, segments_key};

use crate::{Fixture, alert, batch, json, seconds};

fn inventory(id: &str, reference: &str) -> Inventory {
    let package = |name: &str| Package {
        purl: format!("pkg:deb/debian/{name}@1"),
        name: name.into(),
        version: "1".into(),
        architecture: None,
        r#type: "deb".into(),
        source: None,
        layer: None,
        locations: Vec::new(),
        evidence: Evidence::File,
        owner: None,
        licenses: Vec::new(),
        vendor: None,
        properties: BTreeMap::new(),
    };
    Inventory {
        id: id.into(),
        artifact: Artifact {
            reference: Some(reference.into()),
            manifest_digest: Some(format!("sha256:{id}")),
            platform: Platform { os: "linux".into(), architecture: "amd64".into(), ..Platform::default() },
            ..Artifact::default()
        },
        os: None,
        layers: Vec::new(),
        packages: (0..5).map(|index| package(&format!("p{index}"))).collect(),
        diagnostics: Vec::new(),
        producer: Producer { analysers_version: "1".into() },
    }
}

fn finding(id: &str, severity: Severity) -> Finding {
    Finding {
        id: id.into(),
        aliases: Vec::new(),
        package: "pkg:deb/debian/p1@1".into(),
        installed: "1".into(),
        fixed: vec!["2".into()],
        status: FixStatus::Fixed,
        severity: SeverityChoice { chosen: severity, from: "vendor".into(), all: BTreeMap::new() },
        cvss: Vec::new(),
        kev: None,
        epss: None,
        confidence: Confidence::Exact,
        inert: false,
        because: Because { segment: "s".into(), record: "r".into(), scheme: "dpkg".into(), rule: "1 < 2".into() },
        layer: None,
        origin: None,
        title: String::new(),
        binaries: Vec::new(),
    }
}

fn assessment(id: &str, findings: Vec<Finding>, hash: &str) -> Assessment {
    let subject = Subject::PackageType { name: "npm".into(), packages: 1 };
    Assessment {
        inventory_id: id.into(),
        manifest: vec![SegmentRef { name: "debian".into(), date: seconds(1), hash: hash.into() }],
        findings,
        coverage: vec![Coverage::new(subject, "npm", CoverageState::Unseen, "no feed")],
        actions: Vec::new(),
        suppressed: Vec::new(),
    }
}

#[tokio::test]
async fn an_image_is_listed_with_its_numbers() {
    let fixture = Fixture::new().await;
    let mut inert = finding("CVE-3", Severity::Critical);
    inert.inert = true;
    let mut exploited = finding("CVE-1", Severity::High);
    exploited.kev = Some(Kev { date_added: "2026-01-01".into(), ransomware: false });
    let mut open = finding("CVE-2", Severity::Low);
    (open.status, open.fixed) = (FixStatus::Affected, Vec::new());
    let judged = assessment("aa", vec![exploited, open, inert], "h1");
    fixture.store.put_image(&inventory("aa", "registry.example/web:1"), &judged, seconds(5)).await.unwrap();
    fixture.store.ingest(batch("n1", "alerts", 1, vec![json(&alert("n1", 1, 1, 1))])).await.unwrap();
    let page = fixture.store.images(&ImageFilter::default(), &PageRequest::default()).await.unwrap();
    let image = &page.items[0];
    assert_eq!((image.findings.high, image.findings.low, image.findings.critical), (1, 1, 0));
    assert_eq!((image.fixable, image.known_exploited, image.not_covered, image.packages), (1, 1, 1, 5));
    assert_eq!(image.running, 1, "the alert's container runs it");
    let details = fixture.store.image("aa").await.unwrap().unwrap();
    assert_eq!(
        (details.references.as_slice(), details.coverage.len()),
        (&["registry.example/web:1".to_owned()][..], 1)
    );
    assert!(fixture.store.image("zz").await.unwrap().is_none());
}

#[tokio::test]
async fn findings_are_pages_worst_first() {
    let fixture = Fixture::new().await;
    let findings =
        (0..10).map(|index| finding(&format!("CVE-{index}"), if index < 4 { Severity::High } else { Severity::Low }));
    let judged = assessment("aa", findings.collect(), "h1");
    fixture.store.put_image(&inventory("aa", "web:1"), &judged, seconds(5)).await.unwrap();
    let list = async |filter: FindingFilter, after: Option<&str>| {
        let after = after.map(|text| state::Cursor::decode(text).unwrap());
        fixture.store.findings("aa", &filter, &PageRequest { after, rows: 3 }).await.unwrap()
    };
    let first = list(FindingFilter::default(), None).await;
    assert!(first.items[0].finding.get().contains("CVE-0"));
    let second = list(FindingFilter::default(), first.next.as_deref()).await;
    assert_eq!(second.items[0].ordinal, 3);
    let low = list(FindingFilter { severities: vec![Severity::Low], ..FindingFilter::default() }, None).await;
    assert_eq!(low.items[0].ordinal, 4);
    let named = list(FindingFilter { text: Some("cve-7".into()), ..FindingFilter::default() }, None).await;
    assert_eq!((named.items.len(), named.next), (1, None));
    let by_finding = ImageFilter { finding: Some("CVE-7".into()), ..ImageFilter::default() };
    assert_eq!(fixture.store.images(&by_finding, &PageRequest::default()).await.unwrap().items.len(), 1);
    let by_other = ImageFilter { finding: Some("CVE-77".into()), ..ImageFilter::default() };
    assert_eq!(fixture.store.images(&by_other, &PageRequest::default()).await.unwrap().items.len(), 0);
}

#[tokio::test]
async fn packages_are_pages() {
    let fixture = Fixture::new().await;
    fixture.store.put_image(&inventory("aa", "web:1"), &assessment("aa", vec![], "h"), seconds(5)).await.unwrap();
    let request = PageRequest { after: None, rows: 2 };
    let first = fixture.store.packages("aa", None, &request).await.unwrap().unwrap();
    assert_eq!(first.items.iter().map(|package| package.name.as_str()).collect::<Vec<_>>(), ["p0", "p1"]);
    let after = first.next.map(|text| state::Cursor::decode(&text).unwrap());
    let second = fixture.store.packages("aa", None, &PageRequest { after, rows: 2 }).await.unwrap().unwrap();
    assert_eq!(second.items[0].name, "p2");
    let named = fixture.store.packages("aa", Some("P4"), &request).await.unwrap().unwrap();
    assert_eq!((named.items.len(), named.next), (1, None));
}

#[tokio::test]
async fn a_new_assessment_replaces_the_old_one() {
    let fixture = Fixture::new().await;
    let old = assessment("aa", vec![finding("CVE-1", Severity::High)], "h1");
    fixture.store.put_image(&inventory("aa", "web:1"), &old, seconds(5)).await.unwrap();
    assert_eq!(fixture.store.image_segments().await.unwrap(), [("aa".to_owned(), segments_key(&old.manifest))]);
    let new = assessment("aa", vec![finding("CVE-2", Severity::Low), finding("CVE-3", Severity::Low)], "h2");
    assert!(fixture.store.put_assessment("aa", &new, seconds(9)).await.unwrap());
    assert!(!fixture.store.put_assessment("zz", &new, seconds(9)).await.unwrap());
    let image = fixture.store.image_summary("aa").await.unwrap().unwrap();
    assert_eq!((image.findings.high, image.findings.low), (0, 2));
    assert_eq!((image.added, image.assessed), (seconds(5), seconds(9)));
}
