//! Finding cargo's test programs, running them and counting what passed, failed and was skipped.
//!
//! The programs are run directly: `cargo test --package X` would choose other features of shared dependencies than
//! `--workspace` did, and build half of them again.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use serde_json::Value;

use crate::steps::cargo;
use crate::{kube, repository};

/// Counts of a run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Passed, without those that only skipped.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
    /// Returned early because the machine lacks something.
    pub skipped: u64,
}

impl Tally {
    /// Adds another run.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// The closing line.
    pub fn line(self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// A test program.
#[derive(Debug)]
pub struct TestProgram {
    /// Name of its crate, which is the name of its folder.
    pub package: String,
    folder: PathBuf,
    file: PathBuf,
}

/// Builds every test of the workspace and gives the programs, in cargo's order.
pub fn build() -> Result<Vec<TestProgram>> {
    let args = ["test", "--workspace", "--locked", "--no-run", "--lib", "--bins", "--tests"];
    let mut command = cargo(&[&args[..], &["--quiet", "--message-format=json-render-diagnostics"]].concat());
    let output = command.stderr(Stdio::inherit()).output().context("starting cargo")?;
    if !output.status.success() {
        bail!("the tests do not build");
    }
    let text = String::from_utf8(output.stdout).context("cargo printed something that is not text")?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter_map(|line| program(&line)).collect())
}

/// The test program of one line of cargo's messages, if it is one.
fn program(message: &Value) -> Option<TestProgram> {
    let is_test = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
    let file = PathBuf::from(message["executable"].as_str().filter(|_| is_test)?);
    let folder = PathBuf::from(message["manifest_path"].as_str()?).parent()?.to_path_buf();
    let package = folder.file_name()?.to_string_lossy().into_owned();
    Some(TestProgram { package, folder, file })
}

impl TestProgram {
    /// Runs it as cargo would and counts. The program's failure is in the count.
    pub fn run(&self, args: &[&str]) -> Result<Tally> {
        let mut command = Command::new(&self.file);
        command.args(args).current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command.env("SEAWALL_LAB", repository::lab());
        command.envs(kube::built().map(|program| ("SEAWALL_KUBE", program)));
        count(command).with_context(|| format!("tests of {}", self.package))
    }
}

fn count(mut command: Command) -> Result<Tally> {
    let skips = skips_file();
    drop(std::fs::remove_file(&skips));
    command.env("SEAWALL_SKIPS", &skips).stdin(Stdio::null()).stdout(Stdio::piped());
    let shown = crate::steps::show(&command);
    let mut child = command.spawn().with_context(|| format!("starting `{shown}`"))?;
    let output = child.stdout.take().context("the output was asked for")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("reading the output of the tests")?;
        println!("{line}");
        tally.add(parse(&line));
    }
    let status = child.wait().context("waiting for the tests")?;
    // Every recorded skip is a test that cargo counted as passed.
    if let Ok(file) = std::fs::File::open(&skips) {
        tally.skipped = BufReader::new(file).lines().count() as u64;
    }
    tally.passed = tally.passed.saturating_sub(tally.skipped);
    if !status.success() && tally.failed == 0 {
        bail!("`{shown}` ended with {status} before its tests did");
    }
    Ok(tally)
}

fn skips_file() -> PathBuf {
    repository::target().join("seawall-skips.txt")
}

/// `test result: ok. 9 passed; 0 failed; …` → counts; nothing for any other line.
fn parse(line: &str) -> Tally {
    let Some(rest) = line.strip_prefix("test result: ") else { return Tally::default() };
    let count = |word: &str| {
        let before = rest.split(word).next().unwrap_or_default().trim_end();
        before.rsplit([' ', ';']).next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Tally { passed: count(" passed"), failed: count(" failed"), skipped: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_test_programs_are_taken() {
        let message = |reason: &str, test: bool| {
            serde_json::json!({
                "reason": reason, "profile": { "test": test }, "executable": "/t/deps/it-1",
                "manifest_path": "/r/crates/wire/Cargo.toml",
            })
        };
        let found = program(&message("compiler-artifact", true)).map(|program| program.package);
        assert_eq!(found.as_deref(), Some("wire"));
        assert!(program(&message("compiler-artifact", false)).is_none());
        assert!(program(&message("build-finished", true)).is_none());
    }

    #[test]
    fn cargo_s_line_is_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(parse(line), Tally { passed: 12, failed: 3, skipped: 0 });
        assert_eq!(parse("test x ... ok"), Tally::default());
    }
}
