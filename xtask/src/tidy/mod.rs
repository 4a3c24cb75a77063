//! `cargo xtask tidy`: the invariants of ARCHITECTURE.md that a machine can check.
//!
//! Errors fail the build; warnings are printed. Each check says where and what to do.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::repository;

mod content;
mod graph;
mod sources;

/// What the checks found.
#[derive(Debug, Default)]
pub struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Findings {
    /// Something that must not land.
    pub fn error(&mut self, place: impl std::fmt::Display, what: impl std::fmt::Display) {
        self.errors.push(format!("{place}: {what}"));
    }

    /// Something that a reader will stumble over.
    pub fn warn(&mut self, place: impl std::fmt::Display, what: impl std::fmt::Display) {
        self.warnings.push(format!("{place}: {what}"));
    }
}

/// Runs every check.
pub fn run() -> Result<()> {
    let mut findings = Findings::default();
    graph::check(&mut findings)?;
    sources::check(&mut findings)?;
    content::check(&mut findings)?;
    for file in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "deny.toml", ".ci/run"] {
        if !repository::root().join(file).exists() {
            findings.error(file, "is missing");
        }
    }
    for warning in &findings.warnings {
        eprintln!("warning: {warning}");
    }
    for error in &findings.errors {
        eprintln!("error: {error}");
    }
    if !findings.errors.is_empty() {
        bail!("{} tidy errors", findings.errors.len());
    }
    Ok(())
}

/// Every file under a folder of the repository, by extension, without what is not ours.
fn files(folder: &str, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let start = repository::root().join(folder);
    if start.exists() {
        walk(&start, extensions, &mut found).with_context(|| format!("walking {folder}"))?;
    }
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "node_modules", "dist", "out", ".git"].contains(&name.as_str()) {
                walk(&path, extensions, found)?;
            }
        } else if path.extension().is_some_and(|ext| extensions.iter().any(|wanted| ext == *wanted)) {
            found.push(path);
        }
    }
    Ok(())
}

/// A path as the repository's readers know it.
fn shown(path: &Path) -> String {
    path.strip_prefix(repository::root()).unwrap_or(path).display().to_string()
}

#[expect(clippy::disallowed_methods, reason = "the repository's own files; this program has no other dependency")]
fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| shown(path))
}
