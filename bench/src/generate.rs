//! `bench generate`: loads for the sensor, as small loops of this program, so that no other program's cost is in them.
//!
//! Each prints one JSON object with what it did and what it cost itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde::{Deserialize, Serialize};

/// Operations between two looks at the clock.
const SLICE: u64 = 50;

/// What a load did.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Done {
    /// Operations.
    pub count: u64,
    /// Wall time, seconds.
    pub wall_s: f64,
    /// User and system time of the load's own process, seconds. Children are not in it.
    pub cpu_s: f64,
}

impl Done {
    /// CPU time of an operation, nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "counts of one run fit 52 bits")]
    pub fn nanos(self) -> f64 {
        self.cpu_s * 1e9 / self.count as f64
    }

    /// Operations per second.
    #[expect(clippy::cast_precision_loss, reason = "counts of one run fit 52 bits")]
    pub fn rate(self) -> f64 {
        self.count as f64 / self.wall_s
    }
}

/// `bench generate getppid|opens|execs COUNT RATE [FOLDER]`; rate 0 is as fast as it goes.
pub fn run(args: &[String]) -> Result<()> {
    let [kind, count, rate, rest @ ..] = args else { bail!("bench generate KIND COUNT RATE [FOLDER]") };
    let count = count.parse().context("reading the count")?;
    let rate = rate.parse().context("reading the rate")?;
    let done = match (kind.as_str(), rest) {
        ("getppid", _) => repeat(count, rate, |_| {
            std::hint::black_box(nix::unistd::getppid());
            Ok(())
        })?,
        ("opens", [folder, ..]) => opens(count, rate, Path::new(folder))?,
        ("execs", _) => repeat(count, rate, |_| {
            let status = Command::new("/bin/true").stdin(Stdio::null()).stdout(Stdio::null()).status();
            status.map(drop).context("starting /bin/true")
        })?,
        _ => bail!("there is no load `{kind}`; getppid, opens FOLDER, execs"),
    };
    println!("{}", serde_json::to_string(&done).context("writing what was done")?);
    Ok(())
}

/// Opens and closes the files of a folder in turn.
fn opens(count: u64, rate: u64, folder: &Path) -> Result<Done> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    if files.is_empty() {
        bail!("{} has no files", folder.display());
    }
    let mut next = files.iter().cycle();
    repeat(count, rate, move |_| {
        let file = next.next().context("no file")?;
        drop(std::fs::File::open(file).with_context(|| file.display().to_string())?);
        Ok(())
    })
}

fn repeat(count: u64, rate: u64, mut operation: impl FnMut(u64) -> Result<()>) -> Result<Done> {
    let before = cpu()?;
    let started = Instant::now();
    for number in 0..count {
        operation(number)?;
        if rate > 0 && number % slice(rate) == 0 {
            let due = Duration::from_nanos(number.saturating_mul(1_000_000_000) / rate);
            if let Some(early) = due.checked_sub(started.elapsed()) {
                std::thread::sleep(early);
            }
        }
    }
    Ok(Done { count, wall_s: started.elapsed().as_secs_f64(), cpu_s: cpu()? - before })
}

/// At low rates the clock is looked at each time, so that the load is even.
const fn slice(rate: u64) -> u64 {
    if rate < 1_000 { 1 } else { SLICE }
}

fn cpu() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("reading the resources used")?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    #[expect(clippy::cast_precision_loss, reason = "microseconds of one run fit 52 bits")]
    Ok(micros as f64 / 1e6)
}

/// Runs a load in a process of its own and waits for it.
pub fn load(kind: &str, count: u64, rate: u64, folder: &Path) -> Result<Done> {
    let me = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(me);
    command.args(["generate", kind, &count.to_string(), &rate.to_string()]).arg(folder);
    let output = command.stderr(Stdio::inherit()).output().context("starting a load")?;
    if !output.status.success() {
        bail!("the load {kind} failed");
    }
    serde_json::from_slice(&output.stdout).context("reading what a load did")
}
