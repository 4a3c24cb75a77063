//! Steps: named, timed, and stopped at the first failure.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::repository;

/// A run of steps that remembers how long each took.
pub struct Steps {
    times: Vec<(String, Duration)>,
    started: Instant,
}

impl Steps {
    /// No step yet.
    pub fn new() -> Self {
        Self { times: Vec::new(), started: Instant::now() }
    }

    /// Runs one step and prints its time.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("==> {name}");
        let started = Instant::now();
        let outcome = work();
        let took = started.elapsed();
        self.times.push((name.to_owned(), took));
        eprintln!("<== {name}: {:.1} s{}", took.as_secs_f64(), if outcome.is_ok() { "" } else { ", FAILED" });
        outcome.with_context(|| format!("step `{name}`"))
    }

    /// Prints the table of times.
    pub fn summary(&self) {
        eprintln!("\n{:<34} {:>8}", "step", "seconds");
        for (name, took) in &self.times {
            eprintln!("{name:<34} {:>8.1}", took.as_secs_f64());
        }
        eprintln!("{:<34} {:>8.1}\n", "all", self.started.elapsed().as_secs_f64());
    }
}

/// A command in the repository's root, with the same output folder for cargo as this process has.
pub fn command(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(repository::root());
    command
}

/// Runs a command; its output goes where ours goes.
pub fn run(mut command: Command) -> Result<()> {
    let shown = show(&command);
    let status = command.status().with_context(|| format!("starting `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Cargo, as the one that runs us.
pub fn cargo(args: &[&str]) -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args)
}

/// The command as one would type it.
pub fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
