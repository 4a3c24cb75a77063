//! `seawall db show`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;
use model::FixStatus;
use serde::Serialize;
use vuln::advisory::State;
use vuln::segment::row::EndRef;
use vuln::segment::{Found, RowData};

use super::open;
use crate::Outcome;
use crate::ui::{Ui, table};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A CVE, GHSA or other id.
    id: String,
    /// Directory of the database; the user's own by default.
    #[arg(long, value_name = "DIR", env = "SEAWALL_DB")]
    db: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What one segment's record says.
#[derive(Serialize)]
struct Record {
    segment: String,
    id: String,
    aliases: Vec<String>,
    title: String,
    published: String,
    severity: BTreeMap<String, model::Severity>,
    cvss: Vec<String>,
    affected: Vec<Affected>,
}

#[derive(Serialize)]
struct Affected {
    ecosystem: String,
    package: String,
    versions: Vec<String>,
    /// Module stream.
    #[serde(skip_serializing_if = "String::is_empty")]
    module: String,
    /// Products or repositories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    products: Vec<String>,
    /// Why there is no fix, where the feed says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<FixStatus>,
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
}

impl Affected {
    fn new(ecosystem: String, package: String, data: Option<&RowData<'_>>) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            ecosystem,
            package,
            versions: data.map_or_else(|| vec!["(damaged)".into()], ranges),
            module: data.map_or_else(String::new, |data| data.tags.module.to_owned()),
            products: data.map_or_else(Vec::new, |data| owned(&data.tags.products)),
            status: data.and_then(|data| match data.state {
                State::Said(status) => Some(status),
                State::ByRange => None,
            }),
            note: data.map_or_else(String::new, |data| data.tags.note.to_owned()),
        }
    }

    /// For whom, and why no fix.
    fn remarks(&self) -> String {
        let word = |status: FixStatus| Some(serde_json::to_value(status).ok()?.as_str()?.replace('_', " "));
        let status = self.status.and_then(word);
        let module = (!self.module.is_empty()).then(|| format!("module {}", self.module));
        let note = (!self.note.is_empty()).then(|| self.note.clone());
        let product = self.products.iter().map(|product| product.trim_start_matches("redhat:").to_owned());
        status.into_iter().chain(module).chain(product).chain(note).collect::<Vec<_>>().join(", ")
    }
}

pub(super) fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let database = open(args.db.as_ref())?;
    let segments = database.segments()?;
    let mut records: Vec<Record> = Vec::new();
    let mut notes = Vec::new();
    for segment in &segments {
        collect(&segment.meta().name, segment.find(&args.id)?, &mut records);
        notes.extend(segment.note(&args.id.to_uppercase())?);
    }
    if records.is_empty() && notes.is_empty() {
        bail!("{} is in none of the {} segments of {}", args.id, segments.len(), database.dir().display());
    }
    if args.json {
        let kev = notes.iter().find_map(|note| note.kev.clone());
        let epss = notes.iter().find_map(|note| note.epss.clone());
        ui.print_json(&serde_json::json!({ "id": args.id, "kev": kev, "epss": epss, "records": records }))?;
        return Ok(Outcome::Clean);
    }
    for record in &records {
        print(record, ui);
    }
    for note in &notes {
        if let Some(kev) = &note.kev {
            let ransomware = if kev.ransomware { ", used by ransomware" } else { "" };
            ui.print(format_args!("known exploited since {}{ransomware} (CISA)", kev.date_added));
        }
        if let Some(epss) = &note.epss {
            let (score, percentile) = (epss.score * 100.0, epss.percentile * 100.0);
            ui.print(format_args!(
                "exploited within 30 days: {score:.2} %, percentile {percentile:.1} (EPSS {})",
                epss.date
            ));
        }
    }
    Ok(Outcome::Clean)
}

fn collect(segment: &str, found: Vec<Found<'_>>, records: &mut Vec<Record>) {
    for Found { advisory, ecosystem, name, row } in found {
        let affected = Affected::new(ecosystem, name, row.data().as_ref());
        if let Some(known) = records.iter_mut().find(|record| record.segment == segment && record.id == advisory.id) {
            known.affected.push(affected);
            continue;
        }
        let mut severity = BTreeMap::new();
        for rating in &advisory.ratings {
            let by_vector = vuln::cvss::severity(&rating.vector);
            let given = rating.severity;
            severity.insert(rating.source.clone(), if given == model::Severity::Unknown { by_vector } else { given });
        }
        let cvss = advisory.ratings.iter().map(|r| r.vector.clone()).filter(|vector| !vector.is_empty()).collect();
        records.push(Record {
            segment: segment.to_owned(),
            id: advisory.id,
            aliases: advisory.aliases,
            title: advisory.title,
            published: advisory.published,
            severity,
            cvss,
            affected: vec![affected],
        });
    }
}

/// Ranges as people write them.
fn ranges(data: &RowData<'_>) -> Vec<String> {
    let mut texts: Vec<String> = data
        .ranges
        .iter()
        .map(|range| {
            let from = if range.introduced.is_empty() { String::new() } else { format!(">= {}", range.introduced) };
            let to = match range.end {
                EndRef::Open => String::new(),
                EndRef::Fixed(end) | EndRef::Before(end) => format!("< {end}"),
                EndRef::Last(end) => format!("<= {end}"),
            };
            match (from.is_empty(), to.is_empty()) {
                (true, true) => "all".to_owned(),
                (false, false) => format!("{from}, {to}"),
                _ => format!("{from}{to}"),
            }
        })
        .collect();
    texts.extend(data.versions.iter().map(|version| format!("= {version}")));
    texts
}

fn print(record: &Record, ui: &Ui) {
    let severities: Vec<String> = record.severity.iter().map(|(source, level)| format!("{level} ({source})")).collect();
    let severity = if severities.is_empty() { "severity unknown".into() } else { severities.join(", ") };
    ui.print(format_args!("{}  {severity}  [{}]", record.id, record.segment));
    if !record.title.is_empty() {
        ui.print(format_args!("  {}", record.title));
    }
    if !record.aliases.is_empty() {
        ui.print(format_args!("  also {}", record.aliases.join(", ")));
    }
    let rows: Vec<Vec<String>> = record
        .affected
        .iter()
        .map(|a| vec![format!("  {}", a.ecosystem), a.package.clone(), a.versions.join(" | "), a.remarks()])
        .collect();
    ui.print(table(&["  ECOSYSTEM", "PACKAGE", "AFFECTED", ""], &rows));
}
