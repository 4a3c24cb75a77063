//! .NET: `*.deps.json` of published programs and of shared frameworks, `packages.lock.json`, `packages.config`. The .NET
//! documentation, "Runtime configuration files" and "`NuGet`: lock file", "packages.config reference".

pub mod bundle;

use limits::json::{self, JsonLimits};
use model::Evidence;

use super::{Analyser, Packages, Take, unreadable};
use crate::path::{file_name, parent};
use crate::record::Found;

/// Files of large programs reach about 1 MB.
pub const DEPS: Analyser = Analyser::packages(Take::Whole(16 << 20), deps);
/// As [`DEPS`].
pub const LOCK: Analyser = Analyser::packages(Take::Whole(16 << 20), lock);
/// A list that people and tools write.
pub const CONFIG: Analyser = Analyser::packages(Take::Whole(4 << 20), config);

/// `libraries` by `name/version`: those of type `package` came from `NuGet`. A shared framework's file also says, by its
/// place (`shared/NAME/VERSION/NAME.deps.json`), which runtime this is.
fn deps(path: &str, bytes: &[u8]) -> Packages {
    match libraries(bytes) {
        Ok(found) => (found.into_iter().chain(framework(path)).collect(), Vec::new()),
        Err(error) => (Vec::new(), vec![unreadable("nuget/deps", path, &error)]),
    }
}

/// The packages of a list of dependencies.
fn libraries(bytes: &[u8]) -> Result<Vec<Found>, json::JsonError> {
    let value = json::parse(bytes, &JsonLimits::DOCUMENT)?;
    let libraries = value["libraries"].as_object().into_iter().flatten();
    // A self-contained program brings its runtime: the packages of `runtimepack.NAME/VERSION` are called NAME.
    let packages = libraries.filter(|(_, library)| library["type"] == "package" || library["type"] == "runtimepack");
    let found = packages.filter_map(|(key, _)| {
        let (name, version) = key.strip_prefix("runtimepack.").unwrap_or(key).split_once('/')?;
        (!version.is_empty()).then(|| Found::new("nuget", name, version, Evidence::File))
    });
    Ok(found.collect())
}

/// The runtime that a shared framework's folder is.
fn framework(path: &str) -> Option<Found> {
    let version_folder = parent(path);
    let (version, name_folder) = (file_name(version_folder), parent(version_folder));
    let name = file_name(path).strip_suffix(".deps.json")?;
    let placed = file_name(name_folder) == name && file_name(parent(name_folder)) == "shared";
    (placed && version.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| Found::new("nuget", name, version, Evidence::File))
}

fn lock(path: &str, bytes: &[u8]) -> Packages {
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) => return (Vec::new(), vec![unreadable("nuget/lock", path, &error)]),
    };
    let targets = value["dependencies"].as_object().into_iter().flatten();
    let packages = targets.filter_map(|(_, target)| target.as_object()).flatten();
    let mut found: Vec<Found> = packages
        .filter(|(_, package)| package["type"] != "Project")
        .filter_map(|(name, package)| Some(Found::new("nuget", name, package["resolved"].as_str()?, Evidence::Lock)))
        .collect();
    // The same package is listed for every target framework.
    found.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    found.dedup();
    (found, Vec::new())
}

/// `<package id="…" version="…" />` elements.
fn config(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let found = text.split("<package ").skip(1).filter_map(|rest| {
        let tag = rest.split('>').next()?;
        let (name, version) = (attribute(tag, "id")?, attribute(tag, "version")?);
        Some(Found::new("nuget", name, version, Evidence::Lock))
    });
    (found.collect(), Vec::new())
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_whitespace().find_map(|part| {
        let value = part.strip_prefix(name)?.strip_prefix('=')?.trim_end_matches('/');
        Some(value.trim_matches(['"', '\''])).filter(|value| !value.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[Found]) -> Vec<String> {
        found.iter().map(|f| format!("{} {}", f.name, f.version)).collect()
    }

    #[test]
    fn published_programs() {
        let text = r#"{"libraries": {"App/1.0.0": {"type": "project"}, "Newtonsoft.Json/13.0.1": {"type": "package"},
            "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.0": {"type": "runtimepack"}}}"#;
        let expected = ["Newtonsoft.Json 13.0.1", "Microsoft.NETCore.App.Runtime.linux-x64 8.0.0"];
        assert_eq!(names(&deps("app/App.deps.json", text.as_bytes()).0), expected);
        assert_eq!(deps("x.deps.json", b"{").1[0].code, "nuget/deps");
    }

    #[test]
    fn shared_frameworks_by_their_place() {
        let path = "usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/Microsoft.NETCore.App.deps.json";
        assert_eq!(names(&deps(path, b"{}").0), ["Microsoft.NETCore.App 8.0.1"]);
        assert!(deps("app/8.0.1/Microsoft.NETCore.App.deps.json", b"{}").0.is_empty());
    }

    #[test]
    fn lock_files() {
        let text = r#"{"version": 1, "dependencies": {
            "net6.0": {"A": {"type": "Direct", "resolved": "1.0"}, "P": {"type": "Project", "resolved": "0"}},
            "net8.0": {"A": {"type": "Direct", "resolved": "1.0"}, "B": {"type": "Transitive", "resolved": "2.0.0.1"}}}}"#;
        assert_eq!(names(&lock("x", text.as_bytes()).0), ["A 1.0", "B 2.0.0.1"]);
        let text = "<packages>\n <package id=\"jQuery\" version='3.1.1' targetFramework=\"net46\" />\n <package id=\"x\"/></packages>";
        assert_eq!(names(&config("x", text.as_bytes()).0), ["jQuery 3.1.1"]);
    }
}
