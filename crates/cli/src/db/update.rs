//! `seawall db update`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use feeds::addresses::{self, Address};
use feeds::update::{self, UpdateReport};

use super::{day, directory, now, size};
use crate::Outcome;
use crate::ui::{Ui, table};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A feed that cannot be fetched or read keeps its old segment, and `seawall db info` says so. A download that broke off
goes on where it stopped.")]
pub struct Args {
    /// Directory of the database; the user's own by default.
    #[arg(long, value_name = "DIR", env = "SEAWALL_DB")]
    db: Option<PathBuf>,
    /// A mirror's address, or a directory with feeds; the publishers by default.
    #[arg(long, value_name = "URL|DIR")]
    from: Option<String>,
    /// Update only this feed (repeat for more); `--list` names them.
    #[arg(long, value_name = "NAME")]
    feed: Vec<String>,
    /// List the files that an update fetches and where from, and stop.
    #[arg(long)]
    list: bool,
}

pub(super) fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let addresses = chosen(&args.feed)?;
    if args.list {
        let row = |address: &Address| vec![address.segment.clone(), address.path.clone(), address.url.clone()];
        ui.print(table(&["FEED", "PATH IN A MIRROR", "ADDRESS"], &addresses.iter().map(row).collect::<Vec<_>>()));
        return Ok(Outcome::Clean);
    }
    let dir = directory(args.db.as_ref())?;
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    let talk = ui.clone();
    let mut progress = move |name: &str| {
        if talk.progress {
            talk.say(format_args!("updating {name}"));
        }
    };
    let report = match args.from.as_deref() {
        Some(from) if !from.contains("://") => {
            let only: BTreeSet<String> = args.feed.iter().cloned().collect();
            update::from_directory(&dir, &PathBuf::from(from), &only, now(), &mut progress)?
        }
        mirror => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let downloads = runtime.block_on(update::fetch(&dir, &addresses, mirror, now(), &mut progress))?;
            update::apply(&dir, downloads, now(), &mut progress)?
        }
    };
    print(&report, ui);
    // A mirror may have only some feeds; those that were asked for by name, or all, are another matter.
    let nothing = report.updated.is_empty() && report.unchanged.is_empty();
    let lacks = !report.absent.is_empty() && (nothing || !args.feed.is_empty());
    Ok(if report.failed.is_empty() && !lacks { Outcome::Clean } else { Outcome::Incomplete })
}

fn chosen(feeds: &[String]) -> anyhow::Result<Vec<Address>> {
    let all = addresses::all();
    if feeds.is_empty() {
        return Ok(all);
    }
    let known: BTreeSet<&str> = all.iter().map(|address| address.segment.as_str()).collect();
    if let Some(unknown) = feeds.iter().find(|feed| !known.contains(feed.as_str())) {
        bail!("no feed {unknown:?}: use one of {}", known.into_iter().collect::<Vec<_>>().join(" "));
    }
    Ok(all.into_iter().filter(|address| feeds.contains(&address.segment)).collect())
}

fn print(report: &UpdateReport, ui: &Ui) {
    let mut rows: Vec<Vec<String>> = report
        .updated
        .iter()
        .map(|segment| {
            let state =
                if segment.counts.2 > 0 { format!("{} records unreadable", segment.counts.2) } else { "new".into() };
            let meta = &segment.meta;
            vec![meta.name.clone(), day(meta.date), meta.records.to_string(), size(segment.size_bytes), state]
        })
        .collect();
    let empty = || ["", "", ""].map(str::to_owned);
    for name in &report.unchanged {
        rows.push([vec![name.clone()], empty().to_vec(), vec!["unchanged".into()]].concat());
    }
    for name in &report.absent {
        rows.push([vec![name.clone()], empty().to_vec(), vec!["not in the mirror".into()]].concat());
    }
    for (name, reason) in &report.failed {
        rows.push([vec![name.clone()], empty().to_vec(), vec![format!("not updated: {reason}")]].concat());
    }
    rows.sort();
    ui.print(table(&["SEGMENT", "DATE", "RECORDS", "SIZE", ""], &rows));
    for segment in &report.updated {
        super::print_diagnostics(&segment.meta.name, &segment.diagnostics, ui);
    }
}
