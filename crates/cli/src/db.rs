//! `seawall db`: build, update and look at the advisory database.

use std::path::PathBuf;

use anyhow::Context as _;
use feeds::{Database, DatabaseError};

use crate::Outcome;
use crate::scan::default_database;
use crate::ui::{Hint, Ui};

mod build;
mod compare;
mod info;
mod rematch;
mod show;
#[cfg(test)]
mod tests;
mod transfer;
mod update;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Build a database from a directory of feeds.
    Build(build::Args),
    /// Fetch what changed, from the publishers, a mirror or a directory.
    Update(update::Args),
    /// Write the database to one file.
    Export(transfer::ExportArgs),
    /// Take the segments of an exported database.
    Import(transfer::ImportArgs),
    /// Judge stored inventories again, without touching images.
    Rematch(rematch::Args),
    /// Say which segments there are, how old and from whom.
    Info(info::Args),
    /// Show what the database says of a CVE or another advisory.
    Show(show::Args),
    /// Compare two versions, or check a file of comparisons.
    Compare(compare::Args),
}

/// Runs the command.
pub fn run(args: Args, ui: &Ui) -> anyhow::Result<Outcome> {
    match args.command {
        Command::Build(args) => build::run(&args, ui),
        Command::Update(args) => update::run(&args, ui),
        Command::Export(args) => transfer::export(&args, ui),
        Command::Import(args) => transfer::import(&args, ui),
        Command::Rematch(args) => rematch::run(&args, ui),
        Command::Info(args) => info::run(&args, ui),
        Command::Show(args) => show::run(&args, ui),
        Command::Compare(args) => compare::run(&args, ui),
    }
}

/// The directory that was given, else the user's.
fn directory(given: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    given.cloned().or_else(default_database).context("no database given, and no home folder to look in: use --db DIR")
}

fn open(given: Option<&PathBuf>) -> anyhow::Result<Database> {
    let dir = directory(given)?;
    Database::open(&dir).map_err(|error| {
        let missing = matches!(error, DatabaseError::Missing { .. });
        let error = anyhow::Error::new(error);
        if missing {
            error.context(Hint(format!("seawall db build --from DIR --out {} makes one", dir.display())))
        } else {
            error
        }
    })
}

/// Diagnostics of a feed that are printed before the rest is counted: a feed in a new form has one a record.
const SHOWN: usize = 5;

/// What the importer of a feed could not read.
fn print_diagnostics(feed: &str, diagnostics: &[model::Diagnostic], ui: &Ui) {
    for diagnostic in diagnostics.iter().take(SHOWN) {
        ui.say(diagnostic);
    }
    let more = diagnostics.len().saturating_sub(SHOWN);
    if more > 0 {
        ui.say(format_args!("{feed}: {more} more"));
    }
}

/// The day of a time.
fn day(time: model::Timestamp) -> String {
    time.to_string().get(..10).unwrap_or_default().to_owned()
}

/// A size for people.
fn size(bytes: u64) -> String {
    if bytes < 1 << 20 {
        format!("{} KiB", bytes.div_ceil(1 << 10))
    } else {
        format!("{} MiB", bytes.div_ceil(1 << 20))
    }
}

/// The present time.
pub(crate) fn now() -> model::Timestamp {
    jiff::Timestamp::now()
        .as_nanosecond()
        .try_into()
        .map_or_else(|_| model::Timestamp::default(), model::Timestamp::from_nanos)
}
