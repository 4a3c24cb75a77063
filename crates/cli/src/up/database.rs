//! Which advisory database the hub uses.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use feeds::Database;

use crate::ui::{Ui, counted};

/// Folder in the state folder for a database that is built here.
const BUILT: &str = "advisories";
/// Where tests and developers have feeds; used when nothing else is given, and said.
const TEST_DATA: &str = "SEAWALL_TEST_DATA";

/// The database for what the user gave: itself, one built from a folder of feeds, or one fetched from a mirror; `None`
/// without any.
pub(super) async fn prepare(given: Option<&str>, state_dir: &Path, ui: &Ui) -> Result<Option<PathBuf>> {
    let Some(given) = given.map(PathBuf::from).or_else(test_data) else {
        let built = state_dir.join(BUILT);
        if Database::open(&built).is_ok() {
            return Ok(Some(built));
        }
        ui.say("no advisory database: assessments will say \"no feed\"");
        ui.hint("seawall up --db DIR, where DIR is a database or a folder of feeds");
        return Ok(None);
    };
    if let Some(mirror) = given.to_str().filter(|text| text.contains("://")) {
        return fetch(mirror, state_dir, ui).await.map(Some);
    }
    if Database::open(&given).is_ok() {
        return Ok(Some(given));
    }
    if !given.is_dir() {
        bail!("{} is neither a database nor a folder of feeds", given.display());
    }
    build(&given, state_dir, ui).map(Some)
}

fn test_data() -> Option<PathBuf> {
    std::env::var_os(TEST_DATA).map(|data| PathBuf::from(data).join("feeds")).filter(|feeds| feeds.is_dir())
}

/// Fetches every feed that the mirror has. What it lacks is said; the assessment then says "no feed" for it.
async fn fetch(mirror: &str, state_dir: &Path, ui: &Ui) -> Result<PathBuf> {
    let out = state_dir.join(BUILT);
    std::fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    ui.say(format_args!("fetching advisories from {mirror} …"));
    let mut progress = |_: &str| {};
    let addresses = feeds::addresses::all();
    let downloads = feeds::update::fetch(&out, &addresses, Some(mirror), crate::db::now(), &mut progress).await;
    let downloads = downloads.with_context(|| format!("fetching advisories from {mirror}"))?;
    let report = feeds::update::apply(&out, downloads, crate::db::now(), &mut progress)?;
    let have = report.updated.len() + report.unchanged.len();
    ui.say(format_args!(
        "advisories: {}, {} not to be had from this mirror",
        counted(have, "feed"),
        report.failed.len()
    ));
    if have == 0
        && let Some((name, reason)) = report.failed.iter().next()
    {
        bail!("the mirror {mirror} gave no feed at all; {name}: {reason}");
    }
    Ok(out)
}

fn build(from: &Path, state_dir: &Path, ui: &Ui) -> Result<PathBuf> {
    let out = state_dir.join(BUILT);
    ui.say(format_args!("building the advisory database from {} …", from.display()));
    let mut progress = |name: &str| {
        if ui.progress {
            ui.say(format_args!("  {name}"));
        }
    };
    let report = feeds::build(from, &out, crate::db::now(), &mut progress).context("building the advisory database")?;
    for (path, reason) in &report.failed {
        ui.say(format_args!("warning: {} could not be read and is left out: {reason}", path.display()));
    }
    let names: Vec<&str> = report.segments.iter().map(|segment| segment.meta.name.as_str()).collect();
    ui.say(format_args!("advisories: {}", names.join(", ")));
    Ok(out)
}
