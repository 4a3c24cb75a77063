//! `cargo xtask soak`: what takes too long, or needs too much, for CI.
//!
//! `soak kernel` runs the sensor under other kernels than this machine's, in QEMU without hardware help: Debian's own,
//! fetched from its archive. It says which signals each kernel lets us see and whether alerts come, with their pod,
//! under pure version 2 of cgroups and systemd's names, and writes `bench/results/kernels.md`.

use anyhow::{Result, bail};

mod kernel;
mod machine;

/// Runs one of the soaks.
pub fn run(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((name, releases)) if name == "kernel" => kernel::run(releases),
        _ => bail!("`cargo xtask soak kernel [RELEASE...]`: Debian releases whose kernel is tried"),
    }
}
