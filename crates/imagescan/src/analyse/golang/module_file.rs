//! `go.mod` (the Go Modules Reference, "go.mod files"): the versions that a module was built with, when it names all of
//! them, which it does since Go 1.17.

use model::Evidence;

use super::modules::DEVELOPMENT;
use crate::analyse::{Analyser, Packages, Take};
use crate::record::Found;

/// Files of large programs have about 50 KB.
pub const MODULE_FILE: Analyser = Analyser::packages(Take::Whole(4 << 20), module_file);

/// Whether a module's file says what something here is built with: not those of downloaded or vendored modules.
pub fn is_own(path: &str) -> bool {
    !["/pkg/mod/", "/vendor/", "/testdata/"].iter().any(|folder| path.contains(folder))
}

fn module_file(_: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let mut found: Vec<Found> = Vec::new();
    let mut block = "";
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if line == ")" {
            block = "";
        } else if let Some(name) = line.strip_suffix('(') {
            block = match name.trim() {
                "require" => "require",
                "replace" => "replace",
                _ => "other",
            };
        } else if let Some(rest) = line.strip_prefix("require ").or((block == "require").then_some(line)) {
            let mut words = rest.split_whitespace();
            if let (Some(name), Some(version)) = (words.next(), words.next())
                && version.starts_with('v')
            {
                found.push(Found::new("golang", name, version, Evidence::Lock));
            }
        } else if let Some(name) = line.strip_prefix("module ").map(str::trim).filter(|name| !name.is_empty()) {
            // The module itself: a program that was built from it is known by its name.
            let mut module = Found::new("golang", name.trim_matches('"'), DEVELOPMENT, Evidence::Lock);
            module.properties.insert("source".into(), "local".into());
            found.push(module);
        } else if let Some(rest) = line.strip_prefix("replace ").or((block == "replace").then_some(line)) {
            replace(rest, &mut found);
        }
    }
    (found, Vec::new())
}

/// `old [v1] => new [v2]`: what is built with is the new one; a folder has no version.
fn replace(rule: &str, found: &mut Vec<Found>) {
    let Some((old, new)) = rule.split_once("=>") else { return };
    let (mut old, mut new) = (old.split_whitespace(), new.split_whitespace());
    let (Some(name), at, Some(by)) = (old.next(), old.next(), new.next()) else { return };
    let is_old = |found: &Found| found.name == name && at.is_none_or(|at| found.version == at);
    match new.next() {
        Some(version) => {
            for found in found.iter_mut().filter(|found| is_old(found)) {
                (found.name, found.version) = (by.to_owned(), version.to_owned());
            }
        }
        None => found.retain(|found| !is_old(found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_required_and_what_stands_in_for_it() {
        let text = "module example.com/app\n\ngo 1.21\n\nrequire github.com/a/b v1.2.3\n\nrequire (\n\tgolang.org/x/net v0.7.0 // indirect\n\texample.com/old v1.0.0\n\texample.com/here v0.1.0\n)\n\nreplace example.com/old => example.com/new v1.5.0\nreplace (\n\texample.com/here v0.1.0 => ../here\n)\nexclude (\n\tgolang.org/x/net v0.6.0\n)\n";
        let found = module_file("go.mod", text.as_bytes()).0;
        let found: Vec<_> = found.iter().map(|f| format!("{} {}", f.name, f.version)).collect();
        assert_eq!(
            found,
            ["example.com/app (devel)", "github.com/a/b v1.2.3", "golang.org/x/net v0.7.0", "example.com/new v1.5.0"]
        );
    }

    #[test]
    fn downloaded_modules_are_not_built_here() {
        assert!(is_own("src/app/go.mod"));
        assert!(!is_own("root/go/pkg/mod/golang.org/x/net@v0.7.0/go.mod") && !is_own("src/app/vendor/x/go.mod"));
    }
}
