//! Dart and Flutter: `pubspec.lock` (the Dart documentation, "The pubspec file" and "Package versioning").

use limits::yaml::{self, Node, YamlLimits};
use model::Evidence;

use super::{Analyser, Packages, Take};
use crate::record::Found;

/// Lock files of large applications have about 100 KB.
pub const LOCK: Analyser = Analyser::packages(Take::Whole(4 << 20), lock);

fn lock(path: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let (root, diagnostics) = yaml::load_one(&text, path, &YamlLimits::DEFAULT);
    let Some(root) = root else { return (Vec::new(), diagnostics) };
    let packages = root.get("packages").map(Node::entries).unwrap_or_default();
    let found = packages.iter().filter_map(|(name, package)| {
        let text = |key: &str| package.get(key).and_then(Node::scalar_text);
        // The SDK's own packages and those of a folder have no release.
        let published = text("source").is_some_and(|source| matches!(source.as_str(), "hosted" | "git"));
        published.then_some(())?;
        Some(Found::new("pub", name.as_str()?, text("version")?, Evidence::Lock))
    });
    (found.collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published() {
        let text = b"packages:\n  http:\n    dependency: \"direct main\"\n    description: {name: http}\n    source: hosted\n    version: \"1.1.0\"\n  flutter:\n    source: sdk\n    version: \"0.0.0\"\nsdks:\n  dart: '>=3.0.0'\n";
        let (found, _) = lock("pubspec.lock", text);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("http", "1.1.0"));
        assert!(!lock("pubspec.lock", b"packages: [").1.is_empty());
    }
}
