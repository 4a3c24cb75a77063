//! Small files that say something about the distribution or about a runtime which no package database lists.

use std::collections::BTreeMap;

use limits::json::{self, JsonLimits};
use model::Evidence;

use super::{Analyser, Packages, Run, Take};
use crate::path::parent;
use crate::record::Found;

/// Statements by name.
pub type Facts = BTreeMap<String, String>;

/// Red Hat's content manifests: the repositories that a layer was built from. Files of a few KB.
pub const CONTENT_SETS: Analyser = Analyser { take: Take::Whole(1 << 20), run: Run::Facts(content_sets) };
/// `etc/apk/repositories` tells the branch, which decides over `VERSION_ID` what security data is right.
pub const APK_REPOSITORIES: Analyser = Analyser { take: Take::Whole(64 << 10), run: Run::Facts(apk_branch) };
/// The `release` file at the root of a Java runtime (JEP 223 and its forerunners).
pub const JAVA_RELEASE: Analyser = Analyser::packages(Take::Start(64 << 10), java_release);
/// The `VERSION` file at the root of a Go toolchain.
pub const GO_VERSION: Analyser = Analyser::packages(Take::Start(4 << 10), go_version);
/// `WordPress` says its version in a file of its own.
pub const WORDPRESS: Analyser = Analyser::packages(Take::Start(64 << 10), wordpress);

fn one(key: &str, value: String) -> Facts {
    if value.is_empty() { Facts::new() } else { Facts::from([(key.to_owned(), value)]) }
}

fn content_sets(_: &str, bytes: &[u8]) -> Facts {
    let Ok(value) = json::parse(bytes, &JsonLimits::RECORD) else { return Facts::new() };
    let sets = value["content_sets"].as_array().into_iter().flatten();
    let sets: Vec<&str> = sets.filter_map(|set| set.as_str()).collect();
    one("content_sets", sets.join(","))
}

fn apk_branch(_: &str, bytes: &[u8]) -> Facts {
    let text = String::from_utf8_lossy(bytes);
    // Of `@tag https://host/alpine/edge/main` come only packages that were asked for with the tag (apk-repositories(5)).
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '@']));
    // `https://host/alpine/v3.20/main`.
    let branch = lines.filter_map(|line| line.rsplit('/').nth(1)).find(|part| {
        *part == "edge" || part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    one("apk_branch", branch.unwrap_or_default().to_owned())
}

fn java_release(path: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim().trim_matches('"').to_owned()).filter(|value| !value.is_empty())
    };
    let Some(version) = value("JAVA_VERSION") else { return Default::default() };
    let mut found = Found::new("generic", "openjdk", version, Evidence::File);
    found.vendor = value("IMPLEMENTOR");
    if let Some(full) = value("FULL_VERSION").or_else(|| value("JAVA_RUNTIME_VERSION")) {
        found.properties.insert("full_version".into(), full);
    }
    found.properties.insert("home".into(), parent(path).to_owned());
    (vec![found], Vec::new())
}

fn go_version(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let version = text.lines().next().and_then(|line| line.trim().strip_prefix("go")).unwrap_or_default();
    if !version.starts_with(|c: char| c.is_ascii_digit()) {
        return Default::default();
    }
    // The toolchain and the library that it brings are what the Go advisories name `toolchain` and `stdlib`.
    let found = |name| Found::new("golang", name, version, Evidence::File);
    (vec![found("toolchain"), found("stdlib")], Vec::new())
}

/// A line `$wp_version = '6.4.2';`.
fn wordpress(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let value = text.lines().find_map(|line| line.trim().strip_prefix("$wp_version")?.trim().strip_prefix('='));
    let version = value.and_then(|value| value.split(['\'', '"']).nth(1)).unwrap_or_default();
    if !version.starts_with(|c: char| c.is_ascii_digit()) {
        return Packages::default();
    }
    (vec![Found::new("generic", "wordpress", version, Evidence::File)], Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_sets_are_joined() {
        let facts = content_sets("x", br#"{"content_sets": ["rhel-9-baseos", "rhel-9-appstream"]}"#);
        assert_eq!(facts["content_sets"], "rhel-9-baseos,rhel-9-appstream");
        assert!(content_sets("x", b"[").is_empty());
    }

    #[test]
    fn branch_of_the_first_repository() {
        let text = "# https://x/alpine/v3.1/main\n@edge https://x/alpine/edge/main\nhttps://x/alpine/v3.20/main\n";
        assert_eq!(apk_branch("x", text.as_bytes())["apk_branch"], "v3.20");
        assert_eq!(apk_branch("x", b"http://x/alpine/v3.20/community\n")["apk_branch"], "v3.20");
        assert!(apk_branch("x", b"/media/cdrom/apks\n").is_empty());
    }

    #[test]
    fn runtimes_by_their_own_files() {
        let text = b"IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_VERSION=\"17.0.9\"\nFULL_VERSION=\"17.0.9+9\"\n";
        let (found, _) = java_release("opt/java/release", text);
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("openjdk", "17.0.9"));
        assert!(java_release("x/release", b"hello").0.is_empty());
        let (found, _) = go_version("usr/local/go/VERSION", b"go1.22.3\ntime 2024\n");
        assert_eq!(found.iter().map(|f| f.version.as_str()).collect::<Vec<_>>(), ["1.22.3", "1.22.3"]);
        assert!(go_version("x/go/VERSION", b"devel").0.is_empty());
        let (found, _) = wordpress("wp-includes/version.php", b"<?php\n/** x */\n$wp_version = '6.4.2';\n");
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("wordpress", "6.4.2"));
        assert!(wordpress("x", b"$wp_version = none").0.is_empty());
    }
}
