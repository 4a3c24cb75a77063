//! The command line: commands, progress, tables.
//!
//! What it is: thin. Each command is one module that parses its arguments, calls an engine or a journey and prints.
//! What it is not: a place for decisions; those are in the engines, where they are tested without a terminal.
//!
//! Exit codes: 0 clean, 1 findings over a threshold that the user gave, 2 could not do it.
//! stdout is data, stderr is talk (see [`ui`]).

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

mod check;
mod db;
pub mod demo;
mod detect;
mod policy;
mod scan;
mod siblings;
pub mod ui;
mod up;

/// Container security without a cloud: assess images, detect threats, harden, enforce.
#[derive(Debug, Parser)]
#[command(
    name = "seawall",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  seawall up                                  start hub, sensor and console on this machine
  seawall scan registry.example/app:1         packages, findings and coverage of an image
  seawall check manifests deploy/             Pod Security Standards, with patches
  seawall detect replay --events audit.json   run rules over recorded events"
)]
struct Cli {
    /// Say more on stderr (twice: everything).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Assess a container image: packages, vulnerabilities, coverage.
    Scan(scan::Args),
    /// List what is in an image, as CycloneDX or SPDX.
    Sbom(scan::SbomArgs),
    /// Build and look at the advisory database.
    Db(db::Args),
    /// Check manifests and nodes against hardening controls.
    Check(check::Args),
    /// Evaluate admission policies.
    Policy(policy::Args),
    /// Work with detection rules: replay, check, explain.
    Detect(detect::Args),
    /// Start hub and sensor on this machine and show the console's address.
    Up(up::Args),
    /// Show what Seawall does with samples made on the spot (no root needed).
    Demo(demo::Args),
    /// Run the hub (`seawall-server`).
    Server(siblings::Args),
    /// Run the node sensor (`seawall-sensor`).
    Sensor(siblings::Args),
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, nothing over a threshold.
    Clean,
    /// Done, and something is over a threshold that the user gave.
    Findings,
    /// Part of it could not be done; what could was printed.
    Incomplete,
}

/// Parses the process's arguments and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    ui::init_logging(cli.verbose);
    let ui = ui::Ui::detect();
    let outcome = dispatch(cli.command, &ui);
    match outcome {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Incomplete) => ExitCode::from(2),
        Err(error) => {
            ui.error(&error);
            ExitCode::from(2)
        }
    }
}

/// Runs a command line of ours inside this process; the demonstration does.
fn run_line(words: &[String], ui: &ui::Ui) -> anyhow::Result<Outcome> {
    let line = std::iter::once("seawall").chain(words.iter().map(String::as_str));
    let cli = Cli::try_parse_from(line).context("the demonstration's own command line")?;
    dispatch(cli.command, ui)
}

fn dispatch(command: Command, ui: &ui::Ui) -> anyhow::Result<Outcome> {
    match command {
        Command::Scan(args) => scan::run(&args, ui),
        Command::Sbom(args) => scan::run_sbom(&args, ui),
        Command::Db(args) => db::run(args, ui),
        Command::Check(args) => check::run(args, ui),
        Command::Policy(args) => policy::run(args, ui),
        Command::Detect(args) => detect::run(args, ui),
        Command::Up(args) => up::run(&args, ui),
        Command::Demo(args) => demo::run(&args, ui),
        Command::Server(args) => siblings::run("seawall-server", &args),
        Command::Sensor(args) => siblings::run("seawall-sensor", &args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_committed_page_of_commands_is_what_help_prints() {
        let about = "`seawall server …` and `seawall sensor …` run the programs `seawall-server` and `seawall-sensor`, \
                     which lie beside `seawall` or on the path.";
        let page = testkit::commands::page("Commands of `seawall`", about, super::Cli::command());
        testkit::golden(testkit::repository().join("docs/reference/commands.md"), &page);
    }
}
