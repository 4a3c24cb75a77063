//! `seawall server …` and `seawall sensor …`: run the sibling executable, as git does, so that the privileged one
//! stays small and this one builds without the server's libraries.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, anyhow};

use crate::Outcome;
use crate::ui::Hint;

/// Arguments are passed on as they are.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// Arguments of the program; try `--help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// Where a sibling program is: beside this one, else on the path.
pub fn find(program: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe().context("finding this program's own path")?;
    let beside = here.with_file_name(program);
    if beside.exists() {
        return Ok(beside);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.exists()).ok_or_else(|| {
        anyhow!("{program} is neither beside {} nor on the path", here.display())
            .context(Hint(format!("cargo build --package {} builds it", program.trim_start_matches("seawall-"))))
    })
}

/// Replaces this process by the sibling.
pub fn run(program: &str, args: &Args) -> anyhow::Result<Outcome> {
    let file = find(program)?;
    // `exec` only returns when it failed.
    let error = Command::new(&file).args(&args.rest).exec();
    Err(error).with_context(|| format!("starting {}", file.display()))
}
