//! dpkg: `status` and `status.d` (deb-control(5), the paragraphs of installed packages), `info/*.list` and `*.md5sums`
//! (the files of each).

use model::{Diagnostic, Evidence, Level, Position, SourcePackage};

use super::fields::{fields, paragraphs};
use super::{Analyser, Packages, Run, Take, can_be_package, owned};
use crate::path::file_name;
use crate::record::{Found, Manager, OwnedBy};

/// The full Debian archive installed would be 60 MB of status.
pub const STATUS: Analyser = Analyser::database(Manager::Dpkg, Take::Whole(64 << 20), status);
/// One package of a distroless image.
pub const STATUS_PART: Analyser = Analyser::database(Manager::Dpkg, Take::Whole(1 << 20), status_part);
/// linux-headers and texlive list about 100,000 files.
pub const LIST: Analyser = Analyser { take: Take::Whole(32 << 20), run: Run::Owned(list) };
/// As [`LIST`].
pub const SUMS: Analyser = Analyser { take: Take::Whole(32 << 20), run: Run::Owned(sums) };

/// Packages of a status file. What is not unpacked (removed, configuration left) is not there.
fn status(path: &str, bytes: &[u8]) -> Packages {
    let text = String::from_utf8_lossy(bytes);
    let (mut found, mut diagnostics) = (Vec::new(), Vec::new());
    for (line, offset, paragraph) in paragraphs(&text) {
        let Ok(package) = package(paragraph) else {
            let place = Position { line, column: 1, offset };
            let note = Diagnostic::new("dpkg/paragraph", Level::Warning, path, "a package without name or version");
            diagnostics.push(note.at(place, paragraph.lines().next().map_or(1, str::len)));
            continue;
        };
        found.extend(package);
    }
    (found, diagnostics)
}

/// A file of `status.d`. Other files in that folder (maintainer scripts) have no paragraph with a name: no diagnostic.
fn status_part(path: &str, bytes: &[u8]) -> Packages {
    let (found, diagnostics) = status(path, bytes);
    if found.is_empty() { Packages::default() } else { (found, diagnostics) }
}

/// A paragraph without a name or a version.
struct Damaged;

/// The package of a paragraph, `None` when it is not on disk.
fn package(paragraph: &str) -> Result<Option<Found>, Damaged> {
    let (mut name, mut version, mut architecture, mut source, mut vendor) = ("", "", "", "", "");
    let mut installed = true;
    for field in fields(paragraph) {
        match field.name {
            "Package" => name = field.value,
            "Version" => version = field.value,
            "Architecture" => architecture = field.value,
            "Source" => source = field.value,
            "Maintainer" => vendor = field.value,
            "Status" => installed = is_unpacked(field.value),
            _ => {}
        }
    }
    if !installed {
        return Ok(None);
    }
    if name.is_empty() || version.is_empty() {
        return Err(Damaged);
    }
    let mut found = Found::new("deb", name, version, Evidence::File);
    found.architecture = (!architecture.is_empty()).then(|| architecture.to_owned());
    found.source = Some(source_package(source, name, version));
    found.vendor = (!vendor.is_empty()).then(|| vendor.to_owned());
    Ok(Some(found))
}

/// The third word of `Status` says what is on disk. Half-installed packages have files, too.
fn is_unpacked(status: &str) -> bool {
    !matches!(status.split_whitespace().nth(2), Some("not-installed" | "config-files"))
}

/// `Source: name (version)`; each part is left out when it equals the binary's.
fn source_package(source: &str, name: &str, version: &str) -> SourcePackage {
    let (source_name, rest) = source.split_once('(').unwrap_or((source, ""));
    let source_name = source_name.trim();
    let source_version = rest.trim_end().trim_end_matches(')').trim();
    SourcePackage {
        name: if source_name.is_empty() { name } else { source_name }.to_owned(),
        version: if source_version.is_empty() { without_rebuild(version) } else { source_version }.to_owned(),
    }
}

/// The version without the `+bN` of a binary-only rebuild: the source is the same.
fn without_rebuild(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((source, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => source,
        _ => version,
    }
}

/// The files of an `info/NAME[:ARCH].list`: absolute paths, one a line, folders among them.
fn list(path: &str, bytes: &[u8]) -> OwnedBy {
    let package = file_name(path).trim_end_matches(".list").to_owned();
    let text = String::from_utf8_lossy(bytes);
    let files = text.lines().map(|line| line.trim_start_matches('/'));
    OwnedBy { package, files: files.filter(|file| can_be_package(file)).map(owned).collect() }
}

/// The files of a `NAME.md5sums`: sum, two spaces, relative path. Distroless images have no lists.
fn sums(path: &str, bytes: &[u8]) -> OwnedBy {
    let package = file_name(path).trim_end_matches(".md5sums").to_owned();
    let text = String::from_utf8_lossy(bytes);
    let files = text.lines().filter_map(|line| line.split_once("  ")).map(|(_, file)| file.trim_start_matches("./"));
    OwnedBy { package, files: files.filter(|file| can_be_package(file)).map(owned).collect() }
}

#[cfg(test)]
mod tests;
