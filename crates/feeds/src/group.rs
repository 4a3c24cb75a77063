//! Which files become one segment.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use limits::zip::Archive;
use vuln::import::osv;

use crate::import::OSV_ARCHIVE;
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

/// Groups files by the segment that they belong to. Indexes belong to none.
pub(crate) fn groups(from: &Path, found: Vec<Source>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let mut families: BTreeMap<PathBuf, String> = BTreeMap::new();
    for source in found.into_iter().filter(|source| source.kind != Kind::Index) {
        let dir = source.path.parent().unwrap_or(from).to_owned();
        let (name, feed, family) = match source.kind {
            Kind::OsvArchive | Kind::OsvRecord => {
                let family = families.entry(dir.clone()).or_insert_with(|| family(&dir, &source).unwrap_or_default());
                let name = if family.is_empty() { "osv-other".to_owned() } else { format!("osv-{family}") };
                (name, "osv", family.clone())
            }
            kind => {
                let (name, feed) = native(kind, &source.path);
                (name, feed, String::new())
            }
        };
        let group = groups.entry(name.clone());
        group.or_insert(Group { name, feed, family, from: dir, sources: Vec::new() }).sources.push(source);
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
    let head = sources::head(path);
    let family = ["chainguard", "wolfi"].into_iter().find(|family| head.contains(family));
    let family = family.or_else(|| head.contains("cgr.dev").then_some("chainguard"));
    family.unwrap_or("alpine").to_owned()
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

/// The ecosystem family of OSV files: by the folder's name, else by the first record.
fn family(dir: &Path, source: &Source) -> Option<String> {
    let folder = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let by_folder = vuln::ecosystem::from_osv(&folder).map(|(key, _)| key);
    let family = by_folder.or_else(|| first_family(source))?;
    Some(osv::archive_of(&family).to_owned())
}

fn first_family(source: &Source) -> Option<String> {
    if source.kind == Kind::OsvArchive {
        let mut archive = Archive::open(File::open(&source.path).ok()?, OSV_ARCHIVE).ok()?;
        return (0..archive.len()).find_map(|index| osv::family(&archive.read(index).ok()?));
    }
    let file = sources::open(&source.path).ok()?;
    osv::family(&limits::read_capped(file, osv::RECORD.bytes as u64, "record").ok()?)
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
