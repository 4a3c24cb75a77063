//! rpm: the database of installed packages, in each of its forms, and the headers in it.
//!
//! What it is not: a reader of `.rpm` files. Each storage form gives the same thing, one header blob a package; the
//! forms are read from their bytes, without the C libraries that own them, since an image's file may be hostile.

mod bdb;
mod header;
mod manifest;
mod ndb;
mod sqlite;

use model::{Diagnostic, Evidence, Level, SourcePackage};

use super::{Analyser, Packages, Take, can_be_package, owned};
use crate::record::{Found, Manager};
use crate::room::Held;
use header::{Header, tag};

/// Damaged places that are reported of one database; the rest are counted.
const MAX_REPORTED: usize = 10;

/// A part of a database that could not be read; the rest was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where, in bytes from the start of the file.
    offset: u64,
    /// What is wrong.
    what: &'static str,
}

impl Damage {
    const fn new(offset: u64, what: &'static str) -> Self {
        Self { offset, what }
    }
}

/// Bytes of a database: those of full desktop distributions reach about 150 MB. Beyond the memory that layers share it
/// is read from a file.
const DATABASE: u64 = 256 << 20;
/// Bytes of a package's header, which is held as a whole: a package of 100,000 files has about 15 MiB.
const MAX_BLOB_BYTES: usize = 32 << 20;
const SQLITE: Analyser = Analyser::held_database(Manager::Rpm, DATABASE, sqlite);
const NDB: Analyser = Analyser::held_database(Manager::Rpm, DATABASE, ndb);
const BDB: Analyser = Analyser::held_database(Manager::Rpm, DATABASE, bdb);
const WAL: Analyser = Analyser::packages(Take::Start(WAL_HEADER + 1), wal);
/// Distroless images of Azure Linux; a line a package.
pub const MANIFEST: Analyser = Analyser::database(Manager::Rpm, Take::Whole(16 << 20), manifest::parse);
/// Bytes of the header of a write-ahead log ("WAL File Format" of the SQLite documentation).
const WAL_HEADER: u64 = 32;

/// The reader of a file in rpm's folder.
pub fn by_name(name: &str) -> Option<&'static Analyser> {
    Some(match name {
        "rpmdb.sqlite" => &SQLITE,
        "rpmdb.sqlite-wal" => &WAL,
        "Packages.db" => &NDB,
        "Packages" => &BDB,
        _ => return None,
    })
}

fn sqlite(path: &str, file: Held) -> Packages {
    collect(path, |each| sqlite::blobs(file, each))
}

fn ndb(path: &str, file: Held) -> Packages {
    collect(path, |each| ndb::blobs(file, each))
}

fn bdb(path: &str, file: Held) -> Packages {
    collect(path, |each| bdb::blobs(file, each))
}

/// A log that holds more than its header has changes that the database beside it does not show yet.
fn wal(path: &str, bytes: &[u8]) -> Packages {
    if bytes.len() as u64 <= WAL_HEADER {
        return Packages::default();
    }
    let message = "the package database was not closed: changes in its log are not read";
    let note = Diagnostic::new("rpm/open-log", Level::Warning, path, message)
        .with_fix("end the build step with `rpm -qa`, which folds the log into the database");
    (Vec::new(), vec![note])
}

/// Runs a storage reader and makes packages of its blobs.
fn collect(path: &str, read: impl FnOnce(&mut dyn FnMut(u64, &[u8])) -> Vec<Damage>) -> Packages {
    let mut found = Vec::new();
    let mut broken = Vec::new();
    let mut damage = read(&mut |offset, blob| match Header::parse(blob).and_then(|header| package(&header)) {
        Some(package) => found.push(package),
        None => broken.push(Damage::new(offset, "a package header that can not be read")),
    });
    damage.append(&mut broken);
    // Keys of signers are kept among the packages.
    found.retain(|package| package.name != "gpg-pubkey");
    (found, report(path, &damage))
}

fn report(path: &str, damage: &[Damage]) -> Vec<Diagnostic> {
    let note = |message| {
        Diagnostic::new("rpm/damaged", Level::Error, path, message)
            .with_fix("packages may be missing; run `rpm --rebuilddb` when the image is built")
    };
    let shown = damage.iter().take(MAX_REPORTED).map(|d| note(format!("{} at byte {}", d.what, d.offset)));
    let rest = damage.len().saturating_sub(MAX_REPORTED);
    shown.chain((rest > 0).then(|| note(format!("{rest} more damaged places")))).collect()
}

/// The package that a header describes; `None` without a name or a version.
fn package(header: &Header<'_>) -> Option<Found> {
    let name = header.text(tag::NAME)?;
    let (version, release) = (header.text(tag::VERSION)?, header.text(tag::RELEASE)?);
    if name.is_empty() || version.is_empty() {
        return None;
    }
    let epoch = header.number(tag::EPOCH).filter(|epoch| *epoch > 0);
    let full = |version: &str| match epoch {
        Some(epoch) => format!("{epoch}:{version}"),
        None => version.to_owned(),
    };
    let mut found = Found::new("rpm", name, full(&format!("{version}-{release}")), Evidence::File);
    found.architecture = header.text(tag::ARCH).filter(|text| !text.is_empty());
    found.vendor = header.text(tag::VENDOR).filter(|text| !text.is_empty() && text != "(none)");
    found.licenses = header.text(tag::LICENSE).into_iter().filter(|text| !text.is_empty()).collect();
    // Source and binary of a build share their epoch unless a spec file sets it for a subpackage.
    found.source = header
        .text(tag::SOURCERPM)
        .as_deref()
        .and_then(source)
        .map(|(name, version)| SourcePackage { name: name.to_owned(), version: full(version) });
    if let Some(label) = header.text(tag::MODULARITYLABEL).filter(|text| !text.is_empty()) {
        found.properties.insert("modularity_label".into(), label);
    }
    let mut files = Vec::new();
    header.files(|file| {
        if can_be_package(file) {
            files.push(owned(file));
        }
    });
    found.owns = files.into_iter().collect();
    Some(found)
}

/// The source package of a file name. `full` adds the binary's epoch: source and binary of a build share it unless a spec
/// file sets another for a subpackage.
fn source_package(file: &str, full: impl Fn(&str) -> String) -> Option<SourcePackage> {
    let (name, version) = source(file)?;
    Some(SourcePackage { name: name.to_owned(), version: full(version) })
}

/// Name and `version-release` in the name of a source file, `NAME-VERSION-RELEASE.src.rpm`.
fn source(file: &str) -> Option<(&str, &str)> {
    let stem = file.strip_suffix(".rpm")?;
    let stem = stem.strip_suffix(".src").or_else(|| stem.strip_suffix(".nosrc"))?;
    let release = stem.rfind('-')?;
    let version = stem[..release].rfind('-')?;
    Some((&stem[..version], &stem[version + 1..]))
}

#[cfg(test)]
mod tests;
