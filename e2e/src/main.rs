//! `e2e once`: the whole path on this machine, once. `e2e attacks`: the attack scenarios, with a table.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use e2e::attack::{self, Choice};

const USAGE: &str = "\
usage: e2e once                       the whole path, once (cargo xtask up --once builds everything first)
       e2e attacks [--record] [NAME…] the scenarios whose names contain NAME; --record writes their recordings
       e2e benign [NAME…]             the benign corpus; all of it writes its figures into content/noise";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first().map(|(command, rest)| (command.as_str(), rest)) {
        Some(("once", [])) => e2e::once::run().await,
        Some(("attacks", rest)) => attacks(rest).await,
        Some(("benign", rest)) => e2e::benign::measure(rest).await,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn attacks(args: &[String]) -> Result<()> {
    let (options, names): (Vec<_>, Vec<_>) = args.iter().cloned().partition(|arg| arg.starts_with('-'));
    ensure!(options.iter().all(|option| option == "--record"), "{USAGE}");
    let folder = tempfile::tempdir().context("making a folder")?;
    let report = attack::run(folder.path(), &Choice { names, record: !options.is_empty() }).await?;
    println!("{report}");
    let wrong = report.wrong().count();
    ensure!(wrong == 0, "{wrong} of {} scripts are not as they should be", report.rows.len());
    Ok(())
}
