//! `seawall demo`.

use crate::Outcome;
use crate::ui::Ui;

pub mod layout;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_args: Args, _ui: &Ui) -> anyhow::Result<Outcome> {
    anyhow::bail!("this command has no code yet")
}
