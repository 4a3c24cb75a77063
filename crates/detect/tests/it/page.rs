//! The page of the language names every code of a diagnostic.

use std::collections::BTreeSet;
use std::path::Path;

/// Texts of the form `rule/some-thing` behind a mark.
fn codes(text: &str, mark: char, found: &mut BTreeSet<String>) {
    for part in text.split(mark).filter(|part| part.starts_with("rule/")) {
        let end = part.find(|c: char| !(c.is_ascii_lowercase() || "/-".contains(c))).unwrap_or(part.len());
        found.insert(part[..end].to_owned());
    }
}

fn of_sources(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("language") {
            of_sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            codes(&testkit::read_text(&path), '"', found);
        }
    }
}

#[test]
fn every_code_is_on_the_page() {
    let root = testkit::repository();
    let (mut said, mut listed) = (BTreeSet::new(), BTreeSet::new());
    of_sources(&root.join("crates/detect/src"), &mut said);
    codes(&testkit::read_text(root.join("docs/reference/rule-language.md")), '`', &mut listed);
    assert!(said.len() > 30);
    assert_eq!(said, listed);
}
