//! `seawall policy test`.

use std::path::{Path, PathBuf};

use policy::gatekeeper::suite::{self, Outcome as CaseOutcome};

use crate::Outcome;
use crate::check::files::{self, Input};
use crate::ui::{Ui, counted};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 every case is as expected, 1 some are not, 2 a suite cannot be read.")]
pub struct Args {
    /// Suites, or directories that are searched for them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Print every case, not only what differs.
    #[arg(long)]
    all: bool,
}

/// Runs the command.
pub fn run(args: &Args, ui: &Ui) -> anyhow::Result<Outcome> {
    let limits = super::limits_now();
    let mut totals = [0_usize; 3];
    let mut suites = 0_usize;
    let mut incomplete = false;
    for input in files::find(&args.paths, &["yaml", "yml"])? {
        let Input::File(path) = &input else { anyhow::bail!("a suite on stdin has no directory for its files") };
        // Only files that are named or that say what they are: a directory holds the suites' own files too.
        let named = args.paths.contains(path);
        if !named && !path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains("suite")) {
            continue;
        }
        let mut cache = super::Files::default();
        let dir = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        let mut load = |file: &str| cache.load(&dir.join(file));
        let results = super::object(path).and_then(|suite| {
            suite::run(&suite, &mut load, &limits).map_err(|reason| anyhow::anyhow!("{}: {reason}", path.display()))
        });
        match results {
            Ok(results) => {
                suites += 1;
                for result in results {
                    show(&result, path, args.all, &mut totals, ui);
                }
            }
            Err(error) => {
                incomplete = true;
                ui.error(&error);
            }
        }
    }
    let [passed, failed, skipped] = totals;
    ui.print(format_args!("{}: {passed} passed, {failed} failed, {skipped} skipped", counted(suites, "suite")));
    if suites == 0 {
        anyhow::bail!("no suite was found");
    }
    Ok(match (incomplete, failed) {
        (true, _) => Outcome::Incomplete,
        (false, 0) => Outcome::Clean,
        (false, _) => Outcome::Findings,
    })
}

fn show(result: &suite::CaseResult, path: &Path, all: bool, totals: &mut [usize; 3], ui: &Ui) {
    let (index, word, reason) = match &result.outcome {
        CaseOutcome::Passed => (0, "pass", ""),
        CaseOutcome::Failed(reason) => (1, "FAIL", reason.as_str()),
        CaseOutcome::Skipped => (2, "skip", ""),
    };
    totals[index] += 1;
    if all || index == 1 {
        ui.print(format_args!("{word}  {}: {} {}", path.display(), result.test, result.case).to_string().trim_end());
        if !reason.is_empty() {
            ui.print(format_args!("      {reason}"));
        }
    }
}
