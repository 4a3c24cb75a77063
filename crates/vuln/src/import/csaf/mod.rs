//! Red Hat's security data: CSAF-VEX per CVE, CSAF advisories per erratum, and the older API's JSON per CVE ([`hydra`]).
//!
//! Source: OASIS CSAF 2.0 and Red Hat's guide to its CSAF and VEX files. The product tree gives each product a CPE (the
//! release) or a purl (the package); relationships put a package, or a module, into a release. A VEX file says of each
//! pair whether it is fixed, affected, under investigation or not affected; remediations say why there is no fix.

use std::collections::{BTreeMap, BTreeSet};

use limits::json::{self, JsonLimits};
use model::{FixStatus, Purl, Severity};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

mod hydra;
mod repositories;

pub use hydra::hydra;
pub use repositories::{REPOSITORY, repositories};

use super::{Sink, day, headline};
use crate::advisory::{Advisory, Affected, End, Kind, Range, Rating, State, Target};
use crate::ecosystem;

/// Largest document; kernel CVEs with all their products have 25 MB.
pub const DOCUMENT: JsonLimits = JsonLimits { bytes: 128 << 20, depth: 100 };
/// Longest chain of relationships: package in module in release is two.
const MAX_CHAIN: usize = 8;

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "document")]
    head: Head,
    product_tree: Option<Tree>,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    category: String,
    #[serde(default)]
    title: String,
    aggregate_severity: Option<Text>,
    tracking: Tracking,
}

#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Tracking {
    id: String,
    #[serde(default)]
    current_release_date: String,
    #[serde(default)]
    initial_release_date: String,
}

#[derive(Deserialize)]
struct Tree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    branches: Vec<Branch>,
    product: Option<Product>,
}

#[derive(Deserialize)]
struct Product {
    product_id: String,
    product_identification_helper: Option<Helper>,
}

#[derive(Deserialize)]
struct Helper {
    cpe: Option<String>,
    purl: Option<String>,
}

#[derive(Deserialize)]
struct Relationship {
    full_product_name: Product,
    product_reference: String,
    relates_to_product_reference: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    cve: Option<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    release_date: String,
    #[serde(default)]
    product_status: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    remediations: Vec<Remediation>,
    #[serde(default)]
    scores: Vec<Score>,
    #[serde(default)]
    threats: Vec<Threat>,
}

#[derive(Deserialize)]
struct Remediation {
    #[serde(default)]
    category: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    product_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Score {
    #[serde(rename = "cvss_v4")]
    v4: Option<Vector>,
    #[serde(rename = "cvss_v3")]
    v3: Option<Vector>,
    #[serde(rename = "cvss_v2")]
    v2: Option<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    #[serde(rename = "vectorString", default)]
    vector: String,
}

#[derive(Deserialize)]
struct Threat {
    #[serde(default)]
    category: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    product_ids: Vec<String>,
}

/// Products by their ids.
#[derive(Default)]
struct Products {
    cpes: FxHashMap<String, String>,
    purls: FxHashMap<String, Purl>,
    relations: FxHashMap<String, (String, String)>,
}

/// Adds a CSAF document.
pub fn csaf(bytes: &[u8], source: &str, sink: &mut Sink) {
    sink.report.read += 1;
    let document: Document = match json::from_slice(bytes, &DOCUMENT) {
        Ok(document) => document,
        Err(error) => return sink.report.fail("csaf/document", source, error.to_string()),
    };
    sink.report.date(&document.head.tracking.current_release_date);
    let mut products = Products::default();
    if let Some(tree) = document.product_tree {
        products.collect(tree.branches);
        for Relationship { full_product_name, product_reference, relates_to_product_reference } in tree.relationships {
            let pair = (product_reference, relates_to_product_reference);
            products.relations.insert(full_product_name.product_id, pair);
        }
    }
    for vulnerability in document.vulnerabilities {
        sink.add(&convert(&vulnerability, &document.head, &products));
    }
}

impl Products {
    fn collect(&mut self, branches: Vec<Branch>) {
        // `limits::json` capped the depth, so the recursion is bounded.
        for Branch { branches, product } in branches {
            if let Some(Product { product_id, product_identification_helper: Some(helper) }) = product {
                if let Some(purl) = helper.purl.and_then(|purl| purl.parse::<Purl>().ok()) {
                    self.purls.insert(product_id.clone(), purl);
                }
                if let Some(cpe) = helper.cpe {
                    self.cpes.insert(product_id, cpe);
                }
            }
            self.collect(branches);
        }
    }

    /// The release's CPE, the package and the module stream behind an id.
    fn resolve<'p>(&'p self, id: &'p str) -> Option<Place<'p>> {
        let mut place = Place::default();
        let mut open = vec![id];
        for _ in 0..MAX_CHAIN {
            let Some(id) = open.pop() else { break };
            if let Some(cpe) = self.cpes.get(id) {
                place.cpe = Some(cpe);
            } else if let Some((part, whole)) = self.relations.get(id) {
                open.extend([whole.as_str(), part.as_str()]);
            } else if let Some(purl) = self.purls.get(id) {
                match purl.r#type.as_str() {
                    "rpm" => place.package = Some(purl),
                    "rpmmod" => place.module = Some(format!("{}:{}", purl.name, stream(&purl.version))),
                    _ => {}
                }
            }
        }
        place.package.is_some().then_some(place)
    }
}

#[derive(Default)]
struct Place<'p> {
    cpe: Option<&'p String>,
    package: Option<&'p Purl>,
    module: Option<String>,
}

/// `ruby:2.5:8090020230627084142:b46abd14` or `2.5:809…`: name and stream, or the stream.
fn stream(label: &str) -> &str {
    label.split(':').next().unwrap_or("")
}

fn convert(vulnerability: &Vulnerability, head: &Head, products: &Products) -> Advisory {
    let cve = vulnerability.cve.clone().unwrap_or_default();
    let vex = head.category.contains("vex") || head.tracking.id.starts_with("CVE-");
    let title = if vulnerability.title.is_empty() { &head.title } else { &vulnerability.title };
    let published = if vex { &vulnerability.release_date } else { &head.tracking.initial_release_date };
    let impacts = Impacts::of(&vulnerability.threats, head.aggregate_severity.as_ref());
    let mut rows = Rows::default();
    for (id, state) in states(vulnerability) {
        rows.add(products.resolve(id), state, impacts.of_product(id));
    }
    let vectors = vulnerability.scores.iter().flat_map(|score| [&score.v4, &score.v3, &score.v2]);
    let vector = vectors.flatten().map(|vector| vector.vector.clone()).next().unwrap_or_default();
    let severity = impacts.first;
    Advisory {
        id: if vex { cve.clone() } else { head.tracking.id.clone() },
        aliases: if vex { Vec::new() } else { vec![cve] },
        title: headline(title),
        ratings: vec![Rating { source: "vendor".into(), severity, vector }],
        published: day(published),
        kind: if vex { Kind::Vulnerability } else { Kind::Erratum },
        affected: rows.finish(),
    }
}

/// What is said of each product. A remediation also speaks of products that no status lists.
fn states(vulnerability: &Vulnerability) -> Vec<(&str, State)> {
    let reasons = reasons(&vulnerability.remediations);
    let listed: FxHashSet<&str> = vulnerability.product_status.values().flatten().map(String::as_str).collect();
    let mut said = Vec::new();
    for (status, ids) in &vulnerability.product_status {
        let state = match status.as_str() {
            "fixed" | "first_fixed" => State::ByRange,
            "known_affected" => State::Said(FixStatus::Affected),
            "under_investigation" => State::Said(FixStatus::UnderInvestigation),
            // Not affected products add nothing: what is not listed is not affected.
            _ => continue,
        };
        let reason = |id: &str| if status == "known_affected" { reasons.get(id) } else { None };
        said.extend(ids.iter().map(|id| (id.as_str(), reason(id).map_or(state, |status| State::Said(*status)))));
    }
    for remediation in &vulnerability.remediations {
        for id in remediation.product_ids.iter().map(String::as_str).filter(|id| !listed.contains(id)) {
            let state = match reasons.get(id) {
                Some(status) => State::Said(*status),
                None if remediation.category == "vendor_fix" => State::ByRange,
                None => continue,
            };
            said.push((id, state));
        }
    }
    said
}

/// Why there is no fix, by product.
fn reasons(remediations: &[Remediation]) -> FxHashMap<&str, FixStatus> {
    let mut reasons = FxHashMap::default();
    for remediation in remediations {
        let details = remediation.details.to_lowercase();
        let status = match remediation.category.as_str() {
            "no_fix_planned" if details.contains("out of support") => FixStatus::EndOfLife,
            "no_fix_planned" => FixStatus::WillNotFix,
            "none_available" if details.contains("deferred") => FixStatus::Deferred,
            "none_available" => FixStatus::Affected,
            _ => continue,
        };
        reasons.extend(remediation.product_ids.iter().map(|id| (id.as_str(), status)));
    }
    reasons
}

/// How bad it is: the first that is said, and for products of which something else is said.
struct Impacts<'v> {
    first: Severity,
    others: FxHashMap<&'v str, Severity>,
}

impl<'v> Impacts<'v> {
    fn of(threats: &'v [Threat], aggregate: Option<&Text>) -> Self {
        let impacts = threats.iter().filter(|threat| threat.category == "impact");
        let impacts: Vec<_> = impacts.map(|t| (Severity::from_word(&t.details).unwrap_or_default(), t)).collect();
        let said = aggregate.and_then(|text| Severity::from_word(&text.text));
        let first = impacts.first().map(|(severity, _)| *severity).or(said).unwrap_or_default();
        let others = impacts.iter().filter(|(severity, _)| *severity != first && *severity != Severity::Unknown);
        let others = others.flat_map(|(severity, threat)| threat.product_ids.iter().map(|id| (id.as_str(), *severity)));
        Self { first, others: others.collect() }
    }

    fn of_product(&self, id: &str) -> Option<Severity> {
        self.others.get(id).copied()
    }
}

/// Rows that differ only in architecture or repository are one.
#[derive(Default)]
struct Rows(BTreeMap<RowKey, (BTreeSet<String>, BTreeSet<String>)>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RowKey {
    ecosystem: String,
    name: String,
    fixed: String,
    module: String,
    source: bool,
    state: u8,
    severity: Option<Severity>,
}

impl Rows {
    fn add(&mut self, place: Option<Place<'_>>, state: State, severity: Option<Severity>) {
        let Some(Place { cpe: Some(cpe), package: Some(purl), module }) = place else { return };
        let Some((ecosystem, product)) = release(cpe) else { return };
        let architecture = purl.qualifiers.get("arch").map_or("", String::as_str);
        let version = match purl.qualifiers.get("epoch") {
            Some(epoch) if epoch != "0" && !purl.version.is_empty() => format!("{epoch}:{}", purl.version),
            _ => purl.version.clone(),
        };
        let label =
            purl.qualifiers.get("rpmmod").map(|label| label.splitn(3, ':').take(2).collect::<Vec<_>>().join(":"));
        let key = RowKey {
            ecosystem,
            name: purl.name.clone(),
            fixed: if state == State::ByRange { version } else { String::new() },
            module: module.or(label).unwrap_or_default(),
            source: architecture == "src" || purl.version.is_empty(),
            state: code(state),
            severity,
        };
        if state == State::ByRange && key.fixed.is_empty() {
            return;
        }
        let (products, architectures) = self.0.entry(key).or_default();
        products.insert(product);
        if !architecture.is_empty() {
            architectures.insert(architecture.to_owned());
        }
    }

    fn finish(self) -> Vec<Affected> {
        self.0.into_iter().map(|(key, (products, architectures))| key.row(products, architectures)).collect()
    }
}

impl RowKey {
    fn row(self, products: BTreeSet<String>, architectures: BTreeSet<String>) -> Affected {
        let everywhere = architectures.contains("noarch")
            || architectures.contains("src")
            || (architectures.contains("x86_64") && architectures.contains("aarch64"));
        Affected {
            ecosystem: self.ecosystem,
            name: self.name,
            target: if self.source { Target::Source } else { Target::Binary },
            ranges: vec![Range {
                end: if self.fixed.is_empty() { End::Open } else { End::Fixed(self.fixed) },
                ..Range::default()
            }],
            status: state(self.state),
            severity: self.severity,
            module: self.module,
            architectures: if everywhere { Vec::new() } else { architectures.into_iter().collect() },
            products: products.into_iter().collect(),
            ..Affected::default()
        }
    }
}

const STATES: [FixStatus; 5] = [
    FixStatus::Affected,
    FixStatus::WillNotFix,
    FixStatus::Deferred,
    FixStatus::EndOfLife,
    FixStatus::UnderInvestigation,
];

fn code(state: State) -> u8 {
    let position = |said| (1_u8..).zip(STATES).find(|(_, known)| *known == said).map_or(1, |(code, _)| code);
    match state {
        State::ByRange => 0,
        State::Said(said) => position(said),
    }
}

fn state(code: u8) -> State {
    match usize::from(code).checked_sub(1).and_then(|index| STATES.get(index)) {
        Some(status) => State::Said(*status),
        None => State::ByRange,
    }
}

/// `cpe:/a:redhat:enterprise_linux:9::appstream` to `rhel:9` and the product.
pub(crate) fn release(cpe: &str) -> Option<(String, String)> {
    let rest = cpe.strip_prefix("cpe:/").and_then(|rest| rest.split_once(':'))?.1;
    let product = rest.strip_prefix("redhat:")?;
    ecosystem::from_osv(&format!("Red Hat:{product}"))
}
