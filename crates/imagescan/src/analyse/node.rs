//! npm: installed packages (`package.json`) and lock files of npm, Yarn (1 and later) and pnpm.
//!
//! Formats: `package.json` and `package-lock.json` of the npm documentation; Yarn's and pnpm's documentation of their
//! lock files.

pub mod others;

use limits::json::{self, JsonLimits};
use limits::yaml::{self, YamlLimits};
use model::Evidence;
use serde_json::{Map, Value};

use super::{Analyser, Packages, Take, unreadable};
use crate::path::parent;
use crate::record::Found;

/// Published manifests stay below 1 MB.
pub const MANIFEST: Analyser = Analyser::packages(Take::Whole(4 << 20), manifest);
/// Lock files of large monorepos reach about 10 MB.
pub const LOCK: Analyser = Analyser::packages(Take::Whole(16 << 20), lock);
/// As [`LOCK`].
pub const YARN: Analyser = Analyser::packages(Take::Whole(16 << 20), yarn);
/// As [`LOCK`].
pub const PNPM: Analyser = Analyser::packages(Take::Whole(16 << 20), pnpm);
/// Depth of dependencies within dependencies in lock files of version 1; the JSON reader stops at about half of it.
const MAX_DEPTH: usize = 100;

/// The package that a `package.json` describes. Many describe none: marks of a module's format, workspaces.
fn manifest(path: &str, bytes: &[u8]) -> Packages {
    // Broken manifests are common among packages' test files; outside of those they are worth a word.
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) if is_root(path) => return (Vec::new(), vec![unreadable("npm/manifest", path, &error)]),
        Err(_) => return Packages::default(),
    };
    let text = |key: &str| value[key].as_str().map(str::trim).filter(|text| !text.is_empty());
    let (Some(name), Some(version)) = (text("name"), text("version")) else { return Packages::default() };
    if !is_name(name) {
        return Packages::default();
    }
    let mut found = Found::new("npm", name, version.trim_start_matches(['v', '=']), Evidence::File);
    found.licenses = licenses(&value);
    found.vendor = value["author"].as_str().or_else(|| value["author"]["name"].as_str()).map(str::to_owned);
    if !is_root(path) {
        // A manifest somewhere inside a package: copied code, or a test file that only looks like one.
        found.properties.insert("confidence".into(), "low".into());
    }
    (vec![found], Vec::new())
}

fn licenses(value: &Value) -> Vec<String> {
    let one = |value: &Value| value.as_str().or_else(|| value["type"].as_str()).map(str::to_owned);
    let listed = value["licenses"].as_array().into_iter().flatten().filter_map(one);
    one(&value["license"]).into_iter().chain(listed).collect()
}

/// Whether a manifest is at the root of an installed package, or of something that is not inside one.
fn is_root(path: &str) -> bool {
    let folder = parent(path);
    let Some(at) = folder.rfind("node_modules/") else { return true };
    let rest = &folder[at + "node_modules/".len()..];
    rest.split('/').count() == if rest.starts_with('@') { 2 } else { 1 }
}

/// The rules of npm for names, with the capitals that old packages have.
fn is_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~!'()*".contains(c))
    };
    name.len() <= 214
        && match name.strip_prefix('@') {
            Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| plain(scope) && plain(name)),
            None => plain(name),
        }
}

fn locked(name: &str, version: &str) -> Option<Found> {
    let version_like = version.starts_with(|c: char| c.is_ascii_digit());
    (is_name(name) && version_like).then(|| Found::new("npm", name, version, Evidence::Lock))
}

/// `package-lock.json`: `packages` by path since version 2, nested `dependencies` in version 1.
fn lock(path: &str, bytes: &[u8]) -> Packages {
    let value = match json::parse(bytes, &JsonLimits::DOCUMENT) {
        Ok(value) => value,
        Err(error) => return (Vec::new(), vec![unreadable("npm/lock", path, &error)]),
    };
    let mut found = Vec::new();
    if let Some(packages) = value["packages"].as_object() {
        for (place, package) in packages {
            // The empty place is the project; links lead to folders of it.
            let Some((_, name)) = place.rsplit_once("node_modules/") else { continue };
            if package["link"] == true {
                continue;
            }
            // An alias is installed under one name and is another.
            let name = package["name"].as_str().unwrap_or(name);
            found.extend(package["version"].as_str().and_then(|version| locked(name, version)));
        }
    } else if let Some(dependencies) = value["dependencies"].as_object() {
        nested(dependencies, 0, &mut found);
    }
    (found, Vec::new())
}

fn nested(dependencies: &Map<String, Value>, depth: usize, found: &mut Vec<Found>) {
    for (name, package) in dependencies {
        let version = package["version"].as_str().unwrap_or_default();
        // An alias: `npm:real-name@1.0.0`.
        let alias = version.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@'));
        let (name, version) = alias.unwrap_or((name, version));
        found.extend(locked(name, version));
        if let (true, Some(inner)) = (depth < MAX_DEPTH, package["dependencies"].as_object()) {
            nested(inner, depth + 1, found);
        }
    }
}

/// `yarn.lock`: a line of descriptors, then indented fields. Version 1 has a form of its own, later ones are YAML; these
/// lines read alike.
fn yarn(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let (mut found, mut name, mut before) = (Vec::new(), None, 0);
    for line in text.lines() {
        if !line.starts_with([' ', '\t', '#']) {
            (name, before) = (yarn_name(line), found.len());
        } else if let Some(rest) = line.trim_start().strip_prefix("version") {
            let version = rest.trim_start_matches(':').trim().trim_matches('"');
            found.extend(name.take().and_then(|name| locked(name, version)));
        } else if let (Some(address), Some(last)) = (line.trim_start().strip_prefix("resolved "), found.get_mut(before))
            && let Some(real) = name_in_address(address.trim_matches('"'))
        {
            // An alias without the real name in its descriptor.
            real.clone_into(&mut last.name);
        }
    }
    (found, Vec::new())
}

/// The name in the address of an archive: `https://registry/@scope/name/-/name-1.0.0.tgz`.
fn name_in_address(address: &str) -> Option<&str> {
    let before = address.split_once("/-/")?.0;
    let at = before.rfind('/')?;
    let scoped = before[..at].rfind('/').filter(|above| before[above + 1..].starts_with('@'));
    Some(&before[scoped.unwrap_or(at) + 1..]).filter(|name| !name.contains('%'))
}

/// The name in `"@scope/name@npm:^1.0", other@...:`. Packages of the project itself are none.
fn yarn_name(line: &str) -> Option<&str> {
    let first = line.trim_end_matches(':').split(", ").next()?.trim_matches('"');
    let at = first.get(1..)?.find('@')? + 1;
    let (name, range) = (&first[..at], &first[at + 1..]);
    if ["workspace:", "link:", "portal:", "file:"].iter().any(|local| range.starts_with(local)) {
        return None;
    }
    // `alias@npm:real@^1`: the real name is what is installed.
    let real = range.strip_prefix("npm:").and_then(|range| range.get(1..)?.find('@').map(|at| &range[..=at]));
    Some(real.unwrap_or(name))
}

/// `pnpm-lock.yaml`: the keys of `packages` are `/name/1.0.0` (5), `/name@1.0.0(peer@1)` (6), `name@1.0.0` (9).
fn pnpm(path: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    // Since version 11 what pnpm itself is made of stands in a document of its own before the project's.
    let (documents, diagnostics) = yaml::load(&text, path, &YamlLimits::DEFAULT);
    let packages = documents.iter().filter_map(|root| root.get("packages")).flat_map(yaml::Node::entries);
    let found = packages.filter_map(|(key, _)| pnpm_key(key.as_str()?)).collect();
    (found, diagnostics)
}

fn pnpm_key(key: &str) -> Option<Found> {
    let key = key.trim_start_matches('/').split('(').next()?;
    let (name, version) = match key.rfind('@') {
        Some(at) if at > 0 => (&key[..at], &key[at + 1..]),
        _ => key.rsplit_once('/')?,
    };
    // Version 5 appends peers: `1.0.0_react@18.0.0`, where the last `@` is not the one.
    if name.contains('_') && name.rsplit('/').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()))
    {
        let (name, version) = key.split('_').next()?.rsplit_once('/')?;
        return locked(name, version);
    }
    locked(name, version.split('_').next()?)
}

#[cfg(test)]
mod tests;
