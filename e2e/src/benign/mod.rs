//! The benign corpus: what real programs do on nodes and in containers all day, and the gate over the alerts that it
//! raises.
//!
//! The items are data (`e2e/benign/*.yaml`). Each runs once while a sensor with our own rules and Falco's stable file
//! watches and a hub makes incidents. What it is not: a sample of anybody's production; it is dense on purpose, an hour
//! of it holds more than an hour of most nodes.

mod figures;
mod gate;
mod item;
mod run;

pub use figures::{Figures, ItemFigures, RuleFigures};
pub use gate::{Budget, complaints};
pub use item::{Item, Kind, Step, load};
pub use run::{Outcome, Raised, Selection, run};

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Runs the whole corpus as a person asks for it and writes its figures into `content/noise`.
pub async fn measure(names: &[String]) -> Result<()> {
    let selection = if names.is_empty() { Selection::All } else { Selection::Named(names.to_vec()) };
    let whole = selection == Selection::All;
    let folder = tempfile::tempdir().context("making a folder")?;
    let outcome = run(folder.path(), selection).await?;
    let figures = Figures::of(&outcome);
    println!("{}", figures.table());
    let wrong = complaints(&outcome, &Budget::read()?);
    if whole {
        let file = figures_file();
        std::fs::write(&file, figures.yaml(&today()?)).with_context(|| format!("writing {}", file.display()))?;
        println!("written: {}", file.display());
    }
    if !wrong.is_empty() {
        bail!("{} complaints:\n{}", wrong.len(), wrong.join("\n"));
    }
    Ok(())
}

/// Where the figures of the last whole run are.
pub fn figures_file() -> PathBuf {
    testkit::repository().join("content/noise/measured.yaml")
}

fn today() -> Result<String> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = i64::try_from(since.as_secs()).context("reading the clock")?;
    let stamp = model::Timestamp::from_seconds(seconds).to_string();
    stamp.split('T').next().map(str::to_owned).context("the clock gave no date")
}
