//! `cargo xtask fuzz`: the targets of `fuzz/` under libFuzzer, for longer than a test may take.
//!
//! What it is: the compiler's own coverage instrumentation (LLVM's sancov pass, which a stable compiler has) and a run per
//! target. No sanitizer: outside the sensor's `unsafe` blocks, where no target leads, there is nothing for one to find.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::steps::{cargo, run as execute};
use crate::{repository, setup};

/// Seconds per target when none are given.
const SECONDS: u32 = 60;

/// LLVM's instrumentation as libFuzzer reads it.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// `fuzz` lists the targets; `fuzz TARGET… [SECONDS]` or `fuzz all [SECONDS]` runs them one after the other.
pub fn run(args: &[String]) -> Result<()> {
    let known = targets()?;
    let (seconds, names): (Vec<&String>, Vec<&String>) = args.iter().partition(|arg| arg.parse::<u32>().is_ok());
    let seconds = seconds.first().and_then(|arg| arg.parse().ok()).unwrap_or(SECONDS);
    if names.is_empty() {
        println!("{}", known.join("\n"));
        return Ok(());
    }
    if let Some(unknown) = names.iter().find(|name| **name != "all" && !known.contains(name)) {
        bail!("there is no fuzz target `{unknown}`; `cargo xtask fuzz` lists them");
    }
    let all = names.iter().any(|name| *name == "all");
    let chosen: Vec<&String> = if all { known.iter().collect() } else { names };
    setup::run(&setup::ALL)?;
    let program = build()?;
    let failed: Vec<&str> =
        chosen.iter().filter(|target| !one(&program, target, seconds)).map(|target| target.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!("found something: {} (inputs are in {})", failed.join(", "), work("artifacts").display())
}

/// Every target has a folder of seeds.
fn targets() -> Result<Vec<String>> {
    let seeds = repository::root().join("fuzz/seeds");
    let entries = std::fs::read_dir(&seeds).with_context(|| format!("reading {}", seeds.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

fn work(folder: &str) -> std::path::PathBuf {
    repository::target().join("fuzz").join(folder)
}

/// Builds for the host by name, so that build scripts and macros are not instrumented.
fn build() -> Result<std::path::PathBuf> {
    let version = Command::new("rustc").arg("-vV").output().context("asking rustc for the host")?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let mut build = cargo(&["build", "--release", "--target", host, "--manifest-path", "fuzz/libfuzzer/Cargo.toml"]);
    build.env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", repository::target().join("fuzz"));
    execute(build)?;
    Ok(work(host).join("release/seawall-fuzz"))
}

/// Runs one target from its seeds and what earlier runs found; whether nothing went wrong.
fn one(program: &std::path::Path, target: &str, seconds: u32) -> bool {
    let (corpus, artifacts) = (work("corpus").join(target), work("artifacts").join(target));
    for folder in [&corpus, &artifacts] {
        if let Err(error) = std::fs::create_dir_all(folder) {
            eprintln!("{}: {error}", folder.display());
            return false;
        }
    }
    let mut command = Command::new(program);
    command.env("SEAWALL_FUZZ", target).current_dir(repository::root());
    command.arg(format!("-max_total_time={seconds}")).args([
        "-rss_limit_mb=2048",
        "-timeout=20",
        "-print_final_stats=1",
    ]);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.arg(&corpus).arg(repository::root().join("fuzz/seeds").join(target));
    eprintln!("==> {target}");
    execute(command).inspect_err(|error| eprintln!("{error:#}")).is_ok()
}
