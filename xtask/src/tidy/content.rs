//! `content/`: what alerts has its tests beside it (DESIGN §5.11), and changes have their fragment.

use anyhow::Result;

use super::{Findings, files, shown, text};
use crate::repository;

/// Every catalogue entry names its tests; the engine's own tests run them.
pub fn check(findings: &mut Findings) -> Result<()> {
    for path in files("content", &["yaml"])? {
        let source = text(&path)?;
        let is_rules = source.lines().any(|line| line.starts_with("- rule:"));
        if is_rules {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let tests = repository::root().join("content/tests").join(&stem);
            let beside =
                tests.is_dir() || tests.with_extension("yaml").exists() || tests.with_extension("jsonl").exists();
            if !beside {
                findings.error(shown(&path), format!("has rules but no tests under content/tests/{stem}"));
            }
        }
    }
    if files("changelog.d", &["md"])?.is_empty() {
        findings.error("changelog.d", "has no fragment; a change that users see gets one");
    }
    Ok(())
}
