//! `cargo xtask bench` and `cargo xtask fuzz`: what takes too long for CI. Results are committed.

use anyhow::{Result, bail};

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

/// Runs a cargo-fuzz target, or lists them.
pub fn fuzz(args: &[String]) -> Result<()> {
    let Some(target) = args.first() else {
        return execute(cargo(&["fuzz", "list"]));
    };
    if !repository::root().join(format!("fuzz/fuzz_targets/{target}.rs")).exists() {
        bail!("there is no fuzz target `{target}`; `cargo xtask fuzz` lists them");
    }
    execute(cargo(&["fuzz", "run", target, "--", "-max_total_time=600", "-rss_limit_mb=2048"]))
}
