//! `e2e once`: the whole path on this machine, once. `e2e attacks` and `e2e audit`: the attack
//! scenarios, with a table.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use e2e::attack::{self, Choice};
use e2e::audit;

const USAGE: &str = "\
usage: e2e once                       the whole path, once (cargo xtask up --once builds everything first)
       e2e attacks [--record] [NAME…] the scenarios whose names contain NAME; --record writes their recordings
       e2e audit [--record] [NAME…]   the same for the Kubernetes API, with a real control plane
       e2e benign [NAME…]             the benign corpus; all of it writes its figures into content/noise";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first().map(|(command, rest)| (command.as_str(), rest)) {
        Some(("once", [])) => e2e::once::run().await,
        Some(("attacks", rest)) => attacks(rest).await,
        Some(("audit", rest)) => kubernetes(rest).await,
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
    let folder = tempfile::tempdir().context("making a folder")?;
    let report = attack::run(folder.path(), &choice(args)?).await?;
    println!("{report}");
    let wrong = report.wrong().count();
    ensure!(wrong == 0, "{wrong} of {} scripts are not as they should be", report.rows.len());
    Ok(())
}

async fn kubernetes(args: &[String]) -> Result<()> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let report = audit::run(folder.path(), &choice(args)?).await?;
    println!("{report}");
    let wrong = report.wrong().count();
    ensure!(wrong == 0, "{wrong} of {} rows are not as they should be", report.rows.len());
    Ok(())
}

fn choice(args: &[String]) -> Result<Choice> {
    let (options, names): (Vec<_>, Vec<_>) = args.iter().cloned().partition(|arg| arg.starts_with('-'));
    ensure!(options.iter().all(|option| option == "--record"), "{USAGE}");
    Ok(Choice { names, record: !options.is_empty() })
}
