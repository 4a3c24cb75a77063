//! Lock files of Bun (`bun.lock`, text since 1.2) and Deno (`deno.lock`): their documentation.

use limits::json::{self, JsonLimits};
use limits::yaml::{self, Node, YamlLimits};

use super::locked;
use crate::analyse::{Analyser, Packages, Take, unreadable};
use crate::record::Found;

/// As the other lock files of npm packages.
pub const BUN: Analyser = Analyser::packages(Take::Whole(16 << 20), bun);
/// As [`BUN`].
pub const DENO: Analyser = Analyser::packages(Take::Whole(16 << 20), deno);

/// JSON with commas before closing brackets, which YAML has too: a map of `"name": ["name@1.0.0", …]`.
fn bun(path: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let (root, diagnostics) = yaml::load_one(&text, path, &YamlLimits::DEFAULT);
    let packages = root.as_ref().and_then(|root| root.get("packages")).map(Node::entries).unwrap_or_default();
    let found = packages.iter().filter_map(|(_, entry)| {
        let (name, version) =
            entry.items()?.first()?.as_str()?.rsplit_once('@').filter(|(name, _)| !name.is_empty())?;
        locked(name, version)
    });
    (found.collect(), diagnostics)
}

/// `npm` at the top since version 4, below `packages` before; keys are `name@1.0.0` with peers behind a `_`.
fn deno(path: &str, bytes: &[u8]) -> Packages {
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) => return (Vec::new(), vec![unreadable("npm/lock", path, &error)]),
    };
    let lists = [&value["npm"], &value["packages"]["npm"], &value["npm"]["packages"]];
    let keys = lists.into_iter().filter_map(|list| list.as_object()).flatten().map(|(key, _)| key);
    let found = keys.filter_map(|key| {
        let at = key.get(1..)?.find('@')? + 1;
        locked(&key[..at], key[at + 1..].split('_').next()?)
    });
    let mut found: Vec<Found> = found.collect();
    found.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    found.dedup();
    (found, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_packages as check;

    #[test]
    fn what_buns_file_locks() {
        let text = "{\n  \"lockfileVersion\": 1,\n  \"workspaces\": {\n    \"\": { \"name\": \"app\", },\n  },\n  \"packages\": {\n    \"@types/node\": [\"@types/node@20.1.0\", \"\", {}, \"sha512-a\"],\n\n    \"ms\": [\"ms@2.1.3\", \"\", {}, \"sha512-b\"],\n    \"own\": [\"own@workspace:packages/own\"],\n  }\n}\n";
        check(bun, text, &[("@types/node", "20.1.0"), ("ms", "2.1.3")]);
        check(bun, &text.replace(", ", ",\n      "), &[("@types/node", "20.1.0"), ("ms", "2.1.3")]);
    }

    #[test]
    fn what_denos_file_locks() {
        let four = r#"{"version": "4", "npm": {"ms@2.1.3": {"integrity": "a"}, "@babel/core@7.1.0_react@18.0.0": {}}}"#;
        check(deno, four, &[("@babel/core", "7.1.0"), ("ms", "2.1.3")]);
        check(deno, r#"{"version": "3", "packages": {"npm": {"ms@2.1.3": {}}}}"#, &[("ms", "2.1.3")]);
        assert_eq!(deno("x", b"{").1[0].code, "npm/lock");
    }
}
