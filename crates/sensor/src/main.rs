//! `seawall-sensor`: the command line of the sensor.

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use sensor::config::{Config, Print};

/// Watches this node's containers and raises alerts.
#[derive(Debug, Parser)]
#[command(name = "seawall-sensor", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Watch until stopped.
    Run {
        /// What to print on stdout, one JSON line each.
        #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "events", default_value = "alerts")]
        print: Print,
    },
    /// Try every provider once and print what this machine lets us see.
    Probe,
}

static SHUTDOWN: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Run { print } => {
            sensor::run(&Config { cluster: "local".into(), node: "node".into(), print, rules: vec![] }, &SHUTDOWN)
        }
        Command::Probe => sensor::run::probe(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
