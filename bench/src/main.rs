//! Benchmarks against named peers, as ratios in one run. Results are committed under `bench/results`.
//!
//! What it is: one command a subject (`bench image`, `bench sensor`, `bench hub`), each writing a Markdown table with the
//! machine and the command. What it is not: a test; nothing here fails because something was slow.

use std::process::ExitCode;

mod corpus;
mod events;
mod generate;
mod hub;
mod image;
mod measure;
mod results;
mod sensor;
mod services;
mod watched;

const HELP: &str = "\
bench NAME [ARGS]     (cargo xtask bench NAME builds everything in release mode first)

  sensor [--quick]    cost of the sensor per system call, events without loss, trigger to alert
  events              events evaluated per second on one core, the engine alone
  image [--quick] [--keep DIR] [IMAGE]
                      reading a large image against the peers in SEAWALL_PEERS, and what each finds
  db [--keep DIR]     the advisory database with as many records as all feeds have, made from generated feeds
  hub                 alerts to durable, list latency with many alerts
  generate KIND COUNT RATE [FOLDER]
                      a load alone: getppid, opens, execs
  all                 each of them";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest = args.get(1..).unwrap_or_default();
    let outcome = match args.first().map(String::as_str) {
        Some("sensor") => sensor::run(rest),
        Some("events") => events::run(),
        Some("image") => image::run(rest),
        Some("db") => corpus::run(rest),
        Some("hub") => hub::run(),
        Some("generate") => generate::run(rest),
        Some("all") => all(),
        // How `measure` reads the resources of one child alone: in a process that has no other children.
        Some("measured") => measure::child(rest),
        _ => {
            eprintln!("{HELP}");
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

fn all() -> anyhow::Result<()> {
    image::run(&[])?;
    corpus::run(&[])?;
    events::run()?;
    sensor::run(&[])?;
    hub::run()
}
