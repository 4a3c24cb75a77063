//! The conductor: starts the providers, reads the ring until told to stop, takes everything away again.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use model::{Event, Scope};

use crate::clock::Clock;
use crate::config::{Config, Print};
use crate::kernel::{Kernel, Settings};
use crate::pipeline::{Pipeline, Sink};
use crate::provider::{self, Outcomes};
use crate::signal::Signal;

/// How long one wait for records may last: the time a stop may take.
const POLL: Duration = Duration::from_millis(100);

struct Printer(Print);

impl Sink for Printer {
    fn event(&mut self, event: Event) {
        if self.0 == Print::Events
            && let Ok(line) = serde_json::to_string(&event)
        {
            // A reader that went away ends the program by the next signal, not by a panic here.
            drop(writeln!(std::io::stdout().lock(), "{line}"));
        }
    }
}

/// Runs until `shutdown` is set.
pub fn run(config: &Config, shutdown: &AtomicBool) -> anyhow::Result<()> {
    let clock = Clock::now();
    let settings = Settings { own_pid: std::process::id(), ..Settings::default() };
    let mut kernel = Kernel::new(settings).context("starting the BPF maps")?;
    let wanted = BTreeSet::from([Signal::FileOpen, Signal::Connect]);
    let outcomes = provider::start_all(&mut kernel, &wanted);
    print_coverage(&outcomes);
    let mut pipeline = Pipeline::new(clock, Scope::node(&*config.cluster, &*config.node), Printer(config.print));
    let reader = kernel.reader(|bytes| {
        pipeline.record(bytes);
        0
    })?;
    while !shutdown.load(Ordering::Relaxed) {
        reader.poll(POLL)?;
    }
    Ok(())
}

/// Says on stderr what is seen and what is not.
pub fn print_coverage(outcomes: &Outcomes) {
    let mut err = std::io::stderr().lock();
    for outcome in &outcomes.0 {
        let state = format!("{:?}", outcome.state).to_lowercase();
        let line = format!("{:<13} {:<28} {:<12} {}", outcome.signal.name(), outcome.provider, state, outcome.reason);
        drop(writeln!(err, "{}", line.trim_end()));
    }
}

/// Tries every provider and prints the table.
pub fn probe() -> anyhow::Result<()> {
    let settings = Settings { own_pid: std::process::id(), ..Settings::default() };
    let outcomes = match Kernel::new(settings) {
        Ok(mut kernel) => provider::start_all(&mut kernel, &Signal::ALL.into_iter().collect()),
        Err(error) => provider::none(&provider::explain(&error)),
    };
    print_coverage(&outcomes);
    Ok(())
}
