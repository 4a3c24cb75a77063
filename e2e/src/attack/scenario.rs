//! The files of `e2e/scenarios`: one attack each.
//!
//! ```yaml
//! title: What the attacker does.
//! container: plain               # plain, service, privileged
//! alerts: [catalogue-key]        # each must be raised, by the attack and by every variant
//! falco: [Name of Falco's rule]  # each must be raised by the attack
//! script: |                      # run by bash as a file, so that nothing of it is on a command line
//!   cat /etc/shadow
//! variants:                      # the same with other programs and other ways
//!   tool-of-another-name: |
//!     …
//! benign: |                      # what looks alike and must raise none of the alerts, and nothing of Medium or above
//!   …
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use limits::yaml::{self, YamlLimits};
use serde::Deserialize;

use super::Part;

/// How the container of a scenario is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The script is its first process.
    #[default]
    Plain,
    /// Its first process is a server that listens; the script enters the container as `exec` of an orchestrator does.
    Service,
    /// The script is its first process, with all privileges, the process namespace of the host, and a folder of the node
    /// at `/host`.
    Privileged,
}

/// An attack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name of its file without the ending.
    #[serde(skip)]
    pub name: String,
    /// What the attacker does.
    pub title: String,
    /// Where.
    #[serde(default)]
    pub container: Kind,
    /// Keys of the alerts that it must raise.
    pub alerts: Vec<String>,
    /// Rules of Falco's that must fire.
    #[serde(default)]
    pub falco: Vec<String>,
    /// What it does.
    pub script: String,
    /// The same in other ways, by name.
    #[serde(default)]
    pub variants: BTreeMap<String, String>,
    /// What looks alike and is harmless.
    #[serde(default)]
    pub benign: Option<String>,
}

impl Scenario {
    /// Everything of it that is played.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = vec![self.part("attack", &self.script)];
        parts[0].falco = &self.falco;
        parts.extend(self.variants.iter().map(|(name, script)| self.part(name, script)));
        parts.extend(self.benign.iter().map(|script| Part { benign: true, ..self.part("benign", script) }));
        parts
    }

    fn part<'a>(&'a self, name: &str, script: &'a str) -> Part<'a> {
        Part { scenario: self, name: name.to_owned(), script, alerts: &self.alerts, falco: &[], benign: false }
    }
}

/// Reads all scenarios of a folder, in the order of their names.
pub fn load(folder: &Path) -> Result<Vec<Scenario>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut files: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.sort();
    let mut scenarios = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "yaml")) {
        let shown = file.display().to_string();
        let (documents, diagnostics) = yaml::load(&testkit::read_text(file), &shown, &YamlLimits::DEFAULT);
        ensure!(diagnostics.is_empty(), "{}", diagnostics.iter().map(ToString::to_string).collect::<String>());
        let [document] = documents.as_slice() else { anyhow::bail!("{shown}: one scenario is expected") };
        let mut scenario: Scenario = serde_json::from_value(document.to_json()).context(shown.clone())?;
        let stem = file.file_stem().and_then(|stem| stem.to_str()).context("a file name is not text")?;
        stem.clone_into(&mut scenario.name);
        for key in &scenario.alerts {
            ensure!(detect::content::catalogue().get(key).is_some(), "{shown}: no alert {key} in the catalogue");
        }
        scenarios.push(scenario);
    }
    Ok(scenarios)
}
