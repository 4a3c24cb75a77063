//! Severity, enrichment, order.
//!
//! Severity by the order of sources of spec §1.6 rule 10: vendor, GHSA, NVD, CNA; all are kept. Risk is Grype's formula
//! (its documentation of "risk"): threat × severity × known exploited, at most 1, in percent.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use model::image::{Cvss, Epss, Kev};
use model::{Finding, FixStatus, Severity, SeverityChoice};

use super::coverage::Gaps;
use super::matches::Match;
use super::subjects::{Context, Subject};
use crate::advisory::Rating;
use crate::cvss;

/// Sources in the order in which they decide.
const ORDER: [&str; 5] = ["vendor", "ghsa", "nvd", "cna", "upstream"];

/// What rating gives.
pub(super) struct Rated {
    pub severity: SeverityChoice,
    pub cvss: Vec<Cvss>,
    pub kev: Option<Kev>,
    pub epss: Option<Epss>,
}

pub(super) fn rate(
    id: &str,
    ids: &BTreeSet<String>,
    subject: &Subject<'_>,
    matches: &[Match<'_>],
    context: &Context<'_, '_, '_>,
    gaps: &mut Gaps,
) -> Rated {
    let mut ratings: Vec<Rating> = Vec::new();
    let own = matches.iter().filter_map(|found| found.tags.severity).max();
    if let Some(severity) = own {
        ratings.push(Rating { source: "vendor".into(), severity, vector: String::new() });
    }
    for rating in matches.iter().flat_map(|found| &found.advisory.ratings) {
        // What the vendor says of the package beats what it says of the vulnerability.
        if !(own.is_some() && rating.source == "vendor" && rating.vector.is_empty()) {
            ratings.push(rating.clone());
        }
    }
    let (mut kev, mut epss): (Option<Kev>, Option<Epss>) = (None, None);
    for segment in context.segments {
        let cves = std::iter::once(id).chain(ids.iter().map(String::as_str).filter(|other| *other != id));
        for cve in cves.filter(|id| id.starts_with("CVE-")) {
            match segment.note(cve) {
                Ok(Some(note)) => {
                    ratings.extend(note.ratings);
                    kev = kev.or(note.kev);
                    epss = higher(epss, note.epss);
                }
                Ok(None) => {}
                Err(error) => gaps.damaged(&segment.meta().name, &error.to_string()),
            }
        }
    }
    let _ = subject;
    Rated { severity: choose(&ratings), cvss: vectors(&ratings), kev, epss }
}

fn higher(a: Option<Epss>, b: Option<Epss>) -> Option<Epss> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.score > a.score { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// The severity of the first source that has one.
pub(super) fn choose(ratings: &[Rating]) -> SeverityChoice {
    let mut all: BTreeMap<String, Severity> = BTreeMap::new();
    for rating in ratings {
        let severity =
            if rating.severity == Severity::Unknown { cvss::severity(&rating.vector) } else { rating.severity };
        if severity != Severity::Unknown {
            let kept = all.entry(rating.source.clone()).or_default();
            *kept = severity.max(*kept);
        }
    }
    let first = ORDER.iter().find(|source| all.contains_key(**source)).map(|source| (*source).to_owned());
    match first.or_else(|| all.keys().next().cloned()) {
        Some(from) => SeverityChoice { chosen: all[&from], from, all },
        None => SeverityChoice { chosen: Severity::Unknown, from: "none".into(), all },
    }
}

fn vectors(ratings: &[Rating]) -> Vec<Cvss> {
    let mut vectors: Vec<Cvss> = Vec::new();
    for rating in ratings.iter().filter(|rating| !rating.vector.is_empty()) {
        if !vectors.iter().any(|known| known.vector == rating.vector && known.source == rating.source) {
            let score = cvss::score(&rating.vector);
            vectors.push(Cvss { source: rating.source.clone(), vector: rating.vector.clone(), score });
        }
    }
    vectors
}

/// Risk in percent, 0 to 100: threat (1 when known exploited, else EPSS) × severity (mean of the chosen bucket and the
/// mean CVSS score, over ten) × 1.05 when known exploited, 1.1 with ransomware.
pub fn risk(finding: &Finding) -> f64 {
    let threat = if finding.kev.is_some() { 1.0 } else { finding.epss.as_ref().map_or(0.0, |epss| epss.score) };
    let factor = match &finding.kev {
        Some(kev) if kev.ransomware => 1.1,
        Some(_) => 1.05,
        None => 1.0,
    };
    (threat * severity_score(finding) * factor).min(1.0) * 100.0
}

fn severity_score(finding: &Finding) -> f64 {
    let bucket = match finding.severity.chosen {
        Severity::Informational => 0.5,
        Severity::Low => 3.0,
        Severity::Medium | Severity::Unknown => 5.0,
        Severity::High => 7.5,
        Severity::Critical => 9.0,
    };
    let scores: Vec<f64> = finding.cvss.iter().filter_map(|cvss| cvss.score).filter(|score| *score > 0.0).collect();
    if scores.is_empty() {
        return bucket / 10.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a finding has a handful of scores")]
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    f64::midpoint(bucket, mean) / 10.0
}

/// Worst first: not inert, known exploited, severity, risk, fix available; then by id and package, so that equal
/// inputs print equally.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by_cached_key(|finding| {
        // Not negative, so the order of its bits is its own.
        let risk = risk(finding).to_bits();
        let worst = (finding.kev.is_some(), finding.severity.chosen, risk, finding.status == FixStatus::Fixed);
        (finding.inert, Reverse(worst), finding.id.clone(), finding.package.clone())
    });
}
