//! `cargo xtask soak`: what takes too long, or needs too much, for CI.
//!
//! `soak kernel` runs the sensor under other kernels than this machine's, in QEMU without hardware help: Debian's and Ubuntu's
//! for Azure, fetched from their archives. It says which signals each kernel lets us see and whether alerts come, with their pod,
//! under pure version 2 of cgroups and systemd's names, and writes `bench/results/kernels.md`.

use anyhow::{Result, bail};

mod kernel;
mod machine;

/// Runs one of the soaks.
pub fn run(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((name, releases)) if name == "kernel" => kernel::run(releases),
        _ => bail!("`cargo xtask soak kernel [RELEASE...]`: releases of Debian or Ubuntu whose kernel is tried"),
    }
}
