//! `cargo xtask up`: build everything and start it, with no other set-up.

use anyhow::Result;

use crate::steps::{Steps, cargo, command, run as execute};
use crate::{console, kube, repository, setup};

/// Builds, then runs `seawall up`; with `--once` proves the whole path and stops.
pub fn run(args: &[String]) -> Result<()> {
    let mut steps = Steps::new();
    steps.step("packages", || setup::run(&[&setup::BUILD, &setup::RUN]))?;
    if args.iter().any(|arg| arg == "--once") {
        steps.step("packages for the browser", || setup::run(&[&setup::TEST]))?;
    }
    steps.step("console", console::build)?;
    steps.step("programs", || execute(cargo(&["build", "--quiet", "--workspace", "--bins", "--locked"])))?;
    if args.iter().any(|arg| arg == "--once") {
        return once();
    }
    let args: Vec<&str> = std::iter::once("up").chain(args.iter().map(String::as_str)).collect();
    execute(command(repository::program("seawall"), &args))
}

/// Builds, then runs a part of the end-to-end program: `benign`, `attacks`, `audit`, each with names of what to run.
pub fn e2e(args: &[String]) -> Result<()> {
    setup::run(&setup::ALL)?;
    execute(cargo(&["build", "--quiet", "--workspace", "--bins", "--locked"]))?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut e2e = command(repository::program("e2e"), &args);
    e2e.env("SEAWALL_BIN", repository::target().join("debug")).env("SEAWALL_OUT", repository::out());
    e2e.env("SEAWALL_LAB", repository::lab());
    if args.first() == Some(&"audit") {
        e2e.env("SEAWALL_KUBE", kube::program()?);
    }
    execute(e2e)
}

/// The whole path on real parts, once: registry, image, container, alert, incident, browser. Programs must be built.
pub fn once() -> Result<()> {
    let mut once = command(repository::program("e2e"), &["once"]);
    once.env("SEAWALL_BIN", repository::target().join("debug"));
    once.env("SEAWALL_OUT", repository::out());
    once.env("SEAWALL_NODEJS", console::node()?);
    execute(once)
}
