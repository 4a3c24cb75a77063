//! `cargo xtask dist`: the programs as one would hand them out, linked statically, with their checksums.
//!
//! Not in CI: it compiles everything once more. A static program runs on a node whose C library is older than the
//! build machine's, or that has none. libelf and zlib come from the archives in Debian's `-dev` packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::steps::{Steps, cargo, command, run as execute, show};
use crate::{console, repository, setup};

/// Each program and the package that builds it.
const PROGRAMS: [(&str, &str); 3] = [("seawall", "cli"), ("seawall-sensor", "sensor"), ("seawall-server", "server")];

/// Builds all programs, or those that are named, into `dist/` of the output folder.
pub fn run(names: &[String]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| PROGRAMS.iter().all(|(program, _)| program != name)) {
        bail!("there is no program `{unknown}`; there are {}", PROGRAMS.map(|(program, _)| program).join(", "));
    }
    let wanted: Vec<_> =
        PROGRAMS.into_iter().filter(|(program, _)| names.is_empty() || is_in(program, names)).collect();
    let mut steps = Steps::new();
    steps.step("packages", || setup::run(&[&setup::BUILD]))?;
    if is_in("seawall-server", names) || names.is_empty() {
        steps.step("console", console::build)?;
    }
    let built = steps.step("static programs", || build(&wanted))?;
    let folder = repository::target().join("dist");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for (program, _) in &wanted {
        steps.step(program, || hand_out(&built.join(program), &folder.join(program)))?;
    }
    let programs: Vec<&str> = wanted.iter().map(|(program, _)| *program).collect();
    let mut sums = command("sha256sum", &programs);
    let sums = sums.current_dir(&folder).output().context("starting sha256sum")?.stdout;
    std::fs::write(folder.join("SHA256SUMS"), &sums).context("writing SHA256SUMS")?;
    steps.summary();
    println!("{}\n{}", folder.display(), String::from_utf8_lossy(&sums).trim_end());
    Ok(())
}

fn is_in(program: &str, names: &[String]) -> bool {
    names.iter().any(|name| name == program)
}

/// Builds in release mode; the folder of the programs.
fn build(wanted: &[(&str, &str)]) -> Result<PathBuf> {
    // A target that is named keeps the flags from build scripts and procedural macros, which must stay dynamic.
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut build = cargo(&["build", "--release", "--locked", "--target", &target]);
    for (program, package) in wanted {
        build.args(["--package", package, "--bin", program]);
    }
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"));
    build.env(flags, "-C target-feature=+crt-static");
    execute(build)?;
    Ok(repository::target().join(target).join("release"))
}

/// Copies a program without its debug information, if it is what it should be: it needs no library and it runs.
fn hand_out(built: &Path, to: &Path) -> Result<()> {
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(to).arg(built);
    execute(strip)?;
    let mut headers = Command::new("readelf");
    let headers = headers.args(["--program-headers", "--dynamic", "--wide"]).arg(to).output();
    let headers = String::from_utf8_lossy(&headers.context("starting readelf")?.stdout).into_owned();
    if let Some(line) = headers.lines().find(|line| line.contains("INTERP") || line.contains("(NEEDED)")) {
        bail!("{} is not static: {}", to.display(), line.trim());
    }
    let mut version = Command::new(to);
    version.arg("--version");
    let shown = show(&version);
    let output = version.output().with_context(|| format!("starting `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    eprint!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
