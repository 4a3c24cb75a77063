//! The control plane of Kubernetes for tests: one Go program of `e2e/kube`, whose modules are pinned by its `go.sum`.
//!
//! Built once for all clones: it takes minutes. What it is not: anything that is handed out.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::repository;
use crate::steps::run as execute;

/// Files that the program is made of.
const SOURCES: [&str; 4] = ["go.mod", "go.sum", "main.go", "kubelet.go"];

/// The program, where it was built of these sources.
pub fn built() -> Option<PathBuf> {
    let program = folder().join("kube");
    let of = read(&folder().join("sources")).ok()?;
    (program.exists() && sources().is_ok_and(|sources| sources == of)).then_some(program)
}

/// The program, built where it is not there yet.
pub fn program() -> Result<PathBuf> {
    if let Some(program) = built() {
        return Ok(program);
    }
    let (program, stamp) = (folder().join("kube"), folder().join("sources"));
    let sources = sources()?;
    std::fs::create_dir_all(folder()).with_context(|| format!("making {}", folder().display()))?;
    execute(build(&program, &version(&sources)?))?;
    std::fs::write(&stamp, sources).with_context(|| format!("writing {}", stamp.display()))?;
    Ok(program)
}

/// Whether Go is new enough to fetch the one that the modules ask for: Debian 12's is not.
pub fn can_build() -> bool {
    let Ok(output) = Command::new("go").args(["env", "GOVERSION"]).output() else { return false };
    let version = String::from_utf8_lossy(&output.stdout);
    let minor = version.trim().strip_prefix("go1.").and_then(|rest| rest.split('.').next()?.parse().ok());
    minor.is_some_and(|minor: u32| minor >= 21)
}

fn folder() -> PathBuf {
    repository::cache().join("kube")
}

fn module() -> PathBuf {
    repository::root().join("e2e/kube")
}

fn sources() -> Result<String> {
    SOURCES.iter().map(|name| read(&module().join(name))).collect()
}

#[expect(clippy::disallowed_methods, reason = "the repository's own files; this program has no other dependency")]
fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// The version of Kubernetes, `v1.34.4`, which its own build would write into it: user agents carry it.
fn version(sources: &str) -> Result<String> {
    let line = sources.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v"));
    Ok(format!("v{}", line.context("go.mod names no version of Kubernetes")?))
}

fn build(program: &Path, version: &str) -> Command {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let base = "k8s.io/component-base/version";
    let flags = format!(
        "-s -w -X {base}.gitVersion={version} -X {base}.gitMajor={major} -X {base}.gitMinor={minor} \
         -X k8s.io/client-go/pkg/version.gitVersion={version}"
    );
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-tags", "providerless", "-ldflags", &flags, "-o"]).arg(program).arg(".");
    go.current_dir(module()).env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=readonly -buildvcs=false");
    go
}
