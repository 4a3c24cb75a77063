//! `seawall detect`: run rules over recorded events, check rule files, explain a rule.

mod check;
mod events;
mod explain;
mod replay;

use std::path::PathBuf;

use anyhow::Context as _;
use detect::{CompileOptions, Matching, Source};

use crate::Outcome;
use crate::ui::Ui;

/// Bytes of one rule file that are read; the engine has its own, smaller limit.
const MAX_RULE_FILE_BYTES: u64 = 16 << 20;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run rules over recorded events: our JSON lines or Kubernetes audit JSON.
    Replay(replay::Args),
    /// Check rule files: what is wrong, what is not used, what cannot work here.
    Check(check::Args),
    /// Show a rule: its expanded condition, event types, fields.
    Explain(explain::Args),
}

/// Runs the command.
pub fn run(args: Args, ui: &Ui) -> anyhow::Result<Outcome> {
    match args.command {
        Command::Replay(args) => replay::run(&args, ui),
        Command::Check(args) => check::run(&args, ui),
        Command::Explain(args) => explain::run(&args, ui),
    }
}

/// Which rules a command works with.
#[derive(Debug, clap::Args)]
struct Rules {
    /// Rule files (Falco's format), later ones over earlier ones. Without any, the built-in rules are used.
    #[arg(short, long = "rules", value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,
    /// Use the built-in rules as well as the given files.
    #[arg(long)]
    builtin: bool,
    /// How many of the given rules one event may match.
    #[arg(long, value_enum, default_value_t = MatchingArg::First)]
    matching: MatchingArg,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum MatchingArg {
    First,
    All,
}

impl Rules {
    fn sources(&self) -> anyhow::Result<Vec<Source>> {
        read_sources(&self.files)
    }

    fn options(&self) -> CompileOptions {
        CompileOptions {
            matching: match self.matching {
                MatchingArg::First => Matching::First,
                MatchingArg::All => Matching::All,
            },
            builtin: self.builtin || self.files.is_empty(),
            ..CompileOptions::default()
        }
    }
}

/// Reads rule files; what is no UTF-8 in one becomes a replacement character, which the parser then reports.
fn read_sources(files: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let read = |path: &PathBuf| {
        let bytes =
            limits::read_file(path, MAX_RULE_FILE_BYTES).with_context(|| format!("reading {}", path.display()))?;
        Ok(Source::new(path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()))
    };
    files.iter().map(read).collect()
}

/// Prints diagnostics with the lines that they are about; gives how many errors there are.
fn report(diagnostics: &[model::Diagnostic], sources: &[Source], least: model::Level, ui: &Ui) -> usize {
    for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.level >= least) {
        let text =
            sources.iter().find(|source| *source.name == *diagnostic.span.source).map_or("", |source| &source.text);
        ui.say(diagnostic.render(text));
    }
    diagnostics.iter().filter(|diagnostic| diagnostic.level == model::Level::Error).count()
}
