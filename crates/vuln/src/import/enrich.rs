//! Enrichment: what is known of a CVE beyond any package.
//!
//! Sources: CISA's catalogue of known exploited vulnerabilities (JSON), FIRST's EPSS scores (CSV with a comment line
//! of the model's version and date), NVD's API 2.0 pages, endoflife.date's API (dates per product and cycle).

use std::io::BufRead;

use limits::json::{self, JsonLimits};
use model::image::{Epss, Kev};
use model::{Diagnostic, Level, Position, Severity};
use serde::Deserialize;

use super::{Sink, day};
use crate::advisory::{Note, Rating};

/// Largest document: an NVD year has 400 MB, its pages of 2,000 CVEs 20.
pub const DOCUMENT: JsonLimits = JsonLimits { bytes: 512 << 20, depth: 64 };
/// Longest line of the EPSS table; real ones have under 40 characters, the comment under 100.
pub const EPSS_LINE_MAX_BYTES: usize = 4096;

#[derive(Deserialize)]
struct Catalogue {
    #[serde(rename = "dateReleased", default)]
    released: String,
    vulnerabilities: Vec<KnownExploited>,
}

#[derive(Deserialize)]
struct KnownExploited {
    #[serde(rename = "cveID")]
    cve: String,
    #[serde(rename = "dateAdded", default)]
    added: String,
    #[serde(rename = "knownRansomwareCampaignUse", default)]
    ransomware: String,
}

/// Adds CISA's catalogue.
pub fn kev(bytes: &[u8], source: &str, sink: &mut Sink) {
    let catalogue: Catalogue = match json::from_slice(bytes, &DOCUMENT) {
        Ok(catalogue) => catalogue,
        Err(error) => return sink.report.fail("kev/document", source, error.to_string()),
    };
    sink.report.date(&catalogue.released);
    for entry in catalogue.vulnerabilities {
        sink.report.read += 1;
        let ransomware = entry.ransomware.eq_ignore_ascii_case("known");
        let kev = Some(Kev { date_added: entry.added, ransomware });
        sink.builder.add_note(&Note { id: entry.cve, kev, ..Note::default() });
    }
}

/// Adds EPSS scores.
pub fn epss(reader: impl BufRead, source: &str, sink: &mut Sink) -> Result<(), limits::ReadError> {
    let mut date = String::new();
    let mut lines = super::lines::Lines::new(reader, EPSS_LINE_MAX_BYTES, source);
    while let Some(line) = lines.next_line()? {
        if let Some(comment) = line.strip_prefix('#') {
            let scored = comment.split(',').find_map(|part| part.trim().strip_prefix("score_date:"));
            date = day(scored.unwrap_or(""));
            sink.report.date(&date);
            continue;
        }
        if line.is_empty() || line.starts_with("cve,") {
            continue;
        }
        sink.report.read += 1;
        let mut fields = line.split(',');
        let id = fields.next().unwrap_or("").to_owned();
        let mut number = || fields.next().and_then(|field| field.trim().parse::<f64>().ok());
        match (number(), number()) {
            (Some(score), Some(percentile)) if id.starts_with("CVE-") => {
                let epss = Some(Epss { score, percentile, date: date.clone() });
                sink.builder.add_note(&Note { id, epss, ..Note::default() });
            }
            _ => {
                sink.report.failed += 1;
                let place = Position { line: lines.number(), column: 1, offset: 0 };
                let message = "not a CVE, a score and a percentile";
                sink.report.warn(Diagnostic::new("epss/line", Level::Error, source, message).at(place, line.len()));
            }
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    timestamp: String,
    vulnerabilities: Vec<PageEntry>,
}

#[derive(Deserialize)]
struct PageEntry {
    cve: PageCve,
}

#[derive(Deserialize)]
struct PageCve {
    id: String,
    #[serde(rename = "vulnStatus", default)]
    status: String,
    #[serde(default)]
    metrics: std::collections::BTreeMap<String, Vec<Metric>>,
}

#[derive(Deserialize)]
struct Metric {
    #[serde(default)]
    source: String,
    #[serde(rename = "cvssData")]
    data: Option<MetricData>,
    #[serde(rename = "baseSeverity", default)]
    severity: String,
}

#[derive(Deserialize)]
struct MetricData {
    #[serde(rename = "vectorString", default)]
    vector: String,
    #[serde(rename = "baseSeverity", default)]
    severity: String,
}

/// Adds a page of NVD's CVE API 2.0.
pub fn nvd(bytes: &[u8], source: &str, sink: &mut Sink) {
    let page: Page = match json::from_slice(bytes, &DOCUMENT) {
        Ok(page) => page,
        Err(error) => return sink.report.fail("nvd/page", source, error.to_string()),
    };
    sink.report.date(&page.timestamp);
    for PageEntry { cve } in page.vulnerabilities {
        sink.report.read += 1;
        let ratings: Vec<Rating> = cve
            .metrics
            .into_iter()
            .filter(|(kind, _)| kind.starts_with("cvss"))
            .flat_map(|(_, m)| m)
            .filter_map(rating)
            .collect();
        if cve.status == "Rejected" || ratings.is_empty() {
            sink.report.left_out += 1;
        } else {
            sink.builder.add_note(&Note { id: cve.id, ratings, ..Note::default() });
        }
    }
}

fn rating(metric: Metric) -> Option<Rating> {
    let data = metric.data?;
    let word = if data.severity.is_empty() { metric.severity } else { data.severity };
    let source = if metric.source == "nvd@nist.gov" { "nvd" } else { "cna" };
    let severity = Severity::from_word(&word).unwrap_or_default();
    Some(Rating { source: source.into(), severity, vector: data.vector })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lifecycle {
    All { result: Vec<Product> },
    One { identifier: String, item: Release },
}

#[derive(Deserialize)]
struct Product {
    name: String,
    releases: Vec<Release>,
}

#[derive(Deserialize)]
struct Release {
    name: String,
    #[serde(rename = "eolFrom")]
    end: Option<String>,
}

/// Adds end-of-life dates: facts `eol:PRODUCT`, cycle, day.
pub fn lifecycle(bytes: &[u8], source: &str, sink: &mut Sink) {
    let parsed: Lifecycle = match json::from_slice(bytes, &DOCUMENT) {
        Ok(parsed) => parsed,
        Err(error) => return sink.report.fail("eol/document", source, error.to_string()),
    };
    let mut add = |product: &str, release: &Release| {
        sink.report.read += 1;
        match &release.end {
            Some(end) if !end.is_empty() => sink.builder.add_fact(&format!("eol:{product}"), &release.name, &day(end)),
            _ => sink.report.left_out += 1,
        }
    };
    match parsed {
        Lifecycle::All { result } => {
            for product in &result {
                product.releases.iter().for_each(|release| add(&product.name, release));
            }
        }
        Lifecycle::One { identifier, item } => {
            add(identifier.split(':').next().unwrap_or(&identifier), &item);
        }
    }
}
