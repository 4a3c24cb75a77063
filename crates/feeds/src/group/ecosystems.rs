//! Which ecosystems files of OSV records are about.
//!
//! A mirror keeps an archive, or a folder of records, for each ecosystem, and such a file says nothing complete about the
//! other ecosystems that its records happen to name. Other collections have everything in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use limits::zip::Archive;
use vuln::import::osv;

use crate::import::OSV_ARCHIVE;
use crate::sources::{self, Kind, Source};

type Families = BTreeSet<String>;

/// The families of each file: that of a folder or file name that is an ecosystem's; else those that all records of the
/// folder or archive name; else all that the records name.
pub(super) fn of(from: &Path, files: Vec<Source>) -> Vec<(Source, Families)> {
    let mut folders: BTreeMap<PathBuf, Named> = BTreeMap::new();
    let mut own = Vec::with_capacity(files.len());
    for source in files {
        let families = by_name(from, &source.path).unwrap_or_else(|| {
            let named = named(&source);
            if source.kind == Kind::OsvRecord {
                let folder = source.path.parent().unwrap_or(from).to_owned();
                folders.entry(folder).or_default().add(&named.all);
            }
            named.chosen().clone()
        });
        own.push((source, families));
    }
    for (source, families) in &mut own {
        let common = source.path.parent().and_then(|folder| folders.get(folder)?.common.as_ref());
        if let Some(common) = common.filter(|common| source.kind == Kind::OsvRecord && !common.is_empty()) {
            families.clone_from(common);
        }
    }
    own
}

/// The ecosystem that a file, or a folder between it and the start, is called by.
fn by_name(from: &Path, path: &Path) -> Option<Families> {
    let inside = path.strip_prefix(from).unwrap_or(path).with_extension("");
    let start = from.file_name().map(Path::new);
    let names = inside.iter().rev().map(Path::new).chain(start);
    let keys = names.filter_map(|name| vuln::ecosystem::from_osv(name.to_str()?));
    keys.map(|(key, _)| Families::from([osv::archive_of(&key).to_owned()])).next()
}

/// What records name.
#[derive(Debug, Default)]
struct Named {
    all: Families,
    /// What all of them name; `None` before the first.
    common: Option<Families>,
}

impl Named {
    fn add(&mut self, families: &Families) {
        if families.is_empty() {
            return;
        }
        self.common = Some(match self.common.take() {
            None => families.clone(),
            Some(common) => common.intersection(families).cloned().collect(),
        });
        self.all.extend(families.iter().cloned());
    }

    fn chosen(&self) -> &Families {
        self.common.as_ref().filter(|common| !common.is_empty()).unwrap_or(&self.all)
    }
}

/// What the records of a file name. One that cannot be read names nothing; importing it says why.
fn named(source: &Source) -> Named {
    let mut named = Named::default();
    if source.kind == Kind::OsvArchive {
        let archive = File::open(&source.path).ok().and_then(|file| Archive::open(file, OSV_ARCHIVE).ok());
        if let Some(mut archive) = archive {
            for index in 0..archive.len() {
                named.add(&archive.read(index).map(|bytes| osv::families(&bytes)).unwrap_or_default());
            }
        }
    } else if let Ok(file) = sources::open(&source.path) {
        let bytes = limits::read_capped(file, osv::RECORD.bytes as u64, "record");
        named.add(&bytes.map(|bytes| osv::families(&bytes)).unwrap_or_default());
    }
    named
}
