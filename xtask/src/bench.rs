//! `cargo xtask bench`: what takes too long for CI. Results are committed.

use anyhow::Result;

use crate::steps::{cargo, command, run as execute};
use crate::{repository, setup};

/// Builds in release mode and runs the benchmarks; writes `bench/results/NAME.md`.
pub fn run(args: &[String]) -> Result<()> {
    setup::run(&setup::ALL)?;
    execute(cargo(&["build", "--release", "--workspace", "--bins", "--locked"]))?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut bench = command(repository::target().join("release/bench"), &args);
    bench.env("SEAWALL_BIN", repository::target().join("release"));
    execute(bench)
}
