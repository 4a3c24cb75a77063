//! The packages of a CycloneDX document, comparable between programs.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Packages as `type/name@version`, in lower case (most ecosystems take names in any), without namespaces of distributions
/// and qualifiers, in which programs differ.
#[derive(Debug, Clone, Default)]
pub struct Set(BTreeSet<String>);

impl Set {
    /// Reads a document.
    pub fn read(document: &[u8]) -> Result<Self> {
        let document: Value = serde_json::from_slice(document).context("it is not JSON")?;
        let components = document["components"].as_array().context("it has no components")?;
        Ok(Self(components.iter().filter_map(|component| key(component["purl"].as_str()?)).collect()))
    }

    /// Everything that any of them has.
    pub fn union<'a>(sets: impl Iterator<Item = &'a Self>) -> Self {
        Self(sets.flat_map(|set| set.0.iter().cloned()).collect())
    }

    /// How many packages.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has a package.
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains(key)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// What another lacks.
    pub fn without(&self, other: &Self) -> Vec<String> {
        self.0.difference(&other.0).cloned().collect()
    }

    /// How many of a type.
    pub fn count(&self, kind: &str) -> usize {
        self.0.iter().filter(|key| key.split('/').next() == Some(kind)).count()
    }

    /// Which types there are.
    pub fn types(&self) -> BTreeSet<String> {
        self.0.iter().filter_map(|key| key.split('/').next()).map(str::to_owned).collect()
    }
}

fn key(purl: &str) -> Option<String> {
    let purl: model::Purl = purl.parse().ok()?;
    // A distribution's name is written in different ways; a Maven group or a Go path is part of the name.
    let owned = matches!(purl.r#type.as_str(), "deb" | "rpm" | "apk");
    let namespace = if owned { "" } else { purl.namespace.as_str() };
    // The epoch of a distribution's version is in the version or in a qualifier; some write a v before Go's.
    let version = match purl.version.split_once(':') {
        Some((epoch, rest)) if owned && epoch.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => purl.version.trim_start_matches('v'),
    };
    let name = if namespace.is_empty() { purl.name } else { format!("{namespace}/{}", purl.name) };
    // The specification has Go's names in lower case; not all write them so.
    Some(format!("{}/{name}@{version}", purl.r#type).to_lowercase())
}
