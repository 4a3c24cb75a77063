//! Microsoft's monthly CVRF documents in JSON.
//!
//! Source: the MSRC CVRF API v3.0 (`DocumentTracking`, `ProductTree`, `Vulnerability` with remediations of type 2, whose
//! `FixedBuild` is the first build with the fix; threats of type 3 are severities). A release of Windows is known by
//! its build line: `10.0.20348` is Server 2022; containers run the Server Core installation, a product of its own.

use std::collections::BTreeMap;

use limits::json::{self, JsonLimits};
use model::Severity;
use serde::{Deserialize, Deserializer};

use super::{Sink, headline};
use crate::advisory::{Advisory, Affected, End, Range, Rating, Target};

/// Largest month; they have under 40 MB.
const DOCUMENT: JsonLimits = JsonLimits { bytes: 256 << 20, depth: 64 };
/// Remediations that are fixes.
const VENDOR_FIX: i64 = 2;
/// Threats that are severities.
const SEVERITY: i64 = 3;

/// Build lines by words of the product's name; the first that fits counts.
const BUILDS: [(&str, &str); 9] = [
    ("Windows Server 2025", "10.0.26100"),
    ("Windows Server 2022, 23H2", "10.0.25398"),
    ("Windows Server 2022 23H2", "10.0.25398"),
    ("Windows Server, version 23H2", "10.0.25398"),
    ("Windows Server 2022", "10.0.20348"),
    ("Windows Server 2019", "10.0.17763"),
    ("Windows Server 2016", "10.0.14393"),
    ("Windows Server, version 20H2", "10.0.19042"),
    ("Windows Server, version 2004", "10.0.19041"),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(rename = "DocumentTracking")]
    tracking: Option<Tracking>,
    product_tree: Tree,
    #[serde(default, deserialize_with = "or_default")]
    vulnerability: Vec<Vulnerability>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tracking {
    #[serde(default, deserialize_with = "or_default")]
    current_release_date: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tree {
    #[serde(default, deserialize_with = "or_default")]
    full_product_name: Vec<Product>,
}

#[derive(Deserialize)]
struct Product {
    #[serde(rename = "ProductID")]
    id: String,
    #[serde(rename = "Value", default, deserialize_with = "or_default")]
    name: String,
}

#[derive(Deserialize, Default)]
struct Text {
    #[serde(rename = "Value", default)]
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability {
    #[serde(rename = "CVE")]
    cve: String,
    title: Option<Text>,
    #[serde(default, deserialize_with = "or_default")]
    threats: Vec<Threat>,
    #[serde(rename = "CVSSScoreSets", default, deserialize_with = "or_default")]
    scores: Vec<Score>,
    #[serde(default, deserialize_with = "or_default")]
    remediations: Vec<Remediation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Threat {
    r#type: i64,
    description: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Score {
    vector: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Remediation {
    r#type: i64,
    description: Option<Text>,
    #[serde(rename = "ProductID", default, deserialize_with = "or_default")]
    products: Vec<String>,
    fixed_build: Option<String>,
}

/// The API writes `null` for what a month has none of.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Adds a month.
pub fn month(bytes: &[u8], source: &str, sink: &mut Sink) {
    let document: Document = match json::from_slice(bytes, &DOCUMENT) {
        Ok(document) => document,
        Err(error) => return sink.report.fail("cvrf/document", source, error.to_string()),
    };
    sink.report.date(document.tracking.as_ref().map_or("", |tracking| &tracking.current_release_date));
    let products: BTreeMap<&str, String> = document
        .product_tree
        .full_product_name
        .iter()
        .filter_map(|p| Some((p.id.as_str(), build_line(&p.name)?)))
        .collect();
    for vulnerability in &document.vulnerability {
        sink.report.read += 1;
        sink.add(&convert(vulnerability, &products));
    }
}

/// The CVEs of a month; none when it cannot be read, which [`month`] reports.
pub fn ids(bytes: &[u8]) -> Vec<String> {
    let document = json::from_slice::<Document>(bytes, &DOCUMENT);
    document.map(|month| month.vulnerability.into_iter().map(|one| one.cve).collect()).unwrap_or_default()
}

/// `10.0.20348` or, for Server Core, `10.0.20348:core`; `None` for what runs in no container.
fn build_line(name: &str) -> Option<String> {
    let (_, build) = BUILDS.iter().find(|(words, _)| name.contains(words))?;
    Some(if name.contains("Server Core") { format!("{build}:core") } else { (*build).to_owned() })
}

fn convert(vulnerability: &Vulnerability, products: &BTreeMap<&str, String>) -> Advisory {
    // Per build line the first build with the fix: later cumulative updates contain it.
    let mut fixes: BTreeMap<&str, (Vec<u64>, String, String)> = BTreeMap::new();
    for remediation in vulnerability.remediations.iter().filter(|remediation| remediation.r#type == VENDOR_FIX) {
        let Some(build) = remediation.fixed_build.as_deref().and_then(numbers) else { continue };
        let text = remediation.fixed_build.clone().unwrap_or_default();
        let update = remediation.description.as_ref().and_then(|text| text.value.clone()).unwrap_or_default();
        for line in remediation.products.iter().filter_map(|id| products.get(id.as_str())) {
            let branch = line.split(':').next().unwrap_or("");
            if text.starts_with(branch) && fixes.get(line.as_str()).is_none_or(|(known, ..)| build < *known) {
                fixes.insert(line, (build.clone(), text.clone(), update.clone()));
            }
        }
    }
    let affected = fixes.into_iter().map(|(line, (_, build, update))| Affected {
        ecosystem: "windows".into(),
        name: line.to_owned(),
        target: Target::Package,
        ranges: vec![Range { end: End::Fixed(build), ..Range::default() }],
        note: if update.is_empty() { String::new() } else { format!("fixed by KB{}", update.trim_start_matches("KB")) },
        ..Affected::default()
    });
    let severity = vulnerability
        .threats
        .iter()
        .filter(|threat| threat.r#type == SEVERITY)
        .filter_map(|threat| Severity::from_word(threat.description.as_ref()?.value.as_deref()?))
        .max()
        .unwrap_or_default();
    let vector = vulnerability.scores.iter().find_map(|score| score.vector.clone()).unwrap_or_default();
    Advisory {
        id: vulnerability.cve.clone(),
        title: headline(vulnerability.title.as_ref().and_then(|text| text.value.as_deref()).unwrap_or("")),
        ratings: vec![Rating { source: "vendor".into(), severity, vector }],
        affected: affected.collect(),
        ..Advisory::default()
    }
}

/// A four-part build number.
fn numbers(build: &str) -> Option<Vec<u64>> {
    let parts: Option<Vec<u64>> = build.trim().split('.').map(|part| part.parse().ok()).collect();
    parts.filter(|parts| parts.len() == 4)
}
