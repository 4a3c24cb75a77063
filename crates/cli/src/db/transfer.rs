//! `seawall db export` and `seawall db import`.

use std::path::PathBuf;

use anyhow::Context as _;
use feeds::archive;

use super::{directory, now, size};
use crate::Outcome;
use crate::ui::{Ui, counted};

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// File to write: a tar archive, compressed with zstd.
    file: PathBuf,
    /// Directory of the database; the user's own by default.
    #[arg(long, value_name = "DIR", env = "SEAWALL_DB")]
    db: Option<PathBuf>,
}

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// File that `seawall db export` wrote.
    file: PathBuf,
    /// Directory of the database; the user's own by default.
    #[arg(long, value_name = "DIR", env = "SEAWALL_DB")]
    db: Option<PathBuf>,
}

pub(super) fn export(args: &ExportArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let database = super::open(args.db.as_ref())?;
    let manifest = archive::export(database.dir(), &args.file).context("exporting the database")?;
    let bytes = std::fs::metadata(&args.file).map_or(0, |metadata| metadata.len());
    ui.say(format_args!(
        "{} in {} ({})",
        counted(manifest.segments.len(), "segment"),
        args.file.display(),
        size(bytes)
    ));
    Ok(Outcome::Clean)
}

pub(super) fn import(args: &ImportArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let dir = directory(args.db.as_ref())?;
    let manifest = archive::import(&args.file, &dir, now())
        .with_context(|| format!("importing {}: the database is unchanged", args.file.display()))?;
    ui.say(format_args!("{} now has {}", dir.display(), counted(manifest.segments.len(), "segment")));
    Ok(Outcome::Clean)
}
