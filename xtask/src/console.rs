//! The web console's own tools: a Node that is new enough, npm, the build, its tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{repository, setup, steps};

/// What Vite asks for.
const NODE_AT_LEAST: (u32, u32) = (20, 19);
/// Major version that npm's `node` package brings where Debian's is older.
const NODE_FROM_NPM: &str = "node@22";

/// The folder of a Node that is new enough; installs one where there is none.
pub fn node() -> Result<PathBuf> {
    if let Some(dir) = on_path("node").filter(|dir| new_enough(&dir.join("node")))
        && on_path("npm").is_some()
    {
        return Ok(dir);
    }
    // The `node` package has no npm; a Node of ours that is kept from another time does not help without one.
    if on_path("npm").is_none() {
        setup::install(&["nodejs", "npm"])?;
    }
    let own = repository::cache().join("node");
    let bin = own.join("node_modules/node/bin");
    if new_enough(&bin.join("node")) {
        return Ok(bin);
    }
    eprintln!("Debian's Node is older than {}.{}: npm brings {NODE_FROM_NPM}", NODE_AT_LEAST.0, NODE_AT_LEAST.1);
    std::fs::create_dir_all(&own).context("making the folder for Node")?;
    let mut install = Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(&own).arg(NODE_FROM_NPM);
    steps::run(install)?;
    if !new_enough(&bin.join("node")) {
        bail!("npm's {NODE_FROM_NPM} did not bring a Node that runs here");
    }
    Ok(bin)
}

/// npm in the console's folder, with the right Node first on the path.
pub fn npm(args: &[&str]) -> Result<Command> {
    let node = node()?;
    let mut path = vec![node];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new("npm");
    command.args(args).current_dir(dir()).env("PATH", std::env::join_paths(path).context("joining the path")?);
    // Playwright and others would fetch browsers of their own; Debian's Chromium is used.
    command
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .env("npm_config_fund", "false")
        .env("npm_config_audit", "false");
    Ok(command)
}

/// The console's folder.
pub fn dir() -> PathBuf {
    repository::root().join("console")
}

/// Installs the console's packages when the lock file changed, then builds it when a source is newer than the build.
pub fn build() -> Result<()> {
    let stamp = dir().join("node_modules/.package-lock.json");
    if newer(&dir().join("package-lock.json"), &stamp) {
        steps::run(npm(&["ci", "--loglevel=error"])?)?;
    }
    let built = dir().join("dist/index.html");
    let inputs = ["src", "index.html", "package.json", "vite.config.ts", "../crates/server/openapi.json"];
    if inputs.iter().any(|input| newer_tree(&dir().join(input), &built)) {
        steps::run(npm(&["run", "--silent", "build"])?)?;
    }
    Ok(())
}

/// Type check and unit tests.
pub fn test() -> Result<()> {
    steps::run(npm(&["run", "--silent", "test"])?)
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).find(|dir| dir.join(program).exists())
}

fn new_enough(node: &Path) -> bool {
    let Ok(output) = Command::new(node).arg("--version").output() else { return false };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.trim().trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= NODE_AT_LEAST)
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    path.metadata().and_then(|meta| meta.modified()).ok()
}

fn newer(input: &Path, output: &Path) -> bool {
    match (modified(input), modified(output)) {
        (Some(input), Some(output)) => input > output,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

fn newer_tree(input: &Path, output: &Path) -> bool {
    if !input.is_dir() {
        return newer(input, output);
    }
    let Ok(entries) = std::fs::read_dir(input) else { return false };
    entries.flatten().any(|entry| newer_tree(&entry.path(), output))
}
