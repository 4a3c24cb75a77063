//! `cargo xtask test`: everything that CI does, in the order in which mistakes are cheapest to find.

use anyhow::{Result, bail};

use crate::report::{self, Tally};
use crate::steps::{Steps, cargo, run as execute};
use crate::{console, kube, setup, tidy, up};

/// Packages whose tests need the machine to themselves: eBPF, containers, whole programs.
const SERIAL: [&str; 2] = ["sensor", "e2e"];

/// Runs all steps; the last line is the count.
pub fn run(args: &[String]) -> Result<()> {
    let mut steps = Steps::new();
    let mut tally = Tally::default();
    let outcome = all(&mut steps, &mut tally, args);
    steps.summary();
    println!("{}", tally.line());
    outcome?;
    if tally.failed > 0 {
        bail!("{} tests failed", tally.failed);
    }
    if tally.skipped > 0 && std::env::var("CI").is_ok_and(|value| value == "true") {
        bail!("CI skips nothing, and {} tests were skipped", tally.skipped);
    }
    Ok(())
}

fn all(steps: &mut Steps, tally: &mut Tally, args: &[String]) -> Result<()> {
    let filter: Vec<&str> = args.iter().map(String::as_str).collect();
    steps.step("packages", || setup::run(&setup::ALL))?;
    steps.step("format", || execute(cargo(&["fmt", "--all", "--check"])))?;
    steps.step("tidy", tidy::run)?;
    steps.step("console: build", console::build)?;
    steps.step("console: types and unit tests", console::test)?;
    steps.step("clippy", || {
        execute(cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
    })?;
    steps.step("build", || execute(cargo(&["build", "--quiet", "--workspace", "--bins", "--locked"])))?;
    if kube::can_build() {
        // Its modules come from a proxy that may lack some: then the tests that need it are skipped, and counted so.
        steps.step("control plane of Kubernetes: build", || {
            if let Err(error) = kube::program() {
                eprintln!("not built, so what needs it is skipped: {error:#}");
            }
            Ok(())
        })?;
    }
    let programs = steps.step("tests: build", report::build)?;
    let (serial, parallel): (Vec<_>, Vec<_>) =
        programs.into_iter().partition(|program| SERIAL.contains(&program.package.as_str()));
    steps.step("tests", || {
        for program in parallel {
            tally.add(program.run(&[&["--quiet"], &filter[..]].concat())?);
        }
        Ok(())
    })?;
    for program in serial {
        let name = format!("tests: {}, serial", program.package);
        let args = [&["--quiet", "--test-threads=1"], &filter[..]].concat();
        tally.add(steps.step(&name, || program.run(&args))?);
    }
    if filter.is_empty() {
        steps.step("the whole path (up --once)", up::once)?;
        tally.passed += 1;
    }
    Ok(())
}

/// Writes every generated file by running the tests that compare them, in their writing mode.
pub fn generate() -> Result<()> {
    let mut command = cargo(&[
        "test",
        "--quiet",
        "--workspace",
        "--locked",
        "--lib",
        "--tests",
        "--",
        "golden",
        "generated",
        "committed",
    ]);
    command.env("SEAWALL_BLESS", "1");
    execute(command)
}
