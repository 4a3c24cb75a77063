//! Java archives: what a jar is, what is shaded into it, and the jars within it.
//!
//! Formats: the JAR File Specification for the manifest; Maven's archiver for `META-INF/maven/GROUP/ARTIFACT/`. The rules
//! for archives without Maven's files are ours: a name is never completed by a guess. A group is stated only where the
//! archive itself or the table of projects that publish without Maven's files says so; else the artifact stands alone,
//! marked as of low confidence.

mod folders;
pub mod gradle;
mod groups;
mod identity;
pub mod loose;
mod manifest;
pub mod sbt;

use std::sync::Arc;

use limits::zip::{Archive, ZipError, ZipLimits};
use model::{Diagnostic, Evidence, Level};

use super::{Analyser, Packages};
use crate::path::{extension, file_name};
use crate::record::Found;
use crate::room::{Held, Room, Source};

/// An archive is held as a whole: its directory is at its end. Usual ones have up to 100 MB (Jenkins), clients of Hadoop
/// and Trino with everything in them a few hundred.
pub const ARCHIVE: Analyser = Analyser::archive(MAX_ARCHIVE_BYTES, archive);
/// Bytes of an archive, also of one in another.
const MAX_ARCHIVE_BYTES: u64 = 1 << 30;
/// Entries of one archive; the largest known jars have about 90,000.
const MAX_ENTRIES: usize = 200_000;
/// Plain bytes of a manifest or of a file of Maven's.
const MAX_ENTRY_BYTES: u64 = 4 << 20;
/// Plain bytes that are read of one archive, archives in it not included.
const MAX_TOTAL_BYTES: u64 = 1 << 30;
/// Plain bytes that are read in all, of an archive and everything in it.
const MAX_NESTED_BYTES: u64 = 2 << 30;
/// Archives in archives in archives: an `ear` with a `war` with a `jar` with a shaded jar is four.
const MAX_DEPTH: usize = 6;
/// Archives in one file; Spring Boot applications have some hundreds.
const MAX_ARCHIVES: usize = 10_000;
const LIMITS: ZipLimits =
    ZipLimits { entries: MAX_ENTRIES, entry_bytes: MAX_ENTRY_BYTES, total_bytes: MAX_TOTAL_BYTES };

/// What is found on the way through an archive and everything in it.
struct Walk<'a> {
    path: &'a str,
    room: Option<&'a Arc<dyn Room>>,
    found: Vec<Found>,
    diagnostics: Vec<Diagnostic>,
    archives: usize,
    bytes: u64,
}

fn archive(path: &str, mut held: Held, room: Option<&Arc<dyn Room>>) -> Packages {
    let mut walk = Walk { path, room, found: Vec::new(), diagnostics: Vec::new(), archives: 0, bytes: 0 };
    walk.open(&mut held, path, "", 0);
    (walk.found, walk.diagnostics)
}

/// The entries of an archive that matter.
#[derive(Default)]
struct Contents {
    manifest: Option<usize>,
    /// Maven's files by folder (`META-INF/maven/GROUP/ARTIFACT`): properties and project.
    properties: Vec<(usize, String)>,
    projects: Vec<(usize, String)>,
    archives: Vec<(usize, String)>,
    /// Folders of classes, for telling projects apart.
    folders: folders::Folders,
}

impl Contents {
    fn of(archive: &Archive<&mut dyn Source>) -> Self {
        let mut contents = Self::default();
        for index in 0..archive.len() {
            let Some(name) = archive.name(index) else { continue };
            match file_name(&name) {
                "MANIFEST.MF" if name == "META-INF/MANIFEST.MF" => contents.manifest = Some(index),
                "pom.properties" => contents.properties.push((index, name.into_owned())),
                "pom.xml" if name.starts_with("META-INF/maven/") => contents.projects.push((index, name.into_owned())),
                last => match extension(last) {
                    "jar" | "war" | "ear" | "par" | "rar" | "sar" => contents.archives.push((index, name.into_owned())),
                    "class" => contents.folders.add(crate::path::parent(&name)),
                    _ => {}
                },
            }
        }
        contents
    }
}

impl Walk<'_> {
    fn open(&mut self, source: &mut dyn Source, name: &str, inner: &str, depth: usize) {
        let mut archive = match Archive::open(source, LIMITS) {
            Ok(archive) => archive,
            Err(error) => return self.note(inner, &error),
        };
        let contents = Contents::of(&archive);
        let read = |archive: &mut Archive<_>, index| archive.read(index).unwrap_or_default();
        let manifest = contents.manifest.map(|index| manifest::Manifest::parse(&read(&mut archive, index)));
        let mut poms: Vec<Found> = Vec::new();
        for (index, place) in &contents.properties {
            poms.extend(identity::properties(&read(&mut archive, *index)).map(|found| placed(found, inner, place)));
        }
        for (index, place) in &contents.projects {
            // Where both are, the properties are exact: a project's version may be a reference.
            let folder = crate::path::parent(place);
            if !contents.properties.iter().any(|(_, other)| crate::path::parent(other) == folder) {
                let project = identity::project(folder, &read(&mut archive, *index));
                poms.extend(project.map(|found| placed(found, inner, place)));
            }
        }
        let own = identity::own(file_name(name), manifest.as_ref(), &poms, &contents.folders);
        self.found.extend(own.map(|found| Found { inner: inner.to_owned(), ..found }));
        self.found.append(&mut poms);
        for (index, place) in &contents.archives {
            self.nested(&mut archive, *index, place, inner, depth);
        }
    }

    fn nested(&mut self, archive: &mut Archive<&mut dyn Source>, index: usize, place: &str, inner: &str, depth: usize) {
        let inner = if inner.is_empty() { place.to_owned() } else { format!("{inner}!/{place}") };
        self.archives += 1;
        if depth + 1 >= MAX_DEPTH || self.archives > MAX_ARCHIVES || self.bytes >= MAX_NESTED_BYTES {
            // Once is enough: a bomb has thousands of them.
            if self.diagnostics.iter().all(|note| note.code != "java/too-deep") {
                let message = format!("archives in {inner} are not read: too many, too large or too deep");
                self.diagnostics.push(Diagnostic::new("java/too-deep", Level::Warning, self.path, message));
            }
            return;
        }
        let limit = MAX_ARCHIVE_BYTES.min(MAX_NESTED_BYTES - self.bytes);
        let held = archive.read_with(index, limit, |content, size| Ok((Held::of(content, size, self.room)?, size)));
        match held {
            Ok((mut held, size)) => {
                self.bytes += size;
                self.open(&mut held, place, &inner, depth + 1);
            }
            Err(error) => self.note(&inner, &error),
        }
    }

    fn note(&mut self, inner: &str, error: &ZipError) {
        let separator = if inner.is_empty() { "" } else { "!/" };
        let source = format!("{}{separator}{inner}", self.path);
        self.diagnostics.push(Diagnostic::new("java/archive", Level::Warning, &source, error.to_string()));
    }
}

/// A package with its place within the file.
fn placed(found: Found, inner: &str, place: &str) -> Found {
    let inner = if inner.is_empty() { place.to_owned() } else { format!("{inner}!/{place}") };
    Found { inner, ..found }
}

/// A package of an archive.
fn artifact(group: &str, artifact: &str, version: &str) -> Found {
    let name = if group.is_empty() { artifact.to_owned() } else { format!("{group}:{artifact}") };
    Found::new("maven", name, version, Evidence::File)
}

#[cfg(test)]
mod tests;
