//! OSV records.
//!
//! Source: the OSV schema (ossf.github.io/osv-schema), 1.7, with its evaluation algorithm: a version is affected when
//! it is listed in `versions` or lies in a range; events are sorted by the ecosystem's order, whatever their order in
//! the record. Withdrawn records are dropped; so are ranges of commits, which say nothing about installed packages.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use limits::json::{self, JsonLimits};
use model::{FixStatus, Severity};
use serde::Deserialize;

use super::{Sink, day, headline};
use crate::advisory::{Advisory, Affected, End, GoImport, Kind, Range, Rating, State, Target};
use crate::ecosystem::{from_osv, is_os, normal_name, scheme};
use crate::version::Scheme;

/// Largest record. The largest known lists some hundred thousand versions in 9 MB.
pub const RECORD: JsonLimits = JsonLimits { bytes: 32 << 20, depth: 64 };

#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    modified: String,
    #[serde(default)]
    published: String,
    withdrawn: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    upstream: Vec<String>,
    #[serde(default)]
    related: Vec<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    severity: Vec<RecordSeverity>,
    #[serde(default)]
    affected: Vec<RecordAffected>,
    database_specific: Option<RecordSpecific>,
}

#[derive(Deserialize)]
struct RecordSpecific {
    severity: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct RecordSeverity {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    score: String,
}

#[derive(Deserialize)]
struct RecordAffected {
    package: Option<RecordPackage>,
    #[serde(default)]
    ranges: Vec<RecordRange>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    severity: Vec<RecordSeverity>,
    ecosystem_specific: Option<EcosystemSpecific>,
    database_specific: Option<DatabaseSpecific>,
}

#[derive(Deserialize)]
struct RecordPackage {
    ecosystem: String,
    name: String,
    #[serde(default)]
    purl: String,
}

#[derive(Deserialize)]
struct RecordRange {
    r#type: String,
    #[serde(default)]
    events: Vec<BTreeMap<String, String>>,
    database_specific: Option<RangeSpecific>,
}

#[derive(Deserialize)]
struct RangeSpecific {
    last_known_affected_version_range: Option<String>,
}

#[derive(Deserialize, Default)]
struct EcosystemSpecific {
    #[serde(default)]
    imports: Vec<RecordImport>,
    custom_ranges: Option<serde_json::Value>,
    urgency: Option<String>,
    binaries: Option<serde_json::Value>,
    availability: Option<String>,
}

#[derive(Deserialize, Default)]
struct DatabaseSpecific {
    informational: Option<String>,
    last_known_affected_version_range: Option<String>,
}

#[derive(Deserialize)]
struct RecordImport {
    #[serde(default)]
    path: String,
    #[serde(default)]
    symbols: Vec<String>,
    #[serde(default)]
    goos: Vec<String>,
    #[serde(default)]
    goarch: Vec<String>,
}

/// Adds one record. `family` keeps only packages of one ecosystem family (`pypi`, `debian`), since an archive of one
/// ecosystem says nothing complete about another; empty keeps all.
pub fn record(bytes: &[u8], source: &str, family: &str, sink: &mut Sink) {
    sink.report.read += 1;
    let record: Record = match json::from_slice(bytes, &RECORD) {
        Ok(record) => record,
        Err(error) => return sink.report.fail("osv/record", source, error.to_string()),
    };
    sink.report.date(&record.modified);
    if record.withdrawn.is_some() {
        sink.report.left_out += 1;
        return;
    }
    for affected in &record.affected {
        sources(affected, sink);
    }
    sink.add(&convert(record, family));
}

/// The ecosystem families of a record's packages that we know, for archives whose folder does not name one.
pub fn families(bytes: &[u8]) -> BTreeSet<String> {
    let Ok(record) = json::from_slice::<Record>(bytes, &RECORD) else { return BTreeSet::new() };
    let packages = record.affected.iter().filter_map(|affected| affected.package.as_ref());
    let keys = packages.filter_map(|package| from_osv(&package.ecosystem));
    keys.map(|(key, _)| archive_of(&key).to_owned()).collect()
}

/// The family under which a record's archive is filed: Ubuntu Pro's packages are in Ubuntu's, CBL-Mariner's in Azure
/// Linux's.
pub fn archive_of(key: &str) -> &str {
    match family_of(key) {
        "ubuntu-pro" | "ubuntu-fips" => "ubuntu",
        "mariner" => "azurelinux",
        "sle-micro" | "opensuse-leap" | "opensuse-tumbleweed" => "sles",
        family => family,
    }
}

/// `debian:12` belongs to `debian`.
pub fn family_of(key: &str) -> &str {
    key.split_once(':').map_or(key, |(family, _)| family)
}

/// Which binaries a source builds (Ubuntu says so): SBOMs of other tools may lack it.
fn sources(affected: &RecordAffected, sink: &mut Sink) {
    let Some(package) = &affected.package else { return };
    let Some((key, _)) = from_osv(&package.ecosystem) else { return };
    for binary in binaries(affected) {
        sink.builder.add_source(&key, &binary, &package.name);
    }
}

fn binaries(affected: &RecordAffected) -> Vec<String> {
    let Some(list) = affected.ecosystem_specific.as_ref().and_then(|specific| specific.binaries.as_ref()) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for entry in list.as_array().into_iter().flatten().filter_map(serde_json::Value::as_object) {
        match entry.get("binary_name").and_then(serde_json::Value::as_str) {
            // Ubuntu: {"binary_name": …, "binary_version": …}.
            Some(name) => names.push(name.to_owned()),
            // SUSE and openEuler: {name: version, …}.
            None => names.extend(entry.keys().cloned()),
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn convert(record: Record, family: &str) -> Advisory {
    let kind = kind(&record);
    // Errata name what they fix under `related` or `upstream`; everywhere else `related` is not the same thing.
    let mut aliases = record.aliases;
    aliases.extend(record.upstream);
    if kind == Kind::Erratum {
        aliases.extend(record.related.into_iter().filter(|id| id.starts_with("CVE-")));
    }
    aliases.retain(|alias| *alias != record.id);
    aliases.sort_unstable();
    aliases.dedup();
    let title = if record.summary.is_empty() { headline(&record.details) } else { headline(&record.summary) };
    let mut advisory =
        Advisory { aliases, title, published: day(&record.published), kind, id: record.id, ..Advisory::default() };
    advisory.ratings = ratings(&advisory.id, &record.severity, record.database_specific.as_ref());
    if advisory.ratings.is_empty() && kind == Kind::Erratum {
        advisory.ratings.extend(severity_in_title(&record.summary));
    }
    if kind == Kind::Malware {
        advisory.ratings.push(Rating { source: "vendor".into(), severity: Severity::Critical, vector: String::new() });
    }
    for affected in record.affected {
        if advisory.ratings.is_empty() {
            advisory.ratings = ratings(&advisory.id, &affected.severity, None);
        }
        let converted = package(affected).filter(|a| family.is_empty() || families_match(&a.ecosystem, family));
        advisory.affected.extend(converted);
    }
    if advisory.kind == Kind::Notice && advisory.ratings.is_empty() {
        let severity = Severity::Informational;
        advisory.ratings.push(Rating { source: "vendor".into(), severity, vector: String::new() });
    }
    advisory
}

fn families_match(key: &str, family: &str) -> bool {
    family_of(key) == family || archive_of(key) == family
}

fn kind(record: &Record) -> Kind {
    let informational = |affected: &RecordAffected| {
        let word = affected.database_specific.as_ref().and_then(|specific| specific.informational.as_deref());
        // `unsound` is a defect of the code; the others say something about the project.
        word.is_some_and(|word| word != "unsound")
    };
    if record.id.starts_with("MAL-") {
        Kind::Malware
    } else if is_erratum(&record.id) {
        Kind::Erratum
    } else if !record.affected.is_empty() && record.affected.iter().all(informational) {
        Kind::Notice
    } else {
        Kind::Vulnerability
    }
}

/// Ids of errata: one update, several CVEs.
fn is_erratum(id: &str) -> bool {
    const PREFIXES: [&str; 17] = [
        "ALSA-",
        "ALBA-",
        "ALEA-",
        "RLSA-",
        "RXSA-",
        "RHSA-",
        "RHBA-",
        "RHEA-",
        "USN-",
        "LSN-",
        "DSA-",
        "DLA-",
        "DTSA-",
        "SUSE-SU-",
        "openSUSE-SU-",
        "OESA-",
        "MGASA-",
    ];
    PREFIXES.iter().any(|prefix| id.starts_with(prefix))
}

fn ratings(id: &str, severity: &[RecordSeverity], specific: Option<&RecordSpecific>) -> Vec<Rating> {
    let mut ratings = Vec::new();
    let own = if id.starts_with("GHSA-") { "ghsa" } else { "vendor" };
    let word = |text: &str| Severity::from_word(text).filter(|severity| *severity != Severity::Unknown);
    // Ubuntu rates by a word of its own and repeats the upstream vector.
    let words: Vec<Severity> =
        severity.iter().filter(|s| !s.r#type.starts_with("CVSS")).filter_map(|s| word(&s.score)).collect();
    let vectors = if words.is_empty() { own } else { "upstream" };
    for severity in words {
        ratings.push(Rating { source: own.into(), severity, vector: String::new() });
    }
    for entry in severity.iter().filter(|s| s.r#type.starts_with("CVSS")) {
        let rating = Rating { source: vectors.into(), severity: Severity::Unknown, vector: entry.score.clone() };
        if !ratings.contains(&rating) {
            ratings.push(rating);
        }
    }
    let said = specific.and_then(|specific| specific.severity.as_ref()).and_then(serde_json::Value::as_str);
    if let Some(severity) = said.and_then(word) {
        match ratings.iter_mut().find(|rating| rating.source == own) {
            Some(rating) => rating.severity = severity,
            None => ratings.push(Rating { source: own.into(), severity, vector: String::new() }),
        }
    }
    ratings
}

/// `Important: firefox security update`.
fn severity_in_title(title: &str) -> Option<Rating> {
    let severity = Severity::from_word(title.split_once(':')?.0)?;
    Some(Rating { source: "vendor".into(), severity, vector: String::new() })
}

fn package(record: RecordAffected) -> Option<Affected> {
    let binaries = binaries(&record);
    let package = record.package?;
    let (ecosystem, product) = from_osv(&package.ecosystem)?;
    let scheme = scheme(&ecosystem)?;
    let last_known = record.database_specific.as_ref().and_then(|s| s.last_known_affected_version_range.as_deref());
    let mut ranges: Vec<Range> = Vec::new();
    for range in &record.ranges {
        if range.r#type != "GIT" {
            let own = range.database_specific.as_ref().and_then(|s| s.last_known_affected_version_range.as_deref());
            ranges.extend(intervals(scheme, &range.events, own.or(last_known)));
        }
    }
    let versions: Vec<String> =
        record.versions.into_iter().filter(|version| !contained(scheme, version, &ranges)).collect();
    if ranges.is_empty() && versions.is_empty() && !record.ranges.is_empty() {
        return None;
    }
    let specific = record.ecosystem_specific.unwrap_or_default();
    let urgency = specific.urgency.as_deref().and_then(Severity::from_word);
    let mut affected = Affected {
        name: normal_name(&ecosystem, &package.name),
        target: target(&ecosystem, &package.purl),
        ranges,
        versions,
        status: State::ByRange,
        severity: urgency.filter(|severity| *severity != Severity::Unknown),
        imports: specific.imports.into_iter().map(import).collect(),
        note: note(specific.availability.as_deref(), specific.custom_ranges.as_ref()),
        binaries,
        ecosystem,
        ..Affected::default()
    };
    if !product.is_empty() {
        affected.products.push(product);
    }
    if specific.urgency.as_deref() == Some("end-of-life") {
        affected.status = State::Said(FixStatus::EndOfLife);
    }
    Some(affected)
}

fn import(import: RecordImport) -> GoImport {
    let RecordImport { path, symbols, goos, goarch } = import;
    GoImport { path, symbols, systems: goos, architectures: goarch }
}

/// What a person must know before acting.
fn note(availability: Option<&str>, custom_ranges: Option<&serde_json::Value>) -> String {
    match availability {
        Some(text) if text.contains("Pro") => "fix available with Ubuntu Pro".into(),
        _ if custom_ranges.is_some() => NOT_MODULE_VERSIONS.into(),
        _ => String::new(),
    }
}

/// The note of Go records whose real bounds are tags that are no module versions.
pub const NOT_MODULE_VERSIONS: &str = "the advisory's real bounds are tags that are not module versions";

/// Debian, Ubuntu, Alpine and Rocky name sources; Alma and Red Hat binaries; SUSE says which in the purl.
fn target(ecosystem: &str, purl: &str) -> Target {
    if !is_os(ecosystem) {
        return Target::Package;
    }
    match family_of(ecosystem) {
        "alma" | "rhel" | "centos" => Target::Binary,
        "rocky" | "photon" | "mageia" => Target::Either,
        _ if purl.contains("arch=source") || purl.contains("arch=src") => Target::Source,
        "wolfi" | "chainguard" | "minimos" | "bitnami" => Target::Either,
        _ => Target::Source,
    }
}

/// Events to intervals, by the ecosystem's order.
fn intervals(scheme: Scheme, events: &[BTreeMap<String, String>], last_known: Option<&str>) -> Vec<Range> {
    let (mut sorted, mut limits): (Vec<(&str, u8)>, Vec<&str>) = (Vec::new(), Vec::new());
    for (kind, version) in events.iter().flatten() {
        // At one version a range ends before the next begins, and a fix counts before a last affected version.
        let rank = match kind.as_str() {
            "fixed" => 0,
            "introduced" => 2,
            "last_affected" => 3,
            "limit" => {
                limits.push(version);
                continue;
            }
            _ => continue,
        };
        sorted.push((version, rank));
    }
    sorted.sort_by(|a, b| bound(scheme, a.0, b.0).then(a.1.cmp(&b.1)));
    let mut ranges = Vec::new();
    let mut open: Option<&str> = None;
    for (version, rank) in sorted {
        if rank == 2 {
            open.get_or_insert(version);
        } else if let Some(start) = open.take() {
            let end = if rank == 0 { End::Fixed(version.to_owned()) } else { End::Last(version.to_owned()) };
            ranges.push(Range { introduced: first(start), end, ..Range::default() });
        }
    }
    if let Some(start) = open {
        let end = last_known.map_or(End::Open, known_bound);
        ranges.push(Range { introduced: first(start), end, ..Range::default() });
    }
    limited(scheme, ranges, &limits)
}

/// The parts of ranges before their limits: nothing from the highest of them on is affected. `*` is no limit.
fn limited(scheme: Scheme, mut ranges: Vec<Range>, limits: &[&str]) -> Vec<Range> {
    let Some(limit) = limits.iter().max_by(|a, b| bound(scheme, a, b)).filter(|_| !limits.contains(&"*")) else {
        return ranges;
    };
    ranges.retain(|range| range.introduced.is_empty() || order(scheme, &range.introduced, limit).is_lt());
    for range in &mut ranges {
        let beyond = match &range.end {
            End::Open => true,
            End::Fixed(end) | End::Before(end) => order(scheme, end, limit).is_gt(),
            End::Last(end) => order(scheme, end, limit).is_ge(),
        };
        if beyond {
            range.end = End::Before((*limit).to_owned());
        }
    }
    ranges
}

/// `0` is before every version, pseudo-versions included.
fn bound(scheme: Scheme, a: &str, b: &str) -> Ordering {
    match (a == "0", b == "0") {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => order(scheme, a, b),
    }
}

/// The order in which ranges are checked: Composer's is another than the one in which it sorts.
fn order(scheme: Scheme, a: &str, b: &str) -> Ordering {
    if scheme == Scheme::Composer { scheme.range_key(a).cmp(&scheme.range_key(b)) } else { scheme.compare(a, b) }
}

fn first(introduced: &str) -> String {
    if introduced == "0" { String::new() } else { introduced.to_owned() }
}

/// `<= 1.2.3` or `< 1.2.3`, as GitHub writes the last known affected version.
fn known_bound(text: &str) -> End {
    let text = text.trim();
    if let Some(version) = text.strip_prefix("<=") {
        End::Last(version.trim().to_owned())
    } else if let Some(version) = text.strip_prefix('<') {
        End::Before(version.trim().to_owned())
    } else {
        End::Open
    }
}

fn contained(scheme: Scheme, version: &str, ranges: &[Range]) -> bool {
    ranges.iter().any(|range| {
        let after = range.introduced.is_empty() || order(scheme, version, &range.introduced).is_ge();
        after
            && match &range.end {
                End::Open => true,
                End::Fixed(end) | End::Before(end) => order(scheme, version, end).is_lt(),
                End::Last(end) => order(scheme, version, end).is_le(),
            }
    })
}
