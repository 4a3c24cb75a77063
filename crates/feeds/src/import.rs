//! One file into a segment under construction: the file's side of `vuln::import`.

use std::fs::File;
use std::io::Read;

use limits::zip::{Archive, ZipLimits};
use vuln::import::{self, Sink, csaf, cvrf, debian, enrich, osv, photon, rubysec, secdb, updateinfo};

use crate::sources::{self, Kind, Source};
use crate::tar;

/// Archives of OSV: the largest has 1.4 million records; a record is capped by its importer.
pub(crate) const OSV_ARCHIVE: ZipLimits =
    ZipLimits { entries: 4_000_000, entry_bytes: osv::RECORD.bytes as u64, total_bytes: 64 << 30 };
/// Largest document that is read whole: the importers' own caps are lower or equal.
const DOCUMENT_MAX_BYTES: u64 = enrich::DOCUMENT.bytes as u64;

/// A file that could not be imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Read(#[from] limits::ReadError),
    #[error(transparent)]
    Zip(#[from] limits::zip::ZipError),
    #[error(transparent)]
    Tar(#[from] tar::TarError),
    #[error("cut or not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Oval(#[from] import::oval::OvalError),
    #[error(transparent)]
    Updateinfo(#[from] updateinfo::UpdateinfoError),
}

/// Imports a file.
pub(crate) fn import(source: &Source, family: &str, sink: &mut Sink) -> Result<(), ImportError> {
    let name = source.path.display().to_string();
    let whole = || -> Result<Vec<u8>, ImportError> {
        Ok(limits::read_capped(sources::open(&source.path)?, DOCUMENT_MAX_BYTES, &name)?)
    };
    let text = || -> Result<String, ImportError> { Ok(String::from_utf8_lossy(&whole()?).into_owned()) };
    let stream = || sources::open(&source.path);
    match source.kind {
        Kind::OsvArchive => osv_archive(source, &name, family, sink)?,
        Kind::OsvRecord => osv::record(&whole()?, &name, family, sink),
        Kind::Oval => import::oval::file(stream()?, &name, sink)?,
        Kind::Kev => enrich::kev(&whole()?, &name, sink),
        Kind::Epss => enrich::epss(stream()?, &name, sink)?,
        Kind::Nvd => enrich::nvd(&whole()?, &name, sink),
        Kind::Lifecycle => enrich::lifecycle(&whole()?, &name, sink),
        Kind::SecdbJson => secdb::json(&whole()?, &name, sink),
        Kind::SecdbYaml => secdb::yaml(&text()?, &name, sink),
        Kind::DebianTracker => debian::tracker(stream()?, &name, sink)?,
        Kind::DebianList => debian::list(stream()?, &name, sink)?,
        Kind::Csaf => csaf::csaf(&whole()?, &name, sink),
        Kind::CsafArchive => csaf_archive(stream()?, &name, sink)?,
        Kind::Repositories => csaf::repositories(&whole()?, &name, sink),
        Kind::Hydra => csaf::hydra(&whole()?, &name, sink),
        Kind::Cvrf => cvrf::month(&whole()?, &name, sink),
        Kind::Photon => photon::list(&whole()?, &name, sink),
        Kind::Updateinfo => updateinfo::updateinfo(stream()?, &name, sink)?,
        Kind::AmazonPage => updateinfo::amazon_page(&text()?, &name, sink),
        Kind::Rubysec => rubysec::lines(stream()?, &name, sink)?,
        Kind::Index => {}
    }
    Ok(())
}

/// The ids of a document of many records whose name does not tell them.
pub(crate) fn ids(source: &Source) -> Option<Vec<String>> {
    let read = || limits::read_capped(sources::open(&source.path).ok()?, DOCUMENT_MAX_BYTES, "month").ok();
    (source.kind == Kind::Cvrf).then(|| read().map(|bytes| cvrf::ids(&bytes)).unwrap_or_default())
}

fn is_json(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|ending| ending == "json")
}

fn osv_archive(source: &Source, name: &str, family: &str, sink: &mut Sink) -> Result<(), ImportError> {
    let mut archive = Archive::open(File::open(&source.path)?, OSV_ARCHIVE)?;
    for index in 0..archive.len() {
        let entry = archive.name(index).unwrap_or_default().into_owned();
        if is_json(&entry) {
            let bytes = archive.read(index)?;
            osv::record(&bytes, &format!("{name}:{entry}"), family, sink);
        }
    }
    Ok(())
}

fn csaf_archive(reader: impl Read, name: &str, sink: &mut Sink) -> Result<(), ImportError> {
    tar::each_file(reader, csaf::DOCUMENT.bytes as u64, |entry, bytes| {
        if is_json(entry) {
            csaf::csaf(bytes, &format!("{name}:{entry}"), sink);
        }
    })?;
    Ok(())
}
