//! The self-test: a child of the sensor does one harmless thing per signal, and a signal counts as seen when its record
//! came back by the provider that is to see it.
//!
//! What it is not: a test of rules; its events are swallowed.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::signal::Signal;

mod child;

pub use child::perform;

/// The hidden command of the program that runs [`perform`].
pub const COMMAND: &str = "canary";
/// The child needs some milliseconds; a machine under full load a hundred.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// [`PATIENCE`] for poll(2).
const PATIENCE_MILLIS: u16 = 5_000;
/// The names of all signals are some two hundred bytes.
const MAX_ANSWER_BYTES: usize = 1024;

/// The child. It stays when it is done, so that who reads /proc finds it there.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    untried: BTreeSet<Signal>,
}

impl Child {
    /// Starts the child and waits until it has done everything but end.
    pub fn start() -> std::io::Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdin = child.stdin.take();
        let mut answer = vec![0; MAX_ANSWER_BYTES];
        let mut size = 0;
        if let Some(mut stdout) = child.stdout.take() {
            poll(&mut [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)], PollTimeout::from(PATIENCE_MILLIS))?;
            // A child that says nothing is ended below, and what it did not do is missing.
            size = stdout.read(&mut answer).unwrap_or(0);
        }
        let names = String::from_utf8_lossy(&answer[..size]).into_owned();
        Ok(Self { process: child, stdin, untried: names.split_whitespace().filter_map(Signal::from_name).collect() })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Lets it end, and waits for that. Gives the signals that it could not raise here.
    pub fn end(mut self) -> std::io::Result<BTreeSet<Signal>> {
        drop(self.stdin.take());
        let end = Instant::now() + PATIENCE;
        while self.process.try_wait()?.is_none() {
            if Instant::now() > end {
                self.process.kill()?;
                self.process.wait()?;
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(self.untried)
    }
}

/// What is missing of what was expected.
pub fn missing(active: &BTreeSet<Signal>, seen: &BTreeSet<Signal>) -> BTreeSet<Signal> {
    active.difference(seen).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_active_is_missing() {
        let active = BTreeSet::from([Signal::Exec, Signal::FileOpen]);
        assert_eq!(missing(&active, &BTreeSet::from([Signal::Exec, Signal::Dns])), BTreeSet::from([Signal::FileOpen]));
    }
}
