//! Why a package that a peer lists is not in our list: by what is in the image, not by opinion.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use super::packages::Set;

/// Facts of the image that explain differences.
#[derive(Debug, Default)]
pub struct Facts {
    /// Names of Debian packages that were removed and whose configuration files are left.
    removed: BTreeSet<String>,
}

impl Facts {
    /// Reads the database of packages from the plain layers, the uppermost that has it.
    pub fn of(layers: &[PathBuf]) -> Self {
        let status = layers.iter().rev().find_map(|layer| {
            let output = Command::new("tar").arg("-xOf").arg(layer).arg("./var/lib/dpkg/status").output().ok()?;
            (output.status.success() && !output.stdout.is_empty()).then_some(output.stdout)
        });
        let text = String::from_utf8_lossy(status.as_deref().unwrap_or_default()).into_owned();
        let removed = text.split("\n\n").filter(|paragraph| {
            let status = paragraph.lines().find_map(|line| line.strip_prefix("Status: "));
            status.is_some_and(|status| !status.ends_with(" installed"))
        });
        let name =
            |paragraph: &str| Some(paragraph.lines().find_map(|line| line.strip_prefix("Package: "))?.to_owned());
        Self { removed: removed.filter_map(name).collect() }
    }

    /// The reason why `ours` lacks a package; `None` when it is simply missing.
    pub fn reason(&self, key: &str, ours: &Set) -> Option<String> {
        let (kind, rest) = key.split_once('/')?;
        let (name, version) = rest.rsplit_once('@')?;
        if version.is_empty() {
            return Some("it has no version, so nothing can be said about it".into());
        }
        if kind == "deb" && self.removed.contains(name) {
            return Some("removed, only its configuration files are left (dpkg: `deinstall ok config-files`)".into());
        }
        if kind == "maven" {
            // Another group for the same archive: none is stated in it, and who guesses guesses differently.
            let artifact = name.rsplit('/').next()?;
            let end = format!("{artifact}@{version}");
            let same = ours.iter().find(|other| {
                other.strip_prefix("maven/").is_some_and(|other| other == end || other.ends_with(&format!("/{end}")))
            });
            return same.map(|same| format!("listed as {}", same.trim_start_matches("maven/")));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        let ours = Set::read(
            br#"{"components": [{"purl": "pkg:maven/org.aspectj/aspectjweaver@1.9"}, {"purl": "pkg:maven/jrt-fs@17"}]}"#,
        );
        let ours = ours.unwrap();
        let facts = Facts { removed: BTreeSet::from(["x11-common".to_owned()]) };
        for (key, expected) in [
            ("npm/baz@", Some("it has no version")),
            ("deb/x11-common@7", Some("removed")),
            ("deb/bash@5", None),
            ("maven/org.aspectj.weaver/aspectjweaver@1.9", Some("listed as org.aspectj/aspectjweaver@1.9")),
            ("maven/jrt-fs/jrt-fs@17", Some("listed as jrt-fs@17")),
            ("maven/g/other@1", None),
        ] {
            let reason = facts.reason(key, &ours);
            assert_eq!(reason.is_some(), expected.is_some(), "{key}");
            assert!(reason.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{key}");
        }
    }
}
