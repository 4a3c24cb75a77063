//! Running cargo's tests and counting what passed, failed and was skipped.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::repository;

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

/// Runs a command that prints cargo's test results and counts them. The command's failure is in the count.
pub fn cargo_test(mut command: Command) -> Result<Tally> {
    let skips = skips_file();
    drop(std::fs::remove_file(&skips));
    command.env("SEAWALL_SKIPS", &skips).stdout(Stdio::piped());
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
    fn cargo_s_line_is_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(parse(line), Tally { passed: 12, failed: 3, skipped: 0 });
        assert_eq!(parse("test x ... ok"), Tally::default());
    }
}
