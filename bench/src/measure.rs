//! CPU, wall time and peak memory of a command.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde::{Deserialize, Serialize};

/// What a command cost.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cost {
    /// User and system time, seconds.
    pub cpu_s: f64,
    /// Wall time, seconds.
    pub wall_s: f64,
    /// Peak resident memory, MiB.
    pub peak_mib: f64,
    /// Bytes written to files, MiB.
    pub written_mib: f64,
    /// Exit code.
    pub code: i32,
}

/// Runs a command once and reads its cost; its output is thrown away.
pub fn once<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: &[S]) -> Result<Cost> {
    let me = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(me);
    command.arg("measured").arg(program.as_ref()).args(args.iter().map(AsRef::as_ref));
    let output = command.stderr(Stdio::inherit()).output().context("starting a measured command")?;
    if !output.status.success() {
        bail!("a measured command could not be started");
    }
    serde_json::from_slice(&output.stdout).context("reading a measurement")
}

/// The run with the median of CPU time; its peak is the highest of all.
pub fn median<S: AsRef<OsStr>>(runs: usize, program: impl AsRef<OsStr>, args: &[S]) -> Result<Cost> {
    let mut costs: Vec<Cost> = (0..runs).map(|_| once(program.as_ref(), args)).collect::<Result<_>>()?;
    costs.sort_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s));
    let peak_mib = costs.iter().map(|cost| cost.peak_mib).fold(0.0, f64::max);
    Ok(Cost { peak_mib, ..costs[costs.len() / 2] })
}

/// The other side of [`once`]: runs the command and prints its cost as JSON.
pub fn child(args: &[String]) -> Result<()> {
    let (program, args) = args.split_first().context("no command to measure")?;
    let started = Instant::now();
    let status = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("starting {program}"))?;
    let wall_s = started.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("reading the resources used")?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    #[expect(clippy::cast_precision_loss, reason = "microseconds and kilobytes of one run fit 52 bits")]
    let cost = Cost {
        cpu_s: micros as f64 / 1e6,
        wall_s,
        // Linux counts in KiB, see getrusage(2).
        peak_mib: usage.max_rss() as f64 / 1024.0,
        // Blocks of 512 bytes, see `task_io_accounting` in Linux.
        written_mib: usage.block_writes() as f64 / 2048.0,
        code: status.code().unwrap_or(-1),
    };
    println!("{}", serde_json::to_string(&cost).context("writing a measurement")?);
    Ok(())
}

/// A program of ours, built in release mode.
pub fn program(name: &str) -> Result<PathBuf> {
    let dir = std::env::var_os("SEAWALL_BIN").map(PathBuf::from);
    let beside = || std::env::current_exe().ok().and_then(|path| path.parent().map(std::path::Path::to_path_buf));
    let path = dir.or_else(beside).context("no folder of programs")?.join(name);
    if !path.exists() {
        bail!("{} is not built; use cargo xtask bench", path.display());
    }
    Ok(path)
}

/// A program on the path, when it is there.
pub fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|file| file.exists())
}
