//! Red Hat's security data API ("hydra"): one JSON object per CVE, older than its CSAF files.
//!
//! Source: access.redhat.com, "Red Hat Security Data API": `affected_release` has the source packages that fix the CVE,
//! `package_state` the others with the reason.

use limits::json;
use model::{FixStatus, Severity};
use serde::Deserialize;

use super::{DOCUMENT, release};
use crate::advisory::{Advisory, Affected, End, Range, Rating, State, Target};
use crate::import::{Sink, day, headline};

#[derive(Deserialize)]
struct Hydra {
    name: String,
    #[serde(default)]
    threat_severity: String,
    #[serde(default)]
    public_date: String,
    bugzilla: Option<HydraBug>,
    cvss3: Option<HydraScore>,
    #[serde(default)]
    affected_release: OneOrMany<HydraRelease>,
    #[serde(default)]
    package_state: OneOrMany<HydraState>,
}

/// The API gives one object where there is only one.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(Box<T>),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::Many(all) => all,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

#[derive(Deserialize)]
struct HydraBug {
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct HydraScore {
    #[serde(rename = "cvss3_scoring_vector", default)]
    vector: String,
}

#[derive(Deserialize)]
struct HydraRelease {
    #[serde(default)]
    cpe: String,
    #[serde(default)]
    package: String,
}

#[derive(Deserialize)]
struct HydraState {
    #[serde(default)]
    cpe: String,
    #[serde(default)]
    package_name: String,
    #[serde(default)]
    fix_state: String,
}

/// Adds a CVE of the API. Its packages are sources.
pub fn hydra(bytes: &[u8], source: &str, sink: &mut Sink) {
    sink.report.read += 1;
    let record: Hydra = match json::from_slice(bytes, &DOCUMENT) {
        Ok(record) => record,
        Err(error) => return sink.report.fail("hydra/record", source, error.to_string()),
    };
    let fixed = record.affected_release.as_slice().iter().filter_map(|release| {
        let (name, version) = source_name(&release.package)?;
        hydra_row(&release.cpe, name, End::Fixed(version.to_owned()), State::ByRange)
    });
    let open = record.package_state.as_slice().iter().filter_map(|state| {
        let status = match state.fix_state.to_lowercase().as_str() {
            "affected" => FixStatus::Affected,
            "will not fix" => FixStatus::WillNotFix,
            "fix deferred" => FixStatus::Deferred,
            "out of support scope" => FixStatus::EndOfLife,
            "under investigation" => FixStatus::UnderInvestigation,
            _ => return None,
        };
        hydra_row(&state.cpe, &state.package_name, End::Open, State::Said(status))
    });
    let affected = fixed.chain(open).collect();
    let severity = Severity::from_word(&record.threat_severity).unwrap_or_default();
    let vector = record.cvss3.map(|score| score.vector).unwrap_or_default();
    sink.add(&Advisory {
        id: record.name,
        title: headline(record.bugzilla.as_ref().map_or("", |bug| bug.description.as_str())),
        ratings: vec![Rating { source: "vendor".into(), severity, vector }],
        published: day(&record.public_date),
        affected,
        ..Advisory::default()
    });
}

/// `python3.9-0:3.9.18-3.el9_4.5`: name, and version with its epoch.
fn source_name(package: &str) -> Option<(&str, &str)> {
    let colon = package.find(':')?;
    let dash = package[..colon].rfind('-')?;
    let version = &package[dash + 1..];
    Some((&package[..dash], version.strip_prefix("0:").unwrap_or(version)))
}

fn hydra_row(cpe: &str, name: &str, end: End, status: State) -> Option<Affected> {
    let (ecosystem, product) = release(cpe)?;
    // `nodejs:18/nodejs` is a package of a module.
    let (module, name) = name.split_once('/').unwrap_or(("", name));
    Some(Affected {
        ecosystem,
        name: name.to_owned(),
        target: Target::Source,
        ranges: vec![Range { end, ..Range::default() }],
        status,
        module: module.to_owned(),
        products: vec![product],
        ..Affected::default()
    })
}
