//! `seawall db build`.

use std::path::PathBuf;

use anyhow::Context as _;
use feeds::{BuildError, BuildReport};

use super::{day, now, size};
use crate::Outcome;
use crate::ui::{Hint, Ui, counted, table};

/// Unknown files that are named before the rest is counted.
const SHOWN: usize = 5;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Feeds are recognised by their content: OSV (all.zip per ecosystem, or records), OVAL (Azure Linux, CBL-Mariner, Oracle,
SUSE), Debian's tracker and DSA list, secdb (Alpine, Wolfi, Chainguard), Red Hat CSAF and VEX, MSRC CVRF, Photon, Amazon,
updateinfo.xml, rubysec, CISA KEV, EPSS, NVD, endoflife.date. Files may be compressed with gzip or zstd.")]
pub struct Args {
    /// Directory of feeds, searched with all that lies below it.
    #[arg(long)]
    from: PathBuf,
    /// Directory of the database; what was in it is replaced.
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut progress = |name: &str| {
        if ui.progress {
            ui.say(format_args!("importing {name}"));
        }
    };
    let report = feeds::build(&args.from, &args.out, now(), &mut progress).map_err(|error| {
        let empty = matches!(error, BuildError::Empty { .. });
        let error = anyhow::Error::new(error);
        if empty {
            error.context(Hint("seawall db build --help lists the feeds that are recognised".into()))
        } else {
            error
        }
    });
    let report = report.context("building the database")?;
    print(&report, ui);
    Ok(if report.failed.is_empty() { Outcome::Clean } else { Outcome::Incomplete })
}

fn print(report: &BuildReport, ui: &Ui) {
    let rows: Vec<Vec<String>> = report
        .segments
        .iter()
        .map(|segment| {
            let (read, left_out, failed) = segment.counts;
            vec![
                segment.meta.name.clone(),
                day(segment.meta.date),
                read.to_string(),
                left_out.to_string(),
                failed.to_string(),
                segment.meta.rows.to_string(),
                size(segment.size_bytes),
            ]
        })
        .collect();
    ui.print(table(&["SEGMENT", "DATE", "RECORDS", "LEFT OUT", "FAILED", "ROWS", "SIZE"], &rows));
    for segment in &report.segments {
        super::print_diagnostics(&segment.meta.name, &segment.diagnostics, ui);
    }
    for (path, reason) in &report.failed {
        ui.say(format_args!("error: {}: {reason}", path.display()));
    }
    if !report.unknown.is_empty() {
        let names: Vec<String> = report.unknown.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
        ui.say(format_args!(
            "{} of no feed that is known, such as {}",
            counted(report.unknown.len(), "file"),
            names.join(", ")
        ));
    }
}
