//! Rules of matching, each on a small inventory and a small segment.

mod distributions;

use std::collections::BTreeMap;

use model::image::{Cvss, Epss, Kev, Producer};
use model::{
    Artifact, Assessment, Confidence, CoverageState, Evidence, Finding, FixStatus, Inventory, Location,
    OperatingSystem, Package, Platform, Purl, SegmentRef, Severity, SourcePackage, SymbolSet, Timestamp,
};

use super::{Options, assess, risk};
use crate::advisory::{Advisory, Affected, End, GoImport, Kind, Note, Range, Rating, State, Target};
use crate::segment::{Builder, Meta, Segment};

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

/// A package: `type name version`.
fn package(text: &str) -> Package {
    let parts: Vec<&str> = text.split(' ').collect();
    let &[kind, name, version] = parts.as_slice() else { panic!("{text}") };
    let (namespace, short) = name.rsplit_once(['/', ':']).unwrap_or(("", name));
    Package {
        purl: Purl::new(kind, namespace, short, version).to_string(),
        name: name.into(),
        version: version.into(),
        architecture: None,
        r#type: kind.into(),
        source: None,
        layer: Some("sha256:1".into()),
        locations: Vec::new(),
        evidence: Evidence::File,
        owner: None,
        licenses: Vec::new(),
        vendor: None,
        properties: BTreeMap::new(),
    }
}

fn with_source(mut package: Package, name: &str, version: &str) -> Package {
    package.source = Some(SourcePackage { name: name.into(), version: version.into() });
    package
}

fn with_property(mut package: Package, name: &str, value: &str) -> Package {
    package.properties.insert(name.into(), value.into());
    package
}

fn inventory(os: &str, packages: Vec<Package>) -> Inventory {
    let os = os.split_once(' ').map(|(id, version)| OperatingSystem {
        id: id.into(),
        version: version.into(),
        name: os.into(),
        end_of_life: None,
    });
    let platform = Platform { os: "linux".into(), architecture: "amd64".into(), ..Platform::default() };
    Inventory {
        id: "i".into(),
        artifact: Artifact { platform, ..Artifact::default() },
        os,
        layers: Vec::new(),
        packages,
        diagnostics: Vec::new(),
        producer: Producer { analysers_version: "1".into() },
    }
}

/// A row: `ecosystem name`, fixed in a version or, empty, not at all.
fn row(text: &str, fixed: &str) -> Affected {
    let (ecosystem, name) = text.split_once(' ').unwrap();
    let end = if fixed.is_empty() { End::Open } else { End::Fixed(fixed.into()) };
    let os = crate::ecosystem::is_os(ecosystem);
    Affected {
        ecosystem: ecosystem.into(),
        name: name.into(),
        target: if os { Target::Source } else { Target::Package },
        ranges: vec![Range { end, ..Range::default() }],
        ..Affected::default()
    }
}

fn advisory(id: &str, affected: Vec<Affected>) -> Advisory {
    Advisory { id: id.into(), affected, ..Advisory::default() }
}

/// A segment's bytes.
fn segment(feed: &str, ecosystems: &[&str], advisories: &[Advisory], notes: &[Note]) -> Vec<u8> {
    let mut builder = Builder::new();
    for advisory in advisories {
        builder.add(advisory);
    }
    for note in notes {
        builder.add_note(note);
    }
    builder.add_source("debian:12", "libssl3", "openssl");
    builder.add_fact("eol:debian", "9", "2022-06-30");
    builder.add_fact("eol:python", "3.7", "2023-06-27");
    let ecosystems = ecosystems.iter().map(|key| (*key).to_owned()).collect();
    let meta = Meta { name: format!("{feed}-test"), feed: feed.into(), ecosystems, ..Meta::default() };
    builder.finish(meta).unwrap().0
}

fn judge(inventory: &Inventory, segments: &[Vec<u8>]) -> Assessment {
    let reference = SegmentRef { name: "test".into(), date: now(), hash: String::new() };
    let opened: Vec<_> = segments.iter().map(|bytes| Segment::open(bytes, reference.clone()).unwrap()).collect();
    assess(inventory, &opened, &Options { now: Some(now()) })
}

/// `id package-name fixed…` of each finding, sorted.
fn lines(assessment: &Assessment) -> Vec<String> {
    let line = |finding: &Finding| {
        let purl: Purl = finding.package.parse().unwrap();
        format!("{} {} {}", finding.id, purl.name, finding.fixed.join(" ")).trim_end().to_owned()
    };
    let mut lines: Vec<String> = assessment.findings.iter().map(line).collect();
    lines.sort();
    lines
}

fn check(inventory: &Inventory, segments: &[Vec<u8>], expected: &[&str]) -> Assessment {
    let assessment = judge(inventory, segments);
    assert_eq!(lines(&assessment), expected);
    assessment
}

#[test]
fn a_source_is_reported_once_with_its_binaries() {
    let image = inventory(
        "debian 12",
        vec![
            with_source(package("deb libssl3 3.0.11-1"), "openssl", "3.0.11-1"),
            package("deb openssl 3.0.11-1"),
            package("deb libssl-doc 3.0.11-1"),
        ],
    );
    let feed = segment(
        "debian",
        &["debian:12"],
        &[advisory("CVE-2024-0001", vec![row("debian:12 openssl", "3.0.14-1")])],
        &[],
    );
    let assessment = check(&image, &[feed], &["CVE-2024-0001 openssl 3.0.14-1"]);
    let finding = &assessment.findings[0];
    assert_eq!(finding.binaries, ["libssl3", "openssl"]);
    assert_eq!(finding.because.rule, "3.0.11-1 < 3.0.14-1 (fixed)");
    assert_eq!((finding.because.scheme.as_str(), finding.confidence), ("dpkg", Confidence::Exact));
    assert_eq!(finding.layer.as_deref(), Some("sha256:1"));
    assert_eq!((assessment.actions[0].target.as_str(), assessment.actions[0].verified), ("openssl 3.0.14-1", false));
}

#[test]
fn an_inventory_without_packages_is_not_healthy() {
    let assessment = check(&inventory("", Vec::new()), &[], &[]);
    assert!(assessment.coverage.iter().any(|c| c.signal == "packages" && c.state == CoverageState::Unseen));
}

#[test]
fn a_tool_that_names_no_sources_leaves_them_open() {
    let feed = || segment("debian", &["debian:12"], &[advisory("CVE-2024-0001", vec![row("debian:12 foo", "2")])], &[]);
    let sbom = |package: Package| Package { evidence: Evidence::Sbom, ..package };
    let gap = |packages: Vec<Package>| {
        let assessment = judge(&inventory("debian 12", packages), &[feed()]);
        assessment.coverage.into_iter().find(|statement| statement.signal == "source").map(|gap| gap.reason)
    };
    let unnamed = || vec![sbom(package("deb libfoo9 1")), sbom(package("deb foo 1")), package("cargo libfoo9 1")];
    let reason = gap(unnamed()).unwrap();
    assert!(reason.ends_with("judged by their own names: libfoo9"), "{reason}");
    let named = with_source(sbom(package("deb libbar1 1")), "bar", "1");
    assert_eq!(gap(unnamed().into_iter().chain([named]).collect()), None);
}

#[test]
fn aliases_join_records_through_chains() {
    let image = inventory("", vec![package("pypi a 1.0")]);
    let record = |id: &str, aliases: &[&str], fixed: &str| Advisory {
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        ..advisory(id, vec![row("pypi a", fixed)])
    };
    let feed = segment(
        "osv",
        &["pypi"],
        &[
            record("PYSEC-2024-1", &["GHSA-xxcw-2q8h-4v7m"], ""),
            record("GHSA-xxcw-2q8h-4v7m", &["CVE-2024-0001"], "1.1"),
            record("UBUNTU-CVE-2024-0001", &[], ""),
            record("CVE-2024-0002", &[], "1.2"),
        ],
        &[],
    );
    let assessment = check(&image, &[feed], &["CVE-2024-0001 a 1.1", "CVE-2024-0002 a 1.2"]);
    let joined = assessment.findings.iter().find(|finding| finding.id == "CVE-2024-0001").unwrap();
    assert_eq!(joined.aliases, ["GHSA-xxcw-2q8h-4v7m", "PYSEC-2024-1"]);
    assert_eq!((joined.status, joined.because.record.as_str()), (FixStatus::Fixed, "GHSA-xxcw-2q8h-4v7m"));
}

#[test]
fn packages_of_the_distribution_are_judged_through_it() {
    let owned = |owner: Option<&str>| Package { owner: owner.map(str::to_owned), ..package("pypi requests 2.0") };
    let debian = segment("debian", &["debian:12"], &[], &[]);
    let osv = segment("osv", &["pypi"], &[advisory("CVE-2024-0001", vec![row("pypi requests", "2.1")])], &[]);
    let image = inventory("debian 12", vec![owned(Some("pkg:deb/debian/python3-requests"))]);
    let assessment = check(&image, &[debian.clone(), osv.clone()], &[]);
    let pypi = assessment.coverage.iter().find(|statement| statement.signal == "pypi").unwrap();
    assert!(pypi.reason.contains("judged through those"), "{pypi:?}");
    let debian_again = debian.clone();
    check(&inventory("debian 12", vec![owned(None)]), &[debian, osv.clone()], &["CVE-2024-0001 requests 2.1"]);
    // Another tool's SBOM tells only the folder.
    let folder = with_property(owned(None), model::DISTRIBUTION_FOLDER, "usr/lib/python3/dist-packages");
    check(&inventory("debian 12", vec![folder]), &[debian_again, osv.clone()], &[]);
    // Without a feed for the distribution nobody else judges them.
    let assessment = check(&image, &[osv], &["CVE-2024-0001 requests 2.1"]);
    assert_eq!(assessment.findings[0].confidence, Confidence::Derived);
}

#[test]
fn go_advisories_need_a_linked_function() {
    let import = |systems: &[&str], symbols: &[&str]| GoImport {
        path: "example.org/x/y".into(),
        symbols: symbols.iter().map(|s| (*s).to_owned()).collect(),
        systems: systems.iter().map(|s| (*s).to_owned()).collect(),
        architectures: Vec::new(),
    };
    let with = |id: &str, imports| advisory(id, vec![Affected { imports, ..row("golang example.org/x", "1.2.0") }]);
    let feed = segment(
        "osv",
        &["golang"],
        &[
            with("CVE-2024-0001", vec![import(&[], &["T.Used"])]),
            with("CVE-2024-0002", vec![import(&[], &["Unused", "T.Unused"])]),
            with("CVE-2024-0003", vec![import(&["windows"], &["T.Used"])]),
            with("CVE-2024-0004", vec![import(&[], &[])]),
        ],
        &[],
    );
    let mut set = SymbolSet::default();
    set.add("example.org/x/y", "T.Used");
    set.seal();
    let mut program = with_property(package("golang example.org/x v1.1.0"), "symbols", &set.to_string());
    program.locations.push(Location { path: "app/server".into(), layer: None, offset: None });
    let assessment = check(
        &inventory("", vec![program]),
        std::slice::from_ref(&feed),
        &["CVE-2024-0001 x 1.2.0", "CVE-2024-0004 x 1.2.0"],
    );
    let out: Vec<_> = assessment.suppressed.iter().map(|out| (out.finding.id.as_str(), out.by.as_str())).collect();
    assert_eq!(
        out,
        [
            (
                "CVE-2024-0002",
                "CVE-2024-0002: none of the vulnerable functions is linked into app/server: example.org/x/y.Unused, example.org/x/y.T.Unused"
            ),
            ("CVE-2024-0003", "CVE-2024-0003: only vulnerable on windows, this image is linux/amd64"),
        ]
    );
    let plain = inventory("", vec![package("golang example.org/x v1.1.0")]);
    check(&plain, &[feed], &["CVE-2024-0001 x 1.2.0", "CVE-2024-0002 x 1.2.0", "CVE-2024-0004 x 1.2.0"]);
}

#[test]
fn everything_from_the_first_commit_on_is_affected() {
    let feed = segment("osv", &["golang"], &[advisory("GO-2024-0001", vec![row("golang example.org/x", "")])], &[]);
    let image = inventory(
        "",
        vec![
            package("golang example.org/x v0.0.0-20200101000000-abcdefabcdef"),
            package("golang example.org/y (devel)"),
        ],
    );
    let assessment = check(&image, &[feed], &["GO-2024-0001 x"]);
    let versions = assessment.coverage.iter().find(|statement| statement.signal == "version").unwrap();
    assert!(versions.reason.contains("example.org/y (devel)"), "{versions:?}");
}

#[test]
fn inert_packages_are_marked_and_sort_last() {
    let image = inventory(
        "debian 12",
        vec![with_source(package("deb linux-libc-dev 6.1-1"), "linux", "6.1-1"), package("deb a 1")],
    );
    let advisories = [
        advisory("CVE-2024-0001", vec![row("debian:12 linux", "6.2-1")]),
        advisory("CVE-2024-0002", vec![row("debian:12 a", "2")]),
    ];
    let assessment = judge(&image, &[segment("debian", &["debian:12"], &advisories, &[])]);
    let inert: Vec<_> = assessment.findings.iter().map(|finding| (finding.id.as_str(), finding.inert)).collect();
    assert_eq!(inert, [("CVE-2024-0002", false), ("CVE-2024-0001", true)]);
}

#[test]
fn a_segment_knows_sources_that_an_sbom_lacks() {
    let sbom = |text: &str| Package { evidence: Evidence::Sbom, ..package(text) };
    let image = inventory("debian 12", vec![sbom("deb libssl3 3.0.11-1"), sbom("deb mystery 1"), sbom("deb curl 7")]);
    let feed = segment(
        "debian",
        &["debian:12"],
        &[
            advisory("CVE-2024-0001", vec![row("debian:12 openssl", "3.0.14-1")]),
            advisory("CVE-2024-0002", vec![row("debian:12 curl", "8")]),
        ],
        &[],
    );
    let assessment = check(&image, &[feed], &["CVE-2024-0001 libssl3 3.0.14-1", "CVE-2024-0002 curl 8"]);
    let confidence: Vec<_> =
        assessment.findings.iter().map(|finding| (finding.id.as_str(), finding.confidence)).collect();
    // `curl` is the name of a source that the feed knows.
    assert_eq!(confidence, [("CVE-2024-0001", Confidence::Derived), ("CVE-2024-0002", Confidence::Exact)]);
    let unresolved = assessment.coverage.iter().find(|statement| statement.signal == "source").unwrap();
    assert!(unresolved.reason.ends_with("mystery"), "{unresolved:?}");
}

#[test]
fn severity_is_the_vendors_first_and_all_are_kept() {
    let rating =
        |source: &str, severity, vector: &str| Rating { source: source.into(), severity, vector: vector.into() };
    let advisory = Advisory {
        ratings: vec![
            rating("ghsa", Severity::High, ""),
            rating("vendor", Severity::Unknown, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
        ],
        ..advisory("CVE-2024-0001", vec![row("pypi a", "2")])
    };
    let note = Note {
        id: "CVE-2024-0001".into(),
        ratings: vec![rating("nvd", Severity::Medium, "")],
        kev: Some(Kev { date_added: "2024-01-01".into(), ransomware: true }),
        epss: Some(Epss { score: 0.5, percentile: 0.9, date: "2026-11-23".into() }),
    };
    let assessment =
        judge(&inventory("", vec![package("pypi a 1")]), &[segment("osv", &["pypi"], &[advisory], &[note])]);
    let finding = &assessment.findings[0];
    assert_eq!((finding.severity.chosen, finding.severity.from.as_str()), (Severity::Critical, "vendor"));
    assert_eq!(finding.severity.all.len(), 3);
    assert_eq!((finding.cvss[0].score, finding.kev.as_ref().unwrap().ransomware), (Some(9.8), true));
}

/// A finding for the risk formula.
fn rated(severity: Severity, scores: &[f64], epss: Option<f64>, kev: Option<bool>) -> Finding {
    let image = inventory("", vec![package("pypi a 1")]);
    let feed = segment("osv", &["pypi"], &[advisory("CVE-2024-0001", vec![row("pypi a", "2")])], &[]);
    let mut finding = judge(&image, &[feed]).findings.remove(0);
    finding.severity.chosen = severity;
    let cvss = |score: &f64| Cvss { source: "nvd".into(), vector: String::new(), score: Some(*score) };
    finding.cvss = scores.iter().map(cvss).collect();
    finding.epss = epss.map(|score| Epss { score, percentile: 0.9, date: String::new() });
    finding.kev = kev.map(|ransomware| Kev { date_added: String::new(), ransomware });
    finding
}

#[test]
fn risk_is_the_published_formula() {
    let check = |finding: Finding, expected: f64| {
        assert!((risk(&finding) - expected).abs() < 1e-4, "{} {expected}", risk(&finding));
    };
    check(rated(Severity::High, &[7.5], None, None), 0.0);
    check(rated(Severity::High, &[7.5], Some(0.5), None), 37.5);
    check(rated(Severity::High, &[7.5], None, Some(false)), 78.75);
    check(rated(Severity::High, &[7.5], None, Some(true)), 82.5);
    check(rated(Severity::Critical, &[], Some(0.8), None), 72.0);
    check(rated(Severity::Medium, &[6.5, 5.5], Some(0.6), None), 33.0);
    check(rated(Severity::Medium, &[0.0, 6.0], Some(0.4), None), 22.0);
    check(rated(Severity::Unknown, &[], Some(0.3), None), 15.0);
    check(rated(Severity::Critical, &[10.0], None, Some(true)), 100.0);
}

#[test]
fn silence_is_never_health() {
    let image = inventory(
        "debian 9",
        vec![
            package("deb a 1"),
            package("npm b 1"),
            package("pypi c 1"),
            package("alpm d 1"),
            package("generic python 3.7.1"),
        ],
    );
    let osv = segment("osv", &["pypi"], &[], &[]);
    let assessment = check(&image, &[osv], &[]);
    let statements: Vec<_> = assessment.coverage.iter().map(|c| (c.signal.as_str(), c.state)).collect();
    assert_eq!(
        statements,
        [
            ("debian:9", CoverageState::Unseen),
            ("end_of_life", CoverageState::Stale),
            ("end_of_life", CoverageState::Stale),
            ("alpm", CoverageState::Unsupported),
            ("debian:9", CoverageState::Unseen),
            ("generic", CoverageState::Unseen),
            ("npm", CoverageState::Unseen),
            ("pypi", CoverageState::Seen),
        ]
    );
    assert!(assessment.coverage[0].reason.contains("no feed"));
}

#[test]
fn an_old_feed_is_stale_and_damage_is_said() {
    let image = inventory("", vec![package("pypi a 1")]);
    let mut bytes = segment("osv", &["pypi"], &[advisory("CVE-2024-0001", vec![row("pypi a", "2")])], &[]);
    let reference = SegmentRef { name: "x".into(), date: "2026-01-01T00:00:00Z".parse().unwrap(), hash: String::new() };
    let options = Options { now: Some(now()) };
    let stale = assess(&image, &[Segment::open(&bytes, reference.clone()).unwrap()], &options);
    assert_eq!(stale.coverage[0].state, CoverageState::Stale);
    // The rows section is the third of the table: its entry is at byte 48.
    let rows = usize::try_from(u64::from_le_bytes(bytes[48..56].try_into().unwrap())).unwrap();
    bytes[rows] = 0xff;
    let damaged = assess(&image, &[Segment::open(&bytes, reference).unwrap()], &options);
    assert!(damaged.findings.is_empty());
    assert!(damaged.coverage.iter().any(|c| c.state == CoverageState::Unreachable), "{:?}", damaged.coverage);
}
