//! Items of the corpus: their notation.
//!
//! ```yaml
//! - name: redis-service
//!   about: what real thing this is
//!   kind: service            # host | build | service
//!   image: services          # of a container
//!   start: script of the first process
//!   ready: script that succeeds once the service serves, run in the container as a health probe does
//!   steps: [{exec: script in the container}, {client: script in another container that shares its network}]
//! ```

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use limits::yaml::{self, YamlLimits};
use serde::Deserialize;

/// What runs where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// On the node, in a session of its own.
    Host,
    /// In a container that ends with its script, as builds and jobs do.
    Build,
    /// In a container that serves until it is ended.
    Service,
}

/// Something that comes into a running service.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A script in the container, as a probe or an operator's `exec` runs it.
    Exec(String),
    /// A script in a second container that shares the network of the service.
    Client(String),
}

/// An item of the corpus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its name, also that of its containers.
    pub name: String,
    /// What real thing it is.
    pub about: String,
    /// Where it runs.
    pub kind: Kind,
    /// Name of the image, for containers.
    #[serde(default)]
    pub image: Option<String>,
    /// Whether it needs the package registries.
    #[serde(default)]
    pub network: bool,
    /// More options of `ctr run`.
    #[serde(default)]
    pub options: Vec<String>,
    /// The script of the first process.
    pub start: String,
    /// Succeeds once a service serves.
    #[serde(default)]
    pub ready: Option<String>,
    /// What comes into the service, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Keys that this item must raise, all in one incident. Everything else raises nothing of Medium or above.
    #[serde(default)]
    pub one_incident_of: Vec<String>,
    /// Rules that fire on this by their design, Falco's or ours, each with why. They are counted and shown, and anything
    /// else fails.
    #[serde(default)]
    pub explained: BTreeMap<String, String>,
}

/// Reads all items.
pub fn load() -> Result<Vec<Item>> {
    let folder = testkit::repository().join("e2e/benign");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files: Vec<_> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort();
    let mut items: Vec<Item> = Vec::new();
    for file in files {
        items.extend(parse(&testkit::read_text(&file), &file.display().to_string())?);
    }
    for (index, item) in items.iter().enumerate() {
        ensure!(items[..index].iter().all(|other| other.name != item.name), "{} is there twice", item.name);
    }
    Ok(items)
}

fn parse(text: &str, source: &str) -> Result<Vec<Item>> {
    let (node, found) = yaml::load_one(text, source, &YamlLimits::DEFAULT);
    let shown: Vec<String> = found.iter().map(|diagnostic| diagnostic.render(text)).collect();
    ensure!(shown.is_empty(), "{}", shown.join("\n"));
    let value = node.with_context(|| format!("{source} is empty"))?.to_json();
    let items: Vec<Item> = serde_json::from_value(value).with_context(|| format!("reading {source}"))?;
    for item in &items {
        let container = item.kind != Kind::Host;
        ensure!(container == item.image.is_some(), "{}: containers have an image, hosts have none", item.name);
        let serves = item.kind == Kind::Service;
        ensure!(serves == item.ready.is_some(), "{}: services say when they are ready, others do not", item.name);
        ensure!(serves || item.steps.is_empty(), "{}: steps come into services only", item.name);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_reads_and_has_all_kinds() {
        let items = load().unwrap();
        for kind in [Kind::Host, Kind::Build, Kind::Service] {
            assert!(items.iter().any(|item| item.kind == kind), "{kind:?}");
        }
        assert!(items.iter().any(|item| !item.one_incident_of.is_empty()));
    }

    #[test]
    fn what_is_wrong_with_an_item_is_said() {
        let cases = [
            ("- {name: a, about: b, kind: host, start: c, image: d}", "hosts have none"),
            ("- {name: a, about: b, kind: service, start: c, image: d}", "when they are ready"),
            ("- {name: a, about: b, kind: build, start: c, image: d, steps: [{exec: x}]}", "services only"),
            ("- {name: a, about: b, kind: host, start: c, stop: d}", "unknown field `stop`"),
            ("- {name: a", "yaml"),
        ];
        for (text, expected) in cases {
            let said = format!("{:#}", parse(text, "x.yaml").unwrap_err());
            assert!(said.contains(expected), "{text}: {said}");
        }
    }
}
