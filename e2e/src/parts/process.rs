//! A child process with its log, stopped politely, then firmly.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a process may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A running child. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a command; stdout and stderr go to `LOGS/NAME.log`.
    pub fn start(name: &str, mut command: Command, logs: &Path) -> Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let error = file.try_clone().context("sharing the log")?;
        command.stdin(Stdio::null()).stdout(file).stderr(error);
        let child = command.spawn().with_context(|| format!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error with the end of the log when it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait().with_context(|| format!("looking at {}", self.name))? {
            Some(status) => bail!("{} ended with {status}:\n{}", self.name, super::tail(&self.log)),
            None => Ok(()),
        }
    }

    /// Sends a signal by name (`TERM`, `INT`, `KILL`).
    pub fn signal(&self, signal: &str) -> Result<()> {
        // `kill` is part of every system; a crate for one call would need `unsafe` or another dependency.
        let status = Command::new("kill").args(["-s", signal, &self.pid().to_string()]).status();
        status.with_context(|| format!("signalling {}", self.name)).map(|_| ())
    }

    /// Interrupts it as Ctrl-C does and waits.
    pub fn interrupt(mut self) -> Result<ExitStatus> {
        self.signal("INT")?;
        self.wait().with_context(|| format!("{} did not stop after Ctrl-C", self.name))
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().context("waiting for a child")? {
                return Ok(status);
            }
            if started.elapsed() > STOP_LIMIT {
                self.child.kill().context("killing a child")?;
                self.child.wait().context("waiting for a killed child")?;
                bail!("killed after {} s:\n{}", STOP_LIMIT.as_secs(), super::tail(&self.log));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // What cannot be stopped here ends with the run's own process group.
            drop(self.signal("TERM"));
            drop(self.wait());
        }
    }
}

/// Runs a command to its end and gives its output; a failure carries what it said.
pub fn output(mut command: Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("starting {shown}"))?;
    if !output.status.success() {
        bail!("{shown} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("{shown} printed something that is not text"))
}
