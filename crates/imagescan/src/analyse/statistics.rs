//! R and Julia: `DESCRIPTION` of an installed R package ("Writing R Extensions", §1.1.1) and Julia's `Manifest.toml`
//! (the Pkg manual, "Project.toml and Manifest.toml").

use model::Evidence;

use super::fields::fields;
use super::{Analyser, Packages, Take};
use crate::record::Found;

/// A few KB; the description itself may be long.
pub const DESCRIPTION: Analyser = Analyser::packages(Take::Start(64 << 10), description);
/// Manifests of large environments have about 100 KB.
pub const JULIA: Analyser = Analyser::packages(Take::Whole(4 << 20), julia);

/// Installed packages have a line `Built`, which `R CMD INSTALL` adds.
fn description(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let value = |name: &str| fields(&text).find(|field| field.name == name).map(|field| field.value);
    let (Some(name), Some(version), Some(_)) = (value("Package"), value("Version"), value("Built")) else {
        return Packages::default();
    };
    let mut found = Found::new("cran", name, version, Evidence::File);
    found.licenses = value("License").map(str::to_owned).into_iter().collect();
    // Those that come with R itself have its version.
    if value("Priority") == Some("base") {
        found.properties.insert("priority".into(), "base".into());
    }
    (vec![found], Vec::new())
}

/// Tables `[[deps.Name]]`, before format 2.0 `[[Name]]`; those without a version come with Julia and have its version,
/// which the file names since 1.7.
fn julia(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let mut own = String::new();
    let mut found: Vec<Found> = Vec::new();
    for line in text.lines() {
        if let Some(table) = line.strip_prefix("[[").and_then(|line| line.trim_end().strip_suffix("]]")) {
            let name = table.strip_prefix("deps.").unwrap_or(table);
            found.push(Found::new("julia", name, "", Evidence::Lock));
        } else if line.starts_with('[') {
            // A table within a package's.
            found.push(Found::new("julia", "", "", Evidence::Lock));
        } else if let Some((key, value)) = line.split_once('=') {
            let value = value.trim().trim_matches('"').to_owned();
            match (key.trim(), found.last_mut()) {
                ("julia_version", None) => own = value,
                ("version", Some(last)) => last.version = value,
                ("uuid", Some(last)) => drop(last.properties.insert("uuid".into(), value)),
                _ => {}
            }
        }
    }
    for found in &mut found {
        if found.version.is_empty() {
            found.version.clone_from(&own);
        }
    }
    // Every entry of Julia's has an identity; other tools have files of that name, too.
    found.retain(|found| !found.name.is_empty() && !found.version.is_empty() && found.properties.contains_key("uuid"));
    (found, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_packages_of_r() {
        let text = "Package: jsonlite\nTitle: A Robust\n  JSON Parser\nVersion: 1.8.4\nLicense: MIT + file LICENSE\nBuilt: R 4.2.2; x86_64\n";
        let found = &description("usr/lib/R/library/jsonlite/DESCRIPTION", text.as_bytes()).0[0];
        assert_eq!((found.r#type.as_str(), found.name.as_str(), found.version.as_str()), ("cran", "jsonlite", "1.8.4"));
        assert!(description("src/DESCRIPTION", b"Package: a\nVersion: 1\n").0.is_empty(), "a source, not installed");
    }

    #[test]
    fn manifests_of_julia() {
        let text = "manifest_format = \"2.0\"\n\n[[deps.JSON]]\ndeps = [\"Dates\"]\nuuid = \"682c06a0\"\nversion = \"0.21.3\"\n\n[[deps.Dates]]\nuuid = \"ade2ca70\"\n\n    [deps.JSON.weakdeps]\n    x = \"1\"\n";
        let found = julia("Manifest.toml", text.as_bytes()).0;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("JSON", "0.21.3"));
        assert_eq!(found[0].properties["uuid"], "682c06a0");
        let named = format!("julia_version = \"1.9.0\"\n{text}");
        let found: Vec<_> =
            julia("x", named.as_bytes()).0.into_iter().map(|found| (found.name, found.version)).collect();
        assert_eq!(found, [("JSON".into(), "0.21.3".into()), ("Dates".to_owned(), "1.9.0".to_owned())]);
        assert_eq!(julia("x", b"[[A]]\nuuid = \"u\"\nversion = \"1\"\n").0[0].name, "A");
        assert!(julia("x", b"[[bin]]\nname = \"a\"\nversion = \"1\"\n").0.is_empty(), "another tool's");
    }
}
