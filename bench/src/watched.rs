//! A sensor in a process of its own: its readiness, its alert lines with the time each came, its cost.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::measure::program;

/// Generous: what it takes is measured, not judged here.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running sensor, ended when dropped.
pub struct Watched {
    child: Child,
    alerts: Receiver<(Instant, String)>,
    /// From starting the program to its line "ready".
    pub ready: Duration,
    /// Which signals it has not, in its own words.
    pub said: String,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        // It may have ended by itself.
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
        drop(self.child.wait());
    }
}

impl Watched {
    /// Starts a sensor and waits until it is ready.
    pub fn start(rules: &[PathBuf], args: &[&str]) -> Result<Self> {
        let mut command = Command::new(program("seawall-sensor")?);
        command.arg("run").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for file in rules {
            command.arg("--rules").arg(file);
        }
        let started = Instant::now();
        let mut child = command.spawn().context("starting the sensor")?;
        let stdout = child.stdout.take().context("the sensor has no stdout")?;
        let stderr = child.stderr.take().context("the sensor has no stderr")?;
        let (alert, alerts) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                drop(alert.send((Instant::now(), line)));
            }
        });
        let (line, lines) = channel();
        std::thread::spawn(move || {
            for text in BufReader::new(stderr).lines().map_while(Result::ok) {
                drop(line.send((Instant::now(), text)));
            }
        });
        loop {
            let Ok((at, said)) = lines.recv_timeout(PATIENCE) else {
                drop(child.kill());
                drop(child.wait());
                bail!("the sensor did not become ready");
            };
            if said.starts_with("ready:") {
                return Ok(Self { child, alerts, ready: at - started, said });
            }
        }
    }

    /// Waits for an alert line with a text in it; the time at which it was read.
    pub fn alert(&self, text: &str) -> Result<Instant> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (at, line) = self.alerts.recv_timeout(left).with_context(|| format!("no alert about {text}"))?;
            if line.contains(text) {
                return Ok(at);
            }
        }
    }

    /// CPU time so far: user, system; seconds.
    pub fn cpu(&self) -> Result<(f64, f64)> {
        let text = limits::read_text(Path::new("/proc").join(self.child.id().to_string()).join("stat"), 1 << 16)?;
        // proc_pid_stat(5): utime and stime are fields 14 and 15; the name (2) may have blanks and ends with `)`.
        let fields: Vec<&str> =
            text.rsplit_once(')').context("reading /proc/PID/stat")?.1.split_ascii_whitespace().collect();
        // USER_HZ is 100 on every architecture that we build for.
        let seconds =
            |index: usize| -> Result<f64> { Ok(fields.get(index).context("a field")?.parse::<f64>()? / 100.0) };
        Ok((seconds(11)?, seconds(12)?))
    }

    /// Resident memory now and at its peak, MiB.
    pub fn memory(&self) -> Result<(u64, u64)> {
        memory(self.child.id())
    }
}

/// Resident memory of a process now and at its peak, MiB.
pub fn memory(pid: u32) -> Result<(u64, u64)> {
    let text = limits::read_text(Path::new("/proc").join(pid.to_string()).join("status"), 1 << 16)?;
    let kib = |name: &str| -> Result<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        line.trim().trim_end_matches(" kB").parse().with_context(|| format!("reading {name}"))
    };
    Ok((kib("VmRSS:")? >> 10, kib("VmHWM:")? >> 10))
}
