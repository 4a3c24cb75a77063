//! Photon OS: one JSON list per release, `cve_data_photon4.0.json`.
//!
//! Source: `packages.broadcom.com/photon/photon_cve_metadata`. Names are binaries and sources mixed; `NA` stands for no
//! version; the release is only in the file's name.

use limits::json::{self, JsonLimits};
use model::FixStatus;
use serde::Deserialize;

use super::Sink;
use crate::advisory::{Advisory, Affected, End, Range, Rating, State, Target};

/// Largest list; they have under 10 MB.
const DOCUMENT: JsonLimits = JsonLimits { bytes: 128 << 20, depth: 16 };

#[derive(Deserialize)]
struct Entry {
    cve_id: String,
    pkg: String,
    cve_score: Option<f64>,
    #[serde(default)]
    res_ver: String,
    #[serde(default)]
    status: String,
}

/// Adds a list. `source` is its path, which names the release.
pub fn list(bytes: &[u8], source: &str, sink: &mut Sink) {
    let entries: Vec<Entry> = match json::from_slice(bytes, &DOCUMENT) {
        Ok(entries) => entries,
        Err(error) => return sink.report.fail("photon/list", source, error.to_string()),
    };
    let Some(ecosystem) = release(source) else {
        let message = "the file's name does not say which release it is about: name it like cve_data_photon4.0.json";
        return sink.report.fail("photon/release", source, message);
    };
    for entry in entries {
        sink.report.read += 1;
        match range(&entry) {
            Some((end, status)) => sink.builder.add(&advisory(&ecosystem, entry, end, status)),
            None => sink.report.left_out += 1,
        }
    }
}

fn release(source: &str) -> Option<String> {
    let name = source.rsplit('/').next()?;
    let rest = name.split_once("photon")?.1;
    let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let version = version.trim_end_matches('.');
    (!version.is_empty()).then(|| format!("photon:{version}"))
}

fn range(entry: &Entry) -> Option<(End, State)> {
    let fixed = !matches!(entry.res_ver.as_str(), "" | "NA");
    match entry.status.as_str() {
        "Not Affected" => None,
        _ if fixed => Some((End::Fixed(entry.res_ver.clone()), State::ByRange)),
        // "Fixed" without a version: nothing to compare with.
        "Fixed" => None,
        _ => Some((End::Open, State::Said(FixStatus::Affected))),
    }
}

fn advisory(ecosystem: &str, entry: Entry, end: End, status: State) -> Advisory {
    let severity = entry.cve_score.map(model::Severity::from_cvss).unwrap_or_default();
    Advisory {
        id: entry.cve_id,
        ratings: vec![Rating { source: "vendor".into(), severity, vector: String::new() }],
        affected: vec![Affected {
            ecosystem: ecosystem.to_owned(),
            name: entry.pkg,
            target: Target::Either,
            ranges: vec![Range { end, ..Range::default() }],
            status,
            ..Affected::default()
        }],
        ..Advisory::default()
    }
}
