//! Swift and Objective-C: `Package.resolved` of the Swift Package Manager (versions 1 to 3) and `Podfile.lock` of
//! `CocoaPods`. Formats: the tools' own documentation and sources; neither is specified elsewhere.

use limits::json::{self, JsonLimits};
use limits::yaml::{self, Node, Yaml, YamlLimits};
use model::Evidence;

use super::{Analyser, Packages, Take, unreadable};
use crate::record::Found;

/// Lock files of large applications have about 100 KB.
pub const RESOLVED: Analyser = Analyser::packages(Take::Whole(4 << 20), resolved);
/// As [`RESOLVED`].
pub const PODS: Analyser = Analyser::packages(Take::Whole(4 << 20), pods);

/// Packages are named by the address of their repository, without scheme and ending.
fn resolved(path: &str, bytes: &[u8]) -> Packages {
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) => return (Vec::new(), vec![unreadable("swift/lock", path, &error)]),
    };
    let pins = value["pins"].as_array().or_else(|| value["object"]["pins"].as_array());
    let found = pins.into_iter().flatten().filter_map(|pin| {
        let address = pin["location"].as_str().or_else(|| pin["repositoryURL"].as_str())?;
        let address = address.split_once("://").map_or(address, |(_, rest)| rest);
        let name = address.rsplit('@').next()?.trim_end_matches('/').trim_end_matches(".git").replace(':', "/");
        let version = pin["state"]["version"].as_str()?;
        Some(Found::new("swift", name, version, Evidence::Lock))
    });
    (found.collect(), Vec::new())
}

/// Entries of `PODS` are `Name (1.0)` or `Name/Part (1.0)`, with what they need beneath.
fn pods(path: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let (root, diagnostics) = yaml::load_one(&text, path, &YamlLimits::DEFAULT);
    let Some(root) = root else { return (Vec::new(), diagnostics) };
    let entries = root.get("PODS").and_then(Node::items).unwrap_or_default();
    let texts = entries.iter().filter_map(|entry| match &entry.value {
        Yaml::String(text) => Some(text.as_str()),
        _ => entry.entries().first()?.0.as_str(),
    });
    let mut found: Vec<Found> = Vec::new();
    for (name, version) in texts.filter_map(|text| text.strip_suffix(')')?.split_once(" (")) {
        let name = name.split('/').next().unwrap_or(name);
        if found.iter().all(|other| other.name != name) {
            found.push(Found::new("cocoapods", name, version, Evidence::Lock));
        }
    }
    (found, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_packages as check;

    #[test]
    fn both_versions_of_the_package_managers_file() {
        let one = r#"{"object": {"pins": [{"package": "NIO", "repositoryURL": "https://github.com/apple/swift-nio.git",
            "state": {"branch": null, "revision": "a", "version": "2.42.0"}}]}, "version": 1}"#;
        check(resolved, one, &[("github.com/apple/swift-nio", "2.42.0")]);
        let two = r#"{"pins": [{"identity": "a", "kind": "remoteSourceControl", "location": "git@github.com:apple/a.git",
            "state": {"version": "1.0.0"}}, {"location": "https://x/y", "state": {"branch": "main"}}], "version": 2}"#;
        check(resolved, two, &[("github.com/apple/a", "1.0.0")]);
        assert_eq!(resolved("x", b"{").1[0].code, "swift/lock");
    }

    #[test]
    fn pods_once_however_many_parts_they_have() {
        let text = "PODS:\n  - Alamofire (5.6.4)\n  - Firebase/Core (10.1.0):\n    - Firebase/App\n  - Firebase/App (10.1.0)\nDEPENDENCIES:\n  - Alamofire\n";
        check(pods, text, &[("Alamofire", "5.6.4"), ("Firebase", "10.1.0")]);
    }
}
