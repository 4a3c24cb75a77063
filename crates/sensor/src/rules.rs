//! Loads rule files and says what is wrong with them.

use std::path::PathBuf;

use anyhow::Context as _;
use detect::{CompileOptions, RuleSet, Source};
use model::Diagnostic;

/// A rule file: Falco's largest has 60 KB.
const MAX_RULES_BYTES: u64 = 16 << 20;

/// Compiles our own rules, unless they are left out, and the user's after them.
pub fn load(files: &[PathBuf], own: bool) -> anyhow::Result<(RuleSet, Vec<Diagnostic>)> {
    let mut sources = if own { detect::content::rules() } else { Vec::new() };
    for path in files {
        for file in limits::yaml_files(path).context("reading a folder of rules (given with --rules)")? {
            let text = limits::read_text(&file, MAX_RULES_BYTES).context("reading a rule file (given with --rules)")?;
            sources.push(Source::new(file.display().to_string(), text));
        }
    }
    Ok(RuleSet::compile(&sources, &CompileOptions::default()))
}
