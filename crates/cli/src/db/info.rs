//! `seawall db info`.

use std::path::PathBuf;

use feeds::Entry;
use serde::Serialize;

use super::{day, open, size};
use crate::Outcome;
use crate::ui::{Ui, counted, table};

/// Ecosystems that are printed per segment before the rest is counted.
const SHOWN: usize = 3;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory of the database; the user's own by default.
    #[arg(long, value_name = "DIR", env = "SEAWALL_DB")]
    db: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    directory: String,
    #[serde(flatten)]
    manifest: &'a feeds::Manifest,
}

pub(super) fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let database = open(args.db.as_ref())?;
    let manifest = database.manifest();
    if args.json {
        ui.print_json(&Report { directory: database.dir().display().to_string(), manifest })?;
        return Ok(Outcome::Clean);
    }
    let rows: Vec<Vec<String>> = manifest.segments.iter().map(row).collect();
    ui.print(table(&["SEGMENT", "DATE", "RECORDS", "SIZE", "COVERS", "LICENCE"], &rows));
    let total = manifest.segments.iter().map(|entry| entry.size_bytes).sum();
    ui.print(format_args!(
        "{}, {}, updated {}",
        counted(manifest.segments.len(), "segment"),
        size(total),
        day(manifest.updated)
    ));
    for entry in &manifest.segments {
        let days = super::now().millis_since(entry.meta.date) / 86_400_000;
        if days > vuln::assess::STALE_DAYS {
            ui.print(format_args!("{}: stale, its source is {days} days old", entry.meta.name));
        }
    }
    for entry in manifest.segments.iter().filter(|entry| !entry.failed.is_empty()) {
        ui.print(format_args!("{}: not updated: {}", entry.meta.name, entry.failed));
    }
    Ok(Outcome::Clean)
}

fn row(entry: &Entry) -> Vec<String> {
    let meta = &entry.meta;
    let covers = match meta.ecosystems.len() {
        0 => "enrichment".into(),
        count if count <= SHOWN => meta.ecosystems.join(" "),
        count => format!("{} and {} more", meta.ecosystems[..SHOWN].join(" "), count - SHOWN),
    };
    vec![
        meta.name.clone(),
        day(meta.date),
        meta.records.to_string(),
        size(entry.size_bytes),
        covers,
        meta.licence.clone(),
    ]
}
