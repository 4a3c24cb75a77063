//! Which files become one segment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

mod ecosystems;

use crate::sources::{self, Kind, Source};

/// Files that become one segment.
#[derive(Debug)]
pub(crate) struct Group {
    /// Name of the segment.
    pub name: String,
    /// The feed's format.
    pub feed: &'static str,
    /// Ecosystem family of OSV records; empty elsewhere.
    pub family: String,
    /// Where the files are.
    pub from: PathBuf,
    /// The files.
    pub sources: Vec<Source>,
}

/// Groups files by the segment that they belong to. Indexes belong to none; OSV records of several ecosystems belong to the
/// segment of each.
pub(crate) fn groups(from: &Path, found: Vec<Source>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut add = |name: String, feed, family: &str, source: Source| {
        let from = source.path.parent().unwrap_or(from).to_owned();
        let group = groups.entry(name.clone());
        let empty = Group { name, feed, family: family.to_owned(), from, sources: Vec::new() };
        group.or_insert(empty).sources.push(source);
    };
    let (osv, native): (Vec<_>, Vec<_>) = found
        .into_iter()
        .filter(|source| source.kind != Kind::Index)
        .partition(|source| matches!(source.kind, Kind::OsvArchive | Kind::OsvRecord));
    for source in native {
        let (name, feed) = self::native(source.kind, &source.path);
        add(name, feed, "", source);
    }
    for (source, families) in ecosystems::of(from, osv) {
        if families.is_empty() {
            add("osv-other".to_owned(), "osv", "", source);
        } else {
            for family in &families {
                add(format!("osv-{family}"), "osv", family, source.clone());
            }
        }
    }
    groups.into_values().collect()
}

/// Name and format of a vendor's own feed.
fn native(kind: Kind, path: &Path) -> (String, &'static str) {
    let plain = |name: &'static str| (name.to_owned(), name);
    match kind {
        Kind::OsvArchive | Kind::OsvRecord | Kind::Index => plain("osv"),
        Kind::Oval => (oval(path), "oval"),
        Kind::Kev => plain("kev"),
        Kind::Epss => plain("epss"),
        Kind::Nvd => plain("nvd"),
        Kind::Lifecycle => plain("eol"),
        Kind::SecdbJson | Kind::SecdbYaml => (secdb(path), "secdb"),
        Kind::DebianTracker | Kind::DebianList => plain("debian"),
        Kind::Repositories => ("rhel-repositories".into(), "repositories"),
        Kind::Csaf | Kind::CsafArchive | Kind::Hydra => ("rhel".into(), "csaf"),
        Kind::Cvrf => ("windows".into(), "cvrf"),
        Kind::Photon => plain("photon"),
        Kind::AmazonPage => ("amazon".into(), "alas"),
        Kind::Updateinfo => (updateinfo(path), "updateinfo"),
        Kind::Rubysec => plain("rubysec"),
    }
}

/// `cbl-mariner-2.0-oval.xml.gz` is `mariner-2.0`; Oracle and SUSE have one segment each.
fn oval(path: &Path) -> String {
    let stem = stem(path);
    let version = stem.split(['-', '_']).find(|part| part.ends_with(".0") && part.len() <= 5);
    if let Some(version) = version
        && let Some(family) = ["mariner", "azure"].into_iter().find(|family| stem.contains(family))
    {
        return format!("{}-{version}", if family == "azure" { "azurelinux" } else { family });
    }
    let head = sources::head(path);
    if head.contains("com.oracle") || head.contains("Oracle Errata") {
        "oracle".into()
    } else if head.contains("suse") || stem.contains("suse") {
        "suse".into()
    } else {
        format!("oval-{stem}")
    }
}

fn secdb(path: &Path) -> String {
    vuln::import::secdb::publisher(&sources::head(path)).unwrap_or("alpine").to_owned()
}

fn updateinfo(path: &Path) -> String {
    if sources::head(path).contains("ALAS") {
        return "amazon".into();
    }
    let dir = path.parent().and_then(Path::file_name).unwrap_or_default();
    format!("errata-{}", dir.to_string_lossy().to_lowercase())
}

/// The file's name without its endings, lower case.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let mut stem = name.as_str();
    while let Some(shorter) =
        [".gz", ".bz2", ".zst", ".xml", "-oval"].iter().find_map(|ending| stem.strip_suffix(ending))
    {
        stem = shorter;
    }
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_oval_files() {
        let check = |file: &str, name: &str| assert_eq!(oval(Path::new(file)), name);
        check("/none/cbl-mariner-2.0-oval.xml.gz", "mariner-2.0");
        check("/none/azurelinux-3.0-oval.xml", "azurelinux-3.0");
        check("/none/suse.linux.xml", "suse");
        check("/none/other-oval.xml", "oval-other");
    }
}
